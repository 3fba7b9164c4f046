// SPDX-License-Identifier: Apache-2.0
/*
 * Transactions as objects: recorded, submitted with the version from which they
 * were computed, and completed in order, by SQLite directly and from a thread.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/seal.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/timer.h"
#include "store/store.h"
#include "store/thread.h"
#include "tap.h"

#define MANY 200

static char dir[] = "/tmp/mcsec-later-XXXXXX";
static char path[64];
static struct sealer *sealer;
static struct loop *loop;
static struct timerq tq;

struct seen {
	unsigned int n;
	unsigned int order[2 * MANY];
	int ret[2 * MANY];
	char why[256];
};

static struct seen seen;

struct ticket {
	unsigned int number;
};

static void ended(void *arg, int ret, const char *why)
{
	const struct ticket *t = arg;

	seen.order[seen.n] = t->number;
	seen.ret[seen.n++] = ret;
	snprintf(seen.why, sizeof(seen.why), "%s", why);
}

static struct store *open_store(bool thread)
{
	struct err err;
	struct err why;
	struct store *s;

	if (store_open(path, sealer, &s, &err))
		bail("%s", err.text);
	if (thread && store_thread(s, loop, &why))
		bail("%s", why.text);
	memset(&seen, 0, sizeof(seen));
	return s;
}

static void record(struct store *s, const char *key, uint64_t val)
{
	if (store_txn_begin(s) || store_put_u64(s, key, val))
		bail("no memory");
}

static uint64_t value(struct store *s, const char *key)
{
	uint64_t v;

	return store_get_u64(s, key, &v) ? UINT64_MAX : v;
}

/* Run until @n completions were called, or none follows for a second. */
static void turn(unsigned int n)
{
	unsigned int i;

	for (i = 0; seen.n < n && i < 1000; i++)
		loop_once(loop, 1);
}

static void test_versions(bool thread)
{
	const char *mode = thread ? "thread" : "at once";
	struct store *s = open_store(thread);
	struct ticket t[4] = { { 0 }, { 1 }, { 2 }, { 3 } };
	struct store_expect e = { .key = "g/a", .from = 0, .to = 7 };
	struct err err;
	uint64_t v = 99;

	is_int(store_version(s, "g/a", &v), 0, "%s: a version is read", mode);
	is_int(v, 0, "%s: a record that is not there has version 0", mode);
	record(s, "g/a/x", 1);
	ok(!value(s, "g/a/x") || value(s, "g/a/x") == UINT64_MAX,
	   "%s: what is recorded is not done", mode);
	is_int(store_txn_begin(s), -EBUSY, "%s: a second recording is refused",
	       mode);
	store_submit(s, &e, ended, &t[0]);
	record(s, "g/a/x", 2);
	store_submit(s, &e, ended, &t[1]);
	e.from = 7;
	e.to = 8;
	record(s, "g/a/x", 3);
	store_submit(s, &e, ended, &t[2]);
	turn(3);
	is_int(seen.n, 3, "%s: three completions", mode);
	is_int(seen.ret[0], 0, "%s: the version that is there is taken", mode);
	is_int(seen.ret[1], -ESTALE, "%s: one that is gone is refused", mode);
	is_int(seen.ret[2], 0, "%s: the one after it is taken", mode);
	is_int(value(s, "g/a/x"), 3, "%s: the value is of the last", mode);
	store_version(s, "g/a", &v);
	is_int(v, 8, "%s: the version is of the last", mode);
	e.from = 5;
	record(s, "g/a/x", 4);
	is_int(store_submit_wait(s, &e, &err), -ESTALE, "%s: waiting, likewise",
	       mode);
	ok(strstr(err.text, "g/a has version 8"), "%s: the error has words",
	   mode);
	is_int(value(s, "g/a/x"), 3, "%s: nothing was written then", mode);
	e.from = 8;
	e.to = 0;
	store_txn_begin(s);
	store_del_prefix(s, "g/a");
	is_int(store_submit_wait(s, &e, NULL), 0, "%s: the record goes", mode);
	store_version(s, "g/a", &v);
	is_int(v, 0, "%s: its version goes with it", mode);
	record(s, "g/b", 1);
	store_txn_discard(s);
	ok(value(s, "g/b") == UINT64_MAX, "%s: what is dropped is not done",
	   mode);
	store_close(s);
}

static void test_order(bool thread)
{
	const char *mode = thread ? "thread" : "at once";
	struct store *s = open_store(thread);
	struct ticket t[MANY];
	unsigned int i, wrong = 0, later = 0;
	struct store_expect e = { .key = "g/order" };

	for (i = 0; i < MANY; i++) {
		t[i].number = i;
		e.from = i;
		e.to = i + 1;
		record(s, "g/order/x", i);
		later += !!store_submit(s, &e, ended, &t[i]);
	}
	if (thread)
		ok(later, "%s: %u completions come later", mode, later);
	else
		is_int(later, 0, "%s: no completion comes later", mode);
	is_int(value(s, "g/order/x"), MANY - 1,
	       "%s: a read sees what was submitted before it", mode);
	turn(MANY);
	is_int(seen.n, MANY, "%s: each is ended once", mode);
	for (i = 0; i < MANY; i++)
		wrong += seen.order[i] != i || seen.ret[i];
	is_int(wrong, 0, "%s: in the order of the submissions", mode);
	store_close(s);
}

/* Called from within a completion. */
static struct store *again_store;
static struct ticket inner = { 7 };
static bool inside;

static void inner_ended(void *arg, int ret, const char *why)
{
	ok(!inside, "no completion is called inside of another");
	ended(arg, ret, why);
}

static void submits_again(void *arg, int ret, const char *why)
{
	inside = true;
	ended(arg, ret, why);
	record(again_store, "g/inner", 1);
	store_submit(again_store, NULL, inner_ended, &inner);
	inside = false;
}

static void test_again(bool thread)
{
	const char *mode = thread ? "thread" : "at once";
	struct ticket t = { 1 };

	again_store = open_store(thread);
	record(again_store, "g/outer", 1);
	store_submit(again_store, NULL, submits_again, &t);
	turn(2);
	is_int(seen.n, 2, "%s: a completion may submit", mode);
	is_int(seen.order[1], 7, "%s: that is ended after it", mode);
	store_close(again_store);
}

static void test_forget(void)
{
	struct ticket t = { 1 };
	struct store *s = open_store(true);
	struct store_txn *txn;
	unsigned int i, forgotten = 0;

	for (i = 0; i < MANY; i++) {
		record(s, "g/forget", i);
		txn = store_submit(s, NULL, ended, &t);
		forgotten += !!txn;
		store_forget(txn);
	}
	store_close(s);
	is_int(seen.n + forgotten, MANY, "nobody is told of %u forgotten ones",
	       forgotten);
	s = open_store(false);
	is_int(value(s, "g/forget"), MANY - 1,
	       "the forgotten ones are written before the store closes");
	store_close(s);
}

/* A transaction waits for earlier ones, and none is completed twice. */
static uint64_t held[4];
static unsigned int n_held;

static void hold(void *ctx, struct store_txn *t, uint64_t number)
{
	(void)ctx;
	(void)t;
	held[n_held++] = number;
}

static void test_reorder(void)
{
	struct ticket t[3] = { { 0 }, { 1 }, { 2 } };
	struct store *s = open_store(false);
	struct store_ops ops = *s->ops;
	unsigned int i;

	ops.submit = hold;
	s->ops = &ops;
	for (i = 0; i < 3; i++) {
		record(s, "g/held", i);
		store_submit(s, NULL, ended, &t[i]);
	}
	store_txn_end(s, held[2], 0, "");
	store_txn_end(s, held[1], -EIO, "broken");
	store_txn_end(s, held[1], 0, "");
	is_int(seen.n, 0, "completions wait for those before them");
	store_txn_end(s, held[0], 0, "");
	is_int(seen.n, 3, "all come then");
	ok(seen.order[0] == 0 && seen.order[1] == 1 && seen.order[2] == 2,
	   "in the order of the submissions");
	is_int(seen.ret[1], -EIO, "an end that is told twice counts once");
	/* All three are freed by now. */
	store_txn_end(s, held[0], -EIO, "broken");
	store_txn_end(s, held[2], -EIO, "broken");
	is_int(seen.n, 3, "an end after the completion is found out");
	record(s, "g/held", 3);
	store_submit(s, NULL, ended, &t[0]);
	store_txn_end(s, held[1], -EIO, "broken");
	is_int(seen.n, 3,
	       "an end of an old transaction does not end one in its memory");
	store_txn_end(s, held[3], 0, "");
	is_int(seen.n, 4, "the new one is ended by its own number");
	is_int(seen.ret[3], 0, "the new one has the result of its own end");
	store_close(s);
}

static int count_line(void *arg, const struct store_audit *a)
{
	(void)a;
	++*(unsigned int *)arg;
	return 0;
}

static void test_audit(bool thread)
{
	const char *mode = thread ? "thread" : "at once";
	struct store_audit a = { 1, 2, "video", "a", "join", "", NULL };
	struct store *s = open_store(thread);
	unsigned int before = 0, n = 0;

	store_audit_each(s, 0, 1000, count_line, &before);
	is_int(store_audit(s, &a), 0, "%s: a line of its own", mode);
	store_txn_begin(s);
	store_audit(s, &a);
	store_txn_discard(s);
	store_txn_begin(s);
	store_audit(s, &a);
	store_submit_wait(s, NULL, NULL);
	store_audit_each(s, 0, 1000, count_line, &n);
	is_int(n - before, 2,
	       "%s: the line and one of a transaction are in the trail", mode);
	store_close(s);
}

static const struct store_ops *fast_ops;

static int slow_begin(void *ctx)
{
	usleep(1000000);
	return fast_ops->begin(ctx);
}

/* A question about the trail does not wait for a store that stalls. */
static void test_audit_stalled(void)
{
	struct store_audit a = { 1, 2, "video", "a", "join", "", NULL };
	uint64_t last, before, took;
	struct store *s = open_store(false);
	struct store_ops ops = *s->ops;
	struct ticket t = { 1 };

	fast_ops = s->ops;
	ops.begin = slow_begin;
	s->ops = &ops;
	if (store_thread(s, loop, NULL))
		bail("thread");
	last = store_audit_last(s);
	ok(last, "the lines that are there are known");
	store_txn_begin(s);
	store_audit(s, &a);
	store_submit(s, NULL, ended, &t);
	before = clock_mono_ms(clock_system());
	is_int(store_audit_last(s), last, "a line on its way does not count");
	took = clock_mono_ms(clock_system()) - before;
	ok(took < 500, "a stalled store is not waited for: %u ms",
	   (unsigned int)took);
	while (!seen.n)
		loop_once(loop, 1000);
	is_int(store_audit_last(s), last + 1,
	       "a line counts when it is written");
	store_close(s);
}

/* ---- killed at every step ------------------------------------------------ */

#define KILL_TXNS 3
/* A transaction begins, writes two values and a version, and commits; then it is completed. */
#define KILL_STEPS (2 * (5 + 1))

static const struct store_ops *real_ops;
static int steps; /* until the process is killed, whichever thread takes it */

static void step(void)
{
	if (!__atomic_fetch_sub(&steps, 1, __ATOMIC_SEQ_CST))
		raise(SIGKILL);
}

static int killed_begin(void *ctx)
{
	int ret;

	step();
	ret = real_ops->begin(ctx);
	step();
	return ret;
}

static int killed_put(void *ctx, const char *key, const void *val, size_t len)
{
	int ret;

	step();
	ret = real_ops->put(ctx, key, val, len);
	step();
	return ret;
}

static int killed_expect(void *ctx, const struct store_expect *e)
{
	int ret;

	step();
	ret = real_ops->expect(ctx, e);
	step();
	return ret;
}

static int killed_commit(void *ctx)
{
	int ret;

	step();
	ret = real_ops->commit(ctx);
	step();
	return ret;
}

struct told {
	int fd;
	uint64_t n;
	bool failed;
};

/* Everything that follows from a change happens in its completion. */
static void tell_parent(void *arg, int ret, const char *why)
{
	struct told *t = arg;

	(void)why;
	step();
	t->n++;
	if (ret || write(t->fd, &t->n, sizeof(t->n)) != sizeof(t->n))
		t->failed = true;
	step();
}

/* Submit changes of two values, from the version @from on, and be killed. */
static void change_and_die(bool thread, uint64_t from, int fd)
{
	struct told t = { .fd = fd, .n = from };
	struct store_expect e = { .key = "g/kill" };
	struct store *s = open_store(false);
	struct store_ops ops = *s->ops;
	struct loop *own;
	uint64_t i;

	real_ops = s->ops;
	ops.begin = killed_begin;
	ops.put = killed_put;
	ops.expect = killed_expect;
	ops.commit = killed_commit;
	s->ops = &ops;
	if (loop_new(&tq, &own) || (thread && store_thread(s, own, NULL)))
		_exit(2);
	for (i = from + 1; i <= from + KILL_TXNS; i++) {
		e.from = i - 1;
		e.to = i;
		record(s, "g/kill/a", i);
		if (store_put_u64(s, "g/kill/b", i))
			_exit(2);
		store_submit(s, &e, tell_parent, &t);
	}
	while (t.n < from + KILL_TXNS)
		loop_once(own, 1);
	_exit(t.failed ? 1 : 0);
}

/* Read what the process told last, *@n if nothing. */
static void read_told(int fd, uint64_t *n)
{
	uint64_t v;

	while (read(fd, &v, sizeof(v)) == sizeof(v))
		*n = v;
}

static void test_killed(bool thread)
{
	const char *mode = thread ? "thread" : "at once";
	unsigned int n, torn = 0, early = 0, ahead = 0;
	uint64_t from, told, v;
	int fds[2], status;
	struct store *s;
	pid_t pid;

	for (n = 0; n <= KILL_TXNS * KILL_STEPS; n++) {
		s = open_store(false);
		store_version(s, "g/kill", &from);
		store_close(s);
		fflush(stdout);
		if (pipe(fds))
			bail("pipe");
		pid = fork();
		if (!pid) {
			steps = n;
			change_and_die(thread, from, fds[1]);
		}
		close(fds[1]);
		waitpid(pid, &status, 0);
		told = from;
		read_told(fds[0], &told);
		close(fds[0]);
		s = open_store(false);
		store_version(s, "g/kill", &v);
		if (v &&
		    (value(s, "g/kill/a") != v || value(s, "g/kill/b") != v))
			torn++;
		early += told > v;
		ahead += v > from + KILL_TXNS;
		store_close(s);
		if (!WIFSIGNALED(status))
			break;
	}
	is_int(n, KILL_TXNS * KILL_STEPS, "%s: killed at each step", mode);
	ok(WIFEXITED(status) && !WEXITSTATUS(status) && v == from + KILL_TXNS,
	   "%s: without a kill all changes are made", mode);
	is_int(torn, 0, "%s: killed: values and version belong together", mode);
	is_int(early, 0, "%s: killed: nobody is told before the disk has it",
	       mode);
	is_int(ahead, 0, "%s: killed: no change is made twice", mode);
}

int main(void)
{
	uint8_t key[SEAL_KEY_LEN] = { 3 };

	if (!mkdtemp(dir) || sealer_new(key, &sealer))
		bail("setup");
	snprintf(path, sizeof(path), "%s/s.db", dir);
	timerq_init(&tq, clock_system());
	if (loop_new(&tq, &loop))
		bail("loop");
	RUN(test_versions, false);
	RUN(test_versions, true);
	RUN(test_order, false);
	unlink(path);
	RUN(test_order, true);
	RUN(test_again, false);
	RUN(test_again, true);
	RUN(test_forget);
	RUN(test_reorder);
	RUN(test_audit, false);
	RUN(test_audit, true);
	RUN(test_audit_stalled);
	RUN(test_killed, false);
	RUN(test_killed, true);
	loop_free(loop);
	sealer_free(sealer);
	unlink(path);
	rmdir(dir);
	return done();
}
