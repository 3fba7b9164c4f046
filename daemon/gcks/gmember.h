/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member of a group, as the key server has it.
 *
 * There may be a million of them, to most of which nothing happens. What all of them
 * need is in struct gmember, which is packed for its size; a member that sends, leaves,
 * is rekeyed inband, has a renewed leaf or a pre-shared key has a struct gmember_more
 * as well. Reading is the same for all: m->more of the others is the group's g->quiet,
 * in which nothing is set, and it is const so that nobody writes there by mistake.
 */
#ifndef GCKS_GMEMBER_H
#define GCKS_GMEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "crypto/certref.h"
#include "gcks/lkh.h"
#include "gcks/psk_mark.h"
#include "lib/addr.h"
#include "lib/htab.h"

struct group;
struct ike_sa;
struct gmember;

struct gmember_more {
	struct group *g; /* from gmc_enter() on */
	struct gmember *m; /* NULL: this is g->quiet */
	/* Lists of the few members that a change of keys concerns. */
	TAILQ_ENTRY(gmember_more) by_send;
	TAILQ_ENTRY(gmember_more) by_leave;
	TAILQ_ENTRY(gmember_more) by_renewed; /* in renewed or path_renewing */
	TAILQ_ENTRY(gmember_more) by_inband;
	TAILQ_ENTRY(gmember_more) by_due;
	TAILQ_ENTRY(gmember_more) by_mark;

	/* For a sender, or a member that was one. */
	bool sender;
	bool reported; /* has reported a Data SA since the start or its join */
	/*
	 * SPI of the Data SA that it confirmed or was given for sending; 0: not known;
	 * GMEMBER_SENDS_NONE: it has sent with none, as far as is known.
	 */
	uint32_t sends_spi;
	uint32_t first_sid;
	uint32_t n_sids;
	/* Other hosts of the identity that registered as senders, or NULL; see place.h. */
	struct twins *twins;
	/* When it last got a Sender-ID beyond its pace: struct group.rekeys, and time. */
	uint64_t extra_at;
	uint64_t extra_ms;
	/* Round (struct group.reminds) in which it was last told of a change. */
	uint64_t reminded;
	/* Value of struct group.rekeys at the change that it has confirmed. */
	uint64_t confirmed_at;

	/* With inband; see inband.c. */
	bool inband_due; /* in group.inband_due */
	bool inband_open; /* a GSA_INBAND_REKEY is not answered yet ... */
	uint64_t asked_ms; /* ... which was sent first at this time */
	uint32_t sent_spi; /* the Data SA in the last one */
	uint32_t has_spi; /* the Data SA that it has for certain */
	struct ike_sa *sa; /* over which it is rekeyed, or NULL */

	bool leaving; /* waits for a batch to leave ... */
	bool lapsed; /* ... and only because its membership has ended */
	uint64_t leave_ms; /* no batch takes it before this time */

	/*
	 * With renewed: references to the certificates of its former leaf keys. None:
	 * they are not known, or too many, and each of them has to be taken for
	 * revoked.
	 */
	struct cert_refs former;
	/*
	 * With renewed: the first end of those, in seconds since 1970; 0: they have none.
	 * A record of an earlier release does not have it, so it counts as passed.
	 */
	int64_t former_ends;
	/* Wall clock of the renewal in milliseconds; 0: before a restart. */
	uint64_t renewed_ms;

	struct psk_mark mark; /* with by_psk: of that key, see psk_change.h */
	bool unmarked; /* in group.unmarked: its record has another mark or address */
	bool marking; /* with unmarked: the change in flight writes it */
};

TAILQ_HEAD(gmembers, gmember_more);

#define TERM_NONE 0xffffffu
#define GMEMBER_SENDS_NONE 1 /* no Data SA has this SPI */
#define GMEMBER_UNSTORED_MAX 0xffffffu

/* Times are in seconds since 1970 unless they say something else. */
struct gmember {
	struct hnode by_id;
	const struct gmember_more *more; /* see gmember_more() */

	uint64_t number : 48; /* never reused */
	uint64_t send : 1; /* 0: it only receives */
	uint64_t fragments : 1; /* takes fragments of GSA_REKEY */
	uint64_t inband : 1; /* rekeyed over its IKE SA; it has no Rekey SA */
	uint64_t recheck : 1; /* may have lost its authorization */
	uint64_t out : 1; /* taken out by the change in flight */
	uint64_t not_authorized : 1; /* with out: and therefore out */
	/* The next request gets the keys of one that was put off. */
	uint64_t keys_pending : 1;
	uint64_t replaced : 1; /* leaves because it registered elsewhere */
	/* The leaf has a new key, and those above it are still to be replaced. */
	uint64_t renewed : 1;
	/*
	 * With renewed: they were replaced by a change for a join, and whoever had the
	 * former leaf key can read the Data SA of that change, and none after it.
	 */
	uint64_t path_renewed : 1;
	uint64_t path_renewing : 1; /* by the change in flight */
	uint64_t path_by_join : 1; /* with path_renewing: it sets path_renewed */
	/*
	 * The last registration was authenticated by a pre-shared key, which has
	 * no end; every certificate has one.
	 */
	uint64_t by_psk : 1;
	uint64_t asked : 1; /* the present registration_run() stores its request */
	uint64_t late : 1; /* when it joined, the Data SA was in use already */
	uint64_t reserved : 1; /* keeps @more, which the change in flight needs */

	/* Serial number of the IKE SA of its last registration; 0 after a restart. */
	uint64_t sa_serial : 48;
	uint64_t must_go_why : 8; /* see gmember_must_go() */
	uint64_t ended_why : 8; /* see gmember_ended() */

	/*
	 * End of the membership: by age, in milliseconds of the group's time, and
	 * with the certificate. 0: no end.
	 */
	uint64_t term_ms : 48;
	int64_t cert_ends : 40;
	uint64_t at_terms : 24; /* place in group.terms; TERM_NONE: none */
	int64_t joined : 40; /* more than the Data SA's made if that was there before */
	uint64_t leaf : 24; /* 0: none, since that is the root */
	int64_t registered : 40;
	/* Seconds from the last registration that the store has to that. */
	uint64_t unstored_s : 24;

	uint32_t due_s; /* see gcks/term.h */
	struct addr at; /* last registered address, or unspecified */
	/*
	 * References to all certificates with which it may have got the keys of its
	 * leaf; none from an older record.
	 */
	struct cert_refs certs;
	char identity[];
};

_Static_assert(2 * LKH_MEMBERS_MAX < 1 << 24, "slots of leaves have 24 bits");
_Static_assert(LKH_MEMBERS_MAX < TERM_NONE, "places of terms have 24 bits");
_Static_assert(offsetof(struct gmember, identity) <= 104,
	       "a member has become larger");

/* Return a member that is in no group; NULL if memory is short. */
struct gmember *gmember_new(const char *identity);
/* Free @m, which is in no list; NULL is allowed. */
void gmember_free(struct gmember *m);

/*
 * Return what @m has beside what all members have, made if there was none before; NULL
 * if memory is short. A member that sends or is rekeyed inband, and one with renewed or
 * by_psk, has it, and so has one from gmember_reserve() until gmember_release().
 */
struct gmember_more *gmember_more(struct gmember *m);
/* Let gmember_more() succeed until gmember_release(). Returns 0 or -ENOMEM. */
int gmember_reserve(struct gmember *m);
void gmember_release(struct gmember *m);
/*
 * Free what gmember_more() has made if @m, which is in a group, needs it no more and has
 * not reserved it.
 */
void gmember_settle(struct gmember *m);

/* Return when the store was last given a registration of @m. */
static inline int64_t gmember_stored(const struct gmember *m)
{
	return (int64_t)m->registered - (int64_t)m->unstored_s;
}

/* Note that @m has registered, and whether the store has that. */
void gmember_set_registered(struct gmember *m, int64_t now, bool stored);

/* Return why @m is to be excluded, a static string, see gmc_set_must_go(); or NULL. */
const char *gmember_must_go(const struct gmember *m);
void gmember_set_must_go(struct gmember *m, const char *why);
/* Return why the membership of @m has ended, a static string; or NULL. */
const char *gmember_ended(const struct gmember *m);
void gmember_set_ended(struct gmember *m, const char *why);

#endif
