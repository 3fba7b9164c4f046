/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quoting of names from outside for log lines: they are in quotes, cut, and
 * cannot end the quotes or the line.
 */
#ifndef LIB_QUOTE_H
#define LIB_QUOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/addr.h"

/* Octets of a name that are shown; "..." replaces the rest. */
#define QUOTE_SHOWN 64
/* An octet that is escaped is four characters. */
#define QUOTE_LEN (4 * QUOTE_SHOWN + sizeof("\"\"..."))
#define PEER_STRLEN (QUOTE_LEN + sizeof(" at ") + EP_STRLEN)

/*
 * Copy @s to @buf of @size octets, 1 at least, cut where it does not fit.
 * Octets that are not printable ASCII, or are in @also, become "\\x" and two
 * digits, so that no name from outside ends a line. Return @buf.
 */
char *quote_escape(const char *s, const char *also, char *buf, size_t size);

/*
 * Write @s in double quotes, and return @buf. In it quotes and backslashes
 * are escaped as well, so that two names never look the same unless both are
 * cut.
 */
const char *quote(const char *s, char buf[static QUOTE_LEN]);

/*
 * Return true if @s has a control character of ASCII, or one of those from U+0080 to
 * U+009F in UTF-8, which some terminals obey.
 */
bool quote_has_control(const char *s);

/*
 * A peer, whether it has proven its @name or not: "NAME" at ADDRESS:PORT, or
 * the address alone when @name is empty. Gives @buf back.
 */
const char *peer_str(const char *name, const struct ep *at,
		     char buf[static PEER_STRLEN]);

#endif
