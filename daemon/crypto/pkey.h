/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of crypto/ show each other of OpenSSL; nobody else includes
 * this.
 */
#ifndef CRYPTO_PKEY_H
#define CRYPTO_PKEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "crypto/cert.h"
#include "crypto/sign.h"

/* The kind of key that this is, or 0 when it is none that we take. */
enum sig_type pkey_type(const EVP_PKEY *key);
/* The digest it signs with; NULL for Ed25519, which hashes by itself. */
const EVP_MD *pkey_md(enum sig_type type);
/* NULL when the key is not in this process */
EVP_PKEY *sigkey_pkey(const struct sigkey *key);
/* The context of a key that has these operations, else NULL */
void *sigkey_ctx(const struct sigkey *key, const struct sigkey_ops *ops);
/* Lives as long as @key. */
const struct sigpub *sigkey_own_pub(const struct sigkey *key);
EVP_PKEY *sigpub_pkey(const struct sigpub *pub);
/* Takes a reference of its own. -EOPNOTSUPP. */
int sigpub_from_pkey(EVP_PKEY *key, struct sigpub **out);

/* All of @der is one certificate, or NULL. */
X509 *x509_from_der(const uint8_t *der, size_t len);
/*
 * The one identity that a certificate is known by, see cert_chain_id(). *@id
 * is for free(). 0, -EBADMSG, -ENOMEM.
 */
int x509_id(const X509 *x, uint8_t *type, uint8_t **id, size_t *len);
/* As cert_match_id(), cert_known_as() and cert_subject() */
bool x509_match_id(const X509 *x, unsigned int id_type, const void *id,
		   size_t len);
bool x509_known_as(const X509 *x, unsigned int id_type, const void *id,
		   size_t len);
const char *x509_subject(const X509 *x, char *buf, size_t size);
/* PEM without asking anybody for a password. */
int pem_no_password(char *buf, int size, int rwflag, void *ctx);

#endif
