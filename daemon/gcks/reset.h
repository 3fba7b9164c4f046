/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exclusions that no message can announce, since its numbers are used up: the group is
 * reset. All members are out then, and those that are denied or not authorized do not
 * come back. Senders change their key later than by an exclusion (pace_stale_ms()), but
 * nobody stays in for want of a number.
 */
#ifndef GCKS_RESET_H
#define GCKS_RESET_H

#include "gcks/group.h"

struct policy;

/*
 * Return why no change can be told to members any more, or NULL: Key IDs and Message
 * IDs must never be given out twice, and their number is finite.
 */
const char *reset_needed(const struct group *g);
/*
 * If the exclusion that waits has to be a reset, return the milliseconds, at most, until
 * no sender uses the keys of before that any more; 0: the numbers will last.
 */
uint32_t reset_wait_ms(const struct group *g);
/*
 * Reset the group, when reset_needed() says why. @deny is an identity that is
 * denied, and has to live until @done is called, or NULL; @policy is taken over and
 * becomes the group's, and NULL is the group's own; one of both is NULL. @done may be
 * NULL, and is called once. Returns false without memory: then nothing has happened.
 */
bool reset_exclude(struct group *g, const char *deny, struct policy *policy,
		   commit_fn *done, void *arg);

#endif
