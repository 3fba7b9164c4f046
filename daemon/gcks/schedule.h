/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of a group's keys: the periodic rekey and the beat. */
#ifndef GCKS_SCHEDULE_H
#define GCKS_SCHEDULE_H

#include "gcks/group.h"

void schedule_init(struct group *g);
void schedule_stop(struct group *g);
/* (Re)arm both timers. */
void schedule_start(struct group *g);
/* Send a beat, now or when the change in flight is done. */
void schedule_beat(struct group *g);
/* Make a periodic rekey, now or when the change in flight is done. */
void schedule_periodic(struct group *g);
/* Send the next beat within @ms milliseconds, unless beats are disabled. */
void schedule_beat_soon(struct group *g, uint32_t ms);
/*
 * Rekey as soon as the pace of the group allows. @asked (enum gkm_asked) is
 * what the administrator wants, or 0. If that has to wait, it is stored first,
 * and @done is called with 0 once the store has it. No change may be in flight.
 */
void schedule_rekey(struct group *g, unsigned int asked, const char *why,
		    commit_fn *done, void *arg);

#endif
