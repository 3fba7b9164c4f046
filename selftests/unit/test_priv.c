// SPDX-License-Identifier: Apache-2.0
/*
 * Separation of privileges, by attempt: what the daemon cannot do after it has given its
 * capabilities up, what the helper does for it, and what it refuses. Needs root, who has
 * capabilities to give up; each test is a process of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/genetlink.h>
#include <linux/mcsec.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/udp.h"
#include "lib/util.h"
#include "priv/helper.h"
#include "priv/message.h"
#include "priv/priv.h"
#include "tap.h"

static char title[] = "a title that is long enough";
static char *title_argv[] = { title, NULL };

typedef void test_fn(void);

/* Run @fn in a process of its own, whose checks count here. */
static void in_child(test_fn *fn)
{
	int fd[2], got[2], status;
	pid_t pid;

	if (pipe(fd))
		bail("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		bail("fork");
	if (!pid) {
		fn();
		fflush(stdout);
		got[0] = tap_count;
		got[1] = tap_failed;
		if (write(fd[1], got, sizeof(got)) != sizeof(got))
			_exit(2);
		_exit(0);
	}
	close(fd[1]);
	if (read(fd[0], got, sizeof(got)) == sizeof(got)) {
		tap_count = got[0];
		tap_failed = got[1];
	}
	close(fd[0]);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "the process has ended");
}

static void start(void)
{
	struct err err = {};

	is_int(priv_start(1, title_argv, &err), 0, "the helper starts: %s",
	       err.text);
}

static uint64_t caps(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &head, data))
		return UINT64_MAX;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static int open_at(const char *text, unsigned int flags)
{
	struct ep at;
	int fd;

	if (ep_parse(text, 0, &at))
		bail("%s", text);
	fd = udp_open(&at, flags);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static int rmem_max(void)
{
	int v = 0;
	FILE *f = fopen("/proc/sys/net/core/rmem_max", "r");

	if (!f || fscanf(f, "%d", &v) != 1)
		bail("rmem_max");
	fclose(f);
	return v;
}

/* ---- the daemon --------------------------------------------------------- */

static void test_privileges(void)
{
	struct ep at;
	int fd, most = rmem_max();

	start();
	is_int(caps(), 0, "no capability is left");
	is_int(mount("none", "/mnt", "tmpfs", 0, NULL) ? errno : 0, EPERM,
	       "a mount is refused");
	is_int(open_at("127.0.0.1:843", 0), -EACCES,
	       "a reserved port that was not named is refused");
	is_int(priv_allow_port(843), 0, "the port is named");
	is_int(open_at("127.0.0.1:843", 0), 0, "the helper binds the port");
	is_int(open_at("239.77.1.9:842", UDP_SHARED), 0,
	       "the helper binds any port of a multicast address");
	is_int(priv_allow_port(0), -EINVAL, "there is no port 0");
	is_int(priv_seal(), 0, "the ports are sealed");
	is_int(priv_allow_port(844), -EPERM,
	       "no port can be named behind the seal");
	is_int(open_at("127.0.0.1:844", 0), -EACCES,
	       "a port that was not named is not bound");
	is_int(open_at("127.0.0.1:843", 0), 0, "the port from before still is");

	if (ep_parse("127.0.0.1:20843", 0, &at))
		bail("ep_parse");
	fd = udp_open(&at, 0);
	ok(udp_set_rcvbuf(fd, 4 * most) >= 4 * most,
	   "a receive buffer is larger than net.core.rmem_max");
	close(fd);
	ok(!priv_is_over(), "the helper is there");
}

static void *run_thread(void *arg)
{
	return arg;
}

static volatile sig_atomic_t raised;

static void note_signal(int signo)
{
	(void)signo;
	raised++;
}

static int socket_error(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void test_calls(void)
{
	static char *const words[] = { (char *)"true", NULL };
	int fd, ret, status = 0;
	pid_t pid, parent = getppid();
	struct err err = {};
	struct rlimit limit;
	pthread_t thread;

	start();
	ret = priv_confine(&err);
	if (ret == -EOPNOTSUPP) {
		skip("system calls are confined", err.text);
		return;
	}
	is_int(ret, 0, "system calls are confined: %s", err.text);
	is_int(execv("/bin/true", words) ? errno : 0, EPERM,
	       "no program is started");
	pid = fork();
	is_int(pid < 0 ? errno : 0, EPERM, "no process is started");
	is_int(kill(parent, SIGWINCH) ? errno : 0, EPERM,
	       "no other process gets a signal");
	is_int(unshare(CLONE_NEWUSER) ? errno : 0, EPERM,
	       "no namespace is made");
	is_int(syscall(SYS_tgkill, parent, parent, SIGWINCH) ? errno : 0, EPERM,
	       "no thread of another process gets a signal");
	is_int(fcntl(0, F_SETOWN, parent) ? errno : 0, EPERM,
	       "no other process gets signals of a file");
	is_int(fcntl(0, F_SETSIG, SIGKILL) ? errno : 0, EPERM,
	       "no file sends other signals");
	is_int(prlimit(parent, RLIMIT_NOFILE, NULL, &limit) ? errno : 0, EPERM,
	       "limits of other processes are their own");
	is_int(prlimit(0, RLIMIT_NOFILE, NULL, &limit), 0,
	       "the own limits are read");
	is_int(ioctl(0, TIOCSTI, "x") ? errno : 0, EPERM,
	       "no words are typed at a terminal");
	is_int(socket_error(AF_PACKET, SOCK_DGRAM, 0), EPERM,
	       "no packet socket is opened");
	is_int(socket_error(AF_INET, SOCK_STREAM, 0), EPERM,
	       "no TCP socket is opened");
	is_int(socket_error(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, 0), EPERM,
	       "no raw socket is opened");
	is_int(socket_error(AF_NETLINK, SOCK_RAW, NETLINK_XFRM), EPERM,
	       "no netlink socket of xfrm is opened");
	is_int(socket_error(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			    NETLINK_GENERIC),
	       0, "a generic netlink socket is opened");
	is_int(socket_error(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0), 0,
	       "a UDP socket with flags is opened");
	raised = 0;
	signal(SIGUSR1, note_signal);
	raise(SIGUSR1);
	is_int(raised, 1, "the process signals itself");
	fd = open("/dev/null", O_RDWR);
	ok(fd >= 0, "a file is opened");
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ok(fd >= 0, "a UDP socket is opened");
	close(fd);
	is_int(pthread_create(&thread, NULL, run_thread, &status), 0,
	       "a thread is started");
	pthread_join(thread, NULL);
	is_int(priv_allow_port(843), 0, "the helper is still asked");
}

/* ---- the helper --------------------------------------------------------- */

static int helper;
static uint32_t seq;

/* Return what the helper answers to that message; *@give is a descriptor or -1. */
static int answer_to(struct priv_head *head, const void *data, size_t len,
		     int fd, int *give)
{
	struct priv_answer answer;
	size_t more;
	int got;

	head->seq = ++seq;
	if (priv_message_send(helper, head, sizeof(*head), data, len, fd) ||
	    priv_message_recv(helper, &answer, sizeof(answer), NULL, 0, &more,
			      &got) ||
	    answer.seq != seq)
		return -EPROTO;
	if (give)
		*give = got;
	else if (got >= 0)
		close(got);
	return answer.ret;
}

static int answer_of(enum priv_op op, uint32_t value, int fd)
{
	struct priv_head head = { .op = op, .value = value };

	return answer_to(&head, NULL, 0, fd, NULL);
}

/* One netlink message of this type, as a compromised daemon might send it. */
static uint8_t relay_cmd = MCSEC_CMD_GROUP_GET;

static int relay(int fd, uint16_t type, uint32_t claimed, size_t len)
{
	struct priv_head head = { .op = PRIV_SEND };
	uint8_t data[64] = {};
	struct nlmsghdr *nlh = (void *)data;
	struct genlmsghdr *genl = (void *)(data + NLMSG_HDRLEN);

	nlh->nlmsg_len = claimed;
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	genl->cmd = relay_cmd;
	return answer_to(&head, data, len, fd, NULL);
}

static int open_files(pid_t pid)
{
	char path[64];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d)
		bail("%s", path);
	for (e = readdir(d); e; e = readdir(d))
		n++;
	closedir(d);
	return n;
}

/* One message with two descriptors, for which the control buffer has room. */
static void send_two_files(void)
{
	struct priv_head head = { .op = PRIV_SEAL, .seq = ++seq };
	struct iovec iov = { &head, sizeof(head) };
	union {
		char buf[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	const int files[2] = { 0, 1 };
	struct priv_answer answer;
	size_t more;
	int got;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(files));
	memcpy(CMSG_DATA(c), files, sizeof(files));
	if (sendmsg(helper, &msg, 0) < 0 ||
	    priv_message_recv(helper, &answer, sizeof(answer), NULL, 0, &more,
			      &got))
		bail("sendmsg");
}

static void test_helper(void)
{
	static const uint8_t refused[] = {
		0,
		MCSEC_CMD_GROUP_FLUSH,
		MCSEC_CMD_SA_FLUSH,
		MCSEC_CMD_SENDER_GET,
		MCSEC_CMD_SENDER_NEW,
		MCSEC_CMD_SENDER_SET,
		MCSEC_CMD_SENDER_DEL,
		MCSEC_CMD_MAX + 1,
	};
	struct priv_head head = { .op = PRIV_BIND };
	size_t i;
	int sock[2], tcp, give = -1, ret;
	uint8_t shorter[3] = {};
	struct priv_answer answer;
	size_t more;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock))
		bail("socketpair");
	pid = fork();
	if (!pid) {
		close(sock[0]);
		helper_run(sock[1]);
		_exit(0);
	}
	close(sock[1]);
	helper = sock[0];

	is_int(answer_of((enum priv_op)99, 0, -1), -EINVAL, "an unknown order");
	is_int(answer_of(PRIV_ROOM, 4096, -1), -EBADF,
	       "a buffer without a socket");
	is_int(answer_of(PRIV_INTERFACE, 1, -1), -EINVAL,
	       "an interface without a socket");
	is_int(answer_of(PRIV_ALLOW_PORT, 70000, -1), -EINVAL, "no port");
	is_int(answer_of(PRIV_ALLOW_PORT, 843, -1), 0, "a port");
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	if (ep_parse("127.0.0.1:843", 0, &head.local))
		bail("ep_parse");
	is_int(answer_to(&head, NULL, 0, tcp, NULL), -EINVAL,
	       "a TCP socket is not bound to a reserved port");
	is_int(answer_of(PRIV_INTERFACE, 1, tcp), -EINVAL,
	       "a TCP socket gets no interface");
	close(tcp);

	tcp = socket(AF_INET, SOCK_STREAM, 0);
	is_int(answer_of(PRIV_LEND, 0, tcp), -EINVAL,
	       "a TCP socket is none of an edge");
	close(tcp);
	is_int(answer_of(PRIV_LEND, 0, -1), -EINVAL,
	       "no socket is none either");
	ret = open_files(pid);
	tcp = socket(AF_INET, SOCK_DGRAM, 0);
	is_int(answer_of(PRIV_LEND, 0, tcp), 0, "a UDP socket is lent");
	is_int(answer_of(PRIV_LEND, 0, tcp), 0, "another one takes its place");
	close(tcp);
	is_int(open_files(pid), ret + 1, "the helper has the last one only");
	is_int(relay(-1, 0x20, 20, 20), -EPERM, "a request without a socket");
	is_int(open_files(pid), ret, "the next order ends the loan");
	head.op = PRIV_OPEN_REQUESTS;
	is_int(answer_to(&head, NULL, 0, -1, &give), 0, "a netlink socket");
	ok(give >= 0, "the netlink socket comes with the answer");
	is_int(relay(give, 0x20, 24, 20), -EPERM, "a request that claims more");
	is_int(relay(give, 0x20, 20, 24), -EPERM, "two requests in one");
	is_int(relay(give, 0x20, 8, 8), -EPERM, "less than a request");
	ret = relay(give, 24 /* RTM_NEWROUTE */, 20, 20);
	ok(ret == -EPERM || ret == -EOPNOTSUPP,
	   "a request that is not of the module's family");
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		relay_cmd = refused[i];
		is_int(relay(give, 0x20, 20, 20), -EPERM,
		       "command %u, which no daemon sends", relay_cmd);
	}
	relay_cmd = MCSEC_CMD_GROUP_GET;
	close(give);
	give = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	is_int(relay(give, 24 /* RTM_NEWROUTE */, 20, 20), -EPERM,
	       "a request to another part of the kernel");
	close(give);

	give = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	is_int(answer_of(PRIV_JOIN, 9, give), -EPERM,
	       "a group of another part of the kernel is not joined");
	close(give);
	ret = open_files(pid);
	send_two_files();
	is_int(open_files(pid), ret,
	       "descriptors that are too many are closed");

	if (send(helper, shorter, sizeof(shorter), 0) != sizeof(shorter))
		bail("send");
	is_int(priv_message_recv(helper, &answer, sizeof(answer), NULL, 0,
				 &more, &give),
	       -EPIPE, "octets that are no message end the helper");
	waitpid(pid, &ret, 0);
	ok(WIFEXITED(ret) && !WEXITSTATUS(ret),
	   "the helper has ended by itself");
}

int main(void)
{
	if (geteuid() || !caps()) {
		puts("1..0 # SKIP only root has capabilities to give up");
		return 4;
	}
	section("privileges");
	in_child(test_privileges);
	section("calls");
	in_child(test_calls);
	section("helper");
	in_child(test_helper);
	return done();
}
