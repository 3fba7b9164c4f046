/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time of a group as sent in messages: milliseconds that never go back, even if
 * the clock does; and the ages that are measured by it.
 */
#ifndef GCKS_GROUP_TIME_H
#define GCKS_GROUP_TIME_H

#include "gcks/group.h"

/* Return the group's time in milliseconds. */
uint64_t gkm_time_ms(const struct group *g);
/* Raise the group's time to what was read from the store. */
void gkm_time_floor(struct group *g);
/*
 * Return the milliseconds of silence after which a member asks the key server.
 */
uint32_t gkm_silence_ms(const struct group *g);
/* Add the time of sending to @gw, from which members compute a message's age. */
void gkm_made(const struct group *g, struct gsa_gw *gw);
/* Return the seconds of lifetime left. */
uint32_t gkm_left(const struct group *g, const struct gkey *key);

#endif
