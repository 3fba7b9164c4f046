// SPDX-License-Identifier: Apache-2.0
/* The state of a membership, for operators. */
#include <string.h>

#include "lib/util.h"
#include "member/mgroup.h"

static uint32_t left_s(const struct mgroup *g, uint64_t until_ms)
{
	return (uint32_t)(mgroup_left_ms(g, until_ms) / MSEC_PER_SEC);
}

/*
 * Rekeys cannot be received while the rekey address is not joined, or its
 * interface is down. This host then cannot know of changes that it misses.
 */
static const char *why_no_rekeys(const struct mgroup *g)
{
	const struct member_deps *d = &g->m->deps;

	/* Rekeys come over the IKE SA, whose end is a doubt of its own. */
	if (g->inband)
		return NULL;
	if (!g->joined || g->rekey_ifindex < 0)
		return "the rekey address is not joined";
	if (g->rekey_ifindex && d->carries &&
	    !d->carries(d->ctx, (uint32_t)g->rekey_ifindex))
		return "the interface of the rekey address is down";
	return NULL;
}

static bool flows_keyed(const struct mgroup *g)
{
	unsigned int i;

	for (i = 0; i < mgroup_flows(g); i++)
		if (!msa_newest(g, i))
			return false;
	return true;
}

/*
 * The member asks the key server about its own doubts, and holds them first. The
 * other reasons are found here, since only a reader of the status needs them.
 */
static const char *why_behind(const struct mgroup *g)
{
	const char *text = doubt_text(g);

	if (!mgroup_is_in(g))
		return NULL;
	if (!text && !g->inband && !mrekey_current(g))
		text = "no Rekey SA";
	if (!text && !flows_keyed(g))
		text = "no Data SA";
	return text ? text : why_no_rekeys(g);
}

/* The key server's clock, compared with this host's. */
static void fill_clock(const struct mgroup *g, struct member_group_status *st)
{
	uint64_t there = g->server_ms + (mgroup_now(g) - g->local_ms);
	uint64_t here = (uint64_t)clock_wall(g->m->deps.clock) * MSEC_PER_SEC;

	if (!g->has_server_time)
		return;
	st->has_clock = true;
	st->clock_ahead_ms = (int64_t)(here - there);
}

uint32_t mgroup_unread_ms(const struct mgroup *g)
{
	if (g->unread_ms <= mgroup_now(g) ||
	    (g->unread_unless && msa_received(g) > g->unread_received))
		return 0;
	return (uint32_t)(g->unread_ms - mgroup_now(g));
}

static void fill_flows(const struct mgroup *g, struct member_group_status *st)
{
	const struct msa *s;
	unsigned int i;

	st->n_flows = mgroup_flows(g);
	for (i = 0; i < st->n_flows; i++) {
		s = msa_newest(g, i);
		if (s)
			st->flow[i].data_spi = s->spi;
		s = msa_sending(g, i);
		if (s)
			st->flow[i].out_spi = s->spi;
	}
	st->data_spi = st->flow[0].data_spi;
	st->out_spi = st->flow[0].out_spi;
	s = msa_newest(g, 0);
	if (s)
		st->data_left = left_s(g, s->until_ms);
	TAILQ_FOREACH(s, &g->sas, all)
		st->n_sas++;
}

static void fill_mgroup_status(const struct mgroup *g,
			       struct member_group_status *st)
{
	const struct mrekey *rk = TAILQ_FIRST(&g->rekeys);
	uint64_t heard_ms = g->inband ? g->inband_ms : g->received_ms;

	memset(st, 0, sizeof(*st));
	st->conf = g->conf;
	if (g->has_keyed && conf_flow_of(g->conf, &g->keyed) < 0)
		st->keyed_sel = &g->keyed;
	st->state = g->state;
	st->removed = g->removed;
	st->retry_ms = timer_left_ms(mgroup_tq(g), &g->retry);
	st->doubt = why_behind(g);
	st->silent = mgroup_is_in(g) && g->doubts & 1u << DOUBT_SILENCE;
	st->deaf = mgroup_is_in(g) ? why_no_rekeys(g) : NULL;
	if (mgroup_is_in(g))
		st->unread_ms = mgroup_unread_ms(g);
	st->heard = heard_ms;
	if (heard_ms)
		st->heard_ms = mgroup_now(g) - heard_ms;
	fill_clock(g, st);
	st->last_error = g->last_error;
	st->found_here = g->found_here;
	st->rekey_note = g->join_note;
	st->no_devs = g->no_devs;
	if (g->joined)
		st->rekey_to = g->rekey_to;
	if (g->joined && g->rekey_ifindex > 0)
		st->rekey_ifindex = (uint32_t)g->rekey_ifindex;
	if (rk && !rk->retired) {
		st->keyed = true;
		memcpy(st->rekey_spi, rk->rs.spi, sizeof(st->rekey_spi));
		st->next_mid = rk->rs.next_mid;
		st->rekey_left = left_s(g, rk->until_ms);
		if (rk->rs.pub)
			sigpub_name(rk->rs.pub, st->signing_key);
	}
	fill_flows(g, st);
	if (mgroup_is_in(g) && g->term_ms)
		st->until =
			clock_wall(g->m->deps.clock) + left_s(g, g->term_ms);
	st->atd = g->atd;
	st->dtd = g->dtd;
	st->n_sender_ids = g->sids.n;
	st->first_sender_id = g->sids.n ? g->sids.v[0] : 0;
	st->registrations = g->registrations;
	st->refusals = g->refusals;
	st->rekeys = g->n_rekeys;
	st->inband = g->inband;
	st->inband_rekeys = g->n_inband;
	st->rivals = g->rivals;
	st->wary = g->stolen_key[0];
	st->gcks_revoked = g->gcks_revoked;
	st->old = g->n_too_old;
	st->excluded = g->excluded;
	st->kernel_errors = g->kernel_errors;
	st->state_errors = g->state_errors;
}

int member_each_group(struct member *m, member_group_fn *fn, void *arg)
{
	struct member_group_status st;
	struct mgroup *g;
	int ret;

	TAILQ_FOREACH(g, &m->groups, all) {
		fill_mgroup_status(g, &st);
		ret = fn(arg, &st);
		if (ret)
			return ret;
	}
	return 0;
}
