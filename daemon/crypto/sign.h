/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures as IKEv2 carries them: RFC 7427 (an AlgorithmIdentifier and a
 * value), RFC 8420 (Ed25519). SHA-1, RSA under 2048 bits, PKCS#1 v1.5, and
 * curves other than P-256 and P-384 are refused everywhere.
 */
#ifndef CRYPTO_SIGN_H
#define CRYPTO_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

enum sig_type {
	SIG_ED25519 = 1,
	SIG_ECDSA_P256,
	SIG_ECDSA_P384,
	/* RSASSA-PSS, SHA-256, salt of 32 */
	SIG_RSA_PSS,
};

/* RFC 7427 7, RFC 8420: for SIGNATURE_HASH_ALGORITHMS */
enum sig_hash {
	SIG_HASH_SHA2_256 = 2,
	SIG_HASH_SHA2_384 = 3,
	SIG_HASH_SHA2_512 = 4,
	SIG_HASH_IDENTITY = 5,
};

/* RSA with 8192 bits; nothing longer is read. */
#define SIG_MAX_LEN 1024
#define SIG_MAX_ALG 255
#define SIG_MAX_SPKI 2048

struct sigkey;
struct sigpub;

/* The shortest RSA key that is taken */
#define SIG_RSA_MIN_BITS 2048

/* ---- private keys ---- */

/*
 * Where a private key is: in this process (sigkey_load() and the like), or
 * somewhere that signs for it, as a process for keys or a token does. An
 * operation returns when it is done; @ctx is what sigkey_with() was given.
 */
struct sigkey_ops {
	/*
	 * Signs as the key's algorithm says. @sig has room for SIG_MAX_LEN
	 * octets, *@sig_len gets how many there are. 0 or -errno.
	 */
	int (*sign)(void *ctx, const void *msg, size_t len, uint8_t *sig,
		    size_t *sig_len);
	/*
	 * As sigkey_to_der(). NULL: the key does not leave where it is, and a
	 * group's signing key, which the store keeps, cannot be such a one.
	 */
	int (*to_der)(void *ctx, uint8_t **der, size_t *len);
	/* Called once, by sigkey_free() */
	void (*free)(void *ctx);
};

/*
 * A key by its operations. @pub is its public key, which is copied, and @alg the
 * DER AlgorithmIdentifier of its signatures. 0, -EOPNOTSUPP (@alg is not one of
 * such a key), -ENOMEM; @ctx stays the caller's then.
 */
int sigkey_with(const struct sigkey_ops *ops, void *ctx,
		const struct sigpub *pub, const uint8_t *alg, size_t alg_len,
		struct sigkey **out);
/*
 * PEM, unencrypted. A file that others than its owner may read is refused
 * (-EPERM): what was readable has been read. @err gets the reason in words.
 */
int sigkey_load(const char *path, struct sigkey **out, struct err *err);
int sigkey_generate(enum sig_type type, struct sigkey **out);
/*
 * PKCS#8 DER; *@der is for secret_free(). For the sealed store. -EOPNOTSUPP when
 * the key does not leave where it is.
 */
int sigkey_to_der(const struct sigkey *key, uint8_t **der, size_t *len);
int sigkey_from_der(const uint8_t *der, size_t len, struct sigkey **out);
/*
 * PEM to a file that doesn't exist yet, mode 0600, synced. -EOPNOTSUPP for a key
 * that is not in this process.
 */
int sigkey_save(const struct sigkey *key, const char *path, struct err *err);
void sigkey_free(struct sigkey *key);

enum sig_type sigkey_type(const struct sigkey *key);
/* The hash a peer must have announced to check this key's signatures. */
enum sig_hash sigkey_hash(const struct sigkey *key);
/* DER AlgorithmIdentifier of what sig_sign() makes; lives as long as @key. */
void sigkey_alg(const struct sigkey *key, const uint8_t **der, size_t *len);
/*
 * The length sig_sign_len() is to be asked for where a message must know it
 * before it is signed (RFC 9838 2.4.1.1): the only one, or for ECDSA the most
 * common one.
 */
size_t sigkey_sig_len(const struct sigkey *key);
/* *@out is for sigpub_free(). */
int sigkey_pub(const struct sigkey *key, struct sigpub **out);

/* @sig has room for SIG_MAX_LEN octets. 0, or -errno of who has the key. */
int sig_sign(const struct sigkey *key, const void *msg, size_t len,
	     uint8_t *sig, size_t *sig_len);
/*
 * The signature has exactly @want octets (ECDSA signs again until it has).
 * -ERANGE when this key never makes such a length.
 */
int sig_sign_len(const struct sigkey *key, const void *msg, size_t len,
		 uint8_t *sig, size_t want);

/* ---- public keys ---- */

/*
 * DER SubjectPublicKeyInfo, all of it. -EBADMSG, or -EOPNOTSUPP for a key of
 * a kind or size that we don't take.
 */
int sigpub_from_spki(const uint8_t *der, size_t len, struct sigpub **out);
/* Lives as long as @pub. */
void sigpub_spki(const struct sigpub *pub, const uint8_t **der, size_t *len);
enum sig_type sigpub_type(const struct sigpub *pub);
bool sigpub_equal(const struct sigpub *a, const struct sigpub *b);
void sigpub_free(struct sigpub *pub);
/*
 * A short name for logs and status: the first octets of the SHA-256 of its
 * SubjectPublicKeyInfo in hex. "" on failure.
 */
#define SIGPUB_NAME_LEN 17
const char *sigpub_name(const struct sigpub *pub,
			char buf[static SIGPUB_NAME_LEN]);

/*
 * Whether signatures of @alg (DER AlgorithmIdentifier) can come from @pub: key
 * type and curve are compared, since octets can't be (RFC 9838 4.5.3.2).
 */
bool sigpub_fits_alg(const struct sigpub *pub, const uint8_t *alg,
		     size_t alg_len);
/*
 * 0, -EBADMSG (not its signature), -EOPNOTSUPP (@alg unknown, weak, or not one
 * of this key).
 */
int sig_verify(const struct sigpub *pub, const uint8_t *alg, size_t alg_len,
	       const void *msg, size_t len, const uint8_t *sig, size_t sig_len);
/* "Ed25519", "ECDSA with P-256" ... */
const char *sig_type_str(enum sig_type type);

#endif
