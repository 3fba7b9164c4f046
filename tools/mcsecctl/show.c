// SPDX-License-Identifier: Apache-2.0
/* Commands that only read: the overview and the counters. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mcsecctl.h"
#include "table.h"

/* ---- show ---------------------------------------------------------------- */

struct overview {
	struct ctl *ctl;
	json_t *list;
	json_t *sas; /* SAs of the current group */
	struct table *group_table;
	struct table *sa_table;
	size_t n;
	struct err *err;
};

static int overview_sa(void *arg, const struct ksa_info *i)
{
	struct overview *o = arg;

	if (o->list)
		json_array_append_new(o->sas, sa_json(i));
	else
		sa_table_add(o->sa_table, i);
	return 0;
}

static int overview_group(void *arg, const struct kgroup_info *g)
{
	struct overview *o = arg;
	json_t *group = NULL;
	int ret;

	o->n++;
	if (o->list) {
		o->sas = json_array();
		group = group_json(g);
		json_object_set_new(group, "sa", o->sas);
		json_array_append_new(o->list, group);
	} else {
		group_table_add(o->group_table, g);
	}
	ret = o->ctl->kernel.ops->sa_dump(o->ctl->kernel.ctx, g->group.name,
					  overview_sa, o, o->err);
	/* The group was deleted after it was listed. */
	return ret == -ENOENT ? 0 : ret;
}

static int print_overview(struct overview *o)
{
	int ret;

	if (o->list)
		return print_json(o->list);
	ret = table_print(o->group_table);
	if (!o->n)
		puts("no groups");
	return table_print_below(o->sa_table) ?: ret;
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
	if (ctl->json) {
		o.list = json_array();
	} else {
		o.group_table = group_table_new();
		o.sa_table = sa_table_new();
	}
	if (ctl->kernel.ops->group_dump(ctl->kernel.ctx, overview_group, &o,
					&err)) {
		json_decref(o.list);
		table_free(o.group_table);
		table_free(o.sa_table);
		return refused("show", &err);
	}
	return print_overview(&o);
}

/* ---- stats --------------------------------------------------------------- */

struct stats {
	json_t *counters;
	struct table *table;
	size_t n;
	bool all;
};

const char *counter_meaning(const char *name)
{
	const struct metric *m;

	for (m = kernel_metrics; m->name; m++)
		if (!strcmp(m->name, name))
			return m->help;
	return NULL;
}

static int show_counter(void *arg, const char *name, uint64_t value)
{
	struct stats *s = arg;

	if (!value && !s->all)
		return 0;
	s->n++;
	if (s->counters) {
		json_object_set_new(s->counters, name, json_integer(value));
		return 0;
	}
	table_row(s->table);
	table_put(s->table, 0, name);
	table_count(s->table, 1, value);
	table_put(s->table, 2, counter_meaning(name));
	return 0;
}

int cmd_stats(struct ctl *ctl, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "COUNTER", 0 },
		{ "VALUE", COLUMN_RIGHT },
		{ "MEANING", COLUMN_REST },
		{},
	};
	struct stats s = {};
	struct err err;
	int ret;

	ret = check_argc(argc, 0, 1);
	if (ret)
		return ret;
	if (argc && strcmp(argv[0], "-a"))
		return complain(EXIT_USAGE,
				"stats: unknown word \"%s\": -a and -v print the counters that are 0 as well",
				argv[0]);
	/*
	 * A program expects the same names every time, and a person wants to
	 * see what is not zero.
	 */
	s.all = argc || ctl->json || ctl->verbose;
	ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->json)
		s.counters = json_object();
	else
		s.table = table_new(columns, true);
	if (ctl->kernel.ops->stats_dump(ctl->kernel.ctx, show_counter, &s,
					&err)) {
		json_decref(s.counters);
		table_free(s.table);
		return refused("stats", &err);
	}
	if (s.counters)
		return print_json(s.counters);
	ret = table_print(s.table);
	if (!s.n)
		puts("all counters are 0");
	return ret;
}
