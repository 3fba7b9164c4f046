/* SPDX-License-Identifier: Apache-2.0 */
/* State of relays, and of children that ask them, for operators. */
#ifndef RELAY_STATUS_H
#define RELAY_STATUS_H

#include "relay/child.h"
#include "relay/parent.h"

struct metric;

/* A group that this host relays, or for which it asks relays. */
struct edge_group_status {
	const char *group;
	bool granted; /* has a grant, which ends at @expires */
	uint64_t expires; /* seconds since 1970 */
	const char *refusal; /* why it has none, or NULL */
	bool relays; /* serves children */
	const struct child *child; /* NULL: asks no relay */
};

/* @s and what it points to are valid until the call returns. */
typedef void edge_group_fn(void *arg, const struct edge_group_status *s);

/* Metrics of struct parent_stats, and of struct child_stats. */
extern const struct metric relay_metrics[];
extern const struct metric child_metrics[];

#endif
