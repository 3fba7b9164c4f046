// SPDX-License-Identifier: Apache-2.0
/*
 * Members that move over their IKE SAs (MOBIKE, RFC 4555): the membership goes on at the
 * new address, whatever one-place says of a second host.
 */
#include "group_finish.h"
#include "group_sim.h"
#include "kernel/link.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"

static struct sim s;
static struct sim_member *tx, *a;
static unsigned int slow_ms; /* see sim.store_ms */

static void begin(uint64_t seed, enum conf_one_place policy, bool inband)
{
	sim_init_rare(&s, seed);
	s.mobike = true;
	if (slow_ms)
		s.store_ms = slow_ms;
	s.cg.one_place = policy;
	s.cg.inband = inband ? INBAND_ASKED : INBAND_NEVER;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, false);
	a = sim_add(&s, "a.example", false, true);
	a->cg.inband = inband;
	tx->conf.local = (struct ep){ 0 };
	a->conf.local = (struct ep){ 0 };
	sim_up(tx);
	sim_up(a);
	if (!sim_settle(&s, 20000))
		bail("not all are in");
	sim_run(&s, 10000);
	sim_stream(&s, tx, 50);
	sim_run(&s, 1000);
}

static void move_to(struct sim_member *m, const char *addr)
{
	const struct link_event ev = { .what = LINK_ADDR };

	if (ep_parse(addr, m->ep.port, &m->ep))
		bail("address");
	member_link_event(m->m, &ev);
}

static const char *sought;

static int take_at(void *arg, const struct gcks_member_status *st)
{
	if (!strcmp(st->identity, sought))
		*(struct addr *)arg = st->at;
	return 0;
}

static const char *at(const char *identity)
{
	static char buf[ADDR_STRLEN];
	struct addr where = { 0 };

	sought = identity;
	gcks_each_member(s.gcks, "video", take_at, &where);
	return addr_str(&where, buf);
}

/* The store has the address as well: the key server starts from that. */
static void survives(const char *addr, const char *what)
{
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	is_str(at("a.example"), addr, "%s: after a restart", what);
	/* Both register anew, from where they are. */
	sim_down(a);
	mock_kernel_reset(&a->mk);
	sim_up(a);
	sim_run(&s, 10000);
	ok(sim_in(a), "%s: in after a restart of both", what);
	is_int(sim_audited(&s, "two-places", "a.example", ""), 0,
	       "%s: no second place", what);
}

static void policy(enum conf_one_place one_place, const char *what)
{
	struct gcks_group_status was;
	uint64_t registrations;

	begin(1, one_place, false);
	was = sim_group(&s);
	registrations = sim_status(a).registrations;
	move_to(a, "10.9.0.7");
	sim_run(&s, 1000);
	is_str(at("a.example"), "10.9.0.7", "%s: the roster has the address",
	       what);
	is_int(sim_audited(&s, "moved", "a.example",
			   "from 10.1.0.2 to 10.9.0.7:848"),
	       1, "%s: the audit trail has both addresses", what);
	is_int(sim_log_count(&s, "member moved: "), 1, "%s: one line", what);
	is_int(sim_status(a).registrations - registrations, 0,
	       "%s: the member has not registered for that", what);
	is_int(sim_group(&s).rekeys - was.rekeys, 0, "%s: no rekey", what);
	is_int(sim_group(&s).members, 2, "%s: two members", what);
	is_int(ike_engine_stats(s.engine)->moved, 1, "%s: one has moved", what);
	sim_run(&s, 2000);
	is_int(sim_gaps(&s), 0, "%s: no packet is missed", what);
	survives("10.9.0.7", what);
	sim_finish(&s, what);
}

static void test_allow(void)
{
	policy(ONE_PLACE_ALLOW, "allow");
}

static void test_refuse(void)
{
	policy(ONE_PLACE_REFUSE, "refuse");
}

static void test_replace(void)
{
	policy(ONE_PLACE_REPLACE, "replace");
}

/* A sender reports what it sends with from its new address, as the same host. */
static void test_sender(void)
{
	uint32_t spi;
	struct err err;

	begin(2, ONE_PLACE_ALLOW, false);
	move_to(tx, "10.9.0.8");
	sim_run(&s, 1000);
	is_str(at("s.example"), "10.9.0.8", "the sender has moved");
	spi = sim_group(&s).data_spi;
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 30000);
	ok(sim_group(&s).data_spi != spi, "the keys have changed");
	is_int(sim_status(tx).out_spi, sim_group(&s).data_spi,
	       "the sender has followed");
	is_int(sim_group(&s).unconfirmed, 0,
	       "the sender has confirmed the change");
	is_int(ike_engine_stats(s.engine)->up, 2,
	       "over the IKE SA that it had");
	is_int(sim_audited(&s, "two-places", "s.example", ""), 0,
	       "a sender that has moved is no second host");
	sim_finish(&s, __func__);
}

/* Keys that come over the IKE SA come to the new address. */
static void test_inband(void)
{
	uint64_t registrations;
	struct err err;

	begin(3, ONE_PLACE_REFUSE, true);
	registrations = sim_status(a).registrations;
	move_to(a, "10.9.0.7");
	sim_run(&s, 1000);
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 30000);
	is_int(sim_status(a).data_spi, sim_group(&s).data_spi,
	       "the member has the keys");
	is_int(sim_status(a).registrations - registrations, 0,
	       "rekeyed inband without registering again");
	is_int(sim_gaps(&s), 0, "inband: no packet is missed");
	sim_finish(&s, __func__);
}

/* Nothing is lost while the store does not take it. */
static void test_store_fails(void)
{
	begin(4, ONE_PLACE_REFUSE, false);
	s.store_errno = ENOSPC;
	move_to(a, "10.9.0.7");
	sim_run(&s, 1000);
	is_str(at("a.example"), "10.9.0.7", "the address counts at once");
	is_int(sim_log_count(&s, "store failed: records of members: "), 1,
	       "the log says that it is not stored");
	s.store_errno = 0;
	sim_run(&s, 6000);
	survives("10.9.0.7", "stored later");
	sim_finish(&s, __func__);
}

/* The key server is away while the member moves. */
static void test_unanswered(void)
{
	begin(5, ONE_PLACE_ALLOW, false);
	a->offline = true;
	move_to(a, "10.9.0.7");
	sim_run(&s, 13000);
	a->offline = false;
	sim_run(&s, 10000);
	ok(sim_in(a), "in after a move without an answer");
	is_str(at("a.example"), "10.9.0.7",
	       "the member has registered from its new address");
	is_int(ike_engine_stats(a->engine)->move_failed, 1,
	       "the update was given up");
	is_int(ike_engine_stats(s.engine)->moved, 0,
	       "the key server has moved nobody");
	sim_finish(&s, __func__);
}

/* Another host of the identity has registered since: that one's address counts. */
static void test_other_host(void)
{
	struct sim_member *copy;

	begin(6, ONE_PLACE_ALLOW, false);
	copy = sim_add(&s, "a.example", false, true);
	copy->conf.local = (struct ep){ 0 };
	sim_up(copy);
	sim_run(&s, 3000);
	ok(sim_in(a) && sim_in(copy), "both hosts are in");
	is_str(at("a.example"), "10.1.0.3", "the roster has the second one");
	move_to(a, "10.9.0.66");
	sim_run(&s, 3000);
	is_int(ike_engine_stats(s.engine)->moved, 1, "the first one has moved");
	is_str(at("a.example"), "10.1.0.3", "the second one is where it was");
	is_int(sim_audited(&s, "moved", "a.example", ""), 0,
	       "the membership has not moved");
	move_to(copy, "10.9.0.67");
	sim_run(&s, 3000);
	is_str(at("a.example"), "10.9.0.67", "the second one has moved");
	sim_finish(&s, __func__);
}

/* A sender asks for other Sender-IDs, and has moved when the store has written that. */
static void test_slow_store(void)
{
	slow_ms = 1000;
	begin(8, ONE_PLACE_REFUSE, false);
	slow_ms = 0;
	move_to(tx, "10.9.0.8");
	sim_run(&s, 200);
	/* The first answer and the first check are lost. */
	tx->mute = true;
	sim_run(&s, 3);
	tx->mute = false;
	register_again(TAILQ_FIRST(&tx->m->groups), 0, "test");
	sim_run(&s, 1500);
	is_int(ike_engine_stats(s.engine)->moved, 1,
	       "a sender moves while the store writes");
	is_int(sim_group(&s).in_flight, 1, "the store still writes");
	sim_run(&s, 20000);
	is_int(sim_status(tx).registrations, 2,
	       "a sender registers while it moves");
	is_str(at("s.example"), "10.9.0.8", "a slow store: at its new address");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	is_str(at("s.example"), "10.9.0.8", "a slow store has that as well");
	sim_finish(&s, __func__);
}

/* Two senders of one identity are told apart by their addresses, also when one moves. */
static void test_twins(void)
{
	struct sim_member *copy;
	struct err err;

	begin(7, ONE_PLACE_ALLOW, false);
	copy = sim_add(&s, "s.example", true, false);
	copy->conf.local = (struct ep){ 0 };
	sim_up(copy);
	sim_run(&s, 10000);
	is_str(at("s.example"), "10.1.0.3", "the second sender is in");
	move_to(tx, "10.9.0.8");
	sim_run(&s, 3000);
	is_str(at("s.example"), "10.1.0.3", "the first sender has moved");
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 30000);
	is_int(sim_group(&s).unconfirmed, 0, "both have confirmed the change");
	sim_down(tx);
	if (sim_rekey(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 10000);
	is_int(sim_group(&s).unconfirmed, 1,
	       "the one that has moved is missed when it is gone");
	sim_finish(&s, __func__);
}

int main(void)
{
	RUN(test_allow);
	RUN(test_refuse);
	RUN(test_replace);
	RUN(test_sender);
	RUN(test_inband);
	RUN(test_store_fails);
	RUN(test_unanswered);
	RUN(test_other_host);
	RUN(test_twins);
	RUN(test_slow_store);
	return done();
}
