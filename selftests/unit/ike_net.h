/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key server and members in one process: a clock that stands still until it
 * is told, a network that is a queue, and a small CA. Loss, repetition and
 * reordering are calls left out, made twice, or made in another order.
 */
#ifndef IKE_NET_H
#define IKE_NET_H

#include "crypto/pki.h"
#include "ike/engine.h"
#include "ike/exchange.h"
#include "wire/edge.h"
#include "wire/proto.h"
#include "lib/clock.h"
#include "lib/timer.h"

#define NET_MAX_NODES 8
#define NET_MAX_QUEUE 512

struct packet {
	struct ep from;
	struct ep to;
	uint8_t *p;
	size_t len;
};

struct net {
	uint64_t ms;
	time_t wall;
	struct clock clock;
	struct timerq tq;
	struct node *nodes[NET_MAX_NODES];
	unsigned int n_nodes;
	struct packet queue[NET_MAX_QUEUE];
	unsigned int n_queue;
	unsigned int lost; /* no node at the address */
	/* A NAT: packets of @inside appear to come from @outside. */
	struct ep nat_inside;
	struct ep nat_outside;
	bool nat;
};

/* Events at a node; reset by node_clear(). */
struct seen {
	unsigned int up, closed, auth_failed, ev_refused, cap, not_taken;
	unsigned int registered, refused, left, requests, sa_closed;
	uint32_t later_ms; /* argument of ops.later() */
	uint16_t notify;
	char text[512]; /* the last refusal's or event's */
	char about[512]; /* the last text of an IKE SA that is up, or closed */
	char reason[512]; /* the last sa_closed's */
	char peer[256]; /* the last request's */
	struct gike_req req; /* last request, sag and peer not kept */
	bool had_sag;
	/*
	 * Opaque attributes of private use: in notifies, in the Data SA policy,
	 * in the GW policy.
	 */
	struct opaque opaque, data, gw;
	uint8_t tek[36]; /* as it was unwrapped */
	int tek_ret;
	uint64_t sender_id;
	bool transport;
	/* GSA_INBAND_REKEY: the last one at a member, and at the key server. */
	unsigned int inband, inband_done;
	char inband_group[64]; /* "": not named */
	unsigned int inband_deletes;
	bool inband_keys;
	char inband_unusable[128];
	uint16_t inband_notify;
	/* With cfg.relays: the last request, without its grants, and answer. */
	unsigned int edge_requests, edge_answers;
	struct edge_request edge_req;
	uint8_t edge_grant[512]; /* the first one */
	struct ep edge_from;
	bool edge_no_relay; /* an answer without one about the edge */
	struct edge_answer edge_ans;
	unsigned int moved; /* events */
	unsigned int moves; /* calls of ops.moved() */
	struct ep moved_from; /* the last one's */
	unsigned int keepalives;
	struct ep kept_from, kept_to; /* the last one's */
	char line[512]; /* exported keys */
};

struct node {
	struct net *net;
	const char *name;
	struct ep ep;
	struct ike_engine *engine;
	struct ike_engine_cfg cfg;
	struct pki_pair cert;
	struct cert_chain *chain;
	struct trust *trust;
	struct seen seen;
	struct ike_sa *sa; /* the last callback's */
	struct exchange exchanges[16]; /* node_own_exchange() */
	/* Answer of the key server. */
	uint16_t answer; /* notify */
	uint32_t later_ms; /* puts the request off */
	bool later;
	bool broken; /* an answer that breaks the rules */
	bool close_inside; /* closes the SA from within group_request */
	uint64_t token;
	/* The member lets the "kernel" choose its source address. */
	bool no_local;
	unsigned int n_sids; /* key server: gives so many, 0: one */
	/* Opaque attributes of private use to send, or NULL. */
	const struct opaque *says, *says_data, *says_gw;
	bool no_natt; /* key server: not on port 4500 */
	/* Key server: alters a GSA_INBAND_REKEY, or NULL. */
	void (*alter_inband)(struct gike_inband *msg);
	bool no_inband; /* key server: there is nothing to send */
	bool one_place; /* key server: an identity is at one address only */
	struct edge_answer edge; /* relay: its answer to everything */
};

void net_init(struct net *net);
void net_free(struct net *net); /* nodes too */
/* Deliver all queued packets, and those that they cause. */
void net_run(struct net *net);
/* Deliver the first packet only. Returns false if there is none. */
bool net_step(struct net *net);
void net_drop(struct net *net, unsigned int i);
void net_dup(struct net *net, unsigned int i);
void net_swap(struct net *net, unsigned int a, unsigned int b);
/* Let time pass: timers fire, and with @deliver packets are delivered. */
void net_pass(struct net *net, uint64_t ms, bool deliver);

struct pki_opt {
	enum sig_type type; /* 0: Ed25519 */
	const struct pki_pair *ca;
	enum pki_kind kind;
	const char *dns;
	time_t from, to; /* 0: valid */
	/* No certificate: @dns is the identity, and cfg->psks has the keys. */
	bool psk_only;
};

void pki_ca(struct net *net, const char *name, struct pki_pair *ca);
/*
 * Make a node with a certificate of its own that trusts @trust. @cfg may be
 * NULL; identity, clock and queue in it are set here.
 */
struct node *node_new(struct net *net, const char *addr,
		      const struct pki_opt *opt, const struct pki_pair *trust,
		      const struct ike_engine_cfg *cfg);
void node_clear(struct node *n);

/*
 * Give @n a table of exchanges of its own, and return the entry of @type, for a
 * test to alter.
 */
struct exchange *node_own_exchange(struct node *n, uint8_t type);
/* Let @n send other requests of exchange @type, and look at their answers. */
void node_exchange(struct node *n, uint8_t type,
		   int (*build)(struct ike_sa *sa, const struct ike_task *t),
		   void (*answer)(struct ike_sa *sa, struct ike_in *in));
void node_free(struct node *n);
/* Call ike_register() at @m for key server @g and the group "video". */
struct ike_sa *node_join(struct node *m, struct node *g, const char *gcks_id,
			 bool send);
void group_req(struct gike_req *req, const char *group, bool send);
/* Answer node->token as group_request() would have done. */
int node_reply(struct node *g);

#endif
