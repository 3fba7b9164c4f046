// SPDX-License-Identifier: Apache-2.0
/* Commands that only read: the overview and the counters. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mcsecctl.h"

/* ---- show ---------------------------------------------------------------- */

struct overview {
	struct ctl *ctl;
	json_t *list;
	json_t *sas; /* SAs of the current group */
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
	/* The group was deleted after it was listed. */
	return ret == -ENOENT ? 0 : ret;
}

int cmd_show(struct ctl *ctl, int argc, char **argv)
{
	struct overview o = { .ctl = ctl };
	struct err err;
	int ret;

	(void)argv;
	ret = check_argc(argc, 0, 0);
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

	ret = check_argc(argc, 0, 1);
	if (ret)
		return ret;
	if (argc && strcmp(argv[0], "-a"))
		return complain(EXIT_USAGE, "stats: unknown word \"%s\": -a",
				argv[0]);
	/*
	 * A program expects the same names every time, and a person wants to
	 * see what is not zero.
	 */
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
