// SPDX-License-Identifier: Apache-2.0
/*
 * Authentication of both sides (RFC 7296 section 2.15), which GSA_AUTH and
 * IKE_AUTH have in common.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ike/auth.h"
#include "ike/exchange.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/secret.h"

/* ---- signed octets ------------------------------------------------------ */

/*
 * InitiatorSignedOctets = IKE_SA_INIT request | Nr | prf(SK_pi, IDi body)
 * ResponderSignedOctets = IKE_SA_INIT answer | Ni | prf(SK_pr, IDr body).
 */
static int octets_of_side(struct ike_sa *sa, bool initiator,
			  const struct blob *msg, const uint8_t *id,
			  size_t id_len, uint8_t **out, size_t *len)
{
	const struct blob *nonce = initiator ? &sa->nr : &sa->ni;
	const uint8_t *sk_p = initiator ? sa->keys.sk_pi : sa->keys.sk_pr;

	return auth_octets(sa->suite.prf, sk_p, sa->keys.prf_len, msg->p,
			   msg->len, nonce->p, nonce->len, id, id_len, out,
			   len);
}

/*
 * Return the pre-shared key of an identity, which decides the method of both
 * sides, or NULL: then both use certificates.
 */
static const struct psk *psk_of(const struct ike_sa *sa,
				const struct ike_id *id)
{
	char name[ID_STR_MAX];

	if (!sa->engine->cfg.psks || peer_id_str(id, name, sizeof(name)))
		return NULL;
	return psks_find(sa->engine->cfg.psks, name);
}

/*
 * Return NULL if we can authenticate to the peer, or why we cannot. RFC 7427
 * section 4: it must have announced the hash algorithm of our signature.
 */
static const char *cannot_sign(const struct ike_sa *sa,
			       const struct ike_id *peer)
{
	const struct ike_engine_cfg *cfg = &sa->engine->cfg;

	if (psk_of(sa, peer))
		return NULL;
	if (!cfg->key)
		return "no pre-shared key is configured for the peer, and no certificate";
	return sa->peer_hashes & 1u << sigkey_hash(cfg->key)
		       ? NULL
		       : "the peer's SIGNATURE_HASH_ALGORITHMS lacks our key's";
}

static int put_signature(struct ike_sa *sa, struct pchain *c,
			 const uint8_t *octets, size_t len)
{
	const struct ike_engine_cfg *cfg = &sa->engine->cfg;
	uint8_t sig[SIG_MAX_LEN];
	size_t sig_len, alg_len;
	const uint8_t *alg;
	int ret = sig_sign(cfg->key, octets, len, sig, &sig_len);

	if (ret)
		return ret;
	sigkey_alg(cfg->key, &alg, &alg_len);
	auth_build(c, alg, alg_len, sig, sig_len);
	return 0;
}

static int put_mic(struct ike_sa *sa, struct pchain *c, const struct psk *psk,
		   const uint8_t *octets, size_t len)
{
	uint8_t mic[PRF_MAX_LEN];
	int ret = psk_mac(sa->suite.prf, psk, octets, len, mic);

	if (!ret)
		auth_build_mic(c, mic, prf_len(sa->suite.prf));
	secret_wipe(mic, sizeof(mic));
	return ret;
}

static int put_auth(struct ike_sa *sa, struct pchain *c)
{
	const struct ike_engine_cfg *cfg = &sa->engine->cfg;
	const struct psk *psk = psk_of(sa, &sa->peer_id);
	uint8_t id[4 + IKE_ID_MAX] = { cfg->id.type };
	uint8_t *octets;
	size_t len;
	int ret;

	memcpy(id + 4, cfg->id.data, cfg->id.len);
	ret = octets_of_side(sa, sa->initiator,
			     sa->initiator ? &sa->init_req : &sa->init_res, id,
			     4 + cfg->id.len, &octets, &len);
	if (ret)
		return ret;
	ret = psk ? put_mic(sa, c, psk, octets, len)
		  : put_signature(sa, c, octets, len);
	secret_free(octets);
	return ret;
}

static void put_certs(struct ike_sa *sa, struct pchain *c)
{
	const struct cert_chain *chain = sa->engine->cfg.chain;
	size_t n = psk_of(sa, &sa->peer_id) ? 0 : cert_chain_count(chain);

	for (size_t i = 0; i < n && i < CERT_MAX_CHAIN; i++) {
		struct cert_der der = cert_chain_der(chain, i);

		cert_build(c, IKE_PLD_CERT, IKE_CERT_X509_SIGNATURE, der.p,
			   der.len);
	}
}

/*
 * Make the octets that the peer may have signed. An initiator signs the
 * IKE_SA_INIT that it sent last, which is not always the one that was answered;
 * see init_variant().
 */
static size_t octets_of_peer(struct ike_sa *sa, const struct pld *id,
			     struct auth_octets *o)
{
	const struct blob *msg = sa->initiator ? &sa->init_res : &sa->init_req;
	struct blob variant = { 0 };
	size_t n = 0;

	if (!octets_of_side(sa, !sa->initiator, msg, id->body, id->len, &o[n].p,
			    &o[n].len))
		n++;
	for (unsigned int i = 0; i < INIT_VARIANTS; i++) {
		if (init_variant(sa, i, &variant))
			continue;
		if (!octets_of_side(sa, !sa->initiator, &variant, id->body,
				    id->len, &o[n].p, &o[n].len))
			n++;
		blob_free(&variant);
	}
	return n;
}

static int verify_peer(struct ike_sa *sa, const struct ike_msg *m,
		       const struct pld *id_pld, const struct ike_id *id,
		       struct err *err)
{
	const struct ike_engine_cfg *cfg = &sa->engine->cfg;
	struct auth_octets octets[1 + INIT_VARIANTS];
	const struct psk *psk = psk_of(sa, id);
	size_t n = octets_of_peer(sa, id_pld, octets);
	int ret;

	if (!n)
		ret = err_set(err, -ENOMEM, "out of memory");
	else if (psk)
		ret = auth_check_psk(sa->suite.prf, psk, m, octets, n, err);
	else if (!cfg->trust)
		ret = err_set(err, -EKEYREJECTED,
			      "no pre-shared key is configured for this identity");
	else
		ret = auth_check(cfg->trust, clock_wall(cfg->clock),
				 sa->initiator ? CERT_FOR_GCKS
					       : CERT_FOR_MEMBER,
				 m, id, octets, n, &sa->peer_ends, err);
	while (n)
		secret_free(octets[--n].p);
	return ret;
}

static void name_peer(struct ike_sa *sa, const struct ike_id *id)
{
	if (peer_id_str(id, sa->peer_name, sizeof(sa->peer_name)))
		id_str(id, sa->peer_name, sizeof(sa->peer_name));
}

/* ---- initiator ---------------------------------------------------------- */

/*
 * Return true if @sa will be the only IKE SA with its peer, and the first one
 * (RFC 7296 section 2.4): those of an earlier run, which ended without a Delete,
 * are of no use any more. Later SAs do not say so, or two hosts with one identity
 * could end those of each other without end.
 */
static bool is_initial_contact(const struct ike_sa *sa)
{
	const struct ike_engine *engine = sa->engine;
	const struct ike_sa *o;

	if (id_equal(&engine->contacted, &sa->peer_id))
		return false;
	LIST_FOREACH(o, &engine->sas, link)
	if (o != sa && !o->gcks &&
	    (o->state == IKE_ST_UP || o->state == IKE_ST_AUTH_SENT) &&
	    id_equal(&o->peer_id, &sa->peer_id))
		return false;
	return true;
}

int authenticate_request(struct ike_sa *sa, struct pchain *c)
{
	const char *why = cannot_sign(sa, &sa->peer_id);
	int ret;

	if (why) {
		sa_close(sa, 0, why);
		return -ECANCELED;
	}
	ret = ike_sa_state(sa, IKE_ST_AUTH_SENT);
	if (ret)
		return ret;
	id_build(c, IKE_PLD_IDI, &sa->engine->cfg.id);
	put_certs(sa, c);
	if (!psk_of(sa, &sa->peer_id))
		auth_put_certreq(c, sa->engine->cfg.trust);
	id_build(c, IKE_PLD_IDR, &sa->peer_id);
	ret = put_auth(sa, c);
	if (!ret && is_initial_contact(sa))
		notify_build_ike(c, IKE_N_INITIAL_CONTACT);
	return ret;
}

/* Compare names as certificates do, without regard to case. */
static bool same_id(const struct ike_id *a, const struct ike_id *b)
{
	if (a->type == IKE_ID_FQDN && b->type == IKE_ID_FQDN)
		return a->len == b->len &&
		       !strncasecmp((const char *)a->data,
				    (const char *)b->data, a->len);
	return id_equal(a, b);
}

/*
 * Return 0 if the key server has the expected identity, else -errno with the
 * reason in @err.
 */
static int check_gcks_id(struct ike_sa *sa, const struct ike_msg *m,
			 struct err *err)
{
	char says[ID_STR_MAX], quoted[QUOTE_LEN];
	struct ike_id id;
	struct rbuf r;

	rbuf_init(&r, m->idr.body, m->idr.len);
	if (!m->idr.body || id_parse(&r, &id))
		return err_set(err, -EKEYREJECTED,
			       "key server has sent no valid IDr");
	if (!same_id(&id, &sa->peer_id)) {
		id_str(&id, says, sizeof(says));
		return err_set(err, -EKEYREJECTED,
			       "key server has identity %s, expected is %.120s",
			       quote(says, quoted), sa->peer_name);
	}
	return verify_peer(sa, m, &m->idr, &id, err);
}

static void gcks_refused(struct ike_sa *sa, const struct notify_pld *e)
{
	char why[96];

	snprintf(why, sizeof(why), "%s from key server",
		 ike_notify_name(e->type));
	sa_event(sa, IKE_EV_REFUSED, why);
	sa_close(sa, e->type, why);
}

bool authenticate_gcks(struct ike_sa *sa, const struct ike_in *in)
{
	const struct ike_msg *m = &in->m;
	const struct notify_pld *e = msg_error(m);
	struct err err;

	if (!m->auth.body && e) {
		gcks_refused(sa, e);
		return false;
	}
	if (check_gcks_id(sa, m, &err)) {
		sa->engine->stats.auth_failed++;
		sa_event(sa, IKE_EV_AUTH_FAILED, err.text);
		farewell_auth_failed(sa);
		sa_close(sa, 0, err.text);
		return false;
	}
	sa->engine->contacted = sa->peer_id;
	sa_up(sa);
	return !sa->dead;
}

/* ---- responder ---------------------------------------------------------- */

static void fail_peer(struct ike_sa *sa, uint8_t xchg, const char *why)
{
	char text[ID_STR_MAX + 160];

	sa->engine->stats.auth_failed++;
	handshake_failed(sa);
	sa_event(sa, IKE_EV_AUTH_FAILED, why);
	sa_respond_notify(sa, xchg, IKE_N_AUTHENTICATION_FAILED, NULL, 0);
	snprintf(text, sizeof(text), "authentication failed: %s", why);
	sa_close(sa, 0, text);
}

void authenticate_refuse(struct ike_sa *sa, const struct ike_in *in,
			 const char *why)
{
	fail_peer(sa, in->m.h.xchg, why);
}

/* Refuse with TEMPORARY_FAILURE: the peer may try again. */
static void put_off_peer(struct ike_sa *sa, uint8_t xchg, const char *why)
{
	engine_cap(sa->engine, &sa->path.peer, why);
	sa_respond_notify(sa, xchg, IKE_N_TEMPORARY_FAILURE, NULL, 0);
	sa_close(sa, 0, why);
}

/*
 * Make room for the SA of the authenticated sa->peer_name by closing others.
 * Returns 0, or -EBUSY if all of them wait for answers.
 */
static int make_place(struct ike_sa *sa)
{
	const struct addr *a = &sa->path.peer.addr;
	struct ike_engine *engine = sa->engine;
	struct ike_sa *old;

	handshake_done(sa);
	while ((old = place_surplus(sa)))
		ike_close(old, "replaced by a newer one of the same identity");
	if (table_placed_count(engine, a) >= engine->cfg.max_per_peer) {
		engine_cap(engine, &sa->path.peer,
			   "max-sas-per-address reached, the longest idle IKE SA is closed");
		old = place_idlest(engine, a);
		if (!old)
			return -EBUSY;
		ike_close(old,
			  "replaced: limit of IKE SAs per address (max-sas-per-address)");
	}
	if (engine->n_placed >= engine->cfg.max_sas) {
		engine_cap(engine, &sa->path.peer,
			   "max-sas reached, the longest idle IKE SA is closed");
		old = place_idlest(engine, NULL);
		if (!old)
			return -EBUSY;
		ike_close(old, "replaced: limit of IKE SAs (max-sas)");
	}
	place_enter(sa);
	return 0;
}

/*
 * RFC 7296 section 2.4: the peer says that @sa is its only IKE SA. The sender is
 * authenticated, and ends nothing but SAs of its own identity; if that may be at
 * several addresses, only those of its own address.
 */
static void end_forsaken(struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	bool anywhere = engine->ops.one_place &&
			engine->ops.one_place(engine->ctx);
	struct ike_sa *old;

	while (!sa->dead && (old = place_forsaken(sa, anywhere)))
		ike_close(old, "the peer has started anew (INITIAL_CONTACT)");
}

bool authenticate_member(struct ike_sa *sa, const struct ike_in *in)
{
	const struct ike_msg *m = &in->m;
	uint8_t xchg = m->h.xchg;
	const char *why;
	struct err err;
	struct ike_id id;
	struct rbuf r;

	rbuf_init(&r, m->idi.body, m->idi.len);
	if (!m->idi.body || !m->auth.body || id_parse(&r, &id)) {
		sa->engine->stats.in_syntax++;
		sa_respond_notify(sa, xchg, IKE_N_INVALID_SYNTAX, NULL, 0);
		sa_close(sa, 0, "request without IDi or AUTH");
		return false;
	}
	/* The name is claimed and not proven; it is only used for the log. */
	name_peer(sa, &id);
	if (!handshake_here_left(sa) || !name_left(sa)) {
		put_off_peer(sa, xchg, "too many handshakes");
		return false;
	}
	if (verify_peer(sa, m, &m->idi, &id, &err)) {
		fail_peer(sa, xchg, err.text);
		return false;
	}
	/* An identity in rosters and access lists must be printable. */
	if (peer_id_str(&id, sa->peer_name, sizeof(sa->peer_name))) {
		fail_peer(sa, xchg, "identity cannot be written as text");
		return false;
	}
	why = cannot_sign(sa, &id);
	if (why) {
		fail_peer(sa, xchg, why);
		return false;
	}
	sa->peer_id = id;
	if (make_place(sa)) {
		put_off_peer(sa, xchg,
			     "limit of IKE SAs reached, and none is idle");
		return false;
	}
	if (msg_notify(m, IKE_N_INITIAL_CONTACT))
		end_forsaken(sa);
	return !sa->dead;
}

int authenticate_head(struct ike_sa *sa, struct pchain *c)
{
	id_build(c, IKE_PLD_IDR, &sa->engine->cfg.id);
	put_certs(sa, c);
	return put_auth(sa, c);
}
