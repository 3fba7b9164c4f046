/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the log each second, in work of many steps that takes longer than that. */
#ifndef LIB_PROGRESS_H
#define LIB_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"
#include "lib/util.h"

/* Steps after which the clock is looked at. */
#define PROGRESS_STEPS 1024

struct progress {
	const struct clock *clock;
	uint64_t next_ms;
	uint32_t n; /* steps so far */
};

static inline void progress_begin(struct progress *p, const struct clock *clock)
{
	p->clock = clock;
	p->next_ms = clock_mono_ms(clock) + MSEC_PER_SEC;
	p->n = 0;
}

/* Return true if a line is due. */
static inline bool progress_due(struct progress *p)
{
	uint64_t now = clock_mono_ms(p->clock);

	if (now < p->next_ms)
		return false;
	p->next_ms = now + MSEC_PER_SEC;
	return true;
}

/* Count a step. Returns true if a line is due. */
static inline bool progress_step(struct progress *p)
{
	return !(++p->n % PROGRESS_STEPS) && progress_due(p);
}

#endif
