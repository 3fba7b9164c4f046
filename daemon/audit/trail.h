/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of a trail: appends records, signs checkpoints, begins new files.
 *
 * Each record is one write(), so a process that is killed loses nothing that
 * was appended, and tears the last line at worst; a power failure can take what
 * was appended behind the last checkpoint, which is synced. A line that was
 * torn stays, and the next record owns up to it: no file ever becomes shorter,
 * and the files may be append-only (chattr +a). Records come with the number of
 * their line in the store ("row"), so that a caller can append again what is
 * missing. One process writes a trail (DIR/lock).
 *
 * A worker, if there is one, syncs, begins and removes files, because these wait
 * for the disk. While a file is begun, records wait in memory: the
 * old file has to be on the disk before the new one has a record, or a power
 * failure would look like a removal. A process that is killed meanwhile loses
 * those, which the caller appends again by their row.
 *
 * All functions are called from one thread, and so is @done. Functions of type
 * int return 0, or -errno with one line in @err.
 */
#ifndef AUDIT_TRAIL_H
#define AUDIT_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/record.h"
#include "lib/err.h"

struct clock;
struct trail;
struct worker;

/* @dir, @key, @clock and @worker must outlive the trail. */
struct trail_cfg {
	const char *dir;
	const struct sigkey *key; /* signs checkpoints */
	const struct clock *clock;
	/* A file that is larger, or older in seconds, is followed by another. */
	uint64_t file_size;
	uint64_t file_age; /* 0: any age */
	/* The oldest files are removed beyond this number; 0: never. */
	uint32_t keep;
	bool to_syslog; /* each line, to the facility authpriv */
	/*
	 * Asked when the trail is opened: is @r the line of the store that its
	 * row names? Returns 1 if it is, 0 if not, or -errno with one line in
	 * @err if that cannot be told now. NULL: there is no store.
	 */
	int (*knows)(void *arg, const struct audit_record *r, struct err *err);
	/*
	 * The worker belongs to this trail alone. NULL: everything is done at
	 * once, and no @done is called.
	 */
	struct worker *worker;
	/*
	 * From the loop of the worker, when a job has ended: @ret is 0 or
	 * -errno with one line in @err. See trail_synced().
	 */
	void (*done)(void *arg, int ret, const struct err *err);
	void *arg;
};

/* State of a trail, for people. */
struct trail_state {
	const char *dir; /* NULL: there is no trail */
	uint64_t records;
	uint64_t behind; /* records after the last signed checkpoint */
	uint64_t row; /* last line of the store that is in it */
	uint64_t missing; /* lines of the store that are not in it yet */
	char head[2 * AUDIT_HASH_LEN + 1]; /* hash of the last record */
	const char *error; /* NULL: it can be written */
	const char *damage; /* found at the start; NULL: none */
	bool scarce; /* the file system is nearly full */
	uint64_t late_ms; /* the disk has been busy with a job so long */
};

/* The newest record, as a caller keeps it elsewhere. */
struct trail_head {
	uint64_t n; /* 0: none */
	uint64_t row; /* last line of the store that is in the trail */
	uint8_t hash[AUDIT_HASH_LEN];
};

/*
 * Open or create a trail and append a record "open". @anchor is a head that
 * was in the trail once, with n = 0 if none is known; @row is the last line of
 * the store. A trail that was altered or cut since, is newer than the store, or
 * has records that are neither signed nor lines of the store, gets a record that
 * says so, goes on behind it, and has one line in @err; else @err is empty. The
 * row of the head is that of the last record that is known to be genuine, so
 * that the caller appends again what somebody else's records replace.
 * -EBUSY: another process writes it.
 */
int trail_open(const struct trail_cfg *cfg, const struct trail_head *anchor,
	       uint64_t row, struct trail **out, struct err *err);
/* Wait until the worker is idle, which calls @done. */
void trail_settle(struct trail *t);
/*
 * Settle, sign and sync the end, which says "close", and free @t, NULL too. The
 * newest record on the disk is written to @head unless that is NULL.
 */
void trail_close(struct trail *t, struct trail_head *head);

/*
 * Append a record. After an error nothing was appended, and the next call tries
 * again. After a success one line in @err says why the file is not followed by
 * another although it is full; else @err is empty. -ENOBUFS: the disk is late,
 * and too many records wait for it.
 */
int trail_append(struct trail *t, const struct audit_entry *e, struct err *err);
/*
 * Append a signed checkpoint and sync, by the worker if there is one. Nothing
 * is done without new records since the last one, or while the disk is busy.
 */
int trail_checkpoint(struct trail *t, struct err *err);

/* The newest record, which may not be on the disk yet. */
void trail_head(const struct trail *t, struct trail_head *head);
/* The newest record that a sync has put on the disk. */
void trail_synced(const struct trail *t, struct trail_head *head);
/* Return how long the worker has been busy with the present job; 0: it is idle. */
uint64_t trail_late_ms(const struct trail *t);
/* Return the number of records behind the last checkpoint. */
uint64_t trail_unsigned(const struct trail *t);

#endif
