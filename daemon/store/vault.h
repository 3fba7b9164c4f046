/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seal key (crypto/sealkey.h), and the stores sealed with it. To change the key, the
 * new one is written beside it (".new"), and the first store names it in a record that
 * the old one seals. Then each store is resealed in one transaction, the first one last,
 * and the new key replaces the old one. If that is interrupted, vault_open() finds each
 * store under one of the two keys, and completes the change. A ".new" without such a
 * record is not used but removed: whoever can write there may have put it there.
 *
 * A key that is wrapped is unwrapped by vault_open() only, before the process is
 * confined. A key that systemd passes as a credential cannot be written: a new one is
 * passed beside the former at a start, where vault_open() finds a change to complete.
 */
#ifndef STORE_VAULT_H
#define STORE_VAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

/* The stores of a vault, by their places in its arrays. */
enum {
	VAULT_MAIN, /* names the key of a change in progress */
	VAULT_WITNESS,
	VAULT_STORES,
};

struct sealer;
struct sealkey;
struct sealkey_cfg;
struct store;

struct vault {
	struct sealkey *key;
	struct sealer *sealer;
	struct sealer *next; /* key of a change in progress, or NULL */
	struct store *store[VAULT_STORES];
};

/*
 * Open key and stores; @make creates a missing key. Returns 0, or -errno with
 * one line in @err. vault_close() must be called in either case.
 */
int vault_open(struct vault *v, const struct sealkey_cfg *key,
	       const char *const paths[VAULT_STORES], bool make,
	       struct err *err);
/*
 * Open copies of the stores in memory (store_open_copy()). A change of the key that
 * was interrupted is not completed: no file changes. Returns 0, or -errno with one
 * line in @err. vault_close() must be called in either case.
 */
int vault_open_copy(struct vault *v, const struct sealkey_cfg *key,
		    const char *const paths[VAULT_STORES], struct err *err);
/*
 * Change the key. Returns 0, or -errno with one line in @err: each store is
 * then under the key that its struct has, and the next vault_open() completes
 * the change.
 */
int vault_rekey(struct vault *v, struct err *err);
void vault_close(struct vault *v);

#endif
