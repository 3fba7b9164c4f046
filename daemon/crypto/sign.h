/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of IKEv2: RFC 7427 (an AlgorithmIdentifier and a value), RFC 8420
 * (Ed25519), and ML-DSA where OpenSSL has it (mldsa.h). SHA-1, RSA below 2048
 * bits, PKCS#1 v1.5, and curves other than P-256 and P-384 are not supported.
 */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/iana.h"
#include "lib/err.h"

enum sig_type {
	SIG_ED25519 = 1,
	SIG_ECDSA_P256,
	SIG_ECDSA_P384,
	/* RSASSA-PSS, SHA-256, salt of 32 octets. */
	SIG_RSA_PSS,
	SIG_ML_DSA_44,
	SIG_ML_DSA_65,
	SIG_ML_DSA_87,
};

struct sigkey;
struct sigpub;

/* Shortest RSA key that is accepted. */
#define SIG_RSA_MIN_BITS 2048
#define SIG_RSA_MAX_BITS 8192

/* ---- private keys ------------------------------------------------------- */

/*
 * Operations of a private key that is in this process (sigkey_load() and
 * others), in another one, or in a token. They are synchronous; @ctx is the
 * argument of sigkey_with().
 */
struct sigkey_ops {
	/*
	 * Sign with the key's algorithm. @sig has room for SIG_MAX_LEN octets,
	 * *@sig_len gets the length. Returns 0 or -errno.
	 */
	int (*sign)(void *ctx, const void *msg, size_t len, uint8_t *sig,
		    size_t *sig_len);
	/*
	 * Like sigkey_to_der(). NULL if the key cannot be exported; then it
	 * cannot be a group's signing key, which the store must hold.
	 */
	int (*to_der)(void *ctx, uint8_t **der, size_t *len);
	/* Called once, by sigkey_free(). */
	void (*free)(void *ctx);
};

/*
 * Make a key of operations. @pub is its public key, which is copied; @alg is
 * the DER AlgorithmIdentifier of its signatures. Returns 0, -EOPNOTSUPP if @alg
 * does not fit the key, or -ENOMEM; after an error @ctx stays the caller's.
 */
int sigkey_with(const struct sigkey_ops *ops, void *ctx,
		const struct sigpub *pub, const uint8_t *alg, size_t alg_len,
		struct sigkey **out);
/*
 * Load an unencrypted PEM file, or generate a key; *@out is freed with
 * sigkey_free(). A file that others than its owner may read is rejected
 * (-EPERM), because the key must be considered read. Return 0, or -errno with
 * one line in @err.
 */
int sigkey_load(const char *path, struct sigkey **out, struct err *err);
/* Returns -EOPNOTSUPP if OpenSSL lacks the type. */
int sigkey_generate(enum sig_type type, struct sigkey **out);
/*
 * Export and import PKCS#8 DER, for the sealed store. *@der is freed with
 * secret_free(). Return 0 or -errno; -EOPNOTSUPP if the key cannot be exported.
 */
int sigkey_to_der(const struct sigkey *key, uint8_t **der, size_t *len);
int sigkey_from_der(const uint8_t *der, size_t len, struct sigkey **out);
/*
 * Write PEM to a file that must not exist yet, mode 0600, synced. Returns 0,
 * or -errno with one line in @err; -EOPNOTSUPP if the key is not in this
 * process.
 */
int sigkey_save(const struct sigkey *key, const char *path, struct err *err);
/*
 * Encode as PEM, without encryption. *@pem is freed with secret_free(). Returns 0,
 * -EOPNOTSUPP if the key is not in this process, or -EIO.
 */
int sigkey_pem(const struct sigkey *key, char **pem, size_t *len);
void sigkey_free(struct sigkey *key);

enum sig_type sigkey_type(const struct sigkey *key);
/*
 * Return the hash that a peer must have announced to verify this key's
 * signatures.
 */
enum ike_hash sigkey_hash(const struct sigkey *key);
/* Get the DER AlgorithmIdentifier of sig_sign(); valid as long as @key. */
void sigkey_alg(const struct sigkey *key, const uint8_t **der, size_t *len);
/*
 * Return the length to ask sig_sign_len() for, where a message must know it
 * before it is signed (RFC 9838 section 2.4.1.1): the only one, or the most
 * common one of ECDSA.
 */
size_t sigkey_sig_len(const struct sigkey *key);
/*
 * Copy the public key; *@out is freed with sigpub_free(). Returns 0 or
 * -errno.
 */
int sigkey_pub(const struct sigkey *key, struct sigpub **out);

/*
 * Signs; @sig has room for SIG_MAX_LEN octets. Returns 0, or -errno of the
 * operation.
 */
int sig_sign(const struct sigkey *key, const void *msg, size_t len,
	     uint8_t *sig, size_t *sig_len);
/*
 * Make a signature of exactly @want octets; ECDSA signs again until one has
 * this length. Returns 0, -ERANGE if this key never has such a length, or
 * -errno of the operation.
 */
int sig_sign_len(const struct sigkey *key, const void *msg, size_t len,
		 uint8_t *sig, size_t want);

/* ---- public keys -------------------------------------------------------- */

/*
 * Parse a DER SubjectPublicKeyInfo that must fill @len; *@out is freed with
 * sigpub_free(). Returns 0, -EBADMSG, or -EOPNOTSUPP for an unsupported type or
 * size.
 */
int sigpub_from_spki(const uint8_t *der, size_t len, struct sigpub **out);
/* Get the DER SubjectPublicKeyInfo, valid as long as @pub. */
void sigpub_spki(const struct sigpub *pub, const uint8_t **der, size_t *len);
/*
 * Copy a public key without parsing it again; *@out is freed with
 * sigpub_free(). Returns 0 or -ENOMEM.
 */
int sigpub_dup(const struct sigpub *pub, struct sigpub **out);
enum sig_type sigpub_type(const struct sigpub *pub);
bool sigpub_equal(const struct sigpub *a, const struct sigpub *b);
void sigpub_free(struct sigpub *pub);
/*
 * Write a short name for logs and status: the first octets of the SHA-256 of
 * the SubjectPublicKeyInfo in hex, "" on failure. Returns @buf.
 */
#define SIGPUB_NAME_LEN 17
const char *sigpub_name(const struct sigpub *pub,
			char buf[static SIGPUB_NAME_LEN]);

/*
 * Return true if @pub can make signatures of @alg (DER AlgorithmIdentifier).
 * Key type and curve are compared, since the encodings differ (RFC 9838 section
 * 4.5.3.2).
 */
bool sigpub_fits_alg(const struct sigpub *pub, const uint8_t *alg,
		     size_t alg_len);
/*
 * Verify a signature. Returns 0, -EBADMSG (wrong signature), or -EOPNOTSUPP
 * (@alg is unknown, weak, or does not fit the key).
 */
int sig_verify(const struct sigpub *pub, const uint8_t *alg, size_t alg_len,
	       const void *msg, size_t len, const uint8_t *sig, size_t sig_len);
/* Return a static string: "Ed25519", "ECDSA with P-256" ... */
const char *sig_type_str(enum sig_type type);

#endif
