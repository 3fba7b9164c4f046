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

/* The longest line of a message. */
#define COMPLAINT_MAX 2048

static const struct ctl *running;

void complain_in(const struct ctl *ctl)
{
	running = ctl;
}

/* Print one object, which programs find on standard error where people find text. */
static void print_complaint(const char *kind, const char *text)
{
	const struct ctl *ctl = running;
	json_t *o = json_object(), *s = json_string(text);

	json_object_set_new(o, kind, s ? s : json_string("(not UTF-8)"));
	if (ctl->batch) {
		s = json_string(ctl->batch);
		json_object_set_new(o, "file",
				    s ? s : json_string("(not UTF-8)"));
		put_json_int(o, "line", ctl->line);
	}
	json_dumpf(o, stderr, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', stderr);
	json_decref(o);
}

/* @kind is "error" or "warning". */
static void complain_of_kind(const char *kind, const char *text)
{
	char safe[4 * COMPLAINT_MAX];

	fflush(stdout);
	if (running && running->json) {
		print_complaint(kind, text);
		return;
	}
	fputs("mcsecctl: ", stderr);
	if (running && running->batch)
		fprintf(stderr, "%s:%lu: ", running->batch, running->line);
	/* Names and answers from elsewhere are in it: what a terminal obeys is escaped. */
	fprintf(stderr, "%s%s\n", *kind == 'w' ? "warning: " : "",
		quote_escape(text, "", safe, sizeof(safe)));
}

int complain(int code, const char *fmt, ...)
{
	char text[COMPLAINT_MAX];
	va_list ap;

	if (running && running->quiet)
		return code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	complain_of_kind("error", text);
	return code;
}

void warn_user(const char *fmt, ...)
{
	char text[COMPLAINT_MAX];
	va_list ap;

	if (running && running->quiet)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	complain_of_kind("warning", text);
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
		return complain(EXIT_FAILED, "network namespace \"%s\": %s%s",
				name, strerror(errno),
				errno == ENOENT
					? ": \"ip netns\" lists those that have names"
				: errno == EACCES ? ": use sudo"
						  : "");
	ret = setns(fd, CLONE_NEWNET);
	if (ret < 0 && errno == EPERM)
		complain(0,
			 "network namespace \"%s\": permission denied: need CAP_SYS_ADMIN%s",
			 name, geteuid() ? ": use sudo" : "");
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
		warn_user("%s: %s", what, err->text);
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
