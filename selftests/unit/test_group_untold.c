// SPDX-License-Identifier: Apache-2.0
/*
 * A change of keys that the key server cannot send: for seconds, for longer than it
 * tries, and while no member can reach it either. Senders must not use keys that
 * receivers have not got yet.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gcks/group.h"
#include "group_finish.h"
#include "group_sim.h"
#include "tap.h"

#define RECEIVERS 40

static struct sim s;
static struct sim_member *tx;
static struct err err;

static void begin(uint64_t seed)
{
	tx = sim_start_receivers(&s, seed, RECEIVERS);
	if (!tx)
		bail("not settled");
	sim_stream(&s, tx, 20);
	sim_run(&s, 2000);
	s.send_errno = -ENETUNREACH;
}

static uint64_t lost(void)
{
	uint64_t n = 0;
	int i;

	for (i = 1; i < s.n; i++)
		n += s.m[i]->gaps;
	return n;
}

static void finish(const char *what)
{
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "%s: all are in step", what);
	is_int(s.n_unsent, 0, "%s: the sender always had a key", what);
	sim_finish(&s, what);
}

/* Each receiver loses the first copy of a message that could be sent at last. */
static bool lose_first(struct sim *x, struct sim_member *m, const uint8_t *p,
		       size_t len)
{
	static uint64_t first_ms;

	(void)p;
	(void)len;
	if (m->i < 1)
		return false;
	if (!x->drop_arg) {
		x->drop_arg = &first_ms;
		first_ms = x->ms;
	}
	return x->ms < first_ms + 50;
}

/* Copies that were due while nothing could be sent follow at once, and not as one. */
static void test_late(void)
{
	begin(1);
	s.drop = lose_first;
	s.drop_arg = NULL;
	is_int(sim_rekey(s.gcks, NULL, &err), 0, "a rekey: %s", err.text);
	sim_run(&s, 6000);
	s.send_errno = 0;
	sim_run(&s, 3000);
	ok(lost() <= (uint64_t)RECEIVERS * 8,
	   "%llu packets are lost, each receiver loses 8 at most",
	   (unsigned long long)lost());
	/* The wait of a member that hears a new Data SA is random. */
	ok(sim_group(&s).registrations <= RECEIVERS / 4,
	   "%u members ask, and have the keys before the answer",
	   (unsigned int)sim_group(&s).registrations);
	finish("late");
}

/* All members ask, the sender not last. */
static void test_never_sent(void)
{
	begin(2);
	is_int(sim_rekey(s.gcks, NULL, &err), 0, "a rekey: %s", err.text);
	sim_run(&s, 80000);
	is_int(sim_group(&s).registrations, 1 + RECEIVERS,
	       "each member has asked once");
	s.send_errno = 0;
	sim_run(&s, 20000);
	is_int(lost(), 0, "no packet is lost");
	finish("never sent");
}

/* All need another IKE SA, and handshakes take the key server a while. */
static void test_cut_off(void)
{
	int i;

	begin(3);
	s.handshake_us = 30000;
	s.real_limits = true;
	for (i = 0; i < s.n; i++)
		s.m[i]->mute = true;
	is_int(sim_rekey(s.gcks, NULL, &err), 0, "a rekey: %s", err.text);
	sim_run(&s, 70000);
	s.send_errno = 0;
	for (i = 0; i < s.n; i++)
		s.m[i]->mute = false;
	sim_run(&s, 60000);
	is_int(lost(), 0, "no packet is lost");
	finish("cut off");
}

/* An evicted member does not read until copies can be sent again. */
static void test_evicted(void)
{
	struct sim_member *out;
	uint64_t t0;
	uint32_t ms;

	begin(4);
	out = s.m[RECEIVERS];
	t0 = s.ms;
	is_int(sim_evict(s.gcks, "video", out->name, &ms, &err), 0,
	       "a member is evicted: %s", err.text);
	sim_run(&s, 50000);
	is_int(sim_reads_after(&s, out, t0 + 34000), 0,
	       "nothing is read after 34 s");
	sim_down(out);
	s.send_errno = 0;
	finish("evicted");
}

int main(void)
{
	RUN(test_late);
	RUN(test_never_sent);
	RUN(test_cut_off);
	RUN(test_evicted);
	return done();
}
