// SPDX-License-Identifier: Apache-2.0
/* Requests of peers with their answers, for retransmissions; see struct ike_kept. */
#include <errno.h>
#include <stdlib.h>

#include "ike/sa.h"
#include "lib/clock.h"

/* An answer is kept for so long; peers give a request up long before. */
#define KEPT_MS 240000

static uint64_t kept_now(const struct ike_engine *engine)
{
	return clock_mono_ms(engine->cfg.clock);
}

static void arm_kept(struct ike_engine *engine)
{
	const struct ike_kept *k = TAILQ_FIRST(&engine->kept);
	uint64_t now = kept_now(engine), due;

	if (!k || timer_armed(&engine->kept_timer))
		return;
	due = k->at_ms + KEPT_MS;
	timer_set(engine->cfg.tq, &engine->kept_timer,
		  due > now ? due - now : 0);
}

static void keep_from(struct ike_kept *k, uint64_t now)
{
	struct ike_engine *engine = k->sa->engine;

	TAILQ_REMOVE(&engine->kept, k, all);
	TAILQ_INSERT_TAIL(&engine->kept, k, all);
	k->at_ms = now;
}

/*
 * Forget old answers. A request that the group layer has not decided about stays, as its
 * answer is still to come.
 */
static void kept_due(void *arg)
{
	struct ike_engine *engine = arg;
	uint64_t now = kept_now(engine);
	struct ike_kept *k;

	while ((k = TAILQ_FIRST(&engine->kept)) && k->at_ms + KEPT_MS <= now) {
		if (k->sa->waits)
			keep_from(k, now);
		else
			kept_drop(k->sa);
	}
	arm_kept(engine);
}

void kept_init(struct ike_engine *engine)
{
	TAILQ_INIT(&engine->kept);
	TAILQ_INIT(&engine->waiting);
	timer_init(&engine->kept_timer, kept_due, engine);
}

static struct ike_kept *kept_new(struct ike_sa *sa)
{
	struct ike_kept *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->sa = sa;
	sa->kept = k;
	TAILQ_INSERT_TAIL(&sa->engine->kept, k, all);
	return k;
}

int kept_begin(struct ike_sa *sa, const struct blob *req,
	       const struct ike_path *path)
{
	struct ike_kept *k = sa->kept ? sa->kept : kept_new(sa);

	if (!k || dgrams_set(&k->req, req->p, req->len))
		return -ENOMEM;
	dgrams_free(&k->res.dgrams);
	k->res.path = *path;
	keep_from(k, kept_now(sa->engine));
	arm_kept(sa->engine);
	return 0;
}

void kept_drop(struct ike_sa *sa)
{
	struct ike_kept *k = sa->kept;

	if (!k)
		return;
	kept_decided(sa);
	TAILQ_REMOVE(&sa->engine->kept, k, all);
	sa->kept = NULL;
	dgrams_free(&k->req);
	dgrams_free(&k->res.dgrams);
	free(k);
}

/* ---- requests that the group layer has not decided about ------------------ */

static void arm_later(struct ike_engine *engine)
{
	const struct ike_kept *k = TAILQ_FIRST(&engine->waiting);
	uint64_t now = kept_now(engine);

	if (k && !timer_armed(&engine->later_timer))
		timer_set(engine->cfg.tq, &engine->later_timer,
			  k->until_ms > now ? k->until_ms - now : 0);
}

void kept_wait(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	struct ike_kept *k = sa->kept;

	/* All of them have the same time. */
	k->until_ms = kept_now(engine) + engine->cfg.later_ms;
	TAILQ_INSERT_TAIL(&engine->waiting, k, by_wait);
	arm_later(engine);
}

void kept_decided(struct ike_sa *sa)
{
	struct ike_kept *k = sa->kept;

	if (!k || !k->until_ms)
		return;
	TAILQ_REMOVE(&sa->engine->waiting, k, by_wait);
	k->until_ms = 0;
}

struct ike_sa *kept_undecided(struct ike_engine *engine)
{
	struct ike_kept *k = TAILQ_FIRST(&engine->waiting);

	if (!k || k->until_ms > kept_now(engine)) {
		arm_later(engine);
		return NULL;
	}
	kept_decided(k->sa);
	return k->sa;
}
