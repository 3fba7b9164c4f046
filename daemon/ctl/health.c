// SPDX-License-Identifier: Apache-2.0
#include "ctl/health.h"

#include <sys/stat.h>

#include "audit/trail.h"
#include "crypto/cert.h"
#include "crypto/crl.h"
#include "ctl/ctl.h"
#include "ctl/problem.h"
#include "ctl/report.h"
#include "lib/clock.h"
#include "lib/util.h"

/* As the warnings of the log, see app/identity.c. */

/* ---- certificates -------------------------------------------------------- */

static void judge_own(const struct cert_chain *chain, time_t now,
		      struct problems *p)
{
	time_t from = cert_chain_not_before(chain);
	time_t until = cert_chain_not_after(chain);
	char date[DATE_STRLEN];

	if (from > now)
		problem_add(p, "certificate-not-yet-valid", NULL,
			    "set the clock of this host, or use another certificate",
			    "the certificate of this host is valid from %s on",
			    date_str(from, date));
	else if (until <= now)
		problem_add(p, "certificate-expired", NULL,
			    "issue another one (mcsecctl pki) and restart mcsecd, or set the clock of this host",
			    "the certificate of this host ended at %s, and peers refuse it",
			    date_str(until, date));
	else if (until - now < CERT_EXPIRY_WARNING_S)
		problem_add(p, "certificate-ends-soon", NULL,
			    "issue another one (mcsecctl pki) and restart mcsecd",
			    "the certificate of this host ends in %lld days, at %s",
			    (long long)(until - now) / SEC_PER_DAY,
			    date_str(until, date));
}

struct ca_judge {
	struct problems *p;
	time_t now;
};

static int judge_ca(void *arg, const char *subject, time_t from, time_t until)
{
	struct ca_judge *j = arg;
	char date[DATE_STRLEN];

	if (from > j->now)
		problem_add(j->p, "ca-not-yet-valid", NULL,
			    "set the clock of this host",
			    "the CA %s is valid from %s on", subject,
			    date_str(from, date));
	else if (until <= j->now)
		problem_add(j->p, "ca-expired", NULL,
			    "make another CA, issue all certificates by it, and name it in identity.ca of every host",
			    "the CA %s ended at %s, and certificates that it issued are refused",
			    subject, date_str(until, date));
	else if (until - j->now < CERT_EXPIRY_WARNING_S)
		problem_add(j->p, "ca-ends-soon", NULL,
			    "make another CA, put both into identity.ca of every host, then issue all certificates by the new one",
			    "the CA %s ends in %lld days, at %s", subject,
			    (long long)(until - j->now) / SEC_PER_DAY,
			    date_str(until, date));
	return 0;
}

static const char crl_cure[] =
	"put a newer list of the CA into identity.crl, and \"mcsecctl reload\"";

static void judge_crl(const struct crl_state *s, time_t now, struct problems *p)
{
	char date[DATE_STRLEN];

	date_str(s->next_update, date);
	switch (crl_health_at(s, now)) {
	case CRL_VALID:
		break;
	case CRL_ENDS_SOON:
		problem_add(p, "crl-ends-soon", NULL, crl_cure,
			    "the revocation list of %s ends at %s", s->issuer,
			    date);
		break;
	case CRL_EXPIRED:
		problem_add(p, "crl-expired", NULL, crl_cure,
			    "the revocation list of %s ended at %s", s->issuer,
			    date);
		break;
	case CRL_EARLY:
		problem_add(p, "crl-not-yet-valid", NULL,
			    "set the clock of this host",
			    "the revocation list of %s is valid from %s on",
			    s->issuer, date_str(s->this_update, date));
		break;
	}
}

static void judge_crls(const struct ctl_roles *r, time_t now,
		       struct problems *p)
{
	const struct crls *crls = r->trust ? trust_crls(r->trust) : NULL;
	struct crl_state s;
	char buf[512];
	const char *ca;
	size_t i;

	for (i = 0; crls && i < crls_count(crls); i++) {
		crls_state(crls, i, &s);
		judge_crl(&s, now, p);
	}
	i = 0;
	while (crls &&
	       (ca = crls_missing(crls, r->trust, &i, buf, sizeof(buf))))
		problem_add(p, "crl-missing", NULL, crl_cure,
			    "the CA %s has no revocation list", ca);
	if (crls && r->chain && crls_revoke_chain(crls, r->chain))
		problem_add(p, "certificate-revoked", NULL,
			    "issue another one (mcsecctl pki) and restart mcsecd",
			    "the certificate of this host is revoked, and peers refuse it");
}

static void judge_certificates(const struct ctl_roles *r, struct problems *p)
{
	struct ca_judge j = { .p = p };

	j.now = clock_wall(r->clock ? r->clock : clock_system());
	if (r->chain)
		judge_own(r->chain, j.now, p);
	if (r->trust)
		trust_each(r->trust, judge_ca, &j);
	judge_crls(r, j.now, p);
}

static void judge_trail(const struct ctl_roles *r, struct problems *p)
{
	struct trail_state s = {};

	if (!r->audit)
		return;
	r->audit(r->app, &s);
	if (s.dir)
		health_of_trail(&s, p);
}

static void take_fault(void *arg, const char *kind, const char *cure,
		       const char *text)
{
	problem_add(arg, kind, NULL, cure, "%s", text);
}

/* ---- all of it ----------------------------------------------------------- */

/*
 * The rules of the firewall, which the daemon has no right to read, are looked at for this
 * configuration by the client, if it may.
 */
static void report_place(const struct ctl_roles *r, json_t *out)
{
	const char *path;
	struct stat st;

	/* Only an absolute path is the same to whoever asks. */
	path = r->configuration ? r->configuration(r->app) : "";
	if (*path != '/' || stat("/proc/self/ns/net", &st))
		return;
	json_object_set_new(out, "configuration", report_text(path));
	json_object_set_new(out, "net-namespace",
			    json_integer((json_int_t)st.st_ino));
}

static const char *health_verdict(const struct problems *p)
{
	if (json_array_size(p->found))
		return "problems";
	return json_array_size(p->unchecked) ? "unknown" : "well";
}

void report_health(const struct ctl_roles *r, const char *group, json_t *out,
		   int *found)
{
	struct problems p = { json_array(), json_array() };
	json_t *confirmations = json_array();
	unsigned int as_member = 0, as_gcks = 0;

	if (!group)
		judge_certificates(r, &p);
	if (!group && r->faults)
		r->faults(r->app, take_fault, &p);
	if (r->gcks)
		as_gcks = health_of_gcks(r, group, &p, confirmations);
	if (r->gcks && !group)
		judge_trail(r, &p);
	if (r->member)
		as_member = health_of_member(r, group, &p);
	if (as_gcks || as_member)
		*found = 1;
	report_place(r, out);
	json_object_set_new(out, "health", json_string(health_verdict(&p)));
	json_object_set_new(out, "member-groups", json_integer(as_member));
	json_object_set_new(out, "gcks-groups", json_integer(as_gcks));
	json_object_set_new(out, "problems", p.found);
	json_object_set_new(out, "unchecked", p.unchecked);
	json_object_set_new(out, "confirmations", confirmations);
}
