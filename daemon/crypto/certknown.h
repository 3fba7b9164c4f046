/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of members that were verified before, by a digest of what the peer
 * sent; private to this folder. They are kept without their certificates, which take
 * ten times as much memory. The least recently used ones give way.
 */
#ifndef CRYPTO_CERTKNOWN_H
#define CRYPTO_CERTKNOWN_H

#include <sys/queue.h>

#include "crypto/cert.h"
#include "crypto/hash.h"
#include "lib/htab.h"

#define KNOWN_MAX 65536

struct known_cert {
	TAILQ_ENTRY(known_cert) by_use;
	struct hnode by_digest;
	unsigned int users; /* the table is one of them */
	uint8_t digest[HASH_SHA256_LEN];
	/* All certificates of the chain are valid from then, and until then. */
	time_t begins;
	time_t ends;
	struct cert_refs refs;
	uint8_t id_type;
	uint16_t id_len;
	uint16_t spki_len;
	uint8_t octets[]; /* identity, SubjectPublicKeyInfo */
};

struct known;

/* Return an empty table, or NULL without memory. */
struct known *known_new(void);
void known_free(struct known *k);
int known_digest(const struct cert_der *ders, size_t n,
		 uint8_t digest[static HASH_SHA256_LEN]);
/* Return a certificate that is valid now, for known_put(); NULL: none is known. */
struct known_cert *known_get(struct known *k, const uint8_t *digest,
			     time_t now);
void known_put(struct known_cert *c);
/*
 * Return an entry for known_add(), with room for an identity and a key of that many
 * octets, or NULL without memory.
 */
struct known_cert *known_cert_new(size_t id_len, size_t spki_len);
/* Add @c, which is taken over. */
void known_add(struct known *k, struct known_cert *c);

#endif
