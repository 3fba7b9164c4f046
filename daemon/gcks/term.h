/* SPDX-License-Identifier: Apache-2.0 */
/*
 * End of a membership: with the certificate of the member's last registration,
 * or membership-lifetime after it, whichever comes first. The member is then
 * taken out like one that leaves; those that end at one moment share one change
 * of keys. A member that registers again in time stays in, which costs others
 * nothing, and its leaf of the tree gets another key.
 *
 * membership-lifetime is measured in the group's time, which never goes back
 * and continues over a restart; certificates end by the wall clock.
 */
#ifndef GCKS_TERM_H
#define GCKS_TERM_H

#include "gcks/group.h"

/* Set up the timer of a group, and stop it. */
void term_prepare(struct group *g);
void term_disarm(struct group *g);
/*
 * Arm timers after the store was read. Certificates that ended meanwhile end
 * now. Memberships by age are extended by the time that a member needs to ask,
 * since they could not be renewed while the key server was down.
 */
void term_start(struct group *g);
/*
 * Extend @m's membership by age to two minutes from now at least, because its
 * renewal failed for a reason of ours. Not stored.
 */
void term_grace(struct gmember *m);
/* Set j->term_ms: the end of a membership by age that begins now. */
void term_set(const struct group *g, struct join_req *j);
/*
 * Return true if @j extends the membership of j->m enough for a new leaf key, or if
 * the record of j->m cannot take the references to one more certificate: then those of
 * holders of the former leaf key are no longer needed.
 */
bool term_renews(const struct group *g, const struct join_req *j);
/* Apply the ends of @j to j->m, once the store has them. */
void term_apply(struct join_req *j);
/* Add the time until the membership ends to @gw. */
void term_put_gw(const struct gmember *m, struct gsa_gw *gw);
/* Return the end in seconds since 1970, 0 if there is none. */
int64_t term_until(const struct gmember *m);

/*
 * Make the keys above renewed leaves stale, as many as one message can
 * announce. Returns the number of leaves, or an error of the tree.
 * term_put_paths() belongs into the transaction of the change, term_paths_done()
 * follows its completion. A change that does not exclude is like that of a join: a
 * holder of the stolen old leaf key can read the Data SA that comes with it and
 * nothing after that. References to former certificates are therefore kept until
 * the change after it.
 */
int term_renew_paths(struct group *g, bool excludes);
/*
 * The same for members that are exposed (see gmc_exposed()) alone, by a change that
 * excludes. Sets *some_stay if not all have room.
 */
int term_renew_exposed(struct group *g, bool *some_stay);
int term_put_paths(struct group *g);
void term_paths_done(struct group *g, bool done);

#endif
