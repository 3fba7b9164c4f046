/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relays and leaves in one process: a clock that stands still until it is told, a
 * network that delays and loses, and edges that carry datagrams by the rules of
 * Documentation/edges.rst. Requests and answers cross it as octets.
 */
#ifndef RELAY_SIM_H
#define RELAY_SIM_H

#include "crypto/sign.h"
#include "lib/clock.h"
#include "lib/timer.h"
#include "relay/child.h"
#include "relay/parent.h"

#define RS_GROUP "video"
#define RS_MAX_HOSTS 48
#define RS_MAX_EDGES 24 /* one host's */
#define RS_MAX_SEQ 40000 /* one sender's datagrams */
#define RS_DELAY_MS 5
/* As the requests of an IKE SA to a parent. */
#define RS_RESEND_MS 100
#define RS_TRIES 24

struct rs_sim;

/* An edge, as the kernel would have it. */
struct rs_edge {
	bool used;
	struct ep peer;
	bool up;
	unsigned int n_ranges;
	struct sid_range range[PARENT_MAX_RANGES];
	struct upstream *upstream; /* at a child */
	uint32_t id; /* at a parent */
	uint64_t in, refused; /* datagrams: taken, and of other Sender-IDs */
	uint64_t looked; /* @in at the last look of a child */
};

/* An IKE SA between a child and a parent. */
struct rs_sa;

struct rs_host {
	struct rs_sim *sim;
	unsigned int number;
	char name[16];
	struct ike_id id;
	struct ep ep; /* as others see it */
	bool dead; /* neither sends nor receives */
	bool direct; /* no NAT is in front of it */
	uint16_t sid; /* Sender-ID */
	struct parent *parent; /* a relay's */
	struct child *child;
	uint8_t grant[GRANT_MAX];
	size_t grant_len;
	struct rs_edge edge[RS_MAX_EDGES];
	uint8_t *seen[RS_MAX_HOSTS]; /* window by sender, an octet each */
	uint64_t got, dup,
		unknown; /* datagrams: new, again, from no edge's peer */
	uint32_t sent;
	/* Counts of calls of the operations. */
	unsigned int adds, sets, dels, ups, downs;
	unsigned int most_ups; /* edges to parents at once */
	int fail_add; /* the next edge fails so */
	int fail_set; /* the next change of an edge fails so */
	char why[64]; /* why the parent has changed or an edge has ended last */
	unsigned int not_entitled; /* changes with that reason */
};

struct rs_sim {
	uint64_t ms;
	time_t wall;
	struct clock clock;
	struct timerq tq;
	struct rs_host host[RS_MAX_HOSTS];
	unsigned int n;
	unsigned int loss; /* percent, of messages and of datagrams */
	uint64_t random;
	struct sigkey *key;
	struct sigpub *pub;
	struct rs_sa *sas;
	struct rs_message *messages; /* on their way */
	uint64_t wire; /* messages that were sent */
	/* Somebody sends copies of three of four requests from there, which come first. */
	struct ep copier;
	unsigned int copied;
};

void rs_init(struct rs_sim *s);
void rs_free(struct rs_sim *s);
void rs_pass(struct rs_sim *s, uint64_t ms);

/* Add a host with a grant for one Sender-ID. */
struct rs_host *rs_host_new(struct rs_sim *s);
/* Sign a grant for @h, of @sid unless that is 0, that ends in @seconds. */
void rs_sign(struct rs_sim *s, struct rs_host *h, uint16_t sid,
	     uint32_t seconds);
/* Make @h a relay that names @others when it cannot serve a child. */
void rs_relay(struct rs_host *h, unsigned int max_children,
	      struct rs_host *const *others, unsigned int n);
/* Let @h ask @parents for an edge. */
void rs_leaf(struct rs_host *h, struct rs_host *const *parents, unsigned int n);
/* Show the present grant of @h, and those below it. */
void rs_show(struct rs_host *h);
/* The host stops at once, and tells nobody. */
void rs_kill(struct rs_host *h);
/* End all IKE SAs with @h as a parent, with a Delete. */
void rs_close_children(struct rs_host *h);

/* Send one datagram by the edges of @h. Returns its number. */
uint32_t rs_send(struct rs_host *h);
/* Return how many hosts have datagram @seq of @from, which is at most once each. */
unsigned int rs_reached(const struct rs_host *from, uint32_t seq);
bool rs_has(const struct rs_host *h, const struct rs_host *from, uint32_t seq);
/* Return the relay that @h uses, or NULL. */
struct rs_host *rs_parent_of(const struct rs_host *h);
/* Return the edge of relay @h to @child, or NULL. */
struct rs_edge *rs_edge_to(struct rs_host *h, const struct rs_host *child);
struct edge_parent rs_at(const struct rs_host *h);

/*
 * Begin a simulation of a relay with an edge to a good child, and of a host that has none
 * yet and does what it likes.
 */
void rs_good_and_bad(struct rs_sim *s, struct rs_host **relay,
		     struct rs_host **good, struct rs_host **bad);

#endif
