/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists as OpenSSL objects; private to this folder. */
#ifndef CRYPTO_CRLS_H
#define CRYPTO_CRLS_H

#include <openssl/x509.h>

#include "crypto/capath.h"
#include "crypto/crl.h"

/* RFC 5280 section 5.2.3: longer numbers are not allowed. */
#define CRL_NUMBER_MAX 20
#define CRL_MARK_LEN 16

/* Age of a list, among those of its CA and scope. */
struct crl_age {
	time_t this_update; /* seconds since 1970 */
	bool numbered;
	uint8_t number[CRL_NUMBER_MAX]; /* big-endian */
};

struct crl_list {
	X509_CRL *crl;
	X509 *issuer; /* has signed it */
	struct stack_st_X509 *chain; /* from the issuer to a trusted CA */
	struct ca_path path; /* the CA */
	/*
	 * The certificate of its issuer is revoked, so that it tells only about what
	 * that key has issued.
	 */
	bool distrusted;
	char *name; /* the issuer */
	struct crl_age age;
	time_t next_update;
	size_t revoked;
	/* Digests: of issuer and scope, and of the key of the trusted CA above. */
	uint8_t mark[CRL_MARK_LEN];
	uint8_t anchor[CRL_MARK_LEN];
};

struct crls {
	enum crl_policy policy;
	struct crl_list *v;
	size_t n;
	/* References to all certificates that they revoke, sorted. */
	uint8_t (*refs)[CERT_REF_LEN];
	size_t n_refs;
	/* CAs below those of identity.ca that are known, and may need a list. */
	struct stack_st_X509 *below;
};

/*
 * Compute the reference of the certificate with @serial that @issuer has issued, see
 * certref.h. Returns 0 or -EIO.
 */
int x509_ref(const X509 *issuer, const ASN1_INTEGER *serial,
	     uint8_t ref[CERT_REF_LEN]);
/*
 * Return true if the CA of @path has revoked the certificate with @serial, whatever
 * key it has signed the list with.
 */
bool crls_have(const struct crls *crls, const struct ca_path *path,
	       const ASN1_INTEGER *serial);
/* The same for all certificates of @chain, which ends with a CA of @trust. */
bool crls_have_of(const struct crls *crls, const struct trust *trust,
		  struct stack_st_X509 *chain);
/*
 * Return true if at @now a complete list of the CA of @path is valid that a later key
 * than that of @issuer, one of its certificates, has signed. The list of a former key
 * does not tell about certificates of a later one.
 */
bool crls_cover(const struct crls *crls, const X509 *issuer,
		const struct ca_path *path, time_t now);
/*
 * Return true if a list is there, valid or not, that tells about certificates that
 * @issuer with @path has issued.
 */
bool crls_tell(const struct crls *crls, const X509 *issuer,
	       const struct ca_path *path);
/*
 * Let crls_missing() name @x, a CA below one of @trust, if it has no list. One that
 * there is no room for is not named.
 */
void crls_note_ca(const struct crls *crls, const struct trust *trust, X509 *x);
/* Sort what crls_revoke() searches; after the last list was added. */
void crls_sort(struct crls *crls);
/* Free what @l refers to, but not @l. */
void crl_list_wipe(struct crl_list *l);
/*
 * Return true if both lists tell about the same certificates: they have one issuer,
 * one of its keys, and one scope.
 */
bool crl_same_scope(const struct crl_list *a, const struct crl_list *b);
/*
 * Return more than 0 if @a is newer than @b, less if it is older, and 0 if both are of
 * one time.
 */
int crl_compare_age(const struct crl_age *a, const struct crl_age *b);
/* Make the mark of a list whose issuer and name are known. Returns 0 or -EIO. */
int crl_mark(struct crl_list *l);
/* Make the digest of the public key of @x. Returns 0 or -EIO. */
int x509_key_mark(const X509 *x, uint8_t mark[CRL_MARK_LEN]);

#endif
