// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets look for their group and SA. Mostly all groups of a namespace select
 * by an address, or equally many bits of it: then a key is three words, for
 * which there are functions of their own. The others take keys as they come.
 */
#include "header.h"
#include "select.h"
#include "table.h"

#include <linux/netdevice.h>
#include <net/ip.h>
#include <net/ipv6.h>

/* ---- the one plain shape ---- */

/* What of struct mcsec_key a plain shape looks at. */
struct plain {
	u32 dst[4];
	u32 shape;
	u32 spi;
	bool v6;
};

static __always_inline bool is_plain(const struct mcsec_key *key,
				     const struct plain *want)
{
	if (key->dst[0] != want->dst[0] || key->spi != want->spi ||
	    key->shape != want->shape)
		return false;
	return !want->v6 ||
	       (key->dst[1] == want->dst[1] && key->dst[2] == want->dst[2] &&
		key->dst[3] == want->dst[3]);
}

/*
 * rhashtable_lookup(), which compilers do not inline as often as it is needed
 * here. The hash is that of mcsec_hash4() and mcsec_hash6().
 */
static __always_inline struct mcsec_node *find_plain(struct rhashtable *table,
						     const struct plain *want)
{
	struct rhash_lock_head __rcu *const *bucket;
	const struct bucket_table *tbl;
	struct mcsec_node *node;
	struct rhash_head *pos;
	unsigned int at;
	u32 h;

	tbl = rht_dereference_rcu(table->tbl, table);
	do {
		h = want->v6 ? mcsec_fold6(want->dst, tbl->hash_rnd)
			     : want->dst[0];
		at = rht_bucket_index(tbl,
				      mcsec_mix(h, want->spi, tbl->hash_rnd));
		bucket = rht_bucket(tbl, at);
		do {
			rht_for_each_rcu_from(pos, rht_ptr_rcu(bucket), tbl,
					      at) {
				node = container_of(pos, struct mcsec_node,
						    head);
				if (likely(is_plain(&node->key, want)))
					return node;
			}
			/* It may have moved to another chain meanwhile. */
		} while (pos != RHT_NULLS_MARKER(bucket));
		/* Pairs with the writer's, before it empties the old table. */
		smp_rmb();
		tbl = rht_dereference_rcu(tbl->future_tbl, table);
	} while (unlikely(tbl));
	return NULL;
}

static __always_inline struct mcsec_node *
find_plain4(const struct rhashtable *table, const struct mcsec_shape *shape,
	    const struct sk_buff *skb, __be32 spi)
{
	const struct plain want = {
		.dst[0] = (__force u32)ip_hdr(skb)->daddr & shape->dst_mask[0],
		.shape = shape->id,
		.spi = (__force u32)spi,
	};

	/* Nothing is written to it, only told to lockdep. */
	return find_plain((struct rhashtable *)table, &want);
}

static __always_inline struct mcsec_node *
find_plain6(const struct rhashtable *table, const struct mcsec_shape *shape,
	    const struct sk_buff *skb, __be32 spi)
{
	const struct in6_addr *addr = &ipv6_hdr(skb)->daddr;
	const struct plain want = {
		.dst = {
			(__force u32)addr->s6_addr32[0] & shape->dst_mask[0],
			(__force u32)addr->s6_addr32[1] & shape->dst_mask[1],
			(__force u32)addr->s6_addr32[2] & shape->dst_mask[2],
			(__force u32)addr->s6_addr32[3] & shape->dst_mask[3],
		},
		.shape = shape->id,
		.spi = (__force u32)spi,
		.v6 = true,
	};

	return find_plain((struct rhashtable *)table, &want);
}

static __always_inline bool one_plain(const struct mcsec_shapes *shapes)
{
	return likely(shapes->n == 1 && shapes->shape[0].plain);
}

/* ---- any shape ---- */

/* What few selectors look at. */
static noinline void key_rest(struct mcsec_key *key,
			      const struct mcsec_shape *shape,
			      const struct sk_buff *skb,
			      const struct net_device *dev, bool v6)
{
	unsigned int hlen, nhoff, i;
	int proto;

	memset_startat(key, 0, src);
	/* Not by the header's version, which a raw socket may have made up. */
	if (!v6) {
		key->src[0] = (__force u32)ip_hdr(skb)->saddr &
			      shape->src_mask[0];
	} else {
		for (i = 0; i < 4; i++)
			key->src[i] =
				(__force u32)ipv6_hdr(skb)->saddr.s6_addr32[i] &
				shape->src_mask[i];
	}
	if (shape->dev && dev)
		key->ifindex = dev->ifindex;
	key->mark = skb->mark & shape->mark_mask;
	if (!shape->proto_mask)
		return;
	if (!v6) {
		proto = ip_hdr(skb)->protocol;
		hlen = ip_hdrlen(skb);
		if (ip_hdr(skb)->frag_off & htons(IP_OFFSET))
			hlen = skb->len; /* ports are elsewhere */
	} else {
		proto = mcsec_walk6(skb, &hlen, &nhoff);
	}
	key->proto = proto & shape->proto_mask;
	if (shape->ports_mask)
		key->ports = mcsec_ports(skb, proto, hlen) & shape->ports_mask;
}

static void key_of_packet(struct mcsec_key *key,
			  const struct mcsec_shape *shape,
			  const struct sk_buff *skb,
			  const struct net_device *dev, __be32 spi, bool v6)
{
	unsigned int i;

	if (v6)
		for (i = 0; i < 4; i++)
			key->dst[i] =
				(__force u32)ipv6_hdr(skb)->daddr.s6_addr32[i] &
				shape->dst_mask[i];
	else
		key->dst[0] = (__force u32)ip_hdr(skb)->daddr &
			      shape->dst_mask[0];
	key->shape = shape->id;
	key->spi = (__force u32)spi;
	key->plain = shape->plain;
	if (!shape->plain)
		key_rest(key, shape, skb, dev, v6);
}

static noinline struct mcsec_node *
select_any(const struct mcsec_tables *t, const struct mcsec_shapes *shapes,
	   const struct sk_buff *skb, const struct net_device *dev, bool v6)
{
	struct mcsec_node *node;
	struct mcsec_key key;
	unsigned int i;

	for (i = 0; i < shapes->n; i++) {
		key_of_packet(&key, &shapes->shape[i], skb, dev, 0, v6);
		node = mcsec_table_find(&t->sels, &key,
					v6 ? AF_INET6 : AF_INET);
		if (node)
			return node;
	}
	return NULL;
}

static struct mcsec_group *group_of(struct mcsec_node *node)
{
	return node ? container_of(node, struct mcsec_sel, node)->group : NULL;
}

struct mcsec_group *mcsec_select4(const struct mcsec_select *s,
				  const struct sk_buff *skb,
				  const struct net_device *dev)
{
	const struct mcsec_shapes *shapes = rcu_dereference(s->v4.shapes);
	struct mcsec_node *node;

	if (unlikely(!shapes))
		return NULL;
	if (one_plain(shapes)) {
		node = find_plain4(&s->v4.sels, shapes->shape, skb, 0);
		return group_of(node);
	}
	return group_of(select_any(&s->v4, shapes, skb, dev, false));
}

struct mcsec_group *mcsec_select6(const struct mcsec_select *s,
				  const struct sk_buff *skb,
				  const struct net_device *dev)
{
	const struct mcsec_shapes *shapes = rcu_dereference(s->v6.shapes);
	struct mcsec_node *node;

	if (unlikely(!shapes))
		return NULL;
	if (one_plain(shapes)) {
		node = find_plain6(&s->v6.sels, shapes->shape, skb, 0);
		return group_of(node);
	}
	return group_of(select_any(&s->v6, shapes, skb, dev, true));
}

/*
 * A longer prefix hides what is below a shorter one, or a member of a wide
 * group could send into a narrow one.
 */
static noinline struct mcsec_node *
select_any_sa(const struct mcsec_tables *t, const struct mcsec_shapes *shapes,
	      const struct sk_buff *skb, __be32 spi, bool v6)
{
	u16 family = v6 ? AF_INET6 : AF_INET;
	struct mcsec_node *node, *addr;
	struct mcsec_addr *known;
	struct mcsec_key key;
	unsigned int i;

	for (i = 0; i < shapes->n; i++) {
		key_of_packet(&key, &shapes->shape[i], skb, NULL, spi, v6);
		node = mcsec_table_find(&t->sas, &key, family);
		if (likely(node))
			return node;
		if (i + 1 == shapes->n)
			break;
		key.spi = 0;
		addr = mcsec_table_find(&t->addrs, &key, family);
		if (!addr)
			continue;
		known = container_of(addr, struct mcsec_addr, node);
		if (READ_ONCE(known->firm))
			break;
	}
	return NULL;
}

struct mcsec_node *mcsec_select_sa4(const struct mcsec_select *s,
				    const struct sk_buff *skb, __be32 spi)
{
	const struct mcsec_shapes *shapes = rcu_dereference(s->v4.prefixes);

	if (unlikely(!shapes))
		return NULL;
	if (one_plain(shapes))
		return find_plain4(&s->v4.sas, shapes->shape, skb, spi);
	return select_any_sa(&s->v4, shapes, skb, spi, false);
}

struct mcsec_node *mcsec_select_sa6(const struct mcsec_select *s,
				    const struct sk_buff *skb, __be32 spi)
{
	const struct mcsec_shapes *shapes = rcu_dereference(s->v6.prefixes);

	if (unlikely(!shapes))
		return NULL;
	if (one_plain(shapes))
		return find_plain6(&s->v6.sas, shapes->shape, skb, spi);
	return select_any_sa(&s->v6, shapes, skb, spi, true);
}

static bool has_addrs(const struct mcsec_tables *t, const struct sk_buff *skb,
		      u16 family)
{
	const struct mcsec_shapes *shapes = rcu_dereference(t->prefixes);
	struct mcsec_key key;
	unsigned int i;

	for (i = 0; shapes && i < shapes->n; i++) {
		key_of_packet(&key, &shapes->shape[i], skb, NULL, 0,
			      family == AF_INET6);
		if (mcsec_table_find(&t->addrs, &key, family))
			return true;
	}
	return false;
}

bool mcsec_select_addrs4(const struct mcsec_select *s,
			 const struct sk_buff *skb)
{
	return has_addrs(&s->v4, skb, AF_INET);
}

bool mcsec_select_addrs6(const struct mcsec_select *s,
			 const struct sk_buff *skb)
{
	return has_addrs(&s->v6, skb, AF_INET6);
}

static struct mcsec_group *loose_group(const struct mcsec_addr *addr,
				       const struct net_device *dev)
{
	const struct mcsec_sel *sel;

	hlist_for_each_entry_rcu(sel, &addr->loose, by_addr)
		if (!READ_ONCE(sel->observes) &&
		    (sel->hosts || !*sel->dev ||
		     READ_ONCE(sel->node.key.ifindex) == dev->ifindex))
			return sel->group;
	return NULL;
}

static struct mcsec_group *select_quoted(const struct mcsec_tables *t,
					 const struct sk_buff *skb,
					 const struct net_device *dev,
					 u16 family)
{
	const struct mcsec_shapes *shapes = rcu_dereference(t->prefixes);
	struct mcsec_group *group = NULL;
	struct mcsec_node *node;
	struct mcsec_key key;
	unsigned int i;

	for (i = 0; shapes && i < shapes->n && !group; i++) {
		key_of_packet(&key, &shapes->shape[i], skb, NULL, 0,
			      family == AF_INET6);
		node = mcsec_table_find(&t->addrs, &key, family);
		if (node)
			group = loose_group(container_of(node,
							 struct mcsec_addr,
							 node),
					    dev);
	}
	return group;
}

struct mcsec_group *mcsec_select_quoted4(const struct mcsec_select *s,
					 const struct sk_buff *skb,
					 const struct net_device *dev)
{
	return select_quoted(&s->v4, skb, dev, AF_INET);
}

struct mcsec_group *mcsec_select_quoted6(const struct mcsec_select *s,
					 const struct sk_buff *skb,
					 const struct net_device *dev)
{
	return select_quoted(&s->v6, skb, dev, AF_INET6);
}

/*
 * In the order in which groups are asked, up to the first that does not look at
 * what is hidden: it has what none before it takes, and none after it anything.
 */
static struct mcsec_opaque select_opaque(const struct mcsec_tables *t,
					 const struct sk_buff *skb,
					 const struct net_device *dev,
					 u16 family)
{
	const struct mcsec_shapes *shapes = rcu_dereference(t->shapes);
	struct mcsec_opaque opaque = {};
	struct mcsec_shape shape;
	struct mcsec_node *node;
	struct mcsec_part *part;
	struct mcsec_sel *sel;
	struct mcsec_key key;
	unsigned int i;

	for (i = 0; shapes && i < shapes->n; i++) {
		shape = shapes->shape[i];
		if (!shape.proto_mask) {
			key_of_packet(&key, &shape, skb, dev, 0,
				      family == AF_INET6);
			node = mcsec_table_find(&t->sels, &key, family);
			if (!node)
				continue;
			sel = container_of(node, struct mcsec_sel, node);
			if (!opaque.candidate)
				opaque.group = sel->group;
			opaque.candidate = true;
			if (!READ_ONCE(sel->observes))
				opaque.enforcing = true;
			break;
		}
		shape.proto_mask = 0;
		shape.ports_mask = 0;
		key_of_packet(&key, &shape, skb, dev, 0, family == AF_INET6);
		node = mcsec_table_find(&t->parts, &key, family);
		if (!node)
			continue;
		opaque.candidate = true;
		part = container_of(node, struct mcsec_part, node);
		if (READ_ONCE(part->strict))
			opaque.enforcing = true;
	}
	return opaque;
}

struct mcsec_opaque mcsec_select_opaque4(const struct mcsec_select *s,
					 const struct sk_buff *skb,
					 const struct net_device *dev)
{
	return select_opaque(&s->v4, skb, dev, AF_INET);
}

struct mcsec_opaque mcsec_select_opaque6(const struct mcsec_select *s,
					 const struct sk_buff *skb,
					 const struct net_device *dev)
{
	return select_opaque(&s->v6, skb, dev, AF_INET6);
}

/* Whether @own's key is that of @skb, were it marked like that. */
static bool own_key(const struct mcsec_shape *shape, const struct sk_buff *skb,
		    const struct net_device *dev,
		    const struct mcsec_selector *sel,
		    const struct mcsec_sel *own)
{
	unsigned int i, n = sel->n_devs ?: 1;
	struct mcsec_key key = {};

	key_of_packet(&key, shape, skb, dev, 0, sel->family == AF_INET6);
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
	struct mcsec_node *best;
	unsigned int i;
	int next;

	if (!shapes)
		return false;
	/* IP would give on what is further inside, without asking us again. */
	if (sel->family == AF_INET6 && mcsec_is_opaque6(skb, &next))
		return false;
	best = select_any(t, shapes, skb, dev, sel->family == AF_INET6);
	if (group_of(best) == group)
		return true;
	if (!sel->mask)
		return false;
	for (i = 0; i < shapes->n; i++) {
		const struct mcsec_shape *shape = &shapes->shape[i];

		if (shape->id == own->node.key.shape)
			return own_key(shape, skb, dev, sel, own);
		if (best && shape->id == best->key.shape)
			return false;
	}
	return false;
}
