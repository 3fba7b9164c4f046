/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AUTH of IKE_AUTH and GSA_AUTH: digital signatures, RFC 7427, over the
 * octets of RFC 7296 2.15:
 *	RealMessage | NonceOfThePeer | prf(SK_p, ID payload body)
 * and the checks of the peer's certificates.
 */
#ifndef IKE_AUTH_H
#define IKE_AUTH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "crypto/cert.h"
#include "crypto/sign.h"
#include "wire/message.h"

/*
 * @msg: the first message of the side that signs, @nonce: of the other side,
 * @id: body of its ID payload. *@out is for secret_free().
 */
int auth_octets(unsigned int prf_id, const uint8_t *sk_p, size_t sk_p_len,
		const uint8_t *msg, size_t msg_len, const uint8_t *nonce,
		size_t nonce_len, const uint8_t *id, size_t id_len,
		uint8_t **out, size_t *out_len);

/* What may have been signed: of several, one must be what was. */
struct auth_octets {
	uint8_t *p;
	size_t len;
};

/*
 * Chain, purpose, identity, signature, in that order: a signature is only
 * looked at when the certificate is good. Of a member only the identity that
 * cert_chain_id() gives for its certificate is taken. 0, and in *@ends seconds
 * since 1970 until which the chain is valid; or -EKEYREJECTED and in @why a
 * line such as "certificate: issuer unknown", which has no name in it.
 */
int auth_check(const struct trust *trust, time_t now, enum cert_purpose purpose,
	       const struct ike_msg *m, const struct ike_id *id,
	       const struct auth_octets *octets, size_t n, time_t *ends,
	       char *why, size_t why_size);

/* CERTREQ: whose certificates we believe, for either side (RFC 7296 3.7) */
void auth_put_certreq(struct pchain *c, const struct trust *trust);

#endif
