// SPDX-License-Identifier: Apache-2.0
/* Tables of commands: which one runs, and the help of each. */
#include <stdio.h>
#include <string.h>

#include "conf/nearest.h"
#include "mcsecctl.h"
#include "table.h"

/* Write the names in @table as "a, b or c". */
static void list_names(const struct command *table, char *buf, size_t size)
{
	size_t i, len = 0;

	buf[0] = '\0';
	for (i = 0; table[i].name && len < size; i++)
		len += snprintf(buf + len, size - len, "%s%s",
				!i		    ? ""
				: table[i + 1].name ? ", "
						    : " or ",
				table[i].name);
}

static const char *command_name(const void *arg, size_t i)
{
	return ((const struct command *)arg)[i].name;
}

const struct command *find_command(const struct ctl *ctl,
				   const struct command *of, const char *name)
{
	const char *in = of->name ? of->name : ctl->batch ? "batch" : "";
	const char *colon = *in ? ": " : "";
	const struct command *c;
	char names[256];

	for (c = of->subs; name && c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	if (name &&
	    conf_nearest(command_name, of->subs, name, names, sizeof(names))) {
		complain(EXIT_USAGE, "%s%sunknown word \"%s\"; there is %s", in,
			 colon, name, names);
		return NULL;
	}
	list_names(of->subs, names, sizeof(names));
	if (name)
		complain(EXIT_USAGE, "%s%sunknown word \"%s\": %s", in, colon,
			 name, names);
	else
		complain(EXIT_USAGE, "%s%smissing command: %s", in, colon,
			 names);
	return NULL;
}

/* Print the words that may follow, each with its value. */
static void print_words(const struct word *words)
{
	const struct word *w;
	int width, max = 0;
	char buf[256];

	for (w = words; w->name; w++) {
		width = strlen(w->name);
		if (width > max)
			max = width;
	}
	fputs("\nWords, in any order:\n", stdout);
	for (w = words; w->name; w++) {
		if (w->names)
			printf("  %-*s  %s\n", max, w->name,
			       join_names(w->names, buf, sizeof(buf)));
		else if (w->takes)
			printf("  %-*s  %s\n", max, w->name, w->takes);
		else
			printf("  %s\n", w->name);
	}
}

static void print_subs(const struct command *of)
{
	const struct command *c;

	fputs("\nCommands:\n", stdout);
	for (c = of->subs; c->name; c++)
		printf("  %s %s%s%s\n      %s\n", of->name, c->name,
		       *c->usage ? " " : "", c->usage, c->help);
}

void print_command_help(const struct command *of, const struct command *c)
{
	printf("Usage: mcsecctl %s%s%s%s%s\n\n%s\n", of->name ? of->name : "",
	       of->name ? " " : "", c->name, *c->usage ? " " : "", c->usage,
	       c->help);
	if (c->subs)
		print_subs(c);
	if (c->words)
		print_words(c->words);
	fputs("\nSee mcsecctl(8).\n", stdout);
}

/*
 * Return true if help is asked for and nothing else must be done, wherever the
 * word is. A batch has no reader, and its words are taken as they are.
 */
static bool wants_help(const struct ctl *ctl, int argc, char **argv)
{
	int i;

	if (ctl->batch || !argc)
		return false;
	for (i = 0; i < argc; i++)
		if (!strcmp(argv[i], "--help"))
			return true;
	return !strcmp(argv[0], "-h");
}

int dispatch(struct ctl *ctl, const struct command *of, int argc, char **argv)
{
	const struct command *c = find_command(ctl, of, argc ? argv[0] : NULL);
	bool descends;

	if (!c)
		return EXIT_USAGE;
	argc--;
	argv++;
	/* A subcommand that is named has its own help. */
	descends = c->subs && argc && *argv[0] != '-';
	if (!descends && wants_help(ctl, argc, argv)) {
		print_command_help(of, c);
		return EXIT_OK;
	}
	ctl->of = of;
	ctl->command = c;
	if (c->has_verbose && take_flag(&argc, argv, "-v")) {
		ctl->verbose = true;
		tables_are_whole();
	}
	return c->run ? c->run(ctl, argc, argv) : dispatch(ctl, c, argc, argv);
}
