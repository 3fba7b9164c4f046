/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE SA and internal state of the engine. Private to daemon/ike: other folders
 * use engine.h.
 *
 * Files from top to bottom; each uses only those below it:
 *
 *	engine		interface to other folders, dispatch of datagrams
 *	input		messages of an IKE SA: window, decryption, dispatch
 *	exchange	table of exchanges, with one file for each:
 *			init, resume, intermediate, gsa_auth, ike_auth,
 *			registration, informational, inband_rekey,
 *			create_child, followup
 *	mobike		peers that move
 *	opening		what the first two have in common
 *	renewal		the IKE SAs of a renewal
 *	edge		requests for edges and their answers
 *	grant		grants, which edges need
 *	authenticate	what GSA_AUTH and IKE_AUTH have in common
 *	life		creation and timers of an IKE SA
 *	groupreq	what GSA_AUTH and GSA_REGISTRATION have in common
 *	close		established, and closed
 *	last_request	final messages of an IKE SA
 *	window		encrypted requests and answers of ours
 *	frags		IKE fragments
 *	admission	half-open SAs: who goes next
 *	places last_answer table	limits; answers of ended SAs; all SAs
 *	ticket session	what is resumed: given by us, and kept by us
 *	kept		requests with their answers
 *	sa task out event	one SA, its requests, datagrams, events
 *	auth intauth ppk psk cookie dgram inbox init_cookie keys nat suite
 *
 * Lower files call an exchange by the table of exchanges, which struct
 * ike_engine points to.
 */
#ifndef IKE_SA_H
#define IKE_SA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "crypto/cert.h"
#include "crypto/dh.h"
#include "crypto/hash.h"
#include "crypto/ke.h"
#include "crypto/prf.h"
#include "crypto/sign.h"
#include "ike/cookie.h"
#include "ike/dgram.h"
#include "ike/engine.h"
#include "ike/frags.h"
#include "ike/intauth.h"
#include "wire/message.h"
#include "lib/htab.h"
#include "lib/timer.h"
#include "lib/util.h"

/*
 * States of an IKE SA:
 *
 *	Initiator:	NEW -> INIT_SENT -> AUTH_SENT -> UP -> CLOSED
 *	Responder:	NEW -> INIT_DONE -> AUTH_WAIT -> UP -> CLOSED
 *
 * INTER_SENT is between INIT_SENT and AUTH_SENT if there are additional key
 * exchanges; the responder has them in INIT_DONE. AUTH_WAIT: the peer is
 * authenticated, the group layer has returned GIKE_LATER, and GSA_AUTH is not
 * answered yet. Any state may change to CLOSED, and CLOSED to no other.
 * ike_sa_state() is the only writer.
 */
enum ike_sa_st {
	IKE_ST_NEW,
	IKE_ST_INIT_SENT,
	IKE_ST_INTER_SENT,
	IKE_ST_AUTH_SENT,
	IKE_ST_INIT_DONE,
	IKE_ST_AUTH_WAIT,
	IKE_ST_UP,
	IKE_ST_CLOSED,
};

/* Algorithms negotiated in IKE_SA_INIT. */
struct ike_suite {
	uint8_t num; /* number of the proposal */
	uint16_t encr;
	uint16_t key_bits;
	uint16_t prf;
	uint16_t ke;
	uint16_t kwa; /* 0: none, so that the SA carries no keys of groups */
	/*
	 * Additional Key Exchange 1 to 7 of the answer: methods, 0 for NONE. Those
	 * of crypto/iana.h have an octet.
	 */
	uint8_t addke[IKE_ADDKE_MAX];
	uint8_t addke_types; /* bit per one that the answer has, 1: the first */
};

/* SK_d, SK_p*, and the keys of both directions (RFC 7296 2.14 without SK_a). */
struct ike_keys {
	bool have;
	uint8_t prf_len;
	uint8_t sk_d[PRF_MAX_LEN];
	/* SK_p has PRF_MAX_LEN octets, and is NULL after keys_drop_auth(). */
	uint8_t *sk_pi;
	uint8_t *sk_pr;
	struct sk_key ei;
	struct sk_key er;
	struct kwk gsk_w;
};

/*
 * Keys that a PPK changes, as they were without it. Those of SK_e stay, and the IVs that
 * they have used.
 */
struct ike_unmixed {
	uint8_t sk_d[PRF_MAX_LEN];
	uint8_t sk_pi[PRF_MAX_LEN];
	uint8_t sk_pr[PRF_MAX_LEN];
	struct kwk gsk_w;
};

/* Additional key exchanges of an IKE SA that is not authenticated yet. */
struct ike_inter {
	unsigned int done; /* exchanges that are complete */
	struct ke *ke; /* initiator: what is offered now, or NULL */
	struct int_auth i; /* IntAuth_i and IntAuth_r (RFC 9242) */
	struct int_auth r;
	/* Responder: the key of the last such request, which was replaced. */
	struct sk_key was;
};

/* A queued request of ours. */
struct ike_task {
	TAILQ_ENTRY(ike_task) link;
	uint8_t xchg; /* enum ike_xchg */
	/*
	 * For GSA_AUTH and GSA_REGISTRATION: the group request. IKE_AUTH needs
	 * nothing.
	 */
	struct ike_id idg;
	bool send;
	uint32_t n_sender_ids;
	bool used_up;
	bool later;
	uint16_t report; /* notify of a report, else 0 */
	struct sa_pld *sag; /* owned if queued; NULL: default */
	struct opaque *opaque; /* owned if queued; NULL: none */
	/*
	 * For INFORMATIONAL: N(MCSEC_SENDING), N(MCSEC_RIVAL), N(MCSEC_CHANGED),
	 * N(TICKET_REQUEST), N(UPDATE_SA_ADDRESSES), N(COOKIE2), or 0 for an empty
	 * one; @del: Delete of the IKE SA.
	 */
	uint16_t notify;
	bool del;
	uint32_t spi; /* SPI in that notify */
	/* For INFORMATIONAL: the data of a notify about edges or grants, or NULL. */
	uint8_t *data; /* owned if queued */
	size_t data_len;
	uint16_t data_type; /* type of that notify */
	/* For GSA_INBAND_REKEY, with the group: Deletes and no keys. */
	bool exclude;
};

TAILQ_HEAD(ike_tasks, ike_task);

/* A received message. */
struct ike_in {
	struct ike_path path;
	const uint8_t *p; /* owned by the caller of ike_engine_input() */
	size_t len;
	const struct opened *opened; /* decrypted, NULL: in the clear */
	/* The header, and the payloads after msg_sort(). */
	struct ike_msg m;
};

/* A message of ours, kept for retransmission with the same octets. */
struct ike_out {
	struct ike_path path;
	struct dgrams dgrams;
};

/*
 * The last request of the peer, as received, and our answer. A retransmission gets the
 * same octets for some minutes; RFC 7296 section 2.1 lets a responder forget them then,
 * and they are several times as large as an IKE SA that is idle.
 */
struct ike_kept {
	TAILQ_ENTRY(ike_kept) all;
	struct ike_sa *sa;
	uint64_t at_ms;
	/* While the group layer decides: a place in engine.waiting, and its end. */
	TAILQ_ENTRY(ike_kept) by_wait;
	uint64_t until_ms; /* 0: it does not */
	struct dgrams req;
	struct ike_out res; /* path set before the octets */
};

struct ike_resume;

/* State that an IKE SA needs only until it is up. */
struct ike_hs {
	struct ike_inter *inter; /* until AUTH; NULL: no additional exchange */
	struct ike_resume *resume; /* session.h; NULL: a new session */
	bool wants_ticket; /* responder: N(TICKET_REQUEST) came */
	/* Responder, in INIT_DONE: lists of half-open SAs; see admission.c. */
	TAILQ_ENTRY(ike_sa) by_age;
	TAILQ_ENTRY(ike_sa) in_addr;
	TAILQ_ENTRY(ike_sa) in_net;
	struct half_open_set *of_addr;
	struct half_open_set *of_net;
	uint64_t born_ms; /* when it became half-open */
	uint8_t guest; /* enum guest: whose share it was charged to */
	struct dh *dh;
	struct blob ni;
	struct blob nr;
	struct blob init_req; /* IKE_SA_INIT as sent, for AUTH */
	struct ep init_from; /* responder: source of init_req */
	struct blob init_res;
	struct blob cookie; /* initiator: to be returned */
	unsigned int init_tries;
	uint16_t init_error; /* initiator: error notify in the clear */
	/* Initiator: what an answer lacked that is mandatory here, or NULL. */
	const char *init_lacks;
	/* Initiator: keys without PPK, until the peer has agreed, or NULL. */
	struct ike_unmixed *unmixed;
};

/* SK(0) of CREATE_CHILD_SA, and SK(1) and up of what follows. A secret. */
struct ike_secrets {
	unsigned int n;
	struct ke_shared v[1 + IKE_ADDKE_MAX];
};

/* Additional key exchanges of a renewal (followup.c). */
struct ike_follow {
	struct ike_sa *next; /* the new IKE SA, without keys and in no table */
	struct ike_secrets secrets; /* after exchanges that are done */
	struct ke *ke; /* our offer if we began, or NULL */
	struct blob link;
	struct timer timer; /* end of the state if the peer began */
};

/* A renewal of the keys that is not complete; see create_child.c. */
struct ike_rekey {
	/* Our request. */
	struct dh *dh;
	struct blob nonce;
	uint8_t spi[IKE_SPI_LEN];
	/* The IKE SA that a request of the peer made meanwhile, or NULL. */
	struct ike_sa *candidate;
	struct ike_follow *follow; /* additional key exchanges, or NULL */
};

/* NATs between two addresses. */
struct nat_seen {
	bool here; /* in front of us */
	bool there; /* in front of the peer */
};

#define COOKIE2_LEN 16

/* Addresses of a peer that moves (RFC 4555), see mobike.h; both sides support that. */
struct ike_mobike {
	uint64_t last_ms; /* time of the last check or update; 0: there was none */
	uint32_t pause_ms; /* least time until the next one */
	struct timer timer; /* at the end of that */
	/* Member: the source address that the key server knows. */
	struct addr said;
	bool failed; /* the key server knows no address that can be used */
	/* Key server: the newest address, if it is not proven yet. */
	bool pending;
	struct ike_path to;
	struct nat_seen nat;
	/* Octets of requests in progress that may be sent there before the proof. */
	size_t credit;
	bool checking; /* the check is in the queue of requests */
	struct ep sent_to; /* where the peer was asked for the cookie */
	bool elsewhere; /* the cookie went to another address as well */
	bool fell_back; /* the cookie went to the former one, for want of an answer */
	uint8_t cookie[COOKIE2_LEN];
};

struct ike_sa {
	LIST_ENTRY(ike_sa) link; /* all SAs of the engine, or its dead ones */
	struct hnode by_spi; /* own SPI */
	struct hnode by_peer; /* responder: address of the peer */
	/* Responder: list and table of authenticated SAs, if @placed. */
	TAILQ_ENTRY(ike_sa) by_use;
	struct hnode by_name;
	/* Hashes of these, as they were when the SA was entered. */
	uint32_t peer_hash;
	uint32_t name_hash;
	uint64_t placed_after; /* serial of the latest IKE SA at that time */
	struct ike_engine *engine;

	/*
	 * Initiator of this IKE SA, after a renewal of that: it decides SPIs,
	 * keys and the I flag. @gcks is the role, which never changes.
	 */
	bool initiator;
	bool gcks;
	bool placed; /* in the lists of authenticated SAs */
	/* Unknown to the user: replaced, or not in use yet (create_child.c). */
	bool shadow;
	uint8_t lost_follows; /* STATE_NOT_FOUND in a row, as the peer says */
	struct ike_sa *main; /* the SA that a candidate may replace */
	uint8_t successor[IKE_SPI_LEN]; /* our SPI of what has replaced a shadow */
	struct ike_rekey *rekey; /* a renewal of ours is open, or NULL */
	struct ike_follow *follow; /* one of the peer's goes on, or NULL */
	uint64_t rekeyed_ms; /* time of the last renewal; 0: none yet */
	/*
	 * Time of the last one that the peer has begun and that is not complete: a
	 * candidate, or one with additional key exchanges; 0: none yet.
	 */
	uint64_t begun_ms;
	uint64_t ends_ms; /* end of the lifetime */
	enum ike_sa_st state;
	bool dead; /* in the list of dead SAs, freed there */
	bool told; /* known to the user: sa_closed() is due */
	bool keep; /* not closed when idle */
	bool natt; /* the peer detects NATs, and hears port 4500 */
	void *user;
	uint64_t serial; /* increases with each SA opened */

	struct ike_mobike *mobike; /* owned; NULL: a side does not support it */
	struct ike_path path; /* where our requests go */
	bool nat_here; /* we are behind a NAT */
	bool nat_there;
	bool fragments; /* both sides take IKE fragments (RFC 7383) */
	bool peer_childless; /* initiator: N(CHILDLESS_IKEV2_SUPPORTED) came */
	uint8_t spi_i[IKE_SPI_LEN];
	uint8_t spi_r[IKE_SPI_LEN];

	struct ike_suite suite;
	struct ike_keys keys;
	struct ike_hs *hs; /* until it is up, or of a shadow; else NULL */
	uint8_t init_hash[HASH_SHA256_LEN]; /* responder: hash of init_req */
	uint32_t peer_hashes; /* bit per enum ike_hash, 0: none announced */
	uint32_t ticket_number; /* see @ticketed */

	/* Initiator: expected; responder: authenticated. */
	struct ike_id
		*peer_id; /* owned, without what it does not need, or NULL */
	char *peer_name; /* owned; NULL: not known yet */
	time_t peer_ends; /* end of its certificate, seconds since 1970 */
	/* Responder: monotonic time of its last AUTH by certificate or key. */
	uint64_t auth_ms;
	struct cert_refs peer_certs;
	bool peer_revoked; /* proven, but for the revocation lists */
	bool use_ppk; /* N(USE_PPK) in both directions (RFC 8784) */
	bool ppk; /* a PPK is mixed into the keys */
	bool resumed; /* authenticated by a ticket */
	/* Responder: the ticket that was given over it, see struct ticket_ref. */
	bool ticketed;
	uint64_t ticket_key;
	/* Responder: serial of what it resumes, until the peer has it; 0: none. */
	uint64_t former;

	/* Window of one request in each direction, RFC 7296 section 2.3. */
	uint32_t my_mid; /* Message ID of our next request */
	bool my_busy; /* a request of ours is in progress */
	uint8_t my_xchg;
	struct dgrams my_req; /* goes to the path of the SA */
	unsigned int my_sent; /* retransmissions */
	unsigned int dead_peer_tries; /* tries left since INVALID_IKE_SPI, or 0 */
	struct ike_tasks tasks; /* the first one is in progress */
	unsigned int n_tasks;

	uint32_t peer_mid; /* Message ID expected from the peer */
	struct ike_kept *kept; /* the last request and its answer, or NULL */
	/* Incomplete messages of the peer, or NULL; see frags.h. */
	struct frags *frag_req;
	struct frags *frag_res;
	uint64_t token;
	const struct exchange *wait_xchg;
	bool waits; /* GIKE_LATER: the last request is not answered yet */
	bool wait_send; /* the request had N(GROUP_SENDER) */
	bool wait_report; /* a report or leave: no keys in the answer */
	uint32_t edge_ends_s; /* monotonic end of a child's edge; 0: none yet */

	struct timer t_rexmit;
	struct timer t_life; /* half-open limit, then renewal and lifetime */
	/* Key server: limit of idleness. Member: time to check a renewed IKE SA. */
	struct timer t_idle;
	struct timer *t_keepalive; /* initiator, for a NAT; else NULL */
};

LIST_HEAD(ike_sa_list, ike_sa);
TAILQ_HEAD(ike_sa_queue, ike_sa);
TAILQ_HEAD(ike_kept_queue, ike_kept);
TAILQ_HEAD(ike_session_queue, kept_session);
LIST_HEAD(half_open_list, half_open_set);
LIST_HEAD(last_answer_list, last_answer);
TAILQ_HEAD(last_answer_queue, last_answer);
LIST_HEAD(last_request_list, last_request);
TAILQ_HEAD(last_request_queue, last_request);
struct quota;
struct admission;
struct exchange;
struct ike_session;
struct tickets;

/* For tables of a limited number of entries; those of all IKE SAs grow. */
#define ENGINE_BUCKETS 1024

struct ike_engine {
	struct ike_engine_cfg cfg;
	struct ike_ops ops;
	void *ctx;
	const struct exchange *exchanges; /* exchange.h; ends with type 0 */
	struct sa_pld proposals; /* without additional key exchanges */
	struct cookies cookies;
	uint64_t cookie_ms; /* when a cookie was last given out */
	struct tickets *tickets; /* responder: NULL until one is asked for */
	struct ike_session_queue sessions; /* initiator: oldest first */
	unsigned int n_sessions;
	struct ike_stats stats;
	struct ike_sa_list sas;
	struct ike_sa_list dead;
	struct htab by_spi;
	struct htab by_peer;
	uint64_t seed; /* seeds hashes over peers' input */
	struct ike_sa_queue half_open; /* oldest first */
	struct half_open_list half_open_by_addr[ENGINE_BUCKETS];
	struct half_open_list half_open_by_net[ENGINE_BUCKETS];
	struct htab by_name;
	struct ike_sa_queue by_use; /* placed SAs, longest idle first */
	unsigned int n_placed;
	unsigned int n_opened; /* IKE SAs that we have opened as initiator */
	struct admission *admission; /* responder; see admission.h */
	struct inbox *inbox; /* responder; see inbox.h */
	struct quota *name_quota;
	struct ike_kept_queue kept; /* oldest first */
	struct timer kept_timer;
	struct ike_kept_queue waiting; /* in the order of their ends */
	struct timer later_timer;
	struct last_answer_queue last_answers; /* oldest first */
	struct last_answer_list last_answer_by_spi[ENGINE_BUCKETS];
	unsigned int n_last_answers;
	struct last_request_queue last_requests; /* oldest first */
	struct last_request_list last_request_by_spi[ENGINE_BUCKETS];
	unsigned int n_last_requests;
	struct frags_queue frags; /* oldest first */
	size_t frag_octets;
	unsigned int depth; /* nested calls, see re-entry in engine.h */
	bool dying; /* being freed: no new SAs */
	uint64_t lost_ms; /* when the sockets last lost datagrams, or 0 */
	uint32_t next_token;
	uint64_t next_serial;
	uint64_t cap_said_ms; /* last IKE_EV_CAP, or 0 */
	/* Initiator: the peer of the last SA that was up; type 0: none yet. */
	struct ike_id contacted;
	struct quota *net_errors; /* answers in the clear */
	struct quota *all_errors;
};

/* ---- event.c ------------------------------------------------------------ */

/* Emit an event; @name is "" if unknown, @text is one line. */
void engine_event(struct ike_engine *engine, enum ike_event_type type,
		  const struct ep *peer, const char *name, const char *text);
void sa_event(struct ike_sa *sa, enum ike_event_type type, const char *text);
/* Emit IKE_EV_REQUEST_REFUSED. */
__attribute__((format(printf, 3, 4))) void
engine_request_refused(struct ike_engine *engine, const struct ep *peer,
		       const char *fmt, ...);
/* Emit IKE_EV_CAP at a limited rate. */
void engine_cap(struct ike_engine *engine, const struct ep *peer,
		const char *what);

/* ---- out.c -------------------------------------------------------------- */

/* Return 0 or -ENOMEM. */
int out_init(struct ike_engine *engine);
void out_free(struct ike_engine *engine);
/* Send every datagram of @d. */
void out_send(struct ike_engine *engine, const struct ike_path *path,
	      const struct dgrams *d);
/*
 * Return true if the answer @d is more than what came, and would go to another
 * address than @known: a copy of a fragment from a forged source must not be
 * answered by many (RFC 7383 section 6).
 */
bool out_too_much(const struct dgrams *d, const struct ike_in *in,
		  const struct ep *known);
/* Answer @in with one notify in the clear, without any state. */
void out_unprotected(struct ike_engine *engine, const struct ike_in *in,
		     uint16_t type, const void *data, size_t len);
/* Like out_unprotected(), for an error: rate limited, suppressed ones are counted. */
void out_unprotected_error(struct ike_engine *engine, const struct ike_in *in,
			   uint16_t type, const void *data, size_t len);

/* ---- task.c ------------------------------------------------------------- */

/*
 * Queue of requests. The first task is the exchange in progress; task_take()
 * removes it when the answer has arrived, and the caller frees it. task_push()
 * copies @t and returns 0, -ENOTCONN (closed), -ENOBUFS (IKE_QUEUE_MAX) or
 * -ENOMEM.
 */
int task_push(struct ike_sa *sa, const struct ike_task *t);
/* Like task_push(), in front of all others; no exchange is in progress. */
int task_push_first(struct ike_sa *sa, const struct ike_task *t);
/* Like task_push(), behind the exchange in progress and in front of all others. */
int task_push_next(struct ike_sa *sa, const struct ike_task *t);
struct ike_task *task_take(struct ike_sa *sa);
void task_free(struct ike_task *t); /* NULL is allowed */

/* ---- sa.c --------------------------------------------------------------- */

/* Lines of the log about one IKE SA; lib/log.h says more. */
#define sa_log(level, sa, fmt, ...) \
	log_line(level, "IKE SA %s: " fmt, sa_name(sa), ##__VA_ARGS__)
#define sa_err(sa, ...) sa_log(LOG_LEVEL_ERR, sa, __VA_ARGS__)
#define sa_warn(sa, ...) sa_log(LOG_LEVEL_WARN, sa, __VA_ARGS__)
#define sa_debug(sa, ...) sa_log(LOG_LEVEL_DEBUG, sa, __VA_ARGS__)

/*
 * The only writer of the state. A transition that is not allowed is logged with
 * both names, and -EINVAL is returned.
 */
int ike_sa_state(struct ike_sa *sa, enum ike_sa_st to);
const char *ike_st_name(enum ike_sa_st st);
/* Return both SPIs as text, valid until the call after the next one. */
const char *sa_name(const struct ike_sa *sa);
/* Take a copy of the peer's identity, or name it by that. Return 0 or -ENOMEM. */
int sa_set_peer_id(struct ike_sa *sa, const struct ike_id *id);
int sa_name_peer(struct ike_sa *sa, const struct ike_id *id);
/* Return the name of the peer, "" until it is known. */
static inline const char *sa_peer_name(const struct ike_sa *sa)
{
	return sa->peer_name ? sa->peer_name : "";
}

/* Wipe and free what only AUTH needs. */
void sa_drop_handshake(struct ike_sa *sa);
/* Wipe and free the renewal that is open, if any; its candidate stays. */
void sa_drop_rekey(struct ike_sa *sa);
/* Wipe and free the additional key exchanges of a renewal of the peer's. */
void sa_drop_follow(struct ike_sa *sa);
void sa_free(struct ike_sa *sa);

/* ---- table.c ------------------------------------------------------------ */

/* Every function of engine.h runs between these two, see re-entry there. */
void engine_enter(struct ike_engine *engine);
void engine_leave(struct ike_engine *engine); /* frees dead SAs at depth 0 */
/* Add @sa to lists and hashes; its own SPI must be set. */
void table_add(struct ike_engine *engine, struct ike_sa *sa);
/* Move @sa to the dead SAs, which engine_leave() frees. */
void table_bury(struct ike_sa *sa);
/*
 * Exchange what makes up two IKE SAs of one peer: SPIs, algorithms, keys, and
 * the windows of both directions. Who uses them, and timers, stay.
 */
void table_swap(struct ike_sa *a, struct ike_sa *b);
/* Return the SPI that we chose. */
const uint8_t *sa_own_spi(const struct ike_sa *sa);

/* Return the key of our messages. */
static inline struct sk_key *sa_own_key(struct ike_sa *sa)
{
	return sa->initiator ? &sa->keys.ei : &sa->keys.er;
}

/* Return the key of the peer's messages. */
static inline struct sk_key *sa_peer_key(struct ike_sa *sa)
{
	return sa->initiator ? &sa->keys.er : &sa->keys.ei;
}

/* Note the peer's new address; the SA stays the same. */
void table_move(struct ike_sa *sa, const struct ep *peer);
struct ike_sa *table_find(struct ike_engine *engine, const uint8_t *own_spi);
/*
 * Count the responder SAs of a peer address. *@same is the one that was opened
 * by an IKE_SA_INIT with this hash, or NULL.
 */
unsigned int table_peer_count(struct ike_engine *engine, const struct ep *peer,
			      const uint8_t init_hash[HASH_SHA256_LEN],
			      struct ike_sa **same);
/* Count the authenticated SAs of a peer address. */
unsigned int table_placed_count(struct ike_engine *engine,
				const struct addr *peer);
int table_new_spi(struct ike_engine *engine, uint8_t spi[IKE_SPI_LEN]);
void table_init(struct ike_engine *engine);
/* Free the tables, which are empty. */
void table_clear(struct ike_engine *engine);

/* ---- kept.c ------------------------------------------------------------- */

void kept_init(struct ike_engine *engine);
/*
 * Keep a request of the peer in place of the one before, for which there is no answer
 * yet. Returns 0 or -ENOMEM.
 */
int kept_begin(struct ike_sa *sa, const struct blob *req,
	       const struct ike_path *path);
void kept_drop(struct ike_sa *sa);
/* The group layer has later_ms from now to decide about the request, or has decided. */
void kept_wait(struct ike_sa *sa);
void kept_decided(struct ike_sa *sa);
/* Return an SA whose time to be decided about is over, each once; NULL: there is none. */
struct ike_sa *kept_undecided(struct ike_engine *engine);

/* ---- last_answer.c ------------------------------------------------------ */

/* Called by sa_close(): keeps the last answer of a responder, if any. */
void last_answer_keep(struct ike_sa *sa);
/*
 * Return true if @in is a retransmitted request of an ended SA; it was
 * answered.
 */
bool last_answer_send(struct ike_engine *engine, const struct ike_in *in);
void last_answers_free(struct ike_engine *engine);

/* ---- keys.c ------------------------------------------------------------- */

/*
 * SKEYSEED. IKE_SA_INIT derives it from a shared secret; IKE_INTERMEDIATE (RFC
 * 9370 section 2.2.2) and resumption (RFC 5723 section 5.1) derive it from
 * SK_d. A secret.
 */
struct ike_seed {
	uint8_t p[PRF_MAX_LEN];
	size_t len;
};

/*
 * Compute SKEYSEED (RFC 7296 section 2.14). Returns 0, -ENOTSUP (PRF), -EINVAL
 * (nonces) or an error of the PRF.
 */
int seed_of_shared(struct ike_seed *seed, const struct ike_suite *s,
		   const struct blob *ni, const struct blob *nr,
		   const uint8_t *shared, size_t shared_len);
/*
 * Compute SKEYSEED of a renewed IKE SA (RFC 7296 section 2.18): by the PRF @s
 * and the SK_d of the one that it replaces. Errors are those of
 * seed_of_shared().
 */
int seed_of_rekey(struct ike_seed *seed, const struct ike_suite *s,
		  const struct ike_keys *old, const struct blob *ni,
		  const struct blob *nr, const uint8_t *shared,
		  size_t shared_len);
/*
 * The same with additional key exchanges (RFC 9370 section 2.2.4): prf(SK_d, SK(0)
 * | Ni | Nr | SK(1) | ... SK(n)).
 */
int seed_of_renewal(struct ike_seed *seed, const struct ike_suite *s,
		    const struct ike_keys *old, const struct blob *ni,
		    const struct blob *nr, const struct ike_secrets *secrets);
/*
 * SKEYSEED of a resumed IKE SA (RFC 5723 section 5.1): prf(SK_d, "Resumption" | Ni |
 * Nr). Errors are those of seed_of_shared().
 */
int seed_of_session(struct ike_seed *seed, const struct ike_session *s,
		    const struct blob *ni, const struct blob *nr);
void seed_wipe(struct ike_seed *seed);
/*
 * Derive all keys from a seed (RFC 7296 section 2.14), and GSK_w (RFC 9838
 * section 3.4). The former contents of @k are overwritten without a wipe.
 * Returns 0, -ENOTSUP, or an error of the PRF; then @k holds no keys.
 */
int keys_derive(struct ike_keys *k, const struct ike_suite *s,
		const struct ike_seed *seed, const struct blob *ni,
		const struct blob *nr, const uint8_t spi_i[8],
		const uint8_t spi_r[8]);
void keys_wipe(struct ike_keys *k);
/* Wipe and free the keys that only AUTH needs. */
void keys_drop_auth(struct ike_keys *k);
/*
 * Mix a PPK into SK_d, SK_pi and SK_pr (RFC 8784 section 3), and derive GSK_w
 * again. @before gets what they were. Returns 0 or an error of the PRF; then
 * nothing has changed.
 */
int keys_mix_ppk(struct ike_keys *k, const struct ike_suite *s,
		 const uint8_t *ppk, size_t len, struct ike_unmixed *before);
void keys_unmix(struct ike_keys *k, const struct ike_unmixed *before);
/*
 * Write one line of tshark's table. Returns false if tshark does not know the
 * cipher.
 */
bool keys_line(const struct ike_sa *sa, char *buf, size_t size);
/*
 * Pass that line to cfg.export_keys, if set. The table has one line for an IKE SA,
 * so its keys are those after all additional key exchanges.
 */
void keys_export(const struct ike_sa *sa);

/* ---- suite.c ------------------------------------------------------------ */

/* Rules by which a responder chooses. */
struct suite_rules {
	const struct sa_pld *own;
	uint8_t spi_len; /* size of SPIs in the offer, which are not zero */
	/*
	 * A key wrap algorithm is one of the transforms; or else the proposal
	 * has none.
	 */
	bool kwa;
	/*
	 * Additional key exchanges, NULL: none. Without N(INTERMEDIATE_EXCHANGE_
	 * SUPPORTED) of the peer proposals with them are not understood.
	 */
	const struct ike_addke *addke;
	bool intermediate;
};

/*
 * Responder: choose the first algorithms that @offer has in common with ours,
 * in the peer's order; all transforms are from one proposal of each side, and no
 * additional key exchange is done twice. Returns the proposal of @offer, or NULL
 * if there is none.
 */
const struct proposal *suite_choose(const struct suite_rules *rules,
				    const struct sa_pld *offer,
				    struct ike_suite *s);
/*
 * Initiator: return true if a responder may choose @answer from @own. It has a
 * key wrap algorithm, and additional key exchanges, if, and only if, our proposal
 * has.
 */
bool suite_chosen(const struct sa_pld *own, const struct sa_pld *answer,
		  uint8_t spi_len, struct ike_suite *s);
/* Make the SA payload of the answer. */
void suite_answer(const struct ike_suite *s, struct sa_pld *sa);
/*
 * Initiator: make @offer of @own, with additional key exchanges in each proposal.
 * If they are not required, those of @own follow unchanged for peers that do not
 * know of them. @own is small enough for that, see check_addke().
 */
void suite_offer(const struct sa_pld *own, const struct ike_addke *addke,
		 struct sa_pld *offer);
/*
 * Return the method of the additional key exchange @n, counted from 0 in the order
 * that they are done in; 0 if there are no more.
 */
uint16_t suite_addke(const struct ike_suite *s, unsigned int n);
/* Return true if a proposal of @own has the group @ke. */
bool suite_offers_ke(const struct sa_pld *own, uint16_t ke);
/*
 * Return for the log what no proposal of @offer has in common with ours; with
 * @plain those without a key wrap algorithm are acceptable as well.
 */
const char *suite_lacks(const struct suite_rules *rules,
			const struct sa_pld *offer, bool plain);

/* ---- init_cookie.c ------------------------------------------------------- */

/*
 * RFC 7296 section 2.6: an initiator that is asked for a cookie retransmits
 * IKE_SA_INIT with the cookie in front, and signs what it sent last. If a late
 * copy of the first one was answered too, because no cookie was needed any
 * more, it may take that answer. The signed request is therefore one of these
 * variants: without a cookie (0), or with one of those that we gave out (1 and
 * up). Returns 0; -ENOENT if the variant is the answered request itself or is
 * not known.
 */
#define INIT_VARIANTS (1 + COOKIES_GOOD)
int init_variant(struct ike_sa *sa, unsigned int i, struct blob *out);

/* ---- nat.c -------------------------------------------------------------- */

/*
 * Add N(NAT_DETECTION_*) of our side for a message by @path; nothing if our address is
 * unknown.
 */
void nat_put(struct pchain *c, const struct ike_sa *sa,
	     const struct ike_path *path);
/* Set @own to the source of our datagrams, before any NAT. Returns false if unknown. */
bool nat_own(const struct ike_sa *sa, const struct ike_path *path,
	     struct ep *own);
/* Initiator: return true if routing chooses our address, which may change then. */
bool nat_may_move(const struct ike_sa *sa);
/* Set @seen by the peer's notifies in @m, which came by @path. */
void nat_look(const struct ike_msg *m, const struct ike_path *path,
	      struct nat_seen *seen);
/* Note for @sa what nat_look() finds, and whether the peer detects NATs. */
void nat_see(struct ike_sa *sa, const struct ike_msg *m,
	     const struct ike_path *path);

/*
 * Initiator: if a NAT was found, change to port 4500, and start keepalives if
 * the NAT is on our side.
 */
void nat_float(struct ike_sa *sa);
/* Initiator: start or stop keepalives, as a NAT on our side needs. */
void nat_keep(struct ike_sa *sa);
void nat_keepalive(void *arg);

/* ---- window.c ----------------------------------------------------------- */

/*
 * Encrypt @inner into our next request, and retransmit it until it is
 * answered. Returns 0 or -errno.
 */
int sa_request(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner);
/* Like sa_request(), for a message in the clear: IKE_SA_INIT. */
int sa_request_raw(struct ike_sa *sa, uint8_t xchg, const struct wbuf *msg);
/* Retransmit the request with the same octets, and arm the next time. */
void sa_request_again(struct ike_sa *sa);
/*
 * Send a copy of the request in progress where the peer says it is, but is not proven to
 * be, as far as the octets that came from there allow; its answer frees the window.
 */
void sa_request_copy(struct ike_sa *sa);
/* Return how often the request in progress is retransmitted. */
unsigned int sa_request_tries(const struct ike_sa *sa);

/*
 * Responder: encrypt, keep and send the answer to the open request. Returns
 * 0 or -errno.
 */
int sa_respond(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner);
/* Like sa_respond(), with one notify. */
int sa_respond_notify(struct ike_sa *sa, uint8_t xchg, uint16_t type,
		      const void *data, size_t len);
/* Send the last answer again, if @in is the request that was answered last. */
void sa_respond_again(struct ike_sa *sa, const struct ike_in *in);
/*
 * Encrypt a request that follows all others, and do not send it. Returns 0 or
 * -errno.
 */
int sa_last_request(struct ike_sa *sa, uint8_t first, const struct wbuf *inner,
		    struct dgrams *out);

/* ---- last_request.c ----------------------------------------------------- */

/*
 * Send the final message of an SA, before sa_close(). An answer is not waited
 * for, but with @repeat the Delete is retransmitted until one arrives.
 */
void last_request_delete(struct ike_sa *sa, bool repeat);
void last_request_auth_failed(struct ike_sa *sa);
/*
 * Return true if @in answers a final message, which is not retransmitted any
 * more.
 */
bool last_request_answered(struct ike_engine *engine, const struct ike_in *in);
void last_requests_free(struct ike_engine *engine);

/* ---- close.c ------------------------------------------------------------ */

/*
 * Start the lifetimes, because both sides are authenticated, and free what AUTH
 * needed.
 */
void sa_up(struct ike_sa *sa);
/*
 * Start the lifetime (again): cfg.lifetime_ms, and before its end cfg.rekey_ms,
 * with up to a tenth less, so that peers do not begin renewals together.
 */
void sa_arm_life(struct ike_sa *sa);
/* Try a renewal in @ms again, or just end when the lifetime does. */
void sa_arm_retry(struct ike_sa *sa, uint64_t ms);
void sa_arm_end(struct ike_sa *sa);
/*
 * Close the SA: stop timers, wipe secrets, refuse open requests with @notify
 * and @reason, and call sa_closed(). No message is sent. A closed SA is left
 * alone.
 */
void sa_close(struct ike_sa *sa, uint16_t notify, const char *reason);
/* Count a malformed message, and close the SA without a Delete. */
void sa_end_malformed(struct ike_sa *sa, const char *why);
/*
 * Responder: close an SA that is up, with a Delete, if no group admits its peer
 * (any more). One that owes an answer is left alone: the group layer judges that.
 * Returns true if it is closed.
 */
bool sa_end_unwelcome(struct ike_sa *sa);

/* ---- life.c ------------------------------------------------------------- */

/* Fail the requests that the group layer has not decided about in time. */
void sa_later_due(void *engine);
/* Return a new SA that is in no list, NULL if memory is short. */
struct ike_sa *sa_new(struct ike_engine *engine, bool initiator,
		      const struct ike_path *path);
/* Start the exchange of the first task unless one is in progress. */
void sa_run(struct ike_sa *sa);
/* task_push() and sa_run(). */
int sa_ask(struct ike_sa *sa, const struct ike_task *t);

/* ---- input.c ------------------------------------------------------------ */

/* Handle a message of the SA, called by engine.c when both SPIs match. */
void sa_input(struct ike_sa *sa, struct ike_in *in);

#endif
