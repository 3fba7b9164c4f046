// SPDX-License-Identifier: Apache-2.0
/*
 * INFORMATIONAL (RFC 7296 section 1.4): liveness, Delete of the SA, a member's
 * reports of its Data SAs, what the key server says of them, and requests for
 * edges, grants and tickets. Final messages of an SA are in last_request.c.
 */
#include <stdio.h>

#include "ike/exchange.h"
#include "ike/mobike.h"
#include "ike/session.h"
#include "lib/log.h"

static bool is_of_address(const struct ike_task *t)
{
	return t->notify == IKE_N_UPDATE_SA_ADDRESSES ||
	       t->notify == IKE_N_COOKIE2;
}

/* Add the notify of @t that is about Data SAs, or is empty. */
static int put_notify(const struct ike_task *t, struct pchain *c)
{
	struct wbuf data;
	int ret;

	wbuf_init(&data, IKE_ID_MAX + GIKE_SPI_LEN_DATA);
	if (t->notify != IKE_N_TICKET_REQUEST) {
		wbuf_u32(&data, t->spi);
		wbuf_put(&data, t->idg.data, t->idg.len);
	}
	ret = data.err;
	if (!ret)
		notify_build(c, t->notify, data.p, data.len);
	wbuf_free(&data);
	return ret;
}

int info_request(struct ike_sa *sa, const struct ike_task *t)
{
	static const struct delete_pld del = { .proto = IKE_PROTO_IKE };
	struct pchain c;
	struct wbuf w;
	int ret = 0;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	if (t->del)
		delete_build(&c, &del);
	if (is_of_address(t))
		ret = mobike_build(sa, t, &c);
	else if (t->notify)
		ret = put_notify(t, &c);
	if (!ret && t->data)
		notify_build(&c, t->data_type, t->data, t->data_len);
	if (!ret)
		ret = sa_request(sa, IKE_XCHG_INFORMATIONAL, c.first, &w);
	wbuf_free(&w);
	return ret;
}

/* @to_gcks: only the key server takes it, else only a member does. */
static void pass_data_notify(struct ike_sa *sa, const struct ike_msg *m,
			     uint16_t type, bool to_gcks, ike_of_data_fn *fn)
{
	const struct notify_pld *n = msg_notify(m, type);
	struct ike_engine *engine = sa->engine;
	struct rbuf r;
	uint32_t spi;

	if (!n || !fn || sa->gcks != to_gcks || !sa->suite.kwa || sa->shadow ||
	    sa->dead)
		return;
	rbuf_init(&r, n->data, n->len);
	spi = rbuf_u32(&r);
	if (!r.err)
		fn(engine->ctx, sa, rbuf_here(&r), rbuf_left(&r), spi);
}

void info_got_request(struct ike_sa *sa, struct ike_in *in)
{
	const struct ike_msg *m = &in->m;
	const struct notify_pld *e = msg_error(m);
	bool deleted = msg_deletes_ike_sa(m);
	struct wbuf w;
	struct pchain c;
	char why[96];

	if (!deleted && !e && edge_is_request(sa, m)) {
		edge_got_request(sa, in);
		return;
	}
	if (!deleted && !e && grant_is_request(sa, m)) {
		grant_got_request(sa, in);
		return;
	}
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	if (!deleted && !e && sa->gcks && msg_notify(m, IKE_N_TICKET_REQUEST))
		ticket_put(sa, &c);
	if (!deleted && !e)
		mobike_answer(sa, in, &c);
	sa_respond(sa, IKE_XCHG_INFORMATIONAL, c.first, &w);
	wbuf_free(&w);
	if (e && (e->type == IKE_N_AUTHENTICATION_FAILED ||
		  e->type == IKE_N_INVALID_SYNTAX)) {
		snprintf(why, sizeof(why), "%s from the peer",
			 ike_notify_name(e->type));
		sa_event(sa, IKE_EV_REFUSED, why);
		sa_close(sa, e->type, why);
	} else if (deleted && child_deleted(sa)) {
		sa_debug(sa, "IKE SA renewed: by the peer, not by us");
	} else if (deleted) {
		child_old_deleted(sa);
		sa_close(sa, 0, "closed by the peer");
	} else {
		pass_data_notify(sa, m, MCSEC_N_SENDING, true,
				 sa->engine->ops.sending);
		pass_data_notify(sa, m, MCSEC_N_RIVAL, true,
				 sa->engine->ops.rival);
		pass_data_notify(sa, m, MCSEC_N_CHANGED, false,
				 sa->engine->ops.changed);
		grant_got_ends(sa, m);
		edge_got_news(sa, m);
	}
}

void info_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	struct ike_task *t = task_take(sa);
	uint16_t about = t && t->data ? t->data_type : 0;
	bool deleted = t && t->del;
	bool wants = t && t->notify == IKE_N_TICKET_REQUEST;
	const struct notify_pld *ticket;

	ticket = wants ? msg_notify(&in->m, IKE_N_TICKET_LT_OPAQUE) : NULL;
	if (ticket && sa->engine->cfg.resume && !sa->ppk && !sa->shadow)
		session_keep(sa, ticket);
	if (t && is_of_address(t))
		mobike_got_answer(sa, t, in);
	/* Any authenticated answer proves that the peer is alive. */
	task_free(t);
	if (about == MCSEC_N_EDGE_REQUEST)
		edge_got_answer(sa, in);
	else if (about == MCSEC_N_GRANT_REQUEST)
		grant_got_answer(sa, in);
	if (deleted)
		sa_close(sa, 0, "replaced");
}
