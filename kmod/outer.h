/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The outer header of tunnel mode, with the addresses of the inner one (RFC
 * 5374 3.1): so multicast routing, RPF checks and IGMP work on the outer as on
 * the inner. Hop limits and what routers mark travel in it both ways.
 */
#ifndef _MCSEC_OUTER_H
#define _MCSEC_OUTER_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

struct mcsec_outer {
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	};
};

static inline unsigned int mcsec_outer_len(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4 ? sizeof(struct iphdr) :
					   sizeof(struct ipv6hdr);
}

/*
 * The outer header of @skb, with its length and the offset of the octet that
 * names what follows. Returns the protocol number of @skb inside.
 */
u8 mcsec_outer_of(struct mcsec_outer *outer, const struct sk_buff *skb,
		  unsigned int *len, unsigned int *nhoff);

/*
 * Put it in front of @skb, for which there is room. @whole: set DF. Lengths and
 * checksum are left to the caller.
 */
void mcsec_outer_push(struct sk_buff *skb, const struct mcsec_outer *outer,
		      struct net *net, unsigned int len, bool whole);

/*
 * What came out of the tunnel, with skb->data at its header, becomes the
 * datagram if it is whole and of the addresses of @outer. Returns false if it
 * is not.
 */
bool mcsec_outer_remove(struct sk_buff *skb, const struct mcsec_outer *outer);

#endif /* _MCSEC_OUTER_H */
