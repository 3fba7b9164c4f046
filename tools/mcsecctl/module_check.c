// SPDX-License-Identifier: Apache-2.0
/* The kernel's module: loaded, or there to be loaded, or there to be built. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "files.h"
#include "checks.h"
#include "ctl/version.h"
#include "lib/util.h"

#define CAP_NET_ADMIN_BIT 12

/* Return true if depmod has found a module of this name for the kernel. */
static bool is_built(const struct checks *c, const char *release)
{
	char path[PATH_MAX], line[4096];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/lib/modules/%s/modules.dep", c->root,
		 release);
	f = fopen(path, "r");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, ":")] = '\0';
		found = strstr(line, "/mcsec.ko") ||
			!strncmp(line, "mcsec.ko", 8);
	}
	fclose(f);
	return found;
}

static bool has_path(const struct checks *c, const char *name,
		     const char *release)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s%s", c->root, name, release);
	return path_exists(path);
}

static void judge_loaded(struct checks *c)
{
	char version[64];

	if (read_setting(c, version, sizeof(version),
			 "/sys/module/mcsec/version") &&
	    strcmp(version, MCSEC_VERSION))
		check_problem(c, "module",
			      "install the same version of both, and load the module again",
			      "version %s is loaded, and mcsecctl is %s",
			      version, MCSEC_VERSION);
	else
		check_ok(c, "module", "mcsec is loaded");
}

static void judge_absent(struct checks *c, const char *release)
{
	if (has_path(c, "/lib/modules/", release) && is_built(c, release)) {
		check_ok(c, "module",
			 "not loaded; \"modprobe mcsec\" loads it for %s",
			 release);
		return;
	}
	check_problem(c, "module",
		      "install mcsec-dkms, or \"make install\" in the source",
		      "mcsec is neither loaded nor installed for the kernel %s",
		      release);
}

/* Headers are of no interest while there is a module. */
static void judge_headers(struct checks *c, const char *release)
{
	char build[128];

	snprintf(build, sizeof(build), "%s/build", release);
	if (has_path(c, "/lib/modules/", build))
		check_ok(c, "headers", "those of the kernel %s are installed",
			 release);
	else
		check_problem(c, "headers",
			      "install linux-headers of this kernel, with which the module is built; after an update of the kernel start it first",
			      "no headers of the kernel %s", release);
	if (has_path(c, "/var/lib/dkms/mcsec", ""))
		check_ok(c, "dkms", "knows mcsec; \"dkms status\" has more");
}

static void judge_rights(struct checks *c)
{
	char line[128] = "";
	uint64_t caps;
	bool found = false;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "CapEff:", 7);
	if (f)
		fclose(f);
	if (!found) {
		check_unchecked(c, "capability", "mount /proc",
				"/proc/self/status has no CapEff");
		return;
	}
	caps = strtoull(line + 7, NULL, 16);
	if (caps & 1ull << CAP_NET_ADMIN_BIT)
		check_ok(c, "capability", "CAP_NET_ADMIN");
	else
		check_problem(c, "capability",
			      "use sudo; mcsecd.service gives it to mcsecd",
			      "no CAP_NET_ADMIN, without which the module answers nobody");
}

void check_module(struct checks *c)
{
	struct utsname u;

	uname(&u);
	if (has_path(c, "/sys/module/mcsec", "")) {
		judge_loaded(c);
	} else {
		judge_absent(c, u.release);
		if (!is_built(c, u.release))
			judge_headers(c, u.release);
	}
	judge_rights(c);
}
