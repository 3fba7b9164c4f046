// SPDX-License-Identifier: Apache-2.0
/*
 * Documents that administrators sign: JSON, and CMS in PEM form or as the DER in it.
 * No input has a signature that counts, and what is read as a policy has settings
 * that a file could have.
 */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/document.h"
#include "crypto/cert.h"
#include "crypto/pki.h"
#include "crypto/signed.h"
#include "lib/secret.h"

#define NOW 1800000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct trust *trust;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct pki_req req = {
		.kind = PKI_CA,
		.type = SIG_ED25519,
		.name = "CA",
		.not_before = NOW - 10,
		.not_after = NOW + 10,
	};
	struct cert_der der;
	struct pki_pair ca;

	(void)argc;
	(void)argv;
	if (pki_issue(NULL, &req, &ca, NULL))
		abort();
	der = (struct cert_der){ ca.cert, ca.cert_len };
	if (trust_from_der(&der, 1, &trust, NULL))
		abort();
	pki_pair_free(&ca);
	return 0;
}

static void check_policy_of(const struct conf_document *d)
{
	if (strcmp(d->group, d->conf.name) ||
	    !(d->conf.senders.n + d->conf.receivers.n))
		abort();
}

static void as_document(const char *text, size_t len)
{
	struct conf_document *d;
	struct err why = { "" };

	if (conf_document_parse(text, len, &d, &why)) {
		if (!why.text[0])
			abort();
		return;
	}
	if (!d->version)
		abort();
	if (d->kind == DOCUMENT_POLICY)
		check_policy_of(d);
	else if (!d->identity[0] || d->until < 1 ||
		 (d->emergency && d->kind == DOCUMENT_ADMIT))
		abort();
	conf_document_free(d);
}

static void as_signed(const char *pem, size_t len)
{
	char id[SIGNED_ID_MAX], *again;
	struct err why = { "" };
	struct signed_doc *d;
	const char *content;
	size_t i, n;

	if (signed_parse(pem, len, &d, &why)) {
		if (!why.text[0])
			abort();
		return;
	}
	content = signed_content(d, &n);
	if (!n || content[n])
		abort();
	as_document(content, n);
	for (i = 0; i < signed_count(d); i++) {
		if (!signed_identity(d, i, id, &why) && !id[0])
			abort();
		/* No input can be signed below our CA. */
		if (!signed_verify(d, i, trust, NOW, &why) || !why.text[0])
			abort();
		signed_same_key(d, 0, i);
	}
	if (!signed_pem(d, &again, &n))
		secret_free(again);
	signed_free(d);
}

/* Give a mutation of the DER a chance, which base64 would hide. */
static void as_der(const uint8_t *data, size_t size)
{
	static const char begin[] = "-----BEGIN CMS-----\n";
	static const char end[] = "-----END CMS-----\n";
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	char *pem = malloc(2 * size + 256);
	int n = 0, last = 0;
	size_t at = strlen(begin);

	if (!ctx || !pem)
		abort();
	memcpy(pem, begin, at);
	EVP_EncodeInit(ctx);
	EVP_EncodeUpdate(ctx, (uint8_t *)pem + at, &n, data, (int)size);
	EVP_EncodeFinal(ctx, (uint8_t *)pem + at + n, &last);
	at += (size_t)(n + last);
	memcpy(pem + at, end, sizeof(end));
	as_signed(pem, at + strlen(end));
	EVP_ENCODE_CTX_free(ctx);
	free(pem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > SIGNED_MAX / 2)
		return 0;
	as_document((const char *)data, size);
	as_signed((const char *)data, size);
	as_der(data, size);
	return 0;
}
