// SPDX-License-Identifier: Apache-2.0
/* All IKE SAs of a role: finding the one a datagram is for, caps, lifetimes */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/quota.h"
#include "lib/secret.h"

/* ---- hashes ------------------------------------------------------------- */

/* Own SPIs are random, so their first octets are as good as any hash. */
static struct ike_sa_list *spi_bucket(struct ike_engine *engine,
				      const uint8_t *spi)
{
	return &engine->by_spi[(spi[0] << 8 | spi[1]) % ENGINE_BUCKETS];
}

uint64_t engine_hash(const struct ike_engine *engine, const void *p, size_t len)
{
	uint64_t h = engine->seed ^ 14695981039346656037ull;
	const uint8_t *o = p;

	/* FNV-1a, with a seed and mixed: peers choose what is hashed */
	for (size_t i = 0; i < len; i++)
		h = (h ^ o[i]) * 1099511628211ull;
	return h ^ h >> 32;
}

struct ike_sa_list *engine_peer_bucket(struct ike_engine *engine,
				       const struct addr *a)
{
	return &engine->by_peer[engine_hash(engine, a, sizeof(*a)) %
				ENGINE_BUCKETS];
}

static const uint8_t *own_spi(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

void engine_add(struct ike_engine *engine, struct ike_sa *sa)
{
	sa->serial = ++engine->next_serial;
	LIST_INSERT_HEAD(&engine->sas, sa, link);
	LIST_INSERT_HEAD(spi_bucket(engine, own_spi(sa)), sa, by_spi);
	if (!sa->initiator)
		LIST_INSERT_HEAD(engine_peer_bucket(engine, &sa->peer.addr), sa,
				 by_peer);
	engine->stats.sas++;
}

void engine_move(struct ike_sa *sa, const struct ep *peer)
{
	struct ike_engine *engine = sa->engine;

	if (!sa->initiator)
		LIST_REMOVE(sa, by_peer);
	sa->peer = *peer;
	if (!sa->initiator)
		LIST_INSERT_HEAD(engine_peer_bucket(engine, &peer->addr), sa,
				 by_peer);
}

struct ike_sa *engine_find(struct ike_engine *engine, const uint8_t *spi)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, spi_bucket(engine, spi), by_spi)
	if (!memcmp(own_spi(sa), spi, IKE_SPI_LEN))
		return sa;
	return NULL;
}

unsigned int engine_peer_count(struct ike_engine *engine, const struct ep *peer,
			       const uint8_t init_hash[HASH_SHA256_LEN],
			       struct ike_sa **same)
{
	struct ike_sa *sa;
	unsigned int n = 0;

	*same = NULL;
	LIST_FOREACH(sa, engine_peer_bucket(engine, &peer->addr), by_peer)
	{
		if (!addr_equal(&sa->peer.addr, &peer->addr))
			continue;
		n++;
		if (!memcmp(sa->init_hash, init_hash, HASH_SHA256_LEN))
			*same = sa;
	}
	return n;
}

int engine_new_spi(struct ike_engine *engine, uint8_t spi[IKE_SPI_LEN])
{
	static const uint8_t zero[IKE_SPI_LEN];

	do {
		int ret = rand_bytes(spi, IKE_SPI_LEN);

		if (ret)
			return ret;
	} while (!memcmp(spi, zero, IKE_SPI_LEN) || engine_find(engine, spi));
	return 0;
}

/* ---- re-entry ----------------------------------------------------------- */

void engine_enter(struct ike_engine *engine)
{
	engine->depth++;
}

void engine_leave(struct ike_engine *engine)
{
	struct ike_sa *sa;

	if (engine->depth == 1) {
		while ((sa = LIST_FIRST(&engine->dead))) {
			LIST_REMOVE(sa, link);
			sa_free(sa);
		}
	}
	engine->depth--;
}

/* ---- out ---------------------------------------------------------------- */

void engine_send(struct ike_engine *engine, const struct ep *from,
		 const struct ep *to, const uint8_t *p, size_t len)
{
	engine->stats.out++;
	engine->ops.send(engine->ctx, from, to, p, len);
}

void engine_answer_clear(struct ike_engine *engine, const struct ep *from,
			 const struct ep *to, const struct ike_hdr *h,
			 uint16_t type, const void *data, size_t len)
{
	struct ike_hdr res = *h;
	struct pchain c;
	struct wbuf w;

	/* Roles are those of the SA: the answer comes from the other side. */
	res.flags = IKE_FLAG_RESPONSE | (~h->flags & IKE_FLAG_INITIATOR);
	res.next = IKE_PLD_NONE;
	wbuf_init(&w, 512);
	ike_hdr_build(&w, &res);
	pchain_init(&c, &w, IKE_HDR_NEXT_OFF);
	notify_build(&c, type, data, len);
	msg_finish(&w);
	if (!w.err)
		engine_send(engine, to, from, w.p, w.len);
	wbuf_free(&w);
}

/*
 * Errors in the clear go to anybody, who may have been named as the source by
 * somebody else: so many, and no more, to a network, and to all together.
 */
static const struct quota_rule errors_to_net = {
	.burst = 20,
	.every_ms = 100,
	.keys = 4096,
};

static const struct quota_rule errors_in_all = {
	.burst = 1000,
	.every_ms = 1,
	.keys = 1,
};

static int errors_init(struct ike_engine *engine)
{
	if (!engine->cfg.responder)
		return 0;
	engine->net_errors = quota_new(&errors_to_net, engine->seed);
	engine->all_errors = quota_new(&errors_in_all, engine->seed);
	return engine->net_errors && engine->all_errors ? 0 : -ENOMEM;
}

static void errors_free(struct ike_engine *engine)
{
	quota_free(engine->net_errors);
	quota_free(engine->all_errors);
}

void engine_error_clear(struct ike_engine *engine, const struct ep *from,
			const struct ep *to, const struct ike_hdr *h,
			uint16_t type, const void *data, size_t len)
{
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	struct addr net;

	addr_net(&from->addr, &net);
	if (quota_take(engine->net_errors, &net, sizeof(net), now) &&
	    quota_take(engine->all_errors, "", 0, now))
		engine_answer_clear(engine, from, to, h, type, data, len);
	else
		engine->stats.mute++;
}

void engine_event(struct ike_engine *engine, enum ike_event_type type,
		  const struct ep *peer, const char *name, const char *text)
{
	struct ike_event ev = {
		.type = type,
		.peer = peer,
		.peer_name = name,
		.text = text,
	};

	if (engine->ops.event)
		engine->ops.event(engine->ctx, &ev);
}

void engine_not_taken(struct ike_engine *engine, const struct ep *peer,
		      const char *fmt, ...)
{
	char text[192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	engine_event(engine, IKE_EV_NOT_TAKEN, peer, "", text);
}

void engine_cap(struct ike_engine *engine, const struct ep *peer,
		const char *what)
{
	uint64_t now = clock_mono_ms(engine->cfg.clock);

	engine->stats.cap++;
	if (engine->cap_said_ms && now - engine->cap_said_ms < 1000)
		return;
	engine->cap_said_ms = now ? now : 1;
	engine_event(engine, IKE_EV_CAP, peer, "", what);
}

/* ---- in ----------------------------------------------------------------- */

static bool version_ok(struct ike_engine *engine, const struct ep *from,
		       const struct ep *to, const struct ike_hdr *h)
{
	static const uint8_t ours = IKE_VERSION;

	if ((h->version & 0xf0) == (IKE_VERSION & 0xf0))
		return true;
	engine->stats.in_version++;
	engine_not_taken(engine, from, "IKE version %u.%u", h->version >> 4,
			 h->version & 15);
	/* RFC 7296 2.5: a higher one is told what we speak, once per request */
	if ((h->version & 0xf0) > (IKE_VERSION & 0xf0) &&
	    !(h->flags & IKE_FLAG_RESPONSE))
		engine_error_clear(engine, from, to, h,
				   IKE_N_INVALID_MAJOR_VERSION, &ours, 1);
	return false;
}

static void deny(struct ike_engine *engine, const struct ep *from,
		 const struct ep *to, const struct ike_hdr *h)
{
	engine->stats.in_no_sa++;
	if (engine->cfg.responder && !(h->flags & IKE_FLAG_RESPONSE) &&
	    (h->flags & IKE_FLAG_INITIATOR) && h->next == IKE_PLD_SK)
		engine_error_clear(engine, from, to, h, IKE_N_INVALID_IKE_SPI,
				   NULL, 0);
}

static void dispatch(struct ike_engine *engine, const struct ep *from,
		     const struct ep *to, const uint8_t *p, size_t len,
		     const struct ike_hdr *h)
{
	static const uint8_t zero[IKE_SPI_LEN];
	bool initiates = h->flags & IKE_FLAG_INITIATOR;
	struct ike_sa *sa;

	if (h->xchg == IKE_XCHG_IKE_SA_INIT &&
	    !(h->flags & IKE_FLAG_RESPONSE)) {
		if (!engine->cfg.responder) {
			engine->stats.in_xchg++;
		} else if (!initiates || h->mid ||
			   memcmp(h->spi_r, zero, IKE_SPI_LEN)) {
			engine->stats.in_xchg++;
			engine_not_taken(engine, from,
					 "IKE_SA_INIT that opens no SA");
		} else {
			init_got_request(engine, from, to, p, len, h);
		}
		return;
	}
	/* The I flag says which of the two SPIs is ours. */
	sa = engine_find(engine, initiates ? h->spi_r : h->spi_i);
	if (!sa && initiates && !(h->flags & IKE_FLAG_RESPONSE) &&
	    rest_answer(engine, from, to, p, len, h))
		return;
	if (!sa || sa->initiator == initiates) {
		deny(engine, from, to, h);
		return;
	}
	if (h->xchg != IKE_XCHG_IKE_SA_INIT &&
	    (memcmp(sa->spi_i, h->spi_i, IKE_SPI_LEN) ||
	     memcmp(sa->spi_r, h->spi_r, IKE_SPI_LEN))) {
		engine->stats.in_no_sa++;
		return;
	}
	sa_input(sa, from, to, p, len, h);
}

void ike_engine_input(struct ike_engine *engine, const struct ep *from,
		      const struct ep *to, const uint8_t *p, size_t len)
{
	struct ike_hdr h;

	engine->stats.in++;
	if (len > IKE_MSG_MAX || ike_hdr_parse(p, len, &h)) {
		engine->stats.in_short++;
		return;
	}
	engine_enter(engine);
	if (version_ok(engine, from, to, &h))
		dispatch(engine, from, to, p, len, &h);
	engine_leave(engine);
}

/* ---- beginning and end -------------------------------------------------- */

static void default_u32(uint32_t *v, uint32_t def)
{
	if (!*v)
		*v = def;
}

static void defaults(struct ike_engine_cfg *c)
{
	default_u32(&c->cookie_above, 64);
	default_u32(&c->max_half_open, 2048);
	default_u32(&c->max_half_open_addr, 256);
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
	/* Doubled each time: more than this is longer than any lifetime. */
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

static int own_id(struct ike_engine_cfg *cfg)
{
	const uint8_t *data;
	uint8_t type;
	size_t len;

	if (cfg->id.type)
		return 0;
	cert_chain_id(cfg->chain, &type, &data, &len);
	return id_set(&cfg->id, type, data, len);
}

struct ike_engine *ike_engine_new(const struct ike_engine_cfg *cfg,
				  const struct ike_ops *ops, void *ctx)
{
	struct ike_engine *engine;
	uint64_t seed;
	int ret;

	if (!cfg->clock || !cfg->tq || !cfg->chain || !cfg->key ||
	    !cfg->trust || !ops->send) {
		errno = EINVAL;
		return NULL;
	}
	engine = calloc(1, sizeof(*engine));
	if (!engine)
		return NULL;
	engine->cfg = *cfg;
	engine->ops = *ops;
	engine->ctx = ctx;
	TAILQ_INIT(&engine->rests);
	defaults(&engine->cfg);
	if (cfg->proposals)
		engine->proposals = *cfg->proposals;
	else
		ike_default_proposals(&engine->proposals);
	ret = own_id(&engine->cfg);
	if (!ret)
		ret = cookies_init(&engine->cookies, clock_mono_ms(cfg->clock));
	if (!ret)
		ret = rand_bytes(&seed, sizeof(seed));
	if (!ret)
		ret = places_init(engine, seed);
	if (!ret)
		ret = errors_init(engine);
	if (ret) {
		errors_free(engine);
		places_free(engine);
		free(engine);
		errno = -ret;
		return NULL;
	}
	if (cfg->export_keys)
		log_warn("ike: export-keys is set, keys of all IKE SAs leave");
	return engine;
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
	rest_free_all(engine);
	cookies_wipe(&engine->cookies);
	errors_free(engine);
	places_free(engine);
	free(engine);
}

/* ---- initiator ---------------------------------------------------------- */

static int task_of(const struct gike_req *req, enum ike_task_type type,
		   struct ike_task *t)
{
	memset(t, 0, sizeof(*t));
	if (!req->idg.type || !req->idg.len)
		return -EINVAL;
	t->type = type;
	t->idg = req->idg;
	t->send = req->send;
	t->n_sender_ids = req->n_sender_ids;
	t->used_up = req->used_up;
	t->sag = (struct sa_pld *)req->sag;
	return 0;
}

static struct ike_sa *initiate(struct ike_engine *engine,
			       const struct ep *local, const struct ep *peer,
			       const struct ike_id *gcks_id,
			       const struct ike_task *auth)
{
	const struct ike_task init = { .type = TASK_INIT };
	struct ike_sa *sa;
	int ret;

	if (engine->dying || engine->stats.sas >= engine->cfg.max_sas) {
		errno = engine->dying ? ESHUTDOWN : EMFILE;
		return NULL;
	}
	sa = sa_new(engine, true, local, peer);
	if (!sa)
		return NULL;
	sa->peer_id = *gcks_id;
	if (cert_id_str(gcks_id->type, gcks_id->data, gcks_id->len,
			sa->peer_name, sizeof(sa->peer_name)))
		id_str(gcks_id, sa->peer_name, sizeof(sa->peer_name));
	ret = engine_new_spi(engine, sa->spi_i);
	if (!ret)
		ret = task_push(sa, &init);
	if (!ret)
		ret = task_push(sa, auth);
	if (ret) {
		sa_free(sa);
		errno = -ret;
		return NULL;
	}
	sa_set_name(sa);
	engine_add(engine, sa);
	return sa;
}

struct ike_sa *ike_register(struct ike_engine *engine, const struct ep *local,
			    const struct ep *peer, const struct ike_id *gcks_id,
			    const struct gike_req *req)
{
	struct ike_task t;
	struct ike_sa *sa;
	int ret;

	if (!gcks_id->type || task_of(req, TASK_AUTH, &t)) {
		errno = EINVAL;
		return NULL;
	}
	sa = initiate(engine, local, peer, gcks_id, &t);
	if (!sa)
		return NULL;
	engine_enter(engine);
	ret = init_request(sa);
	if (ret) {
		/* Nobody knows it yet: no callback, only NULL. */
		free(task_take(sa));
		task_free(task_take(sa));
		sa_close(sa, 0, "IKE_SA_INIT cannot be made");
		sa = NULL;
	} else {
		sa->told = true;
	}
	engine_leave(engine);
	if (!sa)
		errno = -ret;
	return sa;
}

static int push_and_run(struct ike_sa *sa, const struct ike_task *t)
{
	struct ike_engine *engine = sa->engine;
	int ret;

	ret = task_push(sa, t);
	if (ret)
		return ret;
	engine_enter(engine);
	sa_run(sa);
	engine_leave(engine);
	return 0;
}

int ike_register_more(struct ike_sa *sa, const struct gike_req *req)
{
	struct ike_task t;

	if (!sa->initiator || task_of(req, TASK_REGISTER, &t))
		return -EINVAL;
	return push_and_run(sa, &t);
}

int ike_report(struct ike_sa *sa, const struct ike_id *idg, uint16_t notify)
{
	struct ike_task t = { .type = TASK_REPORT, .report = notify };

	if (!sa->initiator || !idg->type ||
	    (notify != IKE_N_NO_PROPOSAL_CHOSEN &&
	     notify != GIKE_N_REGISTRATION_FAILED))
		return -EINVAL;
	t.idg = *idg;
	return push_and_run(sa, &t);
}

int ike_leave(struct ike_sa *sa, const struct ike_id *idg)
{
	return ike_report(sa, idg, GIKE_N_REGISTRATION_FAILED);
}

static int tell_of_data(struct ike_sa *sa, enum ike_task_type type,
			const struct ike_id *idg, uint32_t spi)
{
	struct ike_task t = { .type = type, .spi = spi };

	if (!sa->initiator || !idg->type)
		return -EINVAL;
	t.idg = *idg;
	return push_and_run(sa, &t);
}

int ike_sending(struct ike_sa *sa, const struct ike_id *idg, uint32_t spi)
{
	return tell_of_data(sa, TASK_SENDING, idg, spi);
}

int ike_rival(struct ike_sa *sa, const struct ike_id *idg, uint32_t spi)
{
	return tell_of_data(sa, TASK_RIVAL, idg, spi);
}

void ike_sa_keep(struct ike_sa *sa)
{
	sa->keep = true;
}

int ike_liveness(struct ike_sa *sa)
{
	const struct ike_task t = { .type = TASK_LIVENESS };

	return sa->state == IKE_ST_UP ? push_and_run(sa, &t) : -ENOTCONN;
}

void ike_close(struct ike_sa *sa, const char *reason)
{
	static const struct gike_reply failed = {
		.notify = GIKE_N_REGISTRATION_FAILED,
	};
	struct ike_engine *engine = sa->engine;

	engine_enter(engine);
	/* Who still waits for keys is told that there are none. */
	if (sa->waits)
		group_req_answer(sa, &failed);
	if (sa->state == IKE_ST_UP)
		info_delete(sa);
	sa_close(sa, 0, reason);
	engine_leave(engine);
}

/* ---- responder ---------------------------------------------------------- */

struct ike_sa *ike_token_sa(struct ike_engine *engine, uint64_t token)
{
	uint8_t head[4] = { token >> 56, token >> 48, token >> 40,
			    token >> 32 };
	struct ike_sa *sa;

	LIST_FOREACH(sa, spi_bucket(engine, head), by_spi)
	if (sa->waits && sa->token == token)
		return sa;
	return NULL;
}

int ike_reply(struct ike_engine *engine, uint64_t token,
	      const struct gike_reply *reply)
{
	struct ike_sa *sa = ike_token_sa(engine, token);
	int ret;

	if (!sa)
		return -ENOENT;
	engine_enter(engine);
	ret = group_req_answer(sa, reply);
	engine_leave(engine);
	return ret;
}
