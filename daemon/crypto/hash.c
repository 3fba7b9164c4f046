// SPDX-License-Identifier: Apache-2.0
#include "crypto/hash.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

static int hash_pieces(const EVP_MD *md, const struct iovec *iov, size_t n,
		       uint8_t *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ret = -EIO;
	size_t i;

	if (!ctx)
		return -ENOMEM;
	if (EVP_DigestInit_ex(ctx, md, NULL) != 1)
		goto out;
	for (i = 0; i < n; i++)
		if (iov[i].iov_len &&
		    EVP_DigestUpdate(ctx, iov[i].iov_base, iov[i].iov_len) != 1)
			goto out;
	if (EVP_DigestFinal_ex(ctx, out, NULL) == 1)
		ret = 0;
out:
	EVP_MD_CTX_free(ctx);
	return ret;
}

int hash_sha1(const struct iovec *iov, size_t n, uint8_t out[HASH_SHA1_LEN])
{
	return hash_pieces(EVP_sha1(), iov, n, out);
}

int hash_sha256(const struct iovec *iov, size_t n, uint8_t out[HASH_SHA256_LEN])
{
	return hash_pieces(EVP_sha256(), iov, n, out);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
	return !n || !CRYPTO_memcmp(a, b, n);
}
