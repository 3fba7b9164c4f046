// SPDX-License-Identifier: Apache-2.0
/*
 * Key path resolution, upwards from the keys that are held: a key that is
 * unwrapped with a held key is held from then on. The result equals that of RFC
 * 9838 section 3.3's search downwards from the SA key, but no order of
 * WRAP_KEYs causes a loop, and each is unwrapped once at most.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rekey/keypath.h"
#include "lib/secret.h"

void wkp_init(struct wkp *w)
{
	memset(w, 0, sizeof(*w));
}

void wkp_wipe(struct wkp *w)
{
	secret_wipe(w, sizeof(*w));
}

void wkp_move(struct wkp *to, struct wkp *from)
{
	*to = *from;
	wkp_wipe(from);
}

/* A key that was unwrapped from a WRAP_KEY. */
struct node {
	uint32_t id;
	int below; /* node of its KWK, or -1: an anchor */
	int anchor; /* if below is -1: index in the old path, -1: GSK_w */
	uint8_t key[KWK_MAX];
};

struct search {
	const struct wkp *old;
	const struct kd *kd;
	const struct kwk *def;
	size_t key_len;
	unsigned int n;
	struct node *nodes; /* has room for every WRAP_KEY */
	bool *tried;
};

static int in_path(const struct wkp *w, uint32_t id)
{
	for (unsigned int i = 0; w && i < w->n; i++)
		if (w->k[i].id == id)
			return i;
	return -1;
}

static int in_nodes(const struct search *s, uint32_t id)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->nodes[i].id == id)
			return i;
	return -1;
}

static int unwrap_with(const struct search *s, const uint8_t *key,
		       const struct kd_key *in, uint8_t *plain, size_t want)
{
	struct kwk kwk;
	int ret;

	ret = kwk_set(&kwk, s->def->kwa, key, s->key_len);
	if (!ret)
		ret = kwk_unwrap(&kwk, in, plain, want);
	kwk_wipe(&kwk);
	return ret;
}

/* Return true if @w became a node, so that its key is held now. */
static bool try_wrap(struct search *s, const struct kd_key *w)
{
	struct node *to = &s->nodes[s->n];
	int anchor = -1, below = -1;
	const uint8_t *key;

	if (!w->kwk_id) {
		/*
		 * GSK_w of a Rekey SA is known to all members, excluded ones
		 * too, so no tree key may be wrapped with it. Only the leaf key
		 * may, which comes at registration.
		 */
		if (s->old)
			return false;
		key = s->def->key;
	} else {
		anchor = in_path(s->old, w->kwk_id);
		if (anchor >= 0) {
			key = s->old->k[anchor].key;
		} else {
			below = in_nodes(s, w->kwk_id);
			key = s->nodes[below].key;
		}
	}
	if (unwrap_with(s, key, w, to->key, s->key_len))
		return false;
	to->id = w->key_id;
	to->below = below;
	to->anchor = anchor;
	s->n++;
	return true;
}

static bool within_reach(const struct search *s, const struct kd_key *w)
{
	/* A held key must not be replaced under the same Key ID. */
	if (in_path(s->old, w->key_id) >= 0 || in_nodes(s, w->key_id) >= 0)
		return false;
	return !w->kwk_id || in_path(s->old, w->kwk_id) >= 0 ||
	       in_nodes(s, w->kwk_id) >= 0;
}

static void climb_path(struct search *s)
{
	bool more;

	do {
		more = false;
		for (unsigned int i = 0; i < s->kd->n_wrap; i++) {
			const struct kd_key *w = &s->kd->wrap[i];

			if (s->tried[i] || !within_reach(s, w))
				continue;
			s->tried[i] = true;
			if (try_wrap(s, w))
				more = true;
		}
	} while (more);
}

/* Make the path from node @at down, with the part of the old path below it. */
static int make_path(const struct search *s, int at, struct wkp *path)
{
	int anchor = -1;

	wkp_init(path);
	path->key_len = s->key_len;
	for (; at >= 0; at = s->nodes[at].below) {
		if (path->n == WKP_MAX)
			return -ENOKEY;
		path->k[path->n].id = s->nodes[at].id;
		memcpy(path->k[path->n++].key, s->nodes[at].key, KWK_MAX);
		anchor = s->nodes[at].anchor;
	}
	if (anchor < 0)
		return 0;
	for (unsigned int i = anchor; i < s->old->n; i++) {
		if (path->n == WKP_MAX)
			return -ENOKEY;
		path->k[path->n++] = s->old->k[i];
	}
	return 0;
}

/* Try one SA_KEY. Returns 0 if a held key unwraps it. */
static int try_sa_key(const struct search *s, const struct kd_key *k,
		      uint8_t *keymat, size_t want, struct wkp *path)
{
	int at;

	if (!k->kwk_id) {
		if (kwk_unwrap(s->def, k, keymat, want))
			return -ENOKEY;
		wkp_init(path);
		if (s->old)
			*path = *s->old;
		path->key_len = s->key_len;
		return 0;
	}
	at = in_path(s->old, k->kwk_id);
	if (at >= 0) {
		/* The key is held already, so the whole path stays the same. */
		if (unwrap_with(s, s->old->k[at].key, k, keymat, want))
			return -ENOKEY;
		*path = *s->old;
		return 0;
	}
	at = in_nodes(s, k->kwk_id);
	if (at < 0 || unwrap_with(s, s->nodes[at].key, k, keymat, want))
		return -ENOKEY;
	return make_path(s, at, path);
}

int keypath_resolve(const struct wkp *old, const struct kd_bag *bag,
		    const struct kd *kd, const struct kwk *def, uint8_t *keymat,
		    size_t want, struct wkp *path)
{
	struct search s = { .old = old, .kd = kd, .def = def };
	int key_len = kwa_key_len(def->kwa);
	int ret = -ENOKEY;

	wkp_init(path);
	if (!want || want > KD_PLAIN_MAX)
		return -EINVAL;
	secret_wipe(keymat, want);
	if (key_len < 0)
		return -EINVAL;
	s.key_len = key_len;
	/* A path of another key size cannot be the anchor of this message. */
	if (old && old->n && old->key_len != s.key_len)
		return -ENOKEY;
	s.nodes = calloc(kd->n_wrap + 1, sizeof(*s.nodes));
	s.tried = calloc(kd->n_wrap + 1, sizeof(*s.tried));
	if (!s.nodes || !s.tried) {
		ret = -ENOMEM;
		goto out;
	}
	climb_path(&s);
	for (unsigned int i = 0; ret && i < bag->n; i++)
		ret = try_sa_key(&s, &bag->keys[i], keymat, want, path);
out:
	if (ret) {
		secret_wipe(keymat, want);
		wkp_wipe(path);
	}
	if (s.nodes)
		secret_wipe(s.nodes, (kd->n_wrap + 1) * sizeof(*s.nodes));
	free(s.nodes);
	free(s.tried);
	return ret;
}
