// SPDX-License-Identifier: Apache-2.0
/* Payloads of RFC 7296; what is read is written and read again. */
#include "ike_fuzz.h"

static void check(bool fine)
{
	if (!fine)
		abort();
}

static void body(struct wbuf *w, struct rbuf *r)
{
	check(!w->err && w->len >= 4);
	rbuf_init(r, w->p + 4, w->len - 4);
}

static void chain(const uint8_t *p, size_t len)
{
	struct pwalk w;
	size_t sum = 0;
	struct pld pld;
	int ret;

	if (!len)
		return;
	pwalk_init(&w, p[0], p + 1, len - 1);
	while ((ret = pwalk_next(&w, &pld)) > 0) {
		check(pld.body >= p + 1 && pld.body + pld.len <= p + len);
		sum += 4 + pld.len;
	}
	check(ret || sum == len - 1);
}

static void sa(struct rbuf *r, struct pchain *c)
{
	static struct sa_pld a, b;
	struct rbuf again;

	if (sa_parse(r, &a))
		return;
	check(a.n <= SA_MAX_PROPOSALS);
	for (unsigned int i = 0; i < a.n; i++) {
		check(a.p[i].n <= SA_MAX_TRANSFORMS);
		/* A proposal without transforms is read, never written. */
		if (!a.p[i].n)
			return;
	}
	sa_build(c, &a);
	body(c->w, &again);
	check(!sa_parse(&again, &b) && a.n == b.n);
}

static void id(struct rbuf *r, struct pchain *c)
{
	char text[ID_STR_MAX], small[5];
	struct ike_id a, b;
	struct rbuf again;

	if (id_parse(r, &a))
		return;
	check(strlen(id_str(&a, text, sizeof(text))) < sizeof(text));
	check(strlen(id_str(&a, small, sizeof(small))) < sizeof(small));
	for (const char *s = text; *s; s++)
		check(*s >= 0x20 && *s <= 0x7e);
	id_build(c, IKE_PLD_IDI, &a);
	body(c->w, &again);
	check(!id_parse(&again, &b) && id_equal(&a, &b));
}

static void del(struct rbuf *r, struct pchain *c)
{
	struct delete_pld a, b;
	struct rbuf again;

	if (delete_parse(r, &a))
		return;
	delete_build(c, &a);
	body(c->w, &again);
	check(!delete_parse(&again, &b) && !memcmp(&a, &b, sizeof(a)));
}

static void ts(struct rbuf *r, struct wbuf *w)
{
	struct rbuf again;
	struct ts a, b;

	if (ts_parse(r, &a))
		return;
	ts_build(w, &a);
	check(!w->err);
	rbuf_init(&again, w->p, w->len);
	check(!ts_parse(&again, &b) && ts_equal(&a, &b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct notify_pld notify;
	struct auth_pld auth;
	struct cert_pld cert;
	struct pchain c;
	struct ke_pld ke;
	struct wbuf w;
	struct rbuf r;

	if (!size)
		return 0;
	wbuf_init(&w, 1 << 20);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	rbuf_init(&r, data + 1, size - 1);
	switch (data[0] % FP_MAX) {
	case FP_CHAIN:
		chain(data + 1, size - 1);
		break;
	case FP_SA:
		sa(&r, &c);
		break;
	case FP_KE:
		check(ke_parse(&r, &ke) || ke.len);
		break;
	case FP_ID:
		id(&r, &c);
		break;
	case FP_CERT:
		check(cert_parse(&r, &cert) || cert.len == size - 2);
		break;
	case FP_AUTH:
		check(auth_parse(&r, &auth) ||
		      auth.sig + auth.sig_len == data + size);
		break;
	case FP_NOTIFY:
		check(notify_parse(&r, &notify) ||
		      notify.data + notify.len == data + size);
		break;
	case FP_DELETE:
		del(&r, &c);
		break;
	case FP_TS:
		ts(&r, &w);
		break;
	}
	wbuf_free(&w);
	return 0;
}
