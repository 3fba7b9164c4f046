// SPDX-License-Identifier: Apache-2.0
/*
 * The size of a batch in one message: trees as unbalanced as the store permits,
 * whose deepest leaves leave together. A batch that is not split can never be
 * sent, nor anything after it. Leaves in order make it small.
 */
#include "tap.h"

#include <string.h>

#include "gcks/lkh.h"
#include "wire/gpayload.h"
#include "lib/buf.h"

#define KEY 16
#define TOP 5 /* levels above the chains: 32 of them */
#define CHAINS (1u << TOP)

struct sprout {
	struct lkh *t;
	uint32_t slots;
	uint32_t deepest[CHAINS];
	unsigned int chains;
};

static void put(struct sprout *p, uint32_t slot, uint32_t up, uint32_t kid0,
		uint32_t kid1, uint64_t member)
{
	uint8_t key[KEY] = { 0 };
	struct wbuf w;

	wbuf_init(&w, LKH_RECORD_MAX);
	wbuf_u8(&w, 1);
	wbuf_u32(&w, slot);
	wbuf_u32(&w, up);
	wbuf_u32(&w, kid0);
	wbuf_u32(&w, kid1);
	wbuf_u64(&w, member);
	if (slot) {
		memcpy(key, &slot, sizeof(slot));
		wbuf_put(&w, key, KEY);
	}
	if (w.err || lkh_import(p->t, slot, w.p, w.len))
		bail("import of slot %u", slot);
	wbuf_free(&w);
}

/* A full tree down to TOP, below which each inner node has one leaf. */
static uint32_t sprout(struct sprout *p, uint32_t up, unsigned int depth)
{
	uint32_t at = p->slots++;
	uint32_t a, b;

	if (depth == LKH_DEPTH_MAX) {
		p->deepest[p->chains++] = at;
		put(p, at, up, LKH_NONE, LKH_NONE, at);
		return at;
	}
	a = sprout(p, at, depth + 1);
	if (depth < TOP) {
		b = sprout(p, at, depth + 1);
	} else {
		b = p->slots++;
		put(p, b, at, LKH_NONE, LKH_NONE, b);
	}
	put(p, at, up, a, b, 0);
	return at;
}

static void lopsided(struct sprout *p)
{
	memset(p, 0, sizeof(*p));
	p->t = lkh_new(KEY);
	if (!p->t)
		bail("no tree");
	sprout(p, LKH_NONE, 0);
	if (lkh_import_end(p->t, p->slots + 1, NULL, NULL))
		bail("no tree after the import");
}

static size_t told(struct lkh *t)
{
	struct lkh_wraps ch;
	size_t n;

	if (lkh_rekey(t) || lkh_changes(t, &ch))
		bail("rekey");
	n = ch.n;
	lkh_wraps_free(&ch);
	return n;
}

static void test_lopsided(void)
{
	struct sprout p;
	unsigned int out = 0, wrong = 0, rounds = 0;
	uint32_t leaf;
	size_t n, most = 0;

	lopsided(&p);
	is_int(lkh_depth(p.t), LKH_DEPTH_MAX, "a tree as deep as may be");
	while (out < p.chains && rounds++ < CHAINS) {
		unsigned int before = out;

		while (out < p.chains && lkh_room(p.t, KD_MAX_WRAP_KEYS))
			if (lkh_remove(p.t, p.deepest[out++]))
				bail("remove");
		n = told(p.t);
		wrong += n > KD_MAX_WRAP_KEYS || n > lkh_pending(p.t) ||
			 before == out;
		most = n > most ? n : most;
		lkh_commit(p.t);
	}
	is_int(out, CHAINS, "the deepest leaf of each chain has left");
	is_int(rounds, 3, "batches, since they do not fit into one");
	is_int(wrong, 0, "each batch fits into a message and takes some out");
	ok(most > KD_MAX_WRAP_KEYS - 2 * (LKH_DEPTH_MAX + 1) - 80,
	   "no batch is cut far too early: %zu keys", most);

	while (lkh_room(p.t, KD_MAX_WRAP_KEYS))
		if (lkh_add(p.t, p.slots++, &leaf))
			bail("add");
	ok(told(p.t) <= KD_MAX_WRAP_KEYS,
	   "each batch of joiners fits into a message");
	lkh_undo(p.t);
	lkh_free(p.t);
}

/* The limit is exact: with one more leaf the message would not fit. */
static void test_no_cut(void)
{
	struct sprout p;
	unsigned int out = 0;

	lopsided(&p);
	while (lkh_pending(p.t) <= 1000)
		if (lkh_remove(p.t, p.deepest[out++]))
			bail("remove");
	ok(told(p.t) > KD_MAX_WRAP_KEYS,
	   "a cut at 1000 keys without a margin would not fit");
	lkh_undo(p.t);
	lkh_free(p.t);
}

#define BEFORE 600
#define CROWD 590

/* A message has room for 60 newcomers that are spread over the tree. */
static void test_crowd(void)
{
	struct lkh *t = lkh_new(KEY);
	unsigned int i, n = 0;
	uint32_t leaf;
	size_t keys;

	for (i = 1; i <= BEFORE; i++)
		if (lkh_add(t, i, &leaf))
			bail("add");
	is_int(told(t), 0, "nobody was there before");
	lkh_commit(t);
	while (n < CROWD && lkh_room(t, KD_MAX_WRAP_KEYS)) {
		if (lkh_add(t, i + n, &leaf))
			bail("add");
		n++;
	}
	keys = told(t);
	is_int(n, CROWD, "a crowd as large as the group joins by one message");
	ok(keys <= KD_MAX_WRAP_KEYS && keys <= lkh_pending(t),
	   "the message for a crowd has %zu keys, no more than foreseen", keys);
	lkh_commit(t);
	ok(lkh_depth(t) <= 16, "the tree of %u has %u levels", BEFORE + CROWD,
	   lkh_depth(t));
	for (i = 0; i < 60; i++)
		if (lkh_add(t, BEFORE + CROWD + 1 + i, &leaf))
			bail("add");
	ok(lkh_depth(t) <= 16, "the next ones go where it is less deep");
	lkh_undo(t);
	lkh_free(t);
}

/* Leaves in the order of their places: neighbours have keys in common. */
static void test_places(void)
{
	static struct {
		uint64_t place;
		uint32_t leaf;
	} v[1024], x;
	size_t near, far;
	struct lkh_wraps ch;
	struct lkh *t = lkh_new(16);
	unsigned int i, k, same = 0;

	for (i = 0; i < 1024; i++)
		if (lkh_add(t, i + 1, &v[i].leaf))
			bail("add");
	lkh_rekey(t);
	lkh_commit(t);
	for (i = 0; i < 1024; i++)
		v[i].place = lkh_position(t, v[i].leaf);
	for (i = 1; i < 1024; i++)
		for (k = i; k && v[k].place < v[k - 1].place; k--) {
			x = v[k];
			v[k] = v[k - 1];
			v[k - 1] = x;
		}
	for (i = 1; i < 1024; i++)
		same += v[i].place == v[i - 1].place;
	is_int(same, 0, "each leaf has a place of its own");
	for (i = 0; i < 32; i++)
		lkh_remove(t, v[i * 32].leaf);
	lkh_rekey(t);
	lkh_changes(t, &ch);
	far = ch.n;
	lkh_wraps_free(&ch);
	lkh_undo(t);
	for (i = 0; i < 32; i++)
		lkh_remove(t, v[i].leaf);
	lkh_rekey(t);
	lkh_changes(t, &ch);
	near = ch.n;
	lkh_wraps_free(&ch);
	lkh_free(t);
	is_int(far, 318, "keys when leaves far from each other go");
	is_int(near, 8, "keys when as many neighbours go");
}

int main(void)
{
	RUN(test_crowd);
	RUN(test_lopsided);
	RUN(test_no_cut);
	RUN(test_places);
	return done();
}
