// SPDX-License-Identifier: GPL-2.0-only
#include "select.h"
#include "insert.h"
#include "table.h"

#include <linux/bitops.h>
#include <linux/slab.h>
#include <linux/string.h>

static struct mcsec_family *family_for(struct mcsec_select *s,
				       const struct mcsec_selector *sel)
{
	return &s->family[sel->family == AF_INET6 ? MCSEC_FAMILY_IP6
						  : MCSEC_FAMILY_IP4];
}

/* Insert an entry. Process context; waits for a rehash of the table. */
static int node_insert(struct mcsec_select *s, struct mcsec_node *node)
{
	unsigned int tries = 0;
	int err;

	do {
		err = rhltable_insert(&s->table, &node->head,
				      mcsec_table_params);
	} while (mcsec_insert_again(&err, &tries));
	return err;
}

/* The entry stays in the table while the caller holds the namespace's lock. */
static struct mcsec_node *node_find(struct mcsec_select *s,
				    const struct mcsec_key *key)
{
	struct mcsec_node *node;

	rcu_read_lock();
	node = mcsec_table_find(s, key, mcsec_table_params);
	rcu_read_unlock();
	return node;
}

/* ---- prefixes ---- */

/* Return how many bits of an address the destination leaves open. */
static unsigned int host_bits(const struct mcsec_selector *sel)
{
	return (sel->family == AF_INET ? 32 : 128) - sel->dst_len;
}

static int prefix_insert(struct mcsec_select *s, struct mcsec_prefix *prefix,
			 const struct mcsec_selector *sel)
{
	struct mcsec_family *f = family_for(s, sel);
	unsigned int bit = host_bits(sel);
	int err;

	if (bit && !f->users[bit] && f->n_prefix_lens == MCSEC_PREFIX_LENS_MAX)
		return -EMLINK;
	err = node_insert(s, &prefix->node);
	if (err || f->users[bit]++)
		return err;
	if (bit)
		WRITE_ONCE(f->n_prefix_lens, f->n_prefix_lens + 1);
	set_bit(bit, f->lens);
	return 0;
}

static void prefix_remove(struct mcsec_select *s, struct mcsec_prefix *prefix,
			  const struct mcsec_selector *sel)
{
	struct mcsec_family *f = family_for(s, sel);
	unsigned int bit = host_bits(sel);

	if (!--f->users[bit]) {
		clear_bit(bit, f->lens);
		if (bit)
			WRITE_ONCE(f->n_prefix_lens, f->n_prefix_lens - 1);
	}
	rhltable_remove(&s->table, &prefix->node.head, mcsec_table_params);
	kfree_rcu(prefix, rcu);
}

static struct mcsec_prefix *prefix_get(struct mcsec_select *s,
				       const struct mcsec_selector *sel)
{
	struct mcsec_key key;
	struct mcsec_prefix *prefix;
	struct mcsec_node *node;
	int err;

	mcsec_key_of(&key, &sel->dst, sel->family == AF_INET6, sel->dst_len);
	node = node_find(s, &key);
	if (node)
		return container_of(node, struct mcsec_prefix, node);
	prefix = kzalloc(sizeof(*prefix), GFP_KERNEL_ACCOUNT);
	if (!prefix)
		return ERR_PTR(-ENOMEM);
	prefix->node.key = key;
	INIT_LIST_HEAD(&prefix->candidates);
	err = prefix_insert(s, prefix, sel);
	if (!err)
		return prefix;
	kfree(prefix);
	return ERR_PTR(err);
}

static void prefix_put(struct mcsec_select *s, struct mcsec_prefix *prefix,
		       const struct mcsec_selector *sel)
{
	if (!prefix->n)
		prefix_remove(s, prefix, sel);
}

/* ---- candidates ---- */

/*
 * Return the rank of a selector. The most significant criterion comes first: a
 * longer source prefix, an interface, a protocol, the destination port, the
 * source port, more bits of the mark. The mask is in the low half, so candidates
 * of equal rank have the same one, which select_same() relies on.
 */
static u64 rank_of(const struct mcsec_selector *sel)
{
	u64 rank = sel->src_len;

	rank = rank * 2 + !!sel->n_devs;
	rank = rank * 2 + !!sel->proto;
	rank = rank * 2 + !!sel->dport;
	rank = rank * 2 + !!sel->sport;
	rank = rank << 8 | hweight32(sel->mask);
	return rank << 32 | (u32)~sel->mask;
}

static bool share_dev(const struct mcsec_candidate *a,
		      const struct mcsec_candidate *b)
{
	unsigned int i, j;

	for (i = 0; i < a->n_devs; i++)
		for (j = 0; j < b->n_devs; j++)
			if (a->devs[i] == b->devs[j])
				return true;
	return !a->n_devs;
}

/*
 * Return true if some datagram matches both candidates, which have the same
 * prefix and rank.
 */
static bool select_same(const struct mcsec_candidate *a,
			const struct mcsec_candidate *b)
{
	return !memcmp(&a->sel->src, &b->sel->src, sizeof(a->sel->src)) &&
	       a->sel->proto == b->sel->proto &&
	       a->sel->sport == b->sel->sport &&
	       a->sel->dport == b->sel->dport && a->sel->mark == b->sel->mark &&
	       share_dev(a, b);
}

/* Return for how many a candidate counts against MCSEC_CANDIDATES_MAX. */
static unsigned int dev_count(const struct mcsec_candidate *c)
{
	return c->n_devs ?: 1;
}

/* Update the shortcut after each change of the candidates. */
static void set_only(struct mcsec_prefix *prefix)
{
	const struct mcsec_candidate *first =
		list_first_entry_or_null(&prefix->candidates,
					 struct mcsec_candidate, node);

	rcu_assign_pointer(prefix->only, first && first->rank == MCSEC_RANK_ANY
						 ? first->group
						 : NULL);
}

static int insert_candidate(struct mcsec_prefix *prefix,
			    struct mcsec_candidate *c)
{
	struct mcsec_candidate *other;

	list_for_each_entry(other, &prefix->candidates, node) {
		if (other->rank < c->rank)
			break;
		if (other->rank == c->rank && select_same(other, c))
			return -EEXIST;
	}
	if (prefix->n + dev_count(c) > MCSEC_CANDIDATES_MAX)
		return -E2BIG;
	prefix->n += dev_count(c);
	c->prefix = prefix;
	/* Insert before the first less specific candidate, or at the end. */
	list_add_tail_rcu(&c->node, &other->node);
	set_only(prefix);
	return 0;
}

/* Add @by, which is 1 or -1, to the summary of the family. */
static void count_kinds(const struct mcsec_candidate *c, int by)
{
	struct mcsec_family *f = c->family;

	if (c->rank != MCSEC_RANK_ANY || host_bits(c->sel))
		WRITE_ONCE(f->n_other, f->n_other + by);
	if (c->sel->src_len)
		WRITE_ONCE(f->n_src, f->n_src + by);
	if (c->sel->proto)
		WRITE_ONCE(f->n_proto, f->n_proto + by);
}

static int get_devs(struct mcsec_select *s, struct mcsec_candidate *c)
{
	struct mcsec_dev *dev;

	for (c->n_devs = 0; c->n_devs < c->sel->n_devs; c->n_devs++) {
		dev = mcsec_dev_get(&s->devs, c->sel->devs[c->n_devs]);
		if (IS_ERR(dev)) {
			mcsec_select_put(s, c);
			return PTR_ERR(dev);
		}
		c->devs[c->n_devs] = dev;
	}
	return 0;
}

int mcsec_select_add(struct mcsec_select *s, struct mcsec_candidate *c)
{
	struct mcsec_prefix *prefix;
	int err;

	c->rank = rank_of(c->sel);
	c->family = family_for(s, c->sel);
	err = get_devs(s, c);
	if (err)
		return err;
	prefix = prefix_get(s, c->sel);
	if (IS_ERR(prefix)) {
		mcsec_select_put(s, c);
		return PTR_ERR(prefix);
	}
	/* Packets read the summary before the list, so it is updated first. */
	count_kinds(c, 1);
	err = insert_candidate(prefix, c);
	if (!err)
		return 0;
	count_kinds(c, -1);
	prefix_put(s, prefix, c->sel);
	mcsec_select_put(s, c);
	return err;
}

void mcsec_select_del(struct mcsec_select *s, struct mcsec_candidate *c)
{
	list_del_rcu(&c->node);
	set_only(c->prefix);
	count_kinds(c, -1);
	c->prefix->n -= dev_count(c);
	prefix_put(s, c->prefix, c->sel);
	c->prefix = NULL;
}

void mcsec_select_put(struct mcsec_select *s, struct mcsec_candidate *c)
{
	unsigned int i;

	/* Packets may still read the candidate. The number stays, because 0 would
	 * mean any interface.
	 */
	for (i = 0; i < c->n_devs; i++)
		mcsec_dev_put(&s->devs, c->devs[i]);
}

/* ---- SAs ---- */

static bool same_source(const struct mcsec_candidate *a,
			const struct mcsec_candidate *b)
{
	return a->sel->src_len == b->sel->src_len &&
	       !memcmp(&a->sel->src, &b->sel->src, sizeof(a->sel->src));
}

/* Return true if a group with the addresses of @c has an SA with @key. */
static bool has_sa(struct mcsec_select *s, const struct mcsec_candidate *c,
		   const struct mcsec_key *key)
{
	struct mcsec_node *node = node_find(s, key);
	struct rhlist_head *pos;
	bool found = false;

	if (!node)
		return false;
	rcu_read_lock();
	rhl_for_each_entry_rcu(node, pos, &node->head, head)
		found |= same_source(node->owner, c);
	rcu_read_unlock();
	return found;
}

int mcsec_select_sa_add(struct mcsec_select *s, const struct mcsec_candidate *c,
			struct mcsec_node *node, __be32 spi)
{
	node->key = c->prefix->node.key;
	node->key.v4.dst |= MCSEC_KEY_SA;
	node->key.v4.spi = (__force u32)spi;
	node->owner = c;
	return has_sa(s, c, &node->key) ? -EEXIST : node_insert(s, node);
}

void mcsec_select_sa_del(struct mcsec_select *s, struct mcsec_node *node)
{
	rhltable_remove(&s->table, &node->head, mcsec_table_params);
}

/* ---- the namespace ---- */

struct mcsec_select *mcsec_select_create(struct net *net)
{
	struct mcsec_select *s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (!s)
		return NULL;
	if (rhltable_init(&s->table, &mcsec_table_params))
		goto err_free;
	if (!mcsec_devs_init(&s->devs, net))
		return s;
	rhltable_destroy(&s->table);
err_free:
	kfree(s);
	return NULL;
}

void mcsec_select_destroy(struct mcsec_select *s)
{
	mcsec_devs_exit(&s->devs);
	rhltable_destroy(&s->table);
	kfree(s);
}
