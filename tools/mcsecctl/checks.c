// SPDX-License-Identifier: Apache-2.0
#include "checks.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const result_names[] = {
	[RESULT_OK] = "ok",
	[RESULT_PROBLEM] = "problem",
	[RESULT_UNCHECKED] = "unchecked",
};

static void add_check(struct checks *c, enum result is, const char *check,
		      const char *cure, const char *fmt, va_list ap)
{
	json_t *o = json_object(), *s;
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	json_object_set_new(o, "check", json_string(check));
	json_object_set_new(o, "result", json_string(result_names[is]));
	s = json_string(text);
	json_object_set_new(o, "text", s ? s : json_string("(not UTF-8)"));
	if (c->group)
		json_object_set_new(o, "group", json_string(c->group));
	if (cure)
		json_object_set_new(o, "cure", json_string(cure));
	json_array_append_new(c->list, o);
	c->n[is]++;
}

void check_ok(struct checks *c, const char *check, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_check(c, RESULT_OK, check, NULL, fmt, ap);
	va_end(ap);
}

void check_problem(struct checks *c, const char *check, const char *cure,
		   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_check(c, RESULT_PROBLEM, check, cure, fmt, ap);
	va_end(ap);
}

void check_unchecked(struct checks *c, const char *check, const char *cure,
		     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_check(c, RESULT_UNCHECKED, check, cure, fmt, ap);
	va_end(ap);
}

bool read_setting(const struct checks *c, char *buf, size_t size,
		  const char *fmt, ...)
{
	char path[PATH_MAX];
	bool got = false;
	size_t len;
	va_list ap;
	FILE *f;

	len = (size_t)snprintf(path, sizeof(path), "%s", c->root);
	va_start(ap, fmt);
	vsnprintf(path + len, sizeof(path) - len, fmt, ap);
	va_end(ap);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fgets(buf, (int)size, f)) {
		buf[strcspn(buf, "\n")] = '\0';
		got = true;
	}
	fclose(f);
	return got;
}
