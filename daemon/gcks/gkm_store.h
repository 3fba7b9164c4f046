/* SPDX-License-Identifier: Apache-2.0 */
/* A group's keys in the store, and back. */
#ifndef GCKS_GKM_STORE_H
#define GCKS_GKM_STORE_H

#include "gcks/group.h"

/*
 * Reads state, signing key, tree and unsent messages. Roster comes first.
 * *changed: the settings are not those that members know. Then the tree has
 * not been read, and gkm_restart() has to follow. *disown: why the store is
 * not to be believed, or NULL. Then neither tree nor messages have been read,
 * and gkm_disown() has to follow.
 */
int gkm_load(struct group *g, bool *changed, const char **disown, char *err,
	     size_t errlen);
/* Within a transaction. 0 or -errno. */
int gkm_put_state(struct group *g, const struct gkm_state *st);
int gkm_put_tree(struct group *g);
int gkm_del_tree(struct group *g);
int gkm_put_sign(struct group *g, const struct sigkey *key);
/* Counts a change that is not one of keys. */
int gkm_count(struct group *g);
/* A digest of every setting that members were told when they registered. */
int gkm_policy_digest(const struct conf_group *conf,
		      uint8_t digest[static GKM_DIGEST]);

#endif
