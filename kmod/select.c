// SPDX-License-Identifier: GPL-2.0-only
#include "select.h"
#include "header.h"

#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ipv6.h>

/* ---- the tables ---- */

/*
 * Every multicast packet of the namespace looks here: inlined they take a
 * third of the instructions that the general functions do.
 *
 * Who may make groups picks the keys, so that a cheap hash will do. The table
 * takes the low bits, which must depend on all: on a little-endian machine
 * neighbouring addresses differ in the highest. Those of a product do.
 */
static __always_inline u32 mix(const struct mcsec_key *key, u32 h, u32 seed)
{
	h += key->spi * 0x85ebca6bU;
	if (unlikely(!key->plain))
		h += jhash2(key->src, (sizeof(*key) -
				       offsetof(struct mcsec_key, src)) / 4, 0);
	return (h ^ seed) * GOLDEN_RATIO_64 >> 32;
}

static __always_inline bool same_rest(const struct mcsec_key *a,
				      const struct mcsec_key *b)
{
	return a->shape == b->shape && a->spi == b->spi &&
	       (likely(a->plain) ||
		!memcmp(a->src, b->src,
			sizeof(*a) - offsetof(struct mcsec_key, src)));
}

static u32 hash4(const void *data, u32 len, u32 seed)
{
	const struct mcsec_key *key = data;

	return mix(key, key->dst[0], seed);
}

static int differs4(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct mcsec_node *node = obj;
	const struct mcsec_key *key = arg->key;

	return key->dst[0] != node->key.dst[0] || !same_rest(key, &node->key);
}

static u32 hash6(const void *data, u32 len, u32 seed)
{
	const struct mcsec_key *key = data;
	u32 h = key->dst[0];

	h = h * GOLDEN_RATIO_32 + key->dst[1];
	h = h * GOLDEN_RATIO_32 + key->dst[2];
	h = h * GOLDEN_RATIO_32 + key->dst[3];
	return mix(key, h, seed);
}

static int differs6(struct rhashtable_compare_arg *arg, const void *obj)
{
	const struct mcsec_node *node = obj;
	const struct mcsec_key *key = arg->key;

	return !ipv6_addr_equal((const struct in6_addr *)key->dst,
				(const struct in6_addr *)node->key.dst) ||
	       !same_rest(key, &node->key);
}

static const struct rhashtable_params params4 = {
	.head_offset = offsetof(struct mcsec_node, head),
	.key_offset = offsetof(struct mcsec_node, key),
	.key_len = sizeof(struct mcsec_key),
	.hashfn = hash4,
	.obj_cmpfn = differs4,
	.automatic_shrinking = true,
};

static const struct rhashtable_params params6 = {
	.head_offset = offsetof(struct mcsec_node, head),
	.key_offset = offsetof(struct mcsec_node, key),
	.key_len = sizeof(struct mcsec_key),
	.hashfn = hash6,
	.obj_cmpfn = differs6,
	.automatic_shrinking = true,
};

static struct mcsec_tables *tables_of(struct mcsec_select *s, u16 family)
{
	return family == AF_INET ? &s->v4 : &s->v6;
}

static int insert_once(struct rhashtable *table, struct mcsec_node *node,
		       u16 family)
{
	if (family == AF_INET)
		return rhashtable_lookup_insert_fast(table, &node->head,
						     params4);
	return rhashtable_lookup_insert_fast(table, &node->head, params6);
}

/* Process context: a table that is being rehashed is waited for. */
static int insert(struct rhashtable *table, struct mcsec_node *node, u16 family)
{
	unsigned int tries = 100;
	int err;

	while ((err = insert_once(table, node, family)) == -EBUSY && --tries)
		usleep_range(500, 2000);
	return err == -EBUSY || err == -E2BIG ? -ENOMEM : err;
}

static void take_out(struct rhashtable *table, struct mcsec_node *node,
		     u16 family)
{
	if (family == AF_INET)
		rhashtable_remove_fast(table, &node->head, params4);
	else
		rhashtable_remove_fast(table, &node->head, params6);
}

static struct mcsec_node *find(struct rhashtable *table,
			       const struct mcsec_key *key, u16 family)
{
	if (family == AF_INET)
		return rhashtable_lookup_fast(table, key, params4);
	return rhashtable_lookup_fast(table, key, params6);
}

/* ---- packets ---- */

/* What few selectors look at. */
static noinline void key_rest(struct mcsec_key *key,
			      const struct mcsec_shape *shape,
			      const struct sk_buff *skb,
			      const struct net_device *dev)
{
	unsigned int hlen, nhoff, i;
	int proto;

	memset_startat(key, 0, src);
	if (ip_hdr(skb)->version == 4) {
		key->src[0] = (__force u32)ip_hdr(skb)->saddr &
			      shape->src_mask[0];
	} else {
		for (i = 0; i < 4; i++)
			key->src[i] = (__force u32)
				      ipv6_hdr(skb)->saddr.s6_addr32[i] &
				      shape->src_mask[i];
	}
	if (shape->dev && dev)
		key->ifindex = dev->ifindex;
	key->mark = skb->mark & shape->mark_mask;
	if (!shape->proto_mask)
		return;
	if (ip_hdr(skb)->version == 4) {
		proto = ip_hdr(skb)->protocol;
		hlen = ip_hdrlen(skb);
		if (ip_hdr(skb)->frag_off & htons(IP_OFFSET))
			hlen = skb->len;	/* ports are elsewhere */
	} else {
		proto = mcsec_walk6(skb, &hlen, &nhoff);
	}
	key->proto = proto & shape->proto_mask;
	if (shape->ports_mask)
		key->ports = mcsec_ports(skb, proto, hlen) & shape->ports_mask;
}

static __always_inline void key4(struct mcsec_key *key,
				 const struct mcsec_shape *shape,
				 const struct sk_buff *skb,
				 const struct net_device *dev, __be32 spi)
{
	key->dst[0] = (__force u32)ip_hdr(skb)->daddr & shape->dst_mask[0];
	key->shape = shape->id;
	key->spi = (__force u32)spi;
	key->plain = shape->plain;
	if (unlikely(!shape->plain))
		key_rest(key, shape, skb, dev);
}

static __always_inline void key6(struct mcsec_key *key,
				 const struct mcsec_shape *shape,
				 const struct sk_buff *skb,
				 const struct net_device *dev, __be32 spi)
{
	const struct in6_addr *dst = &ipv6_hdr(skb)->daddr;
	unsigned int i;

	for (i = 0; i < 4; i++)
		key->dst[i] = (__force u32)dst->s6_addr32[i] &
			      shape->dst_mask[i];
	key->shape = shape->id;
	key->spi = (__force u32)spi;
	key->plain = shape->plain;
	if (unlikely(!shape->plain))
		key_rest(key, shape, skb, dev);
}

static __always_inline struct mcsec_node *
select_node(const struct mcsec_tables *t, const struct sk_buff *skb,
	    const struct net_device *dev, bool v6)
{
	const struct mcsec_shapes *shapes = rcu_dereference(t->shapes);
	struct mcsec_node *node;
	struct mcsec_key key;
	unsigned int i;

	if (!shapes)
		return NULL;
	for (i = 0; i < shapes->n; i++) {
		if (v6) {
			key6(&key, &shapes->shape[i], skb, dev, 0);
			node = rhashtable_lookup((struct rhashtable *)&t->sels,
						 &key, params6);
		} else {
			key4(&key, &shapes->shape[i], skb, dev, 0);
			node = rhashtable_lookup((struct rhashtable *)&t->sels,
						 &key, params4);
		}
		if (node)
			return node;
	}
	return NULL;
}

static __always_inline struct mcsec_group *group_of(struct mcsec_node *node)
{
	return node ? container_of(node, struct mcsec_sel, node)->group : NULL;
}

struct mcsec_group *mcsec_select4(const struct mcsec_select *s,
				  const struct sk_buff *skb,
				  const struct net_device *dev)
{
	return group_of(select_node(&s->v4, skb, dev, false));
}

struct mcsec_group *mcsec_select6(const struct mcsec_select *s,
				  const struct sk_buff *skb,
				  const struct net_device *dev)
{
	return group_of(select_node(&s->v6, skb, dev, true));
}

/*
 * A longer prefix hides what is below a shorter one, or a member of a wide
 * group could send into a narrow one.
 */
static __always_inline struct mcsec_node *
select_sa(const struct mcsec_tables *t, const struct sk_buff *skb, __be32 spi,
	  bool v6)
{
	const struct mcsec_shapes *shapes = rcu_dereference(t->prefixes);
	const struct rhashtable_params params = v6 ? params6 : params4;
	struct mcsec_node *node, *addr;
	struct mcsec_key key;
	unsigned int i;

	if (!shapes)
		return NULL;
	for (i = 0; i < shapes->n; i++) {
		if (v6)
			key6(&key, &shapes->shape[i], skb, NULL, spi);
		else
			key4(&key, &shapes->shape[i], skb, NULL, spi);
		node = rhashtable_lookup((struct rhashtable *)&t->sas, &key,
					 params);
		if (likely(node))
			return node;
		if (i + 1 == shapes->n)
			break;
		key.spi = 0;
		addr = rhashtable_lookup((struct rhashtable *)&t->addrs, &key,
					 params);
		if (addr && READ_ONCE(container_of(addr, struct mcsec_addr,
						   node)->firm))
			break;
	}
	return NULL;
}

struct mcsec_node *mcsec_select_sa4(const struct mcsec_select *s,
				    const struct sk_buff *skb, __be32 spi)
{
	return select_sa(&s->v4, skb, spi, false);
}

struct mcsec_node *mcsec_select_sa6(const struct mcsec_select *s,
				    const struct sk_buff *skb, __be32 spi)
{
	return select_sa(&s->v6, skb, spi, true);
}

static bool covered(const struct mcsec_tables *t, const struct sk_buff *skb,
		    u16 family)
{
	const struct mcsec_shapes *shapes = rcu_dereference(t->prefixes);
	struct mcsec_node *node;
	struct mcsec_key key;
	unsigned int i;

	for (i = 0; shapes && i < shapes->n; i++) {
		if (family == AF_INET)
			key4(&key, &shapes->shape[i], skb, NULL, 0);
		else
			key6(&key, &shapes->shape[i], skb, NULL, 0);
		node = find((struct rhashtable *)&t->addrs, &key, family);
		if (node && READ_ONCE(container_of(node, struct mcsec_addr,
						   node)->firm))
			return true;
	}
	return false;
}

bool mcsec_covered4(const struct mcsec_select *s, const struct sk_buff *skb)
{
	return covered(&s->v4, skb, AF_INET);
}

bool mcsec_covered6(const struct mcsec_select *s, const struct sk_buff *skb)
{
	return covered(&s->v6, skb, AF_INET6);
}

/* Whether @own's key is that of @skb, were it marked like that. */
static bool own_key(const struct mcsec_shape *shape, const struct sk_buff *skb,
		    const struct net_device *dev,
		    const struct mcsec_selector *sel,
		    const struct mcsec_sel *own)
{
	unsigned int i, n = sel->n_devs ?: 1;
	struct mcsec_key key = {};

	if (sel->family == AF_INET)
		key4(&key, shape, skb, dev, 0);
	else
		key6(&key, shape, skb, dev, 0);
	key.mark = sel->mark;
	for (i = 0; i < n; i++)
		if (!memcmp(&key, &own[i].node.key, sizeof(key)))
			return true;
	return false;
}

bool mcsec_select_fits_slow(const struct mcsec_tables *t,
			    const struct sk_buff *skb,
			    const struct net_device *dev,
			    const struct mcsec_group *group,
			    const struct mcsec_selector *sel,
			    const struct mcsec_sel *own)
{
	const struct mcsec_shapes *shapes = rcu_dereference(t->shapes);
	bool v6 = sel->family == AF_INET6;
	struct mcsec_node *best;
	unsigned int i;

	best = v6 ? select_node(t, skb, dev, true) :
		    select_node(t, skb, dev, false);
	if (group_of(best) == group)
		return true;
	if (!sel->mask)
		return false;
	for (i = 0; shapes && i < shapes->n; i++) {
		const struct mcsec_shape *shape = &shapes->shape[i];

		if (shape->id == own->node.key.shape)
			return own_key(shape, skb, dev, sel, own);
		if (best && shape->id == best->key.shape)
			return false;
	}
	return false;
}

/* ---- changes ---- */

static void copy_masked(u32 to[4], const struct in6_addr *addr,
			const u32 mask[4])
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		to[i] = (__force u32)addr->s6_addr32[i] & mask[i];
}

static void key_of(struct mcsec_key *key, const struct mcsec_selector *sel,
		   const struct mcsec_shape *shape, u32 id)
{
	memset(key, 0, sizeof(*key));
	copy_masked(key->dst, &sel->dst, shape->dst_mask);
	copy_masked(key->src, &sel->src, shape->src_mask);
	key->shape = id;
	key->plain = shape->plain;
	key->mark = sel->mark & shape->mark_mask;
	key->proto = sel->proto & shape->proto_mask;
	key->ports = ((u32)sel->sport << 16 | sel->dport) & shape->ports_mask;
}

static bool is_firm(const struct mcsec_selector *sel)
{
	return !sel->mask && !sel->n_devs;
}

static struct mcsec_addr *addr_get(struct mcsec_select *s,
				   struct mcsec_tables *t,
				   const struct mcsec_selector *sel, int *err)
{
	struct mcsec_addr *addr;
	struct mcsec_shape shape;
	struct mcsec_node *node;
	struct mcsec_key key;
	u32 id;

	mcsec_shape_of_addrs(sel, &shape);
	id = mcsec_shape_get(&t->prefixes, &shape, &s->shape_ids, err);
	if (!id)
		return NULL;
	key_of(&key, sel, &shape, id);
	node = find(&t->addrs, &key, sel->family);
	if (node) {
		addr = container_of(node, struct mcsec_addr, node);
	} else {
		addr = kzalloc(sizeof(*addr), GFP_KERNEL_ACCOUNT);
		*err = addr ? 0 : -ENOMEM;
		if (addr) {
			addr->node.key = key;
			*err = insert(&t->addrs, &addr->node, sel->family);
		}
		if (*err) {
			kfree(addr);
			mcsec_shape_put(&t->prefixes, id);
			return NULL;
		}
	}
	addr->refs++;
	if (is_firm(sel))
		WRITE_ONCE(addr->firm, addr->firm + 1);
	return addr;
}

static void addr_put(struct mcsec_tables *t, const struct mcsec_selector *sel,
		     struct mcsec_addr *addr)
{
	u32 id = addr->node.key.shape;

	if (is_firm(sel))
		WRITE_ONCE(addr->firm, addr->firm - 1);
	if (!--addr->refs) {
		take_out(&t->addrs, &addr->node, sel->family);
		kfree_rcu(addr, rcu);
	}
	mcsec_shape_put(&t->prefixes, id);
}

/* Whether one that waits for the same interface looks for the same. */
static bool taken(struct mcsec_select *s, const struct mcsec_sel *sel)
{
	const struct mcsec_sel *other;
	struct mcsec_key key;

	list_for_each_entry(other, &s->with_dev, list) {
		if (strcmp(other->dev, sel->dev))
			continue;
		key = other->node.key;
		key.ifindex = sel->node.key.ifindex;
		if (!memcmp(&key, &sel->node.key, sizeof(key)))
			return true;
	}
	return false;
}

static int enter(struct mcsec_select *s, struct mcsec_tables *t,
		 struct mcsec_sel *sel)
{
	struct net_device *dev;
	int err;

	if (!*sel->dev) {
		err = insert(&t->sels, &sel->node, sel->family);
		sel->in_table = !err;
		return err;
	}
	if (taken(s, sel))
		return -EEXIST;
	/* One that comes meanwhile waits in mcsec_select_dev() for our lock. */
	rcu_read_lock();
	dev = dev_get_by_name_rcu(s->net, sel->dev);
	sel->node.key.ifindex = dev ? dev->ifindex : 0;
	rcu_read_unlock();
	if (dev) {
		err = insert(&t->sels, &sel->node, sel->family);
		if (err)
			return err;
		sel->in_table = true;
	}
	list_add(&sel->list, &s->with_dev);
	return 0;
}

static void leave(struct mcsec_tables *t, struct mcsec_sel *sel)
{
	if (*sel->dev)
		list_del(&sel->list);
	if (sel->in_table)
		take_out(&t->sels, &sel->node, sel->family);
	sel->in_table = false;
}

int mcsec_select_add(struct mcsec_select *s, struct mcsec_group *group,
		     const struct mcsec_selector *sel, struct mcsec_sel **sels,
		     struct mcsec_addr **addr)
{
	struct mcsec_tables *t = tables_of(s, sel->family);
	unsigned int n = sel->n_devs ?: 1, i;
	struct mcsec_shape shape;
	struct mcsec_key key;
	int err;
	u32 id;

	*sels = kcalloc(n, sizeof(**sels), GFP_KERNEL_ACCOUNT);
	if (!*sels)
		return -ENOMEM;
	*addr = addr_get(s, t, sel, &err);
	if (!*addr)
		goto err_free;
	mcsec_shape_of(sel, &shape);
	id = mcsec_shape_get(&t->shapes, &shape, &s->shape_ids, &err);
	if (!id)
		goto err_addr;
	key_of(&key, sel, &shape, id);
	for (i = 0; i < n; i++) {
		(*sels)[i].node.key = key;
		(*sels)[i].group = group;
		(*sels)[i].family = sel->family;
		if (sel->n_devs)
			strscpy((*sels)[i].dev, sel->devs[i], IFNAMSIZ);
		err = enter(s, t, &(*sels)[i]);
		if (err)
			goto err_enter;
	}
	return 0;

err_enter:
	while (i--)
		leave(t, &(*sels)[i]);
	mcsec_shape_put(&t->shapes, id);
err_addr:
	addr_put(t, sel, *addr);
	/* Packets may have found one of them. */
	kfree_rcu(*sels, rcu);
	return err;
err_free:
	kfree(*sels);
	return err;
}

void mcsec_select_del(struct mcsec_select *s, const struct mcsec_selector *sel,
		      struct mcsec_sel *sels, struct mcsec_addr *addr)
{
	struct mcsec_tables *t = tables_of(s, sel->family);
	unsigned int i;

	for (i = 0; i < (sel->n_devs ?: 1); i++)
		leave(t, &sels[i]);
	mcsec_shape_put(&t->shapes, sels->node.key.shape);
	addr_put(t, sel, addr);
}

int mcsec_select_sa_add(struct mcsec_select *s, u16 family,
			const struct mcsec_addr *addr, struct mcsec_node *node,
			__be32 spi)
{
	node->key = addr->node.key;
	node->key.spi = (__force u32)spi;
	return insert(&tables_of(s, family)->sas, node, family);
}

void mcsec_select_sa_del(struct mcsec_select *s, u16 family,
			 struct mcsec_node *node)
{
	take_out(&tables_of(s, family)->sas, node, family);
}

int mcsec_select_dev(struct mcsec_select *s, const struct net_device *dev,
		     bool gone)
{
	bool removed = false;
	struct mcsec_sel *sel;
	int err;

	list_for_each_entry(sel, &s->with_dev, list) {
		if (!sel->in_table || sel->node.key.ifindex != dev->ifindex ||
		    (!gone && !strcmp(sel->dev, dev->name)))
			continue;
		take_out(&tables_of(s, sel->family)->sels, &sel->node,
			 sel->family);
		sel->in_table = false;
		removed = true;
	}
	/* Before a key changes that somebody may be looking at. */
	if (removed)
		synchronize_net();
	list_for_each_entry(sel, &s->with_dev, list) {
		if (gone || sel->in_table || strcmp(sel->dev, dev->name))
			continue;
		sel->node.key.ifindex = dev->ifindex;
		err = insert(&tables_of(s, sel->family)->sels, &sel->node,
			     sel->family);
		if (err)
			return err;
		sel->in_table = true;
	}
	return 0;
}

static int tables_init(struct mcsec_tables *t,
		       const struct rhashtable_params *params)
{
	int err;

	err = rhashtable_init(&t->sels, params);
	if (err)
		return err;
	err = rhashtable_init(&t->sas, params);
	if (err)
		goto err_sels;
	err = rhashtable_init(&t->addrs, params);
	if (err)
		goto err_sas;
	return 0;

err_sas:
	rhashtable_destroy(&t->sas);
err_sels:
	rhashtable_destroy(&t->sels);
	return err;
}

static void tables_exit(struct mcsec_tables *t)
{
	rhashtable_destroy(&t->addrs);
	rhashtable_destroy(&t->sas);
	rhashtable_destroy(&t->sels);
	/* One of unused shapes, when there was no memory for less. */
	kfree(mcsec_shapes_held(t->shapes));
	kfree(mcsec_shapes_held(t->prefixes));
}

int mcsec_select_init(struct mcsec_select *s, struct net *net)
{
	int err;

	s->net = net;
	INIT_LIST_HEAD(&s->with_dev);
	err = tables_init(&s->v4, &params4);
	if (err)
		return err;
	err = tables_init(&s->v6, &params6);
	if (err)
		tables_exit(&s->v4);
	return err;
}

void mcsec_select_exit(struct mcsec_select *s)
{
	tables_exit(&s->v6);
	tables_exit(&s->v4);
}
