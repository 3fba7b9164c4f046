// SPDX-License-Identifier: Apache-2.0
#include "gcks/dismiss.h"

#include <stdbool.h>
#include <stdlib.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/identity.h"

static void serials_add(struct serials *l, uint64_t serial)
{
	size_t room = l->room ? 2 * l->room : 64;
	uint64_t *v;

	if (l->n == l->room) {
		v = reallocarray(l->v, room, sizeof(*v));
		if (!v)
			return;
		l->v = v;
		l->room = room;
	}
	l->v[l->n++] = serial;
}

static int compare_serials(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void serials_sort(struct serials *l)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), compare_serials);
}

static bool serials_have(const struct serials *l, uint64_t serial)
{
	return l->n &&
	       bsearch(&serial, l->v, l->n, sizeof(*l->v), compare_serials);
}

/* ---- collecting ---------------------------------------------------------- */

struct collection {
	struct group *g;
	struct serials *l;
};

static void collect_ike_sa(void *arg, struct ike_sa *sa)
{
	const struct ike_id *id = ike_sa_peer_id(sa);
	char identity[GMC_ID_MAX];
	struct collection *n = arg;

	if (id && !identity_of(id, identity, sizeof(identity)) &&
	    gmc_find(n->g, identity))
		serials_add(n->l, ike_sa_serial(sa));
}

void dismiss_collect(struct group *g, struct dismissal *d)
{
	struct collection n = { g, &d->members };

	if (g->k->engine)
		ike_engine_each(g->k->engine, collect_ike_sa, &n);
	serials_sort(&d->members);
}

/* ---- closing ------------------------------------------------------------- */

struct closing {
	const struct dismissal *d;
	struct serials waiting;
	struct ike_sa **v;
	size_t n;
};

static void find_member(void *arg, struct ike_sa *sa)
{
	uint64_t serial = ike_sa_serial(sa);
	struct closing *c = arg;

	if (c->n < c->d->members.n && serials_have(&c->d->members, serial) &&
	    !serials_have(&c->waiting, serial))
		c->v[c->n++] = sa;
}

static void add_waiting_sas(struct serials *l, const struct join_reqs *from)
{
	const struct join_req *j;

	TAILQ_FOREACH(j, from, all)
		serials_add(l, j->sa_serial);
}

void dismiss_members(struct group *g, struct dismissal *d, const char *why)
{
	struct closing c = { .d = d };

	if (d->members.n)
		c.v = calloc(d->members.n, sizeof(*c.v));
	if (c.v) {
		add_waiting_sas(&c.waiting, &g->requests);
		add_waiting_sas(&c.waiting, &g->joins);
		serials_sort(&c.waiting);
		ike_engine_each(g->k->engine, find_member, &c);
	}
	while (c.n)
		ike_close_repeat(c.v[--c.n], why);
	free(c.v);
	free(c.waiting.v);
	dismiss_free(d);
}

void dismiss_free(struct dismissal *d)
{
	free(d->members.v);
	*d = (struct dismissal){ 0 };
}
