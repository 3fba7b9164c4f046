/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key that signs a group's GSA_REKEYs. Another one comes with a rekey: the
 * message over the old Rekey SA, signed with the old key, brings the new one as
 * AUTH_KEY, and whatever goes over the new Rekey SA is signed with that. So who
 * missed it has neither, and finds out as of any other missed rekey.
 */
#ifndef GCKS_SIGNING_H
#define GCKS_SIGNING_H

#include "crypto/sign.h"
#include "gcks/group.h"

struct gkm_change;

/*
 * Makes another key for @c if it is time for one, or was asked for; not in an
 * exclusion, which waits for nothing. 0 or -errno.
 */
int signing_make(struct group *g, struct gkm_change *c, enum gkm_how how);
/*
 * Writes the key of @c, if it has one, and the name that members know it by to
 * the audit trail, in the transaction that is open. 0 or -errno.
 */
int signing_put(struct group *g, const struct gkm_change *c);
/*
 * A change of all keys has done what the administrator asked for, except that a
 * new signing key stays wanted until there is one.
 */
void signing_asked(struct gkm_change *c);
/* The store has @c: its key, if it has one, is the group's. */
void signing_take(struct group *g, struct gkm_change *c);
/* sigpub_name() of it */
void signing_name(const struct group *g, char buf[static SIGPUB_NAME_LEN]);

#endif
