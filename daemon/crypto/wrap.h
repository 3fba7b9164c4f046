/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES key wrap with padding (RFC 5649), the Key Wrap Algorithms of G-IKEv2 (RFC
 * 9838 section 4.5.4).
 */
#ifndef CRYPTO_WRAP_H
#define CRYPTO_WRAP_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/iana.h"

#define KWA_MAX_KEY 32
/* Octets that can be wrapped: RFC 9838 requires up to 256. */
#define WRAP_MAX 256
#define WRAP_MAX_OUT (WRAP_MAX + 8)

/* Return the octets of the wrapping key, 0 if unknown. */
size_t wrap_key_len(unsigned int kwa);
/* Return the octets of @m wrapped octets: 8 * ceil(m / 8) + 8. */
size_t wrap_len(size_t m);
/*
 * Wrap @in into wrap_len(@len) octets. Returns 0, -EOPNOTSUPP for an unknown
 * @kwa or a key of another length, -EINVAL for @len 0 or above WRAP_MAX, or
 * -EIO.
 */
int wrap_key(unsigned int kwa, const uint8_t *kwk, size_t kwk_len,
	     const uint8_t *in, size_t len, uint8_t *out);
/*
 * Unwrap @in; *@out_len gets the length of the result, at most @size. Returns
 * 0; -EBADMSG if the integrity check fails or the length is impossible, -ENOSPC
 * if @size is too small, or -EIO, each with @out wiped; or -EOPNOTSUPP for an
 * unknown @kwa or a key of another length.
 */
int unwrap_key(unsigned int kwa, const uint8_t *kwk, size_t kwk_len,
	       const uint8_t *in, size_t len, uint8_t *out, size_t size,
	       size_t *out_len);

#endif
