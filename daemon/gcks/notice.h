/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the key server writes down of what peers do: the one place that judges
 * whether something is worth a line, for the log and the audit trail alike.
 *
 * Strangers, who have not proven who they are, get few lines by network and
 * one a second in all; a member gets few by identity; the same refusal is
 * written once in ten seconds. What is passed over is counted and said later.
 * Names that come from outside stand in quotes, behind our own words.
 */
#ifndef GCKS_NOTICE_H
#define GCKS_NOTICE_H

#include "gcks/gcks.h"
#include "lib/timer.h"

struct quota;

struct notices {
	struct quota *nets; /* lines about strangers, by network */
	struct quota *identities; /* lines about members */
	struct quota *same; /* the same refusal */
	struct quota *rivals; /* reports of a rival, by member */
	struct quota *crowds; /* and by group */
	uint64_t stranger_ms; /* when one was last written; 0: never */
	uint64_t strangers; /* passed over since */
	uint64_t members; /* likewise, of members */
	struct timer rest; /* says so when nothing else does */
};

/* 0 or -ENOMEM */
int notice_init(struct gcks *k);
void notice_free(struct gcks *k);

/* All that ike/ tells. */
void notice_ike(struct gcks *k, const struct ike_event *ev);

/* True when one more line about @identity may be written. It is spent. */
bool notice_left(struct gcks *k, const char *identity);

/*
 * @identity is authenticated and was refused in @group, one of ours, or "".
 * @what: the notify. @same: what stands for @why when it is judged whether
 * this is the same again, for where @why has the peer's words in it; or NULL.
 */
void notice_refusal(struct gcks *k, const char *group, const char *identity,
		    const char *what, const char *same, const char *why);

/* @identity registers @from one address, and was a member @at another. */
void notice_place(struct gcks *k, const char *group, const char *identity,
		  const struct addr *at, const struct ep *from);
/*
 * @identity says that it followed a rekey that was not ours, to the Data SA
 * @spi. Nothing proves that, so each has one line a minute, and a crowd four.
 */
void notice_rival(struct gcks *k, const char *group, const char *identity,
		  const struct ep *peer, uint32_t spi);

#endif
