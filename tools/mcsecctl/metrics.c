// SPDX-License-Identifier: Apache-2.0
/*
 * The list of all metrics of mcsec, for people and for programs that collect
 * them.
 */
#include <stdio.h>

#include "gcks/gcks.h"
#include "ike/engine.h"
#include "member/member.h"
#include "rekey/rekey.h"
#include "mcsecctl.h"

/*
 * Tables of metrics, and the place of their values in the output of "stats" and
 * "status".
 */
static const struct metric_table {
	const char *path;
	const struct metric *metrics;
} tables[] = {
	{ "stats", kernel_metrics },
	{ "gcks.groups", gcks_group_metrics },
	{ "gcks.groups", gcks_key_metrics },
	{ "member.groups", member_group_metrics },
	{ "member.groups", member_key_metrics },
	{ "member.rekey-drops", rekey_metrics },
	{ "gcks.ike", ike_metrics },
	{ "member.ike", ike_metrics },
	{},
};

static json_t *metric_json(const char *path, const struct metric *m)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "in", path, "name", m->name,
			 "kind",
			 m->kind == METRIC_COUNTER ? "counter" : "gauge",
			 "help", m->help);
}

int cmd_metrics(struct ctl *ctl, int argc, char **argv)
{
	const struct metric_table *t;
	const struct metric *m;
	json_t *list;
	int ret;

	(void)argv;
	ret = check_argc(argc, 0, 0);
	if (ret)
		return ret;
	list = ctl->json ? json_array() : NULL;
	for (t = tables; t->path; t++) {
		for (m = t->metrics; m->name; m++) {
			if (list)
				json_array_append_new(list,
						      metric_json(t->path, m));
			else
				printf("%-18s %-20s %-7s %s\n", t->path,
				       m->name,
				       m->kind == METRIC_COUNTER ? "counter"
								 : "gauge",
				       m->help);
		}
	}
	return ctl->json ? print_json(list) : EXIT_OK;
}
