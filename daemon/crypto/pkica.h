/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An authority beyond issuing: requests of those who keep their keys, renewal and
 * revocation. Functions return 0, or -errno with one line in @err.
 */
#ifndef CRYPTO_PKICA_H
#define CRYPTO_PKICA_H

#include <stdbool.h>
#include <time.h>

#include "crypto/cert.h"
#include "crypto/pki.h"

/* Hexadecimal digits of a serial number of 20 octets, with the NUL. */
#define SERIAL_STRLEN 41

struct pki_info {
	char serial[SERIAL_STRLEN];
	enum pki_kind kind;
};

/* Make a request (PKCS #10) in PEM for the names of @req. *@pem: secret_free(). */
int csr_make(const struct sigkey *key, const struct pki_req *req, char **pem,
	     size_t *len, struct err *err);
/*
 * Read a request in PEM: signed by its own key, and for no other names than @req has.
 * *@pub is freed with sigpub_free(). What else it asks for is ignored.
 */
int csr_load(const char *path, const struct pki_req *req, struct sigpub **pub,
	     struct err *err);

/*
 * Issue the first certificate of @old again, which is of @ca: another serial number and
 * time, and the same key, names and use. It ends with that of @ca at the latest. Returns
 * -EKEYREJECTED if @ca has not issued it, or -EKEYEXPIRED if that has ended.
 */
int pki_renew(const struct pki_pair *ca, const struct cert_chain *old,
	      time_t not_before, time_t not_after, struct pki_pair *out,
	      struct err *err);

/**
 * struct pki_list - a revocation list that is to be made
 * @path: file of the list before, whose entries are kept; it may not be there
 * @chains: certificates to revoke, the first of each
 * @n: number of @chains
 * @from: beginning of its validity, in seconds since 1970
 * @now: time of the revocation
 * @next: end of its validity
 * @added: result: number of @chains that were not in it
 * @pem: result, freed with secret_free()
 * @len: octets of @pem
 */
struct pki_list {
	const char *path;
	struct cert_chain *const *chains;
	size_t n;
	time_t from;
	time_t now;
	time_t next;
	size_t added;
	char *pem;
	size_t len;
};

/*
 * Make a revocation list of @ca. Returns -EBADMSG if @list->path is not one, or
 * -EKEYREJECTED if @ca has not issued a certificate.
 */
int pki_revoke(const struct pki_pair *ca, struct pki_list *list,
	       struct err *err);

/* Return true if a CA of @trust has issued the first certificate; time is not checked. */
bool pki_is_of(const struct trust *trust, const struct cert_chain *chain);
/*
 * Return true if the first certificate of @b proves a name of subjectAltName of that of
 * @a, and write the name to @buf.
 */
bool pki_share_name(const struct cert_chain *a, const struct cert_chain *b,
		    char *buf, size_t size);
/* Describe the first certificate. */
void pki_describe(const struct cert_chain *chain, struct pki_info *info);

#endif
