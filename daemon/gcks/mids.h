/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message IDs of the Rekey SA in use. Each is part of the IV of a message and
 * must never come twice, also not after a crash. The store reserves some ahead
 * for beats, which therefore need no write of their own and go on while the
 * store is busy with a change, or fails.
 *
 * Members refuse a Message ID below one that they have accepted. The message of
 * a change is built before the store has the change, and sent after it: it takes
 * a Message ID behind those that are reserved, so that beats in between have
 * lower ones. It is stored with the change.
 */
#ifndef GCKS_MIDS_H
#define GCKS_MIDS_H

#include <stdbool.h>
#include <stdint.h>

struct gkm_state;
struct group;

/*
 * Message IDs that are reserved at a time: enough for beats of a quarter of an
 * hour. Those unused at a restart are skipped.
 */
#define MIDS_AHEAD 64u

/* Return the end of a reservation that begins at @mid. */
uint32_t mids_ahead(uint32_t mid);
/* Return the number of beats for which Message IDs are reserved. */
uint32_t mids_left(const struct group *g);
/* Return true if more should be reserved, and can be. */
bool mids_low(const struct group *g);
/* Reserve Message IDs in @next, which is about to be stored. */
void mids_reserve(const struct group *g, struct gkm_state *next);
/* The store has @next. */
void mids_reserved(struct group *g, const struct gkm_state *next);

/*
 * Let the next message over the Rekey SA be that of a change. Returns the next
 * Message ID of beats, which mids_change_end() is given when the message is
 * built.
 */
uint32_t mids_change(struct group *g);
void mids_change_end(struct group *g, uint32_t beat);
/* The Rekey SA is another one. */
void mids_reset(struct group *g);

/*
 * Return true if the Rekey SA must be replaced, which needs a Message ID. They
 * end with 2^32 - 1 and never begin anew.
 */
bool mids_ending(const struct group *g);
/* Return true if none may be left for an exclusion that has to wait. */
bool mids_end_soon(const struct group *g);
/* Return true if none is left for that: only a reset helps. */
bool mids_ended(const struct group *g);

#endif
