// SPDX-License-Identifier: Apache-2.0
#include "gcks/waiting.h"

#include <stdlib.h>
#include <string.h>

void join_free(struct join_req *j)
{
	if (!j)
		return;
	cert_refs_free(&j->certs);
	cert_refs_free(&j->certs_after);
	free(j->identity);
	free(j->sag);
	free(j);
}

void join_wait(struct group *g, struct join_req *j)
{
	TAILQ_INSERT_TAIL(&g->joins, j, all);
	g->senders_waiting += j->send;
}

void join_take(struct group *g, struct join_req *j)
{
	TAILQ_REMOVE(&g->joins, j, all);
	g->senders_waiting -= j->send;
}

static bool is_in(const struct join_reqs *l, const char *identity)
{
	const struct join_req *j;

	TAILQ_FOREACH(j, l, all)
	if (!strcmp(j->identity, identity))
		return true;
	return false;
}

bool batch_waits(const struct group *g, const char *identity)
{
	return is_in(&g->joins, identity) || is_in(&g->asks, identity);
}

void batch_arm(struct group *g, uint64_t delay)
{
	uint64_t due = group_now_ms(g) + delay;

	if (timer_armed(&g->batch) && g->batch_ms <= due)
		return;
	g->batch_ms = due;
	timer_set(g->k->deps.tq, &g->batch, delay);
}

void batch_leave_later(struct group *g, struct gmember *m)
{
	if (m->leaving)
		return;
	batch_leave_in(g, m, 0);
}

void batch_leave_in(struct group *g, struct gmember *m, uint32_t wait_ms)
{
	uint32_t delay = g->conf->batch_leave_ms;

	if (delay < wait_ms)
		delay = wait_ms;
	m->leaving = true;
	m->leave_ms = group_now_ms(g) + wait_ms;
	g->n_leaving++;
	batch_arm(g, delay);
}
