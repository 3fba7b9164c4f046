/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All unicast IKE SAs of one role of one process: IKEv2 (RFC 7296) as far as
 * G-IKEv2 (RFC 9838) needs it. A machine without I/O: datagrams go in by
 * ike_engine_input() and out by ops->send(), time comes from the clock and the
 * timer queue given. One engine may be responder (key server), initiator
 * (member), or both.
 *
 * Threads: none, everything is called from one.
 *
 * Re-entry: any function here may be called from within any callback. An SA
 * that is closed there is freed only when the outermost call returns, so a
 * struct ike_sa pointer stays readable until the callback that was given it
 * returns, and is dead after ops->sa_closed() did.
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
struct sigkey;
struct trust;
struct ike_engine;
struct ike_sa;

/* ---- requests and replies of the group layer ---------------------------- */

/*
 * What a member asks for in GSA_AUTH or GSA_REGISTRATION.
 * Views: valid during the call they are passed to.
 */
struct gike_req {
	/* both sides */
	struct ike_id idg; /* the group */
	bool send; /* N(GROUP_SENDER) */
	uint32_t n_sender_ids; /* wanted; the key server sees >= 1 */
	uint16_t report; /* 0, or 14 / 49: reports or leaves */
	bool fragments; /* takes fragments of GSA_REKEY */
	bool used_up; /* N(MCSEC_USED_UP): needs another Data SA */
	/* initiator: NULL means sag_default(); responder: none was sent */
	const struct sa_pld *sag;
	/* notifies of private use that go along; initiator: NULL means none */
	const struct opaque *opaque;

	/* responder only */
	uint8_t xchg; /* GSA_AUTH or GSA_REGISTRATION */
	const struct ike_id *peer; /* authenticated */
	const char *peer_name; /* the same, printable */
	uint64_t token; /* for ike_reply() */
};

/*
 * The key server's answer. @gsa and @kd stay the caller's; they are checked
 * (gsa_check()) and encoded before the call returns. KD keys are wrapped by
 * the caller with ike_sa_kwk().
 */
struct gike_reply {
	uint16_t notify; /* group error, 0: fine */
	const struct gsa *gsa; /* NULL in the answer to a report */
	const struct kd *kd;
	bool transport; /* N(USE_TRANSPORT_MODE) */
	/* notifies of private use that go along, NULL: none */
	const struct opaque *opaque;
	/* with @notify: the peer has nothing to do here, the IKE SA ends */
	bool close;
};

/*
 * The same as the member is given it. Views: valid during the call; parts of *kd
 * may be taken away by moving them.
 */
struct gike_answer {
	const struct gsa *gsa;
	struct kd *kd;
	bool transport;
	const struct opaque *opaque; /* never NULL */
};

enum gike_when {
	GIKE_NOW, /* *reply is filled in */
	GIKE_LATER, /* ike_reply() follows; *reply is not looked at */
};

/* ---- events for log, audit and status ----------------------------------- */

enum ike_event_type {
	IKE_EV_UP, /* authenticated both ways */
	IKE_EV_CLOSED,
	IKE_EV_AUTH_FAILED, /* peer not believed; why in text */
	IKE_EV_REFUSED, /* peer does not believe us; why in text */
	IKE_EV_NOT_TAKEN, /* a request without an SA, or none for it */
	IKE_EV_CAP, /* a cap was hit; at most one a second */
};

/*
 * Events come as often as peers cause them: whoever writes them down has to
 * limit that. ike/ itself logs nothing above debug of what peers do.
 */

struct ike_event {
	enum ike_event_type type;
	const struct ep *peer;
	/* "" until known; claimed, not proven, with AUTH_FAILED */
	const char *peer_name;
	/* one line, in our words: no name that a peer chose is in it */
	const char *text;
};

/* ---- what the user of an engine provides ----------------------------------- */

/* @group is not terminated. */
typedef void ike_of_data_fn(void *ctx, struct ike_sa *sa, const uint8_t *group,
			    size_t len, uint32_t spi);

struct ike_ops {
	/*
	 * One datagram. With from->port 4500 the sender puts the non-ESP
	 * marker in front. Failures are the network's: nothing is returned.
	 * The one callback that must not call into the engine: to a peer in the
	 * same process the datagram goes by a queue.
	 */
	void (*send)(void *ctx, const struct ep *from, const struct ep *to,
		     const uint8_t *p, size_t len);

	/*
	 * Initiator, may be NULL: the address and port that datagrams to
	 * @peer come from, for NAT detection where ike_register() was given
	 * none. 0 or -errno.
	 */
	int (*local_of)(void *ctx, const struct ep *peer, struct ep *local);

	/*
	 * Responder, may be NULL (then it is so): we hear on port 4500 of the
	 * address @local. If not, nothing is said by which a member could
	 * detect a NAT and go there.
	 */
	bool (*hears_natt)(void *ctx, const struct ep *local);

	/*
	 * Initiator behind a NAT, may be NULL: one octet 0xff without marker,
	 * so that the NAT does not forget us (RFC 3948 2.3). Like send().
	 */
	void (*keepalive)(void *ctx, const struct ep *from,
			  const struct ep *to);

	/*
	 * Responder, may be NULL: an authenticated peer asks. Not called
	 * again for the same token. Answering with ike_reply() from within
	 * is allowed, then GIKE_LATER is returned.
	 */
	enum gike_when (*group_request)(void *ctx, struct ike_sa *sa,
					const struct gike_req *req,
					struct gike_reply *reply);

	/*
	 * Initiator, may be NULL: keys have come. They passed gsa_check();
	 * unwrapping with ike_sa_kwk() is up to the callee.
	 */
	void (*registered)(void *ctx, struct ike_sa *sa,
			   const struct ike_id *idg,
			   const struct gike_answer *answer);

	/*
	 * Initiator, may be NULL: a request failed. @notify is what the key
	 * server said (then the IKE SA is up, unless sa_closed() follows),
	 * or 0 and @text says what was wrong here: no answer, certificate of
	 * the key server, malformed reply. Called once per request.
	 */
	void (*refused)(void *ctx, struct ike_sa *sa, const struct ike_id *idg,
			uint16_t notify, const char *text);

	/* Initiator, may be NULL: the key server has answered a report. */
	void (*left)(void *ctx, struct ike_sa *sa, const struct ike_id *idg);

	/*
	 * May be NULL. The SA goes. Called exactly once for every SA that
	 * ike_register() returned or group_request() named, whoever closed
	 * it, after the refused() of its open requests. @reason never NULL.
	 */
	void (*sa_closed)(void *ctx, struct ike_sa *sa, const char *reason);

	/*
	 * Responder, may be NULL: an authenticated peer says that it sends to
	 * the group that @group names with the Data SA @spi.
	 */
	ike_of_data_fn *sending;

	/*
	 * The same says that it has followed a GSA_REKEY that was not ours, to
	 * the Data SA @spi, and is back.
	 */
	ike_of_data_fn *rival;

	/* May be NULL */
	void (*event)(void *ctx, const struct ike_event *ev);
};

/* ---- configuration ------------------------------------------------------ */

/* 0 in a number means the default in brackets */
struct ike_engine_cfg {
	const struct clock *clock;
	struct timerq *tq;

	/* Identity: all outlive the engine, none is owned. */
	const struct cert_chain *chain; /* own leaf first */
	const struct sigkey *key;
	const struct trust *trust;
	struct ike_id id; /* type 0: cert_chain_id() */

	bool responder; /* answer IKE_SA_INIT at all */
	const struct sa_pld *proposals; /* NULL: ike_default_proposals() */
	/* initiator: local port to float to behind a NAT; 0: never float */
	uint16_t natt_port;

	bool cookie_always;
	unsigned int cookie_above; /* half-open SAs [64] */
	/*
	 * Half-open SAs: of all, of one address, of one /64 of IPv6. Where it
	 * is full a cookie is asked for, and who has one takes the place of
	 * the oldest if that is older than a second; else it is passed over
	 * and comes in with its next try.
	 */
	unsigned int max_half_open; /* [2048] */
	unsigned int max_half_open_addr; /* [256] */
	unsigned int max_half_open_net; /* [512] */
	/*
	 * Authenticated SAs: of one identity, where a new one replaces the
	 * oldest; of one peer address and of all, where it replaces the one
	 * that was not used for the longest time.
	 */
	unsigned int max_per_identity; /* [4] */
	unsigned int max_per_peer; /* [1024] */
	unsigned int max_sas; /* [16384] */

	uint32_t half_open_ms; /* life until authenticated [30000] */
	/* responder: life of an SA that nobody uses [300000] */
	uint32_t idle_ms;
	uint32_t lifetime_ms; /* of any SA [14400000] */
	/* patience with GIKE_LATER, then REGISTRATION_FAILED [30000] */
	uint32_t later_ms;
	/* to the first retransmission, then doubled up to 8 times it [1000] */
	uint32_t rexmit_ms;
	unsigned int rexmit_max; /* retransmissions [6] */

	/*
	 * Debugging only. One line of tshark's ikev2_decryption_table per
	 * IKE SA, no newline. NULL: keys are never shown.
	 */
	void (*export_keys)(void *ctx, const char *line);
};

void ike_default_proposals(struct sa_pld *sa);

/* NULL with errno EINVAL (something needed is missing) or ENOMEM */
struct ike_engine *ike_engine_new(const struct ike_engine_cfg *cfg,
				  const struct ike_ops *ops, void *ctx);
/*
 * Wipes and frees. Sends nothing; calls refused() and sa_closed() for what
 * is open. Use ike_close() first for peers that should know.
 */
void ike_engine_free(struct ike_engine *engine);

/* A datagram, without non-ESP marker. Never fails: what is bad is counted. */
void ike_engine_input(struct ike_engine *engine, const struct ep *from,
		      const struct ep *to, const uint8_t *p, size_t len);

/* ---- initiator ---------------------------------------------------------- */

/*
 * Opens an IKE SA and asks for a group in its GSA_AUTH. @gcks_id: the
 * identity the key server must prove by its certificate.
 * @local: the address that the packets will really come from, or none: then
 * ops->local_of() is asked for NAT detection, or that is left out. NULL with
 * errno EINVAL, ENOMEM, EMFILE (cap),
 * ESHUTDOWN or what crypto said.
 */
struct ike_sa *ike_register(struct ike_engine *engine, const struct ep *local,
			    const struct ep *peer, const struct ike_id *gcks_id,
			    const struct gike_req *req);

/*
 * GSA_REGISTRATION over an IKE SA: another group, or the same again. Queued
 * while another exchange is under way (window of one), also before the SA is
 * up. 0, -EINVAL, -ENOMEM, -ENOTCONN (closing), -ENOBUFS (queue is full).
 */
#define IKE_QUEUE_MAX 64
int ike_register_more(struct ike_sa *sa, const struct gike_req *req);
/* Reports @notify (14 policy not acceptable, 49 leaving) for a group. */
int ike_report(struct ike_sa *sa, const struct ike_id *idg, uint16_t notify);
int ike_leave(struct ike_sa *sa, const struct ike_id *idg); /* 49 */
/*
 * Tells the key server that this engine sends to the group with the Data SA
 * @spi: N(MCSEC_SENDING) in an INFORMATIONAL, which others answer and ignore.
 * Errors as ike_register_more().
 */
int ike_sending(struct ike_sa *sa, const struct ike_id *idg, uint32_t spi);
/* The same that it has followed a GSA_REKEY that is not the key server's. */
int ike_rival(struct ike_sa *sa, const struct ike_id *idg, uint32_t spi);

/* ---- responder ---------------------------------------------------------- */

/*
 * Answers a GIKE_LATER. 0; -ENOENT: the SA or its patience is gone, nothing
 * was sent; -ENOTCONN: the SA has ended over it; -EBADMSG, -ENOTSUP: the
 * reply breaks the rules (gsa_check()), the peer was told
 * REGISTRATION_FAILED and the reason is in the log; the caller must undo
 * what it has noted down for the member. GIKE_NOW is the short
 * form for refusals; an answer with keys had better come by ike_reply() from
 * within group_request(), whose return value says whether it went out.
 */
int ike_reply(struct ike_engine *engine, uint64_t token,
	      const struct gike_reply *reply);
/* The SA a token belongs to, NULL when it is gone */
struct ike_sa *ike_token_sa(struct ike_engine *engine, uint64_t token);

/* ---- both --------------------------------------------------------------- */

/*
 * Sends Delete where the SA is up and frees it (see re-entry above).
 * sa_closed() is called with @reason.
 */
void ike_close(struct ike_sa *sa, const char *reason);
/*
 * The same for an end that the peer has to learn of: the Delete is sent again
 * after rexmit_ms and three times that, unless the peer has answered it.
 */
void ike_close_repeat(struct ike_sa *sa, const char *reason);
/* Queues an empty INFORMATIONAL; no answer closes the SA. */
int ike_liveness(struct ike_sa *sa);
/* Responder: when idle it is asked whether it is alive, and closed if not. */
void ike_sa_keep(struct ike_sa *sa);

/* Default KWK (GSK_w) of an SA that has keys, else NULL. Do not keep. */
const struct kwk *ike_sa_kwk(const struct ike_sa *sa);
const char *ike_sa_peer_name(const struct ike_sa *sa); /* "" unknown */
const struct ike_id *ike_sa_peer_id(const struct ike_sa *sa); /* or NULL */
/*
 * Seconds since 1970 until which the certificates are valid by which the peer
 * has authenticated itself; 0 before it has.
 */
int64_t ike_sa_peer_ends(const struct ike_sa *sa);
const struct ep *ike_sa_peer(const struct ike_sa *sa);
const struct ep *ike_sa_local(const struct ike_sa *sa);
const char *ike_sa_state_name(const struct ike_sa *sa);
/* Both SPIs in hex, "0123456789abcdef_0123456789abcdef"; for logs */
const char *ike_sa_name(const struct ike_sa *sa);
bool ike_sa_is_up(const struct ike_sa *sa);
bool ike_sa_is_initiator(const struct ike_sa *sa);
/* "aes-gcm-16-256 sha2-256 x25519 kw-256"; for status */
const char *ike_sa_algs(const struct ike_sa *sa, char *buf, size_t size);
/* Of two SAs of an engine, that with the greater number was opened later. */
uint64_t ike_sa_serial(const struct ike_sa *sa);
/* One pointer for the user */
void ike_sa_set_user(struct ike_sa *sa, void *user);
void *ike_sa_user(const struct ike_sa *sa);

/* SAs of the engine; @fn must not close any */
void ike_engine_each(struct ike_engine *engine,
		     void (*fn)(void *arg, struct ike_sa *sa), void *arg);

/* ---- counters ----------------------------------------------------------- */

struct ike_stats {
	uint64_t in; /* datagrams */
	uint64_t out;
	uint64_t in_short; /* shorter than a header, bad Length */
	uint64_t in_version;
	uint64_t in_xchg; /* exchange not for us, or not now */
	uint64_t in_no_sa;
	uint64_t in_icv;
	uint64_t in_syntax;
	uint64_t in_critical;
	uint64_t in_mid; /* outside of the window */
	uint64_t in_rexmit; /* request seen again, answered again */
	uint64_t in_altered; /* its Message ID, other octets */
	uint64_t in_busy; /* seen again while the answer waits */
	uint64_t cookie_sent;
	uint64_t cookie_bad;
	uint64_t cap; /* refused by a cap */
	uint64_t paced; /* handshakes not looked at, too many failed */
	uint64_t mute; /* errors in the clear that were not said */
	uint64_t no_proposal;
	uint64_t invalid_ke;
	uint64_t auth_failed;
	uint64_t up;
	uint64_t rexmit; /* own requests sent again */
	uint64_t gave_up;
	uint64_t group_requests;
	uint64_t group_refused;
	/* gauges */
	uint64_t half_open;
	uint64_t sas;
};

const struct ike_stats *ike_engine_stats(const struct ike_engine *engine);
/* Of struct ike_stats. */
extern const struct metric ike_metrics[];

#endif
