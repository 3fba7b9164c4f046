// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/aead.h"
#include "wire/message.h"
#include "lib/secret.h"
#include "lib/util.h"

/* ---- header, RFC 7296 3.1 ----------------------------------------------- */

int ike_hdr_parse(const uint8_t *p, size_t len, struct ike_hdr *h)
{
	struct rbuf r;

	rbuf_init(&r, p, len);
	rbuf_copy(&r, h->spi_i, IKE_SPI_LEN);
	rbuf_copy(&r, h->spi_r, IKE_SPI_LEN);
	h->next = rbuf_u8(&r);
	h->version = rbuf_u8(&r);
	h->xchg = rbuf_u8(&r);
	h->flags = rbuf_u8(&r);
	h->mid = rbuf_u32(&r);
	h->len = rbuf_u32(&r);
	return r.err || h->len != len ? -EBADMSG : 0;
}

size_t ike_msg_len(const uint8_t *p, size_t len)
{
	size_t n;

	if (len < IKE_HDR_LEN)
		return len;
	n = get_unaligned_be32(p + IKE_HDR_LEN_OFF);
	return n >= IKE_HDR_LEN && n <= len ? n : len;
}

void ike_hdr_build(struct wbuf *w, const struct ike_hdr *h)
{
	wbuf_put(w, h->spi_i, IKE_SPI_LEN);
	wbuf_put(w, h->spi_r, IKE_SPI_LEN);
	wbuf_u8(w, h->next);
	wbuf_u8(w, IKE_VERSION);
	wbuf_u8(w, h->xchg);
	wbuf_u8(w, h->flags);
	wbuf_u32(w, h->mid);
	wbuf_u32(w, 0);
}

void msg_finish(struct wbuf *w)
{
	wbuf_patch_u32(w, IKE_HDR_LEN_OFF, w->len);
}

/* ---- SK, RFC 7296 3.14 with RFC 5282 ------------------------------------ */

int sk_key_len(uint16_t encr, uint16_t key_bits)
{
	size_t len;

	if (encr == IKE_ENCR_CHACHA20_POLY1305 && key_bits)
		return -ENOTSUP;
	len = aead_key_len(encr, key_bits);
	return len && len <= SK_KEY_MAX ? (int)len : -ENOTSUP;
}

int sk_key_set(struct sk_key *k, uint16_t encr, uint16_t key_bits,
	       const uint8_t *key, size_t len)
{
	int want = sk_key_len(encr, key_bits);

	if (want < 0)
		return want;
	if ((size_t)want != len)
		return -EINVAL;
	memset(k, 0, sizeof(*k));
	k->encr = encr;
	k->key_bits = key_bits;
	k->len = len;
	memcpy(k->key, key, len);
	return 0;
}

void sk_key_wipe(struct sk_key *k)
{
	secret_wipe(k, sizeof(*k));
}

/*
 * IKE header and generic header of SK: the associated data of RFC 5282 section
 * 5.1.
 */
#define SK_AAD_LEN (IKE_HDR_LEN + IKE_PLD_HDR_LEN)

/*
 * Encrypt into an SKF payload (RFC 7383 section 2.5) with @frag, or into SK if
 * that is NULL.
 */
static int seal_as(struct wbuf *w, const struct sk_key *k, uint64_t iv,
		   uint8_t first, const struct skf *frag, const uint8_t *inner,
		   size_t len)
{
	/* The supported ciphers need no padding, so Pad Length is 0. */
	size_t head = frag ? SKF_HDR_LEN : 0;
	size_t total = head + SK_IV_LEN + len + 1 + SK_ICV_LEN;
	uint8_t ivb[SK_IV_LEN];
	size_t off;
	uint8_t *p;
	int ret;

	if (w->err)
		return w->err;
	if (w->len != IKE_HDR_LEN)
		return -EINVAL;
	if (len > IKE_MSG_MAX || SK_AAD_LEN + total > IKE_MSG_MAX)
		return -EMSGSIZE;
	wbuf_patch_u8(w, IKE_HDR_NEXT_OFF, frag ? IKE_PLD_SKF : IKE_PLD_SK);
	wbuf_patch_u32(w, IKE_HDR_LEN_OFF, SK_AAD_LEN + total);
	wbuf_u8(w, first);
	wbuf_u8(w, frag ? frag->reserved : 0);
	wbuf_u16(w, IKE_PLD_HDR_LEN + total);
	if (frag) {
		wbuf_u16(w, frag->number);
		wbuf_u16(w, frag->total);
	}
	put_unaligned_be64(iv, ivb);
	wbuf_put(w, ivb, sizeof(ivb));
	off = wbuf_reserve(w, len + 1 + SK_ICV_LEN);
	p = wbuf_at(w, off, len + 1 + SK_ICV_LEN);
	if (w->err || !p)
		return w->err ? w->err : -ENOMEM;
	if (len)
		memcpy(p, inner, len);
	p[len] = 0;
	ret = aead_seal(k->encr, k->key, k->len, ivb, w->p, SK_AAD_LEN + head,
			p, len + 1, p);
	if (ret)
		/*
		 * The truncation keeps plaintext from being sent by a caller
		 * that ignores the error.
		 */
		wbuf_truncate(w, IKE_HDR_LEN);
	return ret;
}

int sk_seal(struct wbuf *w, const struct sk_key *k, uint64_t iv, uint8_t first,
	    const uint8_t *inner, size_t len)
{
	return seal_as(w, k, iv, first, NULL, inner, len);
}

int skf_seal(struct wbuf *w, const struct sk_key *k, uint64_t iv, uint8_t first,
	     const struct skf *frag, const uint8_t *inner, size_t len)
{
	return seal_as(w, k, iv, frag->number == 1 ? first : IKE_PLD_NONE, frag,
		       inner, len);
}

static int open_as(const uint8_t *p, size_t len, const struct sk_key *k,
		   struct skf *frag, uint8_t *plain, size_t *plain_len,
		   uint8_t *first)
{
	size_t head = frag ? SKF_HDR_LEN : 0;
	const uint8_t *iv = p + SK_AAD_LEN + head;
	size_t n;
	int ret;

	*plain_len = 0;
	*first = IKE_PLD_NONE;
	if (len < SK_AAD_LEN + head + SK_IV_LEN + 1 + SK_ICV_LEN ||
	    len > IKE_MSG_MAX ||
	    p[IKE_HDR_NEXT_OFF] != (frag ? IKE_PLD_SKF : IKE_PLD_SK))
		return -EBADMSG;
	/* SK is the only outer payload, so it ends where the message does. */
	if (get_unaligned_be16(p + 30) != len - IKE_HDR_LEN)
		return -EBADMSG;
	n = len - SK_AAD_LEN - head - SK_IV_LEN;
	ret = aead_open(k->encr, k->key, k->len, iv, p, SK_AAD_LEN + head,
			iv + SK_IV_LEN, n, plain);
	if (ret)
		return ret;
	n -= SK_ICV_LEN;
	if (plain[n - 1] > n - 1) {
		secret_wipe(plain, n);
		return -EBADMSG;
	}
	*plain_len = n - 1 - plain[n - 1];
	*first = p[IKE_HDR_LEN];
	return 0;
}

int sk_open(const uint8_t *p, size_t len, const struct sk_key *k,
	    uint8_t *plain, size_t *plain_len, uint8_t *first)
{
	return open_as(p, len, k, NULL, plain, plain_len, first);
}

bool msg_is_fragment(const uint8_t *p, size_t len)
{
	return len > IKE_HDR_LEN && p[IKE_HDR_NEXT_OFF] == IKE_PLD_SKF;
}

int skf_open(const uint8_t *p, size_t len, const struct sk_key *k,
	     struct skf *frag, uint8_t *plain, size_t *plain_len,
	     uint8_t *first)
{
	int ret = open_as(p, len, k, frag, plain, plain_len, first);

	if (ret)
		return ret;
	frag->reserved = p[IKE_HDR_LEN + 1];
	p += SK_AAD_LEN;
	frag->number = get_unaligned_be16(p);
	frag->total = get_unaligned_be16(p + 2);
	if (!frag->number || frag->number > frag->total || !*plain_len ||
	    (frag->number > 1 && *first)) {
		secret_wipe(plain, *plain_len);
		return -EBADMSG;
	}
	return 0;
}

/* ---- payloads allowed in an exchange ------------------------------------ */

#define CQ 0x1 /* in the clear, request */
#define CR 0x2 /* in the clear, response */
#define EQ 0x4 /* inside SK, request */
#define ER 0x8 /* inside SK, response */

/*
 * A known payload that is not in the table for its exchange makes the message
 * malformed. Outside the exchanges that open an IKE SA the only payload in the clear
 * is SK, which is not sorted here: before decryption nothing is authenticated.
 */
static const struct rule {
	uint8_t xchg;
	uint8_t pld;
	uint8_t where;
	uint8_t max;
} rules[] = {
	{ IKE_XCHG_IKE_SA_INIT, IKE_PLD_SA, CQ | CR, 1 },
	{ IKE_XCHG_IKE_SA_INIT, IKE_PLD_KE, CQ | CR, 1 },
	{ IKE_XCHG_IKE_SA_INIT, IKE_PLD_NONCE, CQ | CR, 1 },
	{ IKE_XCHG_IKE_SA_INIT, IKE_PLD_CERTREQ, CR, CERT_MAX_CHAIN },
	{ IKE_XCHG_IKE_SA_INIT, IKE_PLD_NOTIFY, CQ | CR, MSG_MAX_NOTIFY },
	{ IKE_XCHG_IKE_SA_INIT, IKE_PLD_VENDOR, CQ | CR, 32 },

	{ IKE_XCHG_IKE_SESSION_RESUME, IKE_PLD_NONCE, CQ | CR, 1 },
	{ IKE_XCHG_IKE_SESSION_RESUME, IKE_PLD_NOTIFY, CQ | CR,
	  MSG_MAX_NOTIFY },
	{ IKE_XCHG_IKE_SESSION_RESUME, IKE_PLD_VENDOR, CQ | CR, 32 },

	/* A Child SA that is asked for is refused, so it is not malformed. */
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_IDI, EQ, 1 },
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_IDR, EQ | ER, 1 },
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_CERT, EQ | ER, CERT_MAX_CHAIN },
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_CERTREQ, EQ, CERT_MAX_CHAIN },
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_AUTH, EQ | ER, 1 },
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_SA, EQ, 1 },
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_TSI, EQ, 1 },
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_TSR, EQ, 1 },
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_NOTIFY, EQ | ER, MSG_MAX_NOTIFY },
	{ IKE_XCHG_IKE_AUTH, IKE_PLD_VENDOR, EQ | ER, 32 },

	{ IKE_XCHG_IKE_INTERMEDIATE, IKE_PLD_KE, EQ | ER, 1 },
	{ IKE_XCHG_IKE_INTERMEDIATE, IKE_PLD_NOTIFY, EQ | ER, MSG_MAX_NOTIFY },
	{ IKE_XCHG_IKE_INTERMEDIATE, IKE_PLD_VENDOR, EQ | ER, 32 },

	{ GIKE_XCHG_GSA_AUTH, IKE_PLD_IDI, EQ, 1 },
	{ GIKE_XCHG_GSA_AUTH, IKE_PLD_IDR, EQ | ER, 1 },
	{ GIKE_XCHG_GSA_AUTH, IKE_PLD_CERT, EQ | ER, CERT_MAX_CHAIN },
	{ GIKE_XCHG_GSA_AUTH, IKE_PLD_CERTREQ, EQ, CERT_MAX_CHAIN },
	{ GIKE_XCHG_GSA_AUTH, IKE_PLD_AUTH, EQ | ER, 1 },
	{ GIKE_XCHG_GSA_AUTH, GIKE_PLD_IDG, EQ, 1 },
	{ GIKE_XCHG_GSA_AUTH, IKE_PLD_SA, EQ, 1 }, /* SAg */
	{ GIKE_XCHG_GSA_AUTH, GIKE_PLD_GSA, ER, 1 },
	{ GIKE_XCHG_GSA_AUTH, GIKE_PLD_KD, ER, 1 },
	{ GIKE_XCHG_GSA_AUTH, IKE_PLD_NOTIFY, EQ | ER, MSG_MAX_NOTIFY },
	{ GIKE_XCHG_GSA_AUTH, IKE_PLD_VENDOR, EQ | ER, 32 },

	{ GIKE_XCHG_GSA_REGISTRATION, GIKE_PLD_IDG, EQ, 1 },
	{ GIKE_XCHG_GSA_REGISTRATION, IKE_PLD_SA, EQ, 1 },
	{ GIKE_XCHG_GSA_REGISTRATION, GIKE_PLD_GSA, ER, 1 },
	{ GIKE_XCHG_GSA_REGISTRATION, GIKE_PLD_KD, ER, 1 },
	{ GIKE_XCHG_GSA_REGISTRATION, IKE_PLD_NOTIFY, EQ | ER, MSG_MAX_NOTIFY },
	{ GIKE_XCHG_GSA_REGISTRATION, IKE_PLD_VENDOR, EQ | ER, 32 },

	/* GSA_REKEY is one-way, so it is always a request. */
	{ GIKE_XCHG_GSA_REKEY, GIKE_PLD_GSA, EQ, 1 },
	{ GIKE_XCHG_GSA_REKEY, GIKE_PLD_KD, EQ, 1 },
	{ GIKE_XCHG_GSA_REKEY, IKE_PLD_AUTH, EQ, 1 },
	{ GIKE_XCHG_GSA_REKEY, IKE_PLD_DELETE, EQ, MSG_MAX_DELETE },
	{ GIKE_XCHG_GSA_REKEY, IKE_PLD_NOTIFY, EQ, MSG_MAX_NOTIFY },
	{ GIKE_XCHG_GSA_REKEY, IKE_PLD_VENDOR, EQ, 32 },

	{ GIKE_XCHG_GSA_INBAND_REKEY, GIKE_PLD_GSA, EQ, 1 },
	{ GIKE_XCHG_GSA_INBAND_REKEY, GIKE_PLD_KD, EQ, 1 },
	{ GIKE_XCHG_GSA_INBAND_REKEY, IKE_PLD_DELETE, EQ, MSG_MAX_DELETE },
	{ GIKE_XCHG_GSA_INBAND_REKEY, IKE_PLD_NOTIFY, EQ | ER, MSG_MAX_NOTIFY },
	{ GIKE_XCHG_GSA_INBAND_REKEY, IKE_PLD_VENDOR, EQ | ER, 32 },

	{ IKE_XCHG_INFORMATIONAL, IKE_PLD_NOTIFY, EQ | ER, MSG_MAX_NOTIFY },
	{ IKE_XCHG_INFORMATIONAL, IKE_PLD_DELETE, EQ | ER, MSG_MAX_DELETE },
	{ IKE_XCHG_INFORMATIONAL, IKE_PLD_VENDOR, EQ | ER, 32 },

	/*
	 * A Child SA is refused by a notify, so its payloads are not malformed.
	 */
	{ IKE_XCHG_CREATE_CHILD_SA, IKE_PLD_SA, EQ | ER, 1 },
	{ IKE_XCHG_CREATE_CHILD_SA, IKE_PLD_KE, EQ | ER, 1 },
	{ IKE_XCHG_CREATE_CHILD_SA, IKE_PLD_NONCE, EQ | ER, 1 },
	{ IKE_XCHG_CREATE_CHILD_SA, IKE_PLD_TSI, EQ, 1 },
	{ IKE_XCHG_CREATE_CHILD_SA, IKE_PLD_TSR, EQ, 1 },
	{ IKE_XCHG_CREATE_CHILD_SA, IKE_PLD_NOTIFY, EQ | ER, MSG_MAX_NOTIFY },
	{ IKE_XCHG_CREATE_CHILD_SA, IKE_PLD_VENDOR, EQ | ER, 32 },

	{ IKE_XCHG_IKE_FOLLOWUP_KE, IKE_PLD_KE, EQ | ER, 1 },
	{ IKE_XCHG_IKE_FOLLOWUP_KE, IKE_PLD_NOTIFY, EQ | ER, MSG_MAX_NOTIFY },
	{ IKE_XCHG_IKE_FOLLOWUP_KE, IKE_PLD_VENDOR, EQ | ER, 32 },
};

static const struct rule *rule_find(const struct ike_msg *m, enum msg_side side,
				    uint8_t pld)
{
	bool res = m->h.flags & IKE_FLAG_RESPONSE;
	uint8_t where = side == MSG_CLEAR ? (res ? CR : CQ) : (res ? ER : EQ);

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].xchg == m->h.xchg && rules[i].pld == pld &&
		    (rules[i].where & where))
			return &rules[i];
	return NULL;
}

static bool xchg_known(uint8_t xchg)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i].xchg == xchg)
			return true;
	return false;
}

/* CP, EAP, GSPM and SKF are not parsed here, so they count as unknown. */
static bool pld_known(uint8_t type)
{
	return (type >= IKE_PLD_SA && type <= IKE_PLD_SK) ||
	       (type >= GIKE_PLD_IDG && type <= GIKE_PLD_KD);
}

static struct pld *payload_slot(struct ike_msg *m, uint8_t type)
{
	switch (type) {
	case IKE_PLD_SA:
		return &m->sa;
	case IKE_PLD_KE:
		return &m->ke;
	case IKE_PLD_NONCE:
		return &m->nonce;
	case IKE_PLD_IDI:
		return &m->idi;
	case IKE_PLD_IDR:
		return &m->idr;
	case GIKE_PLD_IDG:
		return &m->idg;
	case IKE_PLD_AUTH:
		return &m->auth;
	case IKE_PLD_TSI:
		return &m->tsi;
	case IKE_PLD_TSR:
		return &m->tsr;
	case GIKE_PLD_GSA:
		return &m->gsa;
	case GIKE_PLD_KD:
		return &m->kd;
	}
	return NULL;
}

static int store_payload(struct ike_msg *m, const struct pld *p)
{
	struct pld *s = payload_slot(m, p->type);
	struct rbuf r;
	int ret = 0;

	if (s) {
		*s = *p;
		return 0;
	}
	rbuf_init(&r, p->body, p->len);
	switch (p->type) {
	case IKE_PLD_CERT:
		ret = cert_parse(&r, &m->cert[m->n_cert]);
		if (!ret && m->cert[m->n_cert].len > CERT_MAX_LEN)
			ret = -E2BIG;
		m->n_cert += !ret;
		break;
	case IKE_PLD_CERTREQ:
		m->n_certreq++;
		break;
	case IKE_PLD_NOTIFY:
		ret = notify_parse(&r, &m->notify[m->n_notify]);
		m->n_notify += !ret;
		break;
	case IKE_PLD_DELETE:
		ret = delete_parse(&r, &m->del[m->n_delete]);
		m->n_delete += !ret;
		break;
	}
	return ret;
}

int msg_sort(struct ike_msg *m, enum msg_side side, uint8_t first,
	     const uint8_t *p, size_t len, struct err *err)
{
	struct ike_hdr h = m->h;
	uint8_t seen[256] = { 0 };
	const struct rule *rule;
	struct pwalk walk;
	struct pld pld;
	int ret;

	memset(m, 0, sizeof(*m));
	m->h = h;
	if (!xchg_known(h.xchg))
		return err_set(err, -ENOMSG, "exchange type %u", h.xchg);

	pwalk_init(&walk, first, p, len);
	while ((ret = pwalk_next(&walk, &pld)) > 0) {
		if (!pld_known(pld.type)) {
			if (!pld.critical)
				continue;
			m->critical = pld.type;
			return err_set(err, -EPROTONOSUPPORT,
				       "critical payload of type %u", pld.type);
		}
		rule = rule_find(m, side, pld.type);
		if (!rule)
			return err_set(err, -EBADMSG, "%s payload %s %s",
				       ike_pld_name(pld.type),
				       side == MSG_CLEAR ? "in the clear in"
							 : "in",
				       ike_xchg_name(h.xchg));
		if (++seen[pld.type] > rule->max)
			return err_set(err, -EBADMSG,
				       "more than %u %s payloads", rule->max,
				       ike_pld_name(pld.type));
		ret = store_payload(m, &pld);
		if (ret)
			return err_set(err, -EBADMSG, "malformed %s payload",
				       ike_pld_name(pld.type));
	}
	if (ret)
		return err_set(err, -EBADMSG, "payload lengths do not add up");
	return 0;
}

const struct notify_pld *msg_notify(const struct ike_msg *m, uint16_t type)
{
	for (unsigned int i = 0; i < m->n_notify; i++)
		if (m->notify[i].type == type)
			return &m->notify[i];
	return NULL;
}

const struct notify_pld *msg_error(const struct ike_msg *m)
{
	for (unsigned int i = 0; i < m->n_notify; i++)
		if (m->notify[i].type <= IKE_N_ERROR_MAX)
			return &m->notify[i];
	return NULL;
}

bool msg_deletes_ike_sa(const struct ike_msg *m)
{
	unsigned int i;

	for (i = 0; i < m->n_delete; i++)
		if (m->del[i].proto == IKE_PROTO_IKE)
			return true;
	return false;
}
