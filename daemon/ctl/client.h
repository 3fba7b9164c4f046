/* SPDX-License-Identifier: Apache-2.0 */
/* A request to the running mcsecd, from another process. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "lib/err.h"

/* Called by ctl_check_reload() for each line of the answer. */
typedef void ctl_line_fn(void *arg, const char *line);

/*
 * Ask the daemon at the socket @path what a reload of @file would change.
 * Returns -ENOENT if no daemon is running there, 0, or -errno with one line in
 * @err, for example for a setting that cannot change.
 */
int ctl_check_reload(const char *path, const char *file, ctl_line_fn *fn,
		     void *arg, struct err *err);

#endif
