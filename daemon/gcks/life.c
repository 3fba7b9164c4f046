// SPDX-License-Identifier: Apache-2.0
/* Life of a group at the key server, from its opening to its end. */
#include "gcks/life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "gcks/batch.h"
#include "gcks/gkm.h"
#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "gcks/inband.h"
#include "gcks/key_source.h"
#include "gcks/orders.h"
#include "gcks/policy.h"
#include "gcks/psk_change.h"
#include "gcks/registration.h"
#include "gcks/remind.h"
#include "gcks/schedule.h"
#include "gcks/signed_orders.h"
#include "gcks/term.h"
#include "gcks/waiting.h"
#include "gcks/witness.h"
#include "lib/log.h"

/*
 * Send committed messages again with all copies, since the earlier run may not
 * have sent them.
 */
static void resume_outbox(struct group *g)
{
	struct out_msg *o;

	TAILQ_FOREACH(o, &g->out, all) {
		o->start_ms = group_now_ms(g);
		timer_set(g->k->deps.tq, &o->timer, 0);
	}
	if (TAILQ_EMPTY(&g->out))
		return;
	group_info(g,
		   "rekey sending resumed: messages of the previous run are sent again");
	pace_resumed(g);
}

/*
 * Exclude members that are not authorized any more. Policy, pre-shared keys and
 * revocation lists may have changed while the key server was down, or the key server
 * ended before all of them were out.
 */
static void check_roster(struct group *g)
{
	if (!gmc_some_refused(g, g->conf))
		return;
	g->recheck_all = true;
	gmc_recheck_not_authorized(g, g->conf);
	waiting_exclude_soon(g);
}

/* Do a piece of the work @turn. Returns false if there is none. */
static bool take_turn(struct group *g, enum group_turn turn)
{
	switch (turn) {
	case TURN_REQUESTS:
		return registration_run(g);
	case TURN_BATCH:
		if (!(g->due & DUE_BATCH))
			return false;
		batch_flush(g);
		return true;
	case TURN_REKEY:
		if (!(g->due & DUE_REKEY))
			return false;
		schedule_periodic(g);
		return true;
	case TURN_BEAT:
		if (!(g->due & DUE_BEAT))
			return false;
		schedule_beat(g);
		return true;
	case TURN_MARKS:
		return psk_change_store(g);
	case TURNS:
		break;
	}
	return false;
}

/*
 * Members that ask without a pause must not stop joins, leaves, rekeys and
 * beats, so the kind of work that was served last is the last to be checked.
 */
static bool run_in_turn(struct group *g)
{
	unsigned int i;

	for (i = 0; i < TURNS; i++) {
		enum group_turn turn = (g->turn + i) % TURNS;

		if (!take_turn(g, turn))
			continue;
		g->turn = (turn + 1) % TURNS;
		return true;
	}
	return false;
}

/*
 * Exclude the members that may go by now, before their timer says so: what members ask
 * for would come first otherwise, and take the store. Returns false if there are none. A
 * failed exclusion sets the timer to a later time.
 */
static bool exclude_due(struct group *g)
{
	bool due = g->due & DUE_BATCH ||
		   (timer_armed(&g->batch) && g->batch_ms <= group_now_ms(g));

	if (!due || !g->exclude_pending || pace_exclude_ms(g))
		return false;
	timer_del(g->k->deps.tq, &g->batch);
	batch_flush(g);
	return true;
}

/*
 * Run the first thing that waits. Returns false if nothing waits or a change
 * is in flight.
 */
static bool run_next(struct group *g)
{
	if (g->commit.busy || timer_armed(&g->reread))
		return false;
	if (g->closing) {
		registration_refuse_all(g);
		return orders_run_last(g);
	}
	/* Evictions and resets go before everything that members ask for. */
	return orders_run(g) || exclude_due(g) || run_in_turn(g);
}

/*
 * A change that completes at once calls this again from within: the outer call
 * continues the loop.
 */
static void group_idle(struct group *g)
{
	if (g->idling)
		return;
	g->idling = true;
	while (run_next(g))
		;
	g->idling = false;
}

/* Interval at which a closing group looks for the end of what it writes. */
#define END_BUSY_MS 50

static bool group_writes(const struct group *g)
{
	return g->commit.busy || orders_wait(g);
}

static void group_end(void *arg)
{
	struct group *g = arg;

	if (group_writes(g)) {
		timer_set(g->k->deps.tq, &g->end, END_BUSY_MS);
		return;
	}
	group_info(g, "group closed");
	group_free(g);
}

/* The group is freed from the loop, since the caller still uses it. */
static void group_quiet(struct group *g)
{
	timer_set(g->k->deps.tq, &g->end, 0);
}

/* Read the group again behind the call; at its start and end -ESTALE is an error. */
static void group_stale(struct group *g)
{
	if (!g->k->starting && !g->closing)
		timer_set(g->k->deps.tq, &g->reread, 0);
}

static void keys_are_new(struct group *g)
{
	schedule_start(g);
	remind_changed(g);
}

static const struct group_ops group_ops = {
	.changed = keys_are_new,
	.idle = group_idle,
	.quiet = group_quiet,
	.stale = group_stale,
};

struct outcome {
	int ret;
	struct err *err;
};

static void outcome_set(struct group *g, void *arg, int ret, const char *why)
{
	struct outcome *o = arg;

	o->ret = ret;
	if (ret)
		err_set(o->err, ret, "group %s: not reset: %s", g->conf->name,
			why);
}

/*
 * Load the policy that the store has, NULL if that is none or damaged. A damaged
 * record is no reason to refuse the start, since it is only compared. One that cannot
 * be read now is: it would be replaced, and its version would begin anew.
 */
static int load_stored(struct group *g, struct policy **out, bool *damaged,
		       struct err *err)
{
	int ret = policy_load(g, out);

	*damaged = ret == -EBADMSG;
	if (!ret)
		return 0;
	*out = NULL;
	return ret == -ENOENT || *damaged
		       ? 0
		       : err_set(err, ret, "group %s: policy in the store: %s",
				 g->conf->name,
				 store_reason(group_store(g), ret));
}

static int put_policy(struct group *g, const char *names, struct err *err)
{
	uint64_t record = g->commit.record;
	struct store_expect e = { .from = record, .to = record };
	struct store *s = group_store(g);
	char key[STORE_KEY_MAX];
	struct err why = { "" };
	int ret = store_key(key, "g", g->conf->name, NULL);

	e.key = key;
	if (!ret)
		ret = store_txn_begin(s);
	if (!ret) {
		ret = policy_put(g, g->policy);
		if (!ret && names[0])
			ret = gmc_audit(g->k, g->conf->name, "", "policy",
					names);
		ret = store_end_wait(s, ret, &e, &why);
	}
	if (!ret)
		return 0;
	return err_set(err, ret, "group %s: policy in the store: %s",
		       g->conf->name,
		       why.text[0] ? why.text : store_reason(s, ret));
}

/*
 * If the configuration has another policy than the store, that is adopted under
 * a new version, with a line that names the settings that differ.
 */
static int settle_policy(struct group *g, struct err *err)
{
	char names[POLICY_NAMES_MAX] = "";
	struct policy *old;
	unsigned int diff;
	bool damaged;
	int ret = load_stored(g, &old, &damaged, err);

	if (ret)
		return ret;
	if (old) {
		g->policy->version = old->version;
		diff = policy_diff(&old->conf, g->conf, ~0U, names,
				   sizeof(names));
		policy_free(old);
		if (!diff)
			return 0;
		g->policy->version++;
	} else if (damaged) {
		group_warn(g,
			   "policy damaged: replaced by that of the configuration");
		snprintf(names, sizeof(names),
			 "damaged, replaced by the configuration");
	}
	return put_policy(g, names, err);
}

/*
 * After a reset senders use the old key until all receivers are back, so that a member
 * that lost its authorization while the key server was down would read for as long.
 * With such members the group is served with the settings of before, and *@next, which
 * is the caller's, is to be adopted as by a reload: it excludes them first.
 */
static int hold_policy(struct group *g, struct policy **next, struct err *err)
{
	struct policy *old;
	unsigned int diff;
	bool damaged;
	int ret;

	if (!gmc_some_refused(g, g->conf))
		return 0;
	ret = load_stored(g, &old, &damaged, err);
	if (ret || !old)
		return ret;
	diff = policy_diff(&old->conf, g->conf, 0, NULL, 0);
	if (!(diff & POLICY_RESET) || diff & POLICY_FIXED) {
		policy_free(old);
		return 0;
	}
	*next = g->policy;
	g->policy = old;
	g->conf = &old->conf;
	return 0;
}

static int group_load(struct group *g, bool again, struct policy **next,
		      struct err *err)
{
	struct outcome o = { .err = err };
	const char *disown;
	bool changed;
	int ret;

	ret = gmc_load(g, err);
	if (!ret) {
		if (!again)
			psk_change_start(g);
		ret = hold_policy(g, next, err);
	}
	if (!ret)
		ret = gkm_load(g, &changed, &disown, err);
	if (!ret)
		ret = settle_policy(g, err);
	if (ret)
		return ret;
	if (disown) {
		ret = signed_orders_disown(g, err);
		if (ret)
			return ret;
		gkm_disown(g, disown, outcome_set, &o);
		if (o.ret)
			return o.ret;
		ret = witness_rewrite(g);
		if (ret)
			err_set(err, ret, "group %s: witness of the store: %s",
				g->conf->name,
				store_reason(g->k->deps.witness, ret));
		return ret;
	}
	if (changed || sigkey_type(g->sign) != g->conf->rekey_sign)
		gkm_reset(g, "settings of the keys have changed", outcome_set,
			  &o);
	return o.ret;
}

/*
 * Transport mode does not authenticate the destination, and all addresses of a
 * prefix have one key.
 */
static void warn_of_prefix(const struct group *g)
{
	char buf[PREFIX_STRLEN];
	size_t i;

	for (i = 0; i < conf_n_data(g->conf); i++) {
		const struct selector *sel = conf_sel(g->conf, i);

		if (sel->dst_len && !g->conf->tunnel)
			group_info(g,
				   "destination not authenticated: within %s; mode = \"tunnel\" covers it",
				   prefix_str(&sel->dst, sel->dst_len, buf));
	}
}

/* @again: the group is in service, and was read because the store has other records. */
static int group_start(struct group *g, bool again, struct err *err)
{
	struct policy *next = NULL;
	int ret;

	g->k->starting = true;
	ret = group_load(g, again, &next, err);
	g->k->starting = false;
	if (ret) {
		policy_free(next);
		return ret;
	}
	warn_of_prefix(g);
	schedule_start(g);
	inband_start(g);
	resume_outbox(g);
	stragglers_start(g);
	check_roster(g);
	term_start(g);
	if (next)
		orders_start_policy(g, next);
	return 0;
}

void group_free(struct group *g)
{
	TAILQ_REMOVE(g->closing ? &g->k->closing : &g->k->groups, g, all);
	timer_del(g->k->deps.tq, &g->end);
	timer_del(g->k->deps.tq, &g->reread);
	commit_cancel(g);
	orders_free(g);
	registration_free(g);
	batch_free(g);
	schedule_stop(g);
	inband_stop(g);
	remind_stop(g);
	psk_change_stop(g);
	term_disarm(g);
	gkm_free(g);
	gmc_free(g);
	stragglers_free(g);
	policy_free(g->policy);
	free(g);
}

static void reread_due(void *arg);

static int group_make(struct gcks *k, const struct conf_group *conf,
		      struct group **out)
{
	struct group *g = calloc(1, sizeof(*g));
	int ret;

	if (!g)
		return -ENOMEM;
	g->k = k;
	g->ops = &group_ops;
	g->keys = &key_source_local;
	g->policy = policy_new(conf, 1);
	if (!g->policy) {
		free(g);
		return -ENOMEM;
	}
	g->conf = &g->policy->conf;
	timer_init(&g->end, group_end, g);
	timer_init(&g->reread, reread_due, g);
	gmc_init(g);
	stragglers_init(g);
	orders_init(g);
	registration_init(g);
	batch_init(g);
	schedule_init(g);
	inband_init(g);
	remind_init(g);
	psk_change_init(g);
	term_prepare(g);
	TAILQ_INSERT_TAIL(&k->groups, g, all);
	ret = gkm_init(g);
	if (ret)
		group_free(g);
	else
		*out = g;
	return ret;
}

/* Return the group of this name that is still closing, or NULL. */
static struct group *find_closing(struct gcks *k, const char *name)
{
	struct group *g;

	TAILQ_FOREACH(g, &k->closing, all)
		if (!strcmp(g->conf->name, name))
			break;
	return g;
}

int group_new_check(struct gcks *k, const struct conf_group *conf,
		    struct err *err)
{
	const struct group *old = find_closing(k, conf->name);

	if (!old || !group_writes(old))
		return 0;
	return err_set(err, -EBUSY,
		       "group %s: it was removed just now, and evictions of it are still written: try again",
		       conf->name);
}

int group_new(struct gcks *k, const struct conf_group *conf, struct group **out,
	      struct err *err)
{
	struct group *g, *old = find_closing(k, conf->name);
	int ret = group_new_check(k, conf, err);

	if (ret)
		return ret;
	/*
	 * A group of this name that is still closing is dropped with its
	 * messages: its members register again.
	 */
	if (old)
		group_free(old);
	ret = group_make(k, conf, &g);
	if (ret)
		return err_set(err, ret, "group %s: %s", conf->name,
			       strerror(-ret));
	ret = group_start(g, false, err);
	if (ret)
		group_free(g);
	else
		*out = g;
	return ret;
}

int group_peek(struct gcks *k, const struct conf_group *conf,
	       struct group_peek *p, struct err *err)
{
	bool damaged;
	int ret;

	memset(p, 0, sizeof(*p));
	ret = group_make(k, conf, &p->g);
	if (ret)
		return err_set(err, ret, "group %s: %s", conf->name,
			       strerror(-ret));
	ret = load_stored(p->g, &p->stored, &damaged, err);
	if (!ret)
		ret = gmc_load(p->g, err);
	if (!ret)
		psk_change_start(p->g);
	if (!ret)
		ret = gkm_load(p->g, &p->changed, &p->disown, err);
	if (ret)
		return ret;
	p->known = p->g->commit.record;
	p->changed |= sigkey_type(p->g->sign) != conf->rekey_sign;
	return 0;
}

void group_peek_end(struct group_peek *p)
{
	policy_free(p->stored);
	if (p->g)
		group_free(p->g);
}

/* ---- changed by somebody else -------------------------------------------- */

/* A change that is in flight meanwhile is refused, too: wait for its end. */
#define REREAD_BUSY_MS 50
#define REREAD_AGAIN_MS 5000

/* Take over the policy that the other server has stored. */
static int take_stored_policy(struct group *g)
{
	struct policy *p;
	int ret = policy_load(g, &p);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	policy_free(g->policy);
	g->policy = p;
	g->conf = &p->conf;
	return 0;
}

/*
 * A leave that waits, and a host that takes the place of another one, wait on. Without
 * memory the member stays until it asks again or its membership ends.
 */
static void carry_leave(const struct gmember *was, struct gmember *m)
{
	uint64_t leave_ms = was->more->leave_ms;
	struct group *g = m->more->g;
	uint64_t now = group_now_ms(g);

	if (!was->more->leaving || m->more->leaving ||
	    waiting_leave_in(g, m, leave_ms > now ? leave_ms - now : 0))
		return;
	m->replaced = was->replaced;
	m->ended_why = was->ended_why;
	gmember_more(m)->lapsed = was->more->lapsed;
}

static void carry_more(struct gmember_more *was, struct gmember *m)
{
	struct gmember_more *x = gmember_more(m);

	if (!x)
		return;
	x->sender |= was->sender;
	x->twins = was->twins;
	was->twins = NULL;
	gmc_set_data_spi(x->g, m, was->sends_spi);
	x->confirmed_at = was->confirmed_at;
	x->reported = was->reported;
	x->has_spi = was->has_spi;
	x->extra_at = was->extra_at;
	x->extra_ms = was->extra_ms;
	if (m->renewed && was->m->renewed)
		x->renewed_ms = was->renewed_ms;
	/* A request that is open now is of the group that goes. */
	if (m->inband && was->m->inband)
		x->sa = was->sa;
}

static void carry_member(struct gmember *was, struct gmember *m)
{
	struct group *g = m->more->g;

	m->sa_serial = was->sa_serial;
	m->keys_pending = was->keys_pending;
	m->late = was->number == m->number && was->late;
	if (was->more->m)
		carry_more(gmember_more(was), m);
	if (was->number == m->number && was->must_go_why) {
		gmc_set_must_go(g, m, gmember_must_go(was));
		waiting_exclude_soon(g);
	}
	if (was->number == m->number)
		psk_change_carry(was, m);
	carry_leave(was, m);
	gmember_settle(m);
}

/* Copy what is known of members and not stored. */
static void carry_members(const struct group *old, struct group *g)
{
	struct htab_walk w = { 0 };
	struct gmember *m, *was;
	struct gmember_more *x;

	/* Members of another key server can report from now on, see carry_counts(). */
	TAILQ_FOREACH(x, &g->senders, by_send)
		x->confirmed_at = old->rekeys;
	while ((was = gmc_each(old, &w))) {
		m = gmc_find(g, was->identity);
		if (m)
			carry_member(was, m);
	}
}

static void carry_counts(const struct group *old, struct group *g)
{
	bool same = gkm_spi(&g->st) == gkm_spi(&old->st);
	uint64_t read_ms = group_now_ms(g);

	g->rekeys = old->rekeys;
	memcpy(g->change_times, old->change_times, sizeof(g->change_times));
	if (same) {
		g->change_ms = old->change_ms;
		g->confirmed_ms = old->confirmed_ms;
	} else {
		/* Senders can report a change by another key server from now on. */
		g->change_times[g->rekeys % GKM_CHANGES] = read_ms;
	}
	g->beats = old->beats;
	g->n_joins = old->n_joins;
	g->registrations = old->registrations;
	g->leaves = old->leaves;
	g->evictions = old->evictions;
	g->expired = old->expired;
	g->refused = old->refused;
	g->restarts = old->restarts;
	g->wrong_confirms = old->wrong_confirms;
	g->rivals = old->rivals;
	g->rival_ms = old->rival_ms;
	g->inband_sent = old->inband_sent;
	g->inband_done = old->inband_done;
	g->inband_lost = old->inband_lost;
	g->store_errors = old->store_errors;
	g->unsent = old->unsent;
}

/* Let all that waits go on waiting, for the group as it is now. */
static void carry_over(struct group *old, struct group *g)
{
	struct join_req *j;

	orders_move(old, g);
	TAILQ_CONCAT(&g->requests, &old->requests, all);
	timer_set(g->k->deps.tq, &g->requests_timer, 0);
	while ((j = TAILQ_FIRST(&old->joins))) {
		join_take(old, j);
		join_wait(g, j);
	}
	TAILQ_CONCAT(&g->leavers, &old->leavers, all);
	g->due |= old->due | DUE_BATCH;
	/* The group's time never goes back. */
	if (g->ahead_ms < old->ahead_ms)
		g->ahead_ms = old->ahead_ms;
	stragglers_move(old, g);
	carry_members(old, g);
	carry_counts(old, g);
}

/* Read the group into a new object; @old stays as it is if that fails. */
static int read_again(struct group *old, struct group **out, struct err *err)
{
	struct group *g;
	int ret;

	ret = group_make(old->k, old->conf, &g);
	if (ret)
		return err_set(err, ret, "%s", strerror(-ret));
	TAILQ_REMOVE(&old->k->groups, g, all);
	TAILQ_INSERT_BEFORE(old, g, all);
	ret = take_stored_policy(g);
	if (ret)
		err_set(err, ret, "policy in the store: %s",
			store_reason(group_store(g), ret));
	else
		ret = group_start(g, true, err);
	if (ret)
		group_free(g);
	else
		*out = g;
	return ret;
}

static void reread_due(void *arg)
{
	struct group *old = arg, *g = NULL;
	struct timerq *tq = old->k->deps.tq;
	struct err err;

	if (old->commit.busy) {
		timer_set(tq, &old->reread, REREAD_BUSY_MS);
		return;
	}
	if (read_again(old, &g, &err)) {
		old->store_errors++;
		group_err(old, "store not read again: %s; next try in %u s",
			  err.text, REREAD_AGAIN_MS / 1000);
		timer_set(tq, &old->reread, REREAD_AGAIN_MS);
		return;
	}
	group_warn(g, "store read again: it has another version of the group");
	carry_over(old, g);
	remind_changed(g);
	group_free(old);
	inband_changed(g);
	group_idle(g);
}

struct group *group_find(struct gcks *k, const char *name, size_t len)
{
	struct group *g;

	TAILQ_FOREACH(g, &k->groups, all)
		if (strlen(g->conf->name) == len &&
		    !memcmp(g->conf->name, name, len))
			break;
	return g;
}
