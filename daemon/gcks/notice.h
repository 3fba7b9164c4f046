/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines and audit records about peers. All of them pass through here, where
 * one set of limits applies to log and audit trail alike.
 *
 * Strangers, who are not authenticated, get few lines by network and one a
 * second in all; a member gets few by identity; the same refusal is written
 * once in ten seconds. Suppressed events are counted and summed up later. Names
 * from outside are quoted and stand behind our own words.
 *
 * The trail is kept for long, so its refusals are fewer than those of the log:
 * strangers in all, and each identity, have a burst and then one a minute. None
 * is recorded while the disk of the trail has room for little else.
 */
#ifndef GCKS_NOTICE_H
#define GCKS_NOTICE_H

#include "gcks/gcks.h"
#include "lib/timer.h"

struct quota;

struct notices {
	struct quota *nets; /* lines about strangers, by network */
	struct quota *identities; /* lines about members */
	struct quota *same; /* repetitions of a refusal */
	struct quota *rivals; /* reports of a rival, by member */
	struct quota *crowds; /* reports of a rival, by group */
	struct quota *failures; /* changes that failed, by group */
	uint64_t stranger_ms; /* last line about a stranger; 0: never */
	uint64_t strangers; /* suppressed since */
	uint64_t members; /* suppressed lines about members */
	uint64_t failed; /* suppressed lines about changes that failed */
	struct timer rest; /* sums up what was suppressed */
	struct quota *records; /* refusals in the trail, by identity or "" */
	uint64_t unrecorded; /* refusals of strangers since their last record */
	uint64_t unrecorded_members; /* refusals of members since the last sum */
	struct timer sum; /* records how many those were */
};

/* Return 0 or -ENOMEM. */
int notice_init(struct gcks *k);
void notice_free(struct gcks *k);

/* Record an event of ike/. */
void notice_ike(struct gcks *k, const struct ike_event *ev);

/*
 * Return true if one more line about @identity may be written, and count it.
 */
bool notice_left(struct gcks *k, const char *identity);

/*
 * Return true if one more line about a failure of @group may be written that a
 * request of a member may cause again and again, and count it.
 */
bool notice_failure_left(struct gcks *k, const char *group);

/*
 * Record that the authenticated @identity was refused. @group is one of ours
 * or "". @what is the notify. @same, unless NULL, replaces @why when refusals
 * are compared, for a @why that contains the peer's words.
 */
void notice_refusal(struct gcks *k, const char *group, const char *identity,
		    const char *what, const char *same, const char *why);

/*
 * Record that @identity registers @from another address than @at, where it is
 * a member.
 */
void notice_place(struct gcks *k, const char *group, const char *identity,
		  const struct addr *at, const struct ep *from);
/* Record that the member @identity has moved from @at to @to over its IKE SA. */
void notice_moved(struct gcks *k, const char *group, const char *identity,
		  const struct addr *at, const struct ep *to);
/*
 * Record a report of @identity that it followed the rekey of a rival to the
 * Data SA @spi. A report proves nothing, so each member has one line a minute
 * and each group four.
 */
void notice_rival(struct gcks *k, const char *group, const char *identity,
		  const struct ep *peer, uint32_t spi);

#endif
