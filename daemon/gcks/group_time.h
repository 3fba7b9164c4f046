/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of a group, which goes into messages: milliseconds that never go
 * back, whatever becomes of the clocks; and what is counted by it.
 */
#ifndef GCKS_GROUP_TIME_H
#define GCKS_GROUP_TIME_H

#include "gcks/group.h"

uint64_t gkm_time_ms(const struct group *g);
/* The store has been read: time goes on from there at least. */
void gkm_time_floor(struct group *g);
/* A member that hears nothing of its group for so long asks. */
uint32_t gkm_silence_ms(const struct group *g);
/* When a message was made, for members to see how old it is. */
void gkm_made(const struct group *g, struct gsa_gw *gw);
/* Seconds of lifetime left. */
uint32_t gkm_left(const struct group *g, const struct gkey *key);

#endif
