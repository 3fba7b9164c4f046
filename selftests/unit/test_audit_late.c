// SPDX-License-Identifier: Apache-2.0
/* The audit trail on a disk that stalls: what waits for it, and what does not. */
#include "tap.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/files.h"
#include "audit/trail.h"
#include "audit/verify.h"
#include "lib/clock.h"
#include "lib/loop.h"
#include "lib/worker.h"

/* A call that waits for no disk ends in this time, even on a busy machine. */
#define AT_ONCE_MS 5000

static char base[64] = "/dev/shm/mcsec-late-XXXXXX";
static char dir[128];
static struct sigkey *key;
static struct loop *loop;
static struct worker *worker;
static struct trail *t;
static struct err err;
static struct audit_check found;

/* ---- a disk that stalls ----------------------------------------------------- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool stalled;
static int fails; /* errno of the next sync; 0: none */

/* This replaces the function of libc in the whole program. */
int fdatasync(int fd)
{
	int e;

	pthread_mutex_lock(&gate);
	while (stalled)
		pthread_cond_wait(&opened, &gate);
	e = fails;
	fails = 0;
	pthread_mutex_unlock(&gate);
	if (!e)
		return syscall(SYS_fdatasync, fd);
	errno = e;
	return -1;
}

static void stall(void)
{
	pthread_mutex_lock(&gate);
	stalled = true;
	pthread_mutex_unlock(&gate);
}

static void resume(void)
{
	pthread_mutex_lock(&gate);
	stalled = false;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&gate);
}

static void fail_next(int e)
{
	pthread_mutex_lock(&gate);
	fails = e;
	pthread_mutex_unlock(&gate);
}

/* ---- the trail ---------------------------------------------------------------- */

static struct seen {
	unsigned int n;
	int ret;
	char text[256];
} seen;

static void job_ended(void *arg, int ret, const struct err *why)
{
	(void)arg;
	seen.n++;
	seen.ret = ret;
	snprintf(seen.text, sizeof(seen.text), "%.255s", why->text);
}

static struct audit_entry line_of(uint64_t row)
{
	return (struct audit_entry){
		.time = 1800000000,
		.row = row,
		.event = "join",
		.group = "video",
		.identity = "a.example",
		.detail = "as receiver, at 10.0.0.1:848",
		.actor = { .user = "" },
	};
}

static int knows(void *arg, const struct audit_record *r, struct err *why)
{
	struct audit_entry e = line_of(r->entry.row);

	(void)arg;
	(void)why;
	return audit_record_is(r, &e);
}

static void open_it(uint64_t row, uint64_t size, uint32_t keep)
{
	static const struct trail_head none;
	struct trail_cfg cfg = {
		.dir = dir,
		.key = key,
		.clock = clock_system(),
		.file_size = size,
		.keep = keep,
		.worker = worker,
		.done = job_ended,
		.knows = knows,
	};

	memset(&seen, 0, sizeof(seen));
	if (trail_open(&cfg, &none, row, &t, &err))
		bail("trail_open: %s", err.text);
}

static void new_trail(uint64_t size, uint32_t keep)
{
	static int n;

	snprintf(dir, sizeof(dir), "%s/%d", base, n++);
	open_it(0, size, keep);
}

static int add(uint64_t row)
{
	struct audit_entry e = line_of(row);

	return trail_append(t, &e, &err);
}

static void add_up_to(uint64_t row)
{
	struct trail_head head;

	for (;;) {
		trail_head(t, &head);
		if (head.row >= row)
			return;
		if (add(head.row + 1))
			bail("trail_append: %s", err.text);
	}
}

static uint64_t head_n(void)
{
	struct trail_head head;

	trail_head(t, &head);
	return head.n;
}

static uint64_t synced_n(void)
{
	struct trail_head head;

	trail_synced(t, &head);
	return head.n;
}

/* Run the loop until the worker has reported @n jobs. */
static void run_until(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < 1000 && seen.n < n; i++)
		loop_once(loop, 20);
	if (seen.n < n)
		bail("no job has ended");
}

static enum audit_fault verify(void)
{
	audit_check_free(&found);
	audit_check_init(&found);
	if (audit_verify(dir, &found, NULL, NULL, &err))
		bail("audit_verify: %s", err.text);
	return found.fault;
}

static unsigned int count_files(void)
{
	struct audit_files f;
	unsigned int n;

	if (audit_files_find(dir, &f, &err))
		bail("audit_files_find: %s", err.text);
	n = f.n;
	audit_files_free(&f);
	return n;
}

/* ---- tests ----------------------------------------------------------------------- */

static void test_checkpoint(void)
{
	uint64_t start, at, before;

	new_trail(1 << 20, 0);
	before = synced_n();
	is_int(before, 1, "the record that opens the trail is on the disk");
	add_up_to(5);
	stall();
	start = clock_mono_ms(clock_system());
	is_int(trail_checkpoint(t, &err), 0, "a checkpoint is made");
	at = head_n();
	is_int(add(6), 0, "a record is appended while the disk stalls");
	is_int(trail_checkpoint(t, &err), 0, "another checkpoint is not begun");
	ok(clock_mono_ms(clock_system()) - start < AT_ONCE_MS,
	   "none of them waits for the disk");
	is_int(head_n(), at + 1, "one record came behind the checkpoint");
	is_int(synced_n(), before, "nothing counts as synced yet");
	usleep(2000);
	ok(trail_late_ms(t) > 0, "the trail knows that the disk is late");
	is_int(verify(), AUDIT_SOUND,
	       "the trail is sound while the disk stalls");
	resume();
	run_until(1);
	is_int(seen.ret, 0, "the sync has ended");
	is_int(synced_n(), at, "the checkpoint is on the disk, no more");
	is_int(trail_late_ms(t), 0, "the disk is not late any more");
	trail_close(t, NULL);
	is_int(verify(), AUDIT_SOUND, "the trail is sound");
}

static void test_failure(void)
{
	uint64_t before;

	new_trail(1 << 20, 0);
	before = synced_n();
	add_up_to(3);
	fail_next(EIO);
	is_int(trail_checkpoint(t, &err), 0, "a checkpoint is begun");
	run_until(1);
	is_int(seen.ret, -EIO, "the sync of a checkpoint fails: %s", seen.text);
	is_int(synced_n(), before, "a record that was not synced is no anchor");
	is_int(trail_checkpoint(t, &err), 0,
	       "the sync is tried again without new records");
	run_until(2);
	is_int(synced_n(), head_n(), "all is on the disk then");
	trail_close(t, NULL);
}

static void test_new_file(void)
{
	struct trail_head head;
	uint64_t start;

	new_trail(2000, 0);
	stall();
	start = clock_mono_ms(clock_system());
	add_up_to(20);
	ok(clock_mono_ms(clock_system()) - start < AT_ONCE_MS,
	   "records go on while no new file can be had");
	is_int(count_files(), 1, "there is no new file yet");
	is_int(verify(), AUDIT_SOUND, "a crash now leaves a sound trail");
	ok(found.last_row < 20, "with %d of 20 lines", (int)found.last_row);
	resume();
	run_until(2);
	is_int(seen.ret, 0, "the file is begun");
	is_int(verify(), AUDIT_SOUND, "the trail goes on in it");
	is_int(found.last_row, 20, "all lines are in it");
	trail_head(t, &head);
	is_int(synced_n(), head.n, "all records are on the disk");
	trail_close(t, NULL);
}

/* The caller appends again what a killed process has held. */
static void test_killed(void)
{
	pid_t pid;
	int status;

	new_trail(2000, 0);
	trail_close(t, NULL);
	/* The child has a worker of its own, which never ends its job. */
	pid = fork();
	if (!pid) {
		if (worker_new(loop, &worker))
			_exit(2);
		open_it(0, 2000, 0);
		stall();
		add_up_to(20);
		_exit(count_files() == 1 ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "a process ends while it holds records");
	open_it(20, 2000, 0);
	is_str(err.text, "", "the next one has nothing to remark");
	add_up_to(20);
	trail_close(t, NULL);
	is_int(verify(), AUDIT_SOUND, "the trail is sound");
	is_int(found.last_row, 20, "killed: all lines are there");
}

/* The old file could not be synced, so there is no new one. */
static void test_no_file(void)
{
	new_trail(2000, 0);
	fail_next(EIO);
	add_up_to(8);
	run_until(1);
	is_int(seen.ret, -EIO, "the old file is not synced: %s", seen.text);
	is_int(count_files(), 1, "there is no new file");
	add_up_to(12);
	is_int(verify(), AUDIT_SOUND, "the old file goes on");
	is_int(found.last_row, 12, "no file: all lines are there");
	trail_close(t, NULL);
}

static void test_too_many(void)
{
	uint64_t row;
	int ret = 0;

	new_trail(2000, 0);
	stall();
	for (row = 1; !ret && row < 100000; row++)
		ret = add(row);
	is_int(ret, -ENOBUFS, "more than a MiB is not held: %s", err.text);
	ok(row > 2000, "%d records were", (int)row);
	resume();
	run_until(2);
	is_int(add(row - 1), 0, "the trail goes on when the disk does");
	trail_close(t, NULL);
	is_int(verify(), AUDIT_SOUND, "the trail is sound");
	is_int(found.last_row, row - 1, "many lines: all of them are there");
}

static void test_removal(void)
{
	unsigned int i;

	new_trail(2000, 2);
	for (i = 1; i <= 60; i++) {
		add_up_to(i);
		trail_settle(t);
	}
	is_int(count_files(), 2, "two files are kept");
	is_int(verify(), AUDIT_SOUND, "the removal is owned up to");
	ok(found.first > 1, "the trail begins with record %d",
	   (int)found.first);
	trail_close(t, NULL);
}

static void *resume_later(void *arg)
{
	(void)arg;
	usleep(50000);
	resume();
	return NULL;
}

static void test_close(void)
{
	struct trail_head head;
	pthread_t thread;

	new_trail(2000, 0);
	stall();
	add_up_to(20);
	if (pthread_create(&thread, NULL, resume_later, NULL))
		bail("no thread");
	trail_close(t, &head);
	pthread_join(thread, NULL);
	is_int(verify(), AUDIT_SOUND, "a trail is closed behind a late disk");
	ok(found.closed, "the trail has its end");
	is_int(found.last_row, 20, "close: all lines are there");
	is_int(head.n, found.last_n, "the anchor is its end");
}

int main(void)
{
	if (access("/dev/shm", W_OK))
		strcpy(base, "/tmp/mcsec-late-XXXXXX");
	if (!mkdtemp(base) || sigkey_generate(SIG_ED25519, &key) ||
	    loop_new(NULL, &loop))
		bail("no folder, key or loop");
	RUN(test_killed);
	if (worker_new(loop, &worker))
		bail("no worker");
	RUN(test_checkpoint);
	RUN(test_failure);
	RUN(test_new_file);
	RUN(test_no_file);
	RUN(test_too_many);
	RUN(test_removal);
	RUN(test_close);
	worker_free(worker, NULL);
	loop_free(loop);
	audit_check_free(&found);
	sigkey_free(key);
	snprintf(dir, sizeof(dir), "rm -rf %s", base);
	if (system(dir))
		diag("%s is left", base);
	return done();
}
