/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a configuration, with a comment above each setting, from settings as JSON
 * under the names of mcsecd.conf(5). A bundle carries those of a member in this form.
 */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"

struct conf;

/* Paths, and the roles; NULL if the host does not have one. */
struct conf_source {
	const char *certificate;
	const char *key;
	const char *ca;
	const char *crl; /* proposed in a comment */
	const json_t *gcks;
	const json_t *member;
};

/*
 * Write the text and check it as mcsecd does, with @name in place of the file. Returns
 * the text, which the caller frees, or NULL with a line in @err: a setting that is
 * unknown or wrong, or a character that a string of the file cannot have.
 */
char *write_conf_text(const struct conf_source *source, const char *name,
		      struct err *err);

/*
 * Make the settings of a member from the groups of @conf, the configuration of a key
 * server, in which @id may send or receive; both strings are those of the member's
 * configuration. Returns NULL with a line in @err if there is none.
 */
json_t *member_settings_of(const struct conf *conf, const char *id,
			   const char *gcks, const char *gcks_id,
			   struct err *err);

/* Settings of a member that no key server knows. */
struct local_settings {
	const char *interface; /* NULL: none */
	const char *const *interfaces; /* ends with NULL */
	bool forward;
};

/*
 * Add them to the settings of a member, for all of its groups. Returns NULL, or the
 * name of a setting that is not UTF-8.
 */
const char *add_local_settings(json_t *member, const struct local_settings *l);

#endif
