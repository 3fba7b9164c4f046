// SPDX-License-Identifier: Apache-2.0
#include "conf_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "lib/addr.h"
#include "lib/selector.h"

/* A setting that may be written, and what is said above it. */
struct setting {
	const char *name;
	const char *comment; /* NULL: none */
	const char *example; /* written as a comment if it is not set */
};

static const struct setting gcks_settings[] = {
	{ .name = "listen",
	  .comment =
		  "where members ask for keys; they use port 4500 behind NAT" },
	{ .name = "store",
	  .comment =
		  "members and keys; its secrets are sealed by the key beside it" },
	{ .name = "seal-key" },
	{ .name = "audit-trail",
	  .comment = "who did what: \"mcsecctl audit show\"" },
	{}
};

static const struct setting gcks_group_settings[] = {
	{ .name = "name", .comment = "members use the same name" },
	{ .name = "address", .comment = "what is protected" },
	{ .name = "protocol", .comment = "the rest is in the clear" },
	{ .name = "destination-port" },
	{ .name = "mode", .comment = "as at all members" },
	{ .name = "rekey-address",
	  .comment =
		  "where new keys are announced; never a protected address" },
	{ .name = "rekey-interface",
	  .comment = "without it, the interface of the route there",
	  .example = "\"eth0\"" },
	{ .name = "algorithm",
	  .comment =
		  "or aes-gcm-16-256, chacha20-poly1305, aes-gmac-128, aes-gmac-256" },
	{ .name = "senders",
	  .comment =
		  "names in certificates, which may send; \"*.example\" is a pattern" },
	{ .name = "receivers", .comment = "those that may receive" },
	{ .name = "rekey-interval",
	  .comment = "seconds between changes of the keys",
	  .example = "3600" },
	{}
};

static const struct setting member_settings[] = {
	{ .name = "gcks", .comment = "the key server" },
	{ .name = "gcks-id",
	  .comment = "the name that its certificate has to have" },
	{ .name = "interface",
	  .comment =
		  "where new keys are announced; without it, the interface of the route there",
	  .example = "\"eth0\"" },
	{}
};

static const struct setting member_group_settings[] = {
	{ .name = "name", .comment = "as at the key server" },
	{ .name = "address",
	  .comment =
		  "protected from the start, before there is a key; as at the key server" },
	{ .name = "source" },
	{ .name = "protocol" },
	{ .name = "source-port" },
	{ .name = "destination-port" },
	{ .name = "data",
	  .comment =
		  "protected from the start, each with keys of its own; as at the key server" },
	{ .name = "mode" },
	{ .name = "interfaces",
	  .comment = "elsewhere its traffic is in the clear" },
	{ .name = "forward",
	  .comment = "a gateway: protect what this host routes, too" },
	{ .name = "send", .comment = "the key server has to allow it" },
	{ .name = "receive" },
	{ .name = "policy",
	  .comment =
		  "or \"observe\", while a running network is migrated: what cannot be protected then passes",
	  .example = "\"enforce\"" },
	{}
};

/* Settings in an entry of "data". */
static const struct setting data_settings[] = {
	{ .name = "address" },		{ .name = "source" },
	{ .name = "protocol" },		{ .name = "source-port" },
	{ .name = "destination-port" }, {}
};

static const struct setting *find_setting(const struct setting *table,
					  const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

/* ---- text --------------------------------------------------------------- */

/* Print @s in quotes. Returns false if it has a control character. */
static bool put_quoted(FILE *out, const char *s)
{
	fputc('"', out);
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
	fputc('"', out);
	return true;
}

static bool put_scalar(FILE *out, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		return put_quoted(out, json_string_value(value));
	case JSON_INTEGER:
		fprintf(out, "%" JSON_INTEGER_FORMAT,
			json_integer_value(value));
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		fputs(json_is_true(value) ? "true" : "false", out);
		return true;
	default:
		return false;
	}
}

/* One of the names in a list, or a Data SA. */
static bool put_entry(FILE *out, const json_t *entry)
{
	const json_t *value;
	const char *name;
	bool good = true;

	if (json_is_string(entry))
		return put_scalar(out, entry);
	if (!json_is_object(entry))
		return false;
	fputs("{ ", out);
	json_object_foreach((json_t *)entry, name, value) {
		good = good && find_setting(data_settings, name);
		fprintf(out, "%s = ", good ? name : "");
		good = good && put_scalar(out, value);
		fputs("; ", out);
	}
	fputs("}", out);
	return good;
}

/* Every setting of several values takes a list in parentheses. */
static bool put_value(FILE *out, const json_t *value)
{
	bool good = true;
	const json_t *e;
	size_t i;

	if (!json_is_array(value))
		return put_scalar(out, value);
	fputs("( ", out);
	json_array_foreach(value, i, e) {
		fputs(i ? ", " : "", out);
		good = good && put_entry(out, e);
	}
	fputs(json_array_size(value) ? " )" : ")", out);
	return good;
}

/* Refuse what has no place in the text, since it could mean something else. */
static int check_known(const struct setting *table, const json_t *settings,
		       const char *also, struct err *err)
{
	const json_t *value;
	const char *name;

	json_object_foreach((json_t *)settings, name, value)
		if (!find_setting(table, name) && (!also || strcmp(name, also)))
			return err_set(err, -EINVAL,
				       "there is a setting that this version does not know");
	return json_is_object(settings)
		       ? 0
		       : err_set(err, -EINVAL, "there are no settings");
}

static int put_settings(FILE *out, const struct setting *s,
			const json_t *settings, const char *indent,
			struct err *err)
{
	const json_t *value;

	for (; s->name; s++) {
		value = json_object_get(settings, s->name);
		if (!value && !s->example)
			continue;
		if (s->comment)
			fprintf(out, "%s# %s\n", indent, s->comment);
		fprintf(out, "%s%s%s = ", indent, value ? "" : "# ", s->name);
		if (!value)
			fputs(s->example, out);
		else if (!put_value(out, value))
			return err_set(err, -EINVAL,
				       "%s: a value that a configuration cannot have",
				       s->name);
		fputs(";\n", out);
	}
	return 0;
}

static int put_role(FILE *out, const json_t *role, const char *name,
		    const struct setting *table, const struct setting *groups,
		    struct err *err)
{
	const json_t *list = json_object_get(role, "groups"), *g;
	int ret = check_known(table, role, "groups", err);
	size_t i;

	if (ret)
		return ret;
	fprintf(out, "\n%s: {\n", name);
	ret = put_settings(out, table, role, "\t", err);
	fputs("\n\tgroups = (", out);
	json_array_foreach(list, i, g) {
		if (!ret)
			ret = check_known(groups, g, NULL, err);
		fputs(i ? ", {\n" : " {\n", out);
		if (!ret)
			ret = put_settings(out, groups, g, "\t\t", err);
		fputs("\t}", out);
	}
	fputs(" );\n};\n", out);
	return ret;
}

static bool put_identity(FILE *out, const struct conf_source *source)
{
	bool good;

	fputs("# Written by mcsecctl. mcsecd.conf(5) has every setting; \"mcsecd --check\" checks\n"
	      "# this file, and \"mcsecctl doctor\" this host for it.\n\n"
	      "identity: {\n\t# proves the name of this host\n\tcertificate = ",
	      out);
	good = put_quoted(out, source->certificate);
	fputs(";\n\t# for the user of mcsecd only, with mode 0600\n\tkey = ",
	      out);
	good = put_quoted(out, source->key) && good;
	fputs(";\n\t# whose certificates are believed\n\tca = ", out);
	good = put_quoted(out, source->ca) && good;
	fputs(";\n\t# which of them are revoked, by \"mcsecctl pki revoke\"\n\t# crl = ",
	      out);
	good = put_quoted(out, source->crl) && good;
	fputs(";\n};\n", out);
	return good;
}

static int put_conf(FILE *out, const struct conf_source *source,
		    struct err *err)
{
	int ret = 0;

	if (!put_identity(out, source))
		return err_set(err, -EINVAL,
			       "a path has a control character, which a configuration cannot have");
	if (source->gcks)
		ret = put_role(out, source->gcks, "gcks", gcks_settings,
			       gcks_group_settings, err);
	if (!ret && source->member)
		ret = put_role(out, source->member, "member", member_settings,
			       member_group_settings, err);
	return ret;
}

char *write_conf_text(const struct conf_source *source, const char *name,
		      struct err *err)
{
	struct conf *conf = NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int ret;

	if (!out) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	ret = put_conf(out, source, err);
	if (fclose(out) && !ret)
		ret = err_set(err, -ENOMEM, "out of memory");
	if (!ret)
		ret = conf_parse(text, name, &conf, err);
	conf_free(conf);
	if (!ret)
		return text;
	free(text);
	return NULL;
}

/* ---- settings of a member ----------------------------------------------- */

/* A text that is not UTF-8 becomes null, which member_settings_of() looks for. */
static void set_text(json_t *to, const char *name, const char *value)
{
	json_t *text = json_string(value);

	json_object_set_new(to, name, text ? text : json_null());
}

/* Return the name of a setting that set_text() could not take, or NULL. */
static const char *lacks_text(const json_t *settings)
{
	const json_t *value;
	const char *name;

	json_object_foreach((json_t *)settings, name, value)
		if (json_is_null(value))
			return name;
	return NULL;
}

static void set_selector(json_t *to, const struct selector *sel)
{
	char prefix[PREFIX_STRLEN], proto[PROTO_STRLEN];

	set_text(to, "address", prefix_str(&sel->dst, sel->dst_len, prefix));
	if (!addr_is_none(&sel->src))
		set_text(to, "source",
			 prefix_str(&sel->src, sel->src_len, prefix));
	if (sel->proto && proto_find(proto_str(sel->proto, proto)))
		set_text(to, "protocol", proto_str(sel->proto, proto));
	else if (sel->proto)
		json_object_set_new(to, "protocol", json_integer(sel->proto));
	if (sel->sport)
		json_object_set_new(to, "source-port",
				    json_integer(sel->sport));
	if (sel->dport)
		json_object_set_new(to, "destination-port",
				    json_integer(sel->dport));
}

static json_t *member_group(const struct conf_group *g, bool send, bool receive)
{
	json_t *to = json_object(), *list, *one;
	size_t i;

	set_text(to, "name", g->name);
	if (g->more.n) {
		list = json_array();
		for (i = 0; i < conf_n_data(g); i++) {
			one = json_object();
			set_selector(one, conf_sel(g, i));
			json_array_append_new(list, one);
		}
		json_object_set_new(to, "data", list);
	} else {
		set_selector(to, &g->sel);
	}
	if (g->tunnel)
		set_text(to, "mode", "tunnel");
	json_object_set_new(to, "send", json_boolean(send));
	json_object_set_new(to, "receive", json_boolean(receive));
	return to;
}

json_t *member_settings_of(const struct conf *conf, const char *id,
			   const char *gcks, const char *gcks_id,
			   struct err *err)
{
	json_t *member = json_object(), *groups = json_array(), *last;
	const struct conf_group *g;
	const char *lacks;
	bool send, receive;
	size_t i;

	set_text(member, "gcks", gcks);
	set_text(member, "gcks-id", gcks_id);
	lacks = lacks_text(member);
	for (i = 0; i < conf->gcks->n_groups && !lacks; i++) {
		g = &conf->gcks->groups[i];
		send = conf_names_match(&g->senders, id);
		receive = conf_names_match(&g->receivers, id);
		if (!send && !receive)
			continue;
		last = member_group(g, send, receive);
		lacks = lacks_text(last);
		json_array_append_new(groups, last);
	}
	json_object_set(member, "groups", groups);
	i = json_array_size(groups);
	json_decref(groups);
	if (i && !lacks)
		return member;
	json_decref(member);
	if (lacks)
		err_set(err, -EINVAL, "%s: %s is not UTF-8", conf->file, lacks);
	else
		err_set(err, -ENOENT,
			"\"%s\" is neither in senders nor in receivers of a group of %s: add it there, and \"systemctl reload mcsecd\"",
			id, conf->file);
	return NULL;
}

static bool add_names(json_t *list, const char *const *names)
{
	for (; *names; names++)
		if (json_array_append_new(list, json_string(*names)))
			return false;
	return true;
}

const char *add_local_settings(json_t *member, const struct local_settings *l)
{
	json_t *group, *list;
	size_t i;

	if (l->interface &&
	    json_object_set_new(member, "interface", json_string(l->interface)))
		return "interface";
	json_array_foreach(json_object_get(member, "groups"), i, group) {
		if (l->forward)
			json_object_set_new(group, "forward", json_true());
		if (!l->interfaces[0])
			continue;
		list = json_array();
		json_object_set_new(group, "interfaces", list);
		if (!add_names(list, l->interfaces))
			return "interfaces";
	}
	return NULL;
}
