// SPDX-License-Identifier: Apache-2.0
/*
 * Grants (wire/entitle.h) in INFORMATIONAL exchanges: a member asks its key server for
 * one, and the key server tells relays of those that end before their time.
 *
 *	HDR, SK{ N(GRANT_REQUEST) } -->
 *				<-- HDR, SK{ N(GRANT) }
 *
 *				<-- HDR, SK{ N(GRANT_ENDS) }
 *	HDR, SK{ } -->
 *
 * Whoever does not know the notifies answers with an empty message.
 */
#include <errno.h>
#include <string.h>

#include "ike/exchange.h"
#include "wire/entitle.h"

/* Messages to a relay that may wait in the queue of its IKE SA; the rest is for keys. */
#define ENDS_QUEUED 8

/* Return true if @sa is an IKE SA of a group, and not one of an edge. */
static bool is_of_group(const struct ike_sa *sa)
{
	return !sa->engine->cfg.relays && sa->suite.kwa && !sa->shadow &&
	       !sa->dead;
}

bool grant_is_request(const struct ike_sa *sa, const struct ike_msg *m)
{
	return is_of_group(sa) && sa->gcks && sa->engine->ops.grant_request &&
	       msg_notify(m, MCSEC_N_GRANT_REQUEST);
}

static int send_grant(struct ike_sa *sa, const struct grant_answer *ans)
{
	struct wbuf data;
	int ret;

	wbuf_init(&data, IKE_INNER_MAX);
	ret = grant_answer_put(&data, ans);
	if (!ret)
		ret = sa_respond_notify(sa, IKE_XCHG_INFORMATIONAL,
					MCSEC_N_GRANT, data.p, data.len);
	wbuf_free(&data);
	return ret;
}

void grant_got_request(struct ike_sa *sa, const struct ike_in *in)
{
	const struct notify_pld *n = msg_notify(&in->m, MCSEC_N_GRANT_REQUEST);
	struct ike_engine *engine = sa->engine;
	struct grant_answer ans = { 0 };
	struct grant_request req;
	struct wbuf w;

	if (grant_request_parse(n->data, n->len, &req)) {
		sa_respond_notify(sa, IKE_XCHG_INFORMATIONAL,
				  IKE_N_INVALID_SYNTAX, NULL, 0);
		sa_end_malformed(sa, "malformed request for a grant");
		return;
	}
	sa->told = true;
	memcpy(ans.group, req.group, sizeof(ans.group));
	wbuf_init(&w, GRANT_MAX);
	engine->ops.grant_request(engine->ctx, sa, &req, &w, &ans);
	if (!sa->dead && send_grant(sa, &ans))
		sa_close(sa, 0, "the answer could not be built");
	wbuf_free(&w);
}

void grant_got_answer(struct ike_sa *sa, const struct ike_in *in)
{
	const struct notify_pld *n = msg_notify(&in->m, MCSEC_N_GRANT);
	struct ike_engine *engine = sa->engine;
	struct grant_answer ans;

	if (sa->dead || !engine->ops.grant_answer)
		return;
	if (!n)
		engine->ops.grant_answer(engine->ctx, sa, NULL);
	else if (grant_answer_parse(n->data, n->len, &ans))
		sa_end_malformed(sa, "malformed answer about a grant");
	else
		engine->ops.grant_answer(engine->ctx, sa, &ans);
}

void grant_got_ends(struct ike_sa *sa, const struct ike_msg *m)
{
	const struct notify_pld *n = msg_notify(m, MCSEC_N_GRANT_ENDS);
	struct ike_engine *engine = sa->engine;
	struct grant_ends ends;

	if (!n || !is_of_group(sa) || sa->gcks || !engine->ops.grant_ends)
		return;
	if (grant_ends_parse(n->data, n->len, &ends))
		sa_end_malformed(sa, "malformed message about ended grants");
	else
		engine->ops.grant_ends(engine->ctx, sa, &ends);
}

static int send_private(struct ike_sa *sa, uint16_t type, int ret,
			struct wbuf *w)
{
	struct ike_task t = { .xchg = IKE_XCHG_INFORMATIONAL,
			      .data = w->p,
			      .data_len = w->len,
			      .data_type = type };

	if (!ret)
		ret = sa_ask(sa, &t);
	wbuf_free(w);
	return ret;
}

int ike_ask_grant(struct ike_sa *sa, const struct grant_request *req)
{
	struct wbuf w;

	if (!is_of_group(sa) || sa->gcks)
		return -EINVAL;
	wbuf_init(&w, IKE_INNER_MAX);
	return send_private(sa, MCSEC_N_GRANT_REQUEST,
			    grant_request_put(&w, req), &w);
}

int ike_end_grants(struct ike_sa *sa, const struct grant_ends *ends)
{
	struct wbuf w;

	if (!is_of_group(sa) || !sa->gcks)
		return -EINVAL;
	if (sa->n_tasks >= ENDS_QUEUED)
		return -EBUSY;
	wbuf_init(&w, IKE_INNER_MAX);
	return send_private(sa, MCSEC_N_GRANT_ENDS, grant_ends_put(&w, ends),
			    &w);
}
