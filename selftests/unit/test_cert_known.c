// SPDX-License-Identifier: Apache-2.0
/*
 * Certificates of members that were verified before: what is recalled is what was
 * verified, while it is valid, and nothing else is recalled.
 */
#include "certs.h"

#include "crypto/certknown.h"

static struct pki_pair ca;

static bool recall(const struct trust *t, const struct pki_pair *p, time_t now,
		   struct cert **out)
{
	struct cert_der der = { p->cert, p->cert_len };

	return cert_recall(t, &der, 1, now, out);
}

static bool known(const struct pki_pair *p, time_t now)
{
	struct cert *c;

	if (!recall(trust, p, now, &c))
		return false;
	cert_free(c);
	return true;
}

/* Verify a certificate, and let it be recalled. */
static struct cert *remember(const struct pki_pair *p)
{
	struct cert_der der = { p->cert, p->cert_len };
	struct cert *c;

	if (cert_verify(trust, &der, 1, NOW, CERT_FOR_MEMBER, &c, &err))
		bail("%s", err.text);
	cert_remember(trust, &der, 1, c);
	return c;
}

static bool same_key(const struct cert *a, const struct cert *b)
{
	struct sigpub *x, *y;
	bool same;

	if (cert_pubkey(a, &x) || cert_pubkey(b, &y))
		bail("no key");
	same = sigpub_equal(x, y);
	sigpub_free(x);
	sigpub_free(y);
	return same;
}

static void test_same(enum sig_type type)
{
	static const char *const dns[] = { "A.example", "alias.example", NULL };
	struct pki_req req = request(PKI_MEMBER, "a");
	const struct cert_refs *x, *y;
	struct cert *full, *c;
	struct pki_pair p;
	char text[64];

	req.type = type;
	req.dns = dns;
	p = issue(&ca, &req);
	ok(!known(&p, NOW), "%s: a certificate is not known at first",
	   sig_type_str(type));
	full = remember(&p);
	if (!recall(trust, &p, NOW, &c))
		bail("it is not recalled");
	ok(same_key(full, c), "%s: the same key", sig_type_str(type));
	x = cert_refs_of(full);
	y = cert_refs_of(c);
	ok(x->n == 1 && y->n == 1 && cert_refs_cover(x, y),
	   "%s: the same reference", sig_type_str(type));
	is_int(cert_ends(c), cert_ends(full), "%s: the same end",
	       sig_type_str(type));
	ok(cert_known_as(c, IKE_ID_FQDN, "a.EXAMPLE", 9) &&
		   cert_match_id(c, IKE_ID_FQDN, "a.example", 9),
	   "%s: the same identity", sig_type_str(type));
	ok(!cert_known_as(c, IKE_ID_FQDN, "alias.example", 13) &&
		   !cert_match_id(c, IKE_ID_FQDN, "alias.example", 13) &&
		   !cert_known_as(c, IKE_ID_RFC822_ADDR, "A.example", 9),
	   "%s: no other identity", sig_type_str(type));
	is_str(cert_subject(c, text, sizeof(text)), "(no subject)",
	       "%s: no subject", sig_type_str(type));
	is_int(cert_check_revoked(trust, c, NOW, &err), 0,
	       "%s: not revoked, without lists", sig_type_str(type));
	cert_free(c);
	cert_free(full);
	pki_pair_free(&p);
}

static void test_time(void)
{
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair p;

	req.not_before = NOW - 100;
	req.not_after = NOW + 100;
	p = issue(&ca, &req);
	cert_free(remember(&p));
	ok(known(&p, NOW), "the certificate is known");
	ok(known(&p, NOW + 100),
	   "the certificate is known in its last second, too");
	ok(!known(&p, NOW + 101), "a certificate that has ended is not known");
	ok(known(&p, NOW - 100),
	   "the certificate is known in its first second");
	ok(!known(&p, NOW - 101),
	   "a certificate that has not begun is not known");
	pki_pair_free(&p);
	/* The authority's certificate ends before. */
	req.not_after = NOW + 3 * YEAR;
	p = issue(&ca, &req);
	cert_free(remember(&p));
	ok(known(&p, NOW + YEAR) && !known(&p, NOW + YEAR + 1),
	   "a chain is known as long as all of it is valid");
	pki_pair_free(&p);
}

static void test_others(void)
{
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair a = issue(&ca, &req), b = issue(&ca, &req);
	struct cert_der two[2] = { { a.cert, a.cert_len },
				   { b.cert, b.cert_len } };
	struct trust *other = trust_in(&ca);
	struct cert *c;

	cert_free(remember(&a));
	ok(known(&a, NOW), "one certificate is known");
	ok(!known(&b, NOW), "another one of the same name is not");
	a.cert[a.cert_len - 1] ^= 1;
	ok(!known(&a, NOW), "another signature of it is not");
	a.cert[a.cert_len - 1] ^= 1;
	ok(!cert_recall(trust, two, 2, NOW, &c),
	   "the chain with a further one is not");
	ok(!recall(other, &a, NOW, &c), "other trust knows nothing of it");
	trust_free(other);
	pki_pair_free(&a);
	pki_pair_free(&b);
}

/* Lists are judged with the certificates, which are not kept. */
static void test_lists(void)
{
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct pki_pair p = issue(&ca, &req);

	cert_free(remember(&p));
	ok(known(&p, NOW), "known without lists");
	trust_set_crls(trust, (const struct crls *)&p);
	ok(!known(&p, NOW), "unknown while there are lists");
	trust_set_crls(trust, NULL);
	ok(known(&p, NOW), "known again without them");
	pki_pair_free(&p);
}

/* ---- the table ------------------------------------------------------------ */

static void add_number(struct known *k, uint32_t i)
{
	struct known_cert *c = known_cert_new(1, 1);

	if (!c)
		bail("no memory");
	c->digest[0] = i >> 16;
	c->digest[1] = i >> 8;
	c->digest[2] = i;
	c->begins = NOW;
	c->ends = NOW;
	known_add(k, c);
}

static bool has_number(struct known *k, uint32_t i)
{
	uint8_t digest[HASH_SHA256_LEN] = { i >> 16, i >> 8, i };
	struct known_cert *c = known_get(k, digest, NOW);

	if (c)
		known_put(c);
	return c;
}

static void test_limit(void)
{
	struct known *k = known_new();
	uint8_t digest[HASH_SHA256_LEN] = { 0, 0, 2 };
	struct known_cert *held;
	uint32_t i;

	for (i = 0; i < KNOWN_MAX; i++)
		add_number(k, i);
	ok(has_number(k, 0), "the full number is known");
	add_number(k, KNOWN_MAX);
	ok(has_number(k, KNOWN_MAX) && has_number(k, 0),
	   "one more is known, and the one that was used last");
	ok(!has_number(k, 1), "in place of the one that was not used longest");
	held = known_get(k, digest, NOW);
	add_number(k, 2);
	ok(has_number(k, 2), "the same again is known");
	known_free(k);
	is_int(held->ends, NOW, "one that is in use outlives the table");
	known_put(held);
}

int main(void)
{
	struct pki_req req = request(PKI_CA, "test CA");

	ca = issue(NULL, &req);
	trust = trust_in(&ca);
	RUN(test_same, SIG_ED25519);
	RUN(test_same, SIG_ECDSA_P256);
	RUN(test_time);
	RUN(test_others);
	RUN(test_lists);
	RUN(test_limit);
	trust_free(trust);
	pki_pair_free(&ca);
	return done();
}
