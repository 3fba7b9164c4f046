// SPDX-License-Identifier: Apache-2.0
#include "deliver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "group_sim.h"
#include "wire/proto.h"
#include "member/mgroup.h"

#define HELD_MAX 8192

uint64_t deliver_seed;

static struct sim s;
static struct sim_member *tx, *a, *b;
static struct gcks_group_status g0;
static struct err err;

/* ---- common ------------------------------------------------------------- */

static void begin(uint64_t seed)
{
	sim_init(&s, seed + 1000 * deliver_seed);
	tx = sim_add(&s, "s.example", true, false);
	a = sim_add(&s, "a.example", false, true);
	b = sim_add(&s, "b.example", false, true);
}

static void up(void)
{
	int i;

	if (!s.gcks_up)
		sim_gcks_up(&s);
	for (i = 0; i < s.n; i++)
		if (!s.m[i]->up)
			sim_up(s.m[i]);
	if (!sim_settle(&s, 60000))
		SIM_DIE("not settled");
	sim_run(&s, 30000);
	g0 = sim_group(&s);
}

static void net_is(const struct deliver_net *net)
{
	s.loss = net->loss;
	s.burst_ms = net->burst_ms;
	s.by_fragment = net->by_fragment;
}

static void rekey(void)
{
	if (sim_rekey(s.gcks, NULL, &err))
		SIM_DIE("%s", err.text);
}

static struct deliver finish(struct deliver d)
{
	struct gcks_group_status g = sim_group(&s);

	d.members = d.members ? d.members : (unsigned int)s.n;
	d.rekeys = g.rekeys - g0.rekeys;
	d.registrations = g.registrations - g0.registrations;
	d.iv_repeats = s.iv_repeats + mock_iv_clashes;
	sim_free(&s);
	return d;
}

static bool in_step(const struct sim_member *m,
		    const struct gcks_group_status *g)
{
	struct member_group_status st = sim_status(m);

	return member_state_is_in(st.state) && st.data_spi == g->data_spi &&
	       !memcmp(st.rekey_spi, g->rekey_spi, sizeof(g->rekey_spi));
}

/*
 * Return the seconds until all running members are in step, or -1
 * after @most.
 */
static double until_in_step(double most)
{
	uint64_t t0 = s.ms;

	while (sim_out_of_step(&s)) {
		if (s.ms - t0 > most * 1000)
			return -1;
		sim_run(&s, 50);
	}
	return (s.ms - t0) / 1000.0;
}

static uint64_t lost_of(const struct sim_member *m)
{
	return m->gaps + (m->expect ? s.n_sent + 1 - m->expect : 0);
}

/* Return the seconds after @ms in which packets used keys that @m has. */
static double reads_s(const struct sim_member *m, uint64_t ms)
{
	uint64_t last = 0;
	unsigned int i;

	for (i = 0; i < s.n_keys; i++)
		if (mock_kernel_had(&m->mk, s.key[i].key) &&
		    s.key[i].last_ms > last)
			last = s.key[i].last_ms;
	return last > ms ? (last - ms) / 1000.0 : 0;
}

static void evict_b(void)
{
	uint32_t ms;

	if (sim_evict(s.gcks, "video", "b.example", &ms, &err))
		SIM_DIE("%s", err.text);
}

static void away(struct sim_member *m, bool only, bool is)
{
	if (only)
		m->deaf = is;
	else
		m->offline = is;
}

/* ---- off the network ---------------------------------------------------- */

struct deliver deliver_receiver_away(const struct deliver_net *net,
				     unsigned int secs, bool only)
{
	struct deliver d = { 0 };
	uint64_t back;

	begin(12);
	up();
	net_is(net);
	sim_stream(&s, tx, 50);
	sim_run(&s, 5000);
	away(a, only, true);
	sim_run(&s, 500);
	rekey();
	sim_run(&s, secs * 1000);
	away(a, only, false);
	back = s.ms;
	a->last_gap_ms = 0;
	d.in_step_after_s = until_in_step(4000);
	sim_run(&s, 60000);
	/* Packets that a member missed while it was down are its own fault. */
	d.worst_lost_s =
		a->last_gap_ms > back ? (a->last_gap_ms - back) / 1000.0 : 0;
	d.entitled_lost = (double)lost_of(b) / s.n_sent;
	return finish(d);
}

struct deliver deliver_sender_away(const struct deliver_net *net,
				   unsigned int secs, bool only)
{
	struct deliver d = { 0 };
	uint64_t back;

	begin(13);
	up();
	net_is(net);
	sim_stream(&s, tx, 50);
	sim_run(&s, 5000);
	away(tx, only, true);
	sim_run(&s, 500);
	rekey();
	sim_run(&s, secs * 1000);
	away(tx, only, false);
	back = s.ms;
	a->last_gap_ms = 0;
	d.in_step_after_s = until_in_step(4000);
	sim_run(&s, 60000);
	d.worst_lost_s =
		a->last_gap_ms > back ? (a->last_gap_ms - back) / 1000.0 : 0;
	return finish(d);
}

/* ---- one message of an eviction ----------------------------------------- */

static struct sim_member *victim;
static uint8_t old_spi[16];

static bool drop_second(struct sim *sim, struct sim_member *m, const uint8_t *p,
			size_t len)
{
	(void)sim;
	(void)len;
	return m == victim && memcmp(p, old_spi, sizeof(old_spi));
}

struct deliver deliver_second_lost(const struct deliver_net *net,
				   bool to_sender)
{
	struct deliver d = { 0 };
	uint64_t at;

	begin(11);
	up();
	net_is(net);
	sim_stream(&s, tx, 50);
	sim_run(&s, 5000);
	victim = to_sender ? tx : a;
	memcpy(old_spi, g0.rekey_spi, sizeof(old_spi));
	s.drop = drop_second;
	at = s.ms;
	evict_b();
	sim_run(&s, 3500);
	/* All copies have been sent, but nothing over the new Rekey SA yet. */
	s.drop = NULL;
	sim_down(b);
	d.in_step_after_s = until_in_step(4000);
	if (d.in_step_after_s >= 0)
		d.in_step_after_s = (s.ms - at) / 1000.0;
	sim_run(&s, 60000);
	d.evicted_read_s = reads_s(b, at);
	d.worst_lost_s = a->last_gap_ms > at ? (a->last_gap_ms - at) / 1000.0
					     : 0;
	return finish(d);
}

/* ---- crowds ------------------------------------------------------------- */

static void add_many(unsigned int n, const char *prefix)
{
	char name[32];
	unsigned int i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%u.example", prefix, i);
		sim_add(&s, name, false, true);
	}
}

struct deliver deliver_joins(const struct deliver_net *net, unsigned int secs)
{
	struct deliver d = { .members = 20 };
	uint64_t lost = 0, worst = 0;
	char name[32];
	unsigned int i;

	begin(7);
	add_many(18, "v");
	up();
	net_is(net);
	sim_stream(&s, tx, 10);
	for (i = 0; i < 2 * secs; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		sim_up(sim_add(&s, name, false, true));
		sim_run(&s, 500);
	}
	sim_run(&s, 10000);
	for (i = 1; i < 21; i++) {
		uint64_t n = lost_of(s.m[i]);

		lost += n;
		worst = n > worst ? n : worst;
	}
	d.entitled_lost = (double)lost / (20.0 * s.n_sent);
	d.worst_lost_s = worst / 100.0;
	s.loss = 0;
	d.in_step_after_s = until_in_step(60);
	return finish(d);
}

/* Return how many copies of a change @ms ago members may have received. */
static unsigned int copies_after(uint64_t ms)
{
	/* The second and third one, and what the network delays them. */
	return ms < 1150 ? 0 : ms < 3150 ? 1 : DELIVER_COPIES;
}

/* Note how many of the members from @from on have the newest keys. */
static void look(struct deliver *d, unsigned int from, unsigned int copies)
{
	struct gcks_group_status g = sim_group(&s);
	unsigned int k, n = 0, all = s.n - from;

	for (k = from; k < (unsigned int)s.n; k++)
		n += in_step(s.m[k], &g);
	d->held_mean += (double)n / all;
	if ((double)n / all < d->held[copies])
		d->held[copies] = (double)n / all;
}

struct deliver deliver_restarts(const struct deliver_net *net,
				unsigned int members, unsigned int secs)
{
	struct deliver d = { .members = members, .held = { 1, 1, 1 } };
	unsigned int i, fifth = members / 5;
	uint64_t lost = 0, changed = 0;

	begin(6);
	add_many(members - 3, "m");
	up();
	net_is(net);
	sim_stream(&s, tx, 100);
	for (i = 0; i < 20 * secs; i++) {
		struct sim_member *m = s.m[3 + i / 10 % fifth];

		if (i % 10 == 0) {
			sim_down(m);
			mock_kernel_reset(&m->mk);
			sim_up(m);
		}
		if (i % 400 == 205) {
			rekey();
			changed = s.ms;
		}
		sim_run(&s, 50);
		look(&d, 3 + fifth, copies_after(s.ms - changed));
	}
	d.held_mean /= i;
	for (i = 3 + fifth; i < (unsigned int)s.n; i++)
		lost += lost_of(s.m[i]);
	d.entitled_lost = (double)lost / s.n_sent / (s.n - 3 - fifth);
	d.in_step_after_s = until_in_step(60);
	return finish(d);
}

struct deliver deliver_periodic(const struct deliver_net *net,
				unsigned int members, unsigned int n)
{
	struct deliver d = { .members = members };
	struct gcks_group_status g;
	unsigned int i;
	double after;
	int k;

	begin(20);
	s.cg.rekey_interval = 60;
	s.cg.lifetime = 600;
	s.cg.kek_lifetime = 600;
	add_many(members - 3, "m");
	sim_gcks_up(&s);
	up();
	sim_stream(&s, tx, 100);
	net_is(net);
	for (i = 0; i < n; i++) {
		rekey();
		/* A member that received no copy has missed the rekey. */
		sim_run(&s, 3800);
		g = sim_group(&s);
		for (k = 0; k < s.n; k++)
			d.missed += !in_step(s.m[k], &g);
		after = until_in_step(40);
		if (after < 0 || d.in_step_after_s < 0)
			d.in_step_after_s = -1;
		else if (after + 3.8 > d.in_step_after_s)
			d.in_step_after_s = after + 3.8;
		sim_run(&s, 20000);
	}
	return finish(d);
}

struct deliver deliver_leave(const struct deliver_net *net,
			     unsigned int members, unsigned int leave)
{
	struct deliver d = { .members = members };
	unsigned int i;
	uint64_t at;

	begin(5);
	s.cg.batch_leave_ms = 500;
	s.cg.max_members = 2000;
	add_many(members - 3, "m");
	up();
	/* The questions are spread by the tree, and use existing IKE SAs. */
	for (i = 0; i < leave; i++) {
		unsigned int k = 3 + i * ((members - 3) / leave);

		member_leave(s.m[k]->m, NULL);
	}
	net_is(net);
	at = s.ms;
	while (sim_group(&s).members > members - leave && s.ms - at < 60000)
		sim_run(&s, 20);
	for (i = 0; i < leave; i++)
		sim_down(s.m[3 + i * ((members - 3) / leave)]);
	d.in_step_after_s = until_in_step(120);
	return finish(d);
}

struct deliver deliver_start(const struct deliver_net *net,
			     unsigned int members, unsigned int us)
{
	struct deliver d = { .members = members };
	unsigned int left;
	uint64_t t0;
	int i;

	begin(4);
	s.cg.max_members = 2000;
	s.handshake_us = us;
	s.real_limits = true;
	add_many(members - 3, "m");
	sim_gcks_up(&s);
	memset(&g0, 0, sizeof(g0));
	net_is(net);
	t0 = s.ms;
	for (i = 0; i < s.n; i++)
		sim_up(s.m[i]);
	do {
		sim_run(&s, 50);
		left = 0;
		for (i = 0; i < s.n; i++)
			left += !sim_in(s.m[i]);
	} while (left && s.ms - t0 < 120000);
	d.waited_s = left ? -1 : (s.ms - t0) / 1000.0;
	d.in_step_after_s = until_in_step(60);
	if (d.in_step_after_s >= 0)
		d.in_step_after_s = (s.ms - t0) / 1000.0;
	return finish(d);
}

/* ---- hostile ------------------------------------------------------------ */

struct deliver deliver_pest(const struct deliver_net *net, bool leaves,
			    unsigned int secs)
{
	struct deliver d = { .members = 22 };
	uint64_t end;

	begin(4);
	add_many(19, "m");
	up();
	net_is(net);
	sim_stream(&s, tx, 10);
	end = s.ms + secs * 1000;
	while (s.ms < end) {
		struct gike_req req = { .idg = TAILQ_FIRST(&b->m->groups)->idg };

		if (leaves) {
			member_leave(b->m, NULL);
			sim_run(&s, 50);
			member_join(b->m, NULL);
		} else if (b->m->sa) {
			ike_register_more(b->m->sa, &req);
		} else {
			register_now(TAILQ_FIRST(&b->m->groups));
		}
		sim_run(&s, 100);
	}
	d.entitled_lost = (double)lost_of(a) / s.n_sent;
	d.worst_lost_s = lost_of(a) / 100.0;
	d = finish(d);
	return d;
}

static struct {
	uint8_t *p;
	size_t len;
	uint64_t at_ms;
} held[HELD_MAX];
static unsigned int n_held;

static bool hold(struct sim *sim, struct sim_member *m, const uint8_t *p,
		 size_t len)
{
	unsigned int i;

	(void)sim;
	if (m != tx)
		return false;
	for (i = 0; i < n_held; i++)
		if (held[i].len == len && !memcmp(held[i].p, p, len))
			return true;
	if (n_held == HELD_MAX)
		SIM_DIE("too many to hold");
	held[n_held].p = malloc(len);
	memcpy(held[n_held].p, p, len);
	held[n_held].at_ms = s.ms;
	held[n_held++].len = len;
	return true;
}

static void give(unsigned int i)
{
	member_rekey_input(tx->m, &s.ep, held[i].p, held[i].len);
}

static void forget_held(void)
{
	while (n_held)
		free(held[--n_held].p);
	s.drop = NULL;
}

static void feed_slowly(uint64_t ms, bool feed, unsigned int *given)
{
	uint64_t end = s.ms + ms;

	while (s.ms < end) {
		sim_run(&s, 100000);
		if (feed && *given < n_held)
			give((*given)++);
	}
}

struct deliver deliver_held_back(const struct deliver_net *net, bool feed)
{
	struct deliver d = { 0 };
	unsigned int given = 0;
	uint64_t at;

	begin(1);
	s.cg.rekey_interval = 60;
	s.cg.lifetime = 135;
	s.cg.kek_lifetime = 135;
	up();
	net_is(net);
	n_held = 0;
	sim_stream(&s, tx, 1000);
	s.drop = hold;
	feed_slowly(3600000, feed, &given);
	at = s.ms;
	evict_b();
	feed_slowly(3600000, feed, &given);
	d.evicted_read_s = reads_s(b, at);
	d.in_step_after_s = -1;
	forget_held();
	return finish(d);
}

/* Give what was held before message @end, each @delay_s late. */
static void feed_late(unsigned int secs, unsigned int delay_s,
		      unsigned int *given, unsigned int end)
{
	while (secs--) {
		sim_run(&s, 1000);
		while (*given < n_held && *given < end &&
		       s.ms >= held[*given].at_ms + delay_s * 1000)
			give((*given)++);
	}
}

struct deliver deliver_cut_off(unsigned int delay_s)
{
	struct deliver d = { .in_step_after_s = -1 };
	unsigned int given = 0, rekeys;
	uint64_t at;

	begin(2);
	s.cg.rekey_interval = 60;
	s.cg.lifetime = 135;
	s.cg.kek_lifetime = 135;
	up();
	sim_stream(&s, tx, 1000);
	tx->mute = true;
	s.drop = hold;
	feed_late(300, delay_s, &given, HELD_MAX);
	/* The sender has been given all keys that it can have the longest. */
	for (rekeys = sim_group(&s).rekeys; sim_group(&s).rekeys == rekeys;)
		feed_late(1, delay_s, &given, HELD_MAX);
	feed_late(1, delay_s, &given, HELD_MAX);
	at = s.ms;
	d.missed = n_held;
	evict_b();
	feed_late(600, delay_s, &given, d.missed);
	d.missed = 0;
	d.evicted_read_s = reads_s(b, at);
	forget_held();
	return finish(d);
}

/* ---- at the start ------------------------------------------------------- */

static bool drop_all(struct sim *sim, struct sim_member *m, const uint8_t *p,
		     size_t len)
{
	(void)sim;
	(void)p;
	(void)len;
	return m == victim;
}

struct deliver deliver_start_phase(const struct deliver_net *net)
{
	struct deliver d = { 0 };
	struct sim_member *c;
	uint64_t t0;

	begin(9);
	up();
	net_is(net);
	sim_stream(&s, tx, 50);
	sim_run(&s, 2000);
	c = sim_add(&s, "c.example", false, true);
	victim = c;
	s.drop = drop_all;
	sim_up(c);
	while (!sim_in(c))
		sim_run(&s, 10);
	/* Routers do not forward the rekey address to the member yet. */
	rekey();
	sim_run(&s, 4000);
	s.drop = NULL;
	t0 = s.ms;
	c->last_gap_ms = 0;
	d.in_step_after_s = until_in_step(4000);
	sim_run(&s, 20000);
	d.worst_lost_s = c->last_gap_ms > t0 ? (c->last_gap_ms - t0) / 1000.0
					     : 0;
	return finish(d);
}
