// SPDX-License-Identifier: Apache-2.0
#include "crypto/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/pkey.h"
#include "lib/secret.h"

/* The cost of one guess at the passphrase. */
#define ITERATIONS 200000
/* A file from elsewhere may not keep this host busy for long, in all its parts. */
#define ITERATIONS_MAX 10000000
#define KEY_ID_LEN 20

/* Settings have an object identifier from a UUID (X.667), which no one else has. */
#define SETTINGS_OID "2.25.66236861307982984646356399941368683951"

static int settings_nid(void)
{
	int nid = OBJ_txt2nid(SETTINGS_OID);

	return nid != NID_undef ? nid
				: OBJ_create(SETTINGS_OID, "mcsecSettings",
					     "mcsec settings of a member");
}

/* ---- encode ------------------------------------------------------------- */

/* Add a copy of @from, with an identifier and a name if it is that of the key. */
static bool add_cert_bag(struct stack_st_PKCS12_SAFEBAG **bags, X509 *from,
			 const uint8_t *id, const char *name)
{
	X509 *x = X509_dup(from);
	bool good = x &&
		    (!id || (X509_keyid_set1(x, id, KEY_ID_LEN) &&
			     X509_alias_set1(x, (const uint8_t *)name,
					     (int)strlen(name)))) &&
		    PKCS12_add_cert(bags, x);

	X509_free(x);
	return good;
}

static bool add_certs(struct stack_st_PKCS12_SAFEBAG **bags,
		      const struct bundle *b, const uint8_t *id,
		      const char *name)
{
	struct stack_st_X509 *chain = chain_certs(b->chain);
	struct stack_st_X509 *cas = chain_certs(b->cas);
	bool good = true;
	int i;

	for (i = 0; good && i < sk_X509_num(chain); i++)
		good = add_cert_bag(bags, sk_X509_value(chain, i),
				    i ? NULL : id, name);
	for (i = 0; good && i < sk_X509_num(cas); i++)
		good = add_cert_bag(bags, sk_X509_value(cas, i), NULL, NULL);
	return good;
}

static bool add_settings(struct stack_st_PKCS12_SAFEBAG **bags,
			 const char *settings)
{
	int nid = settings_nid();

	return nid != NID_undef &&
	       PKCS12_add_secret(bags, nid, (const uint8_t *)settings,
				 (int)strlen(settings));
}

static bool add_key_bag(struct stack_st_PKCS12_SAFEBAG **bags,
			const struct bundle *b, const uint8_t *id,
			const char *name, const char *passphrase)
{
	PKCS12_SAFEBAG *bag = PKCS12_add_key(bags, sigkey_pkey(b->key), 0,
					     ITERATIONS, NID_aes_256_cbc,
					     passphrase);

	return bag && PKCS12_add_localkeyid(bag, (uint8_t *)id, KEY_ID_LEN) &&
	       PKCS12_add_friendlyname_utf8(bag, name, -1);
}

/* Certificates and settings are encrypted together, and the key by itself. */
static PKCS12 *make_pfx(const struct bundle *b, const char *name,
			const char *passphrase)
{
	struct stack_st_PKCS12_SAFEBAG *open = NULL, *keys = NULL;
	X509 *leaf = sk_X509_value(chain_certs(b->chain), 0);
	struct stack_st_PKCS7 *safes = NULL;
	uint8_t id[EVP_MAX_MD_SIZE];
	PKCS12 *pfx = NULL;
	unsigned int n;

	/* As every program names the certificate of a key: by its SHA-1. */
	if (X509_digest(leaf, EVP_sha1(), id, &n) != 1 || n != KEY_ID_LEN ||
	    !add_certs(&open, b, id, name) ||
	    (b->settings && !add_settings(&open, b->settings)) ||
	    !PKCS12_add_safe(&safes, open, NID_aes_256_cbc, ITERATIONS,
			     passphrase) ||
	    !add_key_bag(&keys, b, id, name, passphrase) ||
	    !PKCS12_add_safe(&safes, keys, -1, 0, NULL))
		goto out;
	pfx = PKCS12_add_safes(safes, 0);
	if (pfx && PKCS12_set_mac(pfx, passphrase, -1, NULL, 0, ITERATIONS,
				  EVP_sha256()) != 1) {
		PKCS12_free(pfx);
		pfx = NULL;
	}
out:
	sk_PKCS12_SAFEBAG_pop_free(open, PKCS12_SAFEBAG_free);
	sk_PKCS12_SAFEBAG_pop_free(keys, PKCS12_SAFEBAG_free);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	return pfx;
}

int bundle_encode(const struct bundle *b, const char *name,
		  const char *passphrase, uint8_t **der, size_t *len,
		  struct err *err)
{
	unsigned char *p = NULL;
	PKCS12 *pfx;
	int n;

	if (strlen(passphrase) < PASSPHRASE_MIN)
		return err_set(err, -EINVAL,
			       "the passphrase needs %d characters or more",
			       PASSPHRASE_MIN);
	if (!sigkey_pkey(b->key))
		return err_set(err, -EOPNOTSUPP,
			       "the key is not in this process, and cannot be put into a bundle");
	if (b->settings && strlen(b->settings) > BUNDLE_SETTINGS_MAX)
		return err_set(err, -E2BIG,
			       "the settings have more than %d octets",
			       BUNDLE_SETTINGS_MAX);
	pfx = make_pfx(b, name, passphrase);
	n = pfx ? i2d_PKCS12(pfx, &p) : 0;
	PKCS12_free(pfx);
	ERR_clear_error();
	if (n <= 0)
		return err_set(err, -EIO, "the bundle could not be encoded");
	*der = secret_dup(p, (size_t)n);
	*len = (size_t)n;
	OPENSSL_free(p);
	return *der ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* ---- decode ------------------------------------------------------------- */

/*
 * A bundle that is read. Its maker knows the passphrase as well, so that its parts are
 * looked at before they are decrypted.
 */
struct opening {
	const char *passphrase;
	long rounds; /* sum of key derivations so far */
	char *settings; /* the first that were found */
	int nid; /* type of the bag that has them */
};

static int too_many_rounds(struct err *err)
{
	return err_set(err, -EBADMSG,
		       "it asks for more than %d rounds of key derivation",
		       ITERATIONS_MAX);
}

/* Return the rounds that @alg derives a key with, or -1 if they have no bound here. */
static long rounds_of(const X509_ALGOR *alg)
{
	const ASN1_ITEM *pbe2 = ASN1_ITEM_rptr(PBE2PARAM);
	PBKDF2PARAM *kdf = NULL;
	PBE2PARAM *two = NULL;
	PBEPARAM *one = NULL;
	long n = -1;

	if (OBJ_obj2nid(alg->algorithm) != NID_pbes2) {
		one = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM),
						alg->parameter);
		n = one ? ASN1_INTEGER_get(one->iter) : -1;
		PBEPARAM_free(one);
		return n;
	}
	two = ASN1_TYPE_unpack_sequence(pbe2, alg->parameter);
	if (two && OBJ_obj2nid(two->keyfunc->algorithm) == NID_id_pbkdf2)
		kdf = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM),
						two->keyfunc->parameter);
	if (kdf)
		n = ASN1_INTEGER_get(kdf->iter);
	PBKDF2PARAM_free(kdf);
	PBE2PARAM_free(two);
	return n;
}

/* Add the rounds of @alg, before they are run. */
static int add_rounds(struct opening *o, const X509_ALGOR *alg, struct err *err)
{
	long n = rounds_of(alg);

	if (n < 1 || n > ITERATIONS_MAX - o->rounds)
		return too_many_rounds(err);
	o->rounds += n;
	return 0;
}

/* Keep the settings if @bag has them. */
static void take_settings(struct opening *o, const PKCS12_SAFEBAG *bag)
{
	const ASN1_TYPE *value;
	const ASN1_STRING *s;

	if (o->settings || PKCS12_SAFEBAG_get_bag_nid(bag) != o->nid)
		return;
	value = PKCS12_SAFEBAG_get0_bag_obj(bag);
	if (!value || value->type != V_ASN1_OCTET_STRING)
		return;
	s = value->value.octet_string;
	if (ASN1_STRING_length(s) > BUNDLE_SETTINGS_MAX ||
	    memchr(ASN1_STRING_get0_data(s), 0, (size_t)ASN1_STRING_length(s)))
		return;
	o->settings = strndup((const char *)ASN1_STRING_get0_data(s),
			      (size_t)ASN1_STRING_length(s));
}

/* Look at all bags, and at those in them; libcrypto bounds how deep these are. */
static int look_at_bags(struct opening *o,
			const struct stack_st_PKCS12_SAFEBAG *bags,
			struct err *err)
{
	const X509_ALGOR *alg;
	PKCS12_SAFEBAG *bag;
	int i, ret = 0;

	for (i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && !ret; i++) {
		bag = sk_PKCS12_SAFEBAG_value(bags, i);
		switch (PKCS12_SAFEBAG_get_nid(bag)) {
		case NID_pkcs8ShroudedKeyBag:
			X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &alg,
				      NULL);
			ret = add_rounds(o, alg, err);
			break;
		case NID_safeContentsBag:
			ret = look_at_bags(o, PKCS12_SAFEBAG_get0_safes(bag),
					   err);
			break;
		case NID_secretBag:
			take_settings(o, bag);
			break;
		}
	}
	return ret;
}

static int look_at_safe(struct opening *o, PKCS7 *safe, struct err *err)
{
	struct stack_st_PKCS12_SAFEBAG *bags = NULL;
	int ret = 0;

	switch (OBJ_obj2nid(safe->type)) {
	case NID_pkcs7_data:
		bags = PKCS12_unpack_p7data(safe);
		break;
	case NID_pkcs7_encrypted:
		/* PKCS12_parse() does the same once more. */
		ret = add_rounds(o, safe->d.encrypted->enc_data->algorithm,
				 err);
		if (!ret)
			bags = PKCS12_unpack_p7encdata(safe, o->passphrase, -1);
		break;
	}
	if (bags)
		ret = look_at_bags(o, bags, err);
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return ret;
}

/*
 * Check what all parts cost, and get the settings into *@settings. A bundle without
 * them is no error.
 */
static int look_inside(const PKCS12 *pfx, const char *passphrase, long rounds,
		       char **settings, struct err *err)
{
	struct stack_st_PKCS7 *safes = PKCS12_unpack_authsafes(pfx);
	/* The type has to be known before a bag is asked for its own. */
	struct opening o = { passphrase, rounds, NULL, settings_nid() };
	int i, ret = 0;

	for (i = 0; i < sk_PKCS7_num(safes) && !ret; i++)
		ret = look_at_safe(&o, sk_PKCS7_value(safes, i), err);
	sk_PKCS7_pop_free(safes, PKCS7_free);
	*settings = o.settings;
	return ret;
}

/*
 * Certificates that sign themselves are trusted CAs, and others belong to the chain
 * behind @leaf, which is first.
 */
static int bundle_certs(struct stack_st_X509 *certs, X509 *leaf, bool cas,
			struct cert_chain **out, struct err *err)
{
	struct cert_der ders[CERT_MAX_CHAIN];
	unsigned char *p[CERT_MAX_CHAIN];
	int i, len, ret = -E2BIG;
	size_t n = 0;
	X509 *x;

	for (i = cas ? 0 : -1; i < sk_X509_num(certs); i++) {
		x = i < 0 ? leaf : sk_X509_value(certs, i);
		if (i >= 0 && (X509_self_signed(x, 0) == 1) != cas)
			continue;
		if (n == CERT_MAX_CHAIN) {
			err_set(err, ret, "more than %d certificates",
				CERT_MAX_CHAIN);
			goto out;
		}
		p[n] = NULL;
		len = i2d_X509(x, &p[n]);
		if (len <= 0) {
			ret = err_set(err, -ENOMEM, "out of memory");
			goto out;
		}
		ders[n] = (struct cert_der){ p[n], (size_t)len };
		n++;
	}
	if (n)
		ret = cert_chain_from_der(ders, n, out, err);
	else
		ret = err_set(err, -EBADMSG,
			      "no certificate of a CA, which the member is to trust");
out:
	while (n)
		OPENSSL_free(p[--n]);
	return ret;
}

static int bundle_key(EVP_PKEY *pkey, struct sigkey **out, struct err *err)
{
	PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(pkey);
	unsigned char *p = NULL;
	int n = p8 ? i2d_PKCS8_PRIV_KEY_INFO(p8, &p) : 0;
	int ret = n > 0 ? sigkey_from_der(p, (size_t)n, out) : -EOPNOTSUPP;

	PKCS8_PRIV_KEY_INFO_free(p8);
	OPENSSL_clear_free(p, n > 0 ? (size_t)n : 0);
	return ret ? err_set(err, ret,
			     "the key is neither Ed25519, ECDSA P-256 or P-384, ML-DSA, nor RSA of %d to %d bits",
			     SIG_RSA_MIN_BITS, SIG_RSA_MAX_BITS)
		   : 0;
}

/* Check what can be before the passphrase is tried. *@rounds gets what that costs. */
static int check_pfx(const PKCS12 *pfx, const char *passphrase, long *rounds,
		     struct err *err)
{
	const ASN1_INTEGER *n = NULL;
	const X509_ALGOR *alg = NULL;
	int type = V_ASN1_UNDEF;

	if (PKCS12_mac_present(pfx) != 1)
		return err_set(err, -EBADMSG,
			       "it is not authenticated by a passphrase");
	PKCS12_get0_mac(NULL, &alg, NULL, &n, pfx);
	X509_ALGOR_get0(NULL, &type, NULL, alg);
	*rounds = n ? ASN1_INTEGER_get(n) : 1;
	/* PBMAC1 (RFC 9579) has rounds of its own there. */
	if (type == V_ASN1_SEQUENCE || *rounds < 1 || *rounds > ITERATIONS_MAX)
		return too_many_rounds(err);
	if (PKCS12_verify_mac((void *)pfx, passphrase, -1) != 1)
		return err_set(err, -EACCES,
			       "wrong passphrase, or the file is damaged");
	return 0;
}

static int take_pfx(PKCS12 *pfx, const char *passphrase, struct bundle *b,
		    struct err *err)
{
	struct stack_st_X509 *certs = NULL;
	EVP_PKEY *pkey = NULL;
	X509 *leaf = NULL;
	long rounds = 0;
	int ret = check_pfx(pfx, passphrase, &rounds, err);

	if (!ret)
		ret = look_inside(pfx, passphrase, rounds, &b->settings, err);
	if (ret)
		return ret;
	if (PKCS12_parse(pfx, passphrase, &pkey, &leaf, &certs) != 1 || !pkey ||
	    !leaf) {
		ret = err_set(err, -EBADMSG,
			      "no private key with its certificate");
		goto out;
	}
	ret = bundle_key(pkey, &b->key, err);
	if (!ret)
		ret = bundle_certs(certs, leaf, false, &b->chain, err);
	if (!ret)
		ret = bundle_certs(certs, leaf, true, &b->cas, err);
	if (!ret && !cert_chain_fits_key(b->chain, b->key))
		ret = err_set(err, -EBADMSG,
			      "the key is not that of the certificate");
out:
	EVP_PKEY_free(pkey);
	X509_free(leaf);
	sk_X509_pop_free(certs, X509_free);
	return ret;
}

int bundle_decode(const uint8_t *der, size_t len, const char *passphrase,
		  struct bundle *b, struct err *err)
{
	const unsigned char *p = der;
	PKCS12 *pfx = NULL;
	int ret;

	memset(b, 0, sizeof(*b));
	if (len <= BUNDLE_MAX)
		pfx = d2i_PKCS12(NULL, &p, (long)len);
	if (!pfx || p != der + len)
		ret = err_set(err, -EBADMSG, "not in the form of PKCS #12");
	else
		ret = take_pfx(pfx, passphrase, b, err);
	PKCS12_free(pfx);
	ERR_clear_error();
	if (ret)
		bundle_free(b);
	return ret;
}

int bundle_verify(const struct bundle *b, time_t now, time_t *ends,
		  struct err *err)
{
	struct cert_der ders[CERT_MAX_CHAIN];
	size_t i, n = cert_chain_count(b->cas);
	struct trust *trust;
	struct cert *leaf;
	int ret;

	for (i = 0; i < n; i++)
		ders[i] = cert_chain_der(b->cas, i);
	ret = trust_from_der(ders, n, &trust, err);
	if (ret)
		return ret;
	n = cert_chain_count(b->chain);
	for (i = 0; i < n; i++)
		ders[i] = cert_chain_der(b->chain, i);
	ret = cert_verify(trust, ders, n, now, CERT_FOR_MEMBER, &leaf, err);
	if (!ret) {
		*ends = cert_ends(leaf);
		cert_free(leaf);
	}
	trust_free(trust);
	return ret;
}

void bundle_free(struct bundle *b)
{
	sigkey_free(b->key);
	cert_chain_free(b->chain);
	cert_chain_free(b->cas);
	free(b->settings);
	memset(b, 0, sizeof(*b));
}

/* ---- passphrase --------------------------------------------------------- */

int passphrase_ask(const char *prompt, bool again,
		   char buf[static PASSPHRASE_LEN], struct err *err)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	int ret;

	/* libcrypto would take the next line of standard input instead. */
	if (fd < 0)
		return err_set(err, -ENXIO, "there is no terminal to ask at");
	close(fd);
	ret = EVP_read_pw_string_min(buf, again ? PASSPHRASE_MIN : 1,
				     PASSPHRASE_LEN - 1, prompt, again);
	ERR_clear_error();
	if (!ret)
		return 0;
	secret_wipe(buf, PASSPHRASE_LEN);
	return again ? err_set(err, -EINVAL,
			       "a passphrase has %d to %d characters, twice the same",
			       PASSPHRASE_MIN, PASSPHRASE_LEN - 1)
		     : err_set(err, -EINVAL, "no passphrase was given");
}
