// SPDX-License-Identifier: Apache-2.0
/*
 * Routes to the key server and the multicast addresses, the interfaces of these, and
 * settings of the kernel that take datagrams away.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "checks.h"
#include "conf/conf.h"
#include "kernel/route.h"
#include "lib/util.h"

/* Addresses that are looked at: those of the configuration, each once. */
#define PLACES_MAX 64

/* A multicast address with the interface on which it is sent and received. */
struct place {
	struct ep to;
	const char *what; /* "group" or "rekey address" */
	const char *name; /* the group's */
	bool is_group; /* false: a rekey address */
	char dev[IF_NAMESIZE]; /* "": none */
	bool chosen; /* by a setting */
};

struct places {
	struct place v[PLACES_MAX];
	size_t n;
	size_t left; /* more of them */
};

static void add_place(struct places *l, const struct place *p)
{
	if (l->n < PLACES_MAX)
		l->v[l->n++] = *p;
	else
		l->left++;
}

static struct place group_place(const struct conf_mgroup *g, size_t flow,
				const char *interface)
{
	struct place p = {
		.to.addr = conf_flow_sel(g, flow)->dst,
		.what = "group",
		.name = g->name,
		.is_group = true,
	};

	if (g->devs.n)
		snprintf(p.dev, sizeof(p.dev), "%s", g->devs.name[0]);
	else
		snprintf(p.dev, sizeof(p.dev), "%s", interface);
	p.chosen = *p.dev;
	return p;
}

static struct place rekey_place(const struct conf_group *g)
{
	struct place p = {
		.to = g->rekey_to,
		.what = "rekey address of group",
		.name = g->name,
	};

	snprintf(p.dev, sizeof(p.dev), "%s", g->rekey_interface);
	return p;
}

static void find_places(const struct conf *c, struct places *l)
{
	const struct conf_mgroup *g;
	struct place p;
	size_t i, n;

	for (i = 0; c->gcks && i < c->gcks->n_groups; i++) {
		/* A group that is rekeyed over IKE SAs only has no address. */
		if (addr_is_none(&c->gcks->groups[i].rekey_to.addr))
			continue;
		p = rekey_place(&c->gcks->groups[i]);
		add_place(l, &p);
	}
	for (i = 0; c->member && i < c->member->n_groups; i++) {
		g = &c->member->groups[i];
		for (n = 0; n < conf_n_flows(g); n++) {
			p = group_place(g, n, c->member->interface);
			add_place(l, &p);
		}
	}
}

/* ---- routes -------------------------------------------------------------- */

static const char *dev_name(uint32_t ifindex, char name[static IF_NAMESIZE])
{
	return if_indextoname(ifindex, name) ? name : "?";
}

static void judge_gcks_route(struct checks *c, const struct conf_member *m)
{
	char name[IF_NAMESIZE], ep[EP_STRLEN];
	struct route r;
	int ret = route_get(&m->gcks, 0, &r);

	ep_str(&m->gcks, ep);
	if (ret)
		check_problem(c, "route",
			      "add a route (\"ip route\"), set the link up (\"ip link\"), or correct \"gcks\"",
			      "to the key server %s: %s", ep, strerror(-ret));
	else
		check_ok(c, "route", "to the key server %s by %s", ep,
			 r.local ? "this host itself"
				 : dev_name(r.ifindex, name));
}

int multicast_dev(const struct ep *to, char *dev)
{
	struct route r;
	int ret;

	if (*dev)
		return 0;
	ret = route_get(to, 0, &r);
	if (ret)
		return ret;
	return !r.undecided && if_indextoname(r.ifindex, dev) ? 0
							      : -ENETUNREACH;
}

/*
 * Find the multicast interface that has the address @a, or the only one if that is
 * none. Returns false if there is no such interface.
 */
static bool own_dev(const struct addr *a, char dev[static IF_NAMESIZE])
{
	bool found = false, several = false;
	struct sockaddr_storage ss = {};
	struct ifaddrs *list, *i;
	struct ep e;

	if (getifaddrs(&list))
		return false;
	for (i = list; i; i = i->ifa_next) {
		if (!route_is_mcast_dev(i))
			continue;
		if (!addr_is_none(a)) {
			if (!i->ifa_addr || i->ifa_addr->sa_family != a->family)
				continue;
			memcpy(&ss, i->ifa_addr,
			       a->family == AF_INET
				       ? sizeof(struct sockaddr_in)
				       : sizeof(struct sockaddr_in6));
			if (ep_from_sockaddr(&ss, &e) ||
			    !addr_equal(&e.addr, a))
				continue;
		}
		several |= found && strcmp(dev, i->ifa_name);
		found = true;
		snprintf(dev, IF_NAMESIZE, "%s", i->ifa_name);
	}
	freeifaddrs(list);
	return found && !several;
}

/* Return an address of this host to which members send, or none. */
static struct addr listen_addr(const struct conf_gcks *k, int family)
{
	struct addr none = {};
	size_t i;

	for (i = 0; i < k->n_listen; i++)
		if (k->listen[i].addr.family == family &&
		    !addr_is_any(&k->listen[i].addr))
			return k->listen[i].addr;
	return none;
}

/*
 * Without a route mcsecd takes the interface of its other end, see app/interface.c: that
 * of the key server, or of the own address.
 */
static bool assumed_dev(const struct conf *conf, struct place *p)
{
	struct addr own = {}, none = {};
	struct route r;

	if (!p->is_group) {
		own = listen_addr(conf->gcks, p->to.addr.family);
	} else if (!route_get(&conf->member->gcks, 0, &r)) {
		if (!r.local)
			return if_indextoname(r.ifindex, p->dev);
		own = conf->member->gcks.addr;
	}
	if (!addr_is_none(&own) && own_dev(&own, p->dev))
		return true;
	return own_dev(&none, p->dev);
}

/* Find the interface of @p if none is configured. Returns false without one. */
static bool find_dev(struct checks *c, struct place *p)
{
	int ret = multicast_dev(&p->to, p->dev);
	char addr[ADDR_STRLEN];

	if (!ret)
		return true;
	addr_str(&p->to.addr, addr);
	if (assumed_dev(c->conf, p)) {
		check_ok(c, "route", "none to %s, the %s %s; %s", addr, p->what,
			 p->name,
			 p->is_group
				 ? "applications have to choose an interface"
				 : "mcsecd assumes an interface");
		return true;
	}
	*p->dev = '\0';
	check_problem(c, "route",
		      p->is_group
			      ? "add a route to it or to the key server, or set a link up"
			      : "add a route to it, set \"rekey-interface\", or a link up",
		      "to %s, the %s %s: %s", addr, p->what, p->name,
		      strerror(-ret));
	return false;
}

static void judge_dev(struct checks *c, const struct place *p)
{
	char addr[ADDR_STRLEN];
	struct ifreq ifr = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret;

	addr_str(&p->to.addr, addr);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", p->dev);
	ret = ioctl(fd, SIOCGIFFLAGS, &ifr);
	close(fd);
	if (ret)
		check_problem(c, "interface", "add it, or correct the setting",
			      "no interface %s, for %s, the %s %s", p->dev,
			      addr, p->what, p->name);
	else if (!(ifr.ifr_flags & IFF_UP) || !(ifr.ifr_flags & IFF_RUNNING))
		check_problem(c, "interface", "set it up (\"ip link set\")",
			      "%s, for %s, is down or has no carrier", p->dev,
			      addr);
	else if (!(ifr.ifr_flags & IFF_MULTICAST))
		check_problem(c, "interface",
			      "\"ip link set multicast on\", or another interface",
			      "%s, for %s, takes no multicast", p->dev, addr);
	else
		check_ok(c, "interface", "%s for %s, the %s %s", p->dev, addr,
			 p->what, p->name);
}

/*
 * A default route may lead a group to another interface than that of the key server,
 * which is right at a router and wrong at most hosts.
 */
static void judge_side(struct checks *c, const struct place *p)
{
	const struct conf_member *m = c->conf->member;
	char name[IF_NAMESIZE], addr[ADDR_STRLEN];
	struct route r;

	if (!p->is_group || p->chosen || !*p->dev ||
	    route_get(&m->gcks, 0, &r) || r.local ||
	    !strcmp(dev_name(r.ifindex, name), p->dev))
		return;
	check_unchecked(c, "interface",
			"if the group is on the interface of the key server, set \"interface\" in the role member, or add a route to the group by it",
			"%s, the group %s, is on %s by route, and the key server is reached by %s",
			addr_str(&p->to.addr, addr), p->name, p->dev, name);
}

/* ---- settings of the kernel ---------------------------------------------- */

static int number_of(const struct checks *c, const char *family,
		     const char *dev, const char *name)
{
	char text[32];

	if (!read_setting(c, text, sizeof(text), "/proc/sys/net/%s/conf/%s/%s",
			  family, dev, name))
		return -1;
	return atoi(text);
}

/*
 * In strict mode the kernel drops datagrams from a source to which it would not send
 * by the same interface.
 */
static void judge_filter(struct checks *c, const char *dev)
{
	const struct conf_member *m = c->conf->member;
	int all = number_of(c, "ipv4", "all", "rp_filter");
	int own = number_of(c, "ipv4", dev, "rp_filter");
	char name[IF_NAMESIZE];
	struct route r;

	if (own < 0 || all < 0) {
		check_unchecked(c, "rp_filter", "mount /proc",
				"/proc does not have it for %s", dev);
		return;
	}
	/* The kernel uses the larger one, and 2 is loose. */
	if ((all > own ? all : own) != 1) {
		check_ok(c, "rp_filter", "not strict on %s", dev);
		return;
	}
	if (m && m->gcks.addr.family == AF_INET &&
	    !route_get(&m->gcks, 0, &r) && !r.local &&
	    strcmp(dev_name(r.ifindex, name), dev))
		check_problem(c, "rp_filter",
			      "set net.ipv4.conf.*.rp_filter to 2, or route to the key server by that interface",
			      "strict on %s, and the key server is reached by %s: its rekeys are dropped",
			      dev, name);
	else
		check_ok(c, "rp_filter",
			 "strict on %s: each sender must be routed to by it",
			 dev);
}

static void judge_ipv6(struct checks *c, const char *dev)
{
	if (number_of(c, "ipv6", dev, "disable_ipv6") == 0)
		check_ok(c, "ipv6", "enabled on %s", dev);
	else
		check_problem(c, "ipv6",
			      "set net.ipv6.conf.*.disable_ipv6 to 0, or use addresses of IPv4",
			      "IPv6 is disabled on %s, and the configuration has addresses of IPv6",
			      dev);
}

/* /sys has the interfaces of the namespace in which it was mounted. */
static bool is_in_sys(const struct checks *c, const char *dev)
{
	char ifindex[16];

	return read_setting(c, ifindex, sizeof(ifindex),
			    "/sys/class/net/%s/ifindex", dev) &&
	       strtoul(ifindex, NULL, 10) == if_nametoindex(dev);
}

/* A bridge that snoops, without a querier, forgets members within minutes. */
static void judge_querier(struct checks *c, const char *dev)
{
	char master[64], on[8], querier[8];
	const char *path = "bridge";

	if (!if_nametoindex(dev))
		return;
	if (!is_in_sys(c, dev)) {
		check_unchecked(c, "querier",
				"use \"ip netns exec\" in place of -n, which mounts /sys",
				"/sys is of another network namespace than %s",
				dev);
		return;
	}
	snprintf(master, sizeof(master), "%s/%s", dev, path);
	if (!read_setting(c, on, sizeof(on),
			  "/sys/class/net/%s/multicast_snooping", master)) {
		snprintf(master, sizeof(master), "%s/brport/bridge/bridge",
			 dev);
		if (!read_setting(c, on, sizeof(on),
				  "/sys/class/net/%s/multicast_snooping",
				  master)) {
			check_ok(c, "querier",
				 "%s is in no bridge of this host; switches that snoop IGMP need a querier",
				 dev);
			return;
		}
	}
	if (atoi(on) == 0) {
		check_ok(c, "querier", "the bridge of %s does not snoop", dev);
		return;
	}
	if (read_setting(c, querier, sizeof(querier),
			 "/sys/class/net/%s/multicast_querier", master) &&
	    atoi(querier))
		check_ok(c, "querier", "the bridge of %s is one", dev);
	else
		check_unchecked(c, "querier",
				"if no router or switch there is one, set multicast_querier of the bridge to 1 (\"ip link set BRIDGE type bridge mcast_querier 1\")",
				"the bridge of %s snoops IGMP and is no querier, which another host has to be",
				dev);
}

/* The kernel sets it while a program routes multicast. */
static bool routes_multicast(const struct checks *c,
			     const struct conf_mgroup *g)
{
	bool v6 = g->sel.dst.family == AF_INET6;

	return number_of(c, v6 ? "ipv6" : "ipv4", "all", "mc_forwarding") > 0;
}

/* A gateway needs a program that routes, and the setting that lets it encrypt. */
static void judge_routing(struct checks *c, const struct conf_member *m)
{
	size_t i;

	for (i = 0; i < m->n_groups; i++) {
		const struct conf_mgroup *g = &m->groups[i];
		bool routes = routes_multicast(c, g);

		if (g->forward && routes)
			check_ok(c, "forward",
				 "a program routes multicast, as the gateway of %s needs",
				 g->name);
		else if (g->forward)
			check_problem(c, "forward",
				      "start one, as smcroute or pimd, with routes for the group",
				      "the group %s has \"forward\", and no program routes multicast (mc_forwarding is 0)",
				      g->name);
		else if (routes)
			check_unchecked(c, "forward",
					"if it routes this group, set \"forward\", without which that is dropped",
					"this host routes multicast, and the group %s has no \"forward\"",
					g->name);
	}
}

/* ---- MTU ----------------------------------------------------------------- */

/* Return the MTU of the path that the kernel knows, or -errno. */
static int path_mtu(const struct ep *to)
{
	bool v6 = to->addr.family == AF_INET6;
	struct sockaddr_storage ss;
	int mtu, ret = 0, fd;
	socklen_t len = sizeof(mtu);

	fd = socket(to->addr.family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&ss, ep_to_sockaddr(to, &ss)) ||
	    getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       v6 ? IPV6_MTU : IP_MTU, &mtu, &len))
		ret = -errno;
	close(fd);
	return ret ? ret : mtu;
}

static void judge_mtu(struct checks *c, const char *what, uint32_t fragment,
		      int mtu)
{
	if (mtu < 0)
		check_unchecked(c, "mtu", "see route", "of %s: %s", what,
				strerror(-mtu));
	else if (!fragment)
		check_ok(c, "mtu",
			 "%d for %s; fragment-size 0 leaves fragments to IP",
			 mtu, what);
	else if (fragment > (uint32_t)mtu)
		check_problem(c, "mtu",
			      "set \"fragment-size\" to the MTU or less",
			      "%d for %s, and fragment-size is %u: messages are cut again by IP, and firewalls drop such",
			      mtu, what, fragment);
	else
		check_ok(c, "mtu", "%d for %s, fragment-size %u", mtu, what,
			 fragment);
}

static int dev_mtu(const char *dev)
{
	struct ifreq ifr = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int ret = 0;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	if (ioctl(fd, SIOCGIFMTU, &ifr))
		ret = -errno;
	close(fd);
	return ret ? ret : ifr.ifr_mtu;
}

/* ---- all of them --------------------------------------------------------- */

static bool seen_before(const struct places *l, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (l->v[j].to.addr.family == l->v[i].to.addr.family &&
		    !strcmp(l->v[j].dev, l->v[i].dev))
			return true;
	return false;
}

static void judge_kernel_settings(struct checks *c, const struct places *l)
{
	char what[64];
	size_t i;

	for (i = 0; i < l->n; i++) {
		const struct place *p = &l->v[i];

		if (!*p->dev || seen_before(l, i))
			continue;
		if (p->to.addr.family == AF_INET)
			judge_filter(c, p->dev);
		else
			judge_ipv6(c, p->dev);
		judge_querier(c, p->dev);
		if (!c->conf->gcks)
			continue;
		snprintf(what, sizeof(what), "rekeys on %s", p->dev);
		judge_mtu(c, what, c->conf->gcks->fragment_size,
			  dev_mtu(p->dev));
	}
}

void check_net(struct checks *c)
{
	const struct conf *conf = c->conf;
	struct places l = {};
	size_t i;

	if (!conf) {
		check_unchecked(c, "route", "see configuration",
				"the configuration names the addresses");
		return;
	}
	if (conf->member) {
		judge_gcks_route(c, conf->member);
		judge_mtu(c, "registration", conf->member->fragment_size,
			  path_mtu(&conf->member->gcks));
	}
	find_places(conf, &l);
	for (i = 0; i < l.n; i++)
		if (find_dev(c, &l.v[i])) {
			judge_dev(c, &l.v[i]);
			judge_side(c, &l.v[i]);
		}
	if (conf->member)
		judge_routing(c, conf->member);
	judge_kernel_settings(c, &l);
	if (l.left)
		check_unchecked(c, "interface", "look at those of the others",
				"%zu more groups", l.left);
}
