// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "lib/loop.h"
#include "lib/timer.h"
#include "tap.h"

#define MANY 5000

static uint64_t now_ms;
static struct timerq q;
static char order[64];

static uint64_t fake_mono(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static time_t fake_wall(void *ctx)
{
	(void)ctx;
	return (time_t)(now_ms / 1000);
}

static const struct clock fake = { .mono_ms = fake_mono, .wall = fake_wall };

static void note(void *arg)
{
	strncat(order, arg, sizeof(order) - strlen(order) - 1);
}

struct obj {
	struct timer t;
	struct timer *other;
	unsigned int fired;
	uint64_t when;
};

static void free_both(void *arg)
{
	struct obj *o = arg;

	if (o->other) {
		struct obj *p = (struct obj *)o->other;

		timer_del(&q, &p->t);
		free(p);
	}
	free(o);
}

static void again(void *arg)
{
	struct obj *o = arg;

	o->fired++;
	timer_set(&q, &o->t, 0);
}

static uint64_t last;
static unsigned int early;

static void in_order(void *arg)
{
	struct obj *o = arg;

	o->fired++;
	if (o->when < last || o->when > now_ms)
		early++;
	last = o->when;
}

static void basics(void)
{
	struct timer a, b, c;

	timer_init(&a, note, "a");
	timer_init(&b, note, "b");
	timer_init(&c, note, "c");
	is_int(timerq_next_ms(&q), -1, "an empty queue waits for ever");
	timer_set(&q, &a, 20);
	timer_set(&q, &b, 10);
	timer_set(&q, &c, 10);
	is_int(timerq_next_ms(&q), 10, "the earliest decides");
	is_int(timerq_run(&q), 0, "nothing fires early");
	now_ms += 10;
	is_int(timerq_next_ms(&q), 0, "basics: due");
	is_int(timerq_run(&q), 2, "two fire");
	is_str(order, "bc", "equal times in the order of setting");
	is_int(timer_left_ms(&q, &a), 10, "time that is left");
	timer_set(&q, &a, 100);
	now_ms += 50;
	is_int(timerq_run(&q), 0, "setting again moves it");
	timer_del(&q, &a);
	timer_del(&q, &a);
	ok(!timer_armed(&a) && timerq_next_ms(&q) == -1, "deleted, twice");
	timer_set(&q, &a, UINT64_MAX);
	is_int(timerq_next_ms(&q), INT_MAX, "no delay is too long");
	timer_del(&q, &a);
}

static void callbacks(void)
{
	struct obj *o = calloc(1, sizeof(*o)), *p = calloc(1, sizeof(*p));
	struct obj r = { 0 };

	timer_init(&o->t, free_both, o);
	timer_init(&p->t, free_both, p);
	o->other = &p->t;
	timer_set(&q, &o->t, 0);
	timer_set(&q, &p->t, 0);
	is_int(timerq_run(&q), 1,
	       "a callback frees its object and that of the next timer");
	is_int(timerq_next_ms(&q), -1, "nothing is left of them");

	timer_init(&r.t, again, &r);
	timer_set(&q, &r.t, 0);
	is_int(timerq_run(&q), 1, "a timer that sets itself fires once a run");
	is_int(timerq_run(&q), 1,
	       "a timer that sets itself fires again in the next run");
	is_int(r.fired, 2, "twice in all");
	timer_del(&q, &r.t);
}

static void many(void)
{
	static struct obj o[MANY];
	unsigned int i, fired = 0, wrong = 0, deleted = 0, left = 0;
	uint64_t start = now_ms, seed = 1;

	for (i = 0; i < MANY; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		timer_init(&o[i].t, in_order, &o[i]);
		o[i].when = now_ms + (seed >> 33) % 100000;
		timer_set(&q, &o[i].t, o[i].when - now_ms);
	}
	for (i = 0; i < MANY; i += 3) {
		timer_del(&q, &o[i].t);
		deleted++;
	}
	for (i = 1; i < MANY; i += 9) {
		o[i].when = now_ms + 50000 + i;
		timer_set(&q, &o[i].t, 50000 + i);
	}
	while (timerq_next_ms(&q) >= 0 && now_ms < start + 200000) {
		now_ms += (uint64_t)timerq_next_ms(&q);
		fired += timerq_run(&q);
	}
	for (i = 0; i < MANY; i++) {
		wrong += o[i].fired != (i % 3 ? 1 : 0);
		left += timer_armed(&o[i].t);
	}
	is_int(fired, MANY - deleted, "all but the deleted fire");
	is_int(wrong, 0, "each once");
	is_int(early, 0, "in order and on time");
	is_int(left, 0, "none is left");
}

struct looped {
	struct loop *l;
	struct loop_fd a, b;
	int pipe_a[2], pipe_b[2];
	unsigned int got;
	int sig;
};

/*
 * The first callback deletes the other timer, whose event was
 * already fetched.
 */
static void readable(void *arg, uint32_t events)
{
	struct looped *x = arg;

	(void)events;
	x->got++;
	loop_del(x->l, &x->a);
	loop_del(x->l, &x->b);
}

static void on_signal(void *arg, int signo)
{
	struct looped *x = arg;

	x->sig = signo;
	loop_stop(x->l);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static void loops(void)
{
	struct looped x = { 0 };
	struct timerq real;
	struct timer t;

	timerq_init(&real, clock_system());
	if (loop_new(&real, &x.l) || pipe(x.pipe_a) || pipe(x.pipe_b))
		bail("no loop");
	x.a = (struct loop_fd){ x.pipe_a[0], readable, &x };
	x.b = (struct loop_fd){ x.pipe_b[0], readable, &x };
	is_int(loop_add(x.l, &x.a, EPOLLIN), 0, "a descriptor is added");
	loop_add(x.l, &x.b, EPOLLIN);
	if (write(x.pipe_a[1], "", 1) != 1 || write(x.pipe_b[1], "", 1) != 1)
		bail("pipe");
	loop_once(x.l, 1000);
	is_int(x.got, 1, "an event of a deleted descriptor is dropped");
	loop_once(x.l, 0);
	is_int(x.got, 1, "both descriptors are gone");

	timer_init(&t, stop, x.l);
	timer_set(&real, &t, 20);
	is_int(loop_run(x.l), 0, "a timer stops the loop");
	loop_signal(x.l, SIGUSR1, on_signal, &x);
	loop_signal(x.l, SIGUSR2, on_signal, &x);
	kill(getpid(), SIGUSR2);
	is_int(loop_run(x.l), 0, "a signal too");
	is_int(x.sig, SIGUSR2, "the one that was sent");
	loop_free(x.l);
	close(x.pipe_a[0]);
	close(x.pipe_a[1]);
	close(x.pipe_b[0]);
	close(x.pipe_b[1]);
}

int main(void)
{
	timerq_init(&q, &fake);
	RUN(basics);
	RUN(callbacks);
	RUN(many);
	RUN(loops);
	return done();
}
