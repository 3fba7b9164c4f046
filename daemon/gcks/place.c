// SPDX-License-Identifier: Apache-2.0
#include "gcks/place.h"

#include "gcks/gmc.h"
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
