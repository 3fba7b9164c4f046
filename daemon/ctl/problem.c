// SPDX-License-Identifier: Apache-2.0
#include "ctl/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "ctl/report.h"
#include "lib/err.h"

static void add_to(json_t *list, const char *kind, const char *group,
		   const char *cure, const char *fmt, va_list ap)
{
	json_t *o = json_object();
	char text[ERR_LEN];

	vsnprintf(text, sizeof(text), fmt, ap);
	json_object_set_new(o, "kind", json_string(kind));
	if (group)
		json_object_set_new(o, "group", report_text(group));
	json_object_set_new(o, "text", report_text(text));
	json_object_set_new(o, "cure", report_text(cure));
	json_array_append_new(list, o);
}

void problem_add(struct problems *p, const char *kind, const char *group,
		 const char *cure, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_to(p->found, kind, group, cure, fmt, ap);
	va_end(ap);
}

void problem_unchecked(struct problems *p, const char *kind, const char *group,
		       const char *cure, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_to(p->unchecked, kind, group, cure, fmt, ap);
	va_end(ap);
}

const char *date_str(time_t t, char buf[static DATE_STRLEN])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    !strftime(buf, DATE_STRLEN, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(buf, DATE_STRLEN, "?");
	return buf;
}
