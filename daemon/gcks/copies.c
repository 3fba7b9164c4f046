// SPDX-License-Identifier: Apache-2.0
#include "gcks/copies.h"

#include "gcks/group.h"
#include "gcks/spread.h"
#include "lib/util.h"

/* A late copy closer than this to the one before would be lost with it. */
#define LATE_LEAST_MS 500
/* Bounds of the interval between the copies of a burst. */
#define STEP_MIN_MS 40
#define STEP_MAX_MS 250
/* Most that senders wait longer for a slow store, in an exclusion. */
#define EXCLUDE_STORE_MAX_S 2
/* Interval of the further copies of a reset. */
#define FAREWELL_STEP_MS 2000

/*
 * Copies of a change without exclusion: at 0, 1, 3 and 6 s, since a slow change
 * costs nothing. They are compressed where ATD is shorter than that, because a
 * receiver that hears only the last copy must have the key when a sender that
 * heard the first begins to use it.
 *
 * One late copy follows that nothing waits for. It comes a second later while
 * ATD leaves room for it, or at the usual time for hosts that were not
 * reachable yet: a host that has just joined may have to wait for its routers.
 */
unsigned int copies_plain(const struct group *g, uint32_t *at)
{
	uint32_t within = g->conf->atd * MSEC_PER_SEC / 4 * 3;
	unsigned int n = g->conf->rekey_copies;
	uint32_t last;
	unsigned int i;

	if (n > GKM_COPIES_MAX - 1)
		n = GKM_COPIES_MAX - 1;
	last = (n - 1) * n / 2 * MSEC_PER_SEC;
	for (i = 0; i < n; i++) {
		at[i] = i * (i + 1) / 2 * MSEC_PER_SEC;
		if (within && last > within)
			at[i] = (uint64_t)at[i] * within / last;
	}
	if (within && last > within)
		at[n++] = last;
	else if (within >= last + LATE_LEAST_MS)
		at[n++] = within < last + MSEC_PER_SEC ? within
						       : last + MSEC_PER_SEC;
	return n;
}

/* Nothing waits for the further copies of a reset. */
unsigned int copies_reset(const struct group *g, uint32_t last_ms, uint32_t *at)
{
	unsigned int n = copies_plain(g, at);

	for (; n < GKM_COPIES_MAX && at[n - 1] + FAREWELL_STEP_MS <= last_ms;
	     n++)
		at[n] = at[n - 1] + FAREWELL_STEP_MS;
	return n;
}

static uint32_t plain_burst_ms(const struct group *g)
{
	uint32_t at[GKM_COPIES_MAX];
	unsigned int n = copies_plain(g, at);

	/* The late copy is not waited for. */
	return at[n > g->conf->rekey_copies ? n - 2 : n - 1];
}

static uint32_t exclude_atd_ms(const struct group *g)
{
	return g->conf->evict_atd * MSEC_PER_SEC;
}

static uint32_t exclude_step_ms(const struct group *g)
{
	uint32_t step = exclude_atd_ms(g) / (g->conf->rekey_copies + 1u);

	return step < STEP_MIN_MS   ? STEP_MIN_MS
	       : step > STEP_MAX_MS ? STEP_MAX_MS
				    : step;
}

/*
 * In an exclusion senders are to change over soon, and receivers must have the
 * key by then: the copies go in a burst that ends before ATD, and those of the
 * second message alternate with those of the first. One late copy of each
 * follows.
 */
unsigned int copies_exclude(const struct group *g, bool second, uint32_t *at)
{
	uint32_t step = exclude_step_ms(g);
	uint32_t shift = second ? step / 2 : 0;
	unsigned int n = g->conf->rekey_copies;
	unsigned int i;

	if (n > GKM_COPIES_MAX - 1)
		n = GKM_COPIES_MAX - 1;
	for (i = 0; i < n; i++)
		at[i] = i * step + shift;
	if (at[n - 1] < COPIES_LATE_MS)
		at[n++] = COPIES_LATE_MS + shift;
	return n;
}

uint32_t copies_burst_ms(const struct group *g)
{
	uint32_t at[GKM_COPIES_MAX];
	unsigned int n = copies_exclude(g, true, at);

	/* The late copy is not waited for. */
	if (n > 1 && at[n - 1] >= COPIES_LATE_MS)
		n--;
	return at[n - 1];
}

/* An excluded member reads until then, so that a slow store is waited for up to a bound. */
static uint32_t exclude_store_s(const struct group *g)
{
	uint32_t atd = exclude_atd_ms(g), burst = copies_burst_ms(g);
	uint32_t s = spread_store_s(g, atd > burst ? atd - burst : 0);

	if (!atd)
		return 0;
	return s < EXCLUDE_STORE_MAX_S ? s : EXCLUDE_STORE_MAX_S;
}

uint32_t copies_exclude_atd(const struct group *g)
{
	return g->conf->evict_atd + spread_s(g) + exclude_store_s(g);
}

uint32_t copies_effective_ms(const struct group *g)
{
	return copies_burst_ms(g) + copies_exclude_atd(g) * MSEC_PER_SEC;
}

/*
 * DTD must exceed the late copy plus the ATD of a sender that receives only
 * that copy.
 */
uint32_t copies_exclude_dtd(const struct group *g)
{
	uint32_t atd = copies_exclude_atd(g);
	uint32_t dtd = atd + COPIES_LATE_MS / MSEC_PER_SEC + 2;

	if (dtd < spread_dtd(g) || spread_dtd(g) <= atd)
		return dtd;
	return spread_dtd(g);
}

uint32_t copies_ms(const struct group *g, enum gkm_how how)
{
	uint32_t at[GKM_COPIES_MAX];
	unsigned int n;

	if (how != GKM_EXCLUDE)
		return plain_burst_ms(g);
	n = copies_exclude(g, true, at);
	return at[n - 1];
}
