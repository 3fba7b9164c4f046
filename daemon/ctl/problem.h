/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of problems for operators. Each has a kind, which programs know and the
 * schema lists; what is wrong; and what to do. All three are without a full stop.
 */
#ifndef CTL_PROBLEM_H
#define CTL_PROBLEM_H

#include <jansson.h>
#include <time.h>

#define DATE_STRLEN sizeof("2026-01-01T00:00:00Z")

struct problems {
	json_t *found; /* arrays */
	json_t *unchecked;
};

/* Add a problem; @group may be NULL. Texts that are not UTF-8 are replaced. */
__attribute__((format(printf, 5, 6))) void
problem_add(struct problems *p, const char *kind, const char *group,
	    const char *cure, const char *fmt, ...);
/* Add that something could not be checked: @fmt is why, @cure how to find out. */
__attribute__((format(printf, 5, 6))) void
problem_unchecked(struct problems *p, const char *kind, const char *group,
		  const char *cure, const char *fmt, ...);

/* Write @t in UTC. Returns @buf. */
const char *date_str(time_t t, char buf[static DATE_STRLEN]);

#endif
