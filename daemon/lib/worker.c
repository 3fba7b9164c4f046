// SPDX-License-Identifier: Apache-2.0
#include "lib/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/loop.h"

struct jobs {
	struct work *first;
	struct work *last;
};

struct worker {
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

static void jobs_add(struct jobs *l, struct work *j)
{
	j->next = NULL;
	if (l->last)
		l->last->next = j;
	else
		l->first = j;
	l->last = j;
}

static struct work *jobs_take(struct jobs *l)
{
	struct work *j = l->first;

	if (!j)
		return NULL;
	l->first = j->next;
	if (!l->first)
		l->last = NULL;
	return j;
}

/* ---- worker thread ------------------------------------------------------ */

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct work *j;

	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->todo.first && !w->stop)
			pthread_cond_wait(&w->cond, &w->lock);
		j = jobs_take(&w->todo);
		/* Jobs are done even when the thread is to stop. */
		if (!j)
			break;
		w->working = true;
		pthread_mutex_unlock(&w->lock);
		j->run(j->arg);
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

static struct work *take_done(struct worker *w)
{
	struct work *j;

	pthread_mutex_lock(&w->lock);
	j = jobs_take(&w->done);
	pthread_mutex_unlock(&w->lock);
	return j;
}

static void report_jobs(struct worker *w)
{
	struct work *j;

	while ((j = take_done(w)))
		j->done(j->arg);
}

static void worker_event(void *arg, uint32_t events)
{
	struct worker *w = arg;
	eventfd_t n;

	(void)events;
	eventfd_read(w->fd.fd, &n);
	report_jobs(w);
}

void worker_add(struct worker *w, struct work *j)
{
	pthread_mutex_lock(&w->lock);
	jobs_add(&w->todo, j);
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

void worker_wait(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->todo.first || w->working)
		pthread_cond_wait(&w->cond, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void worker_finish(struct worker *w)
{
	worker_wait(w);
	report_jobs(w);
}

/* ---- life ----------------------------------------------------------------- */

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

static void free_all(struct worker *w)
{
	if (w->fd.fd >= 0)
		close(w->fd.fd);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int worker_new(struct loop *loop, struct worker **out)
{
	struct worker *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return -ENOMEM;
	w->loop = loop;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->fd.fn = worker_event;
	w->fd.arg = w;
	w->fd.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ret = w->fd.fd < 0 ? -errno : loop_add(loop, &w->fd, EPOLLIN);
	if (!ret) {
		ret = worker_start(w);
		if (ret)
			loop_del(loop, &w->fd);
	}
	if (ret)
		free_all(w);
	else
		*out = w;
	return ret;
}

void worker_free(struct worker *w, void (*drop)(void *arg))
{
	struct work *j;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	loop_del(w->loop, &w->fd);
	while ((j = jobs_take(&w->done)))
		if (drop)
			drop(j->arg);
	free_all(w);
}
