/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks as an interface, so that tests simulate time. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "lib/util.h"

/*
 * @mono_ms: monotonic milliseconds from an arbitrary start, including time
 *	in suspend, because key lifetimes continue there
 * @wall: seconds since 1970, for certificates and the store.
 */
struct clock {
	uint64_t (*mono_ms)(void *ctx);
	time_t (*wall)(void *ctx);
	void *ctx;
};

/* Return the clock of CLOCK_BOOTTIME and CLOCK_REALTIME. */
const struct clock *clock_system(void);

/* Return the time of a system clock in nanoseconds. */
static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static inline uint64_t clock_mono_ms(const struct clock *c)
{
	return c->mono_ms(c->ctx);
}

static inline time_t clock_wall(const struct clock *c)
{
	return c->wall(c->ctx);
}

#endif
