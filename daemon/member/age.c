// SPDX-License-Identifier: Apache-2.0
/*
 * How old a message of the key server is. Each says when it was made, in the
 * key server's time; a registration, which is a question and its answer, says
 * what time it is there. So whoever holds messages back gains nothing: what a
 * message brings lives from when it was made, and one that is too old is not
 * taken at all.
 *
 * The answer was made between the question and its arrival here. Lifetimes
 * count as if it had been made at once, ATD and the limit as if it had come at
 * once: an error makes keys end early, and senders wait longer.
 */
#include "member/mgroup.h"

/* A rekey is not taken that long after it was made. */
#define OLD_MS 60000
/* Clocks drift: what time it is there is asked again after that. */
#define ASK_MS (20 * 3600 * 1000u)
#define ASK_SPREAD_MS (8 * 3600 * 1000u)

void age_learn(struct mgroup *g, const struct gsa_gw *gw, uint64_t asked_ms)
{
	uint64_t now = mgroup_now(g);

	g->has_server_time = gw->has & GWP_HAS_MADE;
	if (!g->has_server_time)
		return;
	g->beat = gw->beat;
	g->server_ms = gw->made_ms;
	g->local_ms = asked_ms < now ? asked_ms : now;
	g->uncertain_ms = now - g->local_ms;
	timer_set(mgroup_tq(g), &g->ask_time,
		  ASK_MS + member_random(ASK_SPREAD_MS));
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

bool age_too_old(const struct mgroup *g, const struct gsa_gw *gw)
{
	return age_least_ms(g, gw) > OLD_MS;
}
