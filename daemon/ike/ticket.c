// SPDX-License-Identifier: Apache-2.0
/*
 * Tickets of the responder (RFC 5723 section 6): an IKE SA is resumed from what is
 * in its ticket, which only we can read and make. The keys for that are in memory
 * only, so that no ticket outlives the process, in which it is known which tickets
 * were used: each is good for one IKE SA.
 *
 *	ticket = number of its key | sealed contents
 *
 * Nothing in it repeats what was seen on the wire before, but the number of the key,
 * which all tickets of some time have in common.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crl.h"
#include "crypto/hash.h"
#include "crypto/rand.h"
#include "crypto/seal.h"
#include "ike/ppk.h"
#include "ike/psk.h"
#include "ike/session.h"
#include "lib/clock.h"
#include "lib/secret.h"

#define TICKET_VERSION 2
#define TICKET_NAME "ticket of session resumption"
/* Before the sealed contents: serial number of the key. */
#define TICKET_HEAD 8
#define TICKET_MAX 2048
#define NUMBERS_MAX (1u << 24)

/* ---- keys --------------------------------------------------------------- */

static uint64_t lifetime_ms(const struct ike_engine *engine)
{
	uint32_t s = engine->cfg.ticket_s;

	return (s < SESSION_MAX_S ? s : SESSION_MAX_S) * MSEC_PER_SEC;
}

static void free_key(struct ticket_key *k)
{
	sealer_free(k->sealer);
	free(k->used);
	memset(k, 0, sizeof(*k));
}

/* Wait for the end of the older key, or for the newest one to become that. */
static void arm_turn(struct tickets *t)
{
	uint64_t now = clock_mono_ms(t->engine->cfg.clock), at = UINT64_MAX;

	if (t->key[0].sealer)
		at = t->key[0].turn_ms;
	if (t->key[1].sealer && t->key[1].end_ms < at)
		at = t->key[1].end_ms;
	if (at != UINT64_MAX)
		timer_set(t->engine->cfg.tq, &t->turn, at > now ? at - now : 0);
}

/* The newest key becomes the older one; no ticket of that is good any more. */
static void turn_keys(void *arg)
{
	struct tickets *t = arg;
	uint64_t now = clock_mono_ms(t->engine->cfg.clock);

	if (t->key[1].sealer && t->key[1].end_ms <= now)
		free_key(&t->key[1]);
	if (t->key[0].sealer && t->key[0].turn_ms <= now) {
		free_key(&t->key[1]);
		t->key[1] = t->key[0];
		memset(&t->key[0], 0, sizeof(t->key[0]));
	}
	arm_turn(t);
}

static int make_key(struct tickets *t)
{
	struct ticket_key *k = &t->key[0];
	uint64_t now = clock_mono_ms(t->engine->cfg.clock);
	uint8_t key[SEAL_KEY_LEN];
	int ret;

	ret = rand_bytes(key, sizeof(key));
	if (!ret)
		ret = rand_bytes(&k->serial, sizeof(k->serial));
	if (!ret)
		ret = sealer_new(key, &k->sealer);
	secret_wipe(key, sizeof(key));
	if (ret)
		return ret;
	/* RFC 5723 section 6.2: it outlives the IKE SAs. */
	k->turn_ms = now + (t->engine->cfg.lifetime_ms > lifetime_ms(t->engine)
				    ? t->engine->cfg.lifetime_ms
				    : lifetime_ms(t->engine));
	k->end_ms = k->turn_ms + lifetime_ms(t->engine);
	arm_turn(t);
	return 0;
}

static struct ticket_key *find_key(const struct ike_engine *engine,
				   uint64_t serial)
{
	struct tickets *t = engine->tickets;

	for (unsigned int i = 0; t && i < TICKET_KEYS; i++)
		if (t->key[i].sealer && t->key[i].serial == serial)
			return &t->key[i];
	return NULL;
}

/* Return the key for a new ticket, or NULL. */
static struct ticket_key *key_for_new(struct ike_engine *engine)
{
	struct tickets *t = engine->tickets;

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return NULL;
		t->engine = engine;
		timer_init(&t->turn, turn_keys, t);
		engine->tickets = t;
	}
	if (!t->key[0].sealer && make_key(t))
		return NULL;
	return t->key[0].n < NUMBERS_MAX ? &t->key[0] : NULL;
}

void tickets_free(struct ike_engine *engine)
{
	struct tickets *t = engine->tickets;

	if (!t)
		return;
	timer_del(engine->cfg.tq, &t->turn);
	for (unsigned int i = 0; i < TICKET_KEYS; i++)
		free_key(&t->key[i]);
	free(t);
	engine->tickets = NULL;
}

/* ---- numbers ------------------------------------------------------------ */

static bool is_used(const struct ticket_key *k, uint64_t number)
{
	return number / 8 < k->used_len &&
	       k->used[number / 8] & 1u << number % 8;
}

bool ticket_use(struct ike_engine *engine, const struct ticket_ref *ref)
{
	struct ticket_key *k = find_key(engine, ref->key);
	uint32_t need = ref->number / 8 + 1;
	uint8_t *longer;

	if (!k || ref->number >= k->n || is_used(k, ref->number))
		return false;
	if (need > k->used_len) {
		need = k->n / 8 + 1;
		longer = realloc(k->used, need);
		if (!longer)
			return false;
		memset(longer + k->used_len, 0, need - k->used_len);
		k->used = longer;
		k->used_len = need;
	}
	k->used[ref->number / 8] |= 1u << ref->number % 8;
	return true;
}

/* ---- contents ----------------------------------------------------------- */

/*
 * Make octets that are others when the pre-shared key of an identity changes. Returns
 * their number, 0 without a key, or -errno of the PRF.
 */
static int psk_proof(const struct ike_engine *engine, unsigned int prf_id,
		     const char *name, uint8_t out[PRF_MAX_LEN])
{
	const struct psk *psk = psks_find(engine->cfg.psks, name);
	int ret;

	if (!psk)
		return 0;
	ret = psk_mac(prf_id, psk, (const uint8_t *)TICKET_NAME,
		      sizeof(TICKET_NAME) - 1, out);
	return ret ? ret : (int)prf_len(prf_id);
}

static void put_suite(struct wbuf *w, const struct ike_suite *s)
{
	wbuf_u16(w, s->encr);
	wbuf_u16(w, s->key_bits);
	wbuf_u16(w, s->prf);
	wbuf_u16(w, s->ke);
	wbuf_u16(w, s->kwa);
	wbuf_u8(w, s->addke_types);
	wbuf_put(w, s->addke, sizeof(s->addke));
}

static void get_suite(struct rbuf *r, struct ike_suite *s)
{
	s->encr = rbuf_u16(r);
	s->key_bits = rbuf_u16(r);
	s->prf = rbuf_u16(r);
	s->ke = rbuf_u16(r);
	s->kwa = rbuf_u16(r);
	s->addke_types = rbuf_u8(r);
	rbuf_copy(r, s->addke, sizeof(s->addke));
}

static int put_contents(const struct ike_sa *sa, uint64_t number,
			uint64_t ends_ms, struct wbuf *w)
{
	const struct cert_refs *certs = &sa->peer_certs;
	uint8_t proof[PRF_MAX_LEN];
	int len = psk_proof(sa->engine, sa->suite.prf, sa_peer_name(sa), proof);

	if (len < 0)
		return len;
	wbuf_u8(w, TICKET_VERSION);
	wbuf_u64(w, number);
	wbuf_u64(w, ends_ms);
	wbuf_u64(w, sa->peer_ends);
	wbuf_u64(w, sa->auth_ms);
	put_suite(w, &sa->suite);
	wbuf_u8(w, sa->keys.prf_len);
	wbuf_put(w, sa->keys.sk_d, sa->keys.prf_len);
	wbuf_u8(w, len);
	wbuf_put(w, proof, len);
	secret_wipe(proof, sizeof(proof));
	wbuf_u8(w, certs->n);
	wbuf_put(w, cert_refs_v(certs), (size_t)certs->n * CERT_REF_LEN);
	wbuf_u8(w, sa->peer_id->type);
	wbuf_u16(w, sa->peer_id->len);
	wbuf_put(w, sa->peer_id->data, sa->peer_id->len);
	return w->err;
}

/* Seal the contents behind the number of the key. */
static int put_sealed(const struct ticket_key *k, const struct wbuf *in,
		      struct wbuf *out)
{
	size_t at;
	uint8_t *p;

	wbuf_u64(out, k->serial);
	at = wbuf_reserve(out, in->len + SEAL_OVERHEAD);
	p = wbuf_at(out, at, in->len + SEAL_OVERHEAD);
	return p ? seal(k->sealer, TICKET_NAME, in->p, in->len, p) : out->err;
}

int ticket_issue(struct ike_sa *sa, struct wbuf *out, uint32_t *seconds)
{
	struct ike_engine *engine = sa->engine;
	uint64_t s = lifetime_ms(engine) / MSEC_PER_SEC;
	int64_t left = sa->peer_ends - clock_wall(engine->cfg.clock);
	uint64_t now = clock_mono_ms(engine->cfg.clock);
	uint64_t first_auth_ends_s =
		(sa->auth_ms + engine->cfg.lifetime_ms) / MSEC_PER_SEC;
	struct ticket_key *k;
	struct wbuf w;
	int ret;

	/* A PPK is proven by each IKE SA that is opened. One has one ticket. */
	if (!s || sa->ppk || sa->shadow || sa->ticketed)
		return -EPERM;
	if (sa->peer_ends && left <= 0)
		return -EPERM;
	if (sa->peer_ends && (uint64_t)left < s)
		s = left;
	/*
	 * Sessions that follow from one another are as secret as the first one, and
	 * its peer has proven nothing since.
	 */
	if (first_auth_ends_s <= now / MSEC_PER_SEC)
		return -EPERM;
	if (first_auth_ends_s - now / MSEC_PER_SEC < s)
		s = first_auth_ends_s - now / MSEC_PER_SEC;
	k = key_for_new(engine);
	if (!k)
		return -ENOSPC;
	wbuf_init(&w, TICKET_MAX);
	ret = put_contents(sa, k->n, now + s * MSEC_PER_SEC, &w);
	if (!ret)
		ret = put_sealed(k, &w, out);
	wbuf_free(&w);
	if (ret)
		return ret;
	sa->ticketed = true;
	sa->ticket_key = k->serial;
	sa->ticket_number = k->n++;
	*seconds = s;
	return 0;
}

void ticket_put(struct ike_sa *sa, struct pchain *c)
{
	struct wbuf ticket, w;
	uint32_t seconds;

	wbuf_init(&ticket, IKE_INNER_MAX);
	wbuf_init(&w, IKE_INNER_MAX);
	if (ticket_issue(sa, &ticket, &seconds)) {
		notify_build(c, IKE_N_TICKET_NACK, NULL, 0);
	} else {
		wbuf_u32(&w, seconds);
		wbuf_put(&w, ticket.p, ticket.len);
		notify_build(c, IKE_N_TICKET_LT_OPAQUE, w.p, w.len);
	}
	wbuf_free(&ticket);
	wbuf_free(&w);
}

void ticket_end(struct ike_sa *sa)
{
	const struct ticket_ref ref = { .key = sa->ticket_key,
					.number = sa->ticket_number };

	/* A ticket that was used, or whose key has ended, has ended as well. */
	if (sa->ticketed)
		ticket_use(sa->engine, &ref);
	sa->ticketed = false;
}

/* ---- opening ------------------------------------------------------------ */

static bool get_ticket_certs(struct rbuf *r, struct cert_refs *certs)
{
	uint8_t ref[CERT_REF_LEN];

	for (unsigned int n = rbuf_u8(r); n; n--)
		if (!rbuf_copy(r, ref, sizeof(ref)) ||
		    cert_refs_add(certs, ref))
			return false;
	return true;
}

const char *ticket_outdated(const struct ike_engine *engine,
			    const struct ike_resume *r)
{
	const struct ike_session *s = &r->s;
	size_t len = r->psk_proof_len;
	uint8_t now[PRF_MAX_LEN];
	const struct ppk *ppk;
	char name[ID_STR_MAX];
	int n;

	if (peer_id_str(&s->peer, name, sizeof(name)))
		return "its identity cannot be written as text";
	n = psk_proof(engine, s->suite.prf, name, now);
	if (n < 0 || (size_t)n != len || !crypto_equal(r->psk_proof, now, len))
		return "the pre-shared key of the peer is another one now";
	ppk = ppks_find(engine->cfg.ppks, name);
	if (ppk && ppk->mandatory)
		return "the peer has a mandatory PPK now";
	if (!len && !engine->cfg.trust)
		return "certificates are not used any more";
	return session_refused(engine, s);
}

/* Read what we have sealed. Returns why it cannot be used, or NULL. */
static const char *get_contents(const struct ike_engine *engine,
				const struct ticket_key *k, struct rbuf *r,
				struct ike_resume *out)
{
	struct ike_session *s = &out->s;
	const uint8_t *id;
	uint64_t ends_ms;
	size_t len;

	if (rbuf_u8(r) != TICKET_VERSION)
		return "its version is unknown";
	out->ref.number = rbuf_u64(r);
	ends_ms = rbuf_u64(r);
	s->peer_ends = rbuf_u64(r);
	s->auth_ms = rbuf_u64(r);
	get_suite(r, &s->suite);
	len = rbuf_u8(r);
	if (len != prf_len(s->suite.prf) || !rbuf_copy(r, s->sk_d, len))
		return "it is malformed";
	out->psk_proof_len = rbuf_u8(r);
	if (out->psk_proof_len > sizeof(out->psk_proof) ||
	    !rbuf_copy(r, out->psk_proof, out->psk_proof_len))
		return "it is malformed";
	if (!get_ticket_certs(r, &s->peer_certs))
		return "it is malformed, or memory is short";
	s->peer.type = rbuf_u8(r);
	s->peer.len = rbuf_u16(r);
	id = rbuf_bytes(r, s->peer.len);
	if (r->err || rbuf_left(r) ||
	    id_set(&s->peer, s->peer.type, id, s->peer.len))
		return "it is malformed";
	if (ends_ms <= clock_mono_ms(engine->cfg.clock))
		return "its time is over";
	if (is_used(k, out->ref.number))
		return "it was used before";
	return ticket_outdated(engine, out);
}

const char *ticket_open(struct ike_engine *engine, const uint8_t *p, size_t len,
			struct ike_resume **out)
{
	struct ticket_key *k;
	struct ike_resume *r;
	const char *why;
	uint8_t *plain;
	struct rbuf in;

	rbuf_init(&in, p, len);
	k = find_key(engine, rbuf_u64(&in));
	if (!k)
		return "no key of ours has made it";
	if (len < TICKET_HEAD + SEAL_OVERHEAD || len > TICKET_MAX)
		return "no ticket has this length";
	plain = secret_alloc(len);
	r = secret_alloc(sizeof(*r));
	if (!plain || !r) {
		why = "memory is short";
	} else if (unseal(k->sealer, TICKET_NAME, p + TICKET_HEAD,
			  len - TICKET_HEAD, plain)) {
		why = "it was altered";
	} else {
		r->ref.key = k->serial;
		rbuf_init(&in, plain, len - TICKET_HEAD - SEAL_OVERHEAD);
		why = get_contents(engine, k, &in, r);
	}
	secret_free(plain);
	if (why) {
		resume_free(r);
		return why;
	}
	*out = r;
	return NULL;
}
