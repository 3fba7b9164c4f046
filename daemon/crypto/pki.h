/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certification authority small enough for a first group: for `mcsecctl
 * pki`, the demo and the tests. Each function fills @err with words.
 */
#ifndef CRYPTO_PKI_H
#define CRYPTO_PKI_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "crypto/sign.h"
#include "lib/err.h"

enum pki_kind {
	/* may sign certificates, path length 0 */
	PKI_CA,
	/* extended key usage serverAuth, clientAuth, ipsecIKE */
	PKI_GCKS,
	/* extended key usage clientAuth, ipsecIKE */
	PKI_MEMBER,
	/* for tests of refusals: a certificate without CA:TRUE, any use */
	PKI_PLAIN,
};

/*
 * @name: CN of the subject
 * @dns, @ip, @email: subjectAltName entries, each may be NULL; lists end with
 *	NULL. Without any, a GCKS or member gets @name as dNSName.
 * @not_before, @not_after: seconds since 1970
 */
struct pki_req {
	enum pki_kind kind;
	enum sig_type type;
	const char *name;
	const char *const *dns;
	const char *const *ip;
	const char *const *email;
	time_t not_before;
	time_t not_after;
};

/* A certificate with its key. */
struct pki_pair {
	uint8_t *cert;
	size_t cert_len;
	struct sigkey *key;
};

/* Signed by @ca, or by itself when that is NULL (only PKI_CA). */
int pki_issue(const struct pki_pair *ca, const struct pki_req *req,
	      struct pki_pair *out, struct err *err);
/* PEM files, as pki_save() left them. */
int pki_load(const char *cert_path, const char *key_path, struct pki_pair *out,
	     struct err *err);
/*
 * Writes both as PEM: the key 0600, the certificate 0644, neither may exist
 * already (-EEXIST); on failure neither is left.
 */
int pki_save(const struct pki_pair *pair, const char *cert_path,
	     const char *key_path, struct err *err);
/* Wipes the key; @pair itself is the caller's. */
void pki_pair_free(struct pki_pair *pair);

#endif
