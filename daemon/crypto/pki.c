// SPDX-License-Identifier: Apache-2.0
#include "crypto/pki.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <unistd.h>

#include "crypto/cert.h"
#include "crypto/pkey.h"
#include "crypto/rand.h"
#include "lib/addr.h"
#include "lib/err.h"
#include "lib/file.h"

#define SERIAL_LEN 16
#define IKE_EKU "1.3.6.1.5.5.7.3.17"
/* The bound ub-common-name of X.520. */
#define NAME_MAX_LEN 64

/*
 * RFC 5280 section 4.1.2.2: positive, at most 20 octets; random, as the CA/B
 * Forum requires.
 */
bool pki_set_serial(X509 *x)
{
	uint8_t raw[SERIAL_LEN];
	BIGNUM *bn = NULL;
	bool good = false;

	if (rand_bytes(raw, sizeof(raw)))
		return false;
	raw[0] = (raw[0] & 0x7f) | 0x40;
	bn = BN_bin2bn(raw, sizeof(raw), NULL);
	if (bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)))
		good = true;
	BN_free(bn);
	return good;
}

static bool set_times(X509 *x, const struct pki_req *req)
{
	return ASN1_TIME_adj(X509_getm_notBefore(x), req->not_before, 0, 0) &&
	       ASN1_TIME_adj(X509_getm_notAfter(x), req->not_after, 0, 0);
}

int pki_cap_end(X509 *x, const X509 *issuer, struct err *err)
{
	const ASN1_TIME *end = X509_get0_notAfter(issuer);

	if (ASN1_TIME_compare(X509_get0_notBefore(x), end) >= 0)
		return err_set(err, -EKEYEXPIRED,
			       "the certificate of the authority has ended");
	if (ASN1_TIME_compare(X509_get0_notAfter(x), end) > 0 &&
	    X509_set1_notAfter(x, end) != 1)
		return err_set(err, -ENOMEM, "out of memory");
	return 0;
}

static bool set_subject(X509 *x, const char *name)
{
	return X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN",
					  MBSTRING_UTF8,
					  (const unsigned char *)name, -1, -1,
					  0) == 1;
}

/*
 * @value must be ours, never a user's: OpenSSL parses it as configuration
 * syntax.
 */
static bool add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ret;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext)
		return false;
	ret = X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	return ret == 1;
}

static int push_name(GENERAL_NAMES *names, int type, const void *p, size_t len)
{
	GENERAL_NAME *g = GENERAL_NAME_new();
	int form = type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING;
	ASN1_STRING *s = ASN1_STRING_type_new(form);

	if (!g || !s || ASN1_STRING_set(s, p, (int)len) != 1) {
		ASN1_STRING_free(s);
		GENERAL_NAME_free(g);
		return -ENOMEM;
	}
	GENERAL_NAME_set0_value(g, type, s);
	if (!sk_GENERAL_NAME_push(names, g)) {
		GENERAL_NAME_free(g);
		return -ENOMEM;
	}
	return 0;
}

/* Each name is checked in the same way as a peer checks it in an ID. */
static int push_text(GENERAL_NAMES *names, int type, unsigned int id_type,
		     const char *const *list, struct err *err)
{
	char buf[512];
	int ret = 0;

	for (; list && *list && !ret; list++) {
		if (cert_id_str(id_type, *list, strlen(*list), buf,
				sizeof(buf)))
			return err_set(err, -EINVAL, "\"%s\" is not a %s",
				       *list,
				       type == GEN_DNS ? "DNS name"
						       : "mail address");
		ret = push_name(names, type, *list, strlen(*list));
	}
	return ret;
}

static int push_ips(GENERAL_NAMES *names, const char *const *list,
		    struct err *err)
{
	struct addr a;
	int ret = 0;

	for (; list && *list && !ret; list++) {
		if (addr_parse(*list, &a))
			return err_set(err, -EINVAL,
				       "\"%s\" is not an IP address", *list);
		ret = push_name(names, GEN_IPADD, a.b, a.len);
	}
	return ret;
}

int pki_san(const struct pki_req *req, GENERAL_NAMES **out, struct err *err)
{
	const char *const own[] = { req->name, NULL };
	const char *const *dns = req->dns;
	GENERAL_NAMES *names;
	int ret;

	if (req->kind != PKI_CA && !(req->dns && *req->dns) &&
	    !(req->ip && *req->ip) && !(req->email && *req->email))
		dns = own;
	names = GENERAL_NAMES_new();
	if (!names)
		return -ENOMEM;
	ret = push_text(names, GEN_DNS, IKE_ID_FQDN, dns, err);
	if (!ret)
		ret = push_text(names, GEN_EMAIL, IKE_ID_RFC822_ADDR,
				req->email, err);
	if (!ret)
		ret = push_ips(names, req->ip, err);
	if (ret)
		GENERAL_NAMES_free(names);
	else
		*out = names;
	return ret;
}

static int add_san(X509 *x, const struct pki_req *req, struct err *err)
{
	GENERAL_NAMES *names;
	int ret = pki_san(req, &names, err);

	if (ret)
		return ret;
	if (sk_GENERAL_NAME_num(names) &&
	    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0,
			      X509V3_ADD_DEFAULT) != 1)
		ret = -EIO;
	GENERAL_NAMES_free(names);
	return ret;
}

static bool add_use(X509 *x, X509 *issuer, enum pki_kind kind)
{
	const char *ku = "critical,digitalSignature";
	const char *bc = "critical,CA:FALSE";
	const char *eku = NULL;

	switch (kind) {
	case PKI_CA:
		bc = "critical,CA:TRUE,pathlen:0";
		ku = "critical,keyCertSign,cRLSign";
		break;
	case PKI_GCKS:
		/* A key server may be a member of its own groups. */
		eku = "serverAuth,clientAuth," IKE_EKU;
		break;
	case PKI_MEMBER:
		eku = "clientAuth," IKE_EKU;
		break;
	case PKI_PLAIN:
		break;
	}
	return add_ext(x, issuer, NID_basic_constraints, bc) &&
	       add_ext(x, issuer, NID_key_usage, ku) &&
	       (!eku || add_ext(x, issuer, NID_ext_key_usage, eku)) &&
	       add_ext(x, issuer, NID_subject_key_identifier, "hash") &&
	       /* A CA certificate made elsewhere may have no key identifier. */
	       (!X509_get0_subject_key_id(issuer) ||
		add_ext(x, issuer, NID_authority_key_identifier, "keyid"));
}

static int check_req(const struct pki_pair *ca, const struct pki_req *req,
		     struct err *err)
{
	size_t len = req->name ? strlen(req->name) : 0;
	const char *p;

	if (!len || len > NAME_MAX_LEN)
		return err_set(err, -EINVAL,
			       "a name of 1 to %d octets is needed",
			       NAME_MAX_LEN);
	for (p = req->name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return err_set(err, -EINVAL,
				       "control character in the name");
	if (req->not_after <= req->not_before)
		return err_set(err, -EINVAL, "validity ends before it begins");
	if (!ca && req->kind != PKI_CA)
		return err_set(err, -EINVAL,
			       "only a CA signs its own certificate");
	return 0;
}

static int sign_cert(X509 *x, const struct sigkey *key)
{
	EVP_PKEY *pkey = sigkey_pkey(key);

	return pkey && X509_sign(x, pkey, pkey_md(sigkey_type(key))) > 0 ? 0
									 : -EIO;
}

int pki_issue(const struct pki_pair *ca, const struct pki_req *req,
	      struct pki_pair *out, struct err *err)
{
	X509 *x = NULL, *issuer = NULL;
	struct sigkey *key = NULL;
	int n, ret;

	memset(out, 0, sizeof(*out));
	ret = check_req(ca, req, err);
	if (ret)
		return ret;
	if (!req->pub)
		ret = sigkey_generate(req->type, &key);
	if (ret == -EOPNOTSUPP)
		return err_set(err, ret,
			       "a key of %s needs OpenSSL 3.5, and this is %s",
			       sig_type_str(req->type),
			       OpenSSL_version(OPENSSL_VERSION_STRING));
	if (ret)
		return err_set(err, ret, "key generation failed");
	err_set(err, 0, "the certificate could not be created");
	x = X509_new();
	issuer = ca ? x509_from_der(ca->cert, ca->cert_len) : x;
	ret = -EIO;
	if (!x || !issuer || X509_set_version(x, X509_VERSION_3) != 1 ||
	    !pki_set_serial(x) || !set_times(x, req) ||
	    !set_subject(x, req->name) ||
	    X509_set_issuer_name(x, X509_get_subject_name(issuer)) != 1 ||
	    X509_set_pubkey(x, req->pub ? sigpub_pkey(req->pub)
					: sigkey_pkey(key)) != 1 ||
	    !add_use(x, issuer, req->kind))
		goto out;
	ret = ca ? pki_cap_end(x, issuer, err) : 0;
	if (!ret)
		ret = add_san(x, req, err);
	if (!ret)
		ret = sign_cert(x, ca ? ca->key : key);
	if (ret)
		goto out;
	n = i2d_X509(x, &out->cert);
	if (n <= 0) {
		ret = -EIO;
		goto out;
	}
	out->cert_len = (size_t)n;
	out->key = key;
	key = NULL;
	err_clear(err);
out:
	if (issuer != x)
		X509_free(issuer);
	X509_free(x);
	sigkey_free(key);
	return ret;
}

int pki_load(const char *cert_path, const char *key_path, struct pki_pair *out,
	     struct err *err)
{
	struct cert_chain *chain;
	struct cert_der der;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = cert_chain_load(cert_path, &chain, err);
	if (ret)
		return ret;
	ret = sigkey_load(key_path, &out->key, err);
	if (ret)
		goto out;
	der = cert_chain_der(chain, 0);
	if (!cert_chain_fits_key(chain, out->key)) {
		ret = err_set(err, -EINVAL, "%s is not the key of %s", key_path,
			      cert_path);
		goto out;
	}
	out->cert = OPENSSL_memdup(der.p, der.len);
	out->cert_len = der.len;
	if (!out->cert)
		ret = err_set(err, -ENOMEM, "out of memory");
out:
	cert_chain_free(chain);
	if (ret)
		pki_pair_free(out);
	return ret;
}

int pki_save(const struct pki_pair *pair, const char *cert_path,
	     const char *key_path, struct err *err)
{
	X509 *x = x509_from_der(pair->cert, pair->cert_len);
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long len;
	int ret;

	if (!x || !bio || PEM_write_bio_X509(bio, x) != 1) {
		ret = err_set(err, -EIO,
			      "%s: the certificate could not be encoded",
			      cert_path);
		goto out;
	}
	ret = sigkey_save(pair->key, key_path, err);
	if (ret)
		goto out;
	len = BIO_get_mem_data(bio, &pem);
	ret = file_create(cert_path, 0644, pem, (size_t)len, err);
	/*
	 * The file was created exclusively just now, so it is ours to delete.
	 */
	if (ret)
		unlink(key_path);
out:
	BIO_free(bio);
	X509_free(x);
	return ret;
}

void pki_pair_free(struct pki_pair *pair)
{
	OPENSSL_free(pair->cert);
	sigkey_free(pair->key);
	memset(pair, 0, sizeof(*pair));
}
