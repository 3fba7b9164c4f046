// SPDX-License-Identifier: Apache-2.0
/*
 * The order of handshakes, when there are more than a key server can make.
 *
 * Guests are, the strongest first: who has a ticket of ours, who comes from an
 * address and port from which somebody authenticated within a day, and strangers.
 * Each handshake costs a key exchange, and most cost a signature, so that those
 * of a network that are in progress or failed are limited, for known guests and
 * for strangers apart: a stranger uses up nothing of a member. A successful
 * handshake is given back. A ticket costs neither; it has a limit of its own, and the
 * identity that it was given to has one for all of its tickets.
 *
 * In a network those go first that were served least (served_most()). A stranger
 * with one address is therefore in nobody's way, and one with N of them is in the
 * way of a newcomer for no longer than the network needs to serve each address
 * once. Only one who has more addresses than are remembered competes with
 * newcomers by how fast it sends; members do not depend on that.
 *
 * Half-open SAs are limited in all, by address and by network, and one that is
 * older than a handshake without loss takes gives way to a new one. A younger one
 * gives way to a stronger guest, or if it is of a crowd, to one that is of none.
 * Others are never replaced, so that many simultaneous peers do not push each
 * other out: a peer that finds no room retransmits its request.
 */
#include "ike/admission.h"
#include "ike/places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/session.h"
#include "lib/clock.h"
#include "lib/quota.h"

/*
 * Age after which a handshake without loss is complete, and its first
 * retransmission due.
 */
#define HALF_OPEN_OLD_MS 1000
/* Half-open SAs of which the weakest is chosen, the oldest ones. */
#define HALF_OPEN_SAMPLE 16
/* Half-open SAs of an address or network that are a crowd. */
#define HALF_OPEN_CROWD 16

/* Handshakes of one network that are in progress or failed. */
#define NET_BURST 512
#define NET_EVERY_MS 4
static const struct quota_rule of_net = {
	.burst = NET_BURST,
	.every_ms = NET_EVERY_MS,
	.keys = 4096,
};

/*
 * A half-open SA of an address has to be old before its share, of strangers and of
 * known guests, can have filled the address again: else whoever sends most has all
 * places of an address that it shares with others.
 */
_Static_assert(HALF_OPEN_ADDR >= 2 * HALF_OPEN_OLD_MS / NET_EVERY_MS,
	       "an address has fewer places than handshakes");

/*
 * The same handshakes of a single guest, which are remembered for longer: at 250
 * a second its network serves 15,000 guests once until the first is forgotten.
 */
#define SERVED_MOST 64
static const struct quota_rule of_stranger = {
	.burst = SERVED_MOST,
	.every_ms = 60000,
	.keys = 32768,
};

static const struct quota_rule of_known = {
	.burst = SERVED_MOST,
	.every_ms = 60000,
	.keys = 4096,
};

/* Handshakes by one ticket: a copy of it may come first, and get no further. */
static const struct quota_rule of_ticket = {
	.burst = 4,
	.every_ms = 10000,
	.keys = 4096,
};

/* Handshakes by all tickets of one identity, which can have many. */
static const struct quota_rule of_holder = {
	.burst = 16,
	.every_ms = 1000,
	.keys = 4096,
};

/* Failed authentications of one address and port. */
static const struct quota_rule of_ep = {
	.burst = 5,
	.every_ms = 10000,
	.keys = 4096,
};

/* Key exchanges for bad values, of all peers together. */
#define BAD_KE_KEY "all"
static const struct quota_rule of_bad_ke = {
	.burst = 64,
	.every_ms = 500,
	.keys = 1,
};

/* Known addresses and ports: one that is used up is known. */
static const struct quota_rule of_day = {
	.burst = 1,
	.every_ms = 86400000,
	.keys = 16384,
};

/* Addresses and ports that one identity makes known. */
static const struct quota_rule of_identity = {
	.burst = 16,
	.every_ms = 10800000,
	.keys = 4096,
};

/* Handshakes of a kind of guests: of their networks, and of each of them. */
struct share {
	struct quota *nets;
	struct quota *guests;
};

struct admission {
	struct share strangers;
	struct share known;
	struct quota *tickets;
	struct quota *holders;
	struct quota *failed;
	struct quota *bad_ke;
	struct quota *day;
	struct quota *names;
};

static int share_init(struct share *s, const struct quota_rule *guests,
		      uint64_t seed)
{
	s->nets = quota_new(&of_net, seed);
	s->guests = quota_new(guests, seed);
	return s->nets && s->guests ? 0 : -ENOMEM;
}

static void share_free(struct share *s)
{
	quota_free(s->nets);
	quota_free(s->guests);
}

int admission_init(struct ike_engine *engine, uint64_t seed)
{
	struct admission *a;

	TAILQ_INIT(&engine->half_open);
	if (!engine->cfg.responder)
		return 0;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	engine->admission = a;
	a->tickets = quota_new(&of_ticket, seed);
	a->holders = quota_new(&of_holder, seed);
	a->failed = quota_new(&of_ep, seed);
	a->bad_ke = quota_new(&of_bad_ke, seed);
	a->day = quota_new(&of_day, seed);
	a->names = quota_new(&of_identity, seed);
	if (share_init(&a->strangers, &of_stranger, seed) ||
	    share_init(&a->known, &of_known, seed))
		return -ENOMEM;
	return a->tickets && a->holders && a->failed && a->bad_ke && a->day &&
			       a->names
		       ? 0
		       : -ENOMEM;
}

void admission_free(struct ike_engine *engine)
{
	struct admission *a = engine->admission;

	if (!a)
		return;
	share_free(&a->strangers);
	share_free(&a->known);
	quota_free(a->tickets);
	quota_free(a->holders);
	quota_free(a->failed);
	quota_free(a->bad_ke);
	quota_free(a->day);
	quota_free(a->names);
	free(a);
	engine->admission = NULL;
}

/* ---- shares ------------------------------------------------------------- */

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

/* Keys of a guest in its share. */
struct origin {
	uint64_t now;
	struct addr net;
	struct ep_key guest;
};

/*
 * A host has all ports of its address, so that these make no difference between
 * strangers of a network, unless that is the one address of a NAT.
 */
static void find_origin(const struct ike_engine *engine, const struct ep *from,
			enum guest guest, struct origin *o)
{
	o->now = clock_mono_ms(engine->cfg.clock);
	addr_net(&from->addr, &o->net);
	ep_key(from, &o->guest);
	if (guest == GUEST_STRANGER && !addr_equal(&o->net, &from->addr))
		o->guest.port = 0;
}

/* Return the share of such guests, or NULL: they are not charged to any. */
static struct share *share_of(const struct ike_engine *engine, enum guest guest)
{
	struct admission *a = engine->admission;

	if (guest == GUEST_TICKET)
		return NULL;
	return guest == GUEST_KNOWN ? &a->known : &a->strangers;
}

/*
 * Return how much of the network's share may be used up for a guest that was served
 * that often. One that was not served lately may have the last of it, and one that
 * was served SERVED_MOST times leaves half of it to others.
 */
static unsigned int served_most(unsigned int served)
{
	return NET_BURST - served * (NET_BURST / 2 / SERVED_MOST);
}

static bool share_left(const struct share *s, const struct origin *o)
{
	unsigned int served =
		quota_used(s->guests, &o->guest, sizeof(o->guest), o->now);

	return quota_used(s->nets, &o->net, sizeof(o->net), o->now) <
	       served_most(served);
}

static bool is_known_ep(const struct ike_engine *engine, const struct ep *e)
{
	struct ep_key k;

	ep_key(e, &k);
	return !quota_left(engine->admission->day, &k, sizeof(k),
			   clock_mono_ms(engine->cfg.clock));
}

/* A ticket and its identity both have to have handshakes left. */
static bool ticket_left(const struct ike_engine *engine,
			const struct ike_resume *r)
{
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	char name[ID_STR_MAX];
	size_t len = place_id_key(&r->s.peer, name);

	return quota_left(engine->admission->tickets, &r->ref, sizeof(r->ref),
			  now) &&
	       quota_left(engine->admission->holders, name, len, now);
}

static void charge_ticket(struct ike_engine *engine, const struct ike_resume *r)
{
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	char name[ID_STR_MAX];
	size_t len = place_id_key(&r->s.peer, name);

	quota_spend(engine->admission->tickets, &r->ref, sizeof(r->ref), now);
	quota_spend(engine->admission->holders, name, len, now);
}

enum guest admission_guest(const struct ike_engine *engine,
			   const struct ep *from,
			   const struct ike_resume *ticket)
{
	if (ticket && ticket_left(engine, ticket))
		return GUEST_TICKET;
	return is_known_ep(engine, from) ? GUEST_KNOWN : GUEST_STRANGER;
}

static bool ep_left(struct ike_engine *engine, const struct ep *from)
{
	struct ep_key k;

	ep_key(from, &k);
	return quota_left(engine->admission->failed, &k, sizeof(k),
			  clock_mono_ms(engine->cfg.clock));
}

bool admission_left(struct ike_engine *engine, const struct ep *from,
		    enum guest guest)
{
	struct share *share = share_of(engine, guest);
	struct origin o;

	find_origin(engine, from, guest, &o);
	if ((!share || share_left(share, &o)) && ep_left(engine, from))
		return true;
	engine->stats.paced++;
	return false;
}

void admission_charge(struct ike_engine *engine, const struct ep *from,
		      enum guest guest, const struct ike_resume *ticket)
{
	struct share *share = share_of(engine, guest);
	struct origin o;

	find_origin(engine, from, guest, &o);
	if (share) {
		quota_spend(share->nets, &o.net, sizeof(o.net), o.now);
		quota_spend(share->guests, &o.guest, sizeof(o.guest), o.now);
	} else if (ticket) {
		charge_ticket(engine, ticket);
	}
}

void admission_give_back(struct ike_engine *engine, const struct ep *from,
			 enum guest guest)
{
	struct share *share = share_of(engine, guest);
	struct origin o;

	if (!share)
		return;
	find_origin(engine, from, guest, &o);
	quota_give_back(share->nets, &o.net, sizeof(o.net), o.now);
	quota_give_back(share->guests, &o.guest, sizeof(o.guest), o.now);
}

void admission_bad_ke(struct ike_engine *engine, const struct ep *from,
		      enum guest guest, bool returned)
{
	quota_spend(engine->admission->bad_ke, BAD_KE_KEY, sizeof(BAD_KE_KEY),
		    clock_mono_ms(engine->cfg.clock));
	if (returned)
		admission_charge(engine, from, guest, NULL);
}

bool admission_bad_ke_left(const struct ike_engine *engine)
{
	return quota_left(engine->admission->bad_ke, BAD_KE_KEY,
			  sizeof(BAD_KE_KEY), clock_mono_ms(engine->cfg.clock));
}

/*
 * Remember for a day from where the handshake came. An identity has few such
 * places, so that nobody displaces those of all others with one certificate.
 */
static void make_known(struct ike_sa *sa)
{
	struct admission *a = sa->engine->admission;
	uint64_t now = clock_mono_ms(sa->engine->cfg.clock);
	bool known = is_known_ep(sa->engine, &sa->hs->init_from);
	char name[ID_STR_MAX];
	size_t len = place_name_key(sa, name);
	struct ep_key k;

	ep_key(&sa->hs->init_from, &k);
	if (!known && !quota_take(a->names, name, len, now))
		return;
	/* The day begins again. */
	quota_give_back(a->day, &k, sizeof(k), now);
	quota_spend(a->day, &k, sizeof(k), now);
}

bool handshake_here_left(struct ike_sa *sa)
{
	if (ep_left(sa->engine, &sa->path.peer))
		return true;
	sa->engine->stats.paced++;
	return false;
}

void handshake_failed(struct ike_sa *sa)
{
	struct ep_key k;

	ep_key(&sa->path.peer, &k);
	quota_spend(sa->engine->admission->failed, &k, sizeof(k),
		    clock_mono_ms(sa->engine->cfg.clock));
}

void handshake_done(struct ike_sa *sa)
{
	admission_give_back(sa->engine, &sa->hs->init_from, sa->hs->guest);
	make_known(sa);
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

int half_open_enter(struct ike_sa *sa, enum guest guest)
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
	sa->hs->born_ms = clock_mono_ms(engine->cfg.clock);
	sa->hs->guest = guest;
	TAILQ_INSERT_TAIL(&engine->half_open, sa, hs->by_age);
	engine->stats.half_open++;
	admission_charge(engine, &sa->path.peer, guest, sa->hs->resume);
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

/* The limit that is hit. */
enum scope {
	SCOPE_ADDR,
	SCOPE_NET,
	SCOPE_ALL,
};

static struct ike_sa *next_in(const struct ike_sa *sa, enum scope scope)
{
	if (scope == SCOPE_ALL)
		return TAILQ_NEXT(sa, hs->by_age);
	return scope == SCOPE_NET ? TAILQ_NEXT(sa, hs->in_net)
				  : TAILQ_NEXT(sa, hs->in_addr);
}

/* Networks compete for what all have, and addresses for what a network has. */
static unsigned int crowd_of(const struct ike_sa *sa, enum scope scope)
{
	if (scope == SCOPE_ALL)
		return sa->hs->of_net->n;
	return scope == SCOPE_NET ? sa->hs->of_addr->n : 0;
}

static bool is_old(const struct ike_sa *sa)
{
	return clock_mono_ms(sa->engine->cfg.clock) - sa->hs->born_ms >=
	       HALF_OPEN_OLD_MS;
}

/* An old one gives way to everybody, so that it is no stronger than a stranger. */
static enum guest strength_of(const struct ike_sa *sa)
{
	return is_old(sa) ? GUEST_STRANGER : sa->hs->guest;
}

/* Return the weakest of the oldest ones, from @sa on. */
static struct ike_sa *find_weakest(struct ike_sa *sa, enum scope scope)
{
	struct ike_sa *weakest = sa;

	for (unsigned int i = 1; i < HALF_OPEN_SAMPLE; i++) {
		sa = next_in(sa, scope);
		if (!sa)
			break;
		if (strength_of(sa) < strength_of(weakest) ||
		    (strength_of(sa) == strength_of(weakest) &&
		     crowd_of(sa, scope) > crowd_of(weakest, scope)))
			weakest = sa;
	}
	return weakest;
}

void half_open_look(struct ike_engine *engine, const struct addr *peer,
		    struct half_open_look *look)
{
	struct half_open_set *of_addr, *of_net;
	struct ike_sa *oldest = NULL;
	enum scope scope = SCOPE_ALL;
	struct addr net;

	memset(look, 0, sizeof(*look));
	addr_net(peer, &net);
	of_addr = half_open_find(engine, engine->half_open_by_addr, peer);
	of_net = half_open_find(engine, engine->half_open_by_net, &net);
	if (of_addr && of_addr->n >= engine->cfg.max_half_open_addr) {
		oldest = TAILQ_FIRST(&of_addr->sas);
		scope = SCOPE_ADDR;
	} else if (of_net && of_net->n >= engine->cfg.max_half_open_net) {
		oldest = TAILQ_FIRST(&of_net->sas);
		scope = SCOPE_NET;
		look->own = of_addr ? of_addr->n : 0;
	} else if (engine->stats.half_open >= engine->cfg.max_half_open) {
		oldest = TAILQ_FIRST(&engine->half_open);
		look->own = of_net ? of_net->n : 0;
	}
	if (!oldest)
		return;
	look->near = scope != SCOPE_ALL;
	look->weakest = find_weakest(oldest, scope);
	look->others = crowd_of(look->weakest, scope);
}

bool half_open_room(const struct half_open_look *look, enum guest guest)
{
	const struct ike_sa *sa = look->weakest;

	if (!sa || sa->hs->guest < guest)
		return true;
	if (sa->hs->guest == guest &&
	    look->others > HALF_OPEN_CROWD + 2 * look->own)
		return true;
	return is_old(sa);
}
