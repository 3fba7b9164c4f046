/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain digests, for where a protocol asks for one: SHA-1 only for
 * NAT_DETECTION_* and CERTREQ (RFC 7296 2.23, 3.7), where it is not relied on.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define HASH_SHA1_LEN 20
#define HASH_SHA256_LEN 32

int hash_sha1(const struct iovec *iov, size_t n, uint8_t out[HASH_SHA1_LEN]);
int hash_sha256(const struct iovec *iov, size_t n,
		uint8_t out[HASH_SHA256_LEN]);

/* In time that depends on @n only. For MACs, cookies and tokens. */
bool crypto_equal(const void *a, const void *b, size_t n);

#endif
