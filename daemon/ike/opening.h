/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part that both exchanges have in common that open an IKE SA, IKE_SA_INIT and
 * IKE_SESSION_RESUME: mainly the responder's, which is retransmissions, cookies, limits,
 * and the half-open IKE SA. Private to daemon/ike.
 */
#ifndef IKE_OPENING_H
#define IKE_OPENING_H

#include "ike/admission.h"
#include "ike/sa.h"

/* A request that may open an IKE SA; nothing is owned. */
struct opening {
	struct ike_engine *engine;
	const struct ike_in *in;
	uint8_t hash[HASH_SHA256_LEN]; /* hash of the request */
	unsigned int of_peer; /* IKE SAs of its address */
	struct half_open_look half_open;
	bool returned; /* a cookie, which was asked for: it is at its address */
	enum guest guest;
};

/* Return false if the request is a retransmission, which was answered again. */
bool opening_begin(struct opening *o, struct ike_engine *engine,
		   const struct ike_in *in);
/*
 * Check the cookie, before anything else is; @in is sorted, and has a nonce.
 * Returns false if the request was answered with N(COOKIE), or dropped.
 */
bool opening_proven(struct opening *o);
/*
 * Check the limits, before anything is computed, for who has proven to be there,
 * and has a valid ticket unless @ticket is NULL. Returns false if the request was
 * dropped.
 */
bool opening_admitted(struct opening *o, const struct ike_resume *ticket);
/*
 * Prepare @sa: SPIs, the peer's nonce, the request for AUTH, fragments and NAT.
 * Returns 0 or -errno.
 */
int opening_prepare(const struct opening *o, struct ike_sa *sa);
/*
 * Make the half-open IKE SA known, and send sa->hs->init_res. Takes over @sa, which
 * has keys and no other state.
 */
void opening_enter(const struct opening *o, struct ike_sa *sa);

/*
 * Initiator: sort the answer to the first request into in->m. Returns false if it is
 * malformed or not due, and was counted: it is not authenticated, so that it is ignored,
 * since the genuine answer may still arrive.
 */
bool opening_sort_answer(const struct ike_sa *sa, struct ike_in *in);
/* Both sides: make a nonce. Returns 0 or -errno. */
int opening_nonce(struct blob *b);
/* RFC 7383 section 2.3: fragments are used if both sides have the notify. */
bool opening_fragments(const struct ike_engine *engine,
		       const struct ike_msg *m);

#endif
