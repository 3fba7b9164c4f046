// SPDX-License-Identifier: Apache-2.0
/*
 * GSA_REGISTRATION (RFC 9838 section 2.3.2); groupreq.c has the payloads.
 *
 *	HDR, SK{ IDg, SAg, N(GROUP_SENDER) } -->
 *				<-- HDR, SK{ GSA, KD, N }  or  SK{ N(error) }
 *
 *	HDR, SK{ IDg, N(NO_PROPOSAL_CHOSEN | REGISTRATION_FAILED) } -->
 *				<-- HDR, SK{}
 */
#include "ike/exchange.h"

int reg_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = groupreq_build(&c, t);
	if (!ret)
		ret = sa_request(sa, GIKE_XCHG_GSA_REGISTRATION, GIKE_PLD_IDG,
				 &w);
	wbuf_free(&w);
	return ret;
}

void reg_got_request(struct ike_sa *sa, struct ike_in *in)
{
	groupreq_ask(sa, in);
}

void reg_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	groupreq_got_answer(sa, in, task_take(sa));
}
