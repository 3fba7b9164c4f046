/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What IP says about a group's datagrams by itself, in unicast and in the
 * clear: errors quote them, and answers to echo requests repeat them.
 */
#ifndef _MCSEC_ICMP_H
#define _MCSEC_ICMP_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

#include "group.h"
#include "header.h"

struct mcsec_pkt;

/*
 * An ICMP message to a unicast address, at POST_ROUTING. Returns NF_DROP if it
 * is an error that quotes the clear text of a group which is protected where
 * the message would leave, whoever made it: of a host's groups anywhere.
 */
unsigned int mcsec_quotes(struct mcsec_pkt *pkt);

/*
 * A verified datagram of the family @pf at LOCAL_IN. Returns NF_DROP if IP would
 * answer it with what it says.
 */
unsigned int mcsec_asks_slow(struct mcsec_net *mnet, const struct sk_buff *skb,
			     u8 pf);

static inline unsigned int mcsec_asks(struct mcsec_net *mnet,
				      const struct sk_buff *skb, u8 pf)
{
	return likely(mcsec_header_next(skb, pf) == IPPROTO_UDP)
		       ? NF_ACCEPT
		       : mcsec_asks_slow(mnet, skb, pf);
}

#endif /* _MCSEC_ICMP_H */
