// SPDX-License-Identifier: Apache-2.0
/* Names of the files of a certification authority. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "pki.h"

int check_pki_name(const char *name)
{
	size_t i, len = strlen(name);

	if (!len || len > NAME_LEN)
		return complain(EXIT_USAGE,
				"name \"%s\": 1 to %d characters are allowed",
				name, NAME_LEN);
	for (i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-",
			    name[i]))
			break;
	if (i < len || name[0] == '.' || name[0] == '-')
		return complain(EXIT_USAGE,
				"name \"%s\": only letters, digits, and . _ @ - behind the first",
				name);
	if (!strcmp(name, "ca") || !strcmp(name, "crl"))
		return complain(EXIT_USAGE,
				"name \"%s\": the authority itself has files of this name",
				name);
	return EXIT_OK;
}

int make_pki_path(char *path, const char *dir, const char *name,
		  const char *suffix)
{
	if (snprintf(path, PATH_LEN, "%s/%s.%s", dir, name, suffix) >= PATH_LEN)
		return complain(EXIT_USAGE, "folder \"%s\": name too long",
				dir);
	return EXIT_OK;
}

int run_alone(int (*fn)(int argc, char **argv), int argc, char **argv)
{
	/* A folder that is not there has nothing to protect, and fn() says so. */
	int fd = argc ? open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int ret;

	if (fd >= 0)
		flock(fd, LOCK_EX);
	ret = fn(argc, argv);
	if (fd >= 0)
		close(fd);
	return ret;
}
