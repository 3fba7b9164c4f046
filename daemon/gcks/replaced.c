// SPDX-License-Identifier: Apache-2.0
#include "gcks/replaced.h"

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/pace.h"
#include "gcks/spread.h"
#include "lib/util.h"

static struct replaced_sa *sa_of_change(struct group *g, uint64_t change)
{
	return &g->replaced.sa[change % REPLACED_MAX];
}

static void note_sent(struct group *g, struct replaced_sa *r)
{
	uint64_t now = group_now_ms(g);

	r->sent_ms = now ? now : 1;
}

void replaced_note(struct group *g, uint32_t spi, struct outbox *out)
{
	uint64_t change = ++g->replaced.n;
	struct replaced_sa *r = sa_of_change(g, change);
	struct out_msg *o;

	*r = (struct replaced_sa){
		.spi = spi,
		.dtd_ms = pace_dtd(g) * MSEC_PER_SEC,
	};
	TAILQ_FOREACH(o, out, all) {
		o->change = change;
		r->unsent++;
	}
	/* Members that are rekeyed inband are looked at by themselves. */
	if (!r->unsent)
		note_sent(g, r);
}

/* A message may be sent until long after its change, and after a reset. */
void replaced_sent(struct out_msg *o)
{
	struct group *g = o->g;
	struct replaced_sa *r = sa_of_change(g, o->change);

	if (o->change && o->change <= g->replaced.n &&
	    o->change + REPLACED_MAX > g->replaced.n && !--r->unsent)
		note_sent(g, r);
	o->change = 0;
}

void replaced_forget(struct group *g)
{
	struct out_msg *o;

	TAILQ_FOREACH(o, &g->out, all)
		o->change = 0;
	g->replaced.n = 0;
}

/*
 * Return the change that replaced what the sender reported last. A sender of which
 * nothing is known since the start, or whose Data SA was replaced too long ago, sends with
 * one that was replaced by the first change that is known, or before it.
 */
static const struct replaced_sa *replaced_by(const struct group *g,
					     const struct gmember *m)
{
	const struct replaced *p = &g->replaced;
	uint64_t first = p->n > REPLACED_MAX ? p->n - REPLACED_MAX + 1 : 1, i;

	for (i = p->n; i >= first; i--)
		if (p->sa[i % REPLACED_MAX].spi == m->more->sends_spi)
			return &p->sa[i % REPLACED_MAX];
	return &p->sa[first % REPLACED_MAX];
}

/*
 * Return true if all receivers were told of the newest change, and senders are not held
 * for those that a reset has put out.
 */
static bool newest_is_sent(const struct group *g,
			   const struct replaced_sa *newest)
{
	return newest->sent_ms && TAILQ_EMPTY(&g->inband_due) &&
	       !spread_back_ms(g) && !pace_is_held(g) && !pace_data_unused(g);
}

/*
 * Senders wait for ATD, since some receivers have lost the first copy of the change.
 * All receivers lose what is sent with a Data SA that they have deleted, and that is
 * worse. They have deleted it DTD after they heard of the change that replaced it, so
 * that time counts from the first copies that were sent, and not from the change: these
 * may be late, or never have been sent. The newest change must have been sent, too:
 * otherwise receivers have no other Data SA either, and would all ask.
 */
bool replaced_hurries(const struct group *g, const struct gmember *m,
		      uint16_t *s)
{
	const struct replaced *p = &g->replaced;
	uint32_t spi = m->more->sends_spi, atd = pace_atd_left(g);
	const struct replaced_sa *r;
	uint64_t now = group_now_ms(g), end;

	if (!p->n || !newest_is_sent(g, &p->sa[p->n % REPLACED_MAX]) ||
	    spi == gkm_spi(&g->st) || spi == GMEMBER_SENDS_NONE)
		return false;
	r = replaced_by(g, m);
	if (!r->sent_ms)
		return false;
	end = r->sent_ms + r->dtd_ms;
	if (end >= now + atd * MSEC_PER_SEC)
		return false;
	*s = end > now ? (end - now) / MSEC_PER_SEC : 0;
	return *s < atd;
}
