// SPDX-License-Identifier: Apache-2.0
/* Keys, and signing with them; sigalg.c checks signatures. */
#include "crypto/sign.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/pkey.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/secret.h"

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS (SIG_MAX_LEN * 8)
#define KEY_FILE_MAX 16384
#define ALG_ID OSSL_SIGNATURE_PARAM_ALGORITHM_ID
/*
 * One in two to four ECDSA signatures has the most common length; if so many
 * don't, the generator is broken.
 */
#define RESIGN_MAX 256

struct sigkey {
	enum sig_type type;
	EVP_PKEY *key;
	uint8_t alg[SIG_MAX_ALG];
	size_t alg_len;
};

struct sigpub {
	enum sig_type type;
	EVP_PKEY *key;
	uint8_t *spki;
	size_t spki_len;
};

static enum sig_type ec_type(const EVP_PKEY *key)
{
	char buf[32];
	size_t n;

	/* explicit parameters may be a curve that only looks like one */
	if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING,
					   buf, sizeof(buf), &n) != 1 ||
	    strcmp(buf, OSSL_PKEY_EC_ENCODING_GROUP) ||
	    EVP_PKEY_get_group_name(key, buf, sizeof(buf), &n) != 1)
		return 0;
	if (!strcmp(buf, SN_X9_62_prime256v1))
		return SIG_ECDSA_P256;
	return !strcmp(buf, SN_secp384r1) ? SIG_ECDSA_P384 : 0;
}

enum sig_type pkey_type(const EVP_PKEY *key)
{
	int bits;

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_ED25519:
		return SIG_ED25519;
	case EVP_PKEY_EC:
		return ec_type(key);
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		bits = EVP_PKEY_get_bits(key);
		return bits >= RSA_MIN_BITS && bits <= RSA_MAX_BITS
			       ? SIG_RSA_PSS
			       : 0;
	default:
		return 0;
	}
}

const EVP_MD *pkey_md(enum sig_type type)
{
	switch (type) {
	case SIG_ED25519:
		return NULL;
	case SIG_ECDSA_P256:
	case SIG_RSA_PSS:
		return EVP_sha256();
	case SIG_ECDSA_P384:
		return EVP_sha384();
	}
	return NULL;
}

const char *sig_type_str(enum sig_type type)
{
	switch (type) {
	case SIG_ED25519:
		return "Ed25519";
	case SIG_ECDSA_P256:
		return "ECDSA with P-256";
	case SIG_ECDSA_P384:
		return "ECDSA with P-384";
	case SIG_RSA_PSS:
		return "RSASSA-PSS";
	}
	return "unknown";
}

int pem_no_password(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)ctx;
	return -1;
}

/* ---- private keys ---- */

static EVP_MD_CTX *sign_ctx(const struct sigkey *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;

	if (!ctx)
		return NULL;
	if (EVP_DigestSignInit(ctx, &pctx, pkey_md(key->type), NULL,
			       key->key) == 1 &&
	    (key->type != SIG_RSA_PSS ||
	     (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	      EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) ==
		      1)))
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

static int find_alg(struct sigkey *key)
{
	EVP_MD_CTX *ctx = sign_ctx(key);
	OSSL_PARAM params[2];
	int ret = -EIO;

	if (!ctx)
		return -EIO;
	params[0] = OSSL_PARAM_construct_octet_string(ALG_ID, key->alg,
						      sizeof(key->alg));
	params[1] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_CTX_get_params(EVP_MD_CTX_get_pkey_ctx(ctx), params) ==
		    1 &&
	    params[0].return_size &&
	    params[0].return_size <= sizeof(key->alg)) {
		key->alg_len = params[0].return_size;
		ret = 0;
	}
	EVP_MD_CTX_free(ctx);
	return ret;
}

/* Takes @pkey over, also when it fails. */
static int sigkey_new(EVP_PKEY *pkey, struct sigkey **out)
{
	enum sig_type type = pkey_type(pkey);
	struct sigkey *key;
	int ret;

	if (!type) {
		EVP_PKEY_free(pkey);
		return -EOPNOTSUPP;
	}
	key = calloc(1, sizeof(*key));
	if (!key) {
		EVP_PKEY_free(pkey);
		return -ENOMEM;
	}
	key->type = type;
	key->key = pkey;
	ret = find_alg(key);
	if (ret) {
		sigkey_free(key);
		return ret;
	}
	*out = key;
	return 0;
}

int sigkey_load(const char *path, struct sigkey **out, struct err *err)
{
	EVP_PKEY *pkey = NULL;
	uint8_t *pem;
	size_t len;
	BIO *bio;
	int ret;

	ret = file_read_secret(path, KEY_FILE_MAX, &pem, &len, err);
	if (ret)
		return ret;
	bio = BIO_new_mem_buf(pem, (int)len);
	if (bio)
		pkey = PEM_read_bio_PrivateKey(bio, NULL, pem_no_password,
					       NULL);
	BIO_free(bio);
	secret_free(pem);
	if (!pkey)
		return err_set(err, -EBADMSG,
			       "%s: no unencrypted private key in PEM form in it",
			       path);
	ret = sigkey_new(pkey, out);
	if (ret == -EOPNOTSUPP)
		err_set(err, ret,
			"%s: neither Ed25519, ECDSA P-256 or P-384, nor RSA of %d to %d bits",
			path, RSA_MIN_BITS, RSA_MAX_BITS);
	else if (ret)
		err_set(err, ret, "%s: %s", path, strerror(-ret));
	return ret;
}

int sigkey_generate(enum sig_type type, struct sigkey **out)
{
	EVP_PKEY *pkey = NULL;

	switch (type) {
	case SIG_ED25519:
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	case SIG_ECDSA_P256:
		pkey = EVP_EC_gen(SN_X9_62_prime256v1);
		break;
	case SIG_ECDSA_P384:
		pkey = EVP_EC_gen(SN_secp384r1);
		break;
	case SIG_RSA_PSS:
		pkey = EVP_RSA_gen(3072);
		break;
	}
	return pkey ? sigkey_new(pkey, out) : -EIO;
}

int sigkey_to_der(const struct sigkey *key, uint8_t **der, size_t *len)
{
	PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key->key);
	unsigned char *p = NULL;
	int n;

	if (!p8)
		return -EIO;
	n = i2d_PKCS8_PRIV_KEY_INFO(p8, &p);
	PKCS8_PRIV_KEY_INFO_free(p8);
	if (n <= 0)
		return -EIO;
	*der = secret_dup(p, (size_t)n);
	*len = (size_t)n;
	OPENSSL_clear_free(p, (size_t)n);
	return *der ? 0 : -ENOMEM;
}

int sigkey_from_der(const uint8_t *der, size_t len, struct sigkey **out)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *p8;
	EVP_PKEY *pkey = NULL;

	if (len > LONG_MAX)
		return -EBADMSG;
	p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len);
	if (p8 && p == der + len)
		pkey = EVP_PKCS82PKEY(p8);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return pkey ? sigkey_new(pkey, out) : -EBADMSG;
}

int sigkey_save(const struct sigkey *key, const char *path, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *pem;
	long len;
	int ret;

	if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key->key, NULL, NULL, 0,
						  NULL, NULL) != 1) {
		BIO_free(bio);
		return err_set(err, -EIO, "%s: can't encode the key", path);
	}
	len = BIO_get_mem_data(bio, &pem);
	ret = file_create(path, 0600, pem, (size_t)len, err);
	OPENSSL_cleanse(pem, (size_t)len);
	BIO_free(bio);
	return ret;
}

void sigkey_free(struct sigkey *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->key);
	free(key);
}

EVP_PKEY *sigkey_pkey(const struct sigkey *key)
{
	return key->key;
}

enum sig_type sigkey_type(const struct sigkey *key)
{
	return key->type;
}

enum sig_hash sigkey_hash(const struct sigkey *key)
{
	switch (key->type) {
	case SIG_ED25519:
		return SIG_HASH_IDENTITY;
	case SIG_ECDSA_P256:
	case SIG_RSA_PSS:
		return SIG_HASH_SHA2_256;
	case SIG_ECDSA_P384:
		return SIG_HASH_SHA2_384;
	}
	return 0;
}

void sigkey_alg(const struct sigkey *key, const uint8_t **der, size_t *len)
{
	*der = key->alg;
	*len = key->alg_len;
}

size_t sigkey_sig_len(const struct sigkey *key)
{
	switch (key->type) {
	case SIG_ED25519:
		return 64;
	case SIG_ECDSA_P256:
		return 71;
	case SIG_ECDSA_P384:
		return 103;
	case SIG_RSA_PSS:
		return (size_t)EVP_PKEY_get_size(key->key);
	}
	return 0;
}

int sigkey_pub(const struct sigkey *key, struct sigpub **out)
{
	return sigpub_from_pkey(key->key, out);
}

int sig_sign(const struct sigkey *key, const void *msg, size_t len,
	     uint8_t *sig, size_t *sig_len)
{
	EVP_MD_CTX *ctx = sign_ctx(key);
	int ret = -EIO;

	if (!ctx)
		return -EIO;
	*sig_len = SIG_MAX_LEN;
	if (EVP_DigestSign(ctx, sig, sig_len, msg, len) == 1)
		ret = 0;
	EVP_MD_CTX_free(ctx);
	return ret;
}

int sig_sign_len(const struct sigkey *key, const void *msg, size_t len,
		 uint8_t *sig, size_t want)
{
	uint8_t buf[SIG_MAX_LEN];
	size_t n;
	int i, ret;

	for (i = 0; i < RESIGN_MAX; i++) {
		ret = sig_sign(key, msg, len, buf, &n);
		if (ret)
			return ret;
		if (n == want) {
			memcpy(sig, buf, n);
			return 0;
		}
		if (key->type == SIG_ED25519 || key->type == SIG_RSA_PSS)
			break;
	}
	return -ERANGE;
}

/* ---- public keys ---- */

int sigpub_from_pkey(EVP_PKEY *key, struct sigpub **out)
{
	enum sig_type type = pkey_type(key);
	unsigned char *der = NULL;
	struct sigpub *pub;
	int n;

	if (!type)
		return -EOPNOTSUPP;
	pub = calloc(1, sizeof(*pub));
	if (!pub)
		return -ENOMEM;
	n = i2d_PUBKEY(key, &der);
	if (n <= 0 || EVP_PKEY_up_ref(key) != 1) {
		OPENSSL_free(der);
		free(pub);
		return -EIO;
	}
	pub->type = type;
	pub->key = key;
	pub->spki = der;
	pub->spki_len = (size_t)n;
	*out = pub;
	return 0;
}

int sigpub_from_spki(const uint8_t *der, size_t len, struct sigpub **out)
{
	const unsigned char *p = der;
	EVP_PKEY *key;
	int ret;

	if (!len || len > SIG_MAX_SPKI)
		return -EBADMSG;
	key = d2i_PUBKEY(NULL, &p, (long)len);
	if (!key)
		return -EBADMSG;
	ret = p == der + len ? sigpub_from_pkey(key, out) : -EBADMSG;
	EVP_PKEY_free(key);
	return ret;
}

void sigpub_spki(const struct sigpub *pub, const uint8_t **der, size_t *len)
{
	*der = pub->spki;
	*len = pub->spki_len;
}

enum sig_type sigpub_type(const struct sigpub *pub)
{
	return pub->type;
}

bool sigpub_equal(const struct sigpub *a, const struct sigpub *b)
{
	return EVP_PKEY_eq(a->key, b->key) == 1;
}

void sigpub_free(struct sigpub *pub)
{
	if (!pub)
		return;
	EVP_PKEY_free(pub->key);
	OPENSSL_free(pub->spki);
	free(pub);
}

const char *sigpub_name(const struct sigpub *pub,
			char buf[static SIGPUB_NAME_LEN])
{
	uint8_t digest[HASH_SHA256_LEN];
	struct iovec iov;
	const uint8_t *der;
	size_t len, i;

	buf[0] = '\0';
	sigpub_spki(pub, &der, &len);
	iov = (struct iovec){ (void *)der, len };
	if (hash_sha256(&iov, 1, digest))
		return buf;
	for (i = 0; i < (SIGPUB_NAME_LEN - 1) / 2; i++)
		snprintf(buf + 2 * i, 3, "%02x", digest[i]);
	return buf;
}

EVP_PKEY *sigpub_pkey(const struct sigpub *pub)
{
	return pub->key;
}
