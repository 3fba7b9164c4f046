// SPDX-License-Identifier: Apache-2.0
/*
 * Membership from beginning to end: the kernel's group, which is created first
 * and kept longest; joining and leaving; and freeing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/log.h"
#include "member/leftover.h"
#include "member/membership.h"

/* Interval at which the kernel is asked again for what it has refused. */
#define REPAIR_MS 1000

static void repair_due(void *arg);

static const struct mgroup_ops group_ops = {
	.again = register_again,
	.ask = register_ask,
	.selected = register_confirm,
};

struct mgroup *membership_new(struct member *m, const struct conf_mgroup *conf)
{
	struct mgroup *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->m = m;
	g->conf = &g->own;
	g->own.name = strdup(conf->name);
	if (!g->own.name ||
	    id_set(&g->idg, IKE_ID_KEY_ID, conf->name, strlen(conf->name))) {
		free(g->own.name);
		free(g);
		return NULL;
	}
	membership_configure(g, conf);
	TAILQ_INIT(&g->rekeys);
	TAILQ_INIT(&g->early);
	TAILQ_INIT(&g->sas);
	wkp_init(&g->wkp);
	g->ops = &group_ops;
	register_init(g);
	doubt_init(g);
	term_init(g);
	rival_init(g);
	gckscert_init(g);
	rekey_group_init(g);
	timer_init(&g->repair, repair_due, g);
	return g;
}

void membership_configure(struct mgroup *g, const struct conf_mgroup *conf)
{
	char *name = g->own.name;

	g->own = *conf;
	g->own.name = name;
}

void membership_free(struct mgroup *g)
{
	rekey_group_leave(g);
	early_drop(g);
	register_stop(g);
	gckscert_stop(g);
	timer_del(mgroup_tq(g), &g->repair);
	while (!TAILQ_EMPTY(&g->sas))
		msa_forget(TAILQ_FIRST(&g->sas));
	mrekey_drop_all(g);
	wkp_wipe(&g->wkp);
	free(g->own.name);
	free(g);
}

/* ---- the kernel's group ------------------------------------------------- */

struct adoption {
	struct mgroup *g;
	unsigned int flow;
};

static int adopt_sa(void *arg, const struct ksa_info *info)
{
	const struct adoption *a = arg;

	if (msa_find(a->g, info->sa.spi) ||
	    leftover_has(a->g->m, info->sa.group, info->sa.spi))
		return 0;
	return msa_adopt(a->g, a->flow, info);
}

/* Return true if no SA of an earlier run can send, and this host is to. */
static bool lacks_sending_sa(const struct mgroup *g, unsigned int flow)
{
	const struct msa *s;
	bool any = false;

	TAILQ_FOREACH(s, &g->sas, all) {
		if (s->flow != flow)
			continue;
		if (s->dir & MCSEC_DIR_OUT)
			return false;
		any = true;
	}
	return g->conf->send && any;
}

_Static_assert(CONF_MAX_DEVS == MCSEC_DEVS_MAX,
	       "a group has another limit of interfaces in the kernel");

void membership_kgroup(const struct conf_mgroup *conf, unsigned int flow,
		       struct kgroup *kg)
{
	const struct selector *sel = conf_flow_sel(conf, flow);
	char name[CONF_GROUP_NAME_MAX + 1];

	memset(kg, 0, sizeof(*kg));
	snprintf(kg->name, sizeof(kg->name), "%s",
		 conf_flow_name(conf, flow, name));
	snprintf(kg->owner, sizeof(kg->owner), "mcsecd");
	kg->dst = sel->dst;
	kg->dst_len = sel->dst_len;
	kg->src = sel->src;
	kg->src_len = sel->src_len;
	kg->proto = sel->proto;
	kg->sport = sel->sport;
	kg->dport = sel->dport;
	kg->mark.value = conf->mark.value;
	kg->mark.mask = conf->mark.mask;
	kg->in_mark.value = conf->in_mark.value;
	kg->in_mark.mask = conf->in_mark.mask;
	kg->forward = conf->forward;
	kg->policy = conf->observe ? MCSEC_POLICY_OBSERVE
				   : MCSEC_POLICY_ENFORCE;
	kg->n_devs = conf->devs.n;
	memcpy(kg->devs, conf->devs.name, sizeof(kg->devs));
}

_Static_assert(CONF_MAX_DEVS <= 8 * sizeof(uint64_t),
	       "the bits of no_devs do not suffice");

void membership_watch_devs(struct mgroup *g)
{
	const struct member_deps *d = &g->m->deps;
	unsigned int i;

	for (i = 0; d->has_interface && i < g->conf->devs.n; i++) {
		const char *name = g->conf->devs.name[i];
		bool missing = !d->has_interface(d->ctx, name);

		if (missing == !!(g->no_devs & 1ull << i))
			continue;
		g->no_devs ^= 1ull << i;
		if (missing)
			group_warn(g,
				   "interface missing: %s: the group is in the clear on interfaces that it does not name",
				   name);
		else
			group_info(g, "interface exists: %s", name);
	}
}

/* A search for a group of the kernel that protects the same by another name. */
struct selector_search {
	const struct kgroup *as;
	char name[MCSEC_NAME_MAX + 1]; /* "": none yet */
};

static int find_same_selector(void *arg, const struct kgroup_info *info)
{
	struct selector_search *s = arg;

	if (!kgroup_differs(&info->group, s->as))
		memcpy(s->name, info->group.name, sizeof(s->name));
	return 0;
}

/* Say which group has the address, and how to remove it; @why is the kernel's. */
static int explain_conflict(const struct kernel *k, const struct kgroup *kg,
			    const char *why, struct err *err)
{
	struct selector_search s = { .as = kg };
	char a[KGROUP_STRLEN];

	if (k->ops->group_dump(k->ctx, find_same_selector, &s, NULL) ||
	    !*s.name)
		return err_set(err, -EEXIST,
			       "group \"%s\": kernel: %s; \"mcsecctl group show\" lists the groups that are there",
			       kg->name, why);
	return err_set(err, -EEXIST,
		       "group \"%s\": the kernel has %s as group \"%s\": if no other program needs that, \"mcsecctl group del %s --force\" removes it",
		       kg->name, kgroup_str(kg, a), s.name, s.name);
}

bool membership_observes(const struct mgroup *g)
{
	/* A group that is given up stays closed, whatever it was before. */
	return g->conf->observe && !g->removed;
}

static int set_flow_policy(struct mgroup *g, unsigned int flow, struct err *err)
{
	const struct kernel *k = g->m->deps.kernel;
	enum mcsec_policy policy = membership_observes(g)
					   ? MCSEC_POLICY_OBSERVE
					   : MCSEC_POLICY_ENFORCE;
	struct kgroup kg;
	struct err kerr;
	int ret;

	membership_kgroup(g->conf, flow, &kg);
	ret = k->ops->group_set(k->ctx, kg.name, policy, true, &kerr);
	/* An administrator may have deleted a group that is removed. */
	if (!ret || (ret == -ENOENT && g->removed))
		return 0;
	g->kernel_errors++;
	return err_set(err, ret, "group \"%s\": policy: kernel: %s", kg.name,
		       kerr.text);
}

int membership_set_policy(struct mgroup *g, struct err *err)
{
	int ret, first = 0;
	unsigned int i;

	for (i = 0; i < mgroup_flows(g); i++) {
		ret = set_flow_policy(g, i, first ? NULL : err);
		if (!first)
			first = ret;
	}
	g->other_policy = first;
	return first;
}

static void repair_later(struct mgroup *g)
{
	timer_set(mgroup_tq(g), &g->repair, REPAIR_MS);
}

void membership_apply_policy(struct mgroup *g)
{
	struct err err = {};

	if (!membership_set_policy(g, &err))
		return;
	group_err(g, "policy not changed: %s", err.text);
	repair_later(g);
}

/*
 * The kernel has the group already. It stays as it is, also if its owner had died while
 * it was to be made again: asked for with another policy it would get that at once, and
 * the reload that asks may still fail.
 */
static int adopt_flow(struct mgroup *g, unsigned int flow, struct kgroup *kg,
		      const struct kgroup_info *info, struct err *err)
{
	struct adoption adoption = { g, flow };
	const struct kernel *k = g->m->deps.kernel;
	char a[KGROUP_STRLEN];
	struct err kerr = {};
	int ret;

	if (kgroup_differs(&info->group, kg))
		return err_set(err, -EEXIST,
			       "group \"%s\": the kernel has it for %s: \"mcsecctl group del %s --force\" removes that",
			       kg->name, kgroup_str(&info->group, a), kg->name);
	kg->policy = info->group.policy;
	ret = k->ops->group_add(k->ctx, kg, &kerr);
	if (!ret && membership_observes(g))
		g->other_policy = true;
	if (!ret || ret == -EEXIST)
		ret = k->ops->sa_dump(k->ctx, kg->name, adopt_sa, &adoption,
				      &kerr);
	if (ret)
		return err_set(err, ret, "group \"%s\": kernel: %s", kg->name,
			       kerr.text);
	if (lacks_sending_sa(g, flow))
		g->used_up = true;
	return 0;
}

static int make_flow(struct mgroup *g, unsigned int flow,
		     const struct kgroup *kg, struct err *err)
{
	const struct kernel *k = g->m->deps.kernel;
	struct err kerr = {};
	int ret = k->ops->group_add(k->ctx, kg, &kerr);

	if (ret == -EEXIST)
		return explain_conflict(k, kg, kerr.text, err);
	if (ret)
		return err_set(err, ret, "group \"%s\": kernel: %s", kg->name,
			       kerr.text);
	g->made |= 1u << flow;
	if (*kerr.text)
		group_warn(g, "kernel warning: %s", kerr.text);
	return 0;
}

static int protect_flow(struct mgroup *g, unsigned int flow, struct err *err)
{
	const struct kernel *k = g->m->deps.kernel;
	struct kgroup_info info;
	struct err kerr = {};
	struct kgroup kg;
	int ret;

	membership_kgroup(g->conf, flow, &kg);
	ret = k->ops->group_get(k->ctx, kg.name, &info, &kerr);
	if (!ret)
		ret = adopt_flow(g, flow, &kg, &info, err);
	else if (ret == -ENOENT)
		ret = make_flow(g, flow, &kg, err);
	else
		err_set(err, ret, "group \"%s\": kernel: %s", kg.name,
			kerr.text);
	if (!ret)
		g->gone &= ~(1u << flow);
	return ret;
}

int membership_protect(struct mgroup *g, struct err *err)
{
	int ret, first = 0;
	unsigned int i;

	g->made = 0;
	for (i = 0; i < mgroup_flows(g); i++) {
		ret = protect_flow(g, i, first ? NULL : err);
		if (!first)
			first = ret;
		/* A kernel that does not answer must not be asked for each. */
		if (ret == -ETIMEDOUT)
			break;
	}
	membership_watch_devs(g);
	return first;
}

void membership_undo(struct mgroup *g)
{
	unsigned int i;

	for (i = 0; i < mgroup_flows(g); i++)
		if (g->made & 1u << i && !membership_unprotect(g, i))
			g->gone |= 1u << i;
	g->made = 0;
}

/* Return true if the kernel had none of the groups before. */
static bool is_new(const struct mgroup *g)
{
	return g->made == (1u << mgroup_flows(g)) - 1;
}

static void take_over_sas(struct mgroup *g)
{
	struct msa *s;

	TAILQ_FOREACH(s, &g->sas, all)
		msa_take_over(s);
}

void membership_take_over(struct mgroup *g)
{
	take_over_sas(g);
	/* An earlier run may have had another configuration. */
	if (!is_new(g))
		membership_apply_policy(g);
}

int membership_unprotect(struct mgroup *g, unsigned int flow)
{
	const struct kernel *k = g->m->deps.kernel;
	char name[CONF_GROUP_NAME_MAX + 1];
	struct err err = {};
	int ret;

	ret = k->ops->group_del(k->ctx, conf_flow_name(g->conf, flow, name),
				false, &err);
	if (ret && ret != -ENOENT) {
		g->kernel_errors++;
		group_warn(g, "group not deleted: %s", err.text);
		return ret;
	}
	return 0;
}

/* Make again what the kernel lacks. An error is logged once. */
static void protect_again(struct mgroup *g)
{
	bool told = g->unprotected, repairs = g->other_policy;
	struct err err = {};

	g->unprotected = membership_protect(g, &err);
	if (g->unprotected)
		repair_later(g);
	if (g->unprotected && !told)
		group_err(g, "group not protected: %s", err.text);
	else if (!g->unprotected && told)
		group_info(g, "group protected again");
	take_over_sas(g);
	if (g->other_policy && !repairs)
		membership_apply_policy(g);
}

/* Drop the SAs that the kernel has lost. Returns true if there are any. */
static bool drop_lost_sas(struct mgroup *g)
{
	struct msa *s, *next;
	bool lost = false;

	for (s = TAILQ_FIRST(&g->sas); s; s = next) {
		next = TAILQ_NEXT(s, all);
		if (msa_drop_if_lost(s))
			lost = true;
	}
	return lost;
}

/* The events of limits may have been lost. */
static bool has_ended_sa(const struct mgroup *g)
{
	const struct msa *s;
	unsigned int i;

	for (i = 0; i < mgroup_flows(g); i++) {
		s = msa_newest(g, i);
		if (s && msa_has_ended(s))
			return true;
	}
	return false;
}

void membership_resync(struct mgroup *g)
{
	const char *why = NULL;

	/* A removed group is not created again. */
	if (g->removed)
		return;
	protect_again(g);
	/* The windows of these SAs are lost with them. */
	if (drop_lost_sas(g))
		why = "the kernel has lost SAs";
	else if (has_ended_sa(g))
		why = "the Data SA is used up";
	if (!why)
		return;
	g->used_up = true;
	if (mgroup_is_in(g))
		register_again(g, 0, why);
}

static void repair_due(void *arg)
{
	struct mgroup *g = arg;
	struct err err = {};

	if (g->unprotected)
		membership_resync(g);
	if (!g->other_policy)
		return;
	if (membership_set_policy(g, &err))
		repair_later(g);
	else
		group_info(g, "policy set");
}

/* ---- join and leave ----------------------------------------------------- */

int membership_leave(struct mgroup *g)
{
	if (g->state == MEMBER_OUT || g->state == MEMBER_LEAVING)
		return -EALREADY;
	rekey_group_leave(g);
	/*
	 * The key server may not hear of the leave, or offer the same SA again later:
	 * its replay windows are gone, so the next registration asks for another one.
	 */
	if (!TAILQ_EMPTY(&g->sas))
		g->used_up = true;
	while (!TAILQ_EMPTY(&g->sas))
		msa_delete(TAILQ_FIRST(&g->sas));
	mrekey_drop_all(g);
	wkp_wipe(&g->wkp);
	memset(&g->sids, 0, sizeof(g->sids));
	register_leave(g);
	return 0;
}

int membership_join(struct mgroup *g)
{
	switch (g->state) {
	case MEMBER_OUT:
		mgroup_state(g, MEMBER_WAITING);
		break;
	case MEMBER_LEAVING:
		mgroup_state(g, MEMBER_REJOINING);
		break;
	case MEMBER_WAITING:
		/* The next try is made at once. */
		break;
	default:
		return -EALREADY;
	}
	g->refusal = REFUSAL_TRANSIENT;
	g->attempts = 0;
	g->registered_ms = 0;
	register_now(g);
	return 0;
}
