// SPDX-License-Identifier: Apache-2.0
/* Values of all metrics at one moment, from the module and the daemon. */
#include <stdlib.h>

#include "kernel/nl.h"
#include "metrics.h"
#include "mcsecctl.h"

static int take_counter(void *arg, const char *name, uint64_t value)
{
	json_object_set_new(arg, name, json_integer((json_int_t)value));
	return 0;
}

/* Return the counters of the module, which may have been loaded since the last call. */
static json_t *ask_module(struct ctl *ctl)
{
	json_t *counters;
	struct err err;

	if (need_kernel(ctl))
		return NULL;
	counters = json_object();
	if (ctl->kernel.ops->stats_dump(ctl->kernel.ctx, take_counter, counters,
					&err)) {
		json_decref(counters);
		counters = NULL;
	}
	knl_close(&ctl->kernel);
	ctl->kernel = (struct kernel){};
	return counters;
}

static json_t *ask_for(struct ctl *ctl, const char *cmd)
{
	json_t *answer;

	return query_daemon(ctl, json_pack("{s:s}", "cmd", cmd), &answer)
		       ? NULL
		       : answer;
}

char *metrics_text(struct ctl *ctl, size_t *len)
{
	bool quiet = ctl->quiet;
	struct scrape s = {};
	char *text = NULL;
	FILE *f;

	ctl->quiet = true;
	s.stats = ask_module(ctl);
	s.status = ask_for(ctl, "status");
	s.health = s.status ? ask_for(ctl, "health") : NULL;
	ctl->quiet = quiet;
	f = open_memstream(&text, len);
	if (f)
		prometheus_write(&s, f);
	if (f && fclose(f)) {
		free(text);
		text = NULL;
	}
	json_decref(s.stats);
	json_decref(s.status);
	json_decref(s.health);
	return f ? text : NULL;
}
