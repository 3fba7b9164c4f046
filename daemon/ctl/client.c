// SPDX-License-Identifier: Apache-2.0
#include "ctl/client.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/util.h"

/* Time limit for an answer of the daemon. */
#define PATIENCE_S 60

static int connect_to(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd, ret;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return fd;
	ret = -errno;
	close(fd);
	return ret == -ECONNREFUSED ? -ENOENT : ret;
}

static json_t *read_answer(int fd)
{
	FILE *f = fdopen(dup(fd), "r");
	json_t *o = f ? json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL) : NULL;

	if (f)
		fclose(f);
	return o;
}

static int ask_server(int fd, json_t *request, json_t **answer)
{
	char *text = json_dumps(request, JSON_COMPACT);
	int ret = text ? write_all(fd, text, strlen(text)) : -ENOMEM;

	if (!ret)
		ret = write_all(fd, "\n", 1);
	free(text);
	if (ret)
		return ret;
	*answer = read_answer(fd);
	return json_is_object(*answer) ? 0 : -EPROTO;
}

static int tell_all(json_t *answer, ctl_line_fn *fn, void *arg, struct err *err)
{
	json_t *lines = json_object_get(answer, "changes");
	const char *text;
	size_t i;

	if (!json_is_true(json_object_get(answer, "ok"))) {
		text = json_string_value(json_object_get(answer, "error"));
		return err_set(err, -EBUSY, "%s", text ? text : "refused");
	}
	for (i = 0; i < json_array_size(lines); i++) {
		text = json_string_value(json_array_get(lines, i));
		if (text)
			fn(arg, text);
	}
	return 0;
}

int ctl_check_reload(const char *path, const char *file, ctl_line_fn *fn,
		     void *arg, struct err *err)
{
	char real[PATH_MAX];
	json_t *request, *answer = NULL;
	int fd, ret;

	if (!realpath(file, real))
		return err_set(err, -errno, "%s: %s", file, strerror(errno));
	fd = connect_to(path);
	if (fd == -ENOENT)
		return fd;
	if (fd < 0)
		return err_set(err, fd, "mcsecd at %s: %s", path,
			       strerror(-fd));
	request = json_pack("{s:s,s:b,s:s}", "cmd", "reload", "check", 1,
			    "file", real);
	ret = request ? ask_server(fd, request, &answer) : -ENOMEM;
	close(fd);
	if (ret)
		err_set(err, ret, "mcsecd at %s: %s", path, strerror(-ret));
	else
		ret = tell_all(answer, fn, arg, err);
	json_decref(request);
	json_decref(answer);
	return ret;
}
