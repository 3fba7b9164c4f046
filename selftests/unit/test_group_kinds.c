// SPDX-License-Identifier: Apache-2.0
/*
 * Groups of every kind: what the key server keys is what members protect, and a
 * member that protects something else refuses the keys and says why.
 */
#include "gcks/gkm_policy.h"
#include "gcks/group.h"
#include "gcks/group_time.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "group_finish.h"
#include "lib/util.h"
#include "tap.h"

#include <errno.h>

static struct sim s;
static struct err err;

struct kind {
	const char *what;
	const char *dst;
	const char *src; /* NULL: any */
	uint8_t proto;
	uint16_t sport;
	uint16_t dport;
	bool tunnel;
};

static struct selector sel_of(const struct kind *k)
{
	struct selector sel = { .proto = k->proto,
				.sport = k->sport,
				.dport = k->dport };

	if (prefix_parse(k->dst, &sel.dst, &sel.dst_len) ||
	    (k->src && prefix_parse(k->src, &sel.src, &sel.src_len)))
		bail("%s", k->what);
	return sel;
}

/* A key server with a group of this kind. */
static void kind_init(const struct kind *k, uint64_t seed)
{
	sim_init(&s, seed);
	s.cg.sel = sel_of(k);
	s.cg.tunnel = k->tunnel;
}

/* ---- both sides agree --------------------------------------------------- */

static void one_kind(const struct kind *k)
{
	static const struct sim_who who[] = {
		{ .identity = "s.example", .send = true, .receive = true },
		{ .identity = "a.example", .receive = true },
	};
	enum mcsec_mode mode = k->tunnel ? MCSEC_MODE_TUNNEL
					 : MCSEC_MODE_TRANSPORT;
	struct selector want = sel_of(k), got;
	uint64_t before[ARRAY_SIZE(who)];
	const struct mock_kernel *mk;
	char a[SELECTOR_STRLEN];
	unsigned int i, n;

	kind_init(k, 1);
	sim_start(&s, who, ARRAY_SIZE(who), 20000, 0);
	for (i = 0; i < ARRAY_SIZE(who); i++)
		before[i] = sim_status(s.m[i]).rekeys;
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 30000);
	for (i = 0; i < ARRAY_SIZE(who); i++) {
		mk = &s.m[i]->mk;
		kgroup_selector(&mk->group[0], &got);
		ok(selector_equal(&want, &got), "%s: %s protects %s", k->what,
		   s.m[i]->name, selector_str(&got, a));
		ok(sim_in(s.m[i]) && !*sim_status(s.m[i]).last_error &&
			   !sim_status(s.m[i]).keyed_sel,
		   "%s: %s has keys for it", k->what, s.m[i]->name);
		is_int(sim_status(s.m[i]).rekeys, before[i] + 1,
		       "%s: %s follows a rekey", k->what, s.m[i]->name);
		for (n = 0; n < mk->n_sas; n++)
			is_int(mk->sa[n].sa.mode, mode, "%s: mode of an SA",
			       k->what);
	}
	is_int(sim_out_of_step(&s), 0, "%s: all have the keys", k->what);
	is_int(sim_log_count(&s, "destination not authenticated"),
	       want.dst_len && !k->tunnel,
	       "%s: what transport mode leaves open is told", k->what);
	sim_finish(&s, k->what);
}

static void test_kinds(void)
{
	static const struct kind kinds[] = {
		{ "a prefix", "239.2.0.0/16", NULL, 0, 0, 0, false },
		{ "a channel", "232.1.1.1", "10.9.0.1", 0, 0, 0, false },
		{ "sources", "232.1.1.1", "10.9.0.0/24", 0, 0, 0, false },
		{ "a protocol", "224.0.0.4/30", NULL, 89, 0, 0, false },
		{ "ports", "239.1.1.1", NULL, IPPROTO_UDP, 7, 5000, false },
		{ "IPv6", "ff0e::/32", "2001:db8::/64", IPPROTO_UDP, 0, 9,
		  false },
		{ "a gateway", "239.2.0.0/16", NULL, 0, 0, 0, true },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		one_kind(&kinds[i]);
}

/* ---- they do not -------------------------------------------------------- */

static void one_other(const struct kind *served, const struct kind *own,
		      const char *reason)
{
	struct selector want = sel_of(own), keyed = sel_of(served), got;
	struct member_group_status st;
	struct sim_member *m;

	kind_init(served, 2);
	sim_gcks_up(&s);
	m = sim_add(&s, "a.example", false, true);
	m->cg.sel = want;
	m->cg.tunnel = own->tunnel;
	sim_up(m);
	sim_run(&s, 3000);
	st = sim_status(m);
	ok(!sim_in(m) && !m->mk.n_sas, "%s: no key is taken", own->what);
	ok(strstr(st.last_error, reason), "%s: the reason: %s", own->what,
	   st.last_error);
	kgroup_selector(&m->mk.group[0], &got);
	ok(selector_equal(&want, &got), "%s: what is configured stays closed",
	   own->what);
	if (selector_equal(&want, &keyed))
		ok(!st.keyed_sel, "%s: the selector is the same", own->what);
	else
		ok(st.keyed_sel && selector_equal(st.keyed_sel, &keyed),
		   "%s: the status has what the key server keys", own->what);
	sim_down(m);
	sim_run(&s, 10000);
	ok(!sim_has_member(&s, "a.example"),
	   "%s: the key server drops the member", own->what);
	sim_finish(&s, own->what);
}

static void test_others(void)
{
	static const struct kind whole = {
		"all of an address", "239.2.1.1", NULL, 0, 0, 0, false
	};
	static const struct kind udp = { "a port",    "239.2.1.1", NULL,
					 IPPROTO_UDP, 0,	   5000,
					 false };
	static const struct kind wide = {
		"a prefix", "239.2.0.0/16", NULL, 0, 0, 0, false
	};
	static const struct kind ssm = { "a channel", "239.2.1.1", "10.9.0.1",
					 0,	      0,	   0,
					 false };
	static const struct kind asm2 = {
		"another channel", "239.2.1.1", "10.9.0.2", 0, 0, 0, false
	};
	static const struct kind tunnel = {
		"tunnel mode", "239.2.1.1", NULL, 0, 0, 0, true
	};

	one_other(&whole, &udp,
		  "Data SA is for 239.2.1.1, which is more, configured is 239.2.1.1 proto udp dport 5000: protocol differs");
	one_other(&udp, &whole, "which is less, configured is 239.2.1.1");
	one_other(&wide, &whole, "239.2.0.0/16, which is more");
	one_other(&whole, &wide,
		  "which is less, configured is 239.2.0.0/16: address differs");
	one_other(&ssm, &asm2, "10.9.0.2: source differs");
	one_other(&ssm, &whole, "source differs");
	one_other(&whole, &tunnel, "transport mode, configured is tunnel");
	one_other(&tunnel, &whole, "tunnel mode, configured is transport");
}

/* ---- a rekey ------------------------------------------------------------ */

/*
 * A GSA_REKEY with other traffic selectors: the key server would send a Delete
 * and let members register, so this is somebody else, or a fault.
 */
static void test_rekey(void)
{
	static const struct kind udp = { "a port",    "239.2.1.1", NULL,
					 IPPROTO_UDP, 0,	   5000,
					 false };
	static const struct sim_who who[] = {
		{ .identity = "s.example", .send = true, .receive = true },
	};
	unsigned int registrations;
	struct rekey_msg msg;
	struct mgroup *g;

	kind_init(&udp, 3);
	sim_start(&s, who, ARRAY_SIZE(who), 40000, 0);
	g = TAILQ_FIRST(&s.m[0]->m->groups);
	registrations = g->registrations;
	rekey_msg_init(&msg);
	msg.has_gsa = true;
	msg.transport = true;
	gkm_made(TAILQ_FIRST(&s.gcks->groups), &msg.gsa.gw);
	msg.gsa.n_data = 1;
	gkm_data_policy(TAILQ_FIRST(&s.gcks->groups),
			&TAILQ_FIRST(&s.gcks->groups)->st, 0, &msg.gsa.data[0]);
	msg.gsa.data[0].spi[3] ^= 1;
	msg.gsa.data[0].dst.port_lo = 0;
	msg.gsa.data[0].dst.port_hi = UINT16_MAX;
	install_rekey(g, mrekey_current(g), &msg);
	ok(sim_logged(&s,
		      "rekey rejected: Data SA is for 239.2.1.1 proto udp, which is more"),
	   "a wider rekey is refused");
	msg.gsa.data[0].dst.port_lo = 5000;
	msg.gsa.data[0].dst.port_hi = 5001;
	install_rekey(g, mrekey_current(g), &msg);
	ok(sim_logged(&s,
		      "rekey rejected: Data SA has traffic selectors that no group can have"),
	   "a rekey with a range of ports is refused");
	msg.gsa.data[0].dst.port_hi = 5000;
	msg.transport = false;
	install_rekey(g, mrekey_current(g), &msg);
	ok(sim_logged(&s,
		      "rekey rejected: Data SA is for tunnel mode, configured is transport"),
	   "a rekey to tunnel mode is refused");
	rekey_msg_free(&msg);
	is_int(s.m[0]->mk.n_sas, 1, "none of them brings an SA");
	sim_run(&s, 60000);
	ok(sim_in(s.m[0]) && g->registrations > registrations,
	   "the member asks the key server, and stays in");
	is_int(sim_out_of_step(&s), 0, "the member has the keys");
	sim_finish(&s, "rekey");
}

/* ---- reload ------------------------------------------------------------- */

static char lines[2048];

static void add_line(void *arg, const char *line)
{
	size_t len = strlen(lines);

	(void)arg;
	snprintf(lines + len, sizeof(lines) - len, "%s\n", line);
}

/* Check and apply @g as the only group of the member. */
static int member_goes(struct sim_member *m, struct conf_member *conf,
		       struct conf_mgroup *g)
{
	int ret;

	*conf = *m->m->conf;
	conf->groups = g;
	lines[0] = '\0';
	err_clear(&err);
	ret = member_reload_check(m->m, conf, add_line, NULL, &err);
	return ret ? ret : member_reload(m->m, conf, &err);
}

static void test_member_reload(void)
{
	static const struct kind udp = { "a port",    "239.2.1.1", NULL,
					 IPPROTO_UDP, 0,	   5000,
					 false };
	static const struct sim_who who[] = {
		{ .identity = "a.example", .receive = true },
	};
	static struct conf_member to, back;
	struct conf_mgroup g, own;
	struct sim_member *m;

	kind_init(&udp, 4);
	sim_start(&s, who, ARRAY_SIZE(who), 20000, 0);
	m = s.m[0];
	own = m->cg;
	g = own;
	g.sel.dport = 5001;
	is_int(member_goes(m, &to, &g), -EBUSY, "another port");
	ok(strstr(err.text,
		  ": destination-port: the kernel protects 239.2.1.1 proto udp dport 5000"),
	   "the refusal has the setting: %s", err.text);
	g = own;
	g.devs.n = 1;
	strcpy(g.devs.name[0], "eth0");
	is_int(member_goes(m, &to, &g), -EBUSY, "an interface");
	ok(strstr(err.text, ": interfaces: "), "the refusal has interfaces");
	g = own;
	g.forward = true;
	is_int(member_goes(m, &to, &g), -EBUSY, "a gateway");
	ok(sim_in(m) && m->mk.n_groups == 1, "a refusal changes nothing");
	g = own;
	g.tunnel = true;
	is_int(member_goes(m, &to, &g), 0, "tunnel mode");
	is_str(lines,
	       "group video: changed: mode: registers again\n"
	       "group video: warning: the key server keys 239.2.1.1 proto udp dport 5000 in transport mode, and here 239.2.1.1 proto udp dport 5000 in tunnel mode is protected: its keys are refused\n",
	       "the check says what follows");
	sim_run(&s, 5000);
	ok(strstr(sim_status(m).last_error, "configured is tunnel"),
	   "the keys are refused: %s", sim_status(m).last_error);
	is_int(member_goes(m, &back, &own), 0, "transport mode again");
	ok(sim_settle(&s, 120000), "the member is in again");
	sim_finish(&s, "reload of the member");
}

static void test_gcks_reload(void)
{
	static const struct kind udp = { "a port",    "239.2.1.1", NULL,
					 IPPROTO_UDP, 0,	   5000,
					 false };
	static const struct sim_who who[] = {
		{ .identity = "a.example", .receive = true },
	};
	struct selector was, got;
	struct sim_member *m;

	kind_init(&udp, 5);
	sim_start(&s, who, ARRAY_SIZE(who), 20000, 0);
	m = s.m[0];
	was = m->cg.sel;
	is_int(sim_reload(&s, &err), 0, "a reload of the same");
	sim_run(&s, 20000);
	ok(sim_in(m) && sim_status(m).registrations == 1,
	   "a reload of the same changes nothing");
	s.cg.sel.dport = 0;
	lines[0] = '\0';
	is_int(gcks_reload_check(s.gcks, &s.conf, NULL, add_line, NULL, &err),
	       0, "a check of a wider group");
	is_str(lines,
	       "group video: destination-port changed: the group is reset, and its 1 members register again\n"
	       "group video: members refuse its keys until their configuration has 239.2.1.1 proto udp in transport mode, too\n",
	       "the check says what follows");
	is_int(sim_reload(&s, &err), 0, "a wider group");
	sim_run(&s, 60000);
	ok(!sim_in(m) && !m->mk.n_sas &&
		   strstr(sim_status(m).last_error, "which is more"),
	   "the member does not follow: %s", sim_status(m).last_error);
	kgroup_selector(&m->mk.group[0], &got);
	ok(selector_equal(&was, &got), "the member protects what it did");
	s.cg.sel.dport = 5000;
	is_int(sim_reload(&s, &err), 0, "the former group");
	ok(sim_settle(&s, 1200000), "the member is in again");
	sim_finish(&s, "reload of the key server");
}

/* ---- a restart ---------------------------------------------------------- */

/* The kernel has the group of an earlier run, which must be the same. */
static void test_restart(void)
{
	static const struct kind udp = { "a port",    "239.2.1.1", NULL,
					 IPPROTO_UDP, 0,	   5000,
					 false };
	static const struct sim_who who[] = {
		{ .identity = "a.example", .receive = true },
	};
	static char misspelt[] = "vidoe";
	struct member_deps deps;
	struct sim_member *m;
	struct member *other;
	char *name;

	kind_init(&udp, 6);
	sim_start(&s, who, ARRAY_SIZE(who), 20000, 0);
	m = s.m[0];
	deps = m->m->deps;
	sim_down(m);
	m->cg.devs.n = 1;
	strcpy(m->cg.devs.name[0], "eth0");
	if (member_new(&m->conf, &deps, &other, &err))
		bail("%s", err.text);
	is_int(member_start(other, &err), -EEXIST, "a group of less");
	ok(strstr(err.text,
		  "group \"video\": the kernel has it for 239.2.1.1 proto udp dport 5000"),
	   "the reason: %s", err.text);
	ok(strstr(err.text, ": \"mcsecctl group del video --force\" removes"),
	   "the command that removes it");
	member_free(other);
	m->cg.devs.n = 0;
	name = m->cg.name;
	m->cg.name = misspelt;
	if (member_new(&m->conf, &deps, &other, &err))
		bail("%s", err.text);
	is_int(member_start(other, &err), -EEXIST, "a group of the same");
	ok(strstr(err.text,
		  "group \"vidoe\": the kernel has 239.2.1.1 proto udp dport 5000 as ") &&
		   strstr(err.text, "\"mcsecctl group del video --force\""),
	   "the other name, and the command: %s", err.text);
	member_free(other);
	m->cg.name = name;
	sim_up(m);
	ok(sim_settle(&s, 60000), "with the same group the member is in");
	sim_finish(&s, "restart");
}

/* ---- rekeys ------------------------------------------------------------- */

/*
 * The kernel accepts only ESP for what a group selects. A rekey address that is
 * a part of that cannot be joined, and the member says so.
 */
static void test_rekey_address(void)
{
	static const struct kind wide = {
		"a prefix", "239.1.0.0/16", NULL, 0, 0, 0, false
	};
	static const struct kind ports = {
		"a port", "239.1.0.0/16", NULL, IPPROTO_UDP, 0, 5000, false
	};
	struct member_group_status st;
	struct sim_member *m;

	kind_init(&wide, 7);
	sim_gcks_up(&s);
	m = sim_add(&s, "a.example", false, true);
	m->cg.sel = sel_of(&wide);
	sim_up(m);
	sim_run(&s, 3000);
	st = sim_status(m);
	ok(!strcmp(member_state_text(&st), "behind") && !m->listens &&
		   strstr(st.rekey_note,
			  "group \"video\" of this host selects it"),
	   "a rekey address in a group is not joined: %s", st.rekey_note);
	ok(sim_logged(&s, "rekey address not joined: 239.1.1.254:848: group"),
	   "a rekey address in a group is logged");
	sim_finish(&s, "a rekey address in a group");
	kind_init(&ports, 8);
	sim_gcks_up(&s);
	m = sim_add(&s, "a.example", false, true);
	m->cg.sel = sel_of(&ports);
	sim_up(m);
	sim_run(&s, 3000);
	ok(sim_in(m) && m->listens && !*sim_status(m).rekey_note,
	   "a rekey address beside the port of a group is joined");
	sim_finish(&s, "a rekey address beside a group");
}

int main(void)
{
	RUN(test_kinds);
	RUN(test_others);
	RUN(test_rekey);
	RUN(test_member_reload);
	RUN(test_gcks_reload);
	RUN(test_restart);
	RUN(test_rekey_address);
	return done();
}
