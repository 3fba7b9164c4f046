// SPDX-License-Identifier: Apache-2.0
/*
 * The metrics by HTTP, for programs of this host that collect them. Whoever asks is
 * not authenticated, so only a path, which has an owner and a mode, or a loopback
 * address is listened on. The process has no keys, and libmicrohttpd reads requests.
 */
#include "metrics.h"
#include "mcsecctl.h"

#ifndef HAVE_LIBMICROHTTPD

int metrics_serve(struct ctl *ctl, const char *where)
{
	(void)ctl;
	(void)where;
	return complain(EXIT_FAILED,
			"metrics serve: built without libmicrohttpd");
}

#else

#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/util.h"

/* A collector asks every few seconds, over one connection. */
#define CONNECTIONS 16
#define IDLE_S 30

static const char format[] = "text/plain; version=0.0.4; charset=utf-8";
static const char plain[] = "text/plain; charset=utf-8";

/* ---- the library ---------------------------------------------------------- */

/*
 * The library is loaded when it is needed: it brings GnuTLS and nine more, and every
 * other command would take twice as long to start.
 */
#define MHD_SONAME "libmicrohttpd.so.12"
#if MHD_VERSION < 0x00097000 || MHD_VERSION >= 0x02000000
#error "which libmicrohttpd.so has this interface?"
#endif

static struct {
	__typeof__(MHD_start_daemon) *start_daemon;
	__typeof__(MHD_stop_daemon) *stop_daemon;
	__typeof__(MHD_create_response_from_buffer) *create_response_from_buffer;
	__typeof__(MHD_add_response_header) *add_response_header;
	__typeof__(MHD_queue_response) *queue_response;
	__typeof__(MHD_destroy_response) *destroy_response;
} mhd;

/* C has no cast from what dlsym() returns to a function, so it is copied. */
static const struct {
	const char *name;
	void *place;
} mhd_functions[] = {
	{ "MHD_start_daemon", &mhd.start_daemon },
	{ "MHD_stop_daemon", &mhd.stop_daemon },
	{ "MHD_create_response_from_buffer", &mhd.create_response_from_buffer },
	{ "MHD_add_response_header", &mhd.add_response_header },
	{ "MHD_queue_response", &mhd.queue_response },
	{ "MHD_destroy_response", &mhd.destroy_response },
};

/* Returns an enum exit_code, after a message if it is not EXIT_OK. */
static int load_library(void)
{
	void *lib = dlopen(MHD_SONAME, RTLD_NOW | RTLD_LOCAL), *function;
	size_t i;

	if (!lib)
		return complain(EXIT_FAILED,
				"metrics serve: %s: install libmicrohttpd12",
				dlerror());
	for (i = 0; i < ARRAY_SIZE(mhd_functions); i++) {
		function = dlsym(lib, mhd_functions[i].name);
		if (!function)
			return complain(EXIT_FAILED, "metrics serve: %s",
					dlerror());
		memcpy(mhd_functions[i].place, &function, sizeof(function));
	}
	return EXIT_OK;
}

/* ---- the socket ----------------------------------------------------------- */

/* Return true if @path is a socket that nobody listens on any more. */
static bool is_stale(const char *path, const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;
	bool stale;

	stale = fd >= 0 && !lstat(path, &st) && S_ISSOCK(st.st_mode) &&
		connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) &&
		errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return stale;
}

/* Returns a socket, or -errno. Whoever is in the group of the process may ask. */
static int listen_at_path(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, ret;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	if (is_stale(path, &sun))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mask = umask(0117);
	ret = fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) ||
			      listen(fd, CONNECTIONS)
		      ? -errno
		      : 0;
	umask(mask);
	if (ret && fd >= 0)
		close(fd);
	return ret ?: fd;
}

static bool is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return a->family == AF_INET ? a->b[0] == 127
				    : !memcmp(a->b, one, sizeof(one));
}

static int listen_at_ep(const struct ep *ep)
{
	struct sockaddr_storage ss;
	socklen_t len = ep_to_sockaddr(ep, &ss);
	int fd, one = 1, ret;

	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ret = fd < 0 ||
			      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one,
					 sizeof(one)) ||
			      bind(fd, (struct sockaddr *)&ss, len) ||
			      listen(fd, CONNECTIONS)
		      ? -errno
		      : 0;
	if (ret && fd >= 0)
		close(fd);
	return ret ?: fd;
}

/*
 * Remove the socket unless another process has replaced it; to be called while it is
 * open, since its number may be another one's afterwards.
 */
static void remove_path(const char *path, const struct stat *own)
{
	struct stat st;

	if (!lstat(path, &st) && st.st_dev == own->st_dev &&
	    st.st_ino == own->st_ino)
		unlink(path);
}

/* Returns a socket, or -1 after a message. */
static int listen_at(const char *where)
{
	struct ep ep;
	int fd;

	if (strchr(where, '/')) {
		fd = listen_at_path(where);
	} else if (ep_parse(where, 0, &ep) || !is_loopback(&ep.addr)) {
		complain(0,
			 "metrics serve: \"%s\": a path, 127.0.0.1:PORT or [::1]:PORT is needed: whoever asks is not authenticated",
			 where);
		return -1;
	} else {
		fd = listen_at_ep(&ep);
	}
	if (fd >= 0)
		return fd;
	complain(0, "metrics serve: %s: %s", where, strerror(-fd));
	return -1;
}

/* ---- requests ------------------------------------------------------------- */

/* Takes over @text unless it is a constant. */
static enum MHD_Result send_text(struct MHD_Connection *c, unsigned int status,
				 const char *type, const char *text, size_t len,
				 enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *r =
		mhd.create_response_from_buffer(len, (void *)text, mode);
	enum MHD_Result ret;

	if (!r) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free((void *)text);
		return MHD_NO;
	}
	mhd.add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		mhd.add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	ret = mhd.queue_response(c, status, r);
	mhd.destroy_response(r);
	return ret;
}

static enum MHD_Result reply_line(struct MHD_Connection *c, unsigned int status,
				  const char *text)
{
	return send_text(c, status, plain, text, strlen(text),
			 MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result answer_request(void *cls, struct MHD_Connection *c,
				      const char *url, const char *method,
				      const char *version, const char *upload,
				      size_t *upload_len, void **state)
{
	struct ctl *ctl = cls;
	char *text;
	size_t len;

	(void)version;
	(void)upload;
	/* The first call has the header only; what a client sends is dropped. */
	if (!*state) {
		*state = ctl;
		return MHD_YES;
	}
	if (*upload_len) {
		*upload_len = 0;
		return MHD_YES;
	}
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return reply_line(c, MHD_HTTP_METHOD_NOT_ALLOWED,
				  "GET and HEAD are understood\n");
	if (strcmp(url, "/metrics"))
		return reply_line(c, MHD_HTTP_NOT_FOUND,
				  "the metrics are at /metrics\n");
	text = metrics_text(ctl, &len);
	if (!text)
		return reply_line(c, MHD_HTTP_INTERNAL_SERVER_ERROR,
				  "no memory\n");
	return send_text(c, MHD_HTTP_OK, format, text, len,
			 MHD_RESPMEM_MUST_FREE);
}

int metrics_serve(struct ctl *ctl, const char *where)
{
	struct MHD_Daemon *d;
	struct stat own = {};
	sigset_t ends;
	int fd, sig;

	if (load_library())
		return EXIT_FAILED;
	/* The thread of the server inherits that these are blocked. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	fd = listen_at(where);
	if (fd < 0)
		return EXIT_FAILED;
	if (strchr(where, '/') && lstat(where, &own))
		own = (struct stat){};
	/* One thread, so that requests wait for each other as commands do. */
	d = mhd.start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
			     answer_request, ctl, MHD_OPTION_LISTEN_SOCKET,
			     (MHD_socket)fd, MHD_OPTION_CONNECTION_LIMIT,
			     (unsigned int)CONNECTIONS,
			     MHD_OPTION_CONNECTION_TIMEOUT,
			     (unsigned int)IDLE_S, MHD_OPTION_END);
	if (!d) {
		remove_path(where, &own);
		close(fd);
		return complain(EXIT_FAILED, "metrics serve: %s: no server",
				where);
	}
	printf("metrics are served at %s\n", where);
	fflush(stdout);
	sigwait(&ends, &sig);
	remove_path(where, &own);
	mhd.stop_daemon(d);
	return EXIT_OK;
}

#endif
