// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/secret.h"
#include "lib/util.h"
#include "mcsecctl.h"

/* Length of a text about owner and mode. */
#define DIFFERS_LEN 128

enum stage_state {
	STAGE_NONE,
	STAGE_SAME, /* the file is there already */
	STAGE_WRITTEN, /* @temp has the content */
	STAGE_MADE, /* @path has it */
	STAGE_EXCHANGED, /* @path has it, and @temp what was there */
};

/* A file on its way. */
struct stage {
	enum stage_state state;
	bool exists;
	char temp[PATH_LEN + 8];
};

static int file_failed(const char *path)
{
	return complain(EXIT_FAILED, "%s: %s", path, strerror(errno));
}

/* Return true if the file of @fd has exactly this content. */
static bool has_content(int fd, const struct new_file *f)
{
	char *buf = secret_alloc(f->len + 1);
	size_t len;
	bool same;

	if (!buf)
		return false;
	same = !read_all(fd, buf, f->len + 1, &len) && len == f->len &&
	       !memcmp(buf, f->text, len);
	secret_free(buf);
	return same;
}

/* Return who has to own the file: who writes it, or the daemon. */
static uid_t owner_of(const struct new_file *f)
{
	const struct passwd *pw;

	if (!f->for_daemon || geteuid())
		return geteuid();
	pw = getpwnam(DAEMON_USER);
	return pw ? pw->pw_uid : geteuid();
}

/* Compare owner and mode. Returns false with both in @text if they differ. */
static bool has_rights(const struct stat *st, const struct new_file *f,
		       char text[static DIFFERS_LEN])
{
	if (st->st_uid == owner_of(f) && (st->st_mode & 07777) == f->mode)
		return true;
	snprintf(text, DIFFERS_LEN,
		 "of uid %u with mode %04o, which has to be uid %u with mode %04o",
		 st->st_uid, st->st_mode & 07777, owner_of(f), f->mode);
	return false;
}

/* Look at what is there, and refuse what must not be replaced. */
static int look_before(const struct new_file *f, bool replace, struct stage *s)
{
	int fd = open(f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char differs[DIFFERS_LEN];
	struct stat st;
	bool same;

	if (fd < 0 && errno == ENOENT)
		return EXIT_OK;
	if (fd < 0 && errno == ELOOP)
		return complain(EXIT_FAILED,
				"%s: a symbolic link, which is not followed",
				f->path);
	if (fd < 0)
		return file_failed(f->path);
	same = !fstat(fd, &st) && S_ISREG(st.st_mode);
	if (!same) {
		close(fd);
		return complain(EXIT_FAILED, "%s: not a regular file", f->path);
	}
	s->exists = true;
	snprintf(differs, sizeof(differs), "%s",
		 f->differs ? f->differs : "with another content");
	same = has_content(fd, f) && has_rights(&st, f, differs);
	close(fd);
	if (same)
		s->state = STAGE_SAME;
	else if (!replace)
		return complain(EXIT_FAILED,
				"%s: exists, %s; nothing was written, \"replace\" overwrites it",
				f->path, differs);
	return EXIT_OK;
}

/* Let the daemon own what only its owner may read. */
static int give_owner(int fd, const struct new_file *f)
{
	const struct passwd *pw;

	if (!f->for_daemon || geteuid())
		return 0;
	pw = getpwnam(DAEMON_USER);
	return pw ? fchown(fd, pw->pw_uid, pw->pw_gid) : 0;
}

/* mkostemp() creates with mode 0600. */
static int write_stage(const struct new_file *f, struct stage *s)
{
	int fd, ret;

	snprintf(s->temp, sizeof(s->temp), "%s.XXXXXX", f->path);
	fd = mkostemp(s->temp, O_CLOEXEC);
	if (fd < 0)
		return file_failed(f->path);
	s->state = STAGE_WRITTEN;
	ret = write_all(fd, f->text, f->len);
	if (!ret && (give_owner(fd, f) || fchmod(fd, f->mode) || fsync(fd)))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	errno = -ret;
	return ret ? file_failed(f->path) : EXIT_OK;
}

/* Some file systems have no flags of rename, so they get what is nearest. */
static int move_stage(const struct new_file *f, struct stage *s)
{
	unsigned int how = s->exists ? RENAME_EXCHANGE : RENAME_NOREPLACE;

	if (!renameat2(AT_FDCWD, s->temp, AT_FDCWD, f->path, how)) {
		s->state = s->exists ? STAGE_EXCHANGED : STAGE_MADE;
		return EXIT_OK;
	}
	if (errno == EINVAL && s->exists && !rename(s->temp, f->path)) {
		s->state = STAGE_NONE;
		return EXIT_OK;
	}
	if (errno == EINVAL && !s->exists && !link(s->temp, f->path)) {
		unlink(s->temp);
		s->state = STAGE_MADE;
		return EXIT_OK;
	}
	return file_failed(f->path);
}

/* Make everything as it was before. */
static void undo_stage(const struct new_file *f, const struct stage *s)
{
	if (s->state == STAGE_MADE)
		unlink(f->path);
	else if (s->state == STAGE_EXCHANGED)
		rename(s->temp, f->path);
	else if (s->state == STAGE_WRITTEN)
		unlink(s->temp);
}

static void tell_file(const struct new_file *f, const struct stage *s)
{
	struct stat st;
	const struct passwd *pw = stat(f->path, &st) ? NULL
						     : getpwuid(st.st_uid);

	if (s->state == STAGE_SAME)
		printf("kept %s: it is the same\n", f->path);
	else if (!(f->mode & 0077))
		printf("%s %s (mode 0600, owner %s)\n",
		       s->exists ? "replaced" : "wrote", f->path,
		       pw ? pw->pw_name : "?");
	else
		printf("%s %s\n", s->exists ? "replaced" : "wrote", f->path);
}

static int write_stages(const struct new_file *files, size_t n, bool replace,
			struct stage *s)
{
	int ret = EXIT_OK;
	size_t i;

	for (i = 0; i < n && !ret; i++)
		ret = look_before(&files[i], replace, &s[i]);
	for (i = 0; i < n && !ret; i++)
		if (s[i].state != STAGE_SAME)
			ret = write_stage(&files[i], &s[i]);
	for (i = 0; i < n && !ret; i++)
		if (s[i].state != STAGE_SAME)
			ret = move_stage(&files[i], &s[i]);
	for (i = 0; i < n && !ret; i++)
		if (file_sync_folder(files[i].path))
			ret = file_failed(files[i].path);
	return ret;
}

int write_files(const struct new_file *files, size_t n, bool replace)
{
	struct stage s[FILES_MAX] = {};
	sigset_t all, before;
	size_t i;
	int ret;

	/* An interrupt waits until everything is written, or undone. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	ret = write_stages(files, n, replace, s);
	for (i = 0; i < n; i++) {
		if (ret)
			undo_stage(&files[i], &s[i]);
		else if (s[i].state == STAGE_EXCHANGED)
			unlink(s[i].temp);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	for (i = 0; i < n && !ret; i++)
		tell_file(&files[i], &s[i]);
	return ret;
}

bool path_exists(const char *path)
{
	return !access(path, F_OK);
}

int make_absolute(const char *path, char *to)
{
	int len = 0;

	if (*path != '/') {
		if (!getcwd(to, PATH_LEN))
			return file_failed(".");
		len = (int)strlen(to);
	}
	if (snprintf(to + len, PATH_LEN - len, "%s%s", len ? "/" : "", path) >=
	    PATH_LEN - len)
		return complain(EXIT_USAGE, "path \"%s\": too long", path);
	return EXIT_OK;
}

int make_folder(const char *dir, mode_t mode, bool *made)
{
	struct stat st;

	*made = !mkdir(dir, mode);
	if (*made) {
		/* The umask is not asked, since mcsecd has to search the folder. */
		if (!chmod(dir, mode))
			return EXIT_OK;
		rmdir(dir);
		*made = false;
	} else if (errno == EEXIST) {
		if (!stat(dir, &st) && S_ISDIR(st.st_mode))
			return EXIT_OK;
		return complain(EXIT_FAILED, "folder %s: not a folder", dir);
	}
	return complain(EXIT_FAILED, "folder %s: %s", dir, strerror(errno));
}
