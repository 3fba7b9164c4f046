// SPDX-License-Identifier: Apache-2.0
/*
 * Answers of routing in a network namespace of its own, and receivers that
 * follow it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/route.h"
#include "lib/mcast.h"
#include "lib/udp.h"
#include "tap.h"

static bool ip(const char *words)
{
	char cmd[160];

	snprintf(cmd, sizeof(cmd), "ip %s 2>/dev/null", words);
	return !system(cmd);
}

static uint32_t idx(const char *name)
{
	return if_nametoindex(name);
}

/* Return the interface towards @to, or -errno. */
static int towards(const char *to, uint32_t oif, struct route *r)
{
	struct route mine;
	struct ep e;
	int ret;

	if (ep_parse(to, 1, &e))
		bail("address");
	ret = route_get(&e, oif, r ? r : &mine);
	return ret ? ret : (int)(r ? r : &mine)->ifindex;
}

static void test_ipv4(void)
{
	struct route r;

	is_int(towards("239.1.1.1", 0, NULL), -ENETUNREACH, "no route");
	is_int(towards("203.0.113.1", 0, NULL), -ENETUNREACH,
	       "no route for unicast");
	ip("addr add 10.1.0.1/24 dev one");
	ip("addr add 10.1.0.1/32 dev two");
	ip("addr add 10.9.9.9/32 dev lo");
	is_int(towards("239.1.1.1", 0, NULL), -ENETUNREACH,
	       "addresses are no routes for multicast");
	is_int(towards("10.1.0.2", 0, &r), idx("one"), "a neighbour");
	ok(!r.local && !r.undecided, "a neighbour is another host");
	is_int(towards("10.1.0.1", 0, &r), idx("lo"), "ipv4: ourselves");
	ok(r.local, "our own address is local");
	ip("route add default via 10.1.0.2 src 10.9.9.9");
	is_int(towards("239.1.1.1", 0, NULL), idx("one"),
	       "the route's interface, not that of the source address");
	ip("route add 239.1.0.0/16 dev two src 10.1.0.1");
	is_int(towards("239.1.1.1", 0, NULL), idx("two"),
	       "the route's interface, not the first of two that have the address");
	is_int(towards("239.2.1.1", 0, NULL), idx("one"), "others as before");
	ip("route add unreachable 239.3.0.0/16");
	is_int(towards("239.3.1.1", 0, NULL), -ENETUNREACH,
	       "ipv4: unreachable");
	ip("route add 239.4.0.0/16 nexthop dev one nexthop dev two");
	ok(towards("239.4.1.1", 0, NULL) > 0, "one of several next hops");
}

static void test_ipv6(void)
{
	struct route r;
	int first;

	ip("addr add fd01::1/64 dev one nodad");
	first = towards("ff0e::1", 0, &r);
	ok((first == (int)idx("one") || first == (int)idx("two")) &&
		   r.undecided,
	   "IPv6: the kernel's own route decides nothing");
	is_int(towards("fd01::2", 0, &r), idx("one"), "a neighbour");
	ip("route add ff0e::/16 dev two table local");
	is_int(towards("ff0e::1", 0, &r), idx("two"), "a route of somebody's");
	ok(!r.undecided, "ipv6: decides");
	is_int(towards("ff05::1", idx("one"), NULL), idx("one"),
	       "a bound socket's interface");
}

static void test_vrf(void)
{
	if (!ip("link add blue type vrf table 100")) {
		skip("routes in a VRF", "no vrf here");
		return;
	}
	ip("link set blue up");
	ip("link set two master blue");
	/* Without it a destination would be looked up in the main table. */
	ip("route add unreachable default metric 4278198272 table 100");
	ip("addr add 10.2.0.1/24 dev two");
	ok(route_is_vrf(idx("blue")), "a VRF is one");
	ok(!route_is_vrf(idx("two")) && !route_is_vrf(idx("one")) &&
		   !route_is_vrf(4711),
	   "the port of a VRF is none, nor others");
	is_int(towards("239.1.1.1", idx("blue"), NULL), -ENETUNREACH,
	       "the VRF itself is no answer");
	is_int(towards("10.2.0.2", idx("blue"), NULL), idx("two"),
	       "unicast in its table");
	is_int(towards("10.2.0.2", 0, NULL), idx("one"),
	       "a route in a VRF's table is none of other sockets");
	ip("route add default via 10.2.0.2 table 100");
	is_int(towards("239.1.1.1", idx("blue"), NULL), idx("two"),
	       "multicast by its table");
}

static void on_datagram(void *ctx, const struct ep *from, const struct ep *to,
			const uint8_t *p, size_t len)
{
	(void)from;
	(void)to;
	(void)p;
	(void)len;
	++*(int *)ctx;
}

/* Send one datagram by @ifindex, which this host receives too. */
static void say(int family, const struct ep *to, uint32_t ifindex,
		struct loop *l)
{
	struct ep any = { 0 };
	int fd;

	addr_set(&any.addr, family, &in6addr_any);
	fd = udp_open(&any, 0);
	if (fd < 0)
		bail("socket");
	udp_mcast_out(fd, family, 1, ifindex, true);
	udp_send(fd, NULL, to, "x", 1);
	close(fd);
	loop_once(l, 100);
}

/*
 * A receiver gets datagrams of its interface and the one that it moved to, and
 * of no other.
 */
static void test_receiver(const char *group)
{
	struct addr none = { 0 };
	struct mcast *m;
	struct loop *l;
	struct ep to;
	int n = 0;

	ep_parse(group, 848, &to);
	if (loop_new(NULL, &l) || mcast_new(l, on_datagram, &n, &m))
		bail("no receiver");
	is_int(mcast_join(m, &to, &none, idx("one")), 0, "%s: joined", group);
	say(to.addr.family, &to, idx("one"), l);
	is_int(n, 1, "%s: heard there", group);
	say(to.addr.family, &to, idx("three"), l);
	is_int(n, 1, "%s: not elsewhere", group);
	is_int(mcast_join(m, &to, &none, 4711), -ENODEV, "%s: nowhere", group);
	say(to.addr.family, &to, idx("one"), l);
	is_int(n, 2, "%s: which leaves it where it was", group);
	is_int(mcast_join(m, &to, &none, idx("three")), 0, "%s: moved", group);
	say(to.addr.family, &to, idx("three"), l);
	is_int(n, 3, "%s: heard where it is now", group);
	say(to.addr.family, &to, idx("one"), l);
	is_int(n, 3, "%s: not where it was", group);
	mcast_free(m);
	loop_free(l);
}

/* A record of a report by which a host begins to receive a group of any source. */
#define CHANGE_TO_EXCLUDE 4
#define RECORD_HDR 4

static int wire_open(const char *link)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)idx(link),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		bail("no packet socket");
	return fd;
}

/* Return true if a report that @group is wanted comes within 10 s. */
static bool wanted(int wire, const struct addr *group)
{
	size_t len = group->family == AF_INET ? 4 : 16;
	struct pollfd pfd = { .fd = wire, .events = POLLIN };
	const uint8_t *at;
	uint8_t p[2048];
	ssize_t n;

	while (poll(&pfd, 1, 10000) > 0) {
		n = recv(wire, p, sizeof(p), 0);
		/* The destination of a report is another address. */
		at = n > 0 ? memmem(p, (size_t)n, group->b, len) : NULL;
		if (at && at - p > RECORD_HDR &&
		    at[-RECORD_HDR] == CHANGE_TO_EXCLUDE)
			return true;
	}
	return false;
}

/* A switch that has forgotten a receiver, as by the loss of its carrier, is told again. */
static void test_report(const char *group)
{
	struct addr none = { 0 };
	struct mcast *m;
	struct loop *l;
	struct ep to;
	int n = 0, wire;

	ep_parse(group, 848, &to);
	if (loop_new(NULL, &l) || mcast_new(l, on_datagram, &n, &m))
		bail("no receiver");
	wire = wire_open("three-peer");
	is_int(mcast_report(m, &to, &none), -ENOENT, "%s: not joined", group);
	is_int(mcast_join(m, &to, &none, idx("three")), 0, "%s: joined", group);
	/* The kernel repeats a report once. */
	ok(wanted(wire, &to.addr) && wanted(wire, &to.addr),
	   "%s: the switch is told", group);
	is_int(mcast_join(m, &to, &none, idx("three")), 0, "%s: joined again",
	       group);
	is_int(mcast_report(m, &to, &none), 0, "%s: reported again", group);
	ok(wanted(wire, &to.addr), "%s: the switch is told again", group);
	say(to.addr.family, &to, idx("three"), l);
	is_int(n, 1, "%s: heard as before", group);
	close(wire);
	mcast_free(m);
	loop_free(l);
}

/* The error says what is short, which is not always memory. */
static void test_no_files(void)
{
	struct rlimit was, none;
	struct route r;
	struct ep to;
	int ret;

	if (ep_parse("239.1.1.1:5", 0, &to) || getrlimit(RLIMIT_NOFILE, &was))
		bail("limits");
	none = was;
	none.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &none);
	ret = route_get(&to, 0, &r);
	setrlimit(RLIMIT_NOFILE, &was);
	is_int(ret, -EMFILE, "a lookup without a descriptor");
}

int main(void)
{
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		skip("the tool: routes",
		     "no network namespace may be made here");
		return done();
	}
	if (!ip("link set lo up") ||
	    !ip("link add one type veth peer name one-peer") ||
	    !ip("link add two type veth peer name two-peer") ||
	    !ip("link add three type veth peer name three-peer")) {
		skip("the tool: routes", "no ip, or no veth here");
		return done();
	}
	ip("link set one-peer up");
	ip("link set one up");
	ip("link set two-peer up");
	ip("link set two up");
	ip("link set three-peer up");
	ip("link set three up");
	ip("addr add 10.3.0.1/24 dev three");
	ip("addr add fd03::1/64 dev three nodad");

	RUN(test_no_files);
	RUN(test_ipv4);
	RUN(test_ipv6);
	RUN(test_vrf);
	RUN(test_receiver, "239.2.1.1");
	RUN(test_receiver, "[ff05::1]");
	RUN(test_report, "239.2.1.2");
	RUN(test_report, "[ff05::2]");
	return done();
}
