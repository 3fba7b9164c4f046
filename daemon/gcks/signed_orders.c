// SPDX-License-Identifier: Apache-2.0
#include "gcks/signed_orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/util.h"

#define RECORD_VERSION 1
#define PREFIX "signed"
/* The clock may be set, so deadlines are looked at this often. */
#define LOOK_MS 3600000
#define RETRY_MS 60000

/* ---- records ------------------------------------------------------------ */

static void put_string(struct wbuf *w, const char *s)
{
	wbuf_u32(w, (uint32_t)strlen(s) + 1);
	wbuf_put(w, s, strlen(s) + 1);
}

static const char *take_string(struct rbuf *r)
{
	uint32_t n = rbuf_u32(r);
	const char *s = (const char *)rbuf_bytes(r, n);

	if (!r->err && (!n || memchr(s, '\0', n) != s + n - 1))
		r->err = -EBADMSG;
	return r->err ? "" : s;
}

static int put_order(struct store *s, const char *key,
		     const struct signed_order *o)
{
	struct wbuf w;
	int ret;

	wbuf_init(&w, STORE_VALUE_MAX);
	wbuf_u8(&w, RECORD_VERSION);
	wbuf_u64(&w, o->number);
	wbuf_u64(&w, (uint64_t)o->deadline);
	wbuf_u8(&w, o->told);
	put_string(&w, o->by ? o->by : "");
	put_string(&w, o->identity);
	put_string(&w, o->document);
	ret = w.err ? w.err : store_put(s, key, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

static int take_order(const uint8_t *val, size_t len, struct signed_order *o)
{
	struct rbuf r;

	rbuf_init(&r, val, len);
	if (rbuf_u8(&r) != RECORD_VERSION)
		return -EBADMSG;
	o->number = rbuf_u64(&r);
	o->deadline = (int64_t)rbuf_u64(&r);
	o->told = rbuf_u8(&r);
	o->by = take_string(&r);
	o->identity = take_string(&r);
	o->document = take_string(&r);
	return r.err;
}

int signed_orders_last(struct store *s, const char *group, uint64_t *number,
		       char **text)
{
	char key[STORE_KEY_MAX];
	struct signed_order o;
	struct wbuf w;
	int ret;

	*number = 0;
	if (text)
		*text = NULL;
	wbuf_init(&w, STORE_VALUE_MAX);
	ret = store_key(key, PREFIX, group, "order", NULL)
		      ?: store_get(s, key, &w);
	if (!ret)
		ret = take_order(w.p, w.len, &o);
	if (!ret) {
		*number = o.number;
		if (text)
			*text = strdup(o.document);
		ret = text && !*text ? -ENOMEM : 0;
	}
	wbuf_free(&w);
	return ret == -ENOENT ? 0 : ret;
}

int signed_orders_put_last(struct store *s, const char *group,
			   const struct signed_order *o)
{
	char key[STORE_KEY_MAX];

	return store_key(key, PREFIX, group, "order", NULL)
		       ?: put_order(s, key, o);
}

int signed_orders_put_waiting(struct store *s, const char *group,
			      const struct signed_order *o)
{
	char key[STORE_KEY_MAX];

	return store_key(key, PREFIX, group, "waits", o->identity, NULL)
		       ?: put_order(s, key, o);
}

int signed_orders_del_waiting(struct store *s, const char *group,
			      const char *identity)
{
	char key[STORE_KEY_MAX];

	return store_key(key, PREFIX, group, "waits", identity, NULL)
		       ?: store_del(s, key);
}

struct each {
	signed_order_fn *fn;
	void *arg;
};

static int read_waiting(void *arg, const char *key, const uint8_t *val,
			size_t len)
{
	const struct each *e = arg;
	struct signed_order o;
	int ret = take_order(val, len, &o);

	(void)key;
	return ret ? ret : e->fn(e->arg, &o);
}

int signed_orders_waiting(struct store *s, const char *group,
			  signed_order_fn *fn, void *arg)
{
	struct each e = { fn, arg };
	char key[STORE_KEY_MAX];
	int ret = store_key(key, PREFIX, group, "waits", NULL);

	return ret ? ret : store_each(s, key, read_waiting, &e);
}

/* ---- time ---------------------------------------------------------------- */

struct look {
	struct gcks *k;
	const char *group;
	int64_t now;
	int64_t next; /* deadline that comes first; 0: none */
	struct signed_order due; /* copies of strings; number 0: none */
	char *strings[3];
};

static int look_at(void *arg, const struct signed_order *o)
{
	struct look *l = arg;

	if (o->told)
		return 0;
	if (o->deadline > l->now) {
		if (!l->next || o->deadline < l->next)
			l->next = o->deadline;
		return 0;
	}
	l->strings[0] = strdup(o->identity);
	l->strings[1] = strdup(o->document);
	l->strings[2] = strdup(o->by);
	if (!l->strings[0] || !l->strings[1] || !l->strings[2])
		return -ENOMEM;
	l->due = *o;
	l->due.identity = l->strings[0];
	l->due.document = l->strings[1];
	l->due.by = l->strings[2];
	return 1;
}

/* The line of the trail is in the transaction that notes that it was told. */
static int tell_due(struct look *l)
{
	struct store *s = l->k->deps.store;
	char name[QUOTE_LEN], why[256];
	int ret = store_txn_begin(s);

	if (ret)
		return ret;
	l->due.told = true;
	snprintf(why, sizeof(why), "order %llu by %.200s",
		 (unsigned long long)l->due.number, l->due.by);
	ret = signed_orders_put_waiting(s, l->group, &l->due);
	if (!ret)
		ret = gmc_audit(l->k, l->group, l->due.identity, "unconfirmed",
				why);
	if (ret)
		store_txn_discard(s);
	else
		ret = store_submit_wait(s, NULL);
	if (!ret)
		log_group(LOG_LEVEL_WARN, l->group,
			  "eviction not confirmed: %s is out by the order of one administrator, and stays out: %s",
			  quote(l->due.identity, name), why);
	return ret;
}

/* Tell of one eviction whose time is over. Returns 1 if there may be more. */
static int look_once(struct look *l)
{
	int ret, i;

	ret = signed_orders_waiting(l->k->deps.store, l->group, look_at, l);
	if (ret == 1)
		ret = tell_due(l) ?: 1;
	for (i = 0; i < 3; i++) {
		free(l->strings[i]);
		l->strings[i] = NULL;
	}
	return ret;
}

void signed_orders_watch(struct gcks *k)
{
	struct look l = { .k = k, .now = clock_wall(k->deps.clock) };
	uint64_t wait_ms = LOOK_MS;
	struct group *g;
	int ret;

	timer_del(k->deps.tq, &k->confirm);
	if (!k->quorum.orders)
		return;
	TAILQ_FOREACH(g, &k->groups, all)
	{
		l.group = g->conf->name;
		while ((ret = look_once(&l)) == 1)
			;
		if (ret < 0)
			wait_ms = RETRY_MS;
	}
	if (l.next && (uint64_t)(l.next - l.now) * MSEC_PER_SEC < wait_ms)
		wait_ms = (uint64_t)(l.next - l.now) * MSEC_PER_SEC;
	timer_set(k->deps.tq, &k->confirm, wait_ms);
}

static void time_is_over(void *arg)
{
	signed_orders_watch(arg);
}

void signed_orders_init(struct gcks *k)
{
	timer_init(&k->confirm, time_is_over, k);
}

void signed_orders_stop(struct gcks *k)
{
	timer_del(k->deps.tq, &k->confirm);
}
