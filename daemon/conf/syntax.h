/* SPDX-License-Identifier: Apache-2.0 */
/* Causes for which libconfig cannot read a file. */
#ifndef CONF_SYNTAX_H
#define CONF_SYNTAX_H

#include <stdbool.h>

/*
 * Return the first line, from 1, on which a quote is opened that is closed on a
 * later line or not at all. libconfig allows text of several lines, and reports
 * the line where the next quote ends it. Returns 0 if there is none, or if the
 * file cannot be read.
 */
unsigned int conf_open_quote(const char *path);
/*
 * Return the line of the innermost bracket that is open where another kind is closed,
 * or at the end of the file, if that place is not behind line @until, where libconfig
 * gave up. *@bracket is the bracket. Returns 0 if there is none, or if the file cannot
 * be read.
 */
unsigned int conf_open_bracket(const char *path, unsigned int until,
			       char *bracket);
bool conf_is_folder(const char *path);

#endif
