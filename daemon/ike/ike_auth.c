// SPDX-License-Identifier: Apache-2.0
/*
 * IKE_AUTH without a Child SA (RFC 6023). Groups follow by GSA_REGISTRATION.
 *
 *	HDR, SK{ IDi, CERT, CERTREQ, IDr, AUTH } -->
 *				<-- HDR, SK{ IDr, CERT, AUTH }
 *
 * A Child SA that a peer asks for with it is refused, and the IKE SA is created
 * all the same (RFC 7296 section 1.2).
 */
#include <errno.h>

#include "ike/exchange.h"

int ike_auth_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	(void)t;
	if (!sa->peer_childless) {
		sa_close(sa, 0, "key server opens no IKE SA without a group");
		return 0;
	}
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = authenticate_request(sa, &c);
	if (!ret)
		ret = sa_request(sa, IKE_XCHG_IKE_AUTH, c.first, &w);
	wbuf_free(&w);
	return ret;
}

void ike_auth_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	if (authenticate_gcks(sa, in))
		task_free(task_take(sa));
}

static bool wants_child(const struct ike_msg *m)
{
	return m->sa.body || m->tsi.body || m->tsr.body;
}

void ike_auth_got_request(struct ike_sa *sa, struct ike_in *in)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	/*
	 * RFC 7296 section 2.16: an initiator that leaves AUTH out asks for
	 * EAP.
	 */
	if (in->m.idi.body && !in->m.auth.body) {
		authenticate_refuse(sa, in, "EAP is not supported");
		return;
	}
	if (!authenticate_member(sa, in))
		return;
	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	ret = authenticate_head(sa, &c);
	if (wants_child(&in->m))
		notify_build(&c, IKE_N_NO_ADDITIONAL_SAS, NULL, 0);
	if (!ret)
		sa_up(sa);
	if (!ret && !sa->dead)
		ret = sa_respond(sa, IKE_XCHG_IKE_AUTH, c.first, &w);
	wbuf_free(&w);
	if (ret)
		sa_close(sa, 0, "the response could not be built");
}
