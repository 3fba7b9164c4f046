// SPDX-License-Identifier: Apache-2.0
#include "gcks/replaced.h"

#include "gcks/gmc.h"
#include "gcks/group.h"
#include "gcks/pace.h"
#include "gcks/spread.h"
#include "wire/gpayload.h"
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

/* ---- changes that a sender has missed ------------------------------------- */

static const struct replaced_sa *get_change(const struct group *g,
					    uint64_t change)
{
	return &g->replaced.sa[change % REPLACED_MAX];
}

/* Return the number of the oldest change that is known. */
static uint64_t oldest_change(const struct group *g)
{
	uint64_t n = g->replaced.n;

	return n > REPLACED_MAX ? n - REPLACED_MAX + 1 : 1;
}

/*
 * Return the number of the change that replaced @spi; 0 if it is the newest Data SA. If no
 * change that is known names it, it was replaced by the oldest of them or before: that is
 * returned. Some change must be known.
 */
static uint64_t change_of_spi(const struct group *g, uint32_t spi)
{
	uint64_t oldest = oldest_change(g), i;

	if (spi == gkm_spi(&g->st))
		return 0;
	for (i = g->replaced.n; i > oldest; i--)
		if (get_change(g, i)->spi == spi)
			break;
	return i;
}

void replaced_set_due(struct group *g, uint32_t ms)
{
	struct replaced_sa *r = sa_of_change(g, g->replaced.n);

	if (g->replaced.n && !r->due_ms)
		r->due_ms = group_now_ms(g) + ms;
}

bool replaced_is_due(const struct group *g, uint32_t spi)
{
	uint64_t i;

	if (!g->replaced.n)
		return true;
	i = change_of_spi(g, spi);
	/* An exclusion has to be followed sooner than a change before it. */
	for (; i && i <= g->replaced.n; i++)
		if (get_change(g, i)->due_ms <= group_now_ms(g))
			return true;
	return false;
}

uint32_t replaced_next_due_ms(const struct group *g)
{
	uint64_t now = group_now_ms(g), next = UINT64_MAX, i;

	for (i = oldest_change(g); i <= g->replaced.n; i++)
		if (get_change(g, i)->due_ms > now &&
		    get_change(g, i)->due_ms < next)
			next = get_change(g, i)->due_ms;
	return next - now < UINT32_MAX ? next - now : UINT32_MAX;
}

/* ---- a sender that others cannot read ------------------------------------- */

/*
 * Return true if @x has not answered a request for so long that others have deleted what
 * it has. Those must not wait for it until its IKE SA ends.
 */
static bool inband_silent(const struct group *g, const struct gmember_more *x)
{
	return x->inband_open &&
	       group_now_ms(g) - x->asked_ms > spread_dtd(g) * MSEC_PER_SEC;
}

/*
 * Return true if a GSA_INBAND_REKEY with the Data SA went to all members that answer, but
 * @except.
 */
static bool inband_told(const struct group *g, const struct gmember *except)
{
	uint32_t spi = gkm_spi(&g->st);
	const struct gmember_more *x;

	TAILQ_FOREACH(x, &g->inbands, by_inband)
		if (x->m != except && x->sa && x->has_spi != spi &&
		    x->sent_spi != spi && !inband_silent(g, x))
			return false;
	return true;
}

/*
 * Return true if all members but @to were told of the newest change, and nothing else
 * makes senders wait: members that a reset has put out, or a Data SA that nobody uses yet.
 * A member that is rekeyed inband may not have answered the request of a former change yet.
 */
static bool newest_is_sent(const struct group *g, const struct gmember *to)
{
	const struct replaced *p = &g->replaced;

	return p->n && p->sa[p->n % REPLACED_MAX].sent_ms &&
	       inband_told(g, to) && !spread_back_ms(g) && !pace_is_held(g) &&
	       !pace_data_unused(g);
}

/*
 * Return when others have deleted what @change replaced. An exclusion after it shortens
 * the time that the change had given them.
 */
static uint64_t deletion_ms(const struct group *g, uint64_t change)
{
	const struct replaced_sa *r;
	uint64_t end = UINT64_MAX;

	for (; change <= g->replaced.n; change++) {
		r = get_change(g, change);
		if (r->sent_ms && r->sent_ms + r->dtd_ms < end)
			end = r->sent_ms + r->dtd_ms;
	}
	return end;
}

/* Tell a sender of @spi, if others delete that before the time for which all wait. */
static void hurry_if_dead(const struct group *g, uint32_t spi,
			  struct gsa_gw *gw)
{
	uint64_t change = change_of_spi(g, spi);
	uint64_t now = group_now_ms(g), end, sec;
	uint32_t atd = pace_atd_left(g);

	if (!change || !get_change(g, change)->sent_ms)
		return;
	end = deletion_ms(g, change);
	sec = end > now ? (end - now) / MSEC_PER_SEC : 0;
	if (end >= now + atd * MSEC_PER_SEC || sec >= atd)
		return;
	gw->dead[gw->n_dead++] = (struct gsa_dead){
		.spi = spi,
		.seconds = (uint16_t)sec,
	};
}

/*
 * Senders wait for ATD, since some receivers have lost the first copy of the change.
 * All receivers lose what is sent with a Data SA that they have deleted, and that is
 * worse. They have deleted it DTD after they heard of the change that replaced it, or
 * of one after that whose DTD ends earlier, so that time counts from the first copies
 * that were sent, and not from the change: these may be late, or never have been sent.
 * The newest change must have been sent, too: otherwise receivers have no other Data SA
 * either, and would all ask.
 *
 * The sender may have followed since its last report, and another host may have taken its
 * place. So it is told the Data SA, and waits for ATD if it sends with another one. One
 * that has reported nothing since the start may go on with the Data SA of then, and one
 * that is rekeyed inband with what it got last.
 */
void replaced_hurry(const struct group *g, const struct gmember *m,
		    struct gsa_gw *gw)
{
	uint32_t spi = m->more->sends_spi;

	if (!newest_is_sent(g, m))
		return;
	if (!spi)
		spi = get_change(g, change_of_spi(g, spi))->spi;
	if (spi != GMEMBER_SENDS_NONE)
		hurry_if_dead(g, spi, gw);
	if (m->inband && m->more->has_spi && m->more->has_spi != spi)
		hurry_if_dead(g, m->more->has_spi, gw);
}
