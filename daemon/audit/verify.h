/* SPDX-License-Identifier: Apache-2.0 */
/* Verification of all files of a trail; no daemon is needed. */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include "audit/check.h"

/* Receive a record whose hash is right, in the order of the files. */
typedef int audit_record_fn(void *arg, const struct audit_record *r);

/*
 * Read the trail in @dir with @c, which the caller has initialised and frees.
 * @fn may be NULL. Files without a record of @c->from or later are passed over.
 * Returns 0 if all could be read, whatever @c->fault says, what @fn has
 * returned, or -errno with one line in @err; -ENOENT if there is no trail.
 */
int audit_verify(const char *dir, struct audit_check *c, audit_record_fn *fn,
		 void *arg, struct err *err);

#endif
