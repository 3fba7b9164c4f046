// SPDX-License-Identifier: Apache-2.0
#include "gcks/terms.h"

#include <errno.h>
#include <stdlib.h>

#define ROOM_MIN 16u

void terms_free(struct terms *t)
{
	free(t->v);
	t->v = NULL;
	t->n = 0;
	t->room = 0;
}

int terms_reserve(struct terms *t, uint32_t n)
{
	uint32_t room = t->room ? t->room : ROOM_MIN;
	struct gmember **v;

	while (room < n)
		room *= 2;
	if (room == t->room)
		return 0;
	v = reallocarray(t->v, room, sizeof(*v));
	if (!v)
		return -ENOMEM;
	t->v = v;
	t->room = room;
	return 0;
}

static void put_at(struct terms *t, uint32_t i, struct gmember *m)
{
	t->v[i] = m;
	m->at_terms = i;
}

/* Move @m from place @i towards the first one, as far as it is due before others. */
static uint32_t sift_up(struct terms *t, uint32_t i, struct gmember *m)
{
	struct gmember *up;

	for (; i; i = (i - 1) / 2) {
		up = t->v[(i - 1) / 2];
		if (up->due_s <= m->due_s)
			break;
		put_at(t, i, up);
	}
	return i;
}

static uint32_t sift_down(struct terms *t, uint32_t i, struct gmember *m)
{
	uint32_t kid;

	for (;; i = kid) {
		kid = 2 * i + 1;
		if (kid >= t->n)
			return i;
		if (kid + 1 < t->n && t->v[kid + 1]->due_s < t->v[kid]->due_s)
			kid++;
		if (t->v[kid]->due_s >= m->due_s)
			return i;
		put_at(t, i, t->v[kid]);
	}
}

/* Put @m at place @i or where it belongs from there. */
static void sift_at(struct terms *t, uint32_t i, struct gmember *m)
{
	put_at(t, sift_down(t, sift_up(t, i, m), m), m);
}

void terms_set(struct terms *t, struct gmember *m, uint32_t due_s)
{
	uint32_t i = m->at_terms;

	/* The room was made when the member came. */
	if (i == TERM_NONE && terms_reserve(t, t->n + 1))
		return;
	if (i == TERM_NONE)
		i = t->n++;
	m->due_s = due_s;
	sift_at(t, i, m);
}

void terms_drop(struct terms *t, struct gmember *m)
{
	uint32_t i = m->at_terms;
	struct gmember *last;

	if (i == TERM_NONE)
		return;
	m->at_terms = TERM_NONE;
	last = t->v[--t->n];
	if (last != m)
		sift_at(t, i, last);
}

struct gmember *terms_first(const struct terms *t)
{
	return t->n ? t->v[0] : NULL;
}
