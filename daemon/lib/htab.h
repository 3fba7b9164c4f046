/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table of nodes that are part of other objects. It grows by one bucket with
 * a node or two, so that no call takes longer than others however many nodes there
 * are, and it costs four octets a node beside the node itself.
 *
 *	for (n = htab_first(&t, hash); n; n = n->next)
 *		if (is_mine(n)) ...
 *
 * Single-threaded.
 */
#ifndef LIB_HTAB_H
#define LIB_HTAB_H

#include <stdint.h>

struct hnode {
	struct hnode *next;
};

#define HTAB_SEGS 32

struct htab {
	/* Returns the hash of a node; all of its bits count. */
	uint64_t (*hash)(const struct hnode *n);
	uint32_t n; /* nodes */
	uint32_t buckets;
	struct hnode *zero; /* bucket 0 */
	/* Segment i has the buckets from 2^i on, up to twice that. */
	struct hnode **seg[HTAB_SEGS];
};

/* A place between the nodes of a table; all zero is before the first one. */
struct htab_walk {
	struct hnode *next;
	uint32_t bucket;
};

void htab_init(struct htab *t, uint64_t (*hash)(const struct hnode *n));
/* Free the table, which is empty then; the nodes stay the caller's. */
void htab_free(struct htab *t);
/* Add a node; without memory to grow, the table only gets slower. */
void htab_add(struct htab *t, struct hnode *n);
/* Remove a node that is in the table. */
void htab_del(struct htab *t, struct hnode *n);
/* Return the first node of those that may have this hash, or NULL. */
struct hnode *htab_first(const struct htab *t, uint64_t hash);
/*
 * Return the next node of all, in no order, or NULL behind the last one. The node that
 * was returned last may be removed meanwhile; no other one, and none may be added.
 */
struct hnode *htab_each(const struct htab *t, struct htab_walk *w);

#endif
