/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group that this host is a member of, as the files of member/ share it.
 *
 *	member.c	life, control, status
 *	mgroup.c	the state of a membership
 *	membership.c	its beginning and end
 *	reload.c	another configuration
 *	register.c	when to register, with what patience; leaving
 *	install.c	what the key server sends, judged and put in place
 *	rekey_group.c	the multicast group that rekeys go to
 *	rival.c		whether somebody else rekeys the group
 *	doubt.c		whether the keys held are still the group's
 *	age.c		how old a message is
 *	term.c		how long it is a member
 *	early.c		GSA_REKEYs that came before what they build on
 *	mrekey.c	Rekey SAs and their timers
 *	msa.c		Data SAs in the kernel and their timers
 */
#ifndef MEMBER_MGROUP_H
#define MEMBER_MGROUP_H

#include <sys/queue.h>

#include "crypto/hash.h"
#include "rekey/keypath.h"
#include "rekey/rekey.h"
#include "lib/timer.h"
#include "member/member.h"

/* A Data SA in the kernel. Its key is there, and here no more than a digest. */
struct msa {
	TAILQ_ENTRY(msa) all;
	struct mgroup *g;
	uint32_t spi;
	uint32_t dir; /* MCSEC_DIR_* */
	uint64_t seq; /* the newest has the largest */
	bool adopted; /* the kernel had it when we started */
	bool has_digest; /* digest is of its key */
	uint8_t digest[HASH_SHA256_LEN];
	bool selected;
	bool retired; /* replaced or deleted, lives for DTD */
	uint64_t until_ms; /* end of its lifetime; 0: not known */
	struct timer select; /* ATD */
	struct timer soft;
	struct timer end; /* DTD, or the end of its lifetime */
};

/*
 * Messages of the key server over a Rekey SA: its answers vouch for all Message
 * IDs below @initial_mid; of the others, the last that were accepted are known.
 */
#define ACCEPTED_MAX 64

struct accepted {
	uint32_t initial_mid; /* GSA_INITIAL_MESSAGE_ID of its last answer */
	uint64_t v[ACCEPTED_MAX]; /* of digests of the octets */
	unsigned int n;
};

/* A Rekey SA. The first of the list is the one in use. */
struct mrekey {
	TAILQ_ENTRY(mrekey) all;
	struct mgroup *g;
	struct rekey_sa rs;
	struct refrag frags;
	bool retired;
	struct accepted accepted;
	uint32_t requested_mid; /* rs.next_mid at the last registration */
	unsigned int n_signed; /* signing keys that came over it */
	uint32_t data_spi; /* it goes with this Data SA; 0: not known yet */
	uint64_t seq; /* mgroup.next_seq when it came */
	uint64_t until_ms;
	unsigned int n_next; /* SPIs announced for its successor */
	uint8_t next[GSA_MAX_NEXT_SPI][GIKE_SPI_LEN_REKEY];
	struct timer soft;
	struct timer end;
};

/* A GSA_REKEY over a Rekey SA that is announced and not there yet */
struct early {
	TAILQ_ENTRY(early) all;
	size_t len;
	uint8_t p[];
};

TAILQ_HEAD(earlies, early);

/* A Rekey SA that a GSA_REKEY has replaced */
struct former {
	uint8_t spi[GIKE_SPI_LEN_REKEY];
	uint64_t at_ms; /* when that came */
	struct accepted accepted; /* over it */
	uint64_t seq; /* mgroup.next_seq before it came */
};

#define FORMER_MAX 128

/* Signs that prove nothing, and are asked about once for each SA */
enum once {
	ONCE_UNOPENED, /* over the Rekey SA in use */
	ONCE_FRAGMENT, /* a forged one among those over it */
	ONCE_OUTRUN, /* over a successor of it */
	ONCE_FORMER, /* over a Rekey SA that was replaced */
	ONCE_ESP, /* of an announced Data SA */
};

/*
 * A question that was asked. It has the SPI and not the SA, since a
 * registration makes SAs anew and must not make the question new.
 */
struct asked {
	enum once about;
	uint32_t round;
	uint8_t spi[GIKE_SPI_LEN_REKEY];
};

/* Far more than there are SPIs that a question is asked about at a time */
#define ASKED_MAX (4 * FORMER_MAX)

/* Sender-IDs, as the last registration gave them */
struct sids {
	uint32_t n;
	uint32_t bits;
	uint32_t v[MCSEC_SENDER_IDS_MAX];
};

struct mgroup;

/*
 * Events of the files that hold and watch keys (msa.c, mrekey.c, doubt.c and
 * term.c) for those that register. Set by membership.c; all are there.
 */
struct mgroup_ops {
	/*
	 * To be registered again after @delay_ms, or later if it was in only
	 * for a moment.
	 */
	void (*again)(struct mgroup *g, uint32_t delay_ms, const char *why);
	/* To be asked soon; costs others nothing. */
	void (*ask)(struct mgroup *g, const char *why);
	/* Another Data SA sends now. */
	void (*selected)(struct mgroup *g);
};

/* The remedy for a registration that failed */
enum refusal {
	REFUSAL_TRANSIENT, /* time: no answer, or no room */
	REFUSAL_PERMANENT, /* an administrator */
};

struct mgroup {
	TAILQ_ENTRY(mgroup) all;
	struct member *m;
	const struct mgroup_ops *ops;
	struct conf_mgroup own;
	const struct conf_mgroup *conf; /* = &own, for all to read */
	struct ike_id idg;

	enum member_state state; /* written by mgroup_state() alone */
	enum refusal refusal; /* the last one */
	bool made; /* the kernel had no group of this name */
	bool removed; /* not configured any more; its address is still closed */
	bool changed; /* the question under way is of settings before */
	unsigned int attempts; /* since it last went well for a while */
	uint64_t asked_ms; /* when the last question went off */
	uint64_t registered_ms; /* when that last went well */
	struct timer retry;
	/* reason to doubt the keys that are held, 1 << enum doubt */
	unsigned int doubts;
	struct timer ask; /* about that */
	struct timer silence;
	unsigned int silences; /* in a row */
	/* the oldest is written over */
	struct asked asked[ASKED_MAX];
	unsigned int n_asked;
	struct timer confirm; /* tells the key server what it sends with */
	uint64_t term_ms; /* end of the membership; 0: not known */
	struct timer term; /* renews it */
	bool used_up; /* the next registration asks for new keys */
	struct timer leave; /* patience with the answer */
	char last_error[160];

	TAILQ_HEAD(, mrekey) rekeys;
	TAILQ_HEAD(msas, msa) sas; /* newest first */
	uint64_t next_seq;
	struct wkp wkp;
	struct sids sids;
	uint32_t atd; /* seconds, as last received */
	uint32_t dtd;
	/* SPIs of the Data SAs to come */
	unsigned int n_next_data;
	uint32_t next_data[GSA_MAX_NEXT_SPI];
	/* the key server's time; see age.c */
	bool has_server_time;
	uint16_t beat; /* seconds */
	uint64_t server_ms; /* what it was at the key server ... */
	uint64_t local_ms; /* ... when it was this here, or later */
	uint32_t uncertain_ms; /* later by so much at most */
	struct timer ask_time; /* asks for it anew */
	bool joined; /* rekey_to is, or is to be */
	int rekey_ifindex; /* where, or -errno */
	char join_note[160]; /* why not, or what was assumed */
	struct ep rekey_to;
	struct addr rekey_source;
	struct timer join; /* tries again */
	/* the oldest is written over */
	struct former former[FORMER_MAX];
	unsigned int n_former;
	/* the key that somebody else has, "": none; and when it asked for that */
	char stolen_key[SIGPUB_NAME_LEN];
	uint64_t distrust_ms;
	unsigned int n_distrust;
	/* the key server has not been told of a rival, with this Data SA */
	bool unreported;
	uint32_t unreported_spi;
	struct timer report;
	struct earlies early;
	unsigned int n_early;
	size_t early_octets;

	uint64_t registrations;
	uint64_t refusals;
	uint64_t n_rekeys;
	uint64_t rivals; /* rekeys that were not the key server's */
	uint64_t n_too_old; /* GSA_REKEYs that came too late */
	uint64_t excluded;
	uint64_t kernel_errors;
	uint64_t state_errors;
};

TAILQ_HEAD(mgroups, mgroup);

struct member {
	const struct conf_member *conf;
	struct member_deps deps;
	struct ike_engine *engine;
	struct ike_id gcks_id;
	struct ike_sa *sa; /* to the key server, or NULL */
	struct timer old_sa; /* patience with an answer over it */
	struct mgroups groups; /* those of conf, and those removed from it */
	uint64_t drops[REKEY_RC_MAX];
};

static inline struct timerq *mgroup_tq(const struct mgroup *g)
{
	return g->m->deps.tq;
}

static inline uint64_t mgroup_now(const struct mgroup *g)
{
	return clock_mono_ms(g->m->deps.clock);
}

/* ---- mgroup.c ----------------------------------------------------------- */

/*
 * The only writer of g->state. -EINVAL: there is no such move, which is logged
 * and counted, and the state stays as it was.
 */
int mgroup_state(struct mgroup *g, enum member_state to);

/* The member holds keys of the group. */
static inline bool mgroup_is_in(const struct mgroup *g)
{
	return member_state_is_in(g->state);
}

/* A registration is to be answered. */
static inline bool mgroup_is_registering(const struct mgroup *g)
{
	return g->state == MEMBER_REGISTERING || g->state == MEMBER_RENEWING;
}

/* A leave is to be answered, or the registration that has to come first. */
static inline bool mgroup_is_leaving(const struct mgroup *g)
{
	return g->state == MEMBER_LEAVING || g->state == MEMBER_REJOINING;
}

/* 0 to @n - 1; 0 if there is no randomness, which only costs spread. */
uint32_t member_random(uint32_t n);

/* ---- register.c --------------------------------------------------------- */

void register_init(struct mgroup *g);
void register_stop(struct mgroup *g);
/* Registers now, unless that is under way. */
void register_now(struct mgroup *g);
/*
 * Registers (again) after @delay_ms, or later if it was in only for a moment:
 * whatever is wrong then must not become a loop.
 */
void register_again(struct mgroup *g, uint32_t delay_ms, const char *why);
/* Because of a doubt, which costs others nothing: with less patience. */
void register_ask(struct mgroup *g, const char *why);
void register_done(struct mgroup *g);
/* Something has changed outside: worth a try before its time. */
void register_nudge(struct mgroup *g);
/* Its settings are others: what is known to the key server is outdated. */
void register_changed(struct mgroup *g);
/* An answer to what was asked before that is not taken; it asks again. */
bool register_outdated(struct mgroup *g);
/* The question that was under way is answered or given up. */
void register_over(struct mgroup *g);
void register_failed(struct mgroup *g, uint16_t notify, const char *text);
void register_leave(struct mgroup *g);
void register_left(struct mgroup *g);
/* The next registration shall not rest on the IKE SA there is. */
void register_drop_sa(struct mgroup *g);
/* The IKE SA that is used may be dead at the other end. */
void register_old_sa(struct member *m);
/* Another SA sends now, or the key server does not know which. */
void register_confirm(struct mgroup *g);
/* No keys are held any more: nothing watches over them. */
void register_unwatch(struct mgroup *g);

/* ---- membership.c ------------------------------------------------------- */

/* With a copy of @conf; NULL: no memory. Not in the member's list yet. */
struct mgroup *membership_new(struct member *m, const struct conf_mgroup *conf);
/* The kernel keeps group and SAs. @g is in no list. */
void membership_free(struct mgroup *g);
/* Takes over all settings of @conf but the name. */
void membership_configure(struct mgroup *g, const struct conf_mgroup *conf);
/*
 * Makes the kernel's group, or adopts the one of an earlier run with its SAs.
 * *@made: it was not there.
 */
int membership_protect(struct mgroup *g, bool *made, struct err *err);
/* Deletes the kernel's group: its address is open then. */
int membership_open(struct mgroup *g);
/* The module was loaded anew, or events were lost: what is still there? */
void membership_resync(struct mgroup *g);
/* 0; -EALREADY */
int membership_leave(struct mgroup *g);
int membership_join(struct mgroup *g);

/* ---- install.c ---------------------------------------------------------- */

/*
 * 0; -EPROTO: not acceptable, @why says what, nothing has changed; -ESTALE:
 * overtaken by a rekey; -EEXIST and others: the kernel refused.
 */
int install_registration(struct mgroup *g, struct ike_sa *sa,
			 const struct gsa *gsa, const struct kd *kd,
			 bool transport, char *why, size_t size);
void install_rekey(struct mgroup *g, struct mrekey *rk, struct rekey_msg *msg);
/* The member is put out: its SAs live for DTD, then it is silent. */
void install_excluded(struct mgroup *g, const char *why);

/* ---- mrekey.c ----------------------------------------------------------- */

/* @lifetime in seconds from now; NULL: no memory. Not in the group's list yet. */
struct mrekey *mrekey_new(struct mgroup *g, const struct gsa_sa *policy,
			  uint32_t lifetime);
/* Wipes and frees one that is in no list. */
void mrekey_free(struct mrekey *rk);
/* The one in use, or NULL. */
struct mrekey *mrekey_current(const struct mgroup *g);
/* Takes @rk into use; those before it are replaced. */
void mrekey_install(struct mgroup *g, struct mrekey *rk);
void mrekey_drop_all(struct mgroup *g);

/* ---- rekey_group.c ------------------------------------------------------ */

void rekey_group_init(struct mgroup *g);
/* Hears rekeys where @policy, of a Rekey SA, says. */
void rekey_group_set(struct mgroup *g, const struct gsa_sa *policy);
/* (Re)joins the rekey address. */
void rekey_group_join(struct mgroup *g);
void rekey_group_leave(struct mgroup *g);

/* ---- doubt.c ------------------------------------------------------------ */

enum doubt {
	DOUBT_EARLY, /* over an announced Rekey SA that is not there */
	DOUBT_DATA, /* a new Rekey SA, and no Data SA over it */
	DOUBT_ESP, /* of an announced Data SA that is not there */
	DOUBT_SILENCE, /* three beats long */
	DOUBT_OLD, /* a rekey that was held back */
	DOUBT_TERM, /* the membership has ended */
	DOUBT_RIVAL, /* two seem to rekey the group */
	DOUBT_MAX
};

void doubt_init(struct mgroup *g);
/* No keys are held any more: nothing to doubt. */
void doubt_stop(struct mgroup *g);
void doubt_note(struct mgroup *g, enum doubt d);
/*
 * A doubt because of something that anybody can make, which must not make a
 * member ask without end: once for @spi (@len octets, at most
 * GIKE_SPI_LEN_REKEY) and @round, however often the member registers. Only who
 * has the signing key may begin a round, or it were without end again.
 */
void doubt_once(struct mgroup *g, enum doubt d, enum once about,
		const void *spi, size_t len, uint32_t round);
/* @which: 1 << enum doubt, or several */
void doubt_drop(struct mgroup *g, unsigned int which);
/* A GSA_REKEY of the key server came over the rekey address. */
void doubt_received(struct mgroup *g);
/* The key server has answered a registration. */
void doubt_answered(struct mgroup *g);
/* ESP to the group whose SPI the kernel has no SA for. */
void doubt_esp(struct mgroup *g, uint32_t spi);
/* Links, addresses or routes of this host have changed. */
void doubt_moved(struct mgroup *g);
/* Words for the first reason there is, or NULL. */
const char *doubt_text(const struct mgroup *g);

/* ---- rival.c ------------------------------------------------------------ */

/* A message came over @rk that brings its successor. */
void rival_replaced(struct mgroup *g, const struct mrekey *rk);
/* A message to the rekey address that is not of the Rekey SA in use */
void rival_other_sa(struct member *m, const uint8_t *p, size_t len);
/* A message over the Rekey SA in use, or a fragment of one, was taken. */
void rival_accepted(struct mrekey *rk, const uint8_t *p, size_t len);
/* The group is about to ask: what it holds now the answer may deny. */
void rival_requested(struct mgroup *g);
/* The Data SA in @gsa is another one than that which goes with @rk. */
bool rival_data(const struct mrekey *rk, const struct gsa *gsa);
/*
 * The key server's answer denies a GSA_REKEY that was followed. *@seq: of what
 * came before that.
 */
bool rival_denied(struct mgroup *g, const struct gsa *gsa, uint64_t *seq);
/*
 * True: the new SAs have the SPI of one that is held, and another key. Whoever
 * made that knew which SPIs come next. *@seq as in rival_denied().
 */
bool rival_clash(const struct mgroup *g, const struct mrekey *rk,
		 const struct ksa *ksa, unsigned int n, uint64_t *seq);
/* Takes out what came by it, once @gsa is in place; and says so. */
void rival_undo(struct mgroup *g, struct ike_sa *sa, const struct gsa *gsa,
		uint64_t seq);
/*
 * A registration is in place, over @sa: with another signing key all is well
 * again.
 */
void rival_settled(struct mgroup *g, struct ike_sa *sa);
void rival_init(struct mgroup *g);
void rival_stop(struct mgroup *g);
/*
 * True: somebody else has the signing key, so that @msg proves nothing. What
 * changes anything is asked about.
 */
bool rival_distrusts(struct mgroup *g, const struct mrekey *rk,
		     const struct rekey_msg *msg);
/* A message over the Rekey SA in use did not open. */
void rival_rejected(struct mrekey *rk, enum rekey_rc ret, const uint8_t *p,
		    size_t len);

/* ---- age.c -------------------------------------------------------------- */

/* From the answer to a question that went off at @asked_ms. */
void age_learn(struct mgroup *g, const struct gsa_gw *gw, uint64_t asked_ms);
/* Milliseconds since a message was made, at most and at least. */
uint64_t age_most_ms(const struct mgroup *g, const struct gsa_gw *gw);
uint64_t age_least_ms(const struct mgroup *g, const struct gsa_gw *gw);
bool age_too_old(const struct mgroup *g, const struct gsa_gw *gw);

/* ---- term.c ------------------------------------------------------------- */

void term_init(struct mgroup *g);
void term_stop(struct mgroup *g);
/* From the answer to a question that went off at g->asked_ms. */
void term_learn(struct mgroup *g, const struct gsa_gw *gw);

/* ---- early.c ------------------------------------------------------------ */

/* @p is of a Rekey SA that is announced. The same octets are kept once. */
void early_keep(struct mgroup *g, const uint8_t *p, size_t len);
/*
 * Takes out the one over @rs with the lowest Message ID, which the caller
 * frees; NULL: there is none.
 */
struct early *early_take(struct mgroup *g, const struct rekey_sa *rs);
void early_drop(struct mgroup *g);

/* ---- msa.c -------------------------------------------------------------- */

/*
 * Adds an SA to the kernel, @lifetime seconds. @ksa's group, dir and limits
 * are filled in here. It sends after @atd_ms.
 */
int msa_add(struct mgroup *g, struct ksa *ksa, uint32_t lifetime,
	    uint64_t atd_ms, char *why, size_t size);
/* Takes over an SA that the kernel has from an earlier run. */
int msa_adopt(struct mgroup *g, const struct ksa_info *info);
struct msa *msa_find(const struct mgroup *g, uint32_t spi);
/* True: the SA has another key than @ksa, by its digest. */
bool msa_differs(const struct msa *s, const struct ksa *ksa);
/* Ends DTD from now; a sender's not before its successor sends. */
void msa_retire(struct msa *s);
/* All with seq < @before that still are in use. */
void msa_retire_older(struct mgroup *g, uint64_t before);
/* Takes it out of the kernel too. */
void msa_delete(struct msa *s);
/* Forgets it, the kernel keeps it. */
void msa_forget(struct msa *s);
/* The newest that was not retired, or NULL. */
struct msa *msa_newest(const struct mgroup *g);
/* The kernel has no such SA any more: true if so and it was dropped. */
bool msa_gone(struct msa *s);
/* The SA that sends, or NULL. */
struct msa *msa_sending(const struct mgroup *g);

#endif
