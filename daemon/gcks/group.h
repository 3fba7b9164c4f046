/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of a group at the key server, shared by the files of gcks/.
 *
 * struct gkm_state is what the store holds of the group's keys. A change works
 * on a copy, writes the copy, and replaces the state once the store has it
 * (gcks/commit.h).
 */
#ifndef GCKS_GROUP_H
#define GCKS_GROUP_H

#include <sys/queue.h>

#include "crypto/certref.h"
#include "gcks/commit.h"
#include "gcks/gcks.h"
#include "gcks/gmember.h"
#include "gcks/lkh.h"
#include "gcks/notice.h"
#include "gcks/pace.h"
#include "gcks/psk_mark.h"
#include "gcks/replaced.h"
#include "gcks/stragglers.h"
#include "rekey/rekey.h"
#include "lib/htab.h"
#include "lib/progress.h"
#include "lib/timer.h"
#include "lib/util.h"

struct grants;
struct key_source_ops;
struct order;
struct policy;
struct sigkey;
struct wraps;

#define REQUEST_BUCKETS 1024 /* buckets of requests */
#define GMC_ID_MAX 600 /* octets of an identity as text */
/*
 * Retired Data SAs are those of so many changes at most, and as many as the Deletes of one
 * message have SPIs.
 */
#define GKM_OLD_CHANGES 31
#define GKM_OLD_MAX (REKEY_MAX_DEL * DELETE_MAX_SPIS)
#define GKM_COPIES_MAX 10 /* copies of one message */
/* Age in seconds up to which a message is sent: members refuse it after 60. */
#define GKM_STALE_S 50
#define GKM_DIGEST 32
#define GKM_NEXT GSA_MAX_NEXT_SPI

/* ---- gmc: the roster ---------------------------------------------------- */

struct deny_entry {
	TAILQ_ENTRY(deny_entry) all;
	char *identity;
	int64_t since;
};

TAILQ_HEAD(deny_list, deny_entry);

/* Memberships that end, as a heap by due_s. */
struct terms {
	struct gmember **v;
	uint32_t n;
	uint32_t room;
	struct timer timer; /* for the first of them */
};

/* ---- gkm: keys ---------------------------------------------------------- */

/* Changes of a group whose times are known. */
#define GKM_CHANGES 64

/* KEYMAT of an SA; the SPI of a Data SA is the first 4 octets of @spi. */
struct gkey {
	uint8_t spi[GIKE_SPI_LEN_REKEY];
	uint8_t keymat[KD_PLAIN_MAX];
	uint16_t len;
	int64_t made; /* seconds since 1970 */
	uint32_t lifetime; /* seconds */
};

/* A Data SA of a group. */
struct gkm_data {
	struct gkey key;
	/*
	 * Announced SPIs of its successors. A member that receives ESP with one
	 * of them has missed a rekey.
	 */
	uint8_t next_spi[GKM_NEXT][GIKE_SPI_LEN_DATA];
};

struct gkm_state {
	uint8_t policy[GKM_DIGEST]; /* digest of the settings of the keys */
	/* Number of changes of the group, which the witness stores as well. */
	uint64_t version;
	bool keyed; /* rekey and data are valid */
	uint64_t next_number; /* number of the next member */
	uint32_t next_sid;
	/*
	 * No sent message of the Rekey SA has this Message ID or a later one.
	 */
	uint32_t next_mid;
	struct gkey rekey;
	/*
	 * One for each Data SA of the policy. All are changed at once, so that the
	 * SPI of the first one names the change: see gkm_spi().
	 */
	unsigned int n_data;
	struct gkm_data data[CONF_MAX_DATA];
	/*
	 * Announced SPIs of the next Rekey SAs. A member that receives one of
	 * them has missed rekeys, up to as many in a row.
	 */
	uint8_t next_spi[GKM_NEXT][GIKE_SPI_LEN_REKEY];
	/* When the signing key was made, in seconds since 1970. */
	int64_t sign_made;
	unsigned int asked; /* enum gkm_asked, promised to the administrator */
	/* The group's time in milliseconds, which never goes back. */
	uint64_t time_ms;
	/*
	 * Settings that the Rekey SA was made with; those of the policy may
	 * change.
	 */
	struct conf_alg kek;
	uint16_t kwa;
	struct ep to;
	unsigned int n_old;
	struct {
		uint32_t spi;
		int64_t until; /* end of its lifetime */
	} old[GKM_OLD_MAX];
};

/*
 * Requests of the administrator while a rekey has to wait. The store has them,
 * because the answer promised the rekey, and a restart must not forget it.
 */
enum gkm_asked {
	GKM_ASKED_REKEY = 1 << 0, /* until any rekey */
	GKM_ASKED_SIGN = 1 << 1, /* until the signing key is another one */
};

/*
 * How a change is announced.
 * GKM_SIMPLE: to all members, under the Rekey SA's own key.
 * GKM_JOIN: the same, and the tree keys of the joiners' paths are replaced.
 * GKM_EXCLUDE: by two messages (RFC 9838 section 3.2.1): the first has the new
 *	Rekey SA, which excluded members cannot decrypt; the second goes over
 *	it and has the new Data SA.
 */
enum gkm_how {
	GKM_SIMPLE,
	GKM_JOIN,
	GKM_EXCLUDE,
};

/* A GSA_REKEY being sent: each copy has the same octets. */
struct out_msg {
	TAILQ_ENTRY(out_msg) all;
	struct group *g;
	uint64_t seq;
	int64_t made;
	struct ep to;
	struct addr source;
	char *interface;
	uint8_t ttl;
	unsigned int n; /* copies */
	unsigned int sent;
	uint32_t at_ms[GKM_COPIES_MAX]; /* after the first copy */
	uint64_t start_ms;
	struct timer timer;
	uint8_t *msg;
	size_t len;
	/*
	 * The first message of a change has the SPI of the Data SA that the change
	 * replaced; 0: it is another message, or no sender needs it any more.
	 */
	uint32_t from_spi;
	/* Number of its change among those that replaced the Data SA, until it is sent. */
	uint64_t change;
	bool transient; /* not in the store */
	bool failed; /* the next copy could not be sent */
};

TAILQ_HEAD(outbox, out_msg);

/* ---- registration: join requests ---------------------------------------- */

struct join_req {
	TAILQ_ENTRY(join_req) all;
	LIST_ENTRY(join_req) by_id; /* the first of its identity in a batch */
	LIST_ENTRY(join_req) by_put_off;
	uint64_t token; /* for ike_reply() */
	uint64_t sa_serial; /* serial number of the IKE SA */
	char *identity;
	bool send;
	bool fragments;
	bool asks_inband; /* SAg has no GIKE_UPDATE */
	bool inband; /* by that and the policy */
	bool used_up; /* has used up the IVs of its Data SA */
	uint32_t n_sids; /* wanted, then given by the batch */
	uint32_t first_sid;
	uint64_t since_ms; /* when it came */
	struct ep from; /* source of the request */
	uint8_t *sag; /* payload SAg, or NULL; see join_check.h */
	size_t sag_len;
	struct cert_refs certs; /* this request's, or shared */
	struct cert_refs certs_after; /* see certs_merge() */
	struct cert_refs former_after;
	int64_t former_ends_after;
	int64_t cert_ends; /* see struct gmember */
	uint64_t term_ms;
	struct psk_mark mark;
	struct gmember *m; /* member, existing or new */
	bool is_new;
	bool is_repeated; /* the batch has an earlier request */
	bool renews; /* gives its leaf another key */
	bool quiet; /* not logged */
	bool may_put_off; /* the peer may be told to ask again */
	/*
	 * The peer was told to: nobody waits for the answer, and the keys are
	 * for the next request of the identity.
	 */
	bool put_off;
	bool taken; /* by a batch */
	bool left; /* the peer left after that */
};

LIST_HEAD(put_off_list, join_req);

TAILQ_HEAD(join_reqs, join_req);

/* A member that leaves and is answered when it is out. */
struct leaver {
	TAILQ_ENTRY(leaver) all;
	uint64_t token; /* for ike_reply() */
};

TAILQ_HEAD(leavers, leaver);
TAILQ_HEAD(orders, order);

/* Work that waits for the completion of the change in flight. */
enum group_due {
	DUE_BATCH = 1 << 0,
	DUE_REKEY = 1 << 1,
	DUE_BEAT = 1 << 2,
};

/*
 * Kinds of work that members can cause. They take turns, so that no kind waits
 * for more than one piece of each of the others.
 */
enum group_turn {
	TURN_REQUESTS,
	TURN_BATCH,
	TURN_REKEY,
	TURN_BEAT,
	TURN_MARKS,
	TURNS,
};

/* Callbacks from the lower files of gcks/ to the upper ones. */
struct group_ops {
	/* Keys were changed or the group was reset: restart the timers. */
	void (*changed)(struct group *g);
	/* No change is in flight any more: begin the next one that waits. */
	void (*idle)(struct group *g);
	/* The outbox of a group that is closing has become empty. */
	void (*quiet)(struct group *g);
	/*
	 * The store has another version of the group, by another server or by
	 * a change that had failed: read it again. This callback comes before
	 * idle.
	 */
	void (*stale)(struct group *g);
};

struct group {
	TAILQ_ENTRY(group) all;
	struct gcks *k;
	const struct group_ops *ops;
	const struct key_source_ops *keys;
	struct policy *policy;
	const struct conf_group *conf; /* part of the policy */
	bool closing; /* all members were told that SAs end */
	struct timer end; /* fires after the last copy of that */
	struct timer reread; /* changes wait while this timer is armed */

	struct commit commit;
	unsigned int due; /* enum group_due */
	enum group_turn turn; /* the kind of work that is next */
	bool idling; /* ops->idle() is running */
	struct orders orders; /* orders of the administrator that wait */
	struct join_reqs requests; /* requests not handled yet */
	struct timer requests_timer; /* refuses those that waited for too long */
	struct leavers leavers; /* answered by the next batch */

	struct htab by_id; /* all members */
	struct gmember_more quiet; /* see gcks/gmember.h */
	/* While the store is read: members by number; see gmc_load_end(). */
	struct gmember **numbers;
	uint32_t n_numbers; /* a power of two */
	struct gmembers senders;
	struct gmembers leaving;
	/*
	 * Members with renewed, those with path_renewed first; and of these the ones
	 * whose path the change in flight renews.
	 */
	struct gmembers renewed;
	struct gmembers path_renewing;
	struct gmembers unmarked;
	struct timer marks; /* pause after a failure to store those */
	struct terms terms;
	uint32_t n_members;
	/* Members to check for authorization; with recheck_all, all members. */
	uint32_t n_rechecks;
	uint32_t n_senders;
	uint32_t n_confirmed; /* senders for which gmc_confirmed() is true */
	uint32_t n_renewed;
	uint32_t n_whole; /* members that take no fragments */
	/* Members that are rekeyed inband, and those that need the Data SA. */
	struct gmembers inbands;
	struct gmembers inband_due;
	uint32_t n_inband;
	struct timer inband;
	/*
	 * Until then members of the previous run that are rekeyed inband may have no IKE
	 * SA yet.
	 */
	uint64_t inband_back_ms;
	struct deny_list denied;
	void *denied_by_id; /* the same entries, see tsearch(3) */
	uint32_t n_denied;

	struct lkh *tree;
	struct wraps *wraps; /* see gcks/wraps.h */
	struct sigkey *sign;
	struct gkm_state st;
	struct rekey_sa rs; /* machine of st.rekey; counts Message IDs */
	/*
	 * No message of a change over rs has this Message ID or a later one;
	 * see mids.h.
	 */
	uint32_t change_mid;
	struct timer periodic;
	struct timer beat;
	struct pace pace;
	struct stragglers stragglers;

	struct outbox out;
	uint64_t next_out;
	/* First message of the last change, by its sequence number. */
	uint64_t change_out;
	/* Time of the last change, which may be before the clock began. */
	uint64_t change_ms;
	/* From change_ms until all senders had confirmed; 0: they have not. */
	uint32_t confirmed_ms;
	/* Times of the last changes by their number; 0 is the start. */
	uint64_t change_times[GKM_CHANGES];
	struct replaced replaced;
	uint64_t earlier_ms; /* when earlier changes were repeated */
	/* Rounds in which senders are told once each; see gcks/remind.h. */
	uint64_t reminds;
	uint64_t round_ms; /* when the next one may begin */
	uint32_t remind_ms; /* pause behind that */
	bool reminding; /* senders are left that have to be told now */
	struct timer remind;
	uint64_t unsent; /* copies that could not be sent */
	int send_errno; /* why the last copy failed; 0: it did not */

	struct join_reqs joins;
	/* Requests of peers that ask again, by identity, also in a batch. */
	struct put_off_list put_off[REQUEST_BUCKETS];
	uint32_t senders_waiting; /* join requests of senders */
	uint32_t n_leaving;
	/*
	 * Some member may not be authorized any more. Until it is out, every
	 * change of keys excludes as many of these as its messages can announce.
	 */
	bool exclude_pending;
	uint32_t exclude_requests; /* calls of waiting_request_exclude() */
	bool recheck_all; /* with exclude_pending: see n_rechecks */
	/* Members that leave had no room in the messages of the last batch. */
	bool leave_backlog;
	bool backlog_logged; /* progress has begun */
	struct progress progress; /* while the store is read, or a crowd leaves */
	struct timer batch;
	uint64_t batch_ms; /* when the batch is due */

	/* The group's time is ahead of the clock by this. */
	uint64_t ahead_ms;
	uint32_t slow_ms; /* time that the store may take for a change */
	bool fresh; /* the Data SA was made in this run */

	uint64_t rekeys;
	uint64_t beats;
	uint64_t n_joins;
	uint64_t registrations;
	uint64_t leaves;
	uint64_t evictions;
	uint64_t expired;
	uint64_t refused;
	uint64_t restarts;
	uint64_t wrong_confirms;
	uint64_t rivals;
	uint64_t inband_sent; /* GSA_INBAND_REKEYs */
	uint64_t inband_done; /* answered ones */
	uint64_t inband_lost; /* IKE SAs that ended without an answer to one */
	uint64_t rival_ms; /* last beat caused by a rival report */
	uint64_t store_errors;
	bool store_failed; /* for the last change */
};

TAILQ_HEAD(groups, group);

/* Count the members that GSA_REKEY is for. */
static inline uint32_t group_multicast(const struct group *g)
{
	return g->n_members - g->n_inband;
}

#define GCKS_RATES 1024 /* buckets */

/*
 * Grants of Sender-IDs and joins of one identity in one group. The entry
 * outlives the membership, and expires when the identity has rested.
 */
struct rate_entry {
	LIST_ENTRY(rate_entry) link;
	uint64_t at_ms; /* last grant */
	uint32_t wait_ms; /* no grant for this time after it */
	unsigned int joins; /* joins not forgiven yet */
	/* Time of the last forgiven join, or of the first join. */
	uint64_t came_ms;
	char key[]; /* group, newline, identity */
};

LIST_HEAD(rate_list, rate_entry);

struct gcks {
	const struct conf_gcks *conf;
	struct gcks_deps deps;
	struct conf_quorum quorum;
	struct timer confirm; /* see gcks/signed_orders.h */
	bool order_failed; /* a signed order has to be given or noted again */
	struct ike_engine *engine;
	struct groups groups;
	struct groups closing; /* groups that tell members of their end */
	/* The start waits for the stores, and fails if they fail. */
	bool starting;
	struct rate_list rates[GCKS_RATES];
	uint64_t time0_ms; /* wall clock when clock_mono_ms() was 0 */
	struct notices notices;
	struct grants *grants;
	/* The user whose order is carried out now; "": no user. */
	char actor[GCKS_ACTOR_MAX];
	/* Orders whose lines the store does not have yet. */
	TAILQ_HEAD(, order_note) notes;
};

/*
 * Make a key server without groups, which gcks_free() frees. Returns 0, or -errno
 * with one line in @err.
 */
int gcks_alloc(const struct gcks_deps *deps, struct gcks **out,
	       struct err *err);

static inline uint32_t gkey_spi(const struct gkey *k)
{
	return get_unaligned_be32(k->spi);
}

/* SPI of the first Data SA, by which members and key server name a change. */
static inline uint32_t gkm_spi(const struct gkm_state *st)
{
	return gkey_spi(&st->data[0].key);
}

static inline struct store *group_store(const struct group *g)
{
	return g->k->deps.store;
}

static inline int64_t group_wall(const struct group *g)
{
	return clock_wall(g->k->deps.clock);
}

static inline uint64_t group_now_ms(const struct group *g)
{
	return clock_mono_ms(g->k->deps.clock);
}

#endif
