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
 * Return 0, or -EBUSY with one line in @err as long as group_new() could not serve
 * the group, because one of its name is still closing.
 */
int group_new_check(struct gcks *k, const struct conf_group *conf,
		    struct err *err);
/* A group as the store has it, beside the policy of the configuration. */
struct group_peek {
	struct group *g; /* with the policy of the configuration; not served */
	struct policy *stored; /* NULL if the store has none that can be read */
	bool known; /* the store has the group */
	bool changed; /* a start resets it: members have other settings */
	const char *disown; /* why a start does not trust the store, or NULL */
};

/*
 * Read the group from copies of the stores, which may be written to. Returns 0, or
 * -errno with one line in @err; call group_peek_end() in either case.
 */
int group_peek(struct gcks *k, const struct conf_group *conf,
	       struct group_peek *p, struct err *err);
void group_peek_end(struct group_peek *p);
/*
 * Wipe keys and free @g; members stay members. Pending orders are answered
 * with -ECANCELED.
 */
void group_free(struct group *g);
/* Return NULL if the group is not served. */
struct group *group_find(struct gcks *k, const char *name, size_t len);

#endif
