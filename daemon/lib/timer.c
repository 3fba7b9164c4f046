// SPDX-License-Identifier: Apache-2.0
/*
 * A pairing heap: the children of a node are a list, whose first element points
 * back to the parent, and each other to its left sibling.
 */
#include "lib/timer.h"

#include <limits.h>
#include <stddef.h>

static bool fires_before(const struct timer *a, const struct timer *b)
{
	return a->when < b->when || (a->when == b->when && a->seq < b->seq);
}

/* Merge two roots, which have no siblings. */
static struct timer *meld_heaps(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a)
		return b;
	if (!b)
		return a;
	if (fires_before(b, a)) {
		t = a;
		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	b->prev = a;
	a->child = b;
	return a;
}

/*
 * Merge the siblings from @t on into one heap: pairs from left to right, then
 * all of them from right to left. There is no recursion, because a list may
 * contain all timers.
 */
static struct timer *meld_list(struct timer *t)
{
	struct timer *pairs = NULL, *root = NULL;

	while (t) {
		struct timer *a = t, *b = t->next;

		t = b ? b->next : NULL;
		a->next = NULL;
		a->prev = NULL;
		if (b) {
			b->next = NULL;
			b->prev = NULL;
		}
		a = meld_heaps(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		t = pairs->next;
		pairs->next = NULL;
		root = meld_heaps(root, pairs);
		pairs = t;
	}
	return root;
}

static void unlink_timer(struct timerq *q, struct timer *t)
{
	struct timer *rest = meld_list(t->child);

	t->child = NULL;
	if (q->root == t) {
		q->root = rest;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		q->root = meld_heaps(q->root, rest);
	}
	t->next = NULL;
	t->prev = NULL;
	t->armed = false;
}

void timerq_init(struct timerq *q, const struct clock *clock)
{
	q->clock = clock;
	q->root = NULL;
	q->seq = 0;
}

int timerq_next_ms(const struct timerq *q)
{
	uint64_t left;

	if (!q->root)
		return -1;
	left = timer_left_ms(q, q->root);
	return left > INT_MAX ? INT_MAX : (int)left;
}

unsigned int timerq_run(struct timerq *q)
{
	uint64_t now = clock_mono_ms(q->clock), end = q->seq;
	unsigned int fired = 0;
	struct timer *t;

	/*
	 * Timers that callbacks set have a seq of at least end. The clock does
	 * not go backwards, so they come after all that were due at the start.
	 */
	while ((t = q->root) && t->when <= now && t->seq < end) {
		unlink_timer(q, t);
		fired++;
		t->fn(t->arg);
	}
	return fired;
}

void timer_init(struct timer *t, void (*fn)(void *arg), void *arg)
{
	*t = (struct timer){ .fn = fn, .arg = arg };
}

void timer_set(struct timerq *q, struct timer *t, uint64_t delay_ms)
{
	uint64_t now = clock_mono_ms(q->clock);

	timer_del(q, t);
	t->when = delay_ms > UINT64_MAX - now ? UINT64_MAX : now + delay_ms;
	t->seq = q->seq++;
	t->armed = true;
	q->root = meld_heaps(q->root, t);
}

void timer_del(struct timerq *q, struct timer *t)
{
	if (t->armed)
		unlink_timer(q, t);
}

bool timer_armed(const struct timer *t)
{
	return t->armed;
}

uint64_t timer_left_ms(const struct timerq *q, const struct timer *t)
{
	uint64_t now = clock_mono_ms(q->clock);

	return t->armed && t->when > now ? t->when - now : 0;
}
