// SPDX-License-Identifier: Apache-2.0
/*
 * The key server lets a sender begin early whose Data SA others have deleted. It knows what
 * the sender reported last, and the sender may have followed since then without a report,
 * or be another host: then it must not begin before receivers with the last copy of a
 * change have that.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "group_finish.h"
#include "group_inband.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "tap.h"

#define RECEIVERS 4
/* The deaf receiver hears the last one of the first copies, after 3.75 s. */
#define DEAF_MS 3500
#define ATD_MS 5000
/* A slower store makes ATD longer, and moves all changes. */
#define STORE_MS 5

static struct sim s;
static struct sim_member *tx, *deaf;
static bool tx_deaf;
static struct group *g;
static struct err err;
static uint64_t deaf_until;
static uint64_t sent_before, got_before[SIM_MAX];
/* Messages that let the sender begin early, and the Data SA of the last one. */
static unsigned int n_hurried;
static uint32_t dead_spi;

static void note(const struct gsa *gsa)
{
	n_hurried += !!gsa->gw.n_dead;
	if (gsa->gw.n_dead)
		dead_spi = gsa->gw.dead[0].spi;
}

static void note_answer(struct sim *x, struct sim_member *m, struct gsa *gsa,
			struct kd *kd)
{
	(void)x;
	(void)kd;
	if (m == tx)
		note(gsa);
}

static void note_inband(struct sim *x, struct sim_member *m,
			struct gike_inband *msg)
{
	(void)x;
	if (m == tx)
		note(&msg->gsa);
}

static bool is_deaf(struct sim *x, struct sim_member *m, const uint8_t *p,
		    size_t len)
{
	(void)p;
	(void)len;
	return (m == deaf || (tx_deaf && m == tx)) && x->ms < deaf_until;
}

static void watch(struct sim_member *receiver)
{
	g = TAILQ_FIRST(&s.gcks->groups);
	s.answer = note_answer;
	s.inband = note_inband;
	s.drop = is_deaf;
	deaf = receiver;
	deaf_until = 0;
	n_hurried = 0;
	dead_spi = 0;
}

static void mark_packets(void)
{
	int i;

	sent_before = s.n_sent;
	for (i = 0; i < s.n; i++)
		got_before[i] = s.m[i]->got;
}

/* Return the packets that receiver @m has lost since then. */
static int lost(const struct sim_member *m)
{
	int i;

	for (i = 0; s.m[i] != m; i++)
		;
	return (int)(s.n_sent - sent_before - (m->got - got_before[i]));
}

static void rekey(void)
{
	is_int(sim_rekey(s.gcks, "video", &err), 0, "a rekey: %s", err.text);
	/* The store has it after that, see SIM_STORE_MS. */
	while (sim_group(&s).in_flight)
		sim_run(&s, 1);
}

static uint32_t reported(void)
{
	const struct gmember *m = gmc_find(g, tx->name);

	if (!m)
		bail("no sender");
	return m->more->sends_spi;
}

static void begin(uint64_t seed, unsigned int dtd)
{
	char name[32];
	int i;

	sim_init(&s, seed);
	s.cg.dtd = dtd;
	s.cg.evict_atd = s.cg.atd;
	sim_gcks_up(&s);
	tx = sim_add(&s, "s.example", true, false);
	for (i = 0; i < RECEIVERS; i++) {
		snprintf(name, sizeof(name), "r%d.example", i);
		sim_add(&s, name, false, true);
	}
	for (i = 0; i < s.n; i++)
		sim_up(s.m[i]);
	if (!sim_settle(&s, 30000))
		bail("not settled");
	sim_run(&s, 40000);
	sim_stream(&s, tx, 20);
	sim_run(&s, 2000);
}

static void finish(const char *what)
{
	is_int(lost(s.m[1]), 0, "%s: a deaf receiver loses nothing", what);
	is_int(lost(s.m[2]), 0, "%s: another receiver loses nothing", what);
	sim_run(&s, 30000);
	is_int(sim_out_of_step(&s), 0, "%s: all are in step", what);
	sim_finish(&s, what);
}

/*
 * The sender follows a change by multicast, and cannot report that. At the next change its
 * daemon starts again and asks, while the kernel sends with a key that all have. With a
 * DTD of a second more than ATD receivers delete the former key a second after senders
 * have changed over.
 */
static void test_unreported(const char *what, bool is_restarted,
			    unsigned int dtd, unsigned int wait_ms)
{
	uint32_t before;

	begin(5, dtd);
	if (is_restarted) {
		sim_gcks_down(&s);
		sim_gcks_up(&s);
	}
	watch(s.m[1]);
	before = gkm_spi(&g->st);
	tx->mute = true;
	rekey();
	sim_run(&s, wait_ms);
	is_int(reported(), is_restarted ? 0 : before,
	       "%s: what the sender has reported", what);
	mark_packets();
	tx->mute = false;
	sim_down(tx);
	deaf_until = s.ms + DEAF_MS;
	rekey();
	sim_up(tx);
	sim_run(&s, 8000);
	is_int(n_hurried, 1, "%s: the sender may begin early", what);
	is_int(dead_spi, before, "%s: its former Data SA is named", what);
	finish(what);
}

/* The sender changes over between that answer and the time when it would begin. */
static void test_meanwhile(void)
{
	uint64_t change;
	uint32_t before, ms;

	begin(6, ATD_MS / 1000 + 1);
	watch(s.m[1]);
	before = gkm_spi(&g->st);
	rekey();
	change = g->change_ms;
	sim_run(&s, ATD_MS - 500);
	mark_packets();
	tx_deaf = true;
	deaf_until = s.ms + DEAF_MS;
	is_int(sim_evict(s.gcks, "video", s.m[RECEIVERS]->name, &ms, &err), 0,
	       "overtaken answer: an eviction: %s", err.text);
	while (g->change_ms == change && s.ms < change + ATD_MS)
		sim_run(&s, 1);
	sim_down(s.m[RECEIVERS]);
	ok(s.ms < change + ATD_MS - 100,
	   "overtaken answer: the next change is %ju ms later",
	   (uintmax_t)(s.ms - change));
	deaf_until = s.ms + DEAF_MS;
	/* Until the second message is sent as well. */
	while (!g->replaced.sa[g->replaced.n % REPLACED_MAX].sent_ms &&
	       s.ms < change + ATD_MS)
		sim_run(&s, 1);
	register_now(TAILQ_FIRST(&tx->m->groups));
	sim_run(&s, 8000);
	is_int(n_hurried, 1, "overtaken answer: the sender may begin early");
	is_int(dead_spi, before, "overtaken answer: its dead Data SA is named");
	tx_deaf = false;
	finish("overtaken answer");
}

/* Run until the inband sender has the newest key, and return how long that took. */
static uint64_t until_current(void)
{
	uint64_t ms = s.ms;

	while (sim_status(tx).data_spi != gkm_spi(&g->st) && s.ms < ms + 30000)
		sim_run(&s, 1);
	return s.ms - ms;
}

static void cut_off(void)
{
	tx = sim_inband_start(&s, 30, RECEIVERS, true);
	watch(s.m[s.n - 1]);
	sim_stream(&s, tx, 20);
	sim_run(&s, 2000);
	tx->offline = true;
	rekey();
	sim_run(&s, 16000);
	tx->offline = false;
}

/*
 * A sender that is rekeyed inband was cut off. The keys of one change arrive, and are in
 * use, right before those of the next one, which is made before the sender can report.
 */
static void test_inband(void)
{
	uint64_t ms;

	cut_off();
	ms = until_current();
	ok(ms > 100 && ms < 30000, "inband: the key arrives after %ju ms",
	   (uintmax_t)ms);
	sim_free(&s);
	cut_off();
	sim_run(&s, ms - 100);
	deaf_until = s.ms + DEAF_MS;
	rekey();
	sim_run(&s, 102);
	mark_packets();
	sim_run(&s, 10000);
	is_int(lost(deaf), 0, "inband: a deaf receiver loses nothing");
	is_int(lost(s.m[1]), 0, "inband: another receiver loses nothing");
	sim_run(&s, 20000);
	is_int(sim_inband_lacking(&s), 0, "inband: all are in step");
	sim_finish(&s, "inband");
}

static void add_place(const char *name, bool send)
{
	sim_add(&s, name, send, !send);
}

/* A second host of the identity joins without any key while the first one is cut off. */
static void test_second_host(void)
{
	static const char *const names[] = { "r0.example", "r1.example",
					     "r2.example" };
	struct sim_member *first;
	uint64_t change;
	unsigned int i;

	sim_init_rare(&s, 5);
	s.cg.one_place = ONE_PLACE_ALLOW;
	sim_gcks_up(&s);
	add_place("s.example", true);
	first = s.m[0];
	for (i = 0; i < ARRAY_SIZE(names); i++)
		add_place(names[i], false);
	for (i = 0; i <= ARRAY_SIZE(names); i++)
		sim_up(s.m[i]);
	if (!sim_settle(&s, 60000))
		bail("not settled");
	sim_run(&s, 20000);
	add_place("s.example", true);
	tx = s.m[s.n - 1];
	watch(s.m[1]);
	first->offline = true;
	rekey();
	sim_run(&s, 16000);
	deaf_until = s.ms + DEAF_MS;
	rekey();
	change = g->change_ms;
	mark_packets();
	sim_stream(&s, tx, 20);
	sim_up(tx);
	while (!s.n_sent && s.ms < change + 20000)
		sim_run(&s, 1);
	ok(s.ms >= change + ATD_MS && s.ms <= change + ATD_MS + 100,
	   "second host: packets begin %ju ms after the change, not before ATD",
	   (uintmax_t)(s.ms - change));
	is_int(n_hurried, 1, "second host: the first host's key is named");
	sim_run(&s, 8000);
	is_int(lost(s.m[1]), 0, "second host: a deaf receiver loses nothing");
	is_int(lost(s.m[2]), 0, "second host: another receiver loses nothing");
	sim_finish(&s, "second host");
}

int main(void)
{
	sim_limit_store(STORE_MS);
	RUN(test_unreported, "key server restarted", true, 15, 16000);
	RUN(test_unreported, "mute", false, 15, 16000);
	RUN(test_unreported, "shortest DTD", false, ATD_MS / 1000 + 1,
	    ATD_MS + 50);
	RUN(test_meanwhile);
	RUN(test_inband);
	RUN(test_second_host);
	return done();
}
