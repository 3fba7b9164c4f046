// SPDX-License-Identifier: Apache-2.0
/*
 * Two hundred members that join, leave, crash and are evicted at random, over a
 * network that loses rekeys, with a key server that is killed now and then.
 * Seeds are fixed; MCSEC_SEED=N uses another one.
 */
#include "group_sim.h"
#include "tap.h"

#include <stdlib.h>

static struct sim s;

/* Expected state of each member. */
static struct {
	bool was_up;
	uint64_t first_up;
	bool evicted;
	uint64_t blind; /* reads nothing that is sent from here on */
} know[SIM_MAX];

struct counts {
	unsigned int joins, leaves, evictions, crashes, kills, rekeys;
};

/* Each receiver loses one GSA_REKEY in ten, and the sender loses none. */
static bool lose(struct sim *sim, struct sim_member *m, const uint8_t *p,
		 size_t len)
{
	(void)p;
	(void)len;
	return m->i && sim_random(sim, 10) == 0;
}

static struct sim_member *any(void)
{
	return s.m[1 + sim_random(&s, s.n - 1)];
}

static void come(struct counts *n)
{
	struct sim_member *m = any();

	if (m->up || know[m->i].evicted)
		return;
	if (!know[m->i].was_up)
		know[m->i].first_up = s.ms;
	know[m->i].was_up = true;
	sim_up(m);
	n->joins++;
}

static void go(struct counts *n)
{
	struct sim_member *m = any();

	if (!sim_in(m))
		return;
	n->leaves++;
	member_leave(m->m, NULL);
	sim_run(&s, 500);
	member_join(m->m, NULL);
}

static void evict(struct counts *n)
{
	struct sim_member *m = any();
	struct err err;
	uint32_t ms;
	int i;

	if (!s.gcks_up || !sim_in(m) || know[m->i].evicted)
		return;
	if (sim_evict(s.gcks, "video", m->name, &ms, &err))
		return;
	/* An eviction in flight is completed by this one. */
	for (i = 0; i < s.n; i++)
		if (know[i].evicted && know[i].blind > s.ms)
			know[i].blind = s.ms + ms;
	know[m->i].evicted = true;
	/* After a crash in between the message is sent again at the restart. */
	know[m->i].blind = s.ms + ms;
	n->evictions++;
}

static void crash(struct counts *n)
{
	struct sim_member *m = any();

	if (!m->up)
		return;
	sim_down(m);
	n->crashes++;
}

static void kill_gcks(struct counts *n)
{
	/* An eviction that was reported as done has been sent. */
	sim_run(&s, 4000);
	s.crash = 1 + sim_random(&s, 3);
	s.crash_in = sim_random(&s, 4);
	sim_run(&s, 2000);
	sim_gcks_down(&s);
	sim_run(&s, sim_random(&s, 20000));
	sim_gcks_up(&s);
	n->kills++;
}

static void rekey(struct counts *n)
{
	struct err err;

	if (s.gcks_up && !sim_rekey(s.gcks, NULL, &err))
		n->rekeys++;
}

static void step(struct counts *n)
{
	switch (sim_random(&s, 12)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		come(n);
		break;
	case 5:
	case 6:
		go(n);
		break;
	case 7:
		evict(n);
		break;
	case 8:
		crash(n);
		break;
	case 9:
		if (!sim_random(&s, 4))
			kill_gcks(n);
		break;
	default:
		rekey(n);
		break;
	}
	sim_run(&s, sim_random(&s, 6000));
}

static void judge(uint64_t seed, int members, const struct counts *n)
{
	unsigned int before = 0, after = 0, in = 0, roster;
	int i;

	s.drop = NULL;
	for (i = 0; i < s.n; i++)
		if (know[i].evicted)
			sim_down(s.m[i]);
	sim_settle(&s, 150000);
	rekey(&(struct counts){ 0 });
	sim_run(&s, 20000);
	for (i = 0; i < s.n; i++) {
		in += sim_in(s.m[i]);
		if (know[i].was_up)
			before += sim_reads_before(&s, s.m[i],
						   know[i].first_up) > 0;
		if (know[i].evicted)
			after += sim_reads_after(&s, s.m[i], know[i].blind) > 0;
	}
	roster = sim_group(&s).members;
	diag("seed %ju, %d members: %u joins, %u leaves, %u evictions",
	     (uintmax_t)seed, members, n->joins, n->leaves, n->evictions);
	diag("%u crashes, key server killed %u times, %u rekeys asked for",
	     n->crashes, n->kills, n->rekeys);
	diag("%u messages, %u keys", s.n_wire, s.n_keys);
	is_int(sim_out_of_step(&s), 0, "seed %ju: all %u that are up follow",
	       (uintmax_t)seed, in);
	ok(roster >= in, "seed %ju: the roster has them (%u)", (uintmax_t)seed,
	   roster);
	is_int(before, 0, "seed %ju: no joiner has a key from before",
	       (uintmax_t)seed);
	is_int(after, 0, "seed %ju: no evicted one has a key from after",
	       (uintmax_t)seed);
	is_int(s.n_unsent, 0, "seed %ju: the sender was never without a key",
	       (uintmax_t)seed);
	is_int(s.iv_repeats, 0, "seed %ju: no Message ID came twice",
	       (uintmax_t)seed);
	is_int(mock_iv_clashes, 0, "seed %ju: no Sender-ID came twice",
	       (uintmax_t)seed);
}

static void run(uint64_t seed, int members, unsigned int steps)
{
	struct counts n = { 0 };
	char name[64];
	int i;

	sim_init(&s, seed);
	memset(know, 0, sizeof(know));
	sim_gcks_up(&s);
	sim_up(sim_add(&s, "s.example", true, false));
	for (i = 1; i < members; i++) {
		bool send = i % 10 == 0;

		snprintf(name, sizeof(name),
			 send ? "m%d.send.example" : "m%d.example", i);
		sim_add(&s, name, send, true);
	}
	sim_settle(&s, 5000);
	sim_run(&s, 2000);
	sim_stream(&s, s.m[0], 100);
	s.drop = lose;
	s.jitter_ms = 30;
	s.dup = 5;
	while (steps--)
		step(&n);
	judge(seed, members, &n);
	sim_free(&s);
}

int main(void)
{
	static const uint64_t seeds[] = { 1, 2, 3, 4, 5, 6, 0 };
	const char *seed = getenv("MCSEC_SEED");
	size_t i;

	if (seed) {
		RUN(run, strtoull(seed, NULL, 0), 200, 400);
		return done();
	}
	for (i = 0; seeds[i]; i++)
		RUN(run, seeds[i], 30, 150);
	RUN(run, 77, FULL_OR_FEW(200, 60), FULL_OR_FEW(400, 150));
	return done();
}
