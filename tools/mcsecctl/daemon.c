// SPDX-License-Identifier: Apache-2.0
/*
 * Requests to the daemon over its control socket: one JSON object per line in
 * each direction, as in mcsecd(8). Answers are shown as received, so a newer
 * daemon needs no newer mcsecctl.
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

#include "lib/quote.h"
#include "lib/util.h"
#include "mcsecctl.h"

/* The daemon may have to sign a rekey and to write it to disk. */
#define TIMEOUT_S 30

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
		 absent		 ? ": is it running?"
		 : err == EACCES ? ": only root and the user of mcsecd may ask"
				 : "",
		 others);
}

/* Returns a socket, or -errno; then a message was printed if @loud. */
static int connect_daemon(const char *path, bool loud)
{
	struct timeval limit = { .tv_sec = TIMEOUT_S };
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

/* ---- answers as text ----------------------------------------------------- */

/* Longer lines are wrapped between two pairs. */
#define WIDTH 78

/* Names come from peers: escaped as in the log, and those with spaces quoted. */
static void put_text(FILE *f, const char *s)
{
	const char *mark = !*s || strchr(s, ' ') ? "\"" : "";
	char one[2] = "", safe[QUOTE_LEN];

	fputs(mark, f);
	for (; *s; s++) {
		one[0] = *s;
		fputs(quote_escape(one, "", safe, sizeof(safe)), f);
	}
	fputs(mark, f);
}

/* SPIs are printed in hexadecimal, with 0x. */
static bool is_spi(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && !strcmp(name + len - 4, "-spi");
}

static void put_scalar(FILE *f, const char *name, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		if (is_spi(name) && strncmp(json_string_value(v), "0x", 2))
			fputs("0x", f);
		put_text(f, json_string_value(v));
		break;
	case JSON_INTEGER:
		if (is_spi(name))
			fprintf(f, SPI_FMT, (uint32_t)json_integer_value(v));
		else
			fprintf(f, "%" JSON_INTEGER_FORMAT,
				json_integer_value(v));
		break;
	case JSON_REAL:
		fprintf(f, "%g", json_real_value(v));
		break;
	case JSON_TRUE:
		fputs("yes", f);
		break;
	case JSON_FALSE:
		fputs("no", f);
		break;
	case JSON_NULL:
		fputs("none", f);
		break;
	case JSON_OBJECT:
	case JSON_ARRAY:
		break;
	}
}

/* Print " name value", on a new line if it does not fit. Returns the column. */
static int print_pair(const char *name, const json_t *v, int depth, int column)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	f = open_memstream(&text, &len);
	if (!f)
		return column;
	fprintf(f, "%s ", name);
	put_scalar(f, name, v);
	if (fclose(f) || !text) {
		free(text);
		return column;
	}
	if (column > 2 * depth && column + 1 + (int)len > WIDTH) {
		printf("\n%*s", 2 * depth + 4, "");
		column = 2 * depth + 4;
	} else if (column > 2 * depth) {
		putchar(' ');
		column++;
	}
	fputs(text, stdout);
	free(text);
	return column + len;
}

static bool is_nested(const json_t *v)
{
	return json_is_object(v) || json_is_array(v);
}

/*
 * Print an object as a line of "name value" pairs, followed by its lists and
 * objects on indented lines of their own. @name is the key of the object.
 */
static void print_tree(const char *name, const json_t *v, int depth)
{
	const char *key;
	json_t *child;
	int column;
	size_t i;

	if (json_is_array(v)) {
		json_array_foreach(v, i, child)
			print_tree(name, child, depth);
		return;
	}
	printf("%*s", 2 * depth, "");
	if (!json_is_object(v)) {
		print_pair(name, v, depth, 2 * depth);
		putchar('\n');
		return;
	}

	column = 2 * depth + printf("%s", name);
	json_object_foreach((json_t *)v, key, child)
		if (!is_nested(child))
			column = print_pair(key, child, depth, column);
	putchar('\n');
	json_object_foreach((json_t *)v, key, child)
		if (is_nested(child))
			print_tree(key, child, depth + 1);
}

/* The outermost object has no line of its own. */
static void print_answer(const json_t *answer)
{
	const char *key;
	json_t *child;

	json_object_foreach((json_t *)answer, key, child)
		print_tree(key, child, 0);
}

/* ---- commands ------------------------------------------------------------ */

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
		complain(0, "mcsecd: %s", why ?: "refused, without a reason");
	json_decref(*answer);
	*answer = NULL;
	return EXIT_FAILED;
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
	fd = connect_daemon(ctl->socket, true);
	if (fd < 0) {
		free(text);
		return EXIT_FAILED;
	}
	ret = send_all(fd, text, strlen(text)) ?: send_all(fd, "\n", 1);
	free(text);
	line = ret ? NULL : read_answer(fd, &len, &ret);
	close(fd);
	if (!line)
		return complain(EXIT_FAILED, "mcsecd at %s: %s", ctl->socket,
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

	fd = connect_daemon(ctl->socket, loud);
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

static int ask_daemon(struct ctl *ctl, json_t *request)
{
	json_t *answer;
	int ret = query_daemon(ctl, request, &answer);

	if (ret)
		return ret;
	if (ctl->json)
		return print_json(answer);
	json_object_del(answer, "ok");
	json_object_del(answer, "json-version");
	print_answer(answer);
	json_decref(answer);
	return EXIT_OK;
}

/* Ask for @cmd with one argument, a group, which may be @optional. */
static int ask_group(struct ctl *ctl, const char *cmd, bool optional, int argc,
		     char **argv)
{
	char group[MCSEC_NAME_MAX + 1];
	json_t *request;
	int ret;

	ret = check_argc(argc, !optional, 1);
	if (!ret && argc)
		ret = read_group(argv[0], group);
	if (ret)
		return ret;
	request = json_pack("{s:s}", "cmd", cmd);
	if (argc)
		json_object_set_new(request, "group", json_string(group));
	return ask_daemon(ctl, request);
}

int cmd_status(struct ctl *ctl, int argc, char **argv)
{
	return ask_group(ctl, "status", true, argc, argv);
}

int cmd_member(struct ctl *ctl, int argc, char **argv)
{
	return ask_group(ctl, "member", true, argc, argv);
}

int cmd_rekey(struct ctl *ctl, int argc, char **argv)
{
	bool signing_key = argc && !strcmp(argv[argc - 1], "--signing-key");
	char group[MCSEC_NAME_MAX + 1];
	json_t *request;
	int ret;

	argc -= signing_key;
	ret = check_argc(argc, 0, 1);
	if (!ret && argc)
		ret = read_group(argv[0], group);
	if (ret)
		return ret;
	request = json_pack("{s:s}", "cmd", "rekey");
	if (argc)
		json_object_set_new(request, "group", json_string(group));
	if (signing_key)
		json_object_set_new(request, "signing-key", json_true());
	return ask_daemon(ctl, request);
}

int cmd_reset(struct ctl *ctl, int argc, char **argv)
{
	return ask_group(ctl, "reset", false, argc, argv);
}

int cmd_reseal(struct ctl *ctl, int argc, char **argv)
{
	int ret = check_argc(argc, 0, 0);

	(void)argv;
	return ret ? ret : ask_daemon(ctl, json_pack("{s:s}", "cmd", "reseal"));
}

int cmd_reload(struct ctl *ctl, int argc, char **argv)
{
	bool check = argc && !strcmp(argv[argc - 1], "--check");
	json_t *request;
	int ret;

	ret = check_argc(argc - check, 0, 0);
	if (ret)
		return ret;
	request = json_pack("{s:s}", "cmd", "reload");
	if (check)
		json_object_set_new(request, "check", json_true());
	return ask_daemon(ctl, request);
}

int cmd_join(struct ctl *ctl, int argc, char **argv)
{
	return ask_group(ctl, "join", false, argc, argv);
}

int cmd_leave(struct ctl *ctl, int argc, char **argv)
{
	return ask_group(ctl, "leave", false, argc, argv);
}

static int ask_identity(struct ctl *ctl, const char *cmd, int argc, char **argv)
{
	char group[MCSEC_NAME_MAX + 1];
	int ret;

	ret = check_argc(argc, 2, 2);
	if (!ret)
		ret = read_group(argv[0], group);
	if (ret)
		return ret;
	return ask_daemon(ctl, json_pack("{s:s, s:s, s:s}", "cmd", cmd, "group",
					 group, "id", argv[1]));
}

int cmd_evict(struct ctl *ctl, int argc, char **argv)
{
	bool ahead = argc && !strcmp(argv[argc - 1], "--ahead");
	char group[MCSEC_NAME_MAX + 1];
	json_t *request;
	int ret;

	argc -= ahead;
	ret = check_argc(argc, 2, 2);
	if (!ret)
		ret = read_group(argv[0], group);
	if (ret)
		return ret;
	request = json_pack("{s:s, s:s, s:s}", "cmd", "evict", "group", group,
			    "id", argv[1]);
	if (ahead)
		json_object_set_new(request, "ahead", json_true());
	return ask_daemon(ctl, request);
}

int cmd_admit(struct ctl *ctl, int argc, char **argv)
{
	return ask_identity(ctl, "admit", argc, argv);
}

int cmd_audit(struct ctl *ctl, int argc, char **argv)
{
	static const struct word words[] = { WORD("after", "a line's number",
						  set_u32, .off = 0,
						  .max = UINT32_MAX),
					     {} };
	uint32_t after, seen;
	json_t *request;
	int ret;

	ret = read_words(words, argc, argv, &after, &seen);
	if (ret)
		return ret;
	request = json_pack("{s:s}", "cmd", "audit");
	if (seen)
		json_object_set_new(request, "after", json_integer(after));
	return ask_daemon(ctl, request);
}
