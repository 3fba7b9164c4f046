// SPDX-License-Identifier: Apache-2.0
/* Files that are no revocation list: what is around the entries is read first. */
#include <errno.h>

#include "certs.h"
#include "crls.h"
#include "hex.h"

static struct pki_pair root;
static char dir[] = "/tmp/mcsec-crl.XXXXXX";
static char path[64];

#define ALGORITHM "300a 06082a8648ce3d040302"
#define REST ALGORITHM "03020000" /* with a signature */

static const struct {
	const char *der;
	const char *name;
} cases[] = {
	{ "3000", "a list of nothing" },
	{ "3012 0c00" REST, "a list whose signed part is a text" },
	{ "3002 3000", "a list whose signed part is empty" },
	{ "3014 3002 0205" REST, "a version that is cut off" },
	{ "3015 3003 020101" REST, "a version alone" },
	{ "3014 3002 3000" REST, "an algorithm alone" },
	{ "3016 3004 3000 0c00" REST, "an issuer that is a text" },
	{ "3006 3004 3000 3000", "a signed part alone" },
	{ "3008 3004 3000 3000 3000", "an algorithm without a name" },
	{ "3012 3004 3000 3000" ALGORITHM, "a list without a signature" },
	{ "3014 3004 3000 3000" ALGORITHM "0c00",
	  "a signature that is a text" },
	{ "3018 3004 3000 3000" REST "0500", "an object behind the signature" },
};

static void refuse_octets(const char *digits, const char *name)
{
	uint8_t der[64];
	struct crls *c;
	size_t len = hex(digits, der, sizeof(der));

	crl_write_text(path, der, len);
	err_clear(&err);
	is_int(crls_load(dir, CRL_RELAXED, trust, NULL, &c, &err), -EBADMSG,
	       "%s is refused", name);
	ok(strstr(err.text, "root.crl: no revocation list, or a damaged one"),
	   "%s: the reason: %s", name, err.text);
	unlink(path);
}

static void test_damaged(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		refuse_octets(cases[i].der, cases[i].name);
}

/* Append the header of an object of @len octets, and the octets at @p, if any. */
static uint8_t *put_object(uint8_t *out, int tag, const void *p, size_t len)
{
	ASN1_put_object(&out, tag == V_ASN1_SEQUENCE, (int)len, tag,
			V_ASN1_UNIVERSAL);
	if (p)
		memcpy(out, p, len);
	return p ? out + len : out;
}

/* The octets of a list by the root: only an algorithm and the issuer are in it. */
static size_t sign_octets(uint8_t *out)
{
	static const uint8_t ed25519[] = { 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 };
	uint8_t inside[256], tbs[512], all[512], sig[65] = { 0 };
	size_t sig_len = sizeof(sig) - 1, len;
	uint8_t *name = inside + sizeof(ed25519), *end;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key = crl_key(&root);
	X509 *x = crl_cert(&root);

	memcpy(inside, ed25519, sizeof(ed25519));
	i2d_X509_NAME(X509_get_subject_name(x), &name);
	end = put_object(tbs, V_ASN1_SEQUENCE, inside, (size_t)(name - inside));
	len = (size_t)(end - tbs);
	/* The first octet of a BIT STRING tells that no bit of the last one is left. */
	if (EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, sig + 1, &sig_len, tbs, len) != 1)
		bail("EVP_DigestSign");
	memcpy(all, tbs, len);
	memcpy(all + len, ed25519, sizeof(ed25519));
	end = put_object(all + len + sizeof(ed25519), V_ASN1_BIT_STRING, sig,
			 sizeof(sig));
	end = put_object(out, V_ASN1_SEQUENCE, all, (size_t)(end - all));
	X509_free(x);
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return (size_t)(end - out);
}

/* Even a trusted CA may have signed something else than a list. */
static void test_signed(void)
{
	uint8_t der[512];
	struct crls *c;
	size_t len = sign_octets(der);

	crl_write_text(path, der, len);
	err_clear(&err);
	is_int(crls_load(dir, CRL_RELAXED, trust, NULL, &c, &err), -EBADMSG,
	       "a list without a date, well signed, is refused");
	ok(strstr(err.text, "root.crl: no revocation list, or a damaged one"),
	   "a list without a date, well signed: the reason: %s", err.text);
	unlink(path);
}

/* The control: with all of its parts it is a list, of a CA that nobody knows. */
static void test_whole(void)
{
	static const char whole[] = "3016 3004 3000 3000" REST;
	uint8_t der[64];
	struct crls *c;
	size_t len = hex(whole, der, sizeof(der));

	crl_write_text(path, der, len);
	err_clear(&err);
	is_int(crls_load(dir, CRL_RELAXED, trust, NULL, &c, &err),
	       -EKEYREJECTED, "a list with an empty issuer is refused");
	ok(strstr(err.text, "its issuer is unknown"), "the reason: %s",
	   err.text);
	unlink(path);
}

int main(void)
{
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(path, sizeof(path), "%s/root.crl", dir);
	root = make_ca(NULL, "Root", 0);
	trust = trust_in(&root);
	RUN(test_damaged);
	RUN(test_signed);
	RUN(test_whole);
	trust_free(trust);
	pki_pair_free(&root);
	is_int(rmdir(dir), 0, "nothing is left");
	return done();
}
