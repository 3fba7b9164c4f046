// SPDX-License-Identifier: Apache-2.0
/*
 * The health of the daemon, which judges itself, and of the rules behind it: one line for
 * each problem, with what to do. The exit code tells whether there is one.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "answer.h"
#include "checks.h"
#include "conf/conf.h"
#include "lib/util.h"
#include "mcsecctl.h"
#include "table.h"

static void print_problem(const json_t *o, const char *prefix, enum tint tint)
{
	fputs(prefix, stdout);
	fputs(color_on(tint), stdout);
	if (*text_of(o, "group")) {
		fputs("group ", stdout);
		print_safe(text_of(o, "group"));
		fputs(": ", stdout);
	}
	print_safe(text_of(o, "text"));
	fputs(color_off(), stdout);
	fputs("; to do: ", stdout);
	print_safe(text_of(o, "cure"));
	putchar('\n');
}

static void print_list(const json_t *answer, const char *key,
		       const char *prefix, enum tint tint)
{
	const json_t *o;
	size_t i;

	json_array_foreach(json_object_get(answer, key), i, o)
		print_problem(o, prefix, tint);
}

static void print_names(const char *what, const json_t *names)
{
	const json_t *name;
	size_t i;

	if (!json_array_size(names))
		return;
	printf("; %s: ", what);
	json_array_foreach(names, i, name) {
		fputs(i ? ", " : "", stdout);
		print_safe(json_string_value(name));
	}
}

/* Print the senders that use the current keys. Receivers do not confirm keys. */
static void print_confirmation(const json_t *o)
{
	json_int_t senders = json_integer_value(json_object_get(o, "senders"));
	json_int_t n = json_integer_value(json_object_get(o, "n-waiting"));

	fputs("group ", stdout);
	print_safe(text_of(o, "group"));
	printf(": key " SPI_FMT ": %" JSON_INTEGER_FORMAT
	       " of %" JSON_INTEGER_FORMAT " senders use it",
	       (uint32_t)json_integer_value(json_object_get(o, "data-spi")),
	       senders - n, senders);
	print_names("confirmed", json_object_get(o, "confirmed"));
	print_names("waiting", json_object_get(o, "waiting"));
	putchar('\n');
}

static void print_groups(const json_t *answer, const char *key,
			 const char *role)
{
	json_int_t n = json_integer_value(json_object_get(answer, key));

	if (n)
		printf(", %" JSON_INTEGER_FORMAT " group%s as %s", n,
		       n == 1 ? "" : "s", role);
}

static void print_health(const json_t *answer, bool verbose)
{
	const json_t *o;
	size_t i;

	print_list(answer, "problems", "", TINT_BAD);
	print_list(answer, "unchecked", "not checked: ", TINT_DOUBT);
	if (!strcmp(text_of(answer, "health"), "well")) {
		printf("%swell%s", color_on(TINT_GOOD), color_off());
		print_groups(answer, "gcks-groups", "key server");
		print_groups(answer, "member-groups", "member");
		putchar('\n');
	}
	if (!verbose)
		return;
	json_array_foreach(json_object_get(answer, "confirmations"), i, o)
		print_confirmation(o);
}

static int code_of(const char *health)
{
	if (!strcmp(health, "well"))
		return EXIT_OK;
	return strcmp(health, "problems") ? EXIT_UNKNOWN : EXIT_FAILED;
}

/* Return true if the daemon that has answered is in the network namespace of this process. */
static bool shares_network(const json_t *answer)
{
	struct stat st;

	return !stat("/proc/self/ns/net", &st) &&
	       number_of(answer, "net-namespace") == (json_int_t)st.st_ino;
}

/* Take what is dropped behind mcsec, where its own counters count it as accepted. */
static void take_rules(json_t *answer, const json_t *checks, const char *group)
{
	json_t *problems = json_object_get(answer, "problems");
	const json_t *o;
	const char *name;
	json_t *p;
	size_t i;

	json_array_foreach(checks, i, o) {
		name = text_of(o, "group");
		if (strcmp(text_of(o, "result"), "problem") ||
		    (group && strcmp(name, group)))
			continue;
		p = json_pack("{s:s, s:O, s:O}", "kind", "firewall-drops",
			      "text", json_object_get(o, "text"), "cure",
			      json_object_get(o, "cure"));
		if (*name)
			put_json_str(p, "group", name);
		json_array_append_new(problems, p);
		json_object_set_new(answer, "health", json_string("problems"));
	}
}

/*
 * The daemon has no right to read the rules of the firewall, and the counters of the
 * module do not show what is dropped behind it. A user who may read them does.
 */
static void add_rules(json_t *answer, const char *group)
{
	struct checks c = { .root = "" };
	struct conf *conf;
	struct err err;

	if (!shares_network(answer) ||
	    conf_load(text_of(answer, "configuration"), &conf, &err))
		return;
	c.conf = conf;
	c.list = json_array();
	check_rules(&c);
	take_rules(answer, c.list, group);
	json_decref(c.list);
	conf_free(conf);
}

int cmd_health(struct ctl *ctl, int argc, char **argv)
{
	json_t *request, *answer;
	int ret;

	ret = group_request("health", argc, argv, &request);
	if (ret)
		return ret;
	if (query_daemon(ctl, request, &answer))
		return EXIT_UNKNOWN;
	add_rules(answer, argc ? argv[0] : NULL);
	ret = code_of(text_of(answer, "health"));
	if (ctl->json)
		return print_json(answer) ? EXIT_UNKNOWN : ret;
	print_health(answer, ctl->verbose);
	json_decref(answer);
	return ret;
}
