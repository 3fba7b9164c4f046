/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a selector wants to be equal, and what kinds of such wishes a network
 * namespace has, in the order in which they are asked: the longest destination
 * prefix first, then the longest source prefix, an interface, a protocol, more
 * of the ports, more of the mark.
 */
#ifndef _MCSEC_SHAPE_H
#define _MCSEC_SHAPE_H

#include <linux/if.h>
#include <linux/in6.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#define MCSEC_SHAPES_MAX 64 /* of each family and table */

/**
 * struct mcsec_selector - what a group selects
 * @family: AF_INET or AF_INET6
 * @dst_len: bits of @dst, 32 or 128 for an address
 * @src_len: bits of @src, 0 for any
 * @proto: of the payload, 0 for any
 * @sport: source port, 0 for any; host byte order
 * @dport: destination port
 * @mark: with @mask, of skb->mark; @mask is 0 for any
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
 * struct mcsec_shape - what selectors look at
 * @dst_mask: bits of the destination, network byte order
 * @id: unique in a namespace, not 0
 * @plain: nothing but the destination
 * @src_mask: bits of the source
 * @mark_mask: bits of the mark
 * @ports_mask: source port in the upper half, destination port in the lower
 * @proto_mask: 0xff or 0
 * @dst_len: length of @dst_mask
 * @src_len: length of @src_mask
 * @dev: the interface
 * @users: selectors, of no interest to packets
 */
struct mcsec_shape {
	u32 dst_mask[4];
	u32 id;
	u32 plain;
	u32 src_mask[4];
	u32 mark_mask;
	u32 ports_mask;
	u8 proto_mask;
	u8 dst_len;
	u8 src_len;
	bool dev;
	unsigned int users;
};

/* The most specific first. Replaced as a whole. */
struct mcsec_shapes {
	struct rcu_head rcu;
	unsigned int n;
	struct mcsec_shape shape[];
};

#define mcsec_shapes_held(list) rcu_dereference_protected(list, true)

void mcsec_shape_of(const struct mcsec_selector *sel,
		    struct mcsec_shape *shape);
/* Of its addresses alone. */
void mcsec_shape_of_addrs(const struct mcsec_selector *sel,
			  struct mcsec_shape *shape);

/*
 * Enter @want into *@list, which the caller's lock protects, or use it once
 * more. Returns its id, made from *@ids, or 0: *@err is then -E2BIG or
 * -ENOMEM.
 */
u32 mcsec_shape_get(struct mcsec_shapes __rcu **list,
		    const struct mcsec_shape *want, u32 *ids, int *err);
void mcsec_shape_put(struct mcsec_shapes __rcu **list, u32 id);

#endif /* _MCSEC_SHAPE_H */
