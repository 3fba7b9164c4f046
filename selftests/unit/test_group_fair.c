// SPDX-License-Identifier: Apache-2.0
/*
 * Members that ask without a pause. The store needs time for each change, so
 * that their requests could keep it busy for ever.
 */
#include "gcks/group.h"
#include "group_sim.h"
#include "ike/sa.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"

#define STORE_MS 40
/* A member asks that often, so a request always waits for the store. */
#define ASK_MS 40
/* As many members in turn ask no more often than they may. */
#define CROWD 320

static struct sim s;
static unsigned int ask_ms;
static struct sim_member *tx, *a, *b, *x[2], *crowd[CROWD];
static unsigned int asked;

/* Each request of the members x* differs from their last one. */
static enum gike_when ask_otherwise(void *ctx, struct ike_sa *sa,
				    const struct gike_req *req,
				    struct gike_reply *reply)
{
	struct gike_req r = *req;

	(void)ctx;
	if (r.peer_name[0] == 'x' && !r.report)
		r.fragments = asked++ & 2;
	return gcks_group_request(s.gcks, sa, &r, reply);
}

static void start(uint64_t seed, unsigned int store_ms)
{
	sim_init(&s, seed);
	s.store_ms = store_ms;
	ask_ms = ASK_MS;
	s.cg.rekey_interval = 60;
	s.cg.lifetime = 135;
	s.cg.kek_lifetime = 135;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, true);
	a = sim_add(&s, "a.example", false, true);
	b = sim_add(&s, "b.example", false, true);
	x[0] = sim_add(&s, "x0.example", false, true);
	x[1] = sim_add(&s, "x1.example", false, true);
}

static void all_in(void)
{
	int i;

	for (i = 0; i < s.n; i++)
		sim_up(s.m[i]);
	if (!sim_settle(&s, 60000))
		bail("not all members are in");
	sim_run(&s, 20000);
	sim_stream(&s, tx, 20);
	s.engine->ops.group_request = ask_otherwise;
	asked = 0;
}

/* Both members ask every ask_ms until @until_ms. */
static void ask_until(uint64_t until_ms)
{
	unsigned int i;

	while (s.ms < until_ms) {
		for (i = 0; i < ARRAY_SIZE(x); i++)
			register_now(TAILQ_FIRST(&x[i]->m->groups));
		sim_run(&s, ask_ms);
	}
}

static void test_everything_goes_on(unsigned int store_ms)
{
	struct gcks_group_status before;
	struct sim_member *c;
	uint64_t from;

	start(1, store_ms);
	all_in();
	before = sim_group(&s);
	from = s.ms;
	ask_until(from + 10000);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	member_leave(a->m, "video");
	ask_until(from + 20000);
	ok(sim_in(c), "store of %u ms: a newcomer is in within 10 s", store_ms);
	ok(!sim_has_member(&s, "a.example"),
	   "store of %u ms: who leaves is out within 10 s", store_ms);
	ask_until(from + 130000);
	ok(asked > 1000, "store of %u ms: the two asked %u times", store_ms,
	   asked);
	ok(sim_group(&s).rekeys - before.rekeys >= 3,
	   "store of %u ms: %u changes of keys: periodic ones, a join and a leave",
	   store_ms, (unsigned int)(sim_group(&s).rekeys - before.rekeys));
	ok(sim_group(&s).beats - before.beats >= 6,
	   "store of %u ms: %u beats in 130 s", store_ms,
	   (unsigned int)(sim_group(&s).beats - before.beats));
	is_int(s.n_unsent, 0, "store of %u ms: the sender always has a key",
	       store_ms);
	is_int(b->gaps, 0, "store of %u ms: the receiver loses no packet",
	       store_ms);
	sim_free(&s);
}

/* No member of a crowd is paced, and together they ask without a pause. */
static void test_crowd(void)
{
	struct gcks_group_status before;
	struct sim_member *c;
	unsigned int i;
	char name[32];

	start(5, STORE_MS);
	for (i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "y%u.example", i);
		crowd[i] = sim_add(&s, name, false, true);
	}
	all_in();
	before = sim_group(&s);
	c = sim_add(&s, "c.example", false, true);
	for (i = 0; i < 2 * CROWD; i++) {
		if (i == CROWD) {
			sim_up(c);
			member_leave(a->m, "video");
		}
		register_now(TAILQ_FIRST(&crowd[i % CROWD]->m->groups));
		sim_run(&s, ASK_MS);
	}
	ok(sim_in(c), "crowd: a newcomer is in while it asks");
	ok(!sim_has_member(&s, "a.example"),
	   "crowd: who leaves is out while it asks");
	sim_run(&s, 2000);
	is_int(sim_group(&s).registrations - before.registrations, 2 * CROWD,
	       "crowd: each request is granted");
	is_int(sim_group(&s).refused, before.refused, "crowd: none is refused");
	is_int(sim_out_of_step(&s), 1, "crowd: all others are in step");
	is_int(b->gaps, 0, "crowd: the receiver loses no packet");
	sim_free(&s);
}

static void test_certificate_ends(void)
{
	struct sim_member *e;
	uint64_t ends;

	start(2, STORE_MS);
	s.cert_s = 90;
	e = sim_add(&s, "e.example", false, true);
	ends = s.ms + 90000;
	all_in();
	ask_until(ends + 60000);
	ok(!sim_has_member(&s, "e.example"),
	   "a member is out soon after the end of its certificate");
	is_int(sim_reads_after(&s, e, ends + 30000), 0,
	       "the member cannot read what is sent 30 s later");
	sim_free(&s);
}

/* ---- what one receiver costs all others ---------------------------------- */

/* The members x* claim that they have used up the IVs of their Data SA. */
static enum gike_when claim_used_up(void *ctx, struct ike_sa *sa,
				    const struct gike_req *req,
				    struct gike_reply *reply)
{
	struct gike_req r = *req;

	(void)ctx;
	if (r.peer_name[0] == 'x' && !r.report)
		r.used_up = true;
	return gcks_group_request(s.gcks, sa, &r, reply);
}

static void test_receiver_is_used_up(void)
{
	unsigned int before;

	start(3, 0);
	all_in();
	s.engine->ops.group_request = claim_used_up;
	before = sim_group(&s).rekeys;
	ask_until(s.ms + 60000);
	ok(sim_group(&s).rekeys > before,
	   "a receiver that cannot use its Data SA gets another one");
	before = sim_group(&s).rekeys;
	ask_until(s.ms + 60000);
	ok(sim_group(&s).rekeys - before <= 4,
	   "two receivers that say so all the time cause %u rekeys in a minute",
	   (unsigned int)(sim_group(&s).rekeys - before));
	sim_free(&s);
}

static void test_writes(void)
{
	unsigned int commits, lines;

	start(4, 0);
	ask_ms = 10;
	all_in();
	commits = s.commits;
	ask_until(s.ms + 60000);
	commits = s.commits - commits;
	ok(asked > 5000, "the two receivers asked %u times", asked);
	ok(commits <= 60, "two receivers make %u transactions in a minute",
	   commits);
	lines = sim_audited(&s, "refuse", "x0.example", "too often");
	ok(lines > 0 && lines < 50, "the trail has %u refusals of x0", lines);
	s.engine->ops.group_request = claim_used_up;
	sim_run(&s, 11000);
	register_now(TAILQ_FIRST(&x[0]->m->groups));
	sim_run(&s, 1000);
	ok(sim_in(x[0]), "the receiver that has rested is answered");
	sim_free(&s);
}

int main(void)
{
	RUN(test_everything_goes_on, STORE_MS);
	RUN(test_everything_goes_on, 0);
	RUN(test_crowd);
	RUN(test_certificate_ends);
	RUN(test_receiver_is_used_up);
	RUN(test_writes);
	return done();
}
