/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The group part of registration, and of leaving: requests are gathered into
 * batches, a batch is one change of keys (gkm.h), and only when that is done
 * are the joiners answered, with keys that nobody has used before.
 *
 * Who is a member already and registers again gets new keys too: after a
 * restart its replay windows are empty, and under the old Data SA it would
 * take packets that it has seen before.
 */
#ifndef GCKS_REGISTER_H
#define GCKS_REGISTER_H

#include "gcks/group.h"

void gr_init(struct group *g);
void gr_free(struct group *g);

/* @identity is authenticated and normalised. */
enum gike_when gr_request(struct group *g, struct ike_sa *sa,
			  const struct gike_req *req, const char *identity,
			  struct gike_reply *reply);
/* Takes a member out now and keeps it out. After an error it is still in. */
int gr_evict(struct group *g, struct gmember *m);
/* Marks for the next batch and arms it. */
void gr_leave_later(struct group *g, struct gmember *m);

#endif
