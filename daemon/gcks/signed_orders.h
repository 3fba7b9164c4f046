/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of orders that administrators have signed: the last one of each group, and
 * evictions that one administrator alone has ordered and others have to confirm. Such
 * an eviction stays in force, whether it is confirmed or not: at the end of its time
 * the log, the audit trail and the health of the key server say that it is not.
 */
#ifndef GCKS_SIGNED_ORDERS_H
#define GCKS_SIGNED_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "store/store.h"

struct gcks;

/* An order; strings are valid until the call returns that passes it. */
struct signed_order {
	uint64_t number;
	const char *identity;
	const char *document;
	/* An eviction that waits for its confirmation has these: */
	const char *by; /* the administrator */
	int64_t deadline; /* in seconds since 1970 */
	bool told; /* log and trail have the end of its time */
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
/* The following three run within a transaction of the store. Return 0 or -errno. */
int signed_orders_put_last(struct store *s, const char *group,
			   const struct signed_order *o);
int signed_orders_put_waiting(struct store *s, const char *group,
			      const struct signed_order *o);
int signed_orders_del_waiting(struct store *s, const char *group,
			      const char *identity);

/* Watch the times of evictions that wait, after each change of them. */
void signed_orders_watch(struct gcks *k);
void signed_orders_init(struct gcks *k);
void signed_orders_stop(struct gcks *k);

#endif
