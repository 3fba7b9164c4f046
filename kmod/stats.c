// SPDX-License-Identifier: GPL-2.0-only
#include "stats.h"

#include <linux/cpumask.h>
#include <linux/string.h>

static const char *const names[MCSEC_N_COUNTERS] = {
#define MCSEC_COUNTER_NAME(id, name) [MCSEC_##id] = name,
	MCSEC_COUNTERS(MCSEC_COUNTER_NAME)
#undef MCSEC_COUNTER_NAME
};

u64 mcsec_stats_read(const struct mcsec_stats __percpu *stats,
		     enum mcsec_counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(stats, cpu)->count[counter]);
	return sum;
}

const char *mcsec_counter_name(enum mcsec_counter counter)
{
	return names[counter];
}

enum mcsec_counter mcsec_counter_find(const char *name)
{
	int i = match_string(names, MCSEC_N_COUNTERS, name);

	return i < 0 ? MCSEC_N_COUNTERS : i;
}
