/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of a member. Whoever had the keys of a leaf can follow rekeys until the
 * leaf gets another key, so the record of a member has references to the certificates
 * of all its registrations since then. If one of them is revoked the member is taken
 * out, and may come back with another one.
 */
#ifndef GCKS_CERTS_H
#define GCKS_CERTS_H

#include "gcks/group.h"

/*
 * Set j->certs_after to what the record of j->m has once @j is stored. Returns 0 or
 * -ENOMEM.
 */
int certs_note(struct join_req *j);
/* Give that to j->m. */
void certs_settle(struct join_req *j);
/*
 * Give both requests of one batch and member the certificates of both, because they
 * are answered with the same keys. Returns false if these are too many, or without
 * memory; then nothing has changed.
 */
bool certs_share(struct join_req *first, struct join_req *j);

#endif
