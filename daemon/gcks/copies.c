// SPDX-License-Identifier: Apache-2.0
#include "gcks/copies.h"

#include "gcks/group.h"

#define MS 1000u
/* A late copy that is closer to the one before it would be lost with it. */
#define LATE_LEAST_MS 500
/* Between the copies of a burst */
#define STEP_MIN_MS 40
#define STEP_MAX_MS 250

/*
 * Outside of an exclusion time is on our side: 0, 1, 3, 6 s. Closer together
 * where ATD is shorter than that: who hears only the last copy is to have the
 * key when a sender that heard the first begins to use it. One more goes late,
 * which nothing waits for: a second later, while ATD leaves room for it; or at
 * the usual time, for who was not there yet: a host that has just joined may
 * have to wait for its routers.
 */
unsigned int copies_plain(const struct group *g, uint32_t *at)
{
	uint32_t within = g->conf->atd * MS / 4 * 3;
	unsigned int n = g->conf->rekey_copies;
	uint32_t last;
	unsigned int i;

	if (n > GKM_COPIES_MAX - 1)
		n = GKM_COPIES_MAX - 1;
	last = (n - 1) * n / 2 * MS;
	for (i = 0; i < n; i++) {
		at[i] = i * (i + 1) / 2 * MS;
		if (within && last > within)
			at[i] = (uint64_t)at[i] * within / last;
	}
	if (within && last > within)
		at[n++] = last;
	else if (within >= last + LATE_LEAST_MS)
		at[n++] = within < last + MS ? within : last + MS;
	return n;
}

static uint32_t plain_ms(const struct group *g)
{
	uint32_t at[GKM_COPIES_MAX];
	unsigned int n = copies_plain(g, at);

	/* without the late one */
	return at[n > g->conf->rekey_copies ? n - 2 : n - 1];
}

static uint32_t exclude_atd_ms(const struct group *g)
{
	return g->conf->evict_atd * MS;
}

static uint32_t exclude_step_ms(const struct group *g)
{
	uint32_t step = exclude_atd_ms(g) / (g->conf->rekey_copies + 1u);

	return step < STEP_MIN_MS   ? STEP_MIN_MS
	       : step > STEP_MAX_MS ? STEP_MAX_MS
				    : step;
}

/*
 * In an exclusion senders are to change soon, and receivers to have the key
 * by then: the copies go in a burst that is over before ATD is, the second
 * message's between the first one's. Another one each comes late.
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

	/* without the late copy */
	if (n > 1 && at[n - 1] >= COPIES_LATE_MS)
		n--;
	return at[n - 1];
}

uint32_t copies_effective_ms(const struct group *g)
{
	return copies_burst_ms(g) + exclude_atd_ms(g);
}

uint32_t copies_ms(const struct group *g, enum gkm_how how)
{
	uint32_t at[GKM_COPIES_MAX];
	unsigned int n;

	if (how != GKM_EXCLUDE)
		return plain_ms(g);
	n = copies_exclude(g, true, at);
	return at[n - 1];
}
