// SPDX-License-Identifier: Apache-2.0
/*
 * GSA_AUTH (RFC 9838 section 2.3.1): IKE_AUTH with a group in place of a Child
 * SA.
 *
 *	HDR, SK{ IDi, CERT, CERTREQ, IDr, AUTH, IDg, SAg, N(GROUP_SENDER) } -->
 *				<-- HDR, SK{ IDr, CERT, AUTH, GSA, KD, N }
 */
#include <errno.h>

#include "ike/exchange.h"

int auth_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = authenticate_request(sa, &c);
	if (!ret)
		ret = groupreq_build(&c, t);
	if (!ret)
		ret = sa_request(sa, GIKE_XCHG_GSA_AUTH, c.first, &w);
	wbuf_free(&w);
	return ret;
}

void auth_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	if (authenticate_gcks(sa, in))
		groupreq_got_answer(sa, in, task_take(sa));
}

void auth_got_request(struct ike_sa *sa, struct ike_in *in)
{
	if (!in->m.idg.body) {
		sa->engine->stats.in_syntax++;
		sa_respond_notify(sa, GIKE_XCHG_GSA_AUTH, IKE_N_INVALID_SYNTAX,
				  NULL, 0);
		sa_close(sa, 0, "GSA_AUTH without IDg");
		return;
	}
	if (authenticate_member(sa, in))
		groupreq_ask(sa, in);
}
