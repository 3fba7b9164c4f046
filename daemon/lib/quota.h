/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate limit for events of many keys (addresses, identities): a burst, then one
 * event per interval. Keys come from the network, so memory is fixed: without
 * room for a new key, the one closest to a full allowance is dropped. A peer
 * with an unlimited number of keys is therefore only bounded by a second quota
 * for all of them.
 *
 * No clock is read: every call has the time in milliseconds, which must not go
 * back.
 */
#ifndef LIB_QUOTA_H
#define LIB_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct quota;

struct quota_rule {
	unsigned int burst; /* events at once, at least 1 */
	uint32_t every_ms; /* interval of later events, at least 1 */
	unsigned int keys; /* remembered keys, rounded up to a power of two */
};

/*
 * @seed is random, so that no peer can choose keys that displace those of
 * others. Returns NULL without memory.
 */
struct quota *quota_new(const struct quota_rule *rule, uint64_t seed);
void quota_free(struct quota *q);

/* A NULL quota is unlimited in all functions. */

/* Return true if the event is permitted now; nothing is charged. */
bool quota_left(const struct quota *q, const void *key, size_t len,
		uint64_t now_ms);
/* Return how many events are still charged, up to the burst; 0 for a NULL quota. */
unsigned int quota_used(const struct quota *q, const void *key, size_t len,
			uint64_t now_ms);
/* Charge an event that has happened, whether it was permitted or not. */
void quota_spend(struct quota *q, const void *key, size_t len, uint64_t now_ms);
/* Refund one event that turned out to be legitimate. */
void quota_give_back(struct quota *q, const void *key, size_t len,
		     uint64_t now_ms);
/* Charge the event if it is permitted. Returns quota_left(). */
bool quota_take(struct quota *q, const void *key, size_t len, uint64_t now_ms);

#endif
