// SPDX-License-Identifier: Apache-2.0
/*
 * The nodes have numbers, their slots. Slot 0 is the root, which stands for the key of
 * the Rekey SA and has no key of its own. Every other inner node has exactly two
 * children: when a leaf is removed, its sibling takes the place of their
 * parent, so that no key outlives its use.
 *
 * Nodes are in segments, which never move: a tree of a million members grows without
 * copying its keys, and without the pause that this would take.
 */
#include "gcks/lkh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "lib/buf.h"

#define ROOT 0u
#define RECORD_VERSION 1
/*
 * Number of keys that a batch replaces before it adds leaves side by side, in a clump;
 * the most leaves of a clump, and the largest share of the tree that it may be.
 */
#define CLUMP_KEYS 512u
#define CLUMP_MAX 64u
#define CLUMP_SHARE 16u

/* Nodes of a segment. */
#define SEG_BITS 10
#define SEG_NODES (1u << SEG_BITS)

/* There are two for each member, so their size matters. */
struct node {
	uint32_t id; /* Key ID; 0: free slot, or the root */
	uint32_t up; /* parent; in a free slot the next free slot */
	uint32_t kid[2]; /* a leaf has its member, upper half first */
	uint32_t leaves : 21; /* leaves at or below */
	uint32_t height : 6; /* levels below */
	uint32_t is_leaf : 1;
	uint32_t stale : 1; /* to be replaced by this batch */
	uint32_t joined : 1; /* every leaf below was added by this batch */
	uint32_t saved : 1; /* the journal has its former contents */
	uint8_t key[LKH_KEY_MAX];
};

#define HEIGHT_MAX 63u

_Static_assert(sizeof(struct node) == 52, "a node has padding");
_Static_assert(LKH_MEMBERS_MAX < 1u << 21, "leaves of a node are not counted");
_Static_assert(LKH_DEPTH_MAX < HEIGHT_MAX, "levels of a node are not counted");

struct saved {
	uint32_t slot;
	struct node was;
};

struct lkh {
	size_t key_len;
	struct node **seg;
	uint32_t n_segs;
	uint32_t cap_segs;
	uint32_t n; /* slots in use or on the free list */
	uint32_t free; /* head of the free list */
	uint32_t next_id;
	size_t n_stale; /* stale nodes whose new keys existing members need */
	uint32_t clump; /* top node of that of this batch, or LKH_NONE */

	/* State before the batch, for lkh_undo(). */
	struct saved *journal;
	size_t n_journal;
	size_t cap_journal;
	uint32_t old_n;
	uint32_t old_free;
};

/* Like realloc(), which would leave copies of keys in freed memory. */
static void *grow_wiped(void *old, size_t used, size_t want)
{
	void *p = calloc(1, want);

	if (!p)
		return NULL;
	if (old) {
		memcpy(p, old, used);
		explicit_bzero(old, used);
		free(old);
	}
	return p;
}

static struct node *node_of(const struct lkh *t, uint32_t slot)
{
	return &t->seg[slot >> SEG_BITS][slot & (SEG_NODES - 1)];
}

/* Make room for slots below @n. */
static int make_slots(struct lkh *t, uint32_t n)
{
	struct node **seg;
	uint32_t cap;

	while (t->n_segs * SEG_NODES < n) {
		if (t->n_segs == t->cap_segs) {
			cap = t->cap_segs ? 2 * t->cap_segs : 4;
			seg = reallocarray(t->seg, cap, sizeof(*seg));
			if (!seg)
				return -ENOMEM;
			t->seg = seg;
			t->cap_segs = cap;
		}
		t->seg[t->n_segs] = calloc(SEG_NODES, sizeof(struct node));
		if (!t->seg[t->n_segs])
			return -ENOMEM;
		t->n_segs++;
	}
	return 0;
}

struct lkh *lkh_new(size_t key_len)
{
	struct lkh *t;

	if (!key_len || key_len > LKH_KEY_MAX)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	if (make_slots(t, 1)) {
		lkh_free(t);
		return NULL;
	}
	t->key_len = key_len;
	t->next_id = 1;
	t->n = 1;
	t->free = LKH_NONE;
	t->clump = LKH_NONE;
	node_of(t, ROOT)->up = LKH_NONE;
	node_of(t, ROOT)->kid[0] = LKH_NONE;
	node_of(t, ROOT)->kid[1] = LKH_NONE;
	t->old_n = t->n;
	t->old_free = t->free;
	return t;
}

void lkh_free(struct lkh *t)
{
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i < t->n_segs; i++) {
		explicit_bzero(t->seg[i], SEG_NODES * sizeof(struct node));
		free(t->seg[i]);
	}
	if (t->journal)
		explicit_bzero(t->journal,
			       t->cap_journal * sizeof(*t->journal));
	free(t->seg);
	free(t->journal);
	free(t);
}

size_t lkh_key_len(const struct lkh *t)
{
	return t->key_len;
}

uint32_t lkh_members(const struct lkh *t)
{
	return node_of(t, ROOT)->leaves;
}

uint32_t lkh_next_id(const struct lkh *t)
{
	return t->next_id;
}

unsigned int lkh_depth(const struct lkh *t)
{
	return node_of(t, ROOT)->height;
}

static uint64_t leaf_member(const struct node *leaf)
{
	return (uint64_t)leaf->kid[0] << 32 | leaf->kid[1];
}

static void set_member(struct node *leaf, uint64_t member)
{
	leaf->is_leaf = true;
	leaf->kid[0] = member >> 32;
	leaf->kid[1] = (uint32_t)member;
}

uint64_t lkh_position(const struct lkh *t, uint32_t leaf)
{
	uint64_t position = 0;
	uint32_t s, up;

	for (s = leaf; s != ROOT; s = up) {
		up = node_of(t, s)->up;
		position = position >> 1 |
			   (uint64_t)(node_of(t, up)->kid[1] == s) << 63;
	}
	return position;
}

/* Count the levels below @s from those of its children. */
static unsigned int height_of(const struct lkh *t, uint32_t s)
{
	const struct node *nd = node_of(t, s);
	unsigned int h = 0, below;
	int i;

	if (nd->is_leaf)
		return 0;
	for (i = 0; i < 2; i++) {
		if (nd->kid[i] == LKH_NONE)
			continue;
		below = node_of(t, nd->kid[i])->height + 1;
		h = below > h ? below : h;
	}
	return h < HEIGHT_MAX ? h : HEIGHT_MAX;
}

/* ---- changes that can be undone ----------------------------------------- */

/*
 * Save a node before it is changed. Slots that are new in the batch need not
 * be saved.
 */
static int save_node(struct lkh *t, uint32_t s)
{
	struct saved *j;
	size_t cap;

	if (node_of(t, s)->saved || s >= t->old_n)
		return 0;
	if (t->n_journal == t->cap_journal) {
		cap = t->cap_journal ? 2 * t->cap_journal : 64;
		j = grow_wiped(t->journal, t->n_journal * sizeof(*j),
			       cap * sizeof(*j));
		if (!j)
			return -ENOMEM;
		t->journal = j;
		t->cap_journal = cap;
	}
	j = &t->journal[t->n_journal++];
	j->slot = s;
	j->was = *node_of(t, s);
	node_of(t, s)->saved = true;
	return 0;
}

/* Wipe a node but for what belongs to its slot. */
static void clear_node(struct node *nd, uint32_t up)
{
	bool saved = nd->saved;

	explicit_bzero(nd, sizeof(*nd));
	nd->saved = saved;
	nd->up = up;
	nd->kid[0] = LKH_NONE;
	nd->kid[1] = LKH_NONE;
}

static int slot_get(struct lkh *t, uint32_t *out)
{
	uint32_t s;
	int ret;

	s = t->free;
	if (s != LKH_NONE) {
		ret = save_node(t, s);
		if (ret)
			return ret;
		t->free = node_of(t, s)->up;
	} else {
		ret = make_slots(t, t->n + 1);
		if (ret)
			return ret;
		s = t->n++;
	}
	clear_node(node_of(t, s), LKH_NONE);
	*out = s;
	return 0;
}

/* Put @s on the free list. The caller has saved the node. */
static void slot_put(struct lkh *t, uint32_t s)
{
	if (node_of(t, s)->stale && !node_of(t, s)->joined)
		t->n_stale--;
	clear_node(node_of(t, s), t->free);
	t->free = s;
}

static int fresh_key(struct lkh *t, uint32_t s)
{
	int ret;

	if (t->next_id == UINT32_MAX)
		return -EOVERFLOW;
	ret = rand_bytes(node_of(t, s)->key, t->key_len);
	if (ret)
		return ret;
	node_of(t, s)->id = t->next_id++;
	return 0;
}

/* Mark @s and all nodes above it as stale, with @leaves more leaves below. */
static int mark_path_stale(struct lkh *t, uint32_t s, int leaves)
{
	int ret;

	for (; s != LKH_NONE; s = node_of(t, s)->up) {
		ret = save_node(t, s);
		if (ret)
			return ret;
		if (!node_of(t, s)->stale)
			t->n_stale++;
		node_of(t, s)->stale = true;
		node_of(t, s)->leaves += leaves;
	}
	return 0;
}

/* Count the levels below @s and below its ancestors, which the caller has saved. */
static void count_levels(struct lkh *t, uint32_t s)
{
	unsigned int h;

	for (; s != LKH_NONE; s = node_of(t, s)->up) {
		h = height_of(t, s);
		if (h == node_of(t, s)->height)
			break;
		node_of(t, s)->height = h;
	}
}

/* Replace @old by @kid as a child of @up. The caller has saved @up. */
static void relink_child(struct lkh *t, uint32_t up, uint32_t old, uint32_t kid)
{
	struct node *u = node_of(t, up);

	u->kid[u->kid[1] == old] = kid;
	if (kid != LKH_NONE)
		node_of(t, kid)->up = up;
}

/* Find a leaf below @s by descending into the half with fewer leaves. */
static uint32_t lightest_leaf(const struct lkh *t, uint32_t s)
{
	uint32_t a, b;

	while (!node_of(t, s)->is_leaf) {
		a = node_of(t, s)->kid[0];
		b = node_of(t, s)->kid[1];
		s = node_of(t, b)->leaves < node_of(t, a)->leaves ? b : a;
	}
	return s;
}

static bool clump_grows(const struct lkh *t)
{
	uint32_t n;

	if (t->clump == LKH_NONE || lkh_pending(t) < CLUMP_KEYS)
		return false;
	n = node_of(t, t->clump)->leaves;
	return n < CLUMP_MAX && n < node_of(t, ROOT)->leaves / CLUMP_SHARE;
}

/*
 * Find the leaf to split. If that is an existing member's, all members need the new keys
 * above it, and a message has room for few such paths. The joiners of a batch are
 * therefore put side by side, in clumps: they get the keys inside a clump with the
 * answers to their registrations. A clump stays small, so that its leaves are a few
 * levels deeper at most, and the next batch balances the tree again.
 */
static uint32_t leaf_to_split(const struct lkh *t)
{
	uint32_t s = lightest_leaf(t, ROOT);

	if (!node_of(t, s)->joined && clump_grows(t))
		s = lightest_leaf(t, t->clump);
	return s;
}

/* The new leaf @s and the leaf @at are below @inner now: set the clump. */
static void update_clump(struct lkh *t, uint32_t s, uint32_t at, uint32_t inner)
{
	if (!node_of(t, at)->joined)
		t->clump = s;
	else if (at == t->clump)
		t->clump = inner;
}

int lkh_add(struct lkh *t, uint64_t member, uint32_t *leaf)
{
	uint32_t s, inner, at, up;
	int ret;

	if (!member)
		return -EINVAL;
	if (node_of(t, ROOT)->leaves >= LKH_MEMBERS_MAX)
		return -ENOSPC;
	ret = slot_get(t, &s);
	if (ret)
		return ret;
	ret = fresh_key(t, s);
	if (ret)
		return ret;
	set_member(node_of(t, s), member);
	node_of(t, s)->leaves = 1;
	node_of(t, s)->joined = true;

	if (node_of(t, ROOT)->kid[0] == LKH_NONE ||
	    node_of(t, ROOT)->kid[1] == LKH_NONE) {
		ret = mark_path_stale(t, ROOT, 1);
		if (ret)
			return ret;
		relink_child(t, ROOT, LKH_NONE, s);
	} else {
		at = leaf_to_split(t);
		up = node_of(t, at)->up;
		ret = slot_get(t, &inner);
		if (!ret)
			ret = save_node(t, at);
		if (!ret)
			ret = mark_path_stale(t, up, 1);
		if (ret)
			return ret;
		relink_child(t, up, at, inner);
		node_of(t, inner)->leaves = 2;
		node_of(t, inner)->stale = true;
		node_of(t, inner)->joined = node_of(t, at)->joined;
		t->n_stale += !node_of(t, at)->joined;
		node_of(t, inner)->kid[0] = at;
		node_of(t, inner)->kid[1] = s;
		node_of(t, at)->up = inner;
		node_of(t, s)->up = inner;
		update_clump(t, s, at, inner);
	}
	count_levels(t, node_of(t, s)->up);
	*leaf = s;
	return 0;
}

int lkh_remove(struct lkh *t, uint32_t leaf)
{
	uint32_t up, sib, top;
	int ret;

	if (leaf >= t->n || !node_of(t, leaf)->is_leaf)
		return -ENOENT;
	up = node_of(t, leaf)->up;
	t->clump = LKH_NONE;
	ret = save_node(t, leaf);
	if (!ret)
		ret = mark_path_stale(t, up, -1);
	if (ret)
		return ret;
	if (up == ROOT) {
		relink_child(t, ROOT, leaf, LKH_NONE);
		count_levels(t, ROOT);
	} else {
		sib = node_of(t, up)->kid[node_of(t, up)->kid[0] == leaf];
		top = node_of(t, up)->up;
		ret = save_node(t, sib);
		if (ret)
			return ret;
		relink_child(t, top, up, sib);
		count_levels(t, top);
		slot_put(t, up);
	}
	slot_put(t, leaf);
	return 0;
}

int lkh_renew(struct lkh *t, uint32_t leaf)
{
	return save_node(t, leaf) ? -ENOMEM : fresh_key(t, leaf);
}

int lkh_renew_path(struct lkh *t, uint32_t leaf)
{
	return mark_path_stale(t, node_of(t, leaf)->up, 0);
}

size_t lkh_pending(const struct lkh *t)
{
	return 2 * t->n_stale + 2;
}

bool lkh_room(const struct lkh *t, size_t wraps)
{
	/* The keys above the leaf change, and a split leaf adds one. */
	return lkh_pending(t) + 2 * (LKH_DEPTH_MAX + 1) <= wraps;
}

/*
 * Replace the keys of @s and of the stale nodes below it, and update their
 * joined flags.
 */
static int rekey_below(struct lkh *t, uint32_t s)
{
	struct node *nd = node_of(t, s);
	bool joined = true;
	int i, ret;

	if (!nd->stale)
		return 0;
	for (i = 0; i < 2; i++) {
		if (nd->kid[i] == LKH_NONE)
			continue;
		ret = rekey_below(t, nd->kid[i]);
		if (ret)
			return ret;
		if (!node_of(t, nd->kid[i])->joined)
			joined = false;
	}
	nd->joined = joined;
	return s == ROOT ? 0 : fresh_key(t, s);
}

int lkh_rekey(struct lkh *t)
{
	return rekey_below(t, ROOT);
}

/* ---- key wraps ---------------------------------------------------------- */

static int wraps_add(struct lkh_wraps *w, size_t *cap,
		     const struct lkh_wrap *one)
{
	struct lkh_wrap *v;
	size_t n;

	if (w->n == *cap) {
		n = *cap ? 2 * *cap : 16;
		v = reallocarray(w->v, n, sizeof(*v));
		if (!v)
			return -ENOMEM;
		w->v = v;
		*cap = n;
	}
	w->v[w->n++] = *one;
	return 0;
}

static int changes_below(struct lkh *t, uint32_t s, struct lkh_wraps *out,
			 size_t *cap)
{
	const struct node *nd = node_of(t, s);
	const struct node *kid;
	struct lkh_wrap w;
	int i, ret;

	for (i = 0; i < 2; i++) {
		if (nd->kid[i] == LKH_NONE)
			continue;
		kid = node_of(t, nd->kid[i]);
		if (kid->joined)
			continue;
		w.id = nd->id;
		w.key = s == ROOT ? NULL : nd->key;
		w.kwk_id = kid->id;
		w.kwk = kid->key;
		ret = wraps_add(out, cap, &w);
		if (ret)
			return ret;
		if (s == ROOT)
			out->n_sa++;
	}
	for (i = 0; i < 2; i++) {
		if (nd->kid[i] == LKH_NONE || !node_of(t, nd->kid[i])->stale)
			continue;
		ret = changes_below(t, nd->kid[i], out, cap);
		if (ret)
			return ret;
	}
	return 0;
}

int lkh_changes(struct lkh *t, struct lkh_wraps *out)
{
	size_t cap = 0;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = changes_below(t, ROOT, out, &cap);
	if (ret)
		lkh_wraps_free(out);
	return ret;
}

int lkh_path(const struct lkh *t, uint32_t leaf, struct lkh_wraps *out)
{
	struct lkh_wrap w = { 0 };
	uint32_t s, up;
	size_t cap = 0;
	size_t i;
	int ret;

	memset(out, 0, sizeof(*out));
	if (leaf >= t->n || !node_of(t, leaf)->is_leaf)
		return -ENOENT;
	/* From the leaf up: leaf{default}, parent{leaf}, ..., SA key{top}. */
	for (s = leaf; s != LKH_NONE; s = up) {
		up = node_of(t, s)->up;
		w.id = node_of(t, s)->id;
		w.key = s == ROOT ? NULL : node_of(t, s)->key;
		ret = wraps_add(out, &cap, &w);
		if (ret) {
			lkh_wraps_free(out);
			return ret;
		}
		w.kwk_id = node_of(t, s)->id;
		w.kwk = node_of(t, s)->key;
	}
	for (i = 0; i < out->n / 2; i++) {
		w = out->v[i];
		out->v[i] = out->v[out->n - 1 - i];
		out->v[out->n - 1 - i] = w;
	}
	out->n_sa = 1;
	return 0;
}

void lkh_wraps_free(struct lkh_wraps *w)
{
	free(w->v);
	memset(w, 0, sizeof(*w));
}

/* ---- end of a batch ----------------------------------------------------- */

static void journal_wipe(struct lkh *t)
{
	if (t->n_journal)
		explicit_bzero(t->journal, t->n_journal * sizeof(*t->journal));
	t->n_journal = 0;
	t->n_stale = 0;
	t->clump = LKH_NONE;
	t->old_n = t->n;
	t->old_free = t->free;
}

static void clear_flags(struct node *nd)
{
	nd->saved = false;
	nd->stale = false;
	nd->joined = false;
}

void lkh_commit(struct lkh *t)
{
	uint32_t s;
	size_t i;

	for (i = 0; i < t->n_journal; i++)
		clear_flags(node_of(t, t->journal[i].slot));
	for (s = t->old_n; s < t->n; s++)
		clear_flags(node_of(t, s));
	journal_wipe(t);
}

void lkh_undo(struct lkh *t)
{
	size_t i;

	for (i = 0; i < t->n_journal; i++)
		*node_of(t, t->journal[i].slot) = t->journal[i].was;
	while (t->n > t->old_n)
		explicit_bzero(node_of(t, --t->n), sizeof(struct node));
	t->free = t->old_free;
	journal_wipe(t);
}

/* ---- the store ---------------------------------------------------------- */

static int export_slot(struct lkh *t, uint32_t s,
		       int (*fn)(void *ctx, uint32_t slot, const uint8_t *rec,
				 size_t len),
		       void *ctx)
{
	const struct node *nd = node_of(t, s);
	struct wbuf w;
	int ret;

	if (s != ROOT && !nd->id)
		return fn(ctx, s, NULL, 0);
	wbuf_init(&w, LKH_RECORD_MAX);
	wbuf_u8(&w, RECORD_VERSION);
	wbuf_u32(&w, nd->id);
	wbuf_u32(&w, nd->up);
	wbuf_u32(&w, nd->is_leaf ? LKH_NONE : nd->kid[0]);
	wbuf_u32(&w, nd->is_leaf ? LKH_NONE : nd->kid[1]);
	wbuf_u64(&w, nd->is_leaf ? leaf_member(nd) : 0);
	wbuf_put(&w, nd->key, s == ROOT ? 0 : t->key_len);
	ret = w.err ? -ENOMEM : fn(ctx, s, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

int lkh_export(struct lkh *t,
	       int (*fn)(void *ctx, uint32_t slot, const uint8_t *rec,
			 size_t len),
	       void *ctx)
{
	uint32_t s;
	size_t i;
	int ret;

	for (i = 0; i < t->n_journal; i++) {
		ret = export_slot(t, t->journal[i].slot, fn, ctx);
		if (ret)
			return ret;
	}
	for (s = t->old_n; s < t->n; s++) {
		ret = export_slot(t, s, fn, ctx);
		if (ret)
			return ret;
	}
	return 0;
}

int lkh_import(struct lkh *t, uint32_t slot, const uint8_t *rec, size_t len)
{
	size_t key_len = slot == ROOT ? 0 : t->key_len;
	struct node *nd;
	const uint8_t *key;
	uint64_t member;
	struct rbuf r;

	if (slot >= 2 * LKH_MEMBERS_MAX + 1)
		return -EBADMSG;
	if (make_slots(t, slot + 1))
		return -ENOMEM;
	if (slot >= t->n)
		t->n = slot + 1;
	nd = node_of(t, slot);
	rbuf_init(&r, rec, len);
	if (rbuf_u8(&r) != RECORD_VERSION)
		return -EBADMSG;
	nd->id = rbuf_u32(&r);
	nd->up = rbuf_u32(&r);
	nd->kid[0] = rbuf_u32(&r);
	nd->kid[1] = rbuf_u32(&r);
	member = rbuf_u64(&r);
	key = rbuf_bytes(&r, key_len);
	if (r.err || rbuf_left(&r))
		return -EBADMSG;
	if (slot == ROOT ? nd->id : !nd->id)
		return -EBADMSG;
	if (member) {
		/* A leaf has nothing below it. */
		if (nd->kid[0] != LKH_NONE || nd->kid[1] != LKH_NONE)
			return -EBADMSG;
		set_member(nd, member);
	}
	if (key_len)
		memcpy(nd->key, key, key_len);
	return 0;
}

/*
 * Count leaves, and reject records that are not a tree: loops, orphans, nodes
 * with one child.
 */
static int check_below(struct lkh *t, uint32_t s, uint32_t up,
		       unsigned int depth, uint32_t next_id, uint32_t *seen)
{
	struct node *nd = node_of(t, s);
	int i, ret;

	if (depth > LKH_DEPTH_MAX || nd->up != up || nd->id >= next_id)
		return -EBADMSG;
	if (s != ROOT && !nd->id)
		return -EBADMSG;
	(*seen)++;
	if (nd->is_leaf) {
		nd->leaves = 1;
		return s == ROOT ? -EBADMSG : 0;
	}
	nd->leaves = 0;
	for (i = 0; i < 2; i++) {
		if (nd->kid[i] == LKH_NONE && s == ROOT)
			continue;
		if (nd->kid[i] >= t->n || nd->kid[i] == ROOT)
			return -EBADMSG;
		ret = check_below(t, nd->kid[i], s, depth + 1, next_id, seen);
		if (ret)
			return ret;
		nd->leaves += node_of(t, nd->kid[i])->leaves;
	}
	nd->height = height_of(t, s);
	return 0;
}

int lkh_import_end(struct lkh *t, uint32_t next_id,
		   int (*fn)(void *ctx, uint64_t member, uint32_t leaf),
		   void *ctx)
{
	uint32_t used = 1;
	uint32_t seen = 0;
	uint32_t s;
	int ret;

	ret = check_below(t, ROOT, LKH_NONE, 0, next_id, &seen);
	if (ret)
		return ret;
	t->free = LKH_NONE;
	for (s = t->n - 1; s > ROOT; s--) {
		if (node_of(t, s)->id) {
			used++;
			continue;
		}
		node_of(t, s)->kid[0] = LKH_NONE;
		node_of(t, s)->kid[1] = LKH_NONE;
		node_of(t, s)->up = t->free;
		t->free = s;
	}
	/*
	 * A record that cannot be reached from the root makes the tree invalid.
	 */
	if (used != seen)
		return -EBADMSG;
	t->next_id = next_id;
	t->old_n = t->n;
	t->old_free = t->free;
	for (s = 1; fn && s < t->n; s++) {
		if (!node_of(t, s)->is_leaf)
			continue;
		ret = fn(ctx, leaf_member(node_of(t, s)), s);
		if (ret)
			return ret;
	}
	return 0;
}
