// SPDX-License-Identifier: Apache-2.0
#include "gcks/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/gmc.h"
#include "wire/proto.h"

void join_free(struct join_req *j)
{
	if (!j)
		return;
	if (j->put_off)
		LIST_REMOVE(j, by_put_off);
	cert_refs_free(&j->certs);
	cert_refs_free(&j->certs_after);
	cert_refs_free(&j->former_after);
	free(j->identity);
	free(j->sag);
	free(j);
}

static void enter_put_off(struct group *g, struct join_req *j)
{
	LIST_INSERT_HEAD(&g->put_off[gmc_hash(j->identity)], j, by_put_off);
}

void join_put_off(struct group *g, struct join_req *j)
{
	j->put_off = true;
	j->token = 0;
	enter_put_off(g, j);
}

void join_tell_later(struct group *g, struct join_req *j)
{
	uint64_t now = group_now_ms(g);
	struct gike_reply reply = {
		.later_ms = g->batch_ms > now ? g->batch_ms - now : 1,
	};

	ike_reply(g->k->engine, j->token, &reply);
	join_put_off(g, j);
}

struct join_req *join_find_put_off(const struct group *g, const char *identity)
{
	struct join_req *j;

	LIST_FOREACH(j, &g->put_off[gmc_hash(identity)], by_put_off)
		if (!strcmp(j->identity, identity))
			return j;
	return NULL;
}

void join_replace(struct group *g, struct join_req *old, struct join_req *j)
{
	TAILQ_INSERT_BEFORE(old, j, all);
	g->senders_waiting += j->send;
	join_take(g, old);
	join_free(old);
}

void join_wait(struct group *g, struct join_req *j)
{
	/* A group that was read again takes over what waited for it before. */
	if (j->put_off) {
		LIST_REMOVE(j, by_put_off);
		enter_put_off(g, j);
	}
	j->taken = false;
	TAILQ_INSERT_TAIL(&g->joins, j, all);
	g->senders_waiting += j->send;
}

void join_take(struct group *g, struct join_req *j)
{
	TAILQ_REMOVE(&g->joins, j, all);
	g->senders_waiting -= j->send;
	j->taken = true;
}

static bool is_in(const struct join_reqs *l, const char *identity)
{
	const struct join_req *j;

	TAILQ_FOREACH(j, l, all)
		if (!strcmp(j->identity, identity))
			return true;
	return false;
}

bool waiting_has(const struct group *g, const char *identity)
{
	return is_in(&g->joins, identity) || is_in(&g->requests, identity);
}

void waiting_answer_leavers(struct group *g, struct leavers *l, int ret)
{
	struct gike_reply reply = {
		.notify = ret ? GIKE_N_REGISTRATION_FAILED : 0,
	};
	struct leaver *v;

	while ((v = TAILQ_FIRST(l))) {
		TAILQ_REMOVE(l, v, all);
		if (ret != -ECANCELED)
			ike_reply(g->k->engine, v->token, &reply);
		free(v);
	}
}

/* Leavers that are put in order; those after them wait for the next change. */
#define ORDERED_MAX 4096u

struct position_of {
	uint64_t position;
	struct gmember *m;
};

static int compare_positions(const void *a, const void *b)
{
	const struct position_of *x = a, *y = b;

	return (x->position > y->position) - (x->position < y->position);
}

struct gmember **rechecks_in_order(const struct group *g, uint32_t *n)
{
	struct position_of *v = calloc(g->n_rechecks + 1u, sizeof(*v));
	struct gmember **out = calloc(g->n_rechecks + 1u, sizeof(*out));
	struct htab_walk w = { 0 };
	struct gmember *m;
	uint32_t i;

	*n = 0;
	if (!v || !out) {
		free(v);
		free(out);
		return NULL;
	}
	while (*n < g->n_rechecks && (m = gmc_each(g, &w))) {
		if (!m->recheck)
			continue;
		v[*n].position = lkh_position(g->tree, m->leaf);
		v[(*n)++].m = m;
	}
	qsort(v, *n, sizeof(*v), compare_positions);
	for (i = 0; i < *n; i++)
		out[i] = v[i].m;
	free(v);
	return out;
}

struct gmember **leavers_due(const struct group *g, uint32_t *n)
{
	uint32_t most = g->n_leaving < ORDERED_MAX ? g->n_leaving : ORDERED_MAX;
	struct position_of *v = calloc(most + 1, sizeof(*v));
	struct gmember **out = calloc(most + 1, sizeof(*out));
	uint64_t now = group_now_ms(g), first = 0;
	struct gmember_more *x;
	uint32_t i;

	*n = 0;
	if (!v || !out) {
		free(v);
		free(out);
		return NULL;
	}
	TAILQ_FOREACH(x, &g->leaving, by_leave) {
		if (*n == most || x->m->out || x->leave_ms > now)
			continue;
		if (!*n)
			first = lkh_position(g->tree, x->m->leaf);
		/* The member that waits longest is first, and places go round from it. */
		v[*n].position = lkh_position(g->tree, x->m->leaf) - first;
		v[(*n)++].m = x->m;
	}
	qsort(v, *n, sizeof(*v), compare_positions);
	for (i = 0; i < *n; i++)
		out[i] = v[i].m;
	free(v);
	return out;
}

void waiting_arm(struct group *g, uint64_t delay)
{
	uint64_t due = group_now_ms(g) + delay;

	if (timer_armed(&g->batch) && g->batch_ms <= due)
		return;
	g->batch_ms = due;
	timer_set(g->k->deps.tq, &g->batch, delay);
}

bool waiting_any(const struct group *g)
{
	return !TAILQ_EMPTY(&g->joins) || !TAILQ_EMPTY(&g->leavers);
}

void waiting_request_exclude(struct group *g)
{
	g->exclude_pending = true;
	g->exclude_requests++;
}

void waiting_exclude_soon(struct group *g)
{
	waiting_request_exclude(g);
	pace_hurry_exclusion(g);
	waiting_arm(g, pace_exclude_ms(g));
}

int waiting_leave_later(struct group *g, struct gmember *m)
{
	return m->more->leaving ? 0 : waiting_leave_in(g, m, 0);
}

int waiting_leave_in(struct group *g, struct gmember *m, uint32_t wait_ms)
{
	uint32_t delay = g->conf->batch_leave_ms;
	int ret;

	if (delay < wait_ms)
		delay = wait_ms;
	ret = gmc_set_leaving(g, m, true);
	if (ret)
		return ret;
	gmember_more(m)->leave_ms = group_now_ms(g) + wait_ms;
	waiting_arm(g, delay);
	return 0;
}
