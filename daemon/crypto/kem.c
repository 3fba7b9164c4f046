// SPDX-License-Identifier: Apache-2.0
#include "crypto/kem.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct kem {
	unsigned int method;
	EVP_PKEY *key;
	uint8_t pub[KE_MAX_DATA];
};

static const struct kem_kind {
	unsigned int method;
	const char *name; /* in OpenSSL's provider */
	size_t public_len;
	size_t cipher_len;
} kinds[] = {
	{ IKE_KE_ML_KEM_768, "ML-KEM-768", 1184, 1088 },
	{ IKE_KE_ML_KEM_1024, "ML-KEM-1024", 1568, 1568 },
};

static const struct kem_kind *find_kind(unsigned int method)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].method == method)
			return &kinds[i];
	return NULL;
}

const char *kem_name(unsigned int method)
{
	const struct kem_kind *k = find_kind(method);

	return k ? k->name : NULL;
}

size_t kem_public_len(unsigned int method)
{
	const struct kem_kind *k = find_kind(method);

	return k ? k->public_len : 0;
}

size_t kem_cipher_len(unsigned int method)
{
	const struct kem_kind *k = find_kind(method);

	return k ? k->cipher_len : 0;
}

/* Errors of a method that is absent stay out of OpenSSL's queue. */
bool kem_available(unsigned int method)
{
	const struct kem_kind *k = find_kind(method);
	EVP_KEM *kem;

	if (!k)
		return false;
	ERR_set_mark();
	kem = EVP_KEM_fetch(NULL, k->name, NULL);
	ERR_pop_to_mark();
	EVP_KEM_free(kem);
	return kem;
}

static EVP_PKEY *generate_key(const struct kem_kind *k)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, k->name, NULL);
	EVP_PKEY *key = NULL;

	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

int kem_new(unsigned int method, struct kem **out)
{
	const struct kem_kind *k = find_kind(method);
	struct kem *kem;
	size_t n = 0;

	if (!kem_available(method))
		return -EOPNOTSUPP;
	kem = calloc(1, sizeof(*kem));
	if (!kem)
		return -ENOMEM;
	kem->method = method;
	kem->key = generate_key(k);
	if (!kem->key ||
	    EVP_PKEY_get_octet_string_param(kem->key, OSSL_PKEY_PARAM_PUB_KEY,
					    kem->pub, sizeof(kem->pub),
					    &n) != 1 ||
	    n != k->public_len) {
		kem_free(kem);
		return -EIO;
	}
	*out = kem;
	return 0;
}

void kem_free(struct kem *kem)
{
	if (!kem)
		return;
	EVP_PKEY_free(kem->key);
	free(kem);
}

unsigned int kem_method(const struct kem *kem)
{
	return kem->method;
}

const uint8_t *kem_public(const struct kem *kem)
{
	return kem->pub;
}

int kem_encapsulate(unsigned int method, const uint8_t *pub, size_t len,
		    uint8_t *cipher, uint8_t *shared)
{
	const struct kem_kind *k = find_kind(method);
	size_t c_len = k ? k->cipher_len : 0, s_len = KEM_SHARED_LEN;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;
	int ret = -EIO;

	OPENSSL_cleanse(shared, KEM_SHARED_LEN);
	if (!kem_available(method))
		return -EOPNOTSUPP;
	if (len != k->public_len)
		return -EBADMSG;
	ERR_set_mark();
	/* OpenSSL checks the key here. */
	key = EVP_PKEY_new_raw_public_key_ex(NULL, k->name, NULL, pub, len);
	if (key)
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (!key)
		ret = -EBADMSG;
	else if (ctx && EVP_PKEY_encapsulate_init(ctx, NULL) == 1 &&
		 EVP_PKEY_encapsulate(ctx, cipher, &c_len, shared, &s_len) ==
			 1 &&
		 c_len == k->cipher_len && s_len == KEM_SHARED_LEN)
		ret = 0;
	ERR_pop_to_mark();
	if (ret)
		OPENSSL_cleanse(shared, KEM_SHARED_LEN);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ret;
}

int kem_decapsulate(const struct kem *kem, const uint8_t *cipher, size_t len,
		    uint8_t *shared)
{
	size_t s_len = KEM_SHARED_LEN;
	EVP_PKEY_CTX *ctx;
	int ret = -EIO;

	OPENSSL_cleanse(shared, KEM_SHARED_LEN);
	if (len != kem_cipher_len(kem->method))
		return -EBADMSG;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, kem->key, NULL);
	if (ctx && EVP_PKEY_decapsulate_init(ctx, NULL) == 1 &&
	    EVP_PKEY_decapsulate(ctx, shared, &s_len, cipher, len) == 1 &&
	    s_len == KEM_SHARED_LEN)
		ret = 0;
	if (ret)
		OPENSSL_cleanse(shared, KEM_SHARED_LEN);
	EVP_PKEY_CTX_free(ctx);
	return ret;
}
