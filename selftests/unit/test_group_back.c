// SPDX-License-Identifier: Apache-2.0
/*
 * Members come back after a reset that they were told of, one after the other. Nobody who
 * is entitled loses a packet: all get one Data SA, which senders use when they are back.
 */
#include "gcks/group.h"
#include "group_sim.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"

#define CROWD 12
/* Senders go on with the key of before for so long: DTD without two seconds. */
#define HOLD_MS 13000

static struct sim s;
static struct sim_member *tx;
static const struct group *g;
static struct err err;

static void usual(uint64_t seed, unsigned int store_ms)
{
	tx = sim_start_receivers(&s, seed, CROWD);
	if (!tx)
		bail("they are not in");
	sim_gcks_down(&s);
	s.store_ms = store_ms;
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	g = TAILQ_FIRST(&s.gcks->groups);
	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
}

static void reset(void)
{
	is_int(sim_reset(s.gcks, "video", &err), 0, "the group is reset");
}

static void finish(void)
{
	is_int(sim_gaps(&s), 0, "no member has lost a packet");
	is_int(s.n_unsent, 0, "the sender always had a key");
	is_int(sim_out_of_step(&s), 0, "all members are in step");
	is_int(sim_group(&s).unconfirmed, 0, "the sender has confirmed it");
	is_int(s.iv_repeats + mock_iv_clashes, 0, "no number came twice");
	sim_free(&s);
}

/* The stream comes on a way of its own. */
static void cut_off(struct sim_member *m, bool is)
{
	m->deaf = is;
	m->mute = is;
}

/* @off receivers, and the sender if @sender, hear and reach nobody for @off_ms. */
static void test_all_back(unsigned int store_ms, int off, bool sender,
			  unsigned int off_ms)
{
	unsigned int before;
	int i;

	usual(10 + off, store_ms);
	before = s.n_keys;
	for (i = 1; i <= off; i++)
		cut_off(s.m[i], true);
	cut_off(tx, sender);
	reset();
	sim_run(&s, off_ms);
	for (i = 0; i <= off; i++)
		cut_off(s.m[i], false);
	sim_run(&s, 60000 - off_ms);
	is_int(s.n_keys - before, 1, "one Data SA was used since the reset");
	is_int(sim_group(&s).members, 1 + CROWD, "all members are back");
	finish();
}

#define NEWCOMERS 4

/* Two join while the others come back, and two later. */
static void test_newcomers(void)
{
	struct sim_member *m[NEWCOMERS];
	uint64_t at_ms[NEWCOMERS];
	uint32_t spi, last;
	char name[32];
	int i;

	usual(30, 0);
	reset();
	sim_run(&s, HOLD_MS - 8000);
	last = gkm_spi(&g->st);
	for (i = 0; i < NEWCOMERS; i++) {
		snprintf(name, sizeof(name), "new%d.example", i);
		m[i] = sim_add(&s, name, false, true);
		at_ms[i] = s.ms;
		sim_up(m[i]);
		sim_run(&s, i < 2 ? 3500 : 7000);
		ok(sim_in(m[i]), "newcomer %d is in", i);
		spi = gkm_spi(&g->st);
		is_int(spi == last, i < 2,
		       "newcomer %d has the Data SA of those before: %d", i,
		       i < 2);
		last = spi;
		/* The others use what they have. */
		sim_run(&s, i == 1 ? 2000 : 0);
	}
	sim_run(&s, 20000);
	for (i = 0; i < NEWCOMERS; i++)
		is_int(sim_reads_before(&s, m[i], at_ms[i]), 0,
		       "newcomer %d reads nothing of before", i);
	finish();
}

/*
 * The sender is gone for an hour. What it gets then, all receivers have, and it may use it
 * at once.
 */
static void test_sender_late(void)
{
	uint32_t spi;

	usual(31, 0);
	sim_stream_stop(&s);
	sim_down(tx);
	reset();
	sim_run(&s, 1800000);
	spi = gkm_spi(&g->st);
	sim_up(tx);
	sim_run(&s, 100);
	ok(sim_in(tx), "the sender is in after half an hour");
	is_int(gkm_spi(&g->st), spi,
	       "the sender has the Data SA that receivers have");
	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	is_int(s.m[1]->got, 50, "a receiver can read each packet at once");
	is_int(s.n_unsent, 0, "the sender has had a key at once");
	is_int(sim_out_of_step(&s), 0, "all members are in step");
	sim_free(&s);
}

/* Reasons for another Data SA, though no sender has used the one of the reset. */
enum reason {
	REASON_NONE,
	REASON_ASKED,
	REASON_USED_UP,
	REASON_RENEWED,
	REASON_LEFT,
	REASON_EVICTED,
};

static void test_another(enum reason why)
{
	struct mgroup *mg;
	struct sim_member *m;
	uint32_t spi, ms;

	usual(40 + why, 0);
	if (why == REASON_RENEWED) {
		s.cg.membership_lifetime = 3600;
		is_int(sim_reload(&s, &err), 0, "memberships end");
		sim_stream_stop(&s);
		sim_down(tx);
	}
	reset();
	sim_run(&s, why == REASON_RENEWED ? 1200000 : HOLD_MS - 8000);
	spi = gkm_spi(&g->st);
	m = sim_add(&s, "new.example", false, true);
	mg = TAILQ_FIRST(&s.m[2]->m->groups);
	if (why == REASON_ASKED)
		((struct group *)g)->st.asked = GKM_ASKED_REKEY;
	if (why == REASON_RENEWED) {
		register_now(mg);
		sim_run(&s, 1000);
		is_int(g->n_renewed, 1, "a leaf has another key");
	}
	if (why == REASON_USED_UP) {
		/* The next batch waits for the copies of this one. */
		sim_up(sim_add(&s, "newer.example", false, true));
		sim_run(&s, 200);
		is_int(gkm_spi(&g->st), spi, "the Data SA is the same");
		mg->used_up = true;
		register_now(mg);
	}
	if (why == REASON_LEFT)
		member_leave(s.m[2]->m, "video");
	if (why == REASON_EVICTED)
		is_int(sim_evict(s.gcks, "video", s.m[2]->name, &ms, &err), 0,
		       "a member is evicted before the others are back");
	sim_up(m);
	sim_run(&s, 8000);
	ok(sim_in(m), "reason %d: the newcomer is in", why);
	is_int(gkm_spi(&g->st) != spi, why != REASON_NONE,
	       "reason %d: there is another Data SA: %d", why,
	       why != REASON_NONE);
	if (why == REASON_RENEWED)
		sim_up(tx);
	sim_run(&s, 60000);
	if (why >= REASON_LEFT)
		sim_down(s.m[2]);
	is_int(sim_out_of_step(&s), 0, "all members are in step");
	sim_free(&s);
}

/* Return how many milliseconds before @in_ms the oldest key of @m was in use. */
static uint64_t oldest_ms(const struct sim_member *m, uint64_t in_ms)
{
	uint64_t ms = 0;
	unsigned int i;

	for (i = 0; i < s.n_keys; i++)
		if (s.key[i].first_ms < in_ms &&
		    in_ms - s.key[i].first_ms > ms &&
		    mock_kernel_had(&m->mk, s.key[i].key))
			ms = in_ms - s.key[i].first_ms;
	return ms;
}

/*
 * The key server decides that a newcomer gets the Data SA that nobody has used yet, and
 * its store takes until senders have. @lead_ms: from the request until then. @dies: it is
 * killed when the store has the newcomer, who asks its successor.
 */
static void test_stalled(unsigned int stall_ms, unsigned int lead_ms, bool dies,
			 bool as_sender)
{
	bool late = stall_ms > lead_ms;
	struct sim_member *m;
	unsigned int i;
	uint32_t spi;

	usual(50 + lead_ms / 1000, 5);
	m = sim_add(&s, as_sender ? "s2.example" : "new.example", as_sender,
		    true);
	reset();
	for (i = 0; i < 3000 && !(g->st.keyed && g->pace.given &&
				  pace_switch_ms(g) <= lead_ms);
	     i++)
		sim_run(&s, 10);
	spi = gkm_spi(&g->st);
	s.store_ms = stall_ms;
	sim_up(m);
	for (i = 0; i < 100 && !g->commit.busy; i++)
		sim_run(&s, 10);
	ok(g->commit.busy, "stall of %u ms: the store has the join", stall_ms);
	s.store_ms = 5;
	if (dies) {
		s.crash = SIM_AFTER_COMPLETION;
		s.crash_in = 1;
	}
	for (i = 0; i < 6000 && !s.crashed && !sim_in(m); i++)
		sim_run(&s, 10);
	if (dies) {
		ok(s.crashed, "the key server dies when it has the newcomer");
		sim_gcks_down(&s);
		s.crash = SIM_NO_CRASH;
		sim_gcks_up(&s);
		g = TAILQ_FIRST(&s.gcks->groups);
		is_int(gkm_spi(&g->st), spi, "the Data SA was kept");
		sim_settle(&s, 60000);
	}
	ok(sim_in(m), "stall of %u ms: the newcomer is in", stall_ms);
	is_int(gkm_spi(&g->st) != spi, late,
	       "stall of %u ms: the newcomer gets another Data SA: %d",
	       stall_ms, late);
	is_int(oldest_ms(m, s.ms), 0,
	       "stall of %u ms: the newcomer reads nothing of before",
	       stall_ms);
	sim_run(&s, 60000);
	is_int(g->n_joins, dies ? 0 : 1 + 1 + CROWD,
	       "stall of %u ms: the newcomer has joined once", stall_ms);
	is_int(sim_group(&s).members, 1 + 1 + CROWD,
	       "stall of %u ms: all members are back", stall_ms);
	finish();
}

int main(void)
{
	RUN(test_all_back, 0, 0, false, 0);
	RUN(test_all_back, 5, 0, false, 0);
	RUN(test_all_back, 200, 0, false, 0);
	RUN(test_all_back, 0, 3, false, 4000);
	RUN(test_all_back, 5, 3, true, 4000);
	RUN(test_all_back, 200, 3, true, 7000);
	RUN(test_newcomers);
	RUN(test_stalled, 2000, 3000, false, false);
	RUN(test_stalled, 4000, 3000, false, false);
	RUN(test_stalled, 10000, 3000, false, true);
	RUN(test_stalled, 4000, 1000, true, false);
	/* The request comes in the second in which the Data SA was made. */
	RUN(test_stalled, 12000, 9990, true, false);
	RUN(test_sender_late);
	RUN(test_another, REASON_NONE);
	RUN(test_another, REASON_ASKED);
	RUN(test_another, REASON_USED_UP);
	RUN(test_another, REASON_RENEWED);
	RUN(test_another, REASON_LEFT);
	RUN(test_another, REASON_EVICTED);
	return done();
}
