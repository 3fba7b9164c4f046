// SPDX-License-Identifier: Apache-2.0
/*
 * What all exchanges of an IKE SA share: its state, the window of one in
 * each direction (RFC 7296 2.3), retransmission (2.1), and its end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/secret.h"

/* ---- state -------------------------------------------------------------- */

static const char *const st_names[] = {
	[IKE_ST_NEW] = "NEW",
	[IKE_ST_INIT_SENT] = "INIT_SENT",
	[IKE_ST_AUTH_SENT] = "AUTH_SENT",
	[IKE_ST_INIT_DONE] = "INIT_DONE",
	[IKE_ST_AUTH_WAIT] = "AUTH_WAIT",
	[IKE_ST_UP] = "UP",
	[IKE_ST_CLOSED] = "CLOSED",
};

#define BIT(st) (1u << (st))

/* Where each state may go */
static const unsigned int moves[] = {
	[IKE_ST_NEW] = BIT(IKE_ST_INIT_SENT) | BIT(IKE_ST_INIT_DONE) |
		       BIT(IKE_ST_CLOSED),
	[IKE_ST_INIT_SENT] = BIT(IKE_ST_AUTH_SENT) | BIT(IKE_ST_CLOSED),
	[IKE_ST_AUTH_SENT] = BIT(IKE_ST_UP) | BIT(IKE_ST_CLOSED),
	[IKE_ST_INIT_DONE] = BIT(IKE_ST_AUTH_WAIT) | BIT(IKE_ST_UP) |
			     BIT(IKE_ST_CLOSED),
	[IKE_ST_AUTH_WAIT] = BIT(IKE_ST_UP) | BIT(IKE_ST_CLOSED),
	[IKE_ST_UP] = BIT(IKE_ST_CLOSED),
	[IKE_ST_CLOSED] = 0,
};

const char *ike_st_name(enum ike_sa_st st)
{
	return st_names[st];
}

int ike_sa_state(struct ike_sa *sa, enum ike_sa_st to)
{
	if (!(moves[sa->state] & BIT(to))) {
		log_warn("ike %s: state %s cannot become %s", sa->name,
			 ike_st_name(sa->state), ike_st_name(to));
		return -EINVAL;
	}
	log_debug("ike %s: %s -> %s", sa->name, ike_st_name(sa->state),
		  ike_st_name(to));
	if (sa->state == IKE_ST_INIT_DONE)
		half_open_leave(sa);
	sa->state = to;
	return 0;
}

/* ---- small things ------------------------------------------------------- */

int blob_set(struct blob *b, const void *p, size_t len)
{
	uint8_t *copy = secret_dup(p, len);

	if (!copy)
		return -ENOMEM;
	blob_free(b);
	b->p = copy;
	b->len = len;
	return 0;
}

void blob_free(struct blob *b)
{
	secret_free(b->p);
	b->p = NULL;
	b->len = 0;
}

static bool blob_is(const struct blob *b, const uint8_t *p, size_t len)
{
	return b->p && b->len == len && !memcmp(b->p, p, len);
}

void sa_set_name(struct ike_sa *sa)
{
	char *p = sa->name;

	for (int i = 0; i < IKE_SPI_LEN; i++)
		p += sprintf(p, "%02x", sa->spi_i[i]);
	*p++ = '_';
	for (int i = 0; i < IKE_SPI_LEN; i++)
		p += sprintf(p, "%02x", sa->spi_r[i]);
}

void sa_event(struct ike_sa *sa, enum ike_event_type type, const char *text)
{
	engine_event(sa->engine, type, &sa->peer, sa->peer_name, text);
}

/* ---- timers ------------------------------------------------------------- */

static void on_life(void *arg)
{
	struct ike_sa *sa = arg;
	struct ike_engine *engine = sa->engine;

	engine_enter(engine);
	if (sa->state == IKE_ST_UP) {
		info_delete(sa);
		sa_close(sa, 0, "lifetime of the IKE SA is over");
	} else {
		sa_close(sa, 0, "not authenticated in time");
	}
	engine_leave(engine);
}

static void on_idle(void *arg)
{
	struct ike_sa *sa = arg;
	struct ike_engine *engine = sa->engine;

	engine_enter(engine);
	/* whose request waits for a batch is not idle: it is we who are late */
	if (sa->waits || sa->keep) {
		timer_set(engine->cfg.tq, &sa->t_idle, engine->cfg.idle_ms);
		if (!sa->waits)
			ike_liveness(sa);
		engine_leave(engine);
		return;
	}
	info_delete(sa);
	sa_close(sa, 0, "idle");
	engine_leave(engine);
}

static void on_later(void *arg)
{
	static const struct gike_reply failed = {
		.notify = GIKE_N_REGISTRATION_FAILED,
	};
	struct ike_sa *sa = arg;
	struct ike_engine *engine = sa->engine;

	engine_enter(engine);
	log_debug("ike %s: the request was not decided in time", sa->name);
	if (sa->waits)
		group_req_answer(sa, &failed);
	engine_leave(engine);
}

static void give_up(struct ike_sa *sa)
{
	char why[96];

	sa->engine->stats.gave_up++;
	if (sa->doubt)
		snprintf(why, sizeof(why), "the peer has lost the IKE SA");
	else
		snprintf(why, sizeof(why), "no answer to %s after %u tries",
			 ike_xchg_name(sa->my_xchg), sa->my_sent + 1);
	sa_close(sa, 0, why);
}

/*
 * An error of IKE_SA_INIT came in the clear. Whoever sees our packets can
 * forge it, so the key server had one more interval to say better.
 */
static void give_in(struct ike_sa *sa)
{
	char why[96];

	snprintf(why, sizeof(why), "%s from key server",
		 ike_notify_name(sa->init_error));
	sa_close(sa, sa->init_error, why);
}

/* Doubled each time, up to eight times the first: a server that comes back
 * is to be found before long.
 */
static uint64_t rexmit_delay(const struct ike_sa *sa)
{
	unsigned int shift = sa->doubt ? 0 : sa->my_sent;

	return (uint64_t)sa->engine->cfg.rexmit_ms << (shift < 3 ? shift : 3);
}

static void on_rexmit(void *arg)
{
	struct ike_sa *sa = arg;
	struct ike_engine *engine = sa->engine;

	engine_enter(engine);
	if (sa->init_error) {
		give_in(sa);
	} else if (sa->my_sent >= engine->cfg.rexmit_max || sa->doubt == 1) {
		give_up(sa);
	} else {
		sa->my_sent++;
		if (sa->doubt)
			sa->doubt--;
		engine->stats.rexmit++;
		engine_send(engine, &sa->local, &sa->peer, sa->my_req.p,
			    sa->my_req.len);
		timer_set(engine->cfg.tq, &sa->t_rexmit, rexmit_delay(sa));
	}
	engine_leave(engine);
}

/* ---- beginning and end -------------------------------------------------- */

struct ike_sa *sa_new(struct ike_engine *engine, bool initiator,
		      const struct ep *local, const struct ep *peer)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->engine = engine;
	sa->initiator = initiator;
	sa->local = *local;
	sa->peer = *peer;
	TAILQ_INIT(&sa->tasks);
	timer_init(&sa->t_rexmit, on_rexmit, sa);
	timer_init(&sa->t_life, on_life, sa);
	timer_init(&sa->t_idle, on_idle, sa);
	timer_init(&sa->t_later, on_later, sa);
	timer_init(&sa->t_keepalive, nat_keepalive, sa);
	return sa;
}

static void drop_handshake(struct ike_sa *sa)
{
	if (sa->dh)
		dh_free(sa->dh);
	sa->dh = NULL;
	blob_free(&sa->ni);
	blob_free(&sa->nr);
	blob_free(&sa->init_req);
	blob_free(&sa->init_res);
	blob_free(&sa->cookie);
}

void sa_up(struct ike_sa *sa)
{
	struct ike_engine_cfg *cfg = &sa->engine->cfg;

	if (ike_sa_state(sa, IKE_ST_UP))
		return;
	sa->engine->stats.up++;
	drop_handshake(sa);
	timer_set(cfg->tq, &sa->t_life, cfg->lifetime_ms);
	if (!sa->initiator)
		timer_set(cfg->tq, &sa->t_idle, cfg->idle_ms);
	sa_event(sa, IKE_EV_UP, "authenticated");
}

static void stop_timers(struct ike_sa *sa)
{
	struct timerq *tq = sa->engine->cfg.tq;

	timer_del(tq, &sa->t_rexmit);
	timer_del(tq, &sa->t_life);
	timer_del(tq, &sa->t_idle);
	timer_del(tq, &sa->t_later);
	timer_del(tq, &sa->t_keepalive);
}

static void refuse_tasks(struct ike_sa *sa, uint16_t notify, const char *reason)
{
	struct ike_engine *engine = sa->engine;
	struct ike_task *t;

	while ((t = task_take(sa))) {
		if (engine->ops.refused &&
		    (t->type == TASK_AUTH || t->type == TASK_REGISTER ||
		     t->type == TASK_REPORT))
			engine->ops.refused(engine->ctx, sa, &t->idg, notify,
					    reason);
		task_free(t);
	}
}

void sa_close(struct ike_sa *sa, uint16_t notify, const char *reason)
{
	struct ike_engine *engine = sa->engine;
	bool was_up = sa->state == IKE_ST_UP;

	if (sa->dead)
		return;
	ike_sa_state(sa, IKE_ST_CLOSED);
	log_debug("ike %s: closed: %s", sa->name, reason);
	stop_timers(sa);
	sa->dead = true;
	sa->my_busy = false;
	sa->waits = false;
	LIST_REMOVE(sa, link);
	LIST_REMOVE(sa, by_spi);
	if (!sa->initiator)
		LIST_REMOVE(sa, by_peer);
	place_leave(sa);
	rest_keep(sa);
	LIST_INSERT_HEAD(&engine->dead, sa, link);
	engine->stats.sas--;
	keys_wipe(&sa->keys);
	drop_handshake(sa);
	refuse_tasks(sa, notify, reason);
	if (was_up)
		sa_event(sa, IKE_EV_CLOSED, reason);
	if (sa->told && engine->ops.sa_closed)
		engine->ops.sa_closed(engine->ctx, sa, reason);
}

void sa_free(struct ike_sa *sa)
{
	struct ike_task *t;

	/* A callback of its own end may have asked for more. */
	while ((t = task_take(sa)))
		task_free(t);
	keys_wipe(&sa->keys);
	drop_handshake(sa);
	blob_free(&sa->my_req);
	blob_free(&sa->last_req);
	blob_free(&sa->last_res);
	secret_wipe(sa, sizeof(*sa));
	free(sa);
}

/* ---- a message has come ------------------------------------------------- */

/* What is inside of SK is not what the exchange may hold. */
static void bad_request(struct ike_sa *sa, const struct ike_msg *m, int err,
			const char *why)
{
	struct ike_stats *st = &sa->engine->stats;
	uint8_t xchg = m->h.xchg;
	char text[160];

	if (err == -ENOMSG) {
		st->in_xchg++;
		engine_not_taken(sa->engine, &sa->peer, "unknown exchange %u",
				 xchg);
		sa_respond_notify(sa, xchg, IKE_N_INVALID_SYNTAX, NULL, 0);
		return;
	}
	log_debug("ike %s: %s", sa->name, why);
	if (err == -EPROTONOSUPPORT) {
		st->in_critical++;
		sa_respond_notify(sa, xchg, IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD,
				  &m->critical, 1);
		/* RFC 7296 2.21.2: fatal while the SA isn't authenticated */
		if (sa->state == IKE_ST_UP)
			return;
	} else {
		st->in_syntax++;
		sa_respond_notify(sa, xchg, IKE_N_INVALID_SYNTAX, NULL, 0);
	}
	snprintf(text, sizeof(text), "bad request: %s", why);
	sa_close(sa, 0, text);
}

static void request_dispatch(struct ike_sa *sa, struct ike_msg *m)
{
	uint8_t xchg = m->h.xchg;

	if (sa->state == IKE_ST_INIT_DONE) {
		auth_got_request(sa, m);
		return;
	}
	if (!sa->initiator)
		timer_set(sa->engine->cfg.tq, &sa->t_idle,
			  sa->engine->cfg.idle_ms);
	place_used(sa);
	if (xchg == IKE_XCHG_INFORMATIONAL) {
		info_got_request(sa, m);
	} else if (xchg == GIKE_XCHG_GSA_REGISTRATION && !sa->initiator) {
		reg_got_request(sa, m);
	} else if (xchg == IKE_XCHG_CREATE_CHILD_SA) {
		sa_respond_notify(sa, xchg, IKE_N_NO_ADDITIONAL_SAS, NULL, 0);
	} else {
		sa->engine->stats.in_xchg++;
		engine_not_taken(sa->engine, &sa->peer,
				 "exchange %s (%u) over an IKE SA that is up",
				 ike_xchg_name(xchg), xchg);
		sa_respond_notify(sa, xchg, IKE_N_INVALID_SYNTAX, NULL, 0);
	}
}

/*
 * Where our own requests go from now on. RFC 7296 2.23: a peer behind a NAT is
 * where it was last heard from. Any initiator may change to port 4500 between
 * IKE_SA_INIT and what follows. Else a peer does not move, whoever sends what
 * it has sent from somewhere else.
 */
static void follow(struct ike_sa *sa, const struct ep *from,
		   const struct ep *to)
{
	if (!sa->nat_here && !sa->nat_there && sa->state != IKE_ST_INIT_DONE)
		return;
	sa->local = *to;
	if (!ep_equal(&sa->peer, from))
		engine_move(sa, from);
}

static void got_request(struct ike_sa *sa, const struct ep *from,
			const struct ep *to, const uint8_t *p, size_t len,
			struct ike_msg *m, uint8_t *plain)
{
	struct ike_stats *st = &sa->engine->stats;
	struct sk_key *k = sa->initiator ? &sa->keys.er : &sa->keys.ei;
	uint32_t mid = m->h.mid;
	size_t plain_len;
	uint8_t first;
	char why[128];
	int ret;

	if (sa->peer_mid && mid == sa->peer_mid - 1) {
		/* Only the same octets get the same answer. */
		if (!blob_is(&sa->last_req, p, len)) {
			st->in_altered++;
		} else if (sa->waits || !sa->last_res.p) {
			st->in_busy++;
		} else {
			st->in_rexmit++;
			engine_send(sa->engine, to, from, sa->last_res.p,
				    sa->last_res.len);
		}
		return;
	}
	if (mid != sa->peer_mid || sa->waits || mid == UINT32_MAX) {
		st->in_mid++;
		return;
	}
	if (sa->state == IKE_ST_INIT_DONE ? m->h.xchg != GIKE_XCHG_GSA_AUTH
					  : sa->state != IKE_ST_UP) {
		st->in_xchg++;
		if (sa->state == IKE_ST_INIT_DONE)
			engine_not_taken(sa->engine, from,
					 "exchange %s (%u) where GSA_AUTH is due",
					 ike_xchg_name(m->h.xchg), m->h.xchg);
		return;
	}
	if (sk_open(p, len, k, plain, &plain_len, &first)) {
		st->in_icv++;
		return;
	}
	/* From here on it is the peer that speaks. */
	if (blob_set(&sa->last_req, p, len))
		return;
	blob_free(&sa->last_res);
	sa->peer_mid++;
	sa->ans_local = *to;
	sa->ans_peer = *from;
	follow(sa, from, to);
	ret = msg_sort(m, MSG_ENC, first, plain, plain_len, why, sizeof(why));
	if (ret)
		bad_request(sa, m, ret, why);
	else
		request_dispatch(sa, m);
}

/*
 * RFC 7296 1.5, 2.21.4: a peer that was restarted says INVALID_IKE_SPI in the
 * clear. That may be forged, so it only makes us impatient.
 */
static void denied(struct ike_sa *sa, const uint8_t *p, size_t len,
		   const struct ike_hdr *h)
{
	struct notify_pld n;
	struct pwalk w;
	struct pld pld;
	struct rbuf r;

	pwalk_init(&w, h->next, p + IKE_HDR_LEN, len - IKE_HDR_LEN);
	if (pwalk_next(&w, &pld) <= 0)
		return;
	rbuf_init(&r, pld.body, pld.len);
	if (notify_parse(&r, &n) || n.type != IKE_N_INVALID_IKE_SPI ||
	    sa->doubt)
		return;
	/* half-open, it may have given way to another: beginning anew is due */
	sa->doubt = sa->state == IKE_ST_AUTH_SENT ? 2 : 3;
	timer_set(sa->engine->cfg.tq, &sa->t_rexmit, sa->engine->cfg.rexmit_ms);
}

static void got_response(struct ike_sa *sa, const uint8_t *p, size_t len,
			 struct ike_msg *m, uint8_t *plain)
{
	struct ike_stats *st = &sa->engine->stats;
	struct sk_key *k = sa->initiator ? &sa->keys.er : &sa->keys.ei;
	size_t plain_len;
	uint8_t first;
	char why[128], text[160];

	if (!sa->my_busy || m->h.mid != sa->my_mid) {
		st->in_mid++;
		return;
	}
	if (m->h.xchg != sa->my_xchg || !sa->keys.have) {
		st->in_xchg++;
		return;
	}
	if (m->h.next == IKE_PLD_NOTIFY) {
		st->in_icv++;
		denied(sa, p, len, &m->h);
		return;
	}
	if (sk_open(p, len, k, plain, &plain_len, &first)) {
		st->in_icv++;
		return;
	}
	sa->my_busy = false;
	sa->doubt = 0;
	sa->my_mid++;
	timer_del(sa->engine->cfg.tq, &sa->t_rexmit);
	blob_free(&sa->my_req);
	if (msg_sort(m, MSG_ENC, first, plain, plain_len, why, sizeof(why))) {
		st->in_syntax++;
		snprintf(text, sizeof(text), "bad answer: %s", why);
		sa_close(sa, 0, text);
		return;
	}
	switch (m->h.xchg) {
	case GIKE_XCHG_GSA_AUTH:
		auth_got_response(sa, m);
		break;
	case GIKE_XCHG_GSA_REGISTRATION:
		reg_got_response(sa, m);
		break;
	case IKE_XCHG_INFORMATIONAL:
		info_got_response(sa, m);
		break;
	}
	sa_run(sa);
}

void sa_input(struct ike_sa *sa, const struct ep *from, const struct ep *to,
	      const uint8_t *p, size_t len, const struct ike_hdr *h)
{
	struct ike_msg *m;
	uint8_t *plain;

	if (h->xchg == IKE_XCHG_IKE_SA_INIT) {
		if (sa->initiator && (h->flags & IKE_FLAG_RESPONSE) &&
		    sa->state == IKE_ST_INIT_SENT)
			init_got_response(sa, to, p, len, h);
		else
			sa->engine->stats.in_xchg++;
		return;
	}
	if (!sa->keys.have) {
		sa->engine->stats.in_xchg++;
		return;
	}
	m = calloc(1, sizeof(*m));
	plain = secret_alloc(len);
	if (m && plain) {
		m->h = *h;
		if (h->flags & IKE_FLAG_RESPONSE)
			got_response(sa, p, len, m, plain);
		else
			got_request(sa, from, to, p, len, m, plain);
	}
	free(m);
	secret_free(plain);
}
