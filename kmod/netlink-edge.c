// SPDX-License-Identifier: GPL-2.0-only
#include "netlink.h"
#include "compat.h"
#include "edge.h"
#include "edge-input.h"

#include <linux/file.h>
#include <linux/in.h>
#include <linux/inetdevice.h>
#include <linux/net.h>
#include <net/addrconf.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/netlink.h>
#include <net/route.h>
#include <net/sock.h>

static_assert((int)MCSEC_A_EDGE_GROUP == (int)MCSEC_A_SA_GROUP);

/* RFC 791 3.1: every host takes datagrams of so many octets. */
#define IPV4_LEAST_MTU 576
#define SENDER_ID_MAX ((1U << MCSEC_SID_BITS_MAX) - 1)

/* ---- the peer ---- */

static int check_peer4(struct genl_info *info, __be32 addr)
{
	struct net *net = genl_info_net(info);
	unsigned int type = inet_addr_type(net, addr);

	if (ipv4_is_multicast(addr))
		return refuse(info, MCSEC_A_EDGE_PEER, -EINVAL,
			      "peer is a multicast address: name one host, and use the group itself where there is multicast");
	if (ipv4_is_zeronet(addr) || ipv4_is_lbcast(addr) ||
	    type == RTN_BROADCAST)
		return refuse(info, MCSEC_A_EDGE_PEER, -EINVAL,
			      "peer is no address of one host: name another host");
	if (ipv4_is_loopback(addr) || type == RTN_LOCAL)
		return refuse(info, MCSEC_A_EDGE_PEER, -EINVAL,
			      "peer is an address of this host: name another host");
	return 0;
}

static int check_peer6(struct genl_info *info, const struct in6_addr *addr)
{
	struct net *net = genl_info_net(info);

	if (ipv6_addr_is_multicast(addr))
		return refuse(info, MCSEC_A_EDGE_PEER, -EINVAL,
			      "peer is a multicast address: name one host, and use the group itself where there is multicast");
	if (ipv6_addr_any(addr))
		return refuse(info, MCSEC_A_EDGE_PEER, -EINVAL,
			      "peer is no address of one host: name another host");
	if (ipv6_addr_v4mapped(addr))
		return refuse(info, MCSEC_A_EDGE_PEER, -EINVAL,
			      "peer is an IPv4 address in IPv6: write it as IPv4, 4 octets");
	if (ipv6_addr_loopback(addr) || ipv6_chk_addr(net, addr, NULL, 0))
		return refuse(info, MCSEC_A_EDGE_PEER, -EINVAL,
			      "peer is an address of this host: name another host");
	if (ipv6_addr_type(addr) & IPV6_ADDR_LINKLOCAL)
		return refuse(info, MCSEC_A_EDGE_PEER, -EINVAL,
			      "peer is a link-local address: name one of a larger scope");
	return 0;
}

/* Parse an address of 4 or 16 octets. */
static int parse_addr(struct genl_info *info, int attr, struct in6_addr *addr,
		      bool *v6)
{
	const struct nlattr *nla = info->attrs[attr];

	*v6 = nla_len(nla) == sizeof(struct in6_addr);
	if (!*v6 && nla_len(nla) != sizeof(struct in_addr))
		return refuse(info, attr, -EINVAL,
			      "an address must be 4 octets (IPv4) or 16 octets (IPv6) long");
	if (*v6 && !IS_ENABLED(CONFIG_IPV6))
		return refuse(info, attr, -EAFNOSUPPORT,
			      "the address is IPv6, but this kernel is built without IPv6");
	memset(addr, 0, sizeof(*addr));
	memcpy(addr, nla_data(nla), nla_len(nla));
	return 0;
}

static int parse_peer(struct genl_info *info, struct mcsec_edge_set *set)
{
	int err;

	if (info->attrs[MCSEC_A_EDGE_PEER]) {
		err = parse_addr(info, MCSEC_A_EDGE_PEER, &set->addr, &set->v6);
		if (!err)
			err = set->v6 ? check_peer6(info, &set->addr)
				      : check_peer4(info,
						    set->addr.s6_addr32[0]);
		if (err)
			return err;
	}
	if (info->attrs[MCSEC_A_EDGE_PEER_PORT]) {
		set->udp = nla_get_be16(info->attrs[MCSEC_A_EDGE_PEER_PORT]);
		if (!set->udp)
			return refuse(info, MCSEC_A_EDGE_PEER_PORT, -ERANGE,
				      "peer-port must not be 0");
	}
	return 0;
}

/* ---- other parameters ---- */

/* An attribute has the first Sender-ID in the high half, and the last in the low one. */
static int parse_ranges(struct genl_info *info, struct mcsec_edge_set *set)
{
	const struct nlattr *nla;
	struct mcsec_range *range;
	u32 both;
	int rem;

	if (!info->attrs[MCSEC_A_EDGE_SENDERS])
		return 0;
	set->n_ranges = 0;
	nlmsg_for_each_attr(nla, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(nla) != MCSEC_A_EDGE_SENDERS)
			continue;
		if (set->n_ranges == MCSEC_EDGE_RANGES_MAX)
			return refuse_nla(info->extack, nla, -E2BIG,
					  "an edge has at most 16 ranges of Sender-IDs");
		both = nla_get_u32(nla);
		range = &set->ranges[set->n_ranges++];
		range->first = both >> MCSEC_SID_BITS_MAX;
		range->last = both & SENDER_ID_MAX;
		if (range->first > range->last)
			return refuse_nla(info->extack, nla, -ERANGE,
					  "senders must begin with the smallest Sender-ID of a range");
	}
	return 0;
}

static int parse_set(struct genl_info *info, struct mcsec_edge_set *set)
{
	const struct nlattr *dir = info->attrs[MCSEC_A_EDGE_DIR];
	const struct nlattr *mtu = info->attrs[MCSEC_A_EDGE_MTU];
	unsigned int least;
	int err = parse_peer(info, set) ?: parse_ranges(info, set);

	if (err)
		return err;
	if (dir)
		set->dir = nla_get_u32(dir);
	if (!set->dir)
		return refuse(info, MCSEC_A_EDGE_DIR, -EINVAL,
			      "dir must be up, down or both");
	if (set->n_ranges && set->dir & MCSEC_EDGE_DIR_UP)
		return refuse(info, MCSEC_A_EDGE_SENDERS, -EINVAL,
			      "senders are for an edge that only leads down: all are taken from above");
	if (mtu)
		set->mtu = nla_get_u32(mtu);
	least = set->v6 ? IPV6_MIN_MTU : IPV4_LEAST_MTU;
	if (set->mtu && (set->mtu < least || set->mtu > IP_MAX_MTU))
		return refuse(info, MCSEC_A_EDGE_MTU, -ERANGE,
			      "mtu must be from 576 (IPv4) or 1280 (IPv6) to 65535");
	return 0;
}

static int parse_local(struct genl_info *info, struct mcsec_edge_config *config)
{
	bool v6;
	int err;

	if (!mcsec_nl_need(info, MCSEC_A_EDGE_LOCAL_PORT,
			   "local-port, or socket"))
		return -EINVAL;
	config->local_udp = nla_get_be16(info->attrs[MCSEC_A_EDGE_LOCAL_PORT]);
	if (!config->local_udp)
		return refuse(info, MCSEC_A_EDGE_LOCAL_PORT, -ERANGE,
			      "local-port must not be 0: the other host has to know it");
	if (!info->attrs[MCSEC_A_EDGE_LOCAL])
		return 0;
	err = parse_addr(info, MCSEC_A_EDGE_LOCAL, &config->local, &v6);
	if (err)
		return err;
	if (v6 != config->set.v6)
		return refuse(info, MCSEC_A_EDGE_LOCAL, -EINVAL,
			      "local and peer must be of the same address family");
	return 0;
}

/* Set config->sock, which holds a reference of its file. */
static int parse_socket(struct genl_info *info,
			struct mcsec_edge_config *config)
{
	struct net *net = genl_info_net(info);
	const struct sock *sk;
	int err = 0, fd;

	if (info->attrs[MCSEC_A_EDGE_LOCAL] ||
	    info->attrs[MCSEC_A_EDGE_LOCAL_PORT])
		return refuse(info, MCSEC_A_EDGE_SOCKET, -EINVAL,
			      "a socket has its own address: leave local and local-port out");
	fd = nla_get_u32(info->attrs[MCSEC_A_EDGE_SOCKET]);
	config->sock = sockfd_lookup(fd, &err);
	if (!config->sock)
		return refuse(info, MCSEC_A_EDGE_SOCKET, err,
			      "socket must be a file descriptor of a socket");
	sk = config->sock->sk;
	if (sk->sk_type != SOCK_DGRAM || sk->sk_protocol != IPPROTO_UDP ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6))
		return refuse(info, MCSEC_A_EDGE_SOCKET, -EINVAL,
			      "socket must be one of UDP");
	if (sock_net(sk) != net)
		return refuse(info, MCSEC_A_EDGE_SOCKET, -EINVAL,
			      "socket is of another network namespace");
	if (!inet_sk(sk)->inet_num)
		return refuse(info, MCSEC_A_EDGE_SOCKET, -EINVAL,
			      "socket must be bound to a port");
	return 0;
}

static int parse_edge(struct genl_info *info, struct mcsec_edge_config *config)
{
	const struct nlattr *dev = info->attrs[MCSEC_A_EDGE_DEV];
	int err;

	if (!mcsec_nl_need(info, MCSEC_A_EDGE_PEER, "peer") ||
	    !mcsec_nl_need(info, MCSEC_A_EDGE_PEER_PORT, "peer-port") ||
	    !mcsec_nl_need(info, MCSEC_A_EDGE_DIR, "dir"))
		return -EINVAL;
	if (!config->id)
		return refuse(info, MCSEC_A_EDGE_ID, -ERANGE,
			      "id must not be 0");
	err = parse_set(info, &config->set);
	if (err)
		return err;
	if (dev) {
		config->dev = nla_data(dev);
		if (!dev_valid_name(config->dev))
			return refuse(info, MCSEC_A_EDGE_DEV, -EINVAL,
				      "dev must be an interface name: 1 to 15 characters, no slash, colon or space");
	}
	config->rcv = mcsec_edge_input;
	return info->attrs[MCSEC_A_EDGE_SOCKET] ? parse_socket(info, config)
						: parse_local(info, config);
}

/* ---- edge-new ---- */

/*
 * Edges carry whole datagrams, and nothing but replay windows ends a loop of
 * them. Only by IVs does a host know its own datagrams, which a loop brings back.
 */
static int check_sas(struct genl_info *info, struct mcsec_group *group)
{
	const struct mcsec_sa *sa;

	hlist_for_each_entry(sa, &group->sas, node) {
		if (sa->mode != MCSEC_MODE_TUNNEL)
			return refuse(info, MCSEC_A_EDGE_GROUP, -EBUSY,
				      "the group has an SA in transport mode: edges need mode tunnel");
		if (sa->replay != MCSEC_REPLAY_IV)
			return refuse(info, MCSEC_A_EDGE_GROUP, -EBUSY,
				      "the group has an SA with replay seq or none: edges need replay iv, or datagrams would go round");
	}
	return 0;
}

static int refuse_edge(struct genl_info *info, int err)
{
	switch (err) {
	case 0:
		return 0;
	case -EEXIST:
		return refuse(info, MCSEC_A_EDGE_ID, err,
			      "the group has an edge of this id: use edge-set, or another id");
	case -ENOTUNIQ:
		return refuse(info, MCSEC_A_EDGE_PEER, err,
			      "an edge has this peer, peer-port and socket already: change that one, or use another port");
	case -ENOSPC:
		return refuse_nla(info->extack, NULL, err,
				  "a group has at most 4096 edges");
	case -EBUSY:
		return refuse(info, MCSEC_A_EDGE_SOCKET, err,
			      "socket belongs to another kind of tunnel: use one that only edges use");
	case -EADDRINUSE:
		return refuse(info, MCSEC_A_EDGE_LOCAL_PORT, err,
			      "a program has a socket with local and local-port: use another port, or that socket");
	case -EADDRNOTAVAIL:
		return refuse(info, MCSEC_A_EDGE_LOCAL, err,
			      "local is no address of this host");
	case -EAFNOSUPPORT:
		return refuse(info, MCSEC_A_EDGE_PEER, err,
			      "the edge's socket cannot send to an address of this family: use a socket of it");
	case -EOPNOTSUPP:
		return refuse_nla(info->extack, NULL, err,
				  "this kernel is built without CONFIG_NET_UDP_TUNNEL, which edges need");
	case -ENOMEM:
		return refuse_nla(info->extack, NULL, err, "out of memory");
	default:
		return refuse(info, MCSEC_A_EDGE_LOCAL, err,
			      "a socket with local and local-port cannot be made");
	}
}

/*
 * Lock a socket as lock_sock() does, but return false if somebody has it: a
 * program may sleep with it for as long as it wants. A request that waited would hold
 * generic netlink's cb_lock, and as soon as a module registered a family, each request
 * of each namespace would wait behind that. Keep this like lock_sock_nested().
 */
static bool try_lock_socket(struct sock *sk)
{
	bool locked;

	spin_lock_bh(&sk->sk_lock.slock);
	locked = !sock_owned_by_user_nocheck(sk);
	if (locked) {
		sk->sk_lock.owned = 1;
		mutex_acquire(&sk->sk_lock.dep_map, 0, 1, _RET_IP_);
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	return locked;
}

/* Add the edge of a request. A socket in it is locked. */
static int add_edge(struct genl_info *info,
		    const struct mcsec_edge_config *config)
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	struct mcsec_group *group;
	int err;

	mutex_lock(&mnet->lock);
	group = mcsec_nl_group(mnet, info->attrs, info->extack);
	err = group ? check_sas(info, group) : -ENOENT;
	if (!err)
		err = refuse_edge(info, mcsec_edge_new(group, config));
	mutex_unlock(&mnet->lock);
	return err;
}

/* The same for a socket that may be in use. */
static int add_edge_with_socket(struct genl_info *info, struct sock *sk,
				const struct mcsec_edge_config *config)
{
	int err;

	if (!try_lock_socket(sk))
		return refuse(info, MCSEC_A_EDGE_SOCKET, -EAGAIN,
			      "socket is in use by another thread or process, such as one that waits to send: try again");
	err = add_edge(info, config);
	release_sock(sk);
	return err;
}

int mcsec_nl_edge_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mcsec_edge_config *config;
	int err;

	if (!mcsec_nl_need(info, MCSEC_A_EDGE_GROUP, "group") ||
	    !mcsec_nl_need(info, MCSEC_A_EDGE_ID, "id"))
		return -EINVAL;
	config = kzalloc(sizeof(*config), GFP_KERNEL);
	if (!config)
		return refuse_nla(info->extack, NULL, -ENOMEM, "out of memory");
	config->id = nla_get_u32(info->attrs[MCSEC_A_EDGE_ID]);
	err = parse_edge(info, config);
	if (!err)
		err = config->sock
			      ? add_edge_with_socket(info, config->sock->sk,
						     config)
			      : add_edge(info, config);
	if (config->sock)
		sockfd_put(config->sock);
	kfree(config);
	return err;
}

/* ---- edge-set, edge-del ---- */

/* Call @act with mnet->lock held for the edge that a request names. */
static int act_on_edge(struct genl_info *info,
		       int (*act)(struct genl_info *info,
				  struct mcsec_edge *edge))
{
	struct mcsec_net *mnet = mcsec_net_of(genl_info_net(info));
	const struct nlattr *id;
	struct mcsec_group *group;
	struct mcsec_edge *edge;
	int err = -ENOENT;

	id = mcsec_nl_need(info, MCSEC_A_EDGE_ID, "id");
	if (!id || !mcsec_nl_need(info, MCSEC_A_EDGE_GROUP, "group"))
		return -EINVAL;
	mutex_lock(&mnet->lock);
	group = mcsec_nl_group(mnet, info->attrs, info->extack);
	edge = group ? mcsec_edge_of(group, nla_get_u32(id)) : NULL;
	if (edge)
		err = act(info, edge);
	else if (group)
		NL_SET_ERR_MSG_ATTR(info->extack, id,
				    "the group has no edge of this id");
	mutex_unlock(&mnet->lock);
	return err;
}

static int edge_set(struct genl_info *info, struct mcsec_edge *edge)
{
	struct mcsec_edge_set set = *mcsec_edge_params(edge);
	const struct nlattr *dir = info->attrs[MCSEC_A_EDGE_DIR];
	int err;

	/* The ranges belong to the direction. */
	if (dir && nla_get_u32(dir) & MCSEC_EDGE_DIR_UP)
		set.n_ranges = 0;
	err = parse_set(info, &set);
	return err ?: refuse_edge(info, mcsec_edge_change(edge, &set));
}

int mcsec_nl_edge_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return act_on_edge(info, edge_set);
}

static int edge_del(struct genl_info *info, struct mcsec_edge *edge)
{
	mcsec_edge_del(edge);
	return 0;
}

int mcsec_nl_edge_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return act_on_edge(info, edge_del);
}

/* ---- edge-get ---- */

static int fill_local(struct sk_buff *msg, const struct mcsec_port *port)
{
	if (!ipv6_addr_any(&port->local) &&
	    nla_put(msg, MCSEC_A_EDGE_LOCAL, port->v4 ? 4 : 16, &port->local))
		return -EMSGSIZE;
	return nla_put_be16(msg, MCSEC_A_EDGE_LOCAL_PORT, port->udp);
}

static int fill_set(struct sk_buff *msg, const struct mcsec_edge_set *set)
{
	unsigned int i;

	if (nla_put(msg, MCSEC_A_EDGE_PEER, set->v6 ? 16 : 4, &set->addr) ||
	    nla_put_be16(msg, MCSEC_A_EDGE_PEER_PORT, set->udp) ||
	    nla_put_u32(msg, MCSEC_A_EDGE_DIR, set->dir) ||
	    (set->mtu && nla_put_u32(msg, MCSEC_A_EDGE_MTU, set->mtu)))
		return -EMSGSIZE;
	for (i = 0; i < set->n_ranges; i++)
		if (nla_put_u32(msg, MCSEC_A_EDGE_SENDERS,
				set->ranges[i].first << MCSEC_SID_BITS_MAX |
					set->ranges[i].last))
			return -EMSGSIZE;
	return 0;
}

static int put_count(struct sk_buff *msg, int attr, u64 value)
{
	return nla_put_u64_64bit(msg, attr, value, MCSEC_A_EDGE_PAD);
}

static int fill_edge(struct sk_buff *msg, const void *object)
{
	const struct mcsec_edge *edge = object;
	struct mcsec_edge_cpu sum;

	mcsec_edge_counts(edge, &sum);
	if (nla_put_string(msg, MCSEC_A_EDGE_GROUP, edge->group->name) ||
	    nla_put_u32(msg, MCSEC_A_EDGE_ID, edge->id) ||
	    fill_local(msg, edge->port) ||
	    fill_set(msg, mcsec_edge_params(edge)) ||
	    (*edge->dev && nla_put_string(msg, MCSEC_A_EDGE_DEV, edge->dev)) ||
	    put_count(msg, MCSEC_A_EDGE_IN_PACKETS, sum.in_packets) ||
	    put_count(msg, MCSEC_A_EDGE_IN_BYTES, sum.in_bytes) ||
	    put_count(msg, MCSEC_A_EDGE_IN_DROPS, sum.in_drops) ||
	    put_count(msg, MCSEC_A_EDGE_OUT_PACKETS, sum.out_packets) ||
	    put_count(msg, MCSEC_A_EDGE_OUT_BYTES, sum.out_bytes) ||
	    put_count(msg, MCSEC_A_EDGE_OUT_DROPS, sum.out_drops))
		return -EMSGSIZE;
	return 0;
}

static int edge_get(struct genl_info *info, struct mcsec_edge *edge)
{
	return mcsec_nl_reply(info, fill_edge, edge);
}

int mcsec_nl_edge_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return act_on_edge(info, edge_get);
}

/*
 * Edges are listed in the order in which they were added, so one that exists
 * during the whole dump is shown exactly once.
 */
static void dump_edges(struct sk_buff *skb, struct netlink_callback *cb,
		       struct mcsec_group *group)
{
	struct mcsec_edge *edge;

	list_for_each_entry(edge, &group->edges, node) {
		if (edge->serial <= cb->args[0])
			continue;
		if (mcsec_nl_dump_one(skb, cb, MCSEC_CMD_EDGE_GET, fill_edge,
				      edge))
			break;
		cb->args[0] = edge->serial;
	}
}

int mcsec_nl_edge_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = mcsec_dump_attrs(cb);
	struct mcsec_net *mnet = mcsec_net_of(sock_net(skb->sk));
	struct mcsec_group *group;
	int err = -ENOENT;

	if (!attrs[MCSEC_A_EDGE_GROUP])
		return refuse_nla(cb->extack, NULL, -EINVAL,
				  "missing attribute: group names the group whose edges to list");
	mutex_lock(&mnet->lock);
	group = mcsec_nl_group(mnet, attrs, cb->extack);
	if (group) {
		dump_edges(skb, cb, group);
		err = skb->len;
	}
	mutex_unlock(&mnet->lock);
	return err;
}
