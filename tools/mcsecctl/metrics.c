// SPDX-License-Identifier: Apache-2.0
/*
 * The list of all metrics of mcsec, and their values for programs that collect them.
 */
#include "metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mcsecctl.h"

static const char *kind_of(const struct metric *m)
{
	return m->kind == METRIC_COUNTER ? "counter" : "gauge";
}

static json_t *metric_json(const char *path, const struct metric *m)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "in", path, "name", m->name,
			 "kind", kind_of(m), "help", m->help);
}

int cmd_metrics(struct ctl *ctl, int argc, char **argv)
{
	const struct metric_table *t;
	const struct metric *m;
	json_t *list;

	if (argc)
		return dispatch(ctl, ctl->command, argc, argv);
	list = ctl->json ? json_array() : NULL;
	for (t = metric_tables; t->path; t++) {
		for (m = t->metrics; m->name; m++) {
			if (list)
				json_array_append_new(list,
						      metric_json(t->path, m));
			else
				printf("%-18s %-20s %-7s %s\n", t->path,
				       m->name, kind_of(m), m->help);
		}
	}
	return ctl->json ? print_json(list) : EXIT_OK;
}

/* ---- values --------------------------------------------------------------- */

/* A collector that reads @path meanwhile sees the old file or the new one. */
static int write_file(const char *path, const char *text, size_t len)
{
	char part[4096];
	struct stat st;
	FILE *f;
	int ret;

	/* A device, a pipe or a link is not replaced by a file. */
	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		return -EEXIST;
	if ((size_t)snprintf(part, sizeof(part), "%s.%d", path,
			     (int)getpid()) >= sizeof(part))
		return -ENAMETOOLONG;
	f = fopen(part, "wxe");
	if (!f)
		return -errno;
	ret = fwrite(text, 1, len, f) == len ? 0 : -errno;
	if (!ret && fchmod(fileno(f), 0644))
		ret = -errno;
	if (fclose(f) && !ret)
		ret = -errno;
	if (!ret && rename(part, path))
		ret = -errno;
	if (ret)
		unlink(part);
	return ret;
}

static int metrics_export(struct ctl *ctl, int argc, char **argv)
{
	char *text;
	size_t len;
	int ret;

	ret = check_argc(argc, 0, 1);
	if (ret)
		return ret;
	if (ctl->json)
		return complain(EXIT_USAGE,
				"metrics export has a format of its own: \"mcsecctl -j stats\" and \"mcsecctl -j status\" have the values in JSON");
	/* A module that does not answer is a value, but not a name that is wrong. */
	ret = enter_netns(ctl);
	if (ret)
		return ret;
	ctl->netns = NULL;
	text = metrics_text(ctl, &len);
	if (!text)
		return complain(EXIT_FAILED, "no memory for the output");
	if (!argc)
		fwrite(text, 1, len, stdout);
	else
		ret = write_file(argv[0], text, len);
	free(text);
	return ret ? complain(EXIT_FAILED, "metrics export: %s: %s", argv[0],
			      strerror(-ret))
		   : EXIT_OK;
}

static int metrics_serve_cmd(struct ctl *ctl, int argc, char **argv)
{
	int ret = check_argc(argc, 1, 1) ?: enter_netns(ctl);

	/* Another thread will read the counters, in the namespace that it inherits. */
	ctl->netns = NULL;
	return ret ?: metrics_serve(ctl, argv[0]);
}

const struct command metrics_commands[] = {
	COMMAND("export", metrics_export, "[FILE]",
		"print all values in the text format of Prometheus"),
	COMMAND("serve", metrics_serve_cmd, "PATH|ADDRESS:PORT",
		"give them out by HTTP at /metrics, on this host only"),
	{}
};
