// SPDX-License-Identifier: Apache-2.0
/*
 * What looks and changes nothing: the overview, senders, counters.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mcsecctl.h"

/* ---- show ---------------------------------------------------------------- */

struct overview {
	struct ctl *ctl;
	json_t *list;
	json_t *sas; /* of the group at hand */
	struct err *err;
};

static int overview_sa(void *arg, const struct ksa_info *i)
{
	struct overview *o = arg;

	if (o->list)
		json_array_append_new(o->sas, sa_json(i));
	else
		sa_print(i, "  ");
	return 0;
}

static int overview_group(void *arg, const struct kgroup_info *g)
{
	struct overview *o = arg;
	json_t *group = NULL;
	int ret;

	if (o->list) {
		o->sas = json_array();
		group = group_json(g);
		json_object_set_new(group, "sa", o->sas);
		json_array_append_new(o->list, group);
	} else {
		group_print(g);
	}
	ret = o->ctl->kernel.ops->sa_dump(o->ctl->kernel.ctx, g->group.name,
					  overview_sa, o, o->err);
	/* Deleted since it was listed: it then has no SAs. */
	return ret == -ENOENT ? 0 : ret;
}

int cmd_show(struct ctl *ctl, int argc, char **argv)
{
	struct overview o = { .ctl = ctl };
	struct err err;
	int ret;

	(void)argv;
	ret = check_argc(argc, 0, 0, "show");
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	o.err = &err;
	o.list = ctl->json ? json_array() : NULL;
	if (ctl->kernel.ops->group_dump(ctl->kernel.ctx, overview_group, &o,
					&err)) {
		json_decref(o.list);
		return refused("show", &err);
	}
	return ctl->json ? print_json(o.list) : EXIT_OK;
}

/* ---- sender -------------------------------------------------------------- */

static json_t *sender_json(const struct ksender *s)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", "group", s->group,
			 "spi", (json_int_t)s->spi, "sender-id",
			 (json_int_t)s->sender_id, "counter",
			 (json_int_t)s->counter, "packets",
			 (json_int_t)s->packets, "replays",
			 (json_int_t)s->replays);
}

static int show_sender(void *arg, const struct ksender *s)
{
	json_t *list = arg;

	if (list)
		json_array_append_new(list, sender_json(s));
	else
		printf("sender %s 0x%08" PRIx32 " sender-id %" PRIu32
		       " counter %" PRIu64 " packets %" PRIu64
		       " replays %" PRIu64 "\n",
		       s->group, s->spi, s->sender_id, s->counter, s->packets,
		       s->replays);
	return 0;
}

static int sender_show(struct ctl *ctl, int argc, char **argv)
{
	char group[MCSEC_NAME_MAX + 1];
	struct err err;
	uint32_t spi;
	json_t *list;
	int ret;

	ret = check_argc(argc, 2, 2, "sender show GROUP SPI");
	if (!ret)
		ret = read_group(argv[0], group);
	if (!ret)
		ret = read_spi(argv[1], &spi);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	list = ctl->json ? json_array() : NULL;
	if (ctl->kernel.ops->sender_dump(ctl->kernel.ctx, group, spi,
					 show_sender, list, &err)) {
		json_decref(list);
		return refused("sender show", &err);
	}
	return ctl->json ? print_json(list) : EXIT_OK;
}

static const struct command sender_table[] = { { .name = "show",
						 .run = sender_show },
					       {} };

int cmd_sender(struct ctl *ctl, int argc, char **argv)
{
	return dispatch(ctl, sender_table, "sender: ", argc, argv);
}

/* ---- stats --------------------------------------------------------------- */

struct stats {
	json_t *counters;
	bool all;
};

static int show_counter(void *arg, const char *name, uint64_t value)
{
	struct stats *s = arg;

	if (!value && !s->all)
		return 0;
	if (s->counters)
		json_object_set_new(s->counters, name, json_integer(value));
	else
		printf("%-24s %" PRIu64 "\n", name, value);
	return 0;
}

int cmd_stats(struct ctl *ctl, int argc, char **argv)
{
	struct stats s = {};
	struct err err;
	int ret;

	ret = check_argc(argc, 0, 1, "stats [-a]");
	if (ret)
		return ret;
	if (argc && strcmp(argv[0], "-a"))
		return complain(EXIT_USAGE, "stats: unknown word \"%s\": -a",
				argv[0]);
	/* A program wants the same names every time; a reader what stands out. */
	s.all = argc || ctl->json;
	ret = need_kernel(ctl);
	if (ret)
		return ret;
	s.counters = ctl->json ? json_object() : NULL;
	if (ctl->kernel.ops->stats_dump(ctl->kernel.ctx, show_counter, &s,
					&err)) {
		json_decref(s.counters);
		return refused("stats", &err);
	}
	return ctl->json ? print_json(s.counters) : EXIT_OK;
}
