// SPDX-License-Identifier: Apache-2.0
/* Bundles of a member: what comes out again, and what is refused. */
#include "crypto/bundle.h"

#include <errno.h>
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
	pki_pair_free(&ca);
	pki_pair_free(&other_ca);
	pki_pair_free(&member);
	return done();
}
