// SPDX-License-Identifier: Apache-2.0
/*
 * Timers of a group's keys: lifetimes, the periodic rekey, and the beat. A beat
 * repeats the current Data SA. A member that missed a rekey receives it over a
 * Rekey SA that it does not have, a member that missed the second message of an
 * exclusion gets the Data SA, and a member that receives nothing knows that it
 * has to ask.
 */
#include "gcks/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/batch.h"
#include "gcks/gkm.h"
#include "gcks/gkm_msg.h"
#include "gcks/gkm_store.h"
#include "gcks/group_time.h"
#include "gcks/inband.h"
#include "gcks/mids.h"
#include "gcks/outbox.h"
#include "gcks/term.h"
#include "lib/util.h"

/* Retry after a beat was not sent. */
#define UNSENT_MS 1000
/* Whole seconds are compared, and clocks are corrected by less than this. */
#define CLOCK_MS 2000
/* Delay of the first beat after the last copy of a change. */
#define FIRST_BEAT_MS 1000

/* ---- beats -------------------------------------------------------------- */

/* A beat that could not be stored or sent is repeated soon. */
static void retry_beat(struct group *g, int ret)
{
	if (ret && ret != -ECANCELED)
		timer_set(g->k->deps.tq, &g->beat, COMMIT_RETRY_MS);
	else if (!ret && g->send_errno)
		timer_set(g->k->deps.tq, &g->beat, UNSENT_MS);
}

static void send_beat(struct group *g)
{
	struct outbox out = TAILQ_HEAD_INITIALIZER(out);
	int ret = gkm_beat_message(g, &out);

	if (!ret) {
		outbox_send_all(g, &out);
		g->beats++;
	}
	retry_beat(g, ret);
}

/*
 * Without any Message ID the beat waits for this. If the store fails, the beat
 * is not due any more but later, or the idle group would try without a pause.
 */
static void reservation_failed(struct group *g, int ret, const char *why)
{
	commit_log_failure(g, "Message IDs", ret, why);
	if (mids_left(g))
		return;
	g->due &= ~DUE_BEAT;
	retry_beat(g, ret);
}

static void reservation_done(struct group *g, void *arg, int ret,
			     const char *why)
{
	if (ret) {
		gkm_abandon(g, arg);
		reservation_failed(g, ret, why);
	} else {
		gkm_complete(g, arg);
	}
}

static void reserve_mids(struct group *g)
{
	struct gkm_change *c = gkm_begin(g);
	int ret = c ? commit_begin(g) : -ENOMEM;

	if (!ret) {
		c->next.time_ms = gkm_time_ms(g);
		ret = gkm_put_state(g, &c->next);
		if (!ret) {
			commit_send(g, c->next.version, reservation_done, c);
			return;
		}
		commit_discard(g);
	}
	if (c)
		gkm_abandon(g, c);
	reservation_failed(g, ret, strerror(-ret));
}

/*
 * Return the age in seconds at which @k is replaced. A key whose lifetime is too
 * short for the rekey-interval of today was made under another policy. Its own
 * lifetime counts then, and half of it is left for what may go wrong.
 */
static int64_t replace_age(const struct group *g, const struct gkey *k)
{
	const struct conf_group *c = g->conf;

	if (k->lifetime > (uint64_t)c->rekey_interval + c->dtd)
		return c->rekey_interval;
	return k->lifetime > c->dtd ? (k->lifetime - c->dtd) / 2 : 0;
}

static int64_t replace_in(const struct group *g, const struct gkey *k)
{
	return k->made + replace_age(g, k) - group_wall(g);
}

/* Return the seconds until the keys are replaced, by the wall clock of now. */
static int64_t replace_left(const struct group *g)
{
	int64_t data = replace_in(g, &g->st.data[0].key);
	int64_t rekey = replace_in(g, &g->st.rekey);
	int64_t left = data < rekey ? data : rekey;

	if (left < 0 || mids_ending(g))
		left = 0;
	return left < g->conf->rekey_interval ? left : g->conf->rekey_interval;
}

/*
 * Lifetimes end by the wall clock and the timer does not follow it: if the clock is set
 * forward the keys must be replaced before they end.
 */
static void follow_clock(struct group *g)
{
	uint64_t left = replace_left(g) * MSEC_PER_SEC;

	if (timer_armed(&g->periodic) &&
	    timer_left_ms(g->k->deps.tq, &g->periodic) > left + CLOCK_MS)
		timer_set(g->k->deps.tq, &g->periodic, left);
}

static void beat_due(void *arg)
{
	schedule_beat(arg);
}

void schedule_beat(struct group *g)
{
	uint32_t wait = pace_beat_ms(g);

	g->due &= ~DUE_BEAT;
	if (!g->st.keyed || !g->n_members)
		return;
	if (wait) {
		timer_set(g->k->deps.tq, &g->beat, wait);
		return;
	}
	timer_set(g->k->deps.tq, &g->beat, g->conf->beat * MSEC_PER_SEC);
	follow_clock(g);
	/* A member may change to multicast rekeys without a change of keys. */
	if (!group_multicast(g))
		return;
	if (mids_ending(g))
		timer_set(g->k->deps.tq, &g->periodic, pace_wait_ms(g));
	/* Another server may have made other keys. */
	if (!gkm_left(g, &g->st.data[0].key) || timer_armed(&g->reread))
		return;
	/*
	 * The current SAs stay current until the store has those of the change
	 * in flight, and members that hear nothing would ask.
	 */
	if (mids_left(g))
		send_beat(g);
	else if (mids_low(g) || g->commit.busy)
		g->due |= DUE_BEAT;
	if (mids_low(g) && !g->commit.busy)
		reserve_mids(g);
}

void schedule_beat_soon(struct group *g, uint32_t ms)
{
	if (timer_armed(&g->beat) &&
	    timer_left_ms(g->k->deps.tq, &g->beat) > ms)
		timer_set(g->k->deps.tq, &g->beat, ms);
}

/* ---- periodic ----------------------------------------------------------- */

/* A rekey in progress and its waiting caller. */
struct rekey_call {
	commit_fn *done;
	void *arg;
};

static int write_paths(struct group *g, struct gkm_change *c, void *arg)
{
	(void)c;
	(void)arg;
	return term_put_paths(g);
}

static void scheduled_rekey_done(struct group *g, void *arg, int ret,
				 const char *why)
{
	struct rekey_call t = *(struct rekey_call *)arg;

	free(arg);
	term_paths_done(g, !ret);
	t.done(g, t.arg, ret, why);
}

static void rekey_deferred(struct group *g, void *arg, int ret, const char *why)
{
	struct gkm_change *c = arg;
	commit_fn *done = c->done;
	void *done_arg = c->arg;

	if (ret) {
		commit_log_failure(g, "a rekey that waits", ret, why);
		gkm_abandon(g, c);
	} else {
		gkm_complete(g, c);
		timer_set(g->k->deps.tq, &g->periodic, pace_wait_ms(g));
	}
	done(g, done_arg, ret, why);
}

/*
 * The answer promises a rekey, so a restart of the key server must not forget
 * it.
 */
static void rekey_defer(struct group *g, unsigned int asked, commit_fn *done,
			void *arg)
{
	struct gkm_change *c = gkm_begin(g);
	int ret = c ? commit_begin(g) : -ENOMEM;

	if (!ret) {
		c->done = done;
		c->arg = arg;
		c->next.asked |= asked;
		ret = gkm_put_state(g, &c->next);
		if (!ret) {
			commit_send(g, c->next.version, rekey_deferred, c);
			return;
		}
		commit_discard(g);
	}
	if (c)
		gkm_abandon(g, c);
	commit_log_failure(g, "a rekey that waits", ret, strerror(-ret));
	done(g, arg, ret, strerror(-ret));
}

void schedule_rekey(struct group *g, unsigned int asked, const char *why,
		    commit_fn *done, void *arg)
{
	uint32_t wait = pace_wait_ms(g);
	const char *used_up = batch_used_up(g);
	struct gkm_change *c;
	struct rekey_call *t;
	int ret;

	if ((wait || g->exclude_pending) && asked) {
		rekey_defer(g, asked, done, arg);
		return;
	}
	/* New keys are not for members without authorization that are still in. */
	if (g->exclude_pending && !pace_exclude_ms(g)) {
		batch_exclude(g, NULL, done, arg);
		return;
	}
	if (g->exclude_pending)
		wait = pace_exclude_ms(g);
	if (wait) {
		timer_set(g->k->deps.tq, &g->periodic, wait);
		done(g, arg, 0, "");
		return;
	}
	if (used_up) {
		gkm_reset(g, used_up, done, arg);
		return;
	}
	t = calloc(1, sizeof(*t));
	c = t ? gkm_begin(g) : NULL;
	ret = c ? term_renew_paths(g, false) : -ENOMEM;
	if (ret < 0) {
		if (c)
			gkm_abandon(g, c);
		free(t);
		done(g, arg, ret, strerror(-ret));
		return;
	}
	t->done = done;
	t->arg = arg;
	c->next.asked |= asked;
	gkm_commit(g, c, ret ? GKM_JOIN : GKM_SIMPLE, write_paths, why,
		   scheduled_rekey_done, t);
}

static void periodic_done(struct group *g, void *arg, int ret, const char *why)
{
	(void)arg;
	(void)why;
	if (ret && ret != -ECANCELED)
		timer_set(g->k->deps.tq, &g->periodic, COMMIT_RETRY_MS);
}

void schedule_periodic(struct group *g)
{
	uint32_t wait;

	if (g->commit.busy) {
		g->due |= DUE_REKEY;
		return;
	}
	g->due &= ~DUE_REKEY;
	/* Nobody asked for this rekey, so that it can wait for members. */
	wait = g->st.asked ? 0 : inband_wait_ms(g);
	if (wait) {
		timer_set(g->k->deps.tq, &g->periodic, wait);
		return;
	}
	/* Without members the next join makes new keys anyway. */
	if (g->st.keyed && g->n_members)
		schedule_rekey(g, 0, "periodic", periodic_done, NULL);
}

static void periodic_due(void *arg)
{
	schedule_periodic(arg);
}

void schedule_start(struct group *g)
{
	uint32_t first = pace_copies_ms(g) + FIRST_BEAT_MS;

	schedule_stop(g);
	if (!g->st.keyed)
		return;
	/* A rekey that was asked for does not wait for the next interval. */
	timer_set(g->k->deps.tq, &g->periodic,
		  g->st.asked ? pace_wait_ms(g)
			      : replace_left(g) * MSEC_PER_SEC);
	if (first > g->conf->beat * MSEC_PER_SEC)
		first = g->conf->beat * MSEC_PER_SEC;
	timer_set(g->k->deps.tq, &g->beat, first);
}

void schedule_init(struct group *g)
{
	timer_init(&g->periodic, periodic_due, g);
	timer_init(&g->beat, beat_due, g);
}

void schedule_stop(struct group *g)
{
	timer_del(g->k->deps.tq, &g->periodic);
	timer_del(g->k->deps.tq, &g->beat);
}
