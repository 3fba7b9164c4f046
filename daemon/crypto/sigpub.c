// SPDX-License-Identifier: Apache-2.0
/* Public keys; sigalg.c verifies signatures with them. */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/pkey.h"

#define RSA_MAX_BITS (SIG_MAX_LEN * 8)

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

	/*
	 * Explicit parameters may describe a curve that only resembles a named
	 * one.
	 */
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
		return bits >= SIG_RSA_MIN_BITS && bits <= RSA_MAX_BITS
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
