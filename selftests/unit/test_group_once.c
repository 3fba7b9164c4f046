// SPDX-License-Identifier: Apache-2.0
/*
 * An unauthenticated message makes a member ask once, however often it is
 * repeated, and however often the member has registered since. Strangers and
 * members must not be able to keep a group registering.
 */
#include "crypto/sign.h"
#include "gcks/gkm.h"
#include "gcks/gkm_msg.h"
#include "gcks/gkm_policy.h"
#include "gcks/group.h"
#include "gcks/group_time.h"
#include "gcks/outbox.h"
#include "gcks/schedule.h"
#include "member/mgroup.h"
#include "group_sim.h"
#include "group_thief.h"
#include "tap.h"
#include "lib/util.h"

#define RECEIVERS 6
#define SECONDS 600

static struct sim s;
static struct sim_member *tx;
static struct thief thief;

static void usual(uint64_t seed)
{
	tx = sim_start_receivers(&s, seed, RECEIVERS);
	if (!tx)
		bail("not settled");
}

/* @each is the number of questions that each member may ask. */
static void finish(uint64_t before, unsigned int each, const char *what)
{
	uint64_t n = sim_group(&s).registrations - before;

	is_int(n, each * s.n, "%s, %d times: %u registrations of each member",
	       what, SECONDS, each);
	is_int(sim_out_of_step(&s), 0, "all are in step");
	thief_go(&thief);
	sim_free(&s);
}

/* A stranger reads the SPI on the wire. */
static void test_unopened(void)
{
	struct gcks_group_status g;
	uint8_t p[64] = { 0 };
	uint64_t before;
	unsigned int i;
	int k;

	usual(1);
	before = sim_group(&s).registrations;
	for (i = 0; i < SECONDS; i++) {
		g = sim_group(&s);
		memcpy(p, g.rekey_spi, sizeof(g.rekey_spi));
		p[16] = 46;
		p[17] = 0x20;
		p[18] = 41;
		p[19] = 0x08;
		p[20] = 0x70;
		put_unaligned_be16(i, p + 22);
		p[27] = sizeof(p);
		p[31] = sizeof(p) - 28;
		for (k = 0; k < s.n; k++)
			member_rekey_input(s.m[k]->m, &s.ep, p, sizeof(p));
		sim_run(&s, 1000);
	}
	ok(tx->m->drops[REKEY_ICV] > SECONDS / 2, "%ju did not open",
	   (uintmax_t)tx->m->drops[REKEY_ICV]);
	finish(before, 1, "a stranger's message over the Rekey SA in use");
}

/*
 * A member sends ESP with the announced SPIs, one after the other, while packets come
 * that the others can read. Without these see group_spent.
 */
static void test_esp(void)
{
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI, .group = "video" };
	const struct mgroup *g;
	uint64_t before;
	unsigned int i, n;
	int k;

	usual(2);
	sim_stream(&s, tx, 200);
	g = TAILQ_FIRST(&tx->m->groups);
	n = g->next_data[0].n;
	ok(n > 1, "%u Data SAs are announced", n);
	before = sim_group(&s).registrations;
	for (i = 0; i < SECONDS; i++) {
		for (k = 0; k < s.n; k++) {
			g = TAILQ_FIRST(&s.m[k]->m->groups);
			ev.spi = g->next_data[0].spi[i / 60 % n];
			member_kernel_event(s.m[k]->m, &ev);
		}
		sim_run(&s, 1000);
	}
	finish(before, n, "ESP with each of the announced SPIs in turn");
}

/*
 * A member has the key that encrypts rekeys, but not the one that
 * signs them.
 */
static void send_forged(struct group *t)
{
	static const uint32_t at;
	struct gkm_change *c;
	struct err err = {};
	struct rekey_msg m;
	struct out_msg *o;
	struct wbuf w;

	rekey_msg_init(&m);
	gkm_made(t, &m.gsa.gw);
	m.has_gsa = true;
	m.transport = true;
	m.gsa.n_data = 1;
	gkm_data_policy(t, &t->st, 0, &m.gsa.data[0]);
	wbuf_init(&w, 65536);
	if (gkm_wrap_data(&t->st, &t->rs.gsk_w, &m.kd) ||
	    rekey_build_frags(&t->rs, &m, 250, &w, &err))
		bail("build %s", err.text);
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
	rekey_msg_free(&m);
}

static void test_fragments(void)
{
	struct sigkey *own;
	uint64_t before;
	struct group *t;
	unsigned int i;

	usual(3);
	thief_come(&thief, &s);
	t = thief_group(&thief);
	schedule_stop(t);
	if (sigkey_generate(s.cg.rekey_sign, &own))
		bail("key");
	rekey_sa_set_key(&t->rs, own);
	before = sim_group(&s).registrations;
	for (i = 0; i < SECONDS; i++) {
		t->rs.next_mid = TAILQ_FIRST(&s.gcks->groups)->rs.next_mid + 5;
		send_forged(t);
		sim_run(&s, 1000);
	}
	ok(tx->m->drops[REKEY_AUTH_BAD] > SECONDS / 2,
	   "%ju had a bad signature", (uintmax_t)tx->m->drops[REKEY_AUTH_BAD]);
	finish(before, 1, "forged fragments");
	sigkey_free(own);
}

int main(void)
{
	RUN(test_unopened);
	RUN(test_esp);
	RUN(test_fragments);
	return done();
}
