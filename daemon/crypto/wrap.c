// SPDX-License-Identifier: Apache-2.0
#include "crypto/wrap.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/modes.h>
#include <stdbool.h>
#include <string.h>

size_t wrap_key_len(unsigned int kwa)
{
	switch (kwa) {
	case GIKE_KWA_5649_128:
		return 16;
	case GIKE_KWA_5649_192:
		return 24;
	case GIKE_KWA_5649_256:
		return 32;
	default:
		return 0;
	}
}

size_t wrap_len(size_t m)
{
	return (m + 7) / 8 * 8 + 8;
}

/*
 * The cipher is fetched once, since a fetch takes longer than to wrap a key. Returns
 * NULL if there is none.
 */
static EVP_CIPHER *ecb_cipher(unsigned int kwa)
{
	static EVP_CIPHER *fetched[3];
	static const char *const names[] = { "AES-128-ECB", "AES-192-ECB",
					     "AES-256-ECB" };
	size_t i = wrap_key_len(kwa) / 8 - 2;

	if (!fetched[i])
		fetched[i] = EVP_CIPHER_fetch(NULL, names[i], NULL);
	return fetched[i];
}

struct blocks {
	EVP_CIPHER_CTX *ctx;
	bool failed;
};

static void run_block(const unsigned char in[16], unsigned char out[16],
		      const void *key)
{
	struct blocks *b = (struct blocks *)key;
	int n = 0;

	if (EVP_CipherUpdate(b->ctx, out, &n, in, 16) != 1 || n != 16)
		b->failed = true;
}

/*
 * Run the cipher; @out has room for the longest result. Returns 0, -EIO, or
 * -EBADMSG when unwrapping.
 *
 * EVP_aes_256_wrap_pad() has AES without the instructions of the CPU for it, with
 * tables of which the cache shows the use. The mode is also in libcrypto by itself,
 * for any block cipher; it is given AES by EVP, which takes a quarter of the time.
 */
static int run_cipher(unsigned int kwa, const uint8_t *kwk, int enc,
		      const uint8_t *in, size_t len, uint8_t *out,
		      size_t *out_len)
{
	struct blocks b = { .ctx = EVP_CIPHER_CTX_new() };
	int ret = enc ? -EIO : -EBADMSG;

	if (!b.ctx)
		return -ENOMEM;
	if (EVP_CipherInit_ex2(b.ctx, ecb_cipher(kwa), kwk, NULL, enc, NULL) !=
		    1 ||
	    EVP_CIPHER_CTX_set_padding(b.ctx, 0) != 1) {
		EVP_CIPHER_CTX_free(b.ctx);
		return -EIO;
	}
	if (enc)
		*out_len =
			CRYPTO_128_wrap_pad(&b, NULL, out, in, len, run_block);
	else
		*out_len = CRYPTO_128_unwrap_pad(&b, NULL, out, in, len,
						 run_block);
	if (*out_len && !b.failed)
		ret = 0;
	else if (b.failed)
		ret = -EIO;
	EVP_CIPHER_CTX_free(b.ctx);
	return ret;
}

int wrap_key(unsigned int kwa, const uint8_t *kwk, size_t kwk_len,
	     const uint8_t *in, size_t len, uint8_t *out)
{
	size_t n;
	int ret;

	if (!wrap_key_len(kwa) || kwk_len != wrap_key_len(kwa))
		return -EOPNOTSUPP;
	if (!len || len > WRAP_MAX)
		return -EINVAL;
	ret = run_cipher(kwa, kwk, 1, in, len, out, &n);
	if (!ret && n != wrap_len(len))
		ret = -EIO;
	return ret;
}

int unwrap_key(unsigned int kwa, const uint8_t *kwk, size_t kwk_len,
	       const uint8_t *in, size_t len, uint8_t *out, size_t size,
	       size_t *out_len)
{
	/* OpenSSL writes whole blocks before it knows the length. */
	uint8_t buf[WRAP_MAX_OUT + 16];
	size_t n;
	int ret;

	if (!wrap_key_len(kwa) || kwk_len != wrap_key_len(kwa))
		return -EOPNOTSUPP;
	if (len < 16 || len % 8 || len > WRAP_MAX_OUT)
		ret = -EBADMSG;
	else
		ret = run_cipher(kwa, kwk, 0, in, len, buf, &n);
	/*
	 * A valid integrity check with an impossible length must have been made
	 * on purpose.
	 */
	if (!ret && (!n || n > len - 8))
		ret = -EBADMSG;
	if (!ret && n > size)
		ret = -ENOSPC;
	if (ret) {
		OPENSSL_cleanse(out, size);
	} else {
		memcpy(out, buf, n);
		*out_len = n;
	}
	OPENSSL_cleanse(buf, sizeof(buf));
	return ret;
}
