// SPDX-License-Identifier: Apache-2.0
#include "gcks/spread.h"

#include "gcks/group_time.h"
#include "lib/util.h"

uint32_t spread_s(const struct group *g)
{
	return g->n_inband / SPREAD_RATE;
}

static bool all_back(const struct group *g)
{
	const struct gmember *m;

	TAILQ_FOREACH(m, &g->inbands, by_inband)
		if (!m->sa)
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

uint32_t spread_atd(const struct group *g)
{
	return g->conf->atd + extra_s(g);
}

uint32_t spread_dtd(const struct group *g)
{
	return g->conf->dtd + extra_s(g);
}
