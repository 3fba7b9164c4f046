/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The witness: a second, small store that is never restored. It holds the number of
 * changes, the denied identities and the number of the last signed order of each group.
 * The store holds these, too; a store with an older change than the witness's was
 * restored from a backup and must not be trusted: it would give out numbers for a
 * second time, and admit members that were evicted since.
 *
 * The witness is written after the store and before anything is sent. It is
 * never ahead of a store that was not restored, and a change that it lacks
 * after a crash was not seen by anybody.
 */
#ifndef GCKS_WITNESS_H
#define GCKS_WITNESS_H

#include "gcks/group.h"
#include "lib/err.h"

/*
 * Compare what was loaded of @g with the witness. @known: the store had a
 * state of the group. *why is NULL, or tells what is wrong with the store;
 * g->denied then has the denied identities of both, g->st.version is at least
 * that of the witness, and the group must be reset. The store of a key server
 * that had no witness yet (version 0) is trusted, and so is any store of one that has
 * none. Returns 0, or -errno with one line in @err if the witness cannot be read or
 * written.
 */
int witness_check(struct group *g, bool known, const char **why,
		  struct err *err);
/*
 * Add records for the witness (by store_txn_begin()): @g has @version and, unless
 * NULL, @deny is denied since @since (seconds since 1970), or @admit is not
 * denied any more. Returns 0, or -errno with nothing recorded.
 */
int witness_record(struct group *g, uint64_t version, const char *deny,
		   int64_t since, const char *admit);
/* Replace the witness's records of @g, if there is one. Returns 0 or -errno. */
int witness_rewrite(struct group *g);
/*
 * Note that the signed order @number was stored, so that an older store does not take
 * it, or one before it, again. Waits for the witness. Returns 0, or -errno, which is
 * logged; the caller then calls again.
 */
int witness_note_order(struct group *g, uint64_t number);
/* Get the last number that was noted, 0 if there is none. Returns 0 or -errno. */
int witness_order(const struct group *g, uint64_t *number);

#endif
