/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which group a datagram belongs to. One hash table has the destination
 * prefixes that groups select by, each with its candidates: the groups that
 * select by it, in the order in which they are asked, the most specific first. A
 * datagram is looked up once for each length of prefix that is in use, the
 * longest first, and then compared with the candidates by what else they select
 * by. So the cost does not grow with groups of other addresses.
 *
 * A datagram is opaque if its payload cannot be read: a fragment, ESP of an
 * unknown key, more headers than are walked. It may belong to any candidate that
 * selects by the payload and fits otherwise.
 *
 * SAs stand in the same table, under the prefix and their SPI.
 *
 * Changed under the namespace's lock, read by packets under RCU.
 */
#ifndef _MCSEC_SELECT_H
#define _MCSEC_SELECT_H

#include <linux/bitmap.h>
#include <linux/in6.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/socket.h>
#include <linux/types.h>

#include "dev.h"

/*
 * Who may send a datagram makes the receiver ask so many candidates of so many
 * prefixes, for anybody may be who made them, in a namespace of his own.
 */
#define MCSEC_CANDIDATES_MAX 512 /* of a prefix, each interface counts as one */
#define MCSEC_SHORT_MAX 15 /* lengths of prefixes, beside whole addresses */

struct mcsec_group;
struct sk_buff;

/**
 * struct mcsec_selector - what a group selects
 * @family: AF_INET or AF_INET6
 * @dst_len: bits of @dst, 32 or 128 for an address
 * @src_len: bits of @src, 0 for any
 * @proto: of the payload, 0 for any
 * @sport: source port, 0 for any; host byte order
 * @dport: destination port
 * @mark: with @mask, of skb->mark; @mask is 0 for any
 * @mask: bits of the mark
 * @dst: address; s6_addr32[0] of an IPv4 group
 * @src: the same
 * @n_devs: length of @devs, 0 for any interface
 * @devs: their names
 */
struct mcsec_selector {
	u16 family;
	u8 dst_len;
	u8 src_len;
	u8 proto;
	u16 sport;
	u16 dport;
	u32 mark;
	u32 mask;
	struct in6_addr dst;
	struct in6_addr src;
	unsigned int n_devs;
	const char (*devs)[IFNAMSIZ];
};

/**
 * struct mcsec_key4 - what is looked for in the table, of IPv4
 * @dst: family, length and first word of the prefix, see mcsec_key_dst()
 * @spi: of an SA, network byte order; 0 of a prefix
 */
struct mcsec_key4 {
	u64 dst;
	u32 spi;
};

/**
 * struct mcsec_key - what is looked for in the table, of either family
 * @v4: all of IPv4
 * @more: of IPv6 the other words; 0 of IPv4
 */
struct mcsec_key {
	struct mcsec_key4 v4;
	u32 more[3];
};

/**
 * struct mcsec_node - an entry of the table
 * @head: SAs of groups that differ by the source may have one key
 * @key: where it stands
 * @owner: of an SA: its group's
 */
struct mcsec_node {
	struct rhlist_head head;
	struct mcsec_key key;
	const struct mcsec_candidate *owner;
};

/**
 * struct mcsec_prefix - the groups that select by a destination prefix
 * @node: in the table
 * @only: the group, if there is one and it takes whatever has the prefix; or
 *	NULL
 * @candidates: the groups, by falling rank
 * @n: as many candidates as MCSEC_CANDIDATES_MAX counts
 * @rcu: frees it
 */
struct mcsec_prefix {
	struct mcsec_node node;
	struct mcsec_group __rcu *only;
	struct list_head candidates;
	unsigned int n;
	struct rcu_head rcu;
};

/* The rank of a group that takes all datagrams to its prefix. */
#define MCSEC_RANK_ANY U32_MAX

/**
 * struct mcsec_candidate - a group among those of its prefix
 * @node: in prefix->candidates
 * @rank: how specific it is beside its prefix, more is more; of two with the
 *	same rank no mask differs
 * @group: the group
 * @sel: what it selects
 * @prefix: its prefix, while it is there; of no interest to packets
 * @observes: the group refuses nothing
 * @hosts: it is not a gateway's: it has no inside
 * @n_devs: length of @devs
 * @devs: the interfaces that @sel names
 */
struct mcsec_candidate {
	struct list_head node;
	u64 rank;
	struct mcsec_group *group;
	const struct mcsec_selector *sel;
	struct mcsec_prefix *prefix;
	bool observes;
	bool hosts;
	unsigned int n_devs;
	struct mcsec_dev **devs;
};

/* Lengths of prefixes, as bits: that of bit 0 is 32, or 128 of IPv6. */
#define MCSEC_LEN_BITS 129

/**
 * struct mcsec_family - what the groups of an address family select by
 * @lens: lengths of prefixes
 * @users: prefixes of each length
 * @n_short: lengths that are in use, but that of addresses
 * @n_other: groups that select by anything but an address
 * @n_src: those of them that select by the source
 * @n_proto: by the payload
 */
struct mcsec_family {
	DECLARE_BITMAP(lens, MCSEC_LEN_BITS);
	unsigned int users[MCSEC_LEN_BITS];
	unsigned int n_short;
	unsigned int n_other;
	unsigned int n_src;
	unsigned int n_proto;
};

/**
 * struct mcsec_select - the selectors of a network namespace
 * @v4: of IPv4
 * @v6: of IPv6
 * @table: prefixes and SAs of both
 * @devs: interfaces that groups name
 */
struct mcsec_select {
	struct mcsec_family v4;
	struct mcsec_family v6;
	struct rhltable table;
	struct mcsec_devs devs;
};

/* ---- the packet path: RCU; skb->data is at the IP header ---- */

/*
 * The group that @skb belongs to by all that can be seen of it, if it comes or
 * goes through @dev; or NULL.
 */
struct mcsec_group *mcsec_select4(const struct mcsec_select *s,
				  const struct sk_buff *skb,
				  const struct net_device *dev);
struct mcsec_group *mcsec_select6(const struct mcsec_select *s,
				  const struct sk_buff *skb,
				  const struct net_device *dev);

/*
 * The SA's node under @spi of the most specific groups that have the
 * addresses of @skb, or NULL.
 */
struct mcsec_node *mcsec_select_sa4(const struct mcsec_select *s,
				    const struct sk_buff *skb, __be32 spi);
struct mcsec_node *mcsec_select_sa6(const struct mcsec_select *s,
				    const struct sk_buff *skb, __be32 spi);

/* Whether any group has the addresses of @skb, whatever else it selects by. */
bool mcsec_select_addrs4(const struct mcsec_select *s,
			 const struct sk_buff *skb);
bool mcsec_select_addrs6(const struct mcsec_select *s,
			 const struct sk_buff *skb);

/*
 * The group that enforces and may have had what an error quotes, by its
 * addresses: an error has a mark of its own, and leaves by where its receiver
 * is. Only what a gateway says by other interfaces than its group's is for
 * hosts inside. Asked after mcsec_select4(), of groups that select by mark or
 * interface; or NULL.
 */
struct mcsec_group *mcsec_select_quoted4(const struct mcsec_select *s,
					 const struct sk_buff *skb,
					 const struct net_device *dev);
struct mcsec_group *mcsec_select_quoted6(const struct mcsec_select *s,
					 const struct sk_buff *skb,
					 const struct net_device *dev);

/**
 * struct mcsec_opaque - whose a datagram may be whose payload cannot be read
 * @group: it is this group's for certain, for none is asked before it; or NULL
 * @candidate: it may be of a group
 * @enforcing: it may be of one that enforces. Not to be asked again: policies
 *	change.
 */
struct mcsec_opaque {
	struct mcsec_group *group;
	bool candidate;
	bool enforcing;
};

/* Of @skb, of which addresses, mark and @dev are all that can be relied on. */
struct mcsec_opaque mcsec_select_opaque4(const struct mcsec_select *s,
					 const struct sk_buff *skb,
					 const struct net_device *dev);
struct mcsec_opaque mcsec_select_opaque6(const struct mcsec_select *s,
					 const struct sk_buff *skb,
					 const struct net_device *dev);

/* Whether any group of the family selects by the payload. */
static inline bool mcsec_select_reads(const struct mcsec_family *f)
{
	return unlikely(READ_ONCE(f->n_proto));
}

/* Whether what goes through @dev may be of the candidate's group. */
static inline bool mcsec_candidate_has_dev(const struct mcsec_candidate *c,
					   const struct net_device *dev)
{
	unsigned int i;

	for (i = 0; i < c->n_devs; i++)
		if (dev && READ_ONCE(c->devs[i]->ifindex) == dev->ifindex)
			return true;
	return !c->n_devs;
}

bool mcsec_select_fits_slow(const struct mcsec_select *s,
			    const struct sk_buff *skb,
			    const struct net_device *dev,
			    const struct mcsec_candidate *own);

/*
 * Whether the clear datagram @skb, which came by @dev as ESP of the group of
 * @own, may be of it: its selector says so, but for the mark, which is not on
 * the wire, and no group that is more specific does. The group may have been
 * deleted.
 */
static inline bool mcsec_select_fits(const struct mcsec_select *s,
				     const struct sk_buff *skb,
				     const struct net_device *dev,
				     const struct mcsec_candidate *own)
{
	const struct mcsec_family *f = own->sel->family == AF_INET ? &s->v4
								   : &s->v6;

	/* Then there is one group for each address, and the key was its. */
	if (likely(!READ_ONCE(f->n_other)))
		return true;
	return mcsec_select_fits_slow(s, skb, dev, own);
}

/* ---- changes: the namespace's lock ---- */

/*
 * Let @c, of which group, sel, observes and hosts are set, and devs has room
 * for the interfaces that @sel names, be found by packets: they find it on
 * return. Returns 0, -EEXIST if another group selects the same, -E2BIG if the
 * prefix has too many groups, -EMLINK if there are too many lengths of prefixes,
 * -ENOTUNIQ and -EOPNOTSUPP as mcsec_dev_get() does, -ENOMEM.
 */
int mcsec_select_add(struct mcsec_select *s, struct mcsec_candidate *c);

/* Whether the group of @c observes from now on. */
void mcsec_select_observe(struct mcsec_candidate *c, bool observes);

/*
 * Undo it; packets may look at @c for a grace period longer. SAs are still
 * found, and mcsec_select_put() is to be called.
 */
void mcsec_select_del(struct mcsec_select *s, struct mcsec_candidate *c);

/* No SA of the group of @c is used any more: let go of its interfaces. */
void mcsec_select_put(struct mcsec_select *s, struct mcsec_candidate *c);

/*
 * Enter an SA of the group of @c. Returns 0, -EEXIST if the SPI is taken by a
 * group with its addresses, or -ENOMEM.
 */
int mcsec_select_sa_add(struct mcsec_select *s, const struct mcsec_candidate *c,
			struct mcsec_node *node, __be32 spi);
void mcsec_select_sa_del(struct mcsec_select *s, struct mcsec_node *node);

/* Of the namespace @net, from its first group on. NULL without memory. */
struct mcsec_select *mcsec_select_create(struct net *net);
/* Nothing is in it any more. */
void mcsec_select_destroy(struct mcsec_select *s);

#endif /* _MCSEC_SELECT_H */
