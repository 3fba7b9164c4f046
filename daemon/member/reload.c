// SPDX-License-Identifier: Apache-2.0
/*
 * Reload of the configuration. All of it is checked, and new groups are
 * protected by the kernel, before anything changes, so that a rejected
 * configuration has no effect.
 *
 * A group that is no longer configured leaves and its SAs are deleted, but its
 * address stays closed: a line missing from a file by mistake must not let
 * traffic that was promised to be ESP leave in clear. An administrator gives
 * the group up by a separate command, which the kernel reports.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/log.h"
#include "lib/util.h"
#include "member/membership.h"

#define LINE_MAX_LEN 768
#define OBSERVES_TEXT \
	", policy observe: datagrams that cannot be protected are sent and " \
	"accepted in the clear"

/* Effect of another configuration on a group, the larger ones last. */
enum change {
	CHANGE_NONE,
	CHANGE_NEXT_SA, /* applies from the next Data SA on */
	CHANGE_REGISTER, /* the key server must know */
	CHANGE_ADDED,
	CHANGE_REMOVED,
};

/* ---- check -------------------------------------------------------------- */

/* Sockets and IKE SAs depend on these settings. */
static int check_fixed(const struct conf_member *was,
		       const struct conf_member *conf, struct err *err)
{
	if (!ep_equal(&was->gcks, &conf->gcks))
		return conf_refuse_change("member", "gcks", err);
	if (strcmp(was->gcks_id, conf->gcks_id))
		return conf_refuse_change("member", "gcks-id", err);
	if (!ep_equal(&was->local, &conf->local))
		return conf_refuse_change("member", "local", err);
	return 0;
}

/*
 * The kernel protects one selector under one name, and what it selects must not
 * be unprotected for a moment.
 */
static int check_kgroup(const struct mgroup *g, const struct conf_mgroup *conf,
			struct err *err)
{
	char text[KGROUP_STRLEN];
	const char *name = NULL;
	struct kgroup was, to;
	unsigned int i = 0;

	if (conf_n_flows(conf) != mgroup_flows(g)) {
		membership_kgroup(g->conf, 0, &was);
		name = "data";
	}
	for (; !name && i < mgroup_flows(g); i++) {
		membership_kgroup(g->conf, i, &was);
		membership_kgroup(conf, i, &to);
		name = kgroup_differs(&was, &to);
	}
	if (!name)
		return 0;
	return err_set(err, -EBUSY,
		       "group \"%s\": %s: the kernel protects %s under this name: remove the group, reload, delete it with \"mcsecctl group del %s --force\", then add it again",
		       conf->name, name, kgroup_str(&was, text), was.name);
}

static int check_groups(const struct member *m, const struct conf_member *conf,
			struct err *err)
{
	const struct mgroup *g;
	int ret = check_fixed(m->conf, conf, err);
	size_t i;

	for (i = 0; !ret && i < conf->n_groups; i++) {
		g = mgroup_find(m, conf->groups[i].name);
		if (g)
			ret = check_kgroup(g, &conf->groups[i], err);
	}
	return ret;
}

#define SETTING(member, name, kind) \
	{ \
		name, kind, offsetof(struct conf_mgroup, member), \
			sizeof(((struct conf_mgroup *)NULL)->member) \
	}

/* Settings that may change while the kernel's group stays as it is. */
static const struct {
	const char *name;
	enum change kind;
	size_t offset;
	size_t len;
} settings[] = {
	SETTING(send, "send", CHANGE_REGISTER),
	SETTING(receive, "receive", CHANGE_REGISTER),
	SETTING(sender_ids, "sender-ids", CHANGE_REGISTER),
	SETTING(tunnel, "mode", CHANGE_REGISTER),
	SETTING(inband, "inband", CHANGE_REGISTER),
	SETTING(window, "replay-window", CHANGE_NEXT_SA),
	SETTING(max_senders, "max-senders", CHANGE_NEXT_SA),
};

static bool setting_differs(size_t i, const struct conf_mgroup *was,
			    const struct conf_mgroup *conf)
{
	return memcmp((const char *)was + settings[i].offset,
		      (const char *)conf + settings[i].offset, settings[i].len);
}

/* @conf NULL: the group is no longer configured. */
static enum change change_of(const struct mgroup *g,
			     const struct conf_mgroup *conf)
{
	enum change most = CHANGE_NONE;
	size_t i;

	if (!conf)
		return g->removed ? CHANGE_NONE : CHANGE_REMOVED;
	if (g->removed)
		return CHANGE_ADDED;
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (settings[i].kind > most &&
		    setting_differs(i, g->conf, conf))
			most = settings[i].kind;
	return most;
}

/* ---- report ------------------------------------------------------------- */

struct report {
	conf_change_fn *fn;
	void *arg;
};

static void list_changed_settings(const struct conf_mgroup *was,
				  const struct conf_mgroup *conf, char *buf,
				  size_t size)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (n < size && setting_differs(i, was, conf))
			n += (size_t)snprintf(buf + n, size - n, " %s",
					      settings[i].name);
}

/* Report a group that comes or goes, with a line for each flow. */
static void report_flows(const struct report *r, enum change kind,
			 const struct conf_mgroup *c)
{
	char line[LINE_MAX_LEN], a[KGROUP_STRLEN];
	struct kgroup kg;
	unsigned int i;

	for (i = 0; i < conf_n_flows(c); i++) {
		membership_kgroup(c, i, &kg);
		kgroup_str(&kg, a);
		if (kind == CHANGE_ADDED)
			snprintf(line, sizeof(line),
				 "group %s: added: %s is protected%s", c->name,
				 a, c->observe ? OBSERVES_TEXT : "");
		else
			snprintf(line, sizeof(line),
				 "group %s: removed: leaves; clear traffic to %s is dropped until \"mcsecctl group del %s --force\"",
				 c->name, a, kg.name);
		r->fn(r->arg, line);
	}
}

static void report_change(const struct report *r, enum change kind,
			  const struct mgroup *g,
			  const struct conf_mgroup *conf)
{
	const struct conf_mgroup *c = conf ? conf : g->conf;
	char line[LINE_MAX_LEN], what[128] = "";

	if (g && conf)
		list_changed_settings(g->conf, conf, what, sizeof(what));
	switch (kind) {
	case CHANGE_NONE:
		return;
	case CHANGE_ADDED:
	case CHANGE_REMOVED:
		report_flows(r, kind, c);
		return;
	case CHANGE_REGISTER:
		snprintf(line, sizeof(line),
			 "group %s: changed:%s: registers again", c->name,
			 what);
		break;
	case CHANGE_NEXT_SA:
		snprintf(line, sizeof(line),
			 "group %s: changed:%s: from the next Data SA on",
			 c->name, what);
		break;
	}
	r->fn(r->arg, line);
}

/* The policy changes beside everything else, but for a group that is added again. */
static bool policy_changed(const struct mgroup *g,
			   const struct conf_mgroup *conf)
{
	return conf && !g->removed &&
	       (g->other_policy || g->conf->observe != conf->observe);
}

static void report_policy(const struct report *r, const struct mgroup *g,
			  const struct conf_mgroup *conf)
{
	char line[LINE_MAX_LEN];

	if (!policy_changed(g, conf))
		return;
	snprintf(line, sizeof(line),
		 "group %s: changed: policy %s: datagrams that cannot be protected %s",
		 conf->name, conf->observe ? "observe" : "enforce",
		 conf->observe ? "are sent and accepted in the clear"
			       : "are dropped");
	r->fn(r->arg, line);
}

/* Tell whether the keys that the key server has would be refused. */
static void report_keyed(const struct report *r, const struct mgroup *g,
			 const struct conf_mgroup *c)
{
	char a[SELECTOR_STRLEN], b[SELECTOR_STRLEN], line[LINE_MAX_LEN];
	const char *here;

	if (!c || !g->has_keyed ||
	    (conf_flow_of(c, &g->keyed) >= 0 && g->keyed_tunnel == c->tunnel))
		return;
	here = conf_n_flows(c) > 1 ? "what \"data\" of the group has"
				   : selector_str(&c->sel, b);
	snprintf(line, sizeof(line),
		 "group %s: warning: the key server keys %s in %s mode, and here %s in %s mode is protected: its keys are refused",
		 c->name, selector_str(&g->keyed, a),
		 g->keyed_tunnel ? "tunnel" : "transport", here,
		 c->tunnel ? "tunnel" : "transport");
	r->fn(r->arg, line);
}

static bool interface_changed(const struct member *m,
			      const struct conf_member *conf)
{
	return strcmp(m->conf->interface, conf->interface);
}

static void report_member_changes(const struct member *m,
				  const struct conf_member *conf,
				  const struct report *r)
{
	const struct conf_mgroup *c;
	const struct mgroup *g;
	size_t i;

	if (interface_changed(m, conf))
		r->fn(r->arg,
		      "member: interface changed: rekey addresses are joined again");
	TAILQ_FOREACH(g, &m->groups, all) {
		c = conf_find_mgroup(conf, g->conf->name);
		report_change(r, change_of(g, c), g, c);
		report_policy(r, g, c);
		report_keyed(r, g, c);
	}
	for (i = 0; i < conf->n_groups; i++)
		if (!mgroup_find(m, conf->groups[i].name))
			report_change(r, CHANGE_ADDED, NULL, &conf->groups[i]);
}

int member_reload_check(const struct member *m, const struct conf_member *conf,
			conf_change_fn *fn, void *arg, struct err *err)
{
	const struct report r = { fn, arg };
	int ret = check_groups(m, conf, err);

	if (!ret)
		report_member_changes(m, conf, &r);
	return ret;
}

/* ---- apply -------------------------------------------------------------- */

/* Return true if the group was removed, and is configured again. */
static bool comes_back(const struct mgroup *g, const struct conf_member *conf)
{
	return g->removed && conf_find_mgroup(conf, g->conf->name);
}

/* Undo what this reload has created. */
static void drop_added(struct member *m, const struct conf_member *conf,
		       struct mgroups *added)
{
	struct mgroup *g;

	while ((g = TAILQ_FIRST(added))) {
		TAILQ_REMOVE(added, g, all);
		membership_undo(g);
		membership_free(g);
	}
	TAILQ_FOREACH(g, &m->groups, all)
		if (comes_back(g, conf))
			membership_undo(g);
}

/* Make what the kernel lacks of groups that come back: an administrator may release them. */
static int protect_returning(struct member *m, const struct conf_member *conf,
			     struct err *err)
{
	struct mgroup *g;
	int ret = 0;

	TAILQ_FOREACH(g, &m->groups, all)
		if (!ret && comes_back(g, conf))
			ret = membership_protect(g, err);
	return ret;
}

/*
 * Make all new groups, protected by the kernel and not in @m's list yet. Groups that the
 * kernel has already are as they were, also after a success.
 */
static int make_added(struct member *m, const struct conf_member *conf,
		      struct mgroups *added, struct err *err)
{
	struct mgroup *g;
	int ret = 0;
	size_t i;

	TAILQ_INIT(added);
	for (i = 0; !ret && i < conf->n_groups; i++) {
		if (mgroup_find(m, conf->groups[i].name))
			continue;
		g = membership_new(m, &conf->groups[i]);
		if (!g) {
			ret = err_set(err, -ENOMEM, "out of memory");
			break;
		}
		TAILQ_INSERT_TAIL(added, g, all);
		ret = membership_protect(g, err);
	}
	if (!ret)
		ret = protect_returning(m, conf, err);
	if (ret)
		drop_added(m, conf, added);
	return ret;
}

static void apply_change(struct mgroup *g, const struct conf_mgroup *conf)
{
	enum change kind = change_of(g, conf);
	bool sends = conf && conf->send && !g->conf->send;
	bool observed = membership_observes(g);
	struct msa *s;

	if (conf)
		membership_configure(g, conf);
	g->removed = !conf;
	g->made = 0;
	/*
	 * The policy changes first: without SAs, an observing group would send in
	 * the clear.
	 */
	if (kind == CHANGE_ADDED || g->other_policy ||
	    membership_observes(g) != observed)
		membership_apply_policy(g);
	switch (kind) {
	case CHANGE_REMOVED:
		membership_leave(g);
		break;
	case CHANGE_ADDED:
		membership_join(g);
		break;
	case CHANGE_REGISTER:
		/*
		 * The SAs stay with their windows, in the directions that are
		 * left: a new sender gets another SA with another key.
		 */
		TAILQ_FOREACH(s, &g->sas, all)
			msa_set_dir(s, msa_dir(g->conf));
		if (sends)
			g->used_up = true;
		register_changed(g);
		break;
	case CHANGE_NEXT_SA:
	case CHANGE_NONE:
		break;
	}
}

int member_reload(struct member *m, const struct conf_member *conf,
		  struct err *err)
{
	bool moved = interface_changed(m, conf);
	struct mgroups added;
	struct mgroup *g;
	int ret;

	ret = check_groups(m, conf, err);
	if (!ret)
		ret = make_added(m, conf, &added, err);
	if (ret)
		return ret;
	report_member_changes(m, conf,
			      &(struct report){ conf_log_change, NULL });
	m->conf = conf;
	TAILQ_FOREACH(g, &m->groups, all) {
		apply_change(g, conf_find_mgroup(conf, g->conf->name));
		if (moved && g->joined)
			rekey_group_join(g);
	}
	while ((g = TAILQ_FIRST(&added))) {
		TAILQ_REMOVE(&added, g, all);
		TAILQ_INSERT_TAIL(&m->groups, g, all);
		membership_take_over(g);
		membership_join(g);
	}
	return 0;
}
