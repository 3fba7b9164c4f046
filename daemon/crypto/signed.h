/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Documents that several persons have signed: CMS SignedData (RFC 5652) in PEM form,
 * with the document inside. libcrypto reads, signs and verifies.
 */
#ifndef CRYPTO_SIGNED_H
#define CRYPTO_SIGNED_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "lib/err.h"

struct cert_chain;
struct sigkey;
struct signed_doc;
struct trust;

/* Octets of a signed document in PEM form, and its signatures. */
#define SIGNED_MAX 98304
#define SIGNED_SIGNERS 32
/* Digest algorithms that it lists, though a tool may list one for each signature. */
#define SIGNED_DIGESTS 32
/* Size of the text of an identity. */
#define SIGNED_ID_MAX 1024

/*
 * Make a document that nobody has signed yet. *@out is freed with signed_free().
 * Returns 0, or -errno with one line in @err.
 */
int signed_new(const void *content, size_t len, struct signed_doc **out,
	       struct err *err);
/* Read a signed document and verify none of it. Returns as signed_new(). */
int signed_parse(const char *pem, size_t len, struct signed_doc **out,
		 struct err *err);
void signed_free(struct signed_doc *d);
/* Return the document, @len octets that are valid as long as @d. */
const char *signed_content(const struct signed_doc *d, size_t *len);

/*
 * Add the signature of @key, whose certificate is the first one of @chain. Signatures
 * that are there must be valid, since the new one is of the digest that they have.
 * Returns 0, -EEXIST if this identity has signed already, or another -errno, with one
 * line in @err and nothing changed.
 */
int signed_add(struct signed_doc *d, const struct cert_chain *chain,
	       const struct sigkey *key, struct err *err);
/* Write as PEM. *@pem is freed with secret_free(). Returns 0 or -ENOMEM. */
int signed_pem(const struct signed_doc *d, char **pem, size_t *len);

/* Return the number of signatures, at most SIGNED_SIGNERS. */
size_t signed_count(const struct signed_doc *d);
/*
 * Write who has made signature @i as its certificate says, without verification.
 * Returns 0, or -errno with one line in @err.
 */
int signed_identity(const struct signed_doc *d, size_t i,
		    char id[static SIGNED_ID_MAX], struct err *err);
/*
 * Verify the certificate of signature @i as that of a member, with the revocation lists
 * of @trust, and then the signature, which has to be of the whole document. Returns
 * 0, or -errno with one line in @err.
 */
int signed_verify(const struct signed_doc *d, size_t i,
		  const struct trust *trust, time_t now, struct err *err);
/* Return true if signatures @i and @j were made by one key. */
bool signed_same_key(const struct signed_doc *d, size_t i, size_t j);

#endif
