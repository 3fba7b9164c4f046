// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of a child for an edge, and the relay's answers (wire/edge.h), in
 * INFORMATIONAL exchanges:
 *
 *	HDR, SK{ N(EDGE_REQUEST) } -->
 *				<-- HDR, SK{ N(EDGE) [, N(REDIRECT)] }
 *
 * and of the news of a relay that goes away:
 *
 *				<-- HDR, SK{ N(EDGE) }
 *	HDR, SK{ } -->
 *
 * An engine that does not belong to a relay answers with an empty message, as it does
 * to every notify that it does not know.
 */
#include <errno.h>
#include <string.h>

#include "ike/exchange.h"
#include "ike/places.h"
#include "lib/clock.h"
#include "wire/edge.h"

/* RFC 5685 section 9.2: types of the identity of a gateway. */
#define GW_IPV4 1
#define GW_IPV6 2

/* Time for which a child that is refused as busy keeps its edge, as if it were granted. */
#define BUSY_MS 15000

bool edge_is_request(const struct ike_sa *sa, const struct ike_msg *m)
{
	const struct ike_engine *engine = sa->engine;

	return engine->cfg.relays && engine->ops.edge_request && sa->gcks &&
	       !sa->shadow && !sa->dead && msg_notify(m, MCSEC_N_EDGE_REQUEST);
}

/*
 * The first relay that is named, as N(REDIRECT) of RFC 5685, for implementations that do
 * not know N(EDGE). Port and identity are in N(EDGE) only, so our members go by that.
 */
static void put_redirect(struct pchain *c, const struct edge_parent *p)
{
	uint8_t data[2 + sizeof(p->ep.addr.b)];

	data[0] = p->ep.addr.family == AF_INET ? GW_IPV4 : GW_IPV6;
	data[1] = p->ep.addr.len;
	memcpy(data + 2, p->ep.addr.b, p->ep.addr.len);
	notify_build(c, IKE_N_REDIRECT, data, 2 + (size_t)p->ep.addr.len);
}

static int send_answer(struct ike_sa *sa, const struct edge_answer *ans)
{
	struct wbuf w, data;
	struct pchain c;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	wbuf_init(&data, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = edge_answer_put(&data, ans);
	if (!ret) {
		notify_build(&c, MCSEC_N_EDGE, data.p, data.len);
		if (ans->n_parents)
			put_redirect(&c, &ans->parent[0]);
		ret = sa_respond(sa, IKE_XCHG_INFORMATIONAL, c.first, &w);
	}
	wbuf_free(&data);
	wbuf_free(&w);
	return ret;
}

/*
 * An edge ends with its IKE SA, which therefore does not give way (places.c) to those of
 * peers without an edge. A child that asks too often keeps the edge that it has; once that
 * has ended, by ike_sa_edge_ended(), its IKE SA has no place to keep.
 */
static void note_edge_answer(struct ike_sa *sa, const struct edge_answer *ans)
{
	uint64_t now = clock_mono_ms(sa->engine->cfg.clock);
	uint32_t ms = ans->lifetime_ms;

	if (ans->verdict == EDGE_REFUSED && ans->reason == EDGE_BUSY &&
	    place_has_edge(sa))
		ms = BUSY_MS;
	else if (ans->verdict != EDGE_GRANTED)
		return;
	sa->edge_ends_s =
		(uint32_t)((now + ms + MSEC_PER_SEC - 1) / MSEC_PER_SEC);
}

void edge_got_request(struct ike_sa *sa, const struct ike_in *in)
{
	const struct notify_pld *n = msg_notify(&in->m, MCSEC_N_EDGE_REQUEST);
	struct ike_engine *engine = sa->engine;
	struct edge_answer ans = { 0 };
	struct edge_request req;

	if (edge_request_parse(n->data, n->len, &req)) {
		sa_respond_notify(sa, IKE_XCHG_INFORMATIONAL,
				  IKE_N_INVALID_SYNTAX, NULL, 0);
		sa_end_malformed(sa, "malformed request for an edge");
		return;
	}
	/* The user of the engine knows the SA from here on: sa_closed() will follow. */
	sa->told = true;
	engine->ops.edge_request(engine->ctx, sa, &in->path.peer, &req, &ans);
	note_edge_answer(sa, &ans);
	if (!sa->dead && send_answer(sa, &ans))
		sa_close(sa, 0, "the answer could not be built");
}

/* A relay that goes away tells its children before they ask. */
void edge_got_news(struct ike_sa *sa, const struct ike_msg *m)
{
	const struct notify_pld *n = msg_notify(m, MCSEC_N_EDGE);
	struct ike_engine *engine = sa->engine;
	struct edge_answer ans;

	if (!n || !engine->cfg.relays || sa->gcks || sa->shadow || sa->dead ||
	    !engine->ops.edge_news)
		return;
	if (edge_answer_parse(n->data, n->len, &ans))
		sa_end_malformed(sa, "malformed news about an edge");
	else
		engine->ops.edge_news(engine->ctx, sa, &ans);
}

void ike_sa_edge_ended(struct ike_sa *sa)
{
	sa->edge_ends_s = 0;
}

int ike_tell_edge(struct ike_sa *sa, const struct edge_answer *ans)
{
	struct ike_task t = { .xchg = IKE_XCHG_INFORMATIONAL,
			      .data_type = MCSEC_N_EDGE };
	struct wbuf w;
	int ret = -EINVAL;

	wbuf_init(&w, IKE_INNER_MAX);
	if (sa->engine->cfg.relays && sa->gcks && sa->state == IKE_ST_UP)
		ret = edge_answer_put(&w, ans);
	t.data = w.p;
	t.data_len = w.len;
	if (!ret)
		ret = sa_ask(sa, &t);
	wbuf_free(&w);
	return ret;
}

void edge_got_answer(struct ike_sa *sa, const struct ike_in *in)
{
	const struct notify_pld *n = msg_notify(&in->m, MCSEC_N_EDGE);
	struct ike_engine *engine = sa->engine;
	struct edge_answer ans;

	if (sa->dead || !engine->ops.edge_answer)
		return;
	if (!n)
		engine->ops.edge_answer(engine->ctx, sa, NULL);
	else if (edge_answer_parse(n->data, n->len, &ans))
		sa_end_malformed(sa, "malformed answer about an edge");
	else
		engine->ops.edge_answer(engine->ctx, sa, &ans);
}
