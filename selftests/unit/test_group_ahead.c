// SPDX-License-Identifier: Apache-2.0
/*
 * A thief who prepares: it uses up Message IDs, hides the real Rekey SA behind
 * many of its own, or changes the signing key, so that what the key server
 * says afterwards counts as old or forged. Members must notice, and a reset
 * must bring all back, whatever strangers made them ask before.
 */
#include "crypto/sign.h"
#include "gcks/gkm.h"
#include "gcks/gkm_msg.h"
#include "gcks/gkm_policy.h"
#include "gcks/group.h"
#include "gcks/group_time.h"
#include "gcks/outbox.h"
#include "gcks/schedule.h"
#include "group_sim.h"
#include "group_thief.h"
#include "tap.h"

#define RECEIVERS 6
#define AHEAD 0x40000000

static struct sim s;
static struct thief thief;
static struct err err;

/* A stranger that sees the rekeys can make each member ask without need. */
static void stranger_first(void)
{
	struct gcks_group_status g = sim_group(&s);
	uint64_t before = g.registrations;
	uint8_t p[64] = { 0 };
	int i;

	memcpy(p, g.rekey_spi, sizeof(g.rekey_spi));
	p[16] = 46;
	p[17] = 0x20;
	p[18] = 41;
	p[19] = 0x08;
	p[20] = 0x70;
	p[22] = 1;
	p[27] = sizeof(p);
	p[31] = sizeof(p) - 28;
	for (i = 0; i < s.n; i++)
		member_rekey_input(s.m[i]->m, &s.ep, p, sizeof(p));
	sim_run(&s, 10000);
	is_int(sim_group(&s).registrations - before, s.n,
	       "a stranger's message comes first: each asks");
	is_int(sim_group(&s).rivals, 0,
	       "the key server tells each that all is well");
}

static void usual(uint64_t seed, bool stranger)
{
	struct sim_member *tx = sim_start_receivers(&s, seed, RECEIVERS);

	if (!tx)
		bail("not settled");
	sim_stream(&s, tx, 200);
	sim_run(&s, 1000);
	if (stranger)
		stranger_first();
	thief_come(&thief, &s);
}

static void reset_brings_back(const char *what)
{
	unsigned int starved = 0;
	uint64_t got[16];
	int i;

	is_int(sim_group(&s).rivals, s.n,
	       "%s: each has told the key server once", what);
	if (sim_reset(s.gcks, "video", &err))
		bail("%s", err.text);
	sim_run(&s, 120000);
	for (i = 1; i < s.n; i++)
		got[i] = s.m[i]->got;
	sim_run(&s, 60000);
	for (i = 1; i < s.n; i++)
		starved += s.m[i]->got == got[i];
	is_int(starved, 0, "%s: after a reset all receive", what);
	is_int(sim_out_of_step(&s), 0, "%s: after a reset all are in step",
	       what);
	thief_go(&thief);
	sim_free(&s);
}

static void beat(void)
{
	struct outbox out = TAILQ_HEAD_INITIALIZER(out);

	if (gkm_beat_message(thief_group(&thief), &out))
		bail("beat");
	outbox_send_all(thief_group(&thief), &out);
}

/* The key server sends beats only. */
static void test_beats(bool stranger)
{
	usual(1 + stranger, stranger);
	thief_group(&thief)->rs.next_mid = AHEAD;
	sim_run(&s, 60000);
	is_int(sim_out_of_step(&s), 0, "beats far ahead change no key");
	reset_brings_back("beats far ahead");
}

static void test_ahead_first(void)
{
	usual(3, false);
	thief_group(&thief)->rs.next_mid = AHEAD;
	sim_run(&s, 20000);
	thief_rekey(&thief);
	sim_run(&s, 60000);
	is_int(thief_has(&thief, &s), 0,
	       "a beat far ahead, then a rekey: nobody stays with it");
	reset_brings_back("a rekey after a beat far ahead");
}

static void test_no_gap(void)
{
	unsigned int i;

	usual(4, false);
	thief_group(&thief)->rs.next_mid =
		TAILQ_FIRST(&s.gcks->groups)->rs.next_mid;
	for (i = 0; i < 300; i++) {
		beat();
		sim_run(&s, 20);
	}
	thief_rekey(&thief);
	sim_run(&s, 60000);
	is_int(thief_has(&thief, &s), 0,
	       "300 beats without a gap, then a rekey: nobody stays with it");
	reset_brings_back("300 beats");
}

static void test_many(unsigned int times, uint32_t ms)
{
	uint64_t beats;
	unsigned int i;

	usual(5 + times, false);
	beats = sim_group(&s).beats;
	while (sim_group(&s).beats == beats)
		sim_run(&s, 20);
	sim_run(&s, 200);
	for (i = 0; i < times; i++) {
		memset(&thief_group(&thief)->pace, 0,
		       sizeof(thief_group(&thief)->pace));
		thief_rekey(&thief);
		sim_run(&s, ms);
	}
	sim_run(&s, 60000);
	is_int(thief_has(&thief, &s), 0,
	       "%u rekeys within two beats: nobody stays with it", times);
	reset_brings_back("many rekeys");
}

/* The signing key changes, and the Rekey SA stays. */
static void test_auth_key(bool stranger)
{
	static const uint32_t at;
	struct gkm_change *c;
	struct sigkey *own;
	struct rekey_msg m;
	struct group *t;
	struct out_msg *o;
	struct wbuf w;

	usual(200 + stranger, stranger);
	t = thief_group(&thief);
	t->rs.next_mid = TAILQ_FIRST(&s.gcks->groups)->rs.next_mid;
	if (sigkey_generate(s.cg.rekey_sign, &own))
		bail("key");
	rekey_msg_init(&m);
	gkm_made(t, &m.gsa.gw);
	m.has_gsa = true;
	m.transport = true;
	m.gsa.n_data = 1;
	gkm_data_policy(t, &t->st, 0, &m.gsa.data[0]);
	m.gsa.gw.has |= GWP_HAS_ATD | GWP_HAS_DTD;
	m.gsa.gw.dtd = s.cg.dtd;
	m.gsa.gw.n_next_rekey = GKM_NEXT;
	memcpy(m.gsa.gw.next_rekey, t->st.next_spi, sizeof(t->st.next_spi));
	wbuf_init(&w, 65536);
	if (gkm_wrap_data(&t->st, &t->rs.gsk_w, &m.kd) ||
	    gkm_put_auth_key(own, &m.kd) ||
	    rekey_build_frags(&t->rs, &m, 0, &w, &err))
		bail("build %s", err.text);
	rekey_msg_free(&m);
	c = gkm_begin(t);
	if (!c)
		bail("no memory");
	o = out_msg_new(t, &w, &at, 1);
	if (!o)
		bail("no memory");
	o->transient = true;
	TAILQ_INSERT_TAIL(&c->out, o, all);
	outbox_send_all(t, &c->out);
	gkm_abandon(t, c);
	wbuf_free(&w);
	rekey_sa_set_key(&t->rs, own);
	sim_run(&s, 60000);
	ok(!strcmp(sim_status(s.m[0]).signing_key, sim_group(&s).signing_key),
	   "a minute after another signing key came: the key server's");
	reset_brings_back("another signing key");
	sigkey_free(own);
}

int main(void)
{
	RUN(test_beats, false);
	RUN(test_beats, true);
	RUN(test_ahead_first);
	RUN(test_no_gap);
	RUN(test_many, 17, 400);
	RUN(test_many, 70, 300);
	RUN(test_auth_key, false);
	RUN(test_auth_key, true);
	return done();
}
