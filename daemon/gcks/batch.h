/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group side of registration and of leaving. Requests are gathered into
 * batches, and a batch is one change of keys (gkm.h). Joiners are answered when
 * that change is done and not before, with keys that nobody has used (backward
 * access control, RFC 9838 section 3).
 *
 * A member that registers again changes nothing for others: it gets the current
 * SAs and fresh Sender-IDs. Otherwise a crowd that registers again would rekey
 * the group without end.
 */
#ifndef GCKS_BATCH_H
#define GCKS_BATCH_H

#include "gcks/group.h"

struct gkm_change;
struct policy;

void batch_init(struct group *g);
/* Drop all pending requests without an answer; for a group that goes away. */
void batch_free(struct group *g);
/*
 * Make one change for everything that waits: now, or when the change in flight
 * is done, or as soon as the pace of the group allows it.
 */
void batch_flush(struct group *g);
/*
 * Return why the group needs a reset, or NULL: Sender-IDs, Key IDs and Message
 * IDs must never be given out twice, and their number is finite.
 */
const char *batch_used_up(const struct group *g);
/*
 * Take @m out at once and deny its identity. After an error @m is still a
 * member. No change may be in flight. @done is called once with 0 or -errno.
 * If Key IDs or Message IDs are used up, the group is reset instead, as by
 * batch_exclude(): all members are out then, and pace_stale_ms() tells the rest.
 */
void batch_evict(struct group *g, struct gmember *m, commit_fn *done,
		 void *arg);
/*
 * Take out at once every member that @policy does not admit (gmc_member_refusal()).
 * @policy is taken over and becomes the group's; NULL is the group's own policy. One
 * change takes out as many members as its message can announce: if others are left,
 * g->exclude_pending is true, and the next batch takes them out when pace_exclude_ms()
 * allows it, also after a failure and a restart.
 * No change may be in flight. @done may be NULL, and is called once with 0 or
 * -errno.
 */
void batch_exclude(struct group *g, struct policy *policy, commit_fn *done,
		   void *arg);

/* Return true if a group of so many members can have no more. */
bool batch_full(const struct group *g, uint32_t members);

#endif
