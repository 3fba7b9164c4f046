// SPDX-License-Identifier: Apache-2.0
/*
 * End of the membership as the key server gives it at registration: when the
 * certificate ends, or after a time that the key server sets. The latter is
 * renewed by registering again, which costs other members nothing, with a
 * random part so that members that registered together do not renew together.
 * If the certificate is the limit, each renewal gains less, and there are few.
 */
#include "lib/log.h"
#include "lib/util.h"
#include "member/mgroup.h"

/* Percentage of the remaining time after which a member renews. */
#define RENEW_FROM 80
#define RENEW_SPREAD 10
/* A shorter remaining time is not worth a renewal. */
#define LEAST_MS 20000

static void arm_term(struct mgroup *g)
{
	uint64_t left = mgroup_left_ms(g, g->term_ms), wait = left;

	if (left >= LEAST_MS)
		/* Seconds times thousandths are milliseconds. */
		wait = left / MSEC_PER_SEC *
		       (10 * RENEW_FROM + member_random(10 * RENEW_SPREAD));
	timer_set(mgroup_tq(g), &g->term, wait);
}

static void term_due(void *arg)
{
	struct mgroup *g = arg;

	if (!mgroup_is_in(g))
		return;
	if (!mgroup_left_ms(g, g->term_ms)) {
		doubt_note(g, DOUBT_TERM);
		return;
	}
	g->ops->ask(g, "membership expires soon");
	/*
	 * The answer sets the timer anew; without one the membership has ended
	 * by then.
	 */
	timer_set(mgroup_tq(g), &g->term, mgroup_left_ms(g, g->term_ms));
}

void term_learn(struct mgroup *g, const struct gsa_gw *gw)
{
	uint64_t before = g->term_ms;

	if (!(gw->has & GWP_HAS_TERM)) {
		term_stop(g);
		return;
	}
	/*
	 * The time counts from the request, so that it ends early here, if at
	 * all.
	 */
	g->term_ms = g->asked_ms + (uint64_t)gw->term * MSEC_PER_SEC;
	if (g->term_ms < before + LEAST_MS &&
	    mgroup_left_ms(g, g->term_ms) < LEAST_MS)
		group_warn(g,
			   "membership not renewed: it ends in %llu s, and a registration does not extend it: renew the certificate, or see \"membership-lifetime\" at the key server",
			   (unsigned long long)mgroup_left_ms(g, g->term_ms) /
				   MSEC_PER_SEC);
	arm_term(g);
}

void term_stop(struct mgroup *g)
{
	g->term_ms = 0;
	timer_del(mgroup_tq(g), &g->term);
}

void term_init(struct mgroup *g)
{
	timer_init(&g->term, term_due, g);
}
