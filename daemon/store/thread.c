// SPDX-License-Identifier: Apache-2.0
#include "store/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/loop.h"
#include "store/store.h"

struct job {
	struct job *next;
	struct store_txn *t;
	uint64_t number; /* for store_txn_end() */
	int ret;
	char why[256];
};

struct jobs {
	struct job *first;
	struct job *last;
};

struct worker {
	/* The back end that does the work. */
	const struct store_ops *ops;
	void *ctx;
	struct store *store; /* gets the ends of its transactions */
	struct loop *loop;
	struct loop_fd fd;
	pthread_t thread;
	/* The lock protects the members below; cond signals a change of one. */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct jobs todo;
	struct jobs done;
	bool working;
	bool stop;
};

static void jobs_add(struct jobs *l, struct job *j)
{
	j->next = NULL;
	if (l->last)
		l->last->next = j;
	else
		l->first = j;
	l->last = j;
}

static struct job *jobs_take(struct jobs *l)
{
	struct job *j = l->first;

	if (!j)
		return NULL;
	l->first = j->next;
	if (!l->first)
		l->last = NULL;
	return j;
}

/* ---- worker thread ------------------------------------------------------ */

static void job_run(struct worker *w, struct job *j)
{
	const char *why;

	j->ret = store_txn_apply(j->t, w->ops, w->ctx);
	why = j->ret ? w->ops->error(w->ctx) : NULL;
	snprintf(j->why, sizeof(j->why), "%s",
		 why	  ? why
		 : j->ret ? strerror(-j->ret)
			  : "");
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct job *j;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->todo.first && !w->stop)
			pthread_cond_wait(&w->cond, &w->lock);
		j = jobs_take(&w->todo);
		/*
		 * Submitted transactions are done even when the thread is to
		 * stop.
		 */
		if (!j)
			break;
		w->working = true;
		pthread_mutex_unlock(&w->lock);
		job_run(w, j);
		pthread_mutex_lock(&w->lock);
		w->working = false;
		jobs_add(&w->done, j);
		pthread_cond_broadcast(&w->cond);
		eventfd_write(w->fd.fd, 1);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* ---- event loop --------------------------------------------------------- */

static void worker_done(void *arg, uint32_t events)
{
	struct worker *w = arg;
	eventfd_t n;
	struct job *j;

	(void)events;
	eventfd_read(w->fd.fd, &n);
	for (;;) {
		pthread_mutex_lock(&w->lock);
		j = jobs_take(&w->done);
		pthread_mutex_unlock(&w->lock);
		if (!j)
			return;
		store_txn_end(w->store, j->number, j->ret, j->why);
		free(j);
	}
}

static void worker_submit(void *ctx, struct store_txn *t, uint64_t number)
{
	struct job *j = calloc(1, sizeof(*j));
	struct worker *w = ctx;

	if (!j) {
		store_txn_end(w->store, number, -ENOMEM, "out of memory");
		return;
	}
	j->t = t;
	j->number = number;
	pthread_mutex_lock(&w->lock);
	jobs_add(&w->todo, j);
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

/*
 * Return the context of the back end, once the thread has finished all jobs.
 */
static void *wait_quiet(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->todo.first || w->working)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
	return w->ctx;
}

static int worker_begin(void *ctx)
{
	struct worker *w = ctx;

	return w->ops->begin(wait_quiet(w));
}

static int worker_put(void *ctx, const char *key, const void *val, size_t len)
{
	struct worker *w = ctx;

	return w->ops->put(wait_quiet(w), key, val, len);
}

static int worker_del(void *ctx, const char *key)
{
	struct worker *w = ctx;

	return w->ops->del(wait_quiet(w), key);
}

static int worker_del_below(void *ctx, const char *prefix)
{
	struct worker *w = ctx;

	return w->ops->del_below(wait_quiet(w), prefix);
}

static int worker_audit(void *ctx, const struct store_audit *a)
{
	struct worker *w = ctx;

	return w->ops->audit(wait_quiet(w), a);
}

static int worker_expect(void *ctx, const struct store_expect *e)
{
	struct worker *w = ctx;

	return w->ops->expect(wait_quiet(w), e);
}

static int worker_commit(void *ctx)
{
	struct worker *w = ctx;

	return w->ops->commit(wait_quiet(w));
}

static void worker_abort(void *ctx)
{
	struct worker *w = ctx;

	w->ops->abort(wait_quiet(w));
}

static int worker_get(void *ctx, const char *key, struct wbuf *val)
{
	struct worker *w = ctx;

	return w->ops->get(wait_quiet(w), key, val);
}

static int worker_version(void *ctx, const char *key, uint64_t *v)
{
	struct worker *w = ctx;

	return w->ops->version(wait_quiet(w), key, v);
}

static int worker_each(void *ctx, const char *prefix, store_each_fn *fn,
		       void *arg)
{
	struct worker *w = ctx;

	return w->ops->each(wait_quiet(w), prefix, fn, arg);
}

static int worker_all(void *ctx, store_each_fn *fn, void *arg)
{
	struct worker *w = ctx;

	return w->ops->all(wait_quiet(w), fn, arg);
}

static int worker_clean(void *ctx)
{
	struct worker *w = ctx;

	return w->ops->clean(wait_quiet(w));
}

static int worker_audit_each(void *ctx, uint64_t after, size_t max,
			     store_audit_fn *fn, void *arg)
{
	struct worker *w = ctx;

	return w->ops->audit_each(wait_quiet(w), after, max, fn, arg);
}

static int worker_audit_trim(void *ctx, uint64_t refusals, uint64_t others)
{
	struct worker *w = ctx;

	return w->ops->audit_trim(wait_quiet(w), refusals, others);
}

static uint64_t worker_audit_last(void *ctx)
{
	struct worker *w = ctx;

	return w->ops->audit_last ? w->ops->audit_last(wait_quiet(w)) : 0;
}

static const char *worker_error(void *ctx)
{
	struct worker *w = ctx;

	return w->ops->error(wait_quiet(w));
}

static void worker_free(struct worker *w)
{
	struct job *j;

	while ((j = jobs_take(&w->done)))
		free(j);
	close(w->fd.fd);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void worker_close(void *ctx)
{
	struct worker *w = ctx;

	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	loop_del(w->loop, &w->fd);
	w->ops->close(w->ctx);
	worker_free(w);
}

static const struct store_ops worker_ops = {
	.begin = worker_begin,
	.put = worker_put,
	.del = worker_del,
	.del_below = worker_del_below,
	.audit = worker_audit,
	.expect = worker_expect,
	.commit = worker_commit,
	.abort = worker_abort,
	.get = worker_get,
	.version = worker_version,
	.each = worker_each,
	.all = worker_all,
	.clean = worker_clean,
	.audit_each = worker_audit_each,
	.audit_trim = worker_audit_trim,
	.audit_last = worker_audit_last,
	.submit = worker_submit,
	.error = worker_error,
	.close = worker_close,
};

/* Signals are handled in the thread of the event loop. */
static int worker_start(struct worker *w)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&w->thread, NULL, worker_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -ret;
}

int store_thread(struct store *s, struct loop *loop, struct err *err)
{
	struct worker *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return err_set(err, -ENOMEM, "store: out of memory");
	w->ops = s->ops;
	w->ctx = s->ctx;
	w->store = s;
	w->loop = loop;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->fd.fn = worker_done;
	w->fd.arg = w;
	w->fd.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ret = w->fd.fd < 0 ? -errno : loop_add(loop, &w->fd, EPOLLIN);
	if (!ret) {
		ret = worker_start(w);
		if (ret)
			loop_del(loop, &w->fd);
	}
	if (ret) {
		worker_free(w);
		return err_set(err, ret, "store: thread not started: %s",
			       strerror(-ret));
	}
	s->audit_last = store_audit_last(s);
	s->ops = &worker_ops;
	s->ctx = w;
	return 0;
}
