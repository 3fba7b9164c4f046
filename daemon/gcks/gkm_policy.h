/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SAs of a group as GSA payloads and machines of rekey/ have them.
 */
#ifndef GCKS_GKM_POLICY_H
#define GCKS_GKM_POLICY_H

#include "gcks/group.h"

/* Policies as they are now; zero SPIs when the group has no keys yet. */
void gkm_rekey_policy(const struct group *g, const struct gkm_state *st,
		      struct gsa_sa *sa);
void gkm_data_policy(const struct group *g, const struct gkm_state *st,
		     struct gsa_sa *sa);
/* GSA of a registration: both SAs, GCAUTH, Message ID; no GW policy. */
void gkm_registration_policy(const struct group *g, struct gsa *gsa);
/*
 * The machine of @st's Rekey SA, signed by @sign of the group's kind. 0 or
 * -errno.
 */
int gkm_rekey_sa(struct group *g, const struct gkm_state *st,
		 const struct sigkey *sign, struct rekey_sa *rs);

#endif
