// SPDX-License-Identifier: Apache-2.0
/*
 * The metrics in the text format 0.0.4 of Prometheus: families of time series, each
 * with a description and a type. Names and descriptions are those of the tables.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"
#include "metrics.h"

#define NAME_LEN 128

/* A member of groups in "status" that is no integer of a table. */
struct extra {
	const char *role; /* where its groups are in "status" */
	const char *key;
	const char *name;
	const char *help;
	double scale;
};

static const struct extra extras[] = {
	{ "gcks", "confirmed-ms", "mcsec_gcks_confirmed_seconds",
	  "Time until all senders had confirmed the current keys.", 0.001 },
	{ "gcks", "policy-version", "mcsec_gcks_policy_version",
	  "Version of the signed policy.", 1 },
	{ "gcks", "sent", "mcsec_gcks_sent",
	  "1 if the last change of keys was sent.", 1 },
	{ "member", "keyed", "mcsec_member_keyed",
	  "1 if the group has a Rekey SA.", 1 },
	{ "member", "heard-ms", "mcsec_member_heard_seconds",
	  "Time since the last authentic rekey or beat.", 0.001 },
	{ "member", "until", "mcsec_member_until_timestamp_seconds",
	  "End of the membership.", 1 },
};

/* Labels are quoted: a backslash, a quote and a newline are escaped. */
static void put_label(FILE *f, const char *name, const char *value)
{
	fprintf(f, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '\n') {
			fputs("\\n", f);
			continue;
		}
		if (*value == '\\' || *value == '"')
			putc('\\', f);
		putc(*value, f);
	}
	putc('"', f);
}

static void put_family(FILE *f, const char *name, const char *type,
		       const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Write a family of one sample without labels. */
static void put_alone(FILE *f, const char *name, const char *help,
		      json_int_t value)
{
	put_family(f, name, "gauge", help);
	fprintf(f, "%s %" JSON_INTEGER_FORMAT "\n", name, value);
}

static const char *group_of(const json_t *o)
{
	return json_string_value(json_object_get(o, "name"));
}

/* Write "NAME{group="G"} "; without a group NAME alone. */
static void put_series(FILE *f, const char *name, const char *group)
{
	fputs(name, f);
	if (group) {
		putc('{', f);
		put_label(f, "group", group);
		putc('}', f);
	}
	putc(' ', f);
}

/* ---- metrics of the tables ------------------------------------------------ */

/* "data-left" in seconds becomes PREFIX_data_left_seconds. */
static void family_name(const struct metric_table *t, const struct metric *m,
			char name[NAME_LEN])
{
	char *p;

	snprintf(name, NAME_LEN, "%s_%s%s%s%s", t->prefix, m->name,
		 m->unit ? "_" : "", m->unit ? m->unit : "",
		 m->kind == METRIC_COUNTER ? "_total" : "");
	for (p = name; *p; p++)
		if (*p == '-')
			*p = '_';
}

/* Find the object or array at @path, names with dots between. */
static const json_t *find_path(const json_t *o, const char *path)
{
	char name[64];
	size_t len;

	for (; o && *path; path += len + (path[len] == '.')) {
		len = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		o = json_object_get(o, name);
	}
	return o;
}

/* Write the sample of @m in @o, if it is there, behind the first one's @head. */
static void put_sample(FILE *f, const char *name, const struct metric *m,
		       const json_t *o, bool *head)
{
	const json_t *v = json_object_get(o, m->name);

	if (!json_is_integer(v))
		return;
	if (!*head)
		put_family(f, name,
			   m->kind == METRIC_COUNTER ? "counter" : "gauge",
			   m->help);
	*head = true;
	put_series(f, name, group_of(o));
	fprintf(f, "%" JSON_INTEGER_FORMAT "\n", json_integer_value(v));
}

static void put_table(FILE *f, const struct metric_table *t, const json_t *at)
{
	const struct metric *m;
	char name[NAME_LEN];
	const json_t *o;
	bool head;
	size_t i;

	for (m = t->metrics; m->name; m++) {
		family_name(t, m, name);
		head = false;
		if (json_is_object(at))
			put_sample(f, name, m, at, &head);
		json_array_foreach(at, i, o)
			put_sample(f, name, m, o, &head);
	}
}

/* ---- what is not in a table ----------------------------------------------- */

static void put_extra(FILE *f, const struct extra *x, const json_t *status)
{
	const json_t *groups = json_object_get(json_object_get(status, x->role),
					       "groups"),
		     *o, *v;
	bool head = false;
	double value;
	size_t i;

	json_array_foreach(groups, i, o) {
		v = json_object_get(o, x->key);
		if (!json_is_number(v) && !json_is_boolean(v))
			continue;
		value = json_is_boolean(v) ? json_is_true(v)
					   : json_number_value(v) * x->scale;
		if (!head)
			put_family(f, x->name, "gauge", x->help);
		head = true;
		put_series(f, x->name, group_of(o));
		fprintf(f, "%.15g\n", value);
	}
}

/* A member whose host has reason to doubt is not simply in. */
static void put_in(FILE *f, const json_t *status)
{
	static const char name[] = "mcsec_member_in";
	const json_t *groups = find_path(status, "member.groups"), *o;
	const char *state;
	size_t i;

	if (!json_array_size(groups))
		return;
	put_family(f, name, "gauge",
		   "1 if the member is in the group, and nothing is in doubt.");
	json_array_foreach(groups, i, o) {
		state = json_string_value(json_object_get(o, "state"));
		put_series(f, name, group_of(o));
		fprintf(f, "%d\n",
			state && !strcmp(state, "in") &&
				!json_object_get(o, "doubt"));
	}
}

/* A CA whose key changes has two lists for a while: the one that ends first counts. */
static json_t *first_ends(const json_t *lists)
{
	json_t *ends = json_object(), *end, *known;
	const char *issuer;
	const json_t *o;
	size_t i;

	json_array_foreach(lists, i, o) {
		issuer = json_string_value(json_object_get(o, "issuer")) ?: "";
		end = json_object_get(o, "next-update");
		known = json_object_get(ends, issuer);
		if (!known ||
		    json_integer_value(end) < json_integer_value(known))
			json_object_set(ends, issuer, end);
	}
	return ends;
}

static void put_lists(FILE *f, const json_t *status)
{
	static const char name[] = "mcsec_crl_next_update_timestamp_seconds";
	const json_t *lists = find_path(status, "crl.lists");
	const char *issuer;
	json_t *ends, *end;

	if (!json_array_size(lists))
		return;
	put_family(f, name, "gauge",
		   "Time at which the next revocation list is due.");
	ends = first_ends(lists);
	json_object_foreach(ends, issuer, end) {
		fprintf(f, "%s{", name);
		put_label(f, "issuer", issuer);
		fprintf(f, "} %" JSON_INTEGER_FORMAT "\n",
			json_integer_value(end));
	}
	json_decref(ends);
}

/* The same kind of problem may be there more than once, for one group or none. */
static json_t *count_problems(const json_t *problems)
{
	json_t *counts = json_object(), *by_group, *n;
	const char *kind, *group;
	const json_t *o;
	size_t i;

	json_array_foreach(problems, i, o) {
		kind = json_string_value(json_object_get(o, "kind")) ?: "";
		group = json_string_value(json_object_get(o, "group")) ?: "";
		by_group = json_object_get(counts, kind);
		if (!by_group) {
			by_group = json_object();
			json_object_set_new(counts, kind, by_group);
		}
		n = json_object_get(by_group, group);
		json_object_set_new(by_group, group,
				    json_integer(json_integer_value(n) + 1));
	}
	return counts;
}

static void put_problems(FILE *f, const char *name, const char *help,
			 const json_t *problems)
{
	json_t *counts, *by_group, *n;
	const char *kind, *group;

	if (!json_array_size(problems))
		return;
	put_family(f, name, "gauge", help);
	counts = count_problems(problems);
	json_object_foreach(counts, kind, by_group) {
		json_object_foreach(by_group, group, n) {
			fprintf(f, "%s{", name);
			put_label(f, "kind", kind);
			putc(',', f);
			put_label(f, "group", group);
			fprintf(f, "} %" JSON_INTEGER_FORMAT "\n",
				json_integer_value(n));
		}
	}
	json_decref(counts);
}

static void put_health(FILE *f, const json_t *health)
{
	const char *state =
		json_string_value(json_object_get(health, "health"));

	if (!state)
		return;
	put_alone(f, "mcsec_healthy",
		  "1 if mcsecctl health finds no problem, and all was checked.",
		  !strcmp(state, "well"));
	put_problems(f, "mcsec_problems",
		     "Problems that mcsecctl health finds, of each kind.",
		     json_object_get(health, "problems"));
	put_problems(f, "mcsec_unchecked",
		     "Kinds of problems that could not be looked for.",
		     json_object_get(health, "unchecked"));
}

static void put_build(FILE *f, const json_t *status)
{
	const char *version =
		json_string_value(json_object_get(status, "version"));

	if (!version)
		return;
	put_family(f, "mcsec_build_info", "gauge", "Version of mcsecd.");
	fputs("mcsec_build_info{", f);
	put_label(f, "version", version);
	fputs("} 1\n", f);
}

void prometheus_write(const struct scrape *s, FILE *f)
{
	const struct metric_table *t;
	const json_t *at;
	size_t i;

	put_alone(f, "mcsec_daemon_up", "1 if mcsecd answers.",
		  s->status ? 1 : 0);
	put_alone(f, "mcsec_module_up", "1 if the module mcsec answers.",
		  s->stats ? 1 : 0);
	put_build(f, s->status);
	for (t = metric_tables; t->path; t++) {
		at = !strcmp(t->path, "stats") ? s->stats
					       : find_path(s->status, t->path);
		put_table(f, t, at);
	}
	for (i = 0; i < ARRAY_SIZE(extras); i++)
		put_extra(f, &extras[i], s->status);
	put_in(f, s->status);
	put_lists(f, s->status);
	put_health(f, s->health);
}
