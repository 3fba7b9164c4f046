// SPDX-License-Identifier: Apache-2.0
/*
 * The link monitor in a network namespace of its own, in which the loopback
 * device and a dummy device change, and the events are compared.
 */
#include <errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/macvlan.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/link.h"
#include "tap.h"

static struct linkmon *lm;
static struct nl_sock *sock;
static struct link_event events[64];
static int n_events;

static void on_link(void *arg, const struct link_event *ev)
{
	(void)arg;
	if (n_events < 64)
		events[n_events++] = *ev;
}

/* All events of @ifindex, merged; 0 for those of no link. */
static unsigned int heard(int ifindex)
{
	struct pollfd pfd = { .fd = linkmon_fd(lm), .events = POLLIN };
	unsigned int what = 0;
	int i;

	n_events = 0;
	while (poll(&pfd, 1, 50) > 0)
		if (linkmon_read(lm))
			bail("linkmon_read");
	for (i = 0; i < n_events; i++)
		if (events[i].link.ifindex == ifindex)
			what |= events[i].what;
	return what;
}

/* Whether a carrier came or went. The kernel tells once a second at most. */
static unsigned int carrier_of(int ifindex)
{
	unsigned int what = 0;
	int i;

	for (i = 0; i < 100 && !what; i++)
		what = heard(ifindex) & (LINK_UP | LINK_DOWN);
	return what;
}

static int change_flags(int ifindex, unsigned int set, unsigned int clear)
{
	struct rtnl_link *old = rtnl_link_alloc(), *new = rtnl_link_alloc();
	int ret;

	rtnl_link_set_ifindex(old, ifindex);
	rtnl_link_set_flags(new, set);
	rtnl_link_unset_flags(new, clear);
	ret = rtnl_link_change(sock, old, new, 0);
	rtnl_link_put(old);
	rtnl_link_put(new);
	return ret;
}

static int change_addr(int ifindex, const char *text, bool add)
{
	struct rtnl_addr *a = rtnl_addr_alloc();
	struct nl_addr *local;
	int ret;

	if (nl_addr_parse(text, AF_INET, &local))
		bail("address");
	rtnl_addr_set_ifindex(a, ifindex);
	rtnl_addr_set_local(a, local);
	ret = add ? rtnl_addr_add(sock, a, 0) : rtnl_addr_delete(sock, a, 0);
	nl_addr_put(local);
	rtnl_addr_put(a);
	return ret;
}

static int add_link(const char *name, const char *type)
{
	struct rtnl_link *l = rtnl_link_alloc();
	int ret;

	rtnl_link_set_name(l, name);
	rtnl_link_set_type(l, type);
	ret = rtnl_link_add(sock, l, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(l);
	return ret;
}

static int del_link(const char *name)
{
	struct rtnl_link *l = rtnl_link_alloc();
	int ret;

	rtnl_link_set_name(l, name);
	ret = rtnl_link_delete(sock, l);
	rtnl_link_put(l);
	return ret;
}

static int count_link(void *arg, const struct link_info *link)
{
	(void)link;
	++*(int *)arg;
	return 0;
}

static void test_loopback(void)
{
	struct link_info link;
	int n = 0;

	is_int(linkmon_find(lm, "lo", 0, &link), 0, "lo is there");
	ok(link.loopback && !link.up && !link.multicast,
	   "lo is a loopback device, and down");
	is_int(linkmon_find(lm, NULL, link.ifindex, &link), 0,
	       "lo is found by its index too");
	is_int(linkmon_find(lm, "nope", 0, &link), -ENODEV,
	       "an unknown name is not found");
	is_int(linkmon_find(lm, NULL, 4711, &link), -ENODEV,
	       "an unknown index is not found");
	linkmon_each(lm, count_link, &n);
	ok(n >= 1, "each link is walked over");
	is_int(heard(1), 0, "the links that were there are no event");

	change_flags(1, IFF_UP, 0);
	is_int(heard(1), LINK_UP | LINK_ADDR, "up, with an address");
	ok(events[0].link.up, "the event has the state");
	is_str(events[0].link.name, "lo", "the event has the name");
	linkmon_find(lm, "lo", 0, &link);
	ok(link.up, "lo is found as up");

	is_int(change_addr(1, "192.0.2.1/24", true), 0, "an address is added");
	is_int(heard(1), LINK_ADDR, "the address that is added is heard");
	change_addr(1, "192.0.2.2/24", true);
	is_int(heard(0), LINK_ROUTE,
	       "the routes that came with the address are heard");
	change_addr(1, "192.0.2.1/24", false);
	is_int(heard(1), LINK_ADDR, "the address that went is heard");

	change_flags(1, 0, IFF_UP);
	is_int(heard(1) & (LINK_UP | LINK_DOWN), LINK_DOWN, "loopback: down");
	change_flags(1, IFF_UP, 0);
	change_flags(1, 0, IFF_UP);
	change_flags(1, IFF_UP, 0);
	is_int(heard(1) & (LINK_UP | LINK_DOWN), LINK_UP,
	       "only the last of several changes");
}

static void test_merge(void)
{
	int i, n = 0;
	char text[32];

	heard(1);
	for (i = 1; i <= 100; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d/32", i);
		change_addr(1, text, true);
	}
	n_events = 0;
	linkmon_read(lm);
	for (i = 0; i < n_events; i++)
		n += events[i].what == LINK_ADDR;
	is_int(n, 1, "a hundred addresses are one event");
	n = 0;
	for (i = 0; i < n_events; i++)
		n += events[i].what == LINK_ROUTE;
	is_int(n, 1, "the routes of a hundred addresses are one event");
}

static void test_overrun(void)
{
	struct link_info link;
	int size = 1, i;
	char text[32];

	heard(1);
	setsockopt(linkmon_fd(lm), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (i = 1; i <= 100; i++) {
		snprintf(text, sizeof(text), "198.51.100.%d/32", i);
		change_addr(1, text, false);
	}
	change_flags(1, 0, IFF_UP);
	n_events = 0;
	is_int(linkmon_read(lm), 0, "an overrun is no error");
	is_int(n_events, 1, "an overrun is one event");
	is_int(events[0].what, LINK_RESYNC, "the event of an overrun says so");
	linkmon_find(lm, "lo", 0, &link);
	ok(!link.up, "the links have been read anew");
	size = 1 << 18;
	setsockopt(linkmon_fd(lm), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	heard(1);
	change_flags(1, IFF_UP, 0);
	is_int(heard(1) & LINK_UP, LINK_UP,
	       "changes are heard again after an overrun");
}

static void test_new_links(void)
{
	struct link_info link;
	int first;

	heard(1);
	if (add_link("test0", "dummy")) {
		skip("links that come and go", "no dummy device here");
		return;
	}
	heard(1);
	is_int(linkmon_find(lm, "test0", 0, &link), 0, "a new link is found");
	first = link.ifindex;
	is_int(events[0].what, LINK_NEW, "the coming of the new link is heard");
	ok(!link.loopback, "the new link is no loopback device");
	change_flags(first, IFF_UP, 0);
	is_int(heard(first) & LINK_UP, LINK_UP, "the new link goes up");

	del_link("test0");
	add_link("test0", "dummy");
	is_int(heard(first) & (LINK_GONE | LINK_DOWN), LINK_GONE | LINK_DOWN,
	       "one that is replaced is gone");
	is_int(linkmon_find(lm, "test0", 0, &link), 0, "another has its name");
	ok(link.ifindex != first && !link.up,
	   "a link of the same name has another index and state");
	del_link("test0");
	is_int(heard(link.ifindex), LINK_GONE, "the other goes too");
	is_int(linkmon_find(lm, "test0", 0, &link), -ENODEV,
	       "a link that went is not found");
}

/* A port that leaves its bridge is announced as a deleted link. */
static void test_bridge(void)
{
	struct link_info port, bridge;

	if (add_link("br0", "bridge") || add_link("port0", "dummy")) {
		skip("bridge ports", "no bridge here");
		return;
	}
	heard(1);
	is_int(linkmon_find(lm, "port0", 0, &port), 0, "a new port is found");
	is_int(linkmon_find(lm, "br0", 0, &bridge), 0, "a new bridge is found");
	rtnl_link_enslave_ifindex(sock, bridge.ifindex, port.ifindex);
	is_int(heard(port.ifindex) & (LINK_NEW | LINK_GONE), 0,
	       "a link that becomes a bridge port does not come");
	change_flags(bridge.ifindex, IFF_UP, 0);
	change_flags(port.ifindex, IFF_UP, 0);
	is_int(carrier_of(bridge.ifindex), LINK_UP,
	       "a bridge is up with its port");
	change_flags(port.ifindex, 0, IFF_UP);
	is_int(carrier_of(bridge.ifindex), LINK_DOWN,
	       "a bridge loses the carrier with its last port");
	change_flags(port.ifindex, IFF_UP, 0);
	is_int(carrier_of(bridge.ifindex), LINK_UP,
	       "a bridge has a carrier again with its port");
	rtnl_link_release_ifindex(sock, port.ifindex);
	is_int(heard(port.ifindex) & (LINK_NEW | LINK_GONE), 0,
	       "a link that leaves the bridge does not go");
	is_int(linkmon_find(lm, "port0", 0, &port), 0,
	       "a link that left the bridge is found");
}

static int index_of(const char *name)
{
	struct link_info link;

	return linkmon_find(lm, name, 0, &link) ? 0 : link.ifindex;
}

/* Packets of a link above a bridge pass the bridge and its ports. */
static void test_below(void)
{
	int lo = 1, port, bridge, above;
	struct rtnl_link *l;

	bridge = index_of("br0");
	port = index_of("port0");
	l = rtnl_link_macvlan_alloc();
	rtnl_link_set_name(l, "above0");
	rtnl_link_set_link(l, bridge);
	if (!bridge || rtnl_link_add(sock, l, NLM_F_CREATE | NLM_F_EXCL)) {
		skip("links below others", "no bridge or macvlan here");
		rtnl_link_put(l);
		return;
	}
	rtnl_link_put(l);
	heard(1);
	above = index_of("above0");
	ok(!linkmon_is_below(lm, port, bridge),
	   "a link that is no port of a bridge is not below it");
	rtnl_link_enslave_ifindex(sock, bridge, port);
	heard(1);
	ok(linkmon_is_below(lm, port, bridge), "a port is below its bridge");
	ok(linkmon_is_below(lm, bridge, above),
	   "a bridge is below a macvlan of it");
	ok(linkmon_is_below(lm, port, above),
	   "a port is below a macvlan of its bridge");
	ok(linkmon_is_below(lm, above, above), "a link counts as below itself");
	ok(!linkmon_is_below(lm, bridge, port), "a bridge is not below a port");
	ok(!linkmon_is_below(lm, above, bridge),
	   "a macvlan is not below its bridge");
	ok(!linkmon_is_below(lm, lo, above),
	   "another link is below none of them");
	ok(!linkmon_is_below(lm, 4711, bridge),
	   "a link that is not there is below none");
	ok(!linkmon_is_below(lm, lo, 4711),
	   "no link is below one that is not there");
}

int main(void)
{
	/* The namespace is root's if that works, or a new user's. */
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		skip("link monitor", "no network namespace may be made here");
		return done();
	}
	sock = nl_socket_alloc();
	if (!sock || nl_connect(sock, NETLINK_ROUTE))
		bail("no rtnetlink socket");
	is_int(linkmon_open(on_link, NULL, &lm), 0, "the monitor opens");

	RUN(test_loopback);
	RUN(test_merge);
	RUN(test_overrun);
	RUN(test_new_links);
	RUN(test_bridge);
	RUN(test_below);

	linkmon_close(lm);
	linkmon_close(NULL);
	nl_socket_free(sock);
	return done();
}
