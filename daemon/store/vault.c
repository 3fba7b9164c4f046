// SPDX-License-Identifier: Apache-2.0
#include "store/vault.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "crypto/seal.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/secret.h"
#include "store/store.h"

#define NEW ".new"

static int new_path(const struct vault *v, char buf[static PATH_MAX],
		    struct err *err)
{
	if (snprintf(buf, PATH_MAX, "%s" NEW, v->key) < PATH_MAX)
		return 0;
	return err_set(err, -ENAMETOOLONG, "%s: path is too long", v->key);
}

/*
 * Load the key of an interrupted change, if any. A file without a valid key
 * was not written completely, so no store is sealed with it yet; it is removed
 * unless the stores are only copied.
 */
static int load_new(struct vault *v, bool copy, struct err *err)
{
	char path[PATH_MAX];
	struct err why;
	int ret;

	ret = new_path(v, path, err);
	if (ret)
		return ret;
	ret = sealer_load(path, false, &v->next, &why);
	if (ret == -ENOENT)
		return 0;
	if (ret == -EINVAL && (copy || !unlink(path)))
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

/*
 * Reseal all stores under v->next, then replace the old key file by its file.
 */
static int change_key(struct vault *v, struct err *err)
{
	char path[PATH_MAX];
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
	ret = new_path(v, path, err);
	if (!ret)
		ret = file_replace(path, v->key, err);
	if (ret)
		return ret;
	sealer_free(v->sealer);
	v->sealer = v->next;
	v->next = NULL;
	return 0;
}

static int open_all(struct vault *v, const char *key,
		    const char *const paths[VAULT_STORES], bool make, bool copy,
		    struct err *err)
{
	int ret, i;

	memset(v, 0, sizeof(*v));
	if (strlen(key) >= sizeof(v->key))
		return err_set(err, -ENAMETOOLONG, "%s: path is too long", key);
	strcpy(v->key, key);
	ret = sealer_load(key, make, &v->sealer, err);
	if (!ret)
		ret = load_new(v, copy, err);
	for (i = 0; !ret && i < VAULT_STORES; i++)
		ret = open_one(v, i, paths[i], copy, err);
	return ret;
}

int vault_open(struct vault *v, const char *key,
	       const char *const paths[VAULT_STORES], bool make,
	       struct err *err)
{
	int ret = open_all(v, key, paths, make, false, err);

	if (!ret && v->next) {
		log_warn("seal key changed: %s: an interrupted change was completed",
			 key);
		ret = change_key(v, err);
	}
	return ret;
}

int vault_open_copy(struct vault *v, const char *key,
		    const char *const paths[VAULT_STORES], struct err *err)
{
	return open_all(v, key, paths, false, true, err);
}

int vault_rekey(struct vault *v, struct err *err)
{
	uint8_t key[SEAL_KEY_LEN];
	char path[PATH_MAX];
	int ret;

	ret = new_path(v, path, err);
	/* A change that failed before is continued. */
	if (!ret && !v->next)
		ret = load_new(v, false, err);
	if (!ret && !v->next) {
		ret = rand_bytes(key, sizeof(key));
		if (ret)
			err_set(err, ret, "random number generator failed");
		else
			ret = file_create(path, 0600, key, sizeof(key), err);
		secret_wipe(key, sizeof(key));
		if (!ret)
			ret = sealer_load(path, false, &v->next, err);
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
	memset(v, 0, sizeof(*v));
}
