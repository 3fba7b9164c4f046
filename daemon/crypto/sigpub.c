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
#include "crypto/mldsa.h"
#include "crypto/pkey.h"

/* RFC 8410 section 4: what is before the key in its only DER encoding. */
static const uint8_t ed25519_head[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
					0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };
#define ED25519_LEN 32
#define ED25519_SPKI_LEN (sizeof(ed25519_head) + ED25519_LEN)

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
		return bits >= SIG_RSA_MIN_BITS && bits <= SIG_RSA_MAX_BITS
			       ? SIG_RSA_PSS
			       : 0;
	default:
		return mldsa_of_key(key);
	}
}

const EVP_MD *pkey_md(enum sig_type type)
{
	switch (type) {
	case SIG_ED25519:
	case SIG_ML_DSA_44:
	case SIG_ML_DSA_65:
	case SIG_ML_DSA_87:
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
	case SIG_ML_DSA_44:
	case SIG_ML_DSA_65:
	case SIG_ML_DSA_87:
		return mldsa_name(type);
	}
	return "unknown";
}

/*
 * OpenSSL looks through its encoders and decoders for each key, which takes
 * longer than to verify a signature. Members get such a key with each
 * registration, therefore Ed25519 does without.
 */
static int ed25519_encode(const EVP_PKEY *key, unsigned char **der)
{
	size_t len = ED25519_LEN;
	uint8_t *p = OPENSSL_malloc(ED25519_SPKI_LEN);

	if (!p)
		return -1;
	memcpy(p, ed25519_head, sizeof(ed25519_head));
	if (EVP_PKEY_get_raw_public_key(key, p + sizeof(ed25519_head), &len) !=
		    1 ||
	    len != ED25519_LEN) {
		OPENSSL_free(p);
		return -1;
	}
	*der = p;
	return ED25519_SPKI_LEN;
}

static EVP_PKEY *decode_spki(const uint8_t *der, size_t len)
{
	const unsigned char *p = der;
	EVP_PKEY *key;

	if (len == ED25519_SPKI_LEN &&
	    !memcmp(der, ed25519_head, sizeof(ed25519_head)))
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
						   der + sizeof(ed25519_head),
						   ED25519_LEN);
	key = d2i_PUBKEY(NULL, &p, (long)len);
	if (key && p == der + len)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* Take over @der, also after an error. */
static int make_sigpub(EVP_PKEY *key, enum sig_type type, unsigned char *der,
		       size_t len, struct sigpub **out)
{
	struct sigpub *pub = calloc(1, sizeof(*pub));

	if (!pub || EVP_PKEY_up_ref(key) != 1) {
		OPENSSL_free(der);
		free(pub);
		return -ENOMEM;
	}
	pub->type = type;
	pub->key = key;
	pub->spki = der;
	pub->spki_len = len;
	*out = pub;
	return 0;
}

int sigpub_from_pkey(EVP_PKEY *key, struct sigpub **out)
{
	enum sig_type type = pkey_type(key);
	unsigned char *der = NULL;
	int n;

	if (!type)
		return -EOPNOTSUPP;
	n = type == SIG_ED25519 ? ed25519_encode(key, &der)
				: i2d_PUBKEY(key, &der);
	if (n <= 0)
		return -EIO;
	return make_sigpub(key, type, der, (size_t)n, out);
}

int sigpub_dup(const struct sigpub *pub, struct sigpub **out)
{
	unsigned char *der = OPENSSL_memdup(pub->spki, pub->spki_len);

	if (!der)
		return -ENOMEM;
	return make_sigpub(pub->key, pub->type, der, pub->spki_len, out);
}

int sigpub_from_spki(const uint8_t *der, size_t len, struct sigpub **out)
{
	EVP_PKEY *key;
	int ret;

	if (!len || len > SIG_MAX_SPKI)
		return -EBADMSG;
	key = decode_spki(der, len);
	if (!key)
		return -EBADMSG;
	ret = sigpub_from_pkey(key, out);
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
