// SPDX-License-Identifier: Apache-2.0
#include "relay/proof.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/prf.h"
#include "lib/util.h"
#include "relay/parent.h"

static int mac_of_slot(const uint8_t secret[PROOF_SECRET_LEN], uint64_t slot,
		       const struct parent_peer *peer,
		       uint8_t out[EDGE_COOKIE_LEN])
{
	uint8_t mac[PRF_MAX_LEN], family = (uint8_t)peer->ep.addr.family;
	struct iovec iov[] = {
		{ &slot, sizeof(slot) },
		{ (void *)&peer->sa, sizeof(peer->sa) },
		{ &family, sizeof(family) },
		{ (void *)peer->ep.addr.b, sizeof(peer->ep.addr.b) },
		{ (void *)&peer->ep.port, sizeof(peer->ep.port) },
		{ (void *)peer->id->data, peer->id->len },
	};
	int ret = prf(IKE_PRF_HMAC_SHA2_256, secret, PROOF_SECRET_LEN, iov,
		      ARRAY_SIZE(iov), mac);

	if (!ret)
		memcpy(out, mac, EDGE_COOKIE_LEN);
	return ret;
}

int proof_make(const uint8_t secret[PROOF_SECRET_LEN], uint64_t now_ms,
	       const struct parent_peer *peer, uint8_t out[EDGE_COOKIE_LEN])
{
	return mac_of_slot(secret, now_ms / PROOF_SLOT_MS, peer, out);
}

bool proof_is_good(const uint8_t secret[PROOF_SECRET_LEN], uint64_t now_ms,
		   const struct parent_peer *peer,
		   const uint8_t cookie[EDGE_COOKIE_LEN])
{
	static const uint8_t none[EDGE_COOKIE_LEN];
	uint64_t slot = now_ms / PROOF_SLOT_MS;
	uint8_t want[EDGE_COOKIE_LEN];
	unsigned int i;

	/* Most requests have none, and cost no MAC. */
	if (!memcmp(cookie, none, sizeof(none)))
		return false;
	for (i = 0; i < 2; i++)
		if (!mac_of_slot(secret, slot - i, peer, want) &&
		    crypto_equal(want, cookie, sizeof(want)))
			return true;
	return false;
}
