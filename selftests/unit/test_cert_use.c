// SPDX-License-Identifier: Apache-2.0
/* What certificates are for: extended key usage, of members and authorities. */
#include <errno.h>

#include "certs.h"

static struct pki_pair ca;
static struct trust *trust;

static int verify(const struct cert_der *ders, size_t n, time_t now,
		  enum cert_purpose purpose, const char **why)
{
	struct cert *leaf;
	int ret = cert_verify(trust, ders, n, now, purpose, &leaf, why);

	if (!ret)
		cert_free(leaf);
	return ret;
}

static int verify_pair(const struct pki_pair *p, time_t now,
		       enum cert_purpose purpose, const char **why)
{
	struct cert_der der = { p->cert, p->cert_len };

	return verify(&der, 1, now, purpose, why);
}

/* A certificate of ours without extended key usage, and @value added as @nid. */
static struct pki_pair with_extension(int nid, const char *value)
{
	struct pki_req req = request(PKI_PLAIN, "a.example");
	struct pki_pair p = issue(&ca, &req);
	const unsigned char *at = p.cert;
	X509 *x = d2i_X509(NULL, &at, (long)p.cert_len);
	X509_EXTENSION *ext;
	EVP_PKEY *signer;
	X509V3_CTX ctx;
	uint8_t *der;
	size_t len;

	sigkey_to_der(ca.key, &der, &len);
	at = der;
	signer = d2i_AutoPrivateKey(NULL, &at, (long)len);
	secret_free(der);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || X509_add_ext(x, ext, -1) != 1 ||
	    !X509_sign(x, signer, NULL))
		bail("cannot make a certificate with %s", value);
	OPENSSL_free(p.cert);
	p.cert = NULL;
	p.cert_len = (size_t)i2d_X509(x, &p.cert);
	X509_EXTENSION_free(ext);
	EVP_PKEY_free(signer);
	X509_free(x);
	return p;
}

#define IPSEC_IKE "1.3.6.1.5.5.7.3.17"

/* RFC 4945 5.1.3.12, and that a TLS role binds. */
static void extended_uses(void)
{
	static const struct {
		const char *eku;
		bool gcks, member;
	} t[] = {
		{ IPSEC_IKE, true, true },
		{ "anyExtendedKeyUsage", true, true },
		{ "emailProtection", false, false },
		{ "emailProtection,codeSigning", false, false },
		{ "emailProtection," IPSEC_IKE, true, true },
		{ IPSEC_IKE ",emailProtection", true, true },
		{ "serverAuth", true, false },
		{ "clientAuth", false, true },
		{ "serverAuth," IPSEC_IKE, true, false },
		{ IPSEC_IKE ",clientAuth", false, true },
		{ "anyExtendedKeyUsage,clientAuth", false, true },
		{ "clientAuth,serverAuth", true, true },
		{ "DER:30:03:02:01:05", false, false }, /* none that is one */
	};
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pki_pair p = with_extension(NID_ext_key_usage, t[i].eku);

		is_int(!verify_pair(&p, NOW, CERT_FOR_GCKS, &why), t[i].gcks,
		       "%s: as a key server", t[i].eku);
		if (i < 12 && !t[i].gcks)
			is_str(why,
			       "certificate is not for a key server (extended key usage)",
			       "is said");
		is_int(!verify_pair(&p, NOW, CERT_FOR_MEMBER, &why),
		       t[i].member, "%s: as a member", t[i].eku);
		if (i < 12 && !t[i].member)
			is_str(why,
			       "certificate is not for a member (extended key usage)",
			       "is said");
		pki_pair_free(&p);
	}
}

/* An authority in the middle whose certificate is for something else */
static void uses_above(void)
{
	struct pki_pair root = make_ca(NULL, "root", 0);
	struct pki_pair inter = make_ca(&root, "intermediate", 0);
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair leaf;
	struct trust *own = trust;
	const unsigned char *at = inter.cert;
	X509 *x = d2i_X509(NULL, &at, (long)inter.cert_len);
	X509_EXTENSION *ext;
	EVP_PKEY *signer;
	struct cert_der d[2];
	const char *why;
	uint8_t *der;
	size_t len;

	sigkey_to_der(root.key, &der, &len);
	at = der;
	signer = d2i_AutoPrivateKey(NULL, &at, (long)len);
	secret_free(der);
	ext = X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage,
				  "emailProtection");
	if (!ext || X509_add_ext(x, ext, -1) != 1 ||
	    !X509_sign(x, signer, NULL))
		bail("cannot make an authority for mail");
	OPENSSL_free(inter.cert);
	inter.cert = NULL;
	inter.cert_len = (size_t)i2d_X509(x, &inter.cert);
	leaf = issue(&inter, &req);
	d[0] = (struct cert_der){ root.cert, root.cert_len };
	if (trust_from_der(d, 1, &trust, &err))
		bail("%s", err.text);
	d[0] = (struct cert_der){ leaf.cert, leaf.cert_len };
	d[1] = (struct cert_der){ inter.cert, inter.cert_len };
	refused(verify(d, 2, NOW, CERT_FOR_MEMBER, &why), -EKEYREJECTED,
		"below an authority for mail");
	trust_free(trust);
	/* but what is trusted is trusted as it is */
	d[0] = (struct cert_der){ inter.cert, inter.cert_len };
	if (trust_from_der(d, 1, &trust, &err))
		bail("%s", err.text);
	d[0] = (struct cert_der){ leaf.cert, leaf.cert_len };
	is_int(verify(d, 1, NOW, CERT_FOR_MEMBER, &why), 0,
	       "below one that is trusted itself: %s", why ? why : "");
	trust_free(trust);
	trust = own;
	X509_EXTENSION_free(ext);
	EVP_PKEY_free(signer);
	X509_free(x);
	pki_pair_free(&root);
	pki_pair_free(&inter);
	pki_pair_free(&leaf);
}

/* Certificates as long as they may be, and longer */
static void sizes(void)
{
	static char comment[CERT_MAX_LEN];
	size_t n = CERT_MAX_LEN - 1000, i;
	struct pki_pair p;
	const char *why;

	memset(comment, 'x', n);
	p = with_extension(NID_netscape_comment, comment);
	n += CERT_MAX_LEN - p.cert_len;
	pki_pair_free(&p);
	for (i = 0; i < 2; i++) {
		memset(comment, 'x', n + i);
		p = with_extension(NID_netscape_comment, comment);
		is_int(p.cert_len, CERT_MAX_LEN + i, "%zu octets", p.cert_len);
		is_int(verify_pair(&p, NOW, CERT_FOR_MEMBER, &why),
		       i ? -EBADMSG : 0, i ? "are too many" : "are taken");
		pki_pair_free(&p);
	}
}

int main(void)
{
	struct pki_req req = request(PKI_CA, "Test CA");
	struct cert_der d;

	ca = issue(NULL, &req);
	d = (struct cert_der){ ca.cert, ca.cert_len };
	if (trust_from_der(&d, 1, &trust, &err))
		bail("%s", err.text);
	extended_uses();
	uses_above();
	sizes();
	trust_free(trust);
	pki_pair_free(&ca);
	return done();
}
