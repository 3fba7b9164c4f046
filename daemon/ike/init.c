// SPDX-License-Identifier: Apache-2.0
/*
 * IKE_SA_INIT (RFC 7296 sections 1.2, 2.6, 2.7, 2.23), with KWA (RFC 9838
 * section 4.5.4).
 */
#include <errno.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/rand.h"
#include "ike/auth.h"
#include "ike/exchange.h"
#include "ike/opening.h"
#include "ike/ppk.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "lib/util.h"

/* A cookie, another group, and cookies whose secret has rotated. */
#define INIT_MAX_TRIES 5

/* ---- notifies of both directions ---------------------------------------- */

static void put_hashes(struct pchain *c)
{
	static const uint8_t hashes[] = {
		0, IKE_HASH_SHA2_256, 0, IKE_HASH_SHA2_384,
		0, IKE_HASH_SHA2_512, 0, IKE_HASH_IDENTITY,
	};

	notify_build(c, IKE_N_SIGNATURE_HASH_ALGORITHMS, hashes,
		     sizeof(hashes));
}

static uint32_t get_hashes(const struct ike_msg *m)
{
	const struct notify_pld *n =
		msg_notify(m, IKE_N_SIGNATURE_HASH_ALGORITHMS);
	uint32_t mask = 0;
	struct rbuf r;

	if (!n)
		return 0;
	rbuf_init(&r, n->data, n->len);
	while (rbuf_left(&r) >= 2) {
		uint16_t hash = rbuf_u16(&r);

		if (hash < 32)
			mask |= 1u << hash;
	}
	return mask;
}

/* Initiator: return the PPK for the peer, or NULL. */
static const struct ppk *ppk_for(const struct ike_sa *sa)
{
	return ppks_find(sa->engine->cfg.ppks, sa_peer_name(sa));
}

/* ---- keys --------------------------------------------------------------- */

static int make_init_keys(struct ike_sa *sa, const struct ke_pld *ke)
{
	uint8_t shared[DH_MAX_SHARED];
	struct ike_seed seed;
	int ret;

	ret = dh_shared(sa->hs->dh, ke->data, ke->len, shared);
	if (!ret)
		ret = seed_of_shared(&seed, &sa->suite, &sa->hs->ni,
				     &sa->hs->nr, shared,
				     dh_shared_len(sa->suite.ke));
	secret_wipe(shared, sizeof(shared));
	if (!ret)
		ret = keys_derive(&sa->keys, &sa->suite, &seed, &sa->hs->ni,
				  &sa->hs->nr, sa->spi_i, sa->spi_r);
	seed_wipe(&seed);
	if (ret)
		return ret;
	dh_free(sa->hs->dh);
	sa->hs->dh = NULL;
	if (!suite_addke(&sa->suite, 0))
		keys_export(sa);
	return 0;
}

/* ---- initiator ---------------------------------------------------------- */

/*
 * Make the key pair of the KE payload, for the group that the peer asked for
 * or else our first.
 */
static int make_dh(struct ike_sa *sa)
{
	const struct proposal *p = &sa->engine->proposals.p[0];

	if (sa->hs->dh && dh_group(sa->hs->dh) == sa->suite.ke)
		return 0;
	if (!sa->suite.ke)
		for (unsigned int i = 0; i < p->n && !sa->suite.ke; i++)
			if (p->t[i].type == IKE_TT_KE)
				sa->suite.ke = p->t[i].id;
	if (sa->hs->dh)
		dh_free(sa->hs->dh);
	sa->hs->dh = NULL;
	return dh_new(sa->suite.ke, &sa->hs->dh);
}

/* Return what we offer, valid until the next call. */
static const struct sa_pld *own_offer(const struct ike_sa *sa)
{
	static struct sa_pld offer;

	suite_offer(&sa->engine->proposals, &sa->engine->cfg.addke, &offer);
	return &offer;
}

static void init_build(struct ike_sa *sa, struct wbuf *w)
{
	struct ike_hdr h = { .xchg = IKE_XCHG_IKE_SA_INIT,
			     .flags = IKE_FLAG_INITIATOR };
	struct pchain c;

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	ike_hdr_build(w, &h);
	pchain_init(&c, w, IKE_HDR_NEXT_OFF);
	if (sa->hs->cookie.p)
		notify_build(&c, IKE_N_COOKIE, sa->hs->cookie.p,
			     sa->hs->cookie.len);
	sa_build(&c, own_offer(sa));
	ke_build(&c, sa->suite.ke, dh_public(sa->hs->dh),
		 dh_public_len(sa->suite.ke));
	raw_build(&c, IKE_PLD_NONCE, sa->hs->ni.p, sa->hs->ni.len);
	nat_put(&c, sa, &sa->path);
	put_hashes(&c);
	if (sa->engine->cfg.fragment_size)
		notify_build(&c, IKE_N_FRAGMENTATION_SUPPORTED, NULL, 0);
	if (sa->engine->cfg.addke.n)
		notify_build(&c, IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED, NULL,
			     0);
	if (ppk_for(sa))
		notify_build(&c, IKE_N_USE_PPK, NULL, 0);
	msg_finish(w);
}

int init_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct wbuf w;
	int ret = 0;

	/* GSA_AUTH, which follows, has the group request. */
	(void)t;
	sa->hs->init_tries++;
	if (!sa->hs->ni.p)
		ret = opening_nonce(&sa->hs->ni);
	if (!ret)
		ret = make_dh(sa);
	if (!ret && sa->state != IKE_ST_INIT_SENT)
		ret = ike_sa_state(sa, IKE_ST_INIT_SENT);
	if (ret)
		return ret;
	wbuf_init(&w, IKE_MSG_MAX);
	init_build(sa, &w);
	ret = w.err;
	if (!ret)
		ret = blob_set(&sa->hs->init_req, w.p, w.len);
	if (!ret)
		ret = sa_request_raw(sa, IKE_XCHG_IKE_SA_INIT, &w);
	wbuf_free(&w);
	return ret;
}

static void ask_again(struct ike_sa *sa)
{
	int ret;

	if (sa->hs->init_tries >= INIT_MAX_TRIES)
		return;
	ret = init_request(sa, TAILQ_FIRST(&sa->tasks));
	if (ret)
		sa_close(sa, 0, strerror(-ret));
}

/* Return true if the answer requires another request or is an error. */
static bool init_not_yet(struct ike_sa *sa, const struct ike_msg *m)
{
	const struct notify_pld *n;

	n = msg_notify(m, IKE_N_COOKIE);
	if (n && !m->sa.body) {
		if (n->len && n->len <= IKE_COOKIE_MAX &&
		    !blob_set(&sa->hs->cookie, n->data, n->len))
			ask_again(sa);
		return true;
	}
	n = msg_notify(m, IKE_N_INVALID_KE_PAYLOAD);
	if (n) {
		uint16_t group = n->len == 2 ? get_unaligned_be16(n->data) : 0;

		if (group != sa->suite.ke &&
		    suite_offers_ke(&sa->engine->proposals, group)) {
			sa->suite.ke = group;
			ask_again(sa);
		}
		return true;
	}
	n = msg_error(m);
	if (n)
		/*
		 * The error is not authenticated: on_rexmit() in life.c acts on
		 * it later.
		 */
		sa->hs->init_error = n->type;
	return n;
}

/* Parse a successful answer into @s and @ke, and change nothing else. */
static bool init_read(struct ike_sa *sa, const struct ike_msg *m,
		      struct ike_suite *s, struct ke_pld *ke)
{
	static const uint8_t zero[IKE_SPI_LEN];
	static struct sa_pld answer;
	struct rbuf r;

	if (!m->sa.body || !m->ke.body || !m->nonce.body ||
	    !memcmp(m->h.spi_r, zero, IKE_SPI_LEN))
		return false;
	rbuf_init(&r, m->sa.body, m->sa.len);
	if (sa_parse(&r, &answer) ||
	    !suite_chosen(own_offer(sa), &answer, 0, s) ||
	    nonce_check(&m->nonce, s->prf))
		return false;
	rbuf_init(&r, m->ke.body, m->ke.len);
	return !ke_parse(&r, ke) && ke->group == s->ke &&
	       ke->group == sa->suite.ke;
}

/*
 * Return what an answer lacks that is mandatory here, or NULL. RFC 9370 section
 * 2.2.1: additional key exchanges need the notify.
 */
static const char *init_lacks(const struct ike_sa *sa, const struct ike_msg *m,
			      const struct ike_suite *suite)
{
	const struct ppk *ppk = ppk_for(sa);

	if (ppk && ppk->mandatory && !msg_notify(m, IKE_N_USE_PPK))
		return "the key server uses no PPK, which is mandatory here";
	if (suite->addke_types &&
	    !msg_notify(m, IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED))
		return "additional key exchanges, but no IKE_INTERMEDIATE at the key server";
	return NULL;
}

void init_note_answer(struct ike_sa *sa, const struct ike_msg *m,
		      struct ike_path path)
{
	sa->hs->init_error = 0;
	sa->hs->init_lacks = NULL;
	sa->fragments = opening_fragments(sa->engine, m);
	/*
	 * The answer may have come from another address, but NAT detection is
	 * about the address that we send to.
	 */
	path.peer = sa->path.peer;
	nat_see(sa, m, &path);
	nat_float(sa);
	timer_del(sa->engine->cfg.tq, &sa->t_rexmit);
	sa->my_busy = false;
	sa->my_mid = 1;
	task_free(task_take(sa));
}

/* Go on with AUTH, or with additional key exchanges, behind the answer @m. */
static void init_done(struct ike_sa *sa, const struct ike_msg *m,
		      struct ike_path path)
{
	sa->peer_hashes = get_hashes(m);
	sa->peer_childless = msg_notify(m, IKE_N_CHILDLESS_IKEV2_SUPPORTED);
	init_note_answer(sa, m, path);
	if (inter_begin(sa))
		sa_close(sa, 0, "out of memory");
	else
		sa_run(sa);
}

void init_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	struct ike_stats *st = &sa->engine->stats;
	struct ike_suite suite = { 0 };
	struct ike_msg *m = &in->m;
	const char *lacks;
	struct ke_pld ke;

	if (!opening_sort_answer(sa, in) || init_not_yet(sa, m))
		return;
	if (!init_read(sa, m, &suite, &ke)) {
		sa_debug(sa,
			 "message refused: answer does not fit the request");
		st->in_syntax++;
		return;
	}
	lacks = init_lacks(sa, m, &suite);
	if (lacks) {
		sa_debug(sa, "message refused: %s", lacks);
		sa->hs->init_lacks = lacks;
		return;
	}
	sa->use_ppk = ppk_for(sa) && msg_notify(m, IKE_N_USE_PPK);
	if (blob_set(&sa->hs->nr, m->nonce.body, m->nonce.len) ||
	    blob_set(&sa->hs->init_res, in->p, in->len))
		return;
	sa->suite = suite;
	memcpy(sa->spi_r, m->h.spi_r, IKE_SPI_LEN);
	if (make_init_keys(sa, &ke)) {
		memset(sa->spi_r, 0, IKE_SPI_LEN);
		st->in_syntax++;
		return;
	}
	init_done(sa, m, in->path);
}

/* ---- responder ---------------------------------------------------------- */

/* A request and what was parsed of it. */
struct init_offer {
	const struct ike_in *in;
	struct opening opening;
	struct ke_pld ke;
	struct ike_suite suite;
};

static void refuse_init(struct ike_engine *engine, const struct init_offer *req,
			const char *why)
{
	engine->stats.in_syntax++;
	engine_request_refused(engine, &req->in->path.peer,
			       "IKE_SA_INIT, INVALID_SYNTAX: %s", why);
	out_unprotected_error(engine, req->in, IKE_N_INVALID_SYNTAX, NULL, 0);
}

/*
 * Choose the algorithms. An IKE SA without key wrap (RFC 9838 section 4.5.4) is
 * second choice, since it can only be opened.
 */
static bool choose_suite(const struct ike_engine *engine,
			 struct suite_rules *rules, const struct sa_pld *offer,
			 struct ike_suite *s)
{
	rules->kwa = true;
	if (suite_choose(rules, offer, s))
		return true;
	rules->kwa = false;
	return engine->cfg.plain_ike && suite_choose(rules, offer, s);
}

/*
 * Check what is cheap, before any state is created and any key exchange is
 * computed.
 */
static bool offer_ok(struct ike_engine *engine, struct init_offer *req)
{
	static struct sa_pld offer;
	struct suite_rules rules = {
		.own = &engine->proposals,
		.addke = &engine->cfg.addke,
		.intermediate =
			msg_notify(&req->in->m,
				   IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED),
	};
	uint8_t group[2];
	struct rbuf r;

	rbuf_init(&r, req->in->m.sa.body, req->in->m.sa.len);
	if (sa_parse(&r, &offer))
		goto bad;
	rbuf_init(&r, req->in->m.ke.body, req->in->m.ke.len);
	if (ke_parse(&r, &req->ke))
		goto bad;
	if (!choose_suite(engine, &rules, &offer, &req->suite)) {
		engine->stats.no_proposal++;
		engine_request_refused(engine, &req->in->path.peer,
				       "IKE_SA_INIT, NO_PROPOSAL_CHOSEN: %s",
				       suite_lacks(&rules, &offer,
						   engine->cfg.plain_ike));
		out_unprotected_error(engine, req->in, IKE_N_NO_PROPOSAL_CHOSEN,
				      NULL, 0);
		return false;
	}
	if (nonce_check(&req->in->m.nonce, req->suite.prf)) {
		refuse_init(engine, req,
			    "nonce of less than half of the PRF's key");
		return false;
	}
	if (req->ke.group != req->suite.ke) {
		engine->stats.invalid_ke++;
		put_unaligned_be16(req->suite.ke, group);
		out_unprotected(engine, req->in, IKE_N_INVALID_KE_PAYLOAD,
				group, 2);
		return false;
	}
	if (req->ke.len == dh_public_len(req->suite.ke))
		return true;
bad:
	refuse_init(engine, req, "SA or KE payload");
	return false;
}

static int build_init_answer(struct ike_sa *sa, struct wbuf *w)
{
	struct ike_hdr h = { .xchg = IKE_XCHG_IKE_SA_INIT,
			     .flags = IKE_FLAG_RESPONSE };
	static struct sa_pld answer;
	struct pchain c;

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->spi_r, IKE_SPI_LEN);
	ike_hdr_build(w, &h);
	pchain_init(&c, w, IKE_HDR_NEXT_OFF);
	suite_answer(&sa->suite, &answer);
	sa_build(&c, &answer);
	ke_build(&c, sa->suite.ke, dh_public(sa->hs->dh),
		 dh_public_len(sa->suite.ke));
	raw_build(&c, IKE_PLD_NONCE, sa->hs->nr.p, sa->hs->nr.len);
	if (sa->engine->cfg.trust)
		auth_put_certreq(&c, sa->engine->cfg.trust);
	nat_put(&c, sa, &sa->path);
	put_hashes(&c);
	notify_build_ike(&c, IKE_N_CHILDLESS_IKEV2_SUPPORTED);
	if (sa->fragments)
		notify_build(&c, IKE_N_FRAGMENTATION_SUPPORTED, NULL, 0);
	if (sa->suite.addke_types)
		notify_build(&c, IKE_N_INTERMEDIATE_EXCHANGE_SUPPORTED, NULL,
			     0);
	if (sa->use_ppk)
		notify_build(&c, IKE_N_USE_PPK, NULL, 0);
	msg_finish(w);
	if (w->err)
		return w->err;
	return blob_set(&sa->hs->init_res, w->p, w->len);
}

/* Do everything that can fail before the SA is added to any list. */
static int sa_prepare(struct ike_sa *sa, struct init_offer *req)
{
	struct wbuf w;
	int ret;

	if (!dh_peer_ok(req->ke.group, req->ke.data, req->ke.len))
		return -EBADMSG;
	sa->suite = req->suite;
	sa->peer_hashes = get_hashes(&req->in->m);
	sa->use_ppk = sa->engine->cfg.ppks &&
		      msg_notify(&req->in->m, IKE_N_USE_PPK);
	ret = opening_prepare(&req->opening, sa);
	if (!ret)
		ret = dh_new(sa->suite.ke, &sa->hs->dh);
	if (!ret)
		ret = opening_nonce(&sa->hs->nr);
	if (ret)
		return ret;
	wbuf_init(&w, IKE_MSG_MAX);
	ret = build_init_answer(sa, &w);
	wbuf_free(&w);
	if (!ret)
		ret = make_init_keys(sa, &req->ke);
	return ret ? ret : inter_begin(sa);
}

static void open_sa(struct ike_engine *engine, struct init_offer *req)
{
	struct ike_sa *sa = sa_new(engine, false, &req->in->path);
	int ret = sa ? sa_prepare(sa, req) : -ENOMEM;

	if (ret) {
		if (sa)
			sa_free(sa);
		/* -EBADMSG means that the point is not on the curve. */
		if (ret != -EBADMSG)
			return;
		admission_bad_ke(engine, &req->in->path.peer,
				 req->opening.guest, req->opening.returned);
		refuse_init(engine, req, "KE is not a point of its curve");
		return;
	}
	opening_enter(&req->opening, sa);
}

void init_got_request(struct ike_engine *engine, struct ike_in *in)
{
	const struct ep *from = &in->path.peer;
	struct init_offer req = { .in = in };
	struct ike_msg *m = &in->m;
	struct err err;
	int ret;

	if (!opening_begin(&req.opening, engine, in))
		return;
	ret = msg_sort(m, MSG_CLEAR, m->h.next, in->p + IKE_HDR_LEN,
		       in->len - IKE_HDR_LEN, &err);
	if (ret == -EPROTONOSUPPORT) {
		engine->stats.in_critical++;
		engine_request_refused(engine, from, "IKE_SA_INIT, %s",
				       err.text);
		out_unprotected_error(engine, in,
				      IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD,
				      &m->critical, 1);
		return;
	}
	if (ret || !m->sa.body || !m->ke.body || !m->nonce.body ||
	    nonce_check(&m->nonce, 0)) {
		refuse_init(engine, &req,
			    ret ? err.text : "SA, KE or nonce is missing");
		return;
	}
	if (opening_proven(&req.opening) &&
	    opening_admitted(&req.opening, NULL) && offer_ok(engine, &req))
		open_sa(engine, &req);
}
