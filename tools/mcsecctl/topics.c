// SPDX-License-Identifier: Apache-2.0
/* Help on what is no command. */
#include "topics.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *text;
} topics[] = {
	{ "exit",
	  "Exit codes:\n"
	  "  0  done\n"
	  "  1  refused, or failed\n"
	  "  2  the command line was not understood\n"
	  "doctor and health: 0 all is well, 1 a problem, 2 not known.\n"
	  "audit verify and audit show have more, see mcsecctl(8).\n" },
	{ "output",
	  "Tables are for people, and their layout may change; programs use -j.\n"
	  "  times     UTC, such as 2026-11-29T12:30:00Z\n"
	  "  spans     the two largest units: 18s, 3m12s, 2h05m, 3d04h\n"
	  "  octets    B, KiB, MiB and so on, of 1024\n"
	  "  SPIs      hexadecimal with 0x, as in the log\n"
	  "Columns and counters without a value are left out; -v shows all.\n"
	  "Colours: on a terminal, without NO_COLOR, or with --color always.\n" },
	{ "socket",
	  "Commands for mcsecd ask at /run/mcsec/mcsecd.sock, or where -s says.\n"
	  "mcsecd@NAME has /run/mcsec/NAME/mcsecd.sock; a host that is key server\n"
	  "and member with two daemons has two. Only root and the user of mcsecd\n"
	  "may ask, so use sudo.\n" },
	{ "start",
	  "A first group, on the key server that also sends:\n"
	  "  mcsecctl setup both NAME ...   configuration and certificates\n"
	  "  mcsecctl pki member DIR NAME   a certificate for each member\n"
	  "  mcsecctl pki bundle DIR NAME   all that the member needs, in one file\n"
	  "on the member:\n"
	  "  mcsecctl pki import FILE       its files and configuration\n"
	  "and on both:\n"
	  "  mcsecctl doctor                what is wrong with this host\n"
	  "  mcsecctl health                what is wrong with what runs\n"
	  "  mcsecctl tree, show, top       who is in, with which keys, how busy\n" },
	{}
};

bool print_topic(const char *name)
{
	size_t i;

	for (i = 0; topics[i].name; i++) {
		if (strcmp(topics[i].name, name))
			continue;
		fputs(topics[i].text, stdout);
		return true;
	}
	return false;
}

void list_topics(FILE *to)
{
	size_t i;

	fputs("\nmcsecctl help TOPIC:", to);
	for (i = 0; topics[i].name; i++)
		fprintf(to, "%s %s", i ? "," : "", topics[i].name);
	fputc('\n', to);
}
