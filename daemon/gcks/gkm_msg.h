/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the GSA_REKEYs of a change, and in KD of a registration. */
#ifndef GCKS_GKM_MSG_H
#define GCKS_GKM_MSG_H

#include "gcks/gkm_change.h"

/*
 * Builds what announces @c into c->out. *told: there was somebody to tell.
 * Message IDs of g->rs are consumed; nothing is sent. 0 or -errno.
 */
int gkm_messages(struct group *g, struct gkm_change *c, enum gkm_how how,
		 bool *told);
/* D(ESP, all), D(GIKE_UPDATE, all) to where members listen now. */
int gkm_farewell(struct group *g, struct gkm_change *c);
/* The Data SA there is, once more, over the Rekey SA there is: one copy. */
int gkm_beat_message(struct group *g, struct gkm_change *c);
/* AUTH_KEY of @sign. */
int gkm_put_auth_key(const struct sigkey *sign, struct kd *kd);
/* Wraps @w into @kd; @def is the default KWK, @st's Rekey SA the one meant. */
int gkm_wrap(const struct group *g, const struct gkm_state *st,
	     const struct lkh_wraps *w, const struct kwk *def, struct kd *kd);
/* Adds the Data SA's bag. */
int gkm_wrap_data(const struct gkm_state *st, const struct kwk *def,
		  struct kd *kd);

#endif
