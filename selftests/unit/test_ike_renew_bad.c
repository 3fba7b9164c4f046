// SPDX-License-Identifier: Apache-2.0
/*
 * Requests and answers of CREATE_CHILD_SA that renew nothing: Child SAs (RFC 7296
 * section 1.3), what is malformed, and more than is due.
 */
#include "ike/exchange.h"
#include "ike_renewal.h"
#include "lib/log.h"
#include "tap.h"

/* Requests of a peer, over whose messages the test decides. */
static void (*put_request)(struct pchain *c);
static uint16_t answered;
static bool was_answered;

static int make_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	(void)t;
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	put_request(&c);
	ret = sa_request(sa, IKE_XCHG_CREATE_CHILD_SA, c.first, &w);
	wbuf_free(&w);
	return ret;
}

static void note_answer(struct ike_sa *sa, struct ike_in *in)
{
	const struct notify_pld *n = msg_error(&in->m);

	answered = n ? n->type : 0;
	was_answered = true;
	task_free(task_take(sa));
}

static void sends(void (*put)(struct pchain *c), uint16_t want, bool fatal,
		  const char *what)
{
	setup();
	node_exchange(m, IKE_XCHG_CREATE_CHILD_SA, make_request, note_answer);
	put_request = put;
	was_answered = false;
	ike_rekey(msa);
	net_run(&net);
	ok(was_answered, "%s: answered", what);
	is_int(answered, want, "%s: by %s", what, ike_notify_name(want));
	is_int(ike_engine_stats(g->engine)->rekeyed, 0, "%s: nothing renewed",
	       what);
	is_int(sas_of(g), !fatal, "%s: the IKE SA %s", what,
	       fatal ? "ends" : "stays");
	if (!fatal)
		agrees(what);
	pair_teardown();
}

static struct sa_pld sa;
static uint8_t octets[64] = { 9 };

static struct proposal *propose(uint8_t proto, uint8_t spi_len)
{
	struct proposal *p;

	memset(&sa, 0, sizeof(sa));
	p = proposal_add(&sa, 1, proto);
	p->spi_len = spi_len;
	memset(p->spi, 7, spi_len);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 256);
	return p;
}

static void put_child(struct pchain *c)
{
	propose(IKE_PROTO_ESP, 4);
	sa_build(c, &sa);
	raw_build(c, IKE_PLD_NONCE, octets, 32);
	raw_build(c, IKE_PLD_TSI, octets, 8);
	raw_build(c, IKE_PLD_TSR, octets, 8);
}

static void put_child_no_ts(struct pchain *c)
{
	propose(IKE_PROTO_ESP, 4);
	sa_build(c, &sa);
	raw_build(c, IKE_PLD_NONCE, octets, 32);
}

static void ike_proposal_of(uint8_t spi_len, uint16_t prf, uint16_t ke)
{
	struct proposal *p = propose(IKE_PROTO_IKE, spi_len);

	proposal_put(p, IKE_TT_PRF, prf, 0);
	proposal_put(p, IKE_TT_KE, ke, 0);
	proposal_put(p, GIKE_TT_KWA, GIKE_KWA_5649_256, 0);
}

static void ike_proposal(uint8_t spi_len, uint16_t ke)
{
	ike_proposal_of(spi_len, IKE_PRF_HMAC_SHA2_256, ke);
}

/* Payloads of a renewal; a point of 0 octets leaves out KE. */
static void put_renewal(struct pchain *c, unsigned int nonce, uint16_t ke,
			unsigned int point)
{
	sa_build(c, &sa);
	raw_build(c, IKE_PLD_NONCE, octets, nonce);
	if (point)
		ke_build(c, ke, octets, point);
}

static void put_no_spi(struct pchain *c)
{
	ike_proposal(0, IKE_KE_X25519);
	put_renewal(c, 32, IKE_KE_X25519, 32);
}

static void put_zero_spi(struct pchain *c)
{
	ike_proposal(8, IKE_KE_X25519);
	memset(sa.p[0].spi, 0, 8);
	put_renewal(c, 32, IKE_KE_X25519, 32);
}

static void put_no_kwa(struct pchain *c)
{
	ike_proposal(8, IKE_KE_X25519);
	sa.p[0].n--;
	put_renewal(c, 32, IKE_KE_X25519, 32);
}

static void put_other_ke(struct pchain *c)
{
	ike_proposal(8, IKE_KE_X25519);
	put_renewal(c, 32, IKE_KE_P256, 64);
}

static void put_bad_point(struct pchain *c)
{
	ike_proposal(8, IKE_KE_P256);
	put_renewal(c, 32, IKE_KE_P256, 64);
}

static void put_no_ke(struct pchain *c)
{
	ike_proposal(8, IKE_KE_X25519);
	put_renewal(c, 32, 0, 0);
}

static void put_short_ke(struct pchain *c)
{
	ike_proposal(8, IKE_KE_X25519);
	put_renewal(c, 32, IKE_KE_X25519, 31);
}

static void put_short_nonce(struct pchain *c)
{
	ike_proposal(8, IKE_KE_X25519);
	put_renewal(c, 15, IKE_KE_X25519, 32);
}

/* Half of the key of HMAC-SHA2-512 is 32 octets. */
static void put_with_sha512(struct pchain *c, unsigned int nonce)
{
	ike_proposal_of(8, IKE_PRF_HMAC_SHA2_512, IKE_KE_X25519);
	put_renewal(c, nonce, IKE_KE_X25519, 32);
}

static void put_fits(struct pchain *c)
{
	ike_proposal(8, IKE_KE_X25519);
	put_renewal(c, 32, IKE_KE_X25519, 32);
}

static void put_below_half(struct pchain *c)
{
	put_with_sha512(c, 31);
}

static void put_half(struct pchain *c)
{
	put_with_sha512(c, 32);
}

static void put_bad_sa(struct pchain *c)
{
	raw_build(c, IKE_PLD_SA, octets, 9);
	raw_build(c, IKE_PLD_NONCE, octets, 32);
	ke_build(c, IKE_KE_X25519, octets, 32);
}

static void put_nothing(struct pchain *c)
{
	(void)c;
}

static void rfc7296_1_3_child_refused(void)
{
	sends(put_child, IKE_N_NO_ADDITIONAL_SAS, false, "a Child SA");
	sends(put_child_no_ts, IKE_N_NO_ADDITIONAL_SAS, false,
	      "a Child SA without TS");
	sends(put_nothing, IKE_N_NO_ADDITIONAL_SAS, false, "an empty request");
}

static void rfc7296_1_3_2_bad_requests(void)
{
	sends(put_no_spi, IKE_N_NO_PROPOSAL_CHOSEN, false, "no SPI");
	sends(put_zero_spi, IKE_N_NO_PROPOSAL_CHOSEN, false, "an SPI of zero");
	sends(put_no_kwa, IKE_N_NO_PROPOSAL_CHOSEN, false,
	      "no key wrap algorithm");
	sends(put_other_ke, IKE_N_INVALID_KE_PAYLOAD, false,
	      "KE of another group");
	sends(put_bad_point, IKE_N_INVALID_SYNTAX, true, "no point");
	sends(put_no_ke, IKE_N_INVALID_SYNTAX, true, "no KE");
	sends(put_short_ke, IKE_N_INVALID_SYNTAX, true, "a short KE");
	sends(put_short_nonce, IKE_N_INVALID_SYNTAX, true, "a short nonce");
	sends(put_bad_sa, IKE_N_INVALID_SYNTAX, true, "a malformed SA");
	sends(put_below_half, IKE_N_INVALID_SYNTAX, true,
	      "a nonce that is short for the PRF");
}

/* Answers of a key server, over whose payloads the test decides. */
static void (*put_answer)(struct pchain *c);

static void answer_otherwise(struct ike_sa *to, struct ike_in *in)
{
	struct pchain c;
	struct wbuf w;

	(void)in;
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	put_answer(&c);
	sa_respond(to, IKE_XCHG_CREATE_CHILD_SA, c.first, &w);
	wbuf_free(&w);
}

/* The peers negotiate HMAC-SHA2-512, or else HMAC-SHA2-256. */
static void is_answered(void (*put)(struct pchain *c), bool sha512, bool taken,
			const char *what)
{
	static struct sa_pld only;
	const struct ike_engine_cfg cfg = { .proposals = &only };

	ike_proposal_of(0,
			sha512 ? IKE_PRF_HMAC_SHA2_512 : IKE_PRF_HMAC_SHA2_256,
			IKE_KE_X25519);
	only = sa;
	setup_with(&cfg, &cfg, 0);
	node_own_exchange(g, IKE_XCHG_CREATE_CHILD_SA)->request =
		answer_otherwise;
	put_answer = put;
	ike_rekey(msa);
	net_step(&net);
	net_step(&net);
	is_int(ike_engine_stats(m->engine)->rekeyed, taken,
	       "answered with %s: %s", what, taken ? "renewed" : "not renewed");
	is_int(ike_engine_stats(m->engine)->rekey_failed, !taken,
	       "answered with %s: counted", what);
	if (!taken)
		agrees(what);
	pair_teardown();
}

static void rfc7296_1_3_2_bad_answers(void)
{
	is_answered(put_half, true, true, "a renewal");
	is_answered(put_below_half, true, false,
		    "a nonce that is short for the PRF");
	is_answered(put_short_nonce, false, false, "a short nonce");
	is_answered(put_no_spi, false, false, "no SPI");
	is_answered(put_zero_spi, false, false, "an SPI of zero");
	is_answered(put_no_ke, false, false, "no KE");
	is_answered(put_other_ke, false, false, "KE of another group");
	is_answered(put_short_ke, false, false, "a short KE");
	is_answered(put_bad_sa, false, false, "a malformed SA");
}

/*
 * Our own renewal has no answer, and the peer begins one after the other, and
 * deletes what it has made.
 */
static void bounded_candidates(void)
{
	unsigned int n = 0;

	setup();
	node_exchange(m, IKE_XCHG_CREATE_CHILD_SA, make_request, note_answer);
	put_request = put_fits;
	ike_rekey(gsa);
	net_drop(&net, 0);
	for (int i = 0; i < 200; i++) {
		struct ike_sa *s;

		ike_rekey(msa);
		net_step(&net);
		net_step(&net);
		s = gsa->rekey->candidate;
		n += !!s;
		engine_enter(g->engine);
		if (s)
			sa_close(s, 0, "closed by the peer");
		engine_leave(g->engine);
		pair_drop_all();
		net.ms += 100;
	}
	is_int(n, 2, "key exchanges in 20 s while our renewal has no answer");
	is_int(answered, IKE_N_TEMPORARY_FAILURE, "the peer may try later");
	ok(ike_sa_is_up(gsa), "the IKE SA stays");
	pair_teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc7296_1_3_child_refused);
	RUN(rfc7296_1_3_2_bad_requests);
	RUN(rfc7296_1_3_2_bad_answers);
	RUN(bounded_candidates);
	return done();
}
