// SPDX-License-Identifier: Apache-2.0
#include "lib/proc.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/log.h"

void proc_harden(void)
{
	struct rlimit none = { 0, 0 };

	umask(077);
	if (setrlimit(RLIMIT_CORE, &none) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		log_warn("core dumps not disabled: %s", strerror(errno));
}

bool proc_be_daemon(void)
{
	const struct passwd *pw = geteuid() ? NULL : getpwnam(DAEMON_USER);

	if (!pw || setgroups(1, &pw->pw_gid) || setegid(pw->pw_gid))
		return false;
	return !seteuid(pw->pw_uid);
}

void proc_be_root(void)
{
	gid_t none = 0;

	/* The user comes first, as only root may set the others. */
	if (seteuid(0) || setegid(0) || setgroups(1, &none))
		abort();
}

void proc_lock_memory(void)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	/*
	 * An allocation beyond the limit would fail, so the limit is removed.
	 * Pages are locked when they are touched, because most mapped pages
	 * never are.
	 */
	if (setrlimit(RLIMIT_MEMLOCK, &all) ||
	    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		log_warn("memory not locked: %s", strerror(errno));
}
