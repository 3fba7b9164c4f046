// SPDX-License-Identifier: Apache-2.0
/* Sessions that the initiator can resume (RFC 5723), with the tickets that it got. */
#include <stdlib.h>
#include <string.h>

#include "crypto/crl.h"
#include "ike/ppk.h"
#include "ike/session.h"
#include "lib/clock.h"
#include "lib/secret.h"

/* Key servers have few identities and addresses each. */
#define SESSIONS_MAX 16
#define TICKET_LEN_MAX 4096

const char *session_refused(const struct ike_engine *engine,
			    const struct ike_session *s)
{
	const struct crls *lists =
		engine->cfg.trust ? trust_crls(engine->cfg.trust) : NULL;

	if (s->peer_ends && s->peer_ends <= clock_wall(engine->cfg.clock))
		return "the certificate of the peer has ended";
	if (!lists || !s->peer_certs.n)
		return NULL;
	if (crls_revoke(lists, &s->peer_certs))
		return "the certificate of the peer is revoked";
	return crls_policy(lists) == CRL_STRICT
		       ? "crl-policy is strict, for which the whole chain has to be sent"
		       : NULL;
}

void resume_free(struct ike_resume *r)
{
	if (!r)
		return;
	cert_refs_free(&r->s.peer_certs);
	blob_free(&r->ticket);
	secret_free(r);
}

/* Return what was kept, for resume_free(). */
static struct ike_resume *take_out(struct ike_engine *engine,
				   struct kept_session *k)
{
	struct ike_resume *r = k->r;

	TAILQ_REMOVE(&engine->sessions, k, all);
	engine->n_sessions--;
	free(k);
	return r;
}

void sessions_drop(struct ike_engine *engine)
{
	struct kept_session *k;

	while ((k = TAILQ_FIRST(&engine->sessions)))
		resume_free(take_out(engine, k));
}

static struct kept_session *find_session(const struct ike_sa *sa)
{
	struct kept_session *k;

	TAILQ_FOREACH(k, &sa->engine->sessions, all)
		if (addr_equal(&k->peer, &sa->path.peer.addr) &&
		    id_equal(&k->r->s.peer, sa->peer_id))
			return k;
	return NULL;
}

static struct ike_resume *resume_of(const struct ike_sa *sa,
				    const uint8_t *ticket, size_t len)
{
	static const struct cert_refs none;
	struct ike_resume *r = secret_alloc(sizeof(*r));

	if (!r)
		return NULL;
	r->s.suite = sa->suite;
	memcpy(r->s.sk_d, sa->keys.sk_d, sizeof(r->s.sk_d));
	/* The identity of an IKE SA has only the octets that it needs. */
	id_set(&r->s.peer, sa->peer_id->type, sa->peer_id->data,
	       sa->peer_id->len);
	r->s.peer_ends = sa->peer_ends;
	r->s.childless = sa->peer_childless;
	r->of = sa->serial;
	if (cert_refs_union(&sa->peer_certs, &none, &r->s.peer_certs) ||
	    blob_set(&r->ticket, ticket, len)) {
		resume_free(r);
		return NULL;
	}
	return r;
}

void session_keep(const struct ike_sa *sa, const struct notify_pld *n)
{
	struct ike_engine *engine = sa->engine;
	struct kept_session *k;
	uint32_t s;
	struct rbuf r;

	rbuf_init(&r, n->data, n->len);
	s = rbuf_u32(&r);
	if (r.err || !s || !rbuf_left(&r) || rbuf_left(&r) > TICKET_LEN_MAX)
		return;
	k = find_session(sa);
	if (!k && engine->n_sessions >= SESSIONS_MAX)
		k = TAILQ_FIRST(&engine->sessions);
	if (k)
		resume_free(take_out(engine, k));
	k = calloc(1, sizeof(*k));
	if (!k)
		return;
	k->r = resume_of(sa, rbuf_here(&r), rbuf_left(&r));
	if (!k->r) {
		free(k);
		return;
	}
	if (s > SESSION_MAX_S)
		s = SESSION_MAX_S;
	k->peer = sa->path.peer.addr;
	k->ends_ms = clock_mono_ms(engine->cfg.clock) + s * MSEC_PER_SEC;
	TAILQ_INSERT_TAIL(&engine->sessions, k, all);
	engine->n_sessions++;
}

/* The key server is authenticated by the ticket as long as by its certificate. */
static bool is_good(const struct ike_engine *engine,
		    const struct kept_session *k)
{
	const struct ike_session *s = &k->r->s;

	if (k->ends_ms <= clock_mono_ms(engine->cfg.clock))
		return false;
	return !session_refused(engine, s);
}

struct ike_sa *session_sa(const struct ike_engine *engine, uint64_t serial)
{
	struct ike_sa *sa;

	LIST_FOREACH(sa, &engine->sas, link)
		if (sa->serial == serial && !sa->dead)
			return sa;
	return NULL;
}

bool session_end(struct ike_sa *sa)
{
	struct kept_session *k;

	TAILQ_FOREACH(k, &sa->engine->sessions, all)
		if (k->r->of == sa->serial) {
			resume_free(take_out(sa->engine, k));
			return true;
		}
	return false;
}

struct ike_resume *session_take(const struct ike_sa *sa)
{
	struct ike_engine *engine = sa->engine;
	struct kept_session *k = find_session(sa);
	const struct ike_sa *of;
	bool good;
	struct ike_resume *r;

	if (!k)
		return NULL;
	of = session_sa(engine, k->r->of);
	if (of && of->n_tasks)
		return NULL;
	good = is_good(engine, k) && engine->cfg.resume &&
	       !ppks_find(engine->cfg.ppks, sa_peer_name(sa));
	r = take_out(engine, k);
	if (good)
		return r;
	resume_free(r);
	return NULL;
}
