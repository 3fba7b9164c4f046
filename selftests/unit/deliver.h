/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases of delivery: what happens to those who are entitled, and to those who
 * are not any more, while datagrams are lost, members are off the network,
 * crowds come and go, and somebody is hostile. Each is a simulation that gives
 * numbers; test_group_deliver.c runs them small and judges, bench/delivery.c
 * at full size and prints.
 */
#ifndef DELIVER_H
#define DELIVER_H

#include <stdbool.h>
#include <stdint.h>

/* Each seed gives another run. */
extern uint64_t deliver_seed;

struct deliver_net {
	unsigned int loss; /* percent */
	unsigned int burst_ms; /* mean length of a burst; 0: one by one */
	bool by_fragment; /* in a burst half of the fragments are lost */
};

/* Copies that are looked at one by one. */
#define DELIVER_COPIES 2

struct deliver {
	unsigned int members;
	/*
	 * Share of packets that entitled members lost beyond their own outage,
	 * or received late for lack of the newest key.
	 */
	double entitled_lost;
	double worst_lost_s; /* the one that lost most, in seconds of stream */
	double evicted_read_s; /* after the eviction */
	unsigned int rekeys;
	unsigned int registrations;
	double in_step_after_s; /* all of them; -1: not while it was watched */
	double waited_s; /* the joiner that waited longest */
	unsigned int missed; /* members that missed a rekey altogether */
	/*
	 * Share of members that have the newest keys, 50 ms after each change
	 * and later: in the mean of all moments; and at the worst moment while
	 * one copy of the change was sent, two copies, and at other times.
	 */
	double held_mean;
	double held[DELIVER_COPIES + 1];
	unsigned int iv_repeats; /* must be 0 */
};

/*
 * The member is off the network, or deaf for rekeys with @only, for @s seconds
 * during a rekey.
 */
struct deliver deliver_receiver_away(const struct deliver_net *net,
				     unsigned int s, bool only);
struct deliver deliver_sender_away(const struct deliver_net *net,
				   unsigned int s, bool only);
/* One receiver loses all copies of the second message of an eviction. */
struct deliver deliver_second_lost(const struct deliver_net *net,
				   bool to_sender);
/* Two members join per second for @s seconds, beside 20 earlier viewers. */
struct deliver deliver_joins(const struct deliver_net *net, unsigned int s);
/*
 * One of @members restarts every 500 ms, for @s seconds, and the keys change
 * every 20 s. Other members are looked at every 50 ms.
 */
struct deliver deliver_restarts(const struct deliver_net *net,
				unsigned int members, unsigned int s);
/* @n periodic rekeys */
struct deliver deliver_periodic(const struct deliver_net *net,
				unsigned int members, unsigned int n);
struct deliver deliver_leave(const struct deliver_net *net,
			     unsigned int members, unsigned int leave);
/* All members start at once, and each handshake costs the server @us. */
struct deliver deliver_start(const struct deliver_net *net,
			     unsigned int members, unsigned int us);
/* One identity registers, or leaves and joins, repeatedly for @s seconds. */
struct deliver deliver_pest(const struct deliver_net *net, bool leaves,
			    unsigned int s);
/* Rekeys to the sender are delayed more and more, and a member is evicted. */
struct deliver deliver_held_back(const struct deliver_net *net, bool feed);
/*
 * All of IKE is lost to the sender, and each rekey arrives @delay_s late until a
 * member is evicted, no later ones at all.
 */
struct deliver deliver_cut_off(unsigned int delay_s);
/* A rekey arrives while the answer to a registration is in flight. */
struct deliver deliver_start_phase(const struct deliver_net *net);

#endif
