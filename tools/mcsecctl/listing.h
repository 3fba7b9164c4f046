/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of the module that "show" lists: an array of JSON with -j, a table without. */
#ifndef MCSECCTL_LISTING_H
#define MCSECCTL_LISTING_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

struct ctl;
struct table;

struct listing {
	json_t *json;
	struct table *
		table; /* NULL: JSON, or the caller prints each object itself */
	size_t n;
};

/* Begin a list; without JSON @make makes the table, NULL for none. */
void listing_begin(struct listing *l, const struct ctl *ctl,
		   struct table *(*make)(void));

/* Count an object. Returns true if its JSON has to follow, by listing_put(). */
bool listing_next(struct listing *l);
/* Append the JSON of an object, which is taken. */
void listing_put(struct listing *l, json_t *o);

/*
 * Print the list and free it, or report that @command was refused if @ret is not 0.
 * @none is what a list without objects says to people. Returns an enum exit_code.
 */
int listing_end(struct listing *l, int ret, const char *command,
		const struct err *err, const char *none);

#endif
