// SPDX-License-Identifier: Apache-2.0
/*
 * The IKE SA of a member that is rekeyed over it and has no Rekey SA (RFC 9838 section
 * 2.4.2). The key server retransmits each GSA_INBAND_REKEY until it is answered, so
 * that none is missed while both sides have the IKE SA. A key server that was restarted
 * does not have it, and cannot say so: the member checks the IKE SA at intervals, and
 * when ESP with an unknown SPI shows that keys may have changed.
 *
 * An IKE SA that ends excludes the member (RFC 9838 section 2.3.3), which registers
 * again. It keeps its Data SAs meanwhile, as ending them would lose packets: nobody
 * gains by that, and they end at their lifetime.
 */
#include "lib/util.h"
#include "member/mgroup.h"

/* ESP is not authenticated, so that it causes no more checks than this. */
#define CHECK_MS 5000
/* Interval of checks if the key server sends no time, and so no beat. */
#define BEAT_S 15
/* Longest interval of checks, on which gcks/inband.c relies. */
#define CHECK_MAX_S 30
/* Part of a beat by which the intervals of members differ. */
#define SPREAD_PART 3

void inband_watch(struct mgroup *g)
{
	uint32_t beat = g->has_server_time && g->beat ? g->beat : BEAT_S;

	if (beat > CHECK_MAX_S)
		beat = CHECK_MAX_S;
	beat *= MSEC_PER_SEC;
	timer_set(mgroup_tq(g), &g->silence,
		  beat + member_random(beat / SPREAD_PART));
}

bool inband_sa_is_up(const struct mgroup *g)
{
	return g->inband_sa && ike_sa_is_up(g->inband_sa);
}

/* An IKE SA that gives no answer is closed by ike/: see member_sa_closed(). */
static void check_ike_sa(struct mgroup *g)
{
	/* A registration in progress brings the keys of now. */
	if (g->state != MEMBER_IN)
		return;
	if (inband_sa_is_up(g))
		ike_liveness(g->inband_sa);
	else
		g->ops->again(g, 0, "no IKE SA for rekeys");
}

void inband_check(struct mgroup *g)
{
	inband_watch(g);
	check_ike_sa(g);
}

void inband_esp(struct mgroup *g)
{
	if (g->checked_ms && mgroup_now(g) - g->checked_ms < CHECK_MS)
		return;
	g->checked_ms = mgroup_now(g);
	check_ike_sa(g);
}
