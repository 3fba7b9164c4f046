// SPDX-License-Identifier: Apache-2.0
/*
 * Keys of a certificate that its owner has replaced: what they are still good for when
 * that certificate ends, and that a check of a reload tells what a list does to those
 * who had one.
 */
#include "gcks/gmc.h"
#include "group_crl.h"
#include "ike/engine.h"
#include "ike/psk.h"

#define NAME "a.example"
#define KEY "the key of a, which has no end"
/* Seconds for which the former certificate is good. */
#define FORMER_S 300
#define LATER_S 864000

/* Return a member with a certificate for @for_s, which is not started. */
static struct sim_member *with_cert(const char *name, int64_t for_s, bool send)
{
	struct sim_member *m;

	s.cert_s = for_s;
	m = sim_add(&s, name, send, !send);
	m->cg.inband = inband;
	s.cert_s = 0;
	return m;
}

static void come(struct sim_member *m)
{
	sim_up(m);
	if (!sim_settle(&s, 20000))
		bail("%s is not in", m->name);
}

/* ---- keys that rekeys lead to --------------------------------------------------- */

/* The case tells what happens before the former certificate ends. */
enum end_case {
	END_SOON,
	END_JOIN, /* somebody has joined */
	END_RESTART,
	END_DOWN, /* the key server is down at that time */
	END_TWICE, /* the owner has renewed once more */
	END_PSK, /* the owner authenticates by a pre-shared key, which has no end */
};

static const char *const end_names[] = {
	"ends",
	"ends after a join",
	"ends after a restart",
	"ends while down",
	"renewed twice",
	"replaced by a key",
};

static struct psks *new_keys(const char *id)
{
	struct psks *p;

	if (psks_new(&p) || psks_add(p, id, KEY, strlen(KEY), &err))
		bail("%s", err.text);
	return p;
}

static void restart(uint64_t down_ms)
{
	sim_gcks_down(&s);
	s.crashed = false;
	sim_run(&s, down_ms);
	sim_gcks_up(&s);
}

/* Let the owner have another certificate, or key, and return its host. */
static struct sim_member *replace_cert(enum end_case how, struct psks **ours,
				       struct psks **theirs)
{
	struct sim_member *owner = with_cert(NAME, LATER_S, false);

	if (how == END_PSK) {
		*ours = new_keys(NAME);
		*theirs = new_keys("gcks.example");
		s.psks = *ours;
		gcks_set_psks(s.gcks, *ours);
		ike_engine_set_psks(s.engine, *ours);
		owner->psks = *theirs;
	}
	come(owner);
	if (how == END_TWICE) {
		sim_down(owner);
		owner = with_cert(NAME, 2 * LATER_S, false);
		come(owner);
	}
	return owner;
}

/*
 * A thief has the keys of the owner's first certificate, and follows the group with the
 * leaf key of that time, over no IKE SA.
 */
static void test_ends(enum end_case how)
{
	const char *name = end_names[how];
	struct psks *ours = NULL, *theirs = NULL;
	struct sim_member *thief, *owner;
	uint64_t begin, then, keys;

	usual(50 + how);
	sim_down(a);
	begin = s.ms;
	thief = with_cert(NAME, FORMER_S, false);
	come(thief);
	thief->mute = true;
	owner = replace_cert(how, &ours, &theirs);
	sim_run(&s, 40000);
	if (how == END_JOIN) {
		sim_up(sim_add(&s, "c.example", false, true));
		sim_run(&s, 20000);
	}
	if (how == END_RESTART) {
		restart(1000);
		/* The sender changes the keys when it asks, which is now. */
		sim_down(tx);
		come(tx);
		sim_run(&s, 20000);
	}
	if (how == END_DOWN)
		restart(FORMER_S * 1000);
	keys = how == END_DOWN ? 0 : sim_group(&s).rekeys;
	/* Certificates end by whole seconds, and memberships are looked at then. */
	if (how != END_DOWN) {
		sim_run(&s, FORMER_S * 1000 - (s.ms - begin) - 3000);
		is_int(sim_group(&s).rekeys, keys, "%s: not before its end",
		       name);
	}
	sim_run(&s, 20000);
	then = s.ms;
	is_int(sim_group(&s).rekeys, keys + 1, "%s: the keys change once",
	       name);
	ok(sim_logged(&s, "1 former certificate no longer valid"),
	   "%s: the log says why", name);
	sim_run(&s, 120000);
	is_int(sim_group(&s).rekeys, keys + 1, "%s: the keys change no more",
	       name);
	is_int(sim_reads_after(&s, thief, then), 0,
	       "%s: its holder has no key of the time after", name);
	ok(sim_has_member(&s, NAME) && sim_in(owner), "%s: the owner is in",
	   name);
	is_int(owner->gaps, 0, "%s: the owner misses no packet", name);
	is_int(b->gaps, 0, "%s: the others miss no packet", name);
	is_int(sim_group(&s).evictions + sim_group(&s).expired, 0,
	       "%s: nobody is out", name);
	/* A daemon asks again when the key server is back. */
	is_int(sim_status(owner).registrations, 1 + (how == END_DOWN),
	       "%s: the owner did not have to register again", name);
	sim_down(thief);
	finish(name);
	psks_free(ours);
	psks_free(theirs);
}

static struct gmember *member_of(const char *identity)
{
	struct group *g = TAILQ_FIRST(&s.gcks->groups);
	struct gmember *m = gmc_find(g, identity);

	if (!m)
		bail("%s is no member", identity);
	return m;
}

static void ignore_end(void *arg, int ret, uint32_t effective_ms,
		       const char *why)
{
	(void)arg;
	(void)effective_ms;
	is_int(ret, 0, "an order that changes no keys is done: %s", why);
}

/*
 * Two hosts of an identity get the same leaf key in one batch, so that the first end is
 * that of both, and the host with the later one renews before.
 */
static void test_twins(bool owner_first)
{
	struct sim_member *thief, *owner;
	uint64_t begin, then, keys;

	usual(60);
	sim_down(a);
	s.store_ms = 5;
	restart(1000);
	sim_run(&s, 60000);
	s.store_ms = 200;
	gcks_evict_ahead(s.gcks, "video", "z.example", ignore_end, NULL);
	begin = s.ms;
	thief = with_cert("c.example", FORMER_S, false);
	owner = with_cert("c.example", LATER_S, false);
	sim_up(owner_first ? owner : thief);
	sim_run(&s, 100);
	sim_up(owner_first ? thief : owner);
	sim_run(&s, 300);
	is_int(sim_group(&s).pending, 2, "twins: both hosts wait");
	s.store_ms = 5;
	sim_run(&s, 20000);
	ok(sim_in(thief) && sim_in(owner), "twins: both hosts are in");
	is_int(sim_group(&s).members, 4, "twins: they are one member");
	thief->mute = true;
	keys = sim_group(&s).rekeys;
	sim_run(&s, FORMER_S * 1000 - (s.ms - begin) - 3000);
	is_int(sim_status(owner).registrations, 2,
	       "twins: the host with the later end has renewed");
	is_int(sim_group(&s).rekeys, keys, "twins: which changed no keys");
	sim_run(&s, 20000);
	then = s.ms;
	is_int(sim_group(&s).rekeys, keys + 1, "twins: the keys change once");
	sim_run(&s, 120000);
	is_int(sim_reads_after(&s, thief, then), 0,
	       "twins: the host whose certificate has ended has no key");
	ok(sim_in(owner), "twins: the other host is in");
	is_int(owner->gaps + b->gaps, 0, "twins: no packet is missed");
	is_int(sim_group(&s).expired, 0, "twins: nobody is out");
	sim_down(thief);
	finish("twins");
}

/*
 * The former certificates of two members end within seconds. The change for the first is
 * still being stored when that of the second, whose owner has come just now, ends.
 */
static void test_two_ends(bool psk)
{
	struct psks *ours = NULL, *theirs = NULL;
	struct sim_member *thief, *other;
	uint64_t then, keys;
	int64_t first, second;

	usual(65);
	sim_down(a);
	s.store_ms = 5;
	restart(1000);
	sim_run(&s, 60000);
	other = with_cert("m1.example", FORMER_S, false);
	come(other);
	other->mute = true;
	sim_run(&s, 2000);
	thief = with_cert(NAME, FORMER_S, false);
	come(thief);
	thief->mute = true;
	come(with_cert("m1.example", LATER_S, false));
	sim_run(&s, 20000);
	first = member_of("m1.example")->more->former_ends;
	second = member_of(NAME)->cert_ends;
	ok(second > first, "two: the second ends after the first");
	sim_run(&s, (second - clock_wall(&s.clock)) * 1000 - 20000);
	replace_cert(psk ? END_PSK : END_SOON, &ours, &theirs);
	sim_run(&s, (first - clock_wall(&s.clock)) * 1000 - 500);
	keys = sim_group(&s).rekeys;
	s.store_ms = 1500;
	sim_run(&s, 12000);
	s.store_ms = 5;
	sim_run(&s, 60000);
	then = s.ms;
	is_int(sim_group(&s).rekeys, keys + 2,
	       "two: the keys change for either");
	is_int(sim_log_count(&s, "1 former certificate no longer valid"), 2,
	       "two: the log says why");
	ok(!member_of(NAME)->renewed, "two: the second has all keys anew");
	sim_run(&s, 120000);
	is_int(sim_reads_after(&s, thief, then), 0,
	       "two: the second certificate's holder has no key of later");
	sim_down(thief);
	sim_down(other);
	finish("two");
	psks_free(ours);
	psks_free(theirs);
}

/* The store refuses the change that the end causes, and takes it later. */
static void test_store_fails(void)
{
	struct sim_member *thief, *owner;
	uint64_t then, keys;

	usual(70);
	sim_down(a);
	thief = with_cert(NAME, FORMER_S, false);
	come(thief);
	thief->mute = true;
	owner = with_cert(NAME, LATER_S, false);
	come(owner);
	keys = sim_group(&s).rekeys;
	sim_run(&s,
		(member_of(NAME)->more->former_ends - clock_wall(&s.clock)) *
				1000 -
			s.ms % 1000);
	s.store_errno = -ENOSPC;
	sim_run(&s, 4000);
	is_int(sim_group(&s).rekeys, keys, "full store: no keys change");
	ok(sim_group(&s).store_errors && member_of(NAME)->renewed,
	   "full store: the leaf is still to be turned");
	s.store_errno = 0;
	sim_run(&s, 10000);
	then = s.ms;
	is_int(sim_group(&s).rekeys, keys + 1,
	       "full store: the change is made");
	sim_run(&s, 60000);
	is_int(sim_reads_after(&s, thief, then), 0,
	       "full store: the former certificate's holder has no key of later");
	ok(sim_in(owner) && !owner->gaps,
	   "full store: the owner misses nothing");
	sim_down(thief);
	finish("full store");
}

/*
 * The certificate ends while the registration of its owner with another one is being
 * stored, by itself or, as senders need new keys after a restart, by a batch.
 */
static void test_ends_while_stored(bool send)
{
	const char *name = send ? "s2.example" : NAME;
	const char *what = send ? "stored by a batch" : "stored";
	struct sim_member *thief, *owner;
	uint64_t then, keys;

	usual(68);
	if (!send)
		sim_down(a);
	s.store_ms = 5;
	restart(1000);
	sim_run(&s, 60000);
	thief = with_cert(name, FORMER_S, send);
	come(thief);
	thief->mute = true;
	/* To the begin of the last second of the certificate. */
	sim_run(&s, (member_of(name)->cert_ends - clock_wall(&s.clock)) * 1000 -
			    s.ms % 1000);
	keys = sim_group(&s).rekeys;
	if (send)
		member_of(name)->more->g->fresh = false;
	s.store_ms = 1000;
	owner = with_cert(name, LATER_S, send);
	sim_up(owner);
	sim_run(&s, 3000);
	ok(sim_group(&s).in_flight && member_of(name)->more->lapsed,
	   "%s: the certificate has ended before the store has another one",
	   what);
	sim_run(&s, 1800);
	s.store_ms = 5;
	sim_run(&s, 20000);
	then = s.ms;
	ok(sim_in(owner) && sim_has_member(&s, name), "%s: the owner is in",
	   what);
	is_int(sim_status(owner).registrations, 1,
	       "%s: the owner did not have to register again", what);
	is_int(sim_group(&s).expired + sim_group(&s).leaves, 0,
	       "%s: nobody is out", what);
	is_int(sim_group(&s).rekeys - keys, send ? 2 : 1,
	       "%s: the keys change for the former certificate", what);
	sim_run(&s, 120000);
	is_int(sim_reads_after(&s, thief, then), 0,
	       "%s: the former certificate's holder has no key of later", what);
	is_int(owner->gaps + b->gaps, 0, "%s: no packet is missed", what);
	member_leave(owner->m, "video");
	sim_run(&s, 20000);
	is_int(sim_group(&s).leaves, 1, "%s: the owner leaves as any other",
	       what);
	sim_down(thief);
	finish(what);
}

/*
 * The owner renews once more after a join, whose change has replaced the keys above the
 * leaf of the first time: the second key of the leaf has read none of it.
 */
static void test_turned_again(void)
{
	struct sim_member *thief, *owner, *other;
	uint64_t then;
	uint32_t ms;

	usual(69);
	sim_down(a);
	thief = with_cert(NAME, 200, false);
	come(thief);
	sim_down(thief);
	thief = with_cert(NAME, FORMER_S, false);
	come(thief);
	thief->mute = true;
	sim_run(&s, 40000);
	other = sim_add(&s, "c.example", false, true);
	come(other);
	sim_run(&s, 10000);
	ok(member_of(NAME)->path_renewed,
	   "again: the join has renewed the path");
	owner = with_cert(NAME, LATER_S, false);
	come(owner);
	ok(member_of(NAME)->renewed && !member_of(NAME)->path_renewed,
	   "again: the leaf has to be turned once more");
	sim_run(&s, 40000);
	sim_up(sim_add(&s, "d.example", false, true));
	sim_run(&s, 15000);
	ok(member_of(NAME)->path_renewed,
	   "again: a second join has renewed it");
	is_int(sim_evict(s.gcks, "video", "c.example", &ms, &err), 0,
	       "again: another member is evicted");
	sim_run(&s, 10000);
	then = s.ms;
	ok(!member_of(NAME)->renewed && !member_of(NAME)->more->former_ends,
	   "again: the former keys of the leaf are past");
	sim_run(&s, 30000);
	is_int(sim_reads_after(&s, thief, then), 0,
	       "again: the second key of the leaf reads nothing of later");
	ok(sim_in(owner), "again: the owner is in");
	is_int(owner->gaps + b->gaps, 0, "again: no packet is missed");
	restart(1000);
	sim_run(&s, FORMER_S * 1000);
	is_int(sim_log_count(&s, "former certificate no longer valid"), 0,
	       "again: the store does not know of former keys either");
	sim_down(thief);
	sim_down(other);
	finish("again");
}

/* ---- the record of a leaf that has no room for all ------------------------------- */

/*
 * Two hosts come in one batch, and the record has room for the certificate of one of
 * them: by the second the leaf gets another key, which the first has as well.
 */
static void test_full_record(void)
{
	uint8_t ref[CERT_REF_LEN] = { 1 };
	struct sim_member *first, *second;
	struct gmember *m;

	usual(64);
	sim_down(tx);
	sim_down(a);
	sim_down(b);
	s.store_ms = 5;
	/* When all keys have ended, receivers wait for new ones. */
	restart(4 * 3600 * 1000 + 60000);
	m = member_of(NAME);
	while (m->certs.n < CERT_REFS_MAX - 1) {
		ref[1]++;
		if (cert_refs_add(&m->certs, ref))
			bail("no memory");
	}
	first = with_cert(NAME, LATER_S, false);
	second = with_cert(NAME, LATER_S, false);
	s.store_ms = 200;
	gcks_evict_ahead(s.gcks, "video", "z.example", ignore_end, NULL);
	sim_up(first);
	sim_up(second);
	sim_run(&s, 400);
	is_int(sim_group(&s).pending, 2, "full: both hosts wait");
	s.store_ms = 5;
	sim_run(&s, 20000);
	ok(sim_in(first) && sim_in(second), "full: both hosts are in");
	is_int(sim_log_count(&s, "group change failed") +
		       sim_group(&s).store_errors,
	       0, "full: no change has failed");
	m = member_of(NAME);
	is_int(m->certs.n, 2, "full: the record has their certificates");
	is_int(m->more->former.n, CERT_REFS_MAX - 1,
	       "full: the record has the certificates of the former leaf key");
	finish("full");
}

/* ---- what is said over an IKE SA that outlives its certificate -------------------- */

/*
 * Return the host of a thief who has an IKE SA by the former certificate of @owner,
 * which has registered since, and whose certificate has ended.
 */
static struct sim_member *thief_with_sa(struct sim_member *owner)
{
	struct sim_member *thief = with_cert(owner->name, 60, owner->cg.send);

	thief->cg.name = (char *)"nosuch";
	sim_up(thief);
	sim_run(&s, 80000);
	if (!member_ike_sa(thief->m))
		bail("the IKE SA has ended");
	return thief;
}

static const struct ike_id video = {
	.type = IKE_ID_KEY_ID,
	.data = "video",
	.len = 5,
};

static void test_leaves(void)
{
	struct sim_member *thief;

	usual(61);
	thief = thief_with_sa(a);
	is_int(ike_leave(member_ike_sa(thief->m), &video), 0,
	       "leave: a report is sent");
	sim_run(&s, 60000);
	ok(sim_has_member(&s, NAME) && sim_in(a),
	   "leave: an ended certificate takes nobody out");
	is_int(sim_group(&s).leaves, 0, "leave: nobody left");
	is_int(a->gaps, 0, "leave: the owner misses no packet");
	is_int(sim_log_count(&s, "report received"), 0,
	       "leave: the report is not taken");
	ok(sim_logged(&s, "the certificate has expired"),
	   "leave: the log says why");
	sim_down(thief);
	finish("leave");
}

static void test_confirms(void)
{
	struct sim_member *thief, *sender;

	usual(62);
	sender = sim_add(&s, "s2.example", true, false);
	come(sender);
	thief = thief_with_sa(sender);
	sender->offline = true;
	is_int(sim_rekey(s.gcks, "video", &err), 0, "confirm: a rekey");
	sim_run(&s, 8000);
	is_int(sim_group(&s).unconfirmed, 1,
	       "confirm: a sender has not heard of the rekey");
	is_int(ike_report_sending(member_ike_sa(thief->m), &video,
				  sim_group(&s).data_spi),
	       0, "confirm: a report is sent");
	is_int(ike_report_rival(member_ike_sa(thief->m), &video,
				sim_group(&s).data_spi),
	       0, "rival: a report is sent");
	sim_run(&s, 2000);
	is_int(sim_group(&s).unconfirmed, 1,
	       "confirm: an ended certificate confirms nothing");
	is_int(sim_group(&s).rivals, 0,
	       "rival: an ended certificate reports none");
	sender->offline = false;
	sim_down(thief);
	sim_run(&s, 60000);
	is_int(sim_group(&s).unconfirmed, 0, "confirm: the sender itself does");
	finish("confirm");
}

/* ---- a check of a reload --------------------------------------------------------- */

static char lines[1024];

static void take_line(void *arg, const char *line)
{
	(void)arg;
	snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s\n",
		 line);
}

static const char *reload_tells(void)
{
	lines[0] = '\0';
	if (gcks_reload_check(s.gcks, &s.conf, s.psks, take_line, NULL, &err))
		bail("%s", err.text);
	return lines;
}

static const char *start_tells(void)
{
	struct gcks_deps deps = {
		.clock = &s.clock,
		.tq = &s.tq,
		.trust = s.trust,
	};

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

static void test_check(void)
{
	static const char changes[] =
		"group video: the keys change: a former certificate of \"a.example\" is revoked\n";
	struct sim_member *owner;
	struct crls *c;
	uint64_t keys;

	cert_s = LATER_S;
	usual(63);
	cert_s = 0;
	sim_down(a);
	owner = with_cert(NAME, 2 * LATER_S, false);
	come(owner);
	sim_run(&s, 20000);
	is_str(reload_tells(), "", "check: no list changes nothing");
	keys = sim_group(&s).rekeys;
	revoke_cert(&a->cert);
	c = read_list();
	trust_set_crls(s.trust, c);
	crls_free(lists);
	lists = c;
	is_str(reload_tells(), changes,
	       "check: the list changes the keys, and evicts nobody");
	is_int(sim_group(&s).rekeys, keys, "check: that changed nothing");
	sim_gcks_down(&s);
	s.crashed = false;
	is_str(start_tells(), changes, "check: a start does the same");
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	is_int(sim_group(&s).rekeys, 1, "check: the start did so");
	is_str(reload_tells(), "", "check: once");
	is_int(owner->gaps, 0, "check: the owner misses no packet");
	finish("check");
}

/*
 * Earlier releases did not store the certificates of former leaf keys, and then not
 * their end. They may have ended, and with a @list they may be revoked.
 */
static void test_older_record(uint8_t version, size_t len, bool list)
{
	struct sim_member *owner;
	uint64_t then;

	cert_s = LATER_S;
	usual(67);
	cert_s = 0;
	a->mute = true;
	owner = with_cert(NAME, 2 * LATER_S, false);
	come(owner);
	sim_gcks_down(&s);
	s.crashed = false;
	set_record(version, len, 0);
	if (list) {
		revoke_cert(&a->cert);
		reload();
	}
	is_str(start_tells(),
	       "group video: the keys change: a former certificate of \"a.example\" is not known, and may have expired\n",
	       "version %d: a check tells what a start does", version);
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	then = s.ms;
	sim_run(&s, 60000);
	is_int(sim_log_count(&s, "1 former certificate no longer valid"), 1,
	       "version %d: the log says why keys change", version);
	is_int(sim_group(&s).rekeys, 1, "version %d: the keys change once",
	       version);
	is_int(sim_reads_after(&s, a, then), 0,
	       "version %d: the thief has no key of the time after", version);
	ok(sim_in(owner) && !owner->gaps && !sim_group(&s).evictions,
	   "version %d: the owner stays", version);
	sim_down(a);
	finish("older record");
}

int main(void)
{
	sim_order_init(&s);
	RUN(test_ends, END_SOON);
	RUN(test_ends, END_JOIN);
	RUN(test_ends, END_RESTART);
	RUN(test_ends, END_DOWN);
	RUN(test_ends, END_TWICE);
	RUN(test_ends, END_PSK);
	RUN(test_twins, false);
	RUN(test_twins, true);
	RUN(test_two_ends, false);
	RUN(test_two_ends, true);
	RUN(test_store_fails);
	RUN(test_ends_while_stored, false);
	RUN(test_ends_while_stored, true);
	RUN(test_turned_again);
	RUN(test_full_record);
	RUN(test_leaves);
	RUN(test_confirms);
	RUN(test_check);
	RUN(test_older_record, 3, RECORD_3, true);
	RUN(test_older_record, 3, RECORD_3, false);
	RUN(test_older_record, 4, RECORD_4, false);
	return done();
}
