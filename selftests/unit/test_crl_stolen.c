// SPDX-License-Identifier: Apache-2.0
/*
 * The CA above has revoked one of two certificates of a CA, since its key was stolen.
 * Lists by that key tell nothing about what the other key has issued.
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
	rmdir(dir);
	return done();
}
