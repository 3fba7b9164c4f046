// SPDX-License-Identifier: Apache-2.0
#include "gcks/place.h"

#include <stdlib.h>
#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group_time.h"
#include "gcks/notice.h"
#include "gcks/rate.h"
#include "gcks/stragglers.h"
#include "gcks/twins.h"
#include "gcks/waiting.h"
#include "ike/engine.h"

bool place_allows(const struct group *g, const struct addr *a,
		  const struct addr *b)
{
	return g->conf->one_place == ONE_PLACE_ALLOW || addr_equal(a, b);
}

enum place_verdict place_check(struct group *g, struct gmember *m,
			       const struct ep *from, struct err *err)
{
	if (m->replaced) {
		/*
		 * The host that replaced it may ask again, since its answer may
		 * be lost.
		 */
		if (!addr_equal(&m->at, &from->addr))
			return PLACE_REPLACE;
		return err_set(err, PLACE_REFUSE,
			       "the identity has registered at another address");
	}
	/* An older record has no address. */
	if (addr_is_none(&m->at) || addr_equal(&m->at, &from->addr))
		return PLACE_ADMIT;
	notice_place(g->k, g->conf->name, m->identity, &m->at, from);
	switch (g->conf->one_place) {
	case ONE_PLACE_ALLOW:
		return PLACE_ADMIT;
	case ONE_PLACE_REFUSE:
		return err_set(err, PLACE_REFUSE,
			       "a member at another address");
	default:
		return PLACE_REPLACE;
	}
}

int place_replace(struct group *g, struct gmember *m)
{
	int ret = 0;

	if (m->replaced)
		return 0;
	/*
	 * Two hosts that replace each other must not rekey the group all the
	 * time.
	 */
	if (!m->more->leaving)
		ret = waiting_leave_in(g, m,
				       rate_leave_wait_ms(g, m->identity));
	if (ret)
		return ret;
	m->replaced = true;
	gmember_set_ended(m, "registered at another address");
	return 0;
}

/* ---- two senders of one identity --------------------------------------- */

/* Time for a registration and a report, behind the silence that causes them. */
#define ASKED_MS 2000

/* Twins that change between these two calls may confirm a change. */
static void begin_twin_change(struct group *g, const struct gmember *m)
{
	g->n_confirmed -= gmc_confirmed(g, m);
}

static void end_twin_change(struct group *g, struct gmember *m)
{
	if (gmc_confirmed(g, m))
		gmember_more(m)->confirmed_at = g->rekeys;
	g->n_confirmed += gmc_confirmed(g, m);
}

void place_note_twin(struct group *g, struct gmember *m,
		     const struct addr *from)
{
	struct addr at = m->at;
	uint32_t spi = m->more->sends_spi;
	struct twin *t = twins_find(m, from);
	struct gmember_more *x;

	if (g->conf->one_place != ONE_PLACE_ALLOW || addr_is_none(&at) ||
	    addr_equal(&at, from) || !spi)
		return;
	x = gmember_more(m);
	if (!x->twins)
		x->twins = calloc(1, sizeof(*x->twins));
	if (!x->twins) {
		/* Nobody confirms for two hosts that cannot be told apart. */
		gmc_set_data_spi(g, m, 0);
		return;
	}
	/* The host that registers was one of the others until now. */
	if (t)
		gmc_set_data_spi(g, m, t->spi);
	begin_twin_change(g, m);
	if (t)
		twins_remove(x->twins, t - x->twins->v);
	twins_add(g, x->twins, &at, spi);
	end_twin_change(g, m);
}

bool place_is_twin(const struct gmember *m, const struct addr *from)
{
	return twins_find(m, from);
}

bool place_is_owner(const struct gmember *m, const struct ike_sa *sa)
{
	uint64_t serial = ike_sa_serial(sa);

	/* An older record has no address. */
	return serial == m->sa_serial ||
	       (serial > m->sa_serial &&
		(addr_is_none(&m->at) ||
		 addr_equal(&m->at, &ike_sa_peer(sa)->addr)));
}

void place_set_twin_spi(struct group *g, struct gmember *m,
			const struct addr *from, uint32_t spi)
{
	begin_twin_change(g, m);
	twins_set_spi(g, twins_find(m, from), spi);
	end_twin_change(g, m);
}

/* Return true if @sa is that of the registration, or a later one of its host at @from. */
static bool owned_from(const struct gmember *m, const struct ike_sa *sa,
		       const struct addr *from)
{
	uint64_t serial = ike_sa_serial(sa);

	return serial == m->sa_serial ||
	       (serial > m->sa_serial && addr_equal(&m->at, from));
}

/* Another host of the identity was behind the NAT that the member is behind now. */
static void forget_twin_at(struct group *g, struct gmember *m,
			   const struct addr *at)
{
	struct twin *t = twins_find(m, at);

	if (!t)
		return;
	begin_twin_change(g, m);
	twins_remove(m->more->twins, t - m->more->twins->v);
	end_twin_change(g, m);
}

void place_unstored(struct group *g, struct gmember *m)
{
	gmember_more(m);
	gmc_set_mark(g, m, &m->more->mark, false);
}

bool place_refresh(struct group *g, struct join_req *j)
{
	const struct ike_sa *sa = ike_token_sa(g->k->engine, j->token);

	if (!sa || addr_equal(&j->from.addr, &ike_sa_peer(sa)->addr))
		return false;
	j->from = *ike_sa_peer(sa);
	return true;
}

bool place_move(struct group *g, struct gmember *m, const struct ike_sa *sa,
		const struct addr *from)
{
	const struct ep *to = ike_sa_peer(sa);
	struct twin *t = twins_find(m, from);

	if (m->replaced || addr_equal(from, &to->addr))
		return false;
	/* An older record has no address; the next registration brings one. */
	if (addr_is_none(&m->at) || !owned_from(m, sa, from)) {
		if (t && !place_is_twin(m, &to->addr) &&
		    !addr_equal(&m->at, &to->addr))
			t->at = to->addr;
		return false;
	}
	notice_moved(g->k, g->conf->name, m->identity, &m->at, to);
	stragglers_follow(g, m->identity, &m->at, &to->addr);
	forget_twin_at(g, m, &to->addr);
	m->at = to->addr;
	place_unstored(g, m);
	return true;
}

void place_note_change(struct group *g)
{
	struct gmember_more *x;
	unsigned int i;

	TAILQ_FOREACH(x, &g->senders, by_send)
		for (i = 0; x->twins && i < x->twins->n; i++)
			if (!x->twins->v[i].silent_ms)
				twins_set_spi(g, &x->twins->v[i],
					      x->twins->v[i].spi);
}

/* Every host has a time of its own: changes that follow each other must not renew it. */
static void forget_twins_of(struct group *g, struct gmember *m)
{
	uint64_t now = group_now_ms(g), most = gkm_silence_ms(g) + ASKED_MS;
	struct twins *twins = m->more->twins;
	unsigned int i = 0;

	begin_twin_change(g, m);
	while (i < twins->n) {
		const struct twin *t = &twins->v[i];

		if (t->silent_ms && now - t->silent_ms >= most)
			twins_remove(twins, i);
		else
			i++;
	}
	end_twin_change(g, m);
}

void place_forget_twins(struct group *g)
{
	struct gmember_more *x;

	TAILQ_FOREACH(x, &g->senders, by_send)
		if (x->twins)
			forget_twins_of(g, x->m);
}
