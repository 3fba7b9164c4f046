// SPDX-License-Identifier: Apache-2.0
/* The module as mcsecctl doctor looks for it, in a folder in place of /. */
#include <errno.h>
#include <sys/stat.h>

#include "../../tools/mcsecctl/checks.c"
#include "../../tools/mcsecctl/files.c"
#include "../../tools/mcsecctl/module_check.c"
#include "tap.h"

int complain(int code, const char *fmt, ...)
{
	(void)fmt;
	return code;
}

static char root[] = "/tmp/mcsec-root-XXXXXX";
static char release[128];

static void put(const char *text, const char *fmt, ...)
{
	char name[256], path[512], *slash;
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s%s", root, name);
	for (slash = strchr(path + strlen(root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		bail("%s: %s", path, strerror(errno));
}

static const char *part(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Return "check result" of each line but that of the rights, with commas. */
static const char *found(char *first, size_t size)
{
	struct checks c = { .list = json_array(), .root = root };
	static char buf[256];
	const json_t *o;
	size_t i, len = 0;

	check_module(&c);
	buf[0] = '\0';
	json_array_foreach(c.list, i, o) {
		if (!i)
			snprintf(first, size, "%s", part(o, "text"));
		if (!strcmp(part(o, "check"), "capability"))
			continue;
		len += snprintf(buf + len, sizeof(buf) - len, "%s%s %s",
				i ? ", " : "", part(o, "check"),
				part(o, "result"));
		if (!*part(o, "cure") != !strcmp(part(o, "result"), "ok"))
			bail("%s: cure", part(o, "check"));
	}
	json_decref(c.list);
	return buf;
}

int main(void)
{
	char text[256], cmd[128];
	struct utsname u;

	uname(&u);
	snprintf(release, sizeof(release), "%s", u.release);
	if (!mkdtemp(root))
		bail("mkdtemp");
	is_str(found(text, sizeof(text)), "module problem, headers problem",
	       "a host without the module and without headers");
	put("", "/lib/modules/%s/build/Makefile", release);
	put("", "/var/lib/dkms/mcsec/x");
	is_str(found(text, sizeof(text)), "module problem, headers ok, dkms ok",
	       "a host with headers and DKMS, without the module");
	put("kernel/net/a.ko: kernel/net/mcsec.ko\nupdates/notmcsec.ko:\n",
	    "/lib/modules/%s/modules.dep", release);
	is_str(found(text, sizeof(text)), "module problem, headers ok, dkms ok",
	       "a module that needs one of this name is another");
	put("kernel/a.ko:\nupdates/dkms/mcsec.ko.xz: kernel/crypto/gcm.ko\n",
	    "/lib/modules/%s/modules.dep", release);
	is_str(found(text, sizeof(text)), "module ok",
	       "a module that can be loaded");
	ok(strstr(text, "modprobe mcsec"), "text: %s", text);
	put(MCSEC_VERSION "\n", "/sys/module/mcsec/version");
	is_str(found(text, sizeof(text)), "module ok",
	       "a module that is loaded");
	ok(strstr(text, "is loaded"), "text: %s", text);
	put("0.0.1\n", "/sys/module/mcsec/version");
	is_str(found(text, sizeof(text)), "module problem",
	       "a module of another version");
	ok(strstr(text, "0.0.1 is loaded"), "text: %s", text);
	snprintf(cmd, sizeof(cmd), "rm -r %s", root);
	is_int(system(cmd), 0, "the folder is removed");
	return done();
}
