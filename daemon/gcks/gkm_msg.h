/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of the GSA_REKEYs of a change and of the KD of a registration. */
#ifndef GCKS_GKM_MSG_H
#define GCKS_GKM_MSG_H

#include "gcks/gkm_change.h"

/*
 * Build the messages that announce @c into c->out. Sets *announced if a member has
 * to be told. Consumes Message IDs of g->rs and sends nothing. Returns 0 or
 * -errno.
 */
int gkm_messages(struct group *g, struct gkm_change *c, enum gkm_how how,
		 bool *announced);
/*
 * Build a Delete of all Data and Rekey SAs to the address at which members
 * listen now. Returns 0 or -errno.
 */
int gkm_delete_message(struct group *g, struct gkm_change *c);
/*
 * Build a message that repeats the current Data SA over the current Rekey SA,
 * with one copy, into @out. A change may be in flight. Returns 0 or -errno.
 */
int gkm_beat_message(struct group *g, struct outbox *out);
/*
 * Add the public key of @sign as AUTH_KEY (RFC 9838 section 4.5.3.2). Returns
 * 0 or -errno.
 */
int gkm_put_auth_key(const struct sigkey *sign, struct kd *kd);
/*
 * Wrap the keys of @w into @kd. @def is the default KWK; Key ID 0 is the Rekey
 * SA of @st. Returns 0 or -errno.
 */
int gkm_wrap(const struct group *g, const struct gkm_state *st,
	     const struct lkh_wraps *w, const struct kwk *def, struct kd *kd);
/* Add the key bag of the Data SA of @st. Returns 0 or -errno. */
int gkm_wrap_data(const struct gkm_state *st, const struct kwk *def,
		  struct kd *kd);

#endif
