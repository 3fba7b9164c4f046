/* SPDX-License-Identifier: Apache-2.0 */
/* Grants that were verified, and the Sender-IDs that they are for. */
#ifndef RELAY_GRANTS_H
#define RELAY_GRANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/edge.h"

/* A verified grant. Several sets may have it. */
struct held_grant {
	unsigned int refs;
	uint64_t expires; /* seconds since 1970 */
	unsigned int n_ranges;
	struct sid_range range[GRANT_MAX_RANGES];
	size_t len;
	uint8_t octets[];
};

/* The grants of one edge; the first one is the child's own. */
struct grant_set {
	unsigned int n;
	uint8_t hops[EDGE_MAX_GRANTS];
	struct held_grant *v[EDGE_MAX_GRANTS];
};

/* Return a grant with one reference, or NULL without memory. */
struct held_grant *grant_hold(const struct grant *g, const uint8_t *p,
			      size_t len);
/* Add a grant, whose reference the set takes over. It must have room. */
void grant_set_add(struct grant_set *s, struct held_grant *g, uint8_t hops);
/* Return the grant of these octets, or NULL. */
struct held_grant *grant_set_find(const struct grant_set *s, const uint8_t *p,
				  size_t len);
/* Drop grants that have expired at @now, but not the first. Returns their number. */
unsigned int grant_set_expire(struct grant_set *s, uint64_t now);
/* Drop the grant at place @i. */
void grant_set_drop(struct grant_set *s, unsigned int i);
/* Return true if both have the same grants, in the same order and as far away. */
bool grant_set_equal(const struct grant_set *a, const struct grant_set *b);
/* Drop all grants of the set. */
void grant_set_clear(struct grant_set *s);

/*
 * Write the Sender-IDs of a set, in order and merged, into @out, which has room for @max
 * ranges and uses GRANT_MAX_RANGES at most. Grants are taken in their order, and one with
 * which that would not be enough is left out as a whole. Returns the number of ranges;
 * *@left_out is that of such grants.
 */
unsigned int grant_set_ranges(const struct grant_set *s, struct sid_range *out,
			      unsigned int max, unsigned int *left_out);

/* The newest grant of each identity, which a relay passes on. */
struct grants_below {
	struct edge_grant *out;
	unsigned int n, max;
	struct grant grant[EDGE_MAX_GRANTS];
};

/*
 * Add a grant unless a newer one of its identity is there. Of the same grant the shortest
 * way counts.
 */
void grants_below_add(struct grants_below *b, const struct held_grant *h,
		      uint8_t hops);

#endif
