// SPDX-License-Identifier: Apache-2.0
/* The last words of an IKE SA */
#include "ike/sa.h"

static void send_last_word(struct ike_sa *sa, uint8_t first,
			   const struct wbuf *inner)
{
	struct dgrams d = { 0 };
	struct wbuf out;

	wbuf_init(&out, IKE_MSG_MAX);
	if (!sa_last_request(sa, first, inner, &out) &&
	    !dgrams_set(&d, out.p, out.len))
		out_send(sa->engine, &sa->path, &d);
	dgrams_free(&d);
	wbuf_free(&out);
}

void farewell_delete(struct ike_sa *sa)
{
	const struct delete_pld d = { .proto = IKE_PROTO_IKE };
	struct pchain c;
	struct wbuf w;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	delete_build(&c, &d);
	send_last_word(sa, c.first, &w);
	wbuf_free(&w);
}

/*
 * RFC 7296 2.21.2: the responder believes in an SA that we do not; it is
 * told in an exchange of its own.
 */
void farewell_auth_failed(struct ike_sa *sa)
{
	struct pchain c;
	struct wbuf w;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	notify_build(&c, IKE_N_AUTHENTICATION_FAILED, NULL, 0);
	send_last_word(sa, c.first, &w);
	wbuf_free(&w);
}
