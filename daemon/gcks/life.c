// SPDX-License-Identifier: Apache-2.0
/* Life of a group at the key server, from its opening to its end. */
#include "gcks/life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/sign.h"
#include "gcks/batch.h"
#include "gcks/gkm.h"
#include "gcks/gkm_store.h"
#include "gcks/gmc.h"
#include "gcks/key_source.h"
#include "gcks/life.h"
#include "gcks/orders.h"
#include "gcks/policy.h"
#include "gcks/registration.h"
#include "gcks/schedule.h"
#include "gcks/term.h"
#include "gcks/waiting.h"
#include "gcks/witness.h"
#include "lib/log.h"
#include "lib/quote.h"

/*
 * Send committed messages again with all copies, since the earlier run may not
 * have sent them.
 */
static void resume_outbox(struct group *g)
{
	struct out_msg *o;

	TAILQ_FOREACH(o, &g->out, all)
	{
		o->start_ms = group_now_ms(g);
		timer_set(g->k->deps.tq, &o->timer, 0);
	}
	if (TAILQ_EMPTY(&g->out))
		return;
	log_info("group %s: sending again what may not have been sent",
		 g->conf->name);
	pace_resumed(g);
}

/*
 * Take out members that the lists no longer allow: they may have been changed
 * while the key server was down.
 */
static void check_roster(struct group *g)
{
	char name[QUOTE_LEN];
	struct gmember *m;

	TAILQ_FOREACH(m, &g->members, all)
	{
		const char *why = gmc_may(g, m->identity, m->send, !m->send);

		if (!why)
			continue;
		log_info("group %s: taken out: %s: %s", g->conf->name,
			 quote(m->identity, name), why);
		batch_leave_later(g, m);
	}
}

/*
 * Run the first thing that waits. Returns false if nothing waits or a change
 * is in flight.
 */
static bool run_next(struct group *g)
{
	if (g->commit.busy)
		return false;
	if (g->closing) {
		registration_refuse_all(g);
		orders_free(g);
		return false;
	}
	/* Evictions and resets go before requests to join. */
	if (orders_run(g) || registration_run(g))
		return true;
	if (g->due & DUE_BATCH)
		batch_flush(g);
	else if (g->due & DUE_REKEY)
		schedule_periodic(g);
	else if (g->due & DUE_BEAT)
		schedule_beat(g);
	else
		return false;
	return true;
}

/*
 * A change that completes at once calls this again from within: the outer call
 * continues the loop.
 */
static void group_idle(struct group *g)
{
	if (g->idling)
		return;
	g->idling = true;
	while (run_next(g))
		;
	g->idling = false;
}

static void group_end(void *arg)
{
	struct group *g = arg;

	log_info("group %s: is not served any more", g->conf->name);
	group_free(g);
}

/* The group is freed from the loop, since the caller still uses it. */
static void group_quiet(struct group *g)
{
	timer_set(g->k->deps.tq, &g->end, 0);
}

static const struct group_ops group_ops = {
	.changed = schedule_start,
	.idle = group_idle,
	.quiet = group_quiet,
};

struct outcome {
	int ret;
	struct err *err;
};

static void note_outcome(struct group *g, void *arg, int ret, const char *why)
{
	struct outcome *o = arg;

	o->ret = ret;
	if (ret)
		err_set(o->err, ret, "group %s: not started anew: %s",
			g->conf->name, why);
}

/*
 * If the configuration has another policy than the store, that is adopted under
 * a new version. A damaged record is no reason to refuse the start, since it is
 * only compared.
 */
static int settle_policy(struct group *g, struct err *err)
{
	uint64_t record = g->commit.record;
	struct store_expect e = { .from = record, .to = record };
	char key[STORE_KEY_MAX];
	struct policy *old;
	int ret;

	ret = policy_load(g, &old);
	if (!ret) {
		g->policy->version = old->version;
		ret = policy_diff(&old->conf, g->conf, 0, NULL, 0);
		policy_free(old);
		if (!ret)
			return 0;
		g->policy->version++;
	} else if (ret != -ENOENT) {
		log_warn("group %s: its policy in the store: damaged, written anew",
			 g->conf->name);
	}
	ret = store_key(key, "g", g->conf->name, NULL);
	e.key = key;
	if (!ret)
		ret = store_record(group_store(g));
	if (!ret) {
		ret = policy_put(g, g->policy);
		if (ret)
			store_drop(group_store(g));
		else
			ret = store_submit_wait(group_store(g), &e);
	}
	if (ret)
		err_set(err, ret, "group %s: its policy: %s", g->conf->name,
			store_error(group_store(g)));
	return ret;
}

static int group_load(struct group *g, struct err *err)
{
	struct outcome o = { .err = err };
	const char *disown;
	bool changed;
	int ret;

	ret = gmc_load(g, err);
	if (!ret)
		ret = gkm_load(g, &changed, &disown, err);
	if (!ret)
		ret = settle_policy(g, err);
	if (ret)
		return ret;
	if (disown) {
		gkm_disown(g, disown, note_outcome, &o);
		if (o.ret)
			return o.ret;
		ret = witness_rewrite(g);
		if (ret)
			err_set(err, ret, "group %s: %s: not started anew",
				g->conf->name, disown);
		return ret;
	}
	if (changed || sigkey_type(g->sign) != g->conf->rekey_sign)
		gkm_restart(g, "its settings were changed", note_outcome, &o);
	return o.ret;
}

static int group_start(struct group *g, struct err *err)
{
	int ret;

	g->k->starting = true;
	ret = group_load(g, err);
	g->k->starting = false;
	if (ret)
		return ret;
	schedule_start(g);
	resume_outbox(g);
	check_roster(g);
	term_start(g);
	return 0;
}

void group_free(struct group *g)
{
	TAILQ_REMOVE(g->closing ? &g->k->closing : &g->k->groups, g, all);
	timer_del(g->k->deps.tq, &g->end);
	commit_cancel(g);
	orders_free(g);
	registration_free(g);
	batch_free(g);
	schedule_stop(g);
	gkm_free(g);
	gmc_free(g);
	policy_free(g->policy);
	free(g);
}

static int group_make(struct gcks *k, const struct conf_group *conf,
		      struct group **out)
{
	struct group *g = calloc(1, sizeof(*g));
	int ret;

	if (!g)
		return -ENOMEM;
	g->k = k;
	g->ops = &group_ops;
	g->keys = &key_source_local;
	g->policy = policy_new(conf, 1);
	if (!g->policy) {
		free(g);
		return -ENOMEM;
	}
	g->conf = &g->policy->conf;
	timer_init(&g->end, group_end, g);
	gmc_init(g);
	orders_init(g);
	registration_init(g);
	batch_init(g);
	schedule_init(g);
	TAILQ_INSERT_TAIL(&k->groups, g, all);
	ret = gkm_init(g);
	if (ret)
		group_free(g);
	else
		*out = g;
	return ret;
}

int group_new(struct gcks *k, const struct conf_group *conf, struct group **out,
	      struct err *err)
{
	struct group *g, *old;
	int ret;

	TAILQ_FOREACH(old, &k->closing, all)
	if (!strcmp(old->conf->name, conf->name))
		break;
	/*
	 * A group of this name that is still closing is dropped with its
	 * messages: its members register again.
	 */
	if (old)
		group_free(old);
	ret = group_make(k, conf, &g);
	if (ret)
		return err_set(err, ret, "group %s: %s", conf->name,
			       strerror(-ret));
	ret = group_start(g, err);
	if (ret)
		group_free(g);
	else
		*out = g;
	return ret;
}

struct group *group_find(struct gcks *k, const char *name, size_t len)
{
	struct group *g;

	TAILQ_FOREACH(g, &k->groups, all)
	if (strlen(g->conf->name) == len && !memcmp(g->conf->name, name, len))
		break;
	return g;
}
