// SPDX-License-Identifier: Apache-2.0
/* RFC 7748 6.1 and RFC 5903 8.1, 8.2; and points that must be refused. */
#include <errno.h>

#include "crypto/dh.h"
#include "hex.h"
#include "tap.h"
#include "lib/util.h"

static const struct {
	unsigned int group;
	const char *a, *pub_a, *b, *pub_b, *shared;
} vectors[] = {
	{
		IKE_KE_X25519,
		"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
		"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
		"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
	},
	{
		IKE_KE_P256,
		"C88F01F5 10D9AC3F 70A292DA A2316DE5 44E9AAB8 AFE84049 C62A9C57"
		"862D1433",
		"DAD0B653 94221CF9 B051E1FE CA5787D0 98DFE637 FC90B9EF 945D0C37"
		"72581180"
		"5271A046 1CDB8252 D61F1C45 6FA3E59A B1F45B33 ACCF5F58 389E0577"
		"B8990BB3",
		"C6EF9C5D 78AE012A 011164AC B397CE20 88685D8F 06BF9BE0 B283AB46"
		"476BEE53",
		"D12DFB52 89C8D4F8 1208B702 70398C34 2296970A 0BCCB74C 736FC755"
		"4494BF63"
		"56FBF3CA 366CC23E 8157854C 13C58D6A AC23F046 ADA30F83 53E74F33"
		"039872AB",
		"D6840F6B 42F6EDAF D13116E0 E1256520 2FEF8E9E CE7DCE03 812464D0"
		"4B9442DE",
	},
	{
		IKE_KE_P384,
		"099F3C70 34D4A2C6 99884D73 A375A67F 7624EF7C 6B3C0F16 0647B674"
		"14DCE655 E35B5380 41E649EE 3FAEF896 783AB194",
		"667842D7 D180AC2C DE6F74F3 7551F557 55C7645C 20EF73E3 1634FE72"
		"B4C55EE6 DE3AC808 ACB4BDB4 C88732AE E95F41AA"
		"9482ED1F C0EEB9CA FC498462 5CCFC23F 65032149 E0E144AD A0241815"
		"35A0F38E EB9FCFF3 C2C947DA E69B4C63 4573A81C",
		"41CB0779 B4BDB85D 47846725 FBEC3C94 30FAB46C C8DC5060 855CC9BD"
		"A0AA2942 E0308312 916B8ED2 960E4BD5 5A7448FC",
		"E558DBEF 53EECDE3 D3FCCFC1 AEA08A89 A987475D 12FD950D 83CFA417"
		"32BC509D 0D1AC43A 0336DEF9 6FDA41D0 774A3571"
		"DCFBEC7A ACF31964 72169E83 8430367F 66EEBE3C 6E70C416 DD5F0C68"
		"759DD1FF F83FA401 42209DFF 5EAAD96D B9E6386C",
		"11187331 C279962D 93D60424 3FD592CB 9D0A926F 422E4718 7521287E"
		"7156C5C4 D6031355 69B9E9D0 9CF5D4A2 70F59746",
	}
};

static void published(void)
{
	uint8_t priv[48], pub[96], want[48], got[48];
	struct dh *a, *b;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		unsigned int g = vectors[i].group;
		size_t n = dh_public_len(g), s = dh_shared_len(g);

		if (dh_new_private(g, priv, hex(vectors[i].a, priv, 48), &a) ||
		    dh_new_private(g, priv, hex(vectors[i].b, priv, 48), &b))
			bail("group %u: no key from its private value", g);
		hex(vectors[i].pub_a, pub, sizeof(pub));
		is_mem(dh_public(a), n, pub, n, "group %u: public of a", g);
		hex(vectors[i].shared, want, sizeof(want));
		is_int(dh_shared(b, pub, n, got), 0, "group %u: shared", g);
		is_mem(got, s, want, s, "group %u: as b computes it", g);
		hex(vectors[i].pub_b, pub, sizeof(pub));
		is_mem(dh_public(b), n, pub, n, "group %u: public of b", g);
		dh_shared(a, pub, n, got);
		is_mem(got, s, want, s, "group %u: as a computes it", g);
		dh_free(a);
		dh_free(b);
	}
}

/*
 * RFC 7748 6.1, and the points of order 1, 2, 4 and 8 that the author of the
 * curve lists.
 */
static const char *const low_order[] = {
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void bad_values(void)
{
	static const unsigned int groups[] = { IKE_KE_X25519, IKE_KE_P256,
					       IKE_KE_P384 };
	uint8_t peer[97] = { 0 }, got[48], zero[48] = { 0 };
	struct dh *a, *b;
	size_t i, n;

	is_int(dh_new(14, &a), -EOPNOTSUPP, "an unknown group is refused");
	is_int(dh_public_len(14), 0, "an unknown group has no length");
	for (i = 0; i < 3; i++) {
		unsigned int g = groups[i];

		if (dh_new(g, &a) || dh_new(g, &b))
			bail("group %u: no key", g);
		n = dh_public_len(g);
		is_int(dh_group(a), g, "group %u", g);
		ok(memcmp(dh_public(a), dh_public(b), n),
		   "group %u: a new key each time", g);
		memcpy(peer, dh_public(b), n);
		ok(!dh_shared(a, peer, n, got) && memcmp(got, zero, 32),
		   "group %u: a good value", g);
		is_int(dh_peer_ok(g, peer, n), 1,
		       "group %u: a good value is seen without a key pair", g);
		is_int(dh_peer_ok(g, peer, n - 1), 0,
		       "group %u: a short value is seen without a key pair", g);
		is_int(dh_shared(a, peer, n - 1, got), -EBADMSG,
		       "group %u: a value that is too short is refused", g);
		ok(!memcmp(got, zero, dh_shared_len(g)),
		   "group %u: nothing is left in the result", g);
		is_int(dh_shared(a, peer, n + 1, got), -EBADMSG,
		       "group %u: a value that is too long is refused", g);
		is_int(dh_shared(a, peer, 0, got), -EBADMSG, "group %u: empty",
		       g);
		if (g != IKE_KE_X25519) {
			peer[n - 1] ^= 1;
			is_int(dh_shared(a, peer, n, got), -EBADMSG,
			       "group %u: not on the curve", g);
			is_int(dh_peer_ok(g, peer, n), 0,
			       "group %u: which is seen without a key pair", g);
			memset(peer, 0, n);
			is_int(dh_shared(a, peer, n, got), -EBADMSG,
			       "group %u: zero", g);
			is_int(dh_peer_ok(g, peer, n), 0,
			       "group %u: zero without a key pair", g);
			memset(peer, 0xff, n);
			is_int(dh_shared(a, peer, n, got), -EBADMSG,
			       "group %u: beyond the field", g);
			ok(!memcmp(got, zero, dh_shared_len(g)),
			   "group %u: nothing is left in the result", g);
		}
		dh_free(a);
		dh_free(b);
	}
	dh_new(IKE_KE_X25519, &a);
	for (i = 0; i < ARRAY_SIZE(low_order); i++) {
		hex(low_order[i], peer, 32);
		is_int(dh_shared(a, peer, 32, got), -EBADMSG,
		       "X25519: point %zu of low order", i);
		ok(!memcmp(got, zero, 32), "nothing is left in the result");
	}
	dh_free(a);
	is_int(dh_new_private(IKE_KE_P256, peer, 31, &a), -EINVAL,
	       "a private value of another length");
}

int main(void)
{
	RUN(published);
	RUN(bad_values);
	return done();
}
