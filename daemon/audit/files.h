/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a trail: DIR/trail-NUMBER.jsonl, named by their first record and
 * never renamed, so that a crash while one is begun leaves nothing to mend.
 */
#ifndef AUDIT_FILES_H
#define AUDIT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

#define AUDIT_NAME_MAX 40

/* Numbers of the first records, ascending. */
struct audit_files {
	uint64_t *first;
	size_t n;
};

/*
 * Find the files of a trail; free with audit_files_free(). Returns 0, -ENOENT
 * if there is no such folder, or another -errno, with one line in @err.
 */
int audit_files_find(const char *dir, struct audit_files *f, struct err *err);
void audit_files_free(struct audit_files *f);
/* Write the name of the file that begins with record @first. */
char *audit_file_name(uint64_t first, char buf[static AUDIT_NAME_MAX]);

/*
 * Receive a line without its newline; @whole is false if it had none. A line
 * longer than a record may be comes in pieces, of which none is a record. A
 * value that is not 0 ends the reading.
 */
typedef int audit_line_fn(void *arg, const char *file, unsigned long line,
			  const char *p, size_t len, bool whole);
/*
 * Pass all lines of a file to @fn. Returns 0, what @fn has returned, or -errno
 * with one line in @err.
 */
int audit_file_read(const char *dir, uint64_t first, audit_line_fn *fn,
		    void *arg, struct err *err);

#endif
