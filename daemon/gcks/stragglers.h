/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Senders of before a group reset. They go on with the keys of before until receivers
 * are back (see pace.h), or until they hear of the reset. The roster does not have them
 * any more, and whoever was put out since then can read what they send.
 */
#ifndef GCKS_STRAGGLERS_H
#define GCKS_STRAGGLERS_H

#include <sys/queue.h>
#include <stdbool.h>
#include <stdint.h>

struct addr;
struct gmember;
struct group;
struct straggler;

TAILQ_HEAD(straggler_list, straggler);

struct stragglers {
	struct straggler_list all;
	bool unknown; /* there may be others: the store does not tell */
	/* By clock_mono_ms(). */
	uint64_t ends_ms; /* the keys of before have ended */
	uint64_t heard_ms; /* senders that are connected have noticed silence */
};

void stragglers_init(struct group *g);
void stragglers_free(struct group *g);
/*
 * Note the senders of @g, which a reset puts out now. @unknown: the store is not
 * trusted, and may not have all.
 */
void stragglers_collect(struct group *g, bool unknown);
/* Note at a start that the group was reset before it, and has no keys yet. */
void stragglers_start(struct group *g);
/* Take over what @from has; for a group that is read again. */
void stragglers_move(struct group *from, struct group *to);
/* Note that the host of @m at @at has told that it sends with a key of after the reset. */
void stragglers_report(struct group *g, struct gmember *m,
		       const struct addr *at);
/*
 * Return how many senders may still use a key of before the reset, without those that
 * outbox_unconfirmed() counts.
 */
uint32_t stragglers_count(const struct group *g);
/*
 * Return the milliseconds for which senders that are connected may use one. @excluded:
 * a change of keys has begun that those that are back follow; the others do not
 * know of it. 0: none is left.
 */
uint32_t stragglers_ms(const struct group *g, bool excluded);

/* The host of @identity at @from is at @to now. */
void stragglers_follow(struct group *g, const char *identity,
		       const struct addr *from, const struct addr *to);

#endif
