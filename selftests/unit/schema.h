/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers that a test has recorded, against the JSON schema. */
#ifndef TEST_SCHEMA_H
#define TEST_SCHEMA_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tap.h"

static inline void schema(FILE *record, const char *path)
{
	char cmd[300];
	int st;

	fflush(record);
	snprintf(cmd, sizeof(cmd),
		 "python3 " SRCDIR "/selftests/schema.py <%s >&2", path);
	fflush(stdout);
	st = system(cmd);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 4)
		skip("all of it fits the schema", "no python3-jsonschema");
	else
		is_int(st, 0, "all of it fits the schema");
}

#endif
