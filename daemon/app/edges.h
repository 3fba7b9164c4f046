/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Edges of this host: relay/ on sockets, IKE SAs and the kernel, and the grants that it
 * needs from the key server. Private to app/edge*.c.
 *
 * A relay has its sockets from the configuration. A child has one of its own for each
 * group, since ESP does not tell the edges of two groups apart that lead from one
 * socket to one peer.
 */
#ifndef APP_EDGES_H
#define APP_EDGES_H

#include <string.h>
#include <sys/queue.h>

#include "app/app.h"
#include "app/edge_kernel.h"
#include "lib/htab.h"
#include "relay/child.h"
#include "relay/parent.h"
#include "relay/status.h"
#include "wire/entitle.h"

struct edges;
struct egroup;
struct quota;
struct sigpub;

/* The IKE SA with a parent. */
struct up_sa {
	struct egroup *g;
	struct upstream *u;
	struct ike_sa *sa; /* NULL: there is none */
};

struct egroup {
	LIST_ENTRY(egroup) link;
	struct edges *e;
	char name[GRANT_GROUP_MAX + 1];
	bool relay; /* as configured */
	bool served; /* the parent machine has it */
	unsigned int n_parents;
	struct edge_parent parents[CONF_MAX_PARENTS];
	struct child *child; /* NULL: asks no relay */
	struct sock sock[2]; /* the child's: IPv4, IPv6 */
	struct up_sa up[CHILD_MAX_PARENTS]; /* by upstream.place */
	uint64_t heard; /* in_packets of the edge in use at the last look */

	/* As the member has it. */
	bool in;
	uint32_t first_sid, n_sids;

	/* The own grant (NULL octets: there is none), and the key that verifies grants. */
	struct grant grant;
	uint64_t renew_s; /* when half of its time is over, in seconds since 1970 */
	uint8_t *octets;
	size_t len;
	struct sigpub *key;
	enum grant_verdict verdict; /* the last answer; 0: there was none */
	bool needs_new; /* another one is needed before its time */
	uint64_t asked_ms; /* 0: never */
	uint64_t asked_serial; /* serial number of the IKE SA */
	uint32_t asked_sid, asked_sids; /* Sender-IDs at that time */
};

/* Grants of an identity that end before their time. */
struct ended_grant {
	struct hnode node; /* by group and identity */
	char group[GRANT_GROUP_MAX + 1];
	uint64_t at, until; /* like those of struct grant_ends */
	char identity[];
};

struct edges {
	struct app *app;
	struct ike_engine *engine;
	struct ike_id self;
	struct sock listen[CONF_MAX_RELAY_LISTEN];
	size_t n_listen;
	struct parent *parent; /* NULL: relays nothing */
	LIST_HEAD(, egroup) groups;
	struct htab ended;
	struct timer tick;
	struct timer leave; /* looks whether the children have left */
	uint64_t leave_until_ms;
	void (*left)(void *arg); /* NULL: edge_down_leave() was not called */
	void *left_arg;
	struct edge_kernel kernel;
	uint64_t checked_ms; /* when the kernel's edges were looked at */
	struct quota *strangers; /* lines about peers of whom nothing is known */
	struct quota *lines; /* lines about the edges of each identity */
};

/* Return the group of this name, or NULL. */
static inline struct egroup *edges_find(struct edges *e, const char *group)
{
	struct egroup *g;

	LIST_FOREACH(g, &e->groups, link)
		if (!strcmp(g->name, group))
			return g;
	return NULL;
}

/* ---- edge_up.c: the child ------------------------------------------------ */

/* Open the sockets and make the machine. Returns 0, or -errno with one line in @err. */
int edge_up_start(struct egroup *g, struct err *err);
void edge_up_stop(struct egroup *g);
/* For struct ike_ops, of an IKE SA that this host has opened. */
void edge_up_answer(struct up_sa *up, const struct edge_answer *ans);
void edge_up_closed(struct up_sa *up, const char *reason);

/* ---- edge_down.c: the relay ---------------------------------------------- */

/* Make the machine. Returns 0, or -errno with one line in @err. */
int edge_down_start(struct edges *e, const struct conf_relay *conf,
		    struct err *err);
void edge_down_stop(struct edges *e);
/*
 * Send children to other relays, before a stop. @done is called, once, when none is left,
 * or those that are have found no other relay for seconds. Returns false if there is nobody
 * to wait for, or it was called before; then @done is not called.
 */
bool edge_down_leave(struct edges *e, void (*done)(void *arg), void *arg);
void edge_down_request(struct edges *e, struct ike_sa *sa,
		       const struct ep *from, const struct edge_request *req,
		       struct edge_answer *ans);
/* End edges whose grants have expired and, with @ask_kernel, those that it does not have. */
void edge_down_check(struct edges *e, bool ask_kernel);
/* The key server ends grants before their time. */
void edge_down_ends(struct edges *e, const struct grant_ends *ends);

/* ---- edge_grants.c ------------------------------------------------------- */

/* Ask for a grant if one is needed, or give up one that is not good any more. */
void edge_grants_run(struct egroup *g);
void edge_grants_answer(struct edges *e, struct ike_sa *sa,
			const struct grant_answer *ans);
/* Return why this host cannot use a grant that was given to it now, or NULL. */
const char *edge_grant_fault(const struct grant *grant, const char *group,
			     const struct ike_id *self, uint64_t now);
/* Show the own grant to relays, and those of members below. */
void edge_grants_show(struct egroup *g);
void edge_grants_forget(struct egroup *g);

#endif
