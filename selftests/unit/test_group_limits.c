// SPDX-License-Identifier: Apache-2.0
/* Limits of numbers, memory and disk; and crowds. */
#include "group_sim.h"
#include "group_finish.h"
#include "tap.h"

#include <errno.h>

#include "wire/proto.h"

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct err err;

static void begin(uint64_t seed)
{
	sim_init(&s, seed);
}

static void usual(void)
{
	struct sim_three three;

	three = sim_start_three(&s, false, 10000, 10);
	tx = three.tx;
	a = three.a;
	b = three.b;
}

/* ---- Sender-IDs --------------------------------------------------------- */

static void test_sender_ids(void)
{
	struct sim_member *s2;
	unsigned int i;

	begin(1);
	s.cg.sender_id_bits = 8;
	s.cg.max_sender_ids = 100;
	usual();
	s2 = sim_add(&s, "s2.example", true, true);
	s2->cg.sender_ids = 200;
	sim_up(s2);
	sim_settle(&s, 3000);
	is_int(sim_status(s2).n_sender_ids, 100, "never more than is allowed");
	sim_run(&s, 40000);
	sim_down(s2);
	sim_up(s2);
	sim_settle(&s, 3000);
	is_int(sim_group(&s).next_sender_id, 202, "202 of 256 are given");
	sim_run(&s, 40000);
	sim_down(s2);
	sim_up(s2);
	sim_settle(&s, 3000);
	is_int(sim_status(s2).n_sender_ids, 54, "the last ones");
	is_int(sim_group(&s).restarts, 0, "nobody had to go");
	sim_run(&s, 40000);
	is_int(sim_gaps(&s), 0, "no packet is lost");

	sim_down(s2);
	sim_up(s2);
	sim_run(&s, 40000);
	is_int(sim_group(&s).restarts, 1, "used up: everybody out");
	ok(sim_logged(&s, "Sender-IDs are used up"),
	   "the log says that Sender-IDs are used up");
	is_int(sim_audited(&s, "reset", NULL, "Sender-IDs"), 1,
	       "the reset for want of Sender-IDs is on record");
	for (i = 0; i < 4; i++)
		if (!sim_in(s.m[i]))
			break;
	is_int(i, 4, "all have come back by themselves");
	is_int(sim_out_of_step(&s), 0, "sender ids: all are in step");
	ok(sim_status(s2).first_sender_id < 110, "with Sender-IDs from 0 on");
	is_int(sim_gaps(&s), 0, "no packet is lost even so");
	sim_finish(&s, "Sender-IDs");
}

/* ---- the disk ----------------------------------------------------------- */

/* A sender that registers again changes no keys, and gets Sender-IDs that are stored. */
static void test_again_full(void)
{
	begin(21);
	usual();
	s.store_errno = -ENOSPC;
	sim_down(tx);
	sim_up(tx);
	sim_run(&s, 500);
	is_int(tx->notify, GIKE_N_REGISTRATION_FAILED,
	       "a sender that is back is refused");
	is_int(sim_log_count(&s,
			     "store failed: registrations: No space left on device"),
	       1, "the log says why");
	is_int(sim_log_count(&s, "group change failed"), 0,
	       "no change of keys has failed");
	s.store_errno = 0;
	sim_run(&s, 20000);
	ok(sim_in(tx), "room again: the sender is in");
	sim_finish(&s, "again");
}

static void test_store_full(void)
{
	struct gcks_group_status before, after;
	struct sim_member *c;
	unsigned int sends;
	uint32_t ms;

	begin(2);
	usual();
	c = sim_add(&s, "c.example", false, true);
	/* The member can leave without registering first. */
	sim_down(b);
	sim_up(b);
	sim_settle(&s, 2000);
	sim_run(&s, 4000);
	before = sim_group(&s);
	sends = s.sends;
	s.store_errno = -ENOSPC;
	is_int(sim_rekey(s.gcks, NULL, &err), -ENOSPC,
	       "disk full: a rekey is refused: %s", err.text);
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), -ENOSPC,
	       "an eviction is: %s", err.text);
	is_int(s.sends, sends, "disk full: no message was sent");
	sim_up(c);
	sim_run(&s, 500);
	is_int(c->notify, GIKE_N_REGISTRATION_FAILED, "a join is refused");
	after = sim_group(&s);
	ok(after.members == before.members &&
		   after.data_spi == before.data_spi &&
		   !memcmp(after.rekey_spi, before.rekey_spi, 16) &&
		   after.next_sender_id == before.next_sender_id &&
		   !after.denied && after.tree_depth == before.tree_depth,
	   "nothing has changed");
	ok(sim_has_member(&s, "b.example"), "b is still in");
	is_int(sim_log_count(&s, "group change failed: requested: "), 1,
	       "the log has the rekey that failed");
	is_int(sim_log_count(&s, "group change failed: 1 evicted: "), 1,
	       "the log has the eviction that failed");
	ok(after.store_errors >= 3,
	   "disk full: the errors of the store are counted");
	member_leave(b->m, NULL);
	sim_run(&s, 2000);

	s.store_errno = 0;
	sim_run(&s, 20000);
	ok(sim_in(c), "room again: the join works");
	ok(!sim_has_member(&s, "b.example"), "the leave is done too");
	sim_down(b);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	is_int(sim_evict(s.gcks, "video", "c.example", &ms, &err), 0,
	       "the eviction is done too");
	sim_run(&s, 10000);
	is_int(a->gaps, 0, "a loses no packet");

	/* The periodic rekey makes up for the failed change. */
	sim_down(c);
	s.store_errno = -ENOSPC;
	sim_run(&s, 3700000);
	before = sim_group(&s);
	s.store_errno = 0;
	sim_run(&s, 30000);
	ok(sim_group(&s).data_spi != before.data_spi, "the periodic one also");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_finish(&s, "store");
}

/* ---- crowds ------------------------------------------------------------- */

static void test_batch(void)
{
	struct sim_member *m[20];
	struct gcks_group_status before, after;
	char name[32];
	int i;

	begin(3);
	s.cg.batch_join_ms = 500;
	s.cg.batch_leave_ms = 2000;
	usual();
	before = sim_group(&s);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "m%d.example", i);
		m[i] = sim_add(&s, name, false, true);
		sim_up(m[i]);
	}
	sim_run(&s, 400);
	is_int(sim_group(&s).members, before.members, "joins wait");
	ok(sim_settle(&s, 3000), "20 join");
	after = sim_group(&s);
	is_int(after.rekeys - before.rekeys, 1, "batch: one rekey was needed");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	for (i = 0; i < 10; i++)
		member_leave(m[i]->m, NULL);
	sim_run(&s, 1000);
	is_int(sim_group(&s).members, after.members, "leaves wait");
	sim_run(&s, 5000);
	is_int(sim_group(&s).members, after.members - 10, "10 leave");
	is_int(sim_group(&s).rekeys - after.rekeys, 1,
	       "batch: one rekey was needed");

	/* The member leaves and joins again before the batch. */
	member_leave(m[10]->m, NULL);
	sim_run(&s, 300);
	member_join(m[10]->m, NULL);
	sim_run(&s, 8000);
	ok(sim_in(m[10]) && sim_has_member(&s, "m10.example"),
	   "a member that left and came back at once is in");
	for (i = 0; i < 10; i++)
		sim_down(m[i]);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	is_int(a->gaps + b->gaps + s.n_unsent, 0, "no packet is lost");

	/* The member is evicted while its request waits. */
	sim_down(m[12]);
	sim_up(m[12]);
	sim_run(&s, 100);
	{
		uint32_t ms;

		sim_evict(s.gcks, "video", "m12.example", &ms, &err);
	}
	sim_run(&s, 3000);
	ok(!sim_in(m[12]) && !sim_has_member(&s, "m12.example"),
	   "a member that was evicted while it waits is out");
	is_int(m[12]->notify, GIKE_N_AUTHORIZATION_FAILED,
	       "a member that was evicted while it waits is told so");
	sim_finish(&s, "batch");
}

/* Members that are about to leave hold no place. */
static void test_full(void)
{
	struct sim_member *c, *d;

	begin(5);
	s.cg.max_members = 3;
	s.cg.batch_leave_ms = 2000;
	usual();
	c = sim_add(&s, "c.example", false, true);
	d = sim_add(&s, "d.example", false, true);
	sim_up(c);
	sim_run(&s, 1000);
	is_int(c->notify, GIKE_N_REGISTRATION_FAILED,
	       "a group with all its members takes nobody");
	sim_down(c);
	member_leave(b->m, NULL);
	sim_run(&s, 300);
	is_int(sim_group(&s).members, 3, "a leave waits for its batch");
	sim_up(d);
	sim_run(&s, 5000);
	ok(sim_in(d) && !d->notify,
	   "the place of a member that leaves is free at once");
	ok(!sim_has_member(&s, "b.example"), "the member that left is out");
	sim_finish(&s, "full");
}

static void test_crowd(void)
{
	struct gcks_group_status g;
	char name[32];
	int i;

	begin(4);
	usual();
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "m%d.example", i);
		sim_up(sim_add(&s, name, false, true));
	}
	ok(sim_settle(&s, 20000), "100 join at once");
	g = sim_group(&s);
	is_int(g.members, 103, "all are members");
	ok(g.rekeys < 20, "crowd: %ju rekeys were needed", (uintmax_t)g.rekeys);
	sim_run(&s, 10000);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	ok(g.tree_depth <= 8, "the tree has %u levels", g.tree_depth);
	sim_run(&s, 20000);
	is_int(sim_gaps(&s), 0, "no packet is lost");

	/*
	 * All but three members leave in one batch, which exceeds
	 * one message.
	 */
	for (i = 3; i < 103; i++)
		member_leave(s.m[i]->m, NULL);
	sim_run(&s, 30000);
	is_int(sim_group(&s).members, 3, "100 leave at once");
	for (i = 3; i < 103; i++)
		sim_down(s.m[i]);
	is_int(sim_out_of_step(&s), 0, "the others are in step");
	is_int(a->gaps + b->gaps + s.n_unsent, 0,
	       "the members that stay lose no packet");
	sim_finish(&s, "crowd");
}

int main(void)
{
	RUN(test_sender_ids);
	RUN(test_again_full);
	RUN(test_store_full);
	RUN(test_batch);
	RUN(test_full);
	RUN(test_crowd);
	return done();
}
