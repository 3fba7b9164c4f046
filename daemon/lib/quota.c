// SPDX-License-Identifier: Apache-2.0
#include "lib/quota.h"

#include <stdlib.h>

#include "lib/util.h"

/* Keys whose hashes have the same low bits share this many entries. */
#define WAYS 8

/*
 * A leaky bucket in one number: @full_ms is the time when it will be empty
 * again (the theoretical arrival time of ITU-T I.371).
 */
struct entry {
	uint64_t id; /* hash of the key; 0: unused */
	uint64_t full_ms;
};

struct quota {
	struct quota_rule rule;
	uint64_t seed;
	size_t mask; /* number of sets minus 1 */
	struct entry e[];
};

struct quota *quota_new(const struct quota_rule *rule, uint64_t seed)
{
	struct quota *q;
	size_t sets = 1;

	while (sets * WAYS < rule->keys)
		sets *= 2;
	q = calloc(1, sizeof(*q) + sets * WAYS * sizeof(q->e[0]));
	if (!q)
		return NULL;
	q->rule = *rule;
	q->seed = seed;
	q->mask = sets - 1;
	return q;
}

void quota_free(struct quota *q)
{
	free(q);
}

static uint64_t hash_of(const struct quota *q, const void *key, size_t len)
{
	uint64_t h = fnv1a(q->seed ^ FNV1A_BASIS, key, len);

	/*
	 * FNV-1a does not carry the last octets into all low bits, so mix once
	 * more.
	 */
	h ^= h >> 32;
	h = (h ^ q->seed) * 0x9e3779b97f4a7c15ull;
	h ^= h >> 29;
	return h ? h : 1;
}

static const struct entry *find_entry(const struct quota *q, uint64_t id)
{
	const struct entry *set = &q->e[(id & q->mask) * WAYS];
	unsigned int i;

	for (i = 0; i < WAYS; i++)
		if (set[i].id == id)
			return &set[i];
	return NULL;
}

bool quota_left(const struct quota *q, const void *key, size_t len,
		uint64_t now_ms)
{
	const struct entry *e;
	uint64_t most;

	if (!q)
		return true;
	e = find_entry(q, hash_of(q, key, len));
	most = (uint64_t)q->rule.every_ms * (q->rule.burst - 1);
	return !e || e->full_ms <= now_ms || e->full_ms - now_ms <= most;
}

unsigned int quota_used(const struct quota *q, const void *key, size_t len,
			uint64_t now_ms)
{
	const struct entry *e = q ? find_entry(q, hash_of(q, key, len)) : NULL;

	uint64_t n;

	if (!e || e->full_ms <= now_ms)
		return 0;
	n = (e->full_ms - now_ms + q->rule.every_ms - 1) / q->rule.every_ms;
	return n < q->rule.burst ? n : q->rule.burst;
}

/* Return the entry of @id, or replace the one that expires first. */
static struct entry *place_entry(struct quota *q, uint64_t id)
{
	struct entry *set = &q->e[(id & q->mask) * WAYS], *old = set;
	unsigned int i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].id == id)
			return &set[i];
		if (set[i].full_ms < old->full_ms)
			old = &set[i];
	}
	old->id = id;
	old->full_ms = 0;
	return old;
}

void quota_spend(struct quota *q, const void *key, size_t len, uint64_t now_ms)
{
	struct entry *e;
	uint64_t most;

	if (!q)
		return;
	e = place_entry(q, hash_of(q, key, len));
	most = (uint64_t)q->rule.every_ms * q->rule.burst;
	if (e->full_ms < now_ms)
		e->full_ms = now_ms;
	/*
	 * Refused events do not fill the bucket beyond its size, so the wait is
	 * bounded.
	 */
	if (e->full_ms - now_ms < most)
		e->full_ms += q->rule.every_ms;
}

void quota_give_back(struct quota *q, const void *key, size_t len,
		     uint64_t now_ms)
{
	struct entry *e;

	if (!q)
		return;
	e = (struct entry *)find_entry(q, hash_of(q, key, len));
	if (e && e->full_ms > now_ms)
		e->full_ms -= q->rule.every_ms;
}

bool quota_take(struct quota *q, const void *key, size_t len, uint64_t now_ms)
{
	bool left = quota_left(q, key, len, now_ms);

	if (left)
		quota_spend(q, key, len, now_ms);
	return left;
}
