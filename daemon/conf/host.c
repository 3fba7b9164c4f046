// SPDX-License-Identifier: Apache-2.0
#include "conf/host.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "conf/conf.h"
#include "lib/file.h"
#include "lib/proc.h"

#define UNITS_FOLDER "/etc/mcsec/"
/* The units make this folder, and give it to their user, whenever they start. */
#define STATE_FOLDER "/var/lib/mcsec"
#define SYSTEMD_RUNS "/run/systemd/system"
/* A change of keys needs less. */
#define ROOM_MIN (1 << 20)

bool conf_be_daemon(const struct conf *c)
{
	struct stat st;

	if (!stat(c->control, &st) && !st.st_uid)
		return false;
	return proc_be_daemon();
}

bool conf_is_of_units(const char *file)
{
	return !strncmp(file, UNITS_FOLDER, strlen(UNITS_FOLDER));
}

struct folder_walk {
	conf_folder_fn *fn;
	void *arg;
};

static bool may_use(const char *path, int mode)
{
	return !faccessat(AT_FDCWD, path, mode, AT_EACCESS);
}

/* mcsecd makes one folder, or @levels of them, where it can write to the one above. */
static bool may_make(const char *folder, unsigned int levels)
{
	char path[PATH_MAX], *above;

	snprintf(path, sizeof(path), "%s", folder);
	above = dirname(path);
	while (--levels && access(above, F_OK) && errno == ENOENT)
		above = dirname(above);
	return may_use(above, W_OK | X_OK);
}

static bool made_by_units(const char *folder)
{
	return !strcmp(folder, STATE_FOLDER) && !access(SYSTEMD_RUNS, F_OK);
}

bool conf_disk_is_full(const char *folder)
{
	struct statvfs st;

	return !statvfs(folder, &st) && st.f_blocks &&
	       (unsigned long long)st.f_bavail * st.f_frsize < ROOM_MIN;
}

static void judge_folder(const struct folder_walk *w, const char *setting,
			 const char *folder, unsigned int levels)
{
	char wrong[2 * PATH_MAX], cure[PATH_MAX + 128], who[FILE_WHO_LEN];

	if (may_use(folder, W_OK | X_OK) && conf_disk_is_full(folder)) {
		snprintf(wrong, sizeof(wrong), "the file system of %s is full",
			 folder);
		w->fn(w->arg, setting, folder, wrong, "make room on it");
		return;
	}
	if (may_use(folder, W_OK | X_OK) || made_by_units(folder) ||
	    (access(folder, F_OK) && errno == ENOENT &&
	     may_make(folder, levels))) {
		w->fn(w->arg, setting, folder, NULL, NULL);
		return;
	}
	if (access(folder, F_OK) && errno == ENOENT) {
		snprintf(wrong, sizeof(wrong),
			 "no folder %s, and %s cannot make it", folder,
			 file_who(who));
		snprintf(cure, sizeof(cure),
			 "run \"install -d -m 700 -o %s %s\"", file_owner(),
			 folder);
	} else {
		snprintf(wrong, sizeof(wrong),
			 "%s cannot write to the folder %s", file_who(who),
			 folder);
		snprintf(cure, sizeof(cure), "run \"chown %s %s\"",
			 file_owner(), folder);
	}
	w->fn(w->arg, setting, folder, wrong, cure);
}

/* A file that is there has to be writable, whatever its folder is. */
static void judge_file(const struct folder_walk *w, const char *setting,
		       const char *path, int mode)
{
	char wrong[2 * PATH_MAX], cure[PATH_MAX + 128], who[FILE_WHO_LEN];
	char folder[PATH_MAX];

	if (strlen(path) >= sizeof(folder))
		return;
	strcpy(folder, path);
	dirname(folder);
	if (access(path, F_OK) || may_use(path, mode)) {
		judge_folder(w, setting, folder, 1);
		return;
	}
	snprintf(wrong, sizeof(wrong), "%s cannot %s %s", file_who(who),
		 mode & W_OK ? "write" : "read", path);
	snprintf(cure, sizeof(cure), "run \"chown %s %s\"", file_owner(), path);
	w->fn(w->arg, setting, path, wrong, cure);
}

void conf_each_folder(const struct conf *c, conf_folder_fn *fn, void *arg)
{
	struct folder_walk w = { fn, arg };
	const struct conf_gcks *k = c->gcks;

	if (k) {
		judge_file(&w, "gcks.store", k->store, R_OK | W_OK);
		judge_file(&w, "gcks.witness", k->witness, R_OK | W_OK);
	}
	if (k && k->seal_key[0] == '/')
		judge_file(&w, "gcks.seal-key", k->seal_key, R_OK);
	if (k && k->audit)
		/* The folder of the store is made before. */
		judge_folder(&w, "gcks.audit-trail", k->audit_trail, 2);
	if (c->identity.crl)
		judge_file(&w, "identity.crl-numbers", c->identity.crl_numbers,
			   R_OK);
}
