// SPDX-License-Identifier: Apache-2.0
#include "gcks/twins.h"

#include <string.h>

#include "gcks/group_time.h"

struct twin *twins_find(const struct gmember *m, const struct addr *at)
{
	struct twins *t = m->more->twins;
	unsigned int i;

	for (i = 0; t && i < t->n; i++)
		if (!addr_is_none(at) && addr_equal(&t->v[i].at, at))
			return &t->v[i];
	return NULL;
}

bool twins_use(const struct gmember *m, uint32_t spi)
{
	const struct twins *t = m->more->twins;
	unsigned int i;

	for (i = 0; t && i < t->n; i++)
		if (t->v[i].spi != spi)
			return false;
	return true;
}

bool twins_some_uses(const struct gmember *m, uint32_t spi)
{
	const struct twins *t = m->more->twins;
	unsigned int i;

	for (i = 0; t && i < t->n; i++)
		if (t->v[i].spi == spi)
			return true;
	return false;
}

void twins_set_spi(const struct group *g, struct twin *t, uint32_t spi)
{
	uint64_t now = group_now_ms(g);

	t->spi = spi;
	t->silent_ms = spi == gkm_spi(&g->st) ? 0 : now ? now : 1;
}

void twins_remove(struct twins *t, unsigned int i)
{
	t->n--;
	memmove(&t->v[i], &t->v[i + 1], (t->n - i) * sizeof(t->v[0]));
}

/*
 * The last two become one, which does not confirm: a host must not be forgotten because
 * others come from many addresses.
 */
static void join_last(const struct group *g, struct twins *t)
{
	static const struct addr several;
	struct twin *last = &t->v[t->n - 1], *to = last - 1;

	if (last->spi != gkm_spi(&g->st))
		to->spi = last->spi;
	if (to->silent_ms < last->silent_ms)
		to->silent_ms = last->silent_ms;
	to->at = several;
	t->n--;
}

void twins_add(struct group *g, struct twins *t, const struct addr *at,
	       uint32_t spi)
{
	if (t->n == TWINS_MAX)
		join_last(g, t);
	memmove(&t->v[1], &t->v[0], t->n * sizeof(t->v[0]));
	t->n++;
	t->v[0].at = *at;
	twins_set_spi(g, &t->v[0], spi);
}
