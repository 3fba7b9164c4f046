/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that is granted, by a batch (gcks/batch.h) or at once
 * (gcks/registration.h), or refused: its record in the store, and what it changes of
 * its member. Requests that wait are in gcks/waiting.h.
 */
#ifndef GCKS_JOIN_H
#define GCKS_JOIN_H

#include "gcks/group.h"

struct gkm_change;

/*
 * Answer @j with @notify and free it, with a record in log and audit trail.
 */
void join_refuse(struct group *g, struct join_req *j, uint16_t notify,
		 const char *why);
/* Refuse all requests that wait, since the change that they wait for has failed. */
void join_refuse_all(struct group *g);
/*
 * Give @j Sender-IDs out of @c. Every sender gets at least one; beyond that,
 * one must be left for each of the @others requests that wait.
 */
void join_give_sids(struct group *g, struct gkm_change *c, struct join_req *j,
		    uint32_t others);
/*
 * Write the changes that @j makes to j->m. Must run within a transaction of
 * the store. @now is in seconds since 1970. Returns 0 or -errno.
 */
int join_put(struct group *g, struct join_req *j, int64_t now);
/* Apply the same changes in memory, once the store has them. */
void join_apply(struct group *g, struct join_req *j, int64_t now);

#endif
