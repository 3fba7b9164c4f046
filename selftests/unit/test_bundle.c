// SPDX-License-Identifier: Apache-2.0
/* Bundles of a member: what comes out again, and what is refused. */
#include "crypto/bundle.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pkcs12.h>

#include "certs.h"
#include "crypto/pkey.h"

#define PASS "correct horse battery"
#define SETTINGS "{\"version\":1,\"member\":{\"gcks\":\"192.0.2.1:848\"}}"

static struct pki_pair ca, other_ca, member;

static struct pki_pair made(const struct pki_pair *by, enum pki_kind kind,
			    const char *name)
{
	const struct pki_req req = {
		.kind = kind,
		.type = kind == PKI_CA ? SIG_ECDSA_P256 : SIG_ED25519,
		.name = name,
		.not_before = NOW,
		.not_after = NOW + YEAR,
	};

	return issue(by, &req);
}

static void chain_from(const struct pki_pair *pair, struct cert_chain **chain)
{
	struct cert_der der = { pair->cert, pair->cert_len };

	if (cert_chain_from_der(&der, 1, chain, &err))
		bail("%s", err.text);
}

/* @b shares the key of @pair, which outlives it. */
static void bundle_of(const struct pki_pair *pair, const struct pki_pair *by,
		      const char *settings, struct bundle *b)
{
	*b = (struct bundle){ .key = pair->key };
	chain_from(pair, &b->chain);
	chain_from(by, &b->cas);
	b->settings = settings ? strdup(settings) : NULL;
}

static void unbundle(struct bundle *b)
{
	b->key = NULL;
	bundle_free(b);
}

static void encode(const struct pki_pair *pair, const struct pki_pair *by,
		   const char *settings, uint8_t **der, size_t *len)
{
	struct bundle b;

	bundle_of(pair, by, settings, &b);
	if (bundle_encode(&b, "m.example", PASS, der, len, &err))
		bail("%s", err.text);
	unbundle(&b);
}

static void test_round(void)
{
	struct cert_der leaf;
	struct bundle b;
	time_t ends = 0;
	uint8_t *der;
	size_t len;

	encode(&member, &ca, SETTINGS, &der, &len);
	is_int(bundle_decode(der, len, PASS, &b, &err), 0,
	       "the bundle is decoded");
	is_int((int)cert_chain_count(b.chain), 1,
	       "the bundle has one certificate");
	leaf = cert_chain_der(b.chain, 0);
	is_mem(leaf.p, leaf.len, member.cert, member.cert_len,
	       "the certificate is the member's");
	is_int((int)cert_chain_count(b.cas), 1, "the bundle has one CA");
	leaf = cert_chain_der(b.cas, 0);
	is_mem(leaf.p, leaf.len, ca.cert, ca.cert_len, "the CA is the same");
	ok(sigpub_equal(sigkey_own_pub(b.key), sigkey_own_pub(member.key)),
	   "the key is the member's");
	is_str(b.settings, SETTINGS, "the settings are the same");
	is_int(bundle_verify(&b, NOW + 1, &ends, &err), 0,
	       "the bundle is valid");
	is_int(ends, NOW + YEAR, "the bundle ends with the certificate");
	bundle_free(&b);
	ok(!b.key && !b.chain && !b.cas && !b.settings, "freed it is empty");
	secret_free(der);

	encode(&member, &ca, NULL, &der, &len);
	is_int(bundle_decode(der, len, PASS, &b, &err), 0,
	       "one without settings is decoded");
	is_str(b.settings, NULL, "there are no settings then");
	bundle_free(&b);
	secret_free(der);
}

static void test_not_valid(void)
{
	struct err why = {};
	struct bundle b;
	time_t ends = 7;

	bundle_of(&member, &ca, NULL, &b);
	refused(bundle_verify(&b, NOW + YEAR + 1, &ends, &why), -EKEYREJECTED,
		"one that has ended");
	is_str(why.text, "certificate has expired", "expiry is what is said");
	refused(bundle_verify(&b, NOW - 1, &ends, &why), -EKEYREJECTED,
		"one that has not begun");
	unbundle(&b);
	bundle_of(&member, &other_ca, NULL, &b);
	refused(bundle_verify(&b, NOW + 1, &ends, &why), -EKEYREJECTED,
		"one with another CA");
	unbundle(&b);
	is_int(ends, 7, "no refusal told an end");
}

static void test_passphrase(void)
{
	static const char *const wrong[] = { "", "correct horse batter",
					     "correct horse battery ",
					     "Correct horse battery" };
	struct err why = {};
	struct bundle b;
	uint8_t *der;
	size_t len, i;

	bundle_of(&member, &ca, SETTINGS, &b);
	refused(bundle_encode(&b, "m", "eleven char", &der, &len, &why),
		-EINVAL, "a passphrase that is too short");
	unbundle(&b);
	encode(&member, &ca, SETTINGS, &der, &len);
	for (i = 0; i < 4; i++) {
		refused(bundle_decode(der, len, wrong[i], &b, &why), -EACCES,
			"a wrong passphrase");
		ok(!b.key && !b.chain && !b.cas && !b.settings,
		   "a wrong passphrase gives nothing");
	}
	ok(!memmem(der, len, "m.example", 9) && !memmem(der, len, "192.0", 5),
	   "the file shows neither names nor settings");
	secret_free(der);
}

static void test_damage(void)
{
	struct err why = {};
	struct bundle b;
	size_t len, i;
	/* Each costs a derivation of keys. */
	size_t step, tries = FULL_OR_FEW(40, 8);
	int wrong = 0;
	uint8_t *der;

	encode(&member, &ca, SETTINGS, &der, &len);
	step = len / tries;
	for (i = 0; i < len; i += step) {
		der[i] ^= 0x40;
		wrong += !bundle_decode(der, len, PASS, &b, &why);
		der[i] ^= 0x40;
	}
	is_int(wrong, 0, "no altered octet is taken");
	for (i = 0; i < len; i += step)
		wrong += !bundle_decode(der, i, PASS, &b, &why);
	is_int(wrong, 0, "no part is taken");
	refused(bundle_decode(der, 0, PASS, &b, &why), -EBADMSG, "nothing");
	secret_free(der);
	der = secret_alloc(BUNDLE_MAX + 1);
	refused(bundle_decode(der, BUNDLE_MAX + 1, PASS, &b, &why), -EBADMSG,
		"more than a bundle has");
	secret_free(der);
}

/* Decode what libcrypto makes of these, without a MAC if @mac is false. */
static int decode_other(X509 *x, EVP_PKEY *key, X509 *with, bool mac,
			struct err *why)
{
	struct stack_st_X509 *cas = sk_X509_new_null();
	unsigned char *der = NULL;
	struct bundle b;
	PKCS12 *p;
	int len, ret;

	if (with)
		sk_X509_push(cas, with);
	p = PKCS12_create(PASS, "other", key, x, cas, 0, 0, 1, mac ? 1 : -1, 0);
	len = i2d_PKCS12(p, &der);
	if (len <= 0)
		bail("no PKCS #12");
	ret = bundle_decode(der, (size_t)len, PASS, &b, why);
	if (!ret)
		bundle_free(&b);
	OPENSSL_free(der);
	PKCS12_free(p);
	sk_X509_free(cas);
	return ret;
}

static void test_others(void)
{
	X509 *leaf = x509_from_der(member.cert, member.cert_len);
	X509 *root = x509_from_der(ca.cert, ca.cert_len);
	EVP_PKEY *key = sigkey_pkey(member.key);
	struct err why = {};
	EVP_PKEY *alone;

	is_int(decode_other(leaf, key, root, true, &why), 0,
	       "one of another program is taken");
	refused(decode_other(leaf, key, NULL, true, &why), -EBADMSG,
		"one without a CA");
	refused(decode_other(NULL, NULL, root, true, &why), -EBADMSG,
		"one without a key");
	refused(decode_other(leaf, key, root, false, &why), -EBADMSG,
		"one without a MAC");
	alone = EVP_EC_gen("secp521r1");
	refused(decode_other(NULL, alone, root, true, &why), -EBADMSG,
		"a key without its certificate");
	EVP_PKEY_free(alone);
	X509_free(leaf);
	X509_free(root);
}

/* ---- what it costs to read one ------------------------------------------------ */

/* A bundle may cost 10,000,000 rounds in all. */
#define MANY 10000001
#define HALF 6000000
#define OLD_PBE NID_pbe_WithSHA1And3_Key_TripleDES_CBC

/* Rounds of key derivation of the parts; there are @keys keys. */
struct cost {
	int mac;
	int certs;
	int key;
	int keys;
};

/* Ask for other rounds than those with which something was encrypted. */
static void set_rounds(X509_ALGOR *alg, int rounds, int pbe)
{
	X509_ALGOR *with =
		pbe == NID_pbes2
			? PKCS5_pbe2_set(EVP_aes_256_cbc(), rounds, NULL, 0)
			: PKCS5_pbe_set(pbe, rounds, NULL, 0);

	X509_ALGOR_copy(alg, with);
	X509_ALGOR_free(with);
}

/* Decode a bundle that asks for that, with @pbe as the algorithm. */
static int decode_cost(const struct cost *c, int pbe, struct err *why)
{
	X509 *leaf = x509_from_der(member.cert, member.cert_len);
	struct stack_st_PKCS12_SAFEBAG *open = NULL, *keys = NULL;
	struct stack_st_PKCS7 *safes = NULL;
	const X509_ALGOR *alg;
	unsigned char *der = NULL;
	PKCS12_SAFEBAG *bag;
	struct bundle b;
	PKCS12 *pfx;
	int i, len, ret;

	/* The keys are seen first, and decrypted last. */
	for (i = 0; i < c->keys; i++) {
		bag = PKCS12_add_key(&keys, sigkey_pkey(member.key), 0, 1,
				     NID_aes_256_cbc, PASS);
		X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &alg, NULL);
		set_rounds((X509_ALGOR *)alg, c->key, pbe);
	}
	PKCS12_add_safe(&safes, keys, -1, 0, NULL);
	PKCS12_add_cert(&open, leaf);
	PKCS12_add_safe(&safes, open, NID_aes_256_cbc, 1, PASS);
	set_rounds(sk_PKCS7_value(safes, 1)->d.encrypted->enc_data->algorithm,
		   c->certs, pbe);
	pfx = PKCS12_add_safes(safes, 0);
	PKCS12_set_mac(pfx, PASS, -1, NULL, 0, c->mac, EVP_sha256());
	len = i2d_PKCS12(pfx, &der);
	if (len <= 0)
		bail("no PKCS #12");
	ret = bundle_decode(der, (size_t)len, PASS, &b, why);
	if (!ret)
		bundle_free(&b);
	OPENSSL_free(der);
	PKCS12_free(pfx);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	sk_PKCS12_SAFEBAG_pop_free(open, PKCS12_SAFEBAG_free);
	sk_PKCS12_SAFEBAG_pop_free(keys, PKCS12_SAFEBAG_free);
	X509_free(leaf);
	return ret;
}

static void test_cost(void)
{
	static const struct {
		struct cost cost;
		int pbe;
		const char *name;
	} cases[] = {
		{ { 1, MANY, 1, 1 }, NID_pbes2, "certificates" },
		{ { 1, 1, MANY, 1 }, NID_pbes2, "a key" },
		{ { 1, 1, INT_MAX, 1 }, NID_pbes2, "a key of two billion" },
		{ { 1, MANY, 1, 1 }, OLD_PBE, "certificates, as of old" },
		{ { 1, 1, MANY, 1 }, OLD_PBE, "a key, as of old" },
		{ { 1, HALF, HALF, 1 }, NID_pbes2, "certificates and key" },
		{ { 1, 1, HALF, 2 }, NID_pbes2, "two keys" },
	};
	static const char text[] =
		"it asks for more than 10000000 rounds of key derivation";
	struct err why = {};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		refused(decode_cost(&cases[i].cost, cases[i].pbe, &why),
			-EBADMSG, cases[i].name);
		is_str(why.text, text, "%s: the cost is what is refused",
		       cases[i].name);
	}
}

int main(void)
{
	ca = made(NULL, PKI_CA, "test CA");
	other_ca = made(NULL, PKI_CA, "another CA");
	member = made(&ca, PKI_MEMBER, "m.example");
	RUN(test_round);
	RUN(test_not_valid);
	RUN(test_passphrase);
	RUN(test_damage);
	RUN(test_others);
	RUN(test_cost);
	pki_pair_free(&ca);
	pki_pair_free(&other_ca);
	pki_pair_free(&member);
	return done();
}
