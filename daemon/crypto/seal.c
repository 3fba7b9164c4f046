// SPDX-License-Identifier: Apache-2.0
#include "crypto/seal.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "lib/credential.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/secret.h"

#define NONCE_LEN 12
#define TAG_LEN 16

struct sealer {
	const struct sealer_ops *ops;
	void *ctx;
};

int sealer_with(const struct sealer_ops *ops, void *ctx, struct sealer **out)
{
	struct sealer *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ops = ops;
	s->ctx = ctx;
	*out = s;
	return 0;
}

void sealer_free(struct sealer *s)
{
	if (!s)
		return;
	s->ops->free(s->ctx);
	free(s);
}

int seal(const struct sealer *s, const char *name, const void *in, size_t len,
	 uint8_t *out)
{
	return s->ops->seal(s->ctx, name, in, len, out);
}

int unseal(const struct sealer *s, const char *name, const uint8_t *in,
	   size_t len, void *out)
{
	return s->ops->unseal(s->ctx, name, in, len, out);
}

/* ---- local keys --------------------------------------------------------- */

static int create_key_file(const char *path, struct err *err)
{
	uint8_t key[SEAL_KEY_LEN];
	int ret = rand_bytes(key, sizeof(key));

	if (ret)
		return err_set(err, ret, "random number generator failed");
	ret = file_create(path, 0600, key, sizeof(key), err);
	OPENSSL_cleanse(key, sizeof(key));
	return ret;
}

/* The cipher is fetched once, since a fetch takes as long as to seal a record. */
static const EVP_CIPHER *gcm_cipher(void)
{
	static EVP_CIPHER *fetched;

	if (!fetched)
		fetched = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	return fetched;
}

static EVP_CIPHER_CTX *start_gcm(const uint8_t key[SEAL_KEY_LEN],
				 const char *name, const uint8_t *nonce,
				 int enc)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	if (ctx &&
	    EVP_CipherInit_ex2(ctx, gcm_cipher(), key, nonce, enc, NULL) == 1 &&
	    EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)name,
			     (int)strlen(name)) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static int local_seal(void *key, const char *name, const void *in, size_t len,
		      uint8_t *out)
{
	uint8_t *body = out + NONCE_LEN;
	EVP_CIPHER_CTX *ctx;
	int n = 0, ret;

	if (len > INT_MAX)
		return -EINVAL;
	ret = rand_bytes(out, NONCE_LEN);
	if (ret)
		return ret;
	ctx = start_gcm(key, name, out, 1);
	if (!ctx)
		return -EIO;
	if ((len && EVP_CipherUpdate(ctx, body, &n, in, (int)len) != 1) ||
	    EVP_CipherFinal_ex(ctx, body + n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN,
				body + len) != 1)
		ret = -EIO;
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

static int local_unseal(void *key, const char *name, const uint8_t *in,
			size_t len, void *out)
{
	const uint8_t *body = in + NONCE_LEN;
	uint8_t tag[TAG_LEN], *dst = out;
	EVP_CIPHER_CTX *ctx;
	int n = 0, ret = 0;

	if (len < SEAL_OVERHEAD || len - SEAL_OVERHEAD > INT_MAX)
		return -EBADMSG;
	len -= SEAL_OVERHEAD;
	memcpy(tag, body + len, sizeof(tag));
	ctx = start_gcm(key, name, in, 0);
	if (!ctx)
		return -EIO;
	if ((len && EVP_CipherUpdate(ctx, dst, &n, body, (int)len) != 1) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1)
		ret = -EIO;
	else if (EVP_CipherFinal_ex(ctx, dst + n, &n) != 1)
		ret = -EBADMSG;
	if (ret)
		OPENSSL_cleanse(out, len);
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

static const struct sealer_ops local_ops = {
	.seal = local_seal,
	.unseal = local_unseal,
	.free = secret_free, /* wipes */
};

int sealer_new(const uint8_t key[SEAL_KEY_LEN], struct sealer **out)
{
	uint8_t *copy = secret_dup(key, SEAL_KEY_LEN);
	int ret = copy ? sealer_with(&local_ops, copy, out) : -ENOMEM;

	if (ret)
		secret_free(copy);
	return ret;
}

int sealer_load(const char *path, bool make, struct sealer **out,
		struct err *err)
{
	uint8_t *key;
	size_t len;
	int ret;

	ret = credential_read(path, SEAL_KEY_LEN, &key, &len, err);
	if (ret == -ENOENT && make) {
		ret = create_key_file(path, err);
		if (ret)
			return ret;
		ret = file_read_secret(path, SEAL_KEY_LEN, &key, &len, err);
	}
	if (ret)
		return ret;
	if (len != SEAL_KEY_LEN)
		ret = err_set(err, -EINVAL, "%s: %zu octets where a key has %d",
			      path, len, SEAL_KEY_LEN);
	else
		ret = sealer_new(key, out);
	secret_free(key);
	return ret;
}
