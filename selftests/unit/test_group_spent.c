// SPDX-License-Identifier: Apache-2.0
/*
 * Somebody who knows what was announced makes members ask before its time, so that the
 * signs count no more when a change is missed, or goes on sending under the key that others
 * have replaced. Both delay a member by a beat at most, and cost the key server
 * no more than a stranger does.
 */
#include <string.h>

#include "gcks/group.h"
#include "group_sim.h"
#include "member/mgroup.h"
#include "tap.h"

/* The promise: seconds until a member that hears beats has the keys, and others'. */
#define BACK_S 2.5
#define BEAT_BACK_S (15 + 1 + BACK_S)
/* Seconds until one that hears none has them, if there was a change just before. */
#define DEAF_BACK_S 8.0
#define FORGED_MS 100

static struct sim s;
static struct sim_member *tx, *a, *b, *c;
static struct mock_packet forged;
static struct timer flood;
static unsigned int n_forged;
static struct err err;

static const struct sim_who who[] = {
	{ .identity = "s.example", .send = true },
	{ .identity = "a.example", .receive = true },
	{ .identity = "b.example", .receive = true },
	{ .identity = "c.example", .receive = true },
	{ .identity = "d.example", .receive = true },
};

static void begin(uint64_t seed, unsigned int every_ms)
{
	n_forged = 0;
	sim_init_rare(&s, seed);
	sim_start(&s, who, 5, 40000, every_ms);
	tx = s.m[0];
	a = s.m[1];
	b = s.m[2];
	c = s.m[3];
}

static void finish(void)
{
	is_int(s.iv_repeats + mock_iv_clashes, 0,
	       "no Message ID, no Sender-ID came twice");
	sim_free(&s);
}

/* ---- what the hostile member does ------------------------------------------ */

/* Send @to what b knows to be announced: headers of rekeys, and ESP. */
static void spend_signs(struct sim_member *to)
{
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI, .group = "video" };
	struct mgroup *g = TAILQ_FIRST(&b->m->groups);
	struct mrekey *rk = TAILQ_FIRST(&g->rekeys);
	uint8_t hdr[28] = { 0 };
	unsigned int i;

	for (i = 0; i < rk->n_next; i++) {
		memcpy(hdr, rk->next[i], GIKE_SPI_LEN_REKEY);
		member_rekey_input(to->m, &b->ep, hdr, sizeof(hdr));
	}
	for (i = 0; i < g->next_data[0].n; i++) {
		ev.spi = g->next_data[0].spi[i];
		member_kernel_event(to->m, &ev);
	}
}

static void flood_due(void *arg)
{
	(void)arg;
	forged.counter++;
	if (!a->offline)
		n_forged += mock_kernel_recv(&a->mk, &forged);
	timer_set(&s.tq, &flood, FORGED_MS);
}

/* Send packets to a from now on, under the key that is in use. */
static void begin_flood(void)
{
	forged = s.last;
	forged.counter += 100000;
	timer_init(&flood, flood_due, NULL);
	timer_set(&s.tq, &flood, FORGED_MS);
}

/* ---- delivery ---------------------------------------------------------------- */

static bool has_newest(const struct sim_member *m)
{
	return sim_status(m).data_spi == sim_group(&s).data_spi;
}

/* Evict b, or replace the keys, and leave it and c out for each further letter. */
static void change(const char *how)
{
	struct sim_member *out = b;
	uint32_t ms;

	for (; *how; how++) {
		if (*how == 'r')
			sim_rekey(s.gcks, NULL, &err);
		if (*how == 'e' &&
		    sim_evict(s.gcks, "video", out->name, &ms, &err))
			bail("%s", err.text);
		sim_run(&s, 900);
		if (*how == 'e')
			sim_down(out);
		out = c;
	}
}

enum hostile {
	SPENDS = 1,
	FLOODS = 2,
	DEAF = 4, /* a hears no rekey for an hour before, and none since */
};

/* The receiver a misses the changes @how, and is back within @most_s. */
static void test_missed(unsigned int hostile, const char *how, double most_s)
{
	uint64_t back, lost_ms, sure_ms = 0;
	unsigned int forged_by_then;

	begin(10 * strlen(how) + hostile, 50);
	if (hostile & DEAF) {
		a->deaf = true;
		sim_run(&s, 250000);
	}
	if (hostile & SPENDS) {
		spend_signs(a);
		sim_run(&s, 60000);
	}
	if (hostile & FLOODS)
		begin_flood();
	back = s.ms;
	a->offline = !(hostile & DEAF);
	change(how);
	if (a->offline) {
		sim_run(&s, 5000);
		back = s.ms;
	}
	a->offline = false;
	while (!has_newest(a) && s.ms < back + 700000) {
		sure_ms += sim_in(a) && !sim_status(a).doubt ? 100 : 0;
		sim_run(&s, 100);
	}
	forged_by_then = n_forged;
	sim_run(&s, 20000);
	lost_ms = a->last_gap_ms > back ? a->last_gap_ms - back : 0;
	ok(lost_ms <= most_s * 1000,
	   "%u, %s: the last packet is lost after %.1f s of %.1f", hostile, how,
	   lost_ms / 1000.0, most_s);
	ok(forged_by_then <= most_s * 1000 / FORGED_MS,
	   "%u, %s: %u forged packets are accepted", hostile, how,
	   forged_by_then);
	ok(sure_ms <= (hostile & DEAF ? 0 : most_s * 1000),
	   "%u, %s: the member is sure of old keys for %.1f s", hostile, how,
	   sure_ms / 1000.0);
	is_int(sim_out_of_step(&s), 0, "%u, %s: all are in step", hostile, how);
	timer_del(&s.tq, &flood);
	finish();
}

/* ---- cost ---------------------------------------------------------------- */

static void send_strays(struct sim_member *to)
{
	struct kevent ev = { .type = KEVENT_UNKNOWN_SPI, .group = "video" };
	uint8_t hdr[28];
	unsigned int i;

	for (i = 0; i < sizeof(hdr); i++)
		hdr[i] = (uint8_t)sim_random(&s, 256);
	ev.spi = 0x10000000 + sim_random(&s, 0x1000000);
	member_rekey_input(to->m, &b->ep, hdr, sizeof(hdr));
	member_kernel_event(to->m, &ev);
}

/*
 * The member b sends all signs that it can to the others, each second of an hour, and
 * nobody misses anything but beats. Each asks at least and at most so often.
 */
static void test_hour(const char *name, bool deaf, unsigned int loss,
		      unsigned int every_ms, unsigned int least,
		      unsigned int most)
{
	unsigned int i, k, n[5], least_of = UINT32_MAX, most_of = 0;

	begin(200 + deaf + loss + every_ms, every_ms);
	for (k = 1; k < 5; k++) {
		s.m[k]->deaf = deaf;
		n[k] = sim_status(s.m[k]).registrations;
	}
	s.loss = loss;
	for (i = 0; i < 3600; i++) {
		for (k = 1; k < 5; k++) {
			if (s.m[k] == b)
				continue;
			spend_signs(s.m[k]);
			send_strays(s.m[k]);
		}
		sim_run(&s, 1000);
	}
	for (k = 1; k < 5; k++) {
		n[k] = sim_status(s.m[k]).registrations - n[k];
		if (s.m[k] == b)
			continue;
		least_of = n[k] < least_of ? n[k] : least_of;
		most_of = n[k] > most_of ? n[k] : most_of;
	}
	ok(least_of >= least && most_of <= most,
	   "an hour of all signs, %s: each asks %u to %u times, of %u to %u",
	   name, least_of, most_of, least, most);
	finish();
}

int main(void)
{
	static const char *const hows[] = { "r", "e", "ee" };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		RUN(test_missed, 0, hows[i], BACK_S);
		RUN(test_missed, SPENDS, hows[i], BACK_S);
		/* Two exclusions leave no announced SPI that would do. */
		RUN(test_missed, FLOODS, hows[i], i < 2 ? BACK_S : BEAT_BACK_S);
		RUN(test_missed, SPENDS | FLOODS, hows[i], BEAT_BACK_S);
		RUN(test_missed, DEAF | SPENDS, hows[i], DEAF_BACK_S);
		RUN(test_missed, DEAF | SPENDS | FLOODS, hows[i], DEAF_BACK_S);
	}
	RUN(test_hour, "traffic", false, 0, 250, 1, 1);
	RUN(test_hour, "no traffic", false, 0, 0, 6, 16);
	RUN(test_hour, "no beats", true, 0, 250, 6, 24);
	RUN(test_hour, "losses", false, 20, 250, 1, 72);
	return done();
}
