/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group key management (X.1101 section 3.2.5): makes, distributes and renews
 * the keys of a group.
 *
 * Every change goes through one sequence of calls:
 *
 *	c = gkm_begin(g)	a copy of the state to work on
 *	lkh_add(), lkh_remove(), c->next.next_sid ...
 *	gkm_commit(g, c, ...)	new keys, messages, store, then memory and
 *				network; or no change at all
 *
 * Each GSA_REKEY is in the store before its first copy leaves. Its Message ID,
 * which is its IV too, is therefore never used for other octets, and a key
 * server that was killed in between sends the same octets after the restart.
 *
 * The store may take its time (gcks/commit.h): from gkm_commit() to the
 * completion the tree holds the next keys already, and no member is given any.
 * No change may be begun while g->commit.busy is true.
 */
#ifndef GCKS_GKM_H
#define GCKS_GKM_H

#include "gcks/gkm_change.h"

/*
 * Write the caller's own records within the transaction. Returns 0 or -errno.
 */
typedef int gkm_write_fn(struct group *g, struct gkm_change *c, void *arg);

/*
 * Set up and free the keys and the outbox of a group; gkm_free() wipes.
 * gkm_init() returns 0 or -ENOMEM.
 */
int gkm_init(struct group *g);
void gkm_free(struct group *g);
/*
 * Return a copy of the state, owned by the caller until gkm_commit(),
 * gkm_complete() or gkm_abandon(); NULL if memory is short.
 */
struct gkm_change *gkm_begin(struct group *g);
/* Abandon and free a change, and undo it in the tree. */
void gkm_abandon(struct group *g, struct gkm_change *c);
/*
 * Complete a change that makes no SAs and has no messages, once the store has it:
 * applies counters and tree, and frees @c.
 */
void gkm_complete(struct group *g, struct gkm_change *c);
/*
 * Make new keys and commit the change. Takes over @c. @write may be NULL, and
 * is called with @arg before this returns; @done is called with @arg once. @why
 * is recorded in log and audit trail.
 */
void gkm_commit(struct group *g, struct gkm_change *c, enum gkm_how how,
		gkm_write_fn *write, const char *why, commit_fn *done,
		void *arg);
/*
 * Reset the group: all members are out, and all keys and Sender-IDs are new (RFC
 * 9838 sections 2.5.1 and 2.4.3). Those that may not come back count as evicted.
 */
void gkm_reset(struct group *g, const char *why, commit_fn *done, void *arg);
/*
 * Like gkm_reset(), with another policy, which is taken over. The messages
 * that announce the reset follow the former policy.
 */
void gkm_adopt(struct group *g, struct policy *policy, const char *why,
	       commit_fn *done, void *arg);
/*
 * Like gkm_reset(), and deny the identity @deny, which has to live until @done is
 * called.
 */
void gkm_reset_denying(struct group *g, const char *deny, const char *why,
		       commit_fn *done, void *arg);
/* Like gkm_reset(), with another signing key. */
void gkm_reset_sign_key(struct group *g, const char *why, commit_fn *done,
			void *arg);
/*
 * Like gkm_reset(), for a store that cannot be trusted. Members are not told,
 * since Message IDs of the Rekey SA may have been used already; they notice the
 * silence and register again. The witness must be rewritten afterwards.
 */
void gkm_disown(struct group *g, const char *why, commit_fn *done, void *arg);

#endif
