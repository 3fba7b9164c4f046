// SPDX-License-Identifier: Apache-2.0
#include "gcks/gcks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/applied.h"
#include "gcks/effect.h"
#include "gcks/gather.h"
#include "gcks/gmc.h"
#include "gcks/grants.h"
#include "gcks/group_time.h"
#include "gcks/identity.h"
#include "gcks/inband.h"
#include "gcks/join_check.h"
#include "gcks/life.h"
#include "gcks/orders.h"
#include "gcks/outbox.h"
#include "gcks/place.h"
#include "gcks/policy.h"
#include "gcks/rate.h"
#include "gcks/registration.h"
#include "gcks/schedule.h"
#include "gcks/psk_change.h"
#include "gcks/signed_orders.h"
#include "gcks/signing.h"
#include "gcks/term.h"
#include "gcks/waiting.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/util.h"

/* ---- start -------------------------------------------------------------- */

int gcks_alloc(const struct gcks_deps *deps, struct gcks **out, struct err *err)
{
	struct gcks *k = calloc(1, sizeof(*k));
	int ret;

	if (!k)
		return err_set(err, -ENOMEM, "out of memory");
	k->deps = *deps;
	TAILQ_INIT(&k->groups);
	TAILQ_INIT(&k->closing);
	TAILQ_INIT(&k->notes);
	signed_orders_init(k);
	k->time0_ms = (uint64_t)clock_wall(deps->clock) * MSEC_PER_SEC -
		      clock_mono_ms(deps->clock);
	ret = notice_init(k);
	if (!ret)
		ret = grants_init(k);
	if (ret) {
		gcks_free(k);
		return err_set(err, ret, "quotas of refusals and grants: %s",
			       strerror(-ret));
	}
	*out = k;
	return 0;
}

int gcks_new(const struct conf_gcks *conf, const struct gcks_deps *deps,
	     struct gcks **out, struct err *err)
{
	struct conf_gcks own;
	struct gcks *k;
	struct group *g;
	size_t i;
	int ret;

	ret = gcks_alloc(deps, &k, err);
	if (ret)
		return ret;
	k->quorum = conf->quorum;
	k->quorum.admins = (struct conf_names){ 0 };
	ret = applied_groups(deps->store, conf, &own, err);
	if (!ret && conf_names_copy(&k->quorum.admins, &conf->quorum.admins))
		ret = err_set(err, -ENOMEM, "out of memory");
	for (i = 0; !ret && i < own.n_groups; i++)
		ret = group_new(k, &own.groups[i], &g, err);
	applied_groups_free(&own);
	if (ret) {
		gcks_free(k);
		return ret;
	}
	signed_orders_start(k);
	*out = k;
	return 0;
}

void gcks_set_engine(struct gcks *k, struct ike_engine *engine)
{
	k->engine = engine;
}

/* An order whose line the store does not have yet. */
struct order_note {
	TAILQ_ENTRY(order_note) all;
	struct gcks *k;
	struct store_txn *txn;
	store_done_fn *done;
	void *arg;
};

static void end_note(struct order_note *n, int ret, const char *why)
{
	store_done_fn *done = n->done;
	void *arg = n->arg;

	TAILQ_REMOVE(&n->k->notes, n, all);
	free(n);
	done(arg, ret, why);
}

/* Orders that wait for their lines are not carried out any more. */
static void drop_notes(struct gcks *k)
{
	struct order_note *n;

	while ((n = TAILQ_FIRST(&k->notes))) {
		store_forget(n->txn);
		end_note(n, -ECANCELED, "mcsecd stops");
	}
}

void gcks_free(struct gcks *k)
{
	if (!k)
		return;
	drop_notes(k);
	signed_orders_stop(k);
	while (!TAILQ_EMPTY(&k->groups))
		group_free(TAILQ_FIRST(&k->groups));
	while (!TAILQ_EMPTY(&k->closing))
		group_free(TAILQ_FIRST(&k->closing));
	rate_reset(k);
	notice_free(k);
	grants_free(k);
	conf_names_free(&k->quorum.admins);
	free(k);
}

/* ---- requests ----------------------------------------------------------- */

enum gike_when gcks_group_request(struct gcks *k, struct ike_sa *sa,
				  const struct gike_req *req,
				  struct gike_reply *reply)
{
	char identity[GMC_ID_MAX], name[ID_STR_MAX];
	char asked[QUOTE_LEN], why[QUOTE_LEN + 32];
	struct group *g = NULL;

	memset(reply, 0, sizeof(*reply));
	if (req->idg.type == IKE_ID_KEY_ID)
		g = group_find(k, (const char *)req->idg.data, req->idg.len);
	if (identity_of(req->peer, identity, sizeof(identity))) {
		notice_refusal(k, g ? g->conf->name : "", req->peer_name,
			       "AUTHORIZATION_FAILED", NULL,
			       "unsupported ID type; use a DNS name, a mail address, an IP address or a subject");
		reply->notify = GIKE_N_AUTHORIZATION_FAILED;
		reply->close = true;
		return GIKE_NOW;
	}
	if (!g) {
		id_str(&req->idg, name, sizeof(name));
		snprintf(why, sizeof(why), "no such group: %s",
			 quote(name, asked));
		/*
		 * The group's name comes from the peer. A refusal counts as the
		 * same one whatever the name, otherwise each new name would buy
		 * a log line.
		 */
		notice_refusal(k, "", identity, "INVALID_GROUP_ID",
			       "no such group", why);
		reply->notify = GIKE_N_INVALID_GROUP_ID;
		reply->close = !gmc_admitted_somewhere(k, identity);
		return GIKE_NOW;
	}
	return registration_request(g, sa, req, identity, reply);
}

bool gcks_welcome(const struct gcks *k, const struct ike_sa *sa)
{
	char identity[GMC_ID_MAX];
	const struct group *g;

	if (identity_of(ike_sa_peer_id(sa), identity, sizeof(identity)))
		return false;
	/* A member is found faster than a name in the lists. */
	TAILQ_FOREACH(g, &k->groups, all)
		if (gmc_find(g, identity))
			return true;
	return gmc_admitted_somewhere(k, identity);
}

void gcks_sending(struct gcks *k, struct ike_sa *sa, const uint8_t *group,
		  size_t len, uint32_t spi)
{
	struct group *g = group_find(k, (const char *)group, len);
	char identity[GMC_ID_MAX];
	struct gmember *m;

	if (!g || identity_of(ike_sa_peer_id(sa), identity, sizeof(identity)))
		return;
	m = gmc_find(g, identity);
	if (!m || !m->send || join_cert_ended(k, sa))
		return;
	if (place_is_twin(m, &ike_sa_peer(sa)->addr))
		outbox_confirm_twin(g, m, &ike_sa_peer(sa)->addr, spi);
	else if (place_is_owner(m, sa))
		outbox_confirm(g, m, spi);
}

/* A member's reports of rivals cause at most one beat in this time. */
#define RIVAL_PAUSE_MS 10000
#define RIVAL_BEAT_MS 500

void gcks_rival(struct gcks *k, struct ike_sa *sa, const uint8_t *group,
		size_t len, uint32_t spi)
{
	struct group *g = group_find(k, (const char *)group, len);
	char identity[GMC_ID_MAX];

	if (!g || identity_of(ike_sa_peer_id(sa), identity, sizeof(identity)) ||
	    !gmc_find(g, identity) || join_cert_ended(k, sa))
		return;
	g->rivals++;
	/*
	 * The beat reaches members that have not noticed yet, above all
	 * senders.
	 */
	if (g->st.keyed &&
	    (!g->rival_ms || group_now_ms(g) - g->rival_ms >= RIVAL_PAUSE_MS)) {
		g->rival_ms = group_now_ms(g);
		schedule_beat_soon(g, RIVAL_BEAT_MS);
	}
	notice_rival(k, g->conf->name, identity, ike_sa_peer(sa), spi);
}

/* Requests that wait are those of the host at its new address. */
static void move_requests(struct join_reqs *l, const struct ike_sa *sa)
{
	struct join_req *j;

	TAILQ_FOREACH(j, l, all)
		if (j->sa_serial == ike_sa_serial(sa))
			j->from = *ike_sa_peer(sa);
}

void gcks_moved(struct gcks *k, struct ike_sa *sa, const struct ep *from)
{
	char identity[GMC_ID_MAX];
	struct gmember *m;
	struct group *g;

	if (identity_of(ike_sa_peer_id(sa), identity, sizeof(identity)))
		return;
	TAILQ_FOREACH(g, &k->groups, all) {
		move_requests(&g->requests, sa);
		move_requests(&g->joins, sa);
		m = gmc_find(g, identity);
		if (m && place_move(g, m, sa, &from->addr))
			g->ops->idle(g);
	}
}

void gcks_grant_request(struct gcks *k, struct ike_sa *sa,
			const struct grant_request *req, struct wbuf *w,
			struct grant_answer *ans)
{
	grants_request(k, group_find(k, req->group, strlen(req->group)), sa,
		       req->relay, w, ans);
}

void gcks_ike_event(struct gcks *k, const struct ike_event *ev)
{
	notice_ike(k, ev);
}

/* Marks are stored at once, unless what must go is to be excluded first. */
static void note_table(struct group *g)
{
	if (psk_change_table(g))
		waiting_request_exclude(g);
	else
		g->ops->idle(g);
}

void gcks_set_psks(struct gcks *k, const struct psks *psks)
{
	struct group *g;

	k->deps.psks = psks;
	/*
	 * The next table may have another key for the identity, and be here before the
	 * exclusion that its membership by the former key ends with.
	 */
	TAILQ_FOREACH(g, &k->groups, all)
		note_table(g);
}

/* In any other case an IKE SA elsewhere may be that of a rightful member. */
bool gcks_one_place(const struct gcks *k)
{
	const struct group *g;

	TAILQ_FOREACH(g, &k->groups, all)
		if (g->conf->one_place != ONE_PLACE_REPLACE)
			return false;
	return !TAILQ_EMPTY(&k->groups);
}

/* ---- control ------------------------------------------------------------ */

void gcks_set_actor(struct gcks *k, const char *actor)
{
	snprintf(k->actor, sizeof(k->actor), "%s", actor);
}

static void note_stored(void *arg, int ret, const char *why)
{
	end_note(arg, ret, why);
}

int gcks_note_order(struct gcks *k, const char *group, const char *identity,
		    const char *words, store_done_fn *done, void *arg)
{
	struct store *s = k->deps.store;
	struct order_note *n;
	struct store_txn *txn;
	int ret = store_txn_begin(s);

	if (ret)
		return ret;
	ret = gmc_audit(k, group, identity, "order", words);
	n = ret ? NULL : calloc(1, sizeof(*n));
	if (!n) {
		store_txn_discard(s);
		return ret ? ret : -ENOMEM;
	}
	*n = (struct order_note){ .k = k, .done = done, .arg = arg };
	TAILQ_INSERT_TAIL(&k->notes, n, all);
	txn = store_submit(s, NULL, note_stored, n);
	/* A store that has answered has freed the note. */
	if (txn)
		n->txn = txn;
	return 0;
}

void gcks_note_refused_order(struct gcks *k, const char *group,
			     const char *identity, const char *why)
{
	int ret = gmc_audit(k, group, identity, "order-refused", why);

	if (ret)
		log_err("audit record lost: %s",
			store_reason(k->deps.store, ret));
}

static struct group *group_arg(struct gcks *k, const char *name,
			       gcks_done_fn *done, void *arg)
{
	struct group *g = group_find(k, name, strlen(name));
	char why[96];

	snprintf(why, sizeof(why), "no group \"%.40s\"", name);
	if (!g)
		done(arg, -ENOENT, 0, why);
	return g;
}

static void order_identity(struct gcks *k, enum order_kind kind,
			   const char *group, const char *identity,
			   gcks_done_fn *done, void *arg)
{
	struct group *g = group_arg(k, group, done, arg);
	char id[GMC_ID_MAX], why[160];

	if (!g)
		return;
	if (k->quorum.orders) {
		snprintf(why, sizeof(why),
			 "%u administrators have to sign this order (gcks.quorum.orders): see \"mcsecctl policy order\"",
			 k->quorum.needed);
		done(arg, -EPERM, 0, why);
		return;
	}
	if (*identity && !identity_lower(identity, id, sizeof(id))) {
		orders_add(g, kind, id, done, arg);
		return;
	}
	snprintf(why, sizeof(why), "\"%.32s\" is not an identity", identity);
	done(arg, -EINVAL, 0, why);
}

void gcks_evict(struct gcks *k, const char *group, const char *identity,
		gcks_done_fn *done, void *arg)
{
	order_identity(k, ORDER_EVICT, group, identity, done, arg);
}

void gcks_evict_ahead(struct gcks *k, const char *group, const char *identity,
		      gcks_done_fn *done, void *arg)
{
	order_identity(k, ORDER_EVICT_AHEAD, group, identity, done, arg);
}

void gcks_admit(struct gcks *k, const char *group, const char *identity,
		gcks_done_fn *done, void *arg)
{
	order_identity(k, ORDER_ADMIT, group, identity, done, arg);
}

static void order_rekey(struct gcks *k, enum order_kind kind, const char *group,
			gcks_done_fn *done, void *arg)
{
	struct gather *t;
	struct group *g;

	if (group) {
		g = group_arg(k, group, done, arg);
		if (g)
			orders_add(g, kind, "", done, arg);
		return;
	}
	t = gather_new(done, arg);
	if (!t) {
		done(arg, -ENOMEM, 0, "out of memory");
		return;
	}
	TAILQ_FOREACH(g, &k->groups, all) {
		gather_add(t);
		orders_add(g, kind, "", gather_done, t);
	}
	gather_end(t);
}

void gcks_rekey(struct gcks *k, const char *group, gcks_done_fn *done,
		void *arg)
{
	order_rekey(k, ORDER_REKEY, group, done, arg);
}

void gcks_renew_signing_key(struct gcks *k, const char *group,
			    gcks_done_fn *done, void *arg)
{
	order_rekey(k, ORDER_RENEW_SIGNING_KEY, group, done, arg);
}

void gcks_reset(struct gcks *k, const char *group, gcks_done_fn *done,
		void *arg)
{
	struct group *g = group_arg(k, group, done, arg);

	if (g)
		orders_add(g, ORDER_RESET, "", done, arg);
}

int gcks_reseal(struct gcks *k, struct err *err)
{
	int ret;

	if (!k->deps.reseal)
		return err_set(err, -EOPNOTSUPP,
			       "the seal key of the store is not in a file");
	/* The line comes after the change, which is one of two stores. */
	ret = store_audit_ready(k->deps.store, err);
	if (ret)
		return ret;
	ret = k->deps.reseal(k->deps.ctx, err);
	if (ret)
		return ret;
	log_info("seal key changed");
	ret = gmc_audit(k, "", "", "reseal", "new seal key");
	if (ret)
		log_err("audit record lost: %s",
			store_reason(k->deps.store, ret));
	return 0;
}

/* ---- status ------------------------------------------------------------- */

static void fill_group_status(const struct group *g,
			      struct gcks_group_status *s)
{
	const struct join_req *j;
	const struct out_msg *o;
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->conf = g->conf;
	s->policy_version = g->policy->version;
	s->members = g->n_members;
	s->senders = g->n_senders;
	s->denied = g->n_denied;
	s->inband = g->n_inband;
	s->inband_behind = inband_behind(g);
	s->inband_sent = g->inband_sent;
	s->inband_done = g->inband_done;
	s->inband_lost = g->inband_lost;
	s->pending = g->n_leaving;
	TAILQ_FOREACH(j, &g->joins, all)
		s->pending++;
	TAILQ_FOREACH(j, &g->requests, all)
		s->pending++;
	s->in_flight = g->commit.busy;
	s->tree_depth = lkh_depth(g->tree);
	signing_name(g, s->signing_key);
	s->signing_key_made = g->st.sign_made;
	s->keyed = g->st.keyed;
	memcpy(s->rekey_spi, g->st.rekey.spi, sizeof(s->rekey_spi));
	s->next_mid = g->rs.next_mid;
	s->data_spi = gkm_spi(&g->st);
	for (i = 0; i < g->st.n_data; i++)
		s->data_spis[i] = gkey_spi(&g->st.data[i].key);
	s->data_left = gkm_left(g, &g->st.data[0].key);
	s->rekey_left = gkm_left(g, &g->st.rekey);
	s->next_rekey =
		timer_left_ms(g->k->deps.tq, &g->periodic) / MSEC_PER_SEC;
	s->next_sender_id = g->st.next_sid;
	s->max_sender_id = (1u << g->conf->sender_id_bits) - 1;
	TAILQ_FOREACH(o, &g->out, all)
		s->outbox += o->sent < o->n;
	/* The change that takes members out is still to come. */
	s->unsent_change = g->exclude_pending || outbox_unsent(g);
	s->unconfirmed = effect_waits_for(g);
	s->changed_ms = group_now_ms(g) - g->change_ms;
	s->waited_ms = gmc_waited_ms(g);
	s->changed = g->rekeys;
	s->store_failed = g->store_failed;
	s->witness_behind = g->commit.behind;
	s->confirmed_ms =
		g->exclude_pending || stragglers_count(g) ? 0 : g->confirmed_ms;
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
	s->wrong_confirms = g->wrong_confirms;
	s->rivals = g->rivals;
	s->store_errors = g->store_errors;
}

int gcks_each_group(struct gcks *k, gcks_group_fn *fn, void *arg)
{
	struct gcks_group_status s;
	struct group *g;
	int ret = 0;

	TAILQ_FOREACH(g, &k->groups, all) {
		fill_group_status(g, &s);
		ret = fn(arg, &s);
		if (ret)
			break;
	}
	return ret;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct gmember *x = *(struct gmember *const *)a;
	const struct gmember *y = *(struct gmember *const *)b;

	return (x->number > y->number) - (x->number < y->number);
}

/* Return all members in the order in which they have joined; NULL without memory. */
static const struct gmember **members_in_order(const struct group *g)
{
	const struct gmember **v = calloc(g->n_members + 1u, sizeof(*v));
	struct htab_walk w = { 0 };
	uint32_t i;

	if (!v)
		return NULL;
	for (i = 0; i < g->n_members; i++)
		v[i] = gmc_each(g, &w);
	qsort(v, g->n_members, sizeof(*v), compare_numbers);
	return v;
}

static void fill_member_status(const struct group *g, const struct gmember *m,
			       struct gcks_member_status *s)
{
	s->identity = m->identity;
	s->send = m->send;
	s->receive = !policy_refusal(g->conf, m->identity, false);
	s->joined = m->joined;
	s->registered = m->registered;
	s->first_sender_id = m->more->first_sid;
	s->n_sender_ids = m->more->n_sids;
	s->until = term_until(m);
	s->at = m->at;
	s->inband = m->inband;
	s->confirmed = gmc_confirmed(g, m);
	s->late_ms = gmc_late_ms(g, m);
}

int gcks_each_member(struct gcks *k, const char *group, gcks_member_fn *fn,
		     void *arg)
{
	struct group *g = group_find(k, group, strlen(group));
	struct gcks_member_status s;
	const struct gmember **v;
	struct htab_walk w = { 0 };
	uint32_t i;
	int ret = 0;

	if (!g)
		return -ENOENT;
	v = members_in_order(g);
	for (i = 0; !ret && i < g->n_members; i++) {
		fill_member_status(g, v ? v[i] : gmc_each(g, &w), &s);
		ret = fn(arg, &s);
	}
	free(v);
	return ret;
}

int gcks_each_denied(struct gcks *k, const char *group, gcks_denied_fn *fn,
		     void *arg)
{
	struct group *g = group_find(k, group, strlen(group));
	const struct deny_entry *d;
	int ret = 0;

	if (!g)
		return -ENOENT;
	TAILQ_FOREACH(d, &g->denied, all) {
		ret = fn(arg, d->identity, d->since);
		if (ret)
			break;
	}
	return ret;
}

int gcks_audit(struct gcks *k, uint64_t after, size_t max, store_audit_fn *fn,
	       void *arg)
{
	return store_audit_each(k->deps.store, after, max, fn, arg);
}
