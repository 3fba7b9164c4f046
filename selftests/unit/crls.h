/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists for tests, as a CA makes them. */
#ifndef CRLS_H
#define CRLS_H

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "crypto/crl.h"
#include "crypto/pki.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "tap.h"

#define CRL_REVOKES_MAX 4

/* A list; what is 0 is left out. */
struct crl_spec {
	const struct pki_pair *by; /* has its name as the issuer */
	const struct pki_pair *signer; /* NULL: @by */
	int64_t made; /* seconds since 1970 */
	int64_t next;
	long number;
	const struct pki_pair *revokes[CRL_REVOKES_MAX];
	long base; /* number of the list to which this one is a delta */
	bool sha1; /* with a key that is not Ed25519 */
	const char *entry; /* a critical certificateIssuer of all entries */
	uint8_t digits; /* number of so many octets, in place of @number */
	int nid; /* an extension more ... */
	const char *value; /* ... as in openssl.cnf */
};

#define DAY 86400

/* A list that is valid from an hour before @now for a week. */
static inline struct crl_spec crl_week(const struct pki_pair *by, int64_t now)
{
	return (struct crl_spec){
		.by = by,
		.made = now - 3600,
		.next = now + 7 * DAY,
		.number = 5,
	};
}

static inline EVP_PKEY *crl_key(const struct pki_pair *p)
{
	const unsigned char *at;
	EVP_PKEY *key;
	uint8_t *der;
	size_t len;

	if (sigkey_to_der(p->key, &der, &len))
		bail("no key");
	at = der;
	key = d2i_AutoPrivateKey(NULL, &at, (long)len);
	secret_free(der);
	return key;
}

static inline X509 *crl_cert(const struct pki_pair *p)
{
	const unsigned char *at = p->cert;

	return d2i_X509(NULL, &at, (long)p->cert_len);
}

static inline void crl_extend_entry(X509_REVOKED *r, const char *name)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *n =
		a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_DNS, (char *)name, 0);

	if (!n || !sk_GENERAL_NAME_push(names, n) ||
	    X509_REVOKED_add1_ext_i2d(r, NID_certificate_issuer, names, 1,
				      X509V3_ADD_DEFAULT) != 1)
		bail("certificateIssuer");
	GENERAL_NAMES_free(names);
}

static inline void crl_revoke(X509_CRL *crl, const struct pki_pair *p,
			      int64_t when, const char *entry)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, when);
	X509 *x = crl_cert(p);

	X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(x));
	X509_REVOKED_set_revocationDate(r, t);
	if (entry)
		crl_extend_entry(r, entry);
	if (!X509_CRL_add0_revoked(crl, r))
		bail("X509_CRL_add0_revoked");
	ASN1_TIME_free(t);
	X509_free(x);
}

static inline void crl_extend(X509_CRL *crl, X509 *issuer, int nid,
			      const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || X509_CRL_add_ext(crl, ext, -1) != 1)
		bail("extension %s", value);
	X509_EXTENSION_free(ext);
}

static inline void crl_add_number(X509_CRL *crl, int nid, long number)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();

	if (!n || ASN1_INTEGER_set(n, number) != 1 ||
	    X509_CRL_add1_ext_i2d(crl, nid, n, nid == NID_delta_crl,
				  X509V3_ADD_DEFAULT) != 1)
		bail("extension %ld", number);
	ASN1_INTEGER_free(n);
}

static inline void crl_add_long_number(X509_CRL *crl, uint8_t len)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	uint8_t octets[64] = { 0x7f };

	if (!n || len > sizeof(octets) ||
	    ASN1_STRING_set(n, octets, len) != 1 ||
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0,
				  X509V3_ADD_DEFAULT) != 1)
		bail("a number of %u octets", len);
	ASN1_INTEGER_free(n);
}

static inline X509_CRL *crl_make(const struct crl_spec *spec)
{
	const struct pki_pair *signer = spec->signer ?: spec->by;
	EVP_PKEY *key = crl_key(signer);
	X509 *issuer = crl_cert(spec->by);
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t;
	size_t i;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer));
	t = ASN1_TIME_set(NULL, spec->made);
	X509_CRL_set1_lastUpdate(crl, t);
	ASN1_TIME_free(t);
	if (spec->next) {
		t = ASN1_TIME_set(NULL, spec->next);
		X509_CRL_set1_nextUpdate(crl, t);
		ASN1_TIME_free(t);
	}
	for (i = 0; i < CRL_REVOKES_MAX && spec->revokes[i]; i++)
		crl_revoke(crl, spec->revokes[i], spec->made, spec->entry);
	if (spec->digits)
		crl_add_long_number(crl, spec->digits);
	else if (spec->number)
		crl_add_number(crl, NID_crl_number, spec->number);
	if (spec->base)
		crl_add_number(crl, NID_delta_crl, spec->base);
	if (spec->nid)
		crl_extend(crl, issuer, spec->nid, spec->value);
	X509_CRL_sort(crl);
	if (!X509_CRL_sign(crl, key,
			   EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL
			   : spec->sha1 ? EVP_sha1()
					: EVP_sha256()))
		bail("X509_CRL_sign");
	EVP_PKEY_free(key);
	X509_free(issuer);
	return crl;
}

/* Write a list, as PEM or DER, to a new file or in the place of one. */
static inline void crl_write(const char *path, const struct crl_spec *spec,
			     bool der)
{
	X509_CRL *crl = crl_make(spec);
	BIO *bio;

	/* The former file may be linked elsewhere. */
	unlink(path);
	bio = BIO_new_file(path, "w");
	if (!bio || (der ? i2d_X509_CRL_bio(bio, crl)
			 : PEM_write_bio_X509_CRL(bio, crl)) != 1)
		bail("cannot write %s", path);
	BIO_free(bio);
	X509_CRL_free(crl);
}

static inline void crl_write_cert(const char *path, const struct pki_pair *p)
{
	BIO *bio = BIO_new_file(path, "w");
	X509 *x = crl_cert(p);

	if (!bio || PEM_write_bio_X509(bio, x) != 1)
		bail("cannot write %s", path);
	BIO_free(bio);
	X509_free(x);
}

static inline void crl_write_key(const char *path, const struct pki_pair *p)
{
	BIO *bio = BIO_new_file(path, "w");
	EVP_PKEY *key = crl_key(p);

	if (!bio ||
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		bail("cannot write %s", path);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static inline void crl_write_text(const char *path, const void *p, size_t len)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(p, 1, len, f) != len || fclose(f))
		bail("cannot write %s", path);
}

#endif
