/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The side of a leaf, and of a relay towards its own parents: asks relays for an edge of
 * one group, one after the other, and changes to another one when its parent is silent,
 * full or going away. A machine without I/O, like parent.h.
 *
 * A parent is heard when it answers, or when the kernel has taken datagrams from its
 * edge, which the child asks before it would send a beat. While its parent is quiet the
 * child sends beats, and when it has been silent for CHILD_SILENT_MS another one is
 * asked. The former edge stays until the new one has been there for CHILD_OVERLAP_MS: the
 * windows drop what comes by both.
 *
 * Single-threaded. Operations other than ask() must not call back into the machine.
 */
#ifndef RELAY_CHILD_H
#define RELAY_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "wire/edge.h"

struct child;
struct clock;
struct timerq;

/* Interval of the beats of a quiet edge. */
#define CHILD_BEAT_MS 500u
/* Silence of a parent after which another one is asked. */
#define CHILD_SILENT_MS 2000u
/* Time for which the edge of the former parent stays. */
#define CHILD_OVERLAP_MS 1000u
/* A parent that does not answer a request for so long is given up. */
#define CHILD_ANSWER_MS 3000u
/* A parent is given up when it answers with more cookies than these in a row. */
#define CHILD_MAX_CHALLENGES 4
/* A parent that has answered EDGE_BUSY so many times in a row is left for another one. */
#define CHILD_MAX_BUSY 10
/* A pause that a parent demands is cut to this, or it would look like its silence. */
#define CHILD_WAIT_MAX_MS (CHILD_SILENT_MS - CHILD_BEAT_MS)
/* Pause before a parent that has failed is asked again; doubled by each failure. */
#define CHILD_HOLD_MIN_MS 1000u
#define CHILD_HOLD_MAX_MS 30000u
/* Least pause before a relay that had no place is asked again. */
#define CHILD_HOLD_FULL_MS 10000u
/* Relays that may be configured; others are learned from redirections. */
#define CHILD_MAX_CONFIGURED 8
#define CHILD_MAX_PARENTS 16

/* States of a parent, of which at most one is up, one is asked, and one retires. */
enum upstream_state {
	UPSTREAM_IDLE,
	UPSTREAM_ASKED, /* an edge was requested */
	UPSTREAM_UP, /* the edge is used */
	UPSTREAM_RETIRES, /* the edge is there until the other has lasted */
};

/* A parent, as the operations are given it. */
struct upstream {
	struct edge_parent at;
	unsigned int place; /* below CHILD_MAX_PARENTS */
	void *user; /* free for the operations; belongs to @place */
	enum upstream_state state;
	bool learned; /* from a redirection */
	bool asks; /* a request or beat has no answer yet */
	bool beat; /* the last one was a beat */
	unsigned int challenges; /* since the last other answer */
	unsigned int busy; /* answers EDGE_BUSY since the last grant */
	uint64_t wait_until_ms; /* not asked before */
	bool leaving; /* has said that it is going away */
	uint64_t asked_ms; /* when the last request or beat was sent */
	uint64_t shown; /* number of the grants that it was shown; 0: none */
	uint64_t heard_ms;
	uint64_t looked_ms; /* when delivered() was called last */
	uint64_t since_ms; /* when the state began */
	uint64_t held_until_ms; /* not asked for an edge before */
	uint32_t hold_ms; /* the last hold after a failure; 0: there was none */
	bool refused_grant; /* held because the child was not entitled */
	uint32_t lifetime_ms;
};

struct child_ops {
	/*
	 * Send a request over an IKE SA with @u, which is opened unless it is there.
	 * child_answer() or child_failed() follows; child_failed() may also be called
	 * from within, as the request may end the IKE SA. Returns 0 or -errno.
	 */
	int (*ask)(void *ctx, struct upstream *u,
		   const struct edge_request *req);
	/* End the IKE SA with @u, if there is one; its requests are forgotten. */
	void (*drop)(void *ctx, struct upstream *u, const char *why);
	/* Install the edge to @u, or remove it. edge_add() returns 0 or -errno. */
	int (*edge_add)(void *ctx, struct upstream *u, struct err *err);
	void (*edge_del)(void *ctx, struct upstream *u);
	/*
	 * Look whether the edge to @u has delivered since it was installed or looked
	 * at last. Returns 1, 0, -ENOENT if the kernel has the edge no longer, or
	 * another -errno if that is not known.
	 */
	int (*delivered)(void *ctx, struct upstream *u);
	/*
	 * May be NULL: @u is used from now on, or was used or asked and is given up.
	 * @reason is that of its answer, if one is the cause, and @why a few words,
	 * valid until the call returns.
	 */
	void (*changed)(void *ctx, const struct upstream *u,
			enum edge_reason reason, const char *why);
};

struct child_cfg {
	const struct clock *clock;
	struct timerq *tq;
	const char *group;
	/* Own identity, which is never asked; copied. */
	const struct ike_id *self;
	/* 1 to CHILD_MAX_CONFIGURED, in the order of preference; copied. */
	unsigned int n_parents;
	const struct edge_parent *parents;
};

struct child_stats {
	uint64_t requests;
	uint64_t beats;
	uint64_t challenged; /* were sent again with a cookie */
	uint64_t granted;
	uint64_t changes; /* times that an edge has followed another one */
	uint64_t silent; /* parents that were given up as silent */
	uint64_t redirected;
	uint64_t refused;
	uint64_t failed; /* no answer, no IKE SA, or no edge */
};

/* Returns 0, -EINVAL or -ENOMEM with one line in @err. */
int child_new(const struct child_cfg *cfg, const struct child_ops *ops,
	      void *ctx, struct child **out, struct err *err);
/* End edge and IKE SAs and free the machine; NULL is ignored. */
void child_free(struct child *c);

/*
 * Show these grants from now on, of which the first is the own one. They are copied. The
 * first call starts the machine; without grants it stops, and ends its edges. Returns 0,
 * -EINVAL for what no request can have, or -ENOMEM.
 */
int child_set_grants(struct child *c, const struct edge_grant *grants,
		     unsigned int n);

/* The answer of @u to the last request. */
void child_answer(struct child *c, struct upstream *u,
		  const struct edge_answer *ans);
/* @u has something to say without being asked: that it goes away, or it is ignored. */
void child_told(struct child *c, struct upstream *u,
		const struct edge_answer *ans);
/* The request to @u has failed, or its IKE SA has ended; @why is a few words. */
void child_failed(struct child *c, struct upstream *u, const char *why);

/* Return the parent whose edge is used, or NULL. */
struct upstream *child_parent(const struct child *c);
/* Call @fn, which must not call back, for each parent: first those that are configured. */
void child_each(const struct child *c,
		void (*fn)(void *arg, const struct upstream *u), void *arg);
const struct child_stats *child_stats(const struct child *c);

#endif
