// SPDX-License-Identifier: Apache-2.0
#include "conf/field.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/nearest.h"
#include "lib/err.h"
#include "lib/noaddr.h"
#include "lib/quote.h"

#define PATH_LEN 256
#define NEAR_LEN 600

/* Write a path such as "gcks.groups[1].name", cut on the left if it is long. */
static void path_of(const config_setting_t *s, char *buf, size_t size)
{
	char tmp[PATH_LEN], part[PATH_LEN];

	buf[0] = '\0';
	for (; s && !config_setting_is_root(s); s = config_setting_parent(s)) {
		const char *name = config_setting_name(s);
		const char *dot = buf[0] && buf[0] != '[' ? "." : "";

		if (name)
			snprintf(part, sizeof(part), "%.100s%s", name, dot);
		else
			snprintf(part, sizeof(part), "[%d]%s",
				 config_setting_index(s), dot);
		snprintf(tmp, sizeof(tmp), "%s", buf);
		if (strlen(part) + strlen(tmp) >= size)
			return;
		strcpy(buf, part);
		strcat(buf, tmp);
	}
}

int conf_bad(struct conf_reader *r, const config_setting_t *s, const char *word,
	     const char *fmt, ...)
{
	const char *file = config_setting_source_file(s);
	unsigned int line = config_setting_source_line(s);
	char path[PATH_LEN], what[ERR_LEN];
	va_list ap;

	path_of(s, path, sizeof(path));
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(r->err, -EINVAL, "%s:%u: %s%s%s: %s",
		       file ? file : r->file, line ? line : 1, path,
		       word && path[0] ? "." : "", word ? word : "", what);
}

/* ---- suggestions -------------------------------------------------------- */

static const char *field_name(const void *arg, size_t i)
{
	return ((const struct conf_field *)arg)[i].name;
}

static const char *word_name(const void *arg, size_t i)
{
	return ((const struct conf_word *)arg)[i].word;
}

/* ---- groups --------------------------------------------------------------- */

static const struct conf_field *find_field(const struct conf_field *fields,
					   const char *name)
{
	for (; fields->name; fields++)
		if (!strcmp(fields->name, name))
			return fields;
	return NULL;
}

static int refuse_unknown(struct conf_reader *r, const config_setting_t *s,
			  const struct conf_field *fields)
{
	char near[NEAR_LEN];

	conf_nearest(field_name, fields, config_setting_name(s), near,
		     sizeof(near));
	return conf_bad(r, s, NULL, "no such setting here; there is %s", near);
}

int conf_read_group(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_field *fields, void *dst)
{
	const struct conf_field *f;
	config_setting_t *e;
	int i, ret;

	if (!config_setting_is_group(s))
		return conf_bad(r, s, NULL, "has to be a group, { ... }");
	for (i = 0; i < config_setting_length(s); i++) {
		e = config_setting_get_elem(s, (unsigned int)i);
		f = find_field(fields, config_setting_name(e));
		if (!f)
			return refuse_unknown(r, e, fields);
		ret = f->read(r, e, f, (char *)dst + f->offset);
		if (ret)
			return ret;
	}
	for (f = fields; f->name; f++)
		if (f->required && !config_setting_get_member(s, f->name))
			return conf_bad(r, s, f->name,
					"is missing: add %s = %s;", f->name,
					f->example);
	return 0;
}

/* ---- values --------------------------------------------------------------- */

static void put_number(void *dst, size_t size, uint32_t v)
{
	if (size == 1)
		*(uint8_t *)dst = (uint8_t)v;
	else if (size == 2)
		*(uint16_t *)dst = (uint16_t)v;
	else
		*(uint32_t *)dst = v;
}

int conf_read_number(struct conf_reader *r, const config_setting_t *s,
		     const struct conf_field *f, void *dst)
{
	int type = config_setting_type(s);
	long long v;

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return conf_bad(r, s, NULL, "has to be a whole number");
	v = type == CONFIG_TYPE_INT ? config_setting_get_int(s)
				    : config_setting_get_int64(s);
	if (v < f->min || v > f->max)
		return conf_bad(r, s, NULL, "%lld is not in %lld to %lld", v,
				(long long)f->min, (long long)f->max);
	put_number(dst, f->size, (uint32_t)v);
	return 0;
}

int conf_read_bool(struct conf_reader *r, const config_setting_t *s,
		   const struct conf_field *f, void *dst)
{
	(void)f;
	if (config_setting_type(s) != CONFIG_TYPE_BOOL)
		return conf_bad(r, s, NULL, "has to be true or false");
	*(bool *)dst = config_setting_get_bool(s);
	return 0;
}

const char *conf_text(struct conf_reader *r, const config_setting_t *s)
{
	const char *text;

	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		conf_bad(r, s, NULL, "has to be a string in quotes");
		return NULL;
	}
	text = config_setting_get_string(s);
	if (!text)
		text = "";
	if (quote_has_control(text)) {
		conf_bad(r, s, NULL, "has a control character: remove it");
		return NULL;
	}
	return text;
}

/* Replace a text, which may be a default. */
static int put_text(char **dst, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*dst);
	*dst = copy;
	return 0;
}

int conf_read_text(struct conf_reader *r, const config_setting_t *s,
		   const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s);

	if (!text)
		return -EINVAL;
	if ((int64_t)strlen(text) < f->min || (int64_t)strlen(text) > f->max)
		return conf_bad(r, s, NULL, "has to have %lld to %lld octets",
				(long long)f->min, (long long)f->max);
	return put_text(dst, text);
}

int conf_read_path(struct conf_reader *r, const config_setting_t *s,
		   const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s);

	(void)f;
	if (!text)
		return -EINVAL;
	/* The current directory of a daemon is meaningless to a reader. */
	if (text[0] != '/')
		return conf_bad(r, s, NULL,
				"\"%.100s\" is not an absolute path: it has to begin with \"/\"",
				text);
	return put_text(dst, text);
}

int conf_read_word(struct conf_reader *r, const config_setting_t *s,
		   const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s);
	const struct conf_word *w;
	char near[NEAR_LEN];

	if (!text)
		return -EINVAL;
	for (w = f->words; w->word; w++) {
		if (strcmp(w->word, text))
			continue;
		put_number(dst, f->size, (uint32_t)w->value);
		return 0;
	}
	conf_nearest(word_name, f->words, text, near, sizeof(near));
	return conf_bad(r, s, NULL, "\"%.60s\" is not known; there is %s", text,
			near);
}

int conf_read_addr(struct conf_reader *r, const config_setting_t *s,
		   const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s);

	(void)f;
	if (!text)
		return -EINVAL;
	if (addr_parse(text, dst))
		return conf_bad(r, s, NULL,
				"\"%.60s\" is not an IP address: %s", text,
				addr_why_not(text));
	if (addr_is_multicast(dst) || addr_is_any(dst))
		return conf_bad(r, s, NULL,
				"\"%.60s\" is not the address of one host, which is needed here",
				text);
	return 0;
}

int conf_read_multicast(struct conf_reader *r, const config_setting_t *s,
			const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s);

	(void)f;
	if (!text)
		return -EINVAL;
	if (addr_parse(text, dst))
		return conf_bad(r, s, NULL,
				"\"%.60s\" is not an IP address: %s", text,
				addr_why_not(text));
	if (!addr_is_multicast(dst))
		return conf_bad(r, s, NULL,
				"\"%.60s\" is not a multicast address (224.0.0.0/4 or ff00::/8)",
				text);
	return 0;
}

int conf_read_ep(struct conf_reader *r, const config_setting_t *s,
		 const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s);
	struct ep *ep = dst;
	int ret;

	if (!text)
		return -EINVAL;
	ret = ep_parse(text, (uint16_t)f->min, ep);
	if (ret == -ENODEV)
		return conf_bad(r, s, NULL,
				"the interface in \"%.80s\" does not exist: \"ip link\" shows those that do",
				text);
	if (ret)
		return conf_bad(r, s, NULL,
				"\"%.80s\" is not like \"192.0.2.1:848\" or \"[2001:db8::1]:848\": %s",
				text, ep_why_not(text));
	if (addr_is_multicast(&ep->addr))
		return conf_bad(r, s, NULL,
				"\"%.80s\" is multicast: write the address of one host",
				text);
	return 0;
}

static int add_name(struct conf_reader *r, const config_setting_t *s,
		    struct conf_names *names)
{
	const char *text = conf_text(r, s);
	const char *star;

	if (!text)
		return -EINVAL;
	if (!*text || strlen(text) > 1000)
		return conf_bad(r, s, NULL, "an identity has 1 to 1000 octets");
	star = strrchr(text, '*');
	if (star && (star != text || (text[1] && text[1] != '.') ||
		     !strcmp(text, "*.")))
		return conf_bad(r, s, NULL,
				"\"%.60s\": a pattern is \"*\" or \"*.\" and the end of a name",
				text);
	names->v[names->n] = strdup(text);
	if (!names->v[names->n])
		return -ENOMEM;
	names->n++;
	return 0;
}

int conf_read_names(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_field *f, void *dst)
{
	struct conf_names *names = dst;
	bool single = config_setting_type(s) == CONFIG_TYPE_STRING;
	const config_setting_t *one = s;
	int i, n, ret = 0;

	(void)f;
	if (single)
		n = 1;
	else if (config_setting_is_array(s) || config_setting_is_list(s))
		n = config_setting_length(s);
	else
		return conf_bad(r, s, NULL,
				"has to be a list of strings, [ \"a\", \"b\" ]");
	if (n > CONF_MAX_NAMES)
		return conf_bad(r, s, NULL, "more than %d names",
				CONF_MAX_NAMES);
	names->v = calloc(n ? (size_t)n : 1, sizeof(*names->v));
	if (!names->v)
		return -ENOMEM;
	for (i = 0; i < n && !ret; i++) {
		if (!single)
			one = config_setting_get_elem(s, (unsigned int)i);
		ret = add_name(r, one, names);
	}
	return ret ? ret : conf_names_index(names);
}
