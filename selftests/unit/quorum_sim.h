/* SPDX-License-Identifier: Apache-2.0 */
/* A key server whose policies and orders two of three administrators have to sign. */
#ifndef QUORUM_SIM_H
#define QUORUM_SIM_H

#include "crls.h"
#include "gcks/applied.h"
#include "gcks/quorum.h"
#include "lib/secret.h"
#include "policy_sim.h"

#include <openssl/cms.h>

#define ALL "[\"*.example\"]"
/* The member that names the simulated key server. */
#define KEY_SERVER "\"key-server\":\"gcks.example\","
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

static inline void make_admin(struct admin *to, const struct pki_pair *ca,
			      const char *name, enum sig_type type,
			      int64_t days)
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

static inline void free_admin(struct admin *which)
{
	cert_chain_free(which->chain);
	pki_pair_free(&which->pair);
}

static inline void start_quorum(uint64_t seed)
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

static inline void stop_quorum(void)
{
	free_admin(&x);
	free_admin(&y);
	free_admin(&z);
	sim_free(&s);
}

/* Return the policy that the group has, with these receivers and more settings. */
static inline const char *policy_text(const char *group, unsigned int version,
				      const char *receivers, const char *more)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		 "{\"mcsec-policy\":1," KEY_SERVER
		 "\"group\":\"%s\",\"version\":%u,"
		 "\"settings\":{\"address\":\"239.1.1.1\","
		 "\"rekey-address\":\"239.1.1.254\",\"senders\":[\"s.example\","
		 "\"s2.example\",\"s3.example\",\"*.send.example\"],"
		 "\"receivers\":%s,\"lifetime\":7200,\"kek-lifetime\":14400%s}}",
		 group, version, receivers, more);
	return text;
}

/* Sign @text by one or two; the result is freed by secret_free(). */
static inline char *sign_by(const char *text, const struct admin *first,
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

static inline void add_raw(CMS_ContentInfo *cms, const struct admin *by,
			   const EVP_MD *md, unsigned int flags)
{
	const unsigned char *p = by->pair.cert;
	X509 *cert = d2i_X509(NULL, &p, (long)by->pair.cert_len);
	EVP_PKEY *key = crl_key(&by->pair);

	if (!CMS_add1_signer(cms, cert, key, md, CMS_BINARY | flags))
		bail("a signer");
	EVP_PKEY_free(key);
	X509_free(cert);
}

/* Write as PEM, to be freed by secret_free(), and free @cms. */
static inline char *pem_of(CMS_ContentInfo *cms)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *p, *pem;
	long n;

	if (!cms || !PEM_write_bio_CMS(out, cms))
		bail("CMS");
	n = BIO_get_mem_data(out, &p);
	pem = secret_alloc((size_t)n + 1);
	memcpy(pem, p, (size_t)n);
	CMS_ContentInfo_free(cms);
	BIO_free(out);
	return pem;
}

/*
 * Sign as a tool would do that looks at nothing. @md and @flags are for the second
 * signature, and CMS_DETACHED is for both.
 */
static inline char *sign_as(const char *text, const struct admin *first,
			    const struct admin *second, const EVP_MD *md,
			    unsigned int flags)
{
	unsigned int form = CMS_BINARY | (flags & CMS_DETACHED);
	BIO *in = BIO_new_mem_buf(text, -1);
	CMS_ContentInfo *cms =
		CMS_sign(NULL, NULL, NULL, in, form | CMS_PARTIAL);

	add_raw(cms, first, EVP_sha256(), 0);
	add_raw(cms, second, md, flags);
	if (!CMS_final(cms, in, NULL, form))
		bail("CMS");
	BIO_free(in);
	return pem_of(cms);
}

static inline char *sign_raw(const char *text, const struct admin *first,
			     const struct admin *second)
{
	return sign_as(text, first, second, EVP_sha256(), 0);
}

static inline struct answer apply(const char *group, const char *text)
{
	struct answer w = { 0 };

	quorum_apply(s.gcks, group, text, strlen(text), take, &w);
	while (!w.done)
		sim_run(&s, 1);
	return w;
}

static inline int count_version(void *arg, const struct applied *v)
{
	(void)v;
	++*(int *)arg;
	return 0;
}

static inline int kept_versions(void)
{
	int n = 0;

	if (quorum_history(s.gcks, "video", count_version, &n))
		bail("history");
	return n;
}

/* Nothing may change, and the reason has to say @what. @pem is freed. */
static inline void refuses(char *pem, int ret, const char *what,
			   const char *name)
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

static inline void accepts(char *pem, const char *name)
{
	struct answer w = apply("video", pem);

	is_int(w.ret, 0, "%s is applied: %s", name, w.why);
	secret_free(pem);
}

static inline void sink_nothing(void *arg, const struct store_audit *a)
{
	(void)arg;
	(void)a;
}

static inline int sink_full(void *arg, struct err *why)
{
	(void)arg;
	return err_set(why, -EIO, "the trail is full");
}

/* With audit-required: no change while the trail cannot be written. */
static const struct store_sink full_trail = { .record = sink_nothing,
					      .ready = sink_full };

static inline void ignore_answer(void *arg, int ret, uint32_t effective_ms,
				 const char *reason)
{
	(void)arg;
	(void)ret;
	(void)effective_ms;
	(void)reason;
}

/* Apply a document to a key server that dies @at a commit, and is down then. */
static inline void apply_and_die(const char *pem, enum sim_crash at,
				 const char *name)
{
	s.crash = at;
	s.crash_in = 0;
	quorum_apply(s.gcks, "video", pem, strlen(pem), ignore_answer, NULL);
	ok(s.crashed, "%s", name);
	sim_gcks_down(&s);
}

#endif
