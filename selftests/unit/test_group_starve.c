// SPDX-License-Identifier: Apache-2.0
/*
 * A sender that hears no GSA_REKEY while the keys of the group change all the time: each
 * change gives it some seconds to follow, and none may put off what it is told about those
 * before.
 */
#include <stdio.h>
#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/replaced.h"
#include "group_finish.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "tap.h"

#define EVICTIONS 20
#define RECEIVERS (EVICTIONS + 4)
#define JOINS_MS 120000
/* ATD and copies of an eviction, the time for confirmations, and to ask. */
#define TOLD_MS (1625 + 500 + 400)
/* A sender gets a Sender-ID each 5 s, and asks again 2 s after it was refused. */
#define RATED_MS (TOLD_MS + 5000 + 2000)
/* Times of a change without exclusion until senders use it, and until they are told. */
#define ATD_MS 5000
#define DUE_MS (ATD_MS + 500)

static struct sim s;
static struct sim_member *tx;
static struct group *g;
static struct err err;
static unsigned int n_answers;

static void note_answer(struct sim *x, struct sim_member *m, struct gsa *gsa,
			struct kd *kd)
{
	(void)x;
	(void)gsa;
	(void)kd;
	n_answers += m == tx;
}

static void begin(uint64_t seed, int receivers)
{
	tx = sim_start_receivers(&s, seed, receivers);
	if (!tx)
		bail("not settled");
	sim_stream(&s, tx, 50);
	sim_run(&s, 2000);
	g = TAILQ_FIRST(&s.gcks->groups);
	s.answer = note_answer;
	n_answers = 0;
	tx->deaf = true;
}

static void join_one(void)
{
	static unsigned int n;
	char name[32];

	snprintf(name, sizeof(name), "j%u.example", n++);
	sim_up(sim_add(&s, name, false, true));
}

static void evict_one(const struct sim_member *m)
{
	uint32_t ms;

	if (sim_evict(s.gcks, "video", m->name, &ms, &err))
		bail("%s", err.text);
}

/* Return the packets that receivers number @from and up to @to have lost. */
static unsigned int lost_by(unsigned int from, unsigned int to)
{
	unsigned int i, n = 0;

	for (i = from; i <= to; i++)
		n += s.m[i]->gaps;
	return n;
}

/* ---- a group that is never at rest ----------------------------------------- */

static void test_joins(unsigned int every_ms)
{
	unsigned int rekeys, i;

	begin(5, 4);
	rekeys = sim_group(&s).rekeys;
	for (i = 0; i < JOINS_MS / every_ms; i++) {
		join_one();
		sim_run(&s, every_ms);
	}
	rekeys = sim_group(&s).rekeys - rekeys;
	ok(rekeys >= JOINS_MS / 5200,
	   "a join each %u ms: the keys change all the time, %u times",
	   every_ms, rekeys);
	is_int(lost_by(1, 4), 0, "a join each %u ms: nobody loses a packet",
	       every_ms);
	ok(n_answers && n_answers <= rekeys,
	   "a join each %u ms: the sender asks %u times", every_ms, n_answers);
	ok(tx->n_told <= JOINS_MS / 2000,
	   "a join each %u ms: the sender is told %u times", every_ms,
	   tx->n_told);
	sim_run(&s, 15000);
	is_int(sim_out_of_step(&s), 0, "a join each %u ms: all are in step",
	       every_ms);
	sim_finish(&s, "joins");
}

static void test_evictions(void)
{
	uint64_t at[EVICTIONS];
	unsigned int i, lost, reads = 0;

	begin(7, RECEIVERS);
	for (i = 0; i < EVICTIONS; i++) {
		at[i] = s.ms;
		evict_one(s.m[1 + i]);
		sim_run(&s, 1500);
	}
	sim_run(&s, 15000);
	for (i = 0; i < EVICTIONS; i++)
		reads += sim_reads_after(&s, s.m[1 + i], at[i] + RATED_MS);
	is_int(reads, 0, "evictions: none of %u reads after %u ms", EVICTIONS,
	       RATED_MS);
	is_int(sim_reads_after(&s, s.m[1], at[0] + TOLD_MS), 0,
	       "evictions: the first one reads nothing after %u ms", TOLD_MS);
	lost = lost_by(EVICTIONS + 1, EVICTIONS + 1);
	ok(lost <= 60,
	   "evictions: who stays loses %u packets of %u, those of 3 s at most",
	   lost, (unsigned int)s.n_sent);
	for (i = 0; i < EVICTIONS; i++)
		sim_down(s.m[1 + i]);
	is_int(sim_out_of_step(&s), 0, "evictions: all others are in step");
	sim_finish(&s, "evictions");
}

/* ---- two changes ------------------------------------------------------------ */

/* A join after an eviction, or right before it, must not delay that. */
static void test_eviction_and_join(bool join_first)
{
	const char *what = join_first ? "a join before" : "a join after";
	uint64_t at;

	begin(20 + join_first, 4);
	if (join_first) {
		join_one();
		sim_run(&s, 500);
	}
	at = s.ms;
	evict_one(s.m[4]);
	sim_run(&s, 800);
	if (!join_first)
		join_one();
	sim_run(&s, 20000);
	is_int(sim_reads_after(&s, s.m[4], at + TOLD_MS), 0,
	       "%s: who was evicted reads nothing after %u ms", what, TOLD_MS);
	sim_down(s.m[4]);
	is_int(lost_by(1, 3), 0, "%s: nobody else loses a packet", what);
	is_int(sim_out_of_step(&s), 0, "%s: all others are in step", what);
	sim_finish(&s, what);
}

/* ---- when who is due -------------------------------------------------------- */

static void rekey_once(void)
{
	is_int(sim_rekey(s.gcks, "video", &err), 0, "a rekey: %s", err.text);
	while (sim_group(&s).in_flight)
		sim_run(&s, 1);
}

static void run_until(uint64_t ms)
{
	if (ms < s.ms)
		bail("%ju ms too late", (uintmax_t)(s.ms - ms));
	sim_run(&s, ms - s.ms);
}

static void test_due(void)
{
	uint32_t first, second, excluded;
	uint64_t change;

	/* With a slow store ATD is longer. */
	sim_limit_store(0);
	begin(30, 4);
	tx->offline = true;
	first = sim_group(&s).data_spi;
	is_int(replaced_next_due_ms(g), UINT32_MAX, "due: nothing is");
	rekey_once();
	change = g->change_ms;
	second = sim_group(&s).data_spi;
	run_until(change + 3000);
	rekey_once();
	is_int(replaced_next_due_ms(g), change + DUE_MS - s.ms,
	       "due: the first change is next");
	run_until(change + DUE_MS - 1);
	is_int(replaced_is_due(g, first), false, "due: not yet");
	run_until(change + DUE_MS);
	is_int(replaced_is_due(g, first), true,
	       "due: a sender that missed both");
	is_int(replaced_is_due(g, second), false,
	       "due: a sender that missed the second is not");
	is_int(replaced_is_due(g, sim_group(&s).data_spi), false,
	       "due: a sender that follows is not");
	is_int(replaced_is_due(g, 0), true,
	       "due: who has not reported may have missed both");
	is_int(replaced_next_due_ms(g), g->change_ms + DUE_MS - s.ms,
	       "due: the second change is next");
	excluded = sim_group(&s).data_spi;
	evict_one(s.m[4]);
	run_until(g->change_ms + 1625 + 500);
	is_int(replaced_is_due(g, excluded), true,
	       "due: a sender that missed the exclusion");
	is_int(replaced_is_due(g, second), true,
	       "due: a sender that missed the exclusion and the change before");
	sim_finish(&s, "due");
}

int main(void)
{
	RUN(test_joins, 2000);
	RUN(test_joins, 5000);
	RUN(test_evictions);
	RUN(test_eviction_and_join, false);
	RUN(test_eviction_and_join, true);
	RUN(test_due);
	return done();
}
