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

/* As the store is now. Its beats begin, its timers are of @s. */
void thief_come(struct thief *t, struct sim *s);
void thief_rekey(struct thief *t);
struct group *thief_group(struct thief *t);
/* How many members have the thief's Data SA as their newest */
unsigned int thief_has(struct thief *t, struct sim *s);
/* May be called when there is none. */
void thief_go(struct thief *t);

#endif
