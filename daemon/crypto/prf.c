// SPDX-License-Identifier: Apache-2.0
#include "crypto/prf.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

static const char *prf_digest(unsigned int id)
{
	switch (id) {
	case IKE_PRF_HMAC_SHA2_256:
		return "SHA256";
	case IKE_PRF_HMAC_SHA2_384:
		return "SHA384";
	case IKE_PRF_HMAC_SHA2_512:
		return "SHA512";
	default:
		return NULL;
	}
}

size_t prf_len(unsigned int id)
{
	switch (id) {
	case IKE_PRF_HMAC_SHA2_256:
		return 32;
	case IKE_PRF_HMAC_SHA2_384:
		return 48;
	case IKE_PRF_HMAC_SHA2_512:
		return 64;
	default:
		return 0;
	}
}

int prf(unsigned int id, const void *key, size_t klen, const struct iovec *iov,
	size_t n, uint8_t *out)
{
	/*
	 * The algorithm is fetched once, since a fetch costs more than a short
	 * MAC.
	 */
	static EVP_MAC *hmac;
	/* OpenSSL takes a NULL key as the previous key. */
	static const uint8_t empty[1];
	EVP_MAC_CTX *ctx;
	OSSL_PARAM params[2];
	size_t i, got;
	int ret = -EIO;

	if (!prf_digest(id))
		return -EOPNOTSUPP;
	if (!hmac)
		hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!hmac)
		return -EIO;
	ctx = EVP_MAC_CTX_new(hmac);
	if (!ctx)
		return -ENOMEM;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						     (char *)prf_digest(id), 0);
	params[1] = OSSL_PARAM_construct_end();
	if (EVP_MAC_init(ctx, klen ? key : empty, klen, params) != 1)
		goto out;
	for (i = 0; i < n; i++)
		if (iov[i].iov_len &&
		    EVP_MAC_update(ctx, iov[i].iov_base, iov[i].iov_len) != 1)
			goto out;
	if (EVP_MAC_final(ctx, out, &got, prf_len(id)) == 1 &&
	    got == prf_len(id))
		ret = 0;
out:
	EVP_MAC_CTX_free(ctx);
	return ret;
}

int prf_one(unsigned int id, const void *key, size_t klen, const void *data,
	    size_t len, uint8_t *out)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };

	return prf(id, key, klen, &iov, 1, out);
}

int prf_plus(unsigned int id, const void *key, size_t klen, const void *seed,
	     size_t slen, uint8_t *out, size_t outlen)
{
	size_t len = prf_len(id), done = 0, n;
	uint8_t t[PRF_MAX_LEN], count = 0;
	struct iovec iov[3] = {
		{ .iov_base = t, .iov_len = 0 },
		{ .iov_base = (void *)seed, .iov_len = slen },
		{ .iov_base = &count, .iov_len = 1 },
	};
	int ret = 0;

	if (!len)
		return -EOPNOTSUPP;
	if (outlen > 255 * len)
		return -E2BIG;
	while (done < outlen && !ret) {
		count++;
		ret = prf(id, key, klen, iov, 3, t);
		iov[0].iov_len = len;
		n = outlen - done < len ? outlen - done : len;
		if (!ret)
			memcpy(out + done, t, n);
		done += n;
	}
	if (ret)
		OPENSSL_cleanse(out, outlen);
	OPENSSL_cleanse(t, sizeof(t));
	return ret;
}
