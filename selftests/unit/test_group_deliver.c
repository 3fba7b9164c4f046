// SPDX-License-Identifier: Apache-2.0
/*
 * Rekeys arrive: the cases of deliver.h, small, each against what is
 * promised. bench/delivery runs them at full size.
 */
#include <stdio.h>

#include "deliver.h"
#include "tap.h"

static void clean(const struct deliver *d, const char *what)
{
	is_int(d->iv_repeats, 0, "%s: no Message ID, no Sender-ID came twice",
	       what);
}

static bool back(const struct deliver *d, double most)
{
	return d->in_step_after_s >= 0 && d->in_step_after_s <= most;
}

static void test_away(void)
{
	static const unsigned int secs[] = { 4, 30 };
	struct deliver d;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		bool only = i % 2;
		const char *how = only ? "deaf for rekeys" : "off the network";

		d = deliver_receiver_away(secs[i / 2], only);
		ok(back(&d, 2) && d.worst_lost_s <= 2,
		   "a receiver %s for %u s in a rekey is back after %.1f s",
		   how, secs[i / 2], d.in_step_after_s);
		ok(!d.entitled_lost, "the other one loses nothing");
		clean(&d, how);
	}
}

static void test_sender_away(void)
{
	static const unsigned int secs[] = { 4, 30 };
	struct deliver d;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		bool only = i % 2;
		const char *how = only ? "deaf for rekeys" : "off the network";

		d = deliver_sender_away(secs[i / 2], only);
		ok(d.worst_lost_s <= 2,
		   "a sender %s for %u s: receivers lose %.1f s more", how,
		   secs[i / 2], d.worst_lost_s);
		clean(&d, how);
	}
}

static void test_second_message(void)
{
	struct deliver d;

	d = deliver_second_lost(true);
	ok(d.evicted_read_s > 0 && d.evicted_read_s <= 20,
	   "second message lost to the sender: the evicted one reads %.1f s",
	   d.evicted_read_s);
	clean(&d, "second message, sender");
	d = deliver_second_lost(false);
	ok(back(&d, 5), "lost to a receiver: back after %.1f s",
	   d.in_step_after_s);
	clean(&d, "second message, receiver");
	d = deliver_start_phase();
	ok(back(&d, 2), "a rekey missed in the start phase: back after %.1f s",
	   d.in_step_after_s);
	clean(&d, "start phase");
}

static void test_joins(void)
{
	static const struct {
		struct deliver_net net;
		double most;
	} v[] = {
		{ { .loss = 1 }, 0 },
		{ { .loss = 3 }, 0 },
		{ { .loss = 10 }, 0.001 },
		{ { .loss = 10, .burst_ms = 300 }, 0.001 },
	};
	struct deliver d;
	unsigned int i;

	for (i = FULL_OR_FEW(0, 3); i < sizeof(v) / sizeof(v[0]); i++) {
		d = deliver_joins(&v[i].net, 40);
		ok(d.entitled_lost <= v[i].most,
		   "2 joins a second, %u %% loss%s: %.4f %% of packets lost",
		   v[i].net.loss, v[i].net.burst_ms ? " in bursts" : "",
		   100 * d.entitled_lost);
		ok(d.rekeys <= 16, "joins: %u rekeys were needed", d.rekeys);
		clean(&d, "joins");
	}
}

static void test_restarts(void)
{
	static const struct deliver_net net = { .loss = 5 };
	struct deliver d = deliver_restarts(&net, 60, 40);

	ok(d.entitled_lost <= 0.01, "restarts: %.2f %% hold the newest key",
	   100 * (1 - d.entitled_lost));
	is_int(d.rekeys, 0, "none makes a rekey");
	ok(d.registrations >= 79, "%u registered again", d.registrations);
	clean(&d, "restarts");
}

static void test_periodic(void)
{
	static const struct deliver_net one = { .loss = 20 };
	static const struct deliver_net burst = { .loss = 20, .burst_ms = 300 };
	const unsigned int members = FULL_OR_FEW(150, 50);
	struct deliver d;

	d = deliver_periodic(&one, members, 4);
	ok(back(&d, 10), "20 %% loss, %u members: in step after %.1f s",
	   members, d.in_step_after_s);
	ok(d.registrations <= 2 * d.missed, "%u missed it, %u registered",
	   d.missed, d.registrations);
	is_int(d.rekeys, 4, "no rekey but the periodic ones");
	clean(&d, "periodic");
	d = deliver_periodic(&burst, members, 4);
	ok(back(&d, 10), "in bursts: in step after %.1f s", d.in_step_after_s);
	clean(&d, "bursts");
}

static void test_crowds(void)
{
	static const struct deliver_net frag = { .loss = 5,
						 .by_fragment = true };
	static const struct deliver_net none;
	struct deliver d;

	d = deliver_leave(&frag, 250, 60);
	ok(back(&d, 10), "60 of 250 leave, 5 %% of fragments lost: %.1f s",
	   d.in_step_after_s);
	clean(&d, "leave");
	d = deliver_start(&none, 250, 1333);
	ok(d.waited_s >= 0 && d.waited_s <= 7,
	   "250 start at once, 750 handshakes a second: all in after %.1f s",
	   d.waited_s);
	clean(&d, "start");
}

static void test_hostile(void)
{
	struct deliver d;

	d = deliver_pest(false, 20);
	is_int(d.rekeys, 0, "one that registers again and again: no rekey");
	ok(!d.entitled_lost, "nobody loses a packet");
	clean(&d, "pest");
	d = deliver_pest(true, 60);
	/* A member that left has deleted its SA, and is paced for another. */
	ok(d.rekeys <= 7, "one that leaves and joins for a minute: %u rekeys",
	   d.rekeys);
	ok(!d.entitled_lost, "nobody loses a packet");
	clean(&d, "in and out");
	d = deliver_held_back(false);
	ok(d.evicted_read_s <= 135,
	   "rekeys held back: the evicted one reads %.0f s of 135",
	   d.evicted_read_s);
	clean(&d, "held back");
	d = deliver_held_back(true);
	ok(d.evicted_read_s <= 135,
	   "rekeys fed slowly: the evicted one reads %.0f s", d.evicted_read_s);
	clean(&d, "fed slowly");
}

int main(void)
{
	RUN(test_away);
	RUN(test_sender_away);
	RUN(test_second_message);
	RUN(test_joins);
	RUN(test_restarts);
	RUN(test_periodic);
	RUN(test_crowds);
	RUN(test_hostile);
	return done();
}
