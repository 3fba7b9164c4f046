/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The side of a relay: edges to children, which ask for them over IKE SAs. A machine
 * without I/O: requests go in by parent_request(), and edges come out by struct
 * parent_ops.
 *
 * An edge belongs to one IKE SA and ends with it. It leads to an address only when the
 * child has sent back, from there, the cookie of an answer that went there, and nothing
 * else moves it. A child is entitled by a grant of the key server (wire/grant.h), and an
 * edge takes the Sender-IDs of that grant and of those that the child passes on from
 * members below it.
 *
 * A child costs memory when it has an edge, and only then. Signatures are verified, and
 * edges are moved, at a rate that is bounded for each identity and for all of them.
 *
 * Single-threaded. An operation must not call back into the machine, unless it says so.
 */
#ifndef RELAY_PARENT_H
#define RELAY_PARENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/err.h"
#include "wire/edge.h"

struct clock;
struct grant;
struct parent;
struct timerq;

/* An edge ends so long after the last request of its child. */
#define PARENT_LIFETIME_MS 15000u
/* Edges of one identity in a group: a host that comes back, and its former one. */
#define PARENT_MAX_PER_IDENTITY 4
/* Numbers of edges; those above are free for other uses. */
#define PARENT_MAX_ID 1000000000u
/* Children of all groups. */
#define PARENT_MAX_CHILDREN 65536
#define PARENT_MAX_RANGES \
	16 /* MCSEC_EDGE_RANGES_MAX, which app/edge_down.c asserts */

/* An authenticated IKE SA that asks. */
struct parent_peer {
	const void *
		sa; /* stands for the IKE SA; the machine never looks into it */
	const struct ike_id *id;
	struct ep ep;
	/*
	 * No NAT is in front of the peer, and @ep is not the address of its IKE SA: this
	 * may be a copy that somebody else has sent. A peer that has really moved opens
	 * another IKE SA.
	 */
	bool elsewhere;
};

/* An edge as the operations and parent_each_edge() are given it. */
struct parent_edge {
	uint32_t id; /* unique in the process, 1 to PARENT_MAX_ID */
	const void *sa;
	const char *group;
	const struct ike_id *member; /* never copy it, see copy_id() */
	struct ep peer;
	uint64_t since_ms; /* monotonic time of the first grant of the edge */
	uint64_t heard_ms; /* monotonic time of the last request or beat */
	/* Sender-IDs that the child and those below it may use, in order. */
	unsigned int n_ranges;
	struct sid_range range[PARENT_MAX_RANGES];
};

struct parent_ops {
	/*
	 * Verify the signature of a grant for @group, which is well-formed. Returns
	 * 0 or -errno.
	 */
	int (*verify)(void *ctx, const char *group, const uint8_t *grant,
		      size_t len);
	/*
	 * Install an edge, or change one. Return 0 or -errno. An edge that cannot be
	 * changed with -ENOENT is not there, and ends.
	 */
	int (*edge_add)(void *ctx, const struct parent_edge *e);
	int (*edge_set)(void *ctx, const struct parent_edge *e);
	/* The edge ends; @why is a few words. */
	void (*edge_del)(void *ctx, const struct parent_edge *e,
			 const char *why);
	/*
	 * May be NULL: the grants of the members below @group have changed, and are to
	 * be collected by parent_below(), which this operation may call. Edges that begin
	 * or end within a tenth of a second have one call.
	 */
	void (*below)(void *ctx, const char *group);
	/*
	 * May be NULL: tell a child, which has not asked, that the relay goes away. If
	 * its IKE SA ends with that, parent_sa_closed() may be called.
	 */
	void (*tell)(void *ctx, const struct parent_edge *e,
		     const struct edge_answer *ans);
};

struct parent_cfg {
	const struct clock *clock;
	struct timerq *tq;
	unsigned int max_children; /* 1 to PARENT_MAX_CHILDREN */
	/* Relays that are named to children that cannot be served. */
	unsigned int n_others;
	const struct edge_parent *others; /* copied */
	uint64_t seed; /* random, for the rates */
};

struct parent_stats {
	uint64_t requests; /* beats are not counted */
	uint64_t beats;
	uint64_t challenged; /* answered with a cookie, and not counted above */
	uint64_t granted; /* edges made */
	uint64_t moved; /* changes of an address */
	uint64_t redirected;
	uint64_t refused;
	uint64_t busy; /* refused ones that had asked too often */
	uint64_t not_entitled; /* refused ones without a valid grant */
	uint64_t verified; /* signatures that were looked at */
	uint64_t dropped_grants; /* not valid, or more than an edge can have */
	uint64_t expired; /* edges of silent children */
	/* Gauge. */
	uint64_t edges;
};

/* Returns 0, -EINVAL, -ENOMEM or -EIO with one line in @err. */
int parent_new(const struct parent_cfg *cfg, const struct parent_ops *ops,
	       void *ctx, struct parent **out, struct err *err);
/* End all edges and free the machine; NULL is ignored. */
void parent_free(struct parent *p);

/* Relay a group. Returns 0, -EINVAL, -EEXIST or -ENOMEM. */
int parent_add_group(struct parent *p, const char *group);
/* Relay it no longer; its edges end. */
void parent_del_group(struct parent *p, const char *group);

/*
 * Answer a request. The operations may be called meanwhile, also for other edges. @from and
 * @req are not kept.
 */
void parent_request(struct parent *p, const struct parent_peer *from,
		    const struct edge_request *req, struct edge_answer *ans);
/* The IKE SA has ended, and its edge with it. */
void parent_sa_closed(struct parent *p, const void *sa);
/* The kernel does not have the edge of @sa: it ends, and the child is told when it asks. */
void parent_edge_lost(struct parent *p, const void *sa);

/*
 * Look at the grants of all edges again, because some may have expired, or @ended, which
 * may be NULL, tells of others. An edge whose own grant has ended goes at once, and the
 * others take no Sender-IDs of ended grants any more.
 */
void parent_recheck(struct parent *p,
		    bool (*ended)(void *arg, const struct grant *g), void *arg);

/*
 * The relay is going away. All children are told, and from now on every request is
 * answered with a redirection, so that each child leaves when it has another edge.
 */
void parent_leave(struct parent *p);

/*
 * Collect what a relay passes on to its own parents: the grants of @group that its
 * children have shown, with one more hop each. At most @max are written, which point
 * into the machine and are valid until the next call of it. Returns their number.
 */
unsigned int parent_below(const struct parent *p, const char *group,
			  struct edge_grant *out, unsigned int max);

void parent_each_edge(const struct parent *p,
		      void (*fn)(void *arg, const struct parent_edge *e),
		      void *arg);
const struct parent_stats *parent_stats(const struct parent *p);

#endif
