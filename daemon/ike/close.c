// SPDX-License-Identifier: Apache-2.0
/* Beginning and end of an established IKE SA. */
#include "crypto/rand.h"
#include "ike/places.h"
#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/log.h"

void sa_arm_end(struct ike_sa *sa)
{
	struct ike_engine_cfg *cfg = &sa->engine->cfg;
	uint64_t now = clock_mono_ms(cfg->clock);

	timer_set(cfg->tq, &sa->t_life,
		  sa->ends_ms > now ? sa->ends_ms - now : 0);
}

void sa_arm_retry(struct ike_sa *sa, uint64_t ms)
{
	struct ike_engine_cfg *cfg = &sa->engine->cfg;

	if (clock_mono_ms(cfg->clock) + ms < sa->ends_ms)
		timer_set(cfg->tq, &sa->t_life, ms);
	else
		sa_arm_end(sa);
}

/* A renewal begins up to a tenth before cfg.rekey_ms is over, not all at once. */
void sa_arm_life(struct ike_sa *sa)
{
	struct ike_engine_cfg *cfg = &sa->engine->cfg;
	uint32_t spread = 0;

	sa->ends_ms = clock_mono_ms(cfg->clock) + cfg->lifetime_ms;
	if (!cfg->rekey_ms) {
		sa_arm_end(sa);
		return;
	}
	if (rand_bytes(&spread, sizeof(spread)))
		spread = 0;
	spread %= cfg->rekey_ms / 10 + 1;
	sa_arm_retry(sa, cfg->rekey_ms - spread);
}

static const char *up_text(const struct ike_sa *sa)
{
	if (!sa->suite.kwa)
		return "authenticated, without key wrap, for no group";
	return sa->resumed ? "authenticated by a ticket" : "authenticated";
}

void sa_up(struct ike_sa *sa)
{
	struct ike_engine_cfg *cfg = &sa->engine->cfg;

	if (ike_sa_state(sa, IKE_ST_UP))
		return;
	sa->engine->stats.up++;
	sa_drop_handshake(sa);
	sa_arm_life(sa);
	if (sa->gcks)
		timer_set(cfg->tq, &sa->t_idle, cfg->idle_ms);
	sa_event(sa, IKE_EV_UP, up_text(sa));
}

static void stop_timers(struct ike_sa *sa)
{
	struct timerq *tq = sa->engine->cfg.tq;

	timer_del(tq, &sa->t_rexmit);
	timer_del(tq, &sa->t_life);
	timer_del(tq, &sa->t_idle);
	kept_decided(sa);
	if (sa->t_keepalive)
		timer_del(tq, sa->t_keepalive);
	if (sa->mobike)
		timer_del(tq, &sa->mobike->timer);
}

static void refuse_tasks(struct ike_sa *sa, uint16_t notify, const char *reason)
{
	struct ike_engine *engine = sa->engine;
	struct ike_task *t;

	while ((t = task_take(sa))) {
		if (engine->ops.refused && t->idg.type && !t->notify)
			engine->ops.refused(engine->ctx, sa, &t->idg, notify,
					    reason);
		task_free(t);
	}
}

/* A candidate ends with the SA that it would have replaced. */
static void drop_candidate(struct ike_sa *sa)
{
	struct ike_sa *s = sa->rekey ? sa->rekey->candidate : NULL;

	if (sa->main)
		sa->main->rekey->candidate = NULL;
	sa->main = NULL;
	sa_drop_rekey(sa);
	if (!s)
		return;
	s->main = NULL;
	if (!sa->engine->dying)
		last_request_delete(s, false);
	sa_close(s, 0, "not needed any more");
}

void sa_close(struct ike_sa *sa, uint16_t notify, const char *reason)
{
	struct ike_engine *engine = sa->engine;
	bool was_up = sa->state == IKE_ST_UP && !sa->shadow;

	if (sa->dead)
		return;
	ike_sa_state(sa, IKE_ST_CLOSED);
	sa_debug(sa, "IKE SA closed: %s", reason);
	stop_timers(sa);
	sa->dead = true;
	sa->my_busy = false;
	sa->waits = false;
	place_leave(sa);
	last_answer_keep(sa);
	table_bury(sa);
	keys_wipe(&sa->keys);
	sa_drop_handshake(sa);
	drop_candidate(sa);
	sa_drop_follow(sa);
	frags_drop(sa);
	refuse_tasks(sa, notify, reason);
	if (was_up)
		sa_event(sa, IKE_EV_CLOSED, reason);
	if (sa->told && engine->ops.sa_closed)
		engine->ops.sa_closed(engine->ctx, sa, reason);
}

void sa_end_malformed(struct ike_sa *sa, const char *why)
{
	sa->engine->stats.in_syntax++;
	sa_close(sa, 0, why);
}

bool sa_end_unwelcome(struct ike_sa *sa)
{
	const struct ike_ops *ops = &sa->engine->ops;

	if (!sa->gcks || sa->shadow || sa->waits || sa->state != IKE_ST_UP ||
	    !ops->welcome || ops->welcome(sa->engine->ctx, sa))
		return false;
	last_request_delete(sa, true);
	sa_close(sa, 0, "no group admits the peer");
	return true;
}
