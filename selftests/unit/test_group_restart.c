// SPDX-License-Identifier: Apache-2.0
/*
 * Crashes and restarts: of the key server at every datagram and before and
 * after every commit, of members, of the kernel module; and settings that were
 * changed in between.
 */
#include "group_sim.h"
#include "group_finish.h"
#include "tap.h"

#include <errno.h>

#include "wire/proto.h"

static struct sim s;
static struct sim_member *tx, *a, *b, *c;
static struct err err;

static void usual(uint64_t seed)
{
	struct sim_three three;

	sim_init(&s, seed);
	three = sim_start_three(&s, false, 10000, 20);
	tx = three.tx;
	a = three.a;
	b = three.b;
	c = sim_add(&s, "c.example", false, true);
}

static uint64_t registrations(void)
{
	uint64_t n = 0;
	int i;

	for (i = 0; i < s.n; i++)
		n += sim_status(s.m[i]).registrations;
	return n;
}

/* Kill -9, a pause, a restart, the next rekey. */
static void test_gcks_restart(void)
{
	struct gcks_group_status before, after;
	uint64_t regs;

	usual(1);
	before = sim_group(&s);
	regs = registrations();
	sim_gcks_down(&s);
	sim_run(&s, 60000);
	is_int(sim_gaps(&s), 0, "traffic goes on without a key server");
	sim_gcks_up(&s);
	after = sim_group(&s);
	ok(after.members == 3 && after.senders == 1,
	   "the restarted key server knows its members");
	ok(after.data_spi == before.data_spi &&
		   !memcmp(after.rekey_spi, before.rekey_spi, 16) &&
		   after.next_mid >= before.next_mid &&
		   after.next_sender_id == before.next_sender_id,
	   "the restarted key server knows its keys and its counters");
	ok(after.data_left <= before.data_left - 60,
	   "the restarted key server knows the age of its keys");
	is_int(sim_rekey(s.gcks, "video", &err), 0, "the next rekey works");
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "all follow it");
	ok(registrations() <= regs + 3,
	   "members that asked in the silence did so once");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_up(c);
	ok(sim_settle(&s, 3000), "c can join after the restart");
	is_int(sim_out_of_step(&s), 0, "all follow that too");
	sim_finish(&s, "restart");
}

/* The server was down for much longer than the periodic rekey. */
static void test_gcks_late(void)
{
	usual(2);
	sim_gcks_down(&s);
	sim_run(&s, 4000000);
	is_int(sim_gaps(&s), 0, "past the periodic rekey traffic goes on");
	sim_gcks_up(&s);
	sim_run(&s, 30000);
	is_int(sim_group(&s).rekeys, 1, "the rekey that was due is made");
	is_int(sim_out_of_step(&s), 0, "all follow it");
	is_int(sim_gaps(&s), 0, "no packet is lost");

	sim_gcks_down(&s);
	sim_run(&s, 8000000);
	ok(s.n_unsent > 1000, "past the lifetime nothing is sent any more");
	is_int(tx->mk.n_sas + a->mk.n_sas + b->mk.n_sas, 0,
	       "past the lifetime no key is left");
	is_int(tx->mk.n_groups, 1, "the group stays closed");
	sim_gcks_up(&s);
	ok(sim_settle(&s, 200000), "with a key server all come back");
	sim_run(&s, 20000);
	sim_stream(&s, tx, 20);
	sim_run(&s, 2000);
	ok(!sim_gaps(&s) && a->got > 90,
	   "the stream comes back with the key server");
	sim_finish(&s, "late");
}

/* ---- at every point ----------------------------------------------------- */

enum deed {
	DEED_JOIN,
	DEED_EVICT,
	DEED_LEAVE,
	DEED_REKEY,
};

static const char *const deeds[] = { "join", "evict", "leave", "rekey" };

static void perform(enum deed d)
{
	uint32_t ms;

	switch (d) {
	case DEED_JOIN:
		sim_up(c);
		break;
	case DEED_EVICT:
		sim_evict(s.gcks, "video", "b.example", &ms, &err);
		break;
	case DEED_LEAVE:
		member_leave(b->m, NULL);
		break;
	case DEED_REKEY:
		sim_rekey(s.gcks, NULL, &err);
		break;
	}
}

/*
 * A change is complete or has not happened. In both cases the next rekey
 * reaches every member, and nobody else.
 */
static bool survives(enum deed d, enum sim_crash how, unsigned int at,
		     uint64_t pause, struct err *why)
{
	bool wanted_out = d == DEED_EVICT || d == DEED_LEAVE;
	bool happened, in, ended;
	uint32_t spi, ms;

	usual(100 + at);
	spi = sim_group(&s).data_spi;
	s.crash = how;
	s.crash_in = at;
	perform(d);
	sim_run(&s, 8000);
	ended = !s.crashed;
	sim_gcks_down(&s);
	sim_run(&s, pause);
	sim_gcks_up(&s);
	happened = sim_group(&s).data_spi != spi;
	in = sim_has_member(&s, "b.example");
	err_clear(why);
	if (d == DEED_EVICT && happened == in)
		err_set(why, 0, "evicted by half");
	/* A leave is repeated, and a join is requested again. */
	if (d == DEED_EVICT && !happened)
		sim_evict(s.gcks, "video", "b.example", &ms, &err);
	sim_run(&s, 30000);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 30000);
	if (d == DEED_EVICT)
		sim_down(b);
	if (d == DEED_JOIN)
		sim_run(&s, 120000);
	if (d == DEED_LEAVE) {
		in = sim_has_member(&s, "b.example");
		sim_down(b);
	}
	if (sim_out_of_step(&s))
		err_set(why, 0, "%u are out of step", sim_out_of_step(&s));
	if (wanted_out && happened && sim_reads_after(&s, b, s.ms - 100))
		err_set(why, 0, "b reads on");
	if (a->gaps || a->expect != s.n_sent + 1)
		err_set(why, 0, "a has lost %ju packets",
			(uintmax_t)(a->gaps + s.n_sent + 1 - a->expect));
	if (s.n_unsent)
		err_set(why, 0, "%ju packets were not sent",
			(uintmax_t)s.n_unsent);
	if (s.iv_repeats)
		err_set(why, 0, "a Message ID came twice");
	if (mock_iv_clashes)
		err_set(why, 0, "a Sender-ID came twice");
	sim_free(&s);
	return ended;
}

static void test_every_point(void)
{
	static const struct {
		enum sim_crash how;
		const char *name;
	} hows[] = {
		{ SIM_BEFORE_COMMIT, "before a commit" },
		{ SIM_AFTER_COMMIT, "after a commit" },
		{ SIM_AT_SEND, "at a datagram" },
	};
	struct err why;
	unsigned int d, h, at, points, bad;

	for (d = DEED_JOIN; d <= DEED_REKEY; d++) {
		for (h = 0; h < 3; h++) {
			points = 0;
			bad = 0;
			for (at = 0; at < 40; at++) {
				uint64_t pause = at % 2 ? 300 : 20000;
				bool end = survives(d, hows[h].how, at, pause,
						    &why);

				if (why.text[0]) {
					bad++;
					diag("%s, %s %u: %s", deeds[d],
					     hows[h].name, at, why.text);
				}
				if (end)
					break;
				points++;
			}
			ok(!bad && points, "%s: killed %s, %u points", deeds[d],
			   hows[h].name, points);
		}
	}
}

/* ---- members ------------------------------------------------------------ */

static void test_member_restart(void)
{
	uint32_t sid, spi;

	usual(3);
	sid = sim_status(tx).first_sender_id;
	spi = sim_status(tx).out_spi;
	sim_down(tx);
	sim_run(&s, 2000);
	is_int(sim_gaps(&s), 0, "with the sender's daemon dead it goes on");
	sim_up(tx);
	is_int(tx->mk.n_groups, 1, "the new daemon takes over the group");
	ok(sim_settle(&s, 3000), "the new daemon registers");
	ok(sim_status(tx).first_sender_id > sid,
	   "member restart: new Sender-IDs are asked for");
	is_int(sim_status(tx).data_spi, spi, "on the SA there is");
	sim_run(&s, 30000);
	is_int(tx->mk.n_sas, 1, "the SA's counters go on in the kernel");
	is_int(sim_gaps(&s), 0, "no packet is lost");

	sim_down(a);
	sim_run(&s, 2000);
	sim_up(a);
	ok(sim_settle(&s, 3000), "a receiver does the same");
	sim_run(&s, 30000);
	is_int(a->mk.n_sas, 1, "the restarted receiver keeps one SA");
	is_int(sim_gaps(&s), 0, "no packet is lost");

	/* Another group of that name is not ours to take. */
	sim_down(b);
	addr_parse("239.5.5.5", &b->mk.group[0].dst);
	sim_stream_stop(&s);
	{
		struct member_deps deps = { .clock = &s.clock,
					    .tq = &s.tq,
					    .kernel = &b->mk.k };
		struct member *m;
		struct err why;
		int rc;

		if (member_new(&b->conf, &deps, &m, &why))
			bail("%s", why.text);
		rc = member_start(m, &why);
		is_int(rc, -EEXIST, "a name in use is refused: %s", why.text);
		ok(strstr(why.text, "239.5.5.5") && strstr(why.text, "video"),
		   "the refusal says which name is in use");
		member_free(m);
	}
	sim_finish(&s, "member restart");
}

static void test_module(void)
{
	struct kevent ev = { .type = KEVENT_RESYNC };
	struct mock_packet old;

	usual(4);
	old = s.last;
	sim_run(&s, 100);
	mock_kernel_reset(&a->mk);
	member_kernel_event(a->m, &ev);
	is_int(a->mk.n_groups, 1, "module reloaded: the group is back at once");
	sim_run(&s, 30000);
	ok(sim_in(a) && a->mk.n_sas >= 1,
	   "module reloaded: an SA is there soon");
	ok(!mock_kernel_recv(&a->mk, &old),
	   "module reloaded: what was received before is not accepted");
	is_int(sim_out_of_step(&s), 0, "all are in step");

	member_kernel_event(b->m, &ev);
	is_int(sim_status(b).registrations, 1,
	       "lost events with nothing lost change nothing");

	ev.type = KEVENT_IV_EXHAUSTING;
	snprintf(ev.group, sizeof(ev.group), "video");
	ev.spi = sim_status(tx).data_spi;
	ev.sender_id = sim_status(tx).first_sender_id;
	sim_run(&s, 60000);
	member_kernel_event(tx->m, &ev);
	sim_run(&s, 10000);
	is_int(sim_status(tx).registrations, 2,
	       "a Sender-ID used up: registered for new ones");
	ok(sim_status(tx).first_sender_id > ev.sender_id,
	   "the sender got new Sender-IDs");
	is_int(b->gaps, 0, "no packet is lost");

	/* The kernel refuses an SA, and nothing is half done. */
	a->mk.fail_add = -ENOMEM;
	sim_run(&s, 60000);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0,
	       "a member recovers when the kernel refuses once");
	sim_finish(&s, "module");
}

/*
 * Before hibernation the kernel of @m ends all SAs, and accepts new ones
 * afterwards.
 */
static void hibernate(struct sim_member *m, const char *who)
{
	struct kevent ev = {
		.type = KEVENT_HARD_EXPIRE,
		.limit = MCSEC_LIMIT_ROLLBACK,
	};
	uint64_t before = sim_status(m).registrations;
	bool said = false;
	int i;

	snprintf(ev.group, sizeof(ev.group), "video");
	ev.spi = sim_status(m).data_spi;
	mock_kernel_hibernate(&m->mk);
	member_kernel_event(m->m, &ev);
	/* A sender that asks again at once may get another reason. */
	for (i = 0; i < 50; i++) {
		sim_run(&s, 100);
		said |= !!strstr(sim_status(m).last_error, "hibernating");
	}
	ok(!m->mk.n_sas || (m->mk.n_sas == 1 && m->mk.sa[0].wiped),
	   "%s: before the image it gets no SA", who);
	ok(said, "%s: says why: %s", who, sim_status(m).last_error);
	is_int(sim_status(m).registrations, before, "%s: is not in", who);
	m->mk.to_disk = false;
	sim_run(&s, 60000);
	is_int(sim_status(m).registrations, before + 1,
	       "%s: registers when it is back, once", who);
	is_int(m->mk.n_sas, 1, "%s: has an SA", who);
	ok(!m->mk.sa[0].wiped, "%s: a live one", who);
}

static void test_hibernation(void)
{
	struct mock_packet old;
	uint64_t got;

	usual(12);
	old = s.last;
	sim_run(&s, 100);
	hibernate(a, "receiver");
	ok(!mock_kernel_recv(&a->mk, &old),
	   "receiver: what was received before hibernation is not accepted");
	got = a->got;
	sim_run(&s, 2000);
	ok(a->got >= got + 90,
	   "receiver: the stream is heard after hibernation");
	hibernate(tx, "sender");
	got = a->got;
	sim_run(&s, 2000);
	ok(a->got >= got + 90, "sender: the stream is heard after hibernation");
	is_int(sim_out_of_step(&s), 0, "all are in step");

	/* The refusal was so short that the member did not ask meanwhile. */
	mock_kernel_hibernate(&a->mk);
	a->mk.to_disk = false;
	{
		struct kevent ev = {
			.type = KEVENT_HARD_EXPIRE,
			.limit = MCSEC_LIMIT_ROLLBACK,
			.group = "video",
			.spi = sim_status(a).data_spi,
		};
		member_kernel_event(a->m, &ev);
	}
	sim_run(&s, 30000);
	ok(a->mk.n_sas == 1 && !a->mk.sa[0].wiped,
	   "an SA that has ended is not taken for the one that is brought");
	sim_finish(&s, "hibernation");
}

/* A receiver returns as a sender, with its earlier SA still in the kernel. */
static void test_other_role(void)
{
	usual(8);
	sim_stream_stop(&s);
	sim_down(tx);
	tx->cg.receive = true;
	sim_up(tx);
	ok(sim_settle(&s, 3000), "a sender comes back as a receiver too");
	sim_run(&s, 10000);
	is_int(sim_status(tx).kernel_errors, 0, "the kernel takes its SA");
	sim_stream(&s, tx, 20);
	sim_run(&s, 5000);
	ok(a->got > 200 && !sim_gaps(&s),
	   "a sender that came back as a receiver too sends");
	sim_finish(&s, "other role");
}

/*
 * A member in both roles comes back in one of them, and in both: with the SA of
 * the kernel or with another one, but never with the same one made anew.
 */
static void test_role_and_window(void)
{
	struct mock_packet old;
	struct sim_member *s2;
	uint64_t replays;
	uint32_t spi;

	usual(13);
	s2 = sim_add(&s, "s2.example", true, true);
	sim_up(s2);
	if (!sim_settle(&s, 10000))
		bail("not settled");
	sim_run(&s, 20000);
	spi = sim_status(s2).data_spi;
	old = s.last;
	sim_run(&s, 100);
	sim_down(s2);
	s2->cg.send = false;
	sim_up(s2);
	is_int(sim_status(s2).out_spi, 0,
	       "a sender that comes back as a receiver sends no more, at once");
	ok(sim_settle(&s, 3000), "a sender comes back as a receiver");
	sim_run(&s, 5000);
	is_int(sim_status(s2).data_spi, spi, "the SA of the kernel goes on");
	replays = s2->mk.replays;
	ok(!mock_kernel_recv(&s2->mk, &old) && s2->mk.replays == replays + 1,
	   "the SA of the kernel knows what it has received");

	sim_down(s2);
	s2->cg.send = true;
	sim_up(s2);
	ok(sim_settle(&s, 3000), "a receiver comes back as a sender");
	sim_run(&s, 20000);
	is_int(sim_status(s2).registrations, 1,
	       "a receiver that comes back as a sender registers once");
	ok(sim_status(s2).data_spi != spi &&
		   sim_status(s2).out_spi == sim_status(s2).data_spi,
	   "a receiver that comes back as a sender has another SA");
	ok(!mock_kernel_recv(&s2->mk, &old),
	   "with another SA what was received before is not accepted");
	is_int(sim_status(s2).kernel_errors, 0, "the kernel refused nothing");
	is_int(a->gaps + b->gaps + s.n_unsent, 0, "nobody lost a packet");
	sim_finish(&s, "role and window");
}

/* A member that leaves a second time is back before its leave is due. */
static void test_back_at_once(void)
{
	struct mock_packet old;
	int i;

	usual(14);
	for (i = 0; i < 3; i++) {
		old = s.last;
		sim_run(&s, 100);
		member_leave(b->m, NULL);
		sim_run(&s, 200);
		member_join(b->m, NULL);
		sim_run(&s, 30000);
		is_int(sim_status(b).state, MEMBER_IN,
		       "back at once, %d: is in: %s", i,
		       sim_status(b).last_error);
		ok(!mock_kernel_recv(&b->mk, &old),
		   "back at once, %d: what was received before is not accepted",
		   i);
	}
	is_int(a->gaps + s.n_unsent, 0, "others lost no packet");
	sim_finish(&s, "back at once");
}

/* After a restart the key server learns again which keys the senders use. */
static void test_confirm_again(void)
{
	struct gcks_group_status g;
	uint64_t age_ms;

	usual(9);
	g = sim_group(&s);
	age_ms = g.changed_ms;
	is_int(g.unconfirmed, 0, "the sender has confirmed");
	sim_gcks_down(&s);
	sim_run(&s, 1000);
	sim_gcks_up(&s);
	is_int(sim_group(&s).unconfirmed, 1,
	       "a restarted key server can't know");
	g = sim_group(&s);
	ok(g.changed_ms >= age_ms && g.changed_ms <= age_ms + 2000,
	   "a restarted key server knows when the keys changed");
	sim_run(&s, 320000);
	g = sim_group(&s);
	is_int(g.unconfirmed, 0,
	       "a restarted key server hears the confirmation again");
	is_int(sim_gaps(&s), 0, "no packet is lost");
	sim_finish(&s, "confirm again");
}

static void link_event(struct sim_member *m)
{
	struct link_event ev = { .what = LINK_ROUTE };

	member_link_event(m->m, &ev);
}

/* Links change all the time, and a relevant change is noticed within a beat. */
static void test_links(void)
{
	uint64_t regs;
	int i;

	usual(10);
	regs = registrations();
	for (i = 0; i < 600; i++) {
		link_event(a);
		link_event(tx);
		sim_run(&s, 1000);
	}
	is_int(registrations(), regs, "600 changes of routes: nobody asks");
	sim_stream_stop(&s);
	sim_run(&s, 14000);
	a->deaf = true;
	link_event(a);
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 20000);
	is_int(sim_status(a).registrations, 2,
	       "a change of routes after which a member is deaf: the member asks after one beat");
	is_int(sim_out_of_step(&s), 0, "a member that was deaf is in step");
	sim_finish(&s, "links");
}

/* An acquire speeds the member up, but does not make it flood. */
static void test_acquire(void)
{
	struct kevent ev = { .type = KEVENT_ACQUIRE };
	uint64_t tries;
	int i;

	sim_init(&s, 5);
	tx = sim_add(&s, "s.example", true, false);
	sim_up(tx);
	snprintf(ev.group, sizeof(ev.group), "video");
	sim_run(&s, 400000);
	tries = sim_status(tx).refusals;
	ok(tries >= 2 && tries < 12, "no key server: tried %ju times in 400 s",
	   (uintmax_t)tries);
	sim_gcks_up(&s);
	for (i = 0; i < 50 && !sim_in(tx); i++) {
		member_kernel_event(tx->m, &ev);
		sim_run(&s, 1000);
	}
	ok(sim_in(tx), "traffic makes it try sooner");
	sim_finish(&s, "acquire");
}

/* ---- settings ----------------------------------------------------------- */

static void test_settings(void)
{
	static char *fewer[] = { (char *)"a.example", (char *)"c.example" };
	struct conf_names was;
	uint64_t at;

	usual(6);
	was = s.cg.receivers;
	sim_gcks_down(&s);
	s.cg.receivers.v = fewer;
	s.cg.receivers.n = 2;
	at = s.ms;
	sim_gcks_up(&s);
	sim_run(&s, 10000);
	ok(!sim_has_member(&s, "b.example"),
	   "a member that is not in the list any more is out after a restart");
	is_int(sim_reads_after(&s, b, at + 3000), 0,
	       "a member that is not in the list any more reads no more");
	is_int(a->gaps, 0, "a loses no packet");
	s.cg.receivers = was;

	/* The algorithm changes, and every member has to learn of it. */
	sim_down(b);
	sim_gcks_down(&s);
	s.cg.alg.key_bits = 256;
	sim_gcks_up(&s);
	ok(sim_logged(&s, "settings of the keys have changed"),
	   "the group is reset");
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "all have registered again");
	is_int(a->mk.sa[0].sa.key_len, 36, "the members use the new algorithm");
	is_int(a->gaps, 0, "a loses no packet");
	ok(a->expect == s.n_sent + 1, "a gets the last packet");

	/* The size of the wrapping key changes, and the signature algorithm. */
	sim_gcks_down(&s);
	s.cg.rekey_sign = SIG_ECDSA_P256;
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "rekeys are signed by ECDSA now");
	sim_rekey(s.gcks, NULL, &err);
	sim_run(&s, 20000);
	is_int(sim_out_of_step(&s), 0, "rekeys signed by ECDSA are followed");
	is_int(a->gaps, 0, "a loses no packet");
	sim_finish(&s, "settings");
}

int main(void)
{
	RUN(test_gcks_restart);
	RUN(test_gcks_late);
	RUN(test_member_restart);
	RUN(test_module);
	RUN(test_hibernation);
	RUN(test_other_role);
	RUN(test_role_and_window);
	RUN(test_back_at_once);
	RUN(test_confirm_again);
	RUN(test_links);
	RUN(test_acquire);
	RUN(test_settings);
	RUN(test_every_point);
	return done();
}
