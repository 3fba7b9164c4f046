/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second key server on copies of the first one's store and witness, opened
 * with its seal key: it can do all that rests on keys of the group, and lacks
 * the key server's certificate.
 */
#ifndef GROUP_THIEF_H
#define GROUP_THIEF_H

#include "gcks/gcks.h"
#include "group_sim.h"

struct thief {
	struct gcks *k; /* NULL: there is none */
	struct store *loot[2];
	char path[2][128];
};

/*
 * Start with the store as it is now. Beats begin, and timers use the clock of
 * @s.
 */
void thief_come(struct thief *t, struct sim *s);
void thief_rekey(struct thief *t);
struct group *thief_group(struct thief *t);
/* Count members whose newest Data SA is the thief's. */
unsigned int thief_has(struct thief *t, struct sim *s);
/* The function may be called without a thief. */
void thief_go(struct thief *t);

#endif
