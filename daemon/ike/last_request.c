// SPDX-License-Identifier: Apache-2.0
/*
 * Final messages of an IKE SA, which has ended when they are sent.
 *
 * Some are retransmitted, since the peer has to learn of the end. So is a Delete
 * right behind the answer that opened the IKE SA: it may overtake that, and a peer
 * that does not have the IKE SA yet ignores it (strongSwan does). The answer
 * that stops this must be authenticated, otherwise anybody who saw the SPIs
 * could stop it; so the key that opens the peer's messages outlives the SA
 * until then, for ten seconds at most.
 *
 * The window is one (RFC 7296 section 2.3): while a request of ours has no
 * answer, the peer takes no other one. The final message waits for that answer.
 */
#include <string.h>

#include "ike/sa.h"
#include "lib/secret.h"
#include "lib/util.h"

/* Retransmissions: after rexmit_ms, and after twice that. */
#define LAST_REQUEST_REPEATS 2

struct last_request {
	TAILQ_ENTRY(last_request) all;
	LIST_ENTRY(last_request) by_spi;
	struct ike_engine *engine;
	struct ike_out out; /* the request without an answer */
	struct dgrams last; /* final message that waits for that answer */
	bool repeat;
	uint8_t spi_i[IKE_SPI_LEN];
	uint8_t spi_r[IKE_SPI_LEN];
	bool initiator;
	uint8_t xchg;
	uint32_t mid;
	struct sk_key key; /* opens messages of the peer */
	unsigned int sent_again;
	struct timer timer;
};

static struct last_request_list *last_request_bucket(struct ike_engine *engine,
						     const uint8_t *own_spi)
{
	return &engine->last_request_by_spi[get_unaligned_be16(own_spi) %
					    ENGINE_BUCKETS];
}

static void last_request_free(struct last_request *f)
{
	timer_del(f->engine->cfg.tq, &f->timer);
	TAILQ_REMOVE(&f->engine->last_requests, f, all);
	LIST_REMOVE(f, by_spi);
	f->engine->n_last_requests--;
	dgrams_free(&f->out.dgrams);
	dgrams_free(&f->last);
	secret_free(f);
}

static bool is_waiting(const struct last_request *f)
{
	return f->last.n;
}

static void arm_last_request(struct last_request *f)
{
	timer_set(f->engine->cfg.tq, &f->timer,
		  (uint64_t)f->engine->cfg.rexmit_ms << f->sent_again);
}

static void send_again(void *arg)
{
	struct last_request *f = arg;

	/* The request before it had as much time to be answered. */
	if (f->sent_again == LAST_REQUEST_REPEATS) {
		last_request_free(f);
		return;
	}
	f->sent_again++;
	if (f->repeat) {
		f->engine->stats.rexmit++;
		out_send(f->engine, &f->out.path, &f->out.dgrams);
	}
	if (f->sent_again == LAST_REQUEST_REPEATS && !is_waiting(f))
		last_request_free(f);
	else
		arm_last_request(f);
}

/* The final message is the next request, now that the one before is answered. */
static void send_waiting(struct last_request *f)
{
	dgrams_free(&f->out.dgrams);
	dgrams_move(&f->out.dgrams, &f->last);
	f->xchg = IKE_XCHG_INFORMATIONAL;
	f->mid++;
	f->sent_again = 0;
	out_send(f->engine, &f->out.path, &f->out.dgrams);
	if (f->repeat)
		arm_last_request(f);
	else
		last_request_free(f);
}

/*
 * The request without an answer may have been lost. If the final message is
 * retransmitted, so is this request; otherwise the SA only waits for its
 * answer.
 */
static void wait_for_answer(struct ike_sa *sa, struct last_request *f,
			    struct dgrams *last)
{
	dgrams_move(&f->last, last);
	dgrams_move(&f->out.dgrams, &sa->my_req);
	f->xchg = sa->my_xchg;
	if (!f->repeat)
		return;
	f->engine->stats.rexmit++;
	out_send(f->engine, &f->out.path, &f->out.dgrams);
}

/*
 * Queue the message, to be retransmitted or to wait for an answer. If memory is
 * short it was sent once, like any other, or is not sent.
 */
static void keep_last_request(struct ike_sa *sa, struct dgrams *dgrams,
			      bool repeat)
{
	struct ike_engine *engine = sa->engine;
	struct last_request *f = secret_alloc(sizeof(*f));

	if (!f)
		return;
	memset(f, 0, sizeof(*f));
	f->engine = engine;
	f->out.path = sa->path;
	f->repeat = repeat;
	f->mid = sa->my_mid;
	f->xchg = IKE_XCHG_INFORMATIONAL;
	if (sa->my_busy)
		wait_for_answer(sa, f, dgrams);
	else
		dgrams_move(&f->out.dgrams, dgrams);
	memcpy(f->spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(f->spi_r, sa->spi_r, IKE_SPI_LEN);
	f->initiator = sa->initiator;
	f->key = *sa_peer_key(sa);
	TAILQ_INSERT_TAIL(&engine->last_requests, f, all);
	LIST_INSERT_HEAD(last_request_bucket(engine, f->initiator ? f->spi_i
								  : f->spi_r),
			 f, by_spi);
	engine->n_last_requests++;
	timer_init(&f->timer, send_again, f);
	arm_last_request(f);
}

static void send_last_request(struct ike_sa *sa, uint8_t first,
			      const struct wbuf *inner, bool repeat)
{
	struct dgrams d = { 0 };

	if (!sa_last_request(sa, first, inner, &d)) {
		if (!sa->my_busy)
			out_send(sa->engine, &sa->path, &d);
		if (repeat || sa->my_busy)
			keep_last_request(sa, &d, repeat);
	}
	dgrams_free(&d);
}

void last_request_delete(struct ike_sa *sa, bool repeat)
{
	const struct delete_pld d = { .proto = IKE_PROTO_IKE };
	struct pchain c;
	struct wbuf w;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	delete_build(&c, &d);
	send_last_request(sa, c.first, &w, repeat);
	wbuf_free(&w);
}

/*
 * RFC 7296 section 2.21.2: the responder has an SA that we reject; it learns
 * that by an exchange of its own.
 */
void last_request_auth_failed(struct ike_sa *sa)
{
	struct pchain c;
	struct wbuf w;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	notify_build(&c, IKE_N_AUTHENTICATION_FAILED, NULL, 0);
	send_last_request(sa, c.first, &w, false);
	wbuf_free(&w);
}

static bool is_answer_to(const struct last_request *f, const struct ike_in *in)
{
	uint8_t *plain = secret_alloc(in->len);
	size_t plain_len;
	struct skf skf;
	uint8_t first;
	bool is = false;

	/* One fragment of the answer proves as much as all of them. */
	if (plain && msg_is_fragment(in->p, in->len))
		is = !skf_open(in->p, in->len, &f->key, &skf, plain, &plain_len,
			       &first);
	else if (plain)
		is = !sk_open(in->p, in->len, &f->key, plain, &plain_len,
			      &first);
	secret_free(plain);
	return is;
}

bool last_request_answered(struct ike_engine *engine, const struct ike_in *in)
{
	const struct ike_hdr *h = &in->m.h;
	bool initiator = !(h->flags & IKE_FLAG_INITIATOR);
	struct last_request *f;

	LIST_FOREACH(f,
		     last_request_bucket(engine,
					 initiator ? h->spi_i : h->spi_r),
		     by_spi) {
		if (f->initiator != initiator || f->mid != h->mid ||
		    h->xchg != f->xchg ||
		    memcmp(f->spi_i, h->spi_i, IKE_SPI_LEN) ||
		    memcmp(f->spi_r, h->spi_r, IKE_SPI_LEN) ||
		    !is_answer_to(f, in))
			continue;
		if (is_waiting(f))
			send_waiting(f);
		else
			last_request_free(f);
		return true;
	}
	return false;
}

void last_requests_free(struct ike_engine *engine)
{
	struct last_request *f;

	while ((f = TAILQ_FIRST(&engine->last_requests)))
		last_request_free(f);
}
