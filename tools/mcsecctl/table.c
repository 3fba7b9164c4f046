// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/quote.h"
#include "mcsecctl.h"

/* A text of a cell, escaped. */
#define CELL_OCTETS 4096

#define SEPARATOR "  "
#define BRANCH_WIDTH 4 /* lines of a tree in front of a text */
#define REST_WIDTH 20 /* a column that is wrapped needs no more */
#define COLUMNS_MAX 32 /* bits of struct table */

static const char *const sequences[] = {
	[TINT_NONE] = "",	   [TINT_TITLE] = "\033[1m",
	[TINT_GOOD] = "\033[32m",  [TINT_DOUBT] = "\033[33m",
	[TINT_BAD] = "\033[1;31m",
};

static bool colored;
static bool whole;

bool color_choose(const char *when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!strcmp(when, "auto"))
		colored = isatty(STDOUT_FILENO) && !(no && *no) && term &&
			  strcmp(term, "dumb");
	else if (!strcmp(when, "always"))
		colored = true;
	else if (!strcmp(when, "never"))
		colored = false;
	else
		return false;
	return true;
}

const char *color_on(enum tint tint)
{
	return colored ? sequences[tint] : "";
}

const char *color_off(void)
{
	return colored ? "\033[0m" : "";
}

void tables_are_whole(void)
{
	whole = true;
}

struct table {
	struct libscols_table *scols;
	const struct column *columns;
	struct libscols_line *line;
	size_t rows;
	size_t widths[COLUMNS_MAX]; /* longest text of each column */
	uint32_t used; /* columns in which a row has a text, as bits */
	uint32_t spared; /* columns that are left out, as bits */
	bool failed; /* there was no memory */
};

static int scols_flags(uint32_t flags)
{
	return (flags & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0) |
	       (flags & COLUMN_TREE ? SCOLS_FL_TREE : 0) |
	       (flags & COLUMN_REST ? SCOLS_FL_WRAP : 0);
}

static int add_columns(struct table *t)
{
	struct libscols_column *c;
	size_t i;

	for (i = 0; t->columns[i].title; i++) {
		c = scols_table_new_column(t->scols, t->columns[i].title, 0,
					   scols_flags(t->columns[i].flags));
		if (!c || scols_cell_set_color(scols_column_get_header(c),
					       sequences[TINT_TITLE]))
			return -1;
	}
	return 0;
}

struct table *table_new(const struct column *columns, bool titles)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->columns = columns;
	t->scols = scols_new_table();
	t->failed = !t->scols ||
		    scols_table_set_column_separator(t->scols, SEPARATOR) ||
		    scols_table_enable_colors(t->scols, colored) ||
		    scols_table_enable_minout(t->scols, 1) ||
		    scols_table_enable_noencoding(t->scols, 1) ||
		    scols_table_enable_noheadings(t->scols, !titles) ||
		    add_columns(t);
	return t;
}

static size_t begin_row(struct table *t, struct libscols_line *above)
{
	if (!t || t->failed)
		return 0;
	t->line = scols_table_new_line(t->scols, above);
	t->failed = !t->line;
	return t->rows++;
}

size_t table_row(struct table *t)
{
	return begin_row(t, NULL);
}

size_t table_branch(struct table *t, size_t above)
{
	if (!t || t->failed)
		return 0;
	return begin_row(t, scols_table_get_line(t->scols, above));
}

void table_put(struct table *t, size_t column, const char *text)
{
	char safe[CELL_OCTETS];
	size_t width;

	if (!t || t->failed || !text || !*text)
		return;
	t->used |= 1u << column;
	quote_escape(text, "", safe, sizeof(safe));
	width = strlen(safe);
	if (t->widths[column] < width)
		t->widths[column] = width;
	t->failed = scols_line_set_data(t->line, column, safe);
}

void table_printf(struct table *t, size_t column, const char *fmt, ...)
{
	char text[CELL_OCTETS];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	table_put(t, column, text);
}

void table_count(struct table *t, size_t column, uint64_t n)
{
	if (t && (n || !(t->columns[column].flags & COLUMN_OPTIONAL)))
		table_printf(t, column, "%" PRIu64, n);
}

void table_tint(struct table *t, size_t column, enum tint tint)
{
	if (!t || t->failed || !colored)
		return;
	t->failed = scols_cell_set_color(scols_line_get_cell(t->line, column),
					 sequences[tint]);
}

/* ---- what the terminal has room for -------------------------------------- */

/* Return the width of the terminal, or 0 if the table may be as wide as it is. */
static size_t screen_width(void)
{
	struct winsize w;

	if (whole || !isatty(STDOUT_FILENO) ||
	    ioctl(STDOUT_FILENO, TIOCGWINSZ, &w))
		return 0;
	return w.ws_col;
}

static bool is_shown(const struct table *t, size_t i)
{
	if (t->columns[i].flags & COLUMN_OPTIONAL && !(t->used & 1u << i))
		return false;
	return !(t->spared & 1u << i);
}

static size_t column_width(const struct table *t, size_t i)
{
	const uint32_t flags = t->columns[i].flags;
	size_t title = strlen(t->columns[i].title), width = t->widths[i];

	if (flags & COLUMN_TREE)
		width += BRANCH_WIDTH;
	if (flags & COLUMN_REST && width > REST_WIDTH)
		width = REST_WIDTH;
	return width > title ? width : title;
}

static size_t table_width(const struct table *t)
{
	size_t i, width = 0;

	for (i = 0; t->columns[i].title; i++)
		if (is_shown(t, i))
			width += column_width(t, i) +
				 (width ? strlen(SEPARATOR) : 0);
	return width;
}

/* Return which of the columns that are shown can be spared first, or -1. */
static int most_spare(const struct table *t)
{
	uint32_t most = 0;
	int i, found = -1;

	for (i = 0; t->columns[i].title; i++) {
		if (!is_shown(t, (size_t)i) ||
		    t->columns[i].flags < COLUMN_SPARE(1) ||
		    t->columns[i].flags >> 8 <= most)
			continue;
		most = t->columns[i].flags >> 8;
		found = i;
	}
	return found;
}

static void spare_columns(struct table *t)
{
	const size_t room = screen_width();
	int i;

	while (room && table_width(t) > room) {
		i = most_spare(t);
		if (i < 0)
			break;
		t->spared |= 1u << i;
	}
}

static void hide_columns(struct table *t)
{
	struct libscols_column *c;
	size_t i;

	for (i = 0; t->columns[i].title; i++) {
		if (is_shown(t, i))
			continue;
		c = scols_table_get_column(t->scols, i);
		scols_column_set_flags(c, scols_column_get_flags(c) |
						  SCOLS_FL_HIDDEN);
	}
}

/* Name the columns that are left out, on lines that fit as well. */
static void tell_spared(const struct table *t)
{
	static const char begin[] = "more with -v: ";
	const size_t room = screen_width();
	size_t i, len = strlen(begin), named = 0;

	if (!t->spared)
		return;
	fputs(begin, stdout);
	for (i = 0; t->columns[i].title; i++) {
		if (!(t->spared & 1u << i))
			continue;
		len += strlen(t->columns[i].title) + strlen(", ");
		if (named && len > room) {
			fputs(",\n  ", stdout);
			len = strlen("  ") + strlen(t->columns[i].title) +
			      strlen(", ");
		} else if (named) {
			fputs(", ", stdout);
		}
		fputs(t->columns[i].title, stdout);
		named++;
	}
	putchar('\n');
}

void table_free(struct table *t)
{
	if (t)
		scols_unref_table(t->scols);
	free(t);
}

int table_print_below(struct table *t)
{
	if (t && !t->failed && t->rows)
		putchar('\n');
	return table_print(t);
}

int table_print(struct table *t)
{
	bool failed = !t || t->failed;

	if (!failed && t->rows) {
		spare_columns(t);
		hide_columns(t);
		failed = scols_print_table(t->scols);
		if (!failed)
			tell_spared(t);
	}
	table_free(t);
	return failed ? complain(EXIT_FAILED, "no memory for the output")
		      : EXIT_OK;
}
