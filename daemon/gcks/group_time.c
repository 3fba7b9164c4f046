// SPDX-License-Identifier: Apache-2.0
#include "gcks/group_time.h"
#include "lib/util.h"

/* Members ask after three silent beats, each after a random delay. */
#define SILENCE_SPREAD_MS 10000

uint64_t gkm_time_ms(const struct group *g)
{
	return g->k->time0_ms + group_now_ms(g) + g->ahead_ms;
}

void gkm_time_floor(struct group *g)
{
	uint64_t now = gkm_time_ms(g);

	if (g->st.time_ms > now)
		g->ahead_ms += g->st.time_ms - now;
}

uint32_t gkm_silence_ms(const struct group *g)
{
	return g->conf->beat * MSEC_PER_SEC * REKEY_SILENCE_BEATS +
	       SILENCE_SPREAD_MS;
}

void gkm_made(const struct group *g, struct gsa_gw *gw)
{
	gw->present = true;
	gw->has |= GWP_HAS_MADE;
	gw->made_ms = gkm_time_ms(g);
	gw->beat = g->conf->beat;
}

uint32_t gkm_left(const struct group *g, const struct gkey *key)
{
	int64_t age = group_wall(g) - key->made;

	/* A wall clock that was set back must not extend a key's life. */
	if (age < 0)
		age = 0;
	return age < key->lifetime ? key->lifetime - age : 0;
}
