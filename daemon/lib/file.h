/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that hold secrets, or that must not be half there.
 */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

/*
 * Makes @path, which may not exist (-EEXIST), with exactly @mode, and syncs it
 * and its folder. On failure nothing is left. @err gets words.
 */
int file_create(const char *path, mode_t mode, const void *p, size_t n,
		struct err *err);
/* @from takes the place of @to in the same folder, which is synced. */
int file_replace(const char *from, const char *to, struct err *err);
/*
 * Reads all of a regular file of at most @max octets that belongs to us or to
 * root and that nobody else may read or write (-EPERM otherwise). *@out is for
 * secret_free() and has a zero octet behind its @len. @err gets words.
 */
int file_read_secret(const char *path, size_t max, uint8_t **out, size_t *len,
		     struct err *err);

#endif
