// SPDX-License-Identifier: Apache-2.0
#include "lib/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WBUF_FIRST 256

void rbuf_init(struct rbuf *r, const void *p, size_t len)
{
	r->p = p;
	r->len = len;
	r->off = 0;
	r->err = 0;
}

const uint8_t *rbuf_bytes(struct rbuf *r, size_t n)
{
	/* Callers may compute with the pointer that an empty read returns. */
	static const uint8_t none[1];
	const uint8_t *p;

	if (r->err)
		return NULL;
	if (n > r->len - r->off) {
		r->err = -EBADMSG;
		return NULL;
	}
	p = r->p ? r->p + r->off : none;
	r->off += n;
	return p;
}

static uint64_t rbuf_be(struct rbuf *r, size_t n)
{
	const uint8_t *p = rbuf_bytes(r, n);
	uint64_t v = 0;

	while (p && n--)
		v = v << 8 | *p++;
	return v;
}

uint8_t rbuf_u8(struct rbuf *r)
{
	return rbuf_be(r, 1);
}

uint16_t rbuf_u16(struct rbuf *r)
{
	return rbuf_be(r, 2);
}

uint32_t rbuf_u32(struct rbuf *r)
{
	return rbuf_be(r, 4);
}

uint64_t rbuf_u64(struct rbuf *r)
{
	return rbuf_be(r, 8);
}

bool rbuf_copy(struct rbuf *r, void *dst, size_t n)
{
	const uint8_t *p = rbuf_bytes(r, n);

	if (!n)
		return p;
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
	return p;
}

const char *rbuf_string(struct rbuf *r)
{
	uint32_t n = rbuf_u32(r);
	const char *s = (const char *)rbuf_bytes(r, n);

	if (!r->err && (!n || memchr(s, '\0', n) != s + n - 1))
		r->err = -EBADMSG;
	return r->err ? "" : s;
}

bool rbuf_skip(struct rbuf *r, size_t n)
{
	return rbuf_bytes(r, n);
}

bool rbuf_sub(struct rbuf *r, size_t n, struct rbuf *sub)
{
	const uint8_t *p = rbuf_bytes(r, n);

	rbuf_init(sub, p, p ? n : 0);
	if (!p)
		sub->err = -EBADMSG;
	return p;
}

size_t rbuf_left(const struct rbuf *r)
{
	return r->err ? 0 : r->len - r->off;
}

const uint8_t *rbuf_here(const struct rbuf *r)
{
	return r->p ? r->p + r->off : NULL;
}

void wbuf_init(struct wbuf *w, size_t cap)
{
	memset(w, 0, sizeof(*w));
	w->cap = cap;
}

/*
 * Grow the buffer without realloc(), which would leave a copy in
 * freed memory.
 */
static bool wbuf_grow(struct wbuf *w, size_t n)
{
	size_t size = w->size ? w->size : WBUF_FIRST;
	uint8_t *p;

	if (w->err)
		return false;
	if (n > w->cap - w->len) {
		w->err = -EMSGSIZE;
		return false;
	}
	if (w->p && n <= w->size - w->len)
		return true;
	while (size < w->len + n)
		size = size > SIZE_MAX / 2 ? w->len + n : size * 2;
	if (size > w->cap)
		size = w->cap;
	p = malloc(size ? size : 1);
	if (!p) {
		w->err = -ENOMEM;
		return false;
	}
	if (w->len)
		memcpy(p, w->p, w->len);
	if (w->p)
		explicit_bzero(w->p, w->size);
	free(w->p);
	w->p = p;
	w->size = size;
	return true;
}

size_t wbuf_reserve(struct wbuf *w, size_t n)
{
	size_t off = w->len;

	if (!wbuf_grow(w, n))
		return SIZE_MAX;
	memset(w->p + off, 0, n);
	w->len += n;
	return off;
}

uint8_t *wbuf_at(struct wbuf *w, size_t off, size_t n)
{
	if (w->err || !w->p || off > w->len || n > w->len - off)
		return NULL;
	return w->p + off;
}

static void wbuf_patch(struct wbuf *w, size_t off, size_t n, uint64_t v)
{
	uint8_t *p = wbuf_at(w, off, n);

	while (p && n--) {
		p[n] = v;
		v >>= 8;
	}
}

void wbuf_patch_u8(struct wbuf *w, size_t off, uint8_t v)
{
	wbuf_patch(w, off, 1, v);
}

void wbuf_patch_u16(struct wbuf *w, size_t off, uint16_t v)
{
	wbuf_patch(w, off, 2, v);
}

void wbuf_patch_u32(struct wbuf *w, size_t off, uint32_t v)
{
	wbuf_patch(w, off, 4, v);
}

void wbuf_u8(struct wbuf *w, uint8_t v)
{
	wbuf_patch(w, wbuf_reserve(w, 1), 1, v);
}

void wbuf_u16(struct wbuf *w, uint16_t v)
{
	wbuf_patch(w, wbuf_reserve(w, 2), 2, v);
}

void wbuf_u32(struct wbuf *w, uint32_t v)
{
	wbuf_patch(w, wbuf_reserve(w, 4), 4, v);
}

void wbuf_u64(struct wbuf *w, uint64_t v)
{
	wbuf_patch(w, wbuf_reserve(w, 8), 8, v);
}

void wbuf_put(struct wbuf *w, const void *p, size_t n)
{
	uint8_t *dst = wbuf_at(w, wbuf_reserve(w, n), n);

	if (dst && n)
		memcpy(dst, p, n);
}

void wbuf_string(struct wbuf *w, const char *s)
{
	size_t n = strlen(s) + 1;

	wbuf_u32(w, (uint32_t)n);
	wbuf_put(w, s, n);
}

void wbuf_zero(struct wbuf *w, size_t n)
{
	wbuf_reserve(w, n);
}

void wbuf_truncate(struct wbuf *w, size_t len)
{
	if (len >= w->len)
		return;
	explicit_bzero(w->p + len, w->len - len);
	w->len = len;
}

void wbuf_free(struct wbuf *w)
{
	if (w->p)
		explicit_bzero(w->p, w->size);
	free(w->p);
	wbuf_init(w, w->cap);
}
