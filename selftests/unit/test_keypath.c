// SPDX-License-Identifier: Apache-2.0
/* Key paths on the trees of RFC 9838 appendix A. */
#include <errno.h>

#include "rekey/keypath.h"
#include "tap.h"
#include "wipes.h"

#define KWA GIKE_KWA_5649_128
#define WANT 36

static struct kwk gsk_w;
static const uint8_t nothing[KD_PLAIN_MAX];
static uint8_t keymat_want[WANT];

/* Every node of the tree has a key made from its ID. */
static void node_key(uint32_t id, uint8_t key[16])
{
	memset(key, 0, 16);
	key[0] = id;
	key[15] = ~id;
}

static void kwk_of(uint32_t id, struct kwk *k)
{
	uint8_t key[16];

	if (!id) {
		*k = gsk_w;
		return;
	}
	node_key(id, key);
	kwk_set(k, KWA, key, 16);
}

static void wrap(struct kd *kd, uint32_t with, uint32_t id)
{
	struct kd_key k;
	uint8_t key[16];
	struct kwk kwk;

	kwk_of(with, &kwk);
	node_key(id, key);
	kwk_wrap(&kwk, id, with, key, 16, &k);
	kd_wrap_add(kd, &k);
}

static struct kd_bag *sa_key(struct kd *kd, uint32_t with)
{
	static const uint8_t spi[16] = { 3 };
	struct kd_bag *bag;
	struct kd_key k;
	struct kwk kwk;

	kwk_of(with, &kwk);
	kwk_wrap(&kwk, 0, with, keymat_want, WANT, &k);
	kd_bag(kd, GIKE_PROTO_GIKE_UPDATE, spi, &bag);
	kd_bag_add(bag, &k);
	return bag;
}

static bool path_is(const struct wkp *w, unsigned int n, const uint32_t *ids)
{
	uint8_t key[16];

	if (w->n != n)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		node_key(ids[i], key);
		if (w->k[i].id != ids[i] || memcmp(w->k[i].key, key, 16))
			return false;
	}
	return true;
}

#define PATH(w, ...) \
	path_is(w, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, \
		(uint32_t[]){ __VA_ARGS__ })

/* Registration of the member at @leaf below @mid below @top (A.2). */
static void reg(struct wkp *path, uint32_t top, uint32_t mid, uint32_t leaf)
{
	uint8_t keymat[WANT];
	struct kd_bag *bag;
	struct kd kd;

	kd_init(&kd);
	bag = sa_key(&kd, top);
	wrap(&kd, mid, top);
	wrap(&kd, leaf, mid);
	wrap(&kd, 0, leaf);
	is_int(keypath_resolve(NULL, bag, &kd, &gsk_w, keymat, WANT, path), 0,
	       "leaf %u registers", leaf);
	is_mem(keymat, WANT, keymat_want, WANT, "leaf %u: KEYMAT", leaf);
	ok(PATH(path, top, mid, leaf), "leaf %u: path %u %u %u", leaf, top, mid,
	   leaf);
	kd_free(&kd);
}

static void figures(void)
{
	struct wkp a, b, c, d, e, f, g, h, path;
	uint8_t keymat[WANT], zero[WANT] = { 0 };
	struct kd_bag *bag;
	struct kd kd;

	reg(&a, 1, 3, 7);
	reg(&b, 1, 3, 8);
	reg(&c, 1, 4, 9);
	reg(&d, 1, 4, 10);
	reg(&e, 2, 5, 11);
	reg(&f, 2, 5, 12);
	reg(&g, 2, 6, 13);
	reg(&h, 2, 6, 14);

	/* A.3: under GSK_w, without other changes. */
	kd_init(&kd);
	bag = sa_key(&kd, 0);
	is_int(keypath_resolve(&a, bag, &kd, &gsk_w, keymat, WANT, &path), 0,
	       "simple rekey");
	ok(PATH(&path, 1, 3, 7), "simple rekey: the path is the old one");
	kd_free(&kd);

	/* A.4: F is excluded. */
	kd_init(&kd);
	sa_key(&kd, 1);
	bag = sa_key(&kd, 15);
	wrap(&kd, 6, 15);
	wrap(&kd, 16, 15);
	wrap(&kd, 11, 16);

#define STAYS(w, ...) \
	do { \
		is_int(keypath_resolve(&(w), bag, &kd, &gsk_w, keymat, WANT, \
				       &path), \
		       0, "exclusion of F: " #w " stays"); \
		is_mem(keymat, WANT, keymat_want, WANT, \
		       "exclusion of F: " #w " has KEYMAT"); \
		ok(PATH(&path, __VA_ARGS__), \
		   "exclusion of F: " #w " has path " #__VA_ARGS__); \
		wkp_move(&(w), &path); \
	} while (0)

	STAYS(a, 1, 3, 7);
	STAYS(b, 1, 3, 8);
	STAYS(c, 1, 4, 9);
	STAYS(d, 1, 4, 10);
	STAYS(e, 15, 16, 11);
	STAYS(g, 15, 6, 13);
	STAYS(h, 15, 6, 14);
	is_int(keypath_resolve(&f, bag, &kd, &gsk_w, keymat, WANT, &path),
	       -ENOKEY, "F is excluded");
	is_mem(keymat, WANT, zero, WANT, "F has nothing");
	ok(PATH(&f, 2, 5, 12), "the keys that F had are untouched");
	kd_free(&kd);
}

static void hostile(void)
{
	struct wkp path, old;
	uint8_t keymat[WANT];
	struct kd_bag *bag;
	struct kd kd;

	reg(&old, 1, 3, 7);

	/* A loop without an anchor ends. */
	kd_init(&kd);
	bag = sa_key(&kd, 20);
	wrap(&kd, 21, 20);
	wrap(&kd, 22, 21);
	wrap(&kd, 20, 22);
	is_int(keypath_resolve(&old, bag, &kd, &gsk_w, keymat, WANT, &path),
	       -ENOKEY, "a loop is no path");
	kd_free(&kd);

	/* Two paths to one key, of which the first does not open. */
	kd_init(&kd);
	bag = sa_key(&kd, 20);
	wrap(&kd, 3, 20);
	kd.wrap[0].enc[3] ^= 1;
	wrap(&kd, 7, 20);
	is_int(keypath_resolve(&old, bag, &kd, &gsk_w, keymat, WANT, &path), 0,
	       "a candidate that does not open gives way to the next");
	ok(PATH(&path, 20, 7), "the path is by the candidate that opens");
	kd_free(&kd);

	/*
	 * The GSK_w of a Rekey SA opens no tree key, because excluded members
	 * have it too.
	 */
	kd_init(&kd);
	bag = sa_key(&kd, 20);
	wrap(&kd, 0, 20);
	is_int(keypath_resolve(&old, bag, &kd, &gsk_w, keymat, WANT, &path),
	       -ENOKEY, "no tree key under GSK_w in a rekey");
	kd_free(&kd);

	/* At registration earlier keys are no anchor. */
	kd_init(&kd);
	bag = sa_key(&kd, 1);
	is_int(keypath_resolve(NULL, bag, &kd, &gsk_w, keymat, WANT, &path),
	       -ENOKEY, "no anchor from before a registration");
	kd_free(&kd);

	/* The greatest permitted depth, and one more, in the worst order. */
	for (unsigned int deep = WKP_MAX; deep <= WKP_MAX + 1; deep++) {
		kd_init(&kd);
		bag = sa_key(&kd, 100 + deep - 1);
		for (unsigned int i = deep - 1; i > 0; i--)
			wrap(&kd, 100 + i - 1, 100 + i);
		wrap(&kd, 0, 100);
		is_int(keypath_resolve(NULL, bag, &kd, &gsk_w, keymat, WANT,
				       &path),
		       deep == WKP_MAX ? 0 : -ENOKEY, "path of %u keys", deep);
		kd_free(&kd);
	}

	/* The new part and the old one together stay below the limit. */
	kd_init(&kd);
	bag = sa_key(&kd, 100 + WKP_MAX - 1);
	for (unsigned int i = WKP_MAX - 1; i > 0; i--)
		wrap(&kd, 100 + i - 1, 100 + i);
	wrap(&kd, 3, 100);
	is_int(keypath_resolve(&old, bag, &kd, &gsk_w, keymat, WANT, &path),
	       -ENOKEY, "path grown past the cap");
	kd_free(&kd);

	/* SA_KEY has another size than the policy requires. */
	kd_init(&kd);
	bag = sa_key(&kd, 3);
	is_int(keypath_resolve(&old, bag, &kd, &gsk_w, keymat, WANT - 16,
			       &path),
	       -ENOKEY, "SA_KEY of another size");
	kd_free(&kd);
}

/* A key server without a tree wraps the SA key with GSK_w alone. */
static void flat(void)
{
	uint8_t keymat[WANT], zero[WANT] = { 0 };
	struct kd_bag *bag;
	struct wkp path;
	struct kd kd;

	memset(&path, 0x55, sizeof(path));
	kd_init(&kd);
	bag = sa_key(&kd, 0);
	is_int(keypath_resolve(NULL, bag, &kd, &gsk_w, keymat, WANT, &path), 0,
	       "a registration without a tree");
	is_mem(keymat, WANT, keymat_want, WANT, "without a tree: KEYMAT");
	ok(!path.n && path.key_len == 16, "without a tree: an empty path");
	bag->keys[0].enc[9] ^= 1;
	is_int(keypath_resolve(NULL, bag, &kd, &gsk_w, keymat, WANT, &path),
	       -ENOKEY, "an SA_KEY under GSK_w that does not open is refused");
	is_mem(keymat, WANT, zero, WANT,
	       "an SA_KEY that does not open leaves no KEYMAT");
	ok(!path.n && !path.key_len,
	   "an SA_KEY that does not open leaves no path");
	kd_free(&kd);
}

/* The node above all that is held is new, and wrapped with the one below it. */
static void above(void)
{
	uint8_t keymat[WANT], key[16];
	struct wkp path, old;
	struct kd_bag *bag;
	struct kd kd;

	reg(&old, 1, 3, 7);
	kd_init(&kd);
	bag = sa_key(&kd, 20);
	wrap(&kd, 1, 20);
	wrap(&kd, 7, 30);
	node_key(30, key);
	wipes_look_for(key, sizeof(key));
	is_int(keypath_resolve(&old, bag, &kd, &gsk_w, keymat, WANT, &path), 0,
	       "a key above the topmost one that is held");
	ok(PATH(&path, 20, 1, 3, 7), "the whole old path is below it");
	/* The copy that unwrap_key() makes, and the node. */
	is_int(wipes_found(), 2, "a key that leads nowhere is wiped twice");
	old.key_len = 32;
	is_int(keypath_resolve(&old, bag, &kd, &gsk_w, keymat, WANT, &path),
	       -ENOKEY, "a path of keys of another size is no anchor");
	is_int(path.n, 0, "the path of before is gone then");
	is_mem(keymat, WANT, nothing, WANT, "the KEYMAT of before as well");
	kd_free(&kd);
}

static void arguments(void)
{
	static const uint8_t spi[16] = { 3 };
	uint8_t most[KD_PLAIN_MAX + 1] = { 7 }, got[KD_PLAIN_MAX + 1];
	struct kwk unknown = gsk_w;
	struct kd_bag *bag;
	struct kd_key k;
	struct wkp path;
	struct kd kd;

	kd_init(&kd);
	kwk_wrap(&gsk_w, 0, 0, most, KD_PLAIN_MAX, &k);
	kd_bag(&kd, GIKE_PROTO_GIKE_UPDATE, spi, &bag);
	kd_bag_add(bag, &k);
	is_int(keypath_resolve(NULL, bag, &kd, &gsk_w, got, KD_PLAIN_MAX,
			       &path),
	       0, "the longest KEYMAT");
	is_mem(got, KD_PLAIN_MAX, most, KD_PLAIN_MAX,
	       "the longest KEYMAT is it");
	is_int(keypath_resolve(NULL, bag, &kd, &gsk_w, got, KD_PLAIN_MAX + 1,
			       &path),
	       -EINVAL, "a longer KEYMAT");
	is_int(keypath_resolve(NULL, bag, &kd, &gsk_w, got, 0, &path), -EINVAL,
	       "an empty KEYMAT");
	unknown.kwa = 77;
	is_int(keypath_resolve(NULL, bag, &kd, &unknown, got, KD_PLAIN_MAX,
			       &path),
	       -EINVAL, "a key wrap algorithm that is not known");
	is_int(path.n, 0, "there is no path then");
	is_mem(got, KD_PLAIN_MAX, nothing, KD_PLAIN_MAX,
	       "there is no KEYMAT then, either");
	kd_free(&kd);
}

int main(void)
{
	uint8_t key[16];

	memset(key, 0xee, sizeof(key));
	kwk_set(&gsk_w, KWA, key, sizeof(key));
	memset(keymat_want, 0x42, sizeof(keymat_want));
	RUN(figures);
	RUN(hostile);
	RUN(flat);
	RUN(above);
	RUN(arguments);
	return done();
}
