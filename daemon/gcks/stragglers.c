// SPDX-License-Identifier: Apache-2.0
#include "gcks/stragglers.h"

#include <stdlib.h>
#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group_time.h"
#include "gcks/twins.h"
#include "lib/util.h"

/* Time for a registration, behind the silence that causes it. */
#define BACK_MS 2000

struct straggler {
	TAILQ_ENTRY(straggler) all;
	/*
	 * Address of the host, as several may send with one identity. Unspecified: not
	 * known, or that of several.
	 */
	struct addr at;
	bool anywhere; /* every host of the identity is taken for it */
	char identity[];
};

void stragglers_init(struct group *g)
{
	TAILQ_INIT(&g->stragglers.all);
}

void stragglers_free(struct group *g)
{
	struct straggler *s;

	while ((s = TAILQ_FIRST(&g->stragglers.all))) {
		TAILQ_REMOVE(&g->stragglers.all, s, all);
		free(s);
	}
	g->stragglers.unknown = false;
}

static bool has_ended(const struct group *g)
{
	return group_now_ms(g) >= g->stragglers.ends_ms;
}

static bool is_listed(const struct group *g, const char *identity,
		      const struct addr *at)
{
	const struct straggler *s;

	TAILQ_FOREACH(s, &g->stragglers.all, all)
		if (!strcmp(s->identity, identity) && addr_equal(&s->at, at))
			return true;
	return false;
}

static void add_straggler(struct group *g, const char *identity,
			  const struct addr *at, bool anywhere)
{
	size_t size = strlen(identity) + 1;
	struct straggler *s = malloc(sizeof(*s) + size);

	if (!s) {
		g->stragglers.unknown = true;
		return;
	}
	s->at = *at;
	s->anywhere = anywhere;
	memcpy(s->identity, identity, size);
	TAILQ_INSERT_TAIL(&g->stragglers.all, s, all);
}

static void add_hosts(struct group *g, const struct gmember *m, bool some)
{
	const struct twins *t = m->more->twins;
	unsigned int i;

	if (!some || !is_listed(g, m->identity, &m->at))
		add_straggler(g, m->identity, &m->at, addr_is_none(&m->at));
	for (i = 0; t && i < t->n; i++)
		if (!some || !is_listed(g, m->identity, &t->v[i].at))
			add_straggler(g, m->identity, &t->v[i].at, false);
}

static void set_ends(struct group *g, uint64_t left_ms)
{
	uint64_t now = group_now_ms(g);

	g->stragglers.heard_ms = now + gkm_silence_ms(g) + BACK_MS;
	if (g->stragglers.ends_ms < now + left_ms)
		g->stragglers.ends_ms = now + left_ms;
}

void stragglers_collect(struct group *g, bool unknown)
{
	/* Senders of a reset before this one may not be back yet. */
	bool some = !has_ended(g) && !TAILQ_EMPTY(&g->stragglers.all);
	const struct gmember_more *x;

	if (has_ended(g))
		stragglers_free(g);
	g->stragglers.unknown |= unknown;
	TAILQ_FOREACH(x, &g->senders, by_send)
		add_hosts(g, x->m, some);
	if (unknown)
		set_ends(g, gkm_silence_ms(g) + BACK_MS);
	else if (g->n_senders)
		set_ends(g, (uint64_t)gkm_left(g, &g->st.data[0].key) *
				    MSEC_PER_SEC);
}

void stragglers_start(struct group *g)
{
	if (g->st.keyed || g->st.next_number == 1)
		return;
	g->stragglers.unknown = true;
	set_ends(g, gkm_silence_ms(g) + BACK_MS);
}

void stragglers_move(struct group *from, struct group *to)
{
	TAILQ_CONCAT(&to->stragglers.all, &from->stragglers.all, all);
	to->stragglers.unknown |= from->stragglers.unknown;
	to->stragglers.ends_ms = from->stragglers.ends_ms;
	to->stragglers.heard_ms = from->stragglers.heard_ms;
}

void stragglers_report(struct group *g, struct gmember *m,
		       const struct addr *at)
{
	struct straggler *s, *next;

	gmember_more(m)->reported = true;
	for (s = TAILQ_FIRST(&g->stragglers.all); s; s = next) {
		next = TAILQ_NEXT(s, all);
		if (strcmp(s->identity, m->identity) ||
		    (!s->anywhere && !addr_equal(&s->at, at)))
			continue;
		TAILQ_REMOVE(&g->stragglers.all, s, all);
		free(s);
	}
}

void stragglers_follow(struct group *g, const char *identity,
		       const struct addr *from, const struct addr *to)
{
	struct straggler *s;

	TAILQ_FOREACH(s, &g->stragglers.all, all)
		if (!strcmp(s->identity, identity) && addr_equal(&s->at, from))
			s->at = *to;
}

/* Return true if the host of @s is among those of @m. */
static bool is_host_of(const struct straggler *s, const struct gmember *m)
{
	return s->anywhere || addr_equal(&m->at, &s->at) ||
	       twins_find(m, &s->at);
}

/*
 * Return true if that sender has not come back. If the identity has, from another address,
 * the host has moved, or is another one: that has noticed silence after some time, or is
 * cut off.
 */
static bool is_away(const struct group *g, const struct straggler *s)
{
	const struct gmember *m = gmc_find(g, s->identity);

	if (!m || !m->send)
		return true;
	return !is_host_of(s, m) && group_now_ms(g) < g->stragglers.heard_ms;
}

/*
 * Return true if the sender is back, and has not reported that it uses a key that it
 * got since. Until then it waits for receivers.
 */
static bool is_held(const struct group *g, const struct straggler *s)
{
	const struct gmember *m = gmc_find(g, s->identity);

	return m && is_host_of(s, m) && gmc_confirmed(g, m) &&
	       !(s->anywhere && m->more->reported);
}

uint32_t stragglers_count(const struct group *g)
{
	const struct straggler *s;
	uint32_t n = 0;

	if (has_ended(g))
		return 0;
	TAILQ_FOREACH(s, &g->stragglers.all, all)
		n += is_away(g, s) || is_held(g, s);
	return n || !g->stragglers.unknown ? n : 1;
}

static bool some_straggle(const struct group *g, bool excluded)
{
	const struct straggler *s;

	if (has_ended(g))
		return false;
	TAILQ_FOREACH(s, &g->stragglers.all, all)
		if (is_away(g, s) || (!excluded && is_held(g, s)))
			return true;
	return g->stragglers.unknown;
}

uint32_t stragglers_ms(const struct group *g, bool excluded)
{
	uint64_t now = group_now_ms(g);

	if (!some_straggle(g, excluded))
		return 0;
	/* A sender that has heard of the reset changes keys with the others. */
	if (pace_stale_ms(g))
		return pace_stale_ms(g);
	if (!some_straggle(g, true))
		return pace_atd(g) * MSEC_PER_SEC;
	return g->stragglers.heard_ms > now ? g->stragglers.heard_ms - now : 0;
}
