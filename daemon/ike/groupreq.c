// SPDX-License-Identifier: Apache-2.0
/*
 * A member's request for a group and the key server's answer, which GSA_AUTH
 * and GSA_REGISTRATION carry in the same form (RFC 9838 sections 2.3.1 and
 * 2.3.2):
 *
 *	IDg, SAg, N(GROUP_SENDER)  -->  GSA, KD, N  or  N(error)
 *	IDg, SAg, N(GROUP_SENDER), N(MCSEC_LATER)  -->  N(MCSEC_LATER)
 *	IDg, N(NO_PROPOSAL_CHOSEN | REGISTRATION_FAILED)  -->  nothing
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/exchange.h"
#include "lib/log.h"
#include "lib/util.h"

/* ---- initiator: request ------------------------------------------------- */

int groupreq_build(struct pchain *c, const struct ike_task *t)
{
	uint8_t n[4];

	put_unaligned_be32(t->n_sender_ids, n);
	id_build(c, GIKE_PLD_IDG, &t->idg);
	if (t->report) {
		notify_build(c, t->report, NULL, 0);
		return c->w->err;
	}
	sa_build(c, t->sag ? t->sag : sag_default());
	if (t->send)
		notify_build(c, GIKE_N_GROUP_SENDER, n, sizeof(n));
	notify_build(c, MCSEC_N_REKEY_FRAGMENTS, NULL, 0);
	if (t->used_up)
		notify_build(c, MCSEC_N_USED_UP, NULL, 0);
	if (t->later)
		notify_build(c, MCSEC_N_LATER, NULL, 0);
	if (t->opaque)
		opaque_build_notifies(c, t->opaque);
	return c->w->err;
}

static void take_opaque(const struct ike_msg *m, struct opaque *o)
{
	memset(o, 0, sizeof(*o));
	for (unsigned int i = 0; i < m->n_notify; i++)
		opaque_keep_notify(o, &m->notify[i]);
}

/* ---- initiator: answer -------------------------------------------------- */

/*
 * RFC 9838 section 4.4.2: the policy must be among those that SAg offered.
 * Otherwise a key server could choose, for example, a Rekey SA that any member
 * can forge.
 */
static int check_asked_for(const struct ike_task *t, const struct gsa *gsa,
			   const struct kd *kd, struct err *err)
{
	uint32_t most = t->n_sender_ids ? t->n_sender_ids : 1;

	if (!sag_covers(t->sag ? t->sag : sag_default(), gsa, err))
		return -EPROTO;
	if (kd->n_sender_ids > most)
		return err_set(err, -EPROTO, "%u Sender-IDs instead of %u",
			       kd->n_sender_ids, most);
	return 0;
}

static int parse_keys(const struct ike_msg *m, const struct ike_task *t,
		      struct gsa *gsa, struct kd *kd, struct err *err)
{
	struct rbuf r;
	int ret;

	if (!m->gsa.body || !m->kd.body)
		return err_set(err, -EBADMSG, "answer lacks GSA or KD");
	rbuf_init(&r, m->gsa.body, m->gsa.len);
	if (gsa_parse(&r, gsa))
		return err_set(err, -EBADMSG, "malformed GSA payload");
	rbuf_init(&r, m->kd.body, m->kd.len);
	if (kd_parse(&r, kd))
		return err_set(err, -EBADMSG, "malformed KD payload");
	ret = gsa_check(gsa, kd, GC_REGISTRATION, t->send, err);
	if (!ret)
		ret = check_asked_for(t, gsa, kd, err);
	if (ret)
		kd_free(kd);
	return ret;
}

static void tell_refused(struct ike_sa *sa, const struct ike_task *t,
			 uint16_t notify, const char *why)
{
	sa_debug(sa, "registration refused: %s", why);
	if (sa->engine->ops.refused)
		sa->engine->ops.refused(sa->engine->ctx, sa, &t->idg, notify,
					why);
}

static void got_keys(struct ike_sa *sa, const struct ike_msg *m,
		     const struct ike_task *t)
{
	struct ike_engine *engine = sa->engine;
	struct ike_task report = {
		.xchg = GIKE_XCHG_GSA_REGISTRATION,
		.report = IKE_N_NO_PROPOSAL_CHOSEN,
		.idg = t->idg,
	};
	char text[ERR_LEN + 32];
	struct err err;
	struct opaque opaque;
	struct gsa gsa;
	struct kd kd;
	const struct gike_answer answer = {
		.gsa = &gsa,
		.kd = &kd,
		.transport = msg_notify(m, IKE_N_USE_TRANSPORT_MODE),
		.opaque = &opaque,
	};

	kd_init(&kd);
	if (parse_keys(m, t, &gsa, &kd, &err)) {
		snprintf(text, sizeof(text), "policy refused: %s", err.text);
		/*
		 * The report makes the key server remove us (RFC 9838 section
		 * 2.3.2).
		 */
		task_push(sa, &report);
		tell_refused(sa, t, 0, text);
		return;
	}
	take_opaque(m, &opaque);
	if (engine->ops.registered)
		engine->ops.registered(engine->ctx, sa, &t->idg, &answer);
	kd_free(&kd);
}

/*
 * Return true if the request was put off. An answer to one that may not be is
 * malformed, since it has no keys either.
 */
static bool got_later(struct ike_sa *sa, const struct ike_msg *m,
		      const struct ike_task *t)
{
	const struct notify_pld *n = msg_notify(m, MCSEC_N_LATER);
	struct ike_engine *engine = sa->engine;
	struct rbuf r;
	uint32_t ms;

	if (!n || m->gsa.body || !t->later || !engine->ops.later)
		return false;
	rbuf_init(&r, n->data, n->len);
	ms = rbuf_u32(&r);
	if (r.err || rbuf_left(&r))
		return false;
	engine->ops.later(engine->ctx, sa, &t->idg, ms);
	return true;
}

void groupreq_got_answer(struct ike_sa *sa, const struct ike_in *in,
			 struct ike_task *t)
{
	const struct notify_pld *e = msg_error(&in->m);
	struct ike_engine *engine = sa->engine;
	char why[96];

	if (!t)
		return;
	if (t->report) {
		if (engine->ops.left)
			engine->ops.left(engine->ctx, sa, &t->idg);
	} else if (e) {
		snprintf(why, sizeof(why), "%s from key server",
			 ike_notify_name(e->type));
		tell_refused(sa, t, e->type, why);
	} else if (!got_later(sa, &in->m, t)) {
		got_keys(sa, &in->m, t);
	}
	task_free(t);
}

/* ---- responder: the request --------------------------------------------- */

static void refuse_malformed(struct ike_sa *sa, const struct ike_msg *m,
			     const char *what)
{
	char why[96];

	sa->engine->stats.in_syntax++;
	sa_respond_notify(sa, m->h.xchg, IKE_N_INVALID_SYNTAX, NULL, 0);
	snprintf(why, sizeof(why), "bad request: %s", what);
	sa_close(sa, 0, why);
}

/* Return NULL, or a static string that names what is malformed. */
static const char *parse_request(const struct ike_msg *m, struct gike_req *req,
				 struct sa_pld *sag)
{
	const struct notify_pld *n;
	struct rbuf r;

	rbuf_init(&r, m->idg.body, m->idg.len);
	if (!m->idg.body || id_parse(&r, &req->idg))
		return "IDg is missing or malformed";
	if (m->sa.body) {
		rbuf_init(&r, m->sa.body, m->sa.len);
		if (sa_parse(&r, sag))
			return "malformed SAg";
		req->sag = sag;
	}
	n = msg_notify(m, GIKE_N_GROUP_SENDER);
	if (n) {
		rbuf_init(&r, n->data, n->len);
		req->n_sender_ids = rbuf_u32(&r);
		if (r.err || rbuf_left(&r))
			return "GROUP_SENDER is not of 4 octets";
		/*
		 * A sender gets one Sender-ID at least, even if it asks for
		 * none.
		 */
		if (!req->n_sender_ids)
			req->n_sender_ids = 1;
		req->send = true;
	}
	req->fragments = msg_notify(m, MCSEC_N_REKEY_FRAGMENTS);
	req->used_up = msg_notify(m, MCSEC_N_USED_UP);
	req->later = msg_notify(m, MCSEC_N_LATER);
	req->xchg = m->h.xchg;
	/* An error notify distinguishes a report from a registration. */
	if (req->xchg == GIKE_XCHG_GSA_REGISTRATION) {
		if (msg_notify(m, IKE_N_NO_PROPOSAL_CHOSEN))
			req->report = IKE_N_NO_PROPOSAL_CHOSEN;
		else if (msg_notify(m, GIKE_N_REGISTRATION_FAILED))
			req->report = GIKE_N_REGISTRATION_FAILED;
	}
	return NULL;
}

static uint64_t new_token(struct ike_sa *sa)
{
	/* The bucket of the SA, by which ike_token_sa() finds it, is on top. */
	return (uint64_t)get_unaligned_be32(sa_own_spi(sa)) << 32 |
	       ++sa->engine->next_token;
}

/*
 * A peer whose IKE SA has no key wrap algorithm cannot be given keys (RFC 9838
 * section 4.5.4): its IKE SA carries no group.
 */
static void refuse_no_kwa(struct ike_sa *sa, const struct gike_req *req)
{
	static const struct gike_reply none = {
		.notify = IKE_N_NO_PROPOSAL_CHOSEN,
	};

	engine_request_refused(sa->engine, &sa->path.peer,
			       "%s, NO_PROPOSAL_CHOSEN: the IKE SA was negotiated without a key wrap algorithm (RFC 9838), and can only be opened",
			       ike_xchg_name(req->xchg));
	groupreq_answer(sa, &none);
}

static void ask_group(struct ike_sa *sa, struct gike_req *req)
{
	struct ike_engine *engine = sa->engine;
	struct gike_reply reply = { 0 };
	enum gike_when when;

	engine->stats.group_requests++;
	req->token = new_token(sa);
	sa->token = req->token;
	sa->wait_xchg = exchange_find(engine, req->xchg);
	sa->wait_send = req->send;
	sa->wait_report = req->report;
	sa->waits = true;
	if (!sa->suite.kwa) {
		refuse_no_kwa(sa, req);
		return;
	}
	if (!engine->ops.group_request) {
		groupreq_fail(sa);
		return;
	}
	sa->told = true;
	req->peer = sa->peer_id;
	req->peer_name = sa_peer_name(sa);
	when = engine->ops.group_request(engine->ctx, sa, req, &reply);
	/* The callback may have answered the request or closed the SA. */
	if (sa->dead || !sa->waits || sa->token != req->token)
		return;
	if (when == GIKE_NOW) {
		groupreq_answer(sa, &reply);
		return;
	}
	if (sa->state == IKE_ST_INIT_DONE) {
		ike_sa_state(sa, IKE_ST_AUTH_WAIT);
		/*
		 * The peer is authenticated: the half-open limit must not
		 * expire while the group layer decides.
		 */
		timer_del(engine->cfg.tq, &sa->t_life);
	}
	kept_wait(sa);
}

void groupreq_ask(struct ike_sa *sa, const struct ike_in *in)
{
	struct opaque opaque;
	struct gike_req req = { .opaque = &opaque };
	struct sa_pld *sag;
	const char *what;

	/*
	 * The payload is allocated, not static: the group layer uses it while
	 * callbacks may re-enter the engine.
	 */
	sag = calloc(1, sizeof(*sag));
	if (!sag) {
		engine_request_refused(sa->engine, &sa->path.peer,
				       "%s, TEMPORARY_FAILURE: out of memory",
				       ike_xchg_name(in->m.h.xchg));
		sa_respond_notify(sa, in->m.h.xchg, IKE_N_TEMPORARY_FAILURE,
				  NULL, 0);
		sa_close(sa, 0, "out of memory");
		return;
	}
	take_opaque(&in->m, &opaque);
	what = parse_request(&in->m, &req, sag);
	if (what)
		refuse_malformed(sa, &in->m, what);
	else
		ask_group(sa, &req);
	free(sag);
}

/* ---- responder: the answer ---------------------------------------------- */

static const struct gike_reply failed = {
	.notify = GIKE_N_REGISTRATION_FAILED,
};

static int check_reply(struct ike_sa *sa, const struct gike_reply *r,
		       struct err *err)
{
	if (r->notify || r->later_ms)
		return 0;
	if (sa->wait_report)
		return r->gsa || r->kd
			       ? err_set(err, -EBADMSG,
					 "reply to a report with GSA or KD")
			       : 0;
	if (!r->gsa || !r->kd)
		return err_set(err, -EBADMSG, "reply without GSA and KD");
	return gsa_check(r->gsa, r->kd, GC_REGISTRATION, sa->wait_send, err);
}

static int build_answer(struct ike_sa *sa, const struct gike_reply *r,
			struct pchain *c)
{
	uint8_t ms[4];
	int ret;

	if (sa->wait_xchg->head) {
		ret = sa->wait_xchg->head(sa, c);
		if (ret)
			return ret;
	}
	if (r->notify) {
		notify_build(c, r->notify, NULL, 0);
	} else if (r->later_ms) {
		put_unaligned_be32(r->later_ms, ms);
		notify_build(c, MCSEC_N_LATER, ms, sizeof(ms));
	} else if (r->gsa) {
		gsa_build(c, r->gsa);
		kd_build(c, r->kd);
		if (r->transport)
			notify_build(c, IKE_N_USE_TRANSPORT_MODE, NULL, 0);
	}
	if (r->opaque)
		opaque_build_notifies(c, r->opaque);
	return c->w->err;
}

/*
 * Write the payload chain into @w, and the type of its first payload to *@first.
 * Returns 0, or -errno if the reply violates the rules or cannot be built.
 */
static int build_reply(struct ike_sa *sa, const struct gike_reply *r,
		       struct wbuf *w, uint8_t *first)
{
	struct err err = {};
	struct pchain c;
	int ret;

	pchain_init(&c, w, PCHAIN_DETACHED);
	ret = check_reply(sa, r, &err);
	if (!ret)
		ret = build_answer(sa, r, &c);
	*first = c.first;
	if (ret)
		sa_err(sa, "answer not sent: %s",
		       err.text[0] ? err.text : strerror(-ret));
	return ret;
}

int groupreq_answer(struct ike_sa *sa, const struct gike_reply *r)
{
	int refused, ret = 0;
	uint8_t first;
	struct wbuf w;

	wbuf_init(&w, IKE_INNER_MAX);
	refused = build_reply(sa, r, &w, &first);
	if (refused) {
		wbuf_free(&w);
		ret = build_reply(sa, &failed, &w, &first);
	}
	sa->waits = false;
	kept_decided(sa);
	if (refused || r->notify)
		sa->engine->stats.group_refused++;
	if (!ret && sa->state != IKE_ST_UP)
		sa_up(sa);
	if (!ret && !sa->dead)
		ret = sa_respond(sa, sa->wait_xchg->type, first, &w);
	wbuf_free(&w);
	if (ret) {
		sa_close(sa, 0, "the response could not be built");
	} else if (!sa->dead && r->notify && r->close) {
		last_request_delete(sa, true);
		sa_close(sa, 0, "refused");
	}
	if (!refused && sa->dead)
		refused = -ENOTCONN;
	return refused ? refused : ret;
}

int groupreq_fail(struct ike_sa *sa)
{
	return groupreq_answer(sa, &failed);
}
