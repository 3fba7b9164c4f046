// SPDX-License-Identifier: Apache-2.0
#include "gcks/grants.h"

#include <errno.h>
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

/* Signatures: two hosts of an identity with a few groups, which all start at once. */
static const struct quota_rule sign_rule = {
	.burst = 32,
	.every_ms = 10000,
	.keys = 4096,
};

/* The IKE SA of a relay, which is told of ended grants of one group. */
struct relay_sa {
	LIST_ENTRY(relay_sa) link;
	struct ike_sa *sa;
	char group[GRANT_GROUP_MAX + 1];
};

struct grants {
	struct sigpub *pub; /* verifies grants; NULL: there is no key */
	struct quota *signs; /* by identity */
	LIST_HEAD(, relay_sa) relays;
};

int grants_init(struct gcks *k)
{
	struct grants *s = calloc(1, sizeof(*s));
	uint64_t seed;
	int ret;

	if (!s)
		return -ENOMEM;
	k->grants = s;
	LIST_INIT(&s->relays);
	ret = rand_bytes(&seed, sizeof(seed));
	if (!ret && k->deps.key)
		ret = sigkey_pub(k->deps.key, &s->pub);
	if (ret)
		return ret;
	s->signs = quota_new(&sign_rule, seed);
	return s->signs ? 0 : -ENOMEM;
}

void grants_free(struct gcks *k)
{
	struct relay_sa *r;

	if (!k->grants)
		return;
	while ((r = LIST_FIRST(&k->grants->relays))) {
		LIST_REMOVE(r, link);
		free(r);
	}
	sigpub_free(k->grants->pub);
	quota_free(k->grants->signs);
	free(k->grants);
	k->grants = NULL;
}

/* ---- ends ---------------------------------------------------------------- */

static void begin_ends(const struct group *g, struct grant_ends *e)
{
	memset(e, 0, sizeof(*e));
	memcpy(e->group, g->conf->name, strlen(g->conf->name));
	e->at = (uint64_t)group_wall(g);
	e->until = e->at + GRANT_LIFETIME_S;
}

static void add_end(struct grant_ends *e, const char *identity)
{
	size_t len = strlen(identity);

	if (len && len <= GRANT_ID_MAX) {
		e->id[e->n].p = identity;
		e->id[e->n++].len = len;
	}
}

/* A relay that does not hear it keeps the edge until the grant ends. */
static void send_ends(struct group *g, struct ike_sa *sa,
		      const struct grant_ends *e)
{
	char name[QUOTE_LEN];
	int ret;

	ret = e->n ? ike_end_grants(sa, e) : 0;
	if (ret)
		group_err(g,
			  "relay not told: %s: the edges of members that are out last until their grants end, in %u s at most: %s",
			  quote(ike_sa_peer_name(sa), name), GRANT_LIFETIME_S,
			  strerror(-ret));
}

void grants_end(struct group *g, const char *identity)
{
	struct grant_ends e;
	struct relay_sa *r;

	if (!g->k->grants)
		return;
	begin_ends(g, &e);
	add_end(&e, identity);
	LIST_FOREACH(r, &g->k->grants->relays, link)
		if (!strcmp(r->group, g->conf->name))
			send_ends(g, r->sa, &e);
}

/* A relay may have been out of reach when members were evicted. */
static void send_denied(struct group *g, struct ike_sa *sa)
{
	const struct deny_entry *d;
	struct grant_ends e;

	begin_ends(g, &e);
	TAILQ_FOREACH(d, &g->denied, all) {
		if (d->since + GRANT_LIFETIME_S <= group_wall(g))
			continue;
		add_end(&e, d->identity);
		if (e.n == GRANT_ENDS_MAX) {
			send_ends(g, sa, &e);
			begin_ends(g, &e);
		}
	}
	send_ends(g, sa, &e);
}

static int add_relay(struct group *g, struct ike_sa *sa)
{
	struct grants *s = g->k->grants;
	struct relay_sa *r;

	LIST_FOREACH(r, &s->relays, link)
		if (r->sa == sa && !strcmp(r->group, g->conf->name))
			return 0;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->sa = sa;
	memcpy(r->group, g->conf->name, strlen(g->conf->name));
	LIST_INSERT_HEAD(&s->relays, r, link);
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
		LIST_REMOVE(r, link);
		free(r);
	}
}

/* ---- requests ------------------------------------------------------------ */

static int sign_grant(const struct group *g, const struct gmember *m,
		      struct ike_sa *sa, struct wbuf *w)
{
	const struct ike_id *id = ike_sa_peer_id(sa);
	int64_t until = term_until(m);
	uint64_t ids = m->more->n_sids;
	struct grant grant = { 0 };
	int ret;

	/* The identity of an IKE SA has only the octets that it needs. */
	ret = id_set(&grant.member, id->type, id->data, id->len);
	if (ret)
		return ret;
	memcpy(grant.group, g->conf->name, strlen(g->conf->name));
	grant.issued = (uint64_t)group_wall(g);
	grant.expires = grant.issued + GRANT_LIFETIME_S;
	if (until && (uint64_t)until < grant.expires)
		grant.expires = (uint64_t)until;
	if (ids) {
		grant.n_ranges = 1;
		grant.range[0].first = (uint16_t)m->more->first_sid;
		grant.range[0].last = (uint16_t)(m->more->first_sid + ids - 1);
	}
	return grant_sign(&grant, g->k->deps.key, w);
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
	return quota_take(k->grants->signs, identity, strlen(identity),
			  group_now_ms(g))
		       ? GRANT_GIVEN
		       : GRANT_BUSY;
}

void grants_request(struct gcks *k, struct group *g, struct ike_sa *sa,
		    bool relay, struct wbuf *w, struct grant_answer *ans)
{
	char identity[GMC_ID_MAX];

	if (identity_of(ike_sa_peer_id(sa), identity, sizeof(identity))) {
		ans->verdict = GRANT_NO_MEMBER;
		return;
	}
	ans->verdict = judge_request(k, g, sa, identity, relay);
	if (ans->verdict != GRANT_GIVEN)
		return;
	if (sign_grant(g, gmc_find(g, identity), sa, w) ||
	    (relay && add_relay(g, sa))) {
		ans->verdict = GRANT_FAILED;
		return;
	}
	/* The next request comes before the grant is over. */
	ike_sa_keep(sa);
	sigpub_spki(k->grants->pub, &ans->key, &ans->key_len);
	ans->p = w->p;
	ans->len = w->len;
	if (relay)
		send_denied(g, sa);
}
