// SPDX-License-Identifier: Apache-2.0
/* IKE SAs of a role: the interface to other folders, and dispatch of datagrams. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crl.h"
#include "crypto/rand.h"
#include "ike/admission.h"
#include "ike/exchange.h"
#include "ike/inbox.h"
#include "ike/mobike.h"
#include "ike/places.h"
#include "ike/ppk.h"
#include "ike/psk.h"
#include "ike/session.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "wire/edge.h"

/* ---- input -------------------------------------------------------------- */

static bool version_ok(struct ike_engine *engine, const struct ike_in *in)
{
	static const uint8_t ours = IKE_VERSION;
	const struct ike_hdr *h = &in->m.h;

	if ((h->version & 0xf0) == (IKE_VERSION & 0xf0))
		return true;
	engine->stats.in_version++;
	engine_request_refused(engine, &in->path.peer, "IKE version %u.%u",
			       h->version >> 4, h->version & 15);
	/*
	 * RFC 7296 section 2.5: a request with a higher major version is
	 * answered with the version that we support.
	 */
	if ((h->version & 0xf0) > (IKE_VERSION & 0xf0) &&
	    !(h->flags & IKE_FLAG_RESPONSE))
		out_unprotected_error(engine, in, IKE_N_INVALID_MAJOR_VERSION,
				      &ours, 1);
	return false;
}

/*
 * Answer a message of an unknown SA with INVALID_IKE_SPI (RFC 7296 section
 * 1.5).
 */
static void answer_unknown_spi(struct ike_engine *engine,
			       const struct ike_in *in)
{
	const struct ike_hdr *h = &in->m.h;

	engine->stats.in_no_sa++;
	/* Only a key server answers, whichever side opened the IKE SA. */
	if (engine->cfg.responder && !(h->flags & IKE_FLAG_RESPONSE) &&
	    (h->next == IKE_PLD_SK ||
	     (h->next == IKE_PLD_SKF && !frags_is_later(in))))
		out_unprotected_error(engine, in, IKE_N_INVALID_IKE_SPI, NULL,
				      0);
}

/* Handle a request of an exchange that opens an SA. */
static void open_exchange(struct ike_engine *engine, struct ike_in *in,
			  const struct exchange *x)
{
	static const uint8_t zero[IKE_SPI_LEN];
	const struct ike_hdr *h = &in->m.h;

	if (!engine->cfg.responder) {
		engine->stats.in_xchg++;
	} else if (!(h->flags & IKE_FLAG_INITIATOR) || h->mid ||
		   !memcmp(h->spi_i, zero, IKE_SPI_LEN) ||
		   memcmp(h->spi_r, zero, IKE_SPI_LEN)) {
		engine->stats.in_xchg++;
		engine_request_refused(engine, &in->path.peer,
				       "%s that opens no SA",
				       ike_xchg_name(h->xchg));
	} else {
		x->open(engine, in);
	}
}

static void dispatch_message(struct ike_engine *engine, struct ike_in *in)
{
	const struct exchange *x = exchange_find(engine, in->m.h.xchg);
	const struct ike_hdr *h = &in->m.h;
	bool initiates = h->flags & IKE_FLAG_INITIATOR;
	struct ike_sa *sa;

	if (x && x->open && !(h->flags & IKE_FLAG_RESPONSE)) {
		open_exchange(engine, in, x);
		return;
	}
	/* The I flag tells which of the two SPIs is ours. */
	sa = table_find(engine, initiates ? h->spi_r : h->spi_i);
	if (!sa && !(h->flags & IKE_FLAG_RESPONSE) &&
	    last_answer_send(engine, in))
		return;
	if (!sa && h->flags & IKE_FLAG_RESPONSE &&
	    last_request_answered(engine, in))
		return;
	if (!sa || sa->initiator == initiates) {
		answer_unknown_spi(engine, in);
		return;
	}
	if (!(x && x->open) && (memcmp(sa->spi_i, h->spi_i, IKE_SPI_LEN) ||
				memcmp(sa->spi_r, h->spi_r, IKE_SPI_LEN))) {
		engine->stats.in_no_sa++;
		return;
	}
	sa_input(sa, in);
}

void ike_engine_input(struct ike_engine *engine, const struct ep *from,
		      const struct ep *to, const uint8_t *p, size_t len)
{
	struct ike_in in = {
		.path = { .local = *to, .peer = *from },
		.p = p,
		.len = len,
	};

	engine->stats.in++;
	if (len > IKE_MSG_MAX || ike_hdr_parse(p, len, &in.m.h)) {
		engine->stats.in_short++;
		return;
	}
	engine_enter(engine);
	if (version_ok(engine, &in))
		dispatch_message(engine, &in);
	engine_leave(engine);
}

/* ---- first messages that wait -------------------------------------------- */

#define LOST_LATELY_MS 600000

void ike_engine_offer(struct ike_engine *engine, const struct ep *from,
		      const struct ep *to, const uint8_t *p, size_t len)
{
	struct addr net;

	if (!engine->inbox || !inbox_is_first(p, len)) {
		ike_engine_input(engine, from, to, p, len);
		return;
	}
	addr_net(&from->addr, &net);
	if (inbox_put(engine->inbox, engine_hash(engine, &net, sizeof(net)),
		      from, to, p, len))
		engine->stats.in_crowded++;
}

bool ike_engine_serve(struct ike_engine *engine, unsigned int most)
{
	struct inbox *b = engine->inbox;
	struct letter *t;

	while (b && most-- && (t = inbox_take(b))) {
		ike_engine_input(engine, &t->from, &t->to, t->p, t->len);
		free(t);
	}
	return b && !inbox_is_empty(b);
}

void ike_engine_lost(struct ike_engine *engine, uint64_t n)
{
	engine->stats.in_lost += n;
	engine->lost_ms = clock_mono_ms(engine->cfg.clock);
}

bool ike_engine_loses(const struct ike_engine *engine)
{
	return engine->stats.in_lost &&
	       clock_mono_ms(engine->cfg.clock) - engine->lost_ms <
		       LOST_LATELY_MS;
}

/* ---- setup and teardown ------------------------------------------------- */

static void default_u32(uint32_t *v, uint32_t def)
{
	if (!*v)
		*v = def;
}

static void set_defaults(struct ike_engine_cfg *c)
{
	default_u32(&c->cookie_above, 64);
	default_u32(&c->max_half_open, 2048);
	default_u32(&c->max_half_open_addr, HALF_OPEN_ADDR);
	default_u32(&c->max_half_open_net, 512);
	default_u32(&c->max_per_identity, 4);
	default_u32(&c->max_per_peer, 1024);
	default_u32(&c->max_sas, 16384);
	default_u32(&c->half_open_ms, 30000);
	default_u32(&c->idle_ms, 300000);
	default_u32(&c->lifetime_ms, 14400000);
	default_u32(&c->later_ms, 30000);
	default_u32(&c->rexmit_ms, 1000);
	default_u32(&c->rexmit_max, 6);
	/*
	 * The interval doubles each time, so 16 retransmissions exceed any
	 * lifetime.
	 */
	if (c->rexmit_max > 16)
		c->rexmit_max = 16;
}

void ike_default_proposals(struct sa_pld *sa)
{
	struct proposal *p;

	memset(sa, 0, sizeof(*sa));
	p = proposal_add(sa, 1, IKE_PROTO_IKE);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 256);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_AES_GCM_16, 128);
	proposal_put(p, IKE_TT_ENCR, IKE_ENCR_CHACHA20_POLY1305, 0);
	proposal_put(p, IKE_TT_PRF, IKE_PRF_HMAC_SHA2_256, 0);
	proposal_put(p, IKE_TT_PRF, IKE_PRF_HMAC_SHA2_384, 0);
	proposal_put(p, IKE_TT_PRF, IKE_PRF_HMAC_SHA2_512, 0);
	proposal_put(p, IKE_TT_KE, IKE_KE_X25519, 0);
	proposal_put(p, IKE_TT_KE, IKE_KE_P256, 0);
	proposal_put(p, IKE_TT_KE, IKE_KE_P384, 0);
	proposal_put(p, GIKE_TT_KWA, GIKE_KWA_5649_256, 0);
	proposal_put(p, GIKE_TT_KWA, GIKE_KWA_5649_128, 0);
}

static bool has_identity(const struct ike_engine_cfg *cfg)
{
	if (!cfg->chain && !cfg->key && !cfg->trust)
		return cfg->psks && cfg->id.type;
	return cfg->chain && cfg->key && cfg->trust;
}

/* Return 0, -EINVAL or -EOPNOTSUPP, see ike_engine_new(). */
static int check_addke(const struct ike_addke *a, const struct sa_pld *own)
{
	/* suite_offer() makes two proposals of each. */
	if (a->n > IKE_ADDKE_MAX || (a->n && own->n > SA_MAX_PROPOSALS / 2))
		return -EINVAL;
	for (unsigned int i = 0; i < own->n; i++)
		if (own->p[i].n + a->n > SA_MAX_TRANSFORMS)
			return -EINVAL;
	for (unsigned int i = 0; i < a->n; i++) {
		for (unsigned int k = 0; k < i; k++)
			if (a->method[k] == a->method[i])
				return -EINVAL;
		if (!ke_available(a->method[i]))
			return -EOPNOTSUPP;
	}
	return 0;
}

static int set_own_id(struct ike_engine_cfg *cfg)
{
	const uint8_t *data;
	uint8_t type;
	size_t len;

	if (cfg->id.type)
		return 0;
	cert_chain_id(cfg->chain, &type, &data, &len);
	return id_set(&cfg->id, type, data, len);
}

int ike_engine_new(const struct ike_engine_cfg *cfg, const struct ike_ops *ops,
		   void *ctx, struct ike_engine **out)
{
	struct ike_engine *engine;
	uint64_t seed;
	int ret;

	if (!cfg->clock || !cfg->tq || !has_identity(cfg) || !ops->send)
		return -EINVAL;
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return -ENOMEM;
	engine->cfg = *cfg;
	engine->ops = *ops;
	engine->ctx = ctx;
	engine->exchanges = ike_exchanges;
	TAILQ_INIT(&engine->last_answers);
	TAILQ_INIT(&engine->last_requests);
	TAILQ_INIT(&engine->frags);
	TAILQ_INIT(&engine->sessions);
	table_init(engine);
	kept_init(engine);
	timer_init(&engine->later_timer, sa_later_due, engine);
	set_defaults(&engine->cfg);
	if (cfg->proposals)
		engine->proposals = *cfg->proposals;
	else
		ike_default_proposals(&engine->proposals);
	ret = check_addke(&cfg->addke, &engine->proposals);
	if (!ret)
		ret = set_own_id(&engine->cfg);
	if (!ret)
		ret = cookies_init(&engine->cookies, clock_mono_ms(cfg->clock));
	if (!ret)
		ret = rand_bytes(&seed, sizeof(seed));
	if (!ret)
		ret = places_init(engine, seed);
	if (!ret)
		ret = admission_init(engine, seed);
	if (!ret)
		ret = out_init(engine);
	if (!ret && cfg->responder) {
		engine->inbox = inbox_new();
		ret = engine->inbox ? 0 : -ENOMEM;
	}
	if (ret) {
		out_free(engine);
		admission_free(engine);
		places_free(engine);
		free(engine);
		return ret;
	}
	*out = engine;
	return 0;
}

void ike_engine_free(struct ike_engine *engine)
{
	struct ike_sa *sa;

	if (!engine)
		return;
	engine->dying = true;
	engine_enter(engine);
	while ((sa = LIST_FIRST(&engine->sas)))
		sa_close(sa, 0, "shutting down");
	engine_leave(engine);
	last_answers_free(engine);
	timer_del(engine->cfg.tq, &engine->kept_timer);
	timer_del(engine->cfg.tq, &engine->later_timer);
	last_requests_free(engine);
	sessions_drop(engine);
	tickets_free(engine);
	cookies_wipe(&engine->cookies);
	inbox_free(engine->inbox);
	out_free(engine);
	admission_free(engine);
	places_free(engine);
	table_clear(engine);
	free(engine);
}

/* ---- pre-shared keys and PPKs ------------------------------------------- */

/* Return true if the key of the peer was, or is being, used for AUTH. */
static bool has_used_psk(const struct ike_sa *sa)
{
	/* A session that is being resumed rests on the key from the start. */
	return !sa->dead && !sa->shadow &&
	       ((sa->hs && sa->hs->resume && !sa->gcks) ||
		sa->state == IKE_ST_UP || sa->state == IKE_ST_AUTH_SENT ||
		sa->state == IKE_ST_AUTH_WAIT);
}

static const char *outdated_by(const struct psk *old, const struct psk *new)
{
	if (!new)
		return "the pre-shared key of the peer was removed";
	return old ? "the pre-shared key of the peer was changed"
		   : "the peer has a pre-shared key now";
}

/*
 * Return why @sa has to end when the table @to takes the place of @from, or NULL.
 */
typedef const char *outdates_fn(const struct ike_sa *sa, const void *from,
				const void *to);

static const char *psk_outdates(const struct ike_sa *sa, const void *from,
				const void *to)
{
	const struct psk *old = psks_find(from, sa_peer_name(sa));
	const struct psk *new = psks_find(to, sa_peer_name(sa));

	return has_used_psk(sa) && !psk_same(old, new) ? outdated_by(old, new)
						       : NULL;
}

/* A responder decides about PPKs at AUTH, and an initiator before. */
static const char *ppk_outdates(const struct ike_sa *sa, const void *from,
				const void *to)
{
	const struct ppk *was = ppks_find(from, sa_peer_name(sa));
	const struct ppk *is = ppks_find(to, sa_peer_name(sa));
	bool opening = !sa->gcks && sa->state != IKE_ST_UP;

	if (sa->dead || sa->shadow || ppk_same(was, is))
		return NULL;
	if (opening)
		return "the PPK for the peer is another one now";
	if (sa->state != IKE_ST_UP && sa->state != IKE_ST_AUTH_WAIT)
		return NULL;
	if (!sa->ppk)
		return is && is->mandatory ? "the peer has a mandatory PPK now"
					   : NULL;
	if (!is)
		return "the PPK for the peer was removed";
	return ppk_same_secret(was, is) ? NULL
					: "the PPK for the peer was changed";
}

static void close_outdated(struct ike_engine *engine, outdates_fn *outdates,
			   const void *from, const void *to)
{
	struct ike_sa *sa, *next;
	const char *why;

	for (sa = LIST_FIRST(&engine->sas); sa; sa = next) {
		next = LIST_NEXT(sa, link);
		why = outdates(sa, from, to);
		if (!why)
			continue;
		ike_close(sa, why);
		/* A callback may have closed others, the next one too. */
		if (next && next->dead)
			next = LIST_FIRST(&engine->sas);
	}
}

/*
 * The caller keeps the old table until these functions return: an IKE SA that is
 * being closed may still compute AUTH for an answer.
 */
void ike_engine_set_psks(struct ike_engine *engine, const struct psks *psks)
{
	engine_enter(engine);
	close_outdated(engine, psk_outdates, engine->cfg.psks, psks);
	sessions_drop(engine);
	engine->cfg.psks = psks;
	engine_leave(engine);
}

void ike_engine_set_ppks(struct ike_engine *engine, const struct ppks *ppks)
{
	engine_enter(engine);
	close_outdated(engine, ppk_outdates, engine->cfg.ppks, ppks);
	sessions_drop(engine);
	engine->cfg.ppks = ppks;
	engine_leave(engine);
}

static const char *revocation_outdates(const struct ike_sa *sa,
				       const void *from, const void *to)
{
	(void)from;
	return crls_revoke(to, &sa->peer_certs)
		       ? "the certificate of the peer is revoked"
		       : NULL;
}

void ike_engine_close_revoked(struct ike_engine *engine)
{
	if (!engine->cfg.trust)
		return;
	engine_enter(engine);
	close_outdated(engine, revocation_outdates, NULL,
		       trust_crls(engine->cfg.trust));
	engine_leave(engine);
}

/* ---- initiator ---------------------------------------------------------- */

static int fill_task(const struct gike_req *req, uint8_t xchg,
		     struct ike_task *t)
{
	memset(t, 0, sizeof(*t));
	if (!req->idg.type || !req->idg.len)
		return -EINVAL;
	t->xchg = xchg;
	t->idg = req->idg;
	t->send = req->send;
	t->n_sender_ids = req->n_sender_ids;
	t->used_up = req->used_up;
	t->later = req->later;
	/* @t owns nothing, and task_push() copies both. */
	t->sag = (struct sa_pld *)req->sag;
	t->opaque = (struct opaque *)req->opaque;
	for (unsigned int i = 0; t->opaque && i < t->opaque->n; i++)
		if (!opaque_is_notify(t->opaque->v[i].type))
			return -EINVAL;
	return 0;
}

static int open_initiator(struct ike_engine *engine, const struct ep *local,
			  const struct ep *peer, const struct ike_id *gcks_id,
			  const struct ike_task *auth, struct ike_sa **out)
{
	const struct ike_path path = { .local = *local, .peer = *peer };
	struct ike_task first = { .xchg = IKE_XCHG_IKE_SA_INIT };
	struct ike_sa *sa;
	int ret;

	if (engine->dying)
		return -ESHUTDOWN;
	/* Peers that open IKE SAs to us have limits of their own, and take none of these. */
	if (engine->n_opened >= engine->cfg.max_sas)
		return -EMFILE;
	sa = sa_new(engine, true, &path);
	if (!sa)
		return -ENOMEM;
	ret = sa_set_peer_id(sa, gcks_id);
	if (!ret)
		ret = sa_name_peer(sa, gcks_id);
	if (!ret)
		ret = table_new_spi(engine, sa->spi_i);
	if (!ret)
		sa->hs->resume = session_take(sa);
	if (!ret && sa->hs->resume)
		first.xchg = IKE_XCHG_IKE_SESSION_RESUME;
	if (!ret)
		ret = task_push(sa, &first);
	if (!ret)
		ret = task_push(sa, auth);
	if (ret) {
		sa_free(sa);
		return ret;
	}
	table_add(engine, sa);
	*out = sa;
	return 0;
}

/* Open an IKE SA whose second exchange is that of @auth. */
static int open_with(struct ike_engine *engine, const struct ep *local,
		     const struct ep *peer, const struct ike_id *gcks_id,
		     const struct ike_task *auth, struct ike_sa **out)
{
	struct ike_sa *sa;
	int ret;

	ret = open_initiator(engine, local, peer, gcks_id, auth, &sa);
	if (ret)
		return ret;
	engine_enter(engine);
	ret = sa->hs->resume ? resume_request(sa, TAILQ_FIRST(&sa->tasks))
			     : init_request(sa, TAILQ_FIRST(&sa->tasks));
	if (ret) {
		/*
		 * The caller has not seen this SA yet, so it gets the error
		 * and no callback.
		 */
		task_free(task_take(sa));
		task_free(task_take(sa));
		sa_close(sa, 0, "first request not built");
	} else {
		sa->told = true;
	}
	engine_leave(engine);
	if (!ret)
		*out = sa;
	return ret;
}

int ike_register(struct ike_engine *engine, const struct ep *local,
		 const struct ep *peer, const struct ike_id *gcks_id,
		 const struct gike_req *req, struct ike_sa **out)
{
	struct ike_task t;

	if (!gcks_id->type || fill_task(req, GIKE_XCHG_GSA_AUTH, &t))
		return -EINVAL;
	return open_with(engine, local, peer, gcks_id, &t, out);
}

int ike_open(struct ike_engine *engine, const struct ep *local,
	     const struct ep *peer, const struct ike_id *gcks_id,
	     struct ike_sa **out)
{
	const struct ike_task t = { .xchg = IKE_XCHG_IKE_AUTH };

	if (!gcks_id->type)
		return -EINVAL;
	return open_with(engine, local, peer, gcks_id, &t, out);
}

int ike_register_more(struct ike_sa *sa, const struct gike_req *req)
{
	struct ike_task t;

	if (sa->gcks || fill_task(req, GIKE_XCHG_GSA_REGISTRATION, &t))
		return -EINVAL;
	return sa_ask(sa, &t);
}

int ike_report(struct ike_sa *sa, const struct ike_id *idg, uint16_t notify)
{
	struct ike_task t = { .xchg = GIKE_XCHG_GSA_REGISTRATION,
			      .report = notify };

	if (sa->gcks || !idg->type ||
	    (notify != IKE_N_NO_PROPOSAL_CHOSEN &&
	     notify != GIKE_N_REGISTRATION_FAILED))
		return -EINVAL;
	t.idg = *idg;
	return sa_ask(sa, &t);
}

int ike_leave(struct ike_sa *sa, const struct ike_id *idg)
{
	return ike_report(sa, idg, GIKE_N_REGISTRATION_FAILED);
}

static int send_data_notify(struct ike_sa *sa, uint16_t notify,
			    const struct ike_id *idg, uint32_t spi)
{
	struct ike_task t = { .xchg = IKE_XCHG_INFORMATIONAL,
			      .notify = notify,
			      .spi = spi };

	if (sa->gcks || !idg->type)
		return -EINVAL;
	t.idg = *idg;
	return sa_ask(sa, &t);
}

int ike_report_sending(struct ike_sa *sa, const struct ike_id *idg,
		       uint32_t spi)
{
	return send_data_notify(sa, MCSEC_N_SENDING, idg, spi);
}

int ike_report_rival(struct ike_sa *sa, const struct ike_id *idg, uint32_t spi)
{
	return send_data_notify(sa, MCSEC_N_RIVAL, idg, spi);
}

void ike_sa_keep(struct ike_sa *sa)
{
	sa->keep = true;
}

int ike_rekey(struct ike_sa *sa)
{
	const struct ike_task t = { .xchg = IKE_XCHG_CREATE_CHILD_SA };

	if (sa->state != IKE_ST_UP)
		return -ENOTCONN;
	return sa->rekey ? -EALREADY : sa_ask(sa, &t);
}

int ike_liveness(struct ike_sa *sa)
{
	const struct ike_task t = { .xchg = IKE_XCHG_INFORMATIONAL };

	return sa->state == IKE_ST_UP ? sa_ask(sa, &t) : -ENOTCONN;
}

void ike_engine_moved(struct ike_engine *engine)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, &engine->sas, link)
		if (!sa->gcks && !sa->shadow)
			mobike_look(sa);
}

/* ---- responder ---------------------------------------------------------- */

static int ask_inband(struct ike_sa *sa, const struct ike_id *idg, bool exclude)
{
	struct ike_task t = { .xchg = GIKE_XCHG_GSA_INBAND_REKEY,
			      .exclude = exclude };

	if (!sa->gcks || !idg->type || !sa->suite.kwa)
		return -EINVAL;
	if (sa->state != IKE_ST_UP)
		return -ENOTCONN;
	t.idg = *idg;
	return sa_ask(sa, &t);
}

int ike_inband(struct ike_sa *sa, const struct ike_id *idg)
{
	return ask_inband(sa, idg, false);
}

int ike_inband_exclude(struct ike_sa *sa, const struct ike_id *idg)
{
	return ask_inband(sa, idg, true);
}

int ike_ask_edge(struct ike_sa *sa, const struct edge_request *req)
{
	struct ike_task t = { .xchg = IKE_XCHG_INFORMATIONAL };
	struct wbuf w;
	int ret = -EINVAL;

	wbuf_init(&w, IKE_INNER_MAX);
	if (sa->engine->cfg.relays && !sa->gcks)
		ret = edge_request_put(&w, req);
	t.data = w.p;
	t.data_len = w.len;
	t.data_type = MCSEC_N_EDGE_REQUEST;
	if (!ret)
		ret = sa_ask(sa, &t);
	wbuf_free(&w);
	return ret;
}

int ike_tell_changed(struct ike_sa *sa, const struct ike_id *idg, uint32_t spi)
{
	struct ike_task t = { .xchg = IKE_XCHG_INFORMATIONAL,
			      .notify = MCSEC_N_CHANGED,
			      .spi = spi };

	if (!sa->gcks || !idg->type || !sa->suite.kwa)
		return -EINVAL;
	if (sa->state != IKE_ST_UP)
		return -ENOTCONN;
	if (sa->my_busy || !TAILQ_EMPTY(&sa->tasks))
		return -EBUSY;
	t.idg = *idg;
	return sa_ask(sa, &t);
}

int ike_reply(struct ike_engine *engine, uint64_t token,
	      const struct gike_reply *reply)
{
	struct ike_sa *sa = ike_token_sa(engine, token);
	int ret;

	if (!sa)
		return -ENOENT;
	engine_enter(engine);
	ret = groupreq_answer(sa, reply);
	engine_leave(engine);
	return ret;
}
