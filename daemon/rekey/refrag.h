/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fragments of one GSA_REKEY (RFC 7383 2.6), put together. The copies of a
 * message are bit-identical, and so are their fragments: one that is lost from
 * the first copy is taken from the second.
 *
 * A fragment that opens proves no more than that somebody has the Rekey SA's
 * key, which every member has. Only the signature over the whole proves where
 * it is from. Of two fragments of one number the first is kept; if the whole
 * turns out not to be signed, all are thrown away, and copies may come.
 */
#ifndef IKE_REFRAG_H
#define IKE_REFRAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/message.h"

#define REFRAG_MAX 64

/* Zero is empty. Holds octets of messages: refrag_drop(). */
struct refrag {
	uint32_t mid;
	uint16_t total; /* 0: nothing is there */
	uint16_t n;
	uint8_t first;
	size_t octets;
	struct {
		uint8_t *p;
		uint16_t len;
	} piece[REFRAG_MAX];
};

void refrag_drop(struct refrag *r);
/*
 * Adds what opened as @frag of message @mid. A later message, or the same in
 * another number of fragments, takes the place of what was there; an earlier
 * one is left alone. -EAGAIN: some are missing; 0: all are there; -E2BIG,
 * -ENOMEM.
 */
int refrag_add(struct refrag *r, uint32_t mid, const struct skf *frag,
	       uint8_t first, const uint8_t *p, size_t len);
/* Copies the whole to @to, of r->octets octets. */
void refrag_copy(const struct refrag *r, uint8_t *to);

#endif
