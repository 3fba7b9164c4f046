/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that belong together, such as a key, its certificate and a configuration: all
 * of them are written, or none.
 */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FILES_MAX 8
#define PATH_LEN 4096

struct new_file {
	char path[PATH_LEN];
	const char *text; /* not owned */
	size_t len;
	mode_t mode;
	const char *differs; /* how another content is told, or NULL */
	bool for_daemon; /* mcsecd's user owns it, if root writes it */
};

/*
 * Write @n files and print a line about each, or print why not. A file that is there
 * with the same content, owner and mode is left alone; another one is refused, or
 * exchanged if @replace. No file is readable by others before it has its mode, which
 * begins as 0600. After a failure everything is as before. Returns an enum exit_code.
 */
int write_files(const struct new_file *files, size_t n, bool replace);

/*
 * Write @path to @to, of PATH_LEN octets, as an absolute path, which a configuration
 * needs. Returns an enum exit_code.
 */
int make_absolute(const char *path, char *to);

/* Return true if there is a file, or anything else, of that name. */
bool path_exists(const char *path);

/*
 * Make the folder @dir with @mode unless it exists; its parent must. *@made says
 * whether it did. Returns an enum exit_code.
 */
int make_folder(const char *dir, mode_t mode, bool *made);

#endif
