/* SPDX-License-Identifier: Apache-2.0 */
/* One question to the mcsecd that runs, from another process. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "lib/err.h"

/* ctl_check_reload() calls it once a line of the answer. */
typedef void ctl_line_fn(void *arg, const char *line);

/*
 * Asks the daemon at the socket @path what a reload of @file would change.
 * -ENOENT: none runs there. 0, or -errno with one line in @err: what it says
 * that cannot change, too.
 */
int ctl_check_reload(const char *path, const char *file, ctl_line_fn *fn,
		     void *arg, struct err *err);

#endif
