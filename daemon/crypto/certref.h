/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References to the certificates of a peer's chain, short enough for the record of
 * each member. A reference is a digest of what a revocation list names a certificate
 * by: its issuer, as the issuer's public key, and its serial number.
 */
#ifndef CRYPTO_CERTREF_H
#define CRYPTO_CERTREF_H

#include <stdbool.h>
#include <stdint.h>

#define CERT_REF_LEN 16
/* Two chains of the greatest length. */
#define CERT_REFS_MAX 16

/*
 * A set of references; all zero is the empty set. Most have one, which is @one; @many
 * is the array of several, as octets since it has no alignment. There is a set for each
 * member of a group, so its size matters.
 */
struct cert_refs {
	uint8_t n;
	union {
		uint8_t one[CERT_REF_LEN];
		uint8_t many[sizeof(void *)]; /* owned */
	};
};

/* Return the references of @refs, valid until it changes. */
const uint8_t (*cert_refs_v(const struct cert_refs *refs))[CERT_REF_LEN];

/* Add @ref. Returns 0, -ENOSPC (CERT_REFS_MAX) or -ENOMEM. */
int cert_refs_add(struct cert_refs *refs, const uint8_t ref[CERT_REF_LEN]);
/*
 * Make *@out the union of @a and @b; *@out is neither, and not freed before. Returns
 * 0, or -ENOSPC or -ENOMEM, and then *@out is empty.
 */
int cert_refs_union(const struct cert_refs *a, const struct cert_refs *b,
		    struct cert_refs *out);
/* Return true if @refs has all of @part. */
bool cert_refs_cover(const struct cert_refs *refs,
		     const struct cert_refs *part);
/* Return true if the union of both has no more than CERT_REFS_MAX. */
bool cert_refs_fit(const struct cert_refs *a, const struct cert_refs *b);
/* Free what @refs has, and make it empty. */
void cert_refs_free(struct cert_refs *refs);

#endif
