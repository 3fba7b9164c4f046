// SPDX-License-Identifier: Apache-2.0
/* The store on a real file: what survives, what is refused, what is visible. */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "crypto/seal.h"
#include "store/store.h"

#define MARKER "KEYKEYKEY-NOT-TO-BE-SEEN-KEYKEYKEY"

static char dir[] = "/tmp/mcsec-store-XXXXXX";
static char path[128];
static struct sealer *sealer;
static struct err err;

/* A value is refused with this, unless it is 0. */
static int bind_rc;

int __real_sqlite3_bind_blob64(sqlite3_stmt *st, int at, const void *p,
			       sqlite3_uint64 n, void (*end)(void *));
int __wrap_sqlite3_bind_blob64(sqlite3_stmt *st, int at, const void *p,
			       sqlite3_uint64 n, void (*end)(void *));

int __wrap_sqlite3_bind_blob64(sqlite3_stmt *st, int at, const void *p,
			       sqlite3_uint64 n, void (*end)(void *))
{
	return bind_rc ? bind_rc
		       : __real_sqlite3_bind_blob64(st, at, p, n, end);
}

static struct store *reopen(struct store *s)
{
	store_close(s);
	if (store_open(path, sealer, &s, &err))
		bail("store_open: %s", err.text);
	return s;
}

static int put(struct store *s, const char *key, const char *val)
{
	int rc = store_begin(s);

	if (!rc)
		rc = store_put(s, key, val, strlen(val));
	if (!rc)
		rc = store_commit(s);
	else
		store_abort(s);
	return rc;
}

static const char *get(struct store *s, const char *key)
{
	static char buf[256];
	struct wbuf w;
	int rc;

	wbuf_init(&w, STORE_VALUE_MAX);
	rc = store_get(s, key, &w);
	if (rc)
		snprintf(buf, sizeof(buf), "error %d", -rc);
	else
		snprintf(buf, sizeof(buf), "%.*s", (int)w.len, (char *)w.p);
	wbuf_free(&w);
	return buf;
}

static void test_keys(void)
{
	char key[STORE_KEY_MAX], buf[64];
	char big[STORE_KEY_MAX + 1], room[STORE_KEY_MAX + 8];
	size_t n, over = 0;

	is_int(store_key(key, "g", "video", "m", "a/b%\n", NULL), 0,
	       "a key of four parts");
	is_str(key, "g/video/m/a%2Fb%25%0A", "parts cannot break out");
	is_str(store_key_last(key, buf, sizeof(buf)), "a/b%\n",
	       "parts with separators come back");
	is_str(store_key_last("g/a%A", buf, sizeof(buf)), "a%A",
	       "half an escape at the end of a key stays as it is");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	is_int(store_key(key, "g", big, NULL), -ENAMETOOLONG,
	       "a key that is too long is refused");
	is_str(key, "", "a key that is too long is none");
	memset(key, 'x', sizeof(key));
	is_int(store_key(key, "a b", NULL), 0, "a blank");
	is_str(key, "a b", "stays as it is");
	/* Escaping with room for one more octet; the end is always written. */
	for (n = 1; n < STORE_KEY_MAX; n++) {
		memset(big, '/', n);
		big[n] = '\0';
		memset(room, 'x', sizeof(room));
		if (store_key(room, big, NULL))
			break;
		over += room[STORE_KEY_MAX] != 'x';
	}
	ok(n >= STORE_KEY_MAX / 3 - 1 && !over,
	   "%zu slashes fit, escaped, and nothing is written behind", n - 1);
	for (n = 1; n < STORE_KEY_MAX; n++) {
		memset(big, 'y', n);
		big[n] = '\0';
		if (store_key(room, big, NULL))
			break;
	}
	is_int(n - 1, STORE_KEY_MAX - 4, "plain octets, up to the last escape");
}

static int collect(void *arg, const char *key, const uint8_t *val, size_t len)
{
	char *out = arg;

	sprintf(out + strlen(out), "%s=%.*s ", key, (int)len, (char *)val);
	return 0;
}

static int stop(void *arg, const char *key, const uint8_t *val, size_t len)
{
	(void)arg;
	(void)key;
	(void)val;
	(void)len;
	return -EINTR;
}

static struct store *test_values(void)
{
	struct store *s = reopen(NULL);
	char out[256] = "";
	uint64_t n = 0;

	is_int(put(s, "a/1", "one"), 0, "values: put");
	is_str(get(s, "a/1"), "one", "values: get");
	is_int(put(s, "a/1", "uno"), 0, "put again");
	is_str(get(s, "a/1"), "uno", "get what was put last");
	ok(!strcmp(get(s, "a"), "error 2") && !strcmp(get(s, "b"), "error 2"),
	   "a value that is not there is ENOENT");
	put(s, "a/2", "two");
	put(s, "a/2/3", "three");
	put(s, "ab/1", "other");
	put(s, "a", "root");
	is_int(store_each(s, "a", collect, out), 0, "values: each");
	is_str(out, "a/1=uno a/2=two a/2/3=three ",
	       "each finds what is below, in order");
	is_int(store_each(s, "a", stop, NULL), -EINTR, "each can be stopped");

	store_begin(s);
	store_del(s, "a/1");
	store_put_u64(s, "n", 1ull << 40);
	store_abort(s);
	is_str(get(s, "a/1"), "uno", "an aborted deletion did not happen");
	is_int(store_get_u64(s, "n", &n), -ENOENT,
	       "an aborted put did not happen");
	store_begin(s);
	store_del_prefix(s, "a");
	store_put_u64(s, "n", 1ull << 40);
	is_int(store_commit(s), 0, "values: commit");
	s = reopen(s);
	out[0] = '\0';
	store_each(s, "a", collect, out);
	is_str(out, "", "deleted below a prefix");
	is_str(get(s, "a"), "root", "the prefix itself stays");
	is_str(get(s, "ab/1"), "other", "the neighbour of a prefix stays");
	ok(!store_get_u64(s, "n", &n) && n == 1ull << 40, "an integer");
	is_int(store_get_u64(s, "a", &n), -EBADMSG,
	       "text is not taken for an integer");
	return s;
}

static unsigned int marker_in(const char *name)
{
	char file[160], *buf = malloc(1 << 20);
	unsigned int n = 0;
	ssize_t len;
	int fd;

	snprintf(file, sizeof(file), "%s%s", path, name);
	fd = open(file, O_RDONLY);
	if (fd < 0) {
		free(buf);
		return 0;
	}
	len = read(fd, buf, 1 << 20);
	close(fd);
	if (len > 0)
		n = memmem(buf, len, MARKER, strlen(MARKER)) ? 1 : 0;
	free(buf);
	return n;
}

static struct store *test_secrecy(struct store *s)
{
	uint8_t other[SEAL_KEY_LEN] = { 9 };
	struct store *t = NULL;
	struct sealer *so;
	sqlite3 *db;
	struct stat st;
	int rc;

	put(s, "key", MARKER);
	put(s, "key2", "second");
	is_int(marker_in("") + marker_in("-wal"), 0,
	       "no secret is in the file or its log");
	s = reopen(s);
	is_int(marker_in("") + marker_in("-wal"), 0,
	       "no secret is in the file or its log after it was closed");
	is_str(get(s, "key"), MARKER, "the secret is there");
	stat(path, &st);
	is_int(st.st_mode & 0777, 0600, "the file is for its owner only");

	is_int(store_open(path, sealer, &t, &err), -EBUSY,
	       "a second key server on one store is refused");
	ok(strstr(err.text, "another process"), "with the reason: %s",
	   err.text);
	store_close(s);

	sealer_new(other, &so);
	is_int(store_open(path, so, &t, &err), -EBADMSG,
	       "another seal key is refused");
	ok(strstr(err.text, path) && strstr(err.text, "\"seal-key\""),
	   "with the store and the setting: %s", err.text);
	sealer_free(so);

	chmod(path, 0640);
	is_int(store_open(path, sealer, &t, &err), -EPERM,
	       "a file that others can read is refused");
	chmod(path, 0600);

	/* Swap two sealed values in the file. */
	sqlite3_open(path, &db);
	sqlite3_exec(db,
		     "UPDATE kv SET v = (SELECT v FROM kv WHERE "
		     "k = 'key2') WHERE k = 'key'",
		     NULL, NULL, NULL);
	sqlite3_close(db);
	s = reopen(NULL);
	is_str(get(s, "key"), "error 74", "a value moved is no value");
	is_str(get(s, "key2"), "second", "the others are fine");
	store_close(s);

	sqlite3_open(path, &db);
	sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL);
	sqlite3_close(db);
	rc = store_open(path, sealer, &t, &err);
	ok(rc && strstr(err.text, "newer"), "a newer format is refused: %s",
	   err.text);
	sqlite3_open(path, &db);
	sqlite3_exec(db, "PRAGMA user_version=1", NULL, NULL, NULL);
	sqlite3_close(db);
	return reopen(NULL);
}

static void test_garbage(void)
{
	struct store *t = NULL;
	char file[160], want[400];
	int fd, rc;

	snprintf(file, sizeof(file), "%s/garbage", dir);
	fd = open(file, O_CREAT | O_WRONLY, 0600);
	if (write(fd, "this is not a database, not at all, is it", 41) != 41)
		bail("write");
	close(fd);
	rc = store_open(file, sealer, &t, &err);
	is_int(rc, -EBADMSG, "a file that is no database is refused");
	snprintf(want, sizeof(want),
		 "%s: file is not a database: restore a copy of the store and of its witness, or move both away, after which the members of a new store register again",
		 file);
	is_str(err.text, want, "the file is named, and what helps");
	rc = store_open(dir, sealer, &t, &err);
	ok(rc && strstr(err.text, dir), "a directory is refused: %s", err.text);
	unlink(file);
}

/* Set the value of @key in the file, as with an editor. */
static void tamper(const char *key, size_t len)
{
	sqlite3_stmt *st;
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_prepare_v2(db,
			       "UPDATE kv SET v = zeroblob(?1) "
			       "WHERE k = ?2",
			       -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_bind_int(st, 1, len) ||
	    sqlite3_bind_text(st, 2, key, -1, NULL) ||
	    sqlite3_step(st) != SQLITE_DONE || !sqlite3_changes(db))
		bail("cannot tamper: %s", sqlite3_errmsg(db));
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* Add up lengths, and read all. */
static int length(void *arg, const char *key, const uint8_t *val, size_t len)
{
	size_t *sum = arg;

	(void)key;
	while (len--)
		*sum += val[len] == 'v';
	return 0;
}

/* The largest value, the smallest, and a buffer that is too small for one. */
static void test_sizes(struct store *s)
{
	uint8_t *big = malloc(STORE_VALUE_MAX + 1);
	size_t sum = 0;
	struct wbuf w;

	memset(big, 'v', STORE_VALUE_MAX + 1);
	store_begin(s);
	is_int(store_put(s, "size/most", big, STORE_VALUE_MAX), 0, "%d octets",
	       STORE_VALUE_MAX);
	is_int(store_put(s, "size/more", big, STORE_VALUE_MAX + 1), -EMSGSIZE,
	       "a value above the largest is refused");
	is_int(store_put(s, "size/none", "", 0), 0, "an empty value is put");
	store_commit(s);
	wbuf_init(&w, STORE_VALUE_MAX);
	ok(!store_get(s, "size/most", &w) && w.len == STORE_VALUE_MAX &&
		   !memcmp(w.p, big, w.len),
	   "come back");
	wbuf_free(&w);
	wbuf_init(&w, STORE_VALUE_MAX);
	ok(!store_get(s, "size/none", &w) && !w.len, "sizes: both");
	wbuf_free(&w);
	wbuf_init(&w, 16);
	ok(store_get(s, "size/most", &w) < 0,
	   "a value does not come back into less room");
	wbuf_free(&w);
	is_int(store_each(s, "size", length, &sum), 0, "one by one");
	is_int(sum, STORE_VALUE_MAX,
	       "values one by one are as long as together");
	free(big);
}

static struct store *test_cut(struct store *s)
{
	struct store *t = NULL;
	size_t i, bad = 0;
	uint64_t v;

	put(s, "cut/short", "value");
	store_close(s);
	for (i = 0; i <= SEAL_OVERHEAD; i++) {
		tamper("cut/short", i);
		s = reopen(NULL);
		bad += !!strcmp(get(s, "cut/short"), "error 74");
		bad += store_get_u64(s, "cut/short", &v) != -EBADMSG;
		bad += store_each(s, "cut", length, &v) != -EBADMSG;
		store_close(s);
	}
	is_int(bad, 0, "values that were cut are refused, whichever way read");
	s = reopen(NULL);
	store_begin(s);
	store_put(s, "format", "mcsec store 2", 13);
	store_commit(s);
	store_close(s);
	is_int(store_open(path, sealer, &t, &err), -EPROTONOSUPPORT,
	       "a later format is refused");
	ok(strstr(err.text, "format"), "a later format is named: %s", err.text);
	return NULL;
}

/* Kill -9 in the middle of a transaction, many times. */
static struct store *test_kill(struct store *s)
{
	unsigned int i, bad = 0;
	uint64_t a, b;

	store_begin(s);
	store_put_u64(s, "pair/a", 0);
	store_put_u64(s, "pair/b", 0);
	store_commit(s);
	store_close(s);
	for (i = 1; i <= 20; i++) {
		pid_t pid = fork();
		int st;

		if (!pid) {
			s = reopen(NULL);
			store_begin(s);
			store_put_u64(s, "pair/a", i);
			if (i % 3 == 0)
				raise(SIGKILL);
			store_put_u64(s, "pair/b", i);
			if (i % 3 == 1)
				raise(SIGKILL);
			store_commit(s);
			raise(SIGKILL);
		}
		waitpid(pid, &st, 0);
		s = reopen(NULL);
		if (store_get_u64(s, "pair/a", &a) ||
		    store_get_u64(s, "pair/b", &b) || a != b ||
		    (i % 3 == 2 ? a != i : a == i))
			bad++;
		store_close(s);
	}
	is_int(bad, 0, "killed 20 times: all of a transaction or nothing");
	return reopen(NULL);
}

/* ---- a copy in memory --------------------------------------------------- */

struct contents {
	uint8_t file[1 << 18];
	uint8_t log[1 << 18];
	ssize_t len;
	ssize_t log_len; /* -1 if there is no log */
};

static ssize_t read_file(const char *name, uint8_t *buf, size_t size)
{
	int fd = open(name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size);
	close(fd);
	if (n < 0 || (size_t)n == size)
		bail("%s", name);
	return n;
}

static void take_contents(struct contents *c)
{
	char log[140];

	memset(c, 0, sizeof(*c));
	snprintf(log, sizeof(log), "%s-wal", path);
	c->len = read_file(path, c->file, sizeof(c->file));
	c->log_len = read_file(log, c->log, sizeof(c->log));
}

/* Copy the store, read "copy" in the copy, and write to the copy. */
static const char *get_by_copy(void)
{
	static char val[256];
	struct store *c;

	if (store_open_copy(path, sealer, &c, &err))
		bail("store_open_copy: %s", err.text);
	snprintf(val, sizeof(val), "%s", get(c, "copy"));
	if (put(c, "copy", "of the copy"))
		bail("put");
	store_close(c);
	return val;
}

/* A store that was closed, and one whose process was killed. */
static struct store *test_copy(struct store *s)
{
	static struct contents was, is;
	struct store *c;
	int ret, st;
	pid_t pid;

	put(s, "copy", "one");
	ret = store_open_copy(path, sealer, &c, &err);
	ok(ret == -EBUSY && strstr(err.text, "another process has it open"),
	   "a store in use is not copied: %s", err.text);
	store_close(s);
	take_contents(&was);
	is_int(was.log_len, -1, "a store that was closed has no log");
	is_str(get_by_copy(), "one", "a store that was closed is copied");
	take_contents(&is);
	ok(!memcmp(&was, &is, sizeof(was)), "a copy leaves file and log");

	pid = fork();
	if (!pid) {
		put(reopen(NULL), "copy", "two");
		raise(SIGKILL);
	}
	waitpid(pid, &st, 0);
	take_contents(&was);
	ok(was.log_len > 0, "a process that was killed leaves a log");
	is_str(get_by_copy(), "two", "a log that was left is read");
	take_contents(&is);
	ok(!memcmp(&was, &is, sizeof(was)),
	   "a copy leaves a log that was left");
	s = reopen(NULL);
	is_str(get(s, "copy"), "two", "the store is as it was left");
	return s;
}

static struct store *test_full(struct store *s)
{
	struct rlimit was, small;
	char big[4096];
	struct stat st;
	unsigned int i;
	int rc = 0;

	stat(path, &st);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	small = was;
	small.rlim_cur = st.st_size + 65536;
	setrlimit(RLIMIT_FSIZE, &small);
	for (i = 0; i < 200 && !rc; i++) {
		char key[32];

		sprintf(key, "full/%u", i);
		rc = put(s, key, big);
	}
	setrlimit(RLIMIT_FSIZE, &was);
	ok(rc < 0, "a disk that is full is an error: %s", store_reason(s, rc));
	is_str(get(s, "a"), "root", "disk full: the old value is still there");
	is_int(put(s, "after", "fine"), 0,
	       "disk full: a put works when there is room again");
	s = reopen(s);
	is_str(get(s, "after"), "fine", "disk full: the value put later lasts");
	return s;
}

static int audit_line(void *arg, const struct store_audit *a)
{
	char *out = arg;

	sprintf(out + strlen(out), "%s:%s:%s:%s ", a->group, a->identity,
		a->event, a->detail);
	return 0;
}

static int audit_count(void *arg, const struct store_audit *a)
{
	unsigned int *n = arg;

	(void)a;
	(*n)++;
	return 0;
}

static void test_audit(struct store *s)
{
	struct store_audit a = {
		.time = 1000,
		.group = "video",
		.identity = "a.example",
		.event = "join",
		.detail = "",
	};
	char out[512] = "";
	unsigned int n = 0;

	is_int(store_audit(s, &a), 0, "a line outside of a transaction");
	store_begin(s);
	a.event = "evict";
	store_audit(s, &a);
	store_abort(s);
	store_begin(s);
	a.event = "leave";
	a.detail = "x'); DROP TABLE kv; --";
	store_audit(s, &a);
	store_commit(s);
	s = reopen(s);
	store_audit_each(s, 0, 100, audit_line, out);
	is_str(out,
	       "video:a.example:join: video:a.example:leave:"
	       "x'); DROP TABLE kv; -- ",
	       "the trail has what was done");
	out[0] = '\0';
	store_audit_each(s, 1, 1, audit_line, out);
	ok(strstr(out, "leave") == out + 16,
	   "the trail is read from any line on");
	a.event = "refuse";
	a.detail = "";
	for (n = 0; n < 20; n++)
		store_audit(s, &a);
	s->ops->audit_trim(s->ctx, 3, 2);
	out[0] = '\0';
	store_audit_each(s, 0, 100, audit_line, out);
	is_str(out,
	       "video:a.example:join: video:a.example:leave:"
	       "x'); DROP TABLE kv; -- video:a.example:refuse: "
	       "video:a.example:refuse: video:a.example:refuse: ",
	       "refusals go by themselves");
	s->ops->audit_trim(s->ctx, 0, 1);
	n = 0;
	store_audit_each(s, 0, 100, audit_count, &n);
	is_int(n, 1, "old lines can go");
	store_close(s);
}

/* ---- the sink of the audit trail ----------------------------------------- */

static char told[512];
static int ready_ret;

static void sink_line(void *arg, const struct store_audit *a)
{
	size_t len = strlen(told);

	snprintf(told + len, sizeof(told) - len, "%d %s %s %s;",
		 (int)(a->seq - *(const uint64_t *)arg), a->event, a->identity,
		 a->actor ? a->actor : "");
}

static int sink_ready(void *arg, struct err *e)
{
	(void)arg;
	return ready_ret ? err_set(e, ready_ret, "no room in the trail") : 0;
}

static char done_text[640];

static void txn_done(void *arg, int ret, const char *why)
{
	(void)arg;
	snprintf(done_text, sizeof(done_text), "%s|%d %s", told, ret, why);
}

static int add_line(struct store *s, const char *event, const char *actor)
{
	struct store_audit a = { .time = 1,
				 .group = "video",
				 .identity = "a",
				 .event = event,
				 .detail = "",
				 .actor = actor };

	return store_audit(s, &a);
}

static int actor_line(void *arg, const struct store_audit *a)
{
	snprintf(arg, 64, "%s", a->actor);
	return 0;
}

/* A value that SQLite does not take is not stored as none. */
static void test_unbound(struct store *s)
{
	int rc;

	is_int(put(s, "bound", "1"), 0, "a value is stored");
	bind_rc = SQLITE_NOMEM;
	rc = put(s, "bound", "2");
	bind_rc = 0;
	is_int(rc, -ENOMEM, "a value that is not taken is an error");
	is_str(get(s, "bound"), "1", "the former value is still there");
	is_int(put(s, "bound", "3"), 0, "the next one is stored");
	is_str(get(s, "bound"), "3", "the next one is there");
}

/* A reason is that of the call that has failed, and not of an earlier one. */
static void test_reasons(struct store *s)
{
	struct store_expect e = { .key = "reason", .from = 5, .to = 6 };
	static const uint8_t big[STORE_VALUE_MAX + 1];
	struct err why;

	store_txn_begin(s);
	store_put(s, "reason", "1", 1);
	is_int(store_submit_wait(s, &e, &why), -ESTALE, "another version");
	is_str(why.text,
	       "reason has version 0 and not 5: another process has changed it",
	       "the back end says why");
	is_str(store_reason(s, store_put(s, "reason", big, sizeof(big))),
	       "Message too long", "a value that is too long has its reason");
	is_str(get(s, "reason"), "error 2", "nothing was written");
	is_str(store_reason(s, -EIO), "Input/output error",
	       "an error without a text of the back end has its name");
}

static void test_sink(struct store *s)
{
	uint64_t before = store_audit_last(s);
	struct store_sink sink = { sink_line, sink_ready, &before, NULL };
	char actor[64] = "";
	struct err why;

	store_set_sink(s, &sink);
	add_line(s, "refuse", NULL);
	is_str(told, "1 refuse a ;", "a line of its own is told");

	told[0] = '\0';
	store_txn_begin(s);
	store_put(s, "sink", "1", 1);
	add_line(s, "evict", "0 77 root");
	store_del(s, "nothing");
	store_del_prefix(s, "nothing");
	add_line(s, "rekey", "0 77 root");
	is_str(told, "", "nothing is told before the transaction is done");
	store_submit(s, NULL, txn_done, NULL);
	is_str(told, "2 evict a 0 77 root;3 rekey a 0 77 root;",
	       "lines of a transaction are told in their order");
	is_str(done_text, "2 evict a 0 77 root;3 rekey a 0 77 root;|0 ",
	       "before its completion is called");
	is_int(store_audit_last(s), before + 3, "the last line is known");
	store_audit_each(s, before + 1, 1, actor_line, actor);
	is_str(actor, "0 77 root", "the user who gave the order is kept");

	told[0] = '\0';
	ready_ret = -EIO;
	store_txn_begin(s);
	store_put(s, "sink", "2", 1);
	add_line(s, "evict", "");
	store_submit(s, NULL, txn_done, NULL);
	is_str(done_text, "|-5 no room in the trail",
	       "a change with a line can be refused");
	is_str(get(s, "sink"), "1", "nothing has changed then");
	store_txn_begin(s);
	store_put(s, "sink", "2", 1);
	add_line(s, "evict", "");
	is_int(store_submit_wait(s, NULL, &why), -EIO,
	       "a change with a line that is waited for is refused as well");
	is_str(why.text, "no room in the trail", "with the reason of the sink");
	is_str(get(s, "sink"), "1", "nothing has changed then, either");
	is_str(told, "", "no line of a refused change is told");
	store_txn_begin(s);
	store_put(s, "sink", "3", 1);
	store_submit(s, NULL, txn_done, NULL);
	is_str(get(s, "sink"), "3", "a change without a line is not refused");
	add_line(s, "refuse", "");
	is_str(told, "4 refuse a ;", "a line without a change is not, either");
	store_set_sink(s, NULL);
	add_line(s, "refuse", "");
	is_str(told, "4 refuse a ;", "nothing is told without a sink");
}

/* A file of a release that did not know who gave an order. */
static void test_old_audit(struct store *s)
{
	uint64_t last = store_audit_last(s);
	char actor[64] = "none";
	sqlite3 *db;

	store_close(s);
	sqlite3_open(path, &db);
	sqlite3_exec(db, "ALTER TABLE audit DROP COLUMN actor", NULL, NULL,
		     NULL);
	sqlite3_close(db);
	s = reopen(NULL);
	is_int(store_audit_last(s), last, "no line of an old file is lost");
	store_audit_each(s, last - 1, 1, actor_line, actor);
	is_str(actor, "", "lines of an old file have no user");
	add_line(s, "evict", "0 1 root");
	store_audit_each(s, last, 1, actor_line, actor);
	is_str(actor, "0 1 root", "new lines have one");
	store_close(s);
}

int main(void)
{
	uint8_t key[SEAL_KEY_LEN] = { 1, 2, 3 };
	struct store *s;

	if (!mkdtemp(dir) || sealer_new(key, &sealer))
		bail("setup");
	snprintf(path, sizeof(path), "%s/store.db", dir);
	RUN(test_keys);
	s = test_values();
	s = test_secrecy(s);
	RUN(test_garbage);
	s = test_kill(s);
	s = test_copy(s);
	s = test_full(s);
	RUN(test_audit, s);
	s = reopen(NULL);
	RUN(test_reasons, s);
	RUN(test_unbound, s);
	RUN(test_sink, s);
	RUN(test_old_audit, s);
	s = reopen(NULL);
	RUN(test_sizes, s);
	RUN(test_cut, s);
	sealer_free(sealer);
	unlink(path);
	rmdir(dir);
	return done();
}
