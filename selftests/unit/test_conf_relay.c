// SPDX-License-Identifier: Apache-2.0
/* Settings of relays, and of members that ask them. */
#include <errno.h>

#include "conf/conf.h"
#include "tap.h"

static struct err err;

#define IDENTITY \
	"identity: { certificate = \"/c\"; key = \"/k\"; ca = \"/a\"; };\n"
#define MEMBER(member, group) \
	IDENTITY "member: {\n" \
		 "  gcks = \"10.0.0.1\"; gcks-id = \"k\"; " member "\n" \
		 "  groups = ( { name = \"video\"; address = \"239.1.1.1\";\n" \
		 "    " group "\n" \
		 "  } );\n" \
		 "};\n"
#define GCKS(group) \
	IDENTITY "gcks: {\n" \
		 "  store = \"/s\"; seal-key = \"/sk\";\n" \
		 "  groups = ( { name = \"video\"; address = \"239.1.1.1\";\n" \
		 "    inband = \"always\"; receivers = [ \"*\" ]; " group "\n" \
		 "  } );\n" \
		 "};\n"
#define TUNNEL "mode = \"tunnel\"; "
#define LISTEN "relay: { listen = \"192.0.2.1\"; }; "
#define ONE "{ address = \"192.0.2.1\"; id = \"r.example\"; }"
#define TWO "{ address = \"[2001:db8::1]:5000\"; id = \"q.example\"; }"
#define BOTH \
	"relay: { listen = [ \"192.0.2.1:1\", \"2001:db8::1\" ]; " \
	"max-children = 65536; others = ( " TWO " ); };"
#define ASKS(relay, parents) "relay = " relay "; parents = ( " parents " );"

static struct conf *parse(const char *text)
{
	struct conf *c = NULL;

	if (conf_parse(text, "f", &c, &err))
		bail("%s", err.text);
	return c;
}

static void refused(const char *text, const char *what)
{
	struct conf *c = NULL;
	int ret;

	err.text[0] = '\0';
	ret = conf_parse(text, "f", &c, &err);
	is_int(ret, -EINVAL, "refused: %s", what);
	is_str(err.text, what, "said: %s", what);
	conf_free(c);
}

static void test_relay(void)
{
	struct conf *c = parse(MEMBER(LISTEN, TUNNEL "relay = true;"));
	const struct conf_relay *r = c->member->relay;
	char ep[EP_STRLEN];

	is_int(r->n_listen, 1, "one address to listen at");
	is_str(ep_str(&r->listen[0], ep), "192.0.2.1:4500",
	       "the port is that of UDP encapsulation");
	is_int(r->max_children, 64, "64 children unless it says otherwise");
	is_int(r->others.n, 0, "no other relay is named");
	ok(c->member->groups[0].relay && !c->member->groups[0].parents.n,
	   "the group is relayed and asks nobody");
	conf_free(c);
	c = parse(MEMBER(BOTH, TUNNEL ASKS("true", ONE ", " TWO)));
	r = c->member->relay;
	is_int(r->n_listen, 2, "two addresses to listen at");
	is_str(ep_str(&r->listen[1], ep), "[2001:db8::1]:4500",
	       "the second one is of IPv6");
	is_int(r->max_children, 65536,
	       "a relay may have the largest number of children");
	is_str(r->others.v[0].id, "q.example", "another relay is named");
	is_int(c->member->groups[0].parents.n, 2, "two parents");
	is_str(ep_str(&c->member->groups[0].parents.v[1].at, ep),
	       "[2001:db8::1]:5000", "the second one has its port");
	conf_free(c);
	c = parse(GCKS(TUNNEL "relays = [ \"r.example\", \"*.relay\" ];"));
	is_int(c->gcks->groups[0].relays.n, 2, "names of relays");
	ok(conf_names_match(&c->gcks->groups[0].relays, "a.relay"),
	   "a pattern stands for relays");
	conf_free(c);
}

#define AT "f:4: member.groups[0]"
static void test_mistakes(void)
{
	refused(MEMBER("", TUNNEL "relay = true;"),
		"f:5: member.groups[0].relay: needs member.relay: add relay: { listen = \"ADDRESS\"; };");
	refused(MEMBER(LISTEN, ""),
		"f:3: member.relay: is for groups with relay = true, and there is none: set that in the groups that this host relays");
	refused(MEMBER("relay: { };", TUNNEL "relay = true;"),
		"f:3: member.relay.listen: is missing: add listen = \"192.0.2.1:4500\";");
	refused(MEMBER("relay: { listen = \"0.0.0.0\"; };",
		       TUNNEL "relay = true;"),
		"f:3: member.relay.listen: is not the address of one host: name that at which children reach it");
	refused(MEMBER("relay: { listen = [ \"192.0.2.1\", \"192.0.2.1\" ]; };",
		       TUNNEL "relay = true;"),
		"f:3: member.relay.listen[1]: is in the list twice: remove one");
	refused(MEMBER("relay: { listen = [ ]; };", TUNNEL "relay = true;"),
		"f:3: member.relay.listen: has to be a list of 1 to 4 addresses, with ports or without");
	refused(MEMBER("relay: { listen = \"192.0.2.1\"; max-children = 0; };",
		       TUNNEL "relay = true;"),
		"f:3: member.relay.max-children: 0 is not in 1 to 65536");
	refused(MEMBER("", "parents = ( " ONE " );"),
		AT ".mode: has to be \"tunnel\" in a group with relays");
	refused(MEMBER("", TUNNEL "parents = ( );"),
		"f:5: member.groups[0].parents: has to be a list of 1 to 8 relays, ( { address = ...; id = ...; }, ... )");
	refused(MEMBER("", TUNNEL "parents = ( " ONE ", " ONE " );"),
		"f:5: member.groups[0].parents[1].address: is that of another relay of the list: remove one");
	refused(MEMBER("",
		       TUNNEL "parents = ( { address = \"192.0.2.1\"; } );"),
		"f:5: member.groups[0].parents[0].id: is missing: add id = \"relay.example\";");
	refused(MEMBER("", TUNNEL
		       "parents = ( { address = \"::\"; id = \"r\"; } );"),
		"f:5: member.groups[0].parents[0].address: is not the address of one host: name that at which children reach it");
	refused(GCKS("relays = [ \"*\" ];"),
		"f:4: gcks.groups[0].mode: has to be \"tunnel\" in a group with relays");
	refused("psk = ( { id = \"k\"; key = \"/p\"; } );"
		"identity: { id = \"a\"; };\n"
		"member: { gcks = \"10.0.0.1\"; gcks-id = \"k\";\n"
		" groups = ( { name = \"v\"; address = \"239.1.1.1\";\n"
		"  mode = \"tunnel\"; parents = ( " ONE " ); } ); };\n",
		"f:3: member.groups: needs a certificate in identity, by which relays and children know each other");
}

static void test_reload(void)
{
	struct conf *a = parse(MEMBER(LISTEN, TUNNEL "relay = true;")), *b;

	b = parse(MEMBER(LISTEN, TUNNEL ASKS("true", ONE)));
	is_int(conf_reload_check(a, b, &err), 0,
	       "parents change while mcsecd runs");
	conf_free(b);
	b = parse(MEMBER("relay: { listen = \"192.0.2.2\"; };",
			 TUNNEL "relay = true;"));
	is_int(conf_reload_check(a, b, &err), -EBUSY,
	       "the sockets of a relay do not");
	ok(strstr(err.text, "member.relay"), "%s", err.text);
	conf_free(b);
	b = parse(MEMBER("", TUNNEL));
	is_int(conf_reload_check(a, b, &err), -EBUSY,
	       "a relay does not end to be one");
	conf_free(b);
	conf_free(a);
}

int main(void)
{
	RUN(test_relay);
	RUN(test_mistakes);
	RUN(test_reload);
	return done();
}
