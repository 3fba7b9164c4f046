// SPDX-License-Identifier: Apache-2.0
/* RFC 5649 6, and the key bag of a G-IKEv2 message. */
#include <errno.h>

#include "crypto/rand.h"
#include "crypto/wrap.h"
#include "fail.h"
#include "hex.h"
#include "tap.h"
#include "wipes.h"

static void published(void)
{
	uint8_t kek[32], in[64], want[64], got[64], back[64];
	size_t n, m, i;

	hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8", kek, 24);
	n = hex("c37b7e6492584340bed12207808941155068f738", in, sizeof(in));
	m = hex("138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
		want, sizeof(want));
	is_int(wrap_key(GIKE_KWA_5649_192, kek, 24, in, n, got), 0,
	       "20 octets");
	is_mem(got, wrap_len(n), want, m, "RFC 5649, 20 octets");
	is_int(unwrap_key(GIKE_KWA_5649_192, kek, 24, want, m, back,
			  sizeof(back), &n),
	       0, "published: unwrapped");
	is_mem(back, n, in, 20, "the unwrapped key is what was wrapped");
	n = hex("466f7250617369", in, sizeof(in));
	m = hex("afbeb0f07dfbf5419200f2ccb50bb24f", want, sizeof(want));
	wrap_key(GIKE_KWA_5649_192, kek, 24, in, n, got);
	is_mem(got, wrap_len(n), want, m, "RFC 5649, 7 octets");

	/* Data SA keying material a0 .. c3 under a GSK_w of 256 bits. */
	hex("b169180742eb22165048cce7281f2e65465010931c41a1b39a8492aff33a06d4",
	    kek, sizeof(kek));
	for (i = 0; i < 36; i++)
		in[i] = (uint8_t)(0xa0 + i);
	m = hex("55dd0abebb989186138fd0c6754c9209166fc9ca84269cc3079dc1aa6b4463e0"
		"cba3dacc52ea7d837b2a24e1b3d80589",
		want, sizeof(want));
	wrap_key(GIKE_KWA_5649_256, kek, 32, in, 36, got);
	is_mem(got, wrap_len(36), want, m, "a TEK in a group key bag");
}

static void round_trips(void)
{
	uint8_t kek[32], in[WRAP_MAX], out[WRAP_MAX_OUT], back[WRAP_MAX];
	size_t n, len, wrong = 0;
	unsigned int kwa;

	rand_bytes(kek, sizeof(kek));
	rand_bytes(in, sizeof(in));
	for (kwa = GIKE_KWA_5649_128; kwa <= GIKE_KWA_5649_256; kwa++)
		for (len = 1; len <= WRAP_MAX; len++)
			wrong += wrap_key(kwa, kek, wrap_key_len(kwa), in, len,
					  out) ||
				 unwrap_key(kwa, kek, wrap_key_len(kwa), out,
					    wrap_len(len), back, len, &n) ||
				 n != len || memcmp(back, in, len);
	is_int(wrong, 0, "1 to %d octets under each of the three", WRAP_MAX);
}

static void refused(void)
{
	static uint8_t large[WRAP_MAX_OUT + 64];
	uint8_t kek[32], in[40], out[64], bad[64], back[64], zero[64] = { 0 };
	size_t n, i, accepted = 0, left = 0;

	rand_bytes(kek, sizeof(kek));
	rand_bytes(in, sizeof(in));
	wrap_key(GIKE_KWA_5649_256, kek, 32, in, 36, out);
	for (i = 0; i < 48 * 8; i++) {
		memcpy(bad, out, 48);
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		memset(back, 0xaa, sizeof(back));
		accepted += unwrap_key(GIKE_KWA_5649_256, kek, 32, bad, 48,
				       back, sizeof(back), &n) != -EBADMSG;
		left += !!memcmp(back, zero, sizeof(back));
	}
	is_int(accepted, 0, "no changed bit is accepted");
	is_int(left, 0, "nothing of a changed key is given out");
	for (i = 0; i < 48; i++)
		accepted += unwrap_key(GIKE_KWA_5649_256, kek, 32, out, i, back,
				       sizeof(back), &n) != -EBADMSG;
	is_int(accepted, 0, "nothing that was cut is accepted");
	is_int(unwrap_key(GIKE_KWA_5649_256, kek, 32, out, 48, back, 35, &n),
	       -ENOSPC, "no room for the result");
	kek[0] ^= 1;
	is_int(unwrap_key(GIKE_KWA_5649_256, kek, 32, out, 48, back, 64, &n),
	       -EBADMSG, "another key");
	is_int(wrap_key(GIKE_KWA_5649_128, kek, 32, in, 16, out), -EOPNOTSUPP,
	       "a key of another length");
	is_int(wrap_key(4, kek, 32, in, 16, out), -EOPNOTSUPP,
	       "an unknown algorithm");
	is_int(wrap_key(GIKE_KWA_5649_256, kek, 32, in, 0, out), -EINVAL,
	       "nothing can't be wrapped");
	is_int(wrap_key(GIKE_KWA_5649_256, kek, 32, in, WRAP_MAX + 1, out),
	       -EINVAL, "more than can be unwrapped is not wrapped");
	is_int(unwrap_key(GIKE_KWA_5649_128, kek, 32, out, 48, back, 64, &n),
	       -EOPNOTSUPP, "unwrapping by a key of another length");
	is_int(unwrap_key(4, kek, 0, out, 48, back, 64, &n), -EOPNOTSUPP,
	       "unwrapping by an unknown algorithm is refused");
	memset(bad, 0x55, sizeof(bad));
	is_int(unwrap_key(GIKE_KWA_5649_256, kek, 32, bad, 64, back, 64, &n),
	       -EBADMSG, "octets that nobody wrapped");
	for (i = 8; i <= 64; i += 8)
		accepted += unwrap_key(GIKE_KWA_5649_256, kek, 32, large,
				       WRAP_MAX_OUT + i, back, 64,
				       &n) != -EBADMSG;
	is_int(accepted, 0, "more than anybody wraps");
	is_int(wrap_len(1), 16, "1 octet takes 16");
	is_int(wrap_len(20), 32, "20 octets take 32");
	is_int(wrap_len(68), 80, "68 octets take 80");
}

static void failures(void)
{
	uint8_t kek[16] = { 1 }, in[24], out[32], back[24];
	unsigned int i, unnoticed = 0;
	size_t n;
	int ret;

	memset(in, 0x6b, sizeof(in));
	for (i = 1;; i++) {
		fail_nth(i);
		ret = wrap_key(GIKE_KWA_5649_128, kek, 16, in, 24, out);
		if (!fail_came())
			break;
		unnoticed += !ret;
	}
	is_int(ret, 0, "wrapped at last, after %u failures", i - 1);
	for (i = 1;; i++) {
		fail_nth(i);
		ret = unwrap_key(GIKE_KWA_5649_128, kek, 16, out, 32, back, 24,
				 &n);
		if (!fail_came())
			break;
		unnoticed += !ret;
	}
	is_int(ret, 0, "unwrapped at last, after %u failures", i - 1);
	is_int(unnoticed, 0, "each is noticed");
	wipes_look_for(in, sizeof(in));
	unwrap_key(GIKE_KWA_5649_128, kek, 16, out, 32, back, 24, &n);
	ok(wipes_found() > 0, "the copy of an unwrapped key is wiped");
}

int main(void)
{
	RUN(failures);
	RUN(published);
	RUN(round_trips);
	RUN(refused);
	return done();
}
