// SPDX-License-Identifier: Apache-2.0
#include "gcks/signed_orders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/orders.h"
#include "gcks/witness.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/util.h"

#define RECORD_VERSION 1
#define PREFIX "signed"
/* Flags of a record. */
#define ORDER_NOTIFIED 1
#define ORDER_EVICTS 2
/* Interval of checks of the deadlines, since the clock may be set. */
#define CHECK_MS 3600000
#define RETRY_MS 60000

/* ---- records ------------------------------------------------------------ */

static int put_order(struct store *s, const char *key,
		     const struct signed_order *o)
{
	struct wbuf w;
	int ret;

	wbuf_init(&w, STORE_VALUE_MAX);
	wbuf_u8(&w, RECORD_VERSION);
	wbuf_u64(&w, o->number);
	wbuf_u64(&w, (uint64_t)o->deadline);
	wbuf_u8(&w, (o->notified ? ORDER_NOTIFIED : 0) |
			    (o->evict ? ORDER_EVICTS : 0));
	wbuf_string(&w, o->by ? o->by : "");
	wbuf_string(&w, o->identity);
	wbuf_string(&w, o->document);
	ret = w.err ? w.err : store_put(s, key, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

static int take_order(const uint8_t *val, size_t len, struct signed_order *o)
{
	struct rbuf r;
	uint8_t flags;

	rbuf_init(&r, val, len);
	if (rbuf_u8(&r) != RECORD_VERSION)
		return -EBADMSG;
	o->number = rbuf_u64(&r);
	o->deadline = (int64_t)rbuf_u64(&r);
	flags = rbuf_u8(&r);
	o->notified = flags & ORDER_NOTIFIED;
	o->evict = flags & ORDER_EVICTS;
	o->by = rbuf_string(&r);
	o->identity = rbuf_string(&r);
	o->document = rbuf_string(&r);
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

/* ---- orders that are not carried out yet --------------------------------- */

int signed_orders_put_unfinished(struct store *s, const char *group,
				 const struct signed_order *o)
{
	struct signed_order brief = *o;
	char key[STORE_KEY_MAX];

	brief.document = "";
	brief.deadline = o->until;
	return store_key(key, PREFIX, group, "unfinished", o->identity, NULL)
		       ?: put_order(s, key, &brief);
}

/* Returns 1 and the number, 0 if there is none, or -errno. */
static int get_unfinished(struct store *s, const char *key, uint64_t *number,
			  bool *evict)
{
	struct signed_order o = { 0 };
	struct wbuf w;
	int ret;

	wbuf_init(&w, STORE_VALUE_MAX);
	ret = store_get(s, key, &w);
	if (!ret)
		ret = take_order(w.p, w.len, &o) ?: 1;
	wbuf_free(&w);
	*number = o.number;
	*evict = o.evict;
	return ret == -ENOENT ? 0 : ret;
}

int signed_orders_unfinished(struct store *s, const char *group,
			     const char *identity, bool *evict)
{
	char key[STORE_KEY_MAX];
	uint64_t number;

	return store_key(key, PREFIX, group, "unfinished", identity, NULL)
		       ?: get_unfinished(s, key, &number, evict);
}

/* An order that its group is to carry out. */
struct execution {
	struct execution *next;
	struct gcks *k;
	gcks_done_fn *done;
	void *arg;
	uint64_t number;
	int64_t until;
	bool evict;
	char identity[GMC_ID_MAX];
	char group[]; /* the name, since the group may end before the order */
};

static struct execution *execution_new(const struct group *g,
				       const struct signed_order *o,
				       gcks_done_fn *done, void *arg)
{
	size_t len = strlen(g->conf->name) + 1;
	struct execution *v = calloc(1, sizeof(*v) + len);

	if (!v)
		return NULL;
	v->k = g->k;
	v->done = done;
	v->arg = arg;
	v->number = o->number;
	v->until = o->until;
	v->evict = o->evict;
	snprintf(v->identity, sizeof(v->identity), "%s", o->identity);
	memcpy(v->group, g->conf->name, len);
	return v;
}

/* A record that stays for an error is found done after the next start. */
static void unfinished_deleted(void *arg, int ret, const char *why)
{
	(void)arg;
	if (ret)
		log_err("store failed: an order that was carried out is given again: %s",
			why);
}

/* A later order about the same identity has taken the place of the record. */
static void delete_unfinished(const struct execution *v)
{
	struct store *s = v->k->deps.store;
	char key[STORE_KEY_MAX];
	uint64_t number;
	bool evict;

	if (store_key(key, PREFIX, v->group, "unfinished", v->identity, NULL) ||
	    get_unfinished(s, key, &number, &evict) != 1 ||
	    number != v->number || store_txn_begin(s))
		return;
	if (store_del(s, key))
		store_txn_discard(s);
	else
		store_submit(s, NULL, unfinished_deleted, NULL);
}

static void execution_done(void *arg, int ret, uint32_t effective_ms,
			   const char *why)
{
	struct execution *v = arg;

	if (!ret || ret == (v->evict ? -EALREADY : -ENOENT)) {
		delete_unfinished(v);
	} else if (ret != -ECANCELED) {
		log_group(LOG_LEVEL_ERR, v->group,
			  "signed order not carried out: number %llu: %s; next try in %d s",
			  (unsigned long long)v->number, why,
			  RETRY_MS / MSEC_PER_SEC);
		v->k->order_failed = true;
		signed_orders_watch(v->k);
	}
	if (v->done)
		v->done(v->arg, ret, effective_ms, why);
	free(v);
}

static void execute_order(struct group *g, struct execution *v)
{
	orders_add(g, v->evict ? ORDER_EVICT_AHEAD : ORDER_ADMIT, v->identity,
		   execution_done, v);
}

void signed_orders_execute(struct group *g, const struct signed_order *o,
			   gcks_done_fn *done, void *arg)
{
	struct execution *v = execution_new(g, o, done, arg);

	if (v)
		execute_order(g, v);
	else
		done(arg, -ENOMEM, 0, "out of memory");
}

struct unfinished {
	const struct group *g;
	struct execution *first;
};

static int take_unfinished(void *arg, const char *key, const uint8_t *val,
			   size_t len)
{
	struct unfinished *u = arg;
	struct signed_order o;
	struct execution *v;
	int ret = take_order(val, len, &o);

	(void)key;
	if (ret)
		return ret;
	o.until = o.deadline;
	v = execution_new(u->g, &o, NULL, NULL);
	if (!v)
		return -ENOMEM;
	v->next = u->first;
	u->first = v;
	return 0;
}

/* Returns 0 or -errno; *@first is a list of all that are not carried out. */
static int list_unfinished(const struct group *g, struct execution **first)
{
	struct unfinished u = { .g = g };
	char key[STORE_KEY_MAX];
	int ret = store_key(key, PREFIX, g->conf->name, "unfinished", NULL)
			  ?: store_each(g->k->deps.store, key, take_unfinished,
					&u);

	*first = u.first;
	return ret;
}

static struct execution *next_of(struct execution **first)
{
	struct execution *v = *first;

	if (v)
		*first = v->next;
	return v;
}

/*
 * Forget an admission, with a line in the trail. Waits for the store. Returns
 * 0, or -errno with one line in @err.
 */
static int drop_admission(const struct execution *v, const char *why,
			  struct err *err)
{
	struct store *s = v->k->deps.store;
	char key[STORE_KEY_MAX], detail[256], name[QUOTE_LEN];
	int ret = store_key(key, PREFIX, v->group, "unfinished", v->identity,
			    NULL)
			  ?: store_txn_begin(s);

	if (ret)
		return err_set(err, ret, "%s", store_reason(s, ret));
	snprintf(detail, sizeof(detail), "admit, number %llu: %s",
		 (unsigned long long)v->number, why);
	ret = store_del(s, key)
		      ?: gmc_audit(v->k, v->group, v->identity, "order-dropped",
				   detail);
	ret = store_end_wait(s, ret, NULL, err);
	if (!ret)
		log_group(LOG_LEVEL_WARN, v->group,
			  "signed order dropped: number %llu: admit %s: %s",
			  (unsigned long long)v->number,
			  quote(v->identity, name), why);
	return ret;
}

static bool time_over(const struct execution *v)
{
	return !v->evict && v->until <= clock_wall(v->k->deps.clock);
}

/* Carry out all of them; one that is under way is found done the second time. */
static void execute_unfinished(struct group *g)
{
	struct execution *first, *v;
	char name[QUOTE_LEN];
	struct err err;
	int ret = list_unfinished(g, &first);

	if (ret < 0)
		err_set(&err, ret, "%s", store_reason(g->k->deps.store, ret));
	while ((v = next_of(&first))) {
		/* An eviction that was given in time is to come, late or not. */
		if (time_over(v)) {
			ret = drop_admission(v, "its time is over", &err)
				      ?: ret;
			free(v);
			continue;
		}
		group_info(g, "signed order: number %llu: %s %s, as before",
			   (unsigned long long)v->number,
			   v->evict ? "evict" : "admit",
			   quote(v->identity, name));
		execute_order(g, v);
	}
	if (ret < 0) {
		g->k->order_failed = true;
		group_err(g, "signed order not carried out: %s", err.text);
	}
}

/* Numbers up to that of the witness were used by orders that the store has lost. */
static int skip_lost(struct group *g, struct err *err)
{
	struct signed_order o = { .identity = "", .document = "" };
	struct store *s = g->k->deps.store;
	uint64_t last;
	int ret = witness_order(g, &o.number);

	if (ret)
		return err_set(err, ret, "witness of the store: %s",
			       store_reason(g->k->deps.witness, ret));
	ret = signed_orders_last(s, g->conf->name, &last, NULL);
	if (!ret && o.number <= last)
		return 0;
	ret = ret ?: store_txn_begin(s);
	if (ret)
		return err_set(err, ret, "%s", store_reason(s, ret));
	ret = signed_orders_put_last(s, g->conf->name, &o);
	return store_end_wait(s, ret, NULL, err);
}

int signed_orders_disown(struct group *g, struct err *err)
{
	struct execution *first, *v;
	struct err why;
	int ret = list_unfinished(g, &first);

	if (ret)
		err_set(&why, ret, "%s", store_reason(g->k->deps.store, ret));
	while ((v = next_of(&first))) {
		if (!ret && !v->evict)
			ret = drop_admission(v, "the store was restored", &why);
		free(v);
	}
	ret = ret ?: skip_lost(g, &why);
	return ret ? err_set(err, ret, "group %s: signed orders: %s",
			     g->conf->name, why.text)
		   : 0;
}

/* ---- time ---------------------------------------------------------------- */

struct deadline_scan {
	struct gcks *k;
	const struct group *g;
	bool not_out; /* an eviction whose deadline has passed is not carried out yet */
	int64_t now;
	int64_t next; /* deadline that comes first; 0: none */
	struct signed_order due; /* copies of strings; number 0: none */
	char *strings[3];
};

static int scan_order(void *arg, const struct signed_order *o)
{
	struct deadline_scan *l = arg;

	if (o->notified)
		return 0;
	if (o->deadline > l->now) {
		if (!l->next || o->deadline < l->next)
			l->next = o->deadline;
		return 0;
	}
	if (!gmc_denied(l->g, o->identity)) {
		l->not_out = true;
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

/*
 * The line of the trail is in the transaction that marks the order as notified.
 * Returns 0, or -errno with one line in @err.
 */
static int report_deadline(struct deadline_scan *l, struct err *err)
{
	struct store *s = l->k->deps.store;
	char name[QUOTE_LEN], why[256];
	int ret = store_txn_begin(s);

	if (ret)
		return err_set(err, ret, "%s", store_reason(s, ret));
	l->due.notified = true;
	snprintf(why, sizeof(why), "order %llu by %.200s",
		 (unsigned long long)l->due.number, l->due.by);
	ret = signed_orders_put_waiting(s, l->g->conf->name, &l->due);
	if (!ret)
		ret = gmc_audit(l->k, l->g->conf->name, l->due.identity,
				"unconfirmed", why);
	ret = store_end_wait(s, ret, NULL, err);
	if (!ret)
		log_group(LOG_LEVEL_WARN, l->g->conf->name,
			  "eviction not confirmed: %s is out by the order of one administrator, and stays out: %s",
			  quote(l->due.identity, name), why);
	return ret;
}

/* Report one eviction whose deadline has passed. Returns 1 if there may be more. */
static int scan_once(struct deadline_scan *l)
{
	struct err err;
	int ret, i;

	ret = signed_orders_waiting(l->k->deps.store, l->g->conf->name,
				    scan_order, l);
	if (ret < 0)
		err_set(&err, ret, "%s", store_reason(l->k->deps.store, ret));
	if (ret == 1)
		ret = report_deadline(l, &err) ?: 1;
	if (ret < 0)
		group_err(l->g,
			  "store failed: orders to be confirmed: %s; next try in %d s",
			  err.text, RETRY_MS / MSEC_PER_SEC);
	for (i = 0; i < 3; i++) {
		free(l->strings[i]);
		l->strings[i] = NULL;
	}
	return ret;
}

void signed_orders_watch(struct gcks *k)
{
	struct deadline_scan l = { .k = k, .now = clock_wall(k->deps.clock) };
	uint64_t wait_ms = CHECK_MS;
	struct group *g;
	int ret;

	timer_del(k->deps.tq, &k->confirm);
	if (!k->quorum.orders)
		return;
	TAILQ_FOREACH(g, &k->groups, all) {
		l.g = g;
		while ((ret = scan_once(&l)) == 1)
			;
		if (ret < 0 || l.not_out || k->order_failed)
			wait_ms = RETRY_MS;
	}
	if (l.next && (uint64_t)(l.next - l.now) * MSEC_PER_SEC < wait_ms)
		wait_ms = (uint64_t)(l.next - l.now) * MSEC_PER_SEC;
	timer_set(k->deps.tq, &k->confirm, wait_ms);
}

/* The witness may lack the number, if it failed or the key server died in between. */
static void note_last_order(struct group *g)
{
	uint64_t number;
	int ret = signed_orders_last(g->k->deps.store, g->conf->name, &number,
				     NULL)
			  ?: witness_note_order(g, number);

	if (ret)
		g->k->order_failed = true;
}

static void deadline_due(void *arg)
{
	struct gcks *k = arg;
	struct group *g;

	k->order_failed = false;
	TAILQ_FOREACH(g, &k->groups, all) {
		note_last_order(g);
		execute_unfinished(g);
	}
	signed_orders_watch(k);
}

void signed_orders_start(struct gcks *k)
{
	signed_orders_watch(k);
	if (k->quorum.orders)
		timer_set(k->deps.tq, &k->confirm, 0);
}

void signed_orders_init(struct gcks *k)
{
	timer_init(&k->confirm, deadline_due, k);
}

void signed_orders_stop(struct gcks *k)
{
	timer_del(k->deps.tq, &k->confirm);
}
