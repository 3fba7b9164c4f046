// SPDX-License-Identifier: Apache-2.0
/*
 * Certificates that pass, and others that don't: authorities, times, chains,
 * uses and identities. Certificates are made here, by crypto/pki.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs.h"
#include "crypto/pkey.h"
#include "lib/addr.h"

static struct pki_pair ca, other_ca;

static void times_and_issuers(void)
{
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair a = issue(&ca, &req), x = issue(&other_ca, &req);
	struct pki_pair rogue = ca;
	struct err why = {};

	is_int(verify_pair(&a, NOW, CERT_FOR_MEMBER, &why), 0, "a member");
	ok(!*why.text, "nothing to say");
	is_int(verify_pair(&a, NOW + YEAR + 1, CERT_FOR_MEMBER, &why),
	       -EKEYREJECTED,
	       "times and issuers: a certificate that has expired");
	is_str(why.text, "certificate has expired",
	       "times and issuers: the error says why");
	is_int(verify_pair(&a, NOW - 3601, CERT_FOR_MEMBER, &why),
	       -EKEYREJECTED, "a certificate that is not yet valid is refused");
	is_str(why.text, "certificate is not yet valid",
	       "times and issuers: the error says why");
	refused(verify_pair(&x, NOW, CERT_FOR_MEMBER, &why), -EKEYREJECTED,
		"of an authority that we don't know");
	is_str(why.text, "issuer unknown (no trusted CA has issued it)",
	       "times and issuers: the error says why");
	refused(verify_pair(&other_ca, NOW, CERT_FOR_MEMBER, &why),
		-EKEYREJECTED, "an unknown authority itself");
	is_str(why.text, "issuer unknown (self-signed, and not a trusted CA)",
	       "times and issuers: the error says why");
	/* The name of our CA, signed by another key. */
	rogue.key = other_ca.key;
	pki_pair_free(&x);
	x = issue(&rogue, &req);
	refused(verify_pair(&x, NOW, CERT_FOR_MEMBER, &why), -EKEYREJECTED,
		"signed by another key in our CA's name");
	pki_pair_free(&a);
	pki_pair_free(&x);
}

/* Let @p end later than pki_issue() allows, and sign it again. */
static void set_end(struct pki_pair *p, const struct pki_pair *by, time_t end)
{
	X509 *x = x509_from_der(p->cert, p->cert_len);
	EVP_PKEY *signer = openssl_key(by);

	ASN1_TIME_set(X509_getm_notAfter(x), end);
	if (!X509_sign(x, signer, NULL))
		bail("cannot sign");
	OPENSSL_free(p->cert);
	p->cert = NULL;
	p->cert_len = (size_t)i2d_X509(x, &p->cert);
	EVP_PKEY_free(signer);
	X509_free(x);
}

static void ends(void)
{
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair a, late;
	struct cert_der d;
	struct cert *leaf;
	struct err why = {};

	req.not_after = NOW + 2 * YEAR;
	a = issue(&ca, &req);
	d = (struct cert_der){ a.cert, a.cert_len };
	if (cert_verify(trust, &d, 1, NOW, CERT_FOR_MEMBER, &leaf, &why))
		bail("%s", why.text);
	is_int(cert_not_after(leaf), NOW + YEAR,
	       "a certificate ends with its authority");
	cert_free(leaf);
	req.not_before = NOW + YEAR;
	is_int(pki_issue(&ca, &req, &late, &why), -EKEYEXPIRED,
	       "nothing is issued that begins after its end");
	is_str(why.text, "the certificate of the authority has ended",
	       "the end of the authority is what is said");
	err_clear(&why);
	set_end(&a, &ca, NOW + 2 * YEAR);
	d = (struct cert_der){ a.cert, a.cert_len };
	if (cert_verify(trust, &d, 1, NOW, CERT_FOR_MEMBER, &leaf, &why))
		bail("%s", why.text);
	is_int(cert_not_after(leaf), NOW + 2 * YEAR,
	       "the leaf has its own end");
	is_int(cert_ends(leaf), NOW + YEAR,
	       "the chain ends with the authority's certificate before");
	cert_free(leaf);
	pki_pair_free(&a);
}

static void uses(void)
{
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair member = issue(&ca, &req), gcks, plain;
	struct err why = {};

	req.kind = PKI_GCKS;
	gcks = issue(&ca, &req);
	req.kind = PKI_PLAIN;
	plain = issue(&ca, &req);
	is_int(verify_pair(&gcks, NOW, CERT_FOR_GCKS, &why), 0, "key server");
	refused(verify_pair(&member, NOW, CERT_FOR_GCKS, &why), -EKEYREJECTED,
		"a member is no key server");
	is_int(verify_pair(&gcks, NOW, CERT_FOR_MEMBER, &why), 0,
	       "a key server may be a member of its groups");
	ok(!verify_pair(&plain, NOW, CERT_FOR_GCKS, &why) &&
		   !verify_pair(&plain, NOW, CERT_FOR_MEMBER, &why),
	   "one without extended key usage is good for both");
	refused(verify_pair(&ca, NOW, CERT_FOR_MEMBER, &why), -EKEYREJECTED,
		"the CA's own doesn't sign messages");
	pki_pair_free(&member);
	pki_pair_free(&gcks);
	pki_pair_free(&plain);
}

static void chains(void)
{
	struct pki_pair root = make_ca(NULL, "root", 0);
	struct pki_pair inter = make_ca(&root, "intermediate", 0);
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair leaf = issue(&inter, &req), plain, below, weak, deep;
	struct cert_der d[CERT_MAX_CHAIN + 1];
	struct trust *own = trust, *t;
	struct err why = {};
	size_t i;

	d[0] = (struct cert_der){ root.cert, root.cert_len };
	is_int(trust_from_der(d, 1, &trust, &err), 0, "a root");
	d[0] = (struct cert_der){ leaf.cert, leaf.cert_len };
	d[1] = (struct cert_der){ inter.cert, inter.cert_len };
	is_int(verify(d, 2, NOW, CERT_FOR_MEMBER, &why), 0,
	       "a chain with its intermediate is accepted");
	refused(verify(d, 1, NOW, CERT_FOR_MEMBER, &why), -EKEYREJECTED,
		"without it");
	/* The certificate of a member must not issue others. */
	plain = issue(&inter, &req);
	below = issue(&plain, &req);
	d[0] = (struct cert_der){ below.cert, below.cert_len };
	d[2] = d[1];
	d[1] = (struct cert_der){ plain.cert, plain.cert_len };
	refused(verify(d, 3, NOW, CERT_FOR_MEMBER, &why), -EKEYREJECTED,
		"issued by one that is no CA");
	d[0] = (struct cert_der){ leaf.cert, leaf.cert_len };
	for (i = 1; i <= CERT_MAX_CHAIN; i++)
		d[i] = (struct cert_der){ inter.cert, inter.cert_len };
	err_clear(&why);
	is_int(verify(d, CERT_MAX_CHAIN, NOW, CERT_FOR_MEMBER, &why), 0,
	       "a chain may have as many certificates as are read");
	ok(!*why.text, "a chain that is good has nothing to say");
	refused(verify(d, CERT_MAX_CHAIN + 1, NOW, CERT_FOR_MEMBER, &why),
		-EBADMSG, "more than are read");
	is_str(why.text, "no certificate, or too many",
	       "chains: the error says why");
	refused(verify(d, 0, NOW, CERT_FOR_MEMBER, &why), -EBADMSG, "none");
	d[0].len--;
	refused(verify(d, 1, NOW, CERT_FOR_MEMBER, &why), -EBADMSG,
		"one that is cut");
	is_str(why.text, "not a certificate", "chains: the error says why");
	d[0].len = 0;
	refused(verify(d, 1, NOW, CERT_FOR_MEMBER, &why), -EBADMSG,
		"an empty one");
	is_str(why.text, "not a certificate", "chains: the error says why");
	trust_free(trust);

	d[0] = (struct cert_der){ inter.cert, inter.cert_len };
	is_int(trust_from_der(d, 1, &trust, &err), 0,
	       "an intermediate may be what we trust");
	d[0] = (struct cert_der){ leaf.cert, leaf.cert_len };
	is_int(verify(d, 1, NOW, CERT_FOR_MEMBER, &why), 0,
	       "an intermediate that we trust is the end of the chain");
	trust_free(trust);
	is_int(trust_from_der(d, 1, &t, &err), -EINVAL,
	       "a member's certificate is nobody to trust: %s", err.text);

	/* The small CA has a path length of 0. */
	trust = own;
	deep = make_ca(&ca, "below", 0);
	below.cert_len = 0;
	OPENSSL_free(below.cert);
	sigkey_free(below.key);
	below = issue(&deep, &req);
	d[0] = (struct cert_der){ below.cert, below.cert_len };
	d[1] = (struct cert_der){ deep.cert, deep.cert_len };
	refused(verify(d, 2, NOW, CERT_FOR_MEMBER, &why), -EKEYREJECTED,
		"an authority below one that allows none");

	weak = make_ca(NULL, "weak", 1024);
	d[0] = (struct cert_der){ weak.cert, weak.cert_len };
	refused(verify(d, 1, NOW, CERT_FOR_MEMBER, &why), -EOPNOTSUPP,
		"RSA of 1024 bits");
	pki_pair_free(&root);
	pki_pair_free(&inter);
	pki_pair_free(&leaf);
	pki_pair_free(&plain);
	pki_pair_free(&below);
	pki_pair_free(&deep);
	pki_pair_free(&weak);
}

static void damaged(void)
{
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair a = issue(&ca, &req);
	size_t i, good = 0;
	struct err why = {};
	uint8_t *copy;

	for (i = 0; i < a.cert_len; i++) {
		struct cert_der d = { NULL, i };

		copy = malloc(i + 1);
		memcpy(copy, a.cert, i);
		d.p = copy;
		good += verify(&d, 1, NOW, CERT_FOR_MEMBER, &why) != -EBADMSG;
		free(copy);
	}
	is_int(good, 0, "cut anywhere it is no certificate");
	copy = malloc(a.cert_len + 1);
	for (i = 0; i < a.cert_len; i++) {
		struct cert_der d = { copy, a.cert_len };

		memcpy(copy, a.cert, a.cert_len);
		copy[i] ^= 0x21;
		good += !verify(&d, 1, NOW, CERT_FOR_MEMBER, &why);
	}
	is_int(good, 0, "changed anywhere it doesn't pass");
	memcpy(copy, a.cert, a.cert_len);
	copy[a.cert_len] = 0;
	is_int(verify(&(struct cert_der){ copy, a.cert_len + 1 }, 1, NOW,
		      CERT_FOR_MEMBER, &why),
	       -EBADMSG, "a certificate with more behind it is refused");
	free(copy);
	pki_pair_free(&a);
}

static void identities(void)
{
	static const char *const dns[] = { "a.example", "Alias.Example", NULL };
	static const char *const ip[] = { "192.0.2.1", "2001:db8::1", NULL };
	static const char *const mail[] = { "Ann@example.org", NULL };
	struct pki_req req = request(PKI_MEMBER, "somebody");
	struct pki_pair a;
	struct cert_chain *chain;
	struct cert *leaf;
	struct sigpub *pub, *pub2;
	struct cert_der d;
	const uint8_t *id;
	uint8_t type, der[64];
	struct err why = {};
	struct addr ad;
	char buf[128];
	size_t len;

	req.dns = dns;
	req.ip = ip;
	req.email = mail;
	a = issue(&ca, &req);
	d = (struct cert_der){ a.cert, a.cert_len };
	if (cert_verify(trust, &d, 1, NOW, CERT_FOR_MEMBER, &leaf, &why))
		bail("%s", why.text);
#define MATCH(type, id) cert_match_id(leaf, type, id, strlen(id))
	ok(MATCH(IKE_ID_FQDN, "a.example"), "DNS name");
	ok(MATCH(IKE_ID_FQDN, "A.EXAMPLE"), "case doesn't matter");
	ok(MATCH(IKE_ID_FQDN, "alias.example"), "the second one");
	ok(!MATCH(IKE_ID_FQDN, "b.example"), "another DNS name is not matched");
	ok(!MATCH(IKE_ID_FQDN, "somebody"),
	   "the CN is not matched as a DNS name");
	ok(!MATCH(IKE_ID_FQDN, "a.exampl"),
	   "a part of a DNS name is not matched");
	ok(!MATCH(IKE_ID_FQDN, "*.example") && !MATCH(IKE_ID_FQDN, "*"),
	   "no patterns");
	ok(!MATCH(IKE_ID_FQDN, ""), "the empty name is not matched");
	ok(!cert_match_id(leaf, IKE_ID_FQDN, "a.example\0.org", 14),
	   "no name with a zero in it");
	ok(!MATCH(IKE_ID_RFC822_ADDR, "a.example") &&
		   !MATCH(IKE_ID_FQDN, "Ann@example.org"),
	   "kinds aren't mixed");
	ok(MATCH(IKE_ID_RFC822_ADDR, "Ann@EXAMPLE.org"), "mail address");
	ok(!MATCH(IKE_ID_RFC822_ADDR, "Ann@example.orh") &&
		   !MATCH(IKE_ID_RFC822_ADDR, "Bnn@example.org"),
	   "the whole of it");
	ok(!MATCH(IKE_ID_RFC822_ADDR, "ann@example.org"),
	   "the first part of a mail address has case");
	ok(!MATCH(11, "a.example"), "a key ID is nothing in a certificate");
	addr_parse("192.0.2.1", &ad);
	ok(cert_match_id(leaf, IKE_ID_IPV4_ADDR, ad.b, 4), "IPv4 address");
	ok(!cert_match_id(leaf, IKE_ID_IPV4_ADDR, ad.b, 3) &&
		   !cert_match_id(leaf, IKE_ID_IPV6_ADDR, ad.b, 16),
	   "all of it");
	ad.b[3] = 2;
	ok(!cert_match_id(leaf, IKE_ID_IPV4_ADDR, ad.b, 4), "no other");
	addr_parse("2001:db8::1", &ad);
	ok(cert_match_id(leaf, IKE_ID_IPV6_ADDR, ad.b, 16), "IPv6 address");
	/* The subject CN=somebody. */
	len = 2 + 2 + 2 + 5 + 2 + 8;
	memcpy(der,
	       "\x30\x13\x31\x11\x30\x0f\x06\x03\x55\x04\x03\x0c\x08"
	       "somebody",
	       len);
	ok(cert_match_id(leaf, IKE_ID_DER_ASN1_DN, der, len), "the subject");
	der[len - 1]++;
	ok(!cert_match_id(leaf, IKE_ID_DER_ASN1_DN, der, len), "no other");
	der[len - 1]--;
#define KNOWN(type, id) cert_known_as(leaf, type, id, strlen(id))
	ok(KNOWN(IKE_ID_FQDN, "a.example") && KNOWN(IKE_ID_FQDN, "A.Example"),
	   "a member is known by its first DNS name");
	ok(!KNOWN(IKE_ID_FQDN, "alias.example") &&
		   !KNOWN(IKE_ID_RFC822_ADDR, "Ann@example.org") &&
		   !cert_known_as(leaf, IKE_ID_IPV6_ADDR, ad.b, 16) &&
		   !cert_known_as(leaf, IKE_ID_DER_ASN1_DN, der, len),
	   "a member is not known by another name of its certificate");
	ok(!KNOWN(IKE_ID_FQDN, "*") && !KNOWN(IKE_ID_FQDN, "") &&
		   !KNOWN(11, "a.example"),
	   "a member is known by no pattern and no empty name");
	is_str(cert_subject(leaf, buf, sizeof(buf)), "CN=somebody",
	       "identities: the text is right");
	is_int(cert_not_after(leaf), NOW + YEAR, "valid until");
	is_int(cert_ends(leaf), NOW + YEAR,
	       "the chain of a certificate ends no earlier");
	cert_pubkey(leaf, &pub);
	sigkey_pub(a.key, &pub2);
	ok(sigpub_equal(pub, pub2),
	   "the key of the certificate is the signer's");
	sigpub_free(pub);
	sigpub_free(pub2);
	cert_free(leaf);

	is_int(cert_chain_from_der(&d, 1, &chain, &err), 0,
	       "a chain is read as our own");
	cert_chain_id(chain, &type, &id, &len);
	ok(type == IKE_ID_FQDN && len == 9 && !memcmp(id, "a.example", 9),
	   "we are by our first DNS name");
	ok(cert_chain_fits_key(chain, a.key) &&
		   !cert_chain_fits_key(chain, ca.key),
	   "key and certificate");
	cert_chain_free(chain);
	pki_pair_free(&a);

	req.dns = NULL;
	req.email = NULL;
	req.ip = ip + 1;
	a = issue(&ca, &req);
	d = (struct cert_der){ a.cert, a.cert_len };
	cert_chain_from_der(&d, 1, &chain, &err);
	cert_chain_id(chain, &type, &id, &len);
	ok(type == IKE_ID_IPV6_ADDR && len == 16,
	   "the identity is an address if there is no name");
	cert_chain_free(chain);
	pki_pair_free(&a);

	d = (struct cert_der){ ca.cert, ca.cert_len };
	cert_chain_from_der(&d, 1, &chain, &err);
	cert_chain_id(chain, &type, &id, &len);
	is_int(type, IKE_ID_DER_ASN1_DN,
	       "a certificate without names is known by its subject");
	is_int(cert_id_str(type, id, len, buf, sizeof(buf)), 0,
	       "identities: the text is right");
	is_str(buf, "CN=Test CA", "a subject is printed as it stands");
	is_int(cert_id_str(type, id, len, buf, 5), -ENOSPC, "if it fits");
	is_int(cert_id_str(IKE_ID_FQDN, "a\nb", 3, buf, sizeof(buf)), -EINVAL,
	       "no control characters");
	is_int(cert_id_str(IKE_ID_FQDN, "192.0.2.1", 9, buf, sizeof(buf)),
	       -EINVAL, "no name that looks like an address");
	is_int(cert_id_str(IKE_ID_FQDN, "CN=x", 4, buf, sizeof(buf)), -EINVAL,
	       "a name that looks like a subject is not printed");
	is_int(cert_id_str(IKE_ID_IPV4_ADDR, "\300\0\2\1", 4, buf, sizeof(buf)),
	       0, "an address");
	is_str(buf, "192.0.2.1", "identities: the text is right");
	cert_chain_free(chain);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		bail("%s", path);
	close(fd);
}

static void files(void)
{
	char dir[] = "/tmp/mcsec-cert-XXXXXX", crt[64], key[64];
	struct pki_req req = request(PKI_GCKS, "gcks.example");
	struct pki_pair a = issue(&ca, &req), b;
	struct cert_chain *chain;
	const uint8_t *auth;
	struct trust *t;
	struct stat st;
	size_t len;

	if (!mkdtemp(dir))
		bail("no folder to work in");
	snprintf(crt, sizeof(crt), "%s/a.pem", dir);
	snprintf(key, sizeof(key), "%s/a.key", dir);
	is_int(pki_save(&a, crt, key, &err), 0, "files: the file is saved");
	ok(!stat(key, &st) && (st.st_mode & 07777) == 0600, "the key hidden");
	is_int(pki_save(&a, crt, key, &err), -EEXIST,
	       "files are not saved over others: %s", err.text);
	is_int(pki_load(crt, key, &b, &err), 0, "files: the file is loaded");
	is_mem(b.cert, b.cert_len, a.cert, a.cert_len, "the same");
	pki_pair_free(&b);
	unlink(key);
	is_int(pki_save(&a, crt, key, &err), -EEXIST,
	       "with the certificate in the way: %s", err.text);
	ok(access(key, F_OK), "the key is not left");
	sigkey_save(ca.key, key, &err);
	is_int(pki_load(crt, key, &b, &err), -EINVAL, "another's key: %s",
	       err.text);
	is_int(cert_chain_load(crt, &chain, &err), 0, "a chain");
	is_int(cert_chain_count(chain), 1, "a chain of one certificate");
	cert_chain_free(chain);
	is_int(trust_load(crt, &t, &err), -EINVAL,
	       "a certificate that is no CA is not trusted: %s", err.text);
	write_file(crt, "no certificate\n");
	is_int(trust_load(crt, &t, &err), -EBADMSG, "none: %s", err.text);
	write_file(crt, "-----BEGIN CERTIFICATE-----\nMIIB\n"
			"-----END CERTIFICATE-----\n");
	is_int(cert_chain_load(crt, &chain, &err), -EBADMSG, "damaged: %s",
	       err.text);
	unlink(crt);
	is_int(trust_load(crt, &t, &err), -ENOENT, "missing: %s", err.text);
	unlink(key);
	rmdir(dir);
	trust_authorities(trust, &auth, &len);
	is_int(len, 20, "one hash for CERTREQ");
	pki_pair_free(&a);
}

static void requests(void)
{
	static const char *const bad_dns[] = { "a,DNS:evil.example", NULL };
	static const char *const bad_ip[] = { "300.1.1.1", NULL };
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair p;

	req.dns = bad_dns;
	is_int(pki_issue(&ca, &req, &p, &err), -EINVAL, "%s", err.text);
	req.dns = NULL;
	req.ip = bad_ip;
	is_int(pki_issue(&ca, &req, &p, &err), -EINVAL, "%s", err.text);
	req = request(PKI_MEMBER, "not a dns name");
	is_int(pki_issue(&ca, &req, &p, &err), -EINVAL, "%s", err.text);
	req = request(PKI_MEMBER, "");
	is_int(pki_issue(&ca, &req, &p, &err), -EINVAL, "%s", err.text);
	req = request(PKI_MEMBER, "a.example");
	is_int(pki_issue(NULL, &req, &p, &err), -EINVAL, "%s", err.text);
	req.not_after = req.not_before;
	is_int(pki_issue(&ca, &req, &p, &err), -EINVAL, "%s", err.text);
}

/* Each type of key signs, and is signed. */
static void kinds(void)
{
	static const enum sig_type types[] = { SIG_ECDSA_P256, SIG_ECDSA_P384,
					       SIG_RSA_PSS };
	struct trust *own = trust;
	size_t i;

	for (i = 0; i < 3; i++) {
		struct pki_req req = request(PKI_CA, "Another CA");
		struct pki_pair c, a;
		struct err why = {};

		req.type = types[i];
		c = issue(NULL, &req);
		trust = trust_in(&c);
		req.kind = PKI_MEMBER;
		req.name = "m.example";
		a = issue(&c, &req);
		is_int(verify_pair(&a, NOW, CERT_FOR_MEMBER, &why), 0,
		       "%s all along the chain", sig_type_str(types[i]));
		pki_pair_free(&a);
		pki_pair_free(&c);
		trust_free(trust);
	}
	trust = own;
}

int main(void)
{
	struct pki_req req = request(PKI_CA, "Test CA");

	ca = issue(NULL, &req);
	req.name = "Other CA";
	other_ca = issue(NULL, &req);
	trust = trust_in(&ca);
	RUN(times_and_issuers);
	RUN(ends);
	RUN(uses);
	RUN(chains);
	RUN(damaged);
	RUN(identities);
	RUN(files);
	RUN(requests);
	RUN(kinds);
	trust_free(trust);
	pki_pair_free(&ca);
	pki_pair_free(&other_ca);
	return done();
}
