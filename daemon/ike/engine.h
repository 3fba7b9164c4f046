/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unicast IKE SAs of one role of one process: the part of IKEv2 (RFC 7296) that
 * G-IKEv2 (RFC 9838) needs. The engine does no I/O: datagrams go in by
 * ike_engine_input() and out by ops->send(), time comes from the clock and the
 * timer queue given. One engine may be responder (key server), initiator
 * (member), or both.
 *
 * Threads: none, all functions must be called from one thread.
 *
 * Re-entry: any function here may be called from within any callback. An SA
 * that is closed there is freed only when the outermost call returns. A struct
 * ike_sa pointer therefore stays readable until the callback that was given it
 * returns, and is invalid after ops->sa_closed().
 */
#ifndef IKE_ENGINE_H
#define IKE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/gpayload.h"
#include "wire/payload.h"
#include "lib/addr.h"
#include "lib/metric.h"

struct clock;
struct timerq;
struct cert_chain;
struct cert_refs;
struct edge_answer;
struct edge_request;
struct grant_answer;
struct grant_ends;
struct grant_request;
struct ppks;
struct psks;
struct sigkey;
struct trust;
struct ike_engine;
struct ike_sa;

/* ---- requests and replies of the group layer ---------------------------- */

/*
 * A member's request in GSA_AUTH or GSA_REGISTRATION. The pointers are valid
 * during the call that it is passed to.
 */
struct gike_req {
	/* Both sides. */
	struct ike_id idg; /* the group */
	bool send; /* N(GROUP_SENDER) */
	uint32_t n_sender_ids; /* wanted; at the key server >= 1 */
	uint16_t report; /* notify of a report, see ike_report(), or 0 */
	bool fragments; /* takes fragments of GSA_REKEY */
	bool used_up; /* N(MCSEC_USED_UP): needs another Data SA */
	bool later; /* N(MCSEC_LATER): may be put off, see ops.later() */
	/* Initiator: NULL means sag_default(). Responder: NULL means no SAg. */
	const struct sa_pld *sag;
	/* Private-use notifies to send along. Initiator: NULL means none. */
	const struct opaque *opaque;

	/* Responder only. */
	uint8_t xchg; /* GSA_AUTH or GSA_REGISTRATION */
	const struct ike_id *peer; /* authenticated */
	const char *peer_name; /* peer in printable form */
	uint64_t token; /* for ike_reply() */
};

/*
 * The key server's answer. @gsa and @kd stay the caller's; they are checked
 * (gsa_check()) and encoded before the call returns. The caller wraps the keys
 * in KD with ike_sa_kwk().
 */
struct gike_reply {
	uint16_t notify; /* error notify of the group, 0: success */
	/*
	 * If not 0, and gike_req.later was set: the peer is to ask again in so
	 * many milliseconds, and gets no keys now.
	 */
	uint32_t later_ms;
	const struct gsa *gsa; /* NULL in the answer to a report */
	const struct kd *kd;
	bool transport; /* N(USE_TRANSPORT_MODE) */
	/* Private-use notifies to send along; NULL: none. */
	const struct opaque *opaque;
	/*
	 * With @notify: the peer is not welcome in any group, so the IKE SA
	 * ends.
	 */
	bool close;
};

/*
 * The answer as passed to the member. The pointers are valid during the call;
 * parts of *kd may be moved out.
 */
struct gike_answer {
	const struct gsa *gsa;
	struct kd *kd;
	bool transport;
	const struct opaque *opaque; /* never NULL */
};

enum gike_when {
	GIKE_NOW, /* *reply is filled in */
	GIKE_LATER, /* ike_reply() follows; *reply is ignored */
};

/*
 * Contents of a GSA_INBAND_REKEY (RFC 9838 section 2.4.2): keys, Deletes, or
 * both. The key server fills it in, and ike/ checks it (gsa_check()); at the
 * member it has passed that check.
 */
#define IKE_INBAND_MAX_DEL 8
struct gike_inband {
	/*
	 * Member: why the policy cannot be used, or NULL. There are no keys and
	 * no Deletes then, and the callee reports it, because the answer is
	 * empty in any case.
	 */
	const char *unusable;
	bool has_keys; /* gsa and kd are valid */
	struct gsa gsa;
	struct kd kd;
	bool transport; /* N(USE_TRANSPORT_MODE) */
	unsigned int n_del;
	struct delete_pld del[IKE_INBAND_MAX_DEL];
};

/* ---- events for log, audit and status ----------------------------------- */

enum ike_event_type {
	IKE_EV_UP, /* authenticated both ways */
	IKE_EV_CLOSED,
	IKE_EV_AUTH_FAILED, /* peer not authenticated; text says why */
	IKE_EV_REFUSED, /* the peer refused a request of ours; text says why */
	IKE_EV_REQUEST_REFUSED, /* we refused a request, before any SA */
	IKE_EV_CAP, /* a limit was hit; at most one a second */
	IKE_EV_MOVED, /* the IKE SA goes on with another address; text has the former */
};

/*
 * Events are as frequent as peers make them: the receiver must limit what it
 * records. ike/ itself logs nothing above debug about peers.
 */

struct ike_event {
	enum ike_event_type type;
	const struct ep *peer;
	/* "" until known; with AUTH_FAILED it is claimed and not proven. */
	const char *peer_name;
	/* A line in our own words, without any name that a peer chose. */
	const char *text;
};

/* ---- callbacks of the user ---------------------------------------------- */

/* Report of a peer about a Data SA; @group is not terminated. */
typedef void ike_of_data_fn(void *ctx, struct ike_sa *sa, const uint8_t *group,
			    size_t len, uint32_t spi);

struct ike_ops {
	/*
	 * Send one datagram. With from->port 4500 the sender prepends the
	 * non-ESP marker. Network errors are ignored, as retransmission handles
	 * them. This is the only callback that must not call into the engine:
	 * to a peer in the same process the datagram goes by a queue.
	 */
	void (*send)(void *ctx, const struct ep *from, const struct ep *to,
		     const uint8_t *p, size_t len);

	/*
	 * Initiator, may be NULL: sets the address and port from which
	 * datagrams to @peer are sent, for NAT detection if ike_register() got
	 * none. Returns 0 or -errno.
	 */
	int (*local_of)(void *ctx, const struct ep *peer, struct ep *local);

	/*
	 * Responder, may be NULL (true): returns whether we listen on port 4500
	 * of the address @local. If not, NAT_DETECTION notifies are left out,
	 * so that no member changes to that port.
	 */
	bool (*hears_natt)(void *ctx, const struct ep *local);

	/*
	 * Responder, may be NULL (false): returns whether an identity is at one
	 * address only. INITIAL_CONTACT then ends its IKE SAs at others as well.
	 */
	bool (*one_place)(void *ctx);

	/*
	 * Initiator behind a NAT, may be NULL: sends one octet 0xff without
	 * marker, which keeps the NAT's mapping (RFC 3948 section 2.3). Like
	 * send().
	 */
	void (*keepalive)(void *ctx, const struct ep *from,
			  const struct ep *to);

	/*
	 * Responder, may be NULL: an authenticated peer requests a group.
	 * Called once per token. The callee may call ike_reply() from within
	 * and must then return GIKE_LATER.
	 */
	enum gike_when (*group_request)(void *ctx, struct ike_sa *sa,
					const struct gike_req *req,
					struct gike_reply *reply);

	/*
	 * Responder, may be NULL (true): returns whether some group admits the
	 * authenticated peer of @sa. Asked when a request of it was answered, and
	 * before an idle SA is kept; if none does, the SA ends with a Delete.
	 */
	bool (*welcome)(void *ctx, struct ike_sa *sa);

	/*
	 * Initiator, may be NULL: keys have arrived. They passed gsa_check();
	 * the callee unwraps them with ike_sa_kwk().
	 */
	void (*registered)(void *ctx, struct ike_sa *sa,
			   const struct ike_id *idg,
			   const struct gike_answer *answer);

	/*
	 * Initiator, may be NULL: a request failed. @notify is the key server's
	 * error notify (the IKE SA stays up, unless sa_closed() follows). With
	 * 0, @text describes a local reason: no answer, certificate of the key
	 * server, malformed reply. Called once per request.
	 */
	void (*refused)(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
			uint16_t notify, const char *text);

	/*
	 * Initiator, required for gike_req.later: the key server cannot answer
	 * yet, and the request is to be repeated in @ms milliseconds. The IKE SA
	 * is free for other requests until then.
	 */
	void (*later)(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		      uint32_t ms);

	/* Initiator, may be NULL: the key server has answered a report. */
	void (*left)(void *ctx, struct ike_sa *sa, const struct ike_id *idg);

	/*
	 * May be NULL: the SA ends. Called exactly once for every SA that
	 * ike_register() or ike_open() returned, or group_request() or
	 * edge_request() was given, however it ends, after the refused() of its
	 * open requests. @reason is never NULL.
	 */
	void (*sa_closed)(void *ctx, struct ike_sa *sa, const char *reason);

	/*
	 * Responder, may be NULL: an authenticated peer reports that it sends
	 * to @group with the Data SA @spi.
	 */
	ike_of_data_fn *sending;

	/*
	 * Responder, may be NULL: an authenticated peer reports that it
	 * followed the GSA_REKEY of a rival to the Data SA @spi, and has come
	 * back.
	 */
	ike_of_data_fn *rival;

	/*
	 * Initiator, may be NULL: the key server says that senders of @group are
	 * to use the Data SA @spi, which this host has not confirmed.
	 */
	ike_of_data_fn *changed;

	/*
	 * Responder, may be NULL: GSA_INBAND_REKEY for the group @idg is about
	 * to be sent, so that it has the keys of now, wrapped with
	 * ike_sa_kwk(). @msg is empty, and the caller's. Returns 0, or -ENOENT
	 * if there is nothing to send. The SA must not be closed by it.
	 */
	int (*inband_fill)(void *ctx, struct ike_sa *sa,
			   const struct ike_id *idg, struct gike_inband *msg);

	/*
	 * Responder, may be NULL: the peer, which was at @from, is proven to be at
	 * ike_sa_peer(). Must not close the SA.
	 */
	void (*moved)(void *ctx, struct ike_sa *sa, const struct ep *from);

	/*
	 * Responder, may be NULL: the member has answered the last
	 * GSA_INBAND_REKEY with keys for @idg. @notify is its error notify, or
	 * 0. If it does not answer the SA ends, and this is not called.
	 */
	void (*inband_done)(void *ctx, struct ike_sa *sa,
			    const struct ike_id *idg, uint16_t notify);

	/*
	 * Initiator, may be NULL: GSA_INBAND_REKEY of the key server, which is
	 * answered when the callback returns, or was if it has Deletes alone.
	 * @idg is NULL if the key server did not name the group.
	 */
	void (*inband)(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
		       struct gike_inband *msg);

	/*
	 * Responder with ike_engine_cfg.relays: the peer asks for an edge. @from is
	 * where its authenticated request came from. The callee fills in *@ans,
	 * which is zero, and must not close the SA.
	 */
	void (*edge_request)(void *ctx, struct ike_sa *sa,
			     const struct ep *from,
			     const struct edge_request *req,
			     struct edge_answer *ans);

	/*
	 * Initiator with ike_engine_cfg.relays: the peer has answered
	 * ike_ask_edge(). @ans is valid during the call, and NULL if the peer is no
	 * relay.
	 */
	void (*edge_answer)(void *ctx, struct ike_sa *sa,
			    const struct edge_answer *ans);
	/* Initiator with ike_engine_cfg.relays, may be NULL: news by ike_tell_edge(). */
	void (*edge_news)(void *ctx, struct ike_sa *sa,
			  const struct edge_answer *ans);

	/*
	 * Responder, may be NULL: an authenticated member asks for a grant. The
	 * callee fills in *@ans, which has the group and else is zero; it may write
	 * the grant to @w, which is valid until the answer is sent. Must not close
	 * the SA.
	 */
	void (*grant_request)(void *ctx, struct ike_sa *sa,
			      const struct grant_request *req, struct wbuf *w,
			      struct grant_answer *ans);

	/*
	 * Initiator, may be NULL: the key server has answered ike_ask_grant(). @ans
	 * is valid during the call, and NULL if it knows of no grants.
	 */
	void (*grant_answer)(void *ctx, struct ike_sa *sa,
			     const struct grant_answer *ans);

	/* Initiator, may be NULL: the key server ends grants before their time. */
	void (*grant_ends)(void *ctx, struct ike_sa *sa,
			   const struct grant_ends *ends);

	/* Receive events; may be NULL. */
	void (*event)(void *ctx, const struct ike_event *ev);
};

/* ---- configuration ------------------------------------------------------ */

/*
 * Additional key exchanges (RFC 9370), which follow IKE_SA_INIT one by one in
 * exchanges of their own. Keys are secret as long as one of all the methods is not
 * broken.
 */
struct ike_addke {
	unsigned int n; /* 0: none */
	uint16_t method[IKE_ADDKE_MAX]; /* crypto/iana.h, each one once */
	/*
	 * No IKE SA without all of them is opened. Otherwise an initiator also
	 * offers to do without, and a responder takes as many as it is offered.
	 */
	bool required;
};

/* A number of 0 means the default in brackets. */
struct ike_engine_cfg {
	const struct clock *clock;
	struct timerq *tq;

	/*
	 * Identity; the objects must outlive the engine and are not owned.
	 * Either all of chain, key and trust are set, or none: then psks and id
	 * are.
	 */
	const struct cert_chain *chain; /* own leaf first */
	const struct sigkey *key;
	const struct trust *trust;
	/* Peers that authenticate by a pre-shared key; NULL: none. */
	const struct psks *psks;
	/* PPKs for peers, which are mixed into the keys; NULL: none. */
	const struct ppks *ppks;
	struct ike_id id; /* type 0: cert_chain_id() */

	bool responder; /* answer IKE_SA_INIT at all */
	const struct sa_pld *proposals; /* NULL: ike_default_proposals() */
	/*
	 * Responder: take the algorithms of @proposals also without a key wrap
	 * algorithm, from peers that know nothing of groups. Such an IKE SA can
	 * be opened, renewed and closed; each request for a group over it is
	 * answered with NO_PROPOSAL_CHOSEN.
	 */
	bool plain_ike;
	/*
	 * The engine of a relay and its parents: both sides are members, so that the
	 * responder needs no certificate of a key server, and what is asked for are
	 * edges.
	 */
	bool relays;
	struct ike_addke addke;
	/* Initiator: local port to change to behind a NAT; 0: never change. */
	uint16_t natt_port;

	/*
	 * Largest IP datagram of our messages in octets, from 576 on; larger ones
	 * are sent as IKE fragments (RFC 7383) if the peer takes them. 0: no
	 * fragments, in either direction.
	 */
	uint32_t fragment_size;

	bool cookie_always;
	unsigned int cookie_above; /* half-open SAs [64] */
	/*
	 * Limits of half-open SAs: in all, of one address, of one IPv6 /64.
	 * When a limit is reached, a cookie is required. A peer with a cookie
	 * replaces an old half-open SA if that is older than a second, or weaker; else
	 * its request is dropped, and succeeds with a retransmission.
	 */
	unsigned int max_half_open; /* [2048] */
	unsigned int max_half_open_addr; /* [HALF_OPEN_ADDR] */
	unsigned int max_half_open_net; /* [512] */
	/*
	 * Limits of authenticated SAs. Of one identity, a new SA replaces the
	 * oldest; of one peer address and in all, it replaces the SA that was
	 * idle the longest.
	 */
	unsigned int max_per_identity; /* [4] */
	unsigned int max_per_peer; /* [1024] */
	unsigned int max_sas; /* [16384] */

	/*
	 * Session resumption (RFC 5723). Responder: how long a ticket is good for, in
	 * seconds, at most a day; 0: peers get none. Initiator: whether to ask for
	 * tickets, and to use them.
	 */
	uint32_t ticket_s;
	bool resume;

	/*
	 * Peers may move over a living IKE SA (MOBIKE, RFC 4555) if both sides say so in
	 * AUTH: a member tells its new address, and the key server takes it when the member
	 * has answered there.
	 */
	bool mobike;

	uint32_t half_open_ms; /* life until authenticated [30000] */
	/* Responder: lifetime of an idle SA [300000]. */
	uint32_t idle_ms;
	uint32_t lifetime_ms; /* limit for any SA [14400000] */
	/* Age at which we renew the keys of an SA [never]. */
	uint32_t rekey_ms;
	/* Time limit of a GIKE_LATER, then REGISTRATION_FAILED [30000]. */
	uint32_t later_ms;
	/*
	 * First retransmission; later intervals double, up to 8 times it
	 * [1000].
	 */
	uint32_t rexmit_ms;
	unsigned int rexmit_max; /* retransmissions [6] */

	/*
	 * Debugging only: receives one line of tshark's ikev2_decryption_table
	 * per IKE SA, without newline. NULL: keys are never exported.
	 */
	void (*export_keys)(void *ctx, const char *line);
};

/* Fill @sa with all algorithms that this implementation supports. */
void ike_default_proposals(struct sa_pld *sa);

/*
 * Create an engine; @cfg and @ops are copied, @ctx is for @ops. Returns 0,
 * -EINVAL (a required member is missing, or @cfg->addke has a method twice),
 * -EOPNOTSUPP (OpenSSL lacks a method of @cfg->addke), -ENOMEM, or an error of
 * crypto/.
 */
int ike_engine_new(const struct ike_engine_cfg *cfg, const struct ike_ops *ops,
		   void *ctx, struct ike_engine **out);
/*
 * Wipe keys and free the engine. Sends nothing; calls refused() and
 * sa_closed() for what is open. Call ike_close() first to tell the peers.
 */
void ike_engine_free(struct ike_engine *engine);

/*
 * Take another table of pre-shared keys, or NULL for none. The former one may
 * be freed when this returns. An IKE SA whose peer now has another key, none, or
 * one in place of a certificate is closed with a Delete: its peer could not open
 * it in this way any more.
 */
void ike_engine_set_psks(struct ike_engine *engine, const struct psks *psks);

/*
 * Take another table of PPKs, or NULL for none. The former one may be freed when
 * this returns. An IKE SA with a PPK that its peer does not have any more is
 * closed with a Delete, and so is one without PPK whose peer now has one that is
 * mandatory. An IKE SA that we are opening is closed after any change.
 */
void ike_engine_set_ppks(struct ike_engine *engine, const struct ppks *ppks);

/*
 * Close each IKE SA whose peer has a certificate that the revocation lists of
 * ike_engine_cfg.trust revoke; after these were changed.
 */
void ike_engine_close_revoked(struct ike_engine *engine);

/* Handle a datagram without non-ESP marker. Malformed ones are counted. */
void ike_engine_input(struct ike_engine *engine, const struct ep *from,
		      const struct ep *to, const uint8_t *p, size_t len);
/*
 * Handle a datagram like that, but let the first message of an IKE SA wait for
 * ike_engine_serve(), so that reading is fast. Without a place to wait in it is counted.
 */
void ike_engine_offer(struct ike_engine *engine, const struct ep *from,
		      const struct ep *to, const uint8_t *p, size_t len);
/* Handle at most so many of those, networks in turn. Returns true if some are left. */
bool ike_engine_serve(struct ike_engine *engine, unsigned int most);
/* The sockets had no room for @n datagrams. */
void ike_engine_lost(struct ike_engine *engine, uint64_t n);
/* Return true if that was within the last ten minutes. */
bool ike_engine_loses(const struct ike_engine *engine);

/* ---- initiator ---------------------------------------------------------- */

/*
 * Open an IKE SA and request a group in its GSA_AUTH. @gcks_id is the
 * identity that the key server's certificate must prove. @local is the source
 * address of the datagrams, or unspecified: then ops->local_of() is asked for
 * NAT detection, or detection is left out. Returns 0, -EINVAL,
 * -ENOMEM, -EMFILE (limit), -ESHUTDOWN (the engine is being freed), or an error
 * of crypto/.
 */
int ike_register(struct ike_engine *engine, const struct ep *local,
		 const struct ep *peer, const struct ike_id *gcks_id,
		 const struct gike_req *req, struct ike_sa **out);

/*
 * Open an IKE SA without a group, by IKE_AUTH without a Child SA (RFC 6023), if
 * the key server supports that; ike_register_more() requests groups over it.
 * Arguments and errors are those of ike_register().
 */
int ike_open(struct ike_engine *engine, const struct ep *local,
	     const struct ep *peer, const struct ike_id *gcks_id,
	     struct ike_sa **out);

/*
 * Request a group by GSA_REGISTRATION over an existing IKE SA; the group may
 * be the same again. The request is queued while another exchange is in
 * progress (window of one) or the SA is not up yet. Returns 0, -EINVAL,
 * -ENOMEM, -ENOTCONN (the SA is closing) or -ENOBUFS (the queue is full).
 */
#define IKE_QUEUE_MAX 64
int ike_register_more(struct ike_sa *sa, const struct gike_req *req);
/*
 * Report @notify for a group: IKE_N_NO_PROPOSAL_CHOSEN (the policy is not
 * acceptable) or GIKE_N_REGISTRATION_FAILED (the member leaves). Errors are
 * those of ike_register_more().
 */
int ike_report(struct ike_sa *sa, const struct ike_id *idg, uint16_t notify);
/* Report that this member leaves the group. */
int ike_leave(struct ike_sa *sa, const struct ike_id *idg);
/*
 * Report to the key server that this engine sends to the group with the Data
 * SA @spi, by N(MCSEC_SENDING) in an INFORMATIONAL exchange; other
 * implementations answer and ignore it. Errors are those of
 * ike_register_more().
 */
int ike_report_sending(struct ike_sa *sa, const struct ike_id *idg,
		       uint32_t spi);
/*
 * Report, by N(MCSEC_RIVAL), that this engine's member has followed a forged
 * GSA_REKEY to the Data SA @spi. Otherwise like ike_report_sending().
 */
int ike_report_rival(struct ike_sa *sa, const struct ike_id *idg, uint32_t spi);

/*
 * Ask the peer for an edge, by N(MCSEC_EDGE_REQUEST) in an INFORMATIONAL exchange.
 * edge_answer() follows, or the SA ends: the request is retransmitted at short
 * intervals, and given up after less than three seconds. Returns -EINVAL for a request
 * that cannot be sent, or without ike_engine_cfg.relays; other errors are those of
 * ike_register_more().
 */
int ike_ask_edge(struct ike_sa *sa, const struct edge_request *req);
/*
 * Tell a child of a relay of its edge without being asked; others answer and ignore it.
 * Returns -EINVAL for a peer that is no child, or whose IKE SA is not up; other errors are
 * those of ike_register_more(). The IKE SA may end meanwhile, also when 0 is returned.
 */
int ike_tell_edge(struct ike_sa *sa, const struct edge_answer *ans);
/*
 * Note that a child's edge has ended before its time, so that its IKE SA gives way to
 * those of other peers again.
 */
void ike_sa_edge_ended(struct ike_sa *sa);
/*
 * Ask the key server for a grant. grant_answer() follows, or the SA ends. Errors are
 * those of ike_register_more().
 */
int ike_ask_grant(struct ike_sa *sa, const struct grant_request *req);

/*
 * Addresses or routes of this host may have changed: key servers to which another source
 * address leads are told that, over the IKE SAs that are there.
 */
void ike_engine_moved(struct ike_engine *engine);

/* ---- responder ---------------------------------------------------------- */

/*
 * Complete a GIKE_LATER. Returns 0; -ENOENT: the SA is gone or its time limit
 * is over, nothing was sent; -ENOTCONN: the SA has ended because of the answer;
 * -EBADMSG, -ENOTSUP: the reply violates the rules (gsa_check()), the peer got
 * REGISTRATION_FAILED and the reason was logged. After an error the caller must
 * undo what it has recorded for the member. GIKE_NOW suits refusals; an answer
 * with keys should use ike_reply() from within group_request(), because its
 * return value tells whether the keys were sent.
 */
int ike_reply(struct ike_engine *engine, uint64_t token,
	      const struct gike_reply *reply);
/*
 * Send the current keys of the group @idg by GSA_INBAND_REKEY. They are asked
 * for by inband_fill() when the request is sent, behind those that wait. The
 * request is retransmitted more often at first than others, since members lose
 * packets without it. Errors are those of ike_register_more().
 */
int ike_inband(struct ike_sa *sa, const struct ike_id *idg);
/*
 * Exclude the member from the group @idg by GSA_INBAND_REKEY with Deletes of all
 * Data SAs and of the Rekey SA (RFC 9838 section 2.4.3). Errors are those of
 * ike_register_more().
 */
int ike_inband_exclude(struct ike_sa *sa, const struct ike_id *idg);
/*
 * Tell a sender, by N(MCSEC_CHANGED) in an INFORMATIONAL exchange, that the Data SA of
 * the group @idg is @spi; other implementations answer and ignore it. Returns -EBUSY
 * while another request of ours has no answer; other errors are those of
 * ike_register_more().
 */
int ike_tell_changed(struct ike_sa *sa, const struct ike_id *idg, uint32_t spi);
/*
 * Tell a relay of grants that end before their time; others answer and ignore it.
 * Returns -EBUSY while several requests of ours wait for answers; other errors are those
 * of ike_register_more(). The IKE SA may end meanwhile, also when 0 is returned.
 */
int ike_end_grants(struct ike_sa *sa, const struct grant_ends *ends);
/* Return the SA of a token, NULL if it is gone. */
struct ike_sa *ike_token_sa(struct ike_engine *engine, uint64_t token);

/* ---- both --------------------------------------------------------------- */

/*
 * Send a Delete if the SA is up, and close it (see re-entry above). While a
 * request of ours has no answer the Delete waits for that, for seven times
 * rexmit_ms at most. sa_closed() is called with @reason.
 */
void ike_close(struct ike_sa *sa, const char *reason);
/*
 * Like ike_close(), for an end that the peer must learn of: the Delete is
 * retransmitted after rexmit_ms and three times that, until the peer answers.
 * A request before it that has no answer is retransmitted first, because the
 * window has one place (RFC 7296 section 2.3).
 */
void ike_close_repeat(struct ike_sa *sa, const char *reason);
/*
 * Queue an empty INFORMATIONAL request; without an answer the SA is closed.
 * Errors are those of ike_register_more().
 */
int ike_liveness(struct ike_sa *sa);
/*
 * Renew the keys of the SA by CREATE_CHILD_SA (RFC 7296 section 2.18); either
 * side may. The pointer stays, and stands for the new IKE SA then: SPIs, name
 * and ike_sa_kwk() change. Returns 0, -ENOTCONN (not up), -EALREADY (a renewal
 * is open), or as ike_register_more().
 */
int ike_rekey(struct ike_sa *sa);
/*
 * Responder: keep the SA when idle, as long as liveness checks are answered.
 */
void ike_sa_keep(struct ike_sa *sa);

/*
 * Return the default KWK (GSK_w) of an SA that has keys and a key wrap
 * algorithm, else NULL. Valid while the SA is up.
 */
const struct kwk *ike_sa_kwk(const struct ike_sa *sa);
const char *ike_sa_peer_name(const struct ike_sa *sa); /* "" until known */
/* Return the identity of the peer, or NULL until it is known. */
const struct ike_id *ike_sa_peer_id(const struct ike_sa *sa);
/*
 * Return the end of the validity of the peer's certificates in seconds since
 * 1970; 0 before it is authenticated, and if it has a pre-shared key.
 */
int64_t ike_sa_peer_ends(const struct ike_sa *sa);
/*
 * Return references to the certificates of the peer, none before it is authenticated,
 * and if it has a pre-shared key. Valid as long as @sa.
 */
const struct cert_refs *ike_sa_peer_certs(const struct ike_sa *sa);
/*
 * Return true if the peer was refused because a list revokes its certificate, and for
 * no other reason.
 */
bool ike_sa_peer_revoked(const struct ike_sa *sa);
const struct ep *ike_sa_peer(const struct ike_sa *sa);
/* Return true if the peer is behind a NAT, which may give it another address. */
bool ike_sa_behind_nat(const struct ike_sa *sa);
const struct ep *ike_sa_local(const struct ike_sa *sa);
/*
 * Initiator: return true if the SA ended because the key server did not take the new
 * address of this host.
 */
bool ike_sa_move_failed(const struct ike_sa *sa);
/* Return the name of the state, for logs and status only. */
const char *ike_sa_state_name(const struct ike_sa *sa);
/* Both SPIs in hex, "0123456789abcdef_0123456789abcdef", for logs. */
const char *ike_sa_name(const struct ike_sa *sa);
bool ike_sa_is_up(const struct ike_sa *sa);
/* Initiator: return the name of the first exchange until it is answered, then NULL. */
const char *ike_sa_opens_by(const struct ike_sa *sa);
bool ike_sa_is_initiator(const struct ike_sa *sa);
/*
 * Write the algorithms for status: "aes-gcm-16-256 sha2-256 x25519 kw-256", with
 * additional key exchanges as in "x25519+ml-kem-768", and behind them "ppk" if one
 * is mixed in, and "resumed" if the keys follow from those of a former IKE SA.
 */
const char *ike_sa_algs(const struct ike_sa *sa, char *buf, size_t size);
/* Return a number that grows with each SA that the engine opens. */
uint64_t ike_sa_serial(const struct ike_sa *sa);
/* Attach a pointer of the user; not interpreted. */
void ike_sa_set_user(struct ike_sa *sa, void *user);
void *ike_sa_user(const struct ike_sa *sa);

/* Call @fn for each SA of the engine; @fn must not close any. */
void ike_engine_each(struct ike_engine *engine,
		     void (*fn)(void *arg, struct ike_sa *sa), void *arg);

/* ---- counters ----------------------------------------------------------- */

struct ike_stats {
	uint64_t in; /* datagrams */
	uint64_t in_crowded; /* first messages for which a lane had no place */
	uint64_t in_lost; /* the sockets had no room for them */
	uint64_t out;
	uint64_t in_short; /* shorter than a header, bad Length */
	uint64_t in_version;
	uint64_t in_xchg; /* unknown exchange, or not allowed now */
	uint64_t in_no_sa;
	uint64_t in_icv;
	uint64_t in_syntax;
	uint64_t in_critical;
	uint64_t in_mid; /* outside the window */
	uint64_t in_rexmit; /* retransmitted request, answered again */
	uint64_t in_altered; /* known Message ID, other octets */
	uint64_t in_busy; /* retransmitted while the answer waits */
	uint64_t frag_in; /* IKE fragments received */
	uint64_t frag_dropped; /* not expected, repeated, over a limit */
	uint64_t cookie_sent;
	uint64_t cookie_bad;
	uint64_t cap; /* refused by a limit */
	uint64_t paced; /* dropped: its share of handshakes is used up */
	uint64_t mute; /* suppressed errors in the clear */
	uint64_t no_proposal;
	uint64_t invalid_ke;
	uint64_t auth_failed;
	uint64_t up;
	uint64_t resumed; /* by a ticket, and counted in @up as well */
	uint64_t ticket_refused;
	uint64_t rexmit; /* own requests retransmitted */
	uint64_t gave_up;
	uint64_t rekeyed;
	uint64_t rekey_failed;
	uint64_t group_requests;
	uint64_t group_refused;
	/* Updates of an address: received by a key server, sent by a member. */
	uint64_t updates;
	uint64_t moved; /* peers that are at another address; own address as taken */
	uint64_t move_checks; /* COOKIE2 sent */
	uint64_t move_damped; /* checks and updates that were put off */
	uint64_t move_failed; /* not answered from the new address */
	uint64_t move_refused; /* UNACCEPTABLE_ADDRESSES or UNEXPECTED_NAT_DETECTED */
	/* Gauges. */
	uint64_t half_open;
	uint64_t sas;
};

/* Return the counters, valid as long as @engine. */
const struct ike_stats *ike_engine_stats(const struct ike_engine *engine);
/* Metrics of struct ike_stats. */
extern const struct metric ike_metrics[];

#endif
