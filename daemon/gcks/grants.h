/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants of the members of groups with relays (wire/grant.h): the key of the certificate
 * signs them, so they are valid across a restart. A grant is good for GRANT_LIFETIME_S
 * and is asked for again in half of that; relays are told at once of members that are
 * taken out.
 */
#ifndef GCKS_GRANTS_H
#define GCKS_GRANTS_H

#include "gcks/group.h"
#include "wire/entitle.h"

#define GRANT_LIFETIME_S 600

struct grants;

/* Return 0, -ENOMEM, or -errno of the key; without a key there are no grants. */
int grants_init(struct gcks *k);
void grants_free(struct gcks *k);

/*
 * Answer a request for a grant of @g, which may be NULL, as ike_ops.grant_request();
 * @relay: the member wants to relay the group.
 */
void grants_request(struct gcks *k, struct group *g, struct ike_sa *sa,
		    bool relay, struct wbuf *w, struct grant_answer *ans);
/* Forget the IKE SA, which has ended. */
void grants_sa_closed(struct gcks *k, const struct ike_sa *sa);
/* Tell all relays of @g that @identity is taken out. */
void grants_end(struct group *g, const char *identity);

#endif
