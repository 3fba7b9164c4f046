// SPDX-License-Identifier: Apache-2.0
/*
 * What time does to a group's keys: lifetimes, the periodic rekey, and the
 * beat. In a beat the key server says again which Data SA there is. So who
 * missed a rekey hears a Rekey SA that it does not have, who missed the second
 * message of an exclusion gets the Data SA, and who hears nothing at all knows
 * that it has to ask.
 */
#include "gcks/gkm.h"

#include <string.h>

#include "gcks/gmc.h"
#include "gcks/term.h"
#include "gcks/witness.h"
#include "lib/log.h"

#define MS 1000u
/* What the store refused is tried again so much later; what the network did */
#define RETRY_MS 5000
#define UNSENT_MS 1000
/* The first beat after a change, once its copies are out */
#define FIRST_BEAT_MS 1000
/* A member asks after three beats of silence, at a moment of its own. */
#define SILENCE_BEATS 3
#define SILENCE_SPREAD_MS 10000

uint64_t gkm_time_ms(const struct group *g)
{
	return g->k->time0_ms + group_now_ms(g) + g->ahead_ms;
}

void gkm_time_floor(struct group *g)
{
	uint64_t now = gkm_time_ms(g);

	if (g->st.time_ms > now)
		g->ahead_ms += g->st.time_ms - now;
}

uint32_t gkm_silence_ms(const struct group *g)
{
	return g->conf->beat * MS * SILENCE_BEATS + SILENCE_SPREAD_MS;
}

void gkm_made(const struct group *g, struct gsa_gw *gw)
{
	gw->present = true;
	gw->has |= GWP_HAS_MADE;
	gw->made_ms = gkm_time_ms(g);
	gw->beat = g->conf->beat;
}

uint32_t gkm_left(const struct group *g, const struct gkey *key)
{
	int64_t age = group_wall(g) - key->made;

	/* a wall clock set back must not make a key live longer */
	if (age < 0)
		age = 0;
	return age < key->lifetime ? key->lifetime - age : 0;
}

/* ---- beats -------------------------------------------------------------- */

static int count_mids(struct group *g, struct gkm_change *c)
{
	struct store *s = group_store(g);
	int rc;

	c->next.next_mid = g->rs.next_mid + GKM_MIDS_AHEAD;
	c->next.time_ms = gkm_time_ms(g);
	rc = store_begin(s);
	if (rc)
		return rc;
	rc = gkm_put_state(g, &c->next);
	if (!rc)
		rc = store_commit(s);
	if (rc) {
		store_abort(s);
		return rc;
	}
	g->st.next_mid = c->next.next_mid;
	g->st.time_ms = c->next.time_ms;
	g->st.version = c->next.version;
	witness_note(g, NULL, 0, NULL);
	return 0;
}

static int say_again(struct group *g)
{
	struct gkm_change c;
	int rc;

	gkm_begin(g, &c);
	rc = gkm_beat_message(g, &c);
	/* its Message ID must be in the store before it leaves */
	if (!rc && g->rs.next_mid > g->st.next_mid)
		rc = count_mids(g, &c);
	if (rc) {
		gkm_abandon(g, &c);
		return rc;
	}
	explicit_bzero(&c.next, sizeof(c.next));
	gkm_send_all(g, &c.out);
	g->beats++;
	return g->send_errno;
}

static void beat(void *arg)
{
	struct group *g = arg;
	uint32_t wait = pace_beat_ms(g);

	if (!g->st.keyed || !g->n_members)
		return;
	if (wait) {
		timer_set(g->k->deps.tq, &g->beat, wait);
		return;
	}
	timer_set(g->k->deps.tq, &g->beat, g->conf->beat * MS);
	if (gkm_left(g, &g->st.data) && say_again(g))
		timer_set(g->k->deps.tq, &g->beat,
			  g->send_errno ? UNSENT_MS : RETRY_MS);
}

void gkm_beat_soon(struct group *g, uint32_t ms)
{
	if (timer_armed(&g->beat) &&
	    timer_left_ms(g->k->deps.tq, &g->beat) > ms)
		timer_set(g->k->deps.tq, &g->beat, ms);
}

/* ---- periodic ----------------------------------------------------------- */

int gkm_rekey_now(struct group *g, const char *why)
{
	uint32_t wait = pace_wait_ms(g);
	struct gkm_change c;
	int rc;

	if (wait) {
		timer_set(g->k->deps.tq, &g->periodic, wait);
		return 0;
	}
	gkm_begin(g, &c);
	rc = term_turn(g);
	if (rc < 0) {
		gkm_abandon(g, &c);
		return rc;
	}
	if (!rc)
		return gkm_commit(g, &c, GKM_SIMPLE, NULL, NULL, why);
	rc = gkm_commit(g, &c, GKM_JOIN, term_put_turned, NULL, why);
	term_turned(g, !rc);
	return rc;
}

static void periodic(void *arg)
{
	struct group *g = arg;

	/* without members the next join makes new keys anyway */
	if (!g->st.keyed || !g->n_members)
		return;
	if (gkm_rekey_now(g, "periodic"))
		timer_set(g->k->deps.tq, &g->periodic, RETRY_MS);
}

void gkm_schedule(struct group *g)
{
	int64_t left =
		g->st.data.made + g->conf->rekey_interval - group_wall(g);
	uint32_t first = pace_copies_ms(g) + FIRST_BEAT_MS;

	gkm_timers_stop(g);
	if (!g->st.keyed)
		return;
	if (left < 0)
		left = 0;
	if (left > g->conf->rekey_interval)
		left = g->conf->rekey_interval;
	/* a key that was asked for does not wait for the next interval */
	timer_set(g->k->deps.tq, &g->periodic,
		  g->want_sign ? pace_wait_ms(g) : left * MS);
	if (first > g->conf->beat * MS)
		first = g->conf->beat * MS;
	timer_set(g->k->deps.tq, &g->beat, first);
}

void gkm_timers_init(struct group *g)
{
	timer_init(&g->periodic, periodic, g);
	timer_init(&g->beat, beat, g);
}

void gkm_timers_stop(struct group *g)
{
	timer_del(g->k->deps.tq, &g->periodic);
	timer_del(g->k->deps.tq, &g->beat);
}
