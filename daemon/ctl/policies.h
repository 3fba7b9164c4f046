/* SPDX-License-Identifier: Apache-2.0 */
/* Signed policies of a group as JSON. */
#ifndef CTL_POLICIES_H
#define CTL_POLICIES_H

#include <jansson.h>
#include <stdint.h>

#include "lib/err.h"

struct gcks;

/*
 * Add the quorum, the versions that were applied, and the document of @version (0:
 * the newest), if there is one, to @out. Returns 0, or -errno with one line in @err.
 */
int report_policies(struct gcks *k, const char *group, uint64_t version,
		    json_t *out, struct err *err);
/*
 * Check @text, a document for @group, and add the result to @out. Returns 0 also if it
 * would be refused, or -ENOMEM.
 */
int report_verdict(struct gcks *k, const char *group, const char *text,
		   json_t *out);

/*
 * Add the evictions of @group that wait for confirmation to @out, if there are any.
 * Returns 0 or -errno.
 */
int report_waiting(struct gcks *k, const char *group, json_t *out);

#endif
