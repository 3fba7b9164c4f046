// SPDX-License-Identifier: Apache-2.0
#include "gcks/pace.h"

#include "gcks/copies.h"
#include "gcks/group.h"
#include "gcks/group_time.h"
#include "gcks/rate.h"
#include "gcks/spread.h"
#include "lib/util.h"

/* Delay within which the network may reorder datagrams. */
#define SLACK_MS 50
/*
 * Members that were reset register within this time (member/install.c), and are
 * gathered into one batch.
 */
#define GATHER_MS 2500
/*
 * The kernel holds 64 SAs of a group, and each rekey leaves one behind that
 * lives for DTD. Half of them are for ordinary rekeys, the rest for evictions,
 * which do not wait.
 */
#define SAS_RETIRED 32
#define SPACING_MIN_MS 100
/* Joins wait for the ATD of the previous one, but not longer than this. */
#define IN_USE_MAX_MS 6000
/*
 * Longest wait of members that are to be excluded, if one message after the other is
 * full: they must not be able to read until all others are through.
 */
#define EXCLUDE_MAX_MS 10000
/* Longest wait of a reset for senders to confirm an exclusion. */
#define CONFIRM_MAX_MS 6000
/* Bounds of the pause between claims. */
#define CLAIM_MIN_MS 5000u
#define CLAIM_MAX_MS 60000u
/* Old SAs live so much longer than senders are held, see pace_reset(). */
#define HOLD_SHORT_S 2
#define HOLD_EARLY_MS 1500
/* A member that has heard of a reset is back after so long. */
#define BACK_MS 3000

static uint32_t ms_left(const struct group *g, uint64_t until_ms)
{
	uint64_t now = group_now_ms(g);

	return until_ms > now ? until_ms - now : 0;
}

static uint32_t spacing_ms(const struct group *g)
{
	uint32_t atd = spread_atd(g), dtd = spread_dtd(g);
	uint32_t live = dtd > atd ? dtd : atd + 1u;
	uint32_t ms = live * MSEC_PER_SEC / SAS_RETIRED;

	return ms > SPACING_MIN_MS ? ms : SPACING_MIN_MS;
}

/*
 * Senders use a Data SA after ATD. A member that missed it notices by then and
 * gets the current SA, which must be the one that is used.
 */
static uint32_t in_use_ms(const struct group *g)
{
	uint32_t ms = spread_atd(g) * MSEC_PER_SEC + SLACK_MS;

	return ms < IN_USE_MAX_MS ? ms : IN_USE_MAX_MS;
}

/* Space the change out from the next one, which comes @least_ms later or more. */
static void space_changes(struct group *g, enum gkm_how how, bool announced,
			  uint32_t least_ms)
{
	struct pace *p = &g->pace;
	uint64_t now = group_now_ms(g);
	uint32_t apart = announced ? copies_ms(g, how) + SLACK_MS : 0;

	p->copies_ms = now + apart;
	if (apart < spacing_ms(g))
		apart = spacing_ms(g);
	if (announced && apart < least_ms)
		apart = least_ms;
	p->clear_ms = now + apart;
}

void pace_data_kept(struct group *g, bool announced)
{
	space_changes(g, GKM_JOIN, announced, 0);
}

void pace_data_given(struct group *g)
{
	g->pace.given = true;
}

bool pace_data_unused(const struct group *g)
{
	/* A change takes the store as long as the one before. */
	return g->st.keyed && g->pace.unused &&
	       (!g->pace.given ||
		ms_left(g, g->pace.switch_ms) > g->commit.took_ms);
}

bool pace_data_used(const struct group *g)
{
	return g->pace.given && !ms_left(g, g->pace.switch_ms);
}

void pace_changed(struct group *g, enum gkm_how how, bool announced)
{
	struct pace *p = &g->pace;
	uint64_t now = group_now_ms(g);

	space_changes(g, how, announced, how == GKM_EXCLUDE ? 0 : in_use_ms(g));
	p->switch_ms = now + (!announced ? 0
			      : how == GKM_EXCLUDE
				      ? copies_effective_ms(g)
				      : pace_atd(g) * MSEC_PER_SEC);
	if (announced && how == GKM_EXCLUDE)
		p->burst_ms = now + copies_burst_ms(g) + SLACK_MS;
	if (announced && how == GKM_EXCLUDE)
		p->excluded_ms = now + copies_effective_ms(g);
	if (announced && how == GKM_EXCLUDE) {
		p->short_ms = now + gkm_silence_ms(g);
		p->short_s = copies_exclude_dtd(g);
	}
	p->unannounced = announced && group_multicast(g);
	p->exclusion = how == GKM_EXCLUDE && p->switch_ms >= p->hold_ms;
	if (p->switch_ms + HOLD_EARLY_MS < p->hold_ms)
		p->switch_ms = p->hold_ms;
	if (p->unused && !p->given && how == GKM_JOIN) {
		if (p->switch_ms < p->hold_ms)
			p->switch_ms = p->hold_ms;
	} else {
		p->unused = false;
	}
}

/*
 * Members keep the short DTD of an exclusion until they hear another one: by a
 * beat, or by an answer when they have noticed silence.
 */
static uint32_t known_dtd(const struct group *g)
{
	uint32_t dtd = spread_dtd(g);

	if (ms_left(g, g->pace.short_ms) && g->pace.short_s < dtd)
		dtd = g->pace.short_s;
	return dtd;
}

/* Return the milliseconds for which senders are held after a reset that is announced. */
static uint32_t reset_hold_ms(const struct group *g)
{
	uint32_t dtd = known_dtd(g);

	return dtd > HOLD_SHORT_S ? (dtd - HOLD_SHORT_S) * MSEC_PER_SEC : 0;
}

uint32_t pace_reset_copies_ms(const struct group *g)
{
	uint32_t hold = reset_hold_ms(g);

	return hold > BACK_MS ? hold - BACK_MS : 0;
}

/*
 * Old SAs live for DTD at the members. The first member that is back must not
 * send under new keys before the others have them.
 */
void pace_reset(struct group *g, bool announced, uint32_t silence_ms)
{
	struct pace *p = &g->pace;
	uint64_t now = group_now_ms(g), hold = now + silence_ms, gather = now;

	if (announced) {
		hold = now + reset_hold_ms(g);
		gather += GATHER_MS;
	}
	p->unused = true;
	p->given = false;
	/* Members may still have to hear of a reset right before this one. */
	if (p->hold_ms < hold)
		p->hold_ms = hold;
	if (p->gather_ms < gather)
		p->gather_ms = gather;
}

void pace_sent(struct group *g)
{
	g->pace.unannounced = false;
}

bool pace_is_unannounced(const struct group *g)
{
	return g->pace.unannounced;
}

void pace_answered(struct group *g)
{
	uint32_t dtd = spread_dtd(g), s = spread_atd(g);
	struct pace *p = &g->pace;
	uint64_t at;

	if (!p->unannounced)
		return;
	p->unannounced = false;
	if (p->exclusion)
		s = copies_exclude_atd(g);
	else if (dtd > s + HOLD_SHORT_S)
		s = dtd - HOLD_SHORT_S;
	at = group_now_ms(g) + s * MSEC_PER_SEC;
	if (p->switch_ms < at)
		p->switch_ms = at;
}

void pace_resumed(struct group *g)
{
	uint64_t now = group_now_ms(g);

	g->pace.switch_ms = now + spread_atd(g) * MSEC_PER_SEC;
	g->pace.copies_ms = now + copies_ms(g, GKM_SIMPLE);
	g->pace.clear_ms = g->pace.copies_ms;
	g->pace.burst_ms = now + copies_burst_ms(g) + SLACK_MS;
	g->pace.excluded_ms = now + copies_effective_ms(g);
}

uint16_t pace_dtd(const struct group *g)
{
	return g->pace.exclusion ? copies_exclude_dtd(g) : spread_dtd(g);
}

uint32_t pace_wait_ms(const struct group *g)
{
	return ms_left(g, g->pace.clear_ms);
}

uint32_t pace_join_ms(const struct group *g)
{
	uint32_t clear = pace_wait_ms(g);
	uint32_t gather = ms_left(g, g->pace.gather_ms);

	return clear > gather ? clear : gather;
}

uint32_t pace_claim_ms(struct group *g)
{
	struct pace *p = &g->pace;
	uint64_t now = group_now_ms(g);
	uint32_t pause;

	if (ms_left(g, p->claim_ms))
		return ms_left(g, p->claim_ms);
	pause = rate_pause_left(p->claim_wait_ms, now - p->claim_ms,
				CLAIM_MIN_MS);
	p->claim_ms += pause;
	if (p->claim_ms < now)
		p->claim_ms = now;
	p->claim_wait_ms = pause ? 2 * pause : CLAIM_MIN_MS;
	if (p->claim_wait_ms > CLAIM_MAX_MS)
		p->claim_wait_ms = CLAIM_MAX_MS;
	return p->claim_ms - now;
}

bool pace_is_held(const struct group *g)
{
	return ms_left(g, g->pace.hold_ms);
}

uint32_t pace_stale_ms(const struct group *g)
{
	uint32_t hold = ms_left(g, g->pace.hold_ms);

	return hold ? hold + HOLD_SHORT_S * MSEC_PER_SEC : 0;
}

uint32_t pace_reset_ms(const struct group *g, bool announced)
{
	return pace_exclude_ms(g) +
	       (announced ? spread_dtd(g) * MSEC_PER_SEC
			  : gkm_silence_ms(g) + HOLD_SHORT_S * MSEC_PER_SEC);
}

uint32_t pace_excluded_ms(const struct group *g)
{
	return ms_left(g, g->pace.excluded_ms);
}

/*
 * Each leave is an exclusion, so that a wait that began anew with each would not end as
 * long as members leave.
 */
uint32_t pace_before_reset_ms(const struct group *g, bool confirmed,
			      uint64_t *until_ms)
{
	if (!g->pace.excluded_ms)
		return pace_beat_ms(g);
	if (!*until_ms)
		*until_ms = g->pace.excluded_ms + CONFIRM_MAX_MS;
	if (!confirmed && ms_left(g, *until_ms))
		return ms_left(g, *until_ms);
	return ms_left(g, *until_ms + CONFIRM_MAX_MS) ? pace_beat_ms(g) : 0;
}

uint32_t pace_switch_ms(const struct group *g)
{
	return ms_left(g, g->pace.switch_ms);
}

uint32_t pace_copies_ms(const struct group *g)
{
	return ms_left(g, g->pace.copies_ms);
}

uint32_t pace_beat_ms(const struct group *g)
{
	return ms_left(g, g->pace.burst_ms);
}

uint32_t pace_exclude_ms(const struct group *g)
{
	uint32_t burst = ms_left(g, g->pace.burst_ms);
	uint32_t most = ms_left(g, g->pace.exclude_ms);

	return g->pace.exclude_ms && most < burst ? most : burst;
}

void pace_hurry_exclusion(struct group *g)
{
	if (!g->pace.exclude_ms)
		g->pace.exclude_ms = group_now_ms(g) + EXCLUDE_MAX_MS;
}

void pace_calm_exclusion(struct group *g)
{
	g->pace.exclude_ms = 0;
}

/*
 * ATD is in seconds. After a reset, members that come back later get a Data SA of
 * their own: senders must not use the one before it first, not even for the rest
 * of a second, since these members do not have it.
 */
static uint32_t held_s(const struct group *g)
{
	uint32_t hold = ms_left(g, g->pace.hold_ms);
	uint32_t s = ms_left(g, g->pace.switch_ms) / MSEC_PER_SEC;

	if (s * MSEC_PER_SEC + HOLD_EARLY_MS < hold)
		s = msec_to_sec_up(hold);
	return s;
}

uint32_t pace_atd(const struct group *g)
{
	uint32_t hold = pace_is_held(g) ? held_s(g) : 0;

	return hold > spread_atd(g) ? hold : spread_atd(g);
}

uint16_t pace_atd_left(const struct group *g)
{
	uint32_t ms = ms_left(g, g->pace.switch_ms);

	/*
	 * In seconds. An exclusion rounds down, as its effective time must be
	 * kept.
	 */
	return g->pace.exclusion ? ms / MSEC_PER_SEC : msec_to_sec_up(ms);
}
