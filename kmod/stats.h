/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of a network namespace: one for each possible fate of a datagram of a
 * group. Documentation/counters.rst explains each, and names those that come in pairs.
 */
#ifndef _MCSEC_STATS_H
#define _MCSEC_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

/* The table has an identifier, and the name that userspace sees. */
#define MCSEC_COUNTERS(X) \
	X(OUT_PROTECTED, "out-protected") \
	X(OUT_EXEMPT, "out-exempt") \
	X(OUT_NO_SA, "out-no-sa") \
	X(OUT_EXPIRED, "out-expired") \
	X(OUT_EXHAUSTED, "out-exhausted") \
	X(OUT_FOREIGN_ESP, "out-foreign-esp") \
	X(OUT_FRAGMENT, "out-fragment") \
	X(OUT_MALFORMED, "out-malformed") \
	X(OUT_TOO_BIG, "out-too-big") \
	X(OUT_MTU, "out-mtu") \
	X(OUT_NO_MEMORY, "out-no-memory") \
	X(OUT_GSO, "out-gso") \
	X(OUT_CHECKSUM, "out-checksum") \
	X(OUT_CRYPTO, "out-crypto") \
	X(OUT_CRYPTO_BUSY, "out-crypto-busy") \
	X(OUT_GONE, "out-gone") \
	X(OUT_QUOTED, "out-quoted") \
	X(OUT_OPTIONS, "out-options") \
	X(OUT_OBSERVED, "out-observed") \
	X(IN_ACCEPTED, "in-accepted") \
	X(IN_INNER_FRAGMENT, "in-inner-fragment") \
	X(IN_EXEMPT, "in-exempt") \
	X(IN_CLEAR, "in-clear") \
	X(IN_FRAGMENT, "in-fragment") \
	X(IN_MALFORMED, "in-malformed") \
	X(IN_NO_SA, "in-no-sa") \
	X(IN_SEND_ONLY, "in-send-only") \
	X(IN_EXPIRED, "in-expired") \
	X(IN_REPLAY, "in-replay") \
	X(IN_BAD_ICV, "in-bad-icv") \
	X(IN_BAD_TRAILER, "in-bad-trailer") \
	X(IN_DUMMY, "in-dummy") \
	X(IN_TOO_MANY_SENDERS, "in-too-many-senders") \
	X(IN_NO_MEMORY, "in-no-memory") \
	X(IN_CRYPTO, "in-crypto") \
	X(IN_CRYPTO_BUSY, "in-crypto-busy") \
	X(IN_GONE, "in-gone") \
	X(IN_SELECTOR, "in-selector") \
	X(IN_MODE, "in-mode") \
	X(IN_INNER, "in-inner") \
	X(IN_ECHO, "in-echo") \
	X(IN_OBSERVED, "in-observed") \
	X(FORWARD_CLEAR, "forward-clear") \
	X(FORWARD_OBSERVED, "forward-observed") \
	X(EDGE_SENT, "edge-sent") \
	X(EDGE_RELAYED, "edge-relayed") \
	X(EDGE_UNKNOWN, "edge-unknown") \
	X(EDGE_SENDER, "edge-sender") \
	X(EDGE_NO_DEVICE, "edge-no-device") \
	X(EDGE_NO_ROUTE, "edge-no-route") \
	X(EDGE_NO_MEMORY, "edge-no-memory") \
	X(EDGE_TOO_BIG, "edge-too-big") \
	X(EDGE_REFUSED, "edge-refused") \
	X(EDGE_LOOP, "edge-loop")

enum mcsec_counter {
#define MCSEC_COUNTER_ENUM(id, name) MCSEC_##id,
	MCSEC_COUNTERS(MCSEC_COUNTER_ENUM)
#undef MCSEC_COUNTER_ENUM
		MCSEC_N_COUNTERS
};

struct mcsec_stats {
	u64 count[MCSEC_N_COUNTERS];
};

/* Increment a counter. Any context. */
static inline void mcsec_count(struct mcsec_stats __percpu *stats,
			       enum mcsec_counter counter)
{
	this_cpu_inc(stats->count[counter]);
}

u64 mcsec_stats_read(const struct mcsec_stats __percpu *stats,
		     enum mcsec_counter counter);
const char *mcsec_counter_name(enum mcsec_counter counter);

/* Return the counter of that name, or MCSEC_N_COUNTERS if there is none. */
enum mcsec_counter mcsec_counter_find(const char *name);

#endif /* _MCSEC_STATS_H */
