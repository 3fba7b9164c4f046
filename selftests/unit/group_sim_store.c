// SPDX-License-Identifier: Apache-2.0
/* A store that the key server can die in, or that is full. */
#include "group_sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct mortal {
	struct sim *s;
	struct store real;
};

static int trouble(const struct mortal *m)
{
	return m->s->crashed ? -EIO : m->s->store_errno;
}

static int mortal_begin(void *ctx)
{
	struct mortal *m = ctx;

	/* a full disk shows later, at the commit at the latest */
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
			     : m->real.ops->del_below(m->real.ctx, prefix);
}

static int mortal_audit(void *ctx, const struct store_audit *a)
{
	struct mortal *m = ctx;

	return m->s->crashed ? -EIO : m->real.ops->audit(m->real.ctx, a);
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

	m->real.ops->close(m->real.ctx);
	free(m);
}

static const struct store_ops mortal_ops = {
	.begin = mortal_begin,
	.put = mortal_put,
	.del = mortal_del,
	.del_below = mortal_del_below,
	.audit = mortal_audit,
	.commit = mortal_commit,
	.abort = mortal_abort,
	.get = mortal_get,
	.each = mortal_each,
	.all = mortal_all,
	.clean = mortal_clean,
	.audit_each = mortal_audit_each,
	.error = mortal_error,
	.close = mortal_close,
};

static struct store *mortal_open(struct sim *s, const char *path)
{
	struct mortal *m = calloc(1, sizeof(*m));
	struct store *st = calloc(1, sizeof(*st));
	char err[256];

	if (!m || !st)
		SIM_DIE("no memory");
	m->s = s;
	st->sealer = s->sealer;
	if (store_sqlite(&m->real, path, err, sizeof(err)))
		SIM_DIE("%s", err);
	st->ops = &mortal_ops;
	st->ctx = m;
	if (store_check_seal(st, err, sizeof(err)))
		SIM_DIE("%s", err);
	return st;
}

void sim_store_up(struct sim *s)
{
	s->store = mortal_open(s, s->path);
	s->witness = mortal_open(s, s->witness_path);
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
