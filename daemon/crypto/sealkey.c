// SPDX-License-Identifier: Apache-2.0
#include "crypto/sealkey.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/rand.h"
#include "lib/credential.h"
#include "lib/file.h"
#include "lib/secret.h"

#define NEXT ".new"
#define PEM_BEGIN "-----BEGIN CMS"

struct sealkey {
	char place[PATH_MAX];
	char next[PATH_MAX + sizeof(NEXT)];
	char remains[2 * PATH_MAX];
	struct envelope *envelope; /* NULL: the key is not wrapped */
	bool confined;
};

int sealkey_open(const struct sealkey_cfg *cfg, struct sealkey **out,
		 struct err *err)
{
	struct sealkey *k = calloc(1, sizeof(*k));
	int ret = 0;

	if (!k)
		return err_set(err, -ENOMEM, "out of memory");
	if (strlen(cfg->place) + strlen(NEXT) >= PATH_MAX)
		ret = err_set(err, -ENAMETOOLONG, "%.200s...: path is too long",
			      cfg->place);
	if (!ret && cfg->wrap)
		ret = envelope_new(cfg->wrap, &k->envelope, err);
	if (ret) {
		sealkey_close(k);
		return ret;
	}
	strcpy(k->place, cfg->place);
	snprintf(k->next, sizeof(k->next), "%s" NEXT, k->place);
	snprintf(k->remains, sizeof(k->remains),
		 "the store is sealed with %.400s: pass its contents as %.400s, and no longer the former ones",
		 k->next, k->place);
	*out = k;
	return 0;
}

void sealkey_close(struct sealkey *k)
{
	if (k)
		envelope_free(k->envelope);
	free(k);
}

const char *sealkey_place(const struct sealkey *k)
{
	return k->place;
}

const char *sealkey_remains(const struct sealkey *k)
{
	return credential_name(k->place) ? k->remains : NULL;
}

void sealkey_confine(struct sealkey *k)
{
	k->confined = true;
}

/* ---- wrapped keys --------------------------------------------------------- */

/* Does the file begin as an envelope does, as far as there is any of it? */
static bool is_envelope(const uint8_t *pem, size_t n)
{
	size_t len = strlen(PEM_BEGIN);

	return !memcmp(pem, PEM_BEGIN, n < len ? n : len);
}

static int unwrap_file(const struct sealkey *k, const char *path,
		       const uint8_t *pem, size_t n, struct sealer **out,
		       struct err *err)
{
	uint8_t key[SEAL_KEY_LEN];
	struct err why;
	int ret;

	if (k->confined)
		return err_set(err, -EBUSY,
			       "%s: a wrapped key is unwrapped at the start only; restart mcsecd, which completes the change",
			       path);
	/* A key of another form is no remainder of a write, and must not be removed. */
	if (!is_envelope(pem, n))
		return err_set(err, -EBADMSG,
			       "%s: %s; mcsecd.conf(5) has the command that wraps a key",
			       path,
			       n == SEAL_KEY_LEN
				       ? "has a key that is not wrapped"
				       : "is no envelope with a key");
	ret = envelope_unwrap(k->envelope, (const char *)pem, n, key,
			      sizeof(key), &why);
	if (ret)
		return err_set(err, ret, "%s: %s", path, why.text);
	ret = sealer_new(key, out);
	secret_wipe(key, sizeof(key));
	return ret ? err_set(err, ret, "out of memory") : 0;
}

static int load_wrapped(const struct sealkey *k, const char *path,
			struct sealer **out, struct err *err)
{
	uint8_t *pem;
	size_t n;
	int ret;

	ret = file_read_secret(path, ENVELOPE_MAX, &pem, &n, err);
	if (ret)
		return ret;
	ret = unwrap_file(k, path, pem, n, out, err);
	secret_free(pem);
	return ret;
}

static int write_wrapped(const struct sealkey *k, const char *path,
			 const uint8_t *key, struct err *err)
{
	char *pem;
	size_t n;
	int ret;

	ret = envelope_wrap(k->envelope, key, SEAL_KEY_LEN, &pem, &n, err);
	if (ret)
		return ret;
	ret = file_create(path, 0600, pem, n, err);
	free(pem);
	return ret;
}

/* ---- keys of each kind ---------------------------------------------------- */

int sealkey_load(const struct sealkey *k, bool next, struct sealer **out,
		 struct err *err)
{
	const char *path = next ? k->next : k->place;
	int ret;

	if (k->envelope)
		return load_wrapped(k, path, out, err);
	ret = sealer_load(path, false, out, err);
	/* Systemd passes a credential whole, so the wrong one was passed. */
	if (ret == -EINVAL && credential_name(path))
		ret = -EBADMSG;
	return ret;
}

static int write_key(const struct sealkey *k, const char *path,
		     const uint8_t *key, struct err *err)
{
	return k->envelope ? write_wrapped(k, path, key, err)
			   : file_create(path, 0600, key, SEAL_KEY_LEN, err);
}

int sealkey_make(const struct sealkey *k, bool next, struct sealer **out,
		 struct err *err)
{
	const char *path = next ? k->next : k->place;
	uint8_t key[SEAL_KEY_LEN];
	int ret;

	if (credential_name(path))
		return err_set(err, -EOPNOTSUPP,
			       "%s: mcsecd cannot make a credential: pass one with %d random octets and restart mcsecd; see mcsecd.conf(5)",
			       path, SEAL_KEY_LEN);
	ret = rand_bytes(key, sizeof(key));
	if (ret)
		return err_set(err, ret, "random number generator failed");
	ret = write_key(k, path, key, err);
	if (!ret && next) {
		ret = sealer_new(key, out);
		if (ret)
			err_set(err, ret, "out of memory");
	} else if (!ret) {
		ret = sealkey_load(k, false, out, err);
		/* Nothing is sealed with a key that cannot be unwrapped. */
		if (ret)
			unlink(path);
	}
	secret_wipe(key, sizeof(key));
	return ret;
}

int sealkey_drop_next(const struct sealkey *k)
{
	return unlink(k->next) ? -errno : 0;
}

int sealkey_replace(const struct sealkey *k, struct err *err)
{
	return credential_name(k->place) ? 0
					 : file_replace(k->next, k->place, err);
}
