// SPDX-License-Identifier: Apache-2.0
/*
 * An eviction around a group reset: senders may still use the keys of before, which
 * who was evicted has. The answer tells for how long that is expected, and the status
 * says that it is over when it is.
 */
#include <string.h>

#include "gcks/group.h"
#include "group_sim.h"
#include "lib/util.h"
#include "tap.h"
#include "wire/message.h"

#define STEP_MS 100
#define READS_MAX_MS 4000000

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct err err;
static struct timer restarts;

/* @store_ms: 0: changes take no time, also if s.store_ms is set later. */
static void usual_store(uint64_t seed, unsigned int dtd, unsigned int store_ms)
{
	struct sim_three three;

	sim_init(&s, seed);
	/* Times are those of the order, also where a slow store is simulated. */
	s.store_ms = store_ms;
	s.cg.dtd = dtd;
	three = sim_start_three(&s, true, 20000, 20);
	tx = three.tx;
	a = three.a;
	b = three.b;
}

static void usual(uint64_t seed, unsigned int dtd)
{
	usual_store(seed, dtd, 0);
}

static void teardown(void)
{
	is_int(s.iv_repeats, 0, "no IV was used twice");
	sim_free(&s);
}

static void reset(void)
{
	if (sim_reset(s.gcks, "video", &err))
		bail("%s", err.text);
}

static uint32_t evict(void)
{
	uint32_t ms = 0;

	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "b is evicted");
	return ms;
}

static uint32_t evict_ahead(void)
{
	uint32_t ms = 0;

	is_int(sim_evict_ahead(s.gcks, "video", "b.example", &ms, &err), 0,
	       "b is evicted ahead");
	return ms;
}

/* Return for how long from @from on @m can read what is sent, rounded up to a step. */
static unsigned int reads_for(const struct sim_member *m, uint64_t from)
{
	unsigned int ms = 0;

	while (ms < READS_MAX_MS && sim_reads_after(&s, m, from + ms))
		ms += STEP_MS;
	return ms;
}

/* Run until the status waits for no sender. Returns the time by then. */
static uint64_t run_until_over(unsigned int most_ms)
{
	uint64_t end = s.ms + most_ms;

	while (s.ms < end &&
	       (sim_group(&s).unconfirmed || sim_group(&s).unsent_change))
		sim_run(&s, STEP_MS);
	ok(s.ms < end, "the status says at some time that it is over");
	return s.ms;
}

/* Both the answer @ms and the status are true of the eviction @at. */
static void promises_hold(uint64_t at, uint32_t ms)
{
	uint64_t over = run_until_over(200000);

	is_int(sim_group(&s).unconfirmed, 0, "no sender is waited for");
	sim_run(&s, 60000);
	ok(reads_for(b, at) <= ms, "b reads for %u ms, and %u were told",
	   reads_for(b, at), ms);
	is_int(reads_for(b, over + STEP_MS), 0,
	       "b reads nothing since the status says that it is over");
}

/* ---- a reset before the eviction ------------------------------------------ */

static void test_absent(unsigned int dtd)
{
	uint64_t at;
	uint32_t ms;

	usual(dtd, dtd);
	reset();
	at = s.ms;
	ms = evict_ahead();
	is_int(ms, dtd * 1000, "b has the keys that the sender goes on with");
	is_int(sim_group(&s).unconfirmed, 1, "the sender is waited for");
	is_int(sim_group(&s).confirmed_ms, 0, "nothing is confirmed yet");
	promises_hold(at, ms);
	ok(sim_in(tx) && sim_in(a), "the others are in");
	is_int(a->gaps, 0, "a member that stays has lost nothing");
	teardown();
}

/* Some members are back, and the sender is, too, or is on the way. */
static void test_back(unsigned int after_ms)
{
	uint64_t at;
	uint32_t ms;

	usual(100 + after_ms, 15);
	reset();
	sim_run(&s, after_ms);
	ok(sim_has_member(&s, "b.example"), "b is back");
	at = s.ms;
	ms = evict();
	promises_hold(at, ms);
	teardown();
}

/*
 * The sender is off the network from the reset on, for @off_ms, and has not heard of it.
 * The answer counts on senders that hear it, and the status does not.
 */
static void test_away(unsigned int after_ms, unsigned int off_ms)
{
	uint64_t at, over;
	uint32_t ms;

	usual(200 + after_ms, 15);
	tx->offline = true;
	reset();
	sim_run(&s, after_ms);
	at = s.ms;
	ms = evict();
	is_int(ms, 15000 - after_ms,
	       "the answer counts on a sender that hears the reset");
	is_int(sim_group(&s).unconfirmed, 1, "the sender is waited for");
	sim_run(&s, off_ms - after_ms);
	tx->offline = false;
	over = run_until_over(200000);
	ok(sim_in(tx), "the sender is in when nobody is waited for");
	sim_run(&s, 60000);
	ok(reads_for(b, at) > ms, "b reads the sender that did not know");
	is_int(reads_for(b, over + STEP_MS), 0,
	       "b reads nothing since the status says that it is over");
	teardown();
}

/* A sender that never comes back is waited for until its key has ended. */
static void test_gone(void)
{
	usual(300, 15);
	sim_stream_stop(&s);
	sim_down(tx);
	reset();
	sim_run(&s, 600000);
	is_int(sim_group(&s).unconfirmed, 1, "the sender is waited for");
	sim_run(&s, s.cg.lifetime * 1000ull - 700000);
	is_int(sim_group(&s).unconfirmed, 1,
	       "the sender is waited for while its key lasts");
	sim_run(&s, 200000);
	is_int(sim_group(&s).unconfirmed, 0,
	       "the sender is not waited for when its key has ended");
	teardown();
}

/* A member that has just left has the keys until senders have others. */
static void test_left(void)
{
	uint64_t at;
	uint32_t ms;

	usual(310, 15);
	member_leave(b->m, NULL);
	while (sim_has_member(&s, "b.example"))
		sim_run(&s, 1);
	sim_run(&s, 100);
	at = s.ms;
	ms = evict_ahead();
	ok(ms > 1500 && ms <= 1525, "b has left %u ms ago", 1625 - ms);
	promises_hold(at, ms);
	teardown();
}

static void test_restored(void)
{
	char copy[128];
	uint64_t at;
	uint32_t ms;

	usual(320, 15);
	sim_gcks_down(&s);
	snprintf(copy, sizeof(copy), "%s.bak", s.path);
	sim_copy_store(s.path, copy);
	sim_gcks_up(&s);
	sim_run(&s, 1000);
	if (sim_rekey(s.gcks, NULL, &err))
		bail("%s", err.text);
	sim_run(&s, 30000);
	sim_gcks_down(&s);
	sim_copy_store(copy, s.path);
	sim_gcks_up(&s);
	at = s.ms;
	ms = evict_ahead();
	is_int(ms, 57000, "senders notice it by silence");
	promises_hold(at, ms);
	unlink(copy);
	teardown();
}

/* The key server dies between the reset and the eviction. */
static void test_started(void)
{
	uint64_t at;
	uint32_t ms;

	usual(330, 15);
	reset();
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	at = s.ms;
	ms = evict_ahead();
	is_int(ms, 57000,
	       "a start does not know the senders of before a reset");
	is_int(sim_group(&s).unconfirmed, 1, "somebody is waited for");
	promises_hold(at, ms);
	teardown();
}

/* ---- a slow store ---------------------------------------------------------- */

/* A second eviction waits for the burst of the first one, and then for the store. */
static void test_store(unsigned int store_ms, uint32_t told_ms)
{
	struct sim_member *c;
	uint64_t at;
	uint32_t ms;

	usual_store(340, 15, store_ms ? 1 : 0);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	s.store_ms = store_ms;
	is_int(sim_evict(s.gcks, "video", "c.example", &ms, &err), 0,
	       "c is evicted just before");
	is_int(ms, 1625, "the first eviction is in the store when it is told");
	ms = evict();
	at = s.ms;
	is_int(ms, told_ms, "store of %u ms: the second eviction waits",
	       store_ms);
	promises_hold(at, ms);
	teardown();
}

#define RESTARTING 6

/* One of the senders is killed and asks for Sender-IDs again. */
static void restart_one(void *arg)
{
	struct sim_member **all = arg;
	struct sim_member *m = all[sim_random(&s, RESTARTING)];

	sim_down(m);
	mock_kernel_reset(&m->mk);
	memset(m->note, 0, sizeof(m->note));
	sim_up(m);
	timer_set(&s.tq, &restarts, 1500);
}

/* Others ask all the time, and each answer takes the store as long as an exclusion. */
static void test_busy(unsigned int wait_ms)
{
	struct sim_member *m[RESTARTING], *c;
	unsigned int i, took;
	char name[32];
	uint64_t at;
	uint32_t ms;

	usual_store(345 + wait_ms, 15, 1);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	for (i = 0; i < RESTARTING; i++) {
		snprintf(name, sizeof(name), "x%u.send.example", i);
		m[i] = sim_add(&s, name, true, true);
		sim_up(m[i]);
	}
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	s.store_ms = 1500;
	timer_init(&restarts, restart_one, m);
	timer_set(&s.tq, &restarts, 100);
	sim_run(&s, 15000 + wait_ms);
	member_leave(c->m, NULL);
	sim_run(&s, 20 + s.store_ms);
	ms = evict();
	at = s.ms;
	sim_run(&s, 30000);
	took = reads_for(b, at);
	ok(took <= ms,
	   "others ask all the time: b reads for %u ms, and %u were told", took,
	   ms);
	timer_del(&s.tq, &restarts);
	teardown();
}

/* ---- a reset behind the eviction ------------------------------------------- */

/* The group is reset by an order or by its policy, or is removed. */
enum reset_by {
	BY_ORDER,
	BY_POLICY,
	BY_REMOVAL,
};

static void answered(void *arg, int ret, uint32_t effective_ms, const char *why)
{
	int *p = arg;

	(void)effective_ms;
	(void)why;
	*p = ret;
}

/* The sender loses the first copy of the second message of an exclusion. */
static bool lose_second(struct sim *sim, struct sim_member *m, const uint8_t *p,
			size_t len)
{
	unsigned int *left = sim->drop_arg;

	(void)len;
	if (m != tx || !*left || get_unaligned_be32(p + IKE_HDR_MID_OFF))
		return false;
	(*left)--;
	return true;
}

static void test_behind(enum reset_by by, unsigned int gap_ms)
{
	struct conf_gcks none;
	unsigned int left = 1;
	int ret = 1;
	uint64_t at;
	uint32_t ms;

	usual(400 + 10 * by + gap_ms, 15);
	s.drop_arg = &left;
	s.drop = lose_second;
	at = s.ms;
	ms = evict();
	is_int(ms, 1625, "the eviction is effective as always");
	sim_run(&s, gap_ms);
	none = s.conf;
	none.n_groups = 0;
	if (by == BY_POLICY)
		s.cg.alg.key_bits = 256;
	if (by == BY_ORDER)
		gcks_reset(s.gcks, "video", answered, &ret);
	else
		gcks_reload(s.gcks, by == BY_POLICY ? &s.conf : &none, answered,
			    &ret);
	is_int(ret, 1, "the reset waits");
	sim_run(&s, 10000);
	is_int(left, 0, "the sender has lost a copy");
	is_int(ret, 0, "the reset is done");
	sim_run(&s, 60000);
	ok(reads_for(b, at) <= ms, "b reads for %u ms, and %u were told",
	   reads_for(b, at), ms);
	teardown();
}

/* A sender that confirms nothing does not hold up a reset for ever. */
static void test_unconfirmed(void)
{
	int ret = 1;

	usual(440, 15);
	tx->offline = true;
	is_int(evict(), 1625, "the eviction is effective as always");
	gcks_reset(s.gcks, "video", answered, &ret);
	sim_run(&s, 7600);
	is_int(ret, 1, "the reset waits for the sender");
	sim_run(&s, 50);
	is_int(ret, 0, "the reset does not wait for longer than 6 s");
	ret = 1;
	gcks_reset(s.gcks, "video", answered, &ret);
	is_int(ret, 0, "the next one waits for nothing");
	teardown();
}

#define LEAVERS 30

/* Receivers leave each @step_ms while a sender confirms nothing. */
static void test_leaving(enum reset_by by, unsigned int step_ms)
{
	struct sim_member *m[LEAVERS];
	struct conf_gcks none;
	char name[32];
	unsigned int i;
	uint64_t at;
	int ret = 1;

	usual(450 + by, 15);
	for (i = 0; i < LEAVERS; i++) {
		snprintf(name, sizeof(name), "c%u.example", i);
		m[i] = sim_add(&s, name, false, true);
		sim_up(m[i]);
	}
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	tx->offline = true;
	is_int(evict(), 1625, "the eviction is effective as always");
	none = s.conf;
	none.n_groups = 0;
	at = s.ms;
	if (by == BY_POLICY)
		s.cg.alg.key_bits = 256;
	if (by == BY_ORDER)
		gcks_reset(s.gcks, "video", answered, &ret);
	else
		gcks_reload(s.gcks, by == BY_POLICY ? &s.conf : &none, answered,
			    &ret);
	for (i = 0; i < LEAVERS && ret == 1; i++) {
		member_leave(m[i]->m, NULL);
		sim_run(&s, step_ms);
	}
	is_int(ret, 0, "the reset is done while members leave");
	ok(s.ms - at <= 14000, "leaves each %u ms: done after %ju ms", step_ms,
	   (uintmax_t)(s.ms - at));
	teardown();
}

int main(void)
{
	unsigned int after;

	RUN(test_absent, 15);
	RUN(test_absent, 120);
	for (after = 3000; after < 16000; after += 2500)
		RUN(test_back, after);
	RUN(test_away, 3000, 11000);
	RUN(test_away, 3500, 11000);
	RUN(test_away, 3000, 20000);
	RUN(test_gone);
	RUN(test_left);
	RUN(test_restored);
	RUN(test_started);
	RUN(test_store, 0, 675 + 1625);
	RUN(test_store, 300, 2825);
	RUN(test_busy, 0);
	RUN(test_busy, 2000);
	RUN(test_behind, BY_ORDER, 100);
	RUN(test_behind, BY_ORDER, 300);
	RUN(test_behind, BY_POLICY, 100);
	RUN(test_behind, BY_REMOVAL, 100);
	RUN(test_unconfirmed);
	RUN(test_leaving, BY_ORDER, 5000);
	RUN(test_leaving, BY_ORDER, 500);
	RUN(test_leaving, BY_POLICY, 1500);
	RUN(test_leaving, BY_REMOVAL, 3000);
	return done();
}
