/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hash and comparison of the table in select.h. Packets use specialised inline
 * versions.
 */
#ifndef _MCSEC_TABLE_H
#define _MCSEC_TABLE_H

#include <linux/bits.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/string.h>

#include "select.h"

#define MCSEC_KEY_V6 BIT_ULL(40)
/*
 * SAs have a flag of their own, because ESP with the SPI 0 must not find a
 * prefix.
 */
#define MCSEC_KEY_SA BIT_ULL(41)

/*
 * Return family, prefix length and first word as one word, so one comparison is
 * enough.
 */
static __always_inline u64 mcsec_key_dst(__be32 first, bool v6, u8 len)
{
	return (v6 ? MCSEC_KEY_V6 : 0) | (u64)len << 32 | (__force u32)first;
}

static inline void mcsec_key_of(struct mcsec_key *key,
				const struct in6_addr *dst, bool v6, u8 len)
{
	memset(key, 0, sizeof(*key));
	key->v4.dst = mcsec_key_dst(dst->s6_addr32[0], v6, len);
	memcpy(key->more, &dst->s6_addr32[1], sizeof(key->more));
}

/*
 * Hash a key. In a user namespace anyone can make groups and so choose keys, so
 * keys that collide under one seed must not collide under another. The table
 * uses the low bits, which must depend on all bits of the key: neighbouring
 * addresses differ in the highest bits on a little-endian machine. The high
 * half of a product has this property.
 */
static __always_inline u32 mcsec_mix(const struct mcsec_key4 *key, u32 secret)
{
	u32 h = (key->dst ^ secret) * GOLDEN_RATIO_64 >> 32;

	return (h ^ key->spi) * GOLDEN_RATIO_64 >> 32;
}

static __always_inline u32 mcsec_hash4(const void *data, u32 len, u32 seed)
{
	return mcsec_mix(data, seed);
}

static __always_inline u32 mcsec_hash6(const void *data, u32 len, u32 seed)
{
	const struct mcsec_key *key = data;

	return mcsec_mix(&key->v4, jhash2(key->more, 3, seed));
}

static inline u32 mcsec_hash(const void *data, u32 len, u32 seed)
{
	const struct mcsec_key4 *key = data;

	return key->dst & MCSEC_KEY_V6 ? mcsec_hash6(data, len, seed)
				       : mcsec_hash4(data, len, seed);
}

static __always_inline int mcsec_cmp4(struct rhashtable_compare_arg *arg,
				      const void *obj)
{
	const struct mcsec_key4 *a = arg->key;
	const struct mcsec_key4 *b = &((const struct mcsec_node *)obj)->key.v4;

	return a->dst != b->dst || a->spi != b->spi;
}

static __always_inline int mcsec_cmp6(struct rhashtable_compare_arg *arg,
				      const void *obj)
{
	const struct mcsec_key *a = arg->key;
	const struct mcsec_key *b = &((const struct mcsec_node *)obj)->key;

	return mcsec_cmp4(arg, obj) || a->more[0] != b->more[0] ||
	       a->more[1] != b->more[1] || a->more[2] != b->more[2];
}

#define MCSEC_TABLE_PARAMS(hash, cmp) \
	{ \
		.head_offset = offsetof(struct mcsec_node, head), \
		.key_offset = offsetof(struct mcsec_node, key), \
		.key_len = sizeof(struct mcsec_key), .hashfn = hash, \
		.obj_cmpfn = cmp, .automatic_shrinking = true, \
	}

/*
 * An IPv4 key has zeros in the additional words, so mcsec_cmp6() works for
 * both.
 */
static const struct rhashtable_params mcsec_table_params =
	MCSEC_TABLE_PARAMS(mcsec_hash, mcsec_cmp6);

/*
 * Return the first entry with @key, or NULL. The caller holds
 * rcu_read_lock().
 */
static __always_inline struct mcsec_node *
mcsec_table_find(const struct mcsec_select *s, const void *key,
		 const struct rhashtable_params params)
{
	struct rhlist_head *head;

	/* The cast is safe: a lookup takes none of the bucket locks. */
	head = rhltable_lookup((struct rhltable *)&s->table, key, params);
	return head ? container_of(head, struct mcsec_node, head) : NULL;
}

#endif /* _MCSEC_TABLE_H */
