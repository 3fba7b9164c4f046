/* SPDX-License-Identifier: Apache-2.0 */
/* Octets that are kept, and datagrams with the way that they go */
#ifndef IKE_DGRAM_H
#define IKE_DGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

/*
 * The way of one message, seen from here. Each message has its own: an answer
 * goes back the way that its request came (RFC 7296 2.11), and a request goes
 * where the peer is, which may be two ways of one IKE SA.
 */
struct ike_path {
	struct ep local;
	struct ep peer;
};

/* Octets kept, with their length; owned */
struct blob {
	uint8_t *p;
	size_t len;
};

/* 0 or -ENOMEM; what was in @b is wiped then */
int blob_set(struct blob *b, const void *p, size_t len);
void blob_free(struct blob *b); /* wipes */
bool blob_is(const struct blob *b, const void *p, size_t len);

/*
 * One message as it goes over the network: one datagram, or one for each IKE
 * fragment (RFC 7383), in the order in which they are sent. All of them have one
 * Message ID and are sent again together.
 */
#define DGRAMS_MAX 64

struct dgrams {
	unsigned int n;
	struct blob *v; /* owned */
};

/* 0, -ENOMEM, or -E2BIG at the cap; @d is as it was then */
int dgrams_add(struct dgrams *d, const void *p, size_t len);
/* One datagram in place of what was there. 0 or -ENOMEM, unchanged then. */
int dgrams_set(struct dgrams *d, const void *p, size_t len);
void dgrams_free(struct dgrams *d); /* wipes */
/* What is in @from belongs to @to now, and what was there is gone. */
void dgrams_move(struct dgrams *to, struct dgrams *from);
/* One of them has exactly these octets. */
bool dgrams_has(const struct dgrams *d, const void *p, size_t len);

#endif
