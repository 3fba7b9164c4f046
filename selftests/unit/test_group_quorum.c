// SPDX-License-Identifier: Apache-2.0
/*
 * Policies that two of three administrators have to sign: what the key server
 * refuses, and that what it has applied survives reloads and restarts.
 */
#include "order_sim.h"

/* ---- signatures ---------------------------------------------------------- */

static void test_quorum(void)
{
	const char *text;

	start_quorum(1);
	text = policy_text("video", 1, ALL, "");
	refuses(secret_dup(text, strlen(text) + 1), -EPERM,
		"0 of 2 signatures that are needed; not signed by x.example, y.example, z.example",
		"a document without signatures");
	refuses(sign_by(text, &x, NULL), -EPERM,
		"1 of 2 signatures that are needed; not signed by y.example, z.example",
		"a document with one signature");
	accepts(sign_by(text, &x, &y), "a document with two signatures");
	is_int(kept_versions(), 1, "the store has the version");
	is_int(sim_audited(&s, "policy-signed", "",
			   "version 1: signed by x.example, y.example"),
	       1, "the audit trail has the administrators");
	stop_quorum();
}

static struct pki_pair make_other_ca(void)
{
	struct pki_req req = {
		.kind = PKI_CA,
		.type = SIG_ED25519,
		.name = "Other CA",
		.not_before = s.wall0 - 86400,
		.not_after = s.wall0 + 86400 * 300,
	};
	struct pki_pair ca;

	if (pki_issue(NULL, &req, &ca, &err))
		bail("%s", err.text);
	return ca;
}

static void test_strangers(void)
{
	struct admin w, old, other;
	struct pki_pair ca;
	const char *text;

	start_quorum(2);
	ca = make_other_ca();
	text = policy_text("video", 1, ALL, "");
	make_admin(&w, &s.ca, "w.example", SIG_ECDSA_P256, 300);
	make_admin(&old, &s.ca, "y.example", SIG_ECDSA_P256, 0);
	make_admin(&other, &ca, "y.example", SIG_ECDSA_P256, 300);
	refuses(sign_by(text, &x, &w), -EPERM,
		"not counted: \"w.example\": no administrator of this key server",
		"the signature of a member that is no administrator");
	refuses(sign_by(text, &x, &old), -EPERM,
		"not counted: \"y.example\": certificate has expired",
		"the signature of an expired certificate");
	refuses(sign_by(text, &x, &other), -EPERM,
		"1 of 2 signatures that are needed; not signed by y.example, z.example; not counted: \"y.example\": ",
		"the signature by a certificate of another CA");
	free_admin(&w);
	free_admin(&old);
	free_admin(&other);
	pki_pair_free(&ca);
	stop_quorum();
}

static void test_revoked(void)
{
	struct crl_spec spec = { .number = 1 };
	struct crls *lists;
	char path[96];

	start_quorum(3);
	spec.by = &s.ca;
	spec.made = s.wall0;
	spec.next = s.wall0 + 86400;
	spec.revokes[0] = &y.pair;
	snprintf(path, sizeof(path), "%s/list.crl", s.dir);
	crl_write(path, &spec, false);
	if (crls_load(path, CRL_STRICT, s.trust, NULL, &lists, &err))
		bail("%s", err.text);
	unlink(path);
	trust_set_crls(s.trust, lists);
	refuses(sign_by(policy_text("video", 1, ALL, ""), &x, &y), -EPERM,
		"not counted: \"y.example\": ",
		"the signature of a revoked administrator");
	accepts(sign_by(policy_text("video", 1, ALL, ""), &x, &z),
		"a document of those that are not revoked");
	trust_set_crls(s.trust, NULL);
	crls_free(lists);
	stop_quorum();
}

/* One administrator with two certificates, and one key with two names. */
static void test_twice(void)
{
	struct pki_req req = { .kind = PKI_MEMBER, .name = "y.example" };
	struct admin again, same;
	struct cert_der der;
	struct sigpub *pub;
	const char *text;

	start_quorum(4);
	text = policy_text("video", 1, ALL, "");
	make_admin(&again, &s.ca, "X.example", SIG_ECDSA_P384, 300);
	refuses(sign_raw(text, &x, &again), -EPERM,
		"example\": has signed before, and counts once",
		"an administrator that signs by two certificates");
	if (sigkey_pub(x.pair.key, &pub))
		bail("public key");
	req.pub = pub;
	req.not_before = s.wall0 - 3600;
	req.not_after = s.wall0 + 86400;
	if (pki_issue(&s.ca, &req, &same.pair, &err))
		bail("%s", err.text);
	der = (struct cert_der){ same.pair.cert, same.pair.cert_len };
	if (cert_chain_from_der(&der, 1, &same.chain, &err))
		bail("%s", err.text);
	same.pair.key = x.pair.key;
	refuses(sign_raw(text, &x, &same), -EPERM,
		"example\": has signed before, and counts once",
		"one key with the names of two administrators");
	same.pair.key = NULL;
	sigpub_free(pub);
	free_admin(&again);
	free_admin(&same);
	stop_quorum();
}

/* Exchange a text in a signed document by one of the same length. */
static void alter(char **pem, const char *from, const char *to)
{
	BIO *in = BIO_new_mem_buf(*pem, -1);
	CMS_ContentInfo *cms = PEM_read_bio_CMS(in, NULL, NULL, NULL);
	ASN1_OCTET_STRING *content = *CMS_get0_content(cms);
	char *text = strndup((const char *)ASN1_STRING_get0_data(content),
			     (size_t)ASN1_STRING_length(content));
	char *at = strstr(text, from);

	memcpy(at, to, strlen(to));
	ASN1_STRING_set(content, text, (int)strlen(text));
	secret_free(*pem);
	*pem = pem_of(cms);
	free(text);
	BIO_free(in);
}

/* Signing refuses what it must not add to. */
static void test_signing(void)
{
	struct signed_doc *d, *read;
	struct admin ed;
	const char *text;
	char *pem;
	size_t len;

	start_quorum(5);
	text = policy_text("video", 1, ALL, "");
	make_admin(&ed, &s.ca, "y.example", SIG_ED25519, 300);
	if (signed_new(text, strlen(text), &d, &err))
		bail("%s", err.text);
	is_int(signed_add(d, ed.chain, ed.pair.key, &err), -EOPNOTSUPP,
	       "a key for Ed25519 cannot sign");
	is_int(signed_add(d, y.chain, x.pair.key, &err), -EKEYREJECTED,
	       "a key that is not that of the certificate cannot sign");
	is_int(signed_count(d), 0, "nothing was signed");
	is_int(signed_add(d, x.chain, x.pair.key, &err), 0, "the first signs");
	is_int(signed_add(d, x.chain, x.pair.key, &err), -EEXIST,
	       "nobody signs twice");
	is_str(err.text, "x.example has signed it already",
	       "the reason is given that nobody signs twice");
	is_int(signed_add(d, y.chain, y.pair.key, &err), 0,
	       "another one signs");
	if (signed_pem(d, &pem, &len) || signed_parse(pem, len, &read, &err))
		bail("%s", err.text);
	is_int(signed_count(read), 2, "both signatures are read");
	is_str(signed_content(read, &len), text, "the document is read");
	signed_free(read);
	signed_free(d);
	alter(&pem, "7200", "7201");
	if (signed_parse(pem, strlen(pem), &d, &err))
		bail("%s", err.text);
	is_int(signed_add(d, z.chain, z.pair.key, &err), -EKEYREJECTED,
	       "an altered document is not signed: %s", err.text);
	is_int(signed_count(d), 2, "no signature was added");
	signed_free(d);
	refuses(pem, -EPERM, "0 of 2 signatures", "an altered document");
	free_admin(&ed);
	stop_quorum();
}

/* Step into an element, or behind it. */
static const uint8_t *step(const uint8_t *p, const uint8_t *end, bool into)
{
	int tag, class;
	long len;

	if (ASN1_get_object(&p, &len, &tag, &class, end - p) & 0x80)
		bail("DER");
	return into ? p : p + len;
}

/* Put an element with what is at @from to @end in front of @end in @buf. */
static uint8_t *wrap(uint8_t *from, const uint8_t *end, int tag, int class)
{
	size_t len = (size_t)(end - from);
	int size = ASN1_object_size(1, (int)len, tag) - (int)len;
	uint8_t *at = from - size, *p = at;

	ASN1_put_object(&p, 1, (int)len, tag, class);
	return at;
}

/* Return a signed document, which is freed, with @n digest algorithms. */
static char *with_digests(char *pem, size_t n)
{
	static const uint8_t sha256[] = { 0x30, 0x0b, 6,    9, 0x60, 0x86, 0x48,
					  1,	0x65, 0x03, 4, 2,    1 };
	static uint8_t buf[32768];
	const uint8_t *type, *inner, *version, *set, *rest, *end;
	uint8_t *der, *last = buf + sizeof(buf), *at = last;
	BIO *bio = BIO_new_mem_buf(pem, -1);
	char *text;
	long len;

	if (!PEM_bytes_read_bio(&der, &len, NULL, "CMS", bio, NULL, NULL))
		bail("CMS");
	BIO_free(bio);
	secret_free(pem);
	end = der + len;
	type = step(der, end, true);
	inner = step(type, end, false);
	version = step(step(inner, end, true), end, true);
	set = step(version, end, false);
	rest = step(set, end, false);
	at -= end - rest;
	memcpy(at, rest, (size_t)(end - rest));
	rest = at;
	while (n--) {
		at -= sizeof(sha256);
		memcpy(at, sha256, sizeof(sha256));
	}
	at = wrap(at, rest, V_ASN1_SET, V_ASN1_UNIVERSAL);
	at -= set - version;
	memcpy(at, version, (size_t)(set - version));
	at = wrap(at, last, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	at = wrap(at, last, 0, V_ASN1_CONTEXT_SPECIFIC);
	at -= inner - type;
	memcpy(at, type, (size_t)(inner - type));
	at = wrap(at, last, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	OPENSSL_free(der);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio(bio, "CMS", "", at, last - at);
	len = BIO_get_mem_data(bio, &text);
	pem = secret_alloc((size_t)len + 1);
	memcpy(pem, text, (size_t)len);
	BIO_free(bio);
	return pem;
}

/* Time is not spent on a document before somebody known has signed it. */
static void test_costly(void)
{
	struct admin other;
	struct pki_pair ca;
	const char *text;
	char *pem;

	start_quorum(19);
	text = policy_text("video", 1, ALL, "");
	refuses(with_digests(sign_raw(text, &x, &y), SIGNED_DIGESTS + 1),
		-E2BIG, "it lists more than 32 digest algorithms",
		"a document that would be hashed often");
	ca = make_other_ca();
	make_admin(&other, &ca, "y.example", SIG_ECDSA_P256, 300);
	pem = sign_by(text, &other, NULL);
	alter(&pem, "7200", "7201");
	refuses(pem, -EPERM, "\"y.example\": issuer unknown",
		"an altered document of another CA");
	accepts(with_digests(sign_raw(text, &x, &y), SIGNED_DIGESTS),
		"a document with as many digests as it may have");
	free_admin(&other);
	pki_pair_free(&ca);
	stop_quorum();
}

static struct pki_pair make_ca_below(const struct pki_pair *by,
				     const char *name)
{
	struct pki_req req = {
		.kind = PKI_CA,
		.type = SIG_ECDSA_P256,
		.name = name,
		.not_before = s.wall0 - 86400,
		.not_after = s.wall0 + 86400 * 300,
	};
	struct pki_pair ca;

	if (pki_issue(by, &req, &ca, &err))
		bail("%s", err.text);
	return ca;
}

/* Make an administrator whose chain has @n certificates of CAs. */
static void make_admin_below(struct admin *to, const struct pki_pair *by,
			     const char *name, const struct pki_pair *cas,
			     size_t n)
{
	struct cert_der ders[CERT_MAX_CHAIN];
	size_t i;

	make_admin(to, by, name, SIG_ECDSA_P256, 100);
	cert_chain_free(to->chain);
	ders[0] = (struct cert_der){ to->pair.cert, to->pair.cert_len };
	for (i = 0; i < n; i++)
		ders[i + 1] = (struct cert_der){ cas[i].cert, cas[i].cert_len };
	if (cert_chain_from_der(ders, n + 1, &to->chain, &err))
		bail("%s", err.text);
}

/* CA certificates that one administrator brings leave room for those of another. */
static void test_many_cas(void)
{
	struct pki_pair other[CERT_MAX_CHAIN - 1], site;
	struct admin below, many;
	const char *text;
	size_t i;

	start_quorum(20);
	text = policy_text("video", 1, ALL, "");
	for (i = 0; i < ARRAY_SIZE(other); i++) {
		char name[16];

		snprintf(name, sizeof(name), "Other CA %zu", i);
		other[i] = make_ca_below(NULL, name);
	}
	/* The path length of the root does not count CAs that have the same name. */
	site = make_ca_below(&s.ca, "Test CA");
	make_admin_below(&below, &site, "y.example", &site, 1);
	make_admin_below(&many, &s.ca, "x.example", other, ARRAY_SIZE(other));
	accepts(sign_by(text, &many, &below),
		"a document with many certificates of CAs");
	accepts(sign_by(policy_text("video", 2, ALL, ""), &below, &many),
		"the signatures in the other order");
	for (i = 0; i < ARRAY_SIZE(other); i++)
		pki_pair_free(&other[i]);
	pki_pair_free(&site);
	free_admin(&below);
	free_admin(&many);
	stop_quorum();
}

/* Forms of CMS that others have, and this one has not. */
static void test_forms(void)
{
	const char *text;
	BIO *in;

	start_quorum(17);
	text = policy_text("video", 1, ALL, "");
	refuses(sign_as(text, &x, &y, EVP_sha256(), CMS_DETACHED), -EBADMSG,
		"the document is not in it",
		"a signature without the document");
	refuses(sign_as(text, &x, &y, EVP_sha1(), 0), -EPERM,
		"\"y.example\": it is without signed attributes or a digest of SHA-256",
		"a signature of a weak digest");
	refuses(sign_as(text, &x, &y, EVP_sha256(), CMS_NOATTR), -EPERM,
		"\"y.example\": it is without signed attributes",
		"a signature without attributes");
	refuses(sign_as(text, &x, &y, EVP_sha256(), CMS_NOCERTS), -EPERM,
		"not counted: one signature: its certificate is not in the document",
		"a signature without its certificate");
	accepts(sign_as(text, &x, &y, EVP_sha512(), 0),
		"signatures of two good digests");
	in = BIO_new_mem_buf(text, -1);
	refuses(pem_of(CMS_digest_create(in, EVP_sha256(), CMS_BINARY)),
		-EBADMSG, "it is CMS, but not a signed document",
		"a digest of a document");
	BIO_free(in);
	is_int(apply("none", policy_text("none", 2, ALL, "")).ret, -ENOENT,
	       "a document for a group that is not there is refused");
	stop_quorum();
}

/* ---- documents ----------------------------------------------------------- */

static void refuses_text(const char *text, int ret, const char *what,
			 const char *name)
{
	refuses(sign_by(text, &x, &y), ret, what, name);
}

static void test_documents(void)
{
	char text[256];

	start_quorum(6);
	refuses_text(policy_text("video", 5, ALL, ""), -ESTALE,
		     "its version is 5, and version 0 is applied: write it again with version 1",
		     "a first version that is not 1");
	accepts(sign_by(policy_text("video", 1, ALL, ""), &x, &y),
		"the first version");
	refuses_text(policy_text("video", 1, ALL, ""), -ESTALE,
		     "its version is 1, and version 1 is applied",
		     "the same version again");
	refuses_text(policy_text("video", 3, ALL, ""), -ESTALE,
		     "its version is 3, and version 1 is applied: write it again with version 2",
		     "a version that leaves one out");
	refuses_text(policy_text("audio", 2, ALL, ""), -EINVAL,
		     "it is for another group: \"audio\"",
		     "a document for another group");
	refuses_text(policy_text("video", 2, ALL,
				 ",\"key-wrap\":\"kw-128\","
				 "\"kek-algorithm\":\"aes-gcm-16-128\""),
		     -EBUSY, "key-wrap cannot change while mcsecd runs",
		     "a change of what cannot change");
	refuses_text(policy_text("video", 2, ALL, ",\"betaa\":3"), -EINVAL,
		     "no such setting here; there is \"beat\"",
		     "a setting that does not exist");
	refuses_text(policy_text("video", 2, ALL, ",\"beat\":0"), -EINVAL,
		     "0 is not in 1 to 3600", "a value that is too small");
	refuses_text(policy_text("video", 2, ALL, ",\"beat\":1.5"), -EINVAL,
		     "\"beat\" has to be a string, a whole number",
		     "a value of another type");
	refuses_text(policy_text("video", 2, ALL, ",\"name\":\"audio\""),
		     -EINVAL, "\"name\" stands in \"group\"",
		     "a second name of the group");
	refuses_text(policy_text("video", 2, "[]", ",\"receivers\":[]"),
		     -EINVAL, "not a JSON object: duplicate",
		     "a setting that is there twice");
	refuses_text("{\"mcsec-policy\":2}", -EINVAL,
		     "neither \"mcsec-policy\" nor \"mcsec-order\" is 1",
		     "a newer form");
	snprintf(text, sizeof(text),
		 "{\"mcsec-policy\":1,\"group\":\"video\",\"version\":2,\"settings\":{},\"not-before\":1}");
	refuses_text(text, -EINVAL,
		     "\"not-before\" is not known in mcsec-policy",
		     "a condition that is not known");
	refuses_text("[]", -EINVAL, "not a JSON object", "another value");
	refuses(secret_dup("hello", 6), -EBADMSG, "no signed document",
		"a text that is no document");
	is_int(apply("audio", "{}").ret, -EINVAL,
	       "an object without anything is refused");
	stop_quorum();
}

/* Return @text for another key server, or with "" for none. */
static const char *for_server(const char *text, const char *server)
{
	const char *at = strstr(text, KEY_SERVER);
	static char other[2048];

	if (!at)
		bail("%s", text);
	snprintf(other, sizeof(other), "%.*s%s%s%s%s", (int)(at - text), text,
		 *server ? "\"key-server\":\"" : "", server,
		 *server ? "\"," : "", at + strlen(KEY_SERVER));
	return other;
}

/* Two key servers may have the same administrators, CA and groups. */
static void test_servers(void)
{
	const char *text;

	with_orders = true;
	start_quorum(21);
	text = policy_text("video", 1, NOT_B, "");
	refuses_text(for_server(text, "two.example"), -EINVAL,
		     "it is for the key server \"two.example\", and this one is \"gcks.example\"",
		     "a policy for another key server");
	refuses_text(for_server(text, ""), -EINVAL,
		     "it names no key server, as documents of an earlier release: write it again",
		     "a policy that names no key server");
	refuses_text(for_server(text, "a\\u000ab"), -EINVAL,
		     "\"key-server\" has to be a text of 1 to 599 octets without control characters",
		     "a policy whose key server has a line break");
	text = order_text("evict", 1, "b.example", 60, "");
	refuses_text(for_server(text, "two.example"), -EINVAL,
		     "it is for the key server \"two.example\", and this one is \"gcks.example\"",
		     "an order for another key server");
	refuses_text(for_server(text, ""), -EINVAL, "it names no key server",
		     "an order that names no key server");
	accepts(sign_by(for_server(text, "GCKS.example"), &x, &y),
		"an order for this one, in other letters");
	stop_quorum();
	with_orders = false;
}

/* The store may have a document of an earlier release, which named no key server. */
static void test_earlier_store(void)
{
	char *pem;
	struct applied a = { .version = 1, .time = 1, .signers = "x.example" };

	start_quorum(22);
	pem = sign_by(for_server(policy_text("video", 1, NOT_B, ""), ""), &x,
		      &y);
	a.signed_doc = pem;
	if (store_begin(s.store) || applied_put(s.store, "video", &a) ||
	    store_commit(s.store))
		bail("store");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	ok(!sim_has_member(&s, "b.example"),
	   "a policy of an earlier release is in force after a start");
	accepts(sign_by(policy_text("video", 2, ALL, ""), &x, &y),
		"the next version");
	secret_free(pem);
	stop_quorum();
}

/* A document that was signed for later, and not used, gives no right back. */
static void test_withheld(void)
{
	char *kept;

	start_quorum(18);
	kept = sign_by(policy_text("video", 9, ALL, ""), &x, &y);
	accepts(sign_by(policy_text("video", 1, ALL, ""), &x, &y),
		"a document with b.example");
	accepts(sign_by(policy_text("video", 2, NOT_B, ""), &x, &z),
		"a document without b.example");
	refuses(kept, -ESTALE,
		"its version is 9, and version 2 is applied: write it again with version 3",
		"a document that was kept back");
	sim_run(&s, 5000);
	ok(!sim_has_member(&s, "b.example"), "b.example stays out");
	stop_quorum();
}

/* ---- effect -------------------------------------------------------------- */

#define LINES_LEN 32768

static void add_line(void *arg, const char *line)
{
	size_t n = strlen(arg);

	snprintf((char *)arg + n, LINES_LEN - n, "%s\n", line);
}

/* Write what the key server tells of @text, which nobody has to have signed. */
static void list_changes(const char *text, char lines[static LINES_LEN])
{
	struct quorum_verdict *v =
		quorum_check(s.gcks, "video", text, strlen(text));

	lines[0] = '\0';
	if (!v || !v->doc)
		bail("%s", v ? v->refusal.text : "no memory");
	quorum_list_changes(s.gcks, v, add_line, lines);
	quorum_free(v);
}

/* Nobody comes in, or goes, whom the check does not name. */
static void test_names(void)
{
	static char lines[LINES_LEN], many[8192], text[16384];
	unsigned int i, missing = 0;
	char name[64];
	size_t n;

	start_quorum(23);
	n = (size_t)snprintf(many, sizeof(many),
			     "[\"z\\u202e\\\"evil.example\"");
	for (i = 0; i < 100; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n,
				      ",\"a-rather-long-name-%02u.example\"",
				      i);
	snprintf(many + n, sizeof(many) - n, "]");
	snprintf(text, sizeof(text),
		 "{\"mcsec-policy\":1," KEY_SERVER
		 "\"group\":\"video\",\"version\":1,\"settings\":{"
		 "\"address\":\"239.1.1.1\",\"rekey-address\":\"239.1.1.254\","
		 "\"receivers\":%s}}",
		 many);
	list_changes(text, lines);
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name),
			 "receivers: with \"a-rather-long-name-%02u.example\"\n",
			 i);
		missing += !strstr(lines, name);
	}
	is_int(missing, 0, "the check names each of 100 that come in");
	ok(strstr(lines,
		  "receivers: with \"z\\xe2\\x80\\xae\\x22evil.example\"\n"),
	   "a name is told as it is, with no other order of letters");
	ok(strstr(lines, "receivers: without \"*.example\"\n"),
	   "the check names the pattern that goes");
	ok(strstr(lines, "senders: without \"s2.example\"\n"),
	   "the check names who may not send any more");
	refuses(sign_by(policy_text("video", 1, "[\"\\u009b1A.example\"]", ""),
			&x, &y),
		-EINVAL, "receivers[0]: has a control character",
		"a name that some terminals obey");
	stop_quorum();
}

static void test_effect(void)
{
	static char lines[LINES_LEN];
	const char *text;

	start_quorum(7);
	text = policy_text("video", 1, NOT_B, "");
	list_changes(text, lines);
	ok(strstr(lines, "group video: \"b.example\" is evicted"),
	   "the check tells who would be evicted");
	ok(sim_has_member(&s, "b.example"), "a check evicts nobody");
	accepts(sign_by(text, &x, &y), "a document without b.example");
	sim_run(&s, 5000);
	ok(!sim_has_member(&s, "b.example"), "b.example is out");
	ok(sim_has_member(&s, "a.example"), "a.example is a member still");
	is_int(reload(), 0, "a reload of the file: %s", why);
	sim_run(&s, 60000);
	ok(!sim_has_member(&s, "b.example"),
	   "a reload of the file does not let b.example in");
	ok(sim_logged(&s, "signed policy in force: version 1"),
	   "the log says that the file is not in force");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	ok(!sim_has_member(&s, "b.example"),
	   "a restart does not let b.example in");
	accepts(sign_by(policy_text("video", 2, ALL, ""), &z, &y),
		"a document with b.example");
	sim_run(&s, 1200000);
	ok(sim_has_member(&s, "b.example"), "b.example is a member again");
	groups[0].receivers.v = without_b;
	groups[0].receivers.n = ARRAY_SIZE(without_b);
	is_int(reload(), 0, "a file without b.example is read: %s", why);
	sim_run(&s, 5000);
	ok(sim_has_member(&s, "b.example"),
	   "the file does not put b.example out");
	stop_quorum();
}

/* Return a policy of the group "video" with another address. */
static const char *moved_text(unsigned int version, const char *address)
{
	static char text[2048];
	char *at;

	snprintf(text, sizeof(text), "%s",
		 policy_text("video", version, ALL, ""));
	at = strstr(text, "239.1.1.1\"");
	memcpy(at, address, strlen(address));
	return text;
}

/* Groups of the file and of documents must not select the same datagrams. */
static void test_beside(void)
{
	start_quorum(16);
	next.n_groups = 2;
	is_int(reload(), 0, "a second group: %s", why);
	sim_run(&s, 5000);
	refuses(sign_by(moved_text(1, "239.1.1.2"), &x, &y), -EINVAL,
		"gcks.groups.audio.address", "the address of another group");
	accepts(sign_by(moved_text(1, "239.1.1.7"), &x, &y), "another address");
	sim_run(&s, 5000);
	addr_parse("239.1.1.7", &groups[1].sel.dst);
	is_int(reload(), -EINVAL, "a file with that address is refused: %s",
	       why);
	ok(strstr(why, "gcks.groups.audio.address"),
	   "the group is named that clashes");
	addr_parse("239.1.1.1", &groups[1].sel.dst);
	is_int(reload(), 0, "the former address is free: %s", why);
	stop_quorum();
}

/* A store that takes no document leaves the policy, and one that does decides. */
static const char *beside_text(const char *group, const char *rekey_address,
			       const char *receivers)
{
	static char text[1024];

	snprintf(text, sizeof(text),
		 "{\"mcsec-policy\":1," KEY_SERVER
		 "\"group\":\"%s\",\"version\":1,"
		 "\"settings\":{\"address\":\"239.1.1.7\","
		 "\"rekey-address\":\"%s\",\"senders\":[\"s.example\","
		 "\"s2.example\",\"s3.example\",\"*.send.example\"],"
		 "\"receivers\":%s,\"lifetime\":7200,\"kek-lifetime\":14400}}",
		 group, rekey_address, receivers);
	return text;
}

/* A policy that is stored has its address, also while its group still has another. */
static void test_beside_stored(bool fails)
{
	struct answer moved = { 0 }, other;
	char *video, *audio, address[ADDR_STRLEN];
	const struct group *g;

	start_quorum(9);
	next.n_groups = 2;
	is_int(reload(), 0, "a second group beside: %s", why);
	sim_run(&s, 5000);
	video = sign_by(beside_text("video", "239.1.1.254", NOT_B), &x, &y);
	audio = sign_by(beside_text("audio", "239.1.1.253", ALL), &x, &y);
	quorum_apply(s.gcks, "video", video, strlen(video), take, &moved);
	sim_run(&s, 10);
	ok(!moved.done, "a group moves when whom it drops is out");
	if (fails) {
		s.store_errno = -ENOSPC;
		while (!moved.done)
			sim_run(&s, 10);
		is_int(moved.ret, -EINPROGRESS, "the store fails: %s",
		       moved.why);
		s.store_errno = 0;
		sim_run(&s, 600000);
	}
	other = apply("audio", audio);
	is_int(other.ret, -EINVAL, "another group does not get its address");
	ok(strstr(other.why,
		  "beside signed policies that are stored and not in force yet: ") &&
		   strstr(other.why, ": another group has it: "),
	   "the reason is the stored policy: %s", other.why);
	sim_run(&s, 20000);
	is_int(reload(), 0, "the file can be read again: %s", why);
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 20000);
	g = group_find(s.gcks, "video", strlen("video"));
	is_str(addr_str(&g->conf->sel.dst, address), "239.1.1.7",
	       "the key server starts again, and the group has moved");
	secret_free(video);
	secret_free(audio);
	stop_quorum();
}

static void test_store(void)
{
	char *pem;

	start_quorum(15);
	pem = sign_by(policy_text("video", 1, NOT_B, ""), &x, &y);
	s.store_errno = -ENOSPC;
	refuses(secret_dup(pem, strlen(pem) + 1), -ENOSPC,
		"not stored: ", "a document for which there is no room");
	s.store_errno = 0;
	store_set_sink(s.store, &full_trail);
	refuses(secret_dup(pem, strlen(pem) + 1), -EIO,
		"not stored: the trail is full",
		"a document of which there can be no line");
	store_set_sink(s.store, NULL);
	sim_run(&s, 5000);
	ok(sim_has_member(&s, "b.example"), "b.example is a member still");
	apply_and_die(pem, SIM_BEFORE_COMMIT,
		      "the key server dies before the document is stored");
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	is_int(kept_versions(), 0, "the document is not stored");
	ok(sim_has_member(&s, "b.example"), "no half a policy is in force");
	apply_and_die(pem, SIM_AFTER_COMMIT,
		      "the key server dies before the policy changes");
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	is_int(kept_versions(), 1, "the document is stored");
	ok(!sim_has_member(&s, "b.example"), "the next start goes on with it");
	secret_free(pem);
	stop_quorum();
}

static int first_version(void *arg, const struct applied *v)
{
	*(uint64_t *)arg = v->version;
	return 1;
}

static void test_kept(void)
{
	uint64_t first = 0;
	unsigned int i;

	start_quorum(8);
	for (i = 1; i <= APPLIED_KEPT + 2; i++) {
		char *pem = sign_by(policy_text("video", i, ALL, ""), &x, &y);

		if (apply("video", pem).ret)
			bail("version %u", i);
		secret_free(pem);
	}
	is_int(kept_versions(), APPLIED_KEPT, "the last versions are kept");
	quorum_history(s.gcks, "video", first_version, &first);
	is_int(first, 3, "the oldest versions are removed");
	stop_quorum();
}

static void test_without(void)
{
	struct answer w;
	char *pem;

	start_quorum(9);
	pem = sign_by(policy_text("video", 1, NOT_B, ""), &x, &y);
	s.conf.quorum.needed = 0;
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	w = apply("video", pem);
	is_int(w.ret, -EOPNOTSUPP, "no quorum, no document: %s", w.why);
	ok(sim_has_member(&s, "b.example"), "the file is the policy");
	secret_free(pem);
	stop_quorum();
}

int main(void)
{
	RUN(test_quorum);
	RUN(test_strangers);
	RUN(test_revoked);
	RUN(test_twice);
	RUN(test_signing);
	RUN(test_costly);
	RUN(test_many_cas);
	RUN(test_forms);
	RUN(test_documents);
	RUN(test_servers);
	RUN(test_earlier_store);
	RUN(test_withheld);
	RUN(test_names);
	RUN(test_effect);
	RUN(test_beside);
	RUN(test_beside_stored, false);
	RUN(test_beside_stored, true);
	RUN(test_store);
	RUN(test_kept);
	RUN(test_without);
	return done();
}
