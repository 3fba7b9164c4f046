/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES key wrap with padding (RFC 5649), the Key Wrap Algorithms of G-IKEv2
 * (RFC 9838 4.5.4).
 */
#ifndef CRYPTO_WRAP_H
#define CRYPTO_WRAP_H

#include <stddef.h>
#include <stdint.h>

/* IANA, transform type 13 */
enum kwa_id {
	KWA_5649_128 = 1,
	KWA_5649_192 = 2,
	KWA_5649_256 = 3,
};

#define KWA_MAX_KEY 32
/* What may be wrapped: RFC 9838 asks for up to 256 octets. */
#define WRAP_MAX 256
#define WRAP_MAX_OUT (WRAP_MAX + 8)

/* Octets of the wrapping key; 0 when unknown. */
size_t wrap_key_len(unsigned int kwa);
/* Octets of the wrapped form of @m octets: 8 * ceil(m / 8) + 8. */
size_t wrap_len(size_t m);
/*
 * Writes wrap_len(@len) octets. -EOPNOTSUPP for an unknown @kwa or a key of
 * another length, -EINVAL for @len 0 or over WRAP_MAX.
 */
int wrap_key(unsigned int kwa, const uint8_t *kwk, size_t kwk_len,
	     const uint8_t *in, size_t len, uint8_t *out);
/*
 * Writes at most @size octets and says how many. -EBADMSG when the integrity
 * check fails or the length can't be, -ENOSPC when @size is too small; in
 * each case @out is wiped.
 */
int unwrap_key(unsigned int kwa, const uint8_t *kwk, size_t kwk_len,
	       const uint8_t *in, size_t len, uint8_t *out, size_t size,
	       size_t *out_len);

#endif
