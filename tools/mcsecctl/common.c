// SPDX-License-Identifier: Apache-2.0
/* Helpers of all commands: error messages, tables of words, the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/nl.h"
#include "lib/quote.h"
#include "mcsecctl.h"

static const struct ctl *running;

void complain_in(const struct ctl *ctl)
{
	running = ctl;
}

int complain(int code, const char *fmt, ...)
{
	char text[2048], safe[4 * sizeof(text)];
	va_list ap;

	if (running && running->quiet)
		return code;
	fflush(stdout);
	fputs("mcsecctl: ", stderr);
	if (running && running->batch)
		fprintf(stderr, "%s:%lu: ", running->batch, running->line);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Names and answers from elsewhere are in it: what a terminal obeys is escaped. */
	fprintf(stderr, "%s\n", quote_escape(text, "", safe, sizeof(safe)));
	return code;
}

void tell_done(const struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	if (ctl->json ||
	    (!ctl->verbose && (ctl->batch || !isatty(STDOUT_FILENO))))
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* Return the cure for lack of a capability, if that is the fault. */
static const char *cure_of(const char *why)
{
	return strstr(why, "CAP_NET_ADMIN") && geteuid() ? ": use sudo" : "";
}

int check_argc(int argc, int min, int max)
{
	const struct command *of = running->of, *c = running->command;

	if (argc >= min && argc <= max)
		return EXIT_OK;
	return complain(EXIT_USAGE,
			"too %s arguments; usage: mcsecctl %s%s%s%s%s",
			argc < min ? "few" : "many", of->name ? of->name : "",
			of->name ? " " : "", c->name, *c->usage ? " " : "",
			c->usage);
}

static int enter_netns_of(const char *name)
{
	const char *path = name;
	char buf[4096];
	int fd, ret;

	if (!strchr(name, '/')) {
		snprintf(buf, sizeof(buf), "/run/netns/%s", name);
		path = buf;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain(EXIT_FAILED, "network namespace \"%s\": %s",
				name, strerror(errno));
	ret = setns(fd, CLONE_NEWNET);
	if (ret < 0 && errno == EPERM)
		complain(0,
			 "network namespace \"%s\": permission denied: need CAP_SYS_ADMIN",
			 name);
	else if (ret < 0)
		complain(0, "\"%s\" is not a network namespace: %s", name,
			 strerror(errno));
	close(fd);
	return ret < 0 ? EXIT_FAILED : EXIT_OK;
}

int enter_netns(struct ctl *ctl)
{
	return ctl->netns ? enter_netns_of(ctl->netns) : EXIT_OK;
}

int need_kernel(struct ctl *ctl)
{
	struct err err;
	int ret;

	if (ctl->kernel.ops)
		return EXIT_OK;
	ret = enter_netns(ctl);
	if (ret)
		return ret;
	if (knl_open(&ctl->kernel, &err))
		return complain(EXIT_FAILED, "%s%s", err.text,
				cure_of(err.text));
	return EXIT_OK;
}

void put_json_int(json_t *o, const char *name, uint64_t v)
{
	json_object_set_new(o, name, json_integer(v));
}

void put_json_str(json_t *o, const char *name, const char *s)
{
	json_object_set_new(o, name, json_string(s));
}

int refused(const char *what, const struct err *err)
{
	return complain(EXIT_FAILED, "%s: %s%s", what, err->text,
			cure_of(err->text));
}

void warned(const char *what, const struct err *err)
{
	if (*err->text)
		complain(EXIT_OK, "%s: warning: %s", what, err->text);
}

int print_json(json_t *json)
{
	int ret = json ? json_dumpf(json, stdout,
				    JSON_COMPACT | JSON_ENSURE_ASCII)
		       : -1;

	json_decref(json);
	if (ret)
		return complain(EXIT_FAILED, "no memory for the output");
	putchar('\n');
	return EXIT_OK;
}
