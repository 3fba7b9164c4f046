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

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc5723_4_3_3_auth);
	return done();
}
