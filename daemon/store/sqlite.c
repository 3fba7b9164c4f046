// SPDX-License-Identifier: Apache-2.0
/*
 * Store on one machine. With a write-ahead log and synchronous=FULL, a commit
 * that returned is on the disk even if power fails immediately afterwards; only
 * then may a Sender-ID or a Message ID be used. The file is locked while it is
 * open, since two key servers on one store would give out the same numbers.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT 1
/*
 * Lines of the audit trail that are kept; beyond them the oldest are deleted.
 * Refusals, which peers cause, have a limit of their own, so that they cannot
 * displace the others.
 */
#define AUDIT_KEEP 1000000
#define AUDIT_KEEP_REFUSALS 100000
/* Lines between two looks at these limits. */
#define AUDIT_TRIM_EVERY 4096

enum stmt {
	ST_BEGIN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_PUT,
	ST_DEL,
	ST_DEL_BELOW,
	ST_GET,
	ST_EACH,
	ST_ALL,
	ST_AUDIT,
	ST_AUDIT_EACH,
	ST_AUDIT_TRIM,
	ST_AUDIT_TRIM_REFUSALS,
	ST_VERSION,
	ST_SET_VERSION,
	ST_DEL_VERSION,
	ST_MAX,
};

/* '0' follows '/' in ASCII: the range has the keys below a prefix. */
#define BELOW "k > ?1 || '/' AND k < ?1 || '0'"
#define REFUSALS "event = 'refuse'"
#define OTHERS "event <> 'refuse'"
#define LINE "time, grp, identity, event, detail, actor"

static const char *const sql[ST_MAX] = {
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_PUT] = "INSERT OR REPLACE INTO kv(k, v) VALUES(?1, ?2)",
	[ST_DEL] = "DELETE FROM kv WHERE k = ?1",
	[ST_DEL_BELOW] = "DELETE FROM kv WHERE " BELOW,
	[ST_GET] = "SELECT v FROM kv WHERE k = ?1",
	[ST_EACH] = "SELECT k, v FROM kv WHERE " BELOW " ORDER BY k",
	[ST_ALL] = "SELECT k, v FROM kv ORDER BY k",
	[ST_AUDIT] = "INSERT INTO audit(" LINE
		     ") VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
	[ST_AUDIT_EACH] = "SELECT seq, " LINE
			  " FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2",
	[ST_AUDIT_TRIM] = "DELETE FROM audit WHERE " OTHERS " AND seq <= "
			  "(SELECT seq FROM audit WHERE " OTHERS
			  " ORDER BY seq DESC LIMIT 1 OFFSET ?1)",
	[ST_AUDIT_TRIM_REFUSALS] = "DELETE FROM audit WHERE " REFUSALS
				   " AND seq <= "
				   "(SELECT seq FROM audit WHERE " REFUSALS
				   " ORDER BY seq DESC LIMIT 1 OFFSET ?1)",
	[ST_VERSION] = "SELECT v FROM version WHERE k = ?1",
	[ST_SET_VERSION] =
		"INSERT OR REPLACE INTO version(k, v) VALUES(?1, ?2)",
	[ST_DEL_VERSION] = "DELETE FROM version WHERE k = ?1",
};

/* A seq is never reused, even if the last line was deleted. */
static const char *const schema[] = {
	"CREATE TABLE IF NOT EXISTS kv(k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS version(k TEXT PRIMARY KEY, v INTEGER) WITHOUT ROWID",
	"CREATE TABLE IF NOT EXISTS audit(seq INTEGER PRIMARY KEY AUTOINCREMENT, " LINE
	")",
	"CREATE INDEX IF NOT EXISTS refusals ON audit(seq) WHERE " REFUSALS,
	"CREATE INDEX IF NOT EXISTS others ON audit(seq) WHERE " OTHERS,
	NULL
};

struct sqlite_store {
	sqlite3 *db;
	sqlite3_stmt *st[ST_MAX];
	int bind_rc; /* the first error of a parameter since the last step */
	unsigned int audits;
	uint64_t audit_last;
	char err[256];
};

static int sqlite_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_CANTOPEN:
		return -ENOENT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

static int sqlite_fail(struct sqlite_store *q, int rc)
{
	int ret = sqlite_errno(rc);

	snprintf(q->err, sizeof(q->err), "%s%s", sqlite3_errmsg(q->db),
		 ret == -EBADMSG
			 ? ": restore a copy of the store and of its witness, or "
			   "move both away, after which the members of a new store "
			   "register again"
			 : "");
	return ret;
}

static void note_bind(struct sqlite_store *q, int rc)
{
	if (!q->bind_rc)
		q->bind_rc = rc;
}

static void bind_str(struct sqlite_store *q, enum stmt n, int at, const char *s)
{
	note_bind(q, sqlite3_bind_text(q->st[n], at, s, -1, SQLITE_STATIC));
}

static void bind_int(struct sqlite_store *q, enum stmt n, int at, int64_t v)
{
	note_bind(q, sqlite3_bind_int64(q->st[n], at, v));
}

/* A parameter that is not bound is NULL: no statement runs with that. */
static int step_bound(struct sqlite_store *q, enum stmt n)
{
	int rc = q->bind_rc;

	q->bind_rc = 0;
	return rc ? rc : sqlite3_step(q->st[n]);
}

/* Run a statement without rows, whose parameters are bound. */
static int sqlite_run(struct sqlite_store *q, enum stmt n)
{
	int rc = step_bound(q, n);
	int ret = 0;

	if (rc != SQLITE_DONE)
		ret = sqlite_fail(q, rc);
	sqlite3_reset(q->st[n]);
	sqlite3_clear_bindings(q->st[n]);
	return ret;
}

/* Forget the text of an earlier error, which may not be that of the next one. */
static void clear_error(struct sqlite_store *q)
{
	q->err[0] = '\0';
}

static int sqlite_begin(void *ctx)
{
	clear_error(ctx);
	return sqlite_run(ctx, ST_BEGIN);
}

static void sqlite_abort(void *ctx)
{
	struct sqlite_store *q = ctx;

	/* After some errors SQLite has rolled back already. */
	if (!sqlite3_get_autocommit(q->db))
		sqlite_run(q, ST_ROLLBACK);
}

static int sqlite_commit(void *ctx)
{
	int ret = sqlite_run(ctx, ST_COMMIT);

	if (ret)
		sqlite_abort(ctx);
	return ret;
}

static int sqlite_put(void *ctx, const char *key, const void *val, size_t len)
{
	struct sqlite_store *q = ctx;

	bind_str(q, ST_PUT, 1, key);
	note_bind(q, sqlite3_bind_blob64(q->st[ST_PUT], 2, val, len,
					 SQLITE_STATIC));
	return sqlite_run(q, ST_PUT);
}

static int sqlite_del(void *ctx, const char *key)
{
	bind_str(ctx, ST_DEL, 1, key);
	return sqlite_run(ctx, ST_DEL);
}

static int sqlite_del_below(void *ctx, const char *prefix)
{
	bind_str(ctx, ST_DEL_BELOW, 1, prefix);
	return sqlite_run(ctx, ST_DEL_BELOW);
}

static int sqlite_get(void *ctx, const char *key, struct wbuf *val)
{
	struct sqlite_store *q = ctx;
	sqlite3_stmt *st = q->st[ST_GET];
	int rc, ret;

	clear_error(q);
	bind_str(q, ST_GET, 1, key);
	rc = step_bound(q, ST_GET);
	if (rc == SQLITE_ROW) {
		wbuf_put(val, sqlite3_column_blob(st, 0),
			 sqlite3_column_bytes(st, 0));
		ret = val->err;
	} else if (rc == SQLITE_DONE) {
		ret = -ENOENT;
	} else {
		ret = sqlite_fail(q, rc);
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return ret;
}

static int sqlite_version(void *ctx, const char *key, uint64_t *v)
{
	struct sqlite_store *q = ctx;
	sqlite3_stmt *st = q->st[ST_VERSION];
	int rc, ret = 0;

	*v = 0;
	clear_error(q);
	bind_str(q, ST_VERSION, 1, key);
	rc = step_bound(q, ST_VERSION);
	if (rc == SQLITE_ROW)
		*v = sqlite3_column_int64(st, 0);
	else if (rc != SQLITE_DONE)
		ret = sqlite_fail(q, rc);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return ret;
}

static int sqlite_expect(void *ctx, const struct store_expect *e)
{
	enum stmt n = e->to ? ST_SET_VERSION : ST_DEL_VERSION;
	struct sqlite_store *q = ctx;
	uint64_t v;
	int ret;

	ret = sqlite_version(ctx, e->key, &v);
	if (ret)
		return ret;
	if (v != e->from) {
		snprintf(q->err, sizeof(q->err),
			 "%s has version %llu and not %llu: another process has changed it",
			 e->key, (unsigned long long)v,
			 (unsigned long long)e->from);
		return -ESTALE;
	}
	bind_str(q, n, 1, e->key);
	if (e->to)
		bind_int(q, n, 2, (int64_t)e->to);
	return sqlite_run(q, n);
}

/* Each call has its own statement, so that @fn may read other keys. */
static int each_row(struct sqlite_store *q, enum stmt n, const char *prefix,
		    store_each_fn *fn, void *arg)
{
	sqlite3_stmt *st;
	int rc, ret = 0;

	clear_error(q);
	rc = sqlite3_prepare_v2(q->db, sql[n], -1, &st, NULL);
	if (rc)
		return sqlite_fail(q, rc);
	if (prefix)
		rc = sqlite3_bind_text(st, 1, prefix, -1, SQLITE_STATIC);
	if (rc)
		ret = sqlite_fail(q, rc);
	while (!ret && (rc = sqlite3_step(st)) == SQLITE_ROW)
		ret = fn(arg, (const char *)sqlite3_column_text(st, 0),
			 sqlite3_column_blob(st, 1),
			 sqlite3_column_bytes(st, 1));
	if (!ret && rc != SQLITE_DONE)
		ret = sqlite_fail(q, rc);
	sqlite3_finalize(st);
	return ret;
}

static int sqlite_each(void *ctx, const char *prefix, store_each_fn *fn,
		       void *arg)
{
	return each_row(ctx, ST_EACH, prefix, fn, arg);
}

static int sqlite_all(void *ctx, store_each_fn *fn, void *arg)
{
	return each_row(ctx, ST_ALL, NULL, fn, arg);
}

/* Replaced values stay in the log until it is truncated. */
static int sqlite_clean(void *ctx)
{
	struct sqlite_store *q = ctx;
	int rc;

	rc = sqlite3_wal_checkpoint_v2(q->db, NULL, SQLITE_CHECKPOINT_TRUNCATE,
				       NULL, NULL);
	return rc ? sqlite_fail(q, rc) : 0;
}

static int sqlite_audit_trim(void *ctx, uint64_t refusals, uint64_t others)
{
	struct sqlite_store *q = ctx;
	int ret;

	bind_int(q, ST_AUDIT_TRIM_REFUSALS, 1, (int64_t)refusals);
	ret = sqlite_run(q, ST_AUDIT_TRIM_REFUSALS);
	if (ret)
		return ret;
	bind_int(q, ST_AUDIT_TRIM, 1, (int64_t)others);
	return sqlite_run(q, ST_AUDIT_TRIM);
}

static int sqlite_audit(void *ctx, const struct store_audit *a)
{
	struct sqlite_store *q = ctx;
	int ret;

	bind_int(q, ST_AUDIT, 1, a->time);
	bind_str(q, ST_AUDIT, 2, a->group);
	bind_str(q, ST_AUDIT, 3, a->identity);
	bind_str(q, ST_AUDIT, 4, a->event);
	bind_str(q, ST_AUDIT, 5, a->detail);
	bind_str(q, ST_AUDIT, 6, a->actor ? a->actor : "");
	ret = sqlite_run(q, ST_AUDIT);
	if (!ret)
		q->audit_last = sqlite3_last_insert_rowid(q->db);
	if (!ret && ++q->audits % AUDIT_TRIM_EVERY == 0)
		ret = sqlite_audit_trim(q, AUDIT_KEEP_REFUSALS, AUDIT_KEEP);
	return ret;
}

static const char *column_str(sqlite3_stmt *st, int n)
{
	const char *s = (const char *)sqlite3_column_text(st, n);

	return s ? s : "";
}

static int sqlite_audit_each(void *ctx, uint64_t after, size_t max,
			     store_audit_fn *fn, void *arg)
{
	struct sqlite_store *q = ctx;
	sqlite3_stmt *st = q->st[ST_AUDIT_EACH];
	struct store_audit a;
	int rc, ret = 0;

	bind_int(q, ST_AUDIT_EACH, 1, (int64_t)after);
	bind_int(q, ST_AUDIT_EACH, 2, max > INT_MAX ? INT_MAX : (int64_t)max);
	while (!ret && (rc = step_bound(q, ST_AUDIT_EACH)) == SQLITE_ROW) {
		a.seq = sqlite3_column_int64(st, 0);
		a.time = sqlite3_column_int64(st, 1);
		a.group = column_str(st, 2);
		a.identity = column_str(st, 3);
		a.event = column_str(st, 4);
		a.detail = column_str(st, 5);
		a.actor = column_str(st, 6);
		ret = fn(arg, &a);
	}
	if (!ret && rc != SQLITE_DONE)
		ret = sqlite_fail(q, rc);
	sqlite3_reset(st);
	return ret;
}

static uint64_t sqlite_audit_last(void *ctx)
{
	struct sqlite_store *q = ctx;

	return q->audit_last;
}

static const char *sqlite_error(void *ctx)
{
	struct sqlite_store *q = ctx;

	return q->err[0] ? q->err : NULL;
}

static void sqlite_close(void *ctx)
{
	struct sqlite_store *q = ctx;
	int i;

	for (i = 0; i < ST_MAX; i++)
		sqlite3_finalize(q->st[i]);
	sqlite3_close(q->db);
	free(q);
}

static const struct store_ops sqlite_ops = {
	.begin = sqlite_begin,
	.put = sqlite_put,
	.del = sqlite_del,
	.del_prefix = sqlite_del_below,
	.audit = sqlite_audit,
	.expect = sqlite_expect,
	.commit = sqlite_commit,
	.abort = sqlite_abort,
	.get = sqlite_get,
	.version = sqlite_version,
	.each = sqlite_each,
	.all = sqlite_all,
	.clean = sqlite_clean,
	.audit_each = sqlite_audit_each,
	.audit_trim = sqlite_audit_trim,
	.audit_last = sqlite_audit_last,
	.error = sqlite_error,
	.close = sqlite_close,
};

/*
 * SQLite creates files by the umask. Creating the file first means that others
 * can never open it; the log gets the mode of the file.
 */
static int private_file(const char *path, int flags, struct err *err)
{
	struct stat st;
	int fd, ret;

	fd = open(path, O_RDWR | flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		ret = -errno;
		return err_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, -EINVAL, "%s: not a regular file", path);
	}
	close(fd);
	if (st.st_mode & 077)
		return err_set(err, -EPERM,
			       "%s: accessible to other users (mode %04o): run \"chmod 600\"",
			       path, st.st_mode & 07777);
	return 0;
}

static int sqlite_int(struct sqlite_store *q, const char *text, int64_t *out)
{
	sqlite3_stmt *st;
	int ret;

	ret = sqlite3_prepare_v2(q->db, text, -1, &st, NULL);
	if (ret)
		return sqlite_fail(q, ret);
	ret = sqlite3_step(st);
	*out = ret == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	if (ret != SQLITE_ROW && ret != SQLITE_DONE)
		ret = sqlite_fail(q, ret);
	else
		ret = 0;
	sqlite3_finalize(st);
	return ret;
}

static int sqlite_exec(struct sqlite_store *q, const char *text)
{
	int rc = sqlite3_exec(q->db, text, NULL, NULL, NULL);

	return rc ? sqlite_fail(q, rc) : 0;
}

/* An empty transaction takes the file lock, which is then kept. */
#define TAKE_LOCK "PRAGMA locking_mode=EXCLUSIVE; BEGIN IMMEDIATE; COMMIT;"

/*
 * Earlier releases have no column for who gave an order. They can still use the
 * file: a column that they do not name is NULL.
 */
static int sqlite_setup_audit(struct sqlite_store *q)
{
	int64_t there = 0, last = 0;
	int ret;

	ret = sqlite_int(q,
			 "SELECT count(*) FROM pragma_table_info('audit') WHERE name = 'actor'",
			 &there);
	if (!ret && !there)
		ret = sqlite_exec(q, "ALTER TABLE audit ADD COLUMN actor");
	if (!ret)
		ret = sqlite_int(q,
				 "SELECT seq FROM sqlite_sequence WHERE name = 'audit'",
				 &last);
	q->audit_last = last;
	return ret;
}

static int sqlite_setup(struct sqlite_store *q)
{
	int64_t version = 0;
	char text[48];
	int ret, i;

	/* By secure_delete replaced values are not left in free pages. */
	ret = sqlite_exec(q, "PRAGMA locking_mode=EXCLUSIVE;"
			     "PRAGMA journal_mode=WAL;"
			     "PRAGMA synchronous=FULL;"
			     "PRAGMA secure_delete=ON;"
			     "PRAGMA trusted_schema=OFF;");
	if (!ret)
		ret = sqlite_exec(q, TAKE_LOCK);
	if (!ret)
		ret = sqlite_int(q, "PRAGMA user_version", &version);
	if (ret)
		return ret;
	if (version > FORMAT) {
		snprintf(q->err, sizeof(q->err),
			 "format %d is newer than that of this mcsecd (%d); start one that is as new",
			 (int)version, FORMAT);
		return -EPROTONOSUPPORT;
	}
	snprintf(text, sizeof(text), "PRAGMA user_version=%d", FORMAT);
	for (i = 0; !ret && schema[i]; i++)
		ret = sqlite_exec(q, schema[i]);
	if (!ret && version != FORMAT)
		ret = sqlite_exec(q, text);
	if (!ret)
		ret = sqlite_setup_audit(q);
	for (i = 0; !ret && i < ST_MAX; i++) {
		ret = sqlite3_prepare_v3(q->db, sql[i], -1,
					 SQLITE_PREPARE_PERSISTENT, &q->st[i],
					 NULL);
		if (ret)
			return sqlite_fail(q, ret);
	}
	return ret;
}

/* Open @path, which may be ":memory:". *@out is NULL after an error. */
static int sqlite_open(const char *path, struct sqlite_store **out,
		       struct err *err)
{
	struct sqlite_store *q = calloc(1, sizeof(*q));
	int ret;

	*out = NULL;
	if (!q)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	ret = sqlite3_open_v2(path, &q->db,
			      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW |
				      SQLITE_OPEN_FULLMUTEX,
			      NULL);
	if (ret) {
		ret = sqlite_fail(q, ret);
		err_set(err, ret, "%s: %s", path, q->err);
		sqlite_close(q);
		return ret;
	}
	*out = q;
	return 0;
}

/* Set up @s with @q if @ret is 0, otherwise close @q and describe the error. */
static int sqlite_opened(struct store *s, struct sqlite_store *q,
			 const char *path, int ret, struct err *err)
{
	if (ret) {
		err_set(err, ret, "%s: %s", path,
			ret == -EBUSY
				? "another process has it open; stop that process first"
				: q->err);
		sqlite_close(q);
		return ret;
	}
	s->ops = &sqlite_ops;
	s->ctx = q;
	return 0;
}

int store_sqlite(struct store *s, const char *path, struct err *err)
{
	struct sqlite_store *q;
	int ret;

	ret = private_file(path, O_CREAT, err);
	if (!ret)
		ret = sqlite_open(path, &q, err);
	return ret ? ret : sqlite_opened(s, q, path, sqlite_setup(q), err);
}

/* ---- a copy in memory --------------------------------------------------- */

static int copy_pages(struct sqlite_store *to, struct sqlite_store *from)
{
	sqlite3_backup *b;
	int ret;

	ret = sqlite_exec(from, TAKE_LOCK);
	if (ret) {
		memcpy(to->err, from->err, sizeof(to->err));
		return ret;
	}
	b = sqlite3_backup_init(to->db, "main", from->db, "main");
	if (!b)
		return sqlite_fail(to, sqlite3_errcode(to->db));
	sqlite3_backup_step(b, -1);
	ret = sqlite3_backup_finish(b);
	return ret ? sqlite_fail(to, ret) : 0;
}

/*
 * A process that was killed leaves its last transactions in the log. They are
 * read from there and stay there: closing must not write them to the file.
 */
static int open_source(const char *path, struct sqlite_store **out,
		       struct err *err)
{
	char log[PATH_MAX];
	int ret = sqlite_open(path, out, err);

	if (ret)
		return ret;
	snprintf(log, sizeof(log), "%s-wal", path);
	if (!access(log, F_OK))
		sqlite3_db_config((*out)->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
				  1, NULL);
	return 0;
}

int store_sqlite_copy(struct store *s, const char *path, struct err *err)
{
	struct sqlite_store *q, *from = NULL;
	int ret;

	ret = private_file(path, 0, err);
	if (!ret)
		ret = open_source(path, &from, err);
	else if (ret == -ENOENT)
		ret = 0;
	if (ret)
		return ret;
	ret = sqlite_open(":memory:", &q, err);
	if (!ret) {
		if (from)
			ret = copy_pages(q, from);
		if (!ret)
			ret = sqlite_setup(q);
		ret = sqlite_opened(s, q, path, ret, err);
	}
	if (from)
		sqlite_close(from);
	return ret;
}
