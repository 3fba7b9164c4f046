/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Edges: unicast paths over UDP (RFC 3948) to other hosts of a group, with the
 * same ESP in tunnel mode that the group has natively. What the host sends to
 * the group goes by each edge as well, and what it receives is sent on by the others.
 * Edges lead up, to a host nearer to the root of a tree, or down (enum mcsec_edge_dir):
 * a datagram comes from below by an edge that leads down, or natively.
 *
 * A port is a UDP socket with edges. A path is where an edge leads to; a change
 * of the edge replaces its path by one store. All of it is changed under the
 * lock of the namespace, and read by packets under RCU.
 */
#ifndef _MCSEC_EDGE_H
#define _MCSEC_EDGE_H

#include <linux/in6.h>
#include <linux/jump_label_ratelimit.h>
#include <linux/list.h>
#include <linux/rhashtable.h>
#include <net/dst_cache.h>
#include <uapi/linux/mcsec.h>

#include "group.h"

#define MCSEC_EDGES_MAX 4096 /* edges of a group */

struct mcsec_pkt;

/*
 * The function that takes packets from a port's socket: mcsec_edge_input(), which
 * edge.c gets handed over, because the packet path lies above it.
 */
typedef int mcsec_edge_rcv(struct sock *sk, struct sk_buff *skb);

/**
 * struct mcsec_port - a UDP socket with edges
 * @mnet: the namespace
 * @sk: the socket, held
 * @local: address that the socket was bound to, as in struct mcsec_edge_key; the
 *	program may change its socket later
 * @v4: @local is an IPv4 address, or any of IPv4
 * @udp: port that the socket is bound to
 * @made: the kernel made the socket, at a request without one
 * @rcv: takes the packets of the socket
 * @users: edges with the port
 * @node: in mnet->ports
 * @rcu: to free the port
 */
struct mcsec_port {
	struct mcsec_net *mnet;
	struct sock *sk;
	struct in6_addr local;
	__be16 udp;
	bool v4;
	bool made;
	mcsec_edge_rcv *rcv;
	unsigned int users;
	struct list_head node;
	struct rcu_head rcu;
};

/**
 * struct mcsec_edge_key - the port and the source that a packet of an edge has
 * @port: the port
 * @addr: address of the peer; IPv4 uses s6_addr32[0], and the rest is 0
 * @udp: UDP port of the peer
 * @v6: the address is IPv6
 * @unused: 0; the key is hashed and compared as octets, so it has no padding
 */
struct mcsec_edge_key {
	struct mcsec_port *port;
	struct in6_addr addr;
	__be16 udp;
	u16 v6;
	u32 unused;
};

/* A range of Sender-IDs, both ends included. */
struct mcsec_range {
	u16 first;
	u16 last;
};

/**
 * struct mcsec_edge_set - parameters of an edge that can be changed
 * @addr: as in struct mcsec_edge_key, like @udp and @v6
 * @dir: bits of enum mcsec_edge_dir
 * @mtu: largest datagram outside, or 0
 * @n_ranges: length of @ranges
 * @ranges: Sender-IDs that are taken from a host below
 */
struct mcsec_edge_set {
	struct in6_addr addr;
	__be16 udp;
	bool v6;
	u32 dir;
	u32 mtu;
	unsigned int n_ranges;
	struct mcsec_range ranges[MCSEC_EDGE_RANGES_MAX];
};

/**
 * struct mcsec_path - where an edge leads
 * @node: node in the table of paths
 * @key: key of the table
 * @edge: the edge
 * @set: the parameters
 * @route: route to the peer
 * @home: route to the group, whose device is where datagrams arrive
 * @rcu: to free the path
 */
struct mcsec_path {
	struct rhash_head node;
	struct mcsec_edge_key key;
	struct mcsec_edge *edge;
	struct mcsec_edge_set set;
	struct dst_cache route;
	struct dst_cache home;
	struct rcu_head rcu;
};

/*
 * Counters of an edge on one CPU. Octets are those of ESP, without the headers outside;
 * drops are what came by the edge, and copies that did not leave, for any reason.
 */
struct mcsec_edge_cpu {
	u64 in_packets;
	u64 in_bytes;
	u64 in_drops;
	u64 out_packets;
	u64 out_bytes;
	u64 out_drops;
};

/**
 * struct mcsec_edge - an edge of a group
 * @node: in group->edges; mnet->lock and RCU
 * @path: where it leads; mnet->lock and RCU
 * @group: the group, valid while an SA or RCU holds it
 * @port: the port
 * @cpu: per-CPU counters
 * @id: number of the edge in its group
 * @serial: order of creation among the group's edges, from 1
 * @dev: interface by which datagrams arrive, or ""
 * @refs: one for the list, and one for each datagram that an asynchronous
 *	cipher has
 * @rcu: to free the edge
 */
struct mcsec_edge {
	struct list_head node;
	struct mcsec_path __rcu *path;
	struct mcsec_group *group;
	struct mcsec_port *port;
	struct mcsec_edge_cpu __percpu *cpu;
	u32 id;
	long serial;
	char dev[IFNAMSIZ];
	refcount_t refs;
	struct rcu_head rcu;
};

/**
 * struct mcsec_edge_config - checked parameters of a new edge
 * @id: number
 * @dev: interface by which datagrams arrive, or NULL
 * @set: the parameters that can be changed later
 * @local: address of a socket to make
 * @local_udp: port of a socket to make
 * @sock: the socket of the request, or NULL
 * @rcv: takes the packets of the socket
 */
struct mcsec_edge_config {
	u32 id;
	const char *dev;
	struct mcsec_edge_set set;
	struct in6_addr local;
	__be16 local_udp;
	struct socket *sock;
	mcsec_edge_rcv *rcv;
};

/* ---- the packet path: RCU ---- */

/*
 * True while any group of any namespace has an edge, and for a second longer: any
 * user can add and delete edges, and each change patches the kernel's text.
 */
extern struct static_key_false_deferred mcsec_edges_exist;

static inline bool mcsec_group_has_edges(const struct mcsec_group *group)
{
	return static_branch_unlikely(&mcsec_edges_exist.key) &&
	       !list_empty(&group->edges);
}

/*
 * Return the path of the edge that @skb came by, or NULL. The transport header
 * of @skb is that of UDP.
 */
struct mcsec_path *mcsec_path_find(struct mcsec_port *port,
				   const struct sk_buff *skb);

/* Return true if the edge of @path takes datagrams of the Sender-ID. */
static inline bool mcsec_path_admits(const struct mcsec_path *path, u32 sid)
{
	const struct mcsec_edge_set *set = &path->set;
	unsigned int i;

	if (set->dir & MCSEC_EDGE_DIR_UP)
		return true;
	for (i = 0; i < set->n_ranges; i++)
		if (sid >= set->ranges[i].first && sid <= set->ranges[i].last)
			return true;
	return false;
}

/*
 * Take a reference for a datagram in an asynchronous cipher, and put it before that of
 * the datagram's SA, which keeps edge->group. Accepts NULL. Returns @edge, or NULL if
 * the edge was deleted since the datagram found it.
 */
static inline struct mcsec_edge *mcsec_edge_hold(struct mcsec_edge *edge)
{
	return edge && refcount_inc_not_zero(&edge->refs) ? edge : NULL;
}

void mcsec_edge_put(struct mcsec_edge *edge);

/* ---- changes: the caller holds mnet->lock ---- */

/* Return the edge, or NULL. */
struct mcsec_edge *mcsec_edge_of(struct mcsec_group *group, u32 id);

/*
 * Add an edge. Returns 0, -EEXIST if the group has an edge of the id, -ENOTUNIQ
 * if an edge has the peer and the socket, -ENOSPC at the limit, -EBUSY if the
 * socket is another tunnel's, -EADDRINUSE or -EADDRNOTAVAIL if a socket cannot
 * be made, -EAFNOSUPPORT if the socket cannot send to the peer, -EOPNOTSUPP if
 * the kernel has no UDP tunnels, or -ENOMEM. The caller has locked @config->sock, if
 * there is one, before mnet->lock.
 */
int mcsec_edge_new(struct mcsec_group *group,
		   const struct mcsec_edge_config *config);
/* Change an edge. Returns 0, -ENOTUNIQ, -EAFNOSUPPORT or -ENOMEM as above. */
int mcsec_edge_change(struct mcsec_edge *edge,
		      const struct mcsec_edge_set *set);
void mcsec_edge_del(struct mcsec_edge *edge);

/* Return the parameters of the edge. */
const struct mcsec_edge_set *mcsec_edge_params(const struct mcsec_edge *edge);
/* Sums of the per-CPU counters. */
void mcsec_edge_counts(const struct mcsec_edge *edge,
		       struct mcsec_edge_cpu *sum);

void mcsec_edge_net_init(struct mcsec_net *mnet);
/* The namespace has no edges any more. Needs no lock; may sleep. */
void mcsec_edge_net_exit(struct mcsec_net *mnet);

int mcsec_edge_init(void);
void mcsec_edge_exit(void);

#endif /* _MCSEC_EDGE_H */
