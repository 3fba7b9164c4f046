// SPDX-License-Identifier: Apache-2.0
/*
 * Revocation lists: what is read and what is refused, whole chains, lists that are
 * missing or outdated under both policies, and what tells two sets apart.
 */
#include <errno.h>
#include <sys/stat.h>

#include "certs.h"
#include "crls.h"

static struct pki_pair root, inter, other;
static struct pki_pair leaf, good, below;
static char dir[] = "/tmp/mcsec-crl.XXXXXX";
static char path[64], path2[64];

static struct pki_pair member(const struct pki_pair *by, const char *name)
{
	struct pki_req req = request(PKI_MEMBER, name);

	return issue(by, &req);
}

static struct crls *load_from(const char *from, enum crl_policy policy)
{
	struct crls *c = NULL;

	err_clear(&err);
	if (crls_load(from, policy, trust, NULL, &c, &err))
		diag("%s", err.text);
	return c;
}

static struct crls *load(enum crl_policy policy)
{
	return load_from(dir, policy);
}

/* Return 0 if the first of @ders is accepted by @c, with its chain. */
static int judge(const struct crls *c, const struct cert_der *ders, size_t n,
		 int64_t now, struct err *why)
{
	struct cert *cert;
	int ret;

	err_clear(why);
	trust_set_crls(trust, c);
	ret = cert_verify(trust, ders, n, now, CERT_FOR_MEMBER, &cert, why);
	if (ret)
		bail("chain: %s", why->text);
	ret = cert_check_revoked(trust, cert, now, why);
	cert_free(cert);
	trust_set_crls(trust, NULL);
	return ret;
}

static int judge_one(const struct crls *c, const struct pki_pair *p,
		     int64_t now, struct err *why)
{
	struct cert_der der = { p->cert, p->cert_len };

	return judge(c, &der, 1, now, why);
}

static int judge_two(const struct crls *c, const struct pki_pair *p,
		     const struct pki_pair *by, struct err *why)
{
	struct cert_der der[] = { { p->cert, p->cert_len },
				  { by->cert, by->cert_len } };

	return judge(c, der, 2, NOW, why);
}

/* Return the @i-th CA without a list, or NULL. */
static const char *missing(const struct crls *c, unsigned int i)
{
	static char buf[256];
	const char *ca;
	size_t at = 0;

	while ((ca = crls_missing(c, trust, &at, buf, sizeof(buf))) && i)
		i--;
	return ca;
}

static void set_up(void)
{
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(path, sizeof(path), "%s/root.crl", dir);
	snprintf(path2, sizeof(path2), "%s/second.crl", dir);
	root = make_ca(NULL, "Root", 0);
	inter = make_ca(&root, "Intermediate", 0);
	other = make_ca(NULL, "Other", 0);
	leaf = member(&root, "a.example");
	good = member(&root, "b.example");
	below = member(&inter, "c.example");
	trust = trust_in(&root);
}

/* ---- certificates -------------------------------------------------------- */

static void test_leaf(void)
{
	struct crl_spec spec = crl_week(&root, NOW);
	struct crl_state s;
	struct err why;
	struct crls *c;

	spec.revokes[0] = &leaf;
	for (int der = 0; der < 2; der++) {
		crl_write(path, &spec, der);
		c = load_from(path, CRL_STRICT);
		ok(c, "%s: a list is read", der ? "DER" : "PEM");
		is_int(judge_one(c, &leaf, NOW, &why), -EKEYREVOKED,
		       "%s: the certificate is refused", der ? "DER" : "PEM");
		is_str(why.text, "revoked by its CA", "%s: the reason",
		       der ? "DER" : "PEM");
		is_int(judge_one(c, &good, NOW, &why), 0,
		       "%s: another one is accepted: %s", der ? "DER" : "PEM",
		       why.text);
		crls_state(c, 0, &s);
		is_int(crls_count(c), 1, "%s: one list", der ? "DER" : "PEM");
		is_str(s.issuer, "CN=Root", "%s: its issuer",
		       der ? "DER" : "PEM");
		ok(s.revoked == 1 && s.this_update == NOW - 3600 &&
			   s.next_update == NOW + 7 * DAY,
		   "%s: its times and its size", der ? "DER" : "PEM");
		crls_free(c);
	}
	is_int(judge_one(NULL, &leaf, NOW, &why), 0,
	       "without lists it is accepted");
}

/* The list of the root revokes the CA between, and that is all the same for both. */
static void test_intermediate(void)
{
	struct crl_spec spec = crl_week(&root, NOW),
			mine = crl_week(&inter, NOW);
	struct err why;
	struct crls *c;

	spec.revokes[0] = &inter;
	crl_write(path, &spec, false);
	c = load(CRL_RELAXED);
	is_int(judge_two(c, &below, &inter, &why), -EKEYREVOKED,
	       "a certificate below a revoked CA is refused");
	is_str(why.text, "revoked by its CA", "a revoked CA is the reason");
	crls_free(c);

	spec.revokes[0] = &leaf;
	crl_write(path, &spec, false);
	c = load(CRL_STRICT);
	is_int(judge_two(c, &below, &inter, &why), -EKEYREJECTED,
	       "strict: every CA of the chain needs a list");
	ok(strstr(why.text, "no revocation list of its CA"),
	   "strict: the reason is given: %s", why.text);
	is_str(missing(c, 0), "CN=Intermediate",
	       "strict: the CA between that lacks one is named");
	crls_free(c);
	c = load(CRL_RELAXED);
	is_int(judge_two(c, &below, &inter, &why), 0,
	       "relaxed: a missing list lets it in");
	crls_free(c);

	/* The list of the CA between needs the certificate of that. */
	crl_write(path2, &mine, false);
	ok(!load(CRL_STRICT), "a list without its CA is refused");
	ok(strstr(err.text,
		  "second.crl: list of \"CN=Intermediate\": its issuer is unknown"),
	   "the refusal names file, CA and help");
	snprintf(path2, sizeof(path2), "%s/inter.pem", dir);
	crl_write_cert(path2, &inter);
	c = load(CRL_STRICT);
	is_int(judge_two(c, &below, &inter, &why), 0,
	       "the certificate of the CA may stand beside: %s", why.text);
	crls_free(c);
	unlink(path);
	c = load(CRL_STRICT);
	is_int(judge_two(c, &below, &inter, &why), -EKEYREJECTED,
	       "strict: the CA between needs a list of the CA above");
	crls_free(c);
	crl_write(path, &spec, false);
	mine.revokes[0] = &below;
	snprintf(path2, sizeof(path2), "%s/second.crl", dir);
	crl_write(path2, &mine, false);
	c = load(CRL_RELAXED);
	is_int(judge_two(c, &below, &inter, &why), -EKEYREVOKED,
	       "the list of the CA between counts");
	crls_free(c);
	unlink(path2);
	snprintf(path2, sizeof(path2), "%s/inter.pem", dir);
	unlink(path2);
	snprintf(path2, sizeof(path2), "%s/second.crl", dir);
}

/* Both CAs are in identity.ca, so that the chain ends at the lower one. */
static void test_anchors(void)
{
	struct cert_der ca[] = { { inter.cert, inter.cert_len },
				 { root.cert, root.cert_len } };
	struct crl_spec spec = crl_week(&root, NOW),
			mine = crl_week(&inter, NOW);
	struct trust *own = trust;
	struct err why;
	struct crls *c;

	if (trust_from_der(ca, 2, &trust, &err))
		bail("%s", err.text);
	crl_write(path, &spec, false);
	crl_write(path2, &mine, false);
	c = load(CRL_STRICT);
	is_int(judge_two(c, &below, &inter, &why), 0,
	       "a list for each of two trusted CAs: %s", why.text);
	crls_free(c);
	spec.revokes[0] = &inter;
	spec.number = 6;
	crl_write(path, &spec, false);
	c = load(CRL_STRICT);
	is_int(judge_two(c, &below, &inter, &why), -EKEYREVOKED,
	       "a trusted CA that another one has revoked is refused");
	is_str(why.text, "revoked by its CA", "anchors: the reason is told");
	crls_free(c);
	trust_free(trust);
	trust = own;
	unlink(path2);
}

/* Three CAs, one below the other, are trusted, and any order of them is the same. */
static void test_anchors_above(void)
{
	struct pki_pair low = make_ca(&inter, "Low", 0);
	struct pki_pair far = member(&low, "d.example");
	struct cert_der all[] = { { low.cert, low.cert_len },
				  { inter.cert, inter.cert_len },
				  { root.cert, root.cert_len },
				  { inter.cert, inter.cert_len },
				  { low.cert, low.cert_len } };
	const struct pki_pair *const revoked[] = { &good, &inter, &low };
	struct trust *own = trust;
	struct crl_spec spec;
	struct err why;
	struct crls *c;
	size_t i;

	for (i = 0; i < 2 * ARRAY_SIZE(revoked); i++) {
		if (trust_from_der(all + i % 2 * 2, 3, &trust, &err))
			bail("%s", err.text);
		spec = crl_week(i / 2 < 2 ? &root : &inter, NOW);
		spec.revokes[0] = revoked[i / 2];
		crl_write(path, &spec, false);
		c = load(CRL_RELAXED);
		is_int(judge_two(c, &far, &low, &why), i / 2 ? -EKEYREVOKED : 0,
		       "list %zu, order %zu: %s", i / 2, i % 2, why.text);
		crls_free(c);
		trust_free(trust);
	}
	trust = own;
	unlink(path);
	pki_pair_free(&low);
	pki_pair_free(&far);
}

/*
 * Members are judged by references alone, which are kept when the certificates are not
 * there any more.
 */
static void test_chain_refs(void)
{
	struct cert_der ders[] = { { below.cert, below.cert_len },
				   { inter.cert, inter.cert_len } };
	const struct pki_pair *const revoked[] = { &below, &inter, &good };
	struct crl_spec spec;
	struct cert *cert;
	struct crls *c;
	char by[80];
	size_t i;

	snprintf(by, sizeof(by), "%s/inter.pem", dir);
	crl_write_cert(by, &inter);
	if (cert_verify(trust, ders, 2, NOW, CERT_FOR_MEMBER, &cert, &err))
		bail("%s", err.text);
	is_int(cert_refs_of(cert)->n, 2,
	       "a reference to each certificate below the trusted CA");
	for (i = 0; i < ARRAY_SIZE(revoked); i++) {
		spec = crl_week(i ? &root : &inter, NOW);
		spec.revokes[0] = revoked[i];
		crl_write(path, &spec, false);
		c = load(CRL_RELAXED);
		is_int(crls_revoke(c, cert_refs_of(cert)), i < 2,
		       "list %zu revokes the references", i);
		crls_free(c);
	}
	cert_free(cert);
	unlink(by);
	unlink(path);
}

/* Like judge_one(), for a certificate that has expired after it was verified. */
static int judge_late(const struct crls *c, const struct pki_pair *p,
		      struct err *why)
{
	struct cert_der der = { p->cert, p->cert_len };
	struct cert *cert;
	int ret;

	if (cert_verify(trust, &der, 1, NOW, CERT_FOR_MEMBER, &cert, why))
		bail("chain: %s", why->text);
	trust_set_crls(trust, c);
	ret = cert_check_revoked(trust, cert, NOW + 2 * YEAR, why);
	trust_set_crls(trust, NULL);
	cert_free(cert);
	return ret;
}

/* ---- policy ---------------------------------------------------------------- */

static void test_times(void)
{
	struct crl_spec spec = crl_week(&root, NOW);
	struct crls *strict, *relaxed;
	struct crl_state s;
	struct err why;

	spec.revokes[0] = &leaf;
	spec.made = NOW;
	crl_write(path, &spec, false);
	strict = load(CRL_STRICT);
	relaxed = load(CRL_RELAXED);
	is_int(judge_one(strict, &good, NOW + 7 * DAY - 1, &why), 0,
	       "strict: before its nextUpdate a list is valid: %s", why.text);
	is_int(judge_one(strict, &good, NOW + 7 * DAY, &why), -EKEYREJECTED,
	       "strict: from nextUpdate on a certificate is refused");
	ok(strstr(why.text, "has expired (crl-policy strict)"),
	   "strict: the reason is given: %s", why.text);
	is_int(judge_one(relaxed, &good, NOW + 1, &why), 0,
	       "relaxed: a valid list puts nobody out: %s", why.text);
	is_int(judge_late(relaxed, &good, &why), -EKEYREJECTED,
	       "relaxed: only errors of lists are forgiven");
	ok(strstr(why.text, "has expired"),
	   "relaxed: the reason is the certificate: %s", why.text);
	is_int(judge_late(strict, &good, &why), -EKEYREJECTED,
	       "strict: no error of a certificate is forgiven: %s", why.text);
	is_int(judge_one(relaxed, &good, NOW + 8 * DAY, &why), 0,
	       "relaxed: an outdated list puts nobody out");
	is_int(judge_one(relaxed, &leaf, NOW + 8 * DAY, &why), -EKEYREVOKED,
	       "relaxed: what an outdated list revokes stays refused");
	is_int(judge_one(strict, &good, NOW - 1, &why), -EKEYREJECTED,
	       "strict: a list of the future is not valid");
	is_int(judge_one(relaxed, &good, NOW - 1, &why), 0,
	       "relaxed: a list of the future puts nobody out");

	crls_state(strict, 0, &s);
	is_int(crl_health_at(&s, NOW), CRL_VALID, "a week is long");
	is_int(crl_health_changes(&s, NOW), NOW + 6 * DAY,
	       "warnings begin a day before the end");
	is_int(crl_health_at(&s, NOW + 6 * DAY), CRL_ENDS_SOON,
	       "a day before the end a list ends soon");
	is_int(crl_health_changes(&s, NOW + 6 * DAY), NOW + 7 * DAY,
	       "the end is next");
	is_int(crl_health_at(&s, NOW + 7 * DAY), CRL_EXPIRED,
	       "at its end a list has expired");
	is_int(crl_health_at(&s, NOW - 1), CRL_EARLY,
	       "before its beginning a list is early");
	s.this_update = NOW;
	s.next_update = NOW + 4000;
	is_int(crl_health_changes(&s, NOW), NOW + 3000,
	       "the last quarter of a short time is soon");
	crls_free(strict);
	crls_free(relaxed);
}

static void test_missing(void)
{
	struct err why;
	struct crls *c;

	unlink(path);
	c = load(CRL_STRICT);
	ok(c && !crls_count(c), "an empty folder is read");
	is_str(missing(c, 0), "CN=Root", "the CA without a list is named");
	ok(!missing(c, 1), "no other CA is named");
	is_int(judge_one(c, &good, NOW, &why), -EKEYREJECTED,
	       "strict: nobody is accepted without lists");
	crls_free(c);
	c = load(CRL_RELAXED);
	is_int(judge_one(c, &good, NOW, &why), 0,
	       "relaxed: all are accepted without lists");
	crls_free(c);
	ok(!load_from(path, CRL_RELAXED),
	   "a file that is not there is an error");
	ok(strstr(err.text, path) && strstr(err.text, "No such file"),
	   "the error has the name of the file: %s", err.text);
}

/* ---- lists that are refused ------------------------------------------------ */

/* @what is in the reason, and so is the name of the file. */
static void refuse(const struct crl_spec *spec, const char *what,
		   const char *name)
{
	struct crls *c;

	crl_write(path, spec, false);
	err_clear(&err);
	is_int(crls_load(dir, CRL_RELAXED, trust, NULL, &c, &err),
	       -EKEYREJECTED, "%s is refused", name);
	ok(strstr(err.text, what) && strstr(err.text, "root.crl"),
	   "%s: the reason: %s", name, err.text);
	unlink(path);
}

static void test_refused(void)
{
	struct pki_req req = {
		.kind = PKI_CA,
		.type = SIG_ECDSA_P256,
		.name = "Curve",
		.not_before = NOW - 3600,
		.not_after = NOW + YEAR,
	};
	struct pki_pair deaf = make_ca(NULL, "Deaf", 0);
	struct pki_pair curve = issue(NULL, &req);
	struct trust *own = trust;
	struct crl_spec spec;

	spec = crl_week(&other, NOW);
	refuse(&spec, "its issuer is unknown", "a list of another CA");
	spec = crl_week(&root, NOW);
	spec.signer = &other;
	refuse(&spec, "its signature is not by that CA", "a forged list");
	spec = crl_week(&root, NOW);
	spec.base = 3;
	refuse(&spec, "a delta list", "a delta list");
	spec.number = 0;
	refuse(&spec, "a delta list", "a delta list without a number");
	spec.number = 5;
	spec.base = 0;
	spec.nid = NID_issuing_distribution_point;
	spec.value = "critical,indirectCRL:TRUE";
	refuse(&spec, "indirect", "an indirect list");
	spec.value = "critical,onlysomereasons:keyCompromise";
	refuse(&spec, "for some reasons only", "a list of some reasons");
	spec.value = "critical,DER:0c:01:41";
	refuse(&spec, "distribution point is damaged", "a damaged scope");
	spec.nid = NID_invalidity_date;
	spec.value =
		"critical,DER:18:0f:32:30:32:36:30:31:30:31:30:30:30:30:30:30:5a";
	refuse(&spec, "critical extension", "an unknown critical extension");
	spec = crl_week(&root, NOW);
	spec.revokes[0] = &leaf;
	spec.entry = "ca.example";
	refuse(&spec, "extension of an entry", "an entry of another CA");
	spec = crl_week(&root, NOW);
	spec.digits = 21;
	refuse(&spec, "its number is", "a number of 21 octets");
	spec.digits = 0;
	spec.number = -1;
	refuse(&spec, "its number is", "a number below 0");
	spec.number = 0;
	spec.nid = NID_crl_number;
	spec.value = "DER:0c:01:41";
	refuse(&spec, "its number is", "a number that is none");
	spec = crl_week(&root, NOW);
	spec.next = 0;
	refuse(&spec, "no nextUpdate", "a list without nextUpdate");
	spec.next = spec.made;
	refuse(&spec, "not after its thisUpdate", "a list that ends at once");

	add_extension(&deaf, &deaf, NID_key_usage, "critical,keyCertSign");
	trust = trust_in(&deaf);
	spec = crl_week(&deaf, NOW);
	refuse(&spec, "cRLSign", "a list of a CA that may not sign lists");
	trust_free(trust);
	trust = own;
	pki_pair_free(&deaf);

	trust = trust_in(&curve);
	spec = crl_week(&curve, NOW);
	spec.sha1 = true;
	refuse(&spec, "SHA-1", "a list that is signed with SHA-1");
	trust_free(trust);
	trust = own;
	pki_pair_free(&curve);
}

static void refuse_text(const char *text, size_t len, const char *what,
			const char *name)
{
	struct crls *c;

	crl_write_text(path, text, len);
	err_clear(&err);
	is_int(crls_load(dir, CRL_RELAXED, trust, NULL, &c, &err), -EBADMSG,
	       "%s is refused", name);
	ok(strstr(err.text, what) && strstr(err.text, "root.crl"),
	   "%s: the reason: %s", name, err.text);
	unlink(path);
}

static void test_files(void)
{
	static const char cut[] =
		"-----BEGIN X509 CRL-----\nMIIBAAAA\n-----END X509 CRL-----\n";
	struct crl_spec spec = crl_week(&root, NOW);
	uint8_t der[2048];
	struct crls *c;
	size_t len;
	FILE *f;

	refuse_text("a note\n", 7, "neither a revocation list", "a text");
	refuse_text(cut, sizeof(cut) - 1, "damaged", "a damaged PEM file");
	refuse_text("-----BEGIN X509 CRL-----\nMIIB", 29, "",
		    "half a PEM file");
	crl_write_key(path, &root);
	ok(!load(CRL_STRICT) && strstr(err.text, "a private key among"),
	   "a private key is refused: %s", err.text);
	crl_write(path, &spec, true);
	f = fopen(path, "r");
	len = fread(der, 1, sizeof(der), f);
	fclose(f);
	refuse_text((char *)der, len - 1, "damaged", "half a DER file");
	der[len] = 0;
	refuse_text((char *)der, len + 1, "damaged", "an octet too many");

	/* A second list of which only the beginning is there. */
	crl_write(path, &spec, false);
	f = fopen(path, "a");
	if (!f || fputs("-----BEGIN X509 CRL-----\nMIIBAAAA\n", f) < 0 ||
	    fclose(f))
		bail("cannot write %s", path);
	ok(!load(CRL_STRICT) && strstr(err.text, "damaged"),
	   "half a list behind a whole one is refused: %s", err.text);
	if (truncate(path, (64 << 20) + 1))
		bail("truncate");
	ok(!load(CRL_STRICT) && strstr(err.text, "more than 64 MB"),
	   "a huge file is not read: %s", err.text);

	/* An upload that is not complete has a name with a dot. */
	crl_write(path, &spec, false);
	snprintf(path2, sizeof(path2), "%s/.new", dir);
	crl_write_text(path2, "-----BEGIN", 10);
	c = load(CRL_STRICT);
	ok(c && crls_count(c) == 1, "names with a dot are not read");
	crls_free(c);
	unlink(path2);
	snprintf(path2, sizeof(path2), "%s/second.crl", dir);

	is_int(mkfifo(path2, 0600), 0, "a pipe");
	ok(!load(CRL_STRICT) && strstr(err.text, "not a file"),
	   "a pipe does not stop the daemon: %s", err.text);
	unlink(path2);
	crl_write_text(path2, "", 0);
	ok(!load(CRL_STRICT) && strstr(err.text, "not a file"),
	   "an empty file is refused: %s", err.text);
	unlink(path2);
}

/*
 * A list that no CA has signed must not cost the time and the memory of its entries,
 * so that its first date, which is damaged here, is not looked at.
 */
static void test_unsigned(void)
{
	static const char cut[] =
		"-----BEGIN CERTIFICATE-----\nMIIBAAAA\n-----END CERTIFICATE-----\n";
	struct crl_spec spec[] = { crl_week(&other, NOW),
				   crl_week(&root, NOW) };
	uint8_t der[2048];
	char name[80];
	uint8_t *at;
	size_t len;
	FILE *f;

	spec[1].signer = &other;
	for (size_t i = 0; i < ARRAY_SIZE(spec); i++) {
		crl_write(path, &spec[i], true);
		f = fopen(path, "r");
		len = fread(der, 1, sizeof(der), f);
		fclose(f);
		at = memmem(der, len, "\x17\x0d", 2);
		if (!at)
			bail("a list without a date");
		*at = V_ASN1_NULL;
		crl_write_text(path, der, len);
		ok(!load(CRL_RELAXED) &&
			   strstr(err.text,
				  i ? "its signature is not by that CA"
				    : "\"CN=Other\": its issuer is unknown"),
		   "list %zu: the reason: %s", i, err.text);
	}
	refuse_text(cut, sizeof(cut) - 1, "damaged", "a damaged certificate");
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%s/%d.crl", dir, i);
		crl_write_text(name, "", 0);
		if (truncate(name, 64 << 20))
			bail("truncate");
	}
	ok(!load(CRL_STRICT) &&
		   strstr(err.text, "4.crl: with this file more than 256 MB"),
	   "there is a limit of all files: %s", err.text);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%s/%d.crl", dir, i);
		unlink(name);
	}
}

/* ---- one set and another ---------------------------------------------------- */

static void test_newest(void)
{
	struct crl_spec spec = crl_week(&root, NOW), old = crl_week(&root, NOW);
	struct err why;
	struct crls *c;

	/* The older list lasts longer, and revokes nothing. */
	old.number = 4;
	old.next = NOW + 30 * DAY;
	spec.revokes[0] = &leaf;
	for (int i = 0; i < 2; i++) {
		crl_write(i ? path2 : path, &old, false);
		crl_write(i ? path : path2, &spec, false);
		c = load(CRL_STRICT);
		is_int(crls_count(c), 1, "one of two lists of a CA is kept");
		is_int(judge_one(c, &leaf, NOW, &why), -EKEYREVOKED,
		       "the newer one, in whatever file");
		crls_free(c);
	}
	unlink(path2);
}

static void test_same(void)
{
	struct crl_spec spec = crl_week(&root, NOW),
			part = crl_week(&root, NOW);
	struct crls *was, *is;

	spec.revokes[0] = &leaf;
	crl_write(path, &spec, false);
	was = load(CRL_STRICT);
	is = load(CRL_RELAXED);
	ok(crls_same(was, is), "the same list is the same");
	crls_free(is);
	spec.number = 6;
	crl_write(path, &spec, false);
	is = load(CRL_STRICT);
	ok(!crls_same(was, is), "the next list is another one");
	ok(!crls_same(was, NULL) && crls_same(NULL, NULL),
	   "no lists are the same as no lists only");
	crls_free(is);
	spec.number = 5;
	crl_write(path, &spec, false);
	part.nid = NID_issuing_distribution_point;
	part.value = "critical,onlyuser:TRUE";
	crl_write(path2, &part, false);
	is = load(CRL_STRICT);
	ok(!crls_same(was, is) && !crls_same(is, was),
	   "a list more makes others of them");
	crls_free(is);
	crls_free(was);
	unlink(path);
	unlink(path2);
}

/* While a CA changes its key there are two of its name, each with a list. */
static void test_rollover(void)
{
	struct pki_req req = request(PKI_CA, "Twin");
	struct pki_pair was = issue(NULL, &req), next = issue(NULL, &req);
	struct pki_pair ours = member(&was, "a.example");
	struct pki_pair gone = member(&was, "b.example");
	struct pki_pair theirs = member(&next, "c.example");
	struct cert_der ca[] = { { was.cert, was.cert_len },
				 { next.cert, next.cert_len } };
	struct crl_spec old = crl_week(&was, NOW), new = crl_week(&next, NOW);
	struct trust *own = trust;
	struct err why;
	struct crls *c;

	if (trust_from_der(ca, 2, &trust, &err))
		bail("%s", err.text);
	new.made = NOW - 60;
	new.number = 9;
	old.revokes[0] = &gone;
	crl_write(path, &old, false);
	crl_write(path2, &new, false);
	c = load(CRL_STRICT);
	is_int(crls_count(c), 2, "each key has a list of its own");
	is_int(judge_one(c, &ours, NOW, &why), 0,
	       "a certificate of the former key: %s", why.text);
	is_int(judge_one(c, &theirs, NOW, &why), 0,
	       "a certificate of the next key: %s", why.text);
	is_int(judge_one(c, &gone, NOW, &why), -EKEYREVOKED,
	       "the list of the former key counts");
	crls_free(c);
	unlink(path2);
	c = load(CRL_STRICT);
	is_int(judge_one(c, &theirs, NOW, &why), -EKEYREJECTED,
	       "the list of one key does not stand for the other one");
	ok(strstr(why.text, "no revocation list of its CA"),
	   "the list of that key is missed: %s", why.text);
	crls_free(c);
	unlink(path);
	trust_free(trust);
	trust = own;
	pki_pair_free(&was);
	pki_pair_free(&next);
	pki_pair_free(&ours);
	pki_pair_free(&gone);
	pki_pair_free(&theirs);
}

/* A CA that has a new key signs one list with it, also about what it issued before. */
static void test_later_key(void)
{
	struct pki_req req = request(PKI_CA, "Twin");
	struct pki_pair was = issue(NULL, &req), next, far;
	struct pki_pair ours = member(&was, "a.example");
	struct pki_pair gone = member(&was, "b.example");
	struct cert_der ca[3] = { { was.cert, was.cert_len } };
	struct crl_spec old = crl_week(&was, NOW), new, false_one;
	struct cert_der der = { gone.cert, gone.cert_len };
	struct trust *own = trust;
	struct cert *cert;
	char by[80];
	struct err why;
	struct crls *c;

	req.not_before = NOW - 1800;
	next = issue(NULL, &req);
	far = make_ca(&other, "Twin", 0);
	ca[1] = (struct cert_der){ next.cert, next.cert_len };
	ca[2] = (struct cert_der){ other.cert, other.cert_len };
	if (trust_from_der(ca, 3, &trust, &err))
		bail("%s", err.text);
	if (cert_verify(trust, &der, 1, NOW, CERT_FOR_MEMBER, &cert, &err))
		bail("%s", err.text);
	new = crl_week(&next, NOW);
	new.number = 9;
	new.revokes[0] = &gone;
	crl_write(path, &new, false);
	for (int i = 0; i < 2; i++) {
		c = load(CRL_STRICT);
		is_int(judge_one(c, &gone, NOW, &why), -EKEYREVOKED,
		       "lists %d: what the later key revokes is refused", i);
		ok(crls_revoke(c, cert_refs_of(cert)),
		   "lists %d: members are put out", i);
		is_int(judge_one(c, &ours, NOW, &why), 0,
		       "lists %d: the list of the later key suffices: %s", i,
		       why.text);
		is_str(missing(c, 0), "CN=Other",
		       "lists %d: no list of the former key is missed", i);
		crls_free(c);
		/* The last list of the former key is outdated. */
		old.made = NOW - 8 * DAY;
		old.next = NOW - DAY;
		crl_write(path2, &old, false);
	}
	c = load(CRL_STRICT);
	is_int(judge_one(c, &ours, NOW + 7 * DAY, &why), -EKEYREJECTED,
	       "at its end the list of the later key is outdated: %s",
	       why.text);
	crls_free(c);
	unlink(path2);

	/* A CA of the same name that is below another one is another CA. */
	snprintf(by, sizeof(by), "%s/far.pem", dir);
	crl_write_cert(by, &far);
	false_one = crl_week(&far, NOW);
	false_one.revokes[0] = &ours;
	crl_write(path, &false_one, false);
	c = load(CRL_RELAXED);
	is_int(judge_one(c, &ours, NOW, &why), 0,
	       "another CA of that name does not revoke: %s", why.text);
	crls_free(c);
	c = load(CRL_STRICT);
	is_int(judge_one(c, &gone, NOW, &why), -EKEYREJECTED,
	       "another CA of that name does not stand for it: %s", why.text);
	crl_write(path2, &new, false);
	crls_free(c);
	c = load(CRL_STRICT);
	is_int(judge_one(c, &gone, NOW, &why), -EKEYREVOKED,
	       "another CA of that name does not hide a list");
	is_int(judge_one(c, &ours, NOW, &why), 0,
	       "another CA of that name refuses nobody: %s", why.text);
	crls_free(c);
	cert_free(cert);
	unlink(by);
	unlink(path);
	unlink(path2);
	trust_free(trust);
	trust = own;
	pki_pair_free(&was);
	pki_pair_free(&next);
	pki_pair_free(&far);
	pki_pair_free(&ours);
	pki_pair_free(&gone);
}

/* The certificate of the former key comes with the peer, and below the same CA. */
static void test_later_key_below(void)
{
	struct pki_pair was = make_ca(&root, "Twin", 0);
	struct pki_pair next = make_ca(&root, "Twin", 0);
	struct pki_pair far = make_ca(&inter, "Twin", 0);
	const struct pki_pair *const by[] = { &next, &far };
	struct pki_pair gone = member(&was, "b.example");
	char cert[80], cert2[80];
	struct crl_spec spec;
	struct err why;
	struct crls *c;

	snprintf(cert, sizeof(cert), "%s/ca.pem", dir);
	snprintf(cert2, sizeof(cert2), "%s/inter.pem", dir);
	crl_write_cert(cert2, &inter);
	for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
		crl_write_cert(cert, by[i]);
		spec = crl_week(by[i], NOW);
		spec.revokes[0] = &gone;
		crl_write(path, &spec, false);
		c = load(CRL_RELAXED);
		is_int(judge_two(c, &gone, &was, &why), i ? 0 : -EKEYREVOKED,
		       "a list of %s: %s",
		       i ? "another CA of that name" : "the CA", why.text);
		crls_free(c);
	}
	unlink(cert);
	unlink(cert2);
	unlink(path);
	pki_pair_free(&was);
	pki_pair_free(&next);
	pki_pair_free(&far);
	pki_pair_free(&gone);
}

/* ---- references -------------------------------------------------------------- */

static void test_refs(void)
{
	struct cert_refs a = { 0 }, b = { 0 }, both;
	uint8_t ref[CERT_REF_LEN] = { 0 };
	int i;

	for (i = 0; i < CERT_REFS_MAX; i++) {
		ref[0] = i;
		is_int(cert_refs_add(&a, ref), 0, "reference %d", i);
	}
	is_int(cert_refs_add(&a, ref), 0, "one that is there takes no room");
	ref[0] = 99;
	is_int(cert_refs_add(&a, ref), -ENOSPC, "one too many");
	cert_refs_add(&b, ref);
	ok(!cert_refs_fit(&a, &b), "the sets do not fit together");
	is_int(cert_refs_union(&a, &b, &both), -ENOSPC,
	       "sets that do not fit have no union");
	ok(!both.n, "a union that fails is empty");
	ok(!cert_refs_cover(&a, &b), "a has not all of b");
	cert_refs_free(&b);
	ok(cert_refs_cover(&a, &b) && cert_refs_fit(&a, &b),
	   "the empty set is in each");
	ref[0] = 3;
	cert_refs_add(&b, ref);
	is_int(cert_refs_union(&b, &a, &both), 0, "a union");
	ok(both.n == CERT_REFS_MAX && cert_refs_cover(&a, &both),
	   "has each reference once");
	cert_refs_free(&both);
	cert_refs_free(&a);
	cert_refs_free(&b);
}

int main(void)
{
	set_up();
	RUN(test_leaf);
	RUN(test_intermediate);
	RUN(test_anchors);
	RUN(test_anchors_above);
	RUN(test_chain_refs);
	RUN(test_times);
	RUN(test_missing);
	RUN(test_refused);
	RUN(test_files);
	RUN(test_unsigned);
	RUN(test_newest);
	RUN(test_same);
	RUN(test_rollover);
	RUN(test_later_key);
	RUN(test_later_key_below);
	RUN(test_refs);
	trust_free(trust);
	pki_pair_free(&root);
	pki_pair_free(&inter);
	pki_pair_free(&other);
	pki_pair_free(&leaf);
	pki_pair_free(&good);
	pki_pair_free(&below);
	unlink(path);
	is_int(rmdir(dir), 0, "nothing is left");
	return done();
}
