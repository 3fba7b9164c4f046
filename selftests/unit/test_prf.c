// SPDX-License-Identifier: Apache-2.0
/* PRFs by RFC 4231, prf+ by its definition and by a key wrap key of G-IKEv2. */
#include <errno.h>

#include "crypto/hash.h"
#include "crypto/prf.h"
#include "crypto/rand.h"
#include "fail.h"
#include "hex.h"
#include "tap.h"
#include "wipes.h"
#include "lib/util.h"

static const struct {
	const char *key;
	const char *data;
	const char *mac[3];
} rfc4231[] = {
	{
		"0b0b0b0b 0b0b0b0b 0b0b0b0b 0b0b0b0b 0b0b0b0b",
		"4869205468657265",
		{ "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		  "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		  "faea9ea9076ede7f4af152e8b2fa9cb6",
		  "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		  "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
	},
	{
		"4a656665",
		"7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		{ "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		  "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
		  "8e2240ca5e69e2c78b3239ecfab21649",
		  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
	},
	{
		"aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa aaaaaaaa",
		"dddddddddddddddddddddddddddddddddddddddddddddddddd"
		"dddddddddddddddddddddddddddddddddddddddddddddddddd",
		{ "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
		  "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
		  "2a5ab39dc13814b94e3ab6e101a34f27",
		  "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
		  "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb" },
	}
};

static void vectors(void)
{
	uint8_t key[64], data[64], want[64], got[64];
	struct iovec iov[3];
	size_t i, k, dlen, klen;

	for (i = 0; i < ARRAY_SIZE(rfc4231); i++) {
		klen = hex(rfc4231[i].key, key, sizeof(key));
		dlen = hex(rfc4231[i].data, data, sizeof(data));
		for (k = 0; k < 3; k++) {
			unsigned int id = IKE_PRF_HMAC_SHA2_256 + k;

			hex(rfc4231[i].mac[k], want, sizeof(want));
			is_int(prf_one(id, key, klen, data, dlen, got), 0,
			       "prf %u of case %zu", id, i + 1);
			is_mem(got, prf_len(id), want, prf_len(id),
			       "RFC 4231 case %zu", i + 1);
			iov[0] = (struct iovec){ data, 3 };
			iov[1] = (struct iovec){ NULL, 0 };
			iov[2] = (struct iovec){ data + 3, dlen - 3 };
			prf(id, key, klen, iov, 3, got);
			is_mem(got, prf_len(id), want, prf_len(id),
			       "the same in pieces");
		}
	}
	is_int(prf_one(4, key, 4, data, 4, got), -EOPNOTSUPP,
	       "an unknown PRF is refused");
	is_int(prf_len(0), 0, "an unknown PRF has no length");
	/* HMAC-SHA-256 of nothing under an empty key. */
	hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad",
	    want, sizeof(want));
	prf_one(IKE_PRF_HMAC_SHA2_256, NULL, 0, NULL, 0, got);
	is_mem(got, 32, want, 32, "an empty key is a key");
}

static void plus(void)
{
	static const char label[] = "Key Wrap for G-IKEv2";
	uint8_t sk_d[64], got[32], want[32], *all, *byhand;
	uint8_t t[32 + 20 + 1];
	size_t i;

	for (i = 0; i < sizeof(sk_d); i++)
		sk_d[i] = (uint8_t)i;
	prf_plus(IKE_PRF_HMAC_SHA2_256, sk_d, 32, label, 20, got, 32);
	hex("b169180742eb22165048cce7281f2e65465010931c41a1b39a8492aff33a06d4",
	    want, sizeof(want));
	is_mem(got, 32, want, 32, "GSK_w of 256 bits by SHA2-256");
	prf_plus(IKE_PRF_HMAC_SHA2_256, sk_d, 32, label, 20, got, 16);
	is_mem(got, 16, want, 16, "GSK_w of 128 bits is its first half");
	prf_plus(IKE_PRF_HMAC_SHA2_512, sk_d, 64, label, 20, got, 32);
	hex("eecbf641fe34aba620d0165e9633ed079bff1399574728fa1077a261150dd1e6",
	    want, sizeof(want));
	is_mem(got, 32, want, 32, "GSK_w by SHA2-512");

	all = malloc(255 * 32 + 1);
	byhand = malloc(255 * 32);
	for (i = 0; i < 255; i++) {
		size_t n = 0;

		if (i) {
			memcpy(t, byhand + (i - 1) * 32, 32);
			n = 32;
		}
		memcpy(t + n, label, 20);
		t[n + 20] = (uint8_t)(i + 1);
		prf_one(IKE_PRF_HMAC_SHA2_256, sk_d, 32, t, n + 21,
			byhand + i * 32);
	}
	is_int(prf_plus(IKE_PRF_HMAC_SHA2_256, sk_d, 32, label, 20, all,
			255 * 32),
	       0, "255 blocks");
	ok(!memcmp(all, byhand, 255 * 32),
	   "prf+ gives 255 blocks as RFC 7296 2.13 defines them");
	is_int(prf_plus(IKE_PRF_HMAC_SHA2_256, sk_d, 32, label, 20, all,
			255 * 32 + 1),
	       -E2BIG, "one octet more is too much");
	is_int(prf_plus(1, sk_d, 32, label, 20, all, 1), -EOPNOTSUPP,
	       "an unknown PRF is refused");
	free(all);
	free(byhand);
}

/* Derive 80 octets while the @n-th call of OpenSSL fails. */
static int stream(unsigned int n, const uint8_t key[32], uint8_t got[96])
{
	memset(got, 0xaa, 96);
	fail_nth(n);
	return prf_plus(IKE_PRF_HMAC_SHA2_256, key, 32, "seed", 4, got, 80);
}

static void failures(void)
{
	uint8_t key[32] = { 1 }, got[96], zero[96] = { 0 };
	unsigned int n, unnoticed = 0, left = 0;
	int ret;

	for (n = 1; ret = stream(n, key, got), fail_came(); n++) {
		unnoticed += !ret;
		left += !!memcmp(got, zero, 80);
	}
	is_int(ret, 0, "a stream, after %u failures of OpenSSL", n - 1);
	is_int(unnoticed, 0, "each is noticed");
	is_int(left, 0, "no octet is given out when OpenSSL fails");
	ok(got[79] != 0xaa && got[80] == 0xaa, "exactly as much as was asked");
	wipes_look_for(got, 16);
	prf_plus(IKE_PRF_HMAC_SHA2_256, key, 32, "seed", 4, got, 32);
	ok(wipes_found() > 0, "the last block is wiped");
}

static void fixed(void *ctx, void *p, size_t n)
{
	memset(p, *(int *)ctx, n);
}

int main(void)
{
	struct iovec abc[2] = { { "a", 1 }, { "bc", 2 } };
	uint8_t got[32], want[32], zero[32] = { 0 };
	int five = 5;

	RUN(vectors);
	RUN(plus);
	RUN(failures);
	hash_sha1(abc, 2, got);
	hex("a9993e364706816aba3e25717850c26c9cd0d89d", want, sizeof(want));
	is_mem(got, 20, want, 20, "SHA-1 of abc");
	hash_sha256(abc, 2, got);
	hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    want, sizeof(want));
	is_mem(got, 32, want, 32, "SHA-256 of abc");
	ok(crypto_equal("abc", "abc", 3) && !crypto_equal("abc", "abd", 3) &&
		   crypto_equal("x", "y", 0),
	   "the tool: comparison");
	memset(got, 0, sizeof(got));
	ok(!rand_bytes(got, 32) && memcmp(got, zero, 32), "random octets");
	crypto_rand_set_test(fixed, &five);
	rand_bytes(got, 32);
	ok(got[0] == 5 && got[31] == 5, "tests can choose them");
	crypto_rand_set_test(NULL, NULL);
	return done();
}
