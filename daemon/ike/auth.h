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
#include <time.h>

#include "crypto/cert.h"
#include "crypto/sign.h"
#include "ike/psk.h"
#include "wire/message.h"
#include "lib/err.h"

/*
 * Make the octets that are signed. @msg is the first message of the signing
 * side, @nonce is from the other side, @id is the body of the signer's ID
 * payload. *@out is freed with secret_free(). Returns 0 or -errno.
 */
int auth_octets(unsigned int prf_id, const uint8_t *sk_p, size_t sk_p_len,
		const uint8_t *msg, size_t msg_len, const uint8_t *nonce,
		size_t nonce_len, const uint8_t *id, size_t id_len,
		uint8_t **out, size_t *out_len);

/* Octets that the peer may have signed; owned by the caller of auth_check(). */
struct auth_octets {
	uint8_t *p;
	size_t len;
};

/*
 * Check chain, purpose, identity, signature and revocation, in this order: a
 * signature is verified only if the certificate is valid, and revocation lists,
 * which may be long, are searched only for a peer that has the private key.
 * @octets has @n candidates, one of which must be signed. A member must use the
 * identity that cert_chain_id() gives for its certificate. Returns 0 and sets *@ends
 * to the end of the chain's validity (seconds since 1970) and *@refs, whose former
 * contents are not freed, to references of the chain; or returns -EKEYREJECTED, or
 * -EKEYREVOKED if a list revokes a peer that has proven all else, with one line in
 * @err such as "certificate: issuer unknown", which contains no name.
 * Nothing is ever fetched: a certificate as hash and URL is refused.
 */
int auth_check(const struct trust *trust, time_t now, enum cert_purpose purpose,
	       const struct ike_msg *m, const struct ike_id *id,
	       const struct auth_octets *octets, size_t n, time_t *ends,
	       struct cert_refs *refs, struct err *err);

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
