// SPDX-License-Identifier: Apache-2.0
/*
 * The system calls of mcsecd, by name; those that the machine lacks are left out.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "priv/priv.h"

/*
 * The sanitizers call what the daemon never does; machines of 32 bits have other calls,
 * and some of them one for all sockets.
 */
#if defined(HAVE_LIBSECCOMP) && !defined(__SANITIZE_ADDRESS__) && \
	__SIZEOF_POINTER__ == 8
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/util.h"

/* Both processes need memory, time, and an end. */
static const char *const common_calls[] = {
	"brk",
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"close",
	"exit",
	"exit_group",
	"futex",
	"futex_waitv",
	"getpid",
	"getrandom",
	"gettid",
	"gettimeofday",
	"madvise",
	"mmap",
	"mprotect",
	"mremap",
	"munmap",
	"nanosleep",
	"poll",
	"ppoll",
	"restart_syscall",
	"rseq",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"time",
	/* Sockets are there. */
	"bind",
	"getpeername",
	"getsockname",
	"getsockopt",
	"recvfrom",
	"recvmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	/* The C library writes the last words of abort(). */
	"write",
	"writev",
};

static const char *const daemon_calls[] = {
	/* Files are the configuration, the store and the trail. */
	"access",
	"chdir",
	"chmod",
	"chown",
	"copy_file_range",
	"dup",
	"dup2",
	"dup3",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fallocate",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchown",
	"fchownat",

	"fdatasync",
	"flock",
	"fstat",
	"fstatfs",
	"fsync",
	"ftruncate",
	"getcwd",
	"getdents",
	"getdents64",
	"lchown",
	"link",
	"linkat",
	"lseek",
	"lstat",
	"mkdir",
	"mkdirat",
	"newfstatat",
	"open",
	"openat",
	"pipe",
	"pipe2",
	"pread64",
	"preadv",
	"pwrite64",
	"pwritev",
	"read",
	"readlink",
	"readlinkat",
	"readv",
	"rename",
	"renameat",
	"renameat2",
	"rmdir",
	"sendfile",
	"stat",
	"statfs",
	"statx",
	"symlink",
	"symlinkat",
	"sync_file_range",
	"truncate",
	"umask",
	"unlink",
	"unlinkat",
	"utimensat",
	/* The loop waits for events. */
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"eventfd2",
	"inotify_add_watch",
	"inotify_init1",
	"inotify_rm_watch",
	"pselect6",
	"select",
	"signalfd4",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_settime",
	/* The control socket accepts clients. */
	"accept",
	"accept4",
	"connect",
	"listen",
	"recvmmsg",
	"sendmmsg",
	"shutdown",
	/* Memory is locked, or passed to the journal. */
	"memfd_create",
	"mincore",
	"mlock",
	"mlock2",
	"mlockall",
	"msync",
	"munlock",
	"munlockall",
	/* The process asks for itself, and has threads. */
	"arch_prctl",
	"capget",
	"get_robust_list",
	"getcpu",
	"getegid",
	"geteuid",
	"getgid",
	"getgroups",
	"getpgid",
	"getpgrp",
	"getppid",
	"getresgid",
	"getresuid",
	"getrlimit",
	"getrusage",
	"getsid",
	"getuid",
	"membarrier",
	"prctl",
	"rt_sigpending",
	"rt_sigtimedwait",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getparam",
	"sched_getscheduler",
	"sched_yield",
	"set_robust_list",
	"set_tid_address",
	"sigaltstack",
	"sysinfo",
	"uname",
};

static int allow_calls(scmp_filter_ctx f, const char *const *names, size_t n)
{
	int nr, ret = 0;
	size_t i;

	for (i = 0; !ret && i < n; i++) {
		nr = seccomp_syscall_resolve_name(names[i]);
		if (nr != __NR_SCMP_ERROR)
			ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0);
	}
	return ret;
}

/* A call of which one argument, as far as @mask goes, has to be @value. */
struct allowed {
	int nr;
	unsigned int arg;
	scmp_datum_t mask;
	scmp_datum_t value;
};

#define ANY_BITS UINT32_MAX
#define CALL(name, n_arg, v) \
	{ \
		.nr = SCMP_SYS(name), .arg = (n_arg), .mask = ANY_BITS, \
		.value = (v), \
	}

/* The flags are the first argument of clone(), but on one machine. */
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* F_SETOWN and F_SETSIG are left out, by which other processes get signals. */
static const struct allowed common_values[] = {
	CALL(fcntl, 1, F_DUPFD), CALL(fcntl, 1, F_DUPFD_CLOEXEC),
	CALL(fcntl, 1, F_GETFD), CALL(fcntl, 1, F_SETFD),
	CALL(fcntl, 1, F_GETFL), CALL(fcntl, 1, F_SETFL),
};

/* There are threads and no processes, and TIOCSTI types no words at a terminal. */
static const struct allowed daemon_values[] = {
	{ SCMP_SYS(clone), CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD },
	CALL(fcntl, 1, F_GETLK),
	CALL(fcntl, 1, F_SETLK),
	CALL(fcntl, 1, F_SETLKW),
	CALL(fcntl, 1, F_OFD_GETLK),
	CALL(fcntl, 1, F_OFD_SETLK),
	CALL(fcntl, 1, F_OFD_SETLKW),
	CALL(fcntl, 1, F_ADD_SEALS),
	CALL(fcntl, 1, F_GET_SEALS),
	CALL(ioctl, 1, TCGETS),
	CALL(ioctl, 1, TIOCGWINSZ),
	CALL(ioctl, 1, FIONREAD),
	CALL(ioctl, 1, FIONBIO),
	CALL(ioctl, 1, SIOCGIFNAME),
	CALL(ioctl, 1, SIOCGIFINDEX),
	CALL(prlimit64, 0, 0),
	CALL(socket, 0, AF_UNIX),
};

/* Sockets of a family have one kind, or one protocol. */
static const struct {
	int family;
	scmp_datum_t kind; /* without its flags; 0: the protocol counts */
	scmp_datum_t protocol;
} daemon_sockets[] = {
	{ AF_INET, SOCK_DGRAM, 0 },
	{ AF_INET6, SOCK_DGRAM, 0 },
	{ AF_NETLINK, 0, NETLINK_ROUTE },
	{ AF_NETLINK, 0, NETLINK_GENERIC },
};

#define SOCK_KIND 0xf

static int allow_values(scmp_filter_ctx f, const struct allowed *a, size_t n)
{
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < n; i++)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, a[i].nr, 1,
				       SCMP_CMP(a[i].arg, SCMP_CMP_MASKED_EQ,
						a[i].mask, a[i].value));
	return ret;
}

static int allow_sockets(scmp_filter_ctx f)
{
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < ARRAY_SIZE(daemon_sockets); i++) {
		scmp_datum_t family = (scmp_datum_t)daemon_sockets[i].family;
		scmp_datum_t kind = daemon_sockets[i].kind;
		scmp_datum_t protocol = daemon_sockets[i].protocol;

		if (kind)
			ret = seccomp_rule_add(f, SCMP_ACT_ALLOW,
					       SCMP_SYS(socket), 2,
					       SCMP_A0(SCMP_CMP_EQ, family),
					       SCMP_A1(SCMP_CMP_MASKED_EQ,
						       SOCK_KIND, kind));
		else
			ret = seccomp_rule_add(f, SCMP_ACT_ALLOW,
					       SCMP_SYS(socket), 2,
					       SCMP_A0(SCMP_CMP_EQ, family),
					       SCMP_A2(SCMP_CMP_EQ, protocol));
	}
	return ret;
}

/* Threads of this process get signals: by abort() and raise(). */
static int allow_own_signals(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

static int allow_helper(scmp_filter_ctx f)
{
	return seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
				SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
				SCMP_A2(SCMP_CMP_EQ, NETLINK_GENERIC));
}

static int allow_daemon(scmp_filter_ctx f)
{
	int ret = allow_calls(f, daemon_calls, ARRAY_SIZE(daemon_calls));

	if (!ret)
		ret = allow_values(f, daemon_values, ARRAY_SIZE(daemon_values));
	if (!ret)
		ret = allow_sockets(f);
	/* The flags of clone3() are hidden, and the C library does without it. */
	if (!ret)
		ret = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS),
				       SCMP_SYS(clone3), 0);
	return ret;
}

static int confine_process(bool helper)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int ret;

	if (!f)
		return -ENOMEM;
	/* The filter is for all threads, or fails; its search is binary. */
	ret = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!ret)
		ret = allow_calls(f, common_calls, ARRAY_SIZE(common_calls));
	if (!ret)
		ret = allow_values(f, common_values, ARRAY_SIZE(common_values));
	if (!ret)
		ret = allow_own_signals(f);
	if (!ret)
		ret = helper ? allow_helper(f) : allow_daemon(f);
	if (!ret)
		ret = seccomp_load(f);
	seccomp_release(f);
	return ret == -EINVAL || ret == -ENOSYS ? -EOPNOTSUPP : ret;
}

#else

static int confine_process(bool helper)
{
	(void)helper;
	return -EOPNOTSUPP;
}

#endif

int priv_confine(struct err *err)
{
	int ret = confine_process(false);

	if (ret == -EOPNOTSUPP)
		return err_set(err, ret,
			       "this build or this kernel has no seccomp filters, or the service manager forbids them");
	return ret ? err_set(err, ret, "seccomp: %s", strerror(-ret)) : 0;
}

int priv_confine_helper(void)
{
	return confine_process(true);
}
