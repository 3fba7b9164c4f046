/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether this host lets mcsecd start with a configuration: the user as whom it runs,
 * and the folders that it writes to. For checks; a start finds out by trying.
 */
#ifndef CONF_HOST_H
#define CONF_HOST_H

#include <stdbool.h>

struct conf;

/*
 * proc_be_daemon(), unless the control socket shows that root runs mcsecd here. Returns
 * true if proc_be_root() has to follow.
 */
bool conf_be_daemon(const struct conf *c);
/* Return true if the units name the file, so that their user has to read it. */
bool conf_is_of_units(const char *file);

/* Return true if the file system of @folder has no room for a change of keys. */
bool conf_disk_is_full(const char *folder);

/*
 * Called for each folder that mcsecd writes to. @wrong is NULL if it can, or else names
 * what is wrong, and @cure what to do.
 */
typedef void conf_folder_fn(void *arg, const char *setting, const char *path,
			    const char *wrong, const char *cure);
/* As the effective user of this process finds them. Changes nothing. */
void conf_each_folder(const struct conf *c, conf_folder_fn *fn, void *arg);

#endif
