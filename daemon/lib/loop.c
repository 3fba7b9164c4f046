// SPDX-License-Identifier: Apache-2.0
#include "lib/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define BATCH 64

struct sighandler {
	void (*fn)(void *arg, int signo);
	void *arg;
};

struct loop {
	int epfd;
	struct timerq *timers;
	/*
	 * Events that were fetched and not dispatched yet; loop_del() removes
	 * its own.
	 */
	struct epoll_event batch[BATCH];
	int batch_len;
	bool stop;
	sigset_t signals;
	struct loop_fd sigfd;
	struct sighandler handlers[_NSIG];
};

int loop_new(struct timerq *q, struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));
	int ret;

	if (!l)
		return -ENOMEM;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		ret = -errno;
		free(l);
		return ret;
	}
	l->timers = q;
	l->sigfd.fd = -1;
	sigemptyset(&l->signals);
	*out = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->sigfd.fd >= 0)
		close(l->sigfd.fd);
	close(l->epfd);
	free(l);
}

static int loop_ctl(struct loop *l, int op, struct loop_fd *f, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = f };

	return epoll_ctl(l->epfd, op, f->fd, &ev) ? -errno : 0;
}

int loop_add(struct loop *l, struct loop_fd *f, uint32_t events)
{
	return loop_ctl(l, EPOLL_CTL_ADD, f, events);
}

int loop_mod(struct loop *l, struct loop_fd *f, uint32_t events)
{
	return loop_ctl(l, EPOLL_CTL_MOD, f, events);
}

void loop_del(struct loop *l, struct loop_fd *f)
{
	int i;

	if (f->fd < 0)
		return;
	loop_ctl(l, EPOLL_CTL_DEL, f, 0);
	for (i = 0; i < l->batch_len; i++)
		if (l->batch[i].data.ptr == f)
			l->batch[i].data.ptr = NULL;
}

static void signal_readable(void *arg, uint32_t events)
{
	struct signalfd_siginfo si;
	struct loop *l = arg;

	(void)events;
	while (read(l->sigfd.fd, &si, sizeof(si)) == sizeof(si)) {
		struct sighandler *h;

		if (si.ssi_signo >= _NSIG)
			continue;
		h = &l->handlers[si.ssi_signo];
		if (h->fn)
			h->fn(h->arg, (int)si.ssi_signo);
	}
}

int loop_signal(struct loop *l, int signo, void (*fn)(void *arg, int signo),
		void *arg)
{
	int fd, ret;

	if (signo <= 0 || signo >= _NSIG)
		return -EINVAL;
	sigaddset(&l->signals, signo);
	if (sigprocmask(SIG_BLOCK, &l->signals, NULL))
		return -errno;
	fd = signalfd(l->sigfd.fd, &l->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	l->handlers[signo] = (struct sighandler){ .fn = fn, .arg = arg };
	if (l->sigfd.fd >= 0)
		return 0;
	l->sigfd =
		(struct loop_fd){ .fd = fd, .fn = signal_readable, .arg = l };
	ret = loop_add(l, &l->sigfd, EPOLLIN);
	if (ret) {
		close(fd);
		l->sigfd.fd = -1;
	}
	return ret;
}

int loop_once(struct loop *l, int max_ms)
{
	int wait = l->timers ? timerq_next_ms(l->timers) : -1;
	int i, n;

	if (max_ms >= 0 && (wait < 0 || wait > max_ms))
		wait = max_ms;
	n = epoll_wait(l->epfd, l->batch, BATCH, wait);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	l->batch_len = n;
	for (i = 0; i < n; i++) {
		struct loop_fd *f = l->batch[i].data.ptr;

		if (f)
			f->fn(f->arg, l->batch[i].events);
	}
	l->batch_len = 0;
	if (l->timers)
		timerq_run(l->timers);
	return 0;
}

int loop_run(struct loop *l)
{
	int ret = 0;

	l->stop = false;
	while (!l->stop && !ret)
		ret = loop_once(l, -1);
	return ret;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
