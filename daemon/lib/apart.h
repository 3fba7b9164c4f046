/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function in a process of its own: a library that it loads can neither read the
 * memory of this process later, nor leave threads, handlers or a crash behind.
 */
#ifndef LIB_APART_H
#define LIB_APART_H

#include <stddef.h>

#include "lib/err.h"

/* Fill @out, of @len octets. Returns 0, or -errno with one line in @err. */
typedef int apart_fn(void *arg, void *out, size_t len, struct err *err);

/*
 * Call @fn in a child, which has no open files but the standard ones and ends with it
 * and with this process, and wait for at most @seconds. What the child has started ends
 * too, unless it has left its process group. The process must have one thread. Returns
 * what @fn returned with its @out and @err, in which all but printable ASCII is escaped;
 * -ETIMEDOUT, or -EIO if the child ended before or returned no error, with one line in
 * @err and @out unchanged.
 */
int apart_run(apart_fn *fn, void *arg, void *out, size_t len,
	      unsigned int seconds, struct err *err);

#endif
