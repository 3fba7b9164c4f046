/* SPDX-License-Identifier: Apache-2.0 */
/* SAs of a group in the form of GSA payloads and of the machines of rekey/. */
#ifndef GCKS_GKM_POLICY_H
#define GCKS_GKM_POLICY_H

#include "gcks/group.h"

/*
 * Fill @sa with the current policy; SPIs are zero while the group has no keys.
 */
void gkm_rekey_policy(const struct group *g, const struct gkm_state *st,
		      struct gsa_sa *sa);
/* The same for Data SA @n, and for all of them. */
void gkm_data_policy(const struct group *g, const struct gkm_state *st,
		     unsigned int n, struct gsa_sa *sa);
void gkm_data_policies(const struct group *g, const struct gkm_state *st,
		       struct gsa *gsa);
/*
 * Fill the GSA of a registration: all SAs, GCAUTH and Message ID; the caller
 * adds the group-wide policy.
 */
void gkm_registration_policy(const struct group *g, struct gsa *gsa);
/* Like that for a member that is rekeyed inband: the Data SAs alone. */
void gkm_inband_policy(const struct group *g, struct gsa *gsa);
/*
 * Set up @rs as the Rekey SA of @st, signed by @sign, whose type must be the
 * group's. Returns 0 or -errno.
 */
int gkm_rekey_sa(struct group *g, const struct gkm_state *st,
		 const struct sigkey *sign, struct rekey_sa *rs);

#endif
