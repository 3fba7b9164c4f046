/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group part of registration, and of leaving: requests are gathered into
 * batches, a batch is one change of keys (gkm.h), and only when that is done
 * are the joiners answered, with keys that nobody has used before.
 *
 * A member that registers again changes nothing for others, or crowds would keep
 * each other from settling: it gets what is current, and fresh Sender-IDs.
 */
#ifndef GCKS_BATCH_H
#define GCKS_BATCH_H

#include "gcks/group.h"

struct gkm_change;
struct policy;

void batch_init(struct group *g);
/* Nobody is told; the group goes. */
void batch_free(struct group *g);
/*
 * One change for all that waits, now, or when the change in flight is done, or
 * as soon as the next may go.
 */
void batch_flush(struct group *g);
/*
 * Takes a member out at once and keeps it out. After an error it is still in.
 * No change may be in flight.
 */
void batch_evict(struct group *g, struct gmember *m, commit_fn *done,
		 void *arg);
/*
 * Takes out at once whoever has a right that @policy, which is taken over and
 * becomes the group's, has not; by the group's own policy if it is NULL. As
 * many as one change can tell of: policy_keeps() says who is left. There must
 * be somebody. No change may be in flight.
 */
void batch_expel(struct group *g, struct policy *policy, commit_fn *done,
		 void *arg);
/* Answers all of @l: 0, or an error for which they are still in. */
void batch_tell_leavers(struct group *g, struct leavers *l, int ret);

/* ---- for registration.c -------------------------------------------------- */

/* Answers @j so, with a line in log and audit trail, and frees it. */
void join_refuse(struct group *g, struct join_req *j, uint16_t notify,
		 const char *why);
/* Sends j->m what is current. */
void join_answer(struct group *g, struct join_req *j);
/* Writes what @j makes of j->m, within a transaction. */
int join_put(struct group *g, struct join_req *j, int64_t now);
/* The same in memory, once the store has it. */
void join_settle(struct group *g, struct join_req *j, int64_t now);
/*
 * Everyone gets one; what is beyond it must leave one to each of the @others
 * that wait.
 */
void join_give_sids(struct group *g, struct gkm_change *c, struct join_req *j,
		    uint32_t others);
bool batch_full(const struct group *g, uint32_t members);

#endif
