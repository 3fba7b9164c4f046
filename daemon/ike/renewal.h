/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two IKE SAs of a renewal, for create_child.c and followup.c. Private to
 * daemon/ike.
 */
#ifndef IKE_RENEWAL_H
#define IKE_RENEWAL_H

#include "ike/exchange.h"

/* Delay before another try after TEMPORARY_FAILURE, and its random part. */
#define RENEWAL_RETRY_MS 10000
#define RETRY_SPREAD_MS 5000

/*
 * Make the IKE SA that a renewal creates, with the SPIs in @spi_i and @spi_r: a
 * shadow of @sa, in no table. Returns 0 or -ENOMEM.
 */
int renewal_make(struct ike_sa *sa, bool initiator,
		 const struct ike_suite *suite, const uint8_t *spi_i,
		 const uint8_t *spi_r, struct ike_sa **out);
/* Return the additional key exchange @n of a renewal by @s, from 0, or 0. */
uint16_t renewal_addke(const struct ike_sa *s, unsigned int n);
/* Derive the keys of @s, whose nonces are known. Returns 0 or -errno. */
int renewal_derive(const struct ike_sa *sa, struct ike_sa *s,
		   const struct ike_secrets *secrets);
/* Add a shadow to the table, where it ends by itself. */
void renewal_enter(struct ike_sa *s);
/*
 * Let @sa, which the group layer knows, be the IKE SA that @s is, and @s the
 * replaced one.
 */
void renewal_take_over(struct ike_sa *sa, struct ike_sa *s);
/*
 * Let the candidate of @sa replace it, since our own renewal will not. Returns
 * false if there is none.
 */
bool renewal_adopt(struct ike_sa *sa);
/*
 * Our renewal has created @s, which has keys. If the peer began another one that
 * stays, @s ends.
 */
void renewal_created(struct ike_sa *sa, struct ike_sa *s);
/*
 * Our renewal was refused with @type, or by a malformed answer (0): try again
 * later, or let the IKE SA end at the end of its lifetime.
 */
void renewal_failed(struct ike_sa *sa, uint16_t type);
/* Refuse a request of a renewal. */
void renewal_refuse(struct ike_sa *sa, uint8_t xchg, uint16_t type);
/* Refuse one that is malformed, and end the IKE SA. */
void renewal_malformed(struct ike_sa *sa, uint8_t xchg, const char *why);
/* Return true if another exchange of ours is open (RFC 7296 section 2.25.2). */
bool renewal_in_way(const struct ike_sa *sa);

/* ---- followup.c --------------------------------------------------------- */

/*
 * The additional key exchanges of our renewal follow, linked by @link of the
 * answer. @s is taken over. Returns 0 or -errno; then it is freed.
 */
int followup_begin(struct ike_sa *sa, struct ike_sa *s,
		   const struct ike_secrets *secrets,
		   const struct notify_pld *link);
/*
 * The additional key exchanges of the peer's renewal will follow, for a time;
 * *@link, of FOLLOW_LINK octets, links them. @s is taken over. Returns 0 or
 * -errno; then it is freed.
 */
#define FOLLOW_LINK 16
int followup_expect(struct ike_sa *sa, struct ike_sa *s,
		    const struct ike_secrets *secrets, const uint8_t **link);

#endif
