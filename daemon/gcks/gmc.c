// SPDX-License-Identifier: Apache-2.0
#include "gcks/gmc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

#define RECORD_VERSION 1
/* Between two grants of Sender-IDs to one sender */
#define PACE_MIN_MS 1000
#define PACE_MAX_MS 60000
#define PACE_REST_MS 120000
/*
 * One join is free, then a leave waits for 4, 8, 16 s and so on; a minute
 * forgives one join.
 */
#define CHURN_FREE 1
#define CHURN_MIN_MS 4000u
#define CHURN_MAX_MS 60000u
#define CHURN_MAX 8
#define CHURN_REST_MS 60000

static uint64_t hash_str(uint64_t h, const char *s)
{
	/* FNV-1a; identities are authenticated, so nobody picks collisions */
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 1099511628211ull;
	return h;
}

static uint64_t hash_id(const char *identity)
{
	return hash_str(14695981039346656037ull, identity);
}

void gmc_init(struct group *g)
{
	unsigned int i;

	TAILQ_INIT(&g->members);
	TAILQ_INIT(&g->denied);
	for (i = 0; i < GMC_HASH; i++) {
		LIST_INIT(&g->by_id[i]);
		LIST_INIT(&g->by_number[i]);
	}
}

void gmc_free(struct group *g)
{
	struct gdenied *d;

	gmc_drop_all(g);
	while ((d = TAILQ_FIRST(&g->denied))) {
		TAILQ_REMOVE(&g->denied, d, all);
		free(d->identity);
		free(d);
	}
}

/* ---- authorisation ------------------------------------------------------ */

bool gmc_may_send(const struct group *g, const char *identity)
{
	return conf_names_match(&g->conf->senders, identity);
}

bool gmc_may_receive(const struct group *g, const char *identity)
{
	return conf_names_match(&g->conf->receivers, identity);
}

const struct gdenied *gmc_denied(const struct group *g, const char *identity)
{
	const struct gdenied *d;

	TAILQ_FOREACH(d, &g->denied, all)
		if (!strcmp(d->identity, identity))
			return d;
	return NULL;
}

const char *gmc_may(const struct group *g, const char *identity, bool send,
		    bool receive)
{
	if (gmc_denied(g, identity))
		return "evicted, and not admitted again";
	if (send && !gmc_may_send(g, identity))
		return gmc_may_receive(g, identity) ?
			"may receive only, but asked to send" :
			"may not send";
	if (receive && !gmc_may_receive(g, identity))
		return gmc_may_send(g, identity) ?
			"may send only, but did not ask to send" :
			"not in the lists of the group";
	return NULL;
}

bool gmc_welcome(const struct gcks *k, const char *identity)
{
	size_t i;

	for (i = 0; i < k->conf->n_groups; i++) {
		const struct group *g = &k->groups[i];

		if (!gmc_denied(g, identity) &&
		    (gmc_may_receive(g, identity) || gmc_may_send(g, identity)))
			return true;
	}
	return false;
}

/* ---- roster ------------------------------------------------------------- */

struct gmember *gmc_member_new(const char *identity)
{
	struct gmember *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->leaf = LKH_NONE;
	m->identity = strdup(identity);
	if (!m->identity) {
		free(m);
		return NULL;
	}
	return m;
}

void gmc_member_free(struct gmember *m)
{
	if (!m)
		return;
	free(m->identity);
	free(m);
}

void gmc_enter(struct group *g, struct gmember *m)
{
	TAILQ_INSERT_TAIL(&g->members, m, all);
	LIST_INSERT_HEAD(&g->by_id[hash_id(m->identity) % GMC_HASH], m, by_id);
	LIST_INSERT_HEAD(&g->by_number[m->number % GMC_HASH], m, by_number);
	g->n_members++;
	g->n_senders += m->send;
	g->n_whole += !m->fragments;
}

void gmc_drop(struct group *g, struct gmember *m)
{
	TAILQ_REMOVE(&g->members, m, all);
	LIST_REMOVE(m, by_id);
	LIST_REMOVE(m, by_number);
	g->n_members--;
	g->n_senders -= m->send;
	g->n_whole -= !m->fragments;
	g->n_leaving -= m->leaving;
	gmc_member_free(m);
}

void gmc_drop_all(struct group *g)
{
	struct gmember *m;

	while ((m = TAILQ_FIRST(&g->members)))
		gmc_drop(g, m);
}

void gmc_set_send(struct group *g, struct gmember *m, bool send)
{
	g->n_senders += send;
	g->n_senders -= m->send;
	m->send = send;
}

void gmc_set_fragments(struct group *g, struct gmember *m, bool fragments)
{
	g->n_whole += m->fragments;
	g->n_whole -= fragments;
	m->fragments = fragments;
}

struct gmember *gmc_find(const struct group *g, const char *identity)
{
	struct gmember *m;

	LIST_FOREACH(m, &g->by_id[hash_id(identity) % GMC_HASH], by_id)
		if (!strcmp(m->identity, identity))
			return m;
	return NULL;
}

struct gmember *gmc_find_number(const struct group *g, uint64_t number)
{
	struct gmember *m;

	LIST_FOREACH(m, &g->by_number[number % GMC_HASH], by_number)
		if (m->number == number)
			return m;
	return NULL;
}

/* ---- the store ---------------------------------------------------------- */

static int member_key(const struct group *g, const char *identity, char *key)
{
	return store_key(key, "g", g->conf->name, "m", identity, NULL);
}

static int denied_key(const struct group *g, const char *identity, char *key)
{
	return store_key(key, "g", g->conf->name, "d", identity, NULL);
}

int gmc_put_member(struct group *g, const struct gmember *m)
{
	char key[STORE_KEY_MAX];
	struct wbuf w;
	int rc;

	rc = member_key(g, m->identity, key);
	if (rc)
		return rc;
	wbuf_init(&w, 64);
	wbuf_u8(&w, RECORD_VERSION);
	wbuf_u64(&w, m->number);
	wbuf_u8(&w, m->send | m->receive << 1 | m->fragments << 2);
	wbuf_u64(&w, m->joined);
	wbuf_u64(&w, m->registered);
	wbuf_u32(&w, m->first_sid);
	wbuf_u32(&w, m->n_sids);
	rc = w.err;
	if (!rc)
		rc = store_put(group_store(g), key, w.p, w.len);
	wbuf_free(&w);
	return rc;
}

int gmc_del_member(struct group *g, const struct gmember *m)
{
	char key[STORE_KEY_MAX];
	int rc = member_key(g, m->identity, key);

	return rc ? rc : store_del(group_store(g), key);
}

int gmc_del_members(struct group *g)
{
	char key[STORE_KEY_MAX];
	int rc = store_key(key, "g", g->conf->name, "m", NULL);

	return rc ? rc : store_del_below(group_store(g), key);
}

int gmc_put_denied(struct group *g, const char *identity, int64_t since)
{
	char key[STORE_KEY_MAX];
	int rc = denied_key(g, identity, key);

	return rc ? rc : store_put_u64(group_store(g), key, since);
}

int gmc_del_denied(struct group *g, const char *identity)
{
	char key[STORE_KEY_MAX];
	int rc = denied_key(g, identity, key);

	return rc ? rc : store_del(group_store(g), key);
}

int gmc_note_denied(struct group *g, const char *identity, int64_t since)
{
	struct gdenied *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->identity = strdup(identity);
	if (!d->identity) {
		free(d);
		return -ENOMEM;
	}
	d->since = since;
	TAILQ_INSERT_TAIL(&g->denied, d, all);
	g->n_denied++;
	return 0;
}

void gmc_note_admitted(struct group *g, const char *identity)
{
	struct gdenied *d;

	TAILQ_FOREACH(d, &g->denied, all)
		if (!strcmp(d->identity, identity))
			break;
	if (!d)
		return;
	TAILQ_REMOVE(&g->denied, d, all);
	g->n_denied--;
	free(d->identity);
	free(d);
}

static int load_member(void *arg, const char *key, const uint8_t *val,
		       size_t len)
{
	char identity[GMC_ID_MAX];
	struct group *g = arg;
	struct gmember *m;
	struct rbuf r;
	uint8_t flags;

	m = gmc_member_new(store_key_last(key, identity, sizeof(identity)));
	if (!m)
		return -ENOMEM;
	rbuf_init(&r, val, len);
	if (rbuf_u8(&r) != RECORD_VERSION)
		r.err = -EBADMSG;
	m->number = rbuf_u64(&r);
	flags = rbuf_u8(&r);
	m->joined = rbuf_u64(&r);
	m->registered = rbuf_u64(&r);
	m->first_sid = rbuf_u32(&r);
	m->n_sids = rbuf_u32(&r);
	m->send = flags & 1;
	m->receive = flags & 2;
	m->fragments = flags & 4;
	if (r.err || rbuf_left(&r) || !m->number ||
	    gmc_find_number(g, m->number)) {
		gmc_member_free(m);
		return -EBADMSG;
	}
	gmc_enter(g, m);
	return 0;
}

static int load_denied(void *arg, const char *key, const uint8_t *val,
		       size_t len)
{
	char identity[GMC_ID_MAX];
	struct rbuf r;
	int64_t since;

	rbuf_init(&r, val, len);
	since = rbuf_u64(&r);
	if (r.err || rbuf_left(&r))
		return -EBADMSG;
	store_key_last(key, identity, sizeof(identity));
	return gmc_note_denied(arg, identity, since);
}

int gmc_load(struct group *g, char *err, size_t errlen)
{
	char key[STORE_KEY_MAX];
	int rc;

	rc = store_key(key, "g", g->conf->name, "m", NULL);
	if (!rc)
		rc = store_each(group_store(g), key, load_member, g);
	if (!rc)
		rc = store_key(key, "g", g->conf->name, "d", NULL);
	if (!rc)
		rc = store_each(group_store(g), key, load_denied, g);
	if (rc)
		snprintf(err, errlen, "group %s: roster in the store: %s",
			 g->conf->name, rc == -EBADMSG ? "damaged" :
			 store_error(group_store(g)));
	return rc;
}

/* ---- audit -------------------------------------------------------------- */

int gmc_audit(struct gcks *k, const char *group, const char *identity,
	      const char *event, const char *detail)
{
	struct store_audit a = {
		.time = clock_wall(k->deps.clock),
		.group = group,
		.identity = identity,
		.event = event,
		.detail = detail,
	};

	return store_audit(k->deps.store, &a);
}

/* ---- Sender-IDs --------------------------------------------------------- */

bool gmc_pace(struct group *g, const char *identity)
{
	uint64_t hash = hash_str(hash_id(identity), g->conf->name);
	struct gpace *p = &g->k->pace[hash % GCKS_PACE];
	uint64_t now = group_now_ms(g);
	uint64_t rest = now - p->at_ms;

	if (p->hash != hash)
		memset(p, 0, sizeof(*p));
	else if (rest < p->wait_ms)
		return false;
	for (; p->wait_ms && rest >= PACE_REST_MS; rest -= PACE_REST_MS)
		p->wait_ms /= 2;
	p->hash = hash;
	p->at_ms = now;
	p->wait_ms *= 2;
	if (p->wait_ms < PACE_MIN_MS)
		p->wait_ms = PACE_MIN_MS;
	if (p->wait_ms > PACE_MAX_MS)
		p->wait_ms = PACE_MAX_MS;
	return true;
}

/* ---- coming and going --------------------------------------------------- */

static struct gchurn *churn_of(struct group *g, const char *identity)
{
	uint64_t hash = hash_str(hash_id(identity), g->conf->name);
	struct gchurn *c = &g->k->churn[hash % GCKS_PACE];
	uint64_t now = group_now_ms(g);

	if (c->hash != hash) {
		memset(c, 0, sizeof(*c));
		c->hash = hash;
		c->at_ms = now;
	}
	for (; c->joins && now - c->at_ms >= CHURN_REST_MS; c->joins--)
		c->at_ms += CHURN_REST_MS;
	if (!c->joins)
		c->at_ms = now;
	return c;
}

void gmc_came(struct group *g, const char *identity)
{
	struct gchurn *c = churn_of(g, identity);

	if (c->joins < CHURN_MAX)
		c->joins++;
}

uint32_t gmc_leave_wait_ms(struct group *g, const char *identity)
{
	unsigned int joins = churn_of(g, identity)->joins;
	uint32_t ms;

	if (joins <= CHURN_FREE)
		return 0;
	ms = CHURN_MIN_MS << (joins - CHURN_FREE - 1);
	return ms < CHURN_MAX_MS ? ms : CHURN_MAX_MS;
}
