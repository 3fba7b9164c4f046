/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness: a second, small store that goes forward only. It knows of each
 * group how many changes there were, and who is kept out. The store has both
 * too; a store with an older change than the witness was put back from a
 * backup, and must not be believed: it would give numbers for a second time
 * and let in who was evicted since.
 *
 * The witness is written after the store and before anything is sent. So it is
 * never ahead of a store that was not put back, and what it lacks after a
 * crash nobody has seen.
 */
#ifndef GCKS_WITNESS_H
#define GCKS_WITNESS_H

#include "gcks/group.h"

/*
 * Compares what was loaded of @g with the witness. @known: the store had a
 * state of the group. *why: NULL, or what is wrong with the store in words;
 * then everybody who is kept out by either is in g->denied, g->st.version is
 * that of the witness at least, and the group has to start anew. The store of
 * a key server that had no witness yet (version 0) is believed.
 * 0 or -errno: the witness cannot be read or written; one line in @err.
 */
int witness_check(struct group *g, bool known, const char **why, char *err,
		  size_t errlen);
/*
 * Records (store_record()) for the witness that @g has @version and, unless
 * NULL, that @deny is kept out from @since on, or that @admit may come back.
 * 0 or -errno; then nothing is recorded.
 */
int witness_record(struct group *g, uint64_t version, const char *deny,
		   int64_t since, const char *admit);
/* All there is to know of @g, in place of what was known. */
int witness_rewrite(struct group *g);

#endif
