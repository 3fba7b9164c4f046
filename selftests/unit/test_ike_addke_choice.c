// SPDX-License-Identifier: Apache-2.0
/* Negotiation of additional key exchanges (RFC 9370 section 2.2.1) in SA payloads. */
#include "ike/sa.h"
#include "ike_addke.h"
#include "lib/util.h"
#include "tap.h"

/* Put an Additional Key Exchange into a proposal; numbers are from 1 on. */
static void put_addke(struct proposal *p, unsigned int n, uint16_t method)
{
	proposal_put(p, IKE_TT_ADDKE1 + n - 1, method, 0);
}

static struct sa_pld sa_own, sa_offer, sa_answer;

static struct proposal *offer_begin(void)
{
	ike_default_proposals(&sa_own);
	ike_default_proposals(&sa_offer);
	return &sa_offer.p[0];
}

static bool choose(const struct ike_addke *addke, bool intermediate,
		   struct ike_suite *s)
{
	const struct suite_rules rules = { .own = &sa_own,
					   .kwa = true,
					   .addke = addke,
					   .intermediate = intermediate };

	return suite_choose(&rules, &sa_offer, s);
}

/* The example of section 2.2.1 with curves, which leaves out two types. */
static void rfc9370_2_2_1_example(void)
{
	static const struct ike_addke two = REQUIRED(P256, P384);
	struct proposal *p = offer_begin();
	struct ike_suite s;

	put_addke(p, 2, P256);
	put_addke(p, 2, P384);
	put_addke(p, 3, P256);
	put_addke(p, 3, P384);
	put_addke(p, 5, X25519);
	put_addke(p, 5, 0);
	ok(choose(&two, true, &s), "the example is taken");
	is_int(s.addke[1], P256, "the second has the first method of the peer");
	is_int(s.addke[2], P384, "the third has one that is not done yet");
	is_int(s.addke_types, 0x16, "the fifth is answered as well");
	is_int(s.addke[4], 0, "example: NONE is chosen");
	is_int(suite_addke(&s, 0), P256, "the exchange before");
	is_int(suite_addke(&s, 1), P384, "the exchange behind");
	is_int(suite_addke(&s, 2), 0, "there are no more");
	suite_answer(&s, &sa_answer);
	is_int(sa_answer.p[0].n, 7, "one transform of each type");
	sa_offer.p[0].num = sa_answer.p[0].num;
	memset(&s, 0, sizeof(s));
	ok(suite_chosen(&sa_offer, &sa_answer, 0, &s) &&
		   suite_addke(&s, 0) == P256 && suite_addke(&s, 1) == P384,
	   "the answer is one to this offer");
}

/* Responder: cases of one proposal. Methods of exchange 1 to 3, each with NONE or not. */
static const struct {
	const char *what;
	struct ike_addke own;
	uint16_t offer[3][3];
	bool none[3];
	bool taken;
	uint8_t want[3];
} choices[] = {
	{ "nothing on either side", .taken = true },
	{ "nothing is offered", .own = OFFERED(P256), .taken = true },
	{ "nothing is offered, and it is required", .own = REQUIRED(P256) },
	{ "nothing is configured", .offer = { { P256 } } },
	{ "nothing is configured, and it may be NONE", .offer = { { P256 } },
	  .none = { true }, .taken = true },
	{ "the method of both", .own = REQUIRED(P256), .offer = { { P256 } },
	  .taken = true, .want = { P256 } },
	{ "the method of both, where it may be NONE", .own = OFFERED(P256),
	  .offer = { { P256 } }, .none = { true }, .taken = true,
	  .want = { P256 } },
	{ "another method", .own = OFFERED(P256), .offer = { { P384 } } },
	{ "another method, where it may be NONE", .own = OFFERED(P256),
	  .offer = { { P384 } }, .none = { true }, .taken = true },
	{ "another method, where it may be NONE, and one is required",
	  .own = REQUIRED(P256), .offer = { { P384 } }, .none = { true } },
	{ "one of two methods", .own = OFFERED(P256, P384),
	  .offer = { { P384 } }, .taken = true, .want = { P384 } },
	{ "one of two methods, and both are required",
	  .own = REQUIRED(P256, P384), .offer = { { P384 } } },
	{ "the order is the peer's", .own = REQUIRED(P256, P384),
	  .offer = { { P384 }, { P256 } }, .taken = true,
	  .want = { P384, P256 } },
	{ "no method is done twice", .own = OFFERED(P256),
	  .offer = { { P256 }, { P256 } } },
	{ "no method is done twice, where one may be NONE",
	  .own = OFFERED(P256), .offer = { { P256 }, { P256 } },
	  .none = { true }, .taken = true, .want = { 0, P256 } },
	{ "the first gives its favourite to who has no other",
	  .own = REQUIRED(P256, P384), .offer = { { P256, P384 }, { P256 } },
	  .taken = true, .want = { P384, P256 } },
	{ "the first gives way along a chain",
	  .own = REQUIRED(X25519, P256, P384),
	  .offer = { { X25519, P256 }, { P256, P384 }, { X25519 } },
	  .taken = true, .want = { P256, P384, X25519 } },
	{ "three want two methods", .own = OFFERED(P256, P384),
	  .offer = { { P256, P384 }, { P384, P256 }, { P256 } } },
	{ "three want two methods, and the second may be NONE",
	  .own = OFFERED(P256, P384),
	  .offer = { { P256, P384 }, { P384, P256 }, { P256 } },
	  .none = { false, true }, .taken = true, .want = { P384, 0, P256 } },
};

static void rfc9370_2_2_1_choice(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		struct proposal *p = offer_begin();
		struct ike_suite s;
		unsigned int types = 0;

		for (unsigned int n = 0; n < 3; n++) {
			for (int k = 0; k < 3 && choices[i].offer[n][k]; k++)
				put_addke(p, n + 1, choices[i].offer[n][k]);
			if (choices[i].none[n])
				put_addke(p, n + 1, 0);
			if (choices[i].offer[n][0])
				types |= 1u << n;
		}
		is_int(choose(&choices[i].own, true, &s), choices[i].taken,
		       "%s: %s", choices[i].what,
		       choices[i].taken ? "taken" : "refused");
		if (!choices[i].taken)
			continue;
		is_int(s.addke_types, types, "%s: each type is answered",
		       choices[i].what);
		is_mem(s.addke, sizeof(choices[i].want), choices[i].want,
		       sizeof(choices[i].want), "%s: the methods",
		       choices[i].what);
	}
}

/* Transforms that only look like a method of ours. */
static void odd_transforms(void)
{
	static const struct ike_addke own = REQUIRED(P256);
	struct proposal *p = offer_begin();
	struct ike_suite s;

	put_addke(p, 7, P256);
	ok(choose(&own, true, &s) && s.addke[6] == P256,
	   "the seventh alone is taken");
	p->t[p->n - 1].unknown_attr = true;
	ok(!choose(&own, true, &s), "a transform with an unknown attribute");
	p->t[p->n - 1].unknown_attr = false;
	p->t[p->n - 1].key_bits = 256;
	ok(!choose(&own, true, &s), "a transform with a key length");
	p->t[p->n - 1].key_bits = 0;
	p->t[p->n - 1].type = 5;
	ok(!choose(&own, true, &s), "a transform of another type");
}

/* Without the notify these transform types are unknown, even with NONE alone. */
static void rfc9370_2_2_1_no_notify(void)
{
	static const struct ike_addke own = OFFERED(P256);
	struct proposal *p = offer_begin();
	struct ike_suite s;

	put_addke(p, 1, P256);
	put_addke(p, 1, 0);
	ok(!choose(&own, false, &s), "the proposal is skipped");
	sa_offer.p[1] = sa_own.p[0];
	sa_offer.p[1].num = 2;
	sa_offer.n = 2;
	ok(choose(&own, false, &s) && s.num == 2, "the next one is taken");
	ok(choose(&own, true, &s) && s.num == 1 && s.addke[0] == P256,
	   "with the notify it is the first");
	ok(!choose(NULL, false, &s) || s.num == 2,
	   "a renewal takes one without them");
}

/* Initiator: what is no answer to the offer of P-256 and P-384. */
static void bad_choices(void)
{
	static const struct ike_addke own = OFFERED(P256, P384);
	static const uint16_t good[2] = { P256, P384 };
	static const struct {
		const char *what;
		uint16_t m[3];
		unsigned int n;
	} bad[] = {
		{ "one is missing", { P256 }, 1 },
		{ "methods are swapped", { P384, P256 }, 2 },
		{ "a method twice", { P256, P256 }, 2 },
		{ "NONE, which was not offered", { P256, 0 }, 2 },
		{ "another method", { P256, X25519 }, 2 },
		{ "one more", { P256, P384, X25519 }, 3 },
		{ "one more, which is NONE", { P256, P384, 0 }, 3 },
		{ "none at all", { 0 }, 0 },
	};
	struct ike_suite s = { 0 }, got;

	offer_begin();
	suite_offer(&sa_own, &own, &sa_offer);
	is_int(sa_offer.n, 2, "two proposals");
	is_int(sa_offer.p[0].n, sa_own.p[0].n + 2, "the first has both");
	is_int(sa_offer.p[1].n, sa_own.p[0].n, "the second has none");
	ok(sa_offer.p[0].num == 1 && sa_offer.p[1].num == 2, "1 and 2");
	s = (struct ike_suite){ .num = 1,
				.encr = IKE_ENCR_AES_GCM_16,
				.key_bits = 256,
				.prf = IKE_PRF_HMAC_SHA2_256,
				.ke = X25519,
				.kwa = GIKE_KWA_5649_256 };
	for (size_t i = 0; i <= ARRAY_SIZE(bad); i++) {
		bool is_bad = i < ARRAY_SIZE(bad);
		const uint16_t *m = is_bad ? bad[i].m : good;
		unsigned int n = is_bad ? bad[i].n : 2;

		suite_answer(&s, &sa_answer);
		for (unsigned int k = 0; k < n; k++)
			put_addke(&sa_answer.p[0], k + 1, m[k]);
		is_int(suite_chosen(&sa_offer, &sa_answer, 0, &got), !is_bad,
		       "%s", is_bad ? bad[i].what : "what was offered");
	}
	s.num = 2;
	suite_answer(&s, &sa_answer);
	ok(suite_chosen(&sa_offer, &sa_answer, 0, &got) &&
		   !suite_addke(&got, 0),
	   "the second proposal is taken without them");
	put_addke(&sa_answer.p[0], 1, P256);
	ok(!suite_chosen(&sa_offer, &sa_answer, 0, &got),
	   "an answer with an exchange of the first proposal is no second one");
	/* The same method in two types cannot be configured. */
	put_addke(&sa_offer.p[0], 3, P256);
	s.num = 1;
	suite_answer(&s, &sa_answer);
	put_addke(&sa_answer.p[0], 1, P256);
	put_addke(&sa_answer.p[0], 2, P384);
	put_addke(&sa_answer.p[0], 3, P256);
	ok(!suite_chosen(&sa_offer, &sa_answer, 0, &got),
	   "a responder that chooses one twice is refused, whatever was offered");
}

/*
 * The responder tells what it lacks. A configuration without methods requires them by
 * default, which is no requirement.
 */
static void refusals(void)
{
	static const struct {
		struct ike_addke own;
		const char *why;
	} all[] = {
		{ { .required = true },
		  "all have additional key exchanges (RFC 9370), and none is done here" },
		{ { .required = false },
		  "all have additional key exchanges (RFC 9370), and none is done here" },
		{ REQUIRED(P256),
		  "an additional key exchange (RFC 9370) is required here" },
		{ OFFERED(P256),
		  "all have additional key exchanges (RFC 9370) of other methods" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const struct suite_rules rules = { .own = &sa_own,
						   .kwa = true,
						   .addke = &all[i].own,
						   .intermediate = true };

		put_addke(offer_begin(), 1, P384);
		is_str(suite_lacks(&rules, &sa_offer, false), all[i].why,
		       "the offer of P-384 is refused, case %zu", i);
	}
}

int main(void)
{
	RUN(rfc9370_2_2_1_example);
	RUN(rfc9370_2_2_1_choice);
	RUN(rfc9370_2_2_1_no_notify);
	RUN(odd_transforms);
	RUN(bad_choices);
	RUN(refusals);
	return done();
}
