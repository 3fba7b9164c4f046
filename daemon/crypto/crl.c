// SPDX-License-Identifier: Apache-2.0
/* Revocation lists that were read: age, scope, and what they revoke. */
#include "crypto/crl.h"

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crls.h"
#include "crypto/hash.h"
#include "lib/util.h"

/* Part of a list's time that is left when warnings begin; but at most a day. */
#define SOON_SHARE 4

int x509_ref(const X509 *issuer, const ASN1_INTEGER *serial,
	     uint8_t ref[CERT_REF_LEN])
{
	unsigned char *key = NULL, *number = NULL;
	uint8_t digest[HASH_SHA256_LEN];
	struct iovec iov[2];
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer), &key);
	int m = i2d_ASN1_INTEGER(serial, &number);
	int ret = n > 0 && m > 0 ? 0 : -EIO;

	if (!ret) {
		iov[0] = (struct iovec){ key, (size_t)n };
		iov[1] = (struct iovec){ number, (size_t)m };
		ret = hash_sha256(iov, 2, digest);
	}
	if (!ret)
		memcpy(ref, digest, CERT_REF_LEN);
	OPENSSL_free(key);
	OPENSSL_free(number);
	return ret ? -EIO : 0;
}

/* ---- life --------------------------------------------------------------- */

void crl_list_wipe(struct crl_list *l)
{
	X509_CRL_free(l->crl);
	X509_free(l->issuer);
	sk_X509_pop_free(l->chain, X509_free);
	free(l->name);
	*l = (struct crl_list){ 0 };
}

void crls_free(struct crls *crls)
{
	if (!crls)
		return;
	while (crls->n)
		crl_list_wipe(&crls->v[--crls->n]);
	free(crls->v);
	free(crls->refs);
	sk_X509_pop_free(crls->below, X509_free);
	free(crls);
}

enum crl_policy crls_policy(const struct crls *crls)
{
	return crls->policy;
}

/* ---- what is revoked ----------------------------------------------------- */

static int compare_refs(const void *a, const void *b)
{
	return memcmp(a, b, CERT_REF_LEN);
}

void crls_sort(struct crls *crls)
{
	if (crls->n_refs)
		qsort(crls->refs, crls->n_refs, CERT_REF_LEN, compare_refs);
}

bool crls_revoke(const struct crls *crls, const struct cert_refs *refs)
{
	const uint8_t(*v)[CERT_REF_LEN] = cert_refs_v(refs);
	unsigned int i;

	if (!crls || !crls->n_refs)
		return false;
	for (i = 0; i < refs->n; i++)
		if (bsearch(v[i], crls->refs, crls->n_refs, CERT_REF_LEN,
			    compare_refs))
			return true;
	return false;
}

/* ---- one list and another ------------------------------------------------ */

/* Return the octets of an extension, or NULL. */
static const ASN1_OCTET_STRING *ext_data(const X509_CRL *crl, int nid)
{
	int i = X509_CRL_get_ext_by_NID(crl, nid, -1);

	return i < 0 ? NULL : X509_EXTENSION_get_data(X509_CRL_get_ext(crl, i));
}

static bool same_ext(const X509_CRL *a, const X509_CRL *b, int nid)
{
	const ASN1_OCTET_STRING *x = ext_data(a, nid), *y = ext_data(b, nid);

	return x && y ? !ASN1_OCTET_STRING_cmp(x, y) : x == y;
}

bool crl_same_scope(const struct crl_list *a, const struct crl_list *b)
{
	return !X509_NAME_cmp(X509_CRL_get_issuer(a->crl),
			      X509_CRL_get_issuer(b->crl)) &&
	       EVP_PKEY_eq(X509_get0_pubkey(a->issuer),
			   X509_get0_pubkey(b->issuer)) == 1 &&
	       same_ext(a->crl, b->crl, NID_issuing_distribution_point);
}

/* RFC 5280 section 5.2.3: the number of a later list is greater. */
int crl_compare_age(const struct crl_age *a, const struct crl_age *b)
{
	int ret = 0;

	if (a->numbered && b->numbered)
		ret = memcmp(a->number, b->number, CRL_NUMBER_MAX);
	if (!ret)
		ret = (a->this_update > b->this_update) -
		      (a->this_update < b->this_update);
	return ret;
}

int x509_key_mark(const X509 *x, uint8_t mark[CRL_MARK_LEN])
{
	uint8_t digest[HASH_SHA256_LEN];
	unsigned char *key = NULL;
	struct iovec iov;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &key);
	int ret = -EIO;

	if (n > 0) {
		iov = (struct iovec){ key, (size_t)n };
		ret = hash_sha256(&iov, 1, digest);
	}
	if (!ret)
		memcpy(mark, digest, CRL_MARK_LEN);
	OPENSSL_free(key);
	return ret ? -EIO : 0;
}

/* The same parts as in crl_same_scope(). */
int crl_mark(struct crl_list *l)
{
	const ASN1_OCTET_STRING *scope =
		ext_data(l->crl, NID_issuing_distribution_point);
	uint8_t key[CRL_MARK_LEN], digest[HASH_SHA256_LEN];
	struct iovec iov[3] = { { key, sizeof(key) },
				{ l->name, strlen(l->name) + 1 } };
	int ret = x509_key_mark(l->issuer, key);

	if (scope)
		iov[2] = (struct iovec){
			(void *)ASN1_STRING_get0_data(scope),
			(size_t)ASN1_STRING_length(scope),
		};
	if (!ret)
		ret = hash_sha256(iov, scope ? 3 : 2, digest);
	if (!ret)
		memcpy(l->mark, digest, CRL_MARK_LEN);
	return ret ? -EIO : 0;
}

static const struct crl_list *find_scope(const struct crls *crls,
					 const struct crl_list *like)
{
	size_t i;

	for (i = 0; i < crls->n; i++)
		if (crl_same_scope(&crls->v[i], like))
			return &crls->v[i];
	return NULL;
}

bool crls_same(const struct crls *a, const struct crls *b)
{
	const struct crl_list *l;
	size_t i;

	if (!a || !b)
		return a == b;
	for (i = 0; a->n == b->n && i < a->n; i++) {
		l = find_scope(b, &a->v[i]);
		if (!l || X509_CRL_match(l->crl, a->v[i].crl))
			return false;
	}
	return a->n == b->n;
}

/* ---- state --------------------------------------------------------------- */

size_t crls_count(const struct crls *crls)
{
	return crls->n;
}

void crls_state(const struct crls *crls, size_t i, struct crl_state *s)
{
	const struct crl_list *l = &crls->v[i];

	*s = (struct crl_state){ l->name, l->age.this_update, l->next_update,
				 l->revoked };
}

/* Return when a list is about to expire. */
static time_t soon_at(const struct crl_state *s)
{
	time_t margin = (s->next_update - s->this_update) / SOON_SHARE;

	return s->next_update - (margin < SEC_PER_DAY ? margin : SEC_PER_DAY);
}

/* At its nextUpdate a list is outdated, as in X509_verify_cert(). */
enum crl_health crl_health_at(const struct crl_state *s, time_t now)
{
	if (now >= s->next_update)
		return CRL_EXPIRED;
	if (now < s->this_update)
		return CRL_EARLY;
	return now >= soon_at(s) ? CRL_ENDS_SOON : CRL_VALID;
}

time_t crl_health_changes(const struct crl_state *s, time_t now)
{
	switch (crl_health_at(s, now)) {
	case CRL_EARLY:
		return s->this_update;
	case CRL_VALID:
		return soon_at(s);
	case CRL_ENDS_SOON:
		return s->next_update;
	case CRL_EXPIRED:
		break;
	}
	return 0;
}

const char *crl_health_str(enum crl_health health)
{
	switch (health) {
	case CRL_VALID:
		return "valid";
	case CRL_ENDS_SOON:
		return "expires-soon";
	case CRL_EXPIRED:
		return "expired";
	case CRL_EARLY:
		return "not-yet-valid";
	}
	return "?";
}
