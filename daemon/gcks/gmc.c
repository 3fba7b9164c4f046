// SPDX-License-Identifier: Apache-2.0
#include "gcks/gmc.h"

#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crl.h"
#include "gcks/group_key.h"
#include "gcks/terms.h"
#include "gcks/policy.h"
#include "gcks/twins.h"
#include "ike/psk.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/util.h"

/*
 * Version 1 has no end of the membership and no address of the member; version 2 has
 * no references to certificates.
 */
#define RECORD_VERSION_OLD 1
#define RECORD_VERSION_UNCERTIFIED 2
#define RECORD_VERSION 3
#define RECORD_VERSION_FORMER 4 /* with former certificates ... */
#define RECORD_VERSION_RENEWED 5 /* ... and their first end */
#define RECORD_VERSION_MARKED 6 /* with a mark of the pre-shared key */
/*
 * The first end of former certificates from a record that does not have it. Any of
 * them may have ended, so the value is in the past.
 */
#define END_UNKNOWN 1
#define RECORD_MAX (136 + PSK_MARK_LEN + 2 * CERT_REFS_MAX * CERT_REF_LEN)

/* Identities are authenticated, so that nobody chooses collisions. */
static uint64_t hash_id(const char *identity)
{
	return fnv1a(FNV1A_BASIS, identity, strlen(identity));
}

unsigned int gmc_hash(const char *identity)
{
	return hash_id(identity) % GMC_HASH;
}

static struct gmember *member_of_node(const struct hnode *n)
{
	return (struct gmember *)((char *)n - offsetof(struct gmember, by_id));
}

static uint64_t hash_member(const struct hnode *n)
{
	return hash_id(member_of_node(n)->identity);
}

void gmc_init(struct group *g)
{
	TAILQ_INIT(&g->members);
	TAILQ_INIT(&g->denied);
	TAILQ_INIT(&g->senders);
	TAILQ_INIT(&g->leaving);
	TAILQ_INIT(&g->renewed);
	TAILQ_INIT(&g->path_renewing);
	TAILQ_INIT(&g->rechecks);
	TAILQ_INIT(&g->inbands);
	TAILQ_INIT(&g->inband_due);
	TAILQ_INIT(&g->unmarked);
	htab_init(&g->by_id, hash_member);
}

/* ---- denied identities --------------------------------------------------- */

/*
 * Each request of a member is compared with them, and they only become more, so
 * they are in a tree as well as in a list.
 */
static int compare_denied(const void *a, const void *b)
{
	return strcmp(((const struct deny_entry *)a)->identity,
		      ((const struct deny_entry *)b)->identity);
}

static struct deny_entry *find_denied(const struct group *g,
				      const char *identity)
{
	const struct deny_entry key = { .identity = (char *)identity };
	struct deny_entry **node;

	node = tfind(&key, &g->denied_by_id, compare_denied);
	return node ? *node : NULL;
}

static void free_denied(struct deny_entry *d)
{
	free(d->identity);
	free(d);
}

int gmc_note_denied(struct group *g, const char *identity, int64_t since)
{
	struct deny_entry *d;

	if (find_denied(g, identity))
		return 0;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->identity = strdup(identity);
	if (!d->identity || !tsearch(d, &g->denied_by_id, compare_denied)) {
		free_denied(d);
		return -ENOMEM;
	}
	d->since = since;
	TAILQ_INSERT_TAIL(&g->denied, d, all);
	g->n_denied++;
	return 0;
}

static void drop_denied(struct group *g, struct deny_entry *d)
{
	tdelete(d, &g->denied_by_id, compare_denied);
	TAILQ_REMOVE(&g->denied, d, all);
	g->n_denied--;
	free_denied(d);
}

void gmc_note_admitted(struct group *g, const char *identity)
{
	struct deny_entry *d = find_denied(g, identity);

	if (d)
		drop_denied(g, d);
}

void gmc_free(struct group *g)
{
	gmc_drop_all(g);
	gmc_load_end(g);
	terms_free(&g->terms);
	while (!TAILQ_EMPTY(&g->denied))
		drop_denied(g, TAILQ_FIRST(&g->denied));
}

/* ---- authorization ------------------------------------------------------ */

bool gmc_denied(const struct group *g, const char *identity)
{
	return find_denied(g, identity);
}

const char *gmc_refusal(const struct group *g, const char *identity, bool send)
{
	if (gmc_denied(g, identity))
		return "evicted, and not admitted again";
	return policy_refusal(g->conf, identity, send);
}

bool gmc_revoked(const struct group *g, const struct cert_refs *refs)
{
	const struct trust *trust = g->k->deps.trust;

	return trust && crls_revoke(trust_crls(trust), refs);
}

const char *gmc_exposed(const struct gmember *m)
{
	const struct trust *trust = m->g->k->deps.trust;

	if (!m->renewed)
		return NULL;
	if (m->former_ends && group_wall(m->g) > m->former_ends)
		return m->former_ends == END_UNKNOWN
			       ? "not known, and may have expired"
			       : "expired";
	if (!trust || !trust_crls(trust))
		return NULL;
	if (!m->former.n)
		return "not known, and may be revoked";
	return gmc_revoked(m->g, &m->former) ? "revoked" : NULL;
}

bool gmc_some_revoked(const struct group *g)
{
	const struct trust *trust = g->k->deps.trust;
	const struct gmember *m;

	/* The roster may be long. */
	if (!trust || !trust_crls(trust))
		return false;
	TAILQ_FOREACH(m, &g->members, all)
		if (gmc_revoked(g, &m->certs) || gmc_exposed(m))
			return true;
	return false;
}

const char *gmc_member_refusal(const struct gmember *m,
			       const struct conf_group *conf,
			       const struct psks *psks)
{
	if (gmc_revoked(m->g, &m->certs))
		return GMC_REVOKED;
	if (gmc_denied(m->g, m->identity))
		return "its identity is denied";
	if (policy_refusal(conf, m->identity, m->send))
		return "no longer in the lists of the group";
	if (m->must_go)
		return m->must_go;
	return psk_is_lost(m, psks) ? PSK_REMOVED : NULL;
}

bool gmc_some_refused(const struct group *g, const struct conf_group *conf)
{
	const struct gmember *m;

	TAILQ_FOREACH(m, &g->members, all)
		if (gmc_member_refusal(m, conf, g->k->deps.psks) ||
		    gmc_exposed(m))
			return true;
	return false;
}

void gmc_recheck_not_authorized(struct group *g, const struct conf_group *conf)
{
	struct gmember *m;

	TAILQ_FOREACH(m, &g->members, all) {
		if (!m->must_go)
			gmc_set_must_go(g, m,
					gmc_member_refusal(m, g->conf,
							   g->k->deps.psks));
		/* These settings may fail to come into force. */
		if (!m->recheck && gmc_member_refusal(m, conf, g->k->deps.psks))
			gmc_set_recheck(g, m, true);
	}
}

bool gmc_admitted_somewhere(const struct gcks *k, const char *identity)
{
	const struct group *g;

	TAILQ_FOREACH(g, &k->groups, all) {
		if (!gmc_refusal(g, identity, false) ||
		    !gmc_refusal(g, identity, true))
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
	m->at_terms = TERM_NONE;
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
	cert_refs_free(&m->certs);
	cert_refs_free(&m->former);
	free(m->twins);
	free(m->identity);
	free(m);
}

/* A member whose Data SA is not known has the SPI 0, as keys have before the first. */
bool gmc_confirmed(const struct group *g, const struct gmember *m)
{
	uint32_t spi = gkm_spi(&g->st);

	return m->send && m->sends_spi && m->sends_spi == spi &&
	       twins_use(m, spi);
}

/* Return true if GSA_REKEYs to @m must not be fragments. */
static bool takes_whole(const struct gmember *m)
{
	return !m->fragments && !m->inband;
}

/* Enter or leave the list of members that are rekeyed inband. */
static void list_inband(struct group *g, struct gmember *m, bool enter)
{
	if (enter) {
		TAILQ_INSERT_TAIL(&g->inbands, m, by_inband);
		g->n_inband++;
		return;
	}
	TAILQ_REMOVE(&g->inbands, m, by_inband);
	g->n_inband--;
	if (m->inband_due)
		TAILQ_REMOVE(&g->inband_due, m, by_due);
	m->inband_due = false;
	m->inband_open = false;
	m->sa = NULL;
}

/* Members with path_renewed come first, see term_renew_paths(). */
static void list_renewed(struct group *g, struct gmember *m)
{
	if (m->path_renewed)
		TAILQ_INSERT_HEAD(&g->renewed, m, by_renewed);
	else
		TAILQ_INSERT_TAIL(&g->renewed, m, by_renewed);
}

void gmc_enter(struct group *g, struct gmember *m)
{
	m->g = g;
	m->confirmed_at = g->rekeys;
	if (m->inband)
		list_inband(g, m, true);
	TAILQ_INSERT_TAIL(&g->members, m, all);
	htab_add(&g->by_id, &m->by_id);
	if (m->send)
		TAILQ_INSERT_TAIL(&g->senders, m, by_send);
	if (m->renewed)
		list_renewed(g, m);
	g->n_members++;
	g->n_senders += m->send;
	g->n_confirmed += gmc_confirmed(g, m);
	g->n_whole += takes_whole(m);
	g->n_renewed += m->renewed;
}

void gmc_drop(struct group *g, struct gmember *m)
{
	terms_drop(&g->terms, m);
	if (m->inband)
		list_inband(g, m, false);
	if (m->send)
		TAILQ_REMOVE(&g->senders, m, by_send);
	gmc_set_leaving(g, m, false);
	gmc_set_recheck(g, m, false);
	gmc_set_renewed(g, m, false);
	gmc_set_mark(g, m, &m->mark, true);
	TAILQ_REMOVE(&g->members, m, all);
	htab_del(&g->by_id, &m->by_id);
	g->n_members--;
	g->n_senders -= m->send;
	g->n_confirmed -= gmc_confirmed(g, m);
	g->n_whole -= takes_whole(m);
	gmc_member_free(m);
}

void gmc_drop_all(struct group *g)
{
	struct gmember *m;

	while ((m = TAILQ_FIRST(&g->members)))
		gmc_drop(g, m);
	htab_free(&g->by_id);
}

void gmc_set_send(struct group *g, struct gmember *m, bool send)
{
	if (send && !m->send)
		TAILQ_INSERT_TAIL(&g->senders, m, by_send);
	if (!send && m->send)
		TAILQ_REMOVE(&g->senders, m, by_send);
	g->n_senders += send;
	g->n_senders -= m->send;
	g->n_confirmed -= gmc_confirmed(g, m);
	m->send = send;
	g->n_confirmed += gmc_confirmed(g, m);
}

void gmc_set_data_spi(struct group *g, struct gmember *m, uint32_t spi)
{
	g->n_confirmed -= gmc_confirmed(g, m);
	m->sends_spi = spi;
	if (gmc_confirmed(g, m))
		m->confirmed_at = g->rekeys;
	g->n_confirmed += gmc_confirmed(g, m);
}

/* Return the milliseconds since the change that @later others followed, or the start. */
static uint64_t ms_since_change(const struct group *g, uint64_t later)
{
	return group_now_ms(g) -
	       g->change_times[(g->rekeys - later) % GKM_CHANGES];
}

uint64_t gmc_waited_ms(const struct group *g)
{
	return ms_since_change(g, 0);
}

uint64_t gmc_late_ms(const struct group *g, const struct gmember *m)
{
	uint64_t later = 0;

	if (!m->send || gmc_confirmed(g, m))
		return 0;
	if (g->rekeys > m->confirmed_at)
		later = g->rekeys - m->confirmed_at - 1;
	/* The oldest change that is known counts for those before it. */
	if (later >= GKM_CHANGES)
		later = GKM_CHANGES - 1;
	return ms_since_change(g, later);
}

void gmc_set_fragments(struct group *g, struct gmember *m, bool fragments)
{
	g->n_whole -= takes_whole(m);
	m->fragments = fragments;
	g->n_whole += takes_whole(m);
}

void gmc_set_inband(struct group *g, struct gmember *m, bool inband)
{
	g->n_whole -= takes_whole(m);
	if (inband != m->inband)
		list_inband(g, m, inband);
	m->inband = inband;
	g->n_whole += takes_whole(m);
}

void gmc_set_leaving(struct group *g, struct gmember *m, bool leaving)
{
	if (leaving == m->leaving)
		return;
	if (leaving)
		TAILQ_INSERT_TAIL(&g->leaving, m, by_leave);
	else
		TAILQ_REMOVE(&g->leaving, m, by_leave);
	g->n_leaving += leaving ? 1 : -1;
	m->leaving = leaving;
	m->lapsed = false;
}

void gmc_set_recheck(struct group *g, struct gmember *m, bool recheck)
{
	if (recheck == m->recheck)
		return;
	if (recheck)
		TAILQ_INSERT_TAIL(&g->rechecks, m, by_recheck);
	else
		TAILQ_REMOVE(&g->rechecks, m, by_recheck);
	m->recheck = recheck;
}

void gmc_set_must_go(struct group *g, struct gmember *m, const char *why)
{
	if (!why)
		return;
	m->must_go = why;
	gmc_set_recheck(g, m, true);
}

void gmc_set_mark(struct group *g, struct gmember *m,
		  const struct psk_mark *mark, bool stored)
{
	if (m->unmarked)
		TAILQ_REMOVE(&g->unmarked, m, by_mark);
	m->mark = *mark;
	m->marking = false;
	m->unmarked = !stored;
	if (m->unmarked)
		TAILQ_INSERT_TAIL(&g->unmarked, m, by_mark);
}

void gmc_set_renewed(struct group *g, struct gmember *m, bool renewed)
{
	if (m->renewed) {
		TAILQ_REMOVE(m->path_renewing ? &g->path_renewing : &g->renewed,
			     m, by_renewed);
		g->n_renewed--;
	}
	m->path_renewing = false;
	m->renewed = renewed;
	if (!renewed)
		return;
	g->n_renewed++;
	list_renewed(g, m);
}

void gmc_set_path_renewing(struct group *g, struct gmember *m)
{
	TAILQ_REMOVE(&g->renewed, m, by_renewed);
	TAILQ_INSERT_TAIL(&g->path_renewing, m, by_renewed);
	m->path_renewing = true;
}

struct gmember *gmc_find(const struct group *g, const char *identity)
{
	const struct hnode *n;

	for (n = htab_first(&g->by_id, hash_id(identity)); n; n = n->next)
		if (!strcmp(member_of_node(n)->identity, identity))
			return member_of_node(n);
	return NULL;
}

/* ---- members by number, while the store is read -------------------------- */

/* Return the slot of @number, or the free one where it belongs. */
static struct gmember **slot_of_number(const struct group *g, uint64_t number)
{
	uint32_t i = number * 0x9e3779b97f4a7c15ull >> 32;

	for (;; i++) {
		struct gmember **at = &g->numbers[i & (g->n_numbers - 1)];

		if (!*at || (*at)->number == number)
			return at;
	}
}

/* Returns 0, -ENOMEM, or -EBADMSG if two members have one number. */
static int index_numbers(struct group *g)
{
	struct gmember *m, **at;

	gmc_load_end(g);
	for (g->n_numbers = 1; g->n_numbers < 2 * g->n_members;)
		g->n_numbers *= 2;
	g->numbers = calloc(g->n_numbers, sizeof(*g->numbers));
	if (!g->numbers)
		return -ENOMEM;
	TAILQ_FOREACH(m, &g->members, all) {
		at = slot_of_number(g, m->number);
		if (*at)
			return -EBADMSG;
		*at = m;
	}
	return 0;
}

struct gmember *gmc_find_number(const struct group *g, uint64_t number)
{
	return g->n_members ? *slot_of_number(g, number) : NULL;
}

void gmc_load_end(struct group *g)
{
	free(g->numbers);
	g->numbers = NULL;
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

static void put_refs(struct wbuf *w, const struct cert_refs *certs)
{
	wbuf_u8(w, certs->n);
	wbuf_put(w, cert_refs_v(certs), (size_t)certs->n * CERT_REF_LEN);
}

int gmc_put_member(struct group *g, const struct gmember *m)
{
	char key[STORE_KEY_MAX];
	struct wbuf w;
	bool receive;
	int ret;

	ret = member_key(g, m->identity, key);
	if (ret)
		return ret;
	wbuf_init(&w, RECORD_MAX);
	wbuf_u8(&w, m->mark.known ? RECORD_VERSION_MARKED
		    : m->renewed  ? RECORD_VERSION_RENEWED
				  : RECORD_VERSION);
	wbuf_u64(&w, m->number);
	/*
	 * Bit 1 was the right to receive. The lists alone tell it; an earlier
	 * release still reads the bit.
	 */
	receive = !policy_refusal(g->conf, m->identity, false);
	wbuf_u8(&w, m->send | receive << 1 | m->fragments << 2 |
			    m->renewed << 3 | m->inband << 4 |
			    m->path_renewed << 5);
	wbuf_u64(&w, m->joined);
	wbuf_u64(&w, m->registered);
	wbuf_u32(&w, m->first_sid);
	wbuf_u32(&w, m->n_sids);
	wbuf_u64(&w, m->cert_ends);
	wbuf_u64(&w, m->term_ms);
	group_put_addr(&w, &m->at);
	put_refs(&w, &m->certs);
	if (m->renewed) {
		put_refs(&w, &m->former);
		wbuf_u64(&w, m->former_ends);
	}
	if (m->mark.known)
		psk_mark_put(&w, &m->mark);
	ret = w.err;
	if (!ret)
		ret = store_put(group_store(g), key, w.p, w.len);
	wbuf_free(&w);
	return ret;
}

int gmc_del_member(struct group *g, const struct gmember *m)
{
	char key[STORE_KEY_MAX];
	int ret = member_key(g, m->identity, key);

	return ret ? ret : store_del(group_store(g), key);
}

int gmc_del_members(struct group *g)
{
	char key[STORE_KEY_MAX];
	int ret = store_key(key, "g", g->conf->name, "m", NULL);

	return ret ? ret : store_del_prefix(group_store(g), key);
}

int gmc_put_denied(struct group *g, const char *identity, int64_t since)
{
	char key[STORE_KEY_MAX];
	int ret = denied_key(g, identity, key);

	return ret ? ret : store_put_u64(group_store(g), key, since);
}

int gmc_del_denied(struct group *g, const char *identity)
{
	char key[STORE_KEY_MAX];
	int ret = denied_key(g, identity, key);

	return ret ? ret : store_del(group_store(g), key);
}

static void get_certs(struct rbuf *r, struct cert_refs *certs)
{
	uint8_t n = rbuf_u8(r);
	const uint8_t *ref;
	int ret;

	for (; n && !r->err; n--) {
		ref = rbuf_bytes(r, CERT_REF_LEN);
		ret = r->err ? 0 : cert_refs_add(certs, ref);
		if (ret)
			r->err = ret == -ENOMEM ? ret : -EBADMSG;
	}
}

static bool has_former(uint8_t version, bool renewed)
{
	return version == RECORD_VERSION_MARKED
		       ? renewed
		       : version >= RECORD_VERSION_FORMER;
}

static int load_member(void *arg, const char *key, const uint8_t *val,
		       size_t len)
{
	char identity[GMC_ID_MAX];
	struct group *g = arg;
	struct gmember *m;
	uint8_t flags, version;
	struct rbuf r;

	m = gmc_member_new(store_key_last(key, identity, sizeof(identity)));
	if (!m)
		return -ENOMEM;
	rbuf_init(&r, val, len);
	version = rbuf_u8(&r);
	if (!version || version > RECORD_VERSION_MARKED)
		r.err = -EBADMSG;
	m->number = rbuf_u64(&r);
	flags = rbuf_u8(&r);
	m->renewed = flags & 8;
	m->joined = rbuf_u64(&r);
	m->registered = rbuf_u64(&r);
	m->stored = m->registered;
	m->first_sid = rbuf_u32(&r);
	m->n_sids = rbuf_u32(&r);
	if (version != RECORD_VERSION_OLD) {
		m->cert_ends = rbuf_u64(&r);
		m->term_ms = rbuf_u64(&r);
		group_get_addr(&r, &m->at);
		m->by_psk = !m->cert_ends;
	}
	if (version > RECORD_VERSION_UNCERTIFIED)
		get_certs(&r, &m->certs);
	if (has_former(version, m->renewed))
		get_certs(&r, &m->former);
	if (has_former(version, m->renewed) && version > RECORD_VERSION_FORMER)
		m->former_ends = rbuf_u64(&r);
	if (version == RECORD_VERSION_MARKED)
		psk_mark_get(&r, &m->mark);
	m->send = flags & 1;
	m->fragments = flags & 4;
	m->inband = flags & 16;
	m->path_renewed = flags & 32;
	if (m->renewed && version < RECORD_VERSION_RENEWED)
		m->former_ends = END_UNKNOWN;
	if (r.err || rbuf_left(&r) || !m->number) {
		gmc_member_free(m);
		return -EBADMSG;
	}
	gmc_enter(g, m);
	if (progress_step(&g->progress))
		group_info(g, "store being read: %u members so far",
			   g->progress.n);
	return 0;
}

static int load_denied(void *arg, const char *key, const uint8_t *val,
		       size_t len)
{
	char identity[GMC_ID_MAX];
	int64_t since;
	int ret = group_get_denied(key, val, len, identity, &since);

	return ret ? ret : gmc_note_denied(arg, identity, since);
}

int gmc_load(struct group *g, struct err *err)
{
	char key[STORE_KEY_MAX];
	int ret;

	progress_begin(&g->progress, g->k->deps.clock);
	ret = store_key(key, "g", g->conf->name, "m", NULL);
	if (!ret)
		ret = store_each(group_store(g), key, load_member, g);
	if (!ret)
		ret = index_numbers(g);
	if (!ret)
		ret = store_key(key, "g", g->conf->name, "d", NULL);
	if (!ret)
		ret = store_each(group_store(g), key, load_denied, g);
	if (ret)
		err_set(err, ret, "group %s: roster in the store: %s",
			g->conf->name, store_reason(group_store(g), ret));
	return ret;
}
