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
	return hash_id(identity) % REQUEST_BUCKETS;
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
	TAILQ_INIT(&g->denied);
	TAILQ_INIT(&g->senders);
	TAILQ_INIT(&g->leaving);
	TAILQ_INIT(&g->renewed);
	TAILQ_INIT(&g->path_renewing);
	TAILQ_INIT(&g->inbands);
	TAILQ_INIT(&g->inband_due);
	TAILQ_INIT(&g->unmarked);
	htab_init(&g->by_id, hash_member);
	g->quiet.g = g;
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
	const struct gmember_more *x = m->more;
	const struct trust *trust = x->g->k->deps.trust;

	if (!m->renewed)
		return NULL;
	if (x->former_ends && group_wall(x->g) > x->former_ends)
		return x->former_ends == END_UNKNOWN
			       ? "not known, and may have expired"
			       : "expired";
	if (!trust || !trust_crls(trust))
		return NULL;
	if (!x->former.n)
		return "not known, and may be revoked";
	return gmc_revoked(x->g, &x->former) ? "revoked" : NULL;
}

bool gmc_some_revoked(const struct group *g)
{
	const struct trust *trust = g->k->deps.trust;
	struct htab_walk w = { 0 };
	const struct gmember *m;

	/* The roster may be long. */
	if (!trust || !trust_crls(trust))
		return false;
	while ((m = gmc_each(g, &w)))
		if (gmc_revoked(g, &m->certs) || gmc_exposed(m))
			return true;
	return false;
}

const char *gmc_member_refusal(const struct gmember *m,
			       const struct conf_group *conf,
			       const struct psks *psks)
{
	const struct group *g = m->more->g;

	if (gmc_revoked(g, &m->certs))
		return GMC_REVOKED;
	if (gmc_denied(g, m->identity))
		return "its identity is denied";
	if (policy_refusal(conf, m->identity, m->send))
		return "no longer in the lists of the group";
	if (gmember_must_go(m))
		return gmember_must_go(m);
	return psk_is_lost(m, psks) ? PSK_REMOVED : NULL;
}

bool gmc_some_refused(const struct group *g, const struct conf_group *conf)
{
	struct htab_walk w = { 0 };
	const struct gmember *m;

	while ((m = gmc_each(g, &w)))
		if (gmc_member_refusal(m, conf, g->k->deps.psks) ||
		    gmc_exposed(m))
			return true;
	return false;
}

uint32_t gmc_count_refused(const struct group *g)
{
	struct htab_walk w = { 0 };
	const struct gmember *m;
	uint32_t n = 0;

	while ((m = gmc_each(g, &w)))
		n += !!gmc_member_refusal(m, g->conf, g->k->deps.psks);
	return n;
}

void gmc_recheck_not_authorized(struct group *g, const struct conf_group *conf)
{
	struct htab_walk w = { 0 };
	struct gmember *m;

	while ((m = gmc_each(g, &w))) {
		if (!gmember_must_go(m))
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

struct gmember *gmc_each(const struct group *g, struct htab_walk *w)
{
	struct hnode *n = htab_each(&g->by_id, w);

	return n ? member_of_node(n) : NULL;
}

/* A member whose Data SA is not known has the SPI 0, as keys have before the first. */
bool gmc_confirmed(const struct group *g, const struct gmember *m)
{
	uint32_t spi = gkm_spi(&g->st);

	return m->send && m->more->sends_spi && m->more->sends_spi == spi &&
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
	struct gmember_more *x = gmember_more(m);

	if (enter) {
		TAILQ_INSERT_TAIL(&g->inbands, x, by_inband);
		g->n_inband++;
		return;
	}
	TAILQ_REMOVE(&g->inbands, x, by_inband);
	g->n_inband--;
	if (x->inband_due)
		TAILQ_REMOVE(&g->inband_due, x, by_due);
	x->inband_due = false;
	x->inband_open = false;
	x->sa = NULL;
}

/* Members with path_renewed come first, see term_renew_paths(). */
static void list_renewed(struct group *g, struct gmember *m)
{
	struct gmember_more *x = gmember_more(m);

	if (m->path_renewed)
		TAILQ_INSERT_HEAD(&g->renewed, x, by_renewed);
	else
		TAILQ_INSERT_TAIL(&g->renewed, x, by_renewed);
}

/* Enter the list of senders. A new one cannot have missed an earlier change. */
static void list_sender(struct group *g, struct gmember *m)
{
	struct gmember_more *x = gmember_more(m);

	TAILQ_INSERT_TAIL(&g->senders, x, by_send);
	if (!x->sender)
		x->confirmed_at = g->rekeys;
	x->sender = true;
}

void gmc_enter(struct group *g, struct gmember *m)
{
	if (m->more->m)
		gmember_more(m)->g = g;
	else
		m->more = &g->quiet;
	if (m->inband)
		list_inband(g, m, true);
	htab_add(&g->by_id, &m->by_id);
	if (m->send)
		list_sender(g, m);
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
	m->reserved = true;
	if (m->inband)
		list_inband(g, m, false);
	if (m->send)
		TAILQ_REMOVE(&g->senders, gmember_more(m), by_send);
	gmc_set_leaving(g, m, false);
	gmc_set_recheck(g, m, false);
	gmc_set_renewed(g, m, false);
	gmc_set_mark(g, m, &m->more->mark, true);
	htab_del(&g->by_id, &m->by_id);
	g->n_members--;
	g->n_senders -= m->send;
	g->n_confirmed -= gmc_confirmed(g, m);
	g->n_whole -= takes_whole(m);
	gmember_free(m);
}

void gmc_drop_all(struct group *g)
{
	struct htab_walk w = { 0 };
	struct gmember *m;

	while ((m = gmc_each(g, &w)))
		gmc_drop(g, m);
	htab_free(&g->by_id);
}

void gmc_set_send(struct group *g, struct gmember *m, bool send)
{
	if (send && !m->send) {
		list_sender(g, m);
		/*
		 * The key server does not know what the host sends by, and no Data SA
		 * has this SPI. With 0 another host of the identity would be taken for
		 * this one.
		 */
		if (!m->more->sends_spi)
			gmember_more(m)->sends_spi = GMEMBER_SENDS_NONE;
	}
	if (!send && m->send)
		TAILQ_REMOVE(&g->senders, gmember_more(m), by_send);
	g->n_senders += send;
	g->n_senders -= m->send;
	g->n_confirmed -= gmc_confirmed(g, m);
	m->send = send;
	g->n_confirmed += gmc_confirmed(g, m);
}

void gmc_set_data_spi(struct group *g, struct gmember *m, uint32_t spi)
{
	struct gmember_more *x;

	if (!m->more->sender)
		return;
	x = gmember_more(m);
	g->n_confirmed -= gmc_confirmed(g, m);
	x->sends_spi = spi;
	if (gmc_confirmed(g, m))
		x->confirmed_at = g->rekeys;
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
	if (g->rekeys > m->more->confirmed_at)
		later = g->rekeys - m->more->confirmed_at - 1;
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

int gmc_set_leaving(struct group *g, struct gmember *m, bool leaving)
{
	struct gmember_more *x;

	if (leaving == m->more->leaving)
		return 0;
	x = gmember_more(m);
	if (!x)
		return -ENOMEM;
	if (leaving)
		TAILQ_INSERT_TAIL(&g->leaving, x, by_leave);
	else
		TAILQ_REMOVE(&g->leaving, x, by_leave);
	g->n_leaving += leaving ? 1 : -1;
	x->leaving = leaving;
	x->lapsed = false;
	gmember_settle(m);
	return 0;
}

void gmc_set_recheck(struct group *g, struct gmember *m, bool recheck)
{
	g->n_rechecks += recheck;
	g->n_rechecks -= m->recheck;
	m->recheck = recheck;
}

void gmc_set_must_go(struct group *g, struct gmember *m, const char *why)
{
	if (!why)
		return;
	gmember_set_must_go(m, why);
	gmc_set_recheck(g, m, true);
}

void gmc_set_mark(struct group *g, struct gmember *m,
		  const struct psk_mark *mark, bool stored)
{
	struct gmember_more *x;

	if (!m->more->m)
		return;
	x = gmember_more(m);
	if (x->unmarked)
		TAILQ_REMOVE(&g->unmarked, x, by_mark);
	x->mark = *mark;
	x->marking = false;
	x->unmarked = !stored;
	if (x->unmarked)
		TAILQ_INSERT_TAIL(&g->unmarked, x, by_mark);
}

void gmc_set_renewed(struct group *g, struct gmember *m, bool renewed)
{
	if (m->renewed) {
		TAILQ_REMOVE(m->path_renewing ? &g->path_renewing : &g->renewed,
			     gmember_more(m), by_renewed);
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
	struct gmember_more *x = gmember_more(m);

	TAILQ_REMOVE(&g->renewed, x, by_renewed);
	TAILQ_INSERT_TAIL(&g->path_renewing, x, by_renewed);
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
	struct htab_walk w = { 0 };
	struct gmember *m, **at;

	gmc_load_end(g);
	for (g->n_numbers = 1; g->n_numbers < 2 * g->n_members;)
		g->n_numbers *= 2;
	g->numbers = calloc(g->n_numbers, sizeof(*g->numbers));
	if (!g->numbers)
		return -ENOMEM;
	while ((m = gmc_each(g, &w))) {
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
	return gmc_put_member_as(g, m->identity, m);
}

int gmc_put_member_as(struct group *g, const char *identity,
		      const struct gmember *m)
{
	const struct gmember_more *x = m->more;
	char key[STORE_KEY_MAX];
	struct wbuf w;
	bool receive;
	int ret;

	ret = member_key(g, identity, key);
	if (ret)
		return ret;
	wbuf_init(&w, RECORD_MAX);
	wbuf_u8(&w, x->mark.known ? RECORD_VERSION_MARKED
		    : m->renewed  ? RECORD_VERSION_RENEWED
				  : RECORD_VERSION);
	wbuf_u64(&w, m->number);
	/*
	 * Bit 1 was the right to receive. The lists alone tell it; an earlier
	 * release still reads the bit.
	 */
	receive = !policy_refusal(g->conf, identity, false);
	wbuf_u8(&w, m->send | receive << 1 | m->fragments << 2 |
			    m->renewed << 3 | m->inband << 4 |
			    m->path_renewed << 5);
	wbuf_u64(&w, m->joined);
	wbuf_u64(&w, m->registered);
	wbuf_u32(&w, x->first_sid);
	wbuf_u32(&w, x->n_sids);
	wbuf_u64(&w, m->cert_ends);
	wbuf_u64(&w, m->term_ms);
	group_put_addr(&w, &m->at);
	put_refs(&w, &m->certs);
	if (m->renewed) {
		put_refs(&w, &x->former);
		wbuf_u64(&w, x->former_ends);
	}
	if (x->mark.known)
		psk_mark_put(&w, &x->mark);
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

/* Read the rest of the record of a member that has struct gmember_more. */
static void load_more(struct rbuf *r, struct gmember *m, uint8_t version,
		      struct gmember_more *x)
{
	if (has_former(version, m->renewed))
		get_certs(r, &x->former);
	if (has_former(version, m->renewed) && version > RECORD_VERSION_FORMER)
		x->former_ends = rbuf_u64(r);
	if (version == RECORD_VERSION_MARKED)
		psk_mark_get(r, &x->mark);
	if (m->renewed && version < RECORD_VERSION_RENEWED)
		x->former_ends = END_UNKNOWN;
}

/* A number that has no place in its field of @bits is none that was written. */
static uint64_t member_bits(struct rbuf *r, unsigned int bits)
{
	uint64_t v = rbuf_u64(r);

	if (v >> bits)
		r->err = -EBADMSG;
	return v;
}

static void load_fields(struct rbuf *r, struct gmember *m, uint8_t version)
{
	uint32_t first_sid, n_sids;
	struct gmember_more *x;
	uint8_t flags;

	m->number = member_bits(r, 48);
	flags = rbuf_u8(r);
	m->joined = member_bits(r, 39);
	m->registered = member_bits(r, 39);
	first_sid = rbuf_u32(r);
	n_sids = rbuf_u32(r);
	m->send = flags & 1;
	m->fragments = !!(flags & 4);
	m->renewed = !!(flags & 8);
	m->inband = !!(flags & 16);
	m->path_renewed = !!(flags & 32);
	if (version != RECORD_VERSION_OLD) {
		m->cert_ends = member_bits(r, 39);
		m->term_ms = member_bits(r, 48);
		group_get_addr(r, &m->at);
		m->by_psk = !m->cert_ends;
	}
	if (version > RECORD_VERSION_UNCERTIFIED)
		get_certs(r, &m->certs);
	if (!m->send && !m->inband && !m->renewed && !m->by_psk && !n_sids &&
	    version <= RECORD_VERSION)
		return;
	x = gmember_more(m);
	if (!x) {
		r->err = -ENOMEM;
		return;
	}
	x->first_sid = first_sid;
	x->n_sids = n_sids;
	load_more(r, m, version, x);
}

static int load_member(void *arg, const char *key, const uint8_t *val,
		       size_t len)
{
	char identity[GMC_ID_MAX];
	struct group *g = arg;
	struct gmember *m;
	uint8_t version;
	struct rbuf r;
	int ret;

	m = gmember_new(store_key_last(key, identity, sizeof(identity)));
	if (!m)
		return -ENOMEM;
	rbuf_init(&r, val, len);
	version = rbuf_u8(&r);
	if (!version || version > RECORD_VERSION_MARKED)
		r.err = -EBADMSG;
	load_fields(&r, m, version);
	if (r.err || rbuf_left(&r) || !m->number) {
		ret = r.err == -ENOMEM ? -ENOMEM : -EBADMSG;
		gmember_free(m);
		return ret;
	}
	gmc_enter(g, m);
	gmember_settle(m);
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
