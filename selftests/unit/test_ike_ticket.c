// SPDX-License-Identifier: Apache-2.0
/*
 * Session resumption (RFC 5723) and the IKE SA that the ticket was given over: AUTH
 * of the resumed one, and the end of the ticket or of that IKE SA.
 */
#include "crypto/prf.h"
#include "ike/auth.h"
#include "ike/exchange.h"
#include "ike/session.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "tap.h"

#define LIFETIME 600
#define IDLE_MS 300000

static const struct ike_engine_cfg gcfg = { .ticket_s = LIFETIME,
					    .idle_ms = IDLE_MS };
static const struct ike_engine_cfg mcfg = { .resume = true };

static const struct ike_stats *gstats(void)
{
	return ike_engine_stats(g->engine);
}

static const struct ike_stats *mstats(void)
{
	return ike_engine_stats(m->engine);
}

/* The member asks for keys by an IKE SA of its own, which is up then. */
static void joins(const char *what, unsigned int resumed)
{
	uint64_t before = gstats()->resumed;

	node_clear(g);
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered, 1, "%s: registered", what);
	is_int(gstats()->resumed - before, resumed, "%s: by a ticket", what);
}

static void setup(void)
{
	pair_setup(&gcfg, &mcfg);
	joins("first", 0);
}

/* ---- AUTH ---------------------------------------------------------------- */

/* AUTH of the message in the queue, which one side has sent, computed here. */
static void auth_of_side(const struct ike_sa *sa, bool initiator,
			 const struct sk_key *key, const char *what)
{
	const struct packet *q = &net.queue[0];
	static uint8_t plain[4096], octets[4096];
	const struct blob *first = initiator ? &sa->hs->init_req
					     : &sa->hs->init_res;
	const struct blob *nonce = initiator ? &sa->hs->nr : &sa->hs->ni;
	const uint8_t *sk_p = initiator ? sa->keys.sk_pi : sa->keys.sk_pr;
	uint8_t mic[PRF_MAX_LEN];
	struct ike_msg msg = { 0 };
	struct auth_pld auth;
	const struct pld *id;
	struct err err;
	struct rbuf r;
	size_t len, n;
	uint8_t next;

	if (ike_hdr_parse(q->p, q->len, &msg.h) ||
	    sk_open(q->p, q->len, key, plain, &len, &next) ||
	    msg_sort(&msg, MSG_ENC, next, plain, len, &err))
		bail("%s is not opened", what);
	rbuf_init(&r, msg.auth.body, msg.auth.len);
	if (auth_parse(&r, &auth))
		bail("%s has no AUTH", what);
	id = initiator ? &msg.idi : &msg.idr;
	memcpy(octets, first->p, first->len);
	n = first->len;
	memcpy(octets + n, nonce->p, nonce->len);
	n += nonce->len;
	if (prf_one(sa->suite.prf, sk_p, sa->keys.prf_len, id->body, id->len,
		    octets + n) ||
	    prf_one(sa->suite.prf, sk_p, sa->keys.prf_len, octets,
		    n + prf_len(sa->suite.prf), mic))
		bail("no PRF");
	is_int(auth.method, IKE_AUTH_SHARED_KEY_MIC, "%s: the method", what);
	is_mem(auth.sig, auth.sig_len, mic, prf_len(sa->suite.prf),
	       "%s: AUTH covers message, nonce and identity", what);
}

static void rfc5723_4_3_3_auth(void)
{
	struct ike_sa *sa;

	setup();
	net_pass(&net, IDLE_MS + 1000, true);
	is_int(gstats()->sas, 0, "the first IKE SA has ended");
	node_clear(m);
	sa = node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	is_int(net.queue[0].p[18], GIKE_XCHG_GSA_AUTH, "GSA_AUTH is under way");
	auth_of_side(sa, true, &sa->keys.ei, "the initiator's");
	net_step(&net);
	auth_of_side(sa, false, &sa->keys.er, "the responder's");
	net_run(&net);
	is_int(m->seen.registered, 1, "both sides take AUTH of RFC 5723");
	is_int(gstats()->resumed, 1, "a ticket was used for that");
	pair_teardown();
}

/* ---- the IKE SA that is resumed ------------------------------------------- */

static void rfc5723_4_3_4_former(void)
{
	setup();
	joins("while the IKE SA is up", 1);
	is_int(gstats()->sas, 1, "the key server has ended the former IKE SA");
	is_int(mstats()->sas, 1, "the member has ended the former IKE SA");
	is_str(g->seen.reason, "resumed by another IKE SA",
	       "the key server knows why");
	is_str(m->seen.reason, "resumed by another IKE SA",
	       "the member knows why");
	is_int(net.n_queue, 0, "no message is sent for that");
	net_pass(&net, IDLE_MS + 1000, true);
	joins("after the resumed IKE SA", 1);
	pair_teardown();

	/* The answer comes late, or never. */
	setup();
	node_clear(m);
	node_join(m, g, GCKS, true);
	for (unsigned int i = 0; i < 3; i++)
		net_step(&net);
	is_int(gstats()->sas, 1, "the resumed IKE SA is up at the key server");
	is_int(mstats()->sas, 2, "the member has not got the answer yet");
	net_drop(&net, 0);
	net_pass(&net, 3000, true);
	is_int(m->seen.registered, 1, "the copy of the answer comes");
	is_int(mstats()->sas, 1, "the member has one IKE SA after the copy");
	pair_teardown();
}

/* An IKE SA with requests is not lost, and they would be. */
static void in_use(void)
{
	struct gike_req req;

	setup();
	group_req(&req, "video", true);
	is_int(ike_register_more(m->sa, &req), 0, "a request is under way");
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.registered, 2, "both requests are answered");
	is_int(m->seen.refused, 0, "no request was lost");
	is_int(gstats()->resumed, 0, "nothing is resumed meanwhile");
	is_int(gstats()->sas, 2, "both IKE SAs are up");
	is_int(m->engine->n_sessions, 1, "the newest ticket is kept");
	pair_teardown();
}

/* ---- renewals ------------------------------------------------------------- */

static bool is_used(unsigned int number)
{
	const struct ticket_key *k = &g->engine->tickets->key[0];

	return number / 8 < k->used_len &&
	       k->used[number / 8] & 1u << number % 8;
}

/* The IKE SA of @n is renewed; the datagram @lost is lost once, from 1 on. */
static void rfc5723_6_2_renewal(bool by_member, unsigned int lost)
{
	struct ike_sa *sa;

	setup();
	sa = LIST_FIRST(&(by_member ? m : g)->engine->sas);
	ok(!is_used(0), "the ticket of before could be used");
	is_int(ike_rekey(sa), 0, "a renewal begins");
	for (unsigned int i = 1; i < lost; i++)
		net_step(&net);
	if (lost)
		net_drop(&net, 0);
	net_run(&net);
	net_pass(&net, 3000, true);
	is_int(gstats()->rekeyed, 1, "the IKE SA is renewed");
	ok(is_used(0), "the ticket of before has ended at the key server");
	is_int(g->engine->tickets->key[0].n, 2, "there is one more ticket");
	is_int(m->engine->n_sessions, 1, "the member keeps one ticket");
	is_mem(TAILQ_FIRST(&m->engine->sessions)->r->s.sk_d, 32,
	       LIST_FIRST(&m->engine->sas)->keys.sk_d, 32,
	       "the ticket is of the renewed keys");
	net_pass(&net, IDLE_MS + 1000, true);
	is_int(gstats()->sas, 0, "the renewed IKE SA has ended");
	joins("by the ticket of the renewed one", 1);
	pair_teardown();
}

static void one_ticket(void)
{
	static const struct ike_task ask = {
		.xchg = IKE_XCHG_INFORMATIONAL,
		.notify = IKE_N_TICKET_REQUEST,
	};

	setup();
	sa_ask(LIST_FIRST(&m->engine->sas), &ask);
	net_run(&net);
	is_int(g->engine->tickets->key[0].n, 1,
	       "an IKE SA has one ticket, however often it asks");
	is_int(m->engine->n_sessions, 1, "a refused request ends no ticket");
	pair_teardown();
}

static void none_after_renewal(void)
{
	setup();
	g->engine->cfg.ticket_s = 0;
	is_int(ike_rekey(LIST_FIRST(&m->engine->sas)), 0, "a renewal");
	net_run(&net);
	is_int(gstats()->rekeyed, 1, "the renewal is complete");
	is_int(m->engine->n_sessions, 0, "without an answer no ticket is left");
	net_pass(&net, IDLE_MS + 1000, true);
	joins("without a ticket", 0);
	pair_teardown();
}

/* ---- several key servers -------------------------------------------------- */

static void many_key_servers(void)
{
	char text[32];

	pair_setup(&gcfg, &mcfg);
	for (unsigned int i = 0; i < 20; i++) {
		joins("again", i != 0);
		snprintf(text, sizeof(text), "192.0.3.%u", i);
		addr_parse(text, &LIST_FIRST(&m->engine->sas)->path.peer.addr);
		session_keep(LIST_FIRST(&m->engine->sas),
			     &(struct notify_pld){
				     .data = (const uint8_t *)"\0\0\0\11xyz",
				     .len = 7,
			     });
		net_pass(&net, IDLE_MS + 1000, true);
	}
	is_int(m->engine->n_sessions, 16, "the oldest tickets give way");
	pair_teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc5723_4_3_3_auth);
	RUN(rfc5723_4_3_4_former);
	RUN(in_use);
	for (unsigned int lost = 0; lost < 6; lost++) {
		RUN(rfc5723_6_2_renewal, true, lost);
		RUN(rfc5723_6_2_renewal, false, lost);
	}
	RUN(one_ticket);
	RUN(none_after_renewal);
	RUN(many_key_servers);
	return done();
}
