/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small certification authority for a first group: for `mcsecctl pki`, the
 * demo and the tests. Functions return 0, or -errno with one line in @err.
 */
#ifndef CRYPTO_PKI_H
#define CRYPTO_PKI_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "crypto/sign.h"
#include "lib/err.h"

enum pki_kind {
	/* May sign certificates, path length 0. */
	PKI_CA,
	/* Extended key usage serverAuth, clientAuth, ipsecIKE. */
	PKI_GCKS,
	/* Extended key usage clientAuth, ipsecIKE. */
	PKI_MEMBER,
	/* Tests only: no CA:TRUE, any key usage. */
	PKI_PLAIN,
};

/**
 * struct pki_req - request for a certificate
 * @name: CN of the subject, and dNSName of a GCKS or member without other names
 * @dns: dNSName entries of subjectAltName, ended by NULL; may be NULL
 * @ip: iPAddress entries, like @dns
 * @email: rfc822Name entries, like @dns
 * @pub: key to certify; NULL: a new one is made, which pki_issue() returns
 * @not_before: seconds since 1970
 * @not_after: seconds since 1970
 */
struct pki_req {
	enum pki_kind kind;
	enum sig_type type;
	const char *name;
	const char *const *dns;
	const char *const *ip;
	const char *const *email;
	const struct sigpub *pub;
	time_t not_before;
	time_t not_after;
};

/* A certificate (DER, owned) with its key (owned). */
struct pki_pair {
	uint8_t *cert;
	size_t cert_len;
	struct sigkey *key;
};

/*
 * Issue a certificate signed by @ca, or self-signed if that is NULL (only
 * PKI_CA). It ends with that of @ca at the latest; -EKEYEXPIRED: that has ended.
 */
int pki_issue(const struct pki_pair *ca, const struct pki_req *req,
	      struct pki_pair *out, struct err *err);
/* Read PEM files that pki_save() wrote. */
int pki_load(const char *cert_path, const char *key_path, struct pki_pair *out,
	     struct err *err);
/*
 * Write both as PEM: the key with mode 0600, the certificate with 0644.
 * Returns -EEXIST if either file exists; on failure neither is left behind.
 */
int pki_save(const struct pki_pair *pair, const char *cert_path,
	     const char *key_path, struct err *err);
/* Wipe the key, and free the contents of @pair. */
void pki_pair_free(struct pki_pair *pair);

#endif
