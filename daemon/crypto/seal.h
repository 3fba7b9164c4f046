/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encryption of secrets at rest: AES-256-GCM with a key and a
 * random 96-bit nonce, which is prepended. The name of the record is the
 * associated data, so that a sealed record cannot replace another one.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SEAL_KEY_LEN 32
/* Octets of nonce and tag. */
#define SEAL_OVERHEAD (12 + 16)

struct sealer;

/*
 * Operations of a seal key that is in this process (sealer_load(),
 * sealer_new()) or elsewhere. Sealed data has the same form in each case:
 * SEAL_OVERHEAD octets longer than its contents.
 */
struct sealer_ops {
	/* Like seal() and unseal(); @ctx is the argument of sealer_with(). */
	int (*seal)(void *ctx, const char *name, const void *in, size_t len,
		    uint8_t *out);
	int (*unseal)(void *ctx, const char *name, const uint8_t *in,
		      size_t len, void *out);
	/* Called once, by sealer_free(). */
	void (*free)(void *ctx);
};

/*
 * Make a sealer that uses @ops. Returns 0, or -ENOMEM; then @ctx stays the
 * caller's.
 */
int sealer_with(const struct sealer_ops *ops, void *ctx, struct sealer **out);

/*
 * Read 32 octets from @path, a place of lib/credential.h; with @create a missing file is
 * created (mode 0600, exclusively, synced). A file of another size, or one that others may
 * read, is refused. *@out is freed with sealer_free(). Returns 0, or -errno with
 * one line in @err.
 */
int sealer_load(const char *path, bool create, struct sealer **out,
		struct err *err);
/* Make a sealer of a key in memory. Returns 0 or -ENOMEM. */
int sealer_new(const uint8_t key[SEAL_KEY_LEN], struct sealer **out);
void sealer_free(struct sealer *s); /* NULL is allowed */

/*
 * Seal @len octets of @in; @out gets @len + SEAL_OVERHEAD octets. Returns 0,
 * or -errno of the operation.
 */
int seal(const struct sealer *s, const char *name, const void *in, size_t len,
	 uint8_t *out);
/*
 * Unseal @len octets of @in; @out gets @len - SEAL_OVERHEAD octets. Returns 0,
 * or -EBADMSG with @out wiped if the data was sealed with another key, under
 * another name, or was modified.
 */
int unseal(const struct sealer *s, const char *name, const uint8_t *in,
	   size_t len, void *out);

#endif
