// SPDX-License-Identifier: Apache-2.0
/*
 * Key exchange methods in their common form, and ML-KEM where OpenSSL has it
 * (3.5 and later). selftests/pkg/ml-kem.sh runs this program with such a
 * version, and sets ML_KEM=1 so that a lack of it is an error.
 */
#include <errno.h>
#include <stdlib.h>

#include "crypto/ke.h"
#include "crypto/kem.h"
#include "tap.h"
#include "wipes.h"
#include "lib/util.h"

static const struct {
	unsigned int method;
	const char *name;
	size_t offer, answer, shared;
} methods[] = {
	{ IKE_KE_X25519, "x25519", 32, 32, 32 },
	{ IKE_KE_P256, "p-256", 64, 64, 32 },
	{ IKE_KE_P384, "p-384", 96, 96, 48 },
	{ IKE_KE_ML_KEM_768, "ml-kem-768", 1184, 1088, 32 },
	{ IKE_KE_ML_KEM_1024, "ml-kem-1024", 1568, 1568, 32 },
};

static bool all_zero(const void *p, size_t len)
{
	const uint8_t *c = p;

	while (len && !*c)
		c++, len--;
	return !len;
}

static void names(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		is_str(ke_name(methods[i].method), methods[i].name,
		       "method %u has a name", methods[i].method);
		is_int(ke_by_name(methods[i].name), methods[i].method,
		       "%s is found", methods[i].name);
	}
	is_str(ke_name(14), "?", "an unknown method has none");
	is_int(ke_by_name("ml-kem-512"), 0, "an unknown name is none");
	ok(!ke_available(14), "an unknown method is not available");
	ok(!kem_name(IKE_KE_P256) && !kem_public_len(IKE_KE_P256) &&
		   !kem_cipher_len(IKE_KE_P256) && !kem_available(IKE_KE_P256),
	   "a curve is no KEM");
}

/* Answers to offers of one method, and what is no answer or offer. */
static void try_method(size_t m)
{
	const char *name = methods[m].name;
	struct ke_shared a, b, c;
	struct ke_answer answer;
	struct ke *ke, *other;
	const uint8_t *offer;
	uint8_t *bad;
	size_t len;

	if (ke_new(methods[m].method, &ke) || ke_new(methods[m].method, &other))
		bail("%s: no offer", name);
	is_int(ke_method(ke), methods[m].method, "%s: the method", name);
	offer = ke_offer(ke, &len);
	is_int(len, methods[m].offer, "%s: octets of the offer", name);
	ok(memcmp(offer, ke_offer(other, &len), len), "%s: a new one each time",
	   name);
	is_int(ke_answer(methods[m].method, offer, len, &answer, &a), 0,
	       "%s: answered", name);
	is_int(answer.len, methods[m].answer, "%s: octets of the answer", name);
	is_int(ke_finish(ke, answer.p, answer.len, &b), 0, "%s: finished",
	       name);
	is_int(a.len, methods[m].shared, "%s: octets of the secret", name);
	is_mem(b.p, b.len, a.p, a.len, "%s: one secret at both ends", name);
	ok(!all_zero(a.p, a.len), "%s: the secret is not zero", name);
	is_int(ke_finish(other, answer.p, answer.len, &c), 0,
	       "%s: an answer to another offer", name);
	ok(memcmp(c.p, a.p, a.len), "%s: gives another secret", name);

	for (int d = -1; d <= 1; d += 2) {
		memset(&c, 0xff, sizeof(c));
		bad = calloc(1, len + 1);
		memcpy(bad, offer, len);
		is_int(ke_answer(methods[m].method, bad, len + d, &answer, &c),
		       -EBADMSG, "%s: an offer of %+d octets", name, d);
		ok(all_zero(&c, sizeof(c)), "%s: no secret is left", name);
		is_int(ke_finish(ke, answer.p, methods[m].answer + d, &c),
		       -EBADMSG, "%s: an answer of %+d octets", name, d);
		ok(all_zero(&c, sizeof(c)), "%s: no secret is left", name);
		free(bad);
	}
	wipes_look_for(a.p, 32);
	ke_wipe(&a);
	is_int(wipes_found(), 1, "%s: the secret is wiped", name);
	ke_free(ke);
	ke_free(other);
}

static void curves(void)
{
	uint8_t zero[32] = { 0 };
	struct ke_answer answer;
	struct ke_shared s;
	struct ke *ke;

	for (size_t m = 0; m < 3; m++) {
		ok(ke_available(methods[m].method), "%s is available",
		   methods[m].name);
		try_method(m);
	}
	is_int(ke_answer(IKE_KE_X25519, zero, 32, &answer, &s), -EBADMSG,
	       "a point of low order is no offer");
	is_int(ke_new(14, &ke), -EOPNOTSUPP, "an unknown method");
	is_int(ke_answer(14, zero, 32, &answer, &s), -EOPNOTSUPP,
	       "an offer of an unknown method");
	ke_free(NULL);
}

/* Rules of FIPS 203 for keys and ciphertexts beyond their length. */
static void checks(size_t m)
{
	const char *name = methods[m].name;
	uint8_t key[KE_MAX_DATA];
	struct ke_answer answer;
	struct ke_shared a, b;
	struct ke *ke;
	size_t len;

	if (ke_new(methods[m].method, &ke))
		bail("%s: no offer", name);
	memcpy(key, ke_offer(ke, &len), methods[m].offer);
	/* The first coefficient becomes 4095, which is not below 3329. */
	key[0] = 0xff;
	key[1] |= 0x0f;
	is_int(ke_answer(methods[m].method, key, len, &answer, &a), -EBADMSG,
	       "%s: a coefficient beyond the field (section 7.2)", name);
	if (ke_answer(methods[m].method, ke_offer(ke, &len), len, &answer, &a))
		bail("%s: no answer", name);
	answer.p[answer.len - 1] ^= 1;
	is_int(ke_finish(ke, answer.p, answer.len, &b), 0,
	       "%s: an altered ciphertext is no error (section 6.3)", name);
	ok(memcmp(a.p, b.p, a.len),
	   "%s: an altered ciphertext gives another secret", name);
	ke_free(ke);
}

static void ml_kem(void)
{
	uint8_t key[1568] = { 0 };
	struct ke_answer answer;
	struct ke_shared s;
	struct ke *ke;

	for (size_t m = 3; m < ARRAY_SIZE(methods); m++) {
		if (ke_available(methods[m].method)) {
			try_method(m);
			checks(m);
			continue;
		}
		diag("%s: OpenSSL lacks it here", methods[m].name);
		ok(!getenv("ML_KEM"), "%s may be absent", methods[m].name);
		is_int(ke_new(methods[m].method, &ke), -EOPNOTSUPP,
		       "%s: no offer without it", methods[m].name);
		memset(&s, 0xff, sizeof(s));
		is_int(ke_answer(methods[m].method, key, methods[m].offer,
				 &answer, &s),
		       -EOPNOTSUPP, "%s: no answer without it",
		       methods[m].name);
		ok(all_zero(&s, sizeof(s)), "%s: no secret is left",
		   methods[m].name);
	}
}

int main(void)
{
	RUN(names);
	RUN(curves);
	RUN(ml_kem);
	return done();
}
