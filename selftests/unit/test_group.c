// SPDX-License-Identifier: Apache-2.0
/* Key server and members together: the plain course of things. */
#include "group_sim.h"
#include "tap.h"

static struct sim s;

static void test_first(void)
{
	struct sim_member *tx, *a, *b;

	sim_init(&s, 1);
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, false);
	a = sim_add(&s, "a.example", false, true);
	b = sim_add(&s, "b.example", false, true);
	sim_up(tx);
	sim_up(a);
	ok(sim_settle(&s, 5000), "a sender and a receiver are in");
	is_int(sim_out_of_step(&s), 0, "with the key server's keys");
	sim_run(&s, 10000);
	sim_stream(&s, tx, 10);
	sim_run(&s, 5000);
	sim_up(b);
	ok(sim_settle(&s, 5000), "another one joins");
	sim_run(&s, 20000);
	is_int(sim_gaps(&s), 0, "no packet is lost");
	ok(a->got > 2000 && b->got > 1000, "a has %ju, b has %ju", (uintmax_t)a->got, (uintmax_t)b->got);
	sim_free(&s);
}

int main(void)
{
	test_first();
	return done();
}
