// SPDX-License-Identifier: Apache-2.0
/* The command that checks a host, without a running daemon. */
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "checks.h"
#include "conf/conf.h"
#include "mcsecctl.h"
#include "table.h"

static void print_check(const json_t *o)
{
	const char *result = text_of(o, "result");
	bool unchecked = !strcmp(result, "unchecked");

	printf("%s%-11s%s  %s: ",
	       color_on(unchecked		? TINT_DOUBT
			: !strcmp(result, "ok") ? TINT_GOOD
						: TINT_BAD),
	       unchecked ? "not checked" : result, color_off(),
	       text_of(o, "check"));
	print_safe(text_of(o, "text"));
	if (*text_of(o, "cure")) {
		fputs("; to do: ", stdout);
		print_safe(text_of(o, "cure"));
	}
	putchar('\n');
}

static int print_checks(struct ctl *ctl, const struct checks *c)
{
	const char *verdict = c->n[RESULT_PROBLEM]     ? "problems"
			      : c->n[RESULT_UNCHECKED] ? "unknown"
						       : "well";
	const json_t *o;
	size_t i;

	if (ctl->json)
		return print_json(json_pack("{s:s, s:O}", "verdict", verdict,
					    "checks", c->list));
	json_array_foreach(c->list, i, o)
		print_check(o);
	return EXIT_OK;
}

int cmd_doctor(struct ctl *ctl, int argc, char **argv)
{
	struct checks c = { .root = "" };
	int ret = check_argc(argc, 0, 1);

	if (!ret && argc && *argv[0] == '-')
		ret = complain(EXIT_USAGE,
			       "doctor: unknown option \"%s\": it takes a file, and prints all that it checks",
			       argv[0]);
	if (!ret)
		ret = enter_netns(ctl);
	if (ret)
		return EXIT_UNKNOWN;
	c.list = json_array();
	check_module(&c);
	check_conf(&c, argc ? argv[0] : CONF_DEFAULT_FILE);
	check_start(&c);
	check_net(&c);
	check_rules(&c);
	ret = print_checks(ctl, &c);
	json_decref(c.list);
	conf_free((struct conf *)c.conf);
	if (ret)
		return EXIT_UNKNOWN;
	if (c.n[RESULT_PROBLEM])
		return EXIT_FAILED;
	return c.n[RESULT_UNCHECKED] ? EXIT_UNKNOWN : EXIT_OK;
}
