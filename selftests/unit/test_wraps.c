// SPDX-License-Identifier: Apache-2.0
/*
 * Wrapped tree keys that are kept: each is the key that it is said to be, under the key
 * that it is said to be wrapped with, also when others came in between.
 */
#include "tap.h"

#include "gcks/policy.h"
#include "gcks/wraps.h"

#define MEMBERS 300

static struct conf_group conf = { .kwa = GIKE_KWA_5649_128 };
static struct group g = { .conf = &conf };
static uint32_t leaf[MEMBERS];

static void plant(void)
{
	unsigned int i;

	g.tree = lkh_new(16);
	for (i = 0; i < MEMBERS; i++)
		if (lkh_add(g.tree, i + 1, &leaf[i]))
			bail("no leaf");
	if (lkh_rekey(g.tree))
		bail("no keys");
	lkh_commit(g.tree);
	g.n_members = MEMBERS;
}

/* Count the keys of @m's path that are not what they should be. */
static unsigned int wrong_of(unsigned int m)
{
	unsigned int wrong = 0;
	struct lkh_wraps w;
	struct kd_key key;
	uint8_t plain[16];
	struct kwk kwk;
	size_t i;

	if (lkh_path(g.tree, leaf[m], &w))
		bail("no path");
	for (i = 0; i < w.n; i++) {
		if (!w.v[i].id || !w.v[i].kwk_id)
			continue;
		kwk_set(&kwk, conf.kwa, w.v[i].kwk, 16);
		wrong += wraps_make(&g, &w.v[i], &key) ||
			 key.key_id != w.v[i].id ||
			 key.kwk_id != w.v[i].kwk_id ||
			 kwk_unwrap(&kwk, &key, plain, 16) ||
			 memcmp(plain, w.v[i].key, 16) != 0;
	}
	lkh_wraps_free(&w);
	return wrong;
}

static unsigned int wrong_of_all(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < MEMBERS; i++)
		wrong += wrong_of(i);
	return wrong;
}

static void test_kept(void)
{
	struct lkh_wraps w;
	struct kd_key key;
	uint8_t other[16];

	plant();
	is_int(wrong_of_all(), 0, "keys are wrapped where none is kept");
	g.n_members = 10;
	wraps_reserve(&g);
	ok(!g.wraps, "a small group keeps none");
	g.n_members = MEMBERS;
	wraps_reserve(&g);
	ok(g.wraps, "a larger group keeps some");
	is_int(wrong_of_all(), 0, "keys are wrapped for all members");
	is_int(wrong_of_all(), 0, "kept ones are the same");
	/* Shows that a kept one is used, which no change of the tree can do. */
	if (lkh_path(g.tree, leaf[0], &w) || wraps_make(&g, &w.v[1], &key))
		bail("no wrap");
	memset(other, 7, sizeof(other));
	w.v[1].key = other;
	ok(!wraps_make(&g, &w.v[1], &key) && wrong_of(0) == 0,
	   "a key that is kept is not wrapped again");
	w.v[1].id = 1 << 30;
	if (wraps_make(&g, &w.v[1], &key))
		bail("no wrap");
	lkh_wraps_free(&w);
	is_int(wrong_of_all(), 0, "a key of another ID does not pass for it");
}

static void test_changes(void)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < 50; i++) {
		if (lkh_renew_path(g.tree, leaf[i * 5]) || lkh_rekey(g.tree))
			bail("no keys");
		wrong += wrong_of_all();
		lkh_commit(g.tree);
	}
	is_int(wrong, 0, "keys that were replaced are not given any more");
}

/* Key IDs begin anew with another tree. */
static void test_another_tree(void)
{
	lkh_free(g.tree);
	wraps_clear(&g);
	ok(!g.wraps, "nothing is kept of another tree");
	plant();
	wraps_reserve(&g);
	is_int(wrong_of_all(), 0, "the keys are those of the new tree");
	wraps_clear(&g);
	lkh_free(g.tree);
}

int main(void)
{
	RUN(test_kept);
	RUN(test_changes);
	RUN(test_another_tree);
	return done();
}
