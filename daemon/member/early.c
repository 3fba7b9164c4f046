// SPDX-License-Identifier: Apache-2.0
/*
 * GSA_REKEYs that came before the one they build on. Who misses the first copy
 * of a message cannot open what follows it over the new Rekey SA; thrown away,
 * that would have to wait for its second copy, and a member would fall further
 * behind with each loss. So it is kept, and opened when the missing one is in.
 *
 * Nothing proves them: whoever was in the group knows the SPIs and can send
 * anything. Room is small, and what does not open later is dropped then.
 */
#include <stdlib.h>
#include <string.h>

#include "member/mgroup.h"

/* Messages of one group, those of one Rekey SA, and octets of all */
#define EARLY_MAX (2 * REFRAG_MAX)
#define EARLY_SA_MAX (REFRAG_MAX + 6)
#define EARLY_OCTETS_MAX (256 * 1024)

static struct early *take_out(struct mgroup *g, struct early *e)
{
	TAILQ_REMOVE(&g->early, e, all);
	g->n_early--;
	g->early_octets -= e->len;
	return e;
}

static void early_free(struct mgroup *g, struct early *e)
{
	free(take_out(g, e));
}

void early_drop(struct mgroup *g)
{
	while (!TAILQ_EMPTY(&g->early))
		early_free(g, TAILQ_FIRST(&g->early));
}

/* The oldest gives way; of the same Rekey SA where that has its share. */
static void make_room(struct mgroup *g, const uint8_t *spi, size_t len)
{
	struct early *e, *oldest = NULL;
	unsigned int n = 0;

	TAILQ_FOREACH(e, &g->early, all)
	{
		if (memcmp(e->p, spi, GIKE_SPI_LEN_REKEY))
			continue;
		n++;
		if (!oldest)
			oldest = e;
	}
	if (n >= EARLY_SA_MAX)
		early_free(g, oldest);
	while (g->n_early >= EARLY_MAX ||
	       (g->n_early && g->early_octets + len > EARLY_OCTETS_MAX))
		early_free(g, TAILQ_FIRST(&g->early));
}

void early_keep(struct mgroup *g, const uint8_t *p, size_t len)
{
	struct early *e;

	TAILQ_FOREACH(e, &g->early, all)
	if (e->len == len && !memcmp(e->p, p, len))
		return;
	e = malloc(sizeof(*e) + len);
	if (!e)
		return;
	make_room(g, p, len);
	e->len = len;
	memcpy(e->p, p, len);
	TAILQ_INSERT_TAIL(&g->early, e, all);
	g->n_early++;
	g->early_octets += len;
}

struct early *early_take(struct mgroup *g, const struct rekey_sa *rs)
{
	struct early *e, *first = NULL;

	TAILQ_FOREACH(e, &g->early, all)
	{
		if (memcmp(e->p, rs->spi, sizeof(rs->spi)))
			continue;
		if (!first || rekey_peek_mid(e->p) < rekey_peek_mid(first->p))
			first = e;
	}
	return first ? take_out(g, first) : NULL;
}
