/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The edges of a relay: in the order of the last requests and in that of their age, and
 * found by IKE SA, address and identity in a time that does not depend on their number.
 * Private to parent.c.
 */
#ifndef RELAY_CHILDTAB_H
#define RELAY_CHILDTAB_H

#include <stdbool.h>
#include <sys/queue.h>

#include "lib/htab.h"
#include "relay/grants.h"
#include "relay/parent.h"

struct relayed_group;

struct child_edge {
	TAILQ_ENTRY(child_edge) link; /* by the time of the last request */
	TAILQ_ENTRY(child_edge) by_age;
	struct hnode by_sa, by_peer, by_member;
	struct parent_edge e;
	struct relayed_group *group;
	struct ike_id *member; /* allocated short: never copy the struct */
	struct grant_set grants;
	bool stale; /* the kernel does not have the ranges of @grants yet */
};

struct childtab {
	TAILQ_HEAD(, child_edge) list; /* by the time of the last request */
	TAILQ_HEAD(, child_edge) by_age; /* by the time when they began */
	struct htab by_sa, by_peer, by_member;
};

void childtab_init(struct childtab *t);
/* Free an empty table. */
void childtab_free(struct childtab *t);
/* Add an edge, which was heard just now. The table never frees it. */
void childtab_add(struct childtab *t, struct child_edge *e);
void childtab_del(struct childtab *t, struct child_edge *e);
/* The edge was heard just now: put it behind all others. */
void childtab_heard(struct childtab *t, struct child_edge *e);
/* Let the edge be as @to says, which has another address or other Sender-IDs. */
void childtab_change(struct childtab *t, struct child_edge *e,
		     const struct parent_edge *to);

/* Return the edge of an IKE SA, or that of an address, or NULL; each has one at most. */
struct child_edge *childtab_by_sa(const struct childtab *t, const void *sa);
struct child_edge *childtab_by_peer(const struct childtab *t,
				    const struct ep *ep);
/*
 * Return the number of edges of an identity in a group; *@first is the one that was heard
 * longest ago, or NULL.
 */
unsigned int childtab_by_member(const struct childtab *t,
				const struct relayed_group *group,
				const struct ike_id *id,
				struct child_edge **first);

#endif
