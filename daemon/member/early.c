// SPDX-License-Identifier: Apache-2.0
/*
 * GSA_REKEYs that arrive before the message they depend on. A member that
 * misses the first copy of a message cannot decrypt what follows over the new
 * Rekey SA. If that were dropped it would have to wait for its second copy, and
 * each loss would put the member further behind. The message is therefore kept,
 * and opened once the missing one has arrived.
 *
 * Early messages are not authenticated: a former member knows the SPIs and can
 * send anything. Space is limited, and what does not open later is dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "member/mgroup.h"

/* Limits of one group: messages, messages of one Rekey SA, octets in all. */
#define EARLY_MAX (2 * REFRAG_MAX)
#define EARLY_SA_MAX (REFRAG_MAX + 6)
#define EARLY_OCTETS_MAX (256 * 1024)

static void unlink_early(struct mgroup *g, struct early *e)
{
	TAILQ_REMOVE(&g->early, e, all);
	g->n_early--;
	g->early_octets -= e->len;
}

static void early_free(struct mgroup *g, struct early *e)
{
	unlink_early(g, e);
	free(e);
}

void early_drop(struct mgroup *g)
{
	while (!TAILQ_EMPTY(&g->early))
		early_free(g, TAILQ_FIRST(&g->early));
}

/*
 * Make room by dropping the oldest message, of the same Rekey SA if that has
 * used its share.
 */
static void drop_early_excess(struct mgroup *g, const uint8_t *spi, size_t len)
{
	struct early *e, *oldest = NULL;
	unsigned int n = 0;

	TAILQ_FOREACH(e, &g->early, all) {
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

void early_store(struct mgroup *g, const uint8_t *p, size_t len)
{
	struct early *e;

	TAILQ_FOREACH(e, &g->early, all)
		if (e->len == len && !memcmp(e->p, p, len))
			return;
	e = malloc(sizeof(*e) + len);
	if (!e)
		return;
	drop_early_excess(g, p, len);
	e->len = len;
	memcpy(e->p, p, len);
	TAILQ_INSERT_TAIL(&g->early, e, all);
	g->n_early++;
	g->early_octets += len;
}

struct early *early_take(struct mgroup *g, const struct rekey_sa *rs)
{
	struct early *e, *first = NULL;

	TAILQ_FOREACH(e, &g->early, all) {
		if (memcmp(e->p, rs->spi, sizeof(rs->spi)))
			continue;
		if (!first || rekey_peek_mid(e->p) < rekey_peek_mid(first->p))
			first = e;
	}
	if (first)
		unlink_early(g, first);
	return first;
}
