/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that come from outside, as log lines have them: in quotes, cut, and
 * with nothing in them that could end the quotes or the line.
 */
#ifndef LIB_QUOTE_H
#define LIB_QUOTE_H

/* Octets of a name that are shown; "..." stands for the rest. */
#define QUOTE_SHOWN 64
#define QUOTE_LEN (QUOTE_SHOWN + sizeof("\"\"..."))

/*
 * Writes @s in double quotes and gives @buf back. Quotes, backslashes,
 * controls and octets that are not ASCII become "?".
 */
const char *quote(const char *s, char buf[static QUOTE_LEN]);

#endif
