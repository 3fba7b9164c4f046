/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key server: X.1101's group and membership control (gmc) and group key
 * management (gkm) of all groups of one configuration, on top of an
 * ike_engine. It opens no socket and reads no clock: datagrams leave by a
 * callback, requests come from ike/ by gcks_group_request().
 *
 * Whatever changes membership or keys is first computed, then written to the
 * store in one transaction together with the messages that announce it, and
 * only then done and sent. When the store refuses, nothing has changed. The
 * store may take its time: one change of a group is in flight, what comes
 * meanwhile waits, and whoever asked is answered when its change is done.
 *
 *	gcks_new()		reads the store, arms timers
 *	gcks_set_engine()		once the ike_engine exists
 *	gcks_free()		wipes; members stay members
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
#include "lib/metric.h"

struct clock;
struct gcks;
struct timerq;

/* Where a GSA_REKEY goes. */
struct gcks_dest {
	struct ep to; /* multicast */
	struct addr source; /* none: the kernel chooses */
	const char *interface; /* "": the kernel chooses */
	uint8_t ttl;
};

struct gcks_deps {
	const struct clock *clock;
	struct timerq *tq;
	struct store *store;
	/*
	 * A store of its own that is not put back when the other one is
	 * (gcks/witness.h).
	 */
	struct store *witness;
	/* one datagram. 0 or -errno; what could not be sent is tried again. */
	int (*send_rekey)(void *ctx, const struct gcks_dest *dest,
			  const uint8_t *p, size_t len);
	/* May be NULL; makes another seal key. 0 or -errno, words in @err. */
	int (*reseal)(void *ctx, char *err, size_t errlen);
	void *ctx;
};

/*
 * @deps' objects outlive the key server, @conf is copied. What the store has of
 * groups that are not configured any more is left alone. A group whose
 * policy was changed in the configuration starts anew: its members are told
 * to register again. Members that the lists no longer allow are taken out.
 * @err gets one line on failure.
 */
int gcks_new(struct gcks **out, const struct conf_gcks *conf,
	     const struct gcks_deps *deps, char *err, size_t errlen);
void gcks_set_engine(struct gcks *k, struct ike_engine *engine);
void gcks_free(struct gcks *k);

/* ---- for struct ike_ops of the host ------------------------------------- */

enum gike_when gcks_group_request(struct gcks *k, struct ike_sa *sa,
				  const struct gike_req *req,
				  struct gike_reply *reply);
/* An authenticated sender says which Data SA it uses (@group as in ike_ops). */
void gcks_sending(struct gcks *k, struct ike_sa *sa, const uint8_t *group,
		  size_t len, uint32_t spi);
/* The same was led to that Data SA by somebody else, and is back. */
void gcks_rival(struct gcks *k, struct ike_sa *sa, const uint8_t *group,
		size_t len, uint32_t spi);
/*
 * Writes what ike/ tells into the log, and authentication failures into the
 * audit trail too, as far as the limits of gcks/notice.h allow.
 */
void gcks_ike_event(struct gcks *k, const struct ike_event *ev);

/* ---- control ------------------------------------------------------------ */

/*
 * The store has decided: the order is done (@ret 0), or it has changed nothing
 * (-errno, with one line in @why that is good until the call returns).
 * @effective_ms: see gcks_evict().
 */
typedef void gcks_done_fn(void *arg, int ret, uint32_t effective_ms,
			  const char *why);

/*
 * All call @done once: before they return, or when the store has the change.
 * -ENOENT: no such group or identity; -EALREADY: it is so already; -ECANCELED:
 * the key server ends, or the group is closed.
 */

/*
 * Takes @identity out at once and does not let it in again until
 * gcks_admit(). effective_ms: from then on no sender that has received any
 * of the first copies of the rekey uses a key that the evicted member knows; 0
 * if nobody else is in. Whether copies could be sent, and which senders have
 * confirmed that they changed keys, is in the status of group and members. An
 * eviction while the messages of another are on their way replaces these; both
 * are effective with the later one.
 * -ENOENT: it is no member, nor does it wait to become one (then it is kept
 * out, and effective_ms is 0). -EALREADY: evicted before.
 */
void gcks_evict(struct gcks *k, const char *group, const char *identity,
		gcks_done_fn *done, void *arg);
/*
 * The same for an identity that may not be a member: whoever it is, it is out
 * and is not let in from here on.
 */
void gcks_evict_ahead(struct gcks *k, const char *group, const char *identity,
		      gcks_done_fn *done, void *arg);
void gcks_admit(struct gcks *k, const char *group, const char *identity,
		gcks_done_fn *done, void *arg);
/*
 * New Rekey SA and Data SA now, or when the copies of the change before are
 * out, which takes a few seconds; @group NULL: of every group.
 */
void gcks_rekey(struct gcks *k, const char *group, gcks_done_fn *done,
		void *arg);

/*
 * The same, and what signs rekeys from then on is another key too. Members are
 * told by that rekey; who misses it registers anew.
 */
void gcks_renew_signing_key(struct gcks *k, const char *group,
			    gcks_done_fn *done, void *arg);
/*
 * Everybody out, with another signing key, for when what is in the store was
 * stolen: members are told by the key that they believe, and register again;
 * those that follow somebody else hear that over the Rekey SA that they left,
 * and ask.
 */
void gcks_reset(struct gcks *k, const char *group, gcks_done_fn *done,
		void *arg);
/*
 * Another seal key, under which the stores are written anew, in one
 * transaction each. 0 or -errno with one line in @err.
 */
int gcks_reseal(struct gcks *k, char *err, size_t errlen);

/* One line about one thing that a reload changes, for an operator. */
typedef void gcks_change_fn(void *arg, const char *line);

/*
 * Goes over to the groups of @conf, which is not used any more after that: who
 * lost a right is evicted, what members were told when they registered changes
 * by a reset that they are told of, other settings count from now on. Groups
 * that are new are served; those that are not in @conf are closed: members are
 * told that all SAs end, and the store keeps who is kept out, policy and
 * counters. @done: when the store has all of it; an error names a group that is
 * as it was, while others may have changed, and a second reload goes on there.
 * -EBUSY: something cannot change while the key server runs, nothing has.
 */
void gcks_reload(struct gcks *k, const struct conf_gcks *conf,
		 gcks_done_fn *done, void *arg);
/*
 * Tells @fn, a line each, what gcks_reload() would change, and changes nothing.
 * 0, or -EBUSY with one line in @err.
 */
int gcks_reload_check(struct gcks *k, const struct conf_gcks *conf,
		      gcks_change_fn *fn, void *arg, char *err, size_t errlen);

struct gcks_group_status {
	const struct conf_group *conf;
	uint64_t policy_version; /* one more with each change of the policy */
	uint32_t members;
	uint32_t senders; /* members that may send */
	uint32_t denied; /* evicted and not admitted again */
	uint32_t pending; /* joins and leaves in the batch */
	bool in_flight; /* the store has a change and has not answered */
	unsigned int tree_depth;
	char signing_key[SIGPUB_NAME_LEN]; /* its name, or "" */
	int64_t signing_key_made; /* seconds since 1970 */
	bool keyed; /* the rest has a meaning */
	uint8_t rekey_spi[16];
	uint32_t next_mid; /* of the next GSA_REKEY */
	uint32_t data_spi;
	uint32_t data_left; /* seconds of lifetime left */
	uint32_t rekey_left;
	uint32_t next_rekey; /* seconds to the periodic one */
	uint32_t next_sender_id;
	uint32_t max_sender_id;
	unsigned int outbox; /* messages with copies to be sent */
	bool unsent_change; /* nobody was sent the last change yet */
	uint32_t unconfirmed; /* senders that may use an older key */
	uint64_t changed_ms; /* since the last change of keys */
	uint32_t confirmed_ms; /* all had confirmed so long after it; 0 */
	const char *unsent_why; /* copies cannot be sent, or NULL */
	/* since the start */
	uint64_t rekeys;
	uint64_t joins;
	uint64_t registrations; /* of who was a member already */
	uint64_t leaves;
	uint64_t evictions;
	uint64_t expired; /* memberships that were not renewed */
	uint64_t refused;
	uint64_t restarts; /* everybody out */
	uint64_t rivals; /* members that were led astray */
	uint64_t store_errors;
	uint64_t beats;
	uint64_t unsent; /* copies that could not be sent */
};

struct gcks_member_status {
	const char *identity;
	bool send;
	bool receive;
	int64_t joined; /* seconds since 1970 */
	int64_t registered; /* last time */
	uint32_t first_sender_id;
	uint32_t n_sender_ids; /* 0: none */
	struct addr at; /* where it registered last, or none */
	int64_t until; /* end of its membership; 0: none */
	bool confirmed; /* it sends with the Data SA there is */
};

/* Of struct gcks_group_status; the second, while it is keyed. */
extern const struct metric gcks_group_metrics[];
extern const struct metric gcks_key_metrics[];

/* What is not 0 ends the iteration and is returned by it. */
typedef int gcks_group_fn(void *arg, const struct gcks_group_status *s);
typedef int gcks_member_fn(void *arg, const struct gcks_member_status *s);
typedef int gcks_denied_fn(void *arg, const char *identity, int64_t since);

int gcks_each_group(struct gcks *k, gcks_group_fn *fn, void *arg);
/* -ENOENT: no such group */
int gcks_each_member(struct gcks *k, const char *group, gcks_member_fn *fn,
		     void *arg);
int gcks_each_denied(struct gcks *k, const char *group, gcks_denied_fn *fn,
		     void *arg);
/* Lines of the audit trail with seq > @after, oldest first. */
int gcks_audit(struct gcks *k, uint64_t after, size_t max, store_audit_fn *fn,
	       void *arg);

#endif
