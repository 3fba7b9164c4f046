/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables for people, laid out by libsmartcols: aligned columns, and colours on a
 * terminal. Texts may come from peers, so what a terminal obeys is escaped. Lack of
 * memory is told when the table is printed.
 */
#ifndef MCSECCTL_TABLE_H
#define MCSECCTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum column_flag {
	COLUMN_RIGHT = 1 << 0, /* numbers */
	COLUMN_OPTIONAL = 1 << 1, /* hidden while no row has a text in it */
	COLUMN_TREE = 1 << 2, /* rows below a row are drawn as its branches */
	COLUMN_REST = 1 << 3, /* wrapped on a terminal that is too narrow */
};

/*
 * A column that is left out on a terminal that is too narrow. The one with the largest
 * number goes first; a column without a number stays. What tells of a fault stays longest.
 */
#define COLUMN_SPARE(n) ((uint32_t)(n) << 8)

/* A column; a title of NULL ends the list. */
struct column {
	const char *title;
	uint32_t flags; /* enum column_flag and COLUMN_SPARE() */
};

enum tint { TINT_NONE, TINT_TITLE, TINT_GOOD, TINT_DOUBT, TINT_BAD };

/* ---- colours ---- */

/*
 * Decide on colours by @when, the value of the option --color: "always", "never", or
 * "auto", which is a terminal without NO_COLOR. Returns false if it is none of these.
 */
bool color_choose(const char *when);
/* Return what begins @tint on standard output, "" without colours. */
const char *color_on(enum tint tint);
const char *color_off(void);

/* ---- tables ---- */

struct table;

/* Leave out no column from now on. */
void tables_are_whole(void);

/* Without @titles the columns have no heading. */
struct table *table_new(const struct column *columns, bool titles);
/* Begin a row. Returns its number, counted from 0. */
size_t table_row(struct table *t);
/* Begin a row that is a branch of the row @above. */
size_t table_branch(struct table *t, size_t above);
/* Set a text of the current row, which is copied. NULL is as if there were none. */
void table_put(struct table *t, size_t column, const char *text);
__attribute__((format(printf, 3, 4))) void
table_printf(struct table *t, size_t column, const char *fmt, ...);
/* Put a number, or nothing for 0 in a column that is optional. */
void table_count(struct table *t, size_t column, uint64_t n);
void table_tint(struct table *t, size_t column, enum tint tint);
/* Free a table that is not to be printed. */
void table_free(struct table *t);
/*
 * Print the table, and free it. Below it a line names the columns that the terminal has no
 * room for. Returns an enum exit_code.
 */
int table_print(struct table *t);
/* The same, below an empty line if the table has a row. */
int table_print_below(struct table *t);

#endif
