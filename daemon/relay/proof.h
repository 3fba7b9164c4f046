/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cookies by which a child shows that it receives at the address that it asks from. They
 * cost no memory: each is a MAC of IKE SA, identity, address and time, and is valid for
 * PROOF_SLOT_MS to twice that.
 */
#ifndef RELAY_PROOF_H
#define RELAY_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/edge.h"

struct parent_peer;

/*
 * A cookie is good in the slot in which it was made and in the next one: for longer than a
 * child repeats its request, which is two and a half seconds.
 */
#define PROOF_SLOT_MS 10000u
#define PROOF_SECRET_LEN 32

/* Make the cookie for @peer at @now_ms. Returns 0 or -errno. */
int proof_make(const uint8_t secret[PROOF_SECRET_LEN], uint64_t now_ms,
	       const struct parent_peer *peer, uint8_t out[EDGE_COOKIE_LEN]);
/* Return true if @cookie was made for @peer in this slot or the one before. */
bool proof_is_good(const uint8_t secret[PROOF_SECRET_LEN], uint64_t now_ms,
		   const struct parent_peer *peer,
		   const uint8_t cookie[EDGE_COOKIE_LEN]);

#endif
