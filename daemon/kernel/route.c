// SPDX-License-Identifier: Apache-2.0
#include "kernel/route.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/vrf.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <string.h>

struct route_answer {
	struct route route;
	int error;
};

static int on_route(struct nl_msg *msg, void *arg)
{
	struct route_answer *a = arg;
	struct rtnl_route *r;
	struct rtnl_nexthop *hop;

	if (nlmsg_hdr(msg)->nlmsg_type != RTM_NEWROUTE ||
	    rtnl_route_parse(nlmsg_hdr(msg), &r) < 0)
		return NL_SKIP;
	if (rtnl_route_get_nnexthops(r)) {
		hop = rtnl_route_nexthop_n(r, 0);
		a->route.ifindex = (uint32_t)rtnl_route_nh_get_ifindex(hop);
	}
	a->route.local = rtnl_route_get_type(r) == RTN_LOCAL;
	a->route.undecided = rtnl_route_get_family(r) == AF_INET6 &&
			     rtnl_route_get_protocol(r) == RTPROT_KERNEL;
	rtnl_route_put(r);
	return NL_OK;
}

/* The errno of the kernel is kept, because libnl's codes are less precise. */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct route_answer *a = arg;

	(void)from;
	a->error = e->error;
	return NL_STOP;
}

static struct nl_msg *route_request(const struct ep *to, uint32_t oif)
{
	struct rtmsg rtm = {
		.rtm_family = to->addr.family,
		.rtm_dst_len = (unsigned char)(8 * to->addr.len),
	};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_REQUEST);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO) < 0 ||
	    nla_put(msg, RTA_DST, to->addr.len, to->addr.b) < 0 ||
	    (oif && nla_put_u32(msg, RTA_OIF, oif) < 0)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int ask_route(struct nl_sock *sock, const struct ep *to, uint32_t oif,
		     struct route_answer *a)
{
	struct nl_msg *msg = route_request(to, oif);
	int ret;

	if (!msg)
		return -ENOMEM;
	ret = nl_send_auto(sock, msg);
	nlmsg_free(msg);
	if (ret < 0)
		return -EIO;
	ret = nl_recvmsgs_default(sock);
	if (a->error)
		return a->error;
	return ret < 0 ? -EIO : 0;
}

/* Open a socket of rtnetlink whose answers go to @a. Returns 0 or -errno. */
static int open_sock(struct route_answer *a, struct nl_sock **out)
{
	struct nl_sock *sock = nl_socket_alloc();
	int ret;

	if (!sock)
		return -ENOMEM;
	nl_socket_disable_auto_ack(sock);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_route, a);
	nl_socket_modify_err_cb(sock, NL_CB_CUSTOM, on_error, a);
	errno = 0;
	if (nl_connect(sock, NETLINK_ROUTE) < 0) {
		ret = errno ? -errno : -EIO;
		nl_socket_free(sock);
		return ret;
	}
	*out = sock;
	return 0;
}

int route_get(const struct ep *to, uint32_t oif, struct route *out)
{
	struct route_answer a = { .error = 0 };
	struct nl_sock *sock;
	int ret;

	if (addr_is_none(&to->addr))
		return -EAFNOSUPPORT;
	ret = open_sock(&a, &sock);
	if (ret)
		return ret;
	/* A link-local address is looked up on its link. */
	ret = ask_route(sock, to, to->scope ? to->scope : oif, &a);
	nl_socket_free(sock);
	if (!ret && !a.route.ifindex)
		ret = -ENETUNREACH;
	/* IPv4 falls back to the bound interface for a multicast address. */
	if (!ret && a.route.ifindex == oif && route_is_vrf(oif))
		ret = -ENETUNREACH;
	if (ret == -EHOSTUNREACH)
		ret = -ENETUNREACH;
	if (!ret)
		*out = a.route;
	return ret;
}

bool route_is_vrf(uint32_t ifindex)
{
	struct route_answer a = { .error = 0 };
	struct nl_sock *sock;
	struct rtnl_link *l;
	bool is = false;

	if (open_sock(&a, &sock))
		return false;
	if (!rtnl_link_get_kernel(sock, (int)ifindex, NULL, &l)) {
		is = rtnl_link_is_vrf(l);
		rtnl_link_put(l);
	}
	nl_socket_free(sock);
	return is;
}

bool route_is_mcast_dev(const struct ifaddrs *i)
{
	return (i->ifa_flags & IFF_UP) && (i->ifa_flags & IFF_MULTICAST) &&
	       !(i->ifa_flags & IFF_LOOPBACK);
}
