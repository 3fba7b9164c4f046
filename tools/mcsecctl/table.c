// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/quote.h"
#include "mcsecctl.h"

/* A text of a cell, escaped. */
#define CELL_OCTETS 4096

static const char *const sequences[] = {
	[TINT_NONE] = "",	   [TINT_TITLE] = "\033[1m",
	[TINT_GOOD] = "\033[32m",  [TINT_DOUBT] = "\033[33m",
	[TINT_BAD] = "\033[1;31m",
};

static bool colored;

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

struct table {
	struct libscols_table *scols;
	const struct column *columns;
	struct libscols_line *line;
	size_t rows;
	uint32_t used; /* columns in which a row has a text, as bits */
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
		    scols_table_set_column_separator(t->scols, "  ") ||
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

	if (!t || t->failed || !text || !*text)
		return;
	t->used |= 1u << column;
	quote_escape(text, "", safe, sizeof(safe));
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

static void hide_unused(struct table *t)
{
	struct libscols_column *c;
	size_t i;

	for (i = 0; t->columns[i].title; i++) {
		if (!(t->columns[i].flags & COLUMN_OPTIONAL) ||
		    t->used & 1u << i)
			continue;
		c = scols_table_get_column(t->scols, i);
		scols_column_set_flags(c, scols_column_get_flags(c) |
						  SCOLS_FL_HIDDEN);
	}
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

	if (!failed) {
		hide_unused(t);
		failed = t->rows && scols_print_table(t->scols);
	}
	table_free(t);
	return failed ? complain(EXIT_FAILED, "no memory for the output")
		      : EXIT_OK;
}
