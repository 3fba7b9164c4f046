// SPDX-License-Identifier: Apache-2.0
/*
 * Additional key exchanges (RFC 9370) in IKE_INTERMEDIATE (RFC 9242): both ends,
 * with loss and fragments, and renewals. Most tests use curves, which every OpenSSL
 * has; selftests/pkg/ml-kem.sh runs this program with one that has ML-KEM as well.
 * test_ike_addke_choice.c has the negotiation alone, and test_ike_addke_bad.c bad
 * messages and attackers.
 */
#include <errno.h>

#include "crypto/prf.h"
#include "ike/exchange.h"
#include "ike/ppk.h"
#include "ike/psk.h"
#include "ike_addke.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"
#include "wipes.h"

/* Less than mcsecd.conf permits, so that curves are cut, too. */
#define SIZE 140

/* ---- configurations and policies ----------------------------------------- */

/* Configurations that an engine takes, and others. */
static void configurations(void)
{
	struct ike_engine_cfg cfg = { 0 };
	static struct sa_pld many;
	struct ike_engine *e;
	struct ike_ops ops;

	pair_setup(NULL, NULL);
	cfg = m->cfg;
	ops = m->engine->ops;
	cfg.addke = (struct ike_addke)OFFERED(P256, P256);
	is_int(ike_engine_new(&cfg, &ops, m, &e), -EINVAL, "a method twice");
	cfg.addke = (struct ike_addke)OFFERED(14);
	is_int(ike_engine_new(&cfg, &ops, m, &e), -EOPNOTSUPP,
	       "an unknown method");
	cfg.addke = (struct ike_addke){ .n = IKE_ADDKE_MAX + 1 };
	is_int(ike_engine_new(&cfg, &ops, m, &e), -EINVAL,
	       "an eighth method is refused");
	ike_default_proposals(&many);
	while (many.n <= SA_MAX_PROPOSALS / 2) {
		many.p[many.n] = many.p[0];
		many.n++;
	}
	cfg.proposals = &many;
	cfg.addke = (struct ike_addke)OFFERED(P256);
	is_int(ike_engine_new(&cfg, &ops, m, &e), -EINVAL,
	       "proposals without room for a second form of each are refused");
	many.n = 1;
	while (many.p[0].n < SA_MAX_TRANSFORMS)
		many.p[0].t[many.p[0].n++] = many.p[0].t[0];
	is_int(ike_engine_new(&cfg, &ops, m, &e), -EINVAL,
	       "proposals without room for more transforms are refused");
	cfg.addke.n = 0;
	is_int(ike_engine_new(&cfg, &ops, m, &e), 0,
	       "without additional key exchanges a full proposal is taken");
	ike_engine_free(e);
	cfg.proposals = NULL;
	cfg.addke = (struct ike_addke)OFFERED(IKE_KE_ML_KEM_768);
	is_int(ike_engine_new(&cfg, &ops, m, &e),
	       ke_available(IKE_KE_ML_KEM_768) ? 0 : -EOPNOTSUPP,
	       "ML-KEM-768 if OpenSSL has it");
	if (ke_available(IKE_KE_ML_KEM_768))
		ike_engine_free(e);
	pair_teardown();
}

/* Policies of the two sides, and the algorithms then; NULL: refused. */
static const struct {
	const char *what;
	struct ike_addke g, m;
	const char *algs;
} policies[] = {
	{ "neither side", .algs = "x25519" },
	{ "the member only", .m = OFFERED(P256), .algs = "x25519" },
	{ "the key server only", .g = OFFERED(P256), .algs = "x25519" },
	{ "both", .g = OFFERED(P256), .m = OFFERED(P256),
	  .algs = "x25519+p-256" },
	{ "both, two of them in the member's order", .g = REQUIRED(P256, P384),
	  .m = REQUIRED(P384, P256), .algs = "x25519+p-384+p-256" },
	{ "each has another", .g = OFFERED(P384), .m = OFFERED(P256),
	  .algs = "x25519" },
	{ "the key server has more, and offers", .g = OFFERED(P256, P384),
	  .m = REQUIRED(P384), .algs = "x25519+p-384" },
	{ "the key server has more, and requires", .g = REQUIRED(P256, P384),
	  .m = OFFERED(P384) },
	{ "the member has more, and offers", .g = OFFERED(P384),
	  .m = OFFERED(P256, P384), .algs = "x25519" },
	{ "the member requires, the key server has none", .m = REQUIRED(P256) },
	{ "the key server requires, the member has none", .g = REQUIRED(P256) },
	{ "the first method again", .g = OFFERED(X25519), .m = OFFERED(X25519),
	  .algs = "x25519+x25519" },
};

static void rfc9370_2_2_1_policies(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		const char *what = policies[i].what;

		addke_setup(&policies[i].g, &policies[i].m);
		node_join(m, g, GCKS, true);
		net_run(&net);
		if (policies[i].algs) {
			addke_registered(what, policies[i].algs);
			pair_teardown();
			continue;
		}
		is_int(m->seen.registered, 0, "%s: refused", what);
		is_int(ike_engine_stats(g->engine)->no_proposal, 1,
		       "%s: NO_PROPOSAL_CHOSEN", what);
		is_int(ike_engine_stats(g->engine)->sas, 0, "%s: no state",
		       what);
		net_pass(&net, 1000, true);
		is_int(m->seen.notify, IKE_N_NO_PROPOSAL_CHOSEN,
		       "%s: the member is told", what);
		is_int(!!strstr(m->seen.reason, "required here"),
		       policies[i].m.required, "%s: %s", what, m->seen.reason);
		ok(strstr(g->seen.text, "RFC 9370"), "%s: the log says: %s",
		   what, g->seen.text);
		pair_teardown();
	}
}

/* The messages of one handshake, and which keys they have. */
static void rfc9242_3_2_exchanges(void)
{
	static const uint8_t want[][2] = {
		{ IKE_XCHG_IKE_SA_INIT, 0 },
		{ IKE_XCHG_IKE_SA_INIT, 0 },
		{ IKE_XCHG_IKE_INTERMEDIATE, 1 },
		{ IKE_XCHG_IKE_INTERMEDIATE, 1 },
		{ IKE_XCHG_IKE_INTERMEDIATE, 2 },
		{ IKE_XCHG_IKE_INTERMEDIATE, 2 },
		{ GIKE_XCHG_GSA_AUTH, 3 },
		{ GIKE_XCHG_GSA_AUTH, 3 },
	};
	uint8_t plain[2048], first;
	struct ike_sa *gsa = NULL;
	struct ike_sa *msa;
	size_t len;

	addke_setup(&both, &both);
	msa = node_join(m, g, GCKS, true);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct packet *q = &net.queue[0];

		is_int(net.n_queue, 1, "message %zu", i);
		is_int(q->p[18], want[i][0], "message %zu: exchange", i);
		is_int(q->p[23], want[i][1], "message %zu: Message ID", i);
		if (i == 2)
			gsa = addke_half_open();
		if (i == 3 || i == 5)
			is_int(sk_open(q->p, q->len, &gsa->keys.er, plain, &len,
				       &first),
			       -EBADMSG, "message %zu: not by the next keys",
			       i);
		/* An answer has the keys of its request. */
		if (i >= 2)
			is_int(sk_open(q->p, q->len,
				       i & 1 ? &msa->keys.er : &gsa->keys.ei,
				       plain, &len, &first),
			       0, "message %zu: by the keys of before", i);
		if (i >= 2 && i < 6) {
			is_int(first, IKE_PLD_KE, "message %zu: KE", i);
			is_int(plain[4] << 8 | plain[5], i < 4 ? P256 : P384,
			       "message %zu: the method that is due", i);
			is_int(len, 8 + (i < 4 ? 64 : 96),
			       "message %zu: there is no other payload", i);
		}
		if (i == 2 || i == 4)
			is_str(ike_sa_state_name(msa), "INTER_SENT",
			       "message %zu: the member's state", i);
		net_step(&net);
	}
	addke_registered("at the end", "x25519+p-256+p-384");
	ok(!msa->hs && !gsa->hs, "nothing of it is kept");
	pair_teardown();
}

/* SKEYSEED(n) and SK_* of each exchange, computed from what the test knows. */
static void rfc9370_2_2_2_keys(void)
{
	static const struct ike_addke one = REQUIRED(X25519);
	uint8_t sk_d[32], in[32 + 64], seed[32], spis[64 + 16],
		out[3 * 32 + 72];
	struct ke_shared shared;
	struct ke_answer answer;
	struct ike_sa *gsa, *msa;
	const uint8_t *offer;
	struct packet *q;
	struct wbuf w;
	struct pchain c;
	size_t len;

	addke_setup(&one, &one);
	msa = node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	gsa = addke_half_open();
	memcpy(sk_d, gsa->keys.sk_d, 32);
	memcpy(in + 32, gsa->hs->ni.p, 32);
	memcpy(in + 64, gsa->hs->nr.p, 32);
	memcpy(spis, in + 32, 64);
	memcpy(spis + 64, gsa->spi_i, 8);
	memcpy(spis + 72, gsa->spi_r, 8);
	/* The test answers in place of the key server, and knows SK(1). */
	offer = ke_offer(msa->hs->inter->ke, &len);
	ke_answer(X25519, offer, len, &answer, &shared);
	memcpy(in, shared.p, 32);
	net_step(&net);
	q = &net.queue[0];
	wbuf_init(&w, 1024);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ke_build(&c, X25519, answer.p, answer.len);
	addke_replace(q, &msa->keys.er, c.first, w.p, w.len);
	wbuf_free(&w);
	net_step(&net);
	prf_one(5, sk_d, 32, in, sizeof(in), seed);
	prf_plus(5, seed, 32, spis, sizeof(spis), out, sizeof(out));
	is_mem(msa->keys.sk_d, 32, out, 32, "SK_d");
	is_mem(msa->keys.ei.key, msa->keys.ei.len, out + 32, 36, "SK_ei");
	is_mem(msa->keys.er.key, msa->keys.er.len, out + 68, 36, "SK_er");
	is_mem(msa->keys.sk_pi, 32, out + 104, 32, "SK_pi");
	is_mem(msa->keys.sk_pr, 32, out + 136, 32, "SK_pr");
	is_int(msa->keys.ei.iv, 1, "IVs begin anew, with GSA_AUTH");
	pair_teardown();
}

/* IntAuth of two exchanges, computed from the messages as they were sent. */
static void rfc9242_3_3_2_int_auth(void)
{
	uint8_t i[32], r[32], want[32], text[32 + 32 + 2048], out[INT_AUTH_MAX];
	uint8_t plain[2048], first;
	struct ike_sa *gsa, *msa;
	size_t len, at;

	addke_setup(&both, &both);
	msa = node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	gsa = addke_half_open();
	for (int n = 0; n < 4; n++) {
		const struct packet *q = &net.queue[0];
		struct ike_keys keys = n & 1 ? msa->keys : gsa->keys;

		sk_open(q->p, q->len, n & 1 ? &keys.er : &keys.ei, plain, &len,
			&first);
		at = n < 2 ? 0 : 32;
		memcpy(text, n & 1 ? r : i, at);
		memcpy(text + at, q->p, 28);
		put_unaligned_be32(32 + len, text + at + 24);
		text[at + 28] = first;
		text[at + 29] = 0;
		put_unaligned_be16(4 + len, text + at + 30);
		memcpy(text + at + 32, plain, len);
		prf_one(5, n & 1 ? keys.sk_pr : keys.sk_pi, 32, text,
			at + 32 + len, n & 1 ? r : i);
		net_step(&net);
	}
	is_mem(gsa->hs->inter->i.v, 32, i, 32, "IntAuth_i2 at the key server");
	is_mem(msa->hs->inter->i.v, 32, i, 32, "IntAuth_i2 at the member");
	is_mem(gsa->hs->inter->r.v, 32, r, 32, "IntAuth_r2 at the key server");
	is_mem(msa->hs->inter->r.v, 32, r, 32, "IntAuth_r2 at the member");
	len = int_auth_put(&gsa->hs->inter->i, &gsa->hs->inter->r, 5, 3, out);
	is_int(len, 68, "IntAuth_i | IntAuth_r | IKE_AUTH_MID");
	memcpy(want, out, 32);
	is_mem(want, 32, i, 32, "IntAuth_i is first");
	is_int(out[67], 3, "the Message ID of AUTH is last");
	pair_teardown();
}

/* Reserved bits of the SK header are the sender's, and covered as they were sent. */
static void rfc9242_3_3_2_reserved(void)
{
	uint8_t plain[2048], first;
	struct ike_sa *gsa, *msa;
	struct packet *q;
	size_t len;

	addke_setup(&both, &both);
	msa = node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	gsa = addke_half_open();
	q = &net.queue[0];
	sk_open(q->p, q->len, &gsa->keys.ei, plain, &len, &first);
	addke_flags = 0x01;
	addke_replace(q, &gsa->keys.ei, first, plain, len);
	addke_flags = 0;
	net_step(&net);
	is_int(gsa->hs->inter->done, 1,
	       "a request with a reserved bit is taken");
	ok(memcmp(gsa->hs->inter->i.v, msa->hs->inter->i.v, 32),
	   "a request with a reserved bit has another IntAuth");
	pair_teardown();
}

/* ---- loss, repetition, fragments ---------------------------------------- */

static void cfg_with(struct ike_engine_cfg *cfg, uint32_t size)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->addke = both;
	cfg->fragment_size = size;
}

static void setup_cut(uint32_t size)
{
	struct ike_engine_cfg gcfg, mcfg;

	cfg_with(&gcfg, size);
	cfg_with(&mcfg, size);
	pair_setup(&gcfg, &mcfg);
}

/* Each datagram of the handshake is lost, or comes twice, once. */
static void rfc9242_3_2_lost(void)
{
	for (int cut = 0; cut < 2; cut++)
		for (unsigned int lose = 0;; lose++) {
			unsigned int n = 0;

			setup_cut(cut ? SIZE : 0);
			node_join(m, g, GCKS, true);
			while (net.n_queue) {
				if (n++ == lose)
					net_drop(&net, 0);
				else
					net_step(&net);
			}
			net_pass(&net, 3000, true);
			is_int(m->seen.registered, 1,
			       "datagram %u is lost, %s: registered", lose,
			       cut ? "fragments" : "whole messages");
			is_int(g->seen.requests, 1,
			       "datagram %u is lost, %s: asked once", lose,
			       cut ? "fragments" : "whole messages");
			pair_teardown();
			if (n <= lose)
				break;
		}
}

static void rfc9242_3_2_repeated(void)
{
	static const char *const how[] = { "each twice", "each twice, late",
					   "in reverse order" };

	for (int cut = 0; cut < 2; cut++)
		for (int kind = 0; kind < 3; kind++) {
			unsigned int last = 0;

			setup_cut(cut ? SIZE : 0);
			node_join(m, g, GCKS, true);
			for (int i = 0; net.n_queue && i < 400; i++) {
				unsigned int n = net.n_queue;

				if (kind == 2 && n > 1)
					net_swap(&net, 0, n - 1);
				if (kind < 2 && i - last >= 2 * n) {
					net_dup(&net, 0);
					last = i;
				}
				if (kind == 1 && n > 1)
					net_swap(&net, 0, 1);
				net_step(&net);
			}
			net_run(&net);
			net_pass(&net, 3000, true);
			addke_registered(how[kind], "x25519+p-256+p-384");
			is_int(g->seen.requests, 1, "%s: asked once",
			       how[kind]);
			pair_teardown();
		}
}

/* A retransmitted request gets the same octets, by keys that are replaced now. */
static void rfc7296_2_1_same_answer(void)
{
	struct packet *q;
	uint8_t kept[512];
	size_t len;

	setup_cut(0);
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	net_dup(&net, 0);
	net_step(&net);
	q = &net.queue[1];
	len = q->len;
	memcpy(kept, q->p, len);
	net_step(&net);
	is_int(net.n_queue, 2, "both copies are answered");
	is_mem(net.queue[1].p, net.queue[1].len, kept, len,
	       "same answer: the answer is the same");
	is_int(ike_engine_stats(g->engine)->in_rexmit, 1,
	       "the repeated request is counted");
	net_run(&net);
	addke_registered("in the end", "x25519+p-256+p-384");
	pair_teardown();
}

/* Fragments of IKE_INTERMEDIATE, which make no difference to IntAuth. */
static void rfc9242_3_3_2_fragments(void)
{
	unsigned int n[2] = { 0 };

	setup_cut(SIZE);
	node_join(m, g, GCKS, true);
	while (net.n_queue) {
		const struct packet *q = &net.queue[0];

		if (q->p[18] == IKE_XCHG_IKE_INTERMEDIATE)
			n[!!(q->p[19] & IKE_FLAG_RESPONSE)] +=
				msg_is_fragment(q->p, q->len);
		net_step(&net);
	}
	is_int(n[0], 5, "a request in two fragments, and one in three");
	is_int(n[1], 5, "both answers are cut in the same way");
	addke_registered("with fragments", "x25519+p-256+p-384");
	pair_teardown();
}

/*
 * The answer is lost, and the member sends the request in smaller fragments: the
 * key server knows it by the key of before.
 */
static void rfc7383_2_5_2_smaller_fragments(void)
{
	uint8_t plain[1024], first;
	struct ike_sa *gsa, *msa;
	struct skf skf = { .number = 1, .total = 3 };
	struct ike_hdr h;
	struct sk_key key;
	struct packet *q;
	struct wbuf w;
	size_t len;

	setup_cut(SIZE);
	msa = node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	gsa = addke_half_open();
	key = gsa->keys.ei;
	q = &net.queue[0];
	ike_hdr_parse(q->p, q->len, &h);
	skf_open(q->p, q->len, &key, &(struct skf){ 0 }, plain, &len, &first);
	net_step(&net);
	net_step(&net);
	is_int(gsa->hs->inter->done, 1, "the request is answered");
	pair_drop_all();
	wbuf_init(&w, 1024);
	ike_hdr_build(&w, &h);
	skf_seal(&w, &key, 99, first, &skf, plain, 16);
	ike_engine_input(g->engine, &m->ep, &g->ep, w.p, w.len);
	wbuf_free(&w);
	is_int(ike_engine_stats(g->engine)->in_rexmit, 1,
	       "fragment 1 of 3 triggers the answer");
	is_int(net.n_queue, 2, "the answer of before has two fragments");
	net_run(&net);
	addke_registered("in the end", "x25519+p-256+p-384");
	ok(!msa->hs, "nothing is kept");
	pair_teardown();
}

/* ---- with the other ways to open an IKE SA ------------------------------ */

static void cookies(void)
{
	struct ike_engine_cfg gcfg, mcfg;

	cfg_with(&gcfg, 0);
	cfg_with(&mcfg, 0);
	gcfg.cookie_always = true;
	pair_setup(&gcfg, &mcfg);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->cookie_sent, 1, "a cookie");
	addke_registered("with a cookie", "x25519+p-256+p-384");
	pair_teardown();

	/* A request without key pair costs no state and no key exchange. */
	pair_setup(&gcfg, &mcfg);
	node_join(m, g, GCKS, true);
	net_step(&net);
	is_int(ike_engine_stats(g->engine)->half_open, 0,
	       "before the cookie there is no state");
	pair_teardown();
}

/* The limit of time is for the whole handshake. */
static void half_open(void)
{
	struct ike_engine_cfg gcfg, mcfg;

	cfg_with(&gcfg, 0);
	cfg_with(&mcfg, 0);
	gcfg.half_open_ms = 5000;
	pair_setup(&gcfg, &mcfg);
	node_join(m, g, GCKS, true);
	for (int i = 0; i < 5; i++)
		net_step(&net);
	is_int(ike_engine_stats(g->engine)->half_open, 1,
	       "half-open between IKE_INTERMEDIATE exchanges");
	net_pass(&net, 4900, false);
	is_int(ike_engine_stats(g->engine)->half_open, 1,
	       "an IKE SA of 4.9 of 5 seconds is half-open still");
	net_pass(&net, 200, false);
	is_int(ike_engine_stats(g->engine)->half_open, 0,
	       "IKE_INTERMEDIATE does not prolong the time of a half-open IKE SA");
	is_int(ike_engine_stats(g->engine)->sas, 0, "nothing is left");
	pair_teardown();
}

static void pre_shared(void)
{
	static const char key[] = "a secret of at least thirty-two octets";
	struct pki_opt opt = { .kind = PKI_GCKS,
			       .dns = GCKS,
			       .psk_only = true };
	struct ike_engine_cfg gcfg, mcfg;
	struct psks *gkeys, *mkeys;
	struct err err;

	cfg_with(&gcfg, 0);
	cfg_with(&mcfg, 0);
	if (psks_new(&gkeys) || psks_new(&mkeys) ||
	    psks_add(gkeys, "a.example", key, strlen(key), &err) ||
	    psks_add(mkeys, GCKS, key, strlen(key), &err))
		bail("no keys");
	gcfg.psks = gkeys;
	mcfg.psks = mkeys;
	pair_begin();
	opt.ca = &ca;
	g = node_new(&net, "192.0.2.1", &opt, &ca, &gcfg);
	opt.kind = PKI_MEMBER;
	opt.dns = "a.example";
	m = node_new(&net, "192.0.2.2", &opt, &ca, &mcfg);
	node_join(m, g, GCKS, true);
	net_run(&net);
	addke_registered("with a pre-shared key", "x25519+p-256+p-384");
	pair_teardown();
	psks_free(gkeys);
	psks_free(mkeys);
}

/* A PPK is mixed into the keys of the last exchange, or left out. */
static void with_ppk(void)
{
	static const char *const algs[] = { "x25519+p-256+p-384 kw-256 ppk",
					    "x25519+p-256+p-384 kw-256" };

	for (int other = 0; other < 2; other++) {
		struct ike_engine_cfg gcfg, mcfg;
		struct ppks *gkeys, *mkeys;
		struct ppk ppk = {
			.id = (char *)"a.example",
			.name = (char *)"first",
			.key = (uint8_t *)"a secret of thirty-two octets or more",
			.len = 32
		};
		struct err err;

		cfg_with(&gcfg, 0);
		cfg_with(&mcfg, 0);
		if (ppks_new(&gkeys) || ppks_new(&mkeys) ||
		    ppks_add(gkeys, &ppk, &err))
			bail("no keys");
		ppk.id = (char *)GCKS;
		if (other)
			ppk.name = (char *)"second";
		if (ppks_add(mkeys, &ppk, &err))
			bail("no keys");
		gcfg.ppks = gkeys;
		mcfg.ppks = mkeys;
		pair_setup(&gcfg, &mcfg);
		node_join(m, g, GCKS, true);
		net_run(&net);
		addke_registered(other ? "with NO_PPK_AUTH" : "with a PPK",
				 algs[other]);
		pair_teardown();
		ppks_free(gkeys);
		ppks_free(mkeys);
	}
}

static void rfc9370_2_2_3_childless(void)
{
	struct ike_sa *sa;
	struct ike_id id;

	addke_setup(&both, &both);
	id_from_text(&id, GCKS);
	ike_open(m->engine, &m->ep, &g->ep, &id, &sa);
	net_run(&net);
	ok(ike_sa_is_up(sa), "IKE_AUTH follows, too");
	is_str(addke_algs(sa),
	       "aes-gcm-16-256 sha2-256 x25519+p-256+p-384 kw-256",
	       "the algorithms");
	pair_teardown();
}

/* Behind a NAT, the first IKE_INTERMEDIATE goes to port 4500. */
static void rfc9242_3_2_nat(void)
{
	struct ike_engine_cfg gcfg, mcfg;

	cfg_with(&gcfg, 0);
	cfg_with(&mcfg, 0);
	mcfg.natt_port = 4500;
	pair_setup(&gcfg, &mcfg);
	net.nat = true;
	net.nat_inside = m->ep;
	ep_parse("203.0.113.9:1234", 0, &net.nat_outside);
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	is_int(net.queue[0].p[18], IKE_XCHG_IKE_INTERMEDIATE,
	       "IKE_INTERMEDIATE");
	is_int(net.queue[0].to.port, 4500, "goes to port 4500");
	net_run(&net);
	addke_registered("behind a NAT", "x25519+p-256+p-384");
	pair_teardown();
}

/* ---- renewals ----------------------------------------------------------- */

/*
 * RFC 9370 section 2.2.4 lets a renewal do without: SK_d of the old SA, which the
 * new keys are derived from, has all methods in it.
 */
static void rfc9370_2_2_4_renewal(void)
{
	for (int by = 0; by < 2; by++) {
		struct ike_sa *msa, *gsa;

		addke_setup(&both, &both);
		msa = node_join(m, g, GCKS, true);
		net_run(&net);
		gsa = g->sa;
		for (int i = 0; i < 2; i++) {
			is_int(ike_rekey(by ^ i ? gsa : msa), 0,
			       "renewal: the renewal has begun");
			net_run(&net);
			is_int(ike_engine_stats(g->engine)->rekeyed, i + 1,
			       "renewal: the keys are renewed");
			is_str(addke_algs(msa), addke_algs(gsa),
			       "both ends agree");
			ok(strstr(addke_algs(gsa), "x25519+p-256+p-384"),
			   "the keys still depend on all: %s", addke_algs(gsa));
			is_mem(ike_sa_kwk(msa)->key, 32, ike_sa_kwk(gsa)->key,
			       32, "GSK_w is the same");
			net_pass(&net, 11000, true);
		}
		pair_teardown();
	}
}

/* ---- secrets ------------------------------------------------------------ */

static void wiped(void)
{
	uint8_t sk_d[2][32];
	struct ike_sa *gsa, *msa;

	addke_setup(&both, &both);
	msa = node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	gsa = addke_half_open();
	memcpy(sk_d[0], gsa->keys.sk_d, 32);
	wipes_look_for(sk_d[0], 32);
	net_step(&net);
	ok(wipes_found() >= 1, "the key server wipes the keys of before");
	wipes_look_for(sk_d[0], 32);
	net_step(&net);
	ok(wipes_found() >= 1, "the member wipes them");
	memcpy(sk_d[1], msa->hs->inter->i.v, 32);
	net_step(&net);
	net_step(&net);
	memcpy(sk_d[1], gsa->hs->inter->was.key, 32);
	wipes_look_for(sk_d[1], 32);
	net_run(&net);
	ok(wipes_found() >= 1, "nothing of the handshake stays at its end");
	addke_registered("in the end", "x25519+p-256+p-384");
	pair_teardown();
}

/* tshark's table has the keys of after all exchanges. */
static void exported_keys(void)
{
	struct ike_engine_cfg gcfg, mcfg;
	char want[2 * 36 + 1];

	cfg_with(&gcfg, 0);
	cfg_with(&mcfg, 0);
	gcfg.export_keys = (void *)1;
	pair_setup(&gcfg, &mcfg);
	node_join(m, g, GCKS, true);
	for (int i = 0; i < 4; i++)
		net_step(&net);
	is_str(g->seen.line, "", "no keys before the last exchange");
	net_run(&net);
	for (int i = 0; i < 36; i++)
		sprintf(want + 2 * i, "%02x", g->sa->keys.ei.key[i]);
	ok(strstr(g->seen.line, want), "the keys of GSA_AUTH");
	pair_teardown();
}

/* ---- ML-KEM ------------------------------------------------------------- */

static void ml_kem(void)
{
	static const struct {
		struct ike_addke addke;
		const char *algs;
	} sets[] = {
		{ REQUIRED(IKE_KE_ML_KEM_768), "x25519+ml-kem-768" },
		{ REQUIRED(IKE_KE_ML_KEM_1024), "x25519+ml-kem-1024" },
		{ REQUIRED(IKE_KE_ML_KEM_768, P256, IKE_KE_ML_KEM_1024),
		  "x25519+ml-kem-768+p-256+ml-kem-1024" },
	};

	if (!ke_available(IKE_KE_ML_KEM_768)) {
		diag("OpenSSL lacks ML-KEM here");
		ok(!getenv("ML_KEM"), "ML-KEM may be absent");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		for (uint32_t size = 0; size <= 1280; size += 640) {
			struct ike_engine_cfg cfg = { .addke = sets[i].addke,
						      .fragment_size = size };
			unsigned int largest = 0;

			pair_setup(&cfg, &cfg);
			node_join(m, g, GCKS, true);
			while (net.n_queue) {
				if (net.queue[0].p[18] ==
					    IKE_XCHG_IKE_INTERMEDIATE &&
				    net.queue[0].len > largest)
					largest = net.queue[0].len;
				net_step(&net);
			}
			addke_registered("ML-KEM", sets[i].algs);
			if (size)
				ok(largest <= size - 32,
				   "the largest datagram has %u octets",
				   largest);
			else
				ok(largest > 1100, "a whole message: %u octets",
				   largest);
			pair_teardown();
		}
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(configurations);
	RUN(rfc9370_2_2_1_policies);
	RUN(rfc9242_3_2_exchanges);
	RUN(rfc9370_2_2_2_keys);
	RUN(rfc9242_3_3_2_int_auth);
	RUN(rfc9242_3_3_2_reserved);
	RUN(rfc9242_3_2_lost);
	RUN(rfc9242_3_2_repeated);
	RUN(rfc7296_2_1_same_answer);
	RUN(rfc9242_3_3_2_fragments);
	RUN(rfc7383_2_5_2_smaller_fragments);
	RUN(cookies);
	RUN(half_open);
	RUN(pre_shared);
	RUN(with_ppk);
	RUN(rfc9370_2_2_3_childless);
	RUN(rfc9242_3_2_nat);
	RUN(rfc9370_2_2_4_renewal);
	RUN(wiped);
	RUN(exported_keys);
	RUN(ml_kem);
	return done();
}
