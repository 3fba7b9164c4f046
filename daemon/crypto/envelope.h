/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key that is wrapped to certificates: CMS AuthEnvelopedData (RFC 5083, AES-256-GCM) in
 * PEM form, as "openssl cms" makes and opens it. A provider of OpenSSL has the private
 * key, which may be in a token (PKCS#11) or a TPM and never leaves it. Anybody can wrap
 * with the certificates, so an envelope proves nothing about who made it.
 */
#ifndef CRYPTO_ENVELOPE_H
#define CRYPTO_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

/*
 * @certificate: file with the certificate of the private key, which is RSA.
 * @recovery: files with certificates whose keys may open an envelope as well.
 * @key: URI of the private key; @provider: module of OpenSSL that knows the URI.
 * @pin: place of its PIN (lib/credential.h), or NULL.
 * @oaep: RSAES-OAEP, or else the older RSAES-PKCS1-v1_5, which is all that some
 *	providers have.
 */
struct envelope_cfg {
	const char *certificate;
	const char *const *recovery;
	size_t n_recovery;
	const char *key;
	const char *provider;
	const char *pin;
	bool oaep;
};

struct envelope;

/* Octets of an envelope in PEM form, with every recovery certificate. */
#define ENVELOPE_MAX 65536

/*
 * Copy @cfg, and read the certificates. Returns 0, or -errno with one line in @err.
 */
int envelope_new(const struct envelope_cfg *cfg, struct envelope **out,
		 struct err *err);
void envelope_free(struct envelope *e); /* NULL is allowed */

/*
 * Wrap @len octets. *@pem, of *@n octets, is freed with free(). The private key is not
 * needed. Returns 0, or -errno with one line in @err: -EOPNOTSUPP, since @oaep is not the
 * padding of the envelope that envelope_unwrap() has opened, if any.
 */
int envelope_wrap(const struct envelope *e, const void *key, size_t len,
		  char **pem, size_t *n, struct err *err);
/*
 * Unwrap exactly @len octets, by the private key and in a process of its own
 * (lib/apart.h), which has no other purpose. The PIN is used once: a wrong one costs
 * one of the tries that a token allows. Returns 0, or with one line in @err:
 * -EINVAL: cut before its end. -EBADMSG: damaged, or no envelope.
 * -EKEYREJECTED: the PIN is wrong, the envelope is for other certificates, or the key
 * that of another one; to try again helps nothing. -EACCES: no PIN. -ENODEV: no
 * provider, or no key at the URI.
 * -EIO: the provider failed. -ETIMEDOUT: no answer.
 */
int envelope_unwrap(struct envelope *e, const char *pem, size_t n, void *key,
		    size_t len, struct err *err);

#endif
