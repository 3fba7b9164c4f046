// SPDX-License-Identifier: Apache-2.0
/*
 * mcsecctl: show and change what the module protects, send requests to the
 * daemon, and make keys and certificates.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/version.h"
#include "kernel/nl.h"
#include "mcsecctl.h"
#include "table.h"
#include "topics.h"

#define DEFAULT_SOCKET "/run/mcsec/mcsecd.sock"

/* Options without a letter have numbers that no letter has. */
enum { COLOR = 256 };

static int cmd_help(struct ctl *ctl, int argc, char **argv);

static const struct command commands[] = {
	COMMAND("group", NULL, "add|set|del|show|flush ...",
		"groups, whose traffic is protected", .subs = group_commands),
	COMMAND("sa", NULL, "add|set|del|show|flush ...",
		"SAs (keys) of a group, manually", .subs = sa_commands),
	COMMAND("sender", NULL, "add|set|del|show GROUP SPI ...",
		"senders of a receiving SA", .subs = sender_commands),
	COMMAND("edge", NULL, "add|set|del|show GROUP ...",
		"unicast paths of a group, between hosts without multicast",
		.subs = edge_commands),
	COMMAND("show", cmd_show, "", "all groups and their SAs"),
	COMMAND("stats", cmd_stats, "[-a|-v]",
		"counters that are not zero, or all", .has_verbose = true),
	COMMAND("metrics", cmd_metrics, "[export|serve ...]",
		"list of all metrics with descriptions, or their values",
		.subs = metrics_commands),
	COMMAND("monitor", cmd_monitor, "", "print events of the module"),
	COMMAND("watch", cmd_watch, "",
		"print events of the module and of mcsecd, with their time"),
	COMMAND("top", cmd_top, "[interval SECONDS]",
		"rates, drops and key age of each group, live on a terminal"),
	COMMAND("tree", cmd_tree, "[GROUP]",
		"who is in which group, and in what state"),
	COMMAND("batch", cmd_batch, "[-f|force] [FILE]",
		"execute many of the above, one per line"),
	COMMAND("key", NULL, "generate ALG [bits N] [file FILE]",
		"make a random key", .subs = key_commands),
	COMMAND("pki", NULL, "init|gcks|member|bundle|import|... ...",
		"make certificates, and bring them to members",
		.subs = pki_commands),
	COMMAND("setup", NULL, "gcks|both|member NAME ...",
		"write the first configuration of a host",
		.subs = setup_commands),
	COMMAND("doctor", cmd_doctor, "[FILE]",
		"check this host for a configuration, without mcsecd"),
	COMMAND("health", cmd_health, "[GROUP] [-v]",
		"what is wrong, and what to do", .has_verbose = true),
	COMMAND("status", cmd_status, "[GROUP] [-v]",
		"state of the daemon and of its groups", .has_verbose = true),
	COMMAND("member", cmd_member, "[GROUP] [-v]",
		"members of a group, at its key server", .has_verbose = true),
	COMMAND("rekey", cmd_rekey, "[GROUP] [--signing-key]",
		"change the keys now, at the key server"),
	COMMAND("reset", cmd_reset, "GROUP",
		"let all members register again, after a theft"),
	COMMAND("reload", cmd_reload, "[--check]",
		"read the daemon's configuration again"),
	COMMAND("reseal", cmd_reseal, "", "change the seal key of the store"),
	COMMAND("evict", cmd_evict, "GROUP IDENTITY [--ahead]",
		"evict a member, at the key server"),
	COMMAND("admit", cmd_admit, "GROUP IDENTITY",
		"admit an evicted identity again"),
	COMMAND("policy", NULL, "write|sign|check|show|apply|... ...",
		"policies that a quorum of administrators signs",
		.subs = policy_commands),
	COMMAND("audit", cmd_trail, "[after N]|verify|show|tail ...",
		"audit trail of the key server", .subs = audit_commands),
	COMMAND("join", cmd_join, "GROUP", "register again, at a member"),
	COMMAND("leave", cmd_leave, "GROUP", "leave a group, at a member"),
	COMMAND("help", cmd_help, "[COMMAND [COMMAND]|TOPIC]",
		"print help on a command or topic"),
	{}
};

static const struct command top = { .subs = commands };
static struct ctl ctl = { .socket = DEFAULT_SOCKET };

static void print_help(FILE *to)
{
	size_t i;

	fputs("Usage: mcsecctl [-j] [-v] [-n NETNS] [-s SOCKET] COMMAND ...\n"
	      "       mcsecctl COMMAND --help\n"
	      "       mcsecctl [-j] -V | -h\n\n",
	      to);
	for (i = 0; commands[i].name; i++)
		fprintf(to, "  %-7s %-34s %s\n", commands[i].name,
			commands[i].usage, commands[i].help);
	list_topics(to);
	fputs("\n  -j, --json           answer in JSON\n"
	      "  -n, --netns NETNS    in this network namespace (name or path)\n"
	      "  -s, --socket SOCKET  the daemon's, if not " DEFAULT_SOCKET "\n"
	      "  -v, --verbose        print all there is, zeroes included\n"
	      "      --color WHEN     always, never, or auto: on a terminal without\n"
	      "                       NO_COLOR, which is the default\n"
	      "  -V, --version        print the version and exit\n"
	      "  -h, --help           print this help and exit\n"
	      "\nSee mcsecctl(8).\n",
	      to);
}

static int cmd_help(struct ctl *ctl, int argc, char **argv)
{
	const struct command *of = &top, *c;
	int i, ret;

	ret = check_argc(argc, 0, 2);
	if (ret)
		return ret;
	if (argc == 1 && print_topic(argv[0]))
		return EXIT_OK;
	if (!argc)
		print_help(stdout);
	for (i = 0; i < argc; i++, of = c) {
		if (!of->subs)
			return complain(EXIT_USAGE,
					"help: \"%s\" has no commands",
					of->name);
		c = find_command(ctl, of, argv[i]);
		if (!c)
			return EXIT_USAGE;
		if (i == argc - 1)
			print_command_help(of, c);
	}
	return EXIT_OK;
}

static int print_version(void)
{
	if (ctl.json)
		return print_json(json_pack("{s:s, s:i}", "version",
					    MCSEC_VERSION, "json-version",
					    MCSEC_JSON_VERSION));
	puts("mcsecctl " MCSEC_VERSION);
	return EXIT_OK;
}

/* Take the options in front of the command. Returns -1, or an exit code. */
static int read_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "color", required_argument, NULL, COLOR },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "netns", required_argument, NULL, 'n' },
		{ "socket", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 }
	};
	int c;

	/* The message of getopt_long() lacks the list of options. */
	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:hjn:s:vV", longs, NULL)) != -1) {
		switch (c) {
		case 'h':
			print_help(stdout);
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
		case 'v':
			ctl.verbose = true;
			tables_are_whole();
			break;
		case COLOR:
			if (!color_choose(optarg))
				return complain(EXIT_USAGE,
						"--color \"%s\": always, never or auto",
						optarg);
			break;
		case 'V':
			return print_version();
		case ':':
			return complain(EXIT_USAGE,
					"option %s: a value is missing",
					argv[optind - 1]);
		default:
			return complain(EXIT_USAGE,
					"unknown option \"%s\": --color WHEN, --help, --json, --netns NETNS, --socket SOCKET, --verbose or --version",
					argv[optind - 1]);
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	int ret;

	/* Branches of trees are drawn with what the terminal has. */
	setlocale(LC_CTYPE, "");
	color_choose("auto");
	complain_in(&ctl);
	ret = read_options(argc, argv);
	if (ret >= 0)
		return ret;
	if (optind == argc) {
		print_help(stderr);
		return EXIT_USAGE;
	}

	ret = dispatch(&ctl, &top, argc - optind, argv + optind);
	knl_close(&ctl.kernel);
	/* A full disk behind a redirection is an error too. */
	if (fflush(stdout) || ferror(stdout))
		ret = complain(EXIT_FAILED, "writing the output: %s",
			       strerror(errno));
	return ret;
}
