// SPDX-License-Identifier: Apache-2.0
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

#include "lib/quote.h"

#define LINE_MAX_LEN 1024

static enum log_level max_level = LOG_LEVEL_WARN;
static bool to_stderr = true;
static bool to_journal;
static log_journal_fn journal;
static const char *program = "";
static log_sink_fn sink;
static void *sink_ctx;
static log_sink_fn tap;
static void *tap_ctx;

static int level_priority(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERR:
		return LOG_ERR;
	case LOG_LEVEL_WARN:
		return LOG_WARNING;
	case LOG_LEVEL_INFO:
		return LOG_INFO;
	case LOG_LEVEL_DEBUG:
		return LOG_DEBUG;
	}
	return LOG_ERR;
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERR:
		return "error: ";
	case LOG_LEVEL_WARN:
		return "warning: ";
	case LOG_LEVEL_INFO:
	case LOG_LEVEL_DEBUG:
		return "";
	}
	return "";
}

void log_init(const char *ident, enum log_level level, bool use_stderr)
{
	max_level = level;
	to_stderr = use_stderr;
	program = ident;
	/* systemd sets JOURNAL_STREAM if stderr is connected to the journal. */
	to_journal = getenv("JOURNAL_STREAM");
	if (!use_stderr)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void log_set_level(enum log_level level)
{
	max_level = level;
}

void log_set_journal(log_journal_fn fn)
{
	journal = fn;
}

void log_set_sink(log_sink_fn fn, void *ctx)
{
	sink = fn;
	sink_ctx = ctx;
}

void log_set_tap(log_sink_fn fn, void *ctx)
{
	tap = fn;
	tap_ctx = ctx;
}

/* The tap is closed while it runs, so that its own lines do not come back. */
static void pass_to_tap(enum log_level level, const char *line)
{
	log_sink_fn fn = tap;

	if (!fn)
		return;
	tap = NULL;
	fn(level, line, tap_ctx);
	tap = fn;
}

bool log_enabled(enum log_level level)
{
	return level <= max_level;
}

static void write_out(enum log_level level, const char *line)
{
	int priority = level_priority(level);

	if (!to_stderr)
		syslog(priority, "%s", line);
	else if (journal && journal(program, priority, line))
		return;
	else if (to_journal)
		fprintf(stderr, "<%d>%s\n", priority, line);
	else
		fprintf(stderr, "%s%s\n", level_word(level), line);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_LEN], line[LINE_MAX_LEN];
	int saved = errno;
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	quote_escape(text, "", line, sizeof(line));
	if (sink)
		sink(level, line, sink_ctx);
	else
		write_out(level, line);
	pass_to_tap(level, line);
	errno = saved;
}
