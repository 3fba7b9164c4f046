// SPDX-License-Identifier: Apache-2.0
/*
 * Changes of lifetimes and of the interval of rekeys: keys that exist keep the
 * times that members know, and their successors come before they end.
 */
#include "policy_sim.h"

enum times_how {
	TIMES_RELOAD,
	TIMES_WITH_LIST, /* a member is evicted by the same reload */
	TIMES_RESTART, /* the settings change while the key server is down */
};

/* Keys that were made for a short rekey-interval, and a long one from now on. */
static void test_longer_interval(enum times_how how, unsigned int from,
				 unsigned int to)
{
	struct gcks_group_status st;

	sim_init(&s, 20 + how);
	s.cg.rekey_interval = from;
	s.cg.lifetime = 2 * from + s.cg.dtd;
	s.cg.kek_lifetime = s.cg.lifetime;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, true);
	a = sim_add(&s, "a.example", false, true);
	b = sim_add(&s, "b.example", false, true);
	sim_up(tx);
	sim_up(a);
	sim_up(b);
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	sim_stream(&s, tx, 50);
	sim_run(&s, 1000);
	groups[0] = s.cg;
	groups[0].rekey_interval = to;
	groups[0].lifetime = 2 * to + s.cg.dtd;
	groups[0].kek_lifetime = groups[0].lifetime;
	if (how == TIMES_WITH_LIST) {
		groups[0].receivers.v = without_b;
		groups[0].receivers.n = ARRAY_SIZE(without_b);
	}
	next = (struct conf_gcks){ .groups = groups, .n_groups = 1 };
	if (how == TIMES_RESTART) {
		sim_gcks_down(&s);
		s.conf.groups = groups;
		sim_gcks_up(&s);
	} else {
		is_int(reload(), 0, "rekey-interval of %u s, then %u s", from,
		       to);
	}
	st = sim_group(&s);
	ok(st.next_rekey < st.data_left && st.next_rekey < st.rekey_left,
	   "way %d: the next rekey is %u s before the Data SA ends", how,
	   (unsigned int)(st.data_left - st.next_rekey));
	if (how == TIMES_WITH_LIST)
		ok(st.data_left > to,
		   "way %d: the new key has the new lifetime: %u s", how,
		   (unsigned int)st.data_left);
	sim_run(&s, 5000u * from);
	is_int(s.n_unsent, 0, "way %d: the sender could always send", how);
	is_int(a->gaps, 0, "way %d: a member that stays loses no packet", how);
	ok(sim_group(&s).data_left > to,
	   "way %d: the group has a key of the new lifetime", how);
	sim_free(&s);
}

/* A rekey that was promised and has to wait for the pace. */
static void test_promise(void)
{
	struct err err;
	uint32_t spi;

	usual(30);
	is_int(sim_rekey(s.gcks, "video", &err), 0, "a rekey");
	sim_run(&s, 100);
	spi = sim_group(&s).data_spi;
	is_int(sim_rekey(s.gcks, "video", &err), 0,
	       "another rekey, which has to wait");
	is_int(sim_group(&s).data_spi, spi, "the second rekey is promised");
	groups[0].beat = 14;
	groups[0].max_members = 17;
	is_int(reload(), 0, "a reload that changes no key");
	sim_run(&s, 60000);
	ok(sim_group(&s).data_spi != spi, "the promised rekey comes");
	sim_free(&s);
}

/*
 * The wall clock is set forward by @step_s, to a time at which the keys should have been
 * replaced, or have ended. They are replaced at the next beat.
 */
static void test_clock_forward(unsigned int step_s, unsigned int rekeys)
{
	struct gcks_group_status g0, g;

	sim_init(&s, 40 + step_s);
	s.cg.rekey_interval = 3600;
	s.cg.lifetime = 7215;
	s.cg.kek_lifetime = 7215;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, false);
	a = sim_add(&s, "a.example", false, true);
	sim_up(tx);
	sim_up(a);
	if (!sim_settle(&s, 60000))
		bail("they are not in");
	sim_run(&s, 20000);
	sim_stream(&s, tx, 100);
	sim_run(&s, 1000);
	g0 = sim_group(&s);
	s.wall0 += step_s;
	sim_run(&s, s.cg.beat * 1000 + 1000);
	g = sim_group(&s);
	is_int(g.rekeys - g0.rekeys, rekeys, "%u s forward: rekeys", step_s);
	ok(g.next_rekey < g.data_left && g.next_rekey < g.rekey_left,
	   "%u s forward: the next rekey is %u s before the Data SA ends",
	   step_s, (unsigned int)(g.data_left - g.next_rekey));
	sim_run(&s, 3700000);
	g = sim_group(&s);
	is_int(g.rekeys - g0.rekeys, rekeys + 1, "%u s forward: an hour later",
	       step_s);
	is_int(a->gaps + s.n_unsent, 0, "%u s forward: no packet is lost",
	       step_s);
	is_int(g.registrations - g0.registrations, 0,
	       "%u s forward: nobody has to ask", step_s);
	sim_free(&s);
}

/* ---- the clock of the key server ------------------------------------------- */

#define CROWD 120

static unsigned int crowd_registrations(void)
{
	unsigned int n = 0;
	int i;

	/* The sender also asks to report its Data SA. */
	for (i = 0; i < s.n; i++)
		n += s.m[i] == tx ? 0 : sim_status(s.m[i]).registrations;
	return n;
}

/*
 * The key server starts with its clock set back: its beats look old, and every member
 * asks. They do not all ask at once, and each does once. With this seed no rekey comes
 * meanwhile: an old one would make all who still wait ask within a second, as they should.
 */
static void test_set_back(void)
{
	unsigned int before, last, now, most = 0, sec;

	tx = sim_start_receivers(&s, 40, CROWD);
	if (!tx)
		bail("they are not in");
	sim_stream(&s, tx, 50);
	sim_run(&s, 900000);
	before = crowd_registrations();
	sim_gcks_down(&s);
	sim_run(&s, 2000);
	s.wall0 -= 600;
	sim_gcks_up(&s);
	last = before;
	for (sec = 0; sec < 60; sec++) {
		sim_run(&s, 1000);
		now = crowd_registrations();
		if (now - last > most)
			most = now - last;
		last = now;
	}
	/* A member that waits for a slow store while a beat comes may ask for that, too. */
	ok(last - before >= CROWD && last - before <= CROWD + CROWD / 40,
	   "each receiver has asked, %u times in all", last - before);
	ok(most <= CROWD / 3, "at most %u of %u receivers ask within a second",
	   most, CROWD);
	sim_run(&s, 300000);
	is_int(crowd_registrations(), last, "nobody asks again");
	is_int(sim_out_of_step(&s), 0, "all are in step");
	is_int(sim_gaps(&s), 0, "nobody has lost a packet");
	is_int(s.n_unsent, 0, "the sender could always send");
	sim_free(&s);
}

int main(void)
{
	RUN(test_longer_interval, TIMES_RELOAD, 60, 3600);
	RUN(test_longer_interval, TIMES_WITH_LIST, 60, 3600);
	RUN(test_longer_interval, TIMES_RESTART, 60, 3600);
	RUN(test_promise);
	RUN(test_clock_forward, 60, 0);
	RUN(test_clock_forward, 3650, 1);
	RUN(test_clock_forward, 7000, 1);
	RUN(test_clock_forward, 8000, 1);
	RUN(test_set_back);
	return done();
}
