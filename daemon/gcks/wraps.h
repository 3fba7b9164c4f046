/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tree keys wrapped with tree keys, as they are sent to members. The keys above a leaf
 * are the same for all members below them, and the upper ones are in the answer to each
 * registration, so their wraps are cached. Key IDs are never used again in a tree: an
 * entry is never that of another key.
 */
#ifndef GCKS_WRAPS_H
#define GCKS_WRAPS_H

#include "gcks/group.h"

/*
 * Make room for as many entries as there are members, within limits. If memory is
 * short, each key is wrapped again.
 */
void wraps_reserve(struct group *g);
/* Drop all entries, since the group has another tree. */
void wraps_clear(struct group *g);
/*
 * Wrap the key of @w, which has a Key ID, with its KWK, which has one as well, into
 * @out. Returns 0 or -errno.
 */
int wraps_make(const struct group *g, const struct lkh_wrap *w,
	       struct kd_key *out);

#endif
