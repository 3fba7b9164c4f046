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
	CMS_ContentInfo_free(d->cms);
	free(d->content);
	free(d);
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
	/* Signatures whose certificate is missing are told by signed_identity(). */
	CMS_set1_signers_certs(d->cms, NULL, 0);
	if (copy_content(d, ASN1_STRING_get0_data(*content),
			 (size_t)ASN1_STRING_length(*content)))
		return err_set(err, -ENOMEM, "out of memory");
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

/* Read the document through the digests that the signatures are of. */
static BIO *digest_content(const struct signed_doc *d)
{
	BIO *bio = CMS_dataInit(d->cms, NULL);
	char buf[4096];
	int n = 0;

	while (bio && (n = BIO_read(bio, buf, sizeof(buf))) > 0)
		;
	if (n >= 0)
		return bio;
	BIO_free_all(bio);
	return NULL;
}

static int verify_signature(const struct signed_doc *d, size_t i,
			    struct err *err)
{
	CMS_SignerInfo *si = signer_at(d, i);
	BIO *bio;
	int ret;

	if (!signer_cert(d, i))
		return err_set(err, -ENOENT,
			       "its certificate is not in the document");
	if (!strong_digest(si))
		return err_set(err, -EKEYREJECTED,
			       "it is without signed attributes or a digest of SHA-256, SHA-384 or SHA-512");
	bio = digest_content(d);
	ret = bio && CMS_SignerInfo_verify(si) == 1 &&
			      CMS_SignerInfo_verify_content(si, bio) == 1
		      ? 0
		      : err_set(err, -EKEYREJECTED,
				"it does not fit the document: altered, or signed by another key");
	BIO_free_all(bio);
	ERR_clear_error();
	return ret;
}

/*
 * Write the certificate @x as DER, and the CA certificates of the document behind it.
 * Returns their number; free_ders() has to follow.
 */
static size_t ders_of(const struct signed_doc *d, X509 *x,
		      struct cert_der ders[static CERT_MAX_CHAIN])
{
	struct stack_st_X509 *all = CMS_get1_certs(d->cms);
	size_t n = 0;
	X509 *next = x;
	int i, len;

	for (i = 0; next && n < CERT_MAX_CHAIN; i++) {
		uint8_t *der = NULL;

		if (next == x || X509_check_ca(next) > 0) {
			len = i2d_X509(next, &der);
			if (len > 0)
				ders[n++] =
					(struct cert_der){ der, (size_t)len };
		}
		next = all && i < sk_X509_num(all) ? sk_X509_value(all, i)
						   : NULL;
	}
	sk_X509_pop_free(all, X509_free);
	return n;
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
	struct cert *cert = NULL;
	int ret = verify_signature(d, i, err);
	size_t n;

	if (ret)
		return ret;
	n = ders_of(d, signer_cert(d, i), ders);
	ret = cert_verify(trust, ders, n, now, CERT_FOR_MEMBER, &cert, err);
	if (!ret)
		ret = cert_check_revoked(trust, cert, now, err);
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
	if (sigkey_type(key) == SIG_ED25519)
		return err_set(err, -EOPNOTSUPP,
			       "a key for Ed25519 cannot sign documents: make one with \"type ecdsa-p256\"");
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
