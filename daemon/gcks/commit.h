/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asynchronous commit of a change. A change of a group is computed on copies,
 * written to the store together with the version of the group that it was
 * computed from, then to the witness, and finished by a completion that applies
 * it in memory and sends the messages. One change of a group is in flight at a
 * time; other changes wait until it is done (struct group_ops). If another
 * server has changed the store meanwhile, the commit fails with -ESTALE and
 * nothing has changed here; the group is read again before the next change. The
 * same happens if the store has the change in spite of the error.
 *
 *	commit_begin(g)
 *	store_put(), store_del(), gmc_audit() ...
 *	commit_send(g, version, done, arg)	or commit_discard(g)
 */
#ifndef GCKS_COMMIT_H
#define GCKS_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/timer.h"

struct group;
struct store_txn;

/*
 * Completion of a change. @ret is 0 if the store has the change, or -errno
 * if nothing has changed; then @why is one line for an operator, valid until
 * the call returns. The completion may begin another change of the group.
 */
typedef void commit_fn(struct group *g, void *arg, int ret, const char *why);

/* A change that the store refused is retried after this time. */
#define COMMIT_RETRY_MS 5000

struct commit {
	bool busy; /* a change is in flight */
	uint64_t record; /* version of the group's record in the store */
	uint64_t version; /* version of the record after this change */
	struct store_txn *txn; /* open at the store or the witness */
	commit_fn *done;
	void *arg;
	/*
	 * Written to the witness, or NULL: the identity that is denied, and
	 * since when (seconds since 1970), and the identity that is admitted
	 * again. The strings must live until the completion is called.
	 */
	const char *deny;
	int64_t deny_since;
	const char *admit;
	bool no_witness;
	uint64_t sent_ms; /* when the store was given the last change */
	uint32_t took_ms; /* from that until the stores had it */
	/*
	 * The witness has missed a change. It is written as a whole with the
	 * next one, or by this timer.
	 */
	bool behind;
	struct timer again;
};

/*
 * Read the version of @g's record in the store. Called once, before the first
 * change. Returns 0 or -errno.
 */
int commit_load(struct group *g);
/*
 * Open the transaction of a change. The store must have no other one open.
 * Returns 0 or -errno.
 */
int commit_begin(struct group *g);
/* Discard the transaction that commit_begin() opened, with all that was put into it. */
void commit_discard(struct group *g);
/*
 * Commit the transaction; @version is the version of the group's state after
 * the change. @done is called exactly once, perhaps before this returns, and
 * g->ops->idle() after it unless commit_cancel() came first.
 */
void commit_send(struct group *g, uint64_t version, commit_fn *done, void *arg);
/*
 * Log that @what was not stored, for a change whose @done has nobody to tell.
 * Members may cause many, of which some are counted only.
 */
void commit_log_failure(struct group *g, const char *what, int ret,
			const char *why);
/*
 * Abandon the change in flight because the group goes away; the store may or
 * may not take it. The completion is called with -ECANCELED and must free its
 * argument.
 */
void commit_cancel(struct group *g);

#endif
