// SPDX-License-Identifier: Apache-2.0
#include "ike/opening.h"
#include "ike/places.h"

#include <string.h>

#include "crypto/rand.h"
#include "lib/clock.h"

int opening_nonce(struct blob *b)
{
	uint8_t nonce[IKE_NONCE_LEN];
	int ret = rand_bytes(nonce, sizeof(nonce));

	return ret ? ret : blob_set(b, nonce, sizeof(nonce));
}

bool opening_fragments(const struct ike_engine *engine, const struct ike_msg *m)
{
	return engine->cfg.fragment_size &&
	       msg_notify(m, IKE_N_FRAGMENTATION_SUPPORTED);
}

bool opening_sort_answer(const struct ike_sa *sa, struct ike_in *in)
{
	struct ike_stats *st = &sa->engine->stats;
	struct ike_msg *m = &in->m;
	struct err err;

	if (!sa->my_busy || m->h.mid) {
		st->in_mid++;
		return false;
	}
	if (!msg_sort(m, MSG_CLEAR, m->h.next, in->p + IKE_HDR_LEN,
		      in->len - IKE_HDR_LEN, &err))
		return true;
	st->in_syntax++;
	return false;
}

/* The answer is kept as one message, because AUTH covers it. */
static void send_first_answer(struct ike_sa *sa, const struct ike_path *path)
{
	const struct dgrams d = { .n = 1, .v = &sa->hs->init_res };

	out_send(sa->engine, path, &d);
}

/*
 * RFC 7296 section 2.1: a retransmission has the same octets. A request that
 * has only the SPI in common may be of another peer, and must not block it.
 */
static void seen_before(struct ike_sa *sa, const struct ike_in *in)
{
	sa->engine->stats.in_rexmit++;
	if (sa->state == IKE_ST_INIT_DONE)
		send_first_answer(sa, &in->path);
}

bool opening_begin(struct opening *o, struct ike_engine *engine,
		   const struct ike_in *in)
{
	struct iovec iov = { (void *)in->p, in->len };
	struct ike_sa *same;

	o->engine = engine;
	o->in = in;
	o->returned = false;
	if (hash_sha256(&iov, 1, o->hash))
		return false;
	o->of_peer = table_peer_count(engine, &in->path.peer, o->hash, &same);
	if (same)
		seen_before(same, in);
	return !same;
}

bool opening_proven(struct opening *o)
{
	const struct notify_pld *n = msg_notify(&o->in->m, IKE_N_COOKIE);
	struct ike_engine *engine = o->engine;
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	uint8_t cookie[COOKIE_LEN];

	half_open_look(engine, &o->in->path.peer.addr, &o->half_open);
	if (!engine->cfg.cookie_always && !o->half_open.weakest &&
	    engine->stats.half_open < engine->cfg.cookie_above &&
	    admission_bad_ke_left(engine))
		return true;
	o->returned = n && cookie_good(&engine->cookies, now, &o->in->path.peer,
				       o->in->m.h.spi_i, o->in->m.nonce.body,
				       o->in->m.nonce.len, n->data, n->len);
	if (o->returned)
		return true;
	if (n)
		engine->stats.cookie_bad++;
	if (cookie_make(&engine->cookies, now, &o->in->path.peer,
			o->in->m.h.spi_i, o->in->m.nonce.body,
			o->in->m.nonce.len, cookie))
		return false;
	engine->stats.cookie_sent++;
	engine->cookie_ms = now;
	out_unprotected(engine, o->in, IKE_N_COOKIE, cookie, sizeof(cookie));
	return false;
}

bool opening_admitted(struct opening *o, const struct ike_resume *ticket)
{
	const struct ep *peer = &o->in->path.peer;
	struct ike_engine *engine = o->engine;
	const char *what = NULL;

	if (engine->dying)
		return false;
	o->guest = admission_guest(engine, peer, ticket);
	if (!admission_left(engine, peer, o->guest))
		what = "too many handshakes that are open or failed";
	else if (o->of_peer >= engine->cfg.max_per_peer &&
		 !place_idlest(engine, &peer->addr))
		what = "too many IKE SAs of one address";
	else if (!half_open_room(&o->half_open, o->guest))
		what = o->half_open.near
			       ? "too many half-open IKE SAs of one address or network"
			       : "too many half-open IKE SAs";
	if (what)
		engine_cap(engine, peer, what);
	return !what;
}

int opening_prepare(const struct opening *o, struct ike_sa *sa)
{
	const struct ike_in *in = o->in;
	int ret;

	memcpy(sa->spi_i, in->m.h.spi_i, IKE_SPI_LEN);
	memcpy(sa->init_hash, o->hash, sizeof(sa->init_hash));
	sa->hs->init_from = in->path.peer;
	sa->fragments = opening_fragments(sa->engine, &in->m);
	ret = table_new_spi(sa->engine, sa->spi_r);
	if (!ret)
		ret = blob_set(&sa->hs->ni, in->m.nonce.body, in->m.nonce.len);
	if (!ret)
		ret = blob_set(&sa->hs->init_req, in->p, in->len);
	if (!ret)
		nat_see(sa, &in->m, &in->path);
	return ret;
}

void opening_enter(const struct opening *o, struct ike_sa *sa)
{
	struct ike_engine *engine = o->engine;

	if (o->half_open.weakest) {
		engine_cap(engine, &o->in->path.peer,
			   "max-half-open reached, an older half-open IKE SA is closed");
		sa_close(o->half_open.weakest, 0,
			 "replaced by another half-open IKE SA");
	}
	if (half_open_enter(sa, o->guest)) {
		sa_free(sa);
		return;
	}
	table_add(engine, sa);
	ike_sa_state(sa, IKE_ST_INIT_DONE);
	sa->peer_mid = 1;
	timer_set(engine->cfg.tq, &sa->t_life, engine->cfg.half_open_ms);
	send_first_answer(sa, &sa->path);
}
