// SPDX-License-Identifier: Apache-2.0
#include "gcks/rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

/* Bounds of the pause between two grants to one identity. */
#define GRANT_MIN_MS 1000
#define GRANT_MAX_MS 60000
/*
 * The first join is free. After that, a leave waits for 4, 8, 16 s and so on;
 * each minute forgives one join.
 */
#define CHURN_FREE 1
#define CHURN_MIN_MS 4000u
#define CHURN_MAX_MS 60000u
#define CHURN_MAX 8
#define CHURN_REST_MS 60000

uint32_t rate_pause_left(uint32_t pause_ms, uint64_t rest_ms, uint32_t min_ms)
{
	for (; pause_ms >= min_ms && rest_ms >= RATE_REST_MS;
	     rest_ms -= RATE_REST_MS)
		pause_ms /= 2;
	return pause_ms >= min_ms ? pause_ms : 0;
}

static uint32_t grant_pause_left(const struct rate_entry *p, uint64_t rest_ms)
{
	return rate_pause_left(p->wait_ms, rest_ms, GRANT_MIN_MS);
}

static void forgive_joins(struct rate_entry *p, uint64_t now)
{
	for (; p->joins && now - p->came_ms >= CHURN_REST_MS; p->joins--)
		p->came_ms += CHURN_REST_MS;
	if (!p->joins)
		p->came_ms = now;
}

/* Return the entry of @key or NULL. Frees expired entries on the way. */
static struct rate_entry *rate_find(struct rate_list *bucket, const char *key,
				    uint64_t now)
{
	struct rate_entry *p, *next, *found = NULL;

	for (p = LIST_FIRST(bucket); p; p = next) {
		next = LIST_NEXT(p, link);
		forgive_joins(p, now);
		if (!strcmp(p->key, key)) {
			found = p;
		} else if (!grant_pause_left(p, now - p->at_ms) && !p->joins) {
			LIST_REMOVE(p, link);
			free(p);
		}
	}
	return found;
}

/* Return NULL if memory is short. */
static struct rate_entry *rate_get(struct group *g, const char *identity)
{
	char key[CONF_GROUP_NAME_MAX + GMC_ID_MAX + 2];
	uint64_t now = group_now_ms(g);
	struct rate_list *bucket;
	struct rate_entry *p;

	snprintf(key, sizeof(key), "%s\n%s", g->conf->name, identity);
	bucket =
		&g->k->rates[fnv1a(FNV1A_BASIS, key, strlen(key)) % GCKS_RATES];
	p = rate_find(bucket, key, now);
	if (p)
		return p;
	p = calloc(1, sizeof(*p) + strlen(key) + 1);
	if (!p)
		return NULL;
	strcpy(p->key, key);
	p->came_ms = now;
	LIST_INSERT_HEAD(bucket, p, link);
	return p;
}

bool rate_allows(struct group *g, const char *identity)
{
	struct rate_entry *p = rate_get(g, identity);
	uint64_t now = group_now_ms(g);

	if (!p || now - p->at_ms < p->wait_ms)
		return false;
	p->wait_ms = 2 * grant_pause_left(p, now - p->at_ms);
	p->at_ms = now;
	if (p->wait_ms < GRANT_MIN_MS)
		p->wait_ms = GRANT_MIN_MS;
	if (p->wait_ms > GRANT_MAX_MS)
		p->wait_ms = GRANT_MAX_MS;
	return true;
}

void rate_count_join(struct group *g, const char *identity)
{
	struct rate_entry *p = rate_get(g, identity);

	if (p && p->joins < CHURN_MAX)
		p->joins++;
}

uint32_t rate_leave_wait_ms(struct group *g, const char *identity)
{
	const struct rate_entry *p = rate_get(g, identity);
	uint32_t ms;

	if (!p || p->joins <= CHURN_FREE)
		return 0;
	ms = CHURN_MIN_MS << (p->joins - CHURN_FREE - 1);
	return ms < CHURN_MAX_MS ? ms : CHURN_MAX_MS;
}

void rate_reset(struct gcks *k)
{
	struct rate_entry *p;
	size_t i;

	for (i = 0; i < GCKS_RATES; i++)
		while ((p = LIST_FIRST(&k->rates[i]))) {
			LIST_REMOVE(p, link);
			free(p);
		}
}
