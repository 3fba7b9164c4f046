/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ICMP that the stack sends by itself, as unicast and in the clear: errors
 * quote the datagrams of a group, and echo replies repeat them.
 */
#ifndef _MCSEC_ICMP_H
#define _MCSEC_ICMP_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

#include "group.h"
#include "header.h"

struct mcsec_pkt;

/*
 * Check an ICMP message to a unicast address at POST_ROUTING, or at LOCAL_OUT if
 * its route encapsulates. The caller has set skb, state, hook and mnet. Returns NF_DROP
 * for an error that quotes the clear text of a group
 *   (a) that is protected on the device by which the message leaves, or
 *   (b) whatever that device is, if the group is a host's or has edges, or if the route
 *       encapsulates.
 * A Packet Too Big to what may be the inside of a gateway whose group has edges is
 * shortened, so that it quotes no payload, and accepted.
 */
unsigned int mcsec_icmp_check_quote(struct mcsec_pkt *pkt);

/*
 * Check a verified datagram of the family @pf at LOCAL_IN. Returns NF_DROP if
 * the stack would answer with its payload.
 */
unsigned int mcsec_icmp_check_request_slow(struct mcsec_net *mnet,
					   const struct sk_buff *skb, u8 pf);

static inline unsigned int mcsec_icmp_check_request(struct mcsec_net *mnet,
						    const struct sk_buff *skb,
						    u8 pf)
{
	return likely(mcsec_header_next(skb, pf) == IPPROTO_UDP)
		       ? NF_ACCEPT
		       : mcsec_icmp_check_request_slow(mnet, skb, pf);
}

#endif /* _MCSEC_ICMP_H */
