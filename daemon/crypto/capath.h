/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CA of a CA certificate; private to this folder. A CA that changes its key
 * has several certificates, and revokes by its name and serial numbers (RFC 5280
 * section 5) whatever key it signs with. Names are unique below their issuer only, so
 * that certificates are of one CA if all names from the trusted CA down to it are
 * equal: each CA of the path has given the next one its name.
 */
#ifndef CRYPTO_CAPATH_H
#define CRYPTO_CAPATH_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "crypto/cert.h"

/* A chain to a trusted CA, and those that are trusted above. */
#define CA_PATH_MAX (2 * CERT_MAX_CHAIN + 4)

/* All zero is no path. The names are of the certificates, which are to outlive it. */
struct ca_path {
	const X509_NAME *v[CA_PATH_MAX];
	int n;
	bool open; /* the last name is of a CA that is not trusted itself */
};

/*
 * Get the path of the certificate @from of @chain, which ends with a trusted CA. One
 * that is too long is no path.
 */
void ca_path_of(const struct trust *trust, struct stack_st_X509 *chain,
		int from, struct ca_path *path);
/* Like ca_path_of(), for @x, a CA of @trust. */
void ca_path_of_anchor(const struct trust *trust, X509 *x,
		       struct ca_path *path);
/* Return true if both are of one CA; no path is of none. */
bool ca_path_same(const struct ca_path *a, const struct ca_path *b);

#endif
