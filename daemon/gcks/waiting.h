/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to join and members that leave, which wait for the next change of
 * keys, and the time when that is due. gcks/batch.h makes the change.
 */
#ifndef GCKS_WAITING_H
#define GCKS_WAITING_H

#include "gcks/group.h"

/* Append @j to the requests that wait, and remove it. */
void join_wait(struct group *g, struct join_req *j);
void join_take(struct group *g, struct join_req *j);
/* Free @j, which waits nowhere any more; NULL is allowed. */
void join_free(struct join_req *j);
/* The peer of @j, which waits or is about to, was told to ask again. */
void join_put_off(struct group *g, struct join_req *j);
/*
 * Answer @j, which waits, with the time until the batch is due. Meanwhile the peer can use
 * the IKE SA, which has a window of one request, for other groups, and does not take a
 * missing answer for its end.
 */
void join_tell_later(struct group *g, struct join_req *j);
/* Return the request of @identity whose peer was told to ask again, or NULL. */
struct join_req *join_find_put_off(const struct group *g, const char *identity);
/* Put @j into the place of @old, which waits, and free that. */
void join_replace(struct group *g, struct join_req *old, struct join_req *j);
/*
 * Return true if a request of @identity waits, for a batch or to be handled.
 */
bool waiting_has(const struct group *g, const char *identity);
/*
 * Answer and free all of @l. @ret is 0, or the error (-errno) because of
 * which they are still members.
 */
void waiting_answer_leavers(struct group *g, struct leavers *l, int ret);
/*
 * Return members whose leave is due, the first of which waits longest, in an order in
 * which neighbours in the tree follow each other: a message has room for twice as many
 * of them, since they have keys in common. Sets *@n. The caller frees the array; NULL:
 * memory is short.
 */
struct gmember **leavers_due(const struct group *g, uint32_t *n);
/* Return the members that gmc_set_recheck() noted, in such an order; the same. */
struct gmember **rechecks_in_order(const struct group *g, uint32_t *n);
/* Make the batch due within @delay milliseconds. */
void waiting_arm(struct group *g, uint64_t delay);
/* Return true if a request to join, or the answer to a leaver, waits for a batch. */
bool waiting_any(const struct group *g);
/*
 * Note that members are not authorized any more or exposed (gmc.h), for the next batch.
 * One in flight may have checked before, and does not take this back.
 */
void waiting_request_exclude(struct group *g);
/*
 * Note that members are not authorized any more or exposed (gmc.h), and exclude them when
 * pace_exclude_ms() allows it.
 */
void waiting_exclude_soon(struct group *g);
/*
 * Mark @m as leaving with the next batch, and arm it. Returns 0 or -ENOMEM; a member that
 * is reserved (gmember.h) has the memory.
 */
int waiting_leave_later(struct group *g, struct gmember *m);
/* Like waiting_leave_later(), but not before @wait_ms milliseconds are over. */
int waiting_leave_in(struct group *g, struct gmember *m, uint32_t wait_ms);

#endif
