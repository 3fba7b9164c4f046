/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verification of a trail, line by line: numbers, chain, signatures. What is
 * wrong first is kept, with the number of the record and a sentence. Lines are
 * any octets; nothing is read or written here.
 */
#ifndef AUDIT_CHECK_H
#define AUDIT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "audit/record.h"
#include "lib/err.h"

/* Keys that a caller may trust. */
#define AUDIT_KEYS_MAX 8

enum audit_fault {
	AUDIT_SOUND,
	AUDIT_ALTERED, /* a record is not what was written */
	AUDIT_REMOVED, /* a record is missing before others */
	AUDIT_REORDERED, /* a record stands in another place, or twice */
	AUDIT_CUT, /* records at the end are missing */
	AUDIT_SIGNATURE, /* a signature is missing, wrong, or of another key */
};

/* A record that is known from elsewhere, for example from the store. */
struct audit_point {
	uint64_t n; /* 0: none */
	uint8_t hash[AUDIT_HASH_LEN];
};

struct audit_check {
	/* Set by the caller before the first line. */
	const struct sigpub *trusted[AUDIT_KEYS_MAX];
	size_t n_trusted; /* 0: the keys that the trail names are believed */
	uint64_t from; /* a trail that begins here lacks nothing; 0: 1 */
	struct audit_point point; /* must be in the trail */

	/* Results. */
	enum audit_fault fault;
	uint64_t fault_n; /* the first record that is concerned */
	struct err why;
	uint64_t first; /* number of the first record; 0: there is none */
	uint64_t records;
	uint64_t signed_n; /* last record with a good signature; 0: none */
	bool closed; /* the last record is a "close" */
	bool torn; /* the last line has no end */
	char key[SIGPUB_NAME_LEN]; /* short name of the last key, or "" */
	bool bad; /* the last line is no record */
	bool bad_end; /* the fault is that line, which has a newline */
	size_t bad_len;
	uint8_t bad_hash[AUDIT_HASH_LEN];
	/* The last line that is a record by itself, whatever its place. */
	uint64_t last_n;
	uint8_t last_hash[AUDIT_HASH_LEN];
	uint64_t last_row; /* the last one above 0 */

	/* Private. */
	uint64_t next;
	uint8_t head[AUDIT_HASH_LEN];
	bool explained; /* nothing is missing before @first */
	bool stopped; /* a "close" was not followed by an "open" yet */
	bool behind_bad; /* the last record stands behind a line that is none */
	uint64_t removal_n; /* record that says why it begins at @first */
	uint64_t gap_n; /* an "open" behind a gap, which it may tell of */
	bool point_seen;
	char bad_place[160];
	uint64_t missing; /* after a gap: looked for in the rest */
	struct sigpub *pub;
	uint8_t alg[SIG_MAX_ALG];
	size_t alg_len;
};

/* The caller sets members afterwards, and ends with audit_check_free(). */
void audit_check_init(struct audit_check *c);
void audit_check_free(struct audit_check *c);
/*
 * Take the next line, without its newline; @whole is false if there was none.
 * @file and @line say where it is. *@r is the record if true is returned, for
 * the caller to free.
 */
bool audit_check_line(struct audit_check *c, const char *file,
		      unsigned long line, const char *p, size_t len, bool whole,
		      struct audit_record *r);
/* Judge the end, after the last line. */
void audit_check_end(struct audit_check *c);
/* Return a word for a fault: "altered" ... */
const char *audit_fault_str(enum audit_fault f);

#endif
