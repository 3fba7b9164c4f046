/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quoting of names from outside for log lines: they are in quotes, cut, and
 * cannot end the quotes or the line.
 */
#ifndef LIB_QUOTE_H
#define LIB_QUOTE_H

/* Octets of a name that are shown; "..." replaces the rest. */
#define QUOTE_SHOWN 64
#define QUOTE_LEN (QUOTE_SHOWN + sizeof("\"\"..."))

/*
 * Write @s in double quotes, and return @buf. Quotes, backslashes, control
 * characters and octets outside ASCII become "?".
 */
const char *quote(const char *s, char buf[static QUOTE_LEN]);

#endif
