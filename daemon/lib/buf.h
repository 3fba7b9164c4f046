/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two doors for octets that others made or will read: a reader that can't
 * leave its buffer and a writer that can't outgrow its cap. Both keep their
 * first error, so a parser may read a whole structure and ask once at its end.
 *
 * All integers are big-endian on the wire. Neither takes locks.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Owns nothing: the octets must outlive it. @err is 0, or -EBADMSG from the
 * first read beyond the end on; from then on integers read as 0, octets as
 * NULL, and @off stays where it was.
 */
struct rbuf {
	const uint8_t *p;
	size_t len;
	size_t off;
	int err;
};

void rbuf_init(struct rbuf *r, const void *p, size_t len);
uint8_t rbuf_u8(struct rbuf *r);
uint16_t rbuf_u16(struct rbuf *r);
uint32_t rbuf_u32(struct rbuf *r);
uint64_t rbuf_u64(struct rbuf *r);
/* The next @n octets, not copied, or NULL. With @n 0 a pointer not to read. */
const uint8_t *rbuf_bytes(struct rbuf *r, size_t n);
/* Copies @n octets to @dst; false (and @dst zeroed) when there are not so many. */
bool rbuf_copy(struct rbuf *r, void *dst, size_t n);
bool rbuf_skip(struct rbuf *r, size_t n);
/*
 * Makes @sub a reader of the next @n octets and moves @r behind them. When
 * there are not so many both are in error, so that either may be asked.
 */
bool rbuf_sub(struct rbuf *r, size_t n, struct rbuf *sub);
/* Octets not read yet; 0 when in error. */
size_t rbuf_left(const struct rbuf *r);
/* Where the next read happens; for what is signed or stored as it stands. */
const uint8_t *rbuf_here(const struct rbuf *r);

/*
 * Grows by itself up to @cap octets. @err is 0, -EMSGSIZE (cap) or -ENOMEM;
 * from then on nothing is written. What it held is wiped when it grows and
 * when it is freed, so keys may pass through it.
 */
struct wbuf {
	uint8_t *p;
	size_t len;
	size_t size;
	size_t cap;
	int err;
};

void wbuf_init(struct wbuf *w, size_t cap);
void wbuf_u8(struct wbuf *w, uint8_t v);
void wbuf_u16(struct wbuf *w, uint16_t v);
void wbuf_u32(struct wbuf *w, uint32_t v);
void wbuf_u64(struct wbuf *w, uint64_t v);
void wbuf_put(struct wbuf *w, const void *p, size_t n);
void wbuf_zero(struct wbuf *w, size_t n);
/*
 * Appends @n octets of zero and returns their offset, for wbuf_patch_*() or
 * for wbuf_at(). In error the offset is that of nothing: wbuf_at() says NULL.
 */
size_t wbuf_reserve(struct wbuf *w, size_t n);
/* @n octets at @off that were written already, or NULL. Good until it grows. */
uint8_t *wbuf_at(struct wbuf *w, size_t off, size_t n);
void wbuf_patch_u8(struct wbuf *w, size_t off, uint8_t v);
void wbuf_patch_u16(struct wbuf *w, size_t off, uint16_t v);
void wbuf_patch_u32(struct wbuf *w, size_t off, uint32_t v);
/* Forgets (wipes) what lies behind @len; the error stays. */
void wbuf_truncate(struct wbuf *w, size_t len);
/* Wipes and frees; the writer is as after wbuf_init() with the same cap. */
void wbuf_free(struct wbuf *w);

#endif
