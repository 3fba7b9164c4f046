// SPDX-License-Identifier: Apache-2.0
/* Pre-shared keys and PPKs of peers, and their change by a reload. */
#include <ctype.h>
#include <stdio.h>

#include "app/app.h"
#include "gcks/gcks.h"
#include "ike/ppk.h"
#include "ike/psk.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/secret.h"

/* A text of at least so many hexadecimal digits has probably lost its 0x. */
#define HEX_MIN 32

/*
 * Warn of a key that looks like hexadecimal digits and is taken as text, as 0x is
 * missing: the other end would take 32 octets where this one takes 64.
 */
static void warn_of_digits(const char *path)
{
	size_t len, i;
	uint8_t *key;

	if (psk_read_file(path, &key, &len, NULL))
		return;
	for (i = 0; i < len && isxdigit(key[i]); i++)
		;
	if (i == len && len >= HEX_MIN && !(len % 2))
		log_warn("key taken as text: %s has %zu hexadecimal digits without 0x in front",
			 path, len);
	secret_free(key);
}

static int load_psks(const struct conf *c, struct psks **out, struct err *err)
{
	struct err why;
	int ret = c->n_psks ? psks_new(out) : 0;

	if (ret)
		return err_set(err, ret, "out of memory");
	for (size_t i = 0; i < c->n_psks; i++) {
		ret = psks_load(*out, c->psks[i].id, c->psks[i].key, &why);
		if (ret)
			return err_set(err, ret, "%s:%u: psk: %s", c->file,
				       c->psks[i].line, why.text);
		warn_of_digits(c->psks[i].key);
	}
	return 0;
}

static int load_ppks(const struct conf *c, struct ppks **out, struct err *err)
{
	struct err why;
	int ret = c->n_ppks ? ppks_new(out) : 0;

	if (ret)
		return err_set(err, ret, "out of memory");
	for (size_t i = 0; i < c->n_ppks; i++) {
		const struct ppk like = { .id = c->ppks[i].id,
					  .name = c->ppks[i].name,
					  .mandatory = c->ppks[i].mandatory };

		ret = ppks_load(*out, &like, c->ppks[i].key, &why);
		if (ret)
			return err_set(err, ret, "%s:%u: ppk: %s", c->file,
				       c->ppks[i].line, why.text);
		warn_of_digits(c->ppks[i].key);
	}
	return 0;
}

int app_load_peer_keys(const struct conf *c, struct peer_keys *out,
		       struct err *err)
{
	int ret;

	*out = (struct peer_keys){ 0 };
	ret = load_psks(c, &out->psks, err);
	if (!ret)
		ret = load_ppks(c, &out->ppks, err);
	if (ret)
		app_free_peer_keys(out);
	return ret;
}

void app_free_peer_keys(struct peer_keys *keys)
{
	psks_free(keys->psks);
	ppks_free(keys->ppks);
	*keys = (struct peer_keys){ 0 };
}

/* ---- a reload ----------------------------------------------------------- */

struct key_lines {
	conf_change_fn *fn;
	void *arg;
};

static void say_psk(void *arg, const char *id, const struct psk *old,
		    const struct psk *new)
{
	struct key_lines *l = arg;
	char line[ID_STR_MAX + 96];

	snprintf(line, sizeof(line), "psk %s: %s", id,
		 !new  ? "removed: its IKE SAs are closed"
		 : old ? "another key: its IKE SAs are closed"
		       : "added");
	l->fn(l->arg, line);
}

static const char *ppk_change(const struct ppk *old, const struct ppk *new)
{
	if (!new)
		return "removed: IKE SAs with it are closed";
	if (!old)
		return new->mandatory ? "added: IKE SAs without it are closed"
				      : "added";
	if (!ppk_same_secret(old, new))
		return "another key: IKE SAs with the former one are closed";
	return new->mandatory
		       ? "mandatory from now on: IKE SAs without it are closed"
		       : "optional from now on";
}

static void say_ppk(void *arg, const char *id, const struct ppk *old,
		    const struct ppk *new)
{
	struct key_lines *l = arg;
	char line[ID_STR_MAX + 96];

	snprintf(line, sizeof(line), "ppk %s: %s", id, ppk_change(old, new));
	l->fn(l->arg, line);
}

void app_check_peer_keys(const struct app *a, const struct peer_keys *to,
			 conf_change_fn *fn, void *arg)
{
	struct key_lines l = { fn, arg };

	psks_diff(a->peer_keys.psks, to->psks, say_psk, &l);
	ppks_diff(a->peer_keys.ppks, to->ppks, say_ppk, &l);
}

static void change_engine(struct ike_engine *engine, const struct peer_keys *to)
{
	if (!engine)
		return;
	ike_engine_set_psks(engine, to->psks);
	ike_engine_set_ppks(engine, to->ppks);
}

void app_change_peer_keys(struct app *a, struct peer_keys *to)
{
	struct peer_keys from = a->peer_keys;

	app_check_peer_keys(a, to, conf_log_change, NULL);
	a->peer_keys = *to;
	*to = (struct peer_keys){ 0 };
	if (a->gcks)
		gcks_set_psks(a->gcks, a->peer_keys.psks);
	change_engine(a->gcks_engine, &a->peer_keys);
	change_engine(a->member_engine, &a->peer_keys);
	app_free_peer_keys(&from);
}
