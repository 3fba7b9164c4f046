// SPDX-License-Identifier: Apache-2.0
#include "gcks/grants.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/rand.h"
#include "crypto/sign.h"
#include "gcks/gmc.h"
#include "gcks/identity.h"
#include "gcks/join_check.h"
#include "gcks/term.h"
#include "lib/log.h"
#include "lib/quota.h"
#include "lib/quote.h"
#include "wire/fold.h"

/* Signatures: two hosts of an identity with a few groups, which all start at once. */
static const struct quota_rule sign_rule = {
	.burst = 32,
	.every_ms = 10000,
	.keys = 4096,
};

/* Time after which a relay that has not answered yet is told of more. */
#define TELL_AGAIN_MS 100

/* An identity that was taken out of a group, kept until its last grant is over. */
struct removal {
	TAILQ_ENTRY(removal) all;
	uint64_t at; /* no grant that was issued later ends with it */
	char group[GRANT_GROUP_MAX + 1];
	char identity[];
};

TAILQ_HEAD(removal_list, removal);

/* The IKE SA of a relay, which is told of removals of one group. */
struct relay_sa {
	LIST_ENTRY(relay_sa) link;
	struct ike_sa *sa; /* NULL: it has ended while relays were told */
	struct removal *next; /* the first that it is not told of, or NULL */
	char group[GRANT_GROUP_MAX + 1];
};

struct grants {
	struct gcks *k;
	struct sigpub *pub; /* verifies grants; NULL: there is no key */
	struct quota *signs; /* by identity */
	uint64_t issued; /* latest time that a grant has */
	LIST_HEAD(, relay_sa) relays;
	struct removal_list removals;
	void *by_id; /* removals by group and identity, for tsearch() */
	struct timer tell;
	bool telling;
};

/* ---- removals ------------------------------------------------------------ */

static int compare_removals(const void *a, const void *b)
{
	const struct removal *x = a, *y = b;
	int ret = strcmp(x->group, y->group);

	return ret ? ret : strcmp(x->identity, y->identity);
}

static struct removal *new_removal(const struct group *g, const char *identity)
{
	size_t size = strlen(identity) + 1;
	struct removal *x = calloc(1, sizeof(*x) + size);

	if (!x)
		return NULL;
	memcpy(x->group, g->conf->name, strlen(g->conf->name));
	memcpy(x->identity, identity, size);
	return x;
}

/* Return the removal of the group that compares equal to @key, or NULL. */
static struct removal *find_removal(const struct grants *s,
				    const struct removal *key)
{
	struct removal **node = tfind(key, &s->by_id, compare_removals);

	return node ? *node : NULL;
}

static void append_removal(struct grants *s, struct removal *x)
{
	struct relay_sa *r;

	TAILQ_INSERT_TAIL(&s->removals, x, all);
	LIST_FOREACH(r, &s->relays, link)
		if (!r->next)
			r->next = x;
}

static void unlink_removal(struct grants *s, struct removal *x)
{
	struct relay_sa *r;

	LIST_FOREACH(r, &s->relays, link)
		if (r->next == x)
			r->next = TAILQ_NEXT(x, all);
	TAILQ_REMOVE(&s->removals, x, all);
}

static void free_removal(struct grants *s, struct removal *x)
{
	unlink_removal(s, x);
	tdelete(x, &s->by_id, compare_removals);
	free(x);
}

static void forget_removals(struct grants *s, uint64_t now)
{
	struct removal *x;

	while ((x = TAILQ_FIRST(&s->removals)) &&
	       x->at + GRANT_LIFETIME_S <= now)
		free_removal(s, x);
}

/*
 * Note that @identity is taken out, in place of what was noted of it before, and return
 * that as the last removal; NULL without memory. Its time is not before the latest
 * grant's, so that grants end which were issued before the clock was set back.
 */
static struct removal *keep_removal(struct group *g, const char *identity)
{
	struct grants *s = g->k->grants;
	uint64_t now = (uint64_t)group_wall(g);
	struct removal *x, *known;

	forget_removals(s, now);
	x = new_removal(g, identity);
	if (!x)
		return NULL;
	known = find_removal(s, x);
	if (known) {
		free(x);
		x = known;
		unlink_removal(s, x);
	} else if (!tsearch(x, &s->by_id, compare_removals)) {
		free(x);
		return NULL;
	}
	x->at = now > s->issued ? now : s->issued;
	append_removal(s, x);
	return x;
}

/* ---- relays are told ----------------------------------------------------- */

/*
 * Fill @e with removals that @r is not told of: those of one time, as many as a message
 * has room for. Returns the first one that is left, or NULL.
 */
static struct removal *gather_ends(const struct relay_sa *r,
				   struct grant_ends *e)
{
	struct removal *x;

	memset(e, 0, sizeof(*e));
	memcpy(e->group, r->group, sizeof(e->group));
	for (x = r->next; x && e->n < GRANT_ENDS_MAX; x = TAILQ_NEXT(x, all)) {
		if (strcmp(x->group, r->group))
			continue;
		if (e->n && x->at != e->at)
			break;
		e->at = x->at;
		e->until = x->at + GRANT_LIFETIME_S;
		e->id[e->n].p = x->identity;
		e->id[e->n++].len = strlen(x->identity);
	}
	return x;
}

/*
 * Tell a relay of the removals that it was not told of. Returns false if it has to answer
 * first. A relay that does not hear of one keeps the edge until the grant ends.
 */
static bool tell_relay(struct relay_sa *r)
{
	char peer[QUOTE_LEN];
	struct removal *first;
	struct grant_ends e;
	int ret;

	while (r->sa && r->next) {
		first = r->next;
		r->next = gather_ends(r, &e);
		if (!e.n)
			break;
		/* Telling may end the IKE SA, and its name with it. */
		quote(ike_sa_peer_name(r->sa), peer);
		ret = ike_end_grants(r->sa, &e);
		if (ret == -EBUSY) {
			r->next = first;
			return false;
		}
		if (ret)
			log_group(LOG_LEVEL_ERR, r->group,
				  "relay not told: %s: %s: edges of evicted members there end with their grants, in %u s at most",
				  peer, strerror(-ret), GRANT_LIFETIME_S);
	}
	return true;
}

static void tell_due(void *arg)
{
	struct grants *s = arg;
	struct relay_sa *r, *next;
	bool all = true;

	s->telling = true;
	LIST_FOREACH(r, &s->relays, link)
		all = tell_relay(r) && all;
	s->telling = false;
	for (r = LIST_FIRST(&s->relays); r; r = next) {
		next = LIST_NEXT(r, link);
		if (r->sa)
			continue;
		LIST_REMOVE(r, link);
		free(r);
	}
	if (!all)
		timer_set(s->k->deps.tq, &s->tell, TELL_AGAIN_MS);
}

void grants_end(struct group *g, const char *identity)
{
	struct grants *s = g->k->grants;
	size_t len = strlen(identity);

	if (!s || !len || len > GRANT_ID_MAX ||
	    (!g->conf->relays.n && LIST_EMPTY(&s->relays)))
		return;
	if (keep_removal(g, identity))
		timer_set(s->k->deps.tq, &s->tell, 0);
	else
		group_err(g,
			  "relay not told: the edges of a member that is out last until its grant ends, in %u s at most: out of memory",
			  GRANT_LIFETIME_S);
}

/* Note the denials again that still matter, and that a restart has forgotten. */
static void recall_denied(struct group *g)
{
	const struct deny_entry *d;
	struct removal *x;
	bool known;

	TAILQ_FOREACH(d, &g->denied, all) {
		if (d->since + GRANT_LIFETIME_S <= group_wall(g))
			continue;
		x = new_removal(g, d->identity);
		known = x && find_removal(g->k->grants, x);
		free(x);
		if (!known)
			grants_end(g, d->identity);
	}
}

/*
 * Tell the relay over @sa of all removals that still matter: it may have been out of
 * reach when they were made, or have started anew.
 */
static int add_relay(struct group *g, struct ike_sa *sa)
{
	struct grants *s = g->k->grants;
	struct relay_sa *r;

	LIST_FOREACH(r, &s->relays, link)
		if (r->sa == sa && !strcmp(r->group, g->conf->name))
			break;
	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return -ENOMEM;
		r->sa = sa;
		memcpy(r->group, g->conf->name, strlen(g->conf->name));
		LIST_INSERT_HEAD(&s->relays, r, link);
	}
	recall_denied(g);
	forget_removals(s, (uint64_t)group_wall(g));
	r->next = TAILQ_FIRST(&s->removals);
	timer_set(s->k->deps.tq, &s->tell, 0);
	return 0;
}

void grants_sa_closed(struct gcks *k, const struct ike_sa *sa)
{
	struct relay_sa *r, *next;

	if (!k->grants)
		return;
	for (r = LIST_FIRST(&k->grants->relays); r; r = next) {
		next = LIST_NEXT(r, link);
		if (r->sa != sa)
			continue;
		r->sa = NULL;
		/* tell_due() may be at any of them. */
		if (k->grants->telling)
			continue;
		LIST_REMOVE(r, link);
		free(r);
	}
}

/* ---- begin and end ------------------------------------------------------- */

int grants_init(struct gcks *k)
{
	struct grants *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	k->grants = s;
	s->k = k;
	LIST_INIT(&s->relays);
	TAILQ_INIT(&s->removals);
	timer_init(&s->tell, tell_due, s);
	return k->deps.key ? sigkey_pub(k->deps.key, &s->pub) : 0;
}

void grants_free(struct gcks *k)
{
	struct grants *s = k->grants;
	struct removal *x;
	struct relay_sa *r;

	if (!s)
		return;
	timer_del(k->deps.tq, &s->tell);
	while ((r = LIST_FIRST(&s->relays))) {
		LIST_REMOVE(r, link);
		free(r);
	}
	while ((x = TAILQ_FIRST(&s->removals)))
		free_removal(s, x);
	sigpub_free(s->pub);
	quota_free(s->signs);
	free(s);
	k->grants = NULL;
}

/* ---- requests ------------------------------------------------------------ */

/*
 * Return the time of a new grant of @identity: later than its removal, even within the
 * same second, so that the grant does not end with those of before. That time is ahead of
 * now, and may be behind the end of the grant, if the clock was ahead at the removal.
 */
static uint64_t issue_time(const struct group *g, const char *identity)
{
	uint64_t now = (uint64_t)group_wall(g);
	struct removal *key = new_removal(g, identity);
	const struct removal *x;

	x = key ? find_removal(g->k->grants, key) : NULL;
	free(key);
	return x && x->at >= now ? x->at + 1 : now;
}

static int sign_grant(const struct group *g, const struct gmember *m,
		      struct ike_sa *sa, struct wbuf *w)
{
	const struct ike_id *id = ike_sa_peer_id(sa);
	struct grants *s = g->k->grants;
	int64_t until = term_until(m);
	uint64_t ids = m->more->n_sids;
	struct grant grant = { 0 };
	int ret;

	/* The identity of an IKE SA has only the octets that it needs. */
	ret = id_set(&grant.member, id->type, id->data, id->len);
	if (ret)
		return ret;
	/* One certificate is one identity for relays, in whatever letters it is claimed. */
	id_fold(&grant.member);
	memcpy(grant.group, g->conf->name, strlen(g->conf->name));
	grant.issued = issue_time(g, m->identity);
	grant.expires = (uint64_t)group_wall(g) + GRANT_LIFETIME_S;
	if (until && (uint64_t)until < grant.expires)
		grant.expires = (uint64_t)until;
	if (ids) {
		grant.n_ranges = 1;
		grant.range[0].first = (uint16_t)m->more->first_sid;
		grant.range[0].last = (uint16_t)(m->more->first_sid + ids - 1);
	}
	if (grant.issued > s->issued)
		s->issued = grant.issued;
	return grant_sign(&grant, g->k->deps.key, w);
}

/* A key server without relays signs nothing, and has no quota for it. */
static bool may_sign(struct gcks *k, struct group *g, const char *identity)
{
	struct grants *s = k->grants;
	uint64_t seed;

	if (!s->signs && !rand_bytes(&seed, sizeof(seed)))
		s->signs = quota_new(&sign_rule, seed);
	return s->signs && quota_take(s->signs, identity, strlen(identity),
				      group_now_ms(g));
}

static enum grant_verdict judge_request(struct gcks *k, struct group *g,
					const struct ike_sa *sa,
					const char *identity, bool relay)
{
	if (!g || !gmc_find(g, identity) || gmc_denied(g, identity) ||
	    join_cert_ended(k, sa))
		return GRANT_NO_MEMBER;
	if (!g->conf->relays.n || !k->grants->pub)
		return GRANT_NO_RELAYS;
	if (relay && !conf_names_match(&g->conf->relays, identity))
		return GRANT_NO_RELAY;
	return may_sign(k, g, identity) ? GRANT_GIVEN : GRANT_BUSY;
}

void grants_request(struct gcks *k, struct group *g, struct ike_sa *sa,
		    bool relay, struct wbuf *w, struct grant_answer *ans)
{
	char identity[GMC_ID_MAX], name[QUOTE_LEN];
	int ret;

	if (identity_of(ike_sa_peer_id(sa), identity, sizeof(identity))) {
		ans->verdict = GRANT_NO_MEMBER;
		return;
	}
	ans->verdict = judge_request(k, g, sa, identity, relay);
	if (ans->verdict != GRANT_GIVEN)
		return;
	ret = sign_grant(g, gmc_find(g, identity), sa, w);
	if (!ret && relay)
		ret = add_relay(g, sa);
	if (ret) {
		ans->verdict = GRANT_FAILED;
		if (notice_failure_left(k, g->conf->name))
			group_err(g, "grant not given: %s: %s",
				  quote(identity, name), strerror(-ret));
		return;
	}
	/* The next request comes before the grant is over. */
	ike_sa_keep(sa);
	sigpub_spki(k->grants->pub, &ans->key, &ans->key_len);
	ans->p = w->p;
	ans->len = w->len;
}
