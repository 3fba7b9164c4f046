// SPDX-License-Identifier: Apache-2.0
#include "gcks/answer.h"

#include <errno.h>
#include <string.h>

#include "gcks/gkm_msg.h"
#include "gcks/gkm_policy.h"
#include "gcks/inband.h"
#include "gcks/spread.h"
#include "gcks/term.h"
#include "gcks/waiting.h"
#include "lib/log.h"
#include "lib/quote.h"

static void gw_policy(const struct group *g, const struct join_req *j,
		      struct gsa_gw *gw)
{
	gw->has |= GWP_HAS_ATD | GWP_HAS_DTD;
	/*
	 * A new sender waits as long as receivers may still lack the Data SA.
	 */
	gw->atd = pace_atd_left(g);
	if (j->send && !j->is_new)
		replaced_hurry(g, j->m, gw);
	gw->dtd = spread_dtd(g);
	/* A member that asks early must read for as long as senders are held. */
	if (gw->dtd * MSEC_PER_SEC < pace_stale_ms(g))
		gw->dtd = msec_to_sec_up(pace_stale_ms(g));
	if (j->send) {
		gw->has |= GWP_HAS_SENDER_ID_BITS;
		gw->sender_id_bits = g->conf->sender_id_bits;
	}
	term_put_gw(j->m, gw);
}

static int fill_kd(struct group *g, const struct join_req *j,
		   const struct kwk *kwk, struct kd *kd)
{
	struct lkh_wraps path;
	uint32_t i;
	int ret = 0;

	if (!j->inband) {
		ret = lkh_path(g->tree, j->m->leaf, &path);
		if (ret)
			return ret;
		ret = gkm_wrap(g, &g->st, &path, kwk, kd);
		lkh_wraps_free(&path);
		if (!ret)
			ret = gkm_put_auth_key(g->sign, kd);
	}
	if (!ret)
		ret = gkm_wrap_data(&g->st, kwk, kd);
	for (i = 0; !ret && j->send && i < j->n_sids; i++)
		ret = kd_add_sender_id(kd, j->first_sid + i);
	return ret;
}

void join_answer(struct group *g, struct join_req *j)
{
	struct gike_reply reply = { .transport = !g->conf->tunnel };
	char name[QUOTE_LEN];
	struct ike_sa *sa;
	struct gsa gsa;
	struct kd kd;
	int ret;

	sa = ike_token_sa(g->k->engine, j->token);
	if (!sa || !ike_sa_kwk(sa))
		/*
		 * The member is in the roster, and asks again without an
		 * answer.
		 */
		return;
	/*
	 * Two hosts with one identity asked for both kinds of rekeys at once. This
	 * one would get none, and has to ask again.
	 */
	if (j->inband != j->m->inband) {
		reply.notify = GIKE_N_REGISTRATION_FAILED;
		ike_reply(g->k->engine, j->token, &reply);
		return;
	}
	/* The key server wants to hear at once which key a sender uses. */
	if (j->send)
		ike_sa_keep(sa);
	if (j->inband)
		gkm_inband_policy(g, &gsa);
	else
		gkm_registration_policy(g, &gsa);
	/* A member that the change was made for is the only one that has its keys. */
	if (!j->is_new && !j->inband)
		pace_answered(g);
	gw_policy(g, j, &gsa.gw);
	kd_init(&kd);
	ret = fill_kd(g, j, ike_sa_kwk(sa), &kd);
	if (ret) {
		reply.notify = GIKE_N_REGISTRATION_FAILED;
	} else {
		reply.gsa = &gsa;
		reply.kd = &kd;
	}
	if (!ret)
		ret = ike_reply(g->k->engine, j->token, &reply);
	else
		ike_reply(g->k->engine, j->token, &reply);
	kd_free(&kd);
	if (!ret && j->inband)
		inband_bind(g, j->m, sa);
	if (ret && ret != -ENOENT) {
		if (notice_left(g->k, j->identity))
			group_err(g, "answer not sent: %s: %s",
				  quote(j->identity, name), strerror(-ret));
		waiting_leave_later(g, j->m);
	}
}
