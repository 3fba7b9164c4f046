// SPDX-License-Identifier: Apache-2.0
/*
 * Selectors of groups: as text, as traffic selectors, as settings of both roles,
 * and as a group of the kernel; and which groups fit beside each other.
 */
#include <errno.h>

#include "conf/conf.h"
#include "kernel/kernel.h"
#include "lib/selector.h"
#include "wire/payload.h"
#include "tap.h"

static struct err err;

#define IDENTITY \
	"identity: { certificate = \"/c\"; key = \"/k\"; ca = \"/a\"; };\n"
#define GCKS_HEAD \
	IDENTITY \
	"gcks: { store = \"/s\"; seal-key = \"/sk\"; groups = ("
#define GROUP(name, rekey, text) \
	"{ name = \"" name "\"; rekey-address = \"" rekey \
	"\"; receivers = \"*\"; " text " }"
#define GCKS(text) GCKS_HEAD GROUP("video", "239.1.1.254", text) "); };"
#define GCKS_TWO(one, two) \
	GCKS_HEAD GROUP("video", "239.9.9.1", \
			one) "," GROUP("audio", "239.9.9.2", two) "); };"
#define MEMBER_HEAD \
	IDENTITY \
	"member: { gcks = \"10.0.0.1\"; gcks-id = \"g.example\"; groups = ("
#define MEMBER(text) MEMBER_HEAD "{ name = \"video\"; " text " } ); };"
#define MEMBER_TWO(one, two) \
	MEMBER_HEAD "{ name = \"video\"; " one " }, { name = \"audio\"; " two \
		    " } ); };"

/* Read @text as the group of a member. */
static struct conf *member_of(const char *text)
{
	struct conf *c = NULL;

	if (conf_parse(text, "f", &c, &err))
		bail("%s", err.text);
	return c;
}

static bool is_refused(const char *text, const char *where, const char *what)
{
	struct conf *c = NULL;
	int ret;

	err.text[0] = '\0';
	ret = conf_parse(text, "f", &c, &err);
	conf_free(c);
	return ret == -EINVAL && strstr(err.text, where) &&
	       strstr(err.text, what);
}

static void refused(const char *text, const char *where, const char *what)
{
	ok(is_refused(text, where, what), "%s: %s: %s", where, what, err.text);
}

static void accepted(const char *text, const char *what)
{
	struct conf *c = NULL;
	int ret = conf_parse(text, "f", &c, &err);

	ok(!ret, "%s: %s", what, ret ? err.text : "accepted");
	conf_free(c);
}

/* Return what a member's group with these settings selects. */
static struct selector sel_of(const char *text)
{
	char file[1024];
	struct selector sel;
	struct conf *c;

	snprintf(file, sizeof(file), MEMBER("%s"), text);
	c = member_of(file);
	sel = c->member->groups[0].sel;
	conf_free(c);
	return sel;
}

/* ---- prefixes ----------------------------------------------------------- */

static void test_prefixes(void)
{
	struct addr a, b;
	uint8_t len;
	char buf[PREFIX_STRLEN];

	is_int(prefix_parse("239.1.0.0/16", &a, &len), 0, "a prefix");
	is_int(len, 16, "the length of a prefix");
	is_str(prefix_str(&a, len, buf), "239.1.0.0/16",
	       "the text of a prefix");
	is_int(prefix_parse("239.1.0.1/32", &a, &len), 0, "a full length");
	is_int(len, 0, "a full length is one address");
	is_str(prefix_str(&a, 32, buf), "239.1.0.1",
	       "one address has no length");
	is_int(prefix_parse("ff0e::/33", &a, &len), 0, "IPv6");
	is_str(prefix_str(&a, len, buf), "ff0e::/33", "text of IPv6");
	is_int(prefix_parse("239.1.0.0/33", &a, &len), -ERANGE, "33 bits");
	is_int(prefix_parse("239.1.0.0/0", &a, &len), -ERANGE, "no bits");
	is_int(prefix_parse("239.1.0.0/", &a, &len), -ERANGE, "no length");
	is_int(prefix_parse("239.1.0.0/1x", &a, &len), -ERANGE, "a letter");
	is_int(prefix_parse("239.1.0.0/4294967312", &a, &len), -ERANGE,
	       "a length that wraps");
	is_int(prefix_parse("239.1.0/16", &a, &len), -EINVAL, "no address");
	prefix_parse("239.1.0.1", &a, &len);
	is_int(prefix_parse("0000000000000000000000000000000000000000239.1.0.1/16",
			    &a, &len),
	       -EINVAL, "a text that is too long");
	ok(addr_is_none(&a), "the long text leaves no address");
	is_int(prefix_parse("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555/16",
			    &a, &len),
	       -EINVAL, "a text one octet too long");

	prefix_parse("239.1.16.0/20", &a, &len);
	ok(prefix_is_first(&a, len), "no bit is behind the prefix");
	prefix_last(&a, len, &b);
	is_str(prefix_str(&b, 0, buf), "239.1.31.255", "the last address");
	ok(prefix_has(&a, len, &b), "the last address is in it");
	is_int(prefix_of_range(&a, &b, &len), 0, "a range that is a prefix");
	is_int(len, 20, "the length of the range");
	addr_parse("239.1.32.0", &b);
	ok(!prefix_has(&a, 20, &b), "the next address is not in it");
	addr_parse("239.1.30.255", &b);
	is_int(prefix_of_range(&a, &b, &len), -EINVAL,
	       "a range that ends too early");
	addr_parse("239.1.16.1", &a);
	addr_parse("239.1.31.255", &b);
	ok(!prefix_is_first(&a, 20), "a bit is behind the prefix");
	is_int(prefix_of_range(&a, &b, &len), -EINVAL,
	       "a range that begins too late");
	addr_parse("0.0.0.0", &a);
	addr_parse("255.255.255.255", &b);
	is_int(prefix_of_range(&a, &b, &len), -EINVAL, "all addresses");
	addr_parse("ff0e::", &b);
	ok(!prefix_has(&a, 1, &b), "the other family is in no prefix");
	ok(prefix_has(&b, 0, &b), "an address of IPv6 is in itself");
	len = 7;
	is_int(prefix_of_range(&b, &b, &len), 0, "a range of one address");
	is_int(len, 0, "one address has no length");
}

/* ---- comparison --------------------------------------------------------- */

static void test_overlaps(void)
{
	static const struct {
		const char *a, *b, *what;
		bool overlaps, within, contains;
	} cases[] = {
		{ "address=\"239.1.1.1\";", "address=\"239.1.1.1\";", "equal",
		  true, true, true },
		{ "address=\"239.1.1.1\";", "address=\"239.1.1.2\";",
		  "other addresses", false, false, false },
		{ "address=\"239.1.1.1\";", "address=\"239.1.0.0/16\";",
		  "an address of a prefix", true, true, false },
		{ "address=\"239.1.0.0/16\";", "address=\"239.1.1.0/24\";",
		  "a prefix and its part", true, false, true },
		{ "address=\"239.1.1.1\"; source=\"10.0.0.1\";",
		  "address=\"239.1.1.1\";", "one source and any", true, true,
		  false },
		{ "address=\"239.1.1.1\"; source=\"10.0.0.1\";",
		  "address=\"239.1.1.1\"; source=\"10.0.0.2\";", "two sources",
		  false, false, false },
		{ "address=\"239.1.1.1\"; source=\"10.0.0.0/8\";",
		  "address=\"239.1.1.1\"; source=\"10.1.0.0/16\";",
		  "a source of sources", true, false, true },
		{ "address=\"239.1.1.1\"; protocol=\"udp\";",
		  "address=\"239.1.1.1\"; protocol=\"tcp\";", "two protocols",
		  false, false, false },
		{ "address=\"239.1.1.1\"; protocol=\"udp\"; destination-port=1;",
		  "address=\"239.1.1.1\"; protocol=\"udp\";",
		  "one port and any", true, true, false },
		{ "address=\"239.1.1.1\"; protocol=\"udp\"; destination-port=1;",
		  "address=\"239.1.1.1\"; protocol=\"udp\"; destination-port=2;",
		  "two ports", false, false, false },
		{ "address=\"239.1.1.1\"; protocol=\"udp\"; source-port=1;",
		  "address=\"239.1.1.1\"; protocol=\"udp\";",
		  "one source port and any", true, true, false },
		{ "address=\"239.1.1.1\"; protocol=\"udp\"; source-port=1;",
		  "address=\"239.1.1.1\"; protocol=\"udp\"; source-port=1;",
		  "one source port", true, true, true },
		{ "address=\"239.1.1.1\"; protocol=\"udp\"; source-port=1;",
		  "address=\"239.1.1.1\"; protocol=\"udp\"; source-port=2;",
		  "two source ports", false, false, false },
		{ "address=\"239.1.1.1\"; protocol=\"udp\"; source-port=1;",
		  "address=\"239.1.1.1\"; protocol=\"udp\"; destination-port=2;",
		  "a port of each end", true, false, false },
		{ "address=\"239.1.0.0/16\"; protocol=\"udp\";",
		  "address=\"239.1.1.0/24\";", "a crossing", true, false,
		  false },
		{ "address=\"ff0e::/16\";", "address=\"224.0.0.0/4\";",
		  "two families", false, false, false },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct selector a = sel_of(cases[i].a), b = sel_of(cases[i].b);

		ok(selector_overlaps(&a, &b) == cases[i].overlaps &&
			   selector_overlaps(&b, &a) == cases[i].overlaps,
		   "%s: both select a datagram: %d", cases[i].what,
		   cases[i].overlaps);
		is_int(selector_within(&a, &b), cases[i].within,
		       "%s: the first is a part", cases[i].what);
		is_int(selector_within(&b, &a), cases[i].contains,
		       "%s: the second is a part", cases[i].what);
		is_int(selector_equal(&a, &b),
		       cases[i].within && cases[i].contains, "%s: equality",
		       cases[i].what);
	}
}

/* ---- traffic selectors -------------------------------------------------- */

static void test_traffic_selectors(void)
{
	static const char *const texts[] = {
		"address=\"239.1.1.1\";",
		"address=\"239.0.0.0/8\";",
		"address=\"232.1.1.1\"; source=\"10.0.0.0/9\";",
		"address=\"239.1.1.1\"; source=\"10.0.0.1\"; protocol=\"udp\"; "
		"source-port=7; destination-port=5000;",
		"address=\"224.0.0.4/30\"; protocol=\"ospf\";",
		"address=\"ff02::5\"; protocol=89;",
		"address=\"ff3e::/32\"; source=\"2001:db8::/127\";",
		"address=\"224.0.0.0/4\";",
	};
	struct selector sel, back;
	struct ts src, dst;
	char a[SELECTOR_STRLEN], b[SELECTOR_STRLEN];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		sel = sel_of(texts[i]);
		ts_from_selector(&sel, &src, &dst);
		is_int(ts_to_selector(&src, &dst, &back), 0, "%s",
		       selector_str(&sel, a));
		ok(selector_equal(&sel, &back), "%s comes back as %s", a,
		   selector_str(&back, b));
	}
	sel = sel_of(texts[3]);
	is_str(selector_str(&sel, a),
	       "239.1.1.1 src 10.0.0.1 proto udp sport 7 dport 5000",
	       "the text has all of it");
	ts_from_selector(&sel, &src, &dst);
	ok(src.port_lo == 7 && src.port_hi == 7 && dst.port_lo == 5000 &&
		   dst.ip_proto == IPPROTO_UDP && src.ip_proto == IPPROTO_UDP,
	   "each end has its port, and both have the protocol");
	src.ip_proto = 0;
	is_int(ts_to_selector(&src, &dst, &back), -EINVAL, "two protocols");
	ts_from_selector(&sel, &src, &dst);
	dst.port_hi++;
	is_int(ts_to_selector(&src, &dst, &back), -EINVAL, "a range of ports");
	ts_from_selector(&sel, &src, &dst);
	src.ip_proto = IPPROTO_PIM;
	dst.ip_proto = IPPROTO_PIM;
	is_int(ts_to_selector(&src, &dst, &back), -EINVAL,
	       "ports of a protocol without ports");
	src.port_lo = 0;
	src.port_hi = UINT16_MAX;
	is_int(ts_to_selector(&src, &dst, &back), -EINVAL,
	       "one port of a protocol without ports");
	ts_from_selector(&sel, &src, &dst);
	dst.port_lo = 0;
	dst.port_hi = 0;
	is_int(ts_to_selector(&src, &dst, &back), -EINVAL, "port 0");
	ts_from_selector(&sel, &src, &dst);
	dst.hi.b[3] = 3;
	is_int(ts_to_selector(&src, &dst, &back), -EINVAL,
	       "a range of addresses");
	ts_from_selector(&sel, &src, &dst);
	src.lo.b[3] = 0;
	src.hi.b[3] = 2;
	is_int(ts_to_selector(&src, &dst, &back), -EINVAL,
	       "a range of sources");
	ts_from_selector(&sel, &src, &dst);
	ts_set(&dst, NULL, AF_INET, IPPROTO_UDP, 0);
	is_int(ts_to_selector(&src, &dst, &back), -EINVAL, "any destination");
	ts_from_selector(&sel, &src, &dst);
	ts_set(&src, NULL, AF_INET6, IPPROTO_UDP, 0);
	is_int(ts_to_selector(&src, &dst, &back), -EINVAL, "two families");
}

/* ---- settings ----------------------------------------------------------- */

static void test_settings(void)
{
	static const char gateway[] =
		MEMBER("address = \"239.1.0.0/16\"; mode = \"tunnel\"; "
		       "forward = true; interfaces = [ \"wan0\", \"wan1\" ]; "
		       "mark = \"0x10/0xf0\"; in-mark = \"7\";");
	struct conf *c = member_of(gateway);
	const struct conf_mgroup *g = &c->member->groups[0];

	ok(g->tunnel && g->forward, "a gateway in tunnel mode");
	ok(g->devs.n == 2 && !strcmp(g->devs.name[1], "wan1"),
	   "settings: interfaces");
	ok(g->mark.value == 0x10 && g->mark.mask == 0xf0, "a mark with a mask");
	ok(g->in_mark.value == 7 && g->in_mark.mask == UINT32_MAX,
	   "a mark without one");
	conf_free(c);
	c = member_of(MEMBER("address = \"239.1.1.1\"; mode = \"transport\";"));
	g = &c->member->groups[0];
	ok(!g->tunnel && !g->forward && !g->devs.n && !g->mark.mask &&
		   !g->in_mark.mask && !selector_is_part(&g->sel),
	   "a group of an address selects nothing else");
	conf_free(c);

	refused(MEMBER("address = \"239.1.0.1/16\";"), "groups[0].address",
		"bits behind");
	refused(MEMBER("address = \"224.0.0.0/3\";"), "groups[0].address",
		"unicast");
	refused(MEMBER("address = \"ff00::/7\";"), "groups[0].address",
		"bits behind");
	refused(MEMBER("address = \"239.0.0.0/33\";"), "groups[0].address",
		"1 to 32 bits");
	refused(MEMBER("address = \"239.1.1.1\"; source = \"239.1.1.2\";"),
		"groups[0].source", "not the address of a sender");
	refused(MEMBER("address = \"239.1.1.1\"; source = \"2001:db8::1\";"),
		"groups[0].source", "family");
	refused(MEMBER("address = \"239.1.1.1\"; protocol = \"ipx\";"),
		"groups[0].protocol", "ospf");
	refused(MEMBER("address = \"239.1.1.1\"; protocol = 256;"),
		"groups[0].protocol", "1 to 255");
	refused(MEMBER("address = \"239.1.1.1\"; protocol = 50;"),
		"groups[0].protocol", "ESP");
	refused(MEMBER("address = \"ff0e::1\"; protocol = \"icmp\";"),
		"groups[0].protocol", "IPv6 has icmpv6");
	refused(GCKS("address = \"ff0e::1\"; protocol = \"igmp\";"),
		"groups[0].protocol", "MLD");
	refused(MEMBER("address = \"239.1.1.1\"; protocol = \"icmpv6\";"),
		"groups[0].protocol", "but icmp");
	refused(MEMBER("address = \"ff0e::1\"; protocol = 43;"),
		"groups[0].protocol", "in front of the payload");
	refused(MEMBER("address = \"ff0e::1\"; protocol = 44;"),
		"groups[0].protocol", "in front of the payload");
	refused(GCKS("address = \"ff0e::1\"; protocol = 60;"),
		"groups[0].protocol", "in front of the payload");
	accepted(MEMBER("address = \"239.1.1.1\"; protocol = 60;"),
		 "a protocol of IPv4 with a number of IPv6's headers");
	refused(MEMBER("address = \"239.1.1.1\"; destination-port = 1;"),
		"groups[0].destination-port", "protocol");
	refused(MEMBER("address = \"239.1.1.1\"; protocol = \"pim\"; "
		       "source-port = 1;"),
		"groups[0].source-port", "protocol");
	refused(MEMBER("address = \"239.1.1.1\"; protocol = \"udp\"; "
		       "destination-port = 0;"),
		"groups[0].destination-port", "1 to 65535");
	refused(MEMBER("address = \"239.1.1.1\"; mode = \"beet\";"),
		"groups[0].mode", "tunnel");
	refused(MEMBER("address = \"239.1.1.1\"; interfaces = [ ];"),
		"groups[0].interfaces", "1 to 64");
	refused(MEMBER("address = \"239.1.1.1\"; interfaces = [ \"a/b\" ];"),
		"groups[0].interfaces", "not the name");
	refused(MEMBER("address = \"239.1.1.1\"; "
		       "interfaces = [ \"a\", \"a\" ];"),
		"groups[0].interfaces", "twice");
	refused(MEMBER("address = \"239.1.1.1\"; "
		       "interfaces = \"sixteen-octets-x\";"),
		"groups[0].interfaces", "not the name");
	refused(MEMBER("address = \"239.1.1.1\"; mark = \"0x100/0xff\";"),
		"groups[0].mark", "outside");
	refused(MEMBER("address = \"239.1.1.1\"; mark = \"0/0\";"),
		"groups[0].mark", "mask is 0");
	refused(MEMBER("address = \"239.1.1.1\"; mark = \"-1\";"),
		"groups[0].mark", "not like");
	refused(MEMBER("address = \"239.1.1.1\"; mark = \"0x1ffffffff\";"),
		"groups[0].mark", "not like");
	refused(GCKS("address = \"239.1.1.1\"; interfaces = \"eth0\";"),
		"groups[0].interfaces", "no such setting");
	refused(GCKS("address = \"239.1.1.1\"; mark = \"1\";"),
		"groups[0].mark", "no such setting");
}

/* ---- groups beside each other ------------------------------------------- */

static void test_key_server(void)
{
	accepted(GCKS_TWO("address = \"239.1.0.0/16\";",
			  "address = \"239.1.1.0/24\";"),
		 "a part of a prefix is a group of its own");
	accepted(GCKS_TWO("address = \"239.1.1.1\"; protocol = \"udp\";",
			  "address = \"239.1.1.1\"; protocol = \"tcp\";"),
		 "two protocols of an address");
	accepted(GCKS_TWO("address = \"232.1.1.1\"; source = \"10.0.0.1\";",
			  "address = \"232.1.1.1\"; source = \"10.0.0.2\";"),
		 "two channels of an address");
	accepted(GCKS_TWO("address = \"224.0.0.18\"; protocol = \"vrrp\";",
			  "address = \"224.0.0.18\"; protocol = \"vrrp\";"),
		 "a link-local address on two links");
	refused(GCKS_TWO("address = \"239.1.1.1\"; protocol = \"udp\";",
			 "address = \"239.1.1.1\"; protocol = 17;"),
		"groups[1].address", "another group has it");
	refused(GCKS_TWO("address = \"239.1.0.0/16\"; protocol = \"udp\";",
			 "address = \"239.1.1.0/24\";"),
		"groups[1].address",
		"group \"video\" (239.1.0.0/16 proto udp) selects some of the same datagrams");
	refused(GCKS_TWO("address = \"239.1.1.1\"; source = \"10.0.0.1\";",
			 "address = \"239.1.1.1\"; protocol = \"udp\";"),
		"groups[1].address", "neither is a part of the other");
	refused(GCKS("address = \"239.1.0.0/16\";"), "groups[0].rekey-address",
		"only ESP");
	refused(GCKS("address = \"239.1.0.0/16\"; protocol = \"udp\"; "
		     "destination-port = 848;"),
		"groups[0].rekey-address", "only ESP");
	accepted(GCKS("address = \"239.1.0.0/16\"; protocol = \"udp\"; "
		      "destination-port = 849;"),
		 "rekeys are no datagrams of another port");
	accepted(GCKS("address = \"239.1.0.0/16\"; protocol = \"tcp\";"),
		 "rekeys are no datagrams of another protocol");
	accepted(GCKS("address = \"239.1.0.0/16\"; source = \"10.0.0.1\"; "
		      "rekey-source = \"10.0.0.2\";"),
		 "rekeys of another source");
	refused(GCKS("address = \"239.1.0.0/16\"; source = \"10.0.0.1\";"),
		"groups[0].rekey-address", "only ESP");
	refused(GCKS_TWO("address = \"239.9.0.0/16\"; protocol = \"tcp\";",
			 "address = \"239.9.9.0/24\";"),
		"groups[1].rekey-address", "only ESP");
}

static void test_member(void)
{
	accepted(MEMBER_TWO("address = \"224.0.0.18\"; interfaces = \"a\";",
			    "address = \"224.0.0.18\"; interfaces = \"b\";"),
		 "an address on two interfaces");
	accepted(MEMBER_TWO("address = \"239.1.1.1\"; mark = \"1/3\";",
			    "address = \"239.1.1.1\"; mark = \"2/3\";"),
		 "an address with two marks");
	refused(MEMBER_TWO("address = \"239.1.1.1\";",
			   "address = \"239.1.1.1/32\";"),
		"groups[1].address", "another group has it");
	refused(MEMBER_TWO("address = \"224.0.0.18\"; interfaces = \"a\";",
			   "address = \"224.0.0.18\";"),
		"groups[1].address", "the same interfaces");
	refused(MEMBER_TWO("address = \"224.0.0.18\"; interfaces = \"a\";",
			   "address = \"224.0.0.18\"; "
			   "interfaces = [ \"b\", \"a\" ];"),
		"groups[1].address", "the same interfaces");
	refused(MEMBER_TWO("address = \"239.1.1.1\"; mark = \"1/1\";",
			   "address = \"239.1.1.1\"; mark = \"2/2\";"),
		"groups[1].address", "marks that do not differ");
	refused(MEMBER_TWO("address = \"239.1.1.1\"; protocol = \"udp\";",
			   "address = \"239.1.1.1\"; source = \"10.0.0.1\";"),
		"groups[1].address", "neither is a part of the other");
	/* The kernel compares interfaces before the payload, behind addresses. */
	refused(MEMBER_TWO("address = \"239.1.1.1\"; interfaces = \"a\";",
			   "address = \"239.1.1.1\"; protocol = \"udp\";"),
		"groups[1].interfaces",
		"group \"audio\" selects a part of \"video\" by protocol or ports");
	refused(MEMBER_TWO("address = \"239.1.1.1\"; source = \"10.0.0.1\"; "
			   "protocol = \"udp\";",
			   "address = \"239.1.1.1\"; source = \"10.0.0.1\"; "
			   "interfaces = \"a\";"),
		"groups[1].interfaces",
		"group \"video\" selects a part of \"audio\" by protocol or ports");
	accepted(MEMBER_TWO("address = \"239.1.1.1\"; interfaces = \"a\";",
			    "address = \"239.1.1.1\"; protocol = \"udp\"; "
			    "interfaces = [ \"a\", \"b\" ];"),
		 "a protocol of an address with its interfaces");
	accepted(MEMBER_TWO("address = \"239.1.0.0/16\"; interfaces = \"a\";",
			    "address = \"239.1.1.1\"; protocol = \"udp\";"),
		 "a part of a prefix on all interfaces");
	accepted(MEMBER_TWO("address = \"239.1.1.1\"; interfaces = \"a\";",
			    "address = \"239.1.1.1\"; source = \"10.0.0.1\";"),
		 "a channel of an address on all interfaces");
	accepted(MEMBER_TWO("address = \"224.0.0.13\"; interfaces = \"a\";",
			    "address = \"239.255.0.1\"; protocol = \"udp\";"),
		 "another address on all interfaces, behind one on some");
	accepted(MEMBER_TWO("address = \"239.255.0.1\"; protocol = \"udp\";",
			    "address = \"224.0.0.13\"; interfaces = \"a\";"),
		 "another address on all interfaces, in front of one on some");
	accepted(MEMBER_TWO("address = \"224.0.0.5\"; protocol = \"ospf\"; "
			    "interfaces = \"a\";",
			    "address = \"224.0.0.5\"; protocol = \"udp\";"),
		 "another protocol on all interfaces");
}

#define BOTH(key_server, member) \
	GCKS(key_server) \
	"member: { gcks = \"10.0.0.1\"; gcks-id = \"g.example\"; groups = (" \
	"{ name = \"video\"; " member " } ); };"

static void test_both(void)
{
	accepted(BOTH("address = \"239.7.0.0/16\"; protocol = \"udp\";",
		      "address = \"239.7.0.0/16\"; protocol = \"udp\"; "
		      "interfaces = \"eth0\";"),
		 "a key server and member that agree");
	refused(BOTH("address = \"239.7.0.0/16\";",
		     "address = \"239.7.0.0/17\";"),
		"member.groups[0].address", "gcks has");
	refused(BOTH("address = \"239.7.0.0/16\"; protocol = \"udp\";",
		     "address = \"239.7.0.0/16\";"),
		"member.groups[0].protocol", "gcks has");
	refused(BOTH("address = \"239.7.0.0/16\"; mode = \"tunnel\";",
		     "address = \"239.7.0.0/16\";"),
		"member.groups[0].mode", "gcks has");
}

/* ---- what is left in the clear ------------------------------------------ */

static char lines[2048];

static void add_line(void *arg, const char *line)
{
	size_t len = strlen(lines);

	(void)arg;
	snprintf(lines + len, sizeof(lines) - len, "%s\n", line);
}

static const char *gaps(const char *text)
{
	struct conf *c = member_of(text);

	lines[0] = '\0';
	conf_each_gap(c, add_line, NULL);
	conf_free(c);
	return lines;
}

static void test_gaps(void)
{
	is_str(gaps(MEMBER("address = \"239.1.0.0/16\"; mode = \"tunnel\";")),
	       "", "a group of addresses leaves nothing out");
	is_str(gaps(MEMBER("address = \"239.1.1.1\"; protocol = \"udp\"; "
			   "destination-port = 5000;")),
	       "group video: only 239.1.1.1 proto udp dport 5000 is protected; other datagrams to 239.1.1.1 are sent and accepted in the clear\n",
	       "other ports are left out");
	is_str(gaps(MEMBER("address = \"239.1.0.0/16\"; interfaces = \"eth0\"; "
			   "mark = \"1/1\";")),
	       "group video: only 239.1.0.0/16 dev eth0 mark 0x1/0x1 is protected; other datagrams to 239.1.0.0/16 are sent and accepted in the clear\n",
	       "other interfaces and marks are left out");
	is_str(gaps(MEMBER_TWO("address = \"232.1.1.1\"; "
			       "source = \"10.0.0.1\";",
			       "address = \"239.1.1.1\";")),
	       "group video: only 232.1.1.1 src 10.0.0.1 is protected; other datagrams to 232.1.1.1 are sent and accepted in the clear\n",
	       "other sources are left out");
	is_str(gaps(MEMBER("address = \"239.1.1.1\"; policy = \"enforce\";")),
	       "", "a group that enforces leaves nothing out");
	is_str(gaps(MEMBER("address = \"239.1.1.1\"; policy = \"observe\";")),
	       "group video: policy observe: datagrams to 239.1.1.1 that cannot be protected are sent and accepted in the clear\n",
	       "a group that observes is told");
	refused(MEMBER("address = \"239.1.1.1\"; policy = \"permit\";"),
		"member.groups[0].policy", "\"permit\" is not known");
}

/* ---- groups of the kernel ----------------------------------------------- */

static void test_kernel_groups(void)
{
	struct kgroup a = { .dst_len = 24,
			    .n_devs = 2,
			    .devs = { "eth0", "eth1" } };
	char buf[KGROUP_STRLEN];
	struct kgroup b;

	addr_parse("239.1.1.0", &a.dst);
	b = a;
	strcpy(b.devs[0], "eth1");
	strcpy(b.devs[1], "eth0");
	ok(!kgroup_differs(&a, &b), "interfaces have no order");
	is_str(kgroup_str(&a, buf), "239.1.1.0/24 dev eth0,eth1",
	       "kernel groups: text");
	strcpy(b.devs[1], "eth2");
	is_str(kgroup_differs(&a, &b), "interfaces", "another interface");
	b.n_devs = 1;
	is_str(kgroup_differs(&a, &b), "interfaces", "a missing interface");
	b = a;
	b.dst_len = 25;
	is_str(kgroup_differs(&a, &b), "address", "another prefix");
	b = a;
	b.dport = 1;
	is_str(kgroup_differs(&a, &b), "destination-port", "a port");
	b = a;
	b.mark.mask = 1;
	is_str(kgroup_differs(&a, &b), "mark", "a mark");
	b = a;
	b.in_mark.mask = 1;
	is_str(kgroup_differs(&a, &b), "in-mark", "a mark of verified ones");
	b = a;
	b.forward = true;
	is_str(kgroup_differs(&a, &b), "forward", "a gateway");
	b = a;
	b.mark = (struct kmark){ 1, 3 };
	b.in_mark = (struct kmark){ 0x400, UINT32_MAX };
	b.forward = true;
	is_str(kgroup_str(&b, buf),
	       "239.1.1.0/24 mark 0x1/0x3 in-mark 0x400 forward dev eth0,eth1",
	       "text with marks");
	b = a;
	a.dst_len = 0;
	b.dst_len = 32;
	ok(!kgroup_differs(&a, &b), "the kernel reports a full length");
}

int main(void)
{
	RUN(test_prefixes);
	RUN(test_overlaps);
	RUN(test_traffic_selectors);
	RUN(test_settings);
	RUN(test_key_server);
	RUN(test_member);
	RUN(test_both);
	RUN(test_gaps);
	RUN(test_kernel_groups);
	return done();
}
