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

static void asks_again(void)
{
	struct gike_req req;

	group_req(&req, "video", true);
	is_int(ike_register_more(m->sa, &req), 0, "the member asks");
	net_run(&net);
}

static void rfc5723_4_3_4_former(void)
{
	setup();
	joins("while the IKE SA is up", 1);
	is_int(mstats()->sas, 1, "the member has ended the former IKE SA");
	is_str(m->seen.reason, "resumed by another IKE SA",
	       "the member knows why");
	is_int(gstats()->sas, 2,
	       "the key server cannot know that its answer has come");
	asks_again();
	is_int(m->seen.registered, 2, "a request over the resumed one");
	is_int(gstats()->sas, 1, "the first request ends the former IKE SA");
	is_str(g->seen.reason, "resumed by another IKE SA",
	       "the key server knows why");
	is_int(g->seen.sa_closed, 1, "the former one alone has ended");
	net_pass(&net, IDLE_MS + 1000, true);
	joins("after the resumed IKE SA", 1);
	pair_teardown();
}

/* The answer to a request of the key server proves as much as a request. */
static void proven_by_answer(void)
{
	struct ike_sa *sa;

	setup();
	joins("while the IKE SA is up", 1);
	sa = LIST_FIRST(&g->engine->sas);
	ok(sa->resumed, "the newest IKE SA is the resumed one");
	is_int(ike_liveness(sa), 0, "the key server asks");
	net_step(&net);
	is_int(gstats()->sas, 2, "the request alone proves nothing");
	net_run(&net);
	is_int(gstats()->sas, 1, "the answer ends the former IKE SA");
	ok(LIST_FIRST(&g->engine->sas) == sa, "the resumed one stays");
	pair_teardown();
}

/* The key server hears no more from the member. */
static void never_proven(void)
{
	setup();
	joins("while the IKE SA is up", 1);
	net_pass(&net, IDLE_MS - 1000, true);
	is_int(gstats()->sas, 2, "both IKE SAs have their time");
	net_pass(&net, 2000, true);
	is_int(gstats()->sas, 0, "no IKE SA outlives sa-idle");
	is_int(mstats()->sas, 0, "the member was told");
	pair_teardown();
}

/*
 * The message @lost of a resumption is lost once, or for good with all that follows. No
 * side keeps an IKE SA that the other has ended.
 */
static void lost_message(unsigned int lost, bool for_good)
{
	const char *how = for_good ? "for good" : "once";

	setup();
	node_clear(g);
	node_clear(m);
	node_join(m, g, GCKS, true);
	for (unsigned int i = 1; i < lost; i++)
		net_step(&net);
	net_drop(&net, 0);
	if (!for_good) {
		net_pass(&net, 3000, true);
		is_int(m->seen.registered, 1, "message %u lost %s: registered",
		       lost, how);
		asks_again();
		is_int(gstats()->sas, 1, "message %u lost %s: the key server",
		       lost, how);
		is_int(mstats()->sas, 1, "message %u lost %s: the member", lost,
		       how);
		pair_teardown();
		return;
	}
	for (unsigned int i = 0; i < 240 && !m->seen.refused; i++) {
		pair_drop_all();
		net.ms += 500;
		timerq_run(&net.tq);
	}
	pair_drop_all();
	is_int(m->seen.refused, 1, "message %u lost %s: given up", lost, how);
	is_int(mstats()->sas, 1, "message %u lost %s: the former one stays",
	       lost, how);
	m->sa = LIST_FIRST(&m->engine->sas);
	asks_again();
	is_int(m->seen.registered, 1,
	       "message %u lost %s: the former one is answered", lost, how);
	is_int(mstats()->gave_up, 1,
	       "message %u lost %s: one request is given up", lost, how);
	net_pass(&net, IDLE_MS - 1000, true);
	asks_again();
	net_pass(&net, 2000, true);
	is_int(gstats()->sas, 1,
	       "message %u lost %s: the key server has ended the other one",
	       lost, how);
	is_int(mstats()->sas, 1,
	       "message %u lost %s: the member has the former one", lost, how);
	pair_teardown();
}

/* The member refuses the answer, for which the former IKE SA is no worse. */
static void refused_answer(void)
{
	struct ike_sa *sa;

	setup();
	node_clear(m);
	sa = node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	/* The member expects another AUTH. */
	sa->hs->ni.p[0] ^= 1;
	net_run(&net);
	is_int(m->seen.auth_failed, 1, "the member refuses AUTH");
	is_int(gstats()->sas, 1,
	       "a Delete of the member ends the resumed IKE SA");
	is_int(mstats()->sas, 1, "the member goes on with the former one");
	m->sa = LIST_FIRST(&m->engine->sas);
	node_clear(m);
	asks_again();
	is_int(m->seen.registered, 1, "the former IKE SA is answered");
	pair_teardown();
}

/*
 * With a place for one IKE SA the former one gives its own, and not that of another host
 * of the same identity. The member learns of it, whatever becomes of the answer.
 */
static void no_place_for_both(void)
{
	setup();
	g->engine->cfg.max_sas = 1;
	node_clear(g);
	node_clear(m);
	node_join(m, g, GCKS, true);
	for (unsigned int i = 0; i < 3; i++)
		net_step(&net);
	is_int(gstats()->sas, 1, "the key server has no place for both");
	is_int(g->seen.cap, 0, "no other IKE SA has to make room");
	/* The Delete of the former one is before the answer. */
	is_int(net.n_queue, 2, "the former IKE SA ends with a message");
	net_drop(&net, 1);
	net_step(&net);
	is_str(m->seen.reason, "closed by the peer",
	       "the member knows before it has the answer");
	net_pass(&net, 3000, true);
	is_int(m->seen.registered, 1, "the resumed IKE SA is up");
	is_int(mstats()->sas, 1, "the member has that one");
	pair_teardown();
}

/* TEMPORARY_FAILURE, as what there is waits for answers. */
static void put_off(void)
{
	setup();
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_step(&net);
	net_step(&net);
	g->engine->cfg.max_per_peer = 0;
	net_run(&net);
	is_int(m->seen.notify, IKE_N_TEMPORARY_FAILURE,
	       "without a place the member is put off");
	is_int(gstats()->sas, 0, "the key server has ended the former IKE SA");
	is_int(mstats()->sas, 0, "the member knows that it has none");
	is_int(mstats()->gave_up, 0, "no request was in vain");
	pair_teardown();
}

/*
 * A member that resumes again and again, and never uses what it gets: each ticket proves
 * that the answer with it has come.
 */
static void again_and_again(void)
{
	setup();
	for (unsigned int i = 0; i < 12; i++) {
		joins("again", 1);
		is_int(gstats()->sas, 2, "the newest one, and the one before");
		is_int(mstats()->sas, 1, "the member has one");
		net_pass(&net, 1000, true);
	}
	pair_teardown();
}

/* The former IKE SA ends, or gets new keys, before the resumed one is proven. */
static void former_meanwhile(bool renewed)
{
	const char *what = renewed ? "renewed" : "deleted";
	struct ike_sa *former;

	setup();
	node_clear(g);
	former = LIST_FIRST(&g->engine->sas);
	joins("while the IKE SA is up", 1);
	if (renewed) {
		ike_rekey(former);
		net_pass(&net, 60000, true);
	} else {
		ike_close(former, "test");
	}
	net_run(&net);
	is_int(gstats()->sas, 1, "the former IKE SA, %s: one is left at once",
	       what);
	asks_again();
	is_int(m->seen.registered, 2, "the former IKE SA, %s: a request", what);
	is_int(gstats()->sas, 1, "the former IKE SA, %s: one is left", what);
	is_int(mstats()->sas, 1, "the former IKE SA, %s: at the member", what);
	pair_teardown();
}

/* The former IKE SA is renewed while the resumption is under way. */
static void renewed_meanwhile(void)
{
	struct ike_sa *former;

	setup();
	former = LIST_FIRST(&g->engine->sas);
	node_clear(m);
	node_join(m, g, GCKS, true);
	net_step(&net);
	is_int(ike_rekey(former), 0, "the key server renews the former one");
	net_run(&net);
	is_int(m->seen.registered, 1, "the member is registered");
	asks_again();
	net_pass(&net, 60000, true);
	is_int(gstats()->sas, 1, "the key server has one IKE SA");
	is_int(mstats()->sas, 1, "the member has one IKE SA");
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
	RUN(proven_by_answer);
	RUN(never_proven);
	for (unsigned int lost = 1; lost < 5; lost++)
		RUN(lost_message, lost, false);
	RUN(lost_message, 3, true);
	RUN(lost_message, 4, true);
	RUN(refused_answer);
	RUN(no_place_for_both);
	RUN(put_off);
	RUN(again_and_again);
	RUN(former_meanwhile, false);
	RUN(former_meanwhile, true);
	RUN(renewed_meanwhile);
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
