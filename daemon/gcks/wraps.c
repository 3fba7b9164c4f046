// SPDX-License-Identifier: Apache-2.0
#include "gcks/wraps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bounds of the entries of a group, powers of two. A smaller group needs none. */
#define CACHE_MAX 4096u
#define CACHE_MIN 64u

struct wraps {
	uint32_t n; /* a power of two */
	struct cached_wrap {
		uint32_t id; /* 0: none */
		uint32_t kwk_id;
		uint16_t len;
		uint8_t enc[LKH_KEY_MAX + 8];
	} v[];
};

static struct cached_wrap *cache_slot(const struct group *g,
				      const struct lkh_wrap *w)
{
	uint64_t h =
		((uint64_t)w->id << 32 | w->kwk_id) * 0x9e3779b97f4a7c15ull;

	return g->wraps ? &g->wraps->v[h >> 32 & (g->wraps->n - 1)] : NULL;
}

void wraps_reserve(struct group *g)
{
	struct wraps *wraps;
	uint32_t n = CACHE_MIN;

	if (g->n_members < CACHE_MIN)
		return;
	while (n < g->n_members && n < CACHE_MAX)
		n *= 2;
	if (g->wraps && g->wraps->n >= n)
		return;
	wraps = calloc(1, sizeof(*wraps) + n * sizeof(wraps->v[0]));
	if (!wraps)
		return;
	wraps->n = n;
	free(g->wraps);
	g->wraps = wraps;
}

void wraps_clear(struct group *g)
{
	free(g->wraps);
	g->wraps = NULL;
}

static int wrap_fresh(const struct group *g, const struct lkh_wrap *w,
		      struct kd_key *out)
{
	size_t len = lkh_key_len(g->tree);
	struct kwk kwk;
	int ret;

	ret = kwk_set(&kwk, g->conf->kwa, w->kwk, len);
	if (!ret)
		ret = kwk_wrap(&kwk, w->id, w->kwk_id, w->key, len, out);
	kwk_wipe(&kwk);
	return ret;
}

int wraps_make(const struct group *g, const struct lkh_wrap *w,
	       struct kd_key *out)
{
	struct cached_wrap *k = cache_slot(g, w);
	int ret;

	if (k && k->id == w->id && k->kwk_id == w->kwk_id) {
		memset(out, 0, sizeof(*out));
		out->key_id = w->id;
		out->kwk_id = w->kwk_id;
		out->len = k->len;
		memcpy(out->enc, k->enc, k->len);
		return 0;
	}
	ret = wrap_fresh(g, w, out);
	if (ret || !k || out->len > sizeof(k->enc))
		return ret;
	k->id = w->id;
	k->kwk_id = w->kwk_id;
	k->len = out->len;
	memcpy(k->enc, out->enc, out->len);
	return 0;
}
