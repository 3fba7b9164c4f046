// SPDX-License-Identifier: Apache-2.0
/* The GSA payload (RFC 9838 section 4.4). */
#include <errno.h>
#include <string.h>

#include "crypto/aead.h"
#include "crypto/wrap.h"
#include "wire/gpayload.h"
#include "lib/util.h"

#define GWP_TERM_LEN 4
#define GWP_DEAD_LEN (GIKE_SPI_LEN_DATA + 2)
#define GWP_MADE_LEN 10 /* milliseconds, and the seconds of the beat */

/* ---- parsing ------------------------------------------------------------ */

static int take_id(uint16_t *has, uint16_t bit, uint16_t *to, uint16_t id)
{
	/* RFC 9838 section 4.4.2.1: each type may be present once. */
	if (*has & bit)
		return -EBADMSG;
	*has |= bit;
	*to = id;
	return 0;
}

static int take_transform(struct gsa_sa *sa, const struct transform *t)
{
	/*
	 * Attribute 18 is allowed with GCAUTH only, a key length with ENCR
	 * only.
	 */
	if ((t->sigalg && t->type != GIKE_TT_GCAUTH) ||
	    (t->key_bits && t->type != IKE_TT_ENCR))
		return -EBADMSG;
	if (t->unknown_attr)
		sa->unknown = true;

	switch (t->type) {
	case IKE_TT_ENCR:
		sa->key_bits = t->key_bits;
		return take_id(&sa->has, GSA_HAS_ENCR, &sa->encr, t->id);
	case IKE_TT_INTEG:
		return take_id(&sa->has, GSA_HAS_INTEG, &sa->integ, t->id);
	case IKE_TT_SN:
		return take_id(&sa->has, GSA_HAS_SN, &sa->sn, t->id);
	case GIKE_TT_KWA:
		return take_id(&sa->has, GSA_HAS_KWA, &sa->kwa, t->id);
	case GIKE_TT_GCAUTH:
		if (t->sigalg_len > sizeof(sa->sigalg))
			return -EBADMSG;
		if (t->sigalg_len)
			memcpy(sa->sigalg, t->sigalg, t->sigalg_len);
		sa->sigalg_len = t->sigalg_len;
		return take_id(&sa->has, GSA_HAS_GCAUTH, &sa->gcauth, t->id);
	}
	sa->unknown = true;
	return 0;
}

static int take_u32(uint16_t *has, uint16_t bit, uint32_t *to, struct rbuf *val)
{
	if ((*has & bit) || rbuf_left(val) != 4)
		return -EBADMSG;
	*has |= bit;
	*to = rbuf_u32(val);
	return 0;
}

/*
 * Keep an attribute of the TV form, which has its value in place of a length.
 */
static void keep_value(struct opaque *o, uint16_t type, uint16_t val)
{
	uint8_t octets[2];

	put_unaligned_be16(val, octets);
	opaque_keep(o, type, octets, sizeof(octets));
}

static int gsa_attrs(struct rbuf *r, struct gsa_sa *sa)
{
	while (rbuf_left(r)) {
		uint16_t type = rbuf_u16(r);
		uint16_t len = rbuf_u16(r);
		struct rbuf val;
		int ret = 0;

		if (r->err)
			return -EBADMSG;
		if (type & IKE_ATTR_AF) {
			/*
			 * All known attributes are TLV, so len is the value of
			 * a TV one.
			 */
			keep_value(&sa->opaque, type, len);
			type &= ~IKE_ATTR_AF;
			if (type >= GIKE_GSA_KEY_LIFETIME &&
			    type <= GIKE_GSA_NEXT_SPI)
				return -EBADMSG;
			if (type < IKE_ATTR_PRIVATE)
				sa->unknown = true;
			continue;
		}
		if (!rbuf_sub(r, len, &val))
			return -EBADMSG;
		switch (type) {
		case GIKE_GSA_KEY_LIFETIME:
			ret = take_u32(&sa->has, GSA_HAS_LIFETIME,
				       &sa->lifetime, &val);
			break;
		case GIKE_GSA_INITIAL_MESSAGE_ID:
			ret = take_u32(&sa->has, GSA_HAS_INITIAL_MID,
				       &sa->initial_mid, &val);
			break;
		case GIKE_GSA_NEXT_SPI:
			if (len != sa->spi_len)
				return -EBADMSG;
			/*
			 * The SPIs are a hint, so those beyond the limit may be
			 * dropped.
			 */
			if (sa->n_next_spi < GSA_MAX_NEXT_SPI)
				rbuf_copy(&val, sa->next_spi[sa->n_next_spi++],
					  len);
			break;
		default:
			if (type < IKE_ATTR_PRIVATE)
				sa->unknown = true;
			opaque_keep(&sa->opaque, type, rbuf_here(&val), len);
		}
		if (ret)
			return ret;
	}
	return r->err ? -EBADMSG : 0;
}

/* Parse RFC 9838 section 4.4.2 behind Protocol, SPI Size and Length. */
static int gsa_sa_parse(struct rbuf *r, uint8_t proto, uint8_t spi_len,
			struct gsa_sa *sa)
{
	/*
	 * Five types are known; the rest is room for types that are rejected by
	 * name.
	 */
	struct transform t[16];
	unsigned int n;
	int ret;

	memset(sa, 0, sizeof(*sa));
	sa->proto = proto;
	sa->spi_len = proto == GIKE_PROTO_GIKE_UPDATE ? GIKE_SPI_LEN_REKEY
						      : GIKE_SPI_LEN_DATA;
	if (spi_len != sa->spi_len || !rbuf_copy(r, sa->spi, spi_len))
		return -EBADMSG;
	ret = ts_parse(r, &sa->src);
	if (!ret)
		ret = ts_parse(r, &sa->dst);
	if (!ret)
		ret = transforms_parse(r, t, ARRAY_SIZE(t), &n);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < n; i++) {
		ret = take_transform(sa, &t[i]);
		if (ret)
			return ret;
	}
	return gsa_attrs(r, sa);
}

static int take_made(struct gsa_gw *gw, struct rbuf *r, uint16_t len)
{
	struct rbuf val;

	if (gw->has & GWP_HAS_MADE || len != GWP_MADE_LEN ||
	    !rbuf_sub(r, len, &val))
		return -EBADMSG;
	gw->has |= GWP_HAS_MADE;
	gw->made_ms = rbuf_u64(&val);
	gw->beat = rbuf_u16(&val);
	return 0;
}

static int take_term(struct gsa_gw *gw, struct rbuf *r, uint16_t len)
{
	if (gw->has & GWP_HAS_TERM || len != GWP_TERM_LEN)
		return -EBADMSG;
	gw->has |= GWP_HAS_TERM;
	gw->term = rbuf_u32(r);
	return r->err ? -EBADMSG : 0;
}

static int take_next_rekey(struct gsa_gw *gw, struct rbuf *r, uint16_t len)
{
	unsigned int i, n = len / GIKE_SPI_LEN_REKEY;

	if (gw->n_next_rekey || !n || len % GIKE_SPI_LEN_REKEY ||
	    n > GSA_MAX_NEXT_SPI)
		return -EBADMSG;
	for (i = 0; i < n; i++)
		rbuf_copy(r, gw->next_rekey[i], GIKE_SPI_LEN_REKEY);
	gw->n_next_rekey = n;
	return r->err ? -EBADMSG : 0;
}

static int take_dead(struct gsa_gw *gw, struct rbuf *r, uint16_t len)
{
	unsigned int i, n = len / GWP_DEAD_LEN;

	if (gw->n_dead || !n || len % GWP_DEAD_LEN || n > GSA_MAX_DEAD)
		return -EBADMSG;
	for (i = 0; i < n; i++) {
		gw->dead[i].spi = rbuf_u32(r);
		gw->dead[i].seconds = rbuf_u16(r);
	}
	gw->n_dead = n;
	return r->err ? -EBADMSG : 0;
}

/* Take an attribute of ours. Returns 0, -EBADMSG, or -ENOENT if it is another one. */
static int take_own_attr(struct gsa_gw *gw, struct rbuf *r, uint16_t type,
			 uint16_t len)
{
	switch (type) {
	case GIKE_GWP_MADE:
		return take_made(gw, r, len);
	case GIKE_GWP_TERM:
		return take_term(gw, r, len);
	case GIKE_GWP_NEXT_REKEY:
		return take_next_rekey(gw, r, len);
	case GIKE_GWP_DEAD:
		return take_dead(gw, r, len);
	}
	return -ENOENT;
}

/* Parse RFC 9838 section 4.4.3 behind Protocol, RESERVED and Length. */
static int gw_parse(struct rbuf *r, struct gsa *gsa)
{
	struct gsa_gw *gw = &gsa->gw;
	int ret;

	if (gw->present)
		return -EBADMSG;
	gw->present = true;
	while (rbuf_left(r)) {
		uint16_t type = rbuf_u16(r);
		uint16_t val = rbuf_u16(r);
		struct rbuf octets;
		uint8_t bit;

		if (r->err)
			return -EBADMSG;
		ret = take_own_attr(gw, r, type, val);
		if (!ret)
			continue;
		if (ret != -ENOENT)
			return ret;
		switch (type & ~IKE_ATTR_AF) {
		case GIKE_GWP_ATD:
			bit = GWP_HAS_ATD;
			gw->atd = val;
			break;
		case GIKE_GWP_DTD:
			bit = GWP_HAS_DTD;
			gw->dtd = val;
			break;
		case GIKE_GWP_SENDER_ID_BITS:
			bit = GWP_HAS_SENDER_ID_BITS;
			gw->sender_id_bits = val;
			break;
		default:
			if ((type & ~IKE_ATTR_AF) < IKE_ATTR_PRIVATE)
				gsa->unknown = true;
			if (type & IKE_ATTR_AF) {
				keep_value(&gw->opaque, type, val);
			} else {
				if (!rbuf_sub(r, val, &octets))
					return -EBADMSG;
				opaque_keep(&gw->opaque, type,
					    rbuf_here(&octets), val);
			}
			continue;
		}
		if (!(type & IKE_ATTR_AF) || (gw->has & bit))
			return -EBADMSG;
		gw->has |= bit;
	}
	return r->err ? -EBADMSG : 0;
}

static int policy_parse(struct rbuf *r, struct gsa *gsa)
{
	uint8_t proto = rbuf_u8(r);
	uint8_t spi_len = rbuf_u8(r);
	uint16_t len = rbuf_u16(r);
	struct rbuf sub;

	if (r->err || len < 4 || !rbuf_sub(r, len - 4, &sub))
		return -EBADMSG;
	switch (proto) {
	case IKE_PROTO_NONE:
		return gw_parse(&sub, gsa);
	case GIKE_PROTO_GIKE_UPDATE:
		if (gsa->has_rekey)
			return -EBADMSG;
		gsa->has_rekey = true;
		return gsa_sa_parse(&sub, proto, spi_len, &gsa->rekey);
	case IKE_PROTO_AH:
	case IKE_PROTO_ESP:
		if (gsa->n_data == GSA_MAX_DATA)
			return -E2BIG;
		return gsa_sa_parse(&sub, proto, spi_len,
				    &gsa->data[gsa->n_data++]);
	}
	gsa->unknown = true;
	return 0;
}

int gsa_parse(struct rbuf *r, struct gsa *gsa)
{
	int ret = 0;

	memset(gsa, 0, sizeof(*gsa));
	while (!ret && rbuf_left(r))
		ret = policy_parse(r, gsa);
	if (!ret && r->err)
		ret = -EBADMSG;
	/* RFC 9838 section 4.4.1: at least one SA policy. */
	if (!ret && !gsa->has_rekey && !gsa->n_data && !gsa->unknown)
		ret = -EBADMSG;
	if (ret)
		memset(gsa, 0, sizeof(*gsa));
	return ret;
}

/* ---- building ----------------------------------------------------------- */

static void attr_tlv(struct wbuf *w, uint16_t type, const void *p, size_t len)
{
	wbuf_u16(w, type);
	wbuf_u16(w, len);
	wbuf_put(w, p, len);
}

static void attr_u32(struct wbuf *w, uint16_t type, uint32_t val)
{
	wbuf_u16(w, type);
	wbuf_u16(w, 4);
	wbuf_u32(w, val);
}

static unsigned int sa_transforms(const struct gsa_sa *sa,
				  struct transform t[5])
{
	unsigned int n = 0;

	memset(t, 0, 5 * sizeof(t[0]));
	if (sa->has & GSA_HAS_ENCR) {
		t[n].type = IKE_TT_ENCR;
		t[n].id = sa->encr;
		t[n++].key_bits = sa->key_bits;
	}
	if (sa->has & GSA_HAS_INTEG) {
		t[n].type = IKE_TT_INTEG;
		t[n++].id = sa->integ;
	}
	if (sa->has & GSA_HAS_SN) {
		t[n].type = IKE_TT_SN;
		t[n++].id = sa->sn;
	}
	if (sa->has & GSA_HAS_KWA) {
		t[n].type = GIKE_TT_KWA;
		t[n++].id = sa->kwa;
	}
	if (sa->has & GSA_HAS_GCAUTH) {
		t[n].type = GIKE_TT_GCAUTH;
		t[n].sigalg = sa->sigalg;
		t[n].sigalg_len = sa->sigalg_len;
		t[n++].id = sa->gcauth;
	}
	return n;
}

static void gsa_sa_build(struct wbuf *w, const struct gsa_sa *sa)
{
	struct transform t[5];
	size_t start = w->len;
	unsigned int n;

	wbuf_u8(w, sa->proto);
	wbuf_u8(w, sa->spi_len);
	wbuf_u16(w, 0);
	wbuf_put(w, sa->spi, sa->spi_len);
	ts_build(w, &sa->src);
	ts_build(w, &sa->dst);
	n = sa_transforms(sa, t);
	transforms_build(w, t, n);
	if (sa->has & GSA_HAS_LIFETIME)
		attr_u32(w, GIKE_GSA_KEY_LIFETIME, sa->lifetime);
	if (sa->has & GSA_HAS_INITIAL_MID)
		attr_u32(w, GIKE_GSA_INITIAL_MESSAGE_ID, sa->initial_mid);
	for (unsigned int i = 0; i < sa->n_next_spi; i++)
		attr_tlv(w, GIKE_GSA_NEXT_SPI, sa->next_spi[i], sa->spi_len);
	opaque_build_attrs(w, &sa->opaque);
	wbuf_patch_u16(w, start + 2, w->len - start);
}

static void attr_tv(struct wbuf *w, uint16_t type, uint16_t val)
{
	wbuf_u16(w, IKE_ATTR_AF | type);
	wbuf_u16(w, val);
}

static void gw_build(struct wbuf *w, const struct gsa_gw *gw)
{
	size_t start = w->len;

	wbuf_u8(w, IKE_PROTO_NONE);
	wbuf_u8(w, 0);
	wbuf_u16(w, 0);
	if (gw->has & GWP_HAS_ATD)
		attr_tv(w, GIKE_GWP_ATD, gw->atd);
	if (gw->has & GWP_HAS_DTD)
		attr_tv(w, GIKE_GWP_DTD, gw->dtd);
	if (gw->has & GWP_HAS_SENDER_ID_BITS)
		attr_tv(w, GIKE_GWP_SENDER_ID_BITS, gw->sender_id_bits);
	if (gw->has & GWP_HAS_MADE) {
		wbuf_u16(w, GIKE_GWP_MADE);
		wbuf_u16(w, GWP_MADE_LEN);
		wbuf_u64(w, gw->made_ms);
		wbuf_u16(w, gw->beat);
	}
	if (gw->has & GWP_HAS_TERM) {
		wbuf_u16(w, GIKE_GWP_TERM);
		wbuf_u16(w, GWP_TERM_LEN);
		wbuf_u32(w, gw->term);
	}
	if (gw->n_dead) {
		wbuf_u16(w, GIKE_GWP_DEAD);
		wbuf_u16(w, gw->n_dead * GWP_DEAD_LEN);
	}
	for (unsigned int i = 0; i < gw->n_dead; i++) {
		wbuf_u32(w, gw->dead[i].spi);
		wbuf_u16(w, gw->dead[i].seconds);
	}
	if (gw->n_next_rekey)
		attr_tlv(w, GIKE_GWP_NEXT_REKEY, gw->next_rekey,
			 gw->n_next_rekey * GIKE_SPI_LEN_REKEY);
	opaque_build_attrs(w, &gw->opaque);
	wbuf_patch_u16(w, start + 2, w->len - start);
}

void gsa_build(struct pchain *c, const struct gsa *gsa)
{
	pchain_begin(c, GIKE_PLD_GSA);
	if (gsa->has_rekey)
		gsa_sa_build(c->w, &gsa->rekey);
	for (unsigned int i = 0; i < gsa->n_data; i++)
		gsa_sa_build(c->w, &gsa->data[i]);
	if (gsa->gw.present)
		gw_build(c->w, &gsa->gw);
	pchain_end(c);
}

/* ---- key lengths -------------------------------------------------------- */

bool gsa_is_counter(const struct gsa_sa *sa)
{
	return sa->encr == IKE_ENCR_AES_GCM_16 ||
	       sa->encr == IKE_ENCR_NULL_AUTH_AES_GMAC ||
	       sa->encr == IKE_ENCR_CHACHA20_POLY1305;
}

int gsa_keymat_len(const struct gsa_sa *sa)
{
	uint16_t encr = sa->encr;
	size_t len, kwa_len;

	/* RFC 4543 section 5.3: GMAC has the key lengths of GCM. */
	if (sa->proto == IKE_PROTO_ESP && encr == IKE_ENCR_NULL_AUTH_AES_GMAC)
		encr = IKE_ENCR_AES_GCM_16;
	/*
	 * RFC 7634 section 3: ChaCha20-Poly1305 has one key size and no Key
	 * Length.
	 */
	if (encr == IKE_ENCR_CHACHA20_POLY1305 && sa->key_bits)
		return -ENOTSUP;
	len = aead_key_len(encr, sa->key_bits);
	if (!len)
		return -ENOTSUP;
	if (sa->proto == IKE_PROTO_ESP)
		return len;
	if (sa->proto != GIKE_PROTO_GIKE_UPDATE)
		return -ENOTSUP;
	kwa_len = wrap_key_len(sa->kwa);
	return kwa_len ? (int)(len + kwa_len) : -ENOTSUP;
}
