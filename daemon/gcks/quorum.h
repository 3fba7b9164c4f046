/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies and orders that a quorum of administrators has signed: who has signed one,
 * whether the key server may apply it, and the application.
 *
 * The version of a policy is the one after that which is applied, so that none comes
 * back. So is the number of an order, which also has a time until which it is valid; an
 * eviction that enough have signed may skip up to QUORUM_SKIPPED numbers.
 * The same document again is no other order: an eviction is tried again, or confirmed by
 * further signatures.
 */
#ifndef GCKS_QUORUM_H
#define GCKS_QUORUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/signed.h"
#include "gcks/applied.h"
#include "gcks/gcks.h"
#include "gcks/signed_orders.h"
#include "lib/err.h"

struct conf_document;

/* Evictions in a group that one administrator may have unconfirmed at a time. */
#define QUORUM_UNCONFIRMED 16
/* Numbers that emergencies may use while others sign an eviction. */
#define QUORUM_SKIPPED 255

struct quorum_signer {
	char identity[SIGNED_ID_MAX]; /* "" if the certificate is missing */
	bool counts;
	char why[200]; /* why it does not count, else "" */
};

/* Result of the check of a document. */
struct quorum_verdict {
	struct conf_document *doc; /* NULL if it cannot be read */
	struct quorum_signer signers[SIGNED_SIGNERS];
	size_t n_signers;
	size_t n_counted; /* administrators among them, each once */
	unsigned int needed; /* number of them that is enough */
	uint64_t version; /* the applied one, or the last number of an order; 0: none */
	bool waits; /* an eviction that was carried out and waits for confirmation */
	bool again; /* the same document as the last order */
	int ret; /* 0: it may be applied, or -errno, with the reason */
	struct err refusal;
};

/* Return NULL if there is no quorum, and each change is that of the file. */
const struct conf_quorum *quorum_of(const struct gcks *k);
/*
 * Check @text, which is a signed document or one that nobody has signed yet, as a
 * policy of @group. Returns NULL without memory; freed by quorum_free().
 */
struct quorum_verdict *quorum_check(struct gcks *k, const char *group,
				    const char *text, size_t len);
void quorum_free(struct quorum_verdict *v);
/* Pass to @fn what would change, line by line, if there is a document. */
void quorum_list_changes(struct gcks *k, const struct quorum_verdict *v,
			 conf_change_fn *fn, void *arg);

/*
 * Apply a document: the store has it before the group changes. An eviction that is
 * ordered again, or that finds the identity denied, is done.
 * @done is called once, perhaps before this returns; after an error other than
 * -EINPROGRESS nothing has changed, and after that one the document is stored, and
 * the next reload or start goes on with it.
 */
void quorum_apply(struct gcks *k, const char *group, const char *text,
		  size_t len, gcks_done_fn *done, void *arg);
/* Pass the applied versions of @group to @fn, as applied_each() does. */
int quorum_history(struct gcks *k, const char *group, applied_fn *fn,
		   void *arg);

/* Pass evictions that wait for confirmation to @fn, as signed_orders_waiting() does. */
int quorum_waiting(struct gcks *k, const char *group, signed_order_fn *fn,
		   void *arg);
/* Return the identity that documents have to name, "" if there is none. */
const char *quorum_key_server(const struct gcks *k);
/* Return the number of the last order for @group, 0 if there is none. */
uint64_t quorum_last_order(struct gcks *k, const char *group);

#endif
