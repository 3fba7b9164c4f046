/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets at rest: AES-256-GCM under a key file, with a random 96-bit nonce
 * in front and the name of what is sealed as associated data, so that one
 * sealed thing can't be put in another's place.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define SEAL_KEY_LEN 32
/* nonce and tag */
#define SEAL_OVERHEAD (12 + 16)

struct sealer;

/*
 * Where a seal key is: in this process (sealer_load(), sealer_new()), or behind
 * somebody who seals and unseals for it. The form of what is sealed is the
 * same: SEAL_OVERHEAD octets more than what is in it.
 */
struct sealer_ops {
	/* As seal() and unseal(); @ctx is what sealer_with() was given. */
	int (*seal)(void *ctx, const char *name, const void *in, size_t len,
		    uint8_t *out);
	int (*unseal)(void *ctx, const char *name, const uint8_t *in,
		      size_t len, void *out);
	/* Called once, by sealer_free() */
	void (*free)(void *ctx);
};

/* 0 or -ENOMEM; @ctx stays the caller's then. */
int sealer_with(const struct sealer_ops *ops, void *ctx, struct sealer **out);

/*
 * Reads 32 octets from @path; with @create a file that isn't there is made
 * (mode 0600, exclusively, synced). A file of another size, or that others
 * may read, is refused. @err gets words.
 */
int sealer_load(const char *path, bool create, struct sealer **out,
		struct err *err);
/* From memory, for tests. */
int sealer_new(const uint8_t key[SEAL_KEY_LEN], struct sealer **out);
void sealer_free(struct sealer *s); /* NULL is harmless */

/* @out gets @len + SEAL_OVERHEAD octets. 0, or -errno of who has the key. */
int seal(const struct sealer *s, const char *name, const void *in, size_t len,
	 uint8_t *out);
/*
 * @out gets @len - SEAL_OVERHEAD octets. -EBADMSG (and @out wiped) when it was
 * sealed by another key, under another name, or changed.
 */
int unseal(const struct sealer *s, const char *name, const uint8_t *in,
	   size_t len, void *out);

#endif
