/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers of octets, and datagrams with the path that they take. */
#ifndef IKE_DGRAM_H
#define IKE_DGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/*
 * Path of one message, seen from here. An answer takes the path on which its
 * request arrived (RFC 7296 section 2.11), and a request goes to the current
 * address of the peer, so one IKE SA may use two paths.
 */
struct ike_path {
	struct ep local;
	struct ep peer;
};

/* Octets with their length; owned. */
struct blob {
	uint8_t *p;
	size_t len;
};

/*
 * Copy @p and wipe the former contents of @b. Returns 0, or -ENOMEM with @b
 * unchanged.
 */
int blob_set(struct blob *b, const void *p, size_t len);
void blob_free(struct blob *b); /* wipes */
bool blob_is(const struct blob *b, const void *p, size_t len);

/*
 * An IKE message as sent: one datagram, or one for each IKE fragment (RFC
 * 7383), in the order of sending. All of them have one Message ID and are
 * retransmitted together.
 */
#define DGRAMS_MAX 64

struct dgrams {
	unsigned int n;
	struct blob *v; /* owned */
};

/*
 * Append a copy of @p. Returns 0, -ENOMEM, or -E2BIG at the limit; after an
 * error @d is unchanged.
 */
int dgrams_add(struct dgrams *d, const void *p, size_t len);
/*
 * Replace all datagrams by a copy of @p. Returns 0, or -ENOMEM with @d
 * unchanged.
 */
int dgrams_set(struct dgrams *d, const void *p, size_t len);
void dgrams_free(struct dgrams *d); /* wipes */
/* Move the datagrams of @from to @to, whose former ones are wiped. */
void dgrams_move(struct dgrams *to, struct dgrams *from);
/* Return true if one datagram has exactly these octets. */
bool dgrams_has(const struct dgrams *d, const void *p, size_t len);

#endif
