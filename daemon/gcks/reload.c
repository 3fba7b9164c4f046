// SPDX-License-Identifier: Apache-2.0
/* Changes from the running groups to those of another configuration. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gcks/gather.h"
#include "gcks/gcks.h"
#include "gcks/group.h"
#include "gcks/life.h"
#include "gcks/orders.h"
#include "gcks/policy.h"
#include "lib/err.h"
#include "lib/quote.h"

#define NAMES_MAX 256
/* Number of members to be evicted that are named. */
#define EVICTED_NAMED 5

struct report {
	conf_change_fn *fn;
	void *arg;
};

static void tell_line(const struct report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void tell_line(const struct report *r, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	r->fn(r->arg, line);
}

static const struct conf_group *find_conf(const struct conf_gcks *conf,
					  const char *name)
{
	size_t i;

	for (i = 0; i < conf->n_groups; i++)
		if (!strcmp(conf->groups[i].name, name))
			return &conf->groups[i];
	return NULL;
}

/* ---- check -------------------------------------------------------------- */

static void tell_evicted(const struct report *r, const struct group *g,
			 const struct conf_group *c)
{
	const struct gmember *m;
	char name[QUOTE_LEN];
	unsigned int n = 0;

	TAILQ_FOREACH(m, &g->members, all)
	{
		if (!policy_bars(c, m->identity, m->send))
			continue;
		if (++n <= EVICTED_NAMED)
			tell_line(r,
				  "group %s: %s is evicted, a list has it no more",
				  g->conf->name, quote(m->identity, name));
	}
	if (n > EVICTED_NAMED)
		tell_line(r, "group %s: %u more are evicted", g->conf->name,
			  n - EVICTED_NAMED);
}

static void tell_change(const struct report *r, const struct group *g,
			const struct conf_group *c)
{
	char names[NAMES_MAX];
	unsigned int diff;

	diff = policy_diff(g->conf, c, POLICY_RESET, names, sizeof(names));
	if (diff & POLICY_RESET)
		tell_line(r,
			  "group %s: %s changed: all %u members are told that it starts anew, and register again",
			  g->conf->name, names, g->n_members);
	policy_diff(g->conf, c, POLICY_LISTS, names, sizeof(names));
	if (diff & POLICY_LISTS) {
		tell_line(r, "group %s: %s changed", g->conf->name, names);
		tell_evicted(r, g, c);
	}
	policy_diff(g->conf, c, POLICY_OTHER | POLICY_TIMES, names,
		    sizeof(names));
	if (diff & (POLICY_OTHER | POLICY_TIMES))
		tell_line(r, "group %s: %s changed, from now on", g->conf->name,
			  names);
}

static void report_all(struct gcks *k, const struct conf_gcks *conf,
		       const struct report *r)
{
	const struct conf_group *c;
	const struct group *g;
	size_t i;

	TAILQ_FOREACH(g, &k->groups, all)
	{
		c = find_conf(conf, g->conf->name);
		if (c)
			tell_change(r, g, c);
		else
			tell_line(r,
				  "group %s: removed: its %u members are told that all SAs end",
				  g->conf->name, g->n_members);
	}
	for (i = 0; i < conf->n_groups; i++)
		if (!group_find(k, conf->groups[i].name,
				strlen(conf->groups[i].name)))
			tell_line(r, "group %s: added", conf->groups[i].name);
}

/*
 * The key wrap algorithm is negotiated for all groups at once, when an IKE SA
 * is made, so it must be the same in all.
 */
static int check_all(struct gcks *k, const struct conf_gcks *conf,
		     struct err *err)
{
	const struct group *g = TAILQ_FIRST(&k->groups);
	size_t i;

	for (i = 0; g && i < conf->n_groups; i++) {
		if (conf->groups[i].kwa == g->conf->kwa)
			continue;
		return err_set(err, -EBUSY,
			       "gcks.groups: group %s: key-wrap cannot change while mcsecd runs, restart it; nothing was changed",
			       conf->groups[i].name);
	}
	return 0;
}

int gcks_reload_check(struct gcks *k, const struct conf_gcks *conf,
		      conf_change_fn *fn, void *arg, struct err *err)
{
	const struct report r = { fn, arg };
	int ret = check_all(k, conf, err);

	if (!ret)
		report_all(k, conf, &r);
	return ret;
}

/* ---- apply -------------------------------------------------------------- */

/* Open all new groups or none of them, since their records may be damaged. */
static int open_added(struct gcks *k, const struct conf_gcks *conf,
		      struct err *err)
{
	const struct group *last = TAILQ_LAST(&k->groups, groups);
	struct group *g;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < conf->n_groups; i++)
		if (!group_find(k, conf->groups[i].name,
				strlen(conf->groups[i].name)))
			ret = group_new(k, &conf->groups[i], &g, err);
	while (ret && (g = TAILQ_LAST(&k->groups, groups)) != last)
		group_free(g);
	return ret;
}

static void change_one(struct group *g, const struct conf_group *c,
		       struct gather *t)
{
	struct policy *p;

	gather_add(t);
	if (!c) {
		orders_give(g, ORDER_CLOSE, "", gather_done, t);
		return;
	}
	p = policy_new(c, 0);
	if (p)
		orders_give_policy(g, p, gather_done, t);
	else
		gather_done(t, -ENOMEM, 0, "out of memory");
}

void gcks_reload(struct gcks *k, const struct conf_gcks *conf,
		 gcks_done_fn *done, void *arg)
{
	struct group *g, *next;
	struct err err = {};
	struct gather *t;
	int ret;

	ret = check_all(k, conf, &err);
	if (!ret) {
		report_all(k, conf, &(struct report){ conf_log_change, NULL });
		ret = open_added(k, conf, &err);
	}
	t = ret ? NULL : gather_new(done, arg);
	if (!t) {
		done(arg, ret ? ret : -ENOMEM, 0,
		     ret ? err.text : "out of memory");
		return;
	}
	/* A group that is closed may leave the list at once. */
	for (g = TAILQ_FIRST(&k->groups); g; g = next) {
		next = TAILQ_NEXT(g, all);
		change_one(g, find_conf(conf, g->conf->name), t);
	}
	gather_end(t);
}
