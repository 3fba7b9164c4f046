// SPDX-License-Identifier: Apache-2.0
/*
 * A member that has registered just now may not have the Data SA that senders use until
 * ATD is over. It says so, for as long as that lasts; a member that has that Data SA
 * does not.
 */
#include "group_finish.h"
#include "group_sim.h"
#include "lib/util.h"
#include "tap.h"

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct err err;
static bool inband;

static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init_rare(&s, seed);
	if (inband)
		s.cg.inband = INBAND_ASKED;
	three = sim_start_three(&s, true, 20000, 20);
	tx = three.tx;
	a = three.a;
	b = three.b;
	sim_run(&s, 1000);
}

/* Let @m come in, and check that it says when it will read, and reads from then on. */
static void check_tells(struct sim_member *m, const char *what)
{
	uint32_t ms;
	uint64_t n;

	if (!sim_settle(&s, 20000))
		bail("%s: it is not in", what);
	ms = sim_status(m).unread_ms;
	ok(ms > 1000 && ms <= s.cg.atd * 1000,
	   "%s: senders may use older keys for %u ms", what, ms);
	n = m->got;
	sim_run(&s, ms - 500);
	is_int(m->got, n, "%s: nothing is read meanwhile", what);
	ok(sim_status(m).unread_ms, "%s: the member still says so then", what);
	sim_run(&s, 1000);
	is_int(sim_status(m).unread_ms, 0, "%s: that is over", what);
	sim_run(&s, 500);
	ok(m->got > n, "%s: the member reads then", what);
}

static void test_joins(void)
{
	struct sim_member *c;

	usual(1);
	is_int(sim_status(a).unread_ms, 0, "a member at rest reads");
	c = sim_add(&s, "c.example", false, true);
	c->cg.inband = inband;
	sim_up(c);
	check_tells(c, inband ? "a joiner, inband" : "a joiner");
	is_int(sim_status(a).unread_ms + sim_status(b).unread_ms, 0,
	       "members that were in have nothing to tell");
	is_int(a->gaps + b->gaps, 0, "members that were in miss nothing");
	/* The answer has keys that this host has. */
	sim_down(c);
	sim_up(c);
	sim_settle(&s, 20000);
	is_int(sim_status(c).unread_ms, 0,
	       "a restarted daemon has its keys in the kernel");
	is_int(c->gaps, 0, "a restarted daemon misses nothing");
	member_leave(c->m, NULL);
	sim_run(&s, 20000);
	member_join(c->m, "video");
	check_tells(c, inband ? "a member that is back, inband"
			      : "a member that is back");
	sim_finish(&s, "joins");
}

/* The first member of a group, and one that only sends, wait for nobody. */
static void test_alone(void)
{
	struct sim_member *c, *t;

	sim_init_rare(&s, 2);
	sim_gcks_up(&s);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	if (!sim_settle(&s, 20000))
		bail("not settled");
	is_int(sim_status(c).unread_ms, 0, "the first member waits for nobody");
	sim_run(&s, 20000);
	t = sim_add(&s, "s.example", true, false);
	sim_up(t);
	if (!sim_settle(&s, 20000))
		bail("not settled");
	is_int(sim_status(t).unread_ms, 0, "a sender that reads nothing");
	sim_finish(&s, "alone");
}

/* After a reset all members have the keys of before it, which senders still use. */
static void test_reset(void)
{
	usual(3);
	is_int(sim_reset(s.gcks, "video", &err), 0, "a reset");
	if (!sim_settle(&s, 60000))
		bail("not settled");
	is_int(sim_status(a).unread_ms + sim_status(b).unread_ms, 0,
	       "reset: members have the keys that senders use");
	sim_run(&s, 60000);
	is_int(a->gaps + b->gaps, 0, "reset: they miss nothing");
	sim_finish(&s, "reset");
}

/* A member that missed several changes has none of the keys that senders use. */
static void test_missed(void)
{
	unsigned int i;

	usual(4);
	a->offline = true;
	for (i = 0; i < 3; i++) {
		is_int(sim_rekey(s.gcks, "video", &err), 0, "missed: a rekey");
		sim_run(&s, i < 2 ? 12000 : 1000);
	}
	a->offline = false;
	for (i = 0; i < 40 && sim_status(a).registrations < 2; i++)
		sim_run(&s, 100);
	is_int(sim_status(a).registrations, 2, "missed: the member has asked");
	ok(sim_status(a).unread_ms,
	   "missed: the member lacks the keys that senders use");
	sim_run(&s, 20000);
	is_int(sim_status(a).unread_ms, 0, "missed: that is over");
	is_int(sim_out_of_step(&s), 0, "missed: in step");
	sim_finish(&s, "missed");
}

/*
 * The daemon is down while keys change @n times, and its kernel goes on with the Data SA
 * of before. A daemon that is back knows no more of it than that it is another one.
 */
static void test_down(unsigned int n)
{
	unsigned int i;

	usual(5);
	sim_down(a);
	for (i = 0; i < n; i++) {
		is_int(sim_rekey(s.gcks, "video", &err), 0,
		       "%u changes while down: a rekey", n);
		sim_run(&s, i < n - 1 ? 12000 : 1000);
	}
	sim_up(a);
	if (n > 1) {
		check_tells(a, "several changes while down");
	} else {
		for (i = 0; i < 200 && !sim_in(a); i++)
			sim_run(&s, 10);
		ok(sim_status(a).unread_ms,
		   "one change while down: the member tells that it may lack keys");
		sim_run(&s, 1000);
		is_int(sim_status(a).unread_ms, 0,
		       "one change while down: not any more when it reads");
		is_int(a->gaps, 0, "one change while down: nothing is missed");
	}
	is_int(sim_status(b).unread_ms, 0,
	       "%u changes while down: other members have nothing to tell", n);
	sim_finish(&s, "down");
}

/*
 * A member leaves, or is evicted, and is back after @ms. Senders use a key meanwhile that
 * it never had, or keep one that it has deleted.
 */
static void test_out(bool evicted, unsigned int ms)
{
	const char *what = evicted ? "evicted and admitted" : "left and back";
	uint64_t got, untold = 0, end;
	uint32_t effect;

	usual(6 + ms);
	if (evicted)
		is_int(sim_evict(s.gcks, "video", "a.example", &effect, &err),
		       0, "a is evicted");
	else
		is_int(member_leave(a->m, NULL), 0, "a leaves");
	sim_run(&s, ms);
	if (evicted)
		is_int(sim_admit(s.gcks, "video", "a.example", &err), 0,
		       "a is admitted again");
	else
		is_int(member_join(a->m, "video"), 0, "a joins again");
	/* A packet comes each 20 ms. */
	for (end = s.ms + 15000; s.ms < end;) {
		got = a->got;
		sim_run(&s, 100);
		untold += sim_in(a) && !sim_status(a).unread_ms && a->got == got
				  ? 100
				  : 0;
	}
	ok(sim_in(a), "%s after %u ms: the member is in", what, ms);
	ok(untold <= 100,
	   "%s after %u ms: reads nothing for %ju ms and does not say so", what,
	   ms, (uintmax_t)untold);
	sim_finish(&s, what);
}

/*
 * The Delete that a member gets inband when it is evicted is that of a reset, after which it
 * would have what senders use. It does not.
 */
static void test_out_inband(unsigned int ms)
{
	uint64_t got, untold = 0, told = 0, end;
	struct sim_member *c;
	uint32_t effect;

	usual(20 + ms);
	c = sim_add(&s, "c.example", false, true);
	c->cg.inband = true;
	sim_up(c);
	if (!sim_settle(&s, 20000))
		bail("not in");
	sim_run(&s, 15000);
	ok(sim_status(c).inband, "inband, %u ms: the member is rekeyed inband",
	   ms);
	is_int(sim_evict(s.gcks, "video", "c.example", &effect, &err), 0,
	       "inband, %u ms: the member is evicted", ms);
	sim_run(&s, ms);
	is_int(sim_admit(s.gcks, "video", "c.example", &err), 0,
	       "inband, %u ms: the member is admitted again", ms);
	for (end = s.ms + 15000; s.ms < end;) {
		got = c->got;
		sim_run(&s, 100);
		if (!sim_in(c) || c->got != got)
			continue;
		told += sim_status(c).unread_ms ? 100 : 0;
		untold += sim_status(c).unread_ms ? 0 : 100;
	}
	ok(sim_in(c), "inband, %u ms: the member is in", ms);
	ok(told, "inband, %u ms: reads nothing for %ju ms and says so", ms,
	   (uintmax_t)told);
	ok(untold <= 100,
	   "inband, %u ms: reads nothing for %ju ms and does not say so", ms,
	   (uintmax_t)untold);
	sim_finish(&s, "inband");
}

/* A member leaves and joins all the time, so that leaves wait and a join takes them back. */
static void test_often(void)
{
	uint64_t got, untold = 0, told = 0;
	unsigned int i, k;

	usual(7);
	for (i = 0; i < 8; i++) {
		is_int(member_leave(a->m, NULL), 0, "a leaves");
		sim_run(&s, 500);
		is_int(member_join(a->m, "video"), 0, "a joins again");
		for (k = 0; k < 30; k++) {
			got = a->got;
			sim_run(&s, 100);
			if (!sim_in(a) || a->got != got)
				continue;
			told += sim_status(a).unread_ms ? 100 : 0;
			untold += sim_status(a).unread_ms ? 0 : 100;
		}
	}
	ok(told, "often: reads nothing for %ju ms and says so",
	   (uintmax_t)told);
	ok(untold <= 100, "often: reads nothing for %ju ms and does not say so",
	   (uintmax_t)untold);
	sim_finish(&s, "often");
}

static struct mock_packet forged;
static struct timer flood;

static void flood_due(void *arg)
{
	(void)arg;
	forged.counter++;
	mock_kernel_recv(&a->mk, &forged);
	timer_set(&s.tq, &flood, 100);
}

/* The same while somebody goes on sending with the key that the kernel still has. */
static void test_down_forged(void)
{
	usual(8);
	forged = s.last;
	forged.counter += 100000;
	sim_down(a);
	is_int(sim_rekey(s.gcks, "video", &err), 0, "forged: a rekey");
	sim_run(&s, 12000);
	is_int(sim_rekey(s.gcks, "video", &err), 0, "forged: another rekey");
	sim_run(&s, 1000);
	timer_init(&flood, flood_due, NULL);
	timer_set(&s.tq, &flood, 100);
	sim_up(a);
	check_tells(a, "forged packets under the key of before");
	timer_del(&s.tq, &flood);
	sim_finish(&s, "forged");
}

int main(void)
{
	RUN(test_joins);
	inband = true;
	RUN(test_joins);
	RUN(test_out_inband, 10);
	RUN(test_out_inband, 300);
	inband = false;
	RUN(test_alone);
	RUN(test_reset);
	RUN(test_missed);
	RUN(test_out, false, 0);
	RUN(test_out, false, 200);
	RUN(test_out, false, 1500);
	RUN(test_out, true, 300);
	RUN(test_often);
	RUN(test_down, 1);
	RUN(test_down, 2);
	RUN(test_down, 3);
	RUN(test_down_forged);
	return done();
}
