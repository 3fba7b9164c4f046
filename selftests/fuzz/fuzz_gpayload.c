// SPDX-License-Identifier: Apache-2.0
/* GSA and KD of RFC 9838; what is read is written and read again. */
#include "ike_fuzz.h"
#include "lib/util.h"

static void check(bool fine)
{
	if (!fine)
		abort();
}

/*
 * The content of a policy or bag of an unknown protocol is not written again.
 */
static bool gsa_same(const struct gsa *a, const struct gsa *b)
{
	return a->has_rekey == b->has_rekey && a->n_data == b->n_data &&
	       !memcmp(&a->gw, &b->gw, sizeof(a->gw));
}

static bool gsa(const uint8_t *p, size_t len, struct gsa *a)
{
	static struct gsa b;
	struct pchain c;
	struct wbuf w;
	struct rbuf r;

	rbuf_init(&r, p, len);
	if (gsa_parse(&r, a))
		return false;
	check(a->n_data <= GSA_MAX_DATA);
	if (a->has_rekey || a->n_data) {
		wbuf_init(&w, 1 << 20);
		pchain_init(&c, &w, PCHAIN_DETACHED);
		gsa_build(&c, a);
		check(!w.err);
		rbuf_init(&r, w.p + 4, w.len - 4);
		/*
		 * A policy with unknown transforms only has no
		 * transform left.
		 */
		if (!a->unknown && !a->rekey.unknown && !a->data[0].unknown &&
		    a->n_data < 2)
			check(!gsa_parse(&r, &b) && gsa_same(a, &b));
		wbuf_free(&w);
	}
	return true;
}

static bool kd(const uint8_t *p, size_t len, struct kd *a)
{
	struct pchain c;
	struct wbuf w;
	struct rbuf r;
	struct kd b;

	rbuf_init(&r, p, len);
	if (kd_parse(&r, a)) {
		check(!a->n_bags && !a->wrap && !a->auth_key && !a->sender_ids);
		return false;
	}
	check(a->n_bags <= KD_MAX_BAGS && a->n_wrap <= KD_MAX_WRAP_KEYS &&
	      a->n_sender_ids <= KD_MAX_SENDER_IDS);
	wbuf_init(&w, 1 << 22);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	kd_build(&c, a);
	if (!w.err) {
		rbuf_init(&r, w.p + 4, w.len - 4);
		check(!kd_parse(&r, &b));
		check(a->n_bags == b.n_bags && a->n_wrap == b.n_wrap &&
		      a->auth_key_len == b.auth_key_len &&
		      a->n_sender_ids == b.n_sender_ids);
		kd_free(&b);
	}
	wbuf_free(&w);
	return true;
}

static void both(const uint8_t *p, size_t len)
{
	static struct gsa g;
	struct err err;
	size_t split;
	struct kd k;

	if (len < 4)
		return;
	split = get_unaligned_be16(p + 2);
	if (split > len - 4 || !gsa(p + 4, split, &g))
		return;
	if (!kd(p + 4 + split, len - 4 - split, &k))
		return;
	if (gsa_check(&g, &k, p[0] % 3, p[1] & 1, &err))
		check(err.text[0] && strlen(err.text) < sizeof(err.text));
	kd_free(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gsa g;
	struct kd k;

	if (!size)
		return 0;
	switch (data[0] % FG_MAX) {
	case FG_GSA:
		gsa(data + 1, size - 1, &g);
		break;
	case FG_KD:
		if (kd(data + 1, size - 1, &k))
			kd_free(&k);
		break;
	case FG_BOTH:
		both(data + 1, size - 1);
		break;
	}
	return 0;
}
