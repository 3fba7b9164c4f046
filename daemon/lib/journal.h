/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of the log as entries of the systemd journal, with the fields that
 * Documentation/logging.rst lists. Single-threaded, and never sleeps longer than the
 * journal takes to receive a datagram.
 */
#ifndef LIB_JOURNAL_H
#define LIB_JOURNAL_H

#include <stdbool.h>

/*
 * Return true if standard error is connected to the journal, as JOURNAL_STREAM
 * says, and entries with fields can be sent to it: libsystemd was found at build
 * time and the socket of the journal is here.
 */
bool journal_here(void);

/*
 * Send @line, which has no newline, as an entry of program @ident with a priority
 * of syslog. Return false if it could not be sent.
 */
bool journal_send(const char *ident, int priority, const char *line);

#endif
