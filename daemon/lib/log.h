/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event, to stderr (with the journal's <N> prefix when systemd
 * reads it) or to syslog. Levels say whose fault it is:
 *
 *	err	we can't do what we are for
 *	warn	something is wrong here, we go on
 *	info	what an administrator wants to see once: joins, rekeys, refusals
 *	debug	what peers did wrong, and protocol steps
 *
 * Nothing is ever logged per packet, and no key at any level. Control
 * characters are replaced, since lines may carry names that peers chose.
 * errno is preserved. Single-threaded.
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

/* @line has neither prefix nor newline. */
typedef void (*log_sink_fn)(enum log_level level, const char *line, void *ctx);

/* @ident must stay valid. Before this call: warn and worse, to stderr. */
void log_init(const char *ident, enum log_level level, bool to_stderr);
void log_set_level(enum log_level level);
/* Tests read lines here instead; NULL goes back to stderr or syslog. */
void log_set_sink(log_sink_fn fn, void *ctx);
/* True when a line of @level would be written: before costly formatting. */
bool log_enabled(enum log_level level);

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level,
						    const char *fmt, ...);

#define log_err(...) log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
