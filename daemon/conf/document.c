// SPDX-License-Identifier: Apache-2.0
#include "conf/document.h"

#include <errno.h>
#include <jansson.h>
#include <libconfig.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/check.h"
#include "conf/field.h"
#include "lib/quote.h"
#include "lib/util.h"

#define FORM 1
#define IDENTITY_MAX 599

/* ---- from JSON ---------------------------------------------------------- */

static int bad_value(const char *key, const char *what, struct err *err)
{
	return err_set(err, -EINVAL, "settings: \"%.60s\" %s", key, what);
}

static int put_integer(config_setting_t *root, const char *key, json_int_t v)
{
	bool small = v >= INT_MIN && v <= INT_MAX;
	config_setting_t *s =
		config_setting_add(root, key,
				   small ? CONFIG_TYPE_INT : CONFIG_TYPE_INT64);

	if (!s)
		return -EINVAL;
	return (small ? config_setting_set_int(s, (int)v)
		      : config_setting_set_int64(s, v))
		       ? 0
		       : -ENOMEM;
}

/* Add a member of an object that has no others in it. */
static int put_scalar(config_setting_t *root, const char *key, const json_t *v,
		      struct err *err)
{
	config_setting_t *s = NULL;
	int ret = 0;

	if (json_is_integer(v)) {
		ret = put_integer(root, key, json_integer_value(v));
	} else if (json_is_string(v)) {
		s = config_setting_add(root, key, CONFIG_TYPE_STRING);
		ret = s && config_setting_set_string(s, json_string_value(v))
			      ? 0
			      : -EINVAL;
	} else if (json_is_boolean(v)) {
		s = config_setting_add(root, key, CONFIG_TYPE_BOOL);
		ret = s && config_setting_set_bool(s, json_is_true(v))
			      ? 0
			      : -EINVAL;
	} else {
		return bad_value(key,
				 "has to be a string, a whole number, true, false or a list",
				 err);
	}
	return ret ? bad_value(key, "is no setting of a group", err) : 0;
}

/* Add an entry of a list: a string, or an object as in "data". */
static int put_entry(config_setting_t *list, const char *key, const json_t *v,
		     struct err *err)
{
	config_setting_t *e;
	const char *name;
	json_t *member;
	int ret = 0;

	if (json_is_string(v))
		return config_setting_set_string_elem(list, -1,
						      json_string_value(v))
			       ? 0
			       : err_set(err, -ENOMEM, "out of memory");
	if (!json_is_object(v))
		return bad_value(key, "has to be a list of strings or objects",
				 err);
	e = config_setting_add(list, NULL, CONFIG_TYPE_GROUP);
	if (!e)
		return err_set(err, -ENOMEM, "out of memory");
	json_object_foreach((json_t *)v, name, member)
		if (!ret)
			ret = put_scalar(e, name, member, err);
	return ret;
}

/* Add one member of an object as the setting that a file would have. */
static int put_setting_of(config_setting_t *root, const char *key,
			  const json_t *v, struct err *err)
{
	config_setting_t *list;
	const json_t *e;
	int ret = 0;
	size_t i;

	if (!json_is_array(v))
		return put_scalar(root, key, v, err);
	list = config_setting_add(root, key, CONFIG_TYPE_LIST);
	if (!list)
		return bad_value(key, "is no setting of a group", err);
	json_array_foreach(v, i, e)
		if (!ret)
			ret = put_entry(list, key, e, err);
	return ret;
}

static int put_settings(config_setting_t *root, const struct conf_document *d,
			const json_t *settings, struct err *err)
{
	json_t *name = json_string(d->group), *v;
	const char *key;
	int ret;

	ret = put_setting_of(root, "name", name, err);
	json_decref(name);
	json_object_foreach((json_t *)settings, key, v) {
		if (!ret && !strcmp(key, "name"))
			ret = bad_value(key, "stands in \"group\"", err);
		if (!ret)
			ret = put_setting_of(root, key, v, err);
	}
	return ret;
}

static int read_settings(struct conf_document *d, const json_t *settings,
			 struct err *err)
{
	struct conf_reader r = { "document", err };
	config_setting_t *root;
	config_t cfg;
	int ret;

	config_init(&cfg);
	root = config_root_setting(&cfg);
	ret = put_settings(root, d, settings, err);
	if (!ret)
		ret = conf_read_gcks_group(&r, root, &d->conf);
	if (ret == -ENOMEM)
		err_set(err, ret, "out of memory");
	config_destroy(&cfg);
	return ret;
}

/* Refuse a member that this release does not know: it may forbid something. */
static int check_members(const json_t *o, const char *const *known,
			 struct err *err)
{
	const char *key;
	json_t *v;
	size_t i;

	json_object_foreach((json_t *)o, key, v) {
		for (i = 0; known[i]; i++)
			if (!strcmp(key, known[i]))
				break;
		if (!known[i])
			return err_set(err, -EINVAL,
				       "\"%.60s\" is not known in %s", key,
				       known[0]);
	}
	return 0;
}

static int read_identity_of(const json_t *o, const char *key, char **to,
			    struct err *err)
{
	const char *id = json_string_value(json_object_get(o, key));

	if (!id || !*id || strlen(id) > IDENTITY_MAX || quote_has_control(id))
		return err_set(err, -EINVAL,
			       "\"%s\" has to be a text of 1 to %d octets without control characters",
			       key, IDENTITY_MAX);
	*to = strdup(id);
	return *to ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int read_head(const json_t *o, const char *number,
		     struct conf_document *d, struct err *err)
{
	json_int_t version = json_integer_value(json_object_get(o, number));
	const json_t *group = json_object_get(o, "group");

	if (!json_is_string(group))
		return err_set(err, -EINVAL, "\"group\" has to be a name");
	if (version < 1 || version > DOCUMENT_VERSION_MAX)
		return err_set(err, -EINVAL,
			       "\"%s\" has to be a number from 1 on", number);
	d->version = (uint64_t)version;
	d->group = strdup(json_string_value(group));
	if (!d->group)
		return err_set(err, -ENOMEM, "out of memory");
	return json_object_get(o, "key-server")
		       ? read_identity_of(o, "key-server", &d->key_server, err)
		       : 0;
}

static int read_policy(const json_t *o, struct conf_document *d,
		       struct err *err)
{
	static const char *const known[] = { "mcsec-policy", "key-server",
					     "group",	     "version",
					     "settings",     NULL };
	const json_t *settings = json_object_get(o, "settings");
	int ret = read_head(o, "version", d, err);

	if (!ret && !json_is_object(settings))
		ret = err_set(err, -EINVAL, "\"settings\" has to be an object");
	if (!ret)
		ret = check_members(o, known, err);
	return ret ? ret : read_settings(d, settings, err);
}

/* Read the order and whom it is about. */
static int read_words_of(const json_t *o, struct conf_document *d,
			 struct err *err)
{
	const char *what = json_string_value(json_object_get(o, "order"));

	if (!what || (strcmp(what, "evict") && strcmp(what, "admit")))
		return err_set(err, -EINVAL,
			       "\"order\" has to be \"evict\" or \"admit\"");
	d->kind = strcmp(what, "evict") ? DOCUMENT_ADMIT : DOCUMENT_EVICT;
	return read_identity_of(o, "identity", &d->identity, err);
}

static int read_order(const json_t *o, struct conf_document *d, struct err *err)
{
	static const char *const known[] = {
		"mcsec-order", "key-server", "group",	  "number", "order",
		"identity",    "until",	     "emergency", NULL
	};
	const json_t *emergency = json_object_get(o, "emergency");
	int ret = read_head(o, "number", d, err);

	if (!ret)
		ret = check_members(o, known, err);
	if (!ret)
		ret = read_words_of(o, d, err);
	if (ret)
		return ret;
	d->until = json_integer_value(json_object_get(o, "until"));
	if (d->until < 1 || d->until > DOCUMENT_VERSION_MAX)
		return err_set(err, -EINVAL,
			       "\"until\" has to be a time in seconds since 1970");
	if (emergency && !json_is_boolean(emergency))
		return err_set(err, -EINVAL,
			       "\"emergency\" has to be true or false");
	d->emergency = json_is_true(emergency);
	if (d->emergency && d->kind == DOCUMENT_ADMIT)
		return err_set(err, -EINVAL,
			       "\"emergency\" is for an eviction alone");
	return 0;
}

static int read_document(const json_t *o, struct conf_document *d,
			 struct err *err)
{
	if (json_integer_value(json_object_get(o, "mcsec-policy")) == FORM)
		return read_policy(o, d, err);
	if (json_integer_value(json_object_get(o, "mcsec-order")) == FORM)
		return read_order(o, d, err);
	return err_set(err, -EINVAL,
		       "neither \"mcsec-policy\" nor \"mcsec-order\" is %d: another document, or one of a newer release",
		       FORM);
}

int conf_document_parse(const char *text, size_t len,
			struct conf_document **out, struct err *err)
{
	struct conf_document *d = calloc(1, sizeof(*d));
	json_error_t why = { .line = 0 };
	json_t *o;
	int ret;

	if (!d)
		return err_set(err, -ENOMEM, "out of memory");
	o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (o && json_is_object(o))
		ret = read_document(o, d, err);
	else
		ret = err_set(err, -EINVAL, "line %d: not a JSON object: %s",
			      why.line, o ? "another value" : why.text);
	json_decref(o);
	if (ret)
		conf_document_free(d);
	else
		*out = d;
	return ret;
}

void conf_document_free(struct conf_document *d)
{
	if (!d)
		return;
	conf_group_free(&d->conf);
	free(d->key_server);
	free(d->group);
	free(d->identity);
	free(d);
}

/*
 * Add a setting for each group, by which the check names the one that is wrong: by its
 * name, if that can be one of a setting.
 */
static int add_groups(config_setting_t *root, const struct conf_gcks *k)
{
	config_setting_t *s =
		config_setting_add(root, "gcks", CONFIG_TYPE_GROUP);
	char number[32];
	size_t i;

	s = s ? config_setting_add(s, "groups", CONFIG_TYPE_GROUP) : NULL;
	for (i = 0; s && i < k->n_groups; i++) {
		snprintf(number, sizeof(number), "group-%zu", i + 1);
		if (!config_setting_add(s, k->groups[i].name,
					CONFIG_TYPE_GROUP) &&
		    !config_setting_add(s, number, CONFIG_TYPE_GROUP))
			return -ENOMEM;
	}
	return s ? 0 : -ENOMEM;
}

int conf_document_check(const struct conf_gcks *k, struct err *err)
{
	struct conf_reader r = { "document", err };
	config_t cfg;
	int ret;

	config_init(&cfg);
	ret = add_groups(config_root_setting(&cfg), k);
	if (ret)
		err_set(err, ret, "out of memory");
	else
		ret = conf_check_gcks(&r, config_root_setting(&cfg), k);
	config_destroy(&cfg);
	return ret;
}

/* ---- from a file -------------------------------------------------------- */

static json_t *json_of_scalar(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
		return json_integer(config_setting_get_int(s));
	case CONFIG_TYPE_INT64:
		return json_integer(config_setting_get_int64(s));
	case CONFIG_TYPE_BOOL:
		return json_boolean(config_setting_get_bool(s));
	default:
		return json_string(config_setting_get_string(s));
	}
}

static json_t *json_of_entry(const config_setting_t *s)
{
	const config_setting_t *e;
	json_t *o;
	int i;

	if (!config_setting_is_group(s))
		return json_of_scalar(s);
	o = json_object();
	for (i = 0; i < config_setting_length(s); i++) {
		e = config_setting_get_elem(s, (unsigned int)i);
		json_object_set_new(o, config_setting_name(e),
				    json_of_scalar(e));
	}
	return o;
}

static json_t *json_of(const config_setting_t *s)
{
	const config_setting_t *e;
	json_t *list;
	int i;

	if (!config_setting_is_aggregate(s))
		return json_of_scalar(s);
	list = json_array();
	for (i = 0; i < config_setting_length(s); i++) {
		e = config_setting_get_elem(s, (unsigned int)i);
		json_array_append_new(list, json_of_entry(e));
	}
	return list;
}

static const config_setting_t *find_group_of(config_t *cfg, const char *group)
{
	const config_setting_t *list = config_lookup(cfg, "gcks.groups"), *e;
	const char *name;
	int i;

	for (i = 0; list && i < config_setting_length(list); i++) {
		e = config_setting_get_elem(list, (unsigned int)i);
		if (config_setting_lookup_string(e, "name", &name) &&
		    !strcmp(name, group))
			return e;
	}
	return NULL;
}

static char *document_text(const config_setting_t *s, const char *key_server,
			   const char *group, uint64_t version)
{
	json_t *settings = json_object(), *o;
	const config_setting_t *e;
	char *text;
	int i;

	for (i = 0; i < config_setting_length(s); i++) {
		e = config_setting_get_elem(s, (unsigned int)i);
		if (strcmp(config_setting_name(e), "name"))
			json_object_set_new(settings, config_setting_name(e),
					    json_of(e));
	}
	o = json_pack("{s:i, s:s, s:s, s:I, s:o}", "mcsec-policy", FORM,
		      "key-server", key_server, "group", group, "version",
		      (json_int_t)version, "settings", settings);
	text = json_dumps(o, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	json_decref(o);
	return text;
}

int conf_document_write(const char *file, const char *key_server,
			const char *group, uint64_t version, char **text,
			struct err *err)
{
	const config_setting_t *s;
	struct conf *c;
	config_t cfg;
	int ret;

	/* The messages for people are those of a start. */
	ret = conf_load(file, &c, err);
	if (ret)
		return ret;
	conf_free(c);
	config_init(&cfg);
	s = config_read_file(&cfg, file) ? find_group_of(&cfg, group) : NULL;
	*text = s ? document_text(s, key_server, group, version) : NULL;
	if (!s)
		ret = err_set(err, -ENOENT,
			      "%s: gcks.groups has no group \"%s\"", file,
			      group);
	else if (!*text)
		ret = err_set(err, -ENOMEM, "out of memory");
	config_destroy(&cfg);
	return ret;
}
