// SPDX-License-Identifier: Apache-2.0
/* Private keys that OpenSSL holds in this process. */
#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/mldsa.h"
#include "crypto/pkey.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/secret.h"

#define KEY_FILE_MAX 16384
#define ALG_ID OSSL_SIGNATURE_PARAM_ALGORITHM_ID

struct local_key {
	enum sig_type type;
	EVP_PKEY *key;
};

/* ---- operations --------------------------------------------------------- */

static EVP_MD_CTX *sign_ctx(const struct local_key *key)
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

static int local_sign(void *ctx, const void *msg, size_t len, uint8_t *sig,
		      size_t *sig_len)
{
	EVP_MD_CTX *md = sign_ctx(ctx);
	int ret = -EIO;

	if (!md)
		return -EIO;
	*sig_len = SIG_MAX_LEN;
	if (EVP_DigestSign(md, sig, sig_len, msg, len) == 1)
		ret = 0;
	EVP_MD_CTX_free(md);
	return ret;
}

static int local_to_der(void *ctx, uint8_t **der, size_t *len)
{
	const struct local_key *key = ctx;
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

static void local_free(void *ctx)
{
	struct local_key *key = ctx;

	EVP_PKEY_free(key->key);
	free(key);
}

static const struct sigkey_ops local_ops = {
	.sign = local_sign,
	.to_der = local_to_der,
	.free = local_free,
};

EVP_PKEY *sigkey_pkey(const struct sigkey *key)
{
	const struct local_key *local = sigkey_ctx(key, &local_ops);

	return local ? local->key : NULL;
}

/* ---- load, store, generate ---------------------------------------------- */

static int find_alg(const struct local_key *key, uint8_t *alg, size_t *alg_len)
{
	EVP_MD_CTX *ctx;
	OSSL_PARAM params[2];
	int ret = -EIO;

	*alg_len = mldsa_alg(key->type, alg);
	if (*alg_len)
		return 0;
	ctx = sign_ctx(key);
	if (!ctx)
		return -EIO;
	params[0] = OSSL_PARAM_construct_octet_string(ALG_ID, alg, SIG_MAX_ALG);
	params[1] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_CTX_get_params(EVP_MD_CTX_get_pkey_ctx(ctx), params) ==
		    1 &&
	    params[0].return_size && params[0].return_size <= SIG_MAX_ALG) {
		*alg_len = params[0].return_size;
		ret = 0;
	}
	EVP_MD_CTX_free(ctx);
	return ret;
}

/* Take over @pkey, even on failure. */
static int take_pkey(EVP_PKEY *pkey, struct sigkey **out)
{
	struct local_key *key = calloc(1, sizeof(*key));
	struct sigpub *pub = NULL;
	uint8_t alg[SIG_MAX_ALG];
	size_t alg_len;
	int ret;

	if (!key) {
		EVP_PKEY_free(pkey);
		return -ENOMEM;
	}
	key->type = pkey_type(pkey);
	key->key = pkey;
	ret = sigpub_from_pkey(pkey, &pub);
	if (!ret)
		ret = find_alg(key, alg, &alg_len);
	if (!ret)
		ret = sigkey_with(&local_ops, key, pub, alg, alg_len, out);
	sigpub_free(pub);
	if (ret)
		local_free(key);
	return ret;
}

/* The form of a file says which key is in it, even if OpenSSL cannot read that. */
static bool lacks_key(const void *pem, size_t len, const char *path,
		      struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)len);
	const ASN1_OBJECT *oid = NULL;
	PKCS8_PRIV_KEY_INFO *p8;
	struct err why;
	bool ret;

	p8 = bio ? PEM_read_bio_PKCS8_PRIV_KEY_INFO(bio, NULL, pem_no_password,
						    NULL)
		 : NULL;
	if (p8)
		PKCS8_pkey_get0(&oid, NULL, NULL, NULL, p8);
	ret = mldsa_lacks(oid, "a key", &why);
	if (ret)
		err_set(err, -EOPNOTSUPP, "%s: %s", path, why.text);
	PKCS8_PRIV_KEY_INFO_free(p8);
	BIO_free(bio);
	return ret;
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
	if (!pkey && lacks_key(pem, len, path, err)) {
		secret_free(pem);
		return -EOPNOTSUPP;
	}
	secret_free(pem);
	if (!pkey)
		return err_set(err, -EBADMSG,
			       "%s: no unencrypted private key in PEM form",
			       path);
	ret = take_pkey(pkey, out);
	if (ret == -EOPNOTSUPP)
		err_set(err, ret,
			"%s: neither Ed25519, ECDSA P-256 or P-384, ML-DSA, nor RSA of %d to %d bits",
			path, SIG_RSA_MIN_BITS, SIG_RSA_MAX_BITS);
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
	case SIG_ML_DSA_44:
	case SIG_ML_DSA_65:
	case SIG_ML_DSA_87:
		pkey = mldsa_generate(type);
		if (!pkey && !mldsa_available(type))
			return -EOPNOTSUPP;
		break;
	}
	return pkey ? take_pkey(pkey, out) : -EIO;
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
	return pkey ? take_pkey(pkey, out) : -EBADMSG;
}

int sigkey_pem(const struct sigkey *key, char **pem, size_t *len)
{
	EVP_PKEY *pkey = sigkey_pkey(key);
	char *text;
	BIO *bio;

	if (!pkey)
		return -EOPNOTSUPP;
	*pem = NULL;
	bio = BIO_new(BIO_s_secmem());
	if (bio && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL,
						 NULL) == 1) {
		*len = (size_t)BIO_get_mem_data(bio, &text);
		*pem = secret_dup(text, *len);
		OPENSSL_cleanse(text, *len);
	}
	BIO_free(bio);
	return *pem ? 0 : -EIO;
}

int sigkey_save(const struct sigkey *key, const char *path, struct err *err)
{
	size_t len;
	char *pem;
	int ret = sigkey_pem(key, &pem, &len);

	if (ret == -EOPNOTSUPP)
		return err_set(err, ret,
			       "%s: the key is not in this process, and cannot be saved",
			       path);
	if (ret)
		return err_set(err, ret, "%s: the key could not be encoded",
			       path);
	ret = file_create(path, 0600, pem, len, err);
	secret_free(pem);
	return ret;
}

int pem_no_password(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)ctx;
	return -1;
}
