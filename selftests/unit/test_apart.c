// SPDX-License-Identifier: Apache-2.0
/*
 * A function in a process of its own: what it answers, and what it cannot do when a
 * library has taken that process over.
 */
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/apart.h"
#include "lib/clock.h"

static struct err err;

static size_t slurp(const char *path, void *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

/* Is the error that of the last call, and does it say this? */
static void says(int ret, int want, const char *part, const char *name)
{
	ok(ret == want && strstr(err.text, part), "%s: %d %s", name, ret,
	   err.text);
}

/* Return the kilobytes of this process that are kept out of swap. */
static long locked_kb(void)
{
	char text[4096];
	size_t n = slurp("/proc/self/status", text, sizeof(text) - 1);
	const char *p;

	text[n] = '\0';
	p = strstr(text, "\nVmLck:");
	return p ? strtol(p + strlen("\nVmLck:"), NULL, 10) : -1;
}

/* Start another process and a program, and answer when both run. */
static int start_other(void *out)
{
	pid_t pid = fork();
	int fds[2];
	char c;

	if (!pid)
		for (;;)
			pause();
	memcpy(out, &pid, sizeof(pid));
	if (pid < 0 || pipe(fds))
		return -errno;
	if (!fork()) {
		dup2(fds[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c",
		      "[ -e /proc/self/fd/3 ] && echo y || echo n", NULL);
		_exit(1);
	}
	if (read(fds[0], &c, 1) != 1)
		return -EIO;
	return c == 'n' ? 0 : -EMFILE;
}

/* Wait for the end of a process that the one which started it has left behind. */
static bool has_ended(pid_t pid)
{
	uint64_t end = clock_mono_ms(clock_system()) + 20000;
	pid_t got = 0;

	while (!got && clock_mono_ms(clock_system()) < end) {
		got = waitpid(pid, NULL, WNOHANG);
		if (!got)
			usleep(1000);
	}
	return got == pid;
}

static int answer_or_not(void *arg, void *out, size_t len, struct err *e)
{
	const char *what = arg;

	if (!strcmp(what, "dies"))
		abort();
	if (!strcmp(what, "closes")) {
		close_range(3, UINT_MAX, 0);
		for (;;)
			pause();
	}
	if (!strcmp(what, "leaves"))
		_exit(0);
	if (!strcmp(what, "hangs"))
		for (;;)
			pause();
	if (!strcmp(what, "locks")) {
		memset(out, locked_kb() > 0 ? 'y' : 'n', len);
		return 0;
	}
	if (!strcmp(what, "refuses"))
		return err_set(e, -EXDEV, "no: %s", what);
	if (!strcmp(what, "fills")) {
		memset(e->text, 'A', sizeof(e->text));
		return -EXDEV;
	}
	if (!strcmp(what, "forges")) {
		strcpy(e->text, "x\nstarted: \033[2J\xc2\x9b");
		return -EXDEV;
	}
	if (!strcmp(what, "lies"))
		return 7;
	if (!strcmp(what, "starts"))
		return start_other(out);
	memset(out,
	       fcntl(STDERR_FILENO, F_GETFD) < 0 || fcntl(9, F_GETFD) >= 0
		       ? 0
		       : 'y',
	       len);
	return 0;
}

static void test_apart(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	char out[4] = "nnn";

	if (dup2(STDERR_FILENO, 9) != 9)
		bail("dup2");
	is_int(apart_run(answer_or_not, "answers", out, 3, 60, &err), 0,
	       "a process answers");
	is_str(out, "yyy", "a process has no other files");
	close(9);
	if (!setrlimit(RLIMIT_MEMLOCK, &all)) {
		is_int(apart_run(answer_or_not, "locks", out, 3, 60, &err), 0,
		       "a process may lock all of its memory");
		is_str(out, "yyy", "a process that may does so");
	}
	memset(out, 'n', 3);
	says(apart_run(answer_or_not, "refuses", out, 3, 60, &err), -EXDEV,
	     "no: refuses", "one refuses");
	says(apart_run(answer_or_not, "dies", out, 3, 60, &err), -EIO,
	     "signal 6", "one dies");
	says(apart_run(answer_or_not, "leaves", out, 3, 60, &err), -EIO,
	     "ended early", "one ends early");
	says(apart_run(answer_or_not, "closes", out, 3, 60, &err), -EIO,
	     "closed its pipe", "one that closes its pipe is not waited for");
	says(apart_run(answer_or_not, "hangs", out, 3, 1, &err), -ETIMEDOUT,
	     "no answer in 1 second", "one does not answer");
	is_str(out, "nnn", "nothing is taken from any of them");
}

/* A library that has taken the process over answers what it likes. */
static void test_hostile(void)
{
	char out[4];
	bool ended;
	pid_t pid;

	is_int(apart_run(answer_or_not, "fills", out, 3, 60, &err), -EXDEV,
	       "a text without an end");
	is_int(strlen(err.text), ERR_LEN - 1, "the text is ended");
	is_int(apart_run(answer_or_not, "forges", out, 3, 60, &err), -EXDEV,
	       "a text that forges a line of the log");
	is_str(err.text, "x\\x0astarted: \\x1b[2J\\xc2\\x9b",
	       "a forged text is one line and says nothing to a terminal");
	says(apart_run(answer_or_not, "lies", out, 3, 60, &err), -EIO,
	     "no error that there is", "a code that is no error");
	is_int(apart_run(answer_or_not, "starts", &pid, sizeof(pid), 60, &err),
	       0, "a program that it starts has no way to answer: %s",
	       err.text);
	ended = has_ended(pid);
	ok(ended, "another process that it has started ends as well");
	if (!ended)
		kill(pid, SIGKILL);
}

int main(void)
{
	/* Processes that are left behind become children of this one. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		bail("prctl");
	RUN(test_apart);
	RUN(test_hostile);
	return done();
}
