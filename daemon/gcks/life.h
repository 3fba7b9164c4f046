/* SPDX-License-Identifier: Apache-2.0 */
/* One group at the key server, from its opening to its end. */
#ifndef GCKS_LIFE_H
#define GCKS_LIFE_H

#include "gcks/group.h"

/*
 * Reads the group from the store, or begins it there, and serves it from then
 * on. 0 or -errno with one line in @err; then there is none.
 */
int group_open(struct gcks *k, const struct conf_group *conf,
	       struct group **out, char *err, size_t errlen);
/* Wipes; members stay members. What waited is answered with -ECANCELED. */
void group_free(struct group *g);
/* NULL: it is not served. */
struct group *group_find(struct gcks *k, const char *name, size_t len);

#endif
