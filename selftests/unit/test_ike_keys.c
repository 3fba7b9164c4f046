// SPDX-License-Identifier: Apache-2.0
/*
 * The keys of an IKE SA follow from a seed, by whatever key exchange: RFC 7296
 * 2.14 and RFC 9838 3.4, computed again here by the PRF alone.
 */
#include <errno.h>

#include "crypto/prf.h"
#include "ike/sa.h"
#include "tap.h"
#include "wipes.h"

static uint8_t ni_octets[32], nr_octets[48];
static const struct blob ni = { ni_octets, sizeof(ni_octets) };
static const struct blob nr = { nr_octets, sizeof(nr_octets) };
static const uint8_t spi_i[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const uint8_t spi_r[8] = { 9, 10, 11, 12, 13, 14, 15, 16 };

static const struct ike_suite suite = {
	.encr = IKE_ENCR_AES_GCM_16,
	.key_bits = 256,
	.prf = IKE_PRF_HMAC_SHA2_384,
	.kwa = GIKE_KWA_5649_256,
};

/* T1 | T2 | ... with Tn = prf(seed, Tn-1 | data | n), written out. */
static void plus(const struct ike_seed *seed, const uint8_t *data, size_t len,
		 uint8_t *out, size_t n)
{
	uint8_t t[48], in[48 + 256 + 1];
	size_t had = 0;

	for (uint8_t i = 1; n; i++) {
		size_t part = n < sizeof(t) ? n : sizeof(t);

		memcpy(in, t, had);
		memcpy(in + had, data, len);
		in[had + len] = i;
		if (prf_one(IKE_PRF_HMAC_SHA2_384, seed->p, seed->len, in,
			    had + len + 1, t))
			bail("no PRF");
		memcpy(out, t, part);
		out += part;
		n -= part;
		had = sizeof(t);
	}
}

static void follows(const struct ike_seed *seed, const char *what)
{
	uint8_t data[32 + 48 + 16], want[3 * 48 + 2 * 36], kwk[32];
	struct ike_seed sk_d = { .len = 48 };
	struct ike_keys k;
	const uint8_t *p = want;

	memcpy(data, ni.p, 32);
	memcpy(data + 32, nr.p, 48);
	memcpy(data + 80, spi_i, 8);
	memcpy(data + 88, spi_r, 8);
	plus(seed, data, sizeof(data), want, sizeof(want));
	is_int(keys_derive(&k, &suite, seed, &ni, &nr, spi_i, spi_r), 0,
	       "%s: keys", what);
	ok(k.have && k.prf_len == 48, "%s: the keys are present", what);
	is_mem(k.sk_d, 48, p, 48, "%s: SK_d", what);
	is_mem(k.ei.key, k.ei.len, p + 48, 36, "%s: SK_ei", what);
	is_mem(k.er.key, k.er.len, p + 84, 36, "%s: SK_er", what);
	is_mem(k.sk_pi, 48, p + 120, 48, "%s: SK_pi", what);
	is_mem(k.sk_pr, 48, p + 168, 48, "%s: SK_pr", what);
	memcpy(sk_d.p, p, 48);
	plus(&sk_d, (const uint8_t *)"Key Wrap for G-IKEv2", 20, kwk, 32);
	is_mem(k.gsk_w.key, k.gsk_w.len, kwk, 32, "%s: GSK_w", what);
	wipes_look_for(p, 16);
	keys_wipe(&k);
	is_int(wipes_found(), 1, "%s: wiped", what);
}

static void from_shared(void)
{
	uint8_t nonces[32 + 48], want[48], shared[32];
	struct ike_seed seed;

	memset(shared, 0x77, sizeof(shared));
	memcpy(nonces, ni.p, 32);
	memcpy(nonces + 32, nr.p, 48);
	is_int(seed_of_shared(&seed, &suite, &ni, &nr, shared, 32), 0,
	       "a seed of a shared secret");
	if (prf_one(IKE_PRF_HMAC_SHA2_384, nonces, sizeof(nonces), shared, 32,
		    want))
		bail("no PRF");
	is_mem(seed.p, seed.len, want, 48, "the seed is prf(Ni | Nr, g^ir)");
	follows(&seed, "shared secret");
	wipes_look_for(want, 16);
	seed_wipe(&seed);
	is_int(wipes_found(), 1, "the seed is wiped");
}

static void from_elsewhere(void)
{
	struct ike_seed seed = { .len = 48 };

	memset(seed.p, 0xa5, seed.len);
	follows(&seed, "any other octets");
}

static void refused(void)
{
	uint8_t octets[IKE_NONCE_MAX + 1] = { 0 };
	const struct blob big = { octets, sizeof(octets) };
	struct ike_suite s = suite;
	struct ike_seed seed = { .len = 48 };
	struct ike_keys k;

	is_int(seed_of_shared(&seed, &s, &big, &nr, spi_i, 8), -EINVAL,
	       "a nonce that is too long has no seed");
	s.prf = 99;
	is_int(seed_of_shared(&seed, &s, &ni, &nr, spi_i, 8), -ENOTSUP,
	       "a PRF that is not known has none");
	is_int(keys_derive(&k, &s, &seed, &ni, &nr, spi_i, spi_r), -ENOTSUP,
	       "a PRF that is not known has no keys");
	s = suite;
	s.kwa = GIKE_KWA_ARX;
	is_int(keys_derive(&k, &s, &seed, &ni, &nr, spi_i, spi_r), -ENOTSUP,
	       "a key wrap that is not known has none");
	ok(!k.have, "refused keys are no keys");
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(nr_octets); i++) {
		ni_octets[i % 32] = i;
		nr_octets[i] = 100 + i;
	}
	from_shared();
	from_elsewhere();
	refused();
	return done();
}
