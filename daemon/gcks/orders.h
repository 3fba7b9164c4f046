/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator asks of a group: each waits for the change in flight
 * and is answered when its own is done.
 */
#ifndef GCKS_ORDERS_H
#define GCKS_ORDERS_H

#include "gcks/group.h"

enum order_kind {
	ORDER_EVICT,
	ORDER_EVICT_AHEAD, /* who may not be a member */
	ORDER_ADMIT,
	ORDER_REKEY,
	ORDER_RENEW_SIGNING_KEY,
	ORDER_RESET,
	ORDER_POLICY,
	ORDER_CLOSE,
};

struct policy;

void orders_init(struct group *g);
/* Those that wait are answered with -ECANCELED. */
void orders_free(struct group *g);
/*
 * @identity is normalised and copied; "" where the order has none. @done is
 * called once, perhaps before this returns.
 */
void orders_give(struct group *g, enum order_kind kind, const char *identity,
		 gcks_done_fn *done, void *arg);
/* Another policy, which is taken over; its version is not looked at. */
void orders_give_policy(struct group *g, struct policy *policy,
			gcks_done_fn *done, void *arg);
/* Runs the next. False: there is none, or a change is in flight. */
bool orders_run(struct group *g);

#endif
