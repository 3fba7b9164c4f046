// SPDX-License-Identifier: Apache-2.0
/*
 * libnl keeps a cache of links, and reports the differences to it. Addresses
 * and routes are not cached: a router may have a million, and a callback only
 * says that something has changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/object.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/link.h"

/* A flood of routes causes one callback, and no overrun of the socket. */
#define RCVBUF (1024 * 1024)

struct pending {
	unsigned int what;
	struct link_info link;
};

struct linkmon {
	struct nl_sock *sock;
	struct nl_cache *links;
	link_fn *fn;
	void *arg;

	/* Callbacks are made when all pending messages have been read. */
	struct pending *pending;
	size_t n;
	size_t room;
	bool routes;
	bool lost;
};

/* The error codes of libnl are less precise than errno. */
static int nle_to_errno(int nle)
{
	switch (-nle) {
	case 0:
		return 0;
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_BAD_SOCK:
		return -EBADF;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_INTR:
		return -EINTR;
	}
	return -EIO;
}

static void describe_link(struct rtnl_link *l, struct link_info *info)
{
	unsigned int flags = rtnl_link_get_flags(l);
	const char *name = rtnl_link_get_name(l);

	memset(info, 0, sizeof(*info));
	info->ifindex = rtnl_link_get_ifindex(l);
	if (name)
		snprintf(info->name, sizeof(info->name), "%s", name);
	info->up = (flags & IFF_UP) && (flags & IFF_RUNNING);
	info->multicast = flags & IFF_MULTICAST;
	info->loopback = flags & IFF_LOOPBACK;
}

/*
 * The bridge announces its ports too, as links of the same index in the family
 * AF_BRIDGE. A port that leaves the bridge must not be taken for a deleted
 * link. The message tells: libnl gives a bridge that family, too.
 */
static bool is_link(const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = nlmsg_data(nlh);

	return nlmsg_datalen(nlh) >= (int)sizeof(*ifi) &&
	       ifi->ifi_family == AF_UNSPEC;
}

static struct pending *pending_of(struct linkmon *lm, int ifindex)
{
	struct pending *p;
	size_t i, room;

	for (i = 0; i < lm->n; i++)
		if (lm->pending[i].link.ifindex == ifindex)
			return &lm->pending[i];
	if (lm->n == lm->room) {
		room = lm->room ? 2 * lm->room : 8;
		p = reallocarray(lm->pending, room, sizeof(*p));
		if (!p) {
			/*
			 * A lost change is not forgotten: the listener reads
			 * everything again.
			 */
			lm->lost = true;
			return NULL;
		}
		lm->pending = p;
		lm->room = room;
	}
	p = &lm->pending[lm->n++];
	memset(p, 0, sizeof(*p));
	p->link.ifindex = ifindex;
	return p;
}

static void note_change(struct linkmon *lm, unsigned int what,
			const struct link_info *link)
{
	struct pending *p = pending_of(lm, link->ifindex);

	if (!p)
		return;
	p->link = *link;
	/* The later of the two events is the current state. */
	if (what & LINK_UP)
		p->what &= ~LINK_DOWN;
	if (what & LINK_DOWN)
		p->what &= ~LINK_UP;
	p->what |= what;
}

static void on_link(struct nl_cache *cache, struct nl_object *old,
		    struct nl_object *new, uint64_t diff, int action, void *arg)
{
	struct link_info was = {}, is = {};
	struct linkmon *lm = arg;
	unsigned int what = 0;

	(void)cache;
	(void)diff;
	if (old)
		describe_link((struct rtnl_link *)old, &was);
	if (new)
		describe_link((struct rtnl_link *)new, &is);

	switch (action) {
	case NL_ACT_NEW:
		what = LINK_NEW | (is.up ? LINK_UP : 0);
		break;
	case NL_ACT_DEL:
		what = LINK_GONE | (was.up ? LINK_DOWN : 0);
		if (!new)
			is = was;
		is.up = false;
		break;
	case NL_ACT_CHANGE:
		if (strcmp(was.name, is.name))
			what |= LINK_NEW;
		if (was.up != is.up)
			what |= is.up ? LINK_UP : LINK_DOWN;
		break;
	}
	/* Other changes, such as counters, are not reported. */
	if (what)
		note_change(lm, what, &is);
}

static void on_object(struct nl_object *obj, void *arg)
{
	struct linkmon *lm = arg;

	if (nl_cache_include_v2(lm->links, obj, on_link, lm) < 0)
		lm->lost = true;
}

static void on_addr(struct nl_object *obj, void *arg)
{
	int ifindex = rtnl_addr_get_ifindex((struct rtnl_addr *)obj);
	struct linkmon *lm = arg;
	struct link_info link;

	/* The address of a deleted link was deleted with it. */
	if (!linkmon_find(lm, NULL, ifindex, &link))
		note_change(lm, LINK_ADDR, &link);
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct linkmon *lm = arg;
	const struct rtmsg *rtm;

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		if (is_link(nlh) && nl_msg_parse(msg, on_object, lm) < 0)
			lm->lost = true;
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		if (nl_msg_parse(msg, on_addr, lm) < 0)
			lm->lost = true;
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		rtm = nlmsg_data(nlh);
		if (nlmsg_datalen(nlh) >= (int)sizeof(*rtm) &&
		    !(rtm->rtm_flags & RTM_F_CLONED))
			lm->routes = true;
		break;
	}
	return NL_OK;
}

/*
 * Read all links on a separate socket: answers on the first one would mix with
 * events, and this function is called when that one has overrun.
 */
static int reload_links(struct linkmon *lm)
{
	struct nl_sock *sock = nl_socket_alloc();
	int ret;

	if (!sock)
		return -NLE_NOMEM;
	ret = nl_connect(sock, NETLINK_ROUTE);
	if (ret >= 0)
		ret = nl_cache_refill(sock, lm->links);
	nl_socket_free(sock);
	return ret;
}

int linkmon_open(link_fn *fn, void *arg, struct linkmon **out)
{
	struct linkmon *lm;
	int ret;

	lm = calloc(1, sizeof(*lm));
	if (!lm)
		return -ENOMEM;
	lm->fn = fn;
	lm->arg = arg;
	lm->sock = nl_socket_alloc();
	if (!lm->sock) {
		ret = -NLE_NOMEM;
		goto close;
	}
	nl_socket_disable_seq_check(lm->sock);
	ret = nl_connect(lm->sock, NETLINK_ROUTE);
	if (ret < 0)
		goto close;
	fcntl(nl_socket_get_fd(lm->sock), F_SETFD, FD_CLOEXEC);
	/* A smaller buffer only causes more resynchronisations. */
	nl_socket_set_buffer_size(lm->sock, RCVBUF, 0);
	/*
	 * Memberships are joined before the links are read, so no change is
	 * missed.
	 */
	ret = nl_socket_add_memberships(lm->sock, RTNLGRP_LINK,
					RTNLGRP_IPV4_IFADDR,
					RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
					RTNLGRP_IPV6_ROUTE, RTNLGRP_NONE);
	if (ret < 0)
		goto close;
	ret = nl_cache_alloc_name("route/link", &lm->links);
	if (ret < 0)
		goto close;
	ret = reload_links(lm);
	if (ret < 0)
		goto close;
	ret = nl_socket_modify_cb(lm->sock, NL_CB_VALID, NL_CB_CUSTOM,
				  on_message, lm);
	if (ret < 0)
		goto close;
	ret = nl_socket_set_nonblocking(lm->sock);
	if (ret < 0)
		goto close;
	*out = lm;
	return 0;

close:
	linkmon_close(lm);
	return nle_to_errno(ret);
}

void linkmon_close(struct linkmon *lm)
{
	if (!lm)
		return;
	if (lm->links)
		nl_cache_free(lm->links);
	if (lm->sock)
		nl_socket_free(lm->sock);
	free(lm->pending);
	free(lm);
}

int linkmon_fd(const struct linkmon *lm)
{
	return nl_socket_get_fd(lm->sock);
}

static void deliver_changes(struct linkmon *lm)
{
	struct link_event ev;
	size_t i;

	for (i = 0; i < lm->n; i++) {
		ev.what = lm->pending[i].what;
		ev.link = lm->pending[i].link;
		lm->fn(lm->arg, &ev);
	}
	lm->n = 0;
	if (lm->routes) {
		lm->routes = false;
		ev = (struct link_event){ .what = LINK_ROUTE };
		lm->fn(lm->arg, &ev);
	}
}

static int recover_links(struct linkmon *lm)
{
	struct link_event ev = { .what = LINK_RESYNC };
	int ret = reload_links(lm);

	if (ret < 0)
		return nle_to_errno(ret);
	lm->lost = false;
	lm->routes = false;
	lm->n = 0;
	lm->fn(lm->arg, &ev);
	return 0;
}

int linkmon_read(struct linkmon *lm)
{
	int ret;

	for (;;) {
		ret = nl_recvmsgs_default(lm->sock);
		if (ret == -NLE_AGAIN)
			break;
		if (ret == -NLE_NOMEM) {
			/*
			 * The socket has overrun (ENOBUFS), and what is queued
			 * is read next.
			 */
			lm->lost = true;
			break;
		}
		if (ret < 0 && ret != -NLE_INTR)
			return nle_to_errno(ret);
	}
	if (lm->lost)
		return recover_links(lm);
	deliver_changes(lm);
	return 0;
}

int linkmon_find(const struct linkmon *lm, const char *name, int ifindex,
		 struct link_info *link)
{
	struct rtnl_link *l = name ? rtnl_link_get_by_name(lm->links, name)
				   : rtnl_link_get(lm->links, ifindex);

	if (!l)
		return -ENODEV;
	describe_link(l, link);
	rtnl_link_put(l);
	return 0;
}

/* MAX_NEST_DEV of the kernel: links are stacked no deeper. */
#define MAX_NESTING 8

/* Return the index that @get has of the link @ifindex, or 0. */
static int index_of(const struct linkmon *lm, int ifindex,
		    int (*get)(struct rtnl_link *))
{
	struct rtnl_link *l = rtnl_link_get(lm->links, ifindex);
	int32_t netns;
	int next = 0;

	if (!l)
		return 0;
	/* The index of a link in another namespace means nothing here. */
	if (get != rtnl_link_get_link || rtnl_link_get_link_netnsid(l, &netns))
		next = get(l);
	rtnl_link_put(l);
	return next;
}

static bool has_master(const struct linkmon *lm, int ifindex, int master)
{
	int i;

	for (i = 0; ifindex && i <= MAX_NESTING; i++) {
		if (ifindex == master)
			return true;
		ifindex = index_of(lm, ifindex, rtnl_link_get_master);
	}
	return false;
}

bool linkmon_is_below(const struct linkmon *lm, int lower, int upper)
{
	int i;

	for (i = 0; upper && i <= MAX_NESTING; i++) {
		if (has_master(lm, lower, upper))
			return true;
		upper = index_of(lm, upper, rtnl_link_get_link);
	}
	return false;
}

int linkmon_each(const struct linkmon *lm,
		 int (*fn)(void *arg, const struct link_info *link), void *arg)
{
	struct link_info link;
	struct nl_object *o;
	int ret;

	for (o = nl_cache_get_first(lm->links); o; o = nl_cache_get_next(o)) {
		describe_link((struct rtnl_link *)o, &link);
		ret = fn(arg, &link);
		if (ret)
			return ret;
	}
	return 0;
}
