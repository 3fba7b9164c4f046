// SPDX-License-Identifier: Apache-2.0
/*
 * The ciphers of the SK payload: NIST's GCM test cases 4 and 16, RFC 8439
 * 2.8.2; and nothing opens but what was sealed.
 */
#include <errno.h>
#include <limits.h>

#include "crypto/aead.h"
#include "fail.h"
#include "hex.h"
#include "tap.h"
#include "lib/util.h"

#define GCM_P \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_A "feedfacedeadbeeffeedfacedeadbeefabaddad2"

static const struct {
	const char *name;
	unsigned int id;
	const char *key, *salt, *iv, *aad, *plain, *sealed;
} vectors[] = {
	{
		"AES-GCM-128",
		IKE_ENCR_AES_GCM_16,
		"feffe9928665731c6d6a8f9467308308",
		"cafebabe",
		"facedbaddecaf888",
		GCM_A,
		GCM_P,
		"42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
		"21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
		"5bc94fbc3221a5db94fae95ae7121a47",
	},
	{
		"AES-GCM-256",
		IKE_ENCR_AES_GCM_16,
		"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
		"cafebabe",
		"facedbaddecaf888",
		GCM_A,
		GCM_P,
		"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
		"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
		"76fc6ece0f4e1768cddf8853bb2d551b",
	},
	{
		"ChaCha20-Poly1305",
		IKE_ENCR_CHACHA20_POLY1305,
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"07000000",
		"4041424344454647",
		"50515253c0c1c2c3c4c5c6c7",
		"4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
		"73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
		"6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
		"637265656e20776f756c642062652069742e",
		"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
		"3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
		"92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
		"3ff4def08e4b7a9de576d26586cec64b6116"
		"1ae10b594f09e26a7e902ecbd0600691",
	}
};

static void one(size_t v)
{
	const char *name = vectors[v].name;
	unsigned int id = vectors[v].id;
	uint8_t key[AEAD_MAX_KEY], iv[8], aad[32], plain[128], want[160];
	uint8_t got[160], back[160], zero[160] = { 0 };
	size_t klen, alen, plen, slen, i, opened = 0, left = 0;

	klen = hex(vectors[v].key, key, sizeof(key));
	klen += hex(vectors[v].salt, key + klen, sizeof(key) - klen);
	hex(vectors[v].iv, iv, sizeof(iv));
	alen = hex(vectors[v].aad, aad, sizeof(aad));
	plen = hex(vectors[v].plain, plain, sizeof(plain));
	slen = hex(vectors[v].sealed, want, sizeof(want));

	is_int(aead_seal(id, key, klen, iv, aad, alen, plain, plen, got), 0,
	       "%s: sealed", name);
	is_mem(got, plen + AEAD_TAG_LEN, want, slen, "%s: as published", name);
	memcpy(back, plain, plen);
	aead_seal(id, key, klen, iv, aad, alen, back, plen, back);
	is_mem(back, slen, want, slen, "%s: in place", name);
	is_int(aead_open(id, key, klen, iv, aad, alen, back, slen, back), 0,
	       "%s: opened in place", name);
	is_mem(back, plen, plain, plen, "%s: what was sealed", name);

	for (i = 0; i < slen * 8; i++) {
		memcpy(got, want, slen);
		got[i / 8] ^= (uint8_t)(1 << i % 8);
		memset(back, 0xaa, sizeof(back));
		opened += aead_open(id, key, klen, iv, aad, alen, got, slen,
				    back) != -EBADMSG;
		left += !!memcmp(back, zero, plen);
	}
	is_int(opened, 0, "%s: no changed bit is accepted", name);
	is_int(left, 0, "%s: nothing of a changed box is given out", name);
	for (i = 0; i < slen; i++)
		opened += aead_open(id, key, klen, iv, aad, alen, want, i,
				    back) != -EBADMSG;
	is_int(opened, 0, "%s: nothing that was cut is accepted", name);
	is_int(aead_open(id, key, klen, iv, aad, alen - 1, want, slen, back),
	       -EBADMSG, "%s: less associated data", name);
	iv[7] ^= 1;
	is_int(aead_open(id, key, klen, iv, aad, alen, want, slen, back),
	       -EBADMSG, "%s: another IV", name);
	iv[7] ^= 1;
	key[klen - 1] ^= 1;
	is_int(aead_open(id, key, klen, iv, aad, alen, want, slen, back),
	       -EBADMSG, "%s: another salt", name);
	aead_seal(id, key, klen, iv, NULL, 0, NULL, 0, got);
	is_int(aead_open(id, key, klen, iv, NULL, 0, got, AEAD_TAG_LEN, back),
	       0, "%s: empty", name);
	is_int(aead_seal(id, key, klen - 1, iv, NULL, 0, plain, 1, got),
	       -EOPNOTSUPP, "%s: a key of another length", name);
}

/* Lengths that do not fit an int of OpenSSL, and failures of OpenSSL. */
static void refused(void)
{
	const size_t huge = (size_t)INT_MAX + 1;
	uint8_t key[20] = { 1 }, iv[8] = { 2 }, in[32] = { 3 }, out[64];
	unsigned int n, unnoticed = 0;
	int ret;

	is_int(aead_seal(IKE_ENCR_AES_GCM_16, key, 20, iv, NULL, 0, in, huge,
			 out),
	       -EINVAL, "more than 2 GB");
	is_int(aead_seal(IKE_ENCR_AES_GCM_16, key, 20, iv, in, huge, in, 32,
			 out),
	       -EINVAL, "more than 2 GB of associated data");
	for (n = 1;; n++) {
		fail_nth(n);
		ret = aead_seal(IKE_ENCR_AES_GCM_16, key, 20, iv, key, 8, in,
				32, out);
		if (!fail_came())
			break;
		unnoticed += !ret;
	}
	is_int(ret, 0, "sealed at last");
	ok(n > 5, "%u calls of OpenSSL fail", n - 1);
	for (n = 1;; n++) {
		fail_nth(n);
		ret = aead_open(IKE_ENCR_AES_GCM_16, key, 20, iv, key, 8, out,
				48, in);
		if (!fail_came())
			break;
		unnoticed += !ret;
	}
	is_int(ret, 0, "opened at last");
	ok(n > 5, "%u calls of OpenSSL fail", n - 1);
	is_int(unnoticed, 0, "each failure of OpenSSL is noticed");
}

int main(void)
{
	uint8_t buf[64] = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		RUN(one, i);
	RUN(refused);
	is_int(aead_key_len(IKE_ENCR_AES_GCM_16, 128), 20, "AES-128 and salt");
	is_int(aead_key_len(IKE_ENCR_AES_GCM_16, 256), 36, "AES-256 and salt");
	is_int(aead_key_len(IKE_ENCR_AES_GCM_16, 0), 0,
	       "AES needs a key length");
	is_int(aead_key_len(IKE_ENCR_AES_GCM_16, 192), 0, "none of 192 bits");
	is_int(aead_key_len(IKE_ENCR_CHACHA20_POLY1305, 0), 36, "ChaCha20");
	is_int(aead_key_len(IKE_ENCR_CHACHA20_POLY1305, 128), 0, "always 256");
	is_int(aead_key_len(30, 128), 0, "an implicit IV is not to be had");
	is_int(aead_open(30, buf, 20, buf, NULL, 0, buf, 32, buf + 32),
	       -EOPNOTSUPP, "an implicit IV is not used");
	return done();
}
