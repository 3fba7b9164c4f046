/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of a line of the log, whose form Documentation/logging.rst defines:
 *
 *	[group NAME: | IKE SA 0xI_0xR: ] phrase [: details]
 *
 * The details of many lines begin with the peer: "NAME" at ADDRESS:PORT, or either
 * of both. A name that comes from outside is in quotes, and what is in quotes is
 * never taken for another field, so that no peer can choose the fields of a line.
 */
#ifndef LIB_ABOUT_H
#define LIB_ABOUT_H

#include <stddef.h>

/* A part of the line, which is not terminated; @len is 0 if it has none. */
struct about_part {
	const char *at;
	size_t len;
};

struct about {
	struct about_part phrase;
	struct about_part group;
	struct about_part ike_sa; /* "0xI_0xR" */
	struct about_part name; /* without its quotes, escaped as in the line */
	struct about_part address; /* "192.0.2.1:848" */
	struct about_part spi; /* the first one of ESP, "0x0000abcd" */
	struct about_part message_id; /* decimal digits */
};

/* Fill @a with parts of @line, which has to live as long as @a. */
void about_line(const char *line, struct about *a);

#endif
