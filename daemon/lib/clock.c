// SPDX-License-Identifier: Apache-2.0
#include "lib/clock.h"
#include "lib/util.h"

static uint64_t system_mono_ms(void *ctx)
{
	(void)ctx;
	return clock_ns(CLOCK_BOOTTIME) / NSEC_PER_MSEC;
}

static time_t wall_time(void *ctx)
{
	(void)ctx;
	return time(NULL);
}

const struct clock *clock_system(void)
{
	static const struct clock system = {
		.mono_ms = system_mono_ms,
		.wall = wall_time,
	};

	return &system;
}
