// SPDX-License-Identifier: Apache-2.0
/*
 * A start with settings that reset the group, while somebody has lost a right: that
 * one reads no longer than if it were put out alone, and all others come back.
 */
#include "policy_sim.h"
#include "wire/proto.h"

static uint64_t start_ms;

/* The key server is down while b loses its right, and an algorithm may change. */
static void stop(uint64_t seed, bool alg)
{
	usual(seed);
	sim_run(&s, 60000);
	sim_gcks_down(&s);
	s.crashed = false;
	groups[0].receivers.v = without_b;
	groups[0].receivers.n = ARRAY_SIZE(without_b);
	if (alg)
		groups[0].alg.key_bits = 256;
	s.conf.groups = groups;
	sim_run(&s, 2000);
	start_ms = s.ms;
}

static uint64_t reads_for(const struct sim_member *m)
{
	uint64_t ms = 0;

	while (sim_reads_after(&s, m, start_ms + ms))
		ms += 100;
	return ms;
}

/* Check the end, at which all but b have keys of the new size if @alg. */
static void all_but_b(bool alg, const char *what)
{
	unsigned int i, right = 0;

	sim_run(&s, 120000);
	for (i = 0; i < 2; i++)
		right += s.m[i]->mk.sa[s.m[i]->mk.n_sas - 1].sa.key_len ==
			 (alg ? 256u : 128u) / 8 + 4;
	is_int(right, 2, "%s: the others have keys of the new policy", what);
	ok(!sim_in(b) && !sim_has_member(&s, "b.example"), "%s: b is out",
	   what);
	is_int(sim_out_of_step(&s), 1, "%s: the others are in step", what);
	is_int(a->gaps, 0, "%s: a receiver that stays loses nothing", what);
	is_int(s.n_unsent, 0, "%s: the sender always had a key", what);
	is_int(s.iv_repeats, 0, "%s: no Message ID came twice", what);
	is_int(mock_iv_clashes, 0, "%s: no Sender-ID came twice", what);
}

static uint64_t start_with(bool alg)
{
	const char *what = alg ? "lists and algorithm" : "lists";
	uint64_t ms;

	stop(1 + alg, alg);
	sim_gcks_up(&s);
	sim_run(&s, 1000);
	ok(!sim_has_member(&s, "b.example"), "%s: b is out at once", what);
	is_int(sim_group(&s).restarts, 0, "%s: without a reset", what);
	all_but_b(alg, what);
	is_int(sim_group(&s).restarts, alg, "%s: resets", what);
	is_int(sim_group(&s).policy_version, alg ? 3 : 2,
	       "%s: the version of the policy", what);
	is_int(sim_group(&s).evictions, 1, "%s: one is evicted", what);
	is_int(sim_group(&s).denied, 0, "%s: nobody is denied by name", what);
	ms = reads_for(b);
	sim_free(&s);
	return ms;
}

static void test_both(void)
{
	uint64_t lists = start_with(false), both = start_with(true);

	printf("# read for %u ms, with an algorithm %u ms\n",
	       (unsigned int)lists, (unsigned int)both);
	ok(lists <= 1500, "lists: b reads for %u ms", (unsigned int)lists);
	ok(both <= lists + 200, "an algorithm lets nobody read longer");
}

/* Nobody has to go, so that the group is reset by the start itself. */
static void test_reset_alone(void)
{
	stop(3, true);
	groups[0].receivers = s.cg.receivers;
	sim_gcks_up(&s);
	is_int(sim_group(&s).members, 0,
	       "a start that resets alone does at once");
	sim_run(&s, 60000);
	is_int(sim_group(&s).restarts, 1, "a start that resets alone: one");
	is_int(sim_out_of_step(&s), 0, "a start that resets alone: in step");
	is_int(a->gaps + b->gaps, 0, "a start that resets alone: no gap");
	sim_free(&s);
}

static void test_key_wrap(void)
{
	stop(4, false);
	groups[0].kwa = GIKE_KWA_5649_128;
	sim_gcks_up(&s);
	is_int(sim_group(&s).members, 0, "another key wrap resets at once");
	sim_run(&s, 60000);
	ok(!sim_in(b), "another key wrap: b does not come back");
	sim_free(&s);
}

/* The store fails behind the start, in each of the changes that this makes. */
static void test_store_fails(unsigned int after_ms)
{
	char what[48];

	snprintf(what, sizeof(what), "no store after %u ms", after_ms);
	stop(5 + after_ms, true);
	sim_gcks_up(&s);
	if (after_ms)
		sim_run(&s, after_ms);
	s.store_errno = -ENOSPC;
	sim_run(&s, 12000);
	is_int(sim_group(&s).restarts, 0, "%s: no reset", what);
	s.store_errno = 0;
	all_but_b(true, what);
	is_int(sim_group(&s).restarts, 1, "%s: one reset later", what);
	ok(sim_logged(&s, "group change failed: policy not changed: "),
	   "%s: the log says so", what);
	sim_free(&s);
}

/* A reload has a newer policy, in whose place that of the start must not be. */
static void test_reloaded(void)
{
	stop(6, true);
	sim_gcks_up(&s);
	s.store_errno = -ENOSPC;
	sim_run(&s, 1000);
	groups[0].alg.key_bits = 128;
	groups[0].beat = 9;
	is_int(reload(), -ENOSPC, "a reload fails, too");
	s.store_errno = 0;
	is_int(reload(), 0, "a reload takes the algorithm back");
	all_but_b(false, "taken back");
	is_int(sim_group(&s).conf->beat, 9,
	       "taken back: the last policy counts");
	is_int(sim_group(&s).conf->alg.key_bits, 128,
	       "taken back: the algorithm is that of the last policy");
	sim_free(&s);
}

/* The exclusion is done when the later policy comes, which changes no algorithm. */
static void test_superseded(void)
{
	stop(7, true);
	sim_gcks_up(&s);
	sim_run(&s, 5000);
	groups[0].alg.key_bits = 128;
	is_int(reload(), 0, "superseded: a reload");
	all_but_b(false, "superseded");
	is_int(sim_group(&s).restarts, 0, "superseded: no reset");
	is_int(sim_group(&s).rekeys, 1, "superseded: the keys change once");
	sim_free(&s);
}

/* An administrator does not wait as long as the policy would. */
static void test_hurried(void)
{
	struct err err;
	uint64_t ms;

	stop(8, true);
	sim_gcks_up(&s);
	sim_run(&s, 5000);
	ms = s.ms;
	is_int(sim_rekey(s.gcks, "video", &err), 0, "hurried: a rekey");
	ok(s.ms - ms <= 7000, "hurried: after %u ms",
	   (unsigned int)(s.ms - ms));
	is_int(sim_group(&s).restarts, 1, "hurried: behind the reset");
	all_but_b(true, "hurried");
	sim_free(&s);
}

/* Members have no IKE SA any more, as they find out one after the other. */
static void test_down_long(void)
{
	unsigned int i;

	stop(9, true);
	sim_run(&s, 58000);
	start_ms = s.ms;
	sim_gcks_up(&s);
	for (i = 0; i < 100 && !sim_group(&s).restarts; i++)
		sim_run(&s, 1000);
	is_int(i, s.store_ms ? 56 : 55,
	       "down for a minute: seconds until the reset");
	all_but_b(true, "down for a minute");
	ok(reads_for(b) <= 1500, "down for a minute: b reads for %u ms",
	   (unsigned int)reads_for(b));
	sim_free(&s);
}

/* The key server dies at the @n-th such step and is started again. */
static bool dies(enum sim_crash step, unsigned int n, unsigned int *bad)
{
	bool died;

	stop(100 + 20 * step + n, true);
	sim_gcks_up(&s);
	s.crash = step;
	s.crash_in = n;
	sim_run(&s, 60000);
	died = s.crashed;
	if (died) {
		sim_gcks_down(&s);
		s.crashed = false;
		sim_run(&s, 1000);
		s.crash = SIM_NO_CRASH;
		sim_gcks_up(&s);
	}
	s.crash = SIM_NO_CRASH;
	sim_run(&s, 120000);
	*bad += sim_in(b) || !sim_in(a) || !sim_in(tx) ||
		sim_out_of_step(&s) != 1 || s.iv_repeats || mock_iv_clashes ||
		sim_group(&s).conf->alg.key_bits != 256;
	sim_free(&s);
	return died;
}

static void test_deaths(enum sim_crash step)
{
	unsigned int n, bad = 0;

	for (n = 0; n < 12 && dies(step, n, &bad); n++)
		;
	ok(n >= 2, "step %d: the key server died %u times", step, n);
	is_int(bad, 0, "step %d: b is out, and the others are back", step);
}

int main(void)
{
	RUN(test_both);
	RUN(test_reset_alone);
	RUN(test_key_wrap);
	RUN(test_store_fails, 0);
	RUN(test_store_fails, 50000);
	RUN(test_reloaded);
	RUN(test_superseded);
	RUN(test_hurried);
	RUN(test_down_long);
	RUN(test_deaths, SIM_BEFORE_COMMIT);
	RUN(test_deaths, SIM_AFTER_COMMIT);
	RUN(test_deaths, SIM_AT_SEND);
	return done();
}
