/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delays of changes by members that are rekeyed inband, as their rekeys are sent one
 * after the other, and after a restart of the key server some have no IKE SA; and by a
 * store that takes its time.
 */
#ifndef GCKS_SPREAD_H
#define GCKS_SPREAD_H

#include "gcks/group.h"

/*
 * GSA_INBAND_REKEYs are sent faster than this, in members a second. Senders and
 * receivers wait so much longer for those of the last member.
 */
#define SPREAD_RATE 2048

/*
 * ATD counts from when a message is made, and the store has to have that before it is
 * sent. The delay of one copy to the next allows for @slack_ms of this; return the seconds
 * that senders wait longer for a slower store.
 */
uint32_t spread_store_s(const struct group *g, uint32_t slack_ms);
/* A change is made now: note how long the store may take for it. */
void spread_note_store(struct group *g);

/* Return the seconds until a change is sent to the last member. */
uint32_t spread_s(const struct group *g);
/*
 * Return the milliseconds for which members may not have noticed that they lost
 * their IKE SAs with the previous run; 0 if all that were known then are back.
 */
uint32_t spread_back_ms(const struct group *g);
/* Return ATD and DTD of a change that is no exclusion, in seconds. */
uint32_t spread_atd(const struct group *g);
uint32_t spread_dtd(const struct group *g);

#endif
