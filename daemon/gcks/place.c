// SPDX-License-Identifier: Apache-2.0
#include "gcks/place.h"

#include "gcks/gmc.h"
#include "gcks/group_time.h"
#include "gcks/notice.h"
#include "gcks/waiting.h"

bool place_allows(const struct group *g, const struct addr *a,
		  const struct addr *b)
{
	return g->conf->one_place == ONE_PLACE_ALLOW || addr_equal(a, b);
}

enum place_verdict place_judge(struct group *g, struct gmember *m,
			       const struct ep *from, struct err *err)
{
	if (m->replaced) {
		/*
		 * The host that replaced it may ask again, since its answer may
		 * be lost.
		 */
		if (!addr_equal(&m->at, &from->addr))
			return PLACE_REPLACE;
		return err_set(err, PLACE_REFUSE,
			       "the identity has registered at another address");
	}
	/* An older record has no address. */
	if (addr_is_none(&m->at) || addr_equal(&m->at, &from->addr))
		return PLACE_ADMIT;
	notice_place(g->k, g->conf->name, m->identity, &m->at, from);
	switch (g->conf->one_place) {
	case ONE_PLACE_ALLOW:
		return PLACE_ADMIT;
	case ONE_PLACE_REFUSE:
		return err_set(err, PLACE_REFUSE,
			       "a member at another address");
	default:
		return PLACE_REPLACE;
	}
}

void place_replace(struct group *g, struct gmember *m)
{
	if (m->replaced)
		return;
	m->replaced = true;
	m->ended = "registered at another address";
	/*
	 * Two hosts that replace each other must not rekey the group all the
	 * time.
	 */
	if (!m->leaving)
		batch_leave_in(g, m, gmc_leave_wait_ms(g, m->identity));
}

/* ---- two senders of one identity ------------------------------------------ */

/* Time for a registration and a report, behind the silence that causes them. */
#define ASKED_MS 2000

/* @at: unspecified if there is no other host. */
static void set_twin(struct group *g, struct gmember *m, const struct addr *at,
		     uint32_t spi)
{
	g->n_confirmed -= gmc_confirmed(g, m);
	m->twin_at = *at;
	m->twin_spi = spi;
	if (gmc_confirmed(g, m))
		m->confirmed_at = g->rekeys;
	g->n_confirmed += gmc_confirmed(g, m);
}

void place_note_twin(struct group *g, struct gmember *m,
		     const struct addr *from)
{
	struct addr at = m->at;
	uint32_t spi;

	if (g->conf->one_place != ONE_PLACE_ALLOW || addr_is_none(&at) ||
	    addr_equal(&at, from) || !m->sends_spi)
		return;
	spi = m->sends_spi;
	/* The host that registers was the other one until now. */
	if (place_is_twin(m, from))
		gmc_set_data_spi(g, m, m->twin_spi);
	set_twin(g, m, &at, spi);
}

bool place_is_twin(const struct gmember *m, const struct addr *from)
{
	return !addr_is_none(&m->twin_at) && addr_equal(&m->twin_at, from);
}

void place_set_twin_spi(struct group *g, struct gmember *m, uint32_t spi)
{
	const struct addr at = m->twin_at;

	set_twin(g, m, &at, spi);
}

void place_forget_twins(struct group *g)
{
	static const struct addr none;
	struct gmember *m;

	if (group_now_ms(g) - g->change_ms < gkm_silence_ms(g) + ASKED_MS)
		return;
	TAILQ_FOREACH(m, &g->senders, by_send)
	if (!addr_is_none(&m->twin_at) && m->twin_spi != gkey_spi(&g->st.data))
		set_twin(g, m, &none, 0);
}
