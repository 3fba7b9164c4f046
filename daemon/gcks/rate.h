/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate limits of an identity in a group: how often it may cause what costs others, and
 * how long its leave is delayed if it joins and leaves again and again. They outlive the
 * membership.
 */
#ifndef GCKS_RATE_H
#define GCKS_RATE_H

#include "gcks/group.h"

/* A pause is halved after each rest of this length. */
#define RATE_REST_MS 120000u

/*
 * Return what is left of a pause of @pause_ms milliseconds @rest_ms after the last grant;
 * below @min_ms it is 0.
 */
uint32_t rate_pause_left(uint32_t pause_ms, uint64_t rest_ms, uint32_t min_ms);
/*
 * Return true if @identity may cause what costs the group or the store now:
 * Sender-IDs, new Data SAs, changes of its record. Counts the grant: the next
 * one is allowed after 1 s, then 2 s, and so on up to a minute. Every two
 * minutes of rest halve the pause.
 */
bool rate_allows(struct group *g, const char *identity);
/* Count a join of @identity. */
void rate_count_join(struct group *g, const char *identity);
/*
 * Return for how many milliseconds the rekey for @identity's leave is delayed:
 * 0, or up to a minute if it joins and leaves again and again. If it is back by
 * then, no rekey is needed.
 */
uint32_t rate_leave_wait_ms(struct group *g, const char *identity);
/* Reset the limits of every identity in all groups. */
void rate_reset(struct gcks *k);

#endif
