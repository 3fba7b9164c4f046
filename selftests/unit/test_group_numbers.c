// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers near their ends: Message IDs, Key IDs, versions. What is used up is
 * replaced in time, or the group starts anew; nothing begins again at 0 under one
 * key, and nothing is taken for older than it is.
 */
#include <errno.h>

#include "gcks/gkm.h"
#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/group_key.h"
#include "gcks/mids.h"
#include "gcks/schedule.h"
#include "group_sim.h"
#include "ike/sa.h"
#include "lib/util.h"
#include "store/store.h"
#include "tap.h"

/* A Rekey SA has so many Message IDs left when it is replaced. */
#define SPARE (1u << 20)
/* Members that are not told of a reset notice silence, and keep old SAs for 2 s more. */
#define UNTOLD_MS (3 * 15000 + 10000 + 2000)

static struct sim s;
static struct sim_member *tx, *a;
static struct group *g;

static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init(&s, seed);
	three = sim_start_three(&s, true, 20000, 20);
	tx = three.tx;
	a = three.a;
	sim_run(&s, 1000);
	g = TAILQ_FIRST(&s.gcks->groups);
}

static void finish(const char *what)
{
	is_int(sim_out_of_step(&s), 0, "%s: all are in step", what);
	is_int(a->gaps, 0, "%s: receivers lose nothing", what);
	is_int(s.n_unsent, 0, "%s: the sender always had a key", what);
	is_int(s.iv_repeats, 0, "%s: no IV was used twice", what);
	is_int(mock_iv_clashes, 0, "%s: no Sender-ID came twice", what);
	sim_free(&s);
}

/* Let the key server go on with @mid, as if it had sent all those before. */
static void go_to(uint32_t mid)
{
	g->rs.next_mid = mid;
	g->st.next_mid = mids_ahead(mid);
}

/* Restart it with what is in memory. */
static void restart(void)
{
	if (store_begin(s.store) || gkm_put_state(g, &g->st) ||
	    store_commit(s.store))
		bail("the state is not stored");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	g = TAILQ_FIRST(&s.gcks->groups);
}

/* ---- Message IDs ----------------------------------------------------------- */

/* No bit of a Message ID is a sign. */
static void test_half_way(void)
{
	uint64_t asked;
	uint8_t spi[16];

	usual(1);
	memcpy(spi, g->st.rekey.spi, sizeof(spi));
	go_to(INT32_MAX - 1u);
	asked = s.engine->stats.group_requests;
	sim_run(&s, 120000);
	ok(g->rs.next_mid > INT32_MAX + 4u, "half way: beats go on at %u",
	   g->rs.next_mid);
	ok(!memcmp(g->st.rekey.spi, spi, sizeof(spi)),
	   "half way: the Rekey SA is the same");
	is_int(s.engine->stats.group_requests, asked,
	       "half way: nobody has to ask");
	finish("half way");
}

static void test_last_mids(bool restarts, uint32_t left)
{
	uint64_t rekeys, resets;
	uint8_t spi[16];
	char what[48];

	snprintf(what, sizeof(what), "%u left%s", left,
		 restarts ? " at a start" : "");
	usual(2);
	memcpy(spi, g->st.rekey.spi, sizeof(spi));
	go_to(UINT32_MAX - left);
	if (restarts)
		restart();
	rekeys = g->rekeys;
	resets = g->restarts;
	sim_run(&s, 60000);
	ok(memcmp(g->st.rekey.spi, spi, sizeof(spi)),
	   "%s: the Rekey SA is another one", what);
	ok(g->rs.next_mid < 1000, "%s: Message IDs of the new one begin at 0",
	   what);
	is_int(g->rekeys - rekeys, 1, "%s: by a rekey", what);
	is_int(g->restarts, resets, "%s: nobody is out", what);
	finish(what);
}

/* Without a Message ID members cannot be told over the Rekey SA. */
static void test_no_mid(void)
{
	const char *what = "none left";

	usual(3);
	go_to(UINT32_MAX);
	g->rs.spent = true;
	schedule_beat(g);
	sim_run(&s, 180000);
	is_int(g->restarts, 1, "%s: the group starts anew", what);
	ok(sim_logged(&s, "group reset: Message IDs are used up"),
	   "%s: the log says why", what);
	finish(what);
}

static void take_result(struct group *of, void *arg, int ret, const char *why)
{
	*(int *)arg = ret;
	is_str(why, strerror(-ret), "%s: the change says why it failed",
	       of->conf->name);
}

/* A change whose message is not made must not happen: members would not know of it. */
static void test_untold(void)
{
	const char *what = "a change without a message";
	struct err err;
	uint32_t spi;
	int ret = 0;

	usual(4);
	spi = sim_group(&s).data_spi;
	g->rs.spent = true;
	gkm_commit(g, gkm_begin(g), GKM_SIMPLE, NULL, "test", take_result,
		   &ret);
	is_int(ret, -EOVERFLOW, "%s fails", what);
	is_int(sim_group(&s).data_spi, spi, "%s leaves the keys", what);
	g->rs.spent = false;
	is_int(sim_rekey(s.gcks, NULL, &err), 0,
	       "a change with a message is made");
	sim_run(&s, 20000);
	ok(sim_group(&s).data_spi != spi,
	   "a change with a message has other keys");
	finish(what);
}

/* How the numbers end that a message to members needs. */
enum number {
	NUMBER_MID,
	NUMBER_KEY,
};

static const char *const number_names[] = { "Message IDs", "Key IDs" };

static void set_key_id(uint32_t id)
{
	char key[STORE_KEY_MAX];

	if (group_key(g, "id", key) || store_begin(s.store) ||
	    store_put_u64(s.store, key, id) || store_commit(s.store))
		bail("no record");
}

static void use_up(enum number which)
{
	if (which == NUMBER_MID) {
		go_to(UINT32_MAX);
		g->rs.spent = true;
		return;
	}
	set_key_id(UINT32_MAX - SPARE / 2);
	restart();
	sim_run(&s, 20000);
}

/* Check that @out is out for good since the reset, and has no key of after @ms. */
static void check_evicted(struct sim_member *out, uint32_t ms, const char *what)
{
	uint64_t then = s.ms + ms;
	char line[96];

	ok(!sim_has_member(&s, out->name), "%s: b is out at once", what);
	is_int(g->restarts, 1, "%s: the group starts anew", what);
	snprintf(line, sizeof(line), "member evicted: \"%s\"", out->name);
	is_int(sim_log_count(&s, line), 1, "%s: the log has the eviction",
	       what);
	is_int(sim_audited(&s, "evict", out->name, ""), 1,
	       "%s: the audit trail has the eviction", what);
	sim_run(&s, 180000);
	ok(!sim_has_member(&s, out->name) && !sim_in(out),
	   "%s: b does not come back", what);
	is_int(sim_reads_after(&s, out, then), 0,
	       "%s: b has no key of the time after the effective one", what);
	ok(sim_in(a) && sim_in(tx), "%s: the others are back", what);
	is_int(g->restarts, 1, "%s: the group starts anew once", what);
	sim_down(out);
	finish(what);
}

/* An eviction that no message can tell is a reset, and never fails for that. */
static void test_evicts(enum number which)
{
	const struct gmember *m;
	struct err err = {};
	char what[48];
	uint32_t ms;

	snprintf(what, sizeof(what), "eviction without %s",
		 number_names[which]);
	usual(8);
	use_up(which);
	s.store_errno = -ENOSPC;
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), -ENOSPC,
	       "%s: a store that is full refuses it", what);
	is_int(sim_group(&s).members, 3, "%s: nobody is out then", what);
	m = gmc_find(g, "b.example");
	ok(m && !m->not_authorized && !m->ended_why,
	   "%s: b is a member as before", what);
	s.store_errno = 0;
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "%s: the order is done", what);
	/* Members notice silence, or are told, and keep old SAs for DTD. */
	is_int(ms, which == NUMBER_MID ? UNTOLD_MS : 15000,
	       "%s: the time is said until senders have other keys", what);
	is_int(sim_group(&s).denied, 1, "%s: the identity is denied", what);
	is_int(sim_group(&s).evictions, 1, "%s: one is evicted", what);
	check_evicted(s.m[2], ms, what);
}

/* The next start finds the denial in the store, and nothing to wonder at. */
static void test_evicted_for_good(void)
{
	const char *what = "eviction without a number, and a start";
	struct err err = {};
	uint32_t ms;

	usual(11);
	use_up(NUMBER_MID);
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "%s: the order is done", what);
	sim_run(&s, 120000);
	restart();
	is_int(sim_group(&s).denied, 1, "%s: the identity is denied", what);
	sim_run(&s, 60000);
	is_int(g->restarts, 0, "%s: the store is that of before", what);
	ok(!sim_has_member(&s, "b.example"), "%s: b stays out", what);
	sim_down(s.m[2]);
	finish(what);
}

/* Members that lose a right with a reload, and the policy is in force. */
static void test_bars(enum number which)
{
	static char *without_b[] = { (char *)"s.example", (char *)"a.example" };
	struct err err = {};
	char what[48];

	snprintf(what, sizeof(what), "reload without %s", number_names[which]);
	usual(9);
	use_up(which);
	s.cg.receivers.v = without_b;
	s.cg.receivers.n = ARRAY_SIZE(without_b);
	is_int(sim_reload(&s, &err), 0, "%s: the order is done", what);
	is_int(sim_group(&s).policy_version, 2, "%s: the policy is in force",
	       what);
	is_int(sim_group(&s).denied, 0, "%s: nobody is denied", what);
	is_int(sim_group(&s).evictions, 1, "%s: one is evicted", what);
	ok(!g->exclude_pending && !g->recheck_all,
	   "%s: nobody is left to be taken out", what);
	check_evicted(s.m[2], 60000, what);
}

/* An exclusion waits for that before it, and the numbers end meanwhile. */
static void evict_later(const char *what)
{
	struct err err = {};
	uint32_t ms;

	usual(10);
	sim_up(sim_add(&s, "c.example", false, true));
	sim_run(&s, 20000);
	is_int(sim_evict(s.gcks, "video", "c.example", &ms, &err), 0,
	       "%s: the order before it is done", what);
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "%s: the order is taken", what);
	ok(sim_has_member(&s, "b.example"), "%s: the exclusion waits", what);
	use_up(NUMBER_MID);
}

/* Check that both are out, after @restarts resets. */
static void check_both_out(unsigned int restarts, const char *what)
{
	sim_down(s.m[3]);
	is_int(g->restarts, restarts, "%s: the group starts anew", what);
	is_int(sim_group(&s).denied, 2, "%s: both are denied", what);
	is_int(sim_log_count(&s, "member evicted: \"b.example\""), 1,
	       "%s: the log has the eviction", what);
	ok(!sim_has_member(&s, "b.example"), "%s: b is out", what);
	sim_run(&s, 180000);
	ok(sim_in(a) && sim_in(tx) && !sim_in(s.m[2]),
	   "%s: the others are back", what);
	is_int(g->restarts, restarts, "%s: the group starts anew no more",
	       what);
	sim_down(s.m[2]);
	finish(what);
}

/* A newcomer waits for the batch in whose place the group starts anew. */
static void test_waits(void)
{
	const char *what = "an eviction that waits";
	struct sim_member *d;

	evict_later(what);
	d = sim_add(&s, "d.example", false, true);
	sim_up(d);
	sim_run(&s, 200);
	is_int(sim_group(&s).pending, 1, "%s: a newcomer waits, too", what);
	sim_run(&s, 3000);
	ok(sim_in(d), "%s: the newcomer is in with the next keys", what);
	check_both_out(1, what);
}

static void test_waits_for_store(void)
{
	const char *what = "an eviction that the store refuses";
	struct sim_member *d;

	evict_later(what);
	s.store_errno = -ENOSPC;
	d = sim_add(&s, "d.example", false, true);
	sim_up(d);
	sim_run(&s, 4000);
	is_int(d->notify, GIKE_N_REGISTRATION_FAILED,
	       "%s: a newcomer is not kept waiting for it", what);
	ok(sim_has_member(&s, "b.example") && !g->restarts, "%s: nobody is out",
	   what);
	s.store_errno = 0;
	sim_run(&s, 6000);
	check_both_out(1, what);
}

/* A reset excludes first, which is one more. */
static void test_waits_for_reset(void)
{
	const char *what = "a reset behind an eviction";
	struct err err = {};

	evict_later(what);
	is_int(sim_reset(s.gcks, "video", &err), 0, "%s: the order is done",
	       what);
	ok(!g->exclude_pending && !g->pace.exclude_ms,
	   "%s: nobody is left to be taken out", what);
	check_both_out(2, what);
}

/*
 * Numbers end while an eviction waits, so that the order tells until when senders use
 * what they have after a reset, and not after a rekey, which is much shorter.
 */
static void test_waits_longer(enum number which)
{
	static const char *const more[] = { "c.example", "d.example",
					    "e.example", "f.example" };
	uint32_t ms, wait, rekey_ms;
	struct err err = {};
	char what[64];
	uint64_t now;
	size_t i, n;

	snprintf(what, sizeof(what), "an eviction that waits for no %s",
		 number_names[which]);
	usual(13 + which);
	/* The key tree of more has levels, whose keys have IDs. */
	n = which == NUMBER_KEY ? ARRAY_SIZE(more) : 1;
	for (i = 0; i < n; i++)
		sim_up(sim_add(&s, more[i], false, true));
	sim_run(&s, 20000);
	if (which == NUMBER_KEY) {
		set_key_id(UINT32_MAX - SPARE);
		restart();
		sim_run(&s, 20000);
	}
	is_int(sim_evict(s.gcks, "video", more[n - 1], &rekey_ms, &err), 0,
	       "%s: the order before it is done", what);
	if (which == NUMBER_MID)
		use_up(NUMBER_MID);
	now = s.ms;
	wait = pace_exclude_ms(g);
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "%s: the order is taken", what);
	ok(wait > 0 && sim_has_member(&s, "b.example"),
	   "%s: the exclusion waits", what);
	is_int(ms, wait + (which == NUMBER_MID ? UNTOLD_MS : 15000),
	       "%s: the time is that of a reset", what);
	sim_run(&s, 90000);
	is_int(g->restarts, 1, "%s: the group starts anew", what);
	ok(sim_reads_after(&s, s.m[2], now + wait + rekey_ms) > 0,
	   "%s: b reads for longer than after a rekey", what);
	is_int(sim_reads_after(&s, s.m[2], now + ms), 0,
	       "%s: b has no key of the time after what was told", what);
	sim_run(&s, 90000);
	sim_down(s.m[2]);
	sim_down(s.m[2 + n]);
	is_int(sim_out_of_step(&s), 0, "%s: all are in step", what);
	is_int(s.iv_repeats + mock_iv_clashes, 0, "%s: no number came twice",
	       what);
	sim_free(&s);
}

/* Nobody else comes, whose request would make the batch due. */
static void test_waits_alone(void)
{
	const char *what = "an eviction that waits, and a newcomer";
	struct sim_member *d;
	int i;

	evict_later(what);
	for (i = 0; i < 4; i++)
		sim_down(s.m[i]);
	d = sim_add(&s, "d.example", false, true);
	sim_up(d);
	sim_run(&s, 200);
	is_int(sim_group(&s).pending, 1, "%s: the newcomer waits", what);
	sim_run(&s, 3000);
	is_int(g->restarts, 1, "%s: the group starts anew", what);
	ok(sim_in(d), "%s: the newcomer is in with the next keys", what);
	sim_free(&s);
}

/*
 * The right was lost while the key server was down, which takes the member out after
 * its start, and the store fails. Beats go on, and nothing but this makes a change due.
 */
static void test_start_without_store(void)
{
	const char *what = "a start that excludes, and a full store";
	static char *without_b[] = { (char *)"s.example", (char *)"a.example" };

	usual(12);
	use_up(NUMBER_KEY);
	s.cg.receivers.v = without_b;
	s.cg.receivers.n = ARRAY_SIZE(without_b);
	restart();
	s.store_errno = -ENOSPC;
	sim_run(&s, 4000);
	ok(sim_has_member(&s, "b.example"), "%s: nobody is out", what);
	s.store_errno = 0;
	sim_run(&s, 6000);
	ok(!sim_has_member(&s, "b.example"), "%s: the exclusion is tried again",
	   what);
	check_evicted(s.m[2], 60000, what);
}

/* A store that fails uses Message IDs up without any message. */
static void test_failing(void)
{
	struct err err;
	unsigned int i;

	usual(4);
	go_to(UINT32_MAX - SPARE - 2);
	s.store_errno = -28;
	for (i = 0; i < 100; i++)
		sim_run(&s, 1000 + !sim_rekey(s.gcks, "video", &err));
	s.store_errno = 0;
	sim_run(&s, 60000);
	ok(g->rs.next_mid < 1000, "failing store: the Rekey SA is another one");
	finish("failing store");
}

/* ---- Key IDs --------------------------------------------------------------- */

static void test_key_ids(bool joins)
{
	const char *what = joins ? "Key IDs, join" : "Key IDs, periodic";
	struct err err;

	usual(5);
	use_up(NUMBER_KEY);
	is_int(g->restarts, 0, "%s: nothing happens until keys change", what);
	if (joins)
		sim_up(sim_add(&s, "c.example", false, true));
	else
		is_int(sim_rekey(s.gcks, "video", &err), 0, "%s: a rekey",
		       what);
	sim_run(&s, 120000);
	is_int(g->restarts, 1, "%s: the group starts anew", what);
	ok(sim_logged(&s, "group reset: Key IDs are used up"),
	   "%s: the log says why", what);
	ok(lkh_next_id(g->tree) < 1000, "%s: they begin anew", what);
	finish(what);
}

/* ---- versions, and numbers of members --------------------------------------- */

static void test_versions(uint64_t near)
{
	struct err err;
	char what[48];
	int i;

	snprintf(what, sizeof(what), "version %llu", (unsigned long long)near);
	usual(6);
	g->st.version = near - 2;
	g->st.next_number = near - 2;
	for (i = 0; i < 5; i++) {
		is_int(sim_rekey(s.gcks, "video", &err), 0, "%s: a rekey",
		       what);
		sim_up(sim_add(&s, i ? "d.example" : "c.example", false, true));
		sim_run(&s, 20000);
		if (i == 1)
			break;
	}
	ok(g->st.version > near && g->st.next_number == near,
	   "%s: they go on behind it", what);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	g = TAILQ_FIRST(&s.gcks->groups);
	sim_run(&s, 60000);
	is_int(g->restarts, 0, "%s: the store is not taken for an old one",
	       what);
	ok(sim_has_member(&s, "c.example") && sim_has_member(&s, "d.example"),
	   "%s: the roster is read", what);
	is_int(sim_rekey(s.gcks, "video", &err), 0, "%s: a rekey after it",
	       what);
	sim_run(&s, 20000);
	finish(what);
}

int main(void)
{
	RUN(test_half_way);
	RUN(test_last_mids, false, SPARE + 2);
	RUN(test_last_mids, true, SPARE - 2);
	RUN(test_last_mids, true, 200);
	RUN(test_last_mids, false, 40);
	RUN(test_last_mids, true, 0);
	RUN(test_no_mid);
	RUN(test_untold);
	RUN(test_evicts, NUMBER_MID);
	RUN(test_evicts, NUMBER_KEY);
	RUN(test_evicted_for_good);
	RUN(test_bars, NUMBER_MID);
	RUN(test_bars, NUMBER_KEY);
	RUN(test_waits);
	RUN(test_waits_for_store);
	RUN(test_waits_for_reset);
	RUN(test_waits_alone);
	RUN(test_waits_longer, NUMBER_MID);
	RUN(test_waits_longer, NUMBER_KEY);
	RUN(test_start_without_store);
	RUN(test_failing);
	RUN(test_key_ids, true);
	RUN(test_key_ids, false);
	RUN(test_versions, 1ull << 31);
	RUN(test_versions, 1ull << 32);
	return done();
}
