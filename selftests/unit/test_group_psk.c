// SPDX-License-Identifier: Apache-2.0
/*
 * Members that authenticate by pre-shared keys beside one with a certificate. A
 * removed key ends the membership that it gave, whatever happens meanwhile.
 */
#include <errno.h>

#include "crls.h"
#include "gcks/group.h"
#include "group_sim.h"
#include "ike/psk.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "store/store.h"
#include "tap.h"
#include "wire/proto.h"

#define KEY_A "the key of a, a long one"
#define KEY_B "the key of b, a long one"
#define REMOVED "its pre-shared key was removed"
#define ANOTHER "another key of b, long"
#define REPLACED \
	"its pre-shared key is another one than before the key server ended"

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct psks *keys, *a_keys, *b_keys;
static char lines[1024];
static struct err err;

/* Nobody waits for the answer of a reload. */
static void answered(void *arg, int ret, uint32_t effective_ms, const char *why)
{
	(void)arg;
	(void)ret;
	(void)effective_ms;
	(void)why;
}

static struct psks *table_of(const char *id, const char *key)
{
	struct psks *p;

	if (psks_new(&p) || psks_add(p, id, key, strlen(key), &err))
		bail("%s", err.text);
	return p;
}

/* Keys of a, and of b unless @key is NULL. */
static struct psks *table_with(const char *key)
{
	struct psks *p = table_of("a.example", KEY_A);

	if (key && psks_add(p, "b.example", key, strlen(key), &err))
		bail("%s", err.text);
	return p;
}

static void setup(uint64_t seed)
{
	const struct sim_who who[] = {
		{ .identity = "s.example", .send = true, .receive = true },
		{ .identity = "a.example", .receive = true, .later = true },
		{ .identity = "b.example", .receive = true, .later = true },
	};

	sim_init(&s, seed);
	keys = table_with(KEY_B);
	s.psks = keys;
	sim_start(&s, who, ARRAY_SIZE(who), 1000, 0);
	tx = s.m[0];
	a = s.m[1];
	b = s.m[2];
	a_keys = table_of("gcks.example", KEY_A);
	b_keys = table_of("gcks.example", KEY_B);
	a->psks = a_keys;
	b->psks = b_keys;
}

static void usual(uint64_t seed)
{
	setup(seed);
	sim_up(a);
	sim_up(b);
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
}

static void teardown(void)
{
	is_int(s.iv_repeats, 0, "no IV was used twice");
	sim_free(&s);
	psks_free(keys);
	psks_free(a_keys);
	psks_free(b_keys);
}

/* Replace the keys of the key server, as mcsecd does before gcks_reload(). */
static void change(struct psks *to)
{
	if (s.gcks_up) {
		gcks_set_psks(s.gcks, to);
		ike_engine_set_psks(s.engine, to);
	}
	psks_free(keys);
	keys = to;
	s.psks = to;
}

static int reload(struct psks *to)
{
	change(to);
	return sim_reload(&s, &err);
}

static void take_line(void *arg, const char *line)
{
	(void)arg;
	snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s\n",
		 line);
}

/* Return what a reload with @to would change, and free @to. */
static const char *would(struct psks *to)
{
	lines[0] = '\0';
	if (gcks_reload_check(s.gcks, &s.conf, to, take_line, NULL, &err))
		bail("%s", err.text);
	psks_free(to);
	return lines;
}

/* ---- a removed key ------------------------------------------------------- */

static void test_removed(unsigned int loss)
{
	struct gcks_group_status before;
	uint64_t out_ms;

	usual(10 + loss);
	s.loss = loss;
	before = sim_group(&s);
	is_int(before.members, 3, "loss %u: all three are in", loss);
	is_str(would(table_with(KEY_B)), "",
	       "loss %u: the same keys would change nothing", loss);
	is_str(would(table_with(NULL)),
	       "group video: \"b.example\" is evicted, its pre-shared key is removed\n",
	       "loss %u: who would be evicted is named", loss);
	is_int(sim_group(&s).evictions, 0, "loss %u: the check evicts nobody",
	       loss);
	is_int(reload(table_with(NULL)), 0, "loss %u: b's key is removed",
	       loss);
	ok(!sim_has_member(&s, "b.example"), "loss %u: b is out at once", loss);
	out_ms = s.ms + 3000;
	is_int(sim_audited(&s, "evict", "b.example", REMOVED), 1,
	       "loss %u: the audit trail has eviction and reason", loss);
	is_int(sim_group(&s).policy_version, before.policy_version,
	       "loss %u: the policy has not changed", loss);
	ok(!sim_logged(&s, "policy changed"),
	   "loss %u: the log does not say that it has", loss);
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, b, out_ms), 0,
	       "loss %u: no key of later was ever b's own", loss);
	ok(!sim_in(b), "loss %u: b does not come back", loss);
	is_int(sim_out_of_step(&s), 1, "loss %u: the others are in step", loss);
	is_int(sim_group(&s).denied, 0, "loss %u: nobody is denied by name",
	       loss);
	if (!loss) {
		is_int(a->gaps, 0, "a member that stays has lost nothing");
		is_int(s.n_unsent, 0, "the sender could always send");
	}
	is_int(reload(table_with(KEY_B)), 0, "loss %u: the key is back", loss);
	member_join(b->m, "video");
	sim_run(&s, 180000);
	ok(sim_in(b), "loss %u: b comes back with its key", loss);
	teardown();
}

static void test_replaced(void)
{
	uint64_t rekeys;

	usual(30);
	rekeys = sim_group(&s).rekeys;
	is_int(reload(table_with("another key of b, long")), 0,
	       "b's key is replaced");
	sim_run(&s, 1000);
	ok(sim_has_member(&s, "b.example"),
	   "a key that is replaced ends no membership");
	is_int(sim_group(&s).rekeys, rekeys, "no keys of the group change");
	is_int(sim_group(&s).evictions, 0, "nobody is evicted");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	ok(sim_has_member(&s, "b.example"),
	   "a key that was replaced by a reload ends no membership at the next start");
	is_int(sim_group(&s).rekeys, 0,
	       "no keys of the group change by the start");
	teardown();
}

static void test_none_left(void)
{
	usual(31);
	is_int(reload(NULL), 0, "all keys are removed");
	is_int(sim_group(&s).evictions, 2, "both members by key are evicted");
	ok(sim_has_member(&s, "s.example"),
	   "the member with a certificate stays");
	/* The method of an identity is the configuration's, at both ends. */
	ike_engine_set_psks(a->engine, NULL);
	member_join(a->m, "video");
	sim_run(&s, 60000);
	ok(sim_in(a) && sim_has_member(&s, "a.example"),
	   "an identity with a certificate comes back by that");
	is_int(reload(NULL), 0, "a reload of the same");
	ok(sim_has_member(&s, "a.example"),
	   "a membership by certificate needs no key");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 5000);
	ok(sim_has_member(&s, "a.example"),
	   "a membership by certificate needs no key after a restart");
	is_int(sim_group(&s).evictions, 0, "nobody is evicted by the start");
	teardown();
}

/* The key is no way around the lists. */
static void test_listed(void)
{
	static char *without_b[] = { (char *)"a.example" };

	usual(33);
	s.cg.receivers.v = without_b;
	s.cg.receivers.n = ARRAY_SIZE(without_b);
	is_int(sim_reload(&s, &err), 0, "a list without b, who has a key");
	ok(!sim_has_member(&s, "b.example"), "b is evicted with its key");
	is_int(sim_audited(&s, "evict", "b.example", "no longer in the lists"),
	       1, "the audit trail has the list as the reason");
	ok(sim_has_member(&s, "a.example"),
	   "a stays in the list and the group");
	teardown();
}

/* A member by certificate gets a key, and registers again with it. */
static void test_moves(void)
{
	struct psks *with_s, *s_keys;

	usual(32);
	with_s = table_with(KEY_B);
	s_keys = table_of("gcks.example", "the key of s, a long one");
	if (psks_add(with_s, "s.example", "the key of s, a long one", 24, &err))
		bail("%s", err.text);
	is_int(reload(with_s), 0, "a member by certificate gets a key");
	ok(sim_has_member(&s, "s.example"),
	   "a key that is added ends no membership");
	is_str(would(table_with(KEY_B)), "",
	       "the membership is still the certificate's");
	sim_stream_stop(&s);
	sim_down(tx);
	tx->psks = s_keys;
	sim_up(tx);
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	is_str(would(table_with(KEY_B)),
	       "group video: \"s.example\" is evicted, its pre-shared key is removed\n",
	       "after another registration the membership is the key's");
	is_int(reload(table_with(KEY_B)), 0, "the key of s is removed");
	ok(!sim_has_member(&s, "s.example"),
	   "the member that lost the key is evicted");
	teardown();
	psks_free(s_keys);
}

/* ---- what happens meanwhile ----------------------------------------------- */

/* The list of the CA, which revokes nobody, is read another time. */
static struct crls *read_list(void)
{
	struct crl_spec spec = {
		.by = &s.ca,
		.made = s.wall0 + (int64_t)s.ms / 1000,
	};
	char path[96];
	struct crls *c;

	spec.next = spec.made + 86400;
	snprintf(path, sizeof(path), "%s/list.crl", s.dir);
	crl_write(path, &spec, false);
	if (crls_load(path, CRL_STRICT, s.trust, NULL, &c, &err))
		bail("%s", err.text);
	unlink(path);
	trust_set_crls(s.trust, c);
	is_int(sim_reload(&s, &err), 0, "a list that revokes nobody");
	return c;
}

/* A pre-shared key is on no list, so that a renewed leaf needs no turn for one. */
static void test_lists(void)
{
	struct crls *first, *second;
	uint64_t rekeys;

	setup(34);
	s.cg.membership_lifetime = 4 * 3600;
	is_int(sim_reload(&s, &err), 0, "memberships end");
	sim_up(a);
	if (!sim_settle(&s, 60000))
		bail("a is not in");
	sim_run(&s, 2 * 3600000);
	register_now(TAILQ_FIRST(&a->m->groups));
	sim_run(&s, 60000);
	is_int(TAILQ_FIRST(&s.gcks->groups)->n_renewed >= 1, 1,
	       "a member by key has renewed");
	rekeys = sim_group(&s).rekeys;
	first = read_list();
	sim_run(&s, 20000);
	is_int(sim_group(&s).rekeys, rekeys, "a list changes no keys");
	second = read_list();
	sim_run(&s, 20000);
	is_int(sim_group(&s).rekeys, rekeys, "the same list, either");
	ok(!sim_logged(&s, "former certificate"),
	   "no certificate is said to be revoked");
	trust_set_crls(s.trust, NULL);
	crls_free(first);
	crls_free(second);
	teardown();
}

/* The configuration that comes with the table is refused, and b's key is gone. */
static void test_reload_refused(void)
{
	uint16_t kwa;
	int ret;

	usual(90);
	kwa = s.cg.kwa;
	change(table_with(NULL));
	s.cg.kwa = GIKE_KWA_5649_192;
	ret = sim_reload(&s, &err);
	s.cg.kwa = kwa;
	is_int(ret, -EBUSY, "a reload is refused: %s", err.text);
	sim_run(&s, 5000);
	ok(!sim_has_member(&s, "b.example"),
	   "b, whose key is removed, is out all the same");
	is_int(sim_audited(&s, "evict", "b.example", REMOVED), 1,
	       "the audit trail has the eviction");
	is_int(sim_reads_after(&s, b, s.ms + 60000), 0,
	       "b has no key that is used later");
	teardown();
}

/* A request waits for its batch when its key is removed. */
static void test_waits(void)
{
	setup(40);
	s.cg.batch_join_ms = 20000;
	is_int(sim_reload(&s, &err), 0, "joins wait for their batch");
	sim_up(b);
	sim_run(&s, 5000);
	is_int(sim_group(&s).pending, 1, "b waits to join");
	/* The IKE SA stays, to see what the key server itself does. */
	gcks_set_psks(s.gcks, NULL);
	sim_run(&s, 40000);
	ok(!sim_has_member(&s, "b.example") && !sim_in(b),
	   "a request that waits does not join when its key is removed");
	is_int(b->notify, IKE_N_AUTHENTICATION_FAILED,
	       "a request that waits when its key is removed is refused");
	change(NULL);
	teardown();
}

static void test_start(void)
{
	struct gcks_deps deps = { .clock = &s.clock, .tq = &s.tq };

	usual(41);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 5000);
	is_int(sim_group(&s).members, 3,
	       "memberships by key last over a restart");
	sim_gcks_down(&s);
	change(table_with(NULL));
	deps.psks = keys;
	if (store_open_copy(s.path, s.sealer, &deps.store, &err) ||
	    store_open_copy(s.witness_path, s.sealer, &deps.witness, &err))
		bail("%s", err.text);
	lines[0] = '\0';
	is_int(gcks_start_check(&s.conf, &deps, take_line, NULL, &err), 0,
	       "a start can be checked");
	store_close(deps.store);
	store_close(deps.witness);
	is_str(lines,
	       "group video: \"b.example\" is evicted, its pre-shared key is removed\n",
	       "the check of a start names who would be evicted");
	sim_gcks_up(&s);
	sim_run(&s, 10000);
	ok(!sim_has_member(&s, "b.example"),
	   "a key that was removed while the key server was down");
	is_int(sim_audited(&s, "evict", "b.example", REMOVED), 1,
	       "the audit trail has the eviction of a start");
	is_int(sim_reads_after(&s, b, s.ms), 0,
	       "b has no key of after the start");
	ok(sim_in(a) && sim_in(tx), "the others stay in");
	teardown();
}

static void test_store_fails(void)
{
	usual(42);
	s.store_errno = -ENOSPC;
	is_int(reload(table_with(NULL)), -ENOSPC, "the disk is full");
	ok(sim_has_member(&s, "b.example"), "b is still a member");
	s.store_errno = 0;
	sim_run(&s, 30000);
	ok(!sim_has_member(&s, "b.example"),
	   "the eviction is tried again without another reload");
	ok(sim_in(a) && sim_in(tx), "the others are in after the failure");
	teardown();
}

static bool dies(enum sim_crash step, unsigned int n, unsigned int *bad)
{
	bool died;

	usual(100 + 10 * step + n);
	s.crash = step;
	s.crash_in = n;
	change(table_with(NULL));
	sim_reload(&s, &err);
	sim_run(&s, 3000);
	died = s.crashed;
	if (died) {
		sim_gcks_down(&s);
		sim_run(&s, 1000);
		sim_gcks_up(&s);
	}
	s.crash = SIM_NO_CRASH;
	sim_run(&s, 60000);
	*bad += sim_has_member(&s, "b.example") || sim_in(b) || !sim_in(a) ||
		!sim_in(tx) || sim_out_of_step(&s) != 1;
	teardown();
	return died;
}

static void test_deaths(enum sim_crash step)
{
	unsigned int n, bad = 0;

	for (n = 0; n < 20 && dies(step, n, &bad); n++)
		;
	ok(n >= 1, "step %d: the key server died %u times", step, n);
	is_int(bad, 0, "step %d: b is out and the others are in step", step);
}

/* ---- while the exclusion has to wait --------------------------------------- */

/*
 * Why the exclusion of b waits: for the burst of the eviction just before, for the
 * same after a start, or for a store that has failed.
 */
enum hold_up {
	HELD_BY_NOTHING,
	HELD_BY_BURST,
	HELD_BY_RESUMED,
	HELD_BY_STORE,
};

/* The owner of b registers meanwhile by a certificate, or by another key. */
enum owner_has {
	OWNER_HAS_CERT,
	OWNER_HAS_KEY,
};

static struct sim_member *c, *owner;

/* Somebody who has stolen the key of b is in, and its owner has not come yet. */
static void with_thief(uint64_t seed)
{
	setup(seed);
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	owner = sim_add(&s, "b.example", false, true);
	sim_up(a);
	sim_up(b);
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	b->mute = true;
}

static void remove_key(enum hold_up by)
{
	uint32_t ms;

	if (by == HELD_BY_BURST || by == HELD_BY_RESUMED)
		is_int(sim_evict(s.gcks, "video", "c.example", &ms, &err), 0,
		       "c is evicted just before");
	if (by == HELD_BY_STORE)
		s.store_errno = -ENOSPC;
	if (by == HELD_BY_RESUMED) {
		sim_gcks_down(&s);
		change(table_with(NULL));
		sim_gcks_up(&s);
		return;
	}
	change(table_with(NULL));
	gcks_reload(s.gcks, &s.conf, answered, NULL);
}

/*
 * The key of b is removed, and its owner comes @after_ms later with something else: to
 * whatever the exclusion has to wait for, who had the key is out, and the owner in.
 */
static void test_owner_comes(enum hold_up by, enum owner_has has,
			     unsigned int after_ms)
{
	struct psks *owner_keys = NULL;
	uint64_t out_ms;

	with_thief(200 + 10 * by + has);
	remove_key(by);
	sim_run(&s, after_ms);
	if (has == OWNER_HAS_KEY) {
		owner_keys = table_of("gcks.example", "another key of b, long");
		change(table_with("another key of b, long"));
		gcks_reload(s.gcks, &s.conf, answered, NULL);
		owner->psks = owner_keys;
	}
	sim_up(owner);
	sim_run(&s, 2000);
	s.store_errno = 0;
	sim_run(&s, 30000);
	out_ms = s.ms;
	ok(sim_in(owner), "the owner is in");
	is_int(sim_audited(&s, "evict", "b.example", REMOVED), 1,
	       "the membership of the removed key was ended once");
	is_int(sim_log_count(&s, "member evicted: \"b.example\": " REMOVED), 1,
	       "the log says that it was");
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, b, out_ms), 0,
	       "b, who had the removed key, reads nothing any more");
	is_int(sim_has_member(&s, "b.example"), 1, "the owner is a member");
	is_int(sim_group(&s).denied,
	       by == HELD_BY_BURST || by == HELD_BY_RESUMED,
	       "b is not kept out by name");
	is_int(a->gaps, 0, "a member that stays has lost nothing");
	teardown();
	psks_free(owner_keys);
}

/* A sender loses its right, and registers as a receiver while the exclusion waits. */
static void test_sender_comes(void)
{
	static char *only_s[] = { (char *)"s.example" };
	struct sim_member *s2;
	uint32_t ms;

	setup(260);
	s2 = sim_add(&s, "s2.example", true, true);
	sim_up(s2);
	sim_up(a);
	sim_up(b);
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "b is evicted just before");
	s.cg.senders.v = only_s;
	s.cg.senders.n = ARRAY_SIZE(only_s);
	gcks_reload(s.gcks, &s.conf, answered, NULL);
	sim_down(s2);
	s2->cg.send = false;
	sim_up(s2);
	sim_run(&s, 20000);
	is_int(sim_audited(&s, "evict", "s2.example", "no longer in the lists"),
	       1, "the membership of the sender was ended");
	is_int(sim_group(&s).senders, 1, "one sender is left");
	ok(sim_in(s2), "the host that registered as a receiver is in");
	is_int(sim_out_of_step(&s), 1, "all but b are in step");
	teardown();
}

/*
 * The store fails for two minutes, and the exclusion with it. The owner of b starts again
 * each second, and d asks to join for the first time.
 */
static void test_requests_meanwhile(void)
{
	unsigned int i, n, most = 0;
	const struct join_req *j;
	const struct group *g;
	struct sim_member *d;

	with_thief(290);
	d = sim_add(&s, "d.example", false, true);
	remove_key(HELD_BY_STORE);
	sim_up(d);
	g = TAILQ_FIRST(&s.gcks->groups);
	for (i = 0; i < 120; i++) {
		sim_up(owner);
		sim_run(&s, 1000);
		sim_down(owner);
		n = 0;
		TAILQ_FOREACH(j, &g->joins, all)
			n++;
		most = n > most ? n : most;
	}
	ok(most <= 1, "at most %u requests wait for an exclusion that fails",
	   most);
	is_int(d->notify, GIKE_N_REGISTRATION_FAILED,
	       "a newcomer that waits for an exclusion that fails is refused");
	s.store_errno = 0;
	sim_up(owner);
	sim_run(&s, 60000);
	ok(sim_in(owner) && sim_in(d), "both are in when the store is back");
	is_int(sim_audited(&s, "evict", "b.example", REMOVED), 1,
	       "the membership of the removed key was ended when the store is back");
	is_int(a->gaps, 0, "a member that stays has lost nothing meanwhile");
	teardown();
}

/* ---- over a restart ------------------------------------------------------- */

/*
 * The key of b is removed, the exclusion has to wait, b has another key by then, and the
 * key server is started again: who had the former key is out.
 */
static void test_restart_meanwhile(enum hold_up by)
{
	struct psks *owner_keys =
		table_of("gcks.example", "another key of b, long");
	uint64_t out_ms;

	with_thief(300 + by);
	remove_key(by);
	sim_run(&s, 1);
	change(table_with("another key of b, long"));
	gcks_reload(s.gcks, &s.conf, answered, NULL);
	sim_run(&s, 1);
	sim_gcks_down(&s);
	s.store_errno = 0;
	sim_gcks_up(&s);
	owner->psks = owner_keys;
	sim_up(owner);
	sim_run(&s, 30000);
	out_ms = s.ms;
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, b, out_ms), 0,
	       "b, who had the removed key, reads nothing after the start");
	is_int(sim_audited(&s, "evict", "b.example", "its pre-shared key "), 1,
	       "the membership of the removed key was ended once, after the start");
	ok(sim_in(owner), "the owner is in after the start");
	is_int(a->gaps, 0, "a member that stays has lost nothing by the start");
	teardown();
	psks_free(owner_keys);
}

/* Compare the start of a key server with the stores, and return what it would change. */
static const char *start_would(void)
{
	struct gcks_deps deps = { .clock = &s.clock, .tq = &s.tq };

	deps.psks = keys;
	if (store_open_copy(s.path, s.sealer, &deps.store, &err) ||
	    store_open_copy(s.witness_path, s.sealer, &deps.witness, &err))
		bail("%s", err.text);
	lines[0] = '\0';
	if (gcks_start_check(&s.conf, &deps, take_line, NULL, &err))
		bail("%s", err.text);
	store_close(deps.store);
	store_close(deps.witness);
	return lines;
}

/* Whether the former key was removed first, the key server does not know. */
static void test_replaced_meanwhile(void)
{
	usual(310);
	sim_gcks_down(&s);
	is_str(start_would(), "", "a start with the same key changes nothing");
	change(table_with(ANOTHER));
	is_str(start_would(),
	       "group video: \"b.example\" is evicted, " REPLACED "\n",
	       "the check of a start names who had another key");
	sim_gcks_up(&s);
	sim_run(&s, 5000);
	is_int(sim_audited(&s, "evict", "b.example", REPLACED), 1,
	       "the member whose key is another one is evicted by the start");
	is_int(sim_group(&s).members, 2, "the start evicts nobody else");
	sim_run(&s, 30000);
	is_int(sim_reads_after(&s, b, s.ms - 20000), 0,
	       "with the former key b reads nothing of after the start");
	is_int(a->gaps, 0, "a has lost nothing by the start");
	teardown();
}

/* The mark of a key that was replaced is stored when the store has recovered. */
static void test_mark_later(void)
{
	usual(311);
	s.store_errno = -ENOSPC;
	change(table_with("a third key of b, long"));
	sim_run(&s, 1000);
	change(table_with(ANOTHER));
	is_int(sim_log_count(&s, "store failed: records of members: "), 1,
	       "the log says once that the mark was not stored");
	s.store_errno = 0;
	sim_run(&s, 3000);
	sim_gcks_down(&s);
	is_str(start_would(),
	       "group video: \"b.example\" is evicted, " REPLACED "\n",
	       "a mark that is not stored is that of another key");
	sim_gcks_up(&s);
	sim_gcks_down(&s);
	teardown();

	usual(312);
	s.store_errno = -ENOSPC;
	change(table_with(ANOTHER));
	sim_run(&s, 50);
	s.store_errno = 0;
	sim_run(&s, 5000);
	sim_gcks_down(&s);
	is_str(start_would(), "", "the mark is stored after 5 s");
	sim_gcks_up(&s);
	teardown();
}

/* The table is replaced while the mark of the one before is being stored. */
static void test_mark_twice(void)
{
	usual(313);
	sim_gcks_down(&s);
	s.store_ms = 400;
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	change(table_with("a third key of b, long"));
	sim_run(&s, 100);
	change(table_with(ANOTHER));
	sim_run(&s, 5000);
	sim_gcks_down(&s);
	is_str(start_would(), "", "the mark of the second table is stored");
	sim_gcks_up(&s);
	s.store_ms = 0;
	teardown();
}

/* The group is read again while a mark waits for the store. */
static void test_mark_read_again(void)
{
	usual(318);
	s.store_errno = -ENOSPC;
	change(table_with(ANOTHER));
	sim_run(&s, 50);
	s.store_errno = 0;
	s.store_lies = 1;
	is_int(sim_rekey(s.gcks, "video", &err), -EIO,
	       "a change fails, and the store has it");
	sim_run(&s, 20000);
	ok(sim_logged(&s, "store read again"), "the group is read again");
	is_int(sim_group(&s).evictions, 0,
	       "a mark that is not stored evicts nobody when the group is read again");
	sim_gcks_down(&s);
	is_str(start_would(), "", "the mark is stored after that");
	sim_gcks_up(&s);
	teardown();
}

/* Write the record of b as the release before wrote it. */
static void set_old_record(void)
{
	char key[STORE_KEY_MAX];
	struct wbuf w;

	s.crashed = false;
	sim_store_up(&s);
	store_key(key, "g", "video", "m", "b.example", NULL);
	wbuf_init(&w, STORE_VALUE_MAX);
	if (store_get(s.store, key, &w) || w.p[0] != 6)
		bail("no record with a mark");
	w.p[0] = 3;
	if (store_begin(s.store) ||
	    store_put(s.store, key, w.p, w.len - PSK_MARK_LEN) ||
	    store_commit(s.store))
		bail("store");
	wbuf_free(&w);
	store_close(s.store);
	store_close(s.witness);
}

static void test_unmarked_record(void)
{
	usual(314);
	sim_gcks_down(&s);
	set_old_record();
	change(table_with(ANOTHER));
	is_str(start_would(), "", "a record without a mark is that of any key");
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	ok(sim_has_member(&s, "b.example"), "a member of an old record stays");
	sim_gcks_down(&s);
	change(table_with(KEY_B));
	is_str(start_would(),
	       "group video: \"b.example\" is evicted, " REPLACED "\n",
	       "the first start gives an old record its mark");
	sim_gcks_up(&s);
	teardown();
}

/* The key of b is removed while its join is being stored. */
static void test_removed_in_flight(bool another)
{
	const struct group *g;

	setup(315 + another);
	sim_gcks_down(&s);
	s.store_ms = 400;
	sim_gcks_up(&s);
	sim_up(a);
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	g = TAILQ_FIRST(&s.gcks->groups);
	sim_up(b);
	while (!g->commit.busy)
		sim_run(&s, 1);
	change(table_with(NULL));
	if (another)
		change(table_with(ANOTHER));
	gcks_reload(s.gcks, &s.conf, answered, NULL);
	sim_run(&s, 20000);
	is_int(sim_audited(&s, "join", "b.example", NULL), 1,
	       "the join of b was on its way to the store");
	is_int(sim_audited(&s, "evict", "b.example", REMOVED), 1,
	       "a member whose key is gone when its join is stored is evicted");
	ok(!sim_in(b), "b does not come in with the removed key");
	s.store_ms = 0;
	teardown();
}

int main(void)
{
	test_removed(0);
	test_removed(20);
	test_reload_refused();
	test_replaced();
	test_none_left();
	test_listed();
	test_moves();
	test_lists();
	test_waits();
	test_start();
	test_store_fails();
	test_deaths(SIM_BEFORE_COMMIT);
	test_deaths(SIM_AFTER_COMMIT);
	test_deaths(SIM_AT_SEND);
	RUN(test_owner_comes, HELD_BY_NOTHING, OWNER_HAS_CERT, 300);
	RUN(test_owner_comes, HELD_BY_NOTHING, OWNER_HAS_KEY, 300);
	RUN(test_owner_comes, HELD_BY_BURST, OWNER_HAS_CERT, 1);
	RUN(test_owner_comes, HELD_BY_BURST, OWNER_HAS_CERT, 300);
	RUN(test_owner_comes, HELD_BY_BURST, OWNER_HAS_KEY, 1);
	RUN(test_owner_comes, HELD_BY_BURST, OWNER_HAS_KEY, 300);
	RUN(test_owner_comes, HELD_BY_RESUMED, OWNER_HAS_CERT, 300);
	RUN(test_owner_comes, HELD_BY_RESUMED, OWNER_HAS_KEY, 300);
	RUN(test_owner_comes, HELD_BY_STORE, OWNER_HAS_CERT, 300);
	RUN(test_owner_comes, HELD_BY_STORE, OWNER_HAS_KEY, 300);
	RUN(test_sender_comes);
	RUN(test_requests_meanwhile);
	RUN(test_restart_meanwhile, HELD_BY_BURST);
	RUN(test_restart_meanwhile, HELD_BY_STORE);
	RUN(test_replaced_meanwhile);
	RUN(test_mark_later);
	RUN(test_mark_twice);
	RUN(test_mark_read_again);
	RUN(test_unmarked_record);
	RUN(test_removed_in_flight, false);
	RUN(test_removed_in_flight, true);
	return done();
}
