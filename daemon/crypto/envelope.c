// SPDX-License-Identifier: Apache-2.0
#include "crypto/envelope.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
/* This header declares its functions for PEM only behind pem.h. */
#include <openssl/cms.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/pkey.h"
#include "crypto/token.h"
#include "lib/apart.h"
#include "lib/secret.h"

#define CERTS_MAX 9
#define TEXTS 4
#define RSA_BITS_MIN 2048
#define TOKEN_SECONDS 30
#define PEM_END "-----END CMS-----"

struct envelope {
	struct envelope_cfg
		cfg; /* with texts of its own, and without @recovery */
	char *text[TEXTS];
	X509 *cert[CERTS_MAX]; /* the private key's comes first */
	size_t n;
	X509_ALGOR *opened; /* how the last one that was opened is padded */
};

void envelope_free(struct envelope *e)
{
	size_t i;

	if (!e)
		return;
	while (e->n)
		X509_free(e->cert[--e->n]);
	for (i = 0; i < TEXTS; i++)
		free(e->text[i]);
	X509_ALGOR_free(e->opened);
	free(e);
}

static int copy_texts(struct envelope *e, const struct envelope_cfg *from)
{
	const char **to[TEXTS] = { &e->cfg.certificate, &e->cfg.key,
				   &e->cfg.provider, &e->cfg.pin };
	size_t i;

	e->cfg = *from;
	e->cfg.recovery = NULL;
	for (i = 0; i < TEXTS; i++) {
		if (!*to[i])
			continue;
		e->text[i] = strdup(*to[i]);
		if (!e->text[i])
			return -ENOMEM;
		*to[i] = e->text[i];
	}
	return 0;
}

static int add_cert(struct envelope *e, const char *setting, const char *path,
		    struct err *err)
{
	BIO *bio = BIO_new_file(path, "r");
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, pem_no_password, NULL)
		      : NULL;
	const EVP_PKEY *key = x ? X509_get0_pubkey(x) : NULL;
	int ret = 0;

	if (!bio)
		ret = err_set(err, -ENOENT, "%s: %s: cannot be read: %s",
			      setting, path, strerror(errno));
	else if (!key)
		ret = err_set(err, -EBADMSG,
			      "%s: %s: no certificate in PEM form", setting,
			      path);
	else if (!EVP_PKEY_is_a(key, "RSA") ||
		 EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		ret = err_set(err, -EOPNOTSUPP,
			      "%s: %s: the key has to be RSA of at least %d bits",
			      setting, path, RSA_BITS_MIN);
	ERR_clear_error();
	BIO_free(bio);
	if (ret)
		X509_free(x);
	else
		e->cert[e->n++] = x;
	return ret;
}

/*
 * The configuration of OpenSSL may load providers into this process, which has every key:
 * those that come with it are trusted as it is, and the one of the token is not.
 */
static int check_apart(const char *provider, struct err *err)
{
	if (!strcmp(provider, "default") ||
	    !OSSL_PROVIDER_available(NULL, provider))
		return 0;
	return err_set(err, -EPERM,
		       "seal-wrap.provider: openssl.cnf activates \"%.64s\" in mcsecd itself, where it must not be: remove \"activate\" from its section there, or give the service another file (OPENSSL_CONF); mcsecd loads it on its own for the time that it takes to open the envelope",
		       provider);
}

int envelope_new(const struct envelope_cfg *cfg, struct envelope **out,
		 struct err *err)
{
	struct envelope *e = calloc(1, sizeof(*e));
	size_t i;
	int ret;

	if (!e || copy_texts(e, cfg)) {
		envelope_free(e);
		return err_set(err, -ENOMEM, "out of memory");
	}
	ret = check_apart(cfg->provider, err);
	if (!ret)
		ret = add_cert(e, "seal-wrap.certificate", cfg->certificate,
			       err);
	if (!ret && cfg->n_recovery >= CERTS_MAX)
		ret = err_set(err, -E2BIG,
			      "seal-wrap.recovery: more than %d certificates",
			      CERTS_MAX - 1);
	for (i = 0; !ret && i < cfg->n_recovery; i++)
		ret = add_cert(e, "seal-wrap.recovery", cfg->recovery[i], err);
	if (ret)
		envelope_free(e);
	else
		*out = e;
	return ret;
}

/* Return what is for the holder of @cert, or NULL. */
static CMS_RecipientInfo *recipient_of(CMS_ContentInfo *cms, X509 *cert)
{
	struct stack_st_CMS_RecipientInfo *all = CMS_get0_RecipientInfos(cms);
	CMS_RecipientInfo *ri;
	int i;

	for (i = 0; i < sk_CMS_RecipientInfo_num(all); i++) {
		ri = sk_CMS_RecipientInfo_value(all, i);
		if (CMS_RecipientInfo_type(ri) == CMS_RECIPINFO_TRANS &&
		    !CMS_RecipientInfo_ktri_cert_cmp(ri, cert))
			return ri;
	}
	return NULL;
}

/* Return how the key in it is encrypted for the holder of the private key. */
static const X509_ALGOR *padding_of(const struct envelope *e,
				    CMS_ContentInfo *cms)
{
	CMS_RecipientInfo *ri = recipient_of(cms, e->cert[0]);
	X509_ALGOR *alg = NULL;

	if (ri)
		CMS_RecipientInfo_ktri_get0_algs(ri, NULL, NULL, &alg);
	return alg;
}

/* ---- wrapping ------------------------------------------------------------- */

static bool add_recipient(CMS_ContentInfo *cms, X509 *x, bool oaep)
{
	unsigned int flags = CMS_KEY_PARAM;
	CMS_RecipientInfo *ri;
	EVP_PKEY_CTX *ctx;

	if (X509_get0_subject_key_id(x))
		flags |= CMS_USE_KEYID;
	ri = CMS_add1_recipient_cert(cms, x, flags);
	ctx = ri ? CMS_RecipientInfo_get0_pkey_ctx(ri) : NULL;
	return ctx &&
	       (!oaep ||
		EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
}

static CMS_ContentInfo *encrypt_to_all(const struct envelope *e, BIO *in)
{
	CMS_ContentInfo *cms = CMS_encrypt(NULL, in, EVP_aes_256_gcm(),
					   CMS_BINARY | CMS_PARTIAL);
	bool good = cms;
	size_t i;

	for (i = 0; good && i < e->n; i++)
		good = add_recipient(cms, e->cert[i], e->cfg.oaep);
	if (good && CMS_final(cms, in, NULL, CMS_BINARY) == 1)
		return cms;
	CMS_ContentInfo_free(cms);
	return NULL;
}

static const char *padding_name(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	switch (OBJ_obj2nid(oid)) {
	case NID_rsaEncryption:
		return "\"pkcs1\"";
	case NID_rsaesOaep:
		return "\"oaep\"";
	default:
		return "another one";
	}
}

/*
 * The parameters of OAEP count, which mcsecd leaves at SHA-1. They are compared as they
 * are written, as X509_ALGOR_cmp() finds what was read and what was made different.
 */
static bool same_padding(const X509_ALGOR *a, const X509_ALGOR *b)
{
	const ASN1_OBJECT *one, *other;
	unsigned char *x = NULL, *y = NULL;
	int n, m;
	bool same;

	X509_ALGOR_get0(&one, NULL, NULL, a);
	X509_ALGOR_get0(&other, NULL, NULL, b);
	if (OBJ_obj2nid(one) == NID_rsaEncryption)
		return OBJ_obj2nid(other) == NID_rsaEncryption;
	n = i2d_X509_ALGOR(a, &x);
	m = i2d_X509_ALGOR(b, &y);
	same = n > 0 && n == m && !memcmp(x, y, (size_t)n);
	OPENSSL_free(x);
	OPENSSL_free(y);
	return same;
}

/* Many tokens know one padding only, and the store would be lost with the other. */
static int check_padding(const struct envelope *e, CMS_ContentInfo *cms,
			 struct err *err)
{
	const X509_ALGOR *now = padding_of(e, cms), *was = e->opened;
	const char *more = "";

	if (!was || (now && same_padding(was, now)))
		return 0;
	if (!now)
		return err_set(err, -EIO, "seal key cannot be wrapped");
	if (!strcmp(padding_name(was), padding_name(now)))
		more = " with other parameters";
	return err_set(err, -EOPNOTSUPP,
		       "seal-wrap.padding: this would be %s, and the envelope that was opened at the start has %s%s, which is all that its key is known to open: set that, or wrap the former key anew by hand (mcsecd.conf(5)), and restart mcsecd",
		       padding_name(now), padding_name(was), more);
}

int envelope_wrap(const struct envelope *e, const void *key, size_t len,
		  char **pem, size_t *n, struct err *err)
{
	BIO *in = len <= INT_MAX ? BIO_new_mem_buf(key, (int)len) : NULL;
	BIO *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = in && out ? encrypt_to_all(e, in) : NULL;
	char *text;
	long size;
	int ret = cms ? check_padding(e, cms, err) : 0;

	if (!ret && (!cms || PEM_write_bio_CMS(out, cms) != 1))
		ret = err_set(err, -EIO, "seal key cannot be wrapped: %s",
			      ERR_reason_error_string(ERR_peek_error())
				      ?: "out of memory");
	if (!ret) {
		size = BIO_get_mem_data(out, &text);
		*n = (size_t)size;
		*pem = malloc(*n);
		if (*pem)
			memcpy(*pem, text, *n);
		else
			ret = err_set(err, -ENOMEM, "out of memory");
	}
	ERR_clear_error();
	CMS_ContentInfo_free(cms);
	BIO_free(out);
	BIO_free(in);
	return ret;
}

/* ---- unwrapping ----------------------------------------------------------- */

struct unwrapping {
	const struct envelope *e;
	const char *pem;
	size_t n;
};

static int parse_envelope(const struct unwrapping *u, OSSL_LIB_CTX *lib,
			  const char *props, CMS_ContentInfo **out,
			  struct err *err)
{
	BIO *bio = u->n <= INT_MAX ? BIO_new_mem_buf(u->pem, (int)u->n) : NULL;
	CMS_ContentInfo *cms = CMS_ContentInfo_new_ex(lib, props);
	CMS_ContentInfo *got = NULL;

	if (bio && cms)
		got = PEM_read_bio_CMS(bio, &cms, pem_no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	/* A failure has freed the object where it was parsed into. */
	if (!got || OBJ_obj2nid(CMS_get0_type(got)) !=
			    NID_id_smime_ct_authEnvelopedData) {
		CMS_ContentInfo_free(cms);
		return err_set(err, -EBADMSG,
			       "damaged, or no key in an envelope (CMS AuthEnvelopedData in PEM form)");
	}
	*out = got;
	return 0;
}

/* Decrypt the contents, whose key is known then, into exactly @len octets. */
static int take_contents(CMS_ContentInfo *cms, void *out, size_t len,
			 struct err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text = NULL;
	int ret = 0;

	if (!bio || CMS_decrypt(cms, NULL, NULL, NULL, bio, CMS_BINARY) != 1)
		ret = err_set(err, -EBADMSG, "damaged: it does not decrypt");
	else if (BIO_get_mem_data(bio, &text) != (long)len)
		ret = err_set(err, -EBADMSG,
			      "%ld octets are in it where a key has %zu",
			      BIO_get_mem_data(bio, &text), len);
	else
		memcpy(out, text, len);
	BIO_free(bio);
	return ret;
}

static int decrypt_by(const struct token *t, CMS_ContentInfo *cms,
		      const struct envelope *e, void *out, size_t len,
		      struct err *err)
{
	CMS_RecipientInfo *ri = recipient_of(cms, e->cert[0]);

	EVP_PKEY_up_ref(t->key);
	if (CMS_RecipientInfo_set0_pkey(ri, t->key) != 1) {
		EVP_PKEY_free(t->key);
		return err_set(err, -EIO, "out of memory");
	}
	if (CMS_RecipientInfo_decrypt(cms, ri) != 1)
		return token_failed(t, -EIO,
				    "seal-wrap.key: the provider does not decrypt with it",
				    err);
	return take_contents(cms, out, len, err);
}

/* The work of the other process. */
static int unwrap_apart(void *arg, void *out, size_t len, struct err *err)
{
	const struct unwrapping *u = arg;
	CMS_ContentInfo *cms = NULL;
	struct token t;
	int ret;

	ret = token_open(&t, &u->e->cfg, u->e->cert[0], err);
	if (!ret)
		ret = parse_envelope(u, t.lib, t.props, &cms, err);
	if (!ret)
		ret = decrypt_by(&t, cms, u->e, out, len, err);
	CMS_ContentInfo_free(cms);
	token_close(&t);
	return ret;
}

/* A key is asked for nothing, and no PIN is used up, unless it can help. */
static int check_envelope(const struct unwrapping *u, X509_ALGOR **padding,
			  struct err *err)
{
	const X509_ALGOR *alg;
	CMS_ContentInfo *cms;
	int ret;

	if (!memmem(u->pem, u->n, PEM_END, strlen(PEM_END)))
		return err_set(err, -EINVAL, "ends before its last line");
	ret = parse_envelope(u, NULL, NULL, &cms, err);
	if (ret)
		return ret;
	alg = padding_of(u->e, cms);
	*padding = alg ? X509_ALGOR_dup(alg) : NULL;
	if (alg && !*padding)
		ret = err_set(err, -ENOMEM, "out of memory");
	else if (!alg)
		ret = err_set(err, -EKEYREJECTED,
			      "wrapped to other certificates than %.200s",
			      u->e->cfg.certificate);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return ret;
}

/*
 * A library of the token may return any code. Those which mean that there is no whole
 * envelope, by which a file may be made or removed, are not its to say.
 */
static int code_of(int ret)
{
	switch (ret) {
	case 0:
	case -EBADMSG:
	case -EKEYREJECTED:
	case -EACCES:
	case -ENODEV:
	case -ENOMEM:
	case -ETIMEDOUT:
		return ret;
	default:
		return -EIO;
	}
}

int envelope_unwrap(struct envelope *e, const char *pem, size_t n, void *key,
		    size_t len, struct err *err)
{
	struct unwrapping u = { .e = e, .pem = pem, .n = n };
	X509_ALGOR *padding = NULL;
	int ret = check_envelope(&u, &padding, err);

	if (!ret)
		ret = code_of(apart_run(unwrap_apart, &u, key, len,
					TOKEN_SECONDS, err));
	if (ret) {
		X509_ALGOR_free(padding);
	} else {
		X509_ALGOR_free(e->opened);
		e->opened = padding;
	}
	return ret;
}
