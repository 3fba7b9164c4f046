/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group part of registration, and of leaving: requests are gathered into
 * batches, a batch is one change of keys (gkm.h), and only when that is done
 * are the joiners answered, with keys that nobody has used before.
 *
 * Who is a member already and registers again changes nothing for others: it
 * gets what is current, and fresh Sender-IDs.
 */
#ifndef GCKS_BATCH_H
#define GCKS_BATCH_H

#include "gcks/group.h"

struct gkm_change;

void batch_init(struct group *g);
void batch_free(struct group *g);

/* @identity is authenticated and normalised. */
enum gike_when registration_request(struct group *g, struct ike_sa *sa,
				    const struct gike_req *req,
				    const char *identity,
				    struct gike_reply *reply);
/* Takes a member out now and keeps it out. After an error it is still in. */
int batch_evict(struct group *g, struct gmember *m);
/* Whether a request of @identity waits for its batch. */
bool batch_waits(const struct group *g, const char *identity);
/* Marks for the next batch and arms it. */
void batch_leave_later(struct group *g, struct gmember *m);
/* The same, not before @wait_ms are over. */
void batch_leave_in(struct group *g, struct gmember *m, uint32_t wait_ms);

/* ---- for registration.c ------------------------------------------------------ */

void join_free(struct join_req *j);
/* Sends j->m what is current. */
void join_answer(struct group *g, struct join_req *j);
/* Writes what @j makes of j->m, within a transaction. */
int join_put(struct group *g, struct join_req *j, int64_t now);
/* The same in memory, once the store has it. */
void join_settle(struct group *g, struct join_req *j, int64_t now);
/* Puts @j behind those that wait. */
void join_wait(struct group *g, struct join_req *j);
/* Sender-IDs there are */
uint32_t batch_sid_limit(const struct group *g);
/*
 * Everyone gets one; what is beyond it must leave one to each of the @others
 * that wait.
 */
void join_give_sids(struct group *g, struct gkm_change *c, struct join_req *j,
		    uint32_t others);
bool batch_full(const struct group *g, uint32_t members);
/* The batch is due after @delay ms at the latest. */
void batch_arm(struct group *g, uint64_t delay);
/* One change for all that waits, or for the eviction of @deny alone. */
int batch_flush(struct group *g, struct gmember *deny);

#endif
