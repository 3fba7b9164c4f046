// SPDX-License-Identifier: Apache-2.0
/*
 * Certificate chains and trust anchors: own chain, verification of the peer's.
 * certid.c has identities.
 */
#include "crypto/cert.h"

#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/certknown.h"
#include "crypto/crls.h"
#include "crypto/hash.h"
#include "crypto/mldsa.h"
#include "crypto/pkey.h"
#include "lib/err.h"
#include "lib/secret.h"

#define MAX_TRUSTED 256
/* At least 112 bits: no SHA-1 and no RSA below 2048 in a chain. */
#define AUTH_LEVEL 2
#define OID_IPSEC_IKE "1.3.6.1.5.5.7.3.17"

struct cert_chain {
	struct stack_st_X509 *certs;
	uint8_t *der[CERT_MAX_CHAIN];
	size_t der_len[CERT_MAX_CHAIN];
	uint8_t id_type;
	uint8_t *id;
	size_t id_len;
};

struct trust {
	X509_STORE *store;
	struct stack_st_X509 *certs;
	/* For each the index of its issuer among them, or -1. */
	int *above;
	uint8_t *authorities;
	size_t n;
	const struct crls *crls; /* NULL: there are none */
	struct known *known; /* certificates of members, see cert_recall() */
};

struct cert {
	X509 *x;
	struct stack_st_X509 *chain; /* as verified, to the trust anchor */
	struct cert_refs refs;
	time_t ends;
	struct known_cert *known; /* in place of all that, or NULL */
};

X509 *x509_from_der(const uint8_t *der, size_t len)
{
	const unsigned char *p = der;
	X509 *x;

	if (!len || len > CERT_MAX_LEN)
		return NULL;
	x = d2i_X509(NULL, &p, (long)len);
	if (x && p == der + len)
		return x;
	X509_free(x);
	return NULL;
}

static void free_certs(struct stack_st_X509 *certs)
{
	sk_X509_pop_free(certs, X509_free);
}

/* Read all certificates of a PEM file, 1 to @max of them. */
static int load_pem(const char *path, int max, struct stack_st_X509 **out,
		    struct err *err)
{
	struct stack_st_X509 *certs = sk_X509_new_null();
	BIO *bio = NULL;
	int ret = 0;
	X509 *x;

	if (!certs)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	errno = 0;
	bio = BIO_new_file(path, "r");
	if (!bio) {
		ret = errno ? -errno : -EIO;
		err_set(err, ret, "%s: %s", path, strerror(-ret));
		goto out;
	}
	ERR_clear_error();
	while ((x = PEM_read_bio_X509(bio, NULL, pem_no_password, NULL))) {
		if (sk_X509_num(certs) < max && sk_X509_push(certs, x))
			continue;
		X509_free(x);
		ret = err_set(err, -E2BIG, "%s: more than %d certificates",
			      path, max);
		goto out;
	}
	/* Reading past the last certificate sets this error. */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		ret = err_set(err, -EBADMSG, "%s: certificate %d is damaged",
			      path, sk_X509_num(certs) + 1);
	else if (!sk_X509_num(certs))
		ret = err_set(err, -EBADMSG, "%s: no certificate in PEM form",
			      path);
out:
	ERR_clear_error();
	BIO_free(bio);
	if (ret)
		free_certs(certs);
	else
		*out = certs;
	return ret;
}

static int parse_ders(const struct cert_der *ders, size_t n, size_t max,
		      struct stack_st_X509 **out)
{
	struct stack_st_X509 *certs;
	size_t i;

	if (!n || n > max)
		return -E2BIG;
	certs = sk_X509_new_null();
	if (!certs)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		X509 *x = x509_from_der(ders[i].p, ders[i].len);

		if (!x) {
			free_certs(certs);
			return -EBADMSG;
		}
		if (!sk_X509_push(certs, x)) {
			X509_free(x);
			free_certs(certs);
			return -ENOMEM;
		}
	}
	*out = certs;
	return 0;
}

/* ---- own chain ---------------------------------------------------------- */

/* Take over @certs, even on failure. */
static int chain_new(struct stack_st_X509 *certs, struct cert_chain **out)
{
	struct cert_chain *c = calloc(1, sizeof(*c));
	int i, n, ret;

	if (!c) {
		free_certs(certs);
		return -ENOMEM;
	}
	c->certs = certs;
	for (i = 0; i < sk_X509_num(certs); i++) {
		n = i2d_X509(sk_X509_value(certs, i), &c->der[i]);
		if (n <= 0 || n > CERT_MAX_LEN) {
			cert_chain_free(c);
			return -EBADMSG;
		}
		c->der_len[i] = (size_t)n;
	}
	ret = x509_id(sk_X509_value(certs, 0), &c->id_type, &c->id, &c->id_len);
	if (ret) {
		cert_chain_free(c);
		return ret;
	}
	*out = c;
	return 0;
}

int cert_chain_load(const char *path, struct cert_chain **out, struct err *err)
{
	struct stack_st_X509 *certs;
	int ret;

	ret = load_pem(path, CERT_MAX_CHAIN, &certs, err);
	if (ret)
		return ret;
	ret = chain_new(certs, out);
	if (ret)
		err_set(err, ret, "%s: %s", path, strerror(-ret));
	return ret;
}

int cert_chain_from_der(const struct cert_der *ders, size_t n,
			struct cert_chain **out, struct err *err)
{
	struct stack_st_X509 *certs;
	int ret;

	ret = parse_ders(ders, n, CERT_MAX_CHAIN, &certs);
	if (!ret)
		ret = chain_new(certs, out);
	if (ret)
		err_set(err, ret, "certificate chain: %s", strerror(-ret));
	return ret;
}

void cert_chain_free(struct cert_chain *chain)
{
	int i;

	if (!chain)
		return;
	for (i = 0; i < CERT_MAX_CHAIN; i++)
		OPENSSL_free(chain->der[i]);
	free_certs(chain->certs);
	free(chain->id);
	free(chain);
}

size_t cert_chain_count(const struct cert_chain *chain)
{
	return (size_t)sk_X509_num(chain->certs);
}

struct cert_der cert_chain_der(const struct cert_chain *chain, size_t i)
{
	return (struct cert_der){ chain->der[i], chain->der_len[i] };
}

int cert_chain_pem(const struct cert_chain *chain, char **pem, size_t *len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool good = bio;
	char *text;
	int i;

	for (i = 0; good && i < sk_X509_num(chain->certs); i++)
		good = PEM_write_bio_X509(bio,
					  sk_X509_value(chain->certs, i)) == 1;
	if (good) {
		*len = (size_t)BIO_get_mem_data(bio, &text);
		*pem = secret_dup(text, *len);
	}
	BIO_free(bio);
	return good && *pem ? 0 : -ENOMEM;
}

bool cert_chain_fits_key(const struct cert_chain *chain,
			 const struct sigkey *key)
{
	EVP_PKEY *pub = X509_get0_pubkey(sk_X509_value(chain->certs, 0));

	return pub && EVP_PKEY_eq(pub, sigpub_pkey(sigkey_own_pub(key))) == 1;
}

void cert_chain_id(const struct cert_chain *chain, uint8_t *type,
		   const uint8_t **data, size_t *len)
{
	*type = chain->id_type;
	*data = chain->id;
	*len = chain->id_len;
}

static time_t asn1_seconds(const ASN1_TIME *t)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	return timegm(&tm);
}

static time_t not_after(const X509 *x)
{
	return asn1_seconds(X509_get0_notAfter(x));
}

int cert_chain_pubkey(const struct cert_chain *chain, size_t i,
		      struct sigpub **out)
{
	EVP_PKEY *key = X509_get0_pubkey(sk_X509_value(chain->certs, (int)i));

	return key ? sigpub_from_pkey(key, out) : -EOPNOTSUPP;
}

time_t cert_chain_not_before(const struct cert_chain *chain)
{
	const X509 *leaf = sk_X509_value(chain->certs, 0);

	return asn1_seconds(X509_get0_notBefore(leaf));
}

time_t cert_chain_not_after(const struct cert_chain *chain)
{
	return not_after(sk_X509_value(chain->certs, 0));
}

/* ---- trust anchors ------------------------------------------------------ */

static int spki_sha1(X509 *x, uint8_t out[HASH_SHA1_LEN])
{
	struct iovec iov;
	uint8_t *der = NULL;
	int n, ret;

	n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	if (n <= 0)
		return -EBADMSG;
	iov = (struct iovec){ der, (size_t)n };
	ret = hash_sha1(&iov, 1, out);
	OPENSSL_free(der);
	return ret;
}

/* Return true if @issuer has signed @x, and may. */
static bool has_issued(X509 *issuer, X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	return X509_check_issued(issuer, x) == X509_V_OK && key &&
	       X509_verify(x, key) == 1;
}

/* Find the issuers of trust anchors, which revoke intermediate CAs among them. */
static int find_above(struct trust *t)
{
	int i, j, n = sk_X509_num(t->certs);

	t->above = calloc((size_t)n, sizeof(*t->above));
	if (!t->above)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		t->above[i] = -1;
		for (j = 0; j < n && t->above[i] < 0; j++)
			if (has_issued(sk_X509_value(t->certs, j),
				       sk_X509_value(t->certs, i)))
				t->above[i] = j;
	}
	ERR_clear_error();
	return 0;
}

/* @name identifies the source of the certificates in errors. */
static int trust_new(struct stack_st_X509 *certs, const char *name,
		     struct trust **out, struct err *err)
{
	struct trust *t = calloc(1, sizeof(*t));
	int i, n = sk_X509_num(certs), ret = 0;

	if (t) {
		t->store = X509_STORE_new();
		t->certs = X509_chain_up_ref(certs);
		t->authorities = calloc((size_t)n, HASH_SHA1_LEN);
		t->known = known_new();
	}
	if (!t || !t->store || !t->certs || !t->authorities || !t->known)
		ret = err_set(err, -ENOMEM, "%s: out of memory", name);
	for (i = 0; i < n && !ret; i++) {
		X509 *x = sk_X509_value(certs, i);

		/* Partial chains are accepted, so every anchor must be a CA. */
		if (X509_check_ca(x) != 1)
			ret = err_set(err, -EINVAL,
				      "%s: certificate %d is not a CA certificate (basicConstraints CA:TRUE is missing)",
				      name, i + 1);
		else if (X509_STORE_add_cert(t->store, x) != 1)
			ret = err_set(err, -ENOMEM, "%s: out of memory", name);
		else
			ret = spki_sha1(x, t->authorities +
						   t->n++ * HASH_SHA1_LEN);
	}
	if (!ret && find_above(t))
		ret = err_set(err, -ENOMEM, "%s: out of memory", name);
	if (ret)
		trust_free(t);
	else
		*out = t;
	return ret;
}

int trust_load(const char *path, struct trust **out, struct err *err)
{
	struct stack_st_X509 *certs;
	int ret;

	ret = load_pem(path, MAX_TRUSTED, &certs, err);
	if (ret)
		return ret;
	ret = trust_new(certs, path, out, err);
	free_certs(certs);
	return ret;
}

int trust_from_der(const struct cert_der *ders, size_t n, struct trust **out,
		   struct err *err)
{
	struct stack_st_X509 *certs;
	int ret;

	ret = parse_ders(ders, n, MAX_TRUSTED, &certs);
	if (ret)
		return err_set(err, ret, "CA certificates: %s", strerror(-ret));
	ret = trust_new(certs, "CA certificates", out, err);
	free_certs(certs);
	return ret;
}

void trust_free(struct trust *trust)
{
	if (!trust)
		return;
	X509_STORE_free(trust->store);
	free_certs(trust->certs);
	free(trust->above);
	free(trust->authorities);
	known_free(trust->known);
	free(trust);
}

void trust_set_crls(struct trust *trust, const struct crls *crls)
{
	trust->crls = crls;
}

const struct crls *trust_crls(const struct trust *trust)
{
	return trust->crls;
}

struct stack_st_X509 *trust_certs(const struct trust *trust)
{
	return trust->certs;
}

struct stack_st_X509 *chain_certs(const struct cert_chain *chain)
{
	return chain->certs;
}

void trust_authorities(const struct trust *trust, const uint8_t **p,
		       size_t *len)
{
	*p = trust->authorities;
	*len = trust->n * HASH_SHA1_LEN;
}

int trust_each(const struct trust *trust, trust_fn *fn, void *arg)
{
	const STACK_OF(X509_OBJECT) *objs =
		X509_STORE_get0_objects(trust->store);
	char subject[256];
	int i, ret = 0;

	for (i = 0; i < sk_X509_OBJECT_num(objs) && !ret; i++) {
		X509 *x = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objs, i));

		if (x)
			ret = fn(arg, x509_subject(x, subject, sizeof(subject)),
				 asn1_seconds(X509_get0_notBefore(x)),
				 not_after(x));
	}
	return ret;
}

/* ---- verification ------------------------------------------------------- */

/*
 * RFC 4945 section 5.1.3.12 allows ipsecIKE for any party. A member must not
 * act as a key server, so a certificate that names a TLS role is restricted to
 * that role.
 */
static bool eku_allows(X509 *x, enum cert_purpose purpose)
{
	bool server = false, client = false, any = false;
	EXTENDED_KEY_USAGE *eku;
	ASN1_OBJECT *ike;
	int crit, i;

	eku = X509_get_ext_d2i(x, NID_ext_key_usage, &crit, NULL);
	if (!eku)
		/*
		 * -1 means that there is none, other values that it cannot be
		 * parsed.
		 */
		return crit == -1;
	ike = OBJ_txt2obj(OID_IPSEC_IKE, 1);
	for (i = 0; i < sk_ASN1_OBJECT_num(eku); i++) {
		const ASN1_OBJECT *o = sk_ASN1_OBJECT_value(eku, i);
		int nid = OBJ_obj2nid(o);

		server |= nid == NID_server_auth;
		client |= nid == NID_client_auth;
		any |= nid == NID_anyExtendedKeyUsage ||
		       (ike && !OBJ_cmp(o, ike));
	}
	ASN1_OBJECT_free(ike);
	EXTENDED_KEY_USAGE_free(eku);
	if (server || client)
		return purpose == CERT_FOR_GCKS ? server : client;
	return any;
}

/* Check what X509_verify_cert() does not, for the chain that it built. */
static int check_use(struct stack_st_X509 *chain, enum cert_purpose purpose,
		     struct err *err)
{
	X509 *leaf = sk_X509_value(chain, 0);
	int i;

	/* UINT32_MAX without a key usage extension. */
	if (!(X509_get_key_usage(leaf) &
	      (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)))
		return err_set(err, -EKEYREJECTED,
			       "certificate is not for signatures (key usage)");
	/* A trust anchor is trusted as it is. */
	for (i = 0; i < sk_X509_num(chain) - 1 || !i; i++)
		if (!eku_allows(sk_X509_value(chain, i), purpose))
			return err_set(err, -EKEYREJECTED,
				       "certificate is not for a %s (extended key usage)",
				       purpose == CERT_FOR_GCKS ? "key server"
								: "member");
	return 0;
}

/*
 * Replace OpenSSL's messages for a certificate of another CA ("unable to get
 * local issuer certificate", "self-signed certificate"), which do not tell an
 * administrator that the CA is not trusted.
 */
static const char *verify_error(int code)
{
	switch (code) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "issuer unknown (no trusted CA has issued it)";
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		return "issuer unknown (self-signed, and not a trusted CA)";
	}
	/* The strings are constant in OpenSSL 3. */
	return X509_verify_cert_error_string(code);
}

static time_t first_end(struct stack_st_X509 *chain)
{
	time_t ends = not_after(sk_X509_value(chain, 0));
	int i;

	for (i = 1; i < sk_X509_num(chain); i++)
		if (not_after(sk_X509_value(chain, i)) < ends)
			ends = not_after(sk_X509_value(chain, i));
	return ends;
}

X509_STORE_CTX *trust_verification(const struct trust *trust,
				   struct stack_st_X509 *certs, X509 *x,
				   unsigned long flags)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;

	if (!ctx || X509_STORE_CTX_init(ctx, trust->store, x, certs) != 1) {
		X509_STORE_CTX_free(ctx);
		return NULL;
	}
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_depth(param, CERT_MAX_CHAIN);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | flags);
	return ctx;
}

void trust_verified(X509_STORE_CTX *ctx)
{
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
}

/* On success *@chain is the chain up to the trust anchor, which the caller frees. */
static int verify_chain(const struct trust *trust, struct stack_st_X509 *certs,
			time_t now, enum cert_purpose purpose,
			struct stack_st_X509 **chain, struct err *err)
{
	X509_STORE_CTX *ctx =
		trust_verification(trust, certs, sk_X509_value(certs, 0), 0);
	int ret;

	if (!ctx)
		return err_set(err, -ENOMEM, "out of memory");
	X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(ctx), now);
	if (X509_verify_cert(ctx) != 1)
		ret = err_set(err, -EKEYREJECTED, "%s",
			      verify_error(X509_STORE_CTX_get_error(ctx)));
	else
		ret = check_use(X509_STORE_CTX_get0_chain(ctx), purpose, err);
	if (!ret) {
		*chain = X509_STORE_CTX_get1_chain(ctx);
		if (!*chain)
			ret = err_set(err, -ENOMEM, "out of memory");
	}
	trust_verified(ctx);
	return ret;
}

static int index_of_anchor(const struct trust *trust, const X509 *x)
{
	int i;

	for (i = 0; i < sk_X509_num(trust->certs); i++)
		if (!X509_cmp(sk_X509_value(trust->certs, i), x))
			return i;
	return -1;
}

struct stack_st_X509 *trust_chain_of(const struct trust *trust, X509 *x,
				     struct stack_st_X509 *others)
{
	X509_STORE_CTX *ctx =
		trust_verification(trust, others, x, X509_V_FLAG_NO_CHECK_TIME);
	struct stack_st_X509 *chain = NULL;

	if (ctx && X509_verify_cert(ctx) == 1)
		chain = X509_STORE_CTX_get1_chain(ctx);
	trust_verified(ctx);
	if (chain &&
	    index_of_anchor(trust,
			    sk_X509_value(chain, sk_X509_num(chain) - 1)) >= 0)
		return chain;
	free_certs(chain);
	return NULL;
}

X509 *trust_above(const struct trust *trust, const X509 *x)
{
	int i = index_of_anchor(trust, x);
	int up = i < 0 ? -1 : trust->above[i];

	return up < 0 || up == i ? NULL : sk_X509_value(trust->certs, up);
}

/* ---- revocation ---------------------------------------------------------- */

static int add_ref(struct cert_refs *refs, const X509 *issuer, const X509 *x)
{
	uint8_t ref[CERT_REF_LEN];
	int ret = x509_ref(issuer, X509_get0_serialNumber(x), ref);

	return ret ? ret : cert_refs_add(refs, ref);
}

/*
 * A trust anchor ends the chain, also if it is an intermediate CA. It depends on the
 * other trust anchors that have issued it nevertheless.
 */
int trust_refs_of(const struct trust *trust, struct stack_st_X509 *chain,
		  struct cert_refs *refs)
{
	int i, up, steps, ret = 0, last = sk_X509_num(chain) - 1;

	for (i = 0; !ret && i < last; i++)
		ret = add_ref(refs, sk_X509_value(chain, i + 1),
			      sk_X509_value(chain, i));
	i = index_of_anchor(trust, sk_X509_value(chain, last));
	for (steps = 0; !ret && i >= 0 && steps < CERT_MAX_CHAIN; steps++) {
		up = trust->above[i];
		if (up >= 0 && up != i)
			ret = add_ref(refs, sk_X509_value(trust->certs, up),
				      sk_X509_value(trust->certs, i));
		i = up == i ? -1 : up;
	}
	return ret;
}

/* ---- a peer's certificate -------------------------------------------------- */

static int cert_new(const struct trust *trust, struct stack_st_X509 *chain,
		    struct cert **out, struct err *err)
{
	struct cert *c = calloc(1, sizeof(*c));

	if (!c) {
		free_certs(chain);
		return err_set(err, -ENOMEM, "out of memory");
	}
	c->chain = chain;
	c->x = sk_X509_value(chain, 0);
	c->ends = first_end(chain);
	if (trust_refs_of(trust, chain, &c->refs)) {
		cert_free(c);
		return err_set(err, -ENOMEM, "out of memory");
	}
	*out = c;
	return 0;
}

int cert_verify(const struct trust *trust, const struct cert_der *ders,
		size_t n, time_t now, enum cert_purpose purpose,
		struct cert **leaf, struct err *err)
{
	struct stack_st_X509 *certs, *chain;
	EVP_PKEY *key;
	int ret;

	ret = parse_ders(ders, n, CERT_MAX_CHAIN, &certs);
	if (ret) {
		ERR_clear_error();
		return ret == -E2BIG ? err_set(err, -EBADMSG,
					       "no certificate, or too many")
		       : ret == -EBADMSG
			       ? err_set(err, ret, "not a certificate")
			       : err_set(err, ret, "out of memory");
	}
	key = X509_get0_pubkey(sk_X509_value(certs, 0));
	if (mldsa_lacks_cert_key(sk_X509_value(certs, 0), err))
		ret = -EOPNOTSUPP;
	else if (!key || !pkey_type(key))
		ret = err_set(err, -EOPNOTSUPP,
			      "certificate key not supported: need Ed25519, ECDSA P-256 or P-384, ML-DSA, or RSA of 2048 bits or more");
	else
		ret = verify_chain(trust, certs, now, purpose, &chain, err);
	free_certs(certs);
	return ret ? ret : cert_new(trust, chain, leaf, err);
}

void cert_free(struct cert *cert)
{
	if (!cert)
		return;
	if (cert->known)
		known_put(cert->known);
	free_certs(cert->chain);
	cert_refs_free(&cert->refs);
	free(cert);
}

struct stack_st_X509 *cert_certs(const struct cert *cert)
{
	return cert->chain;
}

const struct cert_refs *cert_refs_of(const struct cert *cert)
{
	return cert->known ? &cert->known->refs : &cert->refs;
}

int cert_pubkey(const struct cert *cert, struct sigpub **out)
{
	const struct known_cert *k = cert->known;
	EVP_PKEY *key;

	if (k)
		return sigpub_from_spki(k->octets + k->id_len, k->spki_len,
					out);
	key = X509_get0_pubkey(cert->x);
	return key ? sigpub_from_pkey(key, out) : -EOPNOTSUPP;
}

time_t cert_not_after(const struct cert *cert)
{
	return cert->known ? cert->known->ends : not_after(cert->x);
}

time_t cert_ends(const struct cert *cert)
{
	return cert->known ? cert->known->ends : cert->ends;
}

bool cert_match_id(const struct cert *cert, unsigned int id_type,
		   const void *id, size_t len)
{
	return cert->known ? cert_known_as(cert, id_type, id, len)
			   : x509_match_id(cert->x, id_type, id, len);
}

bool cert_known_as(const struct cert *cert, unsigned int id_type,
		   const void *id, size_t len)
{
	const struct known_cert *k = cert->known;

	return k ? id_is(k->id_type, k->octets, k->id_len, id_type, id, len)
		 : x509_known_as(cert->x, id_type, id, len);
}

const char *cert_subject(const struct cert *cert, char *buf, size_t size)
{
	if (cert->x)
		return x509_subject(cert->x, buf, size);
	snprintf(buf, size, "(no subject)");
	return buf;
}

/* ---- certificates that were verified before -------------------------------- */

static time_t last_begin(struct stack_st_X509 *chain)
{
	time_t begins = 0, begin;
	const X509 *x;
	int i;

	for (i = 0; i < sk_X509_num(chain); i++) {
		x = sk_X509_value(chain, i);
		begin = asn1_seconds(X509_get0_notBefore(x));
		if (begin > begins)
			begins = begin;
	}
	return begins;
}

bool cert_recall(const struct trust *trust, const struct cert_der *ders,
		 size_t n, time_t now, struct cert **out)
{
	uint8_t digest[HASH_SHA256_LEN];
	struct cert *c;

	/* Revocation lists are about the certificates themselves. */
	if (trust->crls || known_digest(ders, n, digest))
		return false;
	c = calloc(1, sizeof(*c));
	if (!c)
		return false;
	c->known = known_get(trust->known, digest, now);
	if (!c->known) {
		free(c);
		return false;
	}
	*out = c;
	return true;
}

void cert_remember(const struct trust *trust, const struct cert_der *ders,
		   size_t n, const struct cert *cert)
{
	static const struct cert_refs none;
	struct known_cert *k = NULL;
	struct sigpub *pub = NULL;
	const uint8_t *spki;
	uint8_t *id = NULL, type;
	size_t len, id_len;

	if (cert->known || cert_pubkey(cert, &pub))
		return;
	sigpub_spki(pub, &spki, &len);
	if (!x509_id(cert->x, &type, &id, &id_len))
		k = known_cert_new(id_len, len);
	if (k && !known_digest(ders, n, k->digest) &&
	    !cert_refs_union(&cert->refs, &none, &k->refs)) {
		k->begins = last_begin(cert->chain);
		k->ends = cert->ends;
		k->id_type = type;
		memcpy(k->octets, id, id_len);
		memcpy(k->octets + id_len, spki, len);
		known_add(trust->known, k);
	} else if (k) {
		known_put(k);
	}
	free(id);
	sigpub_free(pub);
}
