/* SPDX-License-Identifier: GPL-2.0-only */
/* One datagram, in the clear before and ESP after. */
#ifndef _MCSEC_ENCRYPT_H
#define _MCSEC_ENCRYPT_H

struct mcsec_pkt;

/*
 * Protect @pkt, which is whole and of pkt->group, in the hook of pkt->state. The
 * caller has set what stands before @sa in struct mcsec_pkt, and hlen, nhoff and
 * next; the first hlen octets are linear. Inside of rcu_read_lock(), any context
 * but hard interrupts. Returns the verdict.
 */
unsigned int mcsec_encrypt(struct mcsec_pkt *pkt);

#endif /* _MCSEC_ENCRYPT_H */
