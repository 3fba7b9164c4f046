// SPDX-License-Identifier: Apache-2.0
#include "gcks/spread.h"

#include "gcks/group_time.h"
#include "lib/util.h"

/* Receivers keep the former SA so much longer than senders use it, at least. */
#define DTD_LEAST_S 2

uint32_t spread_s(const struct group *g)
{
	return g->n_inband / SPREAD_RATE;
}

static bool all_back(const struct group *g)
{
	const struct gmember_more *x;

	TAILQ_FOREACH(x, &g->inbands, by_inband)
		if (!x->sa)
			return false;
	return true;
}

uint32_t spread_back_ms(const struct group *g)
{
	uint64_t now = group_now_ms(g);
	uint32_t wait;

	if (g->inband_back_ms <= now)
		return 0;
	wait = g->inband_back_ms - now;
	/* The key in use must not end meanwhile. */
	if (gkm_left(g, &g->st.data[0].key) <=
	    wait / MSEC_PER_SEC + 2u * g->conf->dtd)
		return 0;
	return all_back(g) ? 0 : wait;
}

/*
 * Members that are not back yet have the old key and no other: senders use that
 * until they are back, and receivers accept it.
 */
static uint32_t extra_s(const struct group *g)
{
	return spread_s(g) + msec_to_sec_up(spread_back_ms(g));
}

uint32_t spread_store_s(const struct group *g, uint32_t slack_ms)
{
	uint32_t ms = g->slow_ms;

	return ms > slack_ms ? msec_to_sec_up(ms - slack_ms) : 0;
}

/* A store that was slow once may be that again, but not for ever. */
void spread_note_store(struct group *g)
{
	g->slow_ms /= 2;
	if (g->slow_ms < g->commit.took_ms)
		g->slow_ms = g->commit.took_ms;
}

/* Copies go in three quarters of ATD, and receivers keep the former SA for DTD. */
static uint32_t store_s(const struct group *g)
{
	uint32_t s = spread_store_s(g, g->conf->atd * MSEC_PER_SEC / 4);
	uint32_t room = g->conf->dtd > g->conf->atd + DTD_LEAST_S
				? g->conf->dtd - g->conf->atd - DTD_LEAST_S
				: 0;

	if (!g->conf->atd)
		return 0;
	return s < room ? s : room;
}

uint32_t spread_atd(const struct group *g)
{
	return g->conf->atd + extra_s(g) + store_s(g);
}

uint32_t spread_dtd(const struct group *g)
{
	return g->conf->dtd + extra_s(g);
}
