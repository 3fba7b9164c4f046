// SPDX-License-Identifier: Apache-2.0
#include "gcks/mids.h"

#include "gcks/group.h"

/*
 * Message IDs that are left when the Rekey SA is replaced for want of them. Each
 * try to replace it takes one.
 */
#define LAST_MIDS (1u << 20)
/* As many as changes and beats may take while an exclusion waits. */
#define SOON_MIDS 64u

uint32_t mids_ahead(uint32_t mid)
{
	return mid < UINT32_MAX - MIDS_AHEAD ? mid + MIDS_AHEAD : UINT32_MAX;
}

uint32_t mids_left(const struct group *g)
{
	return g->rs.next_mid < g->st.next_mid ? g->st.next_mid - g->rs.next_mid
					       : 0;
}

/* Return the first Message ID that no message has and no beat can get. */
static uint32_t first_free(const struct group *g)
{
	uint32_t mid = g->rs.next_mid;

	if (mid < g->st.next_mid)
		mid = g->st.next_mid;
	return mid < g->change_mid ? g->change_mid : mid;
}

/* Return where beats go on after a reservation. */
static uint32_t beats_from(const struct group *g)
{
	/* Changes that failed have those in between. */
	return g->change_mid > g->st.next_mid ? g->change_mid : g->rs.next_mid;
}

bool mids_low(const struct group *g)
{
	return mids_left(g) <= MIDS_AHEAD / 2 &&
	       mids_ahead(beats_from(g)) > g->st.next_mid;
}

void mids_reserve(const struct group *g, struct gkm_state *next)
{
	uint32_t end = mids_ahead(beats_from(g));

	if (g->st.keyed && next->next_mid < end)
		next->next_mid = end;
}

void mids_reserved(struct group *g, const struct gkm_state *next)
{
	uint32_t from = beats_from(g);

	if (next->next_mid <= g->st.next_mid)
		return;
	if (g->rs.next_mid < from)
		g->rs.next_mid = from;
	g->st.next_mid = next->next_mid;
}

uint32_t mids_change(struct group *g)
{
	uint32_t beat = g->rs.next_mid;

	g->rs.next_mid = first_free(g);
	return beat;
}

void mids_change_end(struct group *g, uint32_t beat)
{
	g->change_mid = g->rs.next_mid;
	g->rs.next_mid = beat;
}

void mids_reset(struct group *g)
{
	g->change_mid = 0;
}

bool mids_ending(const struct group *g)
{
	return g->st.keyed && first_free(g) >= UINT32_MAX - LAST_MIDS;
}

bool mids_end_soon(const struct group *g)
{
	return g->st.keyed && first_free(g) >= UINT32_MAX - SOON_MIDS;
}

bool mids_ended(const struct group *g)
{
	return g->st.keyed && g->rs.spent;
}
