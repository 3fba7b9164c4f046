// SPDX-License-Identifier: Apache-2.0
#include "conf/nearest.h"

#include <stdio.h>
#include <string.h>

#define MAX_WORD 64

static size_t least_of(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/*
 * Distance of words of at most MAX_WORD octets: how many octets are inserted, deleted,
 * changed, or swapped with their neighbour.
 */
static size_t edit_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), i, k;
	/* Rows for the first i - 2, i - 1 and i octets of @a, in turn. */
	size_t rows[3][MAX_WORD + 1];

	if (la > MAX_WORD || lb > MAX_WORD)
		return MAX_WORD;
	for (k = 0; k <= lb; k++)
		rows[0][k] = k;
	for (i = 1; i <= la; i++) {
		size_t *row = rows[i % 3], *up = rows[(i + 2) % 3];
		const size_t *two_up = rows[(i + 1) % 3];

		row[0] = i;
		for (k = 1; k <= lb; k++) {
			row[k] = least_of(up[k] + 1, row[k - 1] + 1,
					  up[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1])
				row[k] = least_of(row[k], two_up[k - 2] + 1,
						  row[k]);
		}
	}
	return rows[la % 3][lb];
}

/* Append ", " and @word in quotes, if there is room. */
static void append_word(char *buf, size_t size, const char *word)
{
	size_t len = strlen(buf);

	snprintf(buf + len, size - len, "%s\"%s\"", len ? ", " : "", word);
}

bool conf_nearest(const char *(*get)(const void *arg, size_t i),
		  const void *arg, const char *bad, char *buf, size_t size)
{
	size_t best = MAX_WORD, i, d;
	bool near;
	const char *w;

	buf[0] = '\0';
	for (i = 0; (w = get(arg, i)); i++) {
		d = edit_distance(bad, w);
		if (d < best)
			best = d;
	}
	near = best <= 1 + strlen(bad) / 3;
	for (i = 0; (w = get(arg, i)); i++)
		if (!near || edit_distance(bad, w) == best)
			append_word(buf, size, w);
	return near;
}
