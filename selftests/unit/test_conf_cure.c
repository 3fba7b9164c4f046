// SPDX-License-Identifier: Apache-2.0
/*
 * Mistakes in a configuration, and all that is said of each: what is wrong, and what to
 * do. test_conf.c has the values that are taken, and which are not.
 */
#include <string.h>

#include "conf/conf.h"
#include "lib/err.h"
#include "lib/util.h"
#include "tap.h"

#define IDENTITY \
	"identity: { certificate = \"/c\"; key = \"/k\"; ca = \"/a\"; };\n"
/* @gcks of the role member, and the settings of a group. */
#define MEMBER(gcks, group) \
	IDENTITY "member: { gcks = " gcks "; gcks-id = \"k\";\n" \
		 " groups = ( { name = \"v\"; " group " } ); };\n"
#define GROUP(group) MEMBER("\"192.0.2.1\"", group)
#define ADDRESS(address) GROUP("address = \"" address "\";")
#define FIXED(group) GROUP("address = \"239.1.1.0/24\"; " group)
#define SERVER(more) \
	IDENTITY "gcks: { store = \"/s\"; seal-key = \"/k\";\n" \
		 " groups = ( { name = \"v\"; address = \"239.1.1.1\"; " more \
		 " } ); };\n"

#define AT "f:3: member.groups[0]."
#define EP "f:2: member.gcks: "
#define EP_LIKE " is not like \"192.0.2.1:848\" or \"[2001:db8::1]:848\": "
#define NAMES \
	"names are not looked up: write the address (\"getent ahosts NAME\" shows it)"
#define PORTS \
	"a port has no place here, but a setting of its own: write the address alone"

static const char *const mistakes[][2] = {
	/* Addresses. */
	{ ADDRESS(":5000"),
	  AT "address: \":5000\" is not an IP address: " PORTS },
	{ ADDRESS("239.001"),
	  AT "address: \"239.001\" is not an IP address: IPv4 has "
	     "four numbers from 0 to 255, without zeros in front, "
	     "such as 239.1.1.1" },
	{ ADDRESS("video.example"),
	  AT "address: \"video.example\" is not an IP address: " NAMES },
	{ ADDRESS("[ff3e::1]"),
	  AT "address: \"[ff3e::1]\" is not an IP address: brackets "
	     "are for an address with a port, here is none: "
	     "leave them out" },
	{ ADDRESS("ff3e::1%eth0"),
	  AT "address: \"ff3e::1%eth0\" is not an IP address: an "
	     "interface has a setting of its own: "
	     "write the address alone" },
	{ ADDRESS("239.1.1.1/16"), AT
	  "address: \"239.1.1.1/16\" has bits behind its prefix length: write \"239.1.0.0/16\"" },
	{ ADDRESS("239.1.1.1/33"),
	  AT "address: \"239.1.1.1/33\": a prefix has 1 to 32 bits" },
	{ ADDRESS("10.1.1.1"), AT
	  "address: \"10.1.1.1\" is not a multicast address (224.0.0.0/4 or ff00::/8)" },
	{ FIXED("source = \"2001:db8::1\";"), AT
	  "source: is not of the family of address: both have to be IPv4, or both IPv6" },
	{ FIXED("interfaces = [ \"eth 0\" ];"),
	  AT "interfaces[0]: \"eth 0\" is not the name of an "
	     "interface, of 1 to 15 octets without blanks, colons and "
	     "slashes" },
	{ FIXED("interfaces = [ \"eth0\", \"eth0\" ];"),
	  AT "interfaces[1]: \"eth0\" is there twice: remove one" },
	{ MEMBER("\":5000\"", "address = \"239.1.1.1\";"),
	  EP "\":5000\"" EP_LIKE "there is no address in front of the port" },
	{ MEMBER("\"gcks.example\"", "address = \"239.1.1.1\";"),
	  EP "\"gcks.example\"" EP_LIKE NAMES },
	{ MEMBER("\"192.0.2.1:0\"", "address = \"239.1.1.1\";"),
	  EP "\"192.0.2.1:0\"" EP_LIKE "a port is a number from 1 to 65535" },
	{ MEMBER("\"192.0.2.1/32\"", "address = \"239.1.1.1\";"),
	  EP "\"192.0.2.1/32\"" EP_LIKE "a prefix length has no place here" },
	{ MEMBER("\"[fe80::1%nosuch0]\"", "address = \"239.1.1.1\";"),
	  EP "the interface in \"[fe80::1%nosuch0]\" does not exist: "
	     "\"ip link\" shows those that do" },
	{ MEMBER("\"239.1.1.1\"", "address = \"239.1.1.1\";"),
	  EP "\"239.1.1.1\" is multicast: write the address of one host" },
	{ MEMBER("\"0.0.0.0\"", "address = \"239.1.1.1\";"),
	  EP "is not the address of one host: name that of the key server" },
	{ SERVER("rekey-address = \"239.1.1.2/32\";"),
	  "f:3: gcks.groups[0].rekey-address: \"239.1.1.2/32\" is "
	  "not an IP address: a prefix length has no place here: "
	  "write the address alone" },
	{ SERVER("rekey-address = \"239.1.1.1\"; senders = \"*\";"),
	  "f:3: gcks.groups[0].rekey-address: is the group's own "
	  "address, where only ESP may go: take another one" },
	/* Other values. */
	{ FIXED("send = yes;"),
	  "f:3: syntax error; a value is a number without a unit, "
	  "true, false or a text in quotes, and ends with \";\"" },
	{ FIXED("max-senders = 1h;"),
	  "f:3: syntax error; a value is a number without a unit, "
	  "true, false or a text in quotes, and ends with \";\"" },
	{ FIXED("send = 1;"), AT "send: has to be true or false" },
	{ FIXED("sned = true;"),
	  AT "sned: no such setting here; there is \"send\"" },
	{ FIXED("replay-window = 100;"), AT
	  "replay-window: 100 is not a power of two, such as 64, 1024 or 32768" },
	{ FIXED("protocol = 50;"), AT
	  "protocol: 50 is ESP, which is not protected again: name what the application sends" },
	{ FIXED("receive = false;"),
	  "f:3: member.groups[0]: send and receive are both false: one of them has to be true" },
	{ SERVER("rekey-address = \"239.1.1.2\";"),
	  "f:3: gcks.groups[0].receivers: senders and receivers "
	  "are both empty: name who may take part" },
	/* Settings that are missing. */
	{ "", "f:1: identity: is missing: add identity = { ... };" },
	{ GROUP(""),
	  "f:3: member.groups[0].address: is missing: add address = \"239.1.1.1\";, or data" },
	{ IDENTITY "gcks: { store = \"/s\"; };\n",
	  "f:2: gcks.seal-key: is missing: add seal-key = \"/var/lib/mcsec/seal.key\";" },
	{ "identity: { certificate = \"/c\"; key = \"/k\"; };",
	  "f:1: identity.ca: is missing: an identity has "
	  "certificate, key and ca, or \"id\" alone with "
	  "pre-shared keys" },
	{ "identity: { certificate = \"c\"; };",
	  "f:1: identity.certificate: \"c\" is not an absolute path: it has to begin with \"/\"" },
};

static struct conf *conf_of(const char *text)
{
	struct conf *c = NULL;
	struct err err;

	if (conf_parse(text, "f", &c, &err))
		bail("%s", err.text);
	return c;
}

static void note_line(void *arg, const char *line)
{
	char *lines = arg;

	strcat(lines, line);
	strcat(lines, "\n");
}

/* The lines of conf_each_control() for a group with these settings. */
static const char *control_of(const char *text)
{
	static char lines[8192];
	struct conf *c = conf_of(text);

	lines[0] = '\0';
	conf_each_control(c, note_line, lines);
	conf_free(c);
	return lines;
}

#define DROPS(what, where) \
	"group v: without \"protocol\" it drops the " what \
	", which are in the clear and go to " where \
	": name the protocol of the application, or take another address\n"

/* Groups of all protocols at addresses where hosts and routers keep multicast going. */
static void control(void)
{
	static const char udp[] =
		GROUP("address = \"224.0.0.1\"; protocol = \"udp\";");

	is_str(control_of(ADDRESS("224.0.0.1")),
	       DROPS("queries of IGMP", "224.0.0.1"), "all hosts");
	is_str(control_of(ADDRESS("224.0.0.22")),
	       DROPS("reports of IGMP", "224.0.0.22"), "reports of IGMP");
	is_str(control_of(ADDRESS("ff02::1")),
	       DROPS("router advertisements and queries of MLD", "ff02::1"),
	       "all nodes");
	is_str(control_of(ADDRESS("ff02::1:ff00:7")),
	       DROPS("neighbour solicitations", "ff02::1:ff00:0/104"),
	       "neighbours of one address");
	is_str(control_of(udp), "", "UDP to all hosts");
	is_str(control_of(ADDRESS("224.0.0.18")), "", "another link-local one");
	is_str(control_of(ADDRESS("224.0.0.0/4")), "",
	       "a prefix that leaves IGMP in the clear");
	is_str(control_of(ADDRESS("239.1.1.1")), "", "no link-local address");
}

static void cures(void)
{
	struct conf *c = NULL;
	struct err err;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++) {
		err.text[0] = '\0';
		is_int(conf_parse(mistakes[i][0], "f", &c, &err), -EINVAL,
		       "refused: %s", mistakes[i][1]);
		is_str(err.text, mistakes[i][1], "the line: %s",
		       mistakes[i][1]);
	}
}

int main(void)
{
	RUN(cures);
	RUN(control);
	return done();
}
