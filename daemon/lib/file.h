/* SPDX-License-Identifier: Apache-2.0 */
/* Files that contain secrets, or that must not be written partially. */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

/* The user that the units of systemd run mcsecd as. */
#define DAEMON_USER "mcsec"

/*
 * Create @path with exactly @mode, and sync the file and its directory. The
 * path must not exist (-EEXIST). On failure nothing is left. @err is set.
 */
int file_create(const char *path, mode_t mode, const void *p, size_t n,
		struct err *err);
/* Rename @from to @to in the same directory, and sync the directory. */
int file_replace(const char *from, const char *to, struct err *err);
/* Sync the directory of @path, so that a new name survives. Returns 0 or -errno. */
int file_sync_folder(const char *path);
/* Room for file_who(). */
#define FILE_WHO_LEN 96

/* Return whom a file of this process has to belong to: its user, or the uid. */
const char *file_owner(void);
/* Write who this process is to files: "root", or uid and user. Returns @buf. */
const char *file_who(char buf[static FILE_WHO_LEN]);
/* Find the first folder of @path, which is absolute, that this process may not search. */
bool file_closed_folder(const char *path, char folder[static PATH_MAX]);
/*
 * Say in @err why @path is not to be read, and what to do; a @secret is for its owner
 * alone. Returns -EACCES.
 */
int file_denied(const char *path, bool secret, struct err *err);

/* Create the folder of @path unless it exists. Returns 0 or -errno. */
int file_make_folder(const char *path, mode_t mode);
/*
 * Read a regular file of at most @max octets. It must belong to the caller or
 * to root, or if root reads it to the user of the units, and must not be
 * accessible to anyone else (-EPERM). *@out is freed by secret_free() and has a
 * zero octet behind its *@len octets. @err is set.
 */
int file_read_secret(const char *path, size_t max, uint8_t **out, size_t *len,
		     struct err *err);
/*
 * The same for a credential of systemd, which gives the user of a service its right by
 * an ACL: the mask of the ACL then stands where the mode has the rights of the group,
 * which is root's.
 */
int file_read_credential(const char *path, size_t max, uint8_t **out,
			 size_t *len, struct err *err);

#endif
