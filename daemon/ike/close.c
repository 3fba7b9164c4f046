// SPDX-License-Identifier: Apache-2.0
/* Beginning and end of an established IKE SA. */
#include "ike/sa.h"
#include "lib/log.h"

void sa_up(struct ike_sa *sa)
{
	struct ike_engine_cfg *cfg = &sa->engine->cfg;

	if (ike_sa_state(sa, IKE_ST_UP))
		return;
	sa->engine->stats.up++;
	sa_drop_handshake(sa);
	timer_set(cfg->tq, &sa->t_life, cfg->lifetime_ms);
	if (!sa->initiator)
		timer_set(cfg->tq, &sa->t_idle, cfg->idle_ms);
	sa_event(sa, IKE_EV_UP, "authenticated");
}

static void stop_timers(struct ike_sa *sa)
{
	struct timerq *tq = sa->engine->cfg.tq;

	timer_del(tq, &sa->t_rexmit);
	timer_del(tq, &sa->t_life);
	timer_del(tq, &sa->t_idle);
	timer_del(tq, &sa->t_later);
	timer_del(tq, &sa->t_keepalive);
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

void sa_close(struct ike_sa *sa, uint16_t notify, const char *reason)
{
	struct ike_engine *engine = sa->engine;
	bool was_up = sa->state == IKE_ST_UP;

	if (sa->dead)
		return;
	ike_sa_state(sa, IKE_ST_CLOSED);
	sa_debug(sa, "IKE SA closed: %s", reason);
	stop_timers(sa);
	sa->dead = true;
	sa->my_busy = false;
	sa->waits = false;
	place_leave(sa);
	rest_keep(sa);
	table_bury(sa);
	keys_wipe(&sa->keys);
	sa_drop_handshake(sa);
	refuse_tasks(sa, notify, reason);
	if (was_up)
		sa_event(sa, IKE_EV_CLOSED, reason);
	if (sa->told && engine->ops.sa_closed)
		engine->ops.sa_closed(engine->ctx, sa, reason);
}
