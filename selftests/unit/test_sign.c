// SPDX-License-Identifier: Apache-2.0
/*
 * RFC 8032 7.1 tests 1 to 3, the AlgorithmIdentifiers of RFC 7427 appendix A,
 * and refusals: weak algorithms, other keys, readable key files.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/sign.h"
#include "hex.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "tap.h"

#define PKCS8_ED25519 "302e020100300506032b657004220420"

static const struct {
	const char *priv, *pub, *msg, *sig;
} rfc8032[] = {
	{
		"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
		"",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
		"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
	},
	{
		"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
		"72",
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
	},
	{
		"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
		"af82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
		"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
	}
};

static const uint8_t alg_ed25519[] = { 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 };

static void published(void)
{
	uint8_t der[64], msg[8], want[64], got[SIG_MAX_LEN], spki[64];
	const uint8_t *p;
	struct sigkey *key;
	struct sigpub *pub;
	size_t i, n, m, len;

	for (i = 0; i < 3; i++) {
		n = hex(PKCS8_ED25519, der, sizeof(der));
		n += hex(rfc8032[i].priv, der + n, sizeof(der) - n);
		if (sigkey_from_der(der, n, &key) || sigkey_pub(key, &pub))
			bail("no key from RFC 8032");
		m = hex(rfc8032[i].msg, msg, sizeof(msg));
		hex(rfc8032[i].sig, want, sizeof(want));
		sig_sign(key, msg, m, got, &len);
		is_mem(got, len, want, 64, "RFC 8032 test %zu", i + 1);
		is_int(sig_verify(pub, alg_ed25519, sizeof(alg_ed25519), msg, m,
				  want, 64),
		       0, "published: verifies");
		sigpub_spki(pub, &p, &len);
		n = hex("302a300506032b6570032100", spki, sizeof(spki));
		n += hex(rfc8032[i].pub, spki + n, sizeof(spki) - n);
		is_mem(p, len, spki, n, "the public key of a published key");
		sigpub_free(pub);
		sigkey_free(key);
	}
}

/* RFC 7427 A; PSS without the trailer, because DER omits a default. */
static const struct {
	enum sig_type type;
	enum ike_hash hash;
	const char *alg;
} kinds[] = {
	{ SIG_ED25519, IKE_HASH_IDENTITY, "300506032b6570" },
	{ SIG_ECDSA_P256, IKE_HASH_SHA2_256, "300a06082a8648ce3d040302" },
	{ SIG_ECDSA_P384, IKE_HASH_SHA2_384, "300a06082a8648ce3d040303" },
	{ SIG_RSA_PSS, IKE_HASH_SHA2_256,
	  "304106092a864886f70d01010a3034a00f300d06096086480165030402010500"
	  "a11c301a06092a864886f70d010108300d06096086480165030402010500"
	  "a203020120" },
};

/* The same with the trailer, as RFC 7427 A.4.3 prints it. */
#define PSS_LONG \
	"304606092a864886f70d01010a3039a00f300d06096086480165030402010500" \
	"a11c301a06092a864886f70d010108300d06096086480165030402010500" \
	"a203020120a303020101"

static struct sigkey *keys[4];
static struct sigpub *pubs[4];

static void each_kind(size_t i)
{
	const char *name = sig_type_str(kinds[i].type);
	uint8_t want[SIG_MAX_ALG], sig[SIG_MAX_LEN], *der;
	const uint8_t *alg, *spki, *copied;
	size_t len, alg_len, n, k, bad = 0;
	struct sigpub *pub, *copy;
	struct sigkey *key;
	char msg[] = "what is signed";

	if (sigkey_generate(kinds[i].type, &keys[i]) ||
	    sigkey_pub(keys[i], &pubs[i]))
		bail("%s: no key", name);
	is_int(sigkey_hash(keys[i]), kinds[i].hash, "%s: hash", name);
	sigkey_alg(keys[i], &alg, &alg_len);
	n = hex(kinds[i].alg, want, sizeof(want));
	is_mem(alg, alg_len, want, n, "%s: AlgorithmIdentifier", name);
	is_int(sig_sign(keys[i], msg, sizeof(msg), sig, &len), 0, "%s: signed",
	       name);
	is_int(sig_verify(pubs[i], alg, alg_len, msg, sizeof(msg), sig, len), 0,
	       "%s: verified", name);
	msg[0] ^= 1;
	is_int(sig_verify(pubs[i], alg, alg_len, msg, sizeof(msg), sig, len),
	       -EBADMSG, "%s: another message", name);
	msg[0] ^= 1;
	for (k = 0; k < len; k++) {
		sig[k] ^= 0x40;
		bad += !sig_verify(pubs[i], alg, alg_len, msg, sizeof(msg), sig,
				   len);
		sig[k] ^= 0x40;
		bad += !sig_verify(pubs[i], alg, alg_len, msg, sizeof(msg), sig,
				   k);
	}
	is_int(bad, 0, "%s: a signature that is changed or cut is refused",
	       name);

	n = sigkey_sig_len(keys[i]);
	is_int(sig_sign_len(keys[i], msg, sizeof(msg), sig, n), 0,
	       "%s: a signature of %zu octets", name, n);
	is_int(sig_verify(pubs[i], alg, alg_len, msg, sizeof(msg), sig, n), 0,
	       "%s: the signature verifies", name);
	is_int(sig_sign_len(keys[i], msg, sizeof(msg), sig, n + 7), -ERANGE,
	       "%s: none is that long", name);

	sigpub_spki(pubs[i], &spki, &len);
	is_int(sigpub_from_spki(spki, len, &pub), 0, "%s: public key read",
	       name);
	ok(sigpub_equal(pub, pubs[i]) && sigpub_type(pub) == kinds[i].type,
	   "%s: the same", name);
	is_int(sigpub_dup(pub, &copy), 0, "%s: public key copied", name);
	sigpub_free(pub);
	sigpub_spki(copy, &copied, &k);
	is_mem(copied, k, spki, len, "%s: the copy outlives the original",
	       name);
	ok(!sig_sign_len(keys[i], msg, sizeof(msg), sig, n) &&
		   !sig_verify(copy, alg, alg_len, msg, sizeof(msg), sig, n),
	   "%s: the copy verifies", name);
	sigpub_free(copy);
	for (k = bad = 0; k < len; k++)
		bad += !sigpub_from_spki(spki, k, &pub);
	is_int(bad, 0, "%s: not when cut", name);
	der = malloc(len + 1);
	memcpy(der, spki, len);
	der[len] = 0;
	is_int(sigpub_from_spki(der, len + 1, &pub), -EBADMSG,
	       "%s: a public key with more behind it is refused", name);
	free(der);

	sigkey_to_der(keys[i], &der, &len);
	is_int(sigkey_from_der(der, len, &key), 0, "%s: private key read",
	       name);
	sigkey_pub(key, &pub);
	ok(sigpub_equal(pub, pubs[i]), "%s: the same", name);
	sigpub_free(pub);
	sigkey_free(key);
	is_int(sigkey_from_der(der, len - 1, &key), -EBADMSG,
	       "%s: not when cut", name);
	secret_free(der);
}

static void algorithms(void)
{
	static const struct {
		const char *name, *alg;
		size_t key;
	} bad[] = {
		{ "ECDSA with SHA-1", "300906072a8648ce3d0401", 1 },
		{ "PKCS#1 v1.5", "300d06092a864886f70d01010b0500", 3 },
		{ "PSS with the defaults, SHA-1",
		  "300d06092a864886f70d01010a3000", 3 },
		{ "PSS without parameters", "300b06092a864886f70d01010a", 3 },
		{ "PSS, salt of 20",
		  "304106092a864886f70d01010a3034a00f300d06"
		  "096086480165030402010500a11c301a06092a864886f70d010108300d"
		  "06096086480165030402010500a203020114",
		  3 },
		{ "PSS, MGF1 with SHA-1",
		  "303d06092a864886f70d01010a3030a00f"
		  "300d06096086480165030402010500a118301606092a864886f70d0101"
		  "08300906052b0e03021a0500a203020120",
		  3 },
		{ "Ed25519 with parameters", "300706032b65700500", 0 },
		{ "ECDSA with parameters", "300c06082a8648ce3d0403020500", 1 },
		{ "Ed448", "300506032b6571", 0 },
		{ "nothing", "", 0 },
		{ "not DER", "ffffffff", 0 },
		{ "more behind", "300506032b657000", 0 },
		{ "cut", "300506032b65", 0 },
	};
	uint8_t alg[SIG_MAX_ALG], sig[SIG_MAX_LEN];
	const uint8_t *own;
	size_t i, k, n, len, own_len, crossed = 0;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sigpub *pub = pubs[bad[i].key];

		sig_sign(keys[bad[i].key], "m", 1, sig, &len);
		n = hex(bad[i].alg, alg, sizeof(alg));
		ok(sig_verify(pub, alg, n, "m", 1, sig, len) == -EOPNOTSUPP &&
			   !sigpub_fits_alg(pub, alg, n),
		   "refused: %s", bad[i].name);
	}
	for (i = 0; i < 4; i++) {
		sig_sign(keys[i], "m", 1, sig, &len);
		for (k = 0; k < 4; k++) {
			bool ec = i != k && (i == 1 || i == 2) &&
				  (k == 1 || k == 2);

			sigkey_alg(keys[k], &own, &own_len);
			/*
			 * Both curves accept either hash, and the value
			 * differs.
			 */
			crossed += sigpub_fits_alg(pubs[i], own, own_len) !=
				   (i == k || ec);
			crossed += i != k && !sig_verify(pubs[k], own, own_len,
							 "m", 1, sig, len);
		}
	}
	is_int(crossed, 0, "an algorithm fits its own kind of key only");
	n = hex(PSS_LONG, alg, sizeof(alg));
	sig_sign(keys[3], "m", 1, sig, &len);
	is_int(sig_verify(pubs[3], alg, n, "m", 1, sig, len), 0,
	       "PSS as RFC 7427 prints it");
	n = hex("300a06082a8648ce3d040304", alg, sizeof(alg));
	ok(sigpub_fits_alg(pubs[1], alg, n), "ECDSA P-256 with SHA-512");
}

static void weak_keys(void)
{
	EVP_PKEY *k[4];
	static const char *const name[] = {
		"RSA of 1024 bits",
		"P-521",
		"secp256k1",
		"X25519",
	};
	struct sigpub *pub;
	size_t i;

	k[0] = EVP_RSA_gen(1024);
	k[1] = EVP_EC_gen("secp521r1");
	k[2] = EVP_EC_gen("secp256k1");
	k[3] = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	for (i = 0; i < 4; i++) {
		uint8_t *der = NULL;
		int n = i2d_PUBKEY(k[i], &der);

		is_int(sigpub_from_spki(der, (size_t)n, &pub), -EOPNOTSUPP,
		       "refused: %s", name[i]);
		OPENSSL_free(der);
		EVP_PKEY_free(k[i]);
	}
}

static void files(void)
{
	char dir[] = "/tmp/mcsec-sign-XXXXXX", path[64];
	struct err err;
	struct sigkey *key;
	struct sigpub *pub;
	struct stat st;
	int fd;

	if (!mkdtemp(dir))
		bail("no folder to work in");
	snprintf(path, sizeof(path), "%s/key.pem", dir);
	is_int(sigkey_save(keys[1], path, &err), 0, "a key is saved");
	ok(!stat(path, &st) && (st.st_mode & 07777) == 0600,
	   "the saved key has mode 0600");
	is_int(sigkey_save(keys[1], path, &err), -EEXIST,
	       "a key is not saved over another: %s", err.text);
	is_int(sigkey_load(path, &key, &err), 0, "files: the file is loaded");
	sigkey_pub(key, &pub);
	ok(sigpub_equal(pub, pubs[1]), "the same");
	sigpub_free(pub);
	sigkey_free(key);
	chmod(path, 0644);
	is_int(sigkey_load(path, &key, &err), -EPERM,
	       "readable by others: refused");
	ok(strstr(err.text, path) && strstr(err.text, "0644"), "said so: %s",
	   err.text);
	chmod(path, 0600);
	fd = open(path, O_WRONLY | O_TRUNC);
	if (fd < 0 || write(fd, "-----BEGIN PRIVATE KEY-----\nAAAA\n", 33) < 0)
		bail("write");
	close(fd);
	is_int(sigkey_load(path, &key, &err), -EBADMSG, "damaged: %s",
	       err.text);
	unlink(path);
	is_int(sigkey_load(path, &key, &err), -ENOENT, "missing: %s", err.text);
	rmdir(dir);
}

/* ---- an external key ----------------------------------------------------- */

struct elsewhere {
	struct sigkey *key;
	unsigned int asked, freed;
	int fails;
	size_t says; /* the octets, 0: as many as there are */
};

static int elsewhere_sign(void *ctx, const void *msg, size_t len, uint8_t *sig,
			  size_t *sig_len)
{
	struct elsewhere *e = ctx;
	int ret;

	e->asked++;
	if (e->fails)
		return e->fails;
	ret = sig_sign(e->key, msg, len, sig, sig_len);
	if (e->says)
		*sig_len = e->says;
	return ret;
}

static void elsewhere_free(void *ctx)
{
	((struct elsewhere *)ctx)->freed++;
}

static void elsewhere(size_t i)
{
	static const struct sigkey_ops ops = {
		.sign = elsewhere_sign,
		.free = elsewhere_free,
	};
	const char *name = sig_type_str(kinds[i].type);
	uint8_t sig[SIG_MAX_LEN], *der;
	const uint8_t *alg, *alg2;
	struct elsewhere e = { 0 };
	struct sigpub *pub, *pub2;
	size_t len, alg_len, alg2_len;
	struct sigkey *key;
	struct err err;

	if (sigkey_generate(kinds[i].type, &e.key) || sigkey_pub(e.key, &pub))
		bail("no key");
	sigkey_alg(e.key, &alg, &alg_len);
	is_int(sigkey_with(&ops, &e, pub, alg, alg_len - 1, &key), -EOPNOTSUPP,
	       "%s elsewhere: an algorithm that is cut is refused", name);
	is_int(sigkey_with(&ops, &e, pub, alg, SIG_MAX_ALG + 1, &key),
	       -EOPNOTSUPP,
	       "%s elsewhere: an algorithm that is too long is refused", name);
	is_int(e.freed, 0,
	       "%s elsewhere: a key that is refused stays the caller's", name);
	is_int(sigkey_with(&ops, &e, pub, alg, alg_len, &key), 0,
	       "%s elsewhere: a key", name);
	sigkey_alg(key, &alg2, &alg2_len);
	is_mem(alg2, alg2_len, alg, alg_len, "%s elsewhere: the algorithm",
	       name);
	ok(sigkey_type(key) == sigkey_type(e.key) &&
		   sigkey_hash(key) == sigkey_hash(e.key) &&
		   sigkey_sig_len(key) == sigkey_sig_len(e.key),
	   "%s elsewhere: type, hash and length", name);
	is_int(sigkey_pub(key, &pub2), 0, "%s elsewhere: the public key", name);
	ok(sigpub_equal(pub, pub2), "%s elsewhere: the same public key", name);
	is_int(sig_sign(key, "msg", 3, sig, &len), 0, "%s elsewhere: signing",
	       name);
	is_int(e.asked, 1, "%s elsewhere: one signature is one question", name);
	is_int(sig_verify(pub2, alg, alg_len, "msg", 3, sig, len), 0,
	       "%s elsewhere: the signature verifies", name);
	is_int(sig_sign_len(key, "msg", 3, sig, sigkey_sig_len(key)), 0,
	       "%s elsewhere: signing of a length", name);
	is_int(sigkey_to_der(key, &der, &len), -EOPNOTSUPP,
	       "%s elsewhere: the private key does not leave", name);
	is_int(sigkey_save(key, "/nonexistent/key", &err), -EOPNOTSUPP,
	       "%s elsewhere: the private key is not saved", name);
	e.fails = -EPIPE;
	is_int(sig_sign(key, "msg", 3, sig, &len), -EPIPE,
	       "%s elsewhere: a failure there is one here", name);
	is_int(sig_sign_len(key, "msg", 3, sig, sigkey_sig_len(key)), -EPIPE,
	       "%s elsewhere: a failure of a length as well", name);
	e.fails = 0;
	e.says = SIG_MAX_LEN + 1;
	is_int(sig_sign(key, "msg", 3, sig, &len), -EIO,
	       "%s elsewhere: a signature longer than there is room for", name);
	is_int(e.freed, 0, "%s elsewhere: in use until here", name);
	sigkey_free(key);
	is_int(e.freed, 1, "%s elsewhere: given back once", name);
	sigpub_free(pub);
	sigpub_free(pub2);
	sigkey_free(e.key);
}

int main(void)
{
	size_t i;

	RUN(published);
	for (i = 0; i < 4; i++)
		RUN(each_kind, i);
	RUN(algorithms);
	RUN(weak_keys);
	RUN(files);
	for (i = 0; i < 4; i++)
		RUN(elsewhere, i);
	for (i = 0; i < 4; i++) {
		sigkey_free(keys[i]);
		sigpub_free(pubs[i]);
	}
	return done();
}
