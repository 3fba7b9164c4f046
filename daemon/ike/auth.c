// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/prf.h"
#include "ike/auth.h"
#include "lib/secret.h"

int auth_octets(const struct auth_side *side, struct auth_octets *out)
{
	const struct iovec *msg = &side->msg, *nonce = &side->nonce;
	size_t mac_len = prf_len(side->prf_id);
	uint8_t *p;
	int ret;

	if (!mac_len || msg->iov_len > IKE_MSG_MAX ||
	    nonce->iov_len > IKE_NONCE_MAX)
		return -EINVAL;
	out->len = msg->iov_len + nonce->iov_len + mac_len;
	p = secret_alloc(out->len);
	if (!p)
		return -ENOMEM;
	memcpy(p, msg->iov_base, msg->iov_len);
	memcpy(p + msg->iov_len, nonce->iov_base, nonce->iov_len);
	ret = prf_one(side->prf_id, side->sk_p.iov_base, side->sk_p.iov_len,
		      side->id.iov_base, side->id.iov_len,
		      p + out->len - mac_len);
	if (ret) {
		secret_free(p);
		return ret;
	}
	out->p = p;
	return 0;
}

static int check_sig(const struct cert *leaf, const struct auth_pld *auth,
		     const struct auth_claim *claim, struct err *err)
{
	struct sigpub *pub;
	int ret;

	ret = cert_pubkey(leaf, &pub);
	if (ret)
		return err_set(err, ret, "its key is not supported");
	ret = -EKEYREJECTED;
	for (size_t i = 0; ret && ret != -EOPNOTSUPP && i < claim->n; i++)
		ret = sig_verify(pub, auth->alg, auth->alg_len,
				 claim->octets[i].p, claim->octets[i].len,
				 auth->sig, auth->sig_len);
	sigpub_free(pub);
	if (ret)
		err_set(err, ret,
			ret == -EOPNOTSUPP
				? "signature algorithm unknown, or not of the certificate's key"
				: "signature does not verify");
	return ret;
}

/*
 * A key server is asked for by a name and may have several in its certificate.
 * A member claims its identity itself, and access lists and evictions depend on
 * it, so a certificate gives a member one identity and no choice of several.
 */
static int check_id(const struct cert *leaf, enum cert_purpose purpose,
		    const struct ike_id *id, struct err *err)
{
	if (!cert_match_id(leaf, id->type, id->data, id->len))
		return err_set(err, -EKEYREJECTED,
			       "does not name this identity");
	if (purpose == CERT_FOR_MEMBER &&
	    !cert_known_as(leaf, id->type, id->data, id->len))
		return err_set(err, -EKEYREJECTED,
			       "identity is not the first subjectAltName of the certificate");
	return 0;
}

/*
 * A certificate that has to be fetched is refused. RFC 7296 section 3.6 lets a
 * peer send its URL only to who sent HTTP_CERT_LOOKUP_SUPPORTED, which we never
 * do: a peer that is not authenticated could make us connect to any host.
 */
static bool has_hash_and_url(const struct ike_msg *m)
{
	for (unsigned int i = 0; i < m->n_cert; i++)
		if (m->cert[i].encoding == IKE_CERT_HASH_URL_X509 ||
		    m->cert[i].encoding == IKE_CERT_HASH_URL_BUNDLE)
			return true;
	return false;
}

/*
 * Return true if the chain was verified before, and is a member's that is known as
 * @id. Whoever claims another identity is told what is wrong by a verification.
 */
static bool recall_leaf(const struct trust *trust, const struct cert_der *ders,
			size_t n, time_t now, const struct ike_id *id,
			struct cert **leaf)
{
	if (!cert_recall(trust, ders, n, now, leaf))
		return false;
	if (cert_known_as(*leaf, id->type, id->data, id->len))
		return true;
	cert_free(*leaf);
	*leaf = NULL;
	return false;
}

int auth_check(const struct auth_claim *claim, const struct trust *trust,
	       time_t now, time_t *ends, struct cert_refs *refs,
	       struct err *err)
{
	enum cert_purpose purpose = claim->purpose;
	const struct ike_msg *m = claim->m;
	static const struct cert_refs none;
	struct cert_der ders[CERT_MAX_CHAIN];
	struct err why = { "none sent" };
	struct cert *leaf = NULL;
	struct auth_pld auth;
	struct rbuf r;
	size_t n = 0;
	bool known = false;
	int ret = -EKEYREJECTED;

	rbuf_init(&r, m->auth.body, m->auth.len);
	if (!m->auth.body || auth_parse(&r, &auth) ||
	    auth.method != IKE_AUTH_DIGITAL_SIGNATURE)
		return err_set(err, -EKEYREJECTED,
			       "AUTH is not a digital signature");
	if (has_hash_and_url(m))
		return err_set(err, -EKEYREJECTED,
			       "certificate: sent as hash and URL, which is not supported; the peer has to send the certificate itself");
	for (unsigned int i = 0; i < m->n_cert; i++) {
		if (m->cert[i].encoding != IKE_CERT_X509_SIGNATURE)
			continue;
		ders[n].p = m->cert[i].data;
		ders[n++].len = m->cert[i].len;
	}
	if (n && purpose == CERT_FOR_MEMBER)
		known = recall_leaf(trust, ders, n, now, claim->id, &leaf);
	if (known)
		ret = 0;
	else if (n)
		ret = cert_verify(trust, ders, n, now, purpose, &leaf, &why);
	if (!ret)
		ret = check_id(leaf, purpose, claim->id, &why);
	if (!ret)
		ret = check_sig(leaf, &auth, claim, &why);
	if (!ret)
		ret = cert_check_revoked(trust, leaf, now, &why);
	if (!ret && cert_refs_union(cert_refs_of(leaf), &none, refs))
		ret = err_set(&why, -ENOMEM, "out of memory");
	if (!ret)
		*ends = cert_ends(leaf);
	if (!ret && !known && purpose == CERT_FOR_MEMBER)
		cert_remember(trust, ders, n, leaf);
	if (leaf)
		cert_free(leaf);
	if (!ret)
		return 0;
	return err_set(err, ret == -EKEYREVOKED ? ret : -EKEYREJECTED,
		       "certificate: %s", why.text);
}

int auth_check_psk(unsigned int prf_id, const struct psk *psk,
		   const struct ike_msg *m, const struct auth_octets *octets,
		   size_t n, struct err *err)
{
	uint8_t mic[PRF_MAX_LEN];
	struct auth_pld auth;
	struct rbuf r;
	bool good = false;

	rbuf_init(&r, m->auth.body, m->auth.len);
	if (!m->auth.body || auth_parse(&r, &auth) ||
	    auth.method != IKE_AUTH_SHARED_KEY_MIC)
		return err_set(err, -EKEYREJECTED,
			       "AUTH is not by the pre-shared key that is configured");
	for (size_t i = 0; !good && i < n; i++)
		good = !psk_mac(prf_id, psk, octets[i].p, octets[i].len, mic) &&
		       auth.sig_len == prf_len(prf_id) &&
		       crypto_equal(auth.sig, mic, auth.sig_len);
	secret_wipe(mic, sizeof(mic));
	return good ? 0
		    : err_set(err, -EKEYREJECTED,
			      "pre-shared key: AUTH does not verify");
}

void auth_put_certreq(struct pchain *c, const struct trust *trust)
{
	const uint8_t *hashes;
	size_t len;

	trust_authorities(trust, &hashes, &len);
	cert_build(c, IKE_PLD_CERTREQ, IKE_CERT_X509_SIGNATURE, hashes, len);
}
