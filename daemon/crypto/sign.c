// SPDX-License-Identifier: Apache-2.0
/*
 * Signatures with a private key that may be anywhere; sigkey.c has the keys in
 * this process.
 */
#include "crypto/sign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/mldsa.h"
#include "crypto/pkey.h"

/*
 * About one in two to four ECDSA signatures has the most common length; if this
 * many in a row do not, the random generator is broken.
 */
#define RESIGN_MAX 256

struct sigkey {
	const struct sigkey_ops *ops;
	void *ctx;
	struct sigpub *pub;
	uint8_t alg[SIG_MAX_ALG];
	size_t alg_len;
};

int sigkey_with(const struct sigkey_ops *ops, void *ctx,
		const struct sigpub *pub, const uint8_t *alg, size_t alg_len,
		struct sigkey **out)
{
	const uint8_t *spki;
	struct sigkey *key;
	size_t spki_len;
	int ret;

	if (alg_len > SIG_MAX_ALG || !sigpub_fits_alg(pub, alg, alg_len))
		return -EOPNOTSUPP;
	key = calloc(1, sizeof(*key));
	if (!key)
		return -ENOMEM;
	/*
	 * The copy is made from octets, so that it does not refer to a private
	 * key.
	 */
	sigpub_spki(pub, &spki, &spki_len);
	ret = sigpub_from_spki(spki, spki_len, &key->pub);
	if (ret) {
		free(key);
		return ret;
	}
	key->ops = ops;
	key->ctx = ctx;
	memcpy(key->alg, alg, alg_len);
	key->alg_len = alg_len;
	*out = key;
	return 0;
}

void sigkey_free(struct sigkey *key)
{
	if (!key)
		return;
	key->ops->free(key->ctx);
	sigpub_free(key->pub);
	free(key);
}

void *sigkey_ctx(const struct sigkey *key, const struct sigkey_ops *ops)
{
	return key->ops == ops ? key->ctx : NULL;
}

int sigkey_to_der(const struct sigkey *key, uint8_t **der, size_t *len)
{
	if (!key->ops->to_der)
		return -EOPNOTSUPP;
	return key->ops->to_der(key->ctx, der, len);
}

enum sig_type sigkey_type(const struct sigkey *key)
{
	return sigpub_type(key->pub);
}

enum ike_hash sigkey_hash(const struct sigkey *key)
{
	switch (sigkey_type(key)) {
	case SIG_ED25519:
	case SIG_ML_DSA_44:
	case SIG_ML_DSA_65:
	case SIG_ML_DSA_87:
		return IKE_HASH_IDENTITY;
	case SIG_ECDSA_P256:
	case SIG_RSA_PSS:
		return IKE_HASH_SHA2_256;
	case SIG_ECDSA_P384:
		return IKE_HASH_SHA2_384;
	}
	return 0;
}

void sigkey_alg(const struct sigkey *key, const uint8_t **der, size_t *len)
{
	*der = key->alg;
	*len = key->alg_len;
}

size_t sigkey_sig_len(const struct sigkey *key)
{
	switch (sigkey_type(key)) {
	case SIG_ED25519:
		return 64;
	case SIG_ECDSA_P256:
		return 71;
	case SIG_ECDSA_P384:
		return 103;
	case SIG_RSA_PSS:
		return (size_t)EVP_PKEY_get_size(sigpub_pkey(key->pub));
	case SIG_ML_DSA_44:
	case SIG_ML_DSA_65:
	case SIG_ML_DSA_87:
		return mldsa_sig_len(sigkey_type(key));
	}
	return 0;
}

int sigkey_pub(const struct sigkey *key, struct sigpub **out)
{
	return sigpub_from_pkey(sigpub_pkey(key->pub), out);
}

const struct sigpub *sigkey_own_pub(const struct sigkey *key)
{
	return key->pub;
}

int sig_sign(const struct sigkey *key, const void *msg, size_t len,
	     uint8_t *sig, size_t *sig_len)
{
	int ret = key->ops->sign(key->ctx, msg, len, sig, sig_len);

	return !ret && *sig_len > SIG_MAX_LEN ? -EIO : ret;
}

int sig_sign_len(const struct sigkey *key, const void *msg, size_t len,
		 uint8_t *sig, size_t want)
{
	uint8_t buf[SIG_MAX_LEN];
	enum sig_type type = sigkey_type(key);
	size_t n;
	int i, ret;

	for (i = 0; i < RESIGN_MAX; i++) {
		ret = sig_sign(key, msg, len, buf, &n);
		if (ret)
			return ret;
		if (n == want) {
			memcpy(sig, buf, n);
			return 0;
		}
		/* Only the length of ECDSA varies. */
		if (type != SIG_ECDSA_P256 && type != SIG_ECDSA_P384)
			break;
	}
	return -ERANGE;
}
