/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorder of published vectors (Documentation/vectors): it sees all messages
 * of a test and all random octets that were drawn in it, and derives every key
 * from these alone. The result is a JSON document.
 *
 * Random octets are the same in each run. Draws of different sizes come from
 * different streams, so that one more draw in the daemon alters few vectors.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "crypto/pki.h"
#include "lib/addr.h"

struct vectors;

/*
 * Begin a document and take over all random generators of this process, until
 * vectors_end(). There is one at a time. @name is that of its file without
 * ending; @about is one sentence.
 */
struct vectors *vectors_begin(const char *name, const char *about);
/*
 * Take over the generators again, after somebody else has set his own
 * (sim_init()).
 */
void vectors_draw(struct vectors *v);
/* Unicast messages from now on serve to learn keys, and are not recorded. */
void vectors_multicast_only(struct vectors *v);
/* Record a certificate with its private key. @at may be NULL. */
void vectors_identity(struct vectors *v, const char *name,
		      const struct pki_pair *pair, const struct ep *at);
void vectors_psk(struct vectors *v, const char *initiator,
		 const char *responder, const void *key, size_t len);
/* Record a PPK (RFC 8784), which must live as long as @v. */
struct ppk;
void vectors_ppk(struct vectors *v, const char *initiator,
		 const char *responder, const struct ppk *ppk);
/* Record the signing key of a group. */
void vectors_signing_key(struct vectors *v, const struct sigkey *key);
/* The messages that follow are those of @what, one sentence. */
void vectors_step(struct vectors *v, const char *what);
/*
 * A message was sent at @ms. A repeated one is counted and not recorded again.
 * Aborts if the message cannot be read with the keys of the messages before.
 */
void vectors_message(struct vectors *v, uint64_t ms, const struct ep *from,
		     const struct ep *to, const uint8_t *p, size_t len);
/* Return whether the octets are the KEYMAT of an SA that was recorded. */
bool vectors_has_keymat(const struct vectors *v, const uint8_t *p, size_t len);
/* Return the largest number of fragments of a recorded message; 0: none. */
unsigned int vectors_fragments(const struct vectors *v);
/* Return the document as text, which the caller frees; ends @v. */
char *vectors_end(struct vectors *v);

#endif
