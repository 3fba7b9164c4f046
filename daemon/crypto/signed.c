// SPDX-License-Identifier: Apache-2.0
#include "crypto/signed.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
/* This header declares its functions for PEM only behind pem.h. */
#include <openssl/cms.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/cert.h"
#include "crypto/pkey.h"
#include "lib/secret.h"

#define ADD_FLAGS (CMS_BINARY | CMS_NOSMIMECAP)

struct signed_doc {
	char *content;
	size_t len;
	CMS_ContentInfo *cms; /* NULL: nobody has signed */
	BIO *digests; /* the document was read through it; NULL without @cms */
};

static int copy_content(struct signed_doc *d, const void *p, size_t len)
{
	d->content = malloc(len + 1);
	if (!d->content)
		return -ENOMEM;
	memcpy(d->content, p, len);
	d->content[len] = '\0';
	d->len = len;
	return 0;
}

int signed_new(const void *content, size_t len, struct signed_doc **out,
	       struct err *err)
{
	struct signed_doc *d;

	if (!len || len > SIGNED_MAX)
		return err_set(err, -E2BIG,
			       "a document has 1 to %d octets, and this one %zu",
			       SIGNED_MAX, len);
	d = calloc(1, sizeof(*d));
	if (!d || copy_content(d, content, len)) {
		signed_free(d);
		return err_set(err, -ENOMEM, "out of memory");
	}
	*out = d;
	return 0;
}

void signed_free(struct signed_doc *d)
{
	if (!d)
		return;
	BIO_free_all(d->digests);
	CMS_ContentInfo_free(d->cms);
	free(d->content);
	free(d);
}

/* Read the document once through the digests that all signatures are of. */
static void digest_content(struct signed_doc *d)
{
	BIO *bio = CMS_dataInit(d->cms, NULL);
	char buf[4096];
	int n = 0;

	while (bio && (n = BIO_read(bio, buf, sizeof(buf))) > 0)
		;
	if (n < 0) {
		BIO_free_all(bio);
		bio = NULL;
	}
	BIO_free_all(d->digests);
	d->digests = bio;
}

/* Step into the next element, or over it. Returns false if it is not a @tag. */
static bool next_element(const unsigned char **p, const unsigned char **end,
			 int tag, bool into)
{
	const unsigned char *at = *p;
	int class, found, form;
	long len;

	form = ASN1_get_object(&at, &len, &found, &class, *end - *p);
	if (form & 0x80 || form & 1 || found != tag)
		return false;
	if (into)
		*end = at + len;
	*p = into ? at : at + len;
	return true;
}

/*
 * The document is hashed once for each digest that SignedData lists, before any
 * signature is verified. libcrypto does not tell how many there are.
 */
static bool too_many_digests(CMS_ContentInfo *cms)
{
	unsigned char *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der), n = 0;
	const unsigned char *p = der, *end = der + len;
	bool ok;

	if (len <= 0)
		return true;
	ok = next_element(&p, &end, V_ASN1_SEQUENCE, true) &&
	     next_element(&p, &end, V_ASN1_OBJECT, false) &&
	     next_element(&p, &end, 0, true) &&
	     next_element(&p, &end, V_ASN1_SEQUENCE, true) &&
	     next_element(&p, &end, V_ASN1_INTEGER, false) &&
	     next_element(&p, &end, V_ASN1_SET, true);
	while (ok && p < end && n <= SIGNED_DIGESTS) {
		ok = next_element(&p, &end, V_ASN1_SEQUENCE, false);
		n++;
	}
	OPENSSL_free(der);
	return !ok || n > SIGNED_DIGESTS;
}

/* Check that @d->cms is what this file makes, and take the document out of it. */
static int open_signed(struct signed_doc *d, struct err *err)
{
	ASN1_OCTET_STRING **content;
	int n;

	if (OBJ_obj2nid(CMS_get0_type(d->cms)) != NID_pkcs7_signed ||
	    OBJ_obj2nid(CMS_get0_eContentType(d->cms)) != NID_pkcs7_data)
		return err_set(err, -EBADMSG,
			       "it is CMS, but not a signed document");
	content = CMS_get0_content(d->cms);
	if (!content || !*content || ASN1_STRING_length(*content) <= 0)
		return err_set(err, -EBADMSG,
			       "the document is not in it: a detached signature");
	n = sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(d->cms));
	if (n > SIGNED_SIGNERS)
		return err_set(err, -E2BIG, "it has more than %d signatures",
			       SIGNED_SIGNERS);
	if (too_many_digests(d->cms))
		return err_set(err, -E2BIG,
			       "it lists more than %d digest algorithms",
			       SIGNED_DIGESTS);
	/* Signatures whose certificate is missing are told by signed_identity(). */
	CMS_set1_signers_certs(d->cms, NULL, 0);
	if (copy_content(d, ASN1_STRING_get0_data(*content),
			 (size_t)ASN1_STRING_length(*content)))
		return err_set(err, -ENOMEM, "out of memory");
	digest_content(d);
	return 0;
}

int signed_parse(const char *pem, size_t len, struct signed_doc **out,
		 struct err *err)
{
	struct signed_doc *d;
	BIO *bio;
	int ret;

	if (len > SIGNED_MAX)
		return err_set(err, -E2BIG,
			       "a signed document has at most %d octets",
			       SIGNED_MAX);
	d = calloc(1, sizeof(*d));
	bio = d ? BIO_new_mem_buf(pem, (int)len) : NULL;
	if (!bio) {
		free(d);
		return err_set(err, -ENOMEM, "out of memory");
	}
	d->cms = PEM_read_bio_CMS(bio, NULL, pem_no_password, NULL);
	BIO_free(bio);
	ret = d->cms ? open_signed(d, err)
		     : err_set(err, -EBADMSG,
			       "it is no signed document (CMS in PEM form)");
	ERR_clear_error();
	if (ret)
		signed_free(d);
	else
		*out = d;
	return ret;
}

const char *signed_content(const struct signed_doc *d, size_t *len)
{
	*len = d->len;
	return d->content;
}

static struct stack_st_CMS_SignerInfo *signers_of(const struct signed_doc *d)
{
	return CMS_get0_SignerInfos(d->cms);
}

size_t signed_count(const struct signed_doc *d)
{
	return d->cms ? (size_t)sk_CMS_SignerInfo_num(signers_of(d)) : 0;
}

static CMS_SignerInfo *signer_at(const struct signed_doc *d, size_t i)
{
	return sk_CMS_SignerInfo_value(signers_of(d), (int)i);
}

static X509 *signer_cert(const struct signed_doc *d, size_t i)
{
	X509 *x = NULL;

	CMS_SignerInfo_get0_algs(signer_at(d, i), NULL, &x, NULL, NULL);
	return x;
}

static int cert_identity(const X509 *x, char id[static SIGNED_ID_MAX])
{
	uint8_t type, *own;
	size_t len;
	int ret = x509_id(x, &type, &own, &len);

	if (ret)
		return ret;
	ret = cert_id_str(type, own, len, id, SIGNED_ID_MAX);
	free(own);
	return ret;
}

int signed_identity(const struct signed_doc *d, size_t i,
		    char id[static SIGNED_ID_MAX], struct err *err)
{
	const X509 *x = signer_cert(d, i);

	if (!x)
		return err_set(err, -ENOENT,
			       "its certificate is not in the document");
	return cert_identity(x, id)
		       ? err_set(err, -EBADMSG,
				 "its certificate has no identity that can be written")
		       : 0;
}

bool signed_same_key(const struct signed_doc *d, size_t i, size_t j)
{
	X509 *x = signer_cert(d, i), *y = signer_cert(d, j);

	return x && y &&
	       EVP_PKEY_eq(X509_get0_pubkey(x), X509_get0_pubkey(y)) == 1;
}

/* ---- verification ------------------------------------------------------- */

/* An attribute with the digest is signed, and not the document itself. */
static bool strong_digest(CMS_SignerInfo *si)
{
	X509_ALGOR *digest = NULL;

	CMS_SignerInfo_get0_algs(si, NULL, NULL, &digest, NULL);
	switch (digest ? OBJ_obj2nid(digest->algorithm) : NID_undef) {
	case NID_sha256:
	case NID_sha384:
	case NID_sha512:
		return CMS_signed_get_attr_count(si) > 0;
	default:
		return false;
	}
}

static int verify_signature(const struct signed_doc *d, size_t i,
			    struct err *err)
{
	CMS_SignerInfo *si = signer_at(d, i);
	int ret;

	if (!signer_cert(d, i))
		return err_set(err, -ENOENT,
			       "its certificate is not in the document");
	if (!strong_digest(si))
		return err_set(err, -EKEYREJECTED,
			       "it is without signed attributes or a digest of SHA-256, SHA-384 or SHA-512");
	ret = d->digests && CMS_SignerInfo_verify(si) == 1 &&
			      CMS_SignerInfo_verify_content(si, d->digests) == 1
		      ? 0
		      : err_set(err, -EKEYREJECTED,
				"it does not fit the document: altered, or signed by another key");
	ERR_clear_error();
	return ret;
}

static bool among_certs(X509 *const *chosen, size_t n, const X509 *x)
{
	while (n)
		if (!X509_cmp(chosen[--n], x))
			return true;
	return false;
}

/*
 * Write the certificate @x as DER, and the CA certificates of the document that it was
 * issued by, as their names say: those that others bring along take no room. Returns
 * their number; free_ders() has to follow.
 */
static size_t ders_of(const struct signed_doc *d, X509 *x,
		      struct cert_der ders[static CERT_MAX_CHAIN])
{
	struct stack_st_X509 *all = CMS_get1_certs(d->cms);
	X509 *chosen[CERT_MAX_CHAIN] = { x }, *ca;
	size_t n = 1, at, n_ders = 0;
	int i, len;

	for (at = 0; at < n; at++)
		for (i = 0; n < CERT_MAX_CHAIN && all && i < sk_X509_num(all);
		     i++) {
			ca = sk_X509_value(all, i);
			if (X509_check_ca(ca) > 0 &&
			    X509_check_issued(ca, chosen[at]) == X509_V_OK &&
			    !among_certs(chosen, n, ca))
				chosen[n++] = ca;
		}
	for (at = 0; at < n; at++) {
		uint8_t *der = NULL;

		len = i2d_X509(chosen[at], &der);
		if (len > 0)
			ders[n_ders++] = (struct cert_der){ der, (size_t)len };
	}
	sk_X509_pop_free(all, X509_free);
	return n_ders;
}

static void free_ders(struct cert_der *ders, size_t n)
{
	while (n)
		OPENSSL_free((void *)ders[--n].p);
}

int signed_verify(const struct signed_doc *d, size_t i,
		  const struct trust *trust, time_t now, struct err *err)
{
	struct cert_der ders[CERT_MAX_CHAIN];
	X509 *x = signer_cert(d, i);
	struct cert *cert = NULL;
	size_t n;
	int ret;

	if (!x)
		return err_set(err, -ENOENT,
			       "its certificate is not in the document");
	n = ders_of(d, x, ders);
	ret = cert_verify(trust, ders, n, now, CERT_FOR_MEMBER, &cert, err);
	if (!ret)
		ret = cert_check_revoked(trust, cert, now, err);
	/* A key that no CA has certified may be chosen so that it takes long. */
	if (!ret)
		ret = verify_signature(d, i, err);
	cert_free(cert);
	free_ders(ders, n);
	return ret;
}

/* ---- signing ------------------------------------------------------------ */

/* Another digest than the one shown must not be signed. */
static int check_signed(const struct signed_doc *d, const X509 *x,
			struct err *err)
{
	char id[SIGNED_ID_MAX], other[SIGNED_ID_MAX];
	struct err why = { "" };
	size_t i;
	int ret;

	if (cert_identity(x, id))
		return err_set(err, -EBADMSG,
			       "the certificate has no identity");
	for (i = 0; i < signed_count(d); i++) {
		ret = verify_signature(d, i, &why);
		if (ret)
			return err_set(err, ret, "signature %zu: %s", i + 1,
				       why.text);
		if (!signed_identity(d, i, other, &why) &&
		    !strcasecmp(id, other))
			return err_set(err, -EEXIST, "%s has signed it already",
				       id);
	}
	if (i == SIGNED_SIGNERS)
		return err_set(err, -E2BIG, "it has %zu signatures already", i);
	return 0;
}

static CMS_ContentInfo *sign_first(const struct signed_doc *d, X509 *x,
				   EVP_PKEY *key)
{
	BIO *bio = BIO_new_mem_buf(d->content, (int)d->len);
	CMS_ContentInfo *cms = bio ? CMS_sign(x, key, NULL, bio, ADD_FLAGS)
				   : NULL;

	BIO_free(bio);
	return cms;
}

/* Return a copy of @d->cms with one more signature. */
static CMS_ContentInfo *sign_more(const struct signed_doc *d, X509 *x,
				  EVP_PKEY *key)
{
	struct signed_doc *copy = NULL;
	CMS_ContentInfo *cms = NULL;
	char *pem;
	size_t len;

	if (signed_pem(d, &pem, &len))
		return NULL;
	if (!signed_parse(pem, len, &copy, NULL) &&
	    CMS_add1_signer(copy->cms, x, key, NULL,
			    ADD_FLAGS | CMS_REUSE_DIGEST)) {
		cms = copy->cms;
		copy->cms = NULL;
	}
	signed_free(copy);
	secret_free(pem);
	return cms;
}

int signed_add(struct signed_doc *d, const struct cert_chain *chain,
	       const struct sigkey *key, struct err *err)
{
	struct stack_st_X509 *certs = chain_certs(chain);
	EVP_PKEY *pkey = sigkey_pkey(key);
	X509 *x = sk_X509_value(certs, 0);
	CMS_ContentInfo *cms;
	int i, ret;

	if (!pkey || !cert_chain_fits_key(chain, key))
		return err_set(err, -EKEYREJECTED,
			       "the certificate is for another key");
	if (!pkey_md(sigkey_type(key)))
		return err_set(err, -EOPNOTSUPP,
			       "a key for %s cannot sign documents: make one with \"type ecdsa-p256\"",
			       sig_type_str(sigkey_type(key)));
	ret = check_signed(d, x, err);
	if (ret)
		return ret;
	cms = d->cms ? sign_more(d, x, pkey) : sign_first(d, x, pkey);
	/* A certificate that another signer has brought is not added again. */
	for (i = 1; cms && i < sk_X509_num(certs); i++)
		CMS_add1_cert(cms, sk_X509_value(certs, i));
	ERR_clear_error();
	if (!cms)
		return err_set(err, -EIO,
			       "libcrypto cannot sign with this key");
	CMS_ContentInfo_free(d->cms);
	d->cms = cms;
	CMS_set1_signers_certs(cms, NULL, 0);
	digest_content(d);
	return 0;
}

int signed_pem(const struct signed_doc *d, char **pem, size_t *len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;
	long n = 0;

	*pem = NULL;
	if (bio && d->cms && PEM_write_bio_CMS(bio, d->cms) == 1) {
		n = BIO_get_mem_data(bio, &p);
		*pem = secret_dup(p, (size_t)n + 1);
	}
	if (*pem)
		(*pem)[n] = '\0';
	*len = (size_t)n;
	BIO_free(bio);
	ERR_clear_error();
	return *pem ? 0 : -ENOMEM;
}
