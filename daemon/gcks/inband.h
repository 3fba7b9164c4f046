/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members that are rekeyed over their IKE SAs, by GSA_INBAND_REKEY (RFC 9838
 * section 2.4.2). They have no Rekey SA, and no key that a GSA_REKEY is encrypted
 * with: of a change they get the Data SA, after the store has it. An evicted
 * member gets nothing, so that one message suffices.
 *
 * Each change makes all of them due. A few are sent at a time, and of each
 * member one request is open: what changes meanwhile is sent when that is
 * answered. A member that does not answer loses its IKE SA, and gets the Data SA
 * when it registers again.
 */
#ifndef GCKS_INBAND_H
#define GCKS_INBAND_H

#include "gcks/group.h"

void inband_init(struct group *g);
void inband_stop(struct group *g);
/* The group was read from the store, and members have no IKE SA yet. */
void inband_start(struct group *g);
/*
 * @m has registered again by @by, which may be NULL if that has ended: another IKE
 * SA over which it was rekeyed gets no rekeys any more, and ends. Its owner, which
 * may be another host with this identity, or other groups of that host, register
 * again: otherwise they would answer checks, and not know that they miss rekeys.
 */
void inband_release(struct gmember *m, const struct ike_sa *by);
/* @m has the keys of now by a registration over @sa, and is rekeyed over it. */
void inband_bind(struct group *g, struct gmember *m, struct ike_sa *sa);
/* The group has another Data SA: send it to all members of @g that need it. */
void inband_changed(struct group *g);
/* Tell @m, which is no member any more, that its SAs end. */
void inband_exclude(struct group *g, struct gmember *m);
void inband_exclude_all(struct group *g);
/*
 * Return the milliseconds for which a periodic rekey waits for members that lost
 * their IKE SAs with the previous run, and have not noticed that yet.
 */
uint32_t inband_wait_ms(const struct group *g);
/* Return true if one more member may be rekeyed inband, besides @others. */
bool inband_room(const struct group *g, uint32_t others);
/* Count the members that do not have the Data SA for certain. */
uint32_t inband_behind(const struct group *g);

#endif
