// SPDX-License-Identifier: Apache-2.0
/* The network of a simulation: it delays, loses, repeats and reorders. */
#include "group_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/proto.h"
#include "lib/util.h"

static void enqueue(struct sim *s, struct sim_packet *q, uint64_t at_ms)
{
	struct sim_packet *at;

	q->at_ms = at_ms;
	TAILQ_FOREACH_REVERSE(at, &s->queue, sim_queue, all)
		if (at->at_ms <= q->at_ms)
			break;
	if (at)
		TAILQ_INSERT_AFTER(&s->queue, at, q, all);
	else
		TAILQ_INSERT_HEAD(&s->queue, q, all);
}

static void deliver_later(struct sim *s, const struct ep *from,
			  const struct ep *to, int member, const uint8_t *p,
			  size_t len)
{
	struct sim_packet *q = malloc(sizeof(*q) + len);

	if (!q)
		SIM_DIE("no memory");
	q->from = *from;
	q->to = *to;
	q->member = member;
	q->served = false;
	q->len = len;
	memcpy(q->p, p, len);
	enqueue(s, q, s->ms + 1 + sim_random(s, s->jitter_ms + 1));
}

/* Returns false if the key server is dead, so nothing is sent. */
static bool gcks_sends(struct sim *s)
{
	if (s->crashed)
		return false;
	s->sends++;
	if (s->crash == SIM_AT_SEND && !s->crash_in--) {
		s->crashed = true;
		return false;
	}
	return true;
}

#define FRAGMENT 1480u
#define UDP_HDR_LEN 8

/* Percentage of a burst's fragments that are lost, with by_fragment. */
#define FRAGMENTS_IN_BURST 50u

/* Share of the time in which a link is bad, so that it loses s->loss percent. */
static unsigned int bad_percent(const struct sim *s)
{
	unsigned int percent = s->loss;

	if (s->by_fragment)
		percent = percent * 100 / FRAGMENTS_IN_BURST;
	return percent < 99 ? percent : 99;
}

/* Return a time with the geometric distribution, in tenths of @mean. */
static uint64_t some_time(struct sim *s, uint64_t mean)
{
	uint64_t step = mean / 10 ? mean / 10 : 1, ms = step;

	while (sim_random(s, 10))
		ms += step;
	return ms;
}

static uint64_t time_of(struct sim *s, bool is_bad)
{
	unsigned int bad = bad_percent(s);

	return some_time(s, is_bad ? s->burst_ms
				   : (uint64_t)s->burst_ms * (100 - bad) / bad);
}

/*
 * A link is good and bad in turn, each for a time with the given mean, whether
 * or not anything is sent: the first datagram after a pause is lost as often as
 * others.
 */
static bool in_burst(struct sim *s, struct sim_member *m)
{
	if (!m->bad_ms) {
		m->bad = sim_random(s, 100) < bad_percent(s);
		m->bad_ms = s->ms + time_of(s, m->bad);
	}
	while (m->bad_ms <= s->ms) {
		m->bad = !m->bad;
		m->bad_ms += time_of(s, m->bad);
	}
	return m->bad;
}

bool sim_lost(struct sim *s, struct sim_member *m, size_t len)
{
	unsigned int n = 1, percent = s->loss;

	if (m && m->offline)
		return true;
	if (!s->loss)
		return false;
	if (s->burst_ms && m) {
		if (!in_burst(s, m))
			return false;
		percent = s->by_fragment ? FRAGMENTS_IN_BURST : 100;
	}
	if (s->by_fragment)
		n = (len + UDP_HDR_LEN + FRAGMENT - 1) / FRAGMENT;
	while (n--)
		if (sim_random(s, 100) < percent)
			return true;
	return false;
}

static struct sim_member *member_at(struct sim *s, const struct addr *a)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (addr_equal(&s->m[i]->ep.addr, a))
			return s->m[i];
	return NULL;
}

static void unicast(struct sim *s, const struct ep *from, const struct ep *to,
		    const uint8_t *p, size_t len)
{
	const struct addr *a = ep_equal(to, &s->ep) ? &from->addr : &to->addr;
	struct sim_member *m = member_at(s, a);

	if (s->on_wire)
		s->on_wire(s, from, to, p, len);
	if (sim_lost(s, m, len) || (m && m->mute))
		return;
	deliver_later(s, from, to, -1, p, len);
	if (s->dup && sim_random(s, 100) < s->dup)
		deliver_later(s, from, to, -1, p, len);
}

void sim_gcks_send(void *ctx, const struct ep *from, const struct ep *to,
		   const uint8_t *p, size_t len)
{
	struct sim *s = ctx;

	if (gcks_sends(s))
		unicast(s, from, to, p, len);
}

void sim_member_send(void *ctx, const struct ep *from, const struct ep *to,
		     const uint8_t *p, size_t len)
{
	struct sim_member *m = ctx;
	struct ep source = *from;

	if (addr_is_none(&source.addr))
		source = m->ep;
	unicast(m->s, &source, to, p, len);
}

/* A Message ID has one message and one IV; otherwise an IV was repeated. */
static void record(struct sim *s, const uint8_t *p, size_t len)
{
	bool skf = msg_is_fragment(p, len);
	const uint8_t *iv =
		p + IKE_HDR_LEN + IKE_PLD_HDR_LEN + (skf ? SKF_HDR_LEN : 0);
	unsigned int fragment = skf ? get_unaligned_be16(iv - 4) : 0;
	uint64_t h = fnv1a(FNV1A_BASIS, p, len);
	struct sim_wire *w;
	unsigned int i;

	for (i = 0; i < s->n_wire; i++) {
		w = &s->wire[i];
		if (memcmp(w->hdr, p, 16))
			continue;
		if (!memcmp(w->iv, iv, sizeof(w->iv)) && w->digest != h)
			s->iv_repeats++;
		/* The Message ID is at offset 20. */
		if (memcmp(w->hdr + 20, p + 20, 4) || w->fragment != fragment)
			continue;
		if (w->digest != h)
			s->iv_repeats++;
		w->copies++;
		return;
	}
	if (s->n_wire == SIM_WIRE)
		SIM_DIE("too many messages");
	w = &s->wire[s->n_wire++];
	memcpy(w->hdr, p, sizeof(w->hdr));
	memcpy(w->iv, iv, sizeof(w->iv));
	w->fragment = fragment;
	w->digest = h;
	w->at_ms = s->ms;
	w->copies = 1;
}

int sim_send_rekey(void *ctx, const struct gcks_dest *dest, const uint8_t *p,
		   size_t len)
{
	struct sim *s = ctx;
	int i;

	if (s->send_errno)
		return s->send_errno;
	if (!gcks_sends(s))
		return 0;
	record(s, p, len);
	if (s->on_wire)
		s->on_wire(s, &s->ep, &dest->to, p, len);
	for (i = 0; i < s->n; i++) {
		struct sim_member *m = s->m[i];

		if (!m->up || m->deaf || sim_lost(s, m, len) ||
		    (s->drop && s->drop(s, m, p, len)))
			continue;
		deliver_later(s, &s->ep, &dest->to, i, p, len);
		if (s->dup && sim_random(s, 100) < s->dup)
			deliver_later(s, &s->ep, &dest->to, i, p, len);
	}
	return 0;
}

/* The packet is delivered later, and queued again. */
static bool busy(struct sim *s, struct sim_packet *q)
{
	uint8_t xchg = q->len > 18 ? q->p[18] : 0;
	uint64_t cost = 0, now = s->ms * 1000;

	if (!s->handshake_us || q->served)
		return false;
	if (xchg == IKE_XCHG_IKE_SA_INIT)
		cost = s->handshake_us / 3;
	else if (xchg == GIKE_XCHG_GSA_AUTH)
		cost = s->handshake_us - s->handshake_us / 3;
	if (s->busy_us < now)
		s->busy_us = now;
	s->busy_us += cost;
	q->served = true;
	if (s->busy_us / 1000 <= s->ms)
		return false;
	enqueue(s, q, s->busy_us / 1000);
	return true;
}

bool sim_deliver(struct sim *s, struct sim_packet *q)
{
	int i;

	if (q->member >= 0) {
		struct sim_member *m = s->m[q->member];

		if (m->up && m->listens)
			member_rekey_input(m->m, &q->from, q->p, q->len);
		return true;
	}
	if (ep_equal(&q->to, &s->ep)) {
		if (busy(s, q))
			return false;
		if (s->gcks_up && !s->crashed)
			ike_engine_input(s->engine, &q->from, &q->to, q->p,
					 q->len);
		return true;
	}
	for (i = 0; i < s->n; i++)
		if (s->m[i]->up && addr_equal(&s->m[i]->ep.addr, &q->to.addr))
			ike_engine_input(s->m[i]->engine, &q->from, &q->to,
					 q->p, q->len);
	return true;
}
