/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRYPTO_RAND_H
#define CRYPTO_RAND_H

#include <stddef.h>

/* 0, or -EIO when the generator refuses: then nothing may go on. */
int rand_bytes(void *p, size_t n);

/*
 * Tests only: octets come from @fn instead, until it is set to NULL. What
 * OpenSSL draws by itself (EC and RSA key generation, ECDSA nonces) does not.
 */
void crypto_rand_set_test(void (*fn)(void *ctx, void *p, size_t n), void *ctx);

#endif
