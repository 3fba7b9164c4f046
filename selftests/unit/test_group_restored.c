// SPDX-License-Identifier: Apache-2.0
/*
 * A restored store: from a backup, with a record missing, or without the
 * witness. No evicted member is admitted, no number is assigned twice, and all
 * entitled members are back in step.
 */
#include "gcks/group.h"
#include "group_sim.h"
#include "store/store.h"
#include "group_finish.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct err err;

static void drop_store(const char *path)
{
	char wal[160];

	unlink(path);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	unlink(wal);
}

static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init(&s, seed);
	three = sim_start_three(&s, true, 30000, 0);
	tx = three.tx;
	a = three.a;
	b = three.b;
}

static void evict(const char *who)
{
	uint32_t ms;

	if (sim_evict_ahead(s.gcks, "video", who, &ms, &err))
		bail("%s", err.text);
}

static void test_backup(void)
{
	struct sim_member *s2, *c;
	char bak[128], late[128];
	uint32_t ms;

	usual(21);
	s2 = sim_add(&s, "s2.example", true, true);
	/* An identity that is not a member is kept out too. */
	evict("x.example");
	sim_gcks_down(&s);
	snprintf(bak, sizeof(bak), "%s.bak", s.path);
	sim_copy_store(s.path, bak);
	sim_gcks_up(&s);
	ok(!sim_group(&s).restarts, "a restart with its own store is no news");
	sim_stream(&s, tx, 100);
	sim_up(s2);
	sim_settle(&s, 5000);
	evict("b.example");
	/* The identity is not a member when it is evicted. */
	evict("d.example");
	sim_run(&s, 30000);
	if (sim_rekey(s.gcks, NULL, &err))
		bail("%s", err.text);
	sim_run(&s, 30000);
	sim_admit(s.gcks, "video", "x.example", &err);
	is_int(sim_group(&s).denied, 2, "an admission ends a denial");

	sim_gcks_down(&s);
	snprintf(late, sizeof(late), "%s.late", s.path);
	sim_copy_store(s.path, late);
	sim_copy_store(bak, s.path);
	sim_gcks_up(&s);
	ok(sim_logged(&s,
		      "group video: store restored: the store is older than its witness"),
	   "a store put back from a backup is noticed");
	is_int(sim_audited(&s, "reset", NULL, "older than its witness"), 1,
	       "the store put back is on record");
	is_int(sim_group(&s).restarts, 1, "the group is reset");
	is_int(sim_group(&s).denied, 3, "the union of the evicted stays out");
	is_int(sim_evict(s.gcks, "video", "d.example", &ms, &err), -EALREADY,
	       "the restored store knows who was evicted without being a member");
	c = sim_add(&s, "c.example", false, true);
	sim_up(c);
	sim_down(b);
	sim_up(b);
	sim_run(&s, 60000);
	ok(sim_in(c), "a new member gets in");
	ok(!sim_in(b) && !sim_has_member(&s, "b.example"),
	   "a member evicted since the backup does not get in");
	sim_down(b);

	/* After the second start the store is trusted. */
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 0, "a second start believes it");
	is_int(sim_group(&s).denied, 3, "backup: all denials are there");
	sim_gcks_down(&s);
	sim_copy_store(bak, s.path);
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 1, "the same backup again is noticed");
	is_int(sim_group(&s).denied, 3, "nobody gets in by the same backup");
	sim_gcks_down(&s);
	sim_copy_store(late, s.path);
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 1,
	       "the store of before the backup, put back in turn, is noticed");
	drop_store(bak);
	drop_store(late);
	sim_finish(&s, "backup");
}

static void test_lost(void)
{
	char key[STORE_KEY_MAX], bak[128], old[128];

	/* Only the store is lost. */
	usual(22);
	evict("b.example");
	sim_run(&s, 5000);
	sim_gcks_down(&s);
	drop_store(s.path);
	sim_gcks_up(&s);
	ok(sim_logged(&s, "the group is missing in the store"),
	   "a new store is noticed");
	is_int(sim_group(&s).denied, 1, "the evicted one stays out");
	sim_finish(&s, "store lost");

	/* The store moves to another host, without the witness. */
	usual(23);
	evict("b.example");
	sim_run(&s, 5000);
	sim_gcks_down(&s);
	drop_store(s.witness_path);
	sim_gcks_up(&s);
	ok(sim_logged(&s, "the witness of the store is missing"),
	   "a store without its witness is not believed");
	is_int(sim_group(&s).denied, 1,
	       "the denials of a store without its witness hold");
	sim_finish(&s, "witness lost");

	/* The store has one row less. */
	usual(24);
	evict("b.example");
	sim_run(&s, 5000);
	sim_gcks_down(&s);
	s.crashed = false;
	sim_store_up(&s);
	store_key(key, "g", "video", "d", "b.example", NULL);
	if (store_begin(s.store) || store_del(s.store, key) ||
	    store_commit(s.store))
		bail("store");
	store_close(s.store);
	store_close(s.witness);
	sim_gcks_up(&s);
	ok(sim_logged(&s, "an eviction is missing"),
	   "a deleted record of an eviction is noticed");
	is_int(sim_group(&s).denied, 1,
	       "a deleted record of an eviction does not let the member in");
	sim_finish(&s, "row deleted");

	/* The witness was restored, and the store was not. */
	usual(25);
	sim_gcks_down(&s);
	snprintf(bak, sizeof(bak), "%s.bak", s.path);
	snprintf(old, sizeof(old), "%s.old", s.path);
	sim_copy_store(s.witness_path, bak);
	sim_copy_store(s.path, old);
	sim_gcks_up(&s);
	evict("b.example");
	sim_run(&s, 5000);
	sim_gcks_down(&s);
	sim_copy_store(bak, s.witness_path);
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 0, "an older witness harms nobody");
	is_int(sim_group(&s).denied, 1, "the store's evictions hold");
	sim_gcks_down(&s);
	sim_copy_store(old, s.path);
	drop_store(old);
	drop_store(bak);
	sim_gcks_up(&s);
	ok(sim_logged(&s, "the store is older than its witness"),
	   "an older witness was brought up to date");
	is_int(sim_group(&s).denied, 1, "with the eviction in it");
	sim_finish(&s, "witness back");
}

/* ---- a witness that fails ------------------------------------------------ */

static struct store_ops full;

static int no_room(void *ctx)
{
	full.abort(ctx);
	return -ENOSPC;
}

static void fill_witness(void)
{
	full = *s.witness->ops;
	full.commit = no_room;
	full.submit = NULL; /* SIM_STORE_MS has its own commit */
	s.witness->ops = &full;
}

/* The disk of the witness is full while @who is evicted. */
static void evict_unwitnessed(const char *who)
{
	const struct store_ops *real = s.witness->ops;

	fill_witness();
	evict(who);
	sim_run(&s, 1000);
	ok(sim_logged(&s, "the witness was not written"),
	   "a witness that is full is in the log");
	s.witness->ops = real;
}

static void test_witness_was_full(bool rekey)
{
	char old[128];

	usual(30 + rekey);
	snprintf(old, sizeof(old), "%s.old", s.path);
	sim_copy_store(s.path, old);
	evict_unwitnessed("b.example");
	if (rekey)
		sim_rekey(s.gcks, "video", &err);
	sim_run(&s, rekey ? 1000 : 7000);
	ok(sim_logged(&s, "witness complete again") || rekey,
	   "the witness is written again without a change");
	sim_gcks_down(&s);
	sim_copy_store(old, s.path);
	sim_gcks_up(&s);
	ok(sim_logged(&s, "the store is older than its witness"),
	   "rekey %d: an old store is noticed", rekey);
	is_int(sim_group(&s).denied, 1,
	       "rekey %d: the denial is in the witness", rekey);
	sim_run(&s, 600000);
	ok(!sim_has_member(&s, "b.example") && !sim_in(b),
	   "rekey %d: the evicted member stays out", rekey);
	sim_free(&s);
}

/* The key server ends before the witness is told of an admission. */
static void test_admitted_unwitnessed(void)
{
	usual(32);
	evict("b.example");
	sim_run(&s, 5000);
	fill_witness();
	if (sim_admit(s.gcks, "video", "b.example", &err))
		bail("%s", err.text);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 0,
	       "a store that is newer than its witness is believed");
	is_int(sim_group(&s).denied, 0,
	       "a member that was admitted is not denied again");
	sim_finish(&s, "admitted");
}

/* Lose the store, start without it, and count who stays out by the witness. */
static unsigned int denied_without_store(void)
{
	sim_gcks_down(&s);
	drop_store(s.path);
	sim_gcks_up(&s);
	return sim_group(&s).denied;
}

/* The witness has each change once, also after a store that was not trusted. */
static void test_denied_again(void)
{
	int64_t then;
	uint32_t ms;

	usual(34);
	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	then = s.wall0 + (int64_t)s.ms / 1000;
	sim_run(&s, 5000);
	is_int(denied_without_store(), 1, "a first eviction is witnessed");
	is_int(TAILQ_FIRST(&TAILQ_FIRST(&s.gcks->groups)->denied)->since, then,
	       "the witness has the time of the first eviction");
	sim_run(&s, 60000);
	if (sim_admit(s.gcks, "video", "b.example", &err))
		bail("%s", err.text);
	evict("b.example");
	then = s.wall0 + (int64_t)s.ms / 1000;
	sim_run(&s, 5000);
	is_int(denied_without_store(), 1,
	       "an eviction after an admission is witnessed");
	is_int(TAILQ_FIRST(&TAILQ_FIRST(&s.gcks->groups)->denied)->since, then,
	       "the witness has the time of the eviction");
	evict("d.example");
	is_int(denied_without_store(), 2,
	       "an eviction after a lost store is witnessed");
	sim_finish(&s, "denied again");
}

/* A change at a start is witnessed before anything else happens. */
static void test_changed_at_start(void)
{
	char old[128];

	usual(35);
	sim_gcks_down(&s);
	snprintf(old, sizeof(old), "%s.old", s.path);
	sim_copy_store(s.path, old);
	s.cg.alg.key_bits = 256;
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 1, "a start with another algorithm");
	sim_gcks_down(&s);
	sim_copy_store(old, s.path);
	drop_store(old);
	sim_gcks_up(&s);
	ok(sim_logged(&s, "the store is older than its witness"),
	   "the store of before that start is noticed");
	sim_free(&s);
}

static void take_ret(void *arg, int ret, uint32_t effective_ms, const char *why)
{
	(void)effective_ms;
	(void)why;
	*(int *)arg = ret;
}

/*
 * The witness is to be written again while a change is in flight that the store
 * refuses. The version of that change must not get into the witness.
 */
static void test_witness_waits(void)
{
	int ret = 1;

	sim_init(&s, 36);
	s.store_ms = 5;
	sim_start_three(&s, true, 30000, 0);
	evict_unwitnessed("b.example");
	is_int(sim_group(&s).store_errors, 1,
	       "a witness that fails counts as a store that fails");
	sim_run(&s, 3500);
	s.store_ms = 400;
	s.store_errno = -ENOSPC;
	gcks_rekey(s.gcks, "video", take_ret, &ret);
	sim_run(&s, 1000);
	is_int(ret, -ENOSPC, "the rekey is refused meanwhile");
	s.store_errno = 0;
	ok(!sim_logged(&s, "witness complete again"),
	   "the witness waits for the end of the change");
	sim_run(&s, 4700);
	ok(sim_group(&s).in_flight, "the witness is written like a change");
	sim_run(&s, 1000);
	ok(sim_logged(&s, "witness complete again"),
	   "the witness is written when the change has failed");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 0,
	       "the witness is not ahead of the store");
	sim_free(&s);
}

static void test_empty_group(void)
{
	sim_init(&s, 33);
	sim_gcks_up(&s);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 0,
	       "a group that nobody joined is as it was after a restart");
	sim_free(&s);
}

/* Without a witness all goes on, and nobody notices an older store. */
static void test_no_witness(void)
{
	char old[128];

	sim_init(&s, 34);
	s.no_witness = true;
	b = sim_start_three(&s, true, 30000, 20).b;
	snprintf(old, sizeof(old), "%s.old", s.path);
	evict("b.example");
	sim_run(&s, 30000);
	sim_down(b);
	is_int(sim_rekey(s.gcks, "video", &err), 0, "no witness: a rekey");
	is_int(sim_admit(s.gcks, "video", "b.example", &err), 0,
	       "no witness: an admission");
	evict("b.example");
	sim_run(&s, 30000);
	sim_gcks_down(&s);
	sim_copy_store(s.path, old);
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 0,
	       "no witness: a restart with its own store is no news");
	is_int(sim_group(&s).denied, 1, "no witness: the denial is stored");
	is_int(sim_admit(s.gcks, "video", "b.example", &err), 0,
	       "no witness: a second admission");
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0, "no witness: all are in step");
	is_int(s.m[1]->gaps, 0, "no witness: no packet is lost");
	ok(!sim_group(&s).witness_behind,
	   "no witness: nothing is said to be missing in it");
	sim_gcks_down(&s);
	sim_copy_store(old, s.path);
	sim_gcks_up(&s);
	is_int(sim_group(&s).restarts, 0,
	       "no witness: an older store is taken as it is");
	is_int(sim_group(&s).denied, 1,
	       "no witness: the older store does not know of the admission");
	drop_store(old);
	sim_free(&s);
}

int main(void)
{
	RUN(test_backup);
	RUN(test_lost);
	RUN(test_witness_was_full, false);
	RUN(test_witness_was_full, true);
	RUN(test_admitted_unwitnessed);
	RUN(test_denied_again);
	RUN(test_changed_at_start);
	RUN(test_witness_waits);
	RUN(test_empty_group);
	RUN(test_no_witness);
	return done();
}
