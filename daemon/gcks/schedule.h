/* SPDX-License-Identifier: Apache-2.0 */
/* What time does to a group's keys: the periodic rekey and the beat. */
#ifndef GCKS_SCHEDULE_H
#define GCKS_SCHEDULE_H

#include "gcks/group.h"

void schedule_init(struct group *g);
void schedule_stop(struct group *g);
/* (Re)arms the timers of both. */
void schedule_start(struct group *g);
/* Both are due: now, or when the change in flight is done. */
void schedule_beat(struct group *g);
void schedule_periodic(struct group *g);
/* The next beat comes in @ms at the latest, if there is to be one. */
void schedule_beat_soon(struct group *g, uint32_t ms);
/*
 * Rekeys as soon as the pace allows it. @asked (enum gkm_asked) is what the
 * administrator wants, or 0. If that has to wait, then the store is told first,
 * and @done is called with 0 once it has it. No change may be in flight.
 */
void schedule_rekey(struct group *g, unsigned int asked, const char *why,
		    commit_fn *done, void *arg);

#endif
