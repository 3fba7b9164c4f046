/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key that signs a group's GSA_REKEYs. A rekey replaces it: the message over
 * the old Rekey SA, signed with the old key, has the new one as AUTH_KEY, and
 * messages over the new Rekey SA are signed with the new key. A member that
 * missed that rekey has neither, and notices it like any missed rekey.
 */
#ifndef GCKS_SIGNING_H
#define GCKS_SIGNING_H

#include "crypto/sign.h"
#include "gcks/group.h"

struct gkm_change;

/*
 * Make a new signing key for @c if one is due or was asked for; not in an
 * exclusion, which must not be delayed. Returns 0 or -errno.
 */
int signing_make(struct group *g, struct gkm_change *c, enum gkm_how how);
/*
 * Store the signing key of @c, if it has one, and write its name to the audit
 * trail. Must run within a transaction of the store. Returns 0 or -errno.
 */
int signing_put(struct group *g, const struct gkm_change *c);
/*
 * Note that a change of all keys has done what the administrator asked for. A
 * new signing key stays wanted until a change has one.
 */
void signing_asked(struct gkm_change *c);
/* Adopt the signing key of @c, if it has one, once the store has it. */
void signing_take(struct group *g, struct gkm_change *c);
/* Write the sigpub_name() of the key. */
void signing_name(const struct group *g, char buf[static SIGPUB_NAME_LEN]);

#endif
