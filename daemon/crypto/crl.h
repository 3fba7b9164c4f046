/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate revocation lists (RFC 5280 section 5) from files. A list is verified
 * when it is read: its issuer is a CA that is known and trusted, may sign lists, and
 * has signed this one. libcrypto parses, verifies and searches; nothing is fetched.
 */
#ifndef CRYPTO_CRL_H
#define CRYPTO_CRL_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "crypto/cert.h"
#include "crypto/certref.h"
#include "lib/err.h"

/*
 * Treatment of a certificate if the list that is to tell about it is missing, is past
 * its nextUpdate or is not valid yet. A certificate that a list revokes is refused in
 * any case, also if that list is outdated.
 */
enum crl_policy {
	CRL_RELAXED, /* the certificate is accepted */
	CRL_STRICT, /* the certificate is refused */
};

/* All lists of one path. */
struct crls;

/*
 * Read the lists of @path, in PEM or DER: a file, or a folder, of which all files
 * are read whose names do not begin with a dot. PEM files may also have certificates
 * of intermediate CAs, with which lists of these are verified; those of @trust and of
 * @own, which may be NULL, serve as well. The objects of @trust must not change until
 * crls_free(). Returns 0, or -errno with one line in @err that names the file and what
 * helps. An empty folder is no error.
 */
int crls_load(const char *path, enum crl_policy policy,
	      const struct trust *trust, const struct cert_chain *own,
	      struct crls **out, struct err *err);
void crls_free(struct crls *crls);
enum crl_policy crls_policy(const struct crls *crls);

/* Return true if both have the same lists; a policy is not compared. */
bool crls_same(const struct crls *a, const struct crls *b);

/* Return true if a list revokes a certificate of @refs. @crls may be NULL. */
bool crls_revoke(const struct crls *crls, const struct cert_refs *refs);

/* Return true if a list revokes a certificate of the own chain. */
bool crls_revoke_chain(const struct crls *crls, const struct cert_chain *own);

/* ---- for log and status ------------------------------------------------- */

enum crl_health {
	CRL_VALID,
	CRL_ENDS_SOON, /* less than a quarter of its time is left, or a day */
	CRL_EXPIRED, /* past its nextUpdate */
	CRL_EARLY, /* before its thisUpdate: a clock is wrong */
};

struct crl_state {
	const char *issuer; /* RFC 2253, valid as long as the lists */
	time_t this_update; /* seconds since 1970 */
	time_t next_update;
	size_t revoked; /* entries */
};

size_t crls_count(const struct crls *crls);
/* @i must be below crls_count(). */
void crls_state(const struct crls *crls, size_t i, struct crl_state *s);
enum crl_health crl_health_at(const struct crl_state *s, time_t now);
/* Return when crl_health_at() changes next, in seconds since 1970; 0: never. */
time_t crl_health_changes(const struct crl_state *s, time_t now);
const char *crl_health_str(enum crl_health health);
/*
 * Return the subject of the next CA without a list, or NULL if there are no more: those
 * of @trust, and then those that are known below, which are of the own chain, among the
 * lists, or in the chain of a peer that was refused without a list. *@at is 0 before the
 * first one. Valid until the next call with the same @buf.
 */
const char *crls_missing(const struct crls *crls, const struct trust *trust,
			 size_t *at, char *buf, size_t size);

#endif
