// SPDX-License-Identifier: Apache-2.0
/*
 * mcsecctl: show and change what the module protects, send requests to the
 * daemon, and make keys and certificates.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/version.h"
#include "kernel/nl.h"
#include "mcsecctl.h"

#define DEFAULT_SOCKET "/run/mcsec/mcsecd.sock"

static const struct command commands[] = {
	{ "group", cmd_group, "add|set|del|show|flush ...",
	  "groups, whose traffic is protected" },
	{ "sa", cmd_sa, "add|set|del|show|flush ...",
	  "SAs (keys) of a group, manually" },
	{ "sender", cmd_sender, "add|set|del|show GROUP SPI ...",
	  "senders of a receiving SA" },
	{ "show", cmd_show, "", "all groups and their SAs" },
	{ "stats", cmd_stats, "[-a]", "counters that are not zero, or all" },
	{ "metrics", cmd_metrics, "", "list of all metrics with descriptions" },
	{ "monitor", cmd_monitor, "", "print events of the module" },
	{ "batch", cmd_batch, "[-f|force] [FILE]",
	  "execute many of the above, one per line" },
	{ "key", cmd_key, "generate ALG [bits N] [file FILE]",
	  "make a random key" },
	{ "pki", cmd_pki, "init|gcks|member DIR ...",
	  "make a certification authority and certificates" },
	{ "status", cmd_status, "[GROUP]", "state of the daemon" },
	{ "member", cmd_member, "[GROUP]",
	  "members of a group, at its key server" },
	{ "rekey", cmd_rekey, "[GROUP] [--signing-key]",
	  "change the keys now, at the key server" },
	{ "reset", cmd_reset, "GROUP",
	  "let all members register again, after a theft" },
	{ "reload", cmd_reload, "[--check]",
	  "read the daemon's configuration again" },
	{ "reseal", cmd_reseal, "", "change the seal key of the store" },
	{ "evict", cmd_evict, "GROUP IDENTITY [--ahead]",
	  "evict a member, at the key server" },
	{ "admit", cmd_admit, "GROUP IDENTITY",
	  "admit an evicted identity again" },
	{ "audit", cmd_trail, "[after N]|verify|show|tail ...",
	  "audit trail of the key server" },
	{ "join", cmd_join, "GROUP", "register again, at a member" },
	{ "leave", cmd_leave, "GROUP", "leave a group, at a member" },
	{}
};

static struct ctl ctl = { .socket = DEFAULT_SOCKET };

static void print_help(FILE *to)
{
	size_t i;

	fputs("Usage: mcsecctl [-j] [-n NETNS] [-s SOCKET] COMMAND ...\n"
	      "       mcsecctl [-j] -V | -h\n\n",
	      to);
	for (i = 0; commands[i].name; i++)
		fprintf(to, "  %-7s %-34s %s\n", commands[i].name,
			commands[i].usage, commands[i].help);
	fputs("\n  -j         answer in JSON\n"
	      "  -n NETNS   in this network namespace (name or path)\n"
	      "  -s SOCKET  the daemon's, if not " DEFAULT_SOCKET "\n"
	      "  -V         print the version and exit\n"
	      "\nSee mcsecctl(8).\n",
	      to);
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

int main(int argc, char **argv)
{
	int c, ret;

	complain_in(&ctl);
	/* The message of getopt() lacks the list of options. */
	opterr = 0;
	while ((c = getopt(argc, argv, "+:hjn:s:V")) != -1) {
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
		case 'V':
			return print_version();
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
		print_help(stderr);
		return EXIT_USAGE;
	}

	ret = dispatch(&ctl, commands, "", argc - optind, argv + optind);
	knl_close(&ctl.kernel);
	/* A full disk behind a redirection is an error too. */
	if (fflush(stdout) || ferror(stdout))
		ret = complain(EXIT_FAILED, "writing the output: %s",
			       strerror(errno));
	return ret;
}
