// SPDX-License-Identifier: Apache-2.0
/*
 * Memberships end with a certificate, or without renewal; and are renewed in
 * time without a cost for others.
 */
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/lkh.h"
#include "group_sim.h"
#include "group_finish.h"
#include "tap.h"

#include <errno.h>

#include "wire/proto.h"

#define HOUR 3600000u

static struct sim s;
static struct sim_member *tx, *a, *b, *c;
static struct err err;

static void up(void)
{
	struct sim_three three;

	three = sim_start_three(&s, false, 10000, 100);
	tx = three.tx;
	a = three.a;
	b = three.b;
}

static struct group *group(void)
{
	return TAILQ_FIRST(&s.gcks->groups);
}

/* The key IDs from the leaf of @m (0) upwards. */
static uint32_t key_id(const struct sim_member *m, unsigned int up_by)
{
	struct gmember *gm = gmc_find(group(), m->name);
	struct lkh_wraps w;
	uint32_t id = 0;

	if (!gm || lkh_path(group()->tree, gm->leaf, &w))
		bail("no path of %s", m->name);
	if (up_by < w.n)
		id = w.v[w.n - 1 - up_by].id;
	lkh_wraps_free(&w);
	return id;
}

static int take_until(void *arg, const struct gcks_member_status *st)
{
	struct gcks_member_status *want = arg;

	if (strcmp(st->identity, want->identity))
		return 0;
	want->until = st->until;
	return 1;
}

/* Return the remaining seconds of @m at the key server, or -1 for no member. */
static int64_t term_s(const struct sim_member *m)
{
	struct gcks_member_status st = { .identity = m->name, .until = -1 };

	gcks_each_member(s.gcks, "video", take_until, &st);
	return st.until <= 0 ? st.until
			     : st.until - (s.wall0 + (int64_t)(s.ms / 1000));
}

static int64_t own_term_s(const struct sim_member *m)
{
	return sim_status(m).until - (s.wall0 + (int64_t)(s.ms / 1000));
}

/* ---- certificates ------------------------------------------------------- */

static void test_certificate(void)
{
	uint64_t rekeys, at;

	sim_init_rare(&s, 1);
	up();
	s.cert_s = 3600;
	c = sim_add(&s, "c.example", false, true);
	s.cert_s = 0;
	at = s.ms;
	sim_up(c);
	sim_settle(&s, 10000);
	ok(sim_in(c), "c is in, with a certificate for an hour");
	ok(term_s(c) > 3580 && term_s(c) <= 3601, "until it ends: %jd s",
	   (intmax_t)term_s(c));
	ok(own_term_s(c) > 3580 && own_term_s(c) <= 3601,
	   "c is told until when it is a member: %jd s",
	   (intmax_t)own_term_s(c));
	sim_run(&s, HOUR - (s.ms - at) - 5000);
	ok(sim_has_member(&s, "c.example") && sim_in(c),
	   "c is in 5 s before the end");
	ok(c->got > 30000, "c was in all the time");
	ok(sim_status(c).registrations >= 2 && sim_status(c).registrations < 8,
	   "c tried to renew a few times: %ju",
	   (uintmax_t)sim_status(c).registrations);
	rekeys = sim_group(&s).rekeys;
	at = s.ms + 5000;
	sim_run(&s, 12000);
	ok(!sim_has_member(&s, "c.example"), "c is out 7 s after the end");
	is_int(sim_group(&s).rekeys - rekeys, 1,
	       "the expiry of c takes one rekey");
	is_int(sim_group(&s).expired, 1,
	       "the end of c's membership is counted");
	is_int(sim_group(&s).leaves + sim_group(&s).evictions, 0,
	       "the end of c's membership is neither leave nor eviction");
	is_int(sim_audited(&s, "expire", "c.example", "certificate"), 1,
	       "the end of c's membership is on record with why");
	ok(sim_logged(&s,
		      "member expired: \"c.example\": the certificate has expired"),
	   "the end of c's membership is in the log");
	sim_run(&s, 20000);
	is_int(sim_reads_after(&s, c, at + 4000), 0,
	       "c has no key of what is sent since its end");
	is_int(c->notify, IKE_N_AUTHENTICATION_FAILED,
	       "c is not let in with its old certificate");
	ok(!sim_in(c), "c knows that it is out");
	is_int(sim_group(&s).denied, 0, "c is not among the denied");
	is_int(a->gaps + b->gaps, 0, "nobody else loses a packet");

	/* Another certificate is sufficient. */
	sim_down(c);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_run(&s, 10000);
	ok(sim_in(c), "with a new certificate it is in");
	sim_finish(&s, "certificate");
}

/*
 * A certificate that is replaced in time has no effect on others, until it ends: then
 * whoever has its keys is excluded.
 */
static void test_new_certificate(void)
{
	struct sim_member *old;
	uint32_t leaf, parent;
	uint64_t rekeys;

	sim_init_rare(&s, 2);
	up();
	s.cert_s = 7200;
	old = sim_add(&s, "c.example", false, true);
	s.cert_s = 0;
	sim_up(old);
	sim_settle(&s, 10000);
	sim_run(&s, HOUR);
	leaf = key_id(old, 0);
	parent = key_id(old, 1);
	rekeys = sim_group(&s).rekeys;
	/* The daemon is restarted, and its kernel keeps running. */
	sim_down(old);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_run(&s, 5000);
	ok(sim_in(c), "c has a new certificate");
	ok(term_s(c) > 300 * 86400,
	   "c is a member for longer with its new certificate");
	ok(key_id(c, 0) != leaf, "the leaf of c has another key");
	is_int(key_id(c, 1), parent,
	       "the keys above c's leaf are as they were");
	is_int(sim_group(&s).rekeys - rekeys, 0,
	       "a renewed certificate causes no rekey");
	leaf = key_id(c, 0);
	sim_run(&s, 2 * HOUR);
	ok(sim_in(c) && sim_has_member(&s, "c.example"),
	   "the end of the old one is no end");
	is_int(sim_group(&s).rekeys - rekeys, 1,
	       "the end of the old certificate is one rekey");
	is_int(sim_group(&s).expired, 0, "nobody was taken out");
	ok(key_id(c, 1) != parent,
	   "the end of the old certificate replaces the keys above the leaf");
	is_int(key_id(c, 0), leaf,
	       "the end of the old certificate leaves the key of the leaf");
	is_int(sim_out_of_step(&s), 0, "all follow");
	parent = key_id(c, 1);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 20000);
	is_int(key_id(c, 1), parent, "new certificate: the keys change once");
	is_int(sim_out_of_step(&s), 0, "all follow");
	is_int(a->gaps + b->gaps, 0, "nobody loses a packet");
	sim_finish(&s, "new certificate");
}

/* An IKE SA that outlives the certificate does not renew a membership. */
static void test_old_sa(void)
{
	sim_init_rare(&s, 3);
	up();
	s.cert_s = 120;
	c = sim_add(&s, "c.example", false, true);
	s.cert_s = 0;
	sim_up(c);
	sim_settle(&s, 10000);
	sim_run(&s, 100000);
	ok(sim_in(c) && member_ike_sa(c->m), "c has an IKE SA");
	/* A member that hears of its removal would close the IKE SA. */
	c->deaf = true;
	sim_run(&s, 60000);
	ok(!sim_has_member(&s, "c.example"),
	   "an IKE SA is no use once the membership has ended");
	is_int(c->notify, IKE_N_AUTHENTICATION_FAILED,
	       "c is told that its membership has ended");
	is_int(sim_group(&s).expired, 1, "taken out once");
	is_int(sim_group(&s).joins, 4, "c was never in again");
	sim_finish(&s, "old IKE SA");
}

/* A leave that is delayed, as c comes and goes, is not waited for any more. */
static void test_end_of_leaver(void)
{
	struct gmember *m;
	int i, k;

	sim_init_rare(&s, 24);
	up();
	s.cert_s = 80;
	c = sim_add(&s, "c.example", false, true);
	s.cert_s = 0;
	sim_up(c);
	sim_settle(&s, 10000);
	for (i = 0; i < 3; i++) {
		member_leave(c->m, "video");
		for (k = 0; k < 200 && sim_has_member(&s, "c.example"); k++)
			sim_run(&s, 100);
		member_join(c->m, "video");
		for (k = 0; k < 200 && !sim_has_member(&s, "c.example"); k++)
			sim_run(&s, 100);
	}
	m = gmc_find(group(), "c.example");
	if (!m)
		bail("c is not back");
	sim_run(&s, (m->cert_ends - clock_wall(&s.clock)) * 1000 - s.ms % 1000 -
			    1000);
	member_leave(c->m, "video");
	sim_run(&s, 500);
	ok(m->more->leaving && m->more->leave_ms > s.ms + 7000,
	   "leaver: its leave has to wait for longer than its certificate lasts");
	/* The end, a second to look at it, and a second to exclude. */
	sim_run(&s, 4000);
	ok(!sim_has_member(&s, "c.example"), "leaver: the end puts it out");
	is_int(sim_group(&s).expired, 1, "leaver: its membership has ended");
	sim_finish(&s, "leaver");
}

/* ---- membership-lifetime ------------------------------------------------ */

static void test_renewal(void)
{
	uint64_t rekeys;
	uint32_t leaf;

	sim_init_rare(&s, 4);
	s.cg.membership_lifetime = 600;
	up();
	leaf = key_id(a, 0);
	rekeys = sim_group(&s).rekeys;
	ok(term_s(a) > 550 && term_s(a) <= 600, "a membership of ten minutes");
	sim_run(&s, 6 * HOUR);
	is_int(sim_group(&s).expired, 0, "renewed for six hours");
	is_int(sim_group(&s).rekeys - rekeys, 0, "renewals cause no rekey");
	ok(sim_status(a).registrations >= 40 &&
		   sim_status(a).registrations <= 60,
	   "each 480 to 540 s: %ju", (uintmax_t)sim_status(a).registrations);
	ok(key_id(a, 0) != leaf, "each time with another leaf");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	is_int(sim_status(a).state, MEMBER_IN, "a is in after its renewals");
	/* The member that vanished does not renew. */
	sim_down(b);
	mock_kernel_reset(&b->mk);
	sim_run(&s, 610000);
	ok(!sim_has_member(&s, "b.example"), "a member that vanished is out");
	is_int(sim_audited(&s, "expire", "b.example", "membership-lifetime"), 1,
	       "the end of a member that vanished is on record with why");
	is_int(sim_group(&s).expired, 1, "renewal: the event is counted");
	is_int(sim_out_of_step(&s), 0, "the others are in step");
	sim_finish(&s, "renewal");
}

/* A member that asks again soon gets no other leaf, which a change would have to turn. */
static void test_asked_early(void)
{
	uint32_t leaf;

	sim_init_rare(&s, 25);
	s.cg.membership_lifetime = 600;
	up();
	leaf = key_id(a, 0);
	sim_run(&s, 60000);
	sim_down(a);
	sim_up(a);
	sim_run(&s, 10000);
	ok(sim_in(a), "asked early: a is in");
	is_int(key_id(a, 0), leaf, "asked early: the leaf has the same key");
	sim_run(&s, 160000);
	sim_down(a);
	sim_up(a);
	sim_run(&s, 10000);
	ok(key_id(a, 0) != leaf, "asked later: the leaf has another key");
	sim_finish(&s, "asked early");
}

/* The clock of the key server is set back by a day. */
static void test_clock(void)
{
	sim_init_rare(&s, 5);
	s.cg.membership_lifetime = 600;
	up();
	sim_down(b);
	s.wall0 -= 86400;
	sim_run(&s, 620000);
	ok(!sim_has_member(&s, "b.example"), "a clock set back adds nothing");
	is_int(sim_group(&s).expired, 1, "b's membership ended");
	ok(sim_in(a) && sim_in(tx), "the others go on");
	s.wall0 += 10 * 86400;
	sim_run(&s, 5000);
	is_int(sim_group(&s).expired, 1, "one set forward ends none");
	sim_finish(&s, "clock");
}

static void test_crowd(void)
{
	const unsigned int n = FULL_OR_FEW(200, 50);
	uint64_t rekeys, joins, registrations = 0;
	char name[32];
	int i;

	sim_init_rare(&s, 6);
	s.cg.membership_lifetime = 300;
	s.cg.max_members = 500;
	up();
	for (i = 0; i < (int)n; i++) {
		snprintf(name, sizeof(name), "m%d.example", i);
		sim_up(sim_add(&s, name, false, true));
	}
	if (!sim_settle(&s, 120000))
		bail("not settled");
	sim_run(&s, 30000);
	rekeys = sim_group(&s).rekeys;
	joins = sim_group(&s).joins;
	sim_stream(&s, tx, 100);
	s.loss = 10;
	s.burst_ms = 200;
	sim_run(&s, 1800000);
	s.loss = 0;
	sim_run(&s, 60000);
	for (i = 0; i < s.n; i++)
		registrations += sim_status(s.m[i]).registrations;
	is_int(sim_group(&s).expired, 0,
	       "%u members, 10 %% loss, half an hour: nobody ends", n);
	is_int(sim_group(&s).rekeys - rekeys, 0, "no rekey for renewals");
	is_int(sim_group(&s).joins - joins, 0, "nobody had to join again");
	is_int(sim_out_of_step(&s), 0, "renewals: all members are in step");
	is_int(sim_gaps(&s), 0, "no key was missing for a packet");
	ok(registrations < (n + 3) * 20, "%ju registrations", registrations);

	/*
	 * All but three vanish, and their memberships end in the
	 * same minute.
	 */
	rekeys = sim_group(&s).rekeys;
	for (i = 3; i < s.n; i++)
		sim_down(s.m[i]);
	sim_run(&s, 330000);
	is_int(sim_group(&s).members, 3, "all that vanished are out");
	is_int(sim_group(&s).expired, n, "%u memberships have ended", n);
	ok(sim_group(&s).rekeys - rekeys <= 80, "%ju rekeys for %u",
	   (uintmax_t)(sim_group(&s).rekeys - rekeys), n);
	is_int(sim_out_of_step(&s), 0, "the rest is in step");
	sim_finish(&s, "crowd");
}

/* ---- at one moment, and over a restart ---------------------------------- */

static void test_batch(void)
{
	uint64_t rekeys;
	char name[32];
	int i;

	sim_init_rare(&s, 7);
	up();
	s.cert_s = 600;
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "m%d.example", i);
		sim_add(&s, name, false, true);
	}
	s.cert_s = 0;
	for (i = 3; i < s.n; i++)
		sim_up(s.m[i]);
	if (!sim_settle(&s, 60000))
		bail("not settled");
	rekeys = sim_group(&s).rekeys;
	sim_run(&s, 600000);
	is_int(sim_group(&s).expired, 100, "100 certificates end at once");
	is_int(sim_group(&s).rekeys - rekeys, 1,
	       "100 certificates end by one rekey");
	is_int(a->gaps, 0, "a loses no packet");
	sim_finish(&s, "batch");
}

static void test_restart(void)
{
	int64_t left, now;

	sim_init_rare(&s, 8);
	s.cg.membership_lifetime = 3600;
	up();
	sim_run(&s, 600000);
	left = term_s(a);
	sim_gcks_down(&s);
	sim_run(&s, 60000);
	sim_gcks_up(&s);
	now = term_s(a);
	ok(left - now >= 59 && left - now <= 61,
	   "the end stays where it was: %jd, %jd s", (intmax_t)left,
	   (intmax_t)now);
	sim_down(b);
	sim_down(tx);
	sim_gcks_down(&s);
	sim_run(&s, 2 * HOUR);
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	ok(sim_has_member(&s, "b.example") && sim_has_member(&s, "s.example"),
	   "a member that could not renew while the key server was down gets time for it");
	is_int(sim_group(&s).expired, 0, "down: nobody has ended");
	sim_run(&s, 110000);
	ok(!sim_has_member(&s, "b.example") && !sim_has_member(&s, "s.example"),
	   "a member that does not use its time is out after two minutes");
	is_int(sim_group(&s).expired, 2, "down: both");
	is_int(sim_group(&s).rekeys, 1, "down: one rekey removes both");
	ok(sim_in(a), "a member that asked in its time is in");
	sim_finish(&s, "restart");
}

/* A certificate gets no time for that: it has ended. */
static void test_ended_while_down(void)
{
	sim_init_rare(&s, 23);
	up();
	s.cert_s = 600;
	c = sim_add(&s, "c.example", false, true);
	s.cert_s = 0;
	sim_up(c);
	sim_settle(&s, 10000);
	sim_down(c);
	sim_gcks_down(&s);
	sim_run(&s, 700000);
	sim_gcks_up(&s);
	sim_run(&s, 10000);
	ok(!sim_has_member(&s, "c.example"),
	   "a member whose certificate ended while the key server was down is out");
	is_int(sim_group(&s).expired, 1, "ended while down: one has ended");
	is_int(sim_group(&s).rekeys, 1, "ended while down: by one rekey");
	is_int(sim_audited(&s, "expire", "c.example", "certificate"), 1,
	       "ended while down: the audit trail has the end with why");
	is_int(sim_out_of_step(&s), 0, "ended while down: all are in step");
	sim_finish(&s, "ended while down");
}

/* No member is removed because the key server was down when it renewed. */
static void test_away(bool full)
{
	const char *what = full ? "disk full" : "away";
	char name[32];
	int i;

	sim_init_rare(&s, full ? 21 : 20);
	s.cg.membership_lifetime = 600;
	s.cg.max_members = 100;
	up();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "m%d.example", i);
		sim_up(sim_add(&s, name, false, true));
	}
	if (!sim_settle(&s, 60000))
		bail("not settled");
	sim_stream(&s, tx, 100);
	sim_run(&s, 400000);
	if (full)
		s.store_errno = -ENOSPC;
	else
		sim_gcks_down(&s);
	sim_run(&s, 400000);
	s.store_errno = 0;
	if (!full)
		sim_gcks_up(&s);
	sim_run(&s, 200000);
	is_int(sim_group(&s).expired, 0, "%s while all renew: nobody ends",
	       what);
	is_int(sim_group(&s).members, 23, "%s: all are members", what);
	is_int(sim_out_of_step(&s), 0, "%s: in step", what);
	is_int(sim_gaps(&s), 0, "%s: no key was missing for a packet", what);
	sim_finish(&s, what);
}

/* The answer with the new leaf key may be in flight, or lost. */
static void test_turn_waits(void)
{
	uint32_t leaf, above;
	unsigned int i;

	sim_init_rare(&s, 22);
	s.cg.membership_lifetime = 600;
	up();
	leaf = key_id(a, 0);
	for (i = 0; i < 600 && key_id(a, 0) == leaf; i++)
		sim_run(&s, 1000);
	above = key_id(a, 1);
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 1000);
	is_int(key_id(a, 1), above,
	       "a rekey right after a renewal does not need its answer");
	sim_run(&s, 40000);
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 1000);
	ok(key_id(a, 1) != above, "the next one replaces the keys above it");
	is_int(sim_out_of_step(&s), 0, "renewed: in step");
	sim_finish(&s, "turn waits");
}

/* The record of an earlier release without an end time. */
static void test_old_store(void)
{
	char key[STORE_KEY_MAX];
	struct wbuf in, out;

	sim_init_rare(&s, 9);
	s.cg.membership_lifetime = 3600;
	up();
	sim_down(b);
	sim_gcks_down(&s);
	s.crashed = false;
	sim_store_up(&s);
	store_key(key, "g", "video", "m", "b.example", NULL);
	wbuf_init(&in, STORE_VALUE_MAX);
	wbuf_init(&out, STORE_VALUE_MAX);
	if (store_get(s.store, key, &in) || in.len != 72)
		bail("a record of %zu octets", in.len);
	wbuf_u8(&out, 1);
	/* The record up to the Sender-IDs. */
	wbuf_put(&out, in.p + 1, 33);
	if (store_begin(s.store) || store_put(s.store, key, out.p, out.len) ||
	    store_commit(s.store))
		bail("store");
	wbuf_free(&in);
	wbuf_free(&out);
	store_close(s.store);
	store_close(s.witness);
	sim_gcks_up(&s);
	ok(sim_has_member(&s, "b.example"), "an old record is understood");
	ok(term_s(b) > 3590 && term_s(b) <= 3600,
	   "the membership of an old record lasts from now on: %jd s",
	   (intmax_t)term_s(b));
	sim_run(&s, HOUR + 10000);
	ok(!sim_has_member(&s, "b.example"),
	   "the membership of an old record ends");
	sim_finish(&s, "old store");
}

/* ---- a renewal whose answer is lost ------------------------------------- */

static void test_lost_answer(void)
{
	uint64_t joins;

	sim_init_rare(&s, 10);
	s.cg.membership_lifetime = 600;
	up();
	joins = sim_group(&s).joins;
	/* The member a is cut off while it renews, and keeps asking. */
	sim_run(&s, 470000);
	a->offline = true;
	sim_run(&s, 60000);
	a->offline = false;
	sim_run(&s, 30000);
	ok(sim_in(a), "a was off the network when it had to renew");
	is_int(sim_group(&s).expired, 0, "a renewed in time");
	/*
	 * The outage is too long: the membership ends, and the member joins
	 * again.
	 */
	sim_run(&s, 400000);
	a->offline = true;
	sim_run(&s, 400000);
	ok(!sim_has_member(&s, "a.example"),
	   "a member that is off for too long is out");
	ok(!sim_in(a), "a member that is out does not say that it is in");
	a->offline = false;
	sim_run(&s, 90000);
	ok(sim_in(a), "a member that is out comes back by itself");
	is_int(sim_group(&s).joins - joins, 1,
	       "a member that comes back is one that joins");
	is_int(sim_out_of_step(&s), 0, "lost answer: all are in step");
	sim_finish(&s, "lost answer");
}

/* ---- renewed leaves among other changes --------------------------------- */

static void test_churn(void)
{
	struct sim_member *c;
	uint32_t leaf, above;
	unsigned int i;

	sim_init_rare(&s, 11);
	s.cg.rekey_interval = 600;
	s.cg.lifetime = 1300;
	s.cg.kek_lifetime = 1300;
	s.cg.membership_lifetime = 3600;
	up();
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_run(&s, 20000);
	leaf = key_id(a, 0);
	above = key_id(a, 1);
	/* Each change postpones the periodic rekey. */
	for (i = 0; i < 24; i++) {
		sim_run(&s, 290000);
		if (i % 2)
			member_join(c->m, "video");
		else
			member_leave(c->m, "video");
		sim_run(&s, 10000);
	}
	ok(key_id(a, 0) != leaf, "churn: the leaf was renewed");
	ok(key_id(a, 1) != above, "churn: the key above the leaf was renewed");
	is_int(group()->n_renewed, 0, "churn: no renewed leaf waits");
	is_int(sim_out_of_step(&s), 0, "churn: in step");
	sim_finish(&s, "churn");
}

/* The first registration of a sender after a restart needs a change of keys. */
static void test_sender_after_restart(void)
{
	uint32_t leaf;

	sim_init_rare(&s, 12);
	s.cg.membership_lifetime = 3600;
	up();
	leaf = key_id(tx, 0);
	sim_run(&s, 2000000);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 1300000);
	ok(key_id(tx, 0) != leaf,
	   "restart: a sender that renews has a new leaf");
	ok(sim_has_member(&s, "s.example"), "restart: the sender is a member");
	sim_run(&s, 3000000);
	ok(sim_in(tx), "restart: the sender stays a member");
	is_int(sim_out_of_step(&s), 0, "restart: in step");
	sim_finish(&s, "sender after restart");
}

int main(void)
{
	RUN(test_churn);
	RUN(test_sender_after_restart);
	RUN(test_away, false);
	RUN(test_away, true);
	RUN(test_turn_waits);
	RUN(test_certificate);
	RUN(test_end_of_leaver);
	RUN(test_new_certificate);
	RUN(test_old_sa);
	RUN(test_renewal);
	RUN(test_asked_early);
	RUN(test_clock);
	RUN(test_crowd);
	RUN(test_batch);
	RUN(test_restart);
	RUN(test_ended_while_down);
	RUN(test_old_store);
	RUN(test_lost_answer);
	return done();
}
