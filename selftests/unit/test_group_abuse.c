// SPDX-License-Identifier: Apache-2.0
/* Attacks on a group by members, strangers and crowds, which must fail. */
#include "gcks/gkm.h"
#include "gcks/gkm_policy.h"
#include "gcks/rate.h"
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "group_sim.h"
#include "group_finish.h"
#include "tap.h"

#include <errno.h>
#include <time.h>

#include "gcks/gkm.h"
#include "wire/proto.h"
#include "ike/sa.h"
#include "member/mgroup.h"

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct err err;

static void usual(void)
{
	struct sim_three three;

	three = sim_start_three(&s, false, 10000, 10);
	tx = three.tx;
	a = three.a;
	b = three.b;
}

static uint64_t refused_by_kernels(void)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < s.n; i++)
		n += sim_status(s.m[i]).kernel_errors;
	return n;
}

/* ---- rekeys against the kernel's 64 SAs --------------------------------- */

static void test_stagger(void)
{
	struct gcks_group_status before, after;
	uint32_t ms, i;
	char name[32];

	sim_init(&s, 1);
	usual();
	before = sim_group(&s);
	for (i = 0; i < 90; i++) {
		snprintf(name, sizeof(name), "m%u.example", i);
		sim_up(sim_add(&s, name, false, true));
		sim_run(&s, 150);
	}
	ok(sim_settle(&s, 5000), "90 join, one each 150 ms");
	sim_run(&s, 2000);
	after = sim_group(&s);
	ok(after.rekeys - before.rekeys < 45, "stagger: %ju rekeys were needed",
	   (uintmax_t)(after.rekeys - before.rekeys));
	is_int(refused_by_kernels(), 0, "no kernel was out of room");
	is_int(after.registrations, before.registrations,
	       "nobody had to come again");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	is_int(sim_gaps(&s), 0, "no packet is lost");

	/*
	 * Evictions are not delayed: there are more within DTD than the kernel
	 * has room for.
	 */
	s.cg.evict_atd = 10;
	for (i = 0; i < 80; i++) {
		snprintf(name, sizeof(name), "m%u.example", i);
		if (sim_evict(s.gcks, "video", name, &ms, &err))
			bail(err.text);
		sim_down(s.m[3 + i]);
		sim_run(&s, 140);
	}
	sim_run(&s, 5000);
	is_int(refused_by_kernels(), 0, "80 evictions: room is made");
	is_int(sim_out_of_step(&s), 0, "all others are in step");
	is_int(sim_status(a).registrations, 1, "a had not to come again");
	sim_finish(&s, "stagger");
}

static void storm(unsigned int ms)
{
	uint64_t end = s.ms + ms;

	while (s.ms < end) {
		sim_down(b);
		mock_kernel_reset(&b->mk);
		sim_up(b);
		sim_run(&s, 110);
	}
}

static void test_storm(void)
{
	struct gcks_group_status before;
	unsigned int sends;
	uint32_t ms = 0;
	uint64_t at;

	sim_init(&s, 2);
	usual();
	before = sim_group(&s);
	storm(7000);
	ok(sim_group(&s).rekeys - before.rekeys <= 16,
	   "coming again and again makes %ju rekeys in 7 s",
	   (uintmax_t)(sim_group(&s).rekeys - before.rekeys));
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "the member that came again and again is evicted");
	at = s.ms;
	sim_run(&s, 20000);
	is_int(sim_reads_after(&s, b, at + ms), 0,
	       "the evicted member has no key of what was sent since then");
	is_int(refused_by_kernels(), 0, "no kernel was out of room");
	is_int(a->gaps + s.n_unsent, 0, "a loses no packet");

	/*
	 * Pending messages do not accumulate, and a restart does not send them
	 * all.
	 */
	sim_admit(s.gcks, "video", "b.example", &err);
	sim_down(b);
	storm(12000);
	sim_gcks_down(&s);
	sim_down(b);
	sends = s.sends;
	sim_gcks_up(&s);
	sim_run(&s, 100);
	ok(s.sends - sends < 12, "a restart at once sends %u messages",
	   s.sends - sends);
	sim_run(&s, 20000);
	is_int(sim_group(&s).outbox, 0, "no rekey waits in the outbox");
	is_int(sim_out_of_step(&s), 0, "all are in step");

	/*
	 * After a long outage members accept no old message, and a beat is
	 * enough.
	 */
	storm(5000);
	sim_down(b);
	sim_gcks_down(&s);
	sim_run(&s, 60000);
	sends = s.sends;
	sim_gcks_up(&s);
	/* No member can have registered so soon, which makes new keys. */
	sim_run(&s, 5);
	is_int(s.sends - sends, 0, "a minute later it sends none of them");
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_finish(&s, "storm");
}

/* The kernel refuses the new SA, but the old one must still end. */
static void test_no_room(void)
{
	uint32_t ms;

	sim_init(&s, 3);
	usual();
	tx->mk.fail_add = -ENOMEM;
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "b is evicted");
	sim_run(&s, 400);
	is_int(sim_status(tx).kernel_errors, 1, "the sender cannot follow");
	sim_gcks_down(&s);
	sim_run(&s, 20000);
	is_int(tx->mk.n_sas, 0,
	       "the old SA of the sender ends, though there is no new one");
	sim_finish(&s, "no room");
}

/* ---- excluded members --------------------------------------------------- */

static void test_evict_absent(void)
{
	struct sim_member *c;
	uint32_t ms = 1;

	sim_init(&s, 4);
	usual();
	/* The member b has an IKE SA to leave by. */
	sim_down(b);
	sim_up(b);
	sim_settle(&s, 3000);
	sim_run(&s, 1000);
	member_leave(b->m, NULL);
	sim_run(&s, 3000);
	ok(!sim_has_member(&s, "b.example"), "b has left");
	is_int(sim_evict(s.gcks, "video", "B.example", &ms, &err), -ENOENT,
	       "an identity that is no member is not evicted by mistake: %s",
	       err.text);
	ok(strstr(err.text, "--ahead"), "with words on what to do");
	is_int(sim_group(&s).denied, 0,
	       "the refused eviction has changed nothing");
	is_int(sim_evict_ahead(s.gcks, "video", "B.example", &ms, &err), 0,
	       "unless ahead is said");
	is_int(ms, 0, "an eviction ahead has nothing to wait for");
	is_int(sim_audited(&s, "evict", "b.example", "not a member"), 1,
	       "the eviction ahead is on record");
	member_join(b->m, NULL);
	sim_run(&s, 8000);
	ok(!sim_in(b) && !sim_has_member(&s, "b.example"), "b stays out");
	is_int(b->notify, GIKE_N_AUTHORIZATION_FAILED,
	       "b is told why it stays out");
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), -EALREADY,
	       "only once");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_down(b);
	sim_up(b);
	sim_run(&s, 3000);
	ok(!sim_in(b), "b is out after a restart, too");
	is_int(sim_admit(s.gcks, "video", "b.example", &err), 0,
	       "b can be admitted");

	/* The request of the member waits for a batch. */
	s.cg.batch_join_ms = 500;
	if (sim_reload(&s, &err))
		bail("%s", err.text);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_run(&s, 100);
	is_int(sim_group(&s).pending, 1, "c waits");
	is_int(sim_evict(s.gcks, "video", "c.example", &ms, &err), 0,
	       "c is evicted while it waits");
	sim_run(&s, 2000);
	ok(!sim_in(c) && !sim_has_member(&s, "c.example"), "c is not let in");
	is_int(c->notify, GIKE_N_AUTHORIZATION_FAILED,
	       "c is told why it is not let in");

	s.store_errno = -ENOSPC;
	is_int(sim_evict_ahead(s.gcks, "video", "d.example", &ms, &err),
	       -ENOSPC, "disk full: %s", err.text);
	s.store_errno = 0;
	is_int(sim_group(&s).denied, 1, "nobody was kept out then");
	is_int(sim_evict(s.gcks, "video", "", &ms, &err), -EINVAL,
	       "nobody has no name: %s", err.text);
	sim_finish(&s, "absent");
}

/* ---- the audit trail ---------------------------------------------------- */

static void test_strangers(void)
{
	struct ike_event ev = {
		.type = IKE_EV_AUTH_FAILED,
		.text = "certificate: issuer unknown",
	};
	struct gike_reply reply;
	struct gike_req req = { 0 };
	unsigned int changes, i;
	struct ike_id me;
	char name[32];

	sim_init(&s, 5);
	usual();
	ev.peer = &b->ep;
	changes = s.changes;
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "x%u.evil", i);
		ev.peer_name = name;
		gcks_ike_event(s.gcks, &ev);
		sim_run(&s, 10);
	}
	is_int(s.changes, changes, "strangers change nothing");
	is_int(sim_audited(&s, "refuse", NULL, "AUTHENTICATION_FAILED"), 3,
	       "300 strangers in 3 s make 3 lines");
	is_int(sim_audited(&s, "refuse", NULL, "(99 more not written)"), 2,
	       "two lines of the audit trail say how many strangers there were");
	is_int(sim_log_count(&s, "authentication failed: "), 3,
	       "the log has as many lines of strangers");
	sim_run(&s, 11000);
	is_int(sim_log_count(&s,
			     "lines suppressed: 99 about unauthenticated peers"),
	       1, "the log says in the end what it has passed over");

	/* The peer chooses the name of a group. */
	id_from_text(&me, "a.example");
	req.peer = &me;
	req.peer_name = "a.example";
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "group%u", i);
		id_set(&req.idg, IKE_ID_KEY_ID, name, strlen(name));
		gcks_group_request(s.gcks, NULL, &req, &reply);
		if (reply.notify != GIKE_N_INVALID_GROUP_ID)
			bail("a group that is not there");
		sim_run(&s, 10);
	}
	is_int(sim_audited(&s, "refuse", "a.example", "INVALID_GROUP_ID"), 1,
	       "100 groups that are not there make one line");
	sim_finish(&s, "strangers");
}

/* Count a refusal, and those that its line says were not recorded. */
static int add_refusals(void *arg, const struct store_audit *a)
{
	static const char sum[] = "refusals not recorded: ";
	const char *more = strrchr(a->detail, '(');
	unsigned long *n = arg;

	if (!strncmp(a->detail, sum, strlen(sum)))
		*n += strtoul(a->detail + strlen(sum), NULL, 10);
	else if (!strcmp(a->event, "refuse"))
		*n += 1 + (more ? strtoul(more + 1, NULL, 10) : 0);
	return 0;
}

/* Strangers of ever new networks, with the longest names, for an hour. */
static void test_trail_room(void)
{
	struct ike_event ev = { .type = IKE_EV_AUTH_FAILED };
	struct ep peer = { .port = 500 };
	char name[512], text[512];
	unsigned int i, lines;
	unsigned long told = 0;

	sim_init(&s, 6);
	sim_gcks_up(&s);
	memset(name, 'x', sizeof(name) - 1);
	memset(text, 'y', sizeof(text) - 1);
	name[sizeof(name) - 1] = '\0';
	text[sizeof(text) - 1] = '\0';
	ev.peer = &peer;
	ev.peer_name = name;
	ev.text = text;
	for (i = 0; i < 3600; i++) {
		addr_parse("10.0.0.1", &peer.addr);
		peer.addr.b[1] = i >> 8;
		peer.addr.b[2] = i;
		gcks_ike_event(s.gcks, &ev);
		sim_run(&s, 1000);
	}
	lines = sim_audited(&s, "refuse", NULL, NULL);
	ok(lines >= 60 && lines <= 32 + 60 + 6,
	   "strangers of an hour make %u lines in the trail", lines);
	sim_run(&s, 600000);
	is_int(sim_audited(&s, "refuse", NULL, "refusals not recorded: "), 6,
	       "refusals without a record are summed up every ten minutes");
	gcks_audit(s.gcks, 0, 1000000, add_refusals, &told);
	is_int(told, 3600, "every refusal is recorded or counted");
	sim_finish(&s, "room");
}

/*
 * A stranger, and a member without rights, can cause these log lines: floods of
 * every event of ike/.
 */
static void test_log(void)
{
	static const enum ike_event_type types[] = {
		IKE_EV_AUTH_FAILED,
		IKE_EV_REQUEST_REFUSED,
		IKE_EV_CAP,
	};
	static const char claim[] =
		"group video: viewer.example is evicted\" by\nme"
		"                                     ";
	struct ike_event ev = { .text = "certificate: issuer unknown" };
	unsigned int i, k, before;

	sim_init(&s, 15);
	usual();
	/* One address sends 1,200 per second for ten seconds. */
	ev.peer = &b->ep;
	ev.peer_name = claim;
	before = sim_log_count(&s, "");
	for (i = 0; i < 12000; i++) {
		ev.type = types[i % 3];
		gcks_ike_event(s.gcks, &ev);
		if (i % 12 == 11)
			sim_run(&s, 10);
	}
	sim_run(&s, 11000);
	k = sim_log_count(&s, "") - before;
	ok(k >= 2 && k <= 20, "12,000 events of a stranger: %u lines", k);
	ok(sim_logged(&s, "authentication failed: \"group video: viewer"),
	   "the log has the claimed name");
	is_int(sim_log_count(&s, ": \"group video: viewer"),
	       sim_log_count(&s, "group video: viewer"),
	       "a claimed name stands behind our words");
	ok(!sim_logged(&s, "evicted\""),
	   "a claimed name cannot end its quotes");
	ok(sim_logged(&s, "evicted\\x22 by\\x0ame") &&
		   sim_logged(&s, "\"... at 10."),
	   "a name that is too long for the log is cut");
	is_int(sim_audited(&s, "refuse", claim, NULL), 0,
	       "a claimed name does not get among the identities of the trail");

	/* A member that no group admits comes and goes. */
	before = sim_log_count(&s, "");
	ev.peer_name = "viewer.example";
	for (i = 0; i < 10000; i++) {
		ev.type = i % 2 ? IKE_EV_CLOSED : IKE_EV_UP;
		gcks_ike_event(s.gcks, &ev);
	}
	k = sim_log_count(&s, "") - before;
	ok(k >= 2 && k <= 40, "10,000 events of a member: %u lines", k);
	ev.peer_name = "other.example";
	gcks_ike_event(s.gcks, &ev);
	ok(sim_logged(&s, "IKE SA closed: \"other.example\" at "),
	   "others still have theirs");
	sim_finish(&s, "log");
}

/* A peer that no group admits keeps no IKE SA, and an admitted one does. */
static void test_unwelcome(void)
{
	struct sim_member *out, *other;
	uint64_t sas;

	sim_init(&s, 16);
	usual();
	out = sim_add(&s, "other.elsewhere", false, true);
	other = sim_add(&s, "r.example", true, true);
	sas = ike_engine_stats(s.engine)->sas;
	sim_up(out);
	sim_run(&s, 1000);
	is_int(out->notify, GIKE_N_AUTHORIZATION_FAILED, "refused, and told");
	is_int(ike_engine_stats(s.engine)->sas, sas,
	       "the refused member's IKE SA is gone at once");
	is_int(ike_engine_stats(out->engine)->sas, 0,
	       "the refused member's IKE SA is gone there too");
	sim_up(other);
	sim_run(&s, 1000);
	is_int(other->notify, GIKE_N_AUTHORIZATION_FAILED,
	       "refused as sender, who may receive");
	is_int(ike_engine_stats(s.engine)->sas, sas + 1,
	       "a receiver refused as sender may ask over the same IKE SA");
	sim_finish(&s, "unwelcome");
}

/* Return the peer's IKE SAs that are up at the key server, or its newest one. */
static unsigned int held_of(const struct sim_member *m, struct ike_sa **newest)
{
	struct ike_sa *sa;
	unsigned int n = 0;

	LIST_FOREACH(sa, &s.engine->sas, link) {
		if (!ike_sa_is_up(sa) || strcmp(ike_sa_peer_name(sa), m->name))
			continue;
		n++;
		if (newest && (!*newest || sa->serial > (*newest)->serial))
			*newest = sa;
	}
	return n;
}

/* Open an IKE SA by IKE_AUTH, which asks for no group. */
static struct ike_sa *opens(struct sim_member *m)
{
	const struct ep any = { 0 };
	struct ike_sa *sa;

	if (ike_open(m->engine, &any, &s.ep, &m->m->gcks_id, &sa))
		bail("ike_open");
	return sa;
}

/* The same without a request for a group, and when rights end later. */
static void test_unwelcome_opened(void)
{
	struct sim_member *out;
	struct ike_sa *sa, *kept = NULL;
	uint32_t ms;

	sim_init(&s, 17);
	usual();
	out = sim_add(&s, "other.elsewhere", false, true);
	sim_up(out);
	sim_run(&s, 1000);
	member_leave(out->m, NULL);
	sim_run(&s, 8000);
	opens(out);
	opens(out);
	sim_run(&s, 3000);
	is_int(held_of(out, NULL), 0, "IKE_AUTH of a peer in no list");
	is_int(ike_engine_stats(out->engine)->sas, 0,
	       "the peer in no list learns of the end of its IKE SA");
	ok(sim_logged(&s, "no group admits the peer"), "the end is logged");

	sim_evict(s.gcks, "video", "b.example", &ms, &err);
	sim_run(&s, 5000);
	member_leave(b->m, NULL);
	sim_run(&s, 8000);
	opens(b);
	sim_run(&s, 3000);
	is_int(held_of(b, NULL), 0, "IKE_AUTH of a peer that was evicted");

	/* The right ends while IKE SAs are up, of which one is kept when idle. */
	opens(a);
	sim_run(&s, 1000);
	held_of(a, &kept);
	ike_sa_keep(kept);
	sa = opens(a);
	sim_run(&s, 1000);
	is_int(held_of(a, NULL), 3, "a member may open more IKE SAs");
	ike_liveness(sa);
	sim_run(&s, 1000);
	is_int(held_of(a, NULL), 3, "a member may use more IKE SAs");
	sim_evict(s.gcks, "video", "a.example", &ms, &err);
	sim_run(&s, 5000);
	member_leave(a->m, NULL);
	sim_run(&s, 8000);
	is_int(held_of(a, NULL), 2,
	       "IKE SAs of an evicted peer that are not used");
	ike_liveness(sa);
	sim_run(&s, 1000);
	is_int(held_of(a, NULL), 1, "the next request ends one");
	sim_run(&s, 300000);
	is_int(held_of(a, NULL), 0,
	       "an IKE SA that is kept when idle ends when idle");
	is_int(held_of(tx, NULL), 1, "the IKE SA of a member stays");
	sim_finish(&s, "unwelcome, opened");
}

/* ---- Sender-IDs --------------------------------------------------------- */

static void test_greedy(void)
{
	struct sim_member *s2;
	uint64_t end;

	sim_init(&s, 6);
	s.cg.sender_id_bits = 8;
	usual();
	s2 = sim_add(&s, "s2.example", true, true);
	s2->cg.sender_ids = 16;
	end = s.ms + 60000;
	while (s.ms < end) {
		sim_up(s2);
		sim_run(&s, 300);
		sim_down(s2);
		mock_kernel_reset(&s2->mk);
	}
	ok(sim_group(&s).next_sender_id <= 2 + 7 * 16,
	   "a minute of asking gives Sender-IDs up to %u",
	   sim_group(&s).next_sender_id);
	is_int(sim_group(&s).restarts, 0, "nobody has to start anew");
	ok(sim_audited(&s, "refuse", "s2.example", "too often") > 0,
	   "the sender that asks too often is on record");
	is_int(a->gaps + s.n_unsent, 0, "a loses no packet");

	/* The limit recovers with time, without action of the member. */
	sim_up(s2);
	sim_run(&s, 130000);
	ok(sim_in(s2), "s2 is let in again");
	sim_run(&s, 600000);
	sim_down(s2);
	sim_up(s2);
	ok(sim_settle(&s, 3000), "an honest restart is answered at once");
	sim_run(&s, 5000);
	sim_down(s2);
	sim_up(s2);
	ok(sim_settle(&s, 12000),
	   "a second honest restart is answered within seconds");
	sim_finish(&s, "greedy");
}

/* Each of thousands of senders is remembered, and later forgotten. */
static void test_many_senders(void)
{
	unsigned int i, first = 0, again = 0, waits = 0;
	struct group *g;
	char name[32];

	sim_init(&s, 17);
	usual();
	g = TAILQ_FIRST(&s.gcks->groups);
	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "s%u.example", i);
		first += rate_allows(g, name);
	}
	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "s%u.example", i);
		again += rate_allows(g, name);
		rate_count_join(g, name);
		rate_count_join(g, name);
	}
	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "s%u.example", i);
		waits += rate_leave_wait_ms(g, name) == 4000;
	}
	is_int(first, 5000, "5,000 senders ask for Sender-IDs and get them");
	is_int(again, 0, "5,000 senders get no Sender-IDs again at once");
	is_int(waits, 5000, "each that came twice has to wait with leaving");
	sim_run(&s, 400000);
	/* One question in each bucket empties it. */
	for (i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "t%u.example", i % 5000);
		rate_allows(g, name);
	}
	for (i = first = 0; i < GCKS_RATES; i++) {
		struct rate_entry *p;

		LIST_FOREACH(p, &s.gcks->rates[i], link)
			first++;
	}
	is_int(first, 5000, "a sender that has rested is not remembered");
	sim_finish(&s, "many senders");
}

/*
 * Return the CPU time in which @n new members, half of them senders, are
 * admitted.
 */
static double crowd_takes(unsigned int n)
{
	static char *anybody[] = { "*" };
	struct gike_req req = { 0 };
	struct gike_reply reply;
	struct ike_id peer;
	struct ike_sa *sa;
	char name[32];
	unsigned int i;
	clock_t from;
	double took;

	sim_init(&s, 18);
	s.cg.max_members = 20000;
	s.cg.senders.v = anybody;
	s.cg.senders.n = 1;
	usual();
	sim_up(sim_add(&s, "z.example", false, true));
	sim_run(&s, 2000);
	sa = LIST_FIRST(&s.engine->sas);
	if (!sa)
		bail("there is no IKE SA to ask over");
	id_set(&req.idg, IKE_ID_KEY_ID, "video", 5);
	req.peer = &peer;
	req.peer_name = name;
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		id_from_text(&peer, name);
		req.send = i % 2;
		req.n_sender_ids = i % 2;
		/*
		 * The token belongs to no SA: the member was admitted, and gone
		 * before the answer.
		 */
		req.token = i + 1;
		if (gcks_group_request(s.gcks, sa, &req, &reply) != GIKE_LATER)
			bail("%s was not taken", name);
	}
	from = clock();
	sim_run(&s, 60000);
	took = (double)(clock() - from) / CLOCKS_PER_SEC;
	is_int(sim_group(&s).members, n + 4, "%u newcomers are in", n);
	sim_free(&s);
	return took;
}

static void test_crowd_cost(void)
{
	double few = crowd_takes(1500), many = crowd_takes(6000);

	ok(many < 12 * few, "4 times the crowd takes %.1f times as long",
	   many / few);
}

/*
 * A rekey, by whatever sender, that makes the next Rekey SA one that any member
 * could forge, which the member has not offered.
 */
static void test_not_asked_for(void)
{
	struct rekey_msg msg;
	struct mrekey *rk;
	struct mgroup *g;

	sim_init(&s, 19);
	usual();
	g = TAILQ_FIRST(&a->m->groups);
	rk = TAILQ_FIRST(&g->rekeys);
	rekey_msg_init(&msg);
	gkm_registration_policy(TAILQ_FIRST(&s.gcks->groups), &msg.gsa);
	msg.has_gsa = true;
	msg.transport = true;
	msg.gsa.rekey.gcauth = GIKE_GCAUTH_IMPLICIT;
	install_rekey(g, rk, &msg);
	ok(sim_logged(&s, "rekey rejected: member lacks GCAUTH for the "),
	   "a Rekey SA without signatures is not followed");
	ok(TAILQ_FIRST(&g->rekeys) == rk, "the Rekey SA is the one it was");
	rekey_msg_free(&msg);
	sim_finish(&s, "a Rekey SA that was not asked for");
}

/* ---- SPIs of other parties ---------------------------------------------- */

/* An evicted member knows the next SPIs, and sends headers with them. */
static void test_next_spi(void)
{
	struct gcks_group_status g;
	uint8_t hdr[28] = { 0 };
	unsigned int i;
	uint64_t regs;

	sim_init(&s, 7);
	usual();
	a->deaf = true;
	sim_run(&s, 31000);
	sim_rekey(s.gcks, NULL, &err);
	g = sim_group(&s);
	memcpy(hdr, g.rekey_spi, sizeof(g.rekey_spi));
	regs = sim_status(a).registrations;
	/* No answer can arrive, so the Rekey SA stays the same. */
	sim_gcks_down(&s);
	for (i = 0; i < 100; i++) {
		member_rekey_input(a->m, &b->ep, hdr, sizeof(hdr));
		sim_run(&s, 100);
	}
	sim_gcks_up(&s);
	a->deaf = false;
	sim_run(&s, 150000);
	ok(sim_status(a).registrations > regs, "a missed rekey is found");
	is_int(sim_status(a).registrations, regs + 1,
	       "next spi: one registration was needed");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_finish(&s, "next SPI");
}

/*
 * An evicted member cannot do it either, with earlier SPIs and its last
 * message.
 */
static void test_next_spi_evicted(void)
{
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI, .group = "video" };
	uint8_t spis[2 * GSA_MAX_NEXT_SPI][16], hdr[28] = { 0 };
	uint32_t data[GSA_MAX_NEXT_SPI], ms;
	struct gcks_group_status g;
	unsigned int n = 0, i, k;
	struct mrekey *rk;
	char name[32];

	sim_init(&s, 9);
	usual();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "m%u.example", i);
		sim_up(sim_add(&s, name, false, true));
	}
	sim_settle(&s, 20000);
	sim_run(&s, 60000);
	rk = TAILQ_FIRST(&TAILQ_FIRST(&b->m->groups)->rekeys);
	for (i = 0; i < rk->n_next; i++)
		memcpy(spis[n++], rk->next[i], sizeof(spis[0]));
	memcpy(data, TAILQ_FIRST(&b->m->groups)->next_data[0].spi,
	       sizeof(data));
	is_int(TAILQ_FIRST(&b->m->groups)->next_data[0].n, GSA_MAX_NEXT_SPI,
	       "a member knows SPIs to come");
	sim_evict(s.gcks, "video", "b.example", &ms, &err);
	sim_run(&s, 60000);
	sim_down(b);
	g = sim_group(&s);
	for (i = 0; i < n; i++) {
		memcpy(hdr, spis[i], sizeof(spis[0]));
		ev.spi = data[i];
		for (k = 0; k < (unsigned int)s.n; k++) {
			if (!s.m[k]->up)
				continue;
			member_rekey_input(s.m[k]->m, &b->ep, hdr, sizeof(hdr));
			if (data[i] != g.data_spi)
				member_kernel_event(s.m[k]->m, &ev);
		}
		sim_run(&s, 20000);
	}
	is_int(sim_group(&s).registrations, g.registrations,
	       "evicted, it makes nobody ask by them");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	sim_finish(&s, "next SPI, evicted");
}

/* A policy that was not in the member's SAg is refused from any key server. */
static void test_not_offered(void)
{
	struct mgroup *g;
	struct gsa gsa;
	struct kd kd;

	sim_init(&s, 8);
	usual();
	g = TAILQ_FIRST(&a->m->groups);
	kd_init(&kd);
	gkm_registration_policy(TAILQ_FIRST(&s.gcks->groups), &gsa);
	gsa.rekey.gcauth = GIKE_GCAUTH_IMPLICIT;
	gsa.rekey.sigalg_len = 0;
	is_int(install_registration(g, a->m->sa, &gsa, &kd, true, &err),
	       -EPROTO, "rekeys without a signature are not accepted: %s",
	       err.text);
	ok(strstr(err.text, "GCAUTH"), "the refusal of rekeys names GCAUTH");
	kd_free(&kd);
	sim_finish(&s, "a Rekey SA that was not offered");
}

/* While the disk is full, an identity that asks again fails again each time. */
static void test_failures(void)
{
	unsigned int i, failed;
	struct sim_member *x;

	sim_init(&s, 19);
	usual();
	x = sim_add(&s, "x.example", false, true);
	s.store_errno = -ENOSPC;
	failed = sim_group(&s).store_errors;
	for (i = 0; i < 200; i++) {
		sim_up(x);
		sim_run(&s, 100);
		sim_down(x);
	}
	failed = sim_group(&s).store_errors - failed;
	ok(failed >= 40, "in 20 s %u changes of keys fail", failed);
	i = sim_log_count(&s, "group change failed");
	ok(i >= 4 && i <= 7, "%u lines tell of failed changes", i);
	sim_run(&s, 11000);
	ok(sim_logged(&s, " about changes that failed"),
	   "the failed changes without a line are summed up");
	s.store_errno = 0;
	sim_up(x);
	ok(sim_settle(&s, 20000), "the identity joins when the store works");
	sim_finish(&s, "failures");
}

int main(void)
{
	RUN(test_not_offered);
	RUN(test_stagger);
	RUN(test_storm);
	RUN(test_no_room);
	RUN(test_evict_absent);
	RUN(test_strangers);
	RUN(test_trail_room);
	RUN(test_log);
	RUN(test_failures);
	RUN(test_unwelcome);
	RUN(test_unwelcome_opened);
	RUN(test_greedy);
	RUN(test_many_senders);
	RUN(test_crowd_cost);
	RUN(test_not_asked_for);
	RUN(test_next_spi);
	RUN(test_next_spi_evicted);
	return done();
}
