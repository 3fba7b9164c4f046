// SPDX-License-Identifier: Apache-2.0
/*
 * Execution of many commands, one per line, in one process and over
 * one socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mcsecctl.h"

#define BATCH_WORDS 128
#define COMMAND_MAX 7 /* octets; a longer word may be a part of a key */

static const struct command batch_commands[] = {
	COMMAND("group", NULL, "", "", .subs = group_commands),
	COMMAND("sa", NULL, "", "", .subs = sa_commands),
	COMMAND("sender", NULL, "", "", .subs = sender_commands),
	COMMAND("edge", NULL, "", "", .subs = edge_commands),
	COMMAND("show", cmd_show, "", ""),
	COMMAND("stats", cmd_stats, "[-a]", ""),
	{}
};

static const struct command top = { .subs = batch_commands };

/* Run one line of @len octets, without the newline. */
static int run_line(struct ctl *ctl, char *line, size_t len)
{
	char *words[BATCH_WORDS];
	int n;

	/* Words behind a NUL would be ignored. */
	if (memchr(line, '\0', len))
		return complain(EXIT_USAGE, "the line contains a NUL octet");
	n = split_line(line, words, BATCH_WORDS);
	if (n == -E2BIG)
		return complain(EXIT_USAGE, "more than %d words", BATCH_WORDS);
	if (n < 0)
		return complain(EXIT_USAGE,
				"quotes: not around one whole word");
	if (!n)
		return EXIT_OK;
	/*
	 * The word is not printed: in a key file given by mistake it is the
	 * key.
	 */
	if (strlen(words[0]) > COMMAND_MAX)
		return complain(EXIT_USAGE,
				"batch: a line begins with group, sa, sender, edge, show or stats");
	return dispatch(ctl, &top, n, words);
}

static int run_lines(struct ctl *ctl, FILE *f, bool force)
{
	int ret = EXIT_OK, err = EXIT_OK;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while (!err || force) {
		len = getline(&line, &size, f);
		/*
		 * A failure of getline() without end of file is an error of its
		 * own.
		 */
		if (len < 0 && !feof(f))
			err = complain(EXIT_FAILED, "after this line: %s",
				       strerror(errno));
		if (len >= 0) {
			ctl->line++;
			err = run_line(ctl, line, len);
		}
		/* The highest of several error codes is returned. */
		if (err > ret)
			ret = err;
		if (len < 0)
			break;
	}
	free(line);
	return ret;
}

int cmd_batch(struct ctl *ctl, int argc, char **argv)
{
	bool force = argc &&
		     (!strcmp(argv[0], "force") || !strcmp(argv[0], "-f"));
	const char *path;
	FILE *f = stdin;
	int ret;

	ret = check_argc(argc - force, 0, 1);
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
	/*
	 * The path may be /dev/stdin, or the file that stdin was redirected
	 * from.
	 */
	ctl->stdin_taken = names_stdin(path);
	ret = run_lines(ctl, f, force);
	ctl->batch = NULL;
	ctl->stdin_taken = false;
	if (f != stdin)
		fclose(f);
	return ret;
}
