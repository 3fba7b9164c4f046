/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one event loop: descriptors by epoll, signals by signalfd, one queue of
 * timers. Level-triggered. Single-threaded.
 *
 * A callback may add or delete any descriptor, its own too, and free the
 * object that holds it: events already fetched for a deleted one are dropped.
 */
#ifndef LIB_LOOP_H
#define LIB_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#include "lib/timer.h"

struct loop;

/* Embedded in the object that owns the descriptor. */
struct loop_fd {
	int fd;
	/* @events: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP */
	void (*fn)(void *arg, uint32_t events);
	void *arg;
};

/* @q may be NULL. All return 0 or -errno. */
int loop_new(struct timerq *q, struct loop **out);
void loop_free(struct loop *l);
int loop_add(struct loop *l, struct loop_fd *f, uint32_t events);
int loop_mod(struct loop *l, struct loop_fd *f, uint32_t events);
/* Doesn't close the descriptor. Harmless when it was not added. */
void loop_del(struct loop *l, struct loop_fd *f);
/*
 * Blocks @signo for the process and calls @fn from the loop instead. At most
 * one callback per signal.
 */
int loop_signal(struct loop *l, int signo, void (*fn)(void *arg, int signo),
		void *arg);
/* Until loop_stop() (0) or a failure of epoll itself (-errno). */
int loop_run(struct loop *l);
/* One round, waiting at most @max_ms (-1: as long as the timers allow). */
int loop_once(struct loop *l, int max_ms);
void loop_stop(struct loop *l);

#endif
