/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session resumption (RFC 5723): tickets that a responder gives, and sessions that an
 * initiator keeps. Private to daemon/ike.
 */
#ifndef IKE_SESSION_H
#define IKE_SESSION_H

#include "ike/sa.h"

struct sealer;

/* A ticket, and the session that goes by it, lasts so long at most (RFC 5723). */
#define SESSION_MAX_S 86400u

/*
 * A session, from which an IKE SA can be resumed (RFC 5723 section 5.1): algorithms
 * and SK_d of one with the same peer, and how that was authenticated. A secret.
 */
struct ike_session {
	struct ike_suite suite;
	uint8_t sk_d[PRF_MAX_LEN];
	struct ike_id peer;
	bool childless; /* see peer_childless in struct ike_sa */
	time_t peer_ends; /* see struct ike_sa */
	uint64_t auth_ms; /* responder: see struct ike_sa */
	struct cert_refs peer_certs; /* owned */
};

/* A ticket of ours: which one it is, under which key. */
struct ticket_ref {
	uint64_t key; /* serial number of the key */
	uint64_t number;
};

/* An IKE SA that is being resumed; a secret. */
struct ike_resume {
	struct ike_session s;
	struct blob ticket; /* initiator */
	uint64_t of; /* initiator: serial of the IKE SA that the ticket is of */
	/* Responder. */
	struct ticket_ref ref;
	/* By which pre-shared key it can be proven, see psk_proof(); 0: by none. */
	uint8_t psk_proof_len;
	uint8_t psk_proof[PRF_MAX_LEN];
};

/* A session of an initiator, until it opens the next IKE SA with the peer. */
struct kept_session {
	TAILQ_ENTRY(kept_session) all;
	/* Without the port, which is another one behind a NAT. */
	struct addr peer;
	uint64_t ends_ms;
	struct ike_resume *r;
};

/*
 * Tickets of one key: a bit for each that was used. A new key follows when the first
 * ticket could end, and the one before it is kept as long.
 */
#define TICKET_KEYS 2

struct ticket_key {
	struct sealer *sealer; /* NULL: none */
	uint64_t serial;
	uint64_t turn_ms; /* end of the time in which it makes tickets */
	uint64_t end_ms; /* when the last one of them has ended */
	uint32_t n; /* tickets made */
	uint8_t *used; /* bit for each, up to used_len octets */
	uint32_t used_len;
};

struct tickets {
	struct ike_engine *engine;
	struct ticket_key key[TICKET_KEYS]; /* the newest first */
	struct timer turn;
};

/* ---- session.c ---------------------------------------------------------- */

/*
 * Initiator: keep what the IKE SA @sa, of which the peer is authenticated, can be
 * resumed from, with the ticket in N(TICKET_LT_OPAQUE). Without memory nothing is
 * kept. An older ticket of the same peer and address is replaced.
 */
void session_keep(const struct ike_sa *sa, const struct notify_pld *n);
/*
 * Initiator: return what @sa may be resumed from, or NULL. A ticket is used once, and
 * not while requests are made over the IKE SA that it is of, which it would end. To be
 * freed with resume_free().
 */
struct ike_resume *session_take(const struct ike_sa *sa);
/*
 * Initiator: the keys of @sa have changed, and end its ticket (RFC 5723 section 6.2).
 * Returns true if there was one.
 */
bool session_end(struct ike_sa *sa);
/* Initiator: return the IKE SA with the serial number @serial, or NULL. */
struct ike_sa *session_sa(const struct ike_engine *engine, uint64_t serial);
/* Wipe and free all of them: the keys that authenticate peers have changed. */
void sessions_drop(struct ike_engine *engine);
/*
 * Return why the certificates by which the peer was authenticated are not enough any
 * more, or NULL. With the policy "strict" they never are: each list must be there, and
 * valid, and references do not tell which lists that are.
 */
const char *session_refused(const struct ike_engine *engine,
			    const struct ike_session *s);
void resume_free(struct ike_resume *r); /* wipes; NULL is allowed */

/* ---- ticket.c ----------------------------------------------------------- */

/*
 * Responder: make a ticket for the authenticated peer of @sa, with which it may
 * resume @sa for *@seconds. Returns 0; -EPERM if it gets none; -ENOSPC, -ENOMEM or an
 * error of crypto/.
 */
int ticket_issue(struct ike_sa *sa, struct wbuf *out, uint32_t *seconds);
/*
 * Responder: add N(TICKET_LT_OPAQUE) with a ticket to an answer, or N(TICKET_NACK) if
 * there is none (RFC 5723 section 4.1).
 */
void ticket_put(struct ike_sa *sa, struct pchain *c);
/* Responder: end the ticket of @sa, whose keys have changed. */
void ticket_end(struct ike_sa *sa);
/*
 * Responder: open a ticket. Returns NULL and sets *@out, which is freed with
 * resume_free(), or returns for the log why the ticket is refused.
 */
const char *ticket_open(struct ike_engine *engine, const uint8_t *p, size_t len,
			struct ike_resume **out);
/*
 * Responder: return why the peer could not authenticate any more in the way that it
 * did when it got the ticket, or NULL.
 */
const char *ticket_outdated(const struct ike_engine *engine,
			    const struct ike_resume *r);
/*
 * The peer that has resumed with the ticket is authenticated: nobody may use it
 * again. Returns false if somebody has, or if it cannot be noted.
 */
bool ticket_use(struct ike_engine *engine, const struct ticket_ref *ref);
void tickets_free(struct ike_engine *engine);

#endif
