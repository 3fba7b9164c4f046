// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkica.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/pkey.h"
#include "lib/secret.h"

/* ---- renewal ------------------------------------------------------------ */

static X509 *first_of(const struct cert_chain *chain)
{
	return sk_X509_value(chain_certs(chain), 0);
}

static bool issued_by(X509 *x, X509 *issuer)
{
	return !X509_NAME_cmp(X509_get_issuer_name(x),
			      X509_get_subject_name(issuer)) &&
	       X509_verify(x, X509_get0_pubkey(issuer)) == 1;
}

int pki_renew(const struct pki_pair *ca, const struct cert_chain *old,
	      time_t not_before, time_t not_after, struct pki_pair *out,
	      struct err *err)
{
	X509 *issuer = x509_from_der(ca->cert, ca->cert_len);
	X509 *x = X509_dup(first_of(old));
	EVP_PKEY *key = sigkey_pkey(ca->key);
	int n = 0, ret = 0;

	memset(out, 0, sizeof(*out));
	if (!issuer || !x || !key)
		ret = err_set(err, -ENOMEM, "out of memory");
	else if (!issued_by(x, issuer))
		ret = err_set(err, -EKEYREJECTED,
			      "the certificate was not issued by this authority");
	else if (!pki_set_serial(x) ||
		 !ASN1_TIME_adj(X509_getm_notBefore(x), not_before, 0, 0) ||
		 !ASN1_TIME_adj(X509_getm_notAfter(x), not_after, 0, 0))
		ret = err_set(err, -EIO, "the certificate could not be made");
	if (!ret)
		ret = pki_cap_end(x, issuer, err);
	if (!ret && X509_sign(x, key, pkey_md(sigkey_type(ca->key))) <= 0)
		ret = err_set(err, -EIO, "the certificate could not be made");
	if (!ret) {
		n = i2d_X509(x, &out->cert);
		out->cert_len = n > 0 ? (size_t)n : 0;
		if (n <= 0)
			ret = err_set(err, -ENOMEM, "out of memory");
	}
	X509_free(issuer);
	X509_free(x);
	ERR_clear_error();
	return ret;
}

/* ---- revocation --------------------------------------------------------- */

/* Read the list that is to be continued, or begin one. */
static int begin_list(const char *path, X509 *issuer, X509_CRL **out,
		      struct err *err)
{
	X509_NAME *name = X509_get_subject_name(issuer);
	X509_CRL *crl;
	BIO *bio;

	if (access(path, F_OK) && errno == ENOENT) {
		crl = X509_CRL_new();
		if (!crl ||
		    X509_CRL_set_version(crl, X509_CRL_VERSION_2) != 1 ||
		    X509_CRL_set_issuer_name(crl, name) != 1) {
			X509_CRL_free(crl);
			return err_set(err, -ENOMEM, "out of memory");
		}
		*out = crl;
		return 0;
	}
	bio = BIO_new_file(path, "r");
	crl = bio ? PEM_read_bio_X509_CRL(bio, NULL, pem_no_password, NULL)
		  : NULL;
	BIO_free(bio);
	if (!crl || X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1) {
		X509_CRL_free(crl);
		return err_set(err, -EBADMSG,
			       "%s: no revocation list of this authority",
			       path);
	}
	*out = crl;
	return 0;
}

/* RFC 5280 section 5.2.3: each list has a greater number than the one before. */
static bool count_up(X509_CRL *crl)
{
	ASN1_INTEGER *old =
		X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	BIGNUM *bn = old ? ASN1_INTEGER_to_BN(old, NULL) : BN_new();
	ASN1_INTEGER *number = NULL;
	bool good = bn && BN_add_word(bn, 1) == 1;

	if (good)
		number = BN_to_ASN1_INTEGER(bn, NULL);
	good = number && X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0,
					       X509V3_ADD_REPLACE) == 1;
	ASN1_INTEGER_free(old);
	ASN1_INTEGER_free(number);
	BN_free(bn);
	return good;
}

static bool name_issuer(X509_CRL *crl, X509 *issuer)
{
	AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
	const ASN1_OCTET_STRING *key = X509_get0_subject_key_id(issuer);
	bool good = id && key;

	if (good) {
		id->keyid = ASN1_OCTET_STRING_dup(key);
		good = id->keyid &&
		       X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier,
					     id, 0, X509V3_ADD_REPLACE) == 1;
	}
	AUTHORITY_KEYID_free(id);
	return good;
}

static bool add_revoked(X509_CRL *crl, X509 *x, struct pki_list *list)
{
	X509_REVOKED *entry;
	ASN1_TIME *when;
	bool good;

	if (X509_CRL_get0_by_cert(crl, &entry, x) == 1)
		return true;
	entry = X509_REVOKED_new();
	when = ASN1_TIME_set(NULL, list->now);
	good = entry && when &&
	       X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(x)) ==
		       1 &&
	       X509_REVOKED_set_revocationDate(entry, when) == 1 &&
	       X509_CRL_add0_revoked(crl, entry) == 1;
	ASN1_TIME_free(when);
	if (good)
		list->added++;
	else
		X509_REVOKED_free(entry);
	return good;
}

static bool finish_list(X509_CRL *crl, const struct pki_pair *ca, X509 *issuer,
			const struct pki_list *list)
{
	ASN1_TIME *from = ASN1_TIME_set(NULL, list->from);
	ASN1_TIME *to = ASN1_TIME_set(NULL, list->next);
	bool good = from && to && X509_CRL_set1_lastUpdate(crl, from) == 1 &&
		    X509_CRL_set1_nextUpdate(crl, to) == 1 && count_up(crl) &&
		    name_issuer(crl, issuer) && X509_CRL_sort(crl) == 1 &&
		    X509_CRL_sign(crl, sigkey_pkey(ca->key),
				  pkey_md(sigkey_type(ca->key))) > 0;

	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	return good;
}

static int list_pem(const X509_CRL *crl, struct pki_list *list)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;

	list->pem = NULL;
	if (bio && PEM_write_bio_X509_CRL(bio, crl) == 1) {
		list->len = (size_t)BIO_get_mem_data(bio, &text);
		list->pem = secret_dup(text, list->len);
	}
	BIO_free(bio);
	return list->pem ? 0 : -ENOMEM;
}

int pki_revoke(const struct pki_pair *ca, struct pki_list *list,
	       struct err *err)
{
	X509 *issuer = x509_from_der(ca->cert, ca->cert_len);
	X509_CRL *crl = NULL;
	bool good = true;
	size_t i;
	int ret;

	list->added = 0;
	if (!issuer || !sigkey_pkey(ca->key))
		ret = err_set(err, -EIO, "the authority cannot sign");
	else
		ret = begin_list(list->path, issuer, &crl, err);
	for (i = 0; i < list->n && !ret; i++)
		if (!issued_by(first_of(list->chains[i]), issuer))
			ret = err_set(err, -EKEYREJECTED,
				      "the certificate was not issued by this authority");
	if (ret)
		goto out;
	for (i = 0; i < list->n && good; i++)
		good = add_revoked(crl, first_of(list->chains[i]), list);
	if (!good || !finish_list(crl, ca, issuer, list) || list_pem(crl, list))
		ret = err_set(err, -EIO, "the list could not be made");
out:
	X509_CRL_free(crl);
	X509_free(issuer);
	ERR_clear_error();
	return ret;
}

/* ---- comparison --------------------------------------------------------- */

bool pki_is_of(const struct trust *trust, const struct cert_chain *chain)
{
	struct stack_st_X509 *cas = trust_certs(trust);
	bool found = false;
	int i;

	for (i = 0; i < sk_X509_num(cas) && !found; i++)
		found = issued_by(first_of(chain), sk_X509_value(cas, i));
	ERR_clear_error();
	return found;
}

/* Return the type of an ID that a name of a certificate may be, 0 if there is none. */
static uint8_t id_type_of(const GENERAL_NAME *g)
{
	switch (g->type) {
	case GEN_DNS:
		return IKE_ID_FQDN;
	case GEN_EMAIL:
		return IKE_ID_RFC822_ADDR;
	case GEN_IPADD:
		return ASN1_STRING_length(g->d.ip) == 4 ? IKE_ID_IPV4_ADDR
							: IKE_ID_IPV6_ADDR;
	default:
		return 0;
	}
}

bool pki_share_name(const struct cert_chain *a, const struct cert_chain *b,
		    char *buf, size_t size)
{
	const GENERAL_NAME *g;
	const ASN1_STRING *s;
	GENERAL_NAMES *names;
	bool found = false;
	uint8_t type;
	int i;

	names = X509_get_ext_d2i(first_of(a), NID_subject_alt_name, NULL, NULL);
	for (i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		g = sk_GENERAL_NAME_value(names, i);
		type = id_type_of(g);
		s = g->d.ia5;
		found = type &&
			x509_match_id(first_of(b), type,
				      ASN1_STRING_get0_data(s),
				      (size_t)ASN1_STRING_length(s)) &&
			!cert_id_str(type, ASN1_STRING_get0_data(s),
				     (size_t)ASN1_STRING_length(s), buf, size);
	}
	GENERAL_NAMES_free(names);
	return found;
}

/* ---- description -------------------------------------------------------- */

void pki_describe(const struct cert_chain *chain, struct pki_info *info)
{
	X509 *x = first_of(chain);
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	int i, n = ASN1_STRING_length(serial);

	info->serial[0] = '\0';
	for (i = 0; i < n && i < (SERIAL_STRLEN - 1) / 2; i++)
		snprintf(info->serial + 2 * i, 3, "%02x",
			 ASN1_STRING_get0_data(serial)[i]);
	if (X509_check_ca(x))
		info->kind = PKI_CA;
	else if (X509_get_extended_key_usage(x) & XKU_SSL_SERVER)
		info->kind = PKI_GCKS;
	else
		info->kind = PKI_MEMBER;
}
