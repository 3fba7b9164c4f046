// SPDX-License-Identifier: Apache-2.0
#include "app/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "app/app.h"
#include "audit/trail.h"
#include "store/store.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/util.h"
#include "lib/worker.h"

/* Interval at which clock, checkpoints and a full disk are looked at. */
#define TICK_MS 5000
/* The file system of the trail is scarce below a file, or this part of it. */
#define SCARCE_PART 10
/* The two clocks differ by no more than this between two ticks, unless one was set. */
#define STEP_MS 2000
/* A sync that takes longer is reported. */
#define LATE_MS 2000
/* Lines that are read from the store at a time. */
#define LINES_MAX 1000
/* Record of the store with the head of the trail. */
#define ANCHOR "audit/anchor"
#define ANCHOR_LEN (16 + AUDIT_HASH_LEN)

struct app_audit {
	struct app *app;
	struct store *store;
	struct trail_cfg cfg;
	struct worker *worker; /* syncs the trail */
	struct trail *trail; /* NULL: not open, tried again */
	bool unsynced; /* the last sync has failed */
	bool late; /* the log says that a sync is late */
	struct store_sink sink;
	struct timer tick;
	uint64_t signed_ms; /* last checkpoint, by the timer's clock */
	int64_t offset_ms; /* wall clock less monotonic clock */
	struct trail_head anchored;
	bool scarce; /* the file system has room for changes only */
	struct err failed; /* "": the trail can be written */
	struct err damage; /* found when the trail was opened */
};

static uint64_t audit_now_ms(const struct app_audit *u)
{
	return clock_mono_ms(u->app->tq.clock);
}

/* Log a failure and its end once. */
static void note_result(struct app_audit *u, int ret, const struct err *err)
{
	bool failed = u->failed.text[0];

	if (ret && !failed)
		log_err("audit trail failed: %s", err->text);
	else if (!ret && failed)
		log_info("audit trail resumed");
	u->failed = *err;
	if (!ret)
		err_clear(&u->failed);
}

/* ---- lines of the store -------------------------------------------------- */

static void take_actor(const char *text, struct audit_actor *actor,
		       char user[static 64])
{
	long long uid, pid;

	user[0] = '\0';
	actor->user = user;
	if (!text || sscanf(text, "%lld %lld %63s", &uid, &pid, user) < 2)
		return;
	actor->known = true;
	actor->uid = uid;
	actor->pid = pid;
}

static struct audit_entry line_entry(const struct store_audit *a,
				     char user[static 64])
{
	struct audit_entry e = {
		.time = a->time,
		.row = a->seq,
		.event = a->event,
		.group = a->group,
		.identity = a->identity,
		.detail = a->detail,
	};

	take_actor(a->actor, &e.actor, user);
	return e;
}

struct line_compare {
	const struct audit_record *r;
	bool same;
};

static int compare_line(void *arg, const struct store_audit *a)
{
	struct line_compare *k = arg;
	char user[64];
	struct audit_entry e = line_entry(a, user);

	k->same = audit_record_is(k->r, &e);
	return 0;
}

/* See struct trail_cfg. */
static int store_knows(void *arg, const struct audit_record *r, struct err *err)
{
	struct app_audit *u = arg;
	struct line_compare k = { .r = r };
	int ret;

	ret = store_audit_each(u->store, r->entry.row - 1, 1, compare_line, &k);
	if (ret)
		return err_set(err, ret, "lines of the store: %s",
			       store_reason(u->store, ret));
	return k.same;
}

static int append_line(struct app_audit *u, const struct store_audit *a,
		       struct err *err)
{
	char user[64];
	struct audit_entry e = line_entry(a, user);
	int ret;

	ret = trail_append(u->trail, &e, err);
	if (!ret && err->text[0])
		log_warn("audit trail not rotated: %s", err->text);
	return ret;
}

/* Append a record that says which lines the store has dropped before the trail had them. */
static int append_lost(struct app_audit *u, uint64_t from, uint64_t to,
		       struct err *err)
{
	struct audit_entry e = {
		.time = clock_wall(u->cfg.clock),
		.row = to,
		.event = AUDIT_LOST,
		.group = "",
		.identity = "",
	};
	char detail[128];

	snprintf(detail, sizeof(detail),
		 "lines %" PRIu64 " to %" PRIu64 " are not in the store", from,
		 to);
	e.detail = detail;
	e.actor.user = "";
	log_err("audit record lost: %s", detail);
	return trail_append(u->trail, &e, err);
}

struct catch_up {
	struct app_audit *u;
	struct err *err;
	size_t n;
};

static int catch_line(void *arg, const struct store_audit *a)
{
	struct catch_up *c = arg;
	struct trail_head head;
	int ret = 0;

	c->n++;
	trail_head(c->u->trail, &head);
	if (a->seq > head.row + 1)
		ret = append_lost(c->u, head.row + 1, a->seq - 1, c->err);
	return ret ? ret : append_line(c->u, a, c->err);
}

/* Append what the store has and the trail lacks. */
static int audit_catch_up(struct app_audit *u, struct err *err)
{
	struct catch_up c = { .u = u, .err = err };
	struct trail_head head;
	int ret;

	do {
		c.n = 0;
		trail_head(u->trail, &head);
		err_clear(err);
		ret = store_audit_each(u->store, head.row, LINES_MAX,
				       catch_line, &c);
		if (ret && !err->text[0])
			err_set(err, ret, "lines of the store: %s",
				store_reason(u->store, ret));
	} while (!ret && c.n == LINES_MAX);
	return ret;
}

/* ---- the anchor ----------------------------------------------------------- */

static int read_anchor(struct store *s, struct trail_head *head,
		       struct err *err)
{
	struct wbuf w;
	int ret;

	memset(head, 0, sizeof(*head));
	wbuf_init(&w, STORE_VALUE_MAX);
	ret = store_get(s, ANCHOR, &w);
	if (!ret && w.len == ANCHOR_LEN) {
		head->n = get_unaligned_be64(w.p);
		head->row = get_unaligned_be64(w.p + 8);
		memcpy(head->hash, w.p + 16, AUDIT_HASH_LEN);
	} else if (!ret) {
		ret = -EBADMSG;
	}
	wbuf_free(&w);
	if (ret == -ENOENT)
		return 0;
	return ret ? err_set(err, ret, "audit trail: its head in the store: %s",
			     store_reason(s, ret))
		   : 0;
}

static int record_anchor(struct app_audit *u, const struct trail_head *head)
{
	uint8_t p[ANCHOR_LEN];
	int ret = store_txn_begin(u->store);

	if (ret)
		return ret;
	put_unaligned_be64(head->n, p);
	put_unaligned_be64(head->row, p + 8);
	memcpy(p + 16, head->hash, AUDIT_HASH_LEN);
	ret = store_put(u->store, ANCHOR, p, sizeof(p));
	if (ret)
		store_txn_discard(u->store);
	return ret;
}

static void anchor_done(void *arg, int ret, const char *why)
{
	(void)arg;
	if (ret)
		log_warn("store failed: the head of the audit trail: %s", why);
}

/* Only what is on the disk may be an anchor. */
static void anchor_trail(struct app_audit *u)
{
	struct trail_head head;

	trail_synced(u->trail, &head);
	if (head.n == u->anchored.n || record_anchor(u, &head))
		return;
	u->anchored = head;
	store_submit(u->store, NULL, anchor_done, NULL);
}

static void sign_trail(struct app_audit *u)
{
	struct err err = { "" };
	int ret = trail_checkpoint(u->trail, &err);

	u->signed_ms = audit_now_ms(u);
	if (ret)
		note_result(u, ret, &err);
}

static void watch_late(struct app_audit *u)
{
	if (u->late || !u->trail || trail_late_ms(u->trail) < LATE_MS)
		return;
	u->late = true;
	log_warn("audit trail late: the disk has not synced %s for %" PRIu64
		 " ms",
		 u->cfg.dir, trail_late_ms(u->trail));
}

/* ---- the clock ------------------------------------------------------------- */

static int64_t clock_offset(const struct app_audit *u)
{
	return (int64_t)(clock_ns(CLOCK_REALTIME) / NSEC_PER_MSEC) -
	       (int64_t)audit_now_ms(u);
}

static void watch_clock(struct app_audit *u)
{
	int64_t offset = clock_offset(u), step = offset - u->offset_ms;
	char detail[64];

	u->offset_ms = offset;
	if (step > -STEP_MS && step < STEP_MS)
		return;
	snprintf(detail, sizeof(detail), "by %+.1f seconds", step / 1000.0);
	log_warn("clock stepped: %s", detail);
	app_note_event(u->app, "clock-step", detail);
}

/* ---- room ------------------------------------------------------------------- */

/*
 * The rest of the room is for what members and administrators do: refusals,
 * which strangers cause, are only counted until there is more.
 */
static void watch_room(struct app_audit *u)
{
	uint64_t room, all, least = u->cfg.file_size;
	struct statvfs fs;
	bool scarce;

	if (statvfs(u->cfg.dir, &fs))
		return;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	all = (uint64_t)fs.f_blocks * fs.f_frsize;
	if (least > all / SCARCE_PART)
		least = all / SCARCE_PART;
	scarce = room < least;
	if (scarce && !u->scarce)
		log_err("audit trail short of room: %s: %" PRIu64
			" KiB are left",
			u->cfg.dir, room >> 10);
	else if (!scarce && u->scarce)
		log_info("audit trail has room: %s: %" PRIu64 " KiB are left",
			 u->cfg.dir, room >> 10);
	u->scarce = scarce;
}

static bool audit_sink_scarce(void *arg)
{
	const struct app_audit *u = arg;

	return u->scarce;
}

/* ---- life ------------------------------------------------------------------- */

static int begin_trail(struct app_audit *u, struct err *err)
{
	struct trail_head anchor;
	int ret;

	ret = read_anchor(u->store, &anchor, err);
	if (!ret)
		ret = trail_open(&u->cfg, &anchor, store_audit_last(u->store),
				 &u->trail, err);
	if (ret)
		return ret;
	if (err->text[0]) {
		log_err("audit trail damaged: %s", err->text);
		u->damage = *err;
	}
	u->signed_ms = audit_now_ms(u);
	anchor_trail(u);
	return audit_catch_up(u, err);
}

static bool needs_sync(const struct app_audit *u)
{
	struct trail_head head, synced;

	if (!u->trail || !u->unsynced)
		return false;
	trail_head(u->trail, &head);
	trail_synced(u->trail, &synced);
	return head.n != synced.n;
}

static void mend_trail(struct app_audit *u)
{
	struct err err = { "" };
	int ret;

	/* An attempt would wait for the disk, which is late. */
	if (u->trail && trail_late_ms(u->trail) >= LATE_MS)
		return;
	/* A sync that has failed is made up for by another, see trail_done(). */
	if (needs_sync(u)) {
		sign_trail(u);
		return;
	}
	ret = u->trail ? audit_catch_up(u, &err) : begin_trail(u, &err);
	note_result(u, ret, &err);
}

/* ---- what trail and store call ----------------------------------------------- */

/* A job of the trail has ended; see struct trail_cfg. */
static void trail_done(void *arg, int ret, const struct err *err)
{
	struct app_audit *u = arg;
	bool before = u->unsynced;

	if (u->late)
		log_info("audit trail no longer late");
	u->late = false;
	u->unsynced = ret;
	if (ret) {
		note_result(u, ret, err);
		return;
	}
	if (err->text[0])
		log_warn("audit trail not rotated: %s", err->text);
	anchor_trail(u);
	/* Lines that came while the trail had failed are appended now. */
	if (before)
		mend_trail(u);
}

static void sink_record(void *arg, const struct store_audit *a)
{
	struct app_audit *u = arg;
	struct trail_head head;
	struct err err = { "" };
	int ret;

	/* A trail that fails is tried again by the timer, and not by each line. */
	if (!u->trail || u->failed.text[0])
		return;
	trail_head(u->trail, &head);
	if (a->seq <= head.row)
		return;
	if (a->seq == head.row + 1)
		ret = append_line(u, a, &err);
	else
		ret = audit_catch_up(u, &err);
	note_result(u, ret, &err);
	if (!ret &&
	    trail_unsigned(u->trail) >= u->app->conf->gcks->audit_records)
		sign_trail(u);
}

/* With audit-required there is no change while the trail cannot be written. */
static int audit_sink_ready(void *arg, struct err *err)
{
	struct app_audit *u = arg;

	if (u->failed.text[0])
		mend_trail(u);
	if (!u->failed.text[0])
		return 0;
	return err_set(err, -EIO,
		       "the audit trail cannot be written, and audit-required is set: %.512s",
		       u->failed.text);
}

/* ---- the clock's tick -------------------------------------------------------- */

static void trail_tick(void *arg)
{
	struct app_audit *u = arg;
	uint64_t every = u->app->conf->gcks->audit_interval * MSEC_PER_SEC;

	timer_set(&u->app->tq, &u->tick, TICK_MS);
	watch_clock(u);
	watch_room(u);
	watch_late(u);
	if (!u->trail || u->failed.text[0])
		mend_trail(u);
	if (u->trail && trail_unsigned(u->trail) &&
	    audit_now_ms(u) - u->signed_ms >= every)
		sign_trail(u);
}

static int note_event(struct app_audit *u, const char *event,
		      const char *detail)
{
	struct store_audit line = {
		.time = clock_wall(u->cfg.clock),
		.group = "",
		.identity = "",
		.event = event,
		.detail = detail,
	};

	return store_audit(u->store, &line);
}

void app_note_event(struct app *a, const char *event, const char *detail)
{
	int ret = a->audit ? note_event(a->audit, event, detail) : 0;

	if (ret)
		log_err("audit record lost: %s",
			store_reason(a->audit->store, ret));
}

static void changes_ended(void *arg, int ret, const char *why)
{
	(void)arg;
	if (ret)
		log_err("audit record lost: %s", why);
}

void app_note_changes(struct app *a, const char *event,
		      const struct wbuf *details)
{
	struct store *s = a->audit ? a->audit->store : NULL;
	size_t at = 0;
	int ret;

	if (!s)
		return;
	if (!details->len) {
		app_note_event(a, event, "nothing");
		return;
	}
	ret = details->err ? details->err : store_txn_begin(s);
	while (!ret && at < details->len) {
		const char *text = (const char *)details->p + at;

		ret = note_event(a->audit, event, text);
		at += strlen(text) + 1;
	}
	if (!ret)
		store_submit(s, NULL, changes_ended, NULL);
	else if (!details->err)
		store_txn_discard(s);
	if (ret)
		log_err("audit record lost: %s", strerror(-ret));
}

int app_audit_ready(const struct app *a, struct err *err)
{
	return a->audit ? store_audit_ready(a->audit->store, err) : 0;
}

int app_open_audit(struct app *a, struct err *err)
{
	const struct conf_gcks *c = a->conf->gcks;
	struct app_audit *u;
	char detail[64];
	int ret;

	if (!c->audit)
		return 0;
	u = calloc(1, sizeof(*u));
	if (!u)
		return err_set(err, -ENOMEM, "audit trail: out of memory");
	u->app = a;
	u->store = a->vault.store[VAULT_MAIN];
	u->cfg = (struct trail_cfg){
		.dir = strdup(c->audit_trail),
		.key = a->key,
		.clock = clock_system(),
		.file_size = (uint64_t)c->audit_file_size << 20,
		.file_age = c->audit_file_age,
		.keep = c->audit_keep,
		.to_syslog = c->audit_syslog,
		.knows = store_knows,
		.done = trail_done,
		.arg = u,
	};
	u->sink = (struct store_sink){
		.record = sink_record,
		.ready = c->audit_required ? audit_sink_ready : NULL,
		.arg = u,
		.scarce = audit_sink_scarce,
	};
	a->audit = u;
	timer_init(&u->tick, trail_tick, u);
	ret = worker_new(a->loop, &u->worker);
	if (ret)
		return err_set(err, ret, "audit trail: thread not started: %s",
			       strerror(-ret));
	u->cfg.worker = u->worker;
	ret = u->cfg.dir ? begin_trail(u, err)
			 : err_set(err, -ENOMEM, "audit trail: out of memory");
	if (ret && c->audit_required)
		return ret;
	note_result(u, ret, err);
	err_clear(err);
	watch_room(u);
	store_set_sink(u->store, &u->sink);
	u->offset_ms = clock_offset(u);
	timer_set(&a->tq, &u->tick, TICK_MS);
	snprintf(detail, sizeof(detail), "key server of %zu group%s",
		 c->n_groups, c->n_groups == 1 ? "" : "s");
	app_note_event(a, "start", detail);
	return 0;
}

/*
 * The loop does not run any more, so nothing is left to completions: the line
 * of the stop is waited for, and the trail takes all lines from the store.
 */
static void note_stop(struct app *a)
{
	struct store *s = a->audit->store;
	struct err err;

	if (store_txn_begin(s))
		return;
	app_note_event(a, "stop", "");
	if (store_submit_wait(s, NULL, &err))
		log_err("audit record lost: %s", err.text);
}

static void record_last(struct app_audit *u, const struct trail_head *head)
{
	struct err err = {};
	int ret = record_anchor(u, head);

	if (ret) {
		anchor_done(NULL, ret, store_reason(u->store, ret));
		return;
	}
	ret = store_submit_wait(u->store, NULL, &err);
	if (ret)
		anchor_done(NULL, ret, err.text);
}

void app_close_audit(struct app *a)
{
	struct app_audit *u = a->audit;
	struct trail_head head;
	struct err err;

	if (!u)
		return;
	timer_del(&a->tq, &u->tick);
	store_set_sink(u->store, NULL);
	if (u->trail) {
		note_stop(a);
		trail_settle(u->trail);
		if (audit_catch_up(u, &err))
			log_err("audit trail failed: %s", err.text);
		trail_close(u->trail, &head);
		record_last(u, &head);
	}
	worker_free(u->worker, NULL);
	a->audit = NULL;
	free((char *)u->cfg.dir);
	free(u);
}

void app_audit_state(struct app *a, struct trail_state *to)
{
	struct app_audit *u = a->audit;
	struct trail_head head = { 0 };

	memset(to, 0, sizeof(*to));
	if (!u)
		return;
	to->dir = u->cfg.dir;
	to->error = u->failed.text[0] ? u->failed.text : NULL;
	to->damage = u->damage.text[0] ? u->damage.text : NULL;
	to->scarce = u->scarce;
	if (!u->trail)
		return;
	trail_head(u->trail, &head);
	to->records = head.n;
	to->row = head.row;
	to->behind = trail_unsigned(u->trail);
	to->late_ms = trail_late_ms(u->trail);
	to->missing = store_audit_last(u->store) - head.row;
	audit_hex(head.hash, AUDIT_HASH_LEN, to->head);
}
