// SPDX-License-Identifier: Apache-2.0
#include "conf/syntax.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum place { PLAIN, TEXT, LINE_COMMENT, COMMENT };

/* Return where the octet behind @c is, and take octets that belong to @c. */
static enum place next_place(enum place at, int c, FILE *f)
{
	int next;

	switch (at) {
	case TEXT:
		if (c == '\\')
			getc(f);
		return c == '"' ? PLAIN : TEXT;
	case LINE_COMMENT:
		return c == '\n' ? PLAIN : LINE_COMMENT;
	case PLAIN:
		if (c == '"')
			return TEXT;
		if (c == '#')
			return LINE_COMMENT;
		break;
	default:
		break;
	}
	if (c != (at == COMMENT ? '*' : '/'))
		return at;
	next = getc(f);
	if (at == COMMENT && next == '/')
		return PLAIN;
	if (at == PLAIN && next == '/')
		return LINE_COMMENT;
	if (at == PLAIN && next == '*')
		return COMMENT;
	ungetc(next, f);
	return at;
}

unsigned int conf_open_quote(const char *path)
{
	FILE *f = path ? fopen(path, "re") : NULL;
	enum place at = PLAIN;
	unsigned int line = 1;
	int c;

	if (!f)
		return 0;
	while ((c = getc(f)) != EOF) {
		if (c == '\n' && at == TEXT)
			break;
		if (c == '\n')
			line++;
		at = next_place(at, c, f);
	}
	fclose(f);
	return at == TEXT ? line : 0;
}

#define DEPTH_MAX 32

/* Brackets that are open, the innermost last. */
struct brackets {
	char kind[DEPTH_MAX];
	unsigned int line[DEPTH_MAX];
	size_t n;
};

/* Take a bracket. Returns false if it closes another kind than is open. */
static bool take_bracket(struct brackets *b, int c, unsigned int line)
{
	static const char opening[] = "({[", closing[] = ")}]";
	const char *p = c ? strchr(opening, c) : NULL;

	if (p && b->n < DEPTH_MAX) {
		b->kind[b->n] = (char)c;
		b->line[b->n++] = line;
	}
	p = c ? strchr(closing, c) : NULL;
	if (!p || !b->n)
		return true;
	if (b->kind[b->n - 1] != opening[p - closing])
		return false;
	b->n--;
	return true;
}

unsigned int conf_open_bracket(const char *path, unsigned int until,
			       char *bracket)
{
	FILE *f = path ? fopen(path, "re") : NULL;
	struct brackets b = {};
	enum place at = PLAIN;
	unsigned int line = 1;
	int c;

	if (!f)
		return 0;
	while ((c = getc(f)) != EOF) {
		if (at == PLAIN && !take_bracket(&b, c, line))
			break;
		if (c == '\n')
			line++;
		at = next_place(at, c, f);
	}
	fclose(f);
	if (!b.n || line > until)
		return 0;
	*bracket = b.kind[b.n - 1];
	return b.line[b.n - 1];
}

bool conf_is_folder(const char *path)
{
	struct stat st;

	return path && !stat(path, &st) && S_ISDIR(st.st_mode);
}
