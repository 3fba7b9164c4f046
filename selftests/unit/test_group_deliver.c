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

/* No losses, then those of datagrams and of fragments, single and in bursts. */
static const struct deliver_net nets[] = {
	{ 0 },
	{ .loss = 5 },
	{ .loss = 5, .burst_ms = 300 },
	{ .loss = 5, .by_fragment = true },
	{ .loss = 5, .burst_ms = 300, .by_fragment = true },
};

#define NETS (sizeof(nets) / sizeof(nets[0]))

static const char *losses(const struct deliver_net *net)
{
	if (!net->loss)
		return "no losses";
	if (net->by_fragment)
		return net->burst_ms ? "fragments lost in bursts"
				     : "fragments lost";
	return net->burst_ms ? "datagrams lost in bursts" : "datagrams lost";
}

static void away(const struct deliver_net *net, unsigned int secs, bool only)
{
	const char *how = only ? "deaf for rekeys" : "off the network";
	struct deliver d = deliver_receiver_away(net, secs, only);

	ok(back(&d, 2) && d.worst_lost_s <= 2,
	   "%s: a receiver %s for %u s in a rekey is back after %.1f s",
	   losses(net), how, secs, d.in_step_after_s);
	ok(!d.entitled_lost, "%s: the other one loses nothing", losses(net));
	clean(&d, how);
	d = deliver_sender_away(net, secs, only);
	ok(d.worst_lost_s <= 2,
	   "%s: a sender %s for %u s: receivers lose %.1f s more", losses(net),
	   how, secs, d.worst_lost_s);
	clean(&d, how);
}

/* Repetitions are lost in different phases. */
static void test_sender_off(void)
{
	struct deliver d;
	double worst = 0;

	for (deliver_seed = 0; deliver_seed < 10; deliver_seed++) {
		d = deliver_sender_away(&nets[1], 30, false);
		worst = d.worst_lost_s > worst ? d.worst_lost_s : worst;
	}
	deliver_seed = 0;
	ok(worst <= 2,
	   "%s: ten senders off for 30 s: receivers lose %.1f s more",
	   losses(&nets[1]), worst);
}

static void test_away(void)
{
	unsigned int i;

	for (i = 0; i < NETS; i++) {
		away(&nets[i], 4, false);
		away(&nets[i], 4, true);
		away(&nets[i], 30, false);
		away(&nets[i], 30, true);
	}
}

static void second_message(const struct deliver_net *net)
{
	struct deliver d;

	d = deliver_second_lost(net, true);
	ok(d.evicted_read_s > 0 && d.evicted_read_s <= 20,
	   "%s: second message lost to the sender: the evicted one reads %.1f s",
	   losses(net), d.evicted_read_s);
	clean(&d, "second message, sender");
	d = deliver_second_lost(net, false);
	ok(back(&d, 5),
	   "%s: second message lost to a receiver: back after %.1f s",
	   losses(net), d.in_step_after_s);
	clean(&d, "second message, receiver");
	d = deliver_start_phase(net);
	ok(back(&d, 2) && d.worst_lost_s <= 2,
	   "%s: a rekey missed in the start phase: back after %.1f s",
	   losses(net), d.in_step_after_s);
	clean(&d, "start phase");
}

static void test_second_message(void)
{
	unsigned int i;

	for (i = 0; i < NETS; i++)
		second_message(&nets[i]);
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
		{ { .loss = 3, .burst_ms = 300 }, 0 },
		{ { .loss = 10, .burst_ms = 300, .by_fragment = true }, 0.001 },
	};
	struct deliver d;
	unsigned int i;

	for (i = FULL_OR_FEW(0, 4); i < sizeof(v) / sizeof(v[0]); i++) {
		d = deliver_joins(&v[i].net, 40);
		ok(d.entitled_lost <= v[i].most,
		   "2 joins a second, %u %% loss%s: %.4f %% of packets lost",
		   v[i].net.loss, v[i].net.burst_ms ? " in bursts" : "",
		   100 * d.entitled_lost);
		ok(d.rekeys <= 16, "joins: %u rekeys were needed", d.rekeys);
		clean(&d, "joins");
	}
}

/*
 * The keys change twice meanwhile. The first copy of a change reaches 95 of 100, and
 * nobody uses its keys before the third has come.
 */
static void restarts(const struct deliver_net *net)
{
	struct deliver d = deliver_restarts(net, 120, 40);
	const char *how = losses(net);

	ok(d.held_mean >= 0.99 && d.held_mean < 1,
	   "%s: %.2f %% of members hold the newest keys, in the mean", how,
	   100 * d.held_mean);
	ok(d.held[0] >= 0.88 && d.held[0] < 1,
	   "%s: %.2f %% at least after the first copy", how, 100 * d.held[0]);
	ok(d.held[1] >= 0.97, "%s: %.2f %% at least after the second copy", how,
	   100 * d.held[1]);
	ok(d.held[2] >= 0.99, "%s: %.2f %% at least at other times", how,
	   100 * d.held[2]);
	ok(!d.entitled_lost, "%s: nobody loses a packet by restarts", how);
	is_int(d.rekeys, 2, "%s: no restart makes a rekey", how);
	ok(d.registrations >= 79, "%s: %u registered again", how,
	   d.registrations);
	clean(&d, "restarts");
}

static void test_restarts(void)
{
	unsigned int i;

	for (i = FULL_OR_FEW(1, NETS - 1); i < NETS; i++)
		restarts(&nets[i]);
}

/* Fewer than two registrations are for each member that missed a rekey. */
static bool few_asked(const struct deliver *d)
{
	return !d->registrations || d->registrations < 2 * d->missed;
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
	ok(few_asked(&d), "%u missed it, %u registered", d.missed,
	   d.registrations);
	is_int(d.rekeys, 4, "no rekey but the periodic ones");
	clean(&d, "periodic");
	d = deliver_periodic(&burst, members, 4);
	ok(back(&d, 10), "in bursts: in step after %.1f s", d.in_step_after_s);
	ok(few_asked(&d), "in bursts: %u missed it, %u registered", d.missed,
	   d.registrations);
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

static void pests(const struct deliver_net *net)
{
	struct deliver d;

	d = deliver_pest(net, false, 20);
	is_int(d.rekeys, 0, "%s: one registers again and again: no rekey",
	       losses(net));
	ok(!d.entitled_lost, "%s: nobody loses a packet by that", losses(net));
	clean(&d, "pest");
	/* A member that left has deleted its SA, and is paced for another. */
	d = deliver_pest(net, true, 180);
	ok(d.rekeys >= 3 && d.rekeys <= 8,
	   "%s: one leaves and joins for three minutes: %u rekeys", losses(net),
	   d.rekeys);
	ok(!d.entitled_lost, "%s: nobody loses a packet by that", losses(net));
	clean(&d, "in and out");
}

static void test_hostile(void)
{
	struct deliver d;

	pests(&nets[0]);
	pests(&nets[NETS - 1]);
	d = deliver_held_back(&nets[0], false);
	ok(d.evicted_read_s <= 135,
	   "rekeys held back: the evicted one reads %.0f s of 135",
	   d.evicted_read_s);
	clean(&d, "held back");
	d = deliver_held_back(&nets[NETS - 1], true);
	ok(d.evicted_read_s <= 135,
	   "rekeys fed slowly: the evicted one reads %.0f s", d.evicted_read_s);
	clean(&d, "fed slowly");
}

/*
 * The sender is cut off from the key server but for rekeys, which somebody delays
 * by less than the age at which they are refused. Its newest key is made just
 * before the eviction.
 */
static void cut_off(unsigned int delay_s, double least, double most)
{
	struct deliver d = deliver_cut_off(delay_s);

	ok(d.evicted_read_s >= least && d.evicted_read_s <= most,
	   "cut off, rekeys %u s late: the evicted one reads %.0f s of 135",
	   delay_s, d.evicted_read_s);
	clean(&d, "cut off");
}

static void test_cut_off(void)
{
	cut_off(0, 100, 135);
	cut_off(30, 100, 135);
	cut_off(58, 100, 135);
	/* Later ones are refused, and the sender has no keys that are as new. */
	cut_off(65, 0, 0);
}

int main(void)
{
	RUN(test_away);
	RUN(test_sender_off);
	RUN(test_second_message);
	RUN(test_joins);
	RUN(test_restarts);
	RUN(test_periodic);
	RUN(test_crowds);
	RUN(test_hostile);
	RUN(test_cut_off);
	return done();
}
