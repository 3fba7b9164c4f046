/* SPDX-License-Identifier: GPL-2.0-only */
/* Decapsulation of one ESP datagram. */
#ifndef _MCSEC_DECRYPT_H
#define _MCSEC_DECRYPT_H

#include <linux/types.h>

struct mcsec_pkt;
struct mcsec_sa;

/*
 * Verify and decrypt @pkt in the hook of pkt->state. The caller has set skb,
 * state, hook, mnet, sa, hlen and nhoff, and holds rcu_read_lock(). Any context
 * but hard interrupts. Returns the verdict of the hook: the caller frees the skb after
 * NF_DROP, and no longer owns it after NF_STOLEN.
 */
unsigned int mcsec_decrypt(struct mcsec_pkt *pkt);

/*
 * The same for a datagram that came by an edge, with pkt->by_edge, pkt->from,
 * pkt->below, and the headers of UDP and IP outside in front of ESP. BH are
 * disabled. Returns 0, -EINPROGRESS if the datagram was taken, or another -errno:
 * it was counted, and the caller frees it.
 */
int mcsec_decrypt_edge(struct mcsec_pkt *pkt);

/*
 * Return true if the ESP datagram @pkt, which is not changed, has a tag by the key of
 * @sa, or if nobody can tell now: without memory, or with an asynchronous cipher. The
 * caller holds rcu_read_lock().
 */
bool mcsec_decrypt_verifies(const struct mcsec_pkt *pkt, struct mcsec_sa *sa);

#endif /* _MCSEC_DECRYPT_H */
