// SPDX-License-Identifier: Apache-2.0
/*
 * The purposes of certificates: extended key usage, of members and authorities.
 */
#include <errno.h>

#include "certs.h"

static struct pki_pair ca;

/* Make a certificate without extended key usage, and add @value as @nid. */
static struct pki_pair with_extension(int nid, const char *value)
{
	struct pki_req req = request(PKI_PLAIN, "a.example");
	struct pki_pair p = issue(&ca, &req);

	add_extension(&p, &ca, nid, value);
	return p;
}

#define IPSEC_IKE "1.3.6.1.5.5.7.3.17"

/* RFC 4945 5.1.3.12, and a TLS role restricts the use. */
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
		{ "DER:30:03:02:01:05", false, false }, /* not well formed */
	};
	struct err why = {};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct pki_pair p = with_extension(NID_ext_key_usage, t[i].eku);

		is_int(!verify_pair(&p, NOW, CERT_FOR_GCKS, &why), t[i].gcks,
		       "%s: as a key server", t[i].eku);
		if (i < 12 && !t[i].gcks)
			is_str(why.text,
			       "certificate is not for a key server (extended key usage)",
			       "the missing usage of a key server is reported");
		is_int(!verify_pair(&p, NOW, CERT_FOR_MEMBER, &why),
		       t[i].member, "%s: as a member", t[i].eku);
		if (i < 12 && !t[i].member)
			is_str(why.text,
			       "certificate is not for a member (extended key usage)",
			       "the missing usage of a member is reported");
		pki_pair_free(&p);
	}
}

/* An intermediate authority whose certificate is for another purpose. */
static void uses_above(void)
{
	struct pki_pair root = make_ca(NULL, "root", 0);
	struct pki_pair inter = make_ca(&root, "intermediate", 0);
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct trust *own = trust;
	struct pki_pair leaf;
	struct cert_der d[2];
	struct err why = {};

	add_extension(&inter, &root, NID_ext_key_usage, "emailProtection");
	leaf = issue(&inter, &req);
	d[0] = (struct cert_der){ leaf.cert, leaf.cert_len };
	d[1] = (struct cert_der){ inter.cert, inter.cert_len };
	trust = trust_in(&root);
	refused(verify(d, 2, NOW, CERT_FOR_MEMBER, &why), -EKEYREJECTED,
		"below an authority for mail");
	trust_free(trust);
	/* A trust anchor is not restricted. */
	trust = trust_in(&inter);
	err_clear(&why);
	is_int(verify(d, 1, NOW, CERT_FOR_MEMBER, &why), 0,
	       "below one that is trusted itself: %s", why.text);
	trust_free(trust);
	trust = own;
	pki_pair_free(&root);
	pki_pair_free(&inter);
	pki_pair_free(&leaf);
}

/* Chains of the greatest permitted length, and longer ones. */
static void sizes(void)
{
	static char comment[CERT_MAX_LEN];
	size_t n = CERT_MAX_LEN - 1000, i;
	struct pki_pair p;
	struct err why = {};

	memset(comment, 'x', n);
	p = with_extension(NID_netscape_comment, comment);
	n += CERT_MAX_LEN - p.cert_len;
	pki_pair_free(&p);
	for (i = 0; i < 2; i++) {
		memset(comment, 'x', n + i);
		p = with_extension(NID_netscape_comment, comment);
		is_int(p.cert_len, CERT_MAX_LEN + i, "%zu octets", p.cert_len);
		is_int(verify_pair(&p, NOW, CERT_FOR_MEMBER, &why),
		       i ? -EBADMSG : 0,
		       i ? "more octets than permitted are refused"
			 : "the permitted number of octets is accepted");
		pki_pair_free(&p);
	}
}

int main(void)
{
	struct pki_req req = request(PKI_CA, "Test CA");

	ca = issue(NULL, &req);
	trust = trust_in(&ca);
	RUN(extended_uses);
	RUN(uses_above);
	RUN(sizes);
	trust_free(trust);
	pki_pair_free(&ca);
	return done();
}
