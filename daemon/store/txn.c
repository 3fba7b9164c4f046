// SPDX-License-Identifier: Apache-2.0
#include "store/txn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"

/* Limit of one transaction in octets, enough for a group of 65536 members. */
#define WRITES_MAX (256u << 20)

enum write_kind {
	WRITE_PUT,
	WRITE_DEL,
	WRITE_DEL_PREFIX,
	WRITE_AUDIT,
};

/* ---- recording ---------------------------------------------------------- */

/* Strings keep their terminator, so that they can be used in place. */
static void record_text(struct wbuf *w, const char *s)
{
	wbuf_u32(w, strlen(s) + 1);
	wbuf_put(w, s, strlen(s) + 1);
}

static const char *recorded_text(struct rbuf *r)
{
	return (const char *)rbuf_bytes(r, rbuf_u32(r));
}

int store_txn_put(struct store_txn *t, const char *key, const void *val,
		  size_t len)
{
	t->n_others++;
	wbuf_u8(&t->writes, WRITE_PUT);
	record_text(&t->writes, key);
	wbuf_u32(&t->writes, len);
	wbuf_put(&t->writes, val, len);
	return t->writes.err;
}

int store_txn_del(struct store_txn *t, const char *key)
{
	t->n_others++;
	wbuf_u8(&t->writes, WRITE_DEL);
	record_text(&t->writes, key);
	return t->writes.err;
}

int store_txn_del_prefix(struct store_txn *t, const char *prefix)
{
	t->n_others++;
	wbuf_u8(&t->writes, WRITE_DEL_PREFIX);
	record_text(&t->writes, prefix);
	return t->writes.err;
}

int store_txn_audit(struct store_txn *t, const struct store_audit *a)
{
	t->n_audits++;
	wbuf_u8(&t->writes, WRITE_AUDIT);
	wbuf_u64(&t->writes, a->time);
	record_text(&t->writes, a->group);
	record_text(&t->writes, a->identity);
	record_text(&t->writes, a->event);
	record_text(&t->writes, a->detail);
	record_text(&t->writes, a->actor ? a->actor : "");
	return t->writes.err;
}

static void txn_free(struct store_txn *t)
{
	if (!t)
		return;
	wbuf_free(&t->writes);
	free(t);
}

int store_txn_begin(struct store *s)
{
	if (s->rec)
		return -EBUSY;
	s->rec = calloc(1, sizeof(*s->rec));
	if (!s->rec)
		return -ENOMEM;
	s->rec->s = s;
	wbuf_init(&s->rec->writes, WRITES_MAX);
	return 0;
}

void store_txn_discard(struct store *s)
{
	txn_free(s->rec);
	s->rec = NULL;
}

/* ---- applying ----------------------------------------------------------- */

static void recorded_audit(struct rbuf *r, struct store_audit *a)
{
	a->time = (int64_t)rbuf_u64(r);
	a->group = recorded_text(r);
	a->identity = recorded_text(r);
	a->event = recorded_text(r);
	a->detail = recorded_text(r);
	a->actor = recorded_text(r);
}

static int apply_audit(struct rbuf *r, const struct store_ops *ops, void *ctx)
{
	struct store_audit a = { 0 };

	recorded_audit(r, &a);
	return r->err ? r->err : ops->audit(ctx, &a);
}

static int apply_one(struct rbuf *r, const struct store_ops *ops, void *ctx)
{
	enum write_kind kind = rbuf_u8(r);
	const char *key;
	const uint8_t *val;
	uint32_t len;

	if (kind == WRITE_AUDIT)
		return apply_audit(r, ops, ctx);
	key = recorded_text(r);
	if (r->err)
		return r->err;
	if (kind == WRITE_DEL)
		return ops->del(ctx, key);
	if (kind == WRITE_DEL_PREFIX)
		return ops->del_prefix(ctx, key);
	len = rbuf_u32(r);
	val = rbuf_bytes(r, len);
	return r->err ? r->err : ops->put(ctx, key, val, len);
}

int store_txn_apply(struct store_txn *t, const struct store_ops *ops, void *ctx)
{
	struct store_expect e = { t->expect, t->from, t->to };
	struct rbuf r;
	int ret;

	ret = ops->begin(ctx);
	if (ret)
		return ret;
	if (t->expect[0])
		ret = ops->expect(ctx, &e);
	rbuf_init(&r, t->writes.p, t->writes.len);
	while (!ret && rbuf_left(&r))
		ret = apply_one(&r, ops, ctx);
	if (ret) {
		ops->abort(ctx);
		return ret;
	}
	ret = ops->commit(ctx);
	if (!ret && ops->audit_last)
		t->audit_last = ops->audit_last(ctx);
	return ret;
}

/* ---- lines of the audit trail -------------------------------------------- */

/* Skip a write that is no line. */
static void skip_write(struct rbuf *r, enum write_kind kind)
{
	rbuf_bytes(r, rbuf_u32(r));
	if (kind == WRITE_PUT)
		rbuf_bytes(r, rbuf_u32(r));
}

void store_txn_sink(const struct store_txn *t)
{
	const struct store_sink *sink = t->s->sink;
	struct store_audit a = { 0 };
	enum write_kind kind;
	struct rbuf r;

	if (!sink || !t->n_audits || t->audit_last < t->n_audits)
		return;
	/* The lines of a transaction have successive numbers. */
	a.seq = t->audit_last - t->n_audits;
	rbuf_init(&r, t->writes.p, t->writes.len);
	while (!r.err && rbuf_left(&r)) {
		kind = rbuf_u8(&r);
		if (kind != WRITE_AUDIT) {
			skip_write(&r, kind);
			continue;
		}
		recorded_audit(&r, &a);
		a.seq++;
		if (!r.err)
			sink->record(sink->arg, &a);
	}
}

/*
 * A transaction that was waited for may end before those that were submitted earlier, so
 * the number of the last line never goes back.
 */
static void note_lines(const struct store_txn *t)
{
	if (t->s->audit_last < t->audit_last)
		t->s->audit_last = t->audit_last;
	store_txn_sink(t);
}

int store_audit_ready(const struct store *s, struct err *err)
{
	return s->sink && s->sink->ready ? s->sink->ready(s->sink->arg, err)
					 : 0;
}

/* Ask the sink whether a change may be made that it must have a line of. */
static int sink_ready(const struct store_txn *t, struct err *err)
{
	if (!t->n_audits || !t->n_others)
		return 0;
	return store_audit_ready(t->s, err);
}

/* ---- submitting --------------------------------------------------------- */

/* Take the recorded transaction out of the store; its ret is -errno if that has failed. */
static struct store_txn *txn_take(struct store *s, const struct store_expect *e,
				  store_done_fn *done, void *arg)
{
	struct store_txn *t = s->rec;

	s->rec = NULL;
	t->done = done;
	t->arg = arg;
	t->ret = t->writes.err;
	if (!e)
		return t;
	t->from = e->from;
	t->to = e->to;
	if ((size_t)snprintf(t->expect, sizeof(t->expect), "%s", e->key) >=
	    sizeof(t->expect))
		t->ret = -ENAMETOOLONG;
	return t;
}

const char *store_txn_why(const struct store_ops *ops, void *ctx, int ret)
{
	const char *why = ops->error(ctx);

	return why ? why : strerror(-ret);
}

struct store_txn *store_submit(struct store *s, const struct store_expect *e,
			       store_done_fn *done, void *arg)
{
	struct store_txn *t = txn_take(s, e, done, arg);
	uint64_t number = ++s->n_submitted;
	struct err err = { "" };
	int ret;

	t->number = number;
	if (s->last)
		s->last->next = t;
	else
		s->first = t;
	s->last = t;
	if (!t->ret)
		t->ret = sink_ready(t, &err);
	if (t->ret) {
		store_txn_end(s, number, t->ret,
			      err.text[0] ? err.text : strerror(-t->ret));
	} else if (s->ops->submit) {
		s->ops->submit(s->ctx, t, number);
	} else {
		ret = store_txn_apply(t, s->ops, s->ctx);
		store_txn_end(s, number, ret,
			      ret ? store_txn_why(s->ops, s->ctx, ret) : "");
	}
	return number > s->n_ended ? t : NULL;
}

static int apply_at_once(struct store_txn *t, struct err *err)
{
	const struct store *s = t->s;
	int ret = store_txn_apply(t, s->ops, s->ctx);

	if (ret)
		return err_set(err, ret, "%s",
			       store_txn_why(s->ops, s->ctx, ret));
	note_lines(t);
	return 0;
}

int store_submit_wait(struct store *s, const struct store_expect *e,
		      struct err *err)
{
	struct store_txn *t = txn_take(s, e, NULL, NULL);
	int ret = t->ret;

	if (ret) {
		err_set(err, ret, "%s", strerror(-ret));
	} else {
		ret = sink_ready(t, err);
		if (!ret)
			ret = apply_at_once(t, err);
	}
	txn_free(t);
	return ret;
}

void store_forget(struct store_txn *t)
{
	if (t)
		t->done = NULL;
}

/* Return the transaction if it has not ended yet. */
static struct store_txn *find_open(const struct store *s, uint64_t number)
{
	struct store_txn *t = s->first;

	while (t && t->number != number)
		t = t->next;
	return t && !t->ended ? t : NULL;
}

/*
 * A completion may submit again, and that transaction may end at once: then the
 * running loop calls its completion, so that completions do not nest.
 */
void store_txn_end(struct store *s, uint64_t number, int ret, const char *why)
{
	struct store_txn *t = find_open(s, number);

	if (!t) {
		log_err("store failed: internal error: a transaction has ended twice; please report it");
		return;
	}
	t->ended = true;
	t->ret = ret;
	snprintf(t->why, sizeof(t->why), "%s", why);
	if (s->ending)
		return;
	s->ending = true;
	while (s->first && s->first->ended) {
		t = s->first;
		s->first = t->next;
		if (!s->first)
			s->last = NULL;
		s->n_ended++;
		if (!t->ret)
			note_lines(t);
		if (t->done)
			t->done(t->arg, t->ret, t->why);
		txn_free(t);
	}
	s->ending = false;
}

void store_txn_free_all(struct store *s)
{
	struct store_txn *t;

	while ((t = s->first)) {
		s->first = t->next;
		txn_free(t);
	}
	s->last = NULL;
}
