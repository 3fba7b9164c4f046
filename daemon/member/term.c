// SPDX-License-Identifier: Apache-2.0
/*
 * How long this host is a member, as the key server says at registration: until
 * its certificate ends, or a setting of the key server's is over. The latter is
 * renewed by registering again, which costs others nothing, at a moment of its
 * own: a crowd that registered at once does not renew at once. Where the
 * certificate is what ends, each renewal brings less, and there are few.
 */
#include "lib/log.h"
#include "lib/util.h"
#include "member/mgroup.h"

/* A member renews when that much of what was left is over, in percent. */
#define RENEW_FROM 80
#define RENEW_SPREAD 10
/* Less than that is too short for a renewal to bring more. */
#define LEAST_MS 20000

static uint64_t left_ms(const struct mgroup *g)
{
	uint64_t now = mgroup_now(g);

	return g->term_ms > now ? g->term_ms - now : 0;
}

static void arm(struct mgroup *g)
{
	uint64_t left = left_ms(g), wait = left;

	if (left >= LEAST_MS)
		wait = left / 1000 *
		       (10 * RENEW_FROM + member_random(10 * RENEW_SPREAD));
	timer_set(mgroup_tq(g), &g->term, wait);
}

static void due(void *arg)
{
	struct mgroup *g = arg;

	if (!mgroup_is_in(g))
		return;
	if (!left_ms(g)) {
		doubt_note(g, DOUBT_TERM);
		return;
	}
	g->ops->ask(g, "its membership ends soon");
	/* answered, this is set anew; else it has ended by then */
	timer_set(mgroup_tq(g), &g->term, left_ms(g));
}

void term_learn(struct mgroup *g, const struct gsa_gw *gw)
{
	uint64_t before = g->term_ms;

	if (!(gw->has & GWP_HAS_TERM)) {
		term_stop(g);
		return;
	}
	/* counts from the question: it ends early here, if at all */
	g->term_ms = g->asked_ms + (uint64_t)gw->term * MSEC_PER_SEC;
	if (g->term_ms < before + LEAST_MS && left_ms(g) < LEAST_MS)
		log_warn("group %s: membership ends in %llu s and is not renewed: does the certificate end?",
			 g->conf->name,
			 (unsigned long long)left_ms(g) / MSEC_PER_SEC);
	arm(g);
}

void term_stop(struct mgroup *g)
{
	g->term_ms = 0;
	timer_del(mgroup_tq(g), &g->term);
}

void term_init(struct mgroup *g)
{
	timer_init(&g->term, due, g);
}
