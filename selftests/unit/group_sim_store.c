// SPDX-License-Identifier: Apache-2.0
/* A store in which the key server can be killed, or that is full. */
#include "group_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct slow;
TAILQ_HEAD(slows, slow);

struct mortal {
	struct sim *s;
	struct store real;
	struct store *st; /* gets the ends of its transactions */
	struct slows slow; /* submitted, in that order */
};

/* A transaction that was written and whose completion is pending. */
struct slow {
	TAILQ_ENTRY(slow) all;
	struct mortal *m;
	struct store_txn *t;
	uint64_t number; /* for store_txn_end() */
	struct timer timer;
	bool written;
	int ret;
};

static int trouble(const struct mortal *m)
{
	return m->s->crashed ? -EIO : m->s->store_errno;
}

static int mortal_begin(void *ctx);
static const struct store_ops mortal_ops;

static void slow_write(struct slow *w)
{
	if (w->written || w->m->s->crashed)
		return;
	w->written = true;
	w->ret = store_txn_apply(w->t, &mortal_ops, w->m);
}

/* A caller that does not wait sees all submitted changes. */
static void slow_write_all(struct mortal *m)
{
	struct slow *w;

	TAILQ_FOREACH(w, &m->slow, all)
		slow_write(w);
}

static void slow_free(struct slow *w)
{
	timer_del(&w->m->s->tq, &w->timer);
	TAILQ_REMOVE(&w->m->slow, w, all);
	free(w);
}

static void slow_done(void *arg)
{
	struct slow *w = arg;
	struct store *st = w->m->st;
	struct sim *s = w->m->s;
	uint64_t number = w->number;
	int ret = w->ret;

	/* A dead process gets no completion. */
	if (s->crashed)
		return;
	slow_free(w);
	store_txn_end(st, number, ret, ret ? strerror(-ret) : "");
	if (s->crash == SIM_AFTER_COMPLETION && !s->crash_in--)
		s->crashed = true;
}

static void slow_due(void *arg)
{
	struct slow *w = arg, *before;

	TAILQ_FOREACH(before, &w->m->slow, all) {
		slow_write(before);
		if (before == w)
			break;
	}
	timer_init(&w->timer, slow_done, w);
	timer_set(&w->m->s->tq, &w->timer, w->m->s->store_ms);
}

static void slow_submit(void *ctx, struct store_txn *t, uint64_t number)
{
	struct slow *w = calloc(1, sizeof(*w));
	struct mortal *m = ctx;

	if (!w)
		SIM_DIE("no memory");
	w->m = m;
	w->t = t;
	w->number = number;
	TAILQ_INSERT_TAIL(&m->slow, w, all);
	timer_init(&w->timer, slow_due, w);
	timer_set(&m->s->tq, &w->timer, m->s->store_ms);
}

static int mortal_begin(void *ctx)
{
	struct mortal *m = ctx;

	/* A full disk is reported by the commit at the latest. */
	return m->s->crashed ? -EIO : m->real.ops->begin(m->real.ctx);
}

static int mortal_put(void *ctx, const char *key, const void *v, size_t len)
{
	struct mortal *m = ctx;

	return m->s->crashed ? -EIO
			     : m->real.ops->put(m->real.ctx, key, v, len);
}

static int mortal_del(void *ctx, const char *key)
{
	struct mortal *m = ctx;

	return m->s->crashed ? -EIO : m->real.ops->del(m->real.ctx, key);
}

static int mortal_del_below(void *ctx, const char *prefix)
{
	struct mortal *m = ctx;

	return m->s->crashed ? -EIO
			     : m->real.ops->del_prefix(m->real.ctx, prefix);
}

static int mortal_audit(void *ctx, const struct store_audit *a)
{
	struct mortal *m = ctx;

	return m->s->crashed ? -EIO : m->real.ops->audit(m->real.ctx, a);
}

static int mortal_expect(void *ctx, const struct store_expect *e)
{
	struct mortal *m = ctx;

	m->s->changes++;
	return m->s->crashed ? -EIO : m->real.ops->expect(m->real.ctx, e);
}

static int mortal_version(void *ctx, const char *key, uint64_t *v)
{
	struct mortal *m = ctx;

	return m->real.ops->version(m->real.ctx, key, v);
}

static int mortal_commit(void *ctx)
{
	struct mortal *m = ctx;
	struct sim *s = m->s;
	int rc;

	if (trouble(m)) {
		m->real.ops->abort(m->real.ctx);
		return trouble(m);
	}
	s->commits++;
	if (s->crash == SIM_BEFORE_COMMIT && !s->crash_in--) {
		s->crashed = true;
		m->real.ops->abort(m->real.ctx);
		return -EIO;
	}
	rc = m->real.ops->commit(m->real.ctx);
	if (s->crash == SIM_AFTER_COMMIT && !s->crash_in--)
		s->crashed = true;
	if (!rc && s->store_lies && m->st == s->store) {
		s->store_lies--;
		return -EIO;
	}
	return rc;
}

static void mortal_abort(void *ctx)
{
	struct mortal *m = ctx;

	m->real.ops->abort(m->real.ctx);
}

static int mortal_get(void *ctx, const char *key, struct wbuf *val)
{
	struct mortal *m = ctx;

	return m->real.ops->get(m->real.ctx, key, val);
}

static int mortal_each(void *ctx, const char *prefix, store_each_fn *fn,
		       void *arg)
{
	struct mortal *m = ctx;

	if (m->s->store_unread && !strcmp(prefix, m->s->store_unread))
		return -EIO;
	return m->real.ops->each(m->real.ctx, prefix, fn, arg);
}

static int mortal_all(void *ctx, store_each_fn *fn, void *arg)
{
	struct mortal *m = ctx;

	return m->real.ops->all(m->real.ctx, fn, arg);
}

static int mortal_clean(void *ctx)
{
	struct mortal *m = ctx;

	return m->real.ops->clean(m->real.ctx);
}

static int mortal_audit_each(void *ctx, uint64_t after, size_t max,
			     store_audit_fn *fn, void *arg)
{
	struct mortal *m = ctx;

	return m->real.ops->audit_each(m->real.ctx, after, max, fn, arg);
}

static const char *mortal_error(void *ctx)
{
	struct mortal *m = ctx;

	return m->s->crashed	   ? "dead"
	       : m->s->store_errno ? strerror(-m->s->store_errno)
				   : m->real.ops->error(m->real.ctx);
}

static void mortal_close(void *ctx)
{
	struct mortal *m = ctx;

	while (!TAILQ_EMPTY(&m->slow))
		slow_free(TAILQ_FIRST(&m->slow));
	m->real.ops->close(m->real.ctx);
	free(m);
}

static const struct store_ops mortal_ops = {
	.begin = mortal_begin,
	.put = mortal_put,
	.del = mortal_del,
	.del_prefix = mortal_del_below,
	.audit = mortal_audit,
	.expect = mortal_expect,
	.commit = mortal_commit,
	.abort = mortal_abort,
	.get = mortal_get,
	.version = mortal_version,
	.each = mortal_each,
	.all = mortal_all,
	.clean = mortal_clean,
	.audit_each = mortal_audit_each,
	.error = mortal_error,
	.close = mortal_close,
};

/* ---- a slow store -------------------------------------------------------- */

static int slow_begin(void *ctx)
{
	slow_write_all(ctx);
	return mortal_begin(ctx);
}

static int slow_audit(void *ctx, const struct store_audit *a)
{
	slow_write_all(ctx);
	return mortal_audit(ctx, a);
}

static int slow_get(void *ctx, const char *key, struct wbuf *val)
{
	slow_write_all(ctx);
	return mortal_get(ctx, key, val);
}

static int slow_version(void *ctx, const char *key, uint64_t *v)
{
	slow_write_all(ctx);
	return mortal_version(ctx, key, v);
}

static int slow_each(void *ctx, const char *prefix, store_each_fn *fn,
		     void *arg)
{
	slow_write_all(ctx);
	return mortal_each(ctx, prefix, fn, arg);
}

static int slow_all(void *ctx, store_each_fn *fn, void *arg)
{
	slow_write_all(ctx);
	return mortal_all(ctx, fn, arg);
}

static int slow_audit_each(void *ctx, uint64_t after, size_t max,
			   store_audit_fn *fn, void *arg)
{
	slow_write_all(ctx);
	return mortal_audit_each(ctx, after, max, fn, arg);
}

static const struct store_ops slow_ops = {
	.begin = slow_begin,
	.put = mortal_put,
	.del = mortal_del,
	.del_prefix = mortal_del_below,
	.audit = slow_audit,
	.expect = mortal_expect,
	.commit = mortal_commit,
	.abort = mortal_abort,
	.get = slow_get,
	.version = slow_version,
	.each = slow_each,
	.all = slow_all,
	.clean = mortal_clean,
	.audit_each = slow_audit_each,
	.submit = slow_submit,
	.error = mortal_error,
	.close = mortal_close,
};

static struct store *mortal_open(struct sim *s, const char *path)
{
	struct mortal *m = calloc(1, sizeof(*m));
	struct store *st = calloc(1, sizeof(*st));
	struct err err;

	if (!m || !st)
		SIM_DIE("no memory");
	m->s = s;
	m->st = st;
	st->sealer = s->sealer;
	if (store_sqlite(&m->real, path, &err))
		SIM_DIE("%s", err.text);
	TAILQ_INIT(&m->slow);
	st->ops = s->store_ms ? &slow_ops : &mortal_ops;
	st->ctx = m;
	if (store_check_seal(st, &err))
		SIM_DIE("%s", err.text);
	return st;
}

void sim_store_up(struct sim *s)
{
	s->store = mortal_open(s, s->path);
	s->witness = s->no_witness ? NULL : mortal_open(s, s->witness_path);
}

static void copy_file(const char *from, const char *to)
{
	char buf[65536];
	FILE *in = fopen(from, "r");
	FILE *out;
	size_t n;

	unlink(to);
	if (!in)
		return;
	out = fopen(to, "w");
	if (!out)
		SIM_DIE("%s", to);
	fchmod(fileno(out), 0600);
	while ((n = fread(buf, 1, sizeof(buf), in)))
		if (fwrite(buf, 1, n, out) != n)
			SIM_DIE("%s", to);
	fclose(in);
	fclose(out);
}

void sim_copy_store(const char *from, const char *to)
{
	char x[288], y[288];

	copy_file(from, to);
	snprintf(x, sizeof(x), "%s-wal", from);
	snprintf(y, sizeof(y), "%s-wal", to);
	copy_file(x, y);
}
