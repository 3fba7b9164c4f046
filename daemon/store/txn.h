/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction as an object: its sealed writes and its completion. Private to
 * the files of store/; store.h is the interface.
 */
#ifndef STORE_TXN_H
#define STORE_TXN_H

#include "store/store.h"

struct store_txn {
	struct store_txn *next;
	struct store *s;
	uint64_t number; /* counts the submissions of the store */
	struct wbuf writes;
	char expect[STORE_KEY_MAX]; /* "": no expected version */
	uint64_t from;
	uint64_t to;
	store_done_fn *done; /* NULL: no completion */
	void *arg;
	unsigned int n_audits; /* lines of the audit trail */
	unsigned int n_others; /* other writes */
	uint64_t audit_last; /* seq of the last line, once applied */
	bool ended;
	int ret;
	char why[256];
};

/*
 * Record a write. Return 0, -ENOMEM or -EMSGSIZE; after an error the
 * transaction must be dropped.
 */
int store_txn_put(struct store_txn *t, const char *key, const void *val,
		  size_t len);
int store_txn_del(struct store_txn *t, const char *key);
int store_txn_del_prefix(struct store_txn *t, const char *prefix);
int store_txn_audit(struct store_txn *t, const struct store_audit *a);
/* Return one line on why a transaction of the back end failed with @ret. */
const char *store_txn_why(const struct store_ops *ops, void *ctx, int ret);
/* Pass the lines of an applied transaction to the sink of the store. */
void store_txn_sink(const struct store_txn *t);
/* Free the transactions of @s that were submitted and have not ended. */
void store_txn_free_all(struct store *s);

#endif
