// SPDX-License-Identifier: Apache-2.0
#include "ike/intauth.h"

#include <string.h>

#include "lib/util.h"

/* The IKE header, and the generic header of SK. */
#define HEAD_LEN (IKE_HDR_LEN + IKE_PLD_HDR_LEN)

int int_auth_add(struct int_auth *a, unsigned int prf_id, const uint8_t *sk_p,
		 const uint8_t *dgram, const uint8_t *inner, size_t len)
{
	size_t size = prf_len(prf_id);
	uint8_t head[HEAD_LEN], out[PRF_MAX_LEN];
	const struct iovec iov[] = {
		{ a->v, a->n ? size : 0 },
		{ head, sizeof(head) },
		{ (void *)inner, len },
	};
	int ret;

	/*
	 * The headers are those of a whole message whose SK has nothing but the
	 * payloads. Fragment 1 names the first of them, as SK would.
	 */
	memcpy(head, dgram, sizeof(head));
	head[IKE_HDR_NEXT_OFF] = IKE_PLD_SK;
	put_unaligned_be32(HEAD_LEN + len, head + IKE_HDR_LEN_OFF);
	put_unaligned_be16(IKE_PLD_HDR_LEN + len, head + IKE_HDR_LEN + 2);
	ret = prf(prf_id, sk_p, size, iov, 3, out);
	if (ret)
		return ret;
	memcpy(a->v, out, size);
	a->n++;
	return 0;
}

size_t int_auth_put(const struct int_auth *i, const struct int_auth *r,
		    unsigned int prf_id, uint32_t mid,
		    uint8_t out[static INT_AUTH_MAX])
{
	size_t size = prf_len(prf_id);

	memcpy(out, i->v, size);
	memcpy(out + size, r->v, size);
	put_unaligned_be32(mid, out + 2 * size);
	return 2 * size + 4;
}
