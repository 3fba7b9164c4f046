/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logical key hierarchy (RFC 2627, RFC 9838 3.3 and appendix A): a binary
 * tree of key wrapping keys whose root is the key of the Rekey SA.
 *
 * A member is a leaf and knows the keys from its leaf to the top. Whoever
 * comes or goes makes every key above that leaf stale: each gets a successor
 * under a new Key ID, wrapped with the keys of its two children and never
 * with the key that it replaces. So a member that left, with every key it
 * ever had and every message ever sent, reaches none of the new ones, and a
 * member that came reaches none of the old ones.
 *
 * The tree holds keys and knows nothing of messages: it says which key is to
 * be wrapped with which. It does no I/O; what changed is exported slot by
 * slot for the store.
 *
 * Changes are made in batches: lkh_add() and lkh_remove() any number of
 * times, lkh_rekey(), then either lkh_commit() or lkh_undo(). Until
 * lkh_commit() the tree can go back to what it was. Not thread-safe.
 */
#ifndef GCKS_LKH_H
#define GCKS_LKH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LKH_NONE 0xffffffffu /* no slot */
#define LKH_KEY_MAX 32 /* octets of a tree key */
#define LKH_MEMBERS_MAX 65536u /* leaves of one tree */
#define LKH_DEPTH_MAX 40 /* levels below the root */
#define LKH_RECORD_MAX (1 + 5 * 4 + 8 + LKH_KEY_MAX) /* lkh_export() */

struct lkh;

/*
 * One wrapped key to be sent: key @id wrapped with key @kwk_id. The pointers
 * are into the tree and hold until its next change.
 */
struct lkh_wrap {
	uint32_t id; /* 0: the KEYMAT of the Rekey SA itself */
	uint32_t kwk_id; /* 0: default KWK of the carrying SA */
	const uint8_t *key; /* NULL for id 0 */
	const uint8_t *kwk; /* NULL for kwk_id 0 */
};

/* To be released with lkh_wraps_free(). */
struct lkh_wraps {
	struct lkh_wrap *v;
	size_t n;
	size_t n_sa; /* the first n_sa have id 0 */
};

/* An empty tree of keys of @key_len octets (16, 24 or 32); NULL: no memory. */
struct lkh *lkh_new(size_t key_len);
/* Wipes all keys. NULL is allowed. */
void lkh_free(struct lkh *t);

size_t lkh_key_len(const struct lkh *t);
uint32_t lkh_members(const struct lkh *t);
/* Levels from the top key to the deepest leaf. */
unsigned int lkh_depth(const struct lkh *t);

/*
 * Gives @member (any number but 0) a leaf with a fresh key. *leaf names the
 * leaf from then on. -ENOSPC: the tree is full; -EOVERFLOW: no Key ID is
 * left (IDs are never used twice), a new tree is needed; -ENOMEM, or the
 * error of the random source. After an error the batch must be undone.
 */
int lkh_add(struct lkh *t, uint64_t member, uint32_t *leaf);

/* Takes a leaf out. -ENOENT: no such leaf. */
int lkh_remove(struct lkh *t, uint32_t leaf);

/*
 * For a leaf that lkh_add() gave: lkh_renew() gives it another key, which
 * nobody else has to be told; lkh_turn() makes all keys above it stale. Same
 * errors as lkh_add(), but for -ENOSPC.
 */
int lkh_renew(struct lkh *t, uint32_t leaf);
int lkh_turn(struct lkh *t, uint32_t leaf);

/*
 * An upper bound of the keys that lkh_changes() would give for what has been
 * changed so far: it bounds the size of a message before it is too late.
 */
size_t lkh_pending(const struct lkh *t);
/*
 * Does the batch stay within @wraps keys whatever one more lkh_add() or
 * lkh_remove() changes? To be asked before each, since a leaf may be as deep as
 * LKH_DEPTH_MAX and nothing but lkh_undo() takes a change back.
 */
bool lkh_room(const struct lkh *t, size_t wraps);

/* Replaces each stale key. Same errors as lkh_add(). */
int lkh_rekey(struct lkh *t);

/*
 * What existing members need to follow the batch: after lkh_rekey(), before
 * lkh_commit(). Leaves added in this batch are left out: they get their path
 * at registration. With no change at all it is the top keys, still enough to
 * hand a new Rekey SA key to everyone. -ENOMEM.
 */
int lkh_changes(struct lkh *t, struct lkh_wraps *out);

/*
 * What the owner of @leaf needs at registration, from the SA key down to the
 * leaf, which is wrapped with the default KWK. -ENOENT, -ENOMEM.
 */
int lkh_path(const struct lkh *t, uint32_t leaf, struct lkh_wraps *out);

void lkh_wraps_free(struct lkh_wraps *w);

/* Keeps the batch; the replaced keys are wiped. */
void lkh_commit(struct lkh *t);
/* Undoes the batch; Key IDs that it used stay used. */
void lkh_undo(struct lkh *t);

/*
 * For the store: calls @fn for each slot that the batch has changed, before
 * lkh_commit(). @rec is NULL for a slot that became free, else a record of
 * @len octets that holds a key in clear: it is to be sealed and is wiped
 * after the call. The first error stops and is returned.
 */
int lkh_export(struct lkh *t,
	       int (*fn)(void *ctx, uint32_t slot, const uint8_t *rec,
			 size_t len),
	       void *ctx);

/* The next Key ID, to be stored with each batch. */
uint32_t lkh_next_id(const struct lkh *t);

/*
 * Reads a tree back: lkh_import() for each stored record in any order, then
 * lkh_import_end() with the stored lkh_next_id(). -EBADMSG: the records are
 * not a tree. *fn* is called for each leaf with its member and slot.
 */
int lkh_import(struct lkh *t, uint32_t slot, const uint8_t *rec, size_t len);
int lkh_import_end(struct lkh *t, uint32_t next_id,
		   int (*fn)(void *ctx, uint64_t member, uint32_t leaf),
		   void *ctx);

#endif
