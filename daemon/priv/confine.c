// SPDX-License-Identifier: Apache-2.0
/*
 * The system calls of mcsecd, by name; those that the machine lacks are left out.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "priv/priv.h"

/* The sanitizers call what the daemon never does. */
#if defined(HAVE_LIBSECCOMP) && !defined(__SANITIZE_ADDRESS__)
#include <seccomp.h>

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
	"fcntl",
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
	"tgkill",
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
	"ioctl",
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
	"prlimit64",
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

static const int daemon_families[] = { AF_UNIX, AF_INET, AF_INET6, AF_NETLINK };

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

/* Threads, and no processes. clone3() hides its flags, and libc does without it. */
static int allow_threads(scmp_filter_ctx f)
{
	int ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				   SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
					   CLONE_THREAD));

	return ret ? ret
		   : seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS),
				      SCMP_SYS(clone3), 0);
}

static int allow_sockets(scmp_filter_ctx f)
{
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < ARRAY_SIZE(daemon_families); i++)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ,
					       (scmp_datum_t)
						       daemon_families[i]));
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
	if (!ret && helper)
		ret = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, AF_NETLINK));
	if (!ret && !helper)
		ret = allow_calls(f, daemon_calls, ARRAY_SIZE(daemon_calls));
	if (!ret && !helper)
		ret = allow_threads(f);
	if (!ret && !helper)
		ret = allow_sockets(f);
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
			       "this build or this kernel has no seccomp filters");
	return ret ? err_set(err, ret, "seccomp: %s", strerror(-ret)) : 0;
}

int priv_confine_helper(void)
{
	return confine_process(true);
}
