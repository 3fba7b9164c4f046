/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of JSON that may lack anything. */
#ifndef MCSECCTL_ANSWER_H
#define MCSECCTL_ANSWER_H

#include <jansson.h>

/* Return the text at @key of an object, "" if there is none. */
static inline const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* Return the integer at @key of an object, 0 if there is none. */
static inline json_int_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

#endif
