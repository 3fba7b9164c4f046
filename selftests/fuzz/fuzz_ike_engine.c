// SPDX-License-Identifier: Apache-2.0
/*
 * The IKE machines at every stage: datagrams as anybody can send them, and
 * messages sealed properly by a peer that lies inside. Key server and member
 * live on from input to input as long as the SA does, so order counts too.
 *
 * Nobody gets in: no group is asked for a peer whose AUTH is not its own, no
 * member takes keys that its key server did not send.
 */
#include "ike/exchange.h"
#include "ike_fuzz.h"
#include "lib/log.h"

/* The network of the unit tests; only the library is linked here. */
#include "ike_net.c"

static struct pki_pair ca;

/* Each stage has nodes of its own, so that few inputs need a handshake. */
static struct pair {
	struct net net;
	struct node *g, *m;
	struct ike_sa *msa; /* the member's, NULL: none */
} pairs[FH_MAX];

/* Where a member says that it is. */
static struct ep elsewhere;

static void check(bool fine)
{
	if (!fine)
		abort();
}

static void quiet(enum log_level level, const char *line, void *ctx)
{
	(void)level;
	(void)line;
	(void)ctx;
}

static bool is_inter(enum fuzz_host to)
{
	return to == FH_INTER_REQ || to == FH_INTER_RES;
}

static bool is_follow(enum fuzz_host to)
{
	return to == FH_FOLLOW_REQ || to == FH_FOLLOW_RES;
}

static bool is_resume(enum fuzz_host to)
{
	return to == FH_RESUME_REQ || to == FH_RESUME_RES ||
	       to == FH_RESUME_RAW;
}

static bool is_edge(enum fuzz_host to)
{
	return to == FH_EDGE_REQ || to == FH_EDGE_RES;
}

static bool is_move(enum fuzz_host to)
{
	return to == FH_MOVE_REQ || to == FH_MOVE_RES || to == FH_MOVED_RES;
}

static void once(void)
{
	static const struct ike_engine_cfg mobike = { .mobike = true };
	static const struct ike_engine_cfg tickets = { .ticket_s = 3600,
						       .resume = true };
	static const struct ike_engine_cfg required = {
		.addke = { .n = 2,
			   .method = { IKE_KE_X25519, IKE_KE_P256 },
			   .required = true },
	};
	static const struct ike_engine_cfg offered = {
		.addke = { .n = 2, .method = { IKE_KE_X25519, IKE_KE_P256 } },
	};
	static const struct ike_engine_cfg relays = { .relays = true };
	struct pki_opt gopt = { .kind = PKI_GCKS,
				.dns = "gcks.example",
				.ca = &ca };
	struct pki_opt mopt = { .kind = PKI_MEMBER,
				.dns = "a.example",
				.ca = &ca };

	if (pairs[0].g)
		return;
	log_set_sink(quiet, NULL);
	check(!ep_parse("198.51.100.7", IKE_PORT, &elsewhere));
	for (int i = 0; i < FH_MAX; i++) {
		struct pair *p = &pairs[i];

		net_init(&p->net);
		if (!i)
			pki_ca(&p->net, "test CA", &ca);
		gopt.kind = is_edge(i) ? PKI_MEMBER : PKI_GCKS;
		p->g = node_new(&p->net, "192.0.2.1", &gopt, &ca,
				is_inter(i) || is_follow(i)	   ? &required
				: i == FH_RAW_GCKS		   ? &offered
				: is_resume(i)			   ? &tickets
				: is_edge(i)			   ? &relays
				: is_move(i) || i == FH_REQ_MEMBER ? &mobike
								   : NULL);
		p->m = node_new(&p->net, "192.0.2.2", &mopt, &ca,
				is_inter(i) || is_follow(i)	   ? &required
				: is_resume(i)			   ? &tickets
				: is_edge(i)			   ? &relays
				: is_move(i) || i == FH_REQ_MEMBER ? &mobike
								   : NULL);
		p->g->edge = (struct edge_answer){ .verdict = EDGE_GRANTED,
						   .lifetime_ms = 15000 };
	}
}

static void clear(struct pair *p)
{
	while (p->net.n_queue)
		net_drop(&p->net, 0);
}

static void restart(struct pair *p)
{
	struct ike_sa *sa;

	clear(p);
	while ((sa = LIST_FIRST(&p->m->engine->sas)))
		ike_close(sa, "fuzz");
	while ((sa = LIST_FIRST(&p->g->engine->sas)))
		ike_close(sa, "fuzz");
	/*
	 * The rate limits of an address have expired, and so have records of
	 * ended SAs.
	 */
	net_pass(&p->net, 120000, false);
	clear(p);
	node_clear(p->m);
	node_clear(p->g);
	p->m->sa = NULL;
	p->g->sa = NULL;
}

/* Number of handshake packets before a stage. */
static unsigned int before(enum fuzz_host to)
{
	switch (to) {
	case FH_RAW_GCKS:
		return 0;
	case FH_RAW_MEMBER:
	case FH_RESUME_RAW:
		return 0;
	case FH_RESUME_REQ:
	case FH_RESUME_RES:
	case FH_RAW_GCKS_INIT:
	case FH_RAW_MEMBER_AUTH:
	case FH_AUTH_REQ:
		return 2;
	case FH_AUTH_RES:
	case FH_INTER_REQ:
	case FH_INTER_RES:
		return 2;
	/* Two additional key exchanges. */
	case FH_FOLLOW_REQ:
	case FH_FOLLOW_RES:
		return 8;
	default:
		return 4;
	}
}

/* Get a ticket, and end the IKE SA that it is of. */
static void get_ticket(struct pair *p)
{
	p->msa = node_join(p->m, p->g, "gcks.example", true);
	check(p->msa);
	net_run(&p->net);
	check(p->m->engine->n_sessions == 1);
	restart(p);
}

/* Let the member tell that it is elsewhere, and the key server ask there. */
static void tell_move(struct pair *p, enum fuzz_host to)
{
	static const struct ike_task update = {
		.xchg = IKE_XCHG_INFORMATIONAL,
		.notify = IKE_N_UPDATE_SA_ADDRESSES,
	};

	if (to != FH_MOVE_RES && to != FH_MOVED_RES)
		return;
	check(!sa_ask(p->msa, &update) && p->net.n_queue == 1);
	p->net.queue[0].from = elsewhere;
	if (to == FH_MOVE_RES)
		check(net_step(&p->net));
}

static void prepare(struct pair *p, enum fuzz_host to)
{
	static const struct edge_request beat = { .group = "video",
						  .beat = true };
	struct gike_req req;

	restart(p);
	if (is_resume(to))
		get_ticket(p);
	p->msa = node_join(p->m, p->g, "gcks.example", to == FH_RES);
	check(p->msa);
	for (unsigned int i = before(to); i; i--)
		check(net_step(&p->net));
	check(!is_resume(to) || (p->msa->hs && p->msa->hs->resume));
	if (to == FH_EDGE_RES)
		check(!ike_ask_edge(p->msa, &beat));
	if (to >= FH_REQ && to != FH_AUTH_RES && !is_inter(to) &&
	    !is_resume(to))
		check(p->m->seen.registered == 1 && p->g->sa);
	if (to == FH_RES) {
		group_req(&req, "video", true);
		check(!ike_register_more(p->msa, &req));
	}
	if (is_follow(to)) {
		check(!ike_rekey(p->msa));
		check(net_step(&p->net) && net_step(&p->net));
	}
	tell_move(p, to);
	clear(p);
}

static struct ike_sa *gcks_sa(struct pair *p)
{
	return LIST_FIRST(&p->g->engine->sas);
}

/* Return true if the stage is as prepare() left it, so it can be used again. */
static bool fresh(struct pair *p, enum fuzz_host to)
{
	struct ike_sa *msa = p->msa;

	if (!msa || !LIST_FIRST(&p->m->engine->sas))
		return false;
	switch (to) {
	case FH_RAW_GCKS:
		return p->g->engine->stats.sas < 40;
	case FH_RESUME_RAW:
		return msa->state == IKE_ST_INIT_SENT &&
		       msa->my_xchg == IKE_XCHG_IKE_SESSION_RESUME;
	case FH_RAW_GCKS_INIT:
	case FH_AUTH_REQ:
	case FH_RESUME_REQ:
		return gcks_sa(p) && gcks_sa(p)->state == IKE_ST_INIT_DONE;
	case FH_RAW_MEMBER:
		return msa->state == IKE_ST_INIT_SENT;
	case FH_RAW_MEMBER_AUTH:
	case FH_AUTH_RES:
	case FH_RESUME_RES:
		return msa->state == IKE_ST_AUTH_SENT && msa->my_busy;
	case FH_INTER_REQ:
		return gcks_sa(p) && inter_is_due(gcks_sa(p));
	case FH_INTER_RES:
		return msa->state == IKE_ST_INTER_SENT && msa->my_busy;
	case FH_FOLLOW_REQ:
		return gcks_sa(p) && gcks_sa(p)->follow;
	case FH_FOLLOW_RES:
		return msa->rekey && msa->rekey->follow && msa->my_busy;
	case FH_MOVE_RES:
		return gcks_sa(p) && gcks_sa(p)->mobike &&
		       gcks_sa(p)->my_busy && gcks_sa(p)->mobike->checking;
	case FH_MOVED_RES:
		return msa->state == IKE_ST_UP && msa->mobike && msa->my_busy;
	case FH_REQ:
	case FH_EDGE_REQ:
	case FH_MOVE_REQ:
		return gcks_sa(p) && gcks_sa(p)->state == IKE_ST_UP;
	case FH_EDGE_RES:
		return msa->state == IKE_ST_UP && msa->my_busy &&
		       msa->my_xchg == IKE_XCHG_INFORMATIONAL;
	case FH_RES:
		return msa->state == IKE_ST_UP && msa->my_busy &&
		       msa->my_xchg == GIKE_XCHG_GSA_REGISTRATION;
	case FH_REQ_MEMBER:
		return msa->state == IKE_ST_UP;
	case FH_MAX:
		break;
	}
	return false;
}

static void raw(struct pair *p, enum fuzz_host to, const uint8_t *msg,
		size_t len)
{
	bool gcks = to == FH_RAW_GCKS || to == FH_RAW_GCKS_INIT;

	if (gcks)
		ike_engine_input(p->g->engine, &p->m->ep, &p->g->ep, msg, len);
	else
		ike_engine_input(p->m->engine, &p->g->ep, &p->m->ep, msg, len);
	check(!p->g->seen.requests && !p->m->seen.registered);
	clear(p);
}

static void sealed(struct pair *p, enum fuzz_host to, uint8_t xchg,
		   uint8_t first, const uint8_t *inner, size_t len)
{
	bool res = to == FH_AUTH_RES || to == FH_RES || to == FH_INTER_RES ||
		   to == FH_FOLLOW_RES || to == FH_RESUME_RES ||
		   to == FH_EDGE_RES || to == FH_MOVE_RES || to == FH_MOVED_RES;
	bool to_member = (res && to != FH_MOVE_RES) || to == FH_REQ_MEMBER;
	const struct ep *from = is_move(to) ? &elsewhere : &p->m->ep;
	struct ike_sa *dst = to_member ? p->msa : gcks_sa(p);
	struct ike_hdr h = { .xchg = xchg };
	const struct sk_key *k;
	struct wbuf w;

	h.flags = (to_member ? 0 : IKE_FLAG_INITIATOR) |
		  (res ? IKE_FLAG_RESPONSE : 0);
	h.mid = res ? dst->my_mid : dst->peer_mid;
	memcpy(h.spi_i, dst->spi_i, 8);
	memcpy(h.spi_r, dst->spi_r, 8);
	k = to_member ? &dst->keys.er : &dst->keys.ei;
	wbuf_init(&w, IKE_MSG_MAX);
	ike_hdr_build(&w, &h);
	if (!sk_seal(&w, k, 1ull << 40, first, inner, len)) {
		if (to_member)
			ike_engine_input(p->m->engine, &p->g->ep, &p->m->ep,
					 w.p, w.len);
		else
			ike_engine_input(p->g->engine, from, &p->g->ep, w.p,
					 w.len);
	}
	wbuf_free(&w);
	/* Nobody knows the cookie that went to the new address. */
	check(!p->g->engine->stats.moved);
	/* Only what a relay is asked, and what a child has asked, counts. */
	check(!p->g->seen.edge_requests || to == FH_EDGE_REQ);
	check(!p->m->seen.edge_answers || to == FH_EDGE_RES);
	check(!p->m->seen.edge_answers || p->m->seen.edge_no_relay ||
	      p->m->seen.edge_ans.verdict);
	/* A peer without a valid signature is never admitted. */
	if (to == FH_AUTH_REQ || is_inter(to) || is_resume(to))
		check(!p->g->seen.requests);
	if (to == FH_AUTH_RES || is_inter(to) || is_resume(to))
		check(!p->m->seen.registered);
	/* The key server alone rekeys, and a policy is used or not. */
	check(!p->g->seen.inband);
	if (p->m->seen.inband_unusable[0])
		check(!p->m->seen.inband_keys && !p->m->seen.inband_deletes);
	clear(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum fuzz_host to;
	struct pair *p;

	if (size < 3)
		return 0;
	once();
	to = data[0] % FH_MAX;
	p = &pairs[to];
	if (!fresh(p, to))
		prepare(p, to);
	if (to <= FH_RAW_MEMBER_AUTH || to == FH_RESUME_RAW)
		raw(p, to, data + 1, size - 1);
	else
		sealed(p, to, data[1], data[2], data + 3, size - 3);
	/*
	 * Let time pass, so that pending requests are retransmitted and given
	 * up.
	 */
	if (size % 64 == 0) {
		p->net.ms += 500;
		timerq_run(&p->net.tq);
		clear(p);
	}
	return 0;
}
