// SPDX-License-Identifier: Apache-2.0
/*
 * Key files: the key and then the salt as in RFC 4106, in hexadecimal digits
 * with any white space. A key is never read from the command line, which every
 * user can see.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/secret.h"
#include "lib/util.h"
#include "mcsecctl.h"

#define TEXT_MAX 512

ssize_t read_one_line(int fd, char *buf, size_t size)
{
	size_t len = 0;
	ssize_t got;

	while (len < size) {
		got = read(fd, buf + len, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got || buf[len] == '\n')
			break;
		len++;
	}
	return len;
}

static ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	size_t len;
	int ret;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (st.st_mode & 0007))
		warn_user("key file %s: accessible to other users (mode %04o): run \"chmod 600\"",
			  path, st.st_mode & 07777);
	ret = read_all(fd, buf, size, &len);
	close(fd);
	return ret ? ret : (ssize_t)len;
}

bool names_stdin(const char *path)
{
	struct stat st, in;

	if (!path || !strcmp(path, "-"))
		return true;
	return !stat(path, &st) && !fstat(STDIN_FILENO, &in) &&
	       st.st_dev == in.st_dev && st.st_ino == in.st_ino;
}

/*
 * Error messages have the position only, because the text may be a mistyped
 * key.
 */
static int decode_key(const char *from, const char *text, size_t text_len,
		      uint8_t *key, size_t *len)
{
	size_t i, digits = 0;
	int d;

	for (i = 0; i < text_len; i++) {
		if (isspace((unsigned char)text[i]))
			continue;
		d = hex_value(text[i]);
		if (d < 0)
			return complain(EXIT_FAILED,
					"key in %s: character %zu is not a hexadecimal digit",
					from, i + 1);
		if (digits / 2 < KSA_KEY_MAX)
			key[digits / 2] = (digits % 2 ? key[digits / 2] : 0) |
					  d << (digits % 2 ? 0 : 4);
		digits++;
	}
	if (digits % 2)
		return complain(EXIT_FAILED,
				"key in %s: odd number of hexadecimal digits (%zu)",
				from, digits);
	*len = digits / 2;
	return EXIT_OK;
}

int read_key(const char *path, enum mcsec_alg alg, uint8_t key[KSA_KEY_MAX],
	     size_t *len)
{
	bool in = !path || !strcmp(path, "-");
	const char *from = in ? "stdin" : path;
	char text[TEXT_MAX];
	ssize_t got;
	int ret;

	got = in ? read_one_line(STDIN_FILENO, text, sizeof(text))
		 : read_file(path, text, sizeof(text));
	if (got < 0)
		return complain(EXIT_FAILED, "key in %s: %s", from,
				strerror(-got));
	ret = decode_key(from, text, got, key, len);
	secret_wipe(text, sizeof(text));
	if (!ret && !kalg_key_ok(alg, *len))
		ret = complain(EXIT_FAILED,
			       "key in %s: %zu octets, but %s takes %s (4 of them salt)",
			       from, *len, kalg_names[alg],
			       kalg_key_ok(alg, 20) ? "20 or 36" : "36");
	if (ret)
		secret_wipe(key, KSA_KEY_MAX);
	return ret;
}
