/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests of the keys of the kernel's SAs, in a file that lives as long as these
 * do: over a restart of the daemon and not over one of the machine. The kernel
 * tells no keys, so this is how a member that was restarted finds out whether
 * an SA of the kernel's is the one that the key server means.
 */
#ifndef APP_KEY_NOTES_H
#define APP_KEY_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/hash.h"

struct key_notes;

/*
 * @path and @path.new are ours. A file that cannot be read, or is not as we
 * write it, is logged and counts as none. NULL: no memory.
 */
struct key_notes *key_notes_open(const char *path);
/* The file stays. */
void key_notes_free(struct key_notes *n);

/* @digest NULL: there is no such SA any more. Failures are logged. */
void key_notes_set(struct key_notes *n, const char *group, uint32_t spi,
		   const uint8_t *digest);
/* false: nothing is known of this SA */
bool key_notes_get(struct key_notes *n, const char *group, uint32_t spi,
		   uint8_t digest[HASH_SHA256_LEN]);
/* Forgets what nobody has set or asked for since it was opened. */
void key_notes_prune(struct key_notes *n);

#endif
