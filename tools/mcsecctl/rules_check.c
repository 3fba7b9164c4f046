// SPDX-License-Identifier: Apache-2.0
/*
 * Rules of nft that drop what a member or a key server needs, by what
 * Documentation/firewall.rst has to say about each chain. Rules of iptables are among
 * them where iptables uses nft.
 */
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "checks.h"
#include "conf/conf.h"
#include "kernel/route.h"
#include "lib/udp.h"
#include "ruleset.h"

/* Chains of PREROUTING below this priority see ESP, see firewall.rst. */
#define SEES_ESP (-399)
/* At most so many groups are looked at, since each costs a walk over all rules. */
#define GROUPS_MAX 64

/* Write a rule that accepts @p, without the part that names the chain. */
static const char *rule_for(const struct probe *p, char *buf, size_t size)
{
	const char *ip = p->family == AF_INET6 ? "ip6" : "ip";
	char to[PREFIX_STRLEN], dst[PREFIX_STRLEN + 16] = "", port[32] = "";
	const char *proto = p->proto == IPPROTO_UDP	 ? "udp"
			    : p->proto == IPPROTO_TCP	 ? "tcp"
			    : p->proto == IPPROTO_IGMP	 ? "igmp"
			    : p->proto == IPPROTO_ESP	 ? "esp"
			    : p->proto == IPPROTO_ICMPV6 ? "ipv6-icmp"
							 : NULL;

	if (!strcmp(p->state, "established"))
		return "ct state established,related accept";
	if (addr_is_multicast(&p->dst) && p->proto != IPPROTO_IGMP &&
	    p->proto != IPPROTO_ICMPV6)
		snprintf(dst, sizeof(dst), "%s daddr %s ", ip,
			 prefix_str(&p->dst, p->dst_len, to));
	if (p->dport)
		snprintf(port, sizeof(port), " dport %u", p->dport);
	if (proto && *port)
		snprintf(buf, size, "%s%s%s accept", dst, proto, port);
	else if (proto)
		snprintf(buf, size, "%smeta l4proto %s accept", dst, proto);
	else
		snprintf(buf, size, "%smeta l4proto %u accept", dst, p->proto);
	return buf;
}

struct rules_walk {
	struct checks *c;
	const json_t *ruleset;
	unsigned int n;
	unsigned int bad;
};

static void judge_probe(struct rules_walk *w, const struct probe *p)
{
	char why[512], buf[256], cure[512];
	const char *rule = rule_for(p, buf, sizeof(buf));

	w->n++;
	switch (ruleset_fate(w->ruleset, p, why, sizeof(why))) {
	case FATE_PASSES:
		return;
	case FATE_DROPPED:
		snprintf(cure, sizeof(cure),
			 "accept it in that chain: \"%s\"; Documentation/firewall.rst has rules for each role",
			 rule);
		check_problem(w->c, "firewall", cure, "%s are dropped by %s",
			      p->what, why);
		break;
	case FATE_UNCLEAR:
		snprintf(cure, sizeof(cure),
			 "see whether it passes there, or add \"%s\" to that chain",
			 rule);
		check_unchecked(w->c, "firewall", cure,
				"%s may be dropped by %s", p->what, why);
		break;
	}
	w->bad++;
}

/* Tell of how many of @n groups the packets were not looked at. */
static void tell_left(struct rules_walk *w, const char *what, size_t n)
{
	if (n > GROUPS_MAX)
		check_unchecked(w->c, "firewall",
				"look at the rules for those of the others",
				"%s of %zu more groups", what, n - GROUPS_MAX);
}

/* ---- a member ------------------------------------------------------------ */

static void judge_registration(struct rules_walk *w,
			       const struct conf_member *m)
{
	struct probe p = {
		.what = "requests to the key server",
		.hook = "output",
		.family = m->gcks.addr.family,
		.proto = IPPROTO_UDP,
		.dst = m->gcks.addr,
		.dport = m->gcks.port,
		.sport = m->local.port,
		.state = "new",
	};
	char dev[IF_NAMESIZE];
	struct route r;

	if (!route_get(&m->gcks, 0, &r) && !r.local)
		p.dev = if_indextoname(r.ifindex, dev);
	judge_probe(w, &p);
	p.what = "answers of the key server";
	p.hook = "input";
	p.src = p.dst;
	p.dst = m->local.addr;
	if (addr_is_none(&p.dst))
		udp_source(&m->gcks, &p.dst);
	p.sport = p.dport;
	p.dport = m->local.port;
	p.state = "established";
	judge_probe(w, &p);
}

/* A port from which nothing is sent that has one of its own. */
#define ANY_PORT 49152

/*
 * The member learns the rekey address and its port when it registers, so that a rule
 * for some address is enough, and the port is taken for that of the key server.
 */
static void judge_rekeys_here(struct rules_walk *w, const struct conf_member *m,
			      const struct conf_mgroup *g, const char *dev)
{
	struct probe p = {
		.hook = "input",
		.family = g->sel.dst.family,
		.proto = IPPROTO_UDP,
		.sport = ANY_PORT,
		.dport = m->gcks.port,
		.dev = dev,
		.state = "new",
	};
	char why[512];

	w->n++;
	if (ruleset_fate(w->ruleset, &p, why, sizeof(why)) != FATE_DROPPED)
		return;
	check_unchecked(w->c, "firewall",
			"accept them in that chain, unless \"rekey-port\" of the key server is another one",
			"rekeys to UDP port %u are dropped by %s", p.dport,
			why);
	w->bad++;
}

/* Reports that bring the group here, and the queries that they answer. */
static void judge_reports(struct rules_walk *w, int family, const char *dev)
{
	bool v6 = family == AF_INET6;
	struct probe p = {
		.what = v6 ? "reports of MLD" : "reports of IGMP",
		.hook = "output",
		.family = family,
		.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_IGMP,
		.dev = dev,
		.state = v6 ? "untracked" : "new",
	};

	addr_parse(v6 ? "ff02::16" : "224.0.0.22", &p.dst);
	judge_probe(w, &p);
	p.what = v6 ? "queries of MLD" : "queries of IGMP";
	p.hook = "input";
	addr_parse(v6 ? "ff02::1" : "224.0.0.1", &p.dst);
	judge_probe(w, &p);
}

static void judge_flow(struct rules_walk *w, const struct conf_mgroup *g,
		       const struct selector *sel, const char *dev)
{
	char clear[64], esp[64];
	struct probe p = {
		.what = clear,
		.family = sel->dst.family,
		.proto = sel->proto ? sel->proto : IPPROTO_UDP,
		.dst = sel->dst,
		.dst_len = sel->dst_len,
		.sport = sel->sport,
		.dport = sel->dport,
		.dev = dev,
		.state = "new",
	};
	struct probe e = {
		.what = esp,
		.family = p.family,
		.proto = IPPROTO_ESP,
		.dst = p.dst,
		.dst_len = p.dst_len,
		.dev = dev,
		.state = "new",
	};

	/* A gateway has its applications elsewhere, so its own chains do not matter. */
	snprintf(clear, sizeof(clear), "datagrams of the group %s%s", g->name,
		 g->forward ? " that this host routes" : "");
	snprintf(esp, sizeof(esp), "ESP datagrams of the group %s", g->name);
	if (g->receive) {
		p.hook = g->forward ? "forward" : "input";
		judge_probe(w, &p);
		e.hook = "prerouting";
		e.below = SEES_ESP;
		judge_probe(w, &e);
	}
	if (g->send) {
		p.hook = g->forward ? "forward" : "output";
		p.leaves = true;
		judge_probe(w, &p);
		e.hook = "postrouting";
		e.below = 0;
		judge_probe(w, &e);
	}
}

/* @rekeyed: look at rekeys, too. @told: families whose reports were looked at. */
static void judge_group(struct rules_walk *w, const struct conf_member *m,
			const struct conf_mgroup *g, bool rekeyed, bool told[2])
{
	size_t i;

	for (i = 0; i < conf_n_flows(g); i++) {
		const struct selector *sel = conf_flow_sel(g, i);
		struct ep to = { .addr = sel->dst };
		bool v6 = to.addr.family == AF_INET6;
		char dev[IF_NAMESIZE] = "";

		snprintf(dev, sizeof(dev), "%s",
			 g->devs.n ? g->devs.name[0] : m->interface);
		multicast_dev(&to, dev);
		w->c->group = g->name;
		judge_flow(w, g, sel, *dev ? dev : NULL);
		w->c->group = NULL;
		if (!i && rekeyed)
			judge_rekeys_here(w, m, g, *dev ? dev : NULL);
		if (told[v6])
			continue;
		told[v6] = true;
		judge_reports(w, to.addr.family, *dev ? dev : NULL);
	}
}

static void judge_member(struct rules_walk *w, const struct conf_member *m)
{
	bool told[2] = {}, rekeyed = false;
	size_t i;

	judge_registration(w, m);
	for (i = 0; i < m->n_groups && i < GROUPS_MAX; i++) {
		const struct conf_mgroup *g = &m->groups[i];

		judge_group(w, m, g, !rekeyed && !g->inband, told);
		rekeyed |= !g->inband;
	}
	tell_left(w, "datagrams", m->n_groups);
}

/* ---- a key server -------------------------------------------------------- */

static void judge_listener(struct rules_walk *w, const struct ep *at)
{
	char in[64], out[64];
	struct probe p = {
		.what = in,
		.hook = "input",
		.family = at->addr.family,
		.proto = IPPROTO_UDP,
		.dport = at->port,
		.state = "new",
	};

	snprintf(in, sizeof(in), "requests of members to UDP port %u",
		 at->port);
	snprintf(out, sizeof(out), "answers to members from UDP port %u",
		 at->port);
	if (!addr_is_any(&at->addr))
		p.dst = at->addr;
	judge_probe(w, &p);
	p.what = out;
	p.hook = "output";
	p.src = p.dst;
	memset(&p.dst, 0, sizeof(p.dst));
	p.sport = p.dport;
	p.dport = 0;
	p.state = "established";
	judge_probe(w, &p);
}

static void judge_rekeys(struct rules_walk *w, const struct conf_group *g)
{
	char what[64], dev[IF_NAMESIZE];
	struct probe p = {
		.what = what,
		.hook = "output",
		.family = g->rekey_to.addr.family,
		.proto = IPPROTO_UDP,
		.src = g->rekey_source,
		.dst = g->rekey_to.addr,
		.dport = g->rekey_to.port,
		.state = "new",
	};

	snprintf(what, sizeof(what), "rekeys of the group %s", g->name);
	snprintf(dev, sizeof(dev), "%s", g->rekey_interface);
	if (!multicast_dev(&g->rekey_to, dev))
		p.dev = dev;
	judge_probe(w, &p);
}

static void judge_gcks(struct rules_walk *w, const struct conf_gcks *k)
{
	size_t i, n = 0;

	for (i = 0; i < k->n_listen; i++)
		judge_listener(w, &k->listen[i]);
	for (i = 0; i < k->n_groups; i++) {
		/* Rekeys over IKE SAs only leave as answers do. */
		if (addr_is_none(&k->groups[i].rekey_to.addr))
			continue;
		if (n++ < GROUPS_MAX)
			judge_rekeys(w, &k->groups[i]);
	}
	tell_left(w, "rekeys", n);
}

/* ---- all of them --------------------------------------------------------- */

void check_ruleset(struct checks *c, const json_t *ruleset)
{
	struct rules_walk w = { .c = c, .ruleset = ruleset };

	if (c->conf->member)
		judge_member(&w, c->conf->member);
	if (c->conf->gcks)
		judge_gcks(&w, c->conf->gcks);
	if (!w.bad)
		check_ok(c, "firewall",
			 "nft drops none of %u kinds of packets that are needed",
			 w.n);
}

/* Rules of the former iptables, which nft does not list. */
static void judge_legacy(struct checks *c, const char *tables,
			 const char *command)
{
	char name[64];

	if (read_setting(c, name, sizeof(name), "/proc/net/%s", tables))
		check_unchecked(c, "firewall", command,
				"tables of iptables-legacy are in use, which nft does not list");
}

void check_rules(struct checks *c)
{
	json_t *ruleset;
	int status;
	FILE *f;

	if (!c->conf) {
		check_unchecked(c, "firewall", "see configuration",
				"the configuration names the addresses");
		return;
	}
	f = popen("PATH=$PATH:/usr/sbin:/sbin nft -j list ruleset 2>/dev/null",
		  "r");
	ruleset = f ? json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	status = f ? pclose(f) : -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		check_unchecked(c, "firewall", "install nftables",
				"nft is missing, which lists the rules");
	else if (!ruleset)
		check_unchecked(c, "firewall",
				"try \"nft -j list ruleset\", with sudo",
				"nft lists no rules");
	else
		check_ruleset(c, ruleset);
	json_decref(ruleset);
	judge_legacy(c, "ip_tables_names",
		     "look at \"iptables-legacy -L -v\", or replace it by nft");
	judge_legacy(c, "ip6_tables_names",
		     "look at \"ip6tables-legacy -L -v\", or replace it by nft");
}
