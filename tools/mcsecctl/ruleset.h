/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of nft as JSON ("nft -j list ruleset"), and what they do with one kind of
 * packet. Matches that this program does not know, or that depend on more than the
 * packet, may match or not.
 */
#ifndef RULESET_H
#define RULESET_H

#include <jansson.h>
#include <stddef.h>

#include "lib/addr.h"

/* A kind of packet; what is unknown is NULL, 0 or none. */
struct probe {
	const char *what; /* for people */
	const char *hook; /* "input", "output", ... */
	int family; /* AF_INET or AF_INET6 */
	uint8_t proto; /* IP protocol */
	struct addr src;
	struct addr dst;
	uint8_t dst_len; /* as in struct selector */
	uint16_t sport;
	uint16_t dport;
	const char *dev; /* where it comes in or goes out */
	bool leaves; /* at the hook "forward": it goes out by @dev, and came by another */
	const char *state; /* connection tracking: "new" or "established" */
	/* Chains below this priority only, as those that see ESP; 0: all. */
	int below;
};

enum fate {
	FATE_PASSES,
	FATE_DROPPED,
	FATE_UNCLEAR, /* some rule decides by what is unknown */
};

/*
 * Return what @ruleset does with @p. For FATE_DROPPED and FATE_UNCLEAR @why says
 * which chain and which rule.
 */
enum fate ruleset_fate(const json_t *ruleset, const struct probe *p, char *why,
		       size_t size);

#endif
