// SPDX-License-Identifier: Apache-2.0
/* Relays and children in the state of a member, and in its health. */
#include "ctl/edge_report.h"

#include <inttypes.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/health.h"
#include "ctl/problem.h"
#include "ctl/report.h"
#include "lib/metric.h"
#include "relay/status.h"

struct edge_walk {
	const char *group; /* NULL: all */
	json_t *list;
	struct problems *p;
};

static bool is_wanted_edge(const struct edge_walk *w,
			   const struct edge_group_status *s)
{
	return !w->group || !strcmp(w->group, s->group);
}

static void put_numbers(json_t *o, const struct metric *table, const void *obj)
{
	for (; table->name; table++)
		json_object_set_new(o, table->name,
				    json_integer((json_int_t)metric_read(table,
									 obj)));
}

static void put_parent_state(json_t *o, const struct child *child)
{
	const struct upstream *u = child_parent(child);
	char at[EP_STRLEN], id[ID_STR_MAX];

	if (!u)
		return;
	json_object_set_new(o, "parent",
			    report_text(id_str(&u->at.id, id, sizeof(id))));
	json_object_set_new(o, "address", json_string(ep_str(&u->at.ep, at)));
}

static void put_edge_group(void *arg, const struct edge_group_status *s)
{
	struct edge_walk *w = arg;
	json_t *o;

	if (!is_wanted_edge(w, s))
		return;
	o = json_object();
	json_object_set_new(o, "name", report_text(s->group));
	json_object_set_new(o, "relays", json_boolean(s->relays));
	if (s->granted)
		json_object_set_new(o, "granted-until",
				    json_integer((json_int_t)s->expires));
	if (s->refusal)
		json_object_set_new(o, "refusal", report_text(s->refusal));
	if (s->child) {
		put_parent_state(o, s->child);
		put_numbers(o, child_metrics, child_stats(s->child));
	}
	json_array_append_new(w->list, o);
}

void report_edges(const struct ctl_roles *r, const char *group, json_t *member)
{
	struct edge_walk w = { .group = group, .list = json_array() };
	const struct parent *p = r->relay ? r->relay(r->app) : NULL;
	json_t *o;

	if (r->edge_groups)
		r->edge_groups(r->app, put_edge_group, &w);
	if (json_array_size(w.list))
		json_object_set(member, "edges", w.list);
	json_decref(w.list);
	if (!p || group)
		return;
	o = json_object();
	put_numbers(o, relay_metrics, parent_stats(p));
	json_object_set_new(member, "relay", o);
}

static void judge_edge_group(void *arg, const struct edge_group_status *s)
{
	const struct edge_walk *w = arg;

	if (!is_wanted_edge(w, s))
		return;
	if (s->refusal)
		problem_add(w->p, "grant-refused", s->group,
			    "name the relays in \"relays\" of the group at the key server, and this host in \"senders\" or \"receivers\"",
			    "the key server has given no grant, so there are no edges: %s",
			    s->refusal);
	else if (s->granted && s->child && !child_parent(s->child))
		problem_add(w->p, "no-relay", s->group,
			    "see the log for \"relay not used\", whether mcsecd runs at the relays, and whether UDP to their port passes",
			    "no relay serves this host, so it neither receives nor sends by an edge");
}

void health_of_edges(const struct ctl_roles *r, const char *group,
		     struct problems *p)
{
	struct edge_walk w = { .group = group, .p = p };

	if (r->edge_groups)
		r->edge_groups(r->app, judge_edge_group, &w);
}
