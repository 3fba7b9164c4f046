// SPDX-License-Identifier: Apache-2.0
/*
 * Limits of the IKE SAs at a responder.
 *
 * Half-open SAs are not authenticated. They are limited in all, by address and
 * by network, and one that is older than a handshake without loss takes gives
 * way to a new one. Younger ones are never replaced, so that many simultaneous
 * peers do not push each other out: a peer that finds no room retransmits its
 * request.
 *
 * Authenticated SAs have an identity. A new one replaces the oldest of its
 * identity, the one of its address that was idle the longest, or the one in all
 * that was (authenticate.c closes it). Losing the IKE SA does not end a membership.
 * An IKE SA without key wrap, over which no peer becomes a member, gives way before
 * all others.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/sa.h"
#include "lib/clock.h"
#include "lib/quota.h"

/*
 * Age after which a handshake without loss is complete, and its first
 * retransmission due.
 */
#define HALF_OPEN_OLD_MS 1000

/*
 * Handshakes of one network that are in progress or failed: each costs a key
 * exchange, and most cost a signature. A successful one is given back.
 */
static const struct quota_rule of_net = {
	.burst = 512,
	.every_ms = 4,
	.keys = 4096,
};

/* Failed authentications of one address and port. */
static const struct quota_rule of_ep = {
	.burst = 5,
	.every_ms = 10000,
	.keys = 4096,
};

/* Successful authentications of one identity. */
static const struct quota_rule of_identity = {
	.burst = 32,
	.every_ms = 1000,
	.keys = 4096,
};

int places_init(struct ike_engine *engine, uint64_t seed)
{
	TAILQ_INIT(&engine->half_open);
	TAILQ_INIT(&engine->by_use);
	engine->seed = seed;
	if (!engine->cfg.responder)
		return 0;
	engine->net_quota = quota_new(&of_net, seed);
	engine->ep_quota = quota_new(&of_ep, seed);
	engine->name_quota = quota_new(&of_identity, seed);
	return engine->net_quota && engine->ep_quota && engine->name_quota
		       ? 0
		       : -ENOMEM;
}

void places_free(struct ike_engine *engine)
{
	quota_free(engine->net_quota);
	quota_free(engine->ep_quota);
	quota_free(engine->name_quota);
}

static uint64_t mono_now(const struct ike_engine *engine)
{
	return clock_mono_ms(engine->cfg.clock);
}

/* ---- half-open SAs ------------------------------------------------------ */

/* Half-open SAs of one address or of one network. */
struct half_open_set {
	LIST_ENTRY(half_open_set) link;
	struct addr key;
	unsigned int n;
	struct ike_sa_queue sas; /* oldest first */
};

static struct half_open_list *half_open_bucket(struct ike_engine *engine,
					       struct half_open_list *table,
					       const struct addr *key)
{
	return &table[engine_hash(engine, key, sizeof(*key)) % ENGINE_BUCKETS];
}

static struct half_open_set *half_open_find(struct ike_engine *engine,
					    struct half_open_list *table,
					    const struct addr *key)
{
	struct half_open_set *c;

	LIST_FOREACH(c, half_open_bucket(engine, table, key), link)
		if (addr_equal(&c->key, key))
			return c;
	return NULL;
}

static struct half_open_set *half_open_get(struct ike_engine *engine,
					   struct half_open_list *table,
					   const struct addr *key)
{
	struct half_open_set *c = half_open_find(engine, table, key);

	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->key = *key;
	TAILQ_INIT(&c->sas);
	LIST_INSERT_HEAD(half_open_bucket(engine, table, key), c, link);
	return c;
}

static void half_open_put(struct half_open_set *c)
{
	if (c->n)
		return;
	LIST_REMOVE(c, link);
	free(c);
}

int half_open_enter(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	struct half_open_set *of_addr, *of_net;
	struct addr net;

	addr_net(&sa->path.peer.addr, &net);
	of_addr = half_open_get(engine, engine->half_open_by_addr,
				&sa->path.peer.addr);
	of_net = half_open_get(engine, engine->half_open_by_net, &net);
	if (!of_addr || !of_net) {
		if (of_addr)
			half_open_put(of_addr);
		if (of_net)
			half_open_put(of_net);
		return -ENOMEM;
	}
	sa->hs->of_addr = of_addr;
	sa->hs->of_net = of_net;
	TAILQ_INSERT_TAIL(&of_addr->sas, sa, hs->in_addr);
	TAILQ_INSERT_TAIL(&of_net->sas, sa, hs->in_net);
	of_addr->n++;
	of_net->n++;
	sa->hs->born_ms = mono_now(engine);
	TAILQ_INSERT_TAIL(&engine->half_open, sa, hs->by_age);
	engine->stats.half_open++;
	quota_spend(engine->net_quota, &net, sizeof(net), sa->hs->born_ms);
	return 0;
}

void half_open_leave(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;

	TAILQ_REMOVE(&engine->half_open, sa, hs->by_age);
	engine->stats.half_open--;
	TAILQ_REMOVE(&sa->hs->of_addr->sas, sa, hs->in_addr);
	TAILQ_REMOVE(&sa->hs->of_net->sas, sa, hs->in_net);
	sa->hs->of_addr->n--;
	sa->hs->of_net->n--;
	half_open_put(sa->hs->of_addr);
	half_open_put(sa->hs->of_net);
	sa->hs->of_addr = NULL;
	sa->hs->of_net = NULL;
}

void half_open_look(struct ike_engine *engine, const struct addr *peer,
		    struct half_open_look *look)
{
	struct half_open_set *of_addr, *of_net;
	struct addr net;

	memset(look, 0, sizeof(*look));
	addr_net(peer, &net);
	of_addr = half_open_find(engine, engine->half_open_by_addr, peer);
	of_net = half_open_find(engine, engine->half_open_by_net, &net);
	if (of_addr && of_addr->n >= engine->cfg.max_half_open_addr)
		look->oldest = TAILQ_FIRST(&of_addr->sas);
	else if (of_net && of_net->n >= engine->cfg.max_half_open_net)
		look->oldest = TAILQ_FIRST(&of_net->sas);
	look->near = look->oldest;
	if (!look->oldest &&
	    engine->stats.half_open >= engine->cfg.max_half_open)
		look->oldest = TAILQ_FIRST(&engine->half_open);
}

bool half_open_room(struct ike_engine *engine,
		    const struct half_open_look *look)
{
	return !look->oldest ||
	       mono_now(engine) - look->oldest->hs->born_ms >= HALF_OPEN_OLD_MS;
}

/* ---- failed handshakes -------------------------------------------------- */

struct ep_key {
	struct addr addr;
	uint16_t port;
};

static void ep_key(const struct ep *e, struct ep_key *k)
{
	memset(k, 0, sizeof(*k));
	k->addr = e->addr;
	k->port = e->port;
}

bool handshake_left(struct ike_engine *engine, const struct ep *from)
{
	uint64_t now = mono_now(engine);
	struct ep_key k;
	struct addr net;

	addr_net(&from->addr, &net);
	ep_key(from, &k);
	if (quota_left(engine->net_quota, &net, sizeof(net), now) &&
	    quota_left(engine->ep_quota, &k, sizeof(k), now))
		return true;
	engine->stats.paced++;
	return false;
}

bool handshake_here_left(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	struct ep_key k;

	ep_key(&sa->path.peer, &k);
	if (quota_left(engine->ep_quota, &k, sizeof(k), mono_now(engine)))
		return true;
	engine->stats.paced++;
	return false;
}

void handshake_failed(struct ike_sa *sa)
{
	struct ep_key k;

	ep_key(&sa->path.peer, &k);
	quota_spend(sa->engine->ep_quota, &k, sizeof(k), mono_now(sa->engine));
}

/* Names are compared as certificates do, without regard to case. */
static size_t name_key(const char *name, char buf[static ID_STR_MAX])
{
	size_t i;

	for (i = 0; name[i] && i < ID_STR_MAX; i++)
		buf[i] = tolower((unsigned char)name[i]);
	return i;
}

void handshake_done(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	char key[ID_STR_MAX];
	struct addr net;
	size_t len;

	addr_net(&sa->hs->init_from.addr, &net);
	len = name_key(sa_peer_name(sa), key);
	quota_give_back(engine->net_quota, &net, sizeof(net), mono_now(engine));
	quota_spend(engine->name_quota, key, len, mono_now(engine));
}

bool name_left(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	char key[ID_STR_MAX];
	size_t len = name_key(sa_peer_name(sa), key);

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

static bool may_give_way(const struct ike_sa *sa)
{
	/*
	 * An SA that waits for an answer is not idle, whatever its timer says.
	 */
	return sa->state == IKE_ST_UP && !sa->waits;
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
	struct ike_sa *o = NULL, *oldest = NULL;
	unsigned int n = 0;

	while ((o = next_of_name(engine, o, hash))) {
		if (strcasecmp(sa_peer_name(o), sa_peer_name(sa)))
			continue;
		n++;
		if (!oldest || o->serial < oldest->serial)
			oldest = o;
	}
	return n >= engine->cfg.max_per_identity ? oldest : NULL;
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
