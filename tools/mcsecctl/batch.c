// SPDX-License-Identifier: Apache-2.0
/*
 * Many commands, one on a line, in one process and over one socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mcsecctl.h"

#define BATCH_WORDS 128

static const struct command commands[] = {
	{ .name = "group", .run = cmd_group },
	{ .name = "sa", .run = cmd_sa },
	{ .name = "sender", .run = cmd_sender },
	{ .name = "show", .run = cmd_show },
	{ .name = "stats", .run = cmd_stats },
	{ }
};

/*
 * Cuts @line into words between blanks; # begins a comment. Returns how many,
 * or -1 if there are more than @max.
 */
static int split(char *line, char **words, int max)
{
	static const char blank[] = " \t\r\n";
	int n = 0;

	line[strcspn(line, "#")] = '\0';
	for (line += strspn(line, blank); *line; line += strspn(line, blank)) {
		if (n == max)
			return -1;
		words[n++] = line;
		line += strcspn(line, blank);
		if (*line)
			*line++ = '\0';
	}
	return n;
}

static int run_lines(struct ctl *ctl, FILE *f, bool force)
{
	int ret = EXIT_OK, err = EXIT_OK, n;
	char *words[BATCH_WORDS];
	char *line = NULL;
	size_t size = 0;

	while (!err || force) {
		errno = 0;
		if (getline(&line, &size, f) < 0)
			break;
		ctl->line++;
		n = split(line, words, BATCH_WORDS);
		if (!n)
			continue;
		err = n < 0 ? complain(EXIT_USAGE, "more than %d words",
				       BATCH_WORDS) :
			      dispatch(ctl, commands, "batch: ", n, words);
		/* Of different failures the worst is told. */
		if (err > ret)
			ret = err;
	}
	if (ferror(f))
		ret = complain(EXIT_FAILED, "%s", strerror(errno));
	free(line);
	return ret;
}

int cmd_batch(struct ctl *ctl, int argc, char **argv)
{
	bool force = argc && !strcmp(argv[0], "force");
	const char *path;
	FILE *f = stdin;
	int ret;

	ret = check_argc(argc - force, 0, 1, "batch [force] [FILE]");
	if (!ret)
		ret = need_kernel(ctl);
	if (ret)
		return ret;
	path = argc > force ? argv[force] : "-";
	if (strcmp(path, "-")) {
		f = fopen(path, "re");
		if (!f)
			return complain(EXIT_FAILED, "batch \"%s\": %s", path,
					strerror(errno));
	}
	ctl->batch = f == stdin ? "stdin" : path;
	ctl->stdin_taken = f == stdin;
	ret = run_lines(ctl, f, force);
	ctl->batch = NULL;
	if (f != stdin)
		fclose(f);
	return ret;
}
