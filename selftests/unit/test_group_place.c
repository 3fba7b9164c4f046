// SPDX-License-Identifier: Apache-2.0
/* One identity at two addresses: logged, replaced or refused, as configured. */
#include "group_sim.h"
#include "group_finish.h"
#include "lib/util.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>

#include "wire/proto.h"

static struct sim s;
static struct sim_member *tx, *a, *twin;
static struct err err;

static void usual(uint64_t seed, enum conf_one_place policy)
{
	static const struct sim_who who[] = {
		{ .identity = "s.example", .send = true },
		{ .identity = "a.example", .receive = true },
		/* A copy of the certificate, or another one for that name. */
		{ .identity = "a.example", .receive = true, .later = true },
	};

	sim_init(&s, seed);
	s.cg.one_place = policy;
	sim_start(&s, who, ARRAY_SIZE(who), 10000, 50);
	tx = s.m[0];
	a = s.m[1];
	twin = s.m[2];
}

static int take_at(void *arg, const struct gcks_member_status *st)
{
	if (!strcmp(st->identity, "a.example"))
		*(struct addr *)arg = st->at;
	return 0;
}

static const char *at(void)
{
	static char buf[ADDR_STRLEN];
	struct addr where = { 0 };

	gcks_each_member(s.gcks, "video", take_at, &where);
	return addr_str(&where, buf);
}

static void test_allow(void)
{
	uint64_t rekeys;

	usual(1, ONE_PLACE_ALLOW);
	is_int(sim_audited(&s, "join", "a.example", "at 10.1.0.2:848"), 1,
	       "the audit trail has the address");
	is_int(sim_audited(&s, "join", "s.example",
			   "Sender-IDs 0 to 1, at 10.1.0.1:848"),
	       1, "the audit trail has the address of a sender too");
	is_str(at(), "10.1.0.2", "the roster has the address");
	rekeys = sim_group(&s).rekeys;
	sim_up(twin);
	sim_run(&s, 5000);
	ok(sim_in(a) && sim_in(twin), "allow: both are in");
	is_int(sim_group(&s).rekeys - rekeys, 0, "allow: no rekey was needed");
	ok(sim_logged(&s, "one identity at two addresses: \"a.example\"") &&
		   sim_logged(&s,
			      "at 10.1.0.3:848: already a member at 10.1.0.2"),
	   "the log warns");
	is_int(sim_audited(&s, "two-places", "a.example", "10.1.0.2"), 1,
	       "the audit trail has the second address");
	is_str(at(), "10.1.0.3", "the roster has the newer one");
	/* The number of log lines stays small. */
	for (rekeys = 0; rekeys < 300; rekeys++) {
		struct sim_member *m = rekeys % 2 ? a : twin;

		sim_down(m);
		mock_kernel_reset(&m->mk);
		sim_up(m);
		sim_run(&s, 300);
	}
	ok(sim_log_count(&s, "two addresses") <= 12,
	   "300 moves in 90 s: %u lines", sim_log_count(&s, "two addresses"));
	sim_finish(&s, "allow");
}

static void test_refuse(void)
{
	usual(2, ONE_PLACE_REFUSE);
	sim_up(twin);
	sim_run(&s, 60000);
	ok(sim_in(a) && !sim_in(twin), "refuse: the first stays, alone");
	is_int(twin->notify, GIKE_N_REGISTRATION_FAILED,
	       "the other is refused");
	is_int(twin->got, 0, "refuse: the second instance gets nothing");
	is_str(at(), "10.1.0.2", "the roster has the first");
	is_int(sim_audited(&s, "refuse", "a.example", "another address") > 0, 1,
	       "refuse: the second instance is on record");
	/* The result is the same after a restart of the key server. */
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_down(twin);
	sim_up(twin);
	sim_run(&s, 5000);
	ok(!sim_in(twin),
	   "refuse: the second instance is out after a restart of the key server");
	/* A restart of the member is no second instance. */
	sim_down(a);
	mock_kernel_reset(&a->mk);
	sim_up(a);
	sim_run(&s, 5000);
	ok(sim_in(a), "at its own address it registers again");
	/* The first member leaves. */
	member_leave(a->m, NULL);
	sim_run(&s, 10000);
	sim_down(twin);
	sim_up(twin);
	sim_run(&s, 10000);
	ok(sim_in(twin), "when the first has left the other may come");
	sim_finish(&s, "refuse");
}

static void test_at_once(void)
{
	sim_init(&s, 3);
	s.cg.one_place = ONE_PLACE_REFUSE;
	s.cg.batch_join_ms = 1000;
	sim_gcks_up(&s);
	a = sim_add(&s, "a.example", false, true);
	twin = sim_add(&s, "a.example", false, true);
	sim_up(a);
	sim_up(twin);
	sim_run(&s, 20000);
	ok(sim_in(a) != sim_in(twin), "one of two in a batch gets in");
	is_int(sim_group(&s).members, 1,
	       "two instances in a batch are one member");
	sim_finish(&s, "at once");
}

static void test_replace(void)
{
	uint64_t rekeys, from;

	usual(4, ONE_PLACE_REPLACE);
	sim_up(twin);
	sim_run(&s, 20000);
	from = s.ms;
	ok(sim_audited(&s, "replace", "a.example", "another address") >= 1,
	   "replace: the first is taken out, and that is on record");
	is_int(sim_group(&s).expired, 0,
	       "replace: the first instance is not the end of a membership");
	sim_down(a);
	sim_run(&s, 90000);
	ok(sim_in(twin), "the second is in");
	is_str(at(), "10.1.0.3", "replace: the roster has the second address");
	is_int(sim_group(&s).members, 2,
	       "replace: two instances are one member");
	is_int(sim_reads_after(&s, a, from + 90000), 0,
	       "the first has no key of what is sent");

	/* Two instances replace each other repeatedly. */
	sim_up(a);
	sim_run(&s, 120000);
	rekeys = sim_group(&s).rekeys;
	sim_run(&s, 600000);
	ok(sim_group(&s).rekeys - rekeys <= 40,
	   "ten minutes of each other's place: %ju rekeys",
	   (uintmax_t)(sim_group(&s).rekeys - rekeys));
	ok(sim_in(tx) && sim_status(tx).data_spi == sim_group(&s).data_spi,
	   "the sender goes on");
	sim_finish(&s, "replace");
}

/* The second host does not wait for others that join. */
static void test_replace_in_batch(void)
{
	unsigned int ms;

	usual(6, ONE_PLACE_REPLACE);
	s.cg.batch_join_ms = 60000;
	if (sim_reload(&s, &err))
		bail("%s", err.text);
	sim_up(twin);
	for (ms = 0; ms < 60000 && !sim_in(twin); ms += 100)
		sim_run(&s, 100);
	ok(ms < 10000, "batch-join of 60 s: the second host is in after %u ms",
	   ms);
	is_int(sim_group(&s).members, 2, "batch-join: two are members");
	sim_down(a);
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "batch-join: all are in step");
	sim_finish(&s, "replace in a batch");
}

static void test_family(void)
{
	sim_init(&s, 5);
	sim_gcks_up(&s);
	a = sim_add(&s, "a.example", false, true);
	if (ep_parse("[2001:db8:1:2:3:4:5:6]:848", 0, &a->ep))
		bail("address");
	a->conf.local = a->ep;
	sim_up(a);
	ok(sim_settle(&s, 20000), "a member with an address of IPv6 is in");
	is_str(at(), "2001:db8:1:2:3:4:5:6",
	       "the roster has the address of IPv6");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	is_str(at(), "2001:db8:1:2:3:4:5:6",
	       "the roster has the address of IPv6 after a restart");
	sim_finish(&s, "IPv6");
}

/* ---- two senders of one identity ------------------------------------------ */

static struct sim_member *other;

/* A second host sends as s.example as well, and has registered last. */
static void two_senders(uint64_t seed)
{
	usual(seed, ONE_PLACE_ALLOW);
	other = sim_add(&s, "s.example", true, true);
	sim_up(other);
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	is_int(sim_group(&s).senders, 1, "the two hosts are one sender");
	is_int(sim_group(&s).unconfirmed, 0, "nobody is waited for at rest");
}

/* Return the time at which the status waits for nobody. */
static uint64_t run_until_confirmed(void)
{
	uint64_t end = s.ms + 200000;

	while (s.ms < end && sim_group(&s).unconfirmed)
		sim_run(&s, 10);
	ok(s.ms < end, "nobody is waited for any more");
	return s.ms;
}

/* One of the hosts loses all GSA_REKEYs: the other one does not confirm for it. */
static void test_two_senders(bool last_is_deaf)
{
	struct sim_member *deaf, *hears;
	uint64_t at, over;
	uint32_t ms;

	two_senders(40 + last_is_deaf);
	deaf = last_is_deaf ? other : tx;
	hears = last_is_deaf ? tx : other;
	sim_stream(&s, deaf, 20);
	sim_run(&s, 1000);
	deaf->deaf = true;
	at = s.ms;
	is_int(sim_evict(s.gcks, "video", "a.example", &ms, &err), 0,
	       "a receiver is evicted");
	sim_run(&s, ms);
	is_int(sim_status(hears).data_spi, sim_group(&s).data_spi,
	       "the host that hears has followed");
	is_int(sim_group(&s).unconfirmed, 1, "the deaf host is waited for");
	is_int(sim_group(&s).confirmed_ms, 0, "the sender has not confirmed");
	over = run_until_confirmed();
	is_int(sim_group(&s).confirmed_ms > ms, 1,
	       "the sender has confirmed when both hosts have");
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, a, over), 0,
	       "a confirmation is true of both hosts");
	is_int(sim_reads_after(&s, a, at) > 0, 1,
	       "the evicted member has read the deaf host");
	sim_finish(&s, "two senders");
}

/*
 * One of the hosts does not hear of a reset, and the other one is back at once: that does
 * not report for the host that goes on with the key of before, which an evicted member has.
 */
static void test_reset_unheard(bool last_is_deaf)
{
	struct sim_member *deaf;
	uint64_t at, over;
	uint32_t ms;

	two_senders(46 + last_is_deaf);
	deaf = last_is_deaf ? other : tx;
	sim_stream(&s, deaf, 20);
	sim_run(&s, 1000);
	deaf->deaf = true;
	deaf->mute = true;
	is_int(sim_reset(s.gcks, "video", &err), 0, "the group is reset");
	sim_run(&s, 20000);
	is_int(sim_has_member(&s, "s.example"), 1, "the identity is back");
	is_int(sim_group(&s).unconfirmed, 1,
	       "the host that did not hear of the reset is waited for");
	at = s.ms;
	is_int(sim_evict(s.gcks, "video", "a.example", &ms, &err), 0,
	       "a receiver is evicted");
	ok(ms > 30000, "the answer counts on a host that notices silence: %u",
	   ms);
	sim_run(&s, 5000);
	is_int(sim_group(&s).unconfirmed, 1, "the host is still waited for");
	deaf->deaf = false;
	deaf->mute = false;
	over = run_until_confirmed();
	sim_run(&s, 60000);
	ok(sim_reads_after(&s, a, at) > 0,
	   "the evicted member has read the host that did not hear");
	is_int(sim_reads_after(&s, a, over), 0,
	       "nobody is waited for when both hosts have other keys");
	ok(sim_in(tx) && sim_in(other), "both hosts are in");
	sim_finish(&s, "reset unheard");
}

/* Both hosts hear of a reset, and report. */
static void test_reset_heard(void)
{
	uint32_t ms;

	two_senders(48);
	is_int(sim_reset(s.gcks, "video", &err), 0, "the group is reset");
	sim_run(&s, 9000);
	ok(sim_in(tx) && sim_in(other), "both hosts are back");
	is_int(sim_group(&s).unconfirmed, 2, "both hosts wait for receivers");
	is_int(sim_evict(s.gcks, "video", "a.example", &ms, &err), 0,
	       "a receiver is evicted");
	ok(ms <= 6000, "no host has to notice silence: %u ms", ms);
	sim_run(&s, 10000);
	is_int(sim_group(&s).unconfirmed, 0, "both hosts have reported");
	sim_finish(&s, "reset heard");
}

/* One of the hosts is gone for good. */
static void test_reset_gone(void)
{
	two_senders(49);
	sim_down(tx);
	is_int(sim_reset(s.gcks, "video", &err), 0, "the group is reset");
	sim_run(&s, 50000);
	ok(sim_in(other), "the other host is back");
	is_int(sim_group(&s).unconfirmed, 1, "the host is waited for");
	sim_run(&s, 10000);
	is_int(sim_group(&s).unconfirmed, 0,
	       "the host is waited for no longer than for silence");
	sim_finish(&s, "reset gone");
}

/* A host that has another address now confirms as one, when the former one is silent. */
static void test_moved_sender(void)
{
	uint32_t ms;

	two_senders(42);
	sim_stream_stop(&s);
	sim_down(tx);
	is_int(sim_evict(s.gcks, "video", "a.example", &ms, &err), 0,
	       "a receiver is evicted");
	sim_run(&s, 50000);
	is_int(sim_group(&s).unconfirmed, 1, "the former host is waited for");
	run_until_confirmed();
	ok(sim_group(&s).confirmed_ms < 70000,
	   "the former host is waited for no longer than for silence");
	sim_rekey(s.gcks, "video", &err);
	sim_run(&s, 10000);
	is_int(sim_group(&s).unconfirmed, 0,
	       "the former host is not waited for once more");
	sim_finish(&s, "moved sender");
}

/* Thieves with the sender's certificate hear all, and its owner does not. */
static void test_thieves(unsigned int thieves)
{
	uint64_t at, over;
	unsigned int i;
	uint32_t ms;

	usual(50 + thieves, ONE_PLACE_ALLOW);
	for (i = 0; i < thieves; i++) {
		sim_up(sim_add(&s, "s.example", true, true));
		/* Sender-IDs are given at a pace. */
		if (!sim_settle(&s, 900000))
			bail("a thief is not in");
		sim_run(&s, 20000);
	}
	sim_stream(&s, tx, 20);
	sim_run(&s, 60000);
	is_int(sim_group(&s).unconfirmed, 0, "nobody is waited for at rest");
	tx->deaf = true;
	at = s.ms;
	is_int(sim_evict(s.gcks, "video", "a.example", &ms, &err), 0,
	       "a receiver is evicted");
	sim_run(&s, ms);
	is_int(sim_group(&s).unconfirmed, 1, "the owner is waited for");
	over = run_until_confirmed();
	ok(over - at < 70000, "%u thieves: confirmed after %ju ms", thieves,
	   (uintmax_t)(over - at));
	sim_run(&s, 60000);
	/* The key server tells four hosts apart; of more it knows only how long to wait. */
	if (thieves < 4)
		is_int(sim_reads_after(&s, a, over), 0,
		       "thieves do not confirm for the owner");
	sim_finish(&s, "thieves");
}

#define LEAVERS 8

/* Changes that follow each other do not renew the time of the former host. */
static void test_moved_often(void)
{
	struct sim_member *m[LEAVERS];
	unsigned int i, waits = 0;
	char name[32];

	two_senders(43);
	for (i = 0; i < LEAVERS; i++) {
		snprintf(name, sizeof(name), "c%u.example", i);
		m[i] = sim_add(&s, name, false, true);
		sim_up(m[i]);
	}
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	sim_stream_stop(&s);
	sim_down(tx);
	for (i = 0; i < LEAVERS; i++) {
		member_leave(m[i]->m, NULL);
		sim_run(&s, 40000);
		waits += sim_group(&s).unconfirmed;
	}
	is_int(waits, 1, "the former host is waited for once");
	sim_finish(&s, "moved often");
}

/*
 * A host begins to send with an identity that another host has as well, and that
 * registers as a sender @gap_ms later: both have to confirm an eviction.
 */
static void test_turn(unsigned int gap_ms)
{
	const struct sim_who who[] = {
		{ .identity = "s.example", .receive = true },
		{ .identity = "a.example", .receive = true },
		{ .identity = "s.example",
		  .send = true,
		  .receive = true,
		  .later = true },
	};
	struct sim_member *other;
	uint32_t ms = 0;
	uint64_t began;

	sim_init(&s, 90);
	s.cg.one_place = ONE_PLACE_ALLOW;
	sim_start(&s, who, ARRAY_SIZE(who), 20000, 0);
	tx = s.m[0];
	a = s.m[1];
	other = s.m[2];
	sim_down(tx);
	mock_kernel_reset(&tx->mk);
	tx->cg.send = true;
	sim_up(tx);
	for (began = s.ms; s.ms < began + 20000 && !sim_in(tx);)
		sim_run(&s, 1);
	ok(sim_in(tx), "the host is in as a sender");
	sim_run(&s, gap_ms);
	sim_up(other);
	for (began = s.ms; s.ms < began + 900000 && !sim_in(other);)
		sim_run(&s, 10);
	ok(sim_in(other), "the other host is in");
	sim_run(&s, 60000);
	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	tx->deaf = true;
	began = s.ms;
	is_int(sim_evict(s.gcks, "video", "a.example", &ms, &err), 0,
	       "a receiver is evicted");
	sim_run(&s, ms);
	is_int(sim_status(other).data_spi, sim_group(&s).data_spi,
	       "the host that hears has followed");
	is_int(sim_group(&s).unconfirmed, 1, "the deaf host is waited for");
	is_int(sim_group(&s).confirmed_ms, 0, "nothing is confirmed");
	while (s.ms < began + 200000 && sim_group(&s).unconfirmed)
		sim_run(&s, 10);
	began = s.ms;
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, a, began), 0,
	       "the evicted member reads nothing from then on");
	sim_free(&s);
}

int main(void)
{
	RUN(test_allow);
	RUN(test_refuse);
	RUN(test_at_once);
	RUN(test_replace);
	RUN(test_replace_in_batch);
	RUN(test_family);
	RUN(test_two_senders, false);
	RUN(test_two_senders, true);
	RUN(test_reset_unheard, false);
	RUN(test_reset_unheard, true);
	RUN(test_reset_heard);
	RUN(test_reset_gone);
	RUN(test_moved_sender);
	RUN(test_thieves, 1);
	RUN(test_thieves, 2);
	RUN(test_thieves, 4);
	RUN(test_moved_often);
	RUN(test_turn, 0);
	RUN(test_turn, 1000);
	return done();
}
