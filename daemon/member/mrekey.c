// SPDX-License-Identifier: Apache-2.0
/*
 * Rekey SAs. The first of a group's list is the one in use. A replaced one is
 * kept for DTD, so that copies over it do not count as messages over an unknown SA.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "member/mgroup.h"

void mrekey_free(struct mrekey *rk)
{
	struct timerq *q = mgroup_tq(rk->g);

	timer_del(q, &rk->soft);
	timer_del(q, &rk->end);
	refrag_drop(&rk->frags);
	rekey_sa_wipe(&rk->rs);
	free(rk);
}

struct mrekey *mrekey_current(const struct mgroup *g)
{
	struct mrekey *rk = TAILQ_FIRST(&g->rekeys);

	return rk && !rk->retired ? rk : NULL;
}

static void mrekey_soft_due(void *arg)
{
	struct mrekey *rk = arg;

	if (rk == mrekey_current(rk->g))
		rk->g->ops->again(rk->g, 0, "the Rekey SA ends soon");
}

static void mrekey_end_due(void *arg)
{
	struct mrekey *rk = arg;
	struct mgroup *g = rk->g;
	bool was_current = rk == mrekey_current(g);

	TAILQ_REMOVE(&g->rekeys, rk, all);
	mrekey_free(rk);
	if (was_current)
		g->ops->again(g, 0, "the Rekey SA has ended");
}

struct mrekey *mrekey_new(struct mgroup *g, const struct gsa_sa *policy,
			  uint32_t lifetime)
{
	struct mrekey *rk = calloc(1, sizeof(*rk));

	if (!rk)
		return NULL;
	rk->g = g;
	rk->n_next = policy->n_next_spi;
	memcpy(rk->next, policy->next_spi, sizeof(rk->next));
	rk->until_ms = mgroup_now(g) + (uint64_t)lifetime * MSEC_PER_SEC;
	timer_init(&rk->soft, mrekey_soft_due, rk);
	timer_init(&rk->end, mrekey_end_due, rk);
	return rk;
}

static void mrekey_retire(struct mrekey *rk)
{
	uint64_t delay = (uint64_t)rk->g->dtd * MSEC_PER_SEC;

	if (rk->retired)
		return;
	rk->retired = true;
	timer_del(mgroup_tq(rk->g), &rk->soft);
	if (delay < timer_left_ms(mgroup_tq(rk->g), &rk->end))
		timer_set(mgroup_tq(rk->g), &rk->end, delay);
}

void mrekey_install(struct mgroup *g, struct mrekey *rk)
{
	uint64_t life_ms = mgroup_left_ms(g, rk->until_ms);
	struct mrekey *old, *next;

	for (old = TAILQ_FIRST(&g->rekeys); old; old = next) {
		next = TAILQ_NEXT(old, all);
		/*
		 * A registration brought the same SA: Message IDs that were
		 * seen stay used, and the lifetime is not extended.
		 */
		if (memcmp(old->rs.spi, rk->rs.spi, sizeof(rk->rs.spi))) {
			mrekey_retire(old);
			continue;
		}
		if (old->rs.next_mid > rk->rs.next_mid)
			rk->rs.next_mid = old->rs.next_mid;
		rk->rs.spent |= old->rs.spent;
		old->accepted.initial_mid = rk->accepted.initial_mid;
		rk->accepted = old->accepted;
		if (old->until_ms < rk->until_ms)
			life_ms = mgroup_left_ms(g, old->until_ms);
		TAILQ_REMOVE(&g->rekeys, old, all);
		mrekey_free(old);
	}
	rk->until_ms = mgroup_now(g) + life_ms;
	TAILQ_INSERT_HEAD(&g->rekeys, rk, all);
	timer_set(mgroup_tq(g), &rk->end, life_ms);
	timer_set(mgroup_tq(g), &rk->soft, member_soft_ms(life_ms));
}

void mrekey_drop_all(struct mgroup *g)
{
	struct mrekey *rk;

	while ((rk = TAILQ_FIRST(&g->rekeys))) {
		TAILQ_REMOVE(&g->rekeys, rk, all);
		mrekey_free(rk);
	}
}
