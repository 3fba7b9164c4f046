// SPDX-License-Identifier: Apache-2.0
/*
 * Verification of signatures. The AlgorithmIdentifier of the message selects
 * the algorithm, and the key must allow it (RFC 7427 section 3, RFC 8420, RFC
 * 4055 section 3.1).
 */
#include <errno.h>
#include <openssl/asn1t.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "crypto/mldsa.h"
#include "crypto/pkey.h"
#include "crypto/sign.h"

/* Algorithm of a signature. */
struct sigalg {
	enum { ALG_ED25519, ALG_ECDSA, ALG_PSS, ALG_ML_DSA } kind;
	const EVP_MD *md; /* NULL for Ed25519 and ML-DSA */
	enum sig_type mldsa;
};

static const EVP_MD *sha2_of(int nid)
{
	switch (nid) {
	case NID_sha256:
		return EVP_sha256();
	case NID_sha384:
		return EVP_sha384();
	case NID_sha512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static int alg_nid(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	return OBJ_obj2nid(oid);
}

/*
 * Accept MGF1 with the same hash, and a salt of the hash's length: no other
 * form is in use, and fewer options mean fewer errors.
 */
static int parse_pss(const X509_ALGOR *alg, struct sigalg *out)
{
	RSA_PSS_PARAMS *pss = NULL;
	X509_ALGOR *mgf_hash = NULL;
	const void *value;
	int type, ret = -EOPNOTSUPP;

	X509_ALGOR_get0(NULL, &type, &value, alg);
	if (type != V_ASN1_SEQUENCE)
		return -EOPNOTSUPP;
	pss = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
	/* An absent field stands for SHA-1, which is not accepted. */
	if (!pss || !pss->hashAlgorithm || !pss->maskGenAlgorithm ||
	    !pss->saltLength)
		goto out;
	out->kind = ALG_PSS;
	out->md = sha2_of(alg_nid(pss->hashAlgorithm));
	if (!out->md || alg_nid(pss->maskGenAlgorithm) != NID_mgf1 ||
	    ASN1_INTEGER_get(pss->saltLength) != EVP_MD_get_size(out->md) ||
	    (pss->trailerField && ASN1_INTEGER_get(pss->trailerField) != 1))
		goto out;
	X509_ALGOR_get0(NULL, &type, &value, pss->maskGenAlgorithm);
	if (type != V_ASN1_SEQUENCE)
		goto out;
	mgf_hash = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
	if (mgf_hash && sha2_of(alg_nid(mgf_hash)) == out->md)
		ret = 0;
out:
	X509_ALGOR_free(mgf_hash);
	RSA_PSS_PARAMS_free(pss);
	return ret;
}

/* ML-DSA has no number in versions of OpenSSL that lack it. */
static int parse_mldsa(const X509_ALGOR *alg, struct sigalg *out)
{
	const ASN1_OBJECT *oid;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	*out = (struct sigalg){ .kind = ALG_ML_DSA,
				.mldsa = mldsa_of_oid(oid) };
	return out->mldsa ? 0 : -EOPNOTSUPP;
}

static int parse_alg(const uint8_t *der, size_t len, struct sigalg *out)
{
	const unsigned char *p = der;
	X509_ALGOR *alg;
	int type, ret = 0;

	if (!len || len > SIG_MAX_ALG)
		return -EOPNOTSUPP;
	alg = d2i_X509_ALGOR(NULL, &p, (long)len);
	if (!alg || p != der + len) {
		X509_ALGOR_free(alg);
		return -EOPNOTSUPP;
	}
	X509_ALGOR_get0(NULL, &type, NULL, alg);
	switch (alg_nid(alg)) {
	case NID_ED25519:
		*out = (struct sigalg){ .kind = ALG_ED25519 };
		break;
	case NID_ecdsa_with_SHA256:
		*out = (struct sigalg){ .kind = ALG_ECDSA, .md = EVP_sha256() };
		break;
	case NID_ecdsa_with_SHA384:
		*out = (struct sigalg){ .kind = ALG_ECDSA, .md = EVP_sha384() };
		break;
	case NID_ecdsa_with_SHA512:
		*out = (struct sigalg){ .kind = ALG_ECDSA, .md = EVP_sha512() };
		break;
	case NID_rsassaPss:
		ret = parse_pss(alg, out);
		break;
	default:
		ret = parse_mldsa(alg, out);
	}
	/*
	 * RFC 5758 section 3.2, RFC 8410 section 3, RFC 9881 section 2: parameters
	 * must be absent.
	 */
	if (!ret && out->kind != ALG_PSS && type != V_ASN1_UNDEF)
		ret = -EOPNOTSUPP;
	X509_ALGOR_free(alg);
	return ret;
}

static bool alg_fits(enum sig_type type, const struct sigalg *alg)
{
	switch (type) {
	case SIG_ED25519:
		return alg->kind == ALG_ED25519;
	case SIG_ECDSA_P256:
	case SIG_ECDSA_P384:
		return alg->kind == ALG_ECDSA;
	case SIG_RSA_PSS:
		return alg->kind == ALG_PSS;
	case SIG_ML_DSA_44:
	case SIG_ML_DSA_65:
	case SIG_ML_DSA_87:
		return alg->kind == ALG_ML_DSA && alg->mldsa == type;
	}
	return false;
}

bool sigpub_fits_alg(const struct sigpub *pub, const uint8_t *alg,
		     size_t alg_len)
{
	struct sigalg a;

	return !parse_alg(alg, alg_len, &a) && alg_fits(sigpub_type(pub), &a);
}

int sig_verify(const struct sigpub *pub, const uint8_t *alg, size_t alg_len,
	       const void *msg, size_t len, const uint8_t *sig, size_t sig_len)
{
	EVP_PKEY_CTX *pctx;
	struct sigalg a;
	EVP_MD_CTX *ctx;
	int ret;

	ret = parse_alg(alg, alg_len, &a);
	if (ret)
		return ret;
	if (!alg_fits(sigpub_type(pub), &a))
		return -EOPNOTSUPP;
	ctx = EVP_MD_CTX_new();
	if (!ctx)
		return -ENOMEM;
	ret = -EBADMSG;
	if (EVP_DigestVerifyInit(ctx, &pctx, a.md, NULL, sigpub_pkey(pub)) != 1)
		goto out;
	if (a.kind == ALG_PSS &&
	    (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1 ||
	     EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, a.md) != 1 ||
	     EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) !=
		     1))
		goto out;
	if (EVP_DigestVerify(ctx, sig, sig_len, msg, len) == 1)
		ret = 0;
out:
	EVP_MD_CTX_free(ctx);
	return ret;
}
