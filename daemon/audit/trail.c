// SPDX-License-Identifier: Apache-2.0
#include "audit/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "audit/end.h"
#include "audit/files.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/util.h"
#include "lib/worker.h"

/* Octets of records that may wait in memory for a new file. */
#define HELD_MAX (1u << 20)
/* After a failure to begin a file, records until it is tried again. */
#define ROTATE_AGAIN 1000
/* Version of the format. */
#define FORMAT 1

/*
 * A job of the worker. While the trail is busy the job belongs to the worker,
 * which uses nothing else of the trail but the name of its folder and @keep.
 */
struct job {
	struct work work;
	int fd; /* a duplicate of the file to sync, closed afterwards */
	struct trail_head head; /* is on the disk after the sync */
	uint64_t begin; /* first record of a file to begin; 0: none */
	int begun; /* descriptor of that file, or -1 */
	bool folder; /* the folder is synced as well */
	/* Found after a file was begun, removed after the next sync. */
	struct audit_files old;
	int synced; /* 0 or -errno of the sync */
	struct err err; /* fault of the sync, or of the new file */
};

struct trail {
	struct trail_cfg cfg;
	int lock;
	int fd;
	uint64_t size; /* octets of the file, without the rest of a failed write */
	int64_t began; /* time of its first record */
	uint64_t rotate_from; /* no new file before this record */
	bool broken; /* a failed write left octets behind @size */
	struct trail_head head;
	uint64_t signed_n; /* last checkpoint */
	struct trail_head synced; /* the newest record on the disk */
	struct job job;
	bool busy; /* the worker has the job */
	uint64_t busy_ms; /* since then */
	bool holding; /* records wait in @held for a new file */
	struct wbuf held;
	struct trail_head mark; /* the head before those */
	uint64_t mark_signed;
};

/* ---- one line ----------------------------------------------------------- */

static int hold_line(struct trail *t, const char *p, size_t len,
		     struct err *err)
{
	if (t->held.len + len > HELD_MAX)
		return err_set(err, -ENOBUFS,
			       "audit trail %s: the disk is late, and %zu octets of records wait for it",
			       t->cfg.dir, t->held.len);
	wbuf_put(&t->held, p, len);
	if (!t->held.err)
		return 0;
	/* The writer stays in error, so all that was held is given up. */
	return err_set(err, t->held.err, "audit trail %s: out of memory",
		       t->cfg.dir);
}

static int write_line(struct trail *t, const char *p, size_t len,
		      struct err *err)
{
	struct stat st;
	int ret;

	if (t->holding)
		return hold_line(t, p, len, err);
	ret = write_all(t->fd, p, len);
	if (!ret) {
		t->size += len;
		return 0;
	}
	/* An append-only file keeps the piece, which is then a torn line. */
	if (fstat(t->fd, &st) ||
	    ((uint64_t)st.st_size != t->size && ftruncate(t->fd, t->size)))
		t->broken = true;
	return err_set(err, ret, "audit trail %s: %s", t->cfg.dir,
		       strerror(-ret));
}

/* Only what is written goes to syslog, line by line. */
static void say_lines(const struct trail *t, const char *p, size_t len)
{
	const char *end;

	while (t->cfg.to_syslog && len) {
		end = memchr(p, '\n', len);
		if (!end)
			return;
		syslog(LOG_AUTHPRIV | LOG_INFO, "%.*s", (int)(end - p), p);
		len -= end + 1 - p;
		p = end + 1;
	}
}

/*
 * A record of the trail itself has no line in the store to be compared with. That
 * of a torn line stands before the "open" that names the key.
 */
static bool is_to_sign(const char *event)
{
	return audit_record_is_own(event) && strcmp(event, AUDIT_TORN);
}

static int append_entry(struct trail *t, const struct audit_entry *e,
			struct err *err)
{
	bool sign = is_to_sign(e->event);
	uint8_t hash[AUDIT_HASH_LEN];
	char *line;
	int ret;

	ret = audit_record_make(e, t->head.n + 1, t->head.hash,
				sign ? t->cfg.key : NULL, &line, hash);
	if (ret)
		return err_set(err, ret,
			       "audit trail %s: record %" PRIu64
			       " not made: %s",
			       t->cfg.dir, t->head.n + 1, strerror(-ret));
	ret = write_line(t, line, strlen(line), err);
	if (!ret) {
		t->head.n++;
		memcpy(t->head.hash, hash, sizeof(hash));
		if (e->row)
			t->head.row = e->row;
		if (sign)
			t->signed_n = t->head.n;
		if (!t->holding)
			say_lines(t, line, strlen(line));
	}
	free(line);
	return ret;
}

/* A record of the trail's own. */
static int append_own(struct trail *t, const char *event, const char *detail,
		      json_t *more, struct err *err)
{
	struct audit_entry e = {
		.time = clock_wall(t->cfg.clock),
		.event = event,
		.group = "",
		.identity = "",
		.detail = detail,
		.more = more,
	};
	int ret;

	/* The last row is repeated for a reader that has this file only. */
	if (!strcmp(event, AUDIT_OPEN) || !strcmp(event, AUDIT_ROLLBACK))
		e.row = t->head.row;
	ret = append_entry(t, &e, err);
	json_decref(more);
	return ret;
}

static int sync_fd(const struct trail *t, int fd, struct err *err)
{
	int ret;

	if (!fdatasync(fd))
		return 0;
	ret = -errno;
	return err_set(err, ret, "audit trail %s: not synced: %s", t->cfg.dir,
		       strerror(-ret));
}

static int sync_file(struct trail *t, struct err *err)
{
	int ret = sync_fd(t, t->fd, err);

	if (!ret)
		t->synced = t->head;
	return ret;
}

/* The public key makes each file verifiable by itself. */
static int append_open(struct trail *t, struct err *err)
{
	char spki[2 * SIG_MAX_SPKI + 1], alg[2 * SIG_MAX_ALG + 1];
	const uint8_t *der, *a;
	struct sigpub *pub;
	size_t len, alen;
	int ret;

	ret = sigkey_pub(t->cfg.key, &pub);
	if (ret)
		return err_set(err, ret, "audit trail %s: public key: %s",
			       t->cfg.dir, strerror(-ret));
	sigpub_spki(pub, &der, &len);
	sigkey_alg(t->cfg.key, &a, &alen);
	ret = append_own(t, AUDIT_OPEN, "",
			 json_pack("{s:i,s:s,s:s}", "format", FORMAT,
				   "public-key", audit_hex(der, len, spki),
				   "algorithm", audit_hex(a, alen, alg)),
			 err);
	sigpub_free(pub);
	return ret;
}

/* ---- files -------------------------------------------------------------- */

static int open_in(const struct trail *t, const char *name, int flags,
		   struct err *err)
{
	char *path;
	int fd, ret;

	if (asprintf(&path, "%s/%s", t->cfg.dir, name) < 0)
		return err_set(err, -ENOMEM, "%s: out of memory", name);
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	ret = fd < 0 ? -errno : fd;
	if (fd < 0)
		err_set(err, ret, "%s: %s", path, strerror(-ret));
	free(path);
	return ret;
}

static void remove_file(const struct trail *t, uint64_t first)
{
	char name[AUDIT_NAME_MAX], *path;

	if (asprintf(&path, "%s/%s", t->cfg.dir, audit_file_name(first, name)) <
	    0)
		return;
	unlink(path);
	free(path);
}

static void trail_sync_folder(const struct trail *t)
{
	int fd = open(t->cfg.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static int create_file(const struct trail *t, uint64_t first, struct err *err)
{
	char name[AUDIT_NAME_MAX];

	return open_in(t, audit_file_name(first, name),
		       O_WRONLY | O_CREAT | O_EXCL | O_APPEND, err);
}

/* Begin a file with the next record, where there is none to go on in. */
static int begin_file(struct trail *t, struct err *err)
{
	uint64_t first = t->head.n + 1;
	int ret;

	t->fd = create_file(t, first, err);
	if (t->fd < 0)
		return t->fd;
	t->size = 0;
	ret = append_open(t, err);
	if (!ret)
		ret = sync_file(t, err);
	if (ret && t->head.n < first) {
		close(t->fd);
		t->fd = -1;
		t->broken = false;
		remove_file(t, first);
		return ret;
	}
	t->began = clock_wall(t->cfg.clock);
	trail_sync_folder(t);
	return ret;
}

/* ---- jobs for the worker --------------------------------------------------- */

/* Remove what a record, which is on the disk now, says to be removed. */
static void remove_old(const struct trail *t, struct job *j)
{
	size_t i;

	for (i = 0; !j->synced && i < j->old.n; i++)
		remove_file(t, j->old.first[i]);
	audit_files_free(&j->old);
	memset(&j->old, 0, sizeof(j->old));
}

/* Keep in @old the files that are beyond the limit, and the first one kept. */
static void find_old(const struct trail *t, struct job *j)
{
	if (!t->cfg.keep || audit_files_find(t->cfg.dir, &j->old, NULL))
		return;
	if (j->old.n <= t->cfg.keep) {
		audit_files_free(&j->old);
		memset(&j->old, 0, sizeof(j->old));
	}
}

/* The thread of the worker calls this, if there is one. */
static void trail_job_run(void *arg)
{
	struct trail *t = arg;
	struct job *j = &t->job;

	j->synced = sync_fd(t, j->fd, &j->err);
	close(j->fd);
	if (j->folder && !j->synced)
		trail_sync_folder(t);
	remove_old(t, j);
	if (!j->begin || j->synced)
		return;
	/* The old file is on the disk, so there may be a new one. */
	j->begun = create_file(t, j->begin, &j->err);
	if (j->begun >= 0)
		find_old(t, j);
}

static int end_job(struct trail *t, struct err *err);

static void trail_job_done(void *arg)
{
	struct trail *t = arg;
	struct err err = { "" };
	int ret = end_job(t, &err);

	if (t->cfg.done)
		t->cfg.done(t->cfg.arg, ret, &err);
}

/*
 * Sync the file, and then begin another one unless @begin is 0. Without a
 * worker the result is that of the job.
 */
static int start_job(struct trail *t, uint64_t begin, struct err *err)
{
	struct job *j = &t->job;
	int ret;

	j->fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
	if (j->fd < 0) {
		ret = -errno;
		return err_set(err, ret, "audit trail %s: not synced: %s",
			       t->cfg.dir, strerror(-ret));
	}
	j->head = begin ? t->mark : t->head;
	j->begin = begin;
	j->begun = -1;
	j->work = (struct work){ .run = trail_job_run,
				 .done = trail_job_done,
				 .arg = t };
	err_clear(&j->err);
	t->busy = true;
	t->busy_ms = clock_mono_ms(t->cfg.clock);
	if (t->cfg.worker) {
		worker_add(t->cfg.worker, &j->work);
		return 0;
	}
	trail_job_run(t);
	return end_job(t, err);
}

/* ---- new files --------------------------------------------------------------- */

/* After a failure the records are held as before. */
static int write_held(struct trail *t, struct err *err)
{
	const char *p = (const char *)t->held.p;
	int ret;

	if (t->held.err)
		return err_set(err, t->held.err,
			       "audit trail %s: out of memory", t->cfg.dir);
	t->holding = false;
	ret = write_line(t, p, t->held.len, err);
	t->holding = ret;
	if (!ret)
		say_lines(t, p, t->held.len);
	return ret;
}

/* The caller finds by the head that it has to append these again. */
static void forget_held(struct trail *t)
{
	t->holding = false;
	t->head = t->mark;
	t->signed_n = t->mark_signed;
}

/* Go on in the file that was begun, or after an error in the one before. */
static int enter_file(struct trail *t, struct err *err)
{
	uint64_t size = t->size;
	int ret, before = t->fd;

	t->fd = t->job.begun;
	t->size = 0;
	ret = write_held(t, err);
	if (!ret) {
		close(before);
		t->began = clock_wall(t->cfg.clock);
		t->rotate_from = 0;
		return 0;
	}
	close(t->fd);
	remove_file(t, t->job.begin);
	t->fd = before;
	t->size = size;
	t->broken = false;
	return ret;
}

/* Where no new file can be had the old one grows. */
static int stay_in_file(struct trail *t)
{
	struct err err;
	int ret = write_held(t, &err);

	if (ret)
		forget_held(t);
	t->rotate_from = t->head.n + ROTATE_AGAIN;
	return ret;
}

/*
 * Sync the new file, and then remove the oldest, after a record that says so is
 * on the disk: a reader must be able to tell that from a removal by somebody
 * else.
 */
static int settle_in_file(struct trail *t, struct err *err)
{
	struct audit_files *old = &t->job.old;
	json_t *more;
	int ret = 0;

	if (old->n) {
		old->n -= t->cfg.keep;
		more = json_pack("{s:I}", "first-kept",
				 (json_int_t)old->first[old->n]);
		ret = append_own(t, AUDIT_REMOVED_FILES, "", more, err);
	}
	if (ret)
		old->n = 0;
	t->job.folder = true;
	return ret ? ret : start_job(t, 0, err);
}

/*
 * A failed sync, and records that were given up, are failures; a new file that
 * cannot be had is only told in @err.
 */
static int end_rotation(struct trail *t, int synced, struct err *err)
{
	int ret = t->job.begun < 0 ? -EIO : enter_file(t, err);

	if (!ret)
		ret = settle_in_file(t, err);
	else
		ret = stay_in_file(t);
	wbuf_free(&t->held);
	return synced ? synced : ret;
}

static int end_job(struct trail *t, struct err *err)
{
	struct job *j = &t->job;
	bool rotates = j->begin;
	int synced = j->synced;

	t->busy = false;
	if (j->err.text[0])
		*err = j->err;
	if (!synced)
		t->synced = j->head;
	j->folder = false;
	j->begin = 0;
	return rotates ? end_rotation(t, synced, err) : synced;
}

static bool is_full(const struct trail *t)
{
	int64_t age = clock_wall(t->cfg.clock) - t->began;

	if (t->busy || t->head.n < t->rotate_from)
		return false;
	return t->size >= t->cfg.file_size ||
	       (t->cfg.file_age && age > (int64_t)t->cfg.file_age);
}

/* From here until the file is begun, records are held. */
static void rotate_file(struct trail *t, struct err *err)
{
	int ret = 0;

	if (trail_unsigned(t))
		ret = append_own(t, AUDIT_CHECKPOINT, "", NULL, err);
	if (!ret) {
		t->mark = t->head;
		t->mark_signed = t->signed_n;
		t->holding = true;
		ret = append_open(t, err);
		if (!ret)
			ret = start_job(t, t->mark.n + 1, err);
		/* The job was not begun, or else nothing is held after it. */
		if (ret && t->holding) {
			forget_held(t);
			wbuf_free(&t->held);
		}
	}
	if (ret)
		t->rotate_from = t->head.n + ROTATE_AGAIN;
}

/* ---- opening ------------------------------------------------------------ */

static int open_last(struct trail *t, const struct trail_end *f,
		     struct err *err)
{
	char name[AUDIT_NAME_MAX];
	struct stat st;
	int ret;

	if (!f->first)
		return begin_file(t, err);
	t->fd = open_in(t, audit_file_name(f->first, name), O_WRONLY | O_APPEND,
			err);
	if (t->fd < 0)
		return t->fd;
	if (fstat(t->fd, &st)) {
		ret = -errno;
		return err_set(err, ret, "%s: %s", name, strerror(-ret));
	}
	t->size = st.st_size;
	t->began = f->began ? f->began : clock_wall(t->cfg.clock);
	return 0;
}

/* End a line that has no newline, and own up to it if it is no record. */
static int end_torn(struct trail *t, const struct audit_check *c,
		    struct err *err)
{
	int ret = 0;

	if (c->torn)
		ret = write_line(t, "\n", 1, err);
	if (ret || !c->bad)
		return ret;
	return append_own(t, AUDIT_TORN, "",
			  audit_torn(c->bad_len, c->bad_hash), err);
}

/*
 * Records go on behind the last one of a chain without a fault, and else behind
 * the last one that is genuine: numbers of what was cut off are not given again,
 * and those that somebody else has chosen are not taken over.
 */
static void take_head(struct trail *t, const struct trail_end *e,
		      const struct trail_head *anchor)
{
	const struct audit_check *c = &e->check;

	t->head = e->proven;
	if (anchor->n > t->head.n)
		t->head = *anchor;
	if (!c->fault && c->last_n >= t->head.n) {
		t->head.n = c->last_n;
		memcpy(t->head.hash, c->last_hash, sizeof(t->head.hash));
	}
	if (e->proven.n)
		t->head.row = e->proven.row;
}

/* Leave no doubt to a later reader what was found, and where it begins. */
static int append_unproven(struct trail *t, const struct trail_end *e,
			   struct err *say, struct err *err)
{
	char hex[2 * AUDIT_HASH_LEN + 1];
	uint64_t first = e->proven.n + 1;
	json_t *more;

	if (!say->text[0])
		err_set(say, 0,
			"records from %" PRIu64 " on (%" PRIu64
			" in number) are neither signed nor known to the store: the key server does not stand for them",
			first, e->unproven);
	more = json_pack("{s:I,s:I,s:s}", "first", (json_int_t)first, "records",
			 (json_int_t)e->unproven, "digest",
			 audit_hex(e->digest, AUDIT_HASH_LEN, hex));
	return append_own(t, AUDIT_UNPROVEN, "", more, err);
}

/* Say in the trail, and in @say, what is wrong with it. */
static int append_remarks(struct trail *t, const struct trail_end *e,
			  bool fresh, uint64_t row, struct err *say,
			  struct err *err)
{
	const struct audit_check *c = &e->check;
	int ret = 0;

	/* A last line that is no record was owned up to, see end_torn(). */
	if (c->fault && !c->bad_end) {
		err_set(say, 0, "%s", c->why.text);
		ret = append_own(t,
				 c->fault == AUDIT_CUT ? AUDIT_CUT_OFF
						       : AUDIT_DAMAGED,
				 c->why.text, NULL, err);
	}
	if (!ret && e->unproven)
		ret = append_unproven(t, e, say, err);
	if (ret || fresh || t->head.row <= row)
		return ret;
	err_set(say, 0,
		"the trail has line %" PRIu64
		" of the store, whose last one is %" PRIu64
		": the store went back in time",
		t->head.row, row);
	t->head.row = row;
	return append_own(t, AUDIT_ROLLBACK, say->text, NULL, err);
}

/* The key comes first, since remarks are signed, but for that of a torn line. */
static int recover_end(struct trail *t, const struct trail_head *anchor,
		       uint64_t row, struct err *err)
{
	struct trail_end e;
	struct err say = { "" };
	bool fresh;
	int ret;

	ret = trail_end_read(&t->cfg, anchor, &e, err);
	if (ret)
		goto out;
	fresh = !e.first && !anchor->n;
	take_head(t, &e, anchor);
	/* A new trail begins with what happens from now on. */
	if (fresh)
		t->head.row = row;
	t->signed_n = t->head.n;
	ret = open_last(t, &e, err);
	if (!ret)
		ret = end_torn(t, &e.check, err);
	if (!ret && e.first)
		ret = append_open(t, err);
	if (!ret)
		ret = append_remarks(t, &e, fresh, row, &say, err);
	t->broken = ret;
	if (!ret)
		err_set(err, 0, "%s", say.text);
out:
	trail_end_free(&e);
	return ret;
}

static int lock_trail(struct trail *t, struct err *err)
{
	int ret;

	t->lock = open_in(t, "lock", O_RDWR | O_CREAT, err);
	if (t->lock < 0)
		return t->lock;
	if (!flock(t->lock, LOCK_EX | LOCK_NB))
		return 0;
	ret = errno == EWOULDBLOCK ? -EBUSY : -errno;
	return err_set(err, ret, "audit trail %s: %s", t->cfg.dir,
		       ret == -EBUSY
			       ? "another process writes it; stop that first"
			       : strerror(-ret));
}

static int make_folder(const char *dir, struct err *err)
{
	char *inside;
	int ret;

	if (asprintf(&inside, "%s/lock", dir) < 0)
		return err_set(err, -ENOMEM, "%s: out of memory", dir);
	ret = file_make_folder(inside, 0700);
	free(inside);
	return ret ? err_set(err, ret, "audit trail %s: %s", dir,
			     strerror(-ret))
		   : 0;
}

static void trail_free(struct trail *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->lock >= 0)
		close(t->lock);
	audit_files_free(&t->job.old);
	wbuf_free(&t->held);
	free(t);
}

int trail_open(const struct trail_cfg *cfg, const struct trail_head *anchor,
	       uint64_t row, struct trail **out, struct err *err)
{
	struct trail *t = calloc(1, sizeof(*t));
	int ret;

	if (!t)
		return err_set(err, -ENOMEM, "audit trail: out of memory");
	t->cfg = *cfg;
	t->fd = -1;
	t->lock = -1;
	wbuf_init(&t->held, HELD_MAX);
	ret = make_folder(cfg->dir, err);
	if (!ret)
		ret = lock_trail(t, err);
	if (!ret)
		ret = recover_end(t, anchor, row, err);
	if (!ret)
		ret = sync_file(t, err);
	if (ret)
		trail_free(t);
	else
		*out = t;
	return ret;
}

void trail_close(struct trail *t, struct trail_head *head)
{
	struct err err;

	if (!t)
		return;
	trail_settle(t);
	if (!t->broken && !append_own(t, AUDIT_CLOSE, "", NULL, &err))
		sync_file(t, &err);
	if (head)
		*head = t->synced;
	trail_free(t);
}

/* ---- appending ---------------------------------------------------------- */

/* After a write that could not be taken back, the end is read again. */
static int mend_end(struct trail *t, struct err *err)
{
	struct trail_head head = t->head;

	if (!t->broken)
		return 0;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	return recover_end(t, &head, head.row, err);
}

int trail_append(struct trail *t, const struct audit_entry *e, struct err *err)
{
	int ret = mend_end(t, err);

	if (ret)
		return ret;
	err_clear(err);
	/* Where no new file can be had the old one grows. */
	if (is_full(t))
		rotate_file(t, err);
	if (t->broken)
		return err_set(err, -EIO,
			       "audit trail %s: a write could not be taken back",
			       t->cfg.dir);
	return append_entry(t, e, err);
}

int trail_checkpoint(struct trail *t, struct err *err)
{
	int ret = t->busy ? 0 : mend_end(t, err);

	if (ret || t->busy || t->synced.n == t->head.n)
		return ret;
	if (trail_unsigned(t))
		ret = append_own(t, AUDIT_CHECKPOINT, "", NULL, err);
	return ret ? ret : start_job(t, 0, err);
}

void trail_settle(struct trail *t)
{
	while (t->busy)
		worker_finish(t->cfg.worker);
}

void trail_synced(const struct trail *t, struct trail_head *head)
{
	*head = t->synced;
}

uint64_t trail_late_ms(const struct trail *t)
{
	return t->busy ? clock_mono_ms(t->cfg.clock) - t->busy_ms : 0;
}

void trail_head(const struct trail *t, struct trail_head *head)
{
	*head = t->head;
}

uint64_t trail_unsigned(const struct trail *t)
{
	return t->head.n - t->signed_n;
}
