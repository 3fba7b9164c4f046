// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/loop.h"
#include "lib/mcast.h"
#include "lib/udp.h"
#include "lib/util.h"
#include "tap.h"

static void addresses(void)
{
	static const char *const bad[] = {
		"",    "1",	 "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4x",
		":::", "::1%lo", "[::1]", "g::",       "1.2.3.4 ",  "localhost",
	};
	char buf[ADDR_STRLEN];
	struct addr a, b;
	size_t i;

	ok(!addr_parse("239.1.1.1", &a) && a.family == AF_INET && a.len == 4,
	   "IPv4 is parsed");
	is_str(addr_str(&a, buf), "239.1.1.1", "IPv4 is printed");
	ok(addr_is_multicast(&a) && !addr_is_link_local(&a),
	   "addresses: multicast");
	addr_parse("224.0.0.18", &b);
	ok(addr_is_multicast(&b) && addr_is_link_local(&b),
	   "224.0.0.0/24 is of one link");
	ok(addr_cmp(&b, &a) < 0 && addr_cmp(&a, &b) > 0,
	   "two IPv4 addresses are in order");
	ok(!addr_parse("ff02:0::1", &a) && addr_is_multicast(&a) &&
		   addr_is_link_local(&a),
	   "IPv6 is parsed");
	is_str(addr_str(&a, buf), "ff02::1",
	       "IPv6 is printed in its short form");
	addr_parse("ff3e::4321:1234", &a);
	ok(addr_is_multicast(&a) && !addr_is_link_local(&a),
	   "a group with global scope");
	addr_parse("FE80::1", &a);
	ok(addr_is_link_local(&a) && !addr_is_multicast(&a),
	   "addresses: link-local");
	addr_parse("0.0.0.0", &a);
	addr_parse("::", &b);
	ok(addr_is_any(&a) && addr_is_any(&b) && !addr_equal(&a, &b),
	   "any of either family, not the same");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ok(addr_parse(bad[i], &a) == -EINVAL && addr_is_none(&a),
		   "refused: \"%s\"", bad[i]);
	is_str(addr_str(&a, buf), "none", "none is printed as such");
	ok(!addr_is_any(&a) && !addr_is_multicast(&a),
	   "none is neither any address nor multicast");
}

static void endpoints(void)
{
	static const char *const bad[] = {
		"1.2.3.4:",
		"1.2.3.4:0",
		"1.2.3.4:65536",
		"1.2.3.4:-1",
		"1.2.3.4:8 ",
		"[1.2.3.4]:1",
		"[::1",
		"[::1]1",
		"[::1]:",
		"::1:848x",
		":848",
		"[]:1",
		"1.2.3.4:99999999999999999999",
		"[2001:db8::1%lo]:1",
		"1.2.3.4%lo:1",
	};
	struct sockaddr_storage ss;
	struct sockaddr_in6 *in6 = (void *)&ss;
	char buf[EP_STRLEN];
	struct ep e, f;
	size_t i;

	ok(!ep_parse("10.0.0.1:848", 0, &e) && e.port == 848,
	   "an endpoint with a port is parsed");
	is_str(ep_str(&e, buf), "10.0.0.1:848", "endpoints: the text is right");
	ok(!ep_parse("10.0.0.1", 500, &e) && e.port == 500, "default port");
	is_int(ep_parse("10.0.0.1", 0, &e), -EINVAL, "no port at all");
	ok(!ep_parse("[2001:db8::1]:4500", 0, &e) && e.port == 4500, "IPv6");
	is_str(ep_str(&e, buf), "[2001:db8::1]:4500",
	       "endpoints: the text is right");
	ok(!ep_parse("2001:db8::1", 848, &f) && f.port == 848,
	   "IPv6 without brackets");
	ok(!ep_equal(&e, &f), "ports count");
	f.port = 4500;
	ok(ep_equal(&e, &f), "endpoints: equals are equal");
	ok(!ep_parse("[fe80::1%lo]:848", 0, &e) &&
		   e.scope == if_nametoindex("lo"),
	   "an interface in it");
	is_str(ep_str(&e, buf), "[fe80::1%lo]:848",
	       "endpoints: the text is right");
	is_int(ep_to_sockaddr(&e, &ss), sizeof(*in6),
	       "an endpoint becomes a sockaddr");
	ok(!ep_from_sockaddr(&ss, &f) && ep_equal(&e, &f),
	   "an endpoint comes back from a sockaddr");
	is_int(ep_parse("[fe80::1%nosuch0]:848", 0, &e), -ENODEV,
	       "an interface that isn't there");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		is_int(ep_parse(bad[i], 848, &e), -EINVAL, "refused: \"%s\"",
		       bad[i]);
	memset(&ss, 0, sizeof(ss));
	in6->sin6_family = AF_INET6;
	inet_pton(AF_INET6, "::ffff:1.2.3.4", &in6->sin6_addr);
	in6->sin6_port = htons(5);
	ok(!ep_from_sockaddr(&ss, &e) && e.addr.family == AF_INET,
	   "a mapped address is IPv4");
	ss.ss_family = AF_UNIX;
	is_int(ep_from_sockaddr(&ss, &e), -EAFNOSUPPORT, "another family");
}

static int wait_recv(int fd, void *buf, size_t size, struct ep *from,
		     struct ep *to, uint32_t *ifindex)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	poll(&p, 1, 2000);
	return udp_recv(fd, buf, size, from, to, ifindex);
}

/* Everything on the loopback interface. */
static void unicast(const char *any, const char *one)
{
	const struct iovec parts[] = { { "\0\0\0\0", 4 }, { "hello", 5 } };
	struct ep local, at, from, to, back;
	uint32_t ifindex = 0;
	char buf[64], s[EP_STRLEN];
	int srv, cli;

	ep_parse(any, 1, &local);
	local.port = 0;
	srv = udp_open(&local, 0);
	cli = udp_open(&local, 0);
	if (srv < 0 || cli < 0) {
		skip(any, strerror(srv < 0 ? -srv : -cli));
		return;
	}
	udp_local(srv, &at);
	addr_parse(one, &at.addr);
	is_int(udp_recv(srv, buf, sizeof(buf), &from, &to, &ifindex), -EAGAIN,
	       "%s: nothing to receive yet", one);
	is_int(udp_sendv(cli, NULL, &at, parts, 2), 0, "%s: two parts are sent",
	       one);
	is_int(wait_recv(srv, buf, sizeof(buf), &from, &to, &ifindex), 9,
	       "%s: received", one);
	is_mem(buf, 9, "\0\0\0\0hello", 9, "%s: as sent", one);
	ok(ep_equal(&to, &at), "%s: at %s", one, ep_str(&to, s));
	is_int(ifindex, if_nametoindex("lo"),
	       "%s: the interface is the loopback", one);
	/* The source of the answer must be the address of the request. */
	udp_send(srv, &to, &from, "back", 4);
	is_int(wait_recv(cli, buf, sizeof(buf), &back, NULL, NULL), 4,
	       "%s: answered", one);
	ok(ep_equal(&back, &at), "%s: the answer comes from %s", one,
	   ep_str(&back, s));
	udp_send(cli, NULL, &at, buf, sizeof(buf));
	is_int(wait_recv(srv, buf, 3, &from, NULL, NULL), -EMSGSIZE,
	       "%s: a datagram that is too long is refused, not cut", one);
	close(srv);
	close(cli);
}

static void multicast(const char *group, const char *any)
{
	uint32_t lo = if_nametoindex("lo");
	struct ep g, local, from, to;
	struct addr none = { 0 };
	int rx, rx2, tx, ret;
	char buf[64];

	ep_parse(group, 1, &g);
	ep_parse(any, 1, &local);
	local.port = 0;
	g.port = 0;
	g.scope = lo;
	tx = udp_open(&local, 0);
	rx = udp_open(&g, UDP_SHARED);
	if (tx < 0 || rx < 0) {
		skip(group, strerror(tx < 0 ? -tx : -rx));
		return;
	}
	udp_local(rx, &to);
	g.port = to.port;
	rx2 = udp_open(&g, UDP_SHARED);
	ok(rx2 >= 0, "%s: two sockets share group and port", group);
	is_int(udp_mcast_join(rx, &g.addr, &none, lo), 0, "%s: joined", group);
	is_int(udp_mcast_join(rx, &g.addr, NULL, lo), -EADDRINUSE,
	       "%s: joined already", group);
	is_int(udp_mcast_out(tx, g.addr.family, 1, lo, true), 0,
	       "%s: interface to send by", group);
	ret = udp_send(tx, NULL, &g, "rekey", 5);
	if (ret) {
		skip(group, strerror(-ret));
	} else {
		is_int(wait_recv(rx, buf, sizeof(buf), &from, &to, NULL), 5,
		       "%s: received by who joined", group);
		ok(addr_equal(&to.addr, &g.addr), "%s: at the group", group);
		is_int(udp_recv(rx2, buf, sizeof(buf), NULL, NULL, NULL),
		       -EAGAIN, "%s: received by nobody else", group);
	}
	is_int(udp_mcast_leave(rx, &g.addr, NULL, lo), 0, "%s: left", group);
	is_int(udp_mcast_leave(rx, &g.addr, NULL, lo), -EADDRNOTAVAIL,
	       "%s: left already", group);
	addr_parse("10.0.0.1", &none);
	is_int(udp_mcast_join(rx, &none, NULL, lo), -EINVAL,
	       "%s: only groups can be joined", group);
	close(rx);
	close(rx2);
	close(tx);
}

static void source_specific(void)
{
	uint32_t lo = if_nametoindex("lo");
	struct ep g, local, from;
	struct addr src;
	char buf[16];
	int rx, tx;

	ep_parse("232.1.1.1", 1, &g);
	g.port = 0;
	ep_parse("0.0.0.0:1", 0, &local);
	local.port = 0;
	rx = udp_open(&g, UDP_SHARED);
	tx = udp_open(&local, 0);
	if (rx < 0 || tx < 0)
		bail("no sockets");
	udp_local(rx, &g);
	addr_parse("127.0.0.7", &src);
	is_int(udp_mcast_join(rx, &g.addr, &src, lo), 0, "joined one source");
	udp_mcast_out(tx, AF_INET, 1, lo, true);
	ep_parse("127.0.0.8:1", 0, &from);
	udp_send(tx, &from, &g, "8", 1);
	ep_parse("127.0.0.7:1", 0, &from);
	udp_send(tx, &from, &g, "7", 1);
	ok(wait_recv(rx, buf, sizeof(buf), &from, NULL, NULL) == 1 &&
		   buf[0] == '7',
	   "only that source is heard");
	is_int(udp_recv(rx, buf, sizeof(buf), NULL, NULL, NULL), -EAGAIN,
	       "the other is not");
	is_int(udp_mcast_leave(rx, &g.addr, &src, lo), 0,
	       "source specific: left");
	close(rx);
	close(tx);
}

struct heard {
	unsigned int n;
	char last;
	struct ep to;
};

static void on_datagram(void *ctx, const struct ep *from, const struct ep *to,
			const uint8_t *p, size_t len)
{
	struct heard *h = ctx;

	(void)from;
	h->n++;
	h->last = len ? (char)*p : 0;
	h->to = *to;
}

static void receivers(void)
{
	struct addr none = { 0 };
	struct heard h = { 0 };
	struct ep g, any, from;
	struct mcast *m;
	struct loop *l;
	uint32_t lo = if_nametoindex("lo");
	int tx, later;

	ep_parse("0.0.0.0:1", 0, &any);
	any.port = 0;
	tx = udp_open(&any, 0);
	ep_parse("203.0.113.77:1", 0, &any);
	any.port = 0;
	is_int(udp_open(&any, 0), -EADDRNOTAVAIL, "an address that isn't here");
	later = udp_open(&any, UDP_FREEBIND);
	ok(later >= 0, "may come later");
	close(later);
	if (tx < 0 || loop_new(NULL, &l) || mcast_new(l, on_datagram, &h, &m))
		bail("no receiver");
	ep_parse("239.77.2.1:7702", 0, &g);
	udp_mcast_out(tx, AF_INET, 1, lo, true);
	is_int(mcast_join(m, &g, &none, lo), 0, "a receiver joins");
	is_int(mcast_join(m, &g, &none, lo), 0, "twice is no error");
	udp_local(tx, &from);
	g.port = from.port;
	is_int(mcast_join(m, &g, &none, lo), 0,
	       "where our own unicast socket has the port");
	mcast_leave(m, &g, &none);
	is_int(udp_open(&from, 0), -EADDRINUSE,
	       "the address of our own socket is in use for others");
	g.port = 7702;
	is_int(mcast_join(m, &g, &none, 1 << 30), -ENODEV,
	       "an interface that isn't there");
	udp_send(tx, NULL, &g, "a", 1);
	loop_once(l, 1000);
	ok(h.n == 1 && h.last == 'a' && ep_equal(&h.to, &g), "one copy");
	g.port++;
	is_int(mcast_join(m, &g, &none, lo), 0, "another port");
	udp_send(tx, NULL, &g, "b", 1);
	loop_once(l, 1000);
	ok(h.n == 2 && h.last == 'b', "a datagram to another port arrives");
	mcast_leave(m, &g, &none);
	mcast_leave(m, &g, &none);
	udp_send(tx, NULL, &g, "c", 1);
	loop_once(l, 50);
	is_int(h.n, 2, "left, nothing more comes");
	g.port--;
	udp_send(tx, NULL, &g, "d", 1);
	loop_once(l, 1000);
	ok(h.n == 3 && h.last == 'd', "the first is still there");
	mcast_free(m);
	loop_free(l);
	close(tx);
}

int main(void)
{
	RUN(addresses);
	RUN(endpoints);
	RUN(unicast, "0.0.0.0", "127.0.0.5");
	RUN(unicast, "::", "::1");
	RUN(multicast, "239.77.1.1", "0.0.0.0");
	RUN(multicast, "ff02::7701", "::");
	RUN(source_specific);
	RUN(receivers);
	return done();
}
