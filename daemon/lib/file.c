// SPDX-License-Identifier: Apache-2.0
#include "lib/file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/secret.h"
#include "lib/util.h"

int file_sync_folder(const char *path)
{
	char buf[PATH_MAX];
	int fd, ret = 0;

	if (strlen(path) >= sizeof(buf))
		return -ENAMETOOLONG;
	strcpy(buf, path);
	fd = open(dirname(buf), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Some file systems cannot sync a directory, and do not need to. */
	if (fsync(fd) && errno != EINVAL)
		ret = -errno;
	close(fd);
	return ret;
}

int file_create(const char *path, mode_t mode, const void *p, size_t n,
		struct err *err)
{
	int fd, ret;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	ret = write_all(fd, p, n);
	if (!ret && (fchmod(fd, mode) || fsync(fd)))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret)
		ret = file_sync_folder(path);
	if (ret) {
		unlink(path);
		return err_set(err, ret, "%s: %s", path, strerror(-ret));
	}
	return 0;
}

int file_replace(const char *from, const char *to, struct err *err)
{
	int ret = rename(from, to) ? -errno : file_sync_folder(to);

	return ret ? err_set(err, ret, "%s: %s", to, strerror(-ret)) : 0;
}

int file_make_folder(const char *path, mode_t mode)
{
	char buf[PATH_MAX];

	if (strlen(path) >= sizeof(buf))
		return -ENAMETOOLONG;
	strcpy(buf, path);
	return mkdir(dirname(buf), mode) && errno != EEXIST ? -errno : 0;
}

/*
 * Root checks configurations for the user that the daemon runs as, to whom the keys
 * then belong. Any other user may know the secret.
 */
static bool trusted_owner(uid_t uid)
{
	const struct passwd *pw;

	if (!uid || uid == geteuid())
		return true;
	pw = geteuid() ? NULL : getpwnam(DAEMON_USER);
	return pw && pw->pw_uid == uid;
}

/* Refuse a secret that others may read, but for the bits @open_to, or may have made. */
static int check_rights(const char *path, const struct stat *st, mode_t open_to,
			struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, -EINVAL, "%s: not a regular file", path);
	if (st->st_mode & 077 & ~open_to)
		return err_set(err, -EPERM,
			       "%s: accessible to other users (mode %04o): run \"chmod 600\"",
			       path, st->st_mode & 07777);
	if (!trusted_owner(st->st_uid)) {
		char who[FILE_WHO_LEN];

		return err_set(err, -EPERM,
			       "%s: owned by uid %u; must be owned by %s: run \"chown %s\"",
			       path, st->st_uid, file_who(who), file_owner());
	}
	return 0;
}

/* ---- who may do what ----------------------------------------------------- */

const char *file_owner(void)
{
	static char name[64];
	const struct passwd *pw;

	/* Without privileges root may not read the keys of others. */
	pw = getpwuid(geteuid());
	if (pw && strlen(pw->pw_name) < sizeof(name))
		strcpy(name, pw->pw_name);
	else
		snprintf(name, sizeof(name), "%u", geteuid());
	return name;
}

const char *file_who(char buf[static FILE_WHO_LEN])
{
	const char *name = file_owner();

	if (!geteuid())
		snprintf(buf, FILE_WHO_LEN, "root");
	else if (isdigit((unsigned char)*name))
		snprintf(buf, FILE_WHO_LEN, "uid %u", geteuid());
	else
		snprintf(buf, FILE_WHO_LEN, "uid %u (%s)", geteuid(), name);
	return buf;
}

/* Return true if it is the user of the units to whom @path belongs. */
static bool owned_by_daemon(const char *path)
{
	const struct passwd *pw = getpwnam(DAEMON_USER);
	struct stat st;

	return pw && !stat(path, &st) && st.st_uid == pw->pw_uid;
}

bool file_closed_folder(const char *path, char folder[static PATH_MAX])
{
	size_t i;

	for (i = 1; *path == '/' && path[i] && i < PATH_MAX; i++) {
		if (path[i] != '/')
			continue;
		memcpy(folder, path, i);
		folder[i] = '\0';
		if (faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS) &&
		    errno == EACCES)
			return true;
	}
	return false;
}

int file_denied(const char *path, bool secret, struct err *err)
{
	char who[FILE_WHO_LEN], folder[PATH_MAX];

	file_who(who);
	if (file_closed_folder(path, folder))
		return err_set(err, -EACCES,
			       "%s: permission denied to %s, which may not search the folder %s: run \"chmod 755\" for it",
			       path, who, folder);
	if (!geteuid() && owned_by_daemon(path))
		return err_set(err, -EACCES,
			       "%s: permission denied to root, as it belongs to the user %s: start mcsecd by its unit (\"systemctl start mcsecd\")",
			       path, DAEMON_USER);
	if (!secret)
		return err_set(err, -EACCES,
			       "%s: permission denied to %s: run \"chmod 644\", or \"chown %s\"",
			       path, who, file_owner());
	return err_set(err, -EACCES,
		       "%s: permission denied to %s, which has to own the file and to search its folder: run \"chown %s\"",
		       path, who, file_owner());
}

/* Read a secret; @acl: its mode may have the mask of an ACL. */
static int read_secret(const char *path, bool acl, size_t max, uint8_t **out,
		       size_t *len, struct err *err)
{
	struct stat st;
	uint8_t *p;
	int fd, ret;

	/* O_NONBLOCK: the open must not block if the path is a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	/* A service does not run as root, and who made the key was root. */
	if (fd < 0 && errno == EACCES)
		return file_denied(path, true, err);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st))
		ret = err_set(err, -errno, "%s: %s", path, strerror(errno));
	else
		ret = check_rights(path, &st, acl && !st.st_gid ? 040 : 0, err);
	if (!ret && (size_t)st.st_size > max)
		ret = err_set(err, -EFBIG,
			      "%s: %lld octets, at most %zu expected", path,
			      (long long)st.st_size, max);
	if (ret)
		goto out;
	p = secret_alloc((size_t)st.st_size + 1);
	if (!p) {
		ret = err_set(err, -ENOMEM, "%s: out of memory", path);
		goto out;
	}
	ret = read_all(fd, p, (size_t)st.st_size, len);
	if (ret) {
		secret_free(p);
		err_set(err, ret, "%s: %s", path, strerror(-ret));
		goto out;
	}
	*out = p;
out:
	close(fd);
	return ret;
}

int file_read_secret(const char *path, size_t max, uint8_t **out, size_t *len,
		     struct err *err)
{
	return read_secret(path, false, max, out, len, err);
}

int file_read_credential(const char *path, size_t max, uint8_t **out,
			 size_t *len, struct err *err)
{
	return read_secret(path, true, max, out, len, err);
}
