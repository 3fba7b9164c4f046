// SPDX-License-Identifier: Apache-2.0
/*
 * A member that missed several changes knows none of the SPIs in use: an
 * exclusion replaces the announced ones, and only four are announced. It is back
 * as soon as one that missed a single change, at a cost that is stated here too.
 */
#include <stdio.h>
#include <string.h>

#include "gcks/group.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "tap.h"
#include "wire/proto.h"

#define RECEIVERS 10
/* The promise: seconds until a member is back after it hears again. */
#define BACK_S 2.0

static struct sim s;
static struct sim_member *tx, *a;
static unsigned int last; /* receiver that is still there */
static struct gcks_group_status g0;
static struct err err;

static void begin(uint64_t seed, int receivers, unsigned int every_ms)
{
	tx = sim_start_receivers(&s, seed, receivers);
	if (!tx)
		bail("not settled");
	a = s.m[1];
	last = receivers;
	if (every_ms)
		sim_stream(&s, tx, every_ms);
	sim_run(&s, 2000);
	g0 = sim_group(&s);
}

static void finish(void)
{
	is_int(s.iv_repeats + mock_iv_clashes, 0,
	       "no Message ID, no Sender-ID came twice");
	sim_free(&s);
}

static unsigned int asked(void)
{
	return sim_group(&s).registrations - g0.registrations;
}

/* Nobody takes what is repeated for a rival's. */
static void no_alarm(void)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < s.n; i++)
		n += s.m[i]->up && sim_status(s.m[i]).rivals;
	is_int(n + sim_log_count(&s, "may be forged"), 0,
	       "nobody suspects a rival");
}

/*
 * One change for each letter: e evicts, l leaves, j joins, r is a periodic
 * rekey. Those who go are the last receivers.
 */
static void change(const char *how)
{
	unsigned int joins = 0;
	char name[32];
	uint32_t ms;

	for (; *how; how++) {
		if (*how == 'j') {
			snprintf(name, sizeof(name), "j%u.example", joins++);
			sim_up(sim_add(&s, name, false, true));
		}
		if (*how == 'r')
			sim_rekey(s.gcks, NULL, &err);
		if (*how == 'l')
			member_leave(s.m[last]->m, NULL);
		if (*how == 'e' &&
		    sim_evict(s.gcks, "video", s.m[last]->name, &ms, &err))
			bail("%s", err.text);
		sim_run(&s, *how == 'e' ? 1000 : 5100);
		if (*how == 'e' || *how == 'l')
			sim_down(s.m[last--]);
	}
}

static bool has_newest(const struct sim_member *m)
{
	return sim_status(m).data_spi == sim_group(&s).data_spi;
}

/* Return the seconds until @m is back, or -1 after a minute. */
static double back_after(const struct sim_member *m)
{
	uint64_t t0 = s.ms;

	while (!has_newest(m) || !sim_in(m)) {
		if (s.ms - t0 > 60000)
			return -1;
		sim_run(&s, 20);
	}
	return (s.ms - t0) / 1000.0;
}

/* Return the seconds after @ms until no receiver lost any packet. */
static double loss_s(uint64_t ms)
{
	uint64_t last = ms;
	int i;

	for (i = 1; i < s.n; i++)
		if (s.m[i]->up && s.m[i]->last_gap_ms > last)
			last = s.m[i]->last_gap_ms;
	return (last - ms) / 1000.0;
}

static void away(bool sender, bool deaf, unsigned int secs, const char *how)
{
	struct sim_member *m;
	uint64_t t0, back;
	char what[96];
	double after;

	begin(secs + strlen(how) + sender, RECEIVERS, 50);
	m = sender ? tx : a;
	snprintf(what, sizeof(what), "%s %s for %u s, %s",
		 sender ? "sender" : "receiver",
		 deaf ? "deaf for rekeys" : "off the network", secs, how);
	m->deaf = deaf;
	m->offline = !deaf;
	sim_run(&s, 200);
	t0 = s.ms;
	change(how);
	if (s.ms < t0 + secs * 1000)
		sim_run(&s, t0 + secs * 1000 - s.ms);
	ok(deaf || !has_newest(m), "%s: its key is old", what);
	m->deaf = false;
	m->offline = false;
	back = s.ms;
	after = back_after(m);
	ok(after >= 0 && after <= BACK_S, "%s: back after %.1f s", what, after);
	sim_run(&s, 20000);
	ok(loss_s(back) <= BACK_S, "%s: no packet lost after %.1f s", what,
	   loss_s(back));
	is_int(sim_reads_after(&s, s.m[RECEIVERS], back + BACK_S * 1000), 0,
	       "%s: who has gone reads nothing", what);
	/* A sender that the key server can reach is told of each change. */
	ok(asked() <= (sender && deaf ? strlen(how) : 1), "%s: asks %u times",
	   what, asked());
	is_int(sim_out_of_step(&s), 0, "%s: in step", what);
	no_alarm();
	finish();
}

static void test_receiver(void)
{
	away(false, false, 4, "ee");
	away(false, false, 12, "ll");
	away(false, false, 30, "llll");
	away(false, false, 30, "ljlrej");
}

static void test_sender(void)
{
	away(true, false, 4, "eee");
	away(true, true, 4, "ee");
	away(true, false, 12, "ll");
	away(true, true, 30, "llll");
	away(true, false, 30, "ljlrej");
}

/* The keys of the answer are old when it comes, or soon after. */
static void test_start_phase(void)
{
	struct sim_member *m;
	uint64_t back;
	double after;

	begin(50, RECEIVERS, 50);
	m = sim_add(&s, "new.example", false, true);
	sim_up(m);
	while (!sim_in(m))
		sim_run(&s, 20);
	m->offline = true;
	change("eee");
	sim_run(&s, 1000);
	m->offline = false;
	back = s.ms;
	after = back_after(m);
	/* Until ATD has passed unknown SPIs may be those before its own. */
	ok(after >= 0 && after <= 4, "a new member is back after %.1f s",
	   after);
	sim_run(&s, 20000);
	ok(loss_s(back) <= 4, "a new member loses packets for %.1f s",
	   loss_s(back));
	is_int(asked(), 1, "a new member asks once");
	no_alarm();
	finish();
}

/* There is no traffic, so only a beat can tell. */
static void test_quiet(bool sender)
{
	struct sim_member *m;
	double after;

	begin(60 + sender, RECEIVERS, 0);
	m = sender ? tx : a;
	m->offline = true;
	change("ee");
	sim_run(&s, sender ? 58000 : 28000);
	m->offline = false;
	after = back_after(m);
	ok(after >= 0 && after <= 17,
	   "no traffic: the %s is back a beat later, after %.1f s",
	   sender ? "sender" : "receiver", after);
	ok(asked() <= 1, "no traffic: the %s asks once",
	   sender ? "sender" : "receiver");
	no_alarm();
	finish();
}

/* A member that lacks nothing may hear unknown SPIs, too. */
static void test_in_step(void)
{
	unsigned int i;

	begin(70, RECEIVERS, 20);
	change("jjjjjljjej");
	for (i = 0; i < 10; i++) {
		sim_up(sim_add(&s,
			       (char[]){ 'x', '0' + i, '.', 'e', 'x', 'a', 'm',
					 'p', 'l', 'e', 0 },
			       false, true));
		sim_run(&s, 700);
	}
	sim_run(&s, 30000);
	is_int(asked(), 0, "a member that has joined does not ask again");
	/* The sender uses a key that others have deleted, and hears nothing of it. */
	tx->deaf = true;
	tx->mute = true;
	change("e");
	sim_run(&s, 35000);
	is_int(asked(), 0, "a sender that is late makes nobody ask");
	tx->deaf = false;
	tx->mute = false;
	sim_run(&s, 4000);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	no_alarm();
	finish();
}

/* ---- cost ---------------------------------------------------------------- */

static unsigned int n_forged;

static void forge(struct sim_member *m)
{
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI, .group = "video" };
	uint8_t hdr[28] = { 0 };
	unsigned int i;

	for (i = 0; i < 16; i++)
		hdr[i] = sim_random(&s, 256);
	ev.spi = 0x10000000 + n_forged++;
	member_rekey_input(m->m, &s.ep, hdr, sizeof(hdr));
	if (m->cg.receive)
		member_kernel_event(m->m, &ev);
}

/* Each member hears forged SPIs once a second, as often as the kernel tells. */
static void test_stranger(unsigned int every_ms, unsigned int most)
{
	const unsigned int secs = every_ms ? 120 : 3000;
	unsigned int i, k, registered, early = 0;
	struct sim_member *both;

	begin(80, 8, every_ms);
	both = sim_add(&s, "s2.example", true, true);
	sim_up(both);
	sim_run(&s, 10000);
	g0 = sim_group(&s);
	for (i = 0; i < secs; i++) {
		for (k = 0; k < (unsigned int)s.n; k++)
			forge(s.m[k]);
		sim_run(&s, 1000);
		if (i == 60)
			early = asked() - sim_status(both).registrations + 1;
	}
	registered = sim_status(both).registrations - 1;
	ok(registered <= most / 2,
	   "%u s of forged SPIs: a sender asks %u times of at most %u", secs,
	   registered, most / 2);
	ok(asked() - registered <= most * 8,
	   "each receiver asks %.1f times of at most %u",
	   (asked() - registered) / 8.0, most);
	ok(every_ms || asked() - registered >= 6 * 8,
	   "each receiver that hears no packets asks more than once of a kind");
	ok(every_ms ? !early : early >= 2 * 8,
	   "receivers ask %u times in the first minute", early);
	is_int(sim_status(tx).registrations, 1,
	       "a member that only sends does not ask while it hears beats");
	is_int(sim_group(&s).rekeys, g0.rekeys, "no key is replaced");
	no_alarm();
	finish();
}

#define HOURS 6
#define BOTH 4

/* Return how often members @from to @to have asked since *@was, which is updated. */
static unsigned int asked_since(unsigned int from, unsigned int to,
				unsigned int *was)
{
	unsigned int i, n = 0, before = *was;

	for (i = from; i < to; i++)
		n += sim_status(s.m[i]).registrations;
	*was = n;
	return n - before;
}

static void forge_for_an_hour(void)
{
	unsigned int i, k;

	for (i = 0; i < 3600; i++) {
		for (k = 0; k < (unsigned int)s.n; k++)
			forge(s.m[k]);
		sim_run(&s, 1000);
	}
}

/*
 * The text of security.rst about forged SPIs in a group without traffic: a receiver
 * asks some twelve times in the first hour, and then each 10 minutes in the mean, a
 * sender that receives as well six times, and then each 80 minutes.
 */
static void test_stranger_hours(void)
{
	const unsigned int all = 1 + RECEIVERS + BOTH, first = 1 + RECEIVERS;
	unsigned int h, n, was = 0, was_both = 0, later = 0, later_both = 0;
	char name[32];

	begin(80, RECEIVERS, 0);
	for (h = 0; h < BOTH; h++) {
		snprintf(name, sizeof(name), "x%u.send.example", h);
		sim_up(sim_add(&s, name, true, true));
	}
	sim_run(&s, 10000);
	asked_since(1, first, &was);
	asked_since(first, all, &was_both);
	for (h = 1; h <= HOURS; h++) {
		forge_for_an_hour();
		n = asked_since(1, first, &was);
		later += h > 1 ? n : 0;
		ok(n >= (h > 1 ? 5 : 10) * RECEIVERS &&
			   n <= (h > 1 ? 7 : 13) * RECEIVERS,
		   "hour %u of forged SPIs: a receiver asks %.1f times", h,
		   n / (double)RECEIVERS);
		n = asked_since(first, all, &was_both);
		later_both += h > 1 ? n : 0;
		ok(n <= (h > 1 ? 2 : 7) * BOTH,
		   "hour %u of forged SPIs: a sender asks %.1f times", h,
		   n / (double)BOTH);
	}
	n = HOURS - 1;
	ok(later >= 11 * n * RECEIVERS / 2 && later <= 13 * n * RECEIVERS / 2,
	   "later hours of forged SPIs: a receiver asks %.2f times an hour in the mean",
	   (double)later / n / RECEIVERS);
	ok(later_both * 2 >= n * BOTH && later_both * 5 <= 6 * n * BOTH,
	   "later hours of forged SPIs: a sender asks %.2f times an hour in the mean",
	   (double)later_both / n / BOTH);
	/* An IKE SA ends after four hours, and nothing else makes it register. */
	is_int(sim_status(tx).registrations, 2,
	       "a member that only sends does not ask for hours");
	no_alarm();
	finish();
}

/* A stranger repeats an SPI that the member has asked about in vain. */
static void test_repeated(void)
{
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI,
			     .group = "video",
			     .spi = 0x12345678 };
	uint64_t t0, ms;
	struct mgroup *g;

	begin(95, RECEIVERS, 20);
	g = TAILQ_FIRST(&a->m->groups);
	doubt_once(g, DOUBT_STRAY, ONCE_STRAY_ESP, &ev.spi, sizeof(ev.spi), 0);
	sim_run(&s, 60000);
	a->offline = true;
	change("ee");
	a->offline = false;
	for (t0 = s.ms; !has_newest(a) && s.ms - t0 < 60000;) {
		member_kernel_event(a->m, &ev);
		sim_run(&s, 5);
	}
	ms = s.ms - t0;
	ok(ms <= BACK_S * 1000,
	   "a repeated SPI: the member is back after %u ms", (unsigned int)ms);
	no_alarm();
	finish();
}

static unsigned int asked_by(const struct sim_member *m, unsigned int secs)
{
	unsigned int before = sim_status(m).registrations;

	sim_run(&s, (uint64_t)secs * 1000);
	return sim_status(m).registrations - before;
}

/*
 * A receiver that hears no rekey asks at growing intervals of at most ten minutes, and
 * anew in time when it has heard one.
 */
static void test_silence(void)
{
	unsigned int n;

	begin(96, 2, 0);
	a->deaf = true;
	n = asked_by(a, 10800);
	ok(n >= 16 && n <= 24, "a receiver asks %u times in three silent hours",
	   n);
	a->deaf = false;
	sim_run(&s, 100000);
	a->deaf = true;
	/* Three beats, a random delay before and one after it, and two seconds. */
	is_int(asked_by(a, 45 + 8 + 1 + 3), 1,
	       "a receiver that is deaf again asks as soon as at first");
	finish();
}

/* Links that change all the time are no sign while each beat is heard. */
static void test_links(void)
{
	struct link_event ev = { .what = LINK_UP };
	unsigned int i;

	begin(98, 2, 0);
	for (i = 0; i < 1200; i++) {
		member_link_event(a->m, &ev);
		sim_run(&s, 250);
	}
	is_int(sim_status(a).registrations, 1,
	       "a receiver whose links change does not ask while it hears beats");
	finish();
}

/* Beats may be so rare that ten minutes are no silence. */
static void test_rare_beats(void)
{
	sim_init_rare(&s, 97);
	s.cg.beat = 3600;
	a = sim_start_three(&s, true, 20000, 0).a;
	is_int(asked_by(a, 7200), 0, "a receiver of hourly beats does not ask");
	finish();
}

/* Everybody is behind a router that was down. */
static void test_crowd(void)
{
	const int n = FULL_OR_FEW(150, 30);
	uint64_t t0;
	int i;

	begin(90, n, 50);
	s.handshake_us = 333;
	s.real_limits = true;
	for (i = 1; i <= n - 2; i++)
		s.m[i]->offline = true;
	member_leave(s.m[n]->m, NULL);
	sim_run(&s, 6000);
	member_leave(s.m[n - 1]->m, NULL);
	sim_run(&s, 6000);
	sim_down(s.m[n]);
	sim_down(s.m[n - 1]);
	for (i = 1; i <= n - 2; i++)
		s.m[i]->offline = false;
	t0 = s.ms;
	while (sim_out_of_step(&s) && s.ms - t0 < 60000)
		sim_run(&s, 20);
	ok(s.ms - t0 <= BACK_S * 1000, "a crowd is back after %.1f s",
	   (s.ms - t0) / 1000.0);
	sim_run(&s, 20000);
	is_int(asked(), n - 2, "each of a crowd has asked once");
	no_alarm();
	finish();
}

static unsigned int sent(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < s.n_wire; i++)
		n += s.wire[i].copies;
	return n;
}

/*
 * Evictions while all senders follow, and while one of them has vanished from
 * the network, for which earlier changes are repeated for a minute.
 */
static unsigned int messages(bool gone, bool restart)
{
	unsigned int before, i;
	char name[32];
	uint32_t ms;

	begin(100, 45, 50);
	if (gone)
		tx->offline = true;
	before = sent();
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "r%u.example", 44 - i);
		sim_evict(s.gcks, "video", name, &ms, &err);
		sim_down(s.m[45 - i]);
		sim_run(&s, 600);
	}
	if (restart) {
		before = sent();
		sim_gcks_down(&s);
		sim_gcks_up(&s);
	}
	sim_run(&s, 120000);
	before = sent() - before;
	is_int(sim_out_of_step(&s), gone, "evictions: the others are in step");
	is_int(TAILQ_EMPTY(&TAILQ_FIRST(&s.gcks->groups)->out), true,
	       "evictions: no message is kept");
	no_alarm();
	finish();
	return before;
}

static void test_messages(void)
{
	unsigned int few = messages(false, false);
	unsigned int many = messages(true, false);
	unsigned int later = messages(true, true);

	ok(few <= 500, "40 evictions: %u messages", few);
	ok(many <= few + 10 * 75, "while the sender is cut off: %u", many);
	/* Each message that is stored, and both of the last change each second. */
	ok(later <= 300, "after a restart of the key server: %u", later);
}

int main(void)
{
	RUN(test_receiver);
	RUN(test_sender);
	RUN(test_start_phase);
	RUN(test_quiet, false);
	RUN(test_quiet, true);
	RUN(test_in_step);
	RUN(test_stranger, 50, 0);
	RUN(test_stranger, 0, 14);
	RUN(test_stranger_hours);
	RUN(test_repeated);
	RUN(test_silence);
	RUN(test_links);
	RUN(test_rare_beats);
	RUN(test_crowd);
	RUN(test_messages);
	return done();
}
