/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of orders that administrators have signed: the last one of each group, those
 * that are not carried out yet, the latest of each identity, and evictions that one
 * administrator alone has ordered and others have to confirm. Such
 * an eviction stays in force, whether it is confirmed or not: when its deadline passes,
 * the log, the audit trail and the health of the key server say that it is not.
 */
#ifndef GCKS_SIGNED_ORDERS_H
#define GCKS_SIGNED_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "gcks/gcks.h"
#include "lib/err.h"
#include "store/store.h"

struct group;

/* An order; strings are valid until the call returns that passes it. */
struct signed_order {
	uint64_t number;
	const char *identity;
	const char *document;
	bool evict; /* false: admit */
	int64_t until; /* as unfinished: the end of its time, in seconds since 1970 */
	/* An eviction that waits for its confirmation has these: */
	const char *by; /* the administrator */
	int64_t deadline; /* in seconds since 1970 */
	bool notified; /* log and trail say that the deadline has passed */
};

typedef int signed_order_fn(void *arg, const struct signed_order *o);

/*
 * Get the number of the last order for @group, 0 if there is none, and its document
 * unless @text is NULL, to be freed with free(). Returns 0 or -errno.
 */
int signed_orders_last(struct store *s, const char *group, uint64_t *number,
		       char **text);
/*
 * Pass evictions of @group that wait for confirmation to @fn. Returns 0, -errno, or
 * what @fn returned.
 */
int signed_orders_waiting(struct store *s, const char *group,
			  signed_order_fn *fn, void *arg);
/*
 * Return 1 if an order about @identity, which is normalised, is not carried out yet, and
 * set @evict; 0 if there is none, or -errno.
 */
int signed_orders_unfinished(struct store *s, const char *group,
			     const char *identity, bool *evict);
/* The following four run within a transaction of the store. Return 0 or -errno. */
int signed_orders_put_last(struct store *s, const char *group,
			   const struct signed_order *o);
int signed_orders_put_waiting(struct store *s, const char *group,
			      const struct signed_order *o);
int signed_orders_del_waiting(struct store *s, const char *group,
			      const char *identity);
/* Record @o as unfinished, in the place of an earlier one about its identity. */
int signed_orders_put_unfinished(struct store *s, const char *group,
				 const struct signed_order *o);

/*
 * Let @g carry out @o, which has a record as unfinished, and delete that record when @o
 * is done. After a failure, and after the next start, @o is carried out again, an
 * admission only until its time is over. @done is called once, perhaps before this
 * returns.
 */
void signed_orders_execute(struct group *g, const struct signed_order *o,
			   gcks_done_fn *done, void *arg);

/*
 * The store of @g was restored from an older copy: drop admissions that are not carried
 * out yet, as their identities may have been evicted since, and go on behind the last
 * number that the witness has. Waits for the store. Returns 0, or -errno with one line
 * in @err.
 */
int signed_orders_disown(struct group *g, struct err *err);

/* Report deadlines that have passed, and arm the timer of the next one. */
void signed_orders_watch(struct gcks *k);
/* The same, and carry out what the last run has left, by the event loop. */
void signed_orders_start(struct gcks *k);
void signed_orders_init(struct gcks *k);
void signed_orders_stop(struct gcks *k);

#endif
