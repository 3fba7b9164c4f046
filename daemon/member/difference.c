// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's group and SAs, compared with those that the member has installed.
 * Another program with the same rights can change them, and only a deleted group
 * causes an event.
 */
#include <errno.h>
#include <string.h>

#include "member/membership.h"

static enum member_fault group_fault(const struct mgroup *g, unsigned int flow,
				     struct kgroup_info *info, struct err *why)
{
	const struct kernel *k = g->m->deps.kernel;
	const char *setting;
	struct err err = {};
	struct kgroup kg;
	int ret;

	membership_kgroup(g->conf, flow, &kg);
	ret = k->ops->group_get(k->ctx, kg.name, info, &err);
	if (ret == -ENOENT) {
		err_set(why, 0, "the kernel has no group of this name");
		return MEMBER_FAULT_NO_GROUP;
	}
	if (ret) {
		err_set(why, 0, "the kernel cannot be asked: %s", err.text);
		return MEMBER_FAULT_UNREAD;
	}
	setting = kgroup_differs(&info->group, &kg);
	if (!setting)
		return MEMBER_FAULT_NONE;
	err_set(why, 0, "the kernel's group has another setting: %s", setting);
	return MEMBER_FAULT_OTHER_GROUP;
}

/* The SAs that the kernel has of those in use here. */
struct sa_count {
	const struct mgroup *g;
	unsigned int n;
	const struct msa *dead;
};

static int count_kernel_sa(void *arg, const struct ksa_info *info)
{
	struct sa_count *l = arg;
	const struct msa *s = msa_find(l->g, info->sa.spi);

	l->n += s ? 1 : 0;
	if (s && !s->retired && info->state != MCSEC_SA_STATE_LIVE)
		l->dead = s;
	return 0;
}

static enum member_fault sa_fault(const struct mgroup *g, unsigned int flow,
				  const struct kgroup_info *info,
				  struct err *why)
{
	const struct msa *s, *sending = msa_sending(g, flow);
	const struct kernel *k = g->m->deps.kernel;
	struct sa_count l = { .g = g };
	unsigned int n = 0;
	struct err err = {};

	TAILQ_FOREACH(s, &g->sas, all)
		n += s->flow == flow;
	if (k->ops->sa_dump(k->ctx, info->group.name, count_kernel_sa, &l,
			    &err)) {
		err_set(why, 0, "the kernel cannot be asked: %s", err.text);
		return MEMBER_FAULT_UNREAD;
	}
	if (l.n < n) {
		err_set(why, 0, "the kernel has lost %u of %u SAs", n - l.n, n);
		return MEMBER_FAULT_NO_SA;
	}
	if (l.dead) {
		err_set(why, 0, "SA " SPI_FMT " has reached a limit",
			l.dead->spi);
		return MEMBER_FAULT_DEAD_SA;
	}
	if (sending && info->out_spi != sending->spi) {
		err_set(why, 0,
			"the kernel sends with SA " SPI_FMT ", not " SPI_FMT,
			info->out_spi, sending->spi);
		return MEMBER_FAULT_OTHER_SA;
	}
	return MEMBER_FAULT_NONE;
}

/* A group that is no longer configured is closed, if it is there. */
static enum member_fault removed_fault(const struct mgroup *g,
				       unsigned int flow, struct err *why)
{
	const struct kernel *k = g->m->deps.kernel;
	char name[CONF_GROUP_NAME_MAX + 1];
	struct kgroup_info info;

	if (k->ops->group_get(k->ctx, conf_flow_name(g->conf, flow, name),
			      &info, NULL) ||
	    info.group.policy == MCSEC_POLICY_ENFORCE)
		return MEMBER_FAULT_NONE;
	err_set(why, 0,
		"the group is no longer configured, and the kernel's has the policy \"observe\"");
	return MEMBER_FAULT_OBSERVES;
}

static enum member_fault flow_fault(const struct mgroup *g, unsigned int flow,
				    struct err *why)
{
	struct kgroup_info info;
	enum member_fault fault;

	if (g->removed)
		return removed_fault(g, flow, why);
	fault = group_fault(g, flow, &info, why);
	if (!fault)
		fault = sa_fault(g, flow, &info, why);
	if (fault || info.group.policy == MCSEC_POLICY_ENFORCE)
		return fault;
	err_set(why, 0,
		"the kernel's group has the policy \"observe\"%s, so traffic may be in the clear",
		g->conf->observe ? " by the configuration" : "");
	return MEMBER_FAULT_OBSERVES;
}

/*
 * A fault of the keys is returned before an open policy, which is no reason to doubt
 * them.
 */
enum member_fault member_difference(const struct member *m, const char *group,
				    struct err *why)
{
	const struct mgroup *g = mgroup_find(m, group);
	enum member_fault fault, found = MEMBER_FAULT_NONE;
	struct err text = {};
	unsigned int i;

	for (i = 0; g && i < mgroup_flows(g); i++) {
		fault = flow_fault(g, i, &text);
		if (!fault || (found && found != MEMBER_FAULT_OBSERVES))
			continue;
		err_set(why, 0, "%s", text.text);
		found = fault;
	}
	return found;
}
