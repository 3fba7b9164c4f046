// SPDX-License-Identifier: Apache-2.0
/* The audit trail of a key server whose disk stalls or fails: anchor and orders. */
#include "tap.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "app/app.h"
#include "app/audit.h"
#include "audit/trail.h"
#include "crypto/seal.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "store/store.h"

static char base[64] = "/dev/shm/mcsec-app-XXXXXX";
static char dir[96];
static struct app app;
static struct conf conf;
static struct conf_gcks gcks;
static struct sealer *sealer;
static struct err err;

/* ---- a disk that stalls, for the files of the trail alone -------------------- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool stalled;
static bool fails;
static bool store_fails;

static bool is_file(int fd, const char *name)
{
	char link[64], path[256];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return strstr(path, name);
}

/* This replaces the function of libc in the whole program. */
int fdatasync(int fd)
{
	bool failed = false;

	if (store_fails && is_file(fd, "/store")) {
		failed = true;
	} else if (is_file(fd, "/trail-")) {
		pthread_mutex_lock(&gate);
		while (stalled)
			pthread_cond_wait(&opened, &gate);
		failed = fails;
		pthread_mutex_unlock(&gate);
	}
	if (!failed)
		return syscall(SYS_fdatasync, fd);
	errno = EIO;
	return -1;
}

/* SQLite may ask for more than fdatasync() does. */
int fsync(int fd)
{
	return fdatasync(fd);
}

static bool no_memory;

/* The copy of the trail's folder is made by this. */
char *strdup(const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = no_memory ? NULL : malloc(size);

	return copy ? memcpy(copy, s, size) : NULL;
}

static void set_disk(bool stalls, bool bad)
{
	pthread_mutex_lock(&gate);
	stalled = stalls;
	fails = bad;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&gate);
}

/* ---- the key server ----------------------------------------------------------- */

static uint64_t anchor_n(void)
{
	struct wbuf w;
	uint64_t n = 0;

	wbuf_init(&w, STORE_VALUE_MAX);
	if (!store_get(app.vault.store[0], "audit/anchor", &w))
		n = get_unaligned_be64(w.p);
	wbuf_free(&w);
	return n;
}

static struct trail_state state(void)
{
	struct trail_state s;

	app_audit_state(&app, &s);
	return s;
}

/* A change that has a line, as an eviction has. */
static int change(void)
{
	struct store *s = app.vault.store[0];
	struct store_audit a = { 0, 1, "video", "a", "evict", "", NULL };
	uint64_t before = store_audit_last(s);

	if (store_txn_begin(s))
		bail("store_txn_begin");
	store_put_u64(s, "x", before);
	store_audit(s, &a);
	store_submit(s, NULL, NULL, NULL);
	return store_audit_last(s) > before ? 0 : -EIO;
}

static bool wait_for(bool (*is)(void))
{
	unsigned int i;

	for (i = 0; i < 1500 && !is(); i++)
		loop_once(app.loop, 10);
	return is();
}

static bool idle(void)
{
	return !state().late_ms;
}

static bool is_anchored(void)
{
	return anchor_n() == state().records;
}

static bool has_failed(void)
{
	return state().error;
}

static bool works(void)
{
	return !has_failed();
}

static void start(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/store", base);
	if (store_open(path, sealer, &app.vault.store[0], &err) ||
	    app_open_audit(&app, &err))
		bail("%s", err.text);
}

static void stop(void)
{
	app_close_audit(&app);
	store_close(app.vault.store[0]);
}

/* ---- tests ---------------------------------------------------------------------- */

static void test_stall(void)
{
	uint64_t before;

	start();
	ok(wait_for(is_anchored) || anchor_n(), "the start has an anchor");
	before = anchor_n();
	set_disk(true, false);
	is_int(change(), 0, "a change is made while the disk stalls");
	is_int(change(), 0, "another change is made");
	usleep(2000);
	ok(state().late_ms > 0, "the status says that the disk is late");
	is_int(state().missing, 0, "no line is missing in the trail");
	is_int(anchor_n(), before, "the anchor stays as it is");
	set_disk(false, false);
	ok(wait_for(idle), "the sync ends with the stall");
	ok(anchor_n() > before, "the anchor follows the sync");
	stop();
}

static void test_failure(void)
{
	uint64_t before;

	start();
	wait_for(is_anchored);
	before = anchor_n();
	set_disk(false, true);
	is_int(change(), 0, "a change comes before the failure is known");
	ok(wait_for(has_failed), "the status has the failure");
	is_int(anchor_n(), before, "the anchor is not what was not synced");
	is_int(change(), -EIO, "audit-required refuses changes");
	is_int(app_audit_ready(&app, &err), -EIO,
	       "audit-required refuses what has lines only");
	wait_for(idle);
	is_int(change(), -EIO,
	       "one sync that fails after another is no success");
	ok(has_failed(), "the failure stays until a sync has ended");
	set_disk(false, false);
	change();
	ok(wait_for(works), "the trail resumes with the next sync");
	is_int(change(), 0, "changes are made again");
	is_int(app_audit_ready(&app, &err), 0,
	       "changes that have lines only are made again");
	ok(anchor_n() > before, "the anchor follows");
	is_int(state().missing, 0, "no line is missing in the trail");
	stop();
}

/* ---- what the log says ------------------------------------------------------------ */

static unsigned int heads;

static void count_head(enum log_level level, const char *line, void *ctx)
{
	(void)ctx;
	heads += level == LOG_LEVEL_WARN &&
		 !!strstr(line, "store failed: the head of the audit trail: ");
}

static void test_head_at_stop(void)
{
	start();
	wait_for(is_anchored);
	log_set_tap(count_head, NULL);
	store_fails = true;
	stop();
	store_fails = false;
	log_set_tap(NULL, NULL);
	is_int(heads, 1, "a stop says that the last head is not in the store");
}

static void test_no_memory(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/store", base);
	err_clear(&err);
	if (store_open(path, sealer, &app.vault.store[0], &err))
		bail("%s", err.text);
	no_memory = true;
	is_int(app_open_audit(&app, &err), -ENOMEM,
	       "a trail that is required does not start without memory");
	no_memory = false;
	is_str(err.text, "audit trail: out of memory", "the error has a text");
	stop();
}

int main(void)
{
	uint8_t seal_key[SEAL_KEY_LEN] = { 1 };

	if (access("/dev/shm", W_OK))
		strcpy(base, "/tmp/mcsec-app-XXXXXX");
	if (!mkdtemp(base) || sigkey_generate(SIG_ED25519, &app.key) ||
	    sealer_new(seal_key, &sealer))
		bail("no folder or key");
	timerq_init(&app.tq, clock_system());
	if (loop_new(&app.tq, &app.loop))
		bail("no loop");
	snprintf(dir, sizeof(dir), "%s/trail", base);
	gcks.audit = true;
	gcks.audit_required = true;
	gcks.audit_trail = dir;
	gcks.audit_file_size = 1;
	gcks.audit_records = 1;
	gcks.audit_interval = 60;
	conf.gcks = &gcks;
	app.conf = &conf;
	RUN(test_stall);
	RUN(test_failure);
	RUN(test_head_at_stop);
	RUN(test_no_memory);
	loop_free(app.loop);
	sigkey_free(app.key);
	sealer_free(sealer);
	snprintf(dir, sizeof(dir), "rm -rf %s", base);
	if (system(dir))
		diag("%s is left", base);
	return done();
}
