// SPDX-License-Identifier: Apache-2.0
/*
 * Events of the module and lines of mcsecd's log in one stream, each with its time. A
 * daemon that ends is waited for, so that a restart is seen as well.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/nl.h"
#include "answer.h"
#include "lib/quote.h"
#include "lib/util.h"
#include "mcsecctl.h"
#include "units.h"

/* A line of the daemon has a line of its log, which is a kilobyte at most. */
#define LINE_OCTETS 8192
/* Interval at which a daemon that is gone is asked for. */
#define AGAIN_MS 200

struct watch {
	struct ctl *ctl;
	int daemon; /* socket, or -1 */
	char buf[LINE_OCTETS];
	size_t n;
};

/* Print an event as JSON, which is released. */
static void print_event(const char *from, json_t *event)
{
	char time[STAMP_STRLEN];

	print_json(json_pack("{s:s, s:s, s:o}", "time", stamp_now(time), "from",
			     from, "event", event));
}

static void show_kernel(void *arg, const struct kevent *ev)
{
	struct watch *w = arg;
	char time[STAMP_STRLEN];

	if (w->ctl->json) {
		print_event("kernel", event_json(ev));
	} else {
		printf("%s kernel: ", stamp_now(time));
		event_print(ev);
	}
	fflush(stdout);
}

static void print_line(const json_t *o)
{
	char time[STAMP_STRLEN], safe[4 * 1024 + 1];
	const char *level = text_of(o, "level");
	bool plain = !strcmp(level, "info") || !*level;

	printf("%s mcsecd: ", stamp_now(time));
	if (!strcmp(text_of(o, "event"), "lost"))
		printf("%" JSON_INTEGER_FORMAT " lines lost\n",
		       json_integer_value(json_object_get(o, "lines")));
	else
		printf("%s%s%s\n", plain ? "" : level, plain ? "" : ": ",
		       quote_escape(text_of(o, "text"), "", safe,
				    sizeof(safe)));
}

static void show_daemon(struct watch *w, const char *line, size_t len)
{
	json_t *o = json_loadb(line, len, 0, NULL);

	if (!json_is_object(o))
		complain(0, "mcsecd at %s: invalid line", w->ctl->socket);
	else if (w->ctl->json)
		print_event("mcsecd", json_incref(o));
	else
		print_line(o);
	json_decref(o);
	fflush(stdout);
}

static void tell_of_daemon(struct watch *w, const char *what)
{
	char time[STAMP_STRLEN];

	if (w->ctl->json)
		print_event("mcsecd", json_pack("{s:s}", "event", what));
	else
		printf("%s mcsecd: %s\n", stamp_now(time), what);
	fflush(stdout);
}

/* Take what the daemon has sent, line by line. */
static void read_daemon(struct watch *w)
{
	ssize_t got;
	char *end;

	got = recv(w->daemon, w->buf + w->n, sizeof(w->buf) - w->n,
		   MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		w->n += (size_t)got;
	while ((end = memchr(w->buf, '\n', w->n))) {
		show_daemon(w, w->buf, (size_t)(end - w->buf));
		w->n -= (size_t)(end + 1 - w->buf);
		memmove(w->buf, end + 1, w->n);
	}
	if (got > 0 && w->n < sizeof(w->buf))
		return;
	close(w->daemon);
	w->daemon = -1;
	w->n = 0;
	tell_of_daemon(w, "disconnected");
}

/* Ask a daemon that was gone again, without a message for each try. */
static void ask_again(struct watch *w)
{
	w->daemon = watch_daemon(w->ctl, false);
	if (w->daemon < 0)
		w->daemon = -1;
	else
		tell_of_daemon(w, "connected");
}

/* Returns the result, of which the last one was @before: each is told once. */
static int read_kernel(struct watch *w, int before)
{
	struct err err;
	int ret = knl_events_read(&w->ctl->kernel, &err);

	if (ret && ret != before)
		refused("watch", &err);
	return ret;
}

static int watch_both(struct watch *w, int kernel)
{
	struct pollfd pfd[2] = { { .fd = kernel, .events = POLLIN },
				 { .events = POLLIN } };
	int got = 0;

	/* The loop ends with a signal, or when the reader of the output is gone. */
	while (!ferror(stdout)) {
		int ready;

		pfd[1].fd = w->daemon;
		ready = poll(pfd, 2, w->daemon < 0 || got ? AGAIN_MS : -1);
		if (ready < 0 && errno != EINTR)
			return complain(EXIT_FAILED, "watch: %s",
					strerror(errno));
		if (got || (ready > 0 && pfd[0].revents))
			got = read_kernel(w, got);
		if (got && got != -EAGAIN)
			return EXIT_FAILED;
		if (w->daemon < 0)
			ask_again(w);
		else if (ready > 0 && pfd[1].revents)
			read_daemon(w);
	}
	return EXIT_FAILED;
}

int cmd_watch(struct ctl *ctl, int argc, char **argv)
{
	struct watch w = { .ctl = ctl, .daemon = -1 };
	int kernel = -1, ret = check_argc(argc, 0, 0);
	struct err err;

	(void)argv;
	if (ret)
		return ret;
	if (!need_kernel(ctl)) {
		kernel = knl_events_open(&ctl->kernel, show_kernel, &w, &err);
		if (kernel < 0)
			refused("watch", &err);
	}
	w.daemon = watch_daemon(ctl, true);
	if (w.daemon == -EOPNOTSUPP || (w.daemon < 0 && kernel < 0))
		return EXIT_FAILED;
	if (w.daemon >= 0)
		tell_of_daemon(&w, "connected");
	else
		w.daemon = -1;
	return watch_both(&w, kernel);
}
