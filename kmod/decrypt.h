/* SPDX-License-Identifier: GPL-2.0-only */
/* One datagram, ESP before and in the clear after. */
#ifndef _MCSEC_DECRYPT_H
#define _MCSEC_DECRYPT_H

struct mcsec_pkt;

/*
 * Verify and decipher @pkt in the hook of pkt->state. The caller has set skb, state,
 * hook, mnet, sa, hlen and nhoff. Inside of rcu_read_lock(), any context but hard
 * interrupts. Returns the verdict.
 */
unsigned int mcsec_decrypt(struct mcsec_pkt *pkt);

#endif /* _MCSEC_DECRYPT_H */
