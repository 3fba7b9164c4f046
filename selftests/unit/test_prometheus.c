// SPDX-License-Identifier: Apache-2.0
/*
 * The text that collectors of metrics read: each family once, with a description and
 * a type, each value of the tables there, and labels that nobody breaks out of.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/mcsecctl/metric_tables.c"
#include "../../tools/mcsecctl/prometheus.c"
#include "ctl/ctl.h"
#include "group_sim.h"
#include "tap.h"

static struct sim s;
static struct sim_three three;

/* ---- the text ------------------------------------------------------------- */

static char *text_of(const struct scrape *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		bail("no memory");
	prometheus_write(c, f);
	fclose(f);
	return text;
}

/* Return true if @line is a whole line of @text. */
static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	const char *p = text;

	while ((p = strstr(p, line))) {
		if ((p == text || p[-1] == '\n') && p[len] == '\n')
			return true;
		p += len;
	}
	return false;
}

static unsigned int count_lines(const char *text, const char *begin)
{
	unsigned int n = 0;
	const char *p;

	for (p = text; *p; p = strchr(p, '\n') + 1)
		n += !strncmp(p, begin, strlen(begin));
	return n;
}

/*
 * Return how many lines break a rule: a family begins with HELP and TYPE and is
 * there once, its samples follow it, and a counter alone ends with _total.
 */
static unsigned int count_broken(const char *text)
{
	char name[200] = "", type[20] = "", line[400], begin[240], one[200];
	unsigned int broken = 0;
	const char *p, *end;
	bool total;

	for (p = text; *p; p = end + 1) {
		end = strchr(p, '\n');
		if (!end)
			return broken + 1;
		snprintf(line, sizeof(line), "%.*s", (int)(end - p), p);
		if (sscanf(line, "# HELP %199s", name) == 1) {
			snprintf(begin, sizeof(begin), "# HELP %s ", name);
			broken += count_lines(text, begin) != 1 ||
				  end[-1] != '.';
			continue;
		}
		if (sscanf(line, "# TYPE %199s %19s", one, type) == 2) {
			broken += strcmp(one, name) != 0;
			total = strlen(name) > 6 &&
				!strcmp(name + strlen(name) - 6, "_total");
			broken += total != !strcmp(type, "counter");
			continue;
		}
		snprintf(one, sizeof(one), "%.*s", (int)strcspn(line, "{ "),
			 line);
		broken += strcmp(one, name) != 0;
	}
	return broken;
}

/* ---- values --------------------------------------------------------------- */

static void take_text(void *arg, char *text)
{
	*(char **)arg = text;
}

static json_t *ask(const struct ctl_roles *r, const char *cmd)
{
	char request[64], *text = NULL;
	json_t *o;

	snprintf(request, sizeof(request), "{\"cmd\":\"%s\"}", cmd);
	ctl_ask(r, request, strlen(request), take_text, &text);
	o = text ? json_loads(text, 0, NULL) : NULL;
	free(text);
	if (!o)
		bail("no answer");
	return o;
}

static void drop(struct scrape *c)
{
	json_decref(c->stats);
	json_decref(c->status);
	json_decref(c->health);
}

static unsigned int count_metrics(const char *path)
{
	const struct metric_table *t;
	const struct metric *m;
	unsigned int n = 0;

	for (t = metric_tables; t->path; t++)
		for (m = t->metrics; m->name && !strcmp(t->path, path); m++)
			n++;
	return n;
}

static void test_roles(void)
{
	struct ctl_roles r = { .version = "1.2", .gcks = s.gcks };
	struct scrape c = {};
	char line[200], *text;

	r.gcks_engine = s.engine;
	r.member = three.a->m;
	r.member_engine = three.a->engine;
	c.status = ask(&r, "status");
	c.health = ask(&r, "health");
	text = text_of(&c);
	is_int(count_broken(text), 0,
	       "each line keeps the rules of the format");
	ok(has_line(text, "mcsec_daemon_up 1"), "the daemon answers");
	ok(has_line(text, "mcsec_module_up 0"), "the module does not answer");
	ok(has_line(text, "mcsec_build_info{version=\"1.2\"} 1"),
	   "roles: version");
	ok(has_line(text, "mcsec_gcks_members{group=\"video\"} 3"),
	   "a gauge of the key server");
	ok(has_line(text, "mcsec_gcks_joins_total{group=\"video\"} 3"),
	   "a counter of the key server");
	snprintf(line, sizeof(line),
		 "mcsec_gcks_data_left_seconds{group=\"video\"} %u",
		 sim_group(&s).data_left);
	ok(has_line(text, line), "seconds are in the name: %s", line);
	is_int(count_lines(text, "mcsec_gcks_") -
		       count_lines(text, "mcsec_gcks_ike_"),
	       count_metrics("gcks.groups") + 3,
	       "each metric of the key server, and three more");
	is_int(count_lines(text, "mcsec_gcks_ike_"), count_metrics("gcks.ike"),
	       "each metric of its IKE");
	is_int(count_lines(text, "mcsec_member_rekey_drops_"),
	       count_metrics("member.rekey-drops"),
	       "each reason for which a rekey is dropped");
	ok(has_line(text, "mcsec_member_in{group=\"video\"} 1"),
	   "the member is in");
	ok(strstr(text, "\nmcsec_member_heard_seconds{group=\"video\"} "),
	   "the member says when it heard a rekey or beat");
	ok(has_line(text, "mcsec_healthy 1"), "nothing is wrong");
	is_int(count_lines(text, "mcsec_problems"), 0, "there is no problem");
	free(text);
	drop(&c);
}

static void test_nothing(void)
{
	struct scrape c = {};
	char *text = text_of(&c);

	is_str(text,
	       "# HELP mcsec_daemon_up 1 if mcsecd answers.\n"
	       "# TYPE mcsec_daemon_up gauge\n"
	       "mcsec_daemon_up 0\n"
	       "# HELP mcsec_module_up 1 if the module mcsec answers.\n"
	       "# TYPE mcsec_module_up gauge\n"
	       "mcsec_module_up 0\n",
	       "a host where nothing answers");
	free(text);
}

static void test_module(void)
{
	struct scrape c = { .stats = json_object() };
	const struct metric *m;
	unsigned int n = 0;
	char *text;

	for (m = kernel_metrics; m->name; m++)
		json_object_set_new(c.stats, m->name, json_integer(n++));
	/* A newer module may count what this program has no words for. */
	json_object_set_new(c.stats, "out-of-tomorrow", json_integer(1));
	text = text_of(&c);
	is_int(count_broken(text), 0,
	       "each line keeps the rules of the format");
	is_int(count_lines(text, "mcsec_module_") - 1, n,
	       "each counter of the module");
	ok(has_line(text, "mcsec_module_out_exempt_total 1"),
	   "a counter of the module");
	free(text);
	drop(&c);
}

static void test_problems(void)
{
	struct scrape c = { .status = json_object() };
	char *text;

	c.health =
		json_loads("{\"health\":\"problems\",\"problems\":["
			   "{\"kind\":\"clock\",\"text\":\"t\",\"cure\":\"c\"},"
			   "{\"kind\":\"no-route\",\"group\":\"a\"},"
			   "{\"kind\":\"clock\",\"text\":\"u\",\"cure\":\"c\"},"
			   "{\"kind\":\"no-route\",\"group\":\"b\\\"\\\\\\n\"}],"
			   "\"unchecked\":[{\"kind\":\"kernel\"}]}",
			   0, NULL);
	if (!c.health)
		bail("no JSON");
	text = text_of(&c);
	is_int(count_broken(text), 0,
	       "each line keeps the rules of the format");
	ok(has_line(text, "mcsec_healthy 0"), "something is wrong");
	ok(has_line(text, "mcsec_problems{kind=\"clock\",group=\"\"} 2"),
	   "problems of one kind and group are one sample");
	ok(has_line(text, "mcsec_problems{kind=\"no-route\",group=\"a\"} 1"),
	   "a problem of a group");
	ok(has_line(text,
		    "mcsec_problems{kind=\"no-route\",group=\"b\\\"\\\\\\n\"} 1"),
	   "a label is quoted: %s", text);
	ok(has_line(text, "mcsec_unchecked{kind=\"kernel\",group=\"\"} 1"),
	   "problems that could not be looked for");
	free(text);
	drop(&c);
}

static void test_doubt(void)
{
	struct scrape c = {};
	char *text;

	c.status =
		json_loads("{\"member\":{\"groups\":["
			   "{\"name\":\"a\",\"state\":\"in\",\"doubt\":\"x\"},"
			   "{\"name\":\"b\",\"state\":\"registering\"},"
			   "{\"name\":\"c\",\"state\":\"in\",\"keyed\":true,\"heard-ms\":1500}]},"
			   "\"crl\":{\"lists\":[{\"issuer\":\"CN=x\",\"next-update\":9},"
			   "{\"issuer\":\"CN=x\",\"next-update\":7},{\"issuer\":\"CN=x\",\"next-update\":8}]}}",
			   0, NULL);
	if (!c.status)
		bail("no JSON");
	text = text_of(&c);
	is_int(count_broken(text), 0,
	       "each line keeps the rules of the format");
	ok(has_line(text, "mcsec_member_in{group=\"a\"} 0"),
	   "a member in doubt is not simply in");
	ok(has_line(text, "mcsec_member_in{group=\"b\"} 0"),
	   "a member that registers is not in");
	ok(has_line(text, "mcsec_member_in{group=\"c\"} 1"),
	   "a member that is in");
	ok(has_line(text, "mcsec_member_keyed{group=\"c\"} 1"), "a boolean");
	ok(has_line(text, "mcsec_member_heard_seconds{group=\"c\"} 1.5"),
	   "milliseconds become seconds");
	ok(has_line(text,
		    "mcsec_crl_next_update_timestamp_seconds{issuer=\"CN=x\"} 7"),
	   "the revocation list that ends first");
	is_int(count_lines(text, "mcsec_crl_next_update"), 1,
	       "lists of one issuer are one sample");
	free(text);
	drop(&c);
}

int main(void)
{
	sim_init(&s, 1);
	three = sim_start_three(&s, true, 20000, 0);
	RUN(test_roles);
	sim_free(&s);
	RUN(test_nothing);
	RUN(test_module);
	RUN(test_problems);
	RUN(test_doubt);
	return done();
}
