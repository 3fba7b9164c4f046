// SPDX-License-Identifier: Apache-2.0
#include "gcks/applied.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/document.h"
#include "crypto/signed.h"
#include "gcks/policy.h"
#include "lib/buf.h"
#include "lib/log.h"

#define RECORD_VERSION 1
/* Names below it are not those of groups; the groups' own records are below "g". */
#define PREFIX "signed"

/* ---- records ------------------------------------------------------------ */

static int applied_key(char key[static STORE_KEY_MAX], const char *group,
		       uint64_t version)
{
	char number[24];

	/* Digits are filled up, as the store sorts keys by their text. */
	snprintf(number, sizeof(number), "%016llu",
		 (unsigned long long)version);
	return store_key(key, PREFIX, group, "policy", number, NULL);
}

struct record_walk {
	applied_fn *fn;
	void *arg;
};

static int read_record(void *arg, const char *key, const uint8_t *val,
		       size_t len)
{
	const struct record_walk *e = arg;
	struct applied a;
	struct rbuf r;

	(void)key;
	rbuf_init(&r, val, len);
	if (rbuf_u8(&r) != RECORD_VERSION)
		return -EBADMSG;
	a.version = rbuf_u64(&r);
	a.time = (int64_t)rbuf_u64(&r);
	a.signers = rbuf_string(&r);
	a.signed_doc = rbuf_string(&r);
	return r.err ? r.err : e->fn(e->arg, &a);
}

int applied_each(struct store *s, const char *group, applied_fn *fn, void *arg)
{
	struct record_walk e = { fn, arg };
	char key[STORE_KEY_MAX];
	int ret = store_key(key, PREFIX, group, "policy", NULL);

	return ret ? ret : store_each(s, key, read_record, &e);
}

struct newest_policy {
	uint64_t version;
	char *pem;
};

static int take_newest(void *arg, const struct applied *a)
{
	struct newest_policy *n = arg;

	free(n->pem);
	n->version = a->version;
	n->pem = strdup(a->signed_doc);
	return n->pem ? 0 : -ENOMEM;
}

int applied_newest(struct store *s, const char *group, uint64_t *version,
		   char **text, struct err *err)
{
	struct newest_policy n = { 0, NULL };
	struct signed_doc *d;
	size_t len;
	int ret;

	if (text)
		*text = NULL;
	ret = applied_each(s, group, take_newest, &n);
	if (ret)
		err_set(err, ret, "signed policies in the store: %s",
			store_reason(s, ret));
	*version = n.version;
	if (!ret && text && n.pem) {
		ret = signed_parse(n.pem, strlen(n.pem), &d, err);
		*text = ret ? NULL : strdup(signed_content(d, &len));
		if (!ret)
			signed_free(d);
		if (!ret && !*text)
			ret = err_set(err, -ENOMEM, "out of memory");
	}
	free(n.pem);
	return ret;
}

struct oldest_policy {
	uint64_t first;
	unsigned int n;
};

static int count_version(void *arg, const struct applied *a)
{
	struct oldest_policy *o = arg;

	if (!o->n++)
		o->first = a->version;
	return 0;
}

int applied_put(struct store *s, const char *group, const struct applied *a)
{
	struct oldest_policy o = { 0, 0 };
	char key[STORE_KEY_MAX];
	struct wbuf w;
	int ret;

	ret = applied_each(s, group, count_version, &o);
	if (!ret && o.n >= APPLIED_KEPT)
		ret = applied_key(key, group, o.first) ?: store_del(s, key);
	if (!ret)
		ret = applied_key(key, group, a->version);
	if (ret)
		return ret;
	wbuf_init(&w, STORE_VALUE_MAX);
	wbuf_u8(&w, RECORD_VERSION);
	wbuf_u64(&w, a->version);
	wbuf_u64(&w, (uint64_t)a->time);
	wbuf_string(&w, a->signers);
	wbuf_string(&w, a->signed_doc);
	ret = w.err ? w.err : store_put(s, key, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

/* ---- groups ------------------------------------------------------------- */

/* Copy a group. Returns 0 or -ENOMEM. */
static int copy_group(const struct conf_group *from, struct conf_group *to,
		      struct err *err)
{
	return conf_group_copy(to, from)
		       ? err_set(err, -ENOMEM, "out of memory")
		       : 0;
}

/*
 * Copy the group @from, or take the policy that was applied in its place; *@version is
 * 0 without one.
 */
static int take_group(struct store *s, const struct conf_group *from,
		      struct conf_group *to, uint64_t *version, struct err *err)
{
	struct conf_document *d = NULL;
	struct err why = { "" };
	char *text = NULL;
	int ret;

	ret = applied_newest(s, from->name, version, &text, &why);
	if (!ret && text)
		ret = conf_document_parse(text, strlen(text), &d, &why);
	if (!ret && d && d->kind != DOCUMENT_POLICY)
		ret = err_set(&why, -EBADMSG, "an order");
	if (!ret && d && d->conf.kwa != from->kwa)
		ret = err_set(&why, -EINVAL,
			      "key-wrap is not the one of the configuration");
	free(text);
	if (ret) {
		conf_document_free(d);
		return err_set(err, ret,
			       "group %s: version %llu of its signed policy: %s",
			       from->name, (unsigned long long)*version,
			       why.text);
	}
	if (!d)
		return copy_group(from, to, err);
	*to = d->conf;
	to->line = from->line;
	d->conf = (struct conf_group){ 0 };
	conf_document_free(d);
	return 0;
}

static int begin_groups(const struct conf_gcks *conf, struct conf_gcks *to,
			struct err *err)
{
	*to = *conf;
	to->n_groups = 0;
	to->groups = calloc(conf->n_groups ? conf->n_groups : 1,
			    sizeof(*to->groups));
	return to->groups ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* Take the policy of a group, and tell if the file has another one. */
static int take_group_and_log(struct store *s, const struct conf_group *from,
			      struct conf_group *to, struct err *err)
{
	uint64_t version;
	int ret = take_group(s, from, to, &version, err);

	if (!ret && version && policy_diff(from, to, 0, NULL, 0))
		log_group(LOG_LEVEL_INFO, from->name,
			  "signed policy in force: version %llu, and not the settings of the file",
			  (unsigned long long)version);
	return ret;
}

int applied_groups(struct store *s, const struct conf_gcks *conf,
		   struct conf_gcks *to, struct err *err)
{
	int ret = begin_groups(conf, to, err);
	size_t i;

	for (i = 0; !ret && i < conf->n_groups; i++) {
		ret = conf->quorum.needed
			      ? take_group_and_log(s, &conf->groups[i],
						   &to->groups[i], err)
			      : copy_group(&conf->groups[i], &to->groups[i],
					   err);
		to->n_groups += !ret;
	}
	/* A group of the file may have changed to what another policy has. */
	if (!ret && conf->quorum.needed)
		ret = conf_document_check(to, err);
	return ret;
}

int applied_check_beside(struct store *s, const struct conf_gcks *all,
			 const char *group, struct err *err)
{
	struct conf_gcks to;
	struct err why;
	uint64_t version;
	int ret = begin_groups(all, &to, err);
	size_t i;

	for (i = 0; !ret && i < all->n_groups; i++) {
		ret = strcmp(all->groups[i].name, group)
			      ? take_group(s, &all->groups[i], &to.groups[i],
					   &version, err)
			      : copy_group(&all->groups[i], &to.groups[i], err);
		to.n_groups += !ret;
	}
	if (!ret) {
		ret = conf_document_check(&to, &why);
		if (ret)
			err_set(err, ret,
				"beside signed policies that are stored and not in force yet: %s",
				why.text);
	}
	applied_groups_free(&to);
	return ret;
}

void applied_groups_free(struct conf_gcks *to)
{
	while (to->n_groups)
		conf_group_free(&to->groups[--to->n_groups]);
	free(to->groups);
	to->groups = NULL;
}
