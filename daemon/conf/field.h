/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of settings: each setting has a name, a place in a struct, and a
 * function that reads and checks its value. A group of settings is read by a
 * table. A setting that is not in the table is refused.
 */
#ifndef CONF_FIELD_H
#define CONF_FIELD_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct conf_reader {
	/* Name for settings without a file (libconfig returns NULL). */
	const char *file;
	struct err *err;
};

struct conf_field;

/* Read a value into @dst. Returns 0 or -errno, with the error text set. */
typedef int conf_read_fn(struct conf_reader *r, const config_setting_t *s,
			 const struct conf_field *f, void *dst);

/*
 * @min and @max limit a number, or the length of a text. @words is for
 * conf_read_word(), which stores the number of a word. @example is told where a
 * required setting is missing.
 */
struct conf_field {
	const char *name;
	conf_read_fn *read;
	size_t offset;
	size_t size;
	bool required;
	const char *example;
	int64_t min;
	int64_t max;
	const struct conf_word *words;
};

struct conf_word {
	const char *word;
	int value;
};

#define CONF_FIELD(type, member, text, fn, ...) \
	{ \
		.name = (text), .read = (fn), \
		.offset = offsetof(type, member), \
		.size = sizeof(((type *)0)->member), __VA_ARGS__ \
	}

/*
 * Set the text "file:line: word: what is wrong" for @s, or for its path if
 * @word is NULL. Returns -EINVAL.
 */
__attribute__((format(printf, 4, 5))) int conf_bad(struct conf_reader *r,
						   const config_setting_t *s,
						   const char *word,
						   const char *fmt, ...);

/* Read group @s into @dst by @fields, which end with an empty entry. */
int conf_read_group(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_field *fields, void *dst);

/* An unsigned number of 1, 2 or 4 octets, from min to max. */
conf_read_fn conf_read_number;
/* A bool. */
conf_read_fn conf_read_bool;
/* A char * of min to max octets without control characters. */
conf_read_fn conf_read_text;
/* A char * with an absolute path. */
conf_read_fn conf_read_path;
/* One of words, stored as a number of at most the size of int. */
conf_read_fn conf_read_word;
/* A struct addr. */
conf_read_fn conf_read_addr;
conf_read_fn conf_read_multicast;
/* A struct ep; min is the default port. */
conf_read_fn conf_read_ep;
/* The list in a struct conf_addke; conf_addke_policies has words of its policy. */
conf_read_fn conf_read_addke;
extern const struct conf_word conf_addke_policies[];
/* A struct conf_names: one text, or an array or list of texts. */
conf_read_fn conf_read_names;

/* Return the text of @s, or NULL with the error text set. */
const char *conf_text(struct conf_reader *r, const config_setting_t *s);

#endif
