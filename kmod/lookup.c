// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lookup of the group and the SA of a packet. Most groups take all datagrams to
 * their address, which is the fast path. It is compiled for each family and
 * fully inlined, because every multicast packet of the namespace uses it.
 */
#include "pkt.h"
#include "select.h"
#include "table.h"

#include <linux/inetdevice.h>
#include <linux/kernel.h>
#include <linux/random.h>
#include <net/ip.h>
#include <net/ipv6.h>

/* Parameters of the same table for keys of a known family. */
static const struct rhashtable_params table_params4 =
	MCSEC_TABLE_PARAMS(mcsec_hash4, mcsec_cmp4);
static const struct rhashtable_params table_params6 =
	MCSEC_TABLE_PARAMS(mcsec_hash6, mcsec_cmp6);

/* ---- prefixes ---- */

/*
 * Return the entry of the full destination address; @kind is MCSEC_KEY_SA or 0.
 * The version in the header is not used, because a raw socket may have made it
 * up.
 */
static __always_inline struct mcsec_node *
find_address4(const struct mcsec_select *s, const struct sk_buff *skb, u64 kind,
	      __be32 spi)
{
	const struct mcsec_key4 key = {
		.dst = mcsec_key_dst(ip_hdr(skb)->daddr, false, 32) | kind,
		.spi = (__force u32)spi,
	};

	return mcsec_table_find(s, &key, table_params4);
}

static __always_inline struct mcsec_node *
find_address6(const struct mcsec_select *s, const struct sk_buff *skb, u64 kind,
	      __be32 spi)
{
	const struct in6_addr *dst = &ipv6_hdr(skb)->daddr;
	const struct mcsec_key key = {
		.v4.dst = mcsec_key_dst(dst->s6_addr32[0], true, 128) | kind,
		.v4.spi = (__force u32)spi,
		.more[0] = (__force u32)dst->s6_addr32[1],
		.more[1] = (__force u32)dst->s6_addr32[2],
		.more[2] = (__force u32)dst->s6_addr32[3],
	};

	return mcsec_table_find(s, &key, table_params6);
}

/* ---- any candidates ---- */

/**
 * struct query - properties of a packet that selectors use
 * @skb: the packet
 * @dev: device of the packet
 * @v6: the family is IPv6
 * @opaque: the payload cannot be read
 * @marks: how selectors by a mark are compared
 * @read: the payload was parsed: @proto and @ports are valid unless @opaque
 * @proto: protocol of the payload
 * @ports: as mcsec_ports() returns them
 * @own: candidate whose mark is taken to match, or NULL
 */
struct query {
	const struct sk_buff *skb;
	const struct net_device *dev;
	bool v6;
	bool opaque;
	bool read;
	u8 proto;
	enum mcsec_marks marks;
	u32 ports;
	const struct mcsec_candidate *own;
};

static void key_of_packet(struct mcsec_key *key, const struct query *p, u8 len)
{
	struct in6_addr dst = {};

	if (p->v6)
		ipv6_addr_prefix(&dst, &ipv6_hdr(p->skb)->daddr, len);
	else
		dst.s6_addr32[0] = ip_hdr(p->skb)->daddr & inet_make_mask(len);
	mcsec_key_of(key, &dst, p->v6, len);
}

/*
 * Return the next existing prefix of the destination, from bit *@bit on, or
 * NULL.
 */
static noinline struct mcsec_prefix *next_prefix(const struct mcsec_select *s,
						 const struct query *p,
						 unsigned int *bit)
{
	const struct mcsec_family *f = &s->family[p->v6];
	const unsigned int bits = p->v6 ? 128 : 32;
	struct mcsec_node *node;
	struct mcsec_key key;

	while ((*bit = find_next_bit(f->lens, bits + 1, *bit)) <= bits) {
		key_of_packet(&key, p, bits - (*bit)++);
		node = mcsec_table_find(s, &key, mcsec_table_params);
		if (node)
			return container_of(node, struct mcsec_prefix, node);
	}
	return NULL;
}

#define for_each_prefix(prefix, s, p, bit) \
	for (bit = 0; (prefix = next_prefix(s, p, &bit));)

#define for_each_candidate(c, prefix) \
	list_for_each_entry_rcu(c, &(prefix)->candidates, node)

static bool has_source(const struct mcsec_selector *sel, const struct query *p)
{
	if (!sel->src_len)
		return true;
	if (p->v6)
		return ipv6_prefix_equal(&ipv6_hdr(p->skb)->saddr, &sel->src,
					 sel->src_len);
	return (ip_hdr(p->skb)->saddr & inet_make_mask(sel->src_len)) ==
	       sel->src.s6_addr32[0];
}

static bool has_mark(const struct mcsec_candidate *c, const struct query *p)
{
	const struct mcsec_selector *sel = c->sel;

	if (c == p->own || !sel->mask)
		return true;
	return p->marks != MCSEC_MARKS_NONE &&
	       (p->skb->mark & sel->mask) == sel->mark;
}

/* Return true if the packet matches, apart from the payload. */
static bool has_headers(const struct mcsec_candidate *c, const struct query *p)
{
	return has_mark(c, p) && mcsec_candidate_has_dev(c, p->dev) &&
	       has_source(c->sel, p);
}

/*
 * Parse the payload once, and only if a selector needs it: there may be many
 * headers.
 */
static noinline void read_payload(struct query *p)
{
	unsigned int hlen, nhoff;
	int proto = mcsec_header_walk(p->skb,
				      p->v6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
				      &hlen, &nhoff);

	p->read = true;
	p->opaque |= proto < 0;
	if (p->opaque)
		return;
	p->proto = proto;
	p->ports = mcsec_ports(p->skb, proto, hlen);
}

static bool has_payload(const struct mcsec_selector *sel, const struct query *p)
{
	return p->proto == sel->proto &&
	       (!sel->sport || sel->sport == p->ports >> 16) &&
	       (!sel->dport || sel->dport == (p->ports & 0xffff));
}

/* Return true if the packet matches as far as can be told. */
static bool is_match(const struct mcsec_candidate *c, struct query *p)
{
	if (!has_headers(c, p))
		return false;
	if (c->sel->proto && !p->read && !p->opaque)
		read_payload(p);
	return !c->sel->proto || p->opaque || has_payload(c->sel, p);
}

/* Return true if a match may belong to a later candidate as well. */
static bool is_uncertain(const struct mcsec_candidate *c, const struct query *p)
{
	return (c->sel->proto && p->opaque) ||
	       (c->sel->mask && p->marks == MCSEC_MARKS_MAYBE);
}

/*
 * Set *@found, and return the first candidate that certainly matches, or NULL. Earlier
 * ones whose match is uncertain are in @found, too; later ones cannot have the packet.
 */
static const struct mcsec_candidate *
match_candidates(const struct mcsec_select *s, struct query *p,
		 struct mcsec_opaque *found)
{
	const struct mcsec_candidate *c;
	struct mcsec_prefix *prefix;
	unsigned int bit;

	*found = (struct mcsec_opaque){};
	for_each_prefix(prefix, s, p, bit) {
		for_each_candidate(c, prefix) {
			if (!is_match(c, p))
				continue;
			if (!READ_ONCE(c->observes))
				found->enforcing = true;
			if (is_uncertain(c, p)) {
				found->candidate = true;
				continue;
			}
			if (!found->candidate)
				found->group = c->group;
			found->candidate = true;
			return c;
		}
	}
	return NULL;
}

static noinline struct mcsec_opaque select_any(const struct mcsec_select *s,
					       const struct sk_buff *skb,
					       const struct net_device *dev,
					       bool v6, bool opaque,
					       enum mcsec_marks marks)
{
	struct query p = {
		.skb = skb,
		.dev = dev,
		.v6 = v6,
		.opaque = opaque,
		.marks = marks,
	};
	struct mcsec_opaque found;

	match_candidates(s, &p, &found);
	return found;
}

struct mcsec_opaque mcsec_lookup_opaque(const struct mcsec_select *s,
					const struct mcsec_pkt *pkt,
					const struct net_device *dev,
					enum mcsec_marks marks)
{
	return select_any(s, pkt->skb, dev, mcsec_pkt_is_ip6(pkt), true, marks);
}

/* ---- the group ---- */

static __always_inline struct mcsec_group *
select_group(const struct mcsec_select *s, const struct sk_buff *skb,
	     const struct net_device *dev, bool v6, enum mcsec_marks marks)
{
	struct mcsec_node *node = v6 ? find_address6(s, skb, 0, 0)
				     : find_address4(s, skb, 0, 0);
	const struct mcsec_prefix *prefix;
	struct mcsec_group *group;

	if (unlikely(!node)) {
		if (!READ_ONCE(s->family[v6].n_prefix_lens))
			return NULL;
	} else {
		prefix = container_of(node, struct mcsec_prefix, node);
		group = rcu_dereference(prefix->only);
		if (likely(group))
			return group;
	}
	return select_any(s, skb, dev, v6, false, marks).group;
}

static noinline __flatten struct mcsec_group *
select_group6(const struct mcsec_select *s, const struct sk_buff *skb,
	      const struct net_device *dev)
{
	return select_group(s, skb, dev, true, MCSEC_MARKS_MATCH);
}

/* IPv6 is out of line: it needs registers that IPv4 would have to save as well. */
__flatten struct mcsec_group *mcsec_select_group(const struct mcsec_select *s,
						 const struct mcsec_pkt *pkt,
						 const struct net_device *dev)
{
	return mcsec_pkt_is_ip6(pkt) ? select_group6(s, pkt->skb, dev)
				     : select_group(s, pkt->skb, dev, false,
						    MCSEC_MARKS_MATCH);
}

struct mcsec_group *mcsec_lookup_unmarked(const struct mcsec_select *s,
					  const struct mcsec_pkt *pkt,
					  const struct net_device *dev)
{
	return select_group(s, pkt->skb, dev, mcsec_pkt_is_ip6(pkt),
			    MCSEC_MARKS_NONE);
}

struct mcsec_group *mcsec_lookup_enforcing(const struct mcsec_select *s,
					   const struct mcsec_pkt *pkt,
					   const struct net_device *dev)
{
	struct query p = {
		.skb = pkt->skb,
		.dev = dev,
		.v6 = mcsec_pkt_is_ip6(pkt),
		.marks = MCSEC_MARKS_MAYBE,
	};
	const struct mcsec_candidate *c;
	struct mcsec_prefix *prefix;
	unsigned int bit;

	for_each_prefix(prefix, s, &p, bit) {
		for_each_candidate(c, prefix) {
			if (!is_match(c, &p))
				continue;
			if (!READ_ONCE(c->observes))
				return c->group;
			if (!is_uncertain(c, &p))
				return NULL;
		}
	}
	return NULL;
}

/* ---- unknown SPIs ---- */

/**
 * struct unknown_spi - the groups that ESP of an unknown SPI may be of
 * @note: called for some of them
 * @spi: the SPI
 * @n: how many there are, or 0 while they are counted
 * @first: number of the first one that is told
 */
struct unknown_spi {
	void (*note)(const struct mcsec_pkt *pkt, struct mcsec_group *group,
		     __be32 spi);
	__be32 spi;
	unsigned int n;
	unsigned int first;
};

/*
 * Return true if group number @i is among those drawn: MCSEC_UNKNOWN_PER_PACKET of them
 * from the first on, in a circle.
 */
static bool is_drawn(const struct unknown_spi *unknown, unsigned int i)
{
	if (i < unknown->first)
		i += unknown->n;
	return i - unknown->first < MCSEC_UNKNOWN_PER_PACKET;
}

/* Return how many groups there are, and tell those whose turn it is. */
static unsigned int walk_groups(const struct mcsec_select *s,
				const struct mcsec_pkt *pkt,
				const struct net_device *dev,
				const struct unknown_spi *unknown)
{
	const struct query p = {
		.skb = pkt->skb,
		.dev = dev,
		.v6 = mcsec_pkt_is_ip6(pkt),
	};
	const struct mcsec_candidate *c;
	struct mcsec_prefix *prefix;
	unsigned int bit, n = 0;

	for_each_prefix(prefix, s, &p, bit) {
		for_each_candidate(c, prefix) {
			if (!mcsec_candidate_has_dev(c, dev) ||
			    !has_source(c->sel, &p))
				continue;
			if (unknown->n && is_drawn(unknown, n))
				unknown->note(pkt, c->group, unknown->spi);
			n++;
			if (!c->sel->proto && !c->sel->mask)
				return n;
		}
	}
	return n;
}

void mcsec_lookup_unknown(const struct mcsec_select *s,
			  const struct mcsec_pkt *pkt,
			  const struct net_device *dev,
			  void (*note)(const struct mcsec_pkt *pkt,
				       struct mcsec_group *group, __be32 spi),
			  __be32 spi)
{
	struct unknown_spi unknown = { .note = note, .spi = spi };

	unknown.n = walk_groups(s, pkt, dev, &unknown);
	if (!unknown.n)
		return;
	/* The start is random, so that no sender can order packets such that some
	 * group is never notified.
	 */
	if (unknown.n > MCSEC_UNKNOWN_PER_PACKET)
		unknown.first = reciprocal_scale(get_random_u32(), unknown.n);
	walk_groups(s, pkt, dev, &unknown);
}

/* ---- the SA ---- */

/* Return true if @c takes all datagrams of the packet's addresses, by any device. */
static bool takes_all(const struct mcsec_candidate *c, const struct query *p)
{
	return !c->sel->proto && !c->sel->mask && !c->n_devs &&
	       has_source(c->sel, p);
}

/*
 * Return true if the packet's source, and its device if that is known, match @c.
 */
static bool may_own(const struct mcsec_candidate *c, const struct query *p)
{
	return has_source(c->sel, p) &&
	       (!p->dev || mcsec_candidate_has_dev(c, p->dev));
}

/*
 * Return the SA with the most specific source from @node on, where all have the
 * SPI and the destination. *@hidden is set if a more specific group takes all
 * datagrams of the source and has no such SA: it hides the SAs of wider groups,
 * whose members could otherwise send to it. A group that selects by more than
 * addresses hides none, because ESP does not show whose datagram is inside. That
 * is compared when it has been decrypted.
 */
static struct mcsec_node *most_specific(const struct mcsec_prefix *prefix,
					struct mcsec_node *node,
					const struct query *p, bool *hidden)
{
	const struct mcsec_candidate *c;
	struct mcsec_node *best = NULL;
	struct rhlist_head *pos;
	int len = -1;

	if (node) {
		rhl_for_each_entry_rcu(node, pos, &node->head, head) {
			c = node->owner;
			if (c->sel->src_len <= len || !may_own(c, p))
				continue;
			best = node;
			len = c->sel->src_len;
		}
	}
	for_each_candidate(c, prefix) {
		if (c->sel->src_len <= len)
			break;
		if (!takes_all(c, p))
			continue;
		*hidden = true;
		return NULL;
	}
	return best;
}

static noinline struct mcsec_node *select_any_sa(const struct mcsec_select *s,
						 const struct sk_buff *skb,
						 __be32 spi, bool v6,
						 const struct net_device *dev)
{
	const struct query p = { .skb = skb, .dev = dev, .v6 = v6 };
	struct mcsec_prefix *prefix;
	struct mcsec_node *node;
	struct mcsec_key key;
	bool hidden = false;
	unsigned int bit;

	for_each_prefix(prefix, s, &p, bit) {
		key = prefix->node.key;
		key.v4.dst |= MCSEC_KEY_SA;
		key.v4.spi = (__force u32)spi;
		node = mcsec_table_find(s, &key, mcsec_table_params);
		node = most_specific(prefix, node, &p, &hidden);
		if (node || hidden)
			return node;
	}
	return NULL;
}

struct mcsec_node *mcsec_lookup_sa(const struct mcsec_select *s,
				   const struct mcsec_pkt *pkt,
				   const struct net_device *dev, __be32 spi)
{
	return select_any_sa(s, pkt->skb, spi, mcsec_pkt_is_ip6(pkt), dev);
}

/*
 * Return the length of the source prefix of the most specific group that takes all
 * datagrams of the packet's addresses, or -1. It hides groups with shorter ones.
 */
static int taken_len(const struct mcsec_prefix *prefix, const struct query *p)
{
	const struct mcsec_candidate *c;

	for_each_candidate(c, prefix)
		if (takes_all(c, p))
			return c->sel->src_len;
	return -1;
}

void mcsec_lookup_each_sa(const struct mcsec_select *s,
			  const struct mcsec_pkt *pkt, __be32 spi,
			  bool (*fn)(struct mcsec_node *node, void *arg),
			  void *arg)
{
	const struct query p = { .skb = pkt->skb, .v6 = mcsec_pkt_is_ip6(pkt) };
	const struct mcsec_candidate *c;
	struct mcsec_prefix *prefix;
	struct rhlist_head *pos;
	struct mcsec_node *node;
	struct mcsec_key key;
	unsigned int bit;
	int len;

	for_each_prefix(prefix, s, &p, bit) {
		key = prefix->node.key;
		key.v4.dst |= MCSEC_KEY_SA;
		key.v4.spi = (__force u32)spi;
		node = mcsec_table_find(s, &key, mcsec_table_params);
		len = taken_len(prefix, &p);
		rhl_for_each_entry_rcu(node, pos, node ? &node->head : NULL,
				       head) {
			c = node->owner;
			if (c->sel->src_len >= len && has_source(c->sel, &p) &&
			    fn(node, arg))
				return;
		}
		if (len >= 0)
			return;
	}
}

static __always_inline struct mcsec_node *
select_sa(const struct mcsec_select *s, const struct sk_buff *skb, __be32 spi,
	  bool v6)
{
	const struct mcsec_family *f = &s->family[v6];
	struct mcsec_node *node;

	if (unlikely(READ_ONCE(f->n_src)))
		return select_any_sa(s, skb, spi, v6, NULL);
	node = v6 ? find_address6(s, skb, MCSEC_KEY_SA, spi)
		  : find_address4(s, skb, MCSEC_KEY_SA, spi);
	if (likely(node) || !READ_ONCE(f->n_prefix_lens))
		return node;
	return select_any_sa(s, skb, spi, v6, NULL);
}

static noinline __flatten struct mcsec_node *
select_sa6(const struct mcsec_select *s, const struct sk_buff *skb, __be32 spi)
{
	return select_sa(s, skb, spi, true);
}

__flatten struct mcsec_node *mcsec_select_sa(const struct mcsec_select *s,
					     const struct mcsec_pkt *pkt,
					     __be32 spi)
{
	return mcsec_pkt_is_ip6(pkt) ? select_sa6(s, pkt->skb, spi)
				     : select_sa(s, pkt->skb, spi, false);
}

struct mcsec_node *mcsec_select_sa_of(const struct mcsec_select *s,
				      const struct mcsec_candidate *c,
				      __be32 spi)
{
	const struct mcsec_selector *sel = c->sel;
	struct rhlist_head *pos;
	struct mcsec_node *node;
	struct mcsec_key key;

	mcsec_key_of(&key, &sel->dst, sel->family == AF_INET6, sel->dst_len);
	key.v4.dst |= MCSEC_KEY_SA;
	key.v4.spi = (__force u32)spi;
	node = mcsec_table_find(s, &key, mcsec_table_params);
	if (!node)
		return NULL;
	rhl_for_each_entry_rcu(node, pos, &node->head, head)
		if (node->owner == c)
			return node;
	return NULL;
}

/* ---- addresses alone ---- */

bool mcsec_lookup_dst(const struct mcsec_select *s, const struct sk_buff *skb,
		      bool v6)
{
	const struct query p = { .skb = skb, .v6 = v6 };
	unsigned int bit = 0;

	/* A prefix is there for as long as it has a candidate. */
	return next_prefix(s, &p, &bit);
}

/* ---- datagrams that an ICMP error quotes ---- */

/*
 * Return true if an error that leaves by p->dev, or by any device if that is
 * NULL, may quote a datagram of the group of @c. *@inside is set if it may be on
 * its way to a host inside. If the group selects by a mark or an interface, which
 * the error does not have, its addresses alone decide.
 */
static bool may_quote(const struct mcsec_candidate *c, struct query *p,
		      bool *inside)
{
	const struct mcsec_selector *sel = c->sel;
	bool any = c->hosts || !p->dev;

	if (!has_source(sel, p))
		return false;
	*inside = !any && !mcsec_candidate_has_dev(c, p->dev);
	if (*inside && !READ_ONCE(c->edged))
		return false;
	if (!sel->proto || sel->mask || (c->n_devs && any) || *inside)
		return true;
	if (!p->read && !p->opaque)
		read_payload(p);
	return p->opaque || has_payload(sel, p);
}

struct mcsec_group *mcsec_lookup_quoted(const struct mcsec_select *s,
					const struct mcsec_pkt *pkt,
					const struct net_device *dev,
					bool *inside)
{
	struct query p = {
		.skb = pkt->skb,
		.dev = dev,
		.v6 = mcsec_pkt_is_ip6(pkt),
		.opaque = pkt->next < 0,
	};
	struct mcsec_group *edged = NULL;
	const struct mcsec_candidate *c;
	struct mcsec_prefix *prefix;
	unsigned int bit;

	for_each_prefix(prefix, s, &p, bit) {
		for_each_candidate(c, prefix) {
			if (!may_quote(c, &p, inside))
				continue;
			if (!READ_ONCE(c->observes)) {
				if (!*inside)
					return c->group;
				edged = edged ?: c->group;
			}
			/* No group below has the datagram. */
			if (!c->sel->mask && !c->n_devs &&
			    !(c->sel->proto && p.opaque))
				goto out;
		}
	}
out:
	*inside = true;
	return edged;
}

/* ---- decrypted datagrams ---- */

bool mcsec_select_fits_slow(const struct mcsec_select *s,
			    const struct sk_buff *skb,
			    const struct net_device *dev,
			    const struct mcsec_candidate *own)
{
	/* The mark is not on the wire, so no other group has the datagram by
	 * its mark.
	 */
	struct query p = {
		.skb = skb,
		.dev = dev,
		.v6 = own->sel->family == AF_INET6,
		.marks = MCSEC_MARKS_NONE,
		.own = own,
	};
	struct mcsec_opaque found;

	/* A fragment, or headers without an end, may hide what IP would deliver
	 * without calling the hooks again, so an opaque datagram does not match.
	 */
	read_payload(&p);
	if (p.opaque)
		return false;
	return match_candidates(s, &p, &found) == own;
}
