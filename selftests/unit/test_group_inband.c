// SPDX-License-Identifier: Apache-2.0
/*
 * Members that are rekeyed over their IKE SAs, by GSA_INBAND_REKEY (RFC 9838
 * section 2.4.2): what a group promises is the same for them as for others.
 */
#include "group_sim.h"
#include "group_finish.h"
#include "group_inband.h"
#include "member/mgroup.h"
#include "wire/proto.h"
#include "lib/util.h"
#include "tap.h"

static struct sim s;
static struct err err;

/* Messages that were sent, by exchange. */
static unsigned int n_multicast, n_inband, n_unicast;

static void count_wire(struct sim *sim, const struct ep *from,
		       const struct ep *to, const uint8_t *p, size_t len)
{
	(void)from;
	if (len < 28)
		return;
	if (ep_equal(to, &sim->cg.rekey_to))
		n_multicast++;
	else
		n_unicast++;
	n_inband += p[18] == 42 && !(p[19] & 0x20);
}

static void count_from_now(void)
{
	s.on_wire = count_wire;
	n_multicast = 0;
	n_inband = 0;
	n_unicast = 0;
}

/* ---- tests --------------------------------------------------------------- */

static void rfc9838_2_4_2_rekey(void)
{
	struct sim_member *tx = sim_inband_start(&s, 1, 3, false);
	uint32_t spi = sim_group(&s).data_spi;

	is_int(sim_group(&s).inband, 4, "members are rekeyed inband");
	ok(sim_status(tx).inband && !sim_status(tx).keyed && !tx->listens,
	   "a member has no Rekey SA, and joins no rekey address");
	count_from_now();
	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	sim_inband_rekey(&s);
	sim_run(&s, 4000);
	is_int(n_inband, 4, "one request for each member");
	is_int(n_multicast, 0, "no GSA_REKEY for nobody");
	ok(sim_group(&s).data_spi != spi, "the Data SA is another one");
	is_int(sim_inband_lacking(&s), 0, "all members have it");
	is_int(sim_group(&s).inband_done, sim_group(&s).inband_sent,
	       "all have answered");
	sim_run(&s, 30000);
	is_int(sim_status(tx).out_spi, sim_group(&s).data_spi,
	       "the sender uses it after ATD");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	is_int(sim_status(s.m[1]).n_sas, 1, "the old Data SA ends after DTD");
	sim_finish(&s, __func__);
}

/* A member of each kind, and both kinds of rekeys for one change. */
static void rfc9838_2_4_mixed(void)
{
	struct sim_member *tx = sim_inband_start(&s, 2, 2, true);
	struct sim_member *m = s.m[3];

	is_int(sim_group(&s).inband, 3, "three of four are rekeyed inband");
	ok(!sim_status(m).inband && sim_status(m).keyed,
	   "the other one has a Rekey SA");
	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	count_from_now();
	sim_inband_rekey(&s);
	sim_run(&s, 40000);
	is_int(n_inband, 3, "one request for each member");
	ok(n_multicast >= 3, "copies for the other one");
	is_int(sim_inband_lacking(&s), 0, "all members have the Data SA");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	/* The periodic rekey, and what a day brings. */
	sim_run(&s, 2 * 3600 * 1000);
	is_int(sim_inband_lacking(&s), 0, "periodic rekeys reach all");
	is_int(sim_gaps(&s), 0, "no packet is lost in two hours");
	sim_finish(&s, __func__);
}

/* An evicted member, inband or not, reads nothing that is sent afterwards. */
static void rfc9838_2_4_3_evict(void)
{
	struct sim_member *tx = sim_inband_start(&s, 3, 3, true);
	uint32_t ms, excluded = 0;
	uint64_t at;
	int i;

	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	count_from_now();
	if (sim_evict(s.gcks, "video", "r0.example", &ms, &err))
		bail("%s", err.text);
	at = s.ms + ms;
	ok(ms <= 2500, "effective after %u ms", ms);
	sim_run(&s, 40000);
	is_int(sim_reads_after(&s, s.m[1], at), 0,
	       "the evicted member has no key that is used afterwards");
	is_int(sim_status(s.m[1]).n_sas, 0,
	       "the evicted member's Data SAs have ended");
	is_int(sim_status(s.m[1]).excluded, 1, "the evicted member was told");
	s.m[1]->up ? sim_down(s.m[1]) : (void)0;
	is_int(sim_inband_lacking(&s), 0, "the others have the Data SA");
	for (i = 2; i < s.n; i++)
		excluded += sim_status(s.m[i]).excluded;
	is_int(excluded, 0, "nobody else is excluded");
	/* A member with a Rekey SA is taken out: new keys for those inband. */
	if (sim_evict(s.gcks, "video", "m.example", &ms, &err))
		bail("%s", err.text);
	at = s.ms + ms;
	sim_run(&s, 40000);
	is_int(sim_reads_after(&s, s.m[4], at), 0,
	       "a member with a Rekey SA reads nothing either");
	sim_down(s.m[4]);
	is_int(sim_inband_lacking(&s), 0,
	       "the members that are rekeyed inband have the Data SA");
	is_int(s.n_unsent, 0, "the sender had a key all the time");
	sim_finish(&s, __func__);
}

/* A newcomer reads nothing from before, and the others lose nothing. */
static void join_and_leave(void)
{
	struct sim_member *tx = sim_inband_start(&s, 4, 2, false);
	struct sim_member *late =
		sim_inband_add(&s, "late.example", false, true);
	uint64_t at = s.ms;

	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	at = s.ms;
	sim_up(late);
	ok(sim_settle(&s, 10000), "a newcomer is in");
	sim_run(&s, 30000);
	is_int(sim_reads_before(&s, late, at), 0,
	       "the newcomer has no key from before");
	is_int(s.m[1]->gaps + s.m[2]->gaps, 0, "the others lose no packet");
	ok(late->got && !late->gaps, "the newcomer receives");
	at = s.ms;
	if (member_leave(late->m, NULL))
		bail("leave");
	sim_run(&s, 30000);
	is_int(sim_reads_after(&s, late, at + 3000), 0,
	       "a member that has left reads nothing");
	sim_down(late);
	is_int(sim_inband_lacking(&s), 0, "the others have the Data SA");
	is_int(s.n_unsent, 0, "the sender had a key all the time");
	sim_finish(&s, __func__);
}

/* Nobody is rekeyed by multicast: the group needs no address for it. */
static void always(void)
{
	static const struct sim_who who[] = {
		{ .identity = "s.example", .send = true },
		{ .identity = "a.example", .receive = true },
	};

	sim_init(&s, 5);
	s.cg.inband = INBAND_ALWAYS;
	memset(&s.cg.rekey_to.addr, 0, sizeof(s.cg.rekey_to.addr));
	sim_start(&s, who, ARRAY_SIZE(who), 20000, 20);
	ok(sim_status(s.m[0]).inband && sim_status(s.m[1]).inband,
	   "members that offer GIKE_UPDATE get no Rekey SA");
	count_from_now();
	sim_inband_rekey(&s);
	sim_run(&s, 40000);
	is_int(n_multicast, 0, "nothing is sent by multicast");
	is_int(sim_inband_lacking(&s), 0, "both have the Data SA");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	if (sim_reset(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 40000);
	is_int(sim_inband_lacking(&s), 0, "both are back after a reset");
	is_int(sim_group(&s).members, 2, "both are members again");
	sim_finish(&s, __func__);
}

/* A member changes from one kind of rekeys to the other, and back. */
static void changes(void)
{
	struct sim_member *tx = sim_inband_start(&s, 15, 1, true), *m = s.m[2];
	uint64_t beats;
	unsigned int i;

	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	for (i = 0; i < 4; i++) {
		sim_inband_reload(m, !(i % 2));
		sim_run(&s, 35000);
		is_int(sim_status(m).inband, !(i % 2), "%s",
		       i % 2 ? "a Rekey SA again" : "inband rekeys now");
		is_int(!TAILQ_FIRST(&m->m->groups)->inband_sa, i % 2,
		       "rekeys may come over the IKE SA, or not");
		is_int(sim_status(m).keyed, i % 2,
		       "the status says whether there is a Rekey SA");
		is_int(m->listens, i % 2,
		       "the rekey address is joined, or left");
		is_int(sim_group(&s).inband, 3 - i % 2, "the key server knows");
		sim_inband_rekey(&s);
		sim_run(&s, 20000);
		is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	}
	/* The only one with a Rekey SA leaves beats off and on, without a rekey. */
	sim_inband_reload(m, true);
	sim_run(&s, 35000);
	beats = sim_group(&s).beats;
	sim_run(&s, 35000);
	is_int(sim_group(&s).beats, beats, "no beats for nobody");
	sim_inband_reload(m, false);
	sim_run(&s, 60000);
	ok(sim_group(&s).beats >= beats + 3, "beats for the one that is back");
	ok(sim_in(m), "the member misses nothing");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, __func__);
}

/* A member that asks where the policy does not allow it is refused. */
static void rfc9838_2_3_3_refused(void)
{
	struct sim_member *a;

	sim_init(&s, 6);
	sim_gcks_up(&s);
	a = sim_inband_add(&s, "a.example", false, true);
	sim_up(a);
	sim_run(&s, 3000);
	ok(!sim_in(a), "a member without GIKE_UPDATE is not let in");
	is_int(a->notify, 14, "NO_PROPOSAL_CHOSEN");
	ok(sim_logged(&s, "member lacks a proposal for the GIKE_UPDATE SA"),
	   "the log of the key server says why");
	s.cg.inband = INBAND_ASKED;
	s.cg.max_inband = 1;
	if (sim_reload(&s, &err))
		bail("%s", err.text);
	sim_down(a);
	sim_up(a);
	ok(sim_settle(&s, 20000), "the member is in after a reload");
	a = sim_inband_add(&s, "b.example", false, true);
	sim_up(a);
	sim_run(&s, 3000);
	is_int(a->notify, 49, "one too many: REGISTRATION_FAILED");
	ok(sim_logged(&s, "max-inband"), "the log names the setting");
	sim_finish(&s, __func__);
}

static void rekey_begun(void *arg, int ret, uint32_t effective_ms,
			const char *why)
{
	(void)arg;
	(void)effective_ms;
	is_int(ret, 0, "a rekey is done: %s", why);
}

/*
 * Two members start again while a change is in flight, so that one run decides about
 * both: they ask for inband rekeys, or the first does not, and there is room for one.
 */
static void max_inband_together(bool both)
{
	struct sim_member *a, *c;

	sim_init_rare(&s, 21 + both);
	s.store_ms = 5;
	s.cg.inband = INBAND_ASKED;
	s.cg.max_inband = 1;
	sim_start_three(&s, true, 20000, 0);
	a = s.m[1];
	c = s.m[2];
	s.store_ms = 200;
	gcks_rekey(s.gcks, "video", rekey_begun, NULL);
	sim_down(a);
	a->cg.inband = both;
	sim_up(a);
	sim_run(&s, 100);
	sim_down(c);
	c->cg.inband = true;
	c->notify = 0;
	sim_up(c);
	sim_run(&s, 100);
	is_int(sim_group(&s).pending, 2, "both %d: two requests wait", both);
	sim_run(&s, 700);
	is_int(sim_group(&s).refused, both, "both %d: requests are refused",
	       both);
	sim_run(&s, 1000);
	is_int(sim_group(&s).inband, 1, "both %d: one is rekeyed inband", both);
	is_int(sim_status(c).inband, !both, "both %d: the last one is, or not",
	       both);
	is_int(c->notify, both ? GIKE_N_REGISTRATION_FAILED : 0,
	       "both %d: what has no room is refused", both);
	sim_finish(&s, __func__);
}

/* Another cipher, which only a registration may bring. */
static void other_cipher(struct sim *sim, struct sim_member *m,
			 struct gike_inband *msg)
{
	if (m != sim->m[1])
		return;
	msg->gsa.data[0].encr = IKE_ENCR_NULL_AUTH_AES_GMAC;
	sim->inband = NULL;
}

static void rfc9838_2_3_2_reported(void)
{
	struct sim_member *tx = sim_inband_start(&s, 12, 2, false);

	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	s.inband = other_cipher;
	sim_inband_rekey(&s);
	sim_run(&s, 1000);
	ok(sim_logged(&s,
		      "report received: \"r0.example\": NO_PROPOSAL_CHOSEN"),
	   "the key server gets the report");
	sim_run(&s, 60000);
	is_int(sim_inband_lacking(&s), 0, "the member has registered again");
	is_int(sim_group(&s).members, 3, "all are members");
	is_int(s.m[2]->gaps, 0, "the other member loses no packet");
	sim_finish(&s, __func__);
}

static bool followed_other, followed_unnamed;

/* A key server that does not name the group, first for another group. */
static void unnamed_keys(struct sim *sim, struct sim_member *m,
			 struct gike_inband *msg)
{
	const struct addr dst = msg->gsa.data[0].dst.lo;
	struct addr *lo = &msg->gsa.data[0].dst.lo;
	struct addr *hi = &msg->gsa.data[0].dst.hi;

	if (m != sim->m[1])
		return;
	sim->inband = NULL;
	addr_parse("239.9.9.9", lo);
	*hi = *lo;
	member_inband(m->m, member_ike_sa(m->m), NULL, msg);
	followed_other = sim_inband_current(m);
	*lo = dst;
	*hi = dst;
	member_inband(m->m, member_ike_sa(m->m), NULL, msg);
	followed_unnamed = sim_inband_current(m);
}

static void unnamed(void)
{
	struct sim_member *a;

	sim_inband_start(&s, 16, 2, false);
	a = s.m[1];
	s.inband = unnamed_keys;
	sim_inband_rekey(&s);
	sim_run(&s, 1000);
	ok(!followed_other, "keys for other traffic are of no group here");
	ok(followed_unnamed,
	   "without a name the traffic selectors tell the group");
	is_int(sim_status(a).registrations, 1, "there was nothing to report");
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	sim_finish(&s, __func__);
}

/* ESP of strangers, with any SPI, costs the key server little. */
static void unknown_esp(void)
{
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI, .group = "video" };
	uint32_t i;

	sim_inband_start(&s, 17, 1, false);
	sim_run(&s, 60000);
	count_from_now();
	for (i = 0; i < 6000; i++) {
		ev.spi = 0x1000 + i;
		member_kernel_event(s.m[1]->m, &ev);
		sim_run(&s, 10);
	}
	/* Two members check at intervals, and one every 5 s. */
	ok(n_unicast >= 2 * 12 && n_unicast <= 2 * (12 + 2 * 4 + 2),
	   "6000 datagrams in a minute cause %u messages", n_unicast);
	is_int(sim_status(s.m[1]).registrations, 1, "no registration");
	sim_finish(&s, __func__);
}

static void close_one(void *arg, struct ike_sa *sa)
{
	if (!strcmp(ike_sa_peer_name(sa), "r0.example"))
		*(struct ike_sa **)arg = sa;
}

static void rfc9838_2_3_3_ike_sa_ends(void)
{
	struct sim_member *tx = sim_inband_start(&s, 13, 2, false);
	struct ike_sa *sa = NULL;
	uint64_t before = sim_status(s.m[1]).registrations;
	uint64_t rekeys = sim_group(&s).rekeys;

	sim_stream(&s, tx, 20);
	sim_run(&s, 60000);
	ike_engine_each(s.engine, close_one, &sa);
	if (!sa)
		bail("no IKE SA");
	ike_close(sa, "test");
	sim_run(&s, 10);
	is_str(sim_status(s.m[1]).doubt, "no IKE SA for inband rekeys",
	       "the member knows that rekeys do not reach it");
	sim_run(&s, 6000);
	is_int(sim_status(s.m[1]).registrations, before + 1,
	       "the member registers again");
	is_int(sim_group(&s).rekeys, rekeys, "another IKE SA changes no keys");
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	is_int(sim_inband_lacking(&s), 0, "the new IKE SA brings rekeys");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, __func__);
}

/*
 * The answer to a registration is lost, and comes again after the rekey that
 * has overtaken it: the member must not go back to the keys of the answer.
 */
static void overtaken(void)
{
	struct sim_member *tx = sim_inband_start(&s, 14, 3, false), *a = s.m[1];
	unsigned int i;

	/* The moments are those of a store that takes no time. */
	s.store_ms = 0;

	sim_stream(&s, tx, 20);
	sim_run(&s, 60000);
	register_now(TAILQ_FIRST(&a->m->groups));
	sim_run(&s, 1);
	sim_inband_lose_all(&s);
	sim_inband_rekey(&s);
	sim_run(&s, 400);
	is_int(sim_status(a).data_spi, sim_group(&s).data_spi,
	       "the rekey is followed");
	sim_run(&s, 20000);
	ok(sim_logged(&s, "overtaken by a rekey"), "the answer is not taken");
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	is_int(a->gaps, 0, "no packet is lost");

	/* A member that is not in yet cannot follow the rekey. */
	if (member_leave(a->m, NULL))
		bail("leave");
	sim_run(&s, 20000);
	s.log_len = 0;
	s.log[0] = '\0';
	if (member_join(a->m, NULL))
		bail("join");
	for (i = 0; i < 10000 && !sim_logged(&s, "member joined"); i++)
		sim_run(&s, 1);
	sim_inband_lose_all(&s);
	if (sim_evict(s.gcks, "video", "r1.example", &(uint32_t){ 0 }, &err))
		bail("%s", err.text);
	sim_down(s.m[2]);
	sim_run(&s, 400);
	ok(!sim_in(a), "the member is not in before it has an answer");
	sim_run(&s, 10000);
	ok(sim_logged(&s, "overtaken by a rekey"),
	   "the answer from before the rekey is not taken");
	is_int(sim_inband_lacking(&s), 0, "the member has the Data SA");
	sim_finish(&s, __func__);
}

/* ---- trouble ------------------------------------------------------------- */

/* Rekeys with losses: what is lost is sent again before senders change over. */
static void loss(void)
{
	struct sim_member *tx = sim_inband_start(&s, 7, 20, false);
	unsigned int i;

	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	s.loss = 10;
	for (i = 0; i < 10; i++) {
		sim_inband_rekey(&s);
		sim_run(&s, 20000);
	}
	s.loss = 0;
	sim_run(&s, 60000);
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	diag("10 %% of control datagrams lost: %llu of %llu packets lost, %llu requests for 210",
	     (unsigned long long)sim_gaps(&s),
	     (unsigned long long)s.n_sent * 20,
	     (unsigned long long)sim_group(&s).inband_sent);
	ok(sim_gaps(&s) == 0, "no packet is lost");
	sim_finish(&s, __func__);
}

/* A member that was away for longer than all retransmissions. */
static void away(void)
{
	struct sim_member *tx = sim_inband_start(&s, 8, 3, false);
	uint32_t ms;
	uint64_t at;

	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	s.m[1]->offline = true;
	sim_inband_rekey(&s);
	sim_run(&s, 20000);
	s.m[1]->offline = false;
	at = s.m[1]->got;
	sim_run(&s, 9000);
	ok(s.m[1]->got > at, "after 20 s away a member receives within 9 s");
	s.m[1]->offline = true;
	if (sim_evict(s.gcks, "video", "r1.example", &ms, &err))
		bail("%s", err.text);
	sim_down(s.m[2]);
	sim_run(&s, 120000);
	s.m[1]->offline = false;
	sim_run(&s, 25000);
	at = s.m[1]->got;
	sim_run(&s, 5000);
	is_int(s.m[1]->got - at, 250,
	       "after 2 min away a member is back within 25 s");
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	is_int(s.m[3]->gaps, 0, "the others lose nothing");
	sim_finish(&s, __func__);
}

/* A member that never answers costs a bounded number of messages. */
static void silent(void)
{
	struct sim_member *tx = sim_inband_start(&s, 9, 3, false),
			  *bad = s.m[1];
	unsigned int i, n = 0;

	sim_stream(&s, tx, 20);
	sim_run(&s, 1000);
	bad->offline = true;
	count_from_now();
	for (i = 0; i < 60; i++) {
		sim_inband_rekey(&s);
		sim_run(&s, 10000);
		if (i == 5)
			n = n_inband;
	}
	/* 3 others, 54 rekeys. */
	is_int(n_inband - n, 3 * 54,
	       "nothing is sent to it after its IKE SA has ended");
	is_int(sim_group(&s).inband_lost, 1,
	       "the end of its IKE SA is counted");
	is_int(sim_group(&s).inband_behind, 1,
	       "the silent member is known to be behind");
	is_int(s.m[2]->gaps + s.m[3]->gaps, 0, "the others lose nothing");
	bad->offline = false;
	sim_run(&s, 60000);
	is_int(sim_inband_lacking(&s), 0, "the silent member comes back");
	sim_finish(&s, __func__);
}

/*
 * The key server is killed: it has no IKE SAs afterwards. Members notice, and
 * the periodic rekey waits for them.
 */
static void server_killed(void)
{
	struct sim_member *tx = sim_inband_start(&s, 10, 20, false);
	uint64_t got;

	sim_stream(&s, tx, 20);
	/* The periodic rekey is due soon after the restart. */
	sim_run(&s, (sim_group(&s).next_rekey - 5) * 1000ull);
	sim_gcks_down(&s);
	sim_run(&s, 2000);
	sim_gcks_up(&s);
	is_int(sim_group(&s).inband, 20 + 1, "the store knows who is inband");
	sim_run(&s, 60000);
	is_int(sim_inband_lacking(&s), 0, "all members are back");
	ok(sim_group(&s).rekeys >= 1, "the keys were changed after that");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	/* An eviction does not wait. */
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	got = s.m[5]->gaps;
	if (sim_evict(s.gcks, "video", "r0.example", &(uint32_t){ 0 }, &err))
		bail("%s", err.text);
	sim_down(s.m[1]);
	sim_run(&s, 60000);
	is_int(sim_inband_lacking(&s), 0,
	       "an eviction right after a restart reaches all");
	diag("eviction right after kill -9: a receiver lost %llu packets of 20 ms",
	     (unsigned long long)(s.m[5]->gaps - got));
	sim_finish(&s, __func__);
}

/* Many members: bounded, spread, and nobody loses a packet. */
static void crowd(void)
{
	int i, n = FULL_OR_FEW(200, 40);
	struct sim_member *tx = sim_inband_start(&s, 11, n, false);
	uint64_t got;

	sim_stream(&s, tx, 50);
	sim_run(&s, 1000);
	count_from_now();
	s.loss = 3;
	for (i = 0; i < 3; i++) {
		sim_inband_rekey(&s);
		sim_run(&s, 15000);
	}
	s.loss = 0;
	sim_run(&s, 20000);
	is_int(sim_inband_lacking(&s), 0, "all have the Data SA");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	got = sim_group(&s).inband_sent;
	ok(got <= 4ull * (n + 1), "%llu requests for %d rekeys of %d members",
	   (unsigned long long)got, 3, n + 1);
	/* All of them notice that the key server was killed. */
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	count_from_now();
	sim_run(&s, 60000);
	is_int(sim_group(&s).inband_behind, 0, "all are back after 60 s");
	diag("%d members, key server killed: %u unicast messages until all are back",
	     n + 1, n_unicast);
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, __func__);
}

int main(void)
{
	RUN(rfc9838_2_4_2_rekey);
	RUN(rfc9838_2_4_mixed);
	RUN(rfc9838_2_4_3_evict);
	RUN(join_and_leave);
	RUN(always);
	RUN(changes);
	RUN(rfc9838_2_3_3_refused);
	RUN(max_inband_together, false);
	RUN(max_inband_together, true);
	RUN(rfc9838_2_3_2_reported);
	RUN(rfc9838_2_3_3_ike_sa_ends);
	RUN(unnamed);
	RUN(unknown_esp);
	RUN(overtaken);
	RUN(loss);
	RUN(away);
	RUN(silent);
	RUN(server_killed);
	RUN(crowd);
	return done();
}
