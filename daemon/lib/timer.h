/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-shot timers embedded in the objects they belong to. Setting never fails
 * and allocates nothing (an intrusive pairing heap: O(1) to set, O(log n)
 * amortised to delete or fire).
 *
 *	timer_init(&sa->retransmit, sa_retransmit, sa);
 *	timer_set(q, &sa->retransmit, 500);
 *
 * A callback may set or delete any timer, its own too, and may free the object
 * that holds its timer: the queue doesn't look at a timer once it has fired.
 * Whoever frees an object deletes its timers first.
 */
#ifndef LIB_TIMER_H
#define LIB_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/clock.h"

struct timer {
	void (*fn)(void *arg);
	void *arg;
	/* the rest belongs to the queue */
	uint64_t when;
	uint64_t seq;
	struct timer *child;
	struct timer *next;
	/* the sibling before, or the parent of the first child */
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
 * Milliseconds to the next timer: 0 when it is due, -1 when there is none,
 * never more than INT_MAX.
 */
int timerq_next_ms(const struct timerq *q);
/*
 * Fires what is due, earliest first, equal times in the order of setting. What
 * a callback sets anew waits for the next run, so one run always ends. Returns
 * how many fired.
 */
unsigned int timerq_run(struct timerq *q);

/* @fn is called with @arg. The timer is not set. */
void timer_init(struct timer *t, void (*fn)(void *arg), void *arg);
/* (Re)arms: fires once, @delay_ms from now. */
void timer_set(struct timerq *q, struct timer *t, uint64_t delay_ms);
/* Harmless on a timer that is not armed. */
void timer_del(struct timerq *q, struct timer *t);
bool timer_armed(const struct timer *t);
/* Milliseconds until it fires; 0 when due or not armed. */
uint64_t timer_left_ms(const struct timerq *q, const struct timer *t);

#endif
