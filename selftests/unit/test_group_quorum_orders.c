// SPDX-License-Identifier: Apache-2.0
/*
 * Orders that two of three administrators have to sign: each takes effect once, and
 * what one has ordered in an emergency stays in force until it is confirmed or undone.
 */
#include "conf/document.h"
#include "ctl/ctl.h"
#include "order_sim.h"

static int count_waiting(void *arg, const struct signed_order *o)
{
	++*(int *)arg;
	return o->notified ? 100 : 0;
}

/* Return the number of evictions that wait, or 100 if one has not been confirmed. */
static int waiting(void)
{
	int n = 0, ret = quorum_waiting(s.gcks, "video", count_waiting, &n);

	return ret ? ret : n;
}

static void test_orders(void)
{
	uint32_t ms;

	with_orders = true;
	start_quorum(10);
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), -EPERM,
	       "nobody evicts without signatures");
	is_str(err.text,
	       "2 administrators have to sign this order (gcks.quorum.orders): see \"mcsecctl policy order\"",
	       "the reason is given that nobody evicts");
	is_int(sim_admit(s.gcks, "video", "b.example", &err), -EPERM,
	       "nobody admits without signatures");
	refuses(sign_by(order_text("evict", 1, "b.example", 60, ""), &x, NULL),
		-EPERM, "1 of 2 signatures that are needed",
		"an order with one signature");
	refuses(sign_by(order_text("evict", 1, "b.example", -1, ""), &x, &y),
		-ETIME, "it expired 1 s ago: write it again",
		"an order whose time is over");
	refuses(sign_by(order_text("evict", 1, "b.example", 32 * 86400, ""), &x,
			&y),
		-EINVAL, "it is valid for more than 31 days",
		"an order that is valid for long");
	refuses(sign_by(order_text("ban", 1, "b.example", 60, ""), &x, &y),
		-EINVAL, "\"order\" has to be \"evict\" or \"admit\"",
		"an order that does not exist");
	refuses(sign_by(order_text("evict", 1, "", 60, ""), &x, &y), -EINVAL,
		"\"identity\" has to be a text", "an order about nobody");
	refuses(sign_by(order_text("evict", 1, "b.example", 60,
				   ",\"groups\":\"all\""),
			&x, &y),
		-EINVAL, "\"groups\" is not known in mcsec-order",
		"an order with a condition that is not known");
	refuses(sign_by(order_text("admit", 1, "b.example", 60,
				   ",\"emergency\":true"),
			&x, &y),
		-EINVAL, "\"emergency\" is for an eviction alone",
		"an admission in an emergency");
	ok(sim_has_member(&s, "b.example"), "b.example is a member still");
	accepts(sign_by(order_text("evict", 1, "B.example", 60, ""), &x, &y),
		"an order with two signatures");
	sim_run(&s, 5000);
	ok(!sim_has_member(&s, "b.example"),
	   "the order has taken b.example out");
	is_int(waiting(), 0, "nothing waits for confirmation");
	is_int(sim_audited(&s, "order-signed", "b.example",
			   "evict, number 1: signed by x.example, y.example"),
	       1, "the audit trail has the order");
	stop_quorum();
}

static void test_replay(void)
{
	char *evict, *admit;

	with_orders = true;
	start_quorum(11);
	evict = sign_by(order_text("evict", 1, "b.example", 6000, ""), &x, &y);
	admit = sign_by(order_text("admit", 2, "b.example", 6000, ""), &x, &z);
	is_int(apply("video", evict).ret, 0, "an eviction");
	is_int(apply("video", evict).ret, 0,
	       "the eviction again, which is done already");
	is_int(apply("video", admit).ret, 0, "an admission");
	sim_run(&s, 1200000);
	ok(sim_has_member(&s, "b.example"), "b.example is a member again");
	refuses(evict, -ESTALE,
		"its number is 1, and the next order has number 3",
		"the eviction after the admission");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	refuses(sign_by(order_text("evict", 2, "b.example", 60, ""), &x, &y),
		-ESTALE, "its number is 2, and the next order has number 3",
		"another order of the same number, after a restart");
	accepts(sign_by(order_text("evict", 3, "b.example", 60, ""), &x, &y),
		"an eviction with the next number");
	refuses(admit, -ESTALE,
		"its number is 2, and the next order has number 4",
		"the admission after the next eviction");
	stop_quorum();
}

static void take_health(void *arg, char *text)
{
	*(bool *)arg = strstr(text, "\"evictions-unconfirmed\"") &&
		       strstr(text, "stay out: b.example");
	free(text);
}

/* Return true if the key server says that the eviction is not confirmed. */
static bool unhealthy(void)
{
	struct ctl_roles r = { .gcks = s.gcks,
			       .gcks_engine = s.engine,
			       .clock = &s.clock };
	static const char request[] = "{\"cmd\":\"health\"}";
	bool said = false;

	ctl_ask(&r, request, strlen(request), take_health, &said);
	return said;
}

#define EMERGENCY ",\"emergency\":true"

static void test_emergency(void)
{
	char both[512];

	with_orders = true;
	start_quorum(12);
	snprintf(both, sizeof(both), "%s",
		 order_text("evict", 1, "b.example", 6000, EMERGENCY));
	refuses(sign_by(order_text("evict", 9, "b.example", 60, EMERGENCY), &y,
			NULL),
		-ESTALE, "its number is 9, and the next order has number 1",
		"an emergency that would use numbers up");
	refuses(secret_dup(both, strlen(both) + 1), -EPERM,
		"0 of 1 signatures that are needed",
		"an emergency that nobody has signed");
	store_set_sink(s.store, &full_trail);
	refuses(sign_by(both, &y, NULL), -EIO, "not stored: the trail is full",
		"an emergency of which there can be no line");
	is_int(waiting(), 0, "nothing waits for confirmation");
	is_int(quorum_last_order(s.gcks, "video"), 0, "no order is stored");
	store_set_sink(s.store, NULL);
	accepts(sign_by(both, &y, NULL), "an emergency order of one");
	sim_run(&s, 2000);
	ok(!sim_has_member(&s, "b.example"), "b.example is out at once");
	is_int(waiting(), 1, "the eviction waits for confirmation");
	refuses(sign_by(order_text("evict", 2, "b.example", 60, EMERGENCY), &y,
			NULL),
		-EEXIST, "out by the emergency order 1",
		"a second emergency of the same identity");
	accepts(sign_by(order_text("evict", 2, "a.example", 6000, EMERGENCY),
			&z, NULL),
		"an emergency of somebody else");
	is_int(waiting(), 2, "two evictions wait for confirmation");
	accepts(sign_by(order_text("evict", 3, "a.example", 60, ""), &x, &z),
		"an order of two confirms the other one");
	accepts(sign_by(both, &y, NULL), "the same document again");
	is_int(waiting(), 1, "the same document confirms nothing");
	sim_run(&s, 3500 * 1000);
	is_int(waiting(), 1, "the time is not over yet");
	ok(!unhealthy(), "the health has no eviction that waits");
	sim_run(&s, 200 * 1000);
	is_int(waiting(), 100, "the time is over without a confirmation");
	ok(unhealthy(), "the health has the eviction that was not confirmed");
	ok(!sim_has_member(&s, "b.example"), "b.example stays out");
	is_int(sim_log_count(&s, "eviction not confirmed: \"b.example\""), 1,
	       "the log says that it was not confirmed");
	is_int(sim_audited(&s, "unconfirmed", "b.example",
			   "order 1 by y.example"),
	       1, "the audit trail says that it was not confirmed");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	is_int(waiting(), 100, "a restart does not forget that");
	is_int(sim_log_count(&s, "eviction not confirmed: \"b.example\""), 1,
	       "a restart does not repeat the line of the log");
	accepts(sign_by(both, &y, &z), "the same document with two signatures");
	is_int(waiting(), 0, "the eviction is confirmed");
	ok(!unhealthy(), "the health has no confirmed eviction");
	is_int(sim_audited(&s, "order-confirmed", "b.example",
			   "evict, number 1: signed by y.example, z.example"),
	       1, "the audit trail has the confirmation");
	ok(!sim_has_member(&s, "b.example"), "the confirmed eviction stands");
	stop_quorum();
}

/* An admission that enough have signed ends an eviction that one has ordered. */
static void test_undone(void)
{
	char once[512];
	uint32_t ms;

	with_orders = true;
	start_quorum(13);
	snprintf(once, sizeof(once), "%s",
		 order_text("evict", 1, "b.example", 6000, EMERGENCY));
	accepts(sign_by(once, &y, NULL), "an emergency order of one");
	refuses(sign_by(order_text("admit", 2, "b.example", 60, ""), &y, NULL),
		-EPERM, "1 of 2 signatures",
		"an admission that one has signed");
	accepts(sign_by(order_text("admit", 2, "b.example", 60, ""), &x, &z),
		"an admission that two have signed");
	is_int(waiting(), 0, "nothing is to be confirmed any more");
	refuses(sign_by(once, &y, NULL), -ESTALE,
		"its number is 1, and the next order has number 3",
		"the emergency order after that");
	stop_quorum();
	with_orders = false;
	start_quorum(14);
	refuses(sign_by(once, &x, &y), -EOPNOTSUPP,
		"orders need no signatures here", "an order without orders");
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "an eviction at the control socket");
	stop_quorum();
}

/* Die after @text is stored by @by and @with, and before it is carried out. */
static void interrupt(const char *text, const struct admin *by,
		      const struct admin *with)
{
	char *pem = sign_by(text, by, with);

	apply_and_die(pem, SIM_AFTER_COMMIT,
		      "the key server dies after the order is stored");
	sim_gcks_up(&s);
	secret_free(pem);
}

static bool is_unfinished(const char *identity)
{
	bool evict;

	return signed_orders_unfinished(s.store, "video", identity, &evict);
}

static void test_interrupted(void)
{
	with_orders = true;
	start_quorum(15);
	interrupt(order_text("evict", 1, "b.example", 6000, ""), &x, &y);
	ok(is_unfinished("b.example"), "the eviction is not carried out yet");
	sim_run(&s, 60000);
	ok(!sim_has_member(&s, "b.example"), "the start carries it out");
	ok(!is_unfinished("b.example"), "the eviction is done");
	interrupt(order_text("evict", 2, "a.example", 6000, EMERGENCY), &z,
		  NULL);
	is_int(waiting(), 1, "an emergency that was interrupted waits");
	sim_run(&s, 60000);
	ok(!sim_has_member(&s, "a.example"), "the start carries that out too");
	interrupt(order_text("admit", 3, "a.example", 6000, ""), &x, &y);
	sim_run(&s, 1200000);
	ok(sim_has_member(&s, "a.example"), "the start admits too");
	ok(!is_unfinished("a.example"), "the admission is done");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	is_int(sim_log_count(&s, "as before"), 3,
	       "another start finds nothing to do");
	ok(sim_has_member(&s, "a.example"), "the admitted member stays in");
	stop_quorum();
}

/* An order that the store takes, and the change of the group not yet, is tried again. */
static void test_again(void)
{
	with_orders = true;
	start_quorum(16);
	interrupt(order_text("evict", 1, "a.example", 6000, ""), &x, &y);
	s.store_errno = -ENOSPC;
	sim_run(&s, 30000);
	ok(sim_log_count(&s, "signed order not carried out: number 1: ") > 0,
	   "the log says that the store refuses an order");
	ok(is_unfinished("a.example"), "the order is kept");
	s.store_errno = 0;
	sim_run(&s, 120000);
	ok(!sim_has_member(&s, "a.example"), "the order is tried again");
	ok(!is_unfinished("a.example"), "nothing is left to do");
	stop_quorum();
}

/* An eviction that two have ordered is not one that one has ordered alone. */
static void test_already(void)
{
	with_orders = true;
	start_quorum(17);
	accepts(sign_by(order_text("evict", 1, "b.example", 6000, ""), &x, &y),
		"an eviction by two");
	refuses(sign_by(order_text("evict", 2, "b.example", 6000, EMERGENCY),
			&z, NULL),
		-EALREADY, "it is about somebody who is evicted already",
		"an emergency about somebody who is out");
	sim_run(&s, 4000 * 1000);
	is_int(waiting(), 0, "nothing waits for confirmation");
	ok(!unhealthy(), "the health has no unconfirmed eviction");
	stop_quorum();
}

/* One administrator cannot keep the others from giving orders. */
static void test_crowd(void)
{
	char *admit, *evict, *late, id[32];
	unsigned int i;

	with_orders = true;
	start_quorum(18);
	accepts(sign_by(order_text("evict", 1, "b.example", 6000, ""), &x, &z),
		"an eviction by two");
	admit = sign_by(order_text("admit", 40, "b.example", 6000, ""), &x, &z);
	evict = sign_by(order_text("evict", 39, "d.example", 6000, ""), &x, &z);
	late = sign_by(order_text("evict", 38, "e.example", 6000, ""), &x, &z);
	for (i = 0; i < QUORUM_UNCONFIRMED; i++) {
		char *pem;

		snprintf(id, sizeof(id), "nobody%u.example", i);
		pem = sign_by(order_text("evict", i + 2, id, 6000, EMERGENCY),
			      &y, NULL);
		is_int(apply("video", pem).ret, 0, "emergency %u", i);
		secret_free(pem);
	}
	refuses(sign_by(order_text("evict", i + 2, "more.example", 6000,
				   EMERGENCY),
			&y, NULL),
		-EDQUOT,
		"\"y.example\" has evicted 16 that others have not confirmed",
		"one emergency too many");
	is_int(waiting(), QUORUM_UNCONFIRMED, "the others wait");
	accepts(sign_by(order_text("evict", i + 2, "c.example", 6000,
				   EMERGENCY),
			&z, NULL),
		"an emergency of another administrator");
	refuses(admit, -ESTALE,
		"its number is 40, and the next order has number 19",
		"an admission that skips numbers");
	accepts(evict, "an eviction that skips numbers");
	refuses(late, -ESTALE,
		"its number is 38, and the next order has number 40",
		"an eviction with a number below that");
	accepts(sign_by(order_text("admit", 40, "b.example", 6000, ""), &x, &z),
		"an admission with the next number");
	stop_quorum();
}

/* An admission that was signed and kept does not undo a later eviction. */
static void test_kept_back(void)
{
	char *kept, *soon;

	with_orders = true;
	start_quorum(19);
	kept = sign_by(order_text("admit", 3, "b.example", 2000000, ""), &x,
		       &y);
	soon = sign_by(order_text("admit", 2, "b.example", 2000000, ""), &x,
		       &y);
	accepts(sign_by(order_text("evict", 1, "b.example", 60, ""), &x, &z),
		"an eviction by two");
	accepts(soon, "an admission by two");
	accepts(sign_by(order_text("evict", 4, "b.example", 60, ""), &y, &z),
		"an eviction that skips a number");
	sim_run(&s, 5000);
	refuses(kept, -ESTALE,
		"its number is 3, and the next order has number 5",
		"an admission whose number was skipped");
	refuses(sign_by(order_text("admit", 9, "b.example", 60, ""), &x, &y),
		-ESTALE, "its number is 9, and the next order has number 5",
		"an admission with a number of later");
	sim_run(&s, 1200000);
	ok(!sim_has_member(&s, "b.example"), "b.example stays out");
	stop_quorum();
}

/* No document uses up the numbers that there are. */
static void test_last_number(void)
{
	with_orders = true;
	start_quorum(20);
	refuses(sign_by(order_text("evict", DOCUMENT_VERSION_MAX, "c.example",
				   60, ""),
			&x, &y),
		-ESTALE,
		"its number is 9007199254740991, and an eviction has one from 1 to 256 now",
		"an eviction with the last number");
	refuses(sign_by(order_text("evict", DOCUMENT_VERSION_MAX, "c.example",
				   60, EMERGENCY),
			&x, NULL),
		-ESTALE, "and the next order has number 1",
		"an emergency with the last number");
	refuses(sign_by(order_text("evict", 257, "c.example", 60, EMERGENCY),
			&x, &y),
		-ESTALE,
		"its number is 257, and an eviction has one from 1 to 256 now",
		"an eviction that skips one number too many");
	accepts(sign_by(order_text("evict", 256, "c.example", 60, ""), &x, &y),
		"an eviction that skips as many as it may");
	accepts(sign_by(order_text("evict", 257, "b.example", 60, EMERGENCY),
			&x, NULL),
		"an emergency after that");
	stop_quorum();
}

int main(void)
{
	RUN(test_orders);
	RUN(test_replay);
	RUN(test_emergency);
	RUN(test_undone);
	RUN(test_interrupted);
	RUN(test_again);
	RUN(test_already);
	RUN(test_crowd);
	RUN(test_kept_back);
	RUN(test_last_number);
	return done();
}
