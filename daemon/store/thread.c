// SPDX-License-Identifier: Apache-2.0
#include "store/thread.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/txn.h"
#include "lib/err.h"
#include "lib/util.h"
#include "lib/worker.h"

struct store_worker {
	/* The back end that does the work. */
	const struct store_ops *ops;
	void *ctx;
	struct store *store; /* gets the ends of its transactions */
	struct worker *worker;
};

struct store_job {
	struct work work;
	struct store_worker *w;
	struct store_txn *t;
	uint64_t number; /* for store_txn_end() */
	int ret;
	char why[256];
};

/* This runs in the thread of the worker. */
static void job_run(void *arg)
{
	struct store_job *j = arg;
	const struct store_worker *w = j->w;

	j->ret = store_txn_apply(j->t, w->ops, w->ctx);
	if (j->ret)
		snprintf(j->why, sizeof(j->why), "%s",
			 store_txn_why(w->ops, w->ctx, j->ret));
}

static void job_done(void *arg)
{
	struct store_job *j = arg;

	store_txn_end(j->w->store, j->number, j->ret, j->why);
	free(j);
}

static void thread_submit(void *ctx, struct store_txn *t, uint64_t number)
{
	struct store_job *j = calloc(1, sizeof(*j));
	struct store_worker *w = ctx;

	if (!j) {
		store_txn_end(w->store, number, -ENOMEM, "out of memory");
		return;
	}
	j->work.run = job_run;
	j->work.done = job_done;
	j->work.arg = j;
	j->w = w;
	j->t = t;
	j->number = number;
	worker_add(w->worker, &j->work);
}

/* Return the context of the back end, once the thread has finished all jobs. */
static void *wait_quiet(struct store_worker *w)
{
	worker_wait(w->worker);
	return w->ctx;
}

static int thread_begin(void *ctx)
{
	struct store_worker *w = ctx;

	return w->ops->begin(wait_quiet(w));
}

static int thread_put(void *ctx, const char *key, const void *val, size_t len)
{
	struct store_worker *w = ctx;

	return w->ops->put(wait_quiet(w), key, val, len);
}

static int thread_del(void *ctx, const char *key)
{
	struct store_worker *w = ctx;

	return w->ops->del(wait_quiet(w), key);
}

static int thread_del_prefix(void *ctx, const char *prefix)
{
	struct store_worker *w = ctx;

	return w->ops->del_prefix(wait_quiet(w), prefix);
}

static int thread_audit(void *ctx, const struct store_audit *a)
{
	struct store_worker *w = ctx;

	return w->ops->audit(wait_quiet(w), a);
}

static int thread_expect(void *ctx, const struct store_expect *e)
{
	struct store_worker *w = ctx;

	return w->ops->expect(wait_quiet(w), e);
}

static int thread_commit(void *ctx)
{
	struct store_worker *w = ctx;

	return w->ops->commit(wait_quiet(w));
}

static void thread_abort(void *ctx)
{
	struct store_worker *w = ctx;

	w->ops->abort(wait_quiet(w));
}

static int thread_get(void *ctx, const char *key, struct wbuf *val)
{
	struct store_worker *w = ctx;

	return w->ops->get(wait_quiet(w), key, val);
}

static int thread_version(void *ctx, const char *key, uint64_t *v)
{
	struct store_worker *w = ctx;

	return w->ops->version(wait_quiet(w), key, v);
}

static int thread_each(void *ctx, const char *prefix, store_each_fn *fn,
		       void *arg)
{
	struct store_worker *w = ctx;

	return w->ops->each(wait_quiet(w), prefix, fn, arg);
}

static int thread_all(void *ctx, store_each_fn *fn, void *arg)
{
	struct store_worker *w = ctx;

	return w->ops->all(wait_quiet(w), fn, arg);
}

static int thread_clean(void *ctx)
{
	struct store_worker *w = ctx;

	return w->ops->clean(wait_quiet(w));
}

static int thread_audit_each(void *ctx, uint64_t after, size_t max,
			     store_audit_fn *fn, void *arg)
{
	struct store_worker *w = ctx;

	return w->ops->audit_each(wait_quiet(w), after, max, fn, arg);
}

static int thread_audit_trim(void *ctx, uint64_t refusals, uint64_t others)
{
	struct store_worker *w = ctx;

	return w->ops->audit_trim(wait_quiet(w), refusals, others);
}

static uint64_t thread_audit_last(void *ctx)
{
	struct store_worker *w = ctx;

	return w->ops->audit_last ? w->ops->audit_last(wait_quiet(w)) : 0;
}

static const char *thread_error(void *ctx)
{
	struct store_worker *w = ctx;

	return w->ops->error(wait_quiet(w));
}

static void thread_close(void *ctx)
{
	struct store_worker *w = ctx;

	worker_free(w->worker, free);
	w->ops->close(w->ctx);
	free(w);
}

static const struct store_ops thread_ops = {
	.begin = thread_begin,
	.put = thread_put,
	.del = thread_del,
	.del_prefix = thread_del_prefix,
	.audit = thread_audit,
	.expect = thread_expect,
	.commit = thread_commit,
	.abort = thread_abort,
	.get = thread_get,
	.version = thread_version,
	.each = thread_each,
	.all = thread_all,
	.clean = thread_clean,
	.audit_each = thread_audit_each,
	.audit_trim = thread_audit_trim,
	.audit_last = thread_audit_last,
	.submit = thread_submit,
	.error = thread_error,
	.close = thread_close,
};

int store_thread(struct store *s, struct loop *loop, struct err *err)
{
	struct store_worker *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return err_set(err, -ENOMEM, "store: out of memory");
	w->ops = s->ops;
	w->ctx = s->ctx;
	w->store = s;
	ret = worker_new(loop, &w->worker);
	if (ret) {
		free(w);
		return err_set(err, ret, "store: thread not started: %s",
			       strerror(-ret));
	}
	s->audit_last = store_audit_last(s);
	s->ops = &thread_ops;
	s->ctx = w;
	return 0;
}
