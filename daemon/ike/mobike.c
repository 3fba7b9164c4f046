// SPDX-License-Identifier: Apache-2.0
#include "ike/mobike.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/rand.h"
#include "lib/clock.h"
#include "lib/log.h"

/* Addresses and routes change one after another; the member waits for the last one. */
#define SETTLE_MS 200
/* Least time between two checks or updates, the longest, and after which it is the least. */
#define PAUSE_MS 1000
#define PAUSE_MAX_MS 32000
#define QUIET_MS 60000
/* Octets that go to an address before its proof, for each one from there. */
#define CREDIT 3
/* RFC 4555 section 4.2.5: octets in COOKIE2. */
#define COOKIE2_MIN 8
#define COOKIE2_MAX 64

static uint64_t mobike_now(const struct ike_sa *sa)
{
	return clock_mono_ms(sa->engine->cfg.clock);
}

/* ---- damping ------------------------------------------------------------- */

static uint64_t pause_left(const struct ike_sa *sa)
{
	const struct ike_mobike *mb = sa->mobike;
	uint64_t now = mobike_now(sa), due = mb->last_ms + mb->pause_ms;

	return mb->last_ms && due > now ? due - now : 0;
}

static void note_attempt(struct ike_sa *sa)
{
	struct ike_mobike *mb = sa->mobike;
	uint64_t now = mobike_now(sa);

	if (!mb->last_ms || now - mb->last_ms >= QUIET_MS)
		mb->pause_ms = PAUSE_MS;
	else if (mb->pause_ms < PAUSE_MAX_MS)
		mb->pause_ms *= 2;
	mb->last_ms = now;
}

static void put_off(struct ike_sa *sa, uint64_t ms)
{
	struct ike_mobike *mb = sa->mobike;

	if (timer_armed(&mb->timer))
		return;
	sa->engine->stats.move_damped++;
	timer_set(sa->engine->cfg.tq, &mb->timer, ms);
}

/* ---- key server ---------------------------------------------------------- */

static bool has_room_at(const struct ike_sa *sa, const struct ep *to)
{
	return addr_equal(&to->addr, &sa->path.peer.addr) ||
	       table_placed_count(sa->engine, &to->addr) <
		       sa->engine->cfg.max_per_peer;
}

/* The peer is at @path. */
static void take_path(struct ike_sa *sa, const struct ike_path *path,
		      const struct nat_seen *nat)
{
	const struct ep from = sa->path.peer;
	struct ike_engine *engine = sa->engine;
	char text[EP_STRLEN + 32], ep[EP_STRLEN];

	sa->mobike->pending = false;
	sa->path.local = path->local;
	sa->nat_here = nat->here;
	sa->nat_there = nat->there;
	if (ep_equal(&from, &path->peer))
		return;
	table_move(sa, &path->peer);
	engine->stats.moved++;
	snprintf(text, sizeof(text), "it was at %s", ep_str(&from, ep));
	sa_event(sa, IKE_EV_MOVED, text);
	if (engine->ops.moved && sa->told)
		engine->ops.moved(engine->ctx, sa, &from);
}

static void start_check(struct ike_sa *sa)
{
	static const struct ike_task check = {
		.xchg = IKE_XCHG_INFORMATIONAL,
		.notify = IKE_N_COOKIE2,
	};
	struct ike_mobike *mb = sa->mobike;
	uint64_t left = pause_left(sa);

	if (mb->checking)
		return;
	if (left) {
		put_off(sa, left);
		return;
	}
	if (task_push_next(sa, &check)) {
		mb->pending = false;
		sa->engine->stats.move_failed++;
		return;
	}
	mb->checking = true;
	engine_enter(sa->engine);
	sa_run(sa);
	engine_leave(sa->engine);
}

static int build_check(struct ike_sa *sa, struct pchain *c)
{
	struct ike_mobike *mb = sa->mobike;
	int ret;

	if (!mb->pending) {
		mb->checking = false;
		return -ENODATA;
	}
	ret = rand_bytes(mb->cookie, sizeof(mb->cookie));
	if (ret)
		return ret;
	mb->sent_to = mb->to.peer;
	mb->elsewhere = false;
	mb->fell_back = false;
	notify_build(c, IKE_N_COOKIE2, mb->cookie, sizeof(mb->cookie));
	sa->engine->stats.move_checks++;
	note_attempt(sa);
	return 0;
}

/*
 * The cookie was sent to one address only, and has come back from there: whoever is
 * there gets what is sent there, and has the keys of the IKE SA.
 */
static bool is_proof(const struct ike_mobike *mb, const struct ike_in *in)
{
	const struct notify_pld *n = msg_notify(&in->m, IKE_N_COOKIE2);

	return !mb->elsewhere && ep_equal(&mb->sent_to, &mb->to.peer) &&
	       ep_equal(&in->path.peer, &mb->sent_to) && n &&
	       n->len == sizeof(mb->cookie) &&
	       crypto_equal(n->data, mb->cookie, sizeof(mb->cookie));
}

static void check_answered(struct ike_sa *sa, const struct ike_in *in)
{
	struct ike_mobike *mb = sa->mobike;
	struct ike_path to = mb->to;
	bool other = !ep_equal(&mb->sent_to, &mb->to.peer) ||
		     (mb->elsewhere && !mb->fell_back);

	mb->checking = false;
	if (!mb->pending)
		return;
	if (is_proof(mb, in) && has_room_at(sa, &to.peer)) {
		take_path(sa, &to, &mb->nat);
	} else if (other) {
		/* A newer address takes its place. */
		start_check(sa);
	} else {
		mb->pending = false;
		sa->engine->stats.move_failed++;
		sa_debug(sa, "new address not proven");
	}
}

/* The peer may be at the source of @in. */
static void note_path(struct ike_sa *sa, const struct ike_in *in,
		      const struct nat_seen *nat)
{
	struct ike_mobike *mb = sa->mobike;

	/* Another port leads to the same host, or to the same NAT. */
	if (addr_equal(&in->path.peer.addr, &sa->path.peer.addr)) {
		take_path(sa, &in->path, nat);
		return;
	}
	mb->pending = true;
	mb->to = in->path;
	mb->nat = *nat;
	mb->credit = CREDIT * in->len;
	sa_request_copy(sa);
	start_check(sa);
}

/* Return true if @m is an update that the peer may send. */
static bool is_update(const struct ike_sa *sa, const struct ike_msg *m)
{
	return sa->mobike && sa->gcks && !sa->shadow && !sa->dead &&
	       m->h.xchg == IKE_XCHG_INFORMATIONAL &&
	       msg_notify(m, IKE_N_UPDATE_SA_ADDRESSES);
}

/*
 * RFC 4555 section 3.9: the peer demands that no NAT changes the addresses that it has
 * put into N(NO_NATS_ALLOWED): source and destination, and then both ports.
 */
static bool is_unexpected_nat(const struct ike_in *in)
{
	const struct notify_pld *n = msg_notify(&in->m, IKE_N_NO_NATS_ALLOWED);
	const struct ep *from = &in->path.peer, *to = &in->path.local;
	struct wbuf w;
	bool same;

	if (!n)
		return false;
	wbuf_init(&w, 64);
	wbuf_put(&w, from->addr.b, from->addr.len);
	wbuf_put(&w, to->addr.b, to->addr.len);
	wbuf_u16(&w, from->port);
	wbuf_u16(&w, to->port);
	same = !w.err && n->len == w.len && !memcmp(n->data, w.p, w.len);
	wbuf_free(&w);
	return !same;
}

/* Return the error that answers an update, or 0. */
static uint16_t update_error(const struct ike_sa *sa, const struct ike_in *in)
{
	if (is_unexpected_nat(in))
		return IKE_N_UNEXPECTED_NAT_DETECTED;
	return has_room_at(sa, &in->path.peer) ? 0
					       : IKE_N_UNACCEPTABLE_ADDRESSES;
}

/* A request that is no update came from another address than the peer's. */
static void note_elsewhere(struct ike_sa *sa, const struct ike_in *in)
{
	const struct nat_seen nat = { sa->nat_here, sa->nat_there };
	struct ike_mobike *mb = sa->mobike;

	if (mb->pending && ep_equal(&in->path.peer, &mb->to.peer)) {
		mb->credit += CREDIT * in->len;
		sa_request_copy(sa);
	} else if (nat.there && !nat.here && has_room_at(sa, &in->path.peer)) {
		note_path(sa, in, &nat);
	}
}

void mobike_follow(struct ike_sa *sa, const struct ike_in *in)
{
	struct nat_seen nat;

	if (is_update(sa, &in->m)) {
		if (update_error(sa, in))
			return;
		nat_look(&in->m, &in->path, &nat);
		note_path(sa, in, &nat);
	} else if (!ep_equal(&in->path.peer, &sa->path.peer)) {
		note_elsewhere(sa, in);
	} else if (sa->nat_there && !sa->nat_here) {
		sa->path.local = in->path.local;
	}
}

/* ---- both sides: requests of the peer ------------------------------------ */

static void echo_cookie(const struct ike_msg *m, struct pchain *c)
{
	const struct notify_pld *n = msg_notify(m, IKE_N_COOKIE2);

	if (n && n->len >= COOKIE2_MIN && n->len <= COOKIE2_MAX)
		notify_build(c, IKE_N_COOKIE2, n->data, n->len);
}

void mobike_answer(struct ike_sa *sa, const struct ike_in *in, struct pchain *c)
{
	const struct ike_msg *m = &in->m;
	uint16_t error = 0;

	if (!sa->mobike)
		return;
	if (is_update(sa, m)) {
		sa->engine->stats.updates++;
		error = update_error(sa, in);
	}
	if (error) {
		sa->engine->stats.move_refused++;
		notify_build(c, error, NULL, 0);
	} else if (msg_notify(m, IKE_N_NAT_DETECTION_SOURCE_IP)) {
		nat_put(c, sa, &in->path);
	}
	echo_cookie(m, c);
}

/* ---- member -------------------------------------------------------------- */

static bool has_moved(const struct ike_sa *sa)
{
	struct ep own;

	return nat_own(sa, &sa->path, &own) &&
	       !addr_equal(&own.addr, &sa->mobike->said);
}

static bool is_telling_now(const struct ike_sa *sa)
{
	const struct ike_task *t;

	TAILQ_FOREACH(t, &sa->tasks, link)
		if (t->notify == IKE_N_UPDATE_SA_ADDRESSES)
			return true;
	return false;
}

void mobike_look(struct ike_sa *sa)
{
	uint64_t left;

	if (!sa->mobike || sa->dead || timer_armed(&sa->mobike->timer) ||
	    sa->state != IKE_ST_UP || !nat_may_move(sa) || !has_moved(sa))
		return;
	left = pause_left(sa);
	if (left > SETTLE_MS)
		put_off(sa, left);
	else
		timer_set(sa->engine->cfg.tq, &sa->mobike->timer, SETTLE_MS);
}

static void tell_address(struct ike_sa *sa)
{
	static const struct ike_task update = {
		.xchg = IKE_XCHG_INFORMATIONAL,
		.notify = IKE_N_UPDATE_SA_ADDRESSES,
	};

	/* The addresses may have changed back; the answer leads here again. */
	if (sa->state == IKE_ST_UP && has_moved(sa) && !is_telling_now(sa) &&
	    !task_push_next(sa, &update))
		sa_run(sa);
}

static int build_update(struct ike_sa *sa, struct pchain *c)
{
	struct ike_engine *engine = sa->engine;
	struct ep own;

	/*
	 * RFC 4555 section 3.3: port 4500 serves with a NAT and without, so that the
	 * next one that is found changes nothing.
	 */
	if (engine->cfg.natt_port && sa->natt) {
		sa->path.local.port = engine->cfg.natt_port;
		sa->path.peer.port = IKE_NATT_PORT;
	}
	if (!nat_own(sa, &sa->path, &own))
		return -ENODATA;
	sa->mobike->said = own.addr;
	notify_build(c, IKE_N_UPDATE_SA_ADDRESSES, NULL, 0);
	nat_put(c, sa, &sa->path);
	engine->stats.updates++;
	note_attempt(sa);
	return 0;
}

static void update_answered(struct ike_sa *sa, const struct ike_in *in)
{
	const struct notify_pld *e = msg_error(&in->m);
	struct ike_engine *engine = sa->engine;
	char why[96], text[ADDR_STRLEN + 32], addr[ADDR_STRLEN];

	if (e) {
		engine->stats.move_refused++;
		sa->mobike->failed = true;
		snprintf(why, sizeof(why), "%s: the new address is not taken",
			 ike_notify_name(e->type));
		sa_event(sa, IKE_EV_REFUSED, why);
		ike_close(sa, why);
		return;
	}
	nat_see(sa, &in->m, &in->path);
	nat_keep(sa);
	engine->stats.moved++;
	snprintf(text, sizeof(text), "this host is at %s",
		 addr_str(&sa->mobike->said, addr));
	sa_event(sa, IKE_EV_MOVED, text);
	mobike_look(sa);
}

/* ---- both sides ---------------------------------------------------------- */

static void mobike_due(void *arg)
{
	struct ike_sa *sa = arg;

	engine_enter(sa->engine);
	if (!sa->gcks)
		tell_address(sa);
	else if (sa->mobike->pending)
		start_check(sa);
	engine_leave(sa->engine);
}

void mobike_begin(struct ike_sa *sa, const struct ike_msg *m)
{
	struct ike_mobike *mb;
	struct ep own;

	if (!sa->engine->cfg.mobike || sa->mobike ||
	    !msg_notify(m, IKE_N_MOBIKE_SUPPORTED))
		return;
	/* Without memory the key server does not say that it supports it. */
	mb = calloc(1, sizeof(*mb));
	if (!mb)
		return;
	timer_init(&mb->timer, mobike_due, sa);
	if (!sa->gcks && nat_own(sa, &sa->path, &own))
		mb->said = own.addr;
	sa->mobike = mb;
}

int mobike_build(struct ike_sa *sa, const struct ike_task *t, struct pchain *c)
{
	if (t->notify == IKE_N_COOKIE2)
		return build_check(sa, c);
	return build_update(sa, c);
}

void mobike_got_answer(struct ike_sa *sa, const struct ike_task *t,
		       const struct ike_in *in)
{
	if (t->notify == IKE_N_COOKIE2)
		check_answered(sa, in);
	else
		update_answered(sa, in);
}
