/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a group's keys in the store. */
#ifndef GCKS_GKM_STORE_H
#define GCKS_GKM_STORE_H

#include "gcks/group.h"
#include "lib/err.h"

/*
 * Read state, signing key, tree and unsent messages; the roster must have been
 * read before. Returns 0, or -errno with one line in @err.
 *
 * *changed: the settings differ from those that members know. The tree was not
 * read, and gkm_reset() must follow. *disown: why the store cannot be
 * trusted, or NULL. Neither tree nor messages were read, and gkm_disown() must
 * follow.
 */
int gkm_load(struct group *g, bool *changed, const char **disown,
	     struct err *err);
/* Must run within a transaction of the store. Return 0 or -errno. */
int gkm_put_state(struct group *g, const struct gkm_state *st);
int gkm_put_tree(struct group *g);
int gkm_del_tree(struct group *g);
int gkm_put_sign(struct group *g, const struct sigkey *key);
/*
 * Count a change that makes no keys. Must run within a transaction. Returns 0
 * or -errno.
 */
int gkm_count(struct group *g);
/*
 * Compute a digest of all settings that members learn at registration. Returns
 * 0 or -errno.
 */
int gkm_policy_digest(const struct conf_group *conf,
		      uint8_t digest[static GKM_DIGEST]);

#endif
