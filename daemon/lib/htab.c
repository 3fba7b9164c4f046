// SPDX-License-Identifier: Apache-2.0
/*
 * Linear hashing (Litwin, 1980): with each bucket that is added, the nodes of one
 * other bucket are divided between the two.
 */
#include "lib/htab.h"

#include <stdlib.h>

/* Nodes of a bucket, on average, before another one is added. */
#define LOAD 2

static unsigned int log_of(uint32_t bucket)
{
	return 31 - (unsigned int)__builtin_clz(bucket);
}

static struct hnode **bucket_at(const struct htab *t, uint32_t i)
{
	unsigned int k;

	if (!i)
		return (struct hnode **)&t->zero;
	k = log_of(i);
	return &t->seg[k][i - (1u << k)];
}

/* The buckets behind the last power of two are not there for every hash. */
static uint32_t bucket_of(const struct htab *t, uint64_t hash)
{
	uint32_t h = hash ^ hash >> 32, mask;

	if (t->buckets == 1)
		return 0;
	mask = (2u << log_of(t->buckets - 1)) - 1;
	return (h & mask) < t->buckets ? h & mask : h & (mask >> 1);
}

void htab_init(struct htab *t, uint64_t (*hash)(const struct hnode *n))
{
	*t = (struct htab){ .hash = hash, .buckets = 1 };
}

void htab_free(struct htab *t)
{
	unsigned int k;

	for (k = 0; k < HTAB_SEGS; k++)
		free(t->seg[k]);
	htab_init(t, t->hash);
}

static void push_node(struct hnode **bucket, struct hnode *n)
{
	n->next = *bucket;
	*bucket = n;
}

/* Add a bucket, and divide the one whose nodes may belong there. */
static void add_bucket(struct htab *t)
{
	uint32_t i = t->buckets;
	unsigned int k = log_of(i);
	struct hnode **from, *n, *next;

	if (k == HTAB_SEGS - 1)
		return;
	if (!t->seg[k])
		t->seg[k] = calloc(1u << k, sizeof(*t->seg[k]));
	if (!t->seg[k])
		return;
	from = bucket_at(t, i - (1u << k));
	n = *from;
	*from = NULL;
	t->buckets++;
	for (; n; n = next) {
		next = n->next;
		push_node(bucket_at(t, bucket_of(t, t->hash(n))), n);
	}
}

void htab_add(struct htab *t, struct hnode *n)
{
	push_node(bucket_at(t, bucket_of(t, t->hash(n))), n);
	if (++t->n > LOAD * t->buckets)
		add_bucket(t);
}

void htab_del(struct htab *t, struct hnode *n)
{
	struct hnode **at = bucket_at(t, bucket_of(t, t->hash(n)));

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	t->n--;
}

struct hnode *htab_first(const struct htab *t, uint64_t hash)
{
	return *bucket_at(t, bucket_of(t, hash));
}

/* Nodes are anywhere in memory, so those of a walk are fetched before it comes to them. */
#define AHEAD 8u

struct hnode *htab_each(const struct htab *t, struct htab_walk *w)
{
	struct hnode *n;

	while (!w->next && w->bucket < t->buckets) {
		if (w->bucket + AHEAD < t->buckets)
			__builtin_prefetch(*bucket_at(t, w->bucket + AHEAD));
		w->next = *bucket_at(t, w->bucket++);
	}
	n = w->next;
	if (!n)
		return NULL;
	w->next = n->next;
	__builtin_prefetch(w->next);
	return n;
}
