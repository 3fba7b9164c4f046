// SPDX-License-Identifier: Apache-2.0
#include "gcks/effect.h"

#include "gcks/reset.h"
#include "gcks/copies.h"
#include "gcks/group.h"
#include "gcks/outbox.h"

static uint32_t later_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t change_ms(const struct group *g, enum effect_of of)
{
	switch (of) {
	case EFFECT_EXCLUDED:
		/* After a reset in its place nobody is left. */
		return g->n_members ? copies_effective_ms(g) : 0;
	case EFFECT_WAITS:
		/* The store takes as long for it as it took for the denial. */
		return later_of(pace_exclude_ms(g) + copies_effective_ms(g),
				reset_wait_ms(g)) +
		       g->commit.took_ms;
	case EFFECT_ABSENT:
		break;
	}
	return pace_excluded_ms(g);
}

/*
 * Return the milliseconds after which every sender that is rekeyed inband has an IKE SA
 * again, which it lost when the key server was restarted: its keys come over that.
 */
static uint32_t back_ms(const struct group *g)
{
	uint64_t now = group_now_ms(g);
	const struct gmember_more *x;

	if (g->inband_back_ms <= now)
		return 0;
	TAILQ_FOREACH(x, &g->senders, by_send)
		if (x->m->inband && !x->sa)
			return g->inband_back_ms - now;
	return 0;
}

uint32_t effect_ms(const struct group *g, enum effect_of of)
{
	return later_of(later_of(change_ms(g, of), back_ms(g)),
			stragglers_ms(g, of != EFFECT_ABSENT));
}

uint32_t effect_waits_for(const struct group *g)
{
	uint32_t n = stragglers_count(g);

	if (!g->st.keyed)
		return n;
	/* The change that takes members out is still to come. */
	return n + (g->exclude_pending ? g->n_senders : outbox_unconfirmed(g));
}
