/* SPDX-License-Identifier: Apache-2.0 */
/* When an eviction is effective: no sender uses a key that who was evicted has. */
#ifndef GCKS_EFFECT_H
#define GCKS_EFFECT_H

#include <stdbool.h>
#include <stdint.h>

struct group;

/* How the identity goes that was evicted. */
enum effect_of {
	EFFECT_EXCLUDED, /* by a change of keys that has just begun */
	EFFECT_WAITS, /* by one that has to wait */
	EFFECT_ABSENT, /* no member now, and maybe one until just now */
};

/*
 * Return the milliseconds from now on after which that is expected: senders hear a copy
 * of the burst, or of the reset in its place or before it. Senders that do not are counted
 * by effect_waits_for() until they are back.
 */
uint32_t effect_ms(const struct group *g, enum effect_of of);
/* Return the number of senders that may use an older key than the current one. */
uint32_t effect_waits_for(const struct group *g);

#endif
