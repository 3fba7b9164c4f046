/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders of an administrator to a group. Each waits for the change in flight,
 * and is answered when its own change is done.
 */
#ifndef GCKS_ORDERS_H
#define GCKS_ORDERS_H

#include "gcks/group.h"

enum order_kind {
	ORDER_EVICT,
	ORDER_EVICT_AHEAD, /* an identity that may be no member */
	ORDER_ADMIT,
	ORDER_REKEY,
	ORDER_RENEW_SIGNING_KEY,
	ORDER_RESET,
	ORDER_POLICY,
	ORDER_CLOSE,
};

struct policy;

void orders_init(struct group *g);
/* Answer orders that wait with -ECANCELED. */
void orders_free(struct group *g);
/* Move all orders that wait at @from to @to. */
void orders_move(struct group *from, struct group *to);
/*
 * Queue an order. @identity must be normalised and is copied; "" if the order
 * has none. @done is called once, perhaps before this returns.
 */
void orders_add(struct group *g, enum order_kind kind, const char *identity,
		gcks_done_fn *done, void *arg);
/*
 * Queue the adoption of @policy, which is taken over; its version is ignored.
 * @done is called once, perhaps before this returns.
 */
void orders_add_policy(struct group *g, struct policy *policy,
		       gcks_done_fn *done, void *arg);
/*
 * The same for the policy of a start, which is tried until it is adopted, another one
 * is ordered or the group ends. Nothing happens before this returns.
 */
void orders_start_policy(struct group *g, struct policy *policy);
/*
 * Run the next order. Returns false if there is none or a change is in flight.
 */
bool orders_run(struct group *g);
/*
 * The same in a group that is closing: identities are still denied and admitted,
 * and all other orders are answered with -ECANCELED.
 */
bool orders_run_last(struct group *g);
/* Return true if an order waits. */
bool orders_wait(const struct group *g);

#endif
