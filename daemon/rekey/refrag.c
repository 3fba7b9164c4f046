// SPDX-License-Identifier: Apache-2.0
#include "rekey/refrag.h"

#include <errno.h>
#include <string.h>

#include "lib/secret.h"

void refrag_drop(struct refrag *r)
{
	unsigned int i;

	for (i = 0; i < r->total; i++)
		secret_free(r->piece[i].p);
	memset(r, 0, sizeof(*r));
}

int refrag_add(struct refrag *r, uint32_t mid, const struct skf *frag,
	       uint8_t first, const uint8_t *p, size_t len)
{
	unsigned int i = frag->number - 1;

	if (frag->total > REFRAG_MAX || len > UINT16_MAX)
		return -E2BIG;
	if (r->total && mid < r->mid)
		return -EAGAIN;
	if (r->total && (mid != r->mid || frag->total != r->total))
		refrag_drop(r);
	r->mid = mid;
	r->total = frag->total;
	if (r->piece[i].p)
		return -EAGAIN;
	if (r->octets + len > IKE_MSG_MAX) {
		refrag_drop(r);
		return -E2BIG;
	}
	r->piece[i].p = secret_dup(p, len);
	if (!r->piece[i].p)
		return -ENOMEM;
	r->piece[i].len = len;
	r->octets += len;
	if (!i) {
		r->first = first;
		r->reserved = frag->reserved;
	}
	return ++r->n == r->total ? 0 : -EAGAIN;
}

void refrag_copy(const struct refrag *r, uint8_t *to)
{
	unsigned int i;

	for (i = 0; i < r->total; i++) {
		memcpy(to, r->piece[i].p, r->piece[i].len);
		to += r->piece[i].len;
	}
}
