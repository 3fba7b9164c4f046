/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a change of a group's keys may be made, and when senders use the new
 * ones. No other file decides that.
 *
 * A member that misses the first copy of a GSA_REKEY cannot decrypt messages
 * over the next Rekey SA. A change therefore waits until all copies of the
 * previous one are sent and its Data SA is in use; only an exclusion does not
 * wait for that. Changes that come up meanwhile are made together. The first join
 * of a quiet group does not wait.
 *
 * An exclusion waits for the burst of the one before it: a message of the second one
 * over the first one's Rekey SA has a higher Message ID than the Data SA of the
 * first one, so that members drop what they have missed of that as a replay. Whoever
 * is to be excluded meanwhile is excluded by one change.
 *
 * All times are milliseconds of clock_mono_ms(); 0 if unset.
 */
#ifndef GCKS_PACE_H
#define GCKS_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct group;
enum gkm_how;

struct pace {
	uint64_t copies_ms; /* all copies of the last change are sent */
	uint64_t clear_ms; /* the next change may be made */
	/*
	 * End of the burst of an exclusion's second message. That message has
	 * the first Message ID of its Rekey SA: if a later one came first,
	 * members would drop it as a replay.
	 */
	uint64_t burst_ms;
	/*
	 * No exclusion waits for longer than this; 0: none waits.
	 */
	uint64_t exclude_ms;
	uint64_t switch_ms; /* senders use the Data SA */
	bool exclusion; /* made to exclude a member */
	bool unannounced; /* no copy of it was sent, and no answer has its keys */
	uint64_t excluded_ms; /* senders have followed the last exclusion */
	uint64_t short_ms; /* members may know an exclusion's DTD until then ... */
	uint32_t short_s; /* ... which is this */
	bool unused; /* the Data SA was made since a reset ... */
	bool given; /* ... and some sender has it */
	uint64_t hold_ms; /* after a reset, no sender changes before */
	uint64_t gather_ms; /* joins are gathered until then */
	uint64_t claim_ms; /* when the last claim is served, or was */
	uint32_t claim_wait_ms; /* pause behind that */
};

/* Note that a change is sent. @announced: a member has to be told. */
void pace_changed(struct group *g, enum gkm_how how, bool announced);
/* The same of a change that has the Data SA of the one before. */
void pace_data_kept(struct group *g, bool announced);
/* Note that a sender has the current Data SA. */
void pace_data_given(struct group *g);
/*
 * Return true if no sender uses the Data SA yet that was made since a reset. Members that
 * come back until then get the same one: nothing was encrypted with it yet. If each of
 * them changed it, senders would use the ones between first, which later members lack.
 */
bool pace_data_unused(const struct group *g);
/*
 * Return true if a sender may use by now what pace_data_unused() was true for: the store
 * has taken longer for the change than for the one before.
 */
bool pace_data_used(const struct group *g);
/*
 * Note a group reset. @announced: the members were told and come back soon; else
 * they notice the silence within @silence_ms.
 */
void pace_reset(struct group *g, bool announced, uint32_t silence_ms);
/* Note that a copy of a message of the last change was sent. */
void pace_sent(struct group *g);
/*
 * Note that an answer has the current keys. If no copy of the last change could be sent,
 * all members will ask, and senders wait for the others: as long as the first one of these
 * keeps what it had, or for ATD after an exclusion.
 */
void pace_answered(struct group *g);
/* Return true if members can learn of the last change by asking only. */
bool pace_is_unannounced(const struct group *g);
/* Note that messages of an earlier run are sent once more. */
void pace_resumed(struct group *g);

/*
 * Return the milliseconds for which a change without exclusion, a join, or a
 * beat has to wait.
 */
uint32_t pace_wait_ms(const struct group *g);
uint32_t pace_join_ms(const struct group *g);
uint32_t pace_beat_ms(const struct group *g);
/*
 * A member claims that it cannot use the current Data SA any more, which nobody can
 * check. Return the milliseconds after which it gets another one. The first claim
 * waits for nothing; then the group makes pauses that double, up to a minute, so that
 * many members cannot change its keys all the time. Who claims meanwhile shares the
 * change.
 */
uint32_t pace_claim_ms(struct group *g);
/*
 * Return the milliseconds for which an exclusion has to wait. pace_hurry_exclusion():
 * members that lost their authorization wait for theirs, so that from now on every
 * exclusion waits for 10 s at most, until pace_calm_exclusion().
 */
uint32_t pace_exclude_ms(const struct group *g);
void pace_hurry_exclusion(struct group *g);
void pace_calm_exclusion(struct group *g);
/*
 * Return true while senders go on with their old keys after a reset, for
 * members that come back.
 */
bool pace_is_held(const struct group *g);
/*
 * Return the milliseconds after a reset within which a member that receives its Delete is
 * back before senders use another key: copies of the Delete are sent until then.
 */
uint32_t pace_reset_copies_ms(const struct group *g);
/*
 * Return the milliseconds for which members may go on with the keys of before a reset;
 * 0: there was none, or it is over.
 */
uint32_t pace_stale_ms(const struct group *g);
/*
 * Return the same for a reset in the place of the next exclusion, at most. @announced:
 * members can be told of it.
 */
uint32_t pace_reset_ms(const struct group *g, bool announced);
/*
 * Return the milliseconds until senders that heard a copy of the last exclusion have
 * followed it.
 */
uint32_t pace_excluded_ms(const struct group *g);
/*
 * Return the milliseconds for which a reset has to wait for the exclusion before it:
 * senders that have not followed that would use the old key for as long as DTD, like
 * all others. @confirmed: all have; then its burst has to end. Those that do not confirm
 * for 6 s are waited for no longer, nor are bursts of later exclusions for 6 s more.
 * *@until_ms: end of the first of these times, which the first call sets if it is 0.
 */
uint32_t pace_before_reset_ms(const struct group *g, bool confirmed,
			      uint64_t *until_ms);
/* Return the milliseconds until senders use the Data SA of the last change. */
uint32_t pace_switch_ms(const struct group *g);
/* Return the milliseconds until the last copy of the last change is sent. */
uint32_t pace_copies_ms(const struct group *g);

/*
 * Return the seconds (ATD) that senders are told to wait, without exclusion.
 */
uint32_t pace_atd(const struct group *g);
/*
 * Return the seconds for which receivers may still lack the current Data SA,
 * as ATD for a sender that starts now: rounded up, but down after an exclusion.
 */
uint16_t pace_atd_left(const struct group *g);
/* Return the seconds (DTD) for which members keep what the last change replaced. */
uint16_t pace_dtd(const struct group *g);

#endif
