// SPDX-License-Identifier: Apache-2.0
/*
 * Lines of the log for clients of the control socket: who gets them, in which form,
 * and that a client which does not read them harms nobody.
 */
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "ctl_client.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/util.h"
#include "tap.h"

#define WATCH "{\"cmd\":\"watch\"}\n"
#define DONE "{\"ok\":true,\"json-version\":1}\n"

static char dir[] = "/tmp/mcsec-watch-XXXXXX";
static unsigned int n_lines;

static void count_line(enum log_level level, const char *line, void *ctx)
{
	(void)level;
	(void)line;
	(void)ctx;
	n_lines++;
}

static const char *got(int fd)
{
	turn();
	return answer(fd);
}

static int watcher(void)
{
	int fd = client();

	if (send(fd, WATCH, strlen(WATCH), MSG_NOSIGNAL) < 0)
		bail("send: %s", strerror(errno));
	turn();
	return fd;
}

static void test_lines(void)
{
	int a = watcher(), b = client();

	is_str(got(a), DONE, "the request to watch is answered");
	log_info("group %s: rekey accepted: \"x\"", "video");
	is_str(got(a),
	       "{\"event\":\"log\",\"level\":\"info\",\"text\":\"group video: rekey accepted: \\\"x\\\"\"}\n",
	       "a line at info");
	log_debug("protocol step");
	is_str(got(a), "", "a line that is not logged is not sent");
	log_warn("one");
	log_err("two");
	is_str(got(a),
	       "{\"event\":\"log\",\"level\":\"warning\",\"text\":\"one\"}\n"
	       "{\"event\":\"log\",\"level\":\"error\",\"text\":\"two\"}\n",
	       "two lines come in order");
	is_str(got(b), "", "a client that has not asked gets none");
	is_int(n_lines, 3, "the lines are in the log as well");
	now_ms += 10 * CTL_IDLE_MS;
	log_info("later");
	ok(strstr(got(a), "\"later\""), "a client may watch for long");
	if (send(a, WATCH, strlen(WATCH), MSG_NOSIGNAL) < 0)
		bail("send: %s", strerror(errno));
	is_str(got(a), "", "a client that watches is not read any more");
	close(a);
	turn();
	log_info("nobody");
	turn();
	close(b);
	ok(true, "a line after the client has gone harms nobody");
}

/* Log more lines than a socket takes. */
static void log_many(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		log_info("%0200d", i);
		if (!(i % 50))
			loop_once(loop, 0);
	}
	turn();
}

static void test_slow(void)
{
	int a = watcher(), b, i, size = 4096;
	unsigned long lost = 0;
	const char *text, *at;
	bool closed = false;

	setsockopt(a, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	got(a);
	log_many(6000);
	b = watcher();
	is_str(got(b), DONE, "a client that does not read stops nobody");
	for (i = 0; i < 100 && !lost; i++) {
		text = got(a);
		if (!text)
			break;
		log_info("more");
		at = strstr(text, "\"lost\",\"lines\":");
		if (at)
			lost = strtoul(at + strlen("\"lost\",\"lines\":"), NULL,
				       10);
	}
	ok(lost > 1000 && lost < 6000,
	   "a client that reads late is told of %lu lost lines", lost);
	log_many(6000);
	now_ms += CTL_IDLE_MS;
	turn();
	for (i = 0; i < 100 && !closed; i++)
		closed = !got(a);
	ok(closed, "a client that has not read for a minute is closed");
	close(a);
	close(b);
	turn();
}

static void test_many(void)
{
	int fd[CTL_MAX_WATCHERS], i, one;

	for (i = 0; i < CTL_MAX_WATCHERS; i++)
		fd[i] = watcher();
	one = watcher();
	ok(strstr(got(one), "8 clients watch already"),
	   "one client more than there may be is refused");
	close(fd[0]);
	turn();
	send(one, WATCH, strlen(WATCH), MSG_NOSIGNAL);
	is_str(got(one), DONE, "when one goes, another may watch");
	for (i = 1; i < CTL_MAX_WATCHERS; i++)
		close(fd[i]);
	close(one);
	turn();
}

static void take_text(void *arg, char *text)
{
	*(char **)arg = text;
}

static void test_alone(void)
{
	static const struct ctl_roles none = { .version = "1" };
	char *text = NULL;

	ctl_ask(&none, WATCH, strlen(WATCH), take_text, &text);
	ok(strstr(text, "\"ok\":false"), "without a socket nothing is watched");
	free(text);
}

int main(void)
{
	static const struct ctl_roles roles = { .version = "1" };
	struct err err;

	log_set_level(LOG_LEVEL_INFO);
	log_set_sink(count_line, NULL);
	timerq_init(&tq, &ctl_clock);
	if (!mkdtemp(dir) || loop_new(&tq, &loop))
		bail("no folder, or no loop");
	snprintf(path, sizeof(path), "%s/s.sock", dir);
	if (ctl_new(loop, &tq, path, &ctl, &err))
		bail("%s", err.text);
	ctl_serve(ctl, &roles);
	RUN(test_lines);
	RUN(test_slow);
	RUN(test_many);
	RUN(test_alone);
	ctl_free(ctl);
	log_info("behind the end");
	loop_free(loop);
	rmdir(dir);
	return done();
}
