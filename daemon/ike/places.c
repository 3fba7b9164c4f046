// SPDX-License-Identifier: Apache-2.0
/*
 * Limits of the authenticated IKE SAs at a responder; admission.c has those of
 * the others.
 *
 * Authenticated SAs have an identity. A new one replaces the oldest of its
 * identity, the one of its address that was idle the longest, or the one in all
 * that was (authenticate.c closes it). Losing the IKE SA does not end a membership.
 * An IKE SA without key wrap, over which no peer becomes a member, gives way before
 * all others, and one whose child has an edge only to others of its identity.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/places.h"
#include "ike/psk.h"
#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/quota.h"

/* Successful authentications of one identity. */
static const struct quota_rule of_identity = {
	.burst = 32,
	.every_ms = 1000,
	.keys = 4096,
};

int places_init(struct ike_engine *engine, uint64_t seed)
{
	TAILQ_INIT(&engine->by_use);
	engine->seed = seed;
	if (!engine->cfg.responder)
		return 0;
	engine->name_quota = quota_new(&of_identity, seed);
	return engine->name_quota ? 0 : -ENOMEM;
}

void places_free(struct ike_engine *engine)
{
	quota_free(engine->name_quota);
}

static uint64_t mono_now(const struct ike_engine *engine)
{
	return clock_mono_ms(engine->cfg.clock);
}

/* Names are compared as certificates do, without regard to case. */
static size_t name_key(const char *name, char buf[static ID_STR_MAX])
{
	size_t i;

	for (i = 0; name[i] && i < ID_STR_MAX; i++)
		buf[i] = tolower((unsigned char)name[i]);
	return i;
}

size_t place_id_key(const struct ike_id *id, char buf[static ID_STR_MAX])
{
	char name[ID_STR_MAX];

	if (peer_id_str(id, name, sizeof(name)))
		return 0;
	return name_key(name, buf);
}

size_t place_name_key(const struct ike_sa *sa, char buf[static ID_STR_MAX])
{
	return name_key(sa_peer_name(sa), buf);
}

void name_spend(struct ike_sa *sa)
{
	char key[ID_STR_MAX];
	size_t len = place_name_key(sa, key);

	quota_spend(sa->engine->name_quota, key, len, mono_now(sa->engine));
}

bool name_left(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	char key[ID_STR_MAX];
	size_t len = place_name_key(sa, key);

	if (quota_left(engine->name_quota, key, len, mono_now(engine)))
		return true;
	engine->stats.paced++;
	return false;
}

/* ---- authenticated ------------------------------------------------------ */

static uint32_t hash_name(const struct ike_engine *engine, const char *name)
{
	char key[ID_STR_MAX];
	size_t len = name_key(name, key);

	return engine_hash(engine, key, len);
}

/* Return the SA behind @sa, or the first one, whose name has that hash; or NULL. */
static struct ike_sa *next_of_name(const struct ike_engine *engine,
				   const struct ike_sa *sa, uint32_t hash)
{
	struct hnode *n;

	n = sa ? sa->by_name.next : htab_first(&engine->by_name, hash);
	for (; n; n = n->next) {
		struct ike_sa *o =
			(struct ike_sa *)((char *)n -
					  offsetof(struct ike_sa, by_name));

		if (o->name_hash == hash)
			return o;
	}
	return NULL;
}

bool place_has_edge(const struct ike_sa *sa)
{
	return mono_now(sa->engine) / MSEC_PER_SEC < sa->edge_ends_s;
}

static bool may_give_way(const struct ike_sa *sa)
{
	/*
	 * An SA that waits for an answer is not idle, whatever its timer says. One with
	 * an edge stays: an edge needs a grant, and any certificate opens an IKE SA.
	 */
	return sa->state == IKE_ST_UP && !sa->waits && !place_has_edge(sa);
}

/* Return true if @a gives way before @b, of the same identity. */
static bool goes_before(const struct ike_sa *a, const struct ike_sa *b)
{
	bool edge = place_has_edge(a);

	return edge != place_has_edge(b) ? !edge : a->serial < b->serial;
}

struct ike_sa *place_idlest(struct ike_engine *engine, const struct addr *a)
{
	struct ike_sa *sa;

	TAILQ_FOREACH(sa, &engine->by_use, by_use)
		if (may_give_way(sa) &&
		    (!a || addr_equal(&sa->path.peer.addr, a)))
			return sa;
	return NULL;
}

struct ike_sa *place_surplus(const struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	uint32_t hash = hash_name(engine, sa_peer_name(sa));
	struct ike_sa *o = NULL, *first = NULL;
	unsigned int n = 0;

	while ((o = next_of_name(engine, o, hash))) {
		if (strcasecmp(sa_peer_name(o), sa_peer_name(sa)))
			continue;
		n++;
		if (!first || goes_before(o, first))
			first = o;
	}
	return n >= engine->cfg.max_per_identity ? first : NULL;
}

struct ike_sa *place_forsaken(const struct ike_sa *sa, bool anywhere)
{
	uint32_t hash = hash_name(sa->engine, sa_peer_name(sa));
	struct ike_sa *o = NULL;

	while ((o = next_of_name(sa->engine, o, hash)))
		if (o->placed_after < sa->serial && !o->dead &&
		    o->peer_id->type == sa->peer_id->type &&
		    !strcasecmp(sa_peer_name(o), sa_peer_name(sa)) &&
		    (anywhere ||
		     addr_equal(&o->path.peer.addr, &sa->path.peer.addr)))
			return o;
	return NULL;
}

struct ike_sa *place_of_ticket(const struct ike_sa *sa, uint64_t key,
			       uint64_t number)
{
	uint32_t hash = hash_name(sa->engine, sa_peer_name(sa));
	struct ike_sa *o = NULL;

	while ((o = next_of_name(sa->engine, o, hash)))
		if (!o->dead && o->ticketed && o->ticket_key == key &&
		    o->ticket_number == number)
			return o;
	return NULL;
}

struct ike_sa *place_of_former(const struct ike_sa *sa)
{
	uint32_t hash = hash_name(sa->engine, sa_peer_name(sa));
	struct ike_sa *o = NULL;

	if (!sa->former)
		return NULL;
	while ((o = next_of_name(sa->engine, o, hash)))
		if (!o->dead && o->serial == sa->former)
			return o;
	return NULL;
}

void place_enter(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;

	sa->placed = true;
	sa->placed_after = engine->next_serial;
	engine->n_placed++;
	sa->name_hash = hash_name(engine, sa_peer_name(sa));
	htab_add(&engine->by_name, &sa->by_name);
	if (sa->suite.kwa)
		TAILQ_INSERT_TAIL(&engine->by_use, sa, by_use);
	else
		TAILQ_INSERT_HEAD(&engine->by_use, sa, by_use);
}

void place_used(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;

	if (!sa->placed)
		return;
	TAILQ_REMOVE(&engine->by_use, sa, by_use);
	TAILQ_INSERT_TAIL(&engine->by_use, sa, by_use);
}

void place_leave(struct ike_sa *sa)
{
	if (!sa->placed)
		return;
	sa->placed = false;
	sa->engine->n_placed--;
	htab_del(&sa->engine->by_name, &sa->by_name);
	TAILQ_REMOVE(&sa->engine->by_use, sa, by_use);
}
