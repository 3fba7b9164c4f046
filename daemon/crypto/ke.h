/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key exchange methods of IKEv2 (transform type 4) in one form: who begins makes
 * an offer, and the other answers it at once. Both are data of a KE payload. A
 * method is a curve (dh.h) or ML-KEM (kem.h).
 */
#ifndef CRYPTO_KE_H
#define CRYPTO_KE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/iana.h"

#define KE_MAX_SHARED 48

struct ke;

/* A secret, wiped by ke_wipe(). */
struct ke_shared {
	size_t len;
	uint8_t p[KE_MAX_SHARED];
};

/* Data that answer an offer. */
struct ke_answer {
	size_t len;
	uint8_t p[KE_MAX_DATA];
};

/* Return true for a method of this implementation that OpenSSL has, too. */
bool ke_available(unsigned int method);
/* Return the version of the OpenSSL of this process, "3.5.1". */
const char *ke_library(void);
/* Return "x25519", "p-256", "p-384", "ml-kem-768", "ml-kem-1024", or "?". */
const char *ke_name(unsigned int method);
/* Return the method of a name, 0 if there is none. */
unsigned int ke_by_name(const char *name);
/*
 * Make an offer; *@out is freed with ke_free(). Returns 0, -EOPNOTSUPP, -EIO or
 * -ENOMEM.
 */
int ke_new(unsigned int method, struct ke **out);
void ke_free(struct ke *ke); /* NULL is allowed */
unsigned int ke_method(const struct ke *ke);
/* Return the octets of the offer, valid as long as @ke. */
const uint8_t *ke_offer(const struct ke *ke, size_t *len);
/*
 * Answer an offer. Returns 0, -EBADMSG if it is malformed, -EOPNOTSUPP, -EIO or
 * -ENOMEM; after an error @shared is wiped.
 */
int ke_answer(unsigned int method, const uint8_t *offer, size_t len,
	      struct ke_answer *answer, struct ke_shared *shared);
/* Compute the secret by the answer to @ke. Errors are those of ke_answer(). */
int ke_finish(const struct ke *ke, const uint8_t *answer, size_t len,
	      struct ke_shared *shared);
void ke_wipe(struct ke_shared *shared);

#endif
