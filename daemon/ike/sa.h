/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IKE SA, and the engine's own view of all of them. Private to daemon/ike:
 * others use engine.h.
 *
 * One file per exchange: init.c (IKE_SA_INIT), gsa_auth.c, registration.c,
 * informational.c. sa.c has what they share: state, window, retransmission;
 * engine.c finds the SA of a datagram.
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
enum ike_task_type {
	TASK_INIT,
	TASK_AUTH,
	TASK_REGISTER,
	TASK_REPORT,
	TASK_LIVENESS,
	TASK_SENDING,
	TASK_RIVAL,
};

struct ike_task {
	TAILQ_ENTRY(ike_task) link;
	enum ike_task_type type;
	struct ike_id idg;
	bool send;
	uint32_t n_sender_ids;
	bool used_up;
	uint32_t spi; /* of TASK_SENDING, TASK_RIVAL */
	uint16_t report;
	struct sa_pld *sag; /* owned, NULL: default */
};

TAILQ_HEAD(ike_tasks, ike_task);

/* Octets kept, with their length */
struct blob {
	uint8_t *p;
	size_t len;
};

/* 0 or -ENOMEM; what was in @b is wiped */
int blob_set(struct blob *b, const void *p, size_t len);
void blob_free(struct blob *b);

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

	struct ep local;
	struct ep peer;
	/*
	 * Where the request that is answered, or was answered last, came from
	 * and to: its answer goes back the same way (RFC 7296 2.11), which
	 * need not be where our own requests go.
	 */
	struct ep ans_local;
	struct ep ans_peer;
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
	struct blob my_req; /* its octets, to be sent again as they are */
	unsigned int my_sent; /* times sent again */
	unsigned int doubt; /* tries left since the peer denied the SA */
	struct ike_tasks tasks; /* the first is the one under way */
	unsigned int n_tasks;

	uint32_t peer_mid; /* of the next request expected from the peer */
	struct blob last_req; /* request answered last, and the answer */
	struct blob last_res;
	bool waits; /* GIKE_LATER: last_req is not answered */
	uint64_t token;
	uint8_t wait_xchg;
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
struct quota;

#define ENGINE_BUCKETS 1024

struct ike_engine {
	struct ike_engine_cfg cfg;
	struct ike_ops ops;
	void *ctx;
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
	unsigned int depth; /* calls under way, see re-entry in engine.h */
	bool dying; /* no new SAs */
	uint32_t next_token;
	uint64_t next_serial;
	uint64_t cap_said_ms; /* when IKE_EV_CAP was last said, or 0 */
	struct quota *net_errors; /* answers in the clear */
	struct quota *all_errors;
};

/* ---- engine.c ----------------------------------------------------------- */

void engine_enter(struct ike_engine *engine);
void engine_leave(struct ike_engine *engine); /* frees the dead at depth 0 */
/* In lists and hashes; both SPIs of ours are set before */
void engine_add(struct ike_engine *engine, struct ike_sa *sa);
/* The peer is at another address now; the SA stays the one it is. */
void engine_move(struct ike_sa *sa, const struct ep *peer);
struct ike_sa *engine_find(struct ike_engine *engine, const uint8_t *own_spi);
/*
 * Responder SAs of a peer address; *@same gets the one that was opened by an
 * IKE_SA_INIT with this hash.
 */
unsigned int engine_peer_count(struct ike_engine *engine, const struct ep *peer,
			       const uint8_t init_hash[HASH_SHA256_LEN],
			       struct ike_sa **same);
/* Of octets that peers choose */
uint64_t engine_hash(const struct ike_engine *engine, const void *p,
		     size_t len);
struct ike_sa_list *engine_peer_bucket(struct ike_engine *engine,
				       const struct addr *a);
int engine_new_spi(struct ike_engine *engine, uint8_t spi[IKE_SPI_LEN]);
/* Says IKE_EV_CAP, but not all the time */
void engine_cap(struct ike_engine *engine, const struct ep *peer,
		const char *what);
/* One notify in the clear, in answer to @h, without any state */
void engine_answer_clear(struct ike_engine *engine, const struct ep *from,
			 const struct ep *to, const struct ike_hdr *h,
			 uint16_t type, const void *data, size_t len);
/* The same for an error; limited, what is beyond that is counted. */
void engine_error_clear(struct ike_engine *engine, const struct ep *from,
			const struct ep *to, const struct ike_hdr *h,
			uint16_t type, const void *data, size_t len);
/* Says IKE_EV_NOT_TAKEN */
__attribute__((format(printf, 3, 4))) void
engine_not_taken(struct ike_engine *engine, const struct ep *peer,
		 const char *fmt, ...);
void engine_send(struct ike_engine *engine, const struct ep *from,
		 const struct ep *to, const uint8_t *p, size_t len);
void engine_event(struct ike_engine *engine, enum ike_event_type type,
		  const struct ep *peer, const char *name, const char *text);

/* ---- places.c ----------------------------------------------------------- */

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
/*
 * False: the identity that @sa's peer claims has authenticated itself too
 * often, so that this is not worth a look at signatures; counted.
 */
bool name_left(struct ike_sa *sa);

/*
 * The peer has proven to be sa->peer_name: others give way as needed. 0, or
 * -EBUSY: all of them wait for answers.
 */
int place_take(struct ike_sa *sa);
/* Some SA of that address would give way. */
bool place_idle(struct ike_engine *engine, const struct addr *peer);
/* The peer has used it just now. */
void place_used(struct ike_sa *sa);
/* Called by sa_close() */
void place_leave(struct ike_sa *sa);

/* ---- sa.c --------------------------------------------------------------- */

struct ike_sa *sa_new(struct ike_engine *engine, bool initiator,
		      const struct ep *local, const struct ep *peer);
void sa_free(struct ike_sa *sa);
/* Illegal moves are refused (-EINVAL) and logged with both names. */
int ike_sa_state(struct ike_sa *sa, enum ike_sa_st to);
const char *ike_st_name(enum ike_sa_st st);
/*
 * Ends it: timers off, secrets wiped, open requests refused with @notify and
 * @reason, sa_closed(). Sends nothing. Harmless when it has ended already.
 */
void sa_close(struct ike_sa *sa, uint16_t notify, const char *reason);
/* Authenticated both ways: lifetimes start, what AUTH needed is dropped. */
void sa_up(struct ike_sa *sa);
void sa_event(struct ike_sa *sa, enum ike_event_type type, const char *text);
void sa_set_name(struct ike_sa *sa);

/*
 * Initiator side of an exchange. The task of the exchange under way is the
 * first; task_take() takes it out when the answer has come, the caller frees
 * it and calls sa_run() for the next.
 */
int task_push(struct ike_sa *sa, const struct ike_task *t);
struct ike_task *task_take(struct ike_sa *sa);
void task_free(struct ike_task *t);
void sa_run(struct ike_sa *sa);
/* Seals @inner into our next request and sends it until it is answered. */
int sa_request(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner);
/* The same for octets that are not sealed: IKE_SA_INIT */
int sa_request_raw(struct ike_sa *sa, uint8_t xchg, const struct wbuf *msg);
/* Sends it once and waits for nothing: the last word of an SA */
void sa_last_word(struct ike_sa *sa, uint8_t first, const struct wbuf *inner);

/* Responder side: seals, keeps and sends the answer to the open request. */
int sa_respond(struct ike_sa *sa, uint8_t xchg, uint8_t first,
	       const struct wbuf *inner);
/* The same with one notify in it */
int sa_respond_notify(struct ike_sa *sa, uint8_t xchg, uint16_t type,
		      const void *data, size_t len);

/* A message of the SA, from engine.c: both SPIs were right */
void sa_input(struct ike_sa *sa, const struct ep *from, const struct ep *to,
	      const uint8_t *p, size_t len, const struct ike_hdr *h);

/* ---- rest.c ------------------------------------------------------------- */

/* Called by sa_close(): keeps the last answer of a responder, if any. */
void rest_keep(struct ike_sa *sa);
/* True: it was a repeated request of an SA that has ended, and is answered. */
bool rest_answer(struct ike_engine *engine, const struct ep *from,
		 const struct ep *to, const uint8_t *p, size_t len,
		 const struct ike_hdr *h);
void rest_free_all(struct ike_engine *engine);

/* ---- keys.c ------------------------------------------------------------- */

/* SKEYSEED and all that follows (RFC 7296 2.14), GSK_w (RFC 9838 3.4) */
int keys_derive(struct ike_keys *k, const struct ike_suite *s,
		const uint8_t *shared, size_t shared_len, const struct blob *ni,
		const struct blob *nr, const uint8_t spi_i[8],
		const uint8_t spi_r[8]);
void keys_wipe(struct ike_keys *k);
/* One line of tshark's table; false when tshark does not know the cipher */
bool keys_line(const struct ike_sa *sa, char *buf, size_t size);

/* ---- init.c ------------------------------------------------------------- */

int init_request(struct ike_sa *sa);
void init_got_response(struct ike_sa *sa, const struct ep *to, const uint8_t *p,
		       size_t len, const struct ike_hdr *h);
void init_got_request(struct ike_engine *engine, const struct ep *from,
		      const struct ep *to, const uint8_t *p, size_t len,
		      const struct ike_hdr *h);

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
/* Sets nat_here and nat_there by what the peer's say; @m came @from, @to us */
void nat_see(struct ike_sa *sa, const struct ike_msg *m, const struct ep *from,
	     const struct ep *to);

/*
 * Initiator: where a NAT was found, port 4500 is used from here on, and
 * keepalives are sent if it is before us.
 */
void nat_float(struct ike_sa *sa);
void nat_keepalive(void *arg);

/* ---- gsa_auth.c --------------------------------------------------------- */

/* CERTREQ: whose certificates we believe, for either side (RFC 7296 3.7) */
void certreq_put(struct pchain *c, const struct ike_sa *sa);
int auth_request(struct ike_sa *sa, const struct ike_task *t);
void auth_got_request(struct ike_sa *sa, struct ike_msg *m);
void auth_got_response(struct ike_sa *sa, struct ike_msg *m);

/* ---- registration.c ----------------------------------------------------- */

int reg_request(struct ike_sa *sa, const struct ike_task *t);
void reg_got_request(struct ike_sa *sa, struct ike_msg *m);
void reg_got_response(struct ike_sa *sa, struct ike_msg *m);
/* IDg, SAg, N(GROUP_SENDER) of a request; shared with GSA_AUTH */
int group_req_build(struct pchain *c, const struct ike_task *t);
/* Asks the group layer, or answers at once when that cannot be. */
void group_req_ask(struct ike_sa *sa, struct ike_msg *m);
/* Answers the request that waits. 0 or why the keys did not go out. */
int group_req_answer(struct ike_sa *sa, const struct gike_reply *r);
/* What the answer to @t says of the group; takes @t */
void group_reply_got(struct ike_sa *sa, struct ike_msg *m, struct ike_task *t);
/* IDr, CERT, AUTH in front of an answer to GSA_AUTH */
int auth_answer_head(struct ike_sa *sa, struct pchain *c);

/* ---- informational.c ---------------------------------------------------- */

int info_request(struct ike_sa *sa);
/* N(MCSEC_SENDING) or N(MCSEC_RIVAL), as t->type says */
int info_of_data(struct ike_sa *sa, const struct ike_task *t);
/* The last words of an SA */
void info_delete(struct ike_sa *sa);
void info_auth_failed(struct ike_sa *sa);
void info_got_request(struct ike_sa *sa, struct ike_msg *m);
void info_got_response(struct ike_sa *sa, struct ike_msg *m);

#endif
