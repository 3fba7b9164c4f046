// SPDX-License-Identifier: Apache-2.0
#include "lib/clock.h"
#include "lib/util.h"

static uint64_t mono_ms(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * MSEC_PER_SEC + ts.tv_nsec / 1000000;
}

static time_t wall(void *ctx)
{
	(void)ctx;
	return time(NULL);
}

const struct clock *clock_system(void)
{
	static const struct clock system = {
		.mono_ms = mono_ms,
		.wall = wall,
	};

	return &system;
}
