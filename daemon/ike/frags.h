/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE fragmentation (RFC 7383) of messages of an IKE SA: messages are cut when
 * they are encrypted (window.c) and put together here. Each fragment has an ICV
 * of its own, and only those that verify are kept.
 *
 * Incomplete messages are bounded, as a peer could fill memory with them: one
 * for each direction of an SA, with a limit on fragments and octets that is
 * lower before the peer is authenticated, and a limit for all SAs together. When
 * that is reached, the oldest incomplete message of any SA gives way; its sender
 * sends all of the fragments again.
 */
#ifndef IKE_FRAGS_H
#define IKE_FRAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "ike/dgram.h"
#include "wire/message.h"

struct ike_engine;
struct ike_sa;
struct ike_in;

#define FRAGS_TOTAL_MAX DGRAMS_MAX
/*
 * Octets of one message, before and after the peer is authenticated. The largest one of a
 * stranger has two or three certificates of ML-DSA-87, each of 7.5 kB, and two signatures
 * of 4.6 kB, if it may do without its PPK.
 */
#define FRAGS_OCTETS_STRANGER 32768
#define FRAGS_OCTETS_PEER IKE_INNER_MAX
/* Octets of all incomplete messages of an engine. */
#define FRAGS_OCTETS_ALL (16u << 20)

/* An incomplete message. */
struct frags {
	TAILQ_ENTRY(frags) link; /* list of the engine, oldest first */
	struct ike_sa *sa;
	struct frags **slot; /* in @sa */
	uint32_t mid;
	uint8_t xchg;
	uint8_t first; /* type of the first payload inside */
	uint16_t total;
	uint16_t n;
	size_t octets;
	struct blob dgram; /* fragment 1, as received */
	struct blob piece[]; /* decrypted */
};

TAILQ_HEAD(frags_queue, frags);

/* A decrypted message. */
struct opened {
	uint8_t *plain; /* freed with secret_free() */
	size_t len;
	uint8_t first;
	/* The datagram that a retransmission is known by: fragment 1. */
	struct blob dgram;
};

/*
 * Decrypt a message or a fragment by @key. Returns true if a whole message is
 * in @o, which opened_free() frees; false if fragments are missing, or if the
 * datagram was dropped and counted.
 */
bool frags_open(struct ike_sa *sa, const struct ike_in *in,
		const struct sk_key *key, struct opened *o);
void opened_free(struct opened *o);
/* Drop the incomplete messages of @sa. */
void frags_drop(struct ike_sa *sa);
/*
 * Return true if @in is a fragment that does not trigger a retransmission: any
 * but the first (RFC 7383 section 2.6.1).
 */
bool frags_is_later(const struct ike_in *in);

/*
 * Encrypt @inner as one datagram, or as fragments if it is larger than the
 * peer's and our limits allow, into @d. Returns 0 or -errno.
 */
int frags_seal(struct ike_sa *sa, const struct ike_hdr *h, uint8_t first,
	       const struct wbuf *inner, struct dgrams *d);

#endif
