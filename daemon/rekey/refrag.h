/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reassembly of one GSA_REKEY from its fragments (RFC 7383 section 2.6). The
 * copies of a message are bit-identical, and so are their fragments: one that
 * is lost from the first copy is taken from the second.
 *
 * A fragment that decrypts only proves that its sender has the Rekey SA's key,
 * which every member has. Only the signature over the whole message
 * authenticates it. Of two fragments with one number the first is kept; if the
 * signature over the whole is wrong, all are dropped, and copies may complete
 * it.
 */
#ifndef REKEY_REFRAG_H
#define REKEY_REFRAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/message.h"

#define REFRAG_MAX 64

/* All zero is empty. Holds decrypted octets, freed by refrag_drop(). */
struct refrag {
	uint32_t mid;
	uint16_t total; /* 0: empty */
	uint16_t n;
	/* The first payload, and RESERVED of the first fragment's header. */
	uint8_t first;
	uint8_t reserved;
	size_t octets;
	struct {
		uint8_t *p;
		uint16_t len;
	} piece[REFRAG_MAX];
};

void refrag_drop(struct refrag *r);
/*
 * Add the decrypted fragment @frag of message @mid, which is as skf_open() returns
 * it: its number is 1 to total; @p has @len octets. A
 * later message, or the same one with another number of fragments, replaces the
 * kept ones; an earlier one is ignored. Returns 0: complete; -EAGAIN: some are
 * missing; -E2BIG: more fragments than REFRAG_MAX, which are ignored, or more
 * octets than a message has, so that one that is kept is forged and all are
 * dropped; -ENOMEM.
 */
int refrag_add(struct refrag *r, uint32_t mid, const struct skf *frag,
	       uint8_t first, const uint8_t *p, size_t len);
/* Copy the complete message to @to, which has room for r->octets octets. */
void refrag_copy(const struct refrag *r, uint8_t *to);

#endif
