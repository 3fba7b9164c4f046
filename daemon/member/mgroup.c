// SPDX-License-Identifier: Apache-2.0
/*
 * The state of a membership. One function writes it, by one table, so that a
 * message that comes at the wrong time is refused here before it has effects: a
 * refused transition is logged and counted and changes nothing.
 *
 *	OUT -> WAITING -> REGISTERING -> IN <-> RENEWING
 *
 * A leave goes to OUT directly from WAITING, when the key server does not know
 * the member, and through LEAVING from the other states.
 */
#include <errno.h>
#include <string.h>

#include "crypto/rand.h"
#include "lib/log.h"
#include "lib/util.h"
#include "member/mgroup.h"

static const char *const state_names[] = {
	[MEMBER_OUT] = "out",
	[MEMBER_WAITING] = "waiting",
	[MEMBER_REGISTERING] = "registering",
	[MEMBER_IN] = "in",
	[MEMBER_RENEWING] = "renewing",
	[MEMBER_LEAVING] = "leaving",
	[MEMBER_REJOINING] = "rejoining",
};

/* Allowed transitions of each state. */
static const unsigned int transitions[] = {
	[MEMBER_OUT] = BIT(MEMBER_WAITING),
	/* The key server remembers a request that it has put off. */
	[MEMBER_WAITING] = BIT(MEMBER_REGISTERING) | BIT(MEMBER_OUT) |
			   BIT(MEMBER_LEAVING),
	[MEMBER_REGISTERING] = BIT(MEMBER_IN) | BIT(MEMBER_WAITING) |
			       BIT(MEMBER_LEAVING),
	/* A Delete from the key server leads back to WAITING. */
	[MEMBER_IN] = BIT(MEMBER_RENEWING) | BIT(MEMBER_WAITING) |
		      BIT(MEMBER_LEAVING),
	/*
	 * After a Delete that precedes the answer, the request is still open.
	 */
	[MEMBER_RENEWING] = BIT(MEMBER_IN) | BIT(MEMBER_REGISTERING) |
			    BIT(MEMBER_LEAVING),
	[MEMBER_LEAVING] = BIT(MEMBER_OUT) | BIT(MEMBER_REJOINING),
	[MEMBER_REJOINING] = BIT(MEMBER_WAITING) | BIT(MEMBER_LEAVING),
};

struct mgroup *mgroup_find(const struct member *m, const char *name)
{
	struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all)
		if (!strcmp(g->conf->name, name))
			return g;
	return NULL;
}

struct mgroup *mgroup_of_kernel(const struct member *m, const char *name,
				unsigned int *flow)
{
	char buf[CONF_GROUP_NAME_MAX + 1];
	struct mgroup *g;

	TAILQ_FOREACH(g, &m->groups, all)
		for (*flow = 0; *flow < mgroup_flows(g); ++*flow)
			if (!strcmp(conf_flow_name(g->conf, *flow, buf), name))
				return g;
	return NULL;
}

int mgroup_state(struct mgroup *g, enum member_state to)
{
	if (!(transitions[g->state] & BIT(to))) {
		g->state_errors++;
		group_warn(g, "state change refused: %s to %s",
			   state_names[g->state], state_names[to]);
		return -EINVAL;
	}
	group_debug(g, "state changed: %s to %s", state_names[g->state],
		    state_names[to]);
	g->state = to;
	return 0;
}

bool member_state_is_in(enum member_state state)
{
	return state == MEMBER_IN || state == MEMBER_RENEWING;
}

/* The exchange in progress is of no interest to an operator. */
const char *member_state_text(const struct member_group_status *s)
{
	switch (s->state) {
	case MEMBER_IN:
	case MEMBER_RENEWING:
		return s->doubt ? "behind" : "in";
	case MEMBER_REJOINING:
		return state_names[MEMBER_LEAVING];
	default:
		return state_names[s->state];
	}
}

/* The random part keeps members from asking all at once. */
uint64_t member_soft_ms(uint64_t life_ms)
{
	return life_ms / 100 * (80 + member_random(10));
}

uint32_t member_random(uint32_t n)
{
	uint32_t v = 0;

	if (!n || rand_bytes(&v, sizeof(v)))
		return 0;
	return v % n;
}
