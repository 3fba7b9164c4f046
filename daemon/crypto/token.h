/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A private key that a provider of OpenSSL has, in a library context of its own, since a
 * provider also offers ciphers and random numbers. Private to this folder.
 */
#ifndef CRYPTO_TOKEN_H
#define CRYPTO_TOKEN_H

#include <openssl/provider.h>
#include <openssl/x509.h>

#include "crypto/envelope.h"
#include "lib/err.h"

struct token {
	OSSL_LIB_CTX *lib;
	OSSL_PROVIDER *provider;
	OSSL_PROVIDER *other; /* the default one */
	char props[128]; /* a query that prefers the provider */
	EVP_PKEY *key;
	char *pin; /* a secret (lib/secret.h), or NULL */
	unsigned int asked; /* how often the provider wanted a PIN */
};

/*
 * Load the provider, and get the private key of @cert. Returns 0, or like
 * envelope_unwrap(). token_close() must be called in either case.
 */
int token_open(struct token *t, const struct envelope_cfg *cfg,
	       const X509 *cert, struct err *err);
void token_close(struct token *t);
/*
 * Set @err to @what failed and OpenSSL's reason, which is taken from its queue. A token
 * that was told a PIN may have refused it. Returns @ret, -EKEYREJECTED then, or -EACCES
 * if there was none to tell.
 */
int token_failed(const struct token *t, int ret, const char *what,
		 struct err *err);

#endif
