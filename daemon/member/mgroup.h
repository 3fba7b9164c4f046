/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group that this host is a member of: the state that the files of member/
 * share.
 *
 *	member.c	life, control
 *	status.c	what operators see
 *	lost.c		datagrams that the kernel has dropped lately
 *	difference.c	the kernel's group, compared with this one
 *	mgroup.c	the state of a membership
 *	membership.c	its beginning and end
 *	reload.c	another configuration
 *	register.c	when to register, retries; leaving
 *	flow.c		the flows of a group: one for each Data SA
 *	accept.c	policy of the key server, against the configuration
 *	install.c	keys of the key server
 *	inband.c	rekeys over the IKE SA
 *	inband_watch.c	detection that the IKE SA is gone
 *	rekey_group.c	the multicast group of rekeys
 *	rival.c		detection of another party that rekeys the group
 *	doubt.c		detection of missed rekeys
 *	age.c		age of messages
 *	gckscert.c	the key server's certificate, once it is revoked
 *	term.c		end and renewal of the membership
 *	early.c		GSA_REKEYs that arrive too early
 *	mrekey.c	Rekey SAs and their timers
 *	msa.c		Data SAs in the kernel and their timers
 *	leftover.c	Data SAs that the kernel has not deleted yet
 */
#ifndef MEMBER_MGROUP_H
#define MEMBER_MGROUP_H

#include <sys/queue.h>

#include "crypto/certref.h"
#include "crypto/hash.h"
#include "rekey/keypath.h"
#include "rekey/rekey.h"
#include "lib/err.h"
#include "lib/timer.h"
#include "member/member.h"

/* A Data SA in the kernel; here is only a digest of its key. */
struct msa {
	TAILQ_ENTRY(msa) all;
	struct mgroup *g;
	unsigned int flow; /* the traffic that it is for */
	uint32_t spi;
	uint32_t dir; /* MCSEC_DIR_* */
	uint64_t seq; /* the newest has the largest */
	uint64_t since; /* mgroup.next_seq before the message that brought it */
	bool adopted; /* from an earlier run */
	bool has_digest; /* digest is valid */
	uint8_t digest[HASH_SHA256_LEN];
	bool selected;
	bool retired; /* replaced or deleted, lives for DTD */
	bool partial; /* see msa_undo() */
	uint64_t until_ms; /* end of its lifetime; 0: unknown */
	struct timer select; /* ATD */
	struct timer hurry; /* see msa_hurry() */
	uint32_t dead_spi; /* msa_hurry()'s argument */
	struct timer soft;
	struct timer end; /* DTD, or the end of its lifetime */
};

/*
 * Messages of the key server over a Rekey SA. Its answers confirm all Message
 * IDs below @initial_mid; of the others the last accepted ones are kept, each
 * once: those of a message of the most fragments, and as many before it.
 */
#define ACCEPTED_MAX (2 * REFRAG_MAX)
#define GAPS_MAX 16

/* Message IDs that a message with a higher one has overtaken. */
struct mid_gap {
	uint32_t first;
	uint32_t end; /* the first one that is not in the gap */
	uint64_t at_ms;
};

struct accepted {
	/* GSA_INITIAL_MESSAGE_ID of the last answer. */
	uint32_t initial_mid;
	uint64_t v[ACCEPTED_MAX]; /* digests of messages or fragments */
	unsigned int n;
	struct mid_gap gaps[GAPS_MAX];
	unsigned int n_gaps;
	/* Digest of the last one, and the Message ID that was due before it. */
	uint64_t last;
	uint32_t before;
};

/*
 * Digests of the keys of SAs that the kernel no longer has. The list holds far more
 * than the key server may still name.
 */
#define SPENT_MAX 1024

struct spent {
	uint8_t digest[SPENT_MAX][HASH_SHA256_LEN];
	unsigned int n; /* the oldest entry is overwritten */
};

/* A Rekey SA; the first of the list is the one in use. */
struct mrekey {
	TAILQ_ENTRY(mrekey) all;
	struct mgroup *g;
	struct rekey_sa rs;
	struct refrag frags;
	bool retired;
	struct accepted accepted;
	uint32_t requested_mid; /* rs.next_mid at the last registration */
	unsigned int n_signed; /* signing keys received over it */
	/* The Data SAs that came with it, as far as is known. */
	unsigned int n_data;
	struct {
		unsigned int flow;
		uint32_t spi;
	} data[GSA_MAX_DATA];
	uint64_t seq; /* mgroup.next_seq on arrival */
	uint64_t until_ms;
	unsigned int n_next; /* announced SPIs of its successors */
	uint8_t next[GSA_MAX_NEXT_SPI][GIKE_SPI_LEN_REKEY];
	struct timer soft;
	struct timer end;
};

/* A GSA_REKEY over a Rekey SA that is announced and not installed. */
struct early {
	TAILQ_ENTRY(early) all;
	size_t len;
	uint8_t p[];
};

TAILQ_HEAD(earlies, early);

/* A Rekey SA that was replaced by a GSA_REKEY. */
struct former {
	uint8_t spi[GIKE_SPI_LEN_REKEY];
	uint64_t at_ms; /* arrival of that */
	struct accepted accepted; /* messages accepted over it */
	uint64_t seq; /* mgroup.next_seq before it arrived */
};

#define AGES_MAX 4 /* beats whose ages are compared */
#define FORMER_MAX 128

/* Reasons to doubt that the keys are current. */
enum doubt {
	DOUBT_EARLY, /* over an announced Rekey SA that is missing */
	DOUBT_DATA, /* a new Rekey SA without a Data SA over it */
	DOUBT_ESP, /* ESP of an announced Data SA */
	DOUBT_STRAY, /* SPIs that nobody has announced */
	DOUBT_SILENCE, /* for three beats */
	DOUBT_OLD, /* a delayed rekey */
	DOUBT_OLD_BEAT, /* a delayed beat, or another clock of the key server */
	DOUBT_TERM, /* the membership has ended */
	DOUBT_RIVAL, /* two parties seem to rekey the group */
	DOUBT_CHANGED, /* the key server says that it has made others */
	DOUBT_MAX
};

/* Unauthenticated signs, which cause one request for each SA. */
enum once {
	ONCE_UNOPENED, /* did not open under the SA in use */
	ONCE_FRAGMENT, /* forged fragment over the SA in use */
	ONCE_OUTRUN, /* message over a successor */
	ONCE_FORMER, /* message over a replaced Rekey SA */
	ONCE_ESP, /* ESP of an announced Data SA */
	ONCE_STRAY_ESP, /* ESP of a Data SA that is not known */
	ONCE_STRAY_REKEY, /* message over a Rekey SA that is not known */
	ONCE_DISTRUSTED, /* message that a rival may have signed */
};

/*
 * A request that was made. It has the SPI and not the SA, because a
 * registration makes new SAs and must not allow the request again.
 */
struct asked {
	enum once about;
	uint32_t round;
	uint8_t spi[GIKE_SPI_LEN_REKEY];
};

/*
 * An SPI that was not announced; with @again one that was, and about which one request
 * was in vain.
 */
struct stray {
	struct asked sign;
	bool again;
	uint64_t received; /* msa_received() when it came */
	struct timer due;
};

/* A doubt does not count before @until_ms; @n of them were unfounded. */
struct backoff {
	uint64_t until_ms;
	unsigned int n;
};

/* Far more than the SPIs that can cause requests at one time. */
#define ASKED_MAX (4 * FORMER_MAX)

/* The kernel holds as many SAs of each of its groups. */
#define HAD_MAX (64 * CONF_MAX_DATA)

/* Algorithms of the last registration, for each flow; encr 0: there was none. */
struct algs {
	uint16_t data_encr[CONF_MAX_DATA], data_bits[CONF_MAX_DATA];
	uint16_t rekey_encr, rekey_bits, kwa;
};

/* Announced SPIs of the Data SAs of a flow. */
struct announced {
	unsigned int n;
	uint32_t spi[GSA_MAX_NEXT_SPI];
};

/* Sender-IDs of the last registration. */
struct sids {
	uint32_t n;
	uint32_t bits;
	uint32_t v[MCSEC_SENDER_IDS_MAX];
};

struct mgroup;

/*
 * Events of the files that hold and watch keys (msa.c, mrekey.c, doubt.c and
 * term.c) for the files that register. Set by membership.c, none is NULL.
 */
struct mgroup_ops {
	/*
	 * Register again after @delay_ms, or later if the member was in only
	 * for a short time.
	 */
	void (*again)(struct mgroup *g, uint32_t delay_ms, const char *why);
	/* Ask the key server soon, which costs other members nothing. */
	void (*ask)(struct mgroup *g, const char *why);
	/* Another Data SA sends now, for one of the flows. */
	void (*selected)(struct mgroup *g);
};

/* Condition under which a failed registration can succeed. */
enum refusal {
	REFUSAL_TRANSIENT, /* time: no answer, or no resources */
	REFUSAL_NO_GROUP, /* a reload of the key server */
	REFUSAL_PERMANENT, /* an administrator */
};

struct mgroup {
	TAILQ_ENTRY(mgroup) all;
	struct member *m;
	const struct mgroup_ops *ops;
	struct conf_mgroup own;
	/* Points to own, for readers. */
	const struct conf_mgroup *conf;
	struct ike_id idg;

	enum member_state state; /* written by mgroup_state() only */
	enum refusal refusal; /* reason of the last refusal */
	unsigned int made; /* flows that the kernel had no group for, as bits */
	unsigned int gone; /* flows of a removed group that were released */
	/* No longer configured; the address is still closed. */
	bool removed;
	bool unprotected; /* the kernel has refused to protect a flow */
	bool other_policy; /* the kernel's group is to have another policy */
	struct timer repair; /* tries both again */
	/* The request in progress has former settings. */
	bool changed;
	/* The key server has put the last request off, and remembers it. */
	bool put_off;
	unsigned int attempts; /* since the last lasting success */
	uint64_t asked_ms; /* when the last request was sent */
	uint64_t registered_ms; /* when the last one succeeded */
	struct timer retry;
	/* Reasons to doubt the keys, as bits 1 << enum doubt. */
	unsigned int doubts;
	uint64_t doubt_ms[DOUBT_MAX]; /* when each was last noted */
	struct timer ask; /* asks because of doubts */
	struct timer silence;
	unsigned int silences; /* in a row */
	bool link_changed; /* the next request is early, see doubt_link_changed() */
	uint64_t received_ms; /* when the last GSA_REKEY arrived; 0: none has */
	uint64_t received_made_ms; /* the key server's time in it; 0: it had none */
	uint64_t answer_ms; /* latest time at which the last answer was made */
	/* Ring buffer: the oldest entry is overwritten. */
	struct asked asked[ASKED_MAX];
	unsigned int n_asked;
	uint64_t switched_ms; /* from then on senders use the SAs of the last answer */
	/* Until then they may use a Data SA that this member never had. */
	uint64_t unread_ms;
	/* If set, they do not any more once msa_received() is above unread_received. */
	bool unread_unless;
	uint64_t unread_received;
	bool was_deleted; /* the member is out by a Delete, alone or with all others */
	struct stray stray_esp, stray_rekey;
	struct backoff stray_heard; /* doubts by them while beats come */
	struct backoff stray_silent; /* the same without beats */
	struct timer confirm; /* reports the sending SA */
	uint64_t term_ms; /* end of the membership; 0: unknown */
	struct timer term; /* renews it */
	bool used_up; /* the next registration requests new keys */
	struct timer leave; /* limits the wait for the answer */
	/* Certificates of the key server at the last registration. */
	struct cert_refs gcks_certs;
	bool gcks_revoked; /* one of them is revoked: no rekey is followed */
	struct timer gcks_timeout; /* limits the wait for another one */
	char last_error[480];
	bool found_here; /* last_error is of this host, and not of the key server */

	TAILQ_HEAD(, mrekey) rekeys;
	TAILQ_HEAD(msas, msa) sas; /* newest first */
	/* Ring buffer of the SPIs of former SAs. */
	uint32_t had[HAD_MAX];
	unsigned int n_had;
	uint64_t next_seq;
	struct wkp wkp;
	struct sids sids;
	struct algs algs;
	/*
	 * Traffic selectors and mode that the key server had last, also if they
	 * were refused.
	 */
	bool has_keyed;
	bool keyed_tunnel;
	struct selector keyed;
	uint32_t atd; /* seconds, as last received */
	uint32_t dtd;
	struct announced next_data[CONF_MAX_DATA];
	/*
	 * Without a Rekey SA: rekeys come over the IKE SA of the last
	 * registration, which is NULL when that has ended. @applied_ms is the
	 * key server's time of the newest keys that came, and @applied_spi their
	 * SPI in each flow; @inband_ms is when the last rekey came, and
	 * @checked_ms when the IKE SA was last checked because of unknown ESP.
	 */
	bool inband;
	struct ike_sa *inband_sa;
	uint64_t applied_ms;
	uint32_t applied_spi[CONF_MAX_DATA];
	uint64_t inband_ms;
	uint64_t checked_ms;
	uint64_t n_inband;
	/* The key server's time; see age.c. */
	bool has_server_time;
	uint16_t beat; /* seconds */
	uint64_t server_ms; /* the key server's time ... */
	uint64_t local_ms; /* ... at this local time or later */
	uint32_t uncertain_ms; /* later by at most this */
	uint64_t ages[AGES_MAX]; /* a ring for the last beats */
	unsigned int n_ages;
	struct timer ask_time; /* asks for the time again */
	uint64_t no_devs; /* missing ones of conf->devs, as bits */
	bool joined; /* rekey_to is joined, or is to be */
	int rekey_ifindex; /* interface, or -errno */
	char join_note[ERR_LEN]; /* why it failed, or an assumption */
	struct ep rekey_to;
	struct addr rekey_source;
	struct timer join; /* retries */
	/* Ring buffer: the oldest entry is overwritten. */
	struct former former[FORMER_MAX];
	unsigned int n_former;
	/* When the last request was sent whose answer denied none of them. */
	uint64_t upheld_ms;
	/*
	 * Name of the signing key that was stolen, or "", and when the key
	 * server was asked about it.
	 */
	char stolen_key[SIGPUB_NAME_LEN];
	uint64_t distrust_ms;
	unsigned int n_distrust;
	/* A rival with this Data SA is not reported to the key server yet. */
	bool unreported;
	uint32_t unreported_spi;
	struct timer report;
	struct earlies early;
	unsigned int n_early;
	size_t early_octets;

	/* Datagrams that the kernel has dropped: received ones, and sent ones. */
	uint64_t lost_now[2];
	uint64_t lost[MEMBER_LOST_SAMPLES][2];
	unsigned int settled; /* samples since it has all keys */

	uint64_t registrations;
	uint64_t refusals;
	uint64_t n_rekeys;
	uint64_t rivals; /* rekeys of a rival */
	uint64_t n_too_old; /* GSA_REKEYs that came too late */
	uint64_t excluded;
	uint64_t kernel_errors;
	uint64_t state_errors;
};

TAILQ_HEAD(mgroups, mgroup);
TAILQ_HEAD(leftovers, leftover);

/* The kernel's counters of all groups, at one time. */
struct lost_sample {
	uint64_t count[MEMBER_LOST_REASONS];
};

struct member {
	const struct conf_member *conf;
	struct member_deps deps;
	struct ike_engine *engine;
	struct ike_id gcks_id;
	struct ike_sa *sa; /* to the key server, or NULL */
	struct timer idle_sa; /* limits the wait for an answer over it */
	struct timer unreachable; /* logs that no answer has come so far */
	bool unreachable_logged; /* logged since the last answer */
	int send_error; /* -errno of the last datagram, or 0 */
	struct mgroups groups; /* configured ones and removed ones */
	bool protected; /* member_protect() was successful */
	struct spent spent; /* keys of removed groups, too */
	struct leftovers leftovers; /* SAs to be deleted again, see leftover.c */
	struct timer leftover_due;
	uint64_t drops[REKEY_RC_MAX];
	/* Ring buffer: the oldest entry is overwritten. */
	struct lost_sample lost[MEMBER_LOST_SAMPLES];
	unsigned int n_lost;
};

static inline struct timerq *mgroup_tq(const struct mgroup *g)
{
	return g->m->deps.tq;
}

static inline uint64_t mgroup_now(const struct mgroup *g)
{
	return clock_mono_ms(g->m->deps.clock);
}

/* Return the part of a lifetime after which a successor is asked for. */
uint64_t member_soft_ms(uint64_t life_ms);

/* Return the time to @until_ms, or 0 if that has passed. */
static inline uint64_t mgroup_left_ms(const struct mgroup *g, uint64_t until_ms)
{
	uint64_t now = mgroup_now(g);

	return until_ms > now ? until_ms - now : 0;
}

/* ---- mgroup.c ----------------------------------------------------------- */

/* Find a group, configured or being left; NULL if there is none. */
struct mgroup *mgroup_find(const struct member *m, const char *name);

/*
 * The only writer of g->state. Returns 0, or -EINVAL if the transition is not
 * allowed: it is logged and counted, and the state is unchanged.
 */
int mgroup_state(struct mgroup *g, enum member_state to);

/*
 * Find the group that has the kernel's group @name, and set *@flow. NULL if there is
 * none.
 */
struct mgroup *mgroup_of_kernel(const struct member *m, const char *name,
				unsigned int *flow);

/* Return true if the member holds keys of the group. */
static inline bool mgroup_is_in(const struct mgroup *g)
{
	return member_state_is_in(g->state);
}

/*
 * Return the time for which senders may use a Data SA that this member may never have
 * had (struct member_group_status).
 */
uint32_t mgroup_unread_ms(const struct mgroup *g);

/* Return true if a registration waits for its answer. */
static inline bool mgroup_is_registering(const struct mgroup *g)
{
	return g->state == MEMBER_REGISTERING || g->state == MEMBER_RENEWING;
}

/*
 * Return true if a leave waits for its answer, or for that of the registration
 * before it.
 */
static inline bool mgroup_is_leaving(const struct mgroup *g)
{
	return g->state == MEMBER_LEAVING || g->state == MEMBER_REJOINING;
}

/* Return 0 to @n - 1; 0 if the random generator fails, which only loses the spread. */
uint32_t member_random(uint32_t n);

/* ---- register.c --------------------------------------------------------- */

void register_init(struct mgroup *g);
void register_stop(struct mgroup *g);
/* Register now, unless a registration is in progress. */
void register_now(struct mgroup *g);
/*
 * Register (again) after @delay_ms, or later if the member was in only for a
 * short time, so that a persistent error does not cause a loop.
 */
void register_again(struct mgroup *g, uint32_t delay_ms, const char *why);
/* Register because of a doubt. That costs other members nothing, so retries are quick. */
void register_ask(struct mgroup *g, const char *why);
/* The answer to the request in progress is installed. */
void register_done(struct mgroup *g);
/* Retry early, because links, addresses or routes have changed. */
void register_retry_early(struct mgroup *g);
/* The key server says that senders use the Data SA @spi. */
void register_keys_changed(struct mgroup *g, uint32_t spi);
/* Register again, because the settings known to the key server have changed. */
void register_changed(struct mgroup *g);
/*
 * Return true if the answer is to a request with former settings; it is
 * dropped and the request repeated.
 */
bool register_outdated(struct mgroup *g);
/* The request in progress is answered or abandoned: leave its state. */
void register_end_request(struct mgroup *g);
/* The request in progress has failed, by @notify (0: without an answer) or for @text. */
void register_failed(struct mgroup *g, uint16_t notify, const char *text);
/* The key server has put the request off for @ms milliseconds. */
void register_put_off(struct mgroup *g, uint32_t ms);
/*
 * The key server has answered the request of @answered: the time limit of the next
 * one begins now.
 */
void register_answered(struct member *m, const struct mgroup *answered);
/* Begin to leave, and complete that: by an answer, or without one. */
void register_leave(struct mgroup *g);
void register_left(struct mgroup *g);
/* Let the next registration open a new IKE SA. */
void register_drop_sa(struct mgroup *g);
/* Handle a missing answer: the IKE SA may be dead at the other end. */
void register_idle_sa(struct member *m);
/* Log why the key server has not answered, as far as is known. */
void register_unreachable(struct member *m);
/* Report the sending SA, which has changed or is unknown to the key server. */
void register_confirm(struct mgroup *g);
/* Stop the timers that watch the keys, which are gone. */
void register_unwatch(struct mgroup *g);

/* ---- gckscert.c ---------------------------------------------------------- */

void gckscert_init(struct mgroup *g);
void gckscert_stop(struct mgroup *g);
/* Note the certificates of the key server that has just answered over @sa. */
void gckscert_learn(struct mgroup *g, const struct ike_sa *sa);
/* Note that the key server has just proven a certificate that a list revokes. */
void gckscert_refused(struct member *m);

/* ---- flow.c ------------------------------------------------------------- */

static inline unsigned int mgroup_flows(const struct mgroup *g)
{
	return (unsigned int)conf_n_flows(g->conf);
}

/* Return the flow that a Data SA of the key server is for, or -ENOENT. */
int flow_of(const struct mgroup *g, const struct gsa_sa *sa);
/* Return the flows that have a Data SA in @gsa, as bits. */
unsigned int flows_in(const struct mgroup *g, const struct gsa *gsa);
/* Return the SPI of the first Data SA of a flow in @gsa; 0: there is none. */
uint32_t flow_spi(const struct mgroup *g, const struct gsa *gsa,
		  unsigned int flow);
/*
 * Return true if the group has each Data SA in @gsa, or, with @or_next, knows its SPI
 * as the first announced one.
 */
bool flows_have(const struct mgroup *g, const struct gsa *gsa, bool or_next);
/* Note that the Data SAs in @gsa have come with @rk. */
void flows_store_spis(struct mrekey *rk, const struct gsa *gsa);
/* Return true if @gsa has the Data SAs that came with @rk, and nothing else. */
bool flows_repeat(const struct mrekey *rk, const struct gsa *gsa);
/*
 * Return true if a Data SA in @gsa is none of those of its flow that came with @rk, as
 * far as these are known.
 */
bool flows_differ(const struct mrekey *rk, const struct gsa *gsa);

/* ---- accept.c ----------------------------------------------------------- */

#define SID_BITS_MAX 16

/* Set *@alg to the cipher of a Data SA. Returns 0 or -ENOTSUP. */
int accept_alg(const struct gsa_sa *sa, enum mcsec_alg *alg);
/* Return the seconds by which all lifetimes in a message are reduced. */
uint32_t accept_age_s(const struct mgroup *g, const struct gsa_gw *gw);
/*
 * Compare the key server's policy with the configuration; @all: each flow has to have
 * a Data SA, as in an answer to a registration. Returns 0, or -EPROTO with the reason
 * in @err.
 */
int accept_policy(const struct mgroup *g, const struct gsa *gsa, bool transport,
		  bool all, struct err *err);
/*
 * Compare the algorithms of a rekey with those that accept_store_algs() has stored of
 * the last registration.
 */
int accept_algs(const struct mgroup *g, const struct gsa *gsa, struct err *err);
void accept_store_algs(struct mgroup *g, const struct gsa *gsa);
int accept_sender_ids(const struct mgroup *g, const struct gsa *gsa,
		      const struct kd *kd, struct err *err);
/* Store what the key server keys, also if it is refused, for an operator. */
void accept_store_keyed(struct mgroup *g, const struct gsa *gsa,
			bool transport);

/* ---- install.c ---------------------------------------------------------- */

/*
 * Install the answer to a registration. Returns 0; -EPROTO: not acceptable,
 * with the reason in @err, and nothing has changed; -ESTALE: overtaken by a
 * rekey; -EEXIST and others: refused by the kernel.
 */
int install_registration(struct mgroup *g, struct ike_sa *sa,
			 const struct gsa *gsa, const struct kd *kd,
			 bool transport, struct err *err);
/* Apply a verified GSA_REKEY over @rk, which may be freed. */
void install_rekey(struct mgroup *g, struct mrekey *rk, struct rekey_msg *msg);
/* Install the keys of a GSA_INBAND_REKEY over @sa. Errors as above. */
int install_inband(struct mgroup *g, struct ike_sa *sa, struct gike_inband *msg,
		   struct err *err);
/*
 * Note that a GSA_INBAND_REKEY came before the answer to the registration in progress,
 * which is out of date by it. Its keys cannot be installed.
 */
void install_inband_early(struct mgroup *g, const struct gsa *gsa);
/* Apply Deletes. Returns true if they exclude the member. */
bool install_deletes(struct mgroup *g, const struct delete_pld *del,
		     unsigned int n, uint64_t before);
/* The key server has excluded the member: its SAs live for DTD and are then deleted. */
void install_excluded(struct mgroup *g, const char *why);

/* ---- inband_watch.c ----------------------------------------------------- */

/*
 * Begin to check, or check anew, the IKE SA over which rekeys come: as often as others
 * expect a beat, because a key server that lost it can send nothing.
 */
void inband_watch(struct mgroup *g);
/* Return true if the IKE SA over which rekeys come is up, as far as is known. */
bool inband_sa_is_up(const struct mgroup *g);
/* Time of such a check, called by doubt.c. */
void inband_check(struct mgroup *g);
/* Handle ESP with an unknown SPI, which the kernel has received for the group. */
void inband_esp(struct mgroup *g);

/* ---- mrekey.c ----------------------------------------------------------- */

/*
 * Make a Rekey SA, outside the group's list; @lifetime in seconds from now.
 * Returns NULL if memory is short.
 */
struct mrekey *mrekey_new(struct mgroup *g, const struct gsa_sa *policy,
			  uint32_t lifetime);
/* Wipe and free a Rekey SA that is in no list. */
void mrekey_free(struct mrekey *rk);
/* Return the Rekey SA in use, or NULL. */
struct mrekey *mrekey_current(const struct mgroup *g);
/* Put @rk into use and retire the others. */
void mrekey_install(struct mgroup *g, struct mrekey *rk);
/* Wipe and free all Rekey SAs. */
void mrekey_drop_all(struct mgroup *g);

/* ---- rekey_group.c ------------------------------------------------------ */

void rekey_group_init(struct mgroup *g);
/* Receive rekeys at the address in @policy, which is that of a Rekey SA. */
void rekey_group_set(struct mgroup *g, const struct gsa_sa *policy);
/* Join the rekey address, or join it again. */
void rekey_group_join(struct mgroup *g);
void rekey_group_leave(struct mgroup *g);
/* The link @ifindex is able to carry packets again; 0: any link may be. */
void rekey_group_link_up(struct mgroup *g, uint32_t ifindex);

/* ---- doubt.c ------------------------------------------------------------ */

void doubt_init(struct mgroup *g);
/* Drop all doubts, since no keys are held any more. */
void doubt_stop(struct mgroup *g);
/* Note a reason to ask the key server soon; nothing if the member is not in. */
void doubt_note(struct mgroup *g, enum doubt d);
/*
 * Note a doubt that an attacker can cause, which must not make a member ask
 * without end: once for @spi (@len octets, at most GIKE_SPI_LEN_REKEY) and
 * @round, however often the member registers. Only a holder of the signing key
 * may be able to start a new round. Returns false if that was noted before.
 */
bool doubt_once(struct mgroup *g, enum doubt d, enum once about,
		const void *spi, size_t len, uint32_t round);
/* Return true if doubt_once() was called for that in round 0. */
bool doubt_was_asked(const struct mgroup *g, enum once about, const void *spi,
		     size_t len);
/* Drop doubts; @which has bits 1 << enum doubt. */
void doubt_drop(struct mgroup *g, unsigned int which);
/*
 * Note that a GSA_REKEY of the key server arrived at the rekey address, made at
 * @made_ms of its clock; 0: unknown.
 */
void doubt_received(struct mgroup *g, uint64_t made_ms);
/*
 * Drop the doubts that an answer of the key server settles. What was noted after it was
 * made, by g->answer_ms, stays.
 */
void doubt_answered(struct mgroup *g);
/* Note that the registration has brought keys that the member did not have. */
void doubt_confirmed(struct mgroup *g);
/* Handle ESP with an unknown SPI, which the kernel has received for the group. */
void doubt_esp(struct mgroup *g, uint32_t spi);
/*
 * Handle a message to the rekey address over a Rekey SA (@spi) that is neither known
 * nor announced; with @again one that is announced, and has counted once.
 */
void doubt_rekey(struct mgroup *g, const uint8_t *spi, bool again);
/* Let the member ask soon, as links, addresses or routes of this host have changed. */
void doubt_link_changed(struct mgroup *g);
/* Describe the first doubt, or return NULL. */
const char *doubt_text(const struct mgroup *g);

/* ---- rival.c ------------------------------------------------------------ */

/* Note that a message over @rk has brought its successor. */
void rival_replaced(struct mgroup *g, const struct mrekey *rk);
/* Handle a message to the rekey address that is not of the Rekey SA in use. */
void rival_other_sa(struct member *m, const uint8_t *p, size_t len);
/*
 * Note an accepted message over the Rekey SA in use, or a fragment of one. @expected is
 * rs.next_mid before that.
 */
void rival_accepted(struct mrekey *rk, uint32_t expected, const uint8_t *p,
		    size_t len);
/*
 * Note that a request is about to be sent, whose answer may deny what the member holds.
 */
void rival_requested(struct mgroup *g);
/* Return true if a Data SA in @gsa is not the one that came with @rk. */
bool rival_data(const struct mrekey *rk, const struct gsa *gsa);
/*
 * Return true if the key server's answer denies a GSA_REKEY that was applied.
 * *@seq: everything before it is genuine.
 */
bool rival_denied(struct mgroup *g, const struct gsa *gsa, uint64_t *seq);
/*
 * Return true if a new SA has the SPI of an installed one with another key, so
 * its maker knows the next SPIs. *@seq as in rival_denied().
 */
bool rival_clash(const struct mgroup *g, const struct mrekey *rk,
		 const struct ksa *ksa, unsigned int n, uint64_t *seq);
/* Remove what the denied message brought, once @gsa is installed, and report it. */
void rival_undo(struct mgroup *g, struct ike_sa *sa, const struct gsa *gsa,
		uint64_t seq);
/*
 * Note a registration over @sa. If it brings another signing key, rekeys are
 * trusted again.
 */
void rival_registered(struct mgroup *g, struct ike_sa *sa);
void rival_init(struct mgroup *g);
void rival_cancel_report(struct mgroup *g);
/*
 * Return true if a rival has the signing key, so that @msg is not
 * authenticated. A message that would change something causes a request.
 */
bool rival_distrusts(struct mgroup *g, struct mrekey *rk,
		     const struct rekey_msg *msg);
/*
 * Return true if a rival has the signing key, and the member has asked about this
 * message before.
 */
bool rival_repeats(const struct mrekey *rk, const uint8_t *p, size_t len);
/* Judge a message over the Rekey SA in use that was rejected. */
void rival_rejected(struct mrekey *rk, enum rekey_rc rc, const uint8_t *p,
		    size_t len);

/* ---- age.c -------------------------------------------------------------- */

/* Learn the server's time from the answer to a request sent at @asked_ms. */
void age_learn(struct mgroup *g, const struct gsa_gw *gw, uint64_t asked_ms);
/*
 * Return upper and lower bounds of the milliseconds since a message was made; 0 if the
 * key server's time is not known.
 */
uint64_t age_most_ms(const struct mgroup *g, const struct gsa_gw *gw);
uint64_t age_least_ms(const struct mgroup *g, const struct gsa_gw *gw);
/* Note the age of a beat that has just come. */
void age_note(struct mgroup *g, const struct gsa_gw *gw);
/*
 * Return how much of a message's ATD is over: the milliseconds since it was made, less
 * the drift of the clocks.
 */
uint64_t age_for_atd_ms(const struct mgroup *g, const struct gsa_gw *gw);
/* Return true if a message is older than a member accepts (a minute). */
bool age_too_old(const struct mgroup *g, const struct gsa_gw *gw);

/* ---- term.c ------------------------------------------------------------- */

void term_init(struct mgroup *g);
void term_stop(struct mgroup *g);
/* Learn the end of the membership from the answer to a request sent at g->asked_ms. */
void term_learn(struct mgroup *g, const struct gsa_gw *gw);

/* ---- early.c ------------------------------------------------------------ */

/* Keep a message over an announced Rekey SA. Repetitions are kept once. */
void early_store(struct mgroup *g, const uint8_t *p, size_t len);
/*
 * Remove the message over @rs with the lowest Message ID, which the caller
 * frees; NULL if there is none.
 */
struct early *early_take(struct mgroup *g, const struct rekey_sa *rs);
/* Free all early messages. */
void early_drop(struct mgroup *g);

/* ---- msa.c -------------------------------------------------------------- */

/*
 * Add an SA of a flow with @lifetime in seconds to the kernel. @ksa's group and limits
 * are filled in here. The SA sends after @atd_ms; an SA that the kernel has goes on.
 * Returns 0, or -errno with the reason in @err. -EAGAIN: with this SA datagrams
 * would be accepted a second time, or the SA cannot begin to send; nothing has
 * changed, and the next registration asks for another Data SA.
 */
int msa_add(struct mgroup *g, unsigned int flow, struct ksa *ksa,
	    uint32_t lifetime, uint64_t atd_ms, struct err *err);
/*
 * Note an SA that the kernel has from an earlier run, which is not changed. Returns 0
 * or -ENOMEM.
 */
int msa_adopt(struct mgroup *g, unsigned int flow, const struct ksa_info *info);
/* Restrict an SA of an earlier run to the directions that are configured. */
void msa_take_over(struct msa *s);
/* Return true if the kernel says that the SA has reached a limit. */
bool msa_has_ended(const struct msa *s);
/*
 * Permit an SA that was held before. A replay gains nothing while a rival has the
 * keys, so this is safe until the group is reset.
 */
void msa_allow(struct mgroup *g, const struct ksa *ksa);
/* Return the directions of SAs by the configuration, MCSEC_DIR_*. */
uint32_t msa_dir(const struct conf_mgroup *conf);
/*
 * Set the directions to @dir: receiving can be started and stopped, sending only
 * stopped. The windows are kept. If no direction would be left nothing changes.
 * Returns 0, or -errno, which is logged.
 */
int msa_set_dir(struct msa *s, uint32_t dir);
/* Return the SA with this SPI, or NULL. */
struct msa *msa_find(const struct mgroup *g, uint32_t spi);
/* Return true if the SA's key has another digest than that of @ksa. */
bool msa_differs(const struct msa *s, const struct ksa *ksa);
/* Delete the SA in DTD; a sending SA not before its successor sends. */
void msa_retire(struct msa *s);
/* Retire the SAs in use with seq < @before of the flows with a bit in @flows. */
void msa_retire_older(struct mgroup *g, uint64_t before, unsigned int flows);
#define ALL_FLOWS (~0u)
/* Delete the SA here and in the kernel. */
void msa_delete(struct msa *s);
/*
 * Undo the installation of @s, since the rest of its message cannot be installed:
 * delete it if it has not received, or else let it only receive until that message
 * comes again, or a later one.
 */
void msa_undo(struct msa *s);
/*
 * Let @s send after @ms, before its ATD ends, if this member sends with @dead then: all
 * others have deleted that. With another one, or none, it waits as others do.
 */
void msa_hurry(struct msa *s, uint32_t dead, uint64_t ms);
/* Delete the SA here; the kernel keeps it. */
void msa_forget(struct msa *s);
/* Return the newest SA of a flow that is not retired, or NULL. */
struct msa *msa_newest(const struct mgroup *g, unsigned int flow);
/* Return true if the group had an SA with this SPI a short time ago. */
bool msa_held_before(const struct mgroup *g, uint32_t spi);
/* Return the number of packets that the kernel has accepted with all SAs. */
uint64_t msa_received(const struct mgroup *g);
/* Return true if the kernel no longer has the SA, which was then dropped. */
bool msa_drop_if_lost(struct msa *s);
/* Return the SA that sends for a flow, or NULL. */
struct msa *msa_sending(const struct mgroup *g, unsigned int flow);
/* Return true if an SA sends for each flow. */
bool msa_all_send(const struct mgroup *g);
/* Return true if one does, and all of these came with one message. */
bool msa_at_one_change(const struct mgroup *g);

#endif
