/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handling of the requests of members: refused, answered, or waiting for a
 * batch.
 */
#ifndef GCKS_REGISTRATION_H
#define GCKS_REGISTRATION_H

#include "gcks/group.h"

void registration_init(struct group *g);
/* Drop all requests without an answer; for a group that goes away. */
void registration_free(struct group *g);
/* Refuse all requests, since the group is closed. */
void registration_refuse_all(struct group *g);
/*
 * Handle a request over @sa. @identity must be authenticated and normalised.
 * GIKE_NOW: @reply, which was zeroed, is filled in. GIKE_LATER: ike_reply() follows.
 */
enum gike_when registration_request(struct group *g, struct ike_sa *sa,
				    const struct gike_req *req,
				    const char *identity,
				    struct gike_reply *reply);
/*
 * Handle requests that waited for the change in flight. Returns false if there
 * is none or a change is in flight.
 */
bool registration_run(struct group *g);

#endif
