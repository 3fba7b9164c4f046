/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests of the keys of the kernel's SAs, in a file that survives a restart of
 * the daemon and not of the machine, like the SAs. The kernel does not reveal
 * keys, so this is how a restarted member finds out whether an SA in the kernel
 * is the one that the key server means, and which SAs the kernel has lost.
 */
#ifndef APP_KEY_DIGESTS_H
#define APP_KEY_DIGESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/hash.h"

struct key_digests;

/*
 * Open the file; @path and @path.new belong to this object. A file that is
 * unreadable or malformed is logged and counts as empty. Returns NULL if memory
 * is short.
 */
struct key_digests *key_digests_new(const char *path);
/* Free @n; the file stays. */
void key_digests_free(struct key_digests *d);

/* Store the digest of an SA; @digest NULL deletes it. Errors are logged. */
void key_digests_set(struct key_digests *d, const char *group, uint32_t spi,
		     const uint8_t *digest);
/* Return false if there is no digest of this SA. */
bool key_digests_get(struct key_digests *d, const char *group, uint32_t spi,
		     uint8_t digest[HASH_SHA256_LEN]);
typedef void key_digests_fn(void *arg, const uint8_t digest[HASH_SHA256_LEN]);

/*
 * Delete the digests that were neither set nor read since the file was opened, and
 * tell @gone of each.
 */
void key_digests_prune(struct key_digests *d, key_digests_fn *gone, void *arg);

#endif
