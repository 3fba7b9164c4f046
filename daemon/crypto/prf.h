/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo-random functions of IKEv2 and prf+ (RFC 7296 2.13, RFC 4868).
 */
#ifndef CRYPTO_PRF_H
#define CRYPTO_PRF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "crypto/iana.h"

#define PRF_MAX_LEN 64

/*
 * Return the octets of output, which is the preferred key length, too; 0 if
 * unknown.
 */
size_t prf_len(unsigned int id);
/*
 * Compute prf(@key, the @n pieces concatenated) into prf_len(@id) octets.
 * Returns 0, -EOPNOTSUPP (unknown @id) or -EIO.
 */
int prf(unsigned int id, const void *key, size_t klen, const struct iovec *iov,
	size_t n, uint8_t *out);
/* Like prf(), over one piece. */
int prf_one(unsigned int id, const void *key, size_t klen, const void *data,
	    size_t len, uint8_t *out);
/*
 * Compute prf+ (RFC 7296 section 2.13): T1 | T2 | ..., T1 = prf(K, S | 0x01),
 * Tn = prf(K, Tn-1 | S | n). Returns 0, -E2BIG beyond 255 blocks, or an error
 * of prf(); then @out is wiped.
 */
int prf_plus(unsigned int id, const void *key, size_t klen, const void *seed,
	     size_t slen, uint8_t *out, size_t outlen);

#endif
