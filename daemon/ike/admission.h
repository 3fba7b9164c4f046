/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Half-open IKE SAs at a responder: the one place that decides who goes next
 * when there are more handshakes than a key server can make. Private to
 * daemon/ike.
 */
#ifndef IKE_ADMISSION_H
#define IKE_ADMISSION_H

#include "ike/sa.h"

struct ike_resume;

/* Half-open SAs of one address, unless configured. */
#define HALF_OPEN_ADDR 512

/* By which right a handshake begins; a stronger one has a higher number. */
enum guest {
	GUEST_STRANGER,
	GUEST_KNOWN, /* somebody has authenticated from that address and port */
	GUEST_TICKET, /* by a ticket of ours, which may be used */
};

/* Return 0 or -ENOMEM. */
int admission_init(struct ike_engine *engine, uint64_t seed);
void admission_free(struct ike_engine *engine);

/*
 * Return by which right a handshake from there may begin, with a ticket of ours
 * unless @ticket, that which is in it, is NULL. Nothing is charged.
 */
enum guest admission_guest(const struct ike_engine *engine,
			   const struct ep *from,
			   const struct ike_resume *ticket);
/*
 * Return false, and count it, if the share of such a guest is used up, or if too
 * many handshakes from that address and port have failed.
 */
bool admission_left(struct ike_engine *engine, const struct ep *from,
		    enum guest guest);
/* A handshake begins. */
void admission_charge(struct ike_engine *engine, const struct ep *from,
		      enum guest guest, const struct ike_resume *ticket);
/* A handshake was successful. */
void admission_give_back(struct ike_engine *engine, const struct ep *from,
			 enum guest guest);

/*
 * A key exchange was computed, or begun, for a bad value of the peer. That is charged
 * to all together, and to the share of the peer only if it has returned a cookie: else
 * forged requests would use up the share of others.
 */
void admission_bad_ke(struct ike_engine *engine, const struct ep *from,
		      enum guest guest, bool returned);
/* Return false if there are so many of these that a cookie comes first. */
bool admission_bad_ke_left(const struct ike_engine *engine);

/* Half-open SAs that compete with a new one of some peer. */
struct half_open_look {
	/* Replaced by a new one; NULL: there is room. */
	struct ike_sa *weakest;
	bool near; /* the limit of its address or network is hit */
	/* Half-open SAs of what both are compared by; 0: by nothing. */
	unsigned int own, others;
};

/* Fill @look, which is valid until the next SA is added or removed. */
void half_open_look(struct ike_engine *engine, const struct addr *peer,
		    struct half_open_look *look);
/* Return true if there is room, or if the weakest one gives way to such a guest. */
bool half_open_room(const struct half_open_look *look, enum guest guest);
/*
 * Called before the state changes to INIT_DONE; charges the handshake. Returns 0
 * or -ENOMEM.
 */
int half_open_enter(struct ike_sa *sa, enum guest guest);
/* Called by ike_sa_state(). */
void half_open_leave(struct ike_sa *sa);

/* Like admission_left() for the address and port alone, of a half-open SA. */
bool handshake_here_left(struct ike_sa *sa);
/* The peer of a half-open SA failed to authenticate. */
void handshake_failed(struct ike_sa *sa);
/* The peer of a half-open SA has authenticated. */
void handshake_done(struct ike_sa *sa);

#endif
