// SPDX-License-Identifier: Apache-2.0
/* Edges of a group: unicast paths to other hosts. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lib/noaddr.h"
#include "lib/util.h"
#include "listing.h"
#include "mcsecctl.h"
#include "table.h"

#define MTU_MAX 65535

struct edge_request {
	struct kedge e;
	bool up;
	bool down;
};

static int set_endpoint(const struct word *w, const char *value, void *obj)
{
	struct ep *ep = (void *)((char *)obj + w->off);
	int ret = ep_parse(value, 0, ep);

	if (ret == -ENODEV)
		return complain(EXIT_USAGE,
				"%s \"%s\": no such interface: \"ip link\" shows those that are there",
				w->name, value);
	if (ret)
		return complain(EXIT_USAGE,
				"%s \"%s\": not like 192.0.2.1:4500 or [2001:db8::1]:4500: %s",
				w->name, value, ep_why_not(value));
	if (ep->scope)
		return complain(EXIT_USAGE,
				"%s \"%s\": an edge has no interface in its addresses: use one that is not link-local",
				w->name, value);
	return EXIT_OK;
}

/* Parse a list such as "1-4,9". */
static int set_ranges(const struct word *w, const char *value, void *obj)
{
	struct kedge *e = &((struct edge_request *)obj)->e;
	const char *s = value;
	uint64_t first, last;
	char part[32], *dash;
	size_t len;

	do {
		len = strcspn(s, ",");
		if (!len || len >= sizeof(part))
			goto bad;
		memcpy(part, s, len);
		part[len] = '\0';
		dash = strchr(part, '-');
		if (dash)
			*dash++ = '\0';
		if (!parse_u64(part, &first) ||
		    !parse_u64(dash ?: part, &last) || first > last ||
		    last > SENDER_ID_MAX)
			goto bad;
		if (e->n_ranges == ARRAY_SIZE(e->ranges))
			return complain(EXIT_USAGE, "%s: at most %d ranges",
					w->name, MCSEC_EDGE_RANGES_MAX);
		e->ranges[e->n_ranges++] =
			(struct krange){ .first = first, .last = last };
		s += len;
	} while (*s++);
	return EXIT_OK;

bad:
	return complain(EXIT_USAGE,
			"%s \"%s\": not like 1 or 1-4,9 with numbers from 0 to %d",
			w->name, value, SENDER_ID_MAX);
}

static int set_mtu(const struct word *w, const char *value, void *obj)
{
	struct kedge *e = &((struct edge_request *)obj)->e;

	e->has_mtu = true;
	return set_u32(w, value, obj);
}

static int set_dev(const struct word *w, const char *value, void *obj)
{
	struct kedge *e = &((struct edge_request *)obj)->e;
	size_t len = strlen(value);

	if (!len || len >= KDEV_MAX)
		return complain(EXIT_USAGE,
				"%s \"%s\": not the name of an interface",
				w->name, value);
	memcpy(e->dev, value, len + 1);
	return EXIT_OK;
}

#define AT(member) .off = offsetof(struct edge_request, member)

#define CHANGEABLE \
	WORD("peer", "an address and a port", set_endpoint, AT(e.peer)), \
		WORD("up", NULL, set_true, AT(up)), \
		WORD("down", NULL, set_true, AT(down)), \
		WORD("senders", "Sender-IDs", set_ranges), \
		WORD("mtu", "a number of octets", set_mtu, AT(e.mtu), \
		     .max = MTU_MAX)

static const struct word add_words[] = { WORD("local", "an address and a port",
					      set_endpoint, AT(e.local)),
					 CHANGEABLE,
					 WORD("dev", "an interface", set_dev),
					 {} };

static const struct word set_words[] = { CHANGEABLE, {} };

/* Parse GROUP ID, and the words of @table. */
static int read_edge(int argc, char **argv, const struct word *table,
		     struct edge_request *r)
{
	uint64_t id;
	uint32_t seen;
	int ret;

	ret = check_argc(argc, 2, table ? INT_MAX : 2);
	if (!ret)
		ret = read_group(argv[0], r->e.group);
	if (ret)
		return ret;
	if (!parse_u64(argv[1], &id) || !id || id > UINT32_MAX)
		return complain(EXIT_USAGE,
				"id \"%s\": not a number from 1 to %" PRIu32,
				argv[1], UINT32_MAX);
	r->e.id = id;
	if (table)
		ret = read_words(table, argc - 2, argv + 2, r, &seen);
	r->e.dir = (r->up ? MCSEC_EDGE_DIR_UP : 0) |
		   (r->down ? MCSEC_EDGE_DIR_DOWN : 0);
	return ret;
}

static int edge_add(struct ctl *ctl, int argc, char **argv)
{
	struct edge_request r = {};
	char buf[EP_STRLEN];
	struct err err;
	int ret;

	ret = read_edge(argc, argv, add_words, &r);
	if (ret)
		return ret;
	if (!r.e.local.port)
		return complain(EXIT_USAGE,
				"edge add: \"local\" is missing: an address and a port of this host, such as 192.0.2.1:4500");
	if (!r.e.peer.port)
		return complain(EXIT_USAGE,
				"edge add: \"peer\" is missing: the address and port of the other host, such as 192.0.2.2:4500");
	if (!r.e.dir)
		return complain(EXIT_USAGE,
				"edge add: up or down is missing, or both");
	ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->edge_add(ctl->kernel.ctx, &r.e, &err))
		return refused("edge add", &err);
	tell_done(ctl, "group %s: edge %" PRIu32 " leads to %s", r.e.group,
		  r.e.id, ep_str(&r.e.peer, buf));
	return EXIT_OK;
}

static int edge_set(struct ctl *ctl, int argc, char **argv)
{
	struct edge_request r = {};
	struct err err;
	int ret;

	ret = read_edge(argc, argv, set_words, &r);
	if (ret)
		return ret;
	if (argc == 2)
		return complain(EXIT_USAGE,
				"edge set: say what to change: peer, up, down, senders or mtu");
	ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->edge_set(ctl->kernel.ctx, &r.e, &err))
		return refused("edge set", &err);
	tell_done(ctl, "group %s: edge %" PRIu32 " is changed", r.e.group,
		  r.e.id);
	return EXIT_OK;
}

static int edge_del(struct ctl *ctl, int argc, char **argv)
{
	struct edge_request r = {};
	struct err err;
	int ret;

	ret = read_edge(argc, argv, NULL, &r);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->edge_del(ctl->kernel.ctx, r.e.group, r.e.id, &err))
		return refused("edge del", &err);
	tell_done(ctl, "group %s: edge %" PRIu32 " is deleted", r.e.group,
		  r.e.id);
	return EXIT_OK;
}

/* The address is "any" if the socket has none of its own. */
static const char *local_str(const struct kedge *e, char buf[static EP_STRLEN])
{
	if (!addr_is_none(&e->local.addr))
		return ep_str(&e->local, buf);
	snprintf(buf, EP_STRLEN, "any:%u", e->local.port);
	return buf;
}

static json_t *ranges_json(const struct kedge *e)
{
	json_t *all = json_array(), *one;
	size_t i;

	for (i = 0; i < e->n_ranges; i++) {
		one = json_pack("[i, i]", e->ranges[i].first,
				e->ranges[i].last);
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *edge_json(const struct kedge *e)
{
	char buf[EP_STRLEN];
	json_t *o = json_object();

	put_json_str(o, "group", e->group);
	put_json_int(o, "id", e->id);
	put_json_str(o, "local", local_str(e, buf));
	put_json_str(o, "peer", ep_str(&e->peer, buf));
	put_json_str(o, "dir", kedge_dir_name(e->dir));
	if (e->n_ranges)
		json_object_set_new(o, "senders", ranges_json(e));
	if (e->has_mtu)
		put_json_int(o, "mtu", e->mtu);
	if (*e->dev)
		put_json_str(o, "dev", e->dev);
	put_json_int(o, "in-packets", e->in_packets);
	put_json_int(o, "in-bytes", e->in_bytes);
	put_json_int(o, "in-drops", e->in_drops);
	put_json_int(o, "out-packets", e->out_packets);
	put_json_int(o, "out-bytes", e->out_bytes);
	put_json_int(o, "out-drops", e->out_drops);
	return o;
}

enum {
	EDGE_ID,
	EDGE_LOCAL,
	EDGE_PEER,
	EDGE_DIR,
	EDGE_SENDERS,
	EDGE_MTU,
	EDGE_DEV,
	EDGE_IN,
	EDGE_IN_DROPS,
	EDGE_OUT,
	EDGE_OUT_DROPS,
};

static struct table *edge_table_new(void)
{
	static const struct column columns[] = {
		[EDGE_ID] = { "ID", COLUMN_RIGHT },
		[EDGE_LOCAL] = { "LOCAL", COLUMN_SPARE(3) },
		[EDGE_PEER] = { "PEER" },
		[EDGE_DIR] = { "DIR", 0 },
		[EDGE_SENDERS] = { "SENDERS", COLUMN_OPTIONAL },
		[EDGE_MTU] = { "MTU", COLUMN_OPTIONAL | COLUMN_RIGHT |
					      COLUMN_SPARE(2) },
		[EDGE_DEV] = { "DEV", COLUMN_OPTIONAL | COLUMN_SPARE(1) },
		[EDGE_IN] = { "IN", COLUMN_RIGHT },
		[EDGE_IN_DROPS] = { "IN-DROPS",
				    COLUMN_OPTIONAL | COLUMN_RIGHT },
		[EDGE_OUT] = { "OUT", COLUMN_RIGHT },
		[EDGE_OUT_DROPS] = { "OUT-DROPS",
				     COLUMN_OPTIONAL | COLUMN_RIGHT },
		{}
	};

	return table_new(columns, true);
}

static const char *ranges_str(const struct kedge *e, char *buf, size_t size)
{
	const struct krange *r;
	size_t i, len = 0;

	buf[0] = '\0';
	for (i = 0; i < e->n_ranges && len < size; i++) {
		r = &e->ranges[i];
		len += (size_t)snprintf(buf + len, size - len, "%s%u",
					i ? "," : "", r->first);
		if (r->last != r->first && len < size)
			len += (size_t)snprintf(buf + len, size - len, "-%u",
						r->last);
	}
	return buf;
}

static int show_edge(void *arg, const struct kedge *e)
{
	char buf[16 * MCSEC_EDGE_RANGES_MAX];
	struct listing *l = arg;
	struct table *t = l->table;

	if (listing_next(l)) {
		listing_put(l, edge_json(e));
		return 0;
	}
	table_row(t);
	table_count(t, EDGE_ID, e->id);
	table_put(t, EDGE_LOCAL, local_str(e, buf));
	table_put(t, EDGE_PEER, ep_str(&e->peer, buf));
	table_put(t, EDGE_DIR, kedge_dir_name(e->dir));
	table_put(t, EDGE_SENDERS, ranges_str(e, buf, sizeof(buf)));
	table_count(t, EDGE_MTU, e->mtu);
	table_put(t, EDGE_DEV, e->dev);
	table_count(t, EDGE_IN, e->in_packets);
	table_count(t, EDGE_IN_DROPS, e->in_drops);
	table_count(t, EDGE_OUT, e->out_packets);
	table_count(t, EDGE_OUT_DROPS, e->out_drops);
	return 0;
}

static int edge_show(struct ctl *ctl, int argc, char **argv)
{
	char group[MCSEC_NAME_MAX + 1];
	struct listing l;
	struct err err;
	int ret;

	ret = check_argc(argc, 1, 1);
	if (!ret)
		ret = read_group(argv[0], group);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	listing_begin(&l, ctl, edge_table_new);
	ret = ctl->kernel.ops->edge_dump(ctl->kernel.ctx, group, show_edge, &l,
					 &err);
	return listing_end(&l, ret, "edge show", &err, "no edges");
}

#define CHANGES "[peer ADDR:PORT] [up] [down] [senders N[-M][,...]] [mtu N]"

const struct command edge_commands[] = {
	COMMAND("add", edge_add,
		"GROUP ID local ADDR:PORT peer ADDR:PORT [up] [down] [WORD VALUE]...",
		"send to another host by UDP, and receive from it",
		.words = add_words),
	COMMAND("set", edge_set, "GROUP ID " CHANGES,
		"change where an edge leads, at once", .words = set_words),
	COMMAND("del", edge_del, "GROUP ID", "delete an edge"),
	COMMAND("show", edge_show, "GROUP", "show the edges of a group"),
	{}
};
