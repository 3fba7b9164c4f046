// SPDX-License-Identifier: Apache-2.0
/*
 * Requests to the daemon over its control socket: one JSON object per line in
 * each direction, as in mcsecd(8).
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/util.h"
#include "mcsecctl.h"

/* The daemon may have to sign a rekey and to write it to disk. */
#define TIMEOUT_S 30
/* A collector of metrics waits for ten seconds, for all requests together. */
#define QUIET_TIMEOUT_S 4

/* The answer of a key server with all its members is much shorter. */
#define ANSWER_MAX (64 << 20)

/*
 * List the sockets beside @path and one folder below, where each mcsecd@NAME has
 * its own, as " Other sockets: -s ONE or -s OTHER". Without any @buf is empty.
 */
static void list_sockets(const char *path, char *buf, size_t size)
{
	static const char *const patterns[] = { "*.sock", "*/*.sock" };
	const char *slash = strrchr(path, '/');
	glob_t found = {};
	char pattern[128];
	size_t i, len = 0;
	struct stat st;

	buf[0] = '\0';
	for (i = 0; slash && i < ARRAY_SIZE(patterns); i++) {
		snprintf(pattern, sizeof(pattern), "%.*s/%s",
			 (int)(slash - path), path, patterns[i]);
		glob(pattern, i ? GLOB_APPEND : 0, NULL, &found);
	}
	for (i = 0; i < found.gl_pathc && len < size; i++) {
		if (!strcmp(found.gl_pathv[i], path) ||
		    stat(found.gl_pathv[i], &st) || !S_ISSOCK(st.st_mode))
			continue;
		len += snprintf(buf + len, size - len, "%s -s %s",
				len ? " or" : " Other sockets:",
				found.gl_pathv[i]);
	}
	globfree(&found);
}

/* Complain that no connection to @path is possible, and say what may help. */
static void complain_of_socket(const char *path, int err)
{
	bool absent = err == ENOENT || err == ECONNREFUSED;
	char others[512] = "";

	if (absent)
		list_sockets(path, others, sizeof(others));
	complain(0, "mcsecd at %s: %s%s%s", path, strerror(err),
		 absent ? ": is it running (\"systemctl start mcsecd\")?"
		 : err == EACCES
			 ? ": only root and the user of mcsecd may ask: use sudo"
			 : "",
		 others);
}

/* Returns a socket, or -errno; then a message was printed if @loud. */
static int connect_daemon(const char *path, bool loud, unsigned int seconds)
{
	struct timeval limit = { .tv_sec = seconds };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, ret;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		complain(0, "socket %s: the path is too long", path);
		return -ENAMETOOLONG;
	}
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		ret = -errno;
		if (loud)
			complain_of_socket(path, -ret);
		if (fd >= 0)
			close(fd);
		return ret;
	}
	return fd;
}

static int send_all(int fd, const char *p, size_t len)
{
	ssize_t done;

	while (len) {
		done = send(fd, p, len, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		len -= done;
	}
	return 0;
}

/* Return the line of the answer without its newline. The caller frees it. */
static char *read_answer(int fd, size_t *len, int *error)
{
	size_t room = 0, n = 0;
	char *buf = NULL, *more;
	ssize_t got;

	*error = 0;
	for (;;) {
		if (n == room) {
			room = room ? 2 * room : 4096;
			more = room <= ANSWER_MAX ? realloc(buf, room) : NULL;
			if (!more) {
				*error = -EMSGSIZE;
				break;
			}
			buf = more;
		}
		got = recv(fd, buf + n, room - n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			*error = errno == EAGAIN ? -ETIMEDOUT : -errno;
			break;
		}
		if (!got) {
			*error = -ECONNRESET;
			break;
		}
		more = memchr(buf + n, '\n', got);
		n += got;
		if (more) {
			*len = more - buf;
			return buf;
		}
	}
	free(buf);
	return NULL;
}

/* Complain that the daemon refuses; one of another role may be near. */
static void complain_of_answer(const char *socket, const char *why)
{
	char others[512] = "";
	const char *cure = "";

	if (strstr(why, "has no role gcks"))
		cure = ": ask that of the key server";
	else if (strstr(why, "has no role member"))
		cure = ": ask that of a member";
	if (*cure)
		list_sockets(socket, others, sizeof(others));
	complain(0, "mcsecd: %s%s%s%s", why, cure, *others ? "." : "", others);
}

/*
 * Take the answer apart. Returns EXIT_OK with the object in *@answer, in which "ok"
 * is true, or EXIT_FAILED after a message.
 */
static int take_answer(struct ctl *ctl, const char *text, size_t len,
		       json_t **answer)
{
	json_error_t error;
	const char *why;

	*answer = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_true(json_object_get(*answer, "ok")))
		return EXIT_OK;
	why = json_string_value(json_object_get(*answer, "error"));
	if (!json_is_false(json_object_get(*answer, "ok")))
		complain(0, "mcsecd at %s: invalid answer", ctl->socket);
	else
		complain_of_answer(ctl->socket,
				   why ?: "refused, without a reason");
	json_decref(*answer);
	*answer = NULL;
	return EXIT_FAILED;
}

int group_request(const char *cmd, int argc, char **argv, json_t **request)
{
	char group[MCSEC_NAME_MAX + 1];
	int ret = check_argc(argc, 0, 1);

	if (!ret && argc)
		ret = read_group(argv[0], group);
	if (ret)
		return ret;
	/* A name that is not UTF-8 is refused: without one all groups are meant. */
	*request = argc ? json_pack("{s:s, s:s}", "cmd", cmd, "group", group)
			: json_pack("{s:s}", "cmd", cmd);
	return *request ? EXIT_OK
			: complain(EXIT_USAGE, "the name is not UTF-8");
}

int query_daemon(struct ctl *ctl, json_t *request, json_t **answer)
{
	char *text = json_dumps(request, JSON_COMPACT);
	char *line;
	size_t len;
	int fd, ret;

	json_decref(request);
	if (!text)
		return complain(EXIT_USAGE, "an argument is not valid UTF-8");
	fd = connect_daemon(ctl->socket, true,
			    ctl->quiet ? QUIET_TIMEOUT_S : TIMEOUT_S);
	if (fd < 0) {
		free(text);
		return EXIT_FAILED;
	}
	ret = send_all(fd, text, strlen(text)) ?: send_all(fd, "\n", 1);
	free(text);
	line = ret ? NULL : read_answer(fd, &len, &ret);
	close(fd);
	if (!line)
		return complain(EXIT_FAILED,
				"mcsecd at %s: %s: see its log (\"journalctl -u mcsecd\")",
				ctl->socket,
				ret == -ECONNRESET
					? "connection closed without an answer"
					: strerror(-ret));
	ret = take_answer(ctl, line, len, answer);
	free(line);
	return ret;
}

/* Read one line and no octet more, which the lines behind it need. */
static int read_line(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n + 1 < size) {
		got = recv(fd, buf + n, 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ECONNRESET;
		if (buf[n++] == '\n') {
			buf[n] = '\0';
			return 0;
		}
	}
	return -EMSGSIZE;
}

int watch_daemon(struct ctl *ctl, bool loud)
{
	static const char request[] = "{\"cmd\":\"watch\"}\n";
	char line[1024] = "";
	const char *why;
	json_t *answer;
	int fd, ret;

	fd = connect_daemon(ctl->socket, loud, TIMEOUT_S);
	if (fd < 0)
		return fd;
	ret = send_all(fd, request, strlen(request))
		      ?: read_line(fd, line, sizeof(line));
	if (!ret) {
		answer = json_loads(line, 0, NULL);
		why = json_string_value(json_object_get(answer, "error"));
		if (!json_is_true(json_object_get(answer, "ok")))
			ret = -EOPNOTSUPP;
		if (ret && loud)
			complain(0, "mcsecd: %s", why ?: "invalid answer");
		json_decref(answer);
	} else if (loud) {
		complain(0, "mcsecd at %s: %s", ctl->socket, strerror(-ret));
	}
	if (!ret)
		return fd;
	close(fd);
	return ret;
}
