// SPDX-License-Identifier: Apache-2.0
/*
 * Our messages of an IKE SA. The last request and the last answer are kept, and
 * retransmitted with the same octets (RFC 7296 section 2.1); one of each, since
 * the window is one in each direction (section 2.3).
 */
#include <errno.h>
#include <string.h>

#include "ike/sa.h"
#include "lib/log.h"
#include "lib/secret.h"

/* A GSA_INBAND_REKEY is retransmitted after a quarter of the time at first. */
#define INBAND_SHIFT 2

/*
 * A peer that is told of a change may be off the network for minutes, and nobody waits for
 * its answer: N(MCSEC_CHANGED) is repeated for so long before the peer counts as dead (RFC
 * 7296 section 2.4).
 */
#define TELLING_TRIES 24

/*
 * A child has to notice within two seconds that its relay is gone, also where the network
 * loses a fifth of all datagrams: then not even one of a million beats is given up for
 * nothing.
 */
#define EDGE_RESEND_MS 100
#define EDGE_TRIES 24

/* ---- sealing ------------------------------------------------------------ */

static void fill_header(const struct ike_sa *sa, struct ike_hdr *h,
			uint8_t xchg, bool response, uint32_t mid)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h->spi_r, sa->spi_r, IKE_SPI_LEN);
	h->xchg = xchg;
	h->flags = (sa->initiator ? IKE_FLAG_INITIATOR : 0) |
		   (response ? IKE_FLAG_RESPONSE : 0);
	h->mid = mid;
}

/* ---- our requests ------------------------------------------------------- */

static unsigned int quicker_by(const struct ike_sa *sa)
{
	return sa->my_xchg == GIKE_XCHG_GSA_INBAND_REKEY ? INBAND_SHIFT : 0;
}

static bool is_telling(const struct ike_sa *sa)
{
	const struct ike_task *t = TAILQ_FIRST(&sa->tasks);

	return t && t->notify == MCSEC_N_CHANGED &&
	       sa->my_xchg == IKE_XCHG_INFORMATIONAL;
}

static bool is_for_edge(const struct ike_sa *sa)
{
	const struct ike_task *t = TAILQ_FIRST(&sa->tasks);

	return t && t->data && t->data_type == MCSEC_N_EDGE_REQUEST &&
	       sa->my_xchg == IKE_XCHG_INFORMATIONAL;
}

/*
 * A member that has moved to where no answer comes registers anew after that: the key
 * server would go on with an address that the member does not have any more.
 */
#define UPDATE_TRIES 4
/* An address that answers to none of these and the first copy has not been proven. */
#define CHECK_TRIES 3

static bool is_about_address(const struct ike_sa *sa, uint16_t type)
{
	const struct ike_task *t = TAILQ_FIRST(&sa->tasks);

	return sa->mobike && t && t->notify == type &&
	       t->xchg == IKE_XCHG_INFORMATIONAL;
}

unsigned int sa_request_tries(const struct ike_sa *sa)
{
	if (is_for_edge(sa))
		return EDGE_TRIES;
	if (is_about_address(sa, IKE_N_UPDATE_SA_ADDRESSES))
		return UPDATE_TRIES;
	/* All other requests are given up after about the same time. */
	return sa->engine->cfg.rexmit_max +
	       (is_telling(sa) ? TELLING_TRIES : quicker_by(sa));
}

/*
 * Intervals double up to eight times the first one, so that a server that comes
 * back is found soon.
 */
static uint64_t resend_delay(const struct ike_sa *sa)
{
	unsigned int quicker = sa->dead_peer_tries ? 0 : quicker_by(sa);
	unsigned int shift = sa->dead_peer_tries ? 0 : sa->my_sent;
	unsigned int most = 3 + quicker;
	uint64_t ms = sa->engine->cfg.rexmit_ms;

	if (is_for_edge(sa))
		return EDGE_RESEND_MS;
	return (ms << (shift < most ? shift : most)) >> quicker;
}

static const struct ike_path *check_path(struct ike_sa *sa)
{
	struct ike_mobike *mb = sa->mobike;
	const struct ike_path *path = &sa->path;

	if (mb->pending && sa->my_sent <= CHECK_TRIES)
		path = &mb->to;
	else
		mb->fell_back = true;
	if (!ep_equal(&path->peer, &mb->sent_to))
		mb->elsewhere = true;
	return path;
}

static size_t octets_of(const struct dgrams *d)
{
	size_t octets = 0;

	for (unsigned int i = 0; i < d->n; i++)
		octets += d->v[i].len;
	return octets;
}

void sa_request_copy(struct ike_sa *sa)
{
	struct ike_mobike *mb = sa->mobike;
	size_t octets = octets_of(&sa->my_req);

	if (!mb || !mb->pending || !sa->my_busy || octets > mb->credit ||
	    is_about_address(sa, IKE_N_COOKIE2))
		return;
	mb->credit -= octets;
	out_send(sa->engine, &mb->to, &sa->my_req);
}

/* Send what is in sa->my_req where the peer is, or where it is asked whether it is. */
static void send_own_request(struct ike_sa *sa)
{
	bool checks = is_about_address(sa, IKE_N_COOKIE2);

	out_send(sa->engine, checks ? check_path(sa) : &sa->path, &sa->my_req);
}

/* Send the request that is in sa->my_req, and retransmit it. */
static void start_request(struct ike_sa *sa, uint8_t xchg)
{
	struct ike_engine_cfg *cfg = &sa->engine->cfg;

	sa->my_xchg = xchg;
	sa->my_busy = true;
	sa->my_sent = 0;
	timer_set(cfg->tq, &sa->t_rexmit, resend_delay(sa));
	send_own_request(sa);
}

int sa_request_raw(struct ike_sa *sa, uint8_t xchg, const struct wbuf *msg)
{
	int ret;

	if (msg->err)
		return msg->err;
	ret = dgrams_set(&sa->my_req, msg->p, msg->len);
	if (!ret)
		start_request(sa, xchg);
	return ret;
}

int sa_request(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner)
{
	struct dgrams d = { 0 };
	struct ike_hdr h;
	int ret;

	fill_header(sa, &h, xchg, false, sa->my_mid);
	ret = frags_seal(sa, &h, first, inner, &d);
	if (ret) {
		dgrams_free(&d);
		return ret;
	}
	dgrams_move(&sa->my_req, &d);
	start_request(sa, xchg);
	return 0;
}

void sa_request_again(struct ike_sa *sa)
{
	sa->my_sent++;
	sa->engine->stats.rexmit++;
	send_own_request(sa);
	sa_request_copy(sa);
	timer_set(sa->engine->cfg.tq, &sa->t_rexmit, resend_delay(sa));
}

int sa_last_request(struct ike_sa *sa, uint8_t first, const struct wbuf *inner,
		    struct dgrams *out)
{
	struct ike_hdr h;

	/*
	 * A request in progress is answered first (last_request.c), so its Message
	 * ID counts as used.
	 */
	fill_header(sa, &h, IKE_XCHG_INFORMATIONAL, false,
		    sa->my_mid + sa->my_busy);
	return frags_seal(sa, &h, first, inner, out);
}

/* ---- our answers -------------------------------------------------------- */

int sa_respond(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner)
{
	struct dgrams d = { 0 };
	struct ike_hdr h;
	int ret;

	fill_header(sa, &h, xchg, true, sa->peer_mid - 1);
	ret = frags_seal(sa, &h, first, inner, &d);
	if (!ret) {
		dgrams_move(&sa->kept->res.dgrams, &d);
		out_send(sa->engine, &sa->kept->res.path,
			 &sa->kept->res.dgrams);
	} else {
		sa_warn(sa, "answer not sent: %s", strerror(-ret));
	}
	dgrams_free(&d);
	return ret;
}

int sa_respond_notify(struct ike_sa *sa, uint8_t xchg, uint16_t type,
		      const void *data, size_t len)
{
	struct pchain c;
	struct wbuf w;
	int ret;

	wbuf_init(&w, IKE_INNER_MAX);
	pchain_init(&c, &w, PCHAIN_DETACHED);
	notify_build(&c, type, data, len);
	ret = sa_respond(sa, xchg, c.first, &w);
	wbuf_free(&w);
	return ret;
}

/*
 * A peer that gets no answer may send its request in smaller fragments (RFC 7383
 * section 2.5.2), which only the peer can make. Fragment 1 triggers the answer,
 * whatever the total (section 2.6.1).
 */
static bool is_cut_anew(struct ike_sa *sa, const struct ike_in *in)
{
	const struct sk_key *k = sa_peer_key(sa);
	size_t len = 0;
	struct skf skf;
	uint8_t *plain;
	uint8_t first;
	bool is;

	if (!msg_is_fragment(in->p, in->len) || !sa->fragments)
		return false;
	/* The answer to such a request was followed by new keys. */
	if (in->m.h.xchg == IKE_XCHG_IKE_INTERMEDIATE && sa->hs &&
	    sa->hs->inter)
		k = &sa->hs->inter->was;
	plain = secret_alloc(in->len);
	is = plain && !skf_open(in->p, in->len, k, &skf, plain, &len, &first) &&
	     skf.number == 1;
	secret_free(plain);
	return is;
}

void sa_respond_again(struct ike_sa *sa, const struct ike_in *in)
{
	struct ike_stats *st = &sa->engine->stats;

	/* Only the same request gets the same answer, while that is kept. */
	if (!sa->kept) {
		st->in_mid++;
	} else if (frags_is_later(in)) {
		st->frag_dropped++;
	} else if (!dgrams_has(&sa->kept->req, in->p, in->len) &&
		   !is_cut_anew(sa, in)) {
		st->in_altered++;
	} else if (sa->waits || !sa->kept->res.dgrams.n) {
		st->in_busy++;
	} else if (out_too_much(&sa->kept->res.dgrams, in,
				&sa->kept->res.path.peer)) {
		st->frag_dropped++;
	} else {
		st->in_rexmit++;
		out_send(sa->engine, &in->path, &sa->kept->res.dgrams);
	}
}
