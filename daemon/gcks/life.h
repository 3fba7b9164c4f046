/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a group at the key server, from its opening to its end. */
#ifndef GCKS_LIFE_H
#define GCKS_LIFE_H

#include "gcks/group.h"
#include "lib/err.h"

/*
 * Read the group from the store, or create it there, and serve it. The group
 * belongs to @k. Returns 0, or -errno with one line in @err; then there is no
 * group.
 */
int group_new(struct gcks *k, const struct conf_group *conf, struct group **out,
	      struct err *err);
/*
 * Wipe keys and free @g; members stay members. Pending orders are answered
 * with -ECANCELED.
 */
void group_free(struct group *g);
/* Return NULL if the group is not served. */
struct group *group_find(struct gcks *k, const char *name, size_t len);

#endif
