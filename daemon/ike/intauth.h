/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IntAuth (RFC 9242 section 3.3.2): what AUTH covers of the IKE_INTERMEDIATE
 * exchanges that came before it.
 */
#ifndef IKE_INTAUTH_H
#define IKE_INTAUTH_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/prf.h"
#include "wire/message.h"

/* IntAuth_i or IntAuth_r, the messages of one side. */
struct int_auth {
	unsigned int n; /* messages */
	uint8_t v[PRF_MAX_LEN];
};

/* Octets of IntAuth: both sides, and the Message ID of AUTH. */
#define INT_AUTH_MAX (2 * PRF_MAX_LEN + 4)

/*
 * Add the next message by the SK_p of its sender, which was in use when the
 * exchange began: @dgram is the datagram, or the one with fragment 1, of which the
 * headers are taken, and @inner the octets inside of SK before encryption, put
 * together. Returns 0 or an error of prf().
 */
int int_auth_add(struct int_auth *a, unsigned int prf_id, const uint8_t *sk_p,
		 const uint8_t *dgram, const uint8_t *inner, size_t len);
/*
 * Write IntAuth with the Message ID of GSA_AUTH or IKE_AUTH. Returns its octets.
 */
size_t int_auth_put(const struct int_auth *i, const struct int_auth *r,
		    unsigned int prf_id, uint32_t mid,
		    uint8_t out[static INT_AUTH_MAX]);

#endif
