/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member of "video" that gets other configurations; the key server has "audio", too.
 */
#ifndef GROUP_RELOAD_H
#define GROUP_RELOAD_H

#include "group_sim.h"
#include "lib/util.h"
#include "member/mgroup.h"
#include "tap.h"

#include <errno.h>

static struct sim s;
static struct sim_member *tx, *a;
static struct conf_group served[2];
static struct err err;

/* The key server has "video" and "audio", and all members "video". */
static inline void usual(uint64_t seed)
{
	static const struct sim_who who[] = {
		{ .identity = "s.example", .send = true },
		{ .identity = "a.send.example", .receive = true },
	};

	sim_init(&s, seed);
	served[0] = s.cg;
	served[1] = s.cg;
	served[1].name = (char *)"audio";
	if (addr_parse("239.7.0.2", &served[1].sel.dst) ||
	    ep_parse("239.7.1.2:848", 0, &served[1].rekey_to))
		bail("addresses");
	s.conf.groups = served;
	s.conf.n_groups = 2;
	sim_start(&s, who, ARRAY_SIZE(who), 20000, 50);
	tx = s.m[0];
	a = s.m[1];
}

struct other {
	struct conf_member conf;
	struct conf_mgroup groups[4];
};

/* Copy the current settings of @a, to be changed. */
static inline struct other as_now(void)
{
	struct other o = { .conf = *a->m->conf };

	memcpy(o.groups, o.conf.groups, o.conf.n_groups * sizeof(o.groups[0]));
	return o;
}

static inline struct conf_mgroup *add_audio(struct other *o)
{
	struct conf_mgroup *g = &o->groups[o->conf.n_groups++];

	*g = o->groups[0];
	g->name = (char *)"audio";
	g->sel.dst = served[1].sel.dst;
	return g;
}

/* Each reload needs a configuration of its own, which must stay valid. */
static inline int reload(struct other *o)
{
	o->conf.groups = o->groups;
	memset(&err, 0, sizeof(err));
	return member_reload(a->m, &o->conf, &err);
}

static inline int fail_set(void *ctx, const char *name,
			   enum mcsec_policy policy, bool force, struct err *e)
{
	(void)ctx;
	(void)name;
	(void)policy;
	(void)force;
	return err_set(e, -EPERM, "no");
}

struct wanted {
	const char *name;
	bool found;
	struct member_group_status st;
};

static inline int take(void *arg, const struct member_group_status *st)
{
	struct wanted *w = arg;

	if (strcmp(w->name, st->conf->name))
		return 0;
	w->found = true;
	w->st = *st;
	return 1;
}

static inline struct wanted group(const char *name)
{
	struct wanted w = { .name = name };

	member_each_group(a->m, take, &w);
	return w;
}

static inline bool kernel_has(const char *name)
{
	struct kgroup_info info;

	return !a->mk.k.ops->group_get(a->mk.k.ctx, name, &info, NULL);
}

static inline unsigned int kernel_sas(const char *name)
{
	struct kgroup_info info = { 0 };

	a->mk.k.ops->group_get(a->mk.k.ctx, name, &info, NULL);
	return info.sas;
}

static inline enum mcsec_policy kernel_policy(const char *name)
{
	struct kgroup_info info = { 0 };

	a->mk.k.ops->group_get(a->mk.k.ctx, name, &info, NULL);
	return info.group.policy;
}

/*
 * An administrator deletes the group in the kernel, which notifies
 * its owner.
 */
static inline void take_away(const char *name)
{
	struct kevent ev = { .type = KEVENT_GROUP_GONE };

	snprintf(ev.group, sizeof(ev.group), "%s", name);
	member_kernel_event(a->m, &ev);
}

#endif
