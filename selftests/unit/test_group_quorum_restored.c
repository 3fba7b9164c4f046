// SPDX-License-Identifier: Apache-2.0
/*
 * Orders that were stored and not carried out yet, when the key server goes on later or
 * with an older copy of its store: nobody comes back by an admission that is over.
 */
#include "gcks/group.h"
#include "gcks/witness.h"
#include "order_sim.h"
#include "store/store.h"

#define DROPPED "signed order dropped: number 2: admit \"b.example\": "

static char backup[160];

/* Evict b.example, and die with an admission that is stored and not carried out. */
static void begin_admission(uint64_t seed, int64_t until_s)
{
	char *pem;

	with_orders = true;
	start_quorum(seed);
	snprintf(backup, sizeof(backup), "%s/backup", s.dir);
	accepts(sign_by(order_text("evict", 1, "b.example", 3600, ""), &x, &z),
		"an eviction");
	/* Nothing else is to be stored in the moment of the order. */
	sim_run(&s, 60000);
	pem = sign_by(order_text("admit", 2, "b.example", until_s, ""), &x, &y);
	apply_and_die(pem, SIM_AFTER_COMMIT,
		      "the key server dies after the admission is stored");
	secret_free(pem);
}

static bool is_unfinished(const char *identity)
{
	bool evict;

	return signed_orders_unfinished(s.store, "video", identity, &evict);
}

static uint64_t noted(void)
{
	uint64_t number = 0;

	if (witness_order(TAILQ_FIRST(&s.gcks->groups), &number))
		bail("no witness");
	return number;
}

/* The key server dies, or the witness fails, between an order and its number there. */
static void test_noted(void)
{
	begin_admission(64, 3600);
	sim_gcks_up(&s);
	sim_run(&s, 10);
	is_int(noted(), 2, "the next start notes the number");
	sim_run(&s, 60000);
	if (store_txn_begin(s.witness))
		bail("the witness is busy");
	accepts(sign_by(order_text("evict", 3, "b.example", 3600, ""), &y, &z),
		"an eviction while the witness fails");
	is_int(noted(), 2, "the witness lacks its number");
	store_txn_discard(s.witness);
	sim_run(&s, 61000);
	is_int(noted(), 3, "the number is noted a minute later");
	stop_quorum();
}

/* The copy has an admission that was carried out since, and undone by an eviction. */
static void test_restored(void)
{
	begin_admission(60, 360000);
	sim_copy_store(s.path, backup);
	sim_gcks_up(&s);
	sim_run(&s, 1200000);
	ok(sim_has_member(&s, "b.example"), "the next start carries it out");
	accepts(sign_by(order_text("evict", 3, "b.example", 3600, ""), &y, &z),
		"another eviction");
	sim_run(&s, 20000);
	ok(!sim_has_member(&s, "b.example"), "b.example is out again");
	sim_gcks_down(&s);
	sim_copy_store(backup, s.path);
	sim_gcks_up(&s);
	is_int(sim_log_count(&s, "1 evicted identities stay out"), 1,
	       "the key server finds the copy of the store");
	is_int(sim_log_count(&s, DROPPED "the store was restored"), 1,
	       "the log says that the admission is dropped");
	is_int(sim_audited(&s, "order-dropped", "b.example",
			   "admit, number 2: the store was restored"),
	       1, "the audit trail has it too");
	ok(!is_unfinished("b.example"), "nothing is left to carry out");
	sim_run(&s, 1200000);
	ok(!sim_has_member(&s, "b.example"), "the copy admits nobody");
	refuses(sign_by(order_text("admit", 2, "b.example", 3600, ""), &x, &y),
		-ESTALE, "its number is 2, and the next order has number 4",
		"the admission, brought again to the copy");
	refuses(sign_by(order_text("admit", 3, "b.example", 3600, ""), &x, &y),
		-ESTALE, "its number is 3, and the next order has number 4",
		"another one with a number that was used");
	accepts(sign_by(order_text("admit", 4, "b.example", 3600, ""), &x, &y),
		"an admission with the next number");
	sim_run(&s, 1200000);
	ok(sim_has_member(&s, "b.example"), "a new admission counts");
	stop_quorum();
}

/* An eviction that was not carried out is, also by a copy. */
static void test_restored_eviction(void)
{
	char *pem;

	with_orders = true;
	start_quorum(61);
	snprintf(backup, sizeof(backup), "%s/backup", s.dir);
	pem = sign_by(order_text("evict", 1, "b.example", 60, ""), &x, &z);
	apply_and_die(pem, SIM_AFTER_COMMIT,
		      "the key server dies after the eviction is stored");
	secret_free(pem);
	sim_copy_store(s.path, backup);
	sim_gcks_up(&s);
	sim_run(&s, 5000);
	accepts(sign_by(order_text("evict", 2, "c.example", 60, ""), &x, &z),
		"another eviction");
	sim_run(&s, 5000);
	sim_gcks_down(&s);
	sim_copy_store(backup, s.path);
	sim_run(&s, 3600 * 1000);
	sim_gcks_up(&s);
	sim_run(&s, 1200000);
	ok(!sim_has_member(&s, "b.example"),
	   "the copy has carried out its eviction, an hour after its time");
	ok(!sim_has_member(&s, "c.example"),
	   "whom the copy does not know stays out by the witness");
	is_int(sim_log_count(&s, "signed order dropped"), 0,
	       "no eviction is dropped");
	stop_quorum();
}

static void test_late(void)
{
	begin_admission(62, 60);
	sim_run(&s, 3600 * 1000);
	sim_gcks_up(&s);
	sim_run(&s, 1200000);
	ok(!sim_has_member(&s, "b.example"),
	   "an admission is not carried out an hour after its time");
	is_int(sim_log_count(&s, DROPPED "its time is over"), 1,
	       "the log says that its time is over");
	ok(!is_unfinished("b.example"), "the late admission is forgotten");
	stop_quorum();
}

/* The store refuses an admission until its time is over. */
static void test_late_by_failure(void)
{
	begin_admission(63, 300);
	sim_gcks_up(&s);
	s.store_errno = -ENOSPC;
	sim_run(&s, 240000);
	ok(sim_log_count(&s, "signed order not carried out: number 2: ") > 0,
	   "the store refuses the admission");
	sim_run(&s, 120000);
	ok(sim_log_count(&s, "signed order not carried out: ") > 0,
	   "the store refuses that it is dropped");
	s.store_errno = 0;
	sim_run(&s, 1200000);
	ok(!sim_has_member(&s, "b.example"),
	   "an admission whose time ended meanwhile is not carried out");
	ok(!is_unfinished("b.example"), "the admission is forgotten then");
	stop_quorum();
}

int main(void)
{
	RUN(test_restored);
	RUN(test_restored_eviction);
	RUN(test_noted);
	RUN(test_late);
	RUN(test_late_by_failure);
	return done();
}
