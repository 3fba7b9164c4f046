// SPDX-License-Identifier: Apache-2.0
/* IKE header, SK, and the table of permitted payloads. */
#include <errno.h>

#include "ike_fuzz.h"

static void check(bool fine)
{
	if (!fine)
		abort();
}

static void sorted(struct ike_msg *m, enum msg_side side, uint8_t first,
		   const uint8_t *p, size_t len)
{
	struct err err = {};
	int ret = msg_sort(m, side, first, p, len, &err);

	check(!ret || err.text[0]);
	check(ret != -EPROTONOSUPPORT || m->critical);
	if (ret)
		return;
	check(m->n_notify <= MSG_MAX_NOTIFY && m->n_cert <= CERT_MAX_CHAIN &&
	      m->n_delete <= MSG_MAX_DELETE);
	/* Only what opens an IKE SA is permitted in the clear. */
	if (side == MSG_CLEAR && m->h.xchg != IKE_XCHG_IKE_SA_INIT)
		check(!m->sa.body && !m->auth.body && !m->gsa.body);
	if (side == MSG_CLEAR && m->h.xchg != IKE_XCHG_IKE_SA_INIT &&
	    m->h.xchg != IKE_XCHG_IKE_SESSION_RESUME)
		check(!m->n_notify && !m->nonce.body);
	(void)msg_error(m);
	(void)msg_notify(m, IKE_N_COOKIE);
}

static void sk(const uint8_t *p, size_t len)
{
	struct ike_msg m = { 0 };
	uint8_t *plain, first;
	struct sk_key k;
	size_t n;

	if (ike_hdr_parse(p, len, &m.h))
		return;
	fuzz_sk(&k);
	plain = malloc(len);
	check(plain);
	if (!sk_open(p, len, &k, plain, &n, &first)) {
		check(n < len);
		sorted(&m, MSG_ENC, first, plain, n);
	}
	free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ike_msg m = { 0 };

	if (size < 4)
		return 0;
	switch (data[0] % FM_MAX) {
	case FM_CLEAR:
		if (!ike_hdr_parse(data + 1, size - 1, &m.h))
			sorted(&m, MSG_CLEAR, m.h.next, data + 1 + IKE_HDR_LEN,
			       size - 1 - IKE_HDR_LEN);
		break;
	case FM_SK:
		sk(data + 1, size - 1);
		break;
	case FM_INNER:
		m.h.xchg = data[1];
		m.h.flags = data[2];
		sorted(&m, MSG_ENC, data[3], data + 4, size - 4);
		break;
	}
	return 0;
}
