// SPDX-License-Identifier: Apache-2.0
/* The socket and its clients; command.c answers requests. */
#include "ctl/ctl.h"

#include <errno.h>
#include <jansson.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/version.h"
#include "gcks/gcks.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/util.h"

#define JSON_VERSION STRING(MCSEC_JSON_VERSION)

struct client {
	LIST_ENTRY(client) link;
	struct ctl *ctl;
	struct loop_fd fd;
	struct timer idle;
	char actor[GCKS_ACTOR_MAX];
	char in[CTL_REQUEST_MAX];
	size_t in_len;
	/* The unfinished request; nothing is read until it is answered. */
	struct ctl_request *asked;
	bool answered; /* with @text, before ctl_ask() has returned */
	char *text;
	/*
	 * The answer that is being written; nothing is read until
	 * it is sent.
	 */
	char *out;
	size_t out_len;
	size_t out_off;
	bool to_watch; /* once the answer is in @out */
	bool watching; /* gets lines of the log, and is not read any more */
	unsigned int lost; /* lines for which there was no room */
};

struct ctl {
	struct loop *loop;
	struct timerq *tq;
	struct ctl_roles roles;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct loop_fd fd;
	dev_t dev;
	ino_t ino;
	LIST_HEAD(, client) clients;
	unsigned int n_clients;
};

static void client_free(struct client *c)
{
	struct ctl *ctl = c->ctl;

	ctl_forget(c->asked);
	timer_del(ctl->tq, &c->idle);
	loop_del(ctl->loop, &c->fd);
	close(c->fd.fd);
	LIST_REMOVE(c, link);
	ctl->n_clients--;
	free(c->out);
	free(c);
}

/* Wait for the next request, or for the end of a client that watches. */
static void wait_for_client(struct client *c)
{
	if (c->watching)
		timer_del(c->ctl->tq, &c->idle);
	loop_mod(c->ctl->loop, &c->fd, c->watching ? 0 : EPOLLIN);
}

static void idle_due(void *arg)
{
	client_free(arg);
}

/* Returns false if the client was freed. */
static bool client_write(struct client *c)
{
	ssize_t n;

	while (c->out_off < c->out_len) {
		n = send(c->fd.fd, c->out + c->out_off, c->out_len - c->out_off,
			 MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			loop_mod(c->ctl->loop, &c->fd, EPOLLOUT);
			return true;
		}
		if (n < 0) {
			client_free(c);
			return false;
		}
		c->out_off += (size_t)n;
		timer_set(c->ctl->tq, &c->idle, CTL_IDLE_MS);
	}
	free(c->out);
	c->out = NULL;
	c->out_len = 0;
	c->out_off = 0;
	wait_for_client(c);
	return true;
}

/* Returns false if the client was freed. */
static bool client_answer(struct client *c, char *text)
{
	size_t len;

	if (!text) {
		client_free(c);
		return false;
	}
	len = strlen(text);
	/* The newline replaces the terminator. */
	text[len] = '\n';
	c->out = text;
	c->out_len = len + 1;
	c->out_off = 0;
	c->watching = c->to_watch;
	return client_write(c);
}

/* ---- lines of the log ---------------------------------------------------- */

static int client_watch(void *client)
{
	struct client *c = client, *other;
	unsigned int n = 0;

	LIST_FOREACH(other, &c->ctl->clients, link)
		n += other->watching;
	if (n >= CTL_MAX_WATCHERS)
		return -EBUSY;
	c->to_watch = true;
	return 0;
}

/*
 * Add a line to what waits for the client; the loop writes it, since a line may be
 * logged anywhere. Returns false if there is no room.
 */
static bool client_queue(struct client *c, const char *text)
{
	size_t len = strlen(text), left = c->out_len - c->out_off;
	char *out;

	if (left + len + 1 > CTL_WATCH_ROOM)
		return false;
	out = malloc(left + len + 1);
	if (!out)
		return false;
	if (left)
		memcpy(out, c->out + c->out_off, left);
	memcpy(out + left, text, len);
	out[left + len] = '\n';
	free(c->out);
	c->out = out;
	c->out_len = left + len + 1;
	c->out_off = 0;
	if (!left) {
		timer_set(c->ctl->tq, &c->idle, CTL_IDLE_MS);
		loop_mod(c->ctl->loop, &c->fd, EPOLLOUT);
	}
	return true;
}

/* Tell the client how many lines it has missed, together with the next one. */
static void client_tell(struct client *c, const char *text)
{
	char *both = NULL;

	if (c->lost && asprintf(&both, "{\"event\":\"lost\",\"lines\":%u}\n%s",
				c->lost, text) < 0)
		both = NULL;
	if ((c->lost && !both) || !client_queue(c, both ? both : text))
		c->lost++;
	else
		c->lost = 0;
	free(both);
}

static void tell_watchers(enum log_level level, const char *line, void *ctx)
{
	static const char *const levels[] = {
		[LOG_LEVEL_ERR] = "error",
		[LOG_LEVEL_WARN] = "warning",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};
	struct ctl *ctl = ctx;
	char *text = NULL;
	struct client *c;
	json_t *o;

	LIST_FOREACH(c, &ctl->clients, link) {
		if (!c->watching)
			continue;
		if (!text) {
			o = json_pack("{s:s, s:s, s:s}", "event", "log",
				      "level", levels[level], "text", line);
			text = json_dumps(o, JSON_COMPACT);
			json_decref(o);
		}
		if (text)
			client_tell(c, text);
	}
	free(text);
}

/* ---- requests ------------------------------------------------------------ */

static void client_run(struct client *c);

static void answer_done(void *arg, char *text)
{
	struct client *c = arg;

	if (!c->asked) {
		c->answered = true;
		c->text = text;
		return;
	}
	c->asked = NULL;
	timer_set(c->ctl->tq, &c->idle, CTL_IDLE_MS);
	if (client_answer(c, text))
		client_run(c);
}

/*
 * Process the first line of the input. Until it is answered only a hangup of
 * the client matters, and its idle timer is stopped. Returns false if the
 * client was freed.
 */
static bool client_ask(struct client *c, size_t line)
{
	struct ctl_roles roles = c->ctl->roles;

	c->answered = false;
	roles.actor = c->actor;
	roles.watch = client_watch;
	roles.client = c;
	c->asked = ctl_ask(&roles, c->in, line, answer_done, c);
	c->in_len -= line + 1;
	memmove(c->in, c->in + line + 1, c->in_len);
	if (c->answered)
		return client_answer(c, c->text);
	timer_del(c->ctl->tq, &c->idle);
	loop_mod(c->ctl->loop, &c->fd, 0);
	return true;
}

static void too_long(struct client *c)
{
	static const char text[] =
		"{\"ok\":false,\"json-version\":" JSON_VERSION
		",\"error\":\"the request is too long\"}\n";

	if (send(c->fd.fd, text, sizeof(text) - 1, MSG_NOSIGNAL) < 0)
		log_debug("control connection failed: %s", strerror(errno));
	client_free(c);
}

/* Process requests until the client has to be waited for. */
static void client_run(struct client *c)
{
	char *end;

	while (!c->out && !c->asked && !c->watching &&
	       (end = memchr(c->in, '\n', c->in_len)))
		if (!client_ask(c, (size_t)(end - c->in)))
			return;
	if (!c->out && !c->asked && !c->watching && c->in_len == sizeof(c->in))
		too_long(c);
}

static void client_event(void *arg, uint32_t events)
{
	struct client *c = arg;
	ssize_t n;

	if (c->asked) {
		if (events & (EPOLLERR | EPOLLHUP))
			client_free(c);
		return;
	}
	if (c->out || c->watching) {
		if (events & (EPOLLERR | EPOLLHUP))
			client_free(c);
		else if (client_write(c))
			client_run(c);
		return;
	}
	n = recv(c->fd.fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_free(c);
		return;
	}
	c->in_len += (size_t)n;
	timer_set(c->ctl->tq, &c->idle, CTL_IDLE_MS);
	client_run(c);
}

/*
 * The mode 0600 has the same effect, but not for a descriptor that was passed
 * on.
 */
static bool peer_allowed(int fd, struct ucred *cred)
{
	socklen_t len = sizeof(*cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, cred, &len))
		return false;
	if (!cred->uid || cred->uid == geteuid())
		return true;
	log_warn("control access denied: user %u is not root", cred->uid);
	return false;
}

/* A uid without a name has none in the audit trail, either. */
static void name_actor(const struct ucred *cred, char *actor, size_t size)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwuid_r(cred->uid, &pw, buf, sizeof(buf), &found))
		found = NULL;
	snprintf(actor, size, "%u %d %s", cred->uid, (int)cred->pid,
		 found ? pw.pw_name : "");
}

static void accept_client(void *arg, uint32_t events)
{
	struct ctl *ctl = arg;
	struct ucred cred;
	struct client *c;
	int fd;

	(void)events;
	fd = accept4(ctl->fd.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (ctl->n_clients >= CTL_MAX_CLIENTS || !peer_allowed(fd, &cred)) {
		close(fd);
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return;
	}
	c->ctl = ctl;
	name_actor(&cred, c->actor, sizeof(c->actor));
	c->fd = (struct loop_fd){ .fd = fd, .fn = client_event, .arg = c };
	timer_init(&c->idle, idle_due, c);
	LIST_INSERT_HEAD(&ctl->clients, c, link);
	ctl->n_clients++;
	if (loop_add(ctl->loop, &c->fd, EPOLLIN)) {
		client_free(c);
		return;
	}
	timer_set(ctl->tq, &c->idle, CTL_IDLE_MS);
}

/* Returns 0 if no process listens at the path, so the socket may be removed. */
static int check_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, ret;

	if (lstat(sun->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) ||
	    errno == EAGAIN)
		ret = -EADDRINUSE;
	else
		ret = errno == ECONNREFUSED ? 0 : -errno;
	close(fd);
	if (!ret && unlink(sun->sun_path))
		ret = -errno;
	return ret;
}

static int listen_at(struct ctl *ctl)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	mode_t mask;
	int fd, ret;

	strcpy(sun.sun_path, ctl->path);
	ret = file_make_folder(ctl->path, 0755);
	if (!ret)
		ret = check_stale(&sun);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The mode is right from the start, so no chmod() is needed. */
	mask = umask(0177);
	ret = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) ? -errno : 0;
	umask(mask);
	if (!ret && (listen(fd, CTL_MAX_CLIENTS) || lstat(ctl->path, &st)))
		ret = -errno;
	if (ret) {
		close(fd);
		return ret;
	}
	ctl->dev = st.st_dev;
	ctl->ino = st.st_ino;
	ctl->fd = (struct loop_fd){ .fd = fd, .fn = accept_client, .arg = ctl };
	ret = loop_add(ctl->loop, &ctl->fd, EPOLLIN);
	if (ret)
		close(fd);
	return ret;
}

int ctl_new(struct loop *loop, struct timerq *tq, const char *path,
	    struct ctl **out, struct err *err)
{
	struct ctl *ctl;
	int ret;

	if (strlen(path) >= sizeof(ctl->path))
		return err_set(err, -ENAMETOOLONG,
			       "control socket %s: the path is too long", path);
	ctl = calloc(1, sizeof(*ctl));
	if (!ctl)
		return err_set(err, -ENOMEM, "out of memory");
	ctl->loop = loop;
	ctl->tq = tq;
	strcpy(ctl->path, path);
	LIST_INIT(&ctl->clients);
	ret = listen_at(ctl);
	if (ret) {
		free(ctl);
		return err_set(err, ret, "control socket %s: %s%s", path,
			       strerror(-ret),
			       ret == -EADDRINUSE
				       ? ": another mcsecd is running: "
					 "end it (\"systemctl stop mcsecd\"), or set \"control\" to another path"
				       : "");
	}
	*out = ctl;
	log_set_tap(tell_watchers, ctl);
	return 0;
}

void ctl_serve(struct ctl *ctl, const struct ctl_roles *roles)
{
	ctl->roles = *roles;
}

void ctl_free(struct ctl *ctl)
{
	struct stat st;

	if (!ctl)
		return;
	log_set_tap(NULL, NULL);
	while (!LIST_EMPTY(&ctl->clients))
		client_free(LIST_FIRST(&ctl->clients));
	loop_del(ctl->loop, &ctl->fd);
	/*
	 * Another process may have replaced the socket, which is then left alone. Ours
	 * is still open, so that no other one has the same number, and that nobody
	 * takes it for one that was left behind.
	 */
	if (!lstat(ctl->path, &st) && st.st_dev == ctl->dev &&
	    st.st_ino == ctl->ino)
		unlink(ctl->path);
	close(ctl->fd.fd);
	free(ctl);
}
