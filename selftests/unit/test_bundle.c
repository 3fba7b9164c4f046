// SPDX-License-Identifier: Apache-2.0
/* Bundles of a member: what comes out again, and what is refused. */
#include "crypto/bundle.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pkcs12.h>

#include "certs.h"
#include "crypto/pkey.h"

#define PASS "correct horse battery"
#define OLD_PBE NID_pbe_WithSHA1And3_Key_TripleDES_CBC
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

/* The name of the only key in a bundle. */
static char *name_of_key(const PKCS12 *pfx)
{
	struct stack_st_PKCS7 *safes = PKCS12_unpack_authsafes(pfx);
	struct stack_st_PKCS12_SAFEBAG *bags =
		PKCS12_unpack_p7data(sk_PKCS7_value(safes, 1));
	char *name = PKCS12_get_friendlyname(sk_PKCS12_SAFEBAG_value(bags, 0));

	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	return name;
}

/* Other programs find the certificate by its key, and show both by their name. */
static void check_names(const uint8_t *der, size_t len)
{
	struct stack_st_X509 *others = NULL;
	PKCS12 *pfx = d2i_PKCS12(NULL, &der, (long)len);
	int named = 0, i, id_len = 0, name_len = 0;
	EVP_PKEY *key = NULL;
	X509 *leaf = NULL;
	unsigned char id[EVP_MAX_MD_SIZE], *at, *alias;
	char *name = name_of_key(pfx);

	is_str(name, "m.example", "the key has its name");
	if (!PKCS12_parse(pfx, PASS, &key, &leaf, &others))
		bail("no PKCS #12");
	alias = X509_alias_get0(leaf, &name_len);
	is_mem(alias, (size_t)name_len, "m.example", 9,
	       "the certificate has its name");
	X509_digest(leaf, EVP_sha1(), id, NULL);
	at = X509_keyid_get0(leaf, &id_len);
	is_mem(at, (size_t)id_len, id, 20,
	       "the certificate has the identifier of its key");
	for (i = 0; i < sk_X509_num(others); i++)
		named += X509_alias_get0(sk_X509_value(others, i), NULL) ||
			 X509_keyid_get0(sk_X509_value(others, i), NULL);
	is_int(i, 4, "there are four certificates beside it");
	is_int(named, 0, "no other certificate is that of the key");
	OPENSSL_free(name);
	EVP_PKEY_free(key);
	X509_free(leaf);
	sk_X509_pop_free(others, X509_free);
	PKCS12_free(pfx);
}

/* A member below a second CA, and three that it trusts. */
static void test_chain(void)
{
	struct pki_pair root = make_ca(NULL, "a root", 0);
	struct pki_pair below = make_ca(&root, "a CA below the root", 0);
	struct pki_pair low = made(&below, PKI_MEMBER, "low.example");
	const struct cert_der chain[] = { { low.cert, low.cert_len },
					  { below.cert, below.cert_len } };
	const struct cert_der cas[] = { { root.cert, root.cert_len },
					{ ca.cert, ca.cert_len },
					{ other_ca.cert, other_ca.cert_len } };
	struct bundle b = { .key = low.key };
	struct cert_der got;
	time_t ends = 0;
	uint8_t *der;
	size_t len, i;

	if (cert_chain_from_der(chain, 2, &b.chain, &err) ||
	    cert_chain_from_der(cas, 3, &b.cas, &err) ||
	    bundle_encode(&b, "m.example", PASS, &der, &len, &err))
		bail("%s", err.text);
	unbundle(&b);
	check_names(der, len);
	is_int(bundle_decode(der, len, PASS, &b, &err), 0,
	       "a bundle with a chain is decoded");
	is_int((int)cert_chain_count(b.chain), 2, "the chain has two");
	is_int((int)cert_chain_count(b.cas), 3, "there are three CAs");
	for (i = 0; i < 2; i++) {
		got = cert_chain_der(b.chain, i);
		is_mem(got.p, got.len, chain[i].p, chain[i].len,
		       "certificate %zu of the chain is at its place", i);
	}
	for (i = 0; i < 3; i++) {
		got = cert_chain_der(b.cas, i);
		is_mem(got.p, got.len, cas[i].p, cas[i].len,
		       "CA %zu is at its place", i);
	}
	is_int(bundle_verify(&b, NOW + 1, &ends, &err), 0,
	       "a bundle with a chain is valid");
	bundle_free(&b);
	secret_free(der);
	pki_pair_free(&root);
	pki_pair_free(&below);
	pki_pair_free(&low);
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
	bundle_of(&member, &member, NULL, &b);
	refused(bundle_verify(&b, NOW + 1, &ends, &why), -EINVAL,
		"one that trusts no CA");
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
	is_int(bundle_encode(&b, "m", "twelve chars", &der, &len, &why), 0,
	       "a passphrase of the least length is taken");
	secret_free(der);
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
	uint8_t *der, *more;
	int wrong = 0;

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
	more = secret_alloc(len + 1);
	memcpy(more, der, len);
	refused(bundle_decode(more, len + 1, PASS, &b, &why), -EBADMSG,
		"one with an octet behind it");
	secret_free(more);
	refused(bundle_decode(der, 0, PASS, &b, &why), -EBADMSG, "nothing");
	secret_free(der);
	der = secret_alloc(BUNDLE_MAX + 1);
	refused(bundle_decode(der, BUNDLE_MAX + 1, PASS, &b, &why), -EBADMSG,
		"more than a bundle has");
	secret_free(der);
}

/* ---- what cannot be put into one --------------------------------------------- */

static int sign_elsewhere(void *ctx, const void *msg, size_t len, uint8_t *sig,
			  size_t *sig_len)
{
	return sig_sign(ctx, msg, len, sig, sig_len);
}

static void free_elsewhere(void *ctx)
{
	(void)ctx;
}

static void test_not_encoded(void)
{
	static const struct sigkey_ops ops = {
		.sign = sign_elsewhere,
		.free = free_elsewhere,
	};
	char *settings = calloc(1, BUNDLE_SETTINGS_MAX + 2);
	const uint8_t *alg;
	struct err why = {};
	struct bundle b;
	size_t len, n;
	uint8_t *der;

	memset(settings, 'a', BUNDLE_SETTINGS_MAX + 1);
	bundle_of(&member, &ca, settings, &b);
	refused(bundle_encode(&b, "m", PASS, &der, &len, &why), -E2BIG,
		"settings of an octet too many");
	b.settings[BUNDLE_SETTINGS_MAX] = '\0';
	is_int(bundle_encode(&b, "m", PASS, &der, &len, &why), 0,
	       "settings of the greatest length are taken");
	secret_free(der);
	sigkey_alg(member.key, &alg, &n);
	if (sigkey_with(&ops, member.key, sigkey_own_pub(member.key), alg, n,
			&b.key))
		bail("no key");
	refused(bundle_encode(&b, "m", PASS, &der, &len, &why), -EOPNOTSUPP,
		"a key that is elsewhere");
	bundle_free(&b);
	free(settings);
}

/* ---- of another program -------------------------------------------------------- */

/*
 * Decode what libcrypto makes of these, encrypted by @pbe if that is not 0, and without
 * a MAC if @mac is false.
 */
static int decode_pbe(X509 *x, EVP_PKEY *key, X509 *with, int times, int pbe,
		      bool mac, struct err *why)
{
	struct stack_st_X509 *cas = sk_X509_new_null();
	unsigned char *der = NULL;
	struct bundle b;
	PKCS12 *p;
	int len, ret;

	while (times--)
		sk_X509_push(cas, with);
	p = PKCS12_create(PASS, "other", key, x, cas, pbe, pbe, 1, mac ? 1 : -1,
			  0);
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

static int decode_other(X509 *x, EVP_PKEY *key, X509 *with, int times, bool mac,
			struct err *why)
{
	return decode_pbe(x, key, with, times, 0, mac, why);
}

static void test_others(void)
{
	X509 *leaf = x509_from_der(member.cert, member.cert_len);
	X509 *root = x509_from_der(ca.cert, ca.cert_len);
	EVP_PKEY *key = sigkey_pkey(member.key);
	struct err why = {};

	is_int(decode_other(leaf, key, root, 1, true, &why), 0,
	       "one of another program is taken");
	is_int(decode_pbe(leaf, key, root, 1, OLD_PBE, true, &why), 0,
	       "one of an old program is taken");
	refused(decode_other(leaf, key, NULL, 0, true, &why), -EBADMSG,
		"one without a CA");
	refused(decode_other(NULL, NULL, root, 1, true, &why), -EBADMSG,
		"one without a key");
	refused(decode_other(leaf, key, root, 1, false, &why), -EBADMSG,
		"one without a MAC");
	is_str(why.text, "it is not authenticated by a passphrase",
	       "the lack of a MAC is what is refused");
	is_int(decode_other(leaf, key, root, CERT_MAX_CHAIN, true, &why), 0,
	       "one of as many CAs as can be is taken");
	refused(decode_other(leaf, key, root, CERT_MAX_CHAIN + 1, true, &why),
		-E2BIG, "one of a CA too many");
	refused(decode_other(leaf, key, leaf, CERT_MAX_CHAIN, true, &why),
		-E2BIG, "one whose chain is too long");
	X509_free(leaf);
	X509_free(root);
}

/* A key that no member can have, with and without its certificate. */
static void test_other_key(void)
{
	X509 *root = x509_from_der(ca.cert, ca.cert_len);
	EVP_PKEY *key = EVP_EC_gen("secp521r1");
	struct err why = {};
	X509 *x = X509_new();

	refused(decode_other(NULL, key, root, 1, true, &why), -EBADMSG,
		"a key without its certificate");
	X509_set_pubkey(x, key);
	X509_set_version(x, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(x), 0);
	X509_gmtime_adj(X509_getm_notAfter(x), YEAR);
	if (!X509_sign(x, key, EVP_sha256()))
		bail("no certificate");
	refused(decode_other(x, key, root, 1, true, &why), -EOPNOTSUPP,
		"a key of a kind that is not known");
	EVP_PKEY_free(key);
	X509_free(root);
	X509_free(x);
}

/* ---- what it costs to read one ------------------------------------------------ */

/* A bundle may cost 10,000,000 rounds in all. */
#define MANY 10000001
#define HALF 6000000

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

/* The rounds of a MAC are not run either. */
static void test_mac(void)
{
	static const long rounds[] = { MANY, INT_MAX, 0, -1 };
	const ASN1_INTEGER *n;
	unsigned char *other;
	const X509_ALGOR *alg;
	const uint8_t *at;
	struct err why = {};
	struct bundle b;
	size_t len, i;
	uint8_t *der;
	PKCS12 *pfx;
	int size;

	encode(&member, &ca, NULL, &der, &len);
	for (i = 0; i <= sizeof(rounds) / sizeof(rounds[0]); i++) {
		at = der;
		pfx = d2i_PKCS12(NULL, &at, (long)len);
		PKCS12_get0_mac(NULL, &alg, NULL, &n, pfx);
		if (i < sizeof(rounds) / sizeof(rounds[0]))
			ASN1_INTEGER_set((ASN1_INTEGER *)n, rounds[i]);
		else
			/* PBMAC1 has parameters, where hashes have none. */
			set_rounds((X509_ALGOR *)alg, 1, NID_pbes2);
		other = NULL;
		size = i2d_PKCS12(pfx, &other);
		refused(bundle_decode(other, (size_t)size, PASS, &b, &why),
			-EBADMSG, "a MAC");
		is_str(why.text,
		       "it asks for more than 10000000 rounds of key derivation",
		       "case %zu: the cost of the MAC is what is refused", i);
		OPENSSL_free(other);
		PKCS12_free(pfx);
	}
	secret_free(der);
}

/* ---- settings ------------------------------------------------------------------ */

#define OTHER_TYPE NID_friendlyName

/* Append @n octets at @in to @out as a value of @tag; returns their number with that. */
static size_t put_der(uint8_t *out, int tag, int class, bool constructed,
		      const uint8_t *in, size_t n)
{
	unsigned char *p = out;

	ASN1_put_object(&p, constructed, (int)n, tag, class);
	memmove(p, in, n);
	return (size_t)(p - out) + n;
}

/* Append a bag of the type @nid with the DER @in; returns its length. */
static size_t put_bag(uint8_t *out, int nid, const uint8_t *in, size_t n)
{
	static uint8_t inner[2 * BUNDLE_SETTINGS_MAX];
	unsigned char *p = inner;
	size_t len = (size_t)i2d_ASN1_OBJECT(OBJ_nid2obj(nid), &p);

	len += put_der(p, 0, V_ASN1_CONTEXT_SPECIFIC, true, in, n);
	return put_der(out, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, true, inner,
		       len);
}

/* Append a bag with @n octets of a secret; returns its length. */
static size_t put_secret(uint8_t *out, int type, int tag, const void *text,
			 size_t n)
{
	static uint8_t value[2 * BUNDLE_SETTINGS_MAX];
	static uint8_t secret[2 * BUNDLE_SETTINGS_MAX];
	size_t len = put_der(value, tag, V_ASN1_UNIVERSAL, false, text, n);

	len = put_bag(secret, type, value, len);
	return put_bag(out, NID_secretBag, secret, len);
}

/* Decode a bundle that has the bags @der, besides those of a member. */
static int decode_bags(const uint8_t *der, size_t len, struct bundle *b,
		       struct err *why)
{
	static uint8_t all[2 * BUNDLE_SETTINGS_MAX];
	size_t n =
		put_der(all, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, true, der, len);
	X509 *leaf = x509_from_der(member.cert, member.cert_len);
	X509 *root = x509_from_der(ca.cert, ca.cert_len);
	const ASN1_ITEM *bags = ASN1_ITEM_rptr(PKCS12_SAFEBAGS);
	struct stack_st_PKCS12_SAFEBAG *usual = NULL, *others;
	struct stack_st_PKCS7 *safes = NULL;
	const unsigned char *at = all;
	unsigned char *out = NULL;
	PKCS12 *pfx;
	int size, ret;

	others = (void *)ASN1_item_d2i(NULL, &at, (long)n, bags);
	if (!others)
		bail("no bags");
	PKCS12_add_safe(&safes, others, -1, 0, NULL);
	PKCS12_add_cert(&usual, leaf);
	PKCS12_add_cert(&usual, root);
	PKCS12_add_key(&usual, sigkey_pkey(member.key), 0, 1, NID_aes_256_cbc,
		       PASS);
	PKCS12_add_safe(&safes, usual, -1, 0, NULL);
	pfx = PKCS12_add_safes(safes, 0);
	PKCS12_set_mac(pfx, PASS, -1, NULL, 0, 1, EVP_sha256());
	size = i2d_PKCS12(pfx, &out);
	ret = bundle_decode(out, (size_t)size, PASS, b, why);
	OPENSSL_free(out);
	PKCS12_free(pfx);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	sk_PKCS12_SAFEBAG_pop_free(others, PKCS12_SAFEBAG_free);
	sk_PKCS12_SAFEBAG_pop_free(usual, PKCS12_SAFEBAG_free);
	X509_free(leaf);
	X509_free(root);
	return ret;
}

static void check_settings(const uint8_t *der, size_t len, const char *want,
			   const char *name)
{
	struct err why = {};
	struct bundle b;

	is_int(decode_bags(der, len, &b, &why), 0, "%s: the bundle is taken",
	       name);
	is_str(b.settings, want, "%s: the settings are as they should be",
	       name);
	bundle_free(&b);
}

static void test_settings(void)
{
	static uint8_t der[2 * BUNDLE_SETTINGS_MAX],
		in[2 * BUNDLE_SETTINGS_MAX];
	static char most[BUNDLE_SETTINGS_MAX + 2];
	int type = OBJ_txt2nid("2.25.66236861307982984646356399941368683951");
	size_t n;

	memset(most, 'a', BUNDLE_SETTINGS_MAX + 1);
	n = put_secret(der, type, V_ASN1_OCTET_STRING, most,
		       BUNDLE_SETTINGS_MAX + 1);
	check_settings(der, n, NULL, "settings of an octet too many");
	most[BUNDLE_SETTINGS_MAX] = '\0';
	n = put_secret(der, type, V_ASN1_OCTET_STRING, most,
		       BUNDLE_SETTINGS_MAX);
	check_settings(der, n, most, "settings of the greatest length");
	n = put_secret(der, type, V_ASN1_OCTET_STRING, "a\0b", 3);
	check_settings(der, n, NULL, "settings with an octet 0");
	n = put_secret(der, type, V_ASN1_UTF8STRING, "text", 4);
	check_settings(der, n, NULL, "settings as another type of text");
	n = put_secret(der, OTHER_TYPE, V_ASN1_OCTET_STRING, "secret", 6);
	check_settings(der, n, NULL, "a secret that is not ours");
	n += put_secret(der + n, type, V_ASN1_OCTET_STRING, "first", 5);
	n += put_secret(der + n, type, V_ASN1_OCTET_STRING, "second", 6);
	check_settings(der, n, "first", "two settings, behind another secret");
	n = put_der(in, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, true, der, n);
	n = put_bag(der, NID_safeContentsBag, in, n);
	check_settings(der, n, "first", "settings in a bag of bags");
}

int main(void)
{
	ca = made(NULL, PKI_CA, "test CA");
	other_ca = made(NULL, PKI_CA, "another CA");
	member = made(&ca, PKI_MEMBER, "m.example");
	RUN(test_round);
	RUN(test_chain);
	RUN(test_not_encoded);
	RUN(test_settings);
	RUN(test_mac);
	RUN(test_other_key);
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
