/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that does what a slow disk could delay, one job after the other, and
 * reports to the event loop.
 *
 *	job->work.run = write_it;
 *	job->work.done = tell_it;
 *	worker_add(w, &job->work);
 *
 * All functions are called from the thread of the loop. A job belongs to the
 * worker from worker_add() until its done() is called or it is dropped, and the
 * caller does not touch it meanwhile.
 */
#ifndef LIB_WORKER_H
#define LIB_WORKER_H

struct loop;
struct worker;

/* The struct is embedded in the object that describes the job. */
struct work {
	void (*run)(void *arg); /* in the thread of the worker */
	void (*done)(void *arg); /* from the loop; may free the job */
	void *arg;
	struct work *next; /* private */
};

/* Start a thread, which must end before @loop. Returns 0 or -errno. */
int worker_new(struct loop *loop, struct worker **out);
/*
 * Wait for all jobs and end the thread. @drop is called with the arg of each job
 * whose done() was not called; NULL: nothing is done with it. NULL @w is ignored.
 */
void worker_free(struct worker *w, void (*drop)(void *arg));
/* Add a job behind all others; this cannot fail. */
void worker_add(struct worker *w, struct work *j);
/* Wait until all jobs have run; none is reported. */
void worker_wait(struct worker *w);
/* Wait until all jobs have run, and report them before the loop does. */
void worker_finish(struct worker *w);

#endif
