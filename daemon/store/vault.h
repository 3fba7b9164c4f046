/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seal key in a file, and the stores that are sealed with it. The key can be
 * changed: the new one is in a file beside it (".new") before the first store
 * is sealed anew, each store in one transaction, and takes the old one's place
 * when all are. Whenever that is cut short, vault_open() finds each store under
 * one of the two keys, and finishes what was begun.
 */
#ifndef STORE_VAULT_H
#define STORE_VAULT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

#define VAULT_STORES 2

struct sealer;
struct store;

struct vault {
	char key[PATH_MAX];
	struct sealer *sealer;
	struct sealer *next; /* of a change under way, or NULL */
	struct store *store[VAULT_STORES];
};

/*
 * @make: a key that is not there is made. 0 or -errno with one line in @err;
 * vault_close() is for either case.
 */
int vault_open(struct vault *v, const char *key,
	       const char *const paths[VAULT_STORES], bool make,
	       struct err *err);
/*
 * A new key. After an error the stores are as they were, or each under the key
 * that its struct has, and the change is finished by the next vault_open().
 */
int vault_rekey(struct vault *v, struct err *err);
void vault_close(struct vault *v);

#endif
