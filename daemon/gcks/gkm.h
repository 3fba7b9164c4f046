/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group key management (X.1101 3.2.5): makes, distributes and renews the
 * keys of a group.
 *
 * A change goes through one door:
 *
 *	c = gkm_begin(g)	a copy of the state to work on
 *	lkh_add(), lkh_remove(), c->next.next_sid ...
 *	gkm_commit(g, c, ...)	new keys, messages, store, then memory and
 *				network; or nothing at all
 *
 * Each GSA_REKEY is in the store before its first copy leaves. So its
 * Message ID, which is its IV too, is never used for other octets, and a key
 * server that was killed in between sends the very same octets when it is
 * back.
 *
 * The store may take its time (gcks/commit.h): from gkm_commit() to the
 * completion the tree has the next keys already, and nobody is given any. So no
 * change is begun while g->commit.busy is true.
 */
#ifndef GCKS_GKM_H
#define GCKS_GKM_H

#include "gcks/gkm_change.h"

/* Writes the caller's own records, within the transaction. */
typedef int gkm_write_fn(struct group *g, struct gkm_change *c, void *arg);

/*
 * Message IDs that the store counts ahead, so that not every beat is written.
 * They are used once at most: those left at a restart are skipped.
 */
#define GKM_MIDS_AHEAD 16

int gkm_init(struct group *g);
void gkm_free(struct group *g);
/* NULL: out of memory. */
struct gkm_change *gkm_begin(struct group *g);
/* Gives up a change that was begun, and frees it; the tree goes back. */
void gkm_abandon(struct group *g, struct gkm_change *c);
/*
 * The store has a change that was none of SAs: its counters and its tree are
 * the group's, its messages are sent, and @c is freed.
 */
void gkm_keep(struct group *g, struct gkm_change *c);
/*
 * Takes over @c. @write may be NULL and is called with @arg before this
 * returns, @done with @arg once. @why is for log and audit trail.
 */
void gkm_commit(struct group *g, struct gkm_change *c, enum gkm_how how,
		gkm_write_fn *write, const char *why, commit_fn *done,
		void *arg);
/* Everybody out, Sender-IDs and keys from new: RFC 9838 2.5.1, 2.4.3. */
void gkm_restart(struct group *g, const char *why, commit_fn *done, void *arg);
/*
 * The same with another policy, which is taken over: the messages that announce
 * it are by the former one.
 */
void gkm_adopt(struct group *g, struct policy *policy, const char *why,
	       commit_fn *done, void *arg);
/* The same with another signing key. */
void gkm_reset(struct group *g, const char *why, commit_fn *done, void *arg);
/*
 * The same with a store that cannot be believed: members are not told, since
 * Message IDs of the Rekey SA may have been used. They notice that they hear
 * nothing any more. The witness is to be rewritten after that.
 */
void gkm_disown(struct group *g, const char *why, commit_fn *done, void *arg);

#endif
