/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-shot timers embedded in the objects that own them. Setting a timer never
 * fails, and allocates nothing (an intrusive pairing heap: O(1) to set, O(log
 * n) amortised to delete or fire).
 *
 *	timer_init(&sa->retransmit, sa_retransmit, sa);
 *	timer_set(q, &sa->retransmit, 500);
 *
 * A callback may set or delete any timer, including its own, and may free the
 * object that contains its timer: the queue does not use a timer after it has
 * fired. The owner deletes the timers of an object before freeing it.
 */
#ifndef LIB_TIMER_H
#define LIB_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"

struct timer {
	void (*fn)(void *arg);
	void *arg;
	/* The other members belong to the queue. */
	uint64_t when;
	uint64_t seq;
	struct timer *child;
	struct timer *next;
	/* The left sibling, or the parent of a first child. */
	struct timer *prev;
	bool armed;
};

struct timerq {
	const struct clock *clock;
	struct timer *root;
	uint64_t seq;
};

void timerq_init(struct timerq *q, const struct clock *clock);
/*
 * Return the milliseconds to the next timer, at most INT_MAX: 0 if it is due,
 * -1 if there is none.
 */
int timerq_next_ms(const struct timerq *q);
/*
 * Fire all due timers, the earliest first, and equal times in the order of
 * setting. A timer that a callback sets waits for the next run, so each run
 * ends. Returns the number of timers fired.
 */
unsigned int timerq_run(struct timerq *q);

/* Initialise a timer, which calls @fn with @arg and is not set. */
void timer_init(struct timer *t, void (*fn)(void *arg), void *arg);
/* Set the timer, again if it is set, to fire once in @delay_ms. */
void timer_set(struct timerq *q, struct timer *t, uint64_t delay_ms);
/* Delete the timer; one that is not set is ignored. */
void timer_del(struct timerq *q, struct timer *t);
bool timer_armed(const struct timer *t);
/*
 * Return the milliseconds until the timer fires, or 0 if it is due
 * or not set.
 */
uint64_t timer_left_ms(const struct timerq *q, const struct timer *t);

#endif
