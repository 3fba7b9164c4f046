/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of gcks/ share: one group at the key server.
 *
 * struct gkm_state is what the store holds of its keys. A change works on a
 * copy, writes the copy, and puts it in place once the store has taken it
 * (gcks/commit.h).
 */
#ifndef GCKS_GROUP_H
#define GCKS_GROUP_H

#include <sys/queue.h>

#include "gcks/commit.h"
#include "gcks/gcks.h"
#include "gcks/lkh.h"
#include "gcks/notice.h"
#include "gcks/pace.h"
#include "rekey/rekey.h"
#include "lib/timer.h"

struct key_source_ops;
struct order;
struct policy;
struct sigkey;

#define GMC_HASH 1024 /* buckets */
#define GMC_ID_MAX 600 /* octets of an identity as text */
#define GKM_OLD_MAX 31 /* Data SAs named in a Delete; 32 with one more */
#define GKM_COPIES_MAX 10 /* copies of one message */
/* Members refuse a message a minute after it was made. */
#define GKM_STALE_S 50
#define GKM_DIGEST 32
#define GKM_NEXT GSA_MAX_NEXT_SPI

/* ---- gmc: who is in ----------------------------------------------------- */

struct group;

struct gmember {
	TAILQ_ENTRY(gmember) all;
	LIST_ENTRY(gmember) by_id;
	LIST_ENTRY(gmember) by_number;
	struct group *g;
	char *identity;
	uint64_t number; /* never given to anybody else */
	uint32_t leaf;
	bool send;
	bool receive;
	bool fragments; /* takes fragments of GSA_REKEY */
	bool leaving; /* goes with a batch ... */
	uint64_t leave_ms; /* ... that is not before then */
	bool out; /* goes with the change being made ... */
	bool barred; /* ... since a list has not its right any more */
	/*
	 * When the membership ends: with its certificate, in seconds since
	 * 1970, and at this time of the group, in milliseconds; 0: not.
	 */
	int64_t cert_ends;
	uint64_t term_ms;
	struct timer term;
	const char *ended; /* it leaves because of that, and why */
	struct addr at; /* where it registered last; none: not known */
	bool replaced; /* it leaves since it is elsewhere now */
	/* its leaf has a new key, those above it are still to be replaced */
	bool renewed;
	uint64_t renewed_ms; /* when, by the clock; 0: before a restart */
	bool turning; /* with the change being made */
	int64_t joined; /* seconds since 1970 */
	int64_t registered;
	uint32_t first_sid;
	uint32_t n_sids;
	/* IKE SA that it last registered over; 0 after a restart */
	uint64_t over;
	/* it said that it sends with this Data SA, or was given it to */
	uint32_t sends_spi;
};

struct deny_entry {
	TAILQ_ENTRY(deny_entry) all;
	char *identity;
	int64_t since;
};

TAILQ_HEAD(deny_list, deny_entry);
TAILQ_HEAD(gmembers, gmember);
LIST_HEAD(gbucket, gmember);

/* ---- gkm: keys ---------------------------------------------------------- */

/* KEYMAT of an SA. Data SAs use the first 4 octets of @spi. */
struct gkey {
	uint8_t spi[GIKE_SPI_LEN_REKEY];
	uint8_t keymat[KD_PLAIN_MAX];
	uint16_t len;
	int64_t made; /* seconds since 1970 */
	uint32_t lifetime; /* seconds */
};

struct gkm_state {
	uint8_t policy[GKM_DIGEST]; /* of the settings keys depend on */
	/* one more with each change; the witness has it too */
	uint64_t version;
	bool keyed; /* rekey and data are there */
	uint64_t next_number; /* of a member */
	uint32_t next_sid;
	/* of the Rekey SA: no message in the network has this or a later one */
	uint32_t next_mid;
	struct gkey rekey;
	struct gkey data;
	/*
	 * SPIs of the next Rekey SAs. A member that hears one of them has
	 * missed rekeys, up to so many in a row.
	 */
	uint8_t next_spi[GKM_NEXT][GIKE_SPI_LEN_REKEY];
	/*
	 * The same of Data SAs: who hears ESP of one of these has missed one.
	 */
	uint8_t next_data_spi[GKM_NEXT][GIKE_SPI_LEN_DATA];
	int64_t sign_made; /* the signing key, seconds since 1970 */
	unsigned int asked; /* enum gkm_asked, promised to the administrator */
	/* of the group, in milliseconds; it never goes back */
	uint64_t time_ms;
	/* what the Rekey SA was made for; settings may change */
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
 * What the administrator asked for while a rekey had to wait. The store has it,
 * because the answer promised that it comes, and a restart must not forget it.
 */
enum gkm_asked {
	GKM_ASKED_REKEY = 1 << 0, /* until any rekey */
	GKM_ASKED_SIGN = 1 << 1, /* until the signing key is another one */
};

/*
 * How a change is announced.
 * GKM_SIMPLE: to those who are in, under the Rekey SA's own key.
 * GKM_JOIN: the same, and tree keys of the joiners' paths are replaced.
 * GKM_EXCLUDE: two messages (RFC 9838 3.2.1): the new Rekey SA, which who is
 *	out can't open, then over it the new Data SA.
 */
enum gkm_how {
	GKM_SIMPLE,
	GKM_JOIN,
	GKM_EXCLUDE,
};

/* A GSA_REKEY on its way: the same octets again and again. */
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
	uint32_t at_ms[GKM_COPIES_MAX]; /* since start */
	uint64_t start_ms;
	struct timer timer;
	uint8_t *msg;
	size_t len;
	bool passing; /* not in the store */
	bool failed; /* its next copy could not be sent */
};

TAILQ_HEAD(outbox, out_msg);

/* ---- register: who wants in --------------------------------------------- */

struct join_req {
	TAILQ_ENTRY(join_req) all;
	LIST_ENTRY(join_req) by_id; /* in a batch, if it is new */
	uint64_t token; /* for ike_reply() */
	uint64_t over; /* number of the IKE SA */
	char *identity;
	bool send;
	bool receive;
	bool fragments;
	bool used_up; /* needs another Data SA */
	uint32_t n_sids; /* wanted; then given by the batch */
	uint32_t first_sid;
	struct ep from; /* where the request came from */
	int64_t cert_ends; /* as in struct gmember */
	uint64_t term_ms;
	struct gmember *m; /* the member it is, or becomes */
	bool is_new;
	bool is_twin; /* of an earlier request of the same batch */
	bool renews; /* gives its leaf another key */
	bool quiet; /* no line about it in the log */
};

TAILQ_HEAD(join_reqs, join_req);

/* A member that leaves, and is told when it is out. */
struct leaver {
	TAILQ_ENTRY(leaver) all;
	uint64_t token; /* for ike_reply() */
};

TAILQ_HEAD(leavers, leaver);
TAILQ_HEAD(orders, order);

/* What waits until the store is done with the change that is in flight */
enum group_due {
	DUE_BATCH = 1 << 0,
	DUE_REKEY = 1 << 1,
	DUE_BEAT = 1 << 2,
};

/* What the lower files of gcks/ ask of the upper ones */
struct group_ops {
	/* keys were changed, or everybody is out: timers start from new */
	void (*changed)(struct group *g);
	/* no change is in flight any more: what waited may go */
	void (*idle)(struct group *g);
	/* the outbox of a group that is closing is empty */
	void (*quiet)(struct group *g);
};

struct group {
	TAILQ_ENTRY(group) all;
	struct gcks *k;
	const struct group_ops *ops;
	const struct key_source_ops *keys;
	struct policy *policy;
	const struct conf_group *conf; /* of the policy */
	bool closing; /* everybody is out, and told so */
	struct timer end; /* when that was said for the last time */

	struct commit commit;
	unsigned int due; /* enum group_due */
	bool idling; /* ops->idle() is being called */
	struct orders orders; /* of the administrator, that wait */
	struct join_reqs asks; /* that are still to be judged */
	struct leavers leavers; /* to be told by the next batch */

	struct gmembers members;
	struct gbucket by_id[GMC_HASH];
	struct gbucket by_number[GMC_HASH];
	uint32_t n_members;
	uint32_t n_senders;
	uint32_t n_renewed;
	uint32_t n_whole; /* take GSA_REKEY in one piece only */
	struct deny_list denied;
	uint32_t n_denied;

	struct lkh *tree;
	struct sigkey *sign;
	struct gkm_state st;
	struct rekey_sa rs; /* of st.rekey; next_mid counts here */
	struct timer periodic;
	struct timer beat;
	struct pace pace;

	struct outbox out;
	uint64_t next_out;
	uint64_t change_out; /* messages from here on are of the last change */
	uint64_t change_ms; /* when that was */
	uint32_t confirmed_ms; /* so much later all senders had confirmed */
	uint64_t unsent; /* copies that could not be sent */
	int send_errno; /* why the last one could not; 0: it could */

	struct join_reqs joins;
	uint32_t senders_waiting; /* of joins */
	uint32_t n_leaving;
	struct timer batch;
	uint64_t batch_ms; /* when the batch is due */

	uint64_t ahead_ms; /* of our clock is the group's time */
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
	uint64_t rivals;
	uint64_t rival_ms; /* the last beat that a report of one brought */
	uint64_t store_errors;
};

TAILQ_HEAD(groups, group);

#define GCKS_PACE 1024 /* buckets */

/*
 * How fast an identity asks a group for Sender-IDs, and how often it has come
 * lately. It outlives leaving the group, and is forgotten when the identity
 * has rested.
 */
struct pace_entry {
	LIST_ENTRY(pace_entry) link;
	uint64_t at_ms; /* when it was last given some */
	uint32_t wait_ms; /* so long after that it gets none */
	unsigned int joins; /* that are not forgiven yet */
	uint64_t came_ms; /* when one was; or when it came first */
	char key[]; /* group, newline, identity */
};

LIST_HEAD(pace_list, pace_entry);

struct gcks {
	const struct conf_gcks *conf;
	struct gcks_deps deps;
	struct ike_engine *engine;
	struct groups groups;
	struct groups closing; /* that say good-bye to their members */
	/* stores are waited for: what fails then fails the start */
	bool starting;
	struct pace_list pace[GCKS_PACE];
	uint64_t time0_ms; /* our time when clock_mono_ms() was 0 */
	struct notices notices;
};

static inline uint32_t gkey_spi(const struct gkey *k)
{
	return (uint32_t)k->spi[0] << 24 | k->spi[1] << 16 | k->spi[2] << 8 |
	       k->spi[3];
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
