// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/noaddr.h"
#include "lib/selector.h"
#include "lib/util.h"
#include "listing.h"
#include "mcsecctl.h"
#include "table.h"

/* Parse "ADDRESS" or "ADDRESS/LENGTH" of the word @what. */
static int read_prefix(const char *what, const char *s, struct addr *addr,
		       uint8_t *len)
{
	int ret = prefix_parse(s, addr, len);

	if (ret == -ERANGE)
		return complain(EXIT_USAGE,
				"%s \"%s\": a prefix has 1 to %u bits", what, s,
				addr->len * 8U);
	if (ret)
		return complain(EXIT_USAGE,
				"%s \"%s\": not an IPv4 or IPv6 address: %s",
				what, s, addr_why_not(s));
	return EXIT_OK;
}

static int set_src(const struct word *w, const char *value, void *obj)
{
	struct kgroup *g = obj;

	(void)w;
	return read_prefix("src", value, &g->src, &g->src_len);
}

static int set_proto(const struct word *w, const char *value, void *obj)
{
	struct kgroup *g = obj;
	uint64_t v;

	(void)w;
	g->proto = proto_find(value);
	if (g->proto)
		return EXIT_OK;
	if (!parse_u64(value, &v) || !v || v > 255)
		return complain(EXIT_USAGE,
				"proto \"%s\": not a number from 1 to 255, nor icmp, igmp, tcp, udp, icmpv6, ospf, pim, vrrp, sctp or udplite",
				value);
	g->proto = v;
	return EXIT_OK;
}

static int set_port(const struct word *w, const char *value, void *obj)
{
	uint64_t v;
	uint16_t port;

	if (!parse_u64(value, &v) || !v || v > 65535)
		return complain(EXIT_USAGE,
				"%s \"%s\": not a port from 1 to 65535",
				w->name, value);
	port = v;
	memcpy((char *)obj + w->off, &port, sizeof(port));
	return EXIT_OK;
}

/* Parse "V" or "V/M". */
static int set_mark(const struct word *w, const char *value, void *obj)
{
	uint64_t mark, mask = UINT32_MAX;
	struct kmark *m = (void *)((char *)obj + w->off);
	char buf[32];
	char *slash;

	if (strlen(value) >= sizeof(buf))
		goto bad;
	strcpy(buf, value);
	slash = strchr(buf, '/');
	if (slash)
		*slash++ = '\0';
	if (!parse_u64(buf, &mark) || mark > UINT32_MAX ||
	    (slash && (!parse_u64(slash, &mask) || mask > UINT32_MAX)))
		goto bad;
	if (!mask)
		return complain(EXIT_USAGE, "%s \"%s\": the mask is 0", w->name,
				value);
	if (mark & ~mask)
		return complain(EXIT_USAGE,
				"%s \"%s\": the mark has bits outside the mask",
				w->name, value);
	m->value = mark;
	m->mask = mask;
	return EXIT_OK;
bad:
	return complain(EXIT_USAGE, "%s \"%s\": not like 0x10 or 0x10/0xf0",
			w->name, value);
}

/* Parse "eth0,eth1". */
static int set_devs(const struct word *w, const char *value, void *obj)
{
	struct kgroup *g = obj;
	const char *s = value;
	size_t len;

	(void)w;
	do {
		len = strcspn(s, ",");
		if (!len || len >= KDEV_MAX)
			return complain(EXIT_USAGE,
					"dev \"%s\": not names of interfaces with commas between them",
					value);
		if (g->n_devs == MCSEC_DEVS_MAX)
			return complain(EXIT_USAGE,
					"dev: a group has at most %d interfaces",
					MCSEC_DEVS_MAX);
		memcpy(g->devs[g->n_devs], s, len);
		g->devs[g->n_devs++][len] = '\0';
		s += len;
	} while (*s++);
	return EXIT_OK;
}

#define AT(member) .off = offsetof(struct kgroup, member)

#define POLICY \
	WORD("policy", "enforce or observe", set_name, AT(policy), \
	     .names = kpolicy_names)

static const struct word set_words[] = { POLICY, {} };

static const struct word add_words[] = {
	WORD("src", "an address or prefix", set_src),
	WORD("proto", "a protocol", set_proto),
	WORD("sport", "a port", set_port, AT(sport)),
	WORD("dport", "a port", set_port, AT(dport)),
	WORD("mark", "a mark", set_mark, AT(mark)),
	WORD("in-mark", "a mark", set_mark, AT(in_mark)),
	WORD("dev", "an interface", set_devs),
	POLICY,
	WORD("forward", NULL, set_true, AT(forward)),
	{}
};

static int group_add(struct ctl *ctl, int argc, char **argv)
{
	struct kgroup g = {};
	struct err err = {};
	uint32_t seen;
	int ret;

	ret = check_argc(argc, 2, INT_MAX);
	if (!ret)
		ret = read_group(argv[0], g.name);
	if (!ret)
		ret = read_prefix("address", argv[1], &g.dst, &g.dst_len);
	if (!ret)
		ret = read_words(add_words, argc - 2, argv + 2, &g, &seen);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->group_add(ctl->kernel.ctx, &g, &err))
		return refused("group add", &err);
	warned("group add", &err);
	tell_done(ctl,
		  g.policy == MCSEC_POLICY_ENFORCE
			  ? "group %s: %s is protected now"
			  : "group %s: %s is observed now, and clear datagrams pass",
		  g.name, argv[1]);
	return EXIT_OK;
}

static int group_set(struct ctl *ctl, int argc, char **argv)
{
	bool force = take_flag(&argc, argv, "--force");
	struct kgroup g = {};
	struct err err;
	uint32_t seen;
	int ret;

	ret = check_argc(argc, 3, 3);
	if (!ret)
		ret = read_group(argv[0], g.name);
	if (!ret)
		ret = read_words(set_words, argc - 1, argv + 1, &g, &seen);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->group_set(ctl->kernel.ctx, g.name, g.policy, force,
				       &err))
		return refused("group set", &err);
	tell_done(ctl, "group %s: the policy is %s now", g.name,
		  kpolicy_names[g.policy]);
	return EXIT_OK;
}

static int group_del(struct ctl *ctl, int argc, char **argv)
{
	bool force = take_flag(&argc, argv, "--force");
	char name[MCSEC_NAME_MAX + 1];
	struct err err = {};
	int ret;

	ret = check_argc(argc, 1, 1);
	if (!ret)
		ret = read_group(argv[0], name);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->group_del(ctl->kernel.ctx, name, force, &err))
		return refused("group del", &err);
	warned("group del", &err);
	tell_done(ctl, "group %s is deleted", name);
	return EXIT_OK;
}

static int group_flush(struct ctl *ctl, int argc, char **argv)
{
	bool force = take_flag(&argc, argv, "--force");
	struct err err = {};
	int ret;

	ret = check_argc(argc, 0, 0);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->group_flush(ctl->kernel.ctx, force, &err))
		return refused("group flush", &err);
	warned("group flush", &err);
	tell_done(ctl, "all groups are deleted");
	return EXIT_OK;
}

json_t *group_json(const struct kgroup_info *i)
{
	const struct kgroup *g = &i->group;
	char buf[PREFIX_STRLEN];
	json_t *o, *devs;
	size_t n;

	o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "name", g->name,
		      "dst", prefix_str(&g->dst, g->dst_len, buf), "policy",
		      kpolicy_names[g->policy], "sas", (json_int_t)i->sas,
		      "out-drops", (json_int_t)i->out_drops, "in-drops",
		      (json_int_t)i->in_drops, "observed",
		      (json_int_t)i->observed);
	if (!addr_is_none(&g->src)) {
		prefix_str(&g->src, g->src_len, buf);
		put_json_str(o, "src", buf);
	}
	if (*g->owner)
		put_json_str(o, "owner", g->owner);
	if (g->proto)
		put_json_str(o, "proto", proto_str(g->proto, buf));
	if (g->sport)
		put_json_int(o, "sport", g->sport);
	if (g->dport)
		put_json_int(o, "dport", g->dport);
	if (g->mark.mask) {
		put_json_int(o, "mark", g->mark.value);
		put_json_int(o, "mark-mask", g->mark.mask);
	}
	if (g->in_mark.mask) {
		put_json_int(o, "in-mark", g->in_mark.value);
		put_json_int(o, "in-mark-mask", g->in_mark.mask);
	}
	if (g->n_devs) {
		devs = json_array();
		for (n = 0; n < g->n_devs; n++)
			json_array_append_new(devs, json_string(g->devs[n]));
		json_object_set_new(o, "dev", devs);
	}
	if (g->forward)
		json_object_set_new(o, "forward", json_true());
	if (i->out_spi)
		put_json_int(o, "out-spi", i->out_spi);
	return o;
}

/* ---- show ---------------------------------------------------------------- */

enum {
	GROUP_NAME,
	GROUP_ADDRESS,
	GROUP_SRC,
	GROUP_PROTO,
	GROUP_SPORT,
	GROUP_DPORT,
	GROUP_MARK,
	GROUP_DEV,
	GROUP_FORWARD,
	GROUP_IN_MARK,
	GROUP_POLICY,
	GROUP_OWNER,
	GROUP_SAS,
	GROUP_OUT_SPI,
	GROUP_OUT_DROPS,
	GROUP_IN_DROPS,
	GROUP_OBSERVED,
};

struct table *group_table_new(void)
{
	static const struct column columns[] = {
		[GROUP_NAME] = { "GROUP", 0 },
		[GROUP_ADDRESS] = { "ADDRESS", 0 },
		[GROUP_SRC] = { "SRC", COLUMN_OPTIONAL | COLUMN_SPARE(3) },
		[GROUP_PROTO] = { "PROTO", COLUMN_OPTIONAL | COLUMN_SPARE(1) },
		[GROUP_SPORT] = { "SPORT", COLUMN_OPTIONAL | COLUMN_RIGHT |
						   COLUMN_SPARE(5) },
		[GROUP_DPORT] = { "DPORT", COLUMN_OPTIONAL | COLUMN_RIGHT |
						   COLUMN_SPARE(2) },
		[GROUP_MARK] = { "MARK", COLUMN_OPTIONAL | COLUMN_SPARE(8) },
		[GROUP_DEV] = { "DEV", COLUMN_OPTIONAL | COLUMN_SPARE(4) },
		[GROUP_FORWARD] = { "FORWARD",
				    COLUMN_OPTIONAL | COLUMN_SPARE(7) },
		[GROUP_IN_MARK] = { "IN-MARK",
				    COLUMN_OPTIONAL | COLUMN_SPARE(9) },
		[GROUP_POLICY] = { "POLICY", 0 },
		[GROUP_OWNER] = { "OWNER", COLUMN_OPTIONAL | COLUMN_SPARE(10) },
		[GROUP_SAS] = { "SAS", COLUMN_RIGHT | COLUMN_SPARE(6) },
		[GROUP_OUT_SPI] = { "OUT-SPI", 0 },
		[GROUP_OUT_DROPS] = { "OUT-DROPS",
				      COLUMN_OPTIONAL | COLUMN_RIGHT },
		[GROUP_IN_DROPS] = { "IN-DROPS",
				     COLUMN_OPTIONAL | COLUMN_RIGHT },
		[GROUP_OBSERVED] = { "OBSERVED",
				     COLUMN_OPTIONAL | COLUMN_RIGHT },
		{}
	};

	return table_new(columns, true);
}

static void put_mark(struct table *t, size_t column, const struct kmark *m)
{
	if (m->mask == UINT32_MAX)
		table_printf(t, column, "0x%" PRIx32, m->value);
	else if (m->mask)
		table_printf(t, column, "0x%" PRIx32 "/0x%" PRIx32, m->value,
			     m->mask);
}

static void put_selector(struct table *t, const struct kgroup *g)
{
	char buf[PREFIX_STRLEN], devs[MCSEC_DEVS_MAX * KDEV_MAX] = "";
	size_t n, len = 0;

	table_put(t, GROUP_ADDRESS, prefix_str(&g->dst, g->dst_len, buf));
	if (!addr_is_none(&g->src))
		table_put(t, GROUP_SRC, prefix_str(&g->src, g->src_len, buf));
	if (g->proto)
		table_put(t, GROUP_PROTO, proto_str(g->proto, buf));
	table_count(t, GROUP_SPORT, g->sport);
	table_count(t, GROUP_DPORT, g->dport);
	put_mark(t, GROUP_MARK, &g->mark);
	for (n = 0; n < g->n_devs; n++)
		len += (size_t)snprintf(devs + len, sizeof(devs) - len, "%s%s",
					n ? "," : "", g->devs[n]);
	table_put(t, GROUP_DEV, devs);
}

void group_table_add(struct table *t, const struct kgroup_info *i)
{
	const struct kgroup *g = &i->group;

	table_row(t);
	table_put(t, GROUP_NAME, g->name);
	put_selector(t, g);
	if (g->forward)
		table_put(t, GROUP_FORWARD, "yes");
	put_mark(t, GROUP_IN_MARK, &g->in_mark);
	table_put(t, GROUP_POLICY, kpolicy_names[g->policy]);
	if (g->policy != MCSEC_POLICY_ENFORCE)
		table_tint(t, GROUP_POLICY, TINT_DOUBT);
	table_put(t, GROUP_OWNER, g->owner);
	table_count(t, GROUP_SAS, i->sas);
	if (i->out_spi)
		table_printf(t, GROUP_OUT_SPI, SPI_FMT, i->out_spi);
	else
		table_put(t, GROUP_OUT_SPI, "none");
	table_count(t, GROUP_OUT_DROPS, i->out_drops);
	table_count(t, GROUP_IN_DROPS, i->in_drops);
	table_count(t, GROUP_OBSERVED, i->observed);
}

static int list_group(void *arg, const struct kgroup_info *g)
{
	struct listing *l = arg;

	if (listing_next(l))
		listing_put(l, group_json(g));
	else
		group_table_add(l->table, g);
	return 0;
}

static int group_show(struct ctl *ctl, int argc, char **argv)
{
	char name[MCSEC_NAME_MAX + 1];
	struct kgroup_info g;
	struct listing l;
	struct err err;
	int ret;

	ret = check_argc(argc, 0, 1);
	if (!ret && argc)
		ret = read_group(argv[0], name);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;

	listing_begin(&l, ctl, group_table_new);
	if (argc) {
		ret = ctl->kernel.ops->group_get(ctl->kernel.ctx, name, &g,
						 &err);
		if (!ret)
			list_group(&l, &g);
	} else {
		ret = ctl->kernel.ops->group_dump(ctl->kernel.ctx, list_group,
						  &l, &err);
	}
	return listing_end(&l, ret, "group show", &err, "no groups");
}

const struct command group_commands[] = {
	COMMAND("add", group_add, "NAME ADDRESS[/LENGTH] [WORD VALUE]...",
		"protect a multicast address, or all of a prefix",
		.words = add_words),
	COMMAND("set", group_set, "NAME policy enforce|observe [--force]",
		"change what is done with clear traffic", .words = set_words),
	COMMAND("del", group_del, "NAME [--force]",
		"protect the group's addresses no more"),
	COMMAND("show", group_show, "[NAME]", "show one group, or all"),
	COMMAND("flush", group_flush, "[--force]", "delete all groups"),
	{}
};
