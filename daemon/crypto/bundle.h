/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file with all that a host needs to be a member: PKCS #12 (RFC 7292) with its
 * private key, certificates and trusted CAs, and with settings as a secret bag, which
 * other programs ignore. A passphrase encrypts and authenticates all of it. A file that
 * another program made has no settings.
 *
 * Functions return 0, or -errno with one line in @err.
 */
#ifndef CRYPTO_BUNDLE_H
#define CRYPTO_BUNDLE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "crypto/cert.h"
#include "crypto/sign.h"
#include "lib/err.h"

/* Octets of a file, and of its settings. */
#define BUNDLE_MAX (256 * 1024)
#define BUNDLE_SETTINGS_MAX (64 * 1024)
/* A file travels, and may be guessed at by whoever finds it. */
#define PASSPHRASE_MIN 12
/* Octets, with the NUL. */
#define PASSPHRASE_LEN 256

/* Everything is owned; all zero is empty. */
struct bundle {
	struct sigkey *key;
	struct cert_chain *chain; /* the member's certificate first */
	struct cert_chain *cas; /* trusted CAs */
	char *settings; /* text, or NULL */
};

/*
 * Encode @b, with @name as the friendly name of key and certificate. *@der is freed
 * with secret_free().
 */
int bundle_encode(const struct bundle *b, const char *name,
		  const char *passphrase, uint8_t **der, size_t *len,
		  struct err *err);
/*
 * Decode @der. Returns -EBADMSG (not PKCS #12, or without a key, a certificate of that
 * or a CA), -EACCES (the passphrase does not fit), -EOPNOTSUPP or -ENOMEM; then *@b is
 * empty. Nothing is verified but that the key is that of the certificate.
 */
int bundle_decode(const uint8_t *der, size_t len, const char *passphrase,
		  struct bundle *b, struct err *err);
/*
 * Verify the chain as the key server does, by the CAs of @b. *@ends gets the end of its
 * validity. Returns -EKEYREJECTED with the reason if it is not valid at @now.
 */
int bundle_verify(const struct bundle *b, time_t now, time_t *ends,
		  struct err *err);
void bundle_free(struct bundle *b);

/*
 * Ask for a passphrase at the terminal, without showing it; twice if @again. Returns
 * -ENXIO if there is no terminal, or -EINVAL.
 */
int passphrase_ask(const char *prompt, bool again,
		   char buf[static PASSPHRASE_LEN], struct err *err);

#endif
