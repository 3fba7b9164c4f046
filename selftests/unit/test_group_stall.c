// SPDX-License-Identifier: Apache-2.0
/*
 * A store that takes a minute for one change: a disk that is about to fail, a
 * cluster without a quorum. What the key server says of the current keys is
 * still true, so it goes on saying it, and members have no reason to ask.
 */
#include <errno.h>

#include "gcks/group.h"
#include "group_sim.h"
#include "ike/sa.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"

#define MEMBERS 30
#define BEAT_MS 15000u
/* The key server ends IKE SAs that are idle for so long. */
#define IDLE_MS 240000u

static struct sim s;
static struct sim_member *tx, *r;

struct answer {
	unsigned int n;
	int ret;
};

static void take(void *arg, int ret, uint32_t effective_ms, const char *why)
{
	struct answer *w = arg;

	(void)effective_ms;
	(void)why;
	w->n++;
	w->ret = ret;
}

static void start(uint64_t seed, unsigned int loss)
{
	char name[32];
	unsigned int i;

	sim_init(&s, seed);
	s.store_ms = 5;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, true);
	sim_up(tx);
	for (i = 0; i < MEMBERS; i++) {
		snprintf(name, sizeof(name), "r%u.example", i);
		r = sim_add(&s, name, false, true);
		sim_up(r);
	}
	if (!sim_settle(&s, 120000))
		bail("they are not in");
	sim_run(&s, 60000);
	sim_stream(&s, tx, 50);
	sim_run(&s, 1000);
	s.loss = loss;
}

enum work {
	WORK_REKEY,
	WORK_EVICT,
	WORK_RESET,
	WORK_AGAIN, /* a change that makes no keys */
};

static const char *const work_names[] = {
	[WORK_REKEY] = "rekey",
	[WORK_EVICT] = "eviction",
	[WORK_RESET] = "reset",
	[WORK_AGAIN] = "registration",
};

static void begin(enum work what, struct answer *w)
{
	switch (what) {
	case WORK_REKEY:
		gcks_rekey(s.gcks, "video", take, w);
		break;
	case WORK_EVICT:
		gcks_evict(s.gcks, "video", "r0.example", take, w);
		break;
	case WORK_RESET:
		gcks_reset(s.gcks, "video", take, w);
		break;
	case WORK_AGAIN:
		register_now(TAILQ_FIRST(&tx->m->groups));
		sim_run(&s, 10);
		break;
	}
}

/* Let the store take @ms for a change of this kind, then be well again. */
static void stall(enum work what, unsigned int ms, struct answer *w)
{
	s.store_ms = ms;
	begin(what, w);
	s.store_ms = 5;
}

static void test_stall(enum work what, unsigned int ms, unsigned int loss)
{
	const char *name = work_names[what];
	struct answer w = { 0 };
	struct ike_stats st;
	uint64_t beats;

	start(1 + what, loss);
	st = s.engine->stats;
	beats = sim_group(&s).beats;
	stall(what, ms, &w);
	sim_run(&s, ms / 2);
	ok(sim_group(&s).in_flight, "%s, %u ms: the change is in flight", name,
	   ms);
	ok(sim_group(&s).beats - beats >= ms / 2 / BEAT_MS,
	   "%s, %u ms: %u beats meanwhile", name, ms,
	   (unsigned int)(sim_group(&s).beats - beats));
	is_int(sim_out_of_step(&s), 0, "%s, %u ms: the beats are true", name,
	       ms);
	/* The member that registers tries again by another IKE SA. */
	if (!loss)
		ok(s.engine->stats.group_requests - st.group_requests <=
			   (what == WORK_AGAIN ? 8 : 0),
		   "%s, %u ms: nobody asks", name, ms);
	sim_run(&s, ms / 2 + 100000);
	if (what != WORK_AGAIN)
		ok(w.n == 1 && !w.ret, "%s, %u ms: the change is made", name,
		   ms);
	/* An evicted member tries again, and others whose IKE SA was idle. */
	if (what != WORK_RESET && ms < IDLE_MS)
		ok(s.engine->stats.up - st.up <= 3,
		   "%s, %u ms, loss %u: %u IKE SAs made", name, ms, loss,
		   (unsigned int)(s.engine->stats.up - st.up));
	is_int(sim_out_of_step(&s), what == WORK_EVICT,
	       "%s, %u ms: all are in step afterwards", name, ms);
	if (!loss)
		is_int(r->gaps, 0, "%s, %u ms: a receiver loses nothing", name,
		       ms);
	is_int(s.n_unsent, 0, "%s, %u ms: the sender always has a key", name,
	       ms);
	is_int(s.iv_repeats, 0, "%s, %u ms: no IV was used twice", name, ms);
	sim_free(&s);
}

/*
 * Members that hear nothing although the key server goes on: no multicast, and a
 * store that stalls. They ask over the IKE SAs that they have, and are told to
 * come back, as nobody can be answered; nobody makes another IKE SA.
 */
static void test_deaf_crowd(void)
{
	struct answer w = { 0 };
	struct ike_stats st;
	unsigned int asked;
	int i;

	start(20, 0);
	for (i = 0; i < s.n; i++)
		s.m[i]->deaf = true;
	st = s.engine->stats;
	stall(WORK_REKEY, 120000, &w);
	sim_run(&s, 119000);
	ok(sim_group(&s).in_flight, "deaf crowd: the change is in flight");
	asked = s.engine->stats.group_requests - st.group_requests;
	/* Each asks within 4 to 5 s again, after about a minute of silence. */
	ok(asked >= MEMBERS && asked <= MEMBERS * 25,
	   "deaf crowd: members ask, %u times", asked);
	is_int(s.engine->stats.up - st.up, 0,
	       "deaf crowd: over the IKE SAs that they have");
	ok(sim_group(&s).pending <= MEMBERS,
	   "deaf crowd: %u wait for the store",
	   (unsigned int)sim_group(&s).pending);
	for (i = 0; i < s.n; i++)
		s.m[i]->deaf = false;
	sim_run(&s, 120000);
	is_int(s.engine->stats.up - st.up, 0,
	       "deaf crowd: no other IKE SA afterwards");
	is_int(sim_out_of_step(&s), 0, "deaf crowd: all are in step");
	is_int(r->gaps, 0, "deaf crowd: a receiver loses nothing");
	is_int(s.iv_repeats, 0, "deaf crowd: no IV was used twice");
	sim_free(&s);
}

/*
 * A member that missed a rekey asks, and a host joins, while the store takes @ms for another
 * change: they are told to come back, and are served within @back_ms when the store is well.
 */
static void test_asks_meanwhile(unsigned int ms, unsigned int back_ms)
{
	struct answer w = { 0 };
	struct sim_member *n;
	uint64_t end;

	start(50, 0);
	n = sim_add(&s, "new.example", false, true);
	r->deaf = true;
	gcks_rekey(s.gcks, "video", take, &w);
	sim_run(&s, 4900);
	r->deaf = false;
	stall(WORK_REKEY, ms, &w);
	end = s.ms + ms;
	sim_up(n);
	sim_run(&s, ms);
	ok(!sim_in(r) && !sim_in(n), "%u ms: both wait for the store", ms);
	while (s.ms < end + 60000 && (!sim_in(r) || !sim_in(n)))
		sim_run(&s, 10);
	ok(s.ms - end <= back_ms, "%u ms: both are in %u ms later", ms,
	   (unsigned int)(s.ms - end));
	/* The first request of a host, which opens an IKE SA, cannot be put off. */
	is_int(sim_group(&s).refused, 1, "%u ms: the host was refused once",
	       ms);
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "%u ms: all are in step", ms);
	sim_free(&s);
}

/* Beats go out while the change is written, and then the process dies. */
static void test_killed(enum work what, bool written)
{
	const char *name = work_names[what];
	struct answer w = { 0 };
	unsigned int i;

	start(30 + what, 0);
	for (i = 0; i < 4; i++) {
		if (written) {
			s.crash = SIM_AFTER_COMMIT;
			s.crash_in = 0;
		}
		stall(what, 40000, &w);
		sim_run(&s, written ? 60000 : 35000);
		if (written && !s.crashed)
			bail("the key server is alive");
		sim_gcks_down(&s);
		sim_gcks_up(&s);
		sim_run(&s, 30000);
	}
	sim_run(&s, 60000);
	is_int(s.iv_repeats, 0, "%s, killed %s the write: no IV twice", name,
	       written ? "after" : "before");
	is_int(sim_out_of_step(&s), 0,
	       "%s, killed %s the write: all are in step", name,
	       written ? "after" : "before");
	if (what != WORK_RESET)
		is_int(r->gaps, 0, "%s, killed %s the write: nothing is lost",
		       name, written ? "after" : "before");
	sim_free(&s);
}

/* A store that fails in the end: the message of the change is never sent. */
static void test_fails(void)
{
	struct answer w = { 0 };
	uint64_t beats;
	int i;

	start(40, 0);
	for (i = 0; i < 3; i++) {
		s.store_errno = -EIO;
		stall(WORK_REKEY, 50000, &w);
		beats = sim_group(&s).beats;
		sim_run(&s, 60000);
		s.store_errno = 0;
		ok(sim_group(&s).beats - beats >= 3,
		   "store that fails after all: beats go on");
	}
	is_int(w.ret, -EIO, "store that fails after all: the answer says it");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0,
	       "store that fails after all: all are in step");
	is_int(r->gaps, 0, "store that fails after all: nothing is lost");
	is_int(s.iv_repeats, 0, "store that fails after all: no IV twice");
	sim_free(&s);
}

int main(void)
{
	RUN(test_stall, WORK_REKEY, 50000, 0);
	RUN(test_stall, WORK_REKEY, 50000, 5);
	RUN(test_stall, WORK_REKEY, 300000, 0);
	RUN(test_stall, WORK_EVICT, 50000, 0);
	RUN(test_stall, WORK_RESET, 50000, 0);
	RUN(test_stall, WORK_AGAIN, 50000, 0);
	RUN(test_deaf_crowd);
	RUN(test_asks_meanwhile, 6000, 1000);
	RUN(test_asks_meanwhile, 20000, 1000);
	RUN(test_asks_meanwhile, 50000, 1000);
	RUN(test_killed, WORK_REKEY, false);
	RUN(test_killed, WORK_REKEY, true);
	RUN(test_killed, WORK_RESET, false);
	RUN(test_killed, WORK_RESET, true);
	RUN(test_fails);
	return done();
}
