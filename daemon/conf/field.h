/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings as tables: each has a name, a place in a struct, and a function
 * that reads and judges its value. A group of settings is read by its table;
 * what is not in the table is refused.
 */
#ifndef CONF_FIELD_H
#define CONF_FIELD_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"

struct conf_reader {
	/* name for what has no file of its own (libconfig says NULL) */
	const char *file;
	struct err *err;
};

struct conf_field;

/* @dst: where the value goes. 0 or -errno with the sentence written. */
typedef int conf_read_fn(struct conf_reader *r, const config_setting_t *s,
			 const struct conf_field *f, void *dst);

/*
 * @min, @max: of a number, or lengths of a text
 * @words: for conf_read_word(), the values are their numbers
 */
struct conf_field {
	const char *name;
	conf_read_fn *read;
	size_t offset;
	size_t size;
	bool required;
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
 * The sentence "file:line: word: what is wrong" about @s; @word NULL: the
 * path of @s itself. Returns -EINVAL.
 */
__attribute__((format(printf, 4, 5))) int conf_bad(struct conf_reader *r,
						   const config_setting_t *s,
						   const char *word,
						   const char *fmt, ...);

/* Reads group @s into @dst by @fields, which end with an empty one. */
int conf_read_group(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_field *fields, void *dst);

/* Unsigned numbers of 1, 2 or 4 octets, between min and max. */
conf_read_fn conf_read_number;
/* bool */
conf_read_fn conf_read_bool;
/* char *, min to max octets, no control characters */
conf_read_fn conf_read_text;
/* char *, an absolute path */
conf_read_fn conf_read_path;
/* one of words, into an int-sized or smaller number */
conf_read_fn conf_read_word;
/* struct addr */
conf_read_fn conf_read_addr;
conf_read_fn conf_read_multicast;
/* struct ep, min being the port that may be left out */
conf_read_fn conf_read_ep;
/* struct conf_names: one text, or an array or list of them */
conf_read_fn conf_read_names;

/* The text of @s, or NULL with the sentence written. */
const char *conf_text(struct conf_reader *r, const config_setting_t *s);

#endif
