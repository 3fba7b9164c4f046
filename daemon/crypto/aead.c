// SPDX-License-Identifier: Apache-2.0
#include "crypto/aead.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define NONCE_LEN (AEAD_SALT_LEN + AEAD_IV_LEN)

size_t aead_key_len(unsigned int id, unsigned int key_bits)
{
	switch (id) {
	case IKE_ENCR_AES_GCM_16:
		return key_bits == 128 || key_bits == 256
			       ? key_bits / 8 + AEAD_SALT_LEN
			       : 0;
	case IKE_ENCR_CHACHA20_POLY1305:
		return !key_bits || key_bits == 256 ? 32 + AEAD_SALT_LEN : 0;
	default:
		return 0;
	}
}

static const EVP_CIPHER *aead_cipher(unsigned int id, size_t key_len)
{
	if (id == IKE_ENCR_CHACHA20_POLY1305 && key_len == 32 + AEAD_SALT_LEN)
		return EVP_chacha20_poly1305();
	if (id == IKE_ENCR_AES_GCM_16 && key_len == 16 + AEAD_SALT_LEN)
		return EVP_aes_128_gcm();
	if (id == IKE_ENCR_AES_GCM_16 && key_len == 32 + AEAD_SALT_LEN)
		return EVP_aes_256_gcm();
	return NULL;
}

/*
 * Return a context with key and nonce set, and with the associated data
 * processed.
 */
static int aead_start(EVP_CIPHER_CTX **out, unsigned int id, const uint8_t *key,
		      size_t key_len, const uint8_t *iv, const void *aad,
		      size_t aad_len, size_t len, int enc)
{
	const EVP_CIPHER *c = aead_cipher(id, key_len);
	uint8_t nonce[NONCE_LEN];
	EVP_CIPHER_CTX *ctx;
	int n;

	if (!c)
		return -EOPNOTSUPP;
	if (len > INT_MAX || aad_len > INT_MAX)
		return -EINVAL;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return -ENOMEM;
	memcpy(nonce, key + key_len - AEAD_SALT_LEN, AEAD_SALT_LEN);
	memcpy(nonce + AEAD_SALT_LEN, iv, AEAD_IV_LEN);
	if (EVP_CipherInit_ex(ctx, c, NULL, key, nonce, enc) != 1 ||
	    (aad_len &&
	     EVP_CipherUpdate(ctx, NULL, &n, aad, (int)aad_len) != 1)) {
		EVP_CIPHER_CTX_free(ctx);
		return -EIO;
	}
	*out = ctx;
	return 0;
}

int aead_seal(unsigned int id, const uint8_t *key, size_t key_len,
	      const uint8_t iv[AEAD_IV_LEN], const void *aad, size_t aad_len,
	      const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx;
	int n = 0, ret;

	ret = aead_start(&ctx, id, key, key_len, iv, aad, aad_len, len, 1);
	if (ret)
		return ret;
	if ((len && EVP_CipherUpdate(ctx, out, &n, in, (int)len) != 1) ||
	    EVP_CipherFinal_ex(ctx, out + n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN,
				out + len) != 1)
		ret = -EIO;
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}

int aead_open(unsigned int id, const uint8_t *key, size_t key_len,
	      const uint8_t iv[AEAD_IV_LEN], const void *aad, size_t aad_len,
	      const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t tag[AEAD_TAG_LEN];
	EVP_CIPHER_CTX *ctx;
	int n = 0, ret;

	if (len < AEAD_TAG_LEN)
		return -EBADMSG;
	len -= AEAD_TAG_LEN;
	/* The tag is saved first, because @out may be @in. */
	memcpy(tag, in + len, sizeof(tag));
	ret = aead_start(&ctx, id, key, key_len, iv, aad, aad_len, len, 0);
	if (ret)
		return ret;
	if ((len && EVP_CipherUpdate(ctx, out, &n, in, (int)len) != 1) ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN,
				tag) != 1)
		ret = -EIO;
	else if (EVP_CipherFinal_ex(ctx, out + n, &n) != 1)
		ret = -EBADMSG;
	if (ret)
		OPENSSL_cleanse(out, len);
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}
