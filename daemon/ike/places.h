/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the authenticated IKE SAs at a responder (places.c). */
#ifndef IKE_PLACES_H
#define IKE_PLACES_H

#include "ike/sa.h"

/* Hash octets that peers choose, for places.c and table.c. */
static inline uint64_t engine_hash(const struct ike_engine *engine,
				   const void *p, size_t len)
{
	uint64_t h = fnv1a(engine->seed ^ FNV1A_BASIS, p, len);

	return h ^ h >> 32;
}

/* Return 0 or -ENOMEM. */
int places_init(struct ike_engine *engine, uint64_t seed);
void places_free(struct ike_engine *engine);

/*
 * Return false, and count it, if the identity that @sa's peer claims has
 * authenticated too often, so that verifying signatures is not worthwhile.
 */
bool name_left(struct ike_sa *sa);
/* The peer of @sa has authenticated. */
void name_spend(struct ike_sa *sa);
/*
 * Write the name of @sa's peer or of @id as a key of tables, and return its length,
 * 0 if @id cannot be written as text.
 */
size_t place_id_key(const struct ike_id *id, char buf[static ID_STR_MAX]);
size_t place_name_key(const struct ike_sa *sa, char buf[static ID_STR_MAX]);

/* Return true if the peer is a child that has an edge now. */
bool place_has_edge(const struct ike_sa *sa);
/*
 * Return the oldest SA of @sa's identity if that is at its limit, else NULL; one with an
 * edge only if all have one.
 */
struct ike_sa *place_surplus(const struct ike_sa *sa);
/*
 * Return the SA of an address (NULL: of all) that was idle the longest, one
 * without key wrap before all others and none with an edge, or NULL.
 */
struct ike_sa *place_idlest(struct ike_engine *engine, const struct addr *peer);
/*
 * Return another SA of @sa's identity that INITIAL_CONTACT over @sa ends, or
 * NULL: of the same address, or with @anywhere of any. It was authenticated before
 * @sa began. The notify may come late, when newer SAs are up, of which the peer
 * knew nothing when it said that it had no other.
 */
struct ike_sa *place_forsaken(const struct ike_sa *sa, bool anywhere);
/* Return the IKE SA of @sa's name that has given such a ticket, or NULL. */
struct ike_sa *place_of_ticket(const struct ike_sa *sa, uint64_t key,
			       uint64_t number);
/* Return the IKE SA of @sa's name that @sa resumes and that is there, or NULL. */
struct ike_sa *place_of_former(const struct ike_sa *sa);
/*
 * Add @sa, which is authenticated as its name and has room. The algorithms
 * have been chosen.
 */
void place_enter(struct ike_sa *sa);
/* Note that the peer has used the SA, which has key wrap. */
void place_used(struct ike_sa *sa);
/* Called by sa_close(). */
void place_leave(struct ike_sa *sa);

#endif
