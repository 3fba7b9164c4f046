// SPDX-License-Identifier: Apache-2.0
/*
 * Age of a message of the key server. Each message has the time at which it was made,
 * by the key server's clock; a registration, which is a request and its answer, gives
 * the current value of that clock. Delaying messages therefore gains an attacker
 * nothing: lifetimes count from when a message was made, and one that is too old is
 * rejected.
 *
 * The answer was made between the request and its arrival here. For lifetimes it counts
 * as made at the request, so that keys end early; for ATD and the age limit as made at
 * its arrival, so that senders wait longer.
 *
 * Until the next answer the clocks drift apart, by a second or more. To a member whose
 * clock is ahead each message looks older than it is, and a sender would end ATD early
 * and use a key before others have it. What all of the last beats seem to have taken is
 * therefore drift, and does not count for ATD. Beats alone tell that: other messages
 * are repeated, and may be old.
 */
#include "member/mgroup.h"
#include "lib/util.h"

/* Age above which a rekey is rejected. */
#define OLD_MS 60000
/* The order of two events that are closer than this is unknown. */
#define APART_MS 500
/* Interval after which the server's time is asked for again, as clocks drift. */
#define CLOCK_ASK_MS (20 * 3600 * MSEC_PER_SEC)
#define CLOCK_ASK_SPREAD_MS (8 * 3600 * MSEC_PER_SEC)

/*
 * Return the latest local time at which an answer that has just come was made: after the
 * request of @asked_ms, and before later messages that were received. Clocks drift, so
 * the last rekey gives a better estimate of the key server's time than an old answer.
 */
static uint64_t made_by_ms(const struct mgroup *g, const struct gsa_gw *gw,
			   uint64_t asked_ms)
{
	uint64_t now = mgroup_now(g), age = age_least_ms(g, gw), there, ms;

	if (!(gw->has & GWP_HAS_MADE))
		return asked_ms;
	there = g->received_made_ms + (now - g->received_ms);
	if (g->received_made_ms && there > gw->made_ms + age)
		age = there - gw->made_ms;
	ms = now > age + APART_MS ? now - age - APART_MS : 0;
	return ms > asked_ms ? ms : asked_ms;
}

void age_learn(struct mgroup *g, const struct gsa_gw *gw, uint64_t asked_ms)
{
	uint64_t now = mgroup_now(g);

	g->answer_ms = made_by_ms(g, gw, asked_ms);
	g->has_server_time = gw->has & GWP_HAS_MADE;
	if (!g->has_server_time)
		return;
	g->beat = gw->beat;
	g->server_ms = gw->made_ms;
	g->local_ms = asked_ms < now ? asked_ms : now;
	g->uncertain_ms = now - g->local_ms;
	timer_set(mgroup_tq(g), &g->ask_time,
		  CLOCK_ASK_MS + member_random(CLOCK_ASK_SPREAD_MS));
}

uint64_t age_most_ms(const struct mgroup *g, const struct gsa_gw *gw)
{
	uint64_t there;

	if (!g->has_server_time || !(gw->has & GWP_HAS_MADE))
		return 0;
	there = g->server_ms + (mgroup_now(g) - g->local_ms);
	return there > gw->made_ms ? there - gw->made_ms : 0;
}

uint64_t age_least_ms(const struct mgroup *g, const struct gsa_gw *gw)
{
	uint64_t most = age_most_ms(g, gw);

	return most > g->uncertain_ms ? most - g->uncertain_ms : 0;
}

void age_note(struct mgroup *g, const struct gsa_gw *gw)
{
	if (g->has_server_time && gw->has & GWP_HAS_MADE)
		g->ages[g->n_ages++ % AGES_MAX] = age_least_ms(g, gw);
}

uint64_t age_for_atd_ms(const struct mgroup *g, const struct gsa_gw *gw)
{
	uint64_t age = age_least_ms(g, gw), least = age;
	unsigned int i;

	for (i = 0; i < g->n_ages && i < AGES_MAX; i++)
		if (g->ages[i] < least)
			least = g->ages[i];
	return g->n_ages ? age - least : age;
}

bool age_too_old(const struct mgroup *g, const struct gsa_gw *gw)
{
	return age_least_ms(g, gw) > OLD_MS;
}
