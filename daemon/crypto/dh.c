// SPDX-License-Identifier: Apache-2.0
#include "crypto/dh.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"

#define X25519_LEN 32

struct dh {
	unsigned int group;
	EVP_PKEY *key;
	uint8_t pub[DH_MAX_PUBLIC];
};

/*
 * Return the NID of a NIST curve; X25519 has functions of its own in OpenSSL.
 */
static int curve_nid(unsigned int group)
{
	return group == IKE_KE_P256 ? NID_X9_62_prime256v1 : NID_secp384r1;
}

static const char *curve_name(unsigned int group)
{
	return group == IKE_KE_P256 ? SN_X9_62_prime256v1 : SN_secp384r1;
}

size_t dh_public_len(unsigned int group)
{
	switch (group) {
	case IKE_KE_P256:
		return 64;
	case IKE_KE_P384:
		return 96;
	case IKE_KE_X25519:
		return X25519_LEN;
	default:
		return 0;
	}
}

size_t dh_shared_len(unsigned int group)
{
	return group == IKE_KE_X25519 ? X25519_LEN : dh_public_len(group) / 2;
}

/* Make a struct dh with the public value of @key, which is taken over. */
static int dh_from_pkey(unsigned int group, EVP_PKEY *key, struct dh **out)
{
	size_t len = dh_public_len(group), n;
	unsigned char *enc = NULL;
	struct dh *dh;
	int skip;

	if (!key)
		return -EIO;
	dh = calloc(1, sizeof(*dh));
	if (!dh) {
		EVP_PKEY_free(key);
		return -ENOMEM;
	}
	dh->group = group;
	dh->key = key;
	n = EVP_PKEY_get1_encoded_public_key(key, &enc);
	/* A leading octet of 4 marks an uncompressed NIST point. */
	skip = group != IKE_KE_X25519;
	if (n != len + (size_t)skip || (skip && enc[0] != 4)) {
		OPENSSL_free(enc);
		dh_free(dh);
		return -EIO;
	}
	memcpy(dh->pub, enc + skip, len);
	OPENSSL_free(enc);
	*out = dh;
	return 0;
}

int dh_new(unsigned int group, struct dh **out)
{
	uint8_t priv[X25519_LEN];
	int ret;

	if (!dh_public_len(group))
		return -EOPNOTSUPP;
	if (group != IKE_KE_X25519)
		return dh_from_pkey(group, EVP_EC_gen(curve_name(group)), out);
	ret = rand_bytes(priv, sizeof(priv));
	if (!ret)
		ret = dh_new_private(group, priv, sizeof(priv), out);
	OPENSSL_cleanse(priv, sizeof(priv));
	return ret;
}

/* Make an EVP_PKEY from @pub (04 | x | y) and, unless NULL, @priv. */
static EVP_PKEY *ec_pkey(unsigned int group, const uint8_t *pub, size_t len,
			 const BIGNUM *priv)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (!ctx || !bld ||
	    !OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
					     curve_name(group), 0) ||
	    !OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, pub,
					      len) ||
	    (priv &&
	     !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, priv)))
		goto out;
	params = OSSL_PARAM_BLD_to_param(bld);
	if (params && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, &key,
			      priv ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
			      params) != 1)
		key = NULL;
out:
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *ec_from_private(unsigned int group, const uint8_t *priv,
				 size_t len)
{
	EC_GROUP *g = EC_GROUP_new_by_curve_name(curve_nid(group));
	EC_POINT *p = g ? EC_POINT_new(g) : NULL;
	BIGNUM *k = BN_secure_new();
	uint8_t enc[1 + DH_MAX_PUBLIC];
	EVP_PKEY *key = NULL;
	size_t n;

	if (!p || !k || !BN_bin2bn(priv, (int)len, k) ||
	    EC_POINT_mul(g, p, k, NULL, NULL, NULL) != 1)
		goto out;
	n = EC_POINT_point2oct(g, p, POINT_CONVERSION_UNCOMPRESSED, enc,
			       sizeof(enc), NULL);
	if (n)
		key = ec_pkey(group, enc, n, k);
out:
	BN_clear_free(k);
	EC_POINT_free(p);
	EC_GROUP_free(g);
	return key;
}

int dh_new_private(unsigned int group, const uint8_t *priv, size_t len,
		   struct dh **out)
{
	EVP_PKEY *key;

	if (!dh_public_len(group))
		return -EOPNOTSUPP;
	if (len != dh_shared_len(group))
		return -EINVAL;
	if (group == IKE_KE_X25519)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, priv,
						   len);
	else
		key = ec_from_private(group, priv, len);
	return dh_from_pkey(group, key, out);
}

void dh_free(struct dh *dh)
{
	if (!dh)
		return;
	EVP_PKEY_free(dh->key);
	free(dh);
}

unsigned int dh_group(const struct dh *dh)
{
	return dh->group;
}

const uint8_t *dh_public(const struct dh *dh)
{
	return dh->pub;
}

/* Make a key of x | y, or return NULL: that is not on the curve. */
static EVP_PKEY *peer_point(unsigned int group, const uint8_t *peer, size_t len)
{
	uint8_t enc[1 + DH_MAX_PUBLIC];

	enc[0] = 4;
	memcpy(enc + 1, peer, len);
	return ec_pkey(group, enc, len + 1, NULL);
}

bool dh_peer_ok(unsigned int group, const uint8_t *peer, size_t len)
{
	EVP_PKEY *key;

	if (!len || len != dh_public_len(group))
		return false;
	if (group == IKE_KE_X25519)
		return true;
	key = peer_point(group, peer, len);
	EVP_PKEY_free(key);
	return key;
}

/*
 * Make the peer's key. A NIST point is checked: on the curve, of full order,
 * not at infinity.
 */
static EVP_PKEY *peer_pkey(const struct dh *dh, const uint8_t *peer, size_t len)
{
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key;

	/*
	 * A point of low order gives an all-zero result, which OpenSSL's derive
	 * rejects.
	 */
	if (dh->group == IKE_KE_X25519)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer,
						   len);
	key = peer_point(dh->group, peer, len);
	if (!key)
		return NULL;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (!ctx || EVP_PKEY_public_check(ctx) != 1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return key;
}

int dh_shared(const struct dh *dh, const uint8_t *peer, size_t len,
	      uint8_t *out)
{
	static const uint8_t zero[DH_MAX_SHARED];
	size_t want = dh_shared_len(dh->group), n = want;
	EVP_PKEY_CTX *ctx = NULL;
	int ret = -EBADMSG;
	EVP_PKEY *key;

	OPENSSL_cleanse(out, want);
	if (len != dh_public_len(dh->group))
		return -EBADMSG;
	key = peer_pkey(dh, peer, len);
	if (!key)
		return -EBADMSG;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, dh->key, NULL);
	if (!ctx) {
		ret = -ENOMEM;
		goto out;
	}
	if (EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_derive_set_peer(ctx, key) == 1 &&
	    EVP_PKEY_derive(ctx, out, &n) == 1 && n == want &&
	    CRYPTO_memcmp(out, zero, want))
		ret = 0;
out:
	if (ret)
		OPENSSL_cleanse(out, want);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ret;
}
