// SPDX-License-Identifier: Apache-2.0
/* Join the multicast group of rekeys, and again when links change. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "conf/selector.h"
#include "lib/log.h"
#include "member/mgroup.h"

/* Interval of retries after a failed join. */
#define JOIN_RETRY_MS 5000

/* Log a change; the status always has the current note. */
static void set_join_note(struct mgroup *g, int ret, const char *note)
{
	char ep[EP_STRLEN];

	if (ret == g->rekey_ifindex && !strcmp(note, g->join_note))
		return;
	g->rekey_ifindex = ret;
	snprintf(g->join_note, sizeof(g->join_note), "%s", note);
	ep_str(&g->rekey_to, ep);
	if (ret < 0)
		group_warn(g, "rekey address not joined: %s: %s", ep, note);
	else if (note[0])
		group_info(g, "rekey address joined: %s: %s", ep, note);
}

/* Return true if the kernel certainly drops the rekeys of @g for @other. */
static bool drops_rekeys(const struct mgroup *other, const struct mgroup *g)
{
	const struct conf_mgroup *c = other->conf;
	unsigned int i;

	if (c->devs.n || c->mark.mask)
		return false;
	for (i = 0; i < mgroup_flows(other); i++)
		if (conf_selects_rekeys(conf_flow_sel(c, i), &g->rekey_source,
					&g->rekey_to))
			return true;
	return false;
}

/* Only ESP is accepted where a group of this host selects rekeys. */
static int check_rekey_address(const struct mgroup *g, struct err *err)
{
	const struct mgroup *other;

	TAILQ_FOREACH(other, &g->m->groups, all)
		if (drops_rekeys(other, g))
			return err_set(err, -EACCES,
				       "group \"%s\" of this host selects it, where only ESP is accepted: give that group less, or the key server another rekey-address",
				       other->conf->name);
	return 0;
}

void rekey_group_join(struct mgroup *g)
{
	struct member *m = g->m;
	struct mrekey *rk = TAILQ_FIRST(&g->rekeys);
	struct err note = {};
	int ret;

	if (!rk || rk->retired)
		return;
	ret = check_rekey_address(g, &note);
	if (!ret) {
		ret = m->deps.join_rekey(m->deps.ctx, &g->rekey_to,
					 &g->rekey_source, m->conf->interface,
					 &note);
		g->joined = true;
	}
	set_join_note(g, ret, note.text);
	if (ret >= 0)
		timer_del(mgroup_tq(g), &g->join);
	else
		timer_set(mgroup_tq(g), &g->join, JOIN_RETRY_MS);
}

/* Return true if rekeys may come by the link @ifindex; 0 is any. */
static bool may_pass(const struct mgroup *g, uint32_t ifindex)
{
	const struct member_deps *d = &g->m->deps;
	uint32_t joined;

	if (!ifindex || g->rekey_ifindex <= 0)
		return true;
	joined = (uint32_t)g->rekey_ifindex;
	return ifindex == joined ||
	       (d->is_below && d->is_below(d->ctx, ifindex, joined));
}

/*
 * A switch forgets the receivers of a port when its link is down, and sends no rekey
 * there until the next general query, which comes after two minutes, or never. A
 * bridge stays up while another port of it is.
 */
void rekey_group_link_up(struct mgroup *g, uint32_t ifindex)
{
	struct member *m = g->m;

	if (g->joined && m->deps.report_rekey && may_pass(g, ifindex))
		m->deps.report_rekey(m->deps.ctx, &g->rekey_to,
				     &g->rekey_source);
}

void rekey_group_leave(struct mgroup *g)
{
	struct member *m = g->m;

	timer_del(mgroup_tq(g), &g->join);
	if (!g->joined)
		return;
	m->deps.leave_rekey(m->deps.ctx, &g->rekey_to, &g->rekey_source);
	g->joined = false;
	g->rekey_ifindex = 0;
	g->join_note[0] = 0;
}

void rekey_group_set(struct mgroup *g, const struct gsa_sa *policy)
{
	struct ep to = { .addr = policy->dst.lo, .port = policy->dst.port_lo };
	struct addr source = { 0 };

	if (ts_is_one_addr(&policy->src))
		source = policy->src.lo;
	if (g->joined && (!ep_equal(&to, &g->rekey_to) ||
			  !addr_equal(&source, &g->rekey_source)))
		rekey_group_leave(g);
	g->rekey_to = to;
	g->rekey_source = source;
	if (!g->joined)
		rekey_group_join(g);
}

static void join_due(void *arg)
{
	rekey_group_join(arg);
}

void rekey_group_init(struct mgroup *g)
{
	timer_init(&g->join, join_due, g);
}
