/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key encapsulation with ML-KEM (FIPS 203): who begins has a key pair that is
 * used once, and the other encapsulates a secret for it. Values have the form of
 * the KE payload (draft-ietf-ipsecme-ikev2-mlkem): the encapsulation key, and
 * the ciphertext.
 *
 * OpenSSL has ML-KEM from version 3.5 on. Whether it does is found out at run
 * time, so that a program that was built with an older version uses a newer one.
 */
#ifndef CRYPTO_KEM_H
#define CRYPTO_KEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/iana.h"

#define KEM_SHARED_LEN 32

struct kem;

/* Return the name that OpenSSL has for a method, or NULL if it is none. */
const char *kem_name(unsigned int method);
/* Return true if the OpenSSL of this process has the method. */
bool kem_available(unsigned int method);
/* Return octets, 0 if the method is unknown. */
size_t kem_public_len(unsigned int method);
size_t kem_cipher_len(unsigned int method);
/*
 * Make a key pair; *@out is freed with kem_free(). Returns 0, -EOPNOTSUPP if
 * OpenSSL lacks the method, -EIO or -ENOMEM.
 */
int kem_new(unsigned int method, struct kem **out);
void kem_free(struct kem *kem);
unsigned int kem_method(const struct kem *kem);
/* Return kem_public_len() octets, valid as long as @kem. */
const uint8_t *kem_public(const struct kem *kem);
/*
 * Encapsulate a secret for the key @pub: @cipher gets kem_cipher_len() octets,
 * and @shared, a secret, KEM_SHARED_LEN. Returns 0, -EOPNOTSUPP, -EIO, or
 * -EBADMSG if the key has another length or does not pass the check of FIPS 203
 * section 7.2; after an error @shared is wiped.
 */
int kem_encapsulate(unsigned int method, const uint8_t *pub, size_t len,
		    uint8_t *cipher, uint8_t *shared);
/*
 * Compute the secret of a ciphertext. Returns 0, -EIO, or -EBADMSG if it has
 * another length; then @shared is wiped. One that was altered gives another
 * secret and no error (FIPS 203 section 6.3).
 */
int kem_decapsulate(const struct kem *kem, const uint8_t *cipher, size_t len,
		    uint8_t *shared);

#endif
