/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the copies of a GSA_REKEY go, by the settings of the group alone.
 */
#ifndef GCKS_COPIES_H
#define GCKS_COPIES_H

#include <stdbool.h>
#include <stdint.h>

/* Copies of the last resort, for who missed the burst of an exclusion. */
#define COPIES_LATE_MS 3000

struct group;
enum gkm_how;

/*
 * Milliseconds after the first copy into @at, which has room for
 * GKM_COPIES_MAX. Their number, at least 1.
 */
unsigned int copies_plain(const struct group *g, uint32_t *at);
/* The same of an exclusion's first or @second message. */
unsigned int copies_exclude(const struct group *g, bool second, uint32_t *at);
/* Milliseconds until the last copy of a change has gone. */
uint32_t copies_ms(const struct group *g, enum gkm_how how);
/*
 * Milliseconds from the first message of an exclusion to the last copy of the
 * second, but for the late one.
 */
uint32_t copies_burst_ms(const struct group *g);
/* Milliseconds from the first message until senders have changed over. */
uint32_t copies_effective_ms(const struct group *g);

#endif
