/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The outer header of tunnel mode, which has the addresses of the inner one
 * (RFC 5374 3.1), so multicast routing, RPF checks and IGMP work on the outer
 * header as on the inner. Hop limit and ECN are copied both ways.
 */
#ifndef _MCSEC_TUNNEL_H
#define _MCSEC_TUNNEL_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <net/net_namespace.h>

struct mcsec_tunnel_hdr {
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	};
};

static inline unsigned int mcsec_tunnel_len(const struct sk_buff *skb)
{
	return ip_hdr(skb)->version == 4 ? sizeof(struct iphdr)
					 : sizeof(struct ipv6hdr);
}

/*
 * Build the outer header of @skb, which has mcsec_tunnel_len() octets, and set
 * *@nhoff to the offset of its protocol. Returns the protocol number of @skb
 * inside.
 */
u8 mcsec_tunnel_build(struct mcsec_tunnel_hdr *outer, const struct sk_buff *skb,
		      unsigned int *nhoff);

/*
 * Push the outer header of @len octets onto @skb, which has headroom for it, with DF if
 * @df is set. The caller sets length and protocol by mcsec_header_become(), which updates
 * the checksum.
 */
void mcsec_tunnel_push(struct sk_buff *skb,
		       const struct mcsec_tunnel_hdr *outer, struct net *net,
		       unsigned int len, bool df);

/*
 * Make the inner header, at skb->data, the header of the datagram, with the lower
 * hop limit and the mark of congestion of @outer. @skb may be written to. Returns
 * false if it is malformed, is not IPv6 although @ip6 is set, or has other
 * addresses than @outer. The result may be a fragment.
 */
bool mcsec_tunnel_pull(struct sk_buff *skb,
		       const struct mcsec_tunnel_hdr *outer, bool ip6);

/*
 * Reassemble an inner fragment (RFC 4301 7), whose sender fragmented before
 * ESP. Only fragments of the same @user are combined. Returns 0 if @skb is a
 * whole datagram, possibly reassembled now, or -EINPROGRESS if it was taken,
 * because it waits or does not fit. After another -errno the caller still owns
 * @skb, which is useless. IP's limits of memory and time apply. The caller has
 * disabled BH.
 */
int mcsec_tunnel_gather(struct sk_buff *skb, struct net *net, u32 user);

#endif /* _MCSEC_TUNNEL_H */
