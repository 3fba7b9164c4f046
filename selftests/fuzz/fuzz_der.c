// SPDX-License-Identifier: Apache-2.0
/*
 * DER that strangers send: certificates, public keys, AlgorithmIdentifiers and
 * identities. Each input is taken for each of them; none may be accepted that
 * can't be.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "crypto/pki.h"
#include "crypto/sign.h"

#define NOW 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct trust *trust;
static struct cert *leaf;
static struct sigpub *pubs[3];
static uint8_t *leaf_der;
static size_t leaf_len;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const enum sig_type types[] = { SIG_ED25519, SIG_ECDSA_P256,
					       SIG_RSA_PSS };
	struct pki_req req = {
		.kind = PKI_CA,
		.type = SIG_ED25519,
		.name = "CA",
		.not_before = NOW - 10,
		.not_after = NOW + 10,
	};
	struct pki_pair ca, pair;
	struct cert_der der;
	struct sigkey *key;
	size_t i;

	(void)argc;
	(void)argv;
	if (pki_issue(NULL, &req, &ca, NULL))
		abort();
	req.kind = PKI_MEMBER;
	req.name = "a.example";
	if (pki_issue(&ca, &req, &pair, NULL))
		abort();
	der = (struct cert_der){ ca.cert, ca.cert_len };
	if (trust_from_der(&der, 1, &trust, NULL))
		abort();
	der = (struct cert_der){ pair.cert, pair.cert_len };
	if (cert_verify(trust, &der, 1, NOW, CERT_FOR_MEMBER, &leaf, NULL))
		abort();
	leaf_der = pair.cert;
	leaf_len = pair.cert_len;
	sigkey_free(pair.key);
	pki_pair_free(&ca);
	for (i = 0; i < 3; i++) {
		if (sigkey_generate(types[i], &key) ||
		    sigkey_pub(key, &pubs[i]))
			abort();
		sigkey_free(key);
	}
	return 0;
}

static void as_certificate(const uint8_t *data, size_t size)
{
	struct cert_der ders[2] = { { data, size }, { leaf_der, leaf_len } };
	struct err why = {};
	struct cert *c;

	/* No input can be signed by our CA. */
	if (!cert_verify(trust, ders, 1, NOW, CERT_FOR_GCKS, &c, &why) ||
	    !*why.text)
		abort();
	ders[0] = ders[1];
	ders[1] = (struct cert_der){ data, size };
	if (!cert_verify(trust, ders, 2, NOW, CERT_FOR_MEMBER, &c, &why))
		cert_free(c);
	else if (!*why.text)
		abort();
}

static void as_key(const uint8_t *data, size_t size)
{
	struct sigpub *pub;
	const uint8_t *der;
	size_t len;

	if (sigpub_from_spki(data, size, &pub))
		return;
	sigpub_spki(pub, &der, &len);
	if (!len || len > SIG_MAX_SPKI || !sigpub_type(pub) ||
	    !sigpub_equal(pub, pub))
		abort();
	if (!sig_verify(pub, data, size, "m", 1, data, size))
		abort();
	sigpub_free(pub);
}

static void as_algorithm(const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		sigpub_fits_alg(pubs[i], data, size);
		if (!sig_verify(pubs[i], data, size, "m", 1, data, size))
			abort();
	}
}

static void as_identity(const uint8_t *data, size_t size)
{
	static const unsigned int types[] = {
		IKE_ID_IPV4_ADDR,
		IKE_ID_FQDN,
		IKE_ID_RFC822_ADDR,
		IKE_ID_IPV6_ADDR,
		IKE_ID_DER_ASN1_DN,
		11,
		0,
	};
	char buf[300], *p;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		bool is = cert_match_id(leaf, types[i], data, size);

		if (cert_id_str(types[i], data, size, buf, sizeof(buf))) {
			if (is && types[i] != IKE_ID_DER_ASN1_DN)
				abort();
			continue;
		}
		if (!buf[0])
			abort();
		for (p = buf; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	as_certificate(data, size);
	as_key(data, size);
	as_algorithm(data, size);
	as_identity(data, size);
	return 0;
}
