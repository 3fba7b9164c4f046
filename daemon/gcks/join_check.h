/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check of a registration request. A request may wait for a change of the group, or
 * for a batch; authorization, policy and clock go on meanwhile. Each request is
 * therefore checked when it arrives, so that one that is refused takes no room, and
 * again before it is answered with keys.
 */
#ifndef GCKS_JOIN_CHECK_H
#define GCKS_JOIN_CHECK_H

#include "gcks/group.h"
#include "lib/err.h"
#include "wire/payload.h"

/* Keep a copy of @sag, which may be NULL, in @j. Returns 0 or -errno. */
int join_copy_sag(struct join_req *j, const struct sa_pld *sag);
/*
 * Return 0 if @j may get the keys of the group as the group is now: the
 * certificate is valid and not revoked, the identity has the right, and SAg covers
 * the policy. @j->inband and the term of @j are then as the policy of now says.
 * Otherwise return the notify of the refusal, with the reason in @err.
 */
uint16_t join_check(const struct group *g, struct join_req *j, struct err *err);
/*
 * Return true if the certificate has ended by which the peer of @sa authenticated: it
 * speaks for nobody any more. A peer by pre-shared key has none.
 */
bool join_cert_ended(const struct gcks *k, const struct ike_sa *sa);
/*
 * Return true if a refusal of @identity with @notify ends its IKE SA: it needs
 * another certificate, or no group would have it.
 */
bool join_refusal_closes(const struct gcks *k, uint16_t notify,
			 const char *identity);
/* Why a member is refused that would be one too many of those inband. */
extern const char join_no_inband[];

#endif
