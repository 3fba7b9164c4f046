// SPDX-License-Identifier: Apache-2.0
/*
 * Datagrams that the kernel has dropped lately, by groups. The module counts reasons
 * for all groups together, and the drops of each group without a reason. A reason is
 * one of a group for certain if it has grown by more than the drops of all others.
 */
#include <string.h>

#include "lib/util.h"
#include "member/mgroup.h"

#define LOST_IN 0
#define LOST_OUT 1

static const struct {
	const char *counter;
	unsigned int dir;
} reasons[MEMBER_LOST_REASONS] = {
	[MEMBER_LOST_CLEAR] = { "in-clear", LOST_IN },
	[MEMBER_LOST_UNKNOWN] = { "in-no-sa", LOST_IN },
	[MEMBER_LOST_SENDERS] = { "in-too-many-senders", LOST_IN },
	[MEMBER_LOST_UNSENT] = { "out-no-sa", LOST_OUT },
};

static int add_drops(void *arg, const struct kgroup_info *info)
{
	const struct member *m = arg;
	unsigned int flow;
	struct mgroup *g = mgroup_of_kernel(m, info->group.name, &flow);

	if (g) {
		g->lost_now[LOST_IN] += info->in_drops;
		g->lost_now[LOST_OUT] += info->out_drops;
	}
	return 0;
}

static int take_counter(void *arg, const char *name, uint64_t value)
{
	uint64_t *counts = arg;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++)
		if (!strcmp(reasons[i].counter, name))
			counts[i] = value;
	return 0;
}

/* Read the counters of now. Returns false if the kernel cannot be asked. */
static bool read_lost(struct member *m, uint64_t *count)
{
	const struct kernel *k = m->deps.kernel;
	struct mgroup *g;

	memset(count, 0, sizeof(*count) * MEMBER_LOST_REASONS);
	TAILQ_FOREACH(g, &m->groups, all)
		memset(g->lost_now, 0, sizeof(g->lost_now));
	return !k->ops->group_dump(k->ctx, add_drops, m, NULL) &&
	       !k->ops->stats_dump(k->ctx, take_counter, count, NULL);
}

/*
 * Before a group has all keys, and its key for sending is in use, datagrams are lost as
 * a matter of course. Its state says so.
 */
static bool is_settled(const struct mgroup *g)
{
	return !g->removed && mgroup_is_in(g) && !mgroup_unread_ms(g) &&
	       (!g->conf->send || msa_all_send(g));
}

void member_watch_lost(struct member *m)
{
	struct lost_sample *s = &m->lost[m->n_lost % MEMBER_LOST_SAMPLES];
	struct mgroup *g;

	if (!read_lost(m, s->count)) {
		TAILQ_FOREACH(g, &m->groups, all)
			g->settled = 0;
		return;
	}
	TAILQ_FOREACH(g, &m->groups, all) {
		memcpy(g->lost[m->n_lost % MEMBER_LOST_SAMPLES], g->lost_now,
		       sizeof(g->lost_now));
		g->settled = is_settled(g) ? g->settled + 1 : 0;
	}
	m->n_lost++;
}

/* A group of the kernel that was made again counts from zero. */
static uint64_t grown_by(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static uint64_t drops_since(const struct mgroup *g, unsigned int at,
			    unsigned int dir)
{
	return grown_by(g->lost_now[dir], g->lost[at][dir]);
}

/* Drops of all groups but @g, which may be NULL. */
static uint64_t other_drops(const struct member *m, const struct mgroup *g,
			    unsigned int at, unsigned int dir)
{
	const struct mgroup *other;
	uint64_t n = 0;

	TAILQ_FOREACH(other, &m->groups, all)
		if (other != g)
			n += drops_since(other, at, dir);
	return n;
}

/* Return how many datagrams the group has lost at least, for the reason @why. */
static uint64_t lost_by(const struct mgroup *g, enum member_lost why,
			const uint64_t *count)
{
	const struct member *m = g->m;
	unsigned int dir = reasons[why].dir, at;
	uint64_t own, others, n;

	if (!g->settled || !is_settled(g))
		return 0;
	at = (m->n_lost - (g->settled < MEMBER_LOST_SAMPLES
				   ? g->settled
				   : MEMBER_LOST_SAMPLES)) %
	     MEMBER_LOST_SAMPLES;
	own = drops_since(g, at, dir);
	others = other_drops(m, g, at, dir);
	n = grown_by(count[why], m->lost[at].count[why]);
	if (!own || n <= others)
		return 0;
	n -= others;
	return n < own ? n : own;
}

void member_each_lost(struct member *m, member_lost_fn *fn, void *arg)
{
	uint64_t count[MEMBER_LOST_REASONS], n;
	struct mgroup *g;
	unsigned int why;

	if (!read_lost(m, count))
		return;
	TAILQ_FOREACH(g, &m->groups, all)
		for (why = 0; why < MEMBER_LOST_REASONS; why++) {
			n = lost_by(g, why, count);
			if (n)
				fn(arg, g->conf, why, n);
		}
}
