// SPDX-License-Identifier: Apache-2.0
/* Revocation lists: their reload, and warnings before they are outdated. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "app/app.h"
#include "app/audit.h"
#include "crypto/cert.h"
#include "crypto/crl.h"
#include "crypto/crlseen.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/util.h"
#include "member/member.h"

/* Warnings are repeated daily, and the wall clock is looked at each hour. */
#define LOOK_S 3600

int app_load_crls(const struct app *a, const struct conf *c, struct crls **out,
		  struct err *err)
{
	const struct conf_identity *id = &c->identity;
	struct err why;
	int ret;

	*out = NULL;
	if (!id->crl)
		return 0;
	ret = crls_load(id->crl, id->crl_policy, a->trust, a->chain, out, &why);
	return ret ? err_set(err, ret, "%s: identity.crl: %s", c->file,
			     why.text)
		   : 0;
}

/* Format a time as "2026-11-29 18:00:00 UTC". */
static const char *time_text(time_t t, char *buf, size_t size)
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    !strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(buf, size, "(no time)");
	return buf;
}

/* ---- a reload ------------------------------------------------------------ */

static void tell_lists(const struct crls *to, conf_change_fn *fn, void *arg)
{
	char line[512], name[QUOTE_LEN], t[32];
	struct crl_state s;
	size_t i;

	for (i = 0; i < crls_count(to); i++) {
		crls_state(to, i, &s);
		snprintf(line, sizeof(line),
			 "crl: list of %s: %zu certificates revoked, the next list is due %s",
			 quote(s.issuer, name), s.revoked,
			 time_text(s.next_update, t, sizeof(t)));
		fn(arg, line);
	}
}

static void tell_crl_changes(const struct app *a, const struct crls *to,
			     conf_change_fn *fn, void *arg)
{
	if (a->crls && !to)
		fn(arg,
		   "crl removed: certificates that were revoked are accepted again");
	if (to && !crls_same(a->crls, to))
		tell_lists(to, fn, arg);
	if (to && (!a->crls || crls_policy(a->crls) != crls_policy(to)))
		fn(arg,
		   crls_policy(to) == CRL_STRICT
			   ? "crl-policy strict: no peers without a list"
			   : "crl-policy relaxed: also peers without a list");
}

/*
 * Read what is known of former lists, and check that @to may follow them. Returns 0, or
 * -errno with one line in @err.
 */
static int check_seen(const struct app *a, const struct crls *to,
		      struct crl_seen **out, struct err *err)
{
	const struct conf *c = a->conf;
	const char *setting = "crl-numbers";
	struct crl_seen *seen = NULL;
	struct err why;
	int ret;

	ret = crl_seen_load(c->identity.crl_numbers, &seen, &why);
	if (!ret) {
		ret = crl_seen_check(seen, to, a->trust, &why);
		setting = "crl";
	}
	*out = seen;
	if (!ret)
		return 0;
	crl_seen_free(seen);
	return err_set(err, ret, "%s: identity.%s: %s", c->file, setting,
		       why.text);
}

int app_check_crls(const struct app *a, const struct crls *to,
		   conf_change_fn *fn, void *arg, struct err *err)
{
	struct crl_seen *seen;
	int ret = to ? check_seen(a, to, &seen, err) : 0;

	if (ret)
		return ret;
	if (to)
		crl_seen_free(seen);
	tell_crl_changes(a, to, fn, arg);
	return 0;
}

int app_note_crls(const struct app *a, const struct crls *to,
		  struct crl_seen **out, struct err *err)
{
	struct err why;
	int ret;

	*out = NULL;
	if (!to)
		return 0;
	ret = check_seen(a, to, out, err);
	if (ret)
		return ret;
	ret = crl_seen_add(*out, to, &why);
	if (!ret)
		return 0;
	crl_seen_free(*out);
	*out = NULL;
	return err_set(err, ret, "%s: identity.crl-numbers: %s", a->conf->file,
		       why.text);
}

void app_end_note(struct crl_seen *seen, bool used)
{
	struct err why;

	if (seen && used && crl_seen_commit(seen, &why))
		log_err("CRL state not saved: %s: after a restart older ones would be taken",
			why.text);
	if (seen)
		crl_seen_drop(seen);
	crl_seen_free(seen);
}

int app_read_crls(struct app *a, struct err *err)
{
	int ret;

	if (!a->trust)
		return 0;
	ret = app_load_crls(a, a->conf, &a->crls, err);
	if (!ret)
		trust_set_crls(a->trust, a->crls);
	return ret;
}

int app_take_crls(struct app *a, struct err *err)
{
	struct crl_seen *seen = NULL;
	int ret = app_read_crls(a, err);

	if (!ret)
		ret = app_note_crls(a, a->crls, &seen, err);
	if (ret)
		app_note_event(a, "crl-refused", err->text);
	else
		app_end_note(seen, true);
	return ret;
}

void app_change_crls(struct app *a, struct crls *to)
{
	struct crls *from = a->crls;

	tell_crl_changes(a, to, conf_log_change, NULL);
	a->crls = to;
	if (!a->trust)
		return;
	trust_set_crls(a->trust, to);
	crls_free(from);
	/* The member first: it has to know why its IKE SA ends. */
	if (a->member)
		member_check_gcks(a->member, a->trust);
	if (a->gcks_engine)
		ike_engine_close_revoked(a->gcks_engine);
	if (a->member_engine)
		ike_engine_close_revoked(a->member_engine);
	app_edges_crls(a);
	app_watch_crls(a);
}

/* ---- lists that become outdated ------------------------------------------- */

static void warn_of_list(const struct app *a, const struct crl_state *s,
			 time_t now)
{
	const char *consequence =
		crls_policy(a->crls) == CRL_STRICT
			? "peers with certificates of this CA are refused"
			: "certificates revoked since are not known";
	char name[QUOTE_LEN], t[32];

	quote(s->issuer, name);
	time_text(s->next_update, t, sizeof(t));
	switch (crl_health_at(s, now)) {
	case CRL_VALID:
		break;
	case CRL_ENDS_SOON:
		log_warn("revocation list expires soon: %s: on %s: get the next one and reload",
			 name, t);
		break;
	case CRL_EXPIRED:
		log_err("revocation list expired: %s: on %s: %s: get the next one and reload",
			name, t, consequence);
		break;
	case CRL_EARLY:
		log_err("revocation list not valid yet: %s: %s: set the clock of this host or of the CA",
			name, consequence);
		break;
	}
}

/* A CA that never has a list at all is no reason for a line each day. */
static void warn_of_missing(const struct app *a)
{
	char buf[512], name[QUOTE_LEN];
	const char *ca;
	size_t at = 0;

	while ((ca = crls_missing(a->crls, a->trust, &at, buf, sizeof(buf)))) {
		if (crls_policy(a->crls) == CRL_STRICT)
			log_err("revocation list missing: %s: peers with certificates of this CA are refused: put its list into %s and reload",
				quote(ca, name), a->conf->identity.crl);
		else
			log_warn("revocation list missing: %s: certificates that it has revoked are not known: put its list into %s and reload",
				 quote(ca, name), a->conf->identity.crl);
	}
}

static void warn_of_own(const struct app *a)
{
	if (crls_revoke_chain(a->crls, a->chain))
		log_err("certificate revoked: %s: by its CA: peers that know that refuse it: get another one and restart mcsecd",
			a->conf->identity.certificate);
}

/* Return the seconds until something of the lists changes, or a day. */
static time_t warn_of_lists(const struct app *a, time_t now)
{
	time_t next, least = SEC_PER_DAY;
	struct crl_state s;
	size_t i;

	for (i = 0; i < crls_count(a->crls); i++) {
		crls_state(a->crls, i, &s);
		warn_of_list(a, &s, now);
		next = crl_health_changes(&s, now);
		if (next && next - now < least)
			least = next - now;
	}
	return least;
}

void app_warn_of_crls(const struct app *a)
{
	if (!a->crls)
		return;
	warn_of_missing(a);
	warn_of_own(a);
	warn_of_lists(a, clock_wall(clock_system()));
}

static void crls_due(void *arg)
{
	time_t now = clock_wall(clock_system()), wait;
	struct app *a = arg;

	wait = a->crl_due - now;
	/* A clock that was set back must not delay warnings. */
	if (wait <= 0 || wait > SEC_PER_DAY) {
		warn_of_own(a);
		wait = warn_of_lists(a, now);
		a->crl_due = now + wait;
	}
	if (wait > LOOK_S)
		wait = LOOK_S;
	timer_set(&a->tq, &a->crl_watch, (uint64_t)wait * MSEC_PER_SEC);
}

void app_watch_crls(struct app *a)
{
	timer_del(&a->tq, &a->crl_watch);
	timer_init(&a->crl_watch, crls_due, a);
	a->crl_due = 0;
	if (!a->crls)
		return;
	warn_of_missing(a);
	crls_due(a);
}
