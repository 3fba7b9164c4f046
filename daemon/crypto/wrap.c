// SPDX-License-Identifier: Apache-2.0
#include "crypto/wrap.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
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

static const EVP_CIPHER *wrap_cipher(unsigned int kwa)
{
	switch (kwa) {
	case GIKE_KWA_5649_128:
		return EVP_aes_128_wrap_pad();
	case GIKE_KWA_5649_192:
		return EVP_aes_192_wrap_pad();
	default:
		return EVP_aes_256_wrap_pad();
	}
}

/*
 * Run the cipher; @out has room for the longest result. Returns 0, -EIO, or
 * -EBADMSG when unwrapping.
 */
static int run_cipher(unsigned int kwa, const uint8_t *kwk, int enc,
		      const uint8_t *in, size_t len, uint8_t *out,
		      size_t *out_len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, tail = 0, ret = -EIO;

	if (!ctx)
		return -ENOMEM;
	EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex(ctx, wrap_cipher(kwa), NULL, kwk, NULL, enc) != 1)
		goto out;
	ret = enc ? -EIO : -EBADMSG;
	if (EVP_CipherUpdate(ctx, out, &n, in, (int)len) != 1 ||
	    EVP_CipherFinal_ex(ctx, out + n, &tail) != 1)
		goto out;
	*out_len = (size_t)(n + tail);
	ret = 0;
out:
	EVP_CIPHER_CTX_free(ctx);
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
