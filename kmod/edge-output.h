/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copies of ESP that leave by the edges of a group. The ciphertext is sent as it
 * is, so a datagram is encrypted once, however many edges there are.
 *
 * The caller holds rcu_read_lock() and has disabled BH.
 */
#ifndef _MCSEC_EDGE_OUTPUT_H
#define _MCSEC_EDGE_OUTPUT_H

#include "edge.h"
#include "pkt.h"

/*
 * Return false, and count the datagram, if this task is inside of
 * mcsec_edge_send() or mcsec_edge_relay(): the datagram is then what a copy
 * became in a tunnel, and goes by no edge. Ask before encryption, because an
 * asynchronous cipher may finish when the task has left that function.
 */
bool mcsec_edge_may_send(struct mcsec_group *group);

/*
 * Send a datagram of this host, which @skb has as ESP behind @hlen octets of
 * tunnel header, by all edges of the group.
 */
void mcsec_edge_send(struct mcsec_group *group, const struct sk_buff *skb,
		     unsigned int hlen);

/*
 * Copy the ESP of a datagram that has arrived, before it is decrypted in place,
 * to pkt->kept. Without another edge that it would go on to there is no copy.
 */
void mcsec_edge_keep(struct mcsec_pkt *pkt);

/*
 * Send pkt->kept, which has verified and is new, by all edges but the one that
 * it came by. pkt->skb is decrypted, and has its headers.
 */
void mcsec_edge_relay(struct mcsec_pkt *pkt);

/*
 * Return the size of the largest inner datagram that no edge has to send in
 * fragments, or IP_MAX_MTU without edges. Looks up the route of each.
 */
unsigned int mcsec_edge_room(const struct mcsec_group *group);

#endif /* _MCSEC_EDGE_OUTPUT_H */
