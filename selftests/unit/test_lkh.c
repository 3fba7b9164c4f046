// SPDX-License-Identifier: Apache-2.0
/*
 * The key tree, tested from outside: members follow it by the messages and
 * their key path algorithm (rekey/keypath.h) only, and two adversaries store
 * every message and every key that they ever had.
 */
#include "tap.h"

#include <errno.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "gcks/lkh.h"
#include "lib/util.h"
#include "wire/gpayload.h"
#include "rekey/keypath.h"
#include "wipes.h"

#define KWA GIKE_KWA_5649_128
#define KEY 16 /* octets of a key of that algorithm */
#define KEYMAT (20 + KEY) /* GSK_e with its salt, GSK_w */
#define MAX 1100 /* members over a whole history */
#define MSGS 512

struct sim {
	uint64_t member;
	uint32_t leaf;
	bool in;
	unsigned int joined_at; /* index of the first message not for it */
	unsigned int left_at;
	struct wkp wkp;
	uint8_t keymat[KEYMAT];
};

/* One GSA_REKEY, stored for the adversaries. */
struct msg {
	struct kd kd;
	struct kwk def; /* GSK_w of the Rekey SA that carried it */
	uint8_t keymat[KEYMAT]; /* the key that it delivers */
	/* The keys that its wrapped keys and those of its bag are wrapped with. */
	uint8_t (*wrap_by)[KEY], (*bag_by)[KEY];
};

struct world {
	struct lkh *t;
	struct sim m[MAX];
	unsigned int n;
	struct msg msg[MSGS];
	unsigned int n_msg;
	uint8_t keymat[KEYMAT];
	unsigned int lost; /* members that did not follow */
	unsigned int fooled; /* members that followed and must not */
	size_t most; /* keys in the largest message */
};

static const uint8_t spi[GIKE_SPI_LEN_REKEY] = { 1 };
static uint64_t seed;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void test_rand(void *ctx, void *p, size_t n)
{
	uint8_t *b = p;

	(void)ctx;
	while (n--)
		*b++ = next() >> 24;
}

static void gsk_w(const uint8_t *keymat, struct kwk *k)
{
	if (kwk_set(k, KWA, keymat + 20, KEY))
		bail("kwk_set");
}

/* Wrap the keys that the tree selects, as the key server does. */
static void fill(struct kd *kd, const struct lkh_wraps *w,
		 const struct kwk *def, const uint8_t *keymat)
{
	struct kd_bag *bag;
	struct kd_key key;
	struct kwk k;
	size_t i;

	kd_init(kd);
	if (kd_bag(kd, GIKE_PROTO_GIKE_UPDATE, spi, &bag))
		bail("kd_bag");
	for (i = 0; i < w->n; i++) {
		const struct lkh_wrap *v = &w->v[i];

		if (v->kwk_id)
			kwk_set(&k, KWA, v->kwk, KEY);
		else
			k = *def;
		if (kwk_wrap(&k, v->id, v->kwk_id, v->key ? v->key : keymat,
			     v->key ? KEY : KEYMAT, &key))
			bail("kwk_wrap");
		if (v->id ? kd_wrap_add(kd, &key) : kd_bag_add(bag, &key))
			bail("kd add");
	}
}

static int follow(struct sim *m, const struct kd *kd, const struct kwk *def,
		  bool registration)
{
	uint8_t keymat[KEYMAT];
	struct wkp path;
	int rc;

	rc = keypath_resolve(registration ? NULL : &m->wkp,
			     kd_find(kd, GIKE_PROTO_GIKE_UPDATE, spi), kd, def,
			     keymat, sizeof(keymat), &path);
	if (!rc) {
		wkp_move(&m->wkp, &path);
		memcpy(m->keymat, keymat, sizeof(keymat));
	}
	return rc;
}

static void fresh(struct world *w, struct kwk *def)
{
	gsk_w(w->keymat, def);
	rand_bytes(w->keymat, sizeof(w->keymat));
}

static void note_wrapping(struct msg *msg, const struct lkh_wraps *ch)
{
	unsigned int n_wrap = 0, n_bag = 0;
	size_t i;

	msg->wrap_by = calloc(ch->n + 1, KEY);
	msg->bag_by = calloc(ch->n + 1, KEY);
	if (!msg->wrap_by || !msg->bag_by)
		bail("no memory");
	for (i = 0; i < ch->n; i++) {
		const struct lkh_wrap *v = &ch->v[i];

		memcpy(v->id ? msg->wrap_by[n_wrap++] : msg->bag_by[n_bag++],
		       v->kwk_id ? v->kwk : msg->def.key, KEY);
	}
}

/* The batch reaches everyone, members or not. */
static void rekey(struct world *w)
{
	struct msg *msg = &w->msg[w->n_msg];
	struct lkh_wraps ch;
	unsigned int i;

	if (w->n_msg == MSGS)
		bail("too many messages");
	fresh(w, &msg->def);
	memcpy(msg->keymat, w->keymat, KEYMAT);
	if (lkh_rekey(w->t) || lkh_changes(w->t, &ch))
		bail("lkh_rekey");
	if (ch.n > w->most)
		w->most = ch.n;
	fill(&msg->kd, &ch, &msg->def, w->keymat);
	note_wrapping(msg, &ch);
	lkh_wraps_free(&ch);
	lkh_commit(w->t);
	w->n_msg++;

	for (i = 0; i < w->n; i++) {
		struct sim *m = &w->m[i];
		bool fresh_one = m->in && m->joined_at == w->n_msg;
		struct sim was = *m;
		int rc;

		rc = follow(m, &msg->kd, &msg->def, false);
		if (m->in && !fresh_one) {
			if (rc || memcmp(m->keymat, w->keymat, KEYMAT))
				w->lost++;
		} else if (!rc) {
			w->fooled++;
			*m = was;
		}
	}
}

static struct sim *join(struct world *w)
{
	struct sim *m = &w->m[w->n++];

	if (w->n > MAX)
		bail("too many members");
	memset(m, 0, sizeof(*m));
	wkp_init(&m->wkp);
	m->member = w->n;
	if (lkh_add(w->t, m->member, &m->leaf))
		bail("lkh_add");
	m->in = true;
	m->joined_at = w->n_msg + 1;
	m->left_at = MSGS;
	return m;
}

/* Send the keys by unicast after the rekey, under the GSK_w of an IKE SA. */
static void answer(struct world *w, struct sim *m)
{
	struct lkh_wraps path;
	uint8_t k[KEY];
	struct kwk def;
	struct kd kd;

	rand_bytes(k, sizeof(k));
	kwk_set(&def, KWA, k, KEY);
	if (lkh_path(w->t, m->leaf, &path))
		bail("lkh_path");
	fill(&kd, &path, &def, w->keymat);
	lkh_wraps_free(&path);
	if (follow(m, &kd, &def, true) || memcmp(m->keymat, w->keymat, KEYMAT))
		w->lost++;
	kd_free(&kd);
}

static void leave(struct world *w, struct sim *m)
{
	if (lkh_remove(w->t, m->leaf))
		bail("lkh_remove");
	m->in = false;
	m->left_at = w->n_msg;
}

static void world_init(struct world *w, uint64_t s)
{
	memset(w, 0, sizeof(*w));
	seed = s;
	w->t = lkh_new(KEY);
	rand_bytes(w->keymat, KEYMAT);
}

static void world_free(struct world *w)
{
	unsigned int i;

	for (i = 0; i < w->n_msg; i++) {
		kd_free(&w->msg[i].kd);
		free(w->msg[i].wrap_by);
		free(w->msg[i].bag_by);
	}
	lkh_free(w->t);
}

/* ---- adversaries -------------------------------------------------------- */

struct spy {
	struct wkp_key k[8192];
	unsigned int n;
	bool keymat[MSGS]; /* got out of message i */
	uint8_t gsk[MSGS + 1][KEY];
	unsigned int n_gsk;
	/* Number of keys that every message was tried with. */
	unsigned int k_tried, gsk_tried;
	unsigned int k_now, gsk_now;
	bool thorough;
};

static void spy_learn(struct spy *s, uint32_t id, const uint8_t *key)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (s->k[i].id == id && !memcmp(s->k[i].key, key, KEY))
			return;
	if (s->n == 8192)
		bail("spy is full");
	s->k[s->n].id = id;
	memcpy(s->k[s->n++].key, key, KEY);
}

/*
 * An adversary may ignore IDs, which are no secret, so every key is tried. That
 * a key does not open what another one has wrapped is tested in test_wrap.c and,
 * where the spy is @thorough, here again; else keys are unwrapped only with keys
 * equal to the one that wrapped them, because unwrapping takes nearly all of the
 * time.
 */
static bool spy_try(const struct spy *s, const uint8_t *known,
		    const struct kd_key *key, const uint8_t *by, uint8_t *out,
		    size_t want)
{
	bool same = !memcmp(known, by, KEY);
	struct kwk k;
	bool opens;

	if (!same && !s->thorough)
		return false;
	kwk_set(&k, KWA, known, KEY);
	opens = !kwk_unwrap(&k, key, out, want);
	if (opens != same)
		bail("a key %s what %s has wrapped",
		     opens ? "opens" : "does not open",
		     same ? "it" : "another one");
	return opens;
}

static bool spy_open(const struct spy *s, const struct kd_key *key,
		     const uint8_t *by, uint8_t *out, size_t want)
{
	unsigned int i;

	for (i = s->k_tried; i < s->k_now; i++)
		if (spy_try(s, s->k[i].key, key, by, out, want))
			return true;
	for (i = s->gsk_tried; i < s->gsk_now; i++)
		if (spy_try(s, s->gsk[i], key, by, out, want))
			return true;
	return false;
}

/* Derive all that follows from the known keys, until nothing is new. */
static void spy_close(struct spy *s, const struct world *w)
{
	uint8_t out[KD_PLAIN_MAX];
	unsigned int i, j;

	while (s->k_tried != s->n || s->gsk_tried != s->n_gsk) {
		s->k_now = s->n;
		s->gsk_now = s->n_gsk;
		for (i = 0; i < w->n_msg; i++) {
			const struct msg *m = &w->msg[i];
			const struct kd_bag *bag = &m->kd.bags[0];

			for (j = 0; j < m->kd.n_wrap; j++)
				if (spy_open(s, &m->kd.wrap[j], m->wrap_by[j],
					     out, KEY))
					spy_learn(s, m->kd.wrap[j].key_id, out);
			for (j = 0; j < bag->n && !s->keymat[i]; j++) {
				if (!spy_open(s, &bag->keys[j], m->bag_by[j],
					      out, KEYMAT))
					continue;
				s->keymat[i] = true;
				memcpy(s->gsk[s->n_gsk++], out + 20, KEY);
			}
		}
		s->k_tried = s->k_now;
		s->gsk_tried = s->gsk_now;
	}
}

static void spy_on(struct spy *s, const struct sim *m, bool thorough)
{
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->thorough = thorough;
	for (i = 0; i < m->wkp.n; i++)
		spy_learn(s, m->wkp.k[i].id, m->wkp.k[i].key);
	memcpy(s->gsk[s->n_gsk++], m->keymat + 20, KEY);
}

/* ---- tests -------------------------------------------------------------- */

static struct world w;
static struct spy spy;

/* The figures of RFC 9838 A.2 and A.4, with other numbers. */
static void test_figures(void)
{
	struct lkh_wraps ch;
	struct sim *m[8];
	unsigned int i;

	world_init(&w, 11);
	for (i = 0; i < 8; i++)
		m[i] = join(&w);
	rekey(&w);
	for (i = 0; i < 8; i++)
		answer(&w, m[i]);
	is_int(lkh_depth(w.t), 3, "8 members make 3 levels");
	is_int(m[0]->wkp.n, 3, "a registered member holds 3 keys");
	is_int(w.msg[0].kd.n_wrap + w.msg[0].kd.bags[0].n, 0,
	       "nobody was there before: nothing is sent");
	ok(!w.lost, "all have the Rekey SA key");

	leave(&w, m[5]);
	if (lkh_rekey(w.t) || lkh_changes(w.t, &ch))
		bail("changes");
	is_int(ch.n_sa, 2, "leave: the SA key goes out under 2 keys");
	/* The figure has 3: its node 16 has one child, and ours moves up. */
	is_int(ch.n, 4, "leave: 2 keys are wrapped");
	lkh_wraps_free(&ch);
	lkh_undo(w.t);
	is_int(lkh_members(w.t), 8, "undone: 8 members again");
	if (lkh_remove(w.t, m[5]->leaf))
		bail("remove");
	rekey(&w);
	ok(!w.lost && !w.fooled, "7 follow, the one that left does not");
	world_free(&w);
}

/* First come two times @crowd, of which the second is added to the first. */
static void random_history(uint64_t s, unsigned int steps, unsigned int crowd,
			   bool thorough)
{
	struct sim *fresh_ones[MAX];
	unsigned int n_fresh, i, j, spied = 0, leaks = 0, past = 0;

	world_init(&w, s);
	for (i = 0; i < steps; i++) {
		unsigned int joins = crowd && i < 2 ? crowd : next() % 4;
		unsigned int leaves = next() % 3;

		n_fresh = 0;
		while (joins-- && w.n < MAX)
			fresh_ones[n_fresh++] = join(&w);
		while (leaves-- && w.n) {
			struct sim *m = &w.m[next() % w.n];

			/*
			 * A member that joined in this batch may leave in it
			 * too.
			 */
			if (m->in)
				leave(&w, m);
		}
		rekey(&w);
		for (j = 0; j < n_fresh; j++)
			if (fresh_ones[j]->in)
				answer(&w, fresh_ones[j]);
	}
	ok(!w.lost, "seed %" PRIu64 ": every member has every key", s);
	ok(!w.fooled, "seed %" PRIu64 ": nobody else has any", s);

	for (i = 0; i < w.n; i += 10) {
		struct sim *m = &w.m[i];

		if (m->left_at + 1 == m->joined_at)
			continue;
		spied++;
		spy_on(&spy, m, thorough);
		spy_close(&spy, &w);
		for (j = 0; j < w.n_msg; j++) {
			if (spy.keymat[j] && j + 1 < m->joined_at)
				past++;
			if (spy.keymat[j] && j >= m->left_at)
				leaks++;
		}
	}
	ok(spied > 3, "seed %" PRIu64 ": %u members turned spy", s, spied);
	is_int(leaks, 0, "seed %" PRIu64 ": none reads after it left", s);
	is_int(past, 0, "seed %" PRIu64 ": none reads before it came", s);
	world_free(&w);
}

/* The spy must be able to succeed, or its failure proves nothing. */
static void test_spy_works(void)
{
	unsigned int i, got = 0;
	struct sim *m;

	world_init(&w, 5);
	m = join(&w);
	rekey(&w);
	answer(&w, m);
	spy_on(&spy, m, true);
	for (i = 0; i < 5; i++) {
		struct sim *o = join(&w);

		rekey(&w);
		answer(&w, o);
	}
	spy_close(&spy, &w);
	for (i = 1; i < w.n_msg; i++)
		got += spy.keymat[i];
	is_int(got, 5, "a spy that stays a member reads on from old keys");
	world_free(&w);
}

/* ---- the store ---------------------------------------------------------- */

struct shelf {
	uint8_t rec[1024][LKH_RECORD_MAX];
	size_t len[1024];
};

static int shelve(void *ctx, uint32_t slot, const uint8_t *rec, size_t len)
{
	struct shelf *s = ctx;

	if (slot >= 1024 || len > LKH_RECORD_MAX)
		bail("slot %u, %zu octets", slot, len);
	if (rec)
		memcpy(s->rec[slot], rec, len);
	s->len[slot] = len;
	return 0;
}

static int count_leaf(void *ctx, uint64_t member, uint32_t leaf)
{
	unsigned int *n = ctx;

	(void)leaf;
	*n += member != 0;
	return 0;
}

static struct lkh *unshelve(const struct shelf *s, uint32_t next_id, int *rc,
			    unsigned int *leaves)
{
	struct lkh *t = lkh_new(KEY);
	uint32_t i;

	*leaves = 0;
	*rc = 0;
	for (i = 0; i < 1024 && !*rc; i++)
		if (s->len[1023 - i])
			*rc = lkh_import(t, 1023 - i, s->rec[1023 - i],
					 s->len[1023 - i]);
	if (!*rc)
		*rc = lkh_import_end(t, next_id, count_leaf, leaves);
	return t;
}

static void same_paths(struct lkh *a, struct lkh *b, uint32_t leaf,
		       unsigned int *differ)
{
	struct lkh_wraps x, y;
	size_t i;

	if (lkh_path(a, leaf, &x) || lkh_path(b, leaf, &y)) {
		(*differ)++;
		return;
	}
	if (x.n != y.n)
		(*differ)++;
	for (i = 0; i < x.n && i < y.n; i++)
		if (x.v[i].id != y.v[i].id ||
		    (x.v[i].key && memcmp(x.v[i].key, y.v[i].key, KEY)))
			(*differ)++;
	lkh_wraps_free(&x);
	lkh_wraps_free(&y);
}

static void test_store(void)
{
	static struct shelf shelf, bad;
	unsigned int i, step, leaves, differ = 0, taken = 0;
	struct lkh_wraps p;
	struct lkh *t;
	int rc;

	world_init(&w, 77);
	memset(&shelf, 0, sizeof(shelf));
	for (step = 0; step < 60; step++) {
		for (i = next() % 4; i; i--)
			join(&w);
		for (i = next() % 3; i && w.n; i--) {
			struct sim *m = &w.m[next() % w.n];

			if (m->in)
				leave(&w, m);
		}
		if (lkh_rekey(w.t))
			bail("rekey");
		lkh_export(w.t, shelve, &shelf);
		lkh_commit(w.t);
		t = unshelve(&shelf, lkh_next_id(w.t), &rc, &leaves);
		if (rc || leaves != lkh_members(w.t) ||
		    lkh_depth(t) != lkh_depth(w.t))
			differ++;
		for (i = 0; !rc && i < w.n; i++)
			if (w.m[i].in)
				same_paths(w.t, t, w.m[i].leaf, &differ);
		/* Continue with the restored tree half of the time. */
		if (!rc && next() % 2) {
			lkh_free(w.t);
			w.t = t;
		} else {
			lkh_free(t);
		}
	}
	is_int(differ, 0, "after each of 60 batches the stored tree is it");

	/* An undone batch has no effect. */
	for (i = 0; i < 3; i++)
		join(&w);
	for (i = 0; i < w.n - 3; i++)
		if (w.m[i].in && next() % 2)
			lkh_remove(w.t, w.m[i].leaf);
	if (lkh_rekey(w.t))
		bail("rekey");
	lkh_undo(w.t);
	t = unshelve(&shelf, lkh_next_id(w.t), &rc, &leaves);
	differ = rc;
	for (i = 0; i < w.n - 3; i++)
		if (w.m[i].in)
			same_paths(w.t, t, w.m[i].leaf, &differ);
	is_int(differ, 0, "an undone batch changes nothing");
	lkh_free(t);

	/* Octets that are no tree are refused. */
	for (i = 0; i < 4000; i++) {
		unsigned int s = next() % 64;

		bad = shelf;
		if (!bad.len[s])
			continue;
		bad.rec[s][next() % 29] ^= 1 << next() % 8;
		t = unshelve(&bad, lkh_next_id(w.t), &rc, &leaves);
		if (!rc) {
			/*
			 * A tree with an altered ID or member is
			 * still valid.
			 */
			taken++;
			lkh_add(t, 9999, &leaves);
			lkh_rekey(t);
			lkh_commit(t);
			if (!lkh_path(t, leaves, &p))
				lkh_wraps_free(&p);
		} else if (rc != -EBADMSG) {
			differ++;
		}
		lkh_free(t);
	}
	ok(!differ, "4000 damaged trees: read or refused, %u read", taken);
	world_free(&w);
}

/* Octets of a record: version, ID, the slots above and below, member, key. */
enum { REC_ID = 1, REC_UP = 5, REC_KID = 9, REC_MEMBER = 17, REC_KEY = 25 };

static uint32_t field(const struct shelf *s, uint32_t slot, int at)
{
	return get_unaligned_be32(&s->rec[slot][at]);
}

/* The result of reading @good with @v at @at of the record in @slot. */
static int with_field(const struct shelf *good, uint32_t slot, int at,
		      uint32_t v)
{
	static struct shelf bad;
	unsigned int leaves;
	int rc;

	bad = *good;
	if (slot >= 1024)
		bail("slot %u", slot);
	put_unaligned_be32(v, &bad.rec[slot][at]);
	lkh_free(unshelve(&bad, 100, &rc, &leaves));
	return rc;
}

/* A path of @depth nodes with a leaf at each side, as no batch makes it. */
static int with_depth(unsigned int depth)
{
	static struct shelf deep;
	uint32_t i, n = 2 * depth + 1, kids;
	unsigned int leaves;
	int rc;

	/* Even slots are the path, and the odd ones before them its leaves. */
	memset(&deep, 0, sizeof(deep));
	for (i = 0; i < n; i++) {
		kids = i % 2 || i + 1 == n ? LKH_NONE : i + 1;
		deep.rec[i][0] = 1;
		put_unaligned_be32(i, &deep.rec[i][REC_ID]);
		put_unaligned_be32(!i ? LKH_NONE : (i - 1) / 2 * 2,
				   &deep.rec[i][REC_UP]);
		put_unaligned_be32(kids, &deep.rec[i][REC_KID]);
		put_unaligned_be32(kids == LKH_NONE ? kids : kids + 1,
				   &deep.rec[i][REC_KID + 4]);
		put_unaligned_be32(kids == LKH_NONE ? i : 0,
				   &deep.rec[i][REC_MEMBER + 4]);
		deep.len[i] = i ? REC_KEY + KEY : REC_KEY;
	}
	lkh_free(unshelve(&deep, n, &rc, &leaves));
	return rc;
}

static void test_damaged(void)
{
	static struct shelf good;
	unsigned int leaves;
	uint32_t leaf[6], inner, other, free_slot, i;
	struct lkh *t;
	int rc;

	world_init(&w, 78);
	for (i = 0; i < 6; i++)
		if (lkh_add(w.t, i + 1, &leaf[i]))
			bail("add");
	lkh_rekey(w.t);
	memset(&good, 0, sizeof(good));
	lkh_export(w.t, shelve, &good);
	lkh_commit(w.t);
	lkh_remove(w.t, leaf[5]);
	lkh_rekey(w.t);
	lkh_export(w.t, shelve, &good);
	lkh_commit(w.t);
	free_slot = leaf[5];
	inner = field(&good, leaf[0], REC_UP);
	other = field(&good, 0, REC_KID) == inner ? field(&good, 0, REC_KID + 4)
						  : field(&good, 0, REC_KID);
	t = unshelve(&good, 100, &rc, &leaves);
	ok(!rc && leaves == 5 && lkh_members(t) == 5 && inner && other,
	   "a tree of five is read");
	is_int(lkh_remove(t, leaf[1]), 0,
	       "a member of a tree that was read leaves");
	is_int(lkh_members(t), 4, "four are left of the tree that was read");
	lkh_free(t);

	is_int(with_field(&good, leaf[0], REC_UP, other), -EBADMSG,
	       "a leaf that names another node above it is refused");
	is_int(with_field(&good, 0, REC_UP, inner), -EBADMSG,
	       "a root with a node above it is refused");
	is_int(with_field(&good, inner, REC_ID, 99), 0,
	       "the last Key ID is taken");
	is_int(with_field(&good, inner, REC_ID, 100), -EBADMSG,
	       "a Key ID that is not given out yet is refused");
	is_int(with_field(&good, inner, REC_ID, 0), -EBADMSG,
	       "a node without a Key ID is refused");
	is_int(with_field(&good, 0, REC_ID, 1), -EBADMSG,
	       "a root with a Key ID is refused");
	is_int(with_field(&good, leaf[0], REC_KID, leaf[1]), -EBADMSG,
	       "a leaf with a first child is refused");
	is_int(with_field(&good, leaf[0], REC_KID + 4, leaf[1]), -EBADMSG,
	       "a leaf with a second child is refused");
	is_int(with_field(&good, 0, REC_MEMBER + 4, 9), -EBADMSG,
	       "a root that is a leaf is refused");
	is_int(with_field(&good, inner, REC_KID, LKH_NONE), -EBADMSG,
	       "a node with one child is refused");
	is_int(with_field(&good, inner, REC_KID + 4, LKH_NONE), -EBADMSG,
	       "a node with the first child alone is refused");
	is_int(with_field(&good, inner, REC_KID, 0), -EBADMSG,
	       "a node above the root is refused");
	is_int(with_field(&good, inner, REC_KID, 1000), -EBADMSG,
	       "a child in a slot that is not there is refused");
	is_int(with_field(&good, inner, REC_KID, free_slot), -EBADMSG,
	       "a child in a free slot is refused");
	is_int(with_field(&good, 0, REC_KID, LKH_NONE), -EBADMSG,
	       "nodes that the root does not have are refused");
	is_int(with_depth(LKH_DEPTH_MAX), 0, "a path of %u nodes is taken",
	       LKH_DEPTH_MAX);
	is_int(with_depth(LKH_DEPTH_MAX + 1), -EBADMSG,
	       "a path of one node more is refused");

	t = unshelve(&good, UINT32_MAX - 1, &rc, &leaves);
	ok(!rc && !lkh_renew_path(t, leaf[0]) && !lkh_rekey(t),
	   "a batch is given the last Key ID");
	lkh_commit(t);
	ok(!lkh_renew_path(t, leaf[0]) && lkh_rekey(t) == -EOVERFLOW,
	   "a batch for which Key IDs are lacking fails");
	lkh_free(t);
	world_free(&w);
}

/* ---- size and limits ---------------------------------------------------- */

static void test_large(void)
{
	uint32_t leaf[4096];
	unsigned int i;
	struct lkh_wraps ch;
	struct lkh *t = lkh_new(32);

	for (i = 0; i < 4096; i++)
		if (lkh_add(t, i + 1, &leaf[i]))
			bail("add");
	if (lkh_rekey(t))
		bail("rekey");
	lkh_commit(t);
	is_int(lkh_depth(t), 12, "4096 members make 12 levels");
	lkh_remove(t, leaf[1000]);
	ok(lkh_pending(t) <= 26, "leave: at most 26 keys are foreseen");
	if (lkh_rekey(t) || lkh_changes(t, &ch))
		bail("changes");
	ok(ch.n == 22 && ch.n <= lkh_pending(t), "leave: %zu keys are sent",
	   ch.n);
	is_int(ch.n_sa, 2, "leave: two of them are the SA key, for each half");
	lkh_wraps_free(&ch);
	lkh_commit(t);

	for (i = 0; i < 4096; i++)
		if (i != 1000 && i != 17)
			lkh_remove(t, leaf[i]);
	if (lkh_rekey(t) || lkh_changes(t, &ch))
		bail("changes");
	is_int(ch.n, 1, "all but one leave: one key is sent");
	lkh_wraps_free(&ch);
	lkh_commit(t);
	is_int(lkh_remove(t, leaf[1000]), -ENOENT,
	       "a member that left cannot leave");
	is_int(lkh_path(t, leaf[5], &ch), -ENOENT,
	       "a member that left has no path");
	is_int(lkh_add(t, 0, &leaf[0]), -EINVAL, "member 0 is refused");
	lkh_undo(t);
	lkh_free(t);
	ok(!lkh_new(33) && !lkh_new(0), "key lengths are checked");
}

static void test_undo(void)
{
	struct lkh *t = lkh_new(16);
	uint32_t leaf[5], again;
	struct lkh_wraps w;
	uint32_t id;
	int i;

	for (i = 0; i < 4; i++)
		if (lkh_add(t, i + 1, &leaf[i]))
			bail("add");
	lkh_rekey(t);
	lkh_commit(t);
	/* The parent of the leaf is removed, so only the root is stale. */
	lkh_remove(t, leaf[1]);
	is_int(lkh_pending(t), 4, "one of four leaves: the top's two keys");
	lkh_undo(t);
	is_int(lkh_pending(t), 2, "nothing is pending once that is undone");
	lkh_add(t, 5, &leaf[4]);
	if (lkh_path(t, leaf[4], &w))
		bail("path");
	wipes_look_for(w.v[w.n - 1].key, 16);
	lkh_wraps_free(&w);
	lkh_undo(t);
	ok(wipes_found(), "the key of an undone leaf is wiped");
	lkh_add(t, 5, &again);
	is_int(again, leaf[4], "an undone leaf takes no room");
	lkh_undo(t);
	is_int(lkh_members(t), 4, "four are in");

	/* A leaf with another key, then the nodes above it. */
	lkh_path(t, leaf[2], &w);
	id = w.v[w.n - 1].id;
	lkh_wraps_free(&w);
	if (lkh_renew(t, leaf[2]))
		bail("renew");
	is_int(lkh_pending(t), 2, "a renewed leaf is no news to others");
	lkh_undo(t);
	lkh_path(t, leaf[2], &w);
	is_int(w.v[w.n - 1].id, id, "undone it has its old key");
	lkh_wraps_free(&w);
	lkh_renew(t, leaf[2]);
	lkh_commit(t);
	lkh_path(t, leaf[2], &w);
	ok(w.v[w.n - 1].id != id, "a leaf that is not undone has another key");
	id = w.v[1].id;
	is_int(w.n, 3, "two levels up");
	lkh_wraps_free(&w);
	lkh_renew_path(t, leaf[2]);
	is_int(lkh_pending(t), 6, "above it two nodes are stale");
	lkh_rekey(t);
	lkh_commit(t);
	lkh_path(t, leaf[2], &w);
	ok(w.v[1].id != id, "nodes that are stale are replaced");
	lkh_wraps_free(&w);
	lkh_free(t);
}

static void test_full(void)
{
	struct lkh *t = lkh_new(16);
	uint32_t leaf;
	unsigned int i;
	int rc = 0;

	for (i = 0; i < LKH_MEMBERS_MAX && !rc; i++)
		rc = lkh_add(t, i + 1, &leaf);
	is_int(rc, 0, "%u members fit", LKH_MEMBERS_MAX);
	is_int(lkh_add(t, i + 1, &leaf), -ENOSPC, "one more does not");
	rc = lkh_rekey(t);
	lkh_commit(t);
	ok(!rc && lkh_depth(t) == 20, "a full tree has 20 levels");
	lkh_free(t);
}

int main(void)
{
	static const uint64_t seeds[] = { 1, 2, 3, 1234567, 987654321, 0 };
	size_t i;

	crypto_rand_set_test(test_rand, NULL);
	RUN(test_figures);
	RUN(test_spy_works);
	RUN(test_store);
	RUN(test_damaged);
	RUN(test_large);
	RUN(test_undo);
	RUN(test_full);
	for (i = 0; seeds[i]; i++)
		RUN(random_history, seeds[i], 60, 0, i == 0);
	RUN(random_history, 17, 16, 500, false);
	ok(w.most <= KD_MAX_WRAP_KEYS,
	   "a crowd of half of the members: %zu keys", w.most);
	return done();
}
