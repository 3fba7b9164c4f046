// SPDX-License-Identifier: Apache-2.0
/*
 * mcsecctl: see and change what the module protects, ask the daemon, make
 * keys and certificates.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/version.h"
#include "kernel/nl.h"
#include "mcsecctl.h"

#define DEFAULT_SOCKET "/run/mcsec/mcsecd.sock"

static const struct command commands[] = {
	{ "group", cmd_group, "add|set|del|show|flush ...",
	  "what is protected" },
	{ "sa", cmd_sa, "add|set|del|show|flush ...",
	  "keys of a group, by hand" },
	{ "sender", cmd_sender, "show GROUP SPI",
	  "whom a key has received from" },
	{ "show", cmd_show, "", "all groups and their SAs" },
	{ "stats", cmd_stats, "[-a]", "counters that are not zero, or all" },
	{ "metrics", cmd_metrics, "",
	  "what is counted and measured, in words" },
	{ "monitor", cmd_monitor, "", "events of the module as they come" },
	{ "batch", cmd_batch, "[-f|force] [FILE]",
	  "many of the above, one on a line" },
	{ "key", cmd_key, "generate ALG [bits N] [file FILE]",
	  "make a random key" },
	{ "pki", cmd_pki, "init|gcks|member DIR ...",
	  "make a certification authority and certificates" },
	{ "status", cmd_status, "[GROUP]", "what the daemon does" },
	{ "member", cmd_member, "[GROUP]",
	  "members of a group, at its key server" },
	{ "rekey", cmd_rekey, "[GROUP] [--signing-key]",
	  "new keys now, at the key server" },
	{ "reset", cmd_reset, "GROUP",
	  "everybody out and in again, after a theft" },
	{ "reseal", cmd_reseal, "", "a new seal key for its store" },
	{ "evict", cmd_evict, "GROUP IDENTITY [--ahead]",
	  "put a member out, at the key server" },
	{ "admit", cmd_admit, "GROUP IDENTITY",
	  "let who was put out in again" },
	{ "audit", cmd_audit, "[after N]", "what the key server did" },
	{ "join", cmd_join, "GROUP", "register again, at a member" },
	{ "leave", cmd_leave, "GROUP", "leave a group, at a member" },
	{}
};

/* One for the process; complain() wants to know the line of a batch. */
static struct ctl ctl = { .socket = DEFAULT_SOCKET };

int complain(int code, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("mcsecctl: ", stderr);
	if (ctl.batch)
		fprintf(stderr, "%s:%lu: ", ctl.batch, ctl.line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

/* "a, b or c" of the names in @table. */
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

int dispatch(struct ctl *ctl, const struct command *table, const char *of,
	     int argc, char **argv)
{
	char names[256];
	size_t i;

	list_names(table, names, sizeof(names));
	if (!argc)
		return complain(EXIT_USAGE, "%sa word is missing: %s", of,
				names);
	for (i = 0; table[i].name; i++)
		if (!strcmp(table[i].name, argv[0]))
			return table[i].run(ctl, argc - 1, argv + 1);
	return complain(EXIT_USAGE, "%sunknown word \"%s\": %s", of, argv[0],
			names);
}

int check_argc(int argc, int min, int max, const char *usage)
{
	if (argc >= min && argc <= max)
		return EXIT_OK;
	return complain(EXIT_USAGE, "too %s words: mcsecctl %s",
			argc < min ? "few" : "many", usage);
}

static int enter_netns(const char *name)
{
	const char *path = name;
	char buf[4096];
	int fd, ret;

	if (!strchr(name, '/')) {
		snprintf(buf, sizeof(buf), "/run/netns/%s", name);
		path = buf;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain(EXIT_FAILED, "network namespace \"%s\": %s",
				name, strerror(errno));
	ret = setns(fd, CLONE_NEWNET);
	if (ret < 0 && errno == EPERM)
		complain(0,
			 "network namespace \"%s\": permission denied: need CAP_SYS_ADMIN",
			 name);
	else if (ret < 0)
		complain(0, "\"%s\" is no network namespace: %s", name,
			 strerror(errno));
	close(fd);
	return ret < 0 ? EXIT_FAILED : EXIT_OK;
}

int need_kernel(struct ctl *ctl)
{
	struct err err;
	int ret;

	if (ctl->kernel.ops)
		return EXIT_OK;
	if (ctl->netns) {
		ret = enter_netns(ctl->netns);
		if (ret)
			return ret;
	}
	if (knl_open(&ctl->kernel, &err))
		return complain(EXIT_FAILED, "%s", err.text);
	return EXIT_OK;
}

int refused(const char *what, const struct err *err)
{
	return complain(EXIT_FAILED, "%s: %s", what, err->text);
}

void warned(const char *what, const struct err *err)
{
	if (*err->text)
		complain(EXIT_OK, "%s: warning: %s", what, err->text);
}

int print_json(json_t *json)
{
	int ret = json ? json_dumpf(json, stdout, JSON_COMPACT) : -1;

	json_decref(json);
	if (ret)
		return complain(EXIT_FAILED, "no memory for the output");
	putchar('\n');
	return EXIT_OK;
}

static void help(FILE *to)
{
	size_t i;

	fputs("Usage: mcsecctl [-j] [-n NETNS] [-s SOCKET] [-V] COMMAND ...\n\n",
	      to);
	for (i = 0; commands[i].name; i++)
		fprintf(to, "  %-7s %-34s %s\n", commands[i].name,
			commands[i].usage, commands[i].help);
	fputs("\n  -j         answer in JSON\n"
	      "  -n NETNS   in this network namespace (name or path)\n"
	      "  -s SOCKET  the daemon's, if not " DEFAULT_SOCKET "\n"
	      "  -V         print the version and end\n"
	      "\nmcsecctl(8) has all the words.\n",
	      to);
}

static int version(void)
{
	if (ctl.json)
		return print_json(json_pack("{s:s, s:i}", "version",
					    MCSEC_VERSION, "json-version",
					    MCSEC_JSON_VERSION));
	puts("mcsecctl " MCSEC_VERSION);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	int c, ret;

	/* getopt() would say its own name and not list the options */
	opterr = 0;
	while ((c = getopt(argc, argv, "+:hjn:s:V")) != -1) {
		switch (c) {
		case 'h':
			help(stdout);
			return EXIT_OK;
		case 'j':
			ctl.json = true;
			break;
		case 'n':
			ctl.netns = optarg;
			break;
		case 's':
			ctl.socket = optarg;
			break;
		case 'V':
			return version();
		case ':':
			return complain(EXIT_USAGE,
					"option -%c: a value is missing",
					optopt);
		default:
			return complain(EXIT_USAGE,
					"unknown option \"%s\": -h, -j, -n NETNS, -s SOCKET or -V",
					argv[optind - 1]);
		}
	}
	if (optind == argc) {
		help(stderr);
		return EXIT_USAGE;
	}

	ret = dispatch(&ctl, commands, "", argc - optind, argv + optind);
	knl_close(&ctl.kernel);
	/* A full disk behind > is a failure too. */
	if (fflush(stdout) || ferror(stdout))
		ret = complain(EXIT_FAILED, "writing the output: %s",
			       strerror(errno));
	return ret;
}
