// SPDX-License-Identifier: Apache-2.0
#include "store/vault.h"

#include <errno.h>
#include <string.h>

#include "crypto/seal.h"
#include "crypto/sealkey.h"
#include "lib/credential.h"
#include "lib/err.h"
#include "lib/log.h"
#include "store/store.h"

/*
 * Load the key of an interrupted change, if any. One that was not written completely
 * seals no store yet; it is removed unless the stores are only copied.
 */
static int load_new(struct vault *v, bool copy, struct err *err)
{
	struct err why;
	int ret = sealkey_load(v->key, true, &v->next, &why);

	if (ret == -ENOENT)
		return 0;
	if (ret == -EINVAL && (copy || !sealkey_drop_next(v->key)))
		return 0;
	return ret ? err_set(err, ret, "%s", why.text) : 0;
}

/* Open a store, or a copy of it, under the current or the next key. */
static int open_one(struct vault *v, size_t i, const char *path, bool copy,
		    struct err *err)
{
	typeof(store_open) *open = copy ? store_open_copy : store_open;
	int ret = open(path, v->sealer, &v->store[i], err);

	return ret == -EBADMSG && v->next
		       ? open(path, v->next, &v->store[i], err)
		       : ret;
}

/* Reseal all stores under v->next, then put that in place of the old key. */
static int change_key(struct vault *v, struct err *err)
{
	int ret, i;

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
				       store_error(v->store[i]));
	}
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
	return ret ? err_set(err, ret, "%s", why.text) : 0;
}

static int open_all(struct vault *v, const struct sealkey_cfg *key,
		    const char *const paths[VAULT_STORES], bool make, bool copy,
		    struct err *err)
{
	int ret, i;

	memset(v, 0, sizeof(*v));
	ret = sealkey_open(key, &v->key, err);
	if (!ret)
		ret = load_key(v, make && !credential_name(key->place), err);
	if (!ret)
		ret = load_new(v, copy, err);
	for (i = 0; !ret && i < VAULT_STORES; i++)
		ret = open_one(v, i, paths[i], copy, err);
	return ret;
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
		ret = load_new(v, false, err);
	if (!ret && !v->next)
		ret = sealkey_make(v->key, true, &v->next, err);
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
