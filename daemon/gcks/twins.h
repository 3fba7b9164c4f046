/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts that send with one identity, besides the one that registered last. */
#ifndef GCKS_TWINS_H
#define GCKS_TWINS_H

#include "gcks/group.h"

/* Hosts that are distinguished. */
#define TWINS_MAX 3

struct twin {
	/* Unspecified: several hosts in one entry, which never confirms. */
	struct addr at;
	uint32_t spi; /* SPI that it sends with */
	/* Since when it has not confirmed what it had to; 0: it has. */
	uint64_t silent_ms;
};

/* Hosts that registered last are first. */
struct twins {
	unsigned int n;
	struct twin v[TWINS_MAX];
};

/* Return the host of @m at @at, or NULL. */
struct twin *twins_find(const struct gmember *m, const struct addr *at);
/* Return true if all of them, or some, send with the Data SA @spi. */
bool twins_use(const struct gmember *m, uint32_t spi);
bool twins_some_uses(const struct gmember *m, uint32_t spi);
/* @t has reported that it sends with @spi. */
void twins_set_spi(const struct group *g, struct twin *t, uint32_t spi);
/*
 * Add the host at @at, which sends with @spi. If they are full, the last two become
 * one.
 */
void twins_add(struct group *g, struct twins *t, const struct addr *at,
	       uint32_t spi);
/* Remove host number @i. */
void twins_remove(struct twins *t, unsigned int i);

#endif
