// SPDX-License-Identifier: Apache-2.0
#include "wire/grant.h"

#include <errno.h>
#include <string.h>

#include "crypto/sign.h"
#include "wire/fold.h"

#define VERSION 1

/* No other signature of a key server begins so. */
#define GRANT_CONTEXT "mcsec grant for a relay"

/* A name is a string in logs and for the kernel, and never empty. */
static bool is_group_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] >= 0x7f)
			return false;
	return len && len <= GRANT_GROUP_MAX;
}

static bool is_sound(const struct grant *g)
{
	unsigned int i;

	if (!is_group_name(g->group, strnlen(g->group, sizeof(g->group))) ||
	    !g->member.type || !g->member.len || !id_is_folded(&g->member) ||
	    g->n_ranges > GRANT_MAX_RANGES)
		return false;
	for (i = 0; i < g->n_ranges; i++)
		if (g->range[i].first > g->range[i].last)
			return false;
	return true;
}

static void put_body(struct wbuf *w, const struct grant *g)
{
	size_t len = strlen(g->group);
	unsigned int i;

	wbuf_u8(w, VERSION);
	wbuf_u8(w, (uint8_t)g->n_ranges);
	wbuf_u64(w, g->issued);
	wbuf_u64(w, g->expires);
	wbuf_u8(w, (uint8_t)len);
	wbuf_put(w, g->group, len);
	wbuf_u8(w, g->member.type);
	wbuf_u16(w, g->member.len);
	wbuf_put(w, g->member.data, g->member.len);
	for (i = 0; i < g->n_ranges; i++) {
		wbuf_u16(w, g->range[i].first);
		wbuf_u16(w, g->range[i].last);
	}
}

/* Write the octets that are signed: the context, and @len octets of a grant. */
static void put_signed(struct wbuf *w, const uint8_t *p, size_t len)
{
	wbuf_put(w, GRANT_CONTEXT, sizeof(GRANT_CONTEXT));
	wbuf_put(w, p, len);
}

int grant_sign(const struct grant *g, const struct sigkey *key,
	       struct wbuf *out)
{
	size_t start = out->len, sig_len, alg_len;
	uint8_t sig[SIG_MAX_LEN];
	const uint8_t *alg;
	struct wbuf octets;
	int ret;

	if (!is_sound(g))
		return -EINVAL;
	sigkey_alg(key, &alg, &alg_len);
	put_body(out, g);
	wbuf_u8(out, (uint8_t)alg_len);
	wbuf_put(out, alg, alg_len);
	if (out->err)
		return out->err;
	wbuf_init(&octets, GRANT_MAX + sizeof(GRANT_CONTEXT));
	put_signed(&octets, out->p + start, out->len - start);
	ret = octets.err;
	if (!ret)
		ret = sig_sign(key, octets.p, octets.len, sig, &sig_len);
	wbuf_free(&octets);
	if (ret)
		return ret;
	wbuf_put(out, sig, sig_len);
	return out->err;
}

static void read_ranges(struct rbuf *r, struct grant *g)
{
	unsigned int i;

	for (i = 0; i < g->n_ranges; i++) {
		g->range[i].first = rbuf_u16(r);
		g->range[i].last = rbuf_u16(r);
	}
}

/* Read up to the algorithm, which is next in @r. */
static int read_body(struct rbuf *r, struct grant *g)
{
	const uint8_t *p;
	size_t len;
	uint8_t type;

	memset(g, 0, sizeof(*g));
	if (rbuf_u8(r) != VERSION)
		return -EBADMSG;
	g->n_ranges = rbuf_u8(r);
	g->issued = rbuf_u64(r);
	g->expires = rbuf_u64(r);
	len = rbuf_u8(r);
	p = rbuf_bytes(r, len);
	if (!p || g->n_ranges > GRANT_MAX_RANGES ||
	    !is_group_name((const char *)p, len))
		return -EBADMSG;
	memcpy(g->group, p, len);
	type = rbuf_u8(r);
	len = rbuf_u16(r);
	p = rbuf_bytes(r, len);
	if (!p || id_set(&g->member, type, p, len))
		return -EBADMSG;
	read_ranges(r, g);
	return r->err || !is_sound(g) ? -EBADMSG : 0;
}

/* Parts of a grant behind its body. */
struct tail {
	const uint8_t *alg;
	size_t alg_len;
	size_t signed_len; /* octets of the grant that are signed */
	const uint8_t *sig;
	size_t sig_len;
};

static int read_grant(const uint8_t *p, size_t len, struct grant *g,
		      struct tail *t)
{
	struct rbuf r;
	int ret;

	if (len > GRANT_MAX)
		return -EBADMSG;
	rbuf_init(&r, p, len);
	ret = read_body(&r, g);
	if (ret)
		return ret;
	t->alg_len = rbuf_u8(&r);
	t->alg = rbuf_bytes(&r, t->alg_len);
	t->signed_len = r.off;
	t->sig_len = rbuf_left(&r);
	t->sig = rbuf_here(&r);
	return r.err || !t->alg_len || !t->sig_len || t->sig_len > SIG_MAX_LEN
		       ? -EBADMSG
		       : 0;
}

int grant_parse(const uint8_t *p, size_t len, struct grant *out)
{
	struct tail t;

	return read_grant(p, len, out, &t);
}

int grant_verify(const uint8_t *p, size_t len, const struct sigpub *pub)
{
	struct wbuf octets;
	struct grant g;
	struct tail t;
	int ret = read_grant(p, len, &g, &t);

	if (ret)
		return ret;
	wbuf_init(&octets, GRANT_MAX + sizeof(GRANT_CONTEXT));
	put_signed(&octets, p, t.signed_len);
	ret = octets.err;
	if (!ret)
		ret = sig_verify(pub, t.alg, t.alg_len, octets.p, octets.len,
				 t.sig, t.sig_len);
	wbuf_free(&octets);
	return ret;
}
