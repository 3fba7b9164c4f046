/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which group a datagram belongs to. A selector says what must be equal - so
 * many bits of the addresses, an interface, protocol, ports, bits of the
 * mark. Selectors that look at the same things have the same shape, and stand
 * in one hash table under what they look for; a datagram is looked up once for
 * each shape, the most specific first. So the cost grows with the number of
 * shapes (mostly one), not with that of groups.
 *
 * A second table has the addresses alone, below which an SA is found by its
 * SPI. A third has what selectors that look at protocol and ports look at
 * besides: it answers for what hides these, fragments and ESP of unknown keys.
 *
 * Changed under the namespace's lock, read by packets under RCU.
 */
#ifndef _MCSEC_SELECT_H
#define _MCSEC_SELECT_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable.h>
#include <linux/socket.h>
#include <linux/types.h>

#include "shape.h"

struct mcsec_group;
struct net;
struct net_device;
struct sk_buff;

/* Masked by the shape, 0 where the shape does not look. */
struct mcsec_key {
	u32 dst[4];
	u32 shape; /* id */
	u32 spi; /* of the table of SAs */
	u32 plain; /* what follows is 0 */
	u32 src[4];
	u32 ifindex;
	u32 mark;
	u32 ports;
	u32 proto;
};

/* In a table. */
struct mcsec_node {
	struct rhash_head head;
	struct mcsec_key key;
};

/**
 * struct mcsec_addr - the addresses of some groups
 * @node: in a table
 * @refs: groups that select by exactly these addresses
 * @firm: those of them that select whatever comes through any interface with
 *	any mark
 * @loose: places of those whose datagrams an error does not show to be theirs
 */
struct mcsec_addr {
	struct mcsec_node node;
	unsigned int refs;
	unsigned int firm;
	struct hlist_head loose;
	struct rcu_head rcu;
};

/**
 * struct mcsec_part - what is left of selectors if protocol and ports are hidden
 * @node: in a table
 * @refs: places of groups, all of one shape
 * @strict: those of groups that enforce
 */
struct mcsec_part {
	struct mcsec_node node;
	unsigned int refs;
	unsigned int strict;
	struct rcu_head rcu;
};

/* A group's place in the table, one for each of its interfaces. */
struct mcsec_sel {
	struct mcsec_node node;
	struct mcsec_group *group;
	struct hlist_node by_name; /* of those with an interface */
	struct hlist_node by_dev; /* while the interface is there */
	struct hlist_node by_addr; /* of those in mcsec_addr.loose */
	struct mcsec_part *part; /* of a protocol's, while in the table */
	const void *of; /* the interface, to be compared only */
	u16 family;
	bool in_table; /* the interface is there */
	bool observes; /* refuses nothing */
	bool hosts; /* is not a gateway's: it has no inside */
	char dev[IFNAMSIZ];
	struct rcu_head rcu; /* of the array's first */
};

/* Of a family. */
struct mcsec_tables {
	struct rhashtable sels;
	struct rhashtable sas;
	struct rhashtable addrs;
	struct rhashtable parts;
	struct mcsec_shapes __rcu *shapes; /* of sels and parts */
	struct mcsec_shapes __rcu *prefixes; /* of sas and addrs */
};

/* Groups' interfaces: a namespace may have millions, each of which it is told. */
#define MCSEC_DEV_BITS 10

/**
 * struct mcsec_devs - places of groups that name an interface
 * @by_name: all, hashed by its name
 * @by_dev: those whose interface is there, hashed by it
 * @seed: who may make groups picks the names
 */
struct mcsec_devs {
	struct hlist_head by_name[1 << MCSEC_DEV_BITS];
	struct hlist_head by_dev[1 << MCSEC_DEV_BITS];
	u32 seed;
};

/**
 * struct mcsec_select - the selectors of a network namespace
 * @v4: of IPv4
 * @v6: of IPv6
 * @devs: from the first group that names an interface on
 * @n_devs: places in @devs, or about to be; read without the lock
 * @shape_ids: last id of a shape
 * @net: the namespace
 */
struct mcsec_select {
	struct mcsec_tables v4;
	struct mcsec_tables v6;
	struct mcsec_devs *devs;
	unsigned int n_devs;
	u32 shape_ids;
	struct net *net;
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

/* Whether addresses are all that any group of @t looks at, equally many. */
static inline bool mcsec_select_plain(const struct mcsec_tables *t)
{
	const struct mcsec_shapes *shapes = rcu_dereference(t->shapes);

	return likely(shapes && shapes->n == 1 && shapes->shape[0].plain);
}

bool mcsec_select_fits_slow(const struct mcsec_tables *t,
			    const struct sk_buff *skb,
			    const struct net_device *dev,
			    const struct mcsec_group *group,
			    const struct mcsec_selector *sel,
			    const struct mcsec_sel *own);

/*
 * Whether the clear datagram @skb, which came as ESP of @group by @dev, may be
 * of it: its selector says so, but for the mark, which is not on the wire, and
 * no group that is more specific does.
 */
static inline bool
mcsec_select_fits(const struct mcsec_select *s, const struct sk_buff *skb,
		  const struct net_device *dev, const struct mcsec_group *group,
		  const struct mcsec_selector *sel, const struct mcsec_sel *own)
{
	const struct mcsec_tables *t = sel->family == AF_INET ? &s->v4 : &s->v6;

	return mcsec_select_plain(t) ||
	       mcsec_select_fits_slow(t, skb, dev, group, sel, own);
}

/* ---- changes: the namespace's lock ---- */

/*
 * Let @group, which @observes and may be one that @hosts have and no gateway,
 * be found by @sel. *@sels becomes an array of as many as it has interfaces, but
 * one at least, and *@addr what its SAs are found below.
 * Returns 0, -EEXIST if another group has the same selector, -E2BIG if there
 * are too many shapes, -ENOTUNIQ if an interface has that as an alternative name
 * only, -EOPNOTSUPP if it is a VRF, -ENOMEM. Packets find it on return.
 */
int mcsec_select_add(struct mcsec_select *s, struct mcsec_group *group,
		     const struct mcsec_selector *sel, bool observes,
		     bool hosts, struct mcsec_sel **sels,
		     struct mcsec_addr **addr);

/* Whether the group of @sels, which @sel got, observes from now on. */
void mcsec_select_observe(const struct mcsec_selector *sel,
			  struct mcsec_sel *sels, bool observes);

/*
 * Undo it. SAs that are still below @addr are not found any more. @sels is the
 * caller's now, to be freed after a grace period.
 */
void mcsec_select_del(struct mcsec_select *s, const struct mcsec_selector *sel,
		      struct mcsec_sel *sels, struct mcsec_addr *addr);

/*
 * Enter an SA below @addr. Returns 0, -EEXIST if the SPI is taken there, or
 * -ENOMEM.
 */
int mcsec_select_sa_add(struct mcsec_select *s, u16 family,
			const struct mcsec_addr *addr, struct mcsec_node *node,
			__be32 spi);
void mcsec_select_sa_del(struct mcsec_select *s, u16 family,
			 struct mcsec_node *node);

/*
 * Whether any group names an interface, or looks for one right now. For who has
 * changed the namespace's interfaces, without the lock: a group that is not seen
 * here sees the change.
 */
static inline bool mcsec_select_has_devs(const struct mcsec_select *s)
{
	/* Pairs with enter(). */
	smp_mb();
	return READ_ONCE(s->n_devs);
}

/*
 * @dev has come, got another name, is about to be used, or is @gone. Returns 0
 * or -errno: an interface that could not be entered must not be, or be used.
 */
int mcsec_select_dev(struct mcsec_select *s, const struct net_device *dev,
		     bool gone);

int mcsec_select_init(struct mcsec_select *s, struct net *net);
/* Nothing is in it any more. */
void mcsec_select_exit(struct mcsec_select *s);

#endif /* _MCSEC_SELECT_H */
