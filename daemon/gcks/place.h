/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address of a member, which is where it registered from. Two hosts with one
 * certificate are one identity at two addresses, and so is a host that has
 * moved. The setting one-place decides about the second: it is admitted too,
 * with a warning; it replaces the first, for which the keys change; or it is
 * refused as long as the first is a member. Hosts behind one NAT have one
 * address.
 */
#ifndef GCKS_PLACE_H
#define GCKS_PLACE_H

#include "gcks/group.h"

enum place_verdict {
	PLACE_ADMIT, /* the same address, or the identity may be at both */
	PLACE_REPLACE, /* place_replace() must follow */
	PLACE_REFUSE, /* with one line in @err */
};

/* Judge a request of @m's identity @from this address. */
enum place_verdict place_check(struct group *g, struct gmember *m,
			       const struct ep *from, struct err *err);
/* Take @m out like a member that leaves; the request joins after that. */
int place_replace(struct group *g, struct gmember *m);
/*
 * The host of @sa is not at @from any more, but where ike_sa_peer() says, as it has
 * proven: move the membership with it, if it is the host that has registered, or another
 * one of the identity that is told apart by @from. Returns true if the store has to
 * write that.
 */
bool place_move(struct group *g, struct gmember *m, const struct ike_sa *sa,
		const struct addr *from);
/*
 * Take the address at which the host of @j is now. Returns true if that is another one
 * than when the store was given the request; place_unstored() follows then.
 */
bool place_refresh(struct group *g, struct join_req *j);
/* The store has to write the address of @m, which is another one than in its record. */
void place_unstored(struct group *g, struct gmember *m);
/* Return true if one identity may be a member at both addresses. */
bool place_allows(const struct group *g, const struct addr *a,
		  const struct addr *b);

/* ---- two senders of one identity ------------------------------------------ */

/*
 * With ONE_PLACE_ALLOW several hosts may send with one identity. The identity has
 * confirmed a change when all have; they are told apart by their addresses. A host that
 * only has another address now is taken for two as well, until the former one has been
 * silent for longer than any that is connected (place_forget_twins()).
 */

/*
 * Note that the sender @m registers once more as a sender, from @from: before m->at
 * changes.
 */
void place_note_twin(struct group *g, struct gmember *m,
		     const struct addr *from);
/* Return true if @from is another host of @m. */
bool place_is_twin(const struct gmember *m, const struct addr *from);
/* Note that the other host of @m at @from sends with the Data SA @spi. */
void place_set_twin_spi(struct group *g, struct gmember *m,
			const struct addr *from, uint32_t spi);
/* The keys have changed: the others have to confirm that. */
void place_note_change(struct group *g);
/*
 * Forget those that have not confirmed a change since, and would have asked by now.
 */
void place_forget_twins(struct group *g);

/*
 * Return true if @sa is the IKE SA over which @m has registered, or a later one of the
 * host at that address. A host elsewhere with this identity does not speak for it.
 */
bool place_is_owner(const struct gmember *m, const struct ike_sa *sa);

#endif
