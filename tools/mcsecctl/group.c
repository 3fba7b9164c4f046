// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mcsecctl.h"

static int group_add(struct ctl *ctl, int argc, char **argv)
{
	struct kgroup g = {};
	struct kerr err;
	int ret;

	ret = check_argc(argc, 2, 2, "group add NAME ADDRESS");
	if (!ret)
		ret = read_group(argv[0], g.name);
	if (ret)
		return ret;
	if (addr_parse(argv[1], &g.dst))
		return complain(EXIT_USAGE,
				"\"%s\" is no IPv4 or IPv6 address", argv[1]);
	ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->group_add(ctl->kernel.ctx, &g, &err))
		return refused("group add", &err);
	return EXIT_OK;
}

static int group_del(struct ctl *ctl, int argc, char **argv)
{
	char name[MCSEC_NAME_MAX + 1];
	struct kerr err;
	int ret;

	ret = check_argc(argc, 1, 1, "group del NAME");
	if (!ret)
		ret = read_group(argv[0], name);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->group_del(ctl->kernel.ctx, name, &err))
		return refused("group del", &err);
	return EXIT_OK;
}

static int group_flush(struct ctl *ctl, int argc, char **argv)
{
	struct kerr err;
	int ret;

	(void)argv;
	ret = check_argc(argc, 0, 0, "group flush");
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	if (ctl->kernel.ops->group_flush(ctl->kernel.ctx, &err))
		return refused("group flush", &err);
	return EXIT_OK;
}

json_t *group_json(const struct kgroup_info *g)
{
	char buf[ADDR_STRLEN];
	json_t *o;

	o = json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", g->group.name,
		      "dst", addr_str(&g->group.dst, buf),
		      "sas", (json_int_t)g->sas,
		      "out-drops", (json_int_t)g->out_drops,
		      "in-drops", (json_int_t)g->in_drops);
	if (g->out_spi)
		json_object_set_new(o, "out-spi", json_integer(g->out_spi));
	return o;
}

void group_print(const struct kgroup_info *g)
{
	char buf[ADDR_STRLEN];

	printf("group %s %s", g->group.name, addr_str(&g->group.dst, buf));
	if (g->out_spi)
		printf(" out-spi 0x%08" PRIx32, g->out_spi);
	else
		printf(" out-spi none");
	printf(" sas %" PRIu32 " out-drops %" PRIu64 " in-drops %" PRIu64 "\n",
	       g->sas, g->out_drops, g->in_drops);
}

static int add_group(void *arg, const struct kgroup_info *g)
{
	json_t *list = arg;

	if (list)
		json_array_append_new(list, group_json(g));
	else
		group_print(g);
	return 0;
}

static int group_show(struct ctl *ctl, int argc, char **argv)
{
	char name[MCSEC_NAME_MAX + 1];
	struct kgroup_info g;
	struct kerr err;
	json_t *list;
	int ret;

	ret = check_argc(argc, 0, 1, "group show [NAME]");
	if (!ret && argc)
		ret = read_group(argv[0], name);
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;

	list = ctl->json ? json_array() : NULL;
	if (argc) {
		ret = ctl->kernel.ops->group_get(ctl->kernel.ctx, name, &g,
						 &err);
		if (!ret)
			add_group(list, &g);
	} else {
		ret = ctl->kernel.ops->group_dump(ctl->kernel.ctx, add_group,
						  list, &err);
	}
	if (ret) {
		json_decref(list);
		return refused("group show", &err);
	}
	return ctl->json ? print_json(list) : EXIT_OK;
}

static const struct command table[] = {
	{ .name = "add", .run = group_add },
	{ .name = "del", .run = group_del },
	{ .name = "show", .run = group_show },
	{ .name = "flush", .run = group_flush },
	{ }
};

int cmd_group(struct ctl *ctl, int argc, char **argv)
{
	return dispatch(ctl, table, "group: ", argc, argv);
}
