// SPDX-License-Identifier: Apache-2.0
/*
 * The health of the daemon, which judges itself: one line for each problem, with
 * what to do. The exit code tells whether there is one.
 */
#include <stdio.h>
#include <string.h>

#include "answer.h"
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

int cmd_health(struct ctl *ctl, int argc, char **argv)
{
	json_t *request, *answer;
	int ret;

	ret = group_request("health", argc, argv, &request);
	if (ret)
		return ret;
	if (query_daemon(ctl, request, &answer))
		return EXIT_UNKNOWN;
	ret = code_of(text_of(answer, "health"));
	if (ctl->json)
		return print_json(answer) ? EXIT_UNKNOWN : ret;
	print_health(answer, ctl->verbose);
	json_decref(answer);
	return ret;
}
