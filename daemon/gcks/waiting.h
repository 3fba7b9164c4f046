/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for the next change of keys: requests to join, and members that
 * leave; and when that change is due. gcks/batch.h makes it.
 */
#ifndef GCKS_WAITING_H
#define GCKS_WAITING_H

#include "gcks/group.h"

/* Puts @j behind those that wait, and takes it out again. */
void join_wait(struct group *g, struct join_req *j);
void join_take(struct group *g, struct join_req *j);
void join_free(struct join_req *j);
/* Whether a request of @identity waits, in a batch or to be judged. */
bool batch_waits(const struct group *g, const char *identity);
/* The batch is due after @delay ms at the latest. */
void batch_arm(struct group *g, uint64_t delay);
/* Marks for the next batch and arms it. */
void batch_leave_later(struct group *g, struct gmember *m);
/* The same, not before @wait_ms are over. */
void batch_leave_in(struct group *g, struct gmember *m, uint32_t wait_ms);

#endif
