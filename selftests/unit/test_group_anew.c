// SPDX-License-Identifier: Apache-2.0
/*
 * A group that starts anew by itself: numbers are used up, or its settings were
 * changed while the key server was down. Members learn of it as they learn of a
 * reset that was asked for.
 */
#include "gcks/group.h"
#include "ike/sa.h"
#include "member/mgroup.h"
#include "group_sim.h"
#include "lib/util.h"
#include "tap.h"

static struct sim s;
static struct sim_member *tx, *a, *b;
static char *without_b[] = { (char *)"s.example", (char *)"a.example" };

static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init(&s, seed);
	three = sim_start_three(&s, true, 20000, 20);
	tx = three.tx;
	a = three.a;
	b = three.b;
	sim_run(&s, 1000);
}

/*
 * The sender hears no multicast for 4 s, so it misses the Delete over the Rekey
 * SA. The end of its IKE SA tells it the same. Who waits for an answer keeps the
 * IKE SA that the answer comes by.
 */
static void test_sender_ids(void)
{
	struct sim_member *c;
	uint64_t start_ms, up, old_ms = 0;
	unsigned int i;

	usual(1);
	c = sim_add(&s, "s2.example", true, true);
	sim_up(c);
	if (!sim_settle(&s, 60000))
		bail("s2 is not in");
	sim_run(&s, 20000);
	TAILQ_FIRST(&s.gcks->groups)->st.next_sid = 1 << 16;
	tx->deaf = true;
	up = s.engine->stats.up;
	start_ms = s.ms;
	register_now(TAILQ_FIRST(&c->m->groups));
	sim_run(&s, 200);
	is_int(sim_group(&s).restarts, 1, "Sender-IDs: all are out, once");
	ok(sim_in(c), "Sender-IDs: who asked for one is in");
	ok(sim_status(c).first_sender_id < 8, "Sender-IDs: from 0 on");
	is_int(s.engine->stats.up, up,
	       "Sender-IDs: who asked keeps its IKE SA");
	sim_run(&s, 3800);
	tx->deaf = false;
	sim_run(&s, 60000);
	is_int(s.engine->stats.up - up, 3,
	       "Sender-IDs: the IKE SAs of the other three have ended");
	for (i = 0; i < s.n_keys; i++)
		if (s.key[i].first_ms <= start_ms)
			old_ms = s.key[i].last_ms - start_ms;
	ok(old_ms && old_ms <= 15000,
	   "Sender-IDs: a deaf sender uses the old key for %u ms",
	   (unsigned int)old_ms);
	is_int(a->gaps, 0, "Sender-IDs: receivers lose nothing");
	is_int(sim_out_of_step(&s), 0, "Sender-IDs: all are in step");
	is_int(s.iv_repeats, 0, "Sender-IDs: no IV was used twice");
	is_int(mock_iv_clashes, 0, "Sender-IDs: none came twice");
	sim_free(&s);
}

/*
 * Lists and algorithm change while the key server is down. It excludes members under
 * the old algorithms first, as it does while it runs: see test_group_start.c.
 */
static void test_changed_while_down(unsigned int down_ms)
{
	uint64_t start_ms, ms = 0;

	usual(2);
	sim_gcks_down(&s);
	s.cg.receivers.v = without_b;
	s.cg.receivers.n = ARRAY_SIZE(without_b);
	s.cg.alg.key_bits = 256;
	sim_run(&s, down_ms);
	start_ms = s.ms;
	sim_gcks_up(&s);
	sim_run(&s, 180000);
	is_int(sim_group(&s).restarts, 1,
	       "down %u ms: the group starts anew, once", down_ms);
	while (sim_reads_after(&s, b, start_ms + ms))
		ms += 100;
	ok(ms <= 1500, "down %u ms: the barred member reads for %u ms", down_ms,
	   (unsigned int)ms);
	ok(!sim_in(b) && !sim_has_member(&s, "b.example"),
	   "down %u ms: the barred member is out", down_ms);
	is_int(sim_out_of_step(&s), 1, "down %u ms: the others are in step",
	       down_ms);
	is_int(a->gaps, 0, "down %u ms: a member that stays loses nothing",
	       down_ms);
	is_int(s.n_unsent, 0, "down %u ms: the sender always had a key",
	       down_ms);
	is_int(s.iv_repeats, 0, "down %u ms: no IV was used twice", down_ms);
	sim_free(&s);
}

int main(void)
{
	RUN(test_sender_ids);
	RUN(test_changed_while_down, 0);
	RUN(test_changed_while_down, 60000);
	return done();
}
