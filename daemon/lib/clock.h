/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time by pointer, so that tests give their own and whole days pass at once.
 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

/*
 * @mono_ms: milliseconds from an arbitrary start, never backwards, counting
 *	time spent in suspend: keys must not outlive a night of sleep
 * @wall: seconds since 1970, for certificates and the store
 */
struct clock {
	uint64_t (*mono_ms)(void *ctx);
	time_t (*wall)(void *ctx);
	void *ctx;
};

/* CLOCK_BOOTTIME and CLOCK_REALTIME. */
const struct clock *clock_system(void);

static inline uint64_t clock_mono_ms(const struct clock *c)
{
	return c->mono_ms(c->ctx);
}

static inline time_t clock_wall(const struct clock *c)
{
	return c->wall(c->ctx);
}

#endif
