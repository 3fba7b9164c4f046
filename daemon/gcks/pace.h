/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a change of a group's keys may go, and from when on senders use the new
 * ones: the one place that decides it.
 *
 * Whoever misses the first copy of a GSA_REKEY cannot open what comes over the
 * next Rekey SA. So a change waits until all copies of the one before it are
 * out, and its Data SA is in use; only an eviction does not. What wants to
 * change meanwhile shares the next one. The first joiner of a quiet group waits
 * for nothing.
 *
 * All times are milliseconds of clock_mono_ms(), 0 where there is none.
 */
#ifndef GCKS_PACE_H
#define GCKS_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct group;
enum gkm_how;

struct pace {
	uint64_t copies_ms; /* all copies of the last change are out */
	uint64_t clear_ms; /* and the next one may go */
	/*
	 * The copies of an exclusion's second message are. It has the first
	 * Message ID of its Rekey SA: whatever came over that SA before would
	 * make members drop it as old.
	 */
	uint64_t burst_ms;
	uint64_t switch_ms; /* senders have changed to the Data SA */
	bool exclusion; /* since somebody must not read the old one */
	uint64_t hold_ms; /* no sender changes before: all come back */
	uint64_t gather_ms; /* joins wait for each other until then */
};

/* A change went out. @told: there was somebody to tell. */
void pace_changed(struct group *g, enum gkm_how how, bool told);
/*
 * Everybody is out. @told: they were told so and come back soon; else they
 * find out by the silence, within @silence_ms.
 */
void pace_anew(struct group *g, bool told, uint32_t silence_ms);
/* Messages of an earlier run go out once more. */
void pace_resumed(struct group *g);

/* How long a change that is no eviction has to wait; a join; a beat. */
uint32_t pace_wait_ms(const struct group *g);
uint32_t pace_join_ms(const struct group *g);
uint32_t pace_beat_ms(const struct group *g);
/* How long copies of the last change are still on their way. */
uint32_t pace_copies_ms(const struct group *g);

/* Seconds that senders are told to wait, outside of an exclusion. */
uint32_t pace_atd(const struct group *g);
/*
 * Seconds that receivers may still lack the Data SA there is, for who begins
 * with it now: rounded up, but down when it was made by an exclusion.
 */
uint16_t pace_atd_left(const struct group *g);

#endif
