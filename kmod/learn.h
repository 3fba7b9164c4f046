/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors of routers, from which a host learns the MTU of the path. */
#ifndef _MCSEC_LEARN_H
#define _MCSEC_LEARN_H

struct mcsec_pkt;

/*
 * Take a Packet Too Big about ESP of an SA that sends: the route to the group
 * gets the smaller MTU, as esp6 does for xfrm. The packet is a unicast one at
 * LOCAL_IN, or at FORWARD for the gateway of its receiver; other packets change
 * nothing. IPv4 has no such error about multicast (RFC 1122 3.2.2). The caller has set
 * skb, state and mnet, and holds rcu_read_lock().
 */
void mcsec_learn_pmtu(struct mcsec_pkt *pkt);

#endif /* _MCSEC_LEARN_H */
