/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AUTH of IKE_AUTH and GSA_AUTH: digital signatures (RFC 7427) or codes of a
 * pre-shared key over the octets of RFC 7296 section 2.15, and the checks of
 * the peer's certificates:
 *	RealMessage | NonceOfThePeer | prf(SK_p, ID payload body)
 */
#ifndef IKE_AUTH_H
#define IKE_AUTH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "crypto/cert.h"
#include "crypto/sign.h"
#include "ike/psk.h"
#include "wire/message.h"
#include "lib/err.h"

/* One side of an IKE SA, and what its AUTH is made of. */
struct auth_side {
	unsigned int prf_id;
	struct iovec sk_p;
	struct iovec msg; /* IKE_SA_INIT that the side has sent */
	struct iovec nonce; /* the other side's */
	struct iovec id; /* body of the side's ID payload */
};

/* Octets that a side signs. */
struct auth_octets {
	uint8_t *p; /* freed with secret_free() */
	size_t len;
};

/* Make the octets that @side signs. Returns 0 or -errno. */
int auth_octets(const struct auth_side *side, struct auth_octets *out);

/* A peer that wants to be authenticated by its certificate; nothing is owned. */
struct auth_claim {
	enum cert_purpose purpose;
	const struct ike_id *id;
	const struct ike_msg *m; /* with AUTH and CERT */
	const struct auth_octets *octets; /* one of them must be signed */
	size_t n;
};

/*
 * Check chain, purpose, identity, signature and revocation, in this order: a
 * signature is verified only if the certificate is valid, and revocation lists,
 * which may be long, are searched only for a peer that has the private key.
 * A member must use the identity that cert_chain_id() gives for its certificate.
 * @now is in seconds since 1970. Returns 0 and sets *@ends to the end of the chain's
 * validity, of the same kind, and *@refs, whose former contents are not freed, to
 * references of the chain; or returns -EKEYREJECTED, or -EKEYREVOKED if a list
 * revokes a peer that has proven all else, with one line in @err such as
 * "certificate: issuer unknown", which contains no name.
 * Nothing is ever fetched: a certificate as hash and URL is refused.
 */
int auth_check(const struct auth_claim *claim, const struct trust *trust,
	       time_t now, time_t *ends, struct cert_refs *refs,
	       struct err *err);

/*
 * Check AUTH of a peer that has a pre-shared key, like auth_check(); there are
 * no certificates, and a signature is refused.
 */
int auth_check_psk(unsigned int prf_id, const struct psk *psk,
		   const struct ike_msg *m, const struct auth_octets *octets,
		   size_t n, struct err *err);

/*
 * Add CERTREQ with the CAs that we trust; used by both sides (RFC 7296 section
 * 3.7).
 */
void auth_put_certreq(struct pchain *c, const struct trust *trust);

#endif
