// SPDX-License-Identifier: Apache-2.0
/* Orders of an administrator, for tests that expect an immediate result. */
#include "group_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Time limit of a store; a longer one is a broken test. */
#define PATIENCE_MS 60000

static struct sim *sim;

void sim_order_init(struct sim *s)
{
	sim = s;
}

struct wait {
	bool done;
	int ret;
	uint32_t effective_ms;
	char why[512];
};

static void note_answer(void *arg, int ret, uint32_t effective_ms,
			const char *why)
{
	struct wait *w = arg;

	if (w->done)
		SIM_DIE("an order is answered twice");
	w->done = true;
	w->ret = ret;
	w->effective_ms = effective_ms;
	snprintf(w->why, sizeof(w->why), "%s", why);
}

static int wait_for(struct wait *w, struct err *err)
{
	unsigned int ms;

	for (ms = 0; !w->done && !sim->crashed && ms < PATIENCE_MS; ms++)
		sim_run(sim, 1);
	/*
	 * The server died before it had completed the order, so there is no
	 * answer.
	 */
	if (!w->done && sim->crashed) {
		sim_gcks_down(sim);
		return err_set(err, -EIO, "dead");
	}
	if (!w->done)
		SIM_DIE("an order is not answered");
	if (w->ret)
		err_set(err, w->ret, "%s", w->why);
	return w->ret;
}

int sim_evict(struct gcks *k, const char *group, const char *identity,
	      uint32_t *effective_ms, struct err *err)
{
	struct wait w = { 0 };
	int ret;

	gcks_evict(k, group, identity, note_answer, &w);
	ret = wait_for(&w, err);
	*effective_ms = w.effective_ms;
	return ret;
}

int sim_evict_ahead(struct gcks *k, const char *group, const char *identity,
		    uint32_t *effective_ms, struct err *err)
{
	struct wait w = { 0 };
	int ret;

	gcks_evict_ahead(k, group, identity, note_answer, &w);
	ret = wait_for(&w, err);
	*effective_ms = w.effective_ms;
	return ret;
}

int sim_admit(struct gcks *k, const char *group, const char *identity,
	      struct err *err)
{
	struct wait w = { 0 };

	gcks_admit(k, group, identity, note_answer, &w);
	return wait_for(&w, err);
}

int sim_rekey(struct gcks *k, const char *group, struct err *err)
{
	struct wait w = { 0 };

	gcks_rekey(k, group, note_answer, &w);
	return wait_for(&w, err);
}

int sim_renew_signing_key(struct gcks *k, const char *group, struct err *err)
{
	struct wait w = { 0 };

	gcks_renew_signing_key(k, group, note_answer, &w);
	return wait_for(&w, err);
}

int sim_reset(struct gcks *k, const char *group, struct err *err)
{
	struct wait w = { 0 };

	gcks_reset(k, group, note_answer, &w);
	return wait_for(&w, err);
}

int sim_reload(struct sim *s, struct err *err)
{
	struct wait w = { 0 };

	gcks_reload(s->gcks, &s->conf, note_answer, &w);
	return wait_for(&w, err);
}
