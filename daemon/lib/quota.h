/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often something may happen for each of many keys (addresses,
 * identities): so many times at once, then once each so many milliseconds.
 * Keys come from the network, so memory is fixed: where there is no room for
 * a new key the one that is closest to having rested is forgotten. Whoever
 * has keys without end can therefore be bounded only by a second quota over
 * all of them.
 *
 * Reads no clock: every call is given the time in milliseconds, which must
 * not go back.
 */
#ifndef LIB_QUOTA_H
#define LIB_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quota;

struct quota_rule {
	unsigned int burst; /* at once, at least 1 */
	uint32_t every_ms; /* then one each so many ms, at least 1 */
	unsigned int keys; /* remembered, rounded up to a power of two */
};

/*
 * @seed: random, so that nobody can choose keys that push out those of
 * others. NULL when there is no memory.
 */
struct quota *quota_new(const struct quota_rule *rule, uint64_t seed);
void quota_free(struct quota *q);

/* In all of these NULL is a quota without limit. */

/* It may happen once more. Nothing is spent. */
bool quota_left(const struct quota *q, const void *key, size_t len,
		uint64_t now_ms);
/* It has happened, whether it was allowed or not. */
void quota_spend(struct quota *q, const void *key, size_t len, uint64_t now_ms);
/* Once less than it was: what was spent turned out to be well spent. */
void quota_give_back(struct quota *q, const void *key, size_t len,
		     uint64_t now_ms);
/* quota_left(), and if so quota_spend() */
bool quota_take(struct quota *q, const void *key, size_t len, uint64_t now_ms);

#endif
