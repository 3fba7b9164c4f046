/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: descriptors by epoll, signals by signalfd, and one timer
 * queue. Level-triggered. Single-threaded.
 *
 * A callback may add or delete any descriptor, including its own, and free the
 * object that contains it: events that were already fetched for a deleted
 * descriptor are dropped.
 */
#ifndef LIB_LOOP_H
#define LIB_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#include "lib/timer.h"

struct loop;

/* The struct is embedded in the object that owns the descriptor. */
struct loop_fd {
	int fd;
	/* @events has EPOLLIN, EPOLLOUT, EPOLLERR and EPOLLHUP. */
	void (*fn)(void *arg, uint32_t events);
	void *arg;
};

/* @q may be NULL. All functions return 0 or -errno. */
int loop_new(struct timerq *q, struct loop **out);
void loop_free(struct loop *l);
int loop_add(struct loop *l, struct loop_fd *f, uint32_t events);
int loop_mod(struct loop *l, struct loop_fd *f, uint32_t events);
/* The descriptor is not closed. A descriptor that was not added is ignored. */
void loop_del(struct loop *l, struct loop_fd *f);
/*
 * Block @signo for the process, and call @fn from the loop instead. Each signal
 * has one callback.
 */
int loop_signal(struct loop *l, int signo, void (*fn)(void *arg, int signo),
		void *arg);
/* Run until loop_stop() (0) or until epoll fails (-errno). */
int loop_run(struct loop *l);
/* Run one iteration, which waits at most @max_ms (-1: until the next timer). */
int loop_once(struct loop *l, int max_ms);
void loop_stop(struct loop *l);

#endif
