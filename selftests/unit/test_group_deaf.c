// SPDX-License-Identifier: Apache-2.0
/*
 * A sender that hears no GSA_REKEY for as long as one likes, because a switch or a filter
 * keeps them away, or was refused when it came back, while it can talk to the key server:
 * that tells it of each change. Who was evicted reads for seconds, and nobody else loses a
 * packet.
 */
#include <stdio.h>
#include <string.h>

#include "gcks/group.h"
#include "group_finish.h"
#include "group_sim.h"
#include "ike/sa.h"
#include "kernel/link.h"
#include "member/mgroup.h"
#include "tap.h"

#define RECEIVERS 8
/* ATD and copies of an eviction, the time for confirmations, and to ask. */
#define TOLD_MS (1625 + 500 + 400)

/* Longest pause of a member that asked a short time ago. */
#define AGAIN_MS 2000
/* A request or its answer may be lost twice. */
#define LOST_MS 8000

static struct sim s;
static struct sim_member *tx;
static struct err err;

static void begin(uint64_t seed, unsigned int every_ms)
{
	tx = sim_start_receivers(&s, seed, RECEIVERS);
	if (!tx)
		bail("not settled");
	if (every_ms)
		sim_stream(&s, tx, every_ms);
	sim_run(&s, 2000);
}

static bool is_current(const struct sim_member *m)
{
	return sim_status(m).data_spi == sim_group(&s).data_spi;
}

/* Evict the last receiver that is left, which goes on listening. */
static struct sim_member *evict_one(unsigned int n)
{
	struct sim_member *m = s.m[RECEIVERS - n];
	uint32_t ms;

	is_int(sim_evict(s.gcks, "video", m->name, &ms, &err), 0,
	       "%s is evicted: %s", m->name, err.text);
	return m;
}

/* The members that stay have lost nothing, and the sender is in step. */
static void nobody_lost(unsigned int evicted)
{
	unsigned int i, n = 0;

	for (i = 1; i <= RECEIVERS - evicted; i++)
		n += s.m[i]->gaps;
	is_int(n, 0, "no receiver that stays has lost a packet");
	ok(is_current(tx), "the sender has the keys of now");
}

static void test_long_deaf(void)
{
	struct sim_member *out;
	uint64_t t0;

	begin(1, 20);
	tx->deaf = true;
	sim_run(&s, 900000);
	t0 = s.ms;
	out = evict_one(0);
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, out, t0 + TOLD_MS), 0,
	       "an evicted member reads nothing after %u ms", TOLD_MS);
	is_int(tx->n_told, 1, "the sender was told once");
	nobody_lost(1);
	sim_finish(&s, "deaf for long");
}

/* Each change, and each kind of it. */
static void test_always_deaf(unsigned int loss)
{
	struct sim_member *out;
	unsigned int i;
	uint64_t t0;

	begin(2 + loss, 20);
	tx->deaf = true;
	s.loss = loss;
	for (i = 0; i < 5; i++) {
		t0 = s.ms;
		out = evict_one(i);
		sim_run(&s, 20000);
		is_int(sim_reads_after(&s, out,
				       t0 + TOLD_MS +
					       (loss ? LOST_MS : AGAIN_MS)),
		       0, "an evicted member reads nothing soon after");
		sim_down(out);
		sim_rekey(s.gcks, NULL, &err);
		sim_run(&s, 15000);
	}
	s.loss = 0;
	sim_run(&s, 20000);
	ok(is_current(tx), "the sender has the keys of now");
	if (!loss)
		nobody_lost(5);
	sim_finish(&s, "deaf for many changes");
}

/* ---- cost ---------------------------------------------------------------- */

static unsigned int n_ignored;

static void ignore_told(void *ctx, struct ike_sa *sa, const uint8_t *group,
			size_t len, uint32_t spi)
{
	(void)ctx;
	(void)sa;
	(void)group;
	(void)len;
	(void)spi;
	n_ignored++;
}

/* A sender that does not listen is told less and less often. */
static void test_ignored(void)
{
	begin(20, 0);
	n_ignored = 0;
	tx->engine->ops.changed = ignore_told;
	tx->deaf = true;
	/* The sender would ask by itself when it hears no beat. */
	timer_del(&s.tq, &TAILQ_FIRST(&tx->m->groups)->silence);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 5000 + 500 + 63000 + 600000 + 1000);
	is_int(n_ignored, 7 + 10,
	       "told after 0, 1, 3, 7, 15, 31, 63 s, and then each minute");
	sim_free(&s);
}

/* Receivers, and senders that hear it, are not told. */
static void test_heard(void)
{
	unsigned int n = 0;
	int i;

	begin(21, 20);
	evict_one(0);
	sim_run(&s, 20000);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 60000);
	for (i = 0; i < s.n; i++)
		n += s.m[i]->n_told;
	is_int(n, 0, "nobody has to be told");
	nobody_lost(1);
	sim_finish(&s, "heard");
}

/*
 * A sender is told while it is off the network, which does not keep it away: for minutes
 * that is no reason to end its IKE SA (RFC 7296 section 2.4), over which it is told when
 * it is back.
 */
static void test_away(unsigned int away_ms, bool opens, bool ends)
{
	unsigned int n;
	uint64_t t0;

	begin(22, 20);
	sim_run(&s, 20000);
	n = sim_log_count(&s, "authentication succeeded: \"s.example\"");
	tx->offline = true;
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, away_ms);
	tx->offline = false;
	t0 = s.ms;
	while (!is_current(tx) && s.ms - t0 < 60000)
		sim_run(&s, 20);
	ok(s.ms - t0 <= 5000, "the sender is back %u ms after %u ms",
	   (unsigned int)(s.ms - t0), away_ms);
	sim_run(&s, 30000);
	ok(sim_in(tx) && is_current(tx), "the member is in");
	is_int(sim_log_count(&s, "no answer to INFORMATIONAL"), ends,
	       "the key server has ended the IKE SA: %d", ends);
	is_int(sim_log_count(&s, "authentication succeeded: \"s.example\"") - n,
	       opens, "the sender has opened another one by itself: %d", opens);
	sim_finish(&s, "away");
}

/* ---- links --------------------------------------------------------------- */

/* The question that a change of links causes does not put off the one after it. */
static void test_moved(void)
{
	struct link_event ev = { .what = LINK_UP };
	struct sim_member *a;

	begin(30, 0);
	a = s.m[1];
	a->deaf = true;
	member_link_event(a->m, &ev);
	sim_run(&s, 20000);
	is_int(sim_status(a).registrations, 2, "asked after a beat");
	sim_run(&s, 53000);
	is_int(sim_status(a).registrations, 3,
	       "the member asks three beats after that");
	sim_finish(&s, "moved");
}

static void link_is(struct sim_member *m, unsigned int what, int ifindex)
{
	struct link_event ev = { .what = what, .link.ifindex = ifindex };

	member_link_event(m->m, &ev);
}

/* The switch is told again of what this host receives where the carrier was lost. */
static void test_carrier(void)
{
	begin(31, 0);
	tx->ifindex = 4;
	link_is(tx, LINK_ROUTE, 0);
	is_int(tx->n_reported, 0,
	       "a change of routes: the group is not reported");
	link_is(tx, LINK_UP, 5);
	is_int(tx->n_reported, 0, "another link: the group is not reported");
	link_is(tx, LINK_DOWN, 4);
	is_int(tx->n_reported, 0,
	       "the link goes down: the group is not reported");
	link_is(tx, LINK_UP, 4);
	is_int(tx->n_reported, 1, "the link is up: the group is reported");
	link_is(tx, LINK_RESYNC, 0);
	is_int(tx->n_reported, 2, "lost events: the group is reported");
	tx->port = 6;
	link_is(tx, LINK_DOWN, 6);
	is_int(tx->n_reported, 2,
	       "a port goes down: the group is not reported");
	link_is(tx, LINK_UP, 6);
	is_int(tx->n_reported, 3,
	       "a port of the bridge is up: the group is reported");
	link_is(tx, LINK_UP, 5);
	is_int(tx->n_reported, 3,
	       "a link beside the bridge is up: the group is not reported");
	sim_finish(&s, "carrier");
}

/* ---- restarts ------------------------------------------------------------ */

/* The kernel of a sender goes on sending while its daemon is refused. */
static void test_restarts(uint64_t seed)
{
	struct sim_member *out;
	bool refused = false;
	unsigned int i;
	uint64_t t0;

	begin(seed, 20);
	for (i = 0; i < 7; i++) {
		sim_down(tx);
		sim_up(tx);
		sim_run(&s, 7000);
		refused |= !sim_in(tx) &&
			   strstr(sim_status(tx).last_error, "too often");
	}
	ok(refused, "a sender that registers too often is told so");
	t0 = s.ms;
	out = evict_one(0);
	sim_run(&s, 30000);
	is_int(sim_reads_after(&s, out, t0 + TOLD_MS), 0,
	       "an evicted member reads nothing after %u ms", TOLD_MS);
	ok(sim_in(tx), "the sender is in");
	nobody_lost(1);
	sim_finish(&s, "restarts");
}

/* Restarts do not get Sender-IDs without end by that. */
static void test_restarts_only(void)
{
	unsigned int before, i;

	begin(50, 0);
	tx->deaf = true;
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 10000);
	before = sim_group(&s).registrations;
	for (i = 0; i < 60; i++) {
		sim_down(tx);
		sim_up(tx);
		sim_run(&s, 1000);
	}
	i = sim_group(&s).registrations - before;
	ok(i <= 6, "60 restarts in a minute after a change: %u registrations",
	   i);
	sim_finish(&s, "restarts only");
}

/* A sender that is rekeyed inband has lost its IKE SA, which the key server knows. */
static void test_inband_back(void)
{
	struct sim_member *out;
	uint32_t ms = 0;
	uint64_t t0;

	sim_init(&s, 60);
	s.cg.inband = INBAND_ASKED;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, false);
	out = sim_add(&s, "r0.example", false, true);
	tx->cg.inband = true;
	out->cg.inband = true;
	sim_up(tx);
	sim_up(out);
	if (!sim_settle(&s, 60000))
		bail("inband: not settled");
	sim_run(&s, 40000);
	sim_stream(&s, tx, 20);
	sim_gcks_down(&s);
	sim_run(&s, 2000);
	sim_gcks_up(&s);
	sim_run(&s, 1000);
	t0 = s.ms;
	is_int(sim_evict(s.gcks, "video", out->name, &ms, &err), 0,
	       "inband: evicted: %s", err.text);
	/* From the second that has gone by, and the time of two stores. */
	is_int(ms, 2 * 15000 + 15000 - 1000 - 4 * s.store_ms,
	       "inband: two checks of the sender, and the time to come back");
	sim_run(&s, 60000);
	ok(sim_reads_after(&s, out, t0 + 1625) > 0,
	   "inband: the evicted member reads for longer than ATD");
	is_int(sim_reads_after(&s, out, t0 + ms), 0,
	       "inband: the evicted member reads for no longer than was told");
	sim_finish(&s, "inband");
}

#define STARTS 40

/* A sender that starts again after each change does not use up the Sender-IDs of all. */
static void test_starts_sparing(void)
{
	unsigned int i, before = 0;

	begin(51, 0);
	tx->cg.sender_ids = 4;
	for (i = 0; i < STARTS; i++) {
		if (i == STARTS / 4)
			before = TAILQ_FIRST(&s.gcks->groups)->st.next_sid;
		sim_down(tx);
		sim_rekey(s.gcks, NULL, &err);
		sim_run(&s, 4000);
		sim_up(tx);
		sim_run(&s, 2500);
	}
	i = TAILQ_FIRST(&s.gcks->groups)->st.next_sid - before;
	ok(i <= 45, "%u starts: %u Sender-IDs", STARTS - STARTS / 4, i);
	sim_finish(&s, "starts sparing");
}

/* The store has another version of the group while a sender is to be told. */
static void test_reread(void)
{
	struct sim_member *out;
	struct group *g;
	uint64_t t0;

	begin(70, 20);
	tx->deaf = true;
	t0 = s.ms;
	out = evict_one(0);
	sim_run(&s, 300);
	g = TAILQ_FIRST(&s.gcks->groups);
	g->ops->stale(g);
	sim_run(&s, 20000);
	is_int(sim_group(&s).unconfirmed, 0,
	       "read again: the deaf sender has confirmed");
	is_int(tx->n_told > 0, 1, "read again: the sender was told");
	is_int(sim_reads_after(&s, out, t0 + 20000), 0,
	       "read again: the evicted member reads nothing");
	sim_finish(&s, "read again");
}

int main(void)
{
	RUN(test_long_deaf);
	RUN(test_always_deaf, 0);
	RUN(test_always_deaf, 10);
	RUN(test_ignored);
	RUN(test_heard);
	RUN(test_away, 45000, false, false);
	RUN(test_away, 60000, true, false);
	RUN(test_away, 150000, true, false);
	RUN(test_away, 290000, true, true);
	RUN(test_moved);
	RUN(test_carrier);
	RUN(test_restarts, 40);
	RUN(test_restarts, 41);
	RUN(test_restarts_only);
	RUN(test_starts_sparing);
	RUN(test_reread);
	RUN(test_inband_back);
	return done();
}
