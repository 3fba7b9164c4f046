// SPDX-License-Identifier: Apache-2.0
/*
 * Exclusions one after the other: those that come up while the messages of one are
 * being sent share the next change of keys, so that members that stay can follow.
 */
#include <errno.h>

#include "gcks/batch.h"
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/waiting.h"
#include "group_sim.h"
#include "lib/util.h"
#include "tap.h"
#include "wire/proto.h"

#define RECEIVERS 16
#define EVICTED 8
/* Messages of an exclusion, and the time until senders use its keys. */
#define BURST_MS 675
#define EFFECTIVE_MS 1625
/* A slow store may take so long for all changes of a test (SIM_STORE_MS). */
#define STORE_MS 100

static struct sim s;
static struct sim_member *tx;
static struct err err;

static void usual(uint64_t seed, int receivers)
{
	tx = sim_start_receivers(&s, seed, receivers);
	if (!tx)
		bail("not all members are in");
	sim_run(&s, 20000);
	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
}

static struct sim_member *receiver(int i)
{
	return s.m[1 + i];
}

static uint32_t evict(int i)
{
	uint32_t ms;

	if (sim_evict(s.gcks, "video", receiver(i)->name, &ms, &err))
		bail("%s", err.text);
	return ms;
}

static struct group *the_group(void)
{
	return TAILQ_FIRST(&s.gcks->groups);
}

/* A reset while an eviction waits for the messages of the one before. */
static void test_reset(void)
{
	uint64_t at;

	usual(1, 4);
	evict(0);
	sim_run(&s, 100);
	at = s.ms + evict(1);
	sim_run(&s, 50);
	is_int(sim_reset(s.gcks, "video", &err), 0, "the group is reset");
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, receiver(1), at), 0,
	       "the evicted member reads nothing after the time that was told");
	is_int(sim_log_count(&s, "group reset"), 1, "there is one reset");
	is_int(sim_out_of_step(&s), 2, "the others are in step");
	sim_free(&s);
}

/* ---- many evictions ------------------------------------------------------ */

static void test_many(unsigned int loss)
{
	uint64_t rekeys, at[EVICTED];
	unsigned int late = 0, slow = 0, lost = 0;
	int i;

	usual(1, RECEIVERS);
	rekeys = sim_group(&s).rekeys;
	s.loss = loss;
	for (i = 0; i < EVICTED; i++) {
		at[i] = s.ms + evict(i);
		slow += at[i] > s.ms + BURST_MS + EFFECTIVE_MS;
		sim_run(&s, 100);
	}
	sim_run(&s, 20000);
	for (i = 0; i < EVICTED; i++)
		late += sim_has_member(&s, receiver(i)->name) ||
			(!loss && sim_reads_after(&s, receiver(i), at[i]));
	for (; i < RECEIVERS; i++)
		lost += receiver(i)->gaps;
	is_int(late, 0, "%u %% loss: all are out, at the time that was told",
	       loss);
	is_int(slow, 0, "%u %% loss: that is at most %u ms after the order",
	       loss, BURST_MS + EFFECTIVE_MS);
	is_int(sim_group(&s).rekeys - rekeys, 3,
	       "%u %% loss: %u evictions in 0.8 s make 3 changes of keys", loss,
	       EVICTED);
	is_int(lost, 0, "%u %% loss: those who stay lose nothing", loss);
	is_int(s.iv_repeats, 0, "no Message ID came twice");
	sim_free(&s);
}

/* ---- what is said of one that waits ------------------------------------- */

static void test_told(void)
{
	struct gcks_group_status g;
	uint64_t rekeys, now;
	uint32_t ms;

	usual(2, 3);
	evict(0);
	rekeys = sim_group(&s).rekeys;
	sim_run(&s, 200);
	now = s.ms;
	ms = evict(1);
	g = sim_group(&s);
	ok(ms <= BURST_MS - 200 + EFFECTIVE_MS &&
		   ms >= BURST_MS - 200 - STORE_MS + EFFECTIVE_MS,
	   "the second eviction: effective in %u ms", ms);
	is_int(g.rekeys, rekeys,
	       "the second eviction: its change of keys is still to come");
	ok(g.unsent_change && g.unconfirmed == 1 && !g.confirmed_ms,
	   "nothing of it is sent, and the sender has not confirmed it");
	is_int(g.denied, 2, "the identity is denied at once");
	is_int(sim_audited(&s, "evict", "r1.example", "by the next change"), 1,
	       "the order is on record");
	is_int(sim_evict(s.gcks, "video", "r1.example", &ms, &err), -EALREADY,
	       "the same order is refused");
	sim_down(receiver(1));
	sim_up(receiver(1));
	sim_run(&s, BURST_MS - 200);
	is_int(receiver(1)->notify, GIKE_N_AUTHORIZATION_FAILED,
	       "a member that waits for its exclusion gets no keys any more");
	sim_run(&s, 100);
	g = sim_group(&s);
	is_int(g.rekeys, rekeys + 1,
	       "the member is excluded after the first burst");
	ok(!g.unsent_change, "the second exclusion is sent");
	sim_run(&s, 5000);
	ok(sim_group(&s).confirmed_ms, "the second exclusion is confirmed");
	is_int(sim_reads_after(&s, receiver(1),
			       now + BURST_MS - 200 + EFFECTIVE_MS),
	       0, "the excluded member reads nothing later");
	sim_free(&s);
}

/* ---- what may come between ---------------------------------------------- */

static void test_admitted(void)
{
	uint64_t at;
	uint32_t spi;

	usual(3, 3);
	evict(0);
	sim_run(&s, 100);
	evict(1);
	spi = sim_group(&s).data_spi;
	is_int(sim_admit(s.gcks, "video", "r1.example", &err), 0,
	       "an identity is admitted before its eviction is complete");
	at = s.ms;
	ok(sim_group(&s).data_spi != spi && !sim_has_member(&s, "r1.example"),
	   "the member is excluded first");
	sim_down(receiver(1));
	sim_run(&s, 10000);
	is_int(sim_reads_after(&s, receiver(1), at + EFFECTIVE_MS), 0,
	       "nobody can read on with the keys of the excluded member");
	sim_down(receiver(0));
	sim_up(receiver(1));
	ok(sim_settle(&s, 10000) && sim_in(receiver(1)),
	   "the admitted identity may join again");
	sim_free(&s);
}

static void test_restarted(void)
{
	uint64_t at;

	usual(4, 3);
	evict(0);
	sim_run(&s, 100);
	evict(1);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	at = s.ms;
	ok(sim_has_member(&s, "r1.example"), "the key server ends meanwhile");
	sim_run(&s, 20000);
	ok(!sim_has_member(&s, "r1.example"),
	   "the next run of the key server excludes the member");
	is_int(sim_reads_after(&s, receiver(1), at + BURST_MS + EFFECTIVE_MS),
	       0, "the member that the next run excluded reads nothing later");
	is_int(receiver(2)->gaps, 0, "the member that stays loses nothing");
	sim_free(&s);
}

static void test_store_fails(void)
{
	uint64_t at;

	usual(5, 3);
	evict(0);
	sim_run(&s, 100);
	evict(1);
	at = s.ms;
	s.store_errno = -ENOSPC;
	sim_run(&s, 3000);
	ok(sim_has_member(&s, "r1.example") && sim_group(&s).unsent_change,
	   "the store is full: the eviction is not complete, and not said to be");
	s.store_errno = 0;
	sim_run(&s, 10000);
	ok(!sim_has_member(&s, "r1.example") &&
		   !sim_reads_after(&s, receiver(1), at + 10000),
	   "the eviction is repeated when there is room, and the member excluded");
	sim_free(&s);
}

/* ---- other exclusions --------------------------------------------------- */

static void test_lists(void)
{
	static char *names[] = { (char *)"s.example",  (char *)"r0.example",
				 (char *)"r1.example", (char *)"r2.example",
				 (char *)"r3.example", (char *)"r4.example" };
	struct conf_group cg;
	uint64_t rekeys, at;

	usual(6, 5);
	cg = s.cg;
	cg.receivers = (struct conf_names){ .v = names, .n = 6 };
	s.conf.groups = &cg;
	is_int(sim_reload(&s, &err), 0, "lists that have all");
	sim_run(&s, 5000);
	rekeys = sim_group(&s).rekeys;
	evict(0);
	sim_run(&s, 100);
	evict(1);
	/* r4 and r3 are in the lists no more. */
	cg.receivers.n = 5;
	is_int(sim_reload(&s, &err), 0, "a list without r4");
	at = s.ms;
	ok(!sim_has_member(&s, "r4.example"),
	   "the reload is answered when r4 is out");
	is_int(sim_group(&s).rekeys - rekeys, 2,
	       "the reload shares the change of keys of an eviction");
	cg.receivers.n = 4;
	is_int(sim_reload(&s, &err), 0, "a list without r3");
	ok(s.ms - at >= BURST_MS && s.ms - at <= BURST_MS + STORE_MS,
	   "the change for r3 follows when the messages for r4 are sent");
	sim_run(&s, 5000);
	is_int(sim_group(&s).rekeys - rekeys, 3,
	       "the lists without r4 and without r3 make one change each");
	is_int(sim_reads_after(&s, receiver(4), at + EFFECTIVE_MS), 0,
	       "r4 reads nothing more");
	is_int(sim_reads_after(&s, receiver(3), at + BURST_MS + EFFECTIVE_MS),
	       0, "r3 reads nothing more");
	is_int(receiver(2)->gaps, 0, "the member that stays loses nothing");
	sim_free(&s);
}

#define CROWD 2048

/* Members that have a leaf of the tree, and nothing else. */
static void enter_crowd(struct group *g)
{
	struct gmember *m;
	char name[32];
	unsigned int i;
	uint32_t leaf;

	for (i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "x%u.example", i);
		m = gmember_new(name);
		if (!m)
			bail("no memory");
		m->number = g->st.next_number++;
		m->fragments = true;
		if (lkh_add(g->tree, m->number, &leaf))
			bail("no leaf");
		m->leaf = leaf;
		gmc_enter(g, m);
	}
	if (lkh_rekey(g->tree))
		bail("no keys");
	lkh_commit(g->tree);
}

static void test_crowd_leaves(void)
{
	struct htab_walk w = { 0 };
	struct gcks_group_status g;
	unsigned int left;
	struct gmember *m;
	uint64_t rekeys, at;

	usual(7, 2);
	s.cg.max_members = 2 * CROWD;
	enter_crowd(the_group());
	rekeys = sim_group(&s).rekeys;
	left = sim_group(&s).members;
	at = s.ms;
	while ((m = gmc_each(the_group(), &w)))
		if (!sim_random(&s, 4)) {
			waiting_leave_later(the_group(), m);
			left--;
		}
	while (sim_group(&s).members > left && s.ms - at < 60000)
		sim_run(&s, 25);
	g = sim_group(&s);
	at = s.ms - at;
	ok(g.rekeys - rekeys > 1, "a crowd leaves by %u changes of keys",
	   (unsigned int)(g.rekeys - rekeys));
	is_int(g.members, left, "all of it is out");
	ok(at <= (g.rekeys - rekeys - 1) * (BURST_MS + STORE_MS),
	   "each follows when the one before it is sent: %u ms",
	   (unsigned int)at);
	sim_free(&s);
}

int main(void)
{
	RUN(test_reset);
	RUN(test_many, 0);
	RUN(test_many, 2);
	RUN(test_told);
	RUN(test_admitted);
	RUN(test_restarted);
	RUN(test_store_fails);
	RUN(test_lists);
	RUN(test_crowd_leaves);
	return done();
}
