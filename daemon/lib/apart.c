// SPDX-License-Identifier: Apache-2.0
#include "lib/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/quote.h"
#include "lib/secret.h"
#include "lib/util.h"

#define PIPE_FD 3
/* Largest code of an error that the kernel has. */
#define ERRNO_MAX 4095

/* The answer of a child; the octets of @out follow. */
struct answer {
	int ret;
	struct err err;
};

/*
 * A child inherits no lock of the memory that keeps it out of swap, but the limit, which
 * proc_lock_memory() has removed if it could. Below a limit allocations would fail.
 */
static void lock_again(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_MEMLOCK, &limit) &&
	    limit.rlim_cur == RLIM_INFINITY)
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

__attribute__((noreturn)) static void be_child(apart_fn *fn, void *arg, int fd,
					       size_t len, pid_t parent)
{
	struct answer *a;

	/* The parent may have ended before it could be watched. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	if (fd != PIPE_FD && dup2(fd, PIPE_FD) < 0)
		_exit(1);
	/*
	 * A program that a library starts gets no way to answer, and is in the group that
	 * ends with the child unless it leaves that.
	 */
	if (fcntl(PIPE_FD, F_SETFD, FD_CLOEXEC) || setpgid(0, 0))
		_exit(1);
	close_range(PIPE_FD + 1, UINT_MAX, 0);
	lock_again();
	a = secret_alloc(sizeof(*a) + len);
	if (!a)
		_exit(1);
	a->ret = fn(arg, a + 1, len, &a->err);
	if (write_all(PIPE_FD, a, sizeof(*a) + len))
		_exit(1);
	secret_free(a);
	/* Handlers of libraries for the end of a process are not called. */
	_exit(0);
}

/* Read @len octets until @end. Returns 0, -ETIMEDOUT, or -EIO if there are less. */
static int read_until(int fd, uint8_t *p, size_t len, uint64_t end)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint64_t now;
	ssize_t n;

	while (len) {
		now = clock_mono_ms(clock_system());
		if (now >= end)
			return -ETIMEDOUT;
		if (poll(&pfd, 1, (int)(end - now)) <= 0)
			continue;
		n = read(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* End the child if it still runs, and say how it ended. */
static int end_child(pid_t pid, int ret, unsigned int seconds, struct err *err)
{
	int status = 0;

	/* A library that has closed the pipe may still run, or have started something. */
	if (ret)
		kill(pid, SIGKILL);
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ret == -ETIMEDOUT)
		return err_set(err, ret, "no answer in %u seconds", seconds);
	if (ret && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return err_set(err, ret,
			       "the process for it closed its pipe, or was killed");
	if (ret && WIFSIGNALED(status))
		return err_set(err, ret,
			       "the process for it ended by signal %d",
			       WTERMSIG(status));
	return ret ? err_set(err, ret, "the process for it ended early") : 0;
}

/*
 * A library may have taken the child over, and have written what it likes: the text ends
 * where there is room for no more, and says nothing to a terminal or a log.
 */
static int take_error(struct answer *a, struct err *err)
{
	char safe[ERR_LEN];

	a->err.text[sizeof(a->err.text) - 1] = '\0';
	if (a->ret > 0 || a->ret < -ERRNO_MAX)
		return err_set(err, -EIO,
			       "the process for it answered with no error that there is");
	return err_set(err, a->ret, "%s",
		       quote_escape(a->err.text, "", safe, sizeof(safe)));
}

int apart_run(apart_fn *fn, void *arg, void *out, size_t len,
	      unsigned int seconds, struct err *err)
{
	struct answer *a = secret_alloc(sizeof(*a) + len);
	pid_t pid, self = getpid();
	uint64_t end;
	int fd[2], ret;

	if (!a || pipe2(fd, O_CLOEXEC)) {
		ret = a ? -errno : -ENOMEM;
		secret_free(a);
		return err_set(err, ret, "%s", strerror(-ret));
	}
	pid = fork();
	if (!pid)
		be_child(fn, arg, fd[1], len, self);
	ret = pid < 0 ? -errno : 0;
	close(fd[1]);
	if (ret) {
		err_set(err, ret, "no process for it: %s", strerror(-ret));
	} else {
		end = clock_mono_ms(clock_system()) + seconds * MSEC_PER_SEC;
		ret = read_until(fd[0], (uint8_t *)a, sizeof(*a) + len, end);
		ret = end_child(pid, ret, seconds, err);
		if (!ret && a->ret)
			ret = take_error(a, err);
		if (!ret)
			memcpy(out, a + 1, len);
	}
	close(fd[0]);
	secret_free(a);
	return ret;
}
