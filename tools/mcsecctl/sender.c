// SPDX-License-Identifier: Apache-2.0
/* Senders of a receiving SA, by Sender-ID. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/util.h"
#include "listing.h"
#include "mcsecctl.h"
#include "table.h"

struct sender_request {
	struct ksender s;
	const char *name;
};

static int set_sender_name(const struct word *w, const char *value, void *obj)
{
	struct sender_request *r = obj;
	size_t i, len = strlen(value);

	if (len > MCSEC_SENDER_NAME_MAX)
		return complain(EXIT_USAGE, "%s: at most %d octets", w->name,
				MCSEC_SENDER_NAME_MAX);
	for (i = 0; i < len; i++)
		if (value[i] < ' ' || value[i] > '~')
			return complain(EXIT_USAGE, "%s: only printable ASCII",
					w->name);
	r->name = value;
	memcpy(r->s.name, value, len + 1);
	return EXIT_OK;
}

static const struct word words[] = { WORD("name", "the name of the sender",
					  set_sender_name),
				     {} };

/* Parse GROUP SPI SENDER-ID, and optional words. */
static int read_sender(struct ctl *ctl, int argc, char **argv, int max,
		       struct sender_request *r)
{
	uint64_t id;
	uint32_t seen;
	int ret;

	ret = check_argc(argc, 3, max);
	if (!ret)
		ret = read_group(argv[0], r->s.group);
	if (!ret)
		ret = read_spi(argv[1], &r->s.spi);
	if (ret)
		return ret;
	if (!parse_u64(argv[2], &id) || id > SENDER_ID_MAX)
		return complain(EXIT_USAGE,
				"sender-id \"%s\": not a number from 0 to %d",
				argv[2], SENDER_ID_MAX);
	r->s.sender_id = id;
	ret = read_words(words, argc - 3, argv + 3, r, &seen);
	return ret ? ret : need_kernel(ctl);
}

static int sender_add(struct ctl *ctl, int argc, char **argv)
{
	struct sender_request r = {};
	struct err err;
	int ret;

	ret = read_sender(ctl, argc, argv, 5, &r);
	if (ret)
		return ret;
	if (ctl->kernel.ops->sender_add(ctl->kernel.ctx, &r.s, &err))
		return refused("sender add", &err);
	tell_done(ctl, "group %s: SA " SPI_FMT ": sender %" PRIu32 " is added",
		  r.s.group, r.s.spi, r.s.sender_id);
	return EXIT_OK;
}

static int sender_set(struct ctl *ctl, int argc, char **argv)
{
	struct sender_request r = {};
	struct err err;
	int ret;

	ret = read_sender(ctl, argc, argv, 5, &r);
	if (ret)
		return ret;
	if (!r.name)
		return complain(EXIT_USAGE,
				"sender set: \"name\" is missing, which is what can change");
	if (ctl->kernel.ops->sender_set(ctl->kernel.ctx, &r.s, &err))
		return refused("sender set", &err);
	tell_done(ctl,
		  "group %s: SA " SPI_FMT ": sender %" PRIu32
		  " has the name \"%s\" now",
		  r.s.group, r.s.spi, r.s.sender_id, r.s.name);
	return EXIT_OK;
}

static int sender_del(struct ctl *ctl, int argc, char **argv)
{
	struct sender_request r = {};
	struct err err;
	int ret;

	ret = read_sender(ctl, argc, argv, 3, &r);
	if (ret)
		return ret;
	if (ctl->kernel.ops->sender_del(ctl->kernel.ctx, &r.s, &err))
		return refused("sender del", &err);
	tell_done(ctl,
		  "group %s: SA " SPI_FMT ": sender %" PRIu32 " is deleted",
		  r.s.group, r.s.spi, r.s.sender_id);
	return EXIT_OK;
}

static json_t *sender_json(const struct ksender *s)
{
	json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "group",
			      s->group, "spi", (json_int_t)s->spi, "sender-id",
			      (json_int_t)s->sender_id, "counter",
			      (json_int_t)s->counter, "packets",
			      (json_int_t)s->packets, "replays",
			      (json_int_t)s->replays);

	if (*s->name)
		put_json_str(o, "name", s->name);
	return o;
}

enum { SENDER_ID, SENDER_NAME, SENDER_COUNTER, SENDER_PACKETS, SENDER_REPLAYS };

static struct table *sender_table_new(void)
{
	static const struct column columns[] = {
		[SENDER_ID] = { "SENDER-ID", COLUMN_RIGHT },
		[SENDER_NAME] = { "NAME", COLUMN_OPTIONAL },
		[SENDER_COUNTER] = { "COUNTER", COLUMN_RIGHT },
		[SENDER_PACKETS] = { "PACKETS", COLUMN_RIGHT },
		[SENDER_REPLAYS] = { "REPLAYS",
				     COLUMN_OPTIONAL | COLUMN_RIGHT },
		{}
	};

	return table_new(columns, true);
}

static int show_sender(void *arg, const struct ksender *s)
{
	struct listing *l = arg;

	if (listing_next(l)) {
		listing_put(l, sender_json(s));
		return 0;
	}
	table_row(l->table);
	table_count(l->table, SENDER_ID, s->sender_id);
	table_put(l->table, SENDER_NAME, s->name);
	table_count(l->table, SENDER_COUNTER, s->counter);
	table_count(l->table, SENDER_PACKETS, s->packets);
	table_count(l->table, SENDER_REPLAYS, s->replays);
	return 0;
}

static int sender_show(struct ctl *ctl, int argc, char **argv)
{
	char group[MCSEC_NAME_MAX + 1];
	struct listing l;
	struct err err;
	uint32_t spi;
	int ret;

	ret = check_argc(argc, 2, 2);
	if (!ret)
		ret = read_group(argv[0], group);
	if (!ret)
		ret = read_spi(argv[1], &spi);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	listing_begin(&l, ctl, sender_table_new);
	ret = ctl->kernel.ops->sender_dump(ctl->kernel.ctx, group, spi,
					   show_sender, &l, &err);
	return listing_end(&l, ret, "sender show", &err, "no senders");
}

const struct command sender_commands[] = {
	COMMAND("add", sender_add, "GROUP SPI SENDER-ID [name NAME]",
		"expect a sender, with a replay window from now on",
		.words = words),
	COMMAND("set", sender_set, "GROUP SPI SENDER-ID name NAME",
		"give a sender a name", .words = words),
	COMMAND("del", sender_del, "GROUP SPI SENDER-ID", "delete a sender"),
	COMMAND("show", sender_show, "GROUP SPI", "show the senders of an SA"),
	{}
};
