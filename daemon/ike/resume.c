// SPDX-License-Identifier: Apache-2.0
/*
 * IKE_SESSION_RESUME (RFC 5723 section 4.3.2): in place of IKE_SA_INIT, without
 * Diffie-Hellman, and AUTH that follows needs neither certificates nor signatures.
 *
 *	HDR, [N(COOKIE),] Ni, N(TICKET_OPAQUE), N+ -->
 *				<-- HDR, Nr, N+
 *
 * The keys are as secret as SK_d of the IKE SA that the ticket is of, and the ticket
 * key of the responder.
 */
#include <errno.h>
#include <string.h>

#include "ike/exchange.h"
#include "ike/opening.h"
#include "ike/session.h"
#include "lib/log.h"

/* A cookie, and cookies whose secret has rotated. */
#define RESUME_MAX_TRIES 4
/*
 * Copies of a request that gets no answer, before IKE_SA_INIT. A key server that does not
 * know the exchange is silent. One that many members come back to is slow, and would have
 * more work by IKE_SA_INIT, so it gets some time.
 */
#define RESUME_COPIES 3

static int make_resumed_keys(struct ike_sa *sa)
{
	const struct ike_session *s = &sa->hs->resume->s;
	struct ike_seed seed;
	int ret;

	sa->suite = s->suite;
	ret = seed_of_session(&seed, s, &sa->hs->ni, &sa->hs->nr);
	if (!ret)
		ret = keys_derive(&sa->keys, &sa->suite, &seed, &sa->hs->ni,
				  &sa->hs->nr, sa->spi_i, sa->spi_r);
	seed_wipe(&seed);
	if (!ret)
		keys_export(sa);
	return ret;
}

static void put_notifies(struct pchain *c, const struct ike_sa *sa)
{
	nat_put(c, sa, &sa->path);
	if (sa->initiator ? sa->engine->cfg.fragment_size != 0 : sa->fragments)
		notify_build(c, IKE_N_FRAGMENTATION_SUPPORTED, NULL, 0);
}

/* ---- initiator ---------------------------------------------------------- */

static void build_request(struct ike_sa *sa, struct wbuf *w)
{
	struct ike_hdr h = { .xchg = IKE_XCHG_IKE_SESSION_RESUME,
			     .flags = IKE_FLAG_INITIATOR };
	const struct blob *ticket = &sa->hs->resume->ticket;
	struct pchain c;

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	ike_hdr_build(w, &h);
	pchain_init(&c, w, IKE_HDR_NEXT_OFF);
	if (sa->hs->cookie.p)
		notify_build(&c, IKE_N_COOKIE, sa->hs->cookie.p,
			     sa->hs->cookie.len);
	raw_build(&c, IKE_PLD_NONCE, sa->hs->ni.p, sa->hs->ni.len);
	notify_build(&c, IKE_N_TICKET_OPAQUE, ticket->p, ticket->len);
	put_notifies(&c, sa);
	msg_finish(w);
}

int resume_request(struct ike_sa *sa, const struct ike_task *t)
{
	struct wbuf w;
	int ret = 0;

	/* GSA_AUTH, which follows, has the group request. */
	(void)t;
	sa->hs->init_tries++;
	if (!sa->hs->ni.p)
		ret = opening_nonce(&sa->hs->ni);
	if (!ret && sa->state != IKE_ST_INIT_SENT)
		ret = ike_sa_state(sa, IKE_ST_INIT_SENT);
	if (ret)
		return ret;
	wbuf_init(&w, IKE_MSG_MAX);
	build_request(sa, &w);
	ret = w.err;
	if (!ret)
		ret = blob_set(&sa->hs->init_req, w.p, w.len);
	if (!ret)
		ret = sa_request_raw(sa, IKE_XCHG_IKE_SESSION_RESUME, &w);
	wbuf_free(&w);
	return ret;
}

static void end_unless(struct ike_sa *sa, int ret)
{
	if (ret)
		sa_close(sa, 0, strerror(-ret));
}

/*
 * RFC 5723 section 4.3.2: after N(TICKET_NACK) the initiator begins with IKE_SA_INIT, and
 * likewise after any other refusal, and without an answer. None is authenticated, and all
 * may be acted upon: a forged one costs a key exchange, after which both sides
 * authenticate in full.
 */
static void begin_anew(struct ike_sa *sa, const char *why)
{
	struct ike_task *t = TAILQ_FIRST(&sa->tasks);

	sa_debug(sa, "ticket refused: %s from the key server", why);
	resume_free(sa->hs->resume);
	sa->hs->resume = NULL;
	blob_free(&sa->hs->ni);
	blob_free(&sa->hs->cookie);
	sa->hs->init_tries = 0;
	t->xchg = IKE_XCHG_IKE_SA_INIT;
	end_unless(sa, init_request(sa, t));
}

/* Return true if the answer is dealt with: another request was sent, or none is worth it. */
static bool not_yet(struct ike_sa *sa, const struct ike_msg *m)
{
	const struct notify_pld *n = msg_notify(m, IKE_N_COOKIE);

	if (m->nonce.body)
		return false;
	if (msg_notify(m, IKE_N_TICKET_NACK)) {
		begin_anew(sa, "TICKET_NACK");
		return true;
	}
	if (msg_error(m)) {
		begin_anew(sa, ike_notify_name(msg_error(m)->type));
		return true;
	}
	if (!n || !n->len || n->len > IKE_COOKIE_MAX ||
	    sa->hs->init_tries >= RESUME_MAX_TRIES)
		return n;
	if (!blob_set(&sa->hs->cookie, n->data, n->len))
		end_unless(sa, resume_request(sa, TAILQ_FIRST(&sa->tasks)));
	return true;
}

bool resume_unanswered(struct ike_sa *sa)
{
	if (sa->my_sent + 1 < RESUME_COPIES)
		return false;
	begin_anew(sa, "no answer");
	return true;
}

void resume_got_answer(struct ike_sa *sa, struct ike_in *in)
{
	static const uint8_t zero[IKE_SPI_LEN];
	struct ike_stats *st = &sa->engine->stats;
	struct ike_msg *m = &in->m;

	if (!opening_sort_answer(sa, in) || not_yet(sa, m))
		return;
	if (!m->nonce.body || !memcmp(m->h.spi_r, zero, IKE_SPI_LEN) ||
	    nonce_check(&m->nonce, sa->hs->resume->s.suite.prf)) {
		sa_debug(sa,
			 "message refused: answer does not fit the request");
		st->in_syntax++;
		return;
	}
	if (blob_set(&sa->hs->nr, m->nonce.body, m->nonce.len) ||
	    blob_set(&sa->hs->init_res, in->p, in->len))
		return;
	memcpy(sa->spi_r, m->h.spi_r, IKE_SPI_LEN);
	if (make_resumed_keys(sa)) {
		memset(sa->spi_r, 0, IKE_SPI_LEN);
		return;
	}
	sa->peer_childless = sa->hs->resume->s.childless;
	init_note_answer(sa, m, in->path);
	sa_run(sa);
}

/* ---- responder ---------------------------------------------------------- */

static int build_resume_answer(struct ike_sa *sa)
{
	struct ike_hdr h = { .xchg = IKE_XCHG_IKE_SESSION_RESUME,
			     .flags = IKE_FLAG_RESPONSE };
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_MSG_MAX);
	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->spi_r, IKE_SPI_LEN);
	ike_hdr_build(&w, &h);
	pchain_init(&c, &w, IKE_HDR_NEXT_OFF);
	raw_build(&c, IKE_PLD_NONCE, sa->hs->nr.p, sa->hs->nr.len);
	put_notifies(&c, sa);
	msg_finish(&w);
	ret = w.err ? w.err : blob_set(&sa->hs->init_res, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

/* Take over @r. */
static void open_resumed(const struct opening *o, struct ike_resume *r)
{
	struct ike_sa *sa = sa_new(o->engine, false, &o->in->path);
	int ret;

	if (!sa) {
		resume_free(r);
		return;
	}
	sa->hs->resume = r;
	ret = opening_prepare(o, sa);
	if (!ret)
		ret = opening_nonce(&sa->hs->nr);
	if (!ret)
		ret = build_resume_answer(sa);
	if (!ret)
		ret = make_resumed_keys(sa);
	if (ret)
		sa_free(sa);
	else
		opening_enter(o, sa);
}

static void refuse_resume(struct ike_engine *engine, const struct ike_in *in,
			  const char *why)
{
	engine->stats.in_syntax++;
	engine_request_refused(engine, &in->path.peer,
			       "IKE_SESSION_RESUME, INVALID_SYNTAX: %s", why);
	out_unprotected_error(engine, in, IKE_N_INVALID_SYNTAX, NULL, 0);
}

void resume_got_request(struct ike_engine *engine, struct ike_in *in)
{
	const struct notify_pld *n;
	struct ike_msg *m = &in->m;
	struct ike_resume *r;
	struct opening o;
	const char *why;
	struct err err;
	int ret;

	if (!opening_begin(&o, engine, in))
		return;
	ret = msg_sort(m, MSG_CLEAR, m->h.next, in->p + IKE_HDR_LEN,
		       in->len - IKE_HDR_LEN, &err);
	n = ret ? NULL : msg_notify(m, IKE_N_TICKET_OPAQUE);
	if (!n || !m->nonce.body || nonce_check(&m->nonce, 0)) {
		refuse_resume(engine, in,
			      ret ? err.text
				  : "nonce or TICKET_OPAQUE is missing");
		return;
	}
	if (!opening_proven(&o))
		return;
	/*
	 * A ticket that is good needs no share of its network. Opening one that is
	 * not costs about as much as the cookie, and no more for a longer message.
	 */
	why = ticket_open(engine, n->data, n->len, &r);
	if (!why && nonce_check(&m->nonce, r->s.suite.prf)) {
		resume_free(r);
		why = "nonce of less than half of the PRF's key";
	}
	if (!opening_admitted(&o, why ? NULL : r)) {
		if (!why)
			resume_free(r);
		return;
	}
	if (!why) {
		open_resumed(&o, r);
		return;
	}
	log_debug("ticket refused: %s", why);
	engine->stats.ticket_refused++;
	out_unprotected(engine, in, IKE_N_TICKET_NACK, NULL, 0);
}
