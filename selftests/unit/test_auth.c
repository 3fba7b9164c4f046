// SPDX-License-Identifier: Apache-2.0
/*
 * AUTH: the octets that are signed (RFC 7296 2.15). Only a signature over them
 * by the key of a valid certificate for the identity is accepted.
 */
#include <errno.h>

#include "crypto/pki.h"
#include "crypto/prf.h"
#include "fail.h"
#include "ike/auth.h"
#include "lib/secret.h"
#include "tap.h"

#define NOW 1800000000

static struct pki_pair ca, other_ca, member, gcks;
static struct trust *trust;
static struct err err;

static struct pki_pair issue(const struct pki_pair *by, enum pki_kind kind,
			     const char *name)
{
	static const char *const names[] = { "a.example", "alias.example",
					     NULL };
	struct pki_req req = {
		.kind = kind,
		.type = SIG_ED25519,
		.name = name,
		.not_before = NOW - 10,
		.not_after = NOW + 10,
		.dns = kind == PKI_MEMBER ? names : NULL,
	};
	struct pki_pair p;

	if (pki_issue(by, &req, &p, &err))
		bail("%s: %s", name, err.text);
	return p;
}

static uint8_t sk[32];

static int made(unsigned int prf, const void *msg, size_t msg_len,
		const void *nonce, size_t nonce_len, uint8_t **out, size_t *len)
{
	const struct auth_side side = {
		.prf_id = prf,
		.sk_p = { sk, sizeof(sk) },
		.msg = { (void *)msg, msg_len },
		.nonce = { (void *)nonce, nonce_len },
		.id = { (void *)"identity", 8 },
	};
	struct auth_octets octets = {};
	int ret = auth_octets(&side, &octets);

	*out = octets.p;
	*len = octets.len;
	return ret;
}

static void octets(void)
{
	uint8_t mac[32], big[IKE_NONCE_MAX + 1] = { 0 }, *out, *huge;
	unsigned int id = IKE_PRF_HMAC_SHA2_256, n, unnoticed = 0;
	size_t len;
	int ret;

	memset(sk, 0x5c, sizeof(sk));
	prf_one(id, sk, 32, "identity", 8, mac);
	is_int(made(id, "message", 7, "nonce", 5, &out, &len), 0,
	       "the octets that are signed are made");
	is_int(len, 7 + 5 + 32, "the signed octets have three parts");
	is_mem(out, 7, "message", 7, "the first message of who signs");
	is_mem(out + 7, 5, "nonce", 5, "the nonce of the other");
	is_mem(out + 12, 32, mac, 32, "prf(SK_p, ID) is signed");
	secret_free(out);
	for (n = 1; fail_nth(n), ret = made(id, "m", 1, "n", 1, &out, &len),
	    fail_came();
	     n++)
		unnoticed += !ret;
	is_int(ret, 0, "the same after %u failures of OpenSSL", n - 1);
	is_int(unnoticed, 0, "each failure of OpenSSL is noticed");
	secret_free(out);

	huge = calloc(1, IKE_MSG_MAX + 1);
	is_int(made(id, huge, IKE_MSG_MAX + 1, "n", 1, &out, &len), -EINVAL,
	       "no message is that long");
	is_int(made(id, "m", 1, big, IKE_NONCE_MAX + 1, &out, &len), -EINVAL,
	       "no nonce");
	is_int(made(77, "m", 1, "n", 1, &out, &len), -EINVAL, "no such PRF");
	is_int(made(id, huge, IKE_MSG_MAX, big, IKE_NONCE_MAX, &out, &len), 0,
	       "the longest of both");
	secret_free(out);
	free(huge);
}

/* A message of @p, which signs "signed" as a.example. */
struct signed_by {
	struct ike_msg m;
	uint8_t auth[128];
	struct ike_id id;
	struct auth_octets over[2];
};

static void sign(struct signed_by *s, const struct pki_pair *p)
{
	const uint8_t *alg;
	size_t alg_len, len;

	memset(s, 0, sizeof(*s));
	sigkey_alg(p->key, &alg, &alg_len);
	s->auth[0] = IKE_AUTH_DIGITAL_SIGNATURE;
	s->auth[4] = alg_len;
	memcpy(s->auth + 5, alg, alg_len);
	len = sigkey_sig_len(p->key);
	if (sig_sign_len(p->key, "signed", 6, s->auth + 5 + alg_len, len))
		bail("cannot sign");
	s->m.auth.body = s->auth;
	s->m.auth.len = 5 + alg_len + len;
	s->m.n_cert = 1;
	s->m.cert[0] = (struct cert_pld){
		.encoding = IKE_CERT_X509_SIGNATURE,
		.data = p->cert,
		.len = p->cert_len,
	};
	id_from_text(&s->id, "a.example");
	s->over[0] = (struct auth_octets){ (uint8_t *)"signed", 6 };
	s->over[1] = (struct auth_octets){ (uint8_t *)"other", 5 };
}

/* Return NULL if it is accepted, or the reason. */
static const char *refusal(struct signed_by *s, enum cert_purpose purpose,
			   size_t n)
{
	const struct auth_claim claim = {
		.purpose = purpose,
		.id = &s->id,
		.m = &s->m,
		.octets = s->over,
		.n = n,
	};
	static struct err err;
	struct cert_refs refs;
	time_t ends = 0;
	int ret;

	err_clear(&err);
	ret = auth_check(&claim, trust, NOW, &ends, &refs, &err);
	if (!ret && refs.n != 1)
		return "not one reference";
	if (!ret)
		cert_refs_free(&refs);
	if (!ret && ends != NOW + 10)
		return "ends when nobody says";
	if (ret && ret != -EKEYREJECTED)
		return "another error";
	return ret ? err.text : NULL;
}

#define REFUSED(words, ...) \
	do { \
		const char *why = refusal(&s, CERT_FOR_MEMBER, 1); \
\
		ok(strstr(why ?: "", words), __VA_ARGS__); \
		if (why && !strstr(why, words)) \
			diag("%s", why); \
	} while (0)

static void checks(void)
{
	struct signed_by s;
	struct pki_pair x;
	uint8_t rsa[] = { 1, 0, 0, 0, 's', 'i', 'g' };

	sign(&s, &member);
	ok(!refusal(&s, CERT_FOR_MEMBER, 1), "a member's signature");
	s.over[0].p = (uint8_t *)"sighed";
	REFUSED("signature does not verify", "not over other octets");
	s.over[1].p = (uint8_t *)"signed";
	s.over[1].len = 6;
	ok(!refusal(&s, CERT_FOR_MEMBER, 2), "one of two is enough");
	ok(refusal(&s, CERT_FOR_MEMBER, 1),
	   "a certificate behind those that are checked is not enough");
	sign(&s, &member);
	ok(refusal(&s, CERT_FOR_MEMBER, 0), "none is not");
	s.auth[s.m.auth.len - 1] ^= 1;
	REFUSED("signature does not verify", "nor one that was changed");
	sign(&s, &member);
	s.auth[11] ^= 1;
	REFUSED("signature algorithm unknown, or not of the certificate's key",
		"nor by another algorithm");
	ok(strstr(refusal(&s, CERT_FOR_MEMBER, 2), "signature algorithm"),
	   "second octets do not change a refusal");
	sign(&s, &member);
	s.auth[0] = 2;
	REFUSED("not a digital signature", "nor of another method");
	s.m.auth.body = rsa;
	s.m.auth.len = sizeof(rsa);
	REFUSED("not a digital signature", "nor that of RFC 7296");
	sign(&s, &member);
	s.m.auth.len = 4;
	REFUSED("not a digital signature", "nor one that is cut");
	s.m.auth.body = NULL;
	REFUSED("not a digital signature", "nor none");

	sign(&s, &member);
	s.m.n_cert = 0;
	REFUSED("none sent", "without a certificate");
	sign(&s, &member);
	s.m.cert[0].encoding = IKE_CERT_HASH_URL_X509;
	REFUSED("sent as hash and URL", "with one that has to be fetched");
	s.m.cert[0].encoding = IKE_CERT_HASH_URL_BUNDLE;
	REFUSED("sent as hash and URL", "with several that have to be fetched");
	s.m.cert[0].encoding = 7;
	REFUSED("none sent", "with one of another kind");
	s.m.cert[1] = s.m.cert[0];
	s.m.cert[1].encoding = IKE_CERT_X509_SIGNATURE;
	s.m.n_cert = 2;
	ok(!refusal(&s, CERT_FOR_MEMBER, 1),
	   "a certificate that cannot be checked is passed over");
	sign(&s, &member);
	id_from_text(&s.id, "b.example");
	REFUSED("does not name this identity", "as somebody else");
	id_from_text(&s.id, "alias.example");
	REFUSED("not the first subjectAltName", "by its other name");
	x = issue(&other_ca, PKI_MEMBER, "a.example");
	sign(&s, &x);
	REFUSED("issuer unknown", "of an authority that nobody trusts");
	/* A valid certificate whose key the peer does not have. */
	s.m.cert[0].data = member.cert;
	s.m.cert[0].len = member.cert_len;
	REFUSED("signature does not verify", "by another key");
	pki_pair_free(&x);

	sign(&s, &member);
	ok(refusal(&s, CERT_FOR_GCKS, 1), "a member is no key server");
	sign(&s, &gcks);
	id_from_text(&s.id, "gcks.example");
	ok(!refusal(&s, CERT_FOR_GCKS, 1), "a key server is one");
}

int main(void)
{
	struct cert_der d;

	ca = issue(NULL, PKI_CA, "CA");
	other_ca = issue(NULL, PKI_CA, "other");
	member = issue(&ca, PKI_MEMBER, "a.example");
	gcks = issue(&ca, PKI_GCKS, "gcks.example");
	d = (struct cert_der){ ca.cert, ca.cert_len };
	if (trust_from_der(&d, 1, &trust, &err))
		bail("%s", err.text);
	RUN(octets);
	RUN(checks);
	trust_free(trust);
	pki_pair_free(&ca);
	pki_pair_free(&other_ca);
	pki_pair_free(&member);
	pki_pair_free(&gcks);
	return done();
}
