// SPDX-License-Identifier: Apache-2.0
#include "priv/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "kernel/nl.h"
#include "lib/proc.h"
#include "lib/udp.h"
#include "lib/util.h"
#include "priv/helper.h"
#include "priv/message.h"

#define TITLE "mcsecd: helper"
/* A daemon that is started again finds the number of the helper's socket there. */
#define SOCK_VARIABLE "MCSECD_HELPER"
/* The helper waits for the kernel as long as knl_open() says. */
#define ANSWER_SEC (KNL_TIMEOUT_MS / MSEC_PER_SEC + 5)

static int helper_sock = -1;
static uint32_t helper_seq;

/* ---- capabilities ------------------------------------------------------- */

static int read_caps(struct __user_cap_header_struct *head,
		     struct __user_cap_data_struct *data)
{
	head->version = _LINUX_CAPABILITY_VERSION_3;
	head->pid = 0;
	return syscall(SYS_capget, head, data) ? -errno : 0;
}

/*
 * Keep those of @mask that this process has, and give up all others for good. Returns
 * -EPERM if it has others and the service manager forbids capset().
 */
static int keep_caps(uint64_t mask)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_header_struct head;
	bool others = false;
	unsigned int i;
	int ret;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	/* A kernel of before Linux 4.3 has no ambient ones. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	ret = read_caps(&head, data);
	if (ret)
		return ret;
	for (i = 0; i < ARRAY_SIZE(data); i++) {
		uint32_t kept = (uint32_t)(mask >> (32 * i));

		others |= data[i].permitted & ~kept;
		data[i].permitted &= kept;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	if (!syscall(SYS_capset, &head, data))
		return 0;
	return errno != EPERM || others ? -errno : 0;
}

/* ---- a daemon that is started again ------------------------------------- */

/*
 * A process of an ordinary user that executes a program has only its ambient
 * capabilities afterwards, of which there are none any more.
 */
static int start_again(int sock, char **argv)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", sock);
	if (fcntl(sock, F_SETFD, 0) || setenv(SOCK_VARIABLE, text, 1))
		return -errno;
	execv("/proc/self/exe", argv);
	return -errno;
}

/* Return the socket of the helper of a process that was started again, or -1. */
static int former_sock(void)
{
	const char *text = getenv(SOCK_VARIABLE);
	int fd = text ? atoi(text) : -1, type = 0;
	socklen_t len = sizeof(type);

	unsetenv(SOCK_VARIABLE);
	if (fd <= STDERR_FILENO ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) ||
	    type != SOCK_SEQPACKET || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -1;
	return fd;
}

/* ---- the helper --------------------------------------------------------- */

/* Overwrite the arguments, which stand one behind another in memory. */
static void set_title(int argc, char **argv)
{
	char *end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	size_t size = (size_t)(end - argv[0]);

	memset(argv[0], 0, size);
	snprintf(argv[0], size, "%s", TITLE);
	prctl(PR_SET_NAME, TITLE, 0, 0, 0);
}

__attribute__((noreturn)) static void be_helper(int sock, int argc, char **argv)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };
	unsigned int i;

	/* The end of the socket would do, if the daemon had not passed it on. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* The helper ends with the daemon, which needs it until its own end. */
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_IGN);
	set_title(argc, argv);
	proc_lock_memory();
	/* Only "ip vrf exec" by hand needs the last one. */
	if (keep_caps(1ull << CAP_NET_ADMIN | 1ull << CAP_NET_BIND_SERVICE |
		      1ull << CAP_NET_RAW))
		_exit(1);
	/* The daemon confines itself by the same means, and tells if that fails. */
	priv_confine_helper();
	helper_run(sock);
	_exit(0);
}

/* ---- requests to it ----------------------------------------------------- */

/* *@got is the descriptor of the answer, for those that ask for one. */
static int ask_helper(struct priv_head *head, const void *data, size_t len,
		      int fd, int *got)
{
	struct priv_answer answer;
	size_t more;
	int ret, give = -1;

	if (helper_sock < 0)
		return -ENOTCONN;
	head->seq = ++helper_seq;
	ret = priv_message_send(helper_sock, head, sizeof(*head), data, len,
				fd);
	/* An answer that was given up may come before. */
	while (!ret) {
		ret = priv_message_recv(helper_sock, &answer, sizeof(answer),
					NULL, 0, &more, &give);
		if (!ret && answer.seq == head->seq)
			break;
		if (!ret && give >= 0)
			close(give);
	}
	if (ret)
		return ret == -EAGAIN ? -ETIMEDOUT : ret;
	if (got)
		*got = give;
	else if (give >= 0)
		close(give);
	return answer.ret;
}

static int ask_value(enum priv_op op, uint32_t value, int fd)
{
	struct priv_head head = { .op = op, .value = value };

	return ask_helper(&head, NULL, 0, fd, NULL);
}

int priv_allow_port(uint16_t port)
{
	return ask_value(PRIV_ALLOW_PORT, port, -1);
}

int priv_seal(void)
{
	return ask_value(PRIV_SEAL, 0, -1);
}

static int ask_requests(void *ctx)
{
	struct priv_head head = { .op = PRIV_OPEN_REQUESTS };
	int fd = -1, ret = ask_helper(&head, NULL, 0, -1, &fd);

	(void)ctx;
	return ret ? ret : fd;
}

static int ask_send(void *ctx, int fd, const void *request, size_t len)
{
	struct priv_head head = { .op = PRIV_SEND };

	(void)ctx;
	return len > PRIV_DATA_MAX ? -EMSGSIZE
				   : ask_helper(&head, request, len, fd, NULL);
}

static int ask_lend(void *ctx, int fd)
{
	(void)ctx;
	return ask_value(PRIV_LEND, 0, fd);
}

static int ask_join(void *ctx, int fd, uint32_t group)
{
	(void)ctx;
	return ask_value(PRIV_JOIN, group, fd);
}

static int ask_room(void *ctx, int fd, int octets)
{
	(void)ctx;
	return ask_value(PRIV_ROOM, (uint32_t)octets, fd);
}

static int ask_bind(void *ctx, int fd, const struct ep *local)
{
	struct priv_head head = { .op = PRIV_BIND, .local = *local };

	(void)ctx;
	return ask_helper(&head, NULL, 0, fd, NULL);
}

static int ask_interface(void *ctx, int fd, uint32_t ifindex)
{
	(void)ctx;
	return ask_value(PRIV_INTERFACE, ifindex, fd);
}

static const struct knl_access kernel_access = {
	.open_requests = ask_requests,
	.send = ask_send,
	.lend = ask_lend,
	.join = ask_join,
	.room = ask_room,
};

static const struct udp_access udp_access = {
	.bind = ask_bind,
	.rcvbuf = ask_room,
	.interface = ask_interface,
};

/* ---- start -------------------------------------------------------------- */

static int fork_helper(int argc, char **argv)
{
	struct timeval limit = { .tv_sec = ANSWER_SEC };
	socklen_t len = sizeof(limit);
	int sock[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) ||
	    setsockopt(sock[0], SOL_SOCKET, SO_RCVTIMEO, &limit, len) ||
	    setsockopt(sock[0], SOL_SOCKET, SO_SNDTIMEO, &limit, len))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		close(sock[0]);
		be_helper(sock[1], argc, argv);
	}
	close(sock[1]);
	return sock[0];
}

int priv_start(int argc, char **argv, struct err *err)
{
	int sock = former_sock(), ret;
	bool again = sock >= 0;

	if (!again)
		sock = fork_helper(argc, argv);
	if (sock < 0)
		return err_set(err, sock, "helper: %s", strerror(-sock));
	ret = keep_caps(0);
	if (ret == -EPERM && !again)
		ret = start_again(sock, argv);
	if (ret) {
		close(sock);
		return err_set(err, ret, "capabilities not given up: %s",
			       strerror(-ret));
	}
	helper_sock = sock;
	knl_set_access(&kernel_access);
	udp_set_access(&udp_access);
	return 0;
}

int priv_fd(void)
{
	return helper_sock;
}

bool priv_is_over(void)
{
	struct pollfd p = { .fd = helper_sock, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}
