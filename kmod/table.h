/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the tables of select.h hash and compare, for who changes them and for
 * packets, which look up what this is inlined into.
 */
#ifndef _MCSEC_TABLE_H
#define _MCSEC_TABLE_H

#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/string.h>
#include <net/ipv6.h>

#include "select.h"

/*
 * Every multicast packet of the namespace looks here: inlined it takes a
 * quarter of the instructions that the general functions do.
 *
 * Who may make groups picks the keys, in a user namespace anyone: what collides
 * under one seed must not do so under another. The table takes the low bits,
 * which must depend on all: on a little-endian machine neighbouring addresses
 * differ in the highest. Those of a product do.
 */
static __always_inline u32 mcsec_mix(u32 h, u32 spi, u32 seed)
{
	u32 x = (h ^ seed) * GOLDEN_RATIO_64 >> 32;

	return (x + spi) * GOLDEN_RATIO_64 >> 32;
}

static __always_inline u32 mcsec_fold6(const u32 dst[4], u32 seed)
{
	return jhash2(dst, 4, seed);
}

/* ---- all that a key may have ---- */

static inline u32 mcsec_hash_rest(const struct mcsec_key *key, u32 seed)
{
	if (key->plain)
		return 0;
	return jhash2(key->src,
		      (sizeof(*key) - offsetof(struct mcsec_key, src)) / 4,
		      seed);
}

static inline u32 mcsec_hash4(const void *data, u32 len, u32 seed)
{
	const struct mcsec_key *key = data;

	return mcsec_mix(key->dst[0] + mcsec_hash_rest(key, seed), key->spi,
			 seed);
}

static inline u32 mcsec_hash6(const void *data, u32 len, u32 seed)
{
	const struct mcsec_key *key = data;

	return mcsec_mix(mcsec_fold6(key->dst, seed) +
				 mcsec_hash_rest(key, seed),
			 key->spi, seed);
}

static inline bool mcsec_same_rest(const struct mcsec_key *a,
				   const struct mcsec_key *b)
{
	return a->shape == b->shape && a->spi == b->spi &&
	       (a->plain ||
		!memcmp(a->src, b->src,
			sizeof(*a) - offsetof(struct mcsec_key, src)));
}

static inline int mcsec_differs4(struct rhashtable_compare_arg *arg,
				 const void *obj)
{
	const struct mcsec_node *node = obj;
	const struct mcsec_key *key = arg->key;

	return key->dst[0] != node->key.dst[0] ||
	       !mcsec_same_rest(key, &node->key);
}

static inline int mcsec_differs6(struct rhashtable_compare_arg *arg,
				 const void *obj)
{
	const struct mcsec_node *node = obj;
	const struct mcsec_key *key = arg->key;

	return !ipv6_addr_equal((const struct in6_addr *)key->dst,
				(const struct in6_addr *)node->key.dst) ||
	       !mcsec_same_rest(key, &node->key);
}

static const struct rhashtable_params mcsec_params4 = {
	.head_offset = offsetof(struct mcsec_node, head),
	.key_offset = offsetof(struct mcsec_node, key),
	.key_len = sizeof(struct mcsec_key),
	.hashfn = mcsec_hash4,
	.obj_cmpfn = mcsec_differs4,
	.automatic_shrinking = true,
};

static const struct rhashtable_params mcsec_params6 = {
	.head_offset = offsetof(struct mcsec_node, head),
	.key_offset = offsetof(struct mcsec_node, key),
	.key_len = sizeof(struct mcsec_key),
	.hashfn = mcsec_hash6,
	.obj_cmpfn = mcsec_differs6,
	.automatic_shrinking = true,
};

/* Inside of rcu_read_lock(). */
static inline struct mcsec_node *
mcsec_table_find(const struct rhashtable *table, const struct mcsec_key *key,
		 u16 family)
{
	/* Only its buckets' locks would change, and none is taken. */
	struct rhashtable *t = (struct rhashtable *)table;

	if (family == AF_INET)
		return rhashtable_lookup(t, key, mcsec_params4);
	return rhashtable_lookup(t, key, mcsec_params6);
}

#endif /* _MCSEC_TABLE_H */
