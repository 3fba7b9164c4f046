// SPDX-License-Identifier: Apache-2.0
/*
 * Authentication of both sides (RFC 7296 section 2.15), which GSA_AUTH and
 * IKE_AUTH have in common.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "crypto/hash.h"
#include "ike/admission.h"
#include "ike/auth.h"
#include "ike/exchange.h"
#include "ike/mobike.h"
#include "ike/places.h"
#include "ike/ppk.h"
#include "ike/session.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/quote.h"
#include "lib/secret.h"

/* Compare names as certificates do, without regard to case. */
static bool same_id(const struct ike_id *a, const struct ike_id *b)
{
	if (a->type == IKE_ID_FQDN && b->type == IKE_ID_FQDN)
		return a->len == b->len &&
		       !strncasecmp((const char *)a->data,
				    (const char *)b->data, a->len);
	return id_equal(a, b);
}

static bool is_resumed(const struct ike_sa *sa)
{
	return sa->hs->resume;
}

/* ---- signed octets ------------------------------------------------------ */

/*
 * Append IntAuth (RFC 9242 section 3.3.2). Each exchange before AUTH had one
 * Message ID, from 1 on.
 */
static int append_int_auth(const struct ike_inter *inter, unsigned int prf_id,
			   struct auth_octets *octets)
{
	uint8_t int_auth[INT_AUTH_MAX];
	size_t n = int_auth_put(&inter->i, &inter->r, prf_id, inter->done + 1,
				int_auth);
	uint8_t *longer = secret_alloc(octets->len + n);

	if (longer) {
		memcpy(longer, octets->p, octets->len);
		memcpy(longer + octets->len, int_auth, n);
	}
	secret_free(octets->p);
	octets->p = longer;
	octets->len += n;
	return longer ? 0 : -ENOMEM;
}

/*
 * InitiatorSignedOctets = IKE_SA_INIT request | Nr | prf(SK_pi, IDi body)
 * ResponderSignedOctets = IKE_SA_INIT answer | Ni | prf(SK_pr, IDr body),
 * and behind both of them IntAuth, if there were IKE_INTERMEDIATE exchanges.
 */
static int octets_of_side(struct ike_sa *sa, bool initiator,
			  const struct blob *msg, const uint8_t *id,
			  size_t id_len, struct auth_octets *out)
{
	const struct blob *nonce = initiator ? &sa->hs->nr : &sa->hs->ni;
	uint8_t *sk_p = initiator ? sa->keys.sk_pi : sa->keys.sk_pr;
	const struct auth_side side = {
		.prf_id = sa->suite.prf,
		.sk_p = { sk_p, sa->keys.prf_len },
		.msg = { msg->p, msg->len },
		.nonce = { nonce->p, nonce->len },
		.id = { (void *)id, id_len },
	};
	int ret;

	ret = auth_octets(&side, out);
	if (!ret && sa->hs->inter)
		ret = append_int_auth(sa->hs->inter, sa->suite.prf, out);
	return ret;
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

	if (is_resumed(sa) || psk_of(sa, peer))
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

static void put_certs(struct ike_sa *sa, struct pchain *c)
{
	const struct cert_chain *chain = sa->engine->cfg.chain;
	size_t n = is_resumed(sa) || psk_of(sa, sa->peer_id)
			   ? 0
			   : cert_chain_count(chain);

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
	const struct blob *msg = sa->initiator ? &sa->hs->init_res
					       : &sa->hs->init_req;
	struct blob variant = { 0 };
	size_t n = 0;

	if (!octets_of_side(sa, !sa->initiator, msg, id->body, id->len, &o[n]))
		n++;
	for (unsigned int i = 0; i < INIT_VARIANTS; i++) {
		if (init_variant(sa, i, &variant))
			continue;
		if (!octets_of_side(sa, !sa->initiator, &variant, id->body,
				    id->len, &o[n]))
			n++;
		blob_free(&variant);
	}
	return n;
}

/* ---- a resumed IKE SA --------------------------------------------------- */

/*
 * RFC 5723 section 4.3.3: AUTH = prf(SK_px, octets that the side would sign), which
 * depend on both nonces and on SK_d of the former IKE SA.
 */
static int resumed_mic(const struct ike_sa *sa, bool initiator,
		       const struct auth_octets *octets,
		       uint8_t out[PRF_MAX_LEN])
{
	return prf_one(sa->suite.prf,
		       initiator ? sa->keys.sk_pi : sa->keys.sk_pr,
		       sa->keys.prf_len, octets->p, octets->len, out);
}

static int put_resumed(struct ike_sa *sa, struct pchain *c,
		       const struct auth_octets *octets)
{
	uint8_t mic[PRF_MAX_LEN];
	int ret = resumed_mic(sa, sa->initiator, octets, mic);

	if (!ret)
		auth_build_mic(c, mic, prf_len(sa->suite.prf));
	secret_wipe(mic, sizeof(mic));
	return ret;
}

static bool is_resumed_mic(const struct ike_sa *sa,
			   const struct auth_octets *octets,
			   const struct auth_pld *auth)
{
	uint8_t mic[PRF_MAX_LEN];
	bool good;

	good = !resumed_mic(sa, !sa->initiator, octets, mic) &&
	       auth->sig_len == prf_len(sa->suite.prf) &&
	       crypto_equal(auth->sig, mic, auth->sig_len);
	secret_wipe(mic, sizeof(mic));
	return good;
}

static bool is_resumed_auth(struct ike_sa *sa, const struct pld *id_pld,
			    const struct auth_pld *auth)
{
	struct auth_octets octets[1 + INIT_VARIANTS];
	size_t n = octets_of_peer(sa, id_pld, octets);
	bool good = false;

	while (n) {
		n--;
		good = good || is_resumed_mic(sa, &octets[n], auth);
		secret_free(octets[n].p);
	}
	return good;
}

/*
 * Authenticate the peer as the one of the former IKE SA, with what was proven then.
 * A responder ends the ticket here: whoever just copied it has got no further.
 */
static int verify_resumed(struct ike_sa *sa, const struct ike_msg *m,
			  const struct pld *id_pld, const struct ike_id *id,
			  struct err *err)
{
	static const struct cert_refs none;
	struct ike_resume *r = sa->hs->resume;
	struct cert_refs certs;
	struct auth_pld auth;
	const char *why;
	struct rbuf in;

	rbuf_init(&in, m->auth.body, m->auth.len);
	if (!m->auth.body || auth_parse(&in, &auth) ||
	    auth.method != IKE_AUTH_SHARED_KEY_MIC ||
	    !is_resumed_auth(sa, id_pld, &auth))
		return err_set(err, -EKEYREJECTED,
			       "AUTH is not that of the resumed session");
	if (!same_id(id, &r->s.peer))
		return err_set(err, -EKEYREJECTED,
			       "the ticket is of another identity");
	/* Things may have changed since the first message. */
	why = sa->gcks ? ticket_outdated(sa->engine, r) : NULL;
	if (!why)
		why = session_refused(sa->engine, &r->s);
	if (why)
		return err_set(err, -EKEYREJECTED, "%s", why);
	if (cert_refs_union(&r->s.peer_certs, &none, &certs))
		return err_set(err, -ENOMEM, "out of memory");
	if (sa->gcks && !ticket_use(sa->engine, &r->ref)) {
		cert_refs_free(&certs);
		return err_set(err, -EKEYREJECTED,
			       "the ticket was used before, or has ended");
	}
	cert_refs_free(&sa->peer_certs);
	sa->peer_certs = certs;
	sa->peer_ends = r->s.peer_ends;
	sa->auth_ms = r->s.auth_ms;
	sa->resumed = true;
	sa->engine->stats.resumed++;
	return 0;
}

/* ---- AUTH of ours ------------------------------------------------------- */

static int put_auth(struct ike_sa *sa, struct pchain *c)
{
	const struct ike_engine_cfg *cfg = &sa->engine->cfg;
	const struct psk *psk = psk_of(sa, sa->peer_id);
	uint8_t id[4 + IKE_ID_MAX] = { cfg->id.type };
	struct auth_octets octets;
	int ret;

	memcpy(id + 4, cfg->id.data, cfg->id.len);
	ret = octets_of_side(sa, sa->initiator,
			     sa->initiator ? &sa->hs->init_req
					   : &sa->hs->init_res,
			     id, 4 + cfg->id.len, &octets);
	if (ret)
		return ret;
	if (is_resumed(sa))
		ret = put_resumed(sa, c, &octets);
	else
		ret = psk ? put_mic(sa, c, psk, octets.p, octets.len)
			  : put_signature(sa, c, octets.p, octets.len);
	secret_free(octets.p);
	return ret;
}

/* ---- PPK ---------------------------------------------------------------- */

/*
 * Mix the PPK into the keys, from which AUTH and the key wrap key are made. The
 * keys without it are kept for who may have to do without.
 */
static int mix_ppk(struct ike_sa *sa, const struct ppk *ppk)
{
	int ret;

	sa->hs->unmixed = secret_alloc(sizeof(*sa->hs->unmixed));
	if (!sa->hs->unmixed)
		return -ENOMEM;
	ret = keys_mix_ppk(&sa->keys, &sa->suite, ppk->key, ppk->len,
			   sa->hs->unmixed);
	sa->ppk = !ret;
	return ret;
}

static void unmix_ppk(struct ike_sa *sa)
{
	keys_unmix(&sa->keys, sa->hs->unmixed);
	sa->ppk = false;
}

/*
 * AUTH of a peer that may do without PPK (RFC 8784 section 3): its method is in
 * AUTH, its data in N(NO_PPK_AUTH). Sets *@out to a copy of @m with that AUTH,
 * whose octets are in @buf.
 */
static int take_no_ppk_auth(const struct ike_msg *m, struct wbuf *buf,
			    struct ike_msg *out)
{
	const struct notify_pld *n = msg_notify(m, IKE_N_NO_PPK_AUTH);

	if (m->auth.len < AUTH_HDR_LEN)
		return -EBADMSG;
	wbuf_put(buf, m->auth.body, AUTH_HDR_LEN);
	wbuf_put(buf, n->data, n->len);
	if (buf->err)
		return buf->err;
	*out = *m;
	out->auth.body = buf->p;
	out->auth.len = buf->len;
	return 0;
}

/*
 * Responder: decide whether a PPK is used, by table 1 of RFC 8784. Returns 0;
 * then sa->ppk says so, and *@without that AUTH is that of NO_PPK_AUTH.
 */
static int choose_ppk(struct ike_sa *sa, const struct ike_msg *m, bool *without,
		      struct err *err)
{
	const struct ppk *ppk =
		ppks_find(sa->engine->cfg.ppks, sa_peer_name(sa));
	const struct notify_pld *id = msg_notify(m, IKE_N_PPK_IDENTITY);

	*without = false;
	if (!sa->use_ppk && ppk && ppk->mandatory)
		return err_set(err, -EKEYREJECTED,
			       "PPK: the peer uses none, and it is mandatory for this identity");
	if (!sa->use_ppk)
		return 0;
	if (!id)
		return err_set(err, -EKEYREJECTED,
			       "PPK: PPK_IDENTITY is missing");
	if (ppk && ppk_is_named(ppk, id))
		return mix_ppk(sa, ppk) ? err_set(err, -ENOMEM, "PPK: failed")
					: 0;
	if (ppk && ppk->mandatory)
		return err_set(err, -EKEYREJECTED,
			       "PPK: another one is configured for this identity, and mandatory");
	if (!msg_notify(m, IKE_N_NO_PPK_AUTH))
		return err_set(err, -EKEYREJECTED,
			       "PPK: the peer demands one that is not configured for this identity");
	*without = true;
	return 0;
}

/*
 * Initiator: do without PPK if the key server does. Returns 0, or -EKEYREJECTED
 * if we may not.
 */
static int agree_on_ppk(struct ike_sa *sa, const struct ike_msg *m,
			struct err *err)
{
	const struct ppk *ppk =
		ppks_find(sa->engine->cfg.ppks, sa_peer_name(sa));

	if (!sa->ppk || msg_notify(m, IKE_N_PPK_IDENTITY))
		return 0;
	if (!ppk || ppk->mandatory)
		return err_set(err, -EKEYREJECTED,
			       "PPK: the key server uses none, and it is mandatory here");
	unmix_ppk(sa);
	return 0;
}

/* ---- AUTH of the peer --------------------------------------------------- */

static int verify_peer(struct ike_sa *sa, const struct ike_msg *m,
		       const struct pld *id_pld, const struct ike_id *id,
		       struct err *err)
{
	const struct ike_engine_cfg *cfg = &sa->engine->cfg;
	struct auth_octets octets[1 + INIT_VARIANTS];
	const struct psk *psk = psk_of(sa, id);
	size_t n = octets_of_peer(sa, id_pld, octets);
	const struct auth_claim claim = {
		.purpose = sa->initiator && !cfg->relays ? CERT_FOR_GCKS
							 : CERT_FOR_MEMBER,
		.id = id,
		.m = m,
		.octets = octets,
		.n = n,
	};
	int ret;

	if (!n)
		ret = err_set(err, -ENOMEM, "out of memory");
	else if (psk)
		ret = auth_check_psk(sa->suite.prf, psk, m, octets, n, err);
	else if (!cfg->trust)
		ret = err_set(err, -EKEYREJECTED,
			      "no pre-shared key is configured for this identity");
	else
		ret = auth_check(&claim, cfg->trust, clock_wall(cfg->clock),
				 &sa->peer_ends, &sa->peer_certs, err);
	sa->peer_revoked = ret == -EKEYREVOKED;
	while (n)
		secret_free(octets[--n].p);
	if (ret && sa->ppk) {
		const struct err why = *err;

		err_set(err, ret, "%.160s, with the PPK mixed in", why.text);
	}
	return ret;
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

	if (id_equal(&engine->contacted, sa->peer_id))
		return false;
	LIST_FOREACH(o, &engine->sas, link)
		if (o != sa && !o->gcks &&
		    (o->state == IKE_ST_UP || o->state == IKE_ST_AUTH_SENT) &&
		    id_equal(o->peer_id, sa->peer_id))
			return false;
	return true;
}

/*
 * AUTH and, if both sides use PPKs, N(PPK_IDENTITY). If ours is optional,
 * N(NO_PPK_AUTH) has the data of an AUTH without it.
 */
static int put_auth_and_ppk(struct ike_sa *sa, struct pchain *c)
{
	const struct ppk *ppk = NULL;
	struct pchain alone;
	struct wbuf without;
	int ret = 0;

	if (sa->use_ppk)
		ppk = ppks_find(sa->engine->cfg.ppks, sa_peer_name(sa));
	wbuf_init(&without, IKE_INNER_MAX);
	pchain_init(&alone, &without, PCHAIN_DETACHED);
	if (ppk && !ppk->mandatory)
		ret = put_auth(sa, &alone);
	if (!ret && ppk)
		ret = mix_ppk(sa, ppk);
	if (!ret)
		ret = put_auth(sa, c);
	if (!ret && ppk)
		ppk_put_identity(c, ppk);
	if (!ret && without.len)
		notify_build(c, IKE_N_NO_PPK_AUTH,
			     without.p + IKE_PLD_HDR_LEN + AUTH_HDR_LEN,
			     without.len - IKE_PLD_HDR_LEN - AUTH_HDR_LEN);
	wbuf_free(&without);
	return ret;
}

int authenticate_request(struct ike_sa *sa, struct pchain *c)
{
	const char *why = cannot_sign(sa, sa->peer_id);
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
	if (!is_resumed(sa) && !psk_of(sa, sa->peer_id))
		auth_put_certreq(c, sa->engine->cfg.trust);
	id_build(c, IKE_PLD_IDR, sa->peer_id);
	ret = put_auth_and_ppk(sa, c);
	if (!ret && is_initial_contact(sa))
		notify_build_ike(c, IKE_N_INITIAL_CONTACT);
	if (!ret && sa->engine->cfg.resume && !sa->use_ppk)
		notify_build(c, IKE_N_TICKET_REQUEST, NULL, 0);
	if (!ret && sa->engine->cfg.mobike)
		notify_build(c, IKE_N_MOBIKE_SUPPORTED, NULL, 0);
	return ret;
}

static const char *responder_role(const struct ike_sa *sa)
{
	return sa->engine->cfg.relays ? "relay" : "key server";
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
		return err_set(err, -EKEYREJECTED, "%s has sent no valid IDr",
			       responder_role(sa));
	if (!same_id(&id, sa->peer_id)) {
		id_str(&id, says, sizeof(says));
		return err_set(err, -EKEYREJECTED,
			       "%s has identity %s, expected is %.120s",
			       responder_role(sa), quote(says, quoted),
			       sa_peer_name(sa));
	}
	return is_resumed(sa) ? verify_resumed(sa, m, &m->idr, &id, err)
			      : verify_peer(sa, m, &m->idr, &id, err);
}

static void gcks_refused(struct ike_sa *sa, const struct notify_pld *e)
{
	char why[96];

	snprintf(why, sizeof(why), "%s from %s", ike_notify_name(e->type),
		 responder_role(sa));
	sa_event(sa, IKE_EV_REFUSED, why);
	sa_close(sa, e->type, why);
}

bool authenticate_gcks(struct ike_sa *sa, const struct ike_in *in)
{
	const struct ike_msg *m = &in->m;
	const struct notify_pld *e = msg_error(m), *ticket;
	struct ike_sa *old = NULL;
	struct err err;

	if (!m->auth.body && e) {
		gcks_refused(sa, e);
		return false;
	}
	if (agree_on_ppk(sa, m, &err) || check_gcks_id(sa, m, &err)) {
		sa->engine->stats.auth_failed++;
		sa_event(sa, IKE_EV_AUTH_FAILED, err.text);
		last_request_auth_failed(sa);
		sa_close(sa, 0, err.text);
		return false;
	}
	id_set(&sa->engine->contacted, sa->peer_id->type, sa->peer_id->data,
	       sa->peer_id->len);
	ticket = msg_notify(m, IKE_N_TICKET_LT_OPAQUE);
	if (ticket && sa->engine->cfg.resume && !sa->ppk)
		session_keep(sa, ticket);
	if (is_resumed(sa))
		old = session_sa(sa->engine, sa->hs->resume->of);
	mobike_begin(sa, m);
	sa_up(sa);
	/* The key server ends it as well, see authenticate_proven(). */
	if (old)
		sa_close(old, 0, "resumed by another IKE SA");
	return !sa->dead;
}

/* ---- responder ---------------------------------------------------------- */

void authenticate_proven(struct ike_sa *sa)
{
	struct ike_sa *former = place_of_former(sa);

	sa->former = 0;
	if (former)
		sa_close(former, 0, "resumed by another IKE SA");
}

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

/* Return true if an IKE SA has to end for @sa, and the place of @former would do. */
static bool needs_place_of(const struct ike_sa *sa, const struct ike_sa *former)
{
	const struct addr *a = &sa->path.peer.addr;
	struct ike_engine *engine = sa->engine;

	return place_surplus(sa) || engine->n_placed >= engine->cfg.max_sas ||
	       (addr_equal(&former->path.peer.addr, a) &&
		table_placed_count(engine, a) >= engine->cfg.max_per_peer);
}

/*
 * RFC 5723 section 4.3.4: the IKE SA that is resumed ends without a message. The peer
 * knows of that by our answer, which may be lost for good, or be an error: then it goes
 * on with the former one, which therefore ends by authenticate_proven(). With the
 * ticket of an IKE SA the peer proves that it has the answer that had the ticket.
 */
static void note_former(struct ike_sa *sa)
{
	const struct ike_resume *r = sa->hs->resume;
	struct ike_sa *former;

	former = r ? place_of_ticket(sa, r->ref.key, r->ref.number) : NULL;
	if (!former)
		return;
	authenticate_proven(former);
	sa->former = former->serial;
	/* No other host of the identity or the address has to make room. */
	if (needs_place_of(sa, former))
		ike_close(former, "no place beside the one that resumes it");
}

/*
 * Make room for the SA of the authenticated peer by closing others, with a Delete.
 * Returns 0, or -EBUSY if all of them wait for answers.
 */
static int make_place(struct ike_sa *sa)
{
	const struct addr *a = &sa->path.peer.addr;
	struct ike_engine *engine = sa->engine;
	struct ike_sa *old;

	handshake_done(sa);
	name_spend(sa);
	note_former(sa);
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
 * authenticated, and ends nothing but SAs of its own identity that are older than
 * @sa; if that may be at several addresses, only those of its own address.
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

static int verify_member(struct ike_sa *sa, const struct ike_msg *m,
			 const struct ike_id *id, struct err *err)
{
	struct ike_msg no_ppk;
	struct wbuf buf;
	bool without;
	int ret;

	ret = choose_ppk(sa, m, &without, err);
	if (ret)
		return ret;
	if (is_resumed(sa))
		return verify_resumed(sa, m, &m->idi, id, err);
	if (!without)
		return verify_peer(sa, m, &m->idi, id, err);
	wbuf_init(&buf, IKE_INNER_MAX);
	if (take_no_ppk_auth(m, &buf, &no_ppk))
		ret = err_set(err, -EKEYREJECTED, "PPK: malformed NO_PPK_AUTH");
	else
		ret = verify_peer(sa, &no_ppk, &no_ppk.idi, id, err);
	wbuf_free(&buf);
	return ret;
}

bool authenticate_member(struct ike_sa *sa, const struct ike_in *in)
{
	const struct ike_msg *m = &in->m;
	uint8_t xchg = m->h.xchg;
	char name[ID_STR_MAX];
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
	if (sa_name_peer(sa, &id)) {
		put_off_peer(sa, xchg, "out of memory");
		return false;
	}
	if (!handshake_here_left(sa) || !name_left(sa)) {
		put_off_peer(sa, xchg, "too many handshakes");
		return false;
	}
	if (verify_member(sa, m, &id, &err)) {
		fail_peer(sa, xchg, err.text);
		return false;
	}
	/* An identity in rosters and access lists must be printable. */
	if (peer_id_str(&id, name, sizeof(name))) {
		fail_peer(sa, xchg, "identity cannot be written as text");
		return false;
	}
	why = cannot_sign(sa, &id);
	if (why) {
		fail_peer(sa, xchg, why);
		return false;
	}
	if (sa_set_peer_id(sa, &id)) {
		put_off_peer(sa, xchg, "out of memory");
		return false;
	}
	if (make_place(sa)) {
		put_off_peer(sa, xchg,
			     "limit of IKE SAs reached, and none is idle");
		return false;
	}
	if (!is_resumed(sa))
		sa->auth_ms = clock_mono_ms(sa->engine->cfg.clock);
	sa->hs->wants_ticket = msg_notify(m, IKE_N_TICKET_REQUEST);
	mobike_begin(sa, m);
	if (msg_notify(m, IKE_N_INITIAL_CONTACT))
		end_forsaken(sa);
	return !sa->dead;
}

int authenticate_head(struct ike_sa *sa, struct pchain *c)
{
	int ret;

	id_build(c, IKE_PLD_IDR, &sa->engine->cfg.id);
	put_certs(sa, c);
	ret = put_auth(sa, c);
	if (!ret && sa->ppk)
		notify_build(c, IKE_N_PPK_IDENTITY, NULL, 0);
	if (!ret && sa->hs->wants_ticket)
		ticket_put(sa, c);
	if (!ret && sa->mobike)
		notify_build(c, IKE_N_MOBIKE_SUPPORTED, NULL, 0);
	return ret;
}
