// SPDX-License-Identifier: Apache-2.0
/*
 * Rules of nft as mcsecctl doctor reads them: what passes, what is dropped, and what
 * cannot be told, with the words of "nft -j list ruleset" of nftables 1.0.6.
 */
#include "../../tools/mcsecctl/checks.c"
#include "../../tools/mcsecctl/ruleset.c"
#include "../../tools/mcsecctl/rules_check.c"
#include "conf/conf.h"
#include "lib/err.h"
#include "tap.h"

int multicast_dev(const struct ep *to, char *dev)
{
	(void)to;
	if (!*dev)
		strcpy(dev, "eth0");
	return 0;
}

static json_t *all;

/* Parse JSON that is written with ' for ". */
static json_t *parsed(const char *text)
{
	static char buf[2048];
	json_error_t e;
	json_t *o;
	size_t i;

	for (i = 0; text[i] && i < sizeof(buf) - 1; i++)
		buf[i] = text[i] == '\'' ? '"' : text[i];
	buf[i] = '\0';
	o = json_loads(buf, 0, &e);
	if (!o)
		bail("%s: %s", buf, e.text);
	return o;
}

static json_t *begin(void)
{
	json_t *ruleset = json_object();

	all = json_array();
	json_object_set_new(ruleset, "nftables", all);
	json_array_append_new(all,
			      parsed("{'metainfo': {'version': '1.0.6'}}"));
	return ruleset;
}

static void add_chain(const char *name, const char *hook, int prio,
		      const char *policy)
{
	json_t *o = parsed("{'chain': {'family': 'inet', 'table': 'filter'}}");
	json_t *c = json_object_get(o, "chain");

	json_object_set_new(c, "name", json_string(name));
	if (hook) {
		json_object_set_new(c, "hook", json_string(hook));
		json_object_set_new(c, "prio", json_integer(prio));
		json_object_set_new(c, "policy", json_string(policy));
	}
	json_array_append_new(all, o);
}

static void add_rule(const char *chain, const char *expr)
{
	static int handle;
	json_t *o = parsed("{'rule': {'family': 'inet', 'table': 'filter'}}");
	json_t *r = json_object_get(o, "rule");

	json_object_set_new(r, "chain", json_string(chain));
	json_object_set_new(r, "handle", json_integer(++handle));
	json_object_set_new(r, "expr", parsed(expr));
	json_array_append_new(all, o);
}

#define PAYLOAD(proto, field, right) \
	"{'match': {'op': '==', 'left': {'payload': {'protocol': '" proto \
	"', 'field': '" field "'}}, 'right': " right "}}"
#define DPORT(right) PAYLOAD("udp", "dport", right)
#define META(key, right) \
	"{'match': {'op': '==', 'left': {'meta': {'key': '" key \
	"'}}, 'right': " right "}}"
#define STATE(right) \
	"{'match': {'op': 'in', 'left': {'ct': {'key': 'state'}}, 'right': " right \
	"}}"
#define IF(op, proto, field, right) \
	"{'match': {'op': '" op "', 'left': {'payload': {'protocol': '" proto \
	"', 'field': '" field "'}}, 'right': " right "}}"
#define VMAP(key, set) "{'vmap': {'key': " key ", 'data': {'set': " set "}}}"
#define DPORT_KEY "{'payload': {'protocol': 'udp', 'field': 'dport'}}"
#define IP_SRC(a) PAYLOAD("ip", "saddr", a)
#define IP_DST(a) PAYLOAD("ip", "daddr", a)
#define IP_PROTO(name) PAYLOAD("ip", "protocol", name)
#define ACCEPT "{'accept': null}"
#define DROP "{'drop': null}"

static struct probe a_probe(void)
{
	struct probe p = {
		.what = "a",
		.hook = "input",
		.family = AF_INET,
		.proto = IPPROTO_UDP,
		.sport = 5000,
		.dport = 848,
		.dev = "eth0",
		.state = "new",
	};

	addr_parse("192.0.2.1", &p.src);
	addr_parse("239.1.1.254", &p.dst);
	return p;
}

static const char *const fates[] = { "passes", "dropped", "unclear" };

/* The fate behind one rule in a chain that drops what no rule accepts. */
static const char *fate_of(const char *expr)
{
	static const char ports[] =
		"{'set': {'family': 'inet', 'table': 'filter', 'name': 'ports', "
		"'elem': [53, {'range': [800, 900]}]}}";
	struct probe p = a_probe();
	json_t *r = begin();
	char why[256];
	enum fate f;

	add_chain("in", "input", 0, "drop");
	add_chain("next", NULL, 0, NULL);
	add_rule("next", "[" DPORT("848") ", " ACCEPT "]");
	json_array_append_new(all, parsed(ports));
	add_rule("in", expr);
	f = ruleset_fate(r, &p, why, sizeof(why));
	json_decref(r);
	return fates[f];
}

static void test_matches(void)
{
	static const struct {
		const char *expr, *fate;
	} v[] = {
		{ "[" ACCEPT "]", "passes" },
		{ "[{'counter': {'packets': 1, 'bytes': 2}}, " ACCEPT "]",
		  "passes" },
		{ "[" DPORT("848") ", " ACCEPT "]", "passes" },
		{ "[" DPORT("849") ", " ACCEPT "]", "dropped" },
		{ "[" DPORT("{'set': [500, 848, 4500]}") ", " ACCEPT "]",
		  "passes" },
		{ "[" DPORT("{'set': [500, 4500]}") ", " ACCEPT "]",
		  "dropped" },
		{ "[" DPORT("{'range': [800, 900]}") ", " ACCEPT "]",
		  "passes" },
		{ "[" DPORT("'@ports'") ", " ACCEPT "]", "passes" },
		{ "[" DPORT("'@others'") ", " ACCEPT "]", "unclear" },
		{ "[" PAYLOAD("tcp", "dport", "848") ", " ACCEPT "]",
		  "dropped" },
		{ "[" PAYLOAD("th", "dport", "848") ", " ACCEPT "]", "passes" },
		{ "[" PAYLOAD("ip", "daddr", "'239.1.1.254'") ", " ACCEPT "]",
		  "passes" },
		{ "[" PAYLOAD("ip", "daddr", "'239.1.1.1'") ", " ACCEPT "]",
		  "dropped" },
		{ "[" PAYLOAD("ip", "daddr",
			      "{'prefix': {'addr': '239.0.0.0', 'len': 8}}") ", " ACCEPT
									     "]",
		  "passes" },
		{ "[" PAYLOAD("ip", "saddr",
			      "{'range': ['192.0.2.5', '192.0.2.9']}") ", " ACCEPT
								       "]",
		  "dropped" },
		{ "[" PAYLOAD("ip6", "daddr", "'ff02::1'") ", " ACCEPT "]",
		  "dropped" },
		{ "[" PAYLOAD("ip", "protocol", "'udp'") ", " ACCEPT "]",
		  "passes" },
		{ "[" PAYLOAD("ip", "protocol", "'esp'") ", " ACCEPT "]",
		  "dropped" },
		{ "[" META("l4proto", "{'set': ['tcp', 'udp']}") ", " ACCEPT
								 "]",
		  "passes" },
		{ "[" META("nfproto", "'ipv6'") ", " ACCEPT "]", "dropped" },
		{ "[" META("iifname", "'eth0'") ", " ACCEPT "]", "passes" },
		{ "[" META("iifname", "'eth*'") ", " ACCEPT "]", "passes" },
		{ "[" META("iifname", "'lo'") ", " ACCEPT "]", "dropped" },
		{ "[" META("oifname", "'eth0'") ", " ACCEPT "]", "unclear" },
		{ "[" STATE("['established', 'related']") ", " ACCEPT "]",
		  "dropped" },
		{ "[" STATE("['new', 'established']") ", " ACCEPT "]",
		  "passes" },
		{ "[{'limit': {'rate': 3, 'per': 'second'}}, " ACCEPT "]",
		  "unclear" },
		{ "[{'xt': null}, " ACCEPT "]", "unclear" },
		{ "[{'jump': {'target': 'next'}}]", "passes" },
		{ "[{'goto': {'target': 'next'}}]", "passes" },
		{ "[{'return': null}]", "dropped" },
		{ "[" VMAP(DPORT_KEY,
			   "[[53, {'drop': null}], [848, {'accept': null}]]") "]",
		  "passes" },
		{ "[" VMAP(DPORT_KEY, "[[53, {'accept': null}]]") "]",
		  "dropped" },
		{ "[" VMAP("{'ct': {'key': 'mark'}}",
			   "[[1, {'accept': null}]]") "]",
		  "unclear" },
		{ "[{'queue': null}]", "unclear" },
		{ "[" IF("!=", "udp", "dport", "53") ", " ACCEPT "]",
		  "passes" },
		{ "[" IF("!=", "udp", "dport", "848") ", " ACCEPT "]",
		  "dropped" },
		{ "[" IF("!=", "tcp", "dport", "53") ", " ACCEPT "]",
		  "dropped" },
		{ "[" IF("<", "udp", "dport", "9") ", " ACCEPT "]", "unclear" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(v); i++)
		is_str(fate_of(v[i].expr), v[i].fate, "policy drop and %s",
		       v[i].expr);
}

static void test_chains(void)
{
	struct probe p = a_probe();
	json_t *r = begin();
	char why[256];

	is_str(fates[ruleset_fate(r, &p, why, sizeof(why))], "passes",
	       "no chain at all");
	add_chain("early", "input", -10, "accept");
	add_chain("out", "output", 0, "drop");
	is_str(fates[ruleset_fate(r, &p, why, sizeof(why))], "passes",
	       "a chain of another hook does not count");
	add_rule("early", "[" DPORT("53") ", " DROP "]");
	add_rule("early",
		 "[" PAYLOAD("ip", "saddr", "'192.0.2.1'") ", " DROP "]");
	is_str(fates[ruleset_fate(r, &p, why, sizeof(why))], "dropped",
	       "a rule that drops, under the policy accept");
	ok(strstr(why, "table inet filter, chain early, rule with handle "),
	   "the rule is named: %s", why);
	p.below = -10;
	is_str(fates[ruleset_fate(r, &p, why, sizeof(why))], "passes",
	       "a chain that is not below a priority does not count");
	p.below = -9;
	is_str(fates[ruleset_fate(r, &p, why, sizeof(why))], "dropped",
	       "a chain below that priority");
	json_decref(r);
	r = begin();
	add_chain("round", "input", 0, "accept");
	add_rule("round", "[{'jump': {'target': 'round'}}]");
	p.below = 0;
	is_str(fates[ruleset_fate(r, &p, why, sizeof(why))], "unclear",
	       "a chain that jumps to itself ends");
	json_decref(r);
	r = begin();
	add_chain("in", "input", 0, "drop");
	ruleset_fate(r, &p, why, sizeof(why));
	is_str(why, "table inet filter, chain in, its policy",
	       "a policy that drops is named");
	json_decref(r);
	r = parsed("{'nftables': 7}");
	is_str(fates[ruleset_fate(r, &p, why, sizeof(why))], "passes",
	       "JSON that is no ruleset has no rules");
	json_decref(r);
}

/* ---- what is judged for a configuration ---------------------------------- */

static const char member_role[] =
	"member: { gcks = \"192.0.2.1:848\"; gcks-id = \"k.example\"; "
	"groups = ( { name = \"video\"; address = \"239.1.1.1\"; "
	"protocol = \"udp\"; destination-port = 5000; send = true; } ); };";
static const char gcks_role[] =
	"gcks: { listen = ( \"0.0.0.0:848\" ); store = \"/s\"; "
	"seal-key = \"/k\"; groups = ( { name = \"video\"; "
	"address = \"239.1.1.1\"; rekey-address = \"239.1.1.254\"; "
	"receivers = [ \"*\" ]; senders = [ \"*\" ]; } ); };";

static struct conf *conf_of(const char *role)
{
	struct conf *conf;
	static char text[16384 + 256];
	struct err err;

	snprintf(text, sizeof(text),
		 "identity: { id = \"a.example\"; }; psk = ( { id = \"k.example\"; key = \"/k\"; } ); %s",
		 role);
	if (conf_parse(text, "test", &conf, &err))
		bail("%s", err.text);
	return conf;
}

/* Judge; write the text of each line that is no ok, and return their number. */
static unsigned int judged(const struct conf *conf, const json_t *ruleset,
			   char *text, size_t size)
{
	struct checks c = { .list = json_array(), .root = "", .conf = conf };
	const json_t *o;
	size_t i, len = 0;

	*text = '\0';
	check_ruleset(&c, ruleset);
	json_array_foreach(c.list, i, o) {
		if (!json_object_get(o, "cure"))
			continue;
		len += snprintf(text + len, size - len, "%s\n",
				json_string_value(json_object_get(o, "text")));
	}
	json_decref(c.list);
	return c.n[RESULT_PROBLEM];
}

/* The rules of firewall.rst for a member, but for the one whose number is @but. */
#define ANSWERS \
	IP_SRC("'192.0.2.1'") \
	", " PAYLOAD("udp", "sport", "{'set': [848, 4500]}")
#define REQUESTS IP_DST("'192.0.2.1'") ", " DPORT("{'set': [848, 4500]}")
#define STREAM IP_DST("'239.1.1.1'") ", " DPORT("5000")
#define GROUP_PORTS IP_DST("'239.1.1.1'") ", " DPORT("{'range': [1, 5000]}")
#define REKEYED IP_DST("'239.1.1.254'") ", " DPORT("848")

static json_t *member_rules(int but)
{
	static const char *const rules[][2] = {
		{ "input", "[" ANSWERS ", " ACCEPT "]" },
		{ "input", "[" REKEYED ", " ACCEPT "]" },
		{ "input", "[" STREAM ", " ACCEPT "]" },
		{ "input", "[" IP_PROTO("'igmp'") ", " ACCEPT "]" },
		{ "output", "[" REQUESTS ", " ACCEPT "]" },
		{ "output", "[" STREAM ", " ACCEPT "]" },
		{ "output", "[" IP_PROTO("'igmp'") ", " ACCEPT "]" },
	};
	json_t *r = begin();
	int i;

	add_chain("input", "input", 0, "drop");
	add_chain("output", "output", 0, "drop");
	for (i = 0; i < (int)ARRAY_SIZE(rules); i++)
		if (i != but)
			add_rule(rules[i][0], rules[i][1]);
	return r;
}

static void test_member(void)
{
	static const char *const dropped[] = {
		"answers of the key server",
		"rekeys to UDP port 848",
		"datagrams of the group video",
		"queries of IGMP",
		"requests to the key server",
		"datagrams of the group video",
		"reports of IGMP",
	};
	struct conf *conf = conf_of(member_role);
	char text[2048];
	json_t *r = member_rules(-1);
	int i;

	is_int(judged(conf, r, text, sizeof(text)), 0,
	       "the rules of firewall.rst let a member work: %s", text);
	json_decref(r);
	for (i = 0; i < (int)ARRAY_SIZE(dropped); i++) {
		r = member_rules(i);
		judged(conf, r, text, sizeof(text));
		/* Other rules may be about the same, by what is unknown. */
		ok(!strncmp(text, dropped[i], strlen(dropped[i])) &&
			   strchr(text, '\n') == text + strlen(text) - 1,
		   "a rule less: %s", text);
		json_decref(r);
	}
	r = begin();
	add_chain("raw", "prerouting", -450, "accept");
	add_rule("raw", "[" META("l4proto", "'esp'") ", " DROP "]");
	ok(judged(conf, r, text, sizeof(text)) == 1 &&
		   strstr(text, "ESP datagrams of the group video are dropped"),
	   "ESP that is dropped on the way in: %s", text);
	json_decref(r);
	r = begin();
	add_chain("post", "postrouting", 0, "accept");
	add_rule("post", "[" META("l4proto", "'esp'") ", " DROP "]");
	ok(judged(conf, r, text, sizeof(text)) == 1 &&
		   strstr(text, "ESP datagrams of the group video are dropped"),
	   "ESP that is dropped on the way out: %s", text);
	json_decref(r);
	conf_free(conf);
}

static const char gateway_role[] =
	"member: { gcks = \"192.0.2.1:848\"; gcks-id = \"k.example\"; "
	"interface = \"wan0\"; groups = ( { name = \"site\"; "
	"address = \"239.1.1.1\"; protocol = \"udp\"; destination-port = 5000; "
	"mode = \"tunnel\"; forward = true; send = true; } ); };";

/* A gateway routes in both directions, by the interface of the group. */
static void test_gateway(void)
{
	static const char dropped[] =
		"datagrams of the group site that this host routes are "
		"dropped by table inet filter, chain forward, its "
		"policy\n";
	struct conf *conf = conf_of(gateway_role);
	char text[2048], twice[sizeof(dropped) * 2];
	json_t *r = begin();

	snprintf(twice, sizeof(twice), "%s%s", dropped, dropped);
	add_chain("forward", "forward", 0, "drop");
	is_int(judged(conf, r, text, sizeof(text)), 2,
	       "a policy that drops what is routed");
	is_str(text, twice, "both directions are told");
	add_rule("forward",
		 "[" META("iifname", "'wan0'") ", " STREAM ", " ACCEPT "]");
	is_int(judged(conf, r, text, sizeof(text)), 1,
	       "a rule that lets in what comes from the group");
	is_str(text, dropped, "the other direction is told");
	add_rule("forward",
		 "[" META("oifname", "'wan0'") ", " STREAM ", " ACCEPT "]");
	is_int(judged(conf, r, text, sizeof(text)), 0,
	       "rules that let both pass: %s", text);
	json_decref(r);
	r = begin();
	add_chain("input", "input", 0, "drop");
	add_rule("input", "[" ANSWERS ", " ACCEPT "]");
	add_rule("input", "[" REKEYED ", " ACCEPT "]");
	add_rule("input", "[" IP_PROTO("'igmp'") ", " ACCEPT "]");
	is_int(judged(conf, r, text, sizeof(text)), 0,
	       "a gateway needs no rule at INPUT: %s", text);
	json_decref(r);
	conf_free(conf);
}

/* The kernel lists the tables of the former iptables for root alone. */
static void test_legacy(void)
{
	char dir[] = "/tmp/test-rules-XXXXXX", path[64], cmd[128];
	struct checks c = { .list = json_array(), .root = dir };
	const json_t *o;
	FILE *f;

	if (!mkdtemp(dir))
		bail("mkdtemp");
	judge_legacy(&c, "ip_tables_names", "look");
	is_int(json_array_size(c.list), 0, "no tables of the former iptables");
	snprintf(cmd, sizeof(cmd), "mkdir -p %s/proc/net", dir);
	if (system(cmd))
		bail("%s", cmd);
	snprintf(path, sizeof(path), "%s/proc/net/ip_tables_names", dir);
	f = fopen(path, "w");
	fputs("filter\n", f);
	fclose(f);
	judge_legacy(&c, "ip_tables_names", "look");
	o = json_array_get(c.list, 0);
	is_str(json_string_value(json_object_get(o, "text")),
	       "tables of iptables-legacy are in use, which nft does not list",
	       "a table of the former iptables");
	is_str(json_string_value(json_object_get(o, "result")), "unchecked",
	       "such a table is not checked");
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	if (system(cmd))
		bail("%s", cmd);
	json_decref(c.list);
}

static void test_gcks(void)
{
	struct conf *conf = conf_of(gcks_role);
	char text[2048];
	json_t *r = begin();

	is_int(judged(conf, r, text, sizeof(text)), 0, "no rules: %s", text);
	add_chain("input", "input", 0, "drop");
	ok(judged(conf, r, text, sizeof(text)) == 1 &&
		   strstr(text,
			  "requests of members to UDP port 848 are dropped"),
	   "requests that are dropped: %s", text);
	add_rule("input", "[" DPORT("848") ", " ACCEPT "]");
	is_int(judged(conf, r, text, sizeof(text)), 0,
	       "requests that are accepted: %s", text);
	add_chain("output", "output", 0, "drop");
	add_rule("output",
		 "[" STATE("['established', 'related']") ", " ACCEPT "]");
	ok(judged(conf, r, text, sizeof(text)) == 1 &&
		   strstr(text, "rekeys of the group video are dropped"),
	   "answers that are accepted, and rekeys that are dropped: %s", text);
	json_decref(r);
	conf_free(conf);
}

/* A role with @n groups; @more is for each, and ends with a setting that gets a number. */
static struct conf *crowd_of(const char *head, int n, const char *more)
{
	static char role[16384];
	size_t len;
	int i;

	len = snprintf(role, sizeof(role), "%s groups = ( ", head);
	for (i = 0; i < n; i++)
		len += snprintf(role + len, sizeof(role) - len,
				"%s{ name = \"g%d\"; address = \"239.1.1.%d\"; %s = %d; }",
				i ? ", " : "", i, i + 1, more, i + 1);
	snprintf(role + len, sizeof(role) - len, " ); };");
	return conf_of(role);
}

#define MEMBER "member: { gcks = \"192.0.2.1:848\"; gcks-id = \"k.example\";"
#define GCKS \
	"gcks: { listen = ( \"0.0.0.0:848\" ); store = \"/s\"; seal-key = \"/k\";"
#define STREAMS "protocol = \"udp\"; destination-port"
#define ALL "receivers = [ \"*\" ]; senders = [ \"*\" ];"
#define REKEYS ALL " rekey-address = \"239.2.1.1\"; rekey-port"
#define INBAND ALL " inband = \"always\"; max-inband"

static void test_many_groups(void)
{
	static const struct {
		const char *head, *more;
		int n;
		const char *left;
	} v[] = {
		{ MEMBER, STREAMS, GROUPS_MAX, "" },
		{ MEMBER, STREAMS, GROUPS_MAX + 3,
		  "datagrams of 3 more groups\n" },
		{ GCKS, REKEYS, GROUPS_MAX, "" },
		{ GCKS, REKEYS, GROUPS_MAX + 2, "rekeys of 2 more groups\n" },
		{ GCKS, INBAND, GROUPS_MAX + 2, "" },
	};
	struct conf *conf;
	char text[2048];
	json_t *r = begin();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		conf = crowd_of(v[i].head, v[i].n, v[i].more);
		judged(conf, r, text, sizeof(text));
		is_str(text, v[i].left, "%d groups are told of", v[i].n);
		conf_free(conf);
	}
	json_decref(r);
}

/* Answers are let in by their state, and groups by their address: rekeys by nothing. */
static void test_rekeys_here(void)
{
	struct conf *conf = conf_of(member_role);
	struct conf *inband = crowd_of(MEMBER, 1, "inband = true; " STREAMS);
	char text[2048];
	json_t *r = begin();

	add_chain("input", "input", 0, "drop");
	add_rule("input",
		 "[" STATE("['established', 'related']") ", " ACCEPT "]");
	add_rule("input", "[" GROUP_PORTS ", " ACCEPT "]");
	add_rule("input", "[" IP_PROTO("'igmp'") ", " ACCEPT "]");
	is_int(judged(conf, r, text, sizeof(text)), 0,
	       "a rule for a range of ports may be for rekeys");
	is_str(text, "", "a rule for a range of ports is no problem");
	json_decref(r);
	r = begin();
	add_chain("input", "input", 0, "drop");
	add_rule("input",
		 "[" STATE("['established', 'related']") ", " ACCEPT "]");
	add_rule("input", "[" STREAM ", " ACCEPT "]");
	add_rule("input", "[" IP_PROTO("'igmp'") ", " ACCEPT "]");
	is_int(judged(conf, r, text, sizeof(text)), 0,
	       "rekeys may have another port");
	is_str(text,
	       "rekeys to UDP port 848 are dropped by table inet filter, chain input, its policy\n",
	       "rekeys that no rule lets in are told of");
	json_decref(r);
	r = begin();
	add_chain("input", "input", 0, "drop");
	add_rule("input",
		 "[" STATE("['established', 'related']") ", " ACCEPT "]");
	add_rule("input", "[" IP_DST("'239.1.1.1'") ", " ACCEPT "]");
	add_rule("input", "[" IP_PROTO("'igmp'") ", " ACCEPT "]");
	judged(inband, r, text, sizeof(text));
	is_str(text, "", "a member that is rekeyed inband needs no rule");
	json_decref(r);
	conf_free(inband);
	conf_free(conf);
}

/* Rekeys over IKE SAs need no rule of their own. */
static void test_inband_only(void)
{
	struct conf *conf = crowd_of(GCKS, 1, INBAND);
	char text[2048];
	json_t *r = begin();

	add_chain("input", "input", 0, "accept");
	add_chain("output", "output", 0, "drop");
	add_rule("output",
		 "[" STATE("['established', 'related']") ", " ACCEPT "]");
	is_int(judged(conf, r, text, sizeof(text)), 0,
	       "answers that are accepted, without a rekey address: %s", text);
	json_decref(r);
	conf_free(conf);
}

int main(void)
{
	RUN(test_matches);
	RUN(test_chains);
	RUN(test_member);
	RUN(test_gateway);
	RUN(test_legacy);
	RUN(test_gcks);
	RUN(test_many_groups);
	RUN(test_rekeys_here);
	RUN(test_inband_only);
	return done();
}
