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
 * Single-threaded. Functions of type int return 0, or -errno with one line in
 * @err.
 */
#ifndef AUDIT_TRAIL_H
#define AUDIT_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/record.h"
#include "lib/err.h"

struct clock;
struct trail;

/* @dir, @key and @clock must outlive the trail. */
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
	bool scarce; /* its file system is nearly full */
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
 * the store. A trail that was altered or cut since, or is newer than the store,
 * gets a record that says so, goes on behind it, and has one line in @err; else
 * @err is empty. -EBUSY: another process writes it.
 */
int trail_open(const struct trail_cfg *cfg, const struct trail_head *anchor,
	       uint64_t row, struct trail **out, struct err *err);
/*
 * Sign and sync the end, which says "close", and free @t, NULL too. Its head is
 * written to @head unless that is NULL.
 */
void trail_close(struct trail *t, struct trail_head *head);

/*
 * Append a record. After an error nothing was appended, and the next call tries
 * again. After a success one line in @err says why the file is not followed by
 * another although it is full; else @err is empty.
 */
int trail_append(struct trail *t, const struct audit_entry *e, struct err *err);
/*
 * Append a signed checkpoint and sync. Then the head is on the disk. Without
 * new records since the last one nothing is done.
 */
int trail_checkpoint(struct trail *t, struct err *err);

void trail_head(const struct trail *t, struct trail_head *head);
/* Return the number of records behind the last checkpoint. */
uint64_t trail_unsigned(const struct trail *t);

#endif
