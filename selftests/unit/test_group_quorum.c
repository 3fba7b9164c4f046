// SPDX-License-Identifier: Apache-2.0
/*
 * Policies that two of three administrators have to sign: what the key server
 * refuses, and that what it has applied survives reloads and restarts.
 */
#include "crls.h"
#include "ctl/ctl.h"
#include "gcks/applied.h"
#include "gcks/quorum.h"
#include "lib/secret.h"
#include "policy_sim.h"

#include <openssl/cms.h>

#define ALL "[\"*.example\"]"
#define NOT_B "[\"s.example\",\"a.example\",\"c.example\"]"

static struct err err;

struct admin {
	struct pki_pair pair;
	struct cert_chain *chain;
};

static struct admin x, y, z;
static char *admins[] = { (char *)"x.example", (char *)"y.example",
			  (char *)"z.example" };

static bool with_orders;

static void make_admin(struct admin *to, const struct pki_pair *ca,
		       const char *name, enum sig_type type, int64_t days)
{
	struct pki_req req = {
		.kind = PKI_MEMBER,
		.type = type,
		.name = name,
		.not_before = s.wall0 - 86400 / 2,
		.not_after = s.wall0 + 86400 * days - 3600,
	};
	struct cert_der der;

	if (pki_issue(ca, &req, &to->pair, &err))
		bail("%s: %s", name, err.text);
	der = (struct cert_der){ to->pair.cert, to->pair.cert_len };
	if (cert_chain_from_der(&der, 1, &to->chain, &err))
		bail("%s: %s", name, err.text);
}

static void free_admin(struct admin *which)
{
	cert_chain_free(which->chain);
	pki_pair_free(&which->pair);
}

static void start_quorum(uint64_t seed)
{
	usual(seed);
	sim_gcks_down(&s);
	next.quorum = (struct conf_quorum){ .admins = { .v = admins, .n = 3 },
					    .needed = 2,
					    .orders = with_orders,
					    .confirm_within = 3600 };
	s.conf.quorum = next.quorum;
	sim_gcks_up(&s);
	sim_run(&s, 5000);
	make_admin(&x, &s.ca, "x.example", SIG_ECDSA_P256, 300);
	make_admin(&y, &s.ca, "y.example", SIG_ECDSA_P384, 300);
	make_admin(&z, &s.ca, "z.example", SIG_ECDSA_P256, 300);
}

static void stop_quorum(void)
{
	free_admin(&x);
	free_admin(&y);
	free_admin(&z);
	sim_free(&s);
}

/* Return the policy that the group has, with these receivers and more settings. */
static const char *policy_text(const char *group, unsigned int version,
			       const char *receivers, const char *more)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		 "{\"mcsec-policy\":1,\"group\":\"%s\",\"version\":%u,"
		 "\"settings\":{\"address\":\"239.1.1.1\","
		 "\"rekey-address\":\"239.1.1.254\",\"senders\":[\"s.example\","
		 "\"s2.example\",\"s3.example\",\"*.send.example\"],"
		 "\"receivers\":%s,\"lifetime\":7200,\"kek-lifetime\":14400%s}}",
		 group, version, receivers, more);
	return text;
}

/* Sign @text by one or two; the result is freed by secret_free(). */
static char *sign_by(const char *text, const struct admin *first,
		     const struct admin *second)
{
	struct signed_doc *d;
	char *pem;
	size_t len;

	if (signed_new(text, strlen(text), &d, &err) ||
	    signed_add(d, first->chain, first->pair.key, &err) ||
	    (second && signed_add(d, second->chain, second->pair.key, &err)) ||
	    signed_pem(d, &pem, &len))
		bail("sign: %s", err.text);
	signed_free(d);
	return pem;
}

static void add_raw(CMS_ContentInfo *cms, const struct admin *by)
{
	const unsigned char *p = by->pair.cert;
	X509 *cert = d2i_X509(NULL, &p, (long)by->pair.cert_len);
	EVP_PKEY *key = crl_key(&by->pair);

	if (!CMS_add1_signer(cms, cert, key, EVP_sha256(), CMS_BINARY))
		bail("a signer");
	EVP_PKEY_free(key);
	X509_free(cert);
}

/* Sign as a tool would do that looks at nothing. */
static char *sign_raw(const char *text, const struct admin *first,
		      const struct admin *second)
{
	BIO *in = BIO_new_mem_buf(text, -1), *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms =
		CMS_sign(NULL, NULL, NULL, in, CMS_BINARY | CMS_PARTIAL);
	char *p, *pem;
	long n;

	add_raw(cms, first);
	add_raw(cms, second);
	if (!CMS_final(cms, in, NULL, CMS_BINARY) ||
	    !PEM_write_bio_CMS(out, cms))
		bail("CMS");
	n = BIO_get_mem_data(out, &p);
	pem = secret_alloc((size_t)n + 1);
	memcpy(pem, p, (size_t)n);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
	return pem;
}

static struct answer apply(const char *group, const char *text)
{
	struct answer w = { 0 };

	quorum_apply(s.gcks, group, text, strlen(text), take, &w);
	while (!w.done)
		sim_run(&s, 1);
	return w;
}

static int count_version(void *arg, const struct applied *v)
{
	(void)v;
	++*(int *)arg;
	return 0;
}

static int kept_versions(void)
{
	int n = 0;

	if (quorum_history(s.gcks, "video", count_version, &n))
		bail("history");
	return n;
}

/* Nothing may change, and the reason has to say @what. @pem is freed. */
static void refuses(char *pem, int ret, const char *what, const char *name)
{
	uint64_t version = sim_group(&s).policy_version;
	int n = kept_versions();
	struct answer w = apply("video", pem);

	is_int(w.ret, ret, "%s is refused", name);
	ok(strstr(w.why, what), "%s: the reason is given: %s", name, w.why);
	is_int(sim_group(&s).policy_version, version,
	       "%s: the policy is the same", name);
	is_int(kept_versions(), n, "%s: no version is stored", name);
	secret_free(pem);
}

static void accepts(char *pem, const char *name)
{
	struct answer w = apply("video", pem);

	is_int(w.ret, 0, "%s is applied: %s", name, w.why);
	secret_free(pem);
}

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
		"not counted: \"w.example\" is no administrator of this key server",
		"the signature of a member that is no administrator");
	refuses(sign_by(text, &x, &old), -EPERM,
		"not counted: \"y.example\" certificate has expired",
		"the signature of an expired certificate");
	refuses(sign_by(text, &x, &other), -EPERM,
		"1 of 2 signatures that are needed; not signed by y.example, z.example; not counted: \"y.example\" ",
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
		"not counted: \"y.example\" ",
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
		"example\" has signed before, and counts once",
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
		"example\" has signed before, and counts once",
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
	BIO *in = BIO_new_mem_buf(*pem, -1), *out = BIO_new(BIO_s_mem());
	CMS_ContentInfo *cms = PEM_read_bio_CMS(in, NULL, NULL, NULL);
	ASN1_OCTET_STRING *content = *CMS_get0_content(cms);
	char *text = strndup((const char *)ASN1_STRING_get0_data(content),
			     (size_t)ASN1_STRING_length(content));
	char *at = strstr(text, from), *p;
	long n;

	memcpy(at, to, strlen(to));
	ASN1_STRING_set(content, text, (int)strlen(text));
	if (!PEM_write_bio_CMS(out, cms))
		bail("CMS");
	n = BIO_get_mem_data(out, &p);
	secret_free(*pem);
	*pem = secret_alloc((size_t)n + 1);
	memcpy(*pem, p, (size_t)n);
	free(text);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	BIO_free(out);
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
	accepts(sign_by(policy_text("video", 5, ALL, ""), &x, &y),
		"the first version may be any");
	refuses_text(policy_text("video", 5, ALL, ""), -ESTALE,
		     "its version is 5, and version 5 is applied",
		     "the same version again");
	refuses_text(policy_text("video", 4, ALL, ""), -ESTALE,
		     "its version is 4, and version 5 is applied",
		     "an older version");
	refuses_text(policy_text("audio", 6, ALL, ""), -EINVAL,
		     "it is for another group: \"audio\"",
		     "a document for another group");
	refuses_text(policy_text("video", 6, ALL,
				 ",\"key-wrap\":\"kw-128\","
				 "\"kek-algorithm\":\"aes-gcm-16-128\""),
		     -EBUSY, "key-wrap cannot change while mcsecd runs",
		     "a change of what cannot change");
	refuses_text(policy_text("video", 6, ALL, ",\"betaa\":3"), -EINVAL,
		     "no such setting here; there is \"beat\"",
		     "a setting that does not exist");
	refuses_text(policy_text("video", 6, ALL, ",\"beat\":0"), -EINVAL,
		     "0 is not in 1 to 3600", "a value that is too small");
	refuses_text(policy_text("video", 6, ALL, ",\"beat\":1.5"), -EINVAL,
		     "\"beat\" has to be a string, a whole number",
		     "a value of another type");
	refuses_text(policy_text("video", 6, ALL, ",\"name\":\"audio\""),
		     -EINVAL, "\"name\" stands in \"group\"",
		     "a second name of the group");
	refuses_text(policy_text("video", 6, "[]", ",\"receivers\":[]"),
		     -EINVAL, "not a JSON object: duplicate",
		     "a setting that is there twice");
	refuses_text("{\"mcsec-policy\":2}", -EINVAL,
		     "neither \"mcsec-policy\" nor \"mcsec-order\" is 1",
		     "a newer form");
	snprintf(text, sizeof(text),
		 "{\"mcsec-policy\":1,\"group\":\"video\",\"version\":6,\"settings\":{},\"not-before\":1}");
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

/* ---- effect -------------------------------------------------------------- */

static void add_line(void *arg, const char *line)
{
	size_t n = strlen(arg);

	snprintf((char *)arg + n, 1024 - n, "%s\n", line);
}

static void ignore_answer(void *arg, int ret, uint32_t effective_ms,
			  const char *reason)
{
	(void)arg;
	(void)ret;
	(void)effective_ms;
	(void)reason;
}

static void test_effect(void)
{
	struct quorum_verdict *v;
	char lines[1024] = "";
	const char *text;

	start_quorum(7);
	text = policy_text("video", 1, NOT_B, "");
	v = quorum_judge(s.gcks, "video", text, strlen(text));
	quorum_tell(s.gcks, v, add_line, lines);
	quorum_free(v);
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
static void test_store(void)
{
	char *pem;

	start_quorum(15);
	pem = sign_by(policy_text("video", 1, NOT_B, ""), &x, &y);
	s.store_errno = -ENOSPC;
	refuses(secret_dup(pem, strlen(pem) + 1), -ENOSPC,
		"not stored: ", "a document for which there is no room");
	s.store_errno = 0;
	sim_run(&s, 5000);
	ok(sim_has_member(&s, "b.example"), "b.example is a member still");
	s.crash = SIM_BEFORE_COMMIT;
	s.crash_in = 0;
	quorum_apply(s.gcks, "video", pem, strlen(pem), ignore_answer, NULL);
	ok(s.crashed, "the key server dies before the document is stored");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	is_int(kept_versions(), 0, "the document is not stored");
	ok(sim_has_member(&s, "b.example"), "no half a policy is in force");
	s.crash = SIM_AFTER_COMMIT;
	s.crash_in = 0;
	quorum_apply(s.gcks, "video", pem, strlen(pem), ignore_answer, NULL);
	ok(s.crashed, "the key server dies before the policy changes");
	sim_gcks_down(&s);
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

/* ---- orders -------------------------------------------------------------- */

static const char *order_text(const char *order, unsigned int number,
			      const char *identity, int64_t until_s,
			      const char *more)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "{\"mcsec-order\":1,\"group\":\"video\",\"number\":%u,"
		 "\"order\":\"%s\",\"identity\":\"%s\",\"until\":%lld%s}",
		 number, order, identity,
		 (long long)(s.wall0 + (int64_t)(s.ms / 1000) + until_s), more);
	return text;
}

static int count_waiting(void *arg, const struct signed_order *o)
{
	++*(int *)arg;
	return o->told ? 100 : 0;
}

/* Return the number of evictions that wait, or 100 if one has not been confirmed. */
static int waiting(void)
{
	int n = 0, ret = quorum_waiting(s.gcks, "video", count_waiting, &n);

	return ret ? ret : n;
}

static void test_orders(void)
{
	uint32_t ms;

	with_orders = true;
	start_quorum(10);
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), -EPERM,
	       "nobody evicts without signatures");
	is_str(err.text,
	       "2 administrators have to sign this order (gcks.quorum.orders): see \"mcsecctl policy order\"",
	       "the reason is given that nobody evicts");
	is_int(sim_admit(s.gcks, "video", "b.example", &err), -EPERM,
	       "nobody admits without signatures");
	refuses(sign_by(order_text("evict", 1, "b.example", 60, ""), &x, NULL),
		-EPERM, "1 of 2 signatures that are needed",
		"an order with one signature");
	refuses(sign_by(order_text("evict", 1, "b.example", -1, ""), &x, &y),
		-ETIME, "its time is over", "an order whose time is over");
	refuses(sign_by(order_text("evict", 1, "b.example", 32 * 86400, ""), &x,
			&y),
		-EINVAL, "it is valid for more than 31 days",
		"an order that is valid for long");
	refuses(sign_by(order_text("ban", 1, "b.example", 60, ""), &x, &y),
		-EINVAL, "\"order\" has to be \"evict\" or \"admit\"",
		"an order that does not exist");
	refuses(sign_by(order_text("evict", 1, "", 60, ""), &x, &y), -EINVAL,
		"\"identity\" has to be a text", "an order about nobody");
	refuses(sign_by(order_text("evict", 1, "b.example", 60,
				   ",\"groups\":\"all\""),
			&x, &y),
		-EINVAL, "\"groups\" is not known in mcsec-order",
		"an order with a condition that is not known");
	refuses(sign_by(order_text("admit", 1, "b.example", 60,
				   ",\"emergency\":true"),
			&x, &y),
		-EINVAL, "\"emergency\" is for an eviction alone",
		"an admission in an emergency");
	ok(sim_has_member(&s, "b.example"), "b.example is a member still");
	accepts(sign_by(order_text("evict", 1, "B.example", 60, ""), &x, &y),
		"an order with two signatures");
	sim_run(&s, 5000);
	ok(!sim_has_member(&s, "b.example"),
	   "the order has taken b.example out");
	is_int(waiting(), 0, "nothing waits for confirmation");
	is_int(sim_audited(&s, "order-signed", "b.example",
			   "evict, number 1: signed by x.example, y.example"),
	       1, "the audit trail has the order");
	stop_quorum();
}

static void test_replay(void)
{
	char *evict, *admit;

	with_orders = true;
	start_quorum(11);
	evict = sign_by(order_text("evict", 1, "b.example", 6000, ""), &x, &y);
	admit = sign_by(order_text("admit", 2, "b.example", 6000, ""), &x, &z);
	is_int(apply("video", evict).ret, 0, "an eviction");
	is_int(apply("video", evict).ret, 0,
	       "the eviction again, which is done already");
	is_int(apply("video", admit).ret, 0, "an admission");
	sim_run(&s, 1200000);
	ok(sim_has_member(&s, "b.example"), "b.example is a member again");
	refuses(evict, -ESTALE,
		"its number is 1, and the next order has number 3",
		"the eviction after the admission");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	refuses(sign_by(order_text("evict", 2, "b.example", 60, ""), &x, &y),
		-ESTALE, "its number is 2, and the next order has number 3",
		"another order of the same number, after a restart");
	accepts(sign_by(order_text("evict", 3, "b.example", 60, ""), &x, &y),
		"an eviction with the next number");
	refuses(admit, -ESTALE,
		"its number is 2, and the next order has number 4",
		"the admission after the next eviction");
	stop_quorum();
}

static void take_health(void *arg, char *text)
{
	*(bool *)arg = strstr(text, "\"evictions-unconfirmed\"") &&
		       strstr(text, "stay out: b.example");
	free(text);
}

/* Return true if the key server says that the eviction is not confirmed. */
static bool unhealthy(void)
{
	struct ctl_roles r = { .gcks = s.gcks,
			       .gcks_engine = s.engine,
			       .clock = &s.clock };
	static const char request[] = "{\"cmd\":\"health\"}";
	bool said = false;

	ctl_ask(&r, request, strlen(request), take_health, &said);
	return said;
}

#define EMERGENCY ",\"emergency\":true"

static void test_emergency(void)
{
	char both[512];

	with_orders = true;
	start_quorum(12);
	snprintf(both, sizeof(both), "%s",
		 order_text("evict", 1, "b.example", 6000, EMERGENCY));
	refuses(sign_by(order_text("evict", 9, "b.example", 60, EMERGENCY), &y,
			NULL),
		-ESTALE, "its number is 9, and the next order has number 1",
		"an emergency that would use numbers up");
	accepts(sign_by(both, &y, NULL), "an emergency order of one");
	sim_run(&s, 2000);
	ok(!sim_has_member(&s, "b.example"), "b.example is out at once");
	is_int(waiting(), 1, "the eviction waits for confirmation");
	refuses(sign_by(order_text("evict", 2, "b.example", 60, EMERGENCY), &y,
			NULL),
		-EEXIST, "out by the emergency order 1",
		"a second emergency of the same identity");
	accepts(sign_by(both, &y, NULL), "the same document again");
	is_int(waiting(), 1, "the same document confirms nothing");
	sim_run(&s, 3500 * 1000);
	is_int(waiting(), 1, "the time is not over yet");
	ok(!unhealthy(), "the health has no eviction that waits");
	sim_run(&s, 200 * 1000);
	is_int(waiting(), 100, "the time is over without a confirmation");
	ok(unhealthy(), "the health has the eviction that was not confirmed");
	ok(!sim_has_member(&s, "b.example"), "b.example stays out");
	is_int(sim_log_count(&s, "eviction not confirmed: \"b.example\""), 1,
	       "the log says that it was not confirmed");
	is_int(sim_audited(&s, "unconfirmed", "b.example",
			   "order 1 by y.example"),
	       1, "the audit trail says that it was not confirmed");
	sim_gcks_down(&s);
	sim_gcks_up(&s);
	sim_run(&s, 60000);
	is_int(waiting(), 100, "a restart does not forget that");
	is_int(sim_log_count(&s, "eviction not confirmed: \"b.example\""), 1,
	       "a restart does not repeat the line of the log");
	accepts(sign_by(both, &y, &z), "the same document with two signatures");
	is_int(waiting(), 0, "the eviction is confirmed");
	ok(!unhealthy(), "the health has no confirmed eviction");
	is_int(sim_audited(&s, "order-confirmed", "b.example",
			   "evict, number 1: signed by y.example, z.example"),
	       1, "the audit trail has the confirmation");
	ok(!sim_has_member(&s, "b.example"), "the confirmed eviction stands");
	stop_quorum();
}

/* An admission that enough have signed ends an eviction that one has ordered. */
static void test_undone(void)
{
	char once[512];
	uint32_t ms;

	with_orders = true;
	start_quorum(13);
	snprintf(once, sizeof(once), "%s",
		 order_text("evict", 1, "b.example", 6000, EMERGENCY));
	accepts(sign_by(once, &y, NULL), "an emergency order of one");
	refuses(sign_by(order_text("admit", 2, "b.example", 60, ""), &y, NULL),
		-EPERM, "1 of 2 signatures",
		"an admission that one has signed");
	accepts(sign_by(order_text("admit", 2, "b.example", 60, ""), &x, &z),
		"an admission that two have signed");
	is_int(waiting(), 0, "nothing is to be confirmed any more");
	refuses(sign_by(once, &y, NULL), -ESTALE,
		"its number is 1, and the next order has number 3",
		"the emergency order after that");
	stop_quorum();
	with_orders = false;
	start_quorum(14);
	refuses(sign_by(once, &x, &y), -EOPNOTSUPP,
		"orders need no signatures here", "an order without orders");
	is_int(sim_evict(s.gcks, "video", "b.example", &ms, &err), 0,
	       "an eviction at the control socket");
	stop_quorum();
}

int main(void)
{
	RUN(test_quorum);
	RUN(test_strangers);
	RUN(test_revoked);
	RUN(test_twice);
	RUN(test_signing);
	RUN(test_documents);
	RUN(test_effect);
	RUN(test_beside);
	RUN(test_store);
	RUN(test_kept);
	RUN(test_without);
	RUN(test_orders);
	RUN(test_replay);
	RUN(test_emergency);
	RUN(test_undone);
	return done();
}
