// SPDX-License-Identifier: Apache-2.0
/*
 * A slow store: what waits for it, and in which order. Nothing is sent or
 * answered before the store has the change, and at each step the key server may
 * die or the store may fail.
 */
#include <errno.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/waiting.h"
#include "group_sim.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "wire/proto.h"
#include "tap.h"

#define STORE_MS 400

static struct sim s;
static struct sim_member *tx, *a, *b;

static void usual(uint64_t seed, unsigned int store_ms)
{
	struct sim_three three;

	sim_init(&s, seed);
	s.store_ms = 5;
	three = sim_start_three(&s, true, 20000, 20);
	tx = three.tx;
	a = three.a;
	b = three.b;
	sim_run(&s, 1000);
	s.store_ms = store_ms;
}

struct answer {
	unsigned int n;
	int ret;
	uint64_t at_ms;
	char why[256];
};

static void take(void *arg, int ret, uint32_t effective_ms, const char *why)
{
	struct answer *w = arg;

	(void)effective_ms;
	w->n++;
	w->ret = ret;
	w->at_ms = s.ms;
	snprintf(w->why, sizeof(w->why), "%s", why);
}

/* ---- waiting ------------------------------------------------------------- */

static void test_waits(void)
{
	struct answer evict = { 0 }, rekey = { 0 }, admit = { 0 };
	struct sim_member *c;
	unsigned int wire;
	uint64_t start;
	uint32_t spi;

	usual(1, STORE_MS);
	spi = sim_group(&s).data_spi;
	wire = s.n_wire;
	start = s.ms;
	gcks_rekey(s.gcks, "video", take, &rekey);
	gcks_evict(s.gcks, "video", "b.example", take, &evict);
	gcks_admit(s.gcks, "video", "b.example", take, &admit);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	ok(sim_group(&s).in_flight, "a rekey is in flight");
	sim_run(&s, 2 * STORE_MS - 10);
	is_int(s.n_wire, wire, "no rekey is sent before the store has it");
	sim_run(&s, 2 * STORE_MS + 20);
	is_int(rekey.n, 1, "the rekey is answered");
	is_int(rekey.at_ms - start, 4 * STORE_MS,
	       "when store and witness have it");
	ok(sim_group(&s).data_spi != spi, "keys are new then");
	is_int(evict.n, 0, "the eviction behind it waits");
	sim_run(&s, 4 * STORE_MS);
	is_int(evict.n, 1, "the eviction is answered");
	is_int(evict.ret, 0, "the eviction is done");
	is_int(admit.n, 0, "the admission behind it waits");
	is_int(sim_reads_after(&s, b, s.ms + 60000), 0,
	       "the evicted member has no key that is used later");
	sim_run(&s, 4 * STORE_MS + 10);
	is_int(admit.n, 1, "the admission is answered");
	is_int(admit.ret, 0, "the admission is done");
	ok(sim_settle(&s, 60000), "the joiner that waited is in, too");
	sim_run(&s, 60000);
	ok(sim_has_member(&s, "c.example"), "the roster has the joiner");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	is_int(s.iv_repeats, 0, "no IV was used twice");
	is_int(a->gaps, 0, "the member that stayed has lost nothing");
	sim_free(&s);
}

/* A request that was allowed when it came is judged again when its turn comes. */
static void test_barred_meanwhile(void)
{
	struct answer rekey = { 0 }, evict = { 0 };

	usual(12, STORE_MS);
	gcks_rekey(s.gcks, "video", take, &rekey);
	gcks_evict(s.gcks, "video", "b.example", take, &evict);
	sim_down(b);
	b->notify = 0;
	sim_up(b);
	sim_run(&s, 3 * STORE_MS);
	is_int(sim_group(&s).pending, 1, "b's request waits");
	is_int(sim_group(&s).refused, 0, "nobody was refused yet");
	sim_run(&s, 6 * STORE_MS);
	is_int(evict.n, 1, "b is evicted before its turn");
	is_int(sim_group(&s).pending, 0, "b's request is judged");
	is_int(b->notify, GIKE_N_AUTHORIZATION_FAILED,
	       "a member evicted while its request waits is refused, and told");
	is_int(sim_group(&s).refused, 1, "b's refusal is counted");
	ok(!sim_in(b) && !sim_has_member(&s, "b.example"), "b is not in");
	sim_free(&s);
}

/* Members that ask again while a change is in flight share one transaction. */
static void test_again(void)
{
	struct answer rekey = { 0 };
	struct sim_member *m[20];
	unsigned int changes;
	char name[32];
	uint32_t spi;
	size_t i;

	usual(2, 5);
	for (i = 0; i < ARRAY_SIZE(m); i++) {
		snprintf(name, sizeof(name), "m%zu.example", i);
		m[i] = sim_add(&s, name, false, true);
		sim_up(m[i]);
	}
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 30000);
	s.store_ms = STORE_MS;
	gcks_rekey(s.gcks, "video", take, &rekey);
	for (i = 0; i < ARRAY_SIZE(m); i++) {
		sim_down(m[i]);
		sim_up(m[i]);
	}
	sim_run(&s, 4 * STORE_MS - 20);
	is_int(rekey.n, 0, "a rekey is in flight");
	is_int(sim_group(&s).pending, ARRAY_SIZE(m),
	       "members that register again meanwhile wait");
	changes = s.changes;
	sim_run(&s, 40);
	is_int(rekey.n, 1, "the rekey is done");
	spi = sim_group(&s).data_spi;
	is_int(sim_group(&s).pending, 0, "nobody waits to be judged");
	sim_run(&s, 4 * STORE_MS);
	ok(sim_settle(&s, 20000), "all are in again");
	ok(s.changes - changes <= 2, "by %u transactions for %zu members",
	   s.changes - changes, ARRAY_SIZE(m));
	is_int(sim_group(&s).data_spi, spi,
	       "registering again changes no keys");
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0,
	       "members that registered again are in step");
	is_int(s.iv_repeats, 0, "no IV was used twice");
	sim_free(&s);
}

/* ---- a store that fails -------------------------------------------------- */

static void test_fails(void)
{
	struct answer evict = { 0 }, rekey = { 0 };
	struct gcks_group_status before, after;
	struct sim_member *c;
	unsigned int wire;

	usual(3, STORE_MS);
	before = sim_group(&s);
	wire = s.n_wire;
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_run(&s, 100);
	ok(sim_group(&s).in_flight, "a join is in flight");
	gcks_evict(s.gcks, "video", "b.example", take, &evict);
	gcks_rekey(s.gcks, "video", take, &rekey);
	s.store_errno = -ENOSPC;
	sim_run(&s, 6 * STORE_MS);
	is_int(evict.n, 1, "the eviction is answered");
	is_int(evict.ret, -ENOSPC, "the eviction has the store's error");
	ok(strstr(evict.why, "not evicted"), "the eviction's answer has words");
	is_int(rekey.n, 1, "the rekey behind it is answered");
	is_int(rekey.ret, -ENOSPC, "the rekey has the same error");
	is_int(c->notify, GIKE_N_REGISTRATION_FAILED, "the joiner is refused");
	after = sim_group(&s);
	ok(after.data_spi == before.data_spi &&
		   after.members == before.members &&
		   after.denied == before.denied,
	   "nothing has changed");
	is_int(s.n_wire, wire, "nothing was sent");
	is_int(after.store_errors - before.store_errors, 3,
	       "each change that fails is counted");
	ok(after.store_failed, "the last change has failed");
	is_int(sim_log_count(&s, "store read again"), 0,
	       "a store that has changed nothing is not read again");
	s.store_errno = 0;
	sim_run(&s, 120000);
	ok(sim_settle(&s, 60000), "when the store is well again all are in");
	ok(!sim_group(&s).store_failed, "the last change has not failed");
	is_int(sim_out_of_step(&s), 0, "all are in step then");
	is_int(s.iv_repeats, 0, "no IV was used twice");
	is_int(sim_gaps(&s), 0, "nobody has lost anything");
	sim_free(&s);
}

/*
 * Another server changes the group in the same store, with the policy @conf. It is
 * gone when its change is done: two at a time are kept apart by others than us.
 */
static void other_server(const struct conf_gcks *conf)
{
	const struct gcks_deps deps = {
		.clock = &s.clock,
		.tq = &s.tq,
		.store = s.store,
		.witness = s.witness,
		.send_rekey = sim_send_rekey,
		.ctx = &s,
	};
	struct answer reload = { 0 }, rekey = { 0 };
	struct gcks *k;
	struct err err;

	if (gcks_new(conf, &deps, &k, &err))
		bail("another server: %s", err.text);
	gcks_reload(k, conf, take, &reload);
	gcks_rekey(k, "video", take, &rekey);
	/* The next beat of the other key server comes later. */
	sim_run(&s, 1000);
	if (reload.n != 1 || reload.ret || rekey.n != 1 || rekey.ret)
		bail("another server: %s%s", reload.why, rekey.why);
	gcks_free(k);
}

static void test_stale(void)
{
	struct answer evict = { 0 }, again = { 0 }, rekey = { 0 };
	struct store_expect e = { .key = "g/video" };
	struct gcks_group_status before;
	struct sim_member *c;
	uint64_t version;

	usual(4, 5);
	if (store_version(s.store, e.key, &version) || !version)
		bail("the group has no version");
	e.from = version + 1;
	e.to = version + 2;
	if (store_txn_begin(s.store))
		bail("no memory");
	is_int(store_submit_wait(s.store, &e, NULL), -ESTALE,
	       "a version that the store has not is refused");
	before = sim_group(&s);
	s.cg.max_members = 77;
	other_server(&s.conf);
	is_int(sim_group(&s).data_spi, before.data_spi,
	       "a change of another server is not known yet");

	gcks_evict(s.gcks, "video", "b.example", take, &evict);
	gcks_rekey(s.gcks, "video", take, &rekey);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_run(&s, 200);
	is_int(evict.ret, -ESTALE,
	       "an eviction from an old version is refused");
	ok(sim_has_member(&s, "b.example"), "the member that was to go is in");
	is_int(sim_log_count(&s, "store read again"), 1,
	       "the group is read again, once");
	is_int(sim_group(&s).conf->max_members, 77,
	       "the policy is what the other server has made of it");
	sim_run(&s, 10000);
	is_int(rekey.n, 1, "a rekey that waited is answered");
	is_int(rekey.ret, 0, "a rekey that waited is done");
	ok(sim_in(c) && sim_has_member(&s, "c.example"),
	   "a member that waited comes in");

	gcks_evict(s.gcks, "video", "b.example", take, &again);
	sim_run(&s, 3000);
	is_int(again.ret, 0, "the eviction is done the second time");
	is_int(sim_reads_after(&s, b, s.ms), 0,
	       "the evicted member has no key of later");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 1, "all but the evicted are in step");
	is_int(sim_log_count(&s, "store read again"), 1,
	       "the group was read again once in all");
	is_int(a->gaps, 0, "a member that stays has lost nothing");
	is_int(s.n_unsent, 0, "the sender could always send");
	is_int(s.iv_repeats, 0, "no IV was used twice");
	is_int(mock_iv_clashes, 0, "no Sender-ID came twice");
	sim_free(&s);
}

/* ---- what a group keeps that is read again --------------------------------- */

static struct gmember *member_of(const char *identity)
{
	struct gmember *m = gmc_find(TAILQ_FIRST(&s.gcks->groups), identity);

	if (!m)
		bail("%s is no member", identity);
	return m;
}

/* Another server changes the keys, which this one learns by a change of its own. */
static void read_again(void)
{
	struct gcks_deps deps = s.gcks->deps;
	struct answer theirs = { 0 }, ours = { 0 };
	struct gcks *k;
	struct err err;

	if (gcks_new(&s.conf, &deps, &k, &err))
		bail("another server: %s", err.text);
	gcks_rekey(k, "video", take, &theirs);
	gcks_rekey(s.gcks, "video", take, &ours);
	sim_run(&s, 1);
	gcks_free(k);
	is_int(theirs.ret, 0, "another server changes the keys");
	is_int(ours.ret, -ESTALE, "a change from the former keys is refused");
	is_int(sim_log_count(&s, "store read again"), 1, "the group is read");
}

/* A newcomer that was put off because the Data SA was in use gets another one. */
static void test_carried_too_late(void)
{
	usual(79, 0);
	member_of("a.example")->late = true;
	read_again();
	is_int(member_of("a.example")->late, 1,
	       "a member that came too late for the Data SA still did");
	is_int(member_of("b.example")->late, 0, "others did not");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0,
	       "all are in step after the store was read");
	sim_free(&s);
}

/*
 * A sender that was told to wait has been granted its keys, whatever the pace is by
 * then.
 */
static void test_carried_grant(void)
{
	struct mgroup *g;
	unsigned int i;
	struct err err;

	usual(80, 0);
	g = TAILQ_FIRST(&tx->m->groups);
	for (i = 0; i < 5; i++) {
		sim_run(&s, 1500u << i);
		register_now(g);
	}
	sim_run(&s, 40000);
	is_int(sim_rekey(s.gcks, "video", &err), 0, "keys change");
	sim_run(&s, 1000);
	g->used_up = true;
	register_now(g);
	sim_run(&s, 200);
	ok(g->put_off, "a sender without keys is put off");
	for (i = 0; i < 10000 && !member_of("s.example")->keys_pending; i++)
		sim_run(&s, 1);
	read_again();
	/* Sender-IDs come with a Data SA of this key server. */
	sim_run(&s, 10000);
	ok(sim_in(tx) && !g->put_off, "a sender that was put off has its keys");
	is_int(sim_log_count(&s, "registration refused"), 0,
	       "a sender that was put off is not refused");
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "a sender that was put off is in step");
	is_int(mock_iv_clashes, 0,
	       "a sender that was put off: no Sender-ID came twice");
	sim_free(&s);
}

/* A host that was replaced is no member again because the group is read. */
static void test_carried_place(void)
{
	struct sim_member *twin;
	uint64_t left_ms;
	unsigned int i;

	sim_init(&s, 81);
	s.cg.one_place = ONE_PLACE_REPLACE;
	sim_start_three(&s, true, 20000, 0);
	/* Two servers change the keys within a millisecond, see read_again(). */
	s.store_ms = 0;
	a = s.m[1];
	twin = sim_add(&s, "a.example", false, true);
	/* Each join makes the next leave wait longer. */
	for (i = 0; i < 3; i++) {
		member_leave(a->m, "video");
		sim_run(&s, 9000);
		member_join(a->m, "video");
		sim_run(&s, 7000);
	}
	ok(sim_in(a), "a is in");
	sim_up(twin);
	sim_run(&s, 1000);
	ok(member_of("a.example")->replaced,
	   "another host takes the place of a");
	left_ms = member_of("a.example")->more->leave_ms;
	ok(left_ms > s.ms + 2000, "the leave of a waits");
	read_again();
	ok(member_of("a.example")->more->leaving, "the leave of a waits on");
	is_int(member_of("a.example")->more->leave_ms - left_ms, 0,
	       "the leave of a waits for as long as before");
	a->notify = 0;
	register_now(TAILQ_FIRST(&a->m->groups));
	sim_run(&s, 200);
	is_int(a->notify, GIKE_N_REGISTRATION_FAILED,
	       "the host that was replaced is refused");
	sim_down(a);
	sim_run(&s, 30000);
	ok(sim_in(twin), "the other host is in");
	is_int(sim_audited(&s, "replace", "a.example", "another address"), 1,
	       "the audit trail has that it took the place");
	sim_free(&s);
}

static int take_late(void *arg, const struct gcks_member_status *st)
{
	if (!strcmp(st->identity, "s2.example"))
		*(uint64_t *)arg = st->late_ms;
	return 0;
}

/* A sender that another server has let in had no time to report to this one. */
static void test_carried_late(void)
{
	struct gcks_deps deps;
	struct answer rekey = { 0 };
	struct gcks *ours, *theirs;
	uint64_t late_ms = UINT64_MAX;
	struct sim_member *s2;
	unsigned int i;
	struct err err;

	usual(82, 0);
	for (i = 0; i < 3; i++) {
		is_int(sim_rekey(s.gcks, "video", &err), 0, "keys change");
		sim_run(&s, 30000);
	}
	ours = s.gcks;
	deps = ours->deps;
	if (gcks_new(&s.conf, &deps, &theirs, &err))
		bail("another server: %s", err.text);
	gcks_set_engine(theirs, s.engine);
	s.gcks = theirs;
	s2 = sim_add(&s, "s2.example", true, true);
	sim_up(s2);
	sim_run(&s, 5000);
	ok(sim_has_member(&s, "s2.example"), "another server lets a sender in");
	sim_down(s2);
	s.gcks = ours;
	gcks_free(theirs);
	gcks_rekey(s.gcks, "video", take, &rekey);
	sim_run(&s, 100);
	is_int(rekey.ret, -ESTALE, "a change from the former keys is refused");
	gcks_each_member(s.gcks, "video", take_late, &late_ms);
	ok(late_ms > 0 && late_ms <= 100,
	   "a sender that is new is late for %llu ms",
	   (unsigned long long)late_ms);
	sim_free(&s);
}

/* ---- a store that has what it says to have refused ------------------------ */

enum lie {
	LIE_REKEY,
	LIE_EVICT,
	LIE_AHEAD,
	LIE_JOIN,
	LIE_AGAIN,
	LIE_POLICY,
	LIE_RESET,
};

static const char *const lie_names[] = {
	[LIE_REKEY] = "rekey",	[LIE_EVICT] = "eviction",
	[LIE_AHEAD] = "denial", [LIE_JOIN] = "join",
	[LIE_AGAIN] = "again",	[LIE_POLICY] = "policy",
	[LIE_RESET] = "reset",
};

static void lie_begins(enum lie l, struct answer *w)
{
	struct sim_member *c;

	switch (l) {
	case LIE_REKEY:
		gcks_rekey(s.gcks, "video", take, w);
		break;
	case LIE_EVICT:
		gcks_evict(s.gcks, "video", "b.example", take, w);
		break;
	case LIE_AHEAD:
		gcks_evict_ahead(s.gcks, "video", "z.example", take, w);
		break;
	case LIE_JOIN:
		c = sim_add(&s, "c.example", false, true);
		sim_up(c);
		break;
	case LIE_AGAIN:
		sim_down(tx);
		sim_up(tx);
		break;
	case LIE_POLICY:
		s.cg.max_members = 99;
		gcks_reload(s.gcks, &s.conf, take, w);
		break;
	case LIE_RESET:
		gcks_reset(s.gcks, "video", take, w);
		break;
	}
}

static void test_lies(enum lie l, unsigned int store_ms)
{
	struct answer w = { 0 }, rekey = { 0 };
	const char *name = lie_names[l];
	uint64_t back_ms;

	usual(60 + l, store_ms);
	s.store_lies = 1;
	lie_begins(l, &w);
	sim_run(&s, 5000);
	is_int(s.store_lies, 0, "%s: the store has lied", name);
	if (l != LIE_JOIN && l != LIE_AGAIN)
		is_int(w.ret, -EIO, "%s: the order is answered with the error",
		       name);
	is_int(sim_log_count(&s, "store read again"), 1,
	       "%s: the group is read again at once", name);
	sim_run(&s, 60000);
	back_ms = s.ms;
	gcks_rekey(s.gcks, "video", take, &rekey);
	sim_run(&s, 20000);
	is_int(rekey.ret, 0, "%s: the next change is made", name);
	is_int(sim_out_of_step(&s), l == LIE_EVICT, "%s: members are in step",
	       name);
	if (l == LIE_EVICT)
		ok(!sim_has_member(&s, "b.example") &&
			   !sim_reads_after(&s, b, back_ms),
		   "%s: who is out in the store is out", name);
	if (l == LIE_AHEAD)
		is_int(sim_group(&s).denied, 1, "%s: the store's denial counts",
		       name);
	if (l == LIE_POLICY)
		is_int(sim_group(&s).conf->max_members, 99,
		       "%s: the store's policy counts", name);
	is_int(a->gaps, 0, "%s: a member that stays loses nothing", name);
	is_int(s.iv_repeats, 0, "%s: no IV was used twice", name);
	is_int(mock_iv_clashes, 0, "%s: no Sender-ID came twice", name);
	sim_free(&s);
}

/* ---- orders to a group that is about to end ------------------------------- */

static void test_evicted_at_the_end(unsigned int store_ms)
{
	struct answer close = { 0 }, evict = { 0 }, ahead = { 0 };
	struct answer rekey = { 0 }, early = { 0 }, back = { 0 };
	struct conf_gcks none;

	usual(70, store_ms);
	none = s.conf;
	none.n_groups = 0;
	gcks_reload(s.gcks, &none, take, &close);
	gcks_rekey(s.gcks, "video", take, &rekey);
	gcks_evict(s.gcks, "video", "b.example", take, &evict);
	gcks_evict_ahead(s.gcks, "video", "z.example", take, &ahead);
	is_int(evict.n, 0, "the eviction waits for the end of the group");
	while (!close.n)
		sim_run(&s, 1);
	is_int(close.ret, 0, "the group is removed");
	gcks_reload(s.gcks, &s.conf, take, &early);
	is_int(early.ret, -EBUSY,
	       "the group does not come back before its evictions are written");
	ok(strstr(early.why, "try again"), "the refusal says what helps: %s",
	   early.why);
	sim_run(&s, 20 * store_ms);
	is_int(evict.ret, 0, "the eviction is done nevertheless");
	is_int(ahead.ret, 0, "the denial is done, too");
	is_int(rekey.ret, -ECANCELED, "a rekey of the group is given up");
	is_int(evict.n + ahead.n + rekey.n, 3, "each is answered once");
	sim_run(&s, 30000);
	gcks_reload(s.gcks, &s.conf, take, &back);
	sim_run(&s, 120000);
	is_int(back.ret, 0, "the group is back");
	is_int(sim_group(&s).denied, 2, "both are denied");
	ok(sim_in(a) && sim_in(tx), "the other members are back");
	ok(!sim_has_member(&s, "b.example"), "the evicted one is not");
	is_int(b->notify, GIKE_N_AUTHORIZATION_FAILED,
	       "the evicted one is refused");
	is_int(s.iv_repeats, 0, "no IV was used twice");
	sim_free(&s);
}

/* ---- the end, and deaths -------------------------------------------------- */

static void test_ends(void)
{
	struct answer evict = { 0 }, rekey = { 0 };

	usual(5, STORE_MS);
	gcks_evict(s.gcks, "video", "b.example", take, &evict);
	gcks_rekey(s.gcks, NULL, take, &rekey);
	sim_run(&s, STORE_MS / 2);
	sim_gcks_down(&s);
	is_int(evict.n, 1, "an order in flight is answered at the end");
	is_int(evict.ret, -ECANCELED, "an order in flight is given up");
	is_int(rekey.n, 1, "one that waits is answered");
	is_int(rekey.ret, -ECANCELED, "one that waits is given up");
	ok(!sim_logged(&s, "group change failed"),
	   "no change is logged that was given up");
	sim_free(&s);
}

/* The store goes on, and completes what a key server began that has gone. */
static void test_ends_before_store(void)
{
	struct gcks_deps deps = {
		.clock = &s.clock,
		.tq = &s.tq,
		.send_rekey = sim_send_rekey,
		.ctx = &s,
	};
	struct answer rekey = { 0 };
	struct gcks *k;
	struct err err;

	usual(6, 5);
	deps.store = s.store;
	deps.witness = s.witness;
	if (gcks_new(&s.conf, &deps, &k, &err))
		bail("another server: %s", err.text);
	s.store_ms = STORE_MS;
	gcks_rekey(k, "video", take, &rekey);
	sim_run(&s, STORE_MS / 2);
	gcks_free(k);
	is_int(rekey.n, 1, "an order is answered when its key server goes");
	is_int(rekey.ret, -ECANCELED, "the order is given up");
	s.store_ms = 5;
	sim_run(&s, 5 * STORE_MS);
	is_int(rekey.n, 1, "the store tells nobody of what it has written");
	sim_free(&s);
}

static const char *const step_names[] = {
	[SIM_BEFORE_COMMIT] = "before the write",
	[SIM_AFTER_COMMIT] = "after the write, before the completion",
	[SIM_AFTER_COMPLETION] = "after the completion",
	[SIM_AT_SEND] = "at a datagram",
};

/*
 * Members come, go and are evicted while the key server dies at the @n-th such
 * step, and restarts two seconds later. Returns true if it died.
 */
static bool die_once(enum sim_crash step, unsigned int n, unsigned int *bad)
{
	struct answer evict = { 0 }, rekey = { 0 };
	struct sim_member *c;
	uint64_t back_ms;
	bool died;

	usual(100 * step + n, 30);
	s.crash = step;
	s.crash_in = n;
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	gcks_evict(s.gcks, "video", "b.example", take, &evict);
	member_leave(a->m, "video");
	sim_run(&s, 6000);
	if (!s.crashed) {
		sim_up(sim_add(&s, "d.example", false, true));
		sim_run(&s, 8000);
	}
	if (!s.crashed) {
		gcks_rekey(s.gcks, "video", take, &rekey);
		sim_run(&s, 4000);
	}
	died = s.crashed;
	/* The check is before the teardown, which answers pending requests. */
	evict.n = evict.n && !evict.ret;
	if (died) {
		bool told = evict.n;

		sim_gcks_down(&s);
		evict.n = told;
		sim_run(&s, 2000);
		sim_gcks_up(&s);
	}
	s.crash = SIM_NO_CRASH;
	member_join(a->m, "video");
	sim_run(&s, 120000);
	back_ms = s.ms;
	if (evict.n && (sim_has_member(&s, "b.example") ||
			sim_reads_after(&s, b, back_ms)))
		*bad |= 1;
	if (sim_out_of_step(&s) != (sim_has_member(&s, "b.example") ? 0u : 1u))
		*bad |= 2;
	if (!sim_in(a) || !sim_in(c) || !sim_in(tx))
		*bad |= 4;
	if (s.iv_repeats)
		*bad |= 8;
	if (s.n_unsent)
		*bad |= 16;
	if (*bad)
		printf("# step %d, number %u: %x\n", step, n, *bad);
	sim_free(&s);
	return died;
}

static void test_deaths(enum sim_crash step)
{
	unsigned int n, bad = 0;

	for (n = 0; n < 60 && die_once(step, n, &bad); n++)
		;
	ok(n >= 4, "the key server died %s, %u times", step_names[step], n);
	is_int(bad & 1, 0,
	       "a member that was put out and said to be stays out");
	is_int(bad & 2, 0, "the others come in step");
	is_int(bad & 4, 0, "the others are in");
	is_int(bad & 8, 0, "no IV was used twice");
	is_int(bad & 16, 0, "the sender could always send");
}

/* A change that takes the place of the batch that a leaver waits for. */
enum instead {
	INSTEAD_EVICTION, /* the leaver's, which waited */
	INSTEAD_RESET, /* the same, when Message IDs are used up */
	INSTEAD_NOTHING, /* nobody is to be excluded */
};

static const char *const instead_names[] = {
	"an eviction takes its place",
	"a reset takes its place",
	"an exclusion of nobody takes its place",
};

/*
 * A member leaves while something is being stored, and the batch that would answer it is
 * another change. That it is no leaver any more then is no reason to keep it waiting.
 */
static void test_leaver(enum instead how)
{
	struct answer c = { 0 }, out = { 0 }, z = { 0 };
	const char *what = instead_names[how];
	struct group *g;

	usual(13 + how, 5);
	sim_up(sim_add(&s, "c.example", false, true));
	sim_run(&s, 20000);
	g = TAILQ_FIRST(&s.gcks->groups);
	if (how != INSTEAD_NOTHING) {
		gcks_evict(s.gcks, "video", "c.example", take, &c);
		gcks_evict(s.gcks, "video", "b.example", take, &out);
		sim_run(&s, 100);
		ok(out.n == 1 && !out.ret && sim_has_member(&s, "b.example"),
		   "%s: b's eviction waits", what);
		sim_run(&s, pace_exclude_ms(g) - 20);
	}
	if (how == INSTEAD_RESET) {
		g->rs.next_mid = UINT32_MAX;
		g->rs.spent = true;
	}
	s.store_ms = 50;
	gcks_evict_ahead(s.gcks, "video", "z.example", take, &z);
	if (how == INSTEAD_NOTHING)
		waiting_request_exclude(g);
	member_leave(b->m, "video");
	sim_run(&s, 10);
	ok(!z.n && !TAILQ_EMPTY(&g->leavers), "%s: the leaver waits", what);
	if (how == INSTEAD_NOTHING)
		/* Another host of the identity is there by then. */
		sim_up(sim_add(&s, "b.example", false, true));
	sim_run(&s, 190);
	s.store_ms = 5;
	/* A member waits for 5 s. */
	sim_run(&s, 4500);
	is_int(z.n, 1, "%s: what was being stored is stored", what);
	ok(TAILQ_EMPTY(&g->leavers), "%s: the leaver is answered", what);
	is_int(sim_has_member(&s, "b.example"), how == INSTEAD_NOTHING,
	       "%s: b is as it should be", what);
	is_int(g->restarts, how == INSTEAD_RESET,
	       "%s: the group starts anew if it has to", what);
	is_int(g->leaves, 0, "%s: nobody left by the batch", what);
	sim_free(&s);
}

int main(void)
{
	RUN(test_waits);
	RUN(test_barred_meanwhile);
	RUN(test_again);
	RUN(test_fails);
	RUN(test_stale);
	RUN(test_carried_too_late);
	RUN(test_carried_grant);
	RUN(test_carried_place);
	RUN(test_carried_late);
	RUN(test_lies, LIE_REKEY, 0);
	RUN(test_lies, LIE_REKEY, 20);
	RUN(test_lies, LIE_EVICT, 20);
	RUN(test_lies, LIE_AHEAD, 20);
	RUN(test_lies, LIE_JOIN, 20);
	RUN(test_lies, LIE_AGAIN, 20);
	RUN(test_lies, LIE_POLICY, 20);
	RUN(test_lies, LIE_RESET, 20);
	RUN(test_evicted_at_the_end, STORE_MS);
	RUN(test_leaver, INSTEAD_EVICTION);
	RUN(test_leaver, INSTEAD_RESET);
	RUN(test_leaver, INSTEAD_NOTHING);
	RUN(test_ends);
	RUN(test_ends_before_store);
	RUN(test_deaths, SIM_BEFORE_COMMIT);
	RUN(test_deaths, SIM_AFTER_COMMIT);
	RUN(test_deaths, SIM_AFTER_COMPLETION);
	RUN(test_deaths, SIM_AT_SEND);
	return done();
}
