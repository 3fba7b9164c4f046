/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain digests for protocol fields. SHA-1 is used only in NAT_DETECTION_* and
 * CERTREQ (RFC 7296 sections 2.23 and 3.7), where no security depends on it.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define HASH_SHA1_LEN 20
#define HASH_SHA256_LEN 32

/* Hash the @n pieces concatenated. Return 0, -ENOMEM or -EIO. */
int hash_sha1(const struct iovec *iov, size_t n, uint8_t out[HASH_SHA1_LEN]);
int hash_sha256(const struct iovec *iov, size_t n,
		uint8_t out[HASH_SHA256_LEN]);

/* Compare in time that depends on @n only; for MACs, cookies and tokens. */
bool crypto_equal(const void *a, const void *b, size_t n);

#endif
