/* SPDX-License-Identifier: Apache-2.0 */
/* When an eviction is effective: no sender uses a key any more that the evicted has. */
#ifndef GCKS_EFFECT_H
#define GCKS_EFFECT_H

#include <stdbool.h>
#include <stdint.h>

struct group;

/* How the evicted identity gets out. */
enum effect_of {
	EFFECT_EXCLUDED, /* by a change of keys that has just begun */
	EFFECT_WAITS, /* by one that has to wait */
	EFFECT_ABSENT, /* no member now, and maybe one until just now */
};

/*
 * Return the milliseconds from now after which no sender is expected to use such a key:
 * senders hear a copy of the burst, or of the reset in its place or before it. Those that
 * hear none are counted by effect_waits_for() until they have followed.
 */
uint32_t effect_ms(const struct group *g, enum effect_of of);
/* Return the number of senders that may use an older key than the current one. */
uint32_t effect_waits_for(const struct group *g);

#endif
