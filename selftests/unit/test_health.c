// SPDX-License-Identifier: Apache-2.0
/*
 * Health: each kind of problem is found, is named with what to do, and is gone
 * when it is mended. What only a test can bring about quickly is set in the state
 * of the roles.
 */
#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "audit/trail.h"
#include "crls.h"
#include "ctl/ctl.h"
#include "ctl/health.h"
#include "ctl/problem.h"
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "schema.h"
#include "tap.h"

static struct sim s;
static struct sim_three three;
static struct ctl_roles as_member, as_gcks;
static time_t wall_offset;
/* Answers are recorded, and compared with the schema. */
static FILE *record;

static time_t shifted_wall(void *ctx)
{
	(void)ctx;
	return clock_wall(&s.clock) + wall_offset;
}

static const struct clock shifted = { .wall = shifted_wall };

static void take_text(void *arg, char *text)
{
	*(char **)arg = text;
}

static json_t *health_of(const struct ctl_roles *r)
{
	static const char request[] = "{\"cmd\":\"health\"}";
	char *text = NULL;
	json_t *o;

	ctl_ask(r, request, strlen(request), take_text, &text);
	if (!text)
		bail("no answer");
	fprintf(record, "request\t%s\nhealth\t%s\n", request, text);
	o = json_loads(text, 0, NULL);
	free(text);
	return o;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* Append the kinds in @list to @buf. Returns false if one has no text or cure. */
static bool add_kinds(const json_t *list, const char *mark, char *buf,
		      size_t size)
{
	const json_t *o;
	bool whole = true;
	size_t i;

	json_array_foreach(list, i, o) {
		size_t len = strlen(buf);

		snprintf(buf + len, size - len, "%s%s%s", len ? " " : "", mark,
			 text_of(o, "kind"));
		whole = whole && *text_of(o, "text") && *text_of(o, "cure");
	}
	return whole;
}

/* Return what is wrong, as kinds, with ? in front of what cannot be told. */
static const char *wrong(const struct ctl_roles *r)
{
	static char buf[512];
	json_t *o = health_of(r);
	bool whole;

	buf[0] = '\0';
	whole = add_kinds(json_object_get(o, "problems"), "", buf, sizeof(buf));
	whole = whole && add_kinds(json_object_get(o, "unchecked"), "?", buf,
				   sizeof(buf));
	if (!whole)
		strcat(buf, " (no text)");
	else if (!*buf)
		snprintf(buf, sizeof(buf), "%s", text_of(o, "health"));
	json_decref(o);
	return buf;
}

/* Return the text of the first problem. */
static const char *first_text(const struct ctl_roles *r)
{
	static char buf[1024];
	json_t *o = health_of(r);

	snprintf(buf, sizeof(buf), "%s",
		 text_of(json_array_get(json_object_get(o, "problems"), 0),
			 "text"));
	json_decref(o);
	return buf;
}

static struct mgroup *group_of(const struct sim_member *m)
{
	return TAILQ_FIRST(&m->m->groups);
}

static struct group *keyed_group(void)
{
	return TAILQ_FIRST(&s.gcks->groups);
}

/* The state as "mcsecctl status" shows it. */
static const char *shown_state(const struct sim_member *m)
{
	struct ctl_roles r = { .member = m->m, .member_engine = m->engine };
	static const char request[] = "{\"cmd\":\"status\"}";
	static char state[32];
	char *text = NULL;
	json_t *o, *list;

	r.version = "1";
	ctl_ask(&r, request, strlen(request), take_text, &text);
	fprintf(record, "request\t%s\nstatus\t%s\n", request, text);
	o = json_loads(text, 0, NULL);
	free(text);
	list = json_object_get(json_object_get(o, "member"), "groups");
	snprintf(state, sizeof(state), "%s",
		 text_of(json_array_get(list, 0), "state"));
	json_decref(o);
	return state;
}

static void start(void)
{
	static const struct ctl_roles none = { .version = "1" };

	sim_init(&s, 1);
	s.cg.atd = 1;
	s.cg.dtd = 3;
	s.cg.inband = INBAND_ASKED;
	three = sim_start_three(&s, true, 20000, 0);
	as_member = none;
	as_member.member = three.a->m;
	as_member.member_engine = three.a->engine;
	as_member.clock = &shifted;
	as_gcks = none;
	as_gcks.gcks = s.gcks;
	as_gcks.gcks_engine = s.engine;
	as_gcks.clock = &shifted;
}

static void test_well(void)
{
	json_t *o = health_of(&as_gcks), *c, *names;

	is_str(wrong(&as_member), "well", "a member that is in is well");
	is_str(wrong(&as_gcks), "well",
	       "the key server of that member is well");
	c = json_array_get(json_object_get(o, "confirmations"), 0);
	names = json_object_get(c, "confirmed");
	ok(json_array_size(names) == 1 &&
		   !strcmp(json_string_value(json_array_get(names, 0)),
			   "s.example") &&
		   !json_integer_value(json_object_get(c, "n-waiting")),
	   "the sender has confirmed the current key");
	json_decref(o);
	is_str(shown_state(three.a), "in", "the status of that member");
}

static void test_certificates(void)
{
	as_member.chain = three.a->chain;
	is_str(wrong(&as_member), "well", "a certificate of a year");
	wall_offset = 360 * DAY;
	is_str(wrong(&as_member), "certificate-ends-soon",
	       "a certificate of five days");
	ok(strstr(first_text(&as_member), " in 4 days, at 20"), "text: %s",
	   first_text(&as_member));
	wall_offset = 400 * DAY;
	is_str(wrong(&as_member), "certificate-expired",
	       "a certificate that has ended");
	wall_offset = -30 * DAY;
	is_str(wrong(&as_member), "certificate-not-yet-valid",
	       "a clock in the past");
	as_member.chain = NULL;
	as_member.trust = three.a->trust;
	is_str(wrong(&as_member), "ca-not-yet-valid",
	       "a CA, and a clock in the past");
	wall_offset = 360 * DAY;
	is_str(wrong(&as_member), "ca-ends-soon", "a CA of five days");
	ok(strstr(first_text(&as_member), "the CA CN="), "text: %s",
	   first_text(&as_member));
	wall_offset = 400 * DAY;
	is_str(wrong(&as_member), "ca-expired", "a CA that has ended");
	wall_offset = 0;
	is_str(wrong(&as_member), "well", "a CA of a year");
	as_member.trust = NULL;
}

/* Judge a trust with the lists in @from, which may be empty. */
static const char *with_lists(const char *from)
{
	const char *what;
	struct crls *c;
	struct err err;

	if (crls_load(from, CRL_RELAXED, three.a->trust, NULL, &c, &err))
		bail("%s", err.text);
	trust_set_crls(three.a->trust, c);
	what = wrong(&as_member);
	trust_set_crls(three.a->trust, NULL);
	crls_free(c);
	return what;
}

static void test_revocation(void)
{
	time_t now = clock_wall(&s.clock);
	struct crl_spec spec = {
		.by = &s.ca,
		.made = now - DAY,
		.next = now + 30 * DAY,
		.number = 1,
	};
	char dir[] = "/tmp/mcsec-health-crl-XXXXXX";
	char path[64];

	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(path, sizeof(path), "%s/root.crl", dir);
	as_member.trust = three.a->trust;
	is_str(with_lists(dir), "crl-missing", "a CA without a list");
	crl_write(path, &spec, false);
	is_str(with_lists(dir), "well", "a list of a month");
	wall_offset = 29 * DAY;
	is_str(with_lists(dir), "crl-ends-soon", "a list of a day");
	wall_offset = 31 * DAY;
	is_str(with_lists(dir), "crl-expired", "a list that has ended");
	wall_offset = -DAY / 2 * 3;
	is_str(with_lists(dir), "ca-not-yet-valid crl-not-yet-valid",
	       "a list, and a clock in the past");
	wall_offset = 0;
	spec.revokes[0] = &three.a->cert;
	crl_write(path, &spec, false);
	as_member.chain = three.a->chain;
	is_str(with_lists(dir), "certificate-revoked",
	       "a list with the own certificate");
	as_member.chain = NULL;
	as_member.trust = NULL;
	unlink(path);
	rmdir(dir);
}

static int fail_get(void *ctx, const char *name, struct kgroup_info *g,
		    struct err *err)
{
	(void)ctx;
	(void)name;
	(void)g;
	return err_set(err, -EPERM, "permission denied");
}

static void test_kernel(void)
{
	struct mock_kernel *mk = &three.a->mk;
	const struct kernel_ops *ops = mk->k.ops;
	struct kernel_ops failing = *ops;

	failing.group_get = fail_get;
	mk->k.ops = &failing;
	is_str(wrong(&as_member), "?kernel-unread",
	       "a kernel that does not answer cannot be judged");
	is_str(shown_state(three.a), "behind",
	       "the state while the kernel does not answer");
	mk->k.ops = ops;
	mk->n_groups = 0;
	is_str(wrong(&as_member), "kernel-group-missing",
	       "a group that was deleted by hand");
	is_str(shown_state(three.a), "behind",
	       "the state without the kernel's group");
	mk->n_groups = 1;
	mk->group[0].policy = MCSEC_POLICY_OBSERVE;
	is_str(wrong(&as_member), "kernel-group-observes",
	       "a group that was told to observe");
	is_str(shown_state(three.a), "in",
	       "the state while the group observes, which does not end its keys");
	mk->group[0].policy = MCSEC_POLICY_ENFORCE;
	mk->group[0].dport = 5000;
	is_str(wrong(&as_member), "kernel-group-differs",
	       "a group that protects one port only");
	ok(strstr(first_text(&as_member), "another setting: "), "text: %s",
	   first_text(&as_member));
	mk->group[0].dport = 0;
	mk->n_sas--;
	is_str(wrong(&as_member), "kernel-sa-missing",
	       "an SA that was deleted by hand");
	is_str(shown_state(three.a), "behind", "the state without the SA");
	mk->n_sas++;
	mk->sa[mk->n_sas - 1].wiped = true;
	is_str(wrong(&as_member), "kernel-sa-ended",
	       "an SA that has reached a limit");
	mk->sa[mk->n_sas - 1].wiped = false;
	is_str(wrong(&as_member), "well", "the kernel as it was");
}

static void test_sending(void)
{
	struct mock_kernel *mk = &three.tx->mk;
	struct ctl_roles r = as_member;
	unsigned int i;

	r.member = three.tx->m;
	r.member_engine = three.tx->engine;
	is_str(wrong(&r), "well", "a sender that is in is well");
	for (i = 0; i < mk->n_sas && !mk->sa[i].selected; i++)
		;
	mk->sa[i].selected = false;
	is_str(wrong(&r), "kernel-sa-differs",
	       "a sender whose SA was not selected");
	mk->sa[i].selected = true;
	is_str(wrong(&r), "well", "a sender whose SA is selected");
}

static void test_reception(void)
{
	static const struct link_event up = { .what = LINK_UP };
	struct sim_member *m = three.a;

	m->join_errno = -ENODEV;
	member_link_event(m->m, &up);
	is_str(wrong(&as_member), "rekeys-not-joined",
	       "a rekey address that cannot be joined");
	is_str(first_text(&as_member),
	       "rekeys cannot be received: the rekey address is not joined: no interface eth7",
	       "text of that");
	is_str(shown_state(m), "behind", "the state when it is not joined");
	m->join_errno = 0;
	m->ifindex = 1;
	member_link_event(m->m, &up);
	is_str(wrong(&as_member), "well", "a rekey address that is joined");
	m->no_carrier = true;
	is_str(wrong(&as_member), "rekey-interface-down",
	       "a rekey address at an interface that is down");
	is_str(shown_state(m), "behind", "the state while it is down");
	m->no_carrier = false;
	is_str(wrong(&as_member), "well", "an interface that is up again");
}

static void test_doubts(void)
{
	struct mgroup *g = group_of(three.a);
	struct ike_sa *sa = three.a->m->sa;

	three.a->deaf = true;
	sim_run(&s, 75000);
	is_str(wrong(&as_member), "rekeys-not-heard", "four silent beats");
	ok(strstr(first_text(&as_member), "the last one came "), "text: %s",
	   first_text(&as_member));
	three.a->deaf = false;
	sim_run(&s, 20000);
	is_str(wrong(&as_member), "well", "a beat that is heard");
	g->doubts = 1u << DOUBT_EARLY;
	is_str(wrong(&as_member), "keys-in-doubt", "a rekey that was missed");
	g->doubts = 0;
	snprintf(g->last_error, sizeof(g->last_error), "no resources");
	is_str(wrong(&as_member), "not-answered", "a request that has failed");
	ok(!strncmp(first_text(&as_member), "the key server does not", 23),
	   "text while there are keys: %s", first_text(&as_member));
	g->last_error[0] = '\0';
	g->gcks_revoked = true;
	is_str(wrong(&as_member), "key-server-revoked",
	       "a key server with a revoked certificate");
	g->gcks_revoked = false;
	snprintf(g->stolen_key, sizeof(g->stolen_key), "abc");
	is_str(wrong(&as_member), "signing-key-stolen", "a rival");
	g->stolen_key[0] = '\0';
	g->server_ms += 90000;
	is_str(wrong(&as_member), "clock-differs",
	       "a key server whose clock is ahead");
	ok(strstr(first_text(&as_member), " s behind that of the key server"),
	   "text: %s", first_text(&as_member));
	g->server_ms -= 180000;
	ok(strstr(first_text(&as_member), " s ahead of that of the key server"),
	   "text: %s", first_text(&as_member));
	g->server_ms += 90000;
	g->own.devs.n = 1;
	snprintf(g->own.devs.name[0], sizeof(g->own.devs.name[0]), "eth7");
	snprintf(three.a->mk.group[0].devs[0],
		 sizeof(three.a->mk.group[0].devs[0]), "eth7");
	three.a->mk.group[0].n_devs = 1;
	g->no_devs = 1;
	is_str(wrong(&as_member), "interface-missing",
	       "an interface of the group that is not there");
	g->no_devs = 0;
	g->own.devs.n = 0;
	three.a->mk.group[0].n_devs = 0;
	g->inband = true;
	three.a->m->sa = NULL;
	is_str(wrong(&as_member), "keys-in-doubt",
	       "a member that is to be rekeyed inband, without an IKE SA");
	three.a->m->sa = sa;
	g->inband = false;
	g->removed = true;
	is_str(wrong(&as_member), "removed-group",
	       "a group that is not configured any more");
	g->removed = false;
	is_str(wrong(&as_member), "well", "the member as it was");
}

static void test_gone(void)
{
	member_leave(three.a->m, NULL);
	sim_run(&s, 3000);
	is_str(wrong(&as_member), "left", "a member that has left");
	sim_gcks_down(&s);
	member_join(three.a->m, NULL);
	is_str(wrong(&as_member), "registering",
	       "a member that has just asked");
	/* The IKE SA that is idle is tried first, for five seconds. */
	sim_run(&s, 8000);
	is_str(wrong(&as_member), "key-server-not-heard not-registered",
	       "a key server that does not answer");
	sim_gcks_up(&s);
	as_gcks.gcks = s.gcks;
	as_gcks.gcks_engine = s.engine;
	sim_run(&s, 90000);
	is_str(wrong(&as_member), "well", "a key server that answers again");
}

/* Senders use what was there before a member came for another second (ATD). */
static void test_joiner(void)
{
	struct ctl_roles r = as_member;
	struct sim_member *d = sim_add(&s, "d.example", false, true);

	sim_up(d);
	sim_settle(&s, 20000);
	r.member = d->m;
	r.member_engine = d->engine;
	is_str(wrong(&r), "keys-not-in-use",
	       "a member that does not have yet what senders use");
	is_str(first_text(&r),
	       "this host has registered just now, and may lack the keys that senders still use, for 1 s at most",
	       "text of that");
	is_str(shown_state(d), "in", "the state of that member");
	is_str(wrong(&as_member), "well",
	       "a member that was there before is well");
	sim_run(&s, 2000);
	is_str(wrong(&r), "well", "the same member after ATD");
	member_leave(d->m, NULL);
	sim_run(&s, 20000);
	sim_down(d);
	is_str(wrong(&as_gcks), "well", "the key server without it");
}

/* A member stays in while its sending half cannot be asked for anything new. */
static void test_senders(void)
{
	unsigned int i, late = 0;
	struct err err;

	sim_down(three.tx);
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 20000);
	is_str(wrong(&as_gcks), "well",
	       "a sender has its time to confirm a key");
	sim_run(&s, 20000);
	is_str(wrong(&as_gcks), "senders-late",
	       "a sender that has not confirmed a key");
	ok(strstr(first_text(&as_gcks), "1 of 1 senders ") &&
		   strstr(first_text(&as_gcks), ": s.example"),
	   "text: %s", first_text(&as_gcks));
	/* Changes that come one after the other do not hide it. */
	for (i = 0; i < 10; i++) {
		if (sim_rekey(s.gcks, "video", &err))
			bail("%s", err.text);
		sim_run(&s, 20000);
		late += !strcmp(wrong(&as_gcks), "senders-late");
	}
	is_int(late, 10, "a sender that lacks each change of a busy group");
	sim_up(three.tx);
	sim_run(&s, 20000);
	is_str(wrong(&as_gcks), "well", "a sender that is back");
}

/* Nobody has reported to a key server yet that has just started. */
static void test_restarted(void)
{
	unsigned int i, late = 0;

	sim_run(&s, 120000);
	is_str(wrong(&as_gcks), "well", "a group whose keys are old");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	as_gcks.gcks = s.gcks;
	as_gcks.gcks_engine = s.engine;
	for (i = 0; i < 30; i++) {
		late += strcmp(wrong(&as_gcks), "well") != 0;
		sim_run(&s, 10000);
	}
	is_int(late, 0, "a restarted key server waits for reports");
	sim_down(three.tx);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	as_gcks.gcks = s.gcks;
	as_gcks.gcks_engine = s.engine;
	sim_run(&s, 600000);
	is_str(wrong(&as_gcks), "senders-late",
	       "a sender that never reports to a restarted key server");
	sim_up(three.tx);
	sim_run(&s, 20000);
	is_str(wrong(&as_gcks), "well", "a sender that is back");
}

static void test_members(void)
{
	struct gmember *m = gmc_find(keyed_group(), "b.example");

	if (!m)
		bail("b.example is no member");
	m->registered -= 350 * DAY;
	is_str(wrong(&as_gcks), "well", "a member that renews soon");
	m->registered -= 20 * 365 * DAY;
	is_str(wrong(&as_gcks), "members-late",
	       "a member that has not renewed");
	ok(strstr(first_text(&as_gcks), ": b.example"), "text: %s",
	   first_text(&as_gcks));
	m->registered += (20 * 365 + 350) * DAY;
	is_str(wrong(&as_gcks), "well", "a member that has renewed");
}

static void test_sent(void)
{
	struct err err;

	s.send_errno = -ENETUNREACH;
	sim_rekey(s.gcks, "video", &err);
	sim_run(&s, 8000);
	is_str(wrong(&as_gcks), "rekeys-not-sent",
	       "a rekey that cannot be sent");
	ok(strstr(first_text(&as_gcks), "Network is unreachable"), "text: %s",
	   first_text(&as_gcks));
	s.send_errno = 0;
	sim_run(&s, 20000);
	is_str(wrong(&as_gcks), "well", "a rekey that was sent");
}

static void test_inband(void)
{
	struct sim_member *m = sim_add(&s, "c.example", false, true);
	struct err err;

	m->cg.inband = true;
	sim_up(m);
	if (!sim_settle(&s, 60000))
		bail("c.example is not in");
	is_str(wrong(&as_gcks), "well", "a member that is rekeyed inband");
	m->offline = true;
	sim_rekey(s.gcks, "video", &err);
	sim_run(&s, 20000);
	is_str(wrong(&as_gcks), "well",
	       "a member that is rekeyed inband has its time");
	sim_run(&s, 20000);
	is_str(wrong(&as_gcks), "inband-members-late",
	       "a member that does not answer an inband rekey");
	m->offline = false;
	sim_run(&s, 60000);
	is_str(wrong(&as_gcks), "well",
	       "a member that has answered an inband rekey");
}

static void test_store(void)
{
	struct err err;

	s.store_errno = -EIO;
	ok(sim_rekey(s.gcks, "video", &err), "the store fails");
	is_str(wrong(&as_gcks), "store-failed",
	       "a change that the store has refused");
	s.store_errno = 0;
	sim_rekey(s.gcks, "video", &err);
	sim_run(&s, 20000);
	is_str(wrong(&as_gcks), "well", "a change that the store has taken");
	keyed_group()->commit.behind = true;
	is_str(wrong(&as_gcks), "witness-failed", "a witness that is behind");
	keyed_group()->commit.behind = false;
	is_str(wrong(&as_gcks), "well", "a witness that is not behind");
}

static void test_lost(void)
{
	ike_engine_lost(s.engine, 1);
	is_str(wrong(&as_gcks), "datagrams-lost", "a socket that was full");
	sim_run(&s, 601000);
	is_str(wrong(&as_gcks), "well",
	       "a socket that was full ten minutes ago");
}

static void judge_trail(struct trail_state t, const char *want,
			const char *name)
{
	struct problems p = { json_array(), json_array() };
	char kinds[128] = "";

	health_of_trail(&t, &p);
	ok(add_kinds(p.found, "", kinds, sizeof(kinds)),
	   "%s: each has a text and a cure", name);
	is_str(kinds, want, "%s", name);
	json_decref(p.found);
	json_decref(p.unchecked);
}

static void test_trail(void)
{
	struct trail_state t = { .dir = "/trail", .late_ms = 2000 };

	judge_trail(t, "", "a trail that can be written");
	t.error = "no space left";
	judge_trail(t, "audit-not-written", "a full disk");
	t.error = NULL;
	t.damage = "records 30 to 35 are missing before record 36";
	judge_trail(t, "audit-damaged", "a trail that somebody has cut");
	t.damage = NULL;
	t.scarce = true;
	judge_trail(t, "audit-scarce", "a disk that is nearly full");
	t.scarce = false;
	t.late_ms = 2001;
	judge_trail(t, "audit-late", "a slow disk");
}

/* Add to a counter of the module, and to the drops of the member's group. */
static void lose(struct mock_kernel *mk, size_t i, const char *name,
		 uint64_t *drops, uint64_t n)
{
	mk->counter[i].name = name;
	mk->counter[i].value += n;
	*drops += n;
}

static void watch_for(struct member *m, unsigned int samples)
{
	while (samples--)
		member_watch_lost(m);
}

static void test_losses(void)
{
	struct mock_kernel *mk = &three.a->mk;
	static const char one[] = "1 datagram arrived with a key";
	const char *text;

	lose(mk, 0, "in-clear", &mk->in_drops[0], 5);
	is_str(wrong(&as_member), "well",
	       "drops of which there is no sample before");
	member_watch_lost(three.a->m);
	is_str(wrong(&as_member), "well", "drops from before the first sample");
	lose(mk, 0, "in-clear", &mk->in_drops[0], 20);
	is_str(wrong(&as_member), "clear-dropped", "clear datagrams");
	is_str(first_text(&as_member),
	       "20 datagrams arrived in the clear and were dropped within the last minute",
	       "the number of clear datagrams is told");
	watch_for(three.a->m, 6);
	is_str(wrong(&as_member), "clear-dropped",
	       "clear datagrams of a minute ago");
	member_watch_lost(three.a->m);
	is_str(wrong(&as_member), "well",
	       "no clear datagrams within the last minute");
	lose(mk, 1, "in-no-sa", &mk->in_drops[0], 1);
	lose(mk, 2, "out-no-sa", &mk->out_drops[0], 1);
	is_str(wrong(&as_member), "unknown-dropped unsent",
	       "ESP of an unknown SA, and nothing to send with");
	text = first_text(&as_member);
	ok(!strncmp(text, one, strlen(one)), "text: %s", text);
}

/* Neither replays, nor other groups, nor the time without keys are problems. */
static void test_no_losses(void)
{
	struct mock_kernel *mk = &three.a->mk;
	struct mgroup *g = group_of(three.a);

	watch_for(three.a->m, 7);
	lose(mk, 3, "in-replay", &mk->in_drops[0], 9);
	is_str(wrong(&as_member), "well", "replays are no problem");
	mk->counter[0].value += 3;
	is_str(wrong(&as_member), "clear-dropped",
	       "clear datagrams that only one group can have dropped");
	watch_for(three.a->m, 7);
	mk->counter[0].value += 3;
	is_str(wrong(&as_member), "well",
	       "clear datagrams of another program's group");
	watch_for(three.a->m, 7);
	g->unread_ms = mgroup_now(g) + 5000;
	g->unread_unless = false;
	member_watch_lost(three.a->m);
	lose(mk, 1, "in-no-sa", &mk->in_drops[0], 4);
	is_str(wrong(&as_member), "keys-not-in-use",
	       "ESP of keys from before the registration");
	g->unread_ms = 0;
	is_str(wrong(&as_member), "well",
	       "ESP of keys from before the registration, which is over now");
	member_watch_lost(three.a->m);
	is_str(wrong(&as_member), "well",
	       "losses from before all keys were there are forgotten");
	mk->in_drops[0] = 0;
	is_str(wrong(&as_member), "well", "counters that begin again");
}

static void test_one_group(void)
{
	static const char some[] = "{\"cmd\":\"health\",\"group\":\"video\"}";
	static const char none[] = "{\"cmd\":\"health\",\"group\":\"x\"}";
	char *text = NULL;

	as_member.chain = three.a->chain;
	wall_offset = 360 * DAY;
	ctl_ask(&as_member, some, strlen(some), take_text, &text);
	fprintf(record, "request\t%s\nhealth\t%s\n", some, text);
	ok(strstr(text, "\"health\":\"well\""),
	   "the health of one group is without the certificate");
	free(text);
	ctl_ask(&as_member, none, strlen(none), take_text, &text);
	ok(strstr(text, "no group"), "there is no such group: %s", text);
	free(text);
	wall_offset = 0;
	as_member.chain = NULL;
}

int main(void)
{
	char recorded[] = "/tmp/mcsec-health-XXXXXX";
	int fd = mkstemp(recorded);

	record = fd < 0 ? NULL : fdopen(fd, "w");
	if (!record)
		bail("%s: %s", recorded, strerror(errno));
	start();
	RUN(test_well);
	RUN(test_certificates);
	RUN(test_revocation);
	RUN(test_kernel);
	RUN(test_sending);
	RUN(test_reception);
	RUN(test_doubts);
	RUN(test_losses);
	RUN(test_no_losses);
	RUN(test_one_group);
	RUN(test_joiner);
	RUN(test_gone);
	RUN(test_senders);
	RUN(test_restarted);
	RUN(test_members);
	RUN(test_sent);
	RUN(test_inband);
	RUN(test_store);
	RUN(test_trail);
	RUN(test_lost);
	RUN(schema, record, recorded);
	fclose(record);
	unlink(recorded);
	sim_free(&s);
	return done();
}
