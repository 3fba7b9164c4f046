/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members that move (MOBIKE, RFC 4555): the address of an IKE SA changes, and neither
 * its keys nor what is registered over it. Private to daemon/ike.
 *
 *	member, at its new address		key server
 *	HDR, SK{ N(UPDATE_SA_ADDRESSES), N(NAT_DETECTION_*) } -->
 *				<-- HDR, SK{ N(NAT_DETECTION_*) }
 *				<-- HDR, SK{ N(COOKIE2) }	to the new address
 *	HDR, SK{ N(COOKIE2) } -->		from there: now it is the peer's
 *
 * Source addresses are not authenticated, and a member may lie. So the key server asks
 * at each new address before anything else goes there, and goes on with the former one
 * until the cookie comes back from there. RFC 7296 section 2.23 would let it follow each
 * message of a peer behind a NAT; with MOBIKE such a message causes the same question.
 *
 * A member that changes between two addresses is damped: another check, or update,
 * follows a second after the last one, and within a minute after twice the time, up to
 * half a minute. The newest address counts then.
 */
#ifndef IKE_MOBIKE_H
#define IKE_MOBIKE_H

#include "ike/sa.h"

/* AUTH of the peer is verified: note for @sa whether both sides support MOBIKE. */
void mobike_begin(struct ike_sa *sa, const struct ike_msg *m);
/* Member: routing may have chosen another source address. */
void mobike_look(struct ike_sa *sa);
/*
 * Add the notifies of an update or a check. Returns 0, -ENODATA if it is not needed any
 * more, or another -errno.
 */
int mobike_build(struct ike_sa *sa, const struct ike_task *t, struct pchain *c);
/* Handle the answer to an update or a check of ours; the SA may be closed then. */
void mobike_got_answer(struct ike_sa *sa, const struct ike_task *t,
		       const struct ike_in *in);
/* Add what the answer to an INFORMATIONAL request of the peer has for it. */
void mobike_answer(struct ike_sa *sa, const struct ike_in *in,
		   struct pchain *c);
/*
 * Key server: the answer to a request of the peer is sent. With UPDATE_SA_ADDRESSES, or
 * from elsewhere behind a NAT, the peer may have moved to where it came from.
 */
void mobike_follow(struct ike_sa *sa, const struct ike_in *in);

#endif
