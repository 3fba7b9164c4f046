/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AEADs of the SK payload of IKE SAs and Rekey SAs (RFC 5282, RFC 7634): nonce
 * = salt (last 4 octets of the keying material) | 8-octet IV.
 *
 * The caller must never use an IV twice under a key.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/iana.h"

#define AEAD_IV_LEN 8
#define AEAD_TAG_LEN 16
#define AEAD_SALT_LEN 4
#define AEAD_MAX_KEY 36

/*
 * Return the octets of keying material, salt included: 20 and 36 for AES-GCM
 * with @key_bits 128 and 256; 36 for ChaCha20-Poly1305 with @key_bits 0, as its
 * transform has no Key Length, or 256. Returns 0 if there is no such cipher.
 */
size_t aead_key_len(unsigned int id, unsigned int key_bits);
/*
 * Encrypt @len octets of @in to @out, which gets AEAD_TAG_LEN octets more; @in
 * and @out may be equal. Returns 0, -EOPNOTSUPP if the cipher does not have
 * this key length, or -EIO.
 */
int aead_seal(unsigned int id, const uint8_t *key, size_t key_len,
	      const uint8_t iv[AEAD_IV_LEN], const void *aad, size_t aad_len,
	      const uint8_t *in, size_t len, uint8_t *out);
/*
 * Decrypts. @len includes the tag; @out gets @len - AEAD_TAG_LEN octets and may
 * be equal to @in. Returns 0, -EBADMSG if the tag is wrong, -EOPNOTSUPP or
 * -EIO. After -EBADMSG @out is wiped, so that no unauthenticated plaintext is
 * left.
 */
int aead_open(unsigned int id, const uint8_t *key, size_t key_len,
	      const uint8_t iv[AEAD_IV_LEN], const void *aad, size_t aad_len,
	      const uint8_t *in, size_t len, uint8_t *out);

#endif
