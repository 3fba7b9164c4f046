// SPDX-License-Identifier: Apache-2.0
#include "gcks/orders.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/batch.h"
#include "gcks/copies.h"
#include "gcks/effect.h"
#include "gcks/gkm.h"
#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "gcks/group_time.h"
#include "gcks/outbox.h"
#include "gcks/policy.h"
#include "gcks/rate.h"
#include "gcks/schedule.h"
#include "gcks/waiting.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/util.h"

/*
 * Longest wait for senders to confirm the keys that exclude a member; receivers
 * have dropped the old ones by then.
 */
#define EXCLUDED_MAX_MS 6000
/* Interval of checks whether they have. */
#define CHECK_MS 250

struct order {
	TAILQ_ENTRY(order) all;
	enum order_kind kind;
	char identity[GMC_ID_MAX];
	char actor[GCKS_ACTOR_MAX];
	struct group *g;
	gcks_done_fn *done;
	void *arg;
	int64_t now;
	struct policy *policy;
	const struct policy *adopts; /* the same, after it was handed over */
	struct policy *retry; /* see policy_retry() */
	/* With policy: it waits until those that it excludes are out. */
	bool waits;
	uint64_t until_ms; /* when the wait ends at the latest, by clock_mono_ms() */
	struct timer wait;
};

static void order_end(struct order *o, int ret, uint32_t effective_ms,
		      const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void order_end(struct order *o, int ret, uint32_t effective_ms,
		      const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	timer_del(o->g->k->deps.tq, &o->wait);
	o->done(o->arg, ret, effective_ms, why);
	policy_free(o->policy);
	policy_free(o->retry);
	free(o);
}

/* ---- evict and admit ---------------------------------------------------- */

static void evict_done(struct group *g, void *arg, int ret, const char *why)
{
	struct order *o = arg;

	if (ret)
		order_end(o, ret, 0, "\"%s\" not evicted: %s", o->identity,
			  why);
	else
		order_end(o, 0, effect_ms(g, EFFECT_EXCLUDED), "%s", "");
}

static void deny_identity_done(struct group *g, void *arg, int ret,
			       const char *why)
{
	struct order *o = arg;
	char name[QUOTE_LEN];

	if (ret) {
		gmc_note_admitted(g, o->identity);
		order_end(o, ret, 0, "\"%s\" not %s: %s", o->identity,
			  gmc_find(g, o->identity) ? "evicted" : "denied", why);
		return;
	}
	g->st.version++;
	if (gmc_find(g, o->identity)) {
		gmc_set_recheck(g, gmc_find(g, o->identity), true);
		waiting_exclude_soon(g);
		group_info(g, "member to be evicted: %s: in %u ms",
			   quote(o->identity, name), pace_exclude_ms(g));
		order_end(o, 0, effect_ms(g, EFFECT_WAITS), "%s", "");
		return;
	}
	g->evictions++;
	group_info(g, "identity denied: %s: not a member now",
		   quote(o->identity, name));
	order_end(o, 0, effect_ms(g, EFFECT_ABSENT), "%s", "");
}

/*
 * The identity is denied, so that a request that is pending or in transit is refused.
 * If @o is for a member, the next exclusion takes that out.
 */
static void deny_identity(struct group *g, struct order *o)
{
	int ret;

	o->now = group_wall(g);
	ret = gmc_note_denied(g, o->identity, o->now);
	if (!ret)
		ret = commit_begin(g);
	if (!ret) {
		ret = gmc_put_denied(g, o->identity, o->now);
		if (!ret)
			ret = gmc_audit(g->k, g->conf->name, o->identity,
					"evict",
					gmc_find(g, o->identity)
						? "by the next change of keys"
						: "not a member now");
		if (!ret)
			ret = gkm_count(g);
		if (ret)
			commit_discard(g);
	}
	if (ret) {
		g->store_errors++;
		deny_identity_done(g, o, ret, strerror(-ret));
		return;
	}
	g->commit.deny = o->identity;
	g->commit.deny_since = o->now;
	commit_send(g, g->st.version + 1, deny_identity_done, o);
}

static void run_evict(struct group *g, struct order *o)
{
	struct gmember *m = gmc_find(g, o->identity);

	if (m && !gmc_denied(g, o->identity)) {
		if (pace_exclude_ms(g))
			deny_identity(g, o);
		else
			batch_evict(g, m, evict_done, o);
		return;
	}
	if (gmc_denied(g, o->identity))
		order_end(o, -EALREADY, 0,
			  "\"%s\" was evicted from group \"%s\" before",
			  o->identity, g->conf->name);
	else if (o->kind == ORDER_EVICT && !waiting_has(g, o->identity))
		order_end(o, -ENOENT, 0,
			  "\"%s\" is not a member of group \"%s\"; --ahead denies it before its first join",
			  o->identity, g->conf->name);
	else
		deny_identity(g, o);
}

static void admit_done(struct group *g, void *arg, int ret, const char *why)
{
	struct order *o = arg;
	char name[QUOTE_LEN];

	if (ret) {
		order_end(o, ret, 0, "\"%s\" not admitted: %s", o->identity,
			  why);
		return;
	}
	g->st.version++;
	gmc_note_admitted(g, o->identity);
	group_info(g, "identity admitted: %s", quote(o->identity, name));
	order_end(o, 0, 0, "%s", "");
}

static void run_admit(struct group *g, struct order *o);

static void admit_after_exclusion(struct group *g, void *arg, int ret,
				  const char *why)
{
	if (ret)
		admit_done(g, arg, ret, why);
	else
		run_admit(g, arg);
}

static void run_admit(struct group *g, struct order *o)
{
	int ret;

	/*
	 * The eviction is not complete yet. A host that has the member's keys must
	 * not go on reading because the identity is admitted.
	 */
	if (gmc_denied(g, o->identity) && gmc_find(g, o->identity)) {
		gmc_set_recheck(g, gmc_find(g, o->identity), true);
		waiting_request_exclude(g);
		batch_exclude(g, NULL, admit_after_exclusion, o);
		return;
	}
	if (!gmc_denied(g, o->identity)) {
		order_end(o, -ENOENT, 0, "\"%s\" is not evicted from \"%s\"",
			  o->identity, g->conf->name);
		return;
	}
	ret = commit_begin(g);
	if (!ret) {
		ret = gmc_del_denied(g, o->identity);
		if (!ret)
			ret = gmc_audit(g->k, g->conf->name, o->identity,
					"admit", "");
		if (!ret)
			ret = gkm_count(g);
		if (ret)
			commit_discard(g);
	}
	if (ret) {
		admit_done(g, o, ret, strerror(-ret));
		return;
	}
	g->commit.admit = o->identity;
	commit_send(g, g->st.version + 1, admit_done, o);
}

/* ---- rekey and reset ----------------------------------------------------- */

static void rekey_done(struct group *g, void *arg, int ret, const char *why)
{
	if (ret)
		order_end(arg, ret, 0, "group \"%s\" not rekeyed: %s",
			  g->conf->name, why);
	else
		order_end(arg, 0, 0, "%s", "");
}

static void run_reset(struct group *g, struct order *o);

static void reset_done(struct group *g, void *arg, int ret, const char *why)
{
	struct order *o = arg;

	if (ret) {
		order_end(o, ret, 0, "group \"%s\" not reset: %s",
			  g->conf->name, why);
		return;
	}
	/* Members that asked often because of a rival may ask at once. */
	rate_reset(g->k);
	order_end(o, 0, 0, "%s", "");
}

static void order_requeue(struct group *g, struct order *o, uint32_t ms)
{
	o->waits = true;
	TAILQ_INSERT_HEAD(&g->orders, o, all);
	timer_set(g->k->deps.tq, &o->wait, ms);
}

/* Let @o, a reset, wait until senders have another key. Returns false if they have. */
static bool wait_for_exclusion(struct group *g, struct order *o)
{
	uint32_t ms =
		pace_before_reset_ms(g, !outbox_unconfirmed(g), &o->until_ms);
	if (ms)
		order_requeue(g, o, ms < CHECK_MS ? ms : CHECK_MS);
	return ms;
}

static void reset_after_exclusion(struct group *g, void *arg, int ret,
				  const char *why)
{
	if (ret)
		reset_done(g, arg, ret, why);
	else
		run_reset(g, arg);
}

/*
 * After a reset senders use the old key until all receivers are back. A member whose
 * exclusion was ordered before, and is still to come, must not have that key for so
 * long.
 */
static void run_reset(struct group *g, struct order *o)
{
	if (g->exclude_pending)
		batch_exclude(g, NULL, reset_after_exclusion, o);
	else if (!wait_for_exclusion(g, o))
		gkm_reset_sign_key(g, "reset requested", reset_done, o);
}

/* ---- policy and close --------------------------------------------------- */

static void recheck_in(struct order *o, uint64_t ms)
{
	timer_set(o->g->k->deps.tq, &o->wait, ms < CHECK_MS ? ms : CHECK_MS);
}

static void policy_requeue(struct group *g, struct order *o, uint32_t ms)
{
	o->until_ms = 0;
	order_requeue(g, o, ms);
}

/* Return true if a newer policy waits, which takes the place of that of a start. */
static bool newer_policy_waits(const struct group *g)
{
	const struct order *o;

	TAILQ_FOREACH(o, &g->orders, all)
		if (o->kind == ORDER_POLICY)
			return true;
	return false;
}

/* Return true if an order waits that may not pass a policy. */
static bool blocks_orders(const struct group *g)
{
	const struct order *o;

	TAILQ_FOREACH(o, &g->orders, all)
		if (o->kind > ORDER_ADMIT)
			return true;
	return false;
}

/* Another order waits for the policy of a start, which must not take long now. */
static void shorten_start(struct group *g)
{
	uint64_t most = group_now_ms(g) + EXCLUDED_MAX_MS;
	struct order *o;

	TAILQ_FOREACH(o, &g->orders, all) {
		if (!o->retry || !o->until_ms)
			continue;
		if (o->until_ms > most)
			o->until_ms = most;
		recheck_in(o, 0);
	}
}

/*
 * Try the policy of a start again after it has failed for @ret, since no caller would
 * order it again. Returns true if @o is such a policy and is tried again.
 */
static bool policy_retry(struct group *g, struct order *o, int ret,
			 const char *why)
{
	struct policy *p;

	if (!o->retry || !ret || ret == -ECANCELED || newer_policy_waits(g))
		return false;
	p = policy_new(&o->retry->conf, 0);
	if (!p)
		return false;
	policy_free(o->policy);
	o->policy = p;
	o->adopts = NULL;
	if (notice_failure_left(g->k, g->conf->name))
		group_err(g,
			  "group change failed: policy not changed: %s; next try in %u s",
			  why, COMMIT_RETRY_MS / 1000);
	policy_requeue(g, o, COMMIT_RETRY_MS);
	return true;
}

static void adopt_done(struct group *g, void *arg, int ret, const char *why)
{
	struct order *o = arg;

	/* A member that is to be excluded is excluded nevertheless. */
	if (ret && ret != -ECANCELED && g->exclude_pending)
		waiting_exclude_soon(g);
	if (policy_retry(g, o, ret, why))
		return;
	if (ret) {
		order_end(o, ret, 0, "group \"%s\": policy not changed: %s",
			  g->conf->name, why);
		return;
	}
	if (!o->policy)
		group_info(g, "policy changed: version %llu",
			   (unsigned long long)g->policy->version);
	order_end(o, 0, 0, "%s", "");
}

/*
 * Members could not be taken out. Their policy may be in force nevertheless,
 * since it comes with the first of them.
 */
static void exclude_failed(struct group *g, struct order *o, int ret,
			   const char *why)
{
	if (policy_retry(g, o, ret, why))
		return;
	if (g->policy == o->adopts)
		order_end(o, ret, 0,
			  "group \"%s\": policy %llu is in force, but %u members have not been evicted yet (retrying): %s",
			  g->conf->name, (unsigned long long)g->policy->version,
			  gmc_count_refused(g), why);
	else
		adopt_done(g, o, ret, why);
}

/*
 * Run @o again when the members without authorization may be taken out. The batch timer
 * must not be first, since @o has to be told if they cannot; it is set again by then.
 */
static void exclude_later(struct group *g, struct order *o)
{
	waiting_exclude_soon(g);
	timer_del(g->k->deps.tq, &g->batch);
	policy_requeue(g, o, pace_exclude_ms(g));
}

/* Members that one change could not announce follow by the next one. */
static void exclude_done(struct group *g, void *arg, int ret, const char *why)
{
	struct order *o = arg;

	if (ret)
		exclude_failed(g, o, ret, why);
	else if (g->exclude_pending)
		exclude_later(g, o);
	else
		adopt_done(g, o, 0, "");
}

/* Exclude the members that the policy in force, which @o has adopted, does not admit. */
static void exclude_now_or_later(struct group *g, struct order *o)
{
	waiting_request_exclude(g);
	if (pace_exclude_ms(g))
		exclude_later(g, o);
	else
		batch_exclude(g, NULL, exclude_done, o);
}

static void adopt_reset_done(struct group *g, void *arg, int ret,
			     const char *why)
{
	if (!ret)
		rate_reset(g->k);
	adopt_done(g, arg, ret, why);
}

static void adopt_by_reset(struct group *g, struct order *o, const char *why)
{
	struct policy *p = o->policy;

	o->policy = NULL;
	gkm_adopt(g, p, why, adopt_reset_done, o);
}

/*
 * After a reset senders use the old key until all receivers are back. A member that
 * loses its authorization must not be able to read for that long. Such a member is
 * therefore excluded under the old algorithms first, and the group is reset when
 * senders use the key of that exclusion.
 */
static struct policy *lists_only(const struct group *g,
				 const struct conf_group *next)
{
	struct conf_group c = *g->conf;

	c.senders = next->senders;
	c.receivers = next->receivers;
	return policy_new(&c, g->policy->version + 1);
}

static void exclusion_due(void *arg)
{
	struct order *o = arg;
	struct group *g = o->g;
	uint64_t now = group_now_ms(g), until = o->until_ms;

	if (until > now && outbox_unconfirmed(g)) {
		recheck_in(o, until - now);
		return;
	}
	o->waits = false;
	g->ops->idle(g);
}

static void exclude_first_done(struct group *g, void *arg, int ret,
			       const char *why)
{
	struct order *o = arg;
	uint32_t wait;

	if (ret) {
		exclude_failed(g, o, ret, why);
		return;
	}
	if (g->exclude_pending) {
		exclude_later(g, o);
		return;
	}
	/*
	 * Members that have lost their IKE SA by the restart need time to notice that. A
	 * reset before would find the short DTD of the exclusion in force at them, and
	 * senders would change over without those that are not back.
	 */
	wait = o->retry && !blocks_orders(g) ? gkm_silence_ms(g)
					     : copies_effective_ms(g);
	policy_requeue(g, o, wait);
	o->until_ms = group_now_ms(g) + wait + EXCLUDED_MAX_MS;
}

/*
 * Return true if the lists of @o are in force, and senders may still use a key that
 * was made before.
 */
static bool lists_in_force(const struct group *g, const struct order *o)
{
	return g->policy == o->adopts && !o->until_ms;
}

static void exclude_first(struct group *g, struct order *o)
{
	struct policy *lists;

	if (g->policy == o->adopts) {
		batch_exclude(g, NULL, exclude_first_done, o);
		return;
	}
	lists = lists_only(g, &o->policy->conf);
	o->adopts = lists;
	if (lists)
		batch_exclude(g, lists, exclude_first_done, o);
	else
		adopt_done(g, o, -ENOMEM, "out of memory");
}

/* A change of settings that members do not know, which needs no rekey. */
struct settings_change {
	struct order *o;
	struct gkm_change *c;
	bool times; /* rekeys and beats are rescheduled */
	bool excludes; /* members, which are taken out later */
};

static void adopt_settings_done(struct group *g, void *arg, int ret,
				const char *why)
{
	struct settings_change q = *(struct settings_change *)arg;

	free(arg);
	if (ret) {
		gkm_abandon(g, q.c);
	} else {
		gkm_complete(g, q.c);
		if (q.times)
			g->ops->changed(g);
	}
	if (ret || !q.excludes) {
		adopt_done(g, q.o, ret, why);
		return;
	}
	g->recheck_all = true;
	gmc_recheck_not_authorized(g, g->conf);
	exclude_now_or_later(g, q.o);
}

static int record_policy(struct group *g, const struct gkm_change *c,
			 const char *names)
{
	int ret = commit_begin(g);

	if (ret)
		return ret;
	ret = policy_put(g, c->policy);
	if (!ret)
		ret = gkm_put_state(g, &c->next);
	if (!ret)
		ret = gmc_audit(g->k, g->conf->name, "", "policy", names);
	if (ret)
		commit_discard(g);
	return ret;
}

static void adopt_settings(struct group *g, struct order *o, unsigned int diff,
			   const char *names)
{
	struct settings_change *q = calloc(1, sizeof(*q));
	struct gkm_change *c = q ? gkm_begin(g) : NULL;
	int ret;

	if (!c) {
		free(q);
		adopt_done(g, o, -ENOMEM, "out of memory");
		return;
	}
	q->o = o;
	q->c = c;
	q->times = diff & POLICY_TIMES;
	q->excludes = gmc_some_refused(g, &o->policy->conf);
	o->adopts = o->policy;
	c->policy = o->policy;
	o->policy = NULL;
	ret = record_policy(g, c, names);
	if (ret)
		adopt_settings_done(g, q, ret, strerror(-ret));
	else
		commit_send(g, c->next.version, adopt_settings_done, q);
}

static void run_policy(struct group *g, struct order *o)
{
	struct policy *p = o->policy;
	char names[POLICY_NAMES_MAX], why[POLICY_NAMES_MAX + 16];
	unsigned int diff;

	/* The policy is in force, and all that it does not admit may be out by now. */
	if (!p) {
		if (g->exclude_pending)
			exclude_now_or_later(g, o);
		else
			adopt_done(g, o, 0, "");
		return;
	}
	/* The newer policy excludes the same members, unless they are out by now. */
	if (o->retry && newer_policy_waits(g)) {
		order_end(o, -ECANCELED, 0, "%s", "a later policy waits");
		return;
	}
	diff = policy_diff(&g->policy->conf, &p->conf, ~0u, names,
			   sizeof(names));
	p->version = g->policy->version + 1;
	/* Revoked members are excluded even if the change of policy fails. */
	if (gmc_some_revoked(g)) {
		waiting_request_exclude(g);
		gmc_recheck_not_authorized(g, g->conf);
		g->recheck_all = true;
	}
	if (!diff && g->exclude_pending) {
		g->recheck_all = true;
		o->adopts = g->policy;
		exclude_now_or_later(g, o);
		return;
	}
	if (!diff) {
		order_end(o, 0, 0, "%s", "");
		return;
	}
	if (diff & POLICY_FIXED) {
		adopt_done(g, o, -EBUSY, "key-wrap cannot change");
		return;
	}
	snprintf(why, sizeof(why), "changed: %s", names);
	if (diff & POLICY_RESET &&
	    (lists_in_force(g, o) || gmc_some_refused(g, &p->conf))) {
		exclude_first(g, o);
	} else if (diff & POLICY_RESET) {
		if (!wait_for_exclusion(g, o))
			adopt_by_reset(g, o, why);
	} else if (!pace_exclude_ms(g) && gmc_some_refused(g, &p->conf)) {
		o->adopts = p;
		o->policy = NULL;
		batch_exclude(g, p, exclude_done, o);
	} else {
		adopt_settings(g, o, diff, names);
	}
}

static void close_done(struct group *g, void *arg, int ret, const char *why)
{
	struct order *o = arg;

	if (ret) {
		order_end(o, ret, 0, "group \"%s\" not removed: %s",
			  g->conf->name, why);
		return;
	}
	rate_reset(g->k);
	TAILQ_REMOVE(&g->k->groups, g, all);
	TAILQ_INSERT_TAIL(&g->k->closing, g, all);
	g->closing = true;
	if (TAILQ_EMPTY(&g->out))
		g->ops->quiet(g);
	order_end(o, 0, 0, "%s", "");
}

/* ---- the queue ----------------------------------------------------------- */

static void order_run(struct group *g, struct order *o)
{
	switch (o->kind) {
	case ORDER_EVICT:
	case ORDER_EVICT_AHEAD:
		run_evict(g, o);
		break;
	case ORDER_ADMIT:
		run_admit(g, o);
		break;
	case ORDER_RENEW_SIGNING_KEY:
		schedule_rekey(g, GKM_ASKED_SIGN, "requested", rekey_done, o);
		break;
	case ORDER_REKEY:
		schedule_rekey(g, GKM_ASKED_REKEY, "requested", rekey_done, o);
		break;
	case ORDER_RESET:
		run_reset(g, o);
		break;
	case ORDER_POLICY:
		run_policy(g, o);
		break;
	case ORDER_CLOSE:
		if (!wait_for_exclusion(g, o))
			gkm_reset(g, "the group is removed", close_done, o);
		break;
	}
}

/*
 * An order may have waited, and its caller may be giving another one now. The audit
 * trail has the user who gave the order that is run.
 */
static void run_as_actor(struct group *g, struct order *o)
{
	struct gcks *k = g->k;
	char before[GCKS_ACTOR_MAX];

	memcpy(before, k->actor, sizeof(before));
	memcpy(k->actor, o->actor, sizeof(k->actor));
	order_run(g, o);
	memcpy(k->actor, before, sizeof(k->actor));
}

/* Only evictions and admissions pass a policy that waits. */
static struct order *next_order(const struct group *g)
{
	struct order *o;
	bool held = false;

	TAILQ_FOREACH(o, &g->orders, all) {
		held |= o->waits;
		if (!held || (!o->waits && o->kind <= ORDER_ADMIT))
			return o;
	}
	return NULL;
}

bool orders_run(struct group *g)
{
	struct order *o = next_order(g);

	if (g->commit.busy || !o)
		return false;
	TAILQ_REMOVE(&g->orders, o, all);
	run_as_actor(g, o);
	return true;
}

/*
 * The denied identities of a group outlive it, for the day on which it is
 * configured again. An eviction that waited for the end is therefore written;
 * that nobody is a member any more is no reason to refuse it.
 */
bool orders_run_last(struct group *g)
{
	struct order *o = TAILQ_FIRST(&g->orders);

	if (g->commit.busy || !o)
		return false;
	TAILQ_REMOVE(&g->orders, o, all);
	if (o->kind == ORDER_ADMIT) {
		run_admit(g, o);
		return true;
	}
	if (o->kind == ORDER_EVICT)
		o->kind = ORDER_EVICT_AHEAD;
	if (o->kind == ORDER_EVICT_AHEAD)
		run_evict(g, o);
	else
		order_end(o, -ECANCELED, 0, "%s",
			  "the group is not served any more");
	return true;
}

bool orders_wait(const struct group *g)
{
	return !TAILQ_EMPTY(&g->orders);
}

static struct order *order_new(struct group *g, enum order_kind kind,
			       gcks_done_fn *done, void *arg)
{
	struct order *o = calloc(1, sizeof(*o));

	if (!o) {
		done(arg, -ENOMEM, 0, "out of memory");
		return NULL;
	}
	o->g = g;
	o->kind = kind;
	o->done = done;
	o->arg = arg;
	memcpy(o->actor, g->k->actor, sizeof(o->actor));
	timer_init(&o->wait, exclusion_due, o);
	TAILQ_INSERT_TAIL(&g->orders, o, all);
	if (kind > ORDER_ADMIT)
		shorten_start(g);
	return o;
}

void orders_add(struct group *g, enum order_kind kind, const char *identity,
		gcks_done_fn *done, void *arg)
{
	struct order *o = order_new(g, kind, done, arg);

	if (!o)
		return;
	snprintf(o->identity, sizeof(o->identity), "%s", identity);
	g->ops->idle(g);
}

void orders_add_policy(struct group *g, struct policy *policy,
		       gcks_done_fn *done, void *arg)
{
	struct order *o = order_new(g, ORDER_POLICY, done, arg);

	if (!o) {
		policy_free(policy);
		return;
	}
	o->policy = policy;
	g->ops->idle(g);
}

static void start_policy_done(void *arg, int ret, uint32_t effective_ms,
			      const char *why)
{
	(void)arg;
	(void)effective_ms;
	if (ret && ret != -ECANCELED)
		log_err("group change failed: %s", why);
}

void orders_start_policy(struct group *g, struct policy *policy)
{
	struct order *o = order_new(g, ORDER_POLICY, start_policy_done, NULL);

	if (!o) {
		policy_free(policy);
		return;
	}
	TAILQ_REMOVE(&g->orders, o, all);
	o->retry = policy;
	o->policy = policy_new(&policy->conf, 0);
	if (o->policy)
		policy_requeue(g, o, 0);
	else
		order_end(o, -ENOMEM, 0, "group \"%s\": policy not changed: %s",
			  g->conf->name, "out of memory");
}

void orders_init(struct group *g)
{
	TAILQ_INIT(&g->orders);
}

void orders_move(struct group *from, struct group *to)
{
	struct order *o;

	TAILQ_FOREACH(o, &from->orders, all)
		o->g = to;
	TAILQ_CONCAT(&to->orders, &from->orders, all);
}

void orders_free(struct group *g)
{
	struct order *o;

	while ((o = TAILQ_FIRST(&g->orders))) {
		TAILQ_REMOVE(&g->orders, o, all);
		order_end(o, -ECANCELED, 0, "%s",
			  "the group is no longer served");
	}
}
