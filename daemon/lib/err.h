/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why something was refused, in the caller's buffer: for what an administrator
 * gave us. A NULL buffer is fine.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

#include <stddef.h>

/* Writes the sentence and returns @ret, so that it reads `return err_set(`. */
__attribute__((format(printf, 4, 5))) int
err_set(char *err, size_t errlen, int ret, const char *fmt, ...);

#endif
