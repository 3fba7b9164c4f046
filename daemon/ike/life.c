// SPDX-License-Identifier: Apache-2.0
/*
 * Timers of an IKE SA: requests, retransmission (RFC 7296 section 2.1), giving
 * up, idle and total lifetime.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/exchange.h"
#include "lib/clock.h"
#include "lib/log.h"

/* ---- requests ----------------------------------------------------------- */

void sa_run(struct ike_sa *sa)
{
	const struct exchange *x;
	struct ike_task *t;
	char why[96];
	int ret;

	do {
		t = TAILQ_FIRST(&sa->tasks);
		if (sa->dead || sa->my_busy || !t)
			return;
		if (sa->my_mid == UINT32_MAX) {
			sa_close(sa, 0, "Message IDs are used up");
			return;
		}
		x = exchange_find(sa->engine, t->xchg);
		ret = x && x->build ? x->build(sa, t) : -EINVAL;
		if (ret == -ENODATA)
			task_free(task_take(sa));
	} while (ret == -ENODATA);
	if (!ret || sa->dead)
		return;
	snprintf(why, sizeof(why), "request not built: %s", strerror(-ret));
	sa_close(sa, 0, why);
}

int sa_ask(struct ike_sa *sa, const struct ike_task *t)
{
	struct ike_engine *engine = sa->engine;
	int ret;

	ret = task_push(sa, t);
	if (ret)
		return ret;
	engine_enter(engine);
	sa_run(sa);
	engine_leave(engine);
	return 0;
}

static void close_unanswered(struct ike_sa *sa)
{
	const struct ike_task *t = TAILQ_FIRST(&sa->tasks);
	char why[96];

	sa->engine->stats.gave_up++;
	if (sa->mobike && t && t->notify == IKE_N_UPDATE_SA_ADDRESSES) {
		sa->engine->stats.move_failed++;
		sa->mobike->failed = true;
	}
	if (sa->dead_peer_tries)
		snprintf(why, sizeof(why), "the peer no longer has the IKE SA");
	else
		snprintf(why, sizeof(why), "no answer to %s after %u tries",
			 ike_xchg_name(sa->my_xchg), sa->my_sent + 1);
	sa_close(sa, 0, why);
}

/*
 * End the SA because of an error that answered IKE_SA_INIT in the clear, or of an
 * answer that lacks what is mandatory here, as USE_PPK (RFC 8784 section 3) may be.
 * Anybody who sees our packets can forge it, so the key server had one more
 * interval for a better answer.
 */
static void close_init_error(struct ike_sa *sa)
{
	bool demands = sa->engine->cfg.addke.n &&
		       sa->engine->cfg.addke.required;
	char why[160];

	if (sa->hs->init_lacks && !sa->hs->init_error) {
		sa_close(sa, 0, sa->hs->init_lacks);
		return;
	}
	snprintf(why, sizeof(why), "%s from key server%s",
		 ike_notify_name(sa->hs->init_error),
		 demands && sa->hs->init_error == IKE_N_NO_PROPOSAL_CHOSEN
			 ? ": it may lack the additional key exchange that is required here"
			 : "");
	sa_close(sa, sa->hs->init_error, why);
}

/* Return true if another request took the place of the one without an answer. */
static bool sends_another(struct ike_sa *sa)
{
	const struct exchange *x = exchange_find(sa->engine, sa->my_xchg);

	return x && x->unanswered && x->unanswered(sa);
}

static void on_rexmit(void *arg)
{
	struct ike_sa *sa = arg;
	struct ike_engine *engine = sa->engine;

	engine_enter(engine);
	if (sa->hs && (sa->hs->init_error || sa->hs->init_lacks)) {
		close_init_error(sa);
	} else if (sends_another(sa)) {
		/* The copies of that follow. */
	} else if (sa->my_sent >= sa_request_tries(sa) ||
		   sa->dead_peer_tries == 1) {
		close_unanswered(sa);
	} else {
		if (sa->dead_peer_tries)
			sa->dead_peer_tries--;
		sa_request_again(sa);
	}
	engine_leave(engine);
}

/* ---- lifetimes ---------------------------------------------------------- */

static void on_life(void *arg)
{
	static const struct ike_task renewal = {
		.xchg = IKE_XCHG_CREATE_CHILD_SA,
	};
	struct ike_sa *sa = arg;
	struct ike_engine *engine = sa->engine;
	uint64_t now = clock_mono_ms(engine->cfg.clock);

	engine_enter(engine);
	if (sa->shadow) {
		/*
		 * A peer that had to delete it has not done so, and may use it
		 * still (libreswan does after two renewals at once).
		 */
		if (!sa->my_busy)
			last_request_delete(sa, false);
		sa_close(sa, 0, "replaced");
	} else if (sa->state == IKE_ST_UP && now < sa->ends_ms) {
		sa_arm_end(sa);
		sa_ask(sa, &renewal);
	} else if (sa->state == IKE_ST_UP) {
		last_request_delete(sa, false);
		sa_close(sa, 0, "lifetime of the IKE SA has ended");
	} else {
		sa_close(sa, 0, "not authenticated in time");
	}
	engine_leave(engine);
}

static void ask_if_alive(struct ike_sa *sa)
{
	static const struct ike_task alive = {
		.xchg = IKE_XCHG_INFORMATIONAL,
	};

	sa_ask(sa, &alive);
}

/* The key server ends an IKE SA that is idle, unless a group keeps it. */
static void end_if_idle(struct ike_sa *sa)
{
	const struct ike_engine_cfg *cfg = &sa->engine->cfg;

	if (sa_end_unwelcome(sa))
		return;
	/* An SA whose request waits for a batch is not idle: the delay is ours. */
	if (sa->waits || sa->keep) {
		timer_set(cfg->tq, &sa->t_idle, cfg->idle_ms);
		if (!sa->waits)
			ask_if_alive(sa);
		return;
	}
	last_request_delete(sa, false);
	sa_close(sa, 0,
		 sa->suite.kwa
			 ? "idle"
			 : "sa-idle is over for an IKE SA without key wrap");
}

static void on_idle(void *arg)
{
	struct ike_sa *sa = arg;
	struct ike_engine *engine = sa->engine;

	engine_enter(engine);
	/* Members have no idle SAs; see child_old_deleted(). */
	if (sa->gcks)
		end_if_idle(sa);
	else if (!sa->my_mid && !sa->my_busy && !sa->peer_mid)
		ask_if_alive(sa);
	engine_leave(engine);
}

void sa_later_due(void *arg)
{
	struct ike_engine *engine = arg;
	struct ike_sa *sa;

	engine_enter(engine);
	while ((sa = kept_undecided(engine))) {
		sa_debug(sa, "request timed out: not decided");
		if (sa->waits)
			groupreq_fail(sa);
	}
	engine_leave(engine);
}

/* ---- creation and close ------------------------------------------------- */

struct ike_sa *sa_new(struct ike_engine *engine, bool initiator,
		      const struct ike_path *path)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->hs = calloc(1, sizeof(*sa->hs));
	if (initiator)
		sa->t_keepalive = calloc(1, sizeof(*sa->t_keepalive));
	if (!sa->hs || (initiator && !sa->t_keepalive)) {
		free(sa->t_keepalive);
		free(sa->hs);
		free(sa);
		return NULL;
	}
	sa->engine = engine;
	sa->initiator = initiator;
	sa->gcks = !initiator;
	sa->path = *path;
	TAILQ_INIT(&sa->tasks);
	timer_init(&sa->t_rexmit, on_rexmit, sa);
	timer_init(&sa->t_life, on_life, sa);
	timer_init(&sa->t_idle, on_idle, sa);
	if (initiator)
		timer_init(sa->t_keepalive, nat_keepalive, sa);
	return sa;
}

static void close_sa(struct ike_sa *sa, const char *reason, bool repeat)
{
	struct ike_engine *engine = sa->engine;

	engine_enter(engine);
	/* A pending request gets an answer without keys before the SA ends. */
	if (sa->waits)
		groupreq_fail(sa);
	if (sa->state == IKE_ST_UP)
		last_request_delete(sa, repeat);
	sa_close(sa, 0, reason);
	engine_leave(engine);
}

void ike_close(struct ike_sa *sa, const char *reason)
{
	close_sa(sa, reason, false);
}

void ike_close_repeat(struct ike_sa *sa, const char *reason)
{
	close_sa(sa, reason, true);
}
