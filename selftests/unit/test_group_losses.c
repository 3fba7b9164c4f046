// SPDX-License-Identifier: Apache-2.0
/*
 * The losses of a simulation are those that a test asks for: of datagrams and
 * of fragments, one by one and in bursts, also after a pause.
 */
#include "group_sim.h"
#include "tap.h"

#define LINKS 1000
#define SMALL 500
#define LARGE 5000 /* four fragments */

static struct sim s;
static struct sim_member link_of[LINKS];

static void begin(uint64_t seed, unsigned int burst_ms, bool by_fragment)
{
	memset(&s, 0, sizeof(s));
	memset(link_of, 0, sizeof(link_of));
	s.seed = seed;
	s.ms = 1000;
	s.loss = 5;
	s.burst_ms = burst_ms;
	s.by_fragment = by_fragment;
}

/* Return the lost ones of a thousand datagrams, each on a link of its own. */
static unsigned int lost_of_each(size_t len)
{
	unsigned int i, n = 0;

	for (i = 0; i < LINKS; i++)
		n += sim_lost(&s, &link_of[i], len);
	return n;
}

/* Return that for the mean of 20 moments, @pause_ms apart. */
static unsigned int mean_lost(size_t len, unsigned int pause_ms)
{
	unsigned int i, n = 0;

	for (i = 0; i < 20; i++) {
		s.ms += pause_ms;
		n += lost_of_each(len);
	}
	return n / 20;
}

static bool near(unsigned int n, unsigned int want)
{
	return n >= want * 9 / 10 && n <= want * 11 / 10;
}

static void check(size_t len, unsigned int pause_ms, unsigned int want,
		  const char *what)
{
	unsigned int n = mean_lost(len, pause_ms);

	ok(near(n, want), "%s: %u of 1,000 are lost, %u ms apart", what, n,
	   pause_ms);
}

static void test_single(void)
{
	begin(1, 0, false);
	check(SMALL, 1000, 50, "small datagrams");
	check(LARGE, 1000, 50, "large datagrams");
	begin(1, 0, true);
	check(SMALL, 1000, 50, "datagrams of one fragment");
	/* The share is 1 - 0.95^4. */
	check(LARGE, 1000, 185, "datagrams of four fragments");
}

static void test_bursts(void)
{
	static const unsigned int pause_ms[] = { 1000, 20000, 100000 };
	unsigned int i, n = 0;

	for (i = 0; i < 20; i++) {
		begin(1 + i, 300, false);
		n += lost_of_each(SMALL);
	}
	ok(near(n / 20, 50), "%u of 1,000 first datagrams are lost", n / 20);

	for (i = 0; i < 3; i++) {
		begin(1, 300, false);
		check(SMALL, pause_ms[i], 50, "datagrams");
		begin(1, 300, true);
		check(SMALL, pause_ms[i], 50, "datagrams of one fragment");
		/* A tenth of the time is bad, when 1 - 0.5^4 are lost. */
		check(LARGE, pause_ms[i], 94, "datagrams of four fragments");
	}
}

/* Return how many of the links that lost a datagram lose one after @ms. */
static unsigned int again_after(unsigned int ms)
{
	static bool was[LINKS];
	unsigned int i, n = 0, all = 0, turn;

	for (turn = 0; turn < 20; turn++) {
		s.ms += 10000;
		for (i = 0; i < LINKS; i++)
			was[i] = sim_lost(&s, &link_of[i], SMALL);
		s.ms += ms;
		for (i = 0; i < LINKS; i++) {
			all += was[i];
			n += was[i] && sim_lost(&s, &link_of[i], SMALL);
		}
	}
	return 100 * n / all;
}

static void test_length(void)
{
	unsigned int n;

	begin(1, 300, false);
	n = again_after(30);
	ok(n >= 85 && n <= 95, "%u %% lose the next one after 30 ms", n);
	n = again_after(300);
	ok(n >= 30 && n <= 45, "%u %% lose the next one after 300 ms", n);
	n = again_after(5000);
	ok(n <= 10, "%u %% lose the next one after 5 s", n);
}

int main(void)
{
	RUN(test_single);
	RUN(test_bursts);
	RUN(test_length);
	return done();
}
