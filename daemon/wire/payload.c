// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "wire/payload.h"

#include "crypto/prf.h"

/* ---- generic headers ---------------------------------------------------- */

void pwalk_init(struct pwalk *w, uint8_t first, const uint8_t *p, size_t len)
{
	rbuf_init(&w->r, p, len);
	w->next = first;
	w->n = 0;
}

int pwalk_next(struct pwalk *w, struct pld *p)
{
	const uint8_t *body;
	uint8_t next, flags;
	uint16_t len;

	if (w->next == IKE_PLD_NONE)
		return rbuf_left(&w->r) || w->r.err ? -EBADMSG : 0;
	if (++w->n > PWALK_MAX)
		return -EBADMSG;
	next = rbuf_u8(&w->r);
	flags = rbuf_u8(&w->r);
	len = rbuf_u16(&w->r);
	if (w->r.err || len < IKE_PLD_HDR_LEN)
		return -EBADMSG;
	body = rbuf_bytes(&w->r, len - IKE_PLD_HDR_LEN);
	if (!body)
		return -EBADMSG;
	p->type = w->next;
	p->next = next;
	p->critical = flags & IKE_PLD_CRITICAL;
	p->body = body;
	p->len = len - IKE_PLD_HDR_LEN;
	w->next = next;
	return 1;
}

void pchain_init(struct pchain *c, struct wbuf *w, size_t next_off)
{
	memset(c, 0, sizeof(*c));
	c->w = w;
	c->next_off = next_off;
}

void pchain_begin(struct pchain *c, uint8_t type)
{
	if (c->next_off == PCHAIN_DETACHED)
		c->first = type;
	else
		wbuf_patch_u8(c->w, c->next_off, type);
	c->start = wbuf_reserve(c->w, IKE_PLD_HDR_LEN);
	c->next_off = c->start;
}

void pchain_end(struct pchain *c)
{
	size_t len = c->w->len - c->start;

	/*
	 * A payload longer than 16 bits must be an error, since Length would
	 * wrap.
	 */
	if (!c->w->err && len > UINT16_MAX)
		c->w->err = -EMSGSIZE;
	wbuf_patch_u16(c->w, c->start + 2, len);
}

void raw_build(struct pchain *c, uint8_t type, const uint8_t *p, size_t len)
{
	pchain_begin(c, type);
	wbuf_put(c->w, p, len);
	pchain_end(c);
}

/* ---- SA, RFC 7296 3.3 --------------------------------------------------- */

/*
 * Parse transform attributes. Only Key Length and Signature Algorithm
 * Identifier are known; both must have the form of their registry.
 */
static int tattrs_parse(struct rbuf *r, struct transform *t)
{
	while (rbuf_left(r)) {
		uint16_t type = rbuf_u16(r);
		uint16_t val = rbuf_u16(r);
		const uint8_t *p = NULL;

		if (r->err)
			return -EBADMSG;
		if (!(type & IKE_ATTR_AF)) {
			p = rbuf_bytes(r, val);
			if (!p)
				return -EBADMSG;
		}
		switch (type) {
		case IKE_ATTR_AF | IKE_TATTR_KEY_LENGTH:
			if (t->key_bits || !val)
				return -EBADMSG;
			t->key_bits = val;
			break;
		case GIKE_TATTR_SIG_ALG_ID:
			if (t->sigalg || !val || val > SIG_MAX_ALG)
				return -EBADMSG;
			t->sigalg = p;
			t->sigalg_len = val;
			break;
		default:
			t->unknown_attr = true;
		}
	}
	return r->err ? -EBADMSG : 0;
}

int transforms_parse(struct rbuf *r, struct transform *t, unsigned int max,
		     unsigned int *n)
{
	uint8_t last;

	*n = 0;
	do {
		struct rbuf sub;
		uint16_t len;
		int ret;

		last = rbuf_u8(r);
		rbuf_u8(r);
		len = rbuf_u16(r);
		if (r->err || len < 8 || (last != 0 && last != 3))
			return -EBADMSG;
		if (!rbuf_sub(r, len - 4, &sub))
			return -EBADMSG;
		if (*n == max)
			return -E2BIG;
		memset(&t[*n], 0, sizeof(t[*n]));
		t[*n].type = rbuf_u8(&sub);
		rbuf_u8(&sub);
		t[*n].id = rbuf_u16(&sub);
		ret = tattrs_parse(&sub, &t[*n]);
		if (ret)
			return ret;
		++*n;
	} while (last);
	return 0;
}

void transforms_build(struct wbuf *w, const struct transform *t, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++, t++) {
		size_t len = 8;

		if (t->key_bits)
			len += 4;
		if (t->sigalg_len)
			len += 4 + t->sigalg_len;
		wbuf_u8(w, i + 1 < n ? 3 : 0);
		wbuf_u8(w, 0);
		wbuf_u16(w, len);
		wbuf_u8(w, t->type);
		wbuf_u8(w, 0);
		wbuf_u16(w, t->id);
		if (t->key_bits) {
			wbuf_u16(w, IKE_ATTR_AF | IKE_TATTR_KEY_LENGTH);
			wbuf_u16(w, t->key_bits);
		}
		if (t->sigalg_len) {
			wbuf_u16(w, GIKE_TATTR_SIG_ALG_ID);
			wbuf_u16(w, t->sigalg_len);
			wbuf_put(w, t->sigalg, t->sigalg_len);
		}
	}
}

static int proposal_parse(struct rbuf *r, struct proposal *p, uint8_t *last)
{
	uint8_t n_transforms;
	struct rbuf sub;
	uint16_t len;
	int ret;

	*last = rbuf_u8(r);
	rbuf_u8(r);
	len = rbuf_u16(r);
	if (r->err || len < 8 || (*last != 0 && *last != 2))
		return -EBADMSG;
	if (!rbuf_sub(r, len - 4, &sub))
		return -EBADMSG;
	memset(p, 0, sizeof(*p));
	p->num = rbuf_u8(&sub);
	p->proto = rbuf_u8(&sub);
	p->spi_len = rbuf_u8(&sub);
	n_transforms = rbuf_u8(&sub);
	if (p->spi_len > sizeof(p->spi) || !rbuf_copy(&sub, p->spi, p->spi_len))
		return -EBADMSG;
	if (!n_transforms)
		return rbuf_left(&sub) || sub.err ? -EBADMSG : 0;
	ret = transforms_parse(&sub, p->t, SA_MAX_TRANSFORMS, &p->n);
	if (ret)
		return ret;
	return p->n != n_transforms || rbuf_left(&sub) ? -EBADMSG : 0;
}

int sa_parse(struct rbuf *r, struct sa_pld *sa)
{
	uint8_t last;

	sa->n = 0;
	do {
		int ret;

		if (sa->n == SA_MAX_PROPOSALS)
			return -E2BIG;
		ret = proposal_parse(r, &sa->p[sa->n], &last);
		if (ret)
			return ret;
		sa->n++;
	} while (last);
	return rbuf_left(r) || r->err ? -EBADMSG : 0;
}

void sa_build(struct pchain *c, const struct sa_pld *sa)
{
	struct wbuf *w = c->w;

	pchain_begin(c, IKE_PLD_SA);
	for (unsigned int i = 0; i < sa->n; i++) {
		const struct proposal *p = &sa->p[i];
		size_t start = w->len;

		wbuf_u8(w, i + 1 < sa->n ? 2 : 0);
		wbuf_u8(w, 0);
		wbuf_u16(w, 0);
		wbuf_u8(w, p->num);
		wbuf_u8(w, p->proto);
		wbuf_u8(w, p->spi_len);
		wbuf_u8(w, p->n);
		wbuf_put(w, p->spi, p->spi_len);
		transforms_build(w, p->t, p->n);
		wbuf_patch_u16(w, start + 2, w->len - start);
	}
	pchain_end(c);
}

struct proposal *proposal_add(struct sa_pld *sa, uint8_t num, uint8_t proto)
{
	struct proposal *p;

	if (sa->n >= SA_MAX_PROPOSALS)
		return NULL;
	p = &sa->p[sa->n++];
	memset(p, 0, sizeof(*p));
	p->num = num;
	p->proto = proto;
	return p;
}

int proposal_put(struct proposal *p, uint8_t type, uint16_t id,
		 uint16_t key_bits)
{
	struct transform *t;

	if (p->n >= SA_MAX_TRANSFORMS)
		return -E2BIG;
	t = &p->t[p->n++];
	memset(t, 0, sizeof(*t));
	t->type = type;
	t->id = id;
	t->key_bits = key_bits;
	return 0;
}

/* ---- KE, RFC 7296 3.4; nonce, 3.9 --------------------------------------- */

int ke_parse(struct rbuf *r, struct ke_pld *ke)
{
	ke->group = rbuf_u16(r);
	rbuf_u16(r);
	ke->len = rbuf_left(r);
	ke->data = rbuf_bytes(r, ke->len);
	return r->err || !ke->len ? -EBADMSG : 0;
}

void ke_build(struct pchain *c, uint16_t group, const uint8_t *p, size_t len)
{
	pchain_begin(c, IKE_PLD_KE);
	wbuf_u16(c->w, group);
	wbuf_u16(c->w, 0);
	wbuf_put(c->w, p, len);
	pchain_end(c);
}

int nonce_check(const struct pld *p, unsigned int prf)
{
	if (p->len < IKE_NONCE_MIN || p->len > IKE_NONCE_MAX)
		return -EBADMSG;
	return p->len < prf_len(prf) / 2 ? -EBADMSG : 0;
}

/* ---- identification, RFC 7296 3.5 --------------------------------------- */

int id_parse(struct rbuf *r, struct ike_id *id)
{
	size_t len;

	memset(id, 0, sizeof(*id));
	id->type = rbuf_u8(r);
	rbuf_skip(r, 3);
	len = rbuf_left(r);
	if (r->err || !len || !id->type)
		return -EBADMSG;
	if (len > IKE_ID_MAX)
		return -E2BIG;
	if ((id->type == IKE_ID_IPV4_ADDR && len != 4) ||
	    (id->type == IKE_ID_IPV6_ADDR && len != 16))
		return -EBADMSG;
	rbuf_copy(r, id->data, len);
	id->len = len;
	return 0;
}

void id_build(struct pchain *c, uint8_t pld, const struct ike_id *id)
{
	pchain_begin(c, pld);
	wbuf_u8(c->w, id->type);
	wbuf_zero(c->w, 3);
	wbuf_put(c->w, id->data, id->len);
	pchain_end(c);
}

bool id_equal(const struct ike_id *a, const struct ike_id *b)
{
	return a->type == b->type && a->len == b->len &&
	       !memcmp(a->data, b->data, a->len);
}

int id_set(struct ike_id *id, uint8_t type, const void *data, size_t len)
{
	if (!len || !type)
		return -EINVAL;
	if (len > IKE_ID_MAX)
		return -E2BIG;
	memset(id, 0, sizeof(*id));
	id->type = type;
	id->len = len;
	memcpy(id->data, data, len);
	return 0;
}

int id_from_text(struct ike_id *id, const char *text)
{
	size_t len = strlen(text);
	struct addr a;

	if (!addr_parse(text, &a))
		return id_set(id,
			      a.family == AF_INET ? IKE_ID_IPV4_ADDR
						  : IKE_ID_IPV6_ADDR,
			      a.b, a.len);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return -EINVAL;
	if (strchr(text, '@'))
		return id_set(id, IKE_ID_RFC822_ADDR, text, len) ? -EINVAL : 0;
	return id_set(id, IKE_ID_FQDN, text, len) ? -EINVAL : 0;
}

static bool id_is_text(const struct ike_id *id)
{
	if (id->type != IKE_ID_FQDN && id->type != IKE_ID_RFC822_ADDR &&
	    id->type != IKE_ID_KEY_ID)
		return false;
	for (unsigned int i = 0; i < id->len; i++)
		if (id->data[i] < 0x20 || id->data[i] > 0x7e)
			return false;
	return true;
}

const char *id_str(const struct ike_id *id, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN];
	size_t off;

	if (!size)
		return "";
	if (!id->type) {
		snprintf(buf, size, "none");
	} else if (id_is_text(id)) {
		snprintf(buf, size, "%.*s", (int)id->len,
			 (const char *)id->data);
	} else if (id->type == IKE_ID_IPV4_ADDR && id->len == 4) {
		/*
		 * snprintf() truncates, while inet_ntop() would not write to a
		 * short buffer.
		 */
		inet_ntop(AF_INET, id->data, ip, sizeof(ip));
		snprintf(buf, size, "%s", ip);
	} else if (id->type == IKE_ID_IPV6_ADDR && id->len == 16) {
		inet_ntop(AF_INET6, id->data, ip, sizeof(ip));
		snprintf(buf, size, "%s", ip);
	} else {
		off = snprintf(buf, size, "%u:", id->type);
		for (unsigned int i = 0; i < id->len && off + 2 < size; i++)
			off += snprintf(buf + off, size - off, "%02x",
					id->data[i]);
	}
	return buf;
}

/* ---- CERT and CERTREQ, RFC 7296 3.6, 3.7; AUTH, 3.8 --------------------- */

int cert_parse(struct rbuf *r, struct cert_pld *c)
{
	c->encoding = rbuf_u8(r);
	c->len = rbuf_left(r);
	c->data = rbuf_bytes(r, c->len);
	return r->err ? -EBADMSG : 0;
}

void cert_build(struct pchain *c, uint8_t pld, uint8_t encoding,
		const uint8_t *p, size_t len)
{
	pchain_begin(c, pld);
	wbuf_u8(c->w, encoding);
	wbuf_put(c->w, p, len);
	pchain_end(c);
}

int auth_parse(struct rbuf *r, struct auth_pld *a)
{
	memset(a, 0, sizeof(*a));
	a->method = rbuf_u8(r);
	rbuf_skip(r, 3);
	if (a->method == IKE_AUTH_DIGITAL_SIGNATURE) {
		a->alg_len = rbuf_u8(r);
		a->alg = rbuf_bytes(r, a->alg_len);
		if (r->err || !a->alg_len)
			return -EBADMSG;
	}
	a->sig_len = rbuf_left(r);
	a->sig = rbuf_bytes(r, a->sig_len);
	if (r->err || !a->sig_len)
		return -EBADMSG;
	return 0;
}

size_t auth_build(struct pchain *c, const uint8_t *alg, size_t alg_len,
		  const uint8_t *sig, size_t sig_len)
{
	size_t off;

	pchain_begin(c, IKE_PLD_AUTH);
	wbuf_u8(c->w, IKE_AUTH_DIGITAL_SIGNATURE);
	wbuf_zero(c->w, 3);
	wbuf_u8(c->w, alg_len);
	wbuf_put(c->w, alg, alg_len);
	off = c->w->len;
	wbuf_put(c->w, sig, sig_len);
	pchain_end(c);
	return off;
}

void auth_build_mic(struct pchain *c, const uint8_t *mic, size_t len)
{
	pchain_begin(c, IKE_PLD_AUTH);
	wbuf_u8(c->w, IKE_AUTH_SHARED_KEY_MIC);
	wbuf_zero(c->w, 3);
	wbuf_put(c->w, mic, len);
	pchain_end(c);
}

/* ---- notify, RFC 7296 3.10; delete, 3.11 -------------------------------- */

int notify_parse(struct rbuf *r, struct notify_pld *n)
{
	n->proto = rbuf_u8(r);
	n->spi_len = rbuf_u8(r);
	n->type = rbuf_u16(r);
	n->spi = rbuf_bytes(r, n->spi_len);
	n->len = rbuf_left(r);
	n->data = rbuf_bytes(r, n->len);
	return r->err ? -EBADMSG : 0;
}

void notify_build(struct pchain *c, uint16_t type, const void *data, size_t len)
{
	pchain_begin(c, IKE_PLD_NOTIFY);
	wbuf_u8(c->w, IKE_PROTO_NONE);
	wbuf_u8(c->w, 0);
	wbuf_u16(c->w, type);
	wbuf_put(c->w, data, len);
	pchain_end(c);
}

void notify_build_ike(struct pchain *c, uint16_t type)
{
	pchain_begin(c, IKE_PLD_NOTIFY);
	wbuf_u8(c->w, IKE_PROTO_IKE);
	wbuf_u8(c->w, 0);
	wbuf_u16(c->w, type);
	pchain_end(c);
}

static bool delete_spi_len_ok(uint8_t proto, uint8_t len)
{
	switch (proto) {
	case IKE_PROTO_NONE: /* RFC 9838 4.6: whole group, no SPI */
	case IKE_PROTO_IKE:
		return len == 0;
	case IKE_PROTO_AH:
	case IKE_PROTO_ESP:
		return len == GIKE_SPI_LEN_DATA;
	case GIKE_PROTO_GIKE_UPDATE:
		return len == GIKE_SPI_LEN_REKEY;
	}
	return false;
}

int delete_parse(struct rbuf *r, struct delete_pld *d)
{
	uint16_t n;

	memset(d, 0, sizeof(*d));
	d->proto = rbuf_u8(r);
	d->spi_len = rbuf_u8(r);
	n = rbuf_u16(r);
	if (r->err || !delete_spi_len_ok(d->proto, d->spi_len))
		return -EBADMSG;
	if (rbuf_left(r) != (size_t)n * d->spi_len)
		return -EBADMSG;
	if (!d->spi_len)
		return n ? -EBADMSG : 0;
	if (!n)
		return -EBADMSG;
	if (n > DELETE_MAX_SPIS)
		return -E2BIG;
	for (d->n = 0; d->n < n; d->n++)
		rbuf_copy(r, d->spi[d->n], d->spi_len);
	return 0;
}

void delete_build(struct pchain *c, const struct delete_pld *d)
{
	pchain_begin(c, IKE_PLD_DELETE);
	wbuf_u8(c->w, d->proto);
	wbuf_u8(c->w, d->spi_len);
	wbuf_u16(c->w, d->n);
	for (unsigned int i = 0; i < d->n; i++)
		wbuf_put(c->w, d->spi[i], d->spi_len);
	pchain_end(c);
}
