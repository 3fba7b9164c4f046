/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of members: refused, answered, or waiting for a batch. */
#ifndef GCKS_REGISTRATION_H
#define GCKS_REGISTRATION_H

#include "gcks/group.h"

void registration_init(struct group *g);
/* Nobody is told; the group goes. */
void registration_free(struct group *g);
/* The group is closed: whoever waits for it is told so. */
void registration_refuse_all(struct group *g);
/* @identity is authenticated and normalised. */
enum gike_when registration_request(struct group *g, struct ike_sa *sa,
				    const struct gike_req *req,
				    const char *identity,
				    struct gike_reply *reply);
/*
 * Judges requests that waited for the change that was in flight. False: there
 * is none, or a change is in flight.
 */
bool registration_run(struct group *g);

#endif
