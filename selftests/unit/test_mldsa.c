// SPDX-License-Identifier: Apache-2.0
/*
 * ML-DSA in certificates and AUTH. OpenSSL has it from 3.5 on, and older versions refuse
 * its keys by name: selftests/pkg/trixie.sh runs this program with a newer version, and
 * sets ML_KEM=1 so that a lack of it is an error.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/mldsa.h"
#include "crypto/pki.h"
#include "hex.h"
#include "ike_pair.h"
#include "lib/file.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "tap.h"

static const struct {
	enum sig_type type;
	const char *alg;
	size_t sig_len, spki_len;
} kinds[] = {
	{ SIG_ML_DSA_44, "300b0609608648016503040311", 2420, 1334 },
	{ SIG_ML_DSA_65, "300b0609608648016503040312", 3309, 1974 },
	{ SIG_ML_DSA_87, "300b0609608648016503040313", 4627, 2614 },
};

/* PKCS #8 with a seed of zeros, which has 44 in its identifier. */
static const char key_pem[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MDQCAQAwCwYJYIZIAWUDBAMRBCKAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	"AAAAAAAA\n"
	"-----END PRIVATE KEY-----\n";

static const char *version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

static bool is_there(const char *what)
{
	char why[80];

	if (mldsa_available(SIG_ML_DSA_65))
		return true;
	snprintf(why, sizeof(why), "OpenSSL %s lacks ML-DSA", version());
	ok(!getenv("ML_KEM"), "%s: ML-DSA may be absent", what);
	skip(what, why);
	return false;
}

static void names(void)
{
	uint8_t want[SIG_MAX_ALG], alg[SIG_MAX_ALG];
	size_t i, n, len;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		n = hex(kinds[i].alg, want, sizeof(want));
		len = mldsa_alg(kinds[i].type, alg);
		is_mem(alg, len, want, n, "AlgorithmIdentifier of %s",
		       sig_type_str(kinds[i].type));
		is_int(mldsa_sig_len(kinds[i].type), kinds[i].sig_len,
		       "signature of %s", sig_type_str(kinds[i].type));
	}
	is_int(mldsa_alg(SIG_ED25519, alg), 0, "Ed25519 is another algorithm");
}

/* ---- an OpenSSL without ML-DSA ------------------------------------------ */

static void private_key(void)
{
	const struct pki_req req = { .kind = PKI_CA,
				     .type = SIG_ML_DSA_65,
				     .name = "CA",
				     .not_after = 2000000000 };
	char path[] = "/tmp/mcsec-mldsa-XXXXXX", want[200];
	struct pki_pair p;
	struct sigkey *key = NULL;
	struct err err = {};
	int fd = mkstemp(path), ret;

	if (fd < 0 || write(fd, key_pem, sizeof(key_pem) - 1) < 0)
		bail("%s", path);
	close(fd);
	ret = sigkey_load(path, &key, &err);
	unlink(path);
	if (mldsa_available(SIG_ML_DSA_44)) {
		is_int(ret, 0, "a key file is read: %s", err.text);
		is_int(sigkey_type(key), SIG_ML_DSA_44, "the key has its type");
		sigkey_free(key);
		return;
	}
	is_int(ret, -EOPNOTSUPP, "a key file is refused");
	snprintf(want, sizeof(want),
		 "%s: a key of ML-DSA-44, for which OpenSSL 3.5 is needed; this is %s",
		 path, version());
	is_str(err.text, want, "the reason of a key file");
	is_int(sigkey_generate(SIG_ML_DSA_44, &key), -EOPNOTSUPP,
	       "no key is generated");
	is_int(pki_issue(NULL, &req, &p, &err), -EOPNOTSUPP,
	       "no certificate is issued");
	snprintf(want, sizeof(want),
		 "a key of ML-DSA-65 needs OpenSSL 3.5, and this is %s",
		 version());
	is_str(err.text, want, "the reason of no certificate");
}

/* Put a key of ML-DSA-87 in place of that of a certificate. */
static void replace_key(struct pki_pair *p, const struct pki_pair *issuer)
{
	const unsigned char *in = p->cert;
	X509 *x = d2i_X509(NULL, &in, (long)p->cert_len);
	uint8_t *octets = OPENSSL_zalloc(2592), *der;
	const unsigned char *from;
	EVP_PKEY *signer;
	size_t len;

	if (!x || !octets ||
	    X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(x),
				   OBJ_txt2obj("2.16.840.1.101.3.4.3.19", 1),
				   V_ASN1_UNDEF, NULL, octets, 2592) != 1 ||
	    sigkey_to_der(issuer->key, &der, &len))
		bail("no certificate");
	from = der;
	signer = d2i_AutoPrivateKey(NULL, &from, (long)len);
	secret_free(der);
	/* The encoding that the certificate was read from is not used again. */
	if (!signer || X509_sign(x, signer, NULL) <= 0)
		bail("not signed");
	EVP_PKEY_free(signer);
	OPENSSL_free(p->cert);
	p->cert = NULL;
	p->cert_len = (size_t)i2d_X509(x, &p->cert);
	X509_free(x);
}

static void peer_certificate(void)
{
	struct pki_req req = { .kind = PKI_MEMBER,
			       .type = SIG_ED25519,
			       .name = "a.example",
			       .not_after = 2000000000 };
	struct cert_der der;
	struct trust *trust;
	struct cert *leaf;
	struct pki_pair p;
	struct err err = {};
	char want[200];

	if (mldsa_available(SIG_ML_DSA_87)) {
		skip("a certificate that cannot be read", "OpenSSL has ML-DSA");
		return;
	}
	pair_begin();
	if (pki_issue(&ca, &req, &p, &err))
		bail("%s", err.text);
	replace_key(&p, &ca);
	der = (struct cert_der){ p.cert, p.cert_len };
	if (trust_from_der(&(struct cert_der){ ca.cert, ca.cert_len }, 1,
			   &trust, &err))
		bail("%s", err.text);
	is_int(cert_verify(trust, &der, 1, 1700000000, CERT_FOR_MEMBER, &leaf,
			   &err),
	       -EOPNOTSUPP, "a peer's certificate is refused");
	snprintf(want, sizeof(want),
		 "certificate with a key of ML-DSA-87, for which OpenSSL 3.5 is needed; this is %s",
		 version());
	is_str(err.text, want, "the reason of a certificate");
	trust_free(trust);
	pki_pair_free(&p);
	pair_teardown();
}

/* ---- one that has it ---------------------------------------------------- */

static void sign_and_verify(size_t i)
{
	const char *name = sig_type_str(kinds[i].type);
	uint8_t sig[SIG_MAX_LEN], *pkcs8;
	struct sigkey *key, *again;
	const uint8_t *alg, *spki;
	size_t len, alg_len, n, bad = 0;
	char msg[] = "what is signed";
	struct sigpub *pub, *copy;

	if (!is_there(name))
		return;
	if (sigkey_generate(kinds[i].type, &key) || sigkey_pub(key, &pub))
		bail("%s: no key", name);
	is_int(sigkey_hash(key), IKE_HASH_IDENTITY, "%s: identity hash", name);
	sigkey_alg(key, &alg, &alg_len);
	is_int(sig_sign(key, msg, sizeof(msg), sig, &len), 0, "%s: signed",
	       name);
	is_int(len, kinds[i].sig_len, "%s: octets of a signature", name);
	is_int(sig_verify(pub, alg, alg_len, msg, sizeof(msg), sig, len), 0,
	       "%s: verified", name);
	for (n = 0; n < len; n += 97) {
		sig[n] ^= 0x40;
		bad += !sig_verify(pub, alg, alg_len, msg, sizeof(msg), sig,
				   len);
		sig[n] ^= 0x40;
		bad += !sig_verify(pub, alg, alg_len, msg, sizeof(msg), sig, n);
	}
	is_int(bad, 0, "%s: a signature that is changed or cut is refused",
	       name);
	msg[0] ^= 1;
	is_int(sig_verify(pub, alg, alg_len, msg, sizeof(msg), sig, len),
	       -EBADMSG, "%s: another message is refused", name);
	msg[0] ^= 1;
	sigpub_spki(pub, &spki, &n);
	is_int(n, kinds[i].spki_len, "%s: octets of a public key", name);
	is_int(sigpub_from_spki(spki, n, &copy), 0, "%s: public key read",
	       name);
	is_int(sigpub_type(copy), kinds[i].type, "%s: type of the public key",
	       name);
	is_int(sig_verify(copy, alg, alg_len, msg, sizeof(msg), sig, len), 0,
	       "%s: verified by the copy", name);
	sigpub_free(copy);
	if (sigkey_to_der(key, &pkcs8, &n))
		bail("%s: not exported", name);
	is_int(sigkey_from_der(pkcs8, n, &again), 0, "%s: PKCS #8", name);
	is_int(sig_sign(again, msg, sizeof(msg), sig, &len), 0,
	       "%s: signed by the copy", name);
	is_int(sig_verify(pub, alg, alg_len, msg, sizeof(msg), sig, len), 0,
	       "%s: what the copy signs is verified", name);
	secret_free(pkcs8);
	sigkey_free(again);
	sigkey_free(key);
	sigpub_free(pub);
}

/* Both sides authenticate, with certificates of a CA with any key. */
static void registers(enum sig_type ca_type, enum sig_type gtype,
		      enum sig_type mtype, uint32_t fragment_size)
{
	struct ike_engine_cfg cfg = { .fragment_size = fragment_size };
	struct pair_opt o = {
		.gcfg = &cfg, .mcfg = &cfg, .gtype = gtype, .mtype = mtype
	};
	char what[128];
	struct pki_req req = { .kind = PKI_CA,
			       .type = ca_type,
			       .name = "another CA",
			       .not_before = 1000000000,
			       .not_after = 4000000000 };
	struct err err = {};

	snprintf(what, sizeof(what), "CA %s, key server %s, member %s, %u",
		 sig_type_str(ca_type), sig_type_str(gtype),
		 sig_type_str(mtype), fragment_size);
	pair_begin();
	pki_pair_free(&ca);
	if (pki_issue(NULL, &req, &ca, &err))
		bail("%s", err.text);
	pair_nodes(&o);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered, 1, "%s: registered", what);
	is_int(m->seen.tek_ret, 0, "%s: the member has the TEK", what);
	is_int(ike_engine_stats(g->engine)->auth_failed, 0,
	       "%s: the key server believes the member", what);
	if (fragment_size)
		ok(ike_engine_stats(g->engine)->frag_in > 3,
		   "%s: the request was cut", what);
	pair_teardown();
}

static void both_ends(void)
{
	size_t i;

	if (!is_there("both ends"))
		return;
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		registers(kinds[i].type, kinds[i].type, kinds[i].type,
			  i ? 1280 : 0);
	registers(SIG_ED25519, SIG_ML_DSA_65, SIG_ED25519, 0);
	registers(SIG_ML_DSA_87, SIG_ECDSA_P256, SIG_ML_DSA_44, 1280);
}

/* A peer that does not announce the identity hash gets no such signature. */
static void not_announced(void)
{
	static const uint8_t identity[] = { 0, IKE_HASH_IDENTITY };
	struct pair_opt o = { .mtype = SIG_ML_DSA_65 };
	struct packet *q;
	size_t i, n = 0;

	if (!is_there("a peer without the identity hash"))
		return;
	pair_setup_opt(&o);
	node_join(m, g, GCKS, false);
	net_step(&net);
	q = &net.queue[0];
	/* SIGNATURE_HASH_ALGORITHMS ends with it, behind SHA2-512. */
	for (i = 2; i + 2 <= q->len; i++)
		if (!memcmp(q->p + i, identity, 2) && !q->p[i - 2] &&
		    q->p[i - 1] == IKE_HASH_SHA2_512) {
			q->p[i + 1] = 9;
			n++;
		}
	is_int(n, 1, "the answer announces the identity hash");
	net_run(&net);
	is_int(m->seen.registered, 0, "without it nothing is signed");
	ok(strstr(m->seen.reason, "lacks our key's") ||
		   strstr(m->seen.text, "lacks our key's"),
	   "the reason: %s | %s", m->seen.reason, m->seen.text);
	pair_teardown();
}

int main(void)
{
	size_t i;

	RUN(names);
	RUN(private_key);
	RUN(peer_certificate);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		RUN(sign_and_verify, i);
	RUN(both_ends);
	RUN(not_announced);
	return done();
}
