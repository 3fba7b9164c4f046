// SPDX-License-Identifier: Apache-2.0
/*
 * Parts of the store that are common to all back ends: sealing, keys, integers.
 */
#include "store/store.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/seal.h"
#include "lib/log.h"
#include "lib/progress.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "store/txn.h"

#define CHECK_KEY "format"
#define CHECK_VALUE "mcsec store 1"

typedef int back_end_fn(struct store *s, const char *path, struct err *err);

static int open_back_end(back_end_fn *fn, const char *path,
			 const struct sealer *sealer, struct store **out,
			 struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));
	struct err why;
	int ret;

	if (!s)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	s->sealer = sealer;
	ret = fn(s, path, err);
	if (ret) {
		free(s);
		return ret;
	}
	ret = store_check_seal(s, &why);
	if (ret) {
		store_close(s);
		return err_set(err, ret, "%s: %s", path, why.text);
	}
	*out = s;
	return 0;
}

int store_open(const char *path, const struct sealer *sealer,
	       struct store **out, struct err *err)
{
	return open_back_end(store_sqlite, path, sealer, out, err);
}

int store_open_copy(const char *path, const struct sealer *sealer,
		    struct store **out, struct err *err)
{
	return open_back_end(store_sqlite_copy, path, sealer, out, err);
}

void store_close(struct store *s)
{
	struct store_txn *t;

	if (!s)
		return;
	store_txn_discard(s);
	/* Completions are dropped, because the objects that wait are gone. */
	for (t = s->first; t; t = t->next)
		store_forget(t);
	if (s->ops)
		s->ops->close(s->ctx);
	store_txn_free_all(s);
	free(s);
}

/* The seal key is checked before any record is trusted. */
int store_check_seal(struct store *s, struct err *err)
{
	struct wbuf w;
	int ret;

	wbuf_init(&w, STORE_VALUE_MAX);
	ret = store_get(s, CHECK_KEY, &w);
	if (!ret &&
	    (w.len != strlen(CHECK_VALUE) || memcmp(w.p, CHECK_VALUE, w.len))) {
		ret = err_set(err, -EPROTONOSUPPORT,
			      "store has an unknown format; a later mcsecd has written it");
	} else if (ret == -EBADMSG) {
		err_set(err, ret,
			"seal key is not that of the store; \"seal-key\" must name the one with which it was created");
	} else if (ret == -ENOENT) {
		ret = store_begin(s);
		if (!ret)
			ret = store_put(s, CHECK_KEY, CHECK_VALUE,
					strlen(CHECK_VALUE));
		if (!ret)
			ret = store_commit(s);
		else
			store_abort(s);
		if (ret)
			err_set(err, ret, "%s", store_reason(s, ret));
	} else if (ret) {
		err_set(err, ret, "%s", store_reason(s, ret));
	}
	wbuf_free(&w);
	return ret;
}

int store_key(char key[static STORE_KEY_MAX], ...)
{
	const char *part, *p;
	size_t n = 0;
	va_list ap;
	bool first = true;

	va_start(ap, key);
	while ((part = va_arg(ap, const char *))) {
		if (n + 4 >= STORE_KEY_MAX)
			goto too_long;
		if (!first)
			key[n++] = '/';
		first = false;
		for (p = part; *p; p++) {
			unsigned char c = *p;

			if (n + 4 >= STORE_KEY_MAX)
				goto too_long;
			if (c == '/' || c == '%' || c < 0x20 || c == 0x7f)
				n += sprintf(key + n, "%%%02X", c);
			else
				key[n++] = c;
		}
	}
	va_end(ap);
	key[n] = '\0';
	return 0;

too_long:
	va_end(ap);
	key[0] = '\0';
	return -ENAMETOOLONG;
}

const char *store_key_last(const char *key, char *buf, size_t size)
{
	const char *p = strrchr(key, '/');
	unsigned int c;
	size_t n = 0;

	for (p = p ? p + 1 : key; *p && n + 1 < size; p++) {
		if (*p == '%' && isxdigit((unsigned char)p[1]) &&
		    isxdigit((unsigned char)p[2])) {
			sscanf(p + 1, "%2X", &c);
			buf[n++] = c;
			p += 2;
		} else {
			buf[n++] = *p;
		}
	}
	if (size)
		buf[n] = '\0';
	return buf;
}

int store_begin(struct store *s)
{
	int ret = s->ops->begin(s->ctx);

	s->begun = !ret;
	return ret;
}

int store_commit(struct store *s)
{
	s->begun = false;
	return s->ops->commit(s->ctx);
}

void store_abort(struct store *s)
{
	s->begun = false;
	s->ops->abort(s->ctx);
}

int store_put(struct store *s, const char *key, const void *val, size_t len)
{
	uint8_t *p;
	int ret;

	if (len > STORE_VALUE_MAX)
		return -EMSGSIZE;
	p = malloc(len + SEAL_OVERHEAD);
	if (!p)
		return -ENOMEM;
	ret = seal(s->sealer, key, val, len, p);
	if (!ret && s->rec)
		ret = store_txn_put(s->rec, key, p, len + SEAL_OVERHEAD);
	else if (!ret)
		ret = s->ops->put(s->ctx, key, p, len + SEAL_OVERHEAD);
	free(p);
	return ret;
}

int store_put_u64(struct store *s, const char *key, uint64_t val)
{
	uint8_t b[8];

	put_unaligned_be64(val, b);
	return store_put(s, key, b, sizeof(b));
}

int store_del(struct store *s, const char *key)
{
	return s->rec ? store_txn_del(s->rec, key) : s->ops->del(s->ctx, key);
}

int store_del_prefix(struct store *s, const char *prefix)
{
	return s->rec ? store_txn_del_prefix(s->rec, prefix)
		      : s->ops->del_prefix(s->ctx, prefix);
}

int store_get(struct store *s, const char *key, struct wbuf *val)
{
	struct wbuf w;
	uint8_t *p;
	int ret;

	wbuf_init(&w, STORE_VALUE_MAX + SEAL_OVERHEAD);
	ret = s->ops->get(s->ctx, key, &w);
	if (!ret && w.len < SEAL_OVERHEAD)
		ret = -EBADMSG;
	if (!ret) {
		p = wbuf_at(val, wbuf_reserve(val, w.len - SEAL_OVERHEAD),
			    w.len - SEAL_OVERHEAD);
		ret = val->err;
		if (!ret)
			ret = unseal(s->sealer, key, w.p, w.len, p);
	}
	wbuf_free(&w);
	return ret;
}

int store_version(struct store *s, const char *key, uint64_t *v)
{
	return s->ops->version(s->ctx, key, v);
}

int store_get_u64(struct store *s, const char *key, uint64_t *val)
{
	struct rbuf r;
	struct wbuf w;
	int ret;

	wbuf_init(&w, STORE_VALUE_MAX);
	ret = store_get(s, key, &w);
	if (!ret) {
		rbuf_init(&r, w.p, w.len);
		*val = rbuf_u64(&r);
		if (r.err || rbuf_left(&r))
			ret = -EBADMSG;
	}
	wbuf_free(&w);
	return ret;
}

struct unsealing {
	struct store *s;
	store_each_fn *fn;
	void *arg;
	/* Room for one record, since there may be millions. */
	uint8_t *plain;
	size_t room;
};

static int room_for(struct unsealing *e, size_t len)
{
	if (len <= e->room)
		return 0;
	secret_free(e->plain);
	e->plain = secret_alloc(len);
	e->room = e->plain ? len : 0;
	return e->plain ? 0 : -ENOMEM;
}

static int each_unseal(void *arg, const char *key, const uint8_t *val,
		       size_t len)
{
	struct unsealing *e = arg;
	int ret;

	if (len < SEAL_OVERHEAD)
		return -EBADMSG;
	ret = room_for(e, len);
	if (!ret)
		ret = unseal(e->s->sealer, key, val, len, e->plain);
	if (!ret)
		ret = e->fn(e->arg, key, e->plain, len - SEAL_OVERHEAD);
	return ret;
}

int store_each(struct store *s, const char *prefix, store_each_fn *fn,
	       void *arg)
{
	struct unsealing e = { .s = s, .fn = fn, .arg = arg };
	int ret = s->ops->each(s->ctx, prefix, each_unseal, &e);

	secret_free(e.plain);
	return ret;
}

struct key_list {
	char **v;
	size_t n;
	size_t room;
};

static int collect_key(void *arg, const char *key, const uint8_t *val,
		       size_t len)
{
	struct key_list *k = arg;
	char **v;

	(void)val;
	(void)len;
	if (k->n == k->room) {
		k->room = k->room ? 2 * k->room : 256;
		v = reallocarray(k->v, k->room, sizeof(*v));
		if (!v)
			return -ENOMEM;
		k->v = v;
	}
	k->v[k->n] = strdup(key);
	if (!k->v[k->n])
		return -ENOMEM;
	k->n++;
	return 0;
}

static int reseal_one(struct store *s, struct store *next, const char *key)
{
	struct wbuf plain;
	int ret;

	wbuf_init(&plain, STORE_VALUE_MAX);
	ret = store_get(s, key, &plain);
	if (!ret)
		ret = store_put(next, key, plain.p, plain.len);
	wbuf_free(&plain);
	return ret;
}

int store_reseal(struct store *s, const struct sealer *to)
{
	struct store next = { .ops = s->ops, .ctx = s->ctx, .sealer = to };
	struct key_list k = { 0 };
	struct progress p;
	size_t i;
	int ret;

	progress_begin(&p, clock_system());

	/*
	 * All keys are read first, since a record that is written while
	 * iterating may be returned again.
	 */
	ret = s->ops->all(s->ctx, collect_key, &k);
	if (!ret) {
		ret = store_begin(s);
		for (i = 0; !ret && i < k.n; i++) {
			ret = reseal_one(s, &next, k.v[i]);
			if (progress_step(&p))
				log_info("store being resealed: %zu of %zu records",
					 i + 1, k.n);
		}
		if (!ret)
			ret = store_commit(s);
		else
			store_abort(s);
	}
	while (k.n)
		free(k.v[--k.n]);
	free(k.v);
	if (ret)
		return ret;
	s->sealer = to;
	return store_clean(s);
}

int store_clean(struct store *s)
{
	return s->ops->clean(s->ctx);
}

static void audit_ended(void *arg, int ret, const char *why)
{
	(void)arg;
	if (ret)
		log_err("audit record lost: %s", why);
}

void store_set_sink(struct store *s, const struct store_sink *sink)
{
	s->sink = sink;
}

bool store_audit_scarce(const struct store *s)
{
	return s->sink && s->sink->scarce && s->sink->scarce(s->sink->arg);
}

uint64_t store_audit_last(struct store *s)
{
	if (s->ops->submit)
		return s->audit_last;
	return s->ops->audit_last ? s->ops->audit_last(s->ctx) : 0;
}

/* Add a line as a transaction of its own, or as a part of one that is open. */
static int audit_now(struct store *s, const struct store_audit *a)
{
	int ret = s->ops->audit(s->ctx, a);
	struct store_audit line = *a;

	if (ret || s->begun || !s->sink)
		return ret;
	line.seq = store_audit_last(s);
	if (line.seq)
		s->sink->record(s->sink->arg, &line);
	return 0;
}

int store_audit(struct store *s, const struct store_audit *a)
{
	int ret;

	if (s->rec)
		return store_txn_audit(s->rec, a);
	if (!s->ops->submit)
		return audit_now(s, a);
	ret = store_txn_begin(s);
	if (ret)
		return ret;
	store_txn_audit(s->rec, a);
	store_submit(s, NULL, audit_ended, NULL);
	return 0;
}

int store_audit_each(struct store *s, uint64_t after, size_t max,
		     store_audit_fn *fn, void *arg)
{
	return s->ops->audit_each(s->ctx, after, max, fn, arg);
}

const char *store_reason(struct store *s, int ret)
{
	switch (ret) {
	case -EBADMSG:
		return "a record is damaged; restore a copy of the store";
	case -ENOMEM:
		return "out of memory";
	/* No back end gives these, and its text is on an earlier error. */
	case -EMSGSIZE:
	case -ENAMETOOLONG:
		return strerror(-ret);
	default:
		return store_txn_why(s->ops, s->ctx, ret);
	}
}

int store_end_wait(struct store *s, int ret, const struct store_expect *e,
		   struct err *err)
{
	if (!ret)
		return store_submit_wait(s, e, err);
	store_txn_discard(s);
	return err_set(err, ret, "%s", store_reason(s, ret));
}
