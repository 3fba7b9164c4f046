// SPDX-License-Identifier: Apache-2.0
#include "relay/grants.h"

#include <stdlib.h>
#include <string.h>

struct held_grant *grant_hold(const struct grant *g, const uint8_t *p,
			      size_t len)
{
	struct held_grant *h = malloc(sizeof(*h) + len);

	if (!h)
		return NULL;
	h->refs = 1;
	h->expires = g->expires;
	h->n_ranges = g->n_ranges;
	memcpy(h->range, g->range, sizeof(h->range));
	h->len = len;
	memcpy(h->octets, p, len);
	return h;
}

static void drop_grant(struct held_grant *g)
{
	if (!--g->refs)
		free(g);
}

void grant_set_add(struct grant_set *s, struct held_grant *g, uint8_t hops)
{
	s->hops[s->n] = hops;
	s->v[s->n++] = g;
}

struct held_grant *grant_set_find(const struct grant_set *s, const uint8_t *p,
				  size_t len)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (s->v[i]->len == len && !memcmp(s->v[i]->octets, p, len))
			return s->v[i];
	return NULL;
}

unsigned int grant_set_expire(struct grant_set *s, uint64_t now)
{
	unsigned int i, kept = 0, before = s->n;

	for (i = 0; i < before; i++) {
		if (i && s->v[i]->expires <= now) {
			drop_grant(s->v[i]);
			continue;
		}
		s->hops[kept] = s->hops[i];
		s->v[kept++] = s->v[i];
	}
	s->n = kept;
	return before - kept;
}

void grant_set_drop(struct grant_set *s, unsigned int i)
{
	drop_grant(s->v[i]);
	for (s->n--; i < s->n; i++) {
		s->v[i] = s->v[i + 1];
		s->hops[i] = s->hops[i + 1];
	}
}

bool grant_set_equal(const struct grant_set *a, const struct grant_set *b)
{
	return a->n == b->n && !memcmp(a->hops, b->hops, a->n) &&
	       !memcmp(a->v, b->v, a->n * sizeof(a->v[0]));
}

void grant_set_clear(struct grant_set *s)
{
	while (s->n)
		drop_grant(s->v[--s->n]);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct sid_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Sort @n ranges and merge those that touch. Returns how many there are then. */
static unsigned int merge_ranges(struct sid_range *r, unsigned int n)
{
	unsigned int i, last = 0;

	if (!n)
		return 0;
	qsort(r, n, sizeof(*r), compare_ranges);
	for (i = 1; i < n; i++) {
		if (r[i].first > (unsigned int)r[last].last + 1)
			r[++last] = r[i];
		else if (r[i].last > r[last].last)
			r[last].last = r[i].last;
	}
	return last + 1;
}

unsigned int grant_set_ranges(const struct grant_set *s, struct sid_range *out,
			      unsigned int max, unsigned int *left_out)
{
	struct sid_range r[2 * GRANT_MAX_RANGES];
	unsigned int i, n = 0, more;

	*left_out = 0;
	if (max > GRANT_MAX_RANGES)
		max = GRANT_MAX_RANGES;
	for (i = 0; i < s->n; i++) {
		const struct held_grant *g = s->v[i];

		memcpy(r, out, n * sizeof(*r));
		memcpy(r + n, g->range, g->n_ranges * sizeof(*r));
		more = merge_ranges(r, n + g->n_ranges);
		if (more > max) {
			++*left_out;
			continue;
		}
		memcpy(out, r, more * sizeof(*r));
		n = more;
	}
	return n;
}

static bool is_newer(const struct grant *a, const struct grant *b)
{
	return a->issued != b->issued ? a->issued > b->issued
				      : a->expires > b->expires;
}

void grants_below_add(struct grants_below *b, const struct held_grant *h,
		      uint8_t hops)
{
	struct edge_grant *to;
	struct grant g;
	unsigned int i;

	/* A member that only receives has nothing to show farther up. */
	if (!h->n_ranges || hops > EDGE_MAX_HOPS ||
	    grant_parse(h->octets, h->len, &g))
		return;
	for (i = 0; i < b->n; i++)
		if (id_equal(&b->grant[i].member, &g.member))
			break;
	if (i == b->max)
		return;
	to = &b->out[i];
	if (i < b->n && to->len == h->len &&
	    !memcmp(to->p, h->octets, h->len)) {
		if (hops < to->hops)
			to->hops = hops;
		return;
	}
	if (i < b->n && !is_newer(&g, &b->grant[i]))
		return;
	*to = (struct edge_grant){ hops, h->octets, h->len };
	b->grant[i] = g;
	if (i == b->n)
		b->n++;
}
