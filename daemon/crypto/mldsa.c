// SPDX-License-Identifier: Apache-2.0
#include "crypto/mldsa.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

/* SEQUENCE { OBJECT IDENTIFIER }, whose last octet tells the type. */
static const uint8_t alg_head[] = { 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86,
				    0x48, 0x01, 0x65, 0x03, 0x04, 0x03 };
/* Longer than the identifiers of ML-DSA as text. */
#define OID_STRLEN 64

static const struct mldsa {
	enum sig_type type;
	const char *name; /* in OpenSSL's provider */
	const char *oid;
	uint8_t last; /* octet of the identifier */
	uint16_t sig_len;
} kinds[] = {
	{ SIG_ML_DSA_44, "ML-DSA-44", "2.16.840.1.101.3.4.3.17", 17, 2420 },
	{ SIG_ML_DSA_65, "ML-DSA-65", "2.16.840.1.101.3.4.3.18", 18, 3309 },
	{ SIG_ML_DSA_87, "ML-DSA-87", "2.16.840.1.101.3.4.3.19", 19, 4627 },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct mldsa *find_mldsa(enum sig_type type)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

const char *mldsa_name(enum sig_type type)
{
	const struct mldsa *k = find_mldsa(type);

	return k ? k->name : NULL;
}

size_t mldsa_sig_len(enum sig_type type)
{
	const struct mldsa *k = find_mldsa(type);

	return k ? k->sig_len : 0;
}

/* Errors of a type that is absent stay out of OpenSSL's queue. */
bool mldsa_available(enum sig_type type)
{
	const struct mldsa *k = find_mldsa(type);
	EVP_SIGNATURE *sig;

	if (!k)
		return false;
	ERR_set_mark();
	sig = EVP_SIGNATURE_fetch(NULL, k->name, NULL);
	ERR_pop_to_mark();
	EVP_SIGNATURE_free(sig);
	return sig;
}

enum sig_type mldsa_of_key(const EVP_PKEY *key)
{
	for (size_t i = 0; i < KINDS; i++)
		if (EVP_PKEY_is_a(key, kinds[i].name) == 1)
			return kinds[i].type;
	return 0;
}

enum sig_type mldsa_of_oid(const ASN1_OBJECT *oid)
{
	char text[OID_STRLEN];

	/* As numbers: only newer versions of OpenSSL have names for them. */
	if (OBJ_obj2txt(text, sizeof(text), oid, 1) <= 0)
		return 0;
	for (size_t i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i].oid, text))
			return kinds[i].type;
	return 0;
}

size_t mldsa_alg(enum sig_type type, uint8_t der[static SIG_MAX_ALG])
{
	const struct mldsa *k = find_mldsa(type);

	if (!k)
		return 0;
	memcpy(der, alg_head, sizeof(alg_head));
	der[sizeof(alg_head)] = k->last;
	return sizeof(alg_head) + 1;
}

EVP_PKEY *mldsa_generate(enum sig_type type)
{
	const struct mldsa *k = find_mldsa(type);
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx;

	if (!k)
		return NULL;
	ERR_set_mark();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, k->name, NULL);
	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_pop_to_mark();
	return key;
}

/* ---- what OpenSSL lacks -------------------------------------------------- */

bool mldsa_lacks(const ASN1_OBJECT *oid, const char *what, struct err *err)
{
	enum sig_type type = oid ? mldsa_of_oid(oid) : 0;

	if (!type || mldsa_available(type))
		return false;
	err_set(err, -EOPNOTSUPP,
		"%s of %s, for which OpenSSL 3.5 is needed; this is %s", what,
		mldsa_name(type), OpenSSL_version(OPENSSL_VERSION_STRING));
	return true;
}

bool mldsa_lacks_cert_key(const X509 *x, struct err *err)
{
	ASN1_OBJECT *oid = NULL;

	X509_PUBKEY_get0_param(&oid, NULL, NULL, NULL, X509_get_X509_PUBKEY(x));
	return mldsa_lacks(oid, "certificate with a key", err);
}
