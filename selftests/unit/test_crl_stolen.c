// SPDX-License-Identifier: Apache-2.0
/*
 * A CA has two keys, and lists by one of them are about what the other one has issued,
 * but not if the CA above has revoked the certificate of that key, since it was stolen.
 */
#include <errno.h>

#include "certs.h"
#include "crls.h"

static struct pki_pair root, stolen, kept, mine;
static char dir[] = "/tmp/mcsec-crl.XXXXXX";
static char above[64], own[64], theirs[64], pem[64], pem2[64];

static struct pki_pair twin(time_t since)
{
	struct pki_req req = request(PKI_CA, "Twin");

	req.not_before = since;
	return issue(&root, &req);
}

/*
 * @later: the key that was stolen is the later one of both. @trusted: both certificates
 * are in identity.ca, as is that of the CA above.
 */
static void set_up(bool later, bool trusted)
{
	struct pki_req req = request(PKI_MEMBER, "a.example");
	struct cert_der ca[3];
	struct crl_spec spec;

	root = make_ca(NULL, "Root", 0);
	stolen = twin(NOW - (later ? 1800 : 3600));
	kept = twin(NOW - (later ? 3600 : 1800));
	mine = issue(&kept, &req);
	ca[0] = (struct cert_der){ root.cert, root.cert_len };
	ca[1] = (struct cert_der){ stolen.cert, stolen.cert_len };
	ca[2] = (struct cert_der){ kept.cert, kept.cert_len };
	if (trust_from_der(ca, trusted ? 3 : 1, &trust, &err))
		bail("%s", err.text);
	spec = crl_week(&root, NOW);
	spec.revokes[0] = &stolen;
	crl_write(above, &spec, false);
	crl_write_cert(pem, &stolen);
	crl_write_cert(pem2, &kept);
}

static void tear_down(void)
{
	unlink(above);
	unlink(own);
	unlink(theirs);
	unlink(pem);
	unlink(pem2);
	trust_free(trust);
	pki_pair_free(&root);
	pki_pair_free(&stolen);
	pki_pair_free(&kept);
	pki_pair_free(&mine);
}

/* Return 0 if the certificate of the member is accepted by the lists there. */
static int judge(enum crl_policy policy, struct err *why, bool *evicted)
{
	struct cert_der der[] = { { mine.cert, mine.cert_len },
				  { kept.cert, kept.cert_len } };
	struct cert *cert;
	struct crls *c;
	int ret;

	err_clear(why);
	if (crls_load(dir, policy, trust, NULL, &c, &err) ||
	    cert_verify(trust, der, 2, NOW, CERT_FOR_MEMBER, &cert, why))
		bail("%s%s", err.text, why->text);
	trust_set_crls(trust, c);
	ret = cert_check_revoked(trust, cert, NOW, why);
	*evicted = crls_revoke(c, cert_refs_of(cert));
	trust_set_crls(trust, NULL);
	cert_free(cert);
	crls_free(c);
	return ret;
}

/* A thief with the key revokes a member of the other one. */
static void test_revokes(bool later, bool trusted)
{
	struct crl_spec spec;
	struct err why;
	bool evicted;

	set_up(later, trusted);
	spec = crl_week(&stolen, NOW);
	spec.number = 99;
	spec.revokes[0] = &mine;
	crl_write(theirs, &spec, false);
	is_int(judge(CRL_RELAXED, &why, &evicted), 0,
	       "the stolen key refuses nobody: %s", why.text);
	ok(!evicted, "the stolen key evicts nobody");
	/* The other key can, and the CA above has not revoked it. */
	spec = crl_week(&kept, NOW);
	spec.revokes[0] = &mine;
	crl_write(own, &spec, false);
	is_int(judge(CRL_RELAXED, &why, &evicted), -EKEYREVOKED,
	       "the other key refuses: %s", why.text);
	ok(evicted, "the other key evicts");
	tear_down();
}

/* A fresh list by the key does not stand for an outdated one of the other. */
static void test_covers(bool trusted)
{
	struct crl_spec spec;
	struct err why;
	bool evicted;

	set_up(true, trusted);
	spec = crl_week(&kept, NOW);
	spec.made = NOW - 8 * DAY;
	spec.next = NOW - DAY;
	crl_write(own, &spec, false);
	spec = crl_week(&stolen, NOW);
	crl_write(theirs, &spec, false);
	is_int(judge(CRL_STRICT, &why, &evicted), -EKEYREJECTED,
	       "strict: a list by the stolen key does not suffice: %s",
	       why.text);
	tear_down();
}

/* ---- a key that was not stolen ------------------------------------------------ */

static bool puts_out(const struct cert_chain *chain)
{
	struct cert_der der[] = { { mine.cert, mine.cert_len },
				  { kept.cert, kept.cert_len } };
	struct err why;
	struct cert *cert;
	struct crls *c;
	bool out;

	if (crls_load(dir, CRL_STRICT, trust, chain, &c, &err) ||
	    cert_verify(trust, der, 2, NOW, CERT_FOR_MEMBER, &cert, &why))
		bail("%s", err.text);
	out = crls_revoke(c, cert_refs_of(cert));
	cert_free(cert);
	crls_free(c);
	return out;
}

/* The certificate of the former key is among the lists, in the own chain or unknown. */
static void test_members(void)
{
	struct pki_req req = request(PKI_GCKS, "k.example");
	struct crl_spec spec;
	struct cert_chain *chain;
	struct cert_der der[2];
	struct pki_pair own_pair;

	set_up(true, false);
	own_pair = issue(&kept, &req);
	der[0] = (struct cert_der){ own_pair.cert, own_pair.cert_len };
	der[1] = (struct cert_der){ kept.cert, kept.cert_len };
	if (cert_chain_from_der(der, 2, &chain, &err))
		bail("%s", err.text);
	unlink(above);
	spec = crl_week(&stolen, NOW);
	spec.revokes[0] = &mine;
	crl_write(theirs, &spec, false);
	ok(puts_out(NULL), "members of a key among the lists are put out");
	unlink(pem2);
	ok(!puts_out(NULL), "members of a key that is not known are not");
	ok(puts_out(chain), "members of a key in the own chain are put out");
	cert_chain_free(chain);
	pki_pair_free(&own_pair);
	tear_down();
}

/* A list of the later key that is for some certificates only does not stand for all. */
static void test_partial(void)
{
	struct crl_spec spec;
	struct err why;
	bool evicted;

	set_up(true, false);
	spec = crl_week(&root, NOW);
	crl_write(above, &spec, false);
	spec = crl_week(&stolen, NOW);
	crl_write(theirs, &spec, false);
	is_int(judge(CRL_STRICT, &why, &evicted), 0,
	       "strict: a complete list of a later key suffices: %s", why.text);
	spec.number = 0;
	spec.nid = NID_issuing_distribution_point;
	spec.value = "critical,onlyuser:TRUE";
	crl_write(theirs, &spec, false);
	is_int(judge(CRL_STRICT, &why, &evicted), -EKEYREJECTED,
	       "strict: a list for members only does not suffice: %s",
	       why.text);
	tear_down();
}

#define CAS 12

/* Each certificate that one of many lists revokes is among the sorted references. */
static void test_many(void)
{
	struct pki_req req = request(PKI_MEMBER, "b.example");
	struct pki_pair ca[CAS], gone[CAS];
	unsigned int i, refused = 0;
	struct cert_der der[2];
	char file[96], name[32];
	struct crl_spec spec;
	struct cert *cert;
	struct err why;
	struct crls *c;

	set_up(true, false);
	for (i = 0; i < CAS; i++) {
		snprintf(name, sizeof(name), "CA %u", i);
		ca[i] = make_ca(&root, name, 0);
		gone[i] = issue(&ca[i], &req);
		spec = crl_week(&ca[i], NOW);
		spec.revokes[0] = &gone[i];
		snprintf(file, sizeof(file), "%s/%u.crl", dir, i);
		crl_write(file, &spec, false);
		snprintf(file, sizeof(file), "%s/%u.pem", dir, i);
		crl_write_cert(file, &ca[i]);
	}
	if (crls_load(dir, CRL_RELAXED, trust, NULL, &c, &err))
		bail("%s", err.text);
	for (i = 0; i < CAS; i++) {
		der[0] = (struct cert_der){ gone[i].cert, gone[i].cert_len };
		der[1] = (struct cert_der){ ca[i].cert, ca[i].cert_len };
		if (cert_verify(trust, der, 2, NOW, CERT_FOR_MEMBER, &cert,
				&why))
			bail("%s", why.text);
		refused += crls_revoke(c, cert_refs_of(cert));
		cert_free(cert);
		snprintf(file, sizeof(file), "%s/%u.crl", dir, i);
		unlink(file);
		snprintf(file, sizeof(file), "%s/%u.pem", dir, i);
		unlink(file);
		pki_pair_free(&ca[i]);
		pki_pair_free(&gone[i]);
	}
	is_int(refused, CAS, "each certificate that a list revokes is found");
	crls_free(c);
	tear_down();
}

int main(void)
{
	if (!mkdtemp(dir))
		bail("mkdtemp");
	snprintf(above, sizeof(above), "%s/root.crl", dir);
	snprintf(own, sizeof(own), "%s/kept.crl", dir);
	snprintf(theirs, sizeof(theirs), "%s/stolen.crl", dir);
	snprintf(pem, sizeof(pem), "%s/stolen.pem", dir);
	snprintf(pem2, sizeof(pem2), "%s/kept.pem", dir);
	RUN(test_revokes, false, false);
	RUN(test_revokes, true, false);
	RUN(test_revokes, true, true);
	RUN(test_covers, false);
	RUN(test_covers, true);
	RUN(test_members);
	RUN(test_partial);
	RUN(test_many);
	rmdir(dir);
	return done();
}
