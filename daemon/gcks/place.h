/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a member is: the address that it registered from. Two hosts with one
 * certificate are one identity at two addresses; so is a host that has moved.
 * one-place says what becomes of the second: it is let in too, with a warning;
 * it takes the place of the first, for which the keys change; or it is refused
 * as long as the first is a member. What is behind one NAT is at one address.
 */
#ifndef GCKS_PLACE_H
#define GCKS_PLACE_H

#include "gcks/group.h"

/*
 * A request of @m's identity has come @from there. True: it is not where @m is,
 * and may not be a member at both. *why: it is refused, and why; or NULL, then
 * place_replace() is to follow.
 */
bool place_judge(struct group *g, struct gmember *m, const struct ep *from,
		 const char **why);
/* @m is taken out like one that leaves; whoever asked joins after that. */
void place_replace(struct group *g, struct gmember *m);
/* One identity may be a member at both. */
bool place_allows(const struct group *g, const struct addr *a,
		  const struct addr *b);

#endif
