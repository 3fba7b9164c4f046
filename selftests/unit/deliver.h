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

/* Another one is another run. */
extern uint64_t deliver_seed;

struct deliver_net {
	unsigned int loss; /* percent */
	unsigned int burst_ms; /* mean length of a burst; 0: one by one */
	bool by_fragment;
};

struct deliver {
	unsigned int members;
	/*
	 * Share of the packets of the entitled that they lost beyond their own
	 * outage, or were without the newest key for
	 */
	double entitled_lost;
	double worst_lost_s; /* the one that lost most, in seconds of stream */
	double evicted_read_s; /* after the eviction */
	unsigned int rekeys;
	unsigned int registrations;
	double in_step_after_s; /* all of them; -1: not while it was watched */
	double waited_s; /* the joiner that waited longest */
	unsigned int missed; /* members that missed a rekey altogether */
	unsigned int iv_repeats; /* must be 0 */
};

/* Off the network (@only: deaf for rekeys) for @s seconds in a rekey */
struct deliver deliver_receiver_away(unsigned int s, bool only);
struct deliver deliver_sender_away(unsigned int s, bool only);
/* All copies of the second message of an eviction are lost to one of them. */
struct deliver deliver_second_lost(bool to_sender);
/* Two join a second for @s seconds, 20 viewers that were in before */
struct deliver deliver_joins(const struct deliver_net *net, unsigned int s);
/* One of @members restarts each 500 ms, for @s seconds. */
struct deliver deliver_restarts(const struct deliver_net *net,
				unsigned int members, unsigned int s);
/* @n periodic rekeys */
struct deliver deliver_periodic(const struct deliver_net *net,
				unsigned int members, unsigned int n);
struct deliver deliver_leave(const struct deliver_net *net,
			     unsigned int members, unsigned int leave);
/* All start at once; the server takes @us for each handshake. */
struct deliver deliver_start(const struct deliver_net *net,
			     unsigned int members, unsigned int us);
/* One identity: registers, or leaves and joins, again and again for @s */
struct deliver deliver_pest(bool leaves, unsigned int s);
/* Rekeys to the sender are held back and given slowly, then an eviction. */
struct deliver deliver_held_back(bool feed);
/* A rekey comes while the answer to a registration is on its way. */
struct deliver deliver_start_phase(void);

#endif
