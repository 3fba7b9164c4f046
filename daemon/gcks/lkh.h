/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logical key hierarchy (RFC 2627, RFC 9838 section 3.3 and appendix A): a
 * binary tree of key wrapping keys whose root is the key of the Rekey SA.
 *
 * A member is a leaf and knows the keys from its leaf to the top. A join or a
 * leave makes every key above the leaf stale: each gets a successor under a new
 * Key ID, wrapped with the keys of its two children and never with the key that
 * it replaces. So a former member, with every key it ever had and every message
 * ever sent, reaches none of the new keys, and a new member reaches none of the
 * old ones.
 *
 * The tree holds keys and knows nothing of messages: it tells which key is to
 * be wrapped with which. It does no I/O; changed nodes are exported slot by
 * slot for the store.
 *
 * Changes are made in batches: lkh_add() and lkh_remove() any number of times,
 * lkh_rekey(), then either lkh_commit() or lkh_undo(). Until lkh_commit() the
 * tree can go back to what it was. Not thread-safe.
 */
#ifndef GCKS_LKH_H
#define GCKS_LKH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

#define LKH_NONE 0xffffffffu /* no slot */
#define LKH_KEY_MAX 32 /* octets of a tree key */
#define LKH_MEMBERS_MAX CONF_MAX_MEMBERS /* leaves of one tree */
#define LKH_DEPTH_MAX 40 /* levels below the root */
#define LKH_RECORD_MAX (1 + 5 * 4 + 8 + LKH_KEY_MAX) /* lkh_export() */

struct lkh;

/*
 * A wrapped key to be sent: key @id wrapped with key @kwk_id. The pointers
 * point into the tree and are valid until its next change.
 */
struct lkh_wrap {
	uint32_t id; /* 0: the KEYMAT of the Rekey SA itself */
	uint32_t kwk_id; /* 0: default KWK of the carrying SA */
	const uint8_t *key; /* NULL for id 0 */
	const uint8_t *kwk; /* NULL for kwk_id 0 */
};

/* Freed with lkh_wraps_free(). */
struct lkh_wraps {
	struct lkh_wrap *v;
	size_t n;
	size_t n_sa; /* the first n_sa have id 0 */
};

/*
 * Return an empty tree of keys of @key_len octets (16, 24 or 32), NULL if
 * memory is short.
 */
struct lkh *lkh_new(size_t key_len);
/* Wipe all keys; NULL is allowed. */
void lkh_free(struct lkh *t);

/* Return the octets of a key, and the number of leaves. */
size_t lkh_key_len(const struct lkh *t);
uint32_t lkh_members(const struct lkh *t);
/*
 * Return a number by which leaves are ordered as they stand side by side. Those that
 * are close together have most of the keys above them in common.
 */
uint64_t lkh_position(const struct lkh *t, uint32_t leaf);
/* Return the number of levels from the top key to the deepest leaf. */
unsigned int lkh_depth(const struct lkh *t);

/*
 * Give @member (any number but 0) a leaf with a fresh key; *leaf names the
 * leaf from then on. -ENOSPC: the tree is full. -EOVERFLOW: no Key ID is left
 * and a new tree is needed, since IDs are never reused. -ENOMEM, or the error
 * of the random source. After an error the batch must be undone.
 */
int lkh_add(struct lkh *t, uint64_t member, uint32_t *leaf);

/*
 * Remove a leaf. -ENOENT: no such leaf. After an error the batch must be
 * undone.
 */
int lkh_remove(struct lkh *t, uint32_t leaf);

/*
 * For a leaf that lkh_add() gave: lkh_renew() gives it another key, which no
 * other member needs; lkh_renew_path() makes all keys above it stale. Errors are
 * those of lkh_add() without -ENOSPC.
 */
int lkh_renew(struct lkh *t, uint32_t leaf);
int lkh_renew_path(struct lkh *t, uint32_t leaf);

/*
 * Return an upper bound of the number of keys that lkh_changes() would give
 * for the changes so far. It limits the size of a message before the batch is
 * final.
 */
size_t lkh_pending(const struct lkh *t);
/*
 * Return true if the batch stays within @wraps keys after any one more
 * lkh_add() or lkh_remove(). Call it before each of these: a leaf may be as
 * deep as LKH_DEPTH_MAX, and nothing but lkh_undo() takes a change back.
 */
bool lkh_room(const struct lkh *t, size_t wraps);

/* Replace each stale key. Errors are those of lkh_add(). */
int lkh_rekey(struct lkh *t);

/*
 * List the wraps by which existing members follow the batch; called after
 * lkh_rekey() and before lkh_commit(). Leaves added in this batch are left out,
 * since they get their path at registration. Without any change the list has
 * the top keys, which are enough to give everyone a new Rekey SA key. Returns 0
 * or -ENOMEM.
 */
int lkh_changes(struct lkh *t, struct lkh_wraps *out);

/*
 * List the wraps that the owner of @leaf needs at registration, from the SA
 * key down to the leaf, which is wrapped with the default KWK. Returns 0,
 * -ENOENT or -ENOMEM.
 */
int lkh_path(const struct lkh *t, uint32_t leaf, struct lkh_wraps *out);

void lkh_wraps_free(struct lkh_wraps *w);

/* Complete the batch and wipe the replaced keys. */
void lkh_commit(struct lkh *t);
/* Undo the batch. The Key IDs that it used are not used again. */
void lkh_undo(struct lkh *t);

/*
 * Call @fn for each slot that the batch has changed; called before
 * lkh_commit(). @rec is NULL for a slot that became free, else a record of @len
 * octets with a key in clear, which @fn must seal and which is wiped after the
 * call. The first error of @fn ends the iteration and is returned.
 */
int lkh_export(struct lkh *t,
	       int (*fn)(void *ctx, uint32_t slot, const uint8_t *rec,
			 size_t len),
	       void *ctx);

/* Return the next Key ID, which must be stored with each batch. */
uint32_t lkh_next_id(const struct lkh *t);

/*
 * Read a tree from the store: lkh_import() for each record in any order, then
 * lkh_import_end() with the stored lkh_next_id(). -EBADMSG: the records are not
 * a tree. @fn is called for each leaf with its member and slot.
 */
int lkh_import(struct lkh *t, uint32_t slot, const uint8_t *rec, size_t len);
int lkh_import_end(struct lkh *t, uint32_t next_id,
		   int (*fn)(void *ctx, uint64_t member, uint32_t leaf),
		   void *ctx);

#endif
