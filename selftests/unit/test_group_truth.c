// SPDX-License-Identifier: Apache-2.0
/*
 * The report of an eviction is true: sent or not, and confirmed by which
 * senders. An unsent message is sent as soon as possible.
 */
#include "gcks/group.h"
#include "group_sim.h"
#include "group_finish.h"
#include "ike/sa.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"

#include <errno.h>

static struct sim s;
static struct sim_member *tx, *s2, *a, *b;
static struct err err;

static void usual(uint64_t seed)
{
	static const struct sim_who who[] = {
		{ .identity = "s.example", .send = true },
		{ .identity = "s2.example", .send = true, .receive = true },
		{ .identity = "a.example", .receive = true },
		{ .identity = "b.example", .receive = true },
	};

	sim_init(&s, seed);
	sim_start(&s, who, ARRAY_SIZE(who), 20000, 20);
	tx = s.m[0];
	s2 = s.m[1];
	a = s.m[2];
	b = s.m[3];
}

static uint32_t evict_b(void)
{
	uint32_t ms;

	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		bail("%s", err.text);
	return ms;
}

static int count_confirmed(void *arg, const struct gcks_member_status *st)
{
	*(unsigned int *)arg += st->send && st->confirmed;
	return 0;
}

static unsigned int confirmed(void)
{
	unsigned int n = 0;

	gcks_each_member(s.gcks, "video", count_confirmed, &n);
	return n;
}

static void test_confirmed(void)
{
	struct gcks_group_status g;
	uint64_t at;
	uint32_t ms;

	usual(1);
	g = sim_group(&s);
	is_int(g.unconfirmed, 0, "at rest nobody is waited for");
	is_int(confirmed(), 2, "both senders use what is current");
	ms = evict_b();
	/* The eviction begins when the store has it, and is answered then. */
	at = s.ms;
	g = sim_group(&s);
	is_int(g.unconfirmed, 2, "an eviction waits for both senders");
	ok(!g.unsent_change && !g.confirmed_ms,
	   "the message of the eviction was sent");
	sim_run(&s, 5000);
	g = sim_group(&s);
	is_int(g.unconfirmed, 0, "both senders confirm the eviction");
	ok(g.confirmed_ms > 0 && g.confirmed_ms <= ms + 300,
	   "after %u ms; %u were to be expected", g.confirmed_ms, ms);
	is_int(sim_reads_after(&s, b, at + g.confirmed_ms), 0,
	       "from then on the evicted one has no key of what is sent");
	sim_down(b);

	/* An hour of silence between them, with an IKE SA to report it. */
	sim_run(&s, 3000000);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 4000);
	is_int(sim_group(&s).unconfirmed, 2, "a rekey: they change after ATD");
	sim_run(&s, 3000);
	is_int(sim_group(&s).unconfirmed, 0, "both senders confirm a rekey");
	is_int(sim_status(tx).registrations, 1,
	       "without a registration of its own");
	is_int(a->gaps, 0, "no packet is lost");
	sim_finish(&s, "confirmed");
}

/* A sender that registers again has the keys that it had, and has confirmed them. */
static void test_restarts(void)
{
	uint64_t rekeys;
	unsigned int i;

	usual(7);
	rekeys = sim_group(&s).rekeys;
	for (i = 0; i < 3; i++) {
		sim_down(s2);
		sim_up(s2);
		if (!sim_settle(&s, 20000))
			bail("it is not back");
		sim_run(&s, 20000);
	}
	is_int(sim_group(&s).rekeys, rekeys,
	       "restarts of a sender change no keys");
	is_int(confirmed(), 2, "a sender that is back has confirmed them");
	is_int(sim_group(&s).unconfirmed, 0,
	       "nobody waits for a sender that is back");
	is_int(sim_group(&s).senders, 2, "there are two senders as before");
	sim_finish(&s, "restarts");
}

/* The first sender reports over its IKE SA that it sends with @spi. */
static void report_spi(uint32_t spi)
{
	static const char video[] = "video";
	struct ike_id idg;

	id_set(&idg, IKE_ID_KEY_ID, video, strlen(video));
	if (ike_report_sending(tx->m->sa, &idg, spi))
		bail("a report was not sent");
	sim_run(&s, 5 + 4 * s.jitter_ms);
}

/* A repeated report, however often it comes, confirms a change no second time. */
static void test_reports_again(void)
{
	struct gcks_group_status g;
	const struct gkm_state *st;
	unsigned int i, lines, before;
	uint32_t was;

	usual(9);
	/* The joins were changes as well. */
	before = sim_log_count(&s, "rekey confirmed");
	was = sim_group(&s).data_spi;
	evict_b();
	sim_run(&s, 5000);
	is_int(sim_log_count(&s, "rekey confirmed"), before + 1,
	       "an eviction is confirmed by one line");
	lines = sim_log_count(&s, "");
	st = &TAILQ_FIRST(&s.gcks->groups)->st;
	g = sim_group(&s);
	is_int(g.wrong_confirms, 0, "no report was wrong so far");
	for (i = 0; i < 20; i++) {
		report_spi(0x1234);
		report_spi(get_unaligned_be32(st->data[0].next_spi[0]));
		report_spi(0);
	}
	is_int(sim_group(&s).unconfirmed, 0,
	       "SPIs that the group never had, or not yet, take nothing back");
	is_int(sim_group(&s).wrong_confirms, 60,
	       "SPIs that the group never had, or not yet, are counted");
	is_int(confirmed(), 2, "both senders use the current SA");

	report_spi(was);
	is_int(sim_group(&s).unconfirmed, 1,
	       "a sender may be back at its old SA");
	is_int(confirmed(), 1, "the member is shown as one that is waited for");
	for (i = 0; i < 20; i++) {
		report_spi(g.data_spi);
		report_spi(g.data_spi);
		report_spi(was);
	}
	report_spi(g.data_spi);
	is_int(sim_group(&s).unconfirmed, 0, "the sender has confirmed again");
	is_int(sim_group(&s).confirmed_ms, g.confirmed_ms,
	       "the time of the change is that of its first confirmation");
	is_int(sim_log_count(&s, "rekey confirmed"), before + 1,
	       "a change is confirmed by no second line");
	is_int(sim_log_count(&s, ""), lines, "none of 122 reports is logged");

	sim_rekey(s.gcks, NULL, &err);
	is_int(sim_group(&s).unconfirmed, 2, "the next change waits for both");
	sim_run(&s, 8000);
	is_int(sim_group(&s).unconfirmed, 0, "both confirm the next change");
	is_int(sim_log_count(&s, "rekey confirmed"), before + 2,
	       "the next change is confirmed by a line of its own");
	sim_finish(&s, "reports again");
}

static void test_waits(void)
{
	struct gcks_group_status g;
	unsigned int sends;
	uint64_t at;

	usual(2);
	/* The key server can't tell the sender over its IKE SA either. */
	tx->deaf = true;
	tx->mute = true;
	at = s.ms;
	evict_b();
	sim_run(&s, 10000);
	g = sim_group(&s);
	is_int(g.unconfirmed, 1, "a sender that hears nothing is waited for");
	is_int(confirmed(), 1, "the other one has confirmed");
	ok(!g.confirmed_ms, "the eviction is not said to be through");
	ok(sim_reads_after(&s, b, at + 5000) > 0,
	   "the eviction that waits for a sender is not through");
	tx->deaf = false;
	tx->mute = false;
	sim_run(&s, 2500);
	g = sim_group(&s);
	is_int(g.unconfirmed, 0,
	       "the sender hears one of the copies that go on");
	at += g.confirmed_ms + 1;
	sim_run(&s, 5000);
	is_int(sim_reads_after(&s, b, at), 0,
	       "b reads no more when the sender has confirmed");
	sim_down(b);

	/* A missing sender does not cause endless copies. */
	sim_down(s2);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 70000);
	sends = s.sends;
	sim_run(&s, 60000);
	/* A message over its IKE SA is retransmitted each 8 s. */
	ok(s.sends - sends <= 12,
	   "a minute later there are beats, and one message: %u",
	   s.sends - sends);
	is_int(sim_group(&s).unconfirmed, 1,
	       "the sender that is behind is still said to be");
	sim_finish(&s, "waits");
}

/* Let the second sender register again, as a sender or not. */
static void s2_sends(bool send)
{
	sim_down(s2);
	s2->cg.send = send;
	sim_up(s2);
	if (!sim_settle(&s, 5000))
		bail("s2 is not in");
	sim_run(&s, 10000);
}

/* Return the length of the list of senders. */
static unsigned int listed(void)
{
	const struct group *g = TAILQ_FIRST(&s.gcks->groups);
	const struct gmember_more *x;
	unsigned int n = 0;

	TAILQ_FOREACH(x, &g->senders, by_send)
		n++;
	return n;
}

/* A member that changes its role is counted as what it is now. */
static void test_role(void)
{
	usual(5);
	is_int(sim_group(&s).senders, 2, "role: two senders");
	s2_sends(false);
	is_int(sim_group(&s).senders, 1, "role: one sends no more");
	is_int(listed(), 1, "role: one sender is listed");
	is_int(confirmed(), 1, "role: one sender has confirmed");
	is_int(sim_group(&s).unconfirmed, 0, "role: nobody is waited for");
	sim_rekey(s.gcks, NULL, &err);
	is_int(sim_group(&s).unconfirmed, 1, "role: a rekey waits for one");
	sim_run(&s, 10000);
	is_int(sim_group(&s).unconfirmed, 0, "role: one sender confirms");
	s2_sends(true);
	is_int(sim_group(&s).senders, 2, "role: there are two senders again");
	is_int(listed(), 2, "role: both senders are listed");
	is_int(confirmed(), 2, "role: both senders have confirmed");
	is_int(sim_group(&s).unconfirmed, 0, "role: no sender is waited for");
	sim_finish(&s, "role");
}

static int take_late(void *arg, const struct gcks_member_status *st)
{
	if (!strcmp(st->identity, "s.example"))
		*(uint64_t *)arg = st->late_ms;
	else if (!strcmp(st->identity, "a.example"))
		is_int(st->late_ms, 0, "a receiver is never late");
	return 0;
}

static uint64_t late_ms(void)
{
	uint64_t ms = UINT64_MAX;

	gcks_each_member(s.gcks, "video", take_late, &ms);
	return ms;
}

/*
 * A sender is late since the first change that it has not confirmed, or the oldest one
 * that is known, or the start.
 */
static void test_late(void)
{
	uint64_t at_ms[71], wrong = 0, waits = 0;
	unsigned int n;

	sim_init_rare(&s, 4);
	s.store_ms = 0;
	sim_start_three(&s, true, 20000, 0);
	tx = s.m[0];
	is_int(late_ms(), 0, "a sender that has confirmed is not late");
	tx->offline = true;
	for (n = 1; n < ARRAY_SIZE(at_ms); n++) {
		at_ms[n] = s.ms;
		sim_rekey(s.gcks, NULL, &err);
		sim_run(&s, 6000);
		wrong += late_ms() != s.ms - at_ms[n > 64 ? n - 63 : 1];
		waits += sim_group(&s).waited_ms == 6000;
	}
	is_int(wrong, 0, "a sender is late since a change of the last 64");
	is_int(waits, 70, "the group waits since the last change");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 1000);
	is_int(late_ms(), 1000, "a sender is late since a start");
	tx->offline = false;
	sim_run(&s, 90000);
	is_int(late_ms(), 0, "a sender that is back is not late");
	is_int(sim_out_of_step(&s), 0, "the sender that is back is in step");
	sim_finish(&s, "late");
}

static void test_unsent(void)
{
	struct gcks_group_status g;
	uint64_t at;

	usual(3);
	s.send_errno = -ENETUNREACH;
	at = s.ms;
	evict_b();
	g = sim_group(&s);
	ok(g.unsent_change && g.unsent_why,
	   "an eviction that could be sent to nobody says so: %s",
	   g.unsent_why ? g.unsent_why : "-");
	sim_run(&s, 20000);
	g = sim_group(&s);
	ok(g.unsent > 10, "copies that could not be sent are counted: %ju",
	   (uintmax_t)g.unsent);
	ok(g.unsent_change && g.unconfirmed == 2, "nobody has changed keys");
	ok(sim_logged(&s, "group video: rekey not sent: to "),
	   "the log has it");
	s.send_errno = 0;
	sim_run(&s, 3000);
	g = sim_group(&s);
	ok(!g.unsent_change && !g.unsent_why && !g.unconfirmed,
	   "the route is back: sent, and confirmed");
	sim_down(b);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	is_int(sim_reads_after(&s, b, at + 23000), 0, "b reads no more");
	is_int(a->gaps, 0, "a loses no packet");

	/*
	 * The outage is too long for old messages, and a beat informs the
	 * members.
	 */
	s.send_errno = -ENODEV;
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 300000);
	s.send_errno = 0;
	sim_run(&s, 5000);
	is_int(sim_out_of_step(&s), 0, "five minutes: in step 5 s after");
	sim_finish(&s, "unsent");
}

int main(void)
{
	RUN(test_confirmed);
	RUN(test_restarts);
	RUN(test_reports_again);
	RUN(test_waits);
	RUN(test_role);
	RUN(test_late);
	RUN(test_unsent);
	return done();
}
