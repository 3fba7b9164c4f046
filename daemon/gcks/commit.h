/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A commit that may take time. A change of a group is computed on copies and
 * written down, handed to the store with the version of the group that it was
 * computed from, then to the witness, and finished by a completion: in memory
 * and to the network. One change of a group is in flight at a time; what wants
 * to change meanwhile waits (struct group_ops). A store that another server has
 * changed answers -ESTALE, and nothing has changed here then.
 *
 *	commit_begin(g)
 *	store_put(), store_del(), gmc_audit() ...
 *	commit_send(g, version, done, arg)	or commit_drop(g)
 */
#ifndef GCKS_COMMIT_H
#define GCKS_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

struct group;
struct store_txn;

/*
 * The stores have the change (@ret 0), or it is as if there had been none
 * (-errno, with one line in @why that is good until the call returns). The
 * group may be changed again from within.
 */
typedef void commit_fn(struct group *g, void *arg, int ret, const char *why);

struct commit {
	bool busy; /* a change is in flight */
	uint64_t record; /* version that the store has of the group */
	uint64_t version; /* that it gets by the change in flight */
	struct store_txn *txn; /* of the store or of the witness */
	commit_fn *done;
	void *arg;
	/*
	 * For the witness: who is kept out since when, and who may come back,
	 * or NULL. The strings live until the completion is called.
	 */
	const char *deny;
	int64_t deny_since;
	const char *admit;
	bool no_witness;
};

/*
 * Reads the version of @g's record in the store; once, before the first
 * change. 0 or -errno.
 */
int commit_load(struct group *g);
/* The store must have no other transaction open. 0 or -errno. */
int commit_begin(struct group *g);
void commit_drop(struct group *g);
/*
 * @version: of the group's state after the change. @done is called exactly
 * once, perhaps before this returns, unless commit_cancel() comes first; then
 * g->ops->idle() is.
 */
void commit_send(struct group *g, uint64_t version, commit_fn *done, void *arg);
/*
 * The group goes away with a change in flight, which the store may take or
 * not. Its completion is called with -ECANCELED and has to free what it has.
 */
void commit_cancel(struct group *g);

#endif
