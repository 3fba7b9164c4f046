// SPDX-License-Identifier: Apache-2.0
#include "gcks/remind.h"

#include <string.h>

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/identity.h"
#include "gcks/outbox.h"
#include "gcks/pace.h"
#include "gcks/place.h"
#include "gcks/replaced.h"
#include "gcks/twins.h"
#include "ike/engine.h"
#include "lib/util.h"

/* Confirmations arrive so long after senders have changed over. */
#define CONFIRM_MS 500
/* First and longest pause until all are told again. */
#define FIRST_MS 1000
#define LONGEST_MS 60000
/* Senders that are told at a time, and the time until the next ones. */
#define STEP_N 256
#define STEP_MS 50
/* Longest wait for the first copy of an exclusion. */
#define UNANNOUNCED_MS 30000

struct step {
	struct group *g;
	struct ike_id idg;
	struct ike_sa *sa[STEP_N];
	unsigned int n;
	bool more;
};

/* Return true if @m, or another host of its identity, has had the time to follow. */
static bool is_overdue(const struct group *g, const struct gmember *m)
{
	const struct twins *t = m->more->twins;
	unsigned int i;

	if (replaced_is_due(g, m->more->sends_spi))
		return true;
	for (i = 0; t && i < t->n; i++)
		if (replaced_is_due(g, t->v[i].spi))
			return true;
	return false;
}

/* Senders that are rekeyed inband are not told of a change in another way. */
static bool needs_reminder(const struct group *g, const struct gmember *m)
{
	return m && m->send && !m->inband && !m->out && !m->more->leaving &&
	       !gmc_confirmed(g, m) && m->more->reminded != g->reminds &&
	       is_overdue(g, m);
}

/* No IKE SA may be closed during the search, and telling may close one. */
static void find_sender(void *arg, struct ike_sa *sa)
{
	struct step *s = arg;
	char identity[GMC_ID_MAX];

	if (ike_sa_is_initiator(sa) || !ike_sa_is_up(sa) ||
	    identity_of(ike_sa_peer_id(sa), identity, sizeof(identity)) ||
	    !needs_reminder(s->g, gmc_find(s->g, identity)))
		return;
	if (s->n < STEP_N)
		s->sa[s->n++] = sa;
	else
		s->more = true;
}

static void mark_reminded(struct step *s)
{
	char identity[GMC_ID_MAX];
	struct gmember *m;
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		if (identity_of(ike_sa_peer_id(s->sa[i]), identity,
				sizeof(identity)))
			continue;
		m = gmc_find(s->g, identity);
		if (m && m->send)
			gmember_more(m)->reminded = s->g->reminds;
	}
}

/*
 * Return true if no copy of the change could be sent yet, so that receivers do not know
 * the keys either, and would lose packets. Who was evicted must not read for so long.
 */
static bool waits_for_copies(const struct group *g)
{
	return pace_is_unannounced(g) &&
	       (!g->pace.exclusion ||
		group_now_ms(g) - g->change_ms < UNANNOUNCED_MS);
}

static void end_round(struct group *g)
{
	g->round_ms = group_now_ms(g) + g->remind_ms;
	g->remind_ms *= 2;
	if (g->remind_ms > LONGEST_MS)
		g->remind_ms = LONGEST_MS;
}

/* Wait for the next round, or for those that are due before. */
static void set_timer(struct group *g)
{
	uint64_t now = group_now_ms(g);
	uint64_t ms = g->round_ms > now ? g->round_ms - now : 0;
	uint32_t due = replaced_next_due_ms(g);

	timer_set(g->k->deps.tq, &g->remind, due < ms ? due : ms);
}

/*
 * A sender may have IKE SAs that it has lost, and is told over all of them. One that has
 * not answered the last request is not told again: that is retransmitted.
 */
static void remind_due(void *arg)
{
	struct step s = { .g = arg };
	struct group *g = arg;
	unsigned int i;

	if (!g->st.keyed || !outbox_unconfirmed(g) || !g->k->engine) {
		g->reminding = false;
		return;
	}
	place_forget_twins(g);
	outbox_note_confirmed(g);
	id_set(&s.idg, IKE_ID_KEY_ID, g->conf->name, strlen(g->conf->name));
	if (waits_for_copies(g)) {
		timer_set(g->k->deps.tq, &g->remind, FIRST_MS);
		return;
	}
	if (!g->reminding && g->round_ms <= group_now_ms(g))
		g->reminds++;
	ike_engine_each(g->k->engine, find_sender, &s);
	mark_reminded(&s);
	for (i = 0; i < s.n; i++)
		ike_tell_changed(s.sa[i], &s.idg, gkm_spi(&g->st));
	g->reminding = s.more;
	if (s.more) {
		timer_set(g->k->deps.tq, &g->remind, STEP_MS);
		return;
	}
	if (g->round_ms <= group_now_ms(g))
		end_round(g);
	set_timer(g);
}

/* Senders that have missed a former change are due first, however often keys change. */
void remind_changed(struct group *g)
{
	uint32_t ms = pace_switch_ms(g) + CONFIRM_MS;

	place_note_change(g);
	g->remind_ms = FIRST_MS;
	if (g->round_ms > group_now_ms(g) + ms)
		g->round_ms = group_now_ms(g) + ms;
	replaced_set_due(g, ms);
	if (!timer_armed(&g->remind) ||
	    timer_left_ms(g->k->deps.tq, &g->remind) > ms)
		timer_set(g->k->deps.tq, &g->remind, ms);
}

void remind_init(struct group *g)
{
	timer_init(&g->remind, remind_due, g);
}

void remind_stop(struct group *g)
{
	timer_del(g->k->deps.tq, &g->remind);
}
