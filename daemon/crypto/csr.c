// SPDX-License-Identifier: Apache-2.0
/* Requests for certificates (PKCS #10, RFC 2986). */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "crypto/pkey.h"
#include "crypto/pkica.h"
#include "lib/addr.h"
#include "lib/quote.h"
#include "lib/secret.h"

/* ---- make --------------------------------------------------------------- */

static bool add_names(X509_REQ *csr, const struct pki_req *req, struct err *err)
{
	struct stack_st_X509_EXTENSION *exts = NULL;
	GENERAL_NAMES *names = NULL;
	X509_NAME *subject = X509_REQ_get_subject_name(csr);
	bool good;

	if (pki_san(req, &names, err))
		return false;
	good = X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
					  (const unsigned char *)req->name, -1,
					  -1, 0) == 1 &&
	       X509V3_add1_i2d(&exts, NID_subject_alt_name, names, 0,
			       X509V3_ADD_DEFAULT) == 1 &&
	       X509_REQ_add_extensions(csr, exts) == 1;
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	GENERAL_NAMES_free(names);
	return good;
}

int csr_make(const struct sigkey *key, const struct pki_req *req, char **pem,
	     size_t *len, struct err *err)
{
	EVP_PKEY *pkey = sigkey_pkey(key);
	X509_REQ *csr = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	int ret = -EIO;
	char *text;

	err_set(err, 0, "the request could not be made");
	if (pkey && csr && bio && X509_REQ_set_version(csr, 0) == 1 &&
	    X509_REQ_set_pubkey(csr, pkey) == 1 && add_names(csr, req, err) &&
	    X509_REQ_sign(csr, pkey, pkey_md(sigkey_type(key))) > 0 &&
	    PEM_write_bio_X509_REQ(bio, csr) == 1) {
		*len = (size_t)BIO_get_mem_data(bio, &text);
		*pem = secret_dup(text, *len);
		ret = *pem ? 0 : -ENOMEM;
	}
	BIO_free(bio);
	X509_REQ_free(csr);
	ERR_clear_error();
	if (!ret)
		err_clear(err);
	return ret;
}

/* ---- load --------------------------------------------------------------- */

/* Write a name of a request for a message, which nobody has vouched for. */
static const char *name_text(const GENERAL_NAME *g, char buf[static QUOTE_LEN])
{
	char text[ADDR_STRLEN];
	const ASN1_STRING *s;
	struct addr a;
	int n;

	if (g->type == GEN_IPADD) {
		s = g->d.iPAddress;
		n = ASN1_STRING_length(s);
		if (n == 4 || n == 16) {
			addr_set(&a, n == 4 ? AF_INET : AF_INET6,
				 ASN1_STRING_get0_data(s));
			return quote(addr_str(&a, text), buf);
		}
	} else if (g->type == GEN_DNS || g->type == GEN_EMAIL) {
		s = g->d.ia5;
		return quote((const char *)ASN1_STRING_get0_data(s), buf);
	}
	return "of another kind";
}

/* Refuse names that nobody has said: a request is made by who wants them. */
static int check_names(X509_REQ *csr, const struct pki_req *req,
		       struct err *err)
{
	struct stack_st_X509_EXTENSION *exts = X509_REQ_get_extensions(csr);
	GENERAL_NAMES *asked =
		X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
	GENERAL_NAMES *given = NULL;
	char buf[QUOTE_LEN];
	int i, j, ret = pki_san(req, &given, err);

	for (i = 0; !ret && i < sk_GENERAL_NAME_num(asked); i++) {
		for (j = 0; j < sk_GENERAL_NAME_num(given); j++)
			if (!GENERAL_NAME_cmp(sk_GENERAL_NAME_value(asked, i),
					      sk_GENERAL_NAME_value(given, j)))
				break;
		if (j == sk_GENERAL_NAME_num(given))
			ret = err_set(err, -EINVAL,
				      "it asks for the name %s too; say that by dns, ip or email if it may have it",
				      name_text(sk_GENERAL_NAME_value(asked, i),
						buf));
	}
	GENERAL_NAMES_free(asked);
	GENERAL_NAMES_free(given);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return ret;
}

static int check_subject(X509_REQ *csr, const struct pki_req *req,
			 struct err *err)
{
	const X509_NAME *subject = X509_REQ_get_subject_name(csr);
	char name[QUOTE_LEN], buf[QUOTE_LEN];
	const ASN1_STRING *s;
	int i = X509_NAME_get_index_by_NID((X509_NAME *)subject, NID_commonName,
					   -1);

	if (i < 0)
		return 0;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, i));
	if ((size_t)ASN1_STRING_length(s) == strlen(req->name) &&
	    !memcmp(ASN1_STRING_get0_data(s), req->name, strlen(req->name)))
		return 0;
	/* Not every type of string in ASN.1 has a NUL behind its octets. */
	snprintf(name, sizeof(name), "%.*s", ASN1_STRING_length(s),
		 (const char *)ASN1_STRING_get0_data(s));
	return err_set(err, -EINVAL, "it is for %s", quote(name, buf));
}

int csr_load(const char *path, const struct pki_req *req, struct sigpub **pub,
	     struct err *err)
{
	X509_REQ *csr = NULL;
	EVP_PKEY *pkey = NULL;
	struct err why = {};
	BIO *bio;
	int ret;

	errno = 0;
	bio = BIO_new_file(path, "r");
	if (!bio) {
		ret = errno ? -errno : -EIO;
		return err_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	csr = PEM_read_bio_X509_REQ(bio, NULL, pem_no_password, NULL);
	pkey = csr ? X509_REQ_get_pubkey(csr) : NULL;
	if (!pkey)
		ret = err_set(&why, -EBADMSG, "no request in PEM form");
	else if (X509_REQ_verify(csr, pkey) != 1)
		ret = err_set(&why, -EBADMSG,
			      "it is not signed by the key that it has");
	else
		ret = check_subject(csr, req, &why);
	if (!ret)
		ret = check_names(csr, req, &why);
	if (!ret && sigpub_from_pkey(pkey, pub))
		ret = err_set(&why, -EOPNOTSUPP,
			      "its key is neither Ed25519, ECDSA P-256 or P-384, ML-DSA, nor RSA of %d to %d bits",
			      SIG_RSA_MIN_BITS, SIG_RSA_MAX_BITS);
	EVP_PKEY_free(pkey);
	X509_REQ_free(csr);
	BIO_free(bio);
	ERR_clear_error();
	return ret ? err_set(err, ret, "%s: %s", path, why.text) : 0;
}
