/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a membership ends: with the certificate by which the member has
 * registered last, or membership-lifetime after that, whichever comes first.
 * Then it is taken out like one that leaves, those that end at one moment by
 * one change of keys. A member that registers again before stays in, which
 * costs others nothing, and its leaf of the tree gets another key.
 *
 * membership-lifetime counts in the group's time, which never goes back and
 * goes on over a restart; certificates end by the wall clock.
 */
#ifndef GCKS_TERM_H
#define GCKS_TERM_H

#include "gcks/group.h"

/*
 * The store has been read: certificates that ended meanwhile end now.
 * Memberships by age get the time that it takes a member to ask, as they could
 * not be renewed.
 */
void term_start(struct group *g);
/*
 * @m's renewal failed for a reason of ours: it ends by age two minutes from now,
 * if it would end before. Not written down.
 */
void term_grace(struct gmember *m);
/* True: the certificate by which @sa's peer has authenticated itself is over. */
bool term_over(const struct group *g, const struct ike_sa *sa);
/* Until when a request over @sa makes its sender a member. */
void term_of(const struct group *g, const struct ike_sa *sa,
	     struct join_req *j);
/* True: @j makes the membership of j->m long enough for another leaf key. */
bool term_renews(const struct group *g, const struct join_req *j);
/* The store has @j: the ends that it brings hold for j->m from now on. */
void term_settle(struct join_req *j);
/* Tells a member how long it is one. */
void term_tell(const struct gmember *m, struct gsa_gw *gw);
/* Seconds since 1970, 0: without end */
int64_t term_until(const struct gmember *m);

/*
 * Makes the keys above renewed leaves stale, as many as one message can tell
 * of. The number of leaves, or an error of the tree. term_put_turned() goes
 * into the change, term_turned() follows it. For a rekey like that of a join:
 * who stole the old leaf's key reads the Data SA that comes with it, and
 * nothing that comes after.
 */
int term_turn(struct group *g);
int term_put_turned(struct group *g);
void term_turned(struct group *g, bool done);

#endif
