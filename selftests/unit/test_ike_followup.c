// SPDX-License-Identifier: Apache-2.0
/*
 * Renewals with additional key exchanges in IKE_FOLLOWUP_KE (RFC 9370 section
 * 2.2.4): either side, both at once, loss, peers that stop, and bad messages.
 */
#include <errno.h>

#include "crypto/prf.h"
#include "ike/renewal.h"
#include "ike_addke.h"
#include "ike_renewal.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"
#include "wipes.h"

#define ALGS "aes-gcm-16-256 sha2-256 x25519+p-256+p-384 kw-256"

static void setup_follow(void)
{
	const struct ike_engine_cfg cfg = { .addke = both };

	setup_with(&cfg, &cfg, 0);
}

static uint8_t xchg_of(unsigned int i)
{
	return net.queue[i].p[18];
}

static void renewed(const char *what, unsigned int times)
{
	is_int(ike_engine_stats(g->engine)->rekeyed, times, "%s: renewed at g",
	       what);
	is_int(ike_engine_stats(m->engine)->rekeyed, times, "%s: renewed at m",
	       what);
	is_str(addke_algs(msa), ALGS, "%s: the methods", what);
	ok(!msa->follow && !gsa->follow && !msa->rekey && !gsa->rekey,
	   "%s: no renewal is open", what);
	agrees(what);
}

static void rfc9370_2_2_4_seed(void)
{
	uint8_t ni_octets[32] = { 1 }, nr_octets[16] = { 2 };
	const struct blob ni = { ni_octets, 32 }, nr = { nr_octets, 16 };
	const struct ike_suite s = { .prf = IKE_PRF_HMAC_SHA2_384 };
	struct ike_keys old = { .have = true, .prf_len = 48 };
	struct ike_secrets secrets = { .n = 3 };
	uint8_t in[32 + 48 + 48 + 32], want[48];
	struct ike_seed seed;

	memset(old.sk_d, 0x5c, 48);
	for (int i = 0; i < 3; i++) {
		secrets.v[i].len = i == 1 ? 48 : 32;
		memset(secrets.v[i].p, 0x10 + i, secrets.v[i].len);
	}
	memset(in, 0x10, 32);
	memcpy(in + 32, ni_octets, 32);
	memcpy(in + 64, nr_octets, 16);
	memset(in + 80, 0x11, 48);
	memset(in + 128, 0x12, 32);
	prf_one(s.prf, old.sk_d, 48, in, sizeof(in), want);
	is_int(seed_of_renewal(&seed, &s, &old, &ni, &nr, &secrets), 0,
	       "the seed is made");
	is_mem(seed.p, seed.len, want, 48,
	       "prf(SK_d, SK(0) | Ni | Nr | SK(1) | SK(2))");
	old.have = false;
	is_int(seed_of_renewal(&seed, &s, &old, &ni, &nr, &secrets), -EINVAL,
	       "there is no seed without SK_d");
}

/* The messages of a renewal, of which each has the keys of the old IKE SA. */
static void rfc9370_2_2_4_either_side(void)
{
	static const struct {
		uint8_t xchg;
		bool link;
	} want[] = {
		{ IKE_XCHG_CREATE_CHILD_SA, false },
		{ IKE_XCHG_CREATE_CHILD_SA, true },
		{ IKE_XCHG_IKE_FOLLOWUP_KE, true },
		{ IKE_XCHG_IKE_FOLLOWUP_KE, true },
		{ IKE_XCHG_IKE_FOLLOWUP_KE, true },
		{ IKE_XCHG_IKE_FOLLOWUP_KE, false },
	};

	for (int by = 0; by < 2; by++) {
		uint8_t plain[2048], first, gsk_w[32], sk_d[32];
		struct ike_keys keys;
		struct ike_msg msg;
		struct err err;
		size_t len;

		setup_follow();
		keys = msa->keys;
		memcpy(gsk_w, ike_sa_kwk(gsa)->key, 32);
		memcpy(sk_d, gsa->keys.sk_d, 32);
		ike_rekey(by ? gsa : msa);
		for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
			const struct packet *q = &net.queue[0];

			is_int(net.n_queue, 1, "message %zu", i);
			is_int(q->p[18], want[i].xchg, "message %zu: exchange",
			       i);
			is_int(sk_open(q->p, q->len,
				       (i & 1) ^ by ? &keys.er : &keys.ei,
				       plain, &len, &first),
			       0, "message %zu: by the keys of the old IKE SA",
			       i);
			ike_hdr_parse(q->p, q->len, &msg.h);
			is_int(msg_sort(&msg, MSG_ENC, first, plain, len, &err),
			       0, "message %zu: well-formed", i);
			is_int(!!msg_notify(&msg,
					    IKE_N_ADDITIONAL_KEY_EXCHANGE),
			       want[i].link, "message %zu: %s", i,
			       want[i].link ? "a link" : "no link");
			if (i >= 2)
				is_int(get_unaligned_be16(msg.ke.body),
				       i < 4 ? P256 : P384,
				       "message %zu: the method", i);
			/* The side that sends the last answer has renewed by then. */
			is_int(ike_engine_stats(g->engine)->rekeyed +
				       ike_engine_stats(m->engine)->rekeyed,
			       i == 5, "message %zu: renewed or not yet", i);
			wipes_look_for(sk_d, 32);
			net_step(&net);
		}
		is_int(xchg_of(0), IKE_XCHG_INFORMATIONAL,
		       "the replaced IKE SA is deleted");
		net_run(&net);
		ok(wipes_found() >= 2, "the keys of before are wiped");
		ok(memcmp(gsk_w, ike_sa_kwk(gsa)->key, 32), "another GSK_w");
		is_int(sas_of(g) + sas_of(m), 2, "one IKE SA at each end");
		renewed("in the end", 1);
		net_pass(&net, 11000, true);
		ike_rekey(by ? msa : gsa);
		net_run(&net);
		renewed("once more, by the other side", 2);
		pair_teardown();
	}
}

static void rfc9370_2_2_4_lost(void)
{
	for (int by = 0; by < 2; by++)
		for (int lose = 0; lose < 8; lose++) {
			setup_follow();
			ike_rekey(by ? gsa : msa);
			for (int i = 0; i < lose; i++)
				net_step(&net);
			is_int(net.n_queue, 1, "message %d is on its way",
			       lose);
			net_drop(&net, 0);
			net_pass(&net, 1500, true);
			renewed("one message is lost", 1);
			net_pass(&net, 70000, true);
			is_int(sas_of(g) + sas_of(m), 2,
			       "message %d lost: nothing is left over", lose);
			pair_teardown();
		}

	setup_follow();
	ike_rekey(msa);
	for (int i = 0; i < 8; i++) {
		net_dup(&net, 0);
		net_dup(&net, 0);
		for (unsigned int n = net.n_queue; n; n--)
			net_step(&net);
	}
	net_run(&net);
	renewed("each message three times", 1);
	pair_teardown();
}

/* Both ends begin at once, with any number of messages in between. */
static void rfc9370_2_2_4_both_at_once(void)
{
	for (int between = 0; between < 8; between++) {
		setup_follow();
		ike_rekey(msa);
		for (int i = 0; i < between; i++)
			net_step(&net);
		ike_rekey(gsa);
		if (net.n_queue > 1)
			net_swap(&net, 0, 1);
		net_run(&net);
		net_pass(&net, 100000, true);
		is_str(ike_sa_name(msa), ike_sa_name(gsa),
		       "%d messages between: one IKE SA", between);
		is_int(sas_of(g) + sas_of(m), 2,
		       "%d messages between: nothing is left over", between);
		ok(ike_engine_stats(g->engine)->rekeyed >= 1,
		   "%d messages between: renewed", between);
		agrees("both at once");
		pair_teardown();
	}
}

/* Our exchanges go on, and the peer asks for another renewal. */
static void rfc9370_2_2_4_while_ours_goes_on(void)
{
	setup_follow();
	ike_rekey(msa);
	net_step(&net);
	net_step(&net);
	is_int(xchg_of(0), IKE_XCHG_IKE_FOLLOWUP_KE, "ours goes on");
	/* The key server has forgotten its part, and begins. */
	sa_drop_follow(gsa);
	ike_rekey(gsa);
	net_swap(&net, 0, 1);
	net_step(&net);
	net_swap(&net, 0, 1);
	net_step(&net);
	is_int(ike_engine_stats(g->engine)->rekey_failed, 1,
	       "the member answers TEMPORARY_FAILURE to another renewal");
	net_run(&net);
	is_int(ike_engine_stats(m->engine)->rekey_failed, 1,
	       "the key server answers STATE_NOT_FOUND");
	net_pass(&net, 60000, true);
	ok(ike_engine_stats(m->engine)->rekeyed >= 1,
	   "a later renewal comes about");
	agrees("after a renewal that was forgotten");
	pair_teardown();
}

/* The peer that began does not go on. */
static void rfc9370_2_2_4_abandoned(void)
{
	uint64_t gave;

	setup_follow();
	ike_rekey(msa);
	net_step(&net);
	net_step(&net);
	ok(gsa->follow, "the key server waits for the next exchange");
	pair_drop_all();
	/* Without retransmissions of the member. */
	timer_del(&net.tq, &msa->t_rexmit);
	net_pass(&net, 19000, false);
	ok(gsa->follow, "19 seconds later it still does");
	is_int(ike_rekey(gsa), 0,
	       "a renewal of the key server is put off meanwhile");
	is_int(net.n_queue, 0, "nothing is sent");
	net_pass(&net, 2000, false);
	ok(!gsa->follow, "after 20 seconds the state is gone");
	gave = ike_engine_stats(m->engine)->rekey_failed;
	sa_request_again(msa);
	net_run(&net);
	is_int(ike_engine_stats(m->engine)->rekey_failed, gave + 1,
	       "STATE_NOT_FOUND ends the member's attempt");
	ok(ike_sa_is_up(msa) && ike_sa_is_up(gsa),
	   "STATE_NOT_FOUND ends no IKE SA");
	net_pass(&net, 30000, true);
	ok(ike_engine_stats(m->engine)->rekeyed == 1,
	   "the member tries again after STATE_NOT_FOUND");
	agrees("after STATE_NOT_FOUND");
	pair_teardown();
}

static void lose_and_answer(struct ike_sa *sa, struct ike_in *in)
{
	sa_drop_follow(sa);
	followup_got_request(sa, in);
}

/* A peer that loses its state each time. */
static void rfc9370_2_2_4_always_lost(void)
{
	setup_follow();
	node_own_exchange(g, IKE_XCHG_IKE_FOLLOWUP_KE)->request =
		lose_and_answer;
	ike_rekey(msa);
	net_run(&net);
	net_pass(&net, 60000, true);
	is_int(ike_engine_stats(m->engine)->rekey_failed, 3,
	       "STATE_NOT_FOUND three times");
	is_int(sas_of(m), 0, "the member ends the IKE SA");
	is_str(m->seen.reason, "the peer loses the state of each renewal",
	       "the reason");
	pair_teardown();
}

/* A key server that has none, and a member that only offers. */
static void falls_back(void)
{
	static const struct ike_addke offered = OFFERED(P256);
	const struct ike_engine_cfg cfg = { .addke = offered };

	setup_with(&cfg, &cfg, 0);
	is_str(addke_algs(msa), "aes-gcm-16-256 sha2-256 x25519+p-256 kw-256",
	       "one method");
	/* The key server was configured anew. */
	g->engine->cfg.addke.n = 0;
	ike_rekey(msa);
	net_step(&net);
	net_step(&net);
	is_int(xchg_of(0), IKE_XCHG_INFORMATIONAL,
	       "no exchange follows if the key server has none");
	net_run(&net);
	is_int(ike_engine_stats(m->engine)->rekeyed, 1, "renewed without");
	is_str(addke_algs(gsa), addke_algs(msa),
	       "SK_d still has what it had in it");
	agrees("without additional key exchanges");
	pair_teardown();
}

/* ---- bad messages ------------------------------------------------------- */

/* Whether the inside of a message is altered, and how. */
enum damage { LINK, NO_LINK, NO_KE, METHOD, SHORT_KE, VALUE };

static const struct {
	const char *what;
	enum damage damage;
	uint16_t notify; /* to who began */
	bool ends; /* the IKE SA */
} damages[] = {
	{ "another link", LINK, IKE_N_STATE_NOT_FOUND, false },
	{ "no link", NO_LINK, IKE_N_STATE_NOT_FOUND, false },
	{ "no KE", NO_KE, IKE_N_INVALID_SYNTAX, true },
	{ "another method", METHOD, IKE_N_INVALID_SYNTAX, true },
	{ "a short KE", SHORT_KE, IKE_N_INVALID_SYNTAX, true },
	{ "a point that is not on the curve", VALUE, IKE_N_INVALID_SYNTAX,
	  true },
};

static void damage_message(struct packet *q, const struct sk_key *key,
			   enum damage how)
{
	const struct notify_pld *link;
	uint8_t plain[2048], first, blob[64];
	struct ike_msg msg;
	struct pchain c;
	struct wbuf w;
	struct err err;
	size_t len, n = 0;

	if (sk_open(q->p, q->len, key, plain, &len, &first))
		bail("a message that is not understood");
	ike_hdr_parse(q->p, q->len, &msg.h);
	msg_sort(&msg, MSG_ENC, first, plain, len, &err);
	link = msg_notify(&msg, IKE_N_ADDITIONAL_KEY_EXCHANGE);
	if (link) {
		n = link->len;
		memcpy(blob, link->data, n);
	}
	blob[0] ^= how == LINK;
	plain[4 + 1] ^= how == METHOD ? P256 ^ P384 : 0;
	plain[4 + 4] ^= how == VALUE;
	wbuf_init(&w, 4096);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	if (how != NO_KE)
		raw_build(&c, IKE_PLD_KE, msg.ke.body,
			  msg.ke.len - (how == SHORT_KE));
	if (how != NO_LINK && link)
		notify_build(&c, IKE_N_ADDITIONAL_KEY_EXCHANGE, blob, n);
	addke_replace(q, key, c.first, w.p, w.len);
	wbuf_free(&w);
}

static void bad_requests(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		const char *what = damages[i].what;

		setup_follow();
		ike_rekey(msa);
		net_step(&net);
		net_step(&net);
		damage_message(&net.queue[0], &msa->keys.ei, damages[i].damage);
		net_run(&net);
		is_int(ike_engine_stats(g->engine)->rekeyed, 0,
		       "%s: nothing is renewed", what);
		is_int(ike_engine_stats(m->engine)->rekey_failed, 1,
		       "%s: the member knows", what);
		is_int(sas_of(g), !damages[i].ends, "%s: the IKE SA %s", what,
		       damages[i].ends ? "ends" : "stays");
		pair_teardown();
	}
}

static void bad_answers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		const char *what = damages[i].what;
		bool good = damages[i].damage == LINK;

		setup_follow();
		ike_rekey(msa);
		for (int k = 0; k < 3; k++)
			net_step(&net);
		damage_message(&net.queue[0], &msa->keys.er, damages[i].damage);
		net_step(&net);
		is_int(ike_engine_stats(m->engine)->rekey_failed, !good,
		       "%s: %s", what,
		       good ? "a link is opaque" : "not renewed");
		ok(good || (!msa->rekey && ike_sa_is_up(msa)),
		   "%s: the IKE SA stays", what);
		pair_teardown();
	}
}

/* Messages of this exchange without any renewal. */
static void out_of_place(void)
{
	static const uint8_t ke[] = { 41, 0, 0, 8 + 1, 0, P256, 0,  0, 1,
				      0,  0, 0, 8,     0, 0,	64, 57 };
	struct ike_hdr h = { .xchg = IKE_XCHG_IKE_FOLLOWUP_KE,
			     .flags = IKE_FLAG_INITIATOR };
	uint8_t plain[512], first;
	struct ike_msg msg;
	struct err err;
	struct wbuf w;
	size_t len;

	setup_follow();
	memcpy(h.spi_i, gsa->spi_i, 8);
	memcpy(h.spi_r, gsa->spi_r, 8);
	h.mid = gsa->peer_mid;
	wbuf_init(&w, 1024);
	ike_hdr_build(&w, &h);
	sk_seal(&w, &gsa->keys.ei, 99, IKE_PLD_KE, ke, sizeof(ke));
	ike_engine_input(g->engine, &m->ep, &g->ep, w.p, w.len);
	wbuf_free(&w);
	is_int(net.n_queue, 1, "a request without a renewal is answered");
	sk_open(net.queue[0].p, net.queue[0].len, &msa->keys.er, plain, &len,
		&first);
	ike_hdr_parse(net.queue[0].p, net.queue[0].len, &msg.h);
	msg_sort(&msg, MSG_ENC, first, plain, len, &err);
	ok(msg_notify(&msg, IKE_N_STATE_NOT_FOUND),
	   "out of place: STATE_NOT_FOUND is answered");
	ok(ike_sa_is_up(gsa), "the IKE SA stays");
	pair_teardown();
}

/* ---- ends --------------------------------------------------------------- */

/* The IKE SA ends while exchanges follow, by either side or with the engine. */
static void ends_meanwhile(void)
{
	for (int steps = 1; steps < 5; steps++)
		for (int by = 0; by < 3; by++) {
			uint8_t secret[32];
			struct ike_follow *f;

			setup_follow();
			ike_rekey(msa);
			for (int i = 0; i < steps; i++)
				net_step(&net);
			f = gsa->follow;
			memcpy(secret, f->secrets.v[0].p, 32);
			wipes_look_for(secret, 32);
			if (by < 2) {
				ike_close(by ? gsa : msa, "closed");
				net_run(&net);
				/* An IKE SA that only g has is idle. */
				net_pass(&net, 400000, true);
				is_int(sas_of(g) + sas_of(m), 0,
				       "after %d messages: nothing is left",
				       steps);
			}
			pair_teardown();
			ok(wipes_found() >= 1,
			   "after %d messages: the secrets are wiped", steps);
		}
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc9370_2_2_4_seed);
	RUN(rfc9370_2_2_4_either_side);
	RUN(rfc9370_2_2_4_lost);
	RUN(rfc9370_2_2_4_both_at_once);
	RUN(rfc9370_2_2_4_while_ours_goes_on);
	RUN(rfc9370_2_2_4_abandoned);
	RUN(rfc9370_2_2_4_always_lost);
	RUN(falls_back);
	RUN(bad_requests);
	RUN(bad_answers);
	RUN(out_of_place);
	RUN(ends_meanwhile);
	return done();
}
