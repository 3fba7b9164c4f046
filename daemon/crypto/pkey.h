/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL objects shared by the files of crypto/; private to this folder. */
#ifndef CRYPTO_PKEY_H
#define CRYPTO_PKEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/cert.h"
#include "crypto/sign.h"

/* Return the type of a key, 0 if it is not supported. */
enum sig_type pkey_type(const EVP_PKEY *key);
/*
 * Return the digest for signatures; NULL for Ed25519 and ML-DSA, which hash
 * internally.
 */
const EVP_MD *pkey_md(enum sig_type type);
/* Return NULL if the private key is not in this process. */
EVP_PKEY *sigkey_pkey(const struct sigkey *key);
/* Return the context of a key with these operations, else NULL. */
void *sigkey_ctx(const struct sigkey *key, const struct sigkey_ops *ops);
/* Return the public key, valid as long as @key. */
const struct sigpub *sigkey_own_pub(const struct sigkey *key);
EVP_PKEY *sigpub_pkey(const struct sigpub *pub);
/* Take a reference of its own. Returns 0 or -EOPNOTSUPP. */
int sigpub_from_pkey(EVP_PKEY *key, struct sigpub **out);

/*
 * Parse @der, which must be one certificate and nothing more; else returns
 * NULL.
 */
X509 *x509_from_der(const uint8_t *der, size_t len);
/*
 * Get the identity of a certificate, see cert_chain_id(). *@id is freed with
 * free(). Returns 0, -EBADMSG or -ENOMEM.
 */
int x509_id(const X509 *x, uint8_t *type, uint8_t **id, size_t *len);
/* Like cert_match_id(), cert_known_as() and cert_subject(). */
bool x509_match_id(const X509 *x, unsigned int id_type, const void *id,
		   size_t len);
bool x509_known_as(const X509 *x, unsigned int id_type, const void *id,
		   size_t len);
/*
 * Return true if @own of type @own_type is the identity @id, for which cert_id_str()
 * has a text.
 */
bool id_is(unsigned int own_type, const uint8_t *own, size_t n,
	   unsigned int id_type, const void *id, size_t len);
const char *x509_subject(const X509 *x, char *buf, size_t size);
/* The certificates themselves, valid as long as the object. */
struct stack_st_X509 *trust_certs(const struct trust *trust);
struct stack_st_X509 *chain_certs(const struct cert_chain *chain);
/* The chain as it was verified, to the trusted CA. Valid as long as @cert. */
struct stack_st_X509 *cert_certs(const struct cert *cert);
/*
 * Return a context for the verification of @x by way of @certs, or NULL without
 * memory. trust_verified() frees it, and what libcrypto keeps of errors.
 */
X509_STORE_CTX *trust_verification(const struct trust *trust,
				   struct stack_st_X509 *certs, X509 *x,
				   unsigned long flags);
void trust_verified(X509_STORE_CTX *ctx);
/*
 * Return the chain from @x, a CA certificate, by way of @others to a CA of @trust,
 * which may be @x, or NULL. Time is not checked. The caller frees the chain and its
 * certificates.
 */
struct stack_st_X509 *trust_chain_of(const struct trust *trust, X509 *x,
				     struct stack_st_X509 *others);
/*
 * Add references to the certificates of @chain, which ends with a CA of @trust, and to
 * those that this one depends on. Returns 0 or -errno.
 */
int trust_refs_of(const struct trust *trust, struct stack_st_X509 *chain,
		  struct cert_refs *refs);
/*
 * Return the other CA of @trust that has issued @x, one of its CAs, or NULL. Valid as
 * long as @trust.
 */
X509 *trust_above(const struct trust *trust, const X509 *x);

struct pki_req;
struct stack_st_GENERAL_NAME;
/* Get all names of a request as subjectAltName, which the caller frees. */
int pki_san(const struct pki_req *req, struct stack_st_GENERAL_NAME **out,
	    struct err *err);
/* Set a serial number at random. Returns false on failure. */
bool pki_set_serial(X509 *x);
/*
 * Let @x end with @issuer at the latest. Returns 0, -EKEYEXPIRED if that has ended before
 * @x begins, or -ENOMEM.
 */
int pki_cap_end(X509 *x, const X509 *issuer, struct err *err);

/* A PEM password callback that never prompts. */
int pem_no_password(char *buf, int size, int rwflag, void *ctx);

#endif
