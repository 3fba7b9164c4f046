// SPDX-License-Identifier: Apache-2.0
/*
 * IKE_AUTH without a Child SA (RFC 6023), and groups by GSA_REGISTRATION over
 * that IKE SA. A Child SA that is asked for is refused.
 */
#include <errno.h>

#include "ike/exchange.h"
#include "ike/psk.h"
#include "ike_pair.h"
#include "lib/log.h"
#include "tap.h"

static struct pki_pair other_ca;

/* The member's certificate is of @by. */
static void setup_with(const struct pki_pair *by,
		       const struct ike_engine_cfg *gcfg,
		       const struct ike_engine_cfg *mcfg)
{
	pair_begin();
	pki_ca(&net, "other CA", &other_ca);
	pair_nodes(&(struct pair_opt){
		.gcfg = gcfg, .mcfg = mcfg, .member_ca = by });
}

static void setup(void)
{
	setup_with(&ca, NULL, NULL);
}

static void teardown(void)
{
	pair_teardown();
	pki_pair_free(&other_ca);
}

static struct ike_sa *open_sa(void)
{
	struct ike_sa *sa;
	struct ike_id id;

	id_from_text(&id, GCKS);
	if (ike_open(m->engine, &m->ep, &g->ep, &id, &sa))
		bail("ike_open");
	return sa;
}

static void registers(struct ike_sa *sa, const char *what)
{
	struct gike_req req;

	group_req(&req, "video", true);
	is_int(ike_register_more(sa, &req), 0, "%s: a group is asked for",
	       what);
	net_pass(&net, 3000, true);
	net_run(&net);
	is_int(m->seen.registered, 1, "%s: registered", what);
	is_int(m->seen.tek_ret, 0, "%s: TEK unwrapped", what);
	is_int(g->seen.req.xchg, GIKE_XCHG_GSA_REGISTRATION,
	       "%s: by GSA_REGISTRATION", what);
	is_str(g->seen.peer, "a.example", "%s: the key server knows who", what);
}

static void rfc6023_5_both_ends(void)
{
	struct ike_sa *sa;

	setup();
	sa = open_sa();
	net_run(&net);
	ok(m->seen.up == 1 && g->seen.up == 1, "up on both sides");
	ok(ike_sa_is_up(sa), "the member's IKE SA is up");
	is_int(g->seen.requests, 0, "no group was asked for");
	is_int(ike_engine_stats(g->engine)->half_open, 0, "none is half-open");
	registers(sa, "later");
	ike_close(sa, "done");
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->sas, 0, "closed at both ends");
	is_int(g->seen.sa_closed, 1, "the group layer is told");
	teardown();

	/* The request is queued while the SA is not up yet. */
	setup();
	registers(open_sa(), "at once");
	teardown();
}

/* Find a notify about the IKE SA in a message in the clear. */
static uint8_t *find_notify(struct packet *q, uint16_t type)
{
	for (size_t i = IKE_HDR_LEN; i + 8 <= q->len; i++)
		if (!q->p[i + 2] && q->p[i + 3] == 8 &&
		    q->p[i + 6] == type >> 8 && q->p[i + 7] == (type & 0xff))
			return &q->p[i];
	return NULL;
}

static void rfc6023_3_offered(void)
{
	uint8_t *n;

	setup();
	open_sa();
	ok(!find_notify(&net.queue[0], IKE_N_CHILDLESS_IKEV2_SUPPORTED),
	   "the request has no notify");
	net_step(&net);
	n = find_notify(&net.queue[0], IKE_N_CHILDLESS_IKEV2_SUPPORTED);
	ok(n, "the answer to IKE_SA_INIT has CHILDLESS_IKEV2_SUPPORTED");
	is_int(n ? n[4] : -1, 1, "Protocol ID is 1");
	is_int(n ? n[5] : -1, 0, "SPI Size is 0");
	/* The initiator MUST NOT send what was not offered. */
	if (n)
		n[7]++;
	net_step(&net);
	is_int(net.n_queue, 0, "without the notify there is no IKE_AUTH");
	is_int(m->seen.sa_closed, 1, "the SA ends");
	is_str(m->seen.reason, "key server opens no IKE SA without a group",
	       "the reason");
	teardown();
}

/* IKE_AUTH as other implementations send it, with a Child SA. */
static bool with_sa, with_ts;

static int ask_child(struct ike_sa *sa, const struct ike_task *t)
{
	static const uint8_t ts[] = { 1,  0, 0,	   0,	 7,    0,   0,
				      16, 0, 0,	   0xff, 0xff, 0,   0,
				      0,  0, 0xff, 0xff, 0xff, 0xff };
	static struct sa_pld esp;
	struct proposal *p;
	struct pchain c;
	struct wbuf w;
	int ret;

	(void)t;
	memset(&esp, 0, sizeof(esp));
	p = proposal_add(&esp, 1, IKE_PROTO_ESP);
	p->spi_len = 4;
	p->spi[3] = 1;
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 256);
	proposal_put(p, IKE_TT_SN, 0, 0);
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = authenticate_request(sa, &c);
	if (with_sa)
		sa_build(&c, &esp);
	if (with_ts) {
		raw_build(&c, IKE_PLD_TSI, ts, sizeof(ts));
		raw_build(&c, IKE_PLD_TSR, ts, sizeof(ts));
	}
	if (!ret)
		ret = sa_request(sa, IKE_XCHG_IKE_AUTH, c.first, &w);
	wbuf_free(&w);
	return ret;
}

static unsigned int refused_child;

static void got_child(struct ike_sa *sa, struct ike_in *in)
{
	refused_child += !!msg_notify(&in->m, IKE_N_NO_ADDITIONAL_SAS);
	ike_auth_got_answer(sa, in);
}

/* EAP is asked for by leaving AUTH out. */
static int ask_eap(struct ike_sa *sa, const struct ike_task *t)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	(void)t;
	ret = ike_sa_state(sa, IKE_ST_AUTH_SENT);
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	id_build(&c, IKE_PLD_IDI, &sa->engine->cfg.id);
	if (!ret)
		ret = sa_request(sa, IKE_XCHG_IKE_AUTH, c.first, &w);
	wbuf_free(&w);
	return ret;
}

static void use(int (*build)(struct ike_sa *sa, const struct ike_task *t))
{
	node_exchange(m, IKE_XCHG_IKE_AUTH, build, got_child);
}

static void rfc7296_1_2_child_refused(void)
{
	for (int kind = 0; kind < 4; kind++) {
		bool child = kind;
		struct ike_sa *sa;

		with_sa = kind & 1;
		with_ts = kind & 2;
		refused_child = 0;
		setup();
		use(ask_child);
		sa = open_sa();
		net_run(&net);
		is_int(refused_child, child, "%s%s: %s", with_sa ? "SA " : "",
		       with_ts ? "TSi TSr" : "",
		       child ? "NO_ADDITIONAL_SAS" : "a plain answer");
		ok(ike_sa_is_up(sa) && g->seen.up == 1,
		   "the IKE SA is up all the same");
		registers(sa, "after it");
		teardown();
	}
}

static void rfc7296_2_16_eap(void)
{
	setup();
	use(ask_eap);
	open_sa();
	net_run(&net);
	is_int(g->seen.auth_failed, 1, "a peer without AUTH is refused");
	is_str(g->seen.text, "EAP is not supported", "the reason");
	is_str(m->seen.reason, "AUTHENTICATION_FAILED from key server",
	       "the peer is told");
	is_int(ike_engine_stats(g->engine)->sas, 0, "no IKE SA is left");
	teardown();
}

static void strangers(void)
{
	setup_with(&other_ca, NULL, NULL);
	open_sa();
	net_run(&net);
	is_int(g->seen.auth_failed, 1,
	       "a certificate of another CA is refused");
	is_int(g->seen.up, 0, "no IKE SA is up");
	is_int(ike_engine_stats(g->engine)->sas, 0, "no IKE SA is left");
	is_str(m->seen.reason, "AUTHENTICATION_FAILED from key server",
	       "the peer is told");
	teardown();
}

static void by_key(void)
{
	struct ike_engine_cfg gcfg = { 0 }, mcfg = { 0 };
	struct psks *gkeys, *mkeys;
	struct err err;

	if (psks_new(&gkeys) || psks_new(&mkeys) ||
	    psks_add(gkeys, "a.example", "sixteen octets !", 16, &err) ||
	    psks_add(mkeys, GCKS, "sixteen octets !", 16, &err))
		bail("no keys");
	gcfg.psks = gkeys;
	mcfg.psks = mkeys;
	setup_with(&ca, &gcfg, &mcfg);
	registers(open_sa(), "by pre-shared key");
	teardown();
	psks_free(gkeys);
	psks_free(mkeys);
}

static void lost(void)
{
	for (int lose = 0; lose < 6; lose++) {
		struct gike_req req;
		struct ike_sa *sa;

		setup();
		sa = open_sa();
		group_req(&req, "video", false);
		ike_register_more(sa, &req);
		for (int i = 0; i < lose; i++)
			net_step(&net);
		is_int(net.n_queue, 1, "packet %d is on its way", lose);
		net_drop(&net, 0);
		net_pass(&net, 1500, true);
		is_int(m->seen.registered, 1, "packet %d lost: registered",
		       lose);
		is_int(g->seen.requests, 1, "the group was asked once");
		teardown();
	}

	/* Each packet comes twice. */
	setup();
	registers(open_sa(), "first");
	node_clear(m);
	open_sa();
	for (int i = 0; i < 4; i++) {
		net_dup(&net, 0);
		net_dup(&net, 0);
		for (unsigned int n = net.n_queue; n; n--)
			net_step(&net);
	}
	net_run(&net);
	is_int(m->seen.up, 1, "each packet three times: one IKE SA is up");
	is_int(ike_engine_stats(g->engine)->sas, 2, "the other one, too");
	ok(ike_engine_stats(g->engine)->in_rexmit > 0, "answers were repeated");
	teardown();
}

static void idle(void)
{
	struct ike_engine_cfg cfg = { .idle_ms = 5000 };

	setup_with(&ca, &cfg, NULL);
	open_sa();
	net_run(&net);
	net_pass(&net, 4000, true);
	is_int(ike_engine_stats(g->engine)->sas, 1,
	       "an IKE SA without a group is kept for a while");
	net_pass(&net, 2000, true);
	is_int(ike_engine_stats(g->engine)->sas, 0, "an idle one is closed");
	is_int(m->seen.sa_closed, 1, "idle: both ends have closed");
	teardown();
}

static void not_begun(void)
{
	struct ike_sa *sa;
	struct ike_id id = { 0 };

	setup();
	is_int(ike_open(m->engine, &m->ep, &g->ep, &id, &sa), -EINVAL,
	       "the key server needs an identity");
	is_int(ike_engine_stats(m->engine)->sas, 0, "no IKE SA is made");
	teardown();
}

/* ---- peers that know nothing of groups ---------------------------------- */

/* An IKE_SA_INIT as other implementations send it: without KWA. */
static void offer_plain(struct node *n)
{
	struct sa_pld *own = &n->engine->proposals;
	struct proposal *p = &own->p[0];
	unsigned int k = 0;

	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type != GIKE_TT_KWA)
			p->t[k++] = p->t[i];
	p->n = k;
}

static void setup_plain(bool taken)
{
	struct ike_engine_cfg cfg = { .plain_ike = taken };

	setup_with(&ca, &cfg, NULL);
	offer_plain(m);
}

static void rfc9838_4_5_4_key_wrap(void)
{
	struct gike_req req;
	char algs[80];
	struct ike_sa *sa, *at_g;

	setup_plain(false);
	sa = open_sa();
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->no_proposal, 1,
	       "without key wrap there is no IKE SA, unless configured");
	is_str(g->seen.text,
	       "IKE_SA_INIT, NO_PROPOSAL_CHOSEN: no acceptable key wrap algorithm (RFC 9838)",
	       "the reason");
	teardown();

	setup_plain(true);
	sa = open_sa();
	net_run(&net);
	ok(ike_sa_is_up(sa) && g->seen.up == 1,
	   "configured: an IKE SA without key wrap is up");
	at_g = LIST_FIRST(&g->engine->sas);
	is_str(ike_sa_algs(at_g, algs, sizeof(algs)),
	       "aes-gcm-16-256 sha2-256 x25519",
	       "the algorithms have no key wrap");
	ok(!ike_sa_kwk(at_g) && !ike_sa_kwk(sa), "there is no GSK_w");
	group_req(&req, "video", true);
	ike_register_more(sa, &req);
	net_run(&net);
	is_int(m->seen.notify, IKE_N_NO_PROPOSAL_CHOSEN,
	       "a group over it is refused");
	is_str(g->seen.text,
	       "GSA_REGISTRATION, NO_PROPOSAL_CHOSEN: the IKE SA was negotiated without a key wrap algorithm (RFC 9838), and can only be opened",
	       "the log has a clear reason");
	is_int(g->seen.requests, 0, "the group layer is not asked");
	ok(ike_sa_is_up(sa) && ike_sa_is_up(at_g), "the IKE SA stays up");
	ike_leave(sa, &req.idg);
	ike_report_sending(sa, &req.idg, 300);
	net_run(&net);
	is_int(g->seen.requests, 0, "a report over it is not taken either");
	is_int(ike_liveness(sa), 0, "liveness works over it");
	net_run(&net);
	is_int(ike_rekey(sa), 0, "an IKE SA without key wrap can be renewed");
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->rekeyed, 1,
	       "the plain IKE SA is renewed");
	ok(ike_sa_is_up(sa) && !ike_sa_kwk(sa), "a renewal brings no key wrap");
	ike_close(sa, "done");
	net_run(&net);
	net_pass(&net, 70000, true);
	is_int(ike_engine_stats(g->engine)->sas, 0, "closed at both ends");
	teardown();

	/* GSA_AUTH in place of IKE_AUTH. */
	setup_plain(true);
	node_join(m, g, GCKS, true);
	net_run(&net);
	is_int(m->seen.notify, IKE_N_NO_PROPOSAL_CHOSEN,
	       "a group by GSA_AUTH is refused");
	is_int(g->seen.requests, 0, "the group layer is not asked there");
	is_int(m->seen.up, 1, "the key server has authenticated itself");
	teardown();
}

/* A peer that offers both gets key wrap, whatever its order. */
static void prefers_key_wrap(void)
{
	struct ike_engine_cfg cfg = { .plain_ike = true };
	struct sa_pld *own;

	setup_with(&ca, &cfg, NULL);
	own = &m->engine->proposals;
	own->p[1] = own->p[0];
	own->p[1].num = 2;
	own->n = 2;
	offer_plain(m);
	registers(open_sa(), "key wrap in the second proposal");
	teardown();

	/* Key wrap algorithms that we do not have are not left out. */
	setup_with(&ca, &cfg, NULL);
	own = &m->engine->proposals;
	for (unsigned int i = 0; i < own->p[0].n; i++)
		if (own->p[0].t[i].type == GIKE_TT_KWA)
			own->p[0].t[i].id += 1000;
	open_sa();
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->no_proposal, 1,
	       "other key wrap algorithms are no reason to do without");
	teardown();
}

/* Our initiator takes no answer without the key wrap that it offered. */
static void no_plain_answer(void)
{
	static struct sa_pld own, answer;
	const struct suite_rules rules = { .own = &own, .kwa = true };
	struct ike_suite suite = { 0 };
	const struct proposal *p;

	ike_default_proposals(&own);
	p = suite_choose(&rules, &own, &suite);
	suite_answer(&suite, &answer);
	ok(p && suite_chosen(&own, &answer, 0, &suite),
	   "an answer with key wrap is taken");
	suite.kwa = 0;
	suite_answer(&suite, &answer);
	is_int(answer.p[0].n, 3, "an answer without key wrap");
	ok(!suite_chosen(&own, &answer, 0, &suite),
	   "an answer without key wrap is not taken");
}

/* A renewal neither adds nor drops key wrap. */
static void renewal_keeps(void)
{
	struct ike_engine_cfg cfg = { .plain_ike = true };
	struct ike_sa *sa;

	setup_with(&ca, &cfg, NULL);
	sa = open_sa();
	net_run(&net);
	sa->suite.kwa = 0;
	is_int(ike_rekey(sa), 0, "a renewal without key wrap is tried");
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->rekeyed, 0,
	       "a renewal without key wrap is refused");
	ok(ike_sa_kwk(LIST_FIRST(&g->engine->sas)),
	   "the IKE SA has key wrap as before");
	teardown();
}

/* The peer says something after three seconds; an IKE SA is unused after five. */
static void talk(struct ike_sa *sa)
{
	net_pass(&net, 3000, true);
	ike_liveness(sa);
	net_run(&net);
	net_pass(&net, 2500, true);
}

static void plain_ends(void)
{
	struct ike_engine_cfg cfg = { .plain_ike = true, .idle_ms = 5000 };
	struct ike_sa *sa;

	setup_with(&ca, &cfg, NULL);
	sa = open_sa();
	net_run(&net);
	talk(sa);
	is_int(ike_engine_stats(g->engine)->sas, 1,
	       "liveness checks keep an IKE SA with key wrap");
	teardown();

	setup_with(&ca, &cfg, NULL);
	offer_plain(m);
	sa = open_sa();
	net_run(&net);
	is_str(g->seen.about, "authenticated, without key wrap, for no group",
	       "the log says that the IKE SA is good for no group");
	net_pass(&net, 1000, true);
	is_int(ike_rekey(sa), 0, "the plain IKE SA is renewed");
	net_run(&net);
	is_int(ike_engine_stats(g->engine)->rekeyed, 1,
	       "the plain IKE SA has new keys");
	talk(sa);
	is_int(ike_engine_stats(g->engine)->up, 1, "there was one IKE SA");
	is_int(ike_engine_stats(g->engine)->sas, 0,
	       "an IKE SA without key wrap is kept by neither liveness nor a renewal");
	is_str(g->seen.about, "sa-idle is over for an IKE SA without key wrap",
	       "the log says why it ended");
	is_int(m->seen.sa_closed, 1, "the peer is told");
	teardown();
}

static unsigned int with_key_wrap(void)
{
	struct ike_sa *sa;
	unsigned int n = 0;

	LIST_FOREACH(sa, &g->engine->sas, link)
		n += !!ike_sa_kwk(sa);
	return n;
}

/* Places are for IKE SAs that can serve a group. */
static void plain_gives_way(void)
{
	struct ike_engine_cfg cfg = { .plain_ike = true, .max_sas = 2 };
	struct ike_sa *good, *plain;
	static struct sa_pld own;

	setup_with(&ca, &cfg, NULL);
	own = m->engine->proposals;
	good = open_sa();
	net_run(&net);
	offer_plain(m);
	plain = open_sa();
	net_run(&net);
	ok(ike_sa_is_up(good) && ike_sa_is_up(plain), "two places are taken");
	net_pass(&net, 1000, true);
	ike_liveness(plain);
	net_run(&net);
	m->engine->proposals = own;
	open_sa();
	net_run(&net);
	is_int(m->seen.up, 3, "a third IKE SA comes");
	is_int(ike_engine_stats(g->engine)->sas, 2, "two are left");
	is_int(m->seen.sa_closed, 1, "one has ended");
	is_int(with_key_wrap(), 2,
	       "the one with key wrap stays, though it was idle for longer");
	offer_plain(m);
	open_sa();
	open_sa();
	net_run(&net);
	is_int(m->seen.up, 5, "more without key wrap come");
	is_int(m->seen.sa_closed, 3, "each ends another");
	is_int(ike_engine_stats(g->engine)->sas, 2, "two are left again");
	is_int(with_key_wrap(), 1, "one of two with key wrap is left");
	m->engine->proposals = own;
	registers(open_sa(), "after that");
	teardown();
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERR);
	RUN(rfc6023_5_both_ends);
	RUN(rfc6023_3_offered);
	RUN(rfc7296_1_2_child_refused);
	RUN(rfc7296_2_16_eap);
	RUN(strangers);
	RUN(by_key);
	RUN(lost);
	RUN(idle);
	RUN(not_begun);
	RUN(rfc9838_4_5_4_key_wrap);
	RUN(prefers_key_wrap);
	RUN(no_plain_answer);
	RUN(renewal_keeps);
	RUN(plain_ends);
	RUN(plain_gives_way);
	return done();
}
