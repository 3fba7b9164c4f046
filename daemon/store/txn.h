/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transaction as an object: what is to be written, sealed already, and whom
 * to tell. For the files of store/ alone; store.h has the rest.
 */
#ifndef STORE_TXN_H
#define STORE_TXN_H

#include "store/store.h"

struct store_txn {
	struct store_txn *next;
	struct store *s;
	struct wbuf writes;
	char expect[STORE_KEY_MAX]; /* "": no version is expected */
	uint64_t from;
	uint64_t to;
	store_done_fn *done; /* NULL: nobody waits for it */
	void *arg;
	bool ended;
	int ret;
	char why[256];
};

/* All return 0, -ENOMEM or -EMSGSIZE; the transaction is of no use then. */
int store_txn_put(struct store_txn *t, const char *key, const void *val,
		  size_t len);
int store_txn_del(struct store_txn *t, const char *key);
int store_txn_del_below(struct store_txn *t, const char *prefix);
int store_txn_audit(struct store_txn *t, const struct store_audit *a);
/* Those of @s that were submitted and have not ended. */
void store_txn_free_all(struct store *s);

#endif
