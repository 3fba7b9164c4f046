// SPDX-License-Identifier: Apache-2.0
#include "store/vault.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/seal.h"
#include "crypto/sealkey.h"
#include "lib/credential.h"
#include "lib/err.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "store/store.h"

/* The record of the main store that names the key of a change in progress. */
#define NEXT_KEY "next-seal-key"
#define NEXT_LEN (sizeof(NEXT_KEY) - 1)

/*
 * Load the key of an interrupted change. That there is none, or one that was not written
 * to its end (-EINVAL), is no error.
 */
static int load_new(struct vault *v, struct err *err)
{
	struct err why;
	int ret = sealkey_load(v->key, true, &v->next, &why);

	if (ret == -ENOENT || ret == -EINVAL)
		return 0;
	return ret ? err_set(err, ret, "%s", why.text) : 0;
}

/*
 * Compare v->next, or no key, with the one that the main store names. Returns 1 if it
 * is that, 0 if it is not, -ENOENT if none is named, or another -errno.
 */
static int compare_next(struct vault *v)
{
	uint8_t plain[NEXT_LEN];
	struct wbuf w;
	int ret;

	wbuf_init(&w, STORE_VALUE_MAX);
	ret = store_get(v->store[VAULT_MAIN], NEXT_KEY, &w);
	if (!ret && v->next)
		ret = w.len == NEXT_LEN + SEAL_OVERHEAD &&
		      !unseal(v->next, NEXT_KEY, w.p, w.len, plain);
	wbuf_free(&w);
	return ret;
}

/* Change the record that names the next key: name it, or remove the record. */
static int put_next(struct vault *v, bool named)
{
	uint8_t proof[NEXT_LEN + SEAL_OVERHEAD];
	struct store *s = v->store[VAULT_MAIN];
	int ret = store_begin(s);

	if (ret)
		return ret;
	if (named)
		ret = seal(v->next, NEXT_KEY, NEXT_KEY, NEXT_LEN, proof)
			      ?: store_put(s, NEXT_KEY, proof, sizeof(proof));
	else
		ret = store_del(s, NEXT_KEY);
	if (!ret)
		return store_commit(s);
	store_abort(s);
	return ret;
}

/*
 * Take the next key only if the main store, which opens with the present one, names it:
 * whoever can write beside the key, or has the certificates of its envelope, could put
 * a key of his own there. Whoever passes credentials configures the service.
 */
static int take_named(struct vault *v, struct err *err)
{
	bool passed = credential_name(sealkey_place(v->key));
	int named = passed ? 1 : compare_next(v);
	int ret;

	if (named == -ENOENT)
		return 0;
	if (named >= 0) {
		ret = load_new(v, err);
		if (ret || !v->next || passed)
			return ret;
		named = compare_next(v);
	}
	if (named == 1)
		return 0;
	sealer_free(v->next);
	v->next = NULL;
	return named ? err_set(err, named, "store: %s",
			       store_reason(v->store[VAULT_MAIN], named))
		     : 0;
}

/* Say why the next key does not open the witness, if there is one. */
static void explain_witness(const struct vault *v, const char *const *paths,
			    struct err *err)
{
	char next[PATH_MAX];

	snprintf(next, sizeof(next), "%s.new", sealkey_place(v->key));
	if (!credential_name(next) && !access(next, F_OK))
		err_set(err, -EBADMSG,
			"%s: sealed with another key than %s, and %s is not used: it is not whole, or that store does not name it; if another version of mcsecd has begun to change the key, that one completes it",
			paths[VAULT_WITNESS], paths[VAULT_MAIN], next);
}

/*
 * A change reseals the main store last. If that opens with the next key alone, so does
 * the witness; if it opens with the present one, it says which key is next.
 */
static int open_stores(struct vault *v, const char *const paths[VAULT_STORES],
		       bool copy, struct err *err)
{
	typeof(store_open) *open = copy ? store_open_copy : store_open;
	int ret =
		open(paths[VAULT_MAIN], v->sealer, &v->store[VAULT_MAIN], err);

	if (ret == -EBADMSG) {
		ret = load_new(v, err);
		if (!ret)
			ret = v->next ? open(paths[VAULT_MAIN], v->next,
					     &v->store[VAULT_MAIN], err)
				      : -EBADMSG;
		return ret ? ret
			   : open(paths[VAULT_WITNESS], v->next,
				  &v->store[VAULT_WITNESS], err);
	}
	ret = ret ? ret : take_named(v, err);
	if (ret)
		return ret;
	ret = open(paths[VAULT_WITNESS], v->sealer, &v->store[VAULT_WITNESS],
		   err);
	if (ret == -EBADMSG && v->next)
		ret = open(paths[VAULT_WITNESS], v->next,
			   &v->store[VAULT_WITNESS], err);
	else if (ret == -EBADMSG)
		explain_witness(v, paths, err);
	return ret;
}

/* Remove a next key that seals nothing: it was not used yet, or nobody here made it. */
static void drop_unnamed(struct vault *v)
{
	if (!credential_name(sealkey_place(v->key)) &&
	    !sealkey_drop_next(v->key))
		log_warn("seal key removed: %s.new: the store does not name it: a change had not begun, or somebody has put it there",
			 sealkey_place(v->key));
}

/* Reseal all stores under v->next, then put that in place of the old key. */
static int change_key(struct vault *v, struct err *err)
{
	int ret, i;

	if (v->store[VAULT_MAIN]->sealer != v->next && compare_next(v) != 1) {
		ret = put_next(v, true);
		if (ret)
			return err_set(err, ret, "store: %s",
				       store_reason(v->store[VAULT_MAIN], ret));
	}
	/* The last store is the smaller one, so an error shows sooner. */
	for (i = VAULT_STORES - 1; i >= 0; i--) {
		/*
		 * The store may have been resealed before and not cleaned
		 * since.
		 */
		ret = v->store[i]->sealer == v->next
			      ? store_clean(v->store[i])
			      : store_reseal(v->store[i], v->next);
		if (ret)
			return err_set(err, ret, "store: %s",
				       store_reason(v->store[i], ret));
	}
	ret = put_next(v, false);
	if (ret)
		return err_set(err, ret, "store: %s",
			       store_reason(v->store[VAULT_MAIN], ret));
	ret = sealkey_replace(v->key, err);
	if (ret)
		return ret;
	sealer_free(v->sealer);
	v->sealer = v->next;
	v->next = NULL;
	return 0;
}

static int load_key(struct vault *v, bool make, struct err *err)
{
	struct err why;
	int ret = sealkey_load(v->key, false, &v->sealer, &why);

	if (ret == -ENOENT && make)
		return sealkey_make(v->key, false, &v->sealer, err);
	if (ret == -ENOENT && !credential_name(sealkey_place(v->key)))
		return err_set(err, ret,
			       "%s: the store cannot be read without its seal key: put the key back, or move the store and its witness away, after which the members of a new store register again",
			       why.text);
	return ret ? err_set(err, ret, "%s", why.text) : 0;
}

static int open_all(struct vault *v, const struct sealkey_cfg *key,
		    const char *const paths[VAULT_STORES], bool make, bool copy,
		    struct err *err)
{
	int ret;

	memset(v, 0, sizeof(*v));
	ret = sealkey_open(key, &v->key, err);
	if (!ret)
		ret = load_key(v, make && !credential_name(key->place), err);
	return ret ? ret : open_stores(v, paths, copy, err);
}

int vault_open(struct vault *v, const struct sealkey_cfg *key,
	       const char *const paths[VAULT_STORES], bool make,
	       struct err *err)
{
	int ret = open_all(v, key, paths, make, false, err);
	const char *remains;

	if (!ret && v->next) {
		ret = change_key(v, err);
		remains = sealkey_remains(v->key);
		if (!ret)
			log_warn("seal key changed: %s: %s", key->place,
				 remains ?: "an interrupted change was completed");
	} else if (!ret) {
		drop_unnamed(v);
	}
	if (!ret)
		sealkey_confine(v->key);
	return ret;
}

int vault_open_copy(struct vault *v, const struct sealkey_cfg *key,
		    const char *const paths[VAULT_STORES], struct err *err)
{
	return open_all(v, key, paths, false, true, err);
}

int vault_rekey(struct vault *v, struct err *err)
{
	int ret = 0;

	/* A change that failed before is continued. */
	if (!v->next)
		ret = take_named(v, err);
	if (!ret && !v->next) {
		drop_unnamed(v);
		ret = sealkey_make(v->key, true, &v->next, err);
	}
	return ret ? ret : change_key(v, err);
}

void vault_close(struct vault *v)
{
	int i;

	for (i = 0; i < VAULT_STORES; i++)
		store_close(v->store[i]);
	sealer_free(v->sealer);
	sealer_free(v->next);
	sealkey_close(v->key);
	memset(v, 0, sizeof(*v));
}
