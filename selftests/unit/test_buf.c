// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include "lib/buf.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "tap.h"

static void reader(void)
{
	static const uint8_t in[] = { 1,  2,  3,  4,  5,  6,  7,  8, 9,
				      10, 11, 12, 13, 14, 15, 16, 17 };
	struct rbuf r, sub;
	uint8_t two[2];

	rbuf_init(&r, in, sizeof(in));
	is_int(rbuf_u8(&r), 1, "an octet");
	is_int(rbuf_u16(&r), 0x0203, "two, big-endian");
	is_int(rbuf_u32(&r), 0x04050607, "reader: four octets are read");
	is_int(rbuf_u64(&r), 0x08090a0b0c0d0e0f,
	       "reader: eight octets are read");
	ok(rbuf_copy(&r, two, 2) && two[0] == 16 && two[1] == 17, "a copy");
	ok(!rbuf_left(&r) && !r.err, "read to the end without an error");
	ok(rbuf_bytes(&r, 0), "nothing can be read at the end");
	is_int(rbuf_u8(&r), 0, "beyond the end there is zero");
	is_int(r.err, -EBADMSG, "reading beyond the end is an error");

	rbuf_init(&r, in, 3);
	is_int(rbuf_u32(&r), 0, "an integer is not read in part");
	is_int(rbuf_u8(&r), 0, "the error stays");
	ok(!rbuf_bytes(&r, 0) && !rbuf_left(&r),
	   "after an error no length can be read");
	memset(two, 7, sizeof(two));
	ok(!rbuf_copy(&r, two, 2) && !two[0] && !two[1],
	   "a failed copy leaves zeroes");

	rbuf_init(&r, in, 5);
	ok(rbuf_sub(&r, 3, &sub), "a part of it");
	is_int(rbuf_left(&sub), 3, "a part is as long as asked for");
	rbuf_skip(&sub, 3);
	ok(!rbuf_skip(&sub, 1) && !r.err, "a part ends where it was asked to");
	is_int(rbuf_u8(&r), 4, "the whole goes on behind it");
	ok(!rbuf_sub(&r, 2, &sub) && r.err && sub.err,
	   "a part that isn't there is an error in both");
	ok(!rbuf_left(&sub) && !rbuf_bytes(&sub, 0),
	   "a part that isn't there can't be read");

	rbuf_init(&r, in, 4);
	ok(!rbuf_bytes(&r, SIZE_MAX) && r.err, "SIZE_MAX doesn't wrap around");
	rbuf_init(&r, in, 4);
	rbuf_u8(&r);
	ok(!rbuf_sub(&r, SIZE_MAX, &sub),
	   "SIZE_MAX doesn't wrap around from the middle");
	rbuf_init(&r, NULL, 0);
	ok(rbuf_bytes(&r, 0) && !rbuf_u8(&r) && r.err, "an empty buffer");
}

static void writer(void)
{
	static const uint8_t want[] = { 1, 0, 2, 0, 0, 0, 3,   0,  0,
					0, 0, 0, 0, 0, 4, 'a', 'b' };
	struct wbuf w;
	size_t off, i;

	wbuf_init(&w, 64);
	wbuf_u8(&w, 1);
	wbuf_u16(&w, 2);
	wbuf_u32(&w, 3);
	wbuf_u64(&w, 4);
	wbuf_put(&w, "ab", 2);
	is_mem(w.p, w.len, want, sizeof(want), "writes big-endian");
	off = wbuf_reserve(&w, 7);
	wbuf_patch_u8(&w, off, 0xaa);
	wbuf_patch_u16(&w, off + 1, 0xbbcc);
	wbuf_patch_u32(&w, off + 3, 0xddeeff01);
	is_mem(w.p + off, 7, "\xaa\xbb\xcc\xdd\xee\xff\x01", 7,
	       "writer: the writer patches");
	wbuf_patch_u32(&w, w.len - 3, 0xffffffff);
	is_int(w.p[w.len - 1], 1, "a patch beyond the end changes nothing");
	ok(!wbuf_at(&w, SIZE_MAX, 1) && !wbuf_at(&w, 1, SIZE_MAX),
	   "offsets don't wrap around");
	wbuf_truncate(&w, 1);
	is_int(w.len, 1, "a buffer is truncated");
	wbuf_put(&w, want, 64);
	is_int(w.err, -EMSGSIZE, "the cap holds");
	is_int(w.len, 1, "a value that doesn't fit is not written in part");
	wbuf_u8(&w, 1);
	ok(w.len == 1 && wbuf_reserve(&w, 1) == SIZE_MAX, "the error stays");
	wbuf_free(&w);
	ok(!w.p && !w.len && !w.err && w.cap == 64, "usable again when freed");

	wbuf_init(&w, 100000);
	for (i = 0; i < 100000; i++)
		wbuf_u8(&w, (uint8_t)i);
	for (i = 0; i < w.len && w.p[i] == (uint8_t)i; i++)
		;
	ok(i == 100000 && !w.err, "grows up to the cap and keeps its octets");
	wbuf_u8(&w, 0);
	is_int(w.err, -EMSGSIZE, "a buffer does not grow beyond the cap");
	wbuf_free(&w);
	wbuf_init(&w, 0);
	wbuf_put(&w, "", 0);
	is_int(w.err, 0, "nothing fits into nothing");
	wbuf_u8(&w, 0);
	is_int(w.err, -EMSGSIZE, "one octet doesn't");
	wbuf_free(&w);
}

static void strings(void)
{
	/* Lengths that are too short, too long and 0, and a terminator too early. */
	static const char *const bad[] = { "\0\0\0\2ab", "\0\0\0\4ab",
					   "\0\0\0\0ab", "\0\0\0\3a\0" };
	struct wbuf w;
	struct rbuf r;
	size_t i;

	wbuf_init(&w, 64);
	wbuf_string(&w, "ab");
	wbuf_string(&w, "");
	is_mem(w.p, w.len, "\0\0\0\3ab\0\0\0\0\1", 12,
	       "each string has its length and its terminator");
	rbuf_init(&r, w.p, w.len);
	is_str(rbuf_string(&r), "ab", "the first string is read");
	is_str(rbuf_string(&r), "", "an empty string is read");
	ok(!r.err && !rbuf_left(&r), "both strings are read without an error");
	wbuf_free(&w);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		rbuf_init(&r, bad[i], 7);
		is_str(rbuf_string(&r), "", "bad string %zu is empty", i);
		is_int(r.err, -EBADMSG, "bad string %zu is an error", i);
	}
}

int main(void)
{
	uint8_t *s;

	RUN(reader);
	RUN(writer);
	RUN(strings);
	s = secret_dup("key", 4);
	is_str((char *)s, "key", "a secret is copied");
	secret_free(s);
	secret_free(NULL);
	s = secret_alloc(32);
	ok(s && !s[0] && !s[31], "a new secret is zero");
	secret_wipe(s, 32);
	secret_free(s);
	ok(!secret_alloc(SIZE_MAX), "a size that can't be is refused");
	return done();
}
