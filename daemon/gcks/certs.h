/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of a member. Whoever had the keys of a leaf can follow rekeys until the
 * leaf has got another key and its path has, too (see term.h). The record of a member
 * therefore has references to two sets of certificates. If one of those of its
 * registrations since the leaf got its key is revoked, the member is taken out, and
 * may come back with another one. If only one of the former ones is revoked, or ends,
 * the path is renewed at once, and the member stays.
 */
#ifndef GCKS_CERTS_H
#define GCKS_CERTS_H

#include "gcks/group.h"

/*
 * Let j->certs be those of the @peer. One without, by a pre-shared key, has a reference
 * that is on no list, since of a record without any nothing is known. Returns 0 or
 * -ENOMEM.
 */
int certs_take(struct join_req *j, const struct cert_refs *peer);
/*
 * Set j->certs_after, j->former_after and the end of the latter to what the record of
 * j->m has once @j is stored. Returns 0 or -ENOMEM.
 */
int certs_merge(struct join_req *j);
/* Give them to j->m. */
void certs_apply(struct join_req *j);
/*
 * Give both requests of one batch and member the certificates of both, and the first
 * of their ends, because they are answered with the same keys. Returns false if these
 * are too many, or without memory; then nothing has changed.
 */
bool certs_share(struct join_req *first, struct join_req *j);

#endif
