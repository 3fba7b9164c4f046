// SPDX-License-Identifier: Apache-2.0
/*
 * Revocation lists and members: those whose certificates are revoked are taken out,
 * connected or not, over a restart and a store that fails; nobody else notices. A
 * member does not follow a key server whose certificate is revoked.
 */
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/orders.h"
#include "gcks/policy.h"
#include "group_crl.h"

/* ---- members -------------------------------------------------------------- */

static void test_revoked(void)
{
	uint64_t then;

	usual(1);
	is_int(reload(), 0, "a list that revokes nobody");
	sim_run(&s, 5000);
	ok(sim_group(&s).members == 3 && !sim_group(&s).evictions,
	   "changes nothing");
	ok(!sim_logged(&s, "key server certificate changed"),
	   "the key server has proven no other certificate");

	revoke_cert(&a->cert);
	is_int(reload(), 0, "a list that revokes a member");
	ok(!sim_has_member(&s, "a.example"),
	   "the member is out when the reload is done");
	is_int(sim_group(&s).evictions, 1, "one is evicted");
	is_int(sim_group(&s).denied, 0, "the identity is not denied");
	is_int(sim_audited(&s, "evict", "a.example",
			   "the certificate is revoked"),
	       1, "the audit trail has that");
	ok(sim_logged(&s,
		      "member evicted: \"a.example\": the certificate is revoked"),
	   "the log has that");
	ok(sim_logged(&s,
		      "group video: \"a.example\" is evicted, the certificate is revoked"),
	   "the reload says so before");
	sim_run(&s, 10000);
	then = s.ms;
	sim_run(&s, 120000);
	is_int(sim_reads_after(&s, a, then), 0,
	       "the revoked member has no key of the time after");
	ok(!sim_has_member(&s, "a.example"),
	   "the revoked member does not come back");
	is_int(a->notify, IKE_N_AUTHENTICATION_FAILED,
	       "the revoked member is refused");
	ok(sim_logged(&s, "certificate: revoked by its CA"),
	   "the log says why it is refused");
	is_int(sim_status(tx).registrations + sim_status(b).registrations, 2,
	       "nobody else had to register again");
	is_int(b->gaps, 0, "the others miss no packet");
	is_int(sim_group(&s).members, 2, "two others are members");
	sim_down(a);

	/* The same identity with another certificate is welcome. */
	a = sim_add(&s, "a.example", false, true);
	sim_up(a);
	ok(sim_settle(&s, 5000), "with another certificate it may come back");
	is_int(sim_out_of_step(&s), 0, "the member that is back is in step");
	finish("revoked");
}

/* A member that has no IKE SA, and is not there at all. */
static void test_absent(void)
{
	usual(2);
	sim_down(a);
	sim_run(&s, 400000);
	revoke_cert(&a->cert);
	is_int(reload(), 0, "a list that revokes an absent member");
	ok(!sim_has_member(&s, "a.example"), "the absent member is out");
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "the others follow");
	is_int(b->gaps, 0, "the others miss no packet");
	finish("absent");
}

/* The list comes while the key server is down, so only the store knows. */
static void test_restart(void)
{
	usual(3);
	sim_gcks_down(&s);
	revoke_cert(&a->cert);
	reload();
	sim_gcks_up(&s);
	sim_run(&s, 2000);
	ok(!sim_has_member(&s, "a.example"), "revoked while it was down: out");
	is_int(sim_audited(&s, "evict", "a.example",
			   "the certificate is revoked"),
	       1, "revoked while it was down: audited");
	sim_run(&s, 60000);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	ok(!sim_has_member(&s, "a.example"), "another restart lets it not in");
	is_int(sim_group(&s).members, 2, "the others stay");
	is_int(b->gaps, 0, "the others miss no packet");
	finish("restart");
}

/* The store fails when the member has to go, and works again later. */
static void test_store_fails(void)
{
	usual(4);
	revoke_cert(&a->cert);
	s.store_errno = -EIO;
	ok(reload(), "the eviction cannot be stored: %s", err.text);
	ok(sim_has_member(&s, "a.example"), "a member that could not go is in");
	s.store_errno = 0;
	sim_run(&s, 10000);
	ok(!sim_has_member(&s, "a.example"),
	   "the member is taken out without an order");
	is_int(sim_group(&s).evictions, 1,
	       "store fails: one eviction is counted");
	is_int(b->gaps, 0, "the others miss no packet");
	finish("store fails");
}

static void take_refusal(void *arg, int ret, uint32_t effective_ms,
			 const char *why)
{
	(void)effective_ms;
	(void)why;
	*(int *)arg = ret;
}

/* The policy that comes with the list is refused; the list is in force. */
static void test_policy_refused(void)
{
	struct conf_group other;
	struct crls *c;
	struct group *g;
	int ret = 0;

	usual(9);
	revoke_cert(&a->cert);
	c = read_list();
	trust_set_crls(s.trust, c);
	lists = c;
	ike_engine_close_revoked(s.engine);
	g = TAILQ_FIRST(&s.gcks->groups);
	other = *g->conf;
	other.kwa = GIKE_KWA_5649_128;
	orders_add_policy(g, policy_new(&other, 0), take_refusal, &ret);
	is_int(ret, -EBUSY, "another key wrap is refused");
	sim_run(&s, 1000);
	ok(!sim_has_member(&s, "a.example"),
	   "policy refused: the revoked member is out");
	is_int(sim_group(&s).evictions, 1, "policy refused: one is evicted");
	sim_run(&s, 10000);
	is_int(b->gaps, 0, "policy refused: the others miss no packet");
	finish("policy refused");
}

/* A newcomer is revoked while its request waits for a batch. */
static void test_waiting(void)
{
	struct sim_member *c;

	usual(5);
	s.cg.batch_join_ms = 5000;
	is_int(reload(), 0, "joins wait");
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_run(&s, 1000);
	is_int(sim_group(&s).pending, 1, "c waits");
	revoke_cert(&c->cert);
	is_int(reload(), 0, "c is revoked");
	sim_run(&s, 30000);
	ok(!sim_has_member(&s, "c.example"), "c is not let in");
	ok(!sim_audited(&s, "join", "c.example", ""), "c never joined");
	is_int(sim_group(&s).members, 3, "the others are members");
	sim_down(c);
	finish("waiting");
}

/* Many register at once, while reloads revoke some of them. */
static void test_crowd(void)
{
	struct sim_member *m[24];
	unsigned int i, in = 0;
	char name[32];

	usual(20);
	s.cg.batch_join_ms = 300;
	is_int(reload(), 0, "joins share a rekey");
	for (i = 0; i < ARRAY_SIZE(m); i++) {
		snprintf(name, sizeof(name), "m%u.example", i);
		m[i] = sim_add(&s, name, false, true);
		sim_up(m[i]);
		sim_run(&s, 40);
		/* Some of the four are in by then, some wait, some are on their way. */
		if (i % 6 == 5) {
			revoke_cert(&m[i - 3]->cert);
			is_int(reload(), 0, "a reload while %u register",
			       i + 1);
		}
	}
	sim_run(&s, 60000);
	for (i = 0; i < ARRAY_SIZE(m); i++)
		in += sim_in(m[i]);
	is_int(in, ARRAY_SIZE(m) - 4, "all but those that are revoked are in");
	is_int(sim_group(&s).members, 3 + ARRAY_SIZE(m) - 4,
	       "none of those that are revoked is a member");
	for (i = 2; i < ARRAY_SIZE(m); i += 6) {
		snprintf(name, sizeof(name), "m%u.example", i);
		ok(!sim_in(m[i]) && !sim_has_member(&s, name), "%s is out",
		   name);
	}
	ok(!a->gaps && !b->gaps, "members that were in miss no packet");
	for (i = 2; i < ARRAY_SIZE(m); i += 6)
		sim_down(m[i]);
	is_int(sim_out_of_step(&s), 0, "all that are left are in step");
	finish("crowd");
}

/* ---- lists that are outdated ------------------------------------------------ */

static void test_outdated(void)
{
	struct sim_member *c;

	usual(6);
	valid_s = 60;
	revoke_cert(&a->cert);
	is_int(reload(), 0, "a list for a minute");
	sim_run(&s, 600000);
	is_int(sim_group(&s).members, 2, "strict: its end puts nobody out");
	is_int(b->gaps, 0, "strict: the end of a list costs no packet");
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_run(&s, 20000);
	ok(!sim_in(c), "strict: a newcomer is refused");
	ok(sim_logged(&s, "has expired (crl-policy strict)"),
	   "strict: the log says why");
	policy = CRL_RELAXED;
	valid_s = 1;
	is_int(reload(), 0, "the policy changes, the list ends again");
	sim_run(&s, 700000);
	ok(sim_in(c), "relaxed: the newcomer is in");
	ok(!sim_in(a), "relaxed: the revoked one is not");
	sim_down(c);
	finish("outdated");
}

/* ---- another certificate of the same member ---------------------------------- */

/* Let "a.example" register with another certificate, which ends @for_s from now. */
static struct sim_member *renew(int64_t for_s)
{
	struct sim_member *m;

	sim_down(a);
	s.cert_s = for_s;
	m = sim_add(&s, "a.example", false, true);
	sim_up(m);
	ok(sim_settle(&s, 5000), "the new certificate is accepted");
	return m;
}

static void test_superseded(void)
{
	struct sim_member *m;
	uint64_t keys;

	cert_s = 86400;
	usual(7);
	cert_s = 0;
	m = renew(2 * 86400);
	keys = sim_group(&s).rekeys;
	revoke_cert(&a->cert);
	is_int(reload(), 0, "the former certificate is revoked");
	sim_run(&s, 20000);
	ok(sim_has_member(&s, "a.example") && sim_in(m),
	   "whoever has another one by then stays in");
	is_int(sim_group(&s).evictions, 0, "nobody is evicted");
	is_int(sim_group(&s).rekeys, keys + 1, "the keys change once");
	ok(sim_logged(&s, "1 former certificate no longer valid"),
	   "the log says why the keys change");
	is_int(reload(), 0, "the list is read again");
	sim_run(&s, 20000);
	is_int(sim_group(&s).rekeys, keys + 1, "the keys change no more");
	finish("superseded");
}

/* ---- the former certificate was stolen ----------------------------------------- */

/* The case tells what happens before the former certificate is revoked, or instead. */
enum theft {
	THEFT_REVOKED,
	THEFT_LATE, /* the answer with the leaf key has arrived for sure */
	THEFT_TWICE, /* the owner has renewed once more */
	THEFT_JOIN, /* somebody has joined */
	THEFT_RESTART,
	THEFT_DOWN, /* revoked while the key server is down */
	THEFT_JOIN_RESTART,
	THEFT_EVICTED, /* a third member is evicted, and nothing is revoked */
	THEFT_EXPELLED, /* a third member is revoked */
	THEFT_NOTHING,
};

static const char *const thefts[] = {
	"revoked",	"revoked late", "renewed twice",	"a join",
	"a restart",	"down",		"a join and a restart", "an eviction",
	"an expulsion", "not revoked",
};

static struct sim_member *own(const char *name, bool send, int days)
{
	struct sim_member *m;

	s.cert_s = days * 86400;
	m = sim_add(&s, name, send, !send);
	m->cg.inband = inband;
	sim_up(m);
	if (!sim_settle(&s, 20000))
		bail("the new certificate is not accepted");
	return m;
}

static void restart_gcks(void)
{
	sim_gcks_down(&s);
	s.crashed = false;
	sim_gcks_up(&s);
	sim_run(&s, 20000);
}

/* The leaves of these are elsewhere in the tree, but for the first ones. */
static struct sim_member *crowd[6];

static void add_crowd(void)
{
	unsigned int i;
	char name[32];

	for (i = 0; i < ARRAY_SIZE(crowd); i++) {
		snprintf(name, sizeof(name), "e%u.example", i);
		crowd[i] = sim_add(&s, name, false, true);
		sim_up(crowd[i]);
	}
	if (!sim_settle(&s, 20000))
		bail("the crowd is not in");
}

/* Returns how often the keys had changed before anybody lost a right. */
static uint64_t run_theft(enum theft how, struct sim_member *thief,
			  const char *name)
{
	uint32_t effective;
	uint64_t keys;

	if (how != THEFT_REVOKED)
		sim_run(&s, 40000);
	if (how == THEFT_JOIN || how == THEFT_JOIN_RESTART) {
		sim_up(sim_add(&s, "c.example", false, true));
		sim_run(&s, 20000);
	}
	if (how == THEFT_RESTART || how == THEFT_JOIN_RESTART)
		restart_gcks();
	keys = sim_group(&s).rekeys;
	if (how == THEFT_DOWN) {
		sim_gcks_down(&s);
		s.crashed = false;
		keys = 0;
	}
	if (how == THEFT_EVICTED)
		is_int(sim_evict(s.gcks, "video", "e4.example", &effective,
				 &err),
		       0, "%s: evicted", name);
	else if (how == THEFT_EXPELLED)
		revoke_cert(&crowd[4]->cert);
	else if (how != THEFT_NOTHING)
		revoke_cert(&thief->cert);
	if (how != THEFT_EVICTED)
		is_int(reload(), 0, "%s: a list", name);
	if (how == THEFT_DOWN)
		sim_gcks_up(&s);
	return keys;
}

/*
 * A thief has the keys of @who, of its former certificate, and follows the group with
 * the leaf key of that time. The owner has another certificate and stays.
 */
static void check_theft(enum theft how, const char *who, bool send)
{
	struct sim_member *thief, *owner;
	unsigned int evicted = how == THEFT_EVICTED || how == THEFT_EXPELLED;
	uint64_t then, keys;
	char name[96];

	snprintf(name, sizeof(name), "%s: %s%s", thefts[how], who,
		 inband ? ", inband" : "");
	cert_s = 86400;
	usual(30 + how);
	if (evicted)
		add_crowd();
	thief = send ? own(who, send, 1) : a;
	/* An IKE SA would be refused, or opened by a certificate that is good. */
	thief->mute = true;
	cert_s = 0;
	owner = own(who, send, 2);
	if (how == THEFT_TWICE) {
		sim_down(owner);
		owner = own(who, send, 3);
	}
	keys = run_theft(how, thief, name);
	sim_run(&s, 20000);
	then = s.ms;
	sim_run(&s, 120000);
	if (how == THEFT_NOTHING)
		ok(sim_reads_after(&s, thief, then), "%s: the thief reads",
		   name);
	else
		is_int(sim_reads_after(&s, thief, then), 0,
		       "%s: the thief has no key of the time after", name);
	ok(sim_has_member(&s, who) && sim_in(owner), "%s: the owner is in",
	   name);
	is_int(owner->gaps, 0, "%s: the owner misses no packet", name);
	is_int(tx->gaps + b->gaps, 0, "%s: the others miss no packet", name);
	is_int(sim_group(&s).rekeys, keys + (how != THEFT_NOTHING),
	       "%s: the keys change once", name);
	is_int(sim_group(&s).evictions, evicted, "%s: evictions", name);
	is_int(sim_group(&s).denied, how == THEFT_EVICTED, "%s: denials", name);
	is_int(sim_status(owner).registrations, 1,
	       "%s: the owner did not have to register again", name);
	sim_down(thief);
	finish(name);
}

static void test_stolen(void)
{
	int how;

	for (how = THEFT_REVOKED; how <= THEFT_NOTHING; how++)
		check_theft(how, "a.example", false);
	check_theft(THEFT_REVOKED, "s2.example", true);
	check_theft(THEFT_JOIN, "s2.example", true);
	inband = true;
	check_theft(THEFT_REVOKED, "a.example", false);
	check_theft(THEFT_JOIN, "a.example", false);
	inband = false;
}

/* The record has no room for all former certificates, so that any list may have one. */
static void test_too_many(void)
{
	struct sim_member *thief, *owner;
	uint64_t then, keys;
	int days;

	cert_s = 86400;
	usual(27);
	thief = a;
	thief->mute = true;
	cert_s = 0;
	owner = own("a.example", false, 2);
	for (days = 3; days <= CERT_REFS_MAX + 3; days++) {
		sim_down(owner);
		owner = own("a.example", false, days);
	}
	keys = sim_group(&s).rekeys;
	revoke_cert(&thief->cert);
	is_int(reload(), 0, "the first of too many certificates is revoked");
	sim_run(&s, 20000);
	then = s.ms;
	is_int(sim_group(&s).rekeys, keys + 1,
	       "many renewals: the keys change");
	is_int(reload(), 0, "many renewals: the list is read again");
	sim_run(&s, 60000);
	is_int(sim_group(&s).rekeys, keys + 1,
	       "many renewals: the keys change no more");
	is_int(sim_reads_after(&s, thief, then), 0,
	       "many renewals: the thief has no key of the time after");
	ok(sim_in(owner) && !owner->gaps && !sim_group(&s).evictions,
	   "many renewals: the owner stays");
	sim_down(thief);
	finish("many renewals");
}

/* ---- another certificate of the same member, with the same leaf ------------------ */

/*
 * The leaf has the key that the holder of the former certificate had, so that this one
 * must be excluded, even at the price of another registration.
 */
static void test_same_leaf(void)
{
	struct sim_member *m;

	usual(8);
	m = renew(0);
	revoke_cert(&a->cert);
	is_int(reload(), 0, "a former certificate without another leaf key");
	is_int(sim_group(&s).evictions, 1, "excludes its holder");
	sim_run(&s, 60000);
	ok(sim_has_member(&s, "a.example") && sim_in(m),
	   "the member is back by its other certificate");
	is_int(sim_out_of_step(&s), 0, "same leaf: in step");
	is_int(b->gaps, 0, "the others miss no packet");
	finish("same leaf");
}

static void rekey_begun(void *arg, int ret, uint32_t effective_ms,
			const char *why)
{
	(void)arg;
	(void)effective_ms;
	is_int(ret, 0, "a rekey is done: %s", why);
}

/*
 * Two more hosts of a member ask while a change is in flight. The record of the second
 * one must have the certificate of the first.
 */
static void test_same_leaf_together(void)
{
	struct sim_member *c, *d;

	usual(28);
	sim_gcks_down(&s);
	s.store_ms = 5;
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	c = sim_add(&s, "a.example", false, true);
	d = sim_add(&s, "a.example", false, true);
	s.store_ms = 200;
	gcks_rekey(s.gcks, "video", rekey_begun, NULL);
	sim_up(c);
	sim_run(&s, 100);
	sim_up(d);
	sim_run(&s, 100);
	is_int(sim_group(&s).pending, 2, "both requests wait");
	s.store_ms = 5;
	sim_run(&s, 5000);
	ok(sim_in(a) && sim_in(c) && sim_in(d), "three hosts are one member");
	is_int(sim_group(&s).members, 3, "there are two other members");
	revoke_cert(&c->cert);
	is_int(reload(), 0, "the certificate of the first is revoked");
	is_int(sim_group(&s).evictions, 1, "the member is evicted");
	sim_run(&s, 60000);
	ok(!sim_in(c) && sim_in(d), "the host with that certificate stays out");
	sim_down(c);
	finish("same leaf, together");
}

/* Two hosts of one identity get the keys of one leaf in one batch. */
static void test_twins(void)
{
	struct sim_member *c, *d;

	usual(12);
	s.cg.batch_join_ms = 3000;
	is_int(reload(), 0, "joins wait");
	c = sim_add(&s, "c.example", false, true);
	d = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_up(d);
	sim_run(&s, 20000);
	ok(sim_in(c) && sim_in(d), "both hosts of an identity are in");
	is_int(sim_group(&s).members, 4,
	       "both hosts of an identity are one member");
	s.cg.batch_join_ms = 0;
	revoke_cert(&c->cert);
	is_int(reload(), 0, "the certificate of one host is revoked");
	is_int(sim_group(&s).evictions, 1, "the identity is evicted");
	sim_run(&s, 60000);
	ok(!sim_in(c) && sim_in(d), "the other host is back");
	is_int(b->gaps, 0, "the others miss no packet");
	sim_down(c);
	finish("twins");
}

/* Each of three counts, whichever of them came first. */
static void test_triplets(void)
{
	struct sim_member *m[3];
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(m); i++) {
		usual(21 + i);
		s.cg.batch_join_ms = 3000;
		is_int(reload(), 0, "joins wait");
		for (k = 0; k < ARRAY_SIZE(m); k++) {
			m[k] = sim_add(&s, "c.example", false, true);
			sim_up(m[k]);
		}
		sim_run(&s, 20000);
		ok(sim_in(m[0]) && sim_in(m[1]) && sim_in(m[2]),
		   "three hosts of an identity are in");
		is_int(sim_group(&s).members, 4, "three hosts are one member");
		revoke_cert(&m[i]->cert);
		is_int(reload(), 0, "the certificate of host %u is revoked", i);
		is_int(sim_group(&s).evictions, 1,
		       "the identity of host %u is evicted", i);
		sim_run(&s, 60000);
		ok(!sim_in(m[i]), "host %u is out", i);
		sim_down(m[i]);
		finish("triplets");
	}
}

/* A record has a limited number of certificates; then the leaf gets another key. */
static void test_many(void)
{
	struct sim_member *first, *m;
	unsigned int i;

	usual(13);
	first = a;
	m = a;
	for (i = 1; i <= CERT_REFS_MAX; i++) {
		sim_down(m);
		m = sim_add(&s, "a.example", false, true);
		sim_run(&s, 12000);
		sim_up(m);
		if (!sim_settle(&s, 5000))
			bail("certificate %u", i);
		if (i + 1 == CERT_REFS_MAX) {
			sim_gcks_down(&s);
			sim_gcks_up(&s);
			sim_run(&s, 20000);
		}
	}
	revoke_cert(&first->cert);
	is_int(reload(), 0, "the first certificate is revoked");
	is_int(sim_group(&s).evictions, 0,
	       "a certificate of a former leaf key evicts nobody");
	revoke_cert(&m->cert);
	is_int(reload(), 0, "the last certificate is revoked");
	is_int(sim_group(&s).evictions, 1, "the last one evicts its member");
	sim_down(m);
	finish("many");
}

/* ---- a record of an earlier release -------------------------------------------- */

static void stop_gcks(void)
{
	sim_gcks_down(&s);
	s.crashed = false;
}

/*
 * Records before version 3 do not tell the certificate, so the member stays until it
 * asks.
 */
static void test_old_record(void)
{
	for (int version = 1; version <= 2; version++) {
		usual(11);
		stop_gcks();
		set_record(version, version == 1 ? RECORD_1 : RECORD_2, 0);
		revoke_cert(&a->cert);
		reload();
		sim_gcks_up(&s);
		sim_run(&s, 2000);
		ok(sim_has_member(&s, "a.example"),
		   "a record of version %d is read", version);
		is_int(sim_group(&s).members, 3,
		       "beside a record of version %d the others are read",
		       version);
		sim_down(a);
		sim_up(a);
		sim_run(&s, 20000);
		is_int(a->notify, IKE_N_AUTHENTICATION_FAILED,
		       "the member of version %d is refused when it registers",
		       version);
		finish("old record");
	}
}

/* A record of an old version gets its references with the next registration. */
static void test_record_renewed(void)
{
	usual(14);
	stop_gcks();
	set_record(2, RECORD_2, 0);
	sim_gcks_up(&s);
	sim_down(a);
	sim_run(&s, 12000);
	sim_up(a);
	ok(sim_settle(&s, 5000), "a member of an old record registers");
	revoke_cert(&a->cert);
	is_int(reload(), 0, "a list that revokes it");
	ok(!sim_has_member(&s, "a.example"),
	   "a member of an old record that has registered since is evicted");
	sim_down(a);
	finish("record renewed");
}

static int try_gcks(void)
{
	struct gcks_deps deps = {
		.clock = &s.clock,
		.tq = &s.tq,
		.trust = s.trust,
		.ctx = &s,
	};
	struct gcks *k;
	int ret;

	sim_store_up(&s);
	deps.store = s.store;
	deps.witness = s.witness;
	ret = gcks_new(&s.conf, &deps, &k, &err);
	if (!ret)
		gcks_free(k);
	store_close(s.store);
	store_close(s.witness);
	return ret;
}

static void test_bad_record(void)
{
	static const struct {
		uint8_t version;
		size_t len;
		uint8_t n_refs;
		const char *name;
	} bad[] = {
		{ 0, RECORD_3, 0, "version 0" },
		{ 7, RECORD_3, 0, "a version of the future" },
		{ 6, RECORD_3, 0, "version 6 without a mark" },
		{ 5, RECORD_3, 0, "version 5 without former references" },
		{ 4, RECORD_3, 0, "version 4 without former references" },
		{ 1, RECORD_2, 0, "version 1 with too much" },
		{ 2, RECORD_3, 0, "version 2 with too much" },
		{ 3, RECORD_2, 0, "version 3 without references" },
		{ 3, RECORD_3 - 1, 0, "half a reference" },
		{ 3, RECORD_3, 2, "a reference too few" },
		{ 3, RECORD_3, 255, "too many references" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		usual(15);
		stop_gcks();
		set_record(bad[i].version, bad[i].len, bad[i].n_refs);
		is_int(try_gcks(), -EBADMSG, "%s is refused: %s", bad[i].name,
		       err.text);
		finish("bad record");
	}
}

/* Nobody else is there, whose certificate would be good. */
static void test_last_member(void)
{
	usual(30);
	member_leave(tx->m, NULL);
	member_leave(b->m, NULL);
	sim_run(&s, 30000);
	is_int(sim_group(&s).members, 1, "last member: the others have left");
	revoke_cert(&a->cert);
	is_int(reload(), 0, "last member: the certificate is revoked");
	is_int(sim_group(&s).members, 0, "last member: nobody is left");
	is_int(sim_group(&s).evictions, 1, "last member: one is evicted");
	sim_down(a);
	finish("last member");
}

/* Without any list no former certificate can be revoked, known or not. */
static void test_no_list(void)
{
	static char *without_b[] = { (char *)"s.example", (char *)"a.example" };
	struct gmember *m;
	struct group *g;

	usual(29);
	g = TAILQ_FIRST(&s.gcks->groups);
	m = gmc_find(g, "a.example");
	if (gmember_reserve(m))
		bail("no memory");
	gmc_set_renewed(g, m, true);
	s.cg.receivers.v = without_b;
	s.cg.receivers.n = 2;
	is_int(sim_reload(&s, &err), 0, "no list: a reload that bars b");
	sim_run(&s, 20000);
	ok(!sim_has_member(&s, "b.example"), "no list: b is out");
	is_int(sim_log_count(&s, "group rekeyed: 1 evicted: Data SA"), 1,
	       "no list: keys change for b alone");
	sim_down(b);
	finish("no list");
}

int main(void)
{
	sim_order_init(&s);
	RUN(test_revoked);
	RUN(test_absent);
	RUN(test_restart);
	RUN(test_store_fails);
	RUN(test_policy_refused);
	RUN(test_waiting);
	RUN(test_crowd);
	RUN(test_outdated);
	RUN(test_superseded);
	RUN(test_stolen);
	RUN(test_too_many);
	RUN(test_same_leaf);
	RUN(test_same_leaf_together);
	RUN(test_twins);
	RUN(test_triplets);
	RUN(test_many);
	RUN(test_old_record);
	RUN(test_record_renewed);
	RUN(test_bad_record);
	RUN(test_last_member);
	RUN(test_no_list);
	return done();
}
