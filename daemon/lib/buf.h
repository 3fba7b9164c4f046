/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded access to wire data: a reader that cannot leave its buffer, and a
 * writer that cannot exceed its cap. Both keep their first error, so a parser
 * may read a whole structure and check for errors once at the end.
 *
 * All integers are big-endian on the wire. There is no locking.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A reader. It does not own the octets, which must outlive it. @err is 0, or
 * -EBADMSG after the first read beyond the end. From then on integers read as
 * 0, octets as NULL, and @off stays.
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
/*
 * Return a pointer to the next @n octets, or NULL. With @n 0 the pointer must
 * not be dereferenced.
 */
const uint8_t *rbuf_bytes(struct rbuf *r, size_t n);
/*
 * Copy @n octets to @dst. Returns false, with @dst zeroed, if fewer
 * are left.
 */
bool rbuf_copy(struct rbuf *r, void *dst, size_t n);
/*
 * Read a string that wbuf_string() has written; it is part of the buffer. Returns "" in
 * error, which a string without its terminator, or with another NUL, is, too.
 */
const char *rbuf_string(struct rbuf *r);
bool rbuf_skip(struct rbuf *r, size_t n);
/*
 * Make @sub a reader of the next @n octets, and skip them in @r. If fewer are
 * left both readers are in error, so either may be checked.
 */
bool rbuf_sub(struct rbuf *r, size_t n, struct rbuf *sub);
/* Return the number of unread octets, or 0 in error. */
size_t rbuf_left(const struct rbuf *r);
/*
 * Return the position of the next read, for data that is signed or stored as
 * is.
 */
const uint8_t *rbuf_here(const struct rbuf *r);

/*
 * A writer that grows up to @cap octets. @err is 0, -EMSGSIZE (cap) or -ENOMEM;
 * after an error nothing is written. The content is wiped when the buffer grows
 * or is freed, so it may contain keys.
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
/* Append the length of @s in 4 octets, its terminator included, and @s. */
void wbuf_string(struct wbuf *w, const char *s);
void wbuf_zero(struct wbuf *w, size_t n);
/*
 * Append @n zero octets and return their offset for wbuf_patch_*() or
 * wbuf_at(). In error the offset is invalid, and wbuf_at() returns NULL for it.
 */
size_t wbuf_reserve(struct wbuf *w, size_t n);
/*
 * Return @n octets at @off, if they were written, or NULL. The pointer is valid
 * until the buffer grows.
 */
uint8_t *wbuf_at(struct wbuf *w, size_t off, size_t n);
void wbuf_patch_u8(struct wbuf *w, size_t off, uint8_t v);
void wbuf_patch_u16(struct wbuf *w, size_t off, uint16_t v);
void wbuf_patch_u32(struct wbuf *w, size_t off, uint32_t v);
/* Wipe and remove everything behind @len; an error stays. */
void wbuf_truncate(struct wbuf *w, size_t len);
/* Wipe and free. The writer is then as after wbuf_init() with the same cap. */
void wbuf_free(struct wbuf *w);

#endif
