/* SPDX-License-Identifier: Apache-2.0 */
/* Random octets from OpenSSL's generator, which tests can replace. */
#ifndef CRYPTO_RAND_H
#define CRYPTO_RAND_H

#include <stddef.h>

/*
 * Fill @p with random octets. Returns 0, or -EIO if the generator fails: the
 * caller must then give up.
 */
int rand_bytes(void *p, size_t n);

/*
 * For tests: take octets from @fn until it is set to NULL. This does not affect
 * OpenSSL's own draws (EC and RSA key generation, ECDSA nonces).
 */
void crypto_rand_set_test(void (*fn)(void *ctx, void *p, size_t n), void *ctx);

#endif
