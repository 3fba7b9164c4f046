/* SPDX-License-Identifier: GPL-2.0-only */
/* Encapsulation of one datagram in ESP. */
#ifndef _MCSEC_ENCRYPT_H
#define _MCSEC_ENCRYPT_H

struct mcsec_pkt;

/*
 * Protect @pkt, which is a whole datagram of pkt->group, in the hook of
 * pkt->state. The caller has set skb, state, hook, mnet, group, hlen, nhoff and
 * next, and the first hlen octets are linear. The caller holds rcu_read_lock().
 * Any context but hard interrupts. Returns the verdict of the hook.
 */
unsigned int mcsec_encrypt(struct mcsec_pkt *pkt);

#endif /* _MCSEC_ENCRYPT_H */
