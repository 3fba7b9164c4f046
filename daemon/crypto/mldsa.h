/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ML-DSA (FIPS 204) in certificates and AUTH, by draft-ietf-ipsecme-ikev2-pqc-auth:
 * the Digital Signature method of RFC 7427 with the AlgorithmIdentifier of RFC 9881, no
 * context, and the identity hash.
 *
 * OpenSSL has it from version 3.5 on. Whether it does is found out at run time, so that
 * a program that was built with an older version uses a newer one, and keys that it
 * lacks are refused by name.
 */
#ifndef CRYPTO_MLDSA_H
#define CRYPTO_MLDSA_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "crypto/sign.h"
#include "lib/err.h"

/* Return the name of a type, "ML-DSA-65", or NULL if it is another one. */
const char *mldsa_name(enum sig_type type);
/* Return the octets of a signature, 0 for other types. */
size_t mldsa_sig_len(enum sig_type type);
/* Return true if the OpenSSL of this process has the type. */
bool mldsa_available(enum sig_type type);
/* Return the type of a key or an algorithm, 0 for others. */
enum sig_type mldsa_of_key(const EVP_PKEY *key);
enum sig_type mldsa_of_oid(const ASN1_OBJECT *oid);
/* Get the DER AlgorithmIdentifier of its signatures. Returns its octets, 0 for others. */
size_t mldsa_alg(enum sig_type type, uint8_t der[static SIG_MAX_ALG]);
/* Make a key. Returns NULL if OpenSSL lacks the type. */
EVP_PKEY *mldsa_generate(enum sig_type type);
/*
 * Return true if a key with this algorithm is one that OpenSSL lacks, with the reason in
 * @err: "@what of ML-DSA-65, for which...". The same for the key in a certificate.
 */
bool mldsa_lacks(const ASN1_OBJECT *oid, const char *what, struct err *err);
bool mldsa_lacks_cert_key(const X509 *x, struct err *err);

#endif
