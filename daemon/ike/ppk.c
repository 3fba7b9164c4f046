// SPDX-License-Identifier: Apache-2.0
#include "ike/ppk.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/hash.h"
#include "ike/psk.h"
#include "wire/proto.h"
#include "lib/secret.h"

struct ppks {
	void *by_id;
};

static int compare_peers(const void *a, const void *b)
{
	return strcasecmp(((const struct ppk *)a)->id,
			  ((const struct ppk *)b)->id);
}

int ppks_new(struct ppks **out)
{
	struct ppks *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	*out = p;
	return 0;
}

static void free_ppk(struct ppk *e)
{
	free(e->id);
	free(e->name);
	secret_free(e->key);
	free(e);
}

void ppks_free(struct ppks *p)
{
	if (!p)
		return;
	while (p->by_id) {
		struct ppk *e = *(struct ppk **)p->by_id;

		tdelete(e, &p->by_id, compare_peers);
		free_ppk(e);
	}
	free(p);
}

static bool is_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return false;
	return len && len <= PPK_NAME_MAX;
}

/* Check all of it, and write the identity in the form of ppks_find(). */
static int check_ppk(const struct ppk *like, char name[static ID_STR_MAX],
		     struct err *err)
{
	struct ike_id parsed;

	if (peer_id_parse(&parsed, like->id) ||
	    peer_id_str(&parsed, name, ID_STR_MAX))
		return err_set(err, -EINVAL,
			       "%s is neither a DNS name, a mail address, an IP address nor key-id:NAME",
			       like->id);
	if (!is_name(like->name))
		return err_set(err, -EINVAL,
			       "the PPK of %s needs a name of 1 to %d characters of printable ASCII without blanks",
			       like->id, PPK_NAME_MAX);
	if (like->len < PPK_MIN || like->len > PPK_MAX)
		return err_set(err, -EINVAL,
			       "the PPK of %s has %zu octets, and needs %d to %d; \"openssl rand -hex 32\" makes one, to be written behind 0x",
			       like->id, like->len, PPK_MIN, PPK_MAX);
	return 0;
}

int ppks_add(struct ppks *p, const struct ppk *like, struct err *err)
{
	struct ppk *e, **at = NULL;
	char name[ID_STR_MAX];
	int ret;

	ret = check_ppk(like, name, err);
	if (ret)
		return ret;
	e = calloc(1, sizeof(*e));
	if (!e)
		return err_set(err, -ENOMEM, "out of memory");
	/* An address has several spellings, of which peers give this one. */
	e->id = strdup(name);
	e->name = strdup(like->name);
	e->key = secret_dup(like->key, like->len);
	e->len = like->len;
	e->mandatory = like->mandatory;
	if (e->id && e->name && e->key)
		at = tsearch(e, &p->by_id, compare_peers);
	if (at && *at == e)
		return 0;
	ret = at ? err_set(err, -EEXIST, "%s is there twice", e->id)
		 : err_set(err, -ENOMEM, "out of memory");
	free_ppk(e);
	return ret;
}

int ppks_load(struct ppks *p, const struct ppk *like, const char *path,
	      struct err *err)
{
	struct ppk e = *like;
	struct err why;
	int ret;

	ret = psk_read_file(path, &e.key, &e.len, err);
	if (ret)
		return ret;
	ret = ppks_add(p, &e, &why);
	secret_free(e.key);
	return ret ? err_set(err, ret, "%s: %s", path, why.text) : 0;
}

const struct ppk *ppks_find(const struct ppks *p, const char *id)
{
	const struct ppk like = { .id = (char *)id };
	struct ppk **at;

	if (!p)
		return NULL;
	at = tfind(&like, &p->by_id, compare_peers);
	return at ? *at : NULL;
}

bool ppk_same_secret(const struct ppk *a, const struct ppk *b)
{
	if (!a || !b)
		return a == b;
	return !strcmp(a->name, b->name) && a->len == b->len &&
	       crypto_equal(a->key, b->key, a->len);
}

bool ppk_same(const struct ppk *a, const struct ppk *b)
{
	return ppk_same_secret(a, b) && (!a || a->mandatory == b->mandatory);
}

struct ppk_diff {
	const struct ppks *other;
	bool removed; /* report those that @other lacks, and no others */
	ppk_diff_fn *fn;
	void *arg;
};

static void diff_ppk(const void *node, VISIT which, void *arg)
{
	const struct ppk *e = *(const struct ppk *const *)node;
	const struct ppk *o;
	struct ppk_diff *d = arg;

	if (which != postorder && which != leaf)
		return;
	o = ppks_find(d->other, e->id);
	if (d->removed && !o)
		d->fn(d->arg, e->id, e, NULL);
	else if (!d->removed && !ppk_same(o, e))
		d->fn(d->arg, e->id, o, e);
}

void ppks_diff(const struct ppks *from, const struct ppks *to, ppk_diff_fn *fn,
	       void *arg)
{
	struct ppk_diff d = {
		.other = to, .removed = true, .fn = fn, .arg = arg
	};

	if (from)
		twalk_r(from->by_id, diff_ppk, &d);
	d.other = from;
	d.removed = false;
	if (to)
		twalk_r(to->by_id, diff_ppk, &d);
}

/* ---- PPK_ID (RFC 8784 section 5.1) -------------------------------------- */

void ppk_put_identity(struct pchain *c, const struct ppk *ppk)
{
	uint8_t id[1 + PPK_NAME_MAX] = { IKE_PPK_ID_FIXED };
	size_t len = strlen(ppk->name);

	memcpy(id + 1, ppk->name, len);
	notify_build(c, IKE_N_PPK_IDENTITY, id, 1 + len);
}

bool ppk_is_named(const struct ppk *ppk, const struct notify_pld *n)
{
	size_t len = strlen(ppk->name);

	return n->len == 1 + len && n->data[0] == IKE_PPK_ID_FIXED &&
	       !memcmp(n->data + 1, ppk->name, len);
}
