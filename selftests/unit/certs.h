/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests that judge them; crypto/pki.h makes what is usual. */
#ifndef CERTS_H
#define CERTS_H

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "crypto/cert.h"
#include "crypto/pki.h"
#include "lib/secret.h"
#include "tap.h"

#define NOW 1800000000
#define YEAR (365 * 86400)

static struct err err;

/* @why is known only after @call, so it can't be an argument of is_int(). */
#define refused(call, want, name) \
	do { \
		int got; \
		err_clear(&why); \
		got = (call); \
		is_int(got, want, "%s: %s", name, why.text); \
		ok(why.text[0], "%s: the reason is given", name); \
	} while (0)

/* The trust anchors of verify(). */
static struct trust *trust;

static inline int verify(const struct cert_der *ders, size_t n, time_t now,
			 enum cert_purpose purpose, struct err *why)
{
	struct cert *leaf;
	int ret = cert_verify(trust, ders, n, now, purpose, &leaf, why);

	if (!ret)
		cert_free(leaf);
	return ret;
}

static inline int verify_pair(const struct pki_pair *p, time_t now,
			      enum cert_purpose purpose, struct err *why)
{
	struct cert_der der = { p->cert, p->cert_len };

	return verify(&der, 1, now, purpose, why);
}

static inline struct trust *trust_in(const struct pki_pair *p)
{
	struct cert_der der = { p->cert, p->cert_len };
	struct trust *t;

	if (trust_from_der(&der, 1, &t, &err))
		bail("%s", err.text);
	return t;
}

static inline struct pki_req request(enum pki_kind kind, const char *name)
{
	return (struct pki_req){
		.kind = kind,
		.type = SIG_ED25519,
		.name = name,
		.not_before = NOW - 3600,
		.not_after = NOW + YEAR,
	};
}

static inline struct pki_pair issue(const struct pki_pair *by,
				    const struct pki_req *req)
{
	struct pki_pair p;

	if (pki_issue(by, req, &p, &err))
		bail("%s: %s", req->name, err.text);
	return p;
}

/* Return the private key of @p as an EVP_PKEY, which the caller frees. */
static inline EVP_PKEY *openssl_key(const struct pki_pair *p)
{
	const unsigned char *at;
	EVP_PKEY *key;
	uint8_t *der;
	size_t len;

	sigkey_to_der(p->key, &der, &len);
	at = der;
	key = d2i_AutoPrivateKey(NULL, &at, (long)len);
	secret_free(der);
	return key;
}

/* Add @value as the extension @nid to @p, and let @by sign it again. */
static inline void add_extension(struct pki_pair *p, const struct pki_pair *by,
				 int nid, const char *value)
{
	const unsigned char *at = p->cert;
	X509 *x = d2i_X509(NULL, &at, (long)p->cert_len);
	EVP_PKEY *signer = openssl_key(by);
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || X509_add_ext(x, ext, -1) != 1 ||
	    !X509_sign(x, signer, NULL))
		bail("cannot make a certificate with %s", value);
	OPENSSL_free(p->cert);
	p->cert = NULL;
	p->cert_len = (size_t)i2d_X509(x, &p->cert);
	X509_EXTENSION_free(ext);
	EVP_PKEY_free(signer);
	X509_free(x);
}

/* Make a CA certificate without a path length, signed by itself or by @by. */
static inline struct pki_pair make_ca(const struct pki_pair *by,
				      const char *name, int bits)
{
	X509 *x = X509_new(), *issuer = x;
	EVP_PKEY *key = bits ? EVP_RSA_gen(bits) : NULL, *signer;
	const unsigned char *p;
	struct pki_pair out = { 0 };
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int n;

	if (!key) {
		sigkey_generate(SIG_ED25519, &out.key);
		key = openssl_key(&out);
	}
	signer = key;
	if (by) {
		p = by->cert;
		issuer = d2i_X509(NULL, &p, (long)by->cert_len);
		signer = openssl_key(by);
	}
	X509_set_version(x, X509_VERSION_3);
	/* A list must not revoke a CA and the one below it at once. */
	ASN1_INTEGER_set(X509_get_serialNumber(x), (long)strlen(name));
	ASN1_TIME_set(X509_getm_notBefore(x), NOW - 3600);
	ASN1_TIME_set(X509_getm_notAfter(x), NOW + YEAR);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
				   MBSTRING_UTF8, (const unsigned char *)name,
				   -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509_set_pubkey(x, key);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints,
				  "critical,CA:TRUE");
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	X509_sign(x, signer, bits ? EVP_sha256() : NULL);
	n = i2d_X509(x, &out.cert);
	out.cert_len = (size_t)n;
	if (by) {
		X509_free(issuer);
		EVP_PKEY_free(signer);
	}
	EVP_PKEY_free(key);
	X509_free(x);
	return out;
}

#endif
