/* SPDX-License-Identifier: Apache-2.0 */
/* Times at which copies of a GSA_REKEY are sent, from the group's settings. */
#ifndef GCKS_COPIES_H
#define GCKS_COPIES_H

#include <stdbool.h>
#include <stdint.h>

/* Delay of the late copy, for members that missed the burst of an exclusion. */
#define COPIES_LATE_MS 3000

struct group;
enum gkm_how;

/*
 * Fill @at, which has room for GKM_COPIES_MAX, with milliseconds after the
 * first copy. Returns the number of copies, at least 1.
 */
unsigned int copies_plain(const struct group *g, uint32_t *at);
/* Like copies_plain(), for a reset, with further copies until @last_ms. */
unsigned int copies_reset(const struct group *g, uint32_t last_ms,
			  uint32_t *at);
/* Like copies_plain(), for the first or the @second message of an exclusion. */
unsigned int copies_exclude(const struct group *g, bool second, uint32_t *at);
/*
 * Return the milliseconds until all copies of a change are sent that others wait
 * for: those of an exclusion with the late ones, and of all other changes without.
 */
uint32_t copies_ms(const struct group *g, enum gkm_how how);
/*
 * Return the milliseconds from the first message of an exclusion to the last
 * copy of the second one, late copies left out.
 */
uint32_t copies_burst_ms(const struct group *g);
/* Return the seconds (ATD) that senders are told to wait in an exclusion. */
uint32_t copies_exclude_atd(const struct group *g);
/*
 * Return the milliseconds from the first message until senders use the new
 * key.
 */
uint32_t copies_effective_ms(const struct group *g);
/*
 * Return the DTD of an exclusion in seconds. An excluded member must not be
 * able to send for long, so it is short.
 */
uint32_t copies_exclude_dtd(const struct group *g);

#endif
