// SPDX-License-Identifier: Apache-2.0
/* IKE_SA_INIT, RFC 7296 1.2, 2.6, 2.7, 2.23; KWA as RFC 9838 4.5.4 asks */
#include <errno.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/rand.h"
#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/secret.h"

/* Cookie, another group, and room for a cookie whose secret has rotated */
#define INIT_MAX_TRIES 5

/* ---- negotiation -------------------------------------------------------- */

static const struct transform *find(const struct proposal *p,
				    const struct transform *like)
{
	for (unsigned int i = 0; i < p->n; i++)
		if (p->t[i].type == like->type && p->t[i].id == like->id &&
		    p->t[i].key_bits == like->key_bits && !p->t[i].unknown_attr)
			return &p->t[i];
	return NULL;
}

/* First transform of @type in @from that @in has too */
static const struct transform *common(const struct proposal *from,
				      const struct proposal *in, uint8_t type)
{
	for (unsigned int i = 0; i < from->n; i++)
		if (from->t[i].type == type && !from->t[i].unknown_attr &&
		    find(in, &from->t[i]))
			return &from->t[i];
	return NULL;
}

/* With an AEAD, INTEG is absent or NONE is among what is offered. */
static bool only_known_types(const struct proposal *p)
{
	bool integ = false, none = false;

	for (unsigned int i = 0; i < p->n; i++) {
		switch (p->t[i].type) {
		case IKE_TT_ENCR:
		case IKE_TT_PRF:
		case IKE_TT_KE:
		case GIKE_TT_KWA:
			break;
		case IKE_TT_INTEG:
			integ = true;
			none |= !p->t[i].id;
			break;
		default:
			return false;
		}
	}
	return !integ || none;
}

/* The peer's order decides; all types from one proposal of each side. */
static bool take(const struct proposal *theirs, const struct proposal *ours,
		 struct ike_suite *s)
{
	const struct transform *encr = common(theirs, ours, IKE_TT_ENCR);
	const struct transform *prf = common(theirs, ours, IKE_TT_PRF);
	const struct transform *ke = common(theirs, ours, IKE_TT_KE);
	const struct transform *kwa = common(theirs, ours, GIKE_TT_KWA);

	if (!encr || !prf || !ke || !kwa)
		return false;
	s->num = theirs->num;
	s->encr = encr->id;
	s->key_bits = encr->key_bits;
	s->prf = prf->id;
	s->ke = ke->id;
	s->kwa = kwa->id;
	return true;
}

static bool choose(const struct sa_pld *own, const struct sa_pld *offer,
		   struct ike_suite *s)
{
	for (unsigned int i = 0; i < offer->n; i++) {
		const struct proposal *p = &offer->p[i];

		if (p->proto != IKE_PROTO_IKE || p->spi_len ||
		    !only_known_types(p))
			continue;
		for (unsigned int k = 0; k < own->n; k++)
			if (take(p, &own->p[k], s))
				return true;
	}
	return false;
}

/*
 * Is @answer what RFC 7296 3.3.6 lets a responder choose from @own: one
 * proposal of ours by number, one transform of each type, nothing else?
 */
static bool chosen(const struct sa_pld *own, const struct sa_pld *answer,
		   struct ike_suite *s)
{
	const struct proposal *p = &answer->p[0];
	unsigned int seen = 0;

	if (answer->n != 1 || p->proto != IKE_PROTO_IKE || p->spi_len)
		return false;
	for (unsigned int i = 0; i < p->n; i++) {
		if (p->t[i].type > GIKE_TT_KWA || (seen & 1u << p->t[i].type))
			return false;
		seen |= 1u << p->t[i].type;
	}
	if (!only_known_types(p))
		return false;
	for (unsigned int k = 0; k < own->n; k++)
		if (own->p[k].num == p->num && take(p, &own->p[k], s))
			return true;
	return false;
}

static void answer_of(const struct ike_suite *s, struct sa_pld *sa)
{
	struct proposal *p;

	memset(sa, 0, sizeof(*sa));
	p = proposal_add(sa, s->num, IKE_PROTO_IKE);
	proposal_put(p, IKE_TT_ENCR, s->encr, s->key_bits);
	proposal_put(p, IKE_TT_PRF, s->prf, 0);
	proposal_put(p, IKE_TT_KE, s->ke, 0);
	proposal_put(p, GIKE_TT_KWA, s->kwa, 0);
}

static bool ke_offered(const struct sa_pld *own, uint16_t group)
{
	const struct transform like = { .type = IKE_TT_KE, .id = group };

	for (unsigned int i = 0; i < own->n; i++)
		if (find(&own->p[i], &like))
			return true;
	return false;
}

/* ---- notifies of both directions ---------------------------------------- */

static void put_hashes(struct pchain *c)
{
	static const uint8_t hashes[] = {
		0, IKE_HASH_SHA2_256, 0, IKE_HASH_SHA2_384,
		0, IKE_HASH_SHA2_512, 0, IKE_HASH_IDENTITY,
	};

	notify_build(c, IKE_N_SIGNATURE_HASH_ALGORITHMS, hashes,
		     sizeof(hashes));
}

static uint32_t get_hashes(const struct ike_msg *m)
{
	const struct notify_pld *n =
		msg_notify(m, IKE_N_SIGNATURE_HASH_ALGORITHMS);
	uint32_t mask = 0;
	struct rbuf r;

	if (!n)
		return 0;
	rbuf_init(&r, n->data, n->len);
	while (rbuf_left(&r) >= 2) {
		uint16_t hash = rbuf_u16(&r);

		if (hash < 32)
			mask |= 1u << hash;
	}
	return mask;
}

/* ---- keys --------------------------------------------------------------- */

static int make_nonce(struct blob *b)
{
	uint8_t nonce[IKE_NONCE_LEN];
	int ret = rand_bytes(nonce, sizeof(nonce));

	return ret ? ret : blob_set(b, nonce, sizeof(nonce));
}

static int make_keys(struct ike_sa *sa, const struct ke_pld *ke)
{
	struct ike_engine *engine = sa->engine;
	uint8_t shared[DH_MAX_SHARED];
	char line[512];
	int ret;

	ret = dh_shared(sa->dh, ke->data, ke->len, shared);
	if (!ret)
		ret = keys_derive(&sa->keys, &sa->suite, shared,
				  dh_shared_len(sa->suite.ke), &sa->ni, &sa->nr,
				  sa->spi_i, sa->spi_r);
	secret_wipe(shared, sizeof(shared));
	if (ret)
		return ret;
	dh_free(sa->dh);
	sa->dh = NULL;
	if (engine->cfg.export_keys && keys_line(sa, line, sizeof(line)))
		engine->cfg.export_keys(engine->ctx, line);
	secret_wipe(line, sizeof(line));
	return 0;
}

/* ---- initiator ---------------------------------------------------------- */

/* The group of the KE payload: what the peer asked for, else our first */
static int make_dh(struct ike_sa *sa)
{
	const struct proposal *p = &sa->engine->proposals.p[0];

	if (sa->dh && dh_group(sa->dh) == sa->suite.ke)
		return 0;
	if (!sa->suite.ke)
		for (unsigned int i = 0; i < p->n && !sa->suite.ke; i++)
			if (p->t[i].type == IKE_TT_KE)
				sa->suite.ke = p->t[i].id;
	if (sa->dh)
		dh_free(sa->dh);
	sa->dh = NULL;
	return dh_new(sa->suite.ke, &sa->dh);
}

static void init_build(struct ike_sa *sa, struct wbuf *w)
{
	struct ike_hdr h = { .xchg = IKE_XCHG_IKE_SA_INIT,
			     .flags = IKE_FLAG_INITIATOR };
	struct pchain c;

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	ike_hdr_build(w, &h);
	pchain_init(&c, w, IKE_HDR_NEXT_OFF);
	if (sa->cookie.p)
		notify_build(&c, IKE_N_COOKIE, sa->cookie.p, sa->cookie.len);
	sa_build(&c, &sa->engine->proposals);
	ke_build(&c, sa->suite.ke, dh_public(sa->dh),
		 dh_public_len(sa->suite.ke));
	raw_build(&c, IKE_PLD_NONCE, sa->ni.p, sa->ni.len);
	nat_put(&c, sa);
	put_hashes(&c);
	msg_finish(w);
}

int init_request(struct ike_sa *sa)
{
	struct wbuf w;
	int ret = 0;

	sa->init_tries++;
	if (!sa->ni.p)
		ret = make_nonce(&sa->ni);
	if (!ret)
		ret = make_dh(sa);
	if (!ret && sa->state != IKE_ST_INIT_SENT)
		ret = ike_sa_state(sa, IKE_ST_INIT_SENT);
	if (ret)
		return ret;
	wbuf_init(&w, IKE_MSG_MAX);
	init_build(sa, &w);
	ret = w.err;
	if (!ret)
		ret = blob_set(&sa->init_req, w.p, w.len);
	if (!ret)
		ret = sa_request_raw(sa, IKE_XCHG_IKE_SA_INIT, &w);
	wbuf_free(&w);
	return ret;
}

static void try_again(struct ike_sa *sa)
{
	int ret;

	if (sa->init_tries >= INIT_MAX_TRIES)
		return;
	ret = init_request(sa);
	if (ret)
		sa_close(sa, 0, strerror(-ret));
}

/* True when the answer asks for another request, or says no. */
static bool init_not_yet(struct ike_sa *sa, const struct ike_msg *m)
{
	const struct notify_pld *n;

	n = msg_notify(m, IKE_N_COOKIE);
	if (n && !m->sa.body) {
		if (n->len && n->len <= IKE_COOKIE_MAX &&
		    !blob_set(&sa->cookie, n->data, n->len))
			try_again(sa);
		return true;
	}
	n = msg_notify(m, IKE_N_INVALID_KE_PAYLOAD);
	if (n) {
		uint16_t group = n->len == 2 ? n->data[0] << 8 | n->data[1] : 0;

		if (group != sa->suite.ke &&
		    ke_offered(&sa->engine->proposals, group)) {
			sa->suite.ke = group;
			try_again(sa);
		}
		return true;
	}
	n = msg_error(m);
	if (n)
		/* Not authenticated: on_rexmit() in sa.c takes it up. */
		sa->init_error = n->type;
	return n;
}

/* Reads what a good answer holds. Nothing is changed but @s and @ke. */
static bool init_read(struct ike_sa *sa, const struct ike_msg *m,
		      struct ike_suite *s, struct ke_pld *ke)
{
	static const uint8_t zero[IKE_SPI_LEN];
	static struct sa_pld answer;
	struct rbuf r;

	if (!m->sa.body || !m->ke.body || !m->nonce.body ||
	    nonce_check(&m->nonce) || !memcmp(m->h.spi_r, zero, IKE_SPI_LEN))
		return false;
	rbuf_init(&r, m->sa.body, m->sa.len);
	if (sa_parse(&r, &answer) ||
	    !chosen(&sa->engine->proposals, &answer, s))
		return false;
	rbuf_init(&r, m->ke.body, m->ke.len);
	return !ke_parse(&r, ke) && ke->group == s->ke &&
	       ke->group == sa->suite.ke;
}

void init_got_response(struct ike_sa *sa, const struct ep *to, const uint8_t *p,
		       size_t len, const struct ike_hdr *h)
{
	struct ike_stats *st = &sa->engine->stats;
	struct ike_suite suite = { 0 };
	struct ike_msg m = { .h = *h };
	struct ke_pld ke;
	char why[128];

	if (!sa->my_busy || h->mid) {
		st->in_mid++;
		return;
	}
	/*
	 * Nothing of this is authenticated: what doesn't fit is passed over,
	 * the true answer may be on its way still.
	 */
	if (msg_sort(&m, MSG_CLEAR, h->next, p + IKE_HDR_LEN, len - IKE_HDR_LEN,
		     why, sizeof(why))) {
		st->in_syntax++;
		return;
	}
	if (init_not_yet(sa, &m))
		return;
	if (!init_read(sa, &m, &suite, &ke)) {
		log_debug("ike %s: answer does not fit the request", sa->name);
		st->in_syntax++;
		return;
	}
	if (blob_set(&sa->nr, m.nonce.body, m.nonce.len) ||
	    blob_set(&sa->init_res, p, len))
		return;
	sa->suite = suite;
	memcpy(sa->spi_r, h->spi_r, IKE_SPI_LEN);
	if (make_keys(sa, &ke)) {
		memset(sa->spi_r, 0, IKE_SPI_LEN);
		st->in_syntax++;
		return;
	}
	sa_set_name(sa);
	sa->init_error = 0;
	sa->peer_hashes = get_hashes(&m);
	nat_see(sa, &m, &sa->peer, to);
	nat_float(sa);
	timer_del(sa->engine->cfg.tq, &sa->t_rexmit);
	sa->my_busy = false;
	sa->my_mid = 1;
	task_free(task_take(sa));
	sa_run(sa);
}

/* ---- responder ---------------------------------------------------------- */

struct init_in {
	const struct ep *from;
	const struct ep *to;
	const uint8_t *p;
	size_t len;
	uint8_t hash[HASH_SHA256_LEN];
	struct ike_msg m;
	struct ke_pld ke;
	struct ike_suite suite;
	struct engine_crowd crowd;
};

/* False: answered, or passed over */
static bool cookie_ok(struct ike_engine *engine, struct init_in *in)
{
	const struct notify_pld *n = msg_notify(&in->m, IKE_N_COOKIE);
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	uint8_t cookie[COOKIE_LEN];

	if (!engine->cfg.cookie_always && !in->crowd.oldest &&
	    engine->stats.half_open < engine->cfg.cookie_above)
		return true;
	if (n &&
	    cookie_good(&engine->cookies, now, in->from, in->m.h.spi_i,
			in->m.nonce.body, in->m.nonce.len, n->data, n->len))
		return true;
	if (n)
		engine->stats.cookie_bad++;
	if (cookie_make(&engine->cookies, now, in->from, in->m.h.spi_i,
			in->m.nonce.body, in->m.nonce.len, cookie))
		return false;
	engine->stats.cookie_sent++;
	engine->cookie_ms = now;
	engine_answer_clear(engine, in->from, in->to, &in->m.h, IKE_N_COOKIE,
			    cookie, sizeof(cookie));
	return false;
}

static bool caps_ok(struct ike_engine *engine, struct init_in *in,
		    unsigned int of_peer)
{
	const char *what = NULL;

	if (engine->dying)
		return false;
	if (!handshake_left(engine, in->from))
		what = "too many handshakes from there came to nothing";
	else if (of_peer >= engine->cfg.max_per_peer &&
		 !place_idle(engine, &in->from->addr))
		what = "too many IKE SAs of one address";
	else if (!half_open_room(engine, &in->crowd))
		what = in->crowd.near
			       ? "too many half-open IKE SAs of one address or network"
			       : "too many half-open IKE SAs";
	if (what)
		engine_cap(engine, in->from, what);
	return !what;
}

static void bad_init(struct ike_engine *engine, const struct init_in *in,
		     const char *why)
{
	engine->stats.in_syntax++;
	engine_not_taken(engine, in->from, "IKE_SA_INIT, INVALID_SYNTAX: %s",
			 why);
	engine_error_clear(engine, in->from, in->to, &in->m.h,
			   IKE_N_INVALID_SYNTAX, NULL, 0);
}

/* What no proposal of @offer has in common with ours, for who reads logs */
static const char *lacks(const struct sa_pld *own, const struct sa_pld *offer)
{
	static const struct {
		uint8_t type;
		const char *name;
	} kinds[] = {
		{ GIKE_TT_KWA,
		  "no key wrap algorithm of G-IKEv2 (RFC 9838) that we take" },
		{ IKE_TT_ENCR, "no AEAD cipher that we take" },
		{ IKE_TT_PRF, "no PRF that we take" },
		{ IKE_TT_KE, "no key exchange that we take" },
	};

	for (size_t t = 0; t < sizeof(kinds) / sizeof(kinds[0]); t++) {
		bool any = false;

		for (unsigned int i = 0; i < offer->n; i++)
			for (unsigned int k = 0; k < own->n; k++)
				any |= common(&offer->p[i], &own->p[k],
					      kinds[t].type) != NULL;
		if (!any)
			return kinds[t].name;
	}
	return "no proposal that is ours as a whole";
}

/* What is cheap, before any state and any key exchange */
static bool offer_ok(struct ike_engine *engine, struct init_in *in)
{
	static struct sa_pld offer;
	uint8_t group[2];
	struct rbuf r;

	rbuf_init(&r, in->m.sa.body, in->m.sa.len);
	if (sa_parse(&r, &offer))
		goto bad;
	rbuf_init(&r, in->m.ke.body, in->m.ke.len);
	if (ke_parse(&r, &in->ke))
		goto bad;
	if (!choose(&engine->proposals, &offer, &in->suite)) {
		engine->stats.no_proposal++;
		engine_not_taken(engine, in->from,
				 "IKE_SA_INIT, NO_PROPOSAL_CHOSEN: %s",
				 lacks(&engine->proposals, &offer));
		engine_error_clear(engine, in->from, in->to, &in->m.h,
				   IKE_N_NO_PROPOSAL_CHOSEN, NULL, 0);
		return false;
	}
	if (in->ke.group != in->suite.ke) {
		engine->stats.invalid_ke++;
		group[0] = in->suite.ke >> 8;
		group[1] = in->suite.ke;
		engine_answer_clear(engine, in->from, in->to, &in->m.h,
				    IKE_N_INVALID_KE_PAYLOAD, group, 2);
		return false;
	}
	if (in->ke.len == dh_public_len(in->suite.ke))
		return true;
bad:
	bad_init(engine, in, "SA or KE payload");
	return false;
}

static int answer_build(struct ike_sa *sa, struct wbuf *w)
{
	struct ike_hdr h = { .xchg = IKE_XCHG_IKE_SA_INIT,
			     .flags = IKE_FLAG_RESPONSE };
	static struct sa_pld answer;
	struct pchain c;

	memcpy(h.spi_i, sa->spi_i, IKE_SPI_LEN);
	memcpy(h.spi_r, sa->spi_r, IKE_SPI_LEN);
	ike_hdr_build(w, &h);
	pchain_init(&c, w, IKE_HDR_NEXT_OFF);
	answer_of(&sa->suite, &answer);
	sa_build(&c, &answer);
	ke_build(&c, sa->suite.ke, dh_public(sa->dh),
		 dh_public_len(sa->suite.ke));
	raw_build(&c, IKE_PLD_NONCE, sa->nr.p, sa->nr.len);
	certreq_put(&c, sa);
	nat_put(&c, sa);
	put_hashes(&c);
	msg_finish(w);
	if (w->err)
		return w->err;
	return blob_set(&sa->init_res, w->p, w->len);
}

/* Everything that can fail, before the SA is in any list */
static int sa_prepare(struct ike_sa *sa, struct init_in *in)
{
	struct wbuf w;
	int ret;

	memcpy(sa->spi_i, in->m.h.spi_i, IKE_SPI_LEN);
	memcpy(sa->init_hash, in->hash, sizeof(sa->init_hash));
	sa->init_from = *in->from;
	sa->suite = in->suite;
	nat_see(sa, &in->m, in->from, in->to);
	sa->peer_hashes = get_hashes(&in->m);
	ret = engine_new_spi(sa->engine, sa->spi_r);
	if (!ret)
		ret = dh_new(sa->suite.ke, &sa->dh);
	if (!ret)
		ret = blob_set(&sa->ni, in->m.nonce.body, in->m.nonce.len);
	if (!ret)
		ret = make_nonce(&sa->nr);
	if (!ret)
		ret = blob_set(&sa->init_req, in->p, in->len);
	if (ret)
		return ret;
	sa_set_name(sa);
	wbuf_init(&w, IKE_MSG_MAX);
	ret = answer_build(sa, &w);
	wbuf_free(&w);
	return ret ? ret : make_keys(sa, &in->ke);
}

static void open_sa(struct ike_engine *engine, struct init_in *in)
{
	struct ike_sa *sa = sa_new(engine, false, in->to, in->from);
	int ret = sa ? sa_prepare(sa, in) : -ENOMEM;

	if (ret) {
		if (sa)
			sa_free(sa);
		/* -EBADMSG: the point is none of the curve */
		if (ret != -EBADMSG)
			return;
		bad_init(engine, in, "KE is no point of its curve");
		return;
	}
	if (in->crowd.oldest) {
		engine_cap(engine, in->from,
			   "too many half-open IKE SAs, the oldest goes");
		sa_close(in->crowd.oldest, 0,
			 "gives way to another half-open IKE SA");
	}
	if (half_open_enter(sa)) {
		sa_free(sa);
		return;
	}
	engine_add(engine, sa);
	ike_sa_state(sa, IKE_ST_INIT_DONE);
	sa->peer_mid = 1;
	timer_set(engine->cfg.tq, &sa->t_life, engine->cfg.half_open_ms);
	engine_send(engine, &sa->local, &sa->peer, sa->init_res.p,
		    sa->init_res.len);
}

/*
 * RFC 7296 2.1: a request seen before is one of the same octets. One that
 * has only the SPI in common may be anybody's, and must not stand in the way
 * of the true one.
 */
static void seen_before(struct ike_engine *engine, struct ike_sa *sa,
			const struct ep *from, const struct ep *to)
{
	engine->stats.in_rexmit++;
	if (sa->state == IKE_ST_INIT_DONE)
		engine_send(engine, to, from, sa->init_res.p, sa->init_res.len);
}

void init_got_request(struct ike_engine *engine, const struct ep *from,
		      const struct ep *to, const uint8_t *p, size_t len,
		      const struct ike_hdr *h)
{
	struct init_in in = { .from = from, .to = to, .p = p, .len = len };
	struct iovec iov = { (void *)p, len };
	struct ike_sa *same;
	unsigned int of_peer;
	char why[128];
	int ret;

	if (hash_sha256(&iov, 1, in.hash))
		return;
	of_peer = engine_peer_count(engine, from, in.hash, &same);
	if (same) {
		seen_before(engine, same, from, to);
		return;
	}
	in.m.h = *h;
	ret = msg_sort(&in.m, MSG_CLEAR, h->next, p + IKE_HDR_LEN,
		       len - IKE_HDR_LEN, why, sizeof(why));
	if (ret == -EPROTONOSUPPORT) {
		engine->stats.in_critical++;
		engine_not_taken(engine, from, "IKE_SA_INIT, %s", why);
		engine_error_clear(engine, from, to, h,
				   IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD,
				   &in.m.critical, 1);
		return;
	}
	if (ret || !in.m.sa.body || !in.m.ke.body || !in.m.nonce.body ||
	    nonce_check(&in.m.nonce)) {
		bad_init(engine, &in, ret ? why : "SA, KE or nonce is missing");
		return;
	}
	half_open_look(engine, &from->addr, &in.crowd);
	if (cookie_ok(engine, &in) && caps_ok(engine, &in, of_peer) &&
	    offer_ok(engine, &in))
		open_sa(engine, &in);
}
