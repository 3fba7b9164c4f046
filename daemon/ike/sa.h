/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IKE SA, and the engine's own view of all of them. Private to daemon/ike:
 * others use engine.h.
 *
 * Files, from above; each uses only what stands below it:
 *
 *	engine		what others may ask for, and whose datagram it is
 *	input		a message of an IKE SA: window, seal, whose turn it is
 *	exchange	the table of exchanges, with one file for each:
 *			init, gsa_auth, registration, informational
 *	life		an IKE SA from its beginning to its timers
 *	groupreq	what GSA_AUTH and GSA_REGISTRATION have in common
 *	close		up, and closed
 *	farewell	the last words of an IKE SA
 *	window		requests and answers of ours, sealed
 *	places rest table	how many there may be; answers of the ended; all SAs
 *	sa task out event	one SA, its requests, datagrams, what is told
 *	auth cookie dgram init_cookie keys nat suite
 *
 * An exchange is called from below by the table of exchanges, which is handed over
 * in struct ike_engine.
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
#include "crypto/prf.h"
#include "crypto/sign.h"
#include "ike/cookie.h"
#include "ike/dgram.h"
#include "ike/engine.h"
#include "wire/message.h"
#include "lib/timer.h"

/*
 * Initiator:	NEW -> INIT_SENT -> AUTH_SENT -> UP -> CLOSED
 * Responder:	NEW -> INIT_DONE -> AUTH_WAIT -> UP -> CLOSED
 *
 * AUTH_WAIT: the peer is authenticated, the group layer has said
 * GIKE_LATER and GSA_AUTH is not answered yet. Everything may go to CLOSED,
 * nothing leaves it. ike_sa_state() is the only writer.
 */
enum ike_sa_st {
	IKE_ST_NEW,
	IKE_ST_INIT_SENT,
	IKE_ST_AUTH_SENT,
	IKE_ST_INIT_DONE,
	IKE_ST_AUTH_WAIT,
	IKE_ST_UP,
	IKE_ST_CLOSED,
};

/* What was negotiated in IKE_SA_INIT */
struct ike_suite {
	uint8_t num; /* of the proposal */
	uint16_t encr;
	uint16_t key_bits;
	uint16_t prf;
	uint16_t ke;
	uint16_t kwa;
};

/* SK_d, SK_p*, and the two directions; RFC 7296 2.14 without SK_a */
struct ike_keys {
	bool have;
	uint8_t prf_len;
	uint8_t sk_d[PRF_MAX_LEN];
	uint8_t sk_pi[PRF_MAX_LEN];
	uint8_t sk_pr[PRF_MAX_LEN];
	struct sk_key ei;
	struct sk_key er;
	struct kwk gsk_w;
};

/* A request of ours, waiting for its turn */
struct ike_task {
	TAILQ_ENTRY(ike_task) link;
	uint8_t xchg; /* enum ike_xchg */
	/* GSA_AUTH and GSA_REGISTRATION: what is asked of the key server */
	struct ike_id idg;
	bool send;
	uint32_t n_sender_ids;
	bool used_up;
	uint16_t report; /* 14 or 49 in place of asking, else 0 */
	struct sa_pld *sag; /* owned, NULL: default */
	struct opaque *opaque; /* owned, NULL: none */
	/* INFORMATIONAL: N(MCSEC_SENDING) or N(MCSEC_RIVAL), or 0: empty */
	uint16_t notify;
	uint32_t spi; /* in that notify */
};

TAILQ_HEAD(ike_tasks, ike_task);

/* A message that has come */
struct ike_in {
	struct ike_path path;
	const uint8_t *p; /* of the caller of ike_engine_input() */
	size_t len;
	/* The header; payloads once msg_sort() has been here */
	struct ike_msg m;
};

/* A message of ours that is kept to be sent again as the octets that it was */
struct ike_out {
	struct ike_path path;
	struct dgrams dgrams;
};

struct ike_sa {
	LIST_ENTRY(ike_sa) link; /* all of the engine, or its dead */
	LIST_ENTRY(ike_sa) by_spi; /* own SPI */
	LIST_ENTRY(ike_sa) by_peer; /* responder: address of the peer */
	/* responder, in INIT_DONE: the half-open; see places.c */
	TAILQ_ENTRY(ike_sa) by_age;
	TAILQ_ENTRY(ike_sa) in_addr;
	TAILQ_ENTRY(ike_sa) in_net;
	struct crowd *of_addr;
	struct crowd *of_net;
	uint64_t born_ms; /* when it came to be half-open */
	/* responder, authenticated, if @placed */
	LIST_ENTRY(ike_sa) in_name;
	TAILQ_ENTRY(ike_sa) by_use;
	bool placed;
	struct ike_engine *engine;

	bool initiator;
	enum ike_sa_st state;
	bool dead; /* in the list of the dead, freed from there */
	bool told; /* the user knows it: sa_closed() is due */
	bool keep; /* not closed for being idle */
	void *user;
	uint64_t serial; /* counts up; later ones were opened later */
	char name[2 * 16 + 2];

	struct ike_path path; /* where our own requests go */
	bool nat_here; /* we are behind one */
	bool nat_there;
	uint8_t spi_i[IKE_SPI_LEN];
	uint8_t spi_r[IKE_SPI_LEN];

	struct ike_suite suite;
	struct ike_keys keys;
	struct dh *dh;
	struct blob ni;
	struct blob nr;
	struct blob init_req; /* IKE_SA_INIT as sent, for AUTH */
	uint8_t init_hash[HASH_SHA256_LEN]; /* responder: of init_req */
	struct ep init_from; /* responder: where that came from */
	struct blob init_res;
	struct blob cookie; /* initiator: to be given back */
	unsigned int init_tries;
	uint32_t peer_hashes; /* bit per enum ike_hash, 0: none said */

	struct ike_id peer_id; /* initiator: expected; responder: proven */
	char peer_name[ID_STR_MAX];
	time_t peer_ends; /* of its certificate, seconds since 1970 */
	uint16_t init_error; /* initiator: what an answer in the clear said */

	/* Window of one in each direction, RFC 7296 2.3 */
	uint32_t my_mid; /* of our next request */
	bool my_busy; /* a request of ours is out */
	uint8_t my_xchg;
	struct ike_out my_req;
	unsigned int my_sent; /* times sent again */
	unsigned int doubt; /* tries left since the peer denied the SA */
	struct ike_tasks tasks; /* the first is the one under way */
	unsigned int n_tasks;

	uint32_t peer_mid; /* of the next request expected from the peer */
	struct dgrams last_req; /* request answered last, as it came */
	struct ike_out last_res; /* its path is there before its octets */
	bool waits; /* GIKE_LATER: last_req is not answered */
	uint64_t token;
	const struct exchange *wait_xchg;
	bool wait_send; /* the request had N(GROUP_SENDER) */
	bool wait_report; /* it reports or leaves: no keys in the answer */

	struct timer t_rexmit;
	struct timer t_life; /* half-open life, then lifetime */
	struct timer t_idle;
	struct timer t_later;
	struct timer t_keepalive; /* initiator behind a NAT */
};

LIST_HEAD(ike_sa_list, ike_sa);
TAILQ_HEAD(ike_sa_queue, ike_sa);
LIST_HEAD(crowd_list, crowd);
LIST_HEAD(rest_list, rest);
TAILQ_HEAD(rest_queue, rest);
LIST_HEAD(farewell_list, farewell);
TAILQ_HEAD(farewell_queue, farewell);
struct quota;
struct exchange;

#define ENGINE_BUCKETS 1024

struct ike_engine {
	struct ike_engine_cfg cfg;
	struct ike_ops ops;
	void *ctx;
	const struct exchange *exchanges; /* exchange.h; ends with type 0 */
	struct sa_pld proposals;
	struct cookies cookies;
	uint64_t cookie_ms; /* when the last one was given out */
	struct ike_stats stats;
	struct ike_sa_list sas;
	struct ike_sa_list dead;
	struct ike_sa_list by_spi[ENGINE_BUCKETS];
	struct ike_sa_list by_peer[ENGINE_BUCKETS];
	uint64_t seed; /* of hashes of what peers choose */
	struct ike_sa_queue half_open; /* the oldest first */
	struct crowd_list addr_crowds[ENGINE_BUCKETS];
	struct crowd_list net_crowds[ENGINE_BUCKETS];
	struct ike_sa_list by_name[ENGINE_BUCKETS];
	struct ike_sa_queue by_use; /* placed, the longest unused first */
	unsigned int n_placed;
	struct quota *net_quota;
	struct quota *ep_quota;
	struct quota *name_quota;
	struct rest_queue rests; /* the oldest first */
	struct rest_list rest_by_spi[ENGINE_BUCKETS];
	unsigned int n_rests;
	struct farewell_queue farewells; /* the oldest first */
	struct farewell_list farewell_by_spi[ENGINE_BUCKETS];
	unsigned int n_farewells;
	unsigned int depth; /* calls under way, see re-entry in engine.h */
	bool dying; /* no new SAs */
	uint32_t next_token;
	uint64_t next_serial;
	uint64_t cap_said_ms; /* when IKE_EV_CAP was last said, or 0 */
	struct quota *net_errors; /* answers in the clear */
	struct quota *all_errors;
};

/* ---- event.c ------------------------------------------------------------ */

void engine_event(struct ike_engine *engine, enum ike_event_type type,
		  const struct ep *peer, const char *name, const char *text);
void sa_event(struct ike_sa *sa, enum ike_event_type type, const char *text);
/* Says IKE_EV_NOT_TAKEN */
__attribute__((format(printf, 3, 4))) void
engine_not_taken(struct ike_engine *engine, const struct ep *peer,
		 const char *fmt, ...);
/* Says IKE_EV_CAP, but not all the time */
void engine_cap(struct ike_engine *engine, const struct ep *peer,
		const char *what);

/* ---- out.c -------------------------------------------------------------- */

/* 0 or -ENOMEM */
int out_init(struct ike_engine *engine);
void out_free(struct ike_engine *engine);
/* Every datagram of @d */
void out_send(struct ike_engine *engine, const struct ike_path *path,
	      const struct dgrams *d);
/* One notify in the clear, in answer to @in, without any state */
void out_clear(struct ike_engine *engine, const struct ike_in *in,
	       uint16_t type, const void *data, size_t len);
/* The same for an error; limited, what is beyond that is counted. */
void out_clear_error(struct ike_engine *engine, const struct ike_in *in,
		     uint16_t type, const void *data, size_t len);

/* ---- task.c ------------------------------------------------------------- */

/*
 * Initiator side of exchanges: a queue. The task of the exchange under way is
 * the first; task_take() takes it out when the answer has come, the caller frees
 * it. 0, -ENOTCONN (closed), -ENOBUFS (IKE_QUEUE_MAX), -ENOMEM.
 */
int task_push(struct ike_sa *sa, const struct ike_task *t);
struct ike_task *task_take(struct ike_sa *sa);
void task_free(struct ike_task *t); /* NULL is harmless */

/* ---- sa.c --------------------------------------------------------------- */

/* Illegal moves are refused (-EINVAL) and logged with both names. */
int ike_sa_state(struct ike_sa *sa, enum ike_sa_st to);
const char *ike_st_name(enum ike_sa_st st);
void sa_set_name(struct ike_sa *sa);
/* What only AUTH needed is wiped. */
void sa_drop_handshake(struct ike_sa *sa);
void sa_free(struct ike_sa *sa);

/* ---- table.c ------------------------------------------------------------ */

void engine_enter(struct ike_engine *engine);
void engine_leave(struct ike_engine *engine); /* frees the dead at depth 0 */
/* In lists and hashes; both SPIs of ours are set before */
void table_add(struct ike_engine *engine, struct ike_sa *sa);
/* Among the dead, which engine_leave() frees */
void table_bury(struct ike_sa *sa);
/* The peer is at another address now; the SA stays the one it is. */
void table_move(struct ike_sa *sa, const struct ep *peer);
struct ike_sa *table_find(struct ike_engine *engine, const uint8_t *own_spi);
/*
 * Responder SAs of a peer address; *@same gets the one that was opened by an
 * IKE_SA_INIT with this hash.
 */
unsigned int table_peer_count(struct ike_engine *engine, const struct ep *peer,
			      const uint8_t init_hash[HASH_SHA256_LEN],
			      struct ike_sa **same);
/* Authenticated SAs of a peer address */
unsigned int table_placed_count(struct ike_engine *engine,
				const struct addr *peer);
int table_new_spi(struct ike_engine *engine, uint8_t spi[IKE_SPI_LEN]);

/* ---- places.c ----------------------------------------------------------- */

/* Of octets that peers choose; both files that have hashes of them use it */
static inline uint64_t engine_hash(const struct ike_engine *engine,
				   const void *p, size_t len)
{
	uint64_t h = engine->seed ^ 14695981039346656037ull;
	const uint8_t *o = p;

	/* FNV-1a, with a seed and mixed: peers choose what is hashed */
	for (size_t i = 0; i < len; i++)
		h = (h ^ o[i]) * 1099511628211ull;
	return h ^ h >> 32;
}

/* 0 or -ENOMEM */
int places_init(struct ike_engine *engine, uint64_t seed);
void places_free(struct ike_engine *engine);

/* Where a peer is, seen by how many half-open SAs there are. */
struct engine_crowd {
	/* who has to go if another comes; NULL: there is room */
	struct ike_sa *oldest;
	bool near; /* it is its address or network that is full */
};

/* @look is good until the next SA comes or goes. */
void half_open_look(struct ike_engine *engine, const struct addr *peer,
		    struct engine_crowd *look);
/* There is room, or the oldest has had its time. */
bool half_open_room(struct ike_engine *engine, const struct engine_crowd *look);
/* Called by who changes the state to INIT_DONE, before; 0 or -ENOMEM */
int half_open_enter(struct ike_sa *sa);
/* Called by ike_sa_state() */
void half_open_leave(struct ike_sa *sa);

/* False: too many handshakes from there came to nothing; counted. */
bool handshake_left(struct ike_engine *engine, const struct ep *from);
/* The same of its address and port alone, for one that is half-open already */
bool handshake_here_left(struct ike_sa *sa);
/* The peer of a half-open SA could not authenticate itself. */
void handshake_failed(struct ike_sa *sa);
/* The peer of a half-open SA is who it claims to be. */
void handshake_done(struct ike_sa *sa);
/*
 * False: the identity that @sa's peer claims has authenticated itself too
 * often, so that this is not worth a look at signatures; counted.
 */
bool name_left(struct ike_sa *sa);

/* The oldest SA of the identity of @sa, if that has as many as it may */
struct ike_sa *place_surplus(const struct ike_sa *sa);
/* The SA of an address (NULL: of all) that was not used for the longest time */
struct ike_sa *place_idlest(struct ike_engine *engine, const struct addr *peer);
/* @sa is authenticated as sa->peer_name, and has the place that it needs. */
void place_enter(struct ike_sa *sa);
/* The peer has used it just now. */
void place_used(struct ike_sa *sa);
/* Called by sa_close() */
void place_leave(struct ike_sa *sa);

/* ---- rest.c ------------------------------------------------------------- */

/* Called by sa_close(): keeps the last answer of a responder, if any. */
void rest_keep(struct ike_sa *sa);
/* True: it was a repeated request of an SA that has ended, and is answered. */
bool rest_answer(struct ike_engine *engine, const struct ike_in *in);
void rest_free_all(struct ike_engine *engine);

/* ---- keys.c ------------------------------------------------------------- */

/*
 * SKEYSEED. IKE_SA_INIT makes it of a shared secret; IKE_INTERMEDIATE (RFC 9370
 * 2.2.2) and resumption (RFC 5723 5.1) make theirs of SK_d. Holds a secret.
 */
struct ike_seed {
	uint8_t p[PRF_MAX_LEN];
	size_t len;
};

/* RFC 7296 2.14. 0, -ENOTSUP (PRF), -EINVAL (nonces) or what the PRF said. */
int seed_of_shared(struct ike_seed *seed, const struct ike_suite *s,
		   const struct blob *ni, const struct blob *nr,
		   const uint8_t *shared, size_t shared_len);
void seed_wipe(struct ike_seed *seed);
/*
 * All that follows from a seed (RFC 7296 2.14), and GSK_w (RFC 9838 3.4). What
 * was in @k is forgotten, not wiped. 0, -ENOTSUP, or what the PRF said; @k holds
 * no keys then.
 */
int keys_derive(struct ike_keys *k, const struct ike_suite *s,
		const struct ike_seed *seed, const struct blob *ni,
		const struct blob *nr, const uint8_t spi_i[8],
		const uint8_t spi_r[8]);
void keys_wipe(struct ike_keys *k);
/* One line of tshark's table; false when tshark does not know the cipher */
bool keys_line(const struct ike_sa *sa, char *buf, size_t size);

/* ---- suite.c ------------------------------------------------------------ */

/*
 * Responder: the first of what @offer has in common with @own, in the order of
 * the peer; all transforms are of one proposal of each side.
 */
bool suite_choose(const struct sa_pld *own, const struct sa_pld *offer,
		  struct ike_suite *s);
/* Initiator: is @answer what a responder may choose from @own? */
bool suite_chosen(const struct sa_pld *own, const struct sa_pld *answer,
		  struct ike_suite *s);
/* The answer that says what was chosen */
void suite_answer(const struct ike_suite *s, struct sa_pld *sa);
/* Has a proposal of @own the group @ke? */
bool suite_offers_ke(const struct sa_pld *own, uint16_t ke);
/* What no proposal of @offer has in common with ours, for who reads logs */
const char *suite_lacks(const struct sa_pld *own, const struct sa_pld *offer);

/* ---- init_cookie.c ------------------------------------------------------- */

/*
 * RFC 7296 2.6: an initiator that is asked for a cookie sends its IKE_SA_INIT
 * again with the cookie in front, and signs what it sent last. When a late
 * copy of the first one was answered as well, because no cookie was needed any
 * more, it may take that answer. So the request may have been any of these:
 * without a cookie (0), or with one of those that we gave out (1 and up). 0, or
 * -ENOENT: that is the request that was answered, or none that we know of.
 */
#define INIT_VARIANTS (1 + COOKIES_GOOD)
int init_variant(struct ike_sa *sa, unsigned int i, struct blob *out);

/* ---- nat.c -------------------------------------------------------------- */

/* N(NAT_DETECTION_*) of our side; none when the own address is not known */
void nat_put(struct pchain *c, const struct ike_sa *sa);
/* Sets nat_here and nat_there by what the peer's say; @m came by @path */
void nat_see(struct ike_sa *sa, const struct ike_msg *m,
	     const struct ike_path *path);

/*
 * Initiator: where a NAT was found, port 4500 is used from here on, and
 * keepalives are sent if it is before us.
 */
void nat_float(struct ike_sa *sa);
void nat_keepalive(void *arg);

/* ---- window.c ----------------------------------------------------------- */

/* Seals @inner into our next request and sends it until it is answered. */
int sa_request(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner);
/* The same for octets that are not sealed: IKE_SA_INIT */
int sa_request_raw(struct ike_sa *sa, uint8_t xchg, const struct wbuf *msg);
/* Once more, as the octets that it was, and when next if nothing comes */
void sa_request_again(struct ike_sa *sa);

/* Responder side: seals, keeps and sends the answer to the open request. */
int sa_respond(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner);
/* The same with one notify in it */
int sa_respond_notify(struct ike_sa *sa, uint8_t xchg, uint16_t type,
		      const void *data, size_t len);
/* The request of @in, which is the one answered last, gets that answer again. */
void sa_respond_again(struct ike_sa *sa, const struct ike_in *in);
/* A request behind all others, sealed and not sent. 0 or -errno. */
int sa_last_request(struct ike_sa *sa, uint8_t first, const struct wbuf *inner,
		    struct wbuf *out);

/* ---- farewell.c --------------------------------------------------------- */

/*
 * The last words of an SA, before sa_close(). Nobody waits for an answer, but with
 * @repeat the Delete is sent again until one has come.
 */
void farewell_delete(struct ike_sa *sa, bool repeat);
void farewell_auth_failed(struct ike_sa *sa);
/* True: it was the answer to one that was to be sent again, and is not now. */
bool farewell_answered(struct ike_engine *engine, const struct ike_in *in);
void farewell_free_all(struct ike_engine *engine);

/* ---- close.c ------------------------------------------------------------ */

/* Authenticated both ways: lifetimes start, what AUTH needed is dropped. */
void sa_up(struct ike_sa *sa);
/*
 * Ends it: timers off, secrets wiped, open requests refused with @notify and
 * @reason, sa_closed(). Sends nothing. Harmless when it has ended already.
 */
void sa_close(struct ike_sa *sa, uint16_t notify, const char *reason);

/* ---- life.c ------------------------------------------------------------- */

struct ike_sa *sa_new(struct ike_engine *engine, bool initiator,
		      const struct ike_path *path);
/* Begins the exchange of the first task, if none is under way */
void sa_run(struct ike_sa *sa);
/* task_push() and sa_run() */
int sa_ask(struct ike_sa *sa, const struct ike_task *t);

/* ---- input.c ------------------------------------------------------------ */

/* A message of the SA, from engine.c: both SPIs were right */
void sa_input(struct ike_sa *sa, struct ike_in *in);

#endif
