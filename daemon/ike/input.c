// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of an IKE SA: checks that a message is in the window (one request in
 * each direction, RFC 7296 section 2.3), authenticates it, and dispatches it to
 * its exchange.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ike/exchange.h"
#include "ike/mobike.h"
#include "ike/places.h"
#include "lib/log.h"

/* ---- requests ----------------------------------------------------------- */

/*
 * Answer a request whose encrypted payloads violate the rules of its exchange.
 */
static void bad_request(struct ike_sa *sa, const struct ike_msg *m, int ret,
			const struct err *err)
{
	struct ike_stats *st = &sa->engine->stats;
	uint8_t xchg = m->h.xchg;
	char text[ERR_LEN + 32];

	if (ret == -ENOMSG) {
		st->in_xchg++;
		engine_request_refused(sa->engine, &sa->path.peer,
				       "unknown exchange %u", xchg);
		sa_respond_notify(sa, xchg, IKE_N_INVALID_SYNTAX, NULL, 0);
		return;
	}
	sa_debug(sa, "message refused: %s", err->text);
	if (ret == -EPROTONOSUPPORT) {
		st->in_critical++;
		sa_respond_notify(sa, xchg, IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD,
				  &m->critical, 1);
		/*
		 * RFC 7296 section 2.21.2: fatal while the SA is not
		 * authenticated.
		 */
		if (sa->state == IKE_ST_UP)
			return;
	} else {
		st->in_syntax++;
		sa_respond_notify(sa, xchg, IKE_N_INVALID_SYNTAX, NULL, 0);
	}
	snprintf(text, sizeof(text), "bad request: %s", err->text);
	sa_close(sa, 0, text);
}

/* Return true if the exchange is allowed now, as far as the header tells. */
static bool is_due(struct ike_sa *sa, const struct ike_in *in,
		   const struct exchange *x)
{
	uint8_t type = in->m.h.xchg;

	/*
	 * On an established SA, a wrong request gets an encrypted error
	 * instead.
	 */
	if (sa->state == IKE_ST_UP ||
	    (x && x->in_state & IN_STATE(sa->state) && (!x->due || x->due(sa))))
		return true;
	sa->engine->stats.in_xchg++;
	if (sa->state == IKE_ST_INIT_DONE)
		engine_request_refused(sa->engine, &in->path.peer,
				       "exchange %s (%u) where %s is due",
				       ike_xchg_name(type), type,
				       inter_is_due(sa)
					       ? "IKE_INTERMEDIATE"
					       : "GSA_AUTH or IKE_AUTH");
	return false;
}

/*
 * An IKE SA without key wrap serves no group: whatever its peer says over it, it
 * ends when its time is over, and gives way first.
 */
static void note_use(struct ike_sa *sa)
{
	if (sa->state != IKE_ST_UP || !sa->suite.kwa)
		return;
	if (sa->gcks && !sa->shadow)
		timer_set(sa->engine->cfg.tq, &sa->t_idle,
			  sa->engine->cfg.idle_ms);
	place_used(sa);
}

static void dispatch_request(struct ike_sa *sa, struct ike_in *in,
			     const struct exchange *x)
{
	uint8_t type = in->m.h.xchg;

	if (sa->shadow)
		sa = child_shadow_request(sa, in);
	if (!sa)
		return;
	note_use(sa);
	if (x && x->request && x->in_state & IN_STATE(sa->state) &&
	    x->by & (sa->gcks ? BY_INITIATOR : BY_RESPONDER)) {
		x->request(sa, in);
		/* IKE_AUTH asks for no group, and rights change later. */
		sa_end_unwelcome(sa);
		return;
	}
	sa->engine->stats.in_xchg++;
	engine_request_refused(sa->engine, &sa->path.peer,
			       "exchange %s (%u) over an IKE SA that is up",
			       ike_xchg_name(type), type);
	sa_respond_notify(sa, type, IKE_N_INVALID_SYNTAX, NULL, 0);
}

/*
 * Update the address that our requests go to. RFC 7296 section 2.23: the
 * address of a peer behind a NAT is the source of its last message, except for a
 * host that is behind a NAT itself, of which one packet sent on from elsewhere
 * would cut the connection. Any initiator may change to port 4500 after
 * IKE_SA_INIT. A request in progress goes to the new address when it is
 * retransmitted. Otherwise the address is fixed, so that replaying a message from
 * elsewhere does not move the peer. With MOBIKE such a peer is asked first, see
 * mobike_follow().
 */
static void follow_peer(struct ike_sa *sa, const struct ike_path *path)
{
	bool moves = sa->nat_there && !sa->nat_here;

	if ((!moves && sa->state != IKE_ST_INIT_DONE) ||
	    (sa->mobike && sa->gcks))
		return;
	sa->path.local = path->local;
	if (!ep_equal(&sa->path.peer, &path->peer))
		table_move(sa, &path->peer);
}

/*
 * The peer has sent a message over @sa behind AUTH, which was handled. If that was a
 * Delete the peer has refused @sa, and goes on with the former IKE SA.
 */
static void note_proof(struct ike_sa *sa, bool resumes)
{
	if (resumes && !sa->dead)
		authenticate_proven(sa);
}

static void got_request(struct ike_sa *sa, struct ike_in *in)
{
	const struct exchange *x = exchange_find(sa->engine, in->m.h.xchg);
	struct sk_key *k = sa_peer_key(sa);
	struct ike_stats *st = &sa->engine->stats;
	bool resumes = sa->former;
	uint32_t mid = in->m.h.mid;
	struct opened o;
	struct err err;
	int ret;

	if (sa->peer_mid && mid == sa->peer_mid - 1) {
		sa_respond_again(sa, in);
		return;
	}
	if (mid != sa->peer_mid || sa->waits || mid == UINT32_MAX) {
		st->in_mid++;
		return;
	}
	if (!is_due(sa, in, x) || !frags_open(sa, in, k, &o))
		return;
	/* From here on the message is authenticated. */
	if (kept_begin(sa, &o.dgram, &in->path)) {
		opened_free(&o);
		return;
	}
	sa->peer_mid++;
	follow_peer(sa, &in->path);
	in->opened = &o;
	ret = msg_sort(&in->m, MSG_ENC, o.first, o.plain, o.len, &err);
	if (ret)
		bad_request(sa, &in->m, ret, &err);
	else
		dispatch_request(sa, in, x);
	note_proof(sa, resumes);
	if (sa->mobike && sa->gcks && !sa->shadow && !sa->dead && !ret)
		mobike_follow(sa, in);
	opened_free(&o);
}

/* ---- answers ------------------------------------------------------------ */

/*
 * RFC 7296 sections 1.5 and 2.21.4: a peer that was restarted answers with
 * INVALID_IKE_SPI in the clear. The notify may be forged, so it only shortens
 * retransmission.
 */
static void handle_invalid_spi(struct ike_sa *sa, const struct ike_in *in)
{
	struct notify_pld n;
	struct pwalk w;
	struct pld pld;
	struct rbuf r;

	pwalk_init(&w, in->m.h.next, in->p + IKE_HDR_LEN,
		   in->len - IKE_HDR_LEN);
	if (pwalk_next(&w, &pld) <= 0)
		return;
	rbuf_init(&r, pld.body, pld.len);
	if (notify_parse(&r, &n) || n.type != IKE_N_INVALID_IKE_SPI ||
	    sa->dead_peer_tries)
		return;
	/*
	 * The peer may have dropped a half-open SA under load: a new one is
	 * due.
	 */
	sa->dead_peer_tries = sa->state == IKE_ST_UP ? 3 : 2;
	timer_set(sa->engine->cfg.tq, &sa->t_rexmit, sa->engine->cfg.rexmit_ms);
}

static void got_answer(struct ike_sa *sa, struct ike_in *in)
{
	const struct exchange *x = exchange_find(sa->engine, in->m.h.xchg);
	struct sk_key *k = sa_peer_key(sa);
	struct ike_stats *st = &sa->engine->stats;
	bool resumes = sa->former;
	struct opened o;
	char text[ERR_LEN + 32];
	struct err err;

	if (!sa->my_busy || in->m.h.mid != sa->my_mid) {
		st->in_mid++;
		return;
	}
	if (in->m.h.xchg != sa->my_xchg || !sa->keys.have) {
		st->in_xchg++;
		return;
	}
	if (in->m.h.next == IKE_PLD_NOTIFY) {
		st->in_icv++;
		handle_invalid_spi(sa, in);
		return;
	}
	if (!frags_open(sa, in, k, &o))
		return;
	sa->my_busy = false;
	sa->dead_peer_tries = 0;
	sa->my_mid++;
	timer_del(sa->engine->cfg.tq, &sa->t_rexmit);
	dgrams_free(&sa->my_req);
	in->opened = &o;
	if (msg_sort(&in->m, MSG_ENC, o.first, o.plain, o.len, &err)) {
		st->in_syntax++;
		snprintf(text, sizeof(text), "bad answer: %s", err.text);
		sa_close(sa, 0, text);
	} else {
		x->answer(sa, in);
		sa_run(sa);
	}
	note_proof(sa, resumes);
	opened_free(&o);
}

/*
 * Handle a message before there are keys, which may be the answer to
 * IKE_SA_INIT or IKE_SESSION_RESUME.
 */
static void got_unprotected(struct ike_sa *sa, struct ike_in *in,
			    const struct exchange *x)
{
	if (sa->initiator && (in->m.h.flags & IKE_FLAG_RESPONSE) &&
	    sa->state == IKE_ST_INIT_SENT && in->m.h.xchg == sa->my_xchg)
		x->answer_unprotected(sa, in);
	else
		sa->engine->stats.in_xchg++;
}

void sa_input(struct ike_sa *sa, struct ike_in *in)
{
	const struct exchange *x = exchange_find(sa->engine, in->m.h.xchg);

	if (x && x->answer_unprotected) {
		got_unprotected(sa, in, x);
		return;
	}
	if (!sa->keys.have) {
		sa->engine->stats.in_xchg++;
		return;
	}
	if (in->m.h.flags & IKE_FLAG_RESPONSE)
		got_answer(sa, in);
	else
		got_request(sa, in);
}
