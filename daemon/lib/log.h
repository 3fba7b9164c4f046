/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging of one line per event: to the journal with its fields (lib/journal.h) where
 * stderr is connected to it, or with the prefix <N> where only lines are possible;
 * to stderr; or to syslog. The levels:
 *
 *	err	the daemon cannot do its task
 *	warn	something is wrong on this host, but the daemon continues
 *	info	events for administrators: joins, rekeys, refusals
 *	debug	errors of peers, and protocol steps
 *
 * A line is "PHRASE: details", or "group NAME: PHRASE: details"; the phrases are
 * those of Documentation/logging.rst, which `make style` compares. Names that
 * peers chose stand behind the phrase, and in the quotes of lib/quote.h.
 *
 * Nothing is logged per packet, and no key at any level. What is not
 * printable ASCII is escaped, so that no text can end a line or steer a
 * terminal. errno is preserved. Single-threaded.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* @line has neither a prefix nor a newline. */
typedef void (*log_sink_fn)(enum log_level level, const char *line, void *ctx);

/* Return false if @line, of a priority of syslog, could not be sent. */
typedef bool (*log_journal_fn)(const char *ident, int priority,
			       const char *line);

/*
 * Set the destination. @ident must stay valid. Until this call warnings and
 * errors are written to stderr.
 */
void log_init(const char *ident, enum log_level level, bool to_stderr);
void log_set_level(enum log_level level);
/*
 * Give each line to @fn instead of stderr, while that returns true: lib/journal.h has
 * one, which only programs that use it are linked with. NULL: no more.
 */
void log_set_journal(log_journal_fn fn);
/* Redirect lines to a test. NULL restores stderr or syslog. */
void log_set_sink(log_sink_fn fn, void *ctx);
/*
 * Pass each line to @fn as well, after it was written. Lines that are logged by @fn
 * are not passed. NULL: no more.
 */
void log_set_tap(log_sink_fn fn, void *ctx);
/*
 * Return true if a line of @level would be written, to avoid costly
 * formatting.
 */
bool log_enabled(enum log_level level);

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level,
						    const char *fmt, ...);

#define log_err(...) log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Lines about one group, by its name in the configuration. */
#define log_group(level, name, fmt, ...) \
	log_line(level, "group %s: " fmt, name, ##__VA_ARGS__)

/* The same for @g of either role, whose configuration is g->conf. */
#define group_err(g, ...) log_group(LOG_LEVEL_ERR, (g)->conf->name, __VA_ARGS__)
#define group_warn(g, ...) \
	log_group(LOG_LEVEL_WARN, (g)->conf->name, __VA_ARGS__)
#define group_info(g, ...) \
	log_group(LOG_LEVEL_INFO, (g)->conf->name, __VA_ARGS__)
#define group_debug(g, ...) \
	log_group(LOG_LEVEL_DEBUG, (g)->conf->name, __VA_ARGS__)

#endif
