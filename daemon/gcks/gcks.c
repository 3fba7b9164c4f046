// SPDX-License-Identifier: Apache-2.0
#include "gcks/gcks.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "crypto/sign.h"
#include "gcks/gkm.h"
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/batch.h"
#include "gcks/signing.h"
#include "gcks/term.h"
#include "gcks/witness.h"
#include "lib/log.h"
#include "lib/quote.h"

#define MS 1000u

/* ---- start -------------------------------------------------------------- */

/* What was committed and perhaps not sent is sent now, all copies again. */
static void resume(struct group *g)
{
	struct out_msg *o;

	TAILQ_FOREACH(o, &g->out, all)
	{
		o->start_ms = group_now_ms(g);
		timer_set(g->k->deps.tq, &o->timer, 0);
	}
	if (TAILQ_EMPTY(&g->out))
		return;
	log_info("group %s: sending again what may not have been sent",
		 g->conf->name);
	pace_resumed(g);
}

/* The lists may have been changed while we were down. */
static void check_roster(struct group *g)
{
	char name[QUOTE_LEN];
	struct gmember *m;

	TAILQ_FOREACH(m, &g->members, all)
	{
		const char *why = gmc_may(g, m->identity, m->send, !m->send);

		if (!why)
			continue;
		log_info("group %s: taken out: %s: %s", g->conf->name,
			 quote(m->identity, name), why);
		batch_leave_later(g, m);
	}
}

static int group_start(struct group *g, char *err, size_t errlen)
{
	const char *disown;
	bool changed;
	int rc;

	rc = gmc_load(g, err, errlen);
	if (!rc)
		rc = gkm_load(g, &changed, &disown, err, errlen);
	if (rc)
		return rc;
	if (disown) {
		rc = gkm_disown(g, disown);
		if (rc) {
			snprintf(err, errlen, "group %s: %s: not started anew",
				 g->conf->name, disown);
			return rc;
		}
	} else if (changed || sigkey_type(g->sign) != g->conf->rekey_sign) {
		rc = gkm_restart(g, "its settings were changed");
		if (rc) {
			snprintf(err, errlen, "group %s: %s", g->conf->name,
				 store_error(group_store(g)));
			return rc;
		}
	}
	gkm_schedule(g);
	resume(g);
	check_roster(g);
	term_start(g);
	return 0;
}

static void group_free(struct group *g)
{
	batch_free(g);
	gkm_free(g);
	gmc_free(g);
}

int gcks_new(struct gcks **out, const struct conf_gcks *conf,
	     const struct gcks_deps *deps, char *err, size_t errlen)
{
	struct gcks *k = calloc(1, sizeof(*k));
	size_t i;
	int rc = 0;

	if (k)
		k->groups = calloc(conf->n_groups ? conf->n_groups : 1,
				   sizeof(*k->groups));
	if (!k || !k->groups) {
		free(k);
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	k->conf = conf;
	k->deps = *deps;
	k->time0_ms = (uint64_t)clock_wall(deps->clock) * MS -
		      clock_mono_ms(deps->clock);
	rc = notice_init(k);
	if (rc)
		snprintf(err, errlen, "%s", strerror(-rc));
	for (i = 0; i < conf->n_groups; i++) {
		struct group *g = &k->groups[i];

		g->k = k;
		g->conf = &conf->groups[i];
		gmc_init(g);
		batch_init(g);
		if (gkm_init(g)) {
			snprintf(err, errlen, "out of memory");
			rc = -ENOMEM;
		}
	}
	for (i = 0; !rc && i < conf->n_groups; i++)
		rc = group_start(&k->groups[i], err, errlen);
	if (rc) {
		gcks_free(k);
		return rc;
	}
	*out = k;
	return 0;
}

void gcks_set_engine(struct gcks *k, struct ike_engine *engine)
{
	k->engine = engine;
}

void gcks_free(struct gcks *k)
{
	size_t i;

	if (!k)
		return;
	for (i = 0; i < k->conf->n_groups; i++)
		group_free(&k->groups[i]);
	gmc_pace_forget(k);
	notice_free(k);
	free(k->groups);
	free(k);
}

/* ---- requests ----------------------------------------------------------- */

static struct group *find_group(struct gcks *k, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < k->conf->n_groups; i++) {
		struct group *g = &k->groups[i];

		if (strlen(g->conf->name) == len &&
		    !memcmp(g->conf->name, name, len))
			return g;
	}
	return NULL;
}

/*
 * One spelling for one identity: certificates compare names without regard
 * to case, so must the list of who is kept out.
 */
static int identity_of(const struct ike_id *id, char *buf, size_t size)
{
	int rc = cert_id_str(id->type, id->data, id->len, buf, size);
	char *p;

	if (rc)
		return rc;
	for (p = buf; *p; p++)
		*p = tolower((unsigned char)*p);
	return 0;
}

enum gike_when gcks_group_request(struct gcks *k, struct ike_sa *sa,
				  const struct gike_req *req,
				  struct gike_reply *reply)
{
	char identity[GMC_ID_MAX], name[ID_STR_MAX];
	char asked[QUOTE_LEN], why[QUOTE_LEN + 32];
	struct group *g = NULL;

	memset(reply, 0, sizeof(*reply));
	if (req->idg.type == IKE_ID_KEY_ID)
		g = find_group(k, (const char *)req->idg.data, req->idg.len);
	if (identity_of(req->peer, identity, sizeof(identity))) {
		notice_refusal(k, g ? g->conf->name : "", req->peer_name,
			       "AUTHORIZATION_FAILED", NULL,
			       "identity of a kind that no list can name");
		reply->notify = GIKE_N_AUTHORIZATION_FAILED;
		reply->close = true;
		return GIKE_NOW;
	}
	if (!g) {
		id_str(&req->idg, name, sizeof(name));
		snprintf(why, sizeof(why), "no such group: %s",
			 quote(name, asked));
		/* the name is the peer's: another each time is no other */
		notice_refusal(k, "", identity, "INVALID_GROUP_ID",
			       "no such group", why);
		reply->notify = GIKE_N_INVALID_GROUP_ID;
		reply->close = !gmc_welcome(k, identity);
		return GIKE_NOW;
	}
	return registration_request(g, sa, req, identity, reply);
}

void gcks_sending(struct gcks *k, struct ike_sa *sa, const uint8_t *group,
		  size_t len, uint32_t spi)
{
	struct group *g = find_group(k, (const char *)group, len);
	char identity[GMC_ID_MAX];
	struct gmember *m;

	if (!g || identity_of(ike_sa_peer_id(sa), identity, sizeof(identity)))
		return;
	m = gmc_find(g, identity);
	if (m && m->send && ike_sa_serial(sa) >= m->over)
		gkm_confirm(g, m, spi);
}

/* No member can make the key server send more beats than one in this time. */
#define RIVAL_PAUSE_MS 10000
#define RIVAL_BEAT_MS 500

void gcks_rival(struct gcks *k, struct ike_sa *sa, const uint8_t *group,
		size_t len, uint32_t spi)
{
	struct group *g = find_group(k, (const char *)group, len);
	char identity[GMC_ID_MAX];

	if (!g || identity_of(ike_sa_peer_id(sa), identity, sizeof(identity)) ||
	    !gmc_find(g, identity))
		return;
	g->rivals++;
	/* a beat for who has not noticed yet, a sender above all */
	if (g->st.keyed &&
	    (!g->rival_ms || group_now_ms(g) - g->rival_ms >= RIVAL_PAUSE_MS)) {
		g->rival_ms = group_now_ms(g);
		gkm_beat_soon(g, RIVAL_BEAT_MS);
	}
	notice_rival(k, g->conf->name, identity, ike_sa_peer(sa), spi);
}

void gcks_ike_event(struct gcks *k, const struct ike_event *ev)
{
	notice_ike(k, ev);
}

/* ---- control ------------------------------------------------------------ */

static int group_arg(struct gcks *k, const char *name, struct group **g,
		     char *err, size_t errlen)
{
	*g = find_group(k, name, strlen(name));
	if (*g)
		return 0;
	snprintf(err, errlen, "no group \"%s\"", name);
	return -ENOENT;
}

static int lower(const char *identity, char *buf, size_t size)
{
	size_t i;

	for (i = 0; identity[i] && i + 1 < size; i++)
		buf[i] = tolower((unsigned char)identity[i]);
	buf[i] = '\0';
	return identity[i] ? -ENAMETOOLONG : 0;
}

/*
 * Who is not in, left perhaps a moment ago or waits to be let in, must not
 * be in a moment later.
 */
static int keep_out(struct group *g, const char *id, char *err, size_t errlen)
{
	struct store *s = group_store(g);
	int64_t now = group_wall(g);
	int rc;

	rc = gmc_note_denied(g, id, now);
	if (!rc)
		rc = store_begin(s);
	if (!rc)
		rc = gmc_put_denied(g, id, now);
	if (!rc)
		rc = gmc_audit(g->k, g->conf->name, id, "evict",
			       "not a member now");
	if (!rc)
		rc = gkm_count(g);
	if (!rc)
		rc = store_commit(s);
	if (rc) {
		store_abort(s);
		gmc_note_admitted(g, id);
		g->store_errors++;
		snprintf(err, errlen, "\"%s\" is not kept out: %s", id,
			 rc == -ENOMEM ? "out of memory" : store_error(s));
		return rc;
	}
	g->st.version++;
	witness_note(g, id, now, NULL);
	g->evictions++;
	log_info("group %s: %s is not a member now; kept out from here on",
		 g->conf->name, id);
	return 0;
}

static int evict(struct gcks *k, const char *group, const char *identity,
		 bool ahead, uint32_t *effective_ms, char *err, size_t errlen)
{
	char id[GMC_ID_MAX];
	struct gmember *m;
	struct group *g;
	int rc;

	*effective_ms = 0;
	rc = group_arg(k, group, &g, err, errlen);
	if (rc)
		return rc;
	if (!*identity || lower(identity, id, sizeof(id))) {
		snprintf(err, errlen, "\"%.32s\" is no identity", identity);
		return -EINVAL;
	}
	err[0] = '\0';
	m = gmc_find(g, id);
	if (m) {
		rc = batch_evict(g, m);
		if (rc)
			snprintf(err, errlen, "\"%s\" is still in: %s",
				 identity, store_error(k->deps.store));
		else if (g->n_members)
			*effective_ms = gkm_effective_ms(g);
		return rc;
	}
	if (gmc_denied(g, id)) {
		snprintf(err, errlen,
			 "\"%s\" was evicted from group \"%s\" before",
			 identity, group);
		return -EALREADY;
	}
	if (!ahead && !batch_waits(g, id)) {
		snprintf(err, errlen,
			 "\"%s\" is not a member of group \"%s\"; --ahead keeps it out before it comes",
			 identity, group);
		return -ENOENT;
	}
	return keep_out(g, id, err, errlen);
}

int gcks_evict(struct gcks *k, const char *group, const char *identity,
	       uint32_t *effective_ms, char *err, size_t errlen)
{
	return evict(k, group, identity, false, effective_ms, err, errlen);
}

int gcks_evict_ahead(struct gcks *k, const char *group, const char *identity,
		     uint32_t *effective_ms, char *err, size_t errlen)
{
	return evict(k, group, identity, true, effective_ms, err, errlen);
}

int gcks_admit(struct gcks *k, const char *group, const char *identity,
	       char *err, size_t errlen)
{
	struct store *s = k->deps.store;
	char id[GMC_ID_MAX];
	struct group *g;
	int rc;

	rc = group_arg(k, group, &g, err, errlen);
	if (rc)
		return rc;
	if (lower(identity, id, sizeof(id)) || !gmc_denied(g, id)) {
		snprintf(err, errlen, "\"%s\" is not evicted from \"%s\"",
			 identity, group);
		return -ENOENT;
	}
	rc = store_begin(s);
	if (!rc)
		rc = gmc_del_denied(g, id);
	if (!rc)
		rc = gmc_audit(k, g->conf->name, id, "admit", "");
	if (!rc)
		rc = gkm_count(g);
	if (!rc)
		rc = store_commit(s);
	if (rc) {
		store_abort(s);
		snprintf(err, errlen, "\"%s\" is still kept out: %s", identity,
			 store_error(s));
		return rc;
	}
	g->st.version++;
	witness_note(g, NULL, 0, id);
	gmc_note_admitted(g, id);
	log_info("group %s: %s may come back", g->conf->name, id);
	return 0;
}

static int rekey(struct group *g, bool sign, char *err, size_t errlen)
{
	int rc;

	g->want_sign |= sign;
	rc = gkm_rekey_now(g, "asked for");
	if (rc)
		snprintf(err, errlen, "group \"%s\" has its old keys: %s",
			 g->conf->name, store_error(group_store(g)));
	return rc;
}

static int rekey_all(struct gcks *k, const char *group, bool sign, char *err,
		     size_t errlen)
{
	struct group *g;
	size_t i;
	int rc;

	if (group) {
		rc = group_arg(k, group, &g, err, errlen);
		return rc ? rc : rekey(g, sign, err, errlen);
	}
	for (i = 0; i < k->conf->n_groups; i++) {
		rc = rekey(&k->groups[i], sign, err, errlen);
		if (rc)
			return rc;
	}
	return 0;
}

int gcks_rekey(struct gcks *k, const char *group, char *err, size_t errlen)
{
	return rekey_all(k, group, false, err, errlen);
}

int gcks_renew_signing_key(struct gcks *k, const char *group, char *err,
			   size_t errlen)
{
	return rekey_all(k, group, true, err, errlen);
}

struct sa_list {
	struct group *g;
	struct ike_sa **v;
	size_t n;
	size_t room;
};

static void collect_member(void *arg, struct ike_sa *sa)
{
	struct sa_list *l = arg;
	const struct ike_id *id = ike_sa_peer_id(sa);
	char identity[GMC_ID_MAX];
	struct ike_sa **v;

	if (!id || identity_of(id, identity, sizeof(identity)) ||
	    !gmc_find(l->g, identity))
		return;
	if (l->n == l->room) {
		v = reallocarray(l->v, l->room ? 2 * l->room : 64, sizeof(*v));
		if (!v)
			return;
		l->v = v;
		l->room = l->room ? 2 * l->room : 64;
	}
	l->v[l->n++] = sa;
}

/*
 * Members learn by the end of their IKE SAs, too: that is what no thief can
 * say, who has the signing key and not the certificate.
 */
static int reset(struct group *g)
{
	struct sa_list l = { .g = g };
	int rc;

	if (g->k->engine)
		ike_engine_each(g->k->engine, collect_member, &l);
	rc = gkm_reset(g, "reset was asked for");
	while (!rc && l.n)
		ike_close(l.v[--l.n], "the group is reset");
	free(l.v);
	return rc;
}

int gcks_reset(struct gcks *k, const char *group, char *err, size_t errlen)
{
	struct group *g;
	int rc;

	rc = group_arg(k, group, &g, err, errlen);
	if (rc)
		return rc;
	rc = reset(g);
	if (rc)
		snprintf(err, errlen, "group \"%s\" is as it was: %s", group,
			 rc == -ENOMEM ? "out of memory"
				       : store_error(k->deps.store));
	return rc;
}

int gcks_reseal(struct gcks *k, char *err, size_t errlen)
{
	int rc;

	if (!k->deps.reseal) {
		snprintf(err, errlen, "the store has no seal key in a file");
		return -EOPNOTSUPP;
	}
	rc = k->deps.reseal(k->deps.ctx, err, errlen);
	if (rc)
		return rc;
	log_info("the store is sealed with a new key");
	if (gmc_audit(k, "", "", "reseal", "new seal key"))
		log_err("audit trail: %s", store_error(k->deps.store));
	return 0;
}

/* ---- status ------------------------------------------------------------- */

static void group_status(const struct group *g, struct gcks_group_status *s)
{
	const struct join_req *j;
	const struct out_msg *o;

	memset(s, 0, sizeof(*s));
	s->conf = g->conf;
	s->members = g->n_members;
	s->senders = g->n_senders;
	s->denied = g->n_denied;
	s->pending = g->n_leaving;
	TAILQ_FOREACH(j, &g->joins, all)
	s->pending++;
	s->tree_depth = lkh_depth(g->tree);
	signing_name(g, s->signing_key);
	s->signing_key_made = g->st.sign_made;
	s->keyed = g->st.keyed;
	memcpy(s->rekey_spi, g->st.rekey.spi, sizeof(s->rekey_spi));
	s->next_mid = g->rs.next_mid;
	s->data_spi = gkey_spi(&g->st.data);
	s->data_left = gkm_left(g, &g->st.data);
	s->rekey_left = gkm_left(g, &g->st.rekey);
	s->next_rekey = timer_left_ms(g->k->deps.tq, &g->periodic) / MS;
	s->next_sender_id = g->st.next_sid;
	s->max_sender_id = (1u << g->conf->sender_id_bits) - 1;
	TAILQ_FOREACH(o, &g->out, all)
	s->outbox += o->sent < o->n;
	s->unsent_change = gkm_unsent(g);
	s->unconfirmed = g->st.keyed ? gkm_unconfirmed(g) : 0;
	s->changed_ms = group_now_ms(g) - g->change_ms;
	s->confirmed_ms = g->confirmed_ms;
	s->unsent_why = g->send_errno ? strerror(-g->send_errno) : NULL;
	s->unsent = g->unsent;
	s->beats = g->beats;
	s->rekeys = g->rekeys;
	s->joins = g->n_joins;
	s->registrations = g->registrations;
	s->leaves = g->leaves;
	s->evictions = g->evictions;
	s->expired = g->expired;
	s->refused = g->refused;
	s->restarts = g->restarts;
	s->rivals = g->rivals;
	s->store_errors = g->store_errors;
}

int gcks_each_group(struct gcks *k, gcks_group_fn *fn, void *arg)
{
	struct gcks_group_status s;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < k->conf->n_groups; i++) {
		group_status(&k->groups[i], &s);
		rc = fn(arg, &s);
	}
	return rc;
}

int gcks_each_member(struct gcks *k, const char *group, gcks_member_fn *fn,
		     void *arg)
{
	struct group *g = find_group(k, group, strlen(group));
	struct gcks_member_status s;
	const struct gmember *m;
	int rc = 0;

	if (!g)
		return -ENOENT;
	TAILQ_FOREACH(m, &g->members, all)
	{
		s.identity = m->identity;
		s.send = m->send;
		s.receive = m->receive;
		s.joined = m->joined;
		s.registered = m->registered;
		s.first_sender_id = m->first_sid;
		s.n_sender_ids = m->n_sids;
		s.until = term_until(m);
		s.at = m->at;
		s.confirmed = m->sends_spi == gkey_spi(&g->st.data);
		rc = fn(arg, &s);
		if (rc)
			break;
	}
	return rc;
}

int gcks_each_denied(struct gcks *k, const char *group, gcks_denied_fn *fn,
		     void *arg)
{
	struct group *g = find_group(k, group, strlen(group));
	const struct deny_entry *d;
	int rc = 0;

	if (!g)
		return -ENOENT;
	TAILQ_FOREACH(d, &g->denied, all)
	{
		rc = fn(arg, d->identity, d->since);
		if (rc)
			break;
	}
	return rc;
}

int gcks_audit(struct gcks *k, uint64_t after, size_t max, store_audit_fn *fn,
	       void *arg)
{
	return store_audit_each(k->deps.store, after, max, fn, arg);
}
