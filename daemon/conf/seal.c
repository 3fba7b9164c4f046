// SPDX-License-Identifier: Apache-2.0
#include "conf/seal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/credential.h"

int conf_read_place(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_field *f, void *dst)
{
	const struct conf_field text = { .min = 1, .max = 4000 };
	const char *place = conf_text(r, s);
	const char *name = place ? credential_name(place) : NULL;

	if (!name)
		return conf_read_path(r, s, f, dst);
	if (!credential_is_name(name))
		return conf_bad(r, s, NULL,
				"\"%.100s\" is not the name of a credential",
				name);
	return conf_read_text(r, s, &text, dst);
}

/*
 * Does a URI have a PIN, or say where one is? mcsecd would not know that it was told, nor
 * that it was wrong.
 */
static bool has_pin(const char *uri)
{
	const char *p;

	for (p = uri; (p = strcasestr(p, "pin")); p++)
		if (p > uri && strchr(":;?& ", p[-1]) && p[3] &&
		    strchr("-=", p[3]))
			return true;
	return false;
}

/* A URI such as "pkcs11:token=t;object=o", "handle:0x81000001" or "file:/k". */
static int read_uri(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s), *p = text;

	if (!text)
		return -EINVAL;
	while (isalnum((unsigned char)*p) || *p == '+' || *p == '-')
		p++;
	if (p == text || *p != ':' || !p[1])
		return conf_bad(r, s, NULL,
				"\"%.100s\" is not a URI such as \"pkcs11:token=mcsec;object=seal\", \"handle:0x81000001\" or \"file:/etc/mcsec/seal.tss\"",
				text);
	if (has_pin(text))
		return conf_bad(r, s, NULL,
				"neither a PIN nor its place belongs here: \"seal-wrap.pin\" names a file or credential with it");
	return conf_read_text(r, s, f, dst);
}

static int read_provider(struct conf_reader *r, const config_setting_t *s,
			 const struct conf_field *f, void *dst)
{
	const char *text = conf_text(r, s), *p;

	if (!text)
		return -EINVAL;
	/* OpenSSL makes a path of it. */
	for (p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			return conf_bad(r, s, NULL,
					"\"%.60s\" is not the name of a provider, such as \"pkcs11\" or \"tpm2\"",
					text);
	return conf_read_text(r, s, f, dst);
}

static int read_recovery(struct conf_reader *r, const config_setting_t *s,
			 const struct conf_field *f, void *dst)
{
	struct conf_recovery *c = dst;
	bool one = config_setting_type(s) == CONFIG_TYPE_STRING;
	const config_setting_t *e;
	int i, ret = 0, n = one ? 1 : config_setting_length(s);

	if ((!one && !config_setting_is_array(s) &&
	     !config_setting_is_list(s)) ||
	    n < 1 || n > CONF_MAX_RECOVERY)
		return conf_bad(r, s, NULL, "has to be a list of 1 to %d files",
				CONF_MAX_RECOVERY);
	for (i = 0; !ret && i < n; i++) {
		e = one ? s : config_setting_get_elem(s, (unsigned int)i);
		ret = conf_read_path(r, e, f, &c->file[i]);
		c->n += !ret;
	}
	return ret;
}

static const struct conf_word paddings[] = {
	{ "oaep", true },
	{ "pkcs1", false },
	{ 0 },
};

#define W(member, text, fn, ...) \
	CONF_FIELD(struct conf_wrap, member, text, fn, __VA_ARGS__)
static const struct conf_field wrap_fields[] = {
	W(certificate, "certificate", conf_read_path, .required = true,
	  .example = "\"/etc/mcsec/seal.pem\""),
	W(key, "key", read_uri, .required = true,
	  .example = "\"pkcs11:token=mcsec;object=seal\"", .min = 1,
	  .max = 1000),
	W(provider, "provider", read_provider, .min = 1, .max = 64),
	W(pin, "pin", conf_read_place, 0),
	W(oaep, "padding", conf_read_word, .words = paddings),
	W(recovery, "recovery", read_recovery, 0),
	{ 0 }
};

int conf_read_wrap(struct conf_reader *r, const config_setting_t *s,
		   const struct conf_field *f, void *dst)
{
	struct conf_wrap *w = dst;

	(void)f;
	w->oaep = true;
	w->provider = strdup("default");
	return w->provider ? conf_read_group(r, s, wrap_fields, w) : -ENOMEM;
}

int conf_check_seal(struct conf_reader *r, const config_setting_t *s,
		    const struct conf_gcks *g)
{
	if (!g->wrap.certificate || !credential_name(g->seal_key))
		return 0;
	return conf_bad(r, s, "seal-wrap",
			"a credential is not wrapped again: \"seal-key\" has to name a file");
}

static bool same_words(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool conf_wrap_equal(const struct conf_wrap *a, const struct conf_wrap *b)
{
	size_t i;

	for (i = 0; a->recovery.n == b->recovery.n && i < a->recovery.n; i++)
		if (strcmp(a->recovery.file[i], b->recovery.file[i]))
			return false;
	return a->recovery.n == b->recovery.n && a->oaep == b->oaep &&
	       same_words(a->certificate, b->certificate) &&
	       same_words(a->key, b->key) &&
	       same_words(a->provider, b->provider) &&
	       same_words(a->pin, b->pin);
}

void conf_wrap_free(struct conf_wrap *w)
{
	size_t i;

	for (i = 0; i < w->recovery.n; i++)
		free(w->recovery.file[i]);
	free(w->certificate);
	free(w->key);
	free(w->provider);
	free(w->pin);
}
