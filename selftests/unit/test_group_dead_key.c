// SPDX-License-Identifier: Apache-2.0
/*
 * A sender that was cut off comes back with a key that all others have deleted, and gets
 * one that they do not use yet. It need not wait for ATD if they have it: the key server
 * knows what was replaced, and what was sent when.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/inband.h"
#include "group_finish.h"
#include "group_inband.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "tap.h"

#define RECEIVERS 6
#define DTD_MS 15000
/* The promise: milliseconds until no receiver loses anything. */
#define BACK_MS 2000
/* A GSA_INBAND_REKEY that was repeated in vain waits up to 8 s for its next turn. */
#define INBAND_BACK_MS 8500
/* A slower store makes ATD longer, and moves the changes before which the sender is back. */
#define STORE_MS 5

static struct sim s;
static struct sim_member *tx;
static struct group *g;
static struct err err;
static unsigned int n_receivers = RECEIVERS;
static unsigned int n_told;

/* Answers to the sender, and how many let it send before the others. */
static unsigned int n_answers, n_hurried;

static void note_answer(struct sim *x, struct sim_member *m, struct gsa *gsa,
			struct kd *kd)
{
	(void)x;
	(void)kd;
	if (m != tx)
		return;
	n_answers++;
	n_hurried += !!gsa->gw.n_dead;
}

static void note_inband(struct sim *x, struct sim_member *m,
			struct gike_inband *msg)
{
	note_answer(x, m, &msg->gsa, &msg->kd);
}

static void watch(void)
{
	g = TAILQ_FIRST(&s.gcks->groups);
	s.answer = note_answer;
	s.inband = note_inband;
	n_answers = 0;
	n_hurried = 0;
}

static void begin(uint64_t seed)
{
	tx = sim_start_receivers(&s, seed, RECEIVERS);
	if (!tx)
		bail("not settled");
	sim_stream(&s, tx, 50);
	sim_run(&s, 2000);
	watch();
}

/* Return the milliseconds after @ms until no receiver lost any packet. */
static uint64_t loss_ms(uint64_t ms)
{
	uint64_t last = ms;
	unsigned int i;

	for (i = 1; i <= n_receivers; i++)
		if (s.m[i]->last_gap_ms > last)
			last = s.m[i]->last_gap_ms;
	return last - ms;
}

/* Somebody joins each two seconds. */
static void join_for(uint64_t ms)
{
	static unsigned int n;
	char name[32];
	uint64_t end = s.ms + ms;

	while (s.ms < end) {
		snprintf(name, sizeof(name), "j%u.example", n++);
		sim_up(sim_add(&s, name, false, true));
		sim_run(&s, end - s.ms < 2000 ? end - s.ms : 2000);
	}
}

/* ---- a sender that is back while others join ------------------------------ */

static uint64_t back_in_crowd(uint64_t seed, unsigned int off_ms)
{
	uint64_t back, ms;

	begin(seed);
	tx->offline = true;
	join_for(off_ms);
	tx->offline = false;
	back = s.ms;
	join_for(14000);
	ms = loss_ms(back);
	is_int(s.n_unsent, 0, "off for %u ms: the sender always had a key",
	       off_ms);
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "off for %u ms: all are in step",
	       off_ms);
	sim_finish(&s, "crowd");
	return ms;
}

/*
 * If the sender is back just before a change it hears that, and asks, before the copies of
 * those that it missed.
 */
static void test_crowd(void)
{
	unsigned int i, hurried = 0;
	uint64_t ms, worst = 0;

	for (i = 0; i < 12; i++) {
		ms = back_in_crowd(100 + i, 30100 + i % 4 * 100);
		worst = ms > worst ? ms : worst;
		hurried += n_hurried;
	}
	for (i = 0; i < 6; i++) {
		ms = back_in_crowd(200 + i, 31000 + i * 700);
		worst = ms > worst ? ms : worst;
	}
	ok(worst && worst <= BACK_MS,
	   "a crowd: packets are lost for %ju ms at most, of %u",
	   (uintmax_t)worst, BACK_MS);
	ok(hurried > 0, "a crowd: %u answers let it send at once", hurried);
}

/* The same for traffic that one of two Data SAs is for, and a sender that receives. */
static unsigned int hurries_flows(uint64_t seed)
{
	static const struct sim_who who[] = {
		{ .identity = "s.example", .send = true, .receive = true },
		{ .identity = "a.example", .receive = true },
		{ .identity = "b.example", .receive = true },
	};
	struct selector sel = { 0 };
	uint64_t back;

	sim_init_rare(&s, seed);
	prefix_parse("239.1.2.0/24", &sel.dst, &sel.dst_len);
	s.cg.more.v[0] = (struct conf_data){ sel, s.cg.alg };
	s.cg.more.n = 1;
	sim_start(&s, who, 3, 40000, 50);
	tx = s.m[0];
	watch();
	n_receivers = 2;
	tx->offline = true;
	join_for(30200);
	tx->offline = false;
	back = s.ms;
	while (!n_answers && s.ms < back + 3000)
		sim_run(&s, 1);
	sim_run(&s, 20);
	/* The sender reads what others send when these change over, and says so. */
	n_told += n_hurried && sim_status(tx).unread_ms > 3000;
	join_for(14000);
	ok(loss_ms(back) <= BACK_MS,
	   "two Data SAs: packets are lost for %ju ms",
	   (uintmax_t)loss_ms(back));
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "two Data SAs: all are in step");
	sim_finish(&s, "two Data SAs");
	n_receivers = RECEIVERS;
	return n_hurried;
}

static void test_flows(void)
{
	unsigned int i, hurried = 0;

	for (i = 0; i < 8; i++)
		hurried += hurries_flows(20 + i);
	ok(hurried > 0, "two Data SAs: %u answers let it send at once",
	   hurried);
	ok(n_told > 0,
	   "two Data SAs: %u senders say that they read nothing until ATD",
	   n_told);
}

/* A sender that is rekeyed inband gets the key with its next GSA_INBAND_REKEY. */
static void test_inband(bool mixed, unsigned int off_ms)
{
	uint64_t back;

	tx = sim_inband_start(&s, 30, RECEIVERS, mixed);
	watch();
	sim_stream(&s, tx, 50);
	sim_run(&s, 2000);
	tx->offline = true;
	join_for(off_ms);
	tx->offline = false;
	back = s.ms;
	join_for(20000);
	ok(loss_ms(back) && loss_ms(back) <= INBAND_BACK_MS,
	   "inband: packets are lost for %ju ms", (uintmax_t)loss_ms(back));
	sim_run(&s, 20000);
	is_int(sim_inband_lacking(&s), 0, "inband: all are in step");
	sim_finish(&s, "inband");
}

/* ---- what the key server says, and when ----------------------------------- */

static const struct gmember *sender(void)
{
	const struct gmember *m = gmc_find(g, tx->name);

	if (!m)
		bail("no sender");
	return m;
}

/* The Data SA for which the sender would be given them. */
static uint32_t dead_spi;

/* Return the seconds that the sender would be given, or -1 for those of all. */
static int hurried_s(void)
{
	struct gsa_gw gw = { 0 };

	replaced_hurry(g, sender(), &gw);
	dead_spi = gw.dead[0].spi;
	return gw.n_dead ? gw.dead[0].seconds : -1;
}

static void rekey(void)
{
	is_int(sim_rekey(s.gcks, "video", &err), 0, "a rekey: %s", err.text);
	/* The store has it after that, see SIM_STORE_MS. */
	while (sim_group(&s).in_flight)
		sim_run(&s, 1);
}

static const struct replaced_sa *newest(void)
{
	return &g->replaced.sa[g->replaced.n % REPLACED_MAX];
}

static void run_until(uint64_t ms)
{
	if (ms < s.ms)
		bail("%ju ms too late", (uintmax_t)(s.ms - ms));
	sim_run(&s, ms - s.ms);
}

static void test_times(void)
{
	struct replaced_sa first;

	begin(1);
	is_int(hurried_s(), -1, "nothing was replaced");
	tx->offline = true;
	rekey();
	first = *newest();
	is_int(first.spi, sender()->more->sends_spi,
	       "the key of the sender is replaced");
	is_int(first.dtd_ms, DTD_MS, "receivers keep it for DTD");
	is_int(first.sent_ms, g->change_ms, "the change is sent at once");
	run_until(first.sent_ms + 11999);
	is_int(hurried_s(), -1, "all other senders have changed over");
	rekey();
	/* ATD is 5 s, and others delete the former key in 3 s without the store's time. */
	is_int(hurried_s(), (first.sent_ms + DTD_MS - s.ms) / 1000,
	       "another change: until others delete the key");
	is_int(dead_spi, first.spi, "another change: which is named");
	run_until(first.sent_ms + 13999);
	is_int(hurried_s(), 1, "1.001 s before that");
	run_until(first.sent_ms + 14001);
	is_int(hurried_s(), 0, "0.999 s before that");
	run_until(first.sent_ms + 16000);
	is_int(hurried_s(), 0, "a second after it");
	is_int(pace_atd_left(g), 1 + (g->pace.switch_ms > s.ms + 1000),
	       "a second after it: others wait");
	run_until(g->pace.switch_ms);
	is_int(hurried_s(), -1, "nobody waits any more");
	tx->offline = false;
	sim_run(&s, 30000);
	rekey();
	is_int(hurried_s(), -1,
	       "the key that the sender reported is in use until ATD");
	sim_finish(&s, "times");
}

/* DTD counts from when the messages were sent. */
static void test_sent_late(void)
{
	const struct replaced_sa *first;
	uint64_t change;

	begin(2);
	tx->offline = true;
	s.send_errno = -ENETUNREACH;
	rekey();
	first = newest();
	change = g->change_ms;
	is_int(first->unsent, 1, "late: a message is to be sent");
	run_until(change + 6100);
	is_int(first->sent_ms, 0, "late: nothing was sent");
	s.send_errno = 0;
	run_until(change + 7000);
	is_int(first->sent_ms, change + 6500,
	       "late: the message is sent with a retry");
	run_until(change + 18000);
	rekey();
	is_int(hurried_s(), (change + 6500 + DTD_MS - s.ms) / 1000,
	       "late: receivers have had the key for DTD after that");
	run_until(change + 6500 + DTD_MS);
	is_int(hurried_s(), 0, "late: until then");
	sim_finish(&s, "late");
}

/*
 * A receiver that is rekeyed inband has not answered the request of the former change, so
 * that of the newest one waits.
 */
static void test_open_request(void)
{
	tx = sim_inband_start(&s, 31, 2, true);
	watch();
	tx->offline = true;
	s.m[1]->offline = true;
	rekey();
	/* The request's next turn is 3.5 s after the newest change. */
	sim_run(&s, 12000);
	rekey();
	sim_run(&s, 1000);
	is_int(inband_behind(g), 2, "open request: two members are behind");
	is_int(hurried_s(), -1, "open request: a receiver lacks the key");
	s.m[1]->offline = false;
	while (inband_behind(g) > 1 && s.ms < g->change_ms + 4000)
		sim_run(&s, 1);
	is_int(inband_behind(g), 1,
	       "open request: a receiver has the key after %ju ms",
	       (uintmax_t)(s.ms - g->change_ms));
	is_int(hurried_s(), 0, "open request: the sender's is dead");
	tx->offline = false;
	sim_run(&s, 40000);
	is_int(sim_inband_lacking(&s), 0, "open request: all are in step");
	sim_finish(&s, "open request");
}

/* A member that has not answered for longer than DTD is waited for no longer. */
static void test_silent_member(void)
{
	uint64_t asked;

	tx = sim_inband_start(&s, 32, 2, true);
	watch();
	tx->offline = true;
	s.m[1]->offline = true;
	rekey();
	asked = g->change_ms;
	sim_run(&s, 12000);
	rekey();
	run_until(asked + DTD_MS);
	is_int(hurried_s(), -1, "silent: a receiver may still answer");
	run_until(asked + DTD_MS + 100);
	is_int(inband_behind(g), 2, "silent: two members are behind");
	is_int(hurried_s(), 0, "silent: the others do not wait for it");
	tx->offline = false;
	s.m[1]->offline = false;
	sim_run(&s, 40000);
	is_int(sim_inband_lacking(&s), 0, "silent: all are in step");
	sim_finish(&s, "silent");
}

/* The change after the one that the sender missed cannot be sent. */
static void test_newest_unsent(void)
{
	begin(3);
	tx->offline = true;
	rekey();
	run_until(g->change_ms + 20000);
	s.send_errno = -ENETUNREACH;
	rekey();
	is_int(hurried_s(), -1, "unsent: receivers lack the newest key");
	tx->offline = false;
	sim_run(&s, 4000);
	is_int(n_hurried, 0, "unsent: %u answers, none hurries", n_answers);
	sim_run(&s, 70000);
	is_int(hurried_s(), -1,
	       "unsent: the same when the key server has given it up");
	s.send_errno = 0;
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "unsent: all are in step");
	sim_finish(&s, "unsent");
}

/* An exclusion has two messages, and a DTD of its own. */
static void test_exclusion(void)
{
	const struct replaced_sa *r;
	uint64_t first_ms;
	uint32_t ms;

	begin(4);
	tx->offline = true;
	is_int(sim_evict(s.gcks, "video", s.m[RECEIVERS]->name, &ms, &err), 0,
	       "exclusion: %s", err.text);
	while (sim_group(&s).in_flight)
		sim_run(&s, 1);
	first_ms = g->change_ms;
	s.send_errno = -ENETUNREACH;
	r = newest();
	is_int(r->unsent, 1, "exclusion: the second message is to be sent");
	run_until(first_ms + 400);
	is_int(r->sent_ms, 0, "exclusion: one of two is not enough");
	s.send_errno = 0;
	run_until(first_ms + 1000);
	ok(r->sent_ms > first_ms + 400 && !r->unsent,
	   "exclusion: both are sent, the second one after %ju ms",
	   (uintmax_t)(r->sent_ms - first_ms));
	is_int(r->dtd_ms, pace_dtd(g) * 1000, "exclusion: its DTD counts");
	ok(r->dtd_ms < DTD_MS, "exclusion: which is %u ms", r->dtd_ms);
	sim_down(s.m[RECEIVERS]);
	sim_finish(&s, "exclusion");
}

/* An exclusion shortens the DTD of what was replaced before. */
static void test_shortened(void)
{
	uint64_t excluded_ms, end;
	uint32_t former, ms;

	begin(9);
	tx->offline = true;
	rekey();
	former = newest()->spi;
	run_until(g->change_ms + 3000);
	is_int(sim_evict(s.gcks, "video", s.m[RECEIVERS]->name, &ms, &err), 0,
	       "shortened: %s", err.text);
	while (sim_group(&s).in_flight)
		sim_run(&s, 1);
	excluded_ms = g->change_ms;
	run_until(excluded_ms + 5000);
	end = newest()->sent_ms + newest()->dtd_ms;
	ok(end < excluded_ms - 3000 + DTD_MS - 5000,
	   "shortened: others delete both keys after %ju ms",
	   (uintmax_t)(end - excluded_ms));
	rekey();
	is_int(hurried_s(), (end - s.ms) / 1000, "shortened: until then");
	is_int(dead_spi, former, "shortened: the former key is named");
	tx->offline = false;
	sim_down(s.m[RECEIVERS]);
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0, "shortened: all are in step");
	sim_finish(&s, "shortened");
}

/* ---- what is not known ------------------------------------------------------ */

/* The key server dies between commit and first copy, and starts again. */
static void test_killed(void)
{
	uint64_t back;

	begin(5);
	tx->offline = true;
	rekey();
	sim_run(&s, 20000);
	s.crash = SIM_AFTER_COMMIT;
	s.crash_in = 0;
	sim_rekey(s.gcks, "video", &err);
	sim_run(&s, 1000);
	if (!s.crashed)
		bail("the key server is alive");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	watch();
	is_int(hurried_s(), -1, "killed: nothing is known of the change");
	tx->offline = false;
	back = s.ms;
	sim_run(&s, 30000);
	is_int(n_hurried, 0, "killed: %u answers, none hurries", n_answers);
	ok(loss_ms(back) <= BACK_MS, "killed: packets are lost for %ju ms",
	   (uintmax_t)loss_ms(back));
	is_int(sim_out_of_step(&s), 0, "killed: all are in step");
	sim_finish(&s, "killed");
}

/* A sender that has reported nothing since the start of the key server. */
static void test_not_reported(void)
{
	begin(6);
	tx->offline = true;
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	watch();
	is_int(sender()->more->sends_spi, 0, "start: nothing is reported");
	rekey();
	run_until(g->change_ms + 14000);
	is_int(hurried_s(), -1, "start: senders have changed over");
	rekey();
	is_int(hurried_s(), (newest()[-1].sent_ms + DTD_MS - s.ms) / 1000,
	       "start: the sender may have the key of before that");
	is_int(dead_spi, newest()[-1].spi, "start: which is named");
	sim_finish(&s, "start");
}

/* The sender has a key of more changes ago than are known. */
static void test_long_ago(void)
{
	unsigned int i;
	uint64_t n;

	begin(7);
	n = g->replaced.n;
	tx->offline = true;
	for (i = 0; i < REPLACED_MAX + 3; i++) {
		sim_run(&s, 6000);
		rekey();
	}
	is_int(g->replaced.n - n, REPLACED_MAX + 3, "long ago: changes");
	is_int(hurried_s(), 0, "long ago: others have deleted its key");
	is_int(dead_spi, sender()->more->sends_spi, "long ago: which is named");
	tx->offline = false;
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0, "long ago: all are in step");
	sim_finish(&s, "long ago");
}

/* After a reset senders are held at the keys of before. */
static void test_reset(void)
{
	begin(8);
	tx->offline = true;
	rekey();
	sim_run(&s, 20000);
	is_int(sim_reset(s.gcks, "video", &err), 0, "a reset: %s", err.text);
	is_int(g->replaced.n, 0, "reset: nothing is known");
	sim_run(&s, 6000);
	tx->offline = false;
	sim_run(&s, 60000);
	is_int(n_hurried, 0, "reset: %u answers, none hurries", n_answers);
	is_int(sim_out_of_step(&s), 0, "reset: all are in step");
	sim_finish(&s, "reset");
}

int main(void)
{
	sim_limit_store(STORE_MS);
	RUN(test_crowd);
	RUN(test_flows);
	RUN(test_inband, false, 25000);
	RUN(test_inband, true, 26000);
	RUN(test_inband, true, 27000);
	RUN(test_times);
	RUN(test_sent_late);
	RUN(test_open_request);
	RUN(test_silent_member);
	RUN(test_newest_unsent);
	RUN(test_exclusion);
	RUN(test_shortened);
	RUN(test_killed);
	RUN(test_not_reported);
	RUN(test_long_ago);
	RUN(test_reset);
	return done();
}
