/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key server: X.1101's group and membership control (gmc) and group key
 * management (gkm) of all groups of one configuration, on top of an ike_engine.
 * The key server opens no socket and reads no clock: datagrams leave by a
 * callback, requests come from ike/ by gcks_group_request().
 *
 * A change of membership or keys is computed first, then written to the store
 * in one transaction together with the messages that announce it, and only then
 * applied and sent. If the store refuses, nothing has changed. The store may
 * take its time: one change of a group is in flight, later ones wait, and each
 * caller is answered when its change is done.
 *
 *	gcks_new()		reads the store, arms timers
 *	gcks_set_engine()	once the ike_engine exists
 *	gcks_free()		wipes keys; members stay members
 *
 * Single-threaded.
 */
#ifndef GCKS_GCKS_H
#define GCKS_GCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "ike/engine.h"
#include "store/store.h"
#include "lib/err.h"
#include "lib/metric.h"

struct clock;
struct gcks;
struct grant_answer;
struct grant_request;
struct psks;
struct sigkey;
struct timerq;
struct trust;

/* Size of the text "UID PID USER" for who gives an order. */
#define GCKS_ACTOR_MAX 96

/* Destination of a GSA_REKEY. */
struct gcks_dest {
	struct ep to; /* multicast */
	struct addr source; /* unspecified: the kernel's choice */
	const char *interface; /* "": the kernel's choice */
	uint8_t ttl;
};

struct gcks_deps {
	const struct clock *clock;
	struct timerq *tq;
	struct store *store;
	/*
	 * A second store that is not restored from a backup together with the
	 * first one (gcks/witness.h), or NULL: then a store that went back in time is
	 * not noticed.
	 */
	struct store *witness;
	/*
	 * Send one datagram of @len octets. Returns 0 or -errno; after an
	 * error the datagram is sent again later.
	 */
	int (*send_rekey)(void *ctx, const struct gcks_dest *dest,
			  const uint8_t *p, size_t len);
	/*
	 * Make another seal key; may be NULL. Returns 0, or -errno with one
	 * line in @err.
	 */
	int (*reseal)(void *ctx, struct err *err);
	/*
	 * The revocation lists against which members are checked (trust_crls()), as
	 * they are at each moment, or NULL.
	 */
	const struct trust *trust;
	void *ctx;
	/* Pre-shared keys of peers, see gcks_set_psks(); NULL: none. */
	const struct psks *psks;
	/*
	 * The key of the own certificate, which signs grants; NULL: there is none, and
	 * no member gets a grant.
	 */
	const struct sigkey *key;
	/* Identity of the key server, for which documents are signed, or NULL. */
	const char *identity;
};

/*
 * @deps' objects must outlive the key server; @conf is copied. Records of
 * groups that are no longer configured are left alone. A group whose policy was
 * changed in the configuration is reset: its members are told to register
 * again. Members that the lists no longer allow are taken out, and so are those
 * whose pre-shared key is gone or whose certificate is revoked. Returns 0, or
 * -errno with one line in @err.
 */
int gcks_new(const struct conf_gcks *conf, const struct gcks_deps *deps,
	     struct gcks **out, struct err *err);
/* Set the engine that answers are sent by; not owned, set before the first request. */
void gcks_set_engine(struct gcks *k, struct ike_engine *engine);
/* Wipe keys and free @k, which may be NULL. Orders that wait get -ECANCELED. */
void gcks_free(struct gcks *k);
/*
 * Take another table of pre-shared keys, those that ike_engine_set_psks() gets;
 * the former one may be freed when this returns. The next gcks_reload(), also if it fails,
 * takes out members that authenticated by a pre-shared key, if their identity has none any
 * more. A key that was replaced ends no membership.
 */
void gcks_set_psks(struct gcks *k, const struct psks *psks);

/* ---- callbacks for struct ike_ops --------------------------------------- */

/* Handle an authenticated request for a group, as ike_ops.group_request(). */
enum gike_when gcks_group_request(struct gcks *k, struct ike_sa *sa,
				  const struct gike_req *req,
				  struct gike_reply *reply);
/* Return true if some group admits the peer of @sa, as ike_ops.welcome(). */
bool gcks_welcome(const struct gcks *k, const struct ike_sa *sa);
/*
 * An authenticated sender reports the Data SA @spi that it uses
 * (N(MCSEC_SENDING)); @group as in struct ike_ops.
 */
void gcks_sending(struct gcks *k, struct ike_sa *sa, const uint8_t *group,
		  size_t len, uint32_t spi);
/*
 * An authenticated member reports that it followed the rekey of a rival to the
 * Data SA @spi, and has come back.
 */
void gcks_rival(struct gcks *k, struct ike_sa *sa, const uint8_t *group,
		size_t len, uint32_t spi);
/*
 * The host of the IKE SA, which was at @from, is proven to be at another address
 * (MOBIKE): memberships of that IKE SA move with it.
 */
void gcks_moved(struct gcks *k, struct ike_sa *sa, const struct ep *from);
/*
 * Fill in a GSA_INBAND_REKEY, as ike_ops.inband_fill(); handle its answer, as
 * ike_ops.inband_done(); and note the end of an IKE SA.
 */
int gcks_inband_fill(struct gcks *k, struct ike_sa *sa,
		     const struct ike_id *idg, struct gike_inband *msg);
void gcks_inband_done(struct gcks *k, struct ike_sa *sa,
		      const struct ike_id *idg, uint16_t notify);
void gcks_sa_closed(struct gcks *k, struct ike_sa *sa);
/* Answer a request for a grant, as ike_ops.grant_request(). */
void gcks_grant_request(struct gcks *k, struct ike_sa *sa,
			const struct grant_request *req, struct wbuf *w,
			struct grant_answer *ans);
/*
 * Record an event of ike/ in the log, and authentication failures in the audit
 * trail too, within the limits of gcks/notice.h.
 */
void gcks_ike_event(struct gcks *k, const struct ike_event *ev);
/* Return true if each group lets a second address of an identity replace the first. */
bool gcks_one_place(const struct gcks *k);

/* ---- control ------------------------------------------------------------ */

/*
 * Say who gives the orders that follow, as "UID PID USER", or nobody with "".
 * The audit trail has that in the lines that an order causes, also of one that
 * waits.
 */
void gcks_set_actor(struct gcks *k, const char *actor);
/*
 * Record an order before it is carried out, so that none takes effect without a
 * line of who gave it: its words, the group and the identity, or "". @done is
 * called when the store has the line, or has failed to take it, before this
 * returns or later, at the latest by gcks_free(): @ret is 0 or -errno, with one
 * line in @why that is valid until the call returns. Returns 0, or -errno
 * without a call of @done.
 */
int gcks_note_order(struct gcks *k, const char *group, const char *identity,
		    const char *words,
		    void (*done)(void *arg, int ret, const char *why),
		    void *arg);
/* Record why an order was not carried out. */
void gcks_note_refused_order(struct gcks *k, const char *group,
			     const char *identity, const char *why);

/*
 * Completion of an order. @ret is 0 if the store has the change, or -errno if
 * nothing has changed; then @why is one line for an operator, valid until the
 * call returns. @effective_ms is the time from now after which no sender that has
 * received one of the first copies of the rekey uses a key that those know who are
 * out by the order; 0 if there is none.
 */
typedef void gcks_done_fn(void *arg, int ret, uint32_t effective_ms,
			  const char *why);

/*
 * Every order calls @done once: before it returns, or when the store has the
 * change. -ENOENT: no such group or identity. -EALREADY: nothing to change. -EPERM:
 * evictions and admissions need a quorum, see gcks/quorum.h.
 * -ECANCELED: the key server ends, or the group is closed.
 *
 * gcks_evict() takes @identity out at once and denies it until gcks_admit().
 * effective_ms is 0 if the group has no other member. The status of group and
 * members tells whether copies could be sent and which senders have confirmed
 * the change. An eviction that comes while the messages of another are on
 * their way replaces these; both are effective with the later one. -ENOENT:
 * the identity is no member and does not wait to become one. If it waits, it
 * is denied, and effective_ms is 0. -EALREADY: it is denied already.
 */
void gcks_evict(struct gcks *k, const char *group, const char *identity,
		gcks_done_fn *done, void *arg);
/*
 * Like gcks_evict(), but being no member is no error: the identity is denied
 * from now on.
 */
void gcks_evict_ahead(struct gcks *k, const char *group, const char *identity,
		      gcks_done_fn *done, void *arg);
/* Let @identity register again. -ENOENT: it is not denied. */
void gcks_admit(struct gcks *k, const char *group, const char *identity,
		gcks_done_fn *done, void *arg);
/*
 * Make a new Rekey SA and Data SA: now, or when the copies of the previous
 * change are sent, which takes a few seconds. A NULL @group is every group.
 */
void gcks_rekey(struct gcks *k, const char *group, gcks_done_fn *done,
		void *arg);

/*
 * Like gcks_rekey(), with a new signing key for later rekeys. Members learn it
 * from this rekey; a member that misses it has to register again.
 */
void gcks_renew_signing_key(struct gcks *k, const char *group,
			    gcks_done_fn *done, void *arg);
/*
 * Reset the group (RFC 9838 section 2.5.1) with another signing key, for a
 * store whose contents were stolen. Members are told under the signing key that
 * they trust, and register again. Members that follow a rival hear it over the
 * Rekey SA that they left, and ask.
 */
void gcks_reset(struct gcks *k, const char *group, gcks_done_fn *done,
		void *arg);
/*
 * Make another seal key and rewrite the stores under it, one transaction
 * each. Returns 0, or -errno with one line in @err.
 */
int gcks_reseal(struct gcks *k, struct err *err);

/*
 * Apply the groups of @conf, which is not used after the call, and the revocation
 * lists as they are now. Members that lost their authorization or pre-shared key, or
 * whose certificate is revoked, are evicted; a setting that members learnt at
 * registration changes by an announced reset; other settings count from now on. New
 * groups are served. Groups that are not in @conf are closed: members are told that
 * all SAs end, and the store keeps denied identities, policy and counters.
 *
 * @done is called when the store has all of it. An error names the groups that
 * are unchanged or cannot be served, all of them or with the number of the others,
 * and the rest has changed; a second reload continues there. -EBUSY, which
 * gcks_reload_check() returns too: a setting cannot change while the key server
 * runs, and nothing has changed.
 */
void gcks_reload(struct gcks *k, const struct conf_gcks *conf,
		 gcks_done_fn *done, void *arg);
/*
 * Pass to @fn, line by line, what gcks_reload() would change after
 * gcks_set_psks() with @psks, and change nothing. Returns 0, or -EBUSY with one
 * line in @err.
 */
int gcks_reload_check(struct gcks *k, const struct conf_gcks *conf,
		      const struct psks *psks, conf_change_fn *fn, void *arg,
		      struct err *err);
/*
 * Pass to @fn, line by line, what gcks_new() would change compared with the stores
 * of @deps, which are copies (vault_open_copy()) and may be written to. @deps needs
 * no functions. Returns 0, or -errno with one line in @err: the error of such a
 * start.
 */
int gcks_start_check(const struct conf_gcks *conf, const struct gcks_deps *deps,
		     conf_change_fn *fn, void *arg, struct err *err);

struct gcks_group_status {
	const struct conf_group *conf;
	uint64_t policy_version; /* counts changes of the policy */
	uint32_t members;
	uint32_t senders; /* members with the right to send */
	uint32_t denied; /* denied identities */
	uint32_t inband; /* members that are rekeyed over their IKE SAs */
	uint32_t inband_behind; /* without the current Data SA */
	uint32_t pending; /* pending joins and leaves */
	bool in_flight; /* the store has not answered yet */
	unsigned int tree_depth;
	char signing_key[SIGPUB_NAME_LEN]; /* key ID, or "" */
	int64_t signing_key_made; /* seconds since 1970 */
	bool keyed; /* the fields below are valid */
	uint8_t rekey_spi[16];
	uint32_t next_mid; /* Message ID of the next GSA_REKEY */
	uint32_t data_spi; /* the first Data SA, which names the change */
	uint32_t data_spis[CONF_MAX_DATA]; /* all Data SAs */
	uint32_t data_left; /* seconds of lifetime left */
	uint32_t rekey_left;
	uint32_t next_rekey; /* seconds to the periodic rekey */
	uint32_t next_sender_id;
	uint32_t max_sender_id;
	unsigned int outbox; /* messages with copies to send */
	bool unsent_change; /* no copy of the last change sent yet */
	uint32_t unconfirmed; /* senders that may use an older key */
	uint64_t changed_ms; /* since the last change of keys */
	uint64_t waited_ms; /* the same, since the start at most */
	bool changed; /* keys have changed since the start */
	uint32_t confirmed_ms; /* until all had confirmed; 0: not yet */
	const char *unsent_why; /* why copies cannot be sent, or NULL */
	bool store_failed; /* the store has refused the last change */
	bool witness_behind; /* the witness lacks what the store has */
	/* Counters since the start of the key server. */
	uint64_t rekeys;
	uint64_t joins;
	uint64_t registrations; /* by existing members */
	uint64_t leaves;
	uint64_t evictions;
	uint64_t expired; /* memberships that ended unrenewed */
	uint64_t refused;
	uint64_t restarts; /* group resets */
	uint64_t rivals; /* reports of a rival */
	uint64_t wrong_confirms; /* SPIs that the group never had */
	uint64_t store_errors;
	uint64_t beats;
	uint64_t unsent; /* copies that could not be sent */
	uint64_t inband_sent; /* GSA_INBAND_REKEYs */
	uint64_t inband_done; /* answered ones */
	uint64_t inband_lost; /* unanswered ones whose IKE SA has ended */
};

struct gcks_member_status {
	const char *identity;
	bool send;
	bool receive;
	int64_t joined; /* seconds since 1970 */
	int64_t registered; /* last registration */
	uint32_t first_sender_id;
	uint32_t n_sender_ids; /* 0: none */
	struct addr at; /* last registered address, or unspecified */
	int64_t until; /* end of membership; 0: no end */
	bool confirmed; /* uses the current Data SA */
	/* Milliseconds since the first change that a sender has not confirmed. */
	uint64_t late_ms;
	bool inband; /* rekeyed over its IKE SA */
};

/* Metrics of struct gcks_group_status; gcks_key_metrics only while keyed. */
extern const struct metric gcks_group_metrics[];
extern const struct metric gcks_key_metrics[];

/* Iterators: a return value other than 0 ends the iteration and is returned. */
typedef int gcks_group_fn(void *arg, const struct gcks_group_status *s);
typedef int gcks_member_fn(void *arg, const struct gcks_member_status *s);
/* @since: seconds since 1970. */
typedef int gcks_denied_fn(void *arg, const char *identity, int64_t since);

/*
 * Pass groups, members or denied identities to @fn; texts are valid until it returns.
 * Return 0 or what ended the iteration, and the latter two -ENOENT if there is no such
 * group.
 */
int gcks_each_group(struct gcks *k, gcks_group_fn *fn, void *arg);
int gcks_each_member(struct gcks *k, const char *group, gcks_member_fn *fn,
		     void *arg);
int gcks_each_denied(struct gcks *k, const char *group, gcks_denied_fn *fn,
		     void *arg);
/*
 * Pass the lines of the audit trail with seq > @after to @fn, oldest first,
 * at most @max. Returns 0, -errno, or what @fn returned.
 */
int gcks_audit(struct gcks *k, uint64_t after, size_t max, store_audit_fn *fn,
	       void *arg);

#endif
