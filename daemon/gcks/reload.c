// SPDX-License-Identifier: Apache-2.0
/*
 * Changes from the groups that run, or those of the store of a stopped key server,
 * to those of another configuration.
 */
#include "gcks/reload.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gcks/applied.h"
#include "gcks/gather.h"
#include "gcks/gcks.h"
#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/life.h"
#include "gcks/orders.h"
#include "gcks/policy.h"
#include "gcks/waiting.h"
#include "lib/err.h"
#include "lib/quote.h"
#include "store/store.h"

#define NAMES_MAX POLICY_NAMES_MAX
/* Octets of a name of a list, each of which may be escaped. */
#define NAME_LEN (4 * 1000 + 1)
/* A line may have one name of a list, or several changed settings. */
#define LINE_LEN (NAME_LEN + 128)
/* Number of members to be evicted that are named. */
#define EVICTED_NAMED 5

struct report {
	conf_change_fn *fn;
	void *arg;
};

static void report_line(const struct report *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void report_line(const struct report *r, const char *fmt, ...)
{
	char line[LINE_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	r->fn(r->arg, line);
}

static const struct conf_group *find_group_conf(const struct conf_gcks *conf,
						const char *name)
{
	size_t i;

	for (i = 0; i < conf->n_groups; i++)
		if (!strcmp(conf->groups[i].name, name))
			return &conf->groups[i];
	return NULL;
}

/* ---- check -------------------------------------------------------------- */

/*
 * Return why @m is evicted under the lists of @c, which are others than those of the
 * group if @lists, and @psks, or NULL.
 */
static const char *why_evicted(const struct gmember *m,
			       const struct conf_group *c, bool lists,
			       const struct psks *psks)
{
	if (gmc_revoked(m->more->g, &m->certs))
		return GMC_REVOKED;
	/* There may be many members. */
	if (lists && policy_refusal(c, m->identity, m->send))
		return "no longer in senders or receivers";
	if (gmember_must_go(m))
		return gmember_must_go(m);
	return psk_is_lost(m, psks) ? "its pre-shared key is removed" : NULL;
}

static void report_evicted(const struct report *r, const struct group *g,
			   const struct conf_group *c, bool lists,
			   const struct psks *psks)
{
	struct htab_walk w = { 0 };
	const struct gmember *m;
	char name[QUOTE_LEN];
	unsigned int n = 0;
	const char *why;

	while ((m = gmc_each(g, &w))) {
		why = why_evicted(m, c, lists, psks);
		if (!why)
			continue;
		if (++n <= EVICTED_NAMED)
			report_line(r, "group %s: %s is evicted, %s",
				    g->conf->name, quote(m->identity, name),
				    why);
	}
	if (n > EVICTED_NAMED)
		report_line(r, "group %s: %u more are evicted", g->conf->name,
			    n - EVICTED_NAMED);
}

/*
 * Report members that stay, and for which the keys change: see gmc_exposed(). One
 * that report_evicted() names is left out.
 */
static void report_exposed(const struct report *r, const struct group *g,
			   const struct conf_group *c, bool lists,
			   const struct psks *psks)
{
	const char *former, *group = g->conf->name;
	struct htab_walk w = { 0 };
	const struct gmember *m;
	char name[QUOTE_LEN];
	unsigned int n = 0;

	while ((m = gmc_each(g, &w))) {
		former = gmc_exposed(m);
		if (!former || why_evicted(m, c, lists, psks))
			continue;
		if (++n <= EVICTED_NAMED)
			report_line(r,
				    "group %s: the keys change: a former certificate of %s is %s",
				    group, quote(m->identity, name), former);
	}
	n = n > EVICTED_NAMED ? n - EVICTED_NAMED : 0;
	if (n)
		report_line(r, "group %s: %u more have such a certificate",
			    group, n);
}

/* Tell what members have to configure, too, if it is not what they have. */
static void report_selectors(const struct report *r,
			     const struct conf_group *from,
			     const struct conf_group *to)
{
	char text[CONF_MAX_DATA * (SELECTOR_STRLEN + 2)];
	char sel[SELECTOR_STRLEN];
	bool same = conf_n_data(from) == conf_n_data(to) &&
		    from->tunnel == to->tunnel;
	size_t i, n = 0;

	for (i = 0; i < conf_n_data(to); i++) {
		same = same &&
		       selector_equal(conf_sel(from, i), conf_sel(to, i));
		n += snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "",
			      selector_str(conf_sel(to, i), sel));
	}
	if (!same)
		report_line(r,
			    "group %s: members refuse its keys until their configuration has %s in %s mode, too",
			    to->name, text,
			    to->tunnel ? "tunnel" : "transport");
}

/*
 * Report which settings differ and the consequences. @reset: members learnt one of them
 * at registration, so the group is reset. Returns bits of enum policy_change.
 */
static unsigned int report_settings(const struct report *r,
				    const struct group *g,
				    const struct conf_group *from,
				    const struct conf_group *to, bool reset,
				    const char *when)
{
	char names[NAMES_MAX];
	unsigned int diff;

	diff = policy_diff(from, to, POLICY_RESET | POLICY_FIXED, names,
			   sizeof(names));
	if (reset)
		report_line(r,
			    "group %s: %s changed: the group is reset, and its %u members register again",
			    to->name, *names ? names : "a setting",
			    g->n_members);
	report_selectors(r, from, to);
	policy_diff(from, to, POLICY_LISTS, names, sizeof(names));
	if (diff & POLICY_LISTS)
		report_line(r, "group %s: %s changed", to->name, names);
	policy_diff(from, to, POLICY_OTHER | POLICY_TIMES, names,
		    sizeof(names));
	if (diff & (POLICY_OTHER | POLICY_TIMES))
		report_line(r, "group %s: %s changed, from %s on", to->name,
			    names, when);
	return diff;
}

static void report_group(const struct report *r, const struct group *g,
			 const struct conf_group *c, const struct psks *psks)
{
	bool reset = policy_diff(g->conf, c, 0, NULL, 0) & POLICY_RESET;
	unsigned int diff = report_settings(r, g, g->conf, c, reset, "now");

	report_evicted(r, g, c, diff & POLICY_LISTS, psks);
	/* A reset gives everybody another leaf. */
	if (!reset)
		report_exposed(r, g, c, diff & POLICY_LISTS, psks);
}

struct name_report {
	const struct report *r;
	const char *group;
};

static void report_name(void *arg, const char *setting, bool added,
			const char *name)
{
	const struct name_report *n = arg;
	char safe[NAME_LEN];

	report_line(n->r, "group %s: %s: %s \"%s\"", n->group, setting,
		    added ? "with" : "without",
		    quote_escape(name, "\"\\", safe, sizeof(safe)));
}

void reload_list_changes(const struct group *g, const struct conf_group *c,
			 conf_change_fn *fn, void *arg)
{
	const struct report r = { fn, arg };
	struct name_report n = { &r, c->name };

	report_group(&r, g, c, g->k->deps.psks);
	if (policy_diff_names(g->conf, c, report_name, &n))
		report_line(&r,
			    "group %s: out of memory: names that differ are missing here",
			    c->name);
}

static void report_gcks_changes(struct gcks *k, const struct conf_gcks *conf,
				const struct psks *psks, const struct report *r)
{
	const struct conf_group *c;
	const struct group *g;
	size_t i;

	TAILQ_FOREACH(g, &k->groups, all) {
		c = find_group_conf(conf, g->conf->name);
		if (c)
			report_group(r, g, c, psks);
		else
			report_line(r,
				    "group %s: removed: its %u members delete all SAs",
				    g->conf->name, g->n_members);
	}
	for (i = 0; i < conf->n_groups; i++)
		if (!group_find(k, conf->groups[i].name,
				strlen(conf->groups[i].name)))
			report_line(r, "group %s: added", conf->groups[i].name);
}

/*
 * The key wrap algorithm is negotiated for all groups at once, when an IKE SA
 * is made, so it must be the same in all.
 */
static int check_key_wrap(struct gcks *k, const struct conf_gcks *conf,
			  struct err *err)
{
	const struct group *g = TAILQ_FIRST(&k->groups);
	char where[64];
	size_t i;

	for (i = 0; g && i < conf->n_groups; i++) {
		if (conf->groups[i].kwa == g->conf->kwa)
			continue;
		snprintf(where, sizeof(where), "gcks.groups: group %s",
			 conf->groups[i].name);
		return conf_refuse_change(where, "key-wrap", err);
	}
	return 0;
}

int gcks_reload_check(struct gcks *k, const struct conf_gcks *conf,
		      const struct psks *psks, conf_change_fn *fn, void *arg,
		      struct err *err)
{
	const struct report r = { fn, arg };
	int ret = check_key_wrap(k, conf, err);
	struct conf_gcks own = { .n_groups = 0 };
	size_t i;

	if (!ret)
		ret = applied_groups(k->deps.store, conf, &own, err);
	for (i = 0; !ret && i < own.n_groups; i++)
		if (!group_find(k, own.groups[i].name,
				strlen(own.groups[i].name)))
			ret = group_new_check(k, &own.groups[i], err);
	if (!ret)
		report_gcks_changes(k, &own, psks, &r);
	applied_groups_free(&own);
	return ret;
}

/* ---- check of a start ---------------------------------------------------- */

static void report_stored(const struct report *r, const struct group_peek *p)
{
	const struct conf_group *c = p->g->conf;
	unsigned int diff;

	/* A policy that cannot be read is written anew and compared with none. */
	diff = report_settings(r, p->g, p->stored ? &p->stored->conf : c, c,
			       p->changed, "the start");
	/* A reset takes all members out, and those without authorization first. */
	if (!p->changed || (p->stored && !(diff & POLICY_FIXED)))
		report_evicted(r, p->g, c, true, p->g->k->deps.psks);
	if (!p->changed)
		report_exposed(r, p->g, c, true, p->g->k->deps.psks);
}

static void report_start(const struct report *r, const struct group_peek *p)
{
	const char *name = p->g->conf->name;

	if (p->disown)
		report_line(r,
			    "group %s: %s: it starts anew with other keys and without members",
			    name, p->disown);
	else if (!p->known)
		report_line(r, "group %s: added", name);
	else
		report_stored(r, p);
}

/* Search for groups that the store has and the configuration lacks. */
struct unserved {
	const struct report *r;
	const struct conf_gcks *conf;
	char name[STORE_KEY_MAX];
	unsigned int members;
};

static void report_unserved(struct unserved *u)
{
	char quoted[QUOTE_LEN];

	if (u->members && !find_group_conf(u->conf, u->name))
		report_line(u->r,
			    "group %s: not configured: its %u members are kept in the store and not told",
			    quote(u->name, quoted), u->members);
	u->members = 0;
}

/* Count the keys "g/NAME/m/ID", which are members; keys come in their order. */
static int count_key(void *arg, const char *key, const uint8_t *val, size_t len)
{
	char group[STORE_KEY_MAX], name[STORE_KEY_MAX];
	const char *begin = strchr(key, '/'), *end;
	struct unserved *u = arg;

	(void)val;
	(void)len;
	end = begin ? strchr(begin + 1, '/') : NULL;
	if (!end)
		return 0;
	snprintf(group, sizeof(group), "%.*s", (int)(end - key), key);
	store_key_last(group, name, sizeof(name));
	if (strcmp(name, u->name)) {
		report_unserved(u);
		memcpy(u->name, name, sizeof(name));
	}
	u->members += !strncmp(end, "/m/", 3);
	return 0;
}

static int check_one(struct gcks *k, const struct conf_group *c,
		     const struct report *r, struct err *err)
{
	struct group_peek p;
	int ret = group_peek(k, c, &p, err);

	if (!ret)
		report_start(r, &p);
	group_peek_end(&p);
	return ret;
}

int gcks_start_check(const struct conf_gcks *conf, const struct gcks_deps *deps,
		     conf_change_fn *fn, void *arg, struct err *err)
{
	const struct report r = { fn, arg };
	struct unserved u = { .r = &r, .conf = conf };
	struct conf_gcks own = { .n_groups = 0 };
	struct gcks *k;
	size_t i;
	int ret;

	ret = gcks_alloc(deps, &k, err);
	if (ret)
		return ret;
	/* The names come first, since reading a new group writes to the copy. */
	ret = store_each(deps->store, "g", count_key, &u);
	if (ret)
		err_set(err, ret, "store: %s", store_reason(deps->store, ret));
	else
		report_unserved(&u);
	if (!ret)
		ret = applied_groups(deps->store, conf, &own, err);
	for (i = 0; !ret && i < own.n_groups; i++)
		ret = check_one(k, &own.groups[i], &r, err);
	applied_groups_free(&own);
	gcks_free(k);
	return ret;
}

/* ---- apply -------------------------------------------------------------- */

/*
 * Serve the groups that @conf adds. One whose records are damaged is named in the
 * answer, and holds up no other: a group that was opened may have told its members
 * of changes, so it is not closed again.
 */
static void open_added(struct gcks *k, const struct conf_gcks *conf,
		       struct gather *t)
{
	const struct conf_group *c;
	struct err err = {};
	struct group *g;
	size_t i;
	int ret;

	for (i = 0; i < conf->n_groups; i++) {
		c = &conf->groups[i];
		if (group_find(k, c->name, strlen(c->name)))
			continue;
		gather_add(t);
		ret = group_new(k, c, &g, &err);
		gather_done(t, ret, 0, ret ? err.text : "");
	}
}

static void change_one(struct group *g, const struct conf_group *c,
		       struct gather *t)
{
	struct policy *p;

	gather_add(t);
	if (!c) {
		orders_add(g, ORDER_CLOSE, "", gather_done, t);
		return;
	}
	p = policy_new(c, 0);
	if (p) {
		orders_add_policy(g, p, gather_done, t);
		return;
	}
	if (g->exclude_pending)
		waiting_exclude_soon(g);
	gather_done(t, -ENOMEM, 0, "out of memory");
}

/*
 * The policy of a reload takes out the members whose keys gcks_set_psks() found to be
 * removed. If there is none, they are taken out all the same.
 */
static void reload_failed(struct gcks *k)
{
	struct group *g;

	TAILQ_FOREACH(g, &k->groups, all)
		if (g->exclude_pending)
			waiting_exclude_soon(g);
}

void gcks_reload(struct gcks *k, const struct conf_gcks *conf,
		 gcks_done_fn *done, void *arg)
{
	struct conf_gcks own = { .n_groups = 0 };
	struct group *g, *next;
	struct err err = {};
	struct gather *t;
	int ret;

	ret = check_key_wrap(k, conf, &err)
		      ?: applied_groups(k->deps.store, conf, &own, &err);
	t = ret ? NULL : gather_new(done, arg);
	if (!t) {
		applied_groups_free(&own);
		reload_failed(k);
		done(arg, ret ? ret : -ENOMEM, 0,
		     ret ? err.text
			 : "out of memory: no group of the key server has changed");
		return;
	}
	report_gcks_changes(k, &own, k->deps.psks,
			    &(struct report){ conf_log_change, NULL });
	open_added(k, &own, t);
	/* A group that is closed may leave the list at once. */
	for (g = TAILQ_FIRST(&k->groups); g; g = next) {
		next = TAILQ_NEXT(g, all);
		change_one(g, find_group_conf(&own, g->conf->name), t);
	}
	applied_groups_free(&own);
	gather_end(t);
}
