/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of the IANA registries of IKEv2 that algorithms and identities have
 * on the wire, and limits of what crypto/ accepts from there. wire/proto.h has
 * the other numbers.
 */
#ifndef CRYPTO_IANA_H
#define CRYPTO_IANA_H

/* Transform type 1. */
enum ike_encr {
	IKE_ENCR_AES_CBC = 12,
	IKE_ENCR_AES_GCM_16 = 20,
	IKE_ENCR_NULL_AUTH_AES_GMAC = 21,
	IKE_ENCR_CHACHA20_POLY1305 = 28,
	IKE_ENCR_AES_CCM_8_IIV = 29,
	IKE_ENCR_AES_GCM_16_IIV = 30,
	IKE_ENCR_CHACHA20_POLY1305_IIV = 31,
};

/* Transform type 2. */
enum ike_prf_id {
	IKE_PRF_HMAC_SHA2_256 = 5,
	IKE_PRF_HMAC_SHA2_384 = 6,
	IKE_PRF_HMAC_SHA2_512 = 7,
};

/* Transform type 4, and types 6 to 12 (RFC 9370). */
enum ike_ke {
	IKE_KE_P256 = 19,
	IKE_KE_P384 = 20,
	IKE_KE_X25519 = 31,
	IKE_KE_ML_KEM_768 = 36,
	IKE_KE_ML_KEM_1024 = 37,
};

/* Transform type 13 (RFC 9838 section 9). */
enum gike_kwa {
	GIKE_KWA_5649_128 = 1,
	GIKE_KWA_5649_192 = 2,
	GIKE_KWA_5649_256 = 3,
	GIKE_KWA_ARX = 4,
};

/* Values of SIGNATURE_HASH_ALGORITHMS (RFC 7427 section 7, RFC 8420). */
enum ike_hash {
	IKE_HASH_SHA2_256 = 2,
	IKE_HASH_SHA2_384 = 3,
	IKE_HASH_SHA2_512 = 4,
	IKE_HASH_IDENTITY = 5,
};

/* Identification Payload ID Types. */
enum ike_id_type {
	IKE_ID_IPV4_ADDR = 1,
	IKE_ID_FQDN = 2,
	IKE_ID_RFC822_ADDR = 3,
	IKE_ID_IPV6_ADDR = 5,
	IKE_ID_DER_ASN1_DN = 9,
	IKE_ID_DER_ASN1_GN = 10,
	IKE_ID_KEY_ID = 11,
};

/* Limits of this implementation, not of the protocol. */
#define DH_MAX_PUBLIC 96 /* P-384: x and y */
#define KE_MAX_DATA 1568 /* ML-KEM-1024: key and ciphertext */
#define SIG_MAX_LEN 4627 /* ML-DSA-87; RSA of 8192 bits has 1024 */
#define SIG_MAX_ALG 255 /* limit of its one-octet length field */
#define SIG_MAX_SPKI 2624 /* ML-DSA-87 has 2614 */
#define CERT_MAX_LEN 8192 /* octets of one certificate in DER */
#define CERT_MAX_CHAIN 8 /* certificates in a chain, and in one message */

#endif
